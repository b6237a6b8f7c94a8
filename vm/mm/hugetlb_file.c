/* The files that huge pages of the pools belong to. */
#include "../disk/disk.h"
#include "../task/task.h"
#include "hugetlb.h"

static idx_t make_huge(
	struct vm *m, idx_t i, unsigned huge_size, uint64_t bytes)
{
	if (!i)
		return 0;
	inode_at(m, i)->huge_size = huge_size;
	inode_at(m, i)->size = bytes;
	return i;
}

idx_t hugetlb_create(
	struct vm *m, const char *name, unsigned huge_size, uint64_t bytes)
{
	return make_huge(
		m, shmem_named(m, INODE_HUGETLB, name), huge_size, bytes);
}

idx_t hugetlb_memfd(struct vm *m, const char *name, unsigned huge_size)
{
	return make_huge(m, shmem_memfd(m, INODE_HUGETLB, name), huge_size, 0);
}

unsigned hugetlb_size_of_flags(const struct vm *m, uint64_t flags)
{
	unsigned log2 = flags >> MAP_HUGE_SHIFT & MAP_HUGE_MASK;

	if (!log2)
		return 1;
	for (unsigned size = 1; size <= hugetlb_sizes(m); size++)
		if (pt_shift(m, size) == log2)
			return size;
	return 0;
}

unsigned hugetlb_file_size(const struct vm *m, idx_t file)
{
	const struct inode *n;

	if (!file)
		return 0;
	n = inode_at(m, file_at(m, file)->inode);
	return n->type == INODE_HUGETLB ? n->huge_size : 0;
}

void hugetlb_truncate(struct vm *m, struct inode *n, uint64_t first)
{
	uint64_t at = first, there = n->nr_cached, promised = n->nr_blocks;
	pfn_t pfn;

	for (; (pfn = radix_next(m, n->cache, &at)); at++) {
		radix_del(m, &n->cache, at);
		n->nr_cached--;
		hugetlb_give(m, pfn);
	}
	for (at = first; radix_next(m, n->blocks, &at); at++) {
		radix_del(m, &n->blocks, at);
		n->nr_blocks--;
	}
	there -= n->nr_cached;
	promised -= n->nr_blocks;
	hugetlb_unpromise(m, n->huge_size, promised - there);
}

/* Promises what a shared mapping lacks. */
static int promise_shared(
	struct vm *m, struct inode *n, uint64_t first, uint64_t nr)
{
	uint64_t missing = 0;

	for (uint64_t i = 0; i < nr; i++)
		missing += !radix_get(m, n->blocks, first + i);
	if (radix_room(m, nr) || hugetlb_promise(m, n->huge_size, missing))
		return -ENOMEM;
	for (uint64_t i = 0; i < nr; i++)
		if (!radix_get(m, n->blocks, first + i))
			radix_set(m, &n->blocks, first + i, 1);
	n->nr_blocks += missing;
	return 0;
}

int hugetlb_map(struct vm *m, idx_t file, uint64_t pgoff, uint64_t pages,
	uint64_t vm_flags)
{
	struct inode *n = inode_at(m, file_at(m, file)->inode);
	unsigned order = size_order(m, n->huge_size);
	uint64_t first = pgoff >> order, nr = pages >> order;
	uint64_t end = (pgoff + pages) << m->page_shift;
	int err = 0;

	if (pgoff & ((1u << order) - 1))
		return vm_fail(m, EINVAL,
			"offset 0x%llx is not a multiple of the huge page "
			"size %llu",
			(unsigned long long)(pgoff << m->page_shift),
			1ull << pt_shift(m, n->huge_size));
	if (!(vm_flags & VM_NORESERVE))
		err = vm_flags & VM_MAYSHARE
			      ? promise_shared(m, n, first, nr)
			      : hugetlb_promise(m, n->huge_size, nr);
	if (!err && vm_flags & VM_WRITE && n->size < end)
		n->size = end;
	return err;
}
