/* What the handlers of faults share. */
#ifndef PAGEFS_VM_FAULT_I_H
#define PAGEFS_VM_FAULT_I_H

#include "page_i.h"

/* One fault. */
struct fault {
	struct vm *m;
	struct vma *v;
	struct mm *mm;
	vaddr_t va; /* start of the page */
	bool write, major, swapped;
	bool marked; /* the page had the mark of readahead */
	/* of a VMA with a file */
	struct inode *n;
	idx_t inode;
	uint64_t page; /* of the file */
};

static inline void fault_count(struct fault *x, enum vm_counter c)
{
	x->m->root->count[c]++;
}

/* A private copy of a frame of the kernel or the page cache. */
int fault_cow_from(struct fault *x, pfn_t from);

/* ---- file_fault.c ---- */
/* Fills in what the VMA's file is. */
void fault_use_file(struct fault *x);
/* Before a store to a shared page: a page of a file needs its blocks. */
int fault_make_dirty(struct fault *x, pfn_t pfn);
/* Nothing is mapped at x->va. */
int file_fault(struct fault *x);

/* Maps a huge page of the cache as a load would: 0, -ENOMEM. */
int file_map_huge(struct vm *m, struct vma *v, vaddr_t va, pfn_t head);

#endif
