/*
 * The pages that the kernel shares with every process:
 *
 *	frame of the block    VMA              content
 *	0 1 2 3               [vvar]           zero; 1 and 3 are never mapped
 *	4 5                   [vvar_vclock]    zero; 5 is never mapped
 *	6 7                   [vdso]           ELF header, native class
 *	8 9                   [vdso]           ELF header, compat class
 *
 * They lie in one block, root->special_pfn, so that the state needs no table.
 * The pages that are never mapped are those of a time namespace, of an
 * architecture with data of its own, and of Hyper-V: SIGBUS.
 * Source: arch/x86/entry/vdso/vma.c (map_vdso).
 */
#include "task_i.h"

#include <elf.h>
#include <string.h>

#include "../mm/mm.h"
#include "../mm/soft_dirty.h"
#include "../mmu/mmu.h"
#include "exec.h"

#define VVAR_PAGES   4u
#define VCLOCK_PAGES 2u
#define VDSO_PAGES   2u
#define GROUP_PAGES  (VVAR_PAGES + VCLOCK_PAGES + VDSO_PAGES)
#define BLOCK_ORDER  4u

static void write_header64(uint8_t *page)
{
	Elf64_Ehdr h = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
			ELFDATA2LSB, EV_CURRENT},
		.e_type = ET_DYN,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
	};

	memcpy(page, &h, sizeof(h));
}

static void write_header32(uint8_t *page)
{
	Elf32_Ehdr h = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32,
			ELFDATA2LSB, EV_CURRENT},
		.e_type = ET_DYN,
		.e_machine = EM_386,
		.e_version = EV_CURRENT,
		.e_ehsize = sizeof(Elf32_Ehdr),
		.e_phentsize = sizeof(Elf32_Phdr),
	};

	memcpy(page, &h, sizeof(h));
}

static void write_header(struct vm *m, pfn_t pfn, const struct layout *l)
{
	if (l->addr_bits == 64)
		write_header64(frame_bytes(m, pfn));
	else
		write_header32(frame_bytes(m, pfn));
}

int vdso_boot(struct vm *m)
{
	pfn_t pfn = buddy_alloc(
		m, GFP_KERNEL, BLOCK_ORDER, FRAME_KERNEL, USE_KERNEL, true);

	if (pfn == PFN_NONE)
		return -ENOMEM;
	m->root->special_pfn = pfn;
	write_header(m, pfn + GROUP_PAGES - VDSO_PAGES, &m->arch->native);
	if (m->arch->compat.name)
		write_header(m, pfn + GROUP_PAGES, &m->arch->compat);
	return 0;
}

pfn_t special_page(const struct vm *m, const struct vma *v, vaddr_t va)
{
	pfn_t page = (pfn_t)(((va - v->start) >> m->page_shift) + v->pgoff);

	if (v->special != VMA_VDSO && page & 1)
		return PFN_NONE;
	switch (v->special) {
	case VMA_VVAR_VCLOCK:
		page += VVAR_PAGES;
		break;
	case VMA_VDSO:
		page += VVAR_PAGES + VCLOCK_PAGES;
		if (mm_at(m, v->mm)->compat)
			page += VDSO_PAGES;
		break;
	}
	return m->root->special_pfn + page;
}

int vdso_map(struct vm *m, const struct task *t, vaddr_t *vdso)
{
	static const struct {
		unsigned pages;
		enum vma_special special;
		uint64_t flags;
	} part[] = {
		{VVAR_PAGES, VMA_VVAR,
			VM_READ | VM_MAYREAD | VM_IO | VM_PFNMAP |
				VM_DONTEXPAND | VM_DONTDUMP},
		{VCLOCK_PAGES, VMA_VVAR_VCLOCK,
			VM_READ | VM_MAYREAD | VM_IO | VM_PFNMAP |
				VM_DONTEXPAND | VM_DONTDUMP},
		{VDSO_PAGES, VMA_VDSO,
			VM_READ | VM_EXEC | VM_MAYREAD | VM_MAYWRITE |
				VM_MAYEXEC | VM_DONTEXPAND},
	};
	vaddr_t va = mm_unmapped_area(
		m, t, 0, (uint64_t)GROUP_PAGES << m->page_shift, 0, 0, 0);

	if (!va)
		return -ENOMEM;
	for (size_t i = 0; i < sizeof(part) / sizeof(*part); i++) {
		vaddr_t end = va + ((uint64_t)part[i].pages << m->page_shift);

		*vdso = va;
		if (!mm_insert(m, t->mm, va, end,
			    part[i].flags | soft_dirty_vma(m), 0, 0,
			    part[i].special))
			return -ENOMEM;
		va = end;
	}
	return 0;
}
