/*
 * read(2) and write(2): bytes of an open file by way of the page cache, a page
 * at a time.  Mappings of the file see the same frames.
 *
 * Source: Linux mm/filemap.c: filemap_read(), generic_perform_write().
 */
#include <string.h>

#include "../phys/lru.h"
#include "../reclaim/reclaim.h"
#include "../task/task.h"
#include "disk_i.h"

static uint64_t piece_of(const struct vm *m, uint64_t off, uint64_t len)
{
	uint64_t room = m->page_size - (off & (m->page_size - 1));

	return len < room ? len : room;
}

/* The frame of a page of a file, with the readahead that a read of it and
 * the req - 1 after it starts. */
static pfn_t read_page(
	struct vm *m, struct file *f, uint64_t page, uint64_t req)
{
	pfn_t pfn = cache_lookup(m, f->inode, page);

	if (!pfn)
		readahead_miss(m, f, page, req);
	else if (frame_at(m, pfn)->flags & FR_READAHEAD && f->ra.max) {
		frame_at(m, pfn)->flags &= (uint16_t)~FR_READAHEAD;
		readahead_mark(m, f, page, req);
	}
	return cache_get(m, f->inode, page, NULL);
}

int64_t file_read(struct vm *m, idx_t file, uint64_t off, uint64_t len,
	uint64_t done, uint8_t *buf)
{
	struct file *f = file_at(m, file);
	const struct inode *n = inode_at(m, f->inode);
	uint64_t at = off + done, page = at >> m->page_shift, end;
	pfn_t pfn;

	if (at >= n->size || done >= len)
		return 0;
	end = (off + len + m->page_size - 1) >> m->page_shift;
	len = piece_of(m, at, len - done);
	if (len > n->size - at)
		len = n->size - at;
	if (!cache_lookup(m, f->inode, page))
		mem_expect(m, GFP_HIGHUSER);
	if (mem_reserve(m, GFP_PAGE, STEP_PAGES) ||
		policy_reserve(m, !cache_lookup(m, f->inode, page)))
		return -ENOMEM;
	if (n->type == INODE_FILE) {
		pfn = read_page(m, f, page, end - page);
		if (!pfn)
			return -ENOMEM;
		if (done || (f->ra.prev - 1) >> m->page_shift != page)
			lru_mark_accessed(m, pfn);
		policy_access(m, pfn, 0, false);
	}
	disk_read(m, f->inode, at, buf, len);
	return (int64_t)len;
}

void file_read_end(struct vm *m, idx_t file, uint64_t end)
{
	file_at(m, file)->ra.prev = end;
}

/* The frame to write to.  What the write does not cover is read first. */
static pfn_t write_page(struct vm *m, idx_t inode, uint64_t off, uint64_t len)
{
	const struct inode *n = inode_at(m, inode);
	uint64_t in = off & (m->page_size - 1);
	bool covers = !in && (len == m->page_size || off + len >= n->size);

	return covers ? cache_get_blank(m, inode, off >> m->page_shift)
		      : cache_get(m, inode, off >> m->page_shift, NULL);
}

static int write_file(struct vm *m, idx_t inode, uint64_t off,
	const uint8_t *buf, uint64_t len)
{
	struct inode *n = inode_at(m, inode);
	uint64_t size = n->size;
	pfn_t pfn = write_page(m, inode, off, len);
	int err;

	if (!pfn)
		return -ENOMEM;
	if (off + len > size) {
		cache_zero_tail(m, n, size);
		n->size = off + len;
	}
	err = cache_make_dirty(m, pfn);
	if (err) {
		n->size = size;
		return err;
	}
	cache_write(m, n, off, buf, len);
	policy_access(m, pfn, 0, true);
	inode_touch(m, inode);
	return 0;
}

