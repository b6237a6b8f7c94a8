/* The stack that a new image finds, read back word by word. */
#include <stdlib.h>

#include "elf_rig.h"

#define MAX_WORDS 64

static struct vm *m;
static uint64_t free_pages;

static void begin(const char *arch, bool is64)
{
	struct rig r;

	m = vmtest_boot(arch, "64M");
	free_pages = vmtest_free_pages(m);
	rig_program(&r, is64, ET_EXEC, 0x400000);
	rig_put(m, "/p", r.b, RIG_BYTES);
}

static void finish(void)
{
	for (struct task *t = task_next(m, 2); t; t = task_next(m, 2))
		task_exit(m, t, 0);
	disk_unlink(m, "/p");
	vmtest_end(m, free_pages);
}

static uint64_t word(const struct mm *mm, vaddr_t at, unsigned bytes)
{
	uint64_t v = 0;

	assert_int_equal(mem_look(m, mm, at, &v, bytes), bytes);
	return v;
}

static void check_string(const struct mm *mm, vaddr_t at, const char *want)
{
	char *have = malloc(strlen(want) + 1);

	assert_int_equal(
		mem_look(m, mm, at, have, strlen(want) + 1), strlen(want) + 1);
	assert_string_equal(have, want);
	free(have);
}

/* Pointers at *at to the strings, and a NULL; they lie one behind another. */
static void check_pointers(const struct mm *mm, vaddr_t *at, unsigned bytes,
	vaddr_t first, const char *const *want, unsigned n)
{
	for (unsigned i = 0; i < n; i++, *at += bytes) {
		assert_int_equal(word(mm, *at, bytes), first);
		check_string(mm, first, want[i]);
		first += strlen(want[i]) + 1;
	}
	assert_int_equal(word(mm, *at, bytes), 0);
	*at += bytes;
}

static uint64_t aux_of(
	const struct mm *mm, vaddr_t at, unsigned bytes, uint64_t type)
{
	for (; word(mm, at, bytes); at += 2 * bytes)
		if (word(mm, at, bytes) == type)
			return word(mm, at + bytes, bytes);
	fail_msg("auxv has no type %llu", (unsigned long long)type);
	return 0;
}

static void check_auxv(
	const struct mm *mm, vaddr_t at, unsigned bytes, const char *platform)
{
	static const uint64_t order[] = {AT_SYSINFO, AT_SYSINFO_EHDR,
		AT_MINSIGSTKSZ, AT_HWCAP, AT_PAGESZ, AT_CLKTCK, AT_PHDR,
		AT_PHENT, AT_PHNUM, AT_BASE, AT_FLAGS, AT_ENTRY, AT_UID,
		AT_EUID, AT_GID, AT_EGID, AT_SECURE, AT_RANDOM, AT_HWCAP2,
		AT_EXECFN, AT_PLATFORM, AT_RSEQ_FEATURE_SIZE, AT_RSEQ_ALIGN,
		AT_NULL};
	vaddr_t start = at, random;

	for (unsigned i = bytes == 8 ? 1 : 0; i < COUNT(order); i++) {
		assert_int_equal(word(mm, at, bytes), order[i]);
		at += 2 * bytes;
	}
	random = aux_of(mm, start, bytes, AT_RANDOM);
	assert_true(at <= random && at + 16 > random);
	assert_int_equal(aux_of(mm, start, bytes, AT_PLATFORM), random + 16);
	check_string(mm, random + 16, platform);
	assert_int_not_equal(word(mm, random, 8), 0);
	assert_int_equal(aux_of(mm, start, bytes, AT_PAGESZ), 4096);
	assert_int_equal(aux_of(mm, start, bytes, AT_UID), 1000);
	assert_int_equal(aux_of(mm, start, bytes, AT_EGID), 100);
	assert_int_equal(aux_of(mm, start, bytes, AT_ENTRY), 0x400400);
	assert_int_equal(aux_of(mm, start, bytes, AT_PHNUM), 3);
	assert_int_equal(aux_of(mm, start, bytes, AT_BASE), 0);
	assert_int_equal(aux_of(mm, start, bytes, AT_PHDR),
		0x400000 + (bytes == 8 ? 64 : 52));
	assert_int_equal(
		aux_of(mm, start, bytes, AT_PHENT), bytes == 8 ? 56 : 32);
	assert_int_equal(aux_of(mm, start, bytes, AT_EXECFN), mm->env_end);
	/* The vdso is of the program's class. */
	assert_int_equal(word(mm, aux_of(mm, start, bytes, AT_SYSINFO_EHDR), 4),
		0x464c457f);
	assert_int_equal(
		word(mm, aux_of(mm, start, bytes, AT_SYSINFO_EHDR) + 4, 1),
		bytes == 8 ? ELFCLASS64 : ELFCLASS32);
}

/* The stack of a process that got these arguments. */
static void check_stack(const struct task *t, const struct exec_args *x,
	unsigned bytes, unsigned top_bytes)
{
	const struct mm *mm = mm_at(m, t->mm);
	vaddr_t at = mm->start_stack, top = mm_layout(m, mm)->stack_top;
	const char *path = x->path;

	assert_int_equal(at % 16, 0);
	assert_int_equal(word(mm, at, bytes), x->argc ? x->argc : 1);
	at += bytes;
	if (x->argc)
		check_pointers(mm, &at, bytes, mm->arg_start, x->argv, x->argc);
	else
		check_pointers(mm, &at, bytes, mm->arg_start, &path, 1);
	check_pointers(mm, &at, bytes, mm->env_start, x->envp, x->envc);
	assert_int_equal(mm->arg_end, mm->env_start);
	check_string(mm, mm->env_end, path);
	assert_int_equal(mm->env_end + strlen(path) + 1, top - top_bytes);
	assert_int_equal(word(mm, top - top_bytes, top_bytes), 0);
}

