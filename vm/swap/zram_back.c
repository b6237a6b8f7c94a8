/*
 * The backing device: pages that are written back lie on /dev/vdb, whole, and
 * take no RAM.  Block 0 is left alone.
 *
 * Source: Linux drivers/block/zram/zram_drv.c (backing_dev_store,
 * writeback_store, zram_writeback_slots).
 */
#include <string.h>

#include "../disk/disk.h"
#include "zram_i.h"

#define BACKING_NAME "/dev/vdb"

/* ---- which device --------------------------------------------------------
 */

int zram_write_backing_dev(struct vm *m, const char *text)
{
	if (m->root->zram.bytes)
		return vm_fail(m, EBUSY,
			"%s has a size: its backing device is chosen before",
			ZRAM_NAME);
	if (!strcmp(text, ZRAM_NAME))
		return vm_fail(m, EINVAL, "%s cannot back itself", ZRAM_NAME);
	if (strcmp(text, BACKING_NAME)) {
		if (!disk_lookup(m, text, true))
			return -m->fail.err;
		return vm_fail(m, ENOTBLK,
			"a backing device is a disk: %s is the only one",
			BACKING_NAME);
	}
	if (!(m->root->config.swap >> m->page_shift))
		return vm_fail(m, ENOENT,
			"the machine has no %s: mount with swap=SIZE",
			BACKING_NAME);
	if (swap_area_of(m, 0))
		return vm_fail(m, EBUSY,
			"%s is in use as swap: swapoff %s first", BACKING_NAME,
			BACKING_NAME);
	m->root->zram.backing = 1;
	return 0;
}

static int write_number(
	struct vm *m, const char *file, const char *text, uint64_t *to)
{
	uint64_t v;

	if (zram_decimal(text, UINT64_MAX, &v))
		return vm_fail(m, EINVAL, "%s takes a number", file);
	*to = v;
	return 0;
}

int zram_write_writeback_limit(struct vm *m, const char *text)
{
	return write_number(
		m, "writeback_limit", text, &m->root->zram.wb_limit);
}

int zram_write_writeback_limit_enable(struct vm *m, const char *text)
{
	uint64_t v = 0;
	int err = write_number(m, "writeback_limit_enable", text, &v);

	if (!err)
		m->root->zram.wb_limit_enable = v != 0;
	return err;
}

/* ---- blocks -------------------------------------------------------------- */

struct blocks {
	uint8_t *used; /* bit n: block n is */
	uint64_t nr;   /* of the device, and at most one a page and two */
	uint64_t next; /* no block below it is free */
};

static bool block_used(const struct blocks *b, uint64_t block)
{
	return b->used[block / 8] >> block % 8 & 1;
}

static int find_blocks(struct vm *m, struct blocks *b)
{
	uint64_t most = zram_pages(m) + 2ull;

	b->nr = m->root->config.swap >> m->page_shift;
	b->nr = b->nr < most ? b->nr : most;
	b->next = 1;
	b->used = scratch_take(m, b->nr / 8 + 1);
	if (!b->used)
		return vm_fail(m, ENOMEM,
			"no scratch memory for a map of %llu blocks",
			(unsigned long long)b->nr);
	memset(b->used, 0, b->nr / 8 + 1);
	for (uint32_t i = 0; i < zram_pages(m); i++) {
		const struct zram_entry *e = zram_entry_at(m, i);

		if (e->flags & ZRAM_WB)
			b->used[e->word / 8] |= (uint8_t)(1u << e->word % 8);
	}
	return 0;
}

/* ---- writing back -------------------------------------------------------- */

static int write_back(struct vm *m, uint32_t page, void *ctx)
{
	const struct zram_entry *e = zram_entry_at(m, page);
	struct zram *z = &m->root->zram;
	struct blocks *b = ctx;
	uint8_t bytes[DISK_BLOCK];

	if (z->wb_limit_enable && !z->wb_limit)
		return vm_fail(m, EIO,
			"writeback_limit is used up: write a new one to it");
	while (b->next < b->nr && block_used(b, b->next))
		b->next++;
	if (b->next >= b->nr)
		return vm_fail(m, ENOSPC, "%s is full", BACKING_NAME);
	zram_load(m, page, bytes);
	disk_count(m, DISK_VDB, 0, 1);
	vdb_write(m, b->next << m->page_shift, bytes);
	z->bd_writes++;
	zram_replace(m, page,
		(struct zram_entry){
			.word = b->next,
			.known = e->known,
			.flags = ZRAM_WB,
		});
	b->next++;
	z->wb_limit -= z->wb_limit_enable != 0;
	return 0;
}

