/*
 * The future of a trace: at which of its accesses each page is used next.  For
 * the policy opt, which no machine could have.
 *
 * One pass before the run, from the end to the beginning, links each access to
 * the next one of its page; a page stands at the first that is still to come.
 *
 *	access     0 1 2 3 4 5 6 7      page 0 -> 1 -> 4 -> 6
 *	page       7 0 1 2 0 3 0 4           1 -> 2
 *	next use   - 4 - - 6 - - -           7 -> 0           ...
 *
 * Derived, and empty between commands: outside a trace nothing is known.
 */
#ifndef PAGEFS_VM_FUTURE_H
#define PAGEFS_VM_FUTURE_H

#include "mmu.h"

#define FUTURE_NEVER UINT64_MAX

/* Reserves address space for it: 0, -ENOMEM. */
int future_init(struct vm *m);
void future_free(struct vm *m);

/* Learns the pages of records; returns for how many, from the first on: 32
 * million accesses and 16 million pages are known ahead. */
size_t future_learn(struct vm *m, const void *records, size_t nr);
void future_forget(struct vm *m);
/* The record in progress, as an index; it only grows. */
void future_at(struct vm *m, size_t record);

/* Pages are numbered 1, 2, ...; 0 is one without a future. */
uint32_t future_nr_pages(const struct vm *m);
vaddr_t future_va(const struct vm *m, uint32_t page);
uint32_t future_page(const struct vm *m, vaddr_t va);
/* The first record from the one in progress on that uses it, FUTURE_NEVER. */
uint64_t future_next(const struct vm *m, uint32_t page);
/* The record in progress has used it. */
void future_used(struct vm *m, uint32_t page);

#endif
