#include "elf_image.h"

#include <string.h>

#define PATH_MAX_BYTES 4096u /* of PT_INTERP */

/* The two classes have the same fields in other places and widths. */
static void read_header(const uint8_t *head, bool is64, Elf64_Ehdr *out)
{
	Elf32_Ehdr h;

	if (is64) {
		memcpy(out, head, sizeof(*out));
		return;
	}
	memcpy(&h, head, sizeof(h));
	memset(out, 0, sizeof(*out));
	out->e_type = h.e_type;
	out->e_machine = h.e_machine;
	out->e_entry = h.e_entry;
	out->e_phoff = h.e_phoff;
	out->e_phentsize = h.e_phentsize;
	out->e_phnum = h.e_phnum;
}

void elf_phdr(const struct elf_image *img, unsigned i, Elf64_Phdr *out)
{
	const uint8_t *at = img->table + (size_t)i * img->phentsize;
	Elf32_Phdr p;

	if (img->is64) {
		memcpy(out, at, sizeof(*out));
		return;
	}
	memcpy(&p, at, sizeof(p));
	*out = (Elf64_Phdr){
		.p_type = p.p_type,
		.p_flags = p.p_flags,
		.p_offset = p.p_offset,
		.p_vaddr = p.p_vaddr,
		.p_paddr = p.p_paddr,
		.p_filesz = p.p_filesz,
		.p_memsz = p.p_memsz,
		.p_align = p.p_align,
	};
}

/* Whether e_machine is ours, and the class that it implies. */
static bool machine_class(const struct vm *m, unsigned machine, bool *is64)
{
	bool wide = m->arch->native.addr_bits == 64;

	*is64 = machine == EM_X86_64;
	if (*is64)
		return wide;
	if (machine != EM_386 && machine != 6) /* 6: EM_486 of old */
		return false;
	return !wide || m->arch->compat.name;
}

static int check_table(struct vm *m, const Elf64_Ehdr *h, int bad,
	uint64_t file_size, struct elf_image *out)
{
	uint64_t size = (uint64_t)h->e_phnum * out->phentsize;

	if (h->e_phentsize != out->phentsize)
		return vm_fail(m, bad,
			"e_phentsize is %u, a program header has %u bytes",
			h->e_phentsize, out->phentsize);
	if (!size || size > ELF_TABLE_MAX)
		return vm_fail(m, bad,
			"e_phnum is %u; program headers take 1 to %u bytes",
			h->e_phnum, ELF_TABLE_MAX);
	if (h->e_phoff > file_size || size > file_size - h->e_phoff)
		return vm_fail(m, bad,
			"%llu bytes of program headers at offset %llu, but "
			"the file has %llu bytes",
			(unsigned long long)size,
			(unsigned long long)h->e_phoff,
			(unsigned long long)file_size);
	return 0;
}

int elf_parse(struct vm *m, const void *head, size_t len, uint64_t file_size,
	enum elf_role role, struct elf_image *out)
{
	int bad = role == ELF_PROGRAM ? ENOEXEC : ELIBBAD;
	uint16_t machine;
	Elf64_Ehdr h;

	memset(out, 0, sizeof(*out));
	out->role = role;
	if (len < SELFMAG || memcmp(head, ELFMAG, SELFMAG))
		return vm_fail(m, bad,
			"the file begins neither with \\177ELF nor with #!");
	if (len < sizeof(Elf32_Ehdr))
		return vm_fail(m, bad,
			"the file ends after %llu bytes, within its ELF header",
			(unsigned long long)len);
	memcpy(&machine,
		(const uint8_t *)head + offsetof(Elf64_Ehdr, e_machine),
		sizeof(machine));
	if (!machine_class(m, machine, &out->is64))
		return vm_fail(m, bad,
			"e_machine is %u, which arch=%s does not run", machine,
			m->arch->name);
	if (out->is64 && len < sizeof(Elf64_Ehdr))
		return vm_fail(m, bad,
			"the file ends after %llu bytes, within its ELF header",
			(unsigned long long)len);
	read_header(head, out->is64, &h);
	out->exec = h.e_type == ET_EXEC;
	/* Of an interpreter the type is looked at too late to refuse it. */
	if (role == ELF_PROGRAM && !out->exec && h.e_type != ET_DYN)
		return vm_fail(m, bad,
			"e_type is %u; only ET_EXEC (2) and ET_DYN (3) run",
			h.e_type);
	out->dyn = h.e_type == ET_DYN;
	out->entry = h.e_entry;
	out->phoff = h.e_phoff;
	out->phnum = h.e_phnum;
	out->phentsize = out->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	return check_table(m, &h, bad, file_size, out);
}

int elf_check_load(struct vm *m, const struct elf_image *img,
	const Elf64_Phdr *p, vaddr_t bias, vaddr_t task_size)
{
	int bad = img->role == ELF_PROGRAM ? EINVAL : ENOMEM;
	vaddr_t at = p->p_vaddr + bias;

	if (p->p_filesz > p->p_memsz)
		return vm_fail(m, bad,
			"a segment's p_filesz 0x%llx is larger than its "
			"p_memsz 0x%llx",
			(unsigned long long)p->p_filesz,
			(unsigned long long)p->p_memsz);
	if (at >= task_size || p->p_memsz > task_size ||
		task_size - p->p_memsz < at)
		return vm_fail(m, bad,
			"a segment of 0x%llx bytes at 0x%llx does not end "
			"below 0x%llx",
			(unsigned long long)p->p_memsz, (unsigned long long)at,
			(unsigned long long)task_size);
	return 0;
}

static int take_interp(struct vm *m, struct elf_image *img, const Elf64_Phdr *p)
{
	if (img->interp_len) /* the first one counts */
		return 0;
	if (p->p_filesz < 2 || p->p_filesz > PATH_MAX_BYTES)
		return vm_fail(m, ENOEXEC,
			"PT_INTERP has %llu bytes; a path has 2 to %u",
			(unsigned long long)p->p_filesz, PATH_MAX_BYTES);
	img->interp_off = p->p_offset;
	img->interp_len = p->p_filesz;
	return 0;
}

static void widen(struct elf_image *img, const Elf64_Phdr *p, uint64_t page,
	uint64_t *low, uint64_t *high)
{
	uint64_t start = p->p_vaddr & ~(page - 1);
	uint64_t end = p->p_vaddr + p->p_memsz;

	if (start < *low)
		*low = start;
	if (end > *high)
		*high = end;
	/* Alignments that are no power of two are ignored. */
	if (!(p->p_align & (p->p_align - 1)) && p->p_align > img->align)
		img->align = p->p_align;
	img->nr_loads++;
}

int elf_segments(struct vm *m, struct elf_image *img, const void *table)
{
	uint64_t low = UINT64_MAX, high = 0;
	Elf64_Phdr p;
	int err = 0;

	img->table = table;
	img->align = m->page_size;
	for (unsigned i = 0; i < img->phnum && !err; i++) {
		elf_phdr(img, i, &p);
		if (p.p_type == PT_LOAD) {
			widen(img, &p, m->page_size, &low, &high);
		} else if (p.p_type == PT_INTERP && img->role == ELF_PROGRAM) {
			err = take_interp(m, img, &p);
		} else if (p.p_type == PT_GNU_STACK) {
			img->stack = p.p_flags & PF_X ? ELF_STACK_EXEC
						      : ELF_STACK_NOEXEC;
		}
	}
	if (err)
		return err;
	img->span = img->nr_loads ? high - low : 0;
	return 0;
}
