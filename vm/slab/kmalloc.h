/*
 * kmalloc: memory of any size for kernel code, by its kernel address.
 *
 *	bytes         from
 *	-----         ----
 *	0             ZERO_SIZE_ADDRESS, which may be freed and not be used
 *	1 to 8 KiB    the cache with the smallest objects that are large enough
 *	to 4 MiB      the page allocator, a block of frames (two pages and more
 *		      are too much for a cache)
 *
 * Source: Linux mm/slab_common.c, mm/slub.c (kmalloc, kfree, ksize, krealloc).
 */
#ifndef PAGEFS_VM_KMALLOC_H
#define PAGEFS_VM_KMALLOC_H

#include "slab.h"

#define ZERO_SIZE_ADDRESS 16u

/* frame.owner of a block that kmalloc took: no slab, but it counts as one that
 * is unreclaimable. */
#define OWNER_KMALLOC (UINT32_MAX - 1)

/*
 * The address; 0 with ENOMEM, or EINVAL for zones that have no fixed kernel
 * addresses.  The bytes are what they were unless `zeroed`.
 */
vaddr_t kmalloc(struct vm *m, uint64_t size, unsigned gfp, bool zeroed);
/* 0, or -EINVAL with what is wrong with the address; 0 and ZERO_SIZE_ADDRESS
 * are nothing. */
int kfree(struct vm *m, vaddr_t addr);
/* Bytes that may be used at an address of kmalloc's; -EINVAL. */
int64_t ksize(struct vm *m, vaddr_t addr);
/* The contents at an address with room for `size`; 0 with ENOMEM, EINVAL. */
vaddr_t krealloc(
	struct vm *m, vaddr_t addr, uint64_t size, unsigned gfp, bool zeroed);

/* An object of a cache that a command made, by its kernel address. */
vaddr_t cache_take(struct vm *m, idx_t cache, unsigned gfp, bool zeroed);
int cache_give(struct vm *m, idx_t cache, vaddr_t addr);

#endif
