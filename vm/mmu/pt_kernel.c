/*
 * The kernel half of every address space, built once at boot: the direct map
 * of RAM at page_offset with the largest pages that fit, and, where the
 * architecture keeps it apart, the kernel's image at kernel_text.  The top
 * table is a template; pt_new_pgd() copies its kernel entries.
 *
 * Source: Linux arch/x86/mm/init.c (init_memory_mapping), mm/init_64.c.
 */
#include "mmu_i.h"

#define LOW_MEMORY_END (1 * MiB) /* mapped whole, with the legacy holes */

/* Its tables are the kernel's own memory, in no process's count. */
static pfn_t kernel_table(struct vm *m)
{
	pfn_t pfn =
		buddy_alloc(m, GFP_KERNEL, 0, FRAME_KERNEL, USE_KERNEL, true);

	if (pfn == PFN_NONE)
		return PFN_NONE;
	frame_at(m, pfn)->flags |= FR_BYTES;
	return pfn;
}

/* The level of the largest page that can start at va and pa within len. */
static unsigned largest_level(
	const struct vm *m, vaddr_t va, paddr_t pa, uint64_t len)
{
	const struct arch *a = m->arch;

	for (unsigned l = 0; l < a->nr_levels; l++) {
		uint64_t size = 1ull << a->level[l].shift;

		if (a->level[l].may_be_leaf && size <= len &&
			!((va | pa) & (size - 1)))
			return l;
	}
	return a->nr_levels - 1u;
}

/* Sets one leaf at `level`, creating tables on the way. */
static int map_one(struct vm *m, vaddr_t va, unsigned level, uint64_t entry)
{
	const struct arch *a = m->arch;
	uint64_t link = a->pte.table & ~a->pte.user;
	paddr_t table = pfn_to_pa(m, m->root->kernel_pgd);

	for (unsigned l = 0;; l++) {
		paddr_t at =
			table + (uint64_t)arch_index(a, l, va) * a->entry_bytes;
		uint64_t e = pte_read(m, at);

		if (l == level) {
			pte_write(m, at, entry);
			return 0;
		}
		if (!(e & a->pte.present)) {
			pfn_t pfn = kernel_table(m);

			if (pfn == PFN_NONE)
				return -ENOMEM;
			e = pfn_to_pa(m, pfn) | link;
			pte_write(m, at, e);
		}
		table = e & a->pte.addr;
	}
}

static int map_range(
	struct vm *m, vaddr_t va, paddr_t pa, paddr_t end, uint64_t rights)
{
	const struct arch *a = m->arch;

	while (pa < end) {
		unsigned l = largest_level(m, va, pa, end - pa);
		uint64_t size = 1ull << a->level[l].shift;
		uint64_t huge = l + 1u < a->nr_levels ? a->pte.huge : 0;
		int err = map_one(m, va, l, pa | rights | huge);

		if (err)
			return err;
		va += size;
		pa += size;
	}
	return 0;
}

static int map_direct(struct vm *m)
{
	const struct arch *a = m->arch;
	const struct pte_bits *b = &a->pte;
	uint64_t rights = b->present | b->write | b->accessed | b->dirty |
			  b->global | b->noexec;
	paddr_t done = 0;

	for (unsigned i = 0; i < m->root->nr_firmware; i++) {
		const struct phys_range *r = &m->root->firmware[i];
		paddr_t start = r->start, end = r->end & ~(m->page_size - 1);
		int err;

		if (r->kind != PHYS_RAM)
			continue;
		start = (start + m->page_size - 1) & ~(m->page_size - 1);
		if (start <= LOW_MEMORY_END)
			start = 0;
		if (start < done)
			start = done;
		if (end < LOW_MEMORY_END)
			continue;
		if (end > a->lowmem_max)
			end = a->lowmem_max;
		if (start >= end)
			continue;
		err = map_range(m, a->page_offset + start, start, end, rights);
		if (err)
			return err;
		done = end;
	}
	return 0;
}

/* The rights of the image's parts; 0 for what is no part of it. */
static uint64_t image_rights(const struct vm *m, uint32_t kind)
{
	const struct pte_bits *b = &m->arch->pte;
	uint64_t common = b->present | b->accessed | b->global;

	switch (kind) {
	case PHYS_KERNEL_CODE:
		return common;
	case PHYS_KERNEL_RODATA:
		return common | b->noexec;
	case PHYS_KERNEL_DATA:
	case PHYS_KERNEL_BSS:
		return common | b->write | b->dirty | b->noexec;
	default:
		return 0;
	}
}

static int map_image(struct vm *m)
{
	uint64_t mask = m->page_size - 1;

	if (m->arch->kernel_text == m->arch->page_offset)
		return 0;
	for (unsigned i = 0; i < m->root->nr_firmware; i++) {
		const struct phys_range *r = &m->root->firmware[i];
		uint64_t rights = image_rights(m, r->kind);
		paddr_t start = r->start & ~mask;
		int err;

		if (!rights)
			continue;
		err = map_range(m, m->arch->kernel_text + start, start,
			(r->end + mask) & ~mask, rights);
		if (err)
			return err;
	}
	return 0;
}

int pt_boot(struct vm *m)
{
	int err;

	m->root->kernel_pgd = kernel_table(m);
	if (m->root->kernel_pgd == PFN_NONE)
		return -ENOMEM;
	err = map_direct(m);
	if (!err)
		err = map_image(m);
	return err;
}
