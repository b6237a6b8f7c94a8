#include "zpool.h"

#include <string.h>

struct zclass {
	uint32_t size;	  /* of an object, its word included */
	uint32_t frames;  /* of a group */
	uint32_t objects; /* in a group */
};

static struct zclass class_at(const struct vm *m, uint32_t class)
{
	uint32_t page = (uint32_t)m->page_size, least = UINT32_MAX;
	struct zclass c = {ZPOOL_LEAST + class * ZPOOL_STEP, 1, 1};

	if (c.size > page)
		c.size = page;
	/* what is a power of two leaves nothing of one frame */
	for (uint32_t n = 1; n <= ZPOOL_FRAMES; n++) {
		uint32_t unused = n * page % c.size;

		if (unused < least) {
			c.frames = n;
			least = unused;
		}
	}
	c.objects = c.frames * page / c.size;
	return c;
}

uint32_t zpool_class(const struct vm *m, uint32_t len)
{
	uint32_t size = len + ZPOOL_WORD, class = 0;
	struct zclass c;

	if (size > ZPOOL_LEAST)
		class = (size - ZPOOL_LEAST + ZPOOL_STEP - 1) / ZPOOL_STEP;
	if (class >= NR_ZPOOL_CLASSES)
		class = NR_ZPOOL_CLASSES - 1;
	c = class_at(m, class);
	for (; class + 1 < NR_ZPOOL_CLASSES; class ++) {
		struct zclass next = class_at(m, class + 1);

		if (next.frames != c.frames || next.objects != c.objects)
			break;
	}
	return class;
}

/* ---- what the first frame says ---- */

static uint32_t group_class(const struct frame *f)
{
	return f->owner & 255;
}

static uint32_t group_free(const struct frame *f)
{
	return f->owner >> 8 & 4095;
}

static uint32_t group_used(const struct frame *f)
{
	return f->owner >> 20;
}

static void group_set(struct frame *f, uint32_t free, uint32_t used)
{
	f->owner = group_class(f) | free << 8 | used << 20;
}

uint32_t zpool_in_use(const struct vm *m, pfn_t group)
{
	return group_used(frame_at(m, group));
}

/* ---- bytes ---- */

/* The piece of an object at `at` that lies in one frame: *pfn and *in; its
 * length. */
static uint32_t piece(const struct vm *m, struct zobject o, uint32_t at,
	uint32_t len, pfn_t *pfn, uint32_t *in)
{
	const struct frame *f = frame_at(m, o.group);
	uint32_t size = class_at(m, group_class(f)).size;
	uint32_t off = o.nr * size + at, room;

	*pfn = o.group;
	for (uint32_t i = off >> m->page_shift; i; i--)
		*pfn = (pfn_t)frame_at(m, *pfn)->index;
	*in = off & (uint32_t)(m->page_size - 1);
	room = (uint32_t)m->page_size - *in;
	return len < room ? len : room;
}

static void put_bytes(struct vm *m, struct zobject o, uint32_t at,
	const void *from, uint32_t len)
{
	for (uint32_t n; len; at += n, len -= n) {
		uint32_t in;
		pfn_t pfn;

		n = piece(m, o, at, len, &pfn, &in);
		memcpy(frame_bytes(m, pfn) + in, from, n);
		from = (const uint8_t *)from + n;
	}
}

static void get_bytes(const struct vm *m, struct zobject o, uint32_t at,
	void *to, uint32_t len)
{
	for (uint32_t n; len; at += n, len -= n) {
		uint32_t in;
		pfn_t pfn;

		n = piece(m, o, at, len, &pfn, &in);
		memcpy(to, ram_at(m, pfn_to_pa(m, pfn)) + in, n);
		to = (uint8_t *)to + n;
	}
}

/* Where an object's bytes begin. */
static uint32_t behind_word(const struct vm *m, struct zobject o)
{
	uint32_t class = group_class(frame_at(m, o.group));

	return class_at(m, class).objects == 1 ? 0 : ZPOOL_WORD;
}

void zpool_write(
	struct vm *m, struct zobject o, const uint8_t *from, uint32_t len)
{
	put_bytes(m, o, behind_word(m, o), from, len);
}

void zpool_read(const struct vm *m, struct zobject o, uint8_t *to, uint32_t len)
{
	get_bytes(m, o, behind_word(m, o), to, len);
}

