/*
 * Page tables: the hardware's walk, and the kernel's tables for processes.
 *
 * Tables lie in simulated RAM, one frame each, with entries of the
 * architecture's width.  A frame of state PGTABLE has the mm as owner (0 for
 * the kernel's own tables) and its level as index.  mm->pgtables counts the
 * bytes of all tables but the top one, as VmPTE does.  Huge leaves are the
 * matter of pt_huge.c.
 *
 * Sources: Intel SDM vol. 3A 4.3, 4.5; Linux mm/memory.c (free_pgd_range).
 */
#include "mmu_i.h"

#include <assert.h>
#include <string.h>

static inline uint64_t level_span(const struct vm *m, unsigned level)
{
	return 1ull << m->arch->level[level].shift;
}

static inline unsigned leaf_level(const struct vm *m)
{
	return m->arch->nr_levels - 1u;
}

static bool is_leaf(const struct vm *m, unsigned level, uint64_t e)
{
	return level == leaf_level(m) ||
	       (m->arch->level[level].may_be_leaf && (e & m->arch->pte.huge));
}

void pt_walk(const struct vm *m, paddr_t cr3, vaddr_t va, struct walk *w)
{
	const struct pte_bits *b = &m->arch->pte;
	paddr_t table = cr3 & b->addr;

	memset(w, 0, sizeof(*w));
	w->write = w->user = true;
	for (unsigned l = 0; l < m->arch->nr_levels; l++) {
		paddr_t at = pt_entry_at(m, table, l, va);
		uint64_t e = pte_read(m, at);

		w->step[w->nr++] = (struct walk_step){at, e, (uint8_t)l};
		if (!(e & b->present))
			return;
		w->write &= (e & b->write) != 0;
		w->user &= (e & b->user) != 0;
		w->noexec |= (e & b->noexec) != 0;
		if (is_leaf(m, l, e)) {
			w->present = true;
			w->size = level_span(m, l);
			w->pa = (e & b->addr & ~(w->size - 1)) |
				(va & (w->size - 1));
			return;
		}
		table = e & b->addr;
	}
}

/* ---- tables ------------------------------------------------------------ */

pfn_t pt_table_alloc(struct vm *m, idx_t mm, unsigned level)
{
	pfn_t pfn =
		buddy_alloc(m, GFP_KERNEL, 0, FRAME_PGTABLE, USE_PGTABLE, true);

	if (pfn == PFN_NONE)
		return PFN_NONE;
	frame_at(m, pfn)->owner = mm;
	frame_at(m, pfn)->index = level;
	frame_at(m, pfn)->flags |= FR_BYTES;
	return pfn;
}

void pt_table_free(struct vm *m, pfn_t pfn)
{
	frame_at(m, pfn)->owner = 0;
	frame_at(m, pfn)->index = 0;
	buddy_free(m, pfn, 0, USE_PGTABLE);
}

pfn_t pt_new_pgd(struct vm *m, idx_t mm)
{
	unsigned first = arch_index(m->arch, 0, m->arch->page_offset);
	unsigned bytes = m->arch->entry_bytes;
	pfn_t pfn = pt_table_alloc(m, mm, 0);

	if (pfn == PFN_NONE)
		return PFN_NONE;
	if (m->root->kernel_pgd)
		memcpy(frame_bytes(m, pfn) + first * bytes,
			ram_at(m, pfn_to_pa(m, m->root->kernel_pgd)) +
				first * bytes,
			(arch_entries(m->arch, 0) - first) * bytes);
	return pfn;
}

void pt_free_pgd(struct vm *m, idx_t mm)
{
	struct mm *p = mm_at(m, mm);

	cpu_drop_mm(m, mm);
	if (p->pgd)
		pt_table_free(m, p->pgd);
	p->pgd = PFN_NONE;
}

