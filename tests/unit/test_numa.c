/* NUMA nodes: how RAM and processors lie on them, zonelists, events. */
#include "vmtest.h"

static struct vm *boot(const char *ram, const char *nodes, const char *cpus)
{
	const char *const set[] = {
		"ram", ram, "nodes", nodes, "cpus", cpus, NULL};

	return vmtest_boot_with(set);
}

static const struct {
	const char *ram, *nodes, *cpus;
	unsigned start_mib[MAX_NODES]; /* where each begins */
	unsigned cpu[4];	       /* the nodes of the first processors */
} layout_table[] = {
	{"256M", "1", "2", {0}, {0, 0}},
	{"256M", "2", "2", {0, 128}, {0, 1}},
	{"256M", "2", "1", {0, 128}, {0}},
	{"256M", "8", "4", {0, 32, 64, 96, 128, 160, 192, 224}, {0, 2, 4, 6}},
	{"1000M", "3", "3", {0, 332, 664}, {0, 1, 2}},
	{"8G", "2", "4", {0, 5120}, {0, 0, 1, 1}},
	{"8G", "4", "4", {0, 2048, 5120, 7168}, {0, 1, 2, 3}},
};

/* Nodes and zones cover all of RAM; node 0 has the zones below. */
static void test_layout(void **state)
{
	for (size_t t = 0; t < COUNT(layout_table); t++) {
		struct vm *m = boot(layout_table[t].ram, layout_table[t].nodes,
			layout_table[t].cpus);
		uint64_t present = 0;

		for (unsigned n = 0; n < m->root->config.nodes; n++) {
			const struct numa_node *node = &m->root->node[n];

			assert_int_equal(node->start,
				layout_table[t].start_mib[n] * MiB >> 12);
			assert_int_equal(node_of(m, node->start), n);
			assert_int_equal(node_of(m, node->end - 1), n);
			present += node_sum(m, n, present);
			assert_true(node_sum(m, n, managed) > 20 * MiB >> 12);
			assert_int_equal(
				m->zonelist[n][GFP_HIGHUSER].zone[0] / 3, n);
		}
		for (unsigned c = 0; c < 4 && c < m->root->config.cpus; c++)
			assert_int_equal(
				m->cpu_node[c], layout_table[t].cpu[c]);
		assert_int_equal(present, phys_sum(m, present));
		assert_int_equal(present + 98, m->root->config.ram >> 12);
		vmtest_check(m);
		vm_destroy(m);
	}
}

/* Linux: the next node first, then those after it, then those before. */
static void test_order(void **state)
{
	static const uint8_t want[4][4] = {
		{0, 1, 2, 3}, {1, 2, 3, 0}, {2, 3, 0, 1}, {3, 0, 1, 2}};
	struct vm *m = boot("256M", "4", "4");

	for (unsigned n = 0; n < 4; n++) {
		uint8_t order[MAX_NODES];

		node_order(m, n, order);
		assert_memory_equal(order, want[n], 4);
	}
	vm_destroy(m);
}

/* A ring of four: the near ones first, and not always the same one of them. */
static void test_distances(void **state)
{
	static const uint8_t want[4][4] = {
		{0, 1, 3, 2}, {1, 2, 0, 3}, {2, 3, 1, 0}, {3, 0, 2, 1}};
	static const char *const texts[] = {"20:30:20:20:30:20",
		"10:20:30:20:20:10:20:30:30:20:10:20:20:30:20:10"};

	for (unsigned i = 0; i < 2; i++) {
		const char *const set[] = {
			"nodes", "4", "cpus", "4", "distance", texts[i], NULL};
		struct vm *m = vmtest_boot_with(set);

		for (unsigned n = 0; n < 4; n++) {
			uint8_t order[MAX_NODES];

			node_order(m, n, order);
			assert_memory_equal(order, want[n], 4);
			for (unsigned k = 0; k < 4; k++)
				assert_int_equal(node_distance(m, n, k),
					n == k	       ? 10
					: n == (k ^ 2) ? 30
						       : 20);
		}
		vm_destroy(m);
	}
}

/* Each zone's watermarks are its part of min_free_kbytes. */
static void test_watermarks(void **state)
{
	struct vm *m = boot("512M", "2", "2");
	uint64_t pages_min = m->root->set.min_free_kbytes / 4;

	for (unsigned i = 0; i < m->root->nr_zones; i++) {
		const struct zone *z = &m->root->zone[i];

		assert_int_equal(z->min,
			pages_min * z->managed / m->root->totalram_pages);
	}
	/* what a zone keeps is for the zones above it on its node */
	assert_int_equal(
		zone_lowmem_reserve(m, 0, 2), m->root->zone[1].managed / 256);
	assert_int_equal(zone_lowmem_reserve(m, 4, 2), 0);
	vm_destroy(m);
}

/* A full node sends requests to the next; the events say so. */
static void test_fallback(void **state)
{
	struct vm *m = boot("128M", "2", "2");
	uint64_t before = vmtest_free_pages(m), miss = 0;
	pfn_t list = PFN_NONE, pfn;
	unsigned last = 0;

	vmtest_no_pcp(m);
	while ((pfn = buddy_alloc(
			m, GFP_HIGHUSER, 0, FRAME_KERNEL, USE_KERNEL, false))) {
		unsigned node = node_of(m, pfn);

		/* from node 1 it comes back down to node 0's min */
		miss += node;
		last = node;
		frame_at(m, pfn)->owner = list;
		list = pfn;
	}
	assert_int_equal(last, 1);
	assert_true(miss > 14000);
	assert_int_equal(node_sum(m, 1, numa_miss), miss);
	assert_int_equal(node_sum(m, 1, numa_other), miss);
	assert_int_equal(node_sum(m, 1, numa_allocs), miss);
	assert_int_equal(node_sum(m, 0, numa_foreign), miss);
	assert_int_equal(node_sum(m, 0, numa_miss), 0);
	assert_int_equal(m->root->node[0].kswapd_woken, 1);
	assert_int_equal(m->root->node[1].kswapd_woken, 1);
	while ((pfn = list)) {
		list = frame_at(m, pfn)->owner;
		frame_at(m, pfn)->owner = 0;
		buddy_free(m, pfn, 0, USE_KERNEL);
	}
	vmtest_end(m, before);
}

/* Only the nodes that are allowed. */
static void test_allowed(void **state)
{
	struct vm *m = boot("128M", "2", "2");
	uint64_t before = vmtest_free_pages(m), other;
	pfn_t list = PFN_NONE, pfn;

	vmtest_no_pcp(m);
	m->prefer = 1;
	m->allowed = m->reach = 1u << 1;
	other = node_sum(m, 0, nr_free);
	while ((pfn = buddy_alloc(
			m, GFP_HIGHUSER, 0, FRAME_KERNEL, USE_KERNEL, false))) {
		frame_at(m, pfn)->owner = list;
		list = pfn;
	}
	assert_int_equal(node_sum(m, 0, nr_free), other);
	assert_int_equal(m->root->node[0].kswapd_woken, 0);
	while ((pfn = list)) {
		list = frame_at(m, pfn)->owner;
		frame_at(m, pfn)->owner = 0;
		buddy_free(m, pfn, 0, USE_KERNEL);
	}
	vmtest_end(m, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_distances),
		cmocka_unit_test(test_watermarks),
		cmocka_unit_test(test_fallback),
		cmocka_unit_test(test_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
