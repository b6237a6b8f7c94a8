/*
 * Zones: which frames they span, what they keep from requests that could do
 * with higher ones, and the free blocks they begin with.
 *
 * Sources: Linux mm/page_alloc.c (setup_per_zone_lowmem_reserve),
 * mm/mm_init.c.
 */
#include <string.h>

#include "phys_i.h"

#define BLOCK	 (1u << MAX_ORDER)
#define MAX_RUNS 32

struct run {
	pfn_t start, end;
};

/* ---- spans --------------------------------------------------------------- */

/* A frame number, moved into the zone's part of its node. */
static pfn_t clip(const struct vm *m, const struct zone *z, paddr_t pa)
{
	const struct zone_def *d = &m->arch->zone[z->type];
	const struct numa_node *n = &m->root->node[z->node];

	pa = clamp64(pa, d->start, d->end);
	return (pfn_t)clamp64(pa >> m->page_shift, n->start, n->end);
}

static void zone_span(struct vm *m, struct zone *z)
{
	for (unsigned i = 0; i < m->root->nr_firmware; i++) {
		const struct phys_range *f = &m->root->firmware[i];
		paddr_t from = (f->start + m->page_size - 1);
		pfn_t start, end;

		if (f->kind != PHYS_RAM)
			continue;
		start = clip(m, z, from);
		end = clip(m, z, f->end);
		if (start >= end)
			continue;
		if (!z->present)
			z->start = start;
		z->end = end;
		z->present += end - start;
	}
}

/* ---- the first free blocks ----------------------------------------------- */

/* The largest aligned blocks of [start, end), so that the lowest is first. */
static void seed_blocks(struct vm *m, struct zone *z, pfn_t start, pfn_t end)
{
	while (start < end) {
		unsigned order = (unsigned)__builtin_ctz(end | BLOCK);

		while (1u << order > end - start)
			order--;
		end -= 1u << order;
		buddy_seed(m, z, end, order);
	}
}

/* A run goes to the fresh range, its ragged edges to the lists. */
static void seed_run(struct vm *m, struct zone *z, pfn_t start, pfn_t end)
{
	pfn_t from = (start + BLOCK - 1) & ~(BLOCK - 1);
	pfn_t to = end & ~(BLOCK - 1);

	z->managed += end - start;
	z->nr_free += end - start;
	if (from >= to || z->nr_fresh == 4) {
		seed_blocks(m, z, start, end);
		return;
	}
	seed_blocks(m, z, to, end);
	for (unsigned i = z->nr_fresh++; i > 0; i--)
		z->fresh[i] = z->fresh[i - 1];
	z->fresh[0].start = from;
	z->fresh[0].end = to;
	seed_blocks(m, z, start, from);
}

/* Highest run first: each list then begins with its lowest block. */
static void zone_seed(struct vm *m, struct zone *z)
{
	struct run run[MAX_RUNS];
	unsigned n = 0;
	pfn_t at = z->start, end;

	while (n < MAX_RUNS && phys_next_managed(m, &at, &end)) {
		if (at >= z->end)
			break;
		run[n].start = at;
		run[n++].end = end < z->end ? end : z->end;
		at = end;
	}
	while (n-- > 0)
		seed_run(m, z, run[n].start, run[n].end);
}

/* Pages of a zone that requests for zones up to type j leave alone. */
static uint64_t lowmem_reserve(
	const struct vm *m, const struct zone *z, unsigned j)
{
	uint64_t ratio = m->root->set.lowmem_reserve_ratio[z->type], above = 0;

	if (!z->managed || !ratio)
		return 0;
	for (unsigned k = 1; z->type + k <= j; k++)
		above += z[k].managed;
	return above / ratio;
}

void lowmem_reserves_setup(struct vm *m)
{
	for (unsigned i = 0; i < m->root->nr_zones; i++)
		for (unsigned j = 0; j < m->arch->nr_zones; j++)
			m->lowmem_reserve[i][j] =
				lowmem_reserve(m, &m->root->zone[i], j);
}

/* ---- boot ---------------------------------------------------------------- */

