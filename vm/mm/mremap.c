/*
 * mremap(2): shrink, grow in place, move.
 *
 * Order of checks and the move of several VMAs at once are those of Linux
 * 6.17 and later (mm/mremap.c).
 */
#include "../reclaim/reclaim.h"
#include "hugetlb.h"
#include "rmap.h"

struct remap {
	vaddr_t old, to;
	uint64_t old_len, new_len;
	uint64_t cut; /* bytes of the tail that went before the move */
	uint64_t flags;
};

static bool is_fixed(const struct remap *r)
{
	return r->flags & MREMAP_FIXED;
}

static bool keeps_source(const struct remap *r)
{
	return r->flags & MREMAP_DONTUNMAP;
}

static bool names_target(const struct remap *r)
{
	return r->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP);
}

/* ---- checks ------------------------------------------------------------- */

static int check_lengths(struct vm *m, const struct task *t, struct remap *r)
{
	if (r->flags &
		~(uint64_t)(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP))
		return vm_fail(m, EINVAL, "unknown mremap flags 0x%llx",
			(unsigned long long)r->flags);
	if (mm_check_aligned(m, "address", r->old))
		return -EINVAL;
	r->old_len = page_up(m, r->old_len);
	r->new_len = page_up(m, r->new_len);
	if (!r->new_len)
		return vm_fail(m, EINVAL, "the new length is 0");
	if (r->new_len > mm_task_size(m, t))
		return vm_fail(m, EINVAL,
			"the new length %llu is more than user space has",
			(unsigned long long)r->new_len);
	return 0;
}

static int check_target(struct vm *m, const struct task *t, struct remap *r)
{
	const struct mm *mm = mm_at(m, t->mm);

	if (!names_target(r))
		return 0;
	if (r->to > mm_task_size(m, t) - r->new_len || page_offset(m, r->to))
		return vm_fail(m, EINVAL,
			"the new range 0x%llx + %llu is not aligned to pages "
			"or leaves user space",
			(unsigned long long)r->to,
			(unsigned long long)r->new_len);
	if (!(r->flags & MREMAP_MAYMOVE))
		return vm_fail(m, EINVAL,
			"MREMAP_FIXED and MREMAP_DONTUNMAP need "
			"MREMAP_MAYMOVE");
	if (keeps_source(r) && r->old_len != r->new_len)
		return vm_fail(m, EINVAL,
			"MREMAP_DONTUNMAP cannot resize from %llu to %llu",
			(unsigned long long)r->old_len,
			(unsigned long long)r->new_len);
	if (r->old + r->old_len > r->to && r->to + r->new_len > r->old)
		return vm_fail(m, EINVAL,
			"the old range 0x%llx + %llu and the new one 0x%llx "
			"+ %llu overlap",
			(unsigned long long)r->old,
			(unsigned long long)r->old_len,
			(unsigned long long)r->to,
			(unsigned long long)r->new_len);
	if (mm->map_count + 2ull >= m->root->set.max_map_count - 3ull)
		return vm_fail(m, ENOMEM,
			"the process has %u mappings; a move needs five more "
			"below max_map_count = %u",
			mm->map_count, m->root->set.max_map_count);
	return 0;
}

static int check_growth(struct vm *m, const struct task *t, const struct vma *v,
	const struct remap *r)
{
	uint64_t pgoff = vma_pgoff_at(m, v, r->old);
	uint64_t pages = r->new_len >> m->page_shift;
	uint64_t more = r->new_len - r->old_len;
	int err;

	if (pgoff + pages < pgoff)
		return vm_fail(m, EINVAL,
			"the mapping would reach beyond the largest offset");
	if (v->flags & (VM_DONTEXPAND | VM_PFNMAP))
		return vm_fail(m, EFAULT,
			"the mapping at 0x%llx cannot be made larger",
			(unsigned long long)v->start);
	err = mm_may_lock(m, t, v->flags, more, EAGAIN);
	if (err)
		return err;
	return mm_may_expand(m, t, v->flags, more >> m->page_shift);
}

static int nothing_at(struct vm *m, vaddr_t va)
{
	return vm_fail(m, EFAULT, "nothing is mapped at 0x%llx",
		(unsigned long long)va);
}

/* The VMA of the old address, fit for what is asked; NULL with errno. */
static struct vma *check_source(
	struct vm *m, const struct task *t, const struct remap *r)
{
	struct vma *v = vma_lookup(m, t->mm, r->old);
	uint64_t least = r->old_len < r->new_len ? r->old_len : r->new_len;

