/*
 * Reclaim takes single pages: a huge page that it comes to is taken apart
 * first, in every process that maps it.  (Linux swaps huge pages as a whole
 * where it finds 512 free slots in a row.)
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

static void find_place(struct vm *m, const struct rmap_entry *e, void *ctx)
{
	*(struct rmap_entry *)ctx = *e;
}

/* A page that one process alone has is told where. */
static void settle(struct vm *m, pfn_t pfn)
{
	struct rmap_entry e = {.v = NULL};
	struct frame *f = frame_at(m, pfn);

	if (f->state != FRAME_ANON || !(f->flags & FR_EXCLUSIVE))
		return;
	f->flags &= (uint16_t)~FR_EXCLUSIVE;
	rmap_walk(m, pfn, find_place, &e);
	if (e.v)
		frame_set_exclusive(m, f, e.v->mm, e.va);
}

void huge_break(struct vm *m, pfn_t head)
{
	unsigned nr = 1u << huge_order(m);

	for (idx_t i = family_at(m, frame_at(m, head)->owner)->first; i;
		i = vma_at(m, i)->kin_next)
		split_entry(m, vma_at(m, i), head);
	folio_split(m, head);
	for (unsigned i = 0; i < nr; i++)
		settle(m, head + i);
}
