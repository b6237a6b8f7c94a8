/*
 * Tasks: processes and, with a shared mm, threads.  Also their open files,
 * labels, limits, and execve.
 */
#ifndef PAGEFS_VM_TASK_H
#define PAGEFS_VM_TASK_H

#include "../machine.h"
#include "../numa/mempolicy.h"
#include "cred.h"

/* Linux's numbers of the limits that memory management reads. */
enum {
	RLIM_CPU,
	RLIM_FSIZE,
	RLIM_DATA,
	RLIM_STACK,
	RLIM_CORE,
	RLIM_RSS,
	RLIM_NPROC,
	RLIM_NOFILE,
	RLIM_MEMLOCK,
	RLIM_AS,
	RLIM_LOCKS,
	RLIM_SIGPENDING,
	RLIM_MSGQUEUE,
	RLIM_NICE,
	RLIM_RTPRIO,
	RLIM_RTTIME,
	NR_RLIMITS
};
#define RLIM_UNLIMITED UINT64_MAX

#define PID_MAX 4194304u /* Linux: PID_MAX_LIMIT */

struct rlimit_pair {
	uint64_t soft, hard;
};

enum task_state {
	TASK_RUNNING = 'R',
	TASK_SUSPENDED = 'D', /* by vfork(2), until its child's exec or end */
	TASK_STOPPED = 'T',   /* kept before its exit, to be looked at */
	TASK_ZOMBIE = 'Z',
};

/*
 * Counts of one process's memory traces, since it began (mmu/trace.c).
 * accesses = loads + stores + fetches; a modify is a load and a store.
 * lookups = l1_hits + l2_hits + misses: one for each page that an access
 * touches, none for accesses outside every VMA.
 */
struct trace_stats {
	uint64_t accesses, loads, stores, fetches;
	uint64_t lookups, l1_hits, l2_hits, misses, walks;
	uint64_t faults_minor, faults_major, faults_refused;
	uint64_t outside; /* outside every VMA */
	uint64_t mapped;  /* VMAs made by trace_map=auto */
	uint64_t bad_lines;
};

/*
 * What proc/PID/io tells, in bytes but for the calls.  Charged to the task
 * whose command runs: what the flusher or the host does is nobody's.
 */
struct task_io {
	uint64_t rchar, wchar; /* of pread and pwrite, cached or not */
	uint64_t syscr, syscw; /* the calls themselves */
	uint64_t read_bytes;   /* from disk/ and from swap, readahead too */
	uint64_t write_bytes;  /* pages of files that became dirty */
	uint64_t cancelled;    /* dirty ones that were truncated unwritten */
};

#define SIG_RT_FIRST  32u
#define NR_RT_SIGNALS 33u

/* What the threads of a process share, in its leader; zeros in others. */
struct task_group {
	uint32_t pgrp, session;
	uint64_t min_flt, maj_flt, utime_ns;	/* of threads that ended */
	uint64_t cmin_flt, cmaj_flt, cutime_ns; /* of children waited for */
	struct task_io io;  /* of threads that ended, children waited for */
	uint32_t subreaper; /* prctl: orphans below it become its children */
	/* signals, see signal.h: what stopped the process, or is about to; what
	 * of that wait(2) has not reported */
	uint8_t stop_sig, stop_code;
	uint8_t stopped, continued; /* all threads are; and wait(2) may tell */
	uint64_t sig_ignored, sig_pending; /* SIG_BIT() */
	uint16_t sig_fatal;		   /* of the pending: ends it at once */
	uint16_t sig_late;   /* the leader has it alone, who had ended before */
	uint32_t sig_thread; /* whom the newest was sent to, and whose user */
	uint32_t sig_uid;    /* it was queued for */
	/* Of SIG_RT_FIRST to 64: how many wait besides the first. */
	uint8_t sig_more[NR_RT_SIGNALS];
};

/* Linux's bits in field 9 of stat. */
#define PF_EXITING	0x00000004u
#define PF_POSTCOREDUMP 0x00000008u
#define PF_DUMPCORE	0x00000200u
#define PF_FORKNOEXEC	0x00000040u
#define PF_SIGNALED	0x00000400u
#define PF_NOFREEZE	0x00008000u
#define PF_RANDOMIZE	0x00400000u

