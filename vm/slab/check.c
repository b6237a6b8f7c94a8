/*
 * The invariants of slabs: each is on the list that its frame says, its free
 * objects are linked, each once, and the counts of its cache are right.
 * Damage is found before it is followed.
 */
#include <stdlib.h>
#include <string.h>

#include "../mm/mm.h"
#include "../task/task.h"
#include "slab_i.h"

#define BAD(m, ...) vm_fail((m), EIO, __VA_ARGS__)

/* What is found of a cache. */
struct tally {
	uint64_t slabs[MAX_NODES], objects[MAX_NODES], used;
	uint32_t places[SLAB_NODE_PARTIAL + 1];
};

static int check_layout(struct vm *m, const struct cache *c)
{
	uint32_t word = m->arch->native.addr_bits / 8u;

	if (c->name[CACHE_NAME_MAX - 1] || c->size < word ||
		c->object_size > c->size || c->link > c->size - word ||
		c->link % word || c->align < word || c->size % c->align ||
		c->order > MAX_ORDER || c->min_order > c->order ||
		m->page_size << c->min_order < c->size)
		return BAD(m,
			"cache %u has objects of %u bytes and slabs of "
			"order %u",
			cache_index(m, c), c->size, c->order);
	return 0;
}

/* Whether the frame heads a slab of the cache, at that place. */
static bool is_slab(
	const struct vm *m, const struct cache *c, pfn_t pfn, unsigned place)
{
	const struct frame *f = frame_at(m, pfn);

	return pfn < m->root->max_pfn && f->state == FRAME_SLAB &&
	       f->owner == cache_index(m, c) && frame_place(f) == place;
}

static int check_caches(struct vm *m)
{
	const struct root *r = m->root;
	idx_t prev = 0;
	uint32_t nr = 0;

	for (idx_t i = r->first_cache; i; prev = i, i = cache_at(m, i)->next) {
		if (i >= r->pool[SEG_CACHE].nr ||
			++nr > r->pool[SEG_CACHE].nr ||
			cache_at(m, i)->prev != prev)
			return BAD(m, "the list of caches is broken at %u", i);
		if (check_layout(m, cache_at(m, i)))
			return -EIO;
	}
	if (prev != r->last_cache || nr != pool_live(m, SEG_CACHE))
		return BAD(m, "the list of caches has %u of %u", nr,
			pool_live(m, SEG_CACHE));
	return nr >= CACHE_FIRST_OTHER - 1
		       ? 0
		       : BAD(m, "of the kernel's caches there are %u", nr);
}

/* Objects on a free list, or more than the slab has if it is broken. */
static uint32_t count_free(
	const struct vm *m, const struct cache *c, pfn_t slab, uint32_t at)
{
	uint32_t most = slab_objects(m, slab), nr = 0;

	for (; at; at = free_next(m, c, slab, at - 1))
		if (at > most || ++nr > most)
			return most + 1;
	return nr;
}

/* The objects of a slab: in use, on its list, or on that of a processor. */
static int check_slab(struct vm *m, pfn_t slab, struct tally *t)
{
	const struct frame *f = frame_at(m, slab);
	const struct cache *c = cache_at(m, f->owner);
	uint32_t free, most;

	if (f->owner >= m->root->pool[SEG_CACHE].nr || !c->size ||
		f->order < c->min_order || f->order > c->order)
		return BAD(m, "slab %u is of cache %u, order %u", slab,
			f->owner, f->order);
	most = slab_objects(m, slab);
	free = count_free(m, c, slab, slab_first(f));
	if (slab_in_use(f) + free != most ||
		(frame_place(f) == SLAB_FULL && free))
		return BAD(m,
			"slab %u of \"%s\" has %u objects in use and %u on its "
			"list, of %u",
			slab, c->name, slab_in_use(f), free, most);
	t[f->owner].slabs[node_of(m, slab)]++;
	t[f->owner].objects[node_of(m, slab)] += most;
	t[f->owner].used += slab_in_use(f);
	t[f->owner].places[frame_place(f)]++;
	return 0;
}

static int check_slabs(struct vm *m, struct tally *t)
{
	unsigned order;

	for (pfn_t pfn = 0; phys_next_used(m, &pfn, &order); pfn += 1u << order)
		if (frame_at(m, pfn)->state == FRAME_SLAB &&
			check_slab(m, pfn, t))
			return -EIO;
	return 0;
}

static int check_cpu(
	struct vm *m, const struct cache *c, unsigned i, struct tally *t)
{
	const struct cache_cpu *cpu = &c->cpu[i];
	uint32_t nr = 0;

