/* The pools of huge pages: pages of each node, and promises. */
#include "../compact/compact.h"
#include "../numa/mempolicy.h"
#include "../reclaim/reclaim.h"
#include "hugetlb.h"

#define ULL(x) ((unsigned long long)(x))

/* ---- pages --------------------------------------------------------------- */

static struct hugetlb_pool *pool_of(struct vm *m, unsigned size)
{
	return &m->root->hugetlb[size - 1];
}

struct hugetlb_node hugetlb_sum(const struct vm *m, unsigned size)
{
	const struct hugetlb_pool *h = &m->root->hugetlb[size - 1];
	struct hugetlb_node sum = {0};

	for (unsigned n = 0; n < m->root->config.nodes; n++) {
		sum.nr += h->node[n].nr;
		sum.free += h->node[n].free;
		sum.surplus += h->node[n].surplus;
	}
	return sum;
}

static uint64_t free_on(const struct vm *m, unsigned size, unsigned nodes)
{
	uint64_t nr = 0;

	for (unsigned n = 0; n < m->root->config.nodes; n++)
		if (nodes >> n & 1)
			nr += m->root->hugetlb[size - 1].node[n].free;
	return nr;
}

uint64_t hugetlb_frames(const struct vm *m)
{
	uint64_t sum = 0;

	for (unsigned size = 1; size <= hugetlb_sizes(m); size++)
		sum += hugetlb_sum(m, size).nr << size_order(m, size);
	return sum;
}

static unsigned size_of_frame(const struct vm *m, pfn_t pfn)
{
	return frame_at(m, pfn)->order == huge_order(m) ? 1 : 2;
}

static pfn_t from_buddy(struct vm *m, unsigned size, bool try_hard)
{
	/* those of 4 MiB cannot be moved (hugepage_migration_supported()) */
	unsigned gfp = m->arch->thp ? GFP_HIGHUSER_MOVABLE : GFP_HIGHUSER;
	unsigned order = size_order(m, size);

	if (order > MAX_ORDER)
		return contig_alloc(m, gfp, order, FRAME_HUGETLB, USE_HUGETLB);
	if (try_hard)
		return mem_alloc(m, gfp | GFP_MAYFAIL, order, FRAME_HUGETLB,
			USE_HUGETLB, false);
	return buddy_alloc(m, gfp, order, FRAME_HUGETLB, USE_HUGETLB, false);
}

/* One page more, where the placement in force says; not on the list yet.
 * try_hard: memory is compacted and pages are taken back; nobody holds any. */
static pfn_t grow(struct vm *m, unsigned size, bool try_hard)
{
	pfn_t pfn = from_buddy(m, size, try_hard);

	vm_fail_clear(m);
	if (pfn)
		pool_of(m, size)->node[node_of(m, pfn)].nr++;
	return pfn;
}

static void shrink(struct vm *m, unsigned size, pfn_t pfn)
{
	pool_of(m, size)->node[node_of(m, pfn)].nr--;
	if (size_order(m, size) > MAX_ORDER)
		contig_free(m, pfn, USE_HUGETLB);
	else
		buddy_free(m, pfn, size_order(m, size), USE_HUGETLB);
}

static void push(struct vm *m, unsigned size, pfn_t pfn)
{
	struct hugetlb_node *n = &pool_of(m, size)->node[node_of(m, pfn)];

	frame_at(m, pfn)->next = n->first;
	n->first = pfn;
	n->free++;
}

static pfn_t pop(struct vm *m, struct hugetlb_node *n)
{
	pfn_t pfn = n->first;

	if (!pfn)
		return PFN_NONE;
	n->first = frame_at(m, pfn)->next;
	frame_at(m, pfn)->next = PFN_NONE;
	n->free--;
	return pfn;
}

/* ---- nodes --------------------------------------------------------------- */

static unsigned nr_of(unsigned nodes)
{
	unsigned nr = 0;

	for (; nodes; nodes &= nodes - 1)
		nr++;
	return nr;
}

