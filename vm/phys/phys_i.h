/* What the files of phys/ share. */
#ifndef PAGEFS_VM_PHYS_I_H
#define PAGEFS_VM_PHYS_I_H

#include "pageblock.h"
#include "phys.h"

#define ULL(x) ((unsigned long long)(x))

/* The kernel keeps the first MiB for itself, as Linux does since 5.13. */
#define LOW_RESERVE MiB

static inline bool frame_is_free(const struct frame *f, unsigned order)
{
	return f->state == FRAME_FREE && f->order == order;
}

static inline uint64_t clamp64(uint64_t v, uint64_t min, uint64_t max)
{
	return v < min ? min : v > max ? max : v;
}

/* firmware.c */
void firmware_boot(struct vm *m);

/* node.c */
void nodes_boot(struct vm *m);
void zonelists_build(struct vm *m);

/* The highest type of zone that a GFP_KERNEL request may use. */
static inline unsigned kernel_zone(const struct vm *m)
{
	return m->gfp_zone[GFP_KERNEL];
}

/* ---- buddy.c ---- */
/* Adds a block at the head of its list, without merging. */
void buddy_seed(struct vm *m, struct zone *z, pfn_t pfn, unsigned order);
/* Frames below `end` may hold non-zero bytes from now on. */
void phys_mark_used(struct vm *m, pfn_t end);
/* The first block of that order and type, which stays free. */
pfn_t free_first(
	struct vm *m, struct zone *z, unsigned order, enum migrate_type type);
/* Takes the first block of order `at` and gives all but 1 << order frames back,
 * to the lists of `to`; the frames still count as free. */
pfn_t free_take_first(struct vm *m, struct zone *z, unsigned at,
	enum migrate_type type, unsigned order, enum migrate_type to);
/* Takes the smallest sufficient block of a type, or none. */
pfn_t free_take(
	struct vm *m, struct zone *z, unsigned order, enum migrate_type type);
/* Takes the lowest frames, *nr <= most of them, of the smallest block of a
 * type: what as many requests for single ones would take. */
pfn_t free_run(struct vm *m, struct zone *z, enum migrate_type type,
	unsigned most, unsigned *nr);
/* A free block goes to the tail of another type's list. */
void free_move(struct vm *m, struct zone *z, pfn_t pfn, enum migrate_type from,
	enum migrate_type to);

/* ---- alloc.c ---- */
/* A block of the zone's free lists, of the type or else of others; then
 * *flags has ALLOC_STEAL if it was stolen. */
pfn_t zone_take(struct vm *m, struct zone *z, unsigned order,
	enum migrate_type type, unsigned *flags);

enum migrate_type gfp_type(unsigned gfp);

/* What a request may have beyond the min watermark; alloc.c tells how much. */
#define ALLOC_MIN_RESERVE 0x10u
#define ALLOC_NON_BLOCK	  0x20u
#define ALLOC_HIGHATOMIC  0x40u
#define ALLOC_RESERVES	  (ALLOC_MIN_RESERVE | ALLOC_NON_BLOCK)

/* ---- highatomic.c ---- */
/* An atomic request of order > 0 got that block: its page block is kept for
 * such requests from now on, if there are not enough of them. */
void highatomic_reserve(
	struct vm *m, struct zone *z, pfn_t pfn, unsigned order);
/* A block of theirs. */
pfn_t highatomic_take(struct vm *m, struct zone *z, unsigned order);

/* ---- fallback.c ---- */
#define ALLOC_NOFRAGMENT 0x1u /* whole page blocks of other types alone */
#define ALLOC_STEAL	 0x2u /* the refill had to steal: no other way is left */

/* Of the free blocks of a page block of one zone: to another type's lists.
 * False if it belongs to two zones. */
bool pageblock_convert(struct vm *m, struct zone *z, pfn_t pfn,
	enum migrate_type from, enum migrate_type to);

/* A block from page blocks of other types: that become the request's, or that
 * stay what they are. */
pfn_t fallback_claim(struct vm *m, struct zone *z, unsigned order,
	enum migrate_type type, unsigned flags);
pfn_t fallback_steal(
	struct vm *m, struct zone *z, unsigned order, enum migrate_type type);

#endif
