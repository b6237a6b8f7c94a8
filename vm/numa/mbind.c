/*
 * mbind(2): the policy of a range, and what becomes of the pages that are there
 * already.
 *
 *	flags         pages on other nodes than those given
 *	-----         -------------------------------------
 *	-             stay
 *	strict        EIO, and nothing has changed
 *	move          move; those of several processes stay
 *	move_all      move
 *	strict,move   move; EIO if one could not, the policy holds all the same
 *
 * Source: Linux mm/mempolicy.c (do_mbind, queue_pages_range, mbind_range,
 * alloc_migration_target_by_mpol).
 */
#include "../mm/migrate.h"
#include "../phys/lru.h"
#include "numa_i.h"

struct bind {
	vaddr_t start, end;
	struct mempolicy policy;
	uint64_t nodes, flags;
	uint64_t failed; /* pages that are misplaced and stay so */
	struct migration move;
};

#define MOVES (MPOL_MF_MOVE | MPOL_MF_MOVE_ALL)

/* ---- what is there --------------------------------------------------------
 */

static int check_page(
	struct vm *m, struct vma *v, vaddr_t va, pfn_t pfn, void *ctx)
{
	struct bind *b = ctx;
	unsigned node = node_of(m, pfn);

	if (b->nodes >> node & 1)
		return 0;
	if (b->flags & MOVES) {
		b->failed +=
			!page_may_move(m, pfn) &&
			!numa_leaves_alone(b->flags, page_is_shared(m, pfn));
		return 0;
	}
	return vm_fail(m, EIO,
		"strict: the page of 0x%llx is on node %u already",
		(unsigned long long)va, node);
}

/* The part of v that the range holds. */
static int each_page(
	struct vm *m, struct vma *v, struct bind *b, numa_page_fn *fn)
{
	return numa_each_page(m, v, v->start > b->start ? v->start : b->start,
		v->end < b->end ? v->end : b->end, fn, b);
}

/* Mapping by mapping, as the kernel walks: holes, then misplaced pages. */
static int check_range(struct vm *m, const struct task *t, struct bind *b)
{
	struct vma *v = vma_overlap(m, t->mm, b->start, b->end), *next;
	bool holes = !b->policy.mode;

	if (!v || (!holes && v->start > b->start))
		return numa_hole(m, b->start);
	for (; v && v->start < b->end; v = next) {
		next = vma_next(m, v);
		if (!holes && v->end < b->end &&
			(!next || next->start > v->end))
			return numa_hole(m, v->end);
		if (b->flags && each_page(m, v, b, check_page))
			return -m->fail.err;
	}
	return 0;
}

/* ---- the policy -----------------------------------------------------------
 */

/* Of a part of v, and of the object behind it. */
static int set_policy(struct vm *m, struct vma *v, vaddr_t start, vaddr_t end,
	const struct mempolicy *p)
{
	v = vma_modify_policy(m, v, start, end, p);
	return v ? mpol_share(m, v, p) : -m->fail.err;
}

static int bind_range(struct vm *m, const struct task *t, const struct bind *b)
{
	for (vaddr_t at = b->start; at < b->end;) {
		struct vma *v = vma_overlap(m, t->mm, at, b->end);
		vaddr_t start, end;

		if (!v)
			return 0;
		start = v->start > at ? v->start : at;
		end = v->end < b->end ? v->end : b->end;
		at = end;
		if (mpol_equal(&v->policy, &b->policy))
			continue;
		if (set_policy(m, v, start, end, &b->policy))
			return -m->fail.err;
	}
	return 0;
}

/* ---- the pages ------------------------------------------------------------
 */

/* A page on its way: va of v maps it. */
struct mover {
	const struct vma *v;
	vaddr_t va;
	pfn_t pfn; /* that va maps, or the first of a large one */
};

/* For it, or a part of it: a huge page stays on the best node if it can, as one
 * that a fault brings. */
static pfn_t target_by_policy(struct vm *m, pfn_t pfn, const void *ctx)
{
	const struct mover *w = ctx;
	vaddr_t va = w->va + ((vaddr_t)(pfn - w->pfn) << m->page_shift);
	unsigned order = frame_at(m, pfn)->order;
	pfn_t to = PFN_NONE;

	if (order && order == huge_order(m)) {
		place_huge(m, w->v, va);
		if (!m->interleaving)
			to = page_target(m, order, GFP_NORETRY);
	}
	place_by_vma(m, w->v, va, order);
	return to ? to : page_target(m, order, 0);
}

