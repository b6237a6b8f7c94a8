#include "zpool.h"

#include <string.h>

static uint32_t class_size(uint32_t class)
{
	return (class + 1) * ZPOOL_STEP;
}

static uint32_t group_frames(const struct vm *m, uint32_t class)
{
	uint32_t best = 1, least = UINT32_MAX, size = class_size(class);

	for (uint32_t n = 1; n <= ZPOOL_FRAMES; n++) {
		uint32_t bytes = n << m->page_shift;
		uint32_t unused = bytes % size * 1000 / bytes;

		if (unused < least) {
			best = n;
			least = unused;
		}
	}
	return best;
}

static uint32_t group_objects(const struct vm *m, uint32_t class)
{
	return (group_frames(m, class) << m->page_shift) / class_size(class);
}

/* ---- what the first frame says ---- */

static uint32_t group_class(const struct frame *f)
{
	return f->owner & 255;
}

static uint32_t group_free(const struct frame *f)
{
	return f->owner >> 8 & 255;
}

static uint32_t group_used(const struct frame *f)
{
	return f->owner >> 16;
}

static void group_set(struct frame *f, uint32_t free, uint32_t used)
{
	f->owner = group_class(f) | free << 8 | used << 16;
}

uint32_t zpool_in_use(const struct vm *m, pfn_t group)
{
	return group_used(frame_at(m, group));
}

bool zpool_has(const struct vm *m, struct zobject o)
{
	const struct frame *f = frame_at(m, o.group);

	return o.group < m->root->max_pfn && f->state == FRAME_ZPOOL &&
	       f->order == 0 && group_used(f) &&
	       o.nr < group_objects(m, group_class(f));
}

/* ---- bytes ---- */

/* The piece of an object at `at` that lies in one frame: *pfn and *in; its
 * length. */
static uint32_t piece(const struct vm *m, struct zobject o, uint32_t at,
	uint32_t len, pfn_t *pfn, uint32_t *in)
{
	const struct frame *f = frame_at(m, o.group);
	uint32_t off = o.nr * class_size(group_class(f)) + at, room;

	*pfn = o.group;
	for (uint32_t i = off >> m->page_shift; i; i--)
		*pfn = (pfn_t)frame_at(m, *pfn)->index;
	*in = off & (uint32_t)(m->page_size - 1);
	room = (uint32_t)m->page_size - *in;
	return len < room ? len : room;
}

void zpool_write(
	struct vm *m, struct zobject o, const uint8_t *from, uint32_t len)
{
	for (uint32_t at = 0, n; at < len; at += n) {
		uint32_t in;
		pfn_t pfn;

		n = piece(m, o, at, len - at, &pfn, &in);
		memcpy(frame_bytes(m, pfn) + in, from + at, n);
	}
}

void zpool_read(const struct vm *m, struct zobject o, uint8_t *to, uint32_t len)
{
	for (uint32_t at = 0, n; at < len; at += n) {
		uint32_t in;
		pfn_t pfn;

		n = piece(m, o, at, len - at, &pfn, &in);
		memcpy(to + at, ram_at(m, pfn_to_pa(m, pfn)) + in, n);
	}
}

static uint32_t next_free(const struct vm *m, struct zobject o)
{
	uint8_t next;

	zpool_read(m, o, &next, 1);
	return next;
}

static void set_next_free(struct vm *m, struct zobject o, uint32_t next)
{
	const uint8_t byte = next & 255;

	zpool_write(m, o, &byte, 1);
}

/* ---- groups ---- */

static void group_end(struct vm *m, pfn_t group)
{
	for (pfn_t pfn = group, next; pfn; pfn = next) {
		next = (pfn_t)frame_at(m, pfn)->index;
		buddy_free(m, pfn, 0, USE_ZPOOL);
	}
}

/* All objects free, on no list; PFN_NONE without memory. */
static pfn_t group_begin(struct vm *m, uint32_t class)
{
	uint32_t frames = group_frames(m, class), n = group_objects(m, class);
	pfn_t group = PFN_NONE;

	for (uint32_t i = 0; i < frames; i++) {
		pfn_t pfn = buddy_alloc(
			m, GFP_HIGHUSER, 0, FRAME_ZPOOL, USE_ZPOOL, false);

		if (!pfn) {
			group_end(m, group);
			return PFN_NONE;
		}
		frame_at(m, pfn)->index = group;
		group = pfn;
	}
	frame_at(m, group)->owner = class;
	group_set(frame_at(m, group), 1, 0);
	for (uint32_t i = 0; i < n; i++)
		set_next_free(
			m, (struct zobject){group, i}, i + 1 < n ? i + 2 : 0);
	return group;
}

/* ---- objects ---- */

static bool take(struct vm *m, uint32_t class, struct zobject *out)
{
	struct frame_list *l = &m->root->zpool[class];
	pfn_t group = l->head;
	struct frame *f;
	uint32_t free;

	if (!group) {
		group = group_begin(m, class);
		if (!group)
			return false;
		frame_link(m, l, group, false);
	}
	f = frame_at(m, group);
	*out = (struct zobject){group, group_free(f) - 1};
	free = next_free(m, *out);
	group_set(f, free, group_used(f) + 1);
	if (!free)
		frame_unlink(m, l, f);
	return true;
}

bool zpool_alloc(struct vm *m, uint32_t len, struct zobject *out)
{
	bool ok;

	m->memalloc = true;
	ok = take(m, (len - 1) / ZPOOL_STEP, out);
	m->memalloc = false;
	if (!ok)
		vm_fail_clear(m);
	return ok;
}

void zpool_free(struct vm *m, struct zobject o)
{
	struct frame *f = frame_at(m, o.group);
	struct frame_list *l = &m->root->zpool[group_class(f)];
	uint32_t free = group_free(f);

	if (!free)
		frame_link(m, l, o.group, false);
	set_next_free(m, o, free);
	group_set(f, o.nr + 1, group_used(f) - 1);
	if (group_used(f))
		return;
	frame_unlink(m, l, f);
	group_end(m, o.group);
}
