/* One zone: the two scanners, and when they stop. */
#include "../mm/migrate.h"
#include "../phys/lru.h"
#include "compact_i.h"

static pfn_t block_start(const struct vm *m, pfn_t pfn)
{
	return pfn & ~(pageblock_pages(m) - 1);
}

/* Behind the page block, or the zone's end. */
static pfn_t block_end(const struct vm *m, const struct zone *z, pfn_t pfn)
{
	pfn_t end = block_start(m, pfn) + pageblock_pages(m);

	return end < z->end ? end : z->end;
}

/* Nothing but holes and frames that were never used. */
static bool block_unused(const struct vm *m, const struct zone *z, pfn_t pfn)
{
	pfn_t at = pfn, end;

	for (unsigned i = 0; i < z->nr_fresh; i++)
		if (pfn >= z->fresh[i].start && pfn < z->fresh[i].end)
			return true;
	return !phys_next_managed(m, &at, &end) || at >= block_end(m, z, pfn);
}

/* ---- the migrate scanner ------------------------------------------------- */

/* Page blocks that a request which cannot wait looks into. */
static bool is_source(const struct vm *m, const struct compact *c, pfn_t pfn)
{
	return c->mode != MODE_ASYNC || !c->direct ||
	       pageblock_type(m, pfn) == c->type;
}

static bool may_take(const struct vm *m, pfn_t pfn)
{
	return page_movable(m, pfn) &&
	       (m->root->set.compact_unevictable_allowed ||
		       !(frame_at(m, pfn)->flags & FR_MLOCKED));
}

static void remember_migrate(struct vm *m, const struct compact *c, pfn_t end)
{
	for (unsigned i = 0; i <= (c->mode != MODE_ASYNC); i++)
		if (end > c->z->compact_migrate[i])
			c->z->compact_migrate[i] = end;
}

/* Takes up to CLUSTER pages of [c->migrate, end) off their lists. */
static void take_pages(struct vm *m, struct compact *c, pfn_t end)
{
	pfn_t pfn = c->migrate;

	while (pfn < end && c->nr_pages < CLUSTER) {
		const struct frame *f = frame_at(m, pfn);
		pfn_t size = f->state == FRAME_FREE ? 1u << f->order : 1;

		c->migrate_scanned += size;
		if (may_take(m, pfn)) {
			lru_del(m, pfn);
			c->page[c->nr_pages++] = pfn;
		}
		pfn += size;
	}
	m->root->count[CNT_COMPACT_ISOLATED] += c->nr_pages;
	if (pfn >= end && !c->nr_pages) {
		pageblock_set_skip(m, end - 1, true);
		remember_migrate(m, c, end);
	}
	c->migrate = pfn < end ? pfn : end;
}

static void find_pages(struct vm *m, struct compact *c)
{
	while (block_end(m, c->z, c->migrate) <= c->free) {
		pfn_t end = block_end(m, c->z, c->migrate);
		bool at_start = c->migrate == block_start(m, c->migrate) ||
				c->migrate == c->z->start;

		if (!block_unused(m, c->z, c->migrate) &&
			(!at_start || c->ignore_skip ||
				!pageblock_skip(m, c->migrate))) {
			if (is_source(m, c, c->migrate)) {
				take_pages(m, c, end);
				return;
			}
			remember_migrate(m, c, end);
		}
		c->migrate = end;
	}
}

/* ---- the free scanner ---------------------------------------------------- */

/* A page block of movable pages that is not free as a whole. */
static bool is_target(const struct vm *m, const struct compact *c, pfn_t pfn)
{
	const struct frame *f = frame_at(m, pfn);
	unsigned whole = c->order > 0 ? (unsigned)c->order : m->pageblock_order;

	return pageblock_type(m, pfn) == MIGRATE_MOVABLE &&
	       !(f->state == FRAME_FREE && f->order >= whole) &&
	       (c->ignore_skip || !pageblock_skip(m, pfn));
}