/* The node whose turn it is among some; the turn goes on to the next. */
static unsigned take_turn(uint32_t *turn, unsigned nodes)
{
	unsigned from = nodes & ~((1u << *turn) - 1);
	unsigned node = (unsigned)__builtin_ctz(from ? from : nodes);
	unsigned behind = nodes & ~((2u << node) - 1);

	*turn = (uint32_t)__builtin_ctz(behind ? behind : nodes);
	return node;
}

/* One page more on one of the nodes. */
static bool grow_on(struct vm *m, unsigned size, unsigned nodes)
{
	pfn_t pfn = PFN_NONE;

	for (unsigned tries = nr_of(nodes); tries && !pfn; tries--) {
		place_on_node(
			m, take_turn(&pool_of(m, size)->next_more, nodes));
		pfn = grow(m, size, true);
	}
	place_by_task(m);
	if (pfn)
		push(m, size, pfn);
	return pfn;
}

/* Takes a free page off the list of one of the nodes. */
static pfn_t remove_from(
	struct vm *m, unsigned size, unsigned nodes, bool surplus)
{
	struct hugetlb_pool *h = pool_of(m, size);

	for (unsigned tries = nr_of(nodes); tries; tries--) {
		struct hugetlb_node *n =
			&h->node[take_turn(&h->next_less, nodes)];

		if (!n->first || (surplus && !n->surplus))
			continue;
		n->surplus -= surplus;
		return pop(m, n);
	}
	return PFN_NONE;
}

/* One page of the nodes counts as surplus from now on (more), or as kept. */
static bool adjust_surplus(
	struct vm *m, unsigned size, unsigned nodes, bool more)
{
	struct hugetlb_pool *h = pool_of(m, size);

	for (unsigned tries = nr_of(nodes); tries; tries--) {
		struct hugetlb_node *n = &h->node[take_turn(
			more ? &h->next_less : &h->next_more, nodes)];

		if (more ? n->surplus >= n->nr : !n->surplus)
			continue;
		n->surplus += more ? 1 : (uint64_t)-1;
		return true;
	}
	return false;
}

void hugetlb_resize(struct vm *m, unsigned size, uint64_t nr, unsigned nodes)
{
	struct hugetlb_node h = hugetlb_sum(m, size);
	uint64_t kept = h.nr - h.surplus, surplus = h.surplus;
	/* wraps as Linux's does */
	uint64_t least = pool_of(m, size)->resv + h.nr - h.free;
	pfn_t pfn;

	for (; surplus && nr > kept && adjust_surplus(m, size, nodes, false);
		surplus--)
		kept++;
	for (; nr > kept && !vm_halts(m) && grow_on(m, size, nodes); kept++)
		;
	least = nr > least ? nr : least;
	for (; least < kept && !vm_halts(m) &&
		(pfn = remove_from(m, size, nodes, false));
		kept--)
		shrink(m, size, pfn);
	/* What is in use stays, and goes when it is free. */
	for (; nr < kept && adjust_surplus(m, size, nodes, true); kept--)
		;
	if (size == 1)
		m->root->set.nr_hugepages = kept;
}

/* Frames of a gigantic page become one page each. */
static void demote_page(struct vm *m, pfn_t head)
{
	pfn_t end = head + (1u << size_order(m, 2));
	unsigned bytes = frame_at(m, head)->flags & FR_BYTES;

	pool_of(m, 2)->node[node_of(m, head)].nr--;
	*frame_at(m, head) = (struct frame){.flags = bytes & FR_BYTES};
	for (pfn_t pfn = end; pfn != head;) {
		pfn -= 1u << huge_order(m);
		frame_at(m, pfn)->state = FRAME_HUGETLB;
		frame_at(m, pfn)->order = huge_order(m) & 31;
		pool_of(m, 1)->node[node_of(m, pfn)].nr++;
		push(m, 1, pfn);
	}
	m->root->set.nr_hugepages += 1u << (pt_shift(m, 2) - pt_shift(m, 1));
}

/* Up to nr pages of the first of the nodes that has free ones. */
static uint64_t demote_some(struct vm *m, unsigned nodes, uint64_t nr)
{
	struct hugetlb_pool *h = pool_of(m, 2);
	uint64_t done = 0;
	pfn_t pfn;

	for (unsigned tries = nr_of(nodes); tries && !done; tries--) {
		unsigned node = take_turn(&h->next_less, nodes);

		for (; done < nr && (pfn = pop(m, &h->node[node])); done++)
			demote_page(m, pfn);
	}
	return done;
}