struct task {
	uint32_t pid, tgid;
	idx_t parent;	    /* task */
	idx_t prev, next;   /* all tasks, by PID */
	idx_t mm;	    /* 0 for a zombie */
	idx_t vfork_waiter; /* task that this one's exec or end lets go on */
	uint64_t sibling;   /* order among the children of its parent */
	struct cred cred;
	uint32_t cpu;	       /* where it runs */
	uint32_t state;	       /* enum task_state */
	int32_t exit_code;     /* as wait(2) reports it */
	uint32_t exit_pending; /* strace: the code it would exit with */
	int32_t exit_signal;   /* to the parent; -1: a thread */
	uint32_t flags;	       /* PF_* */
	char comm[16];
	paddr_t object; /* its task_struct, see slab/ */
	uint64_t start_ns;
	uint64_t min_flt, maj_flt;
	uint64_t utime_ns;
	struct task_io io;
	struct task_group group;
	vaddr_t sp;  /* of push and pop; 0: still mm->start_stack */
	pfn_t stack; /* kernel stack, 0 for a zombie */
	uint32_t reserved1;
	idx_t labels; /* list of struct label */
	idx_t fds;    /* list of struct fd, ascending numbers */
	struct rlimit_pair rlim[NR_RLIMITS];
	struct trace_stats trace;
	uint64_t trace_carry; /* see input/lackey.c */
	uint32_t oom_score_adj;
	int32_t oom_score_adj_min; /* what privilege last set */
	uint32_t last_sig;	   /* newest signal that memory caused */
	uint32_t personality;	   /* of personality(2), see below */
	uint32_t oom_victim;	   /* chosen by the OOM killer */
	uint32_t il_prev;	   /* the node that interleaving used last */
	uint32_t il_weight;	   /* pages that it may still take there */
	uint32_t pdeath_signal;	   /* sent when its parent ends, 0 none */
	struct mempolicy policy;   /* of set_mempolicy(2) */
	struct reply last;
};

/* With PROT_READ, mmap and brk give PROT_EXEC too: a 32-bit program without
 * PT_GNU_STACK has it.  The value is personality(2)'s. */
#define READ_IMPLIES_EXEC 0x0400000u
/* execve: no random addresses; mappings bottom-up; page 0 is mapped, sealed. */
#define ADDR_NO_RANDOMIZE  0x0040000u
#define ADDR_COMPAT_LAYOUT 0x0200000u
#define MMAP_PAGE_ZERO	   0x0100000u
/* The user space of 32-bit programs ends at 3 GiB instead of 4. */
#define ADDR_LIMIT_3GB 0x8000000u

/* A name for an address of one process. */
struct label {
	idx_t next;
	uint32_t reserved;
	vaddr_t addr;
	char name[LABEL_MAX];
};

/*
 * The window that was read ahead last, see disk/readahead.c: `size` pages from
 * page `start` on; a read of the first of its last `async` pages starts the
 * next window.  `misses` counts faults that found no page in the cache, less
 * those that did.
 */
struct readahead {
	uint64_t start;
	uint32_t size, async;
	uint32_t max; /* pages of the largest window */
	uint32_t misses;
	uint64_t prev; /* byte behind the last read(2); -1 none yet */
};

/*
 * An open file description: what open(2) makes and descriptors share.  Each
 * is an identity of its own; mappings of two of them never merge.
 */
struct file {
	idx_t inode;
	uint32_t refs;
	uint32_t mode; /* FMODE_* */
	uint32_t reserved;
	uint64_t pos; /* where read(2) and write(2) go on */
	struct readahead ra;
	paddr_t object; /* its struct file, see slab/ */
};
#define FMODE_READ   0x01u
#define FMODE_WRITE  0x02u
#define FMODE_EXEC   0x04u
#define FMODE_APPEND 0x08u
#define FMODE_RANDOM 0x10u /* POSIX_FADV_RANDOM: no readahead */
#define FMODE_NOREUSE \
	0x20u /* POSIX_FADV_NOREUSE: use by mappings does not count */
/* Of open(2) alone, with its numbers; access mode 3, which asks for both rights
 * and gives neither, has one of ours. */
#define OPEN_CREAT   0x40u
#define OPEN_EXCL    0x80u
#define OPEN_TRUNC   0x200u
#define OPEN_APPEND  0x400u
#define OPEN_NEITHER 0x800u

struct fd {
	idx_t next;
	uint32_t number;
	idx_t file;
	uint32_t reserved;
};

static inline struct task *task_at(const struct vm *m, idx_t i)
{
	return (struct task *)m->arena.seg[SEG_TASK].base + i;
}

