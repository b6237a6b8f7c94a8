/*
 * proc/PID/pagetable: the tree of page tables, one line for each entry in
 * use, each table's entries indented below the entry that points to it:
 *
 *	pgd[255] 7f8000000000-800000000000 at 0x1f407f8 raw 0x1f41067
 *	    PWUA------ table 0x1f41
 *	  pud[511] ...
 *	    pmd[511] ...
 *	      pte[478-479] 7ffffffde000-7ffffffe0000 at ... frame 0x2010-0x2011
 *
 * (each on one line).  An entry that maps nothing has no frame, but `swap TYPE
 * offset OFFSET`, `guard` or `taken`.  Leaf entries that follow one another,
 * have the same bits, and whose frames or offsets all are the same or follow
 * one another, upwards or downwards, share one line: `at` and `raw` are those
 * of the first, and the others can be derived from it.  The kernel's half is
 * the same for everyone and is shown by its top entries alone.
 */
#include "../vm/swap/swap.h"
#include "renderers.h"
#include "pte_text.h"
#include "show_proc.h"

/* Similar leaf entries that wait for their line. */
struct run {
	unsigned first, nr; /* indices in the table */
	uint64_t entry;	    /* of the first */
	int64_t step;	    /* from one place to the next; if nr > 1 */
	uint32_t last;	    /* place of the last one */
};

struct tree {
	struct sbuf *b;
	const struct vm *m;
	struct run run;
};

static void entry_head(struct tree *t, unsigned level, unsigned first,
	unsigned nr, vaddr_t va, paddr_t at, uint64_t e)
{
	const struct pt_level *l = &t->m->arch->level[level];
	vaddr_t end = va + ((vaddr_t)nr << l->shift);
	char bits[PTE_TEXT_LEN + 1];

	pte_text(t->m, level, e, bits);
	sbuf_fill(t->b, ' ', 2 * level);
	if (nr > 1)
		sbuf_printf(t->b, "%s[%u-%u]", l->name, first, first + nr - 1);
	else
		sbuf_printf(t->b, "%s[%u]", l->name, first);
	sbuf_printf(t->b, " %llx-", (unsigned long long)va);
	if (end)
		sbuf_hex(t->b, end);
	else
		sbuf_str(t->b, "10000000000000000"); /* 2^64 */
	sbuf_printf(t->b, " at 0x%llx raw 0x%llx %s", (unsigned long long)at,
		(unsigned long long)e, bits);
}

/* What an entry names, and the bits that do: a frame, or an offset in swap. */
static uint32_t place_of(const struct vm *m, uint64_t e, uint64_t *bits)
{
	uint32_t offset = 0;
	unsigned type;

	*bits = 0;
	switch (pte_kind(m, e)) {
	case PTE_MAPS:
		*bits = m->arch->pte.addr;
		return pte_pfn(m, e);
	case PTE_SWAPPED:
		*bits = swap_entry_offset_bits(m);
		pte_swap_place(m, e, &type, &offset);
		break;
	default:
		break;
	}
	return offset;
}

static void put_place(struct sbuf *b, const struct vm *m, uint64_t e)
{
	uint32_t offset;
	unsigned type;

	switch (pte_kind(m, e)) {
	case PTE_MAPS:
		sbuf_printf(b, " frame 0x%x", pte_pfn(m, e));
		break;
	case PTE_SWAPPED:
		pte_swap_place(m, e, &type, &offset);
		sbuf_printf(b, " swap %u offset 0x%x", type, offset);
		break;
	case PTE_GUARDS:
		sbuf_str(b, " guard");
		break;
	case PTE_TAKEN:
		sbuf_str(b, " taken");
		break;
	}
}

/* Writes the line of the run, if there is one. */
static void run_flush(
	struct tree *t, unsigned level, paddr_t table, vaddr_t base)
{
	struct run *r = &t->run;
	vaddr_t va =
		base + ((vaddr_t)r->first << t->m->arch->level[level].shift);

