/*
 * What writing to /proc/PID/clear_refs does.  As in Linux the TLB keeps its
 * entries: a page that the processor still knows is not found referenced
 * again before its entry is gone.  Source: Linux fs/proc/task_mmu.c.
 */
#include "huge.h"

enum {
	CLEAR_ALL = 1,
	CLEAR_ANON,
	CLEAR_MAPPED,
	CLEAR_SOFT_DIRTY, /* nothing is tracked: accepted without effect */
	CLEAR_HIWATER,
};

static void clear_huge(struct vm *m, const struct vma *v, vaddr_t va)
{
	pfn_t pfn = pte_pfn(m, pt_above(m, mm_at(m, v->mm), va));

	huge_clear_bits(m, v->mm, va, m->arch->pte.accessed);
	frame_at(m, pfn)->flags &= ~FR_REFERENCED;
}

static void clear_vma(struct vm *m, const struct mm *mm, const struct vma *v)
{
	const struct pte_bits *b = &m->arch->pte;
	uint64_t span;

	for (vaddr_t va = v->start; va < v->end; va += span) {
		unsigned first;
		bool huge = huge_piece(m, v->mm, va, v->end);
		void *tab = pt_leaf_table(m, mm, va, &first, &span);

		if (huge)
			clear_huge(m, v, va);
		if (span > v->end - va)
			span = v->end - va;
		for (unsigned i = 0; tab && i < span >> m->page_shift; i++) {
			uint64_t e = entry_get(m, tab, first + i);

			if (!pte_present(m, e) || e & b->special)
				continue;
			entry_set(m, tab, first + i, e & ~b->accessed);
			frame_at(m, pte_pfn(m, e))->flags &= ~FR_REFERENCED;
		}
	}
}

static bool is_meant(const struct vma *v, int type)
{
	if (v->flags & (VM_PFNMAP | VM_HUGETLB))
		return false;
	return type == CLEAR_ALL || (type == CLEAR_ANON && !v->file) ||
	       (type == CLEAR_MAPPED && v->file);
}

int mm_clear_refs(struct vm *m, struct task *t, int64_t type)
{
	struct mm *mm = mm_at(m, t->mm);
	struct vma *v;

	if (type < CLEAR_ALL || type > CLEAR_HIWATER)
		return vm_fail(m, EINVAL,
			"clear_refs takes 1 to 5: all, anonymous, mapped "
			"pages, soft-dirty bits, peak of the resident set");
	if (type == CLEAR_HIWATER)
		mm->hiwater_rss = mm_rss(mm);
	vma_for_each (m, mm, v)
		if (is_meant(v, (int)type))
			clear_vma(m, mm, v);
	return 0;
}
