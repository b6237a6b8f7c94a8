/* read(2), write(2), readahead and writeback of simulated processes. */
#include "fault_rig.h"

#include <stdlib.h>

#define TICK 10000000ull

static idx_t opened(const char *path, uint32_t mode)
{
	idx_t file = file_open(m, NULL, path, mode);

	assert_int_not_equal(file, 0);
	return file;
}

/* A read(2) of whole pages. */
static void read_pages(idx_t file, uint64_t page, uint64_t nr)
{
	uint64_t off = page << m->page_shift, len = nr << m->page_shift;
	uint8_t buf[4096];

	for (uint64_t done = 0; done < len;) {
		int64_t n = file_read(m, file, off, len, done, buf);

		assert_true(n > 0);
		assert_int_equal(buf[0], (off + done) / DISK_BLOCK % 251 + 1);
		done += (uint64_t)n;
	}
	file_read_end(m, file, off + len);
}

/* The cached pages of a file are exactly [0, n) and those of [from, to). */
static void cached_are(idx_t inode, uint64_t n, uint64_t from, uint64_t to)
{
	for (uint64_t i = 0; i < inode_pages(m, inode_at(m, inode)); i++) {
		bool want = i < n || (i >= from && i < to);

		if ((cache_lookup(m, inode, i) != PFN_NONE) != want)
			fail_msg("page %llu", (unsigned long long)i);
	}
}

/* The example in disk/readahead.c: windows of 4, 8, 16, 32 pages, each begun
 * when the reader comes to the mark. */
static void test_sequential_windows(void **state)
{
	static const struct {
		uint64_t page, cached;
	} step[] = {
		{0, 4},
		{1, 12},
		{2, 12},
		{3, 12},
		{4, 28},
		{11, 28},
		{12, 60},
		{27, 60},
		{28, 92},
		{59, 92},
		{60, 124},
	};
	idx_t f = make_file("/f", 200), file = opened("/f", FMODE_READ);
	uint64_t next = 0;

	for (size_t i = 0; i < sizeof(step) / sizeof(*step); i++) {
		for (; next <= step[i].page; next++)
			read_pages(file, next, 1);
		cached_are(f, step[i].cached, 0, 0);
	}
	file_put(m, file);
}

static void test_first_window(void **state)
{
	static const struct {
		uint64_t req, window;
	} row[] = {{1, 4}, {2, 4}, {4, 8}, {5, 16}, {8, 16}, {9, 32}, {32, 32}};

	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		idx_t f = make_file("/f", 100);
		idx_t file = opened("/f", FMODE_READ);

		read_pages(file, 0, row[i].req);
		/* the read itself may have come to the mark */
		if (row[i].window > row[i].req &&
			row[i].window - row[i].req >= row[i].req)
			cached_are(f, row[i].window, 0, 0);
		assert_true(inode_at(m, f)->nr_cached >= row[i].window);
		file_put(m, file);
		assert_int_equal(disk_unlink(m, "/f"), 0);
	}
}

static void test_random_reads_are_alone(void **state)
{
	idx_t f = make_file("/f", 300), file = opened("/f", FMODE_READ);

	read_pages(file, 100, 1);
	cached_are(f, 0, 100, 101);
	read_pages(file, 200, 2);
	assert_int_equal(inode_at(m, f)->nr_cached, 3);
	/* the next in order: somebody reads on after all */
	read_pages(file, 202, 1);
	assert_int_equal(inode_at(m, f)->nr_cached, 7);
	file_put(m, file);
}

/* Windows that a mark starts end at a multiple of 4; a read that comes to a gap
 * goes by where the last one ended, not by its own pages. */
static void test_window_ends(void **state)
{
	idx_t f = make_file("/f", 300), file = opened("/f", FMODE_READ);

	read_pages(file, 101, 1);
	read_pages(file, 102, 1); /* 102..105, the mark at 103 */
	cached_are(f, 0, 101, 106);
	read_pages(file, 103, 1); /* 106..113, but for the last two */
	cached_are(f, 0, 101, 112);
	read_pages(file, 200, 1);
	read_pages(file, 199, 4); /* 201 is a gap: 2 pages */
	assert_int_equal(cache_lookup(m, f, 203), PFN_NONE);
	assert_int_not_equal(cache_lookup(m, f, 202), PFN_NONE);
	file_put(m, file);
}

/* A fault that comes to the mark starts the next window; 101 misses and none
 * is read ahead for. */
