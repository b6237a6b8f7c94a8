/*
 * Swap: where pages without a file go.
 *
 * A swap area is a file of disk/, the machine's own device, /dev/vdb, or
 * /dev/zram0 (zram.h), cut into slots of one page; slot 0 is the header.
 *Page-table entries name a slot as x86 does, with P = 0:
 *
 *	64-bit   63   59 58                      9  8 7  3  2 1 0
 *	        +-------+-------------------------+---+-+-+-----+
 *	        | type  |  offset, inverted       | 0 |0|E|  0  |
 *	        +-------+-------------------------+---+-+-+-----+
 *	32-bit   31                  9  8  7  6  5     1  0
 *	        +---------------------+---+--+---+-------+--+
 *	        |       offset        | 0 |E | 0 | type  | 0|
 *	        +---------------------+---+--+---+-------+--+
 *
 * type is the area, E says that the page is of one process alone.
 *
 * A page may be in RAM and in its slot at once: then it is in the swap cache.
 * The slot names the frame, the frame's index the slot, and owner and index of
 * the frame (mm/rmap.h) are kept in the slot.  So several processes that bring
 * back a page that they share find one frame, and a page that was read and not
 * changed needs no second write.
 *
 *	refs > 0, frame 0   swapped out
 *	refs > 0, frame     in the swap cache, some entries still swapped
 *	refs 0, frame       in the swap cache, all entries mapped again
 *	refs 0, frame 0     free
 *
 * Source: Linux mm/swapfile.c, mm/swap_state.c,
 * arch/x86/include/asm/pgtable_64.h, pgtable-2level.h.
 */
#ifndef PAGEFS_VM_SWAP_H
#define PAGEFS_VM_SWAP_H

#include <string.h>

#include "../phys/phys.h"

struct swap_slot {
	uint32_t refs;	 /* entries of page tables and of objects */
	pfn_t frame;	 /* in the swap cache */
	uint32_t owner;	 /* of that frame; of a free slot, the next one */
	uint32_t shadow; /* of the page that left, see reclaim/workingset.c */
	uint64_t index : 40;
	uint64_t area : 8;
	uint64_t used : 1;
	uint64_t zero : 1; /* the page was all zero: nothing was written */
};

_Static_assert(sizeof(struct swap_slot) == 24, "24 bytes a slot");

static inline struct swap_slot *slot_at(const struct vm *m, uint32_t slot)
{
	return (struct swap_slot *)m->arena.seg[SEG_SLOT].base + slot;
}

static inline struct swap_slot *frame_slot(
	const struct vm *m, const struct frame *f)
{
	return slot_at(m, (uint32_t)f->index);
}

/* swapoff is at work on its area. */
static inline bool swap_slot_closing(const struct vm *m, uint32_t slot)
{
	return m->root->swap[slot_at(m, slot)->area].closing;
}

/* Its area lies in RAM: nothing is saved by reading ahead, nor by keeping the
 * slot of a page that is back. */
static inline bool swap_is_ram(const struct vm *m, uint32_t slot)
{
	return m->root->swap[slot_at(m, slot)->area].zram;
}

/* Pages in all areas, the headers not counted, and those not in use. */
static inline uint64_t swap_total(const struct vm *m)
{
	return m->root->swap_pages;
}

static inline uint64_t swap_free(const struct vm *m)
{
	return m->root->swap_pages - m->root->swap_used;
}

/* Less than half is free: no slot is kept only to save a write. */
static inline bool swap_full(const struct vm *m)
{
	return swap_free(m) * 2 < swap_total(m);
}

/* ---- areas (area.c) ---- */
/* The machine's own area, if it has one. */
int swap_boot(struct vm *m);
int swap_on_own(struct vm *m, int64_t prio);
/*
 * Uses a file as an area.  It has the header that mkswap(8) writes, and no
 * holes.  prio below 0: the next one down from -2.  0; EINVAL without header
 * or with holes, EBUSY if in use.
 */
