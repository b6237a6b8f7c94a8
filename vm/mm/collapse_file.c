/*
 * Small pages of shared memory become a huge one, in the page cache: for all
 * who map them.
 *
 *	cache    pages anywhere, holes, pages in swap  ->  one block of frames
 *	tables   entries of those pages                ->  empty
 *
 * The tables of mappings that could have a huge entry go; who asked by madvise
 * gets that entry at once, the others by their next fault.
 *
 * Source: Linux mm/khugepaged.c (hpage_collapse_scan_file, collapse_file,
 * retract_page_tables, collapse_pte_mapped_thp).
 */
#include "collapse.h"

#include "../reclaim/reclaim.h"
#include "fault_i.h"
#include "rmap.h"

/* One span of an object. */
struct span {
	struct vm *m;
	struct inode *n;
	idx_t inode;
	uint64_t first, nr; /* pages */
};

static struct span span_of(struct vm *m, const struct vma *v, vaddr_t va)
{
	struct span s = {.m = m,
		.inode = file_at(m, v->file)->inode,
		.first = vma_pgoff_at(m, v, va),
		.nr = 1u << huge_order(m)};

	s.n = inode_at(m, s.inode);
	return s;
}

/* The keys of the tree that lie in the span. */
static uint64_t keys_in(const struct span *s, idx_t root)
{
	uint64_t nr = 0;

	for (uint64_t at = s->first;
		radix_next(s->m, root, &at) && at - s->first < s->nr; at++)
		nr++;
	return nr;
}

static bool is_huge(const struct span *s)
{
	pfn_t pfn = radix_get(s->m, s->n->cache, s->first);

	return pfn && frame_at(s->m, pfn)->order == huge_order(s->m);
}

static enum collapse not_worth(struct vm *m, enum vm_counter c)
{
	m->root->count[c]++;
	return COLLAPSE_NOT_WORTH;
}

static enum collapse scan(const struct span *s, const struct collapse_rules *r)
{
	if (is_huge(s))
		return COLLAPSE_HUGE;
	if (keys_in(s, s->n->away) > r->max_swap)
		return not_worth(s->m, CNT_THP_EXCEED_SWAP);
	if (keys_in(s, s->n->cache) + r->max_none < s->nr)
		return not_worth(s->m, CNT_THP_EXCEED_NONE);
	return COLLAPSE_OK;
}

/* ---- the cache ----------------------------------------------------------- */

static bool swap_in_all(const struct span *s)
{
	struct vm *m = s->m;

	for (uint64_t i = 0; i < s->nr; i++) {
		if (!radix_get(m, s->n->away, s->first + i))
			continue;
		if (mem_try_reclaim(m, GFP_HIGHUSER, 1) ||
			!cache_get(m, s->inode, s->first + i, NULL)) {
			vm_fail_clear(m);
			return false;
		}
	}
	return true;
}

/* Takes the pages out of all tables; returns how many there are. */
static uint64_t unmap_all(const struct span *s)
{
	uint64_t at = s->first, nr = 0;
	pfn_t pfn;

	while ((pfn = radix_next(s->m, s->n->cache, &at)) &&
		at - s->first < s->nr) {
		mm_unmap_cached_page(s->m, pfn);
		nr += folio_pages(s->m, pfn);
		at += folio_pages(s->m, pfn);
	}
	return nr;
}

static void move_in(const struct span *s, pfn_t to)
{
	for (uint64_t i = 0; i < s->nr; i++) {
		pfn_t pfn = radix_get(s->m, s->n->cache, s->first + i);

		if (pfn)
			frame_copy(s->m, to + (pfn_t)i, pfn);
	}
}

/* ---- tables -------------------------------------------------------------- */

static bool has_leaf_table(const struct vm *m, const struct vma *v, vaddr_t va)
{
	unsigned first;
	uint64_t bytes;

	return pt_leaf_table(m, mm_at(m, v->mm), va, &first, &bytes);
}

static void drop_table(struct vm *m, const struct vma *v, vaddr_t va)
{
	pt_free_leaf(m, v->mm, va);
	tlb_flush_range(m, v->mm, va, va + huge_size(m));
}

/* A mapping that has private pages, or guards, keeps its table. */
static void retract(const struct span *s, const struct vma *v)
{
	vaddr_t va = v->start + ((s->first - v->pgoff) << s->m->page_shift);

	if (s->first < v->pgoff || s->first - v->pgoff >= vma_pages(s->m, v) ||
		va & (huge_size(s->m) - 1) || v->end - va < huge_size(s->m) ||
		v->anon_vma || v->flags & VM_MAYBE_GUARD)
		return;
	if (has_leaf_table(s->m, v, va))
		drop_table(s->m, v, va);
}

