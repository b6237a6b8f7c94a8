/*
 * Single VMAs: insertion, splitting, and joining with neighbours.
 *
 * Two adjacent ranges join when nothing but their addresses differs: flags,
 * open file, continuous page offset, and an anon_vma that is the same or
 * missing on one side.  Source: Linux mm/vma.c (vma_merge_new_range,
 * vma_merge_existing_range, is_mergeable_anon_vma).
 */
#include "mm_i.h"

#include "../disk/disk.h"
#include "huge.h"
#include "hugetlb.h"
#include "khugepaged.h"
#include "rmap.h"
#include "../slab/slab.h"

int vma_room(struct vm *m, unsigned n)
{
	uint64_t max = m->arena.seg[SEG_VMA].reserved / sizeof(struct vma) - 2;

	if (pool_live(m, SEG_VMA) + (uint64_t)n <= max)
		return object_reserve(m, CACHE_VMA, n);
	return vm_fail(m, ENOMEM,
		"the machine's table of VMAs is full at %llu entries",
		(unsigned long long)max);
}

static void list_add(struct vm *m, struct mm *mm, struct vma *v)
{
	idx_t i = vma_index(m, v);
	struct vma *next = vma_find(m, v->mm, v->start);

	v->next = next ? vma_index(m, next) : 0;
	v->prev = next ? next->prev : mm->last;
	if (next)
		next->prev = i;
	else
		mm->last = i;
	if (v->prev)
		vma_at(m, v->prev)->next = i;
	else
		mm->first = i;
	mm->map_count++;
}

static void list_del(struct vm *m, struct mm *mm, struct vma *v)
{
	if (v->next)
		vma_at(m, v->next)->prev = v->prev;
	else
		mm->last = v->prev;
	if (v->prev)
		vma_at(m, v->prev)->next = v->next;
	else
		mm->first = v->next;
	mm->map_count--;
}

/* Everything of tmpl but its place in the list. */
static struct vma *vma_add(struct vm *m, const struct vma *tmpl)
{
	paddr_t object = object_alloc(m, CACHE_VMA);
	idx_t i = object ? pool_alloc(m, SEG_VMA) : 0;
	struct vma *v = vma_at(m, i);

	if (!i) {
		slab_free(m, object);
		return NULL;
	}
	*v = *tmpl;
	v->object = object;
	list_add(m, mm_at(m, v->mm), v);
	vma_tree_add(m, v);
	mm_account(m, mm_at(m, v->mm), v->flags, vma_pages(m, v));
	if (v->file)
		file_get(m, v->file);
	rmap_add(m, v);
	return v;
}

idx_t mm_insert(struct vm *m, idx_t mm, vaddr_t start, vaddr_t end,
	uint64_t vm_flags, idx_t file, uint64_t pgoff, enum vma_special special)
{
	struct vma tmpl = {
		.start = start,
		.end = end,
		.flags = vm_flags,
		.pgoff = pgoff,
		.mm = mm,
		.file = file,
		.special = special,
	};
	struct vma *v = vma_add(m, &tmpl);

	return v ? vma_index(m, v) : 0;
}

void vma_remove(struct vm *m, struct vma *v)
{
	struct mm *mm = mm_at(m, v->mm);
	idx_t file = v->file;

	mm_account(m, mm, v->flags, -(int64_t)vma_pages(m, v));
	rmap_del(m, v);
	vma_tree_del(m, v);
	list_del(m, mm, v);
	slab_free(m, v->object);
	pool_free(m, SEG_VMA, vma_index(m, v));
	if (file)
		file_put(m, file);
}

void vma_resize(struct vm *m, struct vma *v, vaddr_t start, vaddr_t end)
{
	struct mm *mm = mm_at(m, v->mm);
	int64_t was = vma_pages(m, v);

	huge_split_at(m, v, start);
	huge_split_at(m, v, end);

	v->pgoff += (int64_t)(start - v->start) >> m->page_shift;
	v->start = start;
	v->end = end;
	mm_account(m, mm, v->flags, (int64_t)vma_pages(m, v) - was);
	vma_tree_update(m, v);
}

void vma_set_flags(struct vm *m, struct vma *v, uint64_t flags)
{
	struct mm *mm = mm_at(m, v->mm);
	int64_t n = vma_pages(m, v);

	mm_account(m, mm, v->flags, -n);
	v->flags = flags;
	mm_account(m, mm, v->flags, n);
}

struct vma *vma_split(struct vm *m, struct vma *v, vaddr_t at, bool limit)
{
	struct mm *mm = mm_at(m, v->mm);
	struct vma upper = *v, *n;
	vaddr_t end = v->end;

