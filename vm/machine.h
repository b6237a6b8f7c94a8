/*
 * struct vm, the handle of one machine, and struct root, the fixed part of
 * its state.  Everything in struct root is saved, hashed and compared; nothing
 * in struct vm is, apart from what the arena holds.
 */
#ifndef PAGEFS_VM_MACHINE_H
#define PAGEFS_VM_MACHINE_H

#include <errno.h>

#include "arena.h"
#include "arch/arch.h"
#include "counters.h"
#include "settings.h"
#include "types.h"

#define MAX_CPUS      64
#define NR_PCIDS      6 /* as Linux: TLB_NR_DYN_ASIDS */
#define NR_ORDERS     11
#define MAX_ORDER     10
#define NR_PCPTYPES   3 /* migrate types that requests have */
#define NR_HUGE_SIZES 2 /* of huge pages, see pt_shift() */
#define SENTENCE_MAX  240
#define LABEL_MAX     32 /* bytes of a label's name, NUL included */

enum psi_kind { PSI_MEMORY, PSI_IO, NR_PSI };

enum reply_kind { REPLY_NONE, REPLY_HEX, REPLY_DEC, REPLY_TEXT };

/*
 * The result of one command: err == 0 and a value, or an errno and a
 * sentence.  REPLY_TEXT carries its value in text.
 */
struct reply {
	int32_t err; /* 0, or a positive errno */
	uint32_t kind;
	uint64_t value;
	char text[SENTENCE_MAX];
};

/* One processor.  Register values are as `info registers` would show them. */
struct cpu {
	uint64_t cr0, cr2, cr3, cr4, efer;
	uint32_t error_code;	     /* of the last page fault */
	idx_t current;		     /* task; 0 idle */
	idx_t pcid_mm[NR_PCIDS + 1]; /* mm that owns PCID n (1..NR_PCIDS) */
	uint32_t next_pcid;
	uint32_t huge_sizes; /* bit n: its TLB had an entry of size n */
	uint64_t iowait_ns;  /* simulated time that its tasks waited for I/O */
};

/*
 * The lists by which the use of pages is followed: those that a search for
 * memory looks at first are the inactive ones.  See phys/lru.h.
 */
enum lru_id {
	LRU_INACTIVE_ANON,
	LRU_ACTIVE_ANON,
	LRU_INACTIVE_FILE,
	LRU_ACTIVE_FILE,
	LRU_UNEVICTABLE, /* locked by mlock(2) */
	NR_LRU
};

/* Frames linked by next and prev: free blocks, or pages on an LRU list. */
struct frame_list {
	pfn_t head, tail;
};

/*
 * What the frames of a page block are for, so that those that cannot be moved
 * do not lie everywhere: see phys/pageblock.h.  Order and names are Linux's,
 * without CMA, which is a kernel's own choice.
 */
enum migrate_type {
	MIGRATE_UNMOVABLE,
	MIGRATE_MOVABLE,
	MIGRATE_RECLAIMABLE,
	MIGRATE_HIGHATOMIC, /* kept for those who cannot wait */
	MIGRATE_ISOLATE,
	NR_MIGRATE
};

/* A swap area, see swap/swap.h. */
struct swap_area {
	idx_t inode;	/* the file, 0 a device: vdb, or zram0 */
	uint32_t base;	/* its slots are base + 1 to base + pages - 1 */
	uint32_t pages; /* the header included; 0: no area */
	uint32_t next;	/* offset of the first slot that was never used */
	uint32_t free_head, free_tail; /* slots that were, oldest first */
	uint32_t used;
	int32_t prio;
	uint32_t closing; /* swapoff is at work */
	uint32_t zram;	  /* /dev/zram0, whose pages lie in RAM */
	uint64_t turn;	  /* when a slot was taken last */
};

#define MAX_SWAP_AREAS 23

/* Algorithms that /dev/zram0 may use: that of stores, those of recompression.
 */
#define NR_ZRAM_ALGORITHMS 4

/* /dev/zram0, see swap/zram.h; reset makes all but the limit of writeback what
 * it was after boot. */
