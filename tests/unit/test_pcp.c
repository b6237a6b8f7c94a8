/*
 * Watermarks and per-CPU lists: their sizes as the running kernel computes
 * them, and what taking and freeing does, worked out by hand.
 */
#include "vmtest.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- sizes, against /proc/zoneinfo --------------------------------------- */

struct host_zone {
	unsigned long min, low, high, managed, batch, high_min, high_max;
};

/* The next zone of the host with pages; of its processors the last counts. */
static bool next_zone(FILE *f, struct host_zone *z)
{
	char line[256], *p;
	bool cpu = false;

	memset(z, 0, sizeof(*z));
	while (fgets(line, sizeof(line), f)) {
#define FIELD(name, field)            \
	if ((p = strstr(line, name))) \
	z->field = strtoul(p + strlen(name), NULL, 10)
		FIELD("  min ", min);
		FIELD("  low ", low);
		FIELD("  high ", high);
		FIELD("managed ", managed);
		FIELD("batch: ", batch);
		FIELD("high_min: ", high_min);
		FIELD("high_max: ", high_max);
#undef FIELD
		cpu |= strstr(line, "cpu:") != NULL;
		if (cpu && strstr(line, "start_pfn"))
			return true;
	}
	return false;
}

static void test_sizes(void **state)
{
	struct vm *m = vmtest_boot("x86_64", "64M");
	FILE *f = fopen("/proc/zoneinfo", "r");
	struct zone *z = &m->root->zone[1];
	struct host_zone host;
	unsigned nr = 0;

	assert_non_null(f);
	m->root->config.cpus = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
	assert_true(m->root->config.cpus <= MAX_CPUS);
	for (; next_zone(f, &host); nr++) {
		z->managed = host.managed;
		z->low = host.low;
		pcp_setup(m);
		assert_int_equal(z->pcp_batch, host.batch);
		assert_int_equal(z->pcp_high_min, host.high_min);
		assert_int_equal(z->pcp_high_max, host.high_max);
	}
	assert_true(nr > 0);
	fclose(f);
	vm_destroy(m);
}

static unsigned long host_number(const char *path)
{
	FILE *f = fopen(path, "r");
	unsigned long n = 0;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu", &n), 1);
	fclose(f);
	return n;
}

/* The kernel's watermarks follow from its settings, and so do ours. */
static void test_watermarks(void **state)
{
	struct vm *m = vmtest_boot("x86_64", "64M");
	FILE *f = fopen("/proc/zoneinfo", "r");
	struct host_zone host[4];
	unsigned nr = 0;

	assert_non_null(f);
	while (next_zone(f, &host[nr]))
		assert_true(++nr < COUNT(host));
	fclose(f);
	for (unsigned i = 0; i < 3; i++)
		m->root->zone[i].managed = i < nr ? host[i].managed : 0;
	m->root->set.watermark_scale_factor =
		(uint32_t)host_number("/proc/sys/vm/watermark_scale_factor");
	watermarks_ask(
		m, (uint32_t)host_number("/proc/sys/vm/min_free_kbytes"));
	for (unsigned i = 0; i < nr; i++) {
		assert_int_equal(m->root->zone[i].min, host[i].min);
		assert_int_equal(m->root->zone[i].low, host[i].low);
		assert_int_equal(m->root->zone[i].high, host[i].high);
	}
	/* what khugepaged asks for, where huge pages are wanted: 11 page blocks
	 * of 2 MiB for each of 3 zones */
	m->root->zone[0].managed = 3840;
	m->root->zone[1].managed = 772915;
	m->root->zone[2].managed = 2719744;
	m->root->set.min_free_kbytes = m->root->set.min_free_asked = 0;
	m->root->set.thp_enabled = THP_ALWAYS;
	watermarks_default(m);
	assert_int_equal(m->root->set.min_free_kbytes, 11 * 2048 * 3);
	vm_destroy(m);
}

/* ---- lists ----------------------------------------------------------------
 */

static pfn_t take(struct vm *m)
{
	return buddy_alloc(
		m, GFP_HIGHUSER_MOVABLE, 0, FRAME_KERNEL, USE_KERNEL, false);
}

