/* How SLUB lays out a cache of objects. */
#ifndef PAGEFS_FS_SLAB_H
#define PAGEFS_FS_SLAB_H

#include <stdint.h>

/*
 * The order of a slab: from the one that holds 4 objects for each doubling of
 * the processors up to order 3, the first that wastes at most 1/16; else 1/8,
 * 1/4, 1/2; else the order of one object.  Linux mm/slub.c, calculate_order.
 */
unsigned slab_order(uint64_t page_size, unsigned cpus, uint64_t size);

#endif