uint64_t pt_get(const struct vm *m, const struct mm *mm, vaddr_t va)
{
	paddr_t at = pt_leaf_at(m, mm, va, 0);

	if (at)
		return pte_read(m, at);
	for (unsigned size = 1; size < m->arch->nr_levels; size++) {
		uint64_t e = pt_entry(m, mm, va, size);

		if (pte_huge(m, e))
			return pte_part(m, e, va, size);
	}
	return 0;
}

/*
 * Creates the tables that va lacks down to level `last`.  Returns where its
 * entry lies there, or 0 with ENOMEM; then the tables made on the way are given
 * back.
 */
static paddr_t tables_make(struct vm *m, idx_t mm, vaddr_t va, unsigned last)
{
	const struct pte_bits *b = &m->arch->pte;
	unsigned nr = 0;
	paddr_t table = pfn_to_pa(m, mm_at(m, mm)->pgd);
	paddr_t link = 0; /* the first entry set here */
	pfn_t made[MAX_LEVELS];

	for (unsigned l = 0; l < last; l++) {
		paddr_t at = pt_entry_at(m, table, l, va);
		uint64_t e = pte_read(m, at);

		assert(!pte_huge(m, e));
		if (!(e & b->present)) {
			pfn_t pfn = pt_table_alloc(m, mm, l + 1);

			if (pfn == PFN_NONE)
				goto undo;
			e = pfn_to_pa(m, pfn) | b->table;
			pte_write(m, at, e);
			if (!nr)
				link = at;
			made[nr++] = pfn;
		}
		table = e & b->addr;
	}
	mm_at(m, mm)->pgtables += nr * m->page_size;
	return pt_entry_at(m, table, last, va);
undo:
	if (nr)
		pte_write(m, link, 0);
	while (nr)
		pt_table_free(m, made[--nr]);
	return 0;
}

int pt_set(struct vm *m, idx_t mm, vaddr_t va, uint64_t entry)
{
	paddr_t at = pt_leaf_at(m, mm_at(m, mm), va, 0);

	if (!at && !entry)
		return 0;
	if (!at)
		at = tables_make(m, mm, va, leaf_level(m));
	if (!at)
		return vm_fail(m, ENOMEM, "no frame is free for a page table");
	pte_write(m, at, entry);
	return 0;
}

int pt_make(struct vm *m, idx_t mm, vaddr_t va, unsigned size)
{
	if (tables_make(m, mm, va, leaf_level(m) - size))
		return 0;
	return vm_fail(m, ENOMEM, "no frame is free for a page table");
}

int pt_move_upper(struct vm *m, idx_t mm, vaddr_t from, vaddr_t to)
{
	unsigned last = leaf_level(m) - 1;
	paddr_t table = pfn_to_pa(m, mm_at(m, mm)->pgd);

	for (unsigned l = 0; l < last; l++) {
		uint64_t e = pte_read(m, pt_entry_at(m, table, l, from));

		if (!(e & m->arch->pte.present))
			return 0;
		table = e & m->arch->pte.addr;
	}
	if (!last || tables_make(m, mm, to, last - 1))
		return 0;
	return vm_fail(m, ENOMEM, "no frame is free for a page table");
}

int pt_make_like(struct vm *m, idx_t mm, const struct mm *from, vaddr_t va)
{
	unsigned last = leaf_level(m), l = 0;
	paddr_t table = pfn_to_pa(m, from->pgd);

	for (; l < last; l++) {
		uint64_t e = pte_read(m, pt_entry_at(m, table, l, va));

		if (!(e & m->arch->pte.present) || pte_huge(m, e))
			break;
		table = e & m->arch->pte.addr;
	}
	if (tables_make(m, mm, va, l))
		return 0;
	return vm_fail(m, ENOMEM, "no frame is free for a page table");
}

