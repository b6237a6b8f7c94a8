/*
 * Requests that can wait, and what is done for them before they are refused.
 *
 *	free block -> compaction -> reclaim -> compaction -> OOM killer
 *	              costly, or       |  ^        |            |
 *	              not movable      |  +--------+------------+
 *	                               v      again, harder
 *
 * A request up to COSTLY_ORDER is refused when nobody is left to kill.  A
 * larger one is when reclaim and compaction were in vain once, with
 * GFP_MAYFAIL when they are all the time.  Where Linux would panic, or for
 * a large one with GFP_NOFAIL try for ever, the last pages are given to
 * GFP_NOFAIL, and then the request is refused.
 *
 * Source: Linux mm/page_alloc.c (__alloc_pages_slowpath,
 * __alloc_pages_direct_compact, should_reclaim_retry, should_compact_retry,
 * __alloc_pages_may_oom).
 */
#include "../compact/compact.h"
#include "oom.h"
#include "reclaim_i.h"

#define COMPACT_RETRIES 16u

struct request {
	unsigned gfp, order;
	enum frame_state state;
	enum page_use use;
	bool zeroed;

	enum compact_prio prio;	       /* of the next compaction */
	enum compact_result compacted; /* what became of the last one */
	unsigned vain;		       /* rounds without a page */
	unsigned compactions;	       /* that made a block, at this priority */
};

static bool is_costly(const struct request *r)
{
	return r->order > COSTLY_ORDER;
}

static pfn_t try_buddy(struct vm *m, const struct request *r)
{
	pfn_t pfn;

	vm_fail_clear(m);
	m->settled = !(r->gfp & (GFP_NOWAIT | GFP_MEMALLOC));
	pfn = buddy_alloc(m, r->gfp, r->order, r->state, r->use, r->zeroed);
	m->settled = false;
	return pfn;
}

static pfn_t try_compact(
	struct vm *m, struct request *r, enum compact_prio prio)
{
	pfn_t pfn;

	if (!r->order)
		return PFN_NONE;
	r->compacted = compact_for(m, r->gfp, r->order, prio);
	if (r->compacted == COMPACT_SKIPPED)
		return PFN_NONE;
	m->root->count[CNT_COMPACT_STALL]++;
	pfn = try_buddy(m, r);
	m->root->count[pfn ? CNT_COMPACT_SUCCESS : CNT_COMPACT_FAIL]++;
	if (pfn)
		compact_got(zone_of(m, pfn), r->order);
	return pfn;
}

/* ---- again? -------------------------------------------------------------- */

static bool reclaim_again(struct vm *m, struct request *r, bool some_progress)
{
	if (some_progress && !is_costly(r))
		r->vain = 0;
	else
		r->vain++;
	if (r->vain <= RECLAIM_RETRIES &&
		reclaim_could_help(m, r->gfp, r->order))
		return true;
	return highatomic_unreserve(m, r->gfp, true) || boosts_end(m);
}

static bool compact_again(const struct vm *m, struct request *r)
{
	unsigned most = is_costly(r) ? COMPACT_RETRIES / 4 : COMPACT_RETRIES;
	enum compact_prio hardest =
		is_costly(r) ? COMPACT_PRIO_LIGHT : COMPACT_PRIO_FULL;

	if (!r->order)
		return false;
	if (r->compacted == COMPACT_SKIPPED)
		return reclaim_could_compact(m, r->gfp, r->order);
	if (r->compacted == COMPACT_SUCCESS && ++r->compactions <= most)
		return true;
	if (r->prio <= hardest)
		return false;
	r->prio--;
	r->compactions = 0;
	return true;
}

static bool again(struct vm *m, struct request *r, bool some_progress)
{
	if (r->gfp & GFP_NORETRY || (is_costly(r) && !(r->gfp & GFP_MAYFAIL)))
		return false;
	return reclaim_again(m, r, some_progress) ||
	       (some_progress && compact_again(m, r));
}

/* Nobody is killed for a large block, nor for low memory. */
static bool may_kill(const struct vm *m, const struct request *r)
{
	return !is_costly(r) && !(r->gfp & (GFP_NORETRY | GFP_MAYFAIL)) &&
	       m->gfp_zone[r->gfp & GFP_ZONE_MASK] >= m->gfp_zone[GFP_KERNEL];
}

/* ---- the way of a request ------------------------------------------------ */

/* One round; *some_progress: pages were taken back. */
static pfn_t one_round(struct vm *m, struct request *r, bool *some_progress)
{
	pfn_t pfn = PFN_NONE;

	*some_progress = reclaim_for(m, r->gfp, r->order);
	if (*some_progress)
		pfn = try_buddy(m, r);
	if (!pfn && *some_progress && highatomic_unreserve(m, r->gfp, false))
		pfn = try_buddy(m, r);
	return pfn ? pfn : try_compact(m, r, r->prio);
}

/* The refusal is the allocator's own; who must not fail has the reserves. */
static pfn_t last_try(struct vm *m, struct request *r)
{
	if (r->gfp & GFP_NOFAIL)
		r->gfp |= GFP_MEMALLOC;
	return try_buddy(m, r);
}

static pfn_t rounds(struct vm *m, struct request *r)
{
	for (;;) {
		bool some_progress;
		pfn_t pfn = one_round(m, r, &some_progress);

		if (pfn)
			return pfn;
		if (again(m, r, some_progress))
			continue;
		if (!may_kill(m, r))
			return last_try(m, r);
		vm_fail_clear(m);
		if (!oom_kill(m, r->gfp | (r->zeroed ? GFP_ZERO : 0), r->order))
			return r->gfp & GFP_NOFAIL ? last_try(m, r) : PFN_NONE;
		r->vain = 0;
	}
}

pfn_t mem_alloc(struct vm *m, unsigned gfp, unsigned order,
	enum frame_state state, enum page_use use, bool zeroed)
{
	struct request r = {
		.gfp = gfp,
		.order = order,
		.state = state,
		.use = use,
		.zeroed = zeroed,
		.prio = COMPACT_PRIO_LIGHT,
	};
	pfn_t pfn = try_buddy(m, &r);

	if (pfn || gfp & GFP_NOWAIT)
		return pfn;
	if (is_costly(&r) || !(gfp & GFP_MOVABLE))
		pfn = try_compact(m, &r, COMPACT_PRIO_ASYNC);
	if (pfn)
		return pfn;
	if (is_costly(&r) && gfp & GFP_NORETRY) {
		/* too little memory, or in vain lately: leave it at that */
		if (r.compacted <= COMPACT_DEFERRED)
			return try_buddy(m, &r);
		r.prio = COMPACT_PRIO_ASYNC;
	}
	return rounds(m, &r);
}
