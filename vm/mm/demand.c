/* How many frames a fault will take: for a policy that counts them. */
#include "../disk/disk.h"
#include "../phys/lru.h"
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

unsigned fault_needs(struct vm *m, const struct vma *v, vaddr_t va, bool write)
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
