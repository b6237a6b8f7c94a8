/*
 * /dev/zram0: a swap area in RAM, whose pages are compressed.
 *
 * A page that goes there is
 *
 *	one word repeated           kept as that word, without memory
 *	compressed, < ZPOOL_HUGE    in the pool (zpool.h)
 *	else                        kept whole, in a frame of the pool
 *	written back                on the backing device, whole
 *
 * The pool's frames are frames of the machine: what lies there counts as used
 * RAM, and its bytes can be seen in phys/ram.
 *
 * The device is set up as Linux's is, by the files of sys/block/zram0: an
 * algorithm (zcomp.h), a size, a swap header (mkswap), and swapon.  `reset`
 * frees all of it, and swapoff must have been before.
 *
 * Source: Linux drivers/block/zram/zram_drv.c.
 */
#ifndef PAGEFS_VM_ZRAM_H
#define PAGEFS_VM_ZRAM_H

#include "swap.h"

#define ZRAM_NAME "/dev/zram0"

/* A page of the device; all zero: nothing was written. */
struct zram_entry {
	uint64_t word;	  /* of a page that is one word repeated */
	pfn_t group;	  /* its object in the pool, see zpool.h */
	uint16_t nr;	  /* the object's number in the group */
	uint16_t len;	  /* of the object; 0: the page is `word` */
	uint16_t known;	  /* bytes that count, the rest is zero; 0: no page */
	uint8_t priority; /* of the algorithm that compressed it */
	uint8_t flags;	  /* ZRAM_* */
	uint32_t reserved;
};

#define ZRAM_WB		    1u /* written back: `word` is the block */
#define ZRAM_IDLE	    2u /* not used since it was marked */
#define ZRAM_INCOMPRESSIBLE 4u /* no algorithm makes it smaller */
#define ZRAM_PP		    8u /* a command that is running is to do it */

_Static_assert(sizeof(struct zram_entry) == 24, "24 bytes a page");

static inline struct zram_entry *zram_entry_at(
	const struct vm *m, uint32_t page)
{
	return (struct zram_entry *)m->arena.seg[SEG_ZRAM].base + page;
}

static inline uint32_t zram_pages(const struct vm *m)
{
	return (uint32_t)(m->root->zram.bytes >> m->page_shift);
}

void zram_boot(struct vm *m);
/* The area, NULL if it is not in use; at most so many bytes. */
struct swap_area *zram_area(struct vm *m);
uint64_t zram_max(const struct vm_config *c);

/* ---- the device (zram.c) ---- */
/* A size in whole pages. */
static inline uint64_t zram_rounded(const struct vm *m, uint64_t bytes)
{
	return (bytes + m->page_size - 1) & ~(m->page_size - 1);
}
/* 0; EINVAL no size, ENOMEM too large. */
int zram_may_have(struct vm *m, uint64_t bytes);
/* The same, EBUSY it has a size, EOPNOTSUPP. */
int zram_init(struct vm *m, uint64_t bytes);
/* Gives all that it holds back; EBUSY while it is in use. */
int zram_reset(struct vm *m);
/* Writes a swap header over all of it: EINVAL it has no size or less than ten
 * pages, EBUSY, EIO. */
int zram_make_swap(struct vm *m);

/* Page `page` of the device.  Storing replaces what was there; false without
 * memory or above mem_limit, then the page is empty. */
bool zram_store(struct vm *m, uint32_t page, const uint8_t *from);
void zram_load(const struct vm *m, uint32_t page, uint8_t *to);
/* From `in` on the page is zero. */
void zram_zero_tail(struct vm *m, uint32_t page, uint64_t in);
void zram_free(struct vm *m, uint32_t page);
/* A page is about to be read: it is not idle. */
void zram_note_read(struct vm *m, uint32_t page);

/* ---- the files that are written to (zram_file.c, _post.c, _back.c) ---- */
/* What was written to sys/block/zram0/FILE, without the newline.  0 or an
 * errno with a sentence, Linux's for each. */
int zram_file_write(struct vm *m, const char *file, const char *text);

/* ---- checks (zram_check.c) ---- */
/* Every entry has its object, every object its entry, the sums are right. */
int zram_check(struct vm *m);

#endif
