/* The life of an address space, and the growth of its stack. */
#include "mm_i.h"
#include "khugepaged.h"

#include "../mmu/mmu.h"
#include "../reclaim/reclaim.h"
#include "../slab/slab.h"

const struct layout *mm_layout(const struct vm *m, const struct mm *mm)
{
	return mm->compat == MM_NATIVE	 ? &m->arch->native
	       : mm->compat == MM_COMPAT ? &m->arch->compat
					 : &m->arch->compat_3gb;
}

vaddr_t mm_task_size(const struct vm *m, const struct task *t)
{
	if (mm_at(m, t->mm)->compat == MM_NATIVE)
		return m->arch->native.task_size;
	return t->personality & ADDR_LIMIT_3GB ? m->arch->compat_3gb.task_size
					       : m->arch->compat.task_size;
}

/* Source: Linux arch/x86/mm/mmap.c, mmap_base() and arch_pick_mmap_base(). */
void mm_place(struct vm *m, struct mm *mm, const struct mm_place *p)
{
	const struct layout *l = mm_layout(m, mm);
	uint64_t gap = p->stack_limit;
	uint64_t pad = (uint64_t)m->root->set.stack_guard_gap << m->page_shift;
	uint64_t gap_max = l->task_size / 6 * 5;

	if (p->random)
		pad += ((1ull << l->stack_rnd_bits) - 1) << m->page_shift;
	if (gap + pad > gap)
		gap += pad;
	if (gap < l->gap_min)
		gap = l->gap_min;
	if (gap > gap_max)
		gap = gap_max;
	mm->bottom_up = p->bottom_up;
	mm->legacy_base = l->legacy_base + p->rnd_bytes;
	mm->mmap_base = p->bottom_up
				? mm->legacy_base
				: page_up(m, l->task_size - gap - p->rnd_bytes);
}

static void mm_free(struct vm *m, idx_t i)
{
	slab_free(m, mm_at(m, i)->object);
	pool_free(m, SEG_MM, i);
}

idx_t mm_create(struct vm *m, enum compat compat)
{
	struct mm *mm;
	paddr_t object;
	idx_t i;

	mem_expect(m, GFP_KERNEL);
	if (vma_tree_init(m) || mem_reserve(m, GFP_PGTABLE, STEP_PAGES))
		return 0;
	object = object_alloc(m, CACHE_MM);
	i = object ? pool_alloc(m, SEG_MM) : 0;
	if (!i) {
		slab_free(m, object);
		return 0;
	}
	mm = mm_at(m, i);
	mm->object = object;
	mm->users = 1;
	mm->compat = compat;
	mm->task_size = mm_layout(m, mm)->task_size;
	mm_place(m, mm, &(struct mm_place){.stack_limit = 8 * MiB});
	mm->pgd = pt_new_pgd(m, i);
	if (mm->pgd == PFN_NONE) {
		mm_free(m, i);
		return 0;
	}
	return i;
}

static void unmap_everything(struct vm *m, idx_t i)
{
	struct mm *mm = mm_at(m, i);
	struct vma *v;

	if (!mm->first)
		return;
	vma_for_each (m, mm, v)
		mm_zap(m, i, v, v->start, v->end);
	pt_free_range(m, i, vma_at(m, mm->first)->start,
		vma_at(m, mm->last)->end, 0, 0);
	while (mm->first)
		vma_remove(m, vma_at(m, mm->first));
}

void mm_put(struct vm *m, idx_t i)
{
	struct mm *mm = mm_at(m, i);

	if (--mm->users)
		return;
	khugepaged_exit(m, i);
	unmap_everything(m, i);
	if (mm->exe)
		exe_put(m, mm->exe);
	cpu_drop_mm(m, i);
	pt_free_pgd(m, i);
	mm_free(m, i);
}

/* The neighbour below keeps its distance, unless it is a stack too or cannot
 * be accessed anyway. */
static int stack_guard(struct vm *m, const struct vma *v, vaddr_t addr)
{
	const struct vma *below = vma_prev(m, v);
	uint64_t gap = (uint64_t)m->root->set.stack_guard_gap << m->page_shift;

	if (!below || below->flags & VM_GROWSDOWN ||
		!(below->flags & VM_ACCESS) || addr - below->end >= gap)
		return 0;
	return vm_fail(m, ENOMEM,
		"the stack would come within %llu bytes of the mapping that "
		"ends at 0x%llx; the guard gap is %llu",
		(unsigned long long)(addr - below->end),
		(unsigned long long)below->end, (unsigned long long)gap);
}

static int stack_limits(
	struct vm *m, const struct task *t, const struct vma *v, vaddr_t addr)
{
	uint64_t grow = v->start - addr, size = v->end - addr;
	int64_t pages = grow >> m->page_shift;
	int err;

	err = mm_may_expand(m, t, v->flags, pages);
	if (err)
		return err;
	if (size > t->rlim[RLIM_STACK].soft)
		return vm_fail(m, ENOMEM,
			"the stack would have %llu bytes, RLIMIT_STACK is "
			"%llu",
			(unsigned long long)size,
			(unsigned long long)t->rlim[RLIM_STACK].soft);
	err = mm_may_lock(m, t, v->flags, grow, ENOMEM);
	if (err)
		return err;
	/* Asked even of what is not counted then. */
	return mm_may_commit(m, t, pages);
}

int mm_expand_stack(struct vm *m, struct task *t, struct vma *v, vaddr_t addr)
{
	int err;

	addr = page_down(m, addr);
	if (addr < mm_low_limit(m))
		return vm_fail(m, EPERM,
			"the stack cannot grow to 0x%llx, below the lowest "
			"address 0x%llx",
			(unsigned long long)addr,
			(unsigned long long)mm_low_limit(m));
	err = stack_guard(m, v, addr);
	if (err)
		return err;
	anon_vma_prepare(m, v);
	if (addr >= v->start)
		return 0;
	if ((v->start - addr) >> m->page_shift > v->pgoff)
		return vm_fail(m, ENOMEM,
			"the stack was moved here and may grow by %llu pages "
			"at most, as at its first place",
			(unsigned long long)v->pgoff);
	err = stack_limits(m, t, v, addr);
	if (err)
		return err;
	/* Linux counts all growth, and takes back what VM_ACCOUNT has. */
	if (!(v->flags & VM_ACCOUNT))
		mm_leak_commit(m, (v->start - addr) >> m->page_shift);
	vma_resize(m, v, addr, v->end);
	khugepaged_enter(m, v);
	return 0;
}
