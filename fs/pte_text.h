/*
 * A page-table entry in letters: what pagetable and walk print.
 *
 *	P present   W writable   U user     A accessed   D dirty
 *	H maps a huge page       G global   S special (no frame table entry)
 *	X no execute             K kept: present to the kernel alone, PROT_NONE
 *
 * A letter whose bit is clear prints as '-', and so do all of an entry that
 * maps nothing: its bits mean something else.
 */
#ifndef PAGEFS_FS_PTE_TEXT_H
#define PAGEFS_FS_PTE_TEXT_H

#include "../vm/mmu/mmu.h"

#define PTE_TEXT_LEN	10
#define PTE_TEXT_LEGEND "PWUADHGSXK"

/* Writes PTE_TEXT_LEN letters and a NUL. */
void pte_text(const struct vm *m, unsigned level, uint64_t entry, char *out);

/* Whether an entry that is not zero points to no table: it maps a page, or says
 * why there is none. */
static inline bool pte_leaf(const struct vm *m, unsigned level, uint64_t entry)
{
	return level == m->arch->nr_levels - 1u || entry & m->arch->pte.huge ||
	       !pte_present(m, entry);
}

/* Area and offset of a page in swap, as in pagemap. */
void pte_swap_place(
	const struct vm *m, uint64_t entry, unsigned *type, uint32_t *offset);

#endif
