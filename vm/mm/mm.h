/*
 * Address spaces: the mm, its VMAs, and the calls that change them.
 *
 * The rules are Linux 6.18's: validation order, errno, choice of address,
 * split and merge (mm/mmap.c, mm/vma.c, mm/mremap.c, mm/mprotect.c).  The
 * names of fields are Linux's too.
 */
#ifndef PAGEFS_VM_MM_H
#define PAGEFS_VM_MM_H

#include "../machine.h"
#include "../numa/mempolicy.h"
#include "../task/task.h"

/* VMA flags.  The letters are those of VmFlags in smaps. */
#define VM_READ	       (1ull << 0)  /* rd */
#define VM_WRITE       (1ull << 1)  /* wr */
#define VM_EXEC	       (1ull << 2)  /* ex */
#define VM_SHARED      (1ull << 3)  /* sh */
#define VM_MAYREAD     (1ull << 4)  /* mr */
#define VM_MAYWRITE    (1ull << 5)  /* mw */
#define VM_MAYEXEC     (1ull << 6)  /* me */
#define VM_MAYSHARE    (1ull << 7)  /* ms */
#define VM_GROWSDOWN   (1ull << 8)  /* gd */
#define VM_PFNMAP      (1ull << 10) /* pf */
#define VM_MAYBE_GUARD (1ull << 11) /* gu */
#define VM_LOCKED      (1ull << 13) /* lo */
#define VM_IO	       (1ull << 14) /* io */
#define VM_SEQ_READ    (1ull << 15) /* sr */
#define VM_RAND_READ   (1ull << 16) /* rr */
#define VM_DONTCOPY    (1ull << 17) /* dc */
#define VM_DONTEXPAND  (1ull << 18) /* de */
#define VM_LOCKONFAULT (1ull << 19) /* lf */
#define VM_ACCOUNT     (1ull << 20) /* ac */
#define VM_NORESERVE   (1ull << 21) /* nr */
#define VM_HUGETLB     (1ull << 22) /* ht */
#define VM_SYNC	       (1ull << 23) /* sf */
#define VM_WIPEONFORK  (1ull << 25) /* wf */
#define VM_DONTDUMP    (1ull << 26) /* dd */
#define VM_SOFTDIRTY   (1ull << 27) /* sd */
#define VM_MIXEDMAP    (1ull << 28) /* mm */
#define VM_HUGEPAGE    (1ull << 29) /* hg */
#define VM_NOHUGEPAGE  (1ull << 30) /* nh */
#define VM_MERGEABLE   (1ull << 31) /* mg */
#define VM_DROPPABLE   (1ull << 40) /* dp */
#define VM_SEALED      (1ull << 42) /* sl */
#define VM_ACCESS      (VM_READ | VM_WRITE | VM_EXEC)
#define VM_SPECIAL     (VM_IO | VM_DONTEXPAND | VM_PFNMAP | VM_MIXEDMAP)

/* What a VMA is beyond its file: names of maps come from it. */
enum vma_special { VMA_PLAIN, VMA_VVAR, VMA_VVAR_VCLOCK, VMA_VDSO };

struct vma {
	vaddr_t start, end; /* [start, end) */
	uint64_t pgoff;	    /* page of file or object at start */
	uint64_t flags;	    /* VM_* */
	idx_t mm;
	idx_t prev, next;  /* neighbours in address order, 0 at the ends */
	idx_t file;	   /* open file description, 0 anonymous */
	uint32_t anon_vma; /* identity, 0 none: see mm/anon_vma.c */
	uint8_t av_multi;  /* its chain is not singular (forked) */
	uint8_t special;   /* enum vma_special */
	uint8_t hugetlb;   /* HUGETLB_*, see mm/hugetlb.h */
	uint8_t reserved;
	idx_t family;		    /* see mm/rmap.h; 0 none */
	idx_t kin_prev, kin_next;   /* VMAs of the family */
	idx_t peer_prev, peer_next; /* VMAs of the file's inode */
	struct mempolicy policy;    /* of mbind(2); all zero none */
	paddr_t object;		    /* its vm_area_struct, see slab/ */
};

/* VMAs that may map the same anonymous pages: those of fork. */
struct family {
	idx_t first;
	uint32_t nr;
};

/* prctl(PR_SET_MDWE). */
#define MDWE_REFUSE_EXEC_GAIN 1u
#define MDWE_NO_INHERIT	      2u

/* Linux: AT_VECTOR_SIZE. */
#define AUXV_WORDS 56

