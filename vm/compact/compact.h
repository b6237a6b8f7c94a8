/*
 * Compaction: pages that can be moved go from the low end of a zone to free
 * frames at its high end, until the scanners meet or a block of the wanted
 * order is free.
 *
 *	before  | A . B . | . C . D | . . . . |      . free
 *	          ^ migrate scanner   ^ free scanner, from the last page block
 *	after   | . . . . | . . . . | D C B A |      down
 *
 * Whether it is tried again soon after it was in vain, see `considered`.
 *
 * Who compacts: a request that finds no block (direct), kcompactd after kswapd
 * has run for such a request, kcompactd when free memory is too scattered
 * (at tick), and whoever asks for all of memory (compact_memory).  Pages move
 * at these points only, all between the steps of commands.  A textbook policy
 * (reclaim/policy.h) notices nothing: a page keeps its place in the order.
 *
 * Source: Linux mm/compaction.c, mm/page_alloc.c.
 */
#ifndef PAGEFS_VM_COMPACT_H
#define PAGEFS_VM_COMPACT_H

#include "../phys/phys.h"

/* All zones of a node, from end to end. */
void compact_node(struct vm *m, unsigned node);

/* From bad to good. */
enum compact_result {
	COMPACT_SKIPPED,  /* too little is free to begin */
	COMPACT_DEFERRED, /* it was in vain lately */
	COMPACT_CONTINUE,
	COMPACT_COMPLETE,  /* the scanners met after the whole zone */
	COMPACT_PARTIAL,   /* they met after a part of it */
	COMPACT_NO_TARGET, /* no free frame was left to move to */
	COMPACT_SUCCESS,
};

/* How hard it is tried, the hardest first. */
enum compact_prio {
	COMPACT_PRIO_FULL, /* all page blocks, whatever is known of them */
	COMPACT_PRIO_LIGHT,
	COMPACT_PRIO_ASYNC, /* page blocks of the request's type alone */
};

/* Orders up to this one are usual: without a block they are not refused. */
#define COSTLY_ORDER 3

/*
 * Zone after zone of a request until one has a block of the order: SUCCESS, or
 * the best of what became of the zones.  When the request has got its block,
 * compact_got() is told.
 */
enum compact_result compact_for(
	struct vm *m, unsigned gfp, unsigned order, enum compact_prio prio);
void compact_got(struct zone *z, unsigned order);
/* Whether pages of the zone could move, of which so many are free: what is
 * above the mark is room for them. */
bool compact_has_room(
	const struct zone *z, unsigned order, uint64_t mark, uint64_t free);
/* And that it is for want of a block rather than of memory that a request of
 * the order fails. */
bool compact_may_help(const struct vm *m, const struct zone *z, unsigned order,
	uint64_t mark);

/*
 * 1 << order frames side by side, of more than the largest block: of a node
 * that vm.allowed has, the best zone first, the lowest range that can be had.
 * Pages that can be moved make room.  PFN_NONE, without a sentence.  Source:
 * Linux mm/page_alloc.c (alloc_contig_pages).
 */
pfn_t contig_alloc(struct vm *m, unsigned gfp, unsigned order,
	enum frame_state state, enum page_use use);
void contig_free(struct vm *m, pfn_t pfn, enum page_use use);

/* kcompactd of all nodes, if somebody woke it. */
void kcompactd_run(struct vm *m);
void kcompactd_wake(struct vm *m, unsigned node, unsigned order);
/* So many half seconds pass. */
void kcompactd_tick(struct vm *m, uint64_t nr);

#endif
