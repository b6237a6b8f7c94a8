/*
 * Physical memory: the firmware map, zones, the buddy allocator, the frame
 * table, and the bytes of RAM.
 *
 * Sources: Linux mm/page_alloc.c, arch/x86/kernel/e820.c; the numbers are
 * those of facts about zones and watermarks in docs/fidelity.md.
 */
#ifndef PAGEFS_VM_PHYS_H
#define PAGEFS_VM_PHYS_H

#include "../machine.h"

enum phys_kind {
	PHYS_RAM = 1,
	PHYS_RESERVED,	  /* firmware, PCI hole */
	PHYS_KERNEL_CODE, /* the kernel's ranges lie inside System RAM */
	PHYS_KERNEL_RODATA,
	PHYS_KERNEL_DATA,
	PHYS_KERNEL_BSS,
	PHYS_MEMMAP, /* the frame table (struct page array) */
	PHYS_VIDEO,  /* legacy hole */
	PHYS_ROM,
};

/*
 * 24 bytes for each frame.  What `next` and `prev` link depends on the state:
 * the free list of its order, or an LRU list (lru.h).  From owner and index
 * the entries that map a page are found (mm/rmap.h).
 *
 *	state                next prev   owner    index
 *	-----                ---------   -----    -----
 *	FREE                 free list   -        0
 *	PCP                  CPU's list  -        0
 *	ANON, EXCLUSIVE      LRU list    mm       virtual page
 *	ANON, may be shared  LRU list    family   pgoff in its VMAs
 *	FILE                 LRU list    inode    page of the file
 *	SHMEM                LRU list    inode    page of the object
 *	PGTABLE              -           mm       level
 *	STACK                -           task     0
 *	ZPOOL                see swap/zpool.h
 *	SLAB                 see slab/slab.h
 *
 * All frames of a large page have its state, its order and FR_LARGE; the first
 * has its owner and index, those behind it hold what mm/folio.c counts.
 * Of a page of the pool the first frame alone says all (frame_whole()): the
 * others are FRESH or TAIL and know whether they hold bytes, so that a page of
 * 1 GiB costs the host little.
 *
 * A frame that was never allocated, and each frame that the allocator does
 * not manage, has all bytes zero: that is how a machine with 1 TiB boots
 * without touching its frame table.  phys_frame_state() tells them apart.
 * Inside a free block only the head is FREE; the others are FRESH or TAIL.
 */
struct frame {
	pfn_t next, prev;
	uint32_t owner;
	uint32_t mapcount; /* PTEs that map it */
	uint64_t index : 40;
	uint64_t state : 4;  /* enum frame_state */
	uint64_t order : 5;  /* of a free or allocated block's head */
	uint64_t flags : 15; /* FR_* */
};

_Static_assert(sizeof(struct frame) == 24, "24 bytes a frame");

enum frame_state {
	FRAME_FRESH,	/* never used: zero page of the host */
	FRAME_FREE,	/* head of a block on a free list */
	FRAME_TAIL,	/* inside a free block, or part of a larger block */
	FRAME_PCP,	/* head of a block on a list of a processor */
	FRAME_RESERVED, /* firmware, kernel image, frame table, hole */
	FRAME_ANON,
	FRAME_FILE,
	FRAME_SHMEM,
	FRAME_PGTABLE,
	FRAME_STACK, /* kernel stack of a task */
	FRAME_KERNEL,
	FRAME_ZPOOL,   /* see swap/zpool.h */
	FRAME_HUGETLB, /* of the pool of huge pages, free or not */
	FRAME_SLAB,    /* see slab/slab.h */
};

#define FR_BYTES	   0x0001 /* RAM of the frame may hold non-zero bytes */
#define FR_EXCLUSIVE	   0x0002 /* anonymous page of one process alone */
#define FR_DIRTY	   0x0004 /* page cache newer than disk */
#define FR_UPTODATE	   0x0008
#define FR_REFERENCED	   0x0010
#define FR_ACTIVE	   0x0020
#define FR_SWAPBACKED	   0x0040
#define FR_ZERO		   0x0080 /* the shared zero page */
#define FR_MLOCKED	   0x0100
#define FR_READAHEAD	   0x0200 /* a read of it starts the next window */
#define FR_SWAPCACHE	   0x0400 /* its slot is kept: index is the slot */
#define FR_WORKINGSET	   0x0800 /* was active once */
#define FR_LARGE	   0x1000 /* part of a large page, see mm/folio.c */
#define FR_HUGETLB_RESTORE 0x2000 /* promised again when it is free */
#define FR_HUGETLB_ANON	   0x4000 /* a private page, not of a file */

/*
 * Requests: the highest zone that one may use, and what the frames are for
 * (MIGRATE_UNMOVABLE without a flag).
 */
