#include "slab_i.h"

#include <assert.h>
#include <string.h>

#include "../reclaim/reclaim.h"

enum page_use cache_use(const struct cache *c)
{
	return c->flags & CACHE_RECLAIMABLE ? USE_SLAB_RECLAIMABLE
					    : USE_SLAB_UNRECLAIMABLE;
}

static struct cache *cache_of(const struct vm *m, pfn_t slab)
{
	return cache_at(m, frame_at(m, slab)->owner);
}

static struct cache_node *node_cache(
	const struct vm *m, struct cache *c, pfn_t slab)
{
	return &c->node[node_of(m, slab)];
}

uint32_t slab_objects(const struct vm *m, pfn_t slab)
{
	const struct frame *f = frame_at(m, slab);

	return (uint32_t)((m->page_size << f->order) / cache_of(m, slab)->size);
}

pfn_t slab_of(const struct vm *m, pfn_t pfn)
{
	for (unsigned order = 0; order <= MAX_ORDER; order++) {
		pfn_t head = pfn >> order << order;
		const struct frame *f = frame_at(m, head);

		if (f->state == FRAME_SLAB && head + (1u << f->order) > pfn)
			return head;
	}
	return PFN_NONE;
}

/* ---- the links in RAM ---------------------------------------------------- */

/* A word of the machine's: 4 or 8 bytes, the lowest first. */
static paddr_t link_at(
	const struct vm *m, const struct cache *c, pfn_t slab, uint32_t nr)
{
	return object_at(m, c, slab, nr) + c->link;
}

uint32_t free_next(
	const struct vm *m, const struct cache *c, pfn_t slab, uint32_t nr)
{
	vaddr_t next = 0;

	memcpy(&next, ram_at(m, link_at(m, c, slab, nr)),
		m->arch->native.addr_bits / 8);
	if (!next)
		return 0;
	next -= m->arch->page_offset + pfn_to_pa(m, slab);
	return (uint32_t)(next / c->size) + 1;
}

static void set_free_next(struct vm *m, const struct cache *c, pfn_t slab,
	uint32_t nr, uint32_t next)
{
	paddr_t at = link_at(m, c, slab, nr);
	vaddr_t va =
		next ? m->arch->page_offset + object_at(m, c, slab, next - 1)
		     : 0;

	frame_bytes(m, (pfn_t)(at >> m->page_shift));
	memcpy(ram_at(m, at), &va, m->arch->native.addr_bits / 8);
}

/* ---- lists --------------------------------------------------------------- */

static void node_add(struct vm *m, struct cache *c, pfn_t slab)
{
	struct cache_node *n = node_cache(m, c, slab);

	slab_move(frame_at(m, slab), SLAB_NODE_PARTIAL);
	frame_link(m, &n->partial, slab, true);
	n->nr_partial++;
}

static void node_del(struct vm *m, struct cache *c, pfn_t slab)
{
	struct cache_node *n = node_cache(m, c, slab);

	frame_unlink(m, &n->partial, frame_at(m, slab));
	n->nr_partial--;
}

void slab_discard(struct vm *m, struct cache *c, pfn_t slab)
{
	struct cache_node *n = node_cache(m, c, slab);
	unsigned order = frame_at(m, slab)->order;

	n->nr_slabs--;
	n->nr_objects -= slab_objects(m, slab);
	buddy_free(m, slab, order, cache_use(c));
}

/* What a processor kept for later goes to the lists of its nodes. */
static void flush_partial(struct vm *m, struct cache *c, struct cache_cpu *cpu)
{
	while (cpu->partial) {
		pfn_t slab = cpu->partial;
		struct frame *f = frame_at(m, slab);

		cpu->partial = f->next;
		f->next = PFN_NONE;
		if (!slab_in_use(f) &&
			node_cache(m, c, slab)->nr_partial >= c->min_partial)
			slab_discard(m, c, slab);
		else
			node_add(m, c, slab);
	}
	cpu->nr_partial = 0;
}

static void keep_partial(
	struct vm *m, struct cache *c, struct cache_cpu *cpu, pfn_t slab)
{
	struct frame *f = frame_at(m, slab);

	slab_move(f, SLAB_CPU_PARTIAL);
	f->next = cpu->partial;
	cpu->partial = slab;
	cpu->nr_partial++;
}

/* ---- taking -------------------------------------------------------------- */

/* The processor takes the free objects of a slab that it has. */
static void take_list(struct vm *m, struct cache_cpu *cpu, pfn_t slab)
{
	struct frame *f = frame_at(m, slab);

	cpu->slab = slab;
	cpu->free = slab_first(f);
	slab_set(f, 0, slab_objects(m, slab), SLAB_CPU);
}

/* Partial slabs of the node: one for now, and some for later. */
static bool take_partial(struct vm *m, struct cache *c, struct cache_cpu *cpu,
	struct cache_node *n)
{
	pfn_t slab = n->partial.head;

	if (!slab)
		return false;
	node_del(m, c, slab);
	take_list(m, cpu, slab);
	for (uint32_t i = 0; i <= c->cpu_partial_slabs / 2; i++) {
		slab = n->partial.head;
		if (!slab)
			break;
		node_del(m, c, slab);
		keep_partial(m, c, cpu, slab);
	}
	return true;
}

