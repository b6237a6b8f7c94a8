#include "pte_text.h"

#include <string.h>

#include "../vm/swap/swap.h"

void pte_text(const struct vm *m, unsigned level, uint64_t e, char *out)
{
	const struct pte_bits *p = &m->arch->pte;
	bool present = e & p->present, leaf = pte_leaf(m, level, e);
	bool last = level == m->arch->nr_levels - 1u;
	/* one bit is both: G of a present leaf, K of one that is not */
	const bool set[PTE_TEXT_LEN] = {
		present,
		e & p->write,
		e & p->user,
		e & p->accessed,
		e & p->dirty && leaf,
		present && !last && e & p->huge,
		present && leaf && e & p->global,
		leaf && e & p->special,
		e & p->noexec,
		!present && e & p->prot_none,
	};

	for (unsigned i = 0; i < PTE_TEXT_LEN; i++)
		out[i] = pte_present(m, e) && set[i] ? PTE_TEXT_LEGEND[i] : '-';
	out[PTE_TEXT_LEN] = 0;
}

void pte_swap_place(
	const struct vm *m, uint64_t e, unsigned *type, uint32_t *offset)
{
	swap_place(m, swap_entry_slot(m, e), type, offset);
}
