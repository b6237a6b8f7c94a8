/* execve: where images land, what they hold, and refusals that cost nothing. */
#include "../../vm/abi.h"
#include "elf_rig.h"
#include "../../vm/swap/swap.h"

static struct vm *m;
static uint64_t free_pages;

static void begin(const char *arch)
{
	m = vmtest_boot(arch, "64M");
	free_pages = vmtest_free_pages(m);
}

static const char *const paths[] = {
	"/prog", "/ld.so", "/s1", "/s2", "/s3", "/s4", "/s5", "/s6"};

/* Ends every process but init, removes the files, and counts pages. */
static void finish(void)
{
	for (struct task *t = task_next(m, 2); t; t = task_next(m, 2))
		task_exit(m, t, 0);
	assert_int_equal(pool_live(m, SEG_FILE), 0);
	for (size_t i = 0; i < COUNT(paths); i++)
		disk_unlink(m, paths[i]);
	vmtest_end(m, free_pages);
}

struct place {
	const char *arch;
	bool is64;
	uint16_t type;
	uint64_t base;
	bool interp;
	uint64_t brk, start_code, start_data;
	const char *maps;
};

static const struct place places[] = {
	/* static, fixed address */
	{"x86_64", true, ET_EXEC, 0x400000, false, 0x408000, 0x400000, 0x403800,
		"400000-402000 r-x 0\n"
		"403000-405000 rw- 2000\n"
		"405000-408000 rw- 0\n"
		"7ffff7ff7000-7ffff7ffb000 r-- 0\n"
		"7ffff7ffb000-7ffff7ffd000 r-- 0\n"
		"7ffff7ffd000-7ffff7fff000 r-x 0\n"
		"7ffffffde000-7ffffffff000 rw- 0\n"},
	/* static PIE: below mmap_base, the break elsewhere */
	{"x86_64", true, ET_DYN, 0, false, 0x555555555000, 0x7ffff7ff7000,
		0x7ffff7ffa800,
		"7ffff7fef000-7ffff7ff3000 r-- 0\n"
		"7ffff7ff3000-7ffff7ff5000 r-- 0\n"
		"7ffff7ff5000-7ffff7ff7000 r-x 0\n"
		"7ffff7ff7000-7ffff7ff9000 r-x 0\n"
		"7ffff7ffa000-7ffff7ffc000 rw- 2000\n"
		"7ffff7ffc000-7ffff7fff000 rw- 0\n"
		"7ffffffde000-7ffffffff000 rw- 0\n"},
	/* PIE with interpreter: the interpreter first, then the vdso */
	{"x86_64", true, ET_DYN, 0, true, 0x55555555c000, 0x555555554000,
		0x555555557800,
		"555555554000-555555556000 r-x 0\n"
		"555555557000-555555559000 rw- 2000\n"
		"555555559000-55555555c000 rw- 0\n"
		"7ffff7fef000-7ffff7ff3000 r-- 0\n"
		"7ffff7ff3000-7ffff7ff5000 r-- 0\n"
		"7ffff7ff5000-7ffff7ff7000 r-x 0\n"
		"7ffff7ff7000-7ffff7ff9000 r-x 0\n"
		"7ffff7ffa000-7ffff7ffc000 rw- 2000\n"
		"7ffff7ffc000-7ffff7fff000 rw- 0\n"
		"7ffffffde000-7ffffffff000 rw- 0\n"},
	/* 32-bit on a 64-bit machine */
	{"x86_64", false, ET_DYN, 0, true, 0x5655d000, 0x56555000, 0x56558800,
		"56555000-56557000 r-x 0\n"
		"56558000-5655a000 rw- 2000\n"
		"5655a000-5655d000 rw- 0\n"
		"f7fee000-f7ff2000 r-- 0\n"
		"f7ff2000-f7ff4000 r-- 0\n"
		"f7ff4000-f7ff6000 r-x 0\n"
		"f7ff6000-f7ff8000 r-x 0\n"
		"f7ff9000-f7ffb000 rw- 2000\n"
		"f7ffb000-f7ffe000 rw- 0\n"
		"fffdd000-ffffe000 rw- 0\n"},
	/* i386, 3 GiB for users */
	{"i386", false, ET_EXEC, 0x8048000, false, 0x8050000, 0x8048000,
		0x804b800,
		"8048000-804a000 r-x 0\n"
		"804b000-804d000 rw- 2000\n"
		"804d000-8050000 rw- 0\n"
		"b7ff8000-b7ffc000 r-- 0\n"
		"b7ffc000-b7ffe000 r-- 0\n"
		"b7ffe000-b8000000 r-x 0\n"
		"bffdf000-c0000000 rw- 0\n"},
	{"i386", false, ET_DYN, 0, true, 0x408000, 0x400000, 0x403800,
		"400000-402000 r-x 0\n"
		"403000-405000 rw- 2000\n"
		"405000-408000 rw- 0\n"
		"b7ff0000-b7ff4000 r-- 0\n"
		"b7ff4000-b7ff6000 r-- 0\n"
		"b7ff6000-b7ff8000 r-x 0\n"
		"b7ff8000-b7ffa000 r-x 0\n"
		"b7ffb000-b7ffd000 rw- 2000\n"
		"b7ffd000-b8000000 rw- 0\n"
		"bffdf000-c0000000 rw- 0\n"},
};

