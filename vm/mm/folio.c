/*
 * Huge pages as frames: blocks of one order that are mapped as a whole, or,
 * after a split of the entry that did it, page by page.
 *
 *	frame      0        1                   2                   3 ...
 *	         head   next   huge entries   next   shared
 *	                prev   mappings
 *	                owner  mm A           owner  mm B
 *	                index  A's mappings   index  B's mappings
 *
 * `mapcount` of each frame counts the entries that map that page, huge ones
 * included.  A mapping, of which frame 1 has the sum, is one entry of any
 * size.  Two processes are told apart by slots A and B: `shared` is set as soon
 * as a mapping comes from elsewhere, and cleared when one slot holds them all.
 * It says "perhaps shared" when it is set and "this process alone" when not.
 *
 * A frame that nobody maps stays part of its huge page: only the last mapping
 * of all gives the block back.
 *
 * Source: Linux include/linux/rmap.h (folio_add_large_mapcount and
 * folio_sub_large_mapcount), Documentation/mm/transhuge.rst.
 */
#include "page_i.h"

static void slots_add(struct frame *f, idx_t mm, uint32_t total)
{
	for (unsigned i = 1; i < 3; i++)
		if (f[i].owner == mm) {
			f[i].index++;
			return;
		}
	for (unsigned i = 1; i < 3; i++)
		if (!f[i].owner) {
			f[i].owner = mm;
			f[i].index = 1;
			f[2].next |= total != 1;
			return;
		}
}

static void slots_sub(struct frame *f, idx_t mm, uint32_t total)
{
	for (unsigned i = 1; i < 3; i++)
		if (f[i].owner == mm) {
			if (!--f[i].index)
				f[i].owner = 0;
			break;
		}
	if (f[1].index == total || f[2].index == total)
		f[2].next = 0;
}

void folio_mapping_add(struct vm *m, const struct mm *mm, pfn_t pfn)
{
	struct frame *f = frame_at(m, folio_head(m, pfn));

	slots_add(f, (idx_t)(mm - mm_at(m, 0)), ++f[1].prev);
}

bool folio_mapping_sub(struct vm *m, const struct mm *mm, pfn_t pfn)
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
		f[i].flags |= FR_LARGE | FR_SWAPBACKED;
	}
}

void folio_map(struct vm *m, struct mm *mm, pfn_t head)
{
	struct frame *f = frame_at(m, head);

	for (unsigned i = 0; i < 1u << f->order; i++)
		f[i].mapcount++;
	zone_of(m, head)->anon_huge += !f[1].next++;
	folio_mapping_add(m, mm, head);
	mm_rss_add(mm, RSS_ANON, 1u << f->order);
}

void folio_unmap(struct vm *m, struct mm *mm, pfn_t head)
{
	struct frame *f = frame_at(m, head);

	for (unsigned i = 0; i < 1u << f->order; i++)
		f[i].mapcount--;
	zone_of(m, head)->anon_huge -= !--f[1].next;
	mm->rss[RSS_ANON] -= 1u << f->order;
	if (folio_mapping_sub(m, mm, head))
		folio_free(m, head);
	else if (f->flags & FR_MLOCKED)
		munlock_page(m, head);
}

void folio_free(struct vm *m, pfn_t head)
{
	if (frame_at(m, head)->flags & FR_MLOCKED)
		munlock_page(m, head);
	lru_del(m, head);
	buddy_free(m, head, frame_at(m, head)->order, USE_ANON);
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
	zone_of(m, head)->anon_huge -= !--f[1].next;
}

bool folio_maybe_shared(const struct vm *m, pfn_t pfn)
{
	return frame_at(m, folio_head(m, pfn))[2].next;
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
	f->order = 0;
	for (unsigned i = 0; i < nr; i++) {
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
