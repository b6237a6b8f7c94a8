/* Nodes of the search trees; the drawing is in vma_tree.c. */
#ifndef PAGEFS_VM_VMA_TREE_I_H
#define PAGEFS_VM_VMA_TREE_I_H

#include "mm_i.h"

#define NODE_MAX 32u
#define NODE_MIN 8u

struct vma_node {
	uint32_t parent; /* 0: the root; of a free node: the next free one */
	idx_t mm;
	uint32_t nr;
	bool leaf;
	uint32_t item[NODE_MAX]; /* VMAs of a leaf, else nodes */
	vaddr_t end[NODE_MAX];	 /* of the VMA, or the last of the child */
	uint64_t gap[NODE_MAX];	 /* unused ones are 0 */
};

/* Node 0 heads the pool. */
#define pool_free_list parent
#define pool_used      nr

/*
 * `recent` is a guess for the next search, made by changes and by the choice
 * of an address alone: a call that maps or unmaps looks at one place several
 * times, while searches on behalf of readers write nothing.
 */
struct vma_tree {
	uint32_t root;		    /* 0: empty */
	uint32_t recent, recent_at; /* a leaf and an entry; may be stale */
};

static inline struct vma_node *node_at(const struct vm *m, uint32_t i)
{
	return (struct vma_node *)m->vma_nodes + i;
}

static inline uint32_t node_index(const struct vm *m, const struct vma_node *n)
{
	return n - (struct vma_node *)m->vma_nodes;
}

/* The leaf of each VMA, 0 while it is in no tree. */
static inline uint32_t *leaf_of(const struct vm *m, idx_t vma)
{
	return (uint32_t *)m->vma_leaves + vma;
}

static inline uint64_t node_max_gap(const struct vma_node *n)
{
	uint64_t max[4] = {0};

	for (unsigned i = 0; i < NODE_MAX; i += 4)
		for (unsigned k = 0; k < 4; k++)
			max[k] =
				n->gap[i + k] > max[k] ? n->gap[i + k] : max[k];
	max[0] = max[0] > max[1] ? max[0] : max[1];
	max[2] = max[2] > max[3] ? max[2] : max[3];
	return max[0] > max[2] ? max[0] : max[2];
}

static inline uint64_t gap_below(const struct vm *m, const struct vma *v)
{
	return v->start - (v->prev ? vma_at(m, v->prev)->end : 0);
}

#endif
