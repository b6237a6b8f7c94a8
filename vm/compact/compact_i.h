/* What the files of compact/ share. */
#ifndef PAGEFS_VM_COMPACT_I_H
#define PAGEFS_VM_COMPACT_I_H

#include "../phys/pageblock.h"
#include "compact.h"

#define CLUSTER	   32 /* pages that are moved at a time */
#define WHOLE_ZONE (-1)

enum compact_mode { MODE_ASYNC, MODE_SYNC_LIGHT, MODE_SYNC };

struct compact {
	struct zone *z;
	int order; /* wanted, or WHOLE_ZONE */
	enum migrate_type type;
	enum compact_mode mode;
	bool direct, proactive, whole, ignore_skip;
	bool halts;	     /* it is what a command does: see vm_halts() */
	uint64_t reserve;    /* what the zone keeps from the request besides */
	pfn_t migrate, free; /* the scanners */
	pfn_t page[CLUSTER]; /* on their way */
	unsigned nr_pages;
	struct frame_list spare[NR_ORDERS]; /* frames to move to */
	unsigned nr_spare;
	uint64_t migrate_scanned, free_scanned;
};

/* scan.c: one zone; for an order, only if it helps. */
enum compact_result compact_zone(struct vm *m, struct compact *c);

/* CONTINUE if it can help: so much must be free that pages can move, and what
 * is missing must be a block rather than memory.  SUCCESS if there is one. */
enum compact_result compact_suitable(struct vm *m, const struct compact *c);

/* Part of the node's free memory that is too small for a huge page, percent. */
unsigned compact_score(const struct vm *m, unsigned node);
/* Where proactive compaction begins (high) and ends. */
unsigned compact_score_mark(const struct vm *m, bool high);

#endif
