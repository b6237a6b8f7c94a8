/* Small pages that become a huge one: madvise(MADV_COLLAPSE), khugepaged. */
#ifndef PAGEFS_VM_COLLAPSE_H
#define PAGEFS_VM_COLLAPSE_H

#include "mm_i.h"

/* What came of one span of a huge page. */
enum collapse {
	COLLAPSE_OK,
	COLLAPSE_MAPPED,    /* it is one huge page already */
	COLLAPSE_NO_TABLE,  /* not even the table above the leaf table exists */
	COLLAPSE_EMPTY,	    /* there is no leaf table */
	COLLAPSE_ABSENT,    /* pages left while others came back from swap */
	COLLAPSE_FAILED,    /* a guard page, or no memory for swapped pages */
	COLLAPSE_NO_MEMORY, /* no free block is large enough */
	COLLAPSE_NOT_WORTH, /* by the rules */
	/* of shared memory: */
	COLLAPSE_HUGE,	  /* the cache has a huge page already */
	COLLAPSE_GONE,	  /* no page of it exists */
	COLLAPSE_PRIVATE, /* private copies are mapped there */
};

/* When it is worth it. */
struct collapse_rules {
	/* entries at most: without a page, in swap, of pages shared */
	uint32_t max_none, max_swap, max_shared;
	bool used;    /* some page was used lately; half of them, if some are in
		       * swap */
	unsigned gfp; /* how far to go for the block */
};

/* Whether [va, va + huge_size) of v, anonymous memory, can become a huge page:
 * OK, MAPPED, NO_TABLE, EMPTY, NOT_WORTH. */
enum collapse collapse_scan(struct vm *m, const struct vma *v, vaddr_t va,
	const struct collapse_rules *r);
/* Makes it one after collapse_scan() said OK: OK, ABSENT, FAILED, NO_MEMORY,
 * NOT_WORTH. */
enum collapse collapse_make(struct vm *m, struct vma *v, vaddr_t va,
	const struct collapse_rules *r);

/*
 * Of shared memory, the pages that v has at [va, va + huge_size): the cache
 * gets a huge page, which nothing maps: OK, HUGE, GONE, FAILED, NO_MEMORY,
 * NOT_WORTH.  Then the leaf table at va gives way to a huge entry, or to none:
 * OK, MAPPED, ABSENT, FAILED, PRIVATE.
 */
enum collapse collapse_shmem(struct vm *m, const struct vma *v, vaddr_t va,
	const struct collapse_rules *r);
enum collapse collapse_map(
	struct vm *m, struct vma *v, vaddr_t va, bool install);

/* madvise(MADV_COLLAPSE) on a part of v: 0, -EINVAL, -ENOMEM. */
int mm_collapse(struct vm *m, struct vma *v, vaddr_t start, vaddr_t end);

#endif
