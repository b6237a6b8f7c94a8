/*
 * Moving a page to another frame under the processes that use it: all entries
 * that map it, the page cache, the slot of swap that it came from, and its
 * place in the lists go along.
 *
 * Source: Linux mm/migrate.c.  There entries are marked while the page is
 * copied, so that an access waits; here no time passes.
 */
#ifndef PAGEFS_VM_MIGRATE_H
#define PAGEFS_VM_MIGRATE_H

#include "../phys/lru.h"

/* Whether the frame holds a page that can be moved: of a process or the page
 * cache, and not part of a huge page. */
bool page_movable(const struct vm *m, pfn_t pfn);

/*
 * Moves the page of `from`, which is on no LRU list, to `to`, a frame that is
 * in use by nobody.  Afterwards `to` is on its LRU list and counted in its
 * zone, and `from` is in use by nobody.
 */
void migrate_page(struct vm *m, pfn_t to, pfn_t from);

/* The same of a page of any size, a huge one given by its first frame, to a
 * block of its size that is in use by the kernel until then; counts it. */
void page_exchange(struct vm *m, pfn_t to, pfn_t from);

/* One call of Linux's migrate_pages(): many pages, each to a place of its own.
 */
struct migration {
	/* A block for the page, see page_target(), or PFN_NONE. */
	pfn_t (*target)(struct vm *m, pfn_t pfn, const void *ctx);
	const void *ctx;
	unsigned split; /* large pages that went in pieces */
	bool left;	/* and not all pieces went */
};

/* A block to move to, where the placement in force says (numa/mempolicy.h):
 * other pages are moved and taken back for it, more so for a single page; gfp
 * says what else.  PFN_NONE with ENOMEM set. */
pfn_t page_target(struct vm *m, unsigned order, unsigned gfp);

/*
 * Moves a page that is on an LRU list, a huge one given by its first frame.  A
 * large one goes in pieces if there is no block for it, or if a part of it is
 * mapped no more.  0, or -ENOMEM: then nobody tries more pages.  Counts as
 * Linux's migrate_pages() does.  One of a pool goes where the placement in
 * force says.
 */
int page_move(struct vm *m, pfn_t pfn, struct migration *x);

/* What migrate_pages() returns: pages that have not moved.  All that were split
 * count as such, if a single piece stayed. */
static inline unsigned migration_failed(const struct migration *x)
{
	return x->left ? x->split : 0;
}

/* Whether page_move() can move it: it is on an LRU list, or in use and of a
 * pool of huge pages.  (4 MiB pages of i386 cannot move.) */
static inline bool page_may_move(const struct vm *m, pfn_t pfn)
{
	const struct frame *f = frame_at(m, pfn);

	return frame_on_lru(f) || (f->state == FRAME_HUGETLB && m->arch->thp);
}

/* Whether more than one entry, of a huge page more than one process, maps it.
 */
bool page_is_shared(const struct vm *m, pfn_t pfn);

#endif