static int move_to_policy(
	struct vm *m, struct vma *v, vaddr_t va, pfn_t pfn, void *ctx)
{
	struct bind *b = ctx;
	struct mover w = {.v = v, .va = va, .pfn = pfn};
	int err;

	if (b->nodes >> node_of(m, pfn) & 1 || !page_may_move(m, pfn) ||
		numa_leaves_alone(b->flags, page_is_shared(m, pfn)))
		return 0;
	b->move.ctx = &w;
	place_by_vma(m, v, va, frame_at(m, pfn)->order);
	err = page_move(m, pfn, &b->move);
	place_by_task(m);
	return err;
}

static void move_range(struct vm *m, const struct task *t, struct bind *b)
{
	struct vma *v = vma_overlap(m, t->mm, b->start, b->end);
	bool full = false;

	b->move.target = target_by_policy;
	for (; v && v->start < b->end && !full; v = vma_next(m, v))
		full = each_page(m, v, b, move_to_policy);
	if (full)
		vm_fail_clear(m);
	b->failed += full + migration_failed(&b->move);
}

/* ---- the call -------------------------------------------------------------
 */

static int check_place(struct vm *m, vaddr_t addr, uint64_t len)
{
	int err = mm_check_aligned(m, "address", addr);

	return err ? err : mm_check_wrap(m, addr, page_up(m, len), EINVAL);
}

static int check_bind(struct vm *m, const struct task *t, vaddr_t addr,
	uint64_t len, uint64_t flags)
{
	uint64_t known = MPOL_MF_STRICT | MOVES;

	if (flags & ~known)
		return vm_fail(m, EINVAL, "unknown flags 0x%llx",
			(unsigned long long)(flags & ~known));
	if (flags & MPOL_MF_MOVE_ALL && !task_capable(t, CAP_SYS_NICE))
		return vm_fail(m, EPERM,
			"move_all moves pages of others too and needs "
			"CAP_SYS_NICE");
	return check_place(m, addr, len);
}

int numa_mbind(struct vm *m, struct task *t, vaddr_t addr, uint64_t len,
	uint64_t mode, uint64_t nodes, uint64_t flags)
{
	struct bind b = {.start = addr, .nodes = nodes};
	int err;

	if (mpol_check_mode(m, mode))
		return -EINVAL;
	err = check_bind(m, t, addr, len, flags);
	if (err)
		return err;
	b.end = addr + page_up(m, len);
	if (b.end == b.start)
		return 0;
	if (mpol_make(m, mode, nodes, &b.policy))
		return -EINVAL;
	b.flags = b.policy.mode ? flags : flags & ~(uint64_t)MPOL_MF_STRICT;
	err = check_range(m, t, &b);
	if (!err)
		err = bind_range(m, t, &b);
	if (err)
		return err;
	if (b.flags & MOVES)
		move_range(m, t, &b);
	if (b.failed && b.flags & MPOL_MF_STRICT)
		return vm_fail(m, EIO,
			"strict: the policy holds, but %llu pages or more "
			"could not be moved",
			(unsigned long long)b.failed);
	return 0;
}

/* ---- set_mempolicy_home_node ------------------------------------------------
 */

static int refuse_home(struct vm *m, const struct vma *v)
{
	return vm_fail(m, EOPNOTSUPP,
		"the mapping 0x%llx has a policy other than bind and "
		"preferred_many",
		(unsigned long long)v->start);
}

int numa_set_home_node(struct vm *m, struct task *t, vaddr_t addr, uint64_t len,
	uint64_t node, uint64_t flags)
{
	vaddr_t end = addr + page_up(m, len), at = addr;
	bool found = addr == end;
	struct vma *v;

	if (page_offset(m, addr) || flags || node >= m->root->config.nodes)
		return vm_fail(m, EINVAL,
			"the address begins a page, flags are 0, and node %llu "
			"is one of 0 to %u",
			(unsigned long long)node, m->root->config.nodes - 1);
	if (check_place(m, addr, len))
		return -EINVAL;
	while ((v = vma_overlap(m, t->mm, at, end))) {
		vaddr_t start = v->start > at ? v->start : at;
		struct mempolicy p = v->policy;

		at = v->end < end ? v->end : end;
		if (!p.mode)
			continue;
		if (mpol_mode(&p) != MPOL_BIND &&
			mpol_mode(&p) != MPOL_PREFERRED_MANY)
			return refuse_home(m, v);
		found = true;
		p.home = (uint16_t)(node + 1);
		if (!mpol_equal(&p, &v->policy) &&
			set_policy(m, v, start, at, &p))
			return -m->fail.err;
	}
	return found ? 0 : vm_fail(m, ENOENT, "no mapping there has a policy");
}
