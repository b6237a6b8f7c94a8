/*
 * Writeback: dirty pages of files go to their blocks.
 *
 *	zone.dirty      a command's end and each `tick` compare it with
 *	> background    the flusher writes until it no longer is
 *	> threshold     the writer itself writes first
 *
 * Inodes with dirty pages stand in a list in the order in which they became
 * dirty.  Every dirty_writeback_centisecs of simulated time the flusher writes
 * those that have been dirty for dirty_expire_centisecs.  It takes CHUNK pages
 * of an inode at a time, from where it stopped before.
 *
 * Source: Linux mm/page-writeback.c, fs/fs-writeback.c.
 */
#include "../mm/folio.h"
#include "../mm/mm.h"
#include "../phys/phys.h"
#include "../reclaim/policy.h"
#include "disk_i.h"

#define CHUNK	    1024u /* pages: Linux's MAX_WRITEBACK_PAGES */
#define CENTISEC_NS 10000000ull

/* ---- which inodes are dirty --------------------------------------------- */

static void list_add(struct vm *m, idx_t inode)
{
	struct root *r = m->root;
	struct inode *n = inode_at(m, inode);

	n->dirty_next = 0;
	n->dirty_prev = r->dirty_last;
	if (r->dirty_last)
		inode_at(m, r->dirty_last)->dirty_next = inode;
	else
		r->dirty_first = inode;
	r->dirty_last = inode;
}

static void list_del(struct vm *m, idx_t inode)
{
	struct root *r = m->root;
	struct inode *n = inode_at(m, inode);

	if (n->dirty_prev)
		inode_at(m, n->dirty_prev)->dirty_next = n->dirty_next;
	else
		r->dirty_first = n->dirty_next;
	if (n->dirty_next)
		inode_at(m, n->dirty_next)->dirty_prev = n->dirty_prev;
	else
		r->dirty_last = n->dirty_prev;
	n->dirty_next = n->dirty_prev = 0;
}

void cache_set_dirty(struct vm *m, struct frame *f)
{
	bool was = f->flags & FR_DIRTY;
	struct inode *n;

	if (f->flags & FR_LARGE) { /* the parts of a page are dirty together */
		pfn_t head = folio_head(m, (pfn_t)(f - frame_at(m, 0)));

		for (unsigned i = folio_pages(m, head); i--;)
			frame_at(m, head + i)->flags |= FR_DIRTY;
	}
	f->flags |= FR_DIRTY;
	if (was || f->state != FRAME_FILE)
		return;
	n = inode_at(m, f->owner);
	zone_of_frame(m, f)->dirty++;
	zone_of_frame(m, f)->dirtied++;
	m->root->count[CNT_DIRTIED]++;
	if (running_io(m))
		running_io(m)->write_bytes += m->page_size;
	if (n->nr_dirty++)
		return;
	n->dirtied_ns = m->root->ns;
	list_add(m, f->owner);
}

void cache_clear_dirty(struct vm *m, struct frame *f)
{
	bool was = f->flags & FR_DIRTY;
	struct inode *n;

	f->flags &= ~FR_DIRTY;
	if (policy_on(m))
		policy_page_cleaned(m, (pfn_t)(f - frame_at(m, 0)));
	if (!was || f->state != FRAME_FILE)
		return;
	n = inode_at(m, f->owner);
	zone_of_frame(m, f)->dirty--;
	if (--n->nr_dirty)
		return;
	n->dirtied_ns = n->write_next = 0;
	list_del(m, f->owner);
}

/* ---- writing ------------------------------------------------------------ */

uint64_t inode_write(struct vm *m, idx_t inode, uint64_t first, uint64_t last)
{
	if (inode_at(m, inode)->type != INODE_FILE)
		return 0;
	mm_clean_file(m, inode, first, last);
	return inode_at(m, inode)->nr_dirty
		       ? cache_writeback(m, inode, first, last)
		       : 0;
}

void inode_sync(struct vm *m, idx_t inode, uint64_t first, uint64_t last)
{
	if (inode_at(m, inode)->type != INODE_FILE)
		return;
	mm_clean_file(m, inode, first, last);
	if (inode_at(m, inode)->nr_dirty)
		cache_sync(m, inode, first, last);
}

void disk_sync(struct vm *m)
{
	idx_t next;

	for (idx_t i = m->root->dirty_first; i && !vm_halted(m); i = next) {
		next = inode_at(m, i)->dirty_next;
		inode_sync(m, i, 0, UINT64_MAX);
	}
}

