/*
 * The stack of a new image, from the top down:
 *
 *	stack_top   one zero pointer
 *	            name of the file, NUL           <- execfn
 *	            environment strings             <- env_start
 *	            argument strings                <- arg_start
 *	            up to 15 bytes of alignment
 *	            platform, NUL
 *	            16 random bytes
 *	            up to 15 bytes of alignment
 *	            auxv: pairs of words, AT_NULL last
 *	            envp: pointers, NULL
 *	            argv: pointers, NULL
 *	start_stack argc                            16-byte aligned
 *
 * Sources: fs/exec.c (bprm_stack_limits, copy_strings, setup_arg_pages),
 * fs/binfmt_elf.c (create_elf_tables), x86 asm/elf.h (ARCH_DLINFO).
 */
#include <string.h>

#include "../mm/mm.h"
#include "../mm/soft_dirty.h"
#include "../mmu/mmu.h"
#include "exec_i.h"
#include "task_i.h"

#define ARG_STRING_MAX (128 * KiB) /* one string, NUL included */
#define ARG_MAX_LEAST  (128 * KiB)
#define ARG_MAX_MOST   (6 * MiB)
#define STACK_EXTRA    (128 * KiB) /* room below the strings at once */

/* What a processor of this kind reports. */
#define CPU_HWCAP	  0x178bfbffu /* CPUID 1 EDX */
#define CPU_HWCAP2	  2u	      /* FSGSBASE */
#define CPU_MINSIGSTKSZ	  0xd30u
#define RSEQ_FEATURE_SIZE 28u
#define RSEQ_ALIGN	  32u
#define CLOCK_TICKS	  100u

static const char *arg_at(const struct bprm *b, unsigned i)
{
	if (i < b->nr_front)
		return b->front[b->nr_front - 1 - i];
	return b->argv[i - b->nr_front];
}

static unsigned nr_args(const struct bprm *b)
{
	return b->nr_front + b->argc;
}

/* Bytes of all strings, NULs included; -E2BIG if one is too long. */
static int add_string(struct vm *m, const char *s, uint64_t *sum)
{
	uint64_t len = strlen(s) + 1;

	if (len > ARG_STRING_MAX)
		return vm_fail(m, E2BIG,
			"one argument has %llu bytes, the limit is %llu",
			(unsigned long long)len,
			(unsigned long long)ARG_STRING_MAX);
	*sum += len;
	return 0;
}

static int add_strings(
	struct vm *m, const char *const *list, unsigned n, uint64_t *sum)
{
	int err = 0;

	for (unsigned i = 0; i < n && !err; i++)
		err = add_string(m, list[i], sum);
	return err;
}

/* A quarter of the stack, within bounds, less the pointers. */
static int check_size(struct bprm *b, uint64_t strings, uint64_t pointers)
{
	uint64_t limit = b->t->rlim[RLIM_STACK].soft / 4;

	if (limit > ARG_MAX_MOST)
		limit = ARG_MAX_MOST;
	if (limit < ARG_MAX_LEAST)
		limit = ARG_MAX_LEAST;
	if (pointers < limit && strings <= limit - pointers)
		return 0;
	return vm_fail(b->m, E2BIG,
		"arguments and environment take %llu bytes and %llu of "
		"pointers, the limit is %llu",
		(unsigned long long)strings, (unsigned long long)pointers,
		(unsigned long long)limit);
}

/*
 * Sets p and p_low for all strings.  Scripts replace argv[0] after the
 * caller's strings have been copied, so the stack has been as deep as those.
 */
static int measure(struct bprm *b)
{
	struct vm *m = b->m;
	unsigned word = m->arch->native.addr_bits / 8;
	unsigned first = b->nr_front ? 1 : 0;
	uint64_t fixed = 0, asked = 0, now = 0;
	vaddr_t top = b->stack_top - word;
	int err = add_string(m, b->filename, &fixed);

	if (!err)
		err = add_strings(m, b->envp, b->envc, &fixed);
	if (!err)
		err = add_strings(m, b->argv - first, b->argc + first, &asked);
	for (unsigned i = 0; i < nr_args(b) && !err; i++)
		err = add_string(m, arg_at(b, i), &now);
	if (err)
		return err;
	b->p = top - fixed - now;
	b->p_low = top - fixed - (asked > now ? asked : now);
	return check_size(b, top - b->p_low,
		((uint64_t)b->argc + first + b->envc) * word);
}

