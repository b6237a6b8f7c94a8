/*
 * Direct reclaim: pages are taken back by who needs memory, as the policy says
 * or from the tails of Linux's lists.
 * Source: Linux mm/vmscan.c (do_try_to_free_pages, shrink_zones,
 * compaction_ready), mm/page_alloc.c (__alloc_pages_slowpath).
 */
#include "../compact/compact.h"
#include "../phys/pcp.h"
#include "../swap/swap.h"
#include "oom.h"
#include "policy.h"
#include "reclaim_i.h"

/* ---- is there enough? ---------------------------------------------------- */

/* What could be taken back: pages of each node. */
struct takeable {
	uint64_t on[MAX_NODES];
};

/* Pages behind free ones that the zone's node could give. */
static struct takeable takeable(const struct vm *m)
{
	struct takeable t = {{0}};

	for (unsigned n = 0; n < m->root->config.nodes; n++) {
		t.on[n] = node_lru_size(m, n, LRU_ACTIVE_FILE) +
			  node_lru_size(m, n, LRU_INACTIVE_FILE);
		if (swap_free(m))
			t.on[n] += node_lru_size(m, n, LRU_ACTIVE_ANON) +
				   node_lru_size(m, n, LRU_INACTIVE_ANON);
	}
	return t;
}

/* Free pages of a zone.  Under a textbook policy what the processor has on its
 * lists counts too: the next page takes the frame of the one that left. */
static inline uint64_t zone_room(const struct vm *m, unsigned zone)
{
	uint64_t kept = policy_on(m) ? pcp_at(m, zone, m->cpu)->count : 0;

	return zone_free_common(&m->root->zone[zone]) + kept;
}

/* A zone that may be used has a block, and nr pages above its min watermark:
 * free, or free if all that could be taken on its node were. */
static bool zones_have(const struct vm *m, enum gfp_zone gfp, uint64_t nr,
	unsigned order, const struct takeable *more)
{
	const struct zonelist *l = &m->zonelist[m->prefer][gfp];
	unsigned high = m->gfp_zone[gfp];

	for (unsigned i = 0; i < l->nr; i++) {
		const struct zone *z = &m->root->zone[l->zone[i]];
		uint64_t free = zone_room(m, l->zone[i]);
		uint64_t mark =
			z->min + zone_lowmem_reserve(m, l->zone[i], high);

		if (more)
			free += more->on[z->node];
		if (m->reach >> z->node & 1 && free > mark + nr &&
			(!order || zone_has_block(z, order)))
			return true;
	}
	return false;
}

bool mem_has_room(const struct vm *m, enum gfp_zone gfp, uint64_t nr)
{
	return zones_have(m, gfp, nr, 0, NULL);
}

static bool could_have(
	const struct vm *m, enum gfp_zone gfp, uint64_t nr, unsigned order)
{
	struct takeable more = takeable(m);

	return zones_have(m, gfp, nr, order, &more);
}

bool reclaim_could_help(const struct vm *m, unsigned gfp, unsigned order)
{
	return could_have(m, gfp & GFP_ZONE_MASK, (1u << order) - 1, order);
}

/* Room in one of the zones to move pages for a block, if 1 / part of what could
 * be taken back were; part 0: nothing. */
static bool room_to_move(
	const struct vm *m, unsigned gfp, unsigned order, unsigned part)
{
	const struct zonelist *l = &m->zonelist[m->prefer][gfp & GFP_ZONE_MASK];
	unsigned high = m->gfp_zone[gfp & GFP_ZONE_MASK];
	struct takeable more = takeable(m);

	for (unsigned i = 0; i < l->nr; i++) {
		const struct zone *z = &m->root->zone[l->zone[i]];
		uint64_t free = zone_free_common(z) +
				(part ? more.on[z->node] / part : 0);

		if (m->reach >> z->node & 1 &&
			compact_has_room(z, order,
				z->min + zone_lowmem_reserve(
						 m, l->zone[i], high),
				free))
			return true;
	}
	return false;
}

bool reclaim_could_compact(const struct vm *m, unsigned gfp, unsigned order)
{
	return room_to_move(m, gfp, order, order);
}

/* ---- Linux's lists ------------------------------------------------------- */

/* Whether the zone needs nothing but to be compacted. */
static bool zone_is_ready(
	const struct vm *m, const struct zone *z, const struct scan *sc)
{
	uint64_t reserve =
		zone_lowmem_reserve(m, (unsigned)(z - m->root->zone), sc->zone);

	return zone_watermark_ok(z, sc->order, z->min + reserve) ||
	       compact_may_help(m, z, sc->order, z->high + reserve);
}

/* Whether all zones of the node are; notes whether one is. */
static bool node_is_ready(const struct vm *m, struct scan *sc, unsigned node)
{
	const struct zone *z = &m->root->zone[node * m->arch->nr_zones];
	bool all = true;

	if (sc->order <= COSTLY_ORDER)
		return false;
	for (unsigned i = 0; i <= sc->zone; i++) {
		bool ready = z[i].managed && zone_is_ready(m, &z[i], sc);

		sc->ready |= ready;
		all &= ready || !z[i].managed;
	}
	return all;
}

