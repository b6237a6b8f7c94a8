/* What benchmarks share: medians, and a database that goes away. */
#ifndef PAGEFS_BENCH_BENCH_H
#define PAGEFS_BENCH_BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static inline double median(double *v, int n)
{
	qsort(v, (size_t)n, sizeof(*v), by_value);
	return v[n / 2];
}

static inline void remove_database(const char *path)
{
	static const char *const suffix[] = {"", "-wal", "-shm"};
	char name[320];

	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s%s", path, suffix[i]);
		unlink(name);
	}
}

#endif
