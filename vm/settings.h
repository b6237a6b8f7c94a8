/*
 * What whoever runs a machine chooses: its configuration, once, and settings,
 * which commands change.
 */
#ifndef PAGEFS_VM_SETTINGS_H
#define PAGEFS_VM_SETTINGS_H

#include "arch/arch.h"
#include "types.h"

#define MAX_NODES 8

/*
 * The configuration of a machine: fixed at creation, stored by name in the
 * database.  vm_config_set() reads a value, vm_config_get() writes it.
 */
struct vm_config {
	char arch[16];
	uint64_t ram;  /* bytes */
	uint64_t swap; /* bytes */
	uint64_t disk; /* bytes of file data that disk/ can hold */
	uint32_t cpus;
	uint32_t nodes; /* NUMA nodes that RAM and processors are spread over */
	uint32_t pcid;	/* 1: entries carry an address-space id */
	struct tlb_geometry tlb;
	uint64_t seed;	     /* of every random choice */
	uint64_t aslr;	     /* settings.aslr at the beginning */
	uint32_t vsyscall;   /* 0 none, 1 xonly, 2 emulate */
	uint32_t soft_dirty; /* 1: stores are tracked, see mm/soft_dirty.h */
	uint32_t lz4, zstd;  /* the libraries' versions, see swap/zcomp.h */
	uint32_t policy;     /* settings.policy at the beginning */
	uint32_t frames;     /* settings.frames at the beginning */
	/* of the nodes from each other, see numa/distance.c */
	uint32_t nr_distances;
	uint8_t distance[MAX_NODES * MAX_NODES];
	uint32_t
		given; /* keys that a later arch= leaves alone; 0 once booted */
};

/* Settings that `set KEY VALUE` changes; see cmd/settings.c for the names. */
struct settings {
	uint32_t segv_kill;	 /* a refused access kills the process */
	uint32_t trace_map_auto; /* traces map what they touch */
	uint32_t overcommit_memory;
	int32_t overcommit_ratio; /* percent of RAM; 0: the kbytes count */
	uint32_t max_map_count;
	uint32_t stack_guard_gap;   /* pages */
	uint64_t overcommit_kbytes; /* 0: the ratio counts */
	uint64_t admin_reserve_kbytes, user_reserve_kbytes;
	uint64_t mmap_min_addr;	    /* permission check */
	uint64_t mmap_min_addr_lsm; /* the LSM's own minimum */
	uint32_t fault_around_pages;
	uint32_t thp_enabled;	/* enum thp_when */
	uint32_t shmem_enabled; /* enum shmem_huge */
	uint32_t shmem_mount;	/* the one of the mount of nameless objects */
	uint32_t shmem_pmd;	/* enum shmem_pmd */
	uint32_t thp_defrag;	/* enum thp_defrag */
	uint32_t thp_zero_page; /* reads of nothing get the huge zero page */
	struct {
		uint32_t defrag, pages_to_scan;
		uint32_t max_ptes_none, max_ptes_swap, max_ptes_shared;
		uint32_t scan_sleep_millisecs, alloc_sleep_millisecs;
	} khugepaged; /* see mm/khugepaged.h */
	uint32_t cost_syscall_ns, cost_fault_ns;
	uint32_t cost_mem_ns, cost_tlb_ns;
	uint32_t read_ahead_kb;
	uint32_t swappiness;
	uint32_t vfs_cache_pressure, vfs_cache_pressure_denom;
	uint32_t panic_on_oom, oom_kill_allocating_task, oom_dump_tasks;
	uint32_t cost_io_ns, cost_reclaim_ns; /* see kernel/psi.h */
	/* watermarks, see phys/zone.c; asked: what was set, plus 1, 0 nothing
	 */
	uint32_t min_free_kbytes, min_free_asked;
	uint32_t watermark_scale_factor, watermark_boost_factor;
	uint32_t percpu_pagelist_high_fraction; /* 0: tuned by itself */
	uint32_t stat_interval;			/* seconds */
	uint32_t compaction_proactiveness, extfrag_threshold;
	uint32_t compact_unevictable_allowed;
	uint32_t page_cluster; /* swap is read 1 << page_cluster at a time */
	/* writeback; of a ratio and its bytes the one that is not 0 counts */
	uint32_t dirty_ratio, dirty_background_ratio; /* percent */
	uint64_t
		nr_hugepages; /* what the pool keeps; set by hugetlb_resize() */
	uint64_t nr_overcommit_hugepages;
	uint64_t dirty_bytes, dirty_background_bytes;
	uint32_t dirty_expire_centisecs, dirty_writeback_centisecs;
	uint64_t aslr; /* seed of random address layouts, 0 none */
	/* pages of weighted interleave; by_hand: no bandwidths decide */
	uint8_t il_weight[MAX_NODES];
	uint32_t il_by_hand;
	uint32_t numa_stat; /* NUMA events are counted */
	/* see reclaim/node_reclaim.c: bits, and percent of a node */
	uint32_t zone_reclaim_mode, min_unmapped_ratio, min_slab_ratio;
	uint32_t legacy_va_layout; /* mappings from the bottom up */
	uint32_t mmap_rnd_bits, mmap_rnd_compat_bits; /* see task/aslr.c */
	/* by type of zone: it keeps 1 part in so many of those above */
	uint32_t lowmem_reserve_ratio[MAX_ZONES + 1];
	uint32_t zonelist_order; /* 0: by node, the only one */
	/* replacement, see reclaim/policy.h */
	uint32_t policy;      /* enum policy; set by policy_set() */
	uint32_t frames;      /* pages that it keeps at most, 0: what fits */
	uint64_t policy_tick; /* accesses between two ticks of its timer */
	uint64_t ws_window;   /* accesses that a working set looks back */
};

enum thp_when { THP_NEVER, THP_MADVISE, THP_ALWAYS };

/* Who gets large pages of shared memory, see mm/shmem_huge.c. */
enum shmem_huge {
	SHMEM_HUGE_NEVER,
	SHMEM_HUGE_ALWAYS,
	SHMEM_HUGE_WITHIN_SIZE,
	SHMEM_HUGE_ADVISE,
	SHMEM_HUGE_DENY,
	SHMEM_HUGE_FORCE,
};

enum shmem_pmd {
	SHMEM_PMD_INHERIT,
	SHMEM_PMD_NEVER,
	SHMEM_PMD_ALWAYS,
	SHMEM_PMD_WITHIN_SIZE,
	SHMEM_PMD_ADVISE,
};

/* Whether khugepaged has work: hugepage_pmd_enabled(). */
static inline bool huge_pages_wanted(const struct settings *s)
{
	if (s->thp_enabled != THP_NEVER)
		return true;
	return s->shmem_enabled != SHMEM_HUGE_DENY &&
	       (s->shmem_pmd == SHMEM_PMD_INHERIT
			       ? s->shmem_enabled != SHMEM_HUGE_NEVER
			       : s->shmem_pmd != SHMEM_PMD_NEVER);
}

/* Which faults have memory compacted and taken back for a huge page: none, of
 * VMAs that asked for them, all; or the daemons do it (of all, of the others).
 */
enum thp_defrag {
	DEFRAG_NEVER,
	DEFRAG_MADVISE,
	DEFRAG_DEFER,
	DEFRAG_DEFER_MADVISE,
	DEFRAG_ALWAYS
};

#endif
