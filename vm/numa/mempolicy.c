/*
 * set_mempolicy(2), mbind(2) and get_mempolicy(2).  The order of their checks
 * is Linux's (mm/mempolicy.c: sanitize_mpol_flags, mpol_new,
 * mpol_set_nodemask, do_mbind, do_get_mempolicy).
 */
#include "mempolicy.h"

#include "../format.h"
#include "../mm/mm_i.h"
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

static int check_mode(struct vm *m, uint64_t mode)
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
static uint32_t relative_nodes(const struct vm *m, uint64_t asked)
{
	uint32_t nodes = 0;

	for (unsigned i = 0; i < 64; i++)
		if (asked >> i & 1)
			nodes |= 1u << i % m->root->config.nodes;
	return nodes;
}

static int make_policy(
	struct vm *m, uint64_t mode, uint64_t nodes, struct mempolicy *p)
{
	uint64_t plain = mode & ~(uint64_t)MPOL_MODE_FLAGS;
	uint32_t all = (1u << m->root->config.nodes) - 1;

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
	p->nodes = mode & MPOL_F_RELATIVE_NODES ? relative_nodes(m, nodes)
						: (uint32_t)nodes & all;
	if (!p->nodes)
		return vm_fail(m, EINVAL,
			"none of these nodes is there: the machine has 0 to %u",
			m->root->config.nodes - 1);
	if (plain == MPOL_PREFERRED)
		p->nodes &= -p->nodes;
	if (mode & (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES))
		p->asked = nodes;
	return 0;
}

int numa_set_mempolicy(
	struct vm *m, struct task *t, uint64_t mode, uint64_t nodes)
{
	struct mempolicy p;

	if (check_mode(m, mode) || make_policy(m, mode, nodes, &p))
		return -EINVAL;
	t->policy = p;
	t->il_prev = MAX_NODES - 1;
	place_by_task(m);
	return 0;
}

/* ---- mbind --------------------------------------------------------------- */

struct bind {
	vaddr_t start, end;
	struct mempolicy policy;
	uint64_t nodes, flags;
};

static int hole(struct vm *m, vaddr_t va)
{
	return vm_fail(m, EFAULT, "nothing is mapped at 0x%llx",
		(unsigned long long)va);
}

/* A page of v that lies elsewhere than the new policy's nodes. */
static int check_pages(struct vm *m, const struct vma *v, const struct bind *b)
{
	vaddr_t va = v->start > b->start ? v->start : b->start;
	vaddr_t end = v->end < b->end ? v->end : b->end;
	const struct mm *mm = mm_at(m, v->mm);

	for (uint64_t step; va < end; va += step) {
		unsigned node, first;
		uint64_t e;

		if (!pt_leaf_table(m, mm, va, &first, &step) &&
			!pte_huge(m, pt_above(m, mm, va)))
			continue;
		step = m->page_size;
		e = pt_get(m, mm, va);
		if (v->special || !pte_present(m, e) ||
			e & m->arch->pte.special)
			continue;
		node = node_of(m, pte_pfn(m, e));
		if (b->nodes >> node & 1)
			continue;
		return vm_fail(m, EIO,
			"strict: the page of 0x%llx is on node %u already",
			(unsigned long long)va, node);
	}
	return 0;
}

/* Mapping by mapping, as the kernel walks: holes, then misplaced pages. */
static int check_range(struct vm *m, const struct task *t, const struct bind *b)
{
	struct vma *v = vma_overlap(m, t->mm, b->start, b->end), *next;
	bool holes = !b->policy.mode;
	bool strict = b->flags == MPOL_MF_STRICT;

	if (!v || (!holes && v->start > b->start))
		return hole(m, b->start);
	for (; v && v->start < b->end; v = next) {
		next = vma_next(m, v);
		if (!holes && v->end < b->end &&
			(!next || next->start > v->end))
			return hole(m, v->end);
		if (strict && check_pages(m, v, b))
			return -EIO;
	}
	return 0;
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
		if (!vma_modify_policy(m, v, start, end, &b->policy))
			return -m->fail.err;
	}
	return 0;
}

