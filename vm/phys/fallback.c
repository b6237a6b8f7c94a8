/*
 * Where a block comes from when the lists of its type have none: from page
 * blocks of other types, the largest free block first.
 *
 *	UNMOVABLE     looks at RECLAIMABLE, then MOVABLE
 *	MOVABLE       looks at RECLAIMABLE, then UNMOVABLE
 *	RECLAIMABLE   looks at UNMOVABLE, then MOVABLE
 *
 *	claim   a free page block changes its type, and so does one of which
 *	        half is free or used in a way that suits the new type: its free
 *	        blocks change lists
 *	steal   one block alone, the smallest that does; the page block keeps
 *	        its type, to which the frames come back
 *
 * Movable pages claim from half the order of a page block on: a mix with them
 * is not for ever.
 *
 * Source: Linux mm/page_alloc.c (find_suitable_fallback, try_to_claim_block,
 * __rmqueue_claim, __rmqueue_steal).
 */
#include "lru.h"
#include "phys_i.h"

static const uint8_t fallbacks[NR_PCPTYPES][NR_PCPTYPES - 1] = {
	[MIGRATE_UNMOVABLE] = {MIGRATE_RECLAIMABLE, MIGRATE_MOVABLE},
	[MIGRATE_MOVABLE] = {MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE},
	[MIGRATE_RECLAIMABLE] = {MIGRATE_UNMOVABLE, MIGRATE_MOVABLE},
};

static void pageblock_store(struct vm *m, pfn_t pfn, unsigned byte)
{
	struct segment *s = &m->arena.seg[SEG_PAGEBLOCK];
	uint64_t end = (pfn >> m->pageblock_order) + 1;

	*pageblock_at(m, pfn) = (uint8_t)byte;
	if (s->used < end)
		s->used = end;
}

void pageblock_set_type(struct vm *m, pfn_t pfn, enum migrate_type type)
{
	pageblock_store(m, pfn,
		(*pageblock_at(m, pfn) & 8u) | (type ^ MIGRATE_MOVABLE));
}

void pageblock_set_skip(struct vm *m, pfn_t pfn, bool skip)
{
	pageblock_store(m, pfn, (*pageblock_at(m, pfn) & 7u) | (skip ? 8u : 0));
}

/* The type whose block of that order to take, or NR_MIGRATE. */
static enum migrate_type find_type(
	struct vm *m, struct zone *z, unsigned order, enum migrate_type type)
{
	for (unsigned i = 0; i < NR_PCPTYPES - 1; i++)
		if (free_first(m, z, order, fallbacks[type][i]))
			return fallbacks[type][i];
	return NR_MIGRATE;
}

static bool may_claim(
	const struct vm *m, unsigned order, enum migrate_type type)
{
	return order >= m->pageblock_order / 2 || type != MIGRATE_MOVABLE;
}

bool fallback_may_claim(
	struct vm *m, struct zone *z, unsigned order, enum migrate_type type)
{
	return may_claim(m, order, type) &&
	       find_type(m, z, order, type) != NR_MIGRATE;
}

/* ---- page blocks that are partly used ------------------------------------ */

struct mix {
	unsigned nr_free, nr_movable;
};

static struct mix look(const struct vm *m, pfn_t start)
{
	struct mix x = {0, 0};
	pfn_t end = start + pageblock_pages(m);

	for (pfn_t pfn = start; pfn < end;) {
		const struct frame *f = frame_at(m, pfn);

		if (f->state == FRAME_FREE) {
			x.nr_free += 1u << f->order;
			pfn += 1u << f->order;
			continue;
		}
		x.nr_movable += frame_on_lru(f);
		pfn++;
	}
	return x;
}

/* Whether so much of the page block is free or alike that it changes its
 * type.  What is in use and not movable is taken to suit all other types,
 * unless it was gathered as the one or the other of them. */
static bool worth_it(const struct vm *m, pfn_t start, enum migrate_type from,
	enum migrate_type to)
{
	struct mix x = look(m, start);
	unsigned alike = 0;

	if (to == MIGRATE_MOVABLE)
		alike = x.nr_movable;
	else if (from == MIGRATE_MOVABLE)
		alike = pageblock_pages(m) - x.nr_free - x.nr_movable;
	return x.nr_free + alike >= pageblock_pages(m) / 2;
}

static bool in_one_zone(const struct vm *m, const struct zone *z, pfn_t start)
{
	return start >= z->start && start + pageblock_pages(m) <= z->end;
}

bool pageblock_convert(struct vm *m, struct zone *z, pfn_t pfn,
	enum migrate_type from, enum migrate_type to)
{
	pfn_t start = pfn & ~(pageblock_pages(m) - 1);

	if (!in_one_zone(m, z, start))
		return false;
	for (pfn = start; pfn < start + pageblock_pages(m);) {
		const struct frame *f = frame_at(m, pfn);
		pfn_t size = 1;

		if (f->state == FRAME_FREE) {
			size <<= f->order;
			free_move(m, z, pfn, from, to);
		}
		pfn += size;
	}
	pageblock_set_type(m, start, to);
	return true;
}

static pfn_t claim_part(struct vm *m, struct zone *z, pfn_t pfn, unsigned order,
	enum migrate_type from, enum migrate_type to)
{
	pfn_t start = pfn & ~(pageblock_pages(m) - 1);

	if (watermark_boost(m, z))
		m->root->node[z->node].kswapd_woken = 1;
	if (!in_one_zone(m, z, start) || !worth_it(m, start, from, to))
		return PFN_NONE;
	pageblock_convert(m, z, start, from, to);
	return free_take(m, z, order, to);
}

/* ---- whole ones ---------------------------------------------------------- */

/* Of a free block of page blocks, which change their type. */
static pfn_t claim_whole(struct vm *m, struct zone *z, unsigned at,
	enum migrate_type from, unsigned order, enum migrate_type to)
{
	pfn_t first = free_first(m, z, at, from);

	for (pfn_t i = 0; i < 1u << at; i += pageblock_pages(m))
		pageblock_set_type(m, first + i, to);
	return free_take_first(m, z, at, from, order, to);
}

pfn_t fallback_claim(struct vm *m, struct zone *z, unsigned order,
	enum migrate_type type, unsigned flags)
{
	unsigned least = order;

	if (flags & ALLOC_NOFRAGMENT && least < m->pageblock_order)
		least = m->pageblock_order;
	for (unsigned at = MAX_ORDER + 1; at-- > least;) {
		enum migrate_type from;
		pfn_t pfn;

		if (!may_claim(m, at, type))
			return PFN_NONE;
		from = find_type(m, z, at, type);
		if (from == NR_MIGRATE)
			continue;
		if (at >= m->pageblock_order)
			return claim_whole(m, z, at, from, order, type);
		pfn = claim_part(
			m, z, free_first(m, z, at, from), order, from, type);
		if (pfn)
			return pfn;
	}
	return PFN_NONE;
}

pfn_t fallback_steal(
	struct vm *m, struct zone *z, unsigned order, enum migrate_type type)
{
	for (unsigned at = order; at <= MAX_ORDER; at++) {
		enum migrate_type from = find_type(m, z, at, type);

		if (from != NR_MIGRATE)
			return free_take_first(m, z, at, from, order, from);
	}
	return PFN_NONE;
}