/* Text and data as in the file, then zeros to the end of bss. */
static void check_bytes(const struct rig *r, const struct mm *mm)
{
	static uint8_t have[0x3900], want[0x3900];
	uint64_t data = mm->start_data;

	assert_int_equal(mem_look(m, mm, mm->start_code, have, 0x1800), 0x1800);
	assert_memory_equal(have, r->b, 0x1800);
	memset(want, 0, sizeof(want));
	memcpy(want, r->b + 0x2800, 0x900);
	assert_int_equal(
		mem_look(m, mm, data, have, sizeof(have)), sizeof(have));
	assert_memory_equal(have, want, sizeof(have));
}

static void put_place(const struct place *p, struct rig *r)
{
	struct rig ld;

	rig_program(&ld, p->is64, ET_DYN, 0);
	rig_put(m, "/ld.so", ld.b, RIG_BYTES);
	rig_program(r, p->is64, p->type, p->base);
	if (p->interp)
		rig_interp(r, "/ld.so");
	rig_put(m, "/prog", r->b, RIG_BYTES);
}

static void test_places(void **state)
{
	for (size_t i = 0; i < COUNT(places); i++) {
		const struct place *p = &places[i];
		const struct mm *mm;
		struct task *t;
		struct rig r;
		char name[64];

		begin(p->arch);
		put_place(p, &r);
		t = rig_spawn(m, "/prog");
		if (!t)
			fail_msg("row %zu: %s", i, vm_sentence(m));
		mm = mm_at(m, t->mm);
		assert_string_equal(rig_maps(m, t), p->maps);
		assert_int_equal(mm->start_brk, p->brk);
		assert_int_equal(mm->brk, p->brk);
		assert_int_equal(mm->start_code, p->start_code);
		assert_int_equal(mm->end_code, p->start_code + 0x1800);
		assert_int_equal(mm->start_data, p->start_data);
		assert_int_equal(mm->end_data, p->start_data + 0x900);
		assert_string_equal(t->comm, "prog");
		disk_path(m, file_at(m, mm->exe)->inode, name, sizeof(name));
		assert_string_equal(name, "/prog");
		check_bytes(&r, mm);
		finish();
	}
}

/* Replaces the image: labels go, descriptors stay, the old memory is free. */
static void test_replace(void **state)
{
	struct exec_args x = {.path = "/prog"};
	struct task *t;
	struct rig r;
	idx_t f;

	begin("x86_64");
	put_place(&places[0], &r);
	t = rig_spawn(m, "/prog");
	label_set(m, t, "x", 1, 1);
	f = file_open(m, NULL, "/prog", FMODE_READ);
	fd_install(m, t, f, 3);
	put_place(&places[2], &r);
	assert_int_equal(task_exec(m, t, &x), 0);
	assert_string_equal(rig_maps(m, t), places[2].maps);
	assert_int_equal(t->labels, 0);
	assert_int_equal(fd_lookup(m, t, 3), f);
	assert_int_equal(pool_live(m, SEG_MM), 2);
	vmtest_check(m);
	finish();
}

/* A thread that execs becomes the process, the others end. */
static void test_threads(void **state)
{
	struct exec_args bare = {0}, x = {.path = "/prog"};
	struct task *a, *t, *child;
	struct rig r;

	begin("x86_64");
	put_place(&places[0], &r);
	a = task_spawn(m, 0, 0, &bare, "a");
	t = task_fork(m, a, CLONE_VM | CLONE_SIGHAND | CLONE_THREAD);
	child = task_fork(m, a, 0);
	assert_int_equal(task_exec(m, t, &x), 0);
	assert_int_equal(t->pid, 2);
	assert_int_equal(t->tgid, 2);
	assert_ptr_equal(task_find(m, 2), t);
	assert_null(task_find(m, 3));
	assert_int_equal(child->parent, task_index(m, t));
	assert_string_equal(t->comm, "prog");
	vmtest_check(m);
	task_exit(m, child, 0);
	finish();
}

