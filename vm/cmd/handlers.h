/* The handlers that the command table names. */
#ifndef PAGEFS_VM_HANDLERS_H
#define PAGEFS_VM_HANDLERS_H

#include "command.h"

/* cmd_mm.c */
cmd_fn cmd_mmap, cmd_munmap, cmd_mprotect, cmd_mremap, cmd_brk, cmd_sbrk;
cmd_fn cmd_madvise, cmd_process_madvise, cmd_mincore, cmd_mlock, cmd_munlock,
	cmd_mlockall;
cmd_fn cmd_munlockall, cmd_msync;

/* cmd_numa.c */
cmd_fn cmd_set_mempolicy, cmd_mbind, cmd_get_mempolicy, cmd_migrate_pages;
cmd_fn cmd_move_pages, cmd_set_mempolicy_home_node, cmd_weighted_interleave;

/* cmd_object.c */
cmd_fn cmd_memfd, cmd_shm, cmd_ftruncate, cmd_mseal, cmd_remap_file_pages;
cmd_fn cmd_clear_refs, cmd_oom_score_adj, cmd_oom_adj;

/* cmd_access.c */
cmd_fn cmd_read, cmd_write, cmd_touch, cmd_push, cmd_pop;
cmd_fn cmd_mem_write, cmd_trace, cmd_replay_trace;

/* cmd_task.c */
cmd_fn cmd_spawn, cmd_exec, cmd_fork, cmd_vfork, cmd_clone, cmd_exit,
	cmd_exit_group;
cmd_fn cmd_setrlimit, cmd_prlimit, cmd_personality, cmd_open, cmd_close,
	cmd_pread, cmd_pwrite, cmd_lseek, cmd_fsync, cmd_sync, cmd_fadvise,
	cmd_readahead, cmd_drop_caches, cmd_alloc_pages, cmd_free_pages,
	cmd_label, cmd_run;

/* cmd_signal.c */
cmd_fn cmd_kill, cmd_sigaction, cmd_wait, cmd_waitid;
cmd_fn cmd_setsid, cmd_setpgid, cmd_getpgid, cmd_getsid;

/* cmd_slab.c */
cmd_fn cmd_kmalloc, cmd_krealloc, cmd_kfree, cmd_ksize, cmd_kmem_cache_create;
cmd_fn cmd_kmem_cache_destroy, cmd_kmem_cache_alloc, cmd_kmem_cache_free;
cmd_fn cmd_kmem_cache_shrink;
/* What gfp= asks for: 0, or -EINVAL where its words do not fit together. */
int gfp_wanted(struct cmd *c, uint64_t words, unsigned *gfp);

/* cmd_cred.c */
cmd_fn cmd_setid, cmd_setreid, cmd_setresid, cmd_setfsid, cmd_capset;
cmd_fn cmd_prctl;

/* cmd_machine.c */
cmd_fn cmd_set, cmd_hugepages, cmd_tick, cmd_strace;

/* cmd_reclaim.c */
cmd_fn cmd_swapon, cmd_swapoff, cmd_mkswap, cmd_zram;
cmd_fn cmd_compact_memory, cmd_reclaim, cmd_reclaim_node;

/* cmd_disk.c */
cmd_fn cmd_create, cmd_mkdir, cmd_disk_write, cmd_truncate, cmd_unlink;
cmd_fn cmd_rmdir, cmd_rename, cmd_symlink, cmd_chmod, cmd_chown;

#endif
