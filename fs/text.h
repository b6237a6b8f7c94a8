/*
 * Digits for the files that programs read often: eight hex digits at a time
 * in one machine word, and the "label  number kB" lines of smaps and meminfo.
 */
#ifndef PAGEFS_FS_TEXT_H
#define PAGEFS_FS_TEXT_H

#include "show.h"

/* Eight hex digits of v, the first in the lowest byte (little-endian). */
static inline uint64_t text_hex8(uint32_t v)
{
	const uint64_t ones = 0x0101010101010101;
	uint64_t x = v;

	/* one nibble into each byte */
	x = (x & 0xffff0000) << 16 | (x & 0xffff);
	x = (x & 0x0000ff000000ff00) << 8 | (x & 0x000000ff000000ff);
	x = (x & 0x00f000f000f000f0) << 4 | (x & 0x000f000f000f000f);
	/* '0' + nibble, and 39 more for those above 9 */
	x += ones * '0' + ((x + ones * 6) >> 4 & ones) * ('a' - '0' - 10);
	return __builtin_bswap64(x);
}

/*
 * Hex of v with at least eight digits, as %08llx; 16 bytes at p are written,
 * the end of the digits is returned.
 */
static inline char *text_hex(char *p, uint64_t v)
{
	uint32_t high = v >> 32;
	uint64_t t;

	if (high) {
		unsigned skip = (unsigned)__builtin_clz(high) / 4;

		t = text_hex8(high) >> 8 * skip;
		memcpy(p, &t, 8);
		p += 8 - skip;
	}
	t = text_hex8((uint32_t)v);
	memcpy(p, &t, 8);
	return p + 8;
}

/* Copies a string constant; sizeof counts its NUL, which is not copied. */
#define text_lit(p, s) ((char *)memcpy(p, s, sizeof(s) - 1) + (sizeof(s) - 1))

/* Right-aligned decimal in at least `width` places, as %*llu. */
static inline char *text_dec_pad(char *p, uint64_t v, unsigned width)
{
	char t[20];
	unsigned n = format_dec(t, v);

	for (; width > n; width--)
		*p++ = ' ';
	memcpy(p, t, n);
	return p + n;
}

/* "Label:     number kB": label padded to `column`, number to `width`. */
static inline void text_kb_at(struct sbuf *b, const char *label,
	unsigned column, unsigned width, uint64_t kb)
{
	size_t n = strlen(label);
	char *p = sbuf_room(b, n + column + width + 32);

	if (!p)
		return;
	memcpy(p, label, n);
	for (p += n; n < column; n++)
		*p++ = ' ';
	p = text_dec_pad(p, kb, width);
	sbuf_end(b, text_lit(p, " kB\n"));
}

static inline void text_kb(struct sbuf *b, const char *label, uint64_t kb)
{
	text_kb_at(b, label, 16, 8, kb);
}

#endif
