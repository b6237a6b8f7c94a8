/*
 * What tools read of proc/ and sys/ beside proc/meminfo and its like:
 * slabinfo, diskstats, sysctls, the node, the processors, huge pages.
 */
#include "show_fixture.h"

#include "../../vm/slab/slab.h"
#include "../../fs/tree.h"
#include "../../vm/cmd/command.h"

/* Objects and pages a slab, as Linux 6.18 with two processors has them. */
static void slabs_are_as_slub_makes_them(void **state)
{
	static const struct {
		unsigned size, objects, pages;
	} cache[] = {
		{8, 512, 1},
		{64, 64, 1},
		{96, 42, 1},
		{104, 39, 1},
		{192, 21, 1},
		{256, 16, 1},
		{312, 13, 1},
		{416, 19, 2},
		{512, 16, 2},
		{1024, 16, 4},
		{2048, 16, 8},
		{4096, 8, 8},
		{8192, 4, 8},
	};

	for (unsigned i = 0; i < sizeof(cache) / sizeof(cache[0]); i++) {
		unsigned order = slab_order(4096, 2, cache[i].size);

		assert_int_equal(1u << order, cache[i].pages);
		assert_int_equal(
			(4096u << order) / cache[i].size, cache[i].objects);
	}
	/* more processors want more objects a slab; never more than 8 pages,
	 * but for objects that are larger */
	assert_int_equal(slab_order(4096, 64, 512), 2);
	assert_int_equal(slab_order(4096, 64, 4096), 3);
	assert_int_equal(slab_order(4096, 2, 65536), 4);
}

static void slabinfo_counts_objects(void **state)
{
	struct show *s = *state;
	const char *text = show_text(s, show_slabinfo, 0);
	uint64_t pages = 0, kb;

	assert_true(show_starts(text, "slabinfo - version: 2.1\n# name "));
	/* a processor has the only slab of each: all its objects are active */
	assert_non_null(strstr(text,
		"\nvm_area_struct        21     21    192   21    1 : tunables "
		"   0    0    0 : slabdata      1      1      0\n"));
	assert_non_null(strstr(text,
		"\ntask_struct            5      5   5888    5    8 : tunables "
		"   0    0    0 : slabdata      1      1      0\n"));
	for (unsigned i = 0; i < 21; i++)
		show_mmap(s, 0x10000000 + 2 * i * PAGE, PAGE, PROT_RW,
			MAP_PRIVATE_ANON | MAP_FIXED);
	text = show_text(s, show_slabinfo, 0);
	assert_int_equal(show_number(text, "vm_area_struct "), 42);
	for (const char *l = strchr(strchr(text, '\n') + 1, '\n') + 1; *l;
		l = strchr(l, '\n') + 1) {
		unsigned long each, slabs;

		assert_int_equal(sscanf(l,
					 "%*s %*u %*u %*u %*u %lu : tunables "
					 "0 0 0 : slabdata %lu",
					 &each, &slabs),
			2);
		pages += each * slabs;
	}
	kb = show_number(show_text(s, show_meminfo, 0), "Slab:");
	assert_int_equal(pages * PAGE / 1024, kb);
}

static void disks_and_what_they_moved(void **state)
{
	struct show *s = *state;

	s->m->root->io[DISK_VDA] = (struct disk_io){10, 2};
	s->m->root->io[DISK_ZRAM] = (struct disk_io){3, 7};
	assert_string_equal(show_text(s, show_diskstats, 0),
		" 254       0 vda 10 0 80 0 2 0 16 0 0 0 0 0 0 0 0 0 0\n"
		" 254      16 vdb 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
		" 253       0 zram0 3 0 24 0 7 0 56 0 0 0 0 0 0 0 0 0 0\n");
	assert_string_equal(show_text(s, show_disk_stat, 0),
		"      10        0       80        0        2        0       16"
		"        0        0        0        0        0        0        "
		"0"
		"        0        0        0\n");
	assert_string_equal(show_text(s, show_disk_size, 0), "524288\n");
	assert_string_equal(show_text(s, show_disk_size, 1), "131072\n");
	assert_string_equal(show_text(s, show_disk_size, 2), "0\n");
	assert_string_equal(show_text(s, show_disk_dev, 1), "254:16\n");
	assert_string_equal(show_text(s, show_disk_dev, 2), "253:0\n");
	assert_string_equal(show_text(s, show_partitions, 0),
		"major minor  #blocks  name\n\n"
		" 254        0     262144 vda\n"
		" 254       16      65536 vdb\n");
	s->m->root->zram.bytes = 8 << 20;
	assert_non_null(strstr(show_text(s, show_partitions, 0),
		" 253        0       8192 zram0\n"));
	s->m->root->zram.bytes = 0;
}

