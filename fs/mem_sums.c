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

void mem_sums(const struct vm *m, unsigned node, struct mem_sums *s)
{
	unsigned nr = node == ALL_NODES ? m->root->nr_zones : m->arch->nr_zones;
	unsigned first = node == ALL_NODES ? 0 : node * nr;
	const struct zone *z = &m->root->zone[first];

#define SUM(field) zones_sum(m, first, nr, offsetof(struct zone, field))
	memset(s, 0, sizeof(*s));
	for (unsigned i = 0; i < nr; i++)
		s->blocks_free += zone_block_pages(m, &z[i]);
	s->total = SUM(managed);
	s->free = SUM(nr_free);
	s->low_watermark = SUM(low);
	s->reserve = phys_total_reserve(m);
	/* AnonPages are those that are mapped */
	s->anon = SUM(pages[USE_ANON]) - SUM(swap_idle);
	s->anon_huge = SUM(anon_huge) << huge_order(m);
	s->shmem_huge = SUM(shmem_huge) << huge_order(m);
	s->shmem_pmd = SUM(shmem_huge_mapped) << huge_order(m);
	s->file = SUM(pages[USE_FILE]);
	s->shmem = SUM(pages[USE_SHMEM]);
	s->pgtable = SUM(pages[USE_PGTABLE]);
	s->stack = SUM(pages[USE_STACK]);
	s->kernel = SUM(pages[USE_KERNEL]);
	s->slab_reclaimable = SUM(pages[USE_SLAB_RECLAIMABLE]);
	s->slab_unreclaimable = SUM(pages[USE_SLAB_UNRECLAIMABLE]);
	s->mapped = SUM(mapped);
	s->dirty = SUM(dirty);
	s->inactive_anon = SUM(nr_lru[LRU_INACTIVE_ANON]);
	s->active_anon = SUM(nr_lru[LRU_ACTIVE_ANON]);
	s->inactive_file = SUM(nr_lru[LRU_INACTIVE_FILE]);
	s->active_file = SUM(nr_lru[LRU_ACTIVE_FILE]);
	s->unevictable = s->mlocked = SUM(nr_lru[LRU_UNEVICTABLE]);
	s->swap_cached = SUM(swap_cached);
	s->swap = swap_total(m);
	s->swap_free = swap_free(m);
	s->commit_limit = mm_commit_limit(m);
#undef SUM
}
