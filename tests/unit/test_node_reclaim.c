/* Node reclaim: page cache goes before a request goes to another node; what
 * zone_reclaim_mode and min_unmapped_ratio keep; lowmem_reserve_ratio. */
#include <stdio.h>

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

/* Zones of node 0 that a page for a program would find too low, before one that
 * serves it. */
static unsigned short_zones(const struct vm *m)
{
	const struct zonelist *l = &m->zonelist[0][GFP_HIGHUSER];
	unsigned n = 0;

	for (unsigned i = 0; i < l->nr; i++) {
		const struct zone *z = &m->root->zone[l->zone[i]];
		uint64_t mark = z->low + zone_lowmem_reserve(m, l->zone[i],
						 m->gfp_zone[GFP_HIGHUSER]);

		if (zone_watermark_ok(z, 0, mark))
			return n;
		n += !z->node;
	}
	return n;
}

/* There is more page cache on node 0 than min_unmapped_ratio keeps. */
static bool has_cache(const struct vm *m)
{
	uint64_t keep = 0;

	for (unsigned i = 0; i < m->arch->nr_zones; i++)
		keep += m->root->zone[i].managed / 100;
	return node_sum(m, 0, pages[USE_FILE]) > keep;
}

static void touch_page(struct vm *m, uint64_t va, const char *how)
{
	char text[64];

	snprintf(text, sizeof(text), "touch 0x%llx 4K %s",
		(unsigned long long)va, how);
	ok(m, 1, text);
}

/*
 * Node 0, 64 MiB, holds so much of a file, or of shared memory that nobody may
 * write to swap for it; then one page after the other is touched.  A page that
 * finds a zone low makes one try there.  If that is in vain the next zone of
 * the node is tried, in the end node 1 serves, and the next page tries again.
 */
static const struct {
	const char *mode, *fill;
	bool vain;
} count_table[] = {
	{"set zone_reclaim_mode 1",
		"open /f rdwr,creat\nftruncate 0 30M\npread 0 30M 0", false},
	{"set zone_reclaim_mode 5",
		"mmap 30M rw flags=shared as=s\ntouch s 30M w", true},
};

static void test_counts(void **state)
{
	const uint64_t base = 0x20000000, len = 56 << 20;

	for (size_t i = 0; i < COUNT(count_table); i++) {
		struct vm *m = boot("128M", "2");
		const uint64_t *count = m->root->count;
		unsigned tries = 0;

		ok(m, 0, count_table[i].mode);
		ok(m, 1, count_table[i].fill);
		ok(m, 1, "mmap 56M rw addr=0x20000000 flags=fixed");
		for (uint64_t va = base; va < base + len; va += 2 << 20)
			touch_page(m, va, "w"); /* page tables */
		for (uint64_t va = base; va < base + len; va += 4096) {
			unsigned n = short_zones(m);
			bool more = has_cache(m);
			uint64_t yes = count[CNT_ZONE_RECLAIM_SUCCESS];
			uint64_t no = count[CNT_ZONE_RECLAIM_FAILED];
			bool is_new = va & ((2 << 20) - 1);

			touch_page(m, va, "w");
			touch_page(m, va, "r");
			yes = count[CNT_ZONE_RECLAIM_SUCCESS] - yes;
			no = count[CNT_ZONE_RECLAIM_FAILED] - no;
			n = is_new ? n : 0;
			if (count_table[i].vain)
				assert_true(no == n && !yes);
			else
				assert_true(yes == (n && more) && !no);
			tries += yes + no;
		}
		assert_true(tries > 100);
		end(m);
	}
}

static void run_kernel(struct vm *m, const char *text)
{
	struct event e = {.text = text, .text_len = strlen(text)};
	struct vm_outcome out;

	e.actor.kind = ACTOR_KERNEL;
	vm_apply(m, &e, NULL, NULL, &out);
	if (out.failed || out.refused)
		fail_msg("%s: %s", text, vm_sentence(m));
}

/* Requests of the kernel: one that cannot wait takes nothing back. */
static void test_blocks(void **state)
{
	struct vm *m = boot("128M", "2");
	const uint64_t *count = m->root->count;

	ok(m, 0, "set zone_reclaim_mode 1");
	ok(m, 1, "open /f rdwr,creat\nftruncate 0 60M\npread 0 56M 0");
	while (!short_zones(m))
		run_kernel(m, "alloc_pages order=0");
	assert_int_equal(count[CNT_ZONE_RECLAIM_SUCCESS], 0);
	run_kernel(m, "alloc_pages order=4 gfp=atomic");
	assert_int_equal(count[CNT_ZONE_RECLAIM_SUCCESS], 0);
	run_kernel(m, "alloc_pages order=4");
	assert_true(count[CNT_ZONE_RECLAIM_SUCCESS] > 0);
	assert_int_equal(count[CNT_ZONE_RECLAIM_FAILED], 0);
	end(m);
}

