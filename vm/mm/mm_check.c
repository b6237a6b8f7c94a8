/* The invariants of the address spaces; part of vm_check(). */
#include "mm_i.h"

#include "../disk/disk.h"

/* What the VMAs of one mm add up to. */
struct sums {
	uint32_t count;
	uint64_t committed;
	struct mm total;
};

/* Some have mappings that they made without ADDR_LIMIT_3GB. */
static vaddr_t user_end(const struct vm *m, const struct mm *mm)
{
	return mm->compat == MM_NATIVE ? mm->task_size
				       : m->arch->compat.task_size;
}

static int check_vma(
	struct vm *m, idx_t i, const struct mm *mm, const struct vma *v)
{
	const struct vma *prev = v->prev ? vma_at(m, v->prev) : NULL;

	if (v->mm != i || v->start >= v->end || v->end > user_end(m, mm) ||
		page_offset(m, v->start) || page_offset(m, v->end))
		return vm_fail(m, EIO,
			"mm %u: the VMA [0x%llx, 0x%llx) is no range of pages "
			"of it",
			i, (unsigned long long)v->start,
			(unsigned long long)v->end);
	if (prev && (prev->end > v->start || vma_next(m, prev) != v))
		return vm_fail(m, EIO,
			"mm %u: the VMAs at 0x%llx and 0x%llx overlap or are "
			"out of order",
			i, (unsigned long long)prev->start,
			(unsigned long long)v->start);
	if (v->anon_vma > m->root->next_anon_vma)
		return vm_fail(m, EIO,
			"mm %u: the VMA at 0x%llx has anon_vma %u, the newest "
			"is %u",
			i, (unsigned long long)v->start, v->anon_vma,
			m->root->next_anon_vma);
	return 0;
}

static void sum_vma(const struct vm *m, struct sums *s, const struct vma *v)
{
	uint64_t n = vma_pages(m, v), f = v->flags;

	s->count++;
	s->total.total_vm += n;
	if (vma_is_data(f))
		s->total.data_vm += n;
	if (f & VM_GROWSDOWN)
		s->total.stack_vm += n;
	if (f & VM_LOCKED)
		s->total.locked_vm += n;
	if (f & VM_ACCOUNT)
		s->committed += n;
}

static int differs(
	struct vm *m, idx_t i, const char *what, uint64_t have, uint64_t want)
{
	if (have == want)
		return 0;
	return vm_fail(m, EIO, "mm %u: %s is %llu, its VMAs add up to %llu", i,
		what, (unsigned long long)have, (unsigned long long)want);
}

static int check_one(struct vm *m, idx_t i, uint64_t *committed)
{
	const struct mm *mm = mm_at(m, i);
	struct sums s = {0};
	struct vma *v;
	idx_t last = 0;
	int err = 0;

	vma_for_each (m, mm, v) {
		err = check_vma(m, i, mm, v);
		if (err)
			return err;
		sum_vma(m, &s, v);
		last = vma_index(m, v);
	}
	*committed += s.committed;
	if (differs(m, i, "map_count", mm->map_count, s.count) ||
		differs(m, i, "last", mm->last, last) ||
		differs(m, i, "total_vm", mm->total_vm, s.total.total_vm) ||
		differs(m, i, "data_vm", mm->data_vm, s.total.data_vm) ||
		differs(m, i, "stack_vm", mm->stack_vm, s.total.stack_vm))
		return -EIO;
	/* MREMAP_DONTUNMAP of locked memory leaves it too high. */
	if (mm->locked_vm < s.total.locked_vm &&
		differs(m, i, "locked_vm", mm->locked_vm, s.total.locked_vm))
		return -EIO;
	return vma_tree_check(m, i);
}

int mm_check(struct vm *m)
{
	uint64_t committed = m->root->commit_leaked;

	for (idx_t i = 1; i < m->root->pool[SEG_MM].nr; i++) {
		/* a free slot has no page table */
		int err = mm_at(m, i)->pgd ? check_one(m, i, &committed) : 0;

		if (err)
			return err;
	}
	for (idx_t i = 1; i < m->root->pool[SEG_INODE].nr; i++)
		committed += inode_at(m, i)->committed;
	if (m->root->committed == committed)
		return 0;
	return vm_fail(m, EIO,
		"%llu pages are committed, mappings and objects add up to "
		"%llu",
		(unsigned long long)m->root->committed,
		(unsigned long long)committed);
}
