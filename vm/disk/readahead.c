/*
 * Readahead of files: which pages a miss brings in besides the one it needs.
 *
 * A window is `size` pages from `start`.  It begins small where a file is read
 * from its start or from where the last read ended, and doubles each time that
 * the reader comes to the mark, the first of the window's last `async` pages:
 *
 *	pages   0  1  2  3 | 4  5 ... 11 | 12 ...      a read of page 0: 0..3,
 *	           ^mark     ^mark                     of page 1: 4..11
 *
 * Windows that begin at a mark end at a multiple of 4 pages.  A miss elsewhere
 * reads what was asked for and no more, unless the pages before it are cached
 * too: then someone reads in order after all.
 *
 * A fault that misses reads a window around its page, until misses outnumber
 * hits by 100; with MADV_SEQUENTIAL it is as a read of a whole window.
 *
 * The disk moves no more pages at a time than a window has, whatever a read
 * asks for (its io_pages).
 *
 * Source: Linux mm/readahead.c and mm/filemap.c (do_sync_mmap_readahead,
 * do_async_mmap_readahead), 6.18, for file systems with pages of one size.
 */
#include "../phys/phys.h"
#include "../reclaim/reclaim.h"
#include "../task/task.h"
#include "disk_i.h"

#define END_ORDER      2    /* windows end at multiples of 2^2 pages */
#define LOTS_OF_MISSES 100  /* MMAP_LOTSAMISS */
#define MOST_MISSES    1000 /* what is counted of them */

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
	uint64_t mark;

	if (start >= pages)
		return;
	nr = min_u64(nr, pages - start);
	mark = async && async <= nr ? start + nr - async : UINT64_MAX;
	for (uint64_t page = start; nr && mem_has_spare(m); page++, nr--) {
		if (cache_lookup(m, inode, page))
			continue;
		if (!cache_get(m, inode, page, NULL))
			return;
		if (page == mark)
			frame_at(m, cache_lookup(m, inode, page))->flags |=
				FR_READAHEAD;
	}
}

static void read_window(struct vm *m, const struct file *f)
{
	read_pages(m, f->inode, f->ra.start, f->ra.size, f->ra.async);
}

void readahead_range(
	struct vm *m, const struct file *f, uint64_t start, uint64_t nr)
{
	read_pages(m, f->inode, start, min_u64(nr, f->ra.max), 0);
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
		read_pages(m, f->inode, page,
			ra->max ? min_u64(req, ra->max) : 1, 0);
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

/* The window ends at a multiple of 4 pages, or of the largest power of 2 that
 * divides `max`. */
static void align_end(struct readahead *ra)
{
	uint64_t end = ra->start + ra->size;
	uint64_t align = ra->max & -(uint64_t)ra->max;

	end -= end % min_u64(align, 1 << END_ORDER);
	if (end > ra->start)
		ra->size = (uint32_t)(end - ra->start);
}

void readahead_mark(struct vm *m, struct file *f, uint64_t page, uint64_t req)
{
	struct readahead *ra = &f->ra;
	uint64_t next = page + 1;

	if (page == ra->start + ra->size - ra->async) {
		uint32_t size = next_size(ra->size, ra->max);

		ra->start += ra->size;
		ra->size = ra->size > size ? ra->size : size;
	} else {
		while (next - page <= ra->max &&
			cache_lookup(m, f->inode, next))
			next++;
		if (next - page > ra->max)
			return;
		ra->start = next;
		ra->size = (uint32_t)(next - page + req);
		ra->size = next_size(ra->size, ra->max);
	}
	align_end(ra);
	ra->async = ra->size;
	read_window(m, f);
}

/* ---- faults -------------------------------------------------------------- */

/* The window of a fault that misses: of code what the mapping has of it from
 * its page on, else half of it before the page. */
static void read_around(struct vm *m, struct file *f, const struct mapped *v)
{
	struct readahead *ra = &f->ra;

	ra->size = ra->max;
	if (v->code) {
		ra->start = v->page;
		ra->size = (uint32_t)min_u64(ra->max, v->left);
		ra->async = 0;
	} else {
		ra->start = v->page - min_u64(v->page, ra->max / 2);
		ra->async = ra->max / 4;
	}
	read_window(m, f);
}

void readahead_fault(struct vm *m, struct file *f, const struct mapped *v)
{
	if ((v->random && !v->code) || !f->ra.max)
		return;
	if (v->sequential) {
		readahead_miss(m, f, v->page, f->ra.max);
		return;
	}
	f->ra.misses += f->ra.misses < MOST_MISSES;
	if (f->ra.misses <= LOTS_OF_MISSES)
		read_around(m, f, v);
}

bool readahead_hit(struct vm *m, struct file *f, const struct mapped *v)
{
	struct frame *page = frame_at(m, cache_lookup(m, f->inode, v->page));
	bool marked = page->flags & FR_READAHEAD;

	if (v->random || !f->ra.max)
		return false;
	f->ra.misses -= f->ra.misses > 0;
	page->flags &= (uint16_t)~FR_READAHEAD;
	return marked;
}

void readahead_found(struct file *f, uint64_t nr)
{
	f->ra.misses -= (uint32_t)min_u64(nr, f->ra.misses);
}
