/*
 * Making a history shorter.  The state after a line becomes the one that all
 * begins with, as boot was: the first timeline then leaves from there.
 *
 *	timeline 1:  1 2 3 4 5 6 7          4 | 5 6 7
 *	                 |     |       =>       |   |
 *	timeline 2:      '- 8  |                    |
 *	timeline 3:            '- 9 10              '- 9 10
 */
#include "store_i.h"

#include <stdio.h>
#include <stdlib.h>

#include "../vm/machine.h"

static int sql_id(struct store *s, const char *format, int64_t a, int64_t b)
{
	char sql[256];

	sqlite3_snprintf(sizeof(sql), sql, format, a, b);
	return store_sql(s, sql, "forget the history");
}

/* A row of many lines goes or stays as a whole. */
static int check_row_end(struct store *s, uint64_t before)
{
	sqlite3_stmt *st;
	int64_t seq = 0;
	int step, rc = store_prepare(s,
			  "SELECT seq FROM journal WHERE seq <= ?1 + 1 AND "
			  "EXISTS (SELECT 1 FROM result r WHERE r.seq = "
			  "journal.seq AND "
			  "r.seq <= ?1 AND r.seq + r.lines > ?1 + 1) "
			  "ORDER BY seq DESC LIMIT 1",
			  &st);

	if (rc)
		return rc;
	sqlite3_bind_int64(st, 1, (int64_t)before);
	step = sqlite3_step(st);
	if (step == SQLITE_ROW)
		seq = sqlite3_column_int64(st, 0);
	else if (step != SQLITE_DONE)
		rc = store_sql_fail(s, "read the results");
	sqlite3_finalize(st);
	if (rc || !seq)
		return rc;
	return store_fail(s, EINVAL,
		"line %llu lies within the row of lines that begins with "
		"%lld: forget before=%lld keeps it whole",
		(unsigned long long)before, (long long)seq, (long long)seq - 1);
}

/* Whether a timeline comes after the moment `before` of the first one kept. */
static bool descends(struct store *s, const struct timeline *t,
	const struct timeline *base, uint64_t before)
{
	while (t != base && t->parent) {
		uint64_t fork = t->fork;

		t = timeline_of(s, fork);
		if (t == base)
			return fork >= before;
	}
	return t == base;
}

struct lost {
	struct store *s;
	const struct timeline *base;
	uint64_t before;
	char name[64];
};

static bool moment_is_kept(const struct lost *l, uint64_t seq)
{
	const struct timeline *t = timeline_of(l->s, seq);

	if (seq == l->before)
		return true;
	return t && (t == l->base ? seq >= l->before
				  : descends(l->s, t, l->base, l->before));
}

static int lose_checkpoint(void *ctx, const struct store_checkpoint *c)
{
	struct lost *l = ctx;

	if (moment_is_kept(l, c->seq))
		return 0;
	snprintf(l->name, sizeof(l->name), "%.60s", c->name);
	return 1;
}

static int check_checkpoints(struct store *s, struct lost *l)
{
	int rc = checkpoint_list(s, lose_checkpoint, l);

	if (rc <= 0)
		return rc;
	return store_fail(s, ENOTEMPTY,
		"the checkpoint \"%s\" lies in what would be forgotten: "
		"remove it first",
		l->name);
}

/* Rows, results and saved states of lines first...last. */
static int drop_lines(
	struct store *s, uint64_t first, uint64_t last, uint64_t *rows)
{
	int rc = sql_id(s,
		"DELETE FROM journal WHERE seq BETWEEN %lld AND "
		"%lld",
		(int64_t)first, (int64_t)last);

	if (!rc)
		*rows += (uint64_t)sqlite3_changes(s->db);
	if (!rc)
		rc = sql_id(s,
			"DELETE FROM result WHERE seq BETWEEN %lld AND %lld",
			(int64_t)first, (int64_t)last);
	if (!rc)
		rc = sql_id(s,
			"DELETE FROM checkpoint WHERE name IS NULL AND "
			"seq BETWEEN %lld AND %lld",
			(int64_t)first, (int64_t)last);
	return rc;
}

static int drop_timeline(
	struct store *s, const struct timeline *t, uint64_t *rows)
{
	int rc =
		drop_lines(s, t->first - !t->parent, timeline_last(s, t), rows);

	return rc ? rc
		  : sql_id(s, "DELETE FROM timeline WHERE id = %lld", t->id, 0);
}

/* The first timeline begins after `before`. */
static int move_base(struct store *s, const struct lost *l)
{
	const struct course *c = &s->course;
	char sql[256];

	sqlite3_snprintf(sizeof(sql), sql,
		"UPDATE timeline SET parent = NULL, fork = %lld, "
		"first = %lld, line = %lld, log = (SELECT log_off FROM "
		"checkpoint WHERE seq = %lld LIMIT 1) WHERE id = %lld",
		(int64_t)l->before, (int64_t)l->before + 1,
		(int64_t)course_line(c, l->before), (int64_t)l->before,
		l->base->id);
	return store_sql(s, sql, "forget the history");
}

