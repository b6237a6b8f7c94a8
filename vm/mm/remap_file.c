/*
 * remap_file_pages(2), which Linux emulates since 4.0: a shared mapping of
 * other pages of the same file, put over the old one.
 * Source: Linux mm/mmap.c.
 */
#include "mm_i.h"

/* The range goes on in mappings that differ from v in nothing but place. */
static bool goes_on(struct vm *m, const struct vma *v, vaddr_t end)
{
	const struct vma *prev = v, *next;

	while (prev->end < end) {
		next = vma_next(m, prev);
		if (!next || next->start != prev->end ||
			next->file != v->file || next->flags != v->flags)
			return false;
		prev = next;
	}
	return true;
}

static int refuse(struct vm *m, const char *why)
{
	return vm_fail(m, EINVAL, "remap_file_pages: %s", why);
}

int64_t mm_remap_file_pages(struct vm *m, struct task *t, vaddr_t start,
	uint64_t size, uint64_t prot, uint64_t pgoff, uint64_t flags)
{
	struct mmap_args a = {.addr = page_down(m, start),
		.len = page_down(m, size),
		.off = pgoff << m->page_shift,
		.flags = MAP_SHARED | MAP_FIXED | MAP_POPULATE |
			 (flags & MAP_NONBLOCK)};
	const struct vma *v;
	int64_t r;

	if (prot)
		return refuse(m, "prot must be 0");
	if (a.addr + a.len <= a.addr)
		return refuse(m, "the range is empty or wraps");
	if (pgoff + (a.len >> m->page_shift) < pgoff)
		return refuse(m, "the page offset wraps");
	v = vma_lookup(m, t->mm, a.addr);
	if (!v || !(v->flags & VM_SHARED))
		return refuse(m, "no shared mapping is there");
	if (!goes_on(m, v, a.addr + a.len))
		return refuse(m, "the range is not one mapping of one file");
	if (pgoff != a.off >> m->page_shift)
		return vm_fail(m, EOVERFLOW,
			"page offset 0x%llx is beyond the largest file offset",
			(unsigned long long)pgoff);
	a.file = v->file;
	a.prot = v->flags & VM_ACCESS;
	if (v->flags & VM_LOCKED)
		a.flags |= MAP_LOCKED;
	file_get(m, a.file);
	r = mm_mmap(m, t, &a);
	file_put(m, a.file);
	return r < 0 ? r : 0;
}
