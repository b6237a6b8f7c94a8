#include "mem_usage.h"

#include "../vm/disk/disk.h"
#include "../vm/mm/hugetlb.h"
#include "../vm/mmu/mmu.h"
#include "../vm/swap/swap.h"

/* A page that several entries map, or one that one maps. */
static void add_shares(
	struct mem_usage *u, const struct frame *f, uint64_t size, bool dirty)
{
	uint64_t pss = size << PSS_SHIFT;

	if (f->mapcount > 1) {
		pss /= f->mapcount;
		*(dirty ? &u->shared_dirty : &u->shared_clean) += size;
	} else {
		*(dirty ? &u->private_dirty : &u->private_clean) += size;
	}
	u->pss += pss;
	if (dirty)
		u->pss_dirty += pss;
	if (f->state == FRAME_ANON)
		u->pss_anon += pss;
	else if (f->state == FRAME_SHMEM)
		u->pss_shmem += pss;
	else
		u->pss_file += pss;
}

static void add_page(struct mem_usage *u, const struct vm *m, uint64_t e)
{
	const struct pte_bits *bits = &m->arch->pte;
	const struct frame *f = frame_at(m, pte_pfn(m, e));
	uint64_t size = m->page_size;
	bool dirty = e & bits->dirty || f->flags & FR_DIRTY;

	u->rss += size;
	if (f->state == FRAME_ANON) {
		u->anonymous += size;
		if (!(f->flags & FR_SWAPBACKED) && !dirty)
			u->lazyfree += size;
	}
	if (e & bits->accessed || f->flags & FR_REFERENCED)
		u->referenced += size;
	add_shares(u, f, size, dirty);
}

static void add_swapped(struct mem_usage *u, const struct vm *m, uint32_t slot)
{
	u->swap += m->page_size;
	u->swap_pss += (m->page_size << PSS_SHIFT) / slot_at(m, slot)->refs;
}

/* Pages of shared memory in slots: no entry tells of them.  Of a private
 * mapping that may be written those count that it has no copy of. */
static void add_away(struct mem_usage *u, const struct vm *m,
	const struct mm *mm, const struct vma *v)
{
	const struct inode *n = inode_at(m, file_at(m, v->file)->inode);
	bool all = v->flags & VM_SHARED || !(v->flags & VM_WRITE);
	uint64_t page = v->pgoff;
	uint64_t end = page + ((v->end - v->start) >> m->page_shift);

	if (n->type != INODE_SHMEM || !n->nr_away)
		return;
	for (; radix_next(m, n->away, &page) && page < end; page++) {
		vaddr_t va = v->start + ((page - v->pgoff) << m->page_shift);

		if (all || !pt_get(m, mm, va))
			u->swap += m->page_size;
	}
}

static uint64_t table_entry(const struct vm *m, const void *table, unsigned i)
{
	return m->arch->entry_bytes == 8 ? ((const uint64_t *)table)[i]
					 : ((const uint32_t *)table)[i];
}

/* A huge page counts as its parts. */
static void add_huge(
	struct mem_usage *u, const struct vm *m, vaddr_t va, uint64_t e)
{
	if (!pte_huge(m, e) || e & m->arch->pte.special)
		return;
	if (frame_at(m, pte_pfn(m, e))->state == FRAME_ANON)
		u->anon_huge += huge_size(m);
	else
		u->shmem_huge += huge_size(m);
	for (uint64_t off = 0; off < huge_size(m); off += m->page_size)
		add_page(u, m, pte_part(m, e, va + off, 1));
}

static void add_hugetlb(struct mem_usage *u, const struct vm *m,
	const struct mm *mm, const struct vma *v)
{
	uint64_t page = vma_page_bytes(m, v);

	for (vaddr_t va = v->start; va < v->end; va += page) {
		uint64_t e = pt_entry(m, mm, va, vma_huge_size(m, v));

		if (!pte_huge(m, e))
			continue;
		if (frame_at(m, pte_pfn(m, e))->mapcount > 1)
			u->shared_hugetlb += page;
		else
			u->private_hugetlb += page;
	}
}

void mem_usage_add(struct mem_usage *u, const struct vm *m, const struct mm *mm,
	const struct vma *v)
{
	uint64_t before = u->pss, span = 0;

	if (v->file)
		add_away(u, m, mm, v);

	/* frames of a device or of the kernel belong to nobody's memory */
	if (v->flags & VM_PFNMAP)
		return;
	if (v->flags & VM_HUGETLB) {
		add_hugetlb(u, m, mm, v);
		return;
	}

	for (vaddr_t va = v->start; va < v->end; va += span) {
		unsigned first;
		const void *table = pt_leaf_table(m, mm, va, &first, &span);

		if (!table)
			add_huge(u, m, va, pt_above(m, mm, va));

		if (span > v->end - va)
			span = v->end - va;
		for (unsigned i = 0; table && i < span >> m->page_shift; i++) {
			uint64_t e = table_entry(m, table, first + i);

			if (pte_present(m, e) && !(e & m->arch->pte.special))
				add_page(u, m, e);
			else if (swap_entry_slot(m, e))
				add_swapped(u, m, swap_entry_slot(m, e));
		}
	}
	if (v->flags & VM_LOCKED)
		u->pss_locked += u->pss - before;
}
