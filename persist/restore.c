/*
 * Choosing the checkpoint to begin with.  One that fails is passed over, and
 * the machine is rebuilt from an older one or from boot.
 */
#include "store_i.h"

#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#include "../host/host.h"
#include "../vm/machine.h"

struct found {
	int64_t id;
	uint64_t seq, time, log_off;
	int layout;
	bool bad; /* the moment: it fails its checksum */
	struct saved saved;
};

uint64_t moment_sum(uint64_t seq, uint64_t time, uint64_t log_off)
{
	const uint64_t fixed[] = {seq, time, log_off};

	return XXH3_64bits(fixed, sizeof(fixed));
}

bool moment_is_sound(sqlite3_stmt *st, int col)
{
	return moment_sum((uint64_t)sqlite3_column_int64(st, col),
		       (uint64_t)sqlite3_column_int64(st, col + 1),
		       (uint64_t)sqlite3_column_int64(st, col + 2)) ==
	       (uint64_t)sqlite3_column_int64(st, col + 3);
}

int saved_read(struct store *s, sqlite3_stmt *st, int col, struct saved *out)
{
	const char *hash = (const char *)sqlite3_column_text(st, col);
	const char *sizes = (const char *)sqlite3_column_text(st, col + 1);
	const char *layers = (const char *)sqlite3_column_text(st, col + 2);

	snprintf(out->hash, sizeof(out->hash), "%s",
		hash && *hash ? hash : "none");
	snprintf(out->sizes, sizeof(out->sizes), "%s", sizes ? sizes : "");
	out->layers.len = 0;
	if (!layers)
		layers = "";
	if (!bytes_add(&out->layers, layers, strlen(layers) + 1))
		return store_fail(s, ENOMEM, "out of memory");
	return 0;
}

/* The path leaves a timeline, or ends, after that line. */
static bool leaves_at(const struct store *s, uint64_t seq)
{
	for (unsigned i = 0; i < s->course.nr; i++)
		if (s->course.v[i].last == seq)
			return true;
	return false;
}

/* The rows up to a checkpoint have their results, or the log has a gap. */
static bool has_results(struct store *s, const struct found *f)
{
	struct result r;
	bool found;

	if (f->seq == s->course.v[0].first - 1)
		return true;
	found = result_find(s, f->seq, &r) == 1;
	sqlite3_reset(s->find_result);
	if (!found || r.seq + r.lines <= f->seq || r.log_off >= f->log_off)
		return false;
	return r.seq + r.lines - 1 == f->seq || leaves_at(s, f->seq);
}

static int check_loaded(struct store *s, const struct found *f)
{
	const struct root *root = s->vm->root;
	struct vm_config config = s->config;

	if (vm_reindex(s->vm))
		return store_fail(s, EUCLEAN, "%s", vm_sentence(s->vm));
	if (root->seq != course_line(&s->course, f->seq) || root->ns != f->time)
		return store_fail(s, EUCLEAN, "it is of another moment");
	config.given = root->config.given;
	if (memcmp(&root->config, &config, sizeof(config)))
		return store_fail(s, EUCLEAN, "its configuration differs");
	if (!has_results(s, f))
		return store_fail(s, EUCLEAN, "results before it are missing");
	return 0;
}

static int load(struct store *s, const struct found *f)
{
	char err[SENTENCE_MAX];
	int rc = 0;

	s->vm = vm_blank(&s->config, &host_mmap, err);
	if (!s->vm)
		return store_fail(s, ENOMEM, "%s", err);
	rc = state_load(s, &f->saved, s->vm, &s->track);
	if (!rc)
		rc = check_loaded(s, f);
	if (rc) {
		track_free(s->track);
		s->track = NULL;
		vm_destroy(s->vm);
		s->vm = NULL;
	}
	return rc;
}

/*
 * The newest checkpoint before (seq, id) on a stretch of the path.  One in the
 * middle of a row is of use only where the path leaves that row there.
 */
