/*
 * What every byte of a few processes and files should be: an independent model
 * of private and shared memory, of files, and of what system calls do to both.
 * It knows nothing of frames, swap or caches.
 *
 * Each process has a window of pages at WINDOW, one struct vpage each.  A page
 * of a mapping is the process's own (written privately), or the object's, or
 * zero.  A page given up by MADV_FREE may be what it was or zero.
 */
#ifndef PAGEFS_TESTS_INTEGRITY_MODEL_H
#define PAGEFS_TESTS_INTEGRITY_MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PG	     4096u
#define WINDOW	     0x10000000ull
#define WINDOW_PAGES 8192u
#define MAX_PROCS    5u
#define NR_FILES     5u /* the last two are shared memory */
#define FIRST_SHM    3u
#define FILE_PAGES   768u /* a file's greatest size */
#define HUGE_PAGES   512u

/* A page's bytes; refs counts the places that have the same. */
struct mpage {
	unsigned refs;
	uint8_t b[PG];
};

/* A file, or shared anonymous memory.  NULL pages are zero. */
struct mobject {
	unsigned refs; /* mapped pages; a file keeps one more */
	char path[24]; /* empty: anonymous */
	uint32_t pages;
	uint64_t size; /* bytes */
	struct mpage **page;
};

struct vpage {
	struct mobject *obj; /* NULL: anonymous, private */
	struct mpage *own;
	uint32_t index; /* in obj */
	uint8_t mapped, shared, read, write;
	uint8_t locked, lazy, wipe, dontfork;
	uint16_t valid; /* bytes of own that are known: the rest was beyond the
			 * end of the file when it was copied */
};

struct mproc {
	uint32_t pid; /* 0: none */
	struct vpage *v;
};

struct model {
	struct mproc proc[MAX_PROCS];
	struct mobject *file[NR_FILES];
	unsigned live; /* pages of bytes */
};

/* ---- pages of bytes ---- */

static inline struct mpage *mpage_get(struct mpage *p)
{
	if (p)
		p->refs++;
	return p;
}

static inline void mpage_put(struct model *k, struct mpage **p)
{
	if (*p && !--(*p)->refs) {
		free(*p);
		k->live--;
	}
	*p = NULL;
}

/* One that only this place has, with the same bytes. */
static inline uint8_t *mpage_own(struct model *k, struct mpage **p)
{
	struct mpage *old = *p;

	if (old && old->refs == 1)
		return old->b;
	*p = calloc(1, sizeof(**p));
	(*p)->refs = 1;
	k->live++;
	if (old) {
		memcpy((*p)->b, old->b, PG);
		mpage_put(k, &old);
	}
	return (*p)->b;
}

/* ---- objects ---- */

static inline struct mobject *mobject_new(
	const char *path, uint32_t pages, uint64_t size)
{
	struct mobject *o = calloc(1, sizeof(*o));

	strcpy(o->path, path);
	o->pages = pages;
	o->size = size;
	o->page = calloc(pages, sizeof(*o->page));
	return o;
}

static inline void mobject_put(struct model *k, struct mobject *o)
{
	if (!o || --o->refs)
		return;
	for (uint32_t i = 0; i < o->pages; i++)
		mpage_put(k, &o->page[i]);
	free(o->page);
	free(o);
}

/* Known bytes of a page of the object: those before its end. */
static inline uint32_t mobject_valid(const struct mobject *o, uint32_t index)
{
	uint64_t at = (uint64_t)index * PG;

	return o->size <= at ? 0 : o->size - at < PG ? o->size - at : PG;
}

static inline void mobject_write(struct model *k, struct mobject *o,
	uint64_t off, const uint8_t *from, uint64_t len)
{
	if (o->size < off + len)
		o->size = off + len;
	while (len) {
		uint32_t in = off % PG, n = len < PG - in ? len : PG - in;

		memcpy(mpage_own(k, &o->page[off / PG]) + in, from, n);
		off += n;
		from += n;
		len -= n;
	}
}

static inline void mobject_zero(
	struct model *k, struct mobject *o, uint64_t off, uint64_t end)
{
	while (off < end) {
		uint32_t in = off % PG;
		uint32_t n = end - off < PG - in ? end - off : PG - in;

		if (n == PG)
			mpage_put(k, &o->page[off / PG]);
		else if (o->page[off / PG])
			memset(mpage_own(k, &o->page[off / PG]) + in, 0, n);
		off += n;
	}
}

/* ---- pages of a process ---- */

static inline uint64_t va_of(uint32_t page)
{
	return WINDOW + (uint64_t)page * PG;
}

