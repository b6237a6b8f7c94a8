/* Frames for what a fault takes: free ones, and as many as a policy grants. */
#include "../disk/disk.h"
#include "../phys/lru.h"
#include "../reclaim/reclaim.h"
#include "../swap/swap.h"
#include "page_i.h"

/* A store to a page that is present and read-only. */
static unsigned copy_needs(const struct vm *m, const struct vma *v, uint64_t e)
{
	const struct frame *f = frame_at(m, pte_pfn(m, e));

	if (v->flags & VM_SHARED)
		return 0;
	return e & m->arch->pte.special || !(f->flags & FR_EXCLUSIVE);
}

/* A page of the cache, and a copy of it for a private store. */
static unsigned file_needs(
	struct vm *m, const struct vma *v, vaddr_t va, bool write)
{
	idx_t inode = file_at(m, v->file)->inode;
	uint64_t page = vma_pgoff_at(m, v, va);

	if (page >= inode_pages(m, inode_at(m, inode)))
		return 0;
	return !cache_lookup(m, inode, page) +
	       (write && !(v->flags & VM_SHARED));
}

static unsigned fault_needs(
	struct vm *m, const struct vma *v, vaddr_t va, bool write)
{
	uint64_t e = pt_get(m, mm_at(m, v->mm), va);
	uint32_t slot = e && !pte_present(m, e) ? swap_entry_slot(m, e) : 0;

	if (v->flags & VM_HUGETLB)
		return 0;
	if (pte_present(m, e))
		return write && !(e & m->arch->pte.write) ? copy_needs(m, v, e)
							  : 0;
	if (slot)
		return !slot_at(m, slot)->frame;
	if (e) /* a guard */
		return 0;
	if (v->special)
		return write;
	return v->file ? file_needs(m, v, va, write) : 1;
}

/* What page the fault of that entry asks for: one of zeros where there was
 * none, and in the place of the zero page. */
static unsigned page_gfp(const struct vm *m, const struct vma *v, uint64_t e)
{
	bool zeros = e ? pte_present(m, e) && e & m->arch->pte.special
		       : !v->file && !v->special;

	return zeros ? GFP_PAGE | GFP_ZERO : GFP_PAGE;
}

/* Page tables come from where the task's policy says, the page from where the
 * mapping's does. */
static int make_room_on_nodes(
	struct vm *m, struct task *t, const struct vma *v, vaddr_t va)
{
	const struct zone *z;
	int err;

	phys_run_as(m, t);
	err = mem_reserve(m, GFP_PGTABLE, STEP_PAGES);
	if (err)
		return err;
	place_by_vma(m, v, va, 0);
	z = zone_first(m, GFP_HIGHUSER);
	if (zone_free_common(z) <= z->low + STEP_PAGES)
		err = mem_reserve(m,
			page_gfp(m, v, pt_get(m, mm_at(m, v->mm), va)),
			STEP_PAGES);
	place_by_task(m);
	return err;
}

static int make_room(
	struct vm *m, struct task *t, const struct vma *v, vaddr_t va)
{
	const struct zone *z = zone_first(m, GFP_KERNEL);
	const struct mm *mm = mm_at(m, v->mm);
	uint64_t span, e;
	const void *tab;
	unsigned i;
	int err = 0;

	if (m->root->config.nodes > 1)
		return make_room_on_nodes(m, t, v, va);
	if (zone_free_common(z) > z->low + STEP_PAGES)
		return 0;
	tab = pt_leaf_table(m, mm, va, &i, &span);
	e = tab ? entry_get(m, tab, i) : pt_get(m, mm, va);
	if (e && !pte_present(m, e)) /* it is read once there is room */
		__builtin_prefetch(slot_at(m, swap_entry_slot(m, e)), 1);
	phys_run_as(m, t);
	if (!tab || m->gfp_zone[GFP_KERNEL] != m->gfp_zone[GFP_HIGHUSER])
		err = mem_reserve(m, GFP_PGTABLE, STEP_PAGES);
	return err ? err : mem_reserve(m, page_gfp(m, v, e), STEP_PAGES);
}

/* The pages that the fault will take: of a leaf table and its own. */
static void expect_pages(struct vm *m, struct task *t, const struct vma *v,
	vaddr_t va, bool write)
{
	uint64_t span;
	unsigned i;

	phys_run_as(m, t);
	if (!pt_leaf_table(m, mm_at(m, v->mm), va, &i, &span))
		mem_expect(m, GFP_KERNEL);
	if (!fault_needs(m, v, va, write))
		return;
	place_for(m, v, va, 0);
	mem_expect(m, GFP_HIGHUSER);
	place_back(m);
}

int fault_room(struct vm *m, struct task *t, const struct vma *v, vaddr_t va,
	bool write)
{
	int err;

	if (m->root->set.zone_reclaim_mode)
		expect_pages(m, t, v, va, write);
	err = make_room(m, t, v, va);
	if (err || !policy_on(m) || !m->root->set.frames)
		return err;
	m->running = t;
	return policy_reserve(m, fault_needs(m, v, va, write));
}
