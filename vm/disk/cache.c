/*
 * The page cache: frames that hold pages of files, and the pages of shared
 * anonymous memory, which exist nowhere else.
 *
 * A frame of the cache says which page it is (owner, index), and its inode's
 * radix tree says which frame a page has.  FR_DIRTY: a store through a shared
 * mapping made it newer than its blocks; every such page has its blocks
 * (cache_make_dirty()), so that writing it back cannot fail.  Bytes beyond the
 * end of the file may be anything that a process stored there; they are zeroed
 * when the file grows over them and never written back.
 */
#include <string.h>

#include "../mm/folio.h"
#include "../mmu/mmu.h"
#include "../numa/mempolicy.h"
#include "../phys/lru.h"
#include "../reclaim/reclaim.h"
#include "../reclaim/workingset.h"
#include "../swap/swap_in.h"
#include "dcache.h"
#include "disk_i.h"

pfn_t cache_lookup(const struct vm *m, idx_t inode, uint64_t page)
{
	const struct inode *n = inode_at(m, inode);
	unsigned order;
	pfn_t pfn;

	if (n->type != INODE_HUGETLB)
		return radix_get(m, n->cache, page);
	order = pt_shift(m, n->huge_size) - m->page_shift;
	pfn = radix_get(m, n->cache, page >> order);
	return pfn ? pfn + (page & ((1u << order) - 1)) : PFN_NONE;
}

/* Copies out of a frame without touching RAM that never held bytes. */
static void frame_out(
	const struct vm *m, pfn_t pfn, uint64_t in, uint8_t *buf, uint64_t len)
{
	if (frame_at(m, pfn)->flags & FR_BYTES)
		memcpy(buf, ram_at(m, pfn_to_pa(m, pfn) + in), len);
	else
		memset(buf, 0, len);
}

/* Bytes of the file that page holds: 0 beyond the end. */
static uint64_t page_bytes(
	const struct vm *m, const struct inode *n, uint64_t page)
{
	uint64_t off = page << m->page_shift;

	if (off >= n->size)
		return 0;
	return n->size - off < m->page_size ? n->size - off : m->page_size;
}

/* Reads a page of a file from its blocks into a frame. */
static void fill(struct vm *m, struct inode *n, uint64_t page, pfn_t pfn)
{
	uint64_t off = page << m->page_shift;
	uint64_t nr = blocks_count(m, n, off, m->page_size);

	if (!nr)
		return;
	blocks_read(m, n, off, frame_bytes(m, pfn), m->page_size);
	disk_count(m, DISK_VDA, nr, 0);
	if (running_io(m))
		running_io(m)->read_bytes += nr * DISK_BLOCK;
}

/* A page that leaves the cache because its part of the file is gone. */
static void forget_dirty(struct vm *m, struct frame *f)
{
	if (f->flags & FR_DIRTY && f->state == FRAME_FILE && running_io(m))
		running_io(m)->cancelled += m->page_size;
	cache_clear_dirty(m, f);
}

/* Pages that exist of an object, in RAM and in slots. */
static uint64_t shmem_pages(const struct inode *n)
{
	return n->nr_cached + n->nr_away;
}

void cache_commit(struct vm *m, struct inode *n)
{
	if (!n->noreserve)
		return;
	m->root->committed += shmem_pages(n) - n->committed;
	n->committed = shmem_pages(n);
}

/* A page of a file that was evicted comes back. */
static void refault(struct vm *m, struct inode *n, uint64_t page, pfn_t pfn)
{
	uint32_t shadow = radix_get(m, n->away, page);

	if (!shadow)
		return;
	workingset_refault(m, pfn, shadow);
	radix_del(m, &n->away, page);
	n->nr_away--;
}

int cache_may_commit(struct vm *m, const struct inode *n, uint64_t nr)
{
	const struct task *t = m->running ? m->running : task_find(m, 1);

	if (!n->noreserve || !mm_may_commit(m, t, (int64_t)nr))
		return 0;
	m->fail.err = ENOSPC;
	return -ENOSPC;
}

/* A zeroed frame for a page that the cache lacks; FR_UPTODATE is not set.
 * PFN_NONE with ENOMEM, or ENOSPC. */
