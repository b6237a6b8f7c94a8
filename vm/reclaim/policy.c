/*
 * The textbook policies: what they hear, and how a victim is taken out.  The
 * orders are in policy_heap.c and policy_ring.c.
 */
#include "policy_i.h"

#include <string.h>

#include "../mm/huge.h"
#include "../mm/rmap.h"
#include "../mmu/future.h"
#include "../swap/swap.h"
#include "reclaim_i.h"

uint64_t policy_bytes(uint64_t frames)
{
	return policy_ranks_at(frames) +
	       frames * (2 * sizeof(policy_rank) + 2 * sizeof(pfn_t) +
				sizeof(uint32_t)) +
	       3 * ((frames + 63) / 64) * sizeof(uint64_t);
}

/* ---- the order ----------------------------------------------------------- */

static void put(struct vm *m, pfn_t pfn, uint64_t page_in)
{
	if (policy_order(m) == ORDER_HEAP)
		heap_put(m, pfn, page_in);
	else if (policy_order(m) == ORDER_RING)
		ring_put(m, pfn, page_in);
	else
		policy_sit(m, m->root->policy.nr++, pfn, page_in);
}

/* The last page of a bag, or of those set aside, takes the empty seat. */
static void fill(struct vm *m, uint32_t seat, uint32_t last)
{
	if (seat != last)
		policy_sit(m, seat, *policy_pfn(m, last),
			*policy_rank_at(m, last));
	policy_empty_seat(m, last);
}

static bool is_aside(const struct vm *m, uint32_t seat)
{
	return seat >= m->root->max_pfn;
}

/* Its serial number. */
static uint64_t take(struct vm *m, pfn_t pfn)
{
	struct policy_state *p = &m->root->policy;
	uint32_t seat = *policy_seat_of(m, pfn) - 1;
	uint64_t page_in = policy_page_in(m, seat);

	if (is_aside(m, seat))
		fill(m, seat, policy_aside(m, p->nr_aside--));
	else if (policy_order(m) == ORDER_HEAP)
		heap_take(m, seat);
	else if (policy_order(m) == ORDER_RING)
		ring_take(m, seat);
	else
		fill(m, seat, --p->nr);
	*policy_seat_of(m, pfn) = 0;
	return page_in;
}

static void set_aside(struct vm *m, pfn_t pfn)
{
	uint64_t page_in = take(m, pfn);

	policy_sit(
		m, policy_aside(m, ++m->root->policy.nr_aside), pfn, page_in);
	m->root->policy.aside_room = swap_room(m);
}

void policy_bring_back(struct vm *m)
{
	while (m->root->policy.nr_aside) {
		pfn_t pfn = *policy_pfn(
			m, policy_aside(m, m->root->policy.nr_aside));

		put(m, pfn, take(m, pfn));
	}
}

/* ---- what it hears ------------------------------------------------------- */

void policy_page_listed(struct vm *m, pfn_t pfn)
{
	struct policy_state *p = &m->root->policy;
	bool locked = frame_at(m, pfn)->flags & FR_MLOCKED;

	if (locked && *policy_seat_of(m, pfn))
		take(m, pfn);
	if (locked || *policy_seat_of(m, pfn))
		return;
	*policy_word(m, pfn) = policy_tracks(m) == TRACK_TIME ? p->now : 0;
	m->root->count[CNT_POLICY_PAGE_IN]++;
	put(m, pfn, ++p->page_ins);
}

void policy_page_freed(struct vm *m, pfn_t pfn)
{
	if (*policy_seat_of(m, pfn))
		take(m, pfn);
}

void policy_page_moved(struct vm *m, pfn_t to, pfn_t from)
{
	uint32_t seat = *policy_seat_of(m, from);

	if (!seat)
		return;
	*policy_pfn(m, seat - 1) = to;
	*policy_seat_of(m, to) = seat;
	*policy_seat_of(m, from) = 0;
	*policy_word(m, to) = *policy_word(m, from);
}

void policy_page_seen(struct vm *m, pfn_t pfn)
{
	uint32_t seat = *policy_seat_of(m, pfn);

	if (seat && !is_aside(m, seat - 1))
		heap_fix(m, seat - 1);
}

/* A page of a circle, or set aside from it, gets other bits. */
static void mark(struct vm *m, pfn_t pfn, uint64_t word)
{
	if (is_aside(m, *policy_seat_of(m, pfn) - 1))
		*policy_word(m, pfn) = word;
	else
		ring_mark(m, pfn, word);
}

void policy_page_used(
	struct vm *m, pfn_t pfn, vaddr_t va, bool write, bool again)
{
	uint64_t *word = policy_word(m, pfn);
	uint32_t seat = *policy_seat_of(m, pfn);

