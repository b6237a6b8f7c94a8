/*
 * Looking through the lists from their tails.
 *
 * How much of each list is looked at follows from the priority, which rises
 * (12 down to 0) while too little is found, and from the balance between
 * anonymous and file pages: swappiness, and what taking either cost lately.
 * Source: Linux mm/vmscan.c (shrink_lruvec, get_scan_count,
 * shrink_active_list, inactive_is_low), mm/swap.c (lru_note_cost).
 */
#include "../compact/compact.h"
#include "../disk/dcache.h"
#include "../mm/mm.h"
#include "../number.h"
#include "../swap/swap.h"
#include "reclaim_i.h"
#include "workingset.h"

/* ---- balance ------------------------------------------------------------- */

static bool inactive_is_low(
	const struct vm *m, unsigned node, enum lru_id inactive)
{
	uint64_t in = node_lru_size(m, node, inactive);
	uint64_t act = node_lru_size(m, node, inactive + 1);
	uint64_t gb = (in + act) >> (30 - m->page_shift);

	return in * (gb ? number_sqrt(10 * gb) : 1) < act;
}

void reclaim_note_cost(
	struct vm *m, unsigned node, bool file, uint64_t nr_io, uint64_t nr)
{
	uint64_t *cost = m->root->node[node].reclaim_cost, all = 0;

	cost[file] += nr_io * SWAP_CLUSTER_MAX + nr;
	for (unsigned id = 0; id < LRU_UNEVICTABLE; id++)
		all += node_lru_size(m, node, id);
	if (cost[0] + cost[1] > all / 4) {
		cost[0] /= 2;
		cost[1] /= 2;
	}
}

/* What depends on the lists as they are before a round. */
static void prepare(struct vm *m, struct scan *sc)
{
	const struct numa_node *n = &m->root->node[sc->node];
	uint64_t file = node_lru_size(m, sc->node, LRU_INACTIVE_FILE);

	for (unsigned kind = 0; kind < 2; kind++) {
		sc->deactivate[kind] =
			sc->force_deactivate ||
			n->refault[2 + kind] != n->refaults_seen[kind] ||
			inactive_is_low(m, sc->node,
				kind ? LRU_INACTIVE_FILE : LRU_INACTIVE_ANON);
	}
	sc->cache_trim = file >> sc->priority && !sc->deactivate[1];
	file += node_lru_size(m, sc->node, LRU_ACTIVE_FILE);
	sc->file_is_tiny =
		file + node_sum(m, sc->node, nr_free) <=
			node_sum(m, sc->node, high) &&
		!sc->deactivate[0] &&
		node_lru_size(m, sc->node, LRU_INACTIVE_ANON) >> sc->priority;
}

static uint64_t swappiness_of(const struct vm *m, const struct scan *sc)
{
	return sc->swappiness ? sc->swappiness - 1 : m->root->set.swappiness;
}

/* Parts of the lists to look at: share[0] of anon, share[1] of file. */
static void balance(
	const struct vm *m, const struct scan *sc, uint64_t share[2])
{
	const uint64_t *cost = m->root->node[sc->node].reclaim_cost;
	uint64_t both = cost[0] + cost[1];
	uint64_t swappiness = swappiness_of(m, sc);
	uint64_t anon = both + cost[0], file = both + cost[1];

	share[0] = share[1] = 0;
	if (!swap_free(m))
		share[1] = 1;
	else if (swappiness == SWAPPINESS_ANON_ONLY)
		share[0] = 1;
	else if (!sc->priority && swappiness)
		share[0] = share[1] = 1;
	else if (sc->file_is_tiny)
		share[0] = 1;
	else if (sc->cache_trim)
		share[1] = 1;
	else {
		share[0] = swappiness * (anon + file + 1) / (anon + 1);
		share[1] = (200 - swappiness) * (anon + file + 1) / (file + 1);
	}
}

static void scan_counts(
	const struct vm *m, const struct scan *sc, uint64_t nr[NR_LRU])
{
	uint64_t swappiness = swappiness_of(m, sc), share[2];
	bool equal = !sc->priority && swappiness && swap_free(m) &&
		     swappiness != SWAPPINESS_ANON_ONLY;

	balance(m, sc, share);
	for (unsigned id = 0; id < LRU_UNEVICTABLE; id++) {
		uint64_t n = node_lru_size(m, sc->node, id) >> sc->priority;
		uint64_t s = share[id >= LRU_INACTIVE_FILE];

		nr[id] = equal ? n : n * s / (share[0] + share[1]);
	}
}

