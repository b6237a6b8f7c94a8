#include "kmalloc.h"

#include <string.h>

#include "../reclaim/reclaim.h"
#include "slab_i.h"

#define KMALLOC_CACHE_MAX 8192u
#define KMALLOC_MAX	  (4u << 20)

static vaddr_t address(const struct vm *m, paddr_t pa)
{
	return m->arch->page_offset + pa;
}

/* ---- which cache --------------------------------------------------------- */

static idx_t cache_for(uint64_t size, unsigned gfp)
{
	unsigned kind = gfp & GFP_RECLAIMABLE ? 1 : 0, best = 0;

	if ((gfp & GFP_ZONE_MASK) == GFP_DMA)
		kind = 2;
	for (unsigned i = 1; i < NR_KMALLOC_SIZES; i++)
		if (kmalloc_size[i] >= size &&
			(kmalloc_size[best] < size ||
				kmalloc_size[i] < kmalloc_size[best]))
			best = i;
	return CACHE_KMALLOC + kind * NR_KMALLOC_SIZES + best;
}

static unsigned order_for(const struct vm *m, uint64_t size)
{
	unsigned order = 0;

	while (m->page_size << order < size)
		order++;
	return order;
}

/* ---- looking an address up ----------------------------------------------- */

/* What lies at an address: an object of a cache, or a block. */
struct place {
	pfn_t frame; /* first of the slab or block */
	idx_t cache; /* 0: a block */
};

static int no_object(struct vm *m, vaddr_t addr)
{
	return vm_fail(m, EINVAL,
		"0x%llx is no address that kmalloc or a cache gave", ULL(addr));
}

/* Inside a slab: the beginning of an object that somebody has; `wrong` is what
 * it is otherwise. */
static int check_object(
	struct vm *m, vaddr_t addr, pfn_t slab, const char *wrong)
{
	const struct cache *c = cache_at(m, frame_at(m, slab)->owner);
	uint64_t off = addr - address(m, pfn_to_pa(m, slab));

	if (off / c->size >= slab_objects(m, slab))
		return no_object(m, addr);
	if (off % c->size)
		return vm_fail(m, EINVAL,
			"0x%llx lies %llu bytes inside an object of \"%s\", "
			"which begins at 0x%llx",
			ULL(addr), ULL(off % c->size), c->name,
			ULL(addr - off % c->size));
	if (!slab_holds(m, addr - m->arch->page_offset))
		return vm_fail(m, EINVAL,
			"%s: the object of \"%s\" at 0x%llx is free already",
			wrong, c->name, ULL(addr));
	return 0;
}

#define DOUBLE_FREE    "double free"
#define USE_AFTER_FREE "use after free"

static int find(
	struct vm *m, vaddr_t addr, struct place *out, const char *wrong)
{
	paddr_t pa = addr - m->arch->page_offset;
	pfn_t pfn = (pfn_t)(pa >> m->page_shift);
	const struct frame *f;

	if (addr < m->arch->page_offset ||
		pa >> m->page_shift >= m->root->max_pfn)
		return no_object(m, addr);
	f = frame_at(m, pfn);
	*out = (struct place){.frame = pfn};
	if (f->state == FRAME_KERNEL && f->owner == OWNER_KMALLOC)
		return pa & (m->page_size - 1) ? no_object(m, addr) : 0;
	out->frame = slab_of(m, pfn);
	if (!out->frame)
		return no_object(m, addr);
	out->cache = frame_at(m, out->frame)->owner;
	return check_object(m, addr, out->frame, wrong);
}

/* The same, if it is for commands to free. */
static int find_ours(
	struct vm *m, vaddr_t addr, struct place *p, const char *wrong)
{
	const struct cache *c;

	if (find(m, addr, p, wrong))
		return -EINVAL;
	c = cache_at(m, p->cache);
	if (p->cache && !(c->flags & CACHE_BY_COMMAND) &&
		(p->cache < CACHE_KMALLOC || p->cache >= CACHE_MM))
		return vm_fail(m, EINVAL,
			"the object of \"%s\" at 0x%llx is the kernel's own",
			c->name, ULL(addr));
	return 0;
}

/* ---- taking and giving --------------------------------------------------- */

static int check_zone(struct vm *m, unsigned gfp)
{
	if ((gfp & GFP_ZONE_MASK) != GFP_HIGHUSER &&
		(gfp & GFP_ZONE_MASK) != GFP_DMA32 && !(gfp & GFP_MOVABLE))
		return 0;
	return vm_fail(m, EINVAL,
		"kernel objects have fixed addresses: not from dma32 or "
		"highuser, not movable");
}

