/* The page cache beside the blocks: who sees what, and when it is written. */
#include "fault_rig.h"

#include <stdlib.h>

static void test_lookup_and_get(void **state)
{
	idx_t f = make_file("/f", 4);
	bool major = false;
	pfn_t pfn;

	assert_int_equal(cache_lookup(m, f, 2), PFN_NONE);
	pfn = cache_get(m, f, 2, &major);
	assert_true(major);
	assert_int_equal(cache_lookup(m, f, 2), pfn);
	assert_int_equal(frame_at(m, pfn)->state, FRAME_FILE);
	assert_int_equal(frame_at(m, pfn)->owner, f);
	assert_int_equal(frame_at(m, pfn)->index, 2);
	assert_int_equal(ram_at(m, pfn_to_pa(m, pfn))[9], 3);
	major = false;
	assert_int_equal(cache_get(m, f, 2, &major), pfn);
	assert_false(major);
	assert_int_equal(phys_sum(m, pages[USE_FILE]), 1);
	/* pages of a hole hold no bytes */
	f = disk_placeholder(m, "/hole", MiB);
	pfn = cache_get(m, f, 100, NULL);
	assert_false(frame_at(m, pfn)->flags & FR_BYTES);
}

static void test_look_changes_nothing(void **state)
{
	idx_t f = make_file("/f", 2);
	uint8_t page[4096];

	cache_look(m, f, 1, page);
	assert_int_equal(page[5], 2);
	assert_int_equal(inode_at(m, f)->nr_cached, 0);
	cache_look(m, f, 9, page);
	assert_int_equal(page[5], 0);
}

static void test_write_through(void **state)
{
	idx_t f = make_file("/f", 4);
	pfn_t pfn = cache_get(m, f, 1, NULL);
	uint8_t data[6000], have[6000];

	memset(data, 0x5a, sizeof(data));
	assert_int_equal(disk_write(m, f, 3000, data, 6000), 6000);
	assert_int_equal(ram_at(m, pfn_to_pa(m, pfn))[0], 0x5a);
	assert_int_equal(ram_at(m, pfn_to_pa(m, pfn))[4095], 0x5a);
	assert_int_equal(disk_read(m, f, 3000, have, 6000), 6000);
	assert_memory_equal(have, data, 6000);
	assert_false(frame_at(m, pfn)->flags & FR_DIRTY);
}

/* meminfo's Mapped and Dirty: by page, not by mapping. */
static void test_mapped_and_dirty_are_counted(void **state)
{
	idx_t f = disk_placeholder(m, "/f", 4 * 4096), file = open_rw("/f");
	uint64_t mapped = phys_sum(m, mapped), dirty = phys_sum(m, dirty);

	m->root->set.fault_around_pages = 1;
	map(RIG_BASE, 4, RW, MAP_SHARED, file, 0);
	map(RIG_BASE + MiB, 4, PROT_READ, MAP_PRIVATE, file, 0);
	file_put(m, file);
	put(page_at(RIG_BASE, 0), 1);
	put(page_at(RIG_BASE, 1), 1);
	put(page_at(RIG_BASE, 1), 2);
	get(page_at(RIG_BASE, 2));
	assert_int_equal(phys_sum(m, mapped) - mapped, 3);
	assert_int_equal(phys_sum(m, dirty) - dirty, 2);
	get(page_at(RIG_BASE + MiB, 1)); /* the same page once more */
	assert_int_equal(phys_sum(m, mapped) - mapped, 3);
	mm_munmap(m, t, RIG_BASE, 4 << m->page_shift);
	assert_int_equal(phys_sum(m, mapped) - mapped, 1);
	assert_int_equal(phys_sum(m, dirty) - dirty, 2);
	mm_munmap(m, t, RIG_BASE + MiB, 4 << m->page_shift);
	assert_int_equal(phys_sum(m, mapped), mapped);
	assert_int_equal(cache_writeback(m, f, 0, 0), 1);
	assert_int_equal(phys_sum(m, dirty) - dirty, 1);
	vmtest_check(m);
	/* a dirty page that goes is dirty no more */
	disk_truncate(m, f, 0);
	assert_int_equal(phys_sum(m, dirty), dirty);
}

