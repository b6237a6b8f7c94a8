/* msync(2) and mincore(2).  Sources: Linux mm/msync.c, mm/mincore.c. */
#include "mm_i.h"

#include <string.h>

#include "../disk/disk.h"
#include "../mmu/mmu.h"
#include "../swap/swap.h"
#include "hugetlb.h"

#define MS_ASYNC      1u
#define MS_INVALIDATE 2u
#define MS_SYNC	      4u

static int check_msync(struct vm *m, vaddr_t addr, uint64_t flags)
{
	if (flags & ~7ull)
		return vm_fail(m, EINVAL, "unknown msync flags 0x%llx",
			(unsigned long long)flags);
	if (mm_check_aligned(m, "address", addr))
		return -EINVAL;
	if (flags & MS_ASYNC && flags & MS_SYNC)
		return vm_fail(
			m, EINVAL, "MS_ASYNC and MS_SYNC exclude each other");
	return 0;
}

/* Writes the dirty pages of the file that v maps at [start, end). */
static void write_back(
	struct vm *m, const struct vma *v, vaddr_t start, vaddr_t end)
{
	idx_t inode = file_at(m, v->file)->inode;
	uint64_t first = vma_pgoff_at(m, v, start);
	uint64_t last = vma_pgoff_at(m, v, end) - 1;

	if (inode_at(m, inode)->type != INODE_FILE)
		return; /* memory is behind it */
	mm_clean_file(m, inode, first, last);
	cache_sync(m, inode, first, last);
}

int64_t mm_msync(struct vm *m, struct task *t, vaddr_t addr, uint64_t len,
	uint64_t flags)
{
	uint64_t bytes = page_up(m, len);
	vaddr_t end = addr + bytes, at = addr;
	bool holes = false;
	int err = check_msync(m, addr, flags);

	if (!err)
		err = mm_check_wrap(m, addr, bytes, ENOMEM);
	if (err)
		return err;
	while (at < end) {
		const struct vma *v = vma_find(m, t->mm, at);

		if (!v || v->start > at)
			holes = true;
		if (holes && flags == MS_ASYNC)
			break;
		if (!v || v->start >= end)
			break;
		if (flags & MS_INVALIDATE && v->flags & VM_LOCKED)
			return vm_fail(m, EBUSY,
				"MS_INVALIDATE: [0x%llx, 0x%llx) is locked",
				(unsigned long long)v->start,
				(unsigned long long)v->end);
		if (flags & MS_SYNC && v->flags & VM_SHARED && v->file)
			write_back(m, v, at > v->start ? at : v->start,
				end < v->end ? end : v->end);
		at = v->end;
	}
	if (!holes)
		return 0;
	return vm_fail(m, ENOMEM, "a part of 0x%llx + %llu is not mapped",
		(unsigned long long)addr, (unsigned long long)len);
}

/* What is cached of a file tells what others do: only who owns or may write it
 * learns that. */
static bool may_know(const struct vm *m, const struct cred *c, idx_t inode)
{
	const struct inode *n = inode_at(m, inode);

	return c->fsuid == n->uid || c->cap_effective & CAP_BIT(CAP_FOWNER) ||
	       file_right(c, n, 2);
}

/* Of what is neither anonymous nor a file that the caller may know about Linux
 * tells nothing: 1. */
static bool is_resident(const struct vm *m, const struct task *t,
	const struct vma *v, vaddr_t va)
{
	uint32_t slot;
	idx_t inode;
	uint64_t page;
	pfn_t pfn;

	if (v->special || pte_present(m, pt_get(m, mm_at(m, t->mm), va)))
		return true;
	slot = swap_entry_slot(m, pt_get(m, mm_at(m, t->mm), va));
	if (slot)
		return slot_at(m, slot)->frame != PFN_NONE;
	/* Where a table has the place of a huge entry, what is empty there
	 * counts as not resident, be it in the cache or not. */
	if (!v->file ||
		(v->flags & VM_HUGETLB && pt_has_entry(m, mm_at(m, t->mm), va,
						  vma_huge_size(m, v))))
		return false;
	inode = file_at(m, v->file)->inode;
	page = vma_pgoff_at(m, v, va);
	if (!may_know(m, &t->cred, inode))
		return true;
	pfn = cache_lookup(m, inode, page);
	return pfn != PFN_NONE &&
	       (v->flags & VM_HUGETLB || frame_at(m, pfn)->flags & FR_UPTODATE);
}

int64_t mm_mincore(struct vm *m, struct task *t, vaddr_t addr, uint64_t len,
	uint8_t *vec, uint64_t max_pages)
{
	const struct vma *v = NULL;
	vaddr_t end = m->arch->native.task_size;
	uint64_t pages = (len >> m->page_shift) + !!page_offset(m, len);

	if (mm_check_aligned(m, "address", addr))
		return -EINVAL;
	/* Where a 64-bit process ends, whatever the width of this one. */
	if (mm_check_user(m, addr, len, end, ENOMEM))
		return -ENOMEM;
	for (uint64_t i = 0; i < pages; i++, addr += m->page_size) {
		if (!v || addr >= v->end)
			v = vma_lookup(m, t->mm, addr);
		if (!v)
			return vm_fail(m, ENOMEM, "nothing is mapped at 0x%llx",
				(unsigned long long)addr);
		if (i < max_pages)
			vec[i] = is_resident(m, t, v, addr);
		else /* nothing is told about the rest but holes */
			i += ((v->end - addr) >> m->page_shift) - 1,
				addr = v->end - m->page_size;
	}
	return 0;
}
