/* Configurations: each key's values, refusals, limits, and round trips. */
#include <stdio.h>

#include "vmtest.h"

#include "../../vm/swap/zcomp.h"

static const struct {
	const char *key, *value;
	const char *printed; /* NULL: refused */
	const char *sentence;
} value_table[] = {
	{"arch", "x86_64", "x86_64", NULL},
	{"arch", "i386", "i386", NULL},
	{"arch", "vax", NULL, "arch=vax: no such architecture; known: x86_64"},
	{"arch", "", NULL, "no such architecture"},
	{"ram", "256M", "256M", NULL},
	{"ram", "262144K", "256M", NULL},
	{"ram", "1g", "1G", NULL},
	{"ram", "1T", "1T", NULL},
	{"ram", "1025", "1025", NULL},
	{"ram", "0x10000000", "256M", NULL},
	{"ram", "0100", "64", NULL},
	{"ram", "0", "0", NULL},
	{"ram", "18446744073709551615", "18446744073709551615", NULL},
	{"ram", "18446744073709551616", NULL, "below 2^64"},
	{"ram", "16777216T", NULL, "ram=16777216T: expected a size"},
	{"ram", "16777215T", "16777215T", NULL},
	{"ram", "", NULL, "expected a size"},
	{"ram", "M", NULL, "expected a size"},
	{"ram", "12Mi", NULL, "expected a size"},
	{"ram", "12MB", NULL, "expected a size"},
	{"ram", "12P", NULL, "expected a size"},
	{"ram", "-1M", NULL, "expected a size"},
	{"ram", " 1M", NULL, "expected a size"},
	{"ram", "0x", NULL, "expected a size"},
	{"ram", "0x1gM", NULL, "expected a size"},
	{"ram", "08", NULL, "expected a size"},
	{"ram", "1.5G", NULL, "expected a size"},
	{"swap", "0", "0", NULL},
	{"swap", "64M", "64M", NULL},
	{"disk", "3G", "3G", NULL},
	{"disk", "lots", NULL, "disk=lots: expected a size"},
	{"cpus", "1", "1", NULL},
	{"cpus", "64", "64", NULL},
	{"cpus", "0", NULL, "cpus=0: expected a number of processors from 1"},
	{"cpus", "65", NULL, "from 1 to 64"},
	{"cpus", "2K", NULL, "cpus=2K"},
	{"nodes", "1", "1", NULL},
	{"nodes", "8", "8", NULL},
	{"nodes", "0", NULL, "nodes=0: expected a number of NUMA nodes from 1"},
	{"nodes", "9", NULL, "from 1 to 8"},
	{"distance", "20", "20", NULL},
	{"distance", "21,31,21", "21:31:21", NULL},
	{"distance", "10:0x15:21:10", "10:21:21:10", NULL},
	{"distance", "", NULL, "distance=: expected numbers from 10 to 254"},
	{"distance", "20:", NULL, "expected numbers"},
	{"distance", "20;21", NULL, "expected numbers"},
	{"distance", "255", NULL, "expected numbers"},
	{"distance", "9", NULL, "expected numbers"},
	{"nodes", "two", NULL, "nodes=two: expected a number"},
	{"pcid", "0", "0", NULL},
	{"pcid", "1", "1", NULL},
	{"pcid", "2", NULL, "pcid=2: expected 0 or 1"},
	{"pcid", "on", NULL, "expected 0 or 1"},
	{"tlb", "64/4,1536/12", "64/4,1536/12", NULL},
	{"tlb", "64/4:1536/12", "64/4,1536/12", NULL},
	{"tlb", "64/64", "64/64", NULL},
	{"tlb", "1/1", "1/1", NULL},
	{"tlb", "65536/1", "65536/1", NULL},
	{"tlb", "64", NULL, "expected ENTRIES/WAYS"},
	{"tlb", "64/4,", NULL, "expected ENTRIES/WAYS"},
	{"tlb", "64/4:1536/12:32/4", "64/4,1536/12,32/4", NULL},
	{"tlb", "64/4:1536/12:0/0:4/4", "64/4,1536/12,0/0,4/4", NULL},
	{"tlb", "64/4,0/0,8/8", "64/4,0/0,8/8", NULL},
	{"tlb", "64/4,1536/12,", NULL, "expected ENTRIES/WAYS"},
	{"tlb", "64/4,1536/12,1/1,1/1,1/1", NULL, "expected ENTRIES/WAYS"},
	{"tlb", "64/4,1536/12,32/4,6/2", NULL, "tlb for pages of 1 GiB: 6"},
	{"tlb", "64/4,1536/12,12/4", NULL, "tlb for huge pages: 12 entries"},
	{"tlb", "131072/1", NULL, "up to 65536 entries"},
	{"tlb", "512/512", NULL, "256 ways"},
	{"tlb", "0/1", NULL, "tlb level 1: 0 entries in 1 ways"},
	{"tlb", "64/0", NULL, "64 entries in 0 ways"},
	{"tlb", "64/5", NULL, "64 entries in 5 ways"},
	{"tlb", "96/4", NULL, "a power of two"},
	{"tlb", "64/4,1536/4", NULL, "tlb level 2: 1536 entries in 4 ways"},
	{"seed", "0", "0", NULL},
	{"seed", "18446744073709551615", "18446744073709551615", NULL},
	{"seed", "x", NULL, "seed=x: expected a number"},
	{"seed", "5x", NULL, "seed=5x"},
	{"vsyscall", "none", "none", NULL},
	{"vsyscall", "xonly", "xonly", NULL},
	{"vsyscall", "emulate", "emulate", NULL},
	{"vsyscall", "native", NULL, "expected none, xonly or emulate"},
	{"color", "red", NULL,
		"no machine option is called \"color\"; known: arch ram swap"},
};

