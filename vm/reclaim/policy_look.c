/* The order of a policy as others see it, and whether it is right. */
#include "../phys/lru.h"
#include "../mm/rmap.h"
#include "policy_i.h"

uint32_t policy_places(const struct vm *m)
{
	const struct policy_state *p = &m->root->policy;

	return (policy_order(m) == ORDER_RING ? p->top : p->nr) + p->nr_aside;
}

static uint64_t rank_of(const struct vm *m, uint32_t place, uint64_t word)
{
	if (policy_order(m) != ORDER_HEAP)
		return place;
	if (m->root->set.policy == POLICY_FIFO ||
		m->root->set.policy == POLICY_OPT)
		return 0; /* by page_in alone: opt knows of no trace now */
	return m->root->set.policy == POLICY_MRU ? ~word : word;
}

void policy_look(const struct vm *m, uint32_t i, struct policy_view *v)
{
	uint32_t nr = policy_places(m) - m->root->policy.nr_aside;
	uint32_t seat = i < nr ? i : policy_aside(m, i - nr + 1);
	pfn_t pfn = *policy_pfn(m, seat);
	const struct frame *f = frame_at(m, pfn);
	uint64_t order = policy_page_in(m, seat);
	uint64_t kept = m->root->policy.kept;

	*v = (struct policy_view){
		.slot = i,
		.in_slot = policy_order(m) == ORDER_RING,
		.aside = i >= nr,
		.pfn = pfn,
		.owner = frame_owner_number(m, f),
		.index = frame_index(m, f),
		.order = order,
		.page_in = order > kept ? order - kept : 0,
		.word = *policy_word(m, pfn),
		.rank = rank_of(m, i, *policy_word(m, pfn)),
	};
}

const struct eviction *policy_eviction(const struct vm *m, uint64_t n)
{
	uint64_t nr = m->root->policy.evictions;

	if (!n || n > nr || nr - n >= NR_EVICTIONS_KEPT)
		return NULL;
	return (const struct eviction *)seg_at(m, SEG_POLICY, 0) +
	       (n - 1) % NR_EVICTIONS_KEPT;
}

/* Seats and frames name each other. */
static int check_seats(struct vm *m, uint32_t from, uint32_t to, uint32_t *nr)
{
	for (uint32_t i = from; i < to; i++) {
		pfn_t pfn = *policy_pfn(m, i);
		const struct frame *f;

		if (!pfn && policy_order(m) == ORDER_RING)
			continue;
		if (!pfn || pfn >= m->root->max_pfn ||
			*policy_seat_of(m, pfn) != i + 1)
			return vm_fail(m, EIO,
				"seat %u of the policy holds frame %u, which "
				"says otherwise",
				i, pfn);
		f = frame_at(m, pfn);
		if (!frame_on_lru(f) || f->flags & FR_MLOCKED)
			return vm_fail(m, EIO,
				"seat %u of the policy holds frame %u, which "
				"holds no page that could leave",
				i, pfn);
		++*nr;
	}
	return 0;
}

static int check_state(struct vm *m)
{
	const struct policy_state *p = &m->root->policy;
	uint32_t max = m->root->max_pfn;

	if (m->root->set.policy >= NR_POLICIES ||
		(policy_on(m) && m->arena.seg[SEG_POLICY].used !=
					 m->arena.seg[SEG_POLICY].reserved))
		return vm_fail(
			m, EIO, "policy %u is none", m->root->set.policy);
	if (p->nr > max || p->nr_aside > max - p->nr || p->top > max ||
		p->low > p->top || p->hand > p->top || p->kept > p->page_ins)
		return vm_fail(m, EIO,
			"the policy counts %u pages and %u slots", p->nr,
			p->top);
	return 0;
}

/* Heads of huge pages stand for all of them. */
static uint64_t listed(const struct vm *m)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < m->root->config.nodes; i++)
		for (unsigned id = 0; id < LRU_UNEVICTABLE; id++)
			for (pfn_t pfn = m->root->node[i].lru[id].head; pfn;
				pfn = frame_at(m, pfn)->next)
				n++;
	return n;
}

int policy_check(struct vm *m)
{
	const struct policy_state *p = &m->root->policy;
	uint32_t max = m->root->max_pfn, nr = 0, aside = 0;
	bool ring;

	if (check_state(m))
		return -EIO;
	ring = policy_order(m) == ORDER_RING;
	if (check_seats(m, 0, ring ? p->top : p->nr, &nr) ||
		check_seats(m, max, max + p->nr_aside, &aside))
		return -EIO;
	if (nr != p->nr || aside != p->nr_aside ||
		(policy_on(m) && nr + aside != listed(m)))
		return vm_fail(m, EIO,
			"the policy orders %u pages and %u are aside, it "
			"counts %u and %u, %llu could leave",
			nr, aside, p->nr, p->nr_aside,
			(unsigned long long)listed(m));
	if (policy_order(m) == ORDER_HEAP)
		return heap_check(m);
	return ring ? ring_check(m) : 0;
}