	if (!seat)
		return;
	if (policy_tracks(m) == TRACK_TIME)
		*word = m->root->policy.now;
	else if (policy_tracks(m) == TRACK_COUNT)
		*word += !again;
	else if (m->root->set.policy == POLICY_AGING)
		*word |= AGING_REFERENCED;
	else if (policy_tracks(m) == TRACK_FUTURE)
		*word = future_left(m) ? future_use(m, va) : 0;
	else if (policy_order(m) == ORDER_RING)
		mark(m, pfn,
			*word | WORD_REFERENCED | (write ? WORD_MODIFIED : 0));
	if (policy_wants_seen(m))
		policy_page_seen(m, pfn);
}

void policy_page_cleaned(struct vm *m, pfn_t pfn)
{
	if (*policy_seat_of(m, pfn) && policy_order(m) == ORDER_RING)
		mark(m, pfn, *policy_word(m, pfn) & ~(uint64_t)WORD_MODIFIED);
}

void policy_catch_up(struct vm *m, unsigned cpu)
{
	pfn_t pfn;

	if (!m->unseen)
		return;
	m->unseen = false;
	for (unsigned i = 0; tlb_first_level(m, cpu, i, &pfn); i++)
		if (*policy_word(m, pfn) > m->seen_to)
			policy_page_seen(m, pfn);
	m->seen_to = m->use_now ? m->use_now - 1 : 0;
}

static void forget_use(struct vm *m, const struct rmap_entry *r, void *ctx)
{
	uint64_t e = entry_get(m, r->tab, r->i);

	entry_set(m, r->tab, r->i, e & ~m->arch->pte.accessed);
	tlb_flush_page(m, r->v->mm, r->va);
}

void policy_unreference(struct vm *m, pfn_t pfn)
{
	rmap_walk(m, pfn, forget_use, NULL);
}

/* ---- eviction ------------------------------------------------------------ */

static pfn_t first_to_leave(struct vm *m)
{
	uint32_t nr = m->root->policy.nr;

	if (policy_order(m) == ORDER_RING)
		return ring_first(m);
	if (policy_wants_seen(m))
		policy_catch_up(m, m->running ? m->running->cpu : 0);
	if (policy_order(m) == ORDER_HEAP)
		return heap_first(m);
	return nr ? *policy_pfn(m, (uint32_t)(vm_random(m) % nr)) : PFN_NONE;
}

static struct eviction describe(const struct vm *m, pfn_t pfn)
{
	const struct frame *f = frame_at(m, pfn);
	uint64_t word = *policy_word(m, pfn);
	bool bits = policy_order(m) == ORDER_RING;

	return (struct eviction){
		.at = m->root->policy.now,
		.index = frame_index(m, f),
		.owner = frame_owner_number(m, f),
		.pfn = pfn,
		.state = f->state,
		.exclusive = f->flags & FR_EXCLUSIVE,
		.referenced = bits && word & WORD_REFERENCED,
		.modified = bits && word & WORD_MODIFIED,
	};
}

/* False if the page is still there: set aside, or a huge page in pieces. */
static bool evict(struct vm *m, pfn_t pfn)
{
	struct eviction *log = seg_at(m, SEG_POLICY, 0);
	struct eviction e = describe(m, pfn);

	if (pfn >= m->held && pfn < m->held_end) {
		set_aside(m, pfn);
		return false;
	}
	if (frame_at(m, pfn)->flags & FR_LARGE) {
		huge_break(m, pfn);
		return false;
	}
	if (!evict_frame(m, pfn, SCAN_DIRECT)) {
		set_aside(m, pfn);
		return false;
	}
	log[m->root->policy.evictions++ % NR_EVICTIONS_KEPT] = e;
	m->root->count[CNT_POLICY_EVICT]++;
	return true;
}

static bool evict_first(struct vm *m)
{
	pfn_t pfn;

	while ((pfn = first_to_leave(m)))
		if (evict(m, pfn))
			return true;
	return false;
}

bool policy_evict(struct vm *m)
{
	const struct policy_state *p = &m->root->policy;

	if (p->nr_aside && swap_room(m) > p->aside_room)
		policy_bring_back(m);
	return evict_first(m);
}

int policy_reserve(struct vm *m, unsigned nr)
{
	const struct policy_state *p = &m->root->policy;
	uint32_t frames = m->root->set.frames;

	if (!policy_on(m) || !frames || !nr)
		return 0;
	while (p->nr + p->nr_aside && p->nr + p->nr_aside + nr > frames)
		if (!policy_evict(m))
			return vm_fail(m, ENOMEM,
				"frames=%u are in use, and no page can leave: "
				"%llu pages of swap are free",
				frames, (unsigned long long)swap_free(m));
	return 0;
}

/* ---- the timer ----------------------------------------------------------- */

static void age(struct vm *m, pfn_t pfn)
{
	uint64_t *word = policy_word(m, pfn);

	if (*word & AGING_REFERENCED)
		policy_unreference(m, pfn);
	*word >>= 1;
}

static void age_all(struct vm *m)
{
	const struct policy_state *p = &m->root->policy;

	for (uint32_t i = 0; i < p->nr; i++)
		age(m, *policy_pfn(m, i));
	for (uint32_t i = 1; i <= p->nr_aside; i++)
		age(m, *policy_pfn(m, policy_aside(m, i)));
	heap_rebuild(m);
}

