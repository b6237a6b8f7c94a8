/* Huge pages that move from node to node: transparent ones, and of the pool. */
#include "numa_rig.h"

/* A huge page moves as a whole, and its entry with it; a part of it that
 * others have stays. */
static void test_huge(void **state)
{
	struct vm *m = boot("128M", "2");
	const uint64_t *count = m->root->count;

	ok(m, 0, "set thp_enabled madvise");
	ok(m, 1,
		"mmap 4M rw addr=0x10000000 as=a\nmadvise a 4M hugepage\n"
		"touch a 4M w\nwrite a+3M \"here\"\nmlock a 2M");
	assert_int_equal(count[CNT_THP_FAULT_ALLOC], 2);
	ok(m, 1, "migrate_pages 0 0 1");
	assert_int_equal(count[CNT_THP_MIGRATION_SUCCESS], 2);
	assert_true(count[CNT_PGMIGRATE_SUCCESS] >= 1024);
	assert_int_equal(node_sum(m, 1, anon_huge), 2);
	assert_int_equal(node_sum(m, 0, anon_huge), 0);
	assert_string_equal(
		run(m, 1, "move_pages 0 a a+2M a+0x3ff000").last.text, "1 1 1");
	vmtest_check(m);
	ok(m, 1, "fork\nmunmap a+1M 4K");
	assert_string_equal(run(m, 2, "move_pages 0 a a+2M nodes=0").last.text,
		"EACCES EACCES");
	ok(m, 2, "mbind a 4M bind nodes=0 flags=move_all,strict");
	assert_int_equal(count[CNT_THP_MIGRATION_SUCCESS], 4);
	assert_string_equal(
		run(m, 1, "move_pages 0 a a+1M a+2M").last.text, "0 EFAULT 0");
	assert_string_equal(run(m, 1, "read a+3M 4").last.text, "hex:68657265");
	end(m);
}

/* Pages of the pool move as wholes: to free ones of the other node, or to new
 * ones; there are as many as before. */
static void test_pool(void **state)
{
	struct vm *m = boot("256M", "2");
	const struct hugetlb_node *n = m->root->hugetlb[0].node;
	const uint64_t *count = m->root->count;

	ok(m, 0, "hugepages 2048 nr_hugepages 6");
	assert_int_equal(n[0].nr, 3);
	ok(m, 1,
		"mmap 4M rw addr=0x10000000 flags=hugetlb as=a\n"
		"mmap 2M rw addr=0x20000000 flags=hugetlb,shared as=s\n"
		"write a \"one\"\nwrite a+2M \"two\"\nwrite s \"three\"");
	assert_string_equal(
		run(m, 1, "move_pages 0 a a+4K a+2M s").last.text, "0 0 0 0");
	ok(m, 1, "migrate_pages 0 0 1");
	assert_string_equal(
		run(m, 1, "move_pages 0 a a+2M s").last.text, "1 1 1");
	assert_true(count[CNT_PGMIGRATE_SUCCESS] >= 3 * 512);
	assert_int_equal(n[0].free, 3);
	assert_int_equal(n[1].free, 0);
	vmtest_check(m);
	ok(m, 0, "hugepages 2048 nr_hugepages 3");
	assert_int_equal(n[0].nr, 0);
	assert_string_equal(
		run(m, 1, "move_pages 0 a a+2M s nodes=0").last.text, "0 0 0");
	assert_int_equal(n[0].nr, 3); /* new ones: the old ones went */
	assert_int_equal(n[1].nr, 0);
	vmtest_check(m);
	ok(m, 1, "fork");
	assert_string_equal(
		run(m, 1, "move_pages 0 a s nodes=1").last.text, "EACCES 1");
	ok(m, 2, "mbind a 4M bind nodes=1 flags=move_all,strict");
	ok(m, 1, "mbind s 2M bind nodes=0 flags=move,strict");
	assert_string_equal(
		run(m, 1, "move_pages 0 a a+2M s").last.text, "1 1 0");
	assert_string_equal(run(m, 1, "read a 3").last.text, "hex:6f6e65");
	assert_string_equal(run(m, 2, "read a+2M 3").last.text, "hex:74776f");
	assert_string_equal(run(m, 2, "read s 3").last.text, "hex:746872");
	vmtest_check(m);
	ok(m, 2, "exit");
	ok(m, 1, "munmap a 4M\nmunmap s 2M");
	assert_int_equal(n[1].free, 2);
	assert_int_equal(n[0].free, 1);
	end(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_huge),
		cmocka_unit_test(test_pool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