static uint64_t get_word(const struct vm *m, struct zobject o)
{
	uint64_t word;

	get_bytes(m, o, 0, &word, sizeof(word));
	return word;
}

static void set_word(struct vm *m, struct zobject o, uint64_t word)
{
	put_bytes(m, o, 0, &word, sizeof(word));
}

static uint64_t owner_word(uint32_t owner)
{
	return (uint64_t)owner << 1 | 1;
}

/* ---- groups ---- */

#define FULL NR_ZPOOL_TENTHS

/* The list that a group belongs to; FULL: to none. */
static uint32_t tenth(const struct vm *m, pfn_t group)
{
	const struct frame *f = frame_at(m, group);
	uint32_t objects = class_at(m, group_class(f)).objects;

	return group_used(f) * 100 / objects / 10;
}

static struct frame_list *list_of(struct vm *m, pfn_t group, uint32_t tenth)
{
	return &m->root->zpool[group_class(frame_at(m, group))][tenth];
}

static void group_link(struct vm *m, pfn_t group)
{
	uint32_t at = tenth(m, group);

	if (at < FULL)
		frame_link(m, list_of(m, group, at), group, false);
}

static void group_unlink(struct vm *m, pfn_t group, uint32_t at)
{
	if (at < FULL)
		frame_unlink(m, list_of(m, group, at), frame_at(m, group));
}

static void group_relink(struct vm *m, pfn_t group, uint32_t was)
{
	if (tenth(m, group) == was)
		return;
	group_unlink(m, group, was);
	group_link(m, group);
}

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
	struct zclass c = class_at(m, class);
	pfn_t group = PFN_NONE;

	for (uint32_t i = 0; i < c.frames; i++) {
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
	for (uint32_t i = 0; c.objects > 1 && i < c.objects; i++)
		set_word(m, (struct zobject){group, i},
			i + 1 < c.objects ? (uint64_t)(i + 2) << 1 : 0);
	return group;
}

/* ---- objects ---- */

/* An object of a group that has a free one. */
static struct zobject take(struct vm *m, pfn_t group, uint32_t owner)
{
	struct frame *f = frame_at(m, group);
	struct zobject o = {group, group_free(f) - 1};
	uint32_t free = 0;

	if (behind_word(m, o)) {
		free = (uint32_t)(get_word(m, o) >> 1);
		set_word(m, o, owner_word(owner));
	}
	group_set(f, free, group_used(f) + 1);
	return o;
}

static void give(struct vm *m, struct zobject o)
{
	struct frame *f = frame_at(m, o.group);

	if (behind_word(m, o))
		set_word(m, o, (uint64_t)group_free(f) << 1);
	group_set(f, o.nr + 1, group_used(f) - 1);
}

/* The first group of the fullest tenth, PFN_NONE: none has a free object. */
static pfn_t fullest(const struct vm *m, uint32_t class)
{
	for (uint32_t i = NR_ZPOOL_TENTHS; i--;)
		if (m->root->zpool[class][i].head)
			return m->root->zpool[class][i].head;
	return PFN_NONE;
}

static pfn_t emptiest(const struct vm *m, uint32_t class)
{
	for (uint32_t i = 0; i < NR_ZPOOL_TENTHS; i++)
		if (m->root->zpool[class][i].head)
			return m->root->zpool[class][i].head;
	return PFN_NONE;
}

bool zpool_alloc(
	struct vm *m, uint32_t len, uint32_t owner, struct zobject *out)
{
	uint32_t class = zpool_class(m, len), was;
	pfn_t group = fullest(m, class);

	if (group) {
		was = tenth(m, group);
		*out = take(m, group, owner);
		group_relink(m, group, was);
		return true;
	}
	m->memalloc = true;
	group = group_begin(m, class);
	m->memalloc = false;
	if (!group) {
		vm_fail_clear(m);
		return false;
	}
	*out = take(m, group, owner);
	group_link(m, group);
	return true;
}

void zpool_free(struct vm *m, struct zobject o)
{
	uint32_t was = tenth(m, o.group);

	give(m, o);
	if (zpool_in_use(m, o.group)) {
		group_relink(m, o.group, was);
		return;
	}
	group_unlink(m, o.group, was);
	group_end(m, o.group);
}

/* ---- compaction ---- */

