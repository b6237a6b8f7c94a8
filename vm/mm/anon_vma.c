/*
 * Identity of anonymous memory.
 *
 * A private VMA gets its anon_vma with the first page that is its own.  The
 * identity says which VMAs may later be joined: two different ones never are.
 * A new VMA borrows the identity of a neighbour that it could have been one
 * with before somebody changed its protection.  Source: Linux mm/vma.c
 * (find_mergeable_anon_vma, anon_vma_compatible).
 */
#include "rmap.h"

static bool could_be_one(
	const struct vm *m, const struct vma *low, const struct vma *high)
{
	return low->end == high->start && low->file == high->file &&
	       mpol_equal(&low->policy, &high->policy) &&
	       !((low->flags ^ high->flags) & ~(VM_ACCESS | VM_STICKY)) &&
	       vma_pgoff_at(m, low, low->end) == high->pgoff;
}

static bool lends(const struct vma *v, const struct vma *to)
{
	return v->anon_vma && !v->av_multi &&
	       families_fit(v->family, to->family);
}

static void borrow(struct vm *m, struct vma *v, const struct vma *from)
{
	v->anon_vma = from->anon_vma;
	if (!v->family)
		rmap_join(m, v, from->family);
}

void anon_vma_prepare(struct vm *m, struct vma *v)
{
	const struct vma *prev = vma_prev(m, v), *next = vma_next(m, v);

	if (v->anon_vma)
		return;
	v->av_multi = 0;
	if (next && lends(next, v) && could_be_one(m, v, next)) {
		borrow(m, v, next);
	} else if (prev && lends(prev, v) && could_be_one(m, prev, v)) {
		borrow(m, v, prev);
	} else {
		v->anon_vma = ++m->root->next_anon_vma;
		if (!v->family)
			rmap_join(m, v, 0);
	}
}
