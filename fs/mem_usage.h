/*
 * What the pages mapped in a range cost: the sums of smaps.
 *
 * A page is private when one page-table entry maps it and shared when several
 * do, be it twice by one process; its proportional share is page size divided
 * by that number, kept with 12 fractional bits.  The zero page counts as
 * nothing.  Source: Linux fs/proc/task_mmu.c, smaps_account().
 */
#ifndef PAGEFS_FS_MEM_USAGE_H
#define PAGEFS_FS_MEM_USAGE_H

#include "../vm/mm/mm.h"

#define PSS_SHIFT 12

struct mem_usage {
	uint64_t rss, referenced, anonymous, lazyfree, swap; /* bytes */
	uint64_t shared_clean, shared_dirty;		     /* bytes */
	uint64_t private_clean, private_dirty;
	/* bytes << PSS_SHIFT */
	uint64_t shared_hugetlb, private_hugetlb; /* bytes, in no other sum */
	uint64_t anon_huge, shmem_huge;		  /* bytes in huge entries */
	uint64_t pss, pss_dirty, pss_anon, pss_file, pss_shmem, pss_locked,
		swap_pss;
};

/* Adds the pages of one VMA. */
void mem_usage_add(struct mem_usage *u, const struct vm *m, const struct mm *mm,
	const struct vma *v);

#endif
