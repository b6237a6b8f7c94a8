/*
 * The buddy allocator: free blocks of 1 << order frames, aligned to their
 * size, orders 0 to 10.
 *
 *	buddy(pfn, order) = pfn ^ (1 << order)
 *
 *	order 3  |               8               |
 *	order 2  |       8       |      12       |   8 and 12 are buddies
 *	order 1  |   8   |  10   |  12   |  14   |
 *
 * A request takes the smallest sufficient block and splits it, keeping the
 * lower half; the upper halves go to the heads of their lists.  A free merges
 * with the buddy while that is free too.  The merged block goes to the head of
 * its list (last freed, first used), but to the tail when the buddy of the
 * next larger block is free, since a merge is then likely soon.
 *
 * Lists hold blocks of one migrate type, that of the page block (pageblock.h),
 * where blocks of other types come in see fallback.c.
 *
 * Invariants, see phys_check(): no two free buddies of the same order; a free
 * frame that is not a head has a state that is not FREE; frames not in use
 * have owner, mapcount and index 0.
 *
 * Source: Linux mm/page_alloc.c (__free_one_page, __rmqueue_smallest, expand).
 */
#include <string.h>

#include "phys_i.h"

void phys_mark_used(struct vm *m, pfn_t end)
{
	struct segment *ram = &m->arena.seg[SEG_RAM];
	struct segment *frame = &m->arena.seg[SEG_FRAME];

	if (pfn_to_pa(m, end) <= ram->used)
		return;
	ram->used = pfn_to_pa(m, end);
	frame->used = end * sizeof(struct frame);
}

/* ---- free lists ---------------------------------------------------------- */

static inline void list_add(struct vm *m, struct zone *z, pfn_t pfn,
	unsigned order, enum migrate_type type, bool at_tail)
{
	struct free_area *a = &z->free[order];
	struct frame *f = frame_at(m, pfn);

	f->state = FRAME_FREE;
	f->order = order & 31;
	frame_link(m, &a->list[type], pfn, at_tail);
	a->nr[type]++;
	z->orders[type] |= 1u << order;
}

static inline void list_del(struct vm *m, struct zone *z, struct frame *f,
	unsigned order, enum migrate_type type)
{
	struct free_area *a = &z->free[order];

	frame_unlink(m, &a->list[type], f);
	f->state = FRAME_TAIL;
	f->order = 0;
	if (!--a->nr[type])
		z->orders[type] &= ~(1u << order);
}

void buddy_seed(struct vm *m, struct zone *z, pfn_t pfn, unsigned order)
{
	list_add(m, z, pfn, order, MIGRATE_MOVABLE, false);
	phys_mark_used(m, pfn + (1u << order));
}

void free_move(struct vm *m, struct zone *z, pfn_t pfn, enum migrate_type from,
	enum migrate_type to)
{
	struct frame *f = frame_at(m, pfn);
	unsigned order = f->order;

	list_del(m, z, f, order, from);
	list_add(m, z, pfn, order, to, true);
}

void free_isolate(struct vm *m, struct zone *z, pfn_t pfn)
{
	struct frame *f = frame_at(m, pfn);
	unsigned order = f->order;

	list_del(m, z, f, order, pageblock_type(m, pfn));
	z->nr_free -= 1u << order;
}

static void fresh_del(struct zone *z, unsigned i)
{
	z->nr_fresh--;
	memmove(z->fresh + i, z->fresh + i + 1,
		(z->nr_fresh - i) * sizeof(z->fresh[0]));
	memset(&z->fresh[z->nr_fresh], 0, sizeof(z->fresh[0]));
}

/* The next block of the largest order that was never used. */
static pfn_t fresh_take(struct vm *m, struct zone *z)
{
	pfn_t pfn = z->fresh[0].start;

	z->fresh[0].start += 1u << MAX_ORDER;
	phys_mark_used(m, z->fresh[0].start);
	if (z->fresh[0].start == z->fresh[0].end)
		fresh_del(z, 0);
	return pfn;
}

/* A fresh range from here on; where there is no room for one more, free blocks.
 */
static void fresh_add(
	struct vm *m, struct zone *z, unsigned at, pfn_t start, pfn_t end)
{
	const unsigned room = sizeof(z->fresh) / sizeof(z->fresh[0]);

	if (z->nr_fresh == room) {
		for (; start < end; start += 1u << MAX_ORDER)
			buddy_seed(m, z, start, MAX_ORDER);
		return;
	}
	memmove(z->fresh + at + 1, z->fresh + at,
		(z->nr_fresh - at) * sizeof(z->fresh[0]));
	z->fresh[at].start = start;
	z->fresh[at].end = end;
	z->nr_fresh++;
}