	if (!v)
		nothing_at(m, r->old);
	else if (v->flags & VM_SEALED)
		vm_fail(m, EPERM, "the mapping at 0x%llx is sealed",
			(unsigned long long)v->start);
	else if (!names_target(r) && r->new_len <= r->old_len)
		return v;
	else if (!r->old_len && !(v->flags & (VM_SHARED | VM_MAYSHARE)))
		vm_fail(m, EINVAL,
			"only a shared mapping can be doubled (old length 0)");
	else if (keeps_source(r) && v->flags & (VM_DONTEXPAND | VM_PFNMAP))
		vm_fail(m, EINVAL,
			"MREMAP_DONTUNMAP is not for special mappings");
	else if (least > v->end - r->old)
		vm_fail(m, EFAULT,
			"0x%llx + %llu reaches past the end of its mapping, "
			"0x%llx",
			(unsigned long long)r->old, (unsigned long long)least,
			(unsigned long long)v->end);
	else if (r->new_len <= r->old_len || !check_growth(m, t, v, r))
		return v;
	return NULL;
}

/* ---- moving one VMA ----------------------------------------------------- */

/*
 * Memory that was never written has no pages that remember where they were:
 * its offset is that of the new place.
 */
static uint64_t moved_pgoff(
	const struct vm *m, const struct vma *v, const struct remap *r)
{
	if (!v->file && !v->special && !v->anon_vma)
		return r->to >> m->page_shift;
	return vma_pgoff_at(m, v, r->old);
}

/* The source stays, empty and unlocked. */
static void empty_source(
	struct vm *m, struct vma *to, idx_t mm, const struct remap *r)
{
	struct vma *v = vma_lookup(m, mm, r->old);

	if (!v)
		return;
	/* Without mm_account(): Linux leaves locked_vm, so VmLck, as it was. */
	v->flags &= ~(uint64_t)VM_LOCKED_MASK;
	if (v != to && v->start == r->old && v->end == r->old + r->old_len) {
		v->anon_vma = 0;
		v->av_multi = 0;
		rmap_leave(m, v);
	}
}

/*
 * What a move of accounted memory adds to Committed_AS: what it grows by, or
 * all of it if the source stays.  Linux (since 6.17) charges the tail that was
 * cut off before the move too, and never gives it back.
 */
static int charge_move(
	struct vm *m, const struct task *t, const struct remap *r)
{
	uint64_t bytes = r->new_len - r->old_len + r->cut;
	int err;

	if (keeps_source(r))
		bytes = r->new_len;
	err = mm_may_commit(m, t, (int64_t)(bytes >> m->page_shift));
	if (!err)
		mm_leak_commit(m, r->cut >> m->page_shift);
	return err;
}

static int may_move(struct vm *m, const struct task *t, const struct vma *v,
	const struct remap *r)
{
	const struct mm *mm = mm_at(m, t->mm);

	if (mm->map_count >= m->root->set.max_map_count - 3)
		return vm_fail(m, ENOMEM,
			"the process has %u mappings; a move needs three more "
			"below max_map_count = %u",
			mm->map_count, m->root->set.max_map_count);
	if (vma_room(m, 4))
		return -ENOMEM;
	return v->flags & VM_ACCOUNT ? charge_move(m, t, r) : 0;
}

/* Page tables that a move of len bytes may need: as many as there are. */
static uint64_t tables_for(const struct vm *m, idx_t mm, uint64_t len)
{
	uint64_t all = mm_at(m, mm)->pgtables >> m->page_shift;
	uint64_t some = len / PMD_SIZE + 2 * m->arch->nr_levels;

	return some < all ? some : all;
}

/*
 * What lies beyond ADDR_LIMIT_3GB since the process took that is not unmapped,
 * as Linux's munmap refuses it: the mapping stays, empty, and is not counted
 * as committed any more, which is never taken back.
 */
static void drop_source(
	struct vm *m, const struct task *t, const struct remap *r)
{
	struct vma *v = vma_lookup(m, t->mm, r->old);

	if (r->old + r->old_len <= mm_task_size(m, t)) {
		unmap_range(m, t->mm, r->old, r->old + r->old_len);
	} else if (v->flags & VM_ACCOUNT) {
		v->flags &= ~VM_ACCOUNT;
		m->root->commit_leaked += (v->end - v->start) >> m->page_shift;
	}
}

/* Moves [old, old + old_len), which lies in one VMA, to the free range at
 * r->to. */
