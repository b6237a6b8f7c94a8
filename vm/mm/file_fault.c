/*
 * Faults of pages of files and shared objects.
 *
 * Source: Linux mm/memory.c (do_read_fault, do_cow_fault, do_shared_fault,
 * finish_fault, do_set_pmd), mm/filemap.c (filemap_map_pages,
 * do_sync_mmap_readahead).
 */
#include "../disk/disk.h"
#include "fault_i.h"
#include "huge.h"
#include "rmap.h"
#include "shmem_huge.h"

static int beyond_end(struct fault *x)
{
	char name[120];

	if (pt_make(x->m, x->v->mm, x->va, 1))
		return -ENOMEM;
	disk_path(x->m, x->inode, name, sizeof(name));
	vm_fail(x->m, EFAULT,
		"page %llu of %s lies beyond the end of the file (size 0x%llx)",
		(unsigned long long)x->page, name,
		(unsigned long long)x->n->size);
	return FAULT_BUS;
}

/* The frame of the file's page.  What the cache lacks is read, with what
 * readahead_fault() reads besides. */
static pfn_t file_page(struct fault *x)
{
	struct vm *m = x->m;
	const struct mapped at = {
		.page = x->page,
		.left = vma_pgoff_at(m, x->v, x->v->end) - x->page,
		.code = x->v->flags & VM_EXEC,
		.random = x->v->flags & VM_RAND_READ,
		.sequential = x->v->flags & VM_SEQ_READ,
	};

	if (x->n->type == INODE_SHMEM)
		return shmem_page(
			m, x->inode, x->v, x->va, x->page, 0, &x->major);
	x->major = cache_lookup(m, x->inode, x->page) == PFN_NONE;
	if (x->major)
		readahead_fault(m, file_at(m, x->v->file), &at);
	else
		x->marked = readahead_hit(m, file_at(m, x->v->file), &at);
	return cache_get(m, x->inode, x->page, NULL);
}

/* Without the page: no memory, or an object that may not grow. */
static int no_page(struct fault *x)
{
	if (x->m->fail.err != ENOSPC || pt_make(x->m, x->v->mm, x->va, 1))
		return -ENOMEM;
	refuse_as(x->m, EFAULT);
	return FAULT_BUS;
}

/* The entry for a page of the cache that a read brings in: objects in memory
 * need no notice of the first store, files do. */
static uint64_t file_entry(const struct fault *x, pfn_t pfn)
{
	const uint64_t rw = VM_WRITE | VM_SHARED;
	uint64_t e = pte_make(x->m, pfn, x->v->flags, false);

	if (x->n->type == INODE_SHMEM && (x->v->flags & rw) == rw &&
		!soft_dirty_waits(x->m, x->v, e))
		e |= x->m->arch->pte.write;
	return e;
}

/* The entry for a page that the fault asked for. */
static uint64_t found_entry(const struct fault *x, pfn_t pfn)
{
	return x->write ? pte_make(x->m, pfn, x->v->flags, true)
			: file_entry(x, pfn);
}

/*
 * The pages around the fault that one fault maps: a window of the leaf table,
 * aligned there, that slides up where the VMA starts inside it.
 */
static void around_window(
	const struct fault *x, uint64_t *first, uint64_t *last)
{
	const struct vm *m = x->m;
	unsigned level = m->arch->nr_levels - 1u;
	uint64_t nr = m->root->set.fault_around_pages;
	uint64_t p = arch_index(m->arch, level, x->va);
	uint64_t v = (x->va - x->v->start) >> m->page_shift;
	uint64_t to_end = (x->v->end - x->va) >> m->page_shift;
	uint64_t from, to;

	if (nr < 1)
		nr = 1;
	from = p - p % nr;
	if (p - (p < v ? p : v) > from)
		from = p - v;
	to = from + nr;
	if (to > arch_entries(m->arch, level))
		to = arch_entries(m->arch, level);
	if (to > p + to_end)
		to = p + to_end;
	*first = x->page - (p - from);
	*last = x->page + (to - p) - 1;
}

static vaddr_t va_of(const struct fault *x, uint64_t page)
{
	return x->va + ((page - x->page) << x->m->page_shift);
}

/* Maps one page of the cache where the entry is empty. */
static int map_page(struct fault *x, uint64_t page, pfn_t pfn, uint64_t e)
{
	struct vm *m = x->m;

	if (pt_set(m, x->v->mm, va_of(x, page), e))
		return -ENOMEM;
	page_mapped(m, x->mm, pfn);
	if (!(frame_at(m, pfn)->flags & FR_LARGE))
		page_lock(m, x->v, pfn);
	if (page != x->page)
		fault_count(x, CNT_FAULT_AROUND);
	return 0;
}