static inline idx_t task_index(const struct vm *m, const struct task *t)
{
	return t - (struct task *)m->arena.seg[SEG_TASK].base;
}

/* Signals that wait for this one thread. */
static inline uint64_t task_own_signals(const struct task *t)
{
	return t->group.sig_late ? 1ull << (t->group.sig_late - 1) : 0;
}

static inline struct file *file_at(const struct vm *m, idx_t i)
{
	return (struct file *)m->arena.seg[SEG_FILE].base + i;
}

static inline struct label *label_at(const struct vm *m, idx_t i)
{
	return (struct label *)m->arena.seg[SEG_LABEL].base + i;
}

static inline struct fd *fd_at(const struct vm *m, idx_t i)
{
	return (struct fd *)m->arena.seg[SEG_FD].base + i;
}

/* Where what runs now is charged, or NULL. */
static inline struct task_io *running_io(const struct vm *m)
{
	return m->running ? &m->running->io : NULL;
}

void task_io_add(struct task_io *to, const struct task_io *io);

/* The task with that PID, or NULL. */
struct task *task_find(const struct vm *m, uint32_t pid);
/* The first task with PID >= pid, or NULL: for listings. */
struct task *task_next(const struct vm *m, uint32_t pid);

/* Boots PID 1, init: a bare process. */
int task_boot(struct vm *m);
int task_init(struct vm *m); /* reserves the PID map */
void task_free(struct vm *m);
int task_reindex(struct vm *m); /* rebuilds it */

/*
 * A new process: with path, an image from disk/; without, a bare one (stack,
 * vdso, empty heap).  argv[0] is path if argc is 0.  Returns the task, or
 * NULL with errno and sentence; nothing is left behind.
 */
struct exec_args {
	const char *path; /* NULL: bare */
	const char *const *argv;
	unsigned argc;
	const char *const *envp;
	unsigned envc;
};
struct task *task_spawn(struct vm *m, uint32_t uid, uint32_t gid,
	const struct exec_args *x, const char *name);
/*
 * A child with a copy of everything.  Of clone(2)'s flags, CLONE_VM shares the
 * mm, and CLONE_THREAD (with CLONE_VM and CLONE_SIGHAND) makes a thread: same
 * tgid, and the parent's parent; CLONE_PARENT makes a sibling; with
 * CLONE_VFORK the parent is suspended until the child executes a program or
 * ends.  The low byte is the signal of the child's end.  NULL with errno.
 */
struct task *task_fork(struct vm *m, struct task *parent, unsigned flags);
/* The task that leads t's process. */
struct task *task_leader(const struct vm *m, const struct task *t);
/* The first thread of t's process that has memory; NULL if all have ended. */
struct task *task_with_memory(const struct vm *m, const struct task *t);
/*
 * Replaces the image.  0, or -errno: with the old image untouched, or, when
 * Linux would have dropped it by then, t's process has ended (of init the old
 * one stays in any case).  Labels of
 * the old image are forgotten; other threads of the process end, and t takes
 * over the process's PID.
 */
int task_exec(struct vm *m, struct task *t, const struct exec_args *x);
/* Whether exec would find the program and its interpreter: 0, or -ENOENT and
 * the like naming the file.  Changes nothing. */
int task_exec_check(struct vm *m, const char *path);
/*
 * Frees the address space and the descriptors of a thread; the task stays a
 * zombie until it is waited for.  Children go to another thread of the process,
 * to the nearest subreaper above, or to init.  A child of init is reaped at
 * once, and so is a thread that does not lead its process; a leader waits for
 * its threads.  init never exits: callers refuse that (EPERM).
 * code is as wait(2) reports it: status << 8, or a signal's number.
 */
void task_exit(struct vm *m, struct task *t, int code);
/* All threads of t's process end: exit_group(2), and signals. */
void task_exit_group(struct vm *m, struct task *t, int code);
/* Who waits for t in vfork goes on. */
void task_vfork_done(struct vm *m, struct task *t);

/* Removes a zombie; its parent counts what it did. */
void task_reap(struct vm *m, struct task *t);