/* ---- reclaim_node -------------------------------------------------------- */

/* What the file reclaim of a node of Linux 6.18 takes and what not. */
static const struct {
	const char *text;
	bool taken;
} text_table[] = {
	{"0", true},
	{"4095", true},
	{"1", true},
	{" 0", true},
	{"0 ", true},
	{"0k", true},
	{"0x0", true},
	{"0 swappiness=0", true},
	{"0 swappiness=200", true},
	{"0 swappiness=201", false},
	{"0 swappiness=max", true},
	{"0 swappiness=max ", true},
	{"0 swappiness=-1", false},
	{"0 swappiness=", false},
	{"0 swapp", false},
	{"0  swappiness=10", true},
	{"0\\tswappiness=10", true},
	{"0\\nswappiness=10", true},
	{"0 swappiness=10 swappiness=20", true},
	{"0 swappiness=0x10", true},
	{"0 swappiness=010", true},
	{"0,swappiness=1", false},
	{"swappiness=10", false},
	{"0x", false},
	{"x", false},
	{"-1", false},
	{"", false},
};

static void test_texts(void **state)
{
	struct vm *m = boot("128M", "2");
	char line[64];

	for (size_t i = 0; i < COUNT(text_table); i++) {
		struct vm_outcome out;

		snprintf(line, sizeof(line), "reclaim_node 1 \"%s\"",
			text_table[i].text);
		out = run(m, 0, line);
		if (out.last.err != (text_table[i].taken ? 0 : EAGAIN))
			fail_msg("%s: %d", line, out.last.err);
	}
	assert_int_equal(run(m, 0, "reclaim_node 2 0").last.err, ENODEV);
	end(m);
}

/*
 * Pages of the node alone go, anonymous ones too if swappiness says so, and
 * only while there is more page cache than min_unmapped_ratio keeps.  For the
 * last three pages Linux looks at 1/4096 of the lists only: these may be left.
 */
static void test_asked(void **state)
{
	struct vm *m = boot("128M", "2");
	const uint64_t *count = m->root->count;
	uint64_t far, anon;

	ok(m, 1,
		"open /f rdwr,creat\nftruncate 0 10M\npread 0 10M 0\n"
		"set_mempolicy bind nodes=1\nopen /g rdwr,creat\n"
		"ftruncate 1 10M\npread 1 10M 0\n"
		"mmap 10M rw as=a\ntouch a 10M w\nset_mempolicy default");
	far = node_sum(m, 1, pages[USE_FILE]);
	anon = node_sum(m, 1, pages[USE_ANON]);
	assert_true(far >= 2560 && anon >= 2560);
	run(m, 0, "reclaim_node 0 4M");
	assert_true(count[CNT_PGSTEAL_PROACTIVE] >= 1024 - 3);
	assert_int_equal(node_sum(m, 1, pages[USE_FILE]), far);
	run(m, 0, "reclaim_node 1 \"1M swappiness=max\"");
	assert_int_equal(node_sum(m, 1, pages[USE_FILE]), far);
	assert_true(node_sum(m, 1, pages[USE_ANON]) <= anon - 256 + 3);
	anon = node_sum(m, 1, pages[USE_ANON]);
	run(m, 0, "reclaim_node 1 \"1M swappiness=0\"");
	assert_true(node_sum(m, 1, pages[USE_FILE]) <= far - 256 + 3);
	assert_int_equal(node_sum(m, 1, pages[USE_ANON]), anon);
	ok(m, 0, "set min_unmapped_ratio 50");
	assert_int_equal(
		run(m, 0, "reclaim_node 1 \"1M swappiness=max\"").last.err,
		EAGAIN);
	assert_int_equal(node_sum(m, 1, pages[USE_ANON]), anon);
	end(m);
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
	/* of more numbers than there are the first; below 1 is 0 */
	ok(m, 0, "set lowmem_reserve_ratio 16,-1,-2147483648,9,5,6,7");
	assert_int_equal(zone_lowmem_reserve(m, 0, 2), z[1].managed / 16);
	assert_int_equal(m->root->set.lowmem_reserve_ratio[1], 0);
	assert_int_equal(m->root->set.lowmem_reserve_ratio[2], 0);
	assert_int_equal(m->root->set.lowmem_reserve_ratio[3], 9);
	assert_int_equal(m->root->set.lowmem_reserve_ratio[4], 5);
	assert_int_equal(m->root->set.zonelist_order, 0);
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
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_asked),
		cmocka_unit_test(test_lowmem),
		cmocka_unit_test(test_numa_stat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
