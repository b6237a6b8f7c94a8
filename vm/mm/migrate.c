#include "migrate.h"

#include "../disk/disk.h"
#include "../phys/lru.h"
#include "../reclaim/reclaim.h"
#include "huge.h"
#include "hugetlb.h"
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

/* What is known about the frame goes along, and the bytes. */
static void move_frame(struct vm *m, pfn_t to, pfn_t from)
{
	struct frame *f = frame_at(m, from), *t = frame_at(m, to);
	unsigned bytes;

	frame_copy(m, to, from);
	bytes = t->flags & FR_BYTES;
	*t = *f;
	t->flags = (uint16_t)((f->flags & ~FR_BYTES) | bytes);
	bytes = f->flags & FR_BYTES;
	*f = (struct frame){.state = FRAME_TAIL, .flags = bytes & FR_BYTES};
	if (policy_on(m))
		policy_page_moved(m, to, from);
}

void migrate_page(struct vm *m, pfn_t to, pfn_t from)
{
	struct frame *f = frame_at(m, from);

	rmap_walk(m, from, move_entry, &to);
	move_keys(m, f, to);
	count_page(m, f, from, -1);
	move_frame(m, to, from);
	count_page(m, frame_at(m, to), to, 1);
	lru_add(m, to);
}

/* ---- large pages --------------------------------------------------------- */

/* The huge entry by which v maps the page, if it does. */
static void move_huge_entry(
	struct vm *m, const struct vma *v, pfn_t to, pfn_t from)
{
	uint64_t index = frame_at(m, from)->index, e;
	vaddr_t va;

	if (index < v->pgoff || index - v->pgoff >= vma_pages(m, v))
		return;
	va = v->start + ((index - v->pgoff) << m->page_shift);
	e = pt_above(m, mm_at(m, v->mm), va);
	if (!pte_huge(m, e) || e & m->arch->pte.special ||
		pte_pfn(m, e) != from)
		return;
	pt_huge_set(m, v->mm, va, (e & ~m->arch->pte.addr) | pfn_to_pa(m, to));
	tlb_flush_huge(m, v->mm, va, va + huge_size(m));
}

/* Adds (sign 1) or takes (-1) a large page from what its zone counts. */
static void count_large(
	struct vm *m, const struct frame *f, pfn_t head, int64_t sign)
{
	struct zone *z = zone_of(m, head);
	bool whole = f->order == huge_order(m);
	uint64_t one = (uint64_t)sign;

	if (f->state == FRAME_SHMEM)
		z->shmem_huge += whole ? one : 0;
	if (whole && f[1].next)
		*(f->state == FRAME_ANON ? &z->anon_huge
					 : &z->shmem_huge_mapped) += one;
	for (pfn_t i = 0; i < 1u << f->order; i++)
		count_page(m, f + i, head + i, sign);
}

/* A large page as a whole, to a block of its size. */
static void migrate_large(struct vm *m, pfn_t to, pfn_t from)
{
	const struct frame *f = frame_at(m, from);
	uint64_t nr = 1u << f->order;

	if (f->order == huge_order(m))
		for (idx_t i = rmap_first(m, from); i;
			i = rmap_next(m, from, i))
			move_huge_entry(m, vma_at(m, i), to, from);
	for (pfn_t i = 0; i < nr; i++) {
		pfn_t part = to + i;

		rmap_walk(m, from + i, move_entry, &part);
		if (f->state == FRAME_SHMEM)
			radix_set(m, &inode_at(m, f->owner)->cache,
				f->index + i, part);
	}
	count_large(m, f, from, -1);
	for (pfn_t i = 0; i < nr; i++)
		move_frame(m, to + i, from + i);
	count_large(m, frame_at(m, to), to, 1);
	lru_add(m, to);
}

/* ---- to where the placement in force says -------------------------------- */

void page_exchange(struct vm *m, pfn_t to, pfn_t from)
{
	unsigned order = frame_at(m, from)->order;

	zone_of(m, to)->pages[USE_KERNEL] -= 1u << order;
	lru_del(m, from);
	if (order)
		migrate_large(m, to, from);
	else
		migrate_page(m, to, from);
	m->root->count[CNT_PGMIGRATE_SUCCESS] += 1u << order;
}

static void exchange(struct vm *m, pfn_t to, pfn_t from)
{
	unsigned order = frame_at(m, from)->order;

	page_exchange(m, to, from);
	frame_at(m, from)->state = FRAME_KERNEL;
	frame_at(m, from)->order = order & 31;
	zone_of(m, from)->pages[USE_KERNEL] += 1u << order;
	buddy_free(m, from, order, USE_KERNEL);
}

/* Reclaim for a frame of the new place may take the page itself. */
static int move_one(struct vm *m, pfn_t pfn)
{
	unsigned order = frame_at(m, pfn)->order;
	pfn_t to;

	if (!order && !mem_has_room(m, GFP_HIGHUSER, 1) &&
		mem_try_reclaim(m, GFP_HIGHUSER, 1))
		return -ENOMEM;
	if (!frame_on_lru(frame_at(m, pfn)))
		return 0;
	to = buddy_alloc(m, GFP_HIGHUSER_MOVABLE, order, FRAME_KERNEL,
		USE_KERNEL, false);
	if (!to)
		return -ENOMEM;
	exchange(m, to, pfn);
	return 0;
}

/* No block of its size was free: page by page. */
static int move_parts(struct vm *m, pfn_t head)
{
	unsigned nr = folio_pages(m, head);
	int err = 0;

	vm_fail_clear(m);
	m->root->count[CNT_THP_MIGRATION_FAIL]++;
	m->root->count[CNT_THP_MIGRATION_SPLIT]++;
	huge_break(m, head);
	for (unsigned i = 0; i < nr && !err; i++)
		err = move_one(m, head + i);
	m->root->count[CNT_PGMIGRATE_FAIL] += err != 0;
	return err;
}

int page_move(struct vm *m, pfn_t pfn)
{
	bool large = frame_at(m, pfn)->flags & FR_LARGE;
	int err;

	if (frame_at(m, pfn)->state == FRAME_HUGETLB)
		return hugetlb_migrate(m, pfn);
	err = move_one(m, pfn);
	if (err && large)
		return move_parts(m, pfn);
	m->root->count[CNT_THP_MIGRATION_SUCCESS] += large;
	m->root->count[CNT_PGMIGRATE_FAIL] += err != 0;
	return err;
}

bool page_is_shared(const struct vm *m, pfn_t pfn)
{
	const struct frame *f = frame_at(m, pfn);

	return f->flags & FR_LARGE ? folio_maybe_shared(m, pfn)
				   : f->mapcount > 1;
}
