/*
 * Large pages in the cache: blocks of frames, of any order up to that of a huge
 * page, that hold consecutive pages of an object of shared memory.
 *
 * One comes as a whole: from a fault, from a write, or when small ones are
 * collapsed.  When a part of it goes, it is cut there: the half that holds the
 * place is halved, and so on, down to single pages.
 *
 *	            v  cut at page 5
 *	0 1 2 3 4 5 6 7 8 9 a b c d e f
 *	[-----] . . [-] [-------------]
 *
 * Nothing maps the pieces then, and those beyond the end of the object are
 * gone.  The radix tree of the cache has a frame for each page, as always.
 *
 * Source: Linux mm/shmem.c (shmem_alloc_and_add_folio, shmem_undo_range),
 * mm/truncate.c (truncate_inode_partial_folio), mm/huge_memory.c
 * (__folio_split, __split_unmapped_folio).
 */
#include "../mm/folio.h"
#include "../mm/mm.h"
#include "../mmu/mmu.h"
#include "../phys/lru.h"
#include "disk_i.h"

/* Every page of it becomes a single one. */
#define EVERYWHERE UINT64_MAX

/* Objects count their huge pages as long as they are whole. */
static void count_whole(struct vm *m, pfn_t head, unsigned order, int nr)
{
	if (order == huge_order(m))
		zone_of(m, head)->shmem_huge += (uint64_t)(int64_t)nr;
}

bool cache_is_empty(
	const struct vm *m, const struct inode *n, uint64_t first, uint64_t nr)
{
	uint64_t at = first;

	if (radix_next(m, n->cache, &at) && at < first + nr)
		return false;
	at = first;
	return !radix_next(m, n->away, &at) || at >= first + nr;
}

static void insert(struct vm *m, idx_t inode, uint64_t page, pfn_t head)
{
	struct inode *n = inode_at(m, inode);
	struct frame *f = frame_at(m, head);
	unsigned nr = 1u << f->order;

	folio_make(m, head);
	f->owner = inode;
	f->index = page;
	for (unsigned i = 0; i < nr; i++) {
		f[i].flags |= FR_UPTODATE;
		radix_set(m, &n->cache, page + i, head + i);
	}
	n->nr_cached += nr;
	cache_commit(m, n);
	count_whole(m, head, f->order, 1);
	lru_add(m, head);
}

pfn_t cache_add_large(
	struct vm *m, idx_t inode, uint64_t page, unsigned order, pfn_t head)
{
	uint64_t nr = 1ull << order;
	const struct inode *n = inode_at(m, inode);

	page &= ~(nr - 1);
	if (radix_room(m, nr) || cache_may_commit(m, n, nr)) {
		vm_fail_clear(m);
		buddy_free(m, head, order, USE_SHMEM);
		return PFN_NONE;
	}
	insert(m, inode, page, head);
	return head;
}

void cache_remove_large(struct vm *m, struct inode *n, pfn_t head)
{
	const struct frame *f = frame_at(m, head);
	unsigned order = f->order;

	for (unsigned i = 0; i < 1u << order; i++)
		radix_del(m, &n->cache, f->index + i);
	n->nr_cached -= 1u << order;
	count_whole(m, head, order, -1);
	lru_del(m, head);
	buddy_free(m, head, order, USE_SHMEM);
}

void cache_replace(struct vm *m, idx_t inode, uint64_t page, pfn_t head)
{
	struct inode *n = inode_at(m, inode);
	uint64_t at = page, nr = 1ull << frame_at(m, head)->order;
	pfn_t pfn;

	while ((pfn = radix_next(m, n->cache, &at)) && at - page < nr)
		at = cache_drop_page(m, n, at, pfn);
	insert(m, inode, page, head);
	cache_set_dirty(m, frame_at(m, head));
}

/* ---- cutting ------------------------------------------------------------- */

