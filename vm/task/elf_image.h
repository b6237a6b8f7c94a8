/*
 * An ELF file as execve reads it: bytes in, checked numbers out.  Nothing
 * here looks at a disk or an address space, so any bytes may be fed to it.
 *
 * Sources: ELF-64 object file format, <elf.h>; what Linux checks and ignores:
 * fs/binfmt_elf.c.
 */
#ifndef PAGEFS_VM_ELF_IMAGE_H
#define PAGEFS_VM_ELF_IMAGE_H

#include <elf.h>

#include "../machine.h"

#define ELF_TABLE_MAX 65536u /* bytes of program headers */

enum elf_role { ELF_PROGRAM, ELF_INTERPRETER };

/* PT_GNU_STACK of a program. */
enum elf_stack { ELF_STACK_DEFAULT, ELF_STACK_NOEXEC, ELF_STACK_EXEC };

struct elf_image {
	bool is64;
	bool exec, dyn; /* ET_EXEC, ET_DYN */
	enum elf_role role;
	uint64_t entry;
	uint64_t phoff;
	unsigned phnum, phentsize;
	const uint8_t *table; /* phnum * phentsize bytes, the caller's */
	/* by elf_segments(): */
	enum elf_stack stack;
	unsigned nr_loads;
	uint64_t interp_off, interp_len; /* PT_INTERP with its NUL; 0 none */
	uint64_t span;	/* first page of the lowest PT_LOAD to the last byte */
	uint64_t align; /* largest p_align, at least a page */
};

/*
 * Checks the file's header: its first `len` bytes (64 are enough) of a file
 * of file_size bytes.  The machine decides whether a program is for it, and of
 * which class: Linux asks e_machine alone, and so does this.  0; -ENOEXEC for
 * a program, -ELIBBAD for an interpreter, with a sentence.
 */
int elf_parse(struct vm *m, const void *head, size_t len, uint64_t file_size,
	enum elf_role role, struct elf_image *out);

/*
 * Checks the program headers, phnum * phentsize bytes read from phoff, which
 * must stay valid as long as *img is used.  0; or -ENOEXEC: PT_INTERP is no
 * path.  What is said of PT_LOAD is not looked at before it is too late to go
 * back, see exec.c.
 */
int elf_segments(struct vm *m, struct elf_image *img, const void *table);

/* Whether the PT_LOAD that was mapped at p_vaddr + bias fits below task_size,
 * and its memory has room for its bytes: 0, -EINVAL, or -ENOMEM of an
 * interpreter. */
int elf_check_load(struct vm *m, const struct elf_image *img,
	const Elf64_Phdr *p, vaddr_t bias, vaddr_t task_size);

/* Program header i < phnum, widened to 64 bits. */
void elf_phdr(const struct elf_image *img, unsigned i, Elf64_Phdr *out);

#endif
