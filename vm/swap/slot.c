/*
 * Slots: handed out in order, then those that were freed, the oldest first; so
 * pages that leave together lie together.  The swap cache, and the bytes.
 */
#include <assert.h>
#include <string.h>

#include "../disk/disk_i.h"
#include "../phys/lru.h"
#include "../task/task.h"
#include "swap.h"
#include "zram.h"

static struct swap_area *area_of(const struct vm *m, uint32_t slot)
{
	return &m->root->swap[slot_at(m, slot)->area];
}

/* The disk that an area lies on. */
static enum disk_id area_disk(const struct swap_area *a)
{
	return a->zram ? DISK_ZRAM : a->inode ? DISK_VDA : DISK_VDB;
}

/* ---- allocation ---------------------------------------------------------- */

static bool area_has_free(const struct swap_area *a)
{
	return a->pages && !a->closing && a->used + 1 < a->pages;
}

/* Highest priority, then the one that waited longest. */
static struct swap_area *pick_area(struct vm *m)
{
	struct swap_area *best = NULL;

	for (unsigned i = 0; i < m->root->swap_top; i++) {
		struct swap_area *a = &m->root->swap[i];

		if (!area_has_free(a))
			continue;
		if (!best || a->prio > best->prio ||
			(a->prio == best->prio && a->turn < best->turn))
			best = a;
	}
	return best;
}

uint32_t swap_room(const struct vm *m)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < m->root->swap_top; i++)
		if (area_has_free(&m->root->swap[i]))
			n += m->root->swap[i].pages - 1 - m->root->swap[i].used;
	return n;
}

uint32_t swap_alloc(struct vm *m)
{
	struct swap_area *a = pick_area(m);
	uint32_t slot;
	struct swap_slot *s;

	if (!a)
		return 0;
	if (a->next < a->pages) {
		slot = a->base + a->next++;
	} else {
		slot = a->free_head;
		a->free_head = slot_at(m, slot)->owner;
		__builtin_prefetch(slot_at(m, a->free_head), 1);
		if (!a->free_head)
			a->free_tail = 0;
	}
	a->turn = ++m->root->swap_turn;
	a->used++;
	m->root->swap_used++;
	s = slot_at(m, slot);
	*s = (struct swap_slot){.area = (a - m->root->swap) & 255, .used = 1};
	return slot;
}

void swap_release(struct vm *m, uint32_t slot)
{
	struct swap_slot *s = slot_at(m, slot);
	struct swap_area *a = area_of(m, slot);

	if (s->refs || s->frame)
		return;
	if (a->zram)
		zram_free(m, slot - a->base);
	*s = (struct swap_slot){.area = s->area};
	if (a->free_tail)
		slot_at(m, a->free_tail)->owner = slot;
	else
		a->free_head = slot;
	a->free_tail = slot;
	a->used--;
	m->root->swap_used--;
}

void swap_put(struct vm *m, uint32_t slot)
{
	struct swap_slot *s = slot_at(m, slot);
	pfn_t pfn = s->frame;

	assert(s->refs);
	s->refs--;
	if (s->refs)
		return;
	if (!pfn) {
		swap_release(m, slot);
	} else if (!frame_at(m, pfn)->mapcount) {
		swap_cache_del(m, pfn);
		lru_del(m, pfn);
		buddy_free(m, pfn, 0, USE_ANON);
	}
}

/* ---- cache --------------------------------------------------------------- */

void swap_cache_add(struct vm *m, uint32_t slot, pfn_t pfn)
{
	struct swap_slot *s = slot_at(m, slot);
	struct frame *f = frame_at(m, pfn);
	struct zone *z = zone_of(m, pfn);

	s->frame = pfn;
	s->owner = f->owner;
	s->index = f->index;
	f->owner = 0;
	f->index = slot;
	f->flags |= FR_SWAPCACHE;
	z->swap_cached++;
	z->swap_idle += !f->mapcount;
}

void swap_cache_del(struct vm *m, pfn_t pfn)
{
	struct frame *f = frame_at(m, pfn);
	uint32_t slot = (uint32_t)f->index;
	struct swap_slot *s = slot_at(m, slot);
	struct zone *z = zone_of(m, pfn);

	f->owner = s->owner;
	f->index = s->index;
	f->flags &= (uint16_t) ~(FR_SWAPCACHE | FR_READAHEAD);
	s->frame = PFN_NONE;
	s->owner = 0;
	s->index = 0;
	z->swap_cached--;
	z->swap_idle -= !f->mapcount;
	swap_release(m, slot);
}

bool swap_cache_drop(struct vm *m, pfn_t pfn)
{
	struct frame *f = frame_at(m, pfn);

	if (!(f->flags & FR_SWAPCACHE) || frame_slot(m, f)->refs)
		return false;
	swap_cache_del(m, pfn);
	f->flags |= FR_DIRTY; /* the frame alone has the bytes now */
	return true;
}

/* ---- bytes --------------------------------------------------------------- */

static uint64_t slot_offset(const struct vm *m, uint32_t slot)
{
	return (uint64_t)(slot - area_of(m, slot)->base) << m->page_shift;
}

static bool all_zero(const uint8_t *p, uint64_t n)
{
	return !p[0] && !memcmp(p, p + 1, n - 1);
}

