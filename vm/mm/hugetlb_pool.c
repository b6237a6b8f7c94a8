/* The pool of huge pages, and the files that they belong to. */
#include <string.h>

#include "../compact/compact.h"
#include "../disk/disk.h"
#include "../disk/disk_i.h"
#include "../task/task.h"
#include "hugetlb.h"

/* ---- pages --------------------------------------------------------------- */

static unsigned nr_frames(const struct vm *m)
{
	return 1u << huge_order(m);
}

/* try_hard: memory is compacted and pages are taken back; nobody holds any. */
static pfn_t from_buddy(struct vm *m, bool try_hard)
{
	/* those of 4 MiB cannot be moved (hugepage_migration_supported()) */
	unsigned gfp = m->arch->thp ? GFP_HIGHUSER_MOVABLE : GFP_HIGHUSER;
	pfn_t pfn = try_hard ? compact_alloc(m, gfp, huge_order(m),
				       FRAME_HUGETLB, USE_HUGETLB, false, true)
			     : buddy_alloc(m, gfp, huge_order(m), FRAME_HUGETLB,
				       USE_HUGETLB, false);

	if (!pfn) {
		vm_fail_clear(m);
		return PFN_NONE;
	}
	for (unsigned i = 0; i < nr_frames(m); i++) {
		frame_at(m, pfn)[i].state = FRAME_HUGETLB;
		frame_at(m, pfn)[i].flags |= FR_LARGE;
	}
	m->root->hugetlb.nr++;
	return pfn;
}

static void to_buddy(struct vm *m, pfn_t pfn)
{
	m->root->hugetlb.nr--;
	buddy_free(m, pfn, huge_order(m), USE_HUGETLB);
}

static void push(struct vm *m, pfn_t pfn)
{
	struct hugetlb_pool *h = &m->root->hugetlb;

	frame_at(m, pfn)->next = h->first;
	h->first = pfn;
	h->free++;
}

static pfn_t pop(struct vm *m)
{
	struct hugetlb_pool *h = &m->root->hugetlb;
	pfn_t pfn = h->first;

	h->first = frame_at(m, pfn)->next;
	frame_at(m, pfn)->next = PFN_NONE;
	h->free--;
	return pfn;
}

static pfn_t take_surplus(struct vm *m)
{
	struct hugetlb_pool *h = &m->root->hugetlb;
	pfn_t pfn;

	if (h->surplus >= m->root->set.nr_overcommit_hugepages)
		return PFN_NONE;
	pfn = from_buddy(m, false);
	h->surplus += pfn != PFN_NONE;
	return pfn;
}

pfn_t hugetlb_take(struct vm *m, bool promised)
{
	struct hugetlb_pool *h = &m->root->hugetlb;

	if (!promised && h->free == h->resv)
		return take_surplus(m);
	h->resv -= promised;
	return pop(m);
}

void hugetlb_give(struct vm *m, pfn_t pfn)
{
	struct hugetlb_pool *h = &m->root->hugetlb;
	struct frame *f = frame_at(m, pfn);

	h->resv += (f->flags & FR_HUGETLB_RESTORE) != 0;
	for (unsigned i = 0; i < nr_frames(m); i++) {
		f[i].flags &= FR_BYTES | FR_LARGE;
		f[i].owner = 0;
		f[i].index = 0;
	}
	if (h->surplus) {
		h->surplus--;
		to_buddy(m, pfn);
	} else {
		push(m, pfn);
	}
}

/* ---- promises ------------------------------------------------------------ */

int hugetlb_promise(struct vm *m, uint64_t nr)
{
	struct hugetlb_pool *h = &m->root->hugetlb;
	/* promises may be one too few, see unmap_entry() in hugetlb.c */
	int64_t spare = (int64_t)(h->free - h->resv), made = 0;

	for (pfn_t pfn; spare + made < (int64_t)nr; made++) {
		pfn = take_surplus(m);
		if (!pfn)
			break;
		push(m, pfn);
	}
	if (spare + made >= (int64_t)nr) {
		h->resv += nr;
		return 0;
	}
	for (; made; made--) {
		h->surplus--;
		to_buddy(m, pop(m));
	}
	return vm_fail(m, ENOMEM,
		"%llu huge pages are asked for; of %llu in the pool %llu are "
		"free and not promised (nr_hugepages, nr_overcommit_hugepages)",
		(unsigned long long)nr, (unsigned long long)h->nr,
		(unsigned long long)spare);
}

