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
	switch (m->root->set.policy) {
	case POLICY_FIFO:
		return 0; /* all the same: the one that came in first */
	case POLICY_OPT:
		return future_next(m, (uint32_t)*policy_word(m, pfn));
	default:
		return *policy_word(m, pfn);
	}
}

/* What the way up or down needs, read once. */
struct heap {
	struct policy_seat *seat;
	uint32_t *seat_of, nr;
	uint64_t flip; /* all ones: the largest key is first */
};

static inline struct heap heap_of(const struct vm *m)
{
	return (struct heap){policy_seat(m, 0), policy_seat_of(m, 0),
		m->root->policy.nr, policy_wants_seen(m) ? ~0ull : 0};
}

/* Without branches: which page is before which cannot be predicted. */
static inline bool before(const struct heap *h, const struct policy_seat *a,
	const struct policy_seat *b)
{
	unsigned __int128 x = a->key ^ h->flip, y = b->key ^ h->flip;

	return (x << 64 | a->page_in) < (y << 64 | b->page_in);
}

static inline void sit(const struct heap *h, uint32_t i, struct policy_seat s)
{
	h->seat[i] = s;
	h->seat_of[s.pfn] = i + 1;
}

/* Up from seat i to where s belongs. */
static void rise(struct heap h, uint32_t i, struct policy_seat s)
{
	while (i) {
		uint32_t up = (i - 1) / 4;

		if (!before(&h, &s, &h.seat[up]))
			break;
		sit(&h, i, h.seat[up]);
		i = up;
	}
	sit(&h, i, s);
}

/* The child of seat i that leaves first; nr without children. */
static inline uint32_t first_child(const struct heap *h, uint32_t i)
{
	uint32_t first = 4 * i + 1;
	uint32_t end = first + 4 < h->nr ? first + 4 : h->nr;

	if (first >= h->nr)
		return h->nr;
	for (uint32_t c = first + 1; c < end; c++)
		if (before(h, &h->seat[c], &h->seat[first]))
			first = c;
	return first;
}

/* Down from seat i. */
static void sink(struct heap h, uint32_t i, struct policy_seat s)
{
	uint32_t child;

	while ((child = first_child(&h, i)) < h.nr &&
		before(&h, &h.seat[child], &s)) {
		sit(&h, i, h.seat[child]);
		i = child;
	}
	sit(&h, i, s);
}

/* s to seat i, or where it belongs above or below. */
static void place(struct vm *m, uint32_t i, struct policy_seat s)
{
	struct heap h = heap_of(m);

	if (i && before(&h, &s, &h.seat[(i - 1) / 4]))
		rise(h, i, s);
	else
		sink(h, i, s);
}

void heap_put(struct vm *m, struct policy_seat s)
{
	s.key = key_of(m, s.pfn);
	rise(heap_of(m), m->root->policy.nr++, s);
}

void heap_take(struct vm *m, uint32_t seat)
{
	uint32_t last = --m->root->policy.nr;
	struct policy_seat s = *policy_seat(m, last);

	*policy_seat(m, last) = (struct policy_seat){0};
	if (seat != last)
		place(m, seat, s);
}

void heap_fix(struct vm *m, uint32_t seat)
{
	struct policy_seat s = *policy_seat(m, seat);
	uint64_t key = key_of(m, s.pfn);

	if (s.key == key)
		return;
	s.key = key;
	place(m, seat, s);
}

void heap_rebuild(struct vm *m)
{
	uint32_t nr = m->root->policy.nr;

	for (uint32_t i = 0; i < nr; i++)
		policy_seat(m, i)->key = key_of(m, policy_seat(m, i)->pfn);
	for (uint32_t i = (nr + 2) / 4; i-- > 0;)
		sink(heap_of(m), i, *policy_seat(m, i));
}

pfn_t heap_first(struct vm *m)
{
	struct policy_seat *top = policy_seat(m, 0);

	if (!m->root->policy.nr)
		return PFN_NONE;
	while (top->key != key_of(m, top->pfn))
		heap_fix(m, 0);
	return top->pfn;
}

int heap_check(struct vm *m)
{
	struct heap h = heap_of(m);

	for (uint32_t i = 1; i < m->root->policy.nr; i++)
		if (before(&h, &h.seat[i], &h.seat[(i - 1) / 4]))
			return vm_fail(m, EIO,
				"the page in seat %u of the policy's heap "
				"leaves before the one above it",
				i);
	return 0;
}
