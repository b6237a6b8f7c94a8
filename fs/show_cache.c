/*
 * sys/kernel/slab/CACHE: one cache, its layout and its slabs.  Counts come as
 * Linux has them: the sum, and behind it the part of each node that has some.
 * Source: Linux mm/slub.c (show_slab_objects, slabs_cpu_partial_show).
 */
#include "../vm/slab/slab.h"

#include "renderers.h"

#define ULL(x) ((unsigned long long)(x))

static const struct cache *cache_of(const struct view *v, uint64_t id)
{
	return cache_at(v->vm, (idx_t)id);
}

static uint32_t objects_each(const struct vm *m, const struct cache *c)
{
	return (uint32_t)((m->page_size << c->order) / c->size);
}

/* ---- one number ---- */

#define NUMBER(name, value)                                        \
	void show_cache_##name(                                    \
		struct sbuf *b, const struct view *v, uint64_t id) \
	{                                                          \
		const struct cache *c = cache_of(v, id);           \
                                                                   \
		sbuf_printf(b, "%u\n", (unsigned)(value));         \
	}

NUMBER(object_size, c->object_size)
NUMBER(slab_size, c->size)
NUMBER(align, c->align)
NUMBER(order, c->order)
NUMBER(objs_per_slab, objects_each(v->vm, c))
NUMBER(min_partial, c->min_partial)
NUMBER(cpu_partial, c->cpu_partial)
NUMBER(reclaim_account, (c->flags & CACHE_RECLAIMABLE) != 0)
NUMBER(hwcache_align, (c->flags & CACHE_HWALIGN) != 0)
NUMBER(cache_dma, (c->flags & CACHE_DMA) != 0)

/* ---- counts by node ---- */

static void by_node(struct sbuf *b, const struct vm *m, const uint64_t *nr)
{
	uint64_t sum = 0;

	for (unsigned n = 0; n < m->root->config.nodes; n++)
		sum += nr[n];
	sbuf_printf(b, "%llu", ULL(sum));
	for (unsigned n = 0; n < m->root->config.nodes; n++)
		if (nr[n])
			sbuf_printf(b, " N%u=%llu", n, ULL(nr[n]));
	sbuf_char(b, '\n');
}

/* Objects of the node's partial slabs, free or not. */
static uint64_t partial_objects(
	const struct vm *m, const struct cache_node *n, bool used)
{
	uint64_t nr = 0;

	for (pfn_t s = n->partial.head; s; s = frame_at(m, s)->next)
		nr += used ? slab_used(m, s)
			   : slab_objects(m, s) - slab_used(m, s);
	return nr;
}

#define COUNTS(name, value)                                        \
	void show_cache_##name(                                    \
		struct sbuf *b, const struct view *v, uint64_t id) \
	{                                                          \
		uint64_t nr[MAX_NODES];                            \
                                                                   \
		for (unsigned i = 0; i < MAX_NODES; i++) {         \
			const struct cache_node *n =               \
				&cache_of(v, id)->node[i];         \
                                                                   \
			nr[i] = (value);                           \
		}                                                  \
		by_node(b, v->vm, nr);                             \
	}

COUNTS(slabs, n->nr_slabs)
COUNTS(partial, n->nr_partial)
COUNTS(total_objects, n->nr_objects)
COUNTS(objects, n->nr_objects - partial_objects(v->vm, n, false))
COUNTS(objects_partial, partial_objects(v->vm, n, true))

/* ---- what processors have ---- */

void show_cache_cpu_slabs(struct sbuf *b, const struct view *v, uint64_t id)
{
	const struct cache *c = cache_of(v, id);
	uint64_t nr[MAX_NODES] = {0};

	for (unsigned i = 0; i < v->vm->root->config.cpus; i++) {
		pfn_t s = c->cpu[i].slab;

		if (s)
			nr[node_of(v->vm, s)]++;
		for (s = c->cpu[i].partial; s; s = frame_at(v->vm, s)->next)
			nr[node_of(v->vm, s)]++;
	}
	by_node(b, v->vm, nr);
}

/* "OBJECTS(SLABS)", the objects guessed: half of each slab. */
static void kept(struct sbuf *b, const struct view *v, const struct cache *c,
	uint64_t slabs)
{
	sbuf_printf(b, "%llu(%llu)", ULL(slabs * objects_each(v->vm, c) / 2),
		ULL(slabs));
}

void show_cache_slabs_cpu_partial(
	struct sbuf *b, const struct view *v, uint64_t id)
{
	const struct cache *c = cache_of(v, id);
	uint64_t sum = 0;

	for (unsigned i = 0; i < v->vm->root->config.cpus; i++)
		sum += c->cpu[i].nr_partial;
	kept(b, v, c, sum);
	for (unsigned i = 0; i < v->vm->root->config.cpus; i++)
		if (c->cpu[i].nr_partial) {
			sbuf_printf(b, " C%u=", i);
			kept(b, v, c, c->cpu[i].nr_partial);
		}
	sbuf_char(b, '\n');
}
