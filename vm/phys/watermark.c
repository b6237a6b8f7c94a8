/*
 * Watermarks: how many pages each zone keeps free.
 *
 * Source: Linux mm/page_alloc.c (__setup_per_zone_wmarks,
 * calculate_min_free_kbytes, boost_watermark), mm/khugepaged.c
 * (set_recommended_min_free_kbytes).
 */
#include "../number.h"
#include "../reclaim/policy.h"
#include "pcp.h"
#include "phys_i.h"

/* Managed pages that the kernel maps directly. */
static uint64_t lowmem_pages(const struct vm *m)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < m->root->nr_zones; i++)
		if (m->root->zone[i].type <= kernel_zone(m))
			sum += m->root->zone[i].managed;
	return sum;
}

void watermark_set_boost(struct zone *z, uint64_t boost)
{
	z->min += boost - z->boost;
	z->low += boost - z->boost;
	z->high += boost - z->boost;
	z->boost = boost;
}

void watermarks_setup(struct vm *m)
{
	uint64_t pages_min =
		m->root->set.min_free_kbytes >> (m->page_shift - 10);
	uint64_t lowmem = lowmem_pages(m);

	for (unsigned i = 0; i < m->root->nr_zones; i++) {
		struct zone *z = &m->root->zone[i];
		uint64_t base = pages_min * z->managed / lowmem;
		uint64_t step = z->managed *
				m->root->set.watermark_scale_factor / 10000;

		z->boost = 0;
		z->min = base;
		if (z->type > kernel_zone(m))
			z->min = clamp64(z->managed / 1024, 32, 128);
		if (step < base / 4)
			step = base / 4;
		z->low = z->min + step;
		z->high = z->low + step;
	}
	pcp_setup(m);
}

void watermarks_ask(struct vm *m, uint32_t kbytes)
{
	m->root->set.min_free_kbytes = kbytes;
	m->root->set.min_free_asked = kbytes + 1;
	watermarks_setup(m);
}

/* Two page blocks of each zone, and some for every pair of types: so many that
 * huge pages are likely to be found; a twentieth of low memory at most. */
static uint64_t huge_page_kbytes(const struct vm *m)
{
	uint64_t nr_zones = 0, low = 0, pages;

	for (unsigned i = 0; i < m->root->nr_zones; i++) {
		const struct zone *z = &m->root->zone[i];

		if (!z->managed || z->type > kernel_zone(m))
			continue;
		nr_zones++;
		low += z->managed > z->high ? z->managed - z->high : 0;
	}
	pages = nr_zones * (2 + NR_PCPTYPES * NR_PCPTYPES)
		<< m->pageblock_order;
	return (pages < low / 20 ? pages : low / 20) << (m->page_shift - 10);
}

void watermarks_default(struct vm *m)
{
	struct settings *set = &m->root->set;
	uint64_t kbytes = lowmem_pages(m) << (m->page_shift - 10);
	uint64_t least = 0;

	kbytes = number_sqrt(kbytes * 16);
	if (huge_pages_wanted(set))
		least = huge_page_kbytes(m);
	else if (kbytes + 1 > set->min_free_asked)
		set->min_free_kbytes = (uint32_t)clamp64(kbytes, 128, 262144);
	if (least > set->min_free_kbytes)
		set->min_free_kbytes = (uint32_t)least;
	watermarks_setup(m);
}

bool watermark_boost(struct vm *m, struct zone *z)
{
	uint64_t block = pageblock_pages(m);
	uint64_t most = (z->high - z->boost) *
			m->root->set.watermark_boost_factor / 10000;

	/* under a textbook policy no daemon would take the pages back */
	if (!most || 4 * block > z->managed || policy_on(m))
		return false;
	most = most > block ? most : block;
	watermark_set_boost(
		z, z->boost + block < most ? z->boost + block : most);
	return true;
}
