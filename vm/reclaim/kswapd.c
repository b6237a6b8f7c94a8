/*
 * Who looks for pages, and until when: the daemon, an allocation that falls
 * below min, and a command.  Source: Linux mm/vmscan.c (balance_pgdat,
 * do_try_to_free_pages), mm/page_alloc.c (__alloc_pages_slowpath).
 */
#include "../swap/swap.h"
#include "../compact/compact.h"
#include "../phys/pcp.h"
#include "oom.h"
#include "policy.h"
#include "reclaim_i.h"

/* Rounds without a page before the OOM killer is asked. */
#define MAX_RETRIES 16u
/* Runs of the daemon without a page before it gives up until one is freed. */
#define MAX_FAILURES 16u

static void snapshot_refaults(struct numa_node *n)
{
	for (unsigned kind = 0; kind < 2; kind++)
		n->refaults_seen[kind] = n->refault[2 + kind];
}

/* ---- direct ---------------------------------------------------------------
 */

/* Free pages of a zone.  Under a textbook policy what the processor has on its
 * lists counts too: the next page takes the frame of the one that left. */
static inline uint64_t zone_room(const struct vm *m, unsigned zone)
{
	uint64_t kept = policy_on(m) ? pcp_at(m, zone, m->cpu)->count : 0;

	return m->root->zone[zone].nr_free + kept;
}

/* A zone that may be used has that many above its min watermark: free, or free
 * if all that could be taken on its node were. */
static bool zones_have(const struct vm *m, enum gfp_zone gfp, uint64_t nr,
	const uint64_t more[MAX_NODES])
{
	const struct zonelist *l = &m->zonelist[m->prefer][gfp];
	unsigned high = m->gfp_zone[gfp];

	for (unsigned i = 0; i < l->nr; i++) {
		const struct zone *z = &m->root->zone[l->zone[i]];
		uint64_t free = zone_room(m, l->zone[i]);

		if (more)
			free += more[z->node];
		if (m->reach >> z->node & 1 &&
			free > z->min + nr +
					zone_lowmem_reserve(
						m, l->zone[i], high))
			return true;
	}
	return false;
}

bool mem_has_room(const struct vm *m, enum gfp_zone gfp, uint64_t nr)
{
	return zones_have(m, gfp, nr, NULL);
}

static bool could_have(const struct vm *m, enum gfp_zone gfp, uint64_t nr)
{
	uint64_t more[MAX_NODES];

	for (unsigned n = 0; n < m->root->config.nodes; n++) {
		more[n] = node_lru_size(m, n, LRU_ACTIVE_FILE) +
			  node_lru_size(m, n, LRU_INACTIVE_FILE);
		if (swap_free(m))
			more[n] += node_lru_size(m, n, LRU_ACTIVE_ANON) +
				   node_lru_size(m, n, LRU_INACTIVE_ANON);
	}
	return zones_have(m, gfp, nr, more);
}

/* Once through the lists of all nodes that the allocation may use. */
static void shrink_nodes(struct vm *m, struct scan *sc)
{
	uint8_t order[MAX_NODES];

	node_order(m, m->prefer, order);
	for (unsigned i = 0; i < m->root->config.nodes; i++) {
		sc->node = order[i];
		if (m->reach >> sc->node & 1)
			shrink_node(m, sc);
	}
}

