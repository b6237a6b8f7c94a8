/*
 * fork: a copy of an address space that shares its pages until one side
 * writes.
 *
 * Everything that can fail comes first: the child's mm, its VMAs, and a leaf
 * table wherever the parent has one to be copied.  The copying of entries,
 * which also write-protects the parent, cannot fail any more; so a refused
 * fork leaves the parent as it was.
 *
 * Source: Linux kernel/fork.c (dup_mmap), mm/memory.c (copy_page_range,
 * vma_needs_copy), mm/rmap.c (anon_vma_fork).
 */
#include <string.h>

#include "huge.h"
#include "../reclaim/reclaim.h"
#include "hugetlb.h"
#include "khugepaged.h"
#include "rmap.h"

/*
 * Pages that a fault can bring back need no copy.  Anonymous ones exist only
 * where the VMA has an identity.
 */
static bool needs_copy(const struct vma *v)
{
	if (v->flags & VM_WIPEONFORK)
		return false;
	return v->anon_vma ||
	       v->flags & (VM_PFNMAP | VM_MIXEDMAP | VM_MAYBE_GUARD);
}

static void copy_fields(struct mm *to, const struct mm *from)
{
	to->mmap_base = from->mmap_base;
	to->legacy_base = from->legacy_base;
	to->bottom_up = from->bottom_up;
	to->task_size = from->task_size;
	to->start_code = from->start_code;
	to->end_code = from->end_code;
	to->start_data = from->start_data;
	to->end_data = from->end_data;
	to->start_brk = from->start_brk;
	to->brk = from->brk;
	to->start_stack = from->start_stack;
	to->arg_start = from->arg_start;
	to->arg_end = from->arg_end;
	to->env_start = from->env_start;
	to->env_end = from->env_end;
	to->dumpable = from->dumpable;
	to->mdwe = from->mdwe & MDWE_NO_INHERIT ? 0 : from->mdwe;
	to->thp_disable = from->thp_disable;
	to->merge_any = from->merge_any;
	memcpy(to->auxv, from->auxv, sizeof(to->auxv));
	to->def_flags = from->def_flags & ~VM_LOCKED_MASK;
}

static int charge(struct vm *m, const struct task *t, const struct vma *v)
{
	if (!(v->flags & VM_ACCOUNT))
		return 0;
	return mm_may_commit(m, t, vma_pages(m, v));
}

static int copy_vmas(struct vm *m, const struct task *t, idx_t child)
{
	struct vma *v;

	vma_for_each (m, mm_at(m, t->mm), v) {
		idx_t i;

		if (v->flags & VM_DONTCOPY)
			continue;
		if (charge(m, t, v))
			return -ENOMEM;
		i = mm_insert(m, child, v->start, v->end,
			v->flags & ~VM_LOCKED_MASK, v->file, v->pgoff,
			v->special);
		if (!i)
			return -ENOMEM;
		vma_at(m, i)->policy = v->policy;
	}
	return 0;
}

/* A part of a parent's leaf table that lies in one VMA. */
struct part {
	void *tab;
	unsigned first, nr;
};

/* The first part at or after *va, which moves behind it; false at `end`. */
static bool next_part(struct vm *m, const struct mm *mm, vaddr_t *va,
	vaddr_t end, struct part *p)
{
	while (*va < end) {
		uint64_t span;

		p->tab = pt_leaf_table(m, mm, *va, &p->first, &span);
		if (span > end - *va)
			span = end - *va;
		p->nr = span >> m->page_shift;
		*va += span;
		if (p->tab)
			return true;
	}
	return false;
}

/* A table in the child for each of the parent, of all levels and whether it
 * has entries in v or not. */
static int make_tables(
	struct vm *m, const struct mm *from, idx_t child, const struct vma *v)
{
	for (vaddr_t va = v->start; va < v->end;) {
		unsigned first;
		uint64_t span;

		pt_leaf_table(m, from, va, &first, &span);
		if (pt_make_like(m, child, from, va))
			return -ENOMEM;
		if (vma_is_anonymous(v) && pte_huge(m, pt_above(m, from, va)) &&
			pt_huge_prepare(m, child, va))
			return -ENOMEM;
		va = span < v->end - va ? va + span : v->end;
	}
	return 0;
}

/* A guard, or a swapped page, which both have in its slot now. */
static uint64_t copy_absent(
	struct vm *m, struct mm *to, void *tab, unsigned i, uint64_t e)
{
	uint32_t slot = swap_entry_slot(m, e);

