/*
 * pagefs --check: SQLite's own check, then the whole journal once more,
 * compared with every result and every checkpoint on the way; the machine at
 * the end of each timeline is checked as the file `check` of a mount does it.
 *
 * Timelines are replayed one by one, parents first: the first from boot, each
 * other one from the state at its fork, which begins at a checkpoint that was
 * found right before.
 */
#include "store_i.h"

#include <stdio.h>
#include <stdlib.h>

#include "../host/host.h"
#include "../vm/machine.h"

struct checking {
	struct store *s;
	struct store *at;	   /* the machine that replays */
	sqlite3_stmt *checkpoints; /* of the timeline, in order of seq */
	bool has_checkpoint;	   /* a current row of the above */
	bool found;		   /* a difference, told in notice */
	char command[128];	   /* of the row before */
	uint64_t seq;
	uint64_t nr_lines;
	unsigned nr_checkpoints;
	char frames[SENTENCE_MAX]; /* of the newest machine */
};

static int finding(struct checking *c)
{
	c->found = true;
	return 1;
}

static void remember(struct checking *c, const struct row *r)
{
	const char *line = "";
	size_t pos = 0, len = 0;

	next_line(r->event.text, r->event.text_len, &pos, &line, &len);
	if (len > sizeof(c->command) - 1)
		len = sizeof(c->command) - 1;
	memcpy(c->command, line, len);
	c->command[len] = 0;
	c->seq = r->seq;
}

/* ---- checkpoints -------------------------------------------------------- */

/* The first page in which two machines differ, as a sentence. */
static bool first_difference(
	struct vm *a, struct vm *b, char *where, size_t size)
{
	uint8_t buf[2][STATE_PAGE];
	struct vm_segment x, y;

	for (unsigned i = 0; i < vm_nr_segments(); i++) {
		vm_segment(a, i, &x);
		vm_segment(b, i, &y);
		if (x.used != y.used) {
			snprintf(where, size,
				"segment \"%s\" has %llu bytes, replay gives "
				"%llu",
				x.name, (unsigned long long)x.used,
				(unsigned long long)y.used);
			return true;
		}
		for (uint64_t p = 0; p << STATE_SHIFT < x.used; p++) {
			if (!memcmp(page_bytes(&x, p, buf[0]),
				    page_bytes(&y, p, buf[1]), STATE_PAGE))
				continue;
			snprintf(where, size,
				"segment \"%s\" differs in the page at 0x%llx",
				x.name, (unsigned long long)p << STATE_SHIFT);
			return true;
		}
	}
	return false;
}

/*
 * Loads the state that a checkpoint has saved and compares it with that of
 * the replay, which has `hash`.  0, or 1 with the difference.
 */
static int compare_state(struct checking *k, struct vm *replayed,
	struct saved *v, const char *hash, char *where, size_t size)
{
	struct track *t = NULL;
	struct vm *m;
	int rc;

	m = vm_blank(&k->s->config, &host_mmap, where);
	if (!m)
		return store_fail(k->s, ENOMEM, "%s", where);
	rc = state_load(k->s, v, m, &t);
	if (rc == -EUCLEAN) {
		snprintf(where, size, "%s", k->s->sentence);
		rc = 1;
		/* without its hash, to see what is in it */
		v->hash[0] = 0;
		if (!state_load(k->s, v, m, &t))
			first_difference(m, replayed, where, size);
	} else if (!rc && strcmp(v->hash, hash)) {
		snprintf(where, size, "the states differ");
		first_difference(m, replayed, where, size);
		rc = 1;
	}
	track_free(t);
	vm_destroy(m);
	return rc;
}

static int compare_rows(
	struct checking *k, struct vm *replayed, char *where, size_t size)
{
	struct description d = {.id = sqlite3_column_int64(k->checkpoints, 0)};
	int rc = 0;

	if (sqlite3_column_type(k->checkpoints, 10) != SQLITE_NULL) {
		rc = tables_describe(k->s, replayed, &d.rows);
		if (!rc)
			rc = tables_compare(k->s, &d, where, size);
		if (!rc &&
			tables_sum(&d.rows) != (uint64_t)sqlite3_column_int64(
						       k->checkpoints, 11)) {
			snprintf(where, size, "the sum of its rows is wrong");
			rc = 1;
		}
	}
	if (!rc && !moment_is_sound(k->checkpoints, 6)) {
		snprintf(where, size,
			"its line, time and log_off fail their "
			"checksum");
		rc = 1;
	}
	bytes_free(&d.rows);
	return rc;
}

