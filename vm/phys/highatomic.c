/*
 * Page blocks for those who cannot wait: an atomic request of several frames
 * that was served when memory was short leaves its page block to such requests
 * (HighAtomic in pagetypeinfo), up to a hundredth of the zone, which must be a
 * page block at least.  When others would be refused they are given back.
 *
 * Source: Linux mm/page_alloc.c (reserve_highatomic_pageblock,
 * unreserve_highatomic_pageblock).
 */
#include "phys_i.h"

static bool is_full(const struct vm *m, const struct zone *z)
{
	uint64_t block = pageblock_pages(m), part = z->managed / 100;

	return part < block ||
	       z->nr_reserved_highatomic >= (part + block - 1) / block * block;
}

void highatomic_reserve(struct vm *m, struct zone *z, pfn_t pfn, unsigned order)
{
	enum migrate_type type = pageblock_type(m, pfn);

	if (is_full(m, z) || type >= NR_PCPTYPES)
		return;
	if (order < m->pageblock_order) {
		if (pageblock_convert(m, z, pfn, type, MIGRATE_HIGHATOMIC))
			z->nr_reserved_highatomic += pageblock_pages(m);
		return;
	}
	for (pfn_t i = 0; i < 1u << order; i += pageblock_pages(m))
		pageblock_set_type(m, pfn + i, MIGRATE_HIGHATOMIC);
	z->nr_reserved_highatomic += 1u << order;
}

pfn_t highatomic_take(struct vm *m, struct zone *z, unsigned order)
{
	pfn_t pfn = free_take(m, z, order, MIGRATE_HIGHATOMIC);

	if (pfn)
		z->nr_free -= 1u << order;
	return pfn;
}

/* A free block of page blocks: they merge with their new neighbours. */
static void give_whole(
	struct vm *m, struct zone *z, pfn_t pfn, enum migrate_type to)
{
	pfn_t end = pfn + (1u << frame_at(m, pfn)->order);

	z->nr_reserved_highatomic -= end - pfn;
	free_isolate(m, z, pfn);
	for (; pfn < end; pfn += pageblock_pages(m)) {
		pageblock_set_type(m, pfn, to);
		free_block(m, z, pfn, m->pageblock_order);
	}
}

/* The page block of the smallest free block; false without one. */
static bool give_one(struct vm *m, struct zone *z, enum migrate_type to)
{
	uint32_t orders = z->orders[MIGRATE_HIGHATOMIC];
	unsigned order = orders ? (unsigned)__builtin_ctz(orders) : 0;
	pfn_t pfn;

	if (!orders)
		return false;
	pfn = free_first(m, z, order, MIGRATE_HIGHATOMIC);
	if (order >= m->pageblock_order) {
		give_whole(m, z, pfn, to);
		return true;
	}
	z->nr_reserved_highatomic -= pageblock_pages(m);
	return pageblock_convert(m, z, pfn, MIGRATE_HIGHATOMIC, to);
}

bool highatomic_unreserve(struct vm *m, unsigned gfp, bool force)
{
	const struct zonelist *l = &m->zonelist[m->prefer][gfp & GFP_ZONE_MASK];

	for (unsigned i = 0; i < l->nr; i++) {
		struct zone *z = &m->root->zone[l->zone[i]];

		if (!(m->reach >> z->node & 1) ||
			(!force && z->nr_reserved_highatomic <=
					   pageblock_pages(m)))
			continue;
		if (give_one(m, z, gfp_type(gfp)))
			return true;
	}
	return false;
}
