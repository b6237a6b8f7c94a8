/*
 * Going back: a past moment becomes the live machine, on a new timeline.
 */
#include "store_i.h"

#include <stdlib.h>

#include "../vm/machine.h"

/* All that memory is needed for, before anything changes. */
struct turn {
	struct store_view *view;
	struct timeline *timelines;
	unsigned nr_timelines;
	struct timeline leave, enter; /* `leave.id` 0: it leaves no trace */
	bool drop;		      /* what is left has no lines */
};

static int no_memory(struct store *s)
{
	return store_fail(s, ENOMEM, "out of memory");
}

/* Lists the timelines as they will be. */
static int plan(struct store *s, struct turn *t, uint64_t seq)
{
	struct store *past = view_store(t->view);
	struct stretch *v =
		realloc(past->course.v, (past->course.nr + 1) * sizeof(*v));
	uint64_t last = timeline_last(s, timeline_live(s));

	t->timelines = malloc((s->nr_timelines + 1) * sizeof(*t->timelines));
	if (v)
		past->course.v = v;
	if (!v || !t->timelines)
		return no_memory(s);
	memcpy(t->timelines, s->timelines,
		s->nr_timelines * sizeof(*t->timelines));
	t->nr_timelines = s->nr_timelines;
	t->leave = *timeline_live(s);
	t->leave.last = last;
	t->drop = last < t->leave.first && t->leave.parent;
	t->enter = (struct timeline){
		.id = t->leave.id + !t->drop,
		.parent = timeline_of(s, seq)->id,
		.fork = seq,
		.first = last + 1,
		.last = UINT64_MAX,
		.line = past->vm->root->seq,
		.log = past->log_size,
	};
	t->timelines[t->nr_timelines - 1] = t->leave;
	t->nr_timelines -= t->drop;
	t->timelines[t->nr_timelines++] = t->enter;
	v[past->course.nr++] = (struct stretch){
		t->enter.first, t->enter.last, t->enter.line + 1};
	return 0;
}

static int write_turn(struct store *s, const struct turn *t)
{
	char sql[512];
	int rc;

	if (t->drop)
		sqlite3_snprintf(sizeof(sql), sql,
			"DELETE FROM timeline WHERE id = %lld",
			(long long)t->leave.id);
	else
		sqlite3_snprintf(sizeof(sql), sql,
			"UPDATE timeline SET last = %lld WHERE id = %lld",
			(long long)t->leave.last, (long long)t->leave.id);
	rc = store_sql(s, sql, "leave the timeline");
	if (rc)
		return rc;
	sqlite3_snprintf(sizeof(sql), sql,
		"INSERT INTO timeline VALUES "
		"(%lld, %lld, %lld, %lld, NULL, %lld, %lld)",
		(long long)t->enter.id, (long long)t->enter.parent,
		(long long)t->enter.fork, (long long)t->enter.first,
		(long long)t->enter.line, (long long)t->enter.log);
	return store_sql(s, sql, "begin a timeline");
}

#define SWAP(type, field)                \
	do {                             \
		type keep = (a->field);  \
		(a->field) = (b->field); \
		(b->field) = keep;       \
	} while (0)

/* The handles stay where they are: others hold them. */
static void machine_swap(struct store *a, struct store *b)
{
	SWAP(struct vm, vm[0]);
	save_turn(a, b);
	SWAP(struct course, course);
	SWAP(uint64_t, log_size);
	SWAP(uint64_t, work_ns);
	SWAP(uint64_t, snapshot_seq);
	a->cursor.valid = false;
	b->cursor.valid = false;
}

/* The database and the machine turn to the past moment; nothing here fails. */
static void take_turn(struct store *s, struct turn *t)
{
	machine_swap(s, view_store(t->view));
	free(s->timelines);
	s->timelines = t->timelines;
	s->nr_timelines = t->nr_timelines;
	t->timelines = NULL;
	s->restores++;
	results_clear(s);
}

static int commit_turn(struct store *s, struct turn *t)
{
	int rc = burst_begin(s);

	if (!rc)
		rc = results_write(s);
	/* those that replay found missing */
	if (!rc)
		rc = results_write(view_store(t->view));
	if (!rc)
		rc = write_turn(s, t);
	if (!rc)
		rc = burst_commit(s);
	if (rc)
		store_rollback(s);
	return rc;
}

static int go_on(struct store *s, struct store_view *past, uint64_t seq)
{
	struct turn t = {.view = past};
	int rc = plan(s, &t, seq);

	if (!rc)
		rc = commit_turn(s, &t);
	if (!rc)
		take_turn(s, &t);
	free(t.timelines);
	return rc;
}

int history_ahead(struct store *s, const char *where, struct store_ahead *a)
{
	int rc;

	if (s->read_only || strlen(where) >= sizeof(a->where))
		return -EINVAL;
	strcpy(a->where, where);
	rc = moment_find(s, where, &a->seq);
	if (!rc)
		rc = view_open(s, a->seq, NULL, &a->view);
	return rc;
}

static struct store_ahead *find_ahead(struct store *s, const char *where)
{
	struct store_ahead *a = s->aheads;

	while (a && (!a->view || a->done || strcmp(a->where, where)))
		a = a->next;
	return a;
}

/* The machine has been built.  Its path may begin later by now, or be gone:
 * history may have been forgotten since. */
static int restore_built(struct store *s, struct store_ahead *a)
{
	struct store *past = view_store(a->view);
	struct course course;
	int rc = course_to(s, a->seq, &course);

	if (rc)
		return rc;
	course_free(&past->course);
	past->course = course;
	rc = go_on(s, a->view, a->seq);
	a->done = !rc;
	return rc;
}

int history_restore(struct store *s, const char *where)
{
	struct store_ahead *a = find_ahead(s, where);
	struct store_view *past;
	uint64_t seq = 0;
	int rc;

	if (s->read_only)
		return store_fail(s, EROFS, "%s is mounted read-only", s->path);
	if (a)
		return restore_built(s, a);
	rc = moment_find(s, where, &seq);
	if (!rc)
		rc = view_open(s, seq, NULL, &past);
	if (rc)
		return rc;
	rc = go_on(s, past, seq);
	view_close(past);
	return rc;
}

int store_restore(struct store *s, const char *where)
{
	int rc;

	store_lock(s);
	rc = history_restore(s, where);
	store_unlock(s);
	return rc;
}

uint64_t store_seq(struct store *s)
{
	uint64_t seq;

	store_lock(s);
	seq = course_seq(&s->course, s->vm->root->seq);
	store_unlock(s);
	return seq;
}

uint64_t store_restores(struct store *s)
{
	uint64_t n;

	store_lock(s);
	n = s->restores;
	store_unlock(s);
	return n;
}
