#include "dmesg.h"

#include <stdarg.h>
#include <string.h>

#include "../format.h"

static void put(struct vm *m, const char *s, size_t n)
{
	struct root *r = m->root;
	char *ring = seg_at(m, SEG_DMESG, 0);

	m->arena.seg[SEG_DMESG].used = DMESG_BYTES;
	for (size_t i = 0; i < n; i++)
		ring[r->dmesg_end++ % DMESG_BYTES] = s[i];
}

void dmesg_line(struct vm *m, const char *fmt, ...)
{
	unsigned long long us = m->root->ns / 1000;
	char line[DMESG_LINE];
	va_list ap;
	size_t n = vm_snprintf(line, sizeof(line), "[%5llu.%06llu] ",
		us / 1000000, us % 1000000);

	put(m, line, n);
	va_start(ap, fmt);
	n = vm_vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	put(m, line, n);
	put(m, "\n", 1);
}

size_t dmesg_copy(const struct vm *m, char *buf)
{
	const char *ring = seg_at(m, SEG_DMESG, 0);
	uint64_t end = m->root->dmesg_end, at = 0;
	size_t n = 0;

	if (end > DMESG_BYTES) {
		at = end - DMESG_BYTES;
		while (at < end && ring[at++ % DMESG_BYTES] != '\n')
			;
	}
	for (; at < end; at++)
		buf[n++] = ring[at % DMESG_BYTES];
	return n;
}