enum { WB_IDLE = 1, WB_HUGE = 2, WB_INCOMPRESSIBLE = 4 };

static int parse_mode(const char *word, unsigned *mode)
{
	static const struct {
		const char *word;
		unsigned mode;
	} modes[] = {
		{"idle", WB_IDLE},
		{"huge", WB_HUGE},
		{"huge_idle", WB_HUGE | WB_IDLE},
		{"incompressible", WB_INCOMPRESSIBLE},
	};

	for (unsigned i = 0; i < sizeof(modes) / sizeof(*modes); i++)
		if (!strcmp(modes[i].word, word)) {
			*mode = modes[i].mode;
			return 0;
		}
	return EINVAL;
}

/* Pages [first, end): "N", or with `range` "N-N". */
static int parse_pages(const struct vm *m, const char *text, bool range,
	uint64_t *first, uint64_t *end)
{
	char word[OPTION_MAX];
	char *dash;
	int err;

	memcpy(word, text, sizeof(word));
	dash = strchr(word, '-');
	if (range && !dash)
		return EINVAL;
	if (range)
		*dash = '\0';
	err = zram_decimal(word, UINT64_MAX, first);
	*end = *first;
	if (!err && range)
		err = zram_decimal(dash + 1, UINT64_MAX, end);
	if (!err && (*end >= zram_pages(m) || *first > *end))
		err = ERANGE;
	++*end;
	return err;
}

static void mark(struct vm *m, unsigned mode, uint64_t first, uint64_t end)
{
	for (uint64_t i = first; i < end; i++) {
		struct zram_entry *e = zram_entry_at(m, (uint32_t)i);

		if (e->len && (!(mode & WB_IDLE) || e->flags & ZRAM_IDLE) &&
			(!(mode & WB_HUGE) || entry_is_huge(m, e)) &&
			(!(mode & WB_INCOMPRESSIBLE) ||
				e->flags & ZRAM_INCOMPRESSIBLE))
			e->flags |= ZRAM_PP;
	}
}

/* Marks what an option names: 0, or an errno.  A type is the last of them. */
static int mark_option(struct vm *m, const struct zram_option *o, bool *last)
{
	uint64_t first = 0, end = zram_pages(m);
	unsigned mode = 0;
	int err = 0;

	if (!*o->value || !strcmp(o->key, "type")) {
		err = parse_mode(*o->value ? o->value : o->key, &mode);
		*last = true;
	} else if (!strcmp(o->key, "page_index")) {
		err = parse_pages(m, o->value, false, &first, &end);
	} else if (!strcmp(o->key, "page_indexes")) {
		err = parse_pages(m, o->value, true, &first, &end);
	} else {
		return 0;
	}
	if (!err)
		mark(m, mode, first, end);
	return err;
}

static int drop_marks(struct vm *m, uint32_t page, void *ctx)
{
	return 1;
}

int zram_write_writeback(struct vm *m, const char *text)
{
	struct zram_option o;
	struct blocks b;
	bool last = false;
	int err = 0;

	if (zram_need_init(m))
		return -EINVAL;
	if (!m->root->zram.backing)
		return vm_fail(m, ENODEV,
			"%s has no backing device: write %s to backing_dev, "
			"before the size",
			ZRAM_NAME, BACKING_NAME);
	while (!err && !last && zram_option(m, &text, &o))
		err = mark_option(m, &o, &last);
	if (err || m->fail.err) {
		zram_post_process(m, drop_marks, NULL);
		return vm_fail(m, err ? err : EINVAL,
			"writeback takes type=idle, huge, huge_idle or "
			"incompressible, page_index=N, page_indexes=N-N, of %u "
			"pages",
			zram_pages(m));
	}
	err = find_blocks(m, &b);
	if (!err)
		err = zram_post_process(m, write_back, &b);
	else
		zram_post_process(m, drop_marks, NULL);
	scratch_give(m, b.used);
	return err;
}
