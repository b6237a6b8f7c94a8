/*
 * A pool for objects of any size up to a page, in frames of RAM.
 *
 * Sizes are rounded up to a class, a multiple of 64 bytes.  A class has groups
 * of one to four frames, as many as leave the least unused; in a group objects
 * lie side by side, also across the borders of frames:
 *
 *	class of 1472 bytes, 3 frames   8 objects, 512 bytes unused
 *	| 0  | 1  | 2| | 3  | 4  |5 | ...
 *	|   frame      |    frame    | ...
 *
 * A free object begins with the number of the next free one, plus one.  Groups
 * with a free object are on the list of their class, and an object is taken
 * from the first; an empty group goes back to the buddy allocator at once.
 * What the first frame of a group says:
 *
 *	next, prev   the list of the class
 *	owner        bits 0-7 the class, 8-15 the first free object,
 *		     16-31 objects in use
 *	index        the next frame of the group, 0 behind the last
 *
 * Like Linux mm/zsmalloc.c, whose classes lie 16 bytes apart with groups of up
 * to 8 frames, and which moves objects together when memory is compacted.
 */
#ifndef PAGEFS_VM_ZPOOL_H
#define PAGEFS_VM_ZPOOL_H

#include "../phys/phys.h"

#define ZPOOL_STEP   64u
#define ZPOOL_FRAMES 4u

struct zobject {
	pfn_t group; /* its first frame; PFN_NONE: no object */
	uint32_t nr; /* in the group */
};

/*
 * Room for len bytes, 1 to a page.  Takes frames from below the min watermark
 * too: memory is freed by this.  False without memory.
 */
bool zpool_alloc(struct vm *m, uint32_t len, struct zobject *out);
void zpool_free(struct vm *m, struct zobject o);
void zpool_write(
	struct vm *m, struct zobject o, const uint8_t *from, uint32_t len);
void zpool_read(
	const struct vm *m, struct zobject o, uint8_t *to, uint32_t len);
/* Objects in use in a group, for checks. */
uint32_t zpool_in_use(const struct vm *m, pfn_t group);
/* A frame that begins a group, and an object number that it has. */
bool zpool_has(const struct vm *m, struct zobject o);

#endif
