/* Sparse address space for the arena, from mmap(2). */
#ifndef PAGEFS_HOST_H
#define PAGEFS_HOST_H

#include "../vm/arena.h"

extern const struct vm_host host_mmap;

/*
 * Which 4096-byte pages of [base, base + len) hold host memory: one byte a
 * page, bit 0.  Pages without are all zero.  0 or -errno.
 */
int host_resident(const void *base, size_t len, unsigned char *vec);

#endif