	if (cpu->slab ? !is_slab(m, c, cpu->slab, SLAB_CPU) ||
				count_free(m, c, cpu->slab, cpu->free) >
					slab_objects(m, cpu->slab)
		      : cpu->free)
		return BAD(m, "processor %u takes \"%s\" from frame %u", i,
			c->name, cpu->slab);
	t->places[SLAB_CPU] -= cpu->slab != 0;
	if (cpu->slab)
		t->used -= count_free(m, c, cpu->slab, cpu->free);
	for (pfn_t s = cpu->partial; s; s = frame_at(m, s)->next)
		if (!is_slab(m, c, s, SLAB_CPU_PARTIAL) ||
			nr++ >= cpu->nr_partial)
			return BAD(m, "processor %u keeps frame %u for \"%s\"",
				i, s, c->name);
	t->places[SLAB_CPU_PARTIAL] -= nr;
	if (nr != cpu->nr_partial)
		return BAD(m,
			"processor %u keeps %u slabs for \"%s\", and counts %u",
			i, nr, c->name, cpu->nr_partial);
	return 0;
}

static int check_node(
	struct vm *m, const struct cache *c, unsigned i, struct tally *t)
{
	const struct cache_node *n = &c->node[i];
	pfn_t prev = PFN_NONE;
	uint32_t nr = 0;

	for (pfn_t s = n->partial.head; s; prev = s, s = frame_at(m, s)->next)
		if (!is_slab(m, c, s, SLAB_NODE_PARTIAL) ||
			node_of(m, s) != i || frame_at(m, s)->prev != prev ||
			nr++ >= n->nr_partial)
			return BAD(m,
				"node %u has frame %u as a slab of "
				"\"%s\"",
				i, s, c->name);
	t->places[SLAB_NODE_PARTIAL] -= nr;
	if (prev != n->partial.tail || nr != n->nr_partial ||
		t->slabs[i] != n->nr_slabs || t->objects[i] != n->nr_objects)
		return BAD(m,
			"node %u has %llu slabs of \"%s\", %u of them partial, "
			"and counts %llu and %u",
			i, ULL(t->slabs[i]), c->name, nr, ULL(n->nr_slabs),
			n->nr_partial);
	return 0;
}

static int check_cache(struct vm *m, idx_t i, struct tally *t)
{
	const struct cache *c = cache_at(m, i);

	for (unsigned k = 0; k < MAX_CPUS; k++)
		if (check_cpu(m, c, k, t))
			return -EIO;
	for (unsigned k = 0; k < MAX_NODES; k++)
		if (check_node(m, c, k, t))
			return -EIO;
	if (t->places[SLAB_CPU] || t->places[SLAB_CPU_PARTIAL] ||
		t->places[SLAB_NODE_PARTIAL])
		return BAD(m, "slabs of \"%s\" are on no list", c->name);
	if (t->used != c->used)
		return BAD(m, "\"%s\" has %llu objects in use, and counts %llu",
			c->name, ULL(t->used), ULL(c->used));
	return 0;
}

/* Each entry of one of the machine's tables has its object. */
static int check_table(struct vm *m, idx_t cache, enum seg_id pool, size_t at)
{
	const struct cache *c = cache_at(m, cache);
	const uint8_t *base = m->arena.seg[pool].base + at;
	size_t size = pool_elem_size(pool);
	uint64_t nr = 0;

	for (idx_t i = 1; i < m->root->pool[pool].nr; i++) {
		paddr_t object;

		memcpy(&object, base + i * size, sizeof(object));
		if (object && !cache_holds(m, cache, object))
			return BAD(m, "0x%llx is no object of \"%s\" in use",
				ULL(object), c->name);
		nr += object != 0;
	}
	if (c->used == nr && nr == pool_live(m, pool))
		return 0;
	return BAD(m,
		"\"%s\" has %llu objects in use, the table \"%s\" %u entries",
		c->name, ULL(c->used), arena_seg_name(pool),
		pool_live(m, pool));
}

static int check_tables(struct vm *m)
{
	if (check_table(
		    m, CACHE_TASK, SEG_TASK, offsetof(struct task, object)) ||
		check_table(m, CACHE_MM, SEG_MM, offsetof(struct mm, object)) ||
		check_table(
			m, CACHE_VMA, SEG_VMA, offsetof(struct vma, object)) ||
		check_table(
			m, CACHE_FILE, SEG_FILE, offsetof(struct file, object)))
		return -EIO;
	return 0;
}

int slab_check(struct vm *m)
{
	uint32_t nr = m->root->pool[SEG_CACHE].nr;
	struct tally *t;
	int err = check_caches(m);

	if (err)
		return err;
	t = calloc(nr, sizeof(*t));
	if (!t)
		return BAD(m, "the host has no memory to check the slabs");
	err = check_slabs(m, t);
	for (idx_t i = m->root->first_cache; !err && i;
		i = cache_at(m, i)->next)
		err = check_cache(m, i, &t[i]);
	if (!err)
		err = check_tables(m);
	free(t);
	return err;
}