static int copy_and_unmap(struct vm *m, struct task *t, const struct remap *r)
{
	struct vma src = *vma_lookup(m, t->mm, r->old), *n;
	struct vma_range range = {
		.start = r->to,
		.end = r->to + r->new_len,
		.flags = src.flags,
		.pgoff = moved_pgoff(m, &src, r),
		.file = src.file,
		.anon_vma = src.anon_vma,
		.family = src.family,
		.src_multi = src.av_multi,
		.policy = src.policy,
	};
	int err = may_move(m, t, &src, r);

	if (err)
		return err;
	err = mem_reserve(m, GFP_PGTABLE, tables_for(m, t->mm, r->old_len));
	if (err)
		return err;
	if (src.special && r->old_len != src.end - src.start)
		return vm_fail(m, EINVAL,
			"the special mapping at 0x%llx moves as a whole only",
			(unsigned long long)src.start);
	n = vma_merge_new(m, t->mm, &range);
	n->special = src.special;
	if (n->start == r->to && n->end == r->to + r->new_len &&
		n->anon_vma == src.anon_vma)
		n->av_multi = src.av_multi;
	err = move_pages(m, t->mm, r->old, r->to, r->old_len);
	if (err) {
		unmap_range(m, t->mm, r->to, r->to + r->new_len);
		return err;
	}
	/* Promises go along, and all of the source's do. */
	n->hugetlb = src.hugetlb;
	if (src.hugetlb)
		vma_lookup(m, t->mm, r->old)->hugetlb = 0;
	if (keeps_source(r))
		empty_source(m, n, t->mm, r);
	else if (r->old_len)
		drop_source(m, t, r);
	if (src.flags & VM_LOCKED && r->new_len > r->old_len)
		populate_quietly(m, t, r->to + r->old_len, r->to + r->new_len);
	return 0;
}

/* VmPeak does not know of the moment when both places are mapped. */
static int move_vma(struct vm *m, struct task *t, const struct remap *r)
{
	struct mm *mm = mm_at(m, t->mm);
	uint64_t peak = mm->hiwater_vm;
	int err = copy_and_unmap(m, t, r);

	mm->hiwater_vm = peak > mm->total_vm ? peak : mm->total_vm;
	return err;
}

/* ---- the three ways ----------------------------------------------------- */

static vaddr_t choose_target(
	struct vm *m, const struct task *t, const struct remap *r)
{
	const struct vma *v = vma_lookup(m, t->mm, r->old);
	uint64_t map_flags = v->flags & VM_MAYSHARE ? MAP_SHARED : MAP_PRIVATE;

	return mm_unmapped_area(m, t, keeps_source(r) ? r->to : 0, r->new_len,
		map_flags, v->file,
		vma_pgoff_at(m, v, r->old) << m->page_shift);
}

/* Unmaps what the new length leaves off. */
static int cut_tail(struct vm *m, const struct task *t, const struct remap *r)
{
	vaddr_t start = r->old + r->new_len, top = mm_task_size(m, t);

	if (mm_check_user(m, start, r->old_len - r->new_len, top, EINVAL))
		return -EINVAL;
	return unmap_range(m, t->mm, start, r->old + r->old_len);
}

/* To r->to, or where the mapping finds room. */
static int64_t move_away(struct vm *m, struct task *t, struct remap *r)
{
	int err;

	if (!is_fixed(r)) {
		r->to = choose_target(m, t, r);
		if (!r->to)
			return -ENOMEM;
	}
	err = mm_may_map_at(m, t, r->to);
	if (!err)
		err = move_vma(m, t, r);
	return err ? err : (int64_t)r->to;
}

/* FIXED or DONTUNMAP, within one VMA. */
static int64_t move_to(struct vm *m, struct task *t, struct remap r)
{
	int err = 0;

	/* What this unmaps stays unmapped, whatever the move says. */
	if (is_fixed(&r))
		err = unmap_range(m, t->mm, r.to, r.to + r.new_len);
	if (err)
		return err;
	/* An empty old range may lie in the target, and be gone with it. */
	if (!vma_lookup(m, t->mm, r.old))
		return nothing_at(m, r.old);
	if (r.old_len > r.new_len) {
		err = cut_tail(m, t, &r);
		r.cut = r.old_len - r.new_len;
		r.old_len = r.new_len;
	}
	if (err)
		return err;
	if (keeps_source(&r)) {
		err = mm_may_expand(m, t, vma_lookup(m, t->mm, r.old)->flags,
			(int64_t)(r.new_len >> m->page_shift));
		if (err)
			return err;
	}
	return move_away(m, t, &r);
}

