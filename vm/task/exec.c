/*
 * execve: opens program and interpreter, and builds a new address space beside
 * the old one.  Up to a point (begin_new_exec() in Linux) a refusal costs
 * nothing: no such file, no right, no ELF, no interpreter, too many arguments.
 * Then Linux drops the old image, and whatever fails from there on (a segment
 * that cannot be mapped, RLIMIT_AS) ends the process with SIGSEGV.
 *
 * Source of order and errno: fs/exec.c, fs/binfmt_elf.c.
 */
#include <string.h>

#include "../disk/disk.h"
#include "../reclaim/reclaim.h"
#include "../mm/mm.h"
#include "../mmu/mmu.h"
#include "../abi.h"
#include "../format.h"
#include "exec_i.h"
#include "signal.h"
#include "task_i.h"

/* ---- opening ------------------------------------------------------------- */

/* As the kernel opens programs: the x bit is asked for, the r bit is not. */
static idx_t open_program(const struct bprm *b, const char *path)
{
	struct vm *m = b->m;
	idx_t file = file_open(m, b->t ? &b->t->cred : NULL, path, FMODE_EXEC);

	if (file)
		file_at(m, file)->mode |= FMODE_READ;
	return file;
}

static idx_t inode_of(const struct vm *m, idx_t file)
{
	return file_at(m, file)->inode;
}

/* argv[0] makes way for: the interpreter, its argument, the script. */
static void script_argv(
	struct bprm *b, const char *script, const char *name, const char *arg)
{
	if (b->nr_front) {
		b->nr_front--;
	} else if (b->argc) {
		b->argv++;
		b->argc--;
	}
	b->front[b->nr_front++] = script;
	if (arg)
		b->front[b->nr_front++] = arg;
	b->front[b->nr_front++] = name;
}

/* Opens path, or the interpreter at the end of its chain of #! lines. */
static int open_through_scripts(struct bprm *b, const char *path)
{
	struct vm *m = b->m;

	for (unsigned depth = 0; depth <= SCRIPT_DEPTH; depth++) {
		char *head = b->line[depth], *name, *arg;
		int err;

		b->file = open_program(b, path);
		if (!b->file)
			return -m->fail.err;
		disk_read(m, inode_of(m, b->file), 0, head, SCRIPT_HEAD);
		err = script_parse(m, head, &name, &arg);
		if (err)
			return err < 0 ? err : 0;
		file_put(m, b->file);
		b->file = 0;
		script_argv(b, path, name, arg);
		path = name;
	}
	return vm_fail(m, ELOOP, "%s: more than %u interpreters of scripts",
		b->filename, SCRIPT_DEPTH);
}

/* That of a program of so many bits. */
static void choose_layout(struct bprm *b, bool is64)
{
	const struct arch *arch = b->m->arch;

	b->compat = is64 || !arch->compat.name			 ? MM_NATIVE
		    : b->t && b->t->personality & ADDR_LIMIT_3GB ? MM_COMPAT_3GB
								 : MM_COMPAT;
	b->layout = b->compat == MM_NATIVE   ? &arch->native
		    : b->compat == MM_COMPAT ? &arch->compat
					     : &arch->compat_3gb;
}

/* Parses the headers of one file; its table goes to half of b->tables. */
static int read_elf(
	struct bprm *b, idx_t file, enum elf_role role, struct elf_image *img)
{
	struct vm *m = b->m;
	uint8_t *table = b->tables + (role == ELF_PROGRAM ? 0 : ELF_TABLE_MAX);
	idx_t inode = inode_of(m, file);
	uint8_t head[sizeof(Elf64_Ehdr)];
	uint64_t len = disk_read(m, inode, 0, head, sizeof(head));
	int err;