/* init is then its thread. */
static void test_init_thread(void **state)
{
	struct exec_args x = {.path = "/prog"};
	struct task *init, *t;
	struct rig r;

	begin("x86_64");
	put_place(&places[0], &r);
	init = task_find(m, 1);
	t = task_fork(m, init, CLONE_VM | CLONE_SIGHAND | CLONE_THREAD);
	assert_int_equal(task_exec(m, t, &x), 0);
	assert_ptr_equal(task_find(m, 1), t);
	assert_int_equal(t->tgid, 1);
	assert_int_equal(t->parent, 0);
	assert_null(task_find(m, 2));
	vmtest_check(m);
	vm_destroy(m);
}

static void test_stack_exec(void **state)
{
	struct task *t;
	struct rig r;

	begin("i386");
	rig_program(&r, false, ET_EXEC, 0x8048000);
	rig_ph32(&r, 2)->p_flags = PF_R | PF_W | PF_X;
	rig_put(m, "/prog", r.b, RIG_BYTES);
	t = rig_spawn(m, "/prog");
	assert_int_equal(t->personality, 0);
	assert_non_null(strstr(rig_maps(m, t), "bffdf000-c0000000 rwx"));
	assert_non_null(strstr(rig_maps(m, t), "804b000-804d000 rw-"));

	/* Without PT_GNU_STACK what is readable is executable. */
	rig_ph32(&r, 2)->p_type = PT_NULL;
	rig_put(m, "/prog", r.b, RIG_BYTES);
	t = rig_spawn(m, "/prog");
	assert_int_equal(t->personality, READ_IMPLIES_EXEC);
	assert_non_null(strstr(rig_maps(m, t), "bffdf000-c0000000 rwx"));
	assert_non_null(strstr(rig_maps(m, t), "804b000-804d000 rwx"));
	assert_non_null(strstr(rig_maps(m, t), "804d000-8050000 rwx"));
	finish();
}

/* Refusals: errno, sentence, and the process as it was. */
static void refused(
	struct task *t, const char *path, int err, const char *sentence)
{
	struct exec_args x = {.path = path};
	struct task before = *t;
	struct mm mm = *mm_at(m, t->mm);
	uint64_t rng = m->root->rng[0], committed = m->root->committed;
	char maps[4096];

	vm_snprintf(maps, sizeof(maps), "%s", rig_maps(m, t));
	vm_fail_clear(m);
	assert_int_equal(task_exec(m, t, &x), -err);
	assert_sentence(vm_sentence(m), sentence);
	assert_memory_equal(t, &before, sizeof(before));
	assert_memory_equal(mm_at(m, t->mm), &mm, sizeof(mm));
	assert_string_equal(rig_maps(m, t), maps);
	assert_int_equal(m->root->rng[0], rng);
	assert_int_equal(m->root->committed, committed);
	assert_int_equal(pool_live(m, SEG_MM), 2);
	vmtest_check(m);
}

/* What is found out when the old image is gone ends the process. */
static void killed(
	struct task *parent, const char *path, int err, const char *sentence)
{
	struct exec_args x = {.path = path};
	struct task *t = task_fork(m, parent, SIGCHLD);

	assert_non_null(t);
	vm_fail_clear(m);
	assert_int_equal(task_exec(m, t, &x), -err);
	assert_sentence(vm_sentence(m), sentence);
	assert_sentence(vm_sentence(m), "dies of SIGSEGV");
	assert_int_equal(t->state, TASK_ZOMBIE);
	assert_int_equal(t->exit_code, SIGSEGV);
	assert_string_equal(t->comm, path + 1);
	assert_int_equal(t->flags & PF_FORKNOEXEC, 0);
	task_reap(m, t);
	vmtest_check(m);
}

