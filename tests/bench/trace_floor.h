/*
 * What the benchmarks of traces share: time, medians, and the floor, a loop
 * that does nothing but look up a two-level TLB.
 */
#ifndef PAGEFS_BENCH_TRACE_FLOOR_H
#define PAGEFS_BENCH_TRACE_FLOOR_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

#define ROUNDS 5

#define ROW "%-44s %10.0f %10.0f %8.2f %-8s %s\n"

/* Seconds of processor time, which other programs do not lengthen much. */
static inline double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static inline uint64_t random_next(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

#define L1_SETS 16
#define L1_WAYS 4
#define L2_SETS 128
#define L2_WAYS 12

static uint64_t floor_l1[L1_SETS][L1_WAYS], floor_l2[L2_SETS][L2_WAYS];

static inline int promote(uint64_t *set, unsigned ways, uint64_t tag)
{
	unsigned w = 1;

	while (w < ways && set[w] != tag)
		w++;
	for (unsigned i = w < ways ? w : ways - 1; i; i--)
		set[i] = set[i - 1];
	set[0] = tag;
	return w < ways;
}

static __attribute__((noinline)) uint64_t floor_run(
	const uint64_t *rec, size_t nr)
{
	uint64_t misses = 0;

	memset(floor_l1, 0, sizeof(floor_l1));
	memset(floor_l2, 0, sizeof(floor_l2));
	for (size_t i = 0; i < nr; i++) {
		uint64_t vpn = rec[i] << 6 >> 18, tag = vpn + 1;
		uint64_t *set = floor_l1[vpn % L1_SETS];

		if (set[0] == tag || promote(set, L1_WAYS, tag))
			continue;
		set = floor_l2[vpn % L2_SETS];
		if (set[0] != tag)
			misses += !promote(set, L2_WAYS, tag);
	}
	return misses;
}

#endif