static void test_faults_read_ahead(void **state)
{
	idx_t f = make_file("/f", 300), file = opened("/f", 3);

	map(RIG_BASE, 300, RW, MAP_PRIVATE, file, 0);
	get(page_at(RIG_BASE, 100)); /* 84..115, the mark at 108 */
	cached_are(f, 0, 84, 116);
	get(page_at(RIG_BASE, 107));
	cached_are(f, 0, 84, 116);
	get(page_at(RIG_BASE, 108));
	cached_are(f, 0, 84, 148);
	for (unsigned i = 0; i < 100; i++) {
		mm_madvise(m, t, RIG_BASE, 300 << m->page_shift, 4);
		file_advise(m, file, 0, 0, FADV_DONTNEED);
		put(page_at(RIG_BASE, 10), 1);
	}
	cached_are(f, 32, 0, 0);
	mm_madvise(m, t, RIG_BASE, 300 << m->page_shift, 4);
	file_advise(m, file, 0, 0, FADV_DONTNEED);
	put(page_at(RIG_BASE, 10), 1);
	cached_are(f, 0, 10, 11);
	file_put(m, file);
}

static void test_advice(void **state)
{
	idx_t f = make_file("/f", 300), file = opened("/f", FMODE_READ);

	assert_int_equal(file_advise(m, file, 0, 0, FADV_RANDOM), 0);
	for (uint64_t i = 0; i < 10; i++)
		read_pages(file, i, 1);
	cached_are(f, 10, 0, 0);
	file_advise(m, file, 0, 0, FADV_DONTNEED);
	assert_int_equal(inode_at(m, f)->nr_cached, 0);
	file_advise(m, file, 0, 0, FADV_SEQUENTIAL);
	read_pages(file, 0, 33);
	assert_true(inode_at(m, f)->nr_cached >= 64);
	file_advise(m, file, 0, 0, FADV_DONTNEED);
	file_advise(
		m, file, 5 << m->page_shift, 3 << m->page_shift, FADV_WILLNEED);
	cached_are(f, 0, 5, 8);
	/* part of a page is not dropped */
	file_advise(m, file, (5 << m->page_shift) + 1, (3 << m->page_shift) - 1,
		FADV_DONTNEED);
	cached_are(f, 0, 5, 6);
	file_put(m, file);
}

static void test_one_copy(void **state)
{
	idx_t f = make_file("/f", 2), file = opened("/f", 3);
	uint8_t buf[4096];

	map(RIG_BASE, 2, RW, MAP_SHARED, file, 0);
	put(RIG_BASE + 7, 0x77);
	assert_int_equal(file_read(m, file, 7, 1, 0, buf), 1);
	assert_int_equal(buf[0], 0x77);
	assert_int_equal(file_write(m, file, 4095, (void *)"ab", 2), 1);
	assert_int_equal(get(RIG_BASE + 4095), 'a');
	assert_int_equal(phys_sum(m, dirty), 1);
	inode_write(m, f, 0, UINT64_MAX);
	assert_int_equal(phys_sum(m, dirty), 0);
	/* the mapping is write-protected: the next store is noticed */
	put(RIG_BASE + 7, 0x78);
	assert_int_equal(phys_sum(m, dirty), 1);
	file_put(m, file);
}

/* Twice in a row is one use of a page; used again, it becomes active. */
static void test_reads_activate(void **state)
{
	idx_t f = make_file("/f", 8), file = opened("/f", FMODE_READ);
	uint8_t buf[4096];
	pfn_t pfn;

	file_read(m, file, 0, 10, 0, buf);
	file_read_end(m, file, 10);
	file_read(m, file, 10, 10, 0, buf);
	file_read_end(m, file, 20);
	pfn = cache_lookup(m, f, 0);
	assert_int_equal(frame_at(m, pfn)->flags & (FR_REFERENCED | FR_ACTIVE),
		FR_REFERENCED);
	read_pages(file, 1, 1);
	file_read(m, file, 0, 10, 0, buf);
	assert_int_equal(frame_at(m, pfn)->flags & (FR_REFERENCED | FR_ACTIVE),
		FR_ACTIVE);
	file_put(m, file);
}