/* ---- one batch ------------------------------------------------------------
 */

/* The page at the tail, off its list; pages of zones that do not help are
 * turned to the head, at most *left of them. */
static pfn_t take_tail(
	struct vm *m, const struct scan *sc, enum lru_id id, uint64_t *left)
{
	pfn_t pfn;

	while (*left && (pfn = m->root->node[sc->node].lru[id].tail)) {
		--*left;
		lru_del(m, pfn);
		if (zone_of(m, pfn)->type <= sc->zone)
			return pfn;
		lru_add(m, pfn);
	}
	return PFN_NONE;
}

static void count_scan(struct vm *m, const struct scan *sc, bool file,
	uint64_t n, uint64_t freed)
{
	uint64_t *count = m->root->count;

	count[CNT_PGSCAN_KSWAPD + sc->who] += n;
	count[CNT_PGSTEAL_KSWAPD + sc->who] += freed;
	count[CNT_PGSCAN_ANON + file] += n;
	count[CNT_PGSTEAL_ANON + file] += freed;
}

static void shrink_inactive(
	struct vm *m, struct scan *sc, enum lru_id id, uint64_t nr)
{
	bool file = id == LRU_INACTIVE_FILE;
	uint64_t scanned = 0, freed = 0, io = m->root->count[CNT_PSWPOUT];
	uint64_t left = node_lru_size(m, sc->node, id);
	pfn_t pfn;

	while (scanned < nr && (pfn = take_tail(m, sc, id, &left))) {
		struct frame *f = frame_at(m, pfn);

		scanned++;
		switch (evict_page(m, sc, pfn)) {
		case FATE_FREED:
			freed++;
			continue;
		case FATE_SPLIT:
			continue;
		case FATE_ACTIVE:
			f->flags |= FR_ACTIVE;
			m->root->count[CNT_PGACTIVATE]++;
			workingset_activation(m, sc->node);
			break;
		case FATE_KEPT:
			break;
		}
		lru_add(m, pfn);
	}
	count_scan(m, sc, file, scanned, freed);
	sc->nr_scanned += scanned;
	sc->nr_reclaimed += freed;
	reclaim_note_cost(m, sc->node, file, m->root->count[CNT_PSWPOUT] - io,
		scanned - freed);
}

/* Programs stay active while they are used; all else goes to the inactive list,
 * where being used is looked at anew. */
static void shrink_active(
	struct vm *m, struct scan *sc, enum lru_id id, uint64_t nr)
{
	bool file = id == LRU_ACTIVE_FILE;
	uint64_t scanned = 0, rotated = 0;
	uint64_t left = node_lru_size(m, sc->node, id);
	pfn_t pfn;

	while (scanned < nr && (pfn = take_tail(m, sc, id, &left))) {
		struct frame *f = frame_at(m, pfn);
		uint64_t vm_flags;

		scanned++;
		if (page_referenced(m, pfn, &vm_flags) && vm_flags & VM_EXEC &&
			file) {
			rotated++;
		} else {
			f->flags &= (uint16_t)~FR_ACTIVE;
			f->flags |= FR_WORKINGSET;
		}
		lru_add(m, pfn);
	}
	m->root->count[CNT_PGREFILL] += scanned;
	m->root->count[CNT_PGDEACTIVATE] += scanned - rotated;
	sc->nr_scanned += scanned;
	if (rotated)
		reclaim_note_cost(m, sc->node, file, 0, rotated);
}

static void shrink_list(
	struct vm *m, struct scan *sc, enum lru_id id, uint64_t nr)
{
	bool file = id >= LRU_INACTIVE_FILE;

	if (id == LRU_INACTIVE_ANON || id == LRU_INACTIVE_FILE)
		shrink_inactive(m, sc, id, nr);
	else if (sc->deactivate[file])
		shrink_active(m, sc, id, nr);
	else
		sc->skipped_deactivate = true;
}

/* ---- all lists ------------------------------------------------------------
 */

/*
 * Enough was found: the kind with less left to look at stops, and of the other
 * as large a part is left as was of this.
 */
