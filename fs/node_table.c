/*
 * The files of the mount.  Order is the order of readdir.
 */
#include "node.h"
#include "renderers.h"

#define DIRECTORY(p, m, h)                                        \
	{                                                         \
		.path = p, .kind = NODE_DIR, .mode = m, .help = h \
	}
#define TEXT(p, m, s, h)                                                      \
	{                                                                     \
		.path = p, .kind = NODE_TEXT, .mode = m, .show = s, .help = h \
	}
#define LOOK(p, m, s, h)                                            \
	{                                                           \
		.path = p, .kind = NODE_TEXT, .mode = m, .show = s, \
		.looks = true, .help = h                            \
	}
#define LOOK_LINK(p, s, h)                                             \
	{                                                              \
		.path = p, .kind = NODE_LINK, .mode = 0777, .show = s, \
		.looks = true, .help = h                               \
	}
#define SIZED(p, m, s, h)                                                     \
	{                                                                     \
		.path = p, .kind = NODE_FILE, .mode = m, .show = s, .help = h \
	}
#define CONSTANT(p, m, s, h)                                               \
	{                                                                  \
		.path = p, .kind = NODE_FILE, .mode = m, .constant = true, \
		.show = s, .help = h                                       \
	}
#define LINK(p, s, h)                                                  \
	{                                                              \
		.path = p, .kind = NODE_LINK, .mode = 0777, .show = s, \
		.help = h                                              \
	}
#define FILE_LINK(p, m, of, s, h)                                       \
	{                                                               \
		.path = p, .kind = NODE_LINK, .mode = m, .mode_of = of, \
		.show = s, .help = h                                    \
	}
#define BINARY(p, m, r, h)                                             \
	{                                                              \
		.path = p, .kind = NODE_BINARY, .mode = m, .pread = r, \
		.help = h                                              \
	}
#define CONTROL(p, m, a, h)                                                   \
	{                                                                     \
		.path = p, .kind = NODE_CTL, .mode = m, .actor = a, .help = h \
	}
#define VALUE(p, m, v, s, h)                                            \
	{                                                               \
		.path = p, .kind = NODE_TEXT, .mode = m,                \
		.actor = ACTOR_PROCESS, .verb = v, .show = s, .help = h \
	}
#define SETTING(key, h)                                                       \
	{                                                                     \
		.path = "proc/sys/vm/" #key, .kind = NODE_TEXT, .mode = 0644, \
		.actor = ACTOR_MACHINE, .verb = "set " #key,                  \
		.show = show_##key, .help = h                                 \
	}
#define THP(key, setting, h)                                              \
	{                                                                 \
		.path = "sys/kernel/mm/transparent_hugepage/" #key,       \
		.kind = NODE_TEXT, .mode = 0644, .actor = ACTOR_MACHINE,  \
		.verb = "set " setting, .show = show_thp_##key, .help = h \
	}
#define KHUGEPAGED(key, h)                                                     \
	{                                                                      \
		.path = "sys/kernel/mm/transparent_hugepage/khugepaged/" #key, \
		.kind = NODE_TEXT, .mode = 0644, .actor = ACTOR_MACHINE,       \
		.verb = "set khugepaged_" #key, .show = show_khugepaged_##key, \
		.help = h                                                      \
	}
#define POOL_AT(dir, by, text, m, s, t, h)                           \
	{                                                            \
		.path = dir "/" text, .kind = NODE_TEXT, .mode = m,  \
		.actor = ACTOR_MACHINE, .verb = "hugepages # " text, \
		.key = by, .show = s, .there = t, .help = h          \
	}
#define POOLS			   "sys/kernel/mm/hugepages/HUGE"
#define NODE_POOLS		   "sys/devices/system/node/nodeNODE/hugepages/NODEHUGE"
#define POOL(key, m, s, t, h)	   POOL_AT(POOLS, NULL, #key, m, s, t, h)
#define NODE_POOL(key, m, s, t, h) POOL_AT(NODE_POOLS, "node", #key, m, s, t, h)
#define ZRAM(file, m, s, h)                                                    \
	{                                                                      \
		.path = "sys/block/DISK/" #file, .kind = NODE_TEXT, .mode = m, \
		.actor = ACTOR_MACHINE, .verb = "zram " #file, .raw = true,    \
		.show = s, .there = disk_is_zram, .help = "zram0: " h          \
	}
