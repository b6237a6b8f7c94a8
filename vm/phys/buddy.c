/*
 * The buddy allocator: free blocks of 1 << order frames, aligned to their
 * size, orders 0 to 10.
 *
 *	buddy(pfn, order) = pfn ^ (1 << order)
 *
 *	order 3  |               8               |
 *	order 2  |       8       |      12       |   8 and 12 are buddies
 *	order 1  |   8   |  10   |  12   |  14   |
 *
 * An allocation takes the smallest sufficient block and splits it, keeping the
 * lower half; the upper halves go to the heads of their lists.  A free merges
 * with the buddy while that is free too.  The merged block goes to the head of
 * its list (last freed, first used), but to the tail when the buddy of the
 * next larger block is free, since a merge is then likely soon.
 *
 * Invariants, see phys_check(): no two free buddies of the same order; a free
 * frame that is not a head has a state that is not FREE; frames not in use
 * have owner, mapcount and index 0.
 *
 * Source: Linux mm/page_alloc.c (__free_one_page, __rmqueue_smallest, expand,
 * get_page_from_freelist).
 */
#include <assert.h>
#include <string.h>

#include "phys_i.h"

void phys_mark_used(struct vm *m, pfn_t end)
{
	struct segment *ram = &m->arena.seg[SEG_RAM];
	struct segment *frame = &m->arena.seg[SEG_FRAME];

	if (pfn_to_pa(m, end) <= ram->used)
		return;
	ram->used = pfn_to_pa(m, end);
	frame->used = end * sizeof(struct frame);
}

/* ---- free lists ---------------------------------------------------------- */

static inline void list_add(
	struct vm *m, struct zone *z, pfn_t pfn, unsigned order, bool at_tail)
{
	struct free_list *l = &z->free[order];
	struct frame *f = frame_at(m, pfn);

	f->state = FRAME_FREE;
	f->order = order & 15;
	frame_link(m, &l->list, pfn, at_tail);
	l->nr++;
	z->orders |= 1u << order;
}

static inline void list_del(
	struct vm *m, struct zone *z, struct frame *f, unsigned order)
{
	struct free_list *l = &z->free[order];

	frame_unlink(m, &l->list, f);
	f->state = FRAME_TAIL;
	f->order = 0;
	if (!--l->nr)
		z->orders &= ~(1u << order);
}

void buddy_seed(struct vm *m, struct zone *z, pfn_t pfn, unsigned order)
{
	list_add(m, z, pfn, order, false);
	phys_mark_used(m, pfn + (1u << order));
}

/* The next block of the largest order that was never used. */
static pfn_t fresh_take(struct vm *m, struct zone *z)
{
	pfn_t pfn = z->fresh[0].start;

	z->fresh[0].start += 1u << MAX_ORDER;
	phys_mark_used(m, z->fresh[0].start);
	if (z->fresh[0].start < z->fresh[0].end)
		return pfn;
	z->nr_fresh--;
	memmove(z->fresh, z->fresh + 1, z->nr_fresh * sizeof(z->fresh[0]));
	memset(&z->fresh[z->nr_fresh], 0, sizeof(z->fresh[0]));
	return pfn;
}

/* ---- which zone ---------------------------------------------------------- */

/* Whether the zone has such a block and stays above the mark without it. */
static inline bool zone_ok(const struct zone *z, unsigned order, uint64_t mark)
{
	return z->nr_free > mark + (1u << order) - 1 &&
	       (z->nr_fresh || z->orders >> order);
}

static struct zone *zone_fallback(struct vm *m, unsigned high, unsigned order)
{
	struct zone *zone = m->root->zone;

	for (unsigned pass = 0; pass < 2; pass++) {
		m->root->kswapd_woken |= pass;
		for (unsigned i = high + 1; i-- > 0;) {
			uint64_t mark = pass ? zone[i].min : zone[i].low;

			mark += zone_lowmem_reserve(m, i, high);
			if (zone_ok(&zone[i], order, mark))
				return &zone[i];
		}
	}
	return NULL;
}