/* Priority after priority until enough is found; how much it was. */
static uint64_t find_pages(struct vm *m, struct scan *sc)
{
	for (unsigned again = 0; again < 2; again++) {
		for (sc->priority = DEF_PRIORITY; sc->priority >= 0;
			sc->priority--) {
			shrink_nodes(m, sc);
			if (sc->nr_reclaimed >= sc->nr_to_reclaim)
				break;
		}
		if (sc->nr_reclaimed || !sc->skipped_deactivate)
			break;
		sc->force_deactivate = true;
	}
	for (unsigned n = 0; n < m->root->config.nodes; n++)
		if (m->reach >> n & 1)
			snapshot_refaults(&m->root->node[n]);
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

/* A policy takes pages from all zones.  Where those of some alone help, as for
 * tables where there is high memory or for one node, Linux's lists are looked
 * at; and while swapoff runs, for which most pages must stay. */
static bool policy_helps(const struct vm *m, enum gfp_zone gfp)
{
	unsigned all = (1u << m->root->config.nodes) - 1;

	for (unsigned i = 0; i < m->root->swap_top; i++)
		if (m->root->swap[i].closing)
			return false;
	return policy_on(m) && (m->allowed & all) == all &&
	       m->gfp_zone[gfp] == m->gfp_zone[GFP_HIGHUSER];
}

/* Without room: takes pages until there is. */
static int find_room(struct vm *m, enum gfp_zone gfp, uint64_t nr)
{
	unsigned vain = 0;

	for (;;) {
		bool some =
			policy_helps(m, gfp) ? policy_evict(m) : direct(m, gfp);

		if (mem_has_room(m, gfp, nr))
			return 0;
		/* what was freed may wait on lists of processors */
		some |= pcp_drain_all(m);
		if (mem_has_room(m, gfp, nr))
			return 0;
		if (some)
			vain = 0;
		else if (++vain > MAX_RETRIES || !could_have(m, gfp, nr))
			return vm_fail(m, ENOMEM,
				"out of memory: all zones are at their min "
				"watermarks, %llu pages of swap are free, and "
				"no page can be taken back",
				(unsigned long long)swap_free(m));
	}
}

int mem_try_reclaim(struct vm *m, enum gfp_zone gfp, uint64_t nr)
{
	kswapd_wake(m);
	return mem_has_room(m, gfp, nr) ? 0 : find_room(m, gfp, nr);
}

int mem_reclaim(struct vm *m, enum gfp_zone gfp, uint64_t nr)
{
	kswapd_wake(m);
	while (find_room(m, gfp, nr)) {
		if (!oom_kill(m, gfp))
			return -ENOMEM;
		vm_fail_clear(m);
		if (mem_has_room(m, gfp, nr))
			return 0;
	}
	return 0;
}

/* ---- the daemon -----------------------------------------------------------
 */

/* A zone of the node is above its high watermark. */
static bool balanced(const struct vm *m, unsigned node)
{
	unsigned high = m->gfp_zone[GFP_HIGHUSER];
	unsigned first = node * m->arch->nr_zones;

	for (unsigned i = first + high + 1; i-- > first;) {
		const struct zone *z = &m->root->zone[i];

		if (z->managed &&
			z->nr_free > z->high + zone_lowmem_reserve(m, i, high))
			return true;
	}
	return false;
}

/* Meanwhile processors keep little of what is freed. */
static void set_active(struct vm *m, unsigned node, bool active)
{
	struct zone *z = &m->root->zone[node * m->arch->nr_zones];

	for (unsigned i = 0; i < m->arch->nr_zones; i++)
		z[i].reclaim_active = active;
}

/* Priority after priority; false if no page was found. */
static bool balance(struct vm *m, unsigned node)
{
	struct scan sc = {
		.who = SCAN_KSWAPD,
		.node = node,
		.zone = m->gfp_zone[GFP_HIGHUSER],
		.priority = DEF_PRIORITY,
	};
	const struct zone *z = &m->root->zone[node * m->arch->nr_zones];

	m->root->count[CNT_PAGEOUTRUN]++;
	for (unsigned i = 0; i < m->arch->nr_zones; i++)
		if (z[i].managed)
			sc.nr_to_reclaim += z[i].high > SWAP_CLUSTER_MAX
						    ? z[i].high
						    : SWAP_CLUSTER_MAX;
	set_active(m, node, true);
	while (!balanced(m, node) && sc.priority >= 1) {
		uint64_t before = sc.nr_reclaimed, scanned = sc.nr_scanned;

		shrink_node(m, &sc);
		if (sc.nr_scanned - scanned < sc.nr_to_reclaim ||
			sc.nr_reclaimed == before)
			sc.priority--;
	}
	set_active(m, node, false);
	snapshot_refaults(&m->root->node[node]);
	return sc.nr_reclaimed;
}

void kswapd_wake(struct vm *m)
{
	for (unsigned i = 0; i < m->root->config.nodes; i++)
		if (m->allowed >> i & 1)
			m->root->node[i].kswapd_woken = 1;
}

/* What watermarks were raised by has done its work: the daemon was woken. */
static void end_boost(struct vm *m, unsigned node)
{
	struct zone *z = &m->root->zone[node * m->arch->nr_zones];

	for (unsigned i = 0; i < m->arch->nr_zones; i++) {
		if (z[i].boost)
			kcompactd_wake(m, node, m->pageblock_order);
		watermark_set_boost(&z[i], 0);
	}
}

void kswapd_run(struct vm *m)
{
	if (policy_on(m))
		policy_bring_back(m);
	for (unsigned i = 0; i < m->root->config.nodes; i++) {
		struct numa_node *n = &m->root->node[i];

		if (!n->kswapd_woken)
			continue;
		n->kswapd_woken = 0;
		while (!policy_on(m) && !balanced(m, i) &&
			n->kswapd_failures < MAX_FAILURES)
			n->kswapd_failures =
				balance(m, i) ? 0 : n->kswapd_failures + 1;
		end_boost(m, i);
	}
}

/* ---- commands -------------------------------------------------------------
 */

uint64_t reclaim_pages(struct vm *m, uint64_t nr)
{
	uint64_t done = 0;
	unsigned vain = 0;

	while (policy_on(m) && done < nr && policy_evict(m))
		done++;
	while (!policy_on(m) && done < nr && vain < MAX_RETRIES) {
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

bool evict_frame(struct vm *m, pfn_t pfn, enum scanner who)
{
	const struct scan sc = {
		.who = who,
		.zone = m->gfp_zone[GFP_HIGHUSER],
		.ignore_references = true,
	};
	struct frame *f = frame_at(m, pfn);
	bool file = !(f->flags & FR_SWAPBACKED);

	lru_del(m, pfn);
	m->root->count[CNT_PGSCAN_KSWAPD + who]++;
	m->root->count[CNT_PGSCAN_ANON + file]++;
	if (evict_page(m, &sc, pfn) == FATE_FREED) {
		m->root->count[CNT_PGSTEAL_KSWAPD + who]++;
		m->root->count[CNT_PGSTEAL_ANON + file]++;
		return true;
	}
	lru_add(m, pfn);
	return false;
}

bool reclaim_frame(struct vm *m, pfn_t pfn)
{
	return !(frame_at(m, pfn)->flags & (FR_MLOCKED | FR_LARGE)) &&
	       evict_frame(m, pfn, SCAN_PROACTIVE);
}