static void test_writeback(void **state)
{
	idx_t f = disk_placeholder(m, "/f", 3 * 4096 + 5), file = open_rw("/f");
	uint64_t out = m->root->count[CNT_PGPGOUT];

	map(RIG_BASE, 4, RW, MAP_SHARED, file, 0);
	file_put(m, file);
	put(page_at(RIG_BASE, 1), 0x11);
	put(page_at(RIG_BASE, 3) + 4, 0x22);
	put(page_at(RIG_BASE, 3) + 5, 0x33); /* behind the end */
	assert_int_equal(m->root->disk_used, 2);
	assert_int_equal(cache_writeback(m, f, 0, 2), 1);
	assert_int_equal(cache_writeback(m, f, 0, UINT64_MAX), 1);
	assert_int_equal(cache_writeback(m, f, 0, UINT64_MAX), 0);
	assert_int_equal(m->root->count[CNT_PGPGOUT] - out, 8);
	/* the blocks alone hold it now: drop the cache, read again */
	mm_munmap(m, t, RIG_BASE, 4 << m->page_shift);
	vmtest_check(m);
	disk_truncate(m, f, 4 * 4096);
	map(RIG_BASE, 4, PROT_READ, MAP_PRIVATE, open_rw("/f"), 0);
	assert_int_equal(get(page_at(RIG_BASE, 1)), 0x11);
	assert_int_equal(get(page_at(RIG_BASE, 3) + 4), 0x22);
	assert_int_equal(get(page_at(RIG_BASE, 3) + 5), 0);
	file_put(m, vma_lookup(m, t->mm, RIG_BASE)->file);
}

/* An unmapped dirty page is dirty still, and disk/ sees it. */
static void test_dirty_survives_unmap(void **state)
{
	idx_t f = make_file("/f", 2), file = open_rw("/f");
	uint8_t b;

	map(RIG_BASE, 2, RW, MAP_SHARED, file, 0);
	file_put(m, file);
	put(RIG_BASE, 0x77);
	mm_munmap(m, t, RIG_BASE, 2 << m->page_shift);
	assert_true(frame_at(m, cache_lookup(m, f, 0))->flags & FR_DIRTY);
	assert_int_equal(frame_at(m, cache_lookup(m, f, 0))->mapcount, 0);
	disk_read(m, f, 0, &b, 1);
	assert_int_equal(b, 0x77);
}

static void test_mapped_after_unlink(void **state)
{
	idx_t f = make_file("/f", 3), file = open_rw("/f");

	map(RIG_BASE, 3, RW, MAP_SHARED, file, 0);
	file_put(m, file);
	put(RIG_BASE, 0x55);
	assert_int_equal(disk_unlink(m, "/f"), 0);
	vmtest_check(m);
	assert_int_equal(get(RIG_BASE), 0x55);
	assert_int_equal(get(page_at(RIG_BASE, 2)), 3);
	assert_int_equal(inode_at(m, f)->linked, 0);
	mm_munmap(m, t, RIG_BASE, 3 << m->page_shift);
	assert_int_equal(m->root->disk_used, 0);
	assert_int_equal(phys_sum(m, pages[USE_FILE]), 0);
}

static void test_shmem_object(void **state)
{
	idx_t s = shmem_create(m, 8 * m->page_size);
	uint64_t pages = phys_sum(m, pages[USE_SHMEM]);
	bool major = false;
	pfn_t pfn = cache_get(m, s, 3, &major);

	assert_false(major);
	assert_int_equal(frame_at(m, pfn)->state, FRAME_SHMEM);
	assert_true(frame_at(m, pfn)->flags & FR_SWAPBACKED);
	assert_int_equal(phys_sum(m, pages[USE_SHMEM]), pages + 1);
	assert_int_equal(inode_at(m, s)->ino, 1);
	inode_put(m, s);
	assert_int_equal(phys_sum(m, pages[USE_SHMEM]), pages);
}

static void test_growth_hides_old_tail(void **state)
{
	idx_t f = disk_create(m, "/f", 0644, 1000, 1000), file;

	disk_write(m, f, 0, "abc", 3);
	file = open_rw("/f");
	map(RIG_BASE, 1, RW, MAP_SHARED, file, 0);
	file_put(m, file);
	put(RIG_BASE + 10, 0x99);
	disk_write(m, f, 20, "z", 1);
	assert_int_equal(get(RIG_BASE + 10), 0);
	assert_int_equal(get(RIG_BASE + 20), 'z');
	assert_int_equal(get(RIG_BASE + 2), 'c');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_lookup_and_get),
		RIG_TEST(test_look_changes_nothing),
		RIG_TEST(test_write_through),
		RIG_TEST(test_writeback),
		RIG_TEST(test_mapped_and_dirty_are_counted),
		RIG_TEST(test_dirty_survives_unmap),
		RIG_TEST(test_mapped_after_unlink),
		RIG_TEST(test_shmem_object),
		RIG_TEST(test_growth_hides_old_tail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