enum rss_kind { RSS_FILE, RSS_ANON, RSS_SHMEM, NR_RSS };

/* The layout of an address space, by the program's width and, of 32 bits,
 * the personality that it was executed with. */
enum compat { MM_NATIVE, MM_COMPAT, MM_COMPAT_3GB };

struct mm {
	uint32_t users;	 /* tasks that share it */
	uint32_t compat; /* enum compat: which layout */
	pfn_t pgd;
	uint32_t map_count;
	paddr_t object;		 /* its mm_struct, see slab/ */
	idx_t first, last;	 /* VMAs in address order */
	idx_t exe;		 /* file, 0 none */
	uint32_t pcid_cpu_valid; /* unused without pcid */
	vaddr_t mmap_base, task_size;
	vaddr_t legacy_base; /* where bottom-up search starts */
	vaddr_t start_code, end_code, start_data, end_data;
	vaddr_t start_brk, brk, start_stack;
	vaddr_t arg_start, arg_end, env_start, env_end;
	uint64_t total_vm, data_vm, stack_vm, exec_vm, locked_vm; /* pages */
	uint64_t hiwater_vm, hiwater_rss;
	uint64_t rss[NR_RSS];  /* pages */
	uint64_t swapped;      /* entries that name swap slots */
	uint64_t hugetlb;      /* pages, in huge ones of the pools */
	uint64_t pgtables;     /* bytes, the top table not counted */
	uint32_t bottom_up;    /* ADDR_COMPAT_LAYOUT */
	uint32_t merge_any;    /* prctl(PR_SET_MEMORY_MERGE) */
	uint64_t def_flags;    /* mlockall(MCL_FUTURE) */
	uint32_t dumpable;     /* 1: others of the same user may look at it */
	uint32_t mdwe;	       /* prctl(PR_SET_MDWE) */
	uint32_t thp_disable;  /* prctl(PR_SET_THP_DISABLE) */
	uint32_t multiprocess; /* clone made processes that share it */
	uint32_t scanned;      /* it is on khugepaged's list */
	idx_t scan_prev, scan_next;
	uint32_t oom_skip;	   /* its end was in vain: init has it, too */
	uint64_t auxv[AUXV_WORDS]; /* as execve made it; AT_NULL last */
};

static inline struct mm *mm_at(const struct vm *m, idx_t i)
{
	return (struct mm *)m->arena.seg[SEG_MM].base + i;
}

static inline struct vma *vma_at(const struct vm *m, idx_t i)
{
	return (struct vma *)m->arena.seg[SEG_VMA].base + i;
}

static inline idx_t vma_index(const struct vm *m, const struct vma *v)
{
	return v - (struct vma *)m->arena.seg[SEG_VMA].base;
}

/* Whether use of a page by this mapping says that it will be used again. */
static inline bool vma_has_recency(const struct vm *m, const struct vma *v)
{
	return !(v->flags & (VM_SEQ_READ | VM_RAND_READ)) &&
	       !(v->file && file_at(m, v->file)->mode & FMODE_NOREUSE);
}

static inline struct family *family_at(const struct vm *m, idx_t i)
{
	return (struct family *)m->arena.seg[SEG_FAMILY].base + i;
}

