/*
 * The invariants of physical memory.  Everything is recomputed from the frame
 * table, block by block, and compared with the lists and sums.
 */
#include <string.h>

#include "../slab/kmalloc.h"
#include "pcp.h"
#include "phys_i.h"

/* What a walk over the frame table adds up. */
struct tally {
	uint64_t free_blocks[NR_ORDERS];
	uint64_t free, pcp, used;
	uint64_t use[NR_PAGE_USES];
	uint64_t mapped, dirty; /* page cache in page tables; of files */
	uint64_t swap_cached, swap_idle;
	unsigned looked_at; /* frames whose bytes were read */
	unsigned blocks;    /* that were looked at */
};

/*
 * Bytes that were never written cost the host a page fault when read, so only
 * so many frames that claim to be zero are looked at.
 */
#define LOOK_MAX       32768u
#define FRESH_LOOK_MAX 4096u

#define BAD(m, ...) vm_fail((m), EIO, __VA_ARGS__)

/* ---- lists --------------------------------------------------------------- */

/* Whether the free block has a free buddy that it should be one block with. */
static bool unmerged(const struct vm *m, const struct zone *z, pfn_t pfn,
	unsigned order, enum migrate_type type)
{
	pfn_t buddy = pfn ^ 1u << order;

	if (order == MAX_ORDER || buddy < z->start || buddy >= z->end ||
		!frame_is_free(frame_at(m, buddy), order))
		return false;
	return type == pageblock_type(m, buddy) ||
	       (type < NR_PCPTYPES && pageblock_type(m, buddy) < NR_PCPTYPES);
}

static int check_block(struct vm *m, const struct zone *z, pfn_t pfn,
	unsigned order, enum migrate_type type)
{
	pfn_t size = 1u << order;

	if (pfn & (size - 1) || pfn < z->start || pfn + size > z->end)
		return BAD(m,
			"frame %u heads the free list of order %u but is not "
			"aligned or outside its zone",
			pfn, order);
	if (!frame_is_free(frame_at(m, pfn), order))
		return BAD(m,
			"frame %u is on the free list of order %u, its entry "
			"says state %u order %u",
			pfn, order, frame_at(m, pfn)->state,
			frame_at(m, pfn)->order);
	for (pfn_t i = 0; i < size; i += pageblock_pages(m))
		if (pageblock_type(m, pfn + i) != type)
			return BAD(m,
				"frame %u is free as migrate type %u, its page "
				"block has type %u",
				pfn + i, type, pageblock_type(m, pfn + i));
	if (unmerged(m, z, pfn, order, type))
		return BAD(m,
			"the free buddies %u and %u of order %u are not "
			"merged",
			pfn, pfn ^ size, order);
	return 0;
}

static int check_list(struct vm *m, const struct zone *z, unsigned order,
	enum migrate_type type)
{
	const struct frame_list *l = &z->free[order].list[type];
	uint32_t n = 0, nr = z->free[order].nr[type];
	pfn_t prev = PFN_NONE, pfn = l->head;

	for (; pfn && n < nr; n++) {
		if (pfn >= m->root->max_pfn)
			return BAD(m,
				"the free list of order %u leads to frame %u, "
				"beyond the end of RAM",
				order, pfn);
		if (frame_at(m, pfn)->prev != prev)
			return BAD(m,
				"frame %u of free list %u points back to %u, "
				"not %u",
				pfn, order, frame_at(m, pfn)->prev, prev);
		if (check_block(m, z, pfn, order, type))
			return -EIO;
		prev = pfn;
		pfn = frame_at(m, pfn)->next;
	}
	if (pfn || n != nr || l->tail != prev)
		return BAD(m,
			"the free list of order %u has %u blocks and ends at "
			"%u, its head counts %u and ends at %u",
			order, n, prev, nr, l->tail);
	if (!(z->orders[type] >> order & 1) != !nr)
		return BAD(m, "the mask of free orders is %x, order %u has %u",
			z->orders[type], order, nr);
	return 0;
}

/* ---- frames -------------------------------------------------------------- */

static bool all_zero(const uint8_t *p, uint64_t n)
{
	return !n || (!p[0] && !memcmp(p, p + 1, n - 1));
}

/*
 * Frames of a block behind its head, and the rules for those not in use.  In a
 * page of a pool those behind the head know nothing, as in a free block.
 */
static int check_interior(struct vm *m, pfn_t pfn, unsigned order, bool in_use)
{
	bool large = in_use && frame_at(m, pfn)->state != FRAME_HUGETLB;

	for (pfn_t i = in_use; i < 1u << order; i++) {
		const struct frame *f = frame_at(m, pfn + i);

		if (i && f->state != FRAME_TAIL &&
			(large ? !(f->flags & FR_LARGE)
			       : f->state != FRAME_FRESH))
			return BAD(m,
				"frame %u has state %u inside the block of "
				"order %u at %u",
				pfn + i, f->state, order, pfn);
		if (!large && (f->owner || f->mapcount || f->index ||
				      f->flags & ~FR_BYTES))
			return BAD(m, "the free frame %u remembers its use",
				pfn + i);
	}
	return 0;
}

