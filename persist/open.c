/*
 * Opening and closing a machine: lock, recognise, connect, restore, replay.
 */
#include "store_i.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define READER_WAIT_MS 2000 /* for a burst of the mount to end */
#define WRITER_WAIT_MS 100

struct store *store_new(const char *path, const struct store_options *o)
{
	struct store *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	store_lock_init(s);
	pthread_cond_init(&s->back.wake, NULL);
	pthread_cond_init(&s->changed, NULL);
	group_init(&s->group);
	s->lock_fd = -1;
	s->read_only = o->read_only;
	s->power = o->power;
	s->no_snapshot_at_close = o->no_snapshot_at_close;
	s->notice = o->notice;
	s->notice_ctx = o->notice_ctx;
	s->progress = o->progress;
	s->snapshot_seq = NO_SNAPSHOT;
	s->path = strdup(path);
	s->cctx = ZSTD_createCCtx();
	s->dctx = ZSTD_createDCtx();
	if (s->path && s->cctx && s->dctx)
		return s;
	store_free(s);
	return NULL;
}

void store_finalize(struct store *s)
{
	sqlite3_stmt **const all[] = {&s->insert_row, &s->replace_row,
		&s->delete_row, &s->insert_result, &s->find_result,
		&s->select_row, &s->rollback};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		sqlite3_finalize(*all[i]);
		*all[i] = NULL;
	}
}

void store_release(struct store *s)
{
	store_finalize(s);
	sqlite3_close(s->db);
	if (s->counted)
		holder_add_reader(s, -1);
	holder_unlock(s);
	track_free(s->track);
	saver_free(&s->saver);
	if (s->vm)
		vm_destroy(s->vm);
	ZSTD_freeCCtx(s->cctx);
	ZSTD_freeDCtx(s->dctx);
	bytes_free(&s->packed);
	bytes_free(&s->reply);
	bytes_free(&s->results.text);
	free(s->results.v);
	bytes_free(&s->cursor.text);
	bytes_free(&s->cursor.reply);
	bytes_free(&s->cursor.line);
	free(s->timelines);
	course_free(&s->course);
	group_free(&s->group);
	pthread_mutex_destroy(&s->lock);
	free(s->path);
}

void store_free(struct store *s)
{
	background_stop(s);
	store_release(s);
	free(s);
}

/* ---- connecting --------------------------------------------------------- */

static int open_db(struct store *s, const char *name, int flags)
{
	sqlite3_close(s->db);
	s->db = NULL;
	/* one mutex above is enough */
	flags |= SQLITE_OPEN_NOMUTEX;
	if (sqlite3_open_v2(name, &s->db, flags, wal_vfs()) != SQLITE_OK)
		return s->db ? store_sql_fail(s, "open the machine")
			     : store_fail(s, ENOMEM, "out of memory");
	sqlite3_extended_result_codes(s->db, 1);
	sqlite3_busy_timeout(
		s->db, s->read_only ? READER_WAIT_MS : WRITER_WAIT_MS);
	return store_sql(s,
		"PRAGMA temp_store=MEMORY; PRAGMA cache_size=-8192;"
		"PRAGMA journal_size_limit=67108864",
		"open the machine");
}

static int probe(struct store *s)
{
	return store_sql(s, "SELECT count(*) FROM machine", "read the tables");
}

/* A database in WAL mode where nothing can be written: with all content in
 * the file itself, SQLite may treat it as unchanging. */