void hugetlb_unpromise(struct vm *m, uint64_t nr)
{
	struct hugetlb_pool *h = &m->root->hugetlb;

	h->resv -= nr;
	for (; nr && h->surplus && h->free; nr--) {
		h->surplus--;
		to_buddy(m, pop(m));
	}
}

void hugetlb_resize(struct vm *m, uint64_t nr)
{
	struct hugetlb_pool *h = &m->root->hugetlb;
	uint64_t least = h->resv + h->nr - h->free; /* wraps as Linux's does */
	pfn_t pfn;

	while (h->surplus && nr > h->nr - h->surplus)
		h->surplus--;
	while (nr > h->nr - h->surplus && (pfn = from_buddy(m, true)))
		push(m, pfn);
	least = nr > least ? nr : least;
	while (least < h->nr - h->surplus && h->free > h->resv)
		to_buddy(m, pop(m));
	/* What is in use stays, and goes when it is free. */
	while (nr < h->nr - h->surplus)
		h->surplus++;
	m->root->set.nr_hugepages = h->nr - h->surplus;
}

/* ---- files --------------------------------------------------------------- */

idx_t hugetlb_create(struct vm *m, const char *name, uint64_t size)
{
	idx_t i = shmem_named(m, name);

	if (!i)
		return 0;
	inode_at(m, i)->type = INODE_HUGETLB;
	inode_at(m, i)->size = size;
	return i;
}

bool hugetlb_is_file(const struct vm *m, idx_t file)
{
	return file &&
	       inode_at(m, file_at(m, file)->inode)->type == INODE_HUGETLB;
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
	hugetlb_unpromise(m, promised - there);
}

/* Promises what a shared mapping lacks. */
static int promise_shared(
	struct vm *m, struct inode *n, uint64_t first, uint64_t nr)
{
	uint64_t missing = 0;

	for (uint64_t i = 0; i < nr; i++)
		missing += !radix_get(m, n->blocks, first + i);
	if (radix_room(m, nr) || hugetlb_promise(m, missing))
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
	uint64_t first = pgoff >> huge_order(m), nr = pages >> huge_order(m);
	uint64_t end = (pgoff + pages) << m->page_shift;
	int err = 0;

	if (pgoff & (nr_frames(m) - 1))
		return vm_fail(m, EINVAL,
			"offset 0x%llx is not a multiple of the huge page "
			"size %llu",
			(unsigned long long)(pgoff << m->page_shift),
			(unsigned long long)huge_size(m));
	if (!(vm_flags & VM_NORESERVE))
		err = vm_flags & VM_MAYSHARE ? promise_shared(m, n, first, nr)
					     : hugetlb_promise(m, nr);
	if (!err && vm_flags & VM_WRITE && n->size < end)
		n->size = end;
	return err;
}

/* ---- check --------------------------------------------------------------- */

int hugetlb_check(struct vm *m)
{
	const struct hugetlb_pool *h = &m->root->hugetlb;
	uint64_t free = 0;

	for (pfn_t pfn = h->first; pfn && free <= h->free; free++) {
		const struct frame *f = frame_at(m, pfn);

		if (f->state != FRAME_HUGETLB || f->order != huge_order(m) ||
			f->mapcount)
			return vm_fail(m, EIO,
				"frame %u is on the list of free huge pages",
				pfn);
		pfn = f->next;
	}
	if (free == h->free && h->surplus <= h->nr &&
		phys_sum(m, pages[USE_HUGETLB]) == h->nr << huge_order(m))
		return 0;
	return vm_fail(m, EIO,
		"%llu huge pages are free; counted are %llu free, %llu "
		"promised, %llu surplus, %llu in all",
		(unsigned long long)free, (unsigned long long)h->free,
		(unsigned long long)h->resv, (unsigned long long)h->surplus,
		(unsigned long long)h->nr);
}