	/* Of a program what is missing counts as zeros. */
	if (role == ELF_INTERPRETER &&
		len < (b->img.is64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr)))
		return vm_fail(m, EIO,
			"the interpreter ends after %llu bytes, within its ELF "
			"header",
			(unsigned long long)len);
	err = elf_parse(m, head, len, inode_at(m, inode)->size, role, img);
	if (err)
		return err;
	if (role == ELF_PROGRAM)
		choose_layout(b, img->is64);
	else if (img->is64 != b->img.is64)
		return vm_fail(m, ELIBBAD,
			"a %s interpreter cannot load a %s program",
			img->is64 ? "64-bit" : "32-bit",
			img->is64 ? "32-bit" : "64-bit");
	disk_read(m, inode, img->phoff, table,
		(uint64_t)img->phnum * img->phentsize);
	return elf_segments(m, img, table);
}

static int open_interp(struct bprm *b)
{
	struct vm *m = b->m;
	uint64_t len = b->img.interp_len;
	char path[4096];

	if (b->img.interp_off > INT64_MAX - len)
		return vm_fail(m, EINVAL,
			"PT_INTERP at offset 0x%llx: offsets are below 2^63",
			(unsigned long long)b->img.interp_off);
	if (disk_read(m, inode_of(m, b->file), b->img.interp_off, path, len) !=
		len)
		return vm_fail(m, EIO,
			"PT_INTERP at offset %llu lies beyond the file's end",
			(unsigned long long)b->img.interp_off);
	if (path[len - 1])
		return vm_fail(
			m, ENOEXEC, "PT_INTERP does not end with a NUL byte");
	b->interp = open_program(b, path);
	if (!b->interp && m->fail.err == ENOENT) {
		vm_fail_clear(m);
		vm_fail(m, ENOENT,
			"%.150s, the program's interpreter (PT_INTERP), is "
			"missing: copy it to the same path below disk/",
			path);
	}
	if (!b->interp)
		return -m->fail.err;
	return read_elf(b, b->interp, ELF_INTERPRETER, &b->interp_img);
}

/* Opens the program, through #! lines, and its interpreter; parses both. */
static int exec_open(struct bprm *b, const char *path)
{
	int err;

	b->tables = scratch_take(b->m, 2 * ELF_TABLE_MAX);
	if (!b->tables)
		return vm_fail(b->m, ENOMEM, "no memory to read programs");
	err = open_through_scripts(b, path);
	if (!err)
		err = read_elf(b, b->file, ELF_PROGRAM, &b->img);
	if (!err && b->img.interp_len)
		err = open_interp(b);
	return err;
}

static void exec_close(struct bprm *b)
{
	if (b->file)
		file_put(b->m, b->file);
	if (b->interp)
		file_put(b->m, b->interp);
	scratch_give(b->m, b->tables);
}

/* ---- building ------------------------------------------------------------ */

/* Without a program: only what every process has, and an empty heap where
 * that of a static PIE would be. */
static int bare_map(struct bprm *b)
{
	struct mm *mm = mm_at(b->m, b->t->mm);

	mm->start_brk = aslr_brk(b, b->layout->static_pie_brk);
	mm->brk = mm->start_brk;
	return 0;
}

static int cache_page(struct vm *m, idx_t file, uint64_t page)
{
	if (!cache_lookup(m, inode_of(m, file), page))
		mem_expect(m, GFP_HIGHUSER);
	if (mem_reserve(m, GFP_PAGE, STEP_PAGES) ||
		!cache_get(m, inode_of(m, file), page, NULL))
		return -ENOMEM;
	return 0;
}

/* The pages of headers that reading them brought into the page cache. */
static int cache_headers(struct vm *m, idx_t file, const struct elf_image *img)
{
	uint64_t page = img->phoff >> m->page_shift;
	uint64_t last = img->phoff + img->phnum * img->phentsize - 1;

	if (cache_page(m, file, 0))
		return -ENOMEM;
	for (; page <= last >> m->page_shift; page++)
		if (cache_page(m, file, page))
			return -ENOMEM;
	return 0;
}