static pfn_t cache_add(struct vm *m, idx_t inode, uint64_t page)
{
	struct inode *n = inode_at(m, inode);
	bool shmem = n->type == INODE_SHMEM;
	struct frame *f;
	pfn_t pfn;

	if (radix_room(m, 1) || (shmem && cache_may_commit(m, n, 1)))
		return PFN_NONE;
	if (shmem)
		place_by_object(m, n, page, 0);
	pfn = buddy_alloc(m, GFP_HIGHUSER_MOVABLE, 0,
		shmem ? FRAME_SHMEM : FRAME_FILE, shmem ? USE_SHMEM : USE_FILE,
		true);
	if (shmem)
		place_back(m);
	if (!pfn)
		return PFN_NONE;
	f = frame_at(m, pfn);
	f->owner = inode;
	f->index = page;
	if (shmem)
		f->flags |= FR_SWAPBACKED;
	else if (n->nr_away)
		refault(m, n, page, pfn);
	radix_set(m, &n->cache, page, pfn);
	n->nr_cached++;
	cache_commit(m, n);
	lru_add(m, pfn);
	return pfn;
}

/* A page of shared memory comes back from its slot. */
static pfn_t shmem_back(
	struct vm *m, idx_t inode, uint64_t page, uint32_t slot, bool *major)
{
	struct inode *n = inode_at(m, inode);
	bool read = false;
	struct frame *f;
	pfn_t pfn;

	if (radix_room(m, 1))
		return PFN_NONE;
	place_by_object(m, n, page, 0);
	pfn = swap_in_object(m, slot, &read);
	place_back(m);
	if (!pfn)
		return PFN_NONE;
	f = frame_at(m, pfn);
	f->owner = inode;
	f->index = page;
	f->flags |= FR_UPTODATE | FR_DIRTY;
	radix_del(m, &n->away, page);
	n->nr_away--;
	radix_set(m, &n->cache, page, pfn);
	n->nr_cached++;
	if (major)
		*major |= read;
	return pfn;
}

pfn_t cache_get(struct vm *m, idx_t inode, uint64_t page, bool *major)
{
	struct inode *n = inode_at(m, inode);
	pfn_t pfn = radix_get(m, n->cache, page);

	if (!pfn && n->type == INODE_SHMEM) {
		uint32_t slot = radix_get(m, n->away, page);

		if (slot)
			return shmem_back(m, inode, page, slot, major);
	}
	if (!pfn) {
		pfn = cache_add(m, inode, page);
		if (!pfn)
			return PFN_NONE;
		if (n->type != INODE_SHMEM)
			fill(m, n, page, pfn);
		if (major && n->type != INODE_SHMEM)
			*major = true;
	}
	frame_at(m, pfn)->flags |= FR_UPTODATE;
	return pfn;
}

bool cache_room(struct vm *m)
{
	if (!radix_room(m, 1))
		return true;
	vm_fail_clear(m);
	return false;
}

void cache_evict(struct vm *m, pfn_t pfn, uint32_t left)
{
	struct frame *f = frame_at(m, pfn);
	struct inode *n = inode_at(m, f->owner);
	uint64_t page = f->index;

	radix_del(m, &n->cache, page);
	n->nr_cached--;
	if (left) {
		radix_set(m, &n->away, page, left);
		n->nr_away++;
	}
	cache_commit(m, n);
	dcache_no_pages(m, n);
	buddy_free(m, pfn, 0, n->type == INODE_SHMEM ? USE_SHMEM : USE_FILE);
}

/* Forgets evicted pages first..last; with shared memory their slots go. */
static void forget_away(
	struct vm *m, struct inode *n, uint64_t first, uint64_t last)
{
	uint64_t page = first;
	uint32_t left;

	for (; n->nr_away && (left = radix_next(m, n->away, &page)) &&
		page <= last;
		page++) {
		if (n->type == INODE_SHMEM)
			swap_put(m, left);
		radix_del(m, &n->away, page);
		n->nr_away--;
	}
}

pfn_t cache_get_blank(struct vm *m, idx_t inode, uint64_t page)
{
	pfn_t pfn = cache_lookup(m, inode, page);

	if (!pfn)
		pfn = cache_add(m, inode, page);
	if (pfn)
		frame_at(m, pfn)->flags |= FR_UPTODATE;
	return pfn;
}

