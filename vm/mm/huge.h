/* Transparent huge pages; mm/huge.c tells the life of one. */
#ifndef PAGEFS_VM_HUGE_H
#define PAGEFS_VM_HUGE_H

#include "page_i.h"

/* What huge_fault() gives besides 0 and -ENOMEM: go on with leaf entries. */
#define FAULT_SMALL 3

/* A fault at va in v that a huge entry, or a new one, may settle. */
int huge_fault(struct vm *m, struct vma *v, vaddr_t va, bool write);
static inline vaddr_t huge_up(const struct vm *m, vaddr_t va)
{
	return huge_down(m, va + huge_size(m) - 1);
}

/* Whether small pages of v can become huge ones, whoever asks. */
bool huge_collapsible(const struct vm *m, const struct vma *v);
/* The same where nobody asks: khugepaged. */
bool huge_scannable(const struct vm *m, const struct vma *v);
/* A block of zeros, for who holds no page: PFN_NONE with no sentence. */
pfn_t huge_alloc(struct vm *m, unsigned gfp);
/* How far a fault in v, or a write (NULL), goes for a huge page:
 * vma_thp_gfp_mask(). */
unsigned huge_gfp(const struct vm *m, const struct vma *v);
/* Maps a new huge page at va, where a deposit waits for it. */
void huge_map_new(struct vm *m, struct vma *v, vaddr_t va, pfn_t pfn);
/* Whether faults in v may bring huge pages: THPeligible. */
bool huge_eligible(const struct vm *m, const struct vma *v);
/* Whether an entry maps the huge page of zeros. */
static inline bool huge_is_zero(const struct vm *m, uint64_t e)
{
	return e & m->arch->pte.special;
}

/* Whether a huge entry of a locked VMA maps it. */
bool huge_is_locked(struct vm *m, pfn_t head);
/* Splits the huge entry of va; or the one that a bound of v at va would cut. */
void huge_split(struct vm *m, idx_t mm, vaddr_t va);
void huge_split_at(struct vm *m, const struct vma *v, vaddr_t va);
/*
 * For walks over [va, end): true if a huge entry begins at va and ends in the
 * range.  One that does so by a part only is split.
 */
bool huge_piece(struct vm *m, idx_t mm, vaddr_t va, vaddr_t end);

/* ---- what happens to the huge entry at va ---- */
void huge_zap(struct vm *m, idx_t mm, vaddr_t va);
/* fork: `to` has the tables and the deposit (pt_huge_prepare). */
void huge_copy(struct vm *m, idx_t from, idx_t to, vaddr_t va);
/* It gets the rights of v. */
void huge_protect(struct vm *m, const struct vma *v, vaddr_t va);
/* Makes single pages of the huge pages that [start, end) of v holds a part of,
 * unless another process may have them: before an advice about pages. */
void huge_split_parts(
	struct vm *m, const struct vma *v, vaddr_t start, vaddr_t end);
/* Makes single pages of a huge page, whoever maps it and how: reclaim. */
void huge_break(struct vm *m, pfn_t head);
void huge_clear_bits(struct vm *m, idx_t mm, vaddr_t va, uint64_t bits);
void huge_set_bits(struct vm *m, idx_t mm, vaddr_t va, uint64_t bits);

#endif
