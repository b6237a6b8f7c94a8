/* brk(2).  Source: Linux mm/mmap.c (brk), mm/vma.c (do_brk_flags). */
#include "mm_i.h"

#define VM_HEAP                                                       \
	(VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | \
		VM_ACCOUNT)

static int check_data_limit(
	struct vm *m, const struct task *t, const struct mm *mm, vaddr_t brk)
{
	uint64_t limit = t->rlim[RLIM_DATA].soft;
	uint64_t data = brk - mm->start_brk + (mm->end_data - mm->start_data);

	if (brk < mm->start_brk)
		return vm_fail(m, EINVAL,
			"0x%llx is below the start of the heap, 0x%llx",
			(unsigned long long)brk,
			(unsigned long long)mm->start_brk);
	if (data <= limit)
		return 0;
	return vm_fail(m, ENOMEM,
		"heap and data would have %llu bytes, RLIMIT_DATA is %llu",
		(unsigned long long)data, (unsigned long long)limit);
}

static int shrink(struct vm *m, struct task *t, vaddr_t from, vaddr_t to)
{
	vaddr_t old = mm_at(m, t->mm)->brk;
	const struct vma *v = vma_find(m, t->mm, to);

	if (!v || v->start >= old)
		return vm_fail(m, EINVAL,
			"nothing is mapped between 0x%llx and the break "
			"0x%llx",
			(unsigned long long)to, (unsigned long long)old);
	return unmap_range(m, t->mm, to, from);
}

/* One page above the new end, and a stack's guard gap, stay free. */
static int room_above(
	struct vm *m, const struct task *t, vaddr_t from, vaddr_t to)
{
	const struct vma *v = vma_find(m, t->mm, from);
	vaddr_t top = mm_task_size(m, t);

	if (to < from || to > top)
		return vm_fail(m, ENOMEM,
			"the break 0x%llx leaves user space, which ends at "
			"0x%llx",
			(unsigned long long)to, (unsigned long long)top);
	if (!v || vma_start_gap(m, v) >= to + m->page_size)
		return 0;
	return vm_fail(m, ENOMEM,
		"the heap cannot grow to 0x%llx: the mapping at 0x%llx must "
		"stay a page away",
		(unsigned long long)to, (unsigned long long)v->start);
}

/* Of the heap and of a bss alike: do_brk_flags(). */
static int check_room(
	struct vm *m, const struct task *t, uint64_t flags, int64_t pages)
{
	const struct mm *mm = mm_at(m, t->mm);
	int err = mm_may_expand(m, t, flags, pages);

	if (!err && mm->map_count > m->root->set.max_map_count)
		err = vm_fail(m, ENOMEM,
			"the process has %u mappings, max_map_count is %u",
			mm->map_count, m->root->set.max_map_count);
	if (!err)
		err = mm_may_commit(m, t, pages);
	return err ? err : vma_room(m, 1);
}

static int check_growth(struct vm *m, const struct task *t, uint64_t flags,
	vaddr_t from, vaddr_t to)
{
	int64_t pages = (to - from) >> m->page_shift;
	int err = room_above(m, t, from, to);

	if (!err)
		err = mm_may_lock(m, t, flags, to - from, EAGAIN);
	return err ? err : check_room(m, t, flags, pages);
}

/*
 * The heap grows the VMA that ends at the break, if some of it is heap: the
 * bss before an empty heap stays apart.
 */
static bool heap_extends(const struct vm *m, const struct mm *mm,
	const struct vma *v, uint64_t flags, vaddr_t at)
{
	return v && v->end == at && v->end > mm->start_brk && !v->file &&
	       !((v->flags ^ flags) & ~VM_STICKY) &&
	       vma_pgoff_at(m, v, at) == at >> m->page_shift && !v->av_multi;
}

static uint64_t heap_flags(const struct vm *m, const struct task *t)
{
	return VM_HEAP | mm_at(m, t->mm)->def_flags |
	       (t->personality & READ_IMPLIES_EXEC ? VM_EXEC : 0);
}

/* Maps [from, to), which is free: at most the mapping before it grows, that
 * behind it is never joined. */
static int extend(
	struct vm *m, struct task *t, uint64_t flags, vaddr_t from, vaddr_t to)
{
	struct mm *mm = mm_at(m, t->mm);
	struct vma *next, *prev;

	flags = ksm_flags(mm, flags);
	next = vma_find(m, t->mm, from);
	prev = next ? vma_prev(m, next)
		    : (mm->last ? vma_at(m, mm->last) : NULL);
	if (heap_extends(m, mm, prev, flags, from)) {
		vma_resize(m, prev, prev->start, to);
		prev->flags |= soft_dirty_vma(m);
	} else if (!mm_insert(m, t->mm, from, to, flags | soft_dirty_vma(m), 0,
			   from >> m->page_shift, VMA_PLAIN)) {
		return -ENOMEM;
	}
	return 0;
}

static int grow(struct vm *m, struct task *t, vaddr_t from, vaddr_t to)
{
	uint64_t flags = heap_flags(m, t);
	int err = check_growth(m, t, flags, from, to);

	return err ? err : extend(m, t, flags, from, to);
}

int mm_bss(struct vm *m, struct task *t, vaddr_t from, uint64_t len, bool exec)
{
	uint64_t flags = heap_flags(m, t) | (exec ? VM_EXEC : 0);
	int64_t pages = (int64_t)(len >> m->page_shift);
	int err;

	if (!len)
		return 0;
	err = mm_may_map_at(m, t, from);
	if (!err)
		err = mm_munmap(m, t, from, len);
	if (!err)
		err = check_room(m, t, flags, pages);
	return err ? err : extend(m, t, flags, from, from + len);
}

vaddr_t mm_brk(struct vm *m, struct task *t, vaddr_t brk)
{
	struct mm *mm = mm_at(m, t->mm);
	vaddr_t from = page_up(m, mm->brk), to = page_up(m, brk);
	int err;

	if (!brk)
		return mm->brk;
	err = check_data_limit(m, t, mm, brk);
	if (!err && to < from && brk <= mm->brk)
		err = shrink(m, t, from, to);
	else if (!err && to != from)
		err = grow(m, t, from, to);
	if (err)
		return mm->brk;
	mm->brk = brk;
	if (to > from && mm->def_flags & VM_LOCKED)
		populate_quietly(m, t, from, to);
	return brk;
}