/* What all pieces of a page have in common. */
struct cut {
	struct vm *m;
	struct inode *n;
	idx_t inode;
	uint64_t at; /* the page that becomes single */
	unsigned flags;
};

static void make_piece(
	const struct cut *c, pfn_t pfn, unsigned order, uint64_t page)
{
	struct vm *m = c->m;
	struct frame *f = frame_at(m, pfn);

	for (unsigned i = 0; i < 1u << order; i++) {
		f[i].order = order & 31;
		f[i].flags |= c->flags;
		f[i].flags &= order ? UINT16_MAX : (uint16_t)~FR_LARGE;
	}
	f->owner = c->inode;
	f->index = page;
	lru_add(m, pfn);
	if (page < inode_pages(m, c->n))
		return;
	if (order) {
		cache_remove_large(m, c->n, pfn);
		return;
	}
	lru_del(m, pfn);
	radix_del(m, &c->n->cache, page);
	c->n->nr_cached--;
	buddy_free(m, pfn, 0, USE_SHMEM);
}

static void cut(const struct cut *c, pfn_t pfn, unsigned order, uint64_t page)
{
	bool here = c->at == EVERYWHERE || c->at - page < 1ull << order;

	if (!order || !here) {
		make_piece(c, pfn, order, page);
		return;
	}
	order--;
	cut(c, pfn, order, page);
	cut(c, pfn + (1u << order), order, page + (1ull << order));
}

static void cut_page(struct vm *m, pfn_t head, uint64_t at)
{
	struct frame *f = frame_at(m, head);
	const unsigned age = FR_ACTIVE | FR_REFERENCED;
	struct cut c = {.m = m, .inode = f->owner, .at = at};
	uint64_t page = f->index;
	unsigned order = f->order;

	c.n = inode_at(m, c.inode);
	mm_unmap_cached_page(m, head);
	lru_del(m, head);
	count_whole(m, head, order, -1);
	m->root->count[CNT_THP_SPLIT_PAGE] += order == huge_order(m);
	c.flags = f->flags & age;
	folio_reset(m, head);
	cut(&c, head, order, page);
	cache_commit(m, c.n);
}

void cache_split(struct vm *m, pfn_t head)
{
	cut_page(m, head, EVERYWHERE);
}

/* The large page that has this one; false if it is single or not there. */
static bool find_large(
	const struct vm *m, const struct inode *n, uint64_t page, pfn_t *head)
{
	pfn_t pfn = radix_get(m, n->cache, page);

	*head = pfn ? folio_head(m, pfn) : PFN_NONE;
	return pfn && frame_at(m, pfn)->flags & FR_LARGE;
}

static void cut_at(struct vm *m, const struct inode *n, uint64_t page)
{
	pfn_t head;

	if (find_large(m, n, page, &head))
		cut_page(m, head, page);
}

/* Where [start, end), in bytes, holds a part of the large page `head`. */
static void cut_hole(struct vm *m, const struct inode *n, pfn_t head,
	uint64_t start, uint64_t end)
{
	const struct frame *f = frame_at(m, head);
	uint64_t from = f->index << m->page_shift;
	uint64_t to = from + ((uint64_t)m->page_size << f->order);

	if (start <= from && to <= end)
		return;
	cache_set_dirty(m, frame_at(m, head)); /* what is left of it, too */
	cut_at(m, n, (start > from ? start : from) >> m->page_shift);
	if (end < to)
		cut_at(m, n, end >> m->page_shift);
}

void cache_cut(struct vm *m, struct inode *n, uint64_t start, uint64_t end)
{
	uint64_t first = start >> m->page_shift;
	uint64_t last = (end - 1) >> m->page_shift, next = first + 1;
	pfn_t head;

	if (find_large(m, n, first, &head)) {
		next = frame_at(m, head)->index + folio_pages(m, head);
		cut_hole(m, n, head, start, end);
	}
	if (last >= next && find_large(m, n, last, &head))
		cut_hole(m, n, head, start, end);
}