enum gfp_zone { GFP_DMA, GFP_DMA32, GFP_KERNEL, GFP_HIGHUSER };

#define GFP_ZONE_MASK	     0x3u
#define GFP_MOVABLE	     0x4u
#define GFP_RECLAIMABLE	     0x8u
#define GFP_HIGHUSER_MOVABLE (GFP_HIGHUSER | GFP_MOVABLE) /* of programs */
/* how far one goes, for whoever may wait: see mem_alloc() */
#define GFP_NOWAIT   0x10u  /* no page is taken back for it, none moved */
#define GFP_NOKSWAPD 0x20u  /* nor is a daemon woken */
#define GFP_NORETRY  0x40u  /* all is tried once, without the OOM killer */
#define GFP_MAYFAIL  0x80u  /* again and again, without the OOM killer */
#define GFP_NOFAIL   0x100u /* and down to the last page */
/* what it may have of the pages below the min watermark */
#define GFP_HIGH       0x200u /* half of them; with NOWAIT a quarter more */
#define GFP_NOMEMALLOC 0x400u /* none */
#define GFP_MEMALLOC   0x800u /* all */
#define GFP_ATOMIC     (GFP_HIGH | GFP_NOWAIT)
/* what only the report of the OOM killer tells */
#define GFP_ZERO    0x1000u /* of zeros; mem_alloc() knows by itself */
#define GFP_COMP    0x2000u /* one page, though it may be a block */
#define GFP_WRITE   0x4000u /* of a file, to be written to */
#define GFP_ACCOUNT 0x8000u /* the kernel's, for a process */
/* A page of a program or of a file; a page table. */
#define GFP_PAGE    (GFP_HIGHUSER_MOVABLE | GFP_COMP)
#define GFP_PGTABLE (GFP_KERNEL | GFP_ACCOUNT | GFP_ZERO | GFP_COMP)
/* For huge pages unasked: of which faults wait, see mm/huge.c. */
#define GFP_TRANSHUGE	    (GFP_HIGHUSER_MOVABLE | GFP_NOKSWAPD | GFP_NOMEMALLOC)
#define GFP_TRANSHUGE_LIGHT (GFP_TRANSHUGE | GFP_NOWAIT)

/* ---- boot ---- */
/* One past the highest byte of RAM, the PCI hole counted in. */
paddr_t phys_end(const struct arch *a, uint64_t ram);
/* Firmware map, nodes, zones, kernel image, frame table, free blocks, zero
 * page. */
int phys_boot(struct vm *m);
/* Fills in what struct vm derives from the zones; after a boot or a load. */
void phys_reindex(struct vm *m);

/* ---- frames ---- */
static inline struct frame *frame_at(const struct vm *m, pfn_t pfn)
{
	return (struct frame *)m->arena.seg[SEG_FRAME].base + pfn;
}

static inline void frame_link(
	struct vm *m, struct frame_list *l, pfn_t pfn, bool at_tail)
{
	struct frame *f = frame_at(m, pfn);

	f->next = at_tail ? PFN_NONE : l->head;
	f->prev = at_tail ? l->tail : PFN_NONE;
	if (f->next)
		frame_at(m, f->next)->prev = pfn;
	else
		l->tail = pfn;
	if (f->prev)
		frame_at(m, f->prev)->next = pfn;
	else
		l->head = pfn;
}

static inline void frame_unlink(
	struct vm *m, struct frame_list *l, struct frame *f)
{
	if (f->next)
		frame_at(m, f->next)->prev = f->prev;
	else
		l->tail = f->prev;
	if (f->prev)
		frame_at(m, f->prev)->next = f->next;
	else
		l->head = f->next;
	f->next = f->prev = PFN_NONE;
}

/*
 * The bytes of RAM.  Before they change, ram_mark() says so for the frame, or
 * frame_bytes() is the way to them.
 */
static inline uint8_t *ram_at(const struct vm *m, paddr_t pa)
{
	return m->arena.seg[SEG_RAM].base + pa;
}

static inline void ram_mark(const struct vm *m, paddr_t pa)
{
	paddr_t first = pa & ~(m->page_size - 1);

	for (uint64_t i = 0; i < m->page_size; i += 1u << DIRTY_PAGE_SHIFT)
		seg_mark(m, SEG_RAM, first + i);
}

static inline paddr_t pfn_to_pa(const struct vm *m, pfn_t pfn)
{
	return (paddr_t)pfn << m->page_shift;
}

/* The bytes of a frame, to be written: marks it as holding bytes. */
static inline uint8_t *frame_bytes(struct vm *m, pfn_t pfn)
{
	frame_at(m, pfn)->flags |= FR_BYTES;
	ram_mark(m, pfn_to_pa(m, pfn));
	return ram_at(m, pfn_to_pa(m, pfn));
}

