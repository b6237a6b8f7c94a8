/*
 * Pages from node to node: migrate_pages(2) and move_pages(2).
 *
 * Source: Linux mm/mempolicy.c (kernel_migrate_pages, do_migrate_pages,
 * migrate_to_node), mm/migrate.c (kernel_move_pages, do_pages_move,
 * do_pages_stat).
 */
#include "../mm/migrate.h"
#include "../mm/folio.h"
#include "../mm/hugetlb.h"
#include "../phys/lru.h"
#include "numa_i.h"

/* ---- the pages of a mapping -----------------------------------------------
 */

/* The page that the entry maps, a huge one by its first frame. */
static pfn_t page_of(const struct vm *m, const struct vma *v, uint64_t e)
{
	pfn_t pfn = pte_pfn(m, e);

	if (v->flags & VM_HUGETLB)
		return (pfn_t)(frame_whole(m, pfn) - frame_at(m, 0));
	return frame_at(m, pfn)->flags & FR_LARGE ? folio_head(m, pfn) : pfn;
}

/* Entries from va on that map the parts of one page in a row. */
static uint64_t run_of(
	const struct vm *m, const struct vma *v, vaddr_t va, vaddr_t end)
{
	pfn_t first = pte_pfn(m, pt_get(m, mm_at(m, v->mm), va)), i = 1;
	pfn_t page_end = folio_head(m, first) + folio_pages(m, first);

	for (; first + i < page_end && va + i * m->page_size < end; i++) {
		uint64_t e = pt_get(m, mm_at(m, v->mm), va + i * m->page_size);

		if (!pte_present(m, e) || pte_pfn(m, e) != first + i)
			break;
	}
	return i;
}

int numa_each_page(struct vm *m, struct vma *v, vaddr_t start, vaddr_t end,
	numa_page_fn *fn, void *ctx)
{
	const struct mm *mm = mm_at(m, v->mm);
	uint64_t step, nr = 0;
	int err = 0;

	if (v->special) /* pages of the kernel's image */
		return 0;
	for (vaddr_t va = start; !err && va < end; va += step) {
		unsigned first;
		uint64_t e;
		pfn_t pfn;

		if (!pt_leaf_table(m, mm, va, &first, &step) &&
			!pt_get(m, mm, va))
			continue;
		step = vma_page_bytes(m, v);
		e = pt_get(m, mm, va);
		if (!pte_present(m, e) || e & m->arch->pte.special)
			continue;
		pfn = page_of(m, v, e);
		if (frame_at(m, pfn)->flags & FR_LARGE)
			step = run_of(m, v, va, end) << m->page_shift;
		err = fn(m, v, va, pfn, ctx);
		if (!err && ++nr % PLACE_PAGES == 0 && vm_halts(m))
			err = vm_fail(m, EINTR, "interrupted at 0x%llx",
				(unsigned long long)va);
	}
	return err;
}

/* ---- whose -----------------------------------------------------------------
 */

/* The process of a PID, into which t may look; 0: t itself.  NULL with errno.
 */
static struct task *other(struct vm *m, struct task *t, int pid)
{
	struct task *o = pid ? task_find(m, (uint32_t)pid) : t;

	if (!o) {
		vm_fail(m, ESRCH, "no process has PID %d", pid);
		return NULL;
	}
	if (!cred_may_read(m, t, o)) {
		vm_fail(m, EPERM,
			"process %u belongs to another user, or has more "
			"capabilities: CAP_SYS_PTRACE would do",
			o->pid);
		return NULL;
	}
	return o;
}

static int no_memory_left(struct vm *m, const struct task *o)
{
	return vm_fail(
		m, EINVAL, "process %u has exited and has no memory", o->pid);
}

/* ---- migrate_pages ----------------------------------------------------------
 */

struct exodus {
	unsigned from, to;
	struct migration move; /* of those from this node to that */
	uint64_t flags, failed;
};

static pfn_t target_as_placed(struct vm *m, pfn_t pfn, const void *ctx)
{
	return page_target(m, frame_at(m, pfn)->order, 0);
}

static int move_to_node(
	struct vm *m, pfn_t pfn, unsigned node, struct migration *x)
{
	int err;

