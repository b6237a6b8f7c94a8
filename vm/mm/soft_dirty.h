/*
 * Soft-dirty tracking: which pages were stored to since 4 was written to
 * clear_refs, as Linux has it with CONFIG_MEM_SOFT_DIRTY (soft_dirty=1).
 *
 * clear_refs clears a software bit of each entry, and its right to store; the
 * fault of the next store sets both.  A VMA that is new since then has
 * VM_SOFTDIRTY: all of it counts as stored to, and nothing in it is noticed.
 *
 * Source: Linux Documentation/admin-guide/mm/soft-dirty.rst, mm/internal.h
 * (pte_needs_soft_dirty_wp).
 */
#ifndef PAGEFS_VM_SOFT_DIRTY_H
#define PAGEFS_VM_SOFT_DIRTY_H

#include "mm.h"

/* What a new VMA has in its flags: 0 where nothing is tracked. */
static inline uint64_t soft_dirty_vma(const struct vm *m)
{
	return m->soft_dirty ? VM_SOFTDIRTY : 0;
}

/* The bit of an entry that names a swap slot. */
static inline uint64_t soft_dirty_swap(const struct vm *m)
{
	return m->soft_dirty ? m->arch->pte.swap_soft_dirty : 0;
}

/* The next store through entry e of v must fault. */
static inline bool soft_dirty_waits(
	const struct vm *m, const struct vma *v, uint64_t e)
{
	return m->soft_dirty &&
	       !((v->flags & VM_SOFTDIRTY) | (e & m->soft_dirty));
}

#endif
