/* Committed_AS, its limit, and what Linux counts and never gives back. */
#include "../../vm/abi.h"
#include "../../vm/cmd/command.h"
#include "elf_rig.h"

static struct vm *m;
static struct task *t;

static int begin(void **state)
{
	m = vmtest_boot("x86_64", "64M");
	t = task_find(m, 1);
	return 0;
}

static int end(void **state)
{
	struct mm *mm = mm_at(m, t->mm);

	mm_munmap(m, t, 0x10000, 0x40000000);
	fd_close_all(m, t);
	assert_int_equal(mm->map_count, 4);
	vmtest_check(m);
	vm_destroy(m);
	return 0;
}

static int set(const char *key, const char *value)
{
	vm_fail_clear(m);
	return settings_set(m, key, strlen(key), value, strlen(value));
}

static const char *get(const char *key)
{
	static char value[32];
	const char *name;

	for (unsigned i = 0; settings_get(m, i, &name, value, 32); i++)
		if (!strcmp(name, key))
			return value;
	return NULL;
}

static int64_t map(vaddr_t at, uint64_t pages, uint64_t flags)
{
	const struct mmap_args a = {
		.addr = at,
		.len = pages << 12,
		.prot = PROT_READ | PROT_WRITE,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | flags,
	};

	vm_fail_clear(m);
	return mm_mmap(m, t, &a);
}

static void test_settings(void **state)
{
	assert_string_equal(get("overcommit_ratio"), "50");
	assert_int_equal(set("overcommit_kbytes", "4096"), 0);
	assert_string_equal(get("overcommit_ratio"), "0");
	assert_int_equal(mm_commit_limit(m), 1024 + (64 << 8) - 1);
	assert_int_equal(set("overcommit_ratio", "-5"), 0);
	assert_string_equal(get("overcommit_ratio"), "-5");
	assert_string_equal(get("overcommit_kbytes"), "0");
	assert_int_equal(set("overcommit_ratio", "2147483648"), -EINVAL);
	assert_int_equal(set("overcommit_ratio", "-2147483649"), -EINVAL);
	assert_int_equal(set("overcommit_kbytes", "-1"), -EINVAL);
	assert_int_equal(set("user_reserve_kbytes", "18446744073709551615"), 0);
}

static void test_strict(void **state)
{
	uint64_t left;

	set("overcommit_memory", "2");
	set("user_reserve_kbytes", "0");
	left = mm_commit_limit(m) - m->root->committed;
	assert_int_equal(map(0x10000, left, 0), -ENOMEM);
	assert_sentence(vm_sentence(m), "overcommit_memory=2");
	assert_int_equal(map(0x10000, left - 1, MAP_NORESERVE), 0x10000);
	assert_null(task_fork(m, t, 0));
	mm_munmap(m, t, 0x10000, left << 12);

	/* cap_sys_admin alone may use what is kept for it */
	t->cred.cap_effective &= ~CAP_BIT(CAP_SYS_ADMIN);
	assert_int_equal(map(0x10000, left - 1, 0), -ENOMEM);
	t->cred.cap_effective = CAPS_ALL;
}

/* What is counted for ever: the growth of a stack without reservation, and
 * the tail that mremap cuts off before a move. */
static void test_leaks(void **state)
{
	uint64_t before = m->root->committed;
	struct sigfault f;
	uint8_t byte = 0;

	map(0x400000, 1, MAP_NORESERVE | MAP_GROWSDOWN);
	assert_int_equal(m->root->committed, before);
	assert_int_equal(mem_access(m, t, 0x3fd000, 1, ACC_READ, &byte, &f), 0);
	assert_int_equal(m->root->committed, before + 3);
	mm_munmap(m, t, 0x300000, 0x200000);
	assert_int_equal(m->root->committed, before + 3);

	before = m->root->committed;
	map(0x400000, 8, 0);
	assert_int_equal(mm_mremap(m, t, 0x400000, 8 << 12, 3 << 12,
				 MREMAP_MAYMOVE | MREMAP_FIXED, 0x600000),
		0x600000);
	mm_munmap(m, t, 0x600000, 3 << 12);
	assert_int_equal(m->root->committed, before + 5);
}

/* Objects: all of an anonymous one at once, a memfd page by page. */
static void test_objects(void **state)
{
	uint64_t before = m->root->committed;
	struct mmap_args a = {
		.len = 8 << 12,
		.prot = PROT_READ | PROT_WRITE,
		.flags = MAP_SHARED | MAP_ANONYMOUS,
	};
	struct sigfault f;
	uint8_t byte = 0;
	idx_t ino;
	int64_t r = mm_mmap(m, t, &a);

	assert_int_equal(m->root->committed, before + 8);
	mm_munmap(m, t, (vaddr_t)r, 8 << 12);
	assert_int_equal(m->root->committed, before);

	ino = shmem_memfd(m, INODE_SHMEM, "x");
	assert_int_equal(disk_truncate(m, ino, 8 << 12), 0);
	a.flags = MAP_SHARED;
	a.file = file_of_inode(m, ino, FMODE_READ | FMODE_WRITE);
	inode_put(m, ino);
	r = mm_mmap(m, t, &a);
	assert_int_equal(m->root->committed, before);
	mem_access(m, t, (vaddr_t)r + 4096, 1, ACC_WRITE, &byte, &f);
	assert_int_equal(m->root->committed, before + 1);
	assert_int_equal(disk_truncate(m, ino, 4096), 0);
	assert_int_equal(m->root->committed, before);
	mm_munmap(m, t, (vaddr_t)r, 8 << 12);
	file_put(m, a.file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_settings, begin, end),
		cmocka_unit_test_setup_teardown(test_strict, begin, end),
		cmocka_unit_test_setup_teardown(test_leaks, begin, end),
		cmocka_unit_test_setup_teardown(test_objects, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
