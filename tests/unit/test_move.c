/* Huge pages that move from node to node: transparent ones, and of the pool. */
#include <stdio.h>

#include "../../vm/mmu/mmu.h"
#include "../../vm/phys/pcp.h"
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

static bool has_huge_block(struct vm *m, unsigned node)
{
	const struct zone *z = &m->root->zone[node * m->arch->nr_zones];

	pcp_drain_all(m);
	for (unsigned i = 0; i < m->arch->nr_zones; i++)
		if (z[i].managed && zone_has_block(&z[i], huge_order(m)))
			return true;
	return false;
}

static void line(struct vm *m, const char *verb, uint64_t va, const char *rest)
{
	char text[96];

	snprintf(text, sizeof(text), "%s 0x%llx %s", verb,
		(unsigned long long)va, rest);
	ok(m, 1, text);
}

/* Process 1 gets pages of node 1 until no huge one is free there, and then
 * gives back every second page. */
static void scatter_node_1(struct vm *m, bool locked)
{
	uint64_t base = 0x20000000, end = base;

	ok(m, 1, "set_mempolicy bind nodes=1\nmmap 64M rw addr=0x20000000");
	for (; has_huge_block(m, 1); end += 64 << 10) {
		line(m, "touch", end, "64K w");
		if (locked)
			line(m, "mlock", end, "64K");
	}
	ok(m, 1, "set_mempolicy default");
	for (uint64_t va = base; va < end; va += 0x2000)
		line(m, "munmap", va, "4K");
	assert_false(has_huge_block(m, 1));
	assert_true(node_sum(m, 1, nr_free) > 4096);
}

/*
 * Half of node 1 is free, but no huge page: pages are moved to make one.  If
 * they are locked and must stay where they are, the huge page that is to come
 * goes in pieces.
 */
static void test_room(void **state)
{
	for (unsigned locked = 0; locked < 2; locked++) {
		struct vm *m = boot("128M", "2");
		const uint64_t *count = m->root->count;
		uint64_t stalls, moved;

		ok(m, 0,
			"set thp_enabled madvise\nset min_free_kbytes 1024\n"
			"set watermark_boost_factor 0");
		ok(m, 1,
			"mmap 2M rw addr=0x10000000 as=a\n"
			"madvise a 2M hugepage\nset_mempolicy bind nodes=0\n"
			"touch a 2M w\nset_mempolicy default");
		assert_int_equal(node_sum(m, 0, anon_huge), 1);
		scatter_node_1(m, locked);
		if (locked)
			ok(m, 0, "set compact_unevictable_allowed 0");
		stalls = count[CNT_COMPACT_STALL];
		moved = count[CNT_PGMIGRATE_SUCCESS];
		ok(m, 1, "migrate_pages 0 0 1");
		assert_true(count[CNT_COMPACT_STALL] > stalls);
		assert_int_equal(count[CNT_THP_MIGRATION_SUCCESS], !locked);
		assert_int_equal(count[CNT_THP_MIGRATION_FAIL], locked);
		assert_int_equal(count[CNT_THP_MIGRATION_SPLIT], locked);
		assert_int_equal(node_sum(m, 1, anon_huge), !locked);
		assert_true(count[CNT_PGMIGRATE_SUCCESS] - moved >= 512);
		assert_int_equal(count[CNT_PGMIGRATE_FAIL], 0);
		assert_string_equal(
			run(m, 1, "move_pages 0 a a+1M a+0x1ff000").last.text,
			"1 1 1");
		end(m);
	}
}

/* A huge page of which a part was unmapped is split before it moves; the part
 * is free then, and counts as moved. */
static void test_worn(void **state)
{
	struct vm *m = boot("128M", "2");
	const uint64_t *count = m->root->count;
	uint64_t moved;

	ok(m, 0, "set thp_enabled madvise");
	ok(m, 1,
		"mmap 2M rw addr=0x10000000 as=a\nmadvise a 2M hugepage\n"
		"touch a 2M w\nwrite a+1M \"here\"\nmunmap a+4K 8K");
	assert_int_equal(count[CNT_THP_FAULT_ALLOC], 1);
	moved = count[CNT_PGMIGRATE_SUCCESS];
	assert_string_equal(
		run(m, 1, "move_pages 0 a a+1M nodes=1").last.text, "1 EBUSY");
	assert_int_equal(count[CNT_THP_MIGRATION_SUCCESS], 0);
	assert_int_equal(count[CNT_THP_MIGRATION_FAIL], 1);
	assert_int_equal(count[CNT_THP_MIGRATION_SPLIT], 1);
	assert_int_equal(count[CNT_PGMIGRATE_SUCCESS] - moved, 512);
	assert_string_equal(run(m, 1, "move_pages 0 a+4K a+12K a+1M").last.text,
		"EFAULT 1 1");
	assert_string_equal(run(m, 1, "read a+1M 4").last.text, "hex:68657265");
	end(m);
}

/* Node 1 is full of locked pages: pieces go until its min watermark is reached,
 * and the call tells that pages are left. */
static void test_stuck(void **state)
{
	struct vm *m = boot("128M", "2");
	const uint64_t *count = m->root->count;

	ok(m, 0,
		"set thp_enabled madvise\nset min_free_kbytes 1024\n"
		"set watermark_boost_factor 0");
	ok(m, 1,
		"mmap 4M rw addr=0x10000000 as=a\nmadvise a 4M hugepage\n"
		"set_mempolicy bind nodes=0\nmlock a 4M\n"
		"set_mempolicy bind nodes=1\nmmap 64M rw addr=0x20000000");
	for (uint64_t va = 0x20000000;
		has_huge_block(m, 1) || node_sum(m, 1, nr_free) > 400;
		va += 64 << 10)
		line(m, "mlock", va, "64K");
	ok(m, 1, "set_mempolicy default");
	assert_string_equal(run(m, 1, "move_pages 0 a a+2M nodes=1").last.text,
		"2 left: - -");
	assert_int_equal(count[CNT_THP_MIGRATION_SUCCESS], 0);
	assert_int_equal(count[CNT_THP_MIGRATION_SPLIT], 2);
	assert_int_equal(count[CNT_PGMIGRATE_FAIL], 2);
	assert_int_equal(
		run(m, 1, "move_pages 0 a+0x3ff000 nodes=1").last.err, ENOMEM);
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
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_worn),
		cmocka_unit_test(test_stuck),
		cmocka_unit_test(test_pool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