static int find_on(
	struct store *s, const struct stretch *v, bool first, struct found *f)
{
	sqlite3_stmt *st;
	int64_t last = v->last > INT64_MAX ? INT64_MAX : (int64_t)v->last;
	int step, rc = store_prepare(s,
			  "SELECT id, " MOMENT_COLUMNS
			  ", layout, " SAVED_COLUMNS " FROM checkpoint c "
			  "WHERE (seq, id) < (?1, ?2) AND seq BETWEEN ?3 AND "
			  "?4 AND (seq = ?4 OR "
			  "EXISTS (SELECT 1 FROM journal WHERE seq = c.seq + 1)"
			  " OR NOT EXISTS (SELECT 1 FROM journal WHERE "
			  "seq > c.seq AND seq <= ?4)) "
			  "ORDER BY seq DESC, id DESC LIMIT 1",
			  &st);

	if (rc)
		return rc;
	sqlite3_bind_int64(st, 1, (int64_t)f->seq);
	sqlite3_bind_int64(st, 2, f->id);
	sqlite3_bind_int64(st, 3, (int64_t)(v->first - first));
	sqlite3_bind_int64(st, 4, last);
	step = sqlite3_step(st);
	if (step == SQLITE_ROW) {
		f->id = sqlite3_column_int64(st, 0);
		f->seq = (uint64_t)sqlite3_column_int64(st, 1);
		f->time = (uint64_t)sqlite3_column_int64(st, 2);
		f->log_off = (uint64_t)sqlite3_column_int64(st, 3);
		f->bad = !moment_is_sound(st, 1);
		f->layout = sqlite3_column_int(st, 5);
		rc = saved_read(s, st, 6, &f->saved);
		if (!rc)
			rc = 1;
	} else if (step != SQLITE_DONE) {
		rc = store_sql_fail(s, "read the checkpoints");
	}
	sqlite3_finalize(st);
	return rc;
}

static int find(struct store *s, struct found *f)
{
	int rc = 0;

	for (unsigned i = s->course.nr; i-- > 0 && !rc;)
		rc = find_on(s, &s->course.v[i], !i, f);
	return rc;
}

/* An automatic one goes; one with a name waits for the next mount, which
 * rebuilds it. */
static void drop(struct store *s, const struct found *f)
{
	struct store *live = s->parent ? s->parent : s;
	char sql[240];

	if (live->read_only || (s->parent && burst_begin(live)))
		return;
	sqlite3_snprintf(sizeof(sql), sql,
		"DELETE FROM checkpoint WHERE id = %lld AND name IS NULL;"
		"UPDATE checkpoint SET layout = %d WHERE id = %lld AND "
		"layout = %d",
		(long long)f->id, LAYOUT_DAMAGED, (long long)f->id,
		VM_LAYOUT_VERSION);
	sqlite3_exec(s->db, sql, NULL, NULL, NULL);
	if (s->parent && burst_commit(live))
		store_rollback(live);
}

/* `told` is the line of the sentence before: of several states after one line,
 * one is told of. */
static void tell(
	struct store *s, const struct found *f, uint64_t *told, const char *why)
{
	if (*told != f->seq)
		store_notice(s,
			"the snapshot after line %llu is not used (%s): "
			"rebuilding from the journal",
			(unsigned long long)f->seq, why);
	*told = f->seq;
}

static void outdated(struct store *s, const struct found *f, uint64_t *told)
{
	char why[64] = "it was damaged";

	if (f->layout != LAYOUT_DAMAGED)
		snprintf(why, sizeof(why),
			"it has layout version %d, this pagefs %d", f->layout,
			VM_LAYOUT_VERSION);
	tell(s, f, told, why);
}

static int try_all(struct store *s, struct found *f)
{
	uint64_t told = UINT64_MAX;
	int rc;

	while ((rc = find(s, f)) > 0) {
		if (f->bad) {
			tell(s, f, &told, "its row fails its checksum");
			drop(s, f);
			continue;
		}
		if (f->layout != VM_LAYOUT_VERSION) {
			outdated(s, f, &told);
			drop(s, f);
			continue;
		}
		rc = load(s, f);
		if (!rc)
			return 1;
		if (rc == -ENOMEM || rc == -EINTR || rc == -EBUSY)
			return rc;
		tell(s, f, &told, s->sentence);
		if (rc == -EUCLEAN)
			drop(s, f);
	}
	return rc;
}

int restore_newest(struct store *s)
{
	struct found f = {.seq = INT64_MAX, .id = INT64_MAX};
	int rc = try_all(s, &f);

	bytes_free(&f.saved.layers);
	if (!rc)
		return replay_boot(s);
	if (rc < 0)
		return rc;
	s->log_size = f.log_off;
	s->snapshot_seq = f.seq;
	return 0;
}
