/*
 * Policies, set_mempolicy(2) and get_mempolicy(2).  The order of their checks
 * is Linux's (mm/mempolicy.c: sanitize_mpol_flags, mpol_new,
 * mpol_set_nodemask, do_get_mempolicy).
 */
#include "numa_i.h"

#include "../format.h"
#include "../mmu/mmu.h"
#include "../phys/phys.h"

/* ---- text ---------------------------------------------------------------- */

size_t mpol_nodes_text(uint64_t nodes, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = '\0';
	for (unsigned i = 0; i < 64; i++) {
		unsigned first = i;

		if (!(nodes >> i & 1))
			continue;
		while (i < 63 && nodes >> (i + 1) & 1)
			i++;
		n += vm_snprintf(buf + n, size - n, n ? ",%u" : "%u", first);
		if (i > first)
			n += vm_snprintf(buf + n, size - n, "-%u", i);
	}
	return n;
}

size_t mpol_text(const struct mempolicy *p, uint64_t nodes, char buf[MPOL_TEXT])
{
	static const char *const name[NR_MPOLS] = {
		[MPOL_DEFAULT] = "default",
		[MPOL_PREFERRED] = "prefer",
		[MPOL_BIND] = "bind",
		[MPOL_INTERLEAVE] = "interleave",
		[MPOL_LOCAL] = "local",
		[MPOL_PREFERRED_MANY] = "prefer (many)",
		[MPOL_WEIGHTED_INTERLEAVE] = "weighted interleave",
	};
	char list[120];

	mpol_nodes_text(nodes, list, sizeof(list));
	return vm_snprintf(buf, MPOL_TEXT, "%s%s%s%s", name[mpol_mode(p)],
		p->mode & MPOL_F_STATIC_NODES	  ? "=static"
		: p->mode & MPOL_F_RELATIVE_NODES ? "=relative"
		: p->mode & MPOL_F_NUMA_BALANCING ? "=balancing"
						  : "",
		nodes ? ":" : "", list);
}

/* ---- a new policy -------------------------------------------------------- */

int mpol_check_mode(struct vm *m, uint64_t mode)
{
	uint64_t both = MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES;
	uint64_t plain = mode & ~(uint64_t)MPOL_MODE_FLAGS;

	if (plain >= NR_MPOLS)
		return vm_fail(m, EINVAL, "there is no policy of number %llu",
			(unsigned long long)plain);
	if ((mode & both) == both)
		return vm_fail(
			m, EINVAL, "static and relative exclude each other");
	if (mode & MPOL_F_NUMA_BALANCING && plain != MPOL_BIND &&
		plain != MPOL_PREFERRED_MANY)
		return vm_fail(m, EINVAL,
			"balancing goes with bind and preferred_many alone");
	return 0;
}

/* Which modes take nodes, and which must have some. */
static int check_nodes(struct vm *m, uint64_t mode, uint64_t nodes)
{
	bool named = mode & (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES);

	switch (mode & ~(uint64_t)MPOL_MODE_FLAGS) {
	case MPOL_DEFAULT:
		if (nodes)
			return vm_fail(
				m, EINVAL, "the default policy has no nodes");
		return 0;
	case MPOL_LOCAL:
		if (nodes || named)
			return vm_fail(m, EINVAL,
				"the local policy has no nodes and no flags");
		return 0;
	case MPOL_PREFERRED:
		if (nodes || !named)
			return 0;
		return vm_fail(
			m, EINVAL, "static and relative need nodes= to go by");
	default:
		if (nodes)
			return 0;
		return vm_fail(m, EINVAL,
			"the policy needs at least one node: nodes=0-%u",
			m->root->config.nodes - 1);
	}
}

/* Node n of those asked for is the n-th of the machine's, counted around. */
static uint16_t relative_nodes(const struct vm *m, uint64_t asked)
{
	uint16_t nodes = 0;

	for (unsigned i = 0; i < 64; i++)
		if (asked >> i & 1)
			nodes |= (uint16_t)(1u << i % m->root->config.nodes);
	return nodes;
}