void fresh_cut(struct vm *m, struct zone *z, pfn_t start, pfn_t end)
{
	for (unsigned i = 0; i < z->nr_fresh;) {
		pfn_t a = z->fresh[i].start, b = z->fresh[i].end;
		pfn_t from = a > start ? a : start, to = b < end ? b : end;

		if (from >= to) {
			i++;
			continue;
		}
		z->nr_free -= to - from;
		fresh_del(z, i);
		if (to < b)
			fresh_add(m, z, i, to, b);
		if (a < from)
			fresh_add(m, z, i, a, from);
		i += (to < b) + (a < from);
	}
	phys_mark_used(m, end);
}

pfn_t free_first(
	struct vm *m, struct zone *z, unsigned order, enum migrate_type type)
{
	pfn_t pfn = z->free[order].list[type].head;

	if (!pfn && order == MAX_ORDER && type == MIGRATE_MOVABLE &&
		z->nr_fresh)
		pfn = z->fresh[0].start;
	return pfn;
}

pfn_t free_take_first(struct vm *m, struct zone *z, unsigned at,
	enum migrate_type type, unsigned order, enum migrate_type to)
{
	pfn_t pfn = z->free[at].list[type].head;

	if (pfn)
		list_del(m, z, frame_at(m, pfn), at, type);
	else
		pfn = fresh_take(m, z);
	m->root->count[CNT_BUDDY_SPLIT] += at - order;
	while (at > order) {
		at--;
		list_add(m, z, pfn + (1u << at), at, to, false);
	}
	return pfn;
}

pfn_t free_take(
	struct vm *m, struct zone *z, unsigned order, enum migrate_type type)
{
	unsigned fit = z->orders[type] >> order << order, at = MAX_ORDER;

	if (fit)
		at = (unsigned)__builtin_ctz(fit);
	else if (type != MIGRATE_MOVABLE || !z->nr_fresh)
		return PFN_NONE;
	return free_take_first(m, z, at, type, order, type);
}

pfn_t free_run(struct vm *m, struct zone *z, enum migrate_type type,
	unsigned most, unsigned *nr)
{
	unsigned fit = z->orders[type], at = MAX_ORDER;
	pfn_t pfn, end;

	if (fit)
		at = (unsigned)__builtin_ctz(fit);
	else if (type != MIGRATE_MOVABLE || !z->nr_fresh)
		return PFN_NONE;
	pfn = free_take_first(m, z, at, type, at, type);
	end = pfn + (1u << at);
	*nr = most < 1u << at ? most : 1u << at;
	z->nr_free -= *nr;
	m->root->count[CNT_BUDDY_SPLIT] += *nr - 1;
	for (pfn_t rest = pfn + *nr; rest < end;) {
		unsigned order = (unsigned)__builtin_ctz(rest);

		list_add(m, z, rest, order, type, false);
		m->root->count[CNT_BUDDY_SPLIT]++;
		rest += 1u << order;
	}
	return pfn;
}

/* ---- free ---------------------------------------------------------------- */

static inline bool zone_has(const struct zone *z, pfn_t pfn)
{
	return pfn >= z->start && pfn < z->end;
}

/* Whether freeing one more neighbour would make an even larger block. */
static inline bool merge_likely(
	const struct vm *m, const struct zone *z, pfn_t pfn, unsigned order)
{
	pfn_t next = (pfn & ~(1u << order)) ^ (2u << order);

	return order < MAX_ORDER - 1 && zone_has(z, next) &&
	       frame_is_free(frame_at(m, next), order + 1);
}

/* The type of a buddy that a block of `type` can merge with, or NR_MIGRATE.
 * Page blocks merge if both types are those of requests, and are one then. */
static inline enum migrate_type buddy_type(
	struct vm *m, pfn_t buddy, unsigned order, enum migrate_type type)
{
	enum migrate_type other;

	if (order < m->pageblock_order)
		return type;
	other = pageblock_type(m, buddy);
	if (other == type)
		return type;
	if (other >= NR_PCPTYPES || type >= NR_PCPTYPES)
		return NR_MIGRATE;
	for (pfn_t i = 0; i < 1u << order; i += pageblock_pages(m))
		pageblock_set_type(m, buddy + i, type);
	return other;
}

void free_block(struct vm *m, struct zone *z, pfn_t pfn, unsigned order)
{
	enum migrate_type type = pageblock_type(m, pfn);
	unsigned first = order;

	z->nr_free += 1u << order;
	for (; order < MAX_ORDER; order++) {
		pfn_t buddy = pfn ^ 1u << order;
		enum migrate_type had;

		if (!zone_has(z, buddy) ||
			!frame_is_free(frame_at(m, buddy), order))
			break;
		had = buddy_type(m, buddy, order, type);
		if (had == NR_MIGRATE)
			break;
		list_del(m, z, frame_at(m, buddy), order, had);
		pfn &= buddy;
	}
	m->root->count[CNT_BUDDY_MERGE] += order - first;
	list_add(m, z, pfn, order, type, merge_likely(m, z, pfn, order));
}