/* What is in tables for people, and the moment itself. */
static int compare_described(struct checking *k, struct vm *replayed)
{
	char where[STORE_ERR_MAX];
	int rc = compare_rows(k, replayed, where, sizeof(where));

	if (rc <= 0)
		return rc;
	store_notice(k->s, "the checkpoint after line %llu (row %llu: %s): %s",
		(unsigned long long)sqlite3_column_int64(k->checkpoints, 1),
		(unsigned long long)k->seq, k->command, where);
	return finding(k);
}

/* The machine is where the checkpoint should be. */
static int compare_checkpoint(struct checking *k, struct vm *replayed)
{
	char hash[33], saved[33], where[STORE_ERR_MAX] = "";
	struct saved v = {.hash = ""};
	int rc;

	if (sqlite3_column_int(k->checkpoints, 2) != VM_LAYOUT_VERSION)
		return 0;
	k->nr_checkpoints++;
	rc = saved_read(k->s, k->checkpoints, 3, &v);
	if (!rc) {
		strcpy(saved, v.hash);
		store_state_hash(replayed, hash);
		rc = compare_state(k, replayed, &v, hash, where, sizeof(where));
	}
	bytes_free(&v.layers);
	if (!rc)
		return compare_described(k, replayed);
	if (rc < 0)
		return rc;
	store_notice(k->s,
		"the checkpoint after line %llu (row %llu: %s) has hash %s, "
		"replay gives %s: %s",
		(unsigned long long)sqlite3_column_int64(k->checkpoints, 1),
		(unsigned long long)k->seq, k->command, saved, hash, where);
	return finding(k);
}

/* Of a state that was saved where a timeline left a row in its middle. */
static int compare_within_row(struct checking *k, uint64_t seq)
{
	const struct course *c = &k->at->course;
	struct course course;
	struct store_view *v;
	struct store *past;
	int rc = view_open(
		k->s, course_seq(c, course_line(c, k->seq) - 1), NULL, &v);

	if (rc)
		return rc;
	past = view_store(v);
	rc = course_to(k->s, seq, &course);
	if (!rc) {
		course_free(&past->course);
		past->course = course;
		rc = replay(past, NULL);
	}
	if (!rc)
		rc = compare_checkpoint(k, past->vm);
	view_close(v);
	return rc;
}

static int behind_the_end(struct checking *k, uint64_t seq)
{
	store_notice(k->s,
		"the checkpoint after line %llu lies behind the end of the "
		"journal, at line %llu",
		(unsigned long long)seq, (unsigned long long)k->seq);
	return finding(k);
}

/* Compares the checkpoints that are due before row r, or at the end. */
static int before(void *ctx, const struct row *r)
{
	struct checking *k = ctx;
	uint64_t now = course_seq(&k->at->course, k->at->vm->root->seq);
	int rc = 0;

	while (!rc && k->has_checkpoint) {
		uint64_t seq =
			(uint64_t)sqlite3_column_int64(k->checkpoints, 1);

		if (seq > now && r)
			break;
		if (seq == now)
			rc = compare_checkpoint(k, k->at->vm);
		else if (seq > now || seq < k->seq)
			rc = behind_the_end(k, seq);
		else
			rc = compare_within_row(k, seq);
		k->has_checkpoint = sqlite3_step(k->checkpoints) == SQLITE_ROW;
	}
	if (r)
		remember(k, r);
	return rc;
}

/* ---- results ------------------------------------------------------------ */

static int after(void *ctx, const struct row *r, const struct result *got,
	const struct result *stored)
{
	struct checking *k = ctx;

	if (!stored)
		return 0;
	if (!stored->bad && stored->reply_len == got->reply_len &&
		!memcmp(stored->reply, got->reply, got->reply_len) &&
		stored->lines == got->lines && stored->log_off == got->log_off)
		return 0;
	store_notice(k->s,
		"row %llu (%s) is stored%s with %u lines, log offset %llu, "
		"result \"%.*s\"; replay gives %u, %llu, \"%.*s\"",
		(unsigned long long)r->seq, k->command,
		stored->bad ? ", with a wrong checksum," : "", stored->lines,
		(unsigned long long)stored->log_off,
		(int)(stored->reply_len < 100 ? stored->reply_len : 100),
		stored->reply, got->lines, (unsigned long long)got->log_off,
		(int)(got->reply_len < 100 ? got->reply_len : 100), got->reply);
	return finding(k);
}