static int cache_files(struct bprm *b)
{
	int err = 0;

	if (b->file)
		err = cache_headers(b->m, b->file, &b->img);
	if (!err && b->interp)
		err = cache_headers(b->m, b->interp, &b->interp_img);
	return err;
}

/* Fills t's new, empty mm.  The order of mappings is Linux's: it decides the
 * addresses. */
static int build(struct bprm *b)
{
	int err = stack_strings(b);

	if (!err)
		err = b->file ? image_map(b) : bare_map(b);
	b->mapped = !err;
	if (!err)
		err = vdso_map(b->m, b->t, &b->vdso);
	if (!err)
		err = stack_tables(b);
	if (!err)
		err = cache_files(b);
	return err;
}

/* A 32-bit program that says nothing about its stack predates NX.  Who gets
 * rights by execve loses what makes it easier to attack. */
static uint32_t personality_of(const struct bprm *b)
{
	uint32_t persona = b->t->personality;

	if (b->rights.tame)
		persona &= ~(ADDR_NO_RANDOMIZE | ADDR_COMPAT_LAYOUT |
			     READ_IMPLIES_EXEC | MMAP_PAGE_ZERO);
	if (b->layout->addr_bits == 64)
		return persona & ~READ_IMPLIES_EXEC;
	if (b->file && b->img.stack == ELF_STACK_DEFAULT)
		persona |= READ_IMPLIES_EXEC;
	return persona;
}

#define SECURE_STACK (8 * MiB) /* Linux: _STK_LIM */

/* The credentials that the program will run with, and its limit of stack: a
 * large one moves mappings to places that are easy to tell. */
static void prepare_cred(struct bprm *b)
{
	const struct inode *i;

	b->cred = b->t->cred;
	b->stack_limit = b->t->rlim[RLIM_STACK].soft;
	if (!b->file)
		return;
	i = inode_at(b->m, inode_of(b->m, b->file));
	b->rights = cred_exec(&b->cred, i->mode, i->uid, i->gid);
	if (b->rights.secure && b->stack_limit > SECURE_STACK)
		b->stack_limit = SECURE_STACK;
}

/* Who runs under another's ids is not to be looked at. */
static void commit_cred(struct bprm *b)
{
	const struct cred *old = &b->t->cred;

	mm_at(b->m, b->t->mm)->dumpable =
		old->euid == old->uid && old->egid == old->gid;
	cred_commit(b->m, b->t, &b->cred);
}

static void commit(struct bprm *b, idx_t old_mm)
{
	struct vm *m = b->m;
	struct task *t = b->t;

	if (b->file && !exe_get(m, b->file)) {
		mm_at(m, t->mm)->exe = b->file;
		m->root->count[CNT_EXECS]++;
	}
	commit_cred(b);
	if (b->rights.secure)
		t->pdeath_signal = 0;
	label_forget_all(m, t);
	if (old_mm) {
		mm_put(m, old_mm);
		task_vfork_done(m, t);
		task_become_leader(m, t);
	}
	t->flags &= ~(PF_FORKNOEXEC | PF_RANDOMIZE);
	t->flags |= b->random ? PF_RANDOMIZE : 0;
	kstack_note(m, t);
}

/* What prctl set for the process outlives its image. */
static void inherit_flags(struct vm *m, idx_t mm, idx_t old)
{
	if (!old)
		return;
	mm_at(m, mm)->thp_disable = mm_at(m, old)->thp_disable;
	mm_at(m, mm)->mdwe = mm_at(m, old)->mdwe;
	mm_at(m, mm)->merge_any = mm_at(m, old)->merge_any;
}

/* The task as it was, but for its place among others, of whom the OOM killer
 * may have taken some. */
