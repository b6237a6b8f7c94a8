/*
 * Where the next allocation looks, by policy: vm.prefer has the node whose
 * zonelist it follows, vm.allowed the nodes it may use, vm.reach those that it
 * may use when all else failed.  Source: Linux mm/mempolicy.c
 * (policy_nodemask, alloc_pages_mpol, interleave_nid, interleave_nodes).
 */
#include "../mm/mm.h"
#include "../phys/phys.h"
#include "mempolicy.h"

#define ALL_NODES 0xffu

/* The nearest of some nodes. */
static uint8_t nearest(const struct vm *m, unsigned nodes)
{
	const struct zonelist *l = &m->zonelist[m->here][GFP_HIGHUSER];

	for (unsigned i = 0; i < l->nr; i++)
		if (nodes >> m->root->zone[l->zone[i]].node & 1)
			return (uint8_t)m->root->zone[l->zone[i]].node;
	return m->here;
}

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
	switch (mpol_mode(p)) {
	case MPOL_PREFERRED:
		m->prefer = (uint8_t)__builtin_ctz(p->nodes);
		break;
	case MPOL_BIND:
		m->allowed = m->reach = (uint8_t)p->nodes;
		m->prefer = nearest(m, p->nodes);
		break;
	case MPOL_PREFERRED_MANY:
		m->allowed = (uint8_t)p->nodes;
		m->prefer = nearest(m, p->nodes);
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

/* Page n of a mapping is on the n-th of the nodes, counted around. */
static uint8_t nth_node(unsigned nodes, uint64_t n)
{
	unsigned nr = 0;

	for (unsigned left = nodes; left; left &= left - 1)
		nr++;
	for (n %= nr; n; n--)
		nodes &= nodes - 1;
	return (uint8_t)__builtin_ctz(nodes);
}

void place_by_vma(struct vm *m, const struct vma *v, vaddr_t va, unsigned order)
{
	const struct mempolicy *p = &v->policy;
	uint64_t n = (v->pgoff >> order) +
		     ((va - v->start) >> (m->page_shift + order));

	if (!p->mode && m->running)
		p = &m->running->policy;
	place(m, p);
	if (m->interleaving)
		m->prefer = nth_node(p->nodes, n);
}

void place_next(struct vm *m)
{
	struct task *t = m->running;
	unsigned above;

	if (!m->spread)
		return;
	above = m->spread & ~((2u << t->il_prev) - 1);
	t->il_prev = (uint32_t)__builtin_ctz(above ? above : m->spread);
	m->prefer = (uint8_t)t->il_prev;
}
