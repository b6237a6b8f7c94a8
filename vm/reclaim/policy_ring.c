/*
 * Policies that go round a circle of slots and look at two bits of each page:
 * R, it was used since R was cleared, and M, it was stored to since it came
 * in.  A page takes the empty slot with the lowest number and keeps it.
 *
 *	class  R M      clock    the first page from the hand on with R = 0;
 *	    0  0 0               clears R of those that the hand passes
 *	    1  0 1      eclock   the first of class 0; if there is none, the
 *	    2  1 0               first of class 1, R cleared on the way; again
 *	    3  1 1      nru      the lowest slot of the lowest class; a timer
 *	                         clears R of all pages
 *
 * R and M are also bits by slot, 64 in a word, so that a search for a class
 * among many pages does not look at each.
 */
#include "policy_i.h"

#define NO_SLOT UINT32_MAX

static unsigned class_of(uint64_t word)
{
	return (unsigned)(word & WORD_REFERENCED) << 1 |
	       (unsigned)(word & WORD_MODIFIED) >> 1;
}

static void map_set(struct vm *m, enum policy_map map, uint32_t slot, bool on)
{
	uint64_t *w = policy_map(m, map) + slot / 64, bit = 1ull << slot % 64;

	*w = on ? *w | bit : *w & ~bit;
}

void ring_mark(struct vm *m, pfn_t pfn, uint64_t word)
{
	uint64_t *w = policy_word(m, pfn);
	uint32_t slot = *policy_seat_of(m, pfn) - 1;

	if (*w == word)
		return;
	m->root->policy.nr_class[class_of(*w)]--;
	m->root->policy.nr_class[class_of(word)]++;
	*w = word;
	map_set(m, MAP_REFERENCED, slot, word & WORD_REFERENCED);
	map_set(m, MAP_MODIFIED, slot, word & WORD_MODIFIED);
}

static void unreference(struct vm *m, uint32_t slot)
{
	pfn_t pfn = *policy_pfn(m, slot);
	uint64_t word = *policy_word(m, pfn);

	if (!(word & WORD_REFERENCED))
		return;
	policy_unreference(m, pfn);
	ring_mark(m, pfn, word & ~(uint64_t)WORD_REFERENCED);
}

/* ---- slots --------------------------------------------------------------- */

/* The lowest empty slot; none is below policy.low. */
static uint32_t empty_slot(struct vm *m)
{
	const uint64_t *used = policy_map(m, MAP_USED);
	uint32_t w = m->root->policy.low / 64;

	while (!~used[w])
		w++;
	return w * 64 + (uint32_t)__builtin_ctzll(~used[w]);
}

void ring_put(struct vm *m, pfn_t pfn, uint64_t page_in)
{
	struct policy_state *p = &m->root->policy;
	uint32_t slot = empty_slot(m);
	uint64_t word = *policy_word(m, pfn);

	policy_sit(m, slot, pfn, page_in);
	map_set(m, MAP_USED, slot, true);
	map_set(m, MAP_REFERENCED, slot, word & WORD_REFERENCED);
	map_set(m, MAP_MODIFIED, slot, word & WORD_MODIFIED);
	p->nr_class[class_of(word)]++;
	p->nr++;
	p->low = slot + 1;
	if (p->top <= slot)
		p->top = slot + 1;
}

void ring_take(struct vm *m, uint32_t slot)
{
	struct policy_state *p = &m->root->policy;

	p->nr_class[class_of(*policy_word(m, *policy_pfn(m, slot)))]--;
	p->nr--;
	policy_empty_seat(m, slot);
	for (unsigned map = MAP_USED; map <= MAP_MODIFIED; map++)
		map_set(m, map, slot, false);
	if (p->low > slot)
		p->low = slot;
}

/* Bit s: slot 64w + s holds a page of the class. */
static uint64_t class_word(const struct vm *m, uint32_t w, unsigned class)
{
	uint64_t r = policy_map(m, MAP_REFERENCED)[w];
	uint64_t mod = policy_map(m, MAP_MODIFIED)[w];

	return policy_map(m, MAP_USED)[w] & (class & 2 ? r : ~r) &
	       (class & 1 ? mod : ~mod);
}

