/*
 * Slabs: blocks of frames that are cut into equal objects.
 *
 *	cache "dentry", 192 bytes      slab: 1 frame, 21 objects
 *	  cpu 0 --> slab in use        | o | o | o | . | o | . | ...
 *	        --> its partial slabs            |_______^ |___^
 *	  node 0 -> partial slabs      free objects are linked
 *
 * A cache has objects of one size.  Each processor takes them from a slab of
 * its own, then from partial slabs that it keeps, then from those of the node,
 * and then makes a new slab.  The object that was freed last is handed out
 * first.  A free object holds the kernel address of the next one in its middle,
 * in RAM: phys/ram shows it.
 *
 * What the first frame of a slab (FRAME_SLAB) says:
 *
 *	next, prev   the list it is on
 *	owner        the cache
 *	index        bits 0-13 number of the first free object, plus 1;
 *		     14-27 objects in use; 28-29 enum slab_place
 *
 * A processor that takes a slab takes all its free objects: they count as in
 * use, and cache_cpu.free leads to them.  What others free meanwhile is on the
 * slab's own list.
 *
 * The kernel's objects are those of Linux, in its sizes: the machine's tables
 * (SEG_TASK, SEG_VMA, ...) have what they say, their slabs what they cost.
 * Source: Linux mm/slub.c, mm/slab_common.c, as before sheaves; caches of equal
 * size are not merged, and free lists are neither shuffled nor encoded.
 */
#ifndef PAGEFS_VM_SLAB_H
#define PAGEFS_VM_SLAB_H

#include "../phys/phys.h"

#define CACHE_NAME_MAX 32

enum cache_flags {
	CACHE_RECLAIMABLE = 1, /* a shrinker can free its objects */
	CACHE_DMA = 2,	       /* slabs from ZONE_DMA */
	CACHE_HWALIGN = 4, /* objects begin with a line of the CPU's cache */
	CACHE_CONSTRUCTED = 8, /* free objects keep their contents */
	CACHE_BY_COMMAND = 16, /* kmem_cache_create */
};

/* Where a slab is. */
enum slab_place {
	SLAB_FULL,	  /* on no list */
	SLAB_CPU,	  /* a processor takes objects from it */
	SLAB_CPU_PARTIAL, /* one keeps it for later; linked by next */
	SLAB_NODE_PARTIAL,
};

struct cache {
	char name[CACHE_NAME_MAX];
	uint32_t object_size; /* bytes for who asks */
	uint32_t size;	      /* from one object to the next */
	uint32_t align;
	uint32_t link; /* where a free object holds the next one's address */
	uint32_t order, min_order; /* of slabs; of those in need */
	uint32_t flags;
	uint32_t min_partial;	    /* slabs that a node keeps, even empty */
	uint32_t cpu_partial;	    /* free objects that a processor keeps */
	uint32_t cpu_partial_slabs; /* about as many slabs */
	idx_t prev, next;	    /* in the order of their making */
	paddr_t object;		    /* its own struct kmem_cache */
	uint64_t used;		    /* objects somebody has */
	struct cache_node {
		struct frame_list partial;
		uint32_t nr_partial;
		uint32_t reserved;
		uint64_t nr_slabs, nr_objects;
		paddr_t object; /* struct kmem_cache_node */
	} node[MAX_NODES];
	struct cache_cpu {
		pfn_t slab;
		uint32_t free; /* number of its first free object, plus 1 */
		pfn_t partial; /* the one that came last */
		uint32_t nr_partial;
	} cpu[MAX_CPUS];
};

#define NR_KMALLOC_SIZES 13
#define NR_KMALLOC_KINDS 3 /* normal, reclaimable, dma */