static int drop(struct store *s, const struct lost *l, uint64_t *rows)
{
	int rc = 0;

	for (unsigned i = 0; i < s->nr_timelines && !rc; i++) {
		const struct timeline *t = &s->timelines[i];

		if (t != l->base && !descends(s, t, l->base, l->before))
			rc = drop_timeline(s, t, rows);
	}
	/* with what began it until now */
	if (!rc && l->base->first <= l->before)
		rc = drop_lines(s, l->base->first - !l->base->parent,
			l->before - 1, rows);
	/* the row that leads to the moment goes, the state stays */
	if (!rc)
		rc = sql_id(s,
			"DELETE FROM journal WHERE seq <= %lld AND seq "
			">= %lld",
			(int64_t)l->before, (int64_t)l->base->first);
	if (!rc)
		*rows += (uint64_t)sqlite3_changes(s->db);
	if (!rc)
		rc = sql_id(s,
			"DELETE FROM result WHERE seq <= %lld AND seq "
			">= %lld",
			(int64_t)l->before, (int64_t)l->base->first);
	if (!rc)
		rc = move_base(s, l);
	return rc;
}

/* By the machine as it was then. */
int save_moment(struct store *s, uint64_t seq)
{
	struct store_view *v;
	int rc = view_open(s, seq, NULL, &v), failed;

	if (rc)
		return rc;
	failed = results_flush(s);
	if (!failed) {
		s->building++; /* what the live machine needs stays */
		machine_swap(s, view_store(v));
		failed = snapshot_take(s);
		machine_swap(s, view_store(v));
		s->building--;
	}
	view_close(v);
	return failed;
}

/* The tree as it is in the transaction; or all stays as it was. */
static int reload(struct store *s, struct course *course)
{
	struct timeline *old = s->timelines;
	unsigned nr = s->nr_timelines;
	uint64_t log_base = s->log_base;
	int rc;

	s->timelines = NULL;
	rc = timelines_load(s);
	if (!rc)
		rc = course_to(s, UINT64_MAX, course);
	if (!rc)
		rc = burst_commit(s);
	if (!rc) {
		free(old);
		return 0;
	}
	course_free(course);
	free(s->timelines);
	s->timelines = old;
	s->nr_timelines = nr;
	s->log_base = log_base;
	return rc;
}

static int commit(struct store *s, const struct lost *l, uint64_t *rows)
{
	struct course course = {0};
	int rc = burst_begin(s);

	if (!rc)
		rc = results_write(s);
	if (!rc)
		rc = drop(s, l, rows);
	if (!rc)
		rc = reload(s, &course);
	if (rc) {
		store_rollback(s);
		return rc;
	}
	results_clear(s);
	course_free(&s->course);
	s->course = course;
	s->cursor.valid = false;
	return 0;
}

int history_forget(struct store *s, uint64_t before, uint64_t *rows)
{
	struct lost l = {.s = s, .before = before};
	uint64_t now = course_seq(&s->course, s->vm->root->seq);
	int rc;

	*rows = 0;
	if (s->read_only)
		return store_fail(s, EROFS, "%s is mounted read-only", s->path);
	if (s->result_lost)
		return store_fail(s, ENOMEM,
			"there was no memory for the reply of a line, which "
			"tells where its row ends; mount %s anew and repeat",
			s->path);
	if (before <= s->timelines->fork)
		return 0;
	if (before > now || !course_has(&s->course, before))
		return store_fail(s, ENOENT,
			"line %llu is not on the path of the machine",
			(unsigned long long)before);
	l.base = timeline_of(s, before);
	rc = results_flush(s);
	if (!rc)
		rc = check_row_end(s, before);
	if (!rc)
		rc = check_checkpoints(s, &l);
	if (!rc)
		rc = save_moment(s, before);
	if (!rc)
		rc = commit(s, &l, rows);
	return rc;
}

int store_forget(struct store *s, uint64_t before)
{
	uint64_t rows;
	int rc;

	store_lock(s);
	rc = history_forget(s, before, &rows);
	store_unlock(s);
	return rc;
}

/* ---- vacuum ------------------------------------------------------------- */

static uint64_t file_bytes(struct store *s)
{
	sqlite3_stmt *st;
	uint64_t n = 0;

	if (store_prepare(s,
		    "SELECT page_count * page_size FROM pragma_page_count, "
		    "pragma_page_size",
		    &st))
		return 0;
	if (sqlite3_step(st) == SQLITE_ROW)
		n = (uint64_t)sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return n;
}

int history_vacuum(struct store *s, uint64_t *freed)
{
	uint64_t before = file_bytes(s), after;
	int rc;

	*freed = 0;
	if (s->read_only)
		return store_fail(s, EROFS, "%s is mounted read-only", s->path);
	rc = results_flush(s);
	if (!rc)
		rc = burst_enter(s);
	if (!rc)
		rc = store_sql(s,
			"PRAGMA temp_store=FILE; VACUUM; "
			"PRAGMA temp_store=MEMORY",
			"vacuum the database");
	if (rc)
		return rc;
	sqlite3_wal_checkpoint_v2(
		s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	s->wal_frames = 0;
	after = file_bytes(s);
	*freed = before > after ? before - after : 0;
	return 0;
}

int store_vacuum(struct store *s)
{
	uint64_t freed;
	int rc;

	store_lock(s);
	rc = history_vacuum(s, &freed);
	store_unlock(s);
	return rc;
}
