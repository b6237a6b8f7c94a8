/*
 * The arena: all state of one machine, as a few segments of plain bytes.
 *
 *	segment   elements              addressed by
 *	-------   --------              ------------
 *	ROOT      one struct root       -
 *	RAM       bytes of RAM          physical address
 *	FRAME     struct frame          page frame number
 *	PCP       struct pcp            zone, cpu
 *	PAGEBLOCK one byte              number of the page block
 *	TLB       struct tlb_entry      cpu, level, set, way
 *	BLOCK     4096-byte disk blocks block number
 *	SLOT      struct swap_slot      slot of a swap area
 *	SWAP      bytes of /dev/vdb     offset
 *	ZRAM      struct zram_entry     page of /dev/zram0
 *	DMESG     text, a ring          -
 *	POLICY    see reclaim/policy.h  page frame number
 *	pools     fixed-size objects    32-bit index, 0 = none
 *
 * Every segment is a sparse reservation of host memory that never moves, so
 * pointers into it stay valid while the machine lives; but no pointer is ever
 * stored inside a segment.  Bytes that were never written read as zero.  A
 * snapshot is a copy of the non-zero bytes, a restore is a load of them, and
 * two machines with the same history are equal byte for byte.
 *
 * Indexes that can be derived from the state (search trees, hash tables) live
 * outside, in ordinary memory, and are rebuilt by vm_reindex() after a load.
 */
#ifndef PAGEFS_VM_ARENA_H
#define PAGEFS_VM_ARENA_H

#include "types.h"

/* Segments.  The X-list gives name, element size, and is kept in one place. */
enum seg_id {
	SEG_ROOT,
	SEG_RAM,
	SEG_FRAME,
	SEG_PAGEBLOCK,
	SEG_PCP,
	SEG_TLB,
	SEG_BLOCK,
	SEG_SLOT,   /* of all swap areas */
	SEG_SWAP,   /* bytes of the machine's own swap area */
	SEG_ZRAM,   /* what the pages of /dev/zram0 became */
	SEG_DMESG,  /* the kernel's log */
	SEG_POLICY, /* of textbook replacement, see reclaim/policy.h */
	SEG_TASK,   /* the pools start here */
	SEG_MM,
	SEG_VMA,
	SEG_FAMILY, /* of VMAs that may share anonymous pages */
	SEG_FILE,
	SEG_INODE,
	SEG_NAME,
	SEG_RADIX,
	SEG_LABEL,
	SEG_FD,
	SEG_MPOL,  /* policies of shared memory, see numa/ */
	SEG_CACHE, /* of equal objects in slabs, see slab/ */
	SEG_INPUT, /* state of half-read strace logs, see input/ */
	NR_SEG
};

#define SEG_FIRST_POOL SEG_TASK

/*
 * What the machine needs from its host: address space.  reserve() returns
 * zero-filled sparse memory of at least `bytes`, or NULL.
 */
struct vm_host {
	void *(*reserve)(size_t bytes);
	void (*release)(void *base, size_t bytes);
};

struct segment {
	uint8_t *base;
	uint64_t reserved; /* bytes of address space */
	uint64_t used;	   /* bytes; everything at and above is zero */
};

/*
 * Free list and high-water mark of a pool; kept in struct root so that they
 * are saved with the objects.  A free object is all zero but for its first
 * word, the index of the next free one.
 */
struct pool_state {
	uint32_t nr;   /* objects ever handed out, plus one for index 0 */
	uint32_t free; /* head of the free list */
	uint32_t live; /* objects in use now */
};

/*
 * Which 4096-byte pieces of a segment may have changed: one byte a piece, and
 * one byte for each DIRTY_GROUP of them, so that a sparse segment is searched
 * quickly.  Derived: whoever saves the state clears the bytes.  RAM and BLOCK
 * have a map, each write to them marks it; the others are small.
 */
#define DIRTY_PAGE_SHIFT  12
#define DIRTY_GROUP_SHIFT 24

struct dirty_map {
	uint8_t *page;	/* NULL: no map */
	uint8_t *group; /* follows the pages in the same reservation */
	uint64_t bytes; /* of the reservation */
};

/* Room for what a command needs while it runs, see scratch_take(). */
#define SCRATCH_BYTES (8u << 20)

struct arena {
	struct segment seg[NR_SEG];
	struct dirty_map dirty[NR_SEG];
	uint8_t *scratch;
	uint64_t scratch_used;
	const struct vm_host *host;
};

struct vm;

/* Reserves `bytes` for a segment and marks `used` of them as in use. */
int arena_reserve(struct vm *m, enum seg_id id, uint64_t bytes, uint64_t used);
/* Adds a dirty map, all clean. */
int arena_track(struct vm *m, enum seg_id id);
int arena_scratch(struct vm *m);
void arena_release(struct vm *m);

/*
 * Memory for the command in progress, reserved with the machine: whether a
 * command succeeds does not depend on what memory the host has left.  NULL when
 * SCRATCH_BYTES are not enough.  Giving back takes all that was taken later
 * with it; NULL is nothing.
 */
void *scratch_take(struct vm *m, uint64_t bytes);
void scratch_give(struct vm *m, void *p);
const char *arena_seg_name(enum seg_id id);

/* Size in bytes of one object of a pool; 0 for segments that are no pools. */
size_t pool_elem_size(enum seg_id id);

/*
 * Takes a zeroed object; returns its index, or 0 with ENOMEM set by vm_fail()
 * when the pool is full.  Deterministic: last freed, first reused.
 */
idx_t pool_alloc(struct vm *m, enum seg_id id);
void pool_free(struct vm *m, enum seg_id id, idx_t i);
/* Objects live now. */
uint32_t pool_live(const struct vm *m, enum seg_id id);
/* Objects that can still be taken: for operations that must not fail halfway.
 */
uint32_t pool_room(const struct vm *m, enum seg_id id);

#endif