/* Whether a page table that maps the frame makes it count as mapped: meminfo's
 * Mapped, zone.mapped. */
static inline bool frame_is_mapped_cache(const struct frame *f)
{
	return f->mapcount &&
	       (f->state == FRAME_FILE || f->state == FRAME_SHMEM);
}

/* The frame that knows what pfn is for: of a page of the pool its first. */
const struct frame *frame_whole(const struct vm *m, pfn_t pfn);

/* Its state, with FRAME_RESERVED for what the allocator does not manage. */
enum frame_state phys_frame_state(const struct vm *m, pfn_t pfn);

/*
 * The first run [*pfn, *end) of frames at or above *pfn that the allocator
 * manages: RAM minus the first MiB, the kernel image and the frame table.
 */
bool phys_next_managed(const struct vm *m, pfn_t *pfn, pfn_t *end);

/* Whether pfn is RAM at all (not a hole, below max_pfn). */
bool pfn_is_ram(const struct vm *m, pfn_t pfn);

/* Names for people: "anon"; the flags as "dirty,active", "-" without. */
const char *frame_state_name(unsigned state);
#define FRAME_FLAGS_TEXT 128
void frame_flags_text(unsigned flags, char buf[FRAME_FLAGS_TEXT]);
/* What a frame in use belongs to: a file by the number of its inode, all else
 * by its index (mm/rmap.c). */
uint32_t frame_owner_number(const struct vm *m, const struct frame *f);
/* Whether the frame holds nothing but zeros. */
bool frame_is_zero(const struct vm *m, pfn_t pfn);

/* Zeroes a frame. */
void frame_clear(struct vm *m, pfn_t pfn);

/* Copies a frame; a source without bytes leaves the target without. */
void frame_copy(struct vm *m, pfn_t to, pfn_t from);

/* ---- nodes and zones ---- */
/*
 * RAM lies on nodes in equal parts, in order of address; processors likewise.
 * A processor reaches each node, its own at the least distance.
 */
static inline unsigned node_of(const struct vm *m, pfn_t pfn)
{
	unsigned n = 0;

	while (pfn >= m->root->node[n].end)
		n++;
	return n;
}

static inline struct zone *zone_of(const struct vm *m, pfn_t pfn)
{
	struct zone *z = m->root->zone;

	while (pfn >= z->end)
		z++;
	return z;
}

static inline struct zone *zone_of_frame(
	const struct vm *m, const struct frame *f)
{
	return zone_of(m, (pfn_t)(f - frame_at(m, 0)));
}

/* The zone that a request looks at first: of those it may use, the nearest. */
static inline struct zone *zone_first(const struct vm *m, unsigned gfp)
{
	const struct zonelist *l = &m->zonelist[m->prefer][gfp & GFP_ZONE_MASK];
	unsigned i = 0;

	while (i + 1u < l->nr &&
		!(m->allowed >> m->root->zone[l->zone[i]].node & 1))
		i++;
	return &m->root->zone[l->zone[i]];
}

/* Whether the allocation in progress may use the zone. */
static inline bool zone_allowed(const struct vm *m, const struct zone *z)
{
	return m->allowed >> z->node & 1;
}

/* As firmware's SLIT has it: 10 to itself. */
unsigned node_distance(const struct vm *m, unsigned from, unsigned to);
/* The nodes in the order in which one falls back on them, itself first. */
void node_order(const struct vm *m, unsigned node, uint8_t order[MAX_NODES]);

/* numa_hit and its like begin at zero. */
void numa_forget_events(struct vm *m);

/* Allocations are t's from here on: its processor, its policy. */
struct task;
void phys_run_as(struct vm *m, struct task *t);

/* One number added up over zones: phys_sum(m, pages[USE_ANON]). */
static inline uint64_t zones_sum(
	const struct vm *m, unsigned from, unsigned nr, size_t at)
{
	const uint8_t *z = (const uint8_t *)&m->root->zone[from];
	uint64_t sum = 0;

	for (unsigned i = 0; i < nr; i++, z += sizeof(struct zone))
		sum += *(const uint64_t *)(z + at);
	return sum;
}

#define phys_sum(m, field) \
	zones_sum((m), 0, (m)->root->nr_zones, offsetof(struct zone, field))
#define node_sum(m, node, field)                                          \
	zones_sum((m), (node) * (m)->arch->nr_zones, (m)->arch->nr_zones, \
		offsetof(struct zone, field))