void vdb_write(struct vm *m, uint64_t off, const uint8_t *from)
{
	struct segment *seg = &m->arena.seg[SEG_SWAP];

	for (uint64_t i = 0; i < m->page_size; i += 1u << DIRTY_PAGE_SHIFT)
		seg_mark(m, SEG_SWAP, off + i);
	memcpy(seg_at(m, SEG_SWAP, off), from, m->page_size);
	if (seg->used < off + m->page_size)
		seg->used = off + m->page_size;
}

static bool put_bytes(struct vm *m, uint32_t slot, const uint8_t *from)
{
	const struct swap_area *a = area_of(m, slot);
	uint64_t off = slot_offset(m, slot);

	if (a->zram)
		return zram_store(m, slot - a->base, from);
	if (a->inode)
		blocks_write(m, inode_at(m, a->inode), off, from, m->page_size);
	else
		vdb_write(m, off, from);
	return true;
}

bool swap_write(struct vm *m, uint32_t slot, pfn_t pfn)
{
	const uint8_t *from = ram_at(m, pfn_to_pa(m, pfn));
	struct swap_slot *s = slot_at(m, slot);

	s->zero = !(frame_at(m, pfn)->flags & FR_BYTES) ||
		  all_zero(from, m->page_size);
	m->root->count[s->zero ? CNT_SWPOUT_ZERO : CNT_PSWPOUT]++;
	zone_of(m, pfn)->swap_written++;
	if (s->zero)
		return true;
	disk_count(m, area_disk(area_of(m, slot)), 0, 1);
	return put_bytes(m, slot, from);
}

/* Without looking at the cache. */
static void slot_bytes(const struct vm *m, uint32_t slot, uint8_t *to)
{
	const struct swap_area *a = area_of(m, slot);
	uint64_t off = slot_offset(m, slot);

	if (slot_at(m, slot)->zero)
		memset(to, 0, m->page_size);
	else if (a->zram)
		zram_load(m, slot - a->base, to);
	else if (a->inode)
		blocks_read(m, inode_at(m, a->inode), off, to, m->page_size);
	else
		vdb_read(m, off, to);
}

void swap_read(struct vm *m, uint32_t slot, pfn_t pfn)
{
	if (slot_at(m, slot)->zero) {
		m->root->count[CNT_SWPIN_ZERO]++;
		return;
	}
	m->root->count[CNT_PSWPIN]++;
	if (running_io(m))
		running_io(m)->read_bytes += m->page_size;
	disk_count(m, area_disk(area_of(m, slot)), 1, 0);
	if (swap_is_ram(m, slot))
		zram_note_read(m, slot - area_of(m, slot)->base);
	slot_bytes(m, slot, frame_bytes(m, pfn));
}

void swap_zero_tail(struct vm *m, uint32_t slot, uint64_t in)
{
	const struct swap_area *a = area_of(m, slot);
	pfn_t pfn = slot_at(m, slot)->frame;
	uint8_t page[DISK_BLOCK];

	if (slot_at(m, slot)->zero)
		return;
	if (a->zram) {
		zram_zero_tail(m, slot - a->base, in);
	} else {
		slot_bytes(m, slot, page);
		memset(page + in, 0, m->page_size - in);
		put_bytes(m, slot, page);
	}
	if (pfn)
		memset(frame_bytes(m, pfn) + in, 0, m->page_size - in);
}

void swap_look(const struct vm *m, uint32_t slot, uint8_t *buf)
{
	pfn_t pfn = slot_at(m, slot)->frame;

	if (pfn)
		memcpy(buf, ram_at(m, pfn_to_pa(m, pfn)), m->page_size);
	else
		slot_bytes(m, slot, buf);
}

/* ---- entries ------------------------------------------------------------- */

#define SHIFT_OFFSET 9u
#define SHIFT_TYPE64 59u
#define OFFSET64     ((1ull << (SHIFT_TYPE64 - SHIFT_OFFSET)) - 1)
#define TYPE_MASK    ((1u << SWAP_TYPE_BITS) - 1)

uint32_t swap_entry_slot(const struct vm *m, uint64_t e)
{
	bool wide = m->arch->entry_bytes == 8;
	unsigned type = wide ? (unsigned)(e >> SHIFT_TYPE64)
			     : (unsigned)(e >> 1) & TYPE_MASK;
	uint64_t offset = (wide ? ~e : e) >> SHIFT_OFFSET & OFFSET64;

	if (!e || e & (m->arch->pte.present | m->arch->pte.prot_none) ||
		type >= MAX_SWAP_AREAS)
		return 0;
	return m->root->swap[type].base + (uint32_t)offset;
}

uint64_t swap_entry_offset_bits(const struct vm *m)
{
	return m->arch->entry_bytes == 8 ? OFFSET64 << SHIFT_OFFSET
					 : UINT32_MAX << SHIFT_OFFSET;
}

void swap_place(
	const struct vm *m, uint32_t slot, unsigned *type, uint32_t *offset)
{
	*type = slot_at(m, slot)->area;
	*offset = slot - area_of(m, slot)->base;
}

uint64_t swap_entry(const struct vm *m, uint32_t slot, bool exclusive)
{
	unsigned type;
	uint32_t offset;
	uint64_t e;

	swap_place(m, slot, &type, &offset);
	if (m->arch->entry_bytes == 8)
		e = (uint64_t)type << SHIFT_TYPE64 |
		    (~(uint64_t)offset & OFFSET64) << SHIFT_OFFSET;
	else
		e = (uint64_t)offset << SHIFT_OFFSET | type << 1;
	return exclusive ? e | swap_entry_exclusive(m) : e;
}