/* Fault-around leaves what is not read yet, and the mark of readahead. */
static bool may_map_around(const struct vm *m, pfn_t pfn)
{
	return (frame_at(m, pfn)->flags & (FR_UPTODATE | FR_READAHEAD)) ==
	       FR_UPTODATE;
}

static int map_cached(struct fault *x, uint64_t page, pfn_t pfn)
{
	if (pt_get(x->m, x->mm, va_of(x, page)))
		return 0;
	return map_page(x, page, pfn, file_entry(x, pfn));
}

/* ---- large pages --------------------------------------------------------- */

static bool may_be_huge(const struct fault *x, pfn_t pfn)
{
	const struct vm *m = x->m;

	return frame_at(m, pfn)->flags & FR_LARGE &&
	       frame_at(m, pfn)->order == huge_order(m) &&
	       !(x->v->flags & VM_NOHUGEPAGE) && x->mm->thp_disable != 1 &&
	       !pt_above(m, x->mm, x->va) && huge_suits(m, x->v, x->va);
}

/* Whether a huge entry maps the page that has this frame now. */
static bool map_huge(struct fault *x, pfn_t pfn, uint64_t e)
{
	struct vm *m = x->m;
	pfn_t head = folio_head(m, pfn);
	uint64_t addr = pfn_to_pa(m, head) | m->arch->pte.huge;

	if (!may_be_huge(x, pfn) || pt_make(m, x->v->mm, x->va, 1))
		return false;
	folio_map(m, x->mm, head);
	pt_huge_set(m, x->v->mm, huge_down(m, x->va),
		(e & ~m->arch->pte.addr) | addr);
	page_lock(m, x->v, head);
	fault_count(x, CNT_THP_FILE_MAPPED);
	return true;
}

/* Where all of a large page would be mapped: inside the VMA and one table. */
static bool fits_whole(const struct fault *x, uint64_t first, uint64_t nr)
{
	const struct vm *m = x->m;
	vaddr_t va = va_of(x, first);

	return first >= x->v->pgoff &&
	       first + nr <= x->v->pgoff + vma_pages(m, x->v) &&
	       huge_down(m, va) == huge_down(m, va + (nr << m->page_shift) - 1);
}

/*
 * Fault-around comes to a large page: its pages first..last, or all of it if
 * that fits.  *next is the page behind it.
 */
static int map_large(struct fault *x, pfn_t pfn, uint64_t first, uint64_t last,
	uint64_t *next)
{
	struct vm *m = x->m;
	pfn_t head = folio_head(m, pfn);
	uint64_t index = frame_at(m, head)->index, nr = folio_pages(m, pfn);
	uint64_t mapped = 0;
	int err = 0;

	*next = index + nr;
	if (fits_whole(x, index, nr)) {
		first = index;
		last = *next - 1;
	}
	for (; !err && first <= last && first < *next; first++) {
		pfn = head + (pfn_t)(first - index);
		if (pt_get(m, x->mm, va_of(x, first)))
			continue;
		err = map_page(x, first, pfn, file_entry(x, pfn));
		mapped++;
	}
	if (mapped == nr)
		page_lock(m, x->v, head);
	return err;
}

/* Whether nothing is mapped where all of the large page would be. */
static bool whole_is_free(const struct fault *x, uint64_t first, uint64_t nr)
{
	for (uint64_t i = 0; i < nr; i++)
		if (pt_get(x->m, x->mm, va_of(x, first + i)))
			return false;
	return true;
}

/* Maps the page of the fault, or the large page that it is part of. */
static int map_found(struct fault *x, pfn_t pfn)
{
	struct vm *m = x->m;
	pfn_t head = folio_head(m, pfn);
	uint64_t first = x->page - (pfn - head), nr = folio_pages(m, pfn);
	int err = 0;

	if (map_huge(x, pfn, found_entry(x, pfn)))
		return 0;
	if (nr == 1 || !fits_whole(x, first, nr) ||
		!whole_is_free(x, first, nr))
		return map_page(x, x->page, pfn, found_entry(x, pfn));
	for (uint64_t i = 0; !err && i < nr; i++)
		err = map_page(x, first + i, head + (pfn_t)i,
			found_entry(x, head + (pfn_t)i));
	if (!err)
		page_lock(m, x->v, head);
	return err;
}

/* ---- loads --------------------------------------------------------------- */

static int map_around(struct fault *x)
{
	uint64_t page, last, pages = inode_pages(x->m, x->n), found = 0;
	int err = 0;
	pfn_t pfn;

	if (x->m->root->set.fault_around_pages <= 1)
		return 0;
	around_window(x, &page, &last);
	last = last < pages ? last : pages - 1;
	pfn = radix_next(x->m, x->n->cache, &page);
	if (!pfn || page > last || !pages)
		return 0;
	if (map_huge(x, pfn, file_entry(x, pfn)))
		return 0;
	while (!err && pfn && page <= last) {
		if (frame_at(x->m, pfn)->flags & FR_LARGE) {
			err = map_large(x, pfn, page, last, &page);
		} else if (may_map_around(x->m, pfn)) {
			found += !(frame_at(x->m, pfn)->flags & FR_WORKINGSET);
			err = map_cached(x, page++, pfn);
		} else {
			page++;
		}
		pfn = radix_next(x->m, x->n->cache, &page);
	}
	readahead_found(file_at(x->m, x->v->file), found);
	return err;
}

