#include "mem_sums.h"

#include <string.h>

#include "../vm/task/task.h"

uint64_t zone_block_pages(const struct zone *z)
{
	uint64_t pages = 0;

	for (unsigned o = PAGEBLOCK_ORDER; o < NR_ORDERS; o++)
		pages += zone_free_blocks(z, o) << o;
	return pages;
}

/* The largest reserve for a higher zone, and the high watermark on top. */
static uint64_t zone_reserve(const struct vm *m, unsigned i)
{
	const struct zone *z = &m->root->zone[i];
	uint64_t max = 0;

	for (unsigned j = i + 1; j < m->root->nr_zones; j++) {
		uint64_t r = zone_lowmem_reserve(m, i, j);

		if (r > max)
			max = r;
	}
	max += z->high;
	return max < z->managed ? max : z->managed;
}

static void add_frame(struct mem_sums *s, const struct frame *f, unsigned order)
{
	bool anon = f->state == FRAME_ANON, file = f->state == FRAME_FILE;
	bool shmem = f->state == FRAME_SHMEM;

	if (f->state == FRAME_PGTABLE)
		s->pgtable += 1ull << order;
	else if (f->state == FRAME_KERNEL)
		s->kernel += 1ull << order;
	if (!anon && !file && !shmem)
		return;
	if (!anon && f->mapcount)
		s->mapped++;
	if (file && f->flags & FR_DIRTY)
		s->dirty++;
	if (f->flags & FR_MLOCKED) {
		s->mlocked++;
		s->unevictable++;
	} else if (file) {
		*(f->flags & FR_ACTIVE ? &s->active_file : &s->inactive_file) +=
			1;
	} else {
		/* shared memory goes to swap: it ages with anonymous pages */
		*(f->flags & FR_ACTIVE ? &s->active_anon : &s->inactive_anon) +=
			1;
	}
}

static void add_frames(const struct vm *m, struct mem_sums *s)
{
	unsigned order;

	for (pfn_t pfn = 0; phys_next_used(m, &pfn, &order);
		pfn += (pfn_t)1 << order)
		add_frame(s, frame_at(m, pfn), order);
}

void mem_sums(const struct vm *m, struct mem_sums *s)
{
	const struct root *r = m->root;

	memset(s, 0, sizeof(*s));
	for (unsigned i = 0; i < r->nr_zones; i++) {
		s->free += r->zone[i].nr_free;
		s->blocks_free += zone_block_pages(&r->zone[i]);
		s->reserve += zone_reserve(m, i);
		s->low_watermark += r->zone[i].low;
	}
	s->anon = r->pages[USE_ANON];
	s->file = r->pages[USE_FILE];
	s->shmem = r->pages[USE_SHMEM];
	if (r->config.swap) /* its first page is the header */
		s->swap = (r->config.swap >> m->page_shift) - 1;
	s->commit_limit =
		r->totalram_pages * r->set.overcommit_ratio / 100 + s->swap;
	add_frames(m, s);
}
