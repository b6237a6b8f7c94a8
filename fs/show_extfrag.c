/*
 * sys/kernel/debug/extfrag/: how far free memory is of use for each order.
 * Source: Linux mm/vmstat.c (extfrag_show_print).
 */
#include "../vm/phys/phys.h"
#include "renderers.h"

static void show_index(struct sbuf *b, const struct view *v,
	int (*index)(const struct zone *z, unsigned order), int width)
{
	const struct root *r = v->vm->root;

	for (unsigned i = 0; i < r->nr_zones; i++) {
		if (!r->zone[i].present)
			continue;
		sbuf_printf(b, "Node %u, zone %8s ", r->zone[i].node,
			zone_name(v->vm, i));
		for (unsigned o = 0; o < NR_ORDERS; o++) {
			int n = index(&r->zone[i], o);

			sbuf_printf(b, "%*d.%03d ", width, n / 1000, n % 1000);
		}
		sbuf_char(b, '\n');
	}
}

void show_unusable_index(struct sbuf *b, const struct view *v, uint64_t id)
{
	show_index(b, v, zone_unusable, 1);
}

void show_extfrag_index(struct sbuf *b, const struct view *v, uint64_t id)
{
	show_index(b, v, zone_fragmentation, 2);
}
