/*
 * The pool of compressed pages: objects of all lengths, Linux's size classes,
 * compaction.
 */
#include "../../vm/swap/zpool.h"

#include "fault_rig.h"

static void random_bytes(uint8_t *to, unsigned n, uint64_t seed)
{
	for (unsigned i = 0; i < n; i++)
		to[i] = vmtest_random(&seed) & 255;
}

#define NR_OBJECTS 3000

static struct {
	struct zobject o;
	uint32_t len; /* 0: none */
} objects[NR_OBJECTS];

static void object_bytes(unsigned i, uint8_t *to)
{
	random_bytes(to, objects[i].len, i + objects[i].len);
}

static void expect_object(unsigned i)
{
	uint8_t want[4096], got[4096];

	object_bytes(i, want);
	assert_true(objects[i].len > 4000 || zpool_has(m, objects[i].o, i));
	zpool_read(m, objects[i].o, got, objects[i].len);
	assert_memory_equal(got, want, objects[i].len);
}

static void object_moved(struct vm *vm, uint32_t i, struct zobject o)
{
	assert_true(objects[i].len);
	objects[i].o = o;
}

static void free_object(unsigned i)
{
	expect_object(i);
	zpool_free(m, objects[i].o);
	objects[i].len = 0;
}

/* Objects of each length lie side by side and apart, and stay what they are
 * when they are moved together. */
static void test_pool(void **state)
{
	uint64_t seed = 3, was = vmtest_free_pages(m), freed = 0;
	uint8_t bytes[4096];
	uint64_t had;

	memset(objects, 0, sizeof(objects));
	for (unsigned round = 0; round < 20000; round++) {
		unsigned i = (unsigned)(vmtest_random(&seed) % NR_OBJECTS);

		if (objects[i].len) {
			free_object(i);
			continue;
		}
		objects[i].len = 1 + vmtest_random(&seed) % 4096;
		assert_true(zpool_alloc(m, objects[i].len, i, &objects[i].o));
		object_bytes(i, bytes);
		zpool_write(m, objects[i].o, bytes, objects[i].len);
		if (round % 1000 == 0)
			assert_int_equal(zpool_check(m), 0);
		if (round % 4000 == 3999) {
			had = phys_sum(m, pages[USE_ZPOOL]);
			freed = zpool_compact(m, object_moved);
			assert_true(freed > 0);
			assert_int_equal(
				had - phys_sum(m, pages[USE_ZPOOL]), freed);
			assert_int_equal(zpool_check(m), 0);
			assert_int_equal(zpool_compact(m, object_moved), 0);
		}
	}
	for (unsigned i = 0; i < NR_OBJECTS; i++)
		if (objects[i].len)
			free_object(i);
	assert_int_equal(phys_sum(m, pages[USE_ZPOOL]), 0);
	assert_int_equal(vmtest_free_pages(m), was);
}

/* Linux's classes, of 8 frames at most: lengths up to one border share a
 * class, as /sys/kernel/debug/zsmalloc has them. */
static void test_classes(void **state)
{
	static const struct {
		uint32_t len, size;
	} row[] = {
		{1, 32},
		{24, 32},
		{25, 48},
		{63, 80},
		{73, 96},
		{2040, 2048},
		{3624, 3632},
		{3625, 4096},
		{4096, 4096},
	};

	for (unsigned i = 0; i < sizeof(row) / sizeof(*row); i++)
		assert_int_equal(
			32 + 16 * zpool_class(m, row[i].len), row[i].size);
	assert_int_equal(ZPOOL_HUGE, 3625);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_pool),
		RIG_TEST(test_classes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
