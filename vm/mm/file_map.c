/*
 * Every mapping of some pages of an inode: what Linux's i_mmap tree answers.
 * Truncate and writeback ask.
 */
#include "../disk/disk.h"
#include "huge.h"

/* One overlap of a VMA with the pages asked for. */
typedef void mapping_fn(
	struct vm *m, struct vma *v, vaddr_t start, vaddr_t end);

static void visit_vma(struct vm *m, struct vma *v, uint64_t first,
	uint64_t last, mapping_fn *fn)
{
	uint64_t end = v->pgoff + vma_pages(m, v);
	uint64_t from = first > v->pgoff ? first : v->pgoff;
	uint64_t to = last < end - 1 ? last + 1 : end;

	if (from < to)
		fn(m, v, v->start + ((from - v->pgoff) << m->page_shift),
			v->start + ((to - v->pgoff) << m->page_shift));
}

static void for_each_mapping(struct vm *m, idx_t inode, uint64_t first,
	uint64_t last, mapping_fn *fn)
{
	for (idx_t i = inode_at(m, inode)->mappings; i;
		i = vma_at(m, i)->peer_next)
		visit_vma(m, vma_at(m, i), first, last, fn);
}

static void unmap(struct vm *m, struct vma *v, vaddr_t start, vaddr_t end)
{
	mm_discard(m, v->mm, v, start, end);
}

static void clean(struct vm *m, struct vma *v, vaddr_t start, vaddr_t end)
{
	const struct pte_bits *b = &m->arch->pte;
	bool any = false;
	uint64_t span;

	if (!(v->flags & VM_SHARED))
		return;
	for (vaddr_t va = start; va < end; va += span) {
		unsigned first;
		void *tab =
			pt_leaf_table(m, mm_at(m, v->mm), va, &first, &span);

		if (span > end - va)
			span = end - va;
		for (unsigned i = 0; tab && i < span >> m->page_shift; i++) {
			uint64_t e = entry_get(m, tab, first + i);

			if (!pte_present(m, e) || !(e & b->dirty))
				continue;
			cache_set_dirty(m, frame_at(m, pte_pfn(m, e)));
			entry_set(
				m, tab, first + i, e & ~(b->dirty | b->write));
			any = true;
		}
	}
	if (any)
		tlb_flush_range(m, v->mm, start, end);
}

void mm_unmap_file(struct vm *m, idx_t inode, uint64_t first, uint64_t last)
{
	for_each_mapping(m, inode, first, last, unmap);
}

static void unmap_cached(
	struct vm *m, struct vma *v, vaddr_t start, vaddr_t end)
{
	mm_discard_cached(m, v->mm, v, start, end);
}

void mm_unmap_cached(struct vm *m, idx_t inode, uint64_t first, uint64_t last)
{
	for_each_mapping(m, inode, first, last, unmap_cached);
}

void mm_clean_file(struct vm *m, idx_t inode, uint64_t first, uint64_t last)
{
	for_each_mapping(m, inode, first, last, clean);
}