static const uint8_t use_of_state[] = {
	[FRAME_ANON] = USE_ANON,
	[FRAME_FILE] = USE_FILE,
	[FRAME_SHMEM] = USE_SHMEM,
	[FRAME_PGTABLE] = USE_PGTABLE,
	[FRAME_STACK] = USE_STACK,
	[FRAME_KERNEL] = USE_KERNEL,
	[FRAME_ZPOOL] = USE_ZPOOL,
	[FRAME_HUGETLB] = USE_HUGETLB,
};

/* What it counts as: of slabs their cache knows. */
static enum page_use use_of(const struct vm *m, const struct frame *f)
{
	if (f->state == FRAME_KERNEL && f->owner == OWNER_KMALLOC)
		return USE_SLAB_UNRECLAIMABLE;
	if (f->state != FRAME_SLAB)
		return use_of_state[f->state];
	return f->owner < m->root->pool[SEG_CACHE].nr &&
			       cache_at(m, f->owner)->flags & CACHE_RECLAIMABLE
		       ? USE_SLAB_RECLAIMABLE
		       : USE_SLAB_UNRECLAIMABLE;
}

/* A frame without FR_BYTES is all zero. */
static int check_bytes(struct vm *m, pfn_t pfn, struct tally *t)
{
	if (frame_at(m, pfn)->flags & FR_BYTES || t->looked_at++ >= LOOK_MAX ||
		all_zero(ram_at(m, pfn_to_pa(m, pfn)), m->page_size))
		return 0;
	return BAD(
		m, "frame %u holds bytes, its entry says that it is zero", pfn);
}

static int check_used(
	struct vm *m, pfn_t pfn, const struct frame *f, struct tally *t)
{
	if (f->state < FRAME_ANON || f->state > FRAME_SLAB)
		return BAD(m, "frame %u has state %u, which heads no block",
			pfn, f->state);
	t->used += 1u << f->order;
	t->use[use_of(m, f)] += 1u << f->order;
	t->dirty += f->state == FRAME_FILE && f->flags & FR_DIRTY;
	t->swap_cached += (f->flags & FR_SWAPCACHE) != 0;
	t->swap_idle += f->flags & FR_SWAPCACHE && !f->mapcount;
	for (pfn_t i = 0; i < 1u << f->order; i++) {
		t->mapped += frame_is_mapped_cache(f + i);
		if (check_bytes(m, pfn + i, t))
			return -EIO;
	}
	return check_interior(m, pfn, f->order, true);
}

static bool in_fresh(const struct zone *z, pfn_t pfn, pfn_t *end)
{
	for (unsigned i = 0; i < z->nr_fresh; i++)
		if (pfn >= z->fresh[i].start && pfn < z->fresh[i].end) {
			*end = z->fresh[i].end;
			return true;
		}
	return false;
}

/*
 * Fresh frames must be zero; looked at are the first of a range, beside those
 * that were handed out, as the rest would only cost the host page faults.
 */
static int check_fresh(struct vm *m, pfn_t pfn, pfn_t end)
{
	const struct segment *s = &m->arena.seg[SEG_FRAME];
	uint64_t from = pfn * sizeof(struct frame);
	uint64_t to = from + FRESH_LOOK_MAX * sizeof(struct frame);

	if (to > end * sizeof(struct frame))
		to = end * sizeof(struct frame);
	if (to > s->used)
		to = s->used;
	if (from < to && !all_zero(s->base + from, to - from))
		return BAD(m,
			"the frames %u to %u were never used, yet their "
			"entries are not zero",
			pfn, end - 1);
	return 0;
}

/* The block at *pfn, which moves behind it. */
static int check_next(
	struct vm *m, const struct zone *z, pfn_t *pfn, struct tally *t)
{
	const struct frame *f = frame_at(m, *pfn);
	pfn_t at = *pfn, end;

	if (in_fresh(z, at, &end)) {
		t->free += end - at;
		*pfn = end;
		return check_fresh(m, at, end);
	}
	if (++t->blocks % PLACE_PAGES == 0 && vm_halts(m))
		return -EINTR;
	*pfn = at + (1u << f->order);
	if ((f->order > MAX_ORDER && f->state != FRAME_HUGETLB) ||
		at & ((1u << f->order) - 1) || *pfn > z->end)
		return BAD(m, "frame %u cannot head a block of order %u", at,
			f->order);
	if (f->state != FRAME_FREE && f->state != FRAME_PCP)
		return check_used(m, at, f, t);
	if (f->state == FRAME_PCP) {
		t->pcp += 1u << f->order;
		return check_interior(m, at, f->order, false);
	}
	t->free += 1u << f->order;
	t->free_blocks[f->order]++;
	return check_interior(m, at, f->order, false);
}

/* ---- zones --------------------------------------------------------------- */