/* Of huge pages whole ones move, and none grow. */
static int align_huge(struct vm *m, const struct mm *mm, struct remap *r)
{
	const struct vma *v = vma_lookup(m, (idx_t)(mm - mm_at(m, 0)), r->old);
	uint64_t mask;

	if (!v || !(v->flags & VM_HUGETLB))
		return 0;
	mask = vma_page_bytes(m, v) - 1;
	r->old_len = (r->old_len + mask) & ~mask;
	r->new_len = (r->new_len + mask) & ~mask;
	if (r->old & mask || r->to & mask || r->new_len > r->old_len)
		return vm_fail(m, EINVAL,
			"huge pages of the pool move as whole ones, and their "
			"mappings do not grow");
	return 0;
}

/*
 * FIXED with equal lengths moves every VMA of the range to the same relative
 * place; holes stay holes, and what lies under them stays.
 */
static int64_t move_all(struct vm *m, struct task *t, const struct remap *r)
{
	vaddr_t at = r->old, end = r->old + r->old_len;
	struct vma *v;

	if (!vma_lookup(m, t->mm, at))
		return nothing_at(m, at);
	while ((v = vma_overlap(m, t->mm, at, end))) {
		vaddr_t from = v->start > at ? v->start : at;
		vaddr_t stop = v->end < end ? v->end : end;
		struct remap one = {
			.old = from,
			.to = r->to + (from - r->old),
			.old_len = stop - from,
			.new_len = stop - from,
			.flags = r->flags,
		};
		int64_t ret;

		if (!check_source(m, t, &one))
			return -m->fail.err;
		ret = move_to(m, t, one);
		if (ret < 0)
			return ret;
		at = stop;
	}
	return (int64_t)r->to;
}

/* Whether the VMA ends where the old range does and the space behind is
 * free. */
static bool can_extend(struct vm *m, const struct task *t, const struct vma *v,
	const struct remap *r)
{
	uint64_t more = r->new_len - r->old_len;

	if (v->end - r->old != r->old_len)
		return false;
	if (v->end + more < v->end || v->end + more > mm_task_size(m, t))
		return false;
	return !vma_overlap(m, t->mm, v->end, v->end + more);
}

static int64_t extend(
	struct vm *m, struct task *t, struct vma *v, const struct remap *r)
{
	struct vma_range range = {
		.start = v->end,
		.end = r->old + r->new_len,
		.flags = v->flags,
		.pgoff = vma_pgoff_at(m, v, v->end),
		.file = v->file,
		.anon_vma = v->anon_vma,
		.family = v->family,
		.policy = v->policy,
	};
	int64_t pages = (range.end - range.start) >> m->page_shift;

	if (v->flags & VM_ACCOUNT && mm_may_commit(m, t, pages))
		return -ENOMEM;
	if (vma_room(m, 1))
		return -ENOMEM;
	vma_merge_new(m, t->mm, &range);
	if (range.flags & VM_LOCKED)
		populate_quietly(m, t, range.start, range.end);
	return (int64_t)r->old;
}

static int64_t grow(struct vm *m, struct task *t, struct remap r)
{
	struct vma *v = check_source(m, t, &r);

	if (!v)
		return -m->fail.err;
	if (can_extend(m, t, v, &r))
		return extend(m, t, v, &r);
	if (!(r.flags & MREMAP_MAYMOVE))
		return vm_fail(m, ENOMEM,
			"the mapping cannot grow in place to [0x%llx, +%llu), "
			"and MREMAP_MAYMOVE is not given",
			(unsigned long long)r.old,
			(unsigned long long)r.new_len);
	return move_away(m, t, &r);
}

static int64_t shrink(struct vm *m, struct task *t, const struct remap *r)
{
	int err = 0;

	if (!check_source(m, t, r))
		return -m->fail.err;
	if (r->new_len < r->old_len)
		err = cut_tail(m, t, r);
	return err ? err : (int64_t)r->old;
}

int64_t mm_mremap(struct vm *m, struct task *t, vaddr_t old, uint64_t old_len,
	uint64_t new_len, uint64_t flags, vaddr_t new_addr)
{
	const struct mm *mm = mm_at(m, t->mm);
	struct remap r = {
		.old = old,
		.old_len = old_len,
		.new_len = new_len,
		.flags = flags,
		.to = new_addr,
	};
	int err = check_lengths(m, t, &r);

	if (!err)
		err = check_target(m, t, &r);
	if (!err)
		err = align_huge(m, mm, &r);
	if (err)
		return err;
	if (is_fixed(&r) && r.old_len == r.new_len)
		return move_all(m, t, &r);
	if (names_target(&r))
		return check_source(m, t, &r) ? move_to(m, t, r) : -m->fail.err;
	return r.new_len > r.old_len ? grow(m, t, r) : shrink(m, t, &r);
}
