/*
 * munmap(2), and the unmapping that other calls begin with.
 *
 * Two steps, so that a call that maps over a range can still fail in between:
 * unmap_prepare() cuts the VMAs at both ends of the range, unmap_finish()
 * takes away what lies inside.  Source: Linux mm/vma.c
 * (vms_gather_munmap_vmas, vms_complete_munmap_vmas).
 */
#include "mm_i.h"

#include "../mmu/mmu.h"

static int not_sealed(struct vm *m, const struct vma *v)
{
	if (!(v->flags & VM_SEALED))
		return 0;
	return vm_fail(m, EPERM, "the mapping [0x%llx, 0x%llx) is sealed",
		(unsigned long long)v->start, (unsigned long long)v->end);
}

/* Cutting a hole leaves one VMA more, cutting off an end does not. */
static int may_cut_hole(
	struct vm *m, const struct vma *v, vaddr_t start, vaddr_t end)
{
	uint32_t max = m->root->set.max_map_count;

	if (start <= v->start || end >= v->end ||
		mm_at(m, v->mm)->map_count < max)
		return 0;
	return vm_fail(m, ENOMEM,
		"a hole in [0x%llx, 0x%llx) needs one more VMA than "
		"max_map_count = %u",
		(unsigned long long)v->start, (unsigned long long)v->end, max);
}

int unmap_prepare(struct vm *m, idx_t mm, vaddr_t start, vaddr_t end,
	struct unmap_plan *p)
{
	struct vma *v = vma_overlap(m, mm, start, end);

	p->nr_pages = p->nr_accounted = 0;
	if (v && start > v->start) {
		if (may_cut_hole(m, v, start, end) || not_sealed(m, v))
			return -m->fail.err;
		v = vma_split(m, v, start, false);
		if (!v)
			return -m->fail.err;
	}
	for (; v && v->start < end; v = vma_next(m, v)) {
		if (not_sealed(m, v))
			return -EPERM;
		if (v->end > end && !vma_split(m, v, end, false))
			return -m->fail.err;
		p->nr_pages += vma_pages(m, v);
		if (v->flags & VM_ACCOUNT)
			p->nr_accounted += vma_pages(m, v);
	}
	return 0;
}

void unmap_finish(struct vm *m, idx_t mm, vaddr_t start, vaddr_t end)
{
	struct vma *first = vma_overlap(m, mm, start, end), *v, *next;
	vaddr_t floor, last_end = 0;

	if (!first)
		return;
	floor = first->prev ? vma_at(m, first->prev)->end : 0;
	for (v = first; v && v->start < end; v = vma_next(m, v)) {
		mm_zap(m, mm, v, v->start, v->end);
		last_end = v->end;
	}
	pt_free_range(m, mm, first->start, last_end, floor, v ? v->start : 0);
	for (v = first; v && v->start < end; v = next) {
		next = vma_next(m, v);
		vma_remove(m, v);
	}
}

int unmap_range(struct vm *m, idx_t mm, vaddr_t start, vaddr_t end)
{
	struct unmap_plan p;
	int err = unmap_prepare(m, mm, start, end, &p);

	if (!err)
		unmap_finish(m, mm, start, end);
	return err;
}

int64_t mm_munmap(struct vm *m, struct task *t, vaddr_t addr, uint64_t len)
{
	vaddr_t top = mm_task_size(m, t);

	m->root->count[CNT_MUNMAP]++;
	if (mm_check_aligned(m, "address", addr) ||
		mm_check_user(m, addr, len, top, EINVAL))
		return -EINVAL;
	len = page_up(m, len);
	if (!len)
		return vm_fail(m, EINVAL, "the length is 0");
	return unmap_range(m, t->mm, addr, addr + len);
}
