/*
 * Which mappings may be merged by content: a flag of VMAs.  No page ever is.
 * Source: Linux mm/ksm.c (ksm_compatible, ksm_vma_flags, ksm_enable_merge_any).
 */
#include "mm_i.h"

bool ksm_compatible(uint64_t flags)
{
	return !(flags & (VM_SHARED | VM_MAYSHARE | VM_SPECIAL | VM_HUGETLB |
				 VM_DROPPABLE));
}

uint64_t ksm_flags(const struct mm *mm, uint64_t flags)
{
	return mm->merge_any && ksm_compatible(flags) ? flags | VM_MERGEABLE
						      : flags;
}

void mm_set_merge_any(struct vm *m, idx_t mm, bool on)
{
	struct vma *v;

	if (mm_at(m, mm)->merge_any == on)
		return;
	mm_at(m, mm)->merge_any = on;
	/* neighbours that differ no more stay apart */
	vma_for_each (m, mm_at(m, mm), v) {
		if (!ksm_compatible(v->flags))
			continue;
		vma_set_flags(m, v,
			on ? v->flags | VM_MERGEABLE
			   : v->flags & ~VM_MERGEABLE);
	}
}
