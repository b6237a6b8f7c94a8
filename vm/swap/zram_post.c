/*
 * What is done to pages of /dev/zram0 later: they are marked idle, and
 * compressed again by another algorithm.
 *
 * Source: Linux drivers/block/zram/zram_drv.c (mark_idle, recompress_slot,
 * scan_slots_for_recompress, select_pp_slot).
 */
#include <string.h>

#include "../disk/disk.h"
#include "zcomp.h"
#include "zram_i.h"

#define BUCKET_BYTES 64u

int zram_write_idle(struct vm *m, const char *text)
{
	if (strcmp(text, "all"))
		return vm_fail(m, EINVAL,
			"idle takes all: pages have no time of their last use");
	if (zram_need_init(m))
		return -EINVAL;
	for (uint32_t i = 0; i < zram_pages(m); i++) {
		struct zram_entry *e = zram_entry_at(m, i);

		if (e->len)
			e->flags |= ZRAM_IDLE;
	}
	return 0;
}

/* ---- an order for pages that were marked ---------------------------------
 */

static int process_bucket(struct vm *m, unsigned bucket,
	int (*one)(struct vm *m, uint32_t page, void *ctx), void *ctx)
{
	for (uint32_t i = zram_pages(m); i--;) {
		struct zram_entry *e = zram_entry_at(m, i);
		int ret;

		if (!(e->flags & ZRAM_PP) || e->len / BUCKET_BYTES != bucket)
			continue;
		e->flags &= (uint8_t)~ZRAM_PP;
		ret = one(m, i, ctx);
		if (ret)
			return ret;
	}
	return 0;
}

int zram_post_process(struct vm *m,
	int (*one)(struct vm *m, uint32_t page, void *ctx), void *ctx)
{
	bool some[DISK_BLOCK / BUCKET_BYTES + 1] = {false};
	unsigned bucket = sizeof(some);
	int ret = 0;

	for (uint32_t i = 0; i < zram_pages(m); i++) {
		const struct zram_entry *e = zram_entry_at(m, i);

		if (e->flags & ZRAM_PP)
			some[e->len / BUCKET_BYTES] = true;
	}
	while (!ret && bucket--)
		if (some[bucket])
			ret = process_bucket(m, bucket, one, ctx);
	for (uint32_t i = 0; ret && i < zram_pages(m); i++)
		zram_entry_at(m, i)->flags &= (uint8_t)~ZRAM_PP;
	return ret == 1 ? 0 : ret;
}

/* ---- recompression ------------------------------------------------------- */

struct recompress {
	bool idle, huge;
	uint32_t priority, end; /* algorithms to be tried: [priority, end) */
	uint64_t threshold;	/* bytes: shorter ones are good enough */
	uint64_t pages;		/* that may be tried */
};

static uint32_t nr_algorithms(const struct vm *m)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < NR_ZRAM_ALGORITHMS; i++)
		n += m->root->zram.algorithm[i].alg != 0;
	return n;
}

/* The first algorithm that gives an object of a smaller class; its length, or
 * 0: none does. */
static uint32_t try_all(struct vm *m, const struct recompress *r,
	const struct zram_entry *e, uint32_t *priority, uint8_t *packed)
{
	const struct zram *z = &m->root->zram;
	uint8_t page[DISK_BLOCK];

	zram_load(m, (uint32_t)(e - zram_entry_at(m, 0)), page);
	for (; *priority < r->end; ++*priority) {
		uint32_t alg = z->algorithm[*priority].alg, n;

		if (!alg)
			continue;
		n = zcomp_compress(m, alg - 1, z->algorithm[*priority].level,
			page, packed);
		if (zpool_class(m, n) < zpool_class(m, e->len) &&
			(!r->threshold || n < r->threshold))
			return n;
	}
	return 0;
}

