/*
 * The state of a machine as pages of 4096 bytes, and how they are saved.
 *
 * A page's hash is XXH3-128 of its bytes, seeded with its place; a page that
 * is all zero has the hash 0.  The hash of a state is the sum (modulo 2^128)
 * of the hashes of its pages and of one over the sizes of the segments.  So
 * it follows from the hash before and the pages that changed.
 *
 * What is saved are layers.  A save writes the pages that changed since the
 * last as a new layer, PACK_PAGES of them compressed together as a pack.  A
 * saved state is a list of layers; a page is found in the newest that has it:
 *
 *	layer 9    .  B'  .  .  .  .       state = layers 3, 7, 9
 *	layer 7    A' .   .  D' .  0       "0": the page became all zero
 *	layer 3    A  B   C  D  E  F       = A' B' C D' E 0
 *
 * Layers never change.  Several states share them, also on other timelines;
 * those that no checkpoint lists are garbage, see collect.c.  A list is kept
 * short, and the bytes hidden by newer layers few, by writing a part of the
 * old pages anew with each save (track_clean()).
 */
#ifndef PAGEFS_STATE_H
#define PAGEFS_STATE_H

#include "../vm/vm.h"

#define STATE_PAGE  4096u
#define STATE_SHIFT 12
#define GROUP_PAGES 4096u /* pages of a track's group: 16 MiB */
#define PACK_PAGES  64u
#define LAYERS_MAX  64u /* more are merged */

/* 128 bits; the sum wraps. */
struct hash128 {
	uint64_t lo, hi;
};

void hash_add(struct hash128 *sum, struct hash128 h);
void hash_sub(struct hash128 *sum, struct hash128 h);
static inline bool hash_equal(struct hash128 a, struct hash128 b)
{
	return a.lo == b.lo && a.hi == b.hi;
}
/* Of the page at `page` * 4096 of segment `seg`. */
struct hash128 page_hash(const void *data, unsigned seg, uint64_t page);
/* "root 9216\nram 4096\n...": what the hash covers besides the pages.
 * Returns its length. */
#define SIZES_MAX 1024
size_t state_sizes(struct vm *m, char *buf);
struct hash128 sizes_hash(const char *sizes, size_t len);
void hash_text(struct hash128 h, char out[33]);
/* Over all pages, whatever is known about them. */
void state_hash_full(struct vm *m, struct hash128 *out);
/* A page as 4096 bytes: the last one of a segment may have fewer, and is then
 * completed in buf. */
const uint8_t *page_bytes(
	const struct vm_segment *seg, uint64_t page, uint8_t *buf);

/* ---- what is known about the pages of one machine (track.c) ---- */

struct track_page {
	struct hash128 hash;
	uint32_t layer; /* that has the page; 0: none */
	uint32_t unsaved;
};

struct track_group {
	uint32_t used; /* some page has a hash or a layer */
	uint32_t unsaved;
};

struct layer {
	uint32_t id;
	uint32_t pages; /* in it */
	uint32_t live;	/* of them found there in the current state */
};

struct track_seg {
	struct track_page *page;
	struct track_group *group;
	uint64_t nr_pages, nr_groups;
	uint64_t bytes; /* of the reservation */
};

struct track {
	struct vm *vm;
	struct track_seg *seg;
	struct hash128 sum; /* of the pages */
	uint64_t nr_unsaved;
	struct layer *layer; /* by id */
	unsigned nr_layers, cap_layers;
};

/* Nothing is known: all pages are as a blank machine's.  NULL: no memory. */
struct track *track_new(struct vm *m);
void track_free(struct track *t);
/*
 * Looks at the pages that may have changed.  Those with a dirty map: at most
 * `max` of them; returns whether all were seen.
 */
bool track_refresh(struct track *t, uint64_t max);
/* Those without. */
int track_refresh_rest(struct track *t);
/* Looks at one page; true if it is to be saved. */
bool track_look(struct track *t, const struct vm_segment *seg, unsigned nr,
	uint64_t page);
/* The next unsaved page at or after (*seg, *page). */
bool track_next_unsaved(const struct track *t, unsigned *seg, uint64_t *page);
/* The page is in layer `id` now, or, to undo that, unsaved as before. */
void track_saved(struct track *t, unsigned seg, uint64_t page, uint32_t id);
void track_unsaved(struct track *t, unsigned seg, uint64_t page, uint32_t id);
/* Adds a layer above all others; -ENOMEM. */
int track_add_layer(struct track *t, uint32_t id);
struct layer *track_layer(struct track *t, uint32_t id);
/* Loading: the page comes from a layer.  Its hash, and the sum, follow when
 * it is there. */
void track_loaded(struct track *t, unsigned seg, uint64_t page, uint32_t layer);
/* Marks a part of the pages of old layers to be written anew, where layers
 * have become many or mostly hidden. */
void track_clean(struct track *t);
/* The hash of the state, everything refreshed before. */
struct hash128 track_hash(struct track *t);

#endif
