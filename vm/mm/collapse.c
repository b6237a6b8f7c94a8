/*
 * The way back from a split: a leaf table of small pages becomes a huge page.
 *
 *	before   entry -> leaf table -> frames anywhere, holes, zero pages,
 *		 pages in swap
 *	after    entry -> one block of frames, the bytes copied, the holes
 *		 zeros; the leaf table, empty now, is its deposit
 *
 * The huge page is the process's own: of a page that others share they keep
 * the old frame.
 *
 * Source: Linux mm/khugepaged.c (hpage_collapse_scan_pmd, collapse_huge_page,
 * madvise_collapse).
 */
#include "collapse.h"

#include "huge.h"
#include "rmap.h"

static unsigned nr_pages(const struct vm *m)
{
	return 1u << huge_order(m);
}

/* The leaf table of va, which begins it. */
static void *table_of(const struct vm *m, const struct vma *v, vaddr_t va)
{
	unsigned first;
	uint64_t span;

	return pt_leaf_table(m, mm_at(m, v->mm), va, &first, &span);
}

enum collapse collapse_scan(const struct vm *m, const struct vma *v, vaddr_t va)
{
	const struct mm *mm = mm_at(m, v->mm);

	if (table_of(m, v, va))
		return COLLAPSE_OK;
	if (pte_huge(m, pt_above(m, mm, va)))
		return COLLAPSE_MAPPED;
	return pt_has_above(m, mm, va) ? COLLAPSE_EMPTY : COLLAPSE_NO_TABLE;
}

/* Brings back what is in swap: OK or FAILED. */
static enum collapse swap_in_all(struct vm *m, struct vma *v, vaddr_t va)
{
	void *tab = table_of(m, v, va);

	for (unsigned i = 0; i < nr_pages(m); i++, va += m->page_size) {
		uint64_t e = entry_get(m, tab, i);

		if (!e || pte_present(m, e))
			continue;
		if (!swap_entry_slot(m, e) || mm_swap_in(m, v, va)) {
			vm_fail_clear(m);
			return COLLAPSE_FAILED;
		}
	}
	return COLLAPSE_OK;
}

/* Nothing is swapped or a guard. */
static bool all_present(const struct vm *m, const void *tab)
{
	for (unsigned i = 0; i < nr_pages(m); i++)
		if (entry_get(m, tab, i) &&
			!pte_present(m, entry_get(m, tab, i)))
			return false;
	return true;
}

/* Copies the pages, and takes them from the table. */
static void gather_pages(struct vm *m, struct mm *mm, void *tab, pfn_t to)
{
	for (unsigned i = 0; i < nr_pages(m); i++) {
		uint64_t e = entry_get(m, tab, i);

		entry_set(m, tab, i, 0);
		if (!e || e & m->arch->pte.special)
			continue;
		frame_copy(m, to + i, pte_pfn(m, e));
		page_unmapped(m, mm, pte_pfn(m, e));
	}
}

enum collapse collapse_make(struct vm *m, struct vma *v, vaddr_t va)
{
	void *tab = table_of(m, v, va);
	enum collapse r;
	pfn_t pfn =
		huge_alloc(m, CNT_THP_COLLAPSE_ALLOC, CNT_THP_COLLAPSE_FAIL);

	if (!pfn)
		return COLLAPSE_NO_MEMORY;
	r = swap_in_all(m, v, va);
	if (r == COLLAPSE_OK && !all_present(m, tab))
		r = COLLAPSE_ABSENT;
	if (r != COLLAPSE_OK) {
		buddy_free(m, pfn, huge_order(m), USE_ANON);
		return r;
	}
	gather_pages(m, mm_at(m, v->mm), tab, pfn);
	tlb_flush_range(m, v->mm, va, va + huge_size(m));
	pt_huge_deposit(m, v->mm, va);
	huge_map_new(m, v, va, pfn);
	return COLLAPSE_OK;
}

/* ---- madvise ------------------------------------------------------------- */

/* Whatever transparent_hugepage/enabled says: who asks by this call gets it. */
static bool may_collapse(const struct vm *m, const struct vma *v)
{
	return m->arch->thp && vma_is_anonymous(v) && v->anon_vma &&
	       !(v->flags & (VM_NOHUGEPAGE | VM_SPECIAL)) &&
	       mm_at(m, v->mm)->thp_disable != 1 && huge_fits(m, v);
}

static int refuse(struct vm *m, vaddr_t va, enum collapse why)
{
	static const char *const text[] = {
		[COLLAPSE_NO_TABLE] = "none of its pages was ever touched",
		[COLLAPSE_EMPTY] = "none of its pages was ever touched",
		[COLLAPSE_ABSENT] = "some of its pages stay in swap",
		[COLLAPSE_FAILED] =
			"it holds a guard page, or pages in swap that find no "
			"memory",
		[COLLAPSE_NO_MEMORY] = "no free block is large enough",
	};

	return vm_fail(m, why == COLLAPSE_NO_MEMORY ? ENOMEM : EINVAL,
		"no huge page is made at 0x%llx: %s", (unsigned long long)va,
		text[why]);
}

int mm_collapse(struct vm *m, struct vma *v, vaddr_t start, vaddr_t end)
{
	enum collapse why = COLLAPSE_OK;
	vaddr_t refused = 0;

	if (!may_collapse(m, v))
		return vm_fail(m, EINVAL,
			"the mapping 0x%llx-0x%llx cannot have huge pages",
			(unsigned long long)v->start,
			(unsigned long long)v->end);
	start = huge_up(m, start);
	end = huge_down(m, end);
	if (start > end)
		return vm_fail(m, EINVAL,
			"the range holds no multiple of the huge page size "
			"%llu",
			(unsigned long long)huge_size(m));
	for (vaddr_t va = start; va < end; va += huge_size(m)) {
		enum collapse r = collapse_scan(m, v, va);

		if (r == COLLAPSE_OK)
			r = collapse_make(m, v, va);
		if (r == COLLAPSE_OK || r == COLLAPSE_MAPPED)
			continue;
		why = r;
		refused = va;
		/* what may be passing, or concerns this span alone */
		if (r != COLLAPSE_NO_TABLE && r != COLLAPSE_ABSENT)
			break;
	}
	return why == COLLAPSE_OK ? 0 : refuse(m, refused, why);
}
