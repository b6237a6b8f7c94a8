/*
 * Transparent huge pages: memory that one entry above the leaf tables maps.
 * Of anonymous memory:
 *
 *	fault  in an empty span of 2 MiB that lies in the VMA: a huge page, or
 *	       the huge zero page for a load
 *	fork   shares it and takes the right to store from both
 *	store  to a shared one: the entry is split, then one page is copied
 *	split  the entry becomes a leaf table over the same frames, which stay
 *	       one block until nobody maps any of them
 *
 * Huge entries of shared memory have no leaf table waiting for them: a fault
 * can bring all back, so a split empties the entry, and fork does not copy it.
 *
 * No huge entry reaches across the bounds of its VMA: whoever moves a bound
 * splits there (huge_split_at).
 *
 * Source: Linux mm/huge_memory.c (do_huge_pmd_anonymous_page,
 * do_huge_pmd_wp_page, copy_huge_pmd, zap_huge_pmd, change_huge_pmd,
 * __split_huge_pmd_locked, vma_adjust_trans_huge).
 */
#include "huge.h"
#include "khugepaged.h"
#include "../reclaim/reclaim.h"
#include "rmap.h"
#include "shmem_huge.h"

/* ---- who gets them ------------------------------------------------------- */

static bool enabled_for(const struct vm *m, const struct vma *v)
{
	switch (m->root->set.thp_enabled) {
	case THP_ALWAYS:
		return true;
	case THP_MADVISE:
		return v->flags & VM_HUGEPAGE;
	default:
		return false;
	}
}

static bool huge_allowed(const struct vm *m, const struct vma *v)
{
	uint32_t off = mm_at(m, v->mm)->thp_disable;

	/* not even for those who ask, or for them alone */
	if (off && (off == 1 || !(v->flags & VM_HUGEPAGE)))
		return false;
	return m->arch->thp && vma_is_anonymous(v) && enabled_for(m, v) &&
	       !(v->flags & VM_NOHUGEPAGE);
}

static bool holds_span(const struct vm *m, const struct vma *v, vaddr_t va)
{
	return va >= v->start && va + huge_size(m) <= v->end &&
	       va + huge_size(m) > va;
}

/* Linux looks for the last span, and finds one at the end of all addresses in
 * a mapping that ends below the first. */
static bool huge_fits(const struct vm *m, const struct vma *v)
{
	vaddr_t last = huge_down(m, v->end - huge_size(m));

	return last >= v->start && last + huge_size(m) <= v->end;
}

bool huge_eligible(const struct vm *m, const struct vma *v)
{
	if (v->file)
		return shmem_huge_eligible(m, v, SHMEM_FAULT);
	return huge_allowed(m, v) && huge_fits(m, v);
}

bool huge_collapsible(const struct vm *m, const struct vma *v)
{
	if (v->flags & (VM_SPECIAL | VM_HUGETLB))
		return false;
	if (v->file)
		return shmem_huge_eligible(m, v, SHMEM_ASKED);
	return m->arch->thp && vma_is_anonymous(v) && v->anon_vma &&
	       !(v->flags & VM_NOHUGEPAGE) &&
	       mm_at(m, v->mm)->thp_disable != 1 && huge_fits(m, v);
}

bool huge_scannable(const struct vm *m, const struct vma *v)
{
	return huge_collapsible(m, v) && huge_eligible(m, v);
}

/* ---- frames -------------------------------------------------------------- */

pfn_t huge_alloc(struct vm *m, unsigned gfp)
{
	pfn_t pfn =
		mem_alloc(m, gfp, huge_order(m), FRAME_ANON, USE_ANON, true);

	if (pfn)
		folio_make(m, pfn);
	else
		vm_fail_clear(m);
	return pfn;
}