/* Puts a string at *at and moves *at behind it. */
static int put_string(struct bprm *b, const char *s, vaddr_t *at)
{
	uint64_t len = strlen(s) + 1;
	int err = mem_poke(b->m, b->t, *at, s, len);

	*at += len;
	return err;
}

static int put_strings(struct bprm *b)
{
	struct mm *mm = mm_at(b->m, b->t->mm);
	vaddr_t at = b->p;
	int err = 0;

	mm->arg_start = at;
	for (unsigned i = 0; i < nr_args(b) && !err; i++)
		err = put_string(b, arg_at(b, i), &at);
	mm->arg_end = at;
	mm->env_start = at;
	for (unsigned i = 0; i < b->envc && !err; i++)
		err = put_string(b, b->envp[i], &at);
	mm->env_end = at;
	b->execfn = at;
	return err ? err : put_string(b, b->filename, &at);
}

static uint64_t stack_flags(const struct bprm *b)
{
	uint64_t flags = VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE |
			 VM_MAYEXEC | VM_GROWSDOWN | VM_ACCOUNT |
			 soft_dirty_vma(b->m);

	if (b->img.stack == ELF_STACK_EXEC ||
		(b->img.stack == ELF_STACK_DEFAULT &&
			b->t->personality & READ_IMPLIES_EXEC))
		flags |= VM_EXEC;
	return flags;
}

/* Bytes of whole pages that hold the strings. */
static uint64_t strings_size(const struct bprm *b)
{
	return b->stack_top - (b->p_low & ~(b->m->page_size - 1));
}

int stack_measure(struct bprm *b)
{
	const struct rlimit_pair *rlim = b->t->rlim;
	int err = measure(b);
	uint64_t size;

	if (err)
		return err;
	size = strings_size(b);
	/* The first page is there in any case. */
	if (size > b->m->page_size &&
		(size > rlim[RLIM_STACK].soft || size > rlim[RLIM_AS].soft))
		return vm_fail(b->m, E2BIG,
			"the arguments take %llu bytes of stack, RLIMIT_STACK "
			"is %llu, RLIMIT_AS %llu",
			(unsigned long long)size,
			(unsigned long long)rlim[RLIM_STACK].soft,
			(unsigned long long)rlim[RLIM_AS].soft);
	return 0;
}

int stack_strings(struct bprm *b)
{
	struct vm *m = b->m;
	uint64_t rlim = b->t->rlim[RLIM_STACK].soft & ~(m->page_size - 1);
	vaddr_t top = b->stack_top;
	uint64_t size = strings_size(b), want;
	idx_t v;
	int err;

	err = mm_may_commit(m, b->t, (int64_t)(size >> m->page_shift));
	if (err)
		return err;
	/* The kernel makes it at the native top and moves it down then. */
	v = mm_insert(m, b->t->mm, top - size, top, stack_flags(b), 0,
		(m->arch->native.stack_top - size) >> m->page_shift, VMA_PLAIN);
	if (!v)
		return -ENOMEM;
	err = put_strings(b);
	if (err)
		return err;
	want = size + STACK_EXTRA < rlim ? size + STACK_EXTRA : rlim;
	if (want <= size)
		return 0;
	return mm_expand_stack(m, b->t, vma_at(m, v), top - want);
}

/* ---- the vectors --------------------------------------------------------- */

/* Words written upwards, a piece at a time. */
struct words {
	struct bprm *b;
	vaddr_t at;
	unsigned bytes; /* of a word: 4 or 8 */
	unsigned used;
	uint8_t buf[1024];
	int err;
};

static void words_flush(struct words *w)
{
	if (!w->err && w->used)
		w->err = mem_poke(w->b->m, w->b->t, w->at, w->buf, w->used);
	w->at += w->used;
	w->used = 0;
}

static void put_word(struct words *w, uint64_t value)
{
	for (unsigned i = 0; i < w->bytes; i++)
		w->buf[w->used++] = (uint8_t)(value >> (8 * i));
	if (w->used == sizeof(w->buf))
		words_flush(w);
}

struct auxv {
	unsigned nr;
	uint64_t v[2 * 24];
};

static void aux(struct auxv *a, uint64_t type, uint64_t value)
{
	a->v[a->nr++] = type;
	a->v[a->nr++] = value;
}

