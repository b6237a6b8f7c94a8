/*
 * Memory policies: from which nodes a task or a mapping gets its pages.
 *
 *	default           local: the node of the processor that asks
 *	preferred:N       node N, then those near to it
 *	bind:LIST         these nodes alone
 *	interleave:LIST   one node after the other
 *	weighted          the same, several pages from each: its weight
 *	preferred many    these nodes, nearest first, then any
 *
 * A mapping's policy decides about the pages that faults bring to it, the
 * task's about all others: page tables, page cache, mappings without one.
 * What mbind(2) says of a mapping of shared memory counts for the object, in
 * all processes (shared.c).
 *
 * Source: Linux mm/mempolicy.c, Documentation/admin-guide/mm/
 * numa_memory_policy.rst, set_mempolicy(2), mbind(2).
 */
#ifndef PAGEFS_VM_MEMPOLICY_H
#define PAGEFS_VM_MEMPOLICY_H

#include "../machine.h"

struct task;
struct vma;

/* Linux's numbers: MPOL_*. */
enum mpol_mode {
	MPOL_DEFAULT,
	MPOL_PREFERRED,
	MPOL_BIND,
	MPOL_INTERLEAVE,
	MPOL_LOCAL,
	MPOL_PREFERRED_MANY,
	MPOL_WEIGHTED_INTERLEAVE,
	NR_MPOLS
};

/* In one number with the mode. */
#define MPOL_F_STATIC_NODES   0x8000u
#define MPOL_F_RELATIVE_NODES 0x4000u
#define MPOL_F_NUMA_BALANCING 0x2000u
#define MPOL_MODE_FLAGS	      0xe000u

/* Of get_mempolicy. */
#define MPOL_F_NODE	    1u
#define MPOL_F_ADDR	    2u
#define MPOL_F_MEMS_ALLOWED 4u

/* Of mbind. */
#define MPOL_MF_STRICT	 1u
#define MPOL_MF_MOVE	 2u
#define MPOL_MF_MOVE_ALL 4u

/* Equal policies are equal bytes; no policy is all zero. */
struct mempolicy {
	uint32_t mode;	/* with its flags */
	uint16_t nodes; /* mask of those in force, 0 for local */
	uint16_t home;	/* where bind and preferred many begin, + 1; 0 here */
	uint64_t asked; /* what was asked for, kept with static and relative */
};

static inline enum mpol_mode mpol_mode(const struct mempolicy *p)
{
	return (enum mpol_mode)(p->mode & ~MPOL_MODE_FLAGS);
}

static inline bool mpol_equal(
	const struct mempolicy *a, const struct mempolicy *b)
{
	return a->mode == b->mode && a->nodes == b->nodes &&
	       a->home == b->home && a->asked == b->asked;
}

#define MPOL_TEXT 160
/* As numa_maps has it: "bind=static:0-1"; the length.  The nodes shown are
 * those in force, or those that were asked for. */
size_t mpol_text(
	const struct mempolicy *p, uint64_t nodes, char buf[MPOL_TEXT]);
/* "0-2,5"; the length, 0 for an empty mask. */
size_t mpol_nodes_text(uint64_t nodes, char *buf, size_t size);

/* Part of vm_check(): policies are of modes and nodes that there are. */
int numa_check(struct vm *m);

/* ---- shared memory (shared.c) ---- */
/* Pages [start, end) of an object have a policy; sorted, apart. */
struct mpol_range {
	uint64_t start, end;
	struct mempolicy policy;
	idx_t next;
	uint32_t reserved;
};
struct inode;
/* The policy in force at va of v: the object's, the mapping's, or one that is
 * all zero. */
const struct mempolicy *mpol_at(
	const struct vm *m, const struct vma *v, vaddr_t va);
/* The object of v, if it is one of shared memory: that part of it has the
 * policy now.  0 or -ENOMEM. */
int mpol_share(struct vm *m, const struct vma *v, const struct mempolicy *p);
void mpol_forget(struct vm *m, struct inode *n); /* the object ends */

/* ---- placement: what the policies mean for the next allocation ---- */
/* By the running task's policy. */
void place_by_task(struct vm *m);
/* By the policy of v, or else the task's, for 1 << order pages at va. */
void place_by_vma(
	struct vm *m, const struct vma *v, vaddr_t va, unsigned order);
static inline void place_for(
	struct vm *m, const struct vma *v, vaddr_t va, unsigned order)
{
	if (m->root->config.nodes > 1)
		place_by_vma(m, v, va, order);
}

/* The same for a huge page: the preferred node alone, if there is one. */
void place_huge(struct vm *m, const struct vma *v, vaddr_t va);
/* For page n of an object of shared memory. */
void place_by_object(
	struct vm *m, const struct inode *o, uint64_t n, unsigned order);
/* As near as can be on the nodes that the running task is bound to, if it is:
 * other policies do not count. */
void place_bound(struct vm *m);
/* After the allocation of that page. */
static inline void place_back(struct vm *m)
{
	if (m->root->config.nodes > 1)
		place_by_task(m);
}

/* On one node, or nowhere: pages that move. */
void place_on_node(struct vm *m, unsigned node);
/* Before each block: the next node, when the task interleaves. */
void place_next(struct vm *m);
/* The same, and the turn is not taken. */
void place_peek(struct vm *m);

/* ---- calls: 0 or -errno with a sentence ---- */
/* nodes is a mask; mode has its flags. */
int numa_set_mempolicy(
	struct vm *m, struct task *t, uint64_t mode, uint64_t nodes);
int numa_mbind(struct vm *m, struct task *t, vaddr_t addr, uint64_t len,
	uint64_t mode, uint64_t nodes, uint64_t flags);
/* The policies of a range begin at that node: bind and preferred many. */
int numa_set_home_node(struct vm *m, struct task *t, vaddr_t addr, uint64_t len,
	uint64_t node, uint64_t flags);
/* sys/kernel/mm/mempolicy/weighted_interleave. */
int numa_set_weight(struct vm *m, uint64_t node, uint64_t weight);
int numa_set_weight_auto(struct vm *m, bool on);
/* What get_mempolicy(2) stores: a mode with its flags, or a node; and nodes. */
struct mpol_answer {
	uint32_t number;
	uint64_t nodes;
};
int numa_get_mempolicy(struct vm *m, struct task *t, vaddr_t addr,
	uint64_t flags, struct mpol_answer *a);

/* What is asked of move_pages(2). */
struct move_request {
	unsigned nr;
	const vaddr_t *page;
	const int *node; /* NULL: only ask */
	uint64_t flags;
};
/* What Linux leaves in a status that it does not write. */
#define MOVE_UNTOLD INT32_MIN
/* status gets the node of each page, or -errno: -ENOENT there is none, -EFAULT
 * no mapping or the zero page, -EACCES it is shared, -EBUSY it cannot move.
 * 0, -errno, or how many pages are left when a large page got no further. */
int numa_move_pages(struct vm *m, struct task *t, int pid,
	const struct move_request *r, int *status);
/* migrate_pages(2): how many pages could not be moved. */
int64_t numa_migrate_pages(
	struct vm *m, struct task *t, int pid, uint64_t from, uint64_t to);

#endif
