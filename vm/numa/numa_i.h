/* What the files of numa/ share. */
#ifndef PAGEFS_VM_NUMA_I_H
#define PAGEFS_VM_NUMA_I_H

#include "../mm/mm_i.h"
#include "mempolicy.h"

/* The machine's nodes, a mask. */
static inline uint32_t all_nodes(const struct vm *m)
{
	return (1u << m->root->config.nodes) - 1;
}

/* ---- policies (mempolicy.c) ---- */
/* The mode and its flags alone: 0 or -EINVAL. */
int mpol_check_mode(struct vm *m, uint64_t mode);
/* A policy of a mode that was checked: 0 or -EINVAL. */
int mpol_make(struct vm *m, uint64_t mode, uint64_t nodes, struct mempolicy *p);
int numa_hole(struct vm *m, vaddr_t va); /* -EFAULT */

/* ---- pages (move.c) ---- */
/*
 * Calls fn for each page that v maps in [start, end), a huge one once, by its
 * first frame; what is no page of a process or file is left out.  fn may move
 * it.  Stops when fn returns not 0, and returns that.
 */
typedef int numa_page_fn(
	struct vm *m, struct vma *v, vaddr_t va, pfn_t pfn, void *ctx);
int numa_each_page(struct vm *m, struct vma *v, vaddr_t start, vaddr_t end,
	numa_page_fn *fn, void *ctx);
/* What MOVE (or MOVE_ALL) means for it: one of several processes stays. */
static inline bool numa_leaves_alone(uint64_t flags, bool shared)
{
	return shared && !(flags & MPOL_MF_MOVE_ALL);
}

#endif