static struct task *spawn(const struct exec_args *x)
{
	struct task *t = task_spawn(m, 1000, 100, x, NULL);

	if (!t)
		fail_msg("%s", vm_sentence(m));
	return t;
}

static void test_layouts(void **state)
{
	static const struct {
		const char *arch, *platform;
		unsigned bytes, top_bytes;
	} row[] = {
		{"x86_64", "x86_64", 8, 8},
		{"x86_64", "i686", 4, 8},
		{"i386", "i686", 4, 4},
	};
	const char *argv[] = {"prog", "one", "", "two words"};
	const char *envp[] = {"A=1", "BB=22"};
	struct exec_args x = {"/p", argv, 4, envp, 2};

	for (size_t i = 0; i < COUNT(row); i++) {
		const struct mm *mm;
		struct task *t;
		vaddr_t auxv;

		begin(row[i].arch, row[i].bytes == 8);
		t = spawn(&x);
		mm = mm_at(m, t->mm);
		check_stack(t, &x, row[i].bytes, row[i].top_bytes);
		auxv = mm->start_stack + (1 + 4 + 1 + 2 + 1) * row[i].bytes;
		check_auxv(mm, auxv, row[i].bytes, row[i].platform);
		finish();
	}
}

/* Every alignment of strings, and no argument at all. */
static void test_sizes(void **state)
{
	char text[64];
	const char *argv[MAX_WORDS];
	struct exec_args x = {"/p", argv, 0, argv, 0};

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	for (unsigned i = 0; i < MAX_WORDS; i++)
		argv[i] = text + i;
	begin("x86_64", true);
	for (unsigned n = 0; n < 40; n++) {
		struct task *t;

		x.argc = n;
		x.envc = n * 7 % 11;
		t = spawn(&x);
		check_stack(t, &x, 8, 8);
		task_exit(m, t, 0);
	}
	finish();
}

/* 50 KB of environment: the stack is larger by its pages. */
static void test_large(void **state)
{
	static char big[1000];
	const char *envp[50];
	struct exec_args x = {"/p", NULL, 0, envp, 50};
	struct task *t;

	memset(big, 'e', sizeof(big) - 1);
	for (int i = 0; i < 50; i++)
		envp[i] = big;
	begin("x86_64", true);
	t = spawn(&x);
	check_stack(t, &x, 8, 8);
	/* 50,011 bytes of strings: 13 pages, and 32 below them. */
	assert_int_equal(
		vma_lookup(m, t->mm, 0x7fffffffefff)->start, 0x7ffffffd2000);
	finish();
}

static void test_limits(void **state)
{
	static char big[131073];
	static const char *many[60000];
	const char *argv[] = {big};
	struct exec_args x = {"/p", argv, 1, NULL, 0};
	struct task *init, *t;

	memset(big, 'a', sizeof(big) - 1);
	begin("x86_64", true);
	init = task_find(m, 1);
	assert_null(task_spawn(m, 0, 0, &x, NULL));
	assert_int_equal(m->fail.err, E2BIG);
	assert_sentence(vm_sentence(m), "131073 bytes, the limit is 131072");
	big[131071] = '\0';
	vm_fail_clear(m);
	t = spawn(&x);
	assert_int_equal(
		vma_lookup(m, t->mm, 0x7fffffffefff)->start, 0x7ffffffbe000);
	task_exit(m, t, 0);

	/* Pointers count: 8 bytes each beside the one byte of "". */
	for (unsigned i = 0; i < COUNT(many); i++)
		many[i] = "";
	x.argv = many;
	x.argc = COUNT(many);
	init->rlim[RLIM_STACK].soft = 2 * MiB;
	assert_null(task_spawn(m, 0, 0, &x, NULL));
	assert_int_equal(m->fail.err, E2BIG);
	assert_sentence(vm_sentence(m), "480000 of pointers, the limit is");
	vm_fail_clear(m);
	init->rlim[RLIM_STACK].soft = 8 * MiB;
	task_exit(m, spawn(&x), 0);

	/* A small stack is cut to its limit. */
	init->rlim[RLIM_STACK].soft = 65537;
	x.argc = 1;
	t = spawn(&x);
	assert_int_equal(
		vma_lookup(m, t->mm, 0x7fffffffefff)->start, 0x7ffffffef000);
	finish();
}

/* The same machine draws the same bytes; two processes differ. */
static void test_random(void **state)
{
	struct exec_args x = {.path = "/p"};
	uint64_t have[4];

	for (int i = 0; i < 4; i++) {
		const struct mm *mm;

		if (i % 2 == 0)
			begin("x86_64", true);
		mm = mm_at(m, spawn(&x)->mm);
		have[i] = word(
			mm, aux_of(mm, mm->start_stack + 32, 8, AT_RANDOM), 8);
		if (i % 2)
			finish();
	}
	assert_true(have[0] == have[2]);
	assert_true(have[1] == have[3]);
	assert_true(have[0] != have[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layouts),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