/* ---- SQLite, packs, strays --------------------------------------------- */

/* Runs a query whose first row, if any, is a finding. */
static int query_finding(struct checking *k, const char *sql, const char *what)
{
	sqlite3_stmt *st;
	int step;

	if (sqlite3_prepare_v2(k->s->db, sql, -1, &st, NULL) != SQLITE_OK) {
		store_notice(k->s, "%s: %s", what, sqlite3_errmsg(k->s->db));
		return finding(k);
	}
	step = sqlite3_step(st);
	if (step == SQLITE_ROW &&
		strcmp("ok", (const char *)sqlite3_column_text(st, 0)))
		store_notice(k->s, "%s: %s", what,
			(const char *)sqlite3_column_text(st, 0));
	else if (step != SQLITE_ROW && step != SQLITE_DONE)
		store_notice(k->s, "%s: %s", what, sqlite3_errmsg(k->s->db));
	else
		step = SQLITE_DONE;
	sqlite3_finalize(st);
	return step == SQLITE_DONE ? 0 : finding(k);
}

static int check_packs(struct checking *k)
{
	uint8_t *raw = malloc(PACK_PAGES * STATE_PAGE);
	struct pack_view p;
	sqlite3_stmt *st;
	int rc = store_prepare(
		k->s, "SELECT id, pages, sum, data FROM pack", &st);

	while (!rc && raw && sqlite3_step(st) == SQLITE_ROW) {
		rc = pack_read(k->s, st, &p);
		if (!rc)
			rc = pack_unpack(k->s, &p, raw);
	}
	sqlite3_finalize(st);
	free(raw);
	return raw ? rc : store_fail(k->s, ENOMEM, "out of memory");
}

static const struct {
	const char *sql, *what;
} strays[] = {
	{"SELECT 'line ' || seq FROM result WHERE seq NOT IN "
	 "(SELECT seq FROM journal) AND NOT EXISTS (SELECT 1 FROM forgotten "
	 "WHERE seq BETWEEN forgotten.first AND forgotten.last) LIMIT 1",
		"a result without a journal row"},
	{"SELECT 'line ' || seq FROM journal WHERE NOT EXISTS (SELECT 1 FROM "
	 "timeline WHERE seq BETWEEN first AND ifnull(last, seq)) AND NOT "
	 "EXISTS (SELECT 1 FROM forgotten WHERE seq BETWEEN first AND last) "
	 "LIMIT 1",
		"a journal row without a timeline"},
	{"SELECT 'after line ' || seq FROM checkpoint WHERE NOT EXISTS (SELECT "
	 "1 FROM timeline WHERE seq BETWEEN first - (parent IS NULL) AND "
	 "ifnull(last, seq)) LIMIT 1",
		"a checkpoint without a timeline"},
	{"SELECT 'checkpoint ' || id FROM checkpoint WHERE (name IS NULL) <> "
	 "(described IS NULL) LIMIT 1",
		"a checkpoint with a name and without rows, or the reverse"},
};

static int check_strays(struct checking *k)
{
	int rc = 0;

	for (size_t i = 0; i < sizeof(strays) / sizeof(strays[0]) && !rc; i++)
		rc = query_finding(k, strays[i].sql, strays[i].what);
	return rc;
}

/* ---- timelines ---------------------------------------------------------- */

static int select_checkpoints(struct checking *k, const struct timeline *t)
{
	int rc = store_prepare(k->s,
		"SELECT id, seq, layout, " SAVED_COLUMNS ", " MOMENT_COLUMNS
		", name, described FROM checkpoint WHERE seq BETWEEN ? AND ? "
		"ORDER BY seq, id",
		&k->checkpoints);

	if (rc)
		return rc;
	sqlite3_bind_int64(k->checkpoints, 1, (int64_t)(t->first - !t->parent));
	sqlite3_bind_int64(k->checkpoints, 2,
		t->last > INT64_MAX ? INT64_MAX : (int64_t)t->last);
	k->has_checkpoint = sqlite3_step(k->checkpoints) == SQLITE_ROW;
	return 0;
}