static void test_refusals(void **state)
{
	struct exec_args bare = {0};
	struct task *t;
	struct rig r, ld;

	begin("x86_64");
	t = task_spawn(m, 0, 0, &bare, "victim");
	label_set(m, t, "x", 1, 1);
	refused(t, "/nothing", ENOENT, "nothing");
	refused(t, "/", EACCES, "/ is not a regular file");
	rig_put(m, "/prog", "text", 4);
	refused(t, "/prog", ENOEXEC, "neither with \\177ELF nor with #!");
	inode_at(m, disk_lookup(m, "/prog", true))->mode = 0644;
	refused(t, "/prog", EACCES, "mode 0644");
	inode_at(m, disk_lookup(m, "/prog", true))->mode = 0755;

	rig_program(&r, true, ET_DYN, 0);
	rig_interp(&r, "/ld.so");
	rig_put(m, "/prog", r.b, RIG_BYTES);
	refused(t, "/prog", ENOENT, "ld.so, the program's interpreter");
	rig_put(m, "/ld.so", "#!/prog\n", 8);
	refused(t, "/prog", EIO, "within its ELF header");
	rig_program(&ld, false, ET_DYN, 0);
	rig_put(m, "/ld.so", ld.b, RIG_BYTES);
	refused(t, "/prog", ELIBBAD, "a 32-bit interpreter cannot load");
	rig_program(&ld, true, ET_DYN, 0);
	rig_ph(&ld, 0)->p_memsz = 1;
	rig_put(m, "/ld.so", ld.b, RIG_BYTES);
	killed(t, "/prog", ENOMEM, "p_filesz");
	r.b[0x300 + 6] = 'x';
	rig_put(m, "/prog", r.b, RIG_BYTES);
	refused(t, "/prog", ENOEXEC, "does not end with a NUL");
	rig_put(m, "/prog", r.b, 0x304);
	refused(t, "/prog", EIO, "beyond the file's end");

	/* Found out half way through building: over the stack. */
	rig_program(&r, true, ET_EXEC, 0x7ffffffe0000);
	rig_put(m, "/prog", r.b, RIG_BYTES);
	killed(t, "/prog", EEXIST, "overlaps");
	/* Data whose last page is not in the file cannot be zeroed. */
	rig_program(&r, true, ET_EXEC, 0x400000);
	rig_put(m, "/prog", r.b, 0x1000);
	killed(t, "/prog", EFAULT, "");
	/* The entry point is checked when all is mapped. */
	rig_entry(&r, 0x7ffffffff000);
	rig_put(m, "/prog", r.b, RIG_BYTES);
	killed(t, "/prog", EINVAL, "entry point 0x7ffffffff000");
	/* Limits of the process. */
	rig_entry(&r, 0x400400);
	rig_put(m, "/prog", r.b, RIG_BYTES);
	t->rlim[RLIM_AS].soft = 150 * KiB;
	killed(t, "/prog", ENOMEM, "RLIMIT_AS");
	finish();
}

/* However much of the file there is, it loads or is refused; nothing leaks. */
static void test_cut_everywhere(void **state)
{
	struct exec_args bare = {0};
	struct task *t;
	struct rig r;

	begin("x86_64");
	t = task_spawn(m, 0, 0, &bare, "a");
	for (size_t len = 0; len < 0x3200; len += len < 400 ? 1 : 97) {
		struct task *p;

		rig_program(&r, len & 1, ET_DYN, 0);
		rig_put(m, "/prog", r.b, len);
		p = rig_spawn(m, "/prog");
		/* The last page to be zeroed begins at 0x3000. */
		assert_int_equal(p != NULL, len > 0x3000);
		assert_int_equal(pool_live(m, SEG_TASK), p ? 3 : 2);
		if (p)
			task_exit(m, p, 0);
		else
			assert_true(vm_sentence(m)[0]);
	}
	task_exit(m, t, 0);
	finish();
}

/* Takes all frames that there are to be had but nr; how many. */
static unsigned take_all_but(unsigned nr, pfn_t *taken)
{
	unsigned n = 0;
	pfn_t pfn;

	while ((pfn = buddy_alloc(m, GFP_HIGHUSER, 0, FRAME_KERNEL, USE_KERNEL,
			false)) != PFN_NONE)
		taken[n++] = pfn;
	while (nr--)
		buddy_free(m, taken[--n], 0, USE_KERNEL);
	return n;
}

/* Memory runs out at each step in turn: refused, and all is given back. */
static void test_without_memory(void **state)
{
	struct exec_args bare = {0};
	static pfn_t taken[64 * MiB / 4096];
	struct task *t;
	unsigned nr_ok = 0;
	struct rig r;

	begin("x86_64");
	put_place(&places[2], &r);
	t = task_spawn(m, 0, 0, &bare, "a");
	t->oom_score_adj = (uint32_t)-1000;
	m->root->set.watermark_boost_factor = 0;
	assert_int_equal(swap_off(m, swap_area_of(m, 0)), 0);
	for (unsigned left = 0; left < 40; left++) {
		unsigned n = take_all_but(left, taken);
		struct task *p = rig_spawn(m, "/prog");

		nr_ok += p != NULL;
		if (p)
			task_exit(m, p, 0);
		else
			assert_int_equal(m->fail.err, ENOMEM);
		assert_int_equal(pool_live(m, SEG_MM), 2);
		while (n)
			buddy_free(m, taken[--n], 0, USE_KERNEL);
		vmtest_check(m);
	}
	assert_true(nr_ok > 5 && nr_ok < 35);
	task_exit(m, t, 0);
	finish();
}