int mpol_make(struct vm *m, uint64_t mode, uint64_t nodes, struct mempolicy *p)
{
	uint64_t plain = mode & ~(uint64_t)MPOL_MODE_FLAGS;

	*p = (struct mempolicy){0};
	if (check_nodes(m, mode, nodes))
		return -EINVAL;
	if (plain == MPOL_DEFAULT)
		return 0;
	if (plain == MPOL_LOCAL || !nodes) {
		p->mode = MPOL_LOCAL;
		return 0;
	}
	p->mode = (uint32_t)mode;
	p->nodes = mode & MPOL_F_RELATIVE_NODES
			   ? relative_nodes(m, nodes)
			   : (uint16_t)(nodes & all_nodes(m));
	if (!p->nodes)
		return vm_fail(m, EINVAL,
			"none of these nodes is there: the machine has 0 to %u",
			m->root->config.nodes - 1);
	if (plain == MPOL_PREFERRED)
		p->nodes &= (uint16_t)-p->nodes;
	if (mode & (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES))
		p->asked = nodes;
	return 0;
}

int numa_set_mempolicy(
	struct vm *m, struct task *t, uint64_t mode, uint64_t nodes)
{
	struct mempolicy p;

	if (mpol_check_mode(m, mode) || mpol_make(m, mode, nodes, &p))
		return -EINVAL;
	t->policy = p;
	t->il_prev = MAX_NODES - 1;
	t->il_weight = 0;
	place_by_task(m);
	return 0;
}

/* ---- weights --------------------------------------------------------------
 */

int numa_set_weight(struct vm *m, uint64_t node, uint64_t weight)
{
	if (node >= m->root->config.nodes || !weight || weight > UINT8_MAX)
		return vm_fail(m, EINVAL,
			"nodes 0 to %u have weights from 1 to 255",
			m->root->config.nodes - 1);
	m->root->set.il_weight[node] = (uint8_t)weight;
	m->root->set.il_by_hand = 1;
	return 0;
}

int numa_set_weight_auto(struct vm *m, bool on)
{
	if (on)
		return vm_fail(m, ENODEV,
			"firmware tells no bandwidths (HMAT) from which "
			"weights could follow");
	m->root->set.il_by_hand = 1;
	return 0;
}

/* ---- get_mempolicy --------------------------------------------------------
 */

int numa_hole(struct vm *m, vaddr_t va)
{
	return vm_fail(m, EFAULT, "nothing is mapped at 0x%llx",
		(unsigned long long)va);
}

/* The page is brought in if need be: its node is the answer. */
static int node_of_page(
	struct vm *m, struct task *t, struct vma *v, vaddr_t va, uint32_t *node)
{
	uint64_t e;

	va = page_down(m, va);
	if (mm_fault_in(m, t, v, va, va + m->page_size, false))
		return vm_fail(m, EFAULT, "the page of 0x%llx cannot be read",
			(unsigned long long)va);
	e = pt_get(m, mm_at(m, t->mm), va);
	*node = node_of(m, pte_pfn(m, e));
	return 0;
}

static int next_node(struct vm *m, const struct task *t, uint32_t *node)
{
	enum mpol_mode mode = mpol_mode(&t->policy);

	if (mode != MPOL_INTERLEAVE && mode != MPOL_WEIGHTED_INTERLEAVE)
		return vm_fail(m, EINVAL,
			"node without addr asks for the next node of a task "
			"that interleaves");
	*node = numa_turn(m, t);
	return 0;
}

static int mems_allowed(struct vm *m, uint64_t flags, struct mpol_answer *a)
{
	if (flags != MPOL_F_MEMS_ALLOWED)
		return vm_fail(
			m, EINVAL, "mems_allowed goes with no other flag");
	*a = (struct mpol_answer){.nodes = all_nodes(m)};
	return 0;
}

int numa_get_mempolicy(struct vm *m, struct task *t, vaddr_t addr,
	uint64_t flags, struct mpol_answer *a)
{
	const struct mempolicy *p = &t->policy;
	struct vma *v = NULL;

	if (flags &
		~(uint64_t)(MPOL_F_NODE | MPOL_F_ADDR | MPOL_F_MEMS_ALLOWED))
		return vm_fail(m, EINVAL, "unknown flags 0x%llx",
			(unsigned long long)flags);
	if (flags & MPOL_F_MEMS_ALLOWED)
		return mems_allowed(m, flags, a);
	if (flags & MPOL_F_ADDR) {
		v = vma_lookup(m, t->mm, addr);
		if (!v)
			return numa_hole(m, addr);
		p = mpol_at(m, v, addr);
	} else if (addr) {
		return vm_fail(m, EINVAL, "addr= needs flags=addr");
	}
	*a = (struct mpol_answer){p->mode, p->asked ? p->asked : p->nodes};
	if (flags & MPOL_F_NODE)
		return v ? node_of_page(m, t, v, addr, &a->number)
			 : next_node(m, t, &a->number);
	return 0;
}
