/* What the files of reclaim/ share. */
#ifndef PAGEFS_VM_RECLAIM_I_H
#define PAGEFS_VM_RECLAIM_I_H

#include "../phys/lru.h"
#include "reclaim.h"

#define SWAP_CLUSTER_MAX 32u /* pages of a batch */
#define DEF_PRIORITY	 12

/* Who takes pages back: decides the counters. */
enum scanner { SCAN_KSWAPD, SCAN_DIRECT, SCAN_PROACTIVE };

/* One search for pages. */
struct scan {
	enum scanner who;
	unsigned node;	/* whose lists are looked through */
	unsigned zone;	/* the highest type whose pages help */
	int priority;	/* list >> priority is looked at; 12 down to 0 */
	unsigned order; /* of the block that is wanted */
	uint64_t nr_to_reclaim, nr_scanned, nr_reclaimed;
	bool force_deactivate, skipped_deactivate;
	bool deactivate[2]; /* anon, file: the active list may be shortened */
	bool cache_trim;    /* enough file pages that nobody used again */
	bool file_is_tiny;
	bool ignore_references;
	bool ready; /* some zone needs compaction rather than more pages */
	unsigned swappiness; /* instead of the setting, + 1; 0: none */
	/* of node reclaim alone, see node_reclaim.c */
	bool node_reclaim, may_unmap, may_write;
};

/* What became of a page that was looked at. */
enum fate {
	FATE_FREED,
	FATE_KEPT,
	FATE_ACTIVE,
	FATE_SPLIT, /* a huge page: its pages are on the lists now */
};

/* One inactive page, which is on no list while it is looked at (evict.c). */
enum fate evict_page(struct vm *m, const struct scan *sc, pfn_t pfn);
/* Entries that were used since the last look, and forgets that; *vm_flags gets
 * the flags of their VMAs. */
unsigned page_referenced(struct vm *m, pfn_t pfn, uint64_t *vm_flags);

/* Takes a page that is on a list out, used or not; false if it must stay. */
bool evict_frame(struct vm *m, pfn_t pfn, enum scanner who);

/* Looks through the lists of sc->node once, or for a block as long as that
 * brings compaction nearer (vmscan.c). */
void shrink_node(struct vm *m, struct scan *sc);

/* ---- kswapd.c ---- */
/* Raised watermarks go before a request is refused: the daemon, which runs
 * beside it in Linux, has had its turn.  Whether there were any. */
bool boosts_end(struct vm *m);

/* ---- direct.c ---- */
/* Rounds without a page before memory counts as used up. */
#define RECLAIM_RETRIES 16u
/* Priority after priority until enough is found; how much it was. */
uint64_t reclaim_find(struct vm *m, struct scan *sc);
/* A search is over: what came back to the lists from now on counts for the
 * next. */
void snapshot_refaults(struct numa_node *n);
/* One round for a block: whether pages were found, or so much is free already
 * that compaction can do the rest. */
bool reclaim_for(struct vm *m, unsigned gfp, unsigned order);
/* A zone of the request that has a block would be above its min watermark if
 * all were taken back that can be. */
bool reclaim_could_help(const struct vm *m, unsigned gfp, unsigned order);
/* Some zone has room to be compacted, or would with a part of that. */
bool reclaim_could_compact(const struct vm *m, unsigned gfp, unsigned order);

/*
 * What it cost to take pages of one kind, in vain or with I/O: the balance
 * between the kinds follows.  Halves with time.
 */
void reclaim_note_cost(
	struct vm *m, unsigned node, bool file, uint64_t nr_io, uint64_t nr);

#endif