unsigned huge_gfp(const struct vm *m, const struct vma *v)
{
	bool asked = v && v->flags & VM_HUGEPAGE;

	switch (m->root->set.thp_defrag) {
	case DEFRAG_ALWAYS:
		return asked ? GFP_TRANSHUGE : GFP_TRANSHUGE | GFP_NORETRY;
	case DEFRAG_DEFER:
		return GFP_TRANSHUGE_LIGHT & ~GFP_NOKSWAPD;
	case DEFRAG_DEFER_MADVISE:
		return asked ? GFP_TRANSHUGE
			     : GFP_TRANSHUGE_LIGHT & ~GFP_NOKSWAPD;
	case DEFRAG_MADVISE:
		return asked ? GFP_TRANSHUGE : GFP_TRANSHUGE_LIGHT;
	default:
		return GFP_TRANSHUGE_LIGHT;
	}
}

/* Rather small pages on the node that the policy prefers than a huge one far
 * away; who has memory taken back for it looks everywhere then. */
static pfn_t alloc_for_fault(struct vm *m, const struct vma *v, vaddr_t va)
{
	unsigned gfp = huge_gfp(m, v);
	bool again;
	pfn_t pfn;

	place_huge(m, v, va);
	again = !(gfp & GFP_NOWAIT) && !m->interleaving;
	pfn = huge_alloc(m, again ? gfp | GFP_NORETRY : gfp);
	place_back(m);
	if (!pfn && again) {
		place_for(m, v, va, huge_order(m));
		pfn = huge_alloc(m, gfp);
		place_back(m);
	}
	m->root->count[pfn ? CNT_THP_FAULT_ALLOC : CNT_THP_FAULT_FALLBACK]++;
	return pfn;
}

static pfn_t huge_zero(struct vm *m)
{
	pfn_t *pfn = &m->root->huge_zero_pfn;

	if (*pfn)
		return *pfn;
	*pfn = mem_alloc(m, GFP_TRANSHUGE & ~GFP_MOVABLE, huge_order(m),
		FRAME_KERNEL, USE_KERNEL, true);
	m->root->count[*pfn ? CNT_THP_ZERO_PAGE_ALLOC
			    : CNT_THP_ZERO_PAGE_FAIL]++;
	if (*pfn)
		return *pfn;
	m->root->count[CNT_THP_FAULT_FALLBACK]++;
	vm_fail_clear(m);
	return PFN_NONE;
}

/* Of a page of the cache. */
static bool is_cached(const struct vm *m, uint64_t e)
{
	return frame_at(m, pte_pfn(m, e))->state == FRAME_SHMEM;
}

/* ---- faults -------------------------------------------------------------- */

void huge_map_new(struct vm *m, struct vma *v, vaddr_t va, pfn_t pfn)
{
	struct frame *f = frame_at(m, pfn);

	f->owner = v->family;
	f->index = vma_pgoff_at(m, v, va);
	f->flags |= FR_EXCLUSIVE;
	folio_map(m, mm_at(m, v->mm), pfn);
	lru_add(m, pfn);
	pt_huge_set(m, v->mm, va,
		pte_make(m, pfn, v->flags, v->flags & VM_WRITE) |
			pte_stored(m) | m->arch->pte.huge);
	page_lock(m, v, pfn);
}

static int zero_fault(struct vm *m, struct vma *v, vaddr_t va)
{
	pfn_t pfn;

	if (pt_huge_prepare(m, v->mm, va))
		return -ENOMEM;
	pfn = huge_zero(m);
	if (!pfn) {
		pt_drop_deposit(m, v->mm, va);
		return FAULT_SMALL;
	}
	m->root->count[CNT_FAULT_ZERO]++;
	pt_huge_set(m, v->mm, va,
		pte_make(m, pfn, v->flags, false) | m->arch->pte.special |
			m->arch->pte.huge);
	return 0;
}

static int new_fault(struct vm *m, struct vma *v, vaddr_t va, bool write)
{
	pfn_t pfn;

	anon_vma_prepare(m, v);
	khugepaged_enter(m, v);
	if (!write && m->root->set.thp_zero_page)
		return zero_fault(m, v, va);
	pfn = alloc_for_fault(m, v, va);
	if (!pfn)
		return FAULT_SMALL;
	if (pt_huge_prepare(m, v->mm, va)) {
		/* with its frames there is room for tables */
		buddy_free(m, pfn, huge_order(m), USE_ANON);
		vm_fail_clear(m);
		return FAULT_SMALL;
	}
	m->root->count[CNT_FAULT_ANON]++;
	huge_map_new(m, v, va, pfn);
	return 0;
}

