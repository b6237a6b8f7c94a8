/*
 * proc/slabinfo: the caches of kernel objects, the one made last first; and
 * phys/slabs: the slabs themselves, in order of address.
 *
 * As with SLUB, objects of a slab that a processor has taken or keeps for later
 * count as active, and active_slabs is num_slabs.
 * Source: Linux mm/slab_common.c (cache_show), mm/slub.c (get_slabinfo).
 */
#include "../vm/slab/slab.h"

#include "renderers.h"

static void cache_line(struct sbuf *b, const struct vm *m, idx_t i)
{
	const struct cache *c = cache_at(m, i);
	struct cache_sums s;

	cache_sum(m, i, &s);
	sbuf_printf(b,
		"%-17s %6llu %6llu %6u %4llu %4u : tunables %4u %4u %4u "
		": slabdata %6llu %6llu %6u\n",
		c->name, (unsigned long long)(s.objects - s.partial_free),
		(unsigned long long)s.objects, c->size,
		(unsigned long long)((m->page_size << c->order) / c->size),
		1u << c->order, 0, 0, 0, (unsigned long long)s.slabs,
		(unsigned long long)s.slabs, 0);
}

void show_slabinfo(struct sbuf *b, const struct view *v, uint64_t id)
{
	const struct vm *m = v->vm;

	sbuf_str(b, "slabinfo - version: 2.1\n"
		    "# name            <active_objs> <num_objs> <objsize> "
		    "<objperslab> <pagesperslab> : tunables <limit> "
		    "<batchcount> <sharedfactor> : slabdata <active_slabs> "
		    "<num_slabs> <sharedavail>\n");
	for (idx_t i = m->root->last_cache; i; i = cache_at(m, i)->prev)
		cache_line(b, m, i);
}

static void slab_line(struct sbuf *b, const struct vm *m, pfn_t slab)
{
	static const char *const place[] = {
		[SLAB_FULL] = "full",
		[SLAB_CPU] = "cpu",
		[SLAB_CPU_PARTIAL] = "cpu_partial",
		[SLAB_NODE_PARTIAL] = "partial",
	};
	const struct frame *f = frame_at(m, slab);

	sbuf_printf(b, "%8u %5u %4u %-11s %4u/%-4u %s\n", slab, f->order,
		node_of(m, slab), place[slab_place(m, slab)],
		slab_used(m, slab), slab_objects(m, slab),
		cache_at(m, f->owner)->name);
}

void show_slabs(struct sbuf *b, const struct view *v, uint64_t id)
{
	const struct vm *m = v->vm;
	unsigned order;

	sbuf_str(b, "     pfn order node place       used/of   cache\n");
	for (pfn_t pfn = 0; phys_next_used(m, &pfn, &order); pfn += 1u << order)
		if (frame_at(m, pfn)->state == FRAME_SLAB)
			slab_line(b, m, pfn);
}
