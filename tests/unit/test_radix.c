/* The radix tree of the disk against a plain array. */
#include "vmtest.h"

#include "../../vm/disk/disk_i.h"

static void test_heights(void **state)
{
	static const struct {
		uint64_t key;
		unsigned nodes;
	} row[] = {
		{0, 1},
		{63, 1},
		{64, 2},
		{4095, 2},
		{4096, 3},
		{1ull << 40, 7},
		{(1ull << 51) - 1, 9},
	};
	struct vm *m = vmtest_boot("x86_64", "64M");
	uint32_t before = pool_live(m, SEG_RADIX);

	for (size_t i = 0; i < COUNT(row); i++) {
		struct radix_count c = {0, 0};
		uint64_t at = 0;
		idx_t root = 0;

		assert_int_equal(radix_set(m, &root, row[i].key, 7), 0);
		assert_int_equal(radix_get(m, root, row[i].key), 7);
		assert_int_equal(radix_get(m, root, row[i].key + 1), 0);
		assert_int_equal(radix_next(m, root, &at), 7);
		assert_int_equal(at, row[i].key);
		assert_true(radix_check(m, root, &c));
		assert_int_equal(c.nodes, row[i].nodes);
		assert_int_equal(c.values, 1);
		radix_del(m, &root, row[i].key);
		assert_int_equal(root, 0);
		assert_int_equal(pool_live(m, SEG_RADIX), before);
	}
	vm_destroy(m);
}

/* With the far keys gone the tree is as low as if they had never been. */
static void test_shrink(void **state)
{
	struct vm *m = vmtest_boot("x86_64", "64M");
	struct radix_count c = {0, 0};
	idx_t root = 0;

	radix_set(m, &root, 5, 1);
	radix_set(m, &root, 1ull << 30, 2);
	radix_del(m, &root, 1ull << 30);
	assert_true(radix_check(m, root, &c));
	assert_int_equal(c.nodes, 1);
	assert_int_equal(radix_get(m, root, 5), 1);
	radix_del(m, &root, 6);
	assert_int_equal(radix_get(m, root, 5), 1);
	radix_clear(m, &root);
	assert_int_equal(root, 0);
	radix_clear(m, &root);
	vm_destroy(m);
}

#define KEYS 5000u

static uint64_t scatter(uint64_t i)
{
	return i < KEYS / 2 ? i : i * i * i * 31;
}

static void compare(struct vm *m, idx_t root, const uint32_t *want)
{
	uint64_t at = 0, nr = 0, found = 0;
	struct radix_count c = {0, 0};

	for (uint64_t i = 0; i < KEYS; i++) {
		assert_int_equal(radix_get(m, root, scatter(i)), want[i]);
		nr += want[i] != 0;
	}
	for (uint64_t prev = 0; radix_next(m, root, &at); prev = at++) {
		assert_true(!found || at > prev);
		found++;
	}
	assert_int_equal(found, nr);
	assert_true(radix_check(m, root, &c));
	assert_int_equal(c.values, nr);
}

static void test_random(void **state)
{
	struct vm *m = vmtest_boot("x86_64", "64M");
	uint32_t before = pool_live(m, SEG_RADIX);
	uint64_t seed = 88172645463325252;
	uint32_t want[KEYS] = {0};
	idx_t root = 0;

	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < 2000; i++) {
			uint64_t r = vmtest_random(&seed), k = r % KEYS;

			if (r >> 60 < (round < 15 ? 8 : 14)) {
				radix_del(m, &root, scatter(k));
				want[k] = 0;
			} else {
				want[k] = (uint32_t)(r >> 32) | 1;
				radix_set(m, &root, scatter(k), want[k]);
			}
		}
		compare(m, root, want);
	}
	radix_clear(m, &root);
	assert_int_equal(pool_live(m, SEG_RADIX), before);
	vm_destroy(m);
}

static void test_full_pool(void **state)
{
	struct vm *m = vmtest_boot("x86_64", "64M");
	struct segment *s = &m->arena.seg[SEG_RADIX];
	uint64_t reserved = s->reserved;
	idx_t root = 0;

	s->reserved = s->used + 4 * pool_elem_size(SEG_RADIX);
	assert_int_equal(radix_set(m, &root, 1, 1), -ENOMEM);
	assert_sentence(vm_sentence(m), "\"radix\" has room for");
	assert_int_equal(root, 0);
	s->reserved = reserved;
	vm_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heights),
		cmocka_unit_test(test_shrink),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_full_pool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
