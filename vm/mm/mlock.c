/* mlock(2) and its family.  Source: Linux mm/mlock.c. */
#include "huge.h"
#include "rmap.h"

#define MLOCK_ONFAULT 1u

#define MCL_CURRENT 1u
#define MCL_FUTURE  2u
#define MCL_ONFAULT 4u

/* ---- locked pages -------------------------------------------------------- */

void mlock_page(struct vm *m, pfn_t pfn)
{
	struct frame *f = frame_at(m, pfn);

	if (!frame_on_lru(f) || f->flags & FR_MLOCKED)
		return;
	lru_move(m, pfn, FR_MLOCKED, FR_ACTIVE);
	m->root->count[CNT_MLOCKED] += 1u << f->order;
	m->root->count[CNT_CULLED] += 1u << f->order;
}

static void find_locked(struct vm *m, const struct rmap_entry *e, void *ctx)
{
	if (e->v->flags & VM_LOCKED)
		*(bool *)ctx = true;
}

void munlock_page(struct vm *m, pfn_t pfn)
{
	struct frame *f = frame_at(m, pfn);
	bool locked = false;

	if (f->flags & FR_LARGE)
		locked = huge_is_locked(m, pfn);
	else
		rmap_walk(m, pfn, find_locked, &locked);
	if (locked || !(f->flags & FR_MLOCKED))
		return;
	lru_move(m, pfn, 0, FR_MLOCKED);
	m->root->count[f->mapcount ? CNT_MUNLOCKED : CNT_MLOCK_CLEARED] +=
		1u << f->order;
	m->root->count[CNT_RESCUED] += f->mapcount ? 1u << f->order : 0;
}

/* A huge page is locked where a huge entry of a locked VMA maps it. */
static void mark_page(struct vm *m, const struct vma *v, uint64_t e)
{
	pfn_t pfn = pte_pfn(m, e);

	if (!pte_present(m, e) || e & m->arch->pte.special)
		return;
	if (frame_at(m, pfn)->flags & FR_LARGE && !pte_huge(m, e))
		return;
	if (v->flags & VM_LOCKED)
		mlock_page(m, pfn);
	else
		munlock_page(m, pfn);
}

/* The pages that v, locked or not any more, has in [start, end). */
static void mark_pages(
	struct vm *m, const struct vma *v, vaddr_t start, vaddr_t end)
{
	uint64_t span;

	for (vaddr_t va = start; va < end; va += span) {
		unsigned first;
		void *tab =
			pt_leaf_table(m, mm_at(m, v->mm), va, &first, &span);

		if (span > end - va)
			span = end - va;
		if (!tab)
			mark_page(m, v, pt_above(m, mm_at(m, v->mm), va));
		for (unsigned i = 0; tab && i < span >> m->page_shift; i++)
			mark_page(m, v, entry_get(m, tab, first + i));
	}
}

/* ---- the calls ----------------------------------------------------------- */

/* Goes on where one VMA refuses: MAP_POPULATE reports nothing, but that the
 * line halts. */
void populate_quietly(struct vm *m, struct task *t, vaddr_t start, vaddr_t end)
{
	struct vma *v;

	while ((v = vma_overlap(m, t->mm, start, end))) {
		vaddr_t from = v->start > start ? v->start : start;
		vaddr_t stop = v->end < end ? v->end : end;

		if (mm_populate(m, t, from, stop) == -EINTR)
			return;
		vm_fail_clear(m);
		start = stop;
	}
}

static int may_lock_at_all(struct vm *m, const struct task *t)
{
	if (t->rlim[RLIM_MEMLOCK].soft || task_capable(t, CAP_IPC_LOCK))
		return 0;
	return vm_fail(m, EPERM,
		"locking memory needs privilege, as RLIMIT_MEMLOCK is 0");
}

/* Pages of [start, end) that are locked already. */
static uint64_t locked_in(struct vm *m, idx_t mm, vaddr_t start, vaddr_t end)
{
	uint64_t n = 0;
	const struct vma *v = vma_overlap(m, mm, start, end);

	for (; v && v->start < end; v = vma_next(m, v)) {
		vaddr_t from = v->start > start ? v->start : start;
		vaddr_t stop = v->end < end ? v->end : end;

		if (v->flags & VM_LOCKED)
			n += (stop - from) >> m->page_shift;
	}
	return n;
}

static int check_limit(
	struct vm *m, const struct task *t, vaddr_t start, uint64_t len)
{
	uint64_t limit = t->rlim[RLIM_MEMLOCK].soft >> m->page_shift;
	uint64_t pages = len >> m->page_shift;
	uint64_t total = pages + mm_at(m, t->mm)->locked_vm;

	if (total > limit && !task_capable(t, CAP_IPC_LOCK))
		total -= locked_in(m, t->mm, start, start + len);
	if (total <= limit || task_capable(t, CAP_IPC_LOCK))
		return 0;
	return vm_fail(m, ENOMEM,
		"%llu bytes would be locked, RLIMIT_MEMLOCK is %llu",
		(unsigned long long)(total << m->page_shift),
		(unsigned long long)t->rlim[RLIM_MEMLOCK].soft);
}

/* Special mappings are resident anyway, droppable ones never for sure: they
 * stay as they are. */
static struct vma *lock_vma(
	struct vm *m, struct vma *v, vaddr_t start, vaddr_t end, uint64_t lock)
{
	uint64_t flags = (v->flags & ~VM_LOCKED_MASK) | lock;