void *pt_leaf_table(const struct vm *m, const struct mm *mm, vaddr_t va,
	unsigned *first, uint64_t *span)
{
	unsigned last = leaf_level(m);
	paddr_t table = pfn_to_pa(m, mm->pgd);
	uint64_t covered = level_span(m, 0);

	*first = arch_index(m->arch, last, va);
	for (unsigned l = 0; l < last; l++) {
		uint64_t e = pte_read(m, pt_entry_at(m, table, l, va));

		covered = level_span(m, l);
		*span = covered - (va & (covered - 1));
		if (!(e & m->arch->pte.present) || pte_huge(m, e))
			return NULL;
		table = e & m->arch->pte.addr;
	}
	return ram_at(m, table);
}

/* ---- freeing ------------------------------------------------------------ */

/* What limits a round of freeing; see pt_free_range(). */
struct free_range {
	idx_t mm;
	vaddr_t floor, ceiling;
};

/*
 * Whether [start, end) rounded out to `span` stays inside floor and ceiling.
 * A ceiling of 0 is the end of the address space.
 */
static bool span_is_ours(
	const struct free_range *r, vaddr_t start, vaddr_t end, uint64_t span)
{
	vaddr_t ceiling = r->ceiling;

	if ((start & ~(span - 1)) < r->floor)
		return false;
	if (ceiling) {
		ceiling &= ~(span - 1);
		if (!ceiling)
			return false;
	}
	return end - 1 <= ceiling - 1;
}

static void free_entry(struct vm *m, const struct free_range *r, paddr_t at)
{
	pfn_t pfn = pte_pfn(m, pte_read(m, at));

	pte_write(m, at, 0);
	/* Deposits that never got their huge page: a fork that failed. */
	for (pfn_t d = frame_at(m, pfn)->next, next; d; d = next) {
		next = frame_at(m, d)->next;
		pt_table_free(m, d);
		mm_at(m, r->mm)->pgtables -= m->page_size;
	}
	pt_table_free(m, pfn);
	mm_at(m, r->mm)->pgtables -= m->page_size;
}

/* Frees what lies below the entries of [start, end) in a table of `level`. */
static void free_below(struct vm *m, const struct free_range *r, paddr_t table,
	unsigned level, vaddr_t start, vaddr_t end)
{
	uint64_t span = level_span(m, level);

	for (vaddr_t va = start, next; va != end; va = next) {
		paddr_t at = pt_entry_at(m, table, level, va);
		uint64_t e = pte_read(m, at);

		next = (va | (span - 1)) + 1;
		if (next - 1 > end - 1)
			next = end;
		if (!(e & m->arch->pte.present))
			continue;
		if (level + 1 < leaf_level(m)) {
			free_below(m, r, e & m->arch->pte.addr, level + 1, va,
				next);
			if (!span_is_ours(r, va, next, span))
				continue;
		}
		free_entry(m, r, at);
	}
}

void pt_free_range(struct vm *m, idx_t mm, vaddr_t start, vaddr_t end,
	vaddr_t floor, vaddr_t ceiling)
{
	const struct free_range r = {mm, floor, ceiling};
	uint64_t span = level_span(m, leaf_level(m) - 1);

	/* Whole leaf tables only: those that reach beyond are kept. */
	start &= ~(span - 1);
	if (start < floor) {
		start += span;
		if (!start)
			return;
	}
	if (ceiling) {
		ceiling &= ~(span - 1);
		if (!ceiling)
			return;
	}
	if (end - 1 > ceiling - 1)
		end -= span;
	if (start > end - 1)
		return;
	free_below(m, &r, pfn_to_pa(m, mm_at(m, mm)->pgd), 0, start, end);
}

/* ---- entries ------------------------------------------------------------ */

uint64_t pte_make(const struct vm *m, pfn_t pfn, uint64_t vm_flags, bool write)
{
	const struct pte_bits *b = &m->arch->pte;
	uint64_t e = pfn_to_pa(m, pfn) | b->accessed;

	if (!(vm_flags & VM_ACCESS))
		return e | b->prot_none;
	e |= b->present | b->user;
	if (write)
		e |= b->write | b->dirty | m->soft_dirty;
	if (!(vm_flags & VM_EXEC))
		e |= b->noexec;
	return e;
}