/* ---- one span ------------------------------------------------------------ */

static enum collapse replace(const struct span *s, pfn_t head)
{
	struct vm *m = s->m;
	uint64_t nr;

	if (cache_is_empty(m, s->n, s->first, s->nr))
		return COLLAPSE_GONE;
	if (radix_room(m, s->nr) || !swap_in_all(s))
		return COLLAPSE_FAILED;
	nr = unmap_all(s);
	if (cache_may_commit(m, s->n, s->nr - nr))
		return COLLAPSE_FAILED;
	move_in(s, head);
	cache_replace(m, s->inode, s->first, head);
	for (idx_t i = s->n->mappings; i; i = vma_at(m, i)->peer_next)
		retract(s, vma_at(m, i));
	return COLLAPSE_OK;
}

/* On the node that has most of the pages. */
static pfn_t alloc_near(const struct span *s, unsigned gfp)
{
	struct vm *m = s->m;
	uint32_t on_node[MAX_NODES] = {0};
	uint8_t prefer = m->prefer, best = 0;
	uint64_t at = s->first;
	pfn_t pfn;

	for (; (pfn = radix_next(m, s->n->cache, &at)) && at - s->first < s->nr;
		at++)
		on_node[node_of(m, pfn)]++;
	for (uint8_t n = 1; n < MAX_NODES; n++)
		if (on_node[n] > on_node[best])
			best = n;
	m->prefer = best;
	pfn = mem_alloc(m, gfp, huge_order(m), FRAME_SHMEM, USE_SHMEM, true);
	m->prefer = prefer;
	m->root->count[pfn ? CNT_THP_COLLAPSE_ALLOC : CNT_THP_COLLAPSE_FAIL]++;
	return pfn;
}

enum collapse collapse_shmem(struct vm *m, const struct vma *v, vaddr_t va,
	const struct collapse_rules *r)
{
	struct span s = span_of(m, v, va);
	enum collapse e = scan(&s, r);
	pfn_t head;

	if (e != COLLAPSE_OK)
		return e;
	head = alloc_near(&s, r->gfp);
	e = head ? replace(&s, head) : COLLAPSE_NO_MEMORY;
	if (e == COLLAPSE_OK)
		return e;
	vm_fail_clear(m);
	if (head)
		buddy_free(m, head, huge_order(m), USE_SHMEM);
	return e;
}

/* Whether all that the table maps are pages of the huge one, at their place. */
static enum collapse check_table(
	const struct vm *m, const void *tab, pfn_t head)
{
	for (unsigned i = 0; i < 1u << huge_order(m); i++) {
		uint64_t e = entry_get(m, tab, i);

		if (e && !pte_present(m, e))
			return COLLAPSE_ABSENT;
		if (e && pte_pfn(m, e) != head + i)
			return COLLAPSE_PRIVATE;
	}
	return COLLAPSE_OK;
}

static void empty_table(struct vm *m, struct mm *mm, void *tab)
{
	for (unsigned i = 0; i < 1u << huge_order(m); i++) {
		uint64_t e = entry_get(m, tab, i);

		entry_set(m, tab, i, 0);
		if (!e)
			continue;
		if (e & m->arch->pte.dirty)
			cache_set_dirty(m, frame_at(m, pte_pfn(m, e)));
		page_unmapped(m, mm, pte_pfn(m, e));
	}
}

enum collapse collapse_map(
	struct vm *m, struct vma *v, vaddr_t va, bool install)
{
	struct span s = span_of(m, v, va);
	pfn_t head = radix_get(m, s.n->cache, s.first);
	struct mm *mm = mm_at(m, v->mm);
	enum collapse e = COLLAPSE_OK;
	unsigned first;
	uint64_t bytes;
	void *tab;

	if (pte_huge(m, pt_above(m, mm, va)))
		return COLLAPSE_MAPPED;
	tab = pt_leaf_table(m, mm, va, &first, &bytes);
	if (tab)
		e = check_table(m, tab, head);
	if (e != COLLAPSE_OK)
		return e;
	if (tab) {
		empty_table(m, mm, tab);
		drop_table(m, v, va);
	}
	if (install && file_map_huge(m, v, va, head))
		return COLLAPSE_FAILED;
	return COLLAPSE_OK;
}