/* The highest zone that ends at or below a limit. */
static uint8_t zone_below(const struct vm *m, uint64_t limit)
{
	uint8_t zone = 0;

	for (uint8_t i = 1; i < m->arch->nr_zones; i++)
		if (m->arch->zone[i].end <= limit)
			zone = i;
	return zone;
}

void phys_reindex(struct vm *m)
{
	uint64_t lowmem = m->arch->lowmem_max;

	m->nofragment_zone = !strcmp(m->arch->zone[1].name, "DMA32") ? 2 : 0;
	m->gfp_zone[GFP_DMA] = 0;
	m->gfp_zone[GFP_DMA32] =
		zone_below(m, lowmem < 4 * GiB ? lowmem : 4 * GiB);
	m->gfp_zone[GFP_KERNEL] = zone_below(m, lowmem);
	m->gfp_zone[GFP_HIGHUSER] = (uint8_t)(m->arch->nr_zones - 1);
	lowmem_reserves_setup(m);
	zonelists_build(m);
}

/* The zero page lies in the kernel's bss, as empty_zero_page of x86 does. */
static void zero_page_boot(struct vm *m)
{
	struct root *r = m->root;
	struct frame *f;

	for (unsigned i = 0; i < r->nr_firmware; i++)
		if (r->firmware[i].kind == PHYS_KERNEL_BSS)
			r->zero_pfn =
				(pfn_t)(r->firmware[i].start >> m->page_shift);
	f = frame_at(m, r->zero_pfn);
	f->state = FRAME_RESERVED;
	f->flags = FR_ZERO;
	phys_mark_used(m, r->zero_pfn + 1);
}

int phys_boot(struct vm *m)
{
	struct root *r = m->root;

	nodes_boot(m);
	firmware_boot(m);
	zero_page_boot(m);
	r->nr_zones = r->config.nodes * m->arch->nr_zones;
	for (unsigned i = 0; i < r->nr_zones; i++) {
		r->zone[i].node = i / m->arch->nr_zones;
		r->zone[i].type = i % m->arch->nr_zones;
		zone_span(m, &r->zone[i]);
		zone_seed(m, &r->zone[i]);
		r->totalram_pages += r->zone[i].managed;
	}
	phys_reindex(m);
	for (unsigned type = 0; type <= kernel_zone(m); type++)
		r->set.lowmem_reserve_ratio[type] =
			type < kernel_zone(m) ? 256 : 32;
	lowmem_reserves_setup(m);
	m->arena.seg[SEG_PCP].used = m->arena.seg[SEG_PCP].reserved;
	watermarks_default(m);
	return 0;
}

/* ---- looks --------------------------------------------------------------- */

uint64_t zone_free_of(
	const struct zone *z, unsigned order, enum migrate_type type)
{
	uint64_t n = z->free[order].nr[type];

	if (order == MAX_ORDER && type == MIGRATE_MOVABLE)
		for (unsigned i = 0; i < z->nr_fresh; i++)
			n += (z->fresh[i].end - z->fresh[i].start) / BLOCK;
	return n;
}

uint64_t zone_free_blocks(const struct zone *z, unsigned order)
{
	uint64_t n = 0;

	for (unsigned type = 0; type < NR_MIGRATE; type++)
		n += zone_free_of(z, order, type);
	return n;
}

const char *zone_name(const struct vm *m, unsigned zone)
{
	return m->arch->zone[zone % m->arch->nr_zones].name;
}

/* The largest reserve for a higher zone, and the high watermark on top. */
static uint64_t zone_reserve(const struct vm *m, unsigned i)
{
	const struct zone *z = &m->root->zone[i];
	uint64_t max = 0;

	for (unsigned j = z->type + 1; j < m->arch->nr_zones; j++) {
		uint64_t r = zone_lowmem_reserve(m, i, j);

		if (r > max)
			max = r;
	}
	max += z->high;
	return max < z->managed ? max : z->managed;
}

uint64_t phys_total_reserve(const struct vm *m)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < m->root->nr_zones; i++)
		sum += zone_reserve(m, i);
	return sum;
}
