/*
 * swapoff(2): every page that the area has comes back, process by process and
 * object by object; then nothing names its slots.  Source: Linux
 * mm/swapfile.c (try_to_unuse).
 */
#include "../mm/rmap.h"
#include "../reclaim/reclaim.h"
#include "swap.h"

static bool in_area(const struct swap_area *a, uint32_t slot)
{
	return slot > a->base && slot < a->base + a->pages;
}

static int unuse_mm(struct vm *m, idx_t mm, const struct swap_area *a)
{
	struct vma *v;

	vma_for_each (m, mm_at(m, mm), v) {
		uint64_t span;

		for (vaddr_t va = v->start; va < v->end; va += span) {
			unsigned first;
			void *tab = pt_leaf_table(
				m, mm_at(m, mm), va, &first, &span);

			if (vm_halts(m))
				return -EINTR;
			if (span > v->end - va)
				span = v->end - va;
			for (unsigned i = 0; tab && i < span >> m->page_shift;
				i++) {
				vaddr_t at = va + ((vaddr_t)i << m->page_shift);
				uint64_t e = entry_get(m, tab, first + i);

				if (in_area(a, swap_entry_slot(m, e)) &&
					mm_swap_in(m, v, at))
					return -ENOMEM;
			}
		}
	}
	return 0;
}

static int unuse_object(struct vm *m, idx_t inode, const struct swap_area *a)
{
	struct inode *n = inode_at(m, inode);
	uint32_t slot;

	for (uint64_t page = 0;
		n->nr_away && (slot = radix_next(m, n->away, &page)); page++) {
		if (!in_area(a, slot))
			continue;
		if (page % PLACE_PAGES == 0 && vm_halts(m))
			return -EINTR;
		if (mem_try_reclaim(m, GFP_HIGHUSER, 1) ||
			!cache_get(m, inode, page, NULL))
			return -ENOMEM;
	}
	return 0;
}

static int unuse(struct vm *m, const struct swap_area *a)
{
	int err = 0;

	for (idx_t i = 1; !err && a->used && i < m->root->pool[SEG_MM].nr; i++)
		if (mm_at(m, i)->pgd && mm_at(m, i)->swapped)
			err = unuse_mm(m, i, a);
	for (idx_t i = 1; !err && a->used && i < m->root->pool[SEG_INODE].nr;
		i++)
		if (inode_at(m, i)->type == INODE_SHMEM && inode_at(m, i)->ino)
			err = unuse_object(m, i, a);
	return err;
}

int swap_off(struct vm *m, struct swap_area *a)
{
	idx_t inode = a->inode;

	a->closing = 1;
	if (unuse(m, a)) {
		a->closing = 0;
		m->fail.err = 0;
		if (vm_halted(m))
			return vm_fail(m, EINTR,
				"interrupted: %u pages are still in the area",
				a->used);
		return vm_fail(m, ENOMEM,
			"%u pages of the area do not fit into RAM and the "
			"other areas",
			a->used);
	}
	/* what is left is only cached */
	for (uint32_t i = 1; a->used && i < a->next; i++)
		if (slot_at(m, a->base + i)->frame)
			swap_cache_drop(m, slot_at(m, a->base + i)->frame);
	for (uint32_t i = 0; i < a->next; i++)
		*slot_at(m, a->base + i) = (struct swap_slot){0};
	m->root->swap_pages -= a->pages - 1;
	*a = (struct swap_area){0};
	while (m->root->swap_top && !m->root->swap[m->root->swap_top - 1].pages)
		m->root->swap_top--;
	if (inode) {
		m->root->swap_files--;
		inode_put(m, inode);
	}
	return 0;
}