	if (!slot)
		return e;
	e &= ~swap_entry_exclusive(m);
	entry_set(m, tab, i, e);
	swap_get(m, slot);
	to->swapped++;
	return e;
}

/* The parent's entry of va, number i of tab; returns the child's. */
static uint64_t copy_entry(struct vm *m, struct mm *to, const struct vma *v,
	vaddr_t va, void *tab, unsigned i)
{
	const struct pte_bits *b = &m->arch->pte;
	uint64_t e = entry_get(m, tab, i);
	pfn_t pfn = pte_pfn(m, e);

	if (!pte_present(m, e))
		return copy_absent(m, to, tab, i, e);
	if (!(v->flags & VM_SHARED) && e & b->write) {
		e &= ~b->write;
		entry_set(m, tab, i, e);
	}
	if (v->flags & VM_SHARED)
		e &= ~b->dirty;
	if (!(e & b->special)) {
		if (frame_at(m, pfn)->flags & FR_EXCLUSIVE)
			frame_set_shared(m, frame_at(m, pfn), v, va);
		page_mapped(m, to, pfn);
		e &= ~b->accessed;
	}
	return e;
}

/* No huge entry reaches across the bounds of a VMA. */
static void copy_huge(struct vm *m, idx_t to, const struct vma *v)
{
	vaddr_t va = huge_down(m, v->start + huge_size(m) - 1);

	for (; va < v->end; va += huge_size(m))
		if (pte_huge(m, pt_above(m, mm_at(m, v->mm), va)))
			huge_copy(m, v->mm, to, va);
}

static void copy_pages(
	struct vm *m, const struct mm *from, struct mm *to, const struct vma *v)
{
	vaddr_t va = v->start;
	struct part p;

	if (v->flags & VM_HUGETLB) {
		hugetlb_copy(m, v, (idx_t)(to - mm_at(m, 0)));
		return;
	}
	if (m->arch->thp)
		copy_huge(m, (idx_t)(to - mm_at(m, 0)), v);
	while (next_part(m, from, &va, v->end, &p)) {
		vaddr_t start = va - ((uint64_t)p.nr << m->page_shift);
		unsigned first;
		uint64_t span;
		void *tab = pt_leaf_table(m, to, start, &first, &span);

		for (unsigned i = 0; tab && i < p.nr; i++)
			if (entry_get(m, p.tab, p.first + i))
				entry_set(m, tab, first + i,
					copy_entry(m, to, v,
						start + ((uint64_t)i
								<< m->page_shift),
						p.tab, p.first + i));
	}
}

/* The child's VMAs are the parent's in order, but for those left out. */
static void copy_contents(struct vm *m, idx_t parent, idx_t child)
{
	struct mm *from = mm_at(m, parent), *to = mm_at(m, child);
	struct vma *v, *c = to->first ? vma_at(m, to->first) : NULL;

	vma_for_each (m, from, v) {
		if (v->flags & VM_DONTCOPY)
			continue;
		if (needs_copy(v))
			copy_pages(m, from, to, v);
		if (v->anon_vma && !(v->flags & VM_WIPEONFORK)) {
			c->anon_vma = ++m->root->next_anon_vma;
			c->av_multi = 1;
			rmap_join(m, c, v->family);
		}
		c = vma_next(m, c);
	}
}

static int copy_tables(struct vm *m, idx_t parent, idx_t child)
{
	struct vma *v;

	vma_for_each (m, mm_at(m, parent), v)
		if (!(v->flags & VM_DONTCOPY) && needs_copy(v) &&
			make_tables(m, mm_at(m, parent), child, v))
			return -ENOMEM;
	return 0;
}

idx_t mm_fork(struct vm *m, const struct task *t)
{
	idx_t parent = t->mm;
	struct mm *from = mm_at(m, parent), *to;
	uint64_t tables = from->pgtables >> m->page_shift;
	idx_t child = mem_reserve(m, GFP_PGTABLE, tables + 1)
			      ? 0
			      : mm_create(m, (enum compat)from->compat);

	if (!child)
		return 0;
	to = mm_at(m, child);
	copy_fields(to, from);
	if (from->exe && !exe_get(m, from->exe))
		to->exe = from->exe;
	if (copy_vmas(m, t, child) || copy_tables(m, parent, child)) {
		mm_put(m, child);
		return 0;
	}
	copy_contents(m, parent, child);
	tlb_flush_mm(m, parent);
	khugepaged_fork(m, parent, child);
	return child;
}
