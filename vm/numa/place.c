/*
 * Where the next allocation looks, by policy: vm.prefer has the node whose
 * zonelist it follows, vm.allowed the nodes it may use, vm.reach those that it
 * may use when all else failed.  Source: Linux mm/mempolicy.c
 * (policy_nodemask, alloc_pages_mpol, interleave_nid, interleave_nodes,
 * weighted_interleave_nid, weighted_interleave_nodes).
 */
#include "../disk/disk.h"
#include "numa_i.h"

#define ALL_NODES 0xffu

static void place_anywhere(struct vm *m)
{
	m->prefer = m->here;
	m->allowed = m->reach = ALL_NODES;
	m->spread = 0;
	m->interleaving = false;
}

/* The policy, but for the turn of one that interleaves. */
static void place(struct vm *m, const struct mempolicy *p)
{
	place_anywhere(m);
	if (p->home)
		m->prefer = (uint8_t)(p->home - 1);
	switch (mpol_mode(p)) {
	case MPOL_PREFERRED:
		m->prefer = (uint8_t)__builtin_ctz(p->nodes);
		break;
	case MPOL_BIND:
		m->allowed = m->reach = (uint8_t)p->nodes;
		break;
	case MPOL_PREFERRED_MANY:
		m->allowed = (uint8_t)p->nodes;
		break;
	case MPOL_INTERLEAVE:
	case MPOL_WEIGHTED_INTERLEAVE:
		m->interleaving = true;
		break;
	default:
		break;
	}
}

void place_on_node(struct vm *m, unsigned node)
{
	place_anywhere(m);
	m->prefer = (uint8_t)node;
	m->allowed = m->reach = (uint8_t)(1u << node);
}

/* ---- turns -----------------------------------------------------------------
 */

static unsigned weight_of(
	const struct vm *m, const struct mempolicy *p, unsigned node)
{
	return mpol_mode(p) == MPOL_INTERLEAVE ? 1 : numa_weight(m, node);
}

/* Of page n: each node in turn has as many pages as it weighs. */
static uint8_t nth_node(
	const struct vm *m, const struct mempolicy *p, uint64_t n)
{
	unsigned all = 0, left = p->nodes;

	for (; left; left &= left - 1)
		all += weight_of(m, p, (unsigned)__builtin_ctz(left));
	n %= all;
	for (left = p->nodes;; left &= left - 1) {
		unsigned node = (unsigned)__builtin_ctz(left);

		if (n < weight_of(m, p, node))
			return (uint8_t)node;
		n -= weight_of(m, p, node);
	}
}

unsigned numa_turn(const struct vm *m, const struct task *t)
{
	unsigned nodes = t->policy.nodes;
	unsigned above = nodes & ~((2u << t->il_prev) - 1);

	if (t->il_weight && nodes >> t->il_prev & 1)
		return t->il_prev;
	return (unsigned)__builtin_ctz(above ? above : nodes);
}

void place_peek(struct vm *m)
{
	if (m->spread)
		m->prefer = (uint8_t)numa_turn(m, m->running);
}

void place_next(struct vm *m)
{
	struct task *t = m->running;
	unsigned node;

	if (!m->spread)
		return;
	node = numa_turn(m, t);
	if (!t->il_weight || node != t->il_prev)
		t->il_weight = weight_of(m, &t->policy, node);
	t->il_weight--;
	t->il_prev = node;
	m->prefer = (uint8_t)node;
}

/* ---- of whom ----------------------------------------------------------------
 */

void place_bound(struct vm *m)
{
	const struct task *t = m->running;

	place_anywhere(m);
	if (t && mpol_mode(&t->policy) == MPOL_BIND)
		m->allowed = m->reach = (uint8_t)t->policy.nodes;
}

void place_by_task(struct vm *m)
{
	if (!m->running) {
		place_anywhere(m);
		return;
	}
	place(m, &m->running->policy);
	if (m->interleaving)
		m->spread = (uint8_t)m->running->policy.nodes;
}

/* By this policy, or else the task's, for what is its n-th page. */
static void place_nth(struct vm *m, const struct mempolicy *p, uint64_t n)
{
	if (!p->mode && m->running)
		p = &m->running->policy;
	place(m, p);
	if (m->interleaving)
		m->prefer = nth_node(m, p, n);
}

void place_by_vma(struct vm *m, const struct vma *v, vaddr_t va, unsigned order)
{
	const struct inode *o = mpol_object(m, v);
	uint64_t n = (v->pgoff >> order) +
		     ((va - v->start) >> (m->page_shift + order));

	/* objects begin at different nodes */
	place_nth(m, mpol_at(m, v, va), o ? o->ino + n : n);
}

/* Rather small pages on the node that the policy prefers than a huge one far
 * away. */
static void not_far(struct vm *m)
{
	if (!m->interleaving && m->allowed == m->reach &&
		m->allowed >> m->prefer & 1)
		m->allowed = m->reach = (uint8_t)(1u << m->prefer);
}

void place_by_object(
	struct vm *m, const struct inode *o, uint64_t n, unsigned order)
{
	if (m->root->config.nodes == 1)
		return;
	place_nth(m, mpol_of_object(m, o, n), o->ino + (n >> order));
	if (m->arch->thp && order == huge_order(m))
		not_far(m);
}

void place_huge(struct vm *m, const struct vma *v, vaddr_t va)
{
	if (m->root->config.nodes == 1)
		return;
	place_by_vma(m, v, va, huge_order(m));
	not_far(m);
}
