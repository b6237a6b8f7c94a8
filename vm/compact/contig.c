/*
 * Ranges of frames that are larger than any free block: pages of 1 GiB.
 *
 *	before  | . . A . | B . . . | . . . . |      . free, A B pages
 *	        |<------ the range ------>|
 *	after   | # # # # | # # # # | # # A B |      # the range's
 *
 * First everything in the range that is free is taken off the free lists, so
 * that no page moves to there; then what is in use moves out.
 */
#include "../mm/huge.h"
#include "../mm/migrate.h"
#include "../phys/lru.h"
#include "../phys/pcp.h"
#include "compact_i.h"

static bool in_use(const struct frame *f)
{
	return f->state > FRAME_RESERVED;
}

/* Whether the allocator manages all of it, and what is in use can move. */
static bool range_suits(
	const struct vm *m, const struct zone *z, pfn_t start, pfn_t end)
{
	pfn_t at = start, stop;
	unsigned order;

	if (end > z->end || !phys_next_managed(m, &at, &stop) || at != start ||
		stop < end)
		return false;
	for (; phys_next_used(m, &at, &order) && at < end; at += 1u << order)
		if (!frame_on_lru(frame_at(m, at)))
			return false;
	return true;
}

static void take_free(struct vm *m, struct zone *z, pfn_t start, pfn_t end)
{
	fresh_cut(m, z, start, end);
	for (pfn_t pfn = start; pfn < end;) {
		const struct frame *f = frame_at(m, pfn);
		pfn_t nr = 1;

		if (f->state == FRAME_FREE) {
			nr = 1u << f->order;
			free_isolate(m, z, pfn);
		}
		pfn += nr;
	}
}

/* Frames for a page to move to, of any node. */
static pfn_t take_target(struct vm *m, unsigned order)
{
	uint8_t allowed = m->allowed;
	pfn_t pfn;

	m->allowed = (uint8_t)~0u;
	pfn = buddy_alloc(m, GFP_HIGHUSER_MOVABLE, order, FRAME_KERNEL,
		USE_KERNEL, false);
	m->allowed = allowed;
	return pfn;
}

static void count_split(struct vm *m, unsigned order)
{
	m->root->count[CNT_THP_MIGRATION_FAIL] += order == huge_order(m);
	m->root->count[CNT_THP_MIGRATION_SPLIT] += order == huge_order(m);
}

/* A huge page for which there is no block becomes single ones. */
static bool move_out(struct vm *m, pfn_t start, pfn_t end)
{
	for (pfn_t pfn = start; pfn < end;) {
		unsigned order = frame_at(m, pfn)->order;
		pfn_t to;

		if (!in_use(frame_at(m, pfn))) {
			pfn++;
			continue;
		}
		to = take_target(m, order);
		if (to) {
			lru_del(m, pfn);
			page_exchange(m, to, pfn);
			pfn += 1u << order;
		} else if (order) {
			count_split(m, order);
			huge_break(m, pfn);
		} else {
			m->root->count[CNT_PGMIGRATE_FAIL]++;
			return false;
		}
	}
	return true;
}

/* Gives [pfn, end), frames of nobody, to the free lists. */
static void give_back(struct vm *m, struct zone *z, pfn_t pfn, pfn_t end)
{
	while (pfn < end) {
		unsigned order = m->pageblock_order;

		while (pfn & ((1u << order) - 1) || pfn + (1u << order) > end)
			order--;
		free_block(m, z, pfn, order);
		pfn += 1u << order;
	}
}

/* What could not be cleared as a whole. */
static void undo(struct vm *m, struct zone *z, pfn_t start, pfn_t end)
{
	for (pfn_t pfn = start, from; pfn < end;) {
		for (from = pfn; pfn < end && !in_use(frame_at(m, pfn)); pfn++)
			;
		give_back(m, z, from, pfn);
		for (; pfn < end && in_use(frame_at(m, pfn)); pfn++)
			;
	}
}

static bool clear_range(struct vm *m, struct zone *z, pfn_t start, pfn_t end)
{
	take_free(m, z, start, end);
	if (move_out(m, start, end))
		return true;
	undo(m, z, start, end);
	vm_fail_clear(m);
	return false;
}

static pfn_t from_zone(struct vm *m, struct zone *z, unsigned order)
{
	pfn_t nr = (pfn_t)1 << order, pfn = (z->start + nr - 1) & ~(nr - 1);

	for (; pfn + nr <= z->end; pfn += nr)
		if (range_suits(m, z, pfn, pfn + nr) &&
			clear_range(m, z, pfn, pfn + nr))
			return pfn;
	return PFN_NONE;
}

pfn_t contig_alloc(struct vm *m, unsigned gfp, unsigned order,
	enum frame_state state, enum page_use use)
{
	const struct zonelist *l = &m->zonelist[m->prefer][gfp & GFP_ZONE_MASK];

	pcp_drain_all(m);
	for (unsigned i = 0; i < l->nr; i++) {
		struct zone *z = &m->root->zone[l->zone[i]];
		pfn_t pfn = PFN_NONE;

		if (z->managed && zone_allowed(m, z))
			pfn = from_zone(m, z, order);
		if (!pfn)
			continue;
		frame_at(m, pfn)->state = state & 15;
		frame_at(m, pfn)->order = order & 31;
		z->pages[use] += 1u << order;
		return pfn;
	}
	return PFN_NONE;
}

void contig_free(struct vm *m, pfn_t pfn, enum page_use use)
{
	struct frame *f = frame_at(m, pfn);
	struct zone *z = zone_of(m, pfn);
	pfn_t nr = (pfn_t)1 << f->order;
	unsigned bytes = f->flags & FR_BYTES;

	*f = (struct frame){.state = FRAME_TAIL, .flags = bytes & FR_BYTES};
	z->pages[use] -= nr;
	give_back(m, z, pfn, pfn + nr);
}