#define vma_for_each(m, mm, v)                                                \
	for (idx_t v##_i = (mm)->first; v##_i && ((v) = vma_at(m, v##_i), 1); \
		v##_i = (v)->next)

const struct layout *mm_layout(const struct vm *m, const struct mm *mm);
/*
 * Where user space ends for t's calls: mm->task_size, unless a 32-bit process
 * has taken or given up ADDR_LIMIT_3GB since it was executed.
 * Source: Linux arch/x86/include/asm/page_64_types.h (TASK_SIZE).
 */
vaddr_t mm_task_size(const struct vm *m, const struct task *t);
/*
 * Where mapping starts in an address space without mappings: top-down below
 * the room of a stack of that limit, or, bottom_up, from a third of it on.
 * With random addresses, rnd_bytes further away, and the stack's own random
 * distance from the top is left out.
 */
struct mm_place {
	uint64_t stack_limit;
	bool bottom_up, random;
	uint64_t rnd_bytes;
};
void mm_place(struct vm *m, struct mm *mm, const struct mm_place *p);

/* ---- the tree (mm/vma_tree.c): RB tree ordered by address, each node with
 * the largest gap of its subtree; derived, rebuilt by vma_tree_rebuild() ----
 */
/* First VMA with end > addr; NULL if none. */
struct vma *vma_find(struct vm *m, idx_t mm, vaddr_t addr);
/* The VMA that holds addr, or NULL. */
struct vma *vma_lookup(struct vm *m, idx_t mm, vaddr_t addr);
int vma_tree_rebuild(struct vm *m); /* of all mms; after a load */
void vma_tree_free(struct vm *m);

/* ---- life of an mm ---- */
/* A new, empty mm with a page table; 0 with ENOMEM set. */
idx_t mm_create(struct vm *m, enum compat compat);
/* One user less; the last one unmaps everything and frees it. */
void mm_put(struct vm *m, idx_t mm);
/* fork: a copy with copy-on-write; 0 with ENOMEM set, nothing kept. */
idx_t mm_fork(struct vm *m, const struct task *parent);

/* ---- calls.  All return 0 or a value, or -errno with a sentence; the
 * address checks, their order and the partial effects are Linux's. ---- */
struct mmap_args {
	vaddr_t addr;
	uint64_t len;
	uint64_t prot;	/* PROT_* bits as Linux's */
	uint64_t flags; /* MAP_* bits as Linux's */
	idx_t file;	/* 0: no such descriptor (EBADF unless anonymous) */
	uint64_t off;	/* bytes */
};

int64_t mm_mmap(struct vm *m, struct task *t, const struct mmap_args *a);
int64_t mm_munmap(struct vm *m, struct task *t, vaddr_t addr, uint64_t len);
int64_t mm_mprotect(struct vm *m, struct task *t, vaddr_t addr, uint64_t len,
	uint64_t prot);
int64_t mm_mremap(struct vm *m, struct task *t, vaddr_t old, uint64_t old_len,
	uint64_t new_len, uint64_t flags, vaddr_t new_addr);
/* The system call's answer: the new break, or the old one on failure (then
 * with a sentence in m->fail).  Never an errno. */
vaddr_t mm_brk(struct vm *m, struct task *t, vaddr_t brk);
/* execve: the zeros behind a segment, over whatever is there.  0 or -errno. */
int mm_bss(struct vm *m, struct task *t, vaddr_t from, uint64_t len, bool exec);
int64_t mm_madvise(
	struct vm *m, struct task *t, vaddr_t addr, uint64_t len, int advice);
int64_t mm_mlock(struct vm *m, struct task *t, vaddr_t addr, uint64_t len,
	uint64_t flags);
int64_t mm_munlock(struct vm *m, struct task *t, vaddr_t addr, uint64_t len);
int64_t mm_mlockall(struct vm *m, struct task *t, uint64_t flags);
int64_t mm_munlockall(struct vm *m, struct task *t);
/* Several ranges of the process of a PID, 0 its own; the bytes advised, or
 * -errno if the first was refused. */
struct mm_range {
	vaddr_t addr;
	uint64_t len;
};
int64_t mm_process_madvise(struct vm *m, struct task *t, int pid,
	const struct mm_range *range, unsigned nr, int advice, uint64_t flags);
int64_t mm_mseal(struct vm *m, struct task *t, vaddr_t addr, uint64_t len,
	uint64_t flags);
int64_t mm_remap_file_pages(struct vm *m, struct task *t, vaddr_t start,
	uint64_t size, uint64_t prot, uint64_t pgoff, uint64_t flags);
/* A number written to clear_refs: 0 or -EINVAL. */
int mm_clear_refs(struct vm *m, struct task *t, int64_t type);
int64_t mm_msync(struct vm *m, struct task *t, vaddr_t addr, uint64_t len,
	uint64_t flags);
/* vec gets one byte a page; at most max_pages of them are written. */
int64_t mm_mincore(struct vm *m, struct task *t, vaddr_t addr, uint64_t len,
	uint8_t *vec, uint64_t max_pages);

/* prctl(PR_SET_MM, arg...): 0 or -errno (set_mm.c). */
int mm_set_field(struct vm *m, struct task *t, const uint64_t arg[4]);

/* ---- overcommit (mm/limits.c) ---- */
/* Sets the reserves by the size of the machine. */
int limits_boot(struct vm *m);
/* May t commit nr more pages?  0 or -ENOMEM. */
int mm_may_commit(struct vm *m, const struct task *t, int64_t nr_pages);
/* CommitLimit, pages. */
uint64_t mm_commit_limit(const struct vm *m);

/* ---- for execve (task/exec.c): mappings without the checks of mmap ---- */
/* The address that mmap(NULL, len) would choose; 0 with ENOMEM set. */
vaddr_t mm_unmapped_area(struct vm *m, const struct task *t, vaddr_t hint,
	uint64_t len, uint64_t map_flags, idx_t file, uint64_t off);
/*
 * Inserts one VMA of these flags without merging; takes a reference to the
 * file; counts it in total_vm and the like, and in Committed_AS if VM_ACCOUNT
 * is set.  0 with ENOMEM set.
 */
idx_t mm_insert(struct vm *m, idx_t mm, vaddr_t start, vaddr_t end,
	uint64_t vm_flags, idx_t file, uint64_t pgoff,
	enum vma_special special);
/* The stack VMA moves its start down to addr (expand_stack). 0 or -errno. */
int mm_expand_stack(struct vm *m, struct task *t, struct vma *v, vaddr_t addr);

/* ---- faults (mm/fault.c) ---- */
enum access_kind { ACC_READ, ACC_WRITE, ACC_EXEC };

/* What a refused access is: signal, its code, and what the CPU reported. */
struct sigfault {
	int sig;  /* 0: none; SIGSEGV 11, SIGBUS 7 */
	int code; /* 1 MAPERR / 2 ACCERR / 2 ADRERR / 128 SI_KERNEL */
	vaddr_t addr;
	uint32_t error_code;
};

/*
 * The page-fault handler: makes va accessible for kind, or says why not.
 * Returns 0, -EFAULT with *f and a sentence, or -ENOMEM.  error_code is what
 * the processor pushed.
 */
int mm_fault(struct vm *m, struct task *t, vaddr_t va, enum access_kind kind,
	uint32_t error_code, struct sigfault *f);

/* Faults in [start, end) as MAP_POPULATE and mlock do; 0 or -errno. */
int mm_populate(struct vm *m, struct task *t, vaddr_t start, vaddr_t end);
/* ksm.c: all mappings that can be merged by content are marked, and new ones
 * will be; or none. */
void mm_set_merge_any(struct vm *m, idx_t mm, bool on);

/* Unmaps the pages of a VMA, or a part of it, that ends: zap_page_range. */
void mm_zap(struct vm *m, idx_t mm, struct vma *v, vaddr_t start, vaddr_t end);

/* The same, but guard markers stay: truncate. */
void mm_discard(
	struct vm *m, idx_t mm, struct vma *v, vaddr_t start, vaddr_t end);
/* The same, and leaf tables that are empty then go: madvise(MADV_DONTNEED). */
void mm_discard_tables(
	struct vm *m, idx_t mm, struct vma *v, vaddr_t start, vaddr_t end);

/* The same, but only pages of the VMA's file go: not private copies. */
void mm_discard_cached(
	struct vm *m, idx_t mm, struct vma *v, vaddr_t start, vaddr_t end);

/*
 * Faults in [start, end) of one VMA as madvise(MADV_POPULATE_READ, _WRITE)
 * does: 0, -EINVAL without the right, -EFAULT for SIGBUS or a guard page,
 * -ENOMEM.
 */
int mm_fault_in(struct vm *m, struct task *t, struct vma *v, vaddr_t start,
	vaddr_t end, bool write);

/* ---- every mapping of pages first..last of an inode (mm/file_map.c) ---- */
/* Unmaps them, private copies too: unmap_mapping_range. */
void mm_unmap_file(struct vm *m, idx_t inode, uint64_t first, uint64_t last);
/* The same, but private copies stay. */
void mm_unmap_cached(struct vm *m, idx_t inode, uint64_t first, uint64_t last);
/* Write-protects shared ones, so that the next store marks the page dirty
 * again: page_mkclean. */
void mm_clean_file(struct vm *m, idx_t inode, uint64_t first, uint64_t last);

/* Takes a large page of the cache out of all page tables. */
void mm_unmap_cached_page(struct vm *m, pfn_t head);

/* Brings the swapped page of va back without a fault: swapoff.  0, -ENOMEM. */
int mm_swap_in(struct vm *m, struct vma *v, vaddr_t va);

/* Gives a private VMA its anon_vma identity (mm/anon_vma.c). */
void anon_vma_prepare(struct vm *m, struct vma *v);

/* Name for maps: path, [heap], ... into buf; returns its length, 0 if none. */
size_t vma_name(const struct vm *m, const struct mm *mm, const struct vma *v,
	char *buf, size_t size);

int mm_check(struct vm *m);

#endif