	if (flags == v->flags || v->special ||
		v->flags & (VM_SPECIAL | VM_HUGETLB | VM_DROPPABLE))
		return v;
	v = vma_modify(m, v, start, end, flags);
	if (v)
		mark_pages(m, v, start, end);
	return v;
}

static int no_vma(struct vm *m, vaddr_t va, vaddr_t start, uint64_t lock)
{
	const char *done = lock ? "; what is below it is marked locked"
				: "; what is below it is unlocked";

	return vm_fail(m, ENOMEM, "nothing is mapped at 0x%llx%s",
		(unsigned long long)va, va > start ? done : "");
}

/* Sets the lock flags of [start, end); a hole ends it, what was done stays. */
static int lock_range(
	struct vm *m, idx_t mm, vaddr_t start, vaddr_t end, uint64_t lock)
{
	const vaddr_t from = start;

	while (start < end) {
		struct vma *v = vma_lookup(m, mm, start);
		vaddr_t stop;

		if (!v)
			return no_vma(m, start, from, lock);
		stop = v->end < end ? v->end : end;
		v = lock_vma(m, v, start, stop, lock);
		if (!v)
			return -m->fail.err;
		start = v->end > stop ? v->end : stop;
	}
	return 0;
}

/* Rounds to pages; false for an empty range.  *err is set if it wraps. */
static bool round_range(struct vm *m, vaddr_t *addr, uint64_t *len, int *err)
{
	*len = page_up(m, *len + page_offset(m, *addr));
	*addr = page_down(m, *addr);
	*err = mm_check_wrap(m, *addr, *len, EINVAL);
	return *len && !*err;
}

int64_t mm_mlock(struct vm *m, struct task *t, vaddr_t addr, uint64_t len,
	uint64_t flags)
{
	uint64_t lock = VM_LOCKED;
	int err;

	if (flags & ~(uint64_t)MLOCK_ONFAULT)
		return vm_fail(m, EINVAL, "unknown mlock flags 0x%llx",
			(unsigned long long)flags);
	if (flags & MLOCK_ONFAULT)
		lock |= VM_LOCKONFAULT;
	err = may_lock_at_all(m, t);
	if (err)
		return err;
	len = page_up(m, len + page_offset(m, addr));
	addr = page_down(m, addr);
	err = check_limit(m, t, addr, len);
	if (err || !round_range(m, &addr, &len, &err))
		return err;
	err = lock_range(m, t->mm, addr, addr + len, lock);
	if (err)
		return err;
	err = mm_populate(m, t, addr, addr + len);
	if (!err)
		return 0;
	if (err == -ENOMEM || err == -EAGAIN || err == -EINTR)
		return err;
	vm_fail_clear(m);
	return vm_fail(m, ENOMEM,
		"some pages of 0x%llx + %llu cannot be brought in",
		(unsigned long long)addr, (unsigned long long)len);
}

int64_t mm_munlock(struct vm *m, struct task *t, vaddr_t addr, uint64_t len)
{
	int err;

	if (!round_range(m, &addr, &len, &err))
		return err;
	return lock_range(m, t->mm, addr, addr + len, 0);
}

/* Refusals of single VMAs are ignored. */
static void lock_everything(struct vm *m, struct task *t, uint64_t lock)
{
	struct mm *mm = mm_at(m, t->mm);
	vaddr_t at = 0;
	struct vma *v;

	while ((v = vma_find(m, t->mm, at))) {
		vaddr_t end = v->end;

		v = lock_vma(m, v, v->start, v->end, lock);
		if (!v)
			vm_fail_clear(m);
		at = v && v->end > end ? v->end : end;
	}
	if (lock & VM_LOCKED && mm->last)
		populate_quietly(m, t, 0, mm_task_size(m, t));
}

int64_t mm_mlockall(struct vm *m, struct task *t, uint64_t flags)
{
	struct mm *mm = mm_at(m, t->mm);
	uint64_t limit = t->rlim[RLIM_MEMLOCK].soft >> m->page_shift;
	uint64_t lock = VM_LOCKED;
	int err;

	if (!flags || flags & ~7ull || flags == MCL_ONFAULT)
		return vm_fail(m, EINVAL,
			"mlockall flags are current or future or both, and "
			"then onfault; not 0x%llx",
			(unsigned long long)flags);
	err = may_lock_at_all(m, t);
	if (err)
		return err;
	if (flags & MCL_CURRENT && mm->total_vm > limit &&
		!task_capable(t, CAP_IPC_LOCK))
		return vm_fail(m, ENOMEM,
			"the process has %llu bytes mapped, RLIMIT_MEMLOCK is "
			"%llu",
			(unsigned long long)(mm->total_vm << m->page_shift),
			(unsigned long long)t->rlim[RLIM_MEMLOCK].soft);
	if (flags & MCL_ONFAULT)
		lock |= VM_LOCKONFAULT;
	mm->def_flags &= ~VM_LOCKED_MASK;
	if (flags & MCL_FUTURE)
		mm->def_flags |= lock;
	if (flags & MCL_CURRENT)
		lock_everything(m, t, lock);
	return 0;
}

int64_t mm_munlockall(struct vm *m, struct task *t)
{
	mm_at(m, t->mm)->def_flags &= ~VM_LOCKED_MASK;
	lock_everything(m, t, 0);
	return 0;
}