static pfn_t slab_pages(
	struct vm *m, const struct cache *c, unsigned gfp, unsigned order)
{
	return gfp & GFP_MEMALLOC ? buddy_alloc(m, gfp, order, FRAME_SLAB,
					    cache_use(c), false)
				  : mem_alloc(m, gfp | GFP_COMP, order,
					    FRAME_SLAB, cache_use(c), false);
}

/* Frames for a slab: of the best order if they are at hand. */
static pfn_t get_pages(struct vm *m, const struct cache *c, unsigned gfp)
{
	unsigned easy = (gfp & ~(GFP_MEMALLOC | GFP_NOFAIL)) | GFP_NOWAIT |
			GFP_NOKSWAPD | GFP_NOMEMALLOC;
	pfn_t slab = PFN_NONE;

	if (c->order > c->min_order) {
		slab = buddy_alloc(
			m, easy, c->order, FRAME_SLAB, cache_use(c), false);
		if (slab)
			return slab;
		vm_fail_clear(m);
	}
	return slab_pages(m, c, gfp, c->min_order);
}

static bool refill(
	struct vm *m, struct cache *c, struct cache_cpu *cpu, unsigned gfp);

static bool take_new(
	struct vm *m, struct cache *c, struct cache_cpu *cpu, unsigned gfp)
{
	struct cache_node *n;
	uint32_t objects;
	pfn_t slab;

	if (c->flags & CACHE_DMA)
		gfp = (gfp & ~GFP_ZONE_MASK) | GFP_DMA;
	if (c->flags & CACHE_RECLAIMABLE)
		gfp |= GFP_RECLAIMABLE;
	slab = get_pages(m, c, gfp);
	if (!slab)
		return false;
	frame_at(m, slab)->owner = cache_index(m, c);
	objects = slab_objects(m, slab);
	for (uint32_t i = 0; i < objects; i++)
		set_free_next(m, c, slab, i, i + 1 < objects ? i + 2 : 0);
	slab_set(frame_at(m, slab), 1, 0, SLAB_FULL);
	n = node_cache(m, c, slab);
	n->nr_slabs++;
	n->nr_objects += objects;
	if (!cpu->slab) {
		take_list(m, cpu, slab);
		return true;
	}
	/* whoever took pages back for it needed an object himself */
	node_add(m, c, slab);
	return cpu->free || refill(m, c, cpu, gfp);
}

/* Whose slab has no free object left: what others freed, or another one. */
static bool refill(
	struct vm *m, struct cache *c, struct cache_cpu *cpu, unsigned gfp)
{
	if (cpu->slab) {
		struct frame *f = frame_at(m, cpu->slab);

		if (slab_first(f)) {
			take_list(m, cpu, cpu->slab);
			return true;
		}
		slab_move(f, SLAB_FULL);
		cpu->slab = PFN_NONE;
	}
	if (cpu->partial) {
		struct frame *f = frame_at(m, cpu->partial);
		pfn_t slab = cpu->partial;

		cpu->partial = f->next;
		f->next = PFN_NONE;
		cpu->nr_partial--;
		take_list(m, cpu, slab);
		return true;
	}
	return take_partial(m, c, cpu, &c->node[m->here]) ||
	       take_new(m, c, cpu, gfp);
}

paddr_t slab_alloc(struct vm *m, idx_t cache, unsigned gfp)
{
	struct cache *c = cache_at(m, cache);
	struct cache_cpu *cpu = &c->cpu[m->cpu];
	uint32_t nr;

	if (!cpu->free && !refill(m, c, cpu, gfp))
		return 0;
	nr = cpu->free - 1;
	c->used++;
	cpu->free = free_next(m, c, cpu->slab, nr);
	return object_at(m, c, cpu->slab, nr);
}

int object_reserve(struct vm *m, enum kernel_cache cache, uint32_t n)
{
	const struct cache *c = cache_at(m, (idx_t)cache);
	const struct cache_cpu *cpu = &c->cpu[m->cpu];
	uint64_t each = (m->page_size << c->min_order) / c->size;

	for (uint32_t at = cpu->free; at && n; n--)
		at = free_next(m, c, cpu->slab, at - 1);
	if (!n)
		return 0;
	return mem_reserve(m, GFP_KERNEL | GFP_COMP,
		((n / each + 1) << c->min_order) + STEP_PAGES);
}

/* ---- giving back --------------------------------------------------------- */

/* To the list of a slab that is not the processor's own. */
static void free_slow(struct vm *m, struct cache *c, pfn_t slab, uint32_t nr)
{
	struct frame *f = frame_at(m, slab);
	enum slab_place place = frame_place(f);

	set_free_next(m, c, slab, nr, slab_first(f));
	slab_set(f, nr + 1, slab_in_use(f) - 1, place);
	if (place == SLAB_FULL) {
		struct cache_cpu *cpu = &c->cpu[m->cpu];

		if (cpu->nr_partial >= c->cpu_partial_slabs)
			flush_partial(m, c, cpu);
		keep_partial(m, c, cpu, slab);
	} else if (place == SLAB_NODE_PARTIAL && !slab_in_use(f) &&
		   node_cache(m, c, slab)->nr_partial >= c->min_partial) {
		node_del(m, c, slab);
		slab_discard(m, c, slab);
	}
}

