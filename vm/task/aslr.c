/*
 * Random address layouts: what execve adds to the fixed places of things.
 *
 *	              bits of pages     64-bit   32-bit
 *	stack top     stack_rnd_bits        22       11   downwards
 *	mappings      mmap_rnd_bits      28-32     8-16   downwards, as one
 *	PIE           mmap_rnd_bits      28-32     8-16   upwards
 *	heap          brk_rnd            1 GiB   32 MiB   upwards, behind a gap
 *	sp            below 8 KiB, in steps of 16         downwards
 *
 * vvar, vdso and the interpreter are mappings like others and keep their
 * distance from each other.  Each value is a function of the seed and of how
 * many were drawn since the seed was set: the same commands give the same
 * addresses.
 *
 * Source: Linux mm/util.c (randomize_stack_top, randomize_page),
 * arch/x86/mm/mmap.c (arch_rnd), arch/x86/kernel/process.c (arch_align_stack,
 * arch_randomize_brk), fs/binfmt_elf.c.
 */
#include "../mm/mm.h"
#include "exec_i.h"

#define SP_RANGE 8192u

/* splitmix64 of the seed and the number of the draw. */
static uint64_t draw(struct vm *m)
{
	uint64_t z = m->root->set.aslr;

	z += ++m->root->aslr_draws * 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static uint64_t draw_pages(struct vm *m, unsigned bits)
{
	return (draw(m) & ((1ull << bits) - 1)) << m->page_shift;
}

vaddr_t aslr_stack(struct bprm *b, vaddr_t sp)
{
	if (b->random)
		sp -= draw(b->m) % SP_RANGE;
	return sp & ~15ull;
}

/* Settings; at first they are those of the layout. */
static unsigned mmap_rnd_bits(const struct bprm *b)
{
	const struct settings *set = &b->m->root->set;

	return b->layout == &b->m->arch->native ? set->mmap_rnd_bits
						: set->mmap_rnd_compat_bits;
}

void aslr_begin(struct bprm *b)
{
	struct vm *m = b->m;
	const struct layout *l = b->layout;
	uint32_t persona = b->t->personality;
	struct mm_place place = {
		.stack_limit = b->stack_limit,
		.bottom_up = persona & ADDR_COMPAT_LAYOUT ||
			     m->root->set.legacy_va_layout,
	};
	vaddr_t top = l->stack_top;

	b->random = m->root->set.aslr && !(persona & ADDR_NO_RANDOMIZE);
	if (b->random) {
		place.random = true;
		place.rnd_bytes = draw_pages(m, mmap_rnd_bits(b));
		top -= draw_pages(m, l->stack_rnd_bits);
		top = aslr_stack(b, top) + m->page_size - 1;
		top &= ~(m->page_size - 1);
	}
	b->stack_top = top;
	mm_place(m, mm_at(m, b->t->mm), &place);
}

uint64_t aslr_image(struct bprm *b)
{
	return b->random ? draw_pages(b->m, mmap_rnd_bits(b)) : 0;
}

vaddr_t aslr_brk(struct bprm *b, vaddr_t brk)
{
	uint64_t pages = b->layout->brk_rnd >> b->m->page_shift;

	return b->random ? brk + (draw(b->m) % pages << b->m->page_shift) : brk;
}