/* The kernel's own caches, by index, as they are made at boot. */
enum kernel_cache {
	CACHE_NONE,
	CACHE_KMEM_CACHE,
	CACHE_KMEM_CACHE_NODE,
	CACHE_KMALLOC, /* the first of NR_KMALLOC_SIZES of each kind */
	CACHE_MM = CACHE_KMALLOC + NR_KMALLOC_SIZES * NR_KMALLOC_KINDS,
	CACHE_TASK,
	CACHE_VMA,
	CACHE_DENTRY,
	CACHE_FILE,
	CACHE_SHMEM_INODE,
	CACHE_HUGETLB_INODE,
	CACHE_DISK_INODE,
	CACHE_FIRST_OTHER, /* those of kmem_cache_create */
};

static inline struct cache *cache_at(const struct vm *m, idx_t i)
{
	return (struct cache *)m->arena.seg[SEG_CACHE].base + i;
}

static inline idx_t cache_index(const struct vm *m, const struct cache *c)
{
	return (idx_t)(c - cache_at(m, 0));
}

/* The caches of a machine that boots. */
int slab_boot(struct vm *m);

/*
 * A new cache; align 0: as the size asks for.  0 with EINVAL for a size or
 * alignment that no slab can have, EEXIST, ENOMEM.
 */
idx_t cache_create(struct vm *m, const char *name, uint64_t size,
	uint64_t align, uint32_t flags);
/* EBUSY while it has objects. */
int cache_destroy(struct vm *m, idx_t cache);
idx_t cache_find(const struct vm *m, const char *name, size_t len);
/* Empty slabs go; partial ones are sorted, the fullest first. */
void cache_shrink(struct vm *m, idx_t cache);

/*
 * An object: its physical address, or 0 with ENOMEM.  gfp is for the slab that
 * may have to be made; with GFP_MEMALLOC no page is taken back for it, so that
 * it may be asked for in the middle of an operation.  The bytes are what they
 * were.
 */
paddr_t slab_alloc(struct vm *m, idx_t cache, unsigned gfp);
/* One of the kernel's own objects. */
static inline paddr_t object_alloc(struct vm *m, enum kernel_cache cache)
{
	return slab_alloc(m, (idx_t)cache, GFP_KERNEL | GFP_MEMALLOC);
}
/* Makes room for n of them, and for some objects of other caches that come
 * before, at the beginning of an operation that must not fail halfway: by
 * reclaim and the OOM killer as for any memory.  0, or -ENOMEM. */
int object_reserve(struct vm *m, enum kernel_cache cache, uint32_t n);
/* 0 is nothing. */
void slab_free(struct vm *m, paddr_t object);

/* The first frame of the slab that holds a frame, PFN_NONE if none does. */
pfn_t slab_of(const struct vm *m, pfn_t pfn);
/* Objects that a slab has, and those of them in use. */
uint32_t slab_objects(const struct vm *m, pfn_t slab);
uint32_t slab_used(const struct vm *m, pfn_t slab);
/* Whether an address is that of an object in use, of whatever cache; of this
 * one. */
bool slab_holds(const struct vm *m, paddr_t object);
bool cache_holds(const struct vm *m, idx_t cache, paddr_t object);
enum slab_place slab_place(const struct vm *m, pfn_t slab);

/* ---- looks: sums over the nodes and processors of a cache ---- */
struct cache_sums {
	uint64_t slabs, objects;
	uint64_t partial, partial_free; /* slabs of nodes, their free objects */
	uint64_t cpu_slabs;		/* in use by processors */
	uint64_t cpu_partial;		/* kept by them */
};
void cache_sum(const struct vm *m, idx_t cache, struct cache_sums *out);

/* The sizes of kmalloc's caches: first those between powers of two. */
extern const uint32_t kmalloc_size[NR_KMALLOC_SIZES];

/*
 * The order of a slab: from the one that holds 4 objects for each doubling of
 * the processors up to order 3, the first that wastes at most 1/16; else 1/8,
 * 1/4, 1/2; else the order of one object.
 */
unsigned slab_order(uint64_t page_size, unsigned cpus, uint64_t size);

int slab_check(struct vm *m); /* part of vm_check() */

#endif