/* Maps the file, uses page 3, and unmaps it: its marks then. */
static unsigned marks_after_use(idx_t inode, idx_t file, uint64_t vm_flags)
{
	map(RIG_BASE, 8, PROT_READ, MAP_SHARED, file, 0);
	vma_lookup(m, t->mm, RIG_BASE)->flags |= vm_flags;
	get(page_at(RIG_BASE, 3));
	mm_munmap(m, t, RIG_BASE, 8 << m->page_shift);
	return frame_at(m, cache_lookup(m, inode, 3))->flags &
	       (FR_REFERENCED | FR_ACTIVE);
}

/* What a mapping used counts when it goes; not with MADV_RANDOM, _SEQUENTIAL,
 * POSIX_FADV_NOREUSE. */
static void test_mappings_activate(void **state)
{
	idx_t f = make_file("/f", 8), file = opened("/f", FMODE_READ);

	assert_int_equal(marks_after_use(f, file, VM_RAND_READ), 0);
	assert_int_equal(marks_after_use(f, file, VM_SEQ_READ), 0);
	file_advise(m, file, 0, 0, FADV_NOREUSE);
	assert_int_equal(marks_after_use(f, file, 0), 0);
	file_advise(m, file, 0, 0, FADV_NORMAL);
	assert_int_equal(marks_after_use(f, file, 0), FR_REFERENCED);
	assert_int_equal(marks_after_use(f, file, VM_RAND_READ), FR_REFERENCED);
	assert_int_equal(marks_after_use(f, file, 0), FR_ACTIVE);
	file_put(m, file);
}

static void write_dirty(idx_t file, uint64_t pages)
{
	uint8_t buf[4096] = "dirty";

	for (uint64_t i = 0; i < pages; i++)
		assert_int_equal(file_write(m, file, i << m->page_shift, buf,
					 sizeof(buf)),
			(int64_t)sizeof(buf));
}

static void test_flusher_wakes_up(void **state)
{
	idx_t f = disk_create(m, "/f", 0666, 1000, 1000);
	idx_t file = opened("/f", 3);

	write_dirty(file, 10);
	assert_int_equal(inode_at(m, f)->nr_dirty, 10);
	disk_tick(m, m->root->ns + 2900 * TICK);
	assert_int_equal(phys_sum(m, dirty), 10);
	/* 30 s old at the wake-up: at most 35 s later */
	disk_tick(m, m->root->ns + 600 * TICK);
	assert_int_equal(phys_sum(m, dirty), 0);
	assert_int_equal(m->root->count[CNT_WRITTEN], 10);
	m->root->set.dirty_writeback_centisecs = 0;
	write_dirty(file, 1);
	disk_tick(m, m->root->ns + 100000 * TICK);
	assert_int_equal(phys_sum(m, dirty), 1);
	file_put(m, file);
}

static void test_thresholds(void **state)
{
	idx_t file;
	uint64_t background, threshold;

	disk_create(m, "/f", 0666, 1000, 1000);
	file = opened("/f", 3);
	m->root->set.dirty_bytes = 100 << m->page_shift;
	m->root->set.dirty_background_bytes = 40 << m->page_shift;
	disk_dirty_limits(m, disk_dirtyable(m), &background, &threshold);
	assert_int_equal(background, 40);
	assert_int_equal(threshold, 100);
	write_dirty(file, 40);
	disk_balance(m);
	assert_int_equal(phys_sum(m, dirty), 40);
	write_dirty(file, 41);
	disk_balance(m);
	assert_true(phys_sum(m, dirty) <= 40);
	write_dirty(file, 100);
	assert_false(disk_throttle(m));
	write_dirty(file, 101);
	assert_true(disk_throttle(m));
	assert_true(phys_sum(m, dirty) <= 40);
	m->root->set.dirty_background_bytes = 200 << m->page_shift;
	disk_dirty_limits(m, disk_dirtyable(m), &background, &threshold);
	assert_int_equal(background, 50);
	file_put(m, file);
}

static void test_drop_caches(void **state)
{
	idx_t f = make_file("/f", 50), file = opened("/f", 3);

	map(RIG_BASE, 2, PROT_READ, MAP_SHARED, file, 0);
	m->root->set.fault_around_pages = 1;
	read_pages(file, 0, 50);
	get(RIG_BASE);
	write_dirty(file, 3);
	/* page 0 is mapped and dirty, 1 and 2 are dirty */
	assert_int_equal(disk_drop_caches(m), 47);
	disk_sync(m);
	assert_int_equal(disk_drop_caches(m), 2);
	assert_int_equal(inode_at(m, f)->nr_cached, 1);
	file_put(m, file);
}

