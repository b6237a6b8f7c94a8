/*
 * Identity of anonymous memory.
 *
 * A private VMA gets its anon_vma with the first page that is its own.  The
 * identity says which VMAs may later be joined: two different ones never are.
 * A new VMA borrows the identity of a neighbour that it could have been one
 * with before somebody changed its protection.  Source: Linux mm/vma.c
 * (find_mergeable_anon_vma, anon_vma_compatible).
 */
#include "mm_i.h"

static bool could_be_one(
	const struct vm *m, const struct vma *low, const struct vma *high)
{
	return low->end == high->start && low->file == high->file &&
	       !((low->flags ^ high->flags) & ~(VM_ACCESS | VM_STICKY)) &&
	       vma_pgoff_at(m, low, low->end) == high->pgoff;
}

static bool lends(const struct vma *v)
{
	return v->anon_vma && !v->av_multi;
}

void anon_vma_prepare(struct vm *m, struct vma *v)
{
	const struct vma *prev = vma_prev(m, v), *next = vma_next(m, v);

	if (v->anon_vma)
		return;
	v->av_multi = 0;
	if (next && lends(next) && could_be_one(m, v, next))
		v->anon_vma = next->anon_vma;
	else if (prev && lends(prev) && could_be_one(m, prev, v))
		v->anon_vma = prev->anon_vma;
	else
		v->anon_vma = ++m->root->next_anon_vma;
}
