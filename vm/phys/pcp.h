/*
 * Per-CPU lists: what a processor frees it keeps for itself, and takes from
 * there first.  A list for each migrate type and order up to 3, and two for
 * huge pages:
 *
 *	take    from the head; an empty list gets `batch` blocks from the zone
 *	free    to the head; from `high` pages on a batch goes back to the zone,
 *	        from the tail
 *
 * Pages on these lists are neither free to others nor in use: MemFree,
 * buddyinfo and watermarks do not count them, zoneinfo shows them below
 * "pagesets".  `high` is tuned between high_min and high_max: up when the zone
 * is asked again and again, down when its free pages are below its high
 * watermark, while kswapd looks for pages, and with time.
 *
 * Source: Linux mm/page_alloc.c (zone_batchsize, zone_highsize, nr_pcp_alloc,
 * nr_pcp_free, nr_pcp_high, free_frozen_page_commit, free_pcppages_bulk,
 * decay_pcp_high).
 */
#ifndef PAGEFS_VM_PCP_H
#define PAGEFS_VM_PCP_H

#include "phys.h"

#define PCP_MAX_ORDER 3
#define NR_PCP_SMALL  (NR_PCPTYPES * (PCP_MAX_ORDER + 1))
#define NR_PCP_LISTS  (NR_PCP_SMALL + 2)

/* Of one zone and processor, element zone * cpus + cpu of SEG_PCP. */
struct pcp {
	struct frame_list list[NR_PCP_LISTS];
	uint32_t count;		/* pages */
	uint32_t high;		/* 0 before the first use */
	uint32_t free_count;	/* freed in a row */
	uint8_t alloc_factor;	/* batches double while nothing is freed */
	uint8_t prev_free_high; /* the last block freed was larger than one */
	uint16_t reserved;
};

static inline struct pcp *pcp_at(
	const struct vm *m, unsigned zone, unsigned cpu)
{
	return (struct pcp *)m->arena.seg[SEG_PCP].base +
	       zone * m->root->config.cpus + cpu;
}

static inline struct pcp *pcp_of(const struct vm *m, const struct zone *z)
{
	return pcp_at(m, (unsigned)(z - m->root->zone), m->cpu);
}

/* Whether blocks of that order are kept. */
static inline bool pcp_order(const struct vm *m, unsigned order)
{
	return order <= PCP_MAX_ORDER ||
	       (m->arch->thp && order == m->pageblock_order);
}

/* Takes a block for the processor of the command; none if the zone has none
 * for such a request (flags: ALLOC_*). */
pfn_t pcp_take(struct vm *m, struct zone *z, unsigned order,
	enum migrate_type type, unsigned flags);
/* Gives a block, whose frames remember nothing, to that processor. */
void pcp_free(struct vm *m, struct zone *z, pfn_t pfn, unsigned order);

/* Batch and limits, after a change of watermarks or settings. */
void pcp_setup(struct vm *m);
/* All pages of all processors back to the zones; whether there were any. */
bool pcp_drain_all(struct vm *m);
/* A second passes: what is beyond `high` goes back, and high sinks.  Whether
 * there is more to do. */
bool pcp_decay(struct vm *m);
/* Pages on the lists of a zone. */
uint64_t pcp_pages(const struct vm *m, const struct zone *z);

int pcp_check(struct vm *m, const struct zone *z);

#endif
