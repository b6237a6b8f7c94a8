/*
 * Page blocks: aligned runs of frames as large as a huge page.  Each has a
 * migrate type, and a free block of frames is on the list of its page block's
 * type: so pages that cannot be moved gather in few page blocks, and whole
 * free page blocks remain or can be made.
 *
 *	byte of SEG_PAGEBLOCK   | 7 ... 4 | skip | type ^ MIGRATE_MOVABLE |
 *
 * Every page block begins as movable: a segment of zeros.  (Linux gives the
 * types up where RAM has fewer page blocks than there are types; no machine is
 * that small.)
 *
 * Source: Linux include/linux/pageblock-flags.h, Documentation of
 * /proc/pagetypeinfo in filesystems/proc.rst.
 */
#ifndef PAGEFS_VM_PAGEBLOCK_H
#define PAGEFS_VM_PAGEBLOCK_H

#include "phys.h"

static inline pfn_t pageblock_pages(const struct vm *m)
{
	return 1u << m->pageblock_order;
}

static inline uint8_t *pageblock_at(const struct vm *m, pfn_t pfn)
{
	return (uint8_t *)m->arena.seg[SEG_PAGEBLOCK].base +
	       (pfn >> m->pageblock_order);
}

static inline enum migrate_type pageblock_type(const struct vm *m, pfn_t pfn)
{
	return (*pageblock_at(m, pfn) & 7) ^ MIGRATE_MOVABLE;
}

void pageblock_set_type(struct vm *m, pfn_t pfn, enum migrate_type type);

/* Compaction found nothing to do in the page block lately. */
static inline bool pageblock_skip(const struct vm *m, pfn_t pfn)
{
	return *pageblock_at(m, pfn) & 8;
}
void pageblock_set_skip(struct vm *m, pfn_t pfn, bool skip);

/* ---- for who moves pages ---- */
/* Takes the free block that begins there off its list. */
void free_isolate(struct vm *m, struct zone *z, pfn_t pfn);
/* Takes what was never used of [start, end), multiples of the largest block,
 * out of the zone's fresh ranges. */
void fresh_cut(struct vm *m, struct zone *z, pfn_t start, pfn_t end);
/* Gives a block of at most a page block, whose frames remember nothing, to its
 * lists. */
void free_block(struct vm *m, struct zone *z, pfn_t pfn, unsigned order);
/* Whether a request of the type could claim a block of that order from page
 * blocks of other types. */
bool fallback_may_claim(
	struct vm *m, struct zone *z, unsigned order, enum migrate_type type);

#endif