static uint64_t free_objects(const struct vm *m, uint32_t class)
{
	uint32_t objects = class_at(m, class).objects;
	uint64_t n = 0;

	for (uint32_t i = 0; i < NR_ZPOOL_TENTHS; i++)
		for (pfn_t g = m->root->zpool[class][i].head; g;
			g = frame_at(m, g)->next)
			n += objects - zpool_in_use(m, g);
	return n;
}

/* Objects from one group to another, until that is full or this is empty. */
static void move_objects(struct vm *m, pfn_t from, pfn_t to,
	void (*moved)(struct vm *m, uint32_t owner, struct zobject o))
{
	struct zclass c = class_at(m, group_class(frame_at(m, from)));
	uint8_t bytes[4096];

	for (uint32_t i = 0; i < c.objects && group_free(frame_at(m, to)) &&
			     zpool_in_use(m, from);
		i++) {
		struct zobject o = {from, i}, new;
		uint64_t word = get_word(m, o);

		if (!(word & 1))
			continue;
		get_bytes(m, o, 0, bytes, c.size);
		new = take(m, to, (uint32_t)(word >> 1));
		put_bytes(m, new, 0, bytes, c.size);
		give(m, o);
		moved(m, (uint32_t)(word >> 1), new);
	}
}

static uint64_t compact_class(struct vm *m, uint32_t class,
	void (*moved)(struct vm *m, uint32_t owner, struct zobject o))
{
	struct zclass c = class_at(m, class);
	uint64_t spare = free_objects(m, class), frames = 0;
	pfn_t to = PFN_NONE;

	for (; spare >= c.objects && c.objects > 1;) {
		pfn_t from;

		if (!to) {
			to = fullest(m, class);
			group_unlink(m, to, tenth(m, to));
		}
		from = emptiest(m, class);
		if (!from)
			break;
		group_unlink(m, from, tenth(m, from));
		move_objects(m, from, to, moved);
		if (zpool_in_use(m, from)) {
			group_link(m, from);
		} else {
			group_end(m, from);
			frames += c.frames;
			spare -= c.objects;
		}
		if (tenth(m, to) == FULL)
			to = PFN_NONE;
	}
	if (to)
		group_link(m, to);
	return frames;
}

uint64_t zpool_compact(struct vm *m,
	void (*moved)(struct vm *m, uint32_t owner, struct zobject o))
{
	uint64_t frames = 0;

	for (uint32_t class = NR_ZPOOL_CLASSES; class --;)
		frames += compact_class(m, class, moved);
	return frames;
}

/* ---- checks ---- */

bool zpool_has(const struct vm *m, struct zobject o, uint32_t owner)
{
	const struct frame *f = frame_at(m, o.group);

	if (o.group >= m->root->max_pfn || f->state != FRAME_ZPOOL ||
		f->order || !group_used(f) ||
		group_class(f) >= NR_ZPOOL_CLASSES ||
		o.nr >= class_at(m, group_class(f)).objects)
		return false;
	for (uint32_t i = class_at(m, group_class(f)).frames; i--;) {
		if (f == frame_at(m, PFN_NONE) || f->state != FRAME_ZPOOL ||
			f->index >= m->root->max_pfn)
			return false;
		f = frame_at(m, (pfn_t)f->index);
	}
	return f == frame_at(m, PFN_NONE) &&
	       (!behind_word(m, o) || get_word(m, o) == owner_word(owner));
}

static int check_list(struct vm *m, uint32_t class, uint32_t at, uint64_t *left)
{
	pfn_t g = m->root->zpool[class][at].head, prev = PFN_NONE;

	for (; g; prev = g, g = frame_at(m, g)->next) {
		const struct frame *f = frame_at(m, g);

		if (g >= m->root->max_pfn || f->state != FRAME_ZPOOL ||
			!(*left)-- || f->prev != prev ||
			group_class(f) != class || tenth(m, g) != at ||
			!group_used(f) || !group_free(f))
			return vm_fail(m, EIO,
				"frame %u is on list %u of class %u of the "
				"pool and does not belong there",
				g, at, class);
	}
	return 0;
}

int zpool_check(struct vm *m)
{
	uint64_t left = phys_sum(m, pages[USE_ZPOOL]);

	for (uint32_t class = 0; class < NR_ZPOOL_CLASSES; class ++)
		for (uint32_t i = 0; i < NR_ZPOOL_TENTHS; i++)
			if (check_list(m, class, i, &left))
				return -EIO;
	return 0;
}
