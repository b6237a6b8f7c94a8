/*
 * Large pages as frames: blocks that are mapped as a whole, if they are as
 * large as a huge entry maps, or page by page.
 *
 *	frame      0        1                   2                   3 ...
 *	         head   next   huge entries   next   shared
 *	                prev   mappings
 *	                owner  mm A           owner  mm B
 *	                index  A's mappings   index  B's mappings
 *
 * All frames have the state, the order and FR_LARGE.  Anonymous ones have the
 * order of a huge page; those of shared memory, once they were cut, any.  A
 * pair of frames has no slot B, and `shared` where `huge entries` is.
 *
 * `mapcount` of each frame counts the entries that map that page, huge ones
 * included.  A mapping, of which frame 1 has the sum, is one entry of any
 * size.  Two processes are told apart by slots A and B: `shared` is set as soon
 * as a mapping comes from elsewhere, and cleared when one slot holds them all.
 * It says "perhaps shared" when it is set and "this process alone" when not.
 *
 * An anonymous frame that nobody maps stays part of its huge page: only the
 * last mapping of all gives the block back.  Frames of the page cache are its
 * own, mapped or not.
 *
 * Source: Linux include/linux/rmap.h (folio_add_large_mapcount and
 * folio_sub_large_mapcount), Documentation/mm/transhuge.rst.
 */
#include "page_i.h"

static unsigned slots_end(const struct frame *f)
{
	return f->order > 1 ? 3 : 2;
}

static pfn_t *shared_mark(struct frame *f)
{
	return &f[slots_end(f) - 1].next;
}

static void slots_add(struct frame *f, idx_t mm, uint32_t total)
{
	for (unsigned i = 1; i < slots_end(f); i++)
		if (f[i].owner == mm) {
			f[i].index++;
			return;
		}
	for (unsigned i = 1; i < slots_end(f); i++)
		if (!f[i].owner) {
			f[i].owner = mm;
			f[i].index = 1;
			*shared_mark(f) |= total != 1;
			return;
		}
	*shared_mark(f) = 1;
}

static void slots_sub(struct frame *f, idx_t mm, uint32_t total)
{
	for (unsigned i = 1; i < slots_end(f); i++)
		if (f[i].owner == mm) {
			if (!--f[i].index)
				f[i].owner = 0;
			break;
		}
	for (unsigned i = 1; i < slots_end(f); i++)
		if (f[i].index == total)
			*shared_mark(f) = 0;
}

void folio_mapping_add(struct vm *m, const struct mm *mm, pfn_t pfn)
{
	struct frame *f = frame_at(m, folio_head(m, pfn));

	slots_add(f, (idx_t)(mm - mm_at(m, 0)), ++f[1].prev);
}

/* One less mapping of mm, of any size; true: that was the last. */
static bool folio_mapping_sub(struct vm *m, const struct mm *mm, pfn_t pfn)
{
	struct frame *f = frame_at(m, folio_head(m, pfn));

	slots_sub(f, (idx_t)(mm - mm_at(m, 0)), --f[1].prev);
	return !f[1].prev;
}

void folio_make(struct vm *m, pfn_t head)
{
	struct frame *f = frame_at(m, head);

	for (unsigned i = 0; i < 1u << f->order; i++) {
		f[i].state = f->state;
		f[i].order = f->order;
		f[i].flags |= FR_LARGE | FR_SWAPBACKED;
	}
}

void folio_reset(struct vm *m, pfn_t head)
{
	struct frame *f = frame_at(m, head);

	for (unsigned i = 1; i < 1u << f->order; i++) {
		f[i].next = f[i].prev = PFN_NONE;
		f[i].owner = 0;
		f[i].index = 0;
	}
}

