/*
 * Huge leaves in the tables of processes.
 *
 *	pmd table            a 2 MiB page
 *	+-------+            +-----------------+
 *	| entry | --PS=1---> | 512 frames      |
 *	+-------+            +-----------------+
 *	    :   deposit
 *	    +.......> an empty leaf table, kept for the day of the split
 *
 * Each huge entry of anonymous memory has a leaf table deposited beside it, so
 * that splitting it needs no memory and cannot fail.  Deposits hang on the
 * frame of the table that holds the entry: `next` of that frame is the first,
 * each one's `next` the following.  They count in mm->pgtables, as in Linux
 * (VmPTE).
 *
 * Source: Linux mm/pgtable-generic.c (pgtable_trans_huge_deposit).
 */
#include "mmu_i.h"

#include <assert.h>

static paddr_t huge_at(const struct vm *m, const struct mm *mm, vaddr_t va)
{
	return pt_leaf_at(m, mm, va, 1);
}

uint64_t pt_entry(
	const struct vm *m, const struct mm *mm, vaddr_t va, unsigned size)
{
	paddr_t at = pt_leaf_at(m, mm, va, size);

	return at ? pte_read(m, at) : 0;
}

bool pt_has_entry(
	const struct vm *m, const struct mm *mm, vaddr_t va, unsigned size)
{
	return pt_leaf_at(m, mm, va, size);
}

/* ---- deposits ------------------------------------------------------------ */

static struct frame *holder_of(const struct vm *m, paddr_t at)
{
	return frame_at(m, (pfn_t)(at >> m->page_shift));
}

static void deposit(struct vm *m, paddr_t at, pfn_t table)
{
	frame_at(m, table)->next = holder_of(m, at)->next;
	holder_of(m, at)->next = table;
}

static pfn_t withdraw(struct vm *m, paddr_t at)
{
	pfn_t table = holder_of(m, at)->next;

	assert(table);
	holder_of(m, at)->next = frame_at(m, table)->next;
	frame_at(m, table)->next = PFN_NONE;
	return table;
}

int pt_huge_prepare(struct vm *m, idx_t mm, vaddr_t va)
{
	pfn_t table;

	if (pt_make(m, mm, va, 1))
		return -ENOMEM;
	table = pt_table_alloc(m, mm, m->arch->nr_levels - 1u);
	if (!table)
		return vm_fail(m, ENOMEM, "no frame is free for a page table");
	deposit(m, huge_at(m, mm_at(m, mm), va), table);
	mm_at(m, mm)->pgtables += m->page_size;
	return 0;
}

void pt_drop_deposit(struct vm *m, idx_t mm, vaddr_t va)
{
	pt_table_free(m, withdraw(m, huge_at(m, mm_at(m, mm), va)));
	mm_at(m, mm)->pgtables -= m->page_size;
}

/* Here because it is an entry of that level, and may make room for a huge one.
 */
void pt_free_leaf(struct vm *m, idx_t mm, vaddr_t va)
{
	paddr_t at = huge_at(m, mm_at(m, mm), va);
	pfn_t table = pte_pfn(m, pte_read(m, at));

	pte_write(m, at, 0);
	pt_table_free(m, table);
	mm_at(m, mm)->pgtables -= m->page_size;
}

/* ---- entries ------------------------------------------------------------- */

void pt_entry_set(struct vm *m, idx_t mm, vaddr_t va, unsigned size, uint64_t e)
{
	pte_write(m, pt_leaf_at(m, mm_at(m, mm), va, size), e);
}

void *pt_huge_split(struct vm *m, idx_t mm, vaddr_t va)
{
	paddr_t at = huge_at(m, mm_at(m, mm), va);
	pfn_t table = withdraw(m, at);

	pte_write(m, at, pfn_to_pa(m, table) | m->arch->pte.table);
	return frame_bytes(m, table);
}

void pt_huge_deposit(struct vm *m, idx_t mm, vaddr_t va)
{
	paddr_t at = huge_at(m, mm_at(m, mm), va);

	deposit(m, at, pte_pfn(m, pte_read(m, at)));
	pte_write(m, at, 0);
}

/* A leaf table moves as it is; a huge entry takes its deposit along. */
bool pt_move_above(struct vm *m, idx_t mm, vaddr_t from, vaddr_t to)
{
	paddr_t a = huge_at(m, mm_at(m, mm), from);
	paddr_t b = huge_at(m, mm_at(m, mm), to);
	uint64_t e = pte_read(m, a);

	if (pte_read(m, b))
		return false;
	if (pte_huge(m, e) && pte_has_deposit(m, e))
		deposit(m, b, withdraw(m, a));
	pte_write(m, b, e);
	pte_write(m, a, 0);
	return true;
}
