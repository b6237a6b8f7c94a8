/*
 * Segments of ELF files into an address space.
 *
 *	file         |  headers  text  | data |
 *	             +-----------------+------+
 *	memory   +---+-----------------+--+---+----+~~~~~~~~~+
 *	         |   page-rounded text |  | data|00| bss     |
 *	         +---------------------+--+--------+~~~~~~~~~+
 *	                                        ^ zeroed   ^ anonymous
 *
 * Source: fs/binfmt_elf.c (load_elf_binary, load_elf_interp, elf_load,
 * elf_map, total_mapping_size).
 */
#include "../abi.h"
#include "../mm/mm.h"
#include "../mmu/mmu.h"
#include "exec_i.h"
#include "task_i.h"

/* One file being mapped. */
struct mapping {
	struct bprm *b;
	const struct elf_image *img;
	idx_t file;
	vaddr_t bias;	    /* address = p_vaddr + bias, modulo 2^64 */
	uint64_t first_len; /* bytes the first map reserves; 0: its own */
	uint64_t first_flags;
	bool placed; /* the first segment has been mapped */
};

static vaddr_t page_of(const struct vm *m, vaddr_t va)
{
	return va & ~(m->page_size - 1);
}

static vaddr_t page_after(const struct vm *m, vaddr_t va)
{
	return page_of(m, va + m->page_size - 1);
}

static uint64_t prot_of(const Elf64_Phdr *p)
{
	return (p->p_flags & PF_R ? PROT_READ : 0) |
	       (p->p_flags & PF_W ? PROT_WRITE : 0) |
	       (p->p_flags & PF_X ? PROT_EXEC : 0);
}

/* Maps the segment's part of the file.  The address, or -errno. */
static int64_t map_file(struct mapping *g, vaddr_t va, const Elf64_Phdr *p,
	uint64_t flags, uint64_t reserve)
{
	struct vm *m = g->b->m;
	uint64_t lead = p->p_vaddr & (m->page_size - 1);
	uint64_t len = page_after(m, p->p_filesz + lead);
	struct mmap_args a = {
		.addr = page_of(m, va),
		.len = reserve ? page_after(m, reserve) : len,
		.prot = prot_of(p),
		.flags = flags,
		.file = g->file,
		.off = p->p_offset - lead,
	};
	int64_t at = mm_mmap(m, g->b->t, &a);

	if (at >= 0 && a.len > len)
		mm_munmap(m, g->b->t, (vaddr_t)at + len, a.len - len);
	return at;
}

/* Zeroes from the end of the file's bytes to the end of their page. */
static int zero_tail(struct mapping *g, vaddr_t from)
{
	static const uint8_t zeros[512];
	vaddr_t end = page_after(g->b->m, from);
	int err = 0;

	while (from < end && !err) {
		uint64_t n = end - from;

		if (n > sizeof(zeros))
			n = sizeof(zeros);
		err = mem_poke(g->b->m, g->b->t, from, zeros, n);
		from += n;
	}
	return err;
}

static int map_bss(
	struct mapping *g, vaddr_t start, vaddr_t end, const Elf64_Phdr *p)
{
	struct vm *m = g->b->m;
	vaddr_t from = page_after(m, start);

	return mm_bss(
		m, g->b->t, from, page_after(m, end) - from, p->p_flags & PF_X);
}

/* Maps one segment at va.  The address of its first page, or -errno. */
static int64_t load_segment(struct mapping *g, vaddr_t va, const Elf64_Phdr *p,
	uint64_t flags, uint64_t reserve)
{
	struct vm *m = g->b->m;
	uint64_t lead = p->p_vaddr & (m->page_size - 1);
	int64_t at = (int64_t)page_of(m, va);
	vaddr_t zero;
	int err = 0;

	if (!p->p_filesz && va >= g->b->layout->task_size)
		return vm_fail(m, ENOMEM,
			"the segment would lie at 0x%llx, beyond 0x%llx",
			(unsigned long long)va,
			(unsigned long long)g->b->layout->task_size);
	if (p->p_filesz)
		at = map_file(g, va, p, flags, reserve);
	if (at < 0 || p->p_memsz <= p->p_filesz)
		return at;
	zero = (vaddr_t)at;
	if (p->p_filesz) {
		zero += lead + p->p_filesz;
		if (p->p_flags & PF_W)
			err = zero_tail(g, zero);
	}
	if (!err)
		err = map_bss(g, zero, (vaddr_t)at + lead + p->p_memsz, p);
	return err ? err : at;
}

static int map_segments(struct mapping *g)
{
	struct vm *m = g->b->m;
	Elf64_Phdr p;

	for (unsigned i = 0; i < g->img->phnum; i++) {
		int64_t at;

		elf_phdr(g->img, i, &p);
		if (p.p_type != PT_LOAD)
			continue;
		at = load_segment(g, g->bias + p.p_vaddr, &p,
			MAP_PRIVATE | (g->placed ? MAP_FIXED : g->first_flags),
			g->placed ? 0 : g->first_len);
		if (at < 0)
			return (int)at;
		if (!g->placed && g->img->dyn)
			g->bias = (vaddr_t)at - page_of(m, p.p_vaddr);
		g->placed = true;
		if (elf_check_load(m, g->img, &p,
			    g->img->role == ELF_PROGRAM ? 0 : g->bias,
			    g->b->layout->task_size))
			return -m->fail.err;
	}
	return 0;
}

