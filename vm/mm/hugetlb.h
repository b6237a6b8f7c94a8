/*
 * Huge pages of a pool that the administrator fills (nr_hugepages), mapped by
 * files of their own: mmap(MAP_HUGETLB), memfd_create(MFD_HUGETLB).
 *
 *	free   on the pool's list
 *	resv   of the free ones: promised to mappings that have not faulted yet
 *	surplus of all: taken on demand, up to nr_overcommit_hugepages, and
 *given back when they are free
 *
 * What is promised.  A shared mapping's promises are the file's: its tree
 * `blocks` has an entry for each huge page that is promised or there.  A
 * private mapping's promises belong to the VMA (HUGETLB_OWNER): all its pages
 * but those that were handed out, which are there or left HUGETLB_USED behind.
 * A child has no promises for what it inherits.
 *
 * Source: Linux mm/hugetlb.c, fs/hugetlbfs/inode.c.
 */
#ifndef PAGEFS_VM_HUGETLB_H
#define PAGEFS_VM_HUGETLB_H

#include "../disk/disk.h"
#include "page_i.h"

/* In vma.hugetlb. */
#define HUGETLB_OWNER 1u /* private pages are promised to it */
#define HUGETLB_UNMAPPED \
	2u /* its parent took pages away: new ones are SIGBUS */

/* ---- the pool (hugetlb_pool.c) ---- */
/* Makes the pool larger or smaller, as far as memory and use allow. */
void hugetlb_resize(struct vm *m, uint64_t nr);
/* Promises nr pages, taking surplus if need be; 0 or -ENOMEM. */
int hugetlb_promise(struct vm *m, uint64_t nr);
void hugetlb_unpromise(struct vm *m, uint64_t nr);
/* A page, a promised one or one more; not zeroed.  PFN_NONE, no sentence. */
pfn_t hugetlb_take(struct vm *m, bool promised);
/* Back to the pool; FR_HUGETLB_RESTORE says whether it is promised again. */
void hugetlb_give(struct vm *m, pfn_t pfn);
int hugetlb_check(struct vm *m);

/* ---- files ---- */
/* A nameless file of huge pages with one reference; 0: ENOMEM, EINVAL. */
idx_t hugetlb_create(struct vm *m, const char *name, uint64_t size);
/* Frees the pages and promises at and beyond huge page `first`. */
void hugetlb_truncate(struct vm *m, struct inode *n, uint64_t first);
/* The length that a mapping of the file gets; whether the file has such. */
bool hugetlb_is_file(const struct vm *m, idx_t file);
/* What mmap does for a new range of the file: promises, the file's size. */
int hugetlb_map(struct vm *m, idx_t file, uint64_t pgoff, uint64_t pages,
	uint64_t vm_flags);

/* ---- entries (hugetlb.c) ---- */
/* 0, -ENOMEM, or FAULT_BUS with a sentence. */
int hugetlb_fault(struct vm *m, struct vma *v, vaddr_t va, bool write);
void hugetlb_zap(struct vm *m, struct vma *v, vaddr_t start, vaddr_t end);
/* The VMA ends: what is promised to it no longer is. */
void hugetlb_close(struct vm *m, struct vma *v);
void hugetlb_copy(struct vm *m, const struct vma *v, idx_t to);
void hugetlb_protect(
	struct vm *m, const struct vma *v, vaddr_t start, vaddr_t end);
/* An entry that marks a promise kept, of a page that is gone. */
bool hugetlb_is_used(const struct vm *m, uint64_t e);

#endif