static void make_auxv(
	const struct bprm *b, vaddr_t random, vaddr_t platform, struct auxv *a)
{
	bool wide = b->layout->addr_bits == 64;

	a->nr = 0;
	if (!wide)
		aux(a, AT_SYSINFO, b->vdso + VDSO32_VSYSCALL);
	aux(a, AT_SYSINFO_EHDR, b->vdso);
	aux(a, AT_MINSIGSTKSZ, CPU_MINSIGSTKSZ);
	aux(a, AT_HWCAP, CPU_HWCAP);
	aux(a, AT_PAGESZ, b->m->page_size);
	aux(a, AT_CLKTCK, CLOCK_TICKS);
	aux(a, AT_PHDR, b->phdr);
	aux(a, AT_PHENT, wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr));
	aux(a, AT_PHNUM, b->img.phnum);
	aux(a, AT_BASE, b->interp_base);
	aux(a, AT_FLAGS, 0);
	aux(a, AT_ENTRY, b->entry);
	aux(a, AT_UID, b->cred.uid);
	aux(a, AT_EUID, b->cred.euid);
	aux(a, AT_GID, b->cred.gid);
	aux(a, AT_EGID, b->cred.egid);
	aux(a, AT_SECURE, b->rights.secure);
	aux(a, AT_RANDOM, random);
	aux(a, AT_HWCAP2, CPU_HWCAP2);
	aux(a, AT_EXECFN, b->execfn);
	aux(a, AT_PLATFORM, platform);
	aux(a, AT_RSEQ_FEATURE_SIZE, RSEQ_FEATURE_SIZE);
	aux(a, AT_RSEQ_ALIGN, RSEQ_ALIGN);
	aux(a, AT_NULL, 0);
}

/* Platform and random bytes below p; leaves p at the lowest of them. */
static int put_entropy(struct bprm *b, vaddr_t *random, vaddr_t *platform)
{
	uint64_t len = strlen(b->layout->platform) + 1;
	uint64_t bytes[2];
	int err;

	bytes[0] = vm_random(b->m);
	bytes[1] = vm_random(b->m);
	*platform = aslr_stack(b, b->p) - len;
	*random = *platform - sizeof(bytes);
	b->p = *random;
	err = mem_poke(b->m, b->t, *platform, b->layout->platform, len);
	return err ? err : mem_poke(b->m, b->t, *random, bytes, sizeof(bytes));
}

static void put_pointers(struct words *w, vaddr_t at, unsigned n,
	const char *(*string)(const struct bprm *b, unsigned i))
{
	for (unsigned i = 0; i < n; i++) {
		put_word(w, at);
		at += strlen(string(w->b, i)) + 1;
	}
	put_word(w, 0);
}

static const char *env_at(const struct bprm *b, unsigned i)
{
	return b->envp[i];
}

/* A segment may lie where the stack was, and may not be written. */
static int check_writable(struct bprm *b, vaddr_t va)
{
	const struct vma *v = vma_find(b->m, b->t->mm, va);

	if (v && v->flags & VM_WRITE &&
		(v->start <= va || v->flags & VM_GROWSDOWN))
		return 0;
	return vm_fail(b->m, EFAULT,
		"what execve puts on the stack cannot be written at 0x%llx",
		(unsigned long long)va);
}

/* The stack grows first if its tables reach below it. */
static int reach_down(struct bprm *b, vaddr_t sp)
{
	struct vma *v = vma_find(b->m, b->t->mm, sp);
	int err = check_writable(b, sp);

	if (err || sp >= v->start)
		return err;
	return mm_expand_stack(b->m, b->t, v, sp);
}

int stack_tables(struct bprm *b)
{
	struct mm *mm = mm_at(b->m, b->t->mm);
	struct words w = {.b = b, .bytes = b->layout->addr_bits / 8};
	uint64_t items = (uint64_t)nr_args(b) + 1 + b->envc + 1 + 1;
	vaddr_t random, platform;
	struct auxv a;
	int err = check_writable(b, b->p - 1);

	if (!err)
		err = put_entropy(b, &random, &platform);
	if (!err)
		err = check_writable(b, b->p - 1);
	if (err)
		return err;
	make_auxv(b, random, platform, &a);
	b->p = (b->p - (items + a.nr) * w.bytes) & ~15ull;
	err = reach_down(b, b->p);
	if (err)
		return err;
	w.at = b->p;
	mm->start_stack = b->p;
	put_word(&w, nr_args(b));
	put_pointers(&w, mm->arg_start, nr_args(b), arg_at);
	put_pointers(&w, mm->env_start, b->envc, env_at);
	for (unsigned i = 0; i < a.nr; i++) {
		put_word(&w, a.v[i]);
		mm->auxv[i] = a.v[i];
	}
	words_flush(&w);
	return w.err;
}
