/*
 * What madvise(2) says about single pages: MADV_FREE, COLD, PAGEOUT, WILLNEED.
 *
 * COLD and PAGEOUT leave alone what others map as well.  Source: Linux
 * mm/madvise.c (madvise_free_pte_range, madvise_cold_or_pageout_pte_range,
 * swapin_walk_pmd_entry).
 */
#include "../phys/lru.h"
#include "../reclaim/reclaim.h"
#include "../swap/swap_in.h"
#include "huge.h"
#include "rmap.h"

/* What the advice is for, of one VMA. */
struct range {
	vaddr_t start, end;
};

/* An entry that is not empty: number i of tab, of address va. */
typedef void page_fn(struct vm *m, struct vma *v, vaddr_t va, void *tab,
	unsigned i, const struct range *r);

/* A huge page that the range holds as a whole. */
typedef void huge_fn(struct vm *m, struct vma *v, vaddr_t va, pfn_t head);

static void visit_huge(
	struct vm *m, struct vma *v, vaddr_t va, vaddr_t end, huge_fn *fn)
{
	uint64_t e = pt_above(m, mm_at(m, v->mm), va);

	if (fn && pte_huge(m, e) && !(e & m->arch->pte.special) &&
		va == huge_down(m, va) && end - va >= huge_size(m))
		fn(m, v, va, pte_pfn(m, e));
}

/* fn and huge may free pages, but no tables. */
static void for_each_entry(struct vm *m, struct vma *v, vaddr_t start,
	vaddr_t end, page_fn *fn, huge_fn *huge)
{
	const struct range r = {start, end};
	uint64_t span;

	for (vaddr_t va = start; va < end; va += span) {
		unsigned first;
		void *tab =
			pt_leaf_table(m, mm_at(m, v->mm), va, &first, &span);

		if (vm_halts(m)) {
			vm_fail(m, EINTR, "interrupted at 0x%llx",
				(unsigned long long)va);
			return;
		}
		if (!tab)
			visit_huge(m, v, va, end, huge);
		if (span > end - va)
			span = end - va;
		for (unsigned i = 0; tab && i < span >> m->page_shift; i++)
			if (entry_get(m, tab, first + i))
				fn(m, v, va + ((vaddr_t)i << m->page_shift),
					tab, first + i, &r);
	}
}

/* The frame of an entry that maps one, PFN_NONE for others. */
static pfn_t mapped_frame(const struct vm *m, const void *tab, unsigned i)
{
	uint64_t e = entry_get(m, tab, i);

	if (!pte_present(m, e) || e & m->arch->pte.special)
		return PFN_NONE;
	return frame_on_lru(frame_at(m, pte_pfn(m, e))) ? pte_pfn(m, e)
							: PFN_NONE;
}

static void make_old(struct vm *m, void *tab, unsigned i, uint64_t bits)
{
	entry_set(m, tab, i, entry_get(m, tab, i) & ~bits);
}

/* ---- MADV_FREE ------------------------------------------------------------
 */

static void drop_slot(struct vm *m, struct mm *mm, void *tab, unsigned i)
{
	uint32_t slot = swap_entry_slot(m, entry_get(m, tab, i));

	if (!slot)
		return;
	entry_set(m, tab, i, 0);
	mm->swapped--;
	swap_put(m, slot);
}

/* Whether a table's entry i, for va, is one of those for all parts of a large
 * page, which lie in the range. */
static bool holds_folio(const struct vm *m, const struct range *r, vaddr_t va,
	const void *tab, unsigned i)
{
	pfn_t pfn = pte_pfn(m, entry_get(m, tab, i)), head = folio_head(m, pfn);
	unsigned nr = folio_pages(m, pfn), part = pfn - head;
	vaddr_t first = va - ((vaddr_t)part << m->page_shift);

	if (i < part || first < r->start ||
		first + ((vaddr_t)nr << m->page_shift) > r->end ||
		i - part + nr > arch_entries(m->arch, m->arch->nr_levels - 1u))
		return false;
	for (unsigned k = 0; k < nr; k++) {
		uint64_t e = entry_get(m, tab, i - part + k);

		if (!pte_present(m, e) || pte_pfn(m, e) != head + k)
			return false;
	}
	return true;
}

