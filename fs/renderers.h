/*
 * The functions behind the rows of the node table, by source file.
 */
#ifndef PAGEFS_FS_RENDERERS_H
#define PAGEFS_FS_RENDERERS_H

#include "show.h"

/* show_machine.c: files about the mount and the machine as a whole */
show_fn show_readme, show_config, show_stats, show_state_hash, show_last;
show_fn show_check;
show_fn show_task_last, show_topic, show_timelines;

/* show_input.c: the memory of a process, and recorded programs */
pread_fn pread_mem;
show_fn show_strace;

/* show_link.c */
show_fn show_self, show_thread_self, show_hostpid, show_mounts, show_net;

/* show_*.c of proc/PID/ */
show_fn show_maps, show_smaps, show_smaps_rollup, show_status, show_stat,
	show_thread_stat;
show_fn show_statm, show_comm, show_oom_score, show_oom_score_adj;
show_fn show_oom_adj, show_limits, show_cmdline, show_environ, show_auxv;
show_fn show_weight, show_weight_auto;
show_fn show_numa_maps, show_nothing;
uint16_t fd_mode(const struct view *v, uint64_t id);
uint16_t map_file_mode(const struct view *v, uint64_t id);
bool has_compat(const struct view *v, uint64_t id);
bool has_exe(const struct view *v, uint64_t id);
show_fn show_map_file, show_exe, show_root_link, show_pagetable, show_vmas,
	show_stacks, show_trace;
show_fn show_fd, show_fdinfo, show_io, show_thread_io, show_personality;
pread_fn pread_pagemap;

/* show_meminfo.c, show_zoneinfo.c, show_system.c, show_iomem.c */
show_fn show_meminfo, show_buddyinfo, show_pagetypeinfo, show_zoneinfo,
	show_vmstat;
show_fn show_unusable_index, show_extfrag_index;
show_fn show_uptime, show_loadavg, show_version, show_system_stat;
show_fn show_cpuinfo, show_filesystems, show_swaps, show_iomem;

/* show_cache.c */
show_fn show_cache_object_size, show_cache_slab_size, show_cache_align,
	show_cache_order, show_cache_objs_per_slab, show_cache_min_partial,
	show_cache_cpu_partial, show_cache_reclaim_account,
	show_cache_hwcache_align, show_cache_cache_dma, show_cache_slabs,
	show_cache_partial, show_cache_total_objects, show_cache_objects,
	show_cache_objects_partial, show_cache_cpu_slabs,
	show_cache_slabs_cpu_partial;

/* show_slab.c, show_disks.c, show_sysctl.c, show_node.c */
show_fn show_dentry_state, show_inode_nr, show_inode_state;
show_fn show_slabinfo, show_slabs, show_diskstats, show_partitions;
bool disk_is_zram(const struct view *v, uint64_t id);
show_fn show_zram_algorithm, show_zram_disksize, show_zram_initstate;
show_fn show_zram_io_stat, show_zram_mm_stat, show_zram_debug_stat;
show_fn show_zram_backing, show_zram_bd_stat, show_zram_recomp;
show_fn show_zram_wb_limit, show_zram_wb_limit_enable;
show_fn show_disk_stat, show_disk_size, show_disk_dev, show_disk_inflight;
show_fn show_disk_no, show_disk_block, show_disk_rotational, show_disk_link;
show_fn show_max_map_count, show_mmap_min_addr, show_overcommit_memory;
show_fn show_overcommit_ratio, show_admin_reserve_kbytes,
	show_overcommit_kbytes, show_user_reserve_kbytes, show_min_free_kbytes;
show_fn show_watermark_scale_factor, show_lowmem_reserve_ratio;
show_fn show_oom_dump_tasks, show_oom_kill_allocating_task;
show_fn show_panic_on_oom, show_pressure_cpu, show_pressure_io;
show_fn show_pressure_memory;
show_fn show_watermark_boost_factor, show_percpu_pagelist_high_fraction;
show_fn show_stat_interval, show_compact_unevictable_allowed;
show_fn show_compaction_proactiveness, show_extfrag_threshold;
show_fn show_vfs_cache_pressure, show_vfs_cache_pressure_denom, show_swappiness,
	show_page_cluster, show_dmesg;
show_fn show_dirty_ratio, show_dirty_background_ratio, show_legacy_va_layout,
	show_min_slab_ratio, show_min_unmapped_ratio, show_numa_stat,
	show_numa_zonelist_order, show_mmap_rnd_bits, show_mmap_rnd_compat_bits,
	show_zone_reclaim_mode, show_randomize_va_space;
show_fn show_dirty_bytes, show_dirty_background_bytes;
show_fn show_dirty_expire_centisecs, show_dirty_writeback_centisecs;
show_fn show_pid_max, show_ostype, show_osrelease, show_kernel_version;
show_fn show_file_nr;
show_fn show_node_meminfo, show_node_vmstat, show_node_numastat;
show_fn show_node_distance, show_node_list, show_node_has_cpu, show_node_link,
	show_node_none;
show_fn show_node_cpumap, show_node_cpulist, show_core_siblings;
show_fn show_package_id, show_cpu_list;
show_fn show_cpu_max, show_cpu_link, show_core_id, show_cpu_bit;
show_fn show_pool_free, show_pool_nr, show_pool_overcommit, show_pool_resv;
show_fn show_pool_surplus, show_pool_demote_size;
show_fn show_node_pool_free, show_node_pool_nr, show_node_pool_surplus;
/* Pages of that size can become smaller ones. */
bool pool_demotes(const struct view *v, uint64_t id);
show_fn show_nr_hugepages, show_nr_overcommit_hugepages;
show_fn show_thp_enabled, show_thp_defrag, show_thp_use_zero_page;
show_fn show_thp_shmem_enabled, show_thp_shmem_2048kB, show_pmd_size;
show_fn show_khugepaged_alloc_sleep_millisecs, show_khugepaged_defrag;
show_fn show_khugepaged_full_scans, show_khugepaged_max_ptes_none;
show_fn show_khugepaged_max_ptes_shared, show_khugepaged_max_ptes_swap;
show_fn show_khugepaged_pages_collapsed, show_khugepaged_pages_to_scan;
show_fn show_khugepaged_scan_sleep_millisecs;
/* The value of a setting as text. */
void setting_value(
	const struct view *v, const char *key, char *value, size_t size);

/* show_cpu.c, show_walk.c */
show_fn show_regs, show_tlb;
query_fn query_walk;

/* show_phys.c */
pread_fn pread_ram;
show_fn show_frames, show_zones, show_policy, show_evictions;

/* show_kpage.c */
pread_fn pread_kpagecount, pread_kpageflags;

#endif
