/*
 * The LRU lists: every frame that holds a page of a process or of the page
 * cache is on one of five, linked through its frame entry.
 *
 *	new pages -> | head  inactive  tail | -> evicted
 *	                 ^ |           |
 *	    deactivated  | |           | used again
 *	             | tail  active  head |
 *
 * Which list follows from the frame's flags, so a frame changes lists by
 * leaving one, changing its flags, and joining again.  Pages with FR_SWAPBACKED
 * (anonymous ones but for those that MADV_FREE gave up, and shared memory) are
 * "anon", others are "file".  Each node has its lists, as in Linux; each zone
 * counts its pages on them.
 *
 * Unlike Linux, which collects new pages in batches of 31 a CPU, a page is on
 * its list at once.  Source: Linux mm/swap.c, include/linux/mm_inline.h.
 */
#ifndef PAGEFS_VM_LRU_H
#define PAGEFS_VM_LRU_H

#include "../reclaim/policy.h"
#include "phys.h"

static inline bool frame_on_lru(const struct frame *f)
{
	return f->state == FRAME_ANON || f->state == FRAME_FILE ||
	       f->state == FRAME_SHMEM;
}

static inline enum lru_id frame_lru(const struct frame *f)
{
	if (f->flags & FR_MLOCKED)
		return LRU_UNEVICTABLE;
	return (f->flags & FR_SWAPBACKED ? LRU_INACTIVE_ANON
					 : LRU_INACTIVE_FILE) +
	       !!(f->flags & FR_ACTIVE);
}

/* The list of the frame's node that its flags name; counts nr_pages there. */
static inline struct frame_list *lru_count(
	struct vm *m, pfn_t pfn, enum lru_id id, int64_t nr_pages)
{
	struct zone *z = zone_of(m, pfn);

	z->nr_lru[id] += (uint64_t)nr_pages;
	return &m->root->node[z->node].lru[id];
}

/* Pages on the lists of all nodes, or of one. */
static inline uint64_t lru_size(const struct vm *m, enum lru_id id)
{
	return phys_sum(m, nr_lru[id]);
}

static inline uint64_t node_lru_size(
	const struct vm *m, unsigned node, enum lru_id id)
{
	return node_sum(m, node, nr_lru[id]);
}

/* Puts a frame at the head of the list that its flags name. */
static inline void lru_add(struct vm *m, pfn_t pfn)
{
	struct frame *f = frame_at(m, pfn);
	enum lru_id id = frame_lru(f);

	frame_link(m, lru_count(m, pfn, id, 1 << f->order), pfn, false);
	if (policy_on(m))
		policy_page_listed(m, pfn);
}

/* Takes it off; its flags have not changed since it was added. */
static inline void lru_del(struct vm *m, pfn_t pfn)
{
	struct frame *f = frame_at(m, pfn);
	enum lru_id id = frame_lru(f);

	frame_unlink(m, lru_count(m, pfn, id, -(1 << f->order)), f);
}

/* To the head of the list that it belongs to with other flags. */
static inline void lru_move(
	struct vm *m, pfn_t pfn, unsigned set, unsigned clear)
{
	struct frame *f = frame_at(m, pfn);

	lru_del(m, pfn);
	f->flags = (uint16_t)((f->flags & ~clear) | set);
	lru_add(m, pfn);
}

/* The first use of a page leaves a mark, the second makes it active.  Linux:
 * folio_mark_accessed(). */
static inline void lru_mark_accessed(struct vm *m, pfn_t pfn)
{
	struct frame *f = frame_at(m, pfn);

	if (policy_on(m) || f->flags & FR_LARGE)
		return;
	if (!(f->flags & FR_REFERENCED))
		f->flags |= FR_REFERENCED;
	else if (!(f->flags & (FR_ACTIVE | FR_MLOCKED)))
		lru_move(m, pfn, FR_ACTIVE, FR_REFERENCED);
}

/* The lists hold exactly the frames that belong there, and the counts are
 * right; part of vm_check(). */
int lru_check(struct vm *m);

#endif