/* Nobody else has it: the process may store without a copy. */
static bool is_ours(const struct vm *m, pfn_t pfn)
{
	return frame_at(m, pfn)->flags & FR_EXCLUSIVE ||
	       folio_mappings(m, pfn) == 1;
}

static int write_fault(struct vm *m, struct vma *v, vaddr_t va, uint64_t e)
{
	const struct pte_bits *b = &m->arch->pte;
	pfn_t pfn = pte_pfn(m, e);
	bool zero = huge_is_zero(m, e);

	if (zero) {
		pfn = alloc_for_fault(m, v, va);
	} else if (!is_ours(m, pfn)) {
		pfn = PFN_NONE;
	}
	if (!pfn) {
		huge_split(m, v->mm, va);
		return FAULT_SMALL;
	}
	if (zero) {
		huge_map_new(m, v, va, pfn);
		tlb_flush_range(m, v->mm, va, va + huge_size(m));
	} else {
		frame_at(m, pfn)->flags |= FR_EXCLUSIVE;
		pt_huge_set(m, v->mm, va, e | b->write | pte_stored(m));
		tlb_flush_huge(m, v->mm, va, va + huge_size(m));
		m->root->count[CNT_FAULT_REUSE]++;
	}
	return 0;
}

int huge_fault(struct vm *m, struct vma *v, vaddr_t va, bool write)
{
	const struct pte_bits *b = &m->arch->pte;
	uint64_t e = pt_above(m, mm_at(m, v->mm), va);

	va = huge_down(m, va);
	if (pte_huge(m, e)) {
		if (write && !(e & b->write) && is_cached(m, e)) {
			huge_split(m, v->mm, va);
			return FAULT_SMALL;
		}
		if (write && !(e & b->write))
			return write_fault(m, v, va, e);
		/* the TLB was behind the table */
		e |= write ? pte_stored(m) : b->accessed;
		pt_huge_set(m, v->mm, va, e);
		tlb_flush_huge(m, v->mm, va, va + huge_size(m));
		return 0;
	}
	if (e || !huge_allowed(m, v) || !holds_span(m, v, va))
		return FAULT_SMALL;
	return new_fault(m, v, va, write);
}

/* ---- split --------------------------------------------------------------- */

static void fill_table(struct vm *m, void *tab, uint64_t e, vaddr_t va)
{
	unsigned nr = 1u << huge_order(m);
	uint64_t zero = (e & ~(m->arch->pte.addr | m->arch->pte.huge)) |
			pfn_to_pa(m, m->root->zero_pfn);

	for (unsigned i = 0; i < nr; i++)
		entry_set(m, tab, i,
			huge_is_zero(m, e)
				? zero
				: pte_part(m, e,
					  va + ((uint64_t)i << m->page_shift),
					  1));
}

void huge_split(struct vm *m, idx_t mm, vaddr_t va)
{
	struct mm *p = mm_at(m, mm);
	uint64_t e = pt_above(m, p, va);

	va = huge_down(m, va);
	m->root->count[CNT_THP_SPLIT_PMD]++;
	if (is_cached(m, e)) {
		huge_zap(m, mm, va);
		tlb_flush_huge(m, mm, va, va + huge_size(m));
		return;
	}
	if (!huge_is_zero(m, e))
		folio_remap_pages(m, p, pte_pfn(m, e));
	fill_table(m, pt_huge_split(m, mm, va), e, va);
	if (frame_at(m, pte_pfn(m, e))->flags & FR_MLOCKED)
		munlock_page(m, pte_pfn(m, e));
	tlb_flush_range(m, mm, va, va + huge_size(m));
}

