/*
 * Making a history shorter.  The state after a line becomes the one that all
 * begins with, as boot was: the first timeline then leaves from there.
 *
 *	timeline 1:  1 2 3 4 5 6 7          4 | 5 6 7
 *	                 |     |       =>       |   |
 *	timeline 2:      '- 8  |                    |
 *	timeline 3:            '- 9 10              '- 9 10
 *
 * The tree is changed in one transaction, which also notes what lines are gone;
 * their rows are deleted after that, some at a time (collect.c).
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
	struct result r;
	int rc = result_find(s, before, &r);

	sqlite3_reset(s->find_result);
	if (rc <= 0 || r.seq > before || r.seq + r.lines <= before + 1)
		return rc < 0 ? rc : 0;
	return store_fail(s, EINVAL,
		"line %llu lies within the row of lines that begins with "
		"%llu: forget before=%llu keeps it whole",
		(unsigned long long)before, (unsigned long long)r.seq,
		(unsigned long long)r.seq - 1);
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

/* Rows and results of lines first...last: they are deleted later. */
static int drop_lines(
	struct store *s, uint64_t first, uint64_t last, uint64_t *lines)
{
	if (last < first)
		return 0;
	*lines += last - first + 1;
	return sql_id(s, "INSERT INTO forgotten VALUES (%lld, %lld)",
		(int64_t)first, (int64_t)last);
}

static int drop_states(struct store *s, uint64_t first, uint64_t last)
{
	return sql_id(s,
		"DELETE FROM checkpoint WHERE name IS NULL AND "
		"seq BETWEEN %lld AND %lld",
		(int64_t)first, (int64_t)last);
}

/* The first of all is also of the moment that it begins with. */
static int drop_timeline(
	struct store *s, const struct timeline *t, uint64_t *lines)
{
	uint64_t last = timeline_last(s, t);
	int rc = drop_lines(s, t->first, last, lines);

	if (!rc)
		rc = drop_states(s, t->first - !t->parent, last);
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

static int drop(struct store *s, const struct lost *l, uint64_t *lines)
{
	const struct timeline *base = l->base;
	int rc = 0;

	for (unsigned i = 0; i < s->nr_timelines && !rc; i++) {
		const struct timeline *t = &s->timelines[i];

		if (t != base && !descends(s, t, base, l->before))
			rc = drop_timeline(s, t, lines);
	}
	/* the line that leads to the moment goes, the state stays */
	if (!rc)
		rc = drop_lines(s, base->first, l->before, lines);
	if (!rc && base->first <= l->before)
		rc = drop_states(s, base->first - !base->parent, l->before - 1);
	return rc ? rc : move_base(s, l);
}

static int save_view(struct store *s, struct store *past)
{
	int rc = results_flush(s);

	s->building++; /* what it was built from stays */
	*past->sentence = 0;
	if (!rc)
		rc = snapshot_ahead(past);
	if (!rc)
		rc = snapshot_take(past);
	s->building--;
	/* the connection's are the live store's */
	if (rc && *past->sentence)
		store_fail(s, -rc, "%s", past->sentence);
	return rc;
}

/* Others go on while the moment is built, saved and given back. */
int save_moment(struct store *s, uint64_t seq, struct bytes *rows)
{
	struct store_view *v;
	bool named;
	int rc = view_open(s, seq, NULL, &v);

	if (rc)
		return rc;
	rc = save_view(s, view_store(v));
	if (!rc)
		rc = state_find(s, seq, &s->held, &named);
	if (!rc && rows)
		rc = tables_describe(s, view_store(v)->vm, rows);
	view_detach(v);
	store_unlock(s);
	view_free(v);
	store_lock(s);
	return rc;
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

static int commit(struct store *s, const struct lost *l, uint64_t *lines)
{
	struct course course = {0};
	int rc = burst_begin(s);

	if (!rc)
		rc = results_write(s);
	if (!rc)
		rc = drop(s, l, lines);
	if (!rc)
		rc = reload(s, &course);
	if (rc) {
		store_rollback(s);
		*lines = 0;
		return rc;
	}
	results_clear(s);
	course_free(&s->course);
	s->course = course;
	s->cursor.valid = false;
	return 0;
}

/* Whether it can be; fills in l->base.  1 when there is nothing to forget. */
static int check(struct store *s, struct lost *l)
{
	uint64_t now = course_seq(&s->course, s->vm->root->seq);
	int rc;

	if (s->result_lost)
		return store_fail(s, ENOMEM,
			"there was no memory for the reply of a line, which "
			"tells where its row ends; mount %s anew and repeat",
			s->path);
	if (l->before <= s->timelines->fork)
		return 1;
	if (l->before > now || !course_has(&s->course, l->before))
		return store_fail(s, ENOENT,
			"line %llu is not on the path of the machine",
			(unsigned long long)l->before);
	l->base = timeline_of(s, l->before);
	rc = check_row_end(s, l->before);
	return rc ? rc : check_checkpoints(s, l);
}

static int forget(struct store *s, struct lost *l, uint64_t *lines)
{
	int rc = check(s, l);

	if (rc)
		return rc;
	rc = save_moment(s, l->before, NULL);
	/* others have changed the machine and its history since */
	if (!rc)
		rc = check(s, l);
	return rc ? rc : commit(s, l, lines);
}

int history_forget(struct store *s, uint64_t before, uint64_t *lines)
{
	struct lost l = {.s = s, .before = before};
	int rc;

	*lines = 0;
	if (s->read_only)
		return store_fail(s, EROFS, "%s is mounted read-only", s->path);
	change_begin(s);
	rc = forget(s, &l, lines);
	change_end(s);
	if (!rc)
		collect_all(s);
	return rc < 0 ? rc : 0;
}

int store_forget(struct store *s, uint64_t before)
{
	uint64_t lines;
	int rc;

	store_lock(s);
	rc = history_forget(s, before, &lines);
	store_unlock(s);
	return rc;
}
