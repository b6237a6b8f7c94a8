/*
 * Taking pages away, and bringing a range in before it is used.
 *
 * Source: Linux mm/memory.c (zap_page_range_single), mm/gup.c
 * (populate_vma_page_range, faultin_page_range).
 */
#include "../disk/disk.h"
#include "../phys/lru.h"
#include "../swap/swap.h"
#include "huge.h"
#include "hugetlb.h"

struct zap {
	struct vm *m;
	struct mm *mm;
	bool keep_guards, keep_private, free_tables;
	bool recency;	      /* use by this mapping counts */
	uint64_t nr, nr_huge; /* entries removed; of them, huge ones */
};

bool page_idle(struct vm *m, pfn_t pfn)
{
	zone_of(m, pfn)->swap_idle++;
	if (frame_slot(m, frame_at(m, pfn))->refs)
		return true;
	swap_cache_del(m, pfn);
	return false;
}

/* An entry of a page that is not present: a guard, or a swapped page. */
static bool zap_absent(struct zap *z, void *tab, unsigned i, uint64_t e)
{
	uint32_t slot = swap_entry_slot(z->m, e);

	if (slot ? z->keep_private : z->keep_guards)
		return false;
	entry_set(z->m, tab, i, 0);
	if (slot) {
		z->mm->swapped--;
		swap_put(z->m, slot);
	}
	return true;
}

/* False if the entry stays. */
static bool zap_entry(struct zap *z, void *tab, unsigned i, uint64_t e)
{
	const struct pte_bits *b = &z->m->arch->pte;
	pfn_t pfn = pte_pfn(z->m, e);

	if (!pte_present(z->m, e)) {
		return zap_absent(z, tab, i, e);
	}
	if (z->keep_private && !(e & b->special) &&
		frame_at(z->m, pfn)->state == FRAME_ANON)
		return false;
	entry_set(z->m, tab, i, 0);
	z->nr++;
	if (e & b->special)
		return true;
	if (e & b->dirty && frame_is_mapped_cache(frame_at(z->m, pfn)))
		cache_set_dirty(z->m, frame_at(z->m, pfn));
	if (e & b->accessed && z->recency &&
		frame_is_mapped_cache(frame_at(z->m, pfn)))
		lru_mark_accessed(z->m, pfn);
	if (e & b->dirty && frame_at(z->m, pfn)->flags & FR_SWAPCACHE)
		frame_at(z->m, pfn)->flags |= FR_DIRTY;
	page_unmapped(z->m, z->mm, pfn);
	return true;
}

/* Entries [first, first + nr) of a leaf table; true if none is left there. */
static bool zap_table(struct zap *z, void *tab, unsigned first, unsigned nr)
{
	bool empty = true;

	for (unsigned i = first; i < first + nr; i++) {
		uint64_t e = entry_get(z->m, tab, i);

		if (e && !zap_entry(z, tab, i, e))
			empty = false;
	}
	return empty;
}

static void zap_range(struct zap z, struct vma *v, vaddr_t start, vaddr_t end)
{
	struct vm *m = z.m;
	idx_t mm = v->mm;
	uint64_t span;

	if (v->flags & VM_HUGETLB) {
		hugetlb_zap(m, v, start, end);
		return;
	}
	z.mm = mm_at(m, mm);
	z.recency = vma_has_recency(m, v);
	for (vaddr_t va = start; va < end; va += span) {
		unsigned first;
		bool huge = huge_piece(m, mm, va, end);
		void *tab = pt_leaf_table(m, z.mm, va, &first, &span);

		if (span > end - va)
			span = end - va;
		if (huge) {
			huge_zap(m, mm, va);
			z.nr++;
			z.nr_huge++;
		}
		if (tab && zap_table(&z, tab, first, span >> m->page_shift) &&
			z.free_tables && span == huge_size(m))
			pt_free_leaf(m, mm, va);
	}
	if (z.nr > z.nr_huge)
		tlb_flush_range(m, mm, start, end);
	else if (z.nr)
		tlb_flush_huge(m, mm, start, end);
}

void mm_zap(struct vm *m, idx_t mm, struct vma *v, vaddr_t start, vaddr_t end)
{
	zap_range((struct zap){.m = m}, v, start, end);
	if (v->flags & VM_HUGETLB)
		hugetlb_close(m, v);
}

void mm_discard(
	struct vm *m, idx_t mm, struct vma *v, vaddr_t start, vaddr_t end)
{
	zap_range((struct zap){.m = m, .keep_guards = true}, v, start, end);
}