/* Beyond the end of its file: SIGBUS. */
static inline bool vpage_beyond(const struct vpage *v)
{
	return v->obj && !v->own && !mobject_valid(v->obj, v->index);
}

/* Beyond it, but perhaps in one huge page with what is not: those of shared
 * memory are mapped whole, across the end, and then it is there (Linux
 * finish_fault()). */
static inline bool vpage_across(const struct vpage *v)
{
	return vpage_beyond(v) && !strncmp(v->obj->path, "/dev/shm/", 9) &&
	       (uint64_t)(v->index & ~(HUGE_PAGES - 1)) * PG < v->obj->size;
}

/* Bytes from the page's beginning that are known. */
static inline uint32_t vpage_valid(const struct vpage *v)
{
	if (v->own)
		return v->valid;
	return v->obj ? mobject_valid(v->obj, v->index) : PG;
}

static inline const uint8_t *vpage_bytes(const struct vpage *v)
{
	static const uint8_t zero[PG];
	const struct mpage *p = v->own	 ? v->own
				: v->obj ? v->obj->page[v->index]
					 : NULL;

	return p ? p->b : zero;
}

/* Where a store goes. */
static inline uint8_t *vpage_store(struct model *k, struct vpage *v)
{
	if (v->obj && v->shared)
		return mpage_own(k, &v->obj->page[v->index]);
	if (v->obj && !v->own) {
		v->valid = mobject_valid(v->obj, v->index) & 0xffff;
		v->own = mpage_get(v->obj->page[v->index]);
	} else if (!v->own) {
		v->valid = PG;
	}
	return mpage_own(k, &v->own);
}

/* Given up for good: zero, or the object's again. */
static inline void vpage_drop_own(struct model *k, struct vpage *v)
{
	mpage_put(k, &v->own);
	v->lazy = 0;
}

static inline void vpage_clear(struct model *k, struct vpage *v)
{
	mpage_put(k, &v->own);
	mobject_put(k, v->obj);
	*v = (struct vpage){0};
}

/* A page that starts as `like` with another index of the object. */
static inline void vpage_map(
	struct model *k, struct vpage *v, struct vpage like, uint32_t index)
{
	vpage_clear(k, v);
	like.index = index;
	*v = like;
	if (v->obj)
		v->obj->refs++;
}

/* mremap: the page moves with what it has. */
static inline void vpage_move(
	struct model *k, struct vpage *to, struct vpage *from)
{
	vpage_clear(k, to);
	*to = *from;
	*from = (struct vpage){0};
}

/* ---- processes ---- */

static inline void mproc_end(struct model *k, struct mproc *p)
{
	for (uint32_t i = 0; i < WINDOW_PAGES; i++)
		vpage_clear(k, &p->v[i]);
	free(p->v);
	*p = (struct mproc){0};
}

static inline void mproc_begin(struct mproc *p, uint32_t pid)
{
	p->pid = pid;
	p->v = calloc(WINDOW_PAGES, sizeof(*p->v));
}

static inline void mproc_fork(
	struct model *k, struct mproc *child, const struct mproc *p)
{
	for (uint32_t i = 0; i < WINDOW_PAGES; i++) {
		struct vpage *c = &child->v[i];

		if (!p->v[i].mapped || p->v[i].dontfork)
			continue;
		*c = p->v[i];
		c->locked = 0;
		if (c->obj)
			c->obj->refs++;
		mpage_get(c->own);
		if (c->wipe)
			vpage_drop_own(k, c);
	}
}

/* ftruncate: what lay beyond is gone, private copies of whole pages too. */
static inline void model_truncate(
	struct model *k, struct mobject *o, uint64_t size)
{
	uint64_t old = o->size;
	uint32_t first = (uint32_t)((size + PG - 1) / PG);

	if (size < old)
		mobject_zero(k, o, size, (uint64_t)o->pages * PG);
	o->size = size;
	for (uint32_t i = 0; i < MAX_PROCS && size < old; i++)
		for (uint32_t j = 0; k->proc[i].pid && j < WINDOW_PAGES; j++) {
			struct vpage *v = &k->proc[i].v[j];

			if (v->obj == o && v->index >= first)
				vpage_drop_own(k, v);
		}
}

static inline void model_free(struct model *k)
{
	for (uint32_t i = 0; i < MAX_PROCS; i++)
		if (k->proc[i].pid)
			mproc_end(k, &k->proc[i]);
	for (uint32_t i = 0; i < NR_FILES; i++)
		mobject_put(k, k->file[i]);
}

#endif
