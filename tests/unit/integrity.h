/*
 * Random histories whose every byte is known (integrity_model.h).  They run on
 * whatever machine a struct rig leads to: one in this program, or a mount.
 */
#ifndef PAGEFS_TESTS_INTEGRITY_H
#define PAGEFS_TESTS_INTEGRITY_H

#include <stdarg.h>
#include <stdio.h>

#include "integrity_model.h"

#define REPLY_MAX 512

/* How the machine is reached.  failed() does not return. */
struct rig {
	/* A line for the process, 0: the machine, and its reply. */
	void (*line)(uint32_t pid, const char *text, char *reply);
	/* Stores of the process; looks that change nothing, and how many bytes
	 * could be looked at. */
	void (*store)(
		uint32_t pid, uint64_t va, const void *from, uint64_t len);
	uint64_t (*look)(uint32_t pid, uint64_t va, void *to, uint64_t len);
	/* Files of disk/ by whom mounted it. */
	void (*file_write)(
		const char *path, uint64_t off, const void *from, uint64_t len);
	void (*file_truncate)(const char *path, uint64_t size);
	uint64_t (*file_look)(
		const char *path, uint64_t off, void *to, uint64_t len);
	void (*failed)(const char *why);
};

/* A mapping of huge pages of a pool, of the first process, and a few places of
 * it whose bytes are known. */
#define POOL_AT	    0x40000000ull
#define POOL_PLACES 8u
#define PLACE_BYTES 64u
struct pool_mapping {
	uint64_t bytes; /* 0: none */
	uint64_t off[POOL_PLACES];
	uint8_t b[POOL_PLACES][PLACE_BYTES];
};

struct history {
	struct model k;
	const struct rig *rig;
	uint64_t seed, random;
	unsigned step;
	uint32_t locked;    /* pages */
	uint32_t stamp;	    /* of pages filled */
	bool swap_is_on[2]; /* /swap, /dev/zram0 */
	struct pool_mapping pool;
	/* of a rig that wants them, set after history_begin() */
	unsigned pool_pages; /* small huge pages that the pool always has */
	bool gigantic;	     /* the pool of pages of 1 GiB has one */
	bool policies;	     /* textbook policies take turns */
	char did[160];	     /* the newest line */
	char reply[REPLY_MAX];
};

/* Pages of a process that are alike. */
struct run {
	struct mproc *p;
	uint32_t first, n;
	struct vpage *v; /* the first */
};

static inline uint64_t rnd(struct history *h, uint64_t n)
{
	uint64_t x = h->random;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	h->random = x;
	return (x >> 11) % n;
}

__attribute__((format(printf, 2, 3))) static inline void wrong(
	struct history *h, const char *fmt, ...)
{
	char why[600], *end = why;
	va_list ap;

	end += snprintf(why, sizeof(why),
		"seed %llu, step %u, after '%s': ", (unsigned long long)h->seed,
		h->step, h->did);
	va_start(ap, fmt);
	vsnprintf(end, (size_t)(why + sizeof(why) - end), fmt, ap);
	va_end(ap);
	h->rig->failed(why);
}

/* A line of a process, or of the machine (0); its reply is in h->reply. */
__attribute__((format(printf, 3, 4))) static inline void say(
	struct history *h, uint32_t pid, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(h->did, sizeof(h->did), fmt, ap);
	va_end(ap);
	h->rig->line(pid, h->did, h->reply);
}

static inline bool refused(const struct history *h, const char *errno_name)
{
	return *h->reply == '-' &&
	       !strncmp(h->reply + 1, errno_name, strlen(errno_name));
}

static inline void done(struct history *h)
{
	if (*h->reply == '-')
		wrong(h, "it is refused: %s", h->reply);
}

/* ---- comparing ---- */

/* What was read of a page from `in` on.  A page that was given up is zero for
 * good once it was seen to be. */
static inline void compare(struct history *h, const struct mproc *p,
	uint32_t page, uint32_t in, const uint8_t *got, uint32_t len)
{
	struct vpage *v = &p->v[page];
	const uint8_t *want = vpage_bytes(v) + in;
	uint32_t valid = vpage_valid(v), i = 0, zeros = 0;

	if (in >= valid)
		return;
	if (len > valid - in)
		len = valid - in;
	while (i < len && got[i] == want[i])
		i++;
	if (i == len)
		return;
	while (zeros < len && !got[zeros])
		zeros++;
	if (v->lazy && zeros == len)
		vpage_drop_own(&h->k, v);
	else
		wrong(h,
			"byte %u of page %u of process %u (%s%s%s) is %#x, not "
			"%#x",
			in + i, page, p->pid,
			v->obj ? v->shared ? "shared " : "private " : "anon",
			v->obj ? v->obj->path : "", v->lazy ? " given up" : "",
			got[i], want[i]);
}

static inline void compare_look(
	struct history *h, const struct mproc *p, uint32_t page)
{
	uint8_t got[PG];
	uint64_t n;

	if (!p->v[page].mapped || vpage_beyond(&p->v[page]))
		return;
	n = h->rig->look(p->pid, va_of(page), got, PG);
	if (n != PG)
		wrong(h, "only %llu bytes of page %u of process %u are seen",
			(unsigned long long)n, page, p->pid);
	compare(h, p, page, 0, got, PG);
}