static void finish_in_proportion(
	uint64_t nr[NR_LRU], const uint64_t want[NR_LRU])
{
	uint64_t file = nr[LRU_INACTIVE_FILE] + nr[LRU_ACTIVE_FILE];
	uint64_t anon = nr[LRU_INACTIVE_ANON] + nr[LRU_ACTIVE_ANON];
	unsigned less = file > anon ? LRU_INACTIVE_ANON : LRU_INACTIVE_FILE;
	unsigned more = file > anon ? LRU_INACTIVE_FILE : LRU_INACTIVE_ANON;
	uint64_t target = want[less] + want[less + 1] + 1;
	uint64_t percent = (file > anon ? anon : file) * 100 / target;

	nr[less] = nr[less + 1] = 0;
	for (unsigned id = more; id < more + 2; id++) {
		uint64_t done = want[id] - nr[id];

		nr[id] = want[id] * (100 - percent) / 100;
		nr[id] -= nr[id] < done ? nr[id] : done;
	}
}

static bool work_left(const uint64_t nr[NR_LRU])
{
	return nr[LRU_INACTIVE_ANON] || nr[LRU_ACTIVE_FILE] ||
	       nr[LRU_INACTIVE_FILE];
}

static void shrink_lists(struct vm *m, struct scan *sc)
{
	bool whole = sc->who != SCAN_KSWAPD && sc->priority == DEF_PRIORITY;
	uint64_t nr[NR_LRU] = {0}, want[NR_LRU], start = sc->nr_reclaimed;
	bool adjusted = whole;

	scan_counts(m, sc, nr);
	for (unsigned id = 0; id < NR_LRU; id++)
		want[id] = nr[id];
	while (work_left(nr)) {
		for (unsigned id = 0; id < LRU_UNEVICTABLE; id++) {
			uint64_t n = nr[id] < SWAP_CLUSTER_MAX
					     ? nr[id]
					     : SWAP_CLUSTER_MAX;

			nr[id] -= n;
			if (n)
				shrink_list(m, sc, id, n);
		}
		if (sc->nr_reclaimed - start < sc->nr_to_reclaim || adjusted)
			continue;
		if (!(nr[LRU_INACTIVE_FILE] + nr[LRU_ACTIVE_FILE]) ||
			!(nr[LRU_INACTIVE_ANON] + nr[LRU_ACTIVE_ANON]))
			break;
		finish_in_proportion(nr, want);
		adjusted = true;
	}
}

/*
 * Whether to look on for the sake of a block: pages were found, but too few yet
 * for compaction, and there are more.
 */
static bool block_needs_more(
	const struct vm *m, const struct scan *sc, uint64_t found)
{
	const struct zone *z = &m->root->zone[sc->node * m->arch->nr_zones];
	uint64_t inactive = node_lru_size(m, sc->node, LRU_INACTIVE_FILE);

	if (!found || !sc->order ||
		(sc->order <= COSTLY_ORDER && sc->priority >= DEF_PRIORITY - 2))
		return false;
	for (unsigned i = 0; i <= sc->zone; i++) {
		uint64_t mark =
			z[i].min + zone_lowmem_reserve(m,
					   (unsigned)(&z[i] - m->root->zone),
					   sc->zone);

		if (z[i].managed &&
			(zone_watermark_ok(&z[i], sc->order, mark) ||
				compact_may_help(m, &z[i], sc->order, mark)))
			return false;
	}
	if (swap_free(m))
		inactive += node_lru_size(m, sc->node, LRU_INACTIVE_ANON);
	return inactive > 2u << sc->order;
}

/* Names and inodes: what counts is whole slabs that become free. */
static void shrink_objects(struct vm *m, struct scan *sc)
{
	uint64_t had = phys_sum(m, pages[USE_SLAB_RECLAIMABLE]);

	dcache_shrink(m, sc->node, sc->priority);
	sc->nr_reclaimed += had - phys_sum(m, pages[USE_SLAB_RECLAIMABLE]);
}

void shrink_node(struct vm *m, struct scan *sc)
{
	uint64_t before;

	do {
		before = sc->nr_reclaimed;
		prepare(m, sc);
		shrink_lists(m, sc);
		shrink_objects(m, sc);
		if (swap_total(m) &&
			inactive_is_low(m, sc->node, LRU_INACTIVE_ANON))
			shrink_active(m, sc, LRU_ACTIVE_ANON, SWAP_CLUSTER_MAX);
	} while (block_needs_more(m, sc, sc->nr_reclaimed - before));
}
