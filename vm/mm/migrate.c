#include "migrate.h"

#include "../compact/compact.h"
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

static bool is_huge(const struct vm *m, unsigned order)
{
	return order && order == huge_order(m);
}

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
	bool whole = is_huge(m, f->order);
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

	if (is_huge(m, f->order))
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

/* ---- to where somebody wants them ---------------------------------------- */

void page_exchange(struct vm *m, pfn_t to, pfn_t from)
{
	unsigned order = frame_at(m, from)->order;

	zone_of(m, to)->pages[USE_KERNEL] -= 1u << order;
	if (order)
		migrate_large(m, to, from);
	else
		migrate_page(m, to, from);
	m->root->count[CNT_PGMIGRATE_SUCCESS] += 1u << order;
	m->root->count[CNT_THP_MIGRATION_SUCCESS] += is_huge(m, order);
}

pfn_t page_target(struct vm *m, unsigned order, unsigned gfp)
{
	gfp |= order ? GFP_TRANSHUGE : GFP_HIGHUSER_MOVABLE;
	if (order <= COSTLY_ORDER)
		gfp |= GFP_MAYFAIL; /* nobody is killed for it */
	return mem_alloc(m, gfp, order, FRAME_KERNEL, USE_KERNEL, false);
}

/* A page that is on no list meanwhile, so that who makes room for it does not
 * take it; false if there is no block. */
static bool go(struct vm *m, pfn_t pfn, const struct migration *x)
{
	unsigned order = frame_at(m, pfn)->order;
	pfn_t to = x->target(m, pfn, x->ctx);

	if (!to)
		return false;
	page_exchange(m, to, pfn);
	frame_at(m, pfn)->state = FRAME_KERNEL;
	frame_at(m, pfn)->order = order & 31;
	zone_of(m, pfn)->pages[USE_KERNEL] += 1u << order;
	buddy_free(m, pfn, order, USE_KERNEL);
	return true;
}

static int move_whole(struct vm *m, pfn_t pfn, const struct migration *x)
{
	bool gone;

	m->held = pfn;
	m->held_end = pfn + folio_pages(m, pfn);
	lru_del(m, pfn);
	gone = go(m, pfn, x);
	m->held_end = 0;
	if (!gone)
		lru_add(m, pfn);
	return gone ? 0 : -ENOMEM;
}

/* Off the lists; which of them hold a page. */
static void take_parts(struct vm *m, pfn_t head, unsigned nr, bool *is_page)
{
	m->held = head;
	m->held_end = head + nr;
	for (unsigned i = 0; i < nr; i++) {
		is_page[i] = frame_on_lru(frame_at(m, head + i));
		if (is_page[i])
			lru_del(m, head + i);
	}
}

/*
 * In pieces, up to the first for which there is no frame.  Those that nobody
 * mapped are free now and count as moved.
 */
static void move_parts(struct vm *m, pfn_t head, struct migration *x)
{
	bool is_page[1u << (NR_ORDERS - 1)], whole;
	unsigned nr = folio_pages(m, head), i;
	uint64_t *count = m->root->count;

	whole = is_huge(m, frame_at(m, head)->order);
	count[CNT_THP_MIGRATION_FAIL] += whole;
	count[CNT_THP_MIGRATION_SPLIT] += whole;
	x->split++;
	vm_fail_clear(m);
	huge_break(m, head);
	take_parts(m, head, nr, is_page);
	for (i = 0; i < nr && (!is_page[i] || go(m, head + i, x)); i++)
		count[CNT_PGMIGRATE_SUCCESS] += !is_page[i];
	x->left |= i < nr;
	count[CNT_PGMIGRATE_FAIL] += i < nr;
	for (; i < nr; i++)
		if (is_page[i])
			lru_add(m, head + i);
	m->held_end = 0;
	vm_fail_clear(m);
}

/* An anonymous page of which nobody maps a part any more. */
static bool is_worn(const struct vm *m, pfn_t head)
{
	const struct frame *f = frame_at(m, head);

	if (f->state != FRAME_ANON)
		return false;
	for (unsigned i = 0; i < 1u << f->order; i++)
		if (!f[i].mapcount)
			return true;
	return false;
}

int page_move(struct vm *m, pfn_t pfn, struct migration *x)
{
	bool large = frame_at(m, pfn)->flags & FR_LARGE;

	if (frame_at(m, pfn)->state == FRAME_HUGETLB)
		return hugetlb_migrate(m, pfn);
	if (!(large && is_worn(m, pfn)) && !move_whole(m, pfn, x))
		return 0;
	if (large) {
		move_parts(m, pfn, x);
		return 0;
	}
	m->root->count[CNT_PGMIGRATE_FAIL]++;
	return -ENOMEM;
}

bool page_is_shared(const struct vm *m, pfn_t pfn)
{
	const struct frame *f = frame_at(m, pfn);

	return f->flags & FR_LARGE ? folio_maybe_shared(m, pfn)
				   : f->mapcount > 1;
}
