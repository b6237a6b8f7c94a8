#include "mem_sums.h"

#include <string.h>

#include "../vm/mm/mm.h"
#include "../vm/phys/lru.h"
#include "../vm/swap/swap.h"
#include "../vm/mmu/mmu.h"
#include "../vm/task/task.h"

uint64_t zone_block_pages(const struct vm *m, const struct zone *z)
{
	uint64_t pages = 0;

	for (unsigned o = m->pageblock_order; o < NR_ORDERS; o++)
		pages += zone_free_blocks(z, o) << o;
	return pages;
}

void mem_sums(const struct vm *m, struct mem_sums *s)
{
	const struct root *r = m->root;

	memset(s, 0, sizeof(*s));
	for (unsigned i = 0; i < r->nr_zones; i++) {
		s->free += r->zone[i].nr_free;
		s->blocks_free += zone_block_pages(m, &r->zone[i]);
		s->low_watermark += r->zone[i].low;
	}
	s->reserve = phys_total_reserve(m);
	s->anon = r->pages[USE_ANON];
	s->anon_huge = r->anon_huge << huge_order(m);
	s->file = r->pages[USE_FILE];
	s->shmem = r->pages[USE_SHMEM];
	s->pgtable = r->pages[USE_PGTABLE];
	s->stack = r->pages[USE_STACK];
	s->kernel = r->pages[USE_KERNEL];
	s->mapped = r->mapped;
	s->dirty = r->dirty;
	s->inactive_anon = lru_size(m, LRU_INACTIVE_ANON);
	s->active_anon = lru_size(m, LRU_ACTIVE_ANON);
	s->inactive_file = lru_size(m, LRU_INACTIVE_FILE);
	s->active_file = lru_size(m, LRU_ACTIVE_FILE);
	s->unevictable = s->mlocked = lru_size(m, LRU_UNEVICTABLE);
	s->swap = swap_total(m);
	s->swap_free = swap_free(m);
	s->swap_cached = r->swap_cached;
	s->anon -= r->swap_idle; /* AnonPages are those that are mapped */
	s->commit_limit = mm_commit_limit(m);
}
