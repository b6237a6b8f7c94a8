/*
 * sys/kernel/debug/extfrag/: how far free memory is of use for each order.
 * Source: Linux mm/vmstat.c: unusable_free_index(), __fragmentation_index().
 */
#include <stdlib.h>

#include "../vm/phys/phys.h"
#include "renderers.h"

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

/* The part of free memory that is too small for the order, in thousandths. */
static int unusable(const struct fill *f, unsigned order)
{
	if (!f->pages)
		return 1000;
	return (int)((f->pages - (f->suitable << order)) * 1000 / f->pages);
}

/* Why an allocation fails: near 0 for want of memory, near 1000 because it is
 * in pieces; -1000 when it does not fail. */
static int fragmentation(const struct fill *f, unsigned order)
{
	if (!f->blocks)
		return 0;
	if (f->suitable)
		return -1000;
	return 1000 - (int)((1000 + (f->pages * 1000 >> order)) / f->blocks);
}

static void show_index(struct sbuf *b, const struct view *v,
	int (*index)(const struct fill *f, unsigned order))
{
	const struct root *r = v->vm->root;

	for (unsigned i = 0; i < r->nr_zones; i++) {
		if (!r->zone[i].present)
			continue;
		sbuf_printf(b, "Node %u, zone %8s ", r->zone[i].node,
			zone_name(v->vm, i));
		for (unsigned o = 0; o < NR_ORDERS; o++) {
			struct fill f = zone_fill(&r->zone[i], o);
			int n = index(&f, o);

			sbuf_printf(b, "%s%d.%03d ", n < 0 ? "-" : "",
				abs(n) / 1000, abs(n) % 1000);
		}
		sbuf_char(b, '\n');
	}
}

void show_unusable_index(struct sbuf *b, const struct view *v, uint64_t id)
{
	show_index(b, v, unusable);
}

void show_extfrag_index(struct sbuf *b, const struct view *v, uint64_t id)
{
	show_index(b, v, fragmentation);
}