struct zram {
	uint64_t bytes;	     /* disksize, 0: not initialised */
	uint64_t limit;	     /* frames of the pool, 0: any number */
	uint64_t stored;     /* pages */
	uint64_t same, huge; /* of them: one word repeated; kept whole */
	uint64_t compressed; /* bytes that they became */
	uint64_t huge_ever;  /* pages */
	uint64_t used_max;   /* frames of the pool */
	uint64_t compacted;  /* frames that compaction freed */
	uint64_t failed_writes, freed;
	/* pages on the backing device now, read from and written to it ever;
	 * those that may be written yet, if that is limited */
	uint64_t bd_count, bd_reads, bd_writes, wb_limit;
	uint32_t backing, wb_limit_enable; /* 1: /dev/vdb is behind it */
	struct {
		uint32_t alg;  /* number in swap/zcomp.c plus one, 0: none */
		int32_t level; /* ZCOMP_NO_LEVEL: the algorithm's own */
	} algorithm[NR_ZRAM_ALGORITHMS];
};

/* Size classes of the pool of compressed pages, and lists of each, see
 * swap/zpool.h. */
#define NR_ZPOOL_CLASSES 255
#define NR_ZPOOL_TENTHS	 10

/* Disks: vda of disk/, vdb of swap, zram0. */
enum disk_id { DISK_VDA, DISK_VDB, DISK_ZRAM, NR_DISKS };

/*
 * A zone of one node: frames that the same requests may use.  Zone i of a
 * machine has the type i % arch->nr_zones and is of node i / arch->nr_zones,
 * so zones ascend with their addresses; one without RAM ends at 0.
 * What is counted of frames in use is counted here; phys_sum() and node_sum()
 * add up.
 */
struct zone {
	pfn_t start, end; /* spanned: [start, end) */
	uint32_t node, type;
	uint64_t present, managed;
	uint64_t
		nr_free; /* in free blocks; fresh ones count, pcp ones do not */
	uint64_t min, low, high; /* watermarks, pages; `boost` is in each */
	uint64_t boost; /* raised for a while, after types were mixed */
	uint64_t nr_reserved_highatomic; /* pages, see phys/highatomic.c */
	/*
	 * Free blocks by order and by the type of the page block they lie in.
	 * Blocks of MAX_ORDER that were never allocated are not on a list:
	 * they are the fresh ranges below, movable, handed out from the low
	 * end when the list is empty.  So a machine with 1 TiB of RAM boots
	 * without touching its frame table.
	 */
	struct free_area {
		struct frame_list list[NR_MIGRATE];
		uint32_t nr[NR_MIGRATE]; /* fresh blocks not counted */
	} free[NR_ORDERS];
	struct {
		pfn_t start, end;
	} fresh[4]; /* more than one where a hole cuts the zone */
	uint32_t nr_fresh;
	uint32_t orders[NR_MIGRATE];  /* bit o: free[o] has a block */
	uint64_t nr_lru[NR_LRU];      /* pages of the zone on each list */
	uint64_t pages[NR_PAGE_USES]; /* in use, by enum page_use */
	uint64_t pgalloc;	      /* pages handed out, ever */
	/* compaction (compact/): where its scanners go on, async and sync; how
	 * often it is left off after it was in vain */
	pfn_t compact_migrate[2], compact_free;
	uint32_t compact_considered, compact_defer_shift, compact_order_failed;
	uint32_t compact_flush; /* look into all page blocks again */
	/* of the per-CPU lists, see phys/pcp.h */
	uint32_t pcp_batch, pcp_high_min, pcp_high_max;
	uint16_t below_high;	 /* it was, when somebody asked last */
	uint16_t reclaim_active; /* kswapd is at work */
	uint64_t mapped; /* of files and shared memory, in page tables */
	uint64_t dirty;	 /* of files, with FR_DIRTY */
	uint64_t dirtied, written; /* became dirty, became clean, ever */
	uint64_t swap_written;	   /* to a slot, ever; zeros too */
	uint64_t swap_cached;	   /* in the swap cache */
	uint64_t swap_idle;	   /* of them, those that nothing maps */
	uint64_t anon_huge; /* huge pages in huge entries of page tables */
	uint64_t shmem_huge, shmem_huge_mapped; /* all; those in such entries */
	/* NUMA events: blocks handed out, and of them those wanted from another
	 * node, asked for from another, by interleaving; wanted here and taken
	 * elsewhere */
	uint64_t numa_allocs, numa_miss, numa_other, numa_interleave;
	uint64_t numa_foreign;
};

