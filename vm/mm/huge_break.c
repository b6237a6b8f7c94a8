/*
 * Large pages become single ones.  Reclaim takes single pages: a huge page that
 * it comes to is taken apart first, in every process that maps it.  (Linux
 * swaps huge pages as a whole where it finds 512 free slots in a row.)
 *
 * Anonymous pages stay mapped, page by page; those of shared memory are mapped
 * again by the next faults.
 *
 * Source: Linux mm/huge_memory.c (__folio_split, unmap_folio, remap_page).
 */
#include "huge.h"
#include "rmap.h"

/* The huge entry by which v maps the page, if it does. */
static void split_entry(struct vm *m, const struct vma *v, pfn_t head)
{
	uint64_t index = frame_at(m, head)->index, e;
	vaddr_t va;

	if (index < v->pgoff || index - v->pgoff >= vma_pages(m, v))
		return;
	va = v->start + ((index - v->pgoff) << m->page_shift);
	e = pt_above(m, mm_at(m, v->mm), va);
	if (pte_huge(m, e) && !(e & m->arch->pte.special) &&
		pte_pfn(m, e) == head)
		huge_split(m, v->mm, va);
}

static void split_entries(struct vm *m, pfn_t head)
{
	for (idx_t i = rmap_first(m, head); i; i = rmap_next(m, head, i))
		split_entry(m, vma_at(m, i), head);
}

struct place {
	struct rmap_entry e;
	bool locked;
};

static void find_place(struct vm *m, const struct rmap_entry *e, void *ctx)
{
	struct place *p = ctx;

	p->e = *e;
	p->locked |= (e->v->flags & VM_LOCKED) != 0;
}

/* A page that one process alone has is told where; one of a locked VMA is
 * locked again, as what maps single pages is. */
static void settle(struct vm *m, pfn_t pfn)
{
	struct place p = {.locked = false};
	struct frame *f = frame_at(m, pfn);
	bool alone = f->flags & FR_EXCLUSIVE;

	if (f->state != FRAME_ANON)
		return;
	f->flags &= (uint16_t)~FR_EXCLUSIVE;
	rmap_walk(m, pfn, find_place, &p);
	if (alone && p.e.v)
		frame_set_exclusive(m, f, p.e.v->mm, p.e.va);
	if (p.locked)
		mlock_page(m, pfn);
}

static void unmap_entry(struct vm *m, const struct rmap_entry *e, void *ctx)
{
	uint64_t pte = entry_get(m, e->tab, e->i);
	pfn_t pfn = pte_pfn(m, pte);

	if (pte & m->arch->pte.dirty)
		cache_set_dirty(m, frame_at(m, pfn));
	entry_set(m, e->tab, e->i, 0);
	tlb_flush_page(m, e->v->mm, e->va);
	page_unmapped(m, mm_at(m, e->v->mm), pfn);
}

void mm_unmap_cached_page(struct vm *m, pfn_t head)
{
	unsigned nr = folio_pages(m, head);

	if (nr == 1u << huge_order(m))
		split_entries(m, head);
	for (unsigned i = 0; i < nr; i++)
		rmap_walk(m, head + i, unmap_entry, NULL);
}

void huge_break(struct vm *m, pfn_t head)
{
	unsigned nr = folio_pages(m, head);

	if (frame_at(m, head)->state == FRAME_SHMEM) {
		cache_split(m, head);
		return;
	}
	split_entries(m, head);
	folio_split(m, head);
	for (unsigned i = 0; i < nr; i++)
		settle(m, head + i);
}
