#include "migrate.h"

#include "../disk/disk.h"
#include "../phys/lru.h"
#include "rmap.h"

bool page_movable(const struct vm *m, pfn_t pfn)
{
	const struct frame *f = frame_at(m, pfn);

	return frame_on_lru(f) && !(f->flags & FR_LARGE);
}

/* The same entry, of another frame; accessed and dirty stay. */
static void move_entry(struct vm *m, const struct rmap_entry *e, void *ctx)
{
	uint64_t pte = entry_get(m, e->tab, e->i) & ~m->arch->pte.addr;

	entry_set(m, e->tab, e->i, pte | pfn_to_pa(m, *(const pfn_t *)ctx));
	tlb_flush_page(m, e->v->mm, e->va);
}

/* Who finds the page by its number or its slot finds the new frame. */
static void move_keys(struct vm *m, const struct frame *f, pfn_t to)
{
	if (f->flags & FR_SWAPCACHE)
		frame_slot(m, f)->frame = to;
	else if (f->state != FRAME_ANON)
		radix_set(m, &inode_at(m, f->owner)->cache, f->index, to);
}

/* Adds (sign 1) or takes (-1) a page from what its zone counts. */
static void count_page(
	struct vm *m, const struct frame *f, pfn_t pfn, int64_t sign)
{
	static const uint8_t use[] = {
		[FRAME_ANON] = USE_ANON,
		[FRAME_FILE] = USE_FILE,
		[FRAME_SHMEM] = USE_SHMEM,
	};
	struct zone *z = zone_of(m, pfn);
	uint64_t one = (uint64_t)sign;

	z->pages[use[f->state]] += one;
	z->mapped += frame_is_mapped_cache(f) ? one : 0;
	z->dirty += f->state == FRAME_FILE && f->flags & FR_DIRTY ? one : 0;
	if (f->flags & FR_SWAPCACHE) {
		z->swap_cached += one;
		z->swap_idle += f->mapcount ? 0 : one;
	}
}

void migrate_page(struct vm *m, pfn_t to, pfn_t from)
{
	struct frame *f = frame_at(m, from), *t = frame_at(m, to);
	unsigned bytes;

	frame_copy(m, to, from);
	bytes = t->flags & FR_BYTES;
	rmap_walk(m, from, move_entry, &to);
	move_keys(m, f, to);
	count_page(m, f, from, -1);
	*t = *f;
	t->flags = (uint16_t)((f->flags & ~FR_BYTES) | bytes);
	bytes = f->flags & FR_BYTES;
	*f = (struct frame){.state = FRAME_TAIL, .flags = bytes & FR_BYTES};
	count_page(m, t, to, 1);
	lru_add(m, to);
}
