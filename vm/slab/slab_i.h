/* What the files of slab/ share: the fields of a slab's first frame. */
#ifndef PAGEFS_VM_SLAB_I_H
#define PAGEFS_VM_SLAB_I_H

#include "slab.h"

#define ULL(x) ((unsigned long long)(x))

#define SLAB_COUNT_BITS 14
#define SLAB_COUNT_MAX	((1u << SLAB_COUNT_BITS) - 1)

/* Number of the first free object on the slab's own list, plus 1. */
static inline uint32_t slab_first(const struct frame *f)
{
	return f->index & SLAB_COUNT_MAX;
}

static inline uint32_t slab_in_use(const struct frame *f)
{
	return f->index >> SLAB_COUNT_BITS & SLAB_COUNT_MAX;
}

static inline enum slab_place frame_place(const struct frame *f)
{
	return f->index >> 2 * SLAB_COUNT_BITS & 3;
}

static inline void slab_set(
	struct frame *f, uint32_t first, uint32_t in_use, enum slab_place place)
{
	uint64_t v = (uint64_t)place << 2 * SLAB_COUNT_BITS |
		     (uint64_t)in_use << SLAB_COUNT_BITS | first;

	f->index = v & ((1ull << 40) - 1);
}

static inline void slab_move(struct frame *f, enum slab_place place)
{
	slab_set(f, slab_first(f), slab_in_use(f), place);
}

static inline paddr_t object_at(
	const struct vm *m, const struct cache *c, pfn_t slab, uint32_t nr)
{
	return pfn_to_pa(m, slab) + (paddr_t)nr * c->size;
}

/* The object behind a free one: its number plus 1, 0 none. */
uint32_t free_next(
	const struct vm *m, const struct cache *c, pfn_t slab, uint32_t nr);
/* An empty slab of the cache goes back to the buddy allocator. */
void slab_discard(struct vm *m, struct cache *c, pfn_t slab);
/* What processors keep goes to the lists of the nodes. */
void cache_flush(struct vm *m, struct cache *c);
enum page_use cache_use(const struct cache *c);

#endif