void slab_free(struct vm *m, paddr_t object)
{
	struct cache_cpu *cpu;
	struct cache *c;
	uint32_t nr;
	pfn_t slab;

	if (!object)
		return;
	slab = slab_of(m, (pfn_t)(object >> m->page_shift));
	assert(slab);
	c = cache_of(m, slab);
	nr = (uint32_t)((object - pfn_to_pa(m, slab)) / c->size);
	c->used--;
	cpu = &c->cpu[m->cpu];
	if (cpu->slab != slab) {
		free_slow(m, c, slab, nr);
		return;
	}
	set_free_next(m, c, slab, nr, cpu->free);
	cpu->free = nr + 1;
}

void cache_flush(struct vm *m, struct cache *c)
{
	for (uint32_t i = 0; i < m->root->config.cpus; i++) {
		struct cache_cpu *cpu = &c->cpu[i];
		pfn_t slab = cpu->slab;
		uint32_t next;

		flush_partial(m, c, cpu);
		if (!slab)
			continue;
		cpu->slab = PFN_NONE;
		slab_move(frame_at(m, slab), SLAB_FULL);
		for (uint32_t at = cpu->free; at; at = next) {
			struct frame *f = frame_at(m, slab);

			next = free_next(m, c, slab, at - 1);
			set_free_next(m, c, slab, at - 1, slab_first(f));
			slab_set(f, at, slab_in_use(f) - 1, SLAB_FULL);
		}
		cpu->free = 0;
		if (slab_first(frame_at(m, slab)))
			node_add(m, c, slab);
	}
}

/* ---- looks --------------------------------------------------------------- */

enum slab_place slab_place(const struct vm *m, pfn_t slab)
{
	return frame_place(frame_at(m, slab));
}

/* The processor whose slab it is, NULL if none's. */
static const struct cache_cpu *owner(
	const struct vm *m, const struct cache *c, pfn_t slab)
{
	for (uint32_t i = 0; i < m->root->config.cpus; i++)
		if (c->cpu[i].slab == slab)
			return &c->cpu[i];
	return NULL;
}

static uint32_t list_length(
	const struct vm *m, const struct cache *c, pfn_t slab, uint32_t at)
{
	uint32_t nr = 0;

	for (; at; at = free_next(m, c, slab, at - 1))
		nr++;
	return nr;
}

uint32_t slab_used(const struct vm *m, pfn_t slab)
{
	const struct cache *c = cache_of(m, slab);
	const struct cache_cpu *cpu = owner(m, c, slab);
	uint32_t nr = slab_in_use(frame_at(m, slab));

	return cpu ? nr - list_length(m, c, slab, cpu->free) : nr;
}

static bool is_listed(const struct vm *m, const struct cache *c, pfn_t slab,
	uint32_t at, uint32_t nr)
{
	for (; at; at = free_next(m, c, slab, at - 1))
		if (at == nr + 1)
			return true;
	return false;
}

bool slab_holds(const struct vm *m, paddr_t object)
{
	pfn_t slab = slab_of(m, (pfn_t)(object >> m->page_shift));
	const struct cache_cpu *cpu;
	const struct cache *c;
	uint64_t off;

	if (!slab)
		return false;
	c = cache_of(m, slab);
	off = object - pfn_to_pa(m, slab);
	if (off % c->size || off / c->size >= slab_objects(m, slab))
		return false;
	cpu = owner(m, c, slab);
	return !is_listed(m, c, slab, slab_first(frame_at(m, slab)),
		       (uint32_t)(off / c->size)) &&
	       !(cpu && is_listed(m, c, slab, cpu->free,
				(uint32_t)(off / c->size)));
}

bool cache_holds(const struct vm *m, idx_t cache, paddr_t object)
{
	pfn_t pfn = (pfn_t)(object >> m->page_shift);

	return object >> m->page_shift < m->root->max_pfn &&
	       slab_holds(m, object) &&
	       frame_at(m, slab_of(m, pfn))->owner == cache;
}

void cache_sum(const struct vm *m, idx_t cache, struct cache_sums *out)
{
	const struct cache *c = cache_at(m, cache);

	*out = (struct cache_sums){0};
	for (uint32_t i = 0; i < m->root->config.nodes; i++) {
		const struct cache_node *n = &c->node[i];

		out->slabs += n->nr_slabs;
		out->objects += n->nr_objects;
		out->partial += n->nr_partial;
		for (pfn_t s = n->partial.head; s; s = frame_at(m, s)->next)
			out->partial_free += slab_objects(m, s) -
					     slab_in_use(frame_at(m, s));
	}
	for (uint32_t i = 0; i < m->root->config.cpus; i++) {
		out->cpu_partial += c->cpu[i].nr_partial;
		out->cpu_slabs += c->cpu[i].slab != PFN_NONE;
	}
}