int hugetlb_demote(struct vm *m, uint64_t nr, unsigned nodes)
{
	const struct hugetlb_pool *h = pool_of(m, 2);
	bool any = false;

	while (nr && free_on(m, 2, nodes) != h->resv) {
		uint64_t done = demote_some(m, nodes, nr);

		if (!done)
			break;
		any = true;
		nr -= done;
	}
	if (any || !nr || free_on(m, 2, nodes) == h->resv)
		return 0;
	return vm_fail(m, EBUSY, "no page of 1 GiB is free, %llu are promised",
		ULL(h->resv));
}

/* ---- pages for mappings -------------------------------------------------- */

/* From the lists, where the placement in force says. */
static pfn_t take_listed(struct vm *m, unsigned size)
{
	const struct zonelist *l = &m->zonelist[m->prefer][GFP_HIGHUSER];
	struct hugetlb_pool *h = pool_of(m, size);
	pfn_t pfn = PFN_NONE;

	for (unsigned i = 0; i < l->nr && !pfn; i++) {
		const struct zone *z = &m->root->zone[l->zone[i]];

		if (zone_allowed(m, z))
			pfn = pop(m, &h->node[z->node]);
	}
	return pfn;
}

static pfn_t take_near(struct vm *m, unsigned size)
{
	pfn_t pfn = take_listed(m, size);
	uint8_t allowed = m->allowed;

	if (pfn || allowed == m->reach)
		return pfn;
	m->allowed = m->reach;
	pfn = take_listed(m, size);
	m->allowed = allowed;
	return pfn;
}

/* Gigantic pages are not made on demand. */
static pfn_t take_surplus(struct vm *m, unsigned size)
{
	pfn_t pfn;

	if (size > 1 || hugetlb_sum(m, size).surplus >=
				m->root->set.nr_overcommit_hugepages)
		return PFN_NONE;
	pfn = grow(m, size, false);
	if (pfn)
		pool_of(m, size)->node[node_of(m, pfn)].surplus++;
	return pfn;
}

pfn_t hugetlb_take(struct vm *m, const struct vma *v, vaddr_t va, bool promised)
{
	unsigned size = vma_huge_size(m, v);
	struct hugetlb_pool *h = pool_of(m, size);
	pfn_t pfn = PFN_NONE;

	place_for(m, v, va, size_order(m, size));
	if (promised || hugetlb_sum(m, size).free != h->resv)
		pfn = take_near(m, size);
	if (!pfn)
		pfn = take_surplus(m, size);
	place_back(m);
	h->resv -= promised && pfn;
	return pfn;
}

void hugetlb_give(struct vm *m, pfn_t pfn)
{
	unsigned size = size_of_frame(m, pfn);
	struct hugetlb_pool *h = pool_of(m, size);
	struct hugetlb_node *n = &h->node[node_of(m, pfn)];
	struct frame *f = frame_at(m, pfn);

	h->resv += (f->flags & FR_HUGETLB_RESTORE) != 0;
	f->flags &= FR_BYTES;
	f->owner = 0;
	f->index = 0;
	if (n->surplus) {
		n->surplus--;
		shrink(m, size, pfn);
	} else {
		push(m, size, pfn);
	}
}

/* ---- places for pages that move ------------------------------------------ */

pfn_t hugetlb_take_place(struct vm *m, unsigned size, bool *fresh)
{
	pfn_t pfn = PFN_NONE;

	if (hugetlb_sum(m, size).free != pool_of(m, size)->resv)
		pfn = take_near(m, size);
	*fresh = !pfn;
	if (!pfn && size_order(m, size) <= MAX_ORDER)
		pfn = grow(m, size, false);
	return pfn;
}

