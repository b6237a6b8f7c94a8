/*
 * Every counter of the machine, once: its enum, and its name in stats.
 * Counters only grow.
 */
#ifndef PAGEFS_VM_COUNTERS_H
#define PAGEFS_VM_COUNTERS_H

#define VM_COUNTERS(X)                                                 \
	X(COMMANDS, "commands")                                        \
	X(ACCESSES, "accesses")                                        \
	X(LOADS, "loads")                                              \
	X(STORES, "stores")                                            \
	X(FETCHES, "fetches")                                          \
	X(TLB_LOOKUPS, "tlb_lookups")                                  \
	X(TLB_L1_HITS, "tlb_l1_hits")                                  \
	X(TLB_L2_HITS, "tlb_l2_hits")                                  \
	X(TLB_MISSES, "tlb_misses")                                    \
	X(TLB_FLUSH_PAGE, "tlb_flush_page")                            \
	X(TLB_FLUSH_ASID, "tlb_flush_asid")                            \
	X(TLB_FLUSH_ALL, "tlb_flush_all")                              \
	X(WALKS, "page_walks")                                         \
	X(WALK_REFS, "page_walk_refs")                                 \
	X(CONTEXT_SWITCHES, "context_switches")                        \
	X(PGFAULT, "pgfault")                                          \
	X(PGMAJFAULT, "pgmajfault")                                    \
	X(FAULT_ZERO, "fault_zero_page")                               \
	X(FAULT_ANON, "fault_anon")                                    \
	X(FAULT_FILE, "fault_file")                                    \
	X(FAULT_SHARED, "fault_shared")                                \
	X(FAULT_COW, "fault_cow")                                      \
	X(FAULT_REUSE, "fault_reuse")                                  \
	X(FAULT_STACK, "fault_stack_growth")                           \
	X(FAULT_AROUND, "fault_around_pages")                          \
	X(SEGV_MAPERR, "segv_maperr")                                  \
	X(SEGV_ACCERR, "segv_accerr")                                  \
	X(SEGV_KERNEL, "segv_general_protection")                      \
	X(BUS_ADRERR, "bus_adrerr")                                    \
	X(PGALLOC, "pgalloc")                                          \
	X(PGFREE, "pgfree")                                            \
	X(PGMIGRATE_SUCCESS, "pgmigrate_success")                      \
	X(PGMIGRATE_FAIL, "pgmigrate_fail")                            \
	X(COMPACT_MIGRATE_SCANNED, "compact_migrate_scanned")          \
	X(COMPACT_FREE_SCANNED, "compact_free_scanned")                \
	X(COMPACT_ISOLATED, "compact_isolated")                        \
	X(COMPACT_STALL, "compact_stall")                              \
	X(COMPACT_FAIL, "compact_fail")                                \
	X(COMPACT_SUCCESS, "compact_success")                          \
	X(KCOMPACTD_WAKE, "compact_daemon_wake")                       \
	X(KCOMPACTD_MIGRATE_SCANNED, "compact_daemon_migrate_scanned") \
	X(KCOMPACTD_FREE_SCANNED, "compact_daemon_free_scanned")       \
	X(DROP_PAGECACHE, "drop_pagecache")                            \
	X(DROP_SLAB, "drop_slab")                                      \
	X(SLABS_SCANNED, "slabs_scanned")                              \
	X(BUDDY_SPLIT, "buddy_splits")                                 \
	X(BUDDY_MERGE, "buddy_merges")                                 \
	X(MMAP, "mmap")                                                \
	X(MUNMAP, "munmap")                                            \
	X(VMA_MERGE, "vma_merges")                                     \
	X(VMA_SPLIT, "vma_splits")                                     \
	X(FORKS, "forks")                                              \
	X(EXECS, "execs")                                              \
	X(PGPGIN, "pgpgin")                                            \
	X(PGPGOUT, "pgpgout")                                          \
	X(MLOCKED, "mlocked_pages")                                    \
	X(MUNLOCKED, "munlocked_pages")                                \
	X(MLOCK_CLEARED, "mlocked_pages_freed")                        \
	X(CULLED, "unevictable_culled")                                \
	X(RESCUED, "unevictable_rescued")                              \
	X(DIRTIED, "nr_dirtied")                                       \
	X(WRITTEN, "nr_written")                                       \
	X(THROTTLED, "balance_dirty_pages")                            \
	X(PSWPIN, "pswpin")                                            \
	X(PSWPOUT, "pswpout")                                          \
	X(SWPIN_ZERO, "swpin_zero")                                    \
	X(SWPOUT_ZERO, "swpout_zero")                                  \
	X(SWAP_RA, "swap_ra")                                          \
	X(SWAP_RA_HIT, "swap_ra_hit")                                  \
	X(PGSCAN_KSWAPD, "pgscan_kswapd")                              \
	X(PGSCAN_DIRECT, "pgscan_direct")                              \
	X(PGSCAN_PROACTIVE, "pgscan_proactive")                        \
	X(PGSTEAL_KSWAPD, "pgsteal_kswapd")                            \
	X(PGSTEAL_DIRECT, "pgsteal_direct")                            \
	X(PGSTEAL_PROACTIVE, "pgsteal_proactive")                      \
	X(PGSCAN_ANON, "pgscan_anon")                                  \
	X(PGSCAN_FILE, "pgscan_file")                                  \
	X(PGSTEAL_ANON, "pgsteal_anon")                                \
	X(PGSTEAL_FILE, "pgsteal_file")                                \
	X(PGACTIVATE, "pgactivate")                                    \
	X(PGDEACTIVATE, "pgdeactivate")                                \
	X(PGREFILL, "pgrefill")                                        \
	X(PGLAZYFREE, "pglazyfree")                                    \
	X(PGLAZYFREED, "pglazyfreed")                                  \
	X(REFAULT_ANON, "refault_anon")                                \
	X(REFAULT_FILE, "refault_file")                                \
	X(REFAULT_ACTIVATE_ANON, "refault_activate_anon")              \
	X(REFAULT_ACTIVATE_FILE, "refault_activate_file")              \
	X(REFAULT_RESTORE_ANON, "refault_restore_anon")                \
	X(REFAULT_RESTORE_FILE, "refault_restore_file")                \
	X(ALLOCSTALL_NORMAL, "allocstall_normal")                      \
	X(ALLOCSTALL_MOVABLE, "allocstall_movable")                    \
	X(PAGEOUTRUN, "pageoutrun")                                    \
	X(POLICY_PAGE_IN, "policy_page_in")                            \
	X(POLICY_EVICT, "policy_evict")                                \
	X(OOM_KILL, "oom_kill")                                        \
	X(TRACE_ACCESSES, "trace_accesses")                            \
	X(TRACE_OUTSIDE, "trace_outside")                              \
	X(THP_FAULT_ALLOC, "thp_fault_alloc")                          \
	X(THP_FAULT_FALLBACK, "thp_fault_fallback")                    \
	X(THP_COLLAPSE_ALLOC, "thp_collapse_alloc")                    \
	X(THP_COLLAPSE_FAIL, "thp_collapse_alloc_failed")              \
	X(THP_EXCEED_NONE, "thp_scan_exceed_none_pte")                 \
	X(THP_EXCEED_SWAP, "thp_scan_exceed_swap_pte")                 \
	X(THP_EXCEED_SHARE, "thp_scan_exceed_share_pte")               \
	X(THP_ZERO_PAGE_ALLOC, "thp_zero_page_alloc")                  \
	X(THP_FILE_ALLOC, "thp_file_alloc")                            \
	X(THP_FILE_FALLBACK, "thp_file_fallback")                      \
	X(THP_FILE_MAPPED, "thp_file_mapped")                          \
	X(THP_ZERO_PAGE_FAIL, "thp_zero_page_alloc_failed")            \
	X(THP_SPLIT_PAGE, "thp_split_page")                            \
	X(THP_SPLIT_PMD, "thp_split_pmd")                              \
	X(THP_MIGRATION_SUCCESS, "thp_migration_success")              \
	X(THP_MIGRATION_FAIL, "thp_migration_fail")                    \
	X(THP_MIGRATION_SPLIT, "thp_migration_split")                  \
	X(ZONE_RECLAIM_SUCCESS, "zone_reclaim_success")                \
	X(ZONE_RECLAIM_FAILED, "zone_reclaim_failed")

enum vm_counter {
#define X(id, name) CNT_##id,
	VM_COUNTERS(X)
#undef X
		NR_COUNTERS
};

/* What a frame in use holds; meminfo's lines are sums of these. */
enum page_use {
	USE_ANON,  /* private anonymous */
	USE_FILE,  /* page cache of disk/ files */
	USE_SHMEM, /* page cache of shared anonymous objects */
	USE_PGTABLE,
	USE_STACK,		/* kernel stacks */
	USE_KERNEL,		/* other unmovable pages */
	USE_HUGETLB,		/* the pool of huge pages, free ones too */
	USE_ZPOOL,		/* compressed pages of /dev/zram0 */
	USE_SLAB_RECLAIMABLE,	/* kernel objects, see slab/ */
	USE_SLAB_UNRECLAIMABLE, /* and large blocks of kmalloc */
	NR_PAGE_USES
};

#endif
