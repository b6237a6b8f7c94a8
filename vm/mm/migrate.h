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

/* The same of a page that is on an LRU list, a huge one given by its first
 * frame, to a block of its size that is in use by the kernel until then. */
void page_exchange(struct vm *m, pfn_t to, pfn_t from);

/*
 * Moves a page that is on an LRU list, a huge one given by its first frame, to
 * where the placement in force says (numa/mempolicy.h), and makes room there
 * by reclaim.  A huge page for which there is no block is moved in pieces.  0,
 * or -ENOMEM.  Counts as Linux's migrate_pages() does.
 */
int page_move(struct vm *m, pfn_t pfn);

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