/* node0/meminfo says what meminfo says, in its own layout. */
static void the_node_is_the_machine(void **state)
{
	static const char *const labels[] = {"MemTotal:", "MemFree:", "Active:",
		"Inactive(anon):", "Dirty:", "Mapped:", "AnonPages:", "Shmem:",
		"PageTables:", "SUnreclaim:"};
	struct show *s = *state;
	vaddr_t va = show_mmap(
		s, 0x10000000, 8 * PAGE, PROT_RW, MAP_SHARED_ANON | MAP_FIXED);
	char *node, label[40];
	const char *text;

	show_touch(s, s->t, va, 5 * PAGE, true);
	assert_int_equal(phys_sum(s->m, mapped), 5);
	node = strdup(show_text(s, show_node_meminfo, 0));
	assert_true(show_starts(node, "Node 0 MemTotal:       "));
	text = show_text(s, show_meminfo, 0);
	assert_int_equal(show_number(text, "Mapped:"), 20);
	for (unsigned i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		snprintf(label, sizeof(label), "Node 0 %s", labels[i]);
		assert_int_equal(
			show_number(node, label), show_number(text, labels[i]));
	}
	assert_int_equal(show_number(node, "Node 0 MemUsed:"),
		show_number(text, "MemTotal:") - show_number(text, "MemFree:"));
	for (const char *p = node; *p; p = strchr(p, '\n') + 1)
		assert_int_equal(strchr(p, '\n') - p,
			strncmp(p, "Node 0 Huge", 11) ? 34 : 29);
	free(node);
	text = show_text(s, show_node_vmstat, 0);
	assert_true(show_starts(text, "nr_free_pages "));
	assert_int_equal(show_number(text, "nr_mapped "), 5);
}

static void processors_as_masks(void **state)
{
	static const struct {
		unsigned cpus, bit;
		const char *map, *list, *one;
	} row[] = {
		{1, 0, "1\n", "0\n", "1\n"},
		{2, 1, "3\n", "0-1\n", "2\n"},
		{6, 4, "3f\n", "0-5\n", "10\n"},
		{32, 31, "ffffffff\n", "0-31\n", "80000000\n"},
		{33, 0, "1,ffffffff\n", "0-32\n", "0,00000001\n"},
		{64, 63, "ffffffff,ffffffff\n", "0-63\n",
			"80000000,00000000\n"},
	};
	struct show *s = *state;
	unsigned cpus = s->m->root->config.cpus;

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		s->m->root->config.cpus = row[i].cpus;
		assert_string_equal(
			show_text(s, show_node_cpumap, 0), row[i].map);
		assert_string_equal(
			show_text(s, show_cpu_list, 0), row[i].list);
		assert_string_equal(
			show_text(s, show_cpu_bit, row[i].bit), row[i].one);
	}
	s->m->root->config.cpus = cpus;
}

static void settings_show_what_set_changes(void **state)
{
	struct show *s = *state;

	assert_string_equal(show_text(s, show_overcommit_memory, 0), "0\n");
	assert_int_equal(
		settings_set(s->m, "overcommit_memory", 17, "2", 1), 0);
	assert_string_equal(show_text(s, show_overcommit_memory, 0), "2\n");
	assert_string_equal(show_text(s, show_max_map_count, 0), "65530\n");
	assert_string_equal(show_text(s, show_mmap_min_addr, 0), "4096\n");
	assert_string_equal(show_text(s, show_lowmem_reserve_ratio, 0),
		s->m->arch->va_bits > 32 ? "256\t256\t32\t0\t0\n"
					 : "256\t32\t0\t0\n");
	assert_string_equal(show_text(s, show_pid_max, 0), "4194304\n");
}

/* The one name below hugepages/, by architecture. */
static void huge_pages_by_their_sizes(void **state)
{
	struct show *s = *state;
	bool wide = s->m->arch->va_bits > 32;
	struct place at = {0}, p;
	static const char *const path[] = {"sys", "kernel", "mm", "hugepages"};
	char err[256];

	assert_int_equal(tree_init(err), 0);
	for (unsigned i = 0; i < 4; i++)
		assert_true(tree_lookup(&s->view, &at, path[i], &at));
	assert_int_equal(
		wide, tree_lookup(&s->view, &at, "hugepages-2048kB", &p));
	assert_int_equal(
		wide, tree_lookup(&s->view, &at, "hugepages-1048576kB", &p));
	assert_int_equal(
		!wide, tree_lookup(&s->view, &at, "hugepages-4096kB", &p));
	assert_false(tree_lookup(&s->view, &at, "hugepages-4kB", &p));
	assert_false(tree_lookup(&s->view, &at, "hugepages-kB", &p));
	assert_false(tree_lookup(&s->view, &at, "hugepages-2048", &p));
	assert_string_equal(show_text(s, show_pmd_size, 0),
		wide ? "2097152\n" : "4194304\n");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, show_setup, show_teardown)
#define TEST_I386(fn) \
	cmocka_unit_test_setup_teardown(fn, show_setup_i386, show_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slabs_are_as_slub_makes_them),
		TEST(slabinfo_counts_objects),
		TEST(disks_and_what_they_moved),
		TEST(the_node_is_the_machine),
		TEST_I386(the_node_is_the_machine),
		TEST(processors_as_masks),
		TEST(settings_show_what_set_changes),
		TEST_I386(settings_show_what_set_changes),
		TEST(huge_pages_by_their_sizes),
		TEST_I386(huge_pages_by_their_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