static void take_back(struct task *t, const struct task *before)
{
	struct task now = *t;

	*t = *before;
	t->prev = now.prev;
	t->next = now.next;
	t->parent = now.parent;
	t->sibling = now.sibling;
	t->exit_signal = now.exit_signal;
	t->vfork_waiter = now.vfork_waiter;
	t->oom_victim = now.oom_victim;
}

/* Nothing is left of the old image, and the new one did not come to life. */
static int die_of_exec(struct bprm *b, idx_t old_mm)
{
	struct vm *m = b->m;
	struct task *t = b->t;
	int err = -m->fail.err;
	size_t n = strlen(m->fail.text);

	commit(b, old_mm);
	/* Before it is known of which format it is, nothing can be dumped. */
	mm_at(m, t->mm)->dumpable &= b->mapped;
	task_set_comm(t, b->filename);
	vm_snprintf(m->fail.text + n, sizeof(m->fail.text) - n,
		"; process %u has lost its old image and dies of SIGSEGV",
		t->pid);
	signal_end(m, t, SIGSEGV);
	return err;
}

/* As System V had it.  Who may not map there goes without; so it is with any
 * failure. */
static void map_page_zero(struct bprm *b)
{
	const struct mmap_args page = {
		.len = b->m->page_size,
		.prot = PROT_READ | PROT_EXEC,
		.flags = MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS,
	};

	if (!(b->t->personality & MMAP_PAGE_ZERO) || !b->file)
		return;
	if (!mm_mmap(b->m, b->t, &page))
		mm_mseal(b->m, b->t, 0, page.len, 0);
	vm_fail_clear(b->m);
}

static int exec_build(struct bprm *b)
{
	struct vm *m = b->m;
	struct task *t = b->t;
	bool too_late;
	uint64_t rng[2] = {m->root->rng[0], m->root->rng[1]};
	uint64_t draws = m->root->aslr_draws;
	struct task before = *t;
	int err;

	t->mm = mm_create(m, b->compat);
	if (!t->mm) {
		t->mm = before.mm;
		return -ENOMEM;
	}
	inherit_flags(m, t->mm, before.mm);
	prepare_cred(b);
	t->personality = personality_of(b);
	aslr_begin(b);
	err = stack_measure(b);
	too_late = !err && before.mm && t->tgid != PID_INIT;
	t->rlim[RLIM_STACK].soft = b->stack_limit;
	if (!err)
		err = build(b);
	if (!err) {
		commit(b, before.mm);
		map_page_zero(b);
		return 0;
	}
	if (too_late)
		return die_of_exec(b, before.mm);
	mm_put(m, t->mm);
	take_back(t, &before);
	memcpy(m->root->rng, rng, sizeof(rng));
	m->root->aslr_draws = draws;
	return err;
}

int exec_load(struct vm *m, struct task *t, const struct exec_args *x,
	const char *name)
{
	struct bprm b = {
		.m = m,
		.t = t,
		.layout = &m->arch->native,
		.filename = x->path ? x->path
			    : name  ? name
				    : "bare",
		.argv = x->argv,
		.argc = x->argc,
		.envp = x->envp,
		.envc = x->envc,
	};
	int err = 0;

	if (!b.argc) {
		b.argv = &b.filename;
		b.argc = 1;
	}
	if (x->path)
		err = exec_open(&b, x->path);
	if (!err)
		err = exec_build(&b);
	if (!err)
		task_set_comm(t, name ? name : b.filename);
	exec_close(&b);
	return err;
}

int task_exec_check(struct vm *m, const char *path)
{
	struct bprm b = {.m = m, .filename = path, .layout = &m->arch->native};
	int err = exec_open(&b, path);

	exec_close(&b);
	return err;
}

int task_exec(struct vm *m, struct task *t, const struct exec_args *x)
{
	if (!t->mm)
		return vm_fail(m, ESRCH, "process %u has exited", t->pid);
	if (!x->path)
		return vm_fail(m, ENOENT, "exec needs a path");
	return exec_load(m, t, x, NULL);
}