static void test_a_full_disk(void **state)
{
	idx_t f = disk_create(m, "/f", 0666, 1000, 1000);
	idx_t file = opened("/f", 3);
	uint8_t buf[4096] = "x";

	m->root->disk_blocks = m->root->disk_used + 2;
	write_dirty(file, 2);
	assert_int_equal(
		file_write(m, file, 2 << m->page_shift, buf, 4096), -ENOSPC);
	assert_int_equal(inode_at(m, f)->size, 2 << m->page_shift);
	assert_int_equal(phys_sum(m, dirty), 2);
	vm_fail_clear(m);
	file_put(m, file);
}

/* ---- against a plain array of bytes -------------------------------------- */

#define MODEL (64 * 4096u)

static struct {
	uint8_t bytes[MODEL];
	uint64_t size;
	idx_t inode, file;
} model;

static uint64_t pick(uint64_t n)
{
	return (uint64_t)rand() % n;
}

static void step_write(void)
{
	uint64_t off = pick(MODEL - 9000), len = pick(9000) + 1;
	uint8_t buf[9000];

	for (uint64_t i = 0; i < len; i++)
		buf[i] = (uint8_t)rand();
	for (uint64_t done = 0; done < len;) {
		int64_t n = file_write(
			m, model.file, off + done, buf + done, len - done);

		assert_true(n > 0);
		done += (uint64_t)n;
	}
	if (off > model.size)
		memset(model.bytes + model.size, 0, off - model.size);
	memcpy(model.bytes + off, buf, len);
	if (off + len > model.size)
		model.size = off + len;
}

static void step_store(void)
{
	uint64_t off;

	if (!model.size)
		return;
	off = pick(model.size);
	put(RIG_BASE + off, (uint8_t)off);
	model.bytes[off] = (uint8_t)off;
}

static void step_truncate(void)
{
	uint64_t size = pick(MODEL);

	assert_int_equal(disk_truncate(m, model.inode, size), 0);
	if (size > model.size)
		memset(model.bytes + model.size, 0, size - model.size);
	model.size = size;
}

static void step_read(void)
{
	uint64_t off = pick(MODEL), left = pick(20000) + 1, done = 0;
	uint8_t buf[4096];
	int64_t n;

	for (; done < left; done += (uint64_t)n) {
		n = file_read(m, model.file, off, left, done, buf);
		assert_true(n >= 0);
		if (!n)
			break;
		assert_memory_equal(buf, model.bytes + off + done, n);
	}
	assert_int_equal(done, off >= model.size	 ? 0
			       : left < model.size - off ? left
							 : model.size - off);
}

static void one_step(void)
{
	switch (pick(9)) {
	case 0:
	case 1:
		return step_write();
	case 2:
		return step_store();
	case 3:
		return step_truncate();
	case 4:
		disk_drop_caches(m);
		return;
	case 5:
		return disk_sync(m);
	case 6:
		return disk_tick(m, m->root->ns + pick(5000) * TICK);
	default:
		return step_read();
	}
}

static void test_random(void **state)
{
	static uint8_t all[MODEL];

	srand(7);
	memset(&model, 0, sizeof(model));
	model.inode = disk_create(m, "/f", 0666, 1000, 1000);
	model.file = opened("/f", 3);
	map(RIG_BASE, MODEL >> m->page_shift, RW, MAP_SHARED, model.file, 0);
	file_put(m, model.file); /* the mapping holds it */
	for (unsigned i = 0; i < 4000; i++) {
		one_step();
		if (i % 50)
			continue;
		assert_int_equal(
			disk_read(m, model.inode, 0, all, MODEL), model.size);
		assert_memory_equal(all, model.bytes, model.size);
		vmtest_check(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_sequential_windows),
		RIG_TEST(test_first_window),
		RIG_TEST(test_random_reads_are_alone),
		RIG_TEST(test_window_ends),
		RIG_TEST(test_faults_read_ahead),
		RIG_TEST(test_advice),
		RIG_TEST(test_one_copy),
		RIG_TEST(test_reads_activate),
		RIG_TEST(test_mappings_activate),
		RIG_TEST(test_flusher_wakes_up),
		RIG_TEST(test_thresholds),
		RIG_TEST(test_drop_caches),
		RIG_TEST(test_a_full_disk),
		RIG_TEST(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