static Elf64_Phdr first_load(const struct elf_image *img)
{
	Elf64_Phdr p = {0};

	for (unsigned i = 0; i < img->phnum && p.p_type != PT_LOAD; i++)
		elf_phdr(img, i, &p);
	return p;
}

/*
 * A static PIE goes where mmap finds room.  If it wants more than a page of
 * alignment, the room found is only a probe for the aligned address below.
 */
static int place_static_pie(struct mapping *g)
{
	struct vm *m = g->b->m;
	uint64_t len = page_after(m, g->img->span);
	Elf64_Phdr first = first_load(g->img);
	vaddr_t va = 0;

	g->bias = -page_of(m, first.p_vaddr);
	if (g->img->align <= m->page_size)
		return 0;
	/* Where the first has no bytes, Linux probes at 0 and stays there. */
	if (first.p_filesz)
		va = mm_unmapped_area(
			m, g->b->t, 0, len, MAP_PRIVATE, g->file, 0);
	if (!va && first.p_filesz)
		return -ENOMEM;
	g->bias = page_of(m, (va & ~(g->img->align - 1)) - first.p_vaddr);
	g->first_flags = MAP_FIXED_NOREPLACE;
	return 0;
}

static int no_span(struct vm *m)
{
	return vm_fail(m, EINVAL, "the file has no PT_LOAD that takes memory");
}

static int place_program(struct mapping *g)
{
	struct bprm *b = g->b;
	vaddr_t base;

	g->first_flags = MAP_FIXED_NOREPLACE;
	if (!b->img.dyn || !b->img.nr_loads)
		return 0;
	if (!b->img.span)
		return no_span(b->m);
	g->first_len = b->img.span;
	if (b->interp) {
		base = b->layout->et_dyn_base + aslr_image(b);
		base &= ~(b->img.align - 1);
		g->bias = page_of(b->m, base - first_load(&b->img).p_vaddr);
		return 0;
	}
	g->first_flags = 0;
	return place_static_pie(g);
}

/* The program's place in the mm's books, in the order of Linux's loop. */
static void set_bounds(struct bprm *b)
{
	struct mm *mm = mm_at(b->m, b->t->mm);
	vaddr_t start_code = UINT64_MAX, brk = 0;
	Elf64_Phdr p;

	for (unsigned i = 0; i < b->img.phnum; i++) {
		elf_phdr(&b->img, i, &p);
		if (p.p_type != PT_LOAD)
			continue;
		if (p.p_offset <= b->img.phoff &&
			b->img.phoff < p.p_offset + p.p_filesz)
			b->phdr = b->img.phoff - p.p_offset + p.p_vaddr;
		if (p.p_flags & PF_X && p.p_vaddr < start_code)
			start_code = p.p_vaddr;
		if (p.p_flags & PF_X && p.p_vaddr + p.p_filesz > mm->end_code)
			mm->end_code = p.p_vaddr + p.p_filesz;
		if (p.p_vaddr > mm->start_data)
			mm->start_data = p.p_vaddr;
		if (p.p_vaddr + p.p_filesz > mm->end_data)
			mm->end_data = p.p_vaddr + p.p_filesz;
		if (p.p_vaddr + p.p_memsz > brk)
			brk = p.p_vaddr + p.p_memsz;
	}
	b->phdr += b->bias;
	mm->start_code = start_code + b->bias;
	mm->end_code += b->bias;
	mm->start_data += b->bias;
	mm->end_data += b->bias;
	if (b->img.dyn && !b->interp)
		brk = b->layout->static_pie_brk;
	else /* a random heap keeps a page away from the bss */
		brk = page_after(b->m, brk + b->bias) +
		      (b->random ? b->m->page_size : 0);
	mm->start_brk = aslr_brk(b, brk);
	mm->brk = mm->start_brk;
}

/* The interpreter goes where mmap finds room for its whole span. */
static int map_interp(struct bprm *b)
{
	struct mapping g = {
		.b = b,
		.img = &b->interp_img,
		.file = b->interp,
		.first_len = b->interp_img.span,
	};
	int err;

	if (!g.img->span)
		return no_span(b->m);
	if (!g.img->dyn && !g.img->exec)
		return vm_fail(b->m, EINVAL,
			"the interpreter is neither ET_EXEC nor ET_DYN");
	if (g.img->exec)
		g.first_flags = MAP_FIXED;
	else if (b->bias)
		g.bias = -page_of(b->m, first_load(g.img).p_vaddr);
	err = map_segments(&g);
	b->interp_base = g.bias;
	return err;
}

int image_map(struct bprm *b)
{
	struct mapping g = {.b = b, .img = &b->img, .file = b->file};
	int err = place_program(&g);

	if (!err)
		err = map_segments(&g);
	if (err)
		return err;
	b->bias = g.bias;
	b->entry = b->img.entry + g.bias;
	set_bounds(b);
	if (b->interp)
		err = map_interp(b);
	if (err)
		return err;
	if ((b->interp ? b->interp_img.entry + b->interp_base : b->entry) >=
		b->layout->task_size)
		return vm_fail(b->m, EINVAL,
			"the entry point 0x%llx is not below 0x%llx",
			(unsigned long long)b->img.entry,
			(unsigned long long)b->layout->task_size);
	return 0;
}
