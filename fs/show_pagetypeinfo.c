/*
 * proc/pagetypeinfo: free blocks by order and migrate type, and how many page
 * blocks have each type.  Source: Linux mm/vmstat.c (pagetypeinfo_show).
 */
#include "../vm/phys/pageblock.h"
#include "renderers.h"

static const char *const type_name[NR_MIGRATE] = {
	"Unmovable",
	"Movable",
	"Reclaimable",
	"HighAtomic",
	"Isolate",
};

/* The kernel does not count further. */
#define MOST 100000u

static void free_line(struct sbuf *b, const struct zone *z, unsigned type)
{
	for (unsigned o = 0; o < NR_ORDERS; o++) {
		uint64_t n = zone_free_of(z, o, type);

		if (n >= MOST)
			sbuf_printf(b, ">%6u ", MOST);
		else
			sbuf_printf(b, "%6llu ", (unsigned long long)n);
	}
	sbuf_char(b, '\n');
}

static void free_blocks(struct sbuf *b, const struct vm *m, unsigned node)
{
	sbuf_printf(b, "%-43s ", "Free pages count per migrate type at order");
	for (unsigned o = 0; o < NR_ORDERS; o++)
		sbuf_printf(b, "%6u ", o);
	sbuf_char(b, '\n');
	for (unsigned k = 0; k < m->arch->nr_zones; k++) {
		unsigned i = node * m->arch->nr_zones + k;

		if (!m->root->zone[i].present)
			continue;
		for (unsigned type = 0; type < NR_MIGRATE; type++) {
			sbuf_printf(b, "Node %4u, zone %8s, type %12s ", node,
				zone_name(m, i), type_name[type]);
			free_line(b, &m->root->zone[i], type);
		}
	}
}

static void block_line(struct sbuf *b, const struct vm *m, const struct zone *z)
{
	unsigned count[NR_MIGRATE] = {0};

	for (pfn_t pfn = z->start; pfn < z->end; pfn += pageblock_pages(m))
		if (pfn_is_ram(m, pfn))
			count[pageblock_type(m, pfn)]++;
	for (unsigned type = 0; type < NR_MIGRATE; type++)
		sbuf_printf(b, "%12u ", count[type]);
	sbuf_char(b, '\n');
}

static void page_blocks(struct sbuf *b, const struct vm *m, unsigned node)
{
	sbuf_printf(b, "\n%-23s", "Number of blocks type ");
	for (unsigned type = 0; type < NR_MIGRATE; type++)
		sbuf_printf(b, "%12s ", type_name[type]);
	sbuf_char(b, '\n');
	for (unsigned k = 0; k < m->arch->nr_zones; k++) {
		unsigned i = node * m->arch->nr_zones + k;

		if (!m->root->zone[i].present)
			continue;
		sbuf_printf(b, "Node %u, zone %8s ", node, zone_name(m, i));
		block_line(b, m, &m->root->zone[i]);
	}
}

void show_pagetypeinfo(struct sbuf *b, const struct view *v, uint64_t id)
{
	const struct vm *m = v->vm;

	for (unsigned node = 0; node < m->root->config.nodes; node++) {
		sbuf_printf(b, "Page block order: %u\nPages per block:  %u\n\n",
			m->pageblock_order, pageblock_pages(m));
		free_blocks(b, m, node);
		page_blocks(b, m, node);
	}
}
