/*
 * proc/slabinfo: the kernel objects that the machine's state consists of,
 * under the names of Linux's caches.
 *
 * Counts and sizes are those of the machine's own objects, and they lie
 * beside the simulated RAM, not in it: so each cache has no slabs, as Slab is
 * 0 kB in meminfo.  How many objects a slab would hold, and in how many pages,
 * is what SLUB chooses for that size and number of processors.
 * Sources: Linux mm/slub.c (calculate_order), mm/slab_common.c (slabinfo).
 */
#include "slab.h"

#include "../vm/phys/phys.h"
#include "renderers.h"

#define SLUB_MAX_ORDER 3

/* In Linux's order: the cache made last comes first. */
static const struct {
	const char *name;
	enum seg_id pool;
} caches[] = {
	{"inode_cache", SEG_INODE},
	{"dentry", SEG_NAME},
	{"filp", SEG_FILE},
	{"mm_struct", SEG_MM},
	{"vm_area_struct", SEG_VMA},
	{"task_struct", SEG_TASK},
	{"radix_tree_node", SEG_RADIX},
};

/* The smallest order whose block holds `bytes`. */
static unsigned order_of(uint64_t page_size, uint64_t bytes)
{
	unsigned order = 0;

	while (page_size << order < bytes)
		order++;
	return order;
}

unsigned slab_order(uint64_t page_size, unsigned cpus, uint64_t size)
{
	uint64_t objects = 4 * (33 - (unsigned)__builtin_clz(cpus));
	uint64_t most = (page_size << SLUB_MAX_ORDER) / size;
	unsigned first;

	if (objects > most)
		objects = most ? most : 1;
	first = order_of(page_size, objects * size);
	for (unsigned part = 16; part > 1; part /= 2)
		for (unsigned o = first; o <= SLUB_MAX_ORDER; o++) {
			uint64_t slab = page_size << o;

			if (slab % size <= slab / part)
				return o;
		}
	return order_of(page_size, size);
}

void show_slabinfo(struct sbuf *b, const struct view *v, uint64_t id)
{
	const struct vm *m = v->vm;

	sbuf_str(b, "slabinfo - version: 2.1\n"
		    "# name            <active_objs> <num_objs> <objsize> "
		    "<objperslab> <pagesperslab> : tunables <limit> "
		    "<batchcount> <sharedfactor> : slabdata <active_slabs> "
		    "<num_slabs> <sharedavail>\n");
	for (unsigned i = 0; i < sizeof(caches) / sizeof(caches[0]); i++) {
		enum seg_id pool = caches[i].pool;
		uint32_t nr = m->root->pool[pool].nr;
		uint64_t size = (pool_elem_size(pool) + 7) & ~7ull;
		unsigned order =
			slab_order(m->page_size, m->root->config.cpus, size);

		sbuf_printf(b,
			"%-17s %6u %6u %6llu %4llu %4u : tunables %4u %4u %4u "
			": slabdata %6u %6u %6u\n",
			caches[i].name, pool_live(m, pool), nr ? nr - 1 : 0,
			(unsigned long long)size,
			(unsigned long long)((m->page_size << order) / size),
			1u << order, 0, 0, 0, 0, 0, 0);
	}
}
