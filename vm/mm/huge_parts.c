/*
 * Huge pages of which a range holds a part become single pages, unless another
 * process may have them: before an advice about pages.
 *
 * Source: Linux mm/madvise.c (madvise_cold_or_pageout_pte_range,
 * madvise_free_pte_range), mm/migrate.c (try_to_map_unused_to_zeropage).
 */
#include "huge.h"
#include "../disk/disk.h"
#include "rmap.h"

/* How many entries from va on, below end, map the frames that follow one
 * another in the huge page of pfn. */
static unsigned nr_parts(const struct vm *m, const struct mm *mm, vaddr_t va,
	vaddr_t end, pfn_t pfn)
{
	pfn_t stop = folio_head(m, pfn) + folio_pages(m, pfn);
	unsigned nr = 0;

	for (; va < end && pfn + nr < stop; va += m->page_size, nr++) {
		uint64_t e = pt_get(m, mm, va);

		if (!pte_present(m, e) || pte_pfn(m, e) != pfn + nr)
			break;
	}
	return nr;
}

/*
 * The entries of one VMA that map parts of what was a huge page.  Parts without
 * bytes, never written or with zeros, give way to the zero page, unless the
 * VMA is locked; the others are told where they are.
 */
static void settle_parts(struct vm *m, const struct vma *v, pfn_t head)
{
	struct mm *mm = mm_at(m, v->mm);
	uint64_t span, zero = pte_make(m, m->root->zero_pfn, v->flags, false) |
			      m->arch->pte.special;

	for (vaddr_t va = v->start; va < v->end; va += span) {
		unsigned first;
		void *tab = pt_leaf_table(m, mm, va, &first, &span);

		if (span > v->end - va)
			span = v->end - va;
		for (unsigned i = 0; tab && i < span >> m->page_shift; i++) {
			uint64_t e = entry_get(m, tab, first + i);
			pfn_t pfn = pte_pfn(m, e);

			if (!pte_present(m, e) || e & m->arch->pte.special ||
				pfn - head >= 1u << huge_order(m))
				continue;
			if (frame_is_zero(m, pfn) && !(v->flags & VM_LOCKED)) {
				entry_set(m, tab, first + i, zero);
				page_unmapped(m, mm, pfn);
				continue;
			}
			if (frame_at(m, pfn)->flags & FR_EXCLUSIVE)
				frame_set_exclusive(m, frame_at(m, pfn), v->mm,
					va + ((uint64_t)i << m->page_shift));
			page_lock(m, v, pfn);
		}
	}
}

/* Makes single pages of a huge page of this process alone. */
static void split_whole(struct vm *m, idx_t mm, pfn_t head)
{
	struct vma *v;

	folio_split(m, head);
	vma_for_each (m, mm_at(m, mm), v)
		if (v->anon_vma && vma_is_anonymous(v))
			settle_parts(m, v, head);
	tlb_flush_mm(m, mm);
}

/* Bytes to step over at va: to the next page, or behind a huge page that lies
 * in the range, and in one leaf table, as a whole. */
static uint64_t split_part(
	struct vm *m, const struct vma *v, vaddr_t va, vaddr_t end)
{
	const struct mm *mm = mm_at(m, v->mm);
	uint64_t e = pt_get(m, mm, va);
	vaddr_t table_end = huge_down(m, va) + huge_size(m);
	pfn_t pfn = pte_pfn(m, e);
	unsigned nr;

	if (!pte_present(m, e) || huge_is_zero(m, e) ||
		!(frame_at(m, pfn)->flags & FR_LARGE))
		return m->page_size;
	nr = nr_parts(m, mm, va, end < table_end ? end : table_end, pfn);
	if (nr == folio_pages(m, pfn))
		return (uint64_t)nr << m->page_shift;
	if (folio_maybe_shared(m, pfn))
		return m->page_size;
	if (frame_at(m, pfn)->state == FRAME_SHMEM) {
		cache_split(m, folio_head(m, pfn));
		return m->page_size;
	}
	if (pte_huge(m, pt_above(m, mm, va)))
		huge_split(m, v->mm, va);
	split_whole(m, v->mm, folio_head(m, pfn));
	return m->page_size;
}

void huge_split_parts(
	struct vm *m, const struct vma *v, vaddr_t start, vaddr_t end)
{
	uint64_t step;

	for (vaddr_t va = start; va < end; va += step) {
		unsigned first;

		if (pt_above(m, mm_at(m, v->mm), va))
			step = split_part(m, v, va, end);
		else
			pt_leaf_table(m, mm_at(m, v->mm), va, &first, &step);
		if (step > end - va)
			break;
	}
}