/* Pages leave whose last use is ws_window accesses ago; the timer rings when
 * the next one does. */
static void leave_working_set(struct vm *m)
{
	struct policy_state *p = &m->root->policy;
	uint64_t window = m->root->set.ws_window;
	pfn_t pfn;

	p->next_tick = p->now + window;
	while ((pfn = heap_first(m))) {
		uint64_t end = *policy_word(m, pfn) + window;

		if (end > p->now) {
			p->next_tick = end;
			return;
		}
		evict(m, pfn);
	}
}

static void set_timer(struct vm *m)
{
	struct policy_state *p = &m->root->policy;

	p->next_tick = UINT64_MAX;
	if (m->root->set.policy == POLICY_WS)
		p->next_tick = p->now + m->root->set.ws_window;
	else if (m->root->set.policy == POLICY_AGING ||
		 m->root->set.policy == POLICY_NRU)
		p->next_tick = p->now + m->root->set.policy_tick;
}

void policy_tick(struct vm *m)
{
	set_timer(m);
	if (m->root->set.policy == POLICY_WS)
		leave_working_set(m);
	else if (m->root->set.policy == POLICY_AGING)
		age_all(m);
	else if (m->root->set.policy == POLICY_NRU)
		ring_unreference_all(m);
}

/* ---- the future ---------------------------------------------------------- */

void policy_forget_future(struct vm *m)
{
	for (uint32_t i = 0; i < m->root->policy.nr; i++)
		*policy_word(m, *policy_pfn(m, i)) = 0;
	for (uint32_t i = 1; i <= m->root->policy.nr_aside; i++)
		*policy_word(m, *policy_pfn(m, policy_aside(m, i))) = 0;
	future_forget(m);
}

void policy_learned(struct vm *m, const struct mm *mm)
{
	for (uint32_t i = 1; i <= future_nr_pages(m); i++) {
		uint64_t e = pt_get(m, mm, future_va(m, i));

		if (pte_present(m, e) && *policy_seat_of(m, pte_pfn(m, e)))
			*policy_word(m, pte_pfn(m, e)) = future_before(m, i);
	}
	heap_rebuild(m);
}

void policy_unlearn(struct vm *m)
{
	policy_forget_future(m);
	heap_rebuild(m);
}

/* ---- set policy ---------------------------------------------------------- */

/* All pages of a list leave that can; the others end up on it again. */
static void empty_list(struct vm *m, unsigned node, enum lru_id id)
{
	const struct frame_list *l = &m->root->node[node].lru[id];
	uint64_t left = node_lru_size(m, node, id);

	while (left-- && l->tail) {
		if (frame_at(m, l->tail)->flags & FR_LARGE) {
			huge_break(m, l->tail);
			left++;
		} else {
			evict_frame(m, l->tail, SCAN_PROACTIVE);
		}
	}
}

/* Calls fn for each list of pages that could leave. */
static void each_list(
	struct vm *m, void (*fn)(struct vm *m, unsigned node, enum lru_id id))
{
	for (unsigned node = 0; node < m->root->config.nodes; node++)
		for (unsigned id = 0; id < LRU_UNEVICTABLE; id++)
			fn(m, node, id);
}

/* The pages of a list, which could not leave, are ordered, the oldest first.
 * They have numbers as if they had come in, and do not count. */
static void order_list(struct vm *m, unsigned node, enum lru_id id)
{
	for (pfn_t pfn = m->root->node[node].lru[id].tail; pfn;
		pfn = frame_at(m, pfn)->prev)
		policy_page_listed(m, pfn);
}

static void leave_seat(struct vm *m, uint32_t seat)
{
	if (*policy_pfn(m, seat))
		*policy_seat_of(m, *policy_pfn(m, seat)) = 0;
	policy_empty_seat(m, seat);
}

/* No page has a seat. */
static void disband(struct vm *m)
{
	const struct policy_state *p = &m->root->policy;
	uint32_t nr = policy_order(m) == ORDER_RING ? p->top : p->nr;

	for (uint32_t i = 0; i < nr; i++)
		leave_seat(m, i);
	for (uint32_t i = 1; i <= p->nr_aside; i++)
		leave_seat(m, policy_aside(m, i));
	if (policy_order(m) == ORDER_RING)
		for (unsigned map = MAP_USED; map <= MAP_MODIFIED; map++)
			memset(policy_map(m, map), 0, (nr + 63) / 64 * 8);
}

void policy_set(struct vm *m, enum policy kind)
{
	struct root *r = m->root;

	disband(m);
	r->set.policy = POLICY_LINUX;
	memset(&r->policy, 0, sizeof(r->policy));
	if (kind == POLICY_LINUX)
		return;
	each_list(m, empty_list);
	m->arena.seg[SEG_POLICY].used = m->arena.seg[SEG_POLICY].reserved;
	r->set.policy = kind;
	set_timer(m);
	each_list(m, order_list);
	r->policy.kept = r->policy.page_ins;
	r->count[CNT_POLICY_PAGE_IN] -= r->policy.kept;
}