/* Takes free blocks of [*at, end) until there are as many frames as pages; the
 * zone keeps its min watermark. */
static void take_free(struct vm *m, struct compact *c, pfn_t *at, pfn_t end)
{
	while (*at < end && c->nr_spare < c->nr_pages) {
		const struct frame *f = frame_at(m, *at);
		unsigned order = f->order;

		c->free_scanned++;
		if (f->state != FRAME_FREE) {
			++*at;
			continue;
		}
		if (c->z->nr_free <= c->z->min + (1u << order))
			return;
		free_isolate(m, c->z, *at);
		frame_link(m, &c->spare[order], *at, true);
		c->nr_spare += 1u << order;
		*at += 1u << order;
	}
}

static void find_free(struct vm *m, struct compact *c)
{
	pfn_t least = block_end(m, c->z, c->migrate), at = c->free;
	pfn_t start = block_start(m, at);

	for (; start >= least; start -= pageblock_pages(m), at = start) {
		pfn_t end = block_end(m, c->z, start);

		if (block_unused(m, c->z, start) || !is_target(m, c, start))
			continue;
		take_free(m, c, &at, end);
		if (at == end) {
			pageblock_set_skip(m, start, true);
			if (start < c->z->compact_free)
				c->z->compact_free = start;
		}
		if (c->nr_spare >= c->nr_pages) {
			if (at >= end)
				at = start - pageblock_pages(m);
			break;
		}
		if (at < end)
			break;
	}
	c->free = at;
}

/* ---- moving -------------------------------------------------------------- */

/* One frame of the smallest block that was taken. */
static pfn_t take_spare(struct vm *m, struct compact *c)
{
	unsigned order = 0;
	pfn_t pfn;

	while (order < NR_ORDERS && !c->spare[order].head)
		order++;
	if (order == NR_ORDERS)
		return PFN_NONE;
	pfn = c->spare[order].head;
	frame_unlink(m, &c->spare[order], frame_at(m, pfn));
	while (order-- > 0)
		frame_link(m, &c->spare[order], pfn + (1u << order), false);
	c->nr_spare--;
	return pfn;
}

/* The page that was found last goes first; false when no frame is left. */
static bool move_pages(struct vm *m, struct compact *c)
{
	for (bool looked = false; c->nr_pages;) {
		pfn_t from = c->page[c->nr_pages - 1], to = take_spare(m, c);

		if (!to && !looked) {
			looked = true;
			find_free(m, c);
			continue;
		}
		if (!to) {
			m->root->count[CNT_PGMIGRATE_FAIL]++;
			return false;
		}
		looked = false;
		c->nr_pages--;
		migrate_page(m, to, from);
		m->root->count[CNT_PGMIGRATE_SUCCESS]++;
		m->root->count[CNT_PGFREE]++;
		free_block(m, c->z, from, 0);
	}
	return true;
}

/* What was taken and not needed. */
static void put_back(struct vm *m, struct compact *c)
{
	pfn_t highest = 0, pfn;

	for (; c->nr_pages; c->nr_pages--)
		lru_add(m, c->page[c->nr_pages - 1]);
	for (unsigned order = 0; order < NR_ORDERS; order++)
		while ((pfn = c->spare[order].head)) {
			frame_unlink(m, &c->spare[order], frame_at(m, pfn));
			free_block(m, c->z, pfn, order);
			highest = pfn > highest ? pfn : highest;
		}
	c->nr_spare = 0;
	if (block_start(m, highest) > c->z->compact_free)
		c->z->compact_free = block_start(m, highest);
}

/* ---- when to stop -------------------------------------------------------- */

static void reset_positions(struct vm *m, struct zone *z)
{
	z->compact_migrate[0] = z->compact_migrate[1] = z->start;
	z->compact_free = block_start(m, z->end - 1);
}

