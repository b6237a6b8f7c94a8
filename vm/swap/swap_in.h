#ifndef PAGEFS_VM_SWAP_IN_H
#define PAGEFS_VM_SWAP_IN_H

#include "swap.h"

/*
 * The frame that has a slot's page, in the swap cache; *major is set to true if
 * it had to be read, then with its neighbours.  PFN_NONE with ENOMEM.
 */
pfn_t swap_in(struct vm *m, uint32_t slot, bool *major);

/* The same for a page of shared memory, whose reference to the slot ends: a
 * frame of state SHMEM that is in no cache yet. */
pfn_t swap_in_object(struct vm *m, uint32_t slot, bool *major);

#endif