static void free_lazily(struct vm *m, struct vma *v, vaddr_t va, void *tab,
	unsigned i, const struct range *r)
{
	pfn_t pfn = mapped_frame(m, tab, i);
	struct frame *f = frame_at(m, pfn);

	if (!pfn) {
		drop_slot(m, mm_at(m, v->mm), tab, i);
		return;
	}
	if (f->flags & FR_LARGE && folio_maybe_shared(m, pfn) &&
		!holds_folio(m, r, va, tab, i))
		return;
	if (f->flags & (FR_SWAPCACHE | FR_DIRTY)) {
		if (f->mapcount != 1)
			return;
		if (f->flags & FR_SWAPCACHE && !swap_cache_drop(m, pfn))
			return;
		f->flags &= (uint16_t)~FR_DIRTY;
	}
	make_old(m, tab, i, m->arch->pte.dirty | m->arch->pte.accessed);
	if (!(f->flags & FR_SWAPBACKED) || f->flags & (FR_MLOCKED | FR_LARGE))
		return;
	lru_move(m, pfn, 0, FR_SWAPBACKED | FR_ACTIVE | FR_REFERENCED);
	m->root->count[CNT_PGLAZYFREE]++;
}

static void free_huge_lazily(
	struct vm *m, struct vma *v, vaddr_t va, pfn_t head)
{
	if (folio_maybe_shared(m, head))
		return;
	huge_clear_bits(
		m, v->mm, va, m->arch->pte.dirty | m->arch->pte.accessed);
}

void mm_free_lazily(struct vm *m, struct vma *v, vaddr_t start, vaddr_t end)
{
	huge_split_parts(m, v, start, end);
	for_each_entry(m, v, start, end, free_lazily, free_huge_lazily);
	tlb_flush_range(m, v->mm, start, end);
}

/* ---- MADV_COLD, MADV_PAGEOUT ----------------------------------------------
 */

static void deactivate(struct vm *m, struct vma *v, vaddr_t va, void *tab,
	unsigned i, const struct range *r)
{
	pfn_t pfn = mapped_frame(m, tab, i);
	struct frame *f = frame_at(m, pfn);

	if (!pfn || f->mapcount != 1 || f->flags & FR_LARGE)
		return;
	make_old(m, tab, i, m->arch->pte.accessed);
	f->flags &= (uint16_t)~FR_REFERENCED;
	if (!(f->flags & FR_ACTIVE) || f->flags & FR_MLOCKED)
		return;
	lru_move(m, pfn, FR_WORKINGSET, FR_ACTIVE);
	m->root->count[CNT_PGDEACTIVATE]++;
}

void mm_deactivate(struct vm *m, struct vma *v, vaddr_t start, vaddr_t end)
{
	for_each_entry(m, v, start, end, deactivate, NULL);
}

static void page_out(struct vm *m, struct vma *v, vaddr_t va, void *tab,
	unsigned i, const struct range *r)
{
	pfn_t pfn = mapped_frame(m, tab, i);

	if (pfn && frame_at(m, pfn)->mapcount == 1 &&
		!(frame_at(m, pfn)->flags & FR_LARGE))
		reclaim_frame(m, pfn);
}

/* Its pages go out one by one. */
static void page_out_huge(struct vm *m, struct vma *v, vaddr_t va, pfn_t head)
{
	vaddr_t end = va + huge_size(m);

	if (folio_maybe_shared(m, head))
		return;
	huge_break(m, head);
	for (; va < end; va += m->page_size) {
		unsigned i;
		uint64_t span;
		void *tab = pt_leaf_table(m, mm_at(m, v->mm), va, &i, &span);

		page_out(m, v, va, tab, i, NULL);
	}
}

void mm_page_out(struct vm *m, struct vma *v, vaddr_t start, vaddr_t end)
{
	for_each_entry(m, v, start, end, page_out, page_out_huge);
}

/* ---- MADV_WILLNEED --------------------------------------------------------
 */

static void prefetch(struct vm *m, struct vma *v, vaddr_t va, void *tab,
	unsigned i, const struct range *r)
{
	uint32_t slot = swap_entry_slot(m, entry_get(m, tab, i));
	bool major;

	if (slot && mem_has_spare(m))
		swap_in(m, slot, &major);
}

void mm_prefetch(struct vm *m, struct vma *v, vaddr_t start, vaddr_t end)
{
	for_each_entry(m, v, start, end, prefetch, NULL);
}