	if (!r->nr)
		return;
	entry_head(t, level, r->first, r->nr, va,
		table + (paddr_t)r->first * t->m->arch->entry_bytes, r->entry);
	put_place(t->b, t->m, r->entry);
	if (r->nr > 1 && r->step)
		sbuf_printf(t->b, "-0x%x", r->last);
	sbuf_char(t->b, '\n');
	r->nr = 0;
}

/* Whether a leaf entry continues the run.  Frames follow one another when
 * they are as far apart as the addresses. */
static bool run_takes(const struct tree *t, unsigned level, uint64_t e,
	uint64_t bits, int64_t step)
{
	const struct run *r = &t->run;
	int64_t next =
		1ll << (t->m->arch->level[level].shift - t->m->page_shift);

	if (!r->nr || (e & ~bits) != (r->entry & ~bits))
		return false;
	if (r->nr > 1)
		return step == r->step;
	return step == 0 || step == next || step == -next;
}

static void run_add(struct tree *t, unsigned level, paddr_t table, vaddr_t base,
	unsigned i, uint64_t e)
{
	struct run *r = &t->run;
	uint64_t bits;
	uint32_t place = place_of(t->m, e, &bits);
	int64_t step = (int64_t)place - (int64_t)r->last;

	if (run_takes(t, level, e, bits, step)) {
		r->step = step;
		r->nr++;
	} else {
		run_flush(t, level, table, base);
		r->first = i;
		r->nr = 1;
		r->entry = e;
	}
	r->last = place;
}

static void pointer_line(struct tree *t, unsigned level, unsigned i, vaddr_t va,
	paddr_t at, uint64_t e, bool kernel)
{
	entry_head(t, level, i, 1, va, at, e);
	sbuf_printf(t->b, " %s 0x%x\n", kernel ? "kernel table" : "table",
		pte_pfn(t->m, e));
}

/* Where entry i of a table lies in the address space: the upper half of a
 * canonical one has all the bits above set. */
static vaddr_t entry_va(
	const struct arch *a, vaddr_t base, unsigned level, unsigned i)
{
	vaddr_t va = base + ((vaddr_t)i << a->level[level].shift);
	unsigned top = 64 - a->va_bits;

	return a->canonical ? (vaddr_t)((int64_t)(va << top) >> top) : va;
}

static void table_lines(struct tree *t, const struct mm *mm, unsigned level,
	paddr_t table, vaddr_t base)
{
	const struct arch *a = t->m->arch;

	for (unsigned i = 0; i < arch_entries(a, level); i++) {
		paddr_t at = table + (paddr_t)i * a->entry_bytes;
		vaddr_t va = entry_va(a, base, level, i);
		uint64_t e = pte_read(t->m, at);
		bool kernel = va >= a->page_offset;

		if (e && pte_leaf(t->m, level, e)) {
			if (t->run.nr && t->run.first + t->run.nr != i)
				run_flush(t, level, table, base);
			run_add(t, level, table, base, i, e);
			continue;
		}
		run_flush(t, level, table, base);
		if (!e)
			continue;
		pointer_line(t, level, i, va, at, e, kernel);
		if (e & a->pte.present && !kernel)
			table_lines(t, mm, level + 1, e & a->pte.addr, va);
	}
	run_flush(t, level, table, base);
}

void show_pagetable(struct sbuf *b, const struct view *view, uint64_t id)
{
	const struct mm *mm = show_mm(view, id);
	struct tree t = {.b = b, .m = view->vm};

	if (!mm)
		return;
	sbuf_printf(b,
		"# LEVEL[INDEX] START-END at ENTRY raw VALUE " PTE_TEXT_LEGEND
		" table|frame PFN, or swap TYPE offset OFFSET, guard, "
		"taken\n");
	table_lines(&t, mm, 0, pfn_to_pa(view->vm, mm->pgd), 0);
}