static void test_values(void **state)
{
	for (size_t i = 0; i < COUNT(value_table); i++) {
		const char *key = value_table[i].key;
		char err[SENTENCE_MAX] = "", printed[64];
		struct vm_config c, before;
		int ret;

		vm_config_default(&c);
		before = c;
		ret = vm_config_set(&c, key, value_table[i].value, err);
		if (value_table[i].printed) {
			assert_int_equal(ret, 0);
			vm_config_get(&c, key, printed, sizeof(printed));
			assert_string_equal(printed, value_table[i].printed);
			continue;
		}
		assert_int_equal(ret, -EINVAL);
		assert_sentence(err, value_table[i].sentence);
		assert_memory_equal(&c, &before, sizeof(c));
	}
}

/* A value of thousands of bytes is quoted in part. */
static void test_long_value(void **state)
{
	char value[5000], err[SENTENCE_MAX];
	struct vm_config c;

	memset(value, '9', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	vm_config_default(&c);
	for (unsigned i = 0; vm_config_keys[i]; i++) {
		assert_int_equal(
			vm_config_set(&c, vm_config_keys[i], value, err),
			-EINVAL);
		assert_in_range(strlen(err), 1, SENTENCE_MAX - 1);
	}
	assert_int_equal(vm_config_set(&c, value, "1", err), -EINVAL);
	assert_in_range(strlen(err), 1, SENTENCE_MAX - 1);
}

/* What is printed parses to the same configuration. */
static void test_round_trip(void **state)
{
	uint64_t rnd = 7;

	for (unsigned round = 0; round < 2000; round++) {
		struct vm_config c, d;
		char text[64], err[SENTENCE_MAX];

		vm_config_default(&c);
		vm_config_default(&d);
		c.ram = vmtest_random(&rnd) >> (vmtest_random(&rnd) % 64);
		c.swap = 1ull << (vmtest_random(&rnd) % 64);
		c.disk = (vmtest_random(&rnd) % 1024) << 20;
		c.seed = vmtest_random(&rnd);
		c.cpus = 1 + vmtest_random(&rnd) % MAX_CPUS;
		c.nodes = 1 + vmtest_random(&rnd) % MAX_NODES;
		c.vsyscall = vmtest_random(&rnd) % 3;
		for (unsigned i = 0; vm_config_keys[i]; i++) {
			vm_config_get(
				&c, vm_config_keys[i], text, sizeof(text));
			if (vm_config_set(&d, vm_config_keys[i], text, err))
				fail_msg("%s", err);
		}
		d.given = c.given;
		assert_memory_equal(&c, &d, sizeof(c));
	}
}

/* arch= brings its own defaults, but not over what was given by name. */
static void test_arch_defaults(void **state)
{
	struct vm_config c;
	char err[SENTENCE_MAX], text[64];

	vm_config_default(&c);
	assert_int_equal(vm_config_set(&c, "arch", "i386", err), 0);
	vm_config_get(&c, "tlb", text, sizeof(text));
	assert_string_equal(text, "64/4,512/4,8/4");
	assert_int_equal(c.pcid, 0);

	vm_config_default(&c);
	assert_int_equal(vm_config_set(&c, "tlb", "16/2", err), 0);
	assert_int_equal(vm_config_set(&c, "arch", "i386", err), 0);
	vm_config_get(&c, "tlb", text, sizeof(text));
	assert_string_equal(text, "16/2");
	assert_int_equal(vm_config_check(&c, err), 0);
}

static void test_defaults(void **state)
{
	char lz4[16], zstd[16];
	const char *const expected[] = {"x86_64", "256M", "64M", "256M", "2",
		"1", "20", "1", "64/4,1536/12,32/4,4/4", "1", "xonly", "0", "0",
		"linux", "0", lz4, zstd};
	struct vm_config c;
	char text[64], err[SENTENCE_MAX];

	snprintf(lz4, sizeof(lz4), "%u", zcomp_lz4_version());
	snprintf(zstd, sizeof(zstd), "%u", zcomp_zstd_version());
	vm_config_default(&c);
	for (unsigned i = 0; i < COUNT(expected); i++) {
		vm_config_get(&c, vm_config_keys[i], text, sizeof(text));
		assert_string_equal(text, expected[i]);
	}
	assert_null(vm_config_keys[COUNT(expected)]);
	assert_int_equal(vm_config_check(&c, err), 0);
	vm_config_get(&c, "color", text, sizeof(text));
	assert_string_equal(text, "");
}

static const struct {
	const char *arch, *key, *value, *sentence; /* NULL: accepted */
} check_table[] = {
	{"x86_64", "ram", "32M", NULL},
	{"x86_64", "ram", "8T", NULL},
	{"x86_64", "ram", "31M",
		"ram=31M is outside the limits of x86_64: 32M to 8T"},
	{"x86_64", "ram", "9T", "ram=9T is outside"},
	{"x86_64", "ram", "100000001",
		"ram=100000001 is no multiple of the page size, 4096"},
	{"x86_64", "ram", "0", "ram=0 is outside"},
	{"i386", "ram", "3G", NULL},
	{"i386", "ram", "4G",
		"ram=4G is outside the limits of i386: 32M to 3G"},
	{"i386", "pcid", "1", "the TLB of i386 has no address-space ids"},
	{"i386", "pcid", "0", NULL},
	{"i386", "nodes", "1", NULL},
	{"i386", "nodes", "2",
		"nodes=2: i386 is built without NUMA and has one node"},
	{"x86_64", "nodes", "8", NULL}, /* of 256M */
	{"x86_64", "swap", "0", NULL},
	{"x86_64", "swap", "17T", "swap=17T is outside"},
	{"x86_64", "swap", "5000", "swap=5000 is no multiple"},
	{"x86_64", "disk", "0", NULL},
	{"x86_64", "disk", "4T", NULL},
	{"x86_64", "disk", "5T", "disk=5T is outside"},
};

static void test_check(void **state)
{
	for (size_t i = 0; i < COUNT(check_table); i++) {
		struct vm_config c;
		char err[SENTENCE_MAX] = "";

		vm_config_default(&c);
		assert_int_equal(
			vm_config_set(&c, "arch", check_table[i].arch, err), 0);
		assert_int_equal(vm_config_set(&c, check_table[i].key,
					 check_table[i].value, err),
			0);
		if (!check_table[i].sentence) {
			assert_int_equal(vm_config_check(&c, err), 0);
			continue;
		}
		assert_int_equal(vm_config_check(&c, err), -EINVAL);
		assert_sentence(err, check_table[i].sentence);
		assert_null(vm_boot(&c, &host_mmap, err));
		assert_sentence(err, check_table[i].sentence);
	}
}

/* A configuration that did not come through vm_config_set(). */
static void test_check_raw(void **state)
{
	struct vm_config good, c;
	char err[SENTENCE_MAX];

	vm_config_default(&good);
	c = good;
	memset(c.arch, 'x', sizeof(c.arch));
	assert_int_equal(vm_config_check(&c, err), -EINVAL);
	c = good;
	c.cpus = 0;
	assert_int_equal(vm_config_check(&c, err), -EINVAL);
	c.cpus = MAX_CPUS + 1;
	assert_int_equal(vm_config_check(&c, err), -EINVAL);
	c = good;
	c.nodes = 0;
	assert_int_equal(vm_config_check(&c, err), -EINVAL);
	c.nodes = MAX_NODES + 1;
	assert_int_equal(vm_config_check(&c, err), -EINVAL);
	c.nodes = 8;
	c.ram = 255 * MiB;
	assert_int_equal(vm_config_check(&c, err), -EINVAL);
	assert_sentence(err, "nodes=8: each node needs 32M of RAM, a part of "
			     "ram= is 31M");
	c = good;
	c.nr_distances = 0;
	assert_int_equal(vm_config_check(&c, err), -EINVAL);
	c.nr_distances = 3;
	memset(c.distance, 21, 9);
	assert_int_equal(vm_config_check(&c, err), -EINVAL);
	assert_sentence(err, "distance= has 3 numbers; 1 nodes take 1");
	c.nodes = 3;
	assert_int_equal(vm_config_check(&c, err), 0);
	c.distance[1] = 10;
	assert_int_equal(vm_config_check(&c, err), -EINVAL);
	assert_sentence(err, "distance= number 2 is 10: a node is 10 from");
	c.nr_distances = 9;
	c.distance[0] = c.distance[4] = c.distance[8] = 10;
	assert_int_equal(vm_config_check(&c, err), -EINVAL);
	c.distance[1] = 11;
	assert_int_equal(vm_config_check(&c, err), 0);
	c = good;
	c.vsyscall = 3;
	assert_int_equal(vm_config_check(&c, err), -EINVAL);
	c = good;
	c.tlb.ways[0] = 0;
	assert_int_equal(vm_config_check(&c, err), -EINVAL);
	c = good;
	c.tlb.entries[1] = c.tlb.ways[1] = 0;
	assert_int_equal(vm_config_check(&c, err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_long_value),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_arch_defaults),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_check_raw),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