static int check_bind(struct vm *m, const struct task *t, vaddr_t addr,
	uint64_t len, uint64_t flags)
{
	uint64_t known = MPOL_MF_STRICT | MPOL_MF_MOVE | MPOL_MF_MOVE_ALL;

	if (flags & ~known)
		return vm_fail(m, EINVAL, "unknown flags 0x%llx",
			(unsigned long long)(flags & ~known));
	if (flags & MPOL_MF_MOVE_ALL && !task_capable(t, CAP_SYS_NICE))
		return vm_fail(m, EPERM,
			"move_all moves pages of others too and needs "
			"CAP_SYS_NICE");
	if (page_offset(m, addr))
		return vm_fail(m, EINVAL,
			"address 0x%llx is not a multiple of the page size "
			"%llu",
			(unsigned long long)addr,
			(unsigned long long)m->page_size);
	if (addr + page_up(m, len) < addr)
		return vm_fail(m, EINVAL,
			"0x%llx + %llu is beyond the address space",
			(unsigned long long)addr, (unsigned long long)len);
	return 0;
}

int numa_mbind(struct vm *m, struct task *t, vaddr_t addr, uint64_t len,
	uint64_t mode, uint64_t nodes, uint64_t flags)
{
	struct bind b = {.start = addr, .nodes = nodes};
	int err;

	if (check_mode(m, mode))
		return -EINVAL;
	err = check_bind(m, t, addr, len, flags);
	if (err)
		return err;
	b.end = addr + page_up(m, len);
	if (b.end == b.start)
		return 0;
	if (make_policy(m, mode, nodes, &b.policy))
		return -EINVAL;
	b.flags = b.policy.mode ? flags : flags & ~(uint64_t)MPOL_MF_STRICT;
	err = check_range(m, t, &b);
	return err ? err : bind_range(m, t, &b);
}

/* ---- get_mempolicy ------------------------------------------------------- */

/* The page is brought in if need be: its node is the answer. */
static int node_of_page(
	struct vm *m, struct task *t, struct vma *v, vaddr_t va, char *text)
{
	uint64_t e;

	va = page_down(m, va);
	if (mm_fault_in(m, t, v, va, va + m->page_size, false))
		return vm_fail(m, EFAULT, "the page of 0x%llx cannot be read",
			(unsigned long long)va);
	e = pt_get(m, mm_at(m, t->mm), va);
	vm_snprintf(text, MPOL_TEXT, "%u", node_of(m, pte_pfn(m, e)));
	return 0;
}

static int next_node(struct vm *m, const struct task *t, char *text)
{
	unsigned above = t->policy.nodes & ~((2u << t->il_prev) - 1);
	enum mpol_mode mode = mpol_mode(&t->policy);

	if (mode != MPOL_INTERLEAVE && mode != MPOL_WEIGHTED_INTERLEAVE)
		return vm_fail(m, EINVAL,
			"node without addr asks for the next node of a task "
			"that interleaves");
	vm_snprintf(text, MPOL_TEXT, "%u",
		__builtin_ctz(above ? above : t->policy.nodes));
	return 0;
}

int numa_get_mempolicy(struct vm *m, struct task *t, vaddr_t addr,
	uint64_t flags, char text[MPOL_TEXT])
{
	const struct mempolicy *p = &t->policy;
	struct vma *v = NULL;

	if (flags &
		~(uint64_t)(MPOL_F_NODE | MPOL_F_ADDR | MPOL_F_MEMS_ALLOWED))
		return vm_fail(m, EINVAL, "unknown flags 0x%llx",
			(unsigned long long)flags);
	if (flags & MPOL_F_MEMS_ALLOWED) {
		if (flags != MPOL_F_MEMS_ALLOWED)
			return vm_fail(m, EINVAL,
				"mems_allowed goes with no other flag");
		mpol_nodes_text(
			(1u << m->root->config.nodes) - 1, text, MPOL_TEXT);
		return 0;
	}
	if (flags & MPOL_F_ADDR) {
		v = vma_lookup(m, t->mm, addr);
		if (!v)
			return hole(m, addr);
		p = &v->policy;
	} else if (addr) {
		return vm_fail(m, EINVAL, "addr= needs flags=addr");
	}
	if (flags & MPOL_F_NODE)
		return v ? node_of_page(m, t, v, addr, text)
			 : next_node(m, t, text);
	mpol_text(p, p->asked ? p->asked : p->nodes, text);
	return 0;
}
