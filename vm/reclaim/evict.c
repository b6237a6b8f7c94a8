/*
 * One page: was it used, and if not, out with it.
 *
 *	anonymous                  to its swap slot
 *	shared memory              to its swap slot; dropped if never written
 *	file, clean                dropped
 *	file, dirty                written to disk/, then dropped
 *	given up by MADV_FREE      dropped, unless it was written since
 *	MAP_DROPPABLE              dropped
 *
 * Writing takes no time here, so the page is free at once; Linux starts the I/O
 * and finds the page again when it is done.  Source: Linux mm/vmscan.c
 * (folio_check_references, shrink_folio_list), mm/rmap.c (try_to_unmap_one).
 */
#include "../disk/disk.h"
#include "../mm/huge.h"
#include "../mm/rmap.h"
#include "../swap/swap.h"
#include "reclaim_i.h"
#include "workingset.h"

/* ---- was it used? -------------------------------------------------------- */

struct look {
	unsigned accessed;
	uint64_t vm_flags;
};

/* As in Linux on x86 the TLB keeps its entry: a page that the processor still
 * knows is not found used again before its entry is gone. */
static void look_at(struct vm *m, const struct rmap_entry *r, void *ctx)
{
	uint64_t e = entry_get(m, r->tab, r->i);
	struct look *l = ctx;

	if (!(e & m->arch->pte.accessed) || !vma_has_recency(m, r->v))
		return;
	entry_set(m, r->tab, r->i, e & ~m->arch->pte.accessed);
	l->accessed++;
	l->vm_flags |= r->v->flags;
}

unsigned page_referenced(struct vm *m, pfn_t pfn, uint64_t *vm_flags)
{
	struct look l = {0, 0};

	rmap_walk(m, pfn, look_at, &l);
	*vm_flags = l.vm_flags;
	return l.accessed;
}

enum use { USE_NONE, USE_ONCE, USE_OFTEN, USE_KEEP_DIRTY };

static enum use judge(struct vm *m, pfn_t pfn)
{
	struct frame *f = frame_at(m, pfn);
	bool was = f->flags & FR_REFERENCED, file = !(f->flags & FR_SWAPBACKED);
	uint64_t vm_flags;
	unsigned n = page_referenced(m, pfn, &vm_flags);

	f->flags &= (uint16_t)~FR_REFERENCED;
	if (!n)
		return was && file ? USE_KEEP_DIRTY : USE_NONE;
	f->flags |= FR_REFERENCED;
	if (was || n > 1 || (file && vm_flags & VM_EXEC))
		return USE_OFTEN;
	return USE_ONCE;
}

/* ---- unmapping ----------------------------------------------------------- */

struct unmap {
	pfn_t pfn;
	uint32_t slot; /* what the entries name then, 0 nothing */
	bool exclusive, dirty;
};

static void unmap_entry(struct vm *m, const struct rmap_entry *r, void *ctx)
{
	struct unmap *u = ctx;
	struct frame *f = frame_at(m, u->pfn);
	struct mm *mm = mm_at(m, r->v->mm);
	uint64_t to = 0;

	uint64_t e = entry_get(m, r->tab, r->i);

	u->dirty |= (e & m->arch->pte.dirty) != 0;
	if (u->slot) {
		to = swap_entry(m, u->slot, u->exclusive);
		if (e & m->soft_dirty)
			to |= soft_dirty_swap(m);
		swap_get(m, u->slot);
		mm->swapped++;
	}
	entry_set(m, r->tab, r->i, to);
	tlb_flush_page(m, r->v->mm, r->va);
	mm->rss[frame_rss(f)]--;
	if (f->mapcount == 1 && frame_is_mapped_cache(f))
		zone_of(m, u->pfn)->mapped--;
	f->mapcount--;
	if (f->flags & FR_SWAPCACHE && !f->mapcount)
		zone_of(m, u->pfn)->swap_idle++;
}

/* Takes the frame out of all page tables; whether it was written to. */
static bool unmap_all(struct vm *m, pfn_t pfn, uint32_t slot)
{
	struct unmap u = {
		.pfn = pfn,
		.slot = slot,
		.exclusive = frame_at(m, pfn)->flags & FR_EXCLUSIVE,
	};

	rmap_walk(m, pfn, unmap_entry, &u);
	return u.dirty;
}

struct written {
	bool dirty;
	uint64_t vm_flags;
};

static void find_dirty(struct vm *m, const struct rmap_entry *r, void *ctx)
{
	struct written *w = ctx;

	w->dirty |= (entry_get(m, r->tab, r->i) & m->arch->pte.dirty) != 0;
	w->vm_flags |= r->v->flags;
}

/* Whether the frame, or an entry, says that it was written to. */
static bool is_dirty(struct vm *m, pfn_t pfn, uint64_t *vm_flags)
{
	struct written w = {frame_at(m, pfn)->flags & FR_DIRTY, 0};

	rmap_walk(m, pfn, find_dirty, &w);
	*vm_flags = w.vm_flags;
	return w.dirty;
}

/* ---- by kind ------------------------------------------------------------- */