static void tell_finding(void *ctx, const char *sentence)
{
	struct checking *k = ctx;

	store_notice(k->s, "the machine after line %llu: %s",
		(unsigned long long)course_seq(
			&k->at->course, k->at->vm->root->seq),
		sentence);
}

/* What the machine keeps, computed anew. */
static int check_machine(struct checking *k)
{
	const struct vm *m = k->at->vm;

	if (vm_findings(m, NULL, NULL, tell_finding, k))
		return finding(k);
	vm_frames_text(m, k->frames, sizeof(k->frames));
	return 0;
}

/* From the machine at the fork, all rows of the timeline. */
static int replay_timeline(
	struct checking *k, const struct timeline *t, struct store *at)
{
	const struct replay how = {before, after, k};
	uint64_t line = at->vm->root->seq;
	struct course course;
	int rc = course_to(k->s, t->last, &course);

	if (rc)
		return rc;
	course_free(&at->course);
	at->course = course;
	k->at = at;
	rc = select_checkpoints(k, t);
	if (!rc)
		rc = replay(at, &how);
	sqlite3_finalize(k->checkpoints);
	k->checkpoints = NULL;
	k->nr_lines += at->vm->root->seq - line;
	if (!rc)
		rc = check_machine(k);
	if (rc || t->last == UINT64_MAX ||
		at->vm->root->seq == course_line(&at->course, t->last) ||
		t->last < t->first)
		return rc;
	store_notice(k->s, "timeline %lld ends at line %llu, not at %llu",
		(long long)t->id,
		(unsigned long long)course_seq(&at->course, at->vm->root->seq),
		(unsigned long long)t->last);
	return finding(k);
}

static int check_timeline(struct checking *k, const struct timeline *t)
{
	struct store_view *v;
	int rc;

	if (!t->parent && !t->line) {
		rc = view_new(k->s, t->fork, &v);
		if (!rc)
			rc = replay_boot(view_store(v));
	} else {
		rc = view_open(k->s, t->fork, NULL, &v);
	}
	k->at = v ? view_store(v) : NULL;
	if (!rc)
		rc = replay_timeline(k, t, k->at);
	if (rc == -EUCLEAN && v && *k->at->sentence)
		store_fail(k->s, EUCLEAN, "%s", k->at->sentence);
	if (v)
		view_close(v);
	return rc;
}

static int check_journal(struct checking *k)
{
	int rc = 0;

	for (unsigned i = 0; i < k->s->nr_timelines && !rc; i++)
		rc = check_timeline(k, &k->s->timelines[i]);
	return rc;
}

/* ---- the whole ---------------------------------------------------------- */

static int check(struct checking *k)
{
	int rc = store_sql(k->s, "BEGIN", "read the database");

	if (!rc)
		rc = query_finding(k, "PRAGMA integrity_check(1)", "SQLite");
	if (!rc)
		rc = check_packs(k);
	if (!rc)
		rc = check_journal(k);
	if (!rc)
		rc = check_strays(k);
	store_rollback(k->s);
	return rc;
}

int store_check(const char *path, const struct store_options *o, char *err)
{
	struct store_options ro = *o;
	struct checking k = {0};
	int rc;

	ro.read_only = true;
	k.s = store_new(path, &ro);
	if (!k.s) {
		snprintf(err, STORE_ERR_MAX, "out of memory");
		return -ENOMEM;
	}
	rc = store_connect(k.s, &ro);
	k.s->alone = true;
	if (!rc)
		rc = check(&k);
	/* Damage that stops the replay is a finding, not a failure. */
	if (rc == -EUCLEAN && !k.found) {
		store_notice(k.s, "%s", k.s->sentence);
		rc = finding(&k);
	}
	if (!rc)
		store_notice(k.s,
			"%s is sound: %llu lines replayed, %u checkpoints "
			"equal, the machine is %s",
			path, (unsigned long long)k.nr_lines, k.nr_checkpoints,
			k.frames);
	if (rc < 0)
		snprintf(err, STORE_ERR_MAX, "%s", k.s->sentence);
	store_free(k.s);
	return rc;
}
