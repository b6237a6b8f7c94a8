/*
 * proc/buddyinfo, proc/zoneinfo and proc/vmstat.
 *
 * Counters are exact: what processors have not added up yet is 0.
 * Source of names and layout: Linux mm/vmstat.c.
 */
#include "../vm/phys/pcp.h"
#include "../vm/reclaim/reclaim.h"
#include "vmstat_items.h"
#include "renderers.h"
#include "text.h"

void show_buddyinfo(struct sbuf *b, const struct view *view, uint64_t id)
{
	const struct vm *m = view->vm;

	for (unsigned i = 0; i < m->root->nr_zones; i++) {
		const struct zone *z = &m->root->zone[i];
		char *p;

		if (!z->present)
			continue;
		sbuf_printf(b, "Node %u, zone %8s ", z->node, zone_name(m, i));
		p = sbuf_room(b, NR_ORDERS * 21 + 1);
		if (!p)
			return;
		for (unsigned o = 0; o < NR_ORDERS; o++) {
			p = text_dec_pad(p, zone_free_blocks(z, o), 6);
			*p++ = ' ';
		}
		*p++ = '\n';
		sbuf_end(b, p);
	}
}

static void item(struct sbuf *b, const char *name, uint64_t v)
{
	sbuf_printf(b, "\n      %-12s %llu", name, (unsigned long long)v);
}

static void node_lines(struct sbuf *b, const struct vmstat *s)
{
	sbuf_str(b, "\n  per-node stats");
	for (unsigned i = 0; i < NR_NODE_ITEMS; i++)
		item(b, vmstat_node_names[i], s->node[i]);
}

/* protection: one number for each zone that an allocation may start from,
 * the two that exist only by configuration included; none for those. */
#define EMPTY_ZONE MAX_NODE_ZONES

static void protection_line(struct sbuf *b, const struct vm *m, unsigned i)
{
	unsigned nr = m->arch->nr_zones;
	unsigned extra = vmstat_extra_zones(m->arch);

	sbuf_str(b, "\n        protection: (");
	for (unsigned j = 0; j < nr + extra; j++) {
		unsigned top = j < nr ? j : nr - 1;
		uint64_t r =
			i == EMPTY_ZONE ? 0 : zone_lowmem_reserve(m, i, top);

		sbuf_printf(b, j ? ", %llu" : "%llu", (unsigned long long)r);
	}
	sbuf_char(b, ')');
}

static void zone_head(struct sbuf *b, const struct zone *z)
{
	const struct {
		const char *name;
		uint64_t v;
	} line[] = {
		{"boost   ", z->boost},
		{"min     ", z->min},
		{"low     ", z->low},
		{"high    ", z->high},
		/* promo: as far above high as high is above low */
		{"promo   ", z->high + (z->high - z->low)},
		{"spanned ", z->end - z->start},
		{"present ", z->present},
		{"managed ", z->managed},
		{"cma     ", 0},
	};

	sbuf_printf(
		b, "\n  pages free     %llu", (unsigned long long)z->nr_free);
	for (unsigned i = 0; i < sizeof(line) / sizeof(line[0]); i++)
		sbuf_printf(b, "\n        %s %llu", line[i].name,
			(unsigned long long)line[i].v);
}

/* How far a processor's part of a counter may be off: the kernel's rule, though
 * counters are exact here. */
static unsigned stat_threshold(const struct vm *m, const struct zone *z)
{
	uint64_t size = z->managed >> (27 - m->page_shift);
	unsigned n = 1;

	for (; size; size >>= 1)
		n++;
	for (unsigned cpus = m->root->config.cpus, f = n; cpus >>= 1;)
		n += f;
	return 2 * n < 125 ? 2 * n : 125;
}

static void pageset_lines(
	struct sbuf *b, const struct vm *m, unsigned i, const struct zone *z)
{
	sbuf_str(b, "\n  pagesets");
	for (unsigned c = 0; c < m->root->config.cpus; c++) {
		const struct pcp *p = pcp_at(m, i, c);

		sbuf_printf(b,
			"\n    cpu: %u"
			"\n              count:    %u"
			"\n              high:     %u"
			"\n              batch:    %u"
			"\n              high_min: %u"
			"\n              high_max: %u"
			"\n  vm stats threshold: %u",
			c, p->count, p->high, z->pcp_batch, z->pcp_high_min,
			z->pcp_high_max, stat_threshold(m, z));
	}
}

static void zone_lines(struct sbuf *b, const struct vm *m, unsigned i,
	const struct vmstat *s, bool first)
{
	const struct zone *z = &m->root->zone[i];

	sbuf_printf(b, "Node %u, zone %8s", z->node, zone_name(m, i));
	if (first)
		node_lines(b, s);
	zone_head(b, z);
	protection_line(b, m, i);
	if (!z->present) {
		sbuf_char(b, '\n');
		return;
	}
	for (unsigned k = 0; k < NR_ZONE_ITEMS; k++)
		item(b, vmstat_zone_names[k], s->zone[i][k]);
	pageset_lines(b, m, i, z);
	sbuf_printf(b,
		"\n  node_unreclaimable:  %u\n  start_pfn:           %u\n",
		node_is_hopeless(m, z->node), z->start);
}

/* Zones that the kernel is built for and that have no pages here. */
static void empty_zone(struct sbuf *b, const struct vm *m, unsigned node,
	const char *name, unsigned mark)
{
	const struct zone z = {.min = mark, .low = mark, .high = mark};

	sbuf_printf(b, "Node %u, zone %8s", node, name);
	zone_head(b, &z);
	protection_line(b, m, EMPTY_ZONE);
	sbuf_char(b, '\n');
}

static void node_zones(struct sbuf *b, const struct vm *m, unsigned node)
{
	bool first = true;
	struct vmstat s;

	vmstat_collect(m, node, &s);
	for (unsigned i = s.first; i < s.first + s.nr; i++) {
		bool here = first && m->root->zone[i].present;

		zone_lines(b, m, i, &s, here);
		first = first && !here;
	}
	/* Movable's watermark is clamped to 32 pages even when it is empty */
	empty_zone(b, m, node, "Movable", 32);
	if (vmstat_extra_zones(m->arch) > 1)
		empty_zone(b, m, node, "Device", 0);
}

void show_zoneinfo(struct sbuf *b, const struct view *view, uint64_t id)
{
	for (unsigned n = 0; n < view->vm->root->config.nodes; n++)
		node_zones(b, view->vm, n);
}

void show_vmstat(struct sbuf *b, const struct view *view, uint64_t id)
{
	const struct vm *m = view->vm;
	struct vmstat s;

	vmstat_collect(m, ALL_NODES, &s);
	vmstat_zones(b, &s);
	vmstat_node(b, &s);
	vmstat_events(b, m);
}