static enum fate evict_anon(struct vm *m, pfn_t pfn)
{
	struct frame *f = frame_at(m, pfn);
	bool cached = f->flags & FR_SWAPCACHE, dirty = !cached;
	uint64_t vm_flags;
	uint32_t slot = cached ? (uint32_t)f->index : swap_alloc(m);

	if (!slot)
		return FATE_ACTIVE;
	/* swapoff has been here: it would not find the entries again */
	if (cached && f->mapcount && swap_slot_closing(m, slot))
		return FATE_ACTIVE;
	dirty = dirty || is_dirty(m, pfn, &vm_flags);
	if (dirty && !swap_write(m, slot, pfn)) {
		swap_release(m, slot);
		return FATE_ACTIVE;
	}
	unmap_all(m, pfn, slot);
	slot_at(m, slot)->shadow = workingset_eviction(m, pfn);
	if (cached)
		swap_cache_del(m, pfn);
	buddy_free(m, pfn, 0, USE_ANON);
	return FATE_FREED;
}

static enum fate evict_lazy(struct vm *m, pfn_t pfn)
{
	struct frame *f = frame_at(m, pfn);
	uint64_t vm_flags;

	if (is_dirty(m, pfn, &vm_flags) && !(vm_flags & VM_DROPPABLE)) {
		f->flags |= FR_SWAPBACKED;
		return FATE_ACTIVE;
	}
	unmap_all(m, pfn, 0);
	buddy_free(m, pfn, 0, USE_ANON);
	m->root->count[CNT_PGLAZYFREED]++;
	return FATE_FREED;
}

/* What nobody ever wrote to is a hole again. */
static enum fate evict_shmem_clean(struct vm *m, pfn_t pfn)
{
	unmap_all(m, pfn, 0);
	cache_evict(m, pfn, 0);
	return FATE_FREED;
}

static enum fate evict_shmem(struct vm *m, pfn_t pfn)
{
	uint64_t vm_flags;
	uint32_t slot;

	if (!is_dirty(m, pfn, &vm_flags))
		return evict_shmem_clean(m, pfn);
	slot = cache_room(m) ? swap_alloc(m) : 0;
	if (!slot)
		return FATE_ACTIVE;
	if (!swap_write(m, slot, pfn)) {
		swap_release(m, slot);
		return FATE_ACTIVE;
	}
	unmap_all(m, pfn, 0);
	slot_at(m, slot)->shadow = workingset_eviction(m, pfn);
	swap_get(m, slot);
	cache_evict(m, pfn, slot);
	return FATE_FREED;
}

static enum fate evict_file(struct vm *m, pfn_t pfn)
{
	struct frame *f = frame_at(m, pfn);

	if (!cache_room(m))
		return FATE_ACTIVE;
	if (unmap_all(m, pfn, 0))
		cache_set_dirty(m, f);
	if (f->flags & FR_DIRTY)
		cache_writeback(m, f->owner, f->index, f->index);
	cache_evict(m, pfn, workingset_eviction(m, pfn));
	return FATE_FREED;
}

static enum fate evict(struct vm *m, pfn_t pfn)
{
	const struct frame *f = frame_at(m, pfn);

	switch (f->state) {
	case FRAME_ANON:
		return f->flags & FR_SWAPBACKED ? evict_anon(m, pfn)
						: evict_lazy(m, pfn);
	case FRAME_SHMEM:
		return evict_shmem(m, pfn);
	default:
		return evict_file(m, pfn);
	}
}

/* Whether its bytes are nowhere else yet. */
static bool is_unwritten(struct vm *m, pfn_t pfn)
{
	const struct frame *f = frame_at(m, pfn);
	uint64_t vm_flags;

	if (f->state == FRAME_ANON && f->flags & FR_SWAPBACKED &&
		!(f->flags & FR_SWAPCACHE))
		return true;
	return is_dirty(m, pfn, &vm_flags);
}

/* Node reclaim does not write files, which is the flusher's work, and to swap
 * only if it is told to. */
static enum fate evict_for_node(struct vm *m, const struct scan *sc, pfn_t pfn)
{
	if (!is_unwritten(m, pfn))
		return evict(m, pfn);
	if (frame_at(m, pfn)->state == FRAME_FILE)
		return FATE_ACTIVE;
	return sc->may_write ? evict(m, pfn) : FATE_KEPT;
}

enum fate evict_page(struct vm *m, const struct scan *sc, pfn_t pfn)
{
	const struct frame *f = frame_at(m, pfn);

	if (sc->node_reclaim && !sc->may_unmap && f->mapcount)
		return FATE_KEPT;
	if (f->flags & FR_LARGE) {
		lru_add(m, pfn);
		huge_break(m, pfn);
		return FATE_SPLIT;
	}
	switch (sc->ignore_references ? USE_NONE : judge(m, pfn)) {
	case USE_OFTEN:
		return FATE_ACTIVE;
	case USE_ONCE:
		return FATE_KEPT;
	case USE_KEEP_DIRTY:
		if (f->flags & FR_DIRTY)
			return FATE_KEPT;
		/* fall through */
	default:
		return sc->node_reclaim ? evict_for_node(m, sc, pfn)
					: evict(m, pfn);
	}
}