/* The page behind the next CHUNK dirty pages at or above `page`, and the page
 * of the first; 0 when there are none. */
static uint64_t chunk_end(struct vm *m, const struct inode *n, uint64_t *page)
{
	uint64_t at = *page, end = 0;
	unsigned left = CHUNK;
	pfn_t pfn;

	for (; left && (pfn = radix_next(m, n->cache, &at)); at++) {
		if (!(frame_at(m, pfn)->flags & FR_DIRTY))
			continue;
		if (!end)
			*page = at;
		end = at + 1;
		left--;
	}
	return end;
}

/* Writes a chunk of an inode; it goes to the end of the list if pages are
 * left, for others to have their turn. */
static void write_chunk(struct vm *m, idx_t inode)
{
	struct inode *n = inode_at(m, inode);
	uint64_t page = n->write_next, end = chunk_end(m, n, &page);

	if (!end) { /* around */
		page = 0;
		end = chunk_end(m, n, &page);
	}
	n->write_next = end;
	inode_write(m, inode, page, end - 1);
	if (!n->nr_dirty)
		return;
	list_del(m, inode);
	list_add(m, inode);
}

/* ---- when --------------------------------------------------------------- */

static uint64_t limit(
	const struct vm *m, uint64_t dirtyable, uint64_t bytes, uint32_t ratio)
{
	return bytes ? (bytes + m->page_size - 1) >> m->page_shift
		     : dirtyable * ratio / 100;
}

void disk_dirty_limits(const struct vm *m, uint64_t dirtyable,
	uint64_t *background, uint64_t *threshold)
{
	const struct settings *s = &m->root->set;

	*threshold = limit(m, dirtyable, s->dirty_bytes, s->dirty_ratio);
	*background = limit(m, dirtyable, s->dirty_background_bytes,
		s->dirty_background_ratio);
	if (*background >= *threshold)
		*background = *threshold / 2;
}

/* Pages that files may fill: what is free above the reserves, and the cache. */
uint64_t disk_dirtyable(const struct vm *m)
{
	uint64_t free = phys_sum(m, nr_free), kept = phys_total_reserve(m);

	return (free > kept ? free - kept : 0) + phys_sum(m, pages[USE_FILE]) +
	       1;
}

static void write_until(struct vm *m, uint64_t most)
{
	while (phys_sum(m, dirty) > most)
		write_chunk(m, m->root->dirty_first);
}

void disk_balance(struct vm *m)
{
	uint64_t background, threshold;

	if (!phys_sum(m, dirty))
		return;
	disk_dirty_limits(m, disk_dirtyable(m), &background, &threshold);
	if (phys_sum(m, dirty) > background)
		write_until(m, background);
}

bool disk_throttle(struct vm *m)
{
	uint64_t background, threshold;

	disk_dirty_limits(m, disk_dirtyable(m), &background, &threshold);
	if (phys_sum(m, dirty) <= threshold)
		return false;
	m->root->count[CNT_THROTTLED]++;
	write_until(m, background);
	return true;
}

/* The list is in order of turns, not of age, once a chunk was written. */
static idx_t oldest(const struct vm *m)
{
	idx_t best = m->root->dirty_first;

	for (idx_t i = best; i; i = inode_at(m, i)->dirty_next)
		if (inode_at(m, i)->dirtied_ns < inode_at(m, best)->dirtied_ns)
			best = i;
	return best;
}

/* The flusher's first wake-up at or after a moment. */
static uint64_t wakeup(uint64_t ns, uint64_t interval)
{
	uint64_t over = ns % interval;

	return over ? ns - over + interval : ns;
}

void disk_tick(struct vm *m, uint64_t now)
{
	const struct settings *s = &m->root->set;
	uint64_t interval = s->dirty_writeback_centisecs * CENTISEC_NS;
	uint64_t expire = s->dirty_expire_centisecs * CENTISEC_NS;
	idx_t i;

	while (interval && (i = oldest(m))) {
		uint64_t due =
			wakeup(inode_at(m, i)->dirtied_ns + expire, interval);

		if (due > now)
			break;
		if (due > m->root->ns)
			m->root->ns = due;
		inode_write(m, i, 0, UINT64_MAX);
	}
	m->root->ns = now;
}
