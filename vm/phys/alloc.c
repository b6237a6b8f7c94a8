/*
 * Requests: which zone serves them, and from where.
 *
 *	request -> zone above its mark -> lists of the processor (pcp.h)
 *	                                    | empty: a batch
 *	                                    v
 *	                                  free lists of its type (buddy.c)
 *	                                    | empty
 *	                                    v
 *	                                  other types (fallback.c)
 *
 * Source: Linux mm/page_alloc.c (get_page_from_freelist, rmqueue,
 * alloc_flags_nofragment, __free_frozen_pages).
 */
#include <assert.h>
#include <string.h>

#include "../numa/mempolicy.h"
#include "../reclaim/reclaim.h"
#include "pcp.h"
#include "phys_i.h"

enum migrate_type gfp_type(unsigned gfp)
{
	return gfp & GFP_MOVABLE       ? MIGRATE_MOVABLE
	       : gfp & GFP_RECLAIMABLE ? MIGRATE_RECLAIMABLE
				       : MIGRATE_UNMOVABLE;
}

pfn_t zone_take(struct vm *m, struct zone *z, unsigned order,
	enum migrate_type type, unsigned *flags)
{
	pfn_t pfn = PFN_NONE;

	if (!(*flags & ALLOC_STEAL)) {
		pfn = free_take(m, z, order, type);
		if (!pfn)
			pfn = fallback_claim(m, z, order, type, *flags);
	}
	if (!pfn && !(*flags & ALLOC_NOFRAGMENT)) {
		pfn = fallback_steal(m, z, order, type);
		*flags |= ALLOC_STEAL;
	}
	if (pfn)
		z->nr_free -= 1u << order;
	return pfn;
}

/* What a request that found nothing above the min watermark may have. */
static unsigned reserve_flags(unsigned gfp, unsigned order)
{
	unsigned flags = gfp & GFP_HIGH ? ALLOC_MIN_RESERVE : 0;

	if (gfp & GFP_NOWAIT && !(gfp & GFP_NOMEMALLOC)) {
		flags |= ALLOC_NON_BLOCK;
		if (order && gfp & GFP_HIGH)
			flags |= ALLOC_HIGHATOMIC;
	}
	return flags;
}

/* With them half of min stays, or 3/8. */
static uint64_t reserve_mark(uint64_t min, unsigned flags)
{
	if (flags & ALLOC_MIN_RESERVE)
		min -= min / 2;
	if ((flags & ALLOC_RESERVES) == ALLOC_RESERVES)
		min -= min / 4;
	return min;
}

/* With them that, and page blocks kept for atomic requests count. */
static bool reserves_ok(const struct zone *z, unsigned order, uint64_t min,
	uint64_t reserve, unsigned flags)
{
	min = reserve_mark(min, flags);
	return z->nr_free > min + reserve + (1u << order) - 1 &&
	       (zone_has_block(z, order) ||
		       (flags & ALLOC_HIGHATOMIC &&
			       z->orders[MIGRATE_HIGHATOMIC] >> order));
}

/* Whether the zone may serve the request.  That it is below its high watermark
 * is noted: then processors keep less for themselves. */
static inline bool zone_admits(struct zone *z, unsigned order, uint64_t mark,
	uint64_t reserve, unsigned flags)
{
	if (!z->below_high) {
		if (zone_watermark_ok(z, order, z->high + reserve))
			return true;
		z->below_high = 1;
	}
	return flags & ALLOC_RESERVES
		       ? reserves_ok(z, order, mark, reserve, flags)
		       : zone_watermark_ok(z, order, mark + reserve);
}

/* Past the lists of processors. */
static pfn_t take_reserved(struct vm *m, struct zone *z, unsigned order,
	enum migrate_type type, unsigned flags)
{
	pfn_t pfn = PFN_NONE;

	if (flags & ALLOC_HIGHATOMIC)
		pfn = highatomic_take(m, z, order);
	if (!pfn)
		pfn = zone_take(m, z, order, type, &flags);
	if (!pfn && flags & ALLOC_NON_BLOCK)
		pfn = highatomic_take(m, z, order);
	return pfn;
}

static inline pfn_t take(struct vm *m, struct zone *z, unsigned order,
	enum migrate_type type, unsigned flags)
{
	pfn_t pfn = PFN_NONE;