static int check_counts(
	struct vm *m, const struct zone *z, unsigned i, const struct tally *t)
{
	const struct {
		const char *what;
		uint64_t found, counted;
	} sum[] = {
		{"mapped page cache", t->mapped, z->mapped},
		{"dirty", t->dirty, z->dirty},
		{"in the swap cache", t->swap_cached, z->swap_cached},
		{"in the swap cache alone", t->swap_idle, z->swap_idle},
	};

	for (unsigned u = 0; u < NR_PAGE_USES; u++)
		if (t->use[u] != z->pages[u])
			return BAD(m,
				"zone %s: %llu frames in use are of kind %u, "
				"the count is %llu",
				zone_name(m, i), ULL(t->use[u]), u,
				ULL(z->pages[u]));
	for (size_t k = 0; k < sizeof(sum) / sizeof(*sum); k++)
		if (sum[k].found != sum[k].counted)
			return BAD(m,
				"zone %s: %llu frames are %s, the count is "
				"%llu",
				zone_name(m, i), ULL(sum[k].found), sum[k].what,
				ULL(sum[k].counted));
	return 0;
}

static int check_sums(
	struct vm *m, const struct zone *z, unsigned i, const struct tally *t)
{
	for (unsigned o = 0; o < NR_ORDERS; o++) {
		uint64_t nr = 0;

		for (unsigned type = 0; type < NR_MIGRATE; type++)
			nr += z->free[o].nr[type];
		if (t->free_blocks[o] != nr)
			return BAD(m,
				"zone %s has %llu free blocks of order %u, "
				"its lists %llu",
				zone_name(m, i), ULL(t->free_blocks[o]), o,
				ULL(nr));
	}
	if (t->free != z->nr_free || t->free + t->pcp + t->used != z->managed)
		return BAD(m,
			"zone %s: %llu frames free, %llu kept by processors "
			"and %llu in use, it counts %llu free of %llu managed",
			zone_name(m, i), ULL(t->free), ULL(t->pcp),
			ULL(t->used), ULL(z->nr_free), ULL(z->managed));
	if (t->pcp != pcp_pages(m, z))
		return BAD(m,
			"zone %s: %llu frames are kept by processors, their "
			"lists hold %llu",
			zone_name(m, i), ULL(t->pcp), ULL(pcp_pages(m, z)));
	return check_counts(m, z, i, t);
}

static int check_zone(
	struct vm *m, const struct zone *z, unsigned i, struct tally *t)
{
	pfn_t pfn = z->start, end;

	for (unsigned n = 0; n < NR_ORDERS * NR_MIGRATE; n++)
		if (check_list(m, z, n / NR_MIGRATE, n % NR_MIGRATE))
			return -EIO;
	if (pcp_check(m, z))
		return -EIO;
	while (phys_next_managed(m, &pfn, &end) && pfn < z->end) {
		if (end > z->end)
			end = z->end;
		while (pfn < end)
			if (check_next(m, z, &pfn, t))
				return -EIO;
		if (pfn != end)
			return BAD(m,
				"a block reaches to frame %u, beyond the RAM "
				"that ends at %u",
				pfn, end);
	}
	return check_sums(m, z, i, t);
}

static int check_pageblocks(struct vm *m)
{
	const struct segment *s = &m->arena.seg[SEG_PAGEBLOCK];

	for (uint64_t i = 0; i < s->used; i++)
		if (((s->base[i] & 7) ^ MIGRATE_MOVABLE) >= NR_MIGRATE)
			return BAD(m, "page block %llu has type %u", ULL(i),
				(s->base[i] & 7) ^ MIGRATE_MOVABLE);
	return 0;
}

static int check_highatomic(struct vm *m, const struct zone *z)
{
	const struct segment *s = &m->arena.seg[SEG_PAGEBLOCK];
	uint64_t nr = 0;

	for (uint64_t i = 0; i < s->used; i++) {
		uint64_t pfn = i << m->pageblock_order;

		if (pfn >= z->start && pfn < z->end &&
			pageblock_type(m, (pfn_t)pfn) == MIGRATE_HIGHATOMIC)
			nr += pageblock_pages(m);
	}
	if (nr == z->nr_reserved_highatomic)
		return 0;
	return BAD(m,
		"page blocks of %llu frames are kept for atomic requests, the "
		"zone counts %llu",
		ULL(nr), ULL(z->nr_reserved_highatomic));
}

int phys_check(struct vm *m)
{
	uint64_t managed = 0;

	if (check_pageblocks(m))
		return -EIO;
	for (unsigned i = 0; i < m->root->nr_zones; i++) {
		struct tally t = {0};

		if (check_zone(m, &m->root->zone[i], i, &t) ||
			check_highatomic(m, &m->root->zone[i]))
			return -EIO;
		managed += m->root->zone[i].managed;
	}
	if (managed != m->root->totalram_pages)
		return BAD(m, "the zones manage %llu frames, the total is %llu",
			ULL(managed), ULL(m->root->totalram_pages));
	return 0;
}
