/* Node reclaim: page cache goes before a request goes to another node; what
 * zone_reclaim_mode and min_unmapped_ratio keep; lowmem_reserve_ratio. */
#include "numa_rig.h"

/*
 * A file of 40 MiB is read on node 0, which has 64 MiB; then 40 MiB are
 * touched there.
 */
static const struct {
	const char *set, *how; /* settings; what becomes of the file first */
	bool stays;	       /* all of it is found on node 0 */
	bool tried;
} mode_table[] = {
	{"set zone_reclaim_mode 0", "get_mempolicy", false, false},
	{"set zone_reclaim_mode 1", "get_mempolicy", true, true},
	{"set zone_reclaim_mode 8", "get_mempolicy", false, false},
	{"set zone_reclaim_mode 1\nset min_unmapped_ratio 90", "get_mempolicy",
		false, false},
	{"set zone_reclaim_mode 1",
		"mmap 40M r flags=shared fd=0 as=f\ntouch f 40M", false, false},
	{"set zone_reclaim_mode 5",
		"mmap 40M r flags=shared fd=0 as=f\ntouch f 40M", true, true},
	{"set zone_reclaim_mode 7\nset dirty_background_ratio 100\n"
	 "set dirty_ratio 100",
		"mmap 40M rw flags=shared fd=0 as=f\ntouch f 40M w", false,
		false},
};

static uint64_t tries(const struct vm *m)
{
	return m->root->count[CNT_ZONE_RECLAIM_SUCCESS] +
	       m->root->count[CNT_ZONE_RECLAIM_FAILED];
}

static void test_modes(void **state)
{
	for (size_t i = 0; i < COUNT(mode_table); i++) {
		struct vm *m = boot("128M", "2");
		uint64_t foreign, tried;

		ok(m, 0, mode_table[i].set);
		ok(m, 1,
			"open /f rdwr,creat\nftruncate 0 40M\n"
			"pread 0 40M 0\nmmap 40M rw as=a");
		ok(m, 1, mode_table[i].how);
		assert_true(node_sum(m, 0, pages[USE_FILE]) > 8000);
		foreign = node_sum(m, 0, numa_foreign);
		tried = tries(m);
		ok(m, 1, "touch a 40M w");
		foreign = node_sum(m, 0, numa_foreign) - foreign;
		tried = tries(m) - tried;
		if ((foreign < 100) != mode_table[i].stays ||
			!tried == mode_table[i].tried)
			fail_msg("%s, %s: %llu foreign, %llu tries",
				mode_table[i].set, mode_table[i].how,
				(unsigned long long)foreign,
				(unsigned long long)tried);
		vmtest_check(m);
		vm_destroy(m);
	}
}

static void test_lowmem(void **state)
{
	struct vm *m = boot("128M", "1");
	const struct zone *z = m->root->zone;

	assert_int_equal(zone_lowmem_reserve(m, 0, 2), z[1].managed / 256);
	ok(m, 0, "set lowmem_reserve_ratio 32");
	assert_int_equal(zone_lowmem_reserve(m, 0, 2), z[1].managed / 32);
	assert_int_equal(m->root->set.lowmem_reserve_ratio[1], 256);
	ok(m, 0, "set lowmem_reserve_ratio 0,1,2,3,4");
	assert_int_equal(zone_lowmem_reserve(m, 0, 2), 0);
	assert_int_equal(m->root->set.lowmem_reserve_ratio[4], 4);
	assert_int_equal(
		run(m, 0, "set lowmem_reserve_ratio 1,2,3,4,5,6").last.err,
		EINVAL);
	assert_int_equal(
		run(m, 0, "set lowmem_reserve_ratio 1,,3").last.err, EINVAL);
	vmtest_check(m);
	vm_destroy(m);
}

/* 0 forgets, and counts no more. */
static void test_numa_stat(void **state)
{
	struct vm *m = boot("128M", "2");

	ok(m, 1, "mmap 4M rw as=a\ntouch a 1M w");
	assert_true(phys_sum(m, numa_allocs) > 256);
	ok(m, 0, "set numa_stat 0");
	ok(m, 1, "touch a 2M w\nset_mempolicy bind nodes=1\ntouch a 3M w");
	assert_int_equal(phys_sum(m, numa_allocs), 0);
	assert_int_equal(phys_sum(m, numa_other), 0);
	ok(m, 0, "set numa_stat 1\nset numa_zonelist_order default");
	ok(m, 1, "touch a 4M w");
	assert_true(phys_sum(m, numa_other) >= 256);
	assert_int_equal(
		run(m, 0, "set numa_zonelist_order zone").last.err, EINVAL);
	vm_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_lowmem),
		cmocka_unit_test(test_numa_stat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
