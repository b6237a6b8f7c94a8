/*
 * Guard pages: markers in the page table, without a VMA of their own.  They
 * take the place of what the range held, survive everything but munmap and
 * GUARD_REMOVE, and refuse every access.
 *
 * Source: Linux mm/madvise.c (madvise_guard_install, madvise_guard_remove).
 */
#include "../reclaim/reclaim.h"
#include "page_i.h"

static int check_guard(struct vm *m, const struct vma *v, uint64_t bad)
{
	if (!(v->flags & bad))
		return 0;
	return vm_fail(m, EINVAL,
		"the mapping 0x%llx-0x%llx is locked or special: it takes no "
		"guard pages",
		(unsigned long long)v->start, (unsigned long long)v->end);
}

int guard_install(struct vm *m, struct vma *v, vaddr_t start, vaddr_t end)
{
	int err = check_guard(m, v, VM_SPECIAL | VM_HUGETLB | VM_LOCKED);

	if (err)
		return err;
	if (!v->file)
		anon_vma_prepare(m, v);
	v->flags |= VM_MAYBE_GUARD;
	mm_discard(m, v->mm, v, start, end);
	for (vaddr_t va = start; va < end; va += m->page_size)
		if (mem_reserve(m, GFP_PGTABLE, STEP_PAGES) ||
			pt_set(m, v->mm, va, pte_guard(m)))
			return -ENOMEM;
	return 0;
}

int guard_remove(struct vm *m, struct vma *v, vaddr_t start, vaddr_t end)
{
	const struct mm *mm = mm_at(m, v->mm);
	int err = check_guard(m, v, VM_SPECIAL | VM_HUGETLB);
	uint64_t span;

	for (vaddr_t va = start; !err && va < end; va += span) {
		unsigned first;
		void *tab = pt_leaf_table(m, mm, va, &first, &span);

		if (span > end - va)
			span = end - va;
		for (unsigned i = 0; tab && i < span >> m->page_shift; i++)
			if (entry_get(m, tab, first + i) == pte_guard(m))
				entry_set(m, tab, first + i, 0);
	}
	return err;
}
