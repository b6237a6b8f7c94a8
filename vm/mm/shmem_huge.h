/* Who gets large pages of shared memory, and where. */
#ifndef PAGEFS_VM_SHMEM_HUGE_H
#define PAGEFS_VM_SHMEM_HUGE_H

#include "../disk/disk.h"
#include "mm_i.h"

enum shmem_use {
	SHMEM_FAULT,
	SHMEM_ASKED, /* madvise(MADV_COLLAPSE) */
};

/* Whether the span of a huge page at va, rounded down, lies in v, and in the
 * file as in memory. */
bool huge_suits(const struct vm *m, const struct vma *v, vaddr_t va);
/* Whether any mapping of v's may be huge: THPeligible, khugepaged, collapse. */
bool shmem_huge_eligible(
	const struct vm *m, const struct vma *v, enum shmem_use use);
/* v maps an object of shared memory. */
bool vma_is_shmem(const struct vm *m, const struct vma *v);
/* The page, in a new large one where that may be; PFN_NONE with ENOMEM or
 * ENOSPC. */
pfn_t shmem_page(struct vm *m, idx_t inode, const struct vma *v, vaddr_t va,
	uint64_t page, uint64_t end, bool *major);

#endif
