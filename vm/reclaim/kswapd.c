/*
 * Who looks for pages, and until when: the daemon, an allocation that falls
 * below min, and a command.  Source: Linux mm/vmscan.c (balance_pgdat,
 * do_try_to_free_pages), mm/page_alloc.c (__alloc_pages_slowpath).
 */
#include "../swap/swap.h"
#include "oom.h"
#include "reclaim_i.h"

/* Rounds without a page before the OOM killer is asked. */
#define MAX_RETRIES 16u
/* Runs of the daemon without a page before it gives up until one is freed. */
#define MAX_FAILURES 16u

static void snapshot_refaults(struct vm *m)
{
	for (unsigned kind = 0; kind < 2; kind++)
		m->root->refaults_seen[kind] =
			m->root->count[CNT_REFAULT_ACTIVATE_ANON + kind];
}

/* ---- direct ---------------------------------------------------------------
 */

/* A zone that may be used has that many above the mark: free, or free if all
 * that could be taken were. */
static bool zones_have(const struct vm *m, unsigned high, uint64_t nr,
	uint64_t more, bool high_mark)
{
	for (unsigned i = high + 1; i-- > 0;) {
		const struct zone *z = &m->root->zone[i];
		uint64_t mark = high_mark ? z->high : z->min;

		if (z->managed &&
			z->nr_free + more >
				mark + zone_lowmem_reserve(m, i, high) + nr)
			return true;
	}
	return false;
}

bool mem_has_room(const struct vm *m, enum gfp_zone gfp, uint64_t nr)
{
	return zones_have(m, m->gfp_zone[gfp], nr, 0, false);
}

static uint64_t reclaimable(const struct vm *m)
{
	uint64_t n =
		lru_size(m, LRU_ACTIVE_FILE) + lru_size(m, LRU_INACTIVE_FILE);

	if (swap_free(m))
		n += lru_size(m, LRU_ACTIVE_ANON) +
		     lru_size(m, LRU_INACTIVE_ANON);
	return n;
}

/* Priority after priority until enough is found; how much it was. */
static uint64_t find_pages(struct vm *m, struct scan *sc)
{
	for (unsigned again = 0; again < 2; again++) {
		for (sc->priority = DEF_PRIORITY; sc->priority >= 0;
			sc->priority--) {
			shrink_node(m, sc);
			if (sc->nr_reclaimed >= sc->nr_to_reclaim)
				break;
		}
		if (sc->nr_reclaimed || !sc->skipped_deactivate)
			break;
		sc->force_deactivate = true;
	}
	snapshot_refaults(m);
	return sc->nr_reclaimed;
}

static uint64_t direct(struct vm *m, enum gfp_zone gfp)
{
	struct scan sc = {
		.who = SCAN_DIRECT,
		.zone = m->gfp_zone[gfp],
		.nr_to_reclaim = SWAP_CLUSTER_MAX,
	};

	m->root->count[gfp == GFP_HIGHUSER ? CNT_ALLOCSTALL_MOVABLE
					   : CNT_ALLOCSTALL_NORMAL]++;
	return find_pages(m, &sc);
}

int mem_try_reclaim(struct vm *m, enum gfp_zone gfp, uint64_t nr)
{
	unsigned vain = 0;

	m->root->kswapd_woken = 1;
	while (!mem_has_room(m, gfp, nr)) {
		if (direct(m, gfp))
			vain = 0;
		else if (++vain > MAX_RETRIES ||
			 !zones_have(m, m->gfp_zone[gfp], nr, reclaimable(m),
				 false))
			return vm_fail(m, ENOMEM,
				"out of memory: all zones are at their min "
				"watermarks, %llu pages of swap are free, and "
				"no page can be taken back",
				(unsigned long long)swap_free(m));
	}
	return 0;
}

int mem_reclaim(struct vm *m, enum gfp_zone gfp, uint64_t nr)
{
	while (mem_try_reclaim(m, gfp, nr)) {
		if (!oom_kill(m, gfp))
			return -ENOMEM;
		vm_fail_clear(m);
	}
	return 0;
}

/* ---- the daemon -----------------------------------------------------------
 */

static bool balanced(const struct vm *m)
{
	return zones_have(m, m->gfp_zone[GFP_HIGHUSER], 0, 0, true);
}

/* Priority after priority; false if no page was found. */
static bool balance(struct vm *m)
{
	struct root *r = m->root;
	struct scan sc = {
		.who = SCAN_KSWAPD,
		.zone = m->gfp_zone[GFP_HIGHUSER],
		.priority = DEF_PRIORITY,
	};

	r->count[CNT_PAGEOUTRUN]++;
	for (unsigned i = 0; i < r->nr_zones; i++)
		if (r->zone[i].managed)
			sc.nr_to_reclaim += r->zone[i].high > SWAP_CLUSTER_MAX
						    ? r->zone[i].high
						    : SWAP_CLUSTER_MAX;
	while (!balanced(m) && sc.priority >= 1) {
		uint64_t before = sc.nr_reclaimed, scanned = sc.nr_scanned;

		shrink_node(m, &sc);
		if (sc.nr_scanned - scanned < sc.nr_to_reclaim ||
			sc.nr_reclaimed == before)
			sc.priority--;
	}
	snapshot_refaults(m);
	return sc.nr_reclaimed;
}

void kswapd_run(struct vm *m)
{
	struct root *r = m->root;

	if (!r->kswapd_woken)
		return;
	r->kswapd_woken = 0;
	while (!balanced(m) && r->kswapd_failures < MAX_FAILURES)
		r->kswapd_failures = balance(m) ? 0 : r->kswapd_failures + 1;
}

/* ---- commands -------------------------------------------------------------
 */

uint64_t reclaim_pages(struct vm *m, uint64_t nr)
{
	uint64_t done = 0;
	unsigned vain = 0;

	while (done < nr && vain < MAX_RETRIES) {
		struct scan sc = {
			.who = SCAN_PROACTIVE,
			.zone = m->gfp_zone[GFP_HIGHUSER],
			.nr_to_reclaim = nr - done < SWAP_CLUSTER_MAX
						 ? nr - done
						 : SWAP_CLUSTER_MAX,
		};
		uint64_t got = find_pages(m, &sc);

		done += got;
		vain = got ? 0 : vain + 1;
	}
	return done;
}

bool reclaim_frame(struct vm *m, pfn_t pfn)
{
	const struct scan sc = {
		.who = SCAN_PROACTIVE,
		.zone = m->gfp_zone[GFP_HIGHUSER],
		.ignore_references = true,
	};
	struct frame *f = frame_at(m, pfn);
	bool file = !(f->flags & FR_SWAPBACKED);

	if (f->flags & (FR_MLOCKED | FR_LARGE))
		return false;
	lru_del(m, pfn);
	m->root->count[CNT_PGSCAN_PROACTIVE]++;
	m->root->count[CNT_PGSCAN_ANON + file]++;
	if (evict_page(m, &sc, pfn) == FATE_FREED) {
		m->root->count[CNT_PGSTEAL_PROACTIVE]++;
		m->root->count[CNT_PGSTEAL_ANON + file]++;
		return true;
	}
	lru_add(m, pfn);
	return false;
}