void huge_split_at(struct vm *m, const struct vma *v, vaddr_t va)
{
	if (!m->arch->thp || v->flags & VM_HUGETLB || va == huge_down(m, va) ||
		!holds_span(m, v, huge_down(m, va)))
		return;
	if (pte_huge(m, pt_above(m, mm_at(m, v->mm), va)))
		huge_split(m, v->mm, va);
}

bool huge_piece(struct vm *m, idx_t mm, vaddr_t va, vaddr_t end)
{
	if (!pte_huge(m, pt_above(m, mm_at(m, mm), va)))
		return false;
	if (va == huge_down(m, va) && end - va >= huge_size(m))
		return true;
	huge_split(m, mm, va);
	return false;
}

/* ---- whole entries ------------------------------------------------------- */

void huge_zap(struct vm *m, idx_t mm, vaddr_t va)
{
	uint64_t e = pt_above(m, mm_at(m, mm), va);

	pt_huge_set(m, mm, va, 0);
	if (!is_cached(m, e))
		pt_drop_deposit(m, mm, va);
	else if (e & m->arch->pte.dirty)
		cache_set_dirty(m, frame_at(m, pte_pfn(m, e)));
	if (!huge_is_zero(m, e))
		folio_unmap(m, mm_at(m, mm), pte_pfn(m, e));
}

void huge_copy(struct vm *m, idx_t from, idx_t to, vaddr_t va)
{
	const struct pte_bits *b = &m->arch->pte;
	uint64_t e = pt_above(m, mm_at(m, from), va) & ~b->write;

	if (is_cached(m, e))
		return;
	pt_huge_set(m, from, va, e);
	pt_huge_set(m, to, va, e & ~b->accessed);
	if (huge_is_zero(m, e))
		return;
	frame_at(m, pte_pfn(m, e))->flags &= (uint16_t)~FR_EXCLUSIVE;
	folio_map(m, mm_at(m, to), pte_pfn(m, e));
}

/* What a process alone has, or all share. */
static bool may_store(const struct vm *m, const struct vma *v, uint64_t e)
{
	return is_cached(m, e)
		       ? v->flags & VM_SHARED
		       : frame_at(m, pte_pfn(m, e))->flags & FR_EXCLUSIVE;
}

void huge_protect(struct vm *m, const struct vma *v, vaddr_t va)
{
	const struct pte_bits *b = &m->arch->pte;
	uint64_t e = pt_above(m, mm_at(m, v->mm), va);
	uint64_t keep = pte_stored(m) | b->special;
	uint64_t n = pte_make(m, pte_pfn(m, e), v->flags, false);

	n = (n & ~keep) | (e & keep) | b->huge;
	if (n & b->present && v->flags & VM_WRITE && !huge_is_zero(m, e) &&
		!soft_dirty_waits(m, v, n) && may_store(m, v, e))
		n |= b->write;
	pt_huge_set(m, v->mm, va, n);
}

void huge_clear_bits(struct vm *m, idx_t mm, vaddr_t va, uint64_t bits)
{
	pt_huge_set(m, mm, va, pt_above(m, mm_at(m, mm), va) & ~bits);
}

void huge_set_bits(struct vm *m, idx_t mm, vaddr_t va, uint64_t bits)
{
	pt_huge_set(m, mm, va, pt_above(m, mm_at(m, mm), va) | bits);
}

bool huge_is_locked(struct vm *m, pfn_t head)
{
	const struct frame *f = frame_at(m, head);

	for (idx_t i = rmap_first(m, head); i && f->mapcount;
		i = rmap_next(m, head, i)) {
		const struct vma *v = vma_at(m, i);
		vaddr_t va =
			v->start + ((f->index - v->pgoff) << m->page_shift);
		uint64_t e;

		if (!(v->flags & VM_LOCKED) || f->index < v->pgoff ||
			f->index - v->pgoff >= vma_pages(m, v))
			continue;
		e = pt_above(m, mm_at(m, v->mm), va);
		if (pte_huge(m, e) && pte_pfn(m, e) == head)
			return true;
	}
	return false;
}