#define MAX_NODE_ZONES (MAX_NODES * MAX_ZONES)

/* A NUMA node: its lists of pages and its daemon. */
struct numa_node {
	pfn_t start, end; /* [start, end), holes counted in */
	struct frame_list lru[NR_LRU];
	uint32_t kswapd_woken, kswapd_failures;
	uint32_t kswapd_order;	  /* of the largest block that it woke up for */
	uint32_t kcompactd_order; /* what kcompactd is to make, 0: it sleeps */
	uint32_t proactive_wait;  /* half seconds until it is worth a try */
	uint32_t reserved;
	uint64_t reclaim_cost[2]; /* of anon and file pages, decaying */
	uint64_t refault[6];	  /* as CNT_REFAULT_ANON and those behind it */
	uint64_t refaults_seen[2];
	uint64_t nonresident_age; /* evictions and activations */
	/* names and inodes that nobody uses, the oldest first: disk/dcache.c */
	struct object_list {
		idx_t first, last;
		uint32_t nr, reserved;
	} unused[2];
	uint64_t shrink_deferred; /* scans that are left for later */
	/* node reclaim in vain: how often, and requests that do without */
	uint32_t reclaim_vain, reclaim_wait;
};

/* A piece of the physical address space as firmware reported it. */
struct phys_range {
	paddr_t start, end;
	uint32_t kind; /* enum phys_kind in phys/phys.h */
	uint32_t reserved;
};

struct root {
	char magic[16]; /* "pagefs machine" */
	uint32_t layout_version;
	uint32_t arch_index; /* in arch_table */
	struct vm_config config;
	struct settings set;
	struct pool_state pool[NR_SEG];

	/* time and identity */
	uint64_t ns;  /* simulated time since boot */
	uint64_t seq; /* lines executed so far */
	uint64_t rng[2];
	uint64_t aslr_draws; /* values taken since aslr was set */
	uint32_t next_pid;
	uint32_t next_anon_vma;
	uint32_t next_fd_id;
	uint64_t next_sibling;		/* see struct task */
	uint32_t first_task, last_task; /* list in order of PID */
	struct reply last;		/* of the newest command of anyone */

	/* physical memory */
	struct phys_range firmware[32];
	uint32_t nr_firmware;
	uint32_t nr_zones; /* of all nodes */
	struct zone zone[MAX_NODE_ZONES];
	struct numa_node node[MAX_NODES];
	uint64_t totalram_pages; /* managed, all zones */
	pfn_t max_pfn;		 /* one past the last frame */
	pfn_t zero_pfn;		 /* the shared zero page */
	pfn_t kernel_pgd;	 /* template of the kernel half */
	pfn_t special_pfn;	 /* vvar and vdso, see task/vdso.c */

	/* swap */
	struct swap_area swap[MAX_SWAP_AREAS];
	struct zram zram;
	struct frame_list zpool[NR_ZPOOL_CLASSES][NR_ZPOOL_TENTHS];
	uint64_t swap_pages, swap_used; /* of all areas, without headers */
	uint64_t swap_turn;
	uint32_t swap_files;			    /* areas that are files */
	uint32_t swap_top;			    /* one past the last area */
	uint32_t swap_hits, swap_prev, swap_window; /* readahead */

	/* reclaim */
	uint32_t oom_victims, reserved3;

