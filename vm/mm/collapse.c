/*
 * The way back from a split: a leaf table of small pages becomes a huge page.
 *
 *	before   entry -> leaf table -> frames anywhere, holes, zero pages,
 *		 pages in swap
 *	after    entry -> one block of frames, the bytes copied, the holes
 *		 zeros; the leaf table, empty now, is its deposit
 *
 * The huge page is the process's own: of a page that others share they keep
 * the old frame.
 *
 * Source: Linux mm/khugepaged.c (hpage_collapse_scan_pmd, collapse_huge_page,
 * madvise_collapse).
 */
#include "collapse.h"

#include "huge.h"
#include "rmap.h"

static unsigned nr_pages(const struct vm *m)
{
	return 1u << huge_order(m);
}

/* The leaf table of va, which begins it. */
static void *table_of(const struct vm *m, const struct vma *v, vaddr_t va)
{
	unsigned first;
	uint64_t span;

	return pt_leaf_table(m, mm_at(m, v->mm), va, &first, &span);
}

/* What a leaf table holds. */
struct tally {
	uint32_t none, swap, shared, used;
	uint32_t on_node[MAX_NODES];
};

static enum collapse too_many(struct vm *m, enum vm_counter c)
{
	m->root->count[c]++;
	return COLLAPSE_NOT_WORTH;
}

/* Whether more than one process may map it. */
static bool is_shared(const struct vm *m, pfn_t pfn)
{
	const struct frame *f = frame_at(m, pfn);

	return f->flags & FR_LARGE ? folio_maybe_shared(m, pfn)
				   : f->mapcount > 1;
}

static bool was_used(const struct vm *m, uint64_t e)
{
	return e & m->arch->pte.accessed ||
	       frame_at(m, pte_pfn(m, e))->flags & FR_REFERENCED;
}

/* Counts the entries up to the first that breaks a rule. */
static enum collapse tally_table(struct vm *m, const void *tab,
	const struct collapse_rules *r, struct tally *t)
{
	for (unsigned i = 0; i < nr_pages(m); i++) {
		uint64_t e = entry_get(m, tab, i);

		if (e && !pte_present(m, e)) {
			if (++t->swap > r->max_swap)
				return too_many(m, CNT_THP_EXCEED_SWAP);
		} else if (!e || e & m->arch->pte.special) {
			if (++t->none > r->max_none)
				return too_many(m, CNT_THP_EXCEED_NONE);
		} else {
			t->shared += is_shared(m, pte_pfn(m, e));
			if (t->shared > r->max_shared)
				return too_many(m, CNT_THP_EXCEED_SHARE);
			t->on_node[zone_of(m, pte_pfn(m, e))->node]++;
			t->used += was_used(m, e);
		}
	}
	if (r->used && (!t->used || (t->swap && t->used < nr_pages(m) / 2)))
		return COLLAPSE_NOT_WORTH;
	return COLLAPSE_OK;
}

enum collapse collapse_scan(struct vm *m, const struct vma *v, vaddr_t va,
	const struct collapse_rules *r)
{
	const struct mm *mm = mm_at(m, v->mm);
	const void *tab = table_of(m, v, va);
	struct tally t = {0};

	if (tab)
		return tally_table(m, tab, r, &t);
	if (pte_huge(m, pt_above(m, mm, va)))
		return COLLAPSE_MAPPED;
	return pt_has_entry(m, mm, va, 1) ? COLLAPSE_EMPTY : COLLAPSE_NO_TABLE;
}

/* Brings back what is in swap: OK or FAILED. */
static enum collapse swap_in_all(struct vm *m, struct vma *v, vaddr_t va)
{
	void *tab = table_of(m, v, va);

	for (unsigned i = 0; i < nr_pages(m); i++, va += m->page_size) {
		uint64_t e = entry_get(m, tab, i);

		if (!e || pte_present(m, e))
			continue;
		if (!swap_entry_slot(m, e) || mm_swap_in(m, v, va)) {
			vm_fail_clear(m);
			return COLLAPSE_FAILED;
		}
	}
	return COLLAPSE_OK;
}

/* On the node that has most of the pages. */
static pfn_t alloc_near(struct vm *m, const struct tally *t, unsigned gfp)
{
	uint8_t prefer = m->prefer, best = 0;
	pfn_t pfn;

	for (uint8_t n = 1; n < MAX_NODES; n++)
		if (t->on_node[n] > t->on_node[best])
			best = n;
	m->prefer = best;
	pfn = huge_alloc(m, gfp);
	m->root->count[pfn ? CNT_THP_COLLAPSE_ALLOC : CNT_THP_COLLAPSE_FAIL]++;
	m->prefer = prefer;
	return pfn;
}

