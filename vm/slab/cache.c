/* Caches: how their slabs are laid out, and their life. */
#include <string.h>

#include "slab_i.h"

#define MAX_SLAB_ORDER 3u
#define CPU_LINE       64u
#define MIN_PARTIAL    5u
#define MAX_PARTIAL    10u
#define PROMOTE_MAX    32u /* free objects of slabs that shrinking sorts */
#define OBJECT_MAX     (4u << 20) /* KMALLOC_MAX_SIZE */

/* ---- layout -------------------------------------------------------------- */

/* The smallest order whose block holds `bytes`. */
static unsigned order_of(uint64_t page_size, uint64_t bytes)
{
	unsigned order = 0;

	while (page_size << order < bytes)
		order++;
	return order;
}

static unsigned log2_of(uint32_t n)
{
	return 31u - (unsigned)__builtin_clz(n);
}

unsigned slab_order(uint64_t page_size, unsigned cpus, uint64_t size)
{
	uint64_t objects = 4 * (log2_of(cpus) + 2);
	uint64_t most = (page_size << MAX_SLAB_ORDER) / size;
	unsigned first;

	if (objects > most)
		objects = most ? most : 1;
	first = order_of(page_size, objects * size);
	for (unsigned part = 16; part > 1; part /= 2)
		for (unsigned o = first; o <= MAX_SLAB_ORDER; o++) {
			uint64_t slab = page_size << o;

			if (slab % size <= slab / part)
				return o;
		}
	return order_of(page_size, size);
}

static uint32_t word(const struct vm *m)
{
	return m->arch->native.addr_bits / 8u;
}

/* To a line of the CPU's cache, or to the part of one that it fits in. */
static uint32_t alignment(
	const struct vm *m, uint32_t size, uint32_t align, uint32_t flags)
{
	if (flags & CACHE_HWALIGN) {
		uint32_t line = CPU_LINE;

		while (size <= line / 2)
			line /= 2;
		if (align < line)
			align = line;
	}
	return align > word(m) ? align : word(m);
}

/* A free object keeps the next one's address in its middle; one that stays
 * constructed, behind itself. */
static void lay_out(const struct vm *m, struct cache *c, uint32_t align)
{
	uint32_t w = word(m), size = (c->object_size + w - 1) & ~(w - 1);

	c->link = c->object_size / 2 & ~(w - 1);
	if (c->flags & CACHE_CONSTRUCTED) {
		c->link = size;
		size += w;
	}
	c->align = alignment(m, c->object_size, align, c->flags);
	c->size = (size + c->align - 1) & ~(c->align - 1);
	c->order = slab_order(m->page_size, m->root->config.cpus, c->size);
	c->min_order = order_of(m->page_size, c->size);
}

/* What nodes and processors keep. */
static void set_keeping(const struct vm *m, struct cache *c)
{
	uint32_t objects = (uint32_t)((m->page_size << c->order) / c->size);

	c->min_partial = log2_of(c->size) / 2;
	if (c->min_partial < MIN_PARTIAL)
		c->min_partial = MIN_PARTIAL;
	if (c->min_partial > MAX_PARTIAL)
		c->min_partial = MAX_PARTIAL;
	c->cpu_partial = c->size >= m->page_size ? 6
			 : c->size >= 1024	 ? 24
			 : c->size >= 256	 ? 52
						 : 120;
	c->cpu_partial_slabs = (2 * c->cpu_partial + objects - 1) / objects;
}

/* ---- life ---------------------------------------------------------------- */

static void list_add(struct vm *m, idx_t i)
{
	struct root *r = m->root;

	cache_at(m, i)->prev = r->last_cache;
	if (r->last_cache)
		cache_at(m, r->last_cache)->next = i;
	else
		r->first_cache = i;
	r->last_cache = i;
}

static void list_del(struct vm *m, const struct cache *c)
{
	struct root *r = m->root;

	if (c->prev)
		cache_at(m, c->prev)->next = c->next;
	else
		r->first_cache = c->next;
	if (c->next)
		cache_at(m, c->next)->prev = c->prev;
	else
		r->last_cache = c->prev;
}

