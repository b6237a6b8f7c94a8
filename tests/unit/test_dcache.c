/*
 * Names and inodes in memory: who holds them, in which order they go, and that
 * the shrinker looks at as many as Linux's.
 */
#include <stdio.h>

#include "../../vm/disk/dcache.h"
#include "../../vm/slab/slab.h"
#include "../../vm/task/task.h"

#include "vmtest.h"

static struct vm *m;
static uint64_t free_at_start;

static int setup(void **state)
{
	m = vmtest_boot("x86_64", "64M");
	free_at_start = vmtest_free_pages(m);
	assert_int_equal(disk_mkdir(m, "/d", 0755, 0, 0), 0);
	return 0;
}

/* Takes all files away again. */
static int teardown(void **state)
{
	idx_t d = disk_lookup(m, "/d", false), c;
	char path[64];

	while ((c = inode_at(m, d)->child)) {
		disk_path(m, c, path, sizeof(path));
		assert_int_equal(disk_unlink(m, path), 0);
	}
	assert_int_equal(disk_rmdir(m, "/d"), 0);
	vmtest_end(m, free_at_start);
	return 0;
}

static uint64_t dentries(void)
{
	return cache_at(m, CACHE_DENTRY)->used;
}

static uint64_t inodes(void)
{
	return cache_at(m, CACHE_DISK_INODE)->used;
}

static idx_t make(unsigned i)
{
	char path[32];
	idx_t n;

	snprintf(path, sizeof(path), "/d/%u", i);
	n = disk_create(m, path, 0644, 0, 0);
	assert_int_not_equal(n, 0);
	return n;
}

static bool has_dentry(idx_t i)
{
	return inode_at(m, i)->dentry;
}

/* All that nobody uses goes with drop_caches, and comes back when it is looked
 * up. */
static void dropped_and_looked_up(void **state)
{
	enum { NR = 2000 };
	uint64_t d = dentries(), n = inodes();
	static idx_t i[NR];

	for (unsigned k = 0; k < NR; k++)
		i[k] = make(k);
	assert_int_equal(dentries(), d + NR);
	assert_int_equal(inodes(), n + NR);
	/* 142 slabs of inodes and 95 of names, less those that are kept */
	assert_in_range(dcache_drop(m), 127 * 4 + 75, 142 * 4 + 96);
	vmtest_check(m);
	/* the root is the file system's */
	assert_int_equal(dentries(), 1);
	assert_int_equal(inodes(), 1);
	assert_int_equal(disk_lookup(m, "/d/7", true), i[7]);
	assert_true(has_dentry(i[7]));
	assert_int_equal(dentries(), 3);
	vmtest_check(m);
}

/* An open file holds its dentry, and that one those above. */
static void open_files_stay(void **state)
{
	idx_t i = make(0), f = file_of_inode(m, i, FMODE_READ);

	make(1);
	dcache_drop(m);
	assert_true(has_dentry(i));
	assert_int_equal(dentries(), 3);
	file_put(m, f);
	dcache_drop(m);
	assert_false(has_dentry(i));
	assert_int_equal(dentries(), 1);
}

/* Cached pages keep the inode, not the name. */
static void pages_keep_the_inode(void **state)
{
	idx_t i = make(0);

	assert_int_equal(disk_write(m, i, 0, "x", 1), 1);
	assert_int_not_equal(cache_get(m, i, 0, NULL), 0);
	dcache_drop(m);
	assert_false(has_dentry(i));
	assert_int_not_equal(inode_at(m, i)->object, 0);
	vmtest_check(m);
	inode_write(m, i, 0, UINT64_MAX);
	assert_int_equal(disk_drop_caches(m), 1);
	assert_int_equal(inode_at(m, i)->list, LIST_INODE);
	dcache_drop(m);
	assert_int_equal(inode_at(m, i)->object, 0);
}

/* The oldest goes first; what was used since has another round. */
static void second_chance(void **state)
{
	idx_t i[9];

	dcache_drop(m);
	for (unsigned k = 0; k < 9; k++)
		i[k] = make(k);
	assert_int_equal(disk_lookup(m, "/d/0", false), i[0]);
	assert_int_equal(inode_at(m, i[0])->used_again, 1);
	/* with the directory, which is held, 10: (10 >> 1) * 4 / 2 are looked
	 * at */
	m->root->node[0].shrink_deferred = 0;
	dcache_shrink(m, 0, 1);
	assert_true(has_dentry(i[0]));
	assert_false(inode_at(m, i[0])->used_again);
	for (unsigned k = 1; k < 9; k++)
		assert_false(has_dentry(i[k]));
	vmtest_check(m);
}

/* At low priority little is looked at, and the rest is put off. */
static void as_many_as_linux(void **state)
{
	uint64_t before;

	dcache_drop(m);
	for (unsigned k = 0; k < 3000; k++)
		make(k);
	before = m->root->count[CNT_SLABS_SCANNED];
	m->root->node[0].shrink_deferred = 0;
	/* 3001 unused: (3001 >> 3) * 2 = 750, less than a batch */
	dcache_shrink(m, 0, 3);
	assert_int_equal(m->root->count[CNT_SLABS_SCANNED], before);
	assert_in_range(m->root->node[0].shrink_deferred, 750, 752);
	/* (3001 >> 1) * 2 + 750 / 2 = 3375, at most all: two batches, rest */
	dcache_shrink(m, 0, 1);
	assert_in_range(m->root->count[CNT_SLABS_SCANNED] - before, 3000, 3400);
	m->root->set.vfs_cache_pressure = 0;
	before = dentries();
	dcache_shrink(m, 0, 0);
	assert_int_equal(dentries(), before);
	m->root->set.vfs_cache_pressure = 100;
}

/* Files at random: made, opened, closed, renamed, removed, shrunk. */
static void random_files(void **state)
{
	enum { NR = 40 };
	static idx_t open[NR];
	uint64_t seed = 3;
	char a[32], b[32];

	memset(open, 0, sizeof(open));
	for (unsigned step = 0; step < 20000; step++) {
		uint64_t r = vmtest_random(&seed);
		unsigned k = r % NR;

		snprintf(a, sizeof(a), "/d/%u", k);
		snprintf(b, sizeof(b), "/d/%u", (unsigned)(r >> 8) % NR);
		switch (r >> 32 & 7) {
		case 0:
			disk_create(m, a, 0644, 0, 0);
			break;
		case 1:
			disk_unlink(m, a);
			break;
		case 2:
			disk_rename(m, a, b, 0);
			break;
		case 3:
			dcache_shrink(m, 0, (int)(r >> 40) & 3);
			break;
		case 4:
			disk_lookup(m, a, true);
			break;
		case 5:
			if (open[k])
				file_put(m, open[k]);
			open[k] = 0;
			break;
		default:
			if (!open[k] && disk_lookup(m, a, true))
				open[k] = file_of_inode(
					m, disk_lookup(m, a, true), FMODE_READ);
		}
		vm_fail_clear(m);
		/* nobody has the open files: not the whole check */
		if (step % 100 == 0 && (dcache_check(m) || slab_check(m)))
			fail_msg("%s", vm_sentence(m));
	}
	for (unsigned k = 0; k < NR; k++)
		if (open[k])
			file_put(m, open[k]);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(dropped_and_looked_up),
		TEST(open_files_stay),
		TEST(pages_keep_the_inode),
		TEST(second_chance),
		TEST(as_many_as_linux),
		TEST(random_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