/* Copies the pages, and takes them from the table. */
static void move_in(struct vm *m, struct mm *mm, void *tab, pfn_t to)
{
	for (unsigned i = 0; i < nr_pages(m); i++) {
		uint64_t e = entry_get(m, tab, i);

		entry_set(m, tab, i, 0);
		if (!e || e & m->arch->pte.special)
			continue;
		frame_copy(m, to + i, pte_pfn(m, e));
		page_unmapped(m, mm, pte_pfn(m, e));
	}
}

/* Swapped pages come back; then the rules hold once more. */
static enum collapse prepare(
	struct vm *m, struct vma *v, vaddr_t va, const struct collapse_rules *r)
{
	struct collapse_rules now = *r;
	struct tally t = {0};
	enum collapse e = swap_in_all(m, v, va);

	if (e != COLLAPSE_OK)
		return e;
	now.max_swap = nr_pages(m);
	e = tally_table(m, table_of(m, v, va), &now, &t);
	return e == COLLAPSE_OK && t.swap ? COLLAPSE_ABSENT : e;
}

enum collapse collapse_make(
	struct vm *m, struct vma *v, vaddr_t va, const struct collapse_rules *r)
{
	void *tab = table_of(m, v, va);
	struct tally t = {0};
	enum collapse e;
	pfn_t pfn;

	tally_table(m, tab, r, &t);
	pfn = alloc_near(m, &t, r->gfp);
	if (!pfn)
		return COLLAPSE_NO_MEMORY;
	e = prepare(m, v, va, r);
	if (e != COLLAPSE_OK) {
		buddy_free(m, pfn, huge_order(m), USE_ANON);
		return e;
	}
	move_in(m, mm_at(m, v->mm), tab, pfn);
	tlb_flush_range(m, v->mm, va, va + huge_size(m));
	pt_huge_deposit(m, v->mm, va);
	huge_map_new(m, v, va, pfn);
	return COLLAPSE_OK;
}

/* ---- madvise ------------------------------------------------------------- */

static int refuse(struct vm *m, vaddr_t va, enum collapse why)
{
	static const char *const text[] = {
		[COLLAPSE_NO_TABLE] = "none of its pages was ever touched",
		[COLLAPSE_EMPTY] = "none of its pages was ever touched",
		[COLLAPSE_ABSENT] = "some of its pages stay in swap",
		[COLLAPSE_FAILED] =
			"it holds a guard page, or pages in swap that find no "
			"memory",
		[COLLAPSE_NO_MEMORY] = "no free block is large enough",
		[COLLAPSE_GONE] = "the object has no page there",
		[COLLAPSE_PRIVATE] = "it holds pages that are not the object's",
	};

	return vm_fail(m, why == COLLAPSE_NO_MEMORY ? ENOMEM : EINVAL,
		"no huge page is made at 0x%llx: %s", (unsigned long long)va,
		text[why]);
}

int mm_collapse(struct vm *m, struct vma *v, vaddr_t start, vaddr_t end)
{
	const struct collapse_rules any = {
		nr_pages(m), nr_pages(m), nr_pages(m), false, GFP_TRANSHUGE};
	enum collapse why = COLLAPSE_OK;
	vaddr_t refused = 0;

	/* whatever transparent_hugepage/enabled says: who asks gets it */
	if (!huge_collapsible(m, v))
		return vm_fail(m, EINVAL,
			"the mapping 0x%llx-0x%llx cannot have huge pages",
			(unsigned long long)v->start,
			(unsigned long long)v->end);
	start = huge_up(m, start);
	end = huge_down(m, end);
	if (start > end)
		return vm_fail(m, EINVAL,
			"the range holds no multiple of the huge page size "
			"%llu",
			(unsigned long long)huge_size(m));
	for (vaddr_t va = start; va < end; va += huge_size(m)) {
		enum collapse r = v->file ? collapse_shmem(m, v, va, &any)
					  : collapse_scan(m, v, va, &any);

		if (va != start && vm_halts(m))
			return vm_fail(m, EINTR, "interrupted at 0x%llx",
				(unsigned long long)va);
		if (r == COLLAPSE_OK && !v->file)
			r = collapse_make(m, v, va, &any);
		else if (v->file && (r == COLLAPSE_OK || r == COLLAPSE_HUGE))
			r = collapse_map(m, v, va, true);
		if (r == COLLAPSE_OK || r == COLLAPSE_MAPPED)
			continue;
		why = r;
		refused = va;
		/* what may be passing, or concerns this span alone */
		if (r != COLLAPSE_NO_TABLE && r != COLLAPSE_ABSENT)
			break;
	}
	return why == COLLAPSE_OK ? 0 : refuse(m, refused, why);
}