/* Bytes that may lie in several frames. */
static void clear(struct vm *m, paddr_t at, uint64_t len)
{
	for (paddr_t p = at & ~(m->page_size - 1); p < at + len;
		p += m->page_size)
		frame_bytes(m, (pfn_t)(p >> m->page_shift));
	memset(ram_at(m, at), 0, len);
}

static vaddr_t large(struct vm *m, uint64_t size, unsigned gfp, bool zeroed)
{
	pfn_t pfn;

	if (size > KMALLOC_MAX) {
		vm_fail(m, ENOMEM,
			"kmalloc gives at most 4 MiB, a block of the largest "
			"order; %llu bytes were asked for",
			ULL(size));
		return 0;
	}
	pfn = mem_alloc(m, gfp | GFP_COMP, order_for(m, size), FRAME_KERNEL,
		USE_SLAB_UNRECLAIMABLE, zeroed);
	if (!pfn)
		return 0;
	frame_at(m, pfn)->owner = OWNER_KMALLOC;
	return address(m, pfn_to_pa(m, pfn));
}

vaddr_t cache_take(struct vm *m, idx_t cache, unsigned gfp, bool zeroed)
{
	paddr_t object;

	if (check_zone(m, gfp))
		return 0;
	object = slab_alloc(m, cache, gfp);
	if (!object)
		return 0;
	if (zeroed)
		clear(m, object, cache_at(m, cache)->object_size);
	return address(m, object);
}

vaddr_t kmalloc(struct vm *m, uint64_t size, unsigned gfp, bool zeroed)
{
	if (check_zone(m, gfp))
		return 0;
	if (!size)
		return ZERO_SIZE_ADDRESS;
	if (size > KMALLOC_CACHE_MAX)
		return large(m, size, gfp, zeroed);
	return cache_take(m, cache_for(size, gfp), gfp, zeroed);
}

static bool is_nothing(vaddr_t addr)
{
	return !addr || addr == ZERO_SIZE_ADDRESS;
}

int kfree(struct vm *m, vaddr_t addr)
{
	struct place p = {0};

	if (is_nothing(addr))
		return 0;
	if (find_ours(m, addr, &p, DOUBLE_FREE))
		return -EINVAL;
	if (p.cache)
		slab_free(m, addr - m->arch->page_offset);
	else
		buddy_free(m, p.frame, frame_at(m, p.frame)->order,
			USE_SLAB_UNRECLAIMABLE);
	return 0;
}

int cache_give(struct vm *m, idx_t cache, vaddr_t addr)
{
	struct place p = {0};

	if (is_nothing(addr))
		return 0;
	if (find_ours(m, addr, &p, DOUBLE_FREE))
		return -EINVAL;
	if (p.cache != cache)
		return vm_fail(m, EINVAL,
			"wrong cache: 0x%llx is of \"%s\", not of \"%s\"",
			ULL(addr),
			p.cache ? cache_at(m, p.cache)->name : "kmalloc",
			cache_at(m, cache)->name);
	slab_free(m, addr - m->arch->page_offset);
	return 0;
}

int64_t ksize(struct vm *m, vaddr_t addr)
{
	struct place p = {0};

	if (is_nothing(addr))
		return 0;
	if (find(m, addr, &p, USE_AFTER_FREE))
		return -EINVAL;
	return p.cache ? cache_at(m, p.cache)->object_size
		       : (int64_t)(m->page_size << frame_at(m, p.frame)->order);
}

vaddr_t krealloc(
	struct vm *m, vaddr_t addr, uint64_t size, unsigned gfp, bool zeroed)
{
	struct place p = {0};
	int64_t had;
	vaddr_t to;

	if (!is_nothing(addr) && find_ours(m, addr, &p, USE_AFTER_FREE))
		return 0;
	had = ksize(m, addr);
	if (size && (uint64_t)had >= size)
		return addr;
	to = kmalloc(m, size, gfp, zeroed);
	if (!to)
		return 0;
	if (size && had) {
		clear(m, to - m->arch->page_offset, (uint64_t)had);
		memcpy(ram_at(m, to - m->arch->page_offset),
			ram_at(m, addr - m->arch->page_offset), (size_t)had);
	}
	return kfree(m, addr) ? 0 : to;
}