/* Program headers of noise: loaded or refused, the machine stays sound. */
static void test_noise(void **state)
{
	uint64_t seed = 0x9e3779b97f4a7c15;
	unsigned nr_ok = 0;
	struct rig r;

	begin("x86_64");
	for (int round = 0; round < 3000; round++) {
		struct task *p;

		rig_program(
			&r, round & 1, round & 2 ? ET_DYN : ET_EXEC, 0x400000);
		for (int k = 0; k < 3; k++) {
			size_t at = 52 + vmtest_random(&seed) % 180;

			r.b[at] ^= (uint8_t)(1u << vmtest_random(&seed) % 8);
		}
		rig_put(m, "/prog", r.b, RIG_BYTES);
		p = rig_spawn(m, "/prog");
		nr_ok += p != NULL;
		if (p)
			task_exit(m, p, 0);
		else
			assert_true(vm_sentence(m)[0]);
		if (round % 50 == 0)
			vmtest_check(m);
	}
	assert_true(nr_ok > 100 && nr_ok < 2900);
	finish();
}

static void put_script(const char *path, const char *text)
{
	rig_put(m, path, text, strlen(text));
}

/* argv of a process, its strings joined with '|'. */
static const char *args(const struct task *t)
{
	static char text[4096];
	const struct mm *mm = mm_at(m, t->mm);
	uint64_t len = mm->arg_end - mm->arg_start;

	memset(text, 0, sizeof(text));
	assert_true(len < sizeof(text));
	assert_int_equal(mem_look(m, mm, mm->arg_start, text, len), len);
	for (uint64_t i = 0; i + 1 < len; i++)
		if (!text[i])
			text[i] = '|';
	return text;
}

static void test_scripts(void **state)
{
	static const struct {
		const char *line, *args;
	} row[] = {
		{"#!/prog\n", "/prog|/s1|a|b"},
		{"#!/prog", "/prog|/s1|a|b"},
		{"#! \t /prog  -x y \t\nrest", "/prog|-x y|/s1|a|b"},
		{"#!/prog \n", "/prog|/s1|a|b"},
		{"#!/s2 arg\n", "/prog|/s2|arg|/s1|a|b"},
		{"#!\n", NULL},
		{"#!", NULL},
		{"#!   \n", NULL},
	};
	const char *argv[] = {"name", "a", "b"};
	struct exec_args x = {.path = "/s1", .argv = argv, .argc = 3};
	struct rig r;

	begin("x86_64");
	put_place(&places[0], &r);
	put_script("/s2", "#!/prog\n");
	for (size_t i = 0; i < COUNT(row); i++) {
		struct task *t;

		put_script("/s1", row[i].line);
		vm_fail_clear(m);
		t = task_spawn(m, 0, 0, &x, NULL);
		assert_int_equal(!t, !row[i].args);
		if (!t) {
			assert_int_equal(m->fail.err, ENOEXEC);
			continue;
		}
		assert_string_equal(args(t), row[i].args);
		assert_string_equal(t->comm, "s1");
		task_exit(m, t, 0);
	}
	finish();
}

static void test_script_depth(void **state)
{
	char line[300];
	struct task *t;
	struct rig r;

	begin("x86_64");
	put_place(&places[0], &r);
	put_script("/s1", "#!/prog z\n");
	for (int i = 2; i <= 6; i++) {
		char path[] = "/s0";

		path[2] = (char)('0' + i);
		vm_snprintf(line, sizeof(line), "#!/s%d x\n", i - 1);
		put_script(path, line);
	}
	t = rig_spawn(m, "/s5");
	assert_non_null(t);
	assert_string_equal(args(t), "/prog|z|/s1|x|/s2|x|/s3|x|/s4|x|/s5");
	assert_null(rig_spawn(m, "/s6"));
	assert_int_equal(m->fail.err, ELOOP);

	/* A name that fills the line is cut, and therefore refused. */
	memset(line, 'y', sizeof(line));
	memcpy(line, "#!/", 3);
	rig_put(m, "/s1", line, sizeof(line));
	assert_null(rig_spawn(m, "/s1"));
	assert_int_equal(m->fail.err, ENOEXEC);
	assert_sentence(vm_sentence(m), "within 256 bytes");
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_replace),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_init_thread),
		cmocka_unit_test(test_stack_exec),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_cut_everywhere),
		cmocka_unit_test(test_without_memory),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_scripts),
		cmocka_unit_test(test_script_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
