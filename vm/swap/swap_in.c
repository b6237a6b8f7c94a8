/*
 * Bringing pages back, with those around them.
 *
 * Readahead is that of rotating disks: an aligned block of slots around the one
 * wanted, the more of them the more of the last ones were used.  Source: Linux
 * mm/swap_state.c (swap_cluster_readahead, swapin_nr_pages).
 */
#include "swap_in.h"

#include "../phys/lru.h"
#include "../reclaim/reclaim.h"
#include "../reclaim/workingset.h"

/* A frame in the swap cache with the slot's bytes; PFN_NONE without memory. */
static pfn_t read_slot(struct vm *m, uint32_t slot)
{
	pfn_t pfn = buddy_alloc(
		m, GFP_HIGHUSER_MOVABLE, 0, FRAME_ANON, USE_ANON, true);
	struct swap_slot *s = slot_at(m, slot);

	if (!pfn)
		return PFN_NONE;
	frame_at(m, pfn)->flags |= FR_SWAPBACKED;
	swap_cache_add(m, slot, pfn);
	swap_read(m, slot, pfn);
	if (s->shadow)
		workingset_refault(m, pfn, s->shadow);
	s->shadow = 0;
	lru_add(m, pfn);
	return pfn;
}

/* How many slots to read, a power of two. */
static uint32_t window(struct vm *m, uint32_t offset)
{
	struct root *r = m->root;
	uint32_t max = 1u << r->set.page_cluster, hits = r->swap_hits;
	uint32_t pages = hits + 2, n = 4;

	if (max <= 1)
		return 1;
	r->swap_hits = 0;
	if (pages == 2) {
		if (offset != r->swap_prev + 1 && offset != r->swap_prev - 1)
			pages = 1;
	} else {
		while (n < pages)
			n <<= 1;
		pages = n;
	}
	if (pages > max)
		pages = max;
	if (pages < r->swap_window / 2)
		pages = r->swap_window / 2;
	if (!hits)
		r->swap_prev = offset;
	r->swap_window = pages;
	return pages;
}

static void read_ahead(struct vm *m, uint32_t slot)
{
	const struct swap_area *a = &m->root->swap[slot_at(m, slot)->area];
	uint32_t offset = slot - a->base, mask = window(m, offset) - 1;
	uint32_t first = offset & ~mask, last = offset | mask;

	if (!mask)
		return;
	for (uint32_t i = first ? first : 1; i <= last && i < a->next; i++) {
		const struct swap_slot *s = slot_at(m, a->base + i);
		pfn_t pfn;

		if (i == offset || !s->used || s->frame)
			continue;
		if (!mem_has_spare(m))
			return;
		pfn = read_slot(m, a->base + i);
		if (!pfn) {
			vm_fail_clear(m);
			return;
		}
		frame_at(m, pfn)->flags |= FR_READAHEAD;
		m->root->count[CNT_SWAP_RA]++;
	}
}

pfn_t swap_in(struct vm *m, uint32_t slot, bool *major)
{
	pfn_t pfn = slot_at(m, slot)->frame;

	if (!pfn) {
		pfn = read_slot(m, slot);
		if (pfn && !swap_is_ram(m, slot))
			read_ahead(m, slot);
		*major = pfn != PFN_NONE;
		return pfn;
	}
	if (frame_at(m, pfn)->flags & FR_READAHEAD) {
		frame_at(m, pfn)->flags &= (uint16_t)~FR_READAHEAD;
		m->root->swap_hits++;
		m->root->count[CNT_SWAP_RA_HIT]++;
	}
	return pfn;
}

pfn_t swap_in_object(struct vm *m, uint32_t slot, bool *major)
{
	pfn_t pfn = swap_in(m, slot, major);
	struct frame *f = frame_at(m, pfn);

	if (!pfn)
		return PFN_NONE;
	lru_del(m, pfn);
	slot_at(m, slot)->refs--;
	swap_cache_del(m, pfn);
	zone_of(m, pfn)->pages[USE_ANON]--;
	zone_of(m, pfn)->pages[USE_SHMEM]++;
	f->state = FRAME_SHMEM;
	lru_add(m, pfn);
	return pfn;
}
