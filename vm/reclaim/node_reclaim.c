/*
 * Node reclaim: a request that finds its own node short takes page cache back
 * there before it goes to another node.
 *
 *	zone_reclaim_mode
 *	  1   on: clean pages of files that no process maps
 *	  2   on, and pages may be written to swap
 *	  4   on, and pages may be taken out of page tables
 *
 * It begins at more than min_unmapped_ratio percent of such pages, and helps
 * on the processor's own node, on nodes without processors, and no further
 * away than 30.
 *
 * A try in vain has looked through whole lists.  Linux tries again at the next
 * request; here the next 2, 4, ... 64 requests do without.
 *
 * Source: Linux mm/vmscan.c (node_reclaim, __node_reclaim,
 * node_pagecache_reclaimable), mm/page_alloc.c (zone_allows_reclaim,
 * get_page_from_freelist).
 */
#include "reclaim_i.h"

#define RECLAIM_WRITE	 2u
#define RECLAIM_UNMAP	 4u
#define RECLAIM_BITS	 7u
#define RECLAIM_DISTANCE 30u
#define PRIORITY	 4
#define VAIN_MAX	 6u

/* Page cache that could go. */
static uint64_t reclaimable(const struct vm *m, unsigned node)
{
	uint64_t mapped = node_sum(m, node, mapped), nr;
	uint64_t dirty = node_sum(m, node, dirty);

	if (m->root->set.zone_reclaim_mode & RECLAIM_UNMAP) {
		nr = node_sum(m, node, pages[USE_FILE]) +
		     node_sum(m, node, pages[USE_SHMEM]) +
		     node_sum(m, node, swap_cached);
	} else {
		nr = node_lru_size(m, node, LRU_ACTIVE_FILE) +
		     node_lru_size(m, node, LRU_INACTIVE_FILE);
		nr -= nr < mapped ? nr : mapped;
	}
	return nr - (nr < dirty ? nr : dirty);
}

/* What is left alone. */
static uint64_t floor_of(const struct vm *m, unsigned node)
{
	const struct zone *z = &m->root->zone[node * m->arch->nr_zones];
	uint64_t nr = 0;

	for (unsigned i = 0; i < m->arch->nr_zones; i++)
		nr += z[i].managed * m->root->set.min_unmapped_ratio / 100;
	return nr;
}

static bool is_ours(const struct vm *m, unsigned node)
{
	if (node == m->here)
		return true;
	for (unsigned c = 0; c < m->root->config.cpus; c++)
		if (m->cpu_node[c] == node)
			return false;
	return true;
}

static bool is_left_off(struct numa_node *n)
{
	if (!n->reclaim_wait)
		return false;
	n->reclaim_wait--;
	return true;
}

static void note_result(struct numa_node *n, bool success)
{
	uint32_t vain =
		n->reclaim_vain < VAIN_MAX ? n->reclaim_vain + 1 : VAIN_MAX;

	n->reclaim_vain = success ? 0 : vain;
	n->reclaim_wait = success ? 0 : 1u << vain;
}

static void reclaim_on(
	struct vm *m, unsigned node, enum gfp_zone gfp, uint64_t nr)
{
	unsigned mode = m->root->set.zone_reclaim_mode;
	struct scan sc = {
		.who = SCAN_DIRECT,
		.node = node,
		.zone = m->gfp_zone[gfp],
		.priority = PRIORITY,
		.nr_to_reclaim = nr > SWAP_CLUSTER_MAX ? nr : SWAP_CLUSTER_MAX,
		.node_reclaim = true,
		.may_unmap = mode & RECLAIM_UNMAP,
		.may_write = mode & RECLAIM_WRITE,
	};

	if (reclaimable(m, node) <= floor_of(m, node) || !is_ours(m, node) ||
		is_left_off(&m->root->node[node]))
		return;
	do {
		shrink_node(m, &sc);
	} while (sc.nr_reclaimed < nr && --sc.priority >= 0);
	note_result(&m->root->node[node], sc.nr_reclaimed >= nr);
	m->root->count[sc.nr_reclaimed >= nr ? CNT_ZONE_RECLAIM_SUCCESS
					     : CNT_ZONE_RECLAIM_FAILED]++;
}

static bool has_room(
	const struct vm *m, unsigned zone, unsigned high, uint64_t nr)
{
	const struct zone *z = &m->root->zone[zone];

	return zone_free_common(z) >
	       z->low + nr + zone_lowmem_reserve(m, zone, high);
}

void node_reclaim(struct vm *m, enum gfp_zone gfp, uint64_t nr)
{
	const struct zonelist *l = &m->zonelist[m->prefer][gfp];
	unsigned first = zone_first(m, gfp)->node, high = m->gfp_zone[gfp];

	if (!(m->root->set.zone_reclaim_mode & RECLAIM_BITS) || policy_on(m))
		return;
	for (unsigned i = 0; i < l->nr; i++) {
		unsigned node = m->root->zone[l->zone[i]].node;

		if (!(m->allowed >> node & 1))
			continue;
		if (has_room(m, l->zone[i], high, nr))
			return;
		if (node_distance(m, first, node) > RECLAIM_DISTANCE)
			continue;
		reclaim_on(m, node, gfp, nr);
		if (has_room(m, l->zone[i], high, nr))
			return;
	}
}
