/*
 * What is known about the pages of a machine: their hashes, and which layer
 * has them.  The arrays are as sparse as the segments are.
 */
#include "store_i.h"

#include <stdlib.h>

#include "../host/host.h"

/* Pages hidden by newer layers are let be up to this many, and up to as many
 * as the state has. */
#define HIDDEN_SLACK 4096u
/* Layers above LAYERS_MAX are merged into one, down to this many. */
#define LAYERS_KEPT (LAYERS_MAX - LAYERS_MAX / 4)
#define CLEAN_MIN   1024u /* pages */
/* What is looked at whole, without asking the host what is resident. */
#define SMALL  (256u << 10)
#define WINDOW (64u << 20)

struct track *track_new(struct vm *m)
{
	struct track *t = calloc(1, sizeof(*t));
	unsigned nr = vm_nr_segments();
	struct vm_segment seg;

	if (!t)
		return NULL;
	t->vm = m;
	t->seg = calloc(nr, sizeof(*t->seg));
	for (unsigned i = 0; t->seg && i < nr; i++) {
		struct track_seg *s = &t->seg[i];

		vm_segment(m, i, &seg);
		s->nr_pages = (seg.reserved + STATE_PAGE - 1) >> STATE_SHIFT;
		s->nr_groups = (s->nr_pages + GROUP_PAGES - 1) / GROUP_PAGES;
		s->bytes = s->nr_pages * sizeof(*s->page) +
			   s->nr_groups * sizeof(*s->group);
		s->page = host_mmap.reserve(s->bytes);
		if (!s->page)
			break;
		s->group = (struct track_group *)(s->page + s->nr_pages);
		if (i == nr - 1)
			return t;
	}
	track_free(t);
	return NULL;
}

void track_free(struct track *t)
{
	if (!t)
		return;
	for (unsigned i = 0; t->seg && i < vm_nr_segments(); i++)
		if (t->seg[i].page)
			host_mmap.release(t->seg[i].page, t->seg[i].bytes);
	free(t->seg);
	free(t->layer);
	free(t);
}

static struct track_group *group_of(const struct track_seg *s, uint64_t page)
{
	return &s->group[page / GROUP_PAGES];
}

static void mark_unsaved(struct track *t, struct track_seg *s, uint64_t page)
{
	if (s->page[page].unsaved)
		return;
	s->page[page].unsaved = 1;
	group_of(s, page)->unsaved++;
	group_of(s, page)->used = 1;
	t->nr_unsaved++;
}

static void clear_unsaved(struct track *t, struct track_seg *s, uint64_t page)
{
	if (!s->page[page].unsaved)
		return;
	s->page[page].unsaved = 0;
	group_of(s, page)->unsaved--;
	t->nr_unsaved--;
}

/* ---- looking ------------------------------------------------------------ */

bool track_look(struct track *t, const struct vm_segment *seg, unsigned nr,
	uint64_t page)
{
	struct track_seg *s = &t->seg[nr];
	struct track_page *p = &s->page[page];
	uint8_t buf[STATE_PAGE];
	struct hash128 h = page_hash(page_bytes(seg, page, buf), nr, page);

	if (!hash_equal(h, p->hash)) {
		hash_sub(&t->sum, p->hash);
		hash_add(&t->sum, h);
		p->hash = h;
		mark_unsaved(t, s, page);
	}
	return p->unsaved;
}

/* The dirty pages of one group; false when `*left` ended before them. */
static bool refresh_group(struct track *t, const struct vm_segment *seg,
	unsigned nr, uint64_t group, uint64_t *left)
{
	uint64_t page = group << (DIRTY_GROUP_SHIFT - DIRTY_PAGE_SHIFT);
	uint64_t end = (group + 1) << (DIRTY_GROUP_SHIFT - DIRTY_PAGE_SHIFT);
	uint8_t *dirty = seg->dirty.page, *at;

	if (end > t->seg[nr].nr_pages)
		end = t->seg[nr].nr_pages;
	while ((at = memchr(dirty + page, 1, end - page))) {
		if (!*left)
			return false;
		--*left;
		page = (uint64_t)(at - dirty);
		*at = 0;
		track_look(t, seg, nr, page);
	}
	seg->dirty.group[group] = 0;
	return true;
}

bool track_refresh(struct track *t, uint64_t max)
{
	struct vm_segment seg;
	uint8_t *at;

	for (unsigned i = 0; i < vm_nr_segments(); i++) {
		uint64_t group = 0, nr = t->seg[i].nr_groups;

		vm_segment(t->vm, i, &seg);
		if (!seg.dirty.page)
			continue;
		for (; group < nr; group++) {
			at = memchr(seg.dirty.group + group, 1, nr - group);
			if (!at)
				break;
			group = (uint64_t)(at - seg.dirty.group);
			if (!refresh_group(t, &seg, i, group, &max))
				return false;
		}
	}
	return true;
}

static void look_window(struct track *t, const struct vm_segment *seg,
	unsigned nr, uint64_t off, uint64_t len, unsigned char *resident)
{
	uint64_t first = off >> STATE_SHIFT;

	if (seg->used <= SMALL)
		memset(resident, 1, (len + STATE_PAGE - 1) >> STATE_SHIFT);
	else
		host_resident(seg->base + off, len, resident);
	for (uint64_t i = 0; i << STATE_SHIFT < len; i++)
		if (resident[i] & 1)
			track_look(t, seg, nr, first + i);
}

