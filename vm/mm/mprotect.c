/*
 * mprotect(2).  VMA by VMA: what was changed before a hole or a refusal stays
 * changed, as on Linux.  Source: Linux mm/mprotect.c.
 */
#include "mm_i.h"

#include "huge.h"
#include "hugetlb.h"

/*
 * Whether a page may get its write permission back without a fault: it is the
 * process's own, or memory of a shared object, or a file page that is dirty
 * already.
 */
static bool write_at_once(const struct vm *m, const struct vma *v, uint64_t pte)
{
	const struct frame *f = frame_at(m, pte_pfn(m, pte));

	if (!(v->flags & VM_WRITE) || soft_dirty_waits(m, v, pte))
		return false;
	if (f->state == FRAME_ANON)
		return f->flags & FR_EXCLUSIVE;
	if (!(v->flags & VM_SHARED))
		return false;
	return f->state == FRAME_SHMEM || pte & m->arch->pte.dirty;
}

static uint64_t pte_modify(const struct vm *m, const struct vma *v, uint64_t e)
{
	const struct pte_bits *b = &m->arch->pte;
	uint64_t keep = pte_stored(m) | b->special;
	uint64_t n = pte_make(m, pte_pfn(m, e), v->flags, false);

	n = (n & ~keep) | (e & keep);
	if (n & b->present && write_at_once(m, v, e))
		n |= b->write;
	return n;
}

/* Gives the pages of [start, end) the rights of v. */
static void change_ptes(
	struct vm *m, const struct vma *v, vaddr_t start, vaddr_t end)
{
	const struct mm *mm = mm_at(m, v->mm);
	vaddr_t va = start;

	if (v->flags & VM_HUGETLB) {
		hugetlb_protect(m, v, start, end);
		return;
	}
	while (va < end) {
		unsigned first;
		uint64_t span, e;

		if (huge_piece(m, v->mm, va, end)) {
			huge_protect(m, v, va);
			va += huge_size(m);
			continue;
		}
		if (!pt_leaf_table(m, mm, va, &first, &span)) {
			va = end - va > span ? va + span : end;
			continue;
		}
		e = pt_get(m, mm, va);
		if (pte_present(m, e))
			pt_set(m, v->mm, va, pte_modify(m, v, e));
		va += m->page_size;
	}
	tlb_flush_range(m, v->mm, start, end);
}

/* What the change does to Committed_AS and RLIMIT_DATA; flags of the VMA in
 * *flags. */
static int account_change(struct vm *m, const struct task *t,
	const struct vma *v, uint64_t pages, uint64_t *flags)
{
	uint64_t counted =
		VM_ACCOUNT | VM_WRITE | VM_HUGETLB | VM_SHARED | VM_NORESERVE;
	int err;

	if (!(*flags & VM_WRITE)) {
		if (!v->file && !v->special && !v->anon_vma)
			*flags &= ~VM_ACCOUNT;
		return 0;
	}
	err = mm_may_expand(m, t, *flags, (int64_t)pages);
	if (err) {
		/* Beyond the limit already: no reason to refuse this. */
		if (mm_may_expand(m, t, v->flags, (int64_t)pages) == 0)
			return err;
		vm_fail_clear(m);
	}
	if (v->flags & counted)
		return 0;
	*flags |= VM_ACCOUNT;
	return mm_may_commit(m, t, (int64_t)pages);
}

static int check_rights(struct vm *m, const struct vma *v, uint64_t flags)
{
	uint64_t may = flags >> 4; /* VM_MAYREAD to the place of VM_READ */

	if (flags & ~may & VM_ACCESS)
		return vm_fail(m, EACCES,
			"the mapping [0x%llx, 0x%llx) may not get the rights "
			"%s%s%s",
			(unsigned long long)v->start,
			(unsigned long long)v->end, flags & VM_READ ? "r" : "-",
			flags & VM_WRITE ? "w" : "-",
			flags & VM_EXEC ? "x" : "-");
	if (mm_denies_exec(m, v->mm, v->flags, flags))
		return -EACCES;
	if (v->flags & VM_SEALED)
		return vm_fail(m, EPERM,
			"the mapping [0x%llx, 0x%llx) is sealed",
			(unsigned long long)v->start,
			(unsigned long long)v->end);
	return 0;
}

