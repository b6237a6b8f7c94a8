/*
 * Who compacts, and how often.
 *
 * A zone where it was in vain for an order is left alone for the next
 * 1 << defer_shift requests of that order or more; the shift grows to 6 with
 * each failure and is forgotten at a success.
 *
 * Source: Linux mm/compaction.c (compaction_deferred, try_to_compact_pages,
 * kcompactd_do_work, should_proactive_compact_node).
 */
#include "../phys/pcp.h"
#include "compact_i.h"

#define DEFER_SHIFT_MAX 6

/* ---- defer --------------------------------------------------------------- */

static bool deferred(struct zone *z, unsigned order)
{
	uint32_t limit = 1u << z->compact_defer_shift;

	if (order < z->compact_order_failed)
		return false;
	if (++z->compact_considered < limit)
		return true;
	z->compact_considered = limit;
	return false;
}

static void defer(struct zone *z, unsigned order)
{
	z->compact_considered = 0;
	if (z->compact_defer_shift < DEFER_SHIFT_MAX)
		z->compact_defer_shift++;
	if (order < z->compact_order_failed)
		z->compact_order_failed = order;
}

static void defer_reset(struct zone *z, unsigned order, bool got_block)
{
	if (got_block)
		z->compact_considered = z->compact_defer_shift = 0;
	if (order >= z->compact_order_failed)
		z->compact_order_failed = order + 1;
}

/* ---- all of a node ------------------------------------------------------- */

/* All of the i-th zone of a node. */
static struct compact whole_zone(struct vm *m, unsigned node, unsigned i)
{
	return (struct compact){
		.z = &m->root->zone[node * m->arch->nr_zones + i],
		.order = WHOLE_ZONE,
		.mode = MODE_SYNC,
		.type = MIGRATE_MOVABLE,
		.whole = true,
		.ignore_skip = true,
	};
}

void compact_node(struct vm *m, unsigned node)
{
	pcp_drain_all(m);
	for (unsigned i = 0; i < m->arch->nr_zones; i++) {
		struct compact c = whole_zone(m, node, i);

		c.halts = true;
		compact_zone(m, &c);
	}
}

/* ---- direct -------------------------------------------------------------- */

static enum migrate_type type_of(unsigned gfp)
{
	return gfp & GFP_MOVABLE       ? MIGRATE_MOVABLE
	       : gfp & GFP_RECLAIMABLE ? MIGRATE_RECLAIMABLE
				       : MIGRATE_UNMOVABLE;
}

enum compact_result compact_for(
	struct vm *m, unsigned gfp, unsigned order, enum compact_prio prio)
{
	const struct zonelist *l = &m->zonelist[m->prefer][gfp & GFP_ZONE_MASK];
	unsigned high = m->gfp_zone[gfp & GFP_ZONE_MASK];
	enum compact_result best = COMPACT_SKIPPED;

	pcp_drain_all(m);
	for (unsigned i = 0; i < l->nr; i++) {
		struct zone *z = &m->root->zone[l->zone[i]];
		struct compact c = {
			.z = z,
			.order = (int)order,
			.mode = prio == COMPACT_PRIO_ASYNC ? MODE_ASYNC
							   : MODE_SYNC_LIGHT,
			.type = type_of(gfp),
			.direct = true,
			.whole = prio == COMPACT_PRIO_FULL,
			.ignore_skip = prio == COMPACT_PRIO_FULL,
			.reserve = zone_lowmem_reserve(m, l->zone[i], high),
		};
		enum compact_result r = COMPACT_DEFERRED;

		if (!zone_allowed(m, z))
			continue;
		if (prio == COMPACT_PRIO_FULL || !deferred(z, order))
			r = compact_zone(m, &c);
		if (r == COMPACT_SUCCESS) {
			defer_reset(z, order, false);
			return r;
		}
		if (prio != COMPACT_PRIO_ASYNC &&
			(r == COMPACT_COMPLETE || r == COMPACT_PARTIAL))
			defer(z, order);
		best = r > best ? r : best;
	}
	return best;
}

void compact_got(struct zone *z, unsigned order)
{
	defer_reset(z, order, true);
}

/* ---- kcompactd ----------------------------------------------------------- */

void kcompactd_wake(struct vm *m, unsigned node, unsigned order)
{
	struct numa_node *n = &m->root->node[node];

	if (order > n->kcompactd_order)
		n->kcompactd_order = order;
}