/* Of wait4(2) and waitid(2). */
#define WAIT_STOPPED   0x2u /* WUNTRACED, too */
#define WAIT_EXITED    0x4u
#define WAIT_CONTINUED 0x8u
#define WAIT_KEEP      0x01000000u /* WNOWAIT: to be told again */
#define WNOTHREAD      0x20000000u
#define WALL	       0x40000000u
#define WCLONE	       0x80000000u
#define CODE_STOPPED   0x7f /* low byte; the signal is in the next */
#define CODE_CONTINUED 0xffff
struct task_end {
	uint32_t pid; /* 0: nothing to tell yet */
	int code;     /* as wait(2) reports it */
};
/*
 * A child of t's process of which there is to tell what `options` ask for: pid
 * as in wait4(2), -1 any.  It has been told then, and a zombie is reaped,
 * unless with WAIT_KEEP.  0, or -ECHILD if there is none that could have news.
 */
int task_wait(struct vm *m, struct task *t, int64_t pid, uint32_t options,
	struct task_end *end);

/*
 * prlimit(2) by `by` of process pid, 0 its own: *old gets the limit, which is
 * *want from then on, if that is not NULL.  -ESRCH; -EPERM: it is another
 * user's, or the hard limit would rise; -EINVAL.
 */
int task_prlimit(struct vm *m, struct task *by, int64_t pid, unsigned which,
	const struct rlimit_pair *want, struct rlimit_pair *old);

/* ---- labels ---- */
int label_set(struct vm *m, struct task *t, const char *name, size_t len,
	vaddr_t addr);
/* Also the predefined brk, stack, text, data, heap.  0 or -EINVAL. */
int label_get(struct vm *m, const struct task *t, const char *name, size_t len,
	vaddr_t *addr);
/* The same without a sentence: changes nothing, for readers. */
bool label_lookup(const struct vm *m, const struct task *t, const char *name,
	size_t len, vaddr_t *addr);

/* ---- files of a process ---- */
/*
 * Opens path on disk/ with the rights of c, NULL for any right; returns a file
 * with one reference, or 0: ENOENT, ENOTDIR, ELOOP; EISDIR to write a
 * directory; EACCES when a permission bit is missing, or to run what is no
 * regular file; ETXTBSY to write what is being executed, or the reverse.
 */
idx_t file_open(
	struct vm *m, const struct cred *c, const char *path, uint32_t fmode);
/* open(2): FMODE_READ, FMODE_WRITE and OPEN_*; mode is a new file's, of which
 * bits above 07777 are ignored. */
idx_t file_open_flags(struct vm *m, const struct task *t, const char *path,
	uint32_t flags, uint32_t mode);
/* Whether the mode bits, or a capability, grant bit 4 (read), 2 or 1. */
struct inode;
bool file_right(const struct cred *c, const struct inode *i, uint32_t bit);
/* Whether c, NULL with any right, may open the file so: 0, EACCES or EISDIR. */
int inode_rights(struct vm *m, const struct cred *c, const char *path,
	idx_t inode, uint32_t fmode);
/* A file over an inode without a path (shared anonymous memory). */
idx_t file_of_inode(struct vm *m, idx_t inode, uint32_t fmode);
void file_get(struct vm *m, idx_t file);
void file_put(struct vm *m, idx_t file);
/* A reference of an address space that runs the file: while there is one, it
 * is not opened for writing.  0, or -ETXTBSY: somebody has it open so. */
int exe_get(struct vm *m, idx_t file);
void exe_put(struct vm *m, idx_t file);
/* 0, or -ETXTBSY: it is being executed. */
int inode_may_write(struct vm *m, idx_t inode);
/*
 * Descriptors: number -1 takes the lowest free one, another is fixed and
 * closes what it held, as dup2 does.  The number, and the caller's reference
 * is the descriptor's now; or -EMFILE, -EBADF (number beyond RLIMIT_NOFILE),
 * -ENOMEM.
 */
int fd_install(struct vm *m, struct task *t, idx_t file, int number);
/* The file, or 0 without a sentence. */
idx_t fd_lookup(struct vm *m, const struct task *t, int number);
int fd_close(struct vm *m, struct task *t, int number); /* 0 or -EBADF */
void fd_close_all(struct vm *m, struct task *t);

/* ---- vvar, vvar_vclock and vdso (task/vdso.c) ---- */
/*
 * The frame behind an address of a VMA that has `special` set, PFN_NONE where
 * an access is SIGBUS.  These frames are allocated once at boot and shared by
 * all processes; a fault maps them as they are, read-only.
 */
struct vma;
pfn_t special_page(const struct vm *m, const struct vma *v, vaddr_t va);

int task_check(struct vm *m);

#endif