/* Huge entries, of anonymous memory or of shared memory, that map pages. */
static void count_huge(struct vm *m, const struct frame *f, pfn_t head, int nr)
{
	struct zone *z = zone_of(m, head);

	*(f->state == FRAME_ANON ? &z->anon_huge : &z->shmem_huge_mapped) +=
		(uint64_t)(int64_t)nr;
}

void folio_map(struct vm *m, struct mm *mm, pfn_t head)
{
	struct frame *f = frame_at(m, head);
	unsigned nr = 0;

	for (unsigned i = 0; i < 1u << f->order; i++)
		nr += !f[i].mapcount++;
	if (f->state == FRAME_SHMEM)
		zone_of(m, head)->mapped += nr;
	if (!f[1].next++)
		count_huge(m, f, head, 1);
	folio_mapping_add(m, mm, head);
	mm_rss_add(mm, frame_rss(f), 1u << f->order);
}

/* What nobody maps any more. */
static void folio_free(struct vm *m, pfn_t head)
{
	if (frame_at(m, head)->flags & FR_MLOCKED)
		munlock_page(m, head);
	lru_del(m, head);
	buddy_free(m, head, frame_at(m, head)->order, USE_ANON);
}

void folio_unmap(struct vm *m, struct mm *mm, pfn_t head)
{
	struct frame *f = frame_at(m, head);
	unsigned nr = 0;

	for (unsigned i = 0; i < 1u << f->order; i++)
		nr += !--f[i].mapcount;
	if (f->state == FRAME_SHMEM)
		zone_of(m, head)->mapped -= nr;
	if (!--f[1].next)
		count_huge(m, f, head, -1);
	mm->rss[frame_rss(f)] -= 1u << f->order;
	if (folio_mapping_sub(m, mm, head) && f->state == FRAME_ANON)
		folio_free(m, head);
	else if (f->flags & FR_MLOCKED)
		munlock_page(m, head);
}

void folio_entry_gone(struct vm *m, struct mm *mm, pfn_t pfn)
{
	pfn_t head = folio_head(m, pfn);
	const struct frame *f = frame_at(m, head);
	bool last = folio_mapping_sub(m, mm, pfn);

	if (f->state == FRAME_ANON && last)
		folio_free(m, head);
	else if (f->state == FRAME_SHMEM && f->flags & FR_MLOCKED)
		munlock_page(m, head);
}

void folio_remap_pages(struct vm *m, struct mm *mm, pfn_t head)
{
	struct frame *f = frame_at(m, head);
	unsigned owned = f->flags & FR_EXCLUSIVE;

	for (unsigned i = 0; i < 1u << f->order; i++) {
		f[i].flags |= owned & FR_EXCLUSIVE;
		folio_mapping_add(m, mm, head);
	}
	folio_mapping_sub(m, mm, head);
	if (!--f[1].next)
		count_huge(m, f, head, -1);
}

bool folio_maybe_shared(const struct vm *m, pfn_t pfn)
{
	return *shared_mark(frame_at(m, folio_head(m, pfn)));
}

uint32_t folio_mappings(const struct vm *m, pfn_t pfn)
{
	return frame_at(m, folio_head(m, pfn))[1].prev;
}

void folio_split(struct vm *m, pfn_t head)
{
	struct frame *f = frame_at(m, head);
	unsigned nr = 1u << f->order;
	uint16_t age = f->flags & (FR_ACTIVE | FR_REFERENCED | FR_SWAPBACKED);

	m->root->count[CNT_THP_SPLIT_PAGE]++;
	lru_del(m, head);
	for (unsigned i = 0; i < nr; i++) {
		f[i].order = 0;
		f[i].next = f[i].prev = PFN_NONE;
		f[i].owner = f->owner;
		f[i].index = f->index + i;
		f[i].flags |= age;
		f[i].flags &= ~FR_LARGE;
	}
	for (unsigned i = 0; i < nr; i++)
		if (f[i].mapcount)
			lru_add(m, head + i);
		else
			buddy_free(m, head + i, 0, USE_ANON);
}
