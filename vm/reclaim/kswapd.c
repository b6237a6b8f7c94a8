/*
 * The daemon of each node, and pages that a command takes back.
 * Source: Linux mm/vmscan.c (balance_pgdat, kswapd, wakeup_kswapd).
 */
#include "../compact/compact.h"
#include "policy.h"
#include "reclaim_i.h"

/* ---- the daemon ---------------------------------------------------------- */

/* A zone of the node is above its high watermark, with such a block. */
static bool balanced(const struct vm *m, unsigned node, unsigned order)
{
	unsigned high = m->gfp_zone[GFP_HIGHUSER];
	unsigned first = node * m->arch->nr_zones;

	for (unsigned i = first + high + 1; i-- > first;) {
		const struct zone *z = &m->root->zone[i];
		uint64_t mark = z->high + zone_lowmem_reserve(m, i, high);

		if (z->managed && zone_watermark_ok(z, order, mark))
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

static uint64_t balance_target(const struct vm *m, unsigned node)
{
	const struct zone *z = &m->root->zone[node * m->arch->nr_zones];
	uint64_t nr = 0;

	for (unsigned i = 0; i < m->arch->nr_zones; i++)
		if (z[i].managed)
			nr += z[i].high > SWAP_CLUSTER_MAX ? z[i].high
							   : SWAP_CLUSTER_MAX;
	return nr;
}

/*
 * Priority after priority; false if no page was found.  When twice as many
 * pages as a block has were taken back, the rest is for compaction: order 0.
 */
static bool balance(struct vm *m, unsigned node)
{
	struct numa_node *n = &m->root->node[node];
	struct scan sc = {
		.who = SCAN_KSWAPD,
		.node = node,
		.zone = m->gfp_zone[GFP_HIGHUSER],
		.order = n->kswapd_order,
		.priority = DEF_PRIORITY,
		.nr_to_reclaim = balance_target(m, node),
	};

	m->root->count[CNT_PAGEOUTRUN]++;
	set_active(m, node, true);
	while (!balanced(m, node, sc.order) && sc.priority >= 1) {
		uint64_t before = sc.nr_reclaimed, scanned = sc.nr_scanned;

		shrink_node(m, &sc);
		if (sc.nr_reclaimed >= 2u << sc.order)
			sc.order = 0;
		if (sc.nr_scanned - scanned < sc.nr_to_reclaim ||
			sc.nr_reclaimed == before)
			sc.priority--;
	}
	set_active(m, node, false);
	snapshot_refaults(n);
	n->kswapd_order = sc.order;
	return sc.nr_reclaimed;
}

static bool is_boosted(const struct vm *m, unsigned node)
{
	return node_sum(m, node, boost);
}

void kswapd_wake(struct vm *m, unsigned order, bool can_wait)
{
	for (unsigned i = 0; i < m->root->config.nodes; i++) {
		struct numa_node *n = &m->root->node[i];

		if (!(m->allowed >> i & 1) ||
			(n->kswapd_woken && order <= n->kswapd_order))
			continue;
		if (node_is_hopeless(m, i) ||
			(balanced(m, i, order) && !is_boosted(m, i))) {
			if (!can_wait)
				kcompactd_wake(m, i, order);
			continue;
		}
		n->kswapd_woken = 1;
		if (order > n->kswapd_order)
			n->kswapd_order = order;
	}
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

bool boosts_end(struct vm *m)
{
	bool any = false;

	for (unsigned i = 0; i < m->root->config.nodes; i++) {
		any |= is_boosted(m, i);
		end_boost(m, i);
	}
	return any;
}

void kswapd_run(struct vm *m)
{
	if (policy_on(m))
		policy_bring_back(m);
	for (unsigned i = 0; i < m->root->config.nodes; i++) {
		struct numa_node *n = &m->root->node[i];
		unsigned order = n->kswapd_order;

		if (!n->kswapd_woken)
			continue;
		n->kswapd_woken = 0;
		while (!policy_on(m) && !balanced(m, i, n->kswapd_order) &&
			!node_is_hopeless(m, i))
			n->kswapd_failures =
				balance(m, i) ? 0 : n->kswapd_failures + 1;
		n->kswapd_order = 0;
		kcompactd_wake(m, i, order);
		end_boost(m, i);
	}
}

/* ---- commands ------------------------------------------------------------ */

uint64_t reclaim_pages(struct vm *m, uint64_t nr)
{
	uint64_t done = 0;
	unsigned vain = 0;

	while (policy_on(m) && done < nr && policy_evict(m))
		if (++done % SWAP_CLUSTER_MAX == 0 && vm_halts(m))
			break;
	while (!policy_on(m) && done < nr && vain < RECLAIM_RETRIES &&
		!vm_halts(m)) {
		struct scan sc = {
			.who = SCAN_PROACTIVE,
			.zone = m->gfp_zone[GFP_HIGHUSER],
			.nr_to_reclaim = nr - done < SWAP_CLUSTER_MAX
						 ? nr - done
						 : SWAP_CLUSTER_MAX,
		};
		uint64_t got = reclaim_find(m, &sc);

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
