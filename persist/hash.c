/*
 * The state as chunks of 64 KiB.  Chunks that are all zero do not count, so
 * that a hash depends on the bytes alone, not on which pages the host happens
 * to hold, and a sparse machine is walked at the speed of what it holds.
 */
#include "store_i.h"

#include <stdlib.h>
#include <xxhash.h>

#include "../host/host.h"

#define PAGE   4096u
#define PAGES  (CHUNK_SIZE / PAGE)
#define WINDOW (256u << 20) /* bytes asked of the host at a time */

struct walk {
	chunk_fn *fn;
	void *ctx;
	struct vm_segment seg;
	unsigned seg_nr;
	unsigned char *resident; /* of the window */
	uint8_t chunk[CHUNK_SIZE];
};

static bool all_zero(const uint8_t *p, size_t n)
{
	return !p[0] && !memcmp(p, p + 1, n - 1);
}

/*
 * Assembles the chunk in w->chunk, reading resident pages only: reading the
 * others would make the host map them.  False if it is all zero.
 */
static bool gather(struct walk *w, const uint8_t *base,
	const unsigned char *resident, size_t pages)
{
	bool any = false;

	for (size_t i = 0; i < PAGES; i++) {
		uint8_t *to = w->chunk + i * PAGE;

		if (i < pages && (resident[i] & 1) &&
			!all_zero(base + i * PAGE, PAGE)) {
			if (!any)
				memset(w->chunk, 0, i * PAGE);
			memcpy(to, base + i * PAGE, PAGE);
			any = true;
		} else if (any) {
			memset(to, 0, PAGE);
		}
	}
	return any;
}

static int walk_window(struct walk *w, uint64_t off, size_t pages)
{
	const uint8_t *base = w->seg.base + off;
	int rc = host_resident(base, pages * PAGE, w->resident);

	for (size_t i = 0; i < pages && !rc; i += PAGES) {
		size_t n = pages - i < PAGES ? pages - i : PAGES;

		if (!memchr(w->resident + i, 1, n) ||
			!gather(w, base + i * PAGE, w->resident + i, n))
			continue;
		rc = w->fn(w->ctx, &w->seg, w->seg_nr,
			(off + i * PAGE) / CHUNK_SIZE, w->chunk);
	}
	return rc;
}

int chunk_walk(struct vm *m, chunk_fn *fn, void *ctx)
{
	struct walk *w = malloc(sizeof(*w));
	int rc = 0;

	if (!w)
		return -ENOMEM;
	w->fn = fn;
	w->ctx = ctx;
	w->resident = malloc(WINDOW / PAGE);
	if (!w->resident)
		rc = -ENOMEM;
	for (w->seg_nr = 0; w->seg_nr < vm_nr_segments() && !rc; w->seg_nr++) {
		vm_segment(m, w->seg_nr, &w->seg);
		for (uint64_t off = 0; off < w->seg.used && !rc;
			off += WINDOW) {
			uint64_t n = w->seg.used - off;

			if (n > WINDOW)
				n = WINDOW;
			rc = walk_window(w, off, (n + PAGE - 1) / PAGE);
		}
	}
	free(w->resident);
	free(w);
	return rc;
}

void chunk_hash(const void *data, struct chunk_hash *out)
{
	XXH128_canonical_t c;

	XXH128_canonicalFromHash(&c, XXH3_128bits(data, CHUNK_SIZE));
	memcpy(out->byte, c.digest, sizeof(out->byte));
}

struct state_hash {
	XXH3_state_t *x;
};

struct state_hash *state_hash_new(void)
{
	struct state_hash *h = malloc(sizeof(*h));

	if (!h)
		return NULL;
	h->x = XXH3_createState();
	if (!h->x) {
		free(h);
		return NULL;
	}
	XXH3_128bits_reset(h->x);
	return h;
}

void state_hash_segment(struct state_hash *h, const char *name, uint64_t used)
{
	XXH3_128bits_update(h->x, name, strlen(name) + 1);
	XXH3_128bits_update(h->x, &used, sizeof(used));
}

void state_hash_chunk(struct state_hash *h, const struct chunk_entry *e)
{
	XXH3_128bits_update(h->x, e, sizeof(*e));
}

void state_hash_end(struct state_hash *h, char out[33])
{
	static const char hex[] = "0123456789abcdef";
	XXH128_canonical_t c;

	XXH128_canonicalFromHash(&c, XXH3_128bits_digest(h->x));
	for (int i = 0; i < 16; i++) {
		out[2 * i] = hex[c.digest[i] >> 4];
		out[2 * i + 1] = hex[c.digest[i] & 15];
	}
	out[32] = 0;
	XXH3_freeState(h->x);
	free(h);
}

struct hash_ctx {
	struct vm *m;
	struct state_hash *h;
	unsigned next; /* segment not announced yet */
};

static void announce(struct hash_ctx *c, unsigned upto)
{
	struct vm_segment seg;

	for (; c->next < upto; c->next++) {
		vm_segment(c->m, c->next, &seg);
		state_hash_segment(c->h, seg.name, seg.used);
	}
}

static int hash_one(void *ctx, const struct vm_segment *seg, unsigned seg_nr,
	uint64_t index, const uint8_t *data)
{
	struct chunk_entry e = {.index = index};
	struct hash_ctx *c = ctx;

	announce(c, seg_nr + 1);
	chunk_hash(data, &e.hash);
	state_hash_chunk(c->h, &e);
	return 0;
}

void store_state_hash(struct vm *m, char out[33])
{
	struct hash_ctx c = {m, state_hash_new(), 0};

	strcpy(out, "00000000000000000000000000000000");
	if (!c.h)
		return;
	chunk_walk(m, hash_one, &c);
	announce(&c, vm_nr_segments());
	state_hash_end(c.h, out);
}
