/*
 * A page-table entry in letters: what pagetable and walk print.
 *
 *	P present   W writable   U user     A accessed   D dirty
 *	H maps a huge page       G global   S special (no frame table entry)
 *	X no execute             K kept: present to the kernel alone, PROT_NONE
 *
 * A letter whose bit is clear prints as '-'.
 */
#ifndef PAGEFS_FS_PTE_TEXT_H
#define PAGEFS_FS_PTE_TEXT_H

#include "../vm/mmu/mmu.h"

#define PTE_TEXT_LEN	10
#define PTE_TEXT_LEGEND "PWUADHGSXK"

/* Writes PTE_TEXT_LEN letters and a NUL. */
void pte_text(const struct vm *m, unsigned level, uint64_t entry, char *out);

static inline bool pte_leaf(const struct vm *m, unsigned level, uint64_t entry)
{
	return level == m->arch->nr_levels - 1u || entry & m->arch->pte.huge;
}

#endif