	x->target = target_as_placed;
	place_on_node(m, node);
	err = page_move(m, pfn, x);
	place_by_task(m);
	return err;
}

static int leave_node(
	struct vm *m, struct vma *v, vaddr_t va, pfn_t pfn, void *ctx)
{
	struct exodus *x = ctx;

	if (node_of(m, pfn) != x->from ||
		numa_leaves_alone(x->flags, page_is_shared(m, pfn)))
		return 0;
	if (page_may_move(m, pfn))
		return move_to_node(m, pfn, x->to, &x->move);
	x->failed++;
	return 0;
}

static unsigned weight(uint64_t nodes)
{
	unsigned n = 0;

	for (; nodes; nodes &= nodes - 1)
		n++;
	return n;
}

/* The node that is in `to` what node s is in `from`, counted around. */
static unsigned counterpart(unsigned s, uint64_t from, uint64_t to)
{
	unsigned n = weight(from & ((1ull << s) - 1)) % weight(to);

	while (n--)
		to &= to - 1;
	return (unsigned)__builtin_ctzll(to);
}

/*
 * The next node to leave: one whose target nobody has to leave any more, so
 * that pages do not move twice.  Of masks of different sizes, nodes in both
 * stay.
 */
static bool next_exodus(
	uint64_t left, uint64_t from, uint64_t to, struct exodus *x)
{
	bool found = false;

	for (unsigned s = 0; s < 64; s++) {
		unsigned d;

		if (!(left >> s & 1) ||
			(weight(from) != weight(to) && to >> s & 1))
			continue;
		d = counterpart(s, from, to);
		if (s == d)
			continue;
		x->from = s;
		x->to = d;
		found = true;
		if (!(left >> d & 1))
			break;
	}
	return found;
}

static int empty_nodes(struct vm *m, const struct mm *mm, uint64_t from,
	uint64_t to, struct exodus *x)
{
	uint64_t left = from;

	while (next_exodus(left, from, to, x)) {
		struct vma *v;

		left &= ~(1ull << x->from);
		x->move = (struct migration){0};
		vma_for_each (m, mm, v)
			if (numa_each_page(
				    m, v, v->start, v->end, leave_node, x))
				return vm_halted(m) ? -EINTR : -ENOMEM;
		x->failed += migration_failed(&x->move);
	}
	return 0;
}

int64_t numa_migrate_pages(
	struct vm *m, struct task *t, int pid, uint64_t from, uint64_t to)
{
	bool nice = task_capable(t, CAP_SYS_NICE);
	struct exodus x = {.flags = nice ? MPOL_MF_MOVE_ALL : MPOL_MF_MOVE};
	struct task *o = other(m, t, pid);
	int err;

	if (!o)
		return -m->fail.err;
	if (to & ~(uint64_t)all_nodes(m) && !nice)
		return vm_fail(m, EPERM,
			"the process may use nodes 0 to %u; others need "
			"CAP_SYS_NICE",
			m->root->config.nodes - 1);
	to &= all_nodes(m);
	if (!to)
		return vm_fail(m, EINVAL,
			"none of the nodes to move to is there: the machine "
			"has 0 to %u",
			m->root->config.nodes - 1);
	if (!o->mm)
		return no_memory_left(m, o);
	err = empty_nodes(m, mm_at(m, o->mm), from, to, &x);
	return err ? err : (int64_t)x.failed;
}

/* ---- move_pages -------------------------------------------------------------
 */

/* The page at va: 0 with its first frame, or -errno without a sentence. */
static int find_page(struct vm *m, struct task *o, vaddr_t va, bool to_move,
	struct vma **v, pfn_t *pfn)
{
	uint64_t e;

	*v = vma_lookup(m, o->mm, va);
	if (!*v || (to_move && (*v)->flags & (VM_IO | VM_PFNMAP)))
		return -EFAULT;
	e = pt_get(m, mm_at(m, o->mm), va);
	if (!pte_present(m, e) || (*v)->flags & VM_PFNMAP)
		return -ENOENT;
	if (e & m->arch->pte.special && !(*v)->special)
		return -EFAULT;
	*pfn = page_of(m, *v, e);
	return 0;
}

