/*
 * /dev/zram0: a swap area in RAM, whose pages are compressed.
 *
 * A page that goes there is
 *
 *	one word repeated       kept as that word, without memory
 *	at most 3264 bytes      compressed by LZ4, in the pool (zpool.h)
 *	when compressed
 *	else                    kept whole, in a frame of the pool
 *
 * The pool's frames are frames of the machine: what lies there counts as used
 * RAM, and its bytes can be seen in phys/ram.
 *
 * How long a page becomes decides which frames are free, so it is a part of
 * the machine's history.  LZ4's format is fixed, but another version of the
 * library may choose other matches; so the machine keeps the version that it
 * was made with (lz4= of its configuration), and /dev/zram0 is refused where
 * the library is another.  LZ4 because it needs no memory but what it is given:
 * whether a command succeeds must not depend on the host.
 *
 * Source: Linux drivers/block/zram/zram_drv.c.
 */
#ifndef PAGEFS_VM_ZRAM_H
#define PAGEFS_VM_ZRAM_H

#include "swap.h"

#define ZRAM_NAME "/dev/zram0"
#define ZRAM_HUGE 3264u /* longer ones are kept whole */

/* A page of the device; all zero: nothing was written. */
struct zram_entry {
	uint64_t word;	/* of a page that is one word repeated */
	pfn_t group;	/* its object in the pool, see zpool.h */
	uint16_t nr;	/* the object's number in the group */
	uint16_t len;	/* of the object; 0: the page is `word` */
	uint16_t known; /* bytes that count, the rest is zero; 0: no page */
	uint16_t reserved[3];
};

_Static_assert(sizeof(struct zram_entry) == 24, "24 bytes a page");

/* The library's version, as lz4= of the configuration has it. */
uint32_t zram_library(void);
/* 0, or -EOPNOTSUPP with a sentence: the machine was made with another one. */
int zram_usable(struct vm *m);

/* The area, NULL if it is not in use; at most so many bytes. */
struct swap_area *zram_area(struct vm *m);
uint64_t zram_max(const struct vm_config *c);

/* Page `page` of the device.  Storing replaces what was there; false without
 * memory, then the old bytes are kept. */
bool zram_store(struct vm *m, uint32_t page, const uint8_t *from);
void zram_load(const struct vm *m, uint32_t page, uint8_t *to);
/* From `in` on the page is zero. */
void zram_zero_tail(struct vm *m, uint32_t page, uint64_t in);
void zram_free(struct vm *m, uint32_t page);

/* Every entry has its object, every object its entry, the sums are right. */
int zram_check(struct vm *m);

#endif
