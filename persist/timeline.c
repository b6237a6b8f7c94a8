/*
 * The tree of timelines, and paths through it.
 *
 *	timeline 1:  1 2 3 4 5 6 7
 *	                   |
 *	timeline 2:        '--- 8 9 10
 *
 * The path to line 10 has two stretches, 1...4 and 8...10.  A machine counts
 * the lines of its path, 1...7 here; so two machines with the same commands
 * behind them are equal, however many timelines were tried on the way.
 *
 * Line numbers grow with timelines: only the newest one is written to.  What
 * `forget` dropped leaves holes between timelines, and a first timeline that
 * begins after a line, its `fork`, instead of at boot.
 */
#include "store_i.h"

#include <stdlib.h>

static struct timeline read_timeline(sqlite3_stmt *st)
{
	return (struct timeline){
		.id = sqlite3_column_int64(st, 0),
		.parent = sqlite3_column_int64(st, 1),
		.fork = (uint64_t)sqlite3_column_int64(st, 2),
		.first = (uint64_t)sqlite3_column_int64(st, 3),
		.last = sqlite3_column_type(st, 4) == SQLITE_NULL
				? UINT64_MAX
				: (uint64_t)sqlite3_column_int64(st, 4),
		.line = (uint64_t)sqlite3_column_int64(st, 5),
		.log = (uint64_t)sqlite3_column_int64(st, 6),
	};
}

