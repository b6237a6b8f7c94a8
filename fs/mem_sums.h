/*
 * Sums over the frames in use, of the machine or of a node: what meminfo,
 * zoneinfo and vmstat print.  Counters of the machine's state, each proved by
 * vm_check(): asking costs the same however much memory is in use.
 */
#ifndef PAGEFS_FS_MEM_SUMS_H
#define PAGEFS_FS_MEM_SUMS_H

#include "../vm/phys/phys.h"

struct mem_sums {
	/* pages */
	uint64_t total;		    /* managed */
	uint64_t free, blocks_free; /* blocks: in free blocks >= pageblock */
	uint64_t anon, file, shmem;
	uint64_t anon_huge;		/* in huge entries */
	uint64_t shmem_huge, shmem_pmd; /* huge pages; in huge entries */
	uint64_t pgtable; /* page tables, the kernel's own included */
	uint64_t stack;	  /* kernel stacks */
	uint64_t kernel;  /* the kernel's other pages */
	uint64_t slab_reclaimable, slab_unreclaimable;
	uint64_t mapped; /* file and shmem pages that a process maps */
	uint64_t dirty, mlocked;
	uint64_t active_anon, inactive_anon, active_file, inactive_file;
	uint64_t unevictable;
	uint64_t low_watermark; /* sum over zones */
	uint64_t swap_cached;
	/* of the machine, whatever the node: */
	uint64_t reserve; /* what allocations leave free */
	uint64_t swap, swap_free;
	uint64_t commit_limit;
};

/* Of one node, or of the machine. */
#define ALL_NODES MAX_NODES
void mem_sums(const struct vm *m, unsigned node, struct mem_sums *s);
/* Free pages of a zone that lie in blocks of a pageblock or more. */
uint64_t zone_block_pages(const struct vm *m, const struct zone *z);

#endif
