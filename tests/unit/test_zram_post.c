/*
 * What is done to pages of compressed swap later: recompression, writeback to
 * the backing device.
 */
#include "zram_rig.h"

/* A device of 1 MiB in use, with zstd for recompression and vdb behind it. */
static void set_up_all(void)
{
	if (zram_area(m))
		assert_int_equal(swap_off(m, zram_area(m)), 0);
	assert_int_equal(zram_reset(m), 0);
	zram_is("recomp_algorithm", "algo=zstd priority=1", 0);
	zram_is("backing_dev", "/dev/vdb", 0);
	zram_is("disksize", "1M", 0);
	assert_int_equal(zram_make_swap(m), 0);
	assert_int_equal(swap_on_zram(m, 0, 100), 0);
}

/* Letters of 16 kinds, which only entropy coding makes smaller. */
static void letters(uint8_t *page, uint64_t seed)
{
	random_bytes(page, 4096, seed);
	for (unsigned i = 0; i < 4096; i++)
		page[i] = (uint8_t) "0123456789abcdef"[page[i] % 16];
}

/* What lz4 keeps whole zstd halves; noise nothing does. */
static void test_recompress(void **state)
{
	const struct zram *z = &m->root->zram;
	uint8_t page[4096];
	uint64_t was;

	set_up_all();
	map(RIG_BASE, 8, RW, ANON, 0, 0);
	for (unsigned i = 0; i < 8; i++) {
		if (i < 4)
			letters(page, i + 1);
		else
			random_bytes(page, 4096, i + 1);
		fill_page(i, page);
		out(i);
	}
	assert_int_equal(z->huge, 8);
	was = z->compressed;
	zram_is("recompress", "type=idle", 0);
	assert_int_equal(z->compressed, was);
	zram_is("recompress", "threshold=3625", EINVAL);
	zram_is("recompress", "type=", EINVAL);
	zram_is("recompress", "max_pages=x", EINVAL);
	zram_is("recompress", "algo=lz4hc", EINVAL);
	zram_is("recompress", "priority=2", EINVAL);
	/* of equal lengths the last goes first: two of noise */
	zram_is("recompress", "type=huge max_pages=2", 0);
	assert_int_equal(z->huge, 8);
	zram_is("recompress", "type=huge", 0);
	assert_int_equal(z->huge, 4);
	assert_int_equal(z->huge_ever, 8);
	assert_int_equal(z->stored, 9);
	assert_in_range(was - z->compressed, 4 * 1500, 4 * 2500);
	for (unsigned i = 1; i < 9; i++)
		assert_int_equal(zram_entry_at(m, i)->flags,
			i < 5 ? 0 : ZRAM_INCOMPRESSIBLE);
	was = z->compressed;
	zram_is("recompress", "", 0);
	/* noise is not tried again; the header gets some bytes smaller */
	assert_int_equal(z->huge, 4);
	assert_in_range(was - z->compressed, 1, 20);
	assert_int_equal(vm_reindex(m), 0);
	for (unsigned i = 0; i < 4; i++) {
		letters(page, i + 1);
		expect_page(i, page);
	}
}

/* Pages go to the backing device and come back from there. */
static void test_writeback(void **state)
{
	const struct zram *z = &m->root->zram;
	uint8_t page[4096];

	zram_is("writeback", "type=huge", ENODEV);
	set_up_all();
	zram_is("backing_dev", "/dev/vdb", EBUSY);
	map(RIG_BASE, 8, RW, ANON, 0, 0);
	for (unsigned i = 0; i < 8; i++) {
		memset(page, 0, sizeof(page));
		random_bytes(page, i < 4 ? 4096 : 1000, i + 1);
		fill_page(i, page);
		out(i);
	}
	assert_int_equal(z->huge, 4);
	zram_is("writeback", "junk", EINVAL);
	zram_is("writeback", "type=junk", EINVAL);
	zram_is("writeback", "page_index=256", ERANGE);
	zram_is("writeback", "page_index=x", EINVAL);
	zram_is("writeback", "page_indexes=3-2", ERANGE);
	zram_is("writeback", "page_indexes=3", EINVAL);
	zram_is("writeback", "idle", 0);
	assert_int_equal(z->bd_writes, 0);
	zram_is("writeback_limit", "x", EINVAL);
	zram_is("writeback_limit", "3", 0);
	zram_is("writeback_limit_enable", "1", 0);
	zram_is("writeback", "huge", EIO);
	assert_int_equal(z->bd_count, 3);
	assert_int_equal(z->huge, 1);
	assert_int_equal(z->wb_limit, 0);
	zram_is("writeback_limit_enable", "0", 0);
	zram_is("writeback", "type=huge", 0);
	assert_int_equal(z->bd_count, 4);
	assert_int_equal(z->huge, 0);
	assert_int_equal(z->stored, 1 + 8);
	assert_int_equal(m->root->io[DISK_VDB].writes, 4);
	zram_is("idle", "1", EINVAL);
	zram_is("idle", "all", 0);
	expect_page(4, NULL);
	zram_is("writeback", "type=idle", 0);
	/* the header and three of four: one was used */
	assert_int_equal(z->bd_count, 4 + 4);
	assert_int_equal(z->compressed, 0);
	assert_int_equal(vm_reindex(m), 0);
	for (unsigned i = 0; i < 4; i++) {
		random_bytes(page, 4096, i + 1);
		expect_page(i, page);
	}
	assert_int_equal(z->bd_reads, 4);
	assert_int_equal(m->root->io[DISK_VDB].reads, 4);
	assert_int_equal(z->bd_count, 4);
	/* blocks are found again from below */
	zram_is("writeback", "page_index=5", 0);
	assert_int_equal(z->bd_count, 4);
	assert_int_equal(swap_on_own(m, 1), 0);
	assert_int_equal(vm_check(m), -EIO);
	vm_fail_clear(m);
	assert_int_equal(swap_off(m, swap_area_of(m, 0)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ZRAM_TEST(test_recompress),
		ZRAM_TEST(test_writeback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