static pfn_t refuse(struct vm *m, unsigned high, unsigned order)
{
	unsigned i = high;
	const struct zone *z;

	while (i > 0 && !m->root->zone[i].managed)
		i--;
	z = &m->root->zone[i];
	vm_fail(m, ENOMEM,
		"out of memory: no free block of order %u (%llu KiB) that "
		"leaves zone %s above its min watermark of %llu pages "
		"(%llu are free), nor one in a lower zone",
		order, ULL(m->page_size << order >> 10), zone_name(m, i),
		ULL(z->min), ULL(z->nr_free));
	return PFN_NONE;
}

/* ---- allocate ------------------------------------------------------------ */

static pfn_t take_block(struct vm *m, struct zone *z, unsigned order)
{
	unsigned fit = z->orders >> order << order, at = MAX_ORDER;
	pfn_t pfn;

	if (fit) {
		at = (unsigned)__builtin_ctz(fit);
		pfn = z->free[at].list.head;
		list_del(m, z, frame_at(m, pfn), at);
	} else {
		pfn = fresh_take(m, z);
	}
	m->root->count[CNT_BUDDY_SPLIT] += at - order;
	while (at > order) {
		at--;
		list_add(m, z, pfn + (1u << at), at, false);
	}
	z->nr_free -= 1u << order;
	return pfn;
}

/* Only frames that may hold bytes are touched in the host's memory. */
static inline void frame_zero(struct vm *m, struct frame *f, pfn_t pfn)
{
	if (!(f->flags & FR_BYTES))
		return;
	ram_mark(m, pfn_to_pa(m, pfn));
	memset(ram_at(m, pfn_to_pa(m, pfn)), 0, m->page_size);
	f->flags = 0;
}

pfn_t buddy_alloc(struct vm *m, enum gfp_zone gfp, unsigned order,
	enum frame_state state, enum page_use use, bool zeroed)
{
	unsigned high = m->gfp_zone[gfp];
	struct root *r = m->root;
	struct zone *z = &r->zone[m->top_zone[gfp]];
	struct frame *f;
	pfn_t pfn;

	if (!zone_ok(z, order, z->low)) {
		z = zone_fallback(m, high, order);
		if (!z)
			return refuse(m, high, order);
	}
	pfn = take_block(m, z, order);
	f = frame_at(m, pfn);
	for (pfn_t i = 1; i < 1u << order; i++)
		f[i].state = FRAME_TAIL;
	if (zeroed)
		for (pfn_t i = 0; i < 1u << order; i++)
			frame_zero(m, f + i, pfn + i);
	f->state = state & 15;
	f->order = order & 15;
	r->pages[use] += 1u << order;
	r->count[CNT_PGALLOC] += 1u << order;
	return pfn;
}

/* ---- free ---------------------------------------------------------------- */

/* Forgets what a frame was, but not that its RAM may hold bytes. */
static inline void frame_reset(struct frame *f)
{
	unsigned bytes = f->flags & FR_BYTES;

	*f = (struct frame){.state = FRAME_TAIL, .flags = bytes & FR_BYTES};
}

static inline bool zone_has(const struct zone *z, pfn_t pfn)
{
	return pfn >= z->start && pfn < z->end;
}

/* Whether freeing one more neighbour would make an even larger block. */
static inline bool merge_likely(
	const struct vm *m, const struct zone *z, pfn_t pfn, unsigned order)
{
	pfn_t next = (pfn & ~(1u << order)) ^ (2u << order);

	return order < MAX_ORDER - 1 && zone_has(z, next) &&
	       frame_is_free(frame_at(m, next), order + 1);
}

void buddy_free(struct vm *m, pfn_t pfn, unsigned order, enum page_use use)
{
	struct zone *z = zone_of(m, pfn);
	struct frame *f = frame_at(m, pfn);
	unsigned first = order;

	assert(f->state > FRAME_RESERVED && f->order == order);
	for (pfn_t i = 0; i < 1u << order; i++)
		frame_reset(f + i);
	m->root->pages[use] -= 1u << order;
	m->root->count[CNT_PGFREE] += 1u << order;
	z->nr_free += 1u << order;
	for (; order < MAX_ORDER; order++) {
		pfn_t buddy = pfn ^ 1u << order;

		if (!zone_has(z, buddy) ||
			!frame_is_free(frame_at(m, buddy), order))
			break;
		list_del(m, z, frame_at(m, buddy), order);
		pfn &= buddy;
	}
	m->root->count[CNT_BUDDY_MERGE] += order - first;
	list_add(m, z, pfn, order, merge_likely(m, z, pfn, order));
}