	if (pcp_order(m, order))
		pfn = pcp_take(m, z, order, type, flags);
	else if (!(flags & ALLOC_RESERVES))
		pfn = zone_take(m, z, order, type, &flags);
	if (!pfn && flags & ALLOC_RESERVES)
		pfn = take_reserved(m, z, order, type, flags);
	if (pfn && flags & ALLOC_HIGHATOMIC)
		highatomic_reserve(m, z, pfn, order);
	return pfn;
}

/* Whether a request begins with page blocks of its type alone: where its best
 * zone is Normal above DMA32. */
static bool avoid_mixing(const struct vm *m, const struct zone *first)
{
	return m->nofragment_zone && first->type == m->nofragment_zone &&
	       first[-1].managed;
}

/* Whether node reclaim may make a zone admit the request: not if it cannot
 * wait, somebody holds pages, or there are nodes to fall back on that the
 * policy would rather not have. */
static inline bool may_reclaim(const struct vm *m)
{
	return m->settled && m->allowed == m->reach;
}

/*
 * Down the zonelist.  Where the best zone is Normal, a zone below it is better
 * than a page block of mixed types, but not one of another node.  Without pfn
 * nothing is taken: whether a zone would serve.
 */
static bool from_zones(struct vm *m, unsigned gfp, unsigned order,
	enum migrate_type type, bool to_min, pfn_t *pfn)
{
	const struct zonelist *l = &m->zonelist[m->prefer][gfp & GFP_ZONE_MASK];
	unsigned high = m->gfp_zone[gfp & GFP_ZONE_MASK];
	const struct zone *first = zone_first(m, gfp);
	unsigned flags = to_min ? reserve_flags(gfp, order) : 0;

	if (!to_min && avoid_mixing(m, first))
		flags = ALLOC_NOFRAGMENT;
	for (;; flags = 0) {
		for (unsigned i = 0; i < l->nr; i++) {
			struct zone *z = &m->root->zone[l->zone[i]];
			/* a boost that came meanwhile does not take away what
			 * mem_reserve() promised */
			uint64_t mark = to_min ? z->min - z->boost : z->low;
			uint64_t reserve =
				zone_lowmem_reserve(m, l->zone[i], high);

			if (!zone_allowed(m, z))
				continue;
			if (flags & ALLOC_NOFRAGMENT && z->node != first->node)
				break;
			if (!zone_admits(z, order, mark, reserve, flags) &&
				!(may_reclaim(m) &&
					node_reclaim(m, gfp, order, first->node,
						z->node) &&
					zone_admits(z, order, mark, reserve,
						flags)))
				continue;
			if (!pfn)
				return true;
			*pfn = take(m, z, order, type, flags);
			if (*pfn)
				return true;
		}
		if (!(flags & ALLOC_NOFRAGMENT))
			return false;
	}
}

static bool from_all(struct vm *m, unsigned gfp, unsigned order,
	enum migrate_type type, pfn_t *pfn)
{
	return from_zones(m, gfp, order, type, false, pfn) ||
	       from_zones(m, gfp, order, type, true, pfn);
}

/* What no watermark keeps from those who free memory by it. */
static pfn_t from_reserves(
	struct vm *m, unsigned gfp, unsigned order, enum migrate_type type)
{
	const struct zonelist *l = &m->zonelist[m->prefer][gfp & GFP_ZONE_MASK];

	for (unsigned i = 0; i < l->nr; i++) {
		struct zone *z = &m->root->zone[l->zone[i]];

		if (zone_allowed(m, z) && zone_watermark_ok(z, order, 0))
			return take(m, z, order, type, 0);
	}
	return PFN_NONE;
}

static pfn_t refuse(struct vm *m, unsigned gfp, unsigned order)
{
	const struct zone *z = zone_first(m, gfp);
	unsigned flags = reserve_flags(gfp, order);
	uint64_t min = z->min - z->boost, mark = reserve_mark(min, flags);
	const char *part = mark == min		     ? ""
			   : flags & ALLOC_NON_BLOCK ? "3/8 of "
						     : "half of ";

	if (m->memalloc || gfp & GFP_MEMALLOC)
		vm_fail(m, ENOMEM,
			"out of memory: no free block of order %u (%llu KiB) "
			"in zone %s, where no watermark counts (%llu pages are "
			"free), nor one in a lower zone",
			order, ULL(m->page_size << order >> 10),
			zone_name(m, z->type), ULL(z->nr_free));
	else
		vm_fail(m, ENOMEM,
			"out of memory: no free block of order %u (%llu KiB) "
			"that leaves zone %s above %sits min watermark%s%llu "
			"pages (%llu are free), nor one in a lower zone",
			order, ULL(m->page_size << order >> 10),
			zone_name(m, z->type), part, *part ? ", " : " of ",
			ULL(mark), ULL(z->nr_free));
	return PFN_NONE;
}

