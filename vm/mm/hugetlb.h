/*
 * Huge pages of pools that the administrator fills (nr_hugepages), one for each
 * size, mapped by files of their own: mmap(MAP_HUGETLB),
 * memfd_create(MFD_HUGETLB).  A page of size 2, of 1 GiB, is gigantic: larger
 * than the largest block of the buddy allocator.
 *
 *	free     on the list of the node that they lie on
 *	resv     of the free ones: promised to mappings that have not faulted
 *	         yet, no matter of which node
 *	surplus  of all: taken on demand, up to nr_overcommit_hugepages, and
 *	         given back when they are free; no gigantic ones
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

#include "../abi.h"
#include "../disk/disk.h"
#include "page_i.h"

/* In vma.hugetlb. */
#define HUGETLB_OWNER 1u /* private pages are promised to it */
#define HUGETLB_UNMAPPED \
	2u /* its parent took pages away: new ones are SIGBUS */

/* Sizes of huge pages that there are, from 1 on. */
static inline unsigned hugetlb_sizes(const struct vm *m)
{
	unsigned level = m->arch->nr_levels - 1u, nr = 0;

	while (nr < level && m->arch->level[level - 1 - nr].may_be_leaf)
		nr++;
	return nr;
}

static inline unsigned size_order(const struct vm *m, unsigned size)
{
	return pt_shift(m, size) - m->page_shift;
}

/* ---- the pools (hugetlb_pool.c) ---- */
/* Of all nodes; `first` is none. */
struct hugetlb_node hugetlb_sum(const struct vm *m, unsigned size);
/* Frames of all pools. */
uint64_t hugetlb_frames(const struct vm *m);
/* Makes the pool larger or smaller, to nr pages without surplus, by pages of
 * these nodes (a mask), as far as memory and use allow. */
void hugetlb_resize(struct vm *m, unsigned size, uint64_t nr, unsigned nodes);
/*
 * Free gigantic pages of these nodes become huge ones.  As in Linux promised
 * ones too, if there is one that is not.  0; -EBUSY: all are in use.  (Linux
 * says EBUSY also when it runs out of them halfway.)
 */
int hugetlb_demote(struct vm *m, uint64_t nr, unsigned nodes);
/* Promises nr pages to the running task, taking surplus if need be; 0 or
 * -ENOMEM. */
int hugetlb_promise(struct vm *m, unsigned size, uint64_t nr);
void hugetlb_unpromise(struct vm *m, unsigned size, uint64_t nr);
/* A page for va by the policy of v, a promised one or one more; not zeroed.
 * PFN_NONE, no sentence. */
pfn_t hugetlb_take(
	struct vm *m, const struct vma *v, vaddr_t va, bool promised);
/* Back to the pool; FR_HUGETLB_RESTORE says whether it is promised again. */
void hugetlb_give(struct vm *m, pfn_t pfn);
/* For a page that moves, where the placement in force says: a free one that is
 * not promised, or (fresh) one more; PFN_NONE. */
pfn_t hugetlb_take_place(struct vm *m, unsigned size, bool *fresh);
/* The old place is free: so that there are as many pages as before. */
void hugetlb_give_place(struct vm *m, pfn_t from, pfn_t to, bool fresh);
/* Moves a page that is in use (hugetlb_move.c): 0 or -ENOMEM. */
int hugetlb_migrate(struct vm *m, pfn_t pfn);
int hugetlb_check(struct vm *m);

/* ---- files (hugetlb_file.c) ---- */
/* A nameless file of pages of that size with one reference; 0: ENOMEM. */
idx_t hugetlb_create(
	struct vm *m, const char *name, unsigned huge_size, uint64_t bytes);
/* What memfd_create(2) makes. */
idx_t hugetlb_memfd(struct vm *m, const char *name, unsigned huge_size);
/* The size that flags of mmap(2) or memfd_create(2) ask for; 0: there is no
 * such. */
unsigned hugetlb_size_of_flags(const struct vm *m, uint64_t flags);
/* Frees the pages and promises at and beyond huge page `first`. */
void hugetlb_truncate(struct vm *m, struct inode *n, uint64_t first);
/* The size of the file's pages; 0 if it is none of huge pages. */
unsigned hugetlb_file_size(const struct vm *m, idx_t file);
/* What mmap does for a new range of the file: promises, the file's size. */
int hugetlb_map(struct vm *m, idx_t file, uint64_t pgoff, uint64_t pages,
	uint64_t vm_flags);

/* The size of a mapping's pages. */
static inline unsigned vma_huge_size(const struct vm *m, const struct vma *v)
{
	if (!(v->flags & VM_HUGETLB))
		return 0;
	return inode_at(m, file_at(m, v->file)->inode)->huge_size;
}

/* In bytes. */
static inline uint64_t vma_page_bytes(const struct vm *m, const struct vma *v)
{
	return 1ull << pt_shift(m, vma_huge_size(m, v));
}

/* ---- entries (hugetlb.c) ---- */
/* 0, -ENOMEM, or FAULT_BUS with a sentence. */
int hugetlb_fault(struct vm *m, struct vma *v, vaddr_t va, bool write);
void hugetlb_zap(struct vm *m, struct vma *v, vaddr_t start, vaddr_t end);
/* The VMA ends: what is promised to it no longer is. */
void hugetlb_close(struct vm *m, struct vma *v);
void hugetlb_copy(struct vm *m, const struct vma *v, idx_t to);
/* The entries of [from, from + len) go to v, which begins there or before. */
int hugetlb_move(struct vm *m, const struct vma *v, vaddr_t from, vaddr_t to,
	uint64_t len);
void hugetlb_protect(
	struct vm *m, const struct vma *v, vaddr_t start, vaddr_t end);

#endif
