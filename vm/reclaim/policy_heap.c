/*
 * Policies that order pages by a number: a binary heap, the next victim on
 * top.  Of two pages with one number the one that came in first leaves first.
 *
 *	                 seat 0
 *	            1             2         children of i: 2i+1, 2i+2
 *	         3     4       5     6
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
		return policy_page(m, pfn)->page_in;
	case POLICY_OPT:
		return future_next(m, (uint32_t)*policy_word(m, pfn));
	default:
		return *policy_word(m, pfn);
	}
}

static bool before(const struct vm *m, const struct policy_seat *a,
	const struct policy_seat *b)
{
	if (a->key == b->key)
		return policy_page(m, a->pfn)->page_in <
		       policy_page(m, b->pfn)->page_in;
	return (a->key < b->key) != policy_wants_seen(m);
}

/* Up from seat i to where s belongs. */
static void rise(struct vm *m, uint32_t i, struct policy_seat s)
{
	while (i) {
		uint32_t up = (i - 1) / 2;

		if (!before(m, &s, policy_seat(m, up)))
			break;
		policy_sit(m, i, *policy_seat(m, up));
		i = up;
	}
	policy_sit(m, i, s);
}

/* Down from seat i. */
static void sink(struct vm *m, uint32_t i, struct policy_seat s)
{
	uint32_t nr = m->root->policy.nr;

	for (;;) {
		uint32_t child = 2 * i + 1;

		if (child >= nr)
			break;
		if (child + 1 < nr && before(m, policy_seat(m, child + 1),
					      policy_seat(m, child)))
			child++;
		if (!before(m, policy_seat(m, child), &s))
			break;
		policy_sit(m, i, *policy_seat(m, child));
		i = child;
	}
	policy_sit(m, i, s);
}

/* s to seat i, or where it belongs above or below. */
static void place(struct vm *m, uint32_t i, struct policy_seat s)
{
	if (i && before(m, &s, policy_seat(m, (i - 1) / 2)))
		rise(m, i, s);
	else
		sink(m, i, s);
}

void heap_put(struct vm *m, pfn_t pfn)
{
	rise(m, m->root->policy.nr++,
		(struct policy_seat){.key = key_of(m, pfn), .pfn = pfn});
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
	for (uint32_t i = nr / 2; i-- > 0;)
		sink(m, i, *policy_seat(m, i));
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
	for (uint32_t i = 1; i < m->root->policy.nr; i++)
		if (before(m, policy_seat(m, i), policy_seat(m, (i - 1) / 2)))
			return vm_fail(m, EIO,
				"the page in seat %u of the policy's heap "
				"leaves before the one above it",
				i);
	return 0;
}