int64_t file_write(struct vm *m, idx_t file, uint64_t off, const uint8_t *buf,
	uint64_t len)
{
	idx_t inode = file_at(m, file)->inode;
	uint64_t most = inode_size_max(inode_at(m, inode));
	int64_t n;
	int err;

	len = piece_of(m, off, len);
	if (off > most - len)
		return vm_fail(m, EFBIG,
			"byte 0x%llx lies beyond the largest file, 0x%llx",
			(unsigned long long)off, (unsigned long long)most);
	if (inode_at(m, inode)->type == INODE_SHMEM) {
		n = shmem_write(m, inode, off, buf, len);
		return n;
	}
	if (inode_at(m, inode)->type == INODE_HUGETLB)
		return vm_fail(m, EINVAL,
			"a file of huge pages is written through mappings "
			"alone");
	err = swap_file_check(m, inode);
	if (!err && !cache_lookup(m, inode, off >> m->page_shift))
		mem_expect(m, GFP_HIGHUSER);
	if (!err)
		err = mem_reserve(m, GFP_PAGE | GFP_WRITE, STEP_PAGES);
	if (!err)
		err = policy_reserve(
			m, !cache_lookup(m, inode, off >> m->page_shift));
	if (!err)
		err = write_file(m, inode, off, buf, len);
	return err ? err : (int64_t)len;
}

/* Drops the cached pages first..last that nothing maps and that are clean. */
static void drop_clean(struct vm *m, idx_t inode, uint64_t first, uint64_t last)
{
	struct inode *n = inode_at(m, inode);
	uint64_t page = first;
	pfn_t pfn;

	for (; (pfn = radix_next(m, n->cache, &page)) && page <= last; page++) {
		const struct frame *f = frame_at(m, pfn);

		if (!f->mapcount && !(f->flags & FR_DIRTY))
			cache_drop(m, n, page, page);
	}
}

static uint64_t cache_drop_clean(struct vm *m, idx_t inode)
{
	uint64_t had = inode_at(m, inode)->nr_cached;

	if (inode_at(m, inode)->type == INODE_FILE)
		drop_clean(m, inode, 0, UINT64_MAX);
	return had - inode_at(m, inode)->nr_cached;
}

uint64_t disk_drop_caches(struct vm *m)
{
	uint64_t dropped = 0;

	for (idx_t i = 1; i < m->root->pool[SEG_INODE].nr; i++)
		if (inode_at(m, i)->ino)
			dropped += cache_drop_clean(m, i);
	return dropped;
}

/*
 * POSIX_FADV_DONTNEED: the whole pages inside [off, end); the page that holds
 * the end of the file counts as whole.  Offsets are signed, as in Linux: one up
 * to a page below 0 is rounded up to 0.
 */
static void advise_dontneed(
	struct vm *m, idx_t inode, uint64_t off, uint64_t end)
{
	const struct inode *n = inode_at(m, inode);
	uint64_t up = off + m->page_size - 1;
	uint64_t first = (uint64_t)((int64_t)up >> m->page_shift);
	uint64_t last = end >> m->page_shift;

	inode_write(m, inode, off >> m->page_shift, (end - 1) >> m->page_shift);
	if (end >= n->size)
		last = UINT64_MAX;
	else if (!last--)
		return;
	if (first <= last)
		drop_clean(m, inode, first, last);
}

int file_advise(struct vm *m, idx_t file, uint64_t off, uint64_t len,
	enum file_advice advice)
{
	struct file *f = file_at(m, file);
	uint32_t max = readahead_max(m);
	uint64_t end = !len || off + len < off ? UINT64_MAX : off + len;
	uint64_t first = off >> m->page_shift;

	if (inode_at(m, f->inode)->type != INODE_FILE)
		return 0;
	switch (advice) {
	case FADV_NORMAL:
		f->ra.max = max;
		f->mode &= ~(FMODE_RANDOM | FMODE_NOREUSE);
		break;
	case FADV_RANDOM:
		f->mode |= FMODE_RANDOM;
		break;
	case FADV_SEQUENTIAL:
		f->ra.max = 2 * max;
		f->mode &= ~FMODE_RANDOM;
		break;
	case FADV_WILLNEED:
		readahead_range(
			m, f, first, ((end - 1) >> m->page_shift) - first + 1);
		break;
	case FADV_DONTNEED:
		advise_dontneed(m, f->inode, off, end);
		break;
	case FADV_NOREUSE:
		f->mode |= FMODE_NOREUSE;
		break;
	}
	return 0;
}