static void daemon_zone(struct vm *m, struct zone *z, unsigned order)
{
	struct compact c = {
		.z = z,
		.order = (int)order,
		.mode = MODE_SYNC_LIGHT,
		.type = MIGRATE_MOVABLE,
	};
	uint64_t *count = m->root->count;
	enum compact_result r;

	if (!z->managed || deferred(z, order))
		return;
	r = compact_zone(m, &c);
	if (r == COMPACT_SUCCESS)
		defer_reset(z, order, false);
	else if (r == COMPACT_COMPLETE || r == COMPACT_PARTIAL)
		defer(z, order);
	count[CNT_KCOMPACTD_MIGRATE_SCANNED] += c.migrate_scanned;
	count[CNT_KCOMPACTD_FREE_SCANNED] += c.free_scanned;
}

/* It sleeps on if all zones have a block, or none has room. */
static bool can_help(struct vm *m, unsigned node, unsigned order)
{
	for (unsigned i = 0; i < m->arch->nr_zones; i++) {
		const struct compact c = {
			.z = &m->root->zone[node * m->arch->nr_zones + i],
			.order = (int)order,
			.type = MIGRATE_MOVABLE,
		};

		if (c.z->managed && compact_suitable(m, &c) == COMPACT_CONTINUE)
			return true;
	}
	return false;
}

void kcompactd_run(struct vm *m)
{
	for (unsigned n = 0; n < m->root->config.nodes; n++) {
		unsigned order = m->root->node[n].kcompactd_order;

		if (!order)
			continue;
		m->root->node[n].kcompactd_order = 0;
		if (!can_help(m, n, order))
			continue;
		m->root->count[CNT_KCOMPACTD_WAKE]++;
		pcp_drain_all(m);
		for (unsigned i = 0; i < m->arch->nr_zones; i++)
			daemon_zone(m,
				&m->root->zone[n * m->arch->nr_zones + i],
				order);
	}
}

/* ---- proactive ----------------------------------------------------------- */

unsigned compact_score(const struct vm *m, unsigned node)
{
	const struct zone *z = &m->root->zone[node * m->arch->nr_zones];
	uint64_t score = 0, present = 0;

	for (unsigned i = 0; i < m->arch->nr_zones; i++)
		present += z[i].present;
	for (unsigned i = 0; i < m->arch->nr_zones; i++)
		if (z[i].nr_free)
			score += z[i].present *
				 (unsigned)(zone_unusable(
						    &z[i], m->pageblock_order) /
					    10) /
				 (present + 1);
	return (unsigned)score;
}

unsigned compact_score_mark(const struct vm *m, bool high)
{
	unsigned eager = m->root->set.compaction_proactiveness;
	unsigned low = eager > 95 ? 5 : 100 - eager;

	if (!high)
		return low;
	return low + 10 < 100 ? low + 10 : 100;
}

/* Once through the node; false if it was in vain. */
static bool proactive(struct vm *m, unsigned node)
{
	unsigned before = compact_score(m, node);

	pcp_drain_all(m);
	for (unsigned i = 0; i < m->arch->nr_zones; i++) {
		struct compact c = whole_zone(m, node, i);

		c.proactive = true;
		compact_zone(m, &c);
		m->root->count[CNT_KCOMPACTD_MIGRATE_SCANNED] +=
			c.migrate_scanned;
		m->root->count[CNT_KCOMPACTD_FREE_SCANNED] += c.free_scanned;
	}
	return compact_score(m, node) < before;
}

/* A try in vain is followed by a pause, which outlasts the tick. */
static void tick_node(struct vm *m, unsigned node, uint64_t nr)
{
	uint32_t *wait = &m->root->node[node].proactive_wait;

	while (nr && compact_score(m, node) > compact_score_mark(m, true)) {
		uint32_t pause = *wait < nr ? *wait : (uint32_t)nr;

		*wait -= pause;
		nr -= pause;
		if (nr && !proactive(m, node)) {
			*wait = 1u << DEFER_SHIFT_MAX;
			return;
		}
		nr -= nr > 0;
	}
}

void kcompactd_tick(struct vm *m, uint64_t nr)
{
	if (!m->root->set.compaction_proactiveness)
		return;
	for (unsigned n = 0; n < m->root->config.nodes; n++)
		tick_node(m, n, nr);
}