	if (v->special) {
		vm_fail(m, EINVAL,
			"the special mapping [%llx, %llx) cannot be split at "
			"%llx",
			(unsigned long long)v->start,
			(unsigned long long)v->end, (unsigned long long)at);
		return NULL;
	}
	if (v->flags & VM_HUGETLB && at & (vma_page_bytes(m, v) - 1)) {
		vm_fail(m, EINVAL,
			"[%llx, %llx) has huge pages: it cannot be split at "
			"%llx",
			(unsigned long long)v->start,
			(unsigned long long)v->end, (unsigned long long)at);
		return NULL;
	}
	if (limit && mm->map_count >= m->root->set.max_map_count) {
		vm_fail(m, ENOMEM,
			"splitting [%llx, %llx) at %llx needs one more VMA "
			"than max_map_count = %u",
			(unsigned long long)v->start,
			(unsigned long long)v->end, (unsigned long long)at,
			m->root->set.max_map_count);
		return NULL;
	}
	if (vma_room(m, 1))
		return NULL;
	upper.start = at;
	upper.pgoff = vma_pgoff_at(m, v, at);
	vma_resize(m, v, v->start, at);
	n = vma_add(m, &upper);
	if (!n)
		vma_resize(m, v, v->start, end);
	else
		m->root->count[CNT_VMA_SPLIT]++;
	return n;
}

/* Whether the range could become part of v, apart from where they lie. */
static bool same_kind(const struct vma *v, const struct vma_range *r)
{
	return !((v->flags ^ r->flags) & ~VM_STICKY) && v->file == r->file &&
	       !v->special && !(r->flags & VM_SPECIAL) &&
	       mpol_equal(&v->policy, &r->policy);
}

static bool anon_vma_fits(const struct vma *v, const struct vma_range *r)
{
	if (!families_fit(v->family, r->family))
		return false;
	if (!v->anon_vma && r->anon_vma)
		return !r->src_multi;
	if (v->anon_vma && !r->anon_vma)
		return !v->av_multi;
	return v->anon_vma == r->anon_vma;
}

static bool joins_left(
	const struct vm *m, const struct vma *prev, const struct vma_range *r)
{
	return prev && prev->end == r->start && same_kind(prev, r) &&
	       vma_pgoff_at(m, prev, prev->end) == r->pgoff &&
	       anon_vma_fits(prev, r);
}

static bool joins_right(
	const struct vm *m, const struct vma *next, const struct vma_range *r)
{
	uint64_t pages = (r->end - r->start) >> m->page_shift;

	return next && next->start == r->end && same_kind(next, r) &&
	       next->pgoff == r->pgoff + pages && anon_vma_fits(next, r);
}

/* A bridge joins two neighbours whose own identities must agree. */
static bool neighbours_agree(const struct vma *prev, const struct vma *next)
{
	if (!families_fit(prev->family, next->family))
		return false;
	return !prev->anon_vma || !next->anon_vma ||
	       prev->anon_vma == next->anon_vma;
}

/* Before `from`, whose pages `to` gets, goes or shrinks. */
static void take_anon_vma(struct vm *m, struct vma *to, const struct vma *from)
{
	if (from->family && !to->family)
		rmap_join(m, to, from->family);
	if (to->anon_vma || !from->anon_vma)
		return;
	to->anon_vma = from->anon_vma;
	to->av_multi = from->av_multi;
}

static struct vma *add_new(struct vm *m, const struct vma *tmpl)
{
	struct vma *v = vma_add(m, tmpl);

	if (v && v->file)
		khugepaged_enter(m, v);
	return v;
}

struct vma *vma_merge_new(struct vm *m, idx_t mm, const struct vma_range *r)
{
	struct vma *next = vma_find(m, mm, r->start), *prev;
	const struct vma src = {.anon_vma = r->anon_vma,
		.family = r->family,
		.av_multi = r->src_multi};
	uint64_t sticky = r->flags & VM_STICKY;
	bool left, right;