/* The first slot of [from, end) that holds a page of the class. */
static uint32_t find_in(
	const struct vm *m, uint32_t from, uint32_t end, unsigned class)
{
	for (uint32_t at = from; at < end; at = (at / 64 + 1) * 64) {
		uint64_t bits =
			class_word(m, at / 64, class) & (~0ull << at % 64);
		uint32_t slot;

		if (!bits)
			continue;
		slot = at / 64 * 64 + (uint32_t)__builtin_ctzll(bits);
		return slot < end ? slot : NO_SLOT;
	}
	return NO_SLOT;
}

/* The first from `from` on, round the circle. */
static uint32_t find(const struct vm *m, uint32_t from, unsigned class)
{
	uint32_t slot = NO_SLOT;

	if (m->root->policy.nr_class[class])
		slot = find_in(m, from, m->root->policy.top, class);
	if (slot == NO_SLOT && m->root->policy.nr_class[class])
		slot = find_in(m, 0, from, class);
	return slot;
}

/* ---- the hand ------------------------------------------------------------ */

/* R ends from the hand on to `slot`, which is not reached; NO_SLOT: to where
 * the hand is again. */
static void sweep(struct vm *m, uint32_t slot)
{
	struct policy_state *p = &m->root->policy;
	uint32_t at = p->hand, end = slot == NO_SLOT ? at : slot;
	bool first = slot == NO_SLOT;

	for (; at != end || first; first = false) {
		if (at < p->top && *policy_pfn(m, at))
			unreference(m, at);
		at = at + 1 < p->top ? at + 1 : 0;
	}
}

/* The nearer one of two slots, in the direction of the hand. */
static uint32_t nearer(const struct vm *m, uint32_t a, uint32_t b)
{
	uint32_t hand = m->root->policy.hand;

	if (a == NO_SLOT || b == NO_SLOT)
		return a == NO_SLOT ? b : a;
	if ((a >= hand) != (b >= hand))
		return a >= hand ? a : b;
	return a < b ? a : b;
}

static uint32_t clock_slot(struct vm *m)
{
	for (;;) {
		uint32_t hand = m->root->policy.hand;
		uint32_t slot = nearer(m, find(m, hand, 0), find(m, hand, 1));

		sweep(m, slot);
		if (slot != NO_SLOT)
			return slot;
	}
}

static uint32_t eclock_slot(struct vm *m)
{
	for (;;) {
		uint32_t hand = m->root->policy.hand;
		uint32_t slot = find(m, hand, 0);

		if (slot != NO_SLOT)
			return slot;
		slot = find(m, hand, 1);
		sweep(m, slot);
		if (slot != NO_SLOT)
			return slot;
	}
}

static uint32_t nru_slot(struct vm *m)
{
	unsigned class = 0;

	while (!m->root->policy.nr_class[class])
		class ++;
	return find(m, 0, class);
}

pfn_t ring_first(struct vm *m)
{
	struct policy_state *p = &m->root->policy;
	uint32_t slot;

	if (!p->nr)
		return PFN_NONE;
	if (p->hand >= p->top)
		p->hand = 0;
	if (m->root->set.policy == POLICY_NRU) {
		slot = nru_slot(m);
	} else {
		slot = m->root->set.policy == POLICY_CLOCK ? clock_slot(m)
							   : eclock_slot(m);
		p->hand = slot + 1 < p->top ? slot + 1 : 0;
	}
	return *policy_pfn(m, slot);
}

void ring_unreference_all(struct vm *m)
{
	for (unsigned class = 2; class < 4; class ++) {
		uint32_t slot = 0;

		while ((slot = find(m, slot, class)) != NO_SLOT)
			unreference(m, slot);
	}
}

int ring_check(struct vm *m)
{
	const struct policy_state *p = &m->root->policy;
	uint32_t found[4] = {0};

	for (uint32_t i = 0; i < p->top; i++) {
		pfn_t pfn = *policy_pfn(m, i);
		unsigned class;

		if (i < p->low && !pfn)
			return vm_fail(m, EIO,
				"slot %u of the policy is empty, none below "
				"%u should be",
				i, p->low);
		if (!pfn)
			continue;
		class = class_of(*policy_word(m, pfn));
		found[class]++;
		if (!(class_word(m, i / 64, class) >> i % 64 & 1))
			return vm_fail(m, EIO,
				"slot %u of the policy holds frame %u of class "
				"%u, its bits say something else",
				i, pfn, class);
	}
	for (unsigned class = 0; class < 4; class ++)
		if (found[class] != p->nr_class[class])
			return vm_fail(m, EIO,
				"the policy has %u pages of class %u and "
				"counts %u",
				found[class], class, p->nr_class[class]);
	return 0;
}