/* They are in order of their ids. */
static const struct timeline *timeline_by_id(const struct store *s, int64_t id)
{
	unsigned low = 0, high = s->nr_timelines;

	while (low < high) {
		unsigned mid = low + (high - low) / 2;

		if (s->timelines[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < s->nr_timelines && s->timelines[low].id == id)
		return &s->timelines[low];
	return NULL;
}

const struct timeline *timeline_live(const struct store *s)
{
	return &s->timelines[s->nr_timelines - 1];
}

static int damaged(struct store *s, const char *what)
{
	return store_fail(s, EUCLEAN,
		"%s is damaged: its table of timelines %s", s->path, what);
}

/* A parent comes before its children, and lines do not overlap. */
static int check_tree(struct store *s)
{
	uint64_t end = 0;

	if (!s->nr_timelines || timeline_live(s)->last != UINT64_MAX)
		return damaged(s, "names no live one");
	for (unsigned i = 0; i < s->nr_timelines; i++) {
		const struct timeline *t = &s->timelines[i], *p;
		bool live = i + 1 == s->nr_timelines;

		p = timeline_by_id(s, t->parent);
		if (i ? !p || p >= t || t->fork < p->fork || t->fork > p->last
		      : t->parent)
			return damaged(s, "has one without its parent");
		if (t->first <= end || t->fork >= t->first ||
			t->last < t->first - 1 ||
			live != (t->last == UINT64_MAX))
			return damaged(s, "has overlapping lines");
		end = t->last < t->first ? t->first - 1 : t->last;
	}
	return 0;
}

int timelines_load(struct store *s)
{
	struct bytes all = {0};
	sqlite3_stmt *st;
	int step = SQLITE_DONE,
	    rc = store_prepare(s,
		    "SELECT id, parent, fork, first, last, line, log "
		    "FROM timeline ORDER BY id",
		    &st);

	while (!rc && (step = sqlite3_step(st)) == SQLITE_ROW) {
		struct timeline t = read_timeline(st);

		if (!bytes_add(&all, &t, sizeof(t)))
			rc = store_fail(s, ENOMEM, "out of memory");
	}
	if (!rc && step != SQLITE_DONE)
		rc = store_sql_fail(s, "read the timelines");
	sqlite3_finalize(st);
	if (rc) {
		bytes_free(&all);
		return rc;
	}
	free(s->timelines);
	s->timelines = (struct timeline *)(void *)all.data;
	s->nr_timelines = (unsigned)(all.len / sizeof(struct timeline));
	rc = check_tree(s);
	if (!rc)
		s->log_base = s->timelines[0].log;
	return rc;
}

/* ---- moments ------------------------------------------------------------ */

/* The last line of a timeline, first - 1 without; of the live one, that the
 * machine has run. */
uint64_t timeline_last(const struct store *s, const struct timeline *t)
{
	if (t->last != UINT64_MAX)
		return t->last;
	if (s->parent)
		s = s->parent;
	return s->vm ? t->first + (s->vm->root->seq - t->line) - 1 : t->last;
}

/* The last of those that begin at or before the line: the first lines of
 * timelines grow, and an empty one comes before one that has its line. */
const struct timeline *timeline_of(const struct store *s, uint64_t seq)
{
	const struct timeline *t = s->timelines;
	unsigned low = 0, high = s->nr_timelines;

	if (seq == t->fork)
		return t;
	while (low < high) {
		unsigned mid = low + (high - low) / 2;

		if (t[mid].first <= seq)
			low = mid + 1;
		else
			high = mid;
	}
	return low && seq <= t[low - 1].last ? &t[low - 1] : NULL;
}

static bool add_stretch(
	struct course *c, uint64_t first, uint64_t last, uint64_t line)
{
	struct stretch *v = realloc(c->v, (c->nr + 1) * sizeof(*v));

	if (!v)
		return false;
	c->v = v;
	memmove(v + 1, v, c->nr * sizeof(*v));
	v[0] = (struct stretch){first, last, line};
	c->nr++;
	return true;
}

/* From the last stretch back to the first timeline. */
static int trace_back(struct store *s, const struct timeline *t, uint64_t seq,
	struct course *out)
{
	memset(out, 0, sizeof(*out));
	for (;;) {
		if (!add_stretch(out, t->first, seq, t->line + 1)) {
			course_free(out);
			return store_fail(s, ENOMEM, "out of memory");
		}
		if (!t->parent)
			return 0;
		seq = t->fork;
		t = timeline_by_id(s, t->parent);
		/* the fork of the parent itself */
		while (t->parent && seq < t->first)
			t = timeline_by_id(s, t->parent);
	}
}

int course_to(struct store *s, uint64_t seq, struct course *out)
{
	const struct timeline *t = timeline_live(s);

	if (seq == UINT64_MAX)
		return trace_back(s, t, seq, out);
	if (seq < s->timelines->fork)
		return store_fail(s, ENOENT,
			"the history before line %llu was forgotten",
			(unsigned long long)s->timelines->fork);
	t = timeline_of(s, seq);
	if (!t)
		return store_fail(s, ENOENT, "line %llu was forgotten",
			(unsigned long long)seq);
	if (seq > timeline_last(s, t))
		return store_fail(s, ENOENT,
			"there is no line %llu: the newest is %llu",
			(unsigned long long)seq,
			(unsigned long long)timeline_last(s, t));
	return trace_back(s, t, seq, out);
}

void course_free(struct course *c)
{
	free(c->v);
	memset(c, 0, sizeof(*c));
}

/* ---- lines of a path ---------------------------------------------------- */

uint64_t course_seq(const struct course *c, uint64_t line)
{
	unsigned i = c->nr - 1;

	/* a state after a fork's line is the older timeline's */
	while (i > 0 && line < c->v[i].line)
		i--;
	return c->v[i].first + line - c->v[i].line;
}

static const struct stretch *stretch_of(const struct course *c, uint64_t seq)
{
	for (unsigned i = 0; i < c->nr; i++) {
		/* before the first line: the state it begins with */
		uint64_t first = c->v[i].first - (i == 0);

		if (first <= seq && seq <= c->v[i].last)
			return &c->v[i];
	}
	return NULL;
}

bool course_has(const struct course *c, uint64_t seq)
{
	return stretch_of(c, seq) != NULL;
}

uint64_t course_line(const struct course *c, uint64_t seq)
{
	const struct stretch *s = stretch_of(c, seq);

	return s ? s->line + seq - s->first : UINT64_MAX;
}
