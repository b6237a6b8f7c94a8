/* Hand-made ELF files, and a disk to put them on. */
#ifndef PAGEFS_TESTS_ELF_RIG_H
#define PAGEFS_TESTS_ELF_RIG_H

#include <elf.h>

#include "../../vm/disk/disk.h"
#include "../../vm/mm/mm.h"
#include "../../vm/mmu/mmu.h"
#include "../../vm/task/task.h"
#include "vmtest.h"

#define RIG_BYTES 0x6000u

/* A file of RIG_BYTES: an ELF header, phnum program headers, noise. */
struct rig {
	_Alignas(8) uint8_t b[RIG_BYTES];
	bool is64;
};

static inline Elf64_Phdr *rig_ph(struct rig *r, unsigned i)
{
	return (Elf64_Phdr *)(r->b + sizeof(Elf64_Ehdr)) + i;
}

static inline Elf32_Phdr *rig_ph32(struct rig *r, unsigned i)
{
	return (Elf32_Phdr *)(r->b + sizeof(Elf32_Ehdr)) + i;
}

static inline void rig_header(struct rig *r, bool is64, uint16_t type)
{
	memset(r, 0, sizeof(*r));
	r->is64 = is64;
	for (unsigned i = 0; i < RIG_BYTES; i++)
		r->b[i] = (uint8_t)(i * 7 + i / 256);
	memset(r->b, 0, 1024);
	if (is64) {
		Elf64_Ehdr h = {
			.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64,
				ELFDATA2LSB, EV_CURRENT},
			.e_type = type,
			.e_machine = EM_X86_64,
			.e_version = EV_CURRENT,
			.e_phoff = sizeof(h),
			.e_ehsize = sizeof(h),
			.e_phentsize = sizeof(Elf64_Phdr),
		};
		memcpy(r->b, &h, sizeof(h));
	} else {
		Elf32_Ehdr h = {
			.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS32,
				ELFDATA2LSB, EV_CURRENT},
			.e_type = type,
			.e_machine = EM_386,
			.e_version = EV_CURRENT,
			.e_phoff = sizeof(h),
			.e_ehsize = sizeof(h),
			.e_phentsize = sizeof(Elf32_Phdr),
		};
		memcpy(r->b, &h, sizeof(h));
	}
}

/* Adds a program header. */
static inline void rig_add(struct rig *r, uint32_t type, uint32_t flags,
	uint64_t off, uint64_t vaddr, uint64_t filesz, uint64_t memsz)
{
	if (r->is64) {
		unsigned i = ((Elf64_Ehdr *)r->b)->e_phnum++;

		*rig_ph(r, i) = (Elf64_Phdr){
			.p_type = type,
			.p_flags = flags,
			.p_offset = off,
			.p_vaddr = vaddr,
			.p_filesz = filesz,
			.p_memsz = memsz,
			.p_align = 0x1000,
		};
	} else {
		unsigned i = ((Elf32_Ehdr *)r->b)->e_phnum++;

		*rig_ph32(r, i) = (Elf32_Phdr){
			.p_type = type,
			.p_flags = flags,
			.p_offset = (uint32_t)off,
			.p_vaddr = (uint32_t)vaddr,
			.p_filesz = (uint32_t)filesz,
			.p_memsz = (uint32_t)memsz,
			.p_align = 0x1000,
		};
	}
}

static inline void rig_entry(struct rig *r, uint64_t entry)
{
	if (r->is64)
		((Elf64_Ehdr *)r->b)->e_entry = entry;
	else
		((Elf32_Ehdr *)r->b)->e_entry = (uint32_t)entry;
}

/*
 * A small program: text at base, data with 3 pages of bss above.
 *
 *	base + 0x0000  r-x  file 0x0000, 0x1800 bytes
 *	base + 0x3800  rw-  file 0x2800, 0x0900 bytes, 0x3900 in memory
 */
static inline void rig_program(
	struct rig *r, bool is64, uint16_t type, uint64_t base)
{
	rig_header(r, is64, type);
	rig_add(r, PT_LOAD, PF_R | PF_X, 0, base, 0x1800, 0x1800);
	rig_add(r, PT_LOAD, PF_R | PF_W, 0x2800, base + 0x3800, 0x900, 0x3900);
	rig_add(r, PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 0);
	rig_entry(r, base + 0x400);
}

/* Puts PT_INTERP with that path into the file, at 0x300. */
static inline void rig_interp(struct rig *r, const char *path)
{
	size_t len = strlen(path) + 1;

	memcpy(r->b + 0x300, path, len);
	rig_add(r, PT_INTERP, PF_R, 0x300, 0x300, len, len);
}

/* A file of disk/ with these bytes; an old one of that name is replaced. */
static inline idx_t rig_put(
	struct vm *m, const char *path, const void *bytes, size_t len)
{
	idx_t i = disk_lookup(m, path, true);

	vm_fail_clear(m);
	if (!i)
		i = disk_create(m, path, 0755, 0, 0);
	if (!i || disk_truncate(m, i, 0) ||
		disk_write(m, i, 0, bytes, len) != (int64_t)len)
		fail_msg("%s", vm_sentence(m));
	return i;
}

static inline struct task *rig_spawn(struct vm *m, const char *path)
{
	struct exec_args x = {.path = path};

	vm_fail_clear(m);
	return task_spawn(m, 0, 0, &x, NULL);
}

/* The VMAs of a process as "start-end rwx pgoff" lines. */
static inline const char *rig_maps(struct vm *m, const struct task *t)
{
	static char text[4096];
	const struct mm *mm = mm_at(m, t->mm);
	const struct vma *v;
	size_t n = 0;

	text[0] = '\0';
	vma_for_each (m, mm, v)
		n += vm_snprintf(text + n, sizeof(text) - n,
			"%llx-%llx %c%c%c %llx\n", (unsigned long long)v->start,
			(unsigned long long)v->end,
			v->flags & VM_READ ? 'r' : '-',
			v->flags & VM_WRITE ? 'w' : '-',
			v->flags & VM_EXEC ? 'x' : '-',
			(unsigned long long)(v->file ? v->pgoff << 12 : 0));
	return text;
}

#endif
