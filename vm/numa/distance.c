/*
 * How far the nodes are from each other: -o distance=.
 *
 *	20               from any node to any other: the default
 *	21:31:21         0-1, 0-2, 1-2: as far there as back
 *	10:21:16:10      a row for each node, 10 on the diagonal
 *
 * Source: ACPI's SLIT; Linux drivers/acpi/numa/srat.c (slit_valid).
 */
#include <string.h>

#include "../format.h"
#include "../number.h"
#include "distance.h"

#define LOCAL	 10u
#define FARTHEST 254u /* 255 is "cannot be reached" */

static unsigned pairs(unsigned nodes)
{
	return nodes * (nodes - 1) / 2;
}

int distance_parse(struct vm_config *c, const char *s)
{
	uint8_t d[MAX_NODES * MAX_NODES] = {0};
	unsigned nr = 0;

	for (;; s++) {
		uint64_t v;

		s = number_read(s, &v);
		if (!s || v < LOCAL || v > FARTHEST || nr == sizeof(d))
			return -1;
		d[nr++] = (uint8_t)v;
		if (*s != ':' && *s != ',')
			break;
	}
	if (*s)
		return -1;
	memcpy(c->distance, d, sizeof(d));
	c->nr_distances = nr;
	return 0;
}

void distance_format(const struct vm_config *c, char *buf, size_t size)
{
	size_t n = 0;

	for (unsigned i = 0; i < c->nr_distances; i++)
		n += vm_snprintf(
			buf + n, size - n, i ? ":%u" : "%u", c->distance[i]);
}

/* Whether there is a number for each pair, or a row for each node. */
static bool has_rows(const struct vm_config *c)
{
	return c->nodes > 1 && c->nr_distances == c->nodes * c->nodes;
}

int distance_check(const struct vm_config *c, char *err)
{
	unsigned n = c->nodes, nr = c->nr_distances;

	if (!nr || (nr != 1 && nr != pairs(n) && !has_rows(c))) {
		vm_snprintf(err, SENTENCE_MAX,
			"distance= has %u numbers; %u nodes take 1 for all, "
			"%u for their pairs, or %u in %u rows",
			nr, n, pairs(n), n * n, n);
		return -EINVAL;
	}
	for (unsigned i = 0; i < nr; i++) {
		bool self = has_rows(c) && i / n == i % n;

		if ((c->distance[i] == LOCAL) == self)
			continue;
		vm_snprintf(err, SENTENCE_MAX,
			"distance= number %u is %u: a node is 10 from itself, "
			"others are 11 to %u away",
			i + 1, c->distance[i], FARTHEST);
		return -EINVAL;
	}
	return 0;
}

unsigned distance_of(const struct vm_config *c, unsigned from, unsigned to)
{
	unsigned n = c->nodes, low = from < to ? from : to;

	if (has_rows(c))
		return c->distance[from * n + to];
	if (from == to)
		return LOCAL;
	if (c->nr_distances == 1)
		return c->distance[0];
	return c->distance[low * (2 * n - low - 1) / 2 + (from + to - low) -
			   low - 1];
}
