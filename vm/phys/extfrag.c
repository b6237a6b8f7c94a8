/*
 * How far free memory is of use for each order.
 * Source: Linux mm/vmstat.c (fill_contig_page_info, unusable_free_index,
 * __fragmentation_index).
 */
#include "phys.h"

/* Free pages, free blocks, and those large enough in units of the order. */
struct fill {
	uint64_t pages, blocks, suitable;
};

static struct fill zone_fill(const struct zone *z, unsigned order)
{
	struct fill f = {0};

	for (unsigned o = 0; o < NR_ORDERS; o++) {
		uint64_t nr = zone_free_blocks(z, o);

		f.pages += nr << o;
		f.blocks += nr;
		if (o >= order)
			f.suitable += nr << (o - order);
	}
	return f;
}

int zone_unusable(const struct zone *z, unsigned order)
{
	struct fill f = zone_fill(z, order);

	if (!f.pages)
		return 1000;
	return (int)((f.pages - (f.suitable << order)) * 1000 / f.pages);
}

int zone_fragmentation(const struct zone *z, unsigned order)
{
	struct fill f = zone_fill(z, order);

	if (!f.blocks)
		return 0;
	if (f.suitable)
		return -1000;
	return 1000 - (int)((1000 + (f.pages * 1000 >> order)) / f.blocks);
}