	/* a textbook policy instead of all that, see reclaim/policy_i.h */
	struct policy_state {
		uint32_t nr;		 /* pages that it orders */
		uint32_t nr_aside;	 /* pages that could not leave */
		uint32_t hand, low, top; /* of the slots */
		uint32_t nr_class[4];	 /* by referenced and modified */
		uint32_t aside_room;	 /* of swap, when one was set aside */
		uint64_t now;		 /* accesses since it began */
		uint64_t next_tick; /* its timer rings behind that access */
		uint64_t kept;	    /* pages that could not leave then */
		uint64_t page_ins;  /* and those that came in since */
		uint64_t evictions;
	} policy;

	/* averages over time, see kernel/psi.h */
	struct psi {
		uint64_t total[NR_PSI], seen[NR_PSI]; /* ns stalled */
		uint64_t avg[NR_PSI][3];	      /* 10 s, 60 s, 300 s */
		uint64_t last, next;		      /* ns: samples */
	} psi;
	struct load {
		uint64_t avg[3]; /* 1, 5, 15 minutes */
		uint64_t next;	 /* ns */
	} load;

	uint32_t panicked;    /* the kernel stopped, see oom.h */
	uint32_t drops_quiet; /* drop_caches 4: the log is told no more */
	uint64_t dmesg_end;   /* bytes ever written to the log */
	/* inodes that have dirty pages, oldest first */
	idx_t dirty_first, dirty_last;
	struct khugepaged {
		idx_t first, last; /* mms, in the order in which they came */
		idx_t at;	   /* the one it is at, 0 before the first */
		uint32_t reserved;
		vaddr_t address; /* and how far it is there */
		uint64_t due;	 /* simulated time when it wakes up */
		uint64_t collapsed, full_scans;
	} khugepaged;
	/* by size, see mm/hugetlb.h */
	struct hugetlb_pool {
		uint64_t resv;
		struct hugetlb_node {
			uint64_t nr, free, surplus;
			pfn_t first; /* of the free ones */
			uint32_t reserved;
		} node[MAX_NODES];
		/* nodes whose turn it is to get one more and to lose one */
		uint32_t next_more, next_less;
	} hugetlb[NR_HUGE_SIZES];
	pfn_t huge_zero_pfn; /* the shared huge zero page, 0 before its use */
	uint32_t reserved2;
	uint64_t committed;	/* pages: Committed_AS */
	uint64_t commit_leaked; /* of it: counted for ever, mapped no more */

	/* requests that were served, of a block of 4096 bytes each */
	struct disk_io {
		uint64_t reads, writes;
	} io[NR_DISKS];

	/* caches of kernel objects, in the order of their making */
	idx_t first_cache, last_cache;

	/* disk */
	idx_t disk_root;      /* inode of disk/ */
	uint64_t disk_blocks; /* capacity, 4096-byte blocks */
	uint64_t disk_used;
	uint32_t block_next;	 /* high-water mark of SEG_BLOCK */
	uint32_t block_free;	 /* freed blocks, linked through themselves */
	uint32_t next_ino;	 /* of files, directories, links */
	uint32_t next_shmem_ino; /* shared anonymous memory counts apart */

	/* input in progress, see input/input_i.h */
	idx_t strace_first;
	uint32_t reserved1;

	uint64_t count[NR_COUNTERS];
	struct cpu cpu[MAX_CPUS];
};

/* The search tree of one address space; derived, see mm/vma_tree.c. */
struct vma_tree;
struct future;

/* Whether what is in progress is to end early; see struct event. */
typedef bool vm_stop_fn(void *ctx, size_t line, uint64_t place);

struct vm {
	struct arena arena;
	struct root *root;
	const struct arch *arch;
	unsigned page_shift;
	uint64_t page_size;
	uint64_t soft_dirty; /* the entries' bit, 0: nothing is tracked */

	/* outcome of the operation in progress; see vm_fail() */
	struct {
		int err;
		char text[SENTENCE_MAX];
	} fail;

	/* of the line in progress, see vm_halts() */
	struct {
		vm_stop_fn *asked;
		void *ctx;
		size_t line;	    /* where it begins in its event */
		uint64_t place, at; /* the one reached; the one to end at */
	} halt;