int track_refresh_rest(struct track *t)
{
	unsigned char *resident = malloc(WINDOW / STATE_PAGE);
	struct vm_segment seg;

	if (!resident)
		return -ENOMEM;
	for (unsigned i = 0; i < vm_nr_segments(); i++) {
		vm_segment(t->vm, i, &seg);
		if (seg.dirty.page)
			continue;
		for (uint64_t off = 0; off < seg.used; off += WINDOW) {
			uint64_t len = seg.used - off;

			look_window(t, &seg, i, off,
				len < WINDOW ? len : WINDOW, resident);
		}
	}
	free(resident);
	return 0;
}

struct hash128 track_hash(struct track *t)
{
	char sizes[SIZES_MAX];
	struct hash128 h = sizes_hash(sizes, state_sizes(t->vm, sizes));

	hash_add(&h, t->sum);
	return h;
}

/* ---- saving ------------------------------------------------------------- */

bool track_next_unsaved(const struct track *t, unsigned *seg, uint64_t *page)
{
	for (; *seg < vm_nr_segments(); ++*seg, *page = 0) {
		const struct track_seg *s = &t->seg[*seg];

		while (*page < s->nr_pages) {
			if (!group_of(s, *page)->unsaved) {
				*page = (*page / GROUP_PAGES + 1) * GROUP_PAGES;
				continue;
			}
			if (s->page[*page].unsaved)
				return true;
			++*page;
		}
	}
	return false;
}

struct layer *track_layer(struct track *t, uint32_t id)
{
	unsigned lo = 0, hi = t->nr_layers;

	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;

		if (t->layer[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < t->nr_layers && t->layer[lo].id == id ? &t->layer[lo]
							  : NULL;
}

int track_add_layer(struct track *t, uint32_t id)
{
	if (t->nr_layers == t->cap_layers) {
		unsigned cap = t->cap_layers + 64;
		struct layer *v = realloc(t->layer, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		t->layer = v;
		t->cap_layers = cap;
	}
	t->layer[t->nr_layers++] = (struct layer){.id = id};
	return 0;
}

static void move_page(struct track *t, struct track_page *p, uint32_t id)
{
	struct layer *from = track_layer(t, p->layer);
	struct layer *to = track_layer(t, id);

	if (from)
		from->live--;
	if (to)
		to->live++;
	p->layer = id;
}

void track_saved(struct track *t, unsigned seg, uint64_t page, uint32_t id)
{
	struct track_seg *s = &t->seg[seg];

	clear_unsaved(t, s, page);
	move_page(t, &s->page[page], id);
	track_layer(t, id)->pages++;
}

void track_unsaved(struct track *t, unsigned seg, uint64_t page, uint32_t id)
{
	struct track_seg *s = &t->seg[seg];

	track_layer(t, s->page[page].layer)->pages--;
	move_page(t, &s->page[page], id);
	mark_unsaved(t, s, page);
}

void track_loaded(struct track *t, unsigned seg, uint64_t page, uint32_t layer)
{
	struct track_seg *s = &t->seg[seg];

	s->page[page].layer = layer;
	group_of(s, page)->used = 1;
	track_layer(t, layer)->live++;
}

/* ---- cleaning ----------------------------------------------------------- */

static void rewrite_layer(struct track *t, uint32_t id, uint64_t max)
{
	for (unsigned i = 0; i < vm_nr_segments(); i++) {
		struct track_seg *s = &t->seg[i];

		for (uint64_t page = 0; page < s->nr_pages && max; page++) {
			if (!group_of(s, page)->used) {
				page |= GROUP_PAGES - 1;
				continue;
			}
			if (s->page[page].layer != id || s->page[page].unsaved)
				continue;
			mark_unsaved(t, s, page);
			max--;
		}
	}
}

/* The layer with the fewest live pages, in proportion if `hidden`, among
 * those not chosen yet (id > 0). */
static struct layer *victim(struct layer *v, unsigned nr, bool hidden)
{
	struct layer *best = NULL;

	for (struct layer *l = v; l < v + nr; l++) {
		if (!l->id)
			continue;
		if (!best ||
			(hidden ? (uint64_t)l->live * best->pages <
						(uint64_t)best->live * l->pages
				: l->live < best->live))
			best = l;
	}
	return best;
}

static void clean_victims(struct track *t, unsigned count, bool hidden)
{
	uint64_t left =
		t->nr_unsaved / 2 > CLEAN_MIN ? t->nr_unsaved / 2 : CLEAN_MIN;
	struct layer *v = malloc(t->nr_layers * sizeof(*v)), *l;

	if (!v) /* it can wait */
		return;
	memcpy(v, t->layer, t->nr_layers * sizeof(*v));
	while (count-- && left && (l = victim(v, t->nr_layers, hidden))) {
		rewrite_layer(t, l->id, left);
		left -= l->live < left ? l->live : left;
		l->id = 0;
	}
	free(v);
}

void track_clean(struct track *t)
{
	uint64_t pages = 0, live = 0;

	for (unsigned i = 0; i < t->nr_layers; i++) {
		pages += t->layer[i].pages;
		live += t->layer[i].live;
	}
	if (t->nr_layers > LAYERS_MAX)
		clean_victims(t, t->nr_layers - LAYERS_KEPT, false);
	else if (pages > 2 * live + HIDDEN_SLACK)
		clean_victims(t, t->nr_layers, true);
}