/*
 * A fault beyond the end of a file maps what lies before it.  Since 6.18 Linux
 * makes the table for that only if the first page that it finds is not the
 * file's last one.
 */
static bool around_beyond_end(struct fault *x)
{
	uint64_t page, last, span;
	unsigned first;
	pfn_t pfn;

	if (pt_leaf_table(x->m, x->mm, x->va, &first, &span))
		return true;
	around_window(x, &page, &last);
	while ((pfn = radix_next(x->m, x->n->cache, &page)) && page <= last &&
		!may_map_around(x->m, pfn))
		page++;
	return pfn && page <= last && page + 1 < inode_pages(x->m, x->n);
}

/* What the cache has around the page comes first: it may have all, and the huge
 * entry of a page that reaches across the end of the object maps what lies
 * behind. */
static int object_read_fault(struct fault *x)
{
	int err = map_around(x);
	pfn_t pfn;

	if (err || pt_get(x->m, x->mm, x->va))
		return err;
	if (x->page >= inode_pages(x->m, x->n))
		return beyond_end(x);
	pfn = file_page(x);
	return pfn ? map_found(x, pfn) : no_page(x);
}

static int file_read_fault(struct fault *x)
{
	bool inside = x->page < inode_pages(x->m, x->n);
	pfn_t pfn;
	int err;

	if (x->n->type == INODE_SHMEM)
		return object_read_fault(x);
	err = inside || around_beyond_end(x) ? map_around(x) : 0;
	if (err || pt_get(x->m, x->mm, x->va))
		return err;
	if (!inside)
		return beyond_end(x);
	pfn = file_page(x);
	if (!pfn)
		return no_page(x);
	err = x->major || x->marked ? map_around(x) : 0;
	return err || pt_get(x->m, x->mm, x->va) ? err : map_found(x, pfn);
}

static int file_cow_fault(struct fault *x)
{
	pfn_t from;

	anon_vma_prepare(x->m, x->v);
	if (x->page >= inode_pages(x->m, x->n))
		return beyond_end(x);
	from = file_page(x);
	return from ? fault_cow_from(x, from) : no_page(x);
}

int fault_make_dirty(struct fault *x, pfn_t pfn)
{
	if (x->n->type == INODE_SHMEM)
		cache_set_dirty(x->m, frame_at(x->m, pfn));
	else
		frame_at(x->m, pfn)->flags &= (uint16_t)~FR_READAHEAD;
	if (x->n->type != INODE_FILE || !cache_make_dirty(x->m, pfn))
		return 0;
	if (x->m->fail.err == ENOMEM)
		return -ENOMEM;
	refuse_as(x->m, EFAULT);
	return FAULT_BUS;
}

static int file_shared_fault(struct fault *x)
{
	struct vm *m = x->m;
	pfn_t pfn;
	int err;

	if (x->page >= inode_pages(m, x->n))
		return beyond_end(x);
	pfn = file_page(x);
	if (!pfn)
		return no_page(x);
	err = fault_make_dirty(x, pfn);
	if (err)
		return err;
	return map_found(x, pfn);
}

void fault_use_file(struct fault *x)
{
	x->inode = file_at(x->m, x->v->file)->inode;
	x->n = inode_at(x->m, x->inode);
	x->page = vma_pgoff_at(x->m, x->v, x->va);
}

/*
 * A page that had to be read, or had the mark: the kernel begins the fault
 * anew, and fault-around finds what was read.  The window behind a mark is
 * still on its way then.
 */
int file_fault(struct fault *x)
{
	struct file *f = file_at(x->m, x->v->file);
	bool cow = x->write && !(x->v->flags & VM_SHARED);
	int err;

	if (!cow)
		fault_count(x, x->n->type == INODE_SHMEM ? CNT_FAULT_SHARED
							 : CNT_FAULT_FILE);
	err = cow	 ? file_cow_fault(x)
	      : x->write ? file_shared_fault(x)
			 : file_read_fault(x);
	if (x->marked)
		readahead_mark(x->m, f, x->page, f->ra.max);
	return err;
}

int file_map_huge(struct vm *m, struct vma *v, vaddr_t va, pfn_t head)
{
	struct fault x = {.m = m, .v = v, .mm = mm_at(m, v->mm), .va = va};

	fault_use_file(&x);
	if (map_huge(&x, head, file_entry(&x, head)))
		return 0;
	vm_fail_clear(m);
	return -ENOMEM;
}