void cache_hole_tail(struct vm *m, idx_t inode, uint64_t size)
{
	struct inode *n = inode_at(m, inode);
	uint64_t page = size >> m->page_shift;
	uint64_t at = page << m->page_shift;

	if (size == at || n->type != INODE_FILE || radix_get(m, n->cache, page))
		return;
	if (!blocks_count(m, n, at, m->page_size))
		cache_add(m, inode, page);
}

/* Bytes of a page that is not in the cache: of its slot or its blocks. */
static void read_uncached(const struct vm *m, const struct inode *n,
	uint64_t off, uint8_t *buf, uint64_t len)
{
	uint64_t in = off & (m->page_size - 1);
	uint32_t slot = n->type == INODE_SHMEM
				? radix_get(m, n->away, off >> m->page_shift)
				: 0;
	uint8_t page[DISK_BLOCK];

	if (!slot) {
		blocks_read(m, n, off, buf, len);
		return;
	}
	swap_look(m, slot, page);
	memcpy(buf, page + in, len);
}

void cache_look(const struct vm *m, idx_t inode, uint64_t page, void *buf)
{
	const struct inode *n = inode_at(m, inode);
	pfn_t pfn = cache_lookup(m, inode, page);

	if (pfn)
		frame_out(m, pfn, 0, buf, m->page_size);
	else if (n->type == INODE_HUGETLB)
		memset(buf, 0, m->page_size);
	else
		read_uncached(m, n, page << m->page_shift, buf, m->page_size);
}

static uint64_t huge_read(const struct vm *m, idx_t inode, uint64_t off,
	uint8_t *to, uint64_t len)
{
	for (uint64_t done = 0, n; done < len; done += n) {
		uint64_t in = (off + done) & (m->page_size - 1);
		pfn_t pfn =
			cache_lookup(m, inode, (off + done) >> m->page_shift);

		n = m->page_size - in < len - done ? m->page_size - in
						   : len - done;
		if (pfn)
			frame_out(m, pfn, in, to + done, n);
		else
			memset(to + done, 0, n);
	}
	return len;
}

uint64_t disk_read(
	const struct vm *m, idx_t inode, uint64_t off, void *buf, uint64_t len)
{
	const struct inode *n = inode_at(m, inode);
	uint8_t *to = buf;
	uint64_t done = 0;

	if (n->type == INODE_DIR || n->type == INODE_LINK || off >= n->size)
		return 0;
	if (len > n->size - off)
		len = n->size - off;
	if (n->type == INODE_HUGETLB)
		return huge_read(m, inode, off, to, len);
	if (!n->nr_cached && !n->nr_away) {
		blocks_read(m, n, off, to, len);
		return len;
	}
	while (done < len) {
		uint64_t at = off + done, in = at & (m->page_size - 1);
		uint64_t part = m->page_size - in;
		pfn_t pfn = radix_get(m, n->cache, at >> m->page_shift);

		if (part > len - done)
			part = len - done;
		if (pfn)
			frame_out(m, pfn, in, to + done, part);
		else
			read_uncached(m, n, at, to + done, part);
		done += part;
	}
	return len;
}

void cache_write(struct vm *m, struct inode *n, uint64_t off,
	const uint8_t *buf, uint64_t len)
{
	uint64_t page = off >> m->page_shift, end = off + len;
	pfn_t pfn;

	while ((pfn = radix_next(m, n->cache, &page))) {
		uint64_t from = page << m->page_shift;
		uint64_t to = from + m->page_size;

		if (from >= end)
			return;
		from = from < off ? off : from;
		to = to > end ? end : to;
		memcpy(frame_bytes(m, pfn) + (from & (m->page_size - 1)),
			buf + (from - off), to - from);
		frame_at(m, pfn)->flags |= FR_UPTODATE;
		if (n->type == INODE_SHMEM)
			cache_set_dirty(m, frame_at(m, pfn));
		page++;
	}
}

