/*
 * What writing to /proc/PID/clear_refs does.  As in Linux the TLB keeps its
 * entries when accessed bits are cleared: a page that the processor still knows
 * is not found referenced again before its entry is gone.
 * Source: Linux fs/proc/task_mmu.c.
 */
#include "../swap/swap.h"
#include "huge.h"

enum {
	CLEAR_ALL = 1,
	CLEAR_ANON,
	CLEAR_MAPPED,
	CLEAR_SOFT_DIRTY, /* without soft_dirty=1: accepted, no effect */
	CLEAR_HIWATER,
};

/* What happens to the entries of a VMA. */
struct clearing {
	uint64_t present, swapped; /* bits that go */
	bool referenced;	   /* the frames' mark too */
};

static void clear_entry(
	struct vm *m, const struct clearing *c, void *tab, unsigned i)
{
	uint64_t e = entry_get(m, tab, i);

	if (pte_present(m, e))
		entry_set(m, tab, i, e & ~c->present);
	else if (c->swapped && swap_entry_slot(m, e))
		entry_set(m, tab, i, e & ~c->swapped);
	if (c->referenced && pte_present(m, e) && !(e & m->arch->pte.special))
		frame_at(m, pte_pfn(m, e))->flags &= (uint16_t)~FR_REFERENCED;
}

static void clear_huge(
	struct vm *m, const struct clearing *c, const struct vma *v, vaddr_t va)
{
	pfn_t pfn = pte_pfn(m, pt_above(m, mm_at(m, v->mm), va));

	huge_clear_bits(m, v->mm, va, c->present);
	if (c->referenced)
		frame_at(m, pfn)->flags &= (uint16_t)~FR_REFERENCED;
}

static void clear_vma(struct vm *m, const struct vma *v, struct clearing c)
{
	const struct mm *mm = mm_at(m, v->mm);
	uint64_t span;

	for (vaddr_t va = v->start; va < v->end; va += span) {
		unsigned first;
		bool huge = huge_piece(m, v->mm, va, v->end);
		void *tab = pt_leaf_table(m, mm, va, &first, &span);

		if (huge)
			clear_huge(m, &c, v, va);
		if (span > v->end - va)
			span = v->end - va;
		for (unsigned i = 0; tab && i < span >> m->page_shift; i++)
			clear_entry(m, &c, tab, first + i);
	}
}

static bool is_meant(const struct vma *v, int type)
{
	if (v->flags & (VM_PFNMAP | VM_HUGETLB))
		return false;
	return type == CLEAR_ALL || type == CLEAR_SOFT_DIRTY ||
	       (type == CLEAR_ANON && !v->file) ||
	       (type == CLEAR_MAPPED && v->file);
}

static struct clearing what_goes(const struct vm *m, int type)
{
	const struct pte_bits *b = &m->arch->pte;

	if (type != CLEAR_SOFT_DIRTY)
		return (struct clearing){b->accessed, 0, true};
	return (struct clearing){
		b->write | m->soft_dirty, soft_dirty_swap(m), false};
}

int mm_clear_refs(struct vm *m, struct task *t, int64_t type)
{
	struct mm *mm = mm_at(m, t->mm);
	struct vma *v;

	if (type < CLEAR_ALL || type > CLEAR_HIWATER)
		return vm_fail(m, EINVAL,
			"clear_refs takes 1 to 5: all, anonymous, mapped "
			"pages, soft-dirty bits, peak of the resident set");
	if (type == CLEAR_HIWATER) {
		mm->hiwater_rss = mm_rss(mm);
		return 0;
	}
	if (type == CLEAR_SOFT_DIRTY && !m->soft_dirty)
		return 0;
	vma_for_each (m, mm, v) {
		if (type == CLEAR_SOFT_DIRTY)
			v->flags &= ~VM_SOFTDIRTY;
		if (is_meant(v, (int)type))
			clear_vma(m, v, what_goes(m, (int)type));
	}
	if (type == CLEAR_SOFT_DIRTY)
		tlb_flush_mm(m, t->mm);
	return 0;
}