	unsigned pageblock_order; /* of a page block, see phys/pageblock.h */
	uint8_t nofragment_zone;  /* type of Normal above DMA32, or 0 */
	uint8_t gfp_zone[4];	  /* highest zone type, by enum gfp_zone */
	/* of a zone, by the highest type that a request may have */
	uint64_t lowmem_reserve[MAX_NODE_ZONES][MAX_ZONES];
	/* zones with RAM that a request on a node may use, best first */
	struct zonelist {
		uint8_t nr, zone[MAX_NODE_ZONES];
	} zonelist[MAX_NODES][4];
	uint8_t cpu_node[MAX_CPUS];
	/* where allocations look by the policy in force, see numa/mempolicy.h:
	 * at first, on which nodes, on which when all else failed; the nodes
	 * that take turns; the node of the processor that asks */
	uint8_t prefer, allowed, reach, spread, here;
	bool interleaving;
	unsigned cpu; /* where the command in progress runs */

	/* who runs the command in progress: the OOM killer lets it finish */
	struct task *running;
	bool signals_due; /* some wait for their processes, see signal.h */

	/* mm_populate() faults: what waits for the disk starts over */
	bool populating;

	/* frames [held, held_end) are on their way elsewhere: who makes room
	 * for them does not take them */
	pfn_t held, held_end;

	/* whoever allocates holds no page: node reclaim may take some */
	bool settled;

	/* an allocation that frees memory goes below the min watermark */
	bool memalloc;

	/* derived from the state, rebuilt by vm_reindex() */
	struct vma_tree *trees; /* one per mm, indexed as SEG_MM */
	struct future *future;	/* of a trace, see mmu/future.h */
	bool unseen; /* uses that the policy has not seen, see reclaim/policy.h
		      */
	/* in a trace: the number of this use, and up to which all were seen */
	uint64_t use_now, seen_to;
	void *vma_nodes;       /* of all trees of VMAs */
	void *vma_leaves;      /* node of each VMA, indexed as SEG_VMA */
	const void *last_verb; /* newest command row, a guess for the next */
	uint32_t pid_map_size; /* the largest PID there was, and 1 */
	idx_t *pid_map;	       /* PID -> task */
};

/*
 * Refuses the operation in progress: stores errno and one sentence that names
 * the rule and the numbers, and returns -err.  A sentence that is already
 * there for the same refusal is kept: the deepest knows best.  vm_fail_clear()
 * starts a new operation.
 */
int vm_fail(struct vm *m, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void vm_fail_clear(struct vm *m);

/*
 * Whether the line in progress is to end here, before its work is done.  What
 * may take long asks at each of its places, the same ones in each replay, and
 * once it is told so it refuses with EINTR and says how far it came; so it is
 * true from there on.  See struct event.
 */
bool vm_halts(struct vm *m);

/* Whether it has been told so. */
static inline bool vm_halted(const struct vm *m)
{
	return m->halt.at && m->halt.place >= m->halt.at;
}

/* Pages that are worked on from one place to the next, where work is by page.
 */
#define PLACE_PAGES 512

/* A formatter of our own: vm/ calls neither stdio nor the locale.  Supports
 * %d %u %x %lx %llx %lu %llu %ld %s %c %% with width and zero padding, and
 * %.*s.  Returns the bytes written, NUL excluded. */
size_t vm_snprintf(char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- typed access to segments ------------------------------------------ */

static inline void *seg_at(const struct vm *m, enum seg_id id, uint64_t byte)
{
	return m->arena.seg[id].base + byte;
}

/* The piece at a byte of a segment with a dirty map is about to change. */
static inline void seg_mark(const struct vm *m, enum seg_id id, uint64_t byte)
{
	const struct dirty_map *d = &m->arena.dirty[id];

	d->page[byte >> DIRTY_PAGE_SHIFT] = 1;
	d->group[byte >> DIRTY_GROUP_SHIFT] = 1;
}

/* The next value of the machine's own generator (xorshift128+). */
uint64_t vm_random(struct vm *m);

#endif
