/*
 * Hashes of pages and states, see state.h.
 */
#include "store_i.h"

#include <stdio.h>
#include <xxhash.h>

#include "../host/host.h"

#define WINDOW (64u << 20) /* bytes asked of the host at a time */

void hash_add(struct hash128 *sum, struct hash128 h)
{
	sum->lo += h.lo;
	sum->hi += h.hi + (sum->lo < h.lo);
}

void hash_sub(struct hash128 *sum, struct hash128 h)
{
	sum->hi -= h.hi + (sum->lo < h.lo);
	sum->lo -= h.lo;
}

static bool page_is_zero(const void *page)
{
	const uint64_t *p = page;

	return !p[0] && !memcmp(p, p + 1, STATE_PAGE - sizeof(*p));
}

struct hash128 page_hash(const void *data, unsigned seg, uint64_t page)
{
	XXH128_hash_t h;

	if (page_is_zero(data))
		return (struct hash128){0, 0};
	h = XXH3_128bits_withSeed(data, STATE_PAGE, (uint64_t)seg << 56 | page);
	return (struct hash128){h.low64, h.high64};
}

size_t state_sizes(struct vm *m, char *buf)
{
	struct vm_segment seg;
	size_t n = 0;

	for (unsigned i = 0; i < vm_nr_segments(); i++) {
		vm_segment(m, i, &seg);
		n += (size_t)snprintf(buf + n, SIZES_MAX - n, "%s %llu\n",
			seg.name, (unsigned long long)seg.used);
	}
	return n;
}

struct hash128 sizes_hash(const char *sizes, size_t len)
{
	XXH128_hash_t h = XXH3_128bits(sizes, len);

	return (struct hash128){h.low64, h.high64};
}

void hash_text(struct hash128 h, char out[33])
{
	snprintf(out, 33, "%016llx%016llx", (unsigned long long)h.hi,
		(unsigned long long)h.lo);
}

const uint8_t *page_bytes(
	const struct vm_segment *seg, uint64_t page, uint8_t *buf)
{
	uint64_t at = page << STATE_SHIFT;

	if (at + STATE_PAGE <= seg->reserved)
		return seg->base + at;
	memset(buf, 0, STATE_PAGE);
	memcpy(buf, seg->base + at, seg->reserved - at);
	return buf;
}

/* Reads resident pages only: reading the others would make the host map
 * them. */
static void add_window(struct hash128 *sum, const struct vm_segment *seg,
	unsigned nr, uint64_t off, uint64_t len, unsigned char *resident)
{
	uint64_t first = off >> STATE_SHIFT;
	uint8_t buf[STATE_PAGE];

	host_resident(seg->base + off, len, resident);
	for (uint64_t i = 0; i << STATE_SHIFT < len; i++)
		if (resident[i] & 1)
			hash_add(sum, page_hash(page_bytes(seg, first + i, buf),
					      nr, first + i));
}

void state_hash_full(struct vm *m, struct hash128 *out)
{
	unsigned char resident[WINDOW / STATE_PAGE];
	struct vm_segment seg;
	char sizes[SIZES_MAX];

	*out = sizes_hash(sizes, state_sizes(m, sizes));
	for (unsigned i = 0; i < vm_nr_segments(); i++) {
		vm_segment(m, i, &seg);
		for (uint64_t off = 0; off < seg.used; off += WINDOW) {
			uint64_t len = seg.used - off;

			add_window(out, &seg, i, off,
				len < WINDOW ? len : WINDOW, resident);
		}
	}
}

void store_state_hash(struct vm *m, char out[33])
{
	struct hash128 h;

	state_hash_full(m, &h);
	hash_text(h, out);
}