static int open_immutable(struct store *s)
{
	static const char hex[] = "0123456789ABCDEF";
	struct bytes uri = {0};
	bool ok = bytes_add(&uri, "file:", 5);
	int rc;

	for (const char *p = s->path; *p && ok; p++) {
		unsigned char c = (unsigned char)*p;
		char escaped[3] = {'%', hex[c >> 4], hex[c & 15]};

		if (strchr("?#%", c))
			ok = bytes_add(&uri, escaped, 3);
		else
			ok = bytes_add(&uri, p, 1);
	}
	ok = ok && bytes_add(&uri, "?immutable=1", 13);
	if (ok)
		rc = open_db(
			s, uri.data, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
	else
		rc = store_fail(s, ENOMEM, "out of memory");
	bytes_free(&uri);
	return rc ? rc : probe(s);
}

static int connect_read_only(struct store *s)
{
	char wal[4096];
	struct stat st;
	int rc = open_db(s, s->path, SQLITE_OPEN_READONLY), code;

	if (!rc)
		rc = probe(s);
	if (!rc)
		return 0;
	code = sqlite3_errcode(s->db);
	snprintf(wal, sizeof(wal), "%s-wal", s->path);
	if ((code == SQLITE_CANTOPEN || code == SQLITE_READONLY) &&
		(stat(wal, &st) || !st.st_size))
		return open_immutable(s);
	return rc;
}

static int enter_wal(struct store *s)
{
	sqlite3_stmt *st;
	int rc = store_prepare(s, "PRAGMA journal_mode=WAL", &st);
	const char *mode = NULL;

	if (rc)
		return rc;
	if (sqlite3_step(st) == SQLITE_ROW)
		mode = (const char *)sqlite3_column_text(st, 0);
	if (!mode)
		rc = store_sql_fail(s, "begin a journal");
	else if (strcmp(mode, "wal"))
		rc = store_fail(s, EIO,
			"%s: its file system does not support SQLite's WAL",
			s->path);
	sqlite3_finalize(st);
	sqlite3_wal_hook(s->db, burst_wal_hook, s);
	/* This syncs when the WAL is copied, so that a power loss takes a
	 * suffix of the journal at most.  For more see group.c. */
	if (!rc)
		rc = store_sql(
			s, "PRAGMA synchronous=NORMAL", "begin a journal");
	return rc;
}

int store_prepare_all(struct store *s)
{
	const struct {
		sqlite3_stmt **st;
		const char *sql;
	} all[] = {
		{&s->insert_row, "INSERT INTO journal VALUES "
				 "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
		{&s->replace_row, "REPLACE INTO journal VALUES "
				  "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
		{&s->delete_row, "DELETE FROM journal WHERE seq = ?"},
		{&s->insert_result, "INSERT OR REPLACE INTO result VALUES "
				    "(?, ?, ?, ?, ?)"},
		{&s->find_result,
			"SELECT " RESULT_COLUMNS " FROM result r WHERE "
			"seq <= ? ORDER BY seq DESC LIMIT 1"},
		{&s->rollback, "ROLLBACK"},
		{&s->select_row,
			"SELECT " ROW_COLUMNS " FROM journal j WHERE seq = ?"},
	};
	int rc = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && !rc; i++)
		rc = store_prepare(s, all[i].sql, all[i].st);
	return rc;
}

static int identify_read_only(struct store *s)
{
	char who[96];
	bool is_new;
	int fd, rc;

	/* Closing a descriptor of a file that this process has open would
	 * drop SQLite's locks. */
	s->counted = holder_add_reader(s, 1);
	if (s->counted)
		return 0;
	fd = open(s->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		rc = errno;
		snprintf(who, sizeof(who), "%s", strerror(rc));
		return store_fail(s, rc, "cannot open %s: %s", s->path, who);
	}
	rc = schema_identify(s, fd, &is_new);
	close(fd);
	if (!rc && is_new)
		rc = store_fail(s, EINVAL, "%s is empty", s->path);
	return rc;
}

/* SQLite has undone the creation of a machine that was cut short. */
static int is_undone(struct store *s, bool *is_new)
{
	uint64_t pages;
	int rc =
		store_number(s, "PRAGMA page_count", "read the tables", &pages);

	if (!rc)
		*is_new = !pages;
	return rc;
}

static int connect_writable(
	struct store *s, const struct store_options *o, bool is_new)
{
	int rc = open_db(s, s->path, SQLITE_OPEN_READWRITE);

	if (!rc && !is_new)
		rc = is_undone(s, &is_new);
	if (!rc && is_new)
		rc = schema_create(s, o);
	if (!rc)
		rc = enter_wal(s);
	return rc;
}

int store_connect(struct store *s, const struct store_options *o)
{
	bool created = false, is_new = false;
	int rc;

	if (s->read_only) {
		rc = identify_read_only(s);
		if (!rc)
			rc = connect_read_only(s);
	} else {
		rc = holder_lock(s, &created);
		if (!rc)
			rc = schema_identify(s, s->lock_fd, &is_new);
		if (!rc)
			rc = connect_writable(s, o, is_new);
	}
	if (!rc)
		rc = schema_load(s, o);
	if (!rc)
		rc = timelines_load(s);
	if (!rc)
		rc = course_to(s, UINT64_MAX, &s->course);
	if (!rc)
		rc = store_prepare_all(s);
	if (rc && created)
		unlink(s->path);
	return rc;
}

/* ---- a machine ---------------------------------------------------------- */

int store_build(struct store *s, uint64_t seq)
{
	int rc = restore_newest(s);

	if (!rc)
		rc = replay(s, NULL);
	if (!rc && seq != UINT64_MAX &&
		s->vm->root->seq != course_line(&s->course, seq))
		rc = store_fail(s, ENOENT, "there is no line %llu",
			(unsigned long long)seq);
	return rc;
}

int store_turn(struct store *s, const char *where, uint64_t *seq)
{
	struct course course;
	int rc = moment_find(s, where, seq);

	if (!rc)
		rc = course_to(s, *seq, &course);
	if (rc)
		return rc;
	course_free(&s->course);
	s->course = course;
	return 0;
}

/* Results and saved states come after their rows: where they know of later
 * lines than the journal, it has lost its end. */
static int check_end(struct store *s)
{
	uint64_t end = course_seq(&s->course, s->vm->root->seq), known = 0;
	uint64_t first = timeline_live(s)->first;
	sqlite3_stmt *st;
	bool lost = false;
	int rc = store_prepare(s,
		"SELECT max(ifnull((SELECT max(seq) FROM result), 0), "
		"ifnull((SELECT max(seq) FROM checkpoint), 0)), "
		"EXISTS (SELECT 1 FROM result) AND NOT EXISTS (SELECT 1 FROM "
		"journal WHERE seq = (SELECT max(seq) FROM result))",
		&st);

	if (rc)
		return rc;
	if (sqlite3_step(st) == SQLITE_ROW) {
		known = (uint64_t)sqlite3_column_int64(st, 0);
		lost = sqlite3_column_int(st, 1);
	} else {
		rc = store_sql_fail(s, "read the results");
	}
	sqlite3_finalize(st);
	if (end < first - 1)
		end = first - 1;
	if (rc || (known <= end && !lost))
		return rc;
	return store_fail(s, EUCLEAN,
		"%s is damaged: its journal ends before line %llu, which has "
		"run; pagefs --check tells more",
		s->path, (unsigned long long)known);
}

static int load_machine(struct store *s, const char *at)
{
	uint64_t seq = UINT64_MAX;
	int rc = 0;

	/* A reader sees one moment of a database that goes on changing. */
	if (s->read_only)
		rc = store_sql(s, "BEGIN", "read the database");
	if (!rc && !s->read_only)
		rc = collect_open(s);
	if (!rc && at)
		rc = store_turn(s, at, &seq);
	if (!rc)
		rc = store_build(s, seq);
	if (!rc && !at)
		rc = check_end(s);
	if (s->read_only)
		store_rollback(s);
	if (rc)
		return rc;
	/* From here on there may be the store's thread. */
	store_lock(s);
	s->shared = true;
	results_flush(s);
	if (!s->read_only) {
		rebuild_outdated(s);
		snapshot_if_due(s, false);
		collect_if_due(s); /* what a crash has left */
	}
	burst_leave(s);
	store_unlock(s);
	return s->power && !s->read_only ? store_sync(s) : 0;
}

int store_open(const char *path, const struct store_options *o,
	struct store **out, char *err)
{
	struct store *s = store_new(path, o);
	int rc;

	*out = NULL;
	if (!s) {
		snprintf(err, STORE_ERR_MAX, "out of memory");
		return -ENOMEM;
	}
	rc = store_connect(s, o);
	if (!rc)
		rc = load_machine(s, o->read_only ? o->at : NULL);
	if (rc) {
		snprintf(err, STORE_ERR_MAX, "%s", s->sentence);
		store_free(s);
		return rc;
	}
	s->progress = NULL; /* was that of opening */
	*out = s;
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	background_stop(s);
	s->shared = false;
	if (!s->read_only) {
		if (s->no_snapshot_at_close)
			results_flush(s);
		else if (snapshot_take(s))
			store_notice(s, "no snapshot: %s", s->sentence);
		store_rollback(s);
		store_settle(s);
		s->burst = BURST_SHARED;
		sqlite3_exec(
			s->db, "PRAGMA locking_mode=NORMAL", NULL, NULL, NULL);
	}
	store_free(s);
}

struct vm *store_vm(struct store *s)
{
	return s->vm;
}
