/*
 * Refaults: whether a page that comes back would have stayed, had the active
 * lists been shorter.
 *
 * A clock counts evictions and activations.  A page that is evicted leaves its
 * reading behind as a shadow, in the swap slot or in the inode; when it comes
 * back, the distance says how many pages more the inactive list would have
 * needed to keep it.  If the other lists hold as many, it starts active.
 *
 *	shadow:  31  30                          1  0
 *	        +---+-----------------------------+---+
 *	        | 1 | the clock, modulo 2^30      | W |   W: FR_WORKINGSET
 *	        +---+-----------------------------+---+
 *
 * Source: Linux mm/workingset.c.
 */
#ifndef PAGEFS_VM_WORKINGSET_H
#define PAGEFS_VM_WORKINGSET_H

#include "../phys/phys.h"

uint32_t workingset_eviction(struct vm *m, const struct frame *f);
/* The frame is on no list yet. */
void workingset_refault(struct vm *m, struct frame *f, uint32_t shadow);
/* A page became active. */
static inline void workingset_activation(struct vm *m)
{
	m->root->nonresident_age++;
}

#endif
