/*
 * A pool for objects of any size up to a page, in frames of RAM: zsmalloc.
 *
 * An object begins with a word of 8 bytes that says whose it is, and is rounded
 * up to a size class, a multiple of 16 bytes from 32 on.  A class has groups of
 * one to eight frames, as many as leave the fewest bytes unused; in a group
 * objects lie side by side, also across the borders of frames.  Classes of as
 * many frames and objects a group are one, the largest of them:
 *
 *	class of 1472 bytes, 4 frames   11 objects, 192 bytes unused
 *	| 0  | 1  | 2| | 3  | 4  |5 | ...
 *	|   frame      |    frame    | ...
 *
 * The word of an object in use is its owner's number, shifted left by one, and
 * bit 0; of a free one the number of the next free one plus one, shifted.  An
 * object of a whole page has no word, and a frame of its own.
 *
 * Groups that are neither empty nor full are on lists of their class, by tenths
 * of their objects in use.  An object is taken from the first group of the
 * fullest tenth; an empty group goes back to the buddy allocator at once.
 * Compaction moves objects from the emptiest groups to the fullest.  What the
 * first frame of a group says:
 *
 *	next, prev   a list of the class
 *	owner        bits 0-7 the class, 8-19 the first free object plus one,
 *		     20-31 objects in use
 *	index        the next frame of the group, 0 behind the last
 *
 * Source: Linux mm/zsmalloc.c, with CONFIG_ZSMALLOC_CHAIN_SIZE=8.
 */
#ifndef PAGEFS_VM_ZPOOL_H
#define PAGEFS_VM_ZPOOL_H

#include "../phys/phys.h"

#define ZPOOL_STEP   16u
#define ZPOOL_LEAST  32u
#define ZPOOL_FRAMES 8u
#define ZPOOL_WORD   8u
/* The class of the largest objects with neighbours is one of 3632 bytes; longer
 * ones take a frame each. */
#define ZPOOL_HUGE (3632u - (ZPOOL_WORD - 1))

struct zobject {
	pfn_t group; /* its first frame; PFN_NONE: no object */
	uint32_t nr; /* in the group */
};

/*
 * Room for len bytes, 1 to a page, for `owner`.  Takes frames from below the
 * min watermark too: memory is freed by this.  False without memory.
 */
bool zpool_alloc(
	struct vm *m, uint32_t len, uint32_t owner, struct zobject *out);
void zpool_free(struct vm *m, struct zobject o);
void zpool_write(
	struct vm *m, struct zobject o, const uint8_t *from, uint32_t len);
void zpool_read(
	const struct vm *m, struct zobject o, uint8_t *to, uint32_t len);
/* The class of len bytes: objects of two lengths take as much room if they are
 * of one class. */
uint32_t zpool_class(const struct vm *m, uint32_t len);
/* Moves objects together, tells `moved` the owner's new place of each; returns
 * how many frames became free. */
uint64_t zpool_compact(struct vm *m,
	void (*moved)(struct vm *m, uint32_t owner, struct zobject o));

/* ---- for checks ---- */
/* Objects in use in a group. */
uint32_t zpool_in_use(const struct vm *m, pfn_t group);
/* A frame that begins a group, and an object of `owner` in it. */
bool zpool_has(const struct vm *m, struct zobject o, uint32_t owner);
/* Groups are on the list of their tenth.  0 or -EIO. */
int zpool_check(struct vm *m);

#endif