/* Once through the lists of all nodes that the allocation may use. */
static void shrink_nodes(struct vm *m, struct scan *sc)
{
	uint8_t order[MAX_NODES];

	node_order(m, m->prefer, order);
	for (unsigned i = 0; i < m->root->config.nodes; i++) {
		sc->node = order[i];
		if (m->reach >> sc->node & 1 && !node_is_ready(m, sc, sc->node))
			shrink_node(m, sc);
	}
}

void snapshot_refaults(struct numa_node *n)
{
	for (unsigned kind = 0; kind < 2; kind++)
		n->refaults_seen[kind] = n->refault[2 + kind];
}

uint64_t reclaim_find(struct vm *m, struct scan *sc)
{
	for (unsigned again = 0; again < 2; again++) {
		for (sc->priority = DEF_PRIORITY; sc->priority >= 0;
			sc->priority--) {
			shrink_nodes(m, sc);
			if (sc->nr_reclaimed >= sc->nr_to_reclaim || sc->ready)
				break;
		}
		if (sc->nr_reclaimed || sc->ready || !sc->skipped_deactivate)
			break;
		sc->force_deactivate = true;
	}
	for (unsigned n = 0; n < m->root->config.nodes; n++)
		if (m->reach >> n & 1)
			snapshot_refaults(&m->root->node[n]);
	return sc->nr_reclaimed;
}

static bool direct(struct vm *m, enum gfp_zone gfp, unsigned order)
{
	struct scan sc = {
		.who = SCAN_DIRECT,
		.zone = m->gfp_zone[gfp],
		.order = order,
		.nr_to_reclaim = SWAP_CLUSTER_MAX,
	};

	m->root->count[gfp == GFP_HIGHUSER ? CNT_ALLOCSTALL_MOVABLE
					   : CNT_ALLOCSTALL_NORMAL]++;
	return reclaim_find(m, &sc) || sc.ready;
}

/* ---- a policy ------------------------------------------------------------ */

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

/* Page after page, until one of the zones has room to move some for a block, or
 * for a page. */
static bool evict_for(struct vm *m, unsigned gfp, unsigned order)
{
	unsigned most = 2u << order, nr = 0;

	if (most < SWAP_CLUSTER_MAX)
		most = SWAP_CLUSTER_MAX;
	while (nr < most && policy_evict(m)) {
		nr++;
		if (order ? room_to_move(m, gfp, order, 0)
			  : mem_has_room(m, gfp & GFP_ZONE_MASK, 1))
			break;
	}
	return nr;
}

bool reclaim_for(struct vm *m, unsigned gfp, unsigned order)
{
	if (policy_helps(m, gfp & GFP_ZONE_MASK))
		return evict_for(m, gfp, order);
	return direct(m, gfp & GFP_ZONE_MASK, order);
}

/* ---- pages --------------------------------------------------------------- */

/* Without room: takes pages until there is. */
static int find_room(struct vm *m, enum gfp_zone gfp, uint64_t nr)
{
	unsigned vain = 0;

	for (;;) {
		bool some = policy_helps(m, gfp) ? policy_evict(m)
						 : direct(m, gfp, 0);

		if (mem_has_room(m, gfp, nr))
			return 0;
		/* What was freed may wait on lists of processors.  That they
		 * had something is no progress: an eviction that fails for
		 * want of memory leaves pages there each time. */
		pcp_drain_all(m);
		some |= highatomic_unreserve(m, gfp, false);
		if (mem_has_room(m, gfp, nr))
			return 0;
		if (some)
			vain = 0;
		else if ((++vain > RECLAIM_RETRIES ||
				 !could_have(m, gfp, nr, 0)) &&
			 !highatomic_unreserve(m, gfp, true) && !boosts_end(m))
			return vm_fail(m, ENOMEM,
				"out of memory: all zones are at their min "
				"watermarks, %llu pages of swap are free, and "
				"no page can be taken back",
				(unsigned long long)swap_free(m));
	}
}

int mem_try_reclaim(struct vm *m, enum gfp_zone gfp, uint64_t nr)
{
	kswapd_wake(m, 0, true);
	return mem_has_room(m, gfp, nr) ? 0 : find_room(m, gfp, nr);
}

int mem_reclaim(struct vm *m, unsigned gfp, uint64_t nr)
{
	enum gfp_zone zone = gfp & GFP_ZONE_MASK;

	kswapd_wake(m, 0, true);
	while (find_room(m, zone, nr)) {
		if (!oom_kill(m, gfp, 0))
			return -ENOMEM;
		vm_fail_clear(m);
		if (mem_has_room(m, zone, nr))
			return 0;
	}
	return 0;
}
