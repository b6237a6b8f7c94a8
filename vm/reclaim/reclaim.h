/*
 * Memory pressure.
 *
 * Pages are taken back at a few points only, so that nobody holds a frame
 * that goes: mem_reserve() before an operation that allocates (a fault, fork),
 * and kswapd_run() after a command and at tick.  In between allocations go down
 * to the min watermark and then fail.
 *
 *	free pages
 *	  high  ---- kswapd stops
 *	  low   ---- an allocation below wakes kswapd: it runs after the command
 *	  min   ---- below, the operation takes pages back itself
 *	  0     ---- if that finds none: the OOM killer
 *
 * Source: Linux mm/vmscan.c, mm/page_alloc.c.
 */
#ifndef PAGEFS_VM_RECLAIM_H
#define PAGEFS_VM_RECLAIM_H

#include "../phys/phys.h"
#include "../task/task.h"
#include "policy.h"

/* Whether nr more pages may be taken from one of the zones allowed. */
bool mem_has_room(const struct vm *m, enum gfp_zone gfp, uint64_t nr);

/*
 * Makes room for nr pages, by direct reclaim and then the OOM killer.  0, or
 * -ENOMEM with a sentence: nothing is left to take, or the process whose
 * command this is was chosen itself and dies after it.
 */
int mem_reclaim(struct vm *m, unsigned gfp, uint64_t nr);

/*
 * zone_reclaim_mode: before a request, whose best zone is of node `first`, goes
 * on from a zone of `node` that has too little.  Whether it is worth another
 * look at that zone.
 */
bool node_reclaim(struct vm *m, unsigned gfp, unsigned order, unsigned first,
	unsigned node);

/* The operation will take a page: before mem_reserve(), where it is known. */
static inline void mem_expect(struct vm *m, enum gfp_zone gfp)
{
	if (m->root->set.zone_reclaim_mode)
		buddy_expect(m, gfp);
}

/* gfp: of what the operation asks for first. */
static inline int mem_reserve(struct vm *m, unsigned gfp, uint64_t nr)
{
	const struct zone *z = zone_first(m, gfp);

	if (zone_free_common(z) > z->low + nr)
		return 0;
	if (mem_has_room(m, gfp & GFP_ZONE_MASK, nr))
		return 0;
	return mem_reclaim(m, gfp, nr);
}

/* Pages that one step may take: readahead leaves them, and under a textbook
 * policy there is none. */
#define STEP_PAGES 8u

static inline bool mem_has_spare(const struct vm *m)
{
	const struct zone *z = zone_first(m, GFP_HIGHUSER);

	if (policy_on(m))
		return false;
	return zone_free_common(z) > z->low + STEP_PAGES ||
	       mem_has_room(m, GFP_HIGHUSER, STEP_PAGES);
}

/* The same without the OOM killer, for who can do without: -ENOMEM. */
int mem_try_reclaim(struct vm *m, enum gfp_zone gfp, uint64_t nr);

/*
 * A block like buddy_alloc() gives, for callers that hold no page: before it is
 * refused, pages are moved and taken back, and, up to COSTLY_ORDER, the OOM
 * killer is asked.  GFP_* say how far that goes.  PFN_NONE with ENOMEM set.
 */
pfn_t mem_alloc(struct vm *m, unsigned gfp, unsigned order,
	enum frame_state state, enum page_use use, bool zeroed);

/* kswapd gave up after so many runs without a page, until one is freed. */
static inline bool node_is_hopeless(const struct vm *m, unsigned node)
{
	return m->root->node[node].kswapd_failures >= 16;
}

/* The daemons of nodes, those that an allocation woke: each until a zone of
 * its node is above its high watermark again. */
void kswapd_run(struct vm *m);

/* Takes back nr pages if there are that many: proactive reclaim.  Returns how
 * many it were. */
uint64_t reclaim_pages(struct vm *m, uint64_t nr);

/* Beyond the largest swappiness, 200: no pages of files at all. */
#define SWAPPINESS_ANON_ONLY 201

/*
 * The same of one node, with a swappiness of its own, -1: the setting.  -EAGAIN
 * if it was less; as in Linux nothing is taken while the node has no more page
 * cache than min_unmapped_ratio keeps.  Source: Linux mm/vmscan.c
 * (user_proactive_reclaim).
 */
int reclaim_node(struct vm *m, unsigned node, uint64_t nr, int swappiness);

/* Takes one page back whether it was used or not: MADV_PAGEOUT.  False if it
 * must stay. */
bool reclaim_frame(struct vm *m, pfn_t pfn);

#endif
