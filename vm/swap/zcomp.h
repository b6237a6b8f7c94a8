/*
 * The algorithms that /dev/zram0 can compress a page by.
 *
 * How long a page becomes decides which frames are free, so it is a part of
 * the machine's history.  The formats are fixed, but another version of a
 * library may choose other matches; so the machine keeps the versions that it
 * was made with (lz4= and zstd= of its configuration), and an algorithm is
 * refused where its library is another.  None needs memory but what it is
 * given: whether a command succeeds must not depend on the host.
 *
 * Source: Linux drivers/block/zram/zcomp.c, backend_lz4.c, backend_lz4hc.c,
 * backend_zstd.c.
 */
#ifndef PAGEFS_VM_ZCOMP_H
#define PAGEFS_VM_ZCOMP_H

#include "../machine.h"

#define ZCOMP_BYTES    8192u	 /* what a page becomes at most */
#define ZCOMP_NO_LEVEL INT32_MIN /* the algorithm's own */
#define ZCOMP_DEFAULT  0u	 /* lz4 */

/* Name of an algorithm, by number from 0; NULL behind the last. */
const char *zcomp_name(unsigned alg);
/* Its number, -1: there is none. */
int zcomp_find(const char *name);
/* 0, or -EOPNOTSUPP with a sentence: the machine was made with another version
 * of its library. */
int zcomp_usable(struct vm *m, unsigned alg);

/* The versions of the libraries, as the configuration has them. */
uint32_t zcomp_lz4_version(void);
uint32_t zcomp_zstd_version(void);

/* A page of the machine, in ZCOMP_BYTES at `to`; the length. */
uint32_t zcomp_compress(struct vm *m, unsigned alg, int32_t level,
	const uint8_t *from, uint8_t *to);
/* False if it is no page of the machine that was compressed so. */
bool zcomp_decompress(const struct vm *m, unsigned alg, const uint8_t *from,
	uint32_t len, uint8_t *to);

#endif
