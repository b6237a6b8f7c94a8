/* What the files of numa/ share. */
#ifndef PAGEFS_VM_NUMA_I_H
#define PAGEFS_VM_NUMA_I_H

#include "../mmu/mmu.h"
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

/* ---- objects (shared.c) ---- */
/* Of a mapping of shared memory, or NULL. */
struct inode *mpol_object(const struct vm *m, const struct vma *v);
const struct mempolicy *mpol_of_object(
	const struct vm *m, const struct inode *o, uint64_t page);

/* ---- turns ---- */
/* The node that t's next page comes from, as it interleaves (place.c). */
unsigned numa_turn(const struct vm *m, const struct task *t);
/* Pages in a row from a node; 1 if nobody said otherwise. */
static inline unsigned numa_weight(const struct vm *m, unsigned node)
{
	return m->root->set.il_weight[node] ? m->root->set.il_weight[node] : 1;
}

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