static int recompress_page(struct vm *m, uint32_t page, void *ctx)
{
	struct zram_entry *e = zram_entry_at(m, page), new = *e;
	struct recompress *r = ctx;
	uint8_t packed[ZCOMP_BYTES];
	uint32_t priority = r->priority, n;
	struct zobject o;

	if (!r->pages)
		return 1;
	if (e->len < r->threshold)
		return 0;
	e->flags &= (uint8_t)~ZRAM_IDLE;
	if (priority <= e->priority)
		priority = e->priority + 1u;
	n = try_all(m, r, e, &priority, packed);
	r->pages--;
	if (!n) {
		if (priority >= nr_algorithms(m))
			e->flags |= ZRAM_INCOMPRESSIBLE;
		return 0;
	}
	if (!zpool_alloc(m, n, page, &o))
		return vm_fail(m, ENOMEM,
			"no frame is free to compress page %u again", page);
	zpool_write(m, o, packed, n);
	new = (struct zram_entry){
		.group = o.group,
		.nr = o.nr & 0xffff,
		.len = n & 0xffff,
		.known = e->known,
		.priority = priority & 255,
	};
	zram_replace(m, page, new);
	return 0;
}

static bool to_recompress(const struct vm *m, const struct recompress *r,
	const struct zram_entry *e)
{
	return e->len && (!r->idle || e->flags & ZRAM_IDLE) &&
	       (!r->huge || entry_is_huge(m, e)) &&
	       !(e->flags & ZRAM_INCOMPRESSIBLE) && e->priority + 1u < r->end;
}

#define TAKES                                                             \
	"recompress takes type=idle, huge or huge_idle, threshold=BYTES " \
	"below "                                                          \
	"3625, max_pages=N, algo=NAME or priority=1 to 3"

static int recompress_option(
	struct vm *m, const struct zram_option *o, struct recompress *r)
{
	uint64_t v = 0;
	int err = 0;

	if (!*o->value)
		return EINVAL;
	if (!strcmp(o->key, "type")) {
		r->idle = !strcmp(o->value, "idle") ||
			  !strcmp(o->value, "huge_idle");
		r->huge = !strncmp(o->value, "huge", 4) &&
			  (!o->value[4] || r->idle);
	} else if (!strcmp(o->key, "max_pages")) {
		err = zram_decimal(o->value, UINT64_MAX, &r->pages);
	} else if (!strcmp(o->key, "threshold")) {
		err = zram_decimal(o->value, UINT32_MAX, &r->threshold);
	} else if (!strcmp(o->key, "priority")) {
		err = zram_decimal(o->value, UINT32_MAX, &v);
		r->priority = v ? (uint32_t)v : 1;
		r->end = v < NR_ZRAM_ALGORITHMS ? r->priority + 1
						: NR_ZRAM_ALGORITHMS;
	}
	return err;
}

int zram_write_recompress(struct vm *m, const char *text)
{
	struct recompress r = {
		.priority = 1, .end = NR_ZRAM_ALGORITHMS, .pages = UINT64_MAX};
	char algo[OPTION_MAX] = "";
	struct zram_option o;

	while (zram_option(m, &text, &o)) {
		int err = recompress_option(m, &o, &r);

		if (err)
			return vm_fail(m, err, TAKES);
		if (!strcmp(o.key, "algo"))
			memcpy(algo, o.value, sizeof(algo));
	}
	if (m->fail.err || r.threshold >= ZPOOL_HUGE)
		return vm_fail(m, EINVAL, TAKES);
	if (zram_need_init(m))
		return -EINVAL;
	if (*algo) {
		int at = zram_priority(m, r.priority, algo);

		if (at < 0)
			return at;
		r.priority = (uint32_t)at;
		r.end = r.priority + 1;
	}
	if (r.end > nr_algorithms(m))
		r.end = nr_algorithms(m);
	if (r.priority >= r.end)
		return vm_fail(m, EINVAL,
			"there is no algorithm of priority %u: choose it by "
			"recomp_algorithm, before the size",
			r.priority);
	for (uint32_t i = 0; i < zram_pages(m); i++)
		if (to_recompress(m, &r, zram_entry_at(m, i)))
			zram_entry_at(m, i)->flags |= ZRAM_PP;
	return zram_post_process(m, recompress_page, &r);
}