/* With several nodes: where the block was wanted, and where it was found.  When
 * that is beyond the nodes allowed, it was wanted from any. */
static void numa_events(
	struct vm *m, unsigned gfp, struct zone *want, struct zone *got)
{
	const struct zonelist *l = &m->zonelist[m->prefer][gfp & GFP_ZONE_MASK];

	if (!zone_allowed(m, got))
		want = &m->root->zone[l->zone[0]];
	got->numa_interleave += m->interleaving && got->node == want->node;
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

/* From the nodes that the policy would rather not have: MPOL_PREFERRED_MANY. */
static void alloc_beyond(struct vm *m, unsigned gfp, unsigned order,
	enum migrate_type type, pfn_t *pfn)
{
	uint8_t allowed = m->allowed;

	m->allowed = m->reach;
	from_all(m, gfp, order, type, pfn);
	m->allowed = allowed;
}

static pfn_t alloc_slow(
	struct vm *m, unsigned gfp, unsigned order, enum migrate_type type)
{
	pfn_t pfn = PFN_NONE;

	if (from_zones(m, gfp, order, type, false, &pfn))
		return pfn;
	if (!(gfp & GFP_NOKSWAPD))
		kswapd_wake(m, order, !(gfp & GFP_NOWAIT));
	if (!from_zones(m, gfp, order, type, true, &pfn) && pcp_drain_all(m))
		from_zones(m, gfp, order, type, true, &pfn);
	if (!pfn && m->allowed != m->reach)
		alloc_beyond(m, gfp, order, type, &pfn);
	if (!pfn && (m->memalloc || gfp & GFP_MEMALLOC))
		pfn = from_reserves(m, gfp, order, type);
	return pfn ? pfn : refuse(m, gfp, order);
}

void buddy_expect(struct vm *m, unsigned gfp)
{
	uint8_t prefer = m->prefer;
	bool settled = m->settled;

	place_peek(m);
	m->settled = true;
	if (!from_all(m, gfp, 0, gfp_type(gfp), NULL) && m->allowed != m->reach)
		alloc_beyond(m, gfp, 0, gfp_type(gfp), NULL);
	m->settled = settled;
	m->prefer = prefer;
}

pfn_t buddy_alloc(struct vm *m, unsigned gfp, unsigned order,
	enum frame_state state, enum page_use use, bool zeroed)
{
	enum migrate_type type = gfp_type(gfp);
	struct zone *first, *z;
	pfn_t pfn = PFN_NONE;
	struct frame *f;

	if (m->root->config.nodes > 1)
		place_next(m);
	first = z = zone_first(m, gfp);
	if (!avoid_mixing(m, z) && zone_admits(z, order, z->low, 0, 0))
		pfn = take(m, z, order, type, 0);
	if (!pfn) {
		pfn = alloc_slow(m, gfp, order, type);
		if (!pfn)
			return PFN_NONE;
		z = zone_of(m, pfn);
	}
	z->numa_allocs += m->root->set.numa_stat;
	if (m->root->config.nodes > 1 && m->root->set.numa_stat)
		numa_events(m, gfp, first, z);
	f = frame_at(m, pfn);
	for (pfn_t i = 1; i < 1u << order; i++)
		f[i].state = FRAME_TAIL;
	if (zeroed)
		for (pfn_t i = 0; i < 1u << order; i++)
			frame_zero(m, f + i, pfn + i);
	f->state = state & 15;
	f->order = order & 31;
	z->pages[use] += 1u << order;
	z->pgalloc += 1u << order;
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
	if (pcp_order(m, order)) {
		pcp_free(m, z, pfn, order);
		return;
	}
	if (order > m->pageblock_order)
		order = m->pageblock_order;
	for (; pfn < end; pfn += 1u << order)
		free_block(m, z, pfn, order);
}
