/*
 * The future of a trace: at which of its accesses each page is used next.  For
 * the policy opt, which no machine could have.
 *
 * One pass before the run links each access to the next one of its page.  A
 * page that is used remembers by which access: from there it is one step.
 *
 *	access     0 1 2 3 4 5 6 7      page 0 -> 1 -> 4 -> 6
 *	page       7 0 1 2 0 3 0 4           1 -> 2
 *	next use   - 4 - - 6 - - -           7 -> 0           ...
 *
 * Derived, and empty between commands: outside a trace nothing is known.  What
 * is known of a trace that comes in pieces is kept from piece to piece.
 */
#ifndef PAGEFS_VM_FUTURE_H
#define PAGEFS_VM_FUTURE_H

#include "mmu.h"

#define FUTURE_NEVER UINT64_MAX

/* Reserves address space for it: 0, -ENOMEM. */
int future_init(struct vm *m);
void future_free(struct vm *m);

/* Learns the pages of records behind those that it knows; returns of how many,
 * from the first on: 32 million accesses and 16 million pages are known ahead.
 */
size_t future_learn(struct vm *m, const void *records, size_t nr);
void future_forget(struct vm *m);
/* Records that it knows and that have not run. */
size_t future_left(const struct vm *m);
/* The record in progress, counted from the first one that has not run; it only
 * grows.  And: so many more have run. */
void future_at(struct vm *m, size_t record);
void future_done(struct vm *m, size_t nr);

/*
 * Uses have numbers, 0 is none.  That of a record which hits the TLB, and so
 * touches one page alone, is future_hit() plus its place behind the first
 * record that has not run; that of the page of va by the record in progress;
 * the one before the first of a page, by which pages 1, 2, ... begin.
 */
uint64_t future_hit(const struct vm *m);
uint64_t future_use(struct vm *m, vaddr_t va);
uint64_t future_before(const struct vm *m, uint32_t page);
/* The record that uses the same page next, FUTURE_NEVER. */
uint64_t future_next(const struct vm *m, uint64_t use);

/* The pages that it knows. */
uint32_t future_nr_pages(const struct vm *m);
vaddr_t future_va(const struct vm *m, uint32_t page);

#endif