void hugetlb_give_place(struct vm *m, pfn_t from, pfn_t to, bool fresh)
{
	unsigned size = size_of_frame(m, from);
	struct hugetlb_node *n = pool_of(m, size)->node;

	if (!fresh) {
		hugetlb_give(m, from);
		return;
	}
	if (n[node_of(m, from)].surplus) {
		n[node_of(m, from)].surplus--;
		n[node_of(m, to)].surplus++;
	}
	shrink(m, size, from);
}

/* ---- promises ------------------------------------------------------------ */

static void give_surplus(struct vm *m, unsigned size, uint64_t nr)
{
	unsigned all = (1u << m->root->config.nodes) - 1;
	uint64_t surplus = hugetlb_sum(m, size).surplus;
	pfn_t pfn;

	for (nr = nr < surplus ? nr : surplus; nr; nr--) {
		pfn = remove_from(m, size, all, true);
		if (!pfn)
			return;
		shrink(m, size, pfn);
	}
}

void hugetlb_unpromise(struct vm *m, unsigned size, uint64_t nr)
{
	pool_of(m, size)->resv -= nr;
	give_surplus(m, size, nr);
}

static int no_promise(struct vm *m, unsigned size, uint64_t nr, uint64_t reach)
{
	struct hugetlb_node h = hugetlb_sum(m, size);

	return vm_fail(m, ENOMEM,
		"%llu huge pages of %llu kB are asked for; of %llu in the pool "
		"%llu are free, %llu of them promised to others, %llu on nodes "
		"within reach (hugepages, in the machine's ctl)",
		ULL(nr), ULL(1ull << pt_shift(m, size) >> 10), ULL(h.nr),
		ULL(h.free), ULL(pool_of(m, size)->resv), ULL(reach));
}

int hugetlb_promise(struct vm *m, unsigned size, uint64_t nr)
{
	struct hugetlb_pool *h = pool_of(m, size);
	/* promises may be one too few, see unmap_entry() in hugetlb.c */
	int64_t spare = (int64_t)(hugetlb_sum(m, size).free - h->resv);
	int64_t made = 0;
	uint64_t reach;

	place_bound(m);
	for (pfn_t pfn; spare + made < (int64_t)nr; made++) {
		pfn = take_surplus(m, size);
		if (!pfn)
			break;
		push(m, size, pfn);
	}
	reach = free_on(m, size, m->allowed);
	place_by_task(m);
	if (spare + made >= (int64_t)nr && reach >= nr) {
		h->resv += nr;
		return 0;
	}
	give_surplus(m, size, (uint64_t)made);
	return no_promise(m, size, nr, reach);
}

/* ---- check --------------------------------------------------------------- */

static int check_node(struct vm *m, unsigned size, unsigned node)
{
	const struct hugetlb_node *n = &pool_of(m, size)->node[node];
	uint64_t free = 0;

	for (pfn_t pfn = n->first; pfn && free <= n->free; free++) {
		const struct frame *f = frame_at(m, pfn);

		if (f->state != FRAME_HUGETLB ||
			f->order != size_order(m, size) || f->mapcount ||
			node_of(m, pfn) != node)
			return vm_fail(m, EIO,
				"frame %u is on node %u's list of free huge "
				"pages",
				pfn, node);
		pfn = f->next;
	}
	if (free == n->free && n->surplus <= n->nr && free <= n->nr)
		return 0;
	return vm_fail(m, EIO,
		"node %u has %llu free huge pages and counts %llu, %llu of all "
		"%llu surplus",
		node, ULL(free), ULL(n->free), ULL(n->surplus), ULL(n->nr));
}

int hugetlb_check(struct vm *m)
{
	for (unsigned node = 0; node < m->root->config.nodes; node++) {
		uint64_t frames = 0;

		for (unsigned size = 1; size <= hugetlb_sizes(m); size++) {
			if (check_node(m, size, node))
				return -EIO;
			frames += pool_of(m, size)->node[node].nr
				  << size_order(m, size);
		}
		if (frames != node_sum(m, node, pages[USE_HUGETLB]))
			return vm_fail(m, EIO,
				"node %u: the pools have %llu frames, its "
				"zones count %llu",
				node, ULL(frames),
				ULL(node_sum(m, node, pages[USE_HUGETLB])));
	}
	return 0;
}
