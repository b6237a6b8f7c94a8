/*
 * Moving pages of the pools from node to node.  A free page of the other node's
 * pool takes the place; without one, the pools' total is kept: a page comes
 * from the buddy allocator there, and the old one goes.
 *
 * Source: Linux mm/hugetlb.c (alloc_hugetlb_folio_nodemask,
 * alloc_migrate_hugetlb_folio, move_hugetlb_state), mm/migrate.c
 * (unmap_and_move_huge_page).
 */
#include "hugetlb.h"
#include "rmap.h"

struct removal {
	pfn_t from, to;
	unsigned size;
	uint64_t pgoff; /* in small pages */
};

static void move_entry(
	struct vm *m, const struct vma *v, const struct removal *r)
{
	vaddr_t va;
	uint64_t e;

	if (r->pgoff < v->pgoff || r->pgoff - v->pgoff >= vma_pages(m, v))
		return;
	va = v->start + ((r->pgoff - v->pgoff) << m->page_shift);
	e = pt_entry(m, mm_at(m, v->mm), va, r->size);
	if (!pte_huge(m, e) || pte_pfn(m, e) != r->from)
		return;
	pt_entry_set(m, v->mm, va, r->size,
		(e & ~m->arch->pte.addr) | pfn_to_pa(m, r->to));
	tlb_flush_size(m, v->mm, va, va + vma_page_bytes(m, v), r->size);
}

/* A private page is mapped by a family, one of a file by those who map that. */
static void move_entries(struct vm *m, struct removal *r)
{
	const struct frame *f = frame_at(m, r->from);
	struct inode *n;

	if (f->flags & FR_HUGETLB_ANON) {
		r->pgoff = f->index;
		for (idx_t i = family_at(m, f->owner)->first; i;
			i = vma_at(m, i)->kin_next)
			move_entry(m, vma_at(m, i), r);
		return;
	}
	n = inode_at(m, f->owner);
	r->pgoff = f->index << f->order;
	for (idx_t i = n->mappings; i; i = vma_at(m, i)->peer_next)
		move_entry(m, vma_at(m, i), r);
	radix_set(m, &n->cache, f->index, r->to);
}

static void move_frames(struct vm *m, const struct removal *r)
{
	struct frame *f = frame_at(m, r->from), *t = frame_at(m, r->to);
	unsigned bytes;

	for (pfn_t i = 0; i < 1u << f->order; i++)
		frame_copy(m, r->to + i, r->from + i);
	bytes = t->flags & FR_BYTES;
	*t = *f;
	t->flags = (uint16_t)((f->flags & ~FR_BYTES) | bytes);
	f->flags &= FR_BYTES;
	f->owner = f->mapcount = 0;
	f->index = 0;
}

int hugetlb_migrate(struct vm *m, pfn_t pfn)
{
	unsigned order = frame_at(m, pfn)->order;
	struct removal r = {
		.from = pfn,
		.size = order == huge_order(m) ? 1 : 2,
	};
	bool fresh;

	r.to = hugetlb_take_place(m, r.size, &fresh);
	m->root->count[r.to ? CNT_PGMIGRATE_SUCCESS : CNT_PGMIGRATE_FAIL] +=
		1u << order;
	if (!r.to)
		return vm_fail(m, ENOMEM,
			"no huge page of %llu kB is free on the other node",
			1ull << pt_shift(m, r.size) >> 10);
	move_entries(m, &r);
	move_frames(m, &r);
	hugetlb_give_place(m, r.from, r.to, fresh);
	return 0;
}