/* The kernel's description of the cache itself, in objects of its own. */
static void undescribe(struct vm *m, struct cache *c)
{
	for (unsigned n = 0; n < m->root->config.nodes; n++) {
		slab_free(m, c->node[n].object);
		c->node[n].object = 0;
	}
	slab_free(m, c->object);
	c->object = 0;
}

static int describe(struct vm *m, struct cache *c)
{
	c->object = object_alloc(m, CACHE_KMEM_CACHE);
	for (unsigned n = 0; c->object && n < m->root->config.nodes; n++) {
		c->node[n].object = object_alloc(m, CACHE_KMEM_CACHE_NODE);
		if (!c->node[n].object)
			break;
	}
	if (c->object && c->node[m->root->config.nodes - 1].object)
		return 0;
	undescribe(m, c);
	return -ENOMEM;
}

/* A name that fits, and the rest of what a cache is. */
static idx_t cache_new(struct vm *m, const char *name, uint32_t size,
	uint32_t align, uint32_t flags)
{
	idx_t i = pool_alloc(m, SEG_CACHE);
	struct cache *c = cache_at(m, i);

	if (!i)
		return 0;
	memcpy(c->name, name, strlen(name));
	c->object_size = size;
	c->flags = flags;
	lay_out(m, c, align);
	set_keeping(m, c);
	list_add(m, i);
	return i;
}

static int bad_layout(struct vm *m, uint64_t size, uint64_t align)
{
	if (size < word(m) || size > OBJECT_MAX)
		return vm_fail(m, EINVAL,
			"an object has %u bytes to 4 MiB, not %llu", word(m),
			ULL(size));
	if (align & (align - 1) || align > m->page_size)
		return vm_fail(m, EINVAL,
			"an alignment is a power of two up to the page size, "
			"not %llu",
			ULL(align));
	return 0;
}

/* It is a word of slabinfo and a directory's name. */
static int bad_name(struct vm *m, const char *name)
{
	size_t len = strlen(name), i = 0;

	while (name[i] > ' ' && name[i] <= '~' && name[i] != '/')
		i++;
	if (!len || len >= CACHE_NAME_MAX || i < len || !strcmp(name, ".") ||
		!strcmp(name, ".."))
		return vm_fail(m, EINVAL,
			"the name of a cache has 1 to %u visible characters "
			"without a slash, and is not . or ..",
			CACHE_NAME_MAX - 1);
	if (cache_find(m, name, len))
		return vm_fail(m, EEXIST, "there is a cache \"%s\"", name);
	return 0;
}

idx_t cache_create(struct vm *m, const char *name, uint64_t size,
	uint64_t align, uint32_t flags)
{
	idx_t i;

	if (bad_name(m, name) || bad_layout(m, size, align))
		return 0;
	i = cache_new(m, name, (uint32_t)size, (uint32_t)align, flags);
	if (i && describe(m, cache_at(m, i))) {
		list_del(m, cache_at(m, i));
		pool_free(m, SEG_CACHE, i);
		return 0;
	}
	return i;
}

int cache_destroy(struct vm *m, idx_t cache)
{
	struct cache *c = cache_at(m, cache);

	if (!(c->flags & CACHE_BY_COMMAND))
		return vm_fail(m, EINVAL,
			"the cache \"%s\" is the kernel's: it stays", c->name);
	if (c->used)
		return vm_fail(m, EBUSY,
			"the cache \"%s\" still has %llu objects that were not "
			"freed",
			c->name, ULL(c->used));
	cache_shrink(m, cache);
	undescribe(m, c);
	list_del(m, c);
	pool_free(m, SEG_CACHE, cache);
	return 0;
}

idx_t cache_find(const struct vm *m, const char *name, size_t len)
{
	for (idx_t i = m->root->first_cache; i; i = cache_at(m, i)->next)
		if (strlen(cache_at(m, i)->name) == len &&
			!memcmp(cache_at(m, i)->name, name, len))
			return i;
	return 0;
}

/* Of the node's partial slabs, the empty ones go, and those with few free
 * objects come first, the fullest at the head. */