static int page_status(struct vm *m, struct task *o, vaddr_t va)
{
	struct vma *v;
	pfn_t pfn;
	int err = find_page(m, o, va, false, &v, &pfn);

	return err ? err : (int)node_of(m, pfn);
}

/* Pages in a row that go to the same node, which move together. */
struct convoy {
	unsigned first, end; /* of the pages asked for */
	int node;
	pfn_t *pfn; /* of all pages asked for; PFN_NONE: stays */
};

/* 1: it is to move.  0: it is there.  Or what keeps it, -errno. */
static int look_at(struct vm *m, struct task *o, vaddr_t va,
	const struct convoy *c, uint64_t flags)
{
	pfn_t *pfn = &c->pfn[c->end];
	struct vma *v;
	int err = find_page(m, o, va, true, &v, pfn);

	if (err)
		return err;
	if ((int)node_of(m, *pfn) == c->node)
		return 0;
	if (numa_leaves_alone(flags, page_is_shared(m, *pfn)))
		return -EACCES;
	if (!page_may_move(m, *pfn))
		return -EBUSY;
	for (unsigned i = c->first; i < c->end; i++)
		if (c->pfn[i] == *pfn)
			return -EBUSY;
	return 1;
}

/* 0, -ENOMEM, or how many pages did not move: those that were not looked at yet
 * count too.  Of a convoy that did not get through no status is told. */
static int convoy_go(struct vm *m, const struct move_request *r,
	struct convoy *c, int *status)
{
	struct migration x = {0};
	unsigned first = c->first, failed;

	c->first = c->end;
	for (unsigned i = first; i < c->end; i++)
		if (move_to_node(m, c->pfn[i], (unsigned)c->node, &x))
			return -ENOMEM;
	failed = migration_failed(&x);
	if (failed)
		return (int)(failed + r->nr - c->end);
	for (unsigned i = first; i < c->end; i++)
		status[i] = c->node;
	return 0;
}

static bool is_node(const struct vm *m, int node)
{
	return node >= 0 && node < (int)m->root->config.nodes;
}

/* Page after page, as Linux: those before one that is refused have moved. */
static int move_all(struct vm *m, struct task *o, const struct move_request *r,
	struct convoy *c, int *status)
{
	for (; c->end < r->nr && is_node(m, r->node[c->end]); c->end++) {
		int node = r->node[c->end], found, err = 0;

		if (node != c->node)
			err = convoy_go(m, r, c, status);
		if (err)
			return err;
		c->node = node;
		found = look_at(m, o, r->page[c->end], c, r->flags);
		if (found > 0)
			continue;
		status[c->end] = found ? found : node;
		err = convoy_go(m, r, c, status);
		if (err)
			return err > 0 ? err - 1 : err;
		c->first = c->end + 1;
	}
	return convoy_go(m, r, c, status);
}

int numa_move_pages(struct vm *m, struct task *t, int pid,
	const struct move_request *r, int *status)
{
	struct convoy c = {0};
	struct task *o;
	int err;

	if (r->flags & ~(uint64_t)(MPOL_MF_MOVE | MPOL_MF_MOVE_ALL))
		return vm_fail(m, EINVAL, "flags are move and move_all");
	if (r->flags & MPOL_MF_MOVE_ALL && !task_capable(t, CAP_SYS_NICE))
		return vm_fail(m, EPERM,
			"move_all moves pages of others too and needs "
			"CAP_SYS_NICE");
	o = other(m, t, pid);
	if (!o)
		return -m->fail.err;
	if (!o->mm)
		return no_memory_left(m, o);
	for (unsigned i = 0; i < r->nr; i++)
		status[i] =
			r->node ? MOVE_UNTOLD : page_status(m, o, r->page[i]);
	if (!r->node)
		return 0;
	c.node = -1;
	c.pfn = scratch_take(m, r->nr * sizeof(*c.pfn));
	if (!c.pfn)
		return vm_fail(m, ENOMEM, "the list of pages is too long");
	err = move_all(m, o, r, &c, status);
	scratch_give(m, c.pfn);
	if (c.end == r->nr || is_node(m, r->node[c.end]))
		return err;
	vm_fail_clear(m);
	return vm_fail(m, ENODEV,
		"there is no node %d: the machine has 0 to %u", r->node[c.end],
		m->root->config.nodes - 1);
}
