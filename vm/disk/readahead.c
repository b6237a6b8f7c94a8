/*
 * Readahead of read(2): which pages a miss brings in besides the one it needs.
 *
 * A window is `size` pages from `start`.  It begins small where a file is read
 * from its start or from where the last read ended, and doubles each time that
 * the reader comes to the mark, the first of the window's last `async` pages:
 *
 *	pages   0  1  2  3 | 4  5 ... 11 | 12 ...      a read of page 0: 0..3,
 *	           ^mark     ^mark                     of page 1: 4..11
 *
 * A miss elsewhere reads what was asked for and no more, unless the pages
 * before it are cached too: then someone reads in order after all.
 *
 * Source: Linux mm/readahead.c (6.18) for file systems with pages of one size.
 */
#include "../phys/phys.h"
#include "../reclaim/reclaim.h"
#include "../task/task.h"
#include "disk_i.h"

uint32_t readahead_max(const struct vm *m)
{
	return (uint32_t)((m->root->set.read_ahead_kb * KiB) >> m->page_shift);
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The first window for a read of so many pages. */
static uint32_t first_size(uint64_t pages, uint32_t max)
{
	uint32_t size = 1;

	while (size < pages && size < max)
		size *= 2;
	if (size <= max / 32)
		return size * 4;
	if (size <= max / 4)
		return size * 2;
	return max;
}

static uint32_t next_size(uint32_t size, uint32_t max)
{
	if (size < max / 16)
		return 4 * size;
	if (size <= max / 2)
		return 2 * size;
	return max;
}

/* Reads pages start..start+nr-1 as far as the file and memory reach, and marks
 * the first of the last `async` if it was read just now. */
static void read_pages(
	struct vm *m, idx_t inode, uint64_t start, uint64_t nr, uint64_t async)
{
	uint64_t pages = inode_pages(m, inode_at(m, inode));
	uint64_t mark = start + nr - async;

	for (uint64_t page = start; nr && page < pages && mem_has_spare(m);
		nr--, page++) {
		bool cached = cache_lookup(m, inode, page) != PFN_NONE;
		pfn_t pfn = cache_get(m, inode, page, NULL);

		if (!pfn)
			return;
		if (async && page == mark && !cached)
			frame_at(m, pfn)->flags |= FR_READAHEAD;
	}
}

static void read_window(struct vm *m, const struct file *f)
{
	read_pages(m, f->inode, f->ra.start, f->ra.size, f->ra.async);
}

/* How many pages right before `page` are cached, max at most. */
static uint64_t cached_before(
	const struct vm *m, idx_t inode, uint64_t page, uint64_t max)
{
	uint64_t n = 0;

	while (n < max && n < page && cache_lookup(m, inode, page - n - 1))
		n++;
	return n;
}

void readahead_miss(struct vm *m, struct file *f, uint64_t page, uint64_t req)
{
	struct readahead *ra = &f->ra;
	uint64_t before, prev = ra->prev >> m->page_shift;

	if (!ra->max || f->mode & FMODE_RANDOM) {
		read_pages(m, f->inode, page, ra->max ? req : 1, 0);
		return;
	}
	if (!page || req > ra->max || page - prev <= 1) {
		ra->start = page;
		ra->size = first_size(req, ra->max);
		ra->async = ra->size > req ? ra->size - (uint32_t)req
					   : ra->size >> 1;
		read_window(m, f);
		return;
	}
	before = cached_before(m, f->inode, page, ra->max);
	if (before <= req) {
		read_pages(m, f->inode, page, req, 0);
		return;
	}
	if (before == page)
		before *= 2;
	ra->start = page;
	ra->size = (uint32_t)min_u64(before + req, ra->max);
	ra->async = 1;
	read_window(m, f);
}

void readahead_mark(struct vm *m, struct file *f, uint64_t page, uint64_t req)
{
	struct readahead *ra = &f->ra;
	uint64_t next = page + 1;

	if (!ra->max)
		return;
	frame_at(m, cache_lookup(m, f->inode, page))->flags &= ~FR_READAHEAD;
	if (page == ra->start + ra->size - ra->async) {
		ra->start += ra->size;
		ra->size = next_size(ra->size, ra->max);
	} else {
		while (next - page <= ra->max &&
			cache_lookup(m, f->inode, next))
			next++;
		if (next - page > ra->max)
			return;
		ra->start = next;
		ra->size = (uint32_t)min_u64(next - page + req, ra->max);
		ra->size = next_size(ra->size, ra->max);
	}
	ra->async = ra->size;
	read_window(m, f);
}

void readahead_range(
	struct vm *m, const struct file *f, uint64_t start, uint64_t nr)
{
	read_pages(m, f->inode, start, nr, 0);
}