void mm_discard_tables(
	struct vm *m, idx_t mm, struct vma *v, vaddr_t start, vaddr_t end)
{
	zap_range(
		(struct zap){.m = m, .keep_guards = true, .free_tables = true},
		v, start, end);
}

void mm_discard_cached(
	struct vm *m, idx_t mm, struct vma *v, vaddr_t start, vaddr_t end)
{
	zap_range(
		(struct zap){.m = m, .keep_guards = true, .keep_private = true},
		v, start, end);
}

/* ---- faulting in --------------------------------------------------------- */

static bool accessible(const struct vm *m, uint64_t e, bool write)
{
	const struct pte_bits *b = &m->arch->pte;

	return e & b->present && (!write || e & b->write);
}

/* What is there already counts as written when it is brought in to be written
 * (FOLL_TOUCH): the page, or the huge entry. */
static void touch_present(struct vm *m, idx_t mm, vaddr_t va, uint64_t e)
{
	uint64_t dirty = m->arch->pte.dirty;
	uint64_t huge = pt_above(m, mm_at(m, mm), va);

	if (e & dirty)
		return;
	if (pte_huge(m, huge))
		pt_huge_set(m, mm, va, huge | dirty);
	else
		cache_set_dirty(m, frame_at(m, pte_pfn(m, e)));
}

/* Pages of one VMA, as if the process loaded or stored. */
static int fault_in(struct vm *m, struct task *t, struct vma *v, vaddr_t start,
	vaddr_t end, bool write)
{
	const struct mm *mm = mm_at(m, v->mm);

	for (vaddr_t va = start; va < end; va += m->page_size) {
		uint64_t e = pt_get(m, mm, va);
		int err;

		if (va != start &&
			((va - start) >> m->page_shift) % PLACE_PAGES == 0 &&
			vm_halts(m))
			return vm_fail(m, EINTR,
				"interrupted: pages from 0x%llx to 0x%llx are "
				"in memory",
				(unsigned long long)start,
				(unsigned long long)va);
		if (accessible(m, e, write)) {
			if (write && !(v->flags & VM_HUGETLB))
				touch_present(m, v->mm, va, e);
			continue;
		}
		err = handle_fault(m, t, v, va, write);
		if (err)
			return err == -ENOMEM ? err : -EFAULT;
	}
	return 0;
}

int mm_fault_in(struct vm *m, struct task *t, struct vma *v, vaddr_t start,
	vaddr_t end, bool write)
{
	uint64_t need = write ? VM_WRITE : VM_READ;

	if (v->flags & (VM_IO | VM_PFNMAP) || !(v->flags & need))
		return vm_fail(m, EINVAL,
			"the mapping 0x%llx-0x%llx does not permit %s",
			(unsigned long long)v->start,
			(unsigned long long)v->end, write ? "stores" : "loads");
	return fault_in(m, t, v, start, end, write);
}

/* Nothing may be read from the mapping, not even by force. */
static int populate_refused(struct vm *m, const struct vma *v)
{
	vm_fail(m, EFAULT,
		"the mapping 0x%llx-0x%llx permits no access: its pages "
		"cannot be brought in",
		(unsigned long long)v->start, (unsigned long long)v->end);
	return -EFAULT;
}

static int populate_vma(
	struct vm *m, struct task *t, struct vma *v, vaddr_t start, vaddr_t end)
{
	if (v->flags & (VM_IO | VM_PFNMAP | VM_LOCKONFAULT))
		return 0;
	if (!(v->flags & VM_ACCESS))
		return populate_refused(m, v);
	return fault_in(m, t, v, start, end,
		(v->flags & (VM_WRITE | VM_SHARED)) == VM_WRITE);
}

int mm_populate(struct vm *m, struct task *t, vaddr_t start, vaddr_t end)
{
	vaddr_t va = start;
	struct vma *v;
	int err = 0;

	m->populating = true;
	while (!err && va < end && (v = vma_find(m, t->mm, va)) &&
		v->start < end) {
		vaddr_t from = v->start > va ? v->start : va;
		vaddr_t to = v->end < end ? v->end : end;

		err = populate_vma(m, t, v, from, to);
		va = v->end;
	}
	m->populating = false;
	if (err == -EINTR)
		return err;
	return err ? refuse_as(m, err == -ENOMEM ? EAGAIN : ENOMEM) : 0;
}