/*
 * 256M: zone DMA32 has batches of 15.  The first page brings 15; while nothing
 * is freed they double: 30, 60, ..., 480.  High grows by each.
 */
static void test_batches(void **state)
{
	struct vm *m = vmtest_boot("x86_64", "256M");
	const struct zone *z = &m->root->zone[1];
	struct pcp *p = pcp_at(m, 1, 0);
	unsigned batch = 15, n = 0;
	uint64_t free;

	pcp_drain_all(m);
	p->alloc_factor = 0;
	p->high = 0;
	assert_int_equal(z->pcp_batch, 15);
	for (unsigned i = 0; i < 8;
		i++, batch = batch < 480 ? 2 * batch : 480) {
		free = z->nr_free;
		take(m);
		assert_int_equal(free - z->nr_free, batch);
		assert_int_equal(p->count, batch - 1);
		for (n = 1; n < batch; n++)
			take(m);
		assert_int_equal(free - z->nr_free, batch);
		assert_int_equal(p->count, 0);
	}
	vmtest_check(m);
	vm_destroy(m);
}

/* Last freed, first taken; beyond high the oldest go back, a batch at least. */
static void test_give_back(void **state)
{
	struct vm *m = vmtest_boot("x86_64", "256M");
	struct zone *z = &m->root->zone[1];
	struct pcp *p = pcp_at(m, 1, 0);
	pfn_t pfn[200], kept;
	uint64_t free;

	for (unsigned i = 0; i < 200; i++)
		pfn[i] = take(m);
	pcp_drain_all(m);
	z->pcp_high_min = z->pcp_high_max = 100;
	free = z->nr_free;
	for (unsigned i = 0; i < 99; i++)
		buddy_free(m, pfn[i], 0, USE_KERNEL);
	assert_int_equal(p->count, 99);
	assert_int_equal(z->nr_free, free);
	assert_int_equal(frame_at(m, pfn[5])->state, FRAME_PCP);
	kept = take(m);
	assert_int_equal(kept, pfn[98]);
	buddy_free(m, kept, 0, USE_KERNEL);
	/* the hundredth: as many go as were freed in a row, half of it
	 * forgotten with the page that was taken: 99 / 2 + 1 + 1, at most 85 */
	buddy_free(m, pfn[99], 0, USE_KERNEL);
	assert_int_equal(z->nr_free - free, 51);
	assert_int_equal(p->count, 49);
	/* the oldest went */
	assert_int_not_equal(frame_at(m, pfn[5])->state, FRAME_PCP);
	assert_int_equal(frame_at(m, pfn[60])->state, FRAME_PCP);
	vmtest_check(m);
	/* kswapd at work: four batches at most */
	z->reclaim_active = 1;
	for (unsigned i = 100; i < 200; i++) {
		buddy_free(m, pfn[i], 0, USE_KERNEL);
		assert_true(p->count <= 4 * z->pcp_batch);
	}
	vmtest_check(m);
	vm_destroy(m);
}

/* With time, high sinks by an eighth, to high_min; what is above goes back. */
static void test_decay(void **state)
{
	struct vm *m = vmtest_boot("x86_64", "256M");
	struct zone *z = &m->root->zone[1];
	struct pcp *p = pcp_at(m, 1, 0);
	pfn_t pfn[1000];

	for (unsigned i = 0; i < 1000; i++)
		pfn[i] = take(m);
	pcp_drain_all(m);
	z->pcp_high_min = 100;
	p->high = 2000;
	p->free_count = 0;
	for (unsigned i = 0; i < 1000; i++)
		buddy_free(m, pfn[i], 0, USE_KERNEL);
	assert_int_equal(p->count, 1000);
	assert_true(pcp_decay(m));
	assert_int_equal(p->high, 1750);
	assert_int_equal(p->count, 1000);
	while (pcp_decay(m))
		;
	assert_int_equal(p->high, 100);
	assert_int_equal(p->count, 100);
	vmtest_check(m);
	vm_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_watermarks),
		cmocka_unit_test(test_batches),
		cmocka_unit_test(test_give_back),
		cmocka_unit_test(test_decay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
