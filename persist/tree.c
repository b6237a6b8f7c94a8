/*
 * The tree of timelines as text:
 *
 *	timeline 1: lines 1-7
 *	|-- after 3: checkpoint before
 *	`-- after 4: timeline 2 (live): lines 8-10
 *	    `-- after 9: checkpoint mine
 *
 * Where timelines hang on timelines that hang on timelines ..., from
 * DEPTH_MAX on the lines are indented no further and name whose they are.
 */
#include "store_i.h"

#include <stdio.h>
#include <stdlib.h>

#define DEPTH_MAX 32

/* What hangs on a timeline: a checkpoint, or a timeline that left it. */
struct branch {
	const struct timeline *on;
	uint64_t seq;
	const struct timeline *child; /* NULL: a checkpoint */
	char name[CHECKPOINT_NAME_MAX + 1];
};

/* The branches of a timeline that are still to be drawn. */
struct level {
	size_t at, end;
	size_t prefix; /* bytes before its lines */
};

struct drawing {
	struct store *s;
	struct bytes text, prefix;
	struct bytes branches; /* of all, those of a timeline side by side */
	struct bytes levels;
	bool failed;
};

static void put(struct drawing *d, const char *text)
{
	d->failed |= !bytes_add(&d->text, text, strlen(text));
}

/* ---- branches ------------------------------------------------------------ */

static void add_branch(struct drawing *d, struct branch *b)
{
	b->on = timeline_of(d->s, b->seq);
	if (b->on)
		d->failed |= !bytes_add(&d->branches, b, sizeof(*b));
}

static int gather(void *ctx, const struct store_checkpoint *c)
{
	struct drawing *d = ctx;
	struct branch b = {.seq = c->seq};

	memcpy(b.name, c->name, sizeof(c->name));
	add_branch(d, &b);
	return d->failed ? -ENOMEM : 0;
}

/* Checkpoints before timelines. */
static int by_place(const void *a, const void *b)
{
	const struct branch *x = a, *y = b;

	if (x->on != y->on)
		return x->on < y->on ? -1 : 1;
	if (x->seq != y->seq)
		return x->seq < y->seq ? -1 : 1;
	if (!x->child || !y->child)
		return x->child ? 1 : y->child ? -1 : strcmp(x->name, y->name);
	return x->child < y->child ? -1 : 1;
}

static void gather_all(struct drawing *d)
{
	struct store *s = d->s;

	d->failed |= checkpoint_list(s, gather, d) != 0;
	for (unsigned i = 0; i < s->nr_timelines; i++) {
		struct branch b = {.child = &s->timelines[i]};

		b.seq = b.child->fork;
		if (b.child->parent)
			add_branch(d, &b);
	}
	if (d->branches.len)
		qsort(d->branches.data, d->branches.len / sizeof(struct branch),
			sizeof(struct branch), by_place);
}

/* The first branch of t or of a later timeline. */
static size_t first_of(const struct drawing *d, const struct timeline *t)
{
	const struct branch *v = (const void *)d->branches.data;
	size_t low = 0, high = d->branches.len / sizeof(*v);

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (v[mid].on < t)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* ---- lines --------------------------------------------------------------- */

static void put_timeline(struct drawing *d, const struct timeline *t)
{
	uint64_t last = timeline_last(d->s, t);
	char line[128];
	int n = snprintf(line, sizeof(line),
		"timeline %lld%s: ", (long long)t->id,
		t->last == UINT64_MAX ? " (live)" : "");

	if (last < t->first)
		snprintf(line + n, sizeof(line) - (size_t)n, "no lines yet\n");
	else
		snprintf(line + n, sizeof(line) - (size_t)n,
			"lines %llu-%llu\n", (unsigned long long)t->first,
			(unsigned long long)last);
	put(d, line);
}

/* The line of a timeline; its branches come next. */
static void enter(struct drawing *d, const struct timeline *t)
{
	struct level l = {first_of(d, t), first_of(d, t + 1), d->prefix.len};

	put_timeline(d, t);
	d->failed |= !bytes_add(&d->levels, &l, sizeof(l));
}

static void put_branch(struct drawing *d, const struct level *l, bool deep)
{
	const struct branch *b =
		(const struct branch *)(const void *)d->branches.data + l->at;
	bool more = l->at + 1 < l->end;
	char line[96], of[48] = "";

	if (deep)
		snprintf(of, sizeof(of), " of timeline %lld",
			(long long)b->on->id);
	snprintf(line, sizeof(line), "%s after %llu%s: ", more ? "|--" : "`--",
		(unsigned long long)b->seq, of);
	d->failed |= !bytes_add(&d->text, d->prefix.data, l->prefix);
	put(d, line);
	if (b->child) {
		if (!deep)
			d->failed |= !bytes_add(
				&d->prefix, more ? "|   " : "    ", 4);
		enter(d, b->child);
		return;
	}
	put(d, "checkpoint ");
	put(d, b->name);
	put(d, "\n");
}

static void draw(struct drawing *d)
{
	enter(d, d->s->timelines);
	while (d->levels.len && !d->failed) {
		struct level *v = (struct level *)(void *)d->levels.data, l;
		size_t depth = d->levels.len / sizeof(*v) - 1;

		l = v[depth];
		d->prefix.len = l.prefix;
		v[depth].at++;
		if (l.at == l.end)
			d->levels.len -= sizeof(*v);
		else
			put_branch(d, &l, depth >= DEPTH_MAX);
	}
}

char *store_timelines(struct store *s)
{
	struct drawing d = {.s = s};

	store_lock(s);
	gather_all(&d);
	if (s->timelines->fork) {
		char line[96];

		snprintf(line, sizeof(line),
			"the history before line %llu was forgotten\n",
			(unsigned long long)s->timelines->fork);
		put(&d, line);
	}
	draw(&d);
	store_unlock(s);
	d.failed |= !bytes_add(&d.text, "", 1);
	bytes_free(&d.prefix);
	bytes_free(&d.branches);
	bytes_free(&d.levels);
	if (!d.failed)
		return d.text.data;
	bytes_free(&d.text);
	return NULL;
}