	prev = next ? vma_prev(m, next)
		    : (mm_at(m, mm)->last ? vma_at(m, mm_at(m, mm)->last)
					  : NULL);
	left = joins_left(m, prev, r);
	right = joins_right(m, next, r);
	if (left && right && !neighbours_agree(prev, next))
		right = false;
	if (left || right)
		m->root->count[CNT_VMA_MERGE]++;
	if (left && right) {
		struct vma gone = *next;

		take_anon_vma(m, prev, next);
		vma_remove(m, next);
		vma_resize(m, prev, prev->start, gone.end);
		prev->flags |= sticky | (gone.flags & VM_STICKY);
		take_anon_vma(m, prev, &src);
		khugepaged_enter(m, prev);
		return prev;
	}
	if (left || right) {
		struct vma *v = left ? prev : next;

		if (left)
			vma_resize(m, v, v->start, r->end);
		else
			vma_resize(m, v, r->start, v->end);
		v->flags |= sticky;
		take_anon_vma(m, v, &src);
		khugepaged_enter(m, v);
		return v;
	}
	return add_new(m, &(struct vma){
				  .start = r->start,
				  .end = r->end,
				  .pgoff = r->pgoff,
				  .flags = r->flags,
				  .mm = mm,
				  .file = r->file,
				  .anon_vma = r->anon_vma,
				  .family = r->family,
				  .policy = r->policy,
			  });
}

/* [start, end) of v goes to its left neighbour, all the way to the right one
 * if `both`. */
static struct vma *give_left(
	struct vm *m, struct vma *v, struct vma *prev, vaddr_t end, bool both)
{
	struct vma *next = vma_next(m, v);
	struct vma was = *v;

	if (both)
		take_anon_vma(m, prev, next);
	take_anon_vma(m, prev, v);
	if (both) {
		struct vma gone = *next;

		vma_remove(m, v);
		vma_remove(m, next);
		vma_resize(m, prev, prev->start, gone.end);
		prev->flags |= gone.flags & VM_STICKY;
	} else {
		if (end == was.end)
			vma_remove(m, v);
		else
			vma_resize(m, v, end, was.end);
		vma_resize(m, prev, prev->start, end);
	}
	prev->flags |= was.flags & VM_STICKY;
	return prev;
}

static struct vma *give_right(
	struct vm *m, struct vma *v, struct vma *next, vaddr_t start)
{
	struct vma was = *v;

	take_anon_vma(m, next, v);
	if (start == was.start)
		vma_remove(m, v);
	else
		vma_resize(m, v, was.start, start);
	vma_resize(m, next, start, next->end);
	next->flags |= was.flags & VM_STICKY;
	return next;
}

static struct vma *modify(struct vm *m, struct vma *v, vaddr_t start,
	vaddr_t end, uint64_t flags, const struct mempolicy *policy)
{
	struct vma *prev = vma_prev(m, v), *next = vma_next(m, v);
	struct vma_range r = {
		.start = start,
		.end = end,
		.flags = flags,
		.pgoff = vma_pgoff_at(m, v, start),
		.file = v->file,
		.anon_vma = v->anon_vma,
		.family = v->family,
		.src_multi = v->av_multi,
		.policy = *policy,
	};
	bool plain = !v->special;
	bool left = plain && start == v->start && joins_left(m, prev, &r);
	bool right = plain && end == v->end && joins_right(m, next, &r);

	if (left && right && !neighbours_agree(prev, next))
		right = false;
	if (left || right)
		m->root->count[CNT_VMA_MERGE]++;
	if (left)
		return give_left(m, v, prev, end, right);
	if (right)
		return give_right(m, v, next, start);
	if (start > v->start) {
		v = vma_split(m, v, start, true);
		if (!v)
			return NULL;
	}
	if (end < v->end && !vma_split(m, v, end, true))
		return NULL;
	vma_set_flags(m, v, flags);
	v->policy = r.policy;
	return v;
}

struct vma *vma_modify(
	struct vm *m, struct vma *v, vaddr_t start, vaddr_t end, uint64_t flags)
{
	return modify(m, v, start, end, flags, &v->policy);
}

struct vma *vma_modify_policy(struct vm *m, struct vma *v, vaddr_t start,
	vaddr_t end, const struct mempolicy *policy)
{
	return modify(m, v, start, end, v->flags, policy);
}

size_t vma_name(const struct vm *m, const struct mm *mm, const struct vma *v,
	char *buf, size_t size)
{
	static const char *const special[] = {
		[VMA_VVAR] = "[vvar]",
		[VMA_VVAR_VCLOCK] = "[vvar_vclock]",
		[VMA_VDSO] = "[vdso]",
	};

	if (v->file)
		return disk_path(m, file_at(m, v->file)->inode, buf, size);
	if (v->special)
		return vm_snprintf(buf, size, "%s", special[v->special]);
	if (v->start < mm->brk && v->end > mm->start_brk)
		return vm_snprintf(buf, size, "[heap]");
	if (v->start <= mm->start_stack && v->end >= mm->start_stack)
		return vm_snprintf(buf, size, "[stack]");
	if (size)
		buf[0] = '\0';
	return 0;
}
