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
 * Lists hold blocks of one migrate type, that of the page block (pageblock.h),
 * where blocks of other types come in see fallback.c.
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

#include "../reclaim/policy.h"
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

static inline void list_add(struct vm *m, struct zone *z, pfn_t pfn,
	unsigned order, enum migrate_type type, bool at_tail)
{
	struct free_area *a = &z->free[order];
	struct frame *f = frame_at(m, pfn);

	f->state = FRAME_FREE;
	f->order = order & 15;
	frame_link(m, &a->list[type], pfn, at_tail);
	a->nr[type]++;
	z->orders[type] |= 1u << order;
}

static inline void list_del(struct vm *m, struct zone *z, struct frame *f,
	unsigned order, enum migrate_type type)
{
	struct free_area *a = &z->free[order];

	frame_unlink(m, &a->list[type], f);
	f->state = FRAME_TAIL;
	f->order = 0;
	if (!--a->nr[type])
		z->orders[type] &= ~(1u << order);
}

void buddy_seed(struct vm *m, struct zone *z, pfn_t pfn, unsigned order)
{
	list_add(m, z, pfn, order, MIGRATE_MOVABLE, false);
	phys_mark_used(m, pfn + (1u << order));
}

void free_move(struct vm *m, struct zone *z, pfn_t pfn, enum migrate_type from,
	enum migrate_type to)
{
	struct frame *f = frame_at(m, pfn);
	unsigned order = f->order;

	list_del(m, z, f, order, from);
	list_add(m, z, pfn, order, to, true);
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

pfn_t free_first(
	struct vm *m, struct zone *z, unsigned order, enum migrate_type type)
{
	pfn_t pfn = z->free[order].list[type].head;

	if (!pfn && order == MAX_ORDER && type == MIGRATE_MOVABLE &&
		z->nr_fresh)
		pfn = z->fresh[0].start;
	return pfn;
}

pfn_t free_take_first(struct vm *m, struct zone *z, unsigned at,
	enum migrate_type type, unsigned order, enum migrate_type to)
{
	pfn_t pfn = z->free[at].list[type].head;

	if (pfn)
		list_del(m, z, frame_at(m, pfn), at, type);
	else
		pfn = fresh_take(m, z);
	m->root->count[CNT_BUDDY_SPLIT] += at - order;
	while (at > order) {
		at--;
		list_add(m, z, pfn + (1u << at), at, to, false);
	}
	return pfn;
}

pfn_t free_take(
	struct vm *m, struct zone *z, unsigned order, enum migrate_type type)
{
	unsigned fit = z->orders[type] >> order << order, at = MAX_ORDER;

	if (fit)
		at = (unsigned)__builtin_ctz(fit);
	else if (type != MIGRATE_MOVABLE || !z->nr_fresh)
		return PFN_NONE;
	return free_take_first(m, z, at, type, order, type);
}

/* ---- allocate ------------------------------------------------------------ */

static inline enum migrate_type gfp_type(unsigned gfp)
{
	return gfp & GFP_MOVABLE       ? MIGRATE_MOVABLE
	       : gfp & GFP_RECLAIMABLE ? MIGRATE_RECLAIMABLE
				       : MIGRATE_UNMOVABLE;
}

/* Whether the zone has such a block and stays above the mark without it. */
static inline bool zone_ok(const struct zone *z, unsigned order, uint64_t mark)
{
	return z->nr_free > mark + (1u << order) - 1 &&
	       (z->nr_fresh || (z->orders[MIGRATE_UNMOVABLE] |
				       z->orders[MIGRATE_MOVABLE] |
				       z->orders[MIGRATE_RECLAIMABLE]) >>
				       order);
}

/* A block of the zone, which has one that large. */
static inline pfn_t take_block(struct vm *m, struct zone *z, unsigned order,
	enum migrate_type type, unsigned flags)
{
	pfn_t pfn = free_take(m, z, order, type);

	if (!pfn)
		pfn = fallback_claim(m, z, order, type, flags);
	if (!pfn && !(flags & ALLOC_NOFRAGMENT))
		pfn = fallback_steal(m, z, order, type);
	if (pfn)
		z->nr_free -= 1u << order;
	return pfn;
}

/* Whether a request begins with page blocks of its type alone: where its best
 * zone is Normal above DMA32. */
static bool avoid_mixing(const struct vm *m, const struct zone *first)
{
	return m->nofragment_zone && first->type == m->nofragment_zone &&
	       first[-1].managed;
}

/*
 * Down the zonelist.  Where the best zone is Normal, a zone below it is better
 * than a page block of mixed types, but not one of another node.
 */
static pfn_t from_zones(struct vm *m, unsigned gfp, unsigned order,
	enum migrate_type type, bool to_min)
{
	const struct zonelist *l = &m->zonelist[m->prefer][gfp & GFP_ZONE_MASK];
	unsigned high = m->gfp_zone[gfp & GFP_ZONE_MASK];
	const struct zone *first = zone_first(m, gfp);
	unsigned flags = 0;