/* ---- requests ---- */
/*
 * Takes a block of 1 << order frames from the first zone of the zonelist that
 * stays above its low watermark with it, or else its min watermark; a zone
 * below the highest keeps its lowmem_reserve besides.  The list begins with
 * the zones of vm.prefer, and those of nodes outside vm.allowed are passed by.
 *  Returns its first
 * frame, PFN_NONE with ENOMEM set when no zone has one.  `state` is set on the
 * head; the others become FRAME_TAIL.  The contents are zero if zeroed is asked
 * for, else what they were.
 */
pfn_t buddy_alloc(struct vm *m, unsigned gfp, unsigned order,
	enum frame_state state, enum page_use use, bool zeroed);
/* Whoever will take a page soon holds none yet: has node reclaim done for it,
 * as the request itself would in Linux.  Takes nothing. */
void buddy_expect(struct vm *m, unsigned gfp);
void buddy_free(struct vm *m, pfn_t pfn, unsigned order, enum page_use use);
/* The daemons of the nodes allowed run after the command: kswapd of those where
 * no zone has such a block above its high watermark; where one has, kcompactd,
 * if who asks does not look for blocks itself. */
void kswapd_wake(struct vm *m, unsigned order, bool can_wait);

/* The part of the zone's free memory that is too small for the order, and why a
 * request of the order fails: near 0 for want of memory, near 1000 because it
 * is in pieces, -1000 when it does not fail.  In thousandths. */
int zone_unusable(const struct zone *z, unsigned order);
int zone_fragmentation(const struct zone *z, unsigned order);
/* Whether the zone has a block of the order or above that requests get. */
static inline bool zone_has_block(const struct zone *z, unsigned order)
{
	return z->nr_fresh ||
	       (z->orders[MIGRATE_UNMOVABLE] | z->orders[MIGRATE_MOVABLE] |
		       z->orders[MIGRATE_RECLAIMABLE]) >>
		       order;
}

/* Free pages of the blocks that are kept for those who cannot wait. */
static inline uint64_t zone_free_highatomic(const struct zone *z)
{
	uint64_t sum = 0;

	for (unsigned o = 0; z->orders[MIGRATE_HIGHATOMIC] >> o; o++)
		sum += (uint64_t)z->free[o].nr[MIGRATE_HIGHATOMIC] << o;
	return sum;
}

/* And of the others. */
static inline uint64_t zone_free_common(const struct zone *z)
{
	return z->nr_free - zone_free_highatomic(z);
}

/* Whether it has one and stays above the mark without it. */
static inline bool zone_watermark_ok(
	const struct zone *z, unsigned order, uint64_t mark)
{
	return zone_free_common(z) > mark + (1u << order) - 1 &&
	       zone_has_block(z, order);
}

/* Free blocks of an order in a zone, fresh ones included. */
uint64_t zone_free_blocks(const struct zone *z, unsigned order);
/* The same, of one type: fresh ones are movable. */
uint64_t zone_free_of(
	const struct zone *z, unsigned order, enum migrate_type type);
const char *zone_name(const struct vm *m, unsigned zone);
/* Pages of a zone that requests for zones up to type j leave alone. */
static inline uint64_t zone_lowmem_reserve(
	const struct vm *m, unsigned zone, unsigned j)
{
	return j < m->arch->nr_zones ? m->lowmem_reserve[zone][j] : 0;
}

/* After a change of lowmem_reserve_ratio, and of the zones. */
void lowmem_reserves_setup(struct vm *m);

/* Of all zones: high watermark and largest lowmem_reserve, which programs do
 * not get.  Linux: totalreserve_pages. */
uint64_t phys_total_reserve(const struct vm *m);

/*
 * The first block in use at or above *pfn: its first frame and order.  Continue
 * at *pfn + (1 << *order).  Reserved frames are not in use.
 */
bool phys_next_used(const struct vm *m, pfn_t *pfn, unsigned *order);

/*
 * Watermarks after a change of their settings: min is the zone's part of
 * min_free_kbytes, low and high lie watermark_scale_factor parts of 10000 of
 * the zone above, or a quarter of min.
 */
void watermarks_setup(struct vm *m);
/* min_free_kbytes is what was asked for. */
void watermarks_ask(struct vm *m, uint32_t kbytes);
/* min_free_kbytes by itself: floor(sqrt(16 * lowmem KiB)), 128..262144, or more
 * where transparent huge pages are wanted. */
void watermarks_default(struct vm *m);
/* Types were mixed in a page block: raises the zone's watermarks by a page
 * block until kswapd ran.  False if they stay. */
bool watermark_boost(struct vm *m, struct zone *z);
/* Gives a page block of those kept for atomic requests to the request's type;
 * force: even the last one.  False if there was none (highatomic.c). */
bool highatomic_unreserve(struct vm *m, unsigned gfp, bool force);
void watermark_set_boost(struct zone *z, uint64_t boost);

int phys_check(struct vm *m); /* part of vm_check() */

#endif