#define ZRAM_TEXT(file, s, h)                                       \
	{                                                           \
		.path = "sys/block/DISK/" #file, .kind = NODE_TEXT, \
		.mode = 0444, .show = s, .there = disk_is_zram,     \
		.help = "zram0: " h                                 \
	}
#define STREAM(p, m, a, s, h)                                          \
	{                                                              \
		.path = p, .kind = NODE_STREAM, .mode = m, .actor = a, \
		.show = s, .help = h                                   \
	}
#define QUERY(p, m, q, h)                                             \
	{                                                             \
		.path = p, .kind = NODE_QUERY, .mode = m, .query = q, \
		.help = h                                             \
	}

const struct node node_table[] = {
	DIRECTORY("", 0755, "the machine"),
	CONSTANT("README", 0444, show_readme, "how to begin"),
	DIRECTORY("help", 0555, "one file per command and per topic"),
	CONSTANT("help/TOPIC", 0444, show_topic, "one command or topic"),
	CONTROL("ctl", 0644, ACTOR_MACHINE, "commands to the machine"),
	{.path = "last",
		.kind = NODE_TEXT,
		.mode = 0444,
		.wakes = true,
		.show = show_last,
		.help = "reply to the newest command of anyone"},
	{.path = "log",
		.kind = NODE_LOG,
		.mode = 0444,
		.wakes = true,
		.help = "the journal: SEQ TIME ACTOR COMMAND = RESULT"},
	TEXT("config", 0444, show_config, "the machine's configuration"),
	TEXT("stats", 0444, show_stats, "every counter, `key value`"),
	TEXT("check", 0444, show_check,
		"all sums and lists computed anew: ok, or what is wrong"),
	{.path = "timelines",
		.kind = NODE_TEXT,
		.mode = 0444,
		.history = true,
		.show = show_timelines,
		.help = "the tree of timelines, with rows and checkpoints"},
	{.path = "checkpoints",
		.kind = NODE_SAVED,
		.mode = 0755,
		.history = true,
		.help = "mkdir saves, rmdir forgets; inside, all as it was"},
	{.path = "at",
		.kind = NODE_ROWS,
		.mode = 0555,
		.history = true,
		.help = "at/SEQ, at/-N: all as it was after that line"},
	TEXT("state_hash", 0444, show_state_hash, "XXH3-128 of the state"),

	/* proc/ */
	DIRECTORY("proc", 0555, "Linux's /proc"),
	DIRECTORY("proc/PID", 0555, "one process"),
	CONTROL("proc/PID/ctl", 0600, ACTOR_PROCESS, "system calls of it"),
	TEXT("proc/PID/last", 0444, show_task_last, "its newest reply"),
	{.path = "proc/PID/mem",
		.kind = NODE_BINARY,
		.mode = 0600,
		.actor = ACTOR_MEM,
		.pread = pread_mem,
		.endless = true,
		.looks = true,
		.help = "its memory: reading looks, writing stores"},
	LOOK("proc/PID/maps", 0444, show_maps, "its mappings"),
	LOOK("proc/PID/smaps", 0444, show_smaps, "what each mapping costs"),
	LOOK("proc/PID/smaps_rollup", 0444, show_smaps_rollup,
		"the sums of smaps"),
	{.path = "proc/PID/pagemap",
		.kind = NODE_BINARY,
		.mode = 0400,
		.pread = pread_pagemap,
		.endless = true,
		.looks = true,
		.help = "a 64-bit word for each page: frame and state"},
	TEXT("proc/PID/status", 0444, show_status, "the process in words"),
	TEXT("proc/PID/stat", 0444, show_stat, "the process in 52 numbers"),
	TEXT("proc/PID/statm", 0444, show_statm, "its memory in pages"),
	TEXT("proc/PID/cmdline", 0444, show_cmdline, "arguments, NUL-ended"),
	LOOK("proc/PID/environ", 0400, show_environ, "environment, NUL-ended"),
	LOOK("proc/PID/auxv", 0400, show_auxv, "binary auxiliary vector"),
	TEXT("proc/PID/comm", 0444, show_comm, "its name"),
	{.path = "proc/PID/exe",
		.kind = NODE_LINK,
		.mode = 0777,
		.there = has_exe,
		.show = show_exe,
		.looks = true,
		.help = "the program on disk/; a bare process has none"},
	LOOK_LINK("proc/PID/cwd", show_root_link, "its directory on disk/"),
	LOOK_LINK(
		"proc/PID/root", show_root_link, "its root directory on disk/"),
	TEXT("proc/PID/limits", 0444, show_limits, "its resource limits"),
	TEXT("proc/PID/oom_score", 0444, show_oom_score,
		"how likely the OOM killer takes it"),
	VALUE("proc/PID/oom_score_adj", 0644, "oom_score_adj",
		show_oom_score_adj,
		"what is added to the score, -1000 to 1000"),
	VALUE("proc/PID/clear_refs", 0200, "clear_refs", show_nothing,
		"takes 1 to 5: forgets referenced pages, or the peak"),
	LOOK("proc/PID/numa_maps", 0444, show_numa_maps,
		"its mappings' pages by node"),
	VALUE("proc/PID/oom_adj", 0644, "oom_adj", show_oom_adj,
		"the same on the older scale, -17 to 15"),
	LOOK("proc/PID/pagetable", 0444, show_pagetable,
		"its page tables, entry by entry"),
	LOOK("proc/PID/vmas", 0444, show_vmas,
		"mm_struct and vm_area_structs, field by field"),
	STREAM("proc/PID/trace", 0600, ACTOR_TRACE, show_trace,
		"takes a memory trace, reports hits, misses, faults"),
	{.path = "proc/PID/map_files",
		.kind = NODE_DIR,
		.mode = 0500,
		.looks = true,
		.help = "the files that it maps"},
	FILE_LINK("proc/PID/map_files/RANGE", 0600, map_file_mode,
		show_map_file, "one, on disk/"),
	{.path = "proc/PID/fd",
		.kind = NODE_DIR,
		.mode = 0500,
		.looks = true,
		.help = "its open files"},
	FILE_LINK("proc/PID/fd/FD", 0700, fd_mode, show_fd, "one, on disk/"),
	{.path = "proc/PID/fdinfo",
		.kind = NODE_DIR,
		.mode = 0555,
		.looks = true,
		.help = "what is known of them"},
	LOOK("proc/PID/fdinfo/FD", 0444, show_fdinfo,
		"position, flags, inode of one"),
	LOOK("proc/PID/io", 0400, show_io, "what it read and wrote"),
	LOOK("proc/PID/personality", 0400, show_personality,
		"its personality, in hex"),
	DIRECTORY("proc/PID/task", 0555, "its threads"),
	DIRECTORY("proc/PID/task/TID", 0555, "one thread"),
	TEXT("proc/PID/task/TID/stat", 0444, show_thread_stat,
		"it in 52 numbers"),
	TEXT("proc/PID/task/TID/status", 0444, show_status, "it in words"),
	TEXT("proc/PID/task/TID/stacks", 0444, show_stacks,
		"its stacks: user, kernel"),
	TEXT("proc/PID/task/TID/statm", 0444, show_statm, "memory in pages"),
	TEXT("proc/PID/task/TID/comm", 0444, show_comm, "its name"),
	TEXT("proc/PID/task/TID/cmdline", 0444, show_cmdline,
		"arguments, NUL-ended"),
	LOOK("proc/PID/task/TID/maps", 0444, show_maps, "its mappings"),
	LOOK("proc/PID/task/TID/io", 0400, show_thread_io,
		"what it read and wrote"),
	DIRECTORY("proc/.host", 0555, "where the real /proc is bound"),
	LINK("proc/HOSTPID", show_hostpid, "processes of the host"),
	LINK("proc/self", show_self, "the caller, in the host's /proc"),
	LINK("proc/thread-self", show_thread_self, "the calling thread"),
	LINK("proc/mounts", show_mounts, "the host's mounts"),
	LINK("proc/net", show_net, "the host's network"),
	TEXT("proc/meminfo", 0444, show_meminfo, "use of memory, kB"),
	TEXT("proc/buddyinfo", 0444, show_buddyinfo, "free blocks by order"),
	TEXT("proc/pagetypeinfo", 0400, show_pagetypeinfo,
		"free blocks by order and migrate type, page blocks by type"),
	TEXT("proc/zoneinfo", 0444, show_zoneinfo, "zones and watermarks"),
	TEXT("proc/vmstat", 0444, show_vmstat, "counters of memory"),
	BINARY("proc/kpagecount", 0400, pread_kpagecount,
		"how many entries map each frame"),
	BINARY("proc/kpageflags", 0400, pread_kpageflags, "what each frame is"),
	TEXT("proc/iomem", 0444, show_iomem, "map of physical addresses"),
	TEXT("proc/uptime", 0444, show_uptime,
		"simulated seconds, up and idle"),
	TEXT("proc/loadavg", 0444, show_loadavg, "load and number of tasks"),
	DIRECTORY("proc/pressure", 0555, "time lost to waiting"),
	TEXT("proc/pressure/cpu", 0444, show_pressure_cpu, "for a processor"),
	TEXT("proc/pressure/io", 0444, show_pressure_io, "for a disk"),
	TEXT("proc/pressure/memory", 0444, show_pressure_memory,
		"for memory: direct reclaim, and pages that were in use"),
	TEXT("proc/version", 0444, show_version, "the simulated kernel"),
	TEXT("proc/cpuinfo", 0444, show_cpuinfo, "the simulated processors"),
	TEXT("proc/stat", 0444, show_system_stat, "time and events"),
	TEXT("proc/filesystems", 0444, show_filesystems, "kinds of files"),
	TEXT("proc/swaps", 0444, show_swaps, "the swap areas"),
	TEXT("proc/slabinfo", 0400, show_slabinfo, "the kernel's objects"),
	TEXT("proc/diskstats", 0444, show_diskstats, "blocks moved"),
	TEXT("proc/partitions", 0444, show_partitions, "the disks' sizes"),

	/* kernel/ */
	DIRECTORY("kernel", 0555, "what runs inside the kernel"),
	CONTROL("kernel/ctl", 0600, ACTOR_KERNEL, "calls of kernel code"),
	SIZED("kernel/dmesg", 0444, show_dmesg, "the kernel's log"),

	/* proc/sys/ */
	DIRECTORY("proc/sys", 0555, "settings of the kernel"),
	DIRECTORY("proc/sys/vm", 0555, "of memory management"),
	SETTING(admin_reserve_kbytes, "what mode 2 keeps for cap_sys_admin"),
	{.path = "proc/sys/vm/compact_memory",
		.kind = NODE_TEXT,
		.mode = 0200,
		.actor = ACTOR_MACHINE,
		.verb = "compact_memory",
		.show = show_nothing,
		.help = "1 written here compacts all zones"},
	SETTING(compact_unevictable_allowed, "whether locked pages may move"),
	SETTING(compaction_proactiveness,
		"how soon scattered memory is compacted unasked"),
	SETTING(dirty_background_bytes,
		"dirty bytes at which the flusher starts, or 0"),
	SETTING(dirty_background_ratio,
		"percent of what may be dirty, for the same, or 0"),
	SETTING(dirty_bytes, "dirty bytes at which writers must write, or 0"),
	SETTING(dirty_expire_centisecs,
		"age at which the flusher writes a dirty file"),
	SETTING(dirty_ratio, "percent of what may be dirty, or 0"),
	SETTING(dirty_writeback_centisecs, "how often the flusher wakes up"),
	{.path = "proc/sys/vm/drop_caches",
		.kind = NODE_TEXT,
		.mode = 0200,
		.actor = ACTOR_MACHINE,
		.verb = "drop_caches",
		.show = show_nothing,
		.help = "1 written here drops the page cache"},
	SETTING(legacy_va_layout,
		"1: programs map from the bottom up, 0: from the top down"),
	{.path = "proc/sys/vm/lowmem_reserve_ratio",
		.kind = NODE_TEXT,
		.mode = 0644,
		.actor = ACTOR_MACHINE,
		.verb = "set lowmem_reserve_ratio",
		.several = true,
		.show = show_lowmem_reserve_ratio,
		.help = "what each zone keeps: a part of those above"},
	SETTING(extfrag_threshold,
		"index from which on compaction makes a block"),
	SETTING(max_map_count, "mappings a process may have"),
	SETTING(min_free_kbytes, "sum of the zones' min watermarks"),
	SETTING(min_slab_ratio, "percent of a node that slab pages may keep"),
	SETTING(min_unmapped_ratio,
		"percent of a node that node reclaim leaves as page cache"),
	SETTING(mmap_min_addr, "lowest address for mmap without privilege"),
	{.path = "proc/sys/vm/mmap_rnd_bits",
		.kind = NODE_TEXT,
		.mode = 0600,
		.actor = ACTOR_MACHINE,
		.verb = "set mmap_rnd_bits",
		.show = show_mmap_rnd_bits,
		.help = "bits of pages that aslr moves mappings by"},
	{.path = "proc/sys/vm/mmap_rnd_compat_bits",
		.kind = NODE_TEXT,
		.mode = 0600,
		.actor = ACTOR_MACHINE,
		.verb = "set mmap_rnd_compat_bits",
		.there = has_compat,
		.show = show_mmap_rnd_compat_bits,
		.help = "the same for 32-bit programs"},
	SETTING(nr_hugepages, "huge pages kept in the pool"),
	{.path = "proc/sys/vm/nr_hugepages_mempolicy",
		.kind = NODE_TEXT,
		.mode = 0644,
		.actor = ACTOR_MACHINE,
		.verb = "hugepages 0 nr_hugepages_mempolicy",
		.show = show_nr_hugepages,
		.help = "the same, by the policy of who writes"},
	SETTING(nr_overcommit_hugepages, "huge pages made on demand, at most"),
	SETTING(numa_stat, "1: NUMA events are counted; 0 forgets them"),
	SETTING(numa_zonelist_order, "Node: the nearest node first"),
	SETTING(overcommit_kbytes, "CommitLimit in kB, instead of a ratio"),
	SETTING(oom_dump_tasks, "1: the OOM killer's report lists processes"),
	SETTING(oom_kill_allocating_task,
		"1: who finds no memory dies, not the worst"),
	SETTING(overcommit_memory, "0 guess, 1 always, 2 never"),
	SETTING(overcommit_ratio, "percent of RAM that mode 2 grants"),
	{.path = "proc/sys/vm/page-cluster",
		.kind = NODE_TEXT,
		.mode = 0644,
		.actor = ACTOR_MACHINE,
		.verb = "set page-cluster",
		.show = show_page_cluster,
		.help = "swap is read in blocks of 2 to this power"},
	SETTING(panic_on_oom, "1, 2: the machine stops when memory runs out"),
	SETTING(percpu_pagelist_high_fraction,
		"part of a zone that per-CPU lists hold, 0: tuned"),
	SETTING(stat_interval, "seconds between looks at the per-CPU lists"),
	SETTING(swappiness, "anonymous pages against those of files"),
	SETTING(user_reserve_kbytes, "what mode 2 keeps from one process"),
	SETTING(watermark_boost_factor,
		"how far watermarks rise when page blocks are mixed"),
	SETTING(watermark_scale_factor, "parts of 10000 between watermarks"),
	SETTING(zone_reclaim_mode,
		"bits of what is done before another node gives memory"),
	DIRECTORY("proc/sys/kernel", 0555, "of the kernel as a whole"),
	TEXT("proc/sys/kernel/osrelease", 0444, show_osrelease,
		"the kernel's version"),
	TEXT("proc/sys/kernel/ostype", 0444, show_ostype, "Linux"),
	TEXT("proc/sys/kernel/pid_max", 0444, show_pid_max,
		"PIDs are below it"),
	TEXT("proc/sys/kernel/randomize_va_space", 0444,
		show_randomize_va_space, "2 with aslr, else 0"),
	TEXT("proc/sys/kernel/version", 0444, show_kernel_version,
		"the kernel's build"),
	DIRECTORY("proc/sys/fs", 0555, "of files"),
	TEXT("proc/sys/fs/file-nr", 0444, show_file_nr,
		"open files, free ones, the limit"),

	/* sys/ */
	DIRECTORY("sys", 0555, "parts of Linux's /sys"),
	DIRECTORY("sys/block", 0555, "disks"),
#include "rows_block.inc"
	DIRECTORY("sys/devices", 0555, "devices"),
	DIRECTORY("sys/devices/system", 0555, "processors and memory"),
	DIRECTORY("sys/devices/system/cpu", 0555, "the processors"),
	DIRECTORY("sys/devices/system/cpu/cpuN", 0555, "one processor"),
	LINK("sys/devices/system/cpu/cpuN/nodeCPUNODE", show_node_link,
		"its NUMA node"),
	DIRECTORY("sys/devices/system/cpu/cpuN/topology", 0555, "where it is"),
	TEXT("sys/devices/system/cpu/cpuN/topology/core_id", 0444, show_core_id,
		"its core"),
	TEXT("sys/devices/system/cpu/cpuN/topology/core_siblings", 0444,
		show_core_siblings, "mask: the socket's processors"),
	TEXT("sys/devices/system/cpu/cpuN/topology/physical_package_id", 0444,
		show_package_id, "its socket: the node"),
	TEXT("sys/devices/system/cpu/cpuN/topology/thread_siblings", 0444,
		show_cpu_bit, "mask: the core's processors, itself"),
	TEXT("sys/devices/system/cpu/kernel_max", 0444, show_cpu_max,
		"highest number of a processor"),
	TEXT("sys/devices/system/cpu/online", 0444, show_cpu_list,
		"those that run"),
	TEXT("sys/devices/system/cpu/possible", 0444, show_cpu_list,
		"those that could be"),
	TEXT("sys/devices/system/cpu/present", 0444, show_cpu_list,
		"those that there are"),
	DIRECTORY("sys/devices/system/node", 0555, "NUMA nodes"),
	TEXT("sys/devices/system/node/has_cpu", 0444, show_node_has_cpu,
		"nodes with processors"),
	TEXT("sys/devices/system/node/has_memory", 0444, show_node_list,
		"nodes with memory"),
	TEXT("sys/devices/system/node/has_normal_memory", 0444, show_node_list,
		"nodes with memory for the kernel"),
	TEXT("sys/devices/system/node/online", 0444, show_node_list,
		"nodes that run"),
	TEXT("sys/devices/system/node/possible", 0444, show_node_list,
		"nodes that could be"),
	DIRECTORY("sys/devices/system/node/nodeNODE", 0555, "one node"),
	LINK("sys/devices/system/node/nodeNODE/cpuNODECPU", show_cpu_link,
		"its processors"),
	{.path = "sys/devices/system/node/nodeNODE/compact",
		.kind = NODE_TEXT,
		.mode = 0200,
		.actor = ACTOR_MACHINE,
		.verb = "compact_memory",
		.key = "node",
		.show = show_nothing,
		.help = "1 written here compacts its zones"},
	TEXT("sys/devices/system/node/nodeNODE/cpulist", 0444,
		show_node_cpulist, "its processors, as ranges"),
	TEXT("sys/devices/system/node/nodeNODE/cpumap", 0444, show_node_cpumap,
		"its processors, as a mask"),
	TEXT("sys/devices/system/node/nodeNODE/distance", 0444,
		show_node_distance, "to each node; 10 is itself"),
	DIRECTORY("sys/devices/system/node/nodeNODE/hugepages", 0555,
		"its part of the pools of huge pages"),
	DIRECTORY(NODE_POOLS, 0555, "of one size"),
	NODE_POOL(demote, 0200, show_nothing, pool_demotes,
		"how many are to become smaller ones"),
	NODE_POOL(demote_size, 0644, show_pool_demote_size, pool_demotes,
		"how small"),
	TEXT(NODE_POOLS "/free_hugepages", 0444, show_node_pool_free,
		"not in use"),
	NODE_POOL(nr_hugepages, 0644, show_node_pool_nr, NULL,
		"in the pool, surplus included"),
	TEXT(NODE_POOLS "/surplus_hugepages", 0444, show_node_pool_surplus,
		"beyond nr_hugepages"),
	TEXT("sys/devices/system/node/nodeNODE/meminfo", 0444,
		show_node_meminfo, "use of its memory, kB"),
	TEXT("sys/devices/system/node/nodeNODE/numastat", 0444,
		show_node_numastat,
		"blocks wanted and found, by node of zone and processor"),
	TEXT("sys/devices/system/node/nodeNODE/vmstat", 0444, show_node_vmstat,
		"vmstat's lines of zones and node"),
	DIRECTORY("sys/kernel", 0555, "the kernel"),
	DIRECTORY("sys/kernel/debug", 0555, "debugfs"),
	DIRECTORY("sys/kernel/debug/extfrag", 0555,
		"how far free memory is of use"),
	TEXT("sys/kernel/debug/extfrag/extfrag_index", 0444, show_extfrag_index,
		"why each order fails: 0 no memory, 1 in pieces"),
	TEXT("sys/kernel/debug/extfrag/unusable_index", 0444,
		show_unusable_index, "free memory too small for each order"),
	DIRECTORY("sys/kernel/mm", 0555, "memory management"),
	DIRECTORY("sys/kernel/mm/hugepages", 0555, "pools of huge pages"),
	DIRECTORY("sys/kernel/mm/hugepages/HUGE", 0555, "of one size"),
	POOL(demote, 0200, show_nothing, pool_demotes,
		"how many are to become smaller ones"),
	POOL(demote_size, 0644, show_pool_demote_size, pool_demotes,
		"how small"),
	TEXT("sys/kernel/mm/hugepages/HUGE/free_hugepages", 0444,
		show_pool_free, "not in use"),
	POOL(nr_hugepages, 0644, show_pool_nr, NULL,
		"in the pool, surplus included"),
	POOL(nr_hugepages_mempolicy, 0644, show_pool_nr, NULL,
		"the same, by the policy of who writes"),
	POOL(nr_overcommit_hugepages, 0644, show_pool_overcommit, NULL,
		"made on demand, at most"),
	TEXT("sys/kernel/mm/hugepages/HUGE/resv_hugepages", 0444,
		show_pool_resv, "free, but promised to mappings"),
	TEXT("sys/kernel/mm/hugepages/HUGE/surplus_hugepages", 0444,
		show_pool_surplus, "beyond nr_hugepages"),
	DIRECTORY("sys/kernel/mm/mempolicy", 0555, "policies of NUMA nodes"),
	DIRECTORY("sys/kernel/mm/mempolicy/weighted_interleave", 0555,
		"pages in a row from each node"),
	{.path = "sys/kernel/mm/mempolicy/weighted_interleave/auto",
		.kind = NODE_TEXT,
		.mode = 0664,
		.actor = ACTOR_MACHINE,
		.verb = "weighted_interleave auto",
		.show = show_weight_auto,
		.help = "true until a weight is set"},
	{.path = "sys/kernel/mm/mempolicy/weighted_interleave/nodeNODE",
		.kind = NODE_TEXT,
		.mode = 0644,
		.actor = ACTOR_MACHINE,
		.verb = "weighted_interleave #",
		.show = show_weight,
		.help = "pages from this node, 1 to 255"},
	DIRECTORY("sys/kernel/mm/transparent_hugepage", 0555,
		"huge pages without asking"),
	THP(defrag, "thp_defrag",
		"which faults have memory compacted for a huge page"),
	THP(enabled, "thp_enabled",
		"who gets huge pages: always, madvise, never"),
	TEXT("sys/kernel/mm/transparent_hugepage/hpage_pmd_size", 0444,
		show_pmd_size, "bytes of a huge page"),
	DIRECTORY("sys/kernel/mm/transparent_hugepage/hugepages-2048kB", 0555,
		"huge pages of that size"),
	{.path = "sys/kernel/mm/transparent_hugepage/hugepages-2048kB/"
		 "shmem_enabled",
		.kind = NODE_TEXT,
		.mode = 0644,
		.actor = ACTOR_MACHINE,
		.verb = "set thp_shmem_2048kB",
		.show = show_thp_shmem_2048kB,
		.help = "the same, where they are mapped"},
	DIRECTORY("sys/kernel/mm/transparent_hugepage/khugepaged", 0555,
		"the daemon that makes huge pages; it runs at `tick`"),
	KHUGEPAGED(alloc_sleep_millisecs, "its sleep when no memory is free"),
	KHUGEPAGED(defrag, "1: memory is compacted for it"),
	TEXT("sys/kernel/mm/transparent_hugepage/khugepaged/full_scans", 0444,
		show_khugepaged_full_scans, "times it went round"),
	KHUGEPAGED(max_ptes_none, "pages that may be missing"),
	KHUGEPAGED(max_ptes_shared, "pages that others may have"),
	KHUGEPAGED(max_ptes_swap, "pages that may be in swap"),
	TEXT("sys/kernel/mm/transparent_hugepage/khugepaged/pages_collapsed",
		0444, show_khugepaged_pages_collapsed, "huge pages it made"),
	KHUGEPAGED(pages_to_scan, "pages it looks at, at a time"),
	KHUGEPAGED(scan_sleep_millisecs, "its sleep then"),
	THP(shmem_enabled, "thp_shmem_enabled",
		"who gets huge pages of shared memory"),
	THP(use_zero_page, "thp_use_zero_page",
		"1: loads share a huge page of zeros"),

	/* cpu/ */
	DIRECTORY("cpu", 0555, "the processors"),
	DIRECTORY("cpu/N", 0555, "one processor"),
	TEXT("cpu/N/regs", 0444, show_regs, "control registers, current task"),
	TEXT("cpu/N/tlb", 0444, show_tlb, "the entries of its TLBs"),
	QUERY("cpu/N/walk", 0666, query_walk,
		"answers ADDR or PID ADDR with the page walk"),

	/* phys/ */
	DIRECTORY("phys", 0555, "physical memory"),
	BINARY("phys/ram", 0444, pread_ram, "the bytes of RAM"),
	TEXT("phys/frames", 0444, show_frames, "every block in use"),
	TEXT("phys/zones", 0444, show_zones, "ranges, zones, free blocks"),
	TEXT("phys/policy", 0444, show_policy,
		"the pages in the order in which they leave"),
	TEXT("phys/evictions", 0444, show_evictions,
		"the last 1024 pages that it took out"),

	/* disk/, trace/ */
	{.path = "disk",
		.kind = NODE_DISK,
		.mode = 0755,
		.actor = ACTOR_DISK,
		.help = "the simulated disk: cp files in and out"},
	DIRECTORY("trace", 0555, "input recorded from real programs"),
	STREAM("trace/strace", 0644, ACTOR_STRACE, show_strace,
		"takes strace -f -y output, reports the comparison"),
};
const unsigned nr_nodes = sizeof(node_table) / sizeof(node_table[0]);
