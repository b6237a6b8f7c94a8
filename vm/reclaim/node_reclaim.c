/*
 * Node reclaim: a request that finds its own node short takes page cache back
 * there before it goes to another node.
 *
 *	zone_reclaim_mode
 *	  1   on: clean pages of files that no process maps
 *	  2   on, and pages may be written to swap
 *	  4   on, and pages may be taken out of page tables
 *
 * It begins at more than min_unmapped_ratio percent of such pages, or more than
 * min_slab_ratio percent of reclaimable slab, and helps on the processor's own
 * node, on nodes without processors, and no further away than 30.
 *
 * Whoever holds no page (mem_alloc()) has it done where the zone turns out to
 * be short, as in Linux; an operation that is about to take a page, before it
 * begins (mem_expect()), by the same walk down the zones.
 *
 * A try in vain has looked through whole lists.  Linux does so at the next
 * request again; here the next 2, 4, ... 64 tries fail unseen.
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

/* What is left alone: so many percent of the node. */
static uint64_t floor_of(const struct vm *m, unsigned node, unsigned percent)
{
	const struct zone *z = &m->root->zone[node * m->arch->nr_zones];
	uint64_t nr = 0;

	for (unsigned i = 0; i < m->arch->nr_zones; i++)
		nr += z[i].managed * percent / 100;
	return nr;
}

static bool has_cache(const struct vm *m, unsigned node)
{
	const struct settings *set = &m->root->set;

	return reclaimable(m, node) >
		       floor_of(m, node, set->min_unmapped_ratio) ||
	       node_sum(m, node, pages[USE_SLAB_RECLAIMABLE]) >
		       floor_of(m, node, set->min_slab_ratio);
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

/* Harder and harder, until so many pages were found. */
static void shrink(struct vm *m, struct scan *sc, uint64_t nr)
{
	do {
		shrink_node(m, sc);
	} while (sc->nr_reclaimed < nr && --sc->priority >= 0);
}

bool node_reclaim(struct vm *m, unsigned gfp, unsigned order, unsigned first,
	unsigned node)
{
	unsigned mode = m->root->set.zone_reclaim_mode & RECLAIM_BITS;
	uint64_t nr = 1ull << order;
	struct scan sc = {
		.who = SCAN_DIRECT,
		.node = node,
		.zone = m->gfp_zone[gfp & GFP_ZONE_MASK],
		.order = order,
		.priority = PRIORITY,
		.nr_to_reclaim = nr > SWAP_CLUSTER_MAX ? nr : SWAP_CLUSTER_MAX,
		.node_reclaim = true,
		.may_unmap = mode & RECLAIM_UNMAP,
		.may_write = mode & RECLAIM_WRITE,
	};

	if (!mode || policy_on(m) ||
		node_distance(m, first, node) > RECLAIM_DISTANCE ||
		!has_cache(m, node) || !is_ours(m, node))
		return false;
	if (is_left_off(&m->root->node[node])) {
		m->root->count[CNT_ZONE_RECLAIM_FAILED]++;
		return false;
	}
	m->settled = false;
	shrink(m, &sc, nr);
	m->settled = true;
	note_result(&m->root->node[node], sc.nr_reclaimed >= nr);
	m->root->count[sc.nr_reclaimed >= nr ? CNT_ZONE_RECLAIM_SUCCESS
					     : CNT_ZONE_RECLAIM_FAILED]++;
	return true;
}

/* ---- when somebody asks -------------------------------------------------- */

/* A quarter of what is wanted, or a batch. */
static uint64_t reclaim_some(
	struct vm *m, unsigned node, uint64_t nr, int swappiness)
{
	struct scan sc = {
		.who = SCAN_PROACTIVE,
		.node = node,
		.zone = m->gfp_zone[GFP_KERNEL],
		.priority = DEF_PRIORITY,
		.nr_to_reclaim =
			nr / 4 > SWAP_CLUSTER_MAX ? nr / 4 : SWAP_CLUSTER_MAX,
		.swappiness = (unsigned)(swappiness + 1),
	};

	if (has_cache(m, node))
		shrink(m, &sc, nr / 4);
	return sc.nr_reclaimed;
}

int reclaim_node(struct vm *m, unsigned node, uint64_t nr, int swappiness)
{
	unsigned left = RECLAIM_RETRIES;
	uint64_t done = 0;

	while (done < nr) {
		uint64_t got = reclaim_some(m, node, nr - done, swappiness);

		if (!got && !left--)
			return vm_fail(m, EAGAIN,
				"%llu of %llu pages were taken back: the node "
				"has %llu pages of files that could be, and "
				"min_unmapped_ratio keeps %llu",
				(unsigned long long)done,
				(unsigned long long)nr,
				(unsigned long long)reclaimable(m, node),
				(unsigned long long)floor_of(m, node,
					m->root->set.min_unmapped_ratio));
		done += got;
	}
	return 0;
}