	if (!to_min && avoid_mixing(m, first))
		flags = ALLOC_NOFRAGMENT;
	for (;; flags = 0) {
		for (unsigned i = 0; i < l->nr; i++) {
			struct zone *z = &m->root->zone[l->zone[i]];
			uint64_t mark = to_min ? z->min : z->low;
			pfn_t pfn;

			if (flags && z->node != first->node)
				break;
			mark += zone_lowmem_reserve(m, l->zone[i], high);
			if (!zone_allowed(m, z) || !zone_ok(z, order, mark))
				continue;
			pfn = take_block(m, z, order, type, flags);
			if (pfn)
				return pfn;
		}
		if (!flags)
			return PFN_NONE;
	}
}

static pfn_t refuse(struct vm *m, unsigned gfp, unsigned order)
{
	const struct zone *z = zone_first(m, gfp);

	vm_fail(m, ENOMEM,
		"out of memory: no free block of order %u (%llu KiB) that "
		"leaves zone %s above its min watermark of %llu pages "
		"(%llu are free), nor one in a lower zone",
		order, ULL(m->page_size << order >> 10), zone_name(m, z->type),
		ULL(z->min), ULL(z->nr_free));
	return PFN_NONE;
}

/* With several nodes: where the block was wanted, and where it was found. */
static void numa_events(struct vm *m, struct zone *want, struct zone *got)
{
	got->numa_other += got->node != m->here;
	got->numa_miss += got->node != want->node;
	want->numa_foreign += got->node != want->node;
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

static pfn_t alloc_slow(
	struct vm *m, unsigned gfp, unsigned order, enum migrate_type type)
{
	pfn_t pfn = from_zones(m, gfp, order, type, false);

	if (pfn)
		return pfn;
	kswapd_wake(m);
	pfn = from_zones(m, gfp, order, type, true);
	return pfn ? pfn : refuse(m, gfp, order);
}

pfn_t buddy_alloc(struct vm *m, unsigned gfp, unsigned order,
	enum frame_state state, enum page_use use, bool zeroed)
{
	struct zone *first = zone_first(m, gfp), *z = first;
	enum migrate_type type = gfp_type(gfp);
	pfn_t pfn = PFN_NONE;
	struct frame *f;

	if (zone_ok(z, order, z->low)) {
		pfn = free_take(m, z, order, type);
		z->nr_free -= pfn ? 1u << order : 0;
	}
	if (!pfn) {
		pfn = alloc_slow(m, gfp, order, type);
		if (!pfn)
			return PFN_NONE;
		z = zone_of(m, pfn);
	}
	z->numa_allocs++;
	if (m->root->config.nodes > 1)
		numa_events(m, first, z);
	f = frame_at(m, pfn);
	for (pfn_t i = 1; i < 1u << order; i++)
		f[i].state = FRAME_TAIL;
	if (zeroed)
		for (pfn_t i = 0; i < 1u << order; i++)
			frame_zero(m, f + i, pfn + i);
	f->state = state & 15;
	f->order = order & 15;
	z->pages[use] += 1u << order;
	m->root->count[CNT_PGALLOC] += 1u << order;
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

/* The type of a buddy that a block of `type` can merge with, or NR_MIGRATE.
 * Page blocks merge if both types are those of requests, and are one then. */
static inline enum migrate_type buddy_type(
	struct vm *m, pfn_t buddy, unsigned order, enum migrate_type type)
{
	enum migrate_type other;

	if (order < m->pageblock_order)
		return type;
	other = pageblock_type(m, buddy);
	if (other == type)
		return type;
	if (other >= NR_PCPTYPES || type >= NR_PCPTYPES)
		return NR_MIGRATE;
	for (pfn_t i = 0; i < 1u << order; i += pageblock_pages(m))
		pageblock_set_type(m, buddy + i, type);
	return other;
}

/* Gives a block of at most a page block to its lists. */
static void free_block(struct vm *m, struct zone *z, pfn_t pfn, unsigned order)
{
	enum migrate_type type = pageblock_type(m, pfn);
	unsigned first = order;

	z->nr_free += 1u << order;
	for (; order < MAX_ORDER; order++) {
		pfn_t buddy = pfn ^ 1u << order;
		enum migrate_type had;

		if (!zone_has(z, buddy) ||
			!frame_is_free(frame_at(m, buddy), order))
			break;
		had = buddy_type(m, buddy, order, type);
		if (had == NR_MIGRATE)
			break;
		list_del(m, z, frame_at(m, buddy), order, had);
		pfn &= buddy;
	}
	m->root->count[CNT_BUDDY_MERGE] += order - first;
	list_add(m, z, pfn, order, type, merge_likely(m, z, pfn, order));
}

void buddy_free(struct vm *m, pfn_t pfn, unsigned order, enum page_use use)
{
	struct zone *z = zone_of(m, pfn);
	struct frame *f = frame_at(m, pfn);
	pfn_t end = pfn + (1u << order);

	assert(f->state > FRAME_RESERVED && f->order == order);
	if (policy_on(m))
		policy_page_freed(m, pfn);
	for (pfn_t i = 0; i < 1u << order; i++)
		frame_reset(f + i);
	z->pages[use] -= 1u << order;
	m->root->count[CNT_PGFREE] += 1u << order;
	if (order > m->pageblock_order)
		order = m->pageblock_order;
	for (; pfn < end; pfn += 1u << order)
		free_block(m, z, pfn, order);
}
