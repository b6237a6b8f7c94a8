/* Open files and descriptors. */
#include "elf_rig.h"

static struct vm *m;
static uint64_t free_pages;

static int begin(void **state)
{
	m = vmtest_boot("x86_64", "64M");
	free_pages = vmtest_free_pages(m);
	disk_mkdir(m, "/dir", 0755, 0, 0);
	rig_put(m, "/dir/f", "hello", 5);
	disk_symlink(m, "dir/f", "/link", 0, 0);
	disk_symlink(m, "loop", "/loop", 0, 0);
	inode_at(m, rig_put(m, "/none", "", 0))->mode = 0;
	inode_at(m, rig_put(m, "/ro", "", 0))->mode = 0444;
	return 0;
}

static int end(void **state)
{
	fd_close_all(m, task_find(m, 1));
	assert_int_equal(pool_live(m, SEG_FILE), 0);
	vmtest_end(m, free_pages);
	return 0;
}

static void test_open(void **state)
{
	static const struct {
		const char *path;
		uint32_t mode;
		int err;
		const char *sentence;
	} row[] = {
		{"/dir/f", FMODE_READ, 0, ""},
		{"dir/f", FMODE_READ | FMODE_WRITE, 0, ""},
		{"/link", FMODE_EXEC, 0, ""},
		{"/dir", FMODE_READ, 0, ""},
		{"/dir", FMODE_WRITE, EISDIR, "/dir is a directory"},
		{"/dir", FMODE_EXEC, EACCES, "not a regular file"},
		{"", FMODE_READ, ENOENT, "empty path"},
		{"/nothing", FMODE_READ, ENOENT, "nothing"},
		{"/dir/f/x", FMODE_READ, ENOTDIR, "f"},
		{"/loop", FMODE_READ, ELOOP, ""},
		{"/none", FMODE_READ, EACCES, "user 0 may not read it"},
		{"/ro", FMODE_READ, 0, ""},
		{"/ro", FMODE_WRITE, EACCES, "mode 0444"},
		{"/ro", FMODE_EXEC, EACCES, "may not execute it"},
	};

	/* The owner of the files, without the capabilities of root. */
	const struct cred owner = {0};

	for (size_t i = 0; i < COUNT(row); i++) {
		idx_t f;

		vm_fail_clear(m);
		f = file_open(m, &owner, row[i].path, row[i].mode);
		assert_int_equal(!f, row[i].err != 0);
		assert_int_equal(m->fail.err, row[i].err);
		assert_sentence(vm_sentence(m), row[i].sentence);
		if (!f)
			continue;
		assert_int_equal(file_at(m, f)->refs, 1);
		assert_int_equal(file_at(m, f)->mode, row[i].mode);
		file_put(m, f);
	}
}

static idx_t open_f(void)
{
	idx_t f = file_open(m, NULL, "/dir/f", FMODE_READ);

	assert_int_not_equal(f, 0);
	return f;
}

static void test_descriptors(void **state)
{
	struct task *t = task_find(m, 1);
	idx_t f;

	for (int i = 0; i < 5; i++)
		assert_int_equal(fd_install(m, t, open_f(), -1), i);
	assert_int_equal(fd_close(m, t, 2), 0);
	assert_int_equal(fd_close(m, t, 0), 0);
	assert_int_equal(fd_lookup(m, t, 2), 0);
	assert_int_equal(fd_close(m, t, 2), -EBADF);
	assert_sentence(vm_sentence(m), "no open descriptor 2");
	assert_int_equal(fd_close(m, t, -1), -EBADF);
	assert_int_equal(fd_install(m, t, open_f(), -1), 0);
	assert_int_equal(fd_install(m, t, open_f(), -1), 2);
	assert_int_equal(fd_install(m, t, open_f(), -1), 5);

	/* A fixed number closes what it held. */
	f = open_f();
	assert_int_equal(fd_install(m, t, f, 100), 100);
	assert_int_equal(fd_lookup(m, t, 100), f);
	assert_int_equal(pool_live(m, SEG_FILE), 7);
	f = open_f();
	assert_int_equal(fd_install(m, t, f, 100), 100);
	assert_int_equal(fd_lookup(m, t, 100), f);
	assert_int_equal(pool_live(m, SEG_FILE), 7);
	vmtest_check(m);
}

static void test_limit(void **state)
{
	struct task *t = task_find(m, 1);
	idx_t f = open_f();

	t->rlim[RLIM_NOFILE].soft = 2;
	assert_int_equal(fd_install(m, t, open_f(), -1), 0);
	assert_int_equal(fd_install(m, t, open_f(), -1), 1);
	vm_fail_clear(m);
	assert_int_equal(fd_install(m, t, f, -1), -EMFILE);
	assert_sentence(vm_sentence(m), "RLIMIT_NOFILE, which is 2");
	assert_int_equal(fd_install(m, t, f, 2), -EBADF);
	file_put(m, f);
}

/* A forked child shares open files, and keeps them after the parent's end. */
static void test_inherit(void **state)
{
	struct exec_args x = {0};
	struct task *a = task_spawn(m, 0, 0, &x, "a"), *b;
	idx_t f = open_f();

	fd_install(m, a, f, 7);
	b = task_fork(m, a, 0);
	assert_int_equal(fd_lookup(m, b, 7), f);
	assert_int_equal(file_at(m, f)->refs, 2);
	vmtest_check(m);
	task_exit(m, a, 0);
	assert_int_equal(file_at(m, f)->refs, 1);
	/* The inode lives as long as a file is open on it. */
	disk_unlink(m, "/dir/f");
	assert_int_equal(inode_at(m, file_at(m, f)->inode)->size, 5);
	task_exit(m, b, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		T(test_open),
		T(test_descriptors),
		T(test_limit),
		T(test_inherit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
