/*
 * mseal(2): mappings whose place, rights and contents stay.  The refusals are
 * in the calls themselves.  Source: Linux mm/mseal.c (6.17).
 */
#include "mm_i.h"

static int check_mseal(struct vm *m, vaddr_t addr, uint64_t len, uint64_t flags)
{
	if (flags)
		return vm_fail(m, EINVAL, "mseal takes no flags, not 0x%llx",
			(unsigned long long)flags);
	if (mm_check_aligned(m, "address", addr) ||
		mm_check_wrap(m, addr, len, EINVAL))
		return -EINVAL;
	return 0;
}

/* All of it is mapped, or nothing is sealed. */
static int check_mapped(struct vm *m, idx_t mm, vaddr_t at, vaddr_t end)
{
	while (at < end) {
		const struct vma *v = vma_lookup(m, mm, at);

		if (!v)
			return vm_fail(m, ENOMEM, "nothing is mapped at 0x%llx",
				(unsigned long long)at);
		at = v->end;
	}
	return 0;
}

int64_t mm_mseal(struct vm *m, struct task *t, vaddr_t addr, uint64_t len,
	uint64_t flags)
{
	int err = check_mseal(m, addr, len, flags);
	vaddr_t end = addr + page_up(m, len);

	if (!err)
		err = check_mapped(m, t->mm, addr, end);
	while (!err && addr < end) {
		struct vma *v = vma_lookup(m, t->mm, addr);
		vaddr_t stop = v->end < end ? v->end : end;

		if (!(v->flags & VM_SEALED))
			v = vma_modify(m, v, addr, stop, v->flags | VM_SEALED);
		if (!v)
			return -m->fail.err;
		addr = v->end;
	}
	return err;
}