/* All pages of a process, many at a look. */
#define LOOK_PAGES 64u
static inline void compare_process(struct history *h, const struct mproc *p)
{
	static uint8_t got[LOOK_PAGES * PG];

	for (uint32_t i = 0, n; i < WINDOW_PAGES; i += n + 1) {
		for (n = 0; n < LOOK_PAGES && i + n < WINDOW_PAGES &&
			    p->v[i + n].mapped && !vpage_beyond(&p->v[i + n]);)
			n++;
		if (n && h->rig->look(p->pid, va_of(i), got, n * PG) != n * PG)
			wrong(h,
				"%u pages from page %u of process %u on are "
				"not all seen",
				n, i, p->pid);
		for (uint32_t k = 0; k < n; k++)
			compare(h, p, i + k, 0, got + k * PG, PG);
		if (n == LOOK_PAGES) /* the next one is as good as any */
			n--;
	}
}

static inline void compare_file(struct history *h, const struct mobject *o)
{
	uint8_t got[PG];

	for (uint32_t i = 0; i < o->pages && mobject_valid(o, i); i++) {
		uint32_t n = mobject_valid(o, i);
		const struct vpage v = {.obj = (struct mobject *)o, .index = i};

		if (h->rig->file_look(o->path, (uint64_t)i * PG, got, n) != n)
			wrong(h, "%s ends in page %u", o->path, i);
		if (memcmp(got, vpage_bytes(&v), n))
			wrong(h, "page %u of %s is not what was written", i,
				o->path);
	}
}

static inline void compare_pool(struct history *h)
{
	uint8_t got[PLACE_BYTES];

	for (uint32_t i = 0; h->pool.bytes && i < POOL_PLACES; i++) {
		uint64_t va = POOL_AT + h->pool.off[i];

		if (h->rig->look(h->k.proc[0].pid, va, got, PLACE_BYTES) !=
				PLACE_BYTES ||
			memcmp(got, h->pool.b[i], PLACE_BYTES))
			wrong(h, "the huge page at %#llx has other bytes",
				(unsigned long long)va);
	}
}

/* Every byte of every process and file. */
static inline void compare_all(struct history *h)
{
	for (uint32_t i = 0; i < MAX_PROCS; i++)
		if (h->k.proc[i].pid)
			compare_process(h, &h->k.proc[i]);
	for (uint32_t i = 0; i < NR_FILES; i++)
		compare_file(h, h->k.file[i]);
	compare_pool(h);
}

/* ---- choosing ---- */

static inline struct mproc *any_proc(struct history *h)
{
	struct mproc *p;

	do
		p = &h->k.proc[rnd(h, MAX_PROCS)];
	while (!p->pid);
	return p;
}

static inline bool alike(const struct vpage *a, const struct vpage *b)
{
	return b->mapped && a->obj == b->obj && a->shared == b->shared &&
	       a->read == b->read && a->write == b->write &&
	       a->locked == b->locked && a->wipe == b->wipe &&
	       a->dontfork == b->dontfork &&
	       (!a->obj || b->index == a->index + (uint32_t)(b - a));
}

/* At most max pages; false if none was found. */
static inline bool any_run(struct history *h, uint32_t max, struct run *r)
{
	r->p = any_proc(h);
	r->n = 0;
	r->first = (uint32_t)rnd(h, WINDOW_PAGES);
	for (uint32_t i = 0; i < WINDOW_PAGES && !r->p->v[r->first].mapped; i++)
		r->first = (r->first + 1) % WINDOW_PAGES;
	r->v = &r->p->v[r->first];
	if (!r->v->mapped)
		return false;
	max = (uint32_t)rnd(h, max) + 1;
	while (r->n < max && r->first + r->n < WINDOW_PAGES &&
		alike(r->v, &r->v[r->n]))
		r->n++;
	return true;
}

/* Of them, those at the beginning that lie before the end of their file. */
static inline void cut_beyond(struct run *r)
{
	uint32_t n = 0;

	while (n < r->n && !vpage_beyond(&r->v[n]))
		n++;
	r->n = n;
}

static inline bool any_writable(struct history *h, uint32_t max, struct run *r)
{
	if (!any_run(h, max, r) || !r->v->write)
		return false;
	cut_beyond(r);
	return r->n != 0;
}

static inline void make_bytes(struct history *h, uint8_t *to, uint64_t len)
{
	unsigned kind = (unsigned)rnd(h, 8);
	uint64_t x = rnd(h, UINT64_MAX) | 1;

	if (kind < 2) { /* one byte throughout, perhaps zero */
		memset(to, kind ? (int)(x & 255) : 0, len);
		return;
	}
	for (uint64_t i = 0; i < len; i++) {
		if (kind < 5 || !(i & 63)) /* else what can be compressed */
			x = x * 6364136223846793005u + 1442695040888963407u;
		to[i] = (uint8_t)(x >> 56);
	}
}

#include "integrity_ops.h"

#include "integrity_history.h"

#endif
