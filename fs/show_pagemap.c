/*
 * proc/PID/pagemap: one 64-bit word for each virtual page.
 *
 *	 63      62      61    60  58    57 56        55   54         0
 *	+-------+-------+-----+---+-----+--+---------+----+------------+
 *	|present|swapped|file | 0 |guard|0 |exclusive|soft| page frame |
 *	|       |       |     |   |     |  |         |dirt|            |
 *	+-------+-------+-----+---+-----+--+---------+----+------------+
 *
 * A guard page shows as swapped too.  Of a swapped page bits 0-4 are the area
 * and bits 5-54 the slot in it.
 *
 * `file` is set for the page cache of files and of shared memory, `exclusive`
 * when one page-table entry alone maps the frame.  The zero page has neither.
 * Soft-dirty pages exist with soft_dirty=1, see vm/mm/soft_dirty.h.
 * Source: Linux Documentation/admin-guide/mm/pagemap.rst.
 */
#include "show_pagemap.h"

#include "access.h"

#include "../vm/mm/soft_dirty.h"
#include "../vm/mmu/mmu.h"
#include "../vm/swap/swap.h"
#include "renderers.h"
#include "show_proc.h"

#define PM_PRESENT    (1ull << 63)
#define PM_SWAPPED    (1ull << 62)
#define PM_FILE	      (1ull << 61)
#define PM_GUARD      (1ull << 58)
#define PM_EXCLUSIVE  (1ull << 56)
#define PM_SOFT_DIRTY (1ull << 55)

static uint64_t page_word(
	const struct vm *m, const struct pte_bits *bits, uint64_t e, bool pfns)
{
	pfn_t pfn = (e & bits->addr) >> m->page_shift;
	uint64_t word = PM_PRESENT | (pfns ? pfn : 0);
	const struct frame *f;

	if (e & bits->special)
		return word;
	f = frame_whole(m, pfn);
	if (f->mapcount == 1)
		word |= PM_EXCLUSIVE;
	if (f->state != FRAME_ANON && !(f->flags & FR_HUGETLB_ANON))
		word |= PM_FILE;
	return word;
}

/* A swapped page, or a guard. */
static uint64_t absent_word(const struct vm *m, uint64_t e, bool places)
{
	uint32_t slot = swap_entry_slot(m, e), offset;
	unsigned type;

	if (!slot)
		return e == pte_guard(m) ? PM_SWAPPED | PM_GUARD : 0;
	if (!places)
		return PM_SWAPPED;
	swap_place(m, slot, &type, &offset);
	return PM_SWAPPED | type | (uint64_t)offset << SWAP_TYPE_BITS;
}

/* Inlined twice, once for each width of entries: the loop has no branch on
 * the architecture. */
static inline __attribute__((always_inline)) void table_words(
	const struct vm *m, const void *table, unsigned entry_bytes,
	uint64_t *out, size_t n, bool pfns)
{
	const struct pte_bits bits = m->arch->pte;
	uint64_t there = bits.present | bits.prot_none;

	for (size_t i = 0; i < n; i++) {
		uint64_t e = entry_bytes == 8 ? ((const uint64_t *)table)[i]
					      : ((const uint32_t *)table)[i];

		out[i] = e & there ? page_word(m, &bits, e, pfns)
			 : e	   ? absent_word(m, e, pfns)
				   : 0;
	}
}

/* The huge zero page counts as a file's.  Linux tells of each page of a huge
 * entry what is true of the first: that nothing else maps it. */
static void huge_words(const struct vm *m, const struct mm *mm, vaddr_t va,
	uint64_t *out, size_t n, bool pfns)
{
	uint64_t e = pt_get(m, mm, va), above = pt_above(m, mm, va);
	uint64_t file = e & m->arch->pte.special ? PM_FILE : 0, first = e;

	if (pte_huge(m, above))
		first = pte_part(m, above, huge_down(m, va), 1);
	first = page_word(m, &m->arch->pte, first, pfns) & PM_EXCLUSIVE;
	for (size_t i = 0; i < n; i++, e += m->page_size) {
		uint64_t word = page_word(m, &m->arch->pte, e, pfns) | file;

		out[i] = pte_present(m, e) ? (word & ~PM_EXCLUSIVE) | first : 0;
	}
}

static void range_words(const struct vm *m, const struct mm *mm, vaddr_t va,
	uint64_t *out, size_t n, bool pfns)
{
	while (n) {
		unsigned first, width = m->arch->entry_bytes;
		uint64_t span;
		const uint8_t *t = pt_leaf_table(m, mm, va, &first, &span);
		uint64_t part = span >> m->page_shift;

		if (part > n)
			part = n;
		if (!t)
			huge_words(m, mm, va, out, part, pfns);
		else if (width == 8)
			table_words(m, t + first * 8, 8, out, part, pfns);
		else
			table_words(m, t + first * 4, 4, out, part, pfns);
		out += part;
		n -= part;
		va += part << m->page_shift;
	}
}

static bool is_soft_dirty(const struct vm *m, const struct vma *v, vaddr_t va)
{
	uint64_t e;

	if (v->flags & (VM_SOFTDIRTY | VM_HUGETLB))
		return v->flags & VM_SOFTDIRTY;
	e = pt_get(m, mm_at(m, v->mm), va);
	return e & (pte_present(m, e)		   ? m->soft_dirty
			   : swap_entry_slot(m, e) ? soft_dirty_swap(m)
						   : 0);
}

/* A pass of its own, as it depends on the VMA. */
static void mark_soft_dirty(const struct vm *m, const struct mm *mm, vaddr_t va,
	uint64_t *out, size_t n)
{
	vaddr_t end = va + ((uint64_t)n << m->page_shift);
	const struct vma *v;

	vma_for_each (m, mm, v) {
		vaddr_t at = v->start > va ? v->start : va;

		for (; at < v->end && at < end; at += m->page_size)
			if (is_soft_dirty(m, v, at))
				out[(at - va) >> m->page_shift] |=
					PM_SOFT_DIRTY;
	}
}

int64_t pagemap_read(const struct vm *m, const struct mm *mm, void *buf,
	size_t len, uint64_t off, bool pfns)
{
	uint64_t page = off / 8, top, n = len / 8;

	if (off % 8 || len % 8)
		return -EINVAL;
	top = mm ? mm->task_size >> m->page_shift : 0;
	if (page >= top)
		return 0;
	if (n > top - page)
		n = top - page;
	range_words(m, mm, page << m->page_shift, buf, n, pfns);
	if (m->soft_dirty)
		mark_soft_dirty(m, mm, page << m->page_shift, buf, n);
	return (int64_t)(n * 8);
}

/* Frame numbers are for CAP_SYS_ADMIN. */
int64_t pread_pagemap(const struct view *view, uint64_t id, void *buf,
	size_t len, uint64_t off)
{
	struct cred c = caller_cred(view);
	bool pfns = c.cap_effective & CAP_BIT(CAP_SYS_ADMIN);

	return pagemap_read(view->vm, show_mm(view, id), buf, len, off, pfns);
}