/* Changes [start, end) inside v; *done is where the result ends. */
static int protect_vma(struct vm *m, struct task *t, struct vma *v,
	vaddr_t start, vaddr_t end, uint64_t prot, vaddr_t *done)
{
	uint64_t old = v->flags;
	uint64_t flags = (old & ~VM_ACCESS) | prot;
	int err;

	*done = end;
	if (prot & VM_READ && t->personality & READ_IMPLIES_EXEC &&
		old & VM_MAYEXEC)
		flags |= VM_EXEC;
	err = check_rights(m, v, flags);
	if (err || flags == old)
		return err;
	err = account_change(m, t, v, (end - start) >> m->page_shift, &flags);
	if (err)
		return err;
	v = vma_modify(m, v, start, end, flags);
	if (!v)
		return -m->fail.err;
	*done = v->end > end ? v->end : end;
	change_ptes(m, v, start, end);
	if ((old & (VM_WRITE | VM_SHARED | VM_LOCKED)) == VM_LOCKED &&
		flags & VM_WRITE && !(flags & VM_LOCKONFAULT) &&
		mm_fault_in(m, t, v, start, end, true))
		vm_fail_clear(m);
	return 0;
}

/* A hole at va; the change began at start. */
static int unmapped_at(struct vm *m, vaddr_t va, vaddr_t start)
{
	return vm_fail(m, ENOMEM, "nothing is mapped at 0x%llx%s",
		(unsigned long long)va,
		va > start ? "; what is below it has its new rights" : "");
}

static int protect_range(
	struct vm *m, struct task *t, vaddr_t start, vaddr_t end, uint64_t prot)
{
	const vaddr_t from = start;

	while (start < end) {
		struct vma *v = vma_lookup(m, t->mm, start);
		vaddr_t stop;
		int err;

		if (!v)
			return unmapped_at(m, start, from);
		stop = v->end < end ? v->end : end;
		err = protect_vma(m, t, v, start, stop, prot, &start);
		if (err)
			return err;
	}
	return 0;
}

/* PROT_GROWSDOWN extends the change down to the start of the stack. */
static int grows_start(struct vm *m, struct task *t, uint64_t prot,
	vaddr_t *start, vaddr_t end)
{
	const struct vma *v = vma_find(m, t->mm, *start);

	if (!v || v->start >= end)
		return unmapped_at(m, *start, *start);
	if (prot & PROT_GROWSDOWN) {
		*start = v->start;
		if (v->flags & VM_GROWSDOWN)
			return 0;
		return vm_fail(m, EINVAL,
			"PROT_GROWSDOWN: the mapping at 0x%llx does not grow",
			(unsigned long long)v->start);
	}
	if (v->start > *start)
		return unmapped_at(m, *start, *start);
	if (prot & PROT_GROWSUP)
		return vm_fail(m, EINVAL,
			"PROT_GROWSUP: no mapping of this architecture grows "
			"upwards");
	return 0;
}

int64_t mm_mprotect(
	struct vm *m, struct task *t, vaddr_t addr, uint64_t len, uint64_t prot)
{
	uint64_t grows = PROT_GROWSDOWN | PROT_GROWSUP;
	uint64_t rwx = PROT_READ | PROT_WRITE | PROT_EXEC;
	vaddr_t end = addr + page_up(m, len);
	int err;

	if ((prot & grows) == grows)
		return vm_fail(m, EINVAL,
			"PROT_GROWSDOWN and PROT_GROWSUP exclude each other");
	if (mm_check_aligned(m, "address", addr))
		return -EINVAL;
	if (!len)
		return 0;
	if (mm_check_wrap(m, addr, len, ENOMEM))
		return -ENOMEM;
	if (prot & ~(grows | rwx | PROT_SEM))
		return vm_fail(m, EINVAL, "unknown protection bits 0x%llx",
			(unsigned long long)(prot & ~(grows | rwx)));
	err = grows_start(m, t, prot, &addr, end);
	return err ? err : protect_range(m, t, addr, end, prot & rwx);
}
