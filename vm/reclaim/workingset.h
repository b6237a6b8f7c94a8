/*
 * Refaults: whether a page that comes back would have stayed, had the active
 * lists been shorter.
 *
 * A clock counts evictions and activations.  A page that is evicted leaves its
 * reading behind as a shadow, in the swap slot or in the inode; when it comes
 * back, the distance says how many pages more the inactive list would have
 * needed to keep it.  If the other lists hold as many, it starts active.
 *
 *	shadow:  31  30  28 27                   1  0
 *	        +---+------+----------------------+---+
 *	        | 1 | node | the clock mod 2^27   | W |   W: FR_WORKINGSET
 *	        +---+------+----------------------+---+
 *
 * Each node has its clock and its lists.
 * Source: Linux mm/workingset.c.
 */
#ifndef PAGEFS_VM_WORKINGSET_H
#define PAGEFS_VM_WORKINGSET_H

#include "../phys/phys.h"

uint32_t workingset_eviction(struct vm *m, pfn_t pfn);
/* The frame is on no list yet. */
void workingset_refault(struct vm *m, pfn_t pfn, uint32_t shadow);
/* A page of the node became active. */
static inline void workingset_activation(struct vm *m, unsigned node)
{
	m->root->node[node].nonresident_age++;
}

#endif