static void shrink_node(struct vm *m, struct cache *c, struct cache_node *n)
{
	struct frame_list few[PROMOTE_MAX] = {{0}};
	pfn_t next;

	for (pfn_t s = n->partial.head; s; s = next) {
		struct frame *f = frame_at(m, s);
		uint32_t left = slab_objects(m, s) - slab_in_use(f);

		next = f->next;
		if (slab_in_use(f) && left > PROMOTE_MAX)
			continue;
		frame_unlink(m, &n->partial, f);
		if (slab_in_use(f)) {
			frame_link(m, &few[left - 1], s, true);
			continue;
		}
		n->nr_partial--;
		slab_discard(m, c, s);
	}
	for (unsigned i = PROMOTE_MAX; i-- > 0;)
		while (few[i].tail) {
			pfn_t s = few[i].tail;

			frame_unlink(m, &few[i], frame_at(m, s));
			frame_link(m, &n->partial, s, false);
		}
}

void cache_shrink(struct vm *m, idx_t cache)
{
	struct cache *c = cache_at(m, cache);

	cache_flush(m, c);
	for (unsigned n = 0; n < m->root->config.nodes; n++)
		shrink_node(m, c, &c->node[n]);
}

/* ---- boot ---------------------------------------------------------------- */

/* Bytes on a machine of 64 bits; one of 32 has half, as words make them up. */
struct cache_def {
	const char *name;
	uint32_t size, align, flags;
};

static const char *const kmalloc_name[NR_KMALLOC_KINDS] = {
	"kmalloc-", "kmalloc-rcl-", "dma-kmalloc-"};
static const uint32_t kmalloc_flags[NR_KMALLOC_KINDS] = {
	0, CACHE_RECLAIMABLE, CACHE_DMA};
const uint32_t kmalloc_size[NR_KMALLOC_SIZES] = {
	96, 192, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192};

/* In the order in which Linux makes them; sizes as in Linux 6.18. */
static const struct cache_def describing[] = {
	{"kmem_cache", 232, 0, CACHE_HWALIGN},
	{"kmem_cache_node", 72, 0, CACHE_HWALIGN},
};

static const struct cache_def objects[] = {
	{"mm_struct", 1568, 0, CACHE_HWALIGN},
	{"task_struct", 5840, 64, 0},
	{"vm_area_struct", 192, 0, CACHE_HWALIGN},
	{"dentry", 192, 0, CACHE_RECLAIMABLE},
	{"filp", 184, 0, CACHE_HWALIGN},
	{"shmem_inode_cache", 744, 0, CACHE_CONSTRUCTED},
	{"hugetlbfs_inode_cache", 624, 0, CACHE_CONSTRUCTED},
	{"ext4_inode_cache", 1120, 0, CACHE_RECLAIMABLE | CACHE_CONSTRUCTED},
};

static int boot_some(struct vm *m, const struct cache_def *d, size_t nr)
{
	for (; nr--; d++)
		if (!cache_new(m, d->name, d->size * word(m) / 8, d->align,
			    d->flags))
			return -ENOMEM;
	return 0;
}

/* "kmalloc-" and its like, with "8k" behind it. */
static int boot_kmalloc(struct vm *m, unsigned kind, uint32_t size)
{
	uint32_t align = size & -size;
	char name[CACHE_NAME_MAX];

	vm_snprintf(name, sizeof(name), "%s%u%s", kmalloc_name[kind],
		size < 1024 ? size : size / 1024, size < 1024 ? "" : "k");
	return cache_new(m, name, size, align, kmalloc_flags[kind]) ? 0
								    : -ENOMEM;
}

int slab_boot(struct vm *m)
{
	int err = boot_some(m, describing, 2);

	for (unsigned i = 0; !err && i < NR_KMALLOC_SIZES * NR_KMALLOC_KINDS;
		i++)
		err = boot_kmalloc(m, i / NR_KMALLOC_SIZES,
			kmalloc_size[i % NR_KMALLOC_SIZES]);
	if (!err)
		err = boot_some(m, objects, sizeof(objects) / sizeof(*objects));
	for (idx_t i = m->root->first_cache; !err && i;
		i = cache_at(m, i)->next)
		err = describe(m, cache_at(m, i));
	return err;
}