void cache_zero_tail(struct vm *m, struct inode *n, uint64_t size)
{
	uint64_t in = size & (m->page_size - 1);
	pfn_t pfn = in ? radix_get(m, n->cache, size >> m->page_shift) : 0;
	uint32_t slot = in && !pfn && n->type == INODE_SHMEM
				? radix_get(m, n->away, size >> m->page_shift)
				: 0;

	if (slot)
		swap_zero_tail(m, slot, in);
	if (pfn && frame_at(m, pfn)->flags & FR_BYTES)
		memset(frame_bytes(m, pfn) + in, 0, m->page_size - in);
}

uint64_t cache_drop_page(
	struct vm *m, struct inode *n, uint64_t page, pfn_t pfn)
{
	enum page_use use = n->type == INODE_SHMEM ? USE_SHMEM : USE_FILE;
	uint64_t next = page + folio_pages(m, pfn);

	if (frame_at(m, pfn)->flags & FR_LARGE) {
		cache_remove_large(m, n, pfn);
		return next;
	}
	forget_dirty(m, frame_at(m, pfn));
	lru_del(m, pfn);
	buddy_free(m, pfn, 0, use);
	n->nr_cached--;
	radix_del(m, &n->cache, page);
	dcache_no_pages(m, n);
	return next;
}

void cache_drop(struct vm *m, struct inode *n, uint64_t first, uint64_t last)
{
	uint64_t page = first;
	pfn_t pfn;

	forget_away(m, n, first, last);
	if (n->type == INODE_SHMEM)
		cache_cut(m, n, first << m->page_shift,
			(last + 1) << m->page_shift);
	while ((pfn = radix_next(m, n->cache, &page)) && page <= last)
		page = cache_drop_page(m, n, page, pfn);
	cache_commit(m, n);
}

void cache_truncate(struct vm *m, struct inode *n, uint64_t size)
{
	uint64_t keep = (size + m->page_size - 1) >> m->page_shift;
	uint64_t page = keep;
	pfn_t pfn;

	forget_away(m, n, keep, UINT64_MAX);
	if (n->type == INODE_SHMEM)
		cache_cut(m, n, size, UINT64_MAX);
	while ((pfn = radix_next(m, n->cache, &page)))
		page = cache_drop_page(m, n, page, pfn);
	cache_commit(m, n);
	cache_zero_tail(m, n, size);
}

int cache_make_dirty(struct vm *m, pfn_t pfn)
{
	struct frame *f = frame_at(m, pfn);
	struct inode *n = inode_at(m, f->owner);
	uint64_t page = f->index;
	uint64_t bytes = page_bytes(m, n, page);
	int err = 0;

	if (f->flags & FR_DIRTY)
		return 0;
	if (bytes)
		err = blocks_fill_holes(m, n, page << m->page_shift, bytes);
	if (!err)
		cache_set_dirty(m, f);
	return err;
}

static uint64_t write_dirty(
	struct vm *m, idx_t inode, uint64_t page, uint64_t last, bool halts)
{
	struct inode *n = inode_at(m, inode);
	uint64_t written = 0;
	pfn_t pfn;

	if (n->type != INODE_FILE)
		return 0;
	while ((pfn = radix_next(m, n->cache, &page)) && page <= last) {
		struct frame *f = frame_at(m, pfn);
		uint64_t bytes = page_bytes(m, n, page);

		if (f->flags & FR_DIRTY) {
			if (bytes && f->flags & FR_BYTES)
				blocks_write(m, n, page << m->page_shift,
					ram_at(m, pfn_to_pa(m, pfn)), bytes);
			cache_clear_dirty(m, f);
			f->flags &= (uint16_t)~FR_READAHEAD;
			written++;
			m->root->count[CNT_WRITTEN]++;
			zone_of(m, pfn)->written++;
			disk_count(m, DISK_VDA, 0, 1);
			if (halts && written % PLACE_PAGES == 0 && vm_halts(m))
				break;
		}
		page++;
	}
	return written;
}

uint64_t cache_writeback(
	struct vm *m, idx_t inode, uint64_t first, uint64_t last)
{
	return write_dirty(m, inode, first, last, false);
}

void cache_sync(struct vm *m, idx_t inode, uint64_t first, uint64_t last)
{
	uint64_t n = write_dirty(m, inode, first, last, true);

	if (vm_halted(m))
		vm_fail(m, EINTR, "interrupted: %llu pages were written",
			(unsigned long long)n);
}