int swap_on(struct vm *m, idx_t inode, int64_t prio);
/* Uses /dev/zram0, which has a header.  Of `bytes`, if not 0, with a new
 * header: one of another size is reset first.  EBUSY, EINVAL, ENOMEM, EIO,
 * EOPNOTSUPP. */
int swap_on_zram(struct vm *m, uint64_t bytes, int64_t prio);
/* The header, of a block, for an area of `bytes`: 0, EINVAL, EFBIG. */
int swap_header(struct vm *m, uint64_t bytes, uint8_t *head);
/* Makes a header over `bytes` of the file, which gets its blocks: 0; EINVAL,
 * EFBIG, ENOSPC or ENOMEM with nothing done. */
int swap_make(struct vm *m, idx_t inode, uint64_t bytes);
/* Both: a header over `bytes` of the file, which is an area then. */
int swap_on_made(struct vm *m, idx_t inode, uint64_t bytes, int64_t prio);
/* The area of an inode, 0 the machine's own; NULL if it is none. */
struct swap_area *swap_area_of(struct vm *m, idx_t inode);
/* Brings everything back and gives the area up: 0, -ENOMEM. */
int swap_off(struct vm *m, struct swap_area *a);
static inline bool inode_is_swap(struct vm *m, idx_t inode)
{
	return inode && m->root->swap_files && swap_area_of(m, inode);
}

/* ---- slots (slot.c) ---- */
/* A slot without references, of the area with the highest priority that has
 * one, areas of one priority in turn; 0: none is free. */
uint32_t swap_alloc(struct vm *m);
/* Slots that it could give; those of an area that swapoff empties are none. */
uint32_t swap_room(const struct vm *m);
static inline void swap_get(struct vm *m, uint32_t slot)
{
	slot_at(m, slot)->refs++;
}
/* One reference less; an idle page goes with the last one. */
void swap_put(struct vm *m, uint32_t slot);
/* Frees the slot if nothing refers to it. */
void swap_release(struct vm *m, uint32_t slot);

/* Writes a frame to its slot, false if that finds no memory; reads a slot into
 * a frame that is all zero. */
bool swap_write(struct vm *m, uint32_t slot, pfn_t pfn);
void swap_read(struct vm *m, uint32_t slot, pfn_t pfn);
/* The bytes of a slot, in the cache or not, without changing anything. */
void swap_look(const struct vm *m, uint32_t slot, uint8_t *buf);

/* A page of /dev/vdb, at a byte. */
void vdb_write(struct vm *m, uint64_t off, const uint8_t *from);
static inline void vdb_read(const struct vm *m, uint64_t off, uint8_t *to)
{
	memcpy(to, seg_at(m, SEG_SWAP, off), m->page_size);
}

/* Zeroes the bytes of a page in its slot from `in` on. */
void swap_zero_tail(struct vm *m, uint32_t slot, uint64_t in);

/* ---- swap cache (slot.c) ---- */
void swap_cache_add(struct vm *m, uint32_t slot, pfn_t pfn);
/* The frame leaves it, with owner and index as before; the slot is freed if
 * nothing refers to it. */
void swap_cache_del(struct vm *m, pfn_t pfn);
/* Out of the cache if no entry refers to the slot any more: true. */
bool swap_cache_drop(struct vm *m, pfn_t pfn);

/* ---- entries ---- */
#define SWAP_TYPE_BITS 5u

/* The slot that a page-table entry names; 0 for any other entry. */
uint32_t swap_entry_slot(const struct vm *m, uint64_t e);
uint64_t swap_entry(const struct vm *m, uint32_t slot, bool exclusive);
static inline uint64_t swap_entry_exclusive(const struct vm *m)
{
	return m->arch->entry_bytes == 8 ? 1u << 3 : 1u << 7;
}
/* The bits of an entry that hold the offset. */
uint64_t swap_entry_offset_bits(const struct vm *m);
/* Type and offset of a slot, as people see them. */
void swap_place(
	const struct vm *m, uint32_t slot, unsigned *type, uint32_t *offset);

int swap_check(struct vm *m);

#endif
