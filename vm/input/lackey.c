/*
 * Valgrind lackey's memory traces as text, eight characters at a time.
 *
 * A line is "I  ADDR,SIZE" or " L ADDR,SIZE" (also S and M): a letter, then
 * at column 3 up to 16 hex digits, a comma, a decimal size.  The digits of a
 * word are classified and packed with a few arithmetic steps on all eight
 * bytes at once (SWAR); whatever does not fit that form goes through a plain
 * reader, which alone decides what is malformed.
 */
#include "input.h"

#include <string.h>

#include "../mmu/mmu.h"

#define REP8(b)	   (0x0101010101010101ull * (b))
#define MAX_LOG2SZ 6  /* sizes beyond 64 bytes count as 64 */
#define LINE_FAST  32 /* bytes that the fast reader may look at */

static inline uint64_t load8(const char *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	return v;
}

/*
 * The bytes of v that are no hex digits in lower or upper case: 0x80 in each.
 * Bytes above 0x7f count as no digits.  Each sum stays below 0x100, so no
 * byte disturbs its neighbour.
 */
static inline uint64_t not_hex(uint64_t v)
{
	uint64_t low = v & REP8(0x7f), lower = low | REP8(0x20);
	uint64_t ge_0 = low + REP8(0x80 - '0');
	uint64_t gt_9 = low + REP8(0x80 - '9' - 1);
	uint64_t ge_a = lower + REP8(0x80 - 'a');
	uint64_t gt_f = lower + REP8(0x80 - 'f' - 1);

	return (~((ge_0 & ~gt_9) | (ge_a & ~gt_f)) | v) & REP8(0x80);
}

/* The value of eight hex digits, the first in the lowest byte. */
static inline uint32_t hex8(uint64_t v)
{
	v = (v & REP8(0x0f)) + 9 * (v >> 6 & REP8(1));
	v = (v << 4 | v >> 8) & 0x00ff00ff00ff00ff;
	v = (v << 8 | v >> 16) & 0x0000ffff0000ffff;
	return (uint32_t)(v << 16 | v >> 32);
}

/*
 * Takes up to eight digits at p; *n gets how many.  Shifting the word moves
 * the digits to its upper end, so that zeros stand before them.
 */
static inline uint64_t hex_run(const char *p, unsigned *n)
{
	uint64_t v = load8(p), stop = not_hex(v);

	*n = stop ? (unsigned)__builtin_ctzll(stop) / 8 : 8;
	if (!*n)
		return 0;
	return hex8(v << (64 - *n * 8));
}

/* log2 of a size, rounded up; 64 bytes at most. */
static inline unsigned log2_size(uint64_t size)
{
	unsigned l = size > 1 ? 64 - (unsigned)__builtin_clzll(size - 1) : 0;

	return l < MAX_LOG2SZ ? l : MAX_LOG2SZ;
}

/*
 * What the first three bytes of a line name, found by the low bits of the
 * second; where they differ from `head` the line names nothing.
 */
#define HEAD(a, b) ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)' ' << 16)
static const struct {
	uint32_t head, kind;
} heads[8] = {
	[' ' & 7] = {HEAD('I', ' '), TRACE_FETCH},
	['L' & 7] = {HEAD(' ', 'L'), TRACE_LOAD},
	['S' & 7] = {HEAD(' ', 'S'), TRACE_STORE},
	['M' & 7] = {HEAD(' ', 'M'), TRACE_MODIFY},
};

static inline uint32_t head3(const char *p)
{
	return (uint32_t)(uint8_t)p[0] | (uint32_t)(uint8_t)p[1] << 8 |
	       (uint32_t)(uint8_t)p[2] << 16;
}

/* The kind of a line that begins with these three bytes, or -1. */
static inline int line_kind(uint32_t head)
{
	unsigned i = head >> 8 & 7;

	return heads[i].head == head ? (int)heads[i].kind : -1;
}

/*
 * A line of the usual form: LINE_FAST bytes can be read at p.  Returns its
 * length with the newline and the record, or 0 if it has another form.
 */
static inline size_t fast_line(const char *p, uint64_t *rec)
{
	int kind = line_kind((uint32_t)load8(p) & 0xffffff);
	const char *q = p + 3;
	uint64_t va, size;
	unsigned n;

	va = hex_run(q, &n);
	if (kind < 0 || !n)
		return 0;
	q += n;
	if (n == 8 && *q != ',') {
		uint64_t more = hex_run(q, &n);

		va = va << 4 * n | more;
		q += n;
	}
	size = (uint8_t)q[1] - (uint64_t)'0';
	if (q[0] != ',' || size > 9)
		return 0;
	q += 2;
	if (*q != '\n') {
		uint64_t digit = (uint8_t)*q - (uint64_t)'0';

		if (digit > 9 || q[1] != '\n')
			return 0;
		size = size * 10 + digit;
		q++;
	}
	if (!size)
		return 0;
	*rec = TRACE_RECORD((unsigned)kind, log2_size(size), va);
	return (size_t)(q + 1 - p);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum line { LINE_RECORD, LINE_OTHER, LINE_BAD };

/* Any line, [p, end) without its newline. */
static enum line plain_line(const char *p, const char *end, uint64_t *rec)
{
	uint64_t va = 0, size = 0;
	unsigned digits = 0;
	int kind;

	if (end > p && end[-1] == '\r')
		end--;
	if (p == end || (end - p >= 2 && p[0] == '=' && p[1] == '=') ||
		(end - p >= 2 && p[0] == '-' && p[1] == '-'))
		return LINE_OTHER; /* valgrind's own words */
	kind = end - p >= 3 ? line_kind(head3(p)) : -1;
	if (kind < 0)
		return LINE_BAD;
	for (p += 3; p < end && hex_digit(*p) >= 0; p++, digits++)
		va = va << 4 | (unsigned)hex_digit(*p);
	if (!digits || digits > 16 || p == end || *p++ != ',')
		return LINE_BAD;
	for (digits = 0; p < end && *p >= '0' && *p <= '9'; p++, digits++)
		size = size * 10 + (unsigned)(*p - '0');
	if (p != end || !digits || digits > 9 || !size)
		return LINE_BAD;
	*rec = TRACE_RECORD((unsigned)kind, log2_size(size), va);
	return LINE_RECORD;
}

size_t lackey_parse(const char *text, size_t len, uint64_t *rec, size_t max,
	size_t *used, uint64_t *bad)
{
	const char *p = text, *end = text + len;
	size_t nr = 0;

	while (p < end && nr < max) {
		const char *newline;
		enum line kind;

		if (end - p >= LINE_FAST) {
			size_t n = fast_line(p, &rec[nr]);

			if (n) {
				p += n;
				nr++;
				continue;
			}
		}
		newline = memchr(p, '\n', (size_t)(end - p));
		if (!newline)
			break;
		kind = plain_line(p, newline, &rec[nr]);
		nr += kind == LINE_RECORD;
		*bad += kind == LINE_BAD;
		p = newline + 1;
	}
	*used = (size_t)(p - text);
	return nr;
}
