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
 * at these points only, all between the steps of commands.  Under a textbook
 * policy (reclaim/policy.h) pages stay where they are.
 *
 * Source: Linux mm/compaction.c, mm/page_alloc.c.
 */
#ifndef PAGEFS_VM_COMPACT_H
#define PAGEFS_VM_COMPACT_H

#include "../phys/phys.h"

/* All zones of a node, from end to end. */
void compact_node(struct vm *m, unsigned node);

/*
 * A block like buddy_alloc() gives, with compaction and reclaim if need be, for
 * callers that hold no page: PFN_NONE with ENOMEM set.  try_hard: pages are
 * taken back too.
 */
pfn_t compact_alloc(struct vm *m, unsigned gfp, unsigned order,
	enum frame_state state, enum page_use use, bool zeroed, bool try_hard);

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
