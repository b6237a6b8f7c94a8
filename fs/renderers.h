/*
 * The functions behind the rows of the node table, by source file.
 */
#ifndef PAGEFS_FS_RENDERERS_H
#define PAGEFS_FS_RENDERERS_H

#include "show.h"

/* show_machine.c: files about the mount and the machine as a whole */
show_fn show_readme, show_config, show_stats, show_state_hash, show_last;
show_fn show_task_last, show_topic;

/* show_input.c: the memory of a process, and recorded programs */
pread_fn pread_mem;
show_fn show_strace;

/* show_link.c */
show_fn show_self, show_thread_self, show_hostpid, show_mounts;

/* show_*.c of proc/PID/ */
show_fn show_maps, show_smaps, show_smaps_rollup, show_status, show_stat;
show_fn show_statm, show_comm, show_oom_score, show_oom_score_adj;
show_fn show_oom_adj, show_limits, show_cmdline, show_environ, show_auxv;
show_fn show_numa_maps, show_clear_refs;
show_fn show_exe, show_root_link, show_pagetable, show_vmas, show_trace;
pread_fn pread_pagemap;

/* show_meminfo.c, show_zoneinfo.c, show_system.c, show_iomem.c */
show_fn show_meminfo, show_buddyinfo, show_zoneinfo, show_vmstat;
show_fn show_uptime, show_loadavg, show_version, show_system_stat;
show_fn show_cpuinfo, show_filesystems, show_swaps, show_iomem;

/* show_cpu.c, show_walk.c */
show_fn show_regs, show_tlb;
query_fn query_walk;

/* show_phys.c */
pread_fn pread_ram;
show_fn show_frames, show_zones;

/* show_kpage.c */
pread_fn pread_kpagecount, pread_kpageflags;

#endif
