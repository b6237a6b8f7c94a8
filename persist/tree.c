/*
 * The tree of timelines as text:
 *
 *	timeline 1: lines 1-7
 *	|-- after 3: checkpoint before
 *	`-- after 4: timeline 2 (live): lines 8-10
 *	    `-- after 9: checkpoint mine
 */
#include "store_i.h"

#include <stdio.h>
#include <stdlib.h>

/* What hangs on a timeline: a checkpoint, or a timeline that left it. */
struct branch {
	uint64_t seq;
	char name[CHECKPOINT_NAME_MAX + 1];
	const struct timeline *child; /* NULL: a checkpoint */
};

struct drawing {
	struct store *s;
	struct bytes text, prefix;
	struct branch *checkpoints; /* in order of seq, then name */
	size_t nr, cap;
	bool failed;
};

static void put(struct drawing *d, const char *text)
{
	d->failed |= !bytes_add(&d->text, text, strlen(text));
}

static void put_prefix(struct drawing *d)
{
	d->failed |= !bytes_add(&d->text, d->prefix.data, d->prefix.len);
}

static int gather(void *ctx, const struct store_checkpoint *c)
{
	struct drawing *d = ctx;
	struct branch *v = d->checkpoints;

	if (d->nr == d->cap) {
		d->cap = d->cap ? 2 * d->cap : 16;
		v = realloc(v, d->cap * sizeof(*v));
		if (!v)
			return -ENOMEM;
		d->checkpoints = v;
	}
	v[d->nr] = (struct branch){.seq = c->seq};
	memcpy(v[d->nr++].name, c->name, sizeof(c->name));
	return 0;
}

static int by_seq(const void *a, const void *b)
{
	const struct branch *x = a, *y = b;

	if (x->seq != y->seq)
		return x->seq < y->seq ? -1 : 1;
	if (!x->child || !y->child)
		return x->child ? 1 : y->child ? -1 : strcmp(x->name, y->name);
	return x->child < y->child ? -1 : 1;
}

/* What hangs on t, to be freed; checkpoints before timelines. */
static struct branch *branches_of(
	struct drawing *d, const struct timeline *t, size_t *nr)
{
	struct store *s = d->s;
	struct bytes all = {0};

	for (size_t i = 0; i < d->nr; i++)
		if (timeline_of(s, d->checkpoints[i].seq) == t)
			d->failed |= !bytes_add(&all, &d->checkpoints[i],
				sizeof(*d->checkpoints));
	for (unsigned i = 0; i < s->nr_timelines; i++) {
		struct branch b = {.child = &s->timelines[i]};

		b.seq = b.child->fork;
		if (b.child->parent && timeline_of(s, b.seq) == t)
			d->failed |= !bytes_add(&all, &b, sizeof(b));
	}
	*nr = all.len / sizeof(struct branch);
	if (*nr)
		qsort(all.data, *nr, sizeof(struct branch), by_seq);
	return (struct branch *)(void *)all.data;
}

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

static void draw(struct drawing *d, const struct timeline *t)
{
	size_t prefix = d->prefix.len, nr;
	struct branch *v;
	char line[32];

	put_timeline(d, t);
	v = branches_of(d, t, &nr);
	for (size_t i = 0; i < nr && !d->failed; i++) {
		bool more = i + 1 < nr;

		put_prefix(d);
		snprintf(line, sizeof(line),
			"%s after %llu: ", more ? "|--" : "`--",
			(unsigned long long)v[i].seq);
		put(d, line);
		if (!v[i].child) {
			put(d, "checkpoint ");
			put(d, v[i].name);
			put(d, "\n");
			continue;
		}
		d->failed |= !bytes_add(&d->prefix, more ? "|   " : "    ", 4);
		draw(d, v[i].child);
		d->prefix.len = prefix;
	}
	free(v);
}

char *store_timelines(struct store *s)
{
	struct drawing d = {.s = s};

	store_lock(s);
	d.failed = checkpoint_list(s, gather, &d) != 0;
	if (s->timelines->fork) {
		char line[96];

		snprintf(line, sizeof(line),
			"the history before line %llu was forgotten\n",
			(unsigned long long)s->timelines->fork);
		put(&d, line);
	}
	if (!d.failed)
		draw(&d, s->timelines);
	store_unlock(s);
	d.failed |= !bytes_add(&d.text, "", 1);
	bytes_free(&d.prefix);
	free(d.checkpoints);
	if (!d.failed)
		return d.text.data;
	bytes_free(&d.text);
	return NULL;
}