static void reset_skip(struct vm *m, struct zone *z)
{
	z->compact_flush = 0;
	reset_positions(m, z);
	for (pfn_t pfn = z->start; pfn < z->end; pfn = block_end(m, z, pfn))
		if (pageblock_skip(m, pfn))
			pageblock_set_skip(m, pfn, false);
}

static bool block_is_free(struct vm *m, const struct compact *c)
{
	for (unsigned o = (unsigned)c->order; o < NR_ORDERS; o++)
		if (zone_free_of(c->z, o, c->type) ||
			fallback_may_claim(m, c->z, o, c->type))
			return true;
	return false;
}

static enum compact_result finished(struct vm *m, struct compact *c)
{
	if (block_start(m, c->free) <= block_start(m, c->migrate)) {
		reset_positions(m, c->z);
		c->z->compact_flush |= c->direct;
		return c->whole ? COMPACT_COMPLETE : COMPACT_PARTIAL;
	}
	if (c->proactive &&
		compact_score(m, c->z->node) <= compact_score_mark(m, false))
		return COMPACT_SUCCESS;
	if (c->order == WHOLE_ZONE || c->migrate != block_start(m, c->migrate))
		return COMPACT_CONTINUE;
	return block_is_free(m, c) ? COMPACT_SUCCESS : COMPACT_CONTINUE;
}

bool compact_has_room(
	const struct zone *z, unsigned order, uint64_t mark, uint64_t free)
{
	mark += 2u << order;
	if (order > COSTLY_ORDER)
		mark += z->low - z->min;
	return free > mark;
}

bool compact_may_help(
	const struct vm *m, const struct zone *z, unsigned order, uint64_t mark)
{
	int index = order > COSTLY_ORDER ? zone_fragmentation(z, order) : -1;

	return compact_has_room(z, order, mark, zone_free_common(z)) &&
	       (index < 0 || index > (int)m->root->set.extfrag_threshold);
}

enum compact_result compact_suitable(struct vm *m, const struct compact *c)
{
	const struct zone *z = c->z;
	unsigned order = (unsigned)c->order;
	uint64_t mark = z->min + c->reserve;

	if (zone_free_common(z) > mark + (1u << order) - 1 &&
		block_is_free(m, c))
		return COMPACT_SUCCESS;
	return compact_may_help(m, z, order, mark) ? COMPACT_CONTINUE
						   : COMPACT_SKIPPED;
}

static void start(struct vm *m, struct compact *c)
{
	struct zone *z = c->z;
	pfn_t last = block_start(m, z->end - 1);

	if (!z->compact_free || z->compact_flush)
		reset_skip(m, z);
	c->migrate =
		c->whole ? z->start : z->compact_migrate[c->mode != MODE_ASYNC];
	c->free = c->whole ? last : z->compact_free;
	c->whole |= c->migrate <= z->start;
}

enum compact_result compact_zone(struct vm *m, struct compact *c)
{
	enum compact_result r = COMPACT_CONTINUE;

	if (!c->z->managed)
		return COMPACT_SKIPPED;
	if (c->order != WHOLE_ZONE)
		r = compact_suitable(m, c);
	if (r != COMPACT_CONTINUE)
		return r;
	start(m, c);
	while ((r = finished(m, c)) == COMPACT_CONTINUE) {
		if (c->halts && vm_halts(m))
			break;
		find_pages(m, c);
		if (!move_pages(m, c) &&
			block_start(m, c->free) > block_start(m, c->migrate)) {
			r = COMPACT_NO_TARGET;
			break;
		}
		for (; c->nr_pages; c->nr_pages--)
			lru_add(m, c->page[c->nr_pages - 1]);
	}
	put_back(m, c);
	m->root->count[CNT_COMPACT_MIGRATE_SCANNED] += c->migrate_scanned;
	m->root->count[CNT_COMPACT_FREE_SCANNED] += c->free_scanned;
	return r;
}
