/*
 * phys/policy and phys/evictions: what a textbook policy of replacement knows,
 * and what it did.
 */
#include "../vm/reclaim/policy.h"

#include <stdlib.h>

#include "../vm/mm/rmap.h"
#include "../vm/task/task.h"
#include "renderers.h"

static const char *const names[] = {POLICY_NAMES};

/* The process whose memory this is, 0: none is left. */
static uint32_t pid_of(const struct vm *m, idx_t mm)
{
	for (idx_t i = m->root->first_task; i; i = task_at(m, i)->next)
		if (task_at(m, i)->mm == mm)
			return task_at(m, i)->tgid;
	return 0;
}

/* PID:ADDRESS of a page that one process alone has; of others state, owner and
 * index as in phys/frames: of files the inode number. */
static void put_page(struct sbuf *b, const struct vm *m, unsigned state,
	bool exclusive, uint32_t owner, uint64_t index)
{
	if (state == FRAME_ANON && exclusive)
		sbuf_printf(b, "%u:0x%llx", pid_of(m, owner),
			(unsigned long long)index << m->page_shift);
	else
		sbuf_printf(b, "%s:%u:0x%llx", frame_state_name(state), owner,
			(unsigned long long)index);
}

/* ---- phys/policy --------------------------------------------------------- */

static const char *word_title(enum policy kind)
{
	switch (kind) {
	case POLICY_LRU:
	case POLICY_MRU:
	case POLICY_WS:
		return " used";
	case POLICY_LFU:
		return " uses";
	case POLICY_CLOCK:
	case POLICY_ECLOCK:
	case POLICY_NRU:
		return " R M";
	case POLICY_AGING:
		return " R register";
	default:
		return "";
	}
}

/* Time, count, two bits, or a bit and a register of eight. */
static void put_word(struct sbuf *b, enum policy kind, uint64_t word)
{
	switch (kind) {
	case POLICY_LRU:
	case POLICY_MRU:
	case POLICY_WS:
	case POLICY_LFU:
		sbuf_char(b, ' ');
		sbuf_dec(b, word);
		break;
	case POLICY_CLOCK:
	case POLICY_ECLOCK:
	case POLICY_NRU:
		sbuf_printf(b, " %u %u", (unsigned)word & 1,
			(unsigned)word >> 1 & 1);
		break;
	case POLICY_AGING:
		sbuf_printf(b, " %u ", (unsigned)word >> 8 & 1);
		for (unsigned i = 8; i-- > 0;)
			sbuf_char(b, word >> i & 1 ? '1' : '0');
		break;
	default:
		break;
	}
}

static void put_view(
	struct sbuf *b, const struct vm *m, const struct policy_view *v)
{
	const struct frame *f = frame_at(m, v->pfn);

	if (v->aside)
		sbuf_str(b, "aside ");
	else
		sbuf_printf(b, "%u ", v->slot);
	if (!v->pfn) {
		sbuf_str(b, "-\n");
		return;
	}
	sbuf_printf(b, "0x%x ", v->pfn);
	put_page(b, m, f->state, f->flags & FR_EXCLUSIVE, v->owner, v->index);
	sbuf_printf(b, " %llu", (unsigned long long)v->page_in);
	put_word(b, m->root->set.policy, v->word);
	sbuf_char(b, '\n');
}

static int by_rank(const void *a, const void *b)
{
	const struct policy_view *x = a, *y = b;

	if (x->aside != y->aside)
		return x->aside ? 1 : -1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

/* The pages, those that leave first before the others; of a circle by slot. */
static void put_views(struct sbuf *b, const struct vm *m)
{
	uint32_t nr = policy_places(m);
	struct policy_view *v = calloc(nr, sizeof(*v));

	if (nr && !v) {
		sbuf_str(b, "the host has no memory to sort the pages\n");
		return;
	}
	for (uint32_t i = 0; i < nr; i++)
		policy_look(m, i, &v[i]);
	qsort(v, nr, sizeof(*v), by_rank);
	for (uint32_t i = 0; i < nr; i++) {
		if (!v[i].in_slot)
			v[i].slot = i;
		put_view(b, m, &v[i]);
	}
	free(v);
}

/* ---- Linux's lists ------------------------------------------------------- */

static void put_frame(
	struct sbuf *b, const struct vm *m, const char *list, pfn_t pfn)
{
	const struct frame *f = frame_at(m, pfn);

	sbuf_printf(b, "%s 0x%x ", list, pfn);
	put_page(b, m, f->state, f->flags & FR_EXCLUSIVE,
		frame_owner_number(m, f), frame_index(m, f));
	sbuf_printf(b, " %u\n", f->flags & FR_REFERENCED ? 1 : 0);
}

/* Pages that are looked at first before the others. */
static void put_lists(struct sbuf *b, const struct vm *m)
{
	static const char *const list[] = {"inactive_anon", "active_anon",
		"inactive_file", "active_file", "unevictable"};

	sbuf_str(b, "list pfn page referenced\n");
	for (unsigned node = 0; node < m->root->config.nodes; node++)
		for (unsigned id = 0; id < NR_LRU; id++)
			for (pfn_t pfn = m->root->node[node].lru[id].tail; pfn;
				pfn = frame_at(m, pfn)->prev)
				put_frame(b, m, list[id], pfn);
}

/* ---- the file ------------------------------------------------------------ */

void show_policy(struct sbuf *b, const struct view *view, uint64_t id)
{
	const struct vm *m = view->vm;
	const struct policy_state *p = &m->root->policy;
	enum policy kind = m->root->set.policy;

	sbuf_printf(
		b, "policy %s\nframes %u\n", names[kind], m->root->set.frames);
	if (kind == POLICY_LINUX) {
		put_lists(b, m);
		return;
	}
	sbuf_printf(b, "accesses %llu\npage_ins %llu\nevictions %llu\n",
		(unsigned long long)p->now,
		(unsigned long long)(p->page_ins - p->kept),
		(unsigned long long)p->evictions);
	if (kind == POLICY_CLOCK || kind == POLICY_ECLOCK)
		sbuf_printf(b, "hand %u\n", p->hand);
	if (p->next_tick != UINT64_MAX)
		sbuf_printf(b, "next_tick %llu\n",
			(unsigned long long)p->next_tick);
	sbuf_printf(b, "place pfn page page_in%s\n", word_title(kind));
	put_views(b, m);
}

/* ---- phys/evictions ------------------------------------------------------ */

void show_evictions(struct sbuf *b, const struct view *view, uint64_t id)
{
	const struct vm *m = view->vm;
	uint64_t nr = m->root->policy.evictions, n = 1;

	if (nr > NR_EVICTIONS_KEPT)
		n = nr - NR_EVICTIONS_KEPT + 1;
	sbuf_str(b, "eviction access pfn page R M\n");
	for (; n <= nr; n++) {
		const struct eviction *e = policy_eviction(m, n);

		sbuf_printf(b, "%llu %llu 0x%x ", (unsigned long long)n,
			(unsigned long long)e->at, e->pfn);
		put_page(b, m, e->state, e->exclusive, e->owner, e->index);
		sbuf_printf(b, " %u %u\n", e->referenced, e->modified);
	}
}
