/*
 * Policies that order pages by a number: a heap, the next victim on top.  Of
 * two pages with one number the one that came in first leaves first.  Four
 * children a page: they lie side by side, and the way down is short.
 *
 *	               0
 *	   1       2       3       4        children of i: 4i+1 to 4i+4
 *	5 6 7 8   ...
 *
 * A use changes the number, but does not touch the heap.  Where the smallest
 * leaves first that is made good when a page comes to the top: its number was
 * too small, so it sinks; a page whose number is right on top is the smallest,
 * since all the others can only have grown.  Where the largest leaves first
 * (mru, opt) the heap must hear of each page that was used before it is asked:
 * policy_page_seen().
 */
#include "../mmu/future.h"
#include "policy_i.h"

static uint64_t key_of(const struct vm *m, pfn_t pfn)
{
	uint64_t word = *policy_word(m, pfn);

	switch (m->root->set.policy) {
	case POLICY_FIFO:
		return 0; /* all the same: the one that came in first */
	case POLICY_MRU:
		return ~word;
	case POLICY_OPT:
		return ~future_next(m, word);
	default:
		return word;
	}
}

static policy_rank rank_of(uint64_t key, uint64_t page_in)
{
	return (policy_rank)key << 64 | page_in;
}

/* What the way up or down needs, read once. */
struct heap {
	policy_rank *rank;
	pfn_t *pfn;
	uint32_t *seat_of, nr;
};

static inline struct heap heap_of(const struct vm *m)
{
	return (struct heap){policy_rank_at(m, 0), policy_pfn(m, 0),
		policy_seat_of(m, 0), m->root->policy.nr};
}

static inline void sit(
	const struct heap *h, uint32_t i, pfn_t pfn, policy_rank rank)
{
	h->rank[i] = rank;
	h->pfn[i] = pfn;
	h->seat_of[pfn] = i + 1;
}

/* Who sits in `from` moves to i. */
static inline void move(const struct heap *h, uint32_t i, uint32_t from)
{
	sit(h, i, h->pfn[from], h->rank[from]);
}

/* Up from seat i, at most to `top`, to where it belongs. */
static void rise(const struct heap *h, uint32_t top, uint32_t i, pfn_t pfn,
	policy_rank rank)
{
	while (i > top && rank < h->rank[(i - 1) / 4]) {
		move(h, i, (i - 1) / 4);
		i = (i - 1) / 4;
	}
	sit(h, i, pfn, rank);
}

static inline uint32_t first_of(const struct heap *h, uint32_t a, uint32_t b)
{
	return h->rank[b] < h->rank[a] ? b : a;
}

/* The child of seat i that leaves first; nr without children. */
static inline uint32_t first_child(const struct heap *h, uint32_t i)
{
	uint32_t first = 4 * i + 1;

	if (first + 4 <= h->nr)
		return first_of(h, first_of(h, first, first + 1),
			first_of(h, first + 2, first + 3));
	if (first >= h->nr)
		return h->nr;
	for (uint32_t c = first + 1; c < h->nr; c++)
		first = first_of(h, first, c);
	return first;
}

/* Down from seat i, unless it may stay: to the bottom, where it comes from as a
 * rule, and up again.  That takes one comparison less a level. */
static void sink(const struct heap *h, uint32_t i, pfn_t pfn, policy_rank rank)
{
	uint32_t top = i, child = first_child(h, i);

	if (child < h->nr && h->rank[child] < rank)
		for (; child < h->nr; child = first_child(h, i)) {
			move(h, i, child);
			i = child;
		}
	rise(h, top, i, pfn, rank);
}

/* To seat i, or where it belongs above or below. */
static void place(struct vm *m, uint32_t i, pfn_t pfn, policy_rank rank)
{
	const struct heap h = heap_of(m);

	if (i && rank < h.rank[(i - 1) / 4])
		rise(&h, 0, i, pfn, rank);
	else
		sink(&h, i, pfn, rank);
}

void heap_put(struct vm *m, pfn_t pfn, uint64_t page_in)
{
	const struct heap h = heap_of(m);

	m->root->policy.nr++;
	rise(&h, 0, h.nr, pfn, rank_of(key_of(m, pfn), page_in));
}

void heap_take(struct vm *m, uint32_t seat)
{
	uint32_t last = --m->root->policy.nr;
	pfn_t pfn = *policy_pfn(m, last);
	policy_rank rank = *policy_rank_at(m, last);

	policy_empty_seat(m, last);
	if (seat != last)
		place(m, seat, pfn, rank);
}

void heap_fix(struct vm *m, uint32_t seat)
{
	policy_rank *rank = policy_rank_at(m, seat);
	pfn_t pfn = *policy_pfn(m, seat);
	uint64_t key = key_of(m, pfn);

	if ((uint64_t)(*rank >> 64) != key)
		place(m, seat, pfn, rank_of(key, (uint64_t)*rank));
}

void heap_rebuild(struct vm *m)
{
	const struct heap h = heap_of(m);

	for (uint32_t i = 0; i < h.nr; i++)
		h.rank[i] = rank_of(key_of(m, h.pfn[i]), (uint64_t)h.rank[i]);
	for (uint32_t i = (h.nr + 2) / 4; i-- > 0;)
		sink(&h, i, h.pfn[i], h.rank[i]);
}

pfn_t heap_first(struct vm *m)
{
	if (!m->root->policy.nr)
		return PFN_NONE;
	while ((uint64_t)(*policy_rank_at(m, 0) >> 64) !=
		key_of(m, *policy_pfn(m, 0)))
		heap_fix(m, 0);
	return *policy_pfn(m, 0);
}

int heap_check(struct vm *m)
{
	const struct heap h = heap_of(m);

	for (uint32_t i = 1; i < h.nr; i++)
		if (h.rank[i] < h.rank[(i - 1) / 4])
			return vm_fail(m, EIO,
				"the page in seat %u of the policy's heap "
				"leaves before the one above it",
				i);
	return 0;
}
