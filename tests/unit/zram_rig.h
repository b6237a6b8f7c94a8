/* What the tests of compressed swap share: a machine whose only swap is a
 * device of 16 MiB, and pages that go there and come back. */
#ifndef PAGEFS_TESTS_ZRAM_RIG_H
#define PAGEFS_TESTS_ZRAM_RIG_H

#include "../../vm/reclaim/reclaim.h"
#include "../../vm/swap/zpool.h"
#include "../../vm/swap/zram.h"

#include "fault_rig.h"

static inline int setup_zram(void **state)
{
	int rc = rig_setup(state);

	assert_int_equal(swap_off(m, swap_area_of(m, 0)), 0);
	assert_int_equal(swap_on_zram(m, 16 << 20, 100), 0);
	return rc;
}

static inline int teardown_zram(void **state)
{
	rig_clear();
	if (zram_area(m))
		assert_int_equal(swap_off(m, zram_area(m)), 0);
	assert_int_equal(zram_reset(m), 0);
	assert_int_equal(m->root->zram.stored, 0);
	assert_int_equal(phys_sum(m, pages[USE_ZPOOL]), 0);
	vmtest_end(m, free_at_start);
	return 0;
}

static inline void fill_page(unsigned page, const uint8_t *bytes)
{
	assert_int_equal(mem_access(m, t, page_at(RIG_BASE, page), 4096,
				 ACC_WRITE, (void *)bytes, &sf),
		0);
}

static inline void out(unsigned page)
{
	assert_true(reclaim_frame(m, pfn_of(t, page_at(RIG_BASE, page))));
	vmtest_check(m);
}

static inline void random_bytes(uint8_t *to, unsigned n, uint64_t seed)
{
	for (unsigned i = 0; i < n; i++)
		to[i] = vmtest_random(&seed) & 255;
}

/* A page comes back; with these bytes, unless they are NULL. */
static inline void expect_page(unsigned page, const uint8_t *want)
{
	uint8_t got[4096];

	if (!want) {
		assert_int_equal(mem_access(m, t, page_at(RIG_BASE, page), 1,
					 ACC_READ, got, &sf),
			0);
		return;
	}
	assert_int_equal(mem_look(m, mm_at(m, t->mm), page_at(RIG_BASE, page),
				 got, 4096),
		4096);
	assert_memory_equal(got, want, 4096);
	assert_int_equal(mem_access(m, t, page_at(RIG_BASE, page), 4096,
				 ACC_READ, got, &sf),
		0);
	assert_memory_equal(got, want, 4096);
}

static inline void zram_is(const char *file, const char *text, int ret)
{
	int got = zram_file_write(m, file, text);

	if (got != -ret)
		fail_msg("%s \"%s\": %d, %s", file, text, got, vm_sentence(m));
	vm_fail_clear(m);
	vmtest_check(m);
}

#define ZRAM_TEST(f)                                      \
	{#f " x86_64", f, setup_zram, teardown_zram,      \
		(void *)(uintptr_t) "x86_64"},            \
	{                                                 \
#f " i386", f, setup_zram, teardown_zram, \
			(void *)(uintptr_t) "i386"        \
	}

#endif
