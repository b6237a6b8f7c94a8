/*
 * Policies of shared memory: they belong to the object, page by page, so that
 * all processes that map it go by them, and they outlive the mapping.
 *
 *	object      0            8           12            20
 *	            | bind:1     |           | interleave  |
 *	inode.policies -> [0, 8) -> [12, 20)
 *
 * Source: Linux mm/mempolicy.c (mpol_set_shared_policy,
 * shared_policy_replace), mm/shmem.c (shmem_set_policy, shmem_get_policy).
 */
#include "../disk/disk.h"
#include "numa_i.h"

static const struct mempolicy none;

static struct mpol_range *range_at(const struct vm *m, idx_t i)
{
	return (struct mpol_range *)m->arena.seg[SEG_MPOL].base + i;
}

struct inode *mpol_object(const struct vm *m, const struct vma *v)
{
	struct inode *o =
		v->file ? inode_at(m, file_at(m, v->file)->inode) : NULL;

	return o && o->type == INODE_SHMEM ? o : NULL;
}

const struct mempolicy *mpol_of_object(
	const struct vm *m, const struct inode *o, uint64_t page)
{
	for (idx_t i = o->policies; i; i = range_at(m, i)->next) {
		const struct mpol_range *r = range_at(m, i);

		if (page < r->start)
			break;
		if (page < r->end)
			return &r->policy;
	}
	return &none;
}

const struct mempolicy *mpol_at(
	const struct vm *m, const struct vma *v, vaddr_t va)
{
	const struct inode *o = mpol_object(m, v);

	return o ? mpol_of_object(m, o, vma_pgoff_at(m, v, va)) : &v->policy;
}

/* A new range between the one that *link leads to and the one before. */
static void insert(struct vm *m, idx_t *link, uint64_t start, uint64_t end,
	const struct mempolicy *p)
{
	idx_t i = pool_alloc(m, SEG_MPOL);

	*range_at(m, i) = (struct mpol_range){
		.start = start, .end = end, .policy = *p, .next = *link};
	*link = i;
}

/* Takes pages [start, end) out of all ranges; where the next one begins. */
static idx_t *clear(struct vm *m, struct inode *o, uint64_t start, uint64_t end)
{
	idx_t *link = &o->policies;

	while (*link && range_at(m, *link)->start < end) {
		struct mpol_range *r = range_at(m, *link);
		idx_t gone = *link;

		if (r->start < start && r->end > end)
			insert(m, &r->next, end, r->end, &r->policy);
		if (r->start >= start && r->end <= end) {
			*link = r->next;
			pool_free(m, SEG_MPOL, gone);
			continue;
		}
		if (r->start >= start) {
			r->start = end;
			break;
		}
		r->end = r->end < start ? r->end : start;
		link = &r->next;
	}
	return link;
}

int mpol_share(struct vm *m, const struct vma *v, const struct mempolicy *p)
{
	struct inode *o = mpol_object(m, v);
	uint64_t end = v->pgoff + vma_pages(m, v);
	idx_t *link;

	if (!o)
		return 0;
	if (pool_room(m, SEG_MPOL) < 2)
		return vm_fail(m, ENOMEM, "the machine's table \"%s\" is full",
			arena_seg_name(SEG_MPOL));
	link = clear(m, o, v->pgoff, end);
	if (p->mode)
		insert(m, link, v->pgoff, end, p);
	return 0;
}

void mpol_forget(struct vm *m, struct inode *n)
{
	while (n->policies) {
		idx_t i = n->policies;

		n->policies = range_at(m, i)->next;
		pool_free(m, SEG_MPOL, i);
	}
}

/* ---- check ------------------------------------------------------------------
 */

/* A policy leads to nodes that there are. */
static bool is_sound(const struct vm *m, const struct mempolicy *p)
{
	uint32_t mode = p->mode & ~MPOL_MODE_FLAGS;

	if (p->nodes & ~all_nodes(m) || p->home > m->root->config.nodes ||
		mode >= NR_MPOLS)
		return false;
	return mode == MPOL_DEFAULT || mode == MPOL_LOCAL ? !p->nodes
							  : p->nodes;
}

/* Ranges of an object, sorted and apart. */
static int check_object(struct vm *m, idx_t inode, uint32_t *nr)
{
	const struct inode *n = inode_at(m, inode);
	uint64_t at = 0;

	for (idx_t i = n->policies; i; i = range_at(m, i)->next) {
		const struct mpol_range *r = range_at(m, i);

		if (i >= m->root->pool[SEG_MPOL].nr || r->start < at ||
			r->end <= r->start || !is_sound(m, &r->policy) ||
			!r->policy.mode || n->type != INODE_SHMEM)
			return vm_fail(m, EIO,
				"inode %u has a policy for pages %llu to %llu",
				n->ino, (unsigned long long)r->start,
				(unsigned long long)r->end);
		at = r->end;
		++*nr;
	}
	return 0;
}

static int check_mm(struct vm *m, const struct mm *mm)
{
	const struct vma *v;

	vma_for_each (m, mm, v)
		if (!is_sound(m, &v->policy))
			return vm_fail(m, EIO,
				"the mapping 0x%llx has policy 0x%x of nodes "
				"0x%x",
				(unsigned long long)v->start, v->policy.mode,
				v->policy.nodes);
	return 0;
}

int numa_check(struct vm *m)
{
	uint32_t nr = 0;
	int err = 0;

	for (idx_t i = m->root->first_task; i && !err; i = task_at(m, i)->next)
		if (!is_sound(m, &task_at(m, i)->policy) ||
			task_at(m, i)->il_prev >= MAX_NODES)
			err = vm_fail(m, EIO, "task %u has policy 0x%x",
				task_at(m, i)->pid, task_at(m, i)->policy.mode);
	for (idx_t i = 1; i < m->root->pool[SEG_MM].nr && !err; i++)
		if (mm_at(m, i)->pgd)
			err = check_mm(m, mm_at(m, i));
	for (idx_t i = 1; i < m->root->pool[SEG_INODE].nr && !err; i++)
		if (inode_at(m, i)->type == INODE_SHMEM)
			err = check_object(m, i, &nr);
	if (!err && nr != pool_live(m, SEG_MPOL))
		err = vm_fail(m, EIO,
			"objects have %u policies, %u are counted", nr,
			pool_live(m, SEG_MPOL));
	return err;
}
