/* The tree of the disk: errno, sentence and effect of every change. */
#include "vmtest.h"

#include <stdlib.h>

#include "../../vm/disk/disk_i.h"
#include "../../vm/task/task.h"

static struct vm *m;
static uint64_t free_pages;

static int setup(void **state)
{
	m = vmtest_boot("x86_64", "64M");
	free_pages = vmtest_free_pages(m);
	return 0;
}

static int teardown(void **state)
{
	vm_fail_clear(m);
	vmtest_end(m, free_pages);
	return 0;
}

static char long_name[300], long_path[5000];

/* One change and what it must answer. */
enum op { CREATE, MKDIR, LINK, UNLINK, RMDIR, RENAME, NOREPLACE, LOOKUP };

struct step {
	enum op op;
	const char *a, *b;
	int err;
	const char *sentence;
};

static int run(const struct step *s)
{
	switch (s->op) {
	case CREATE:
		return disk_create(m, s->a, 0644, 1, 2) ? 0 : m->fail.err;
	case MKDIR:
		return -disk_mkdir(m, s->a, 0755, 1, 2);
	case LINK: /* as ln -s: the text first */
		return -disk_symlink(m, s->a, s->b, 1, 2);
	case UNLINK:
		return -disk_unlink(m, s->a);
	case RMDIR:
		return -disk_rmdir(m, s->a);
	case RENAME:
		return -disk_rename(m, s->a, s->b, 0);
	case NOREPLACE:
		return -disk_rename(m, s->a, s->b, 1);
	default:
		return disk_lookup(m, s->a, true) ? 0 : m->fail.err;
	}
}

static void run_all(const struct step *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int err;

		vm_fail_clear(m);
		err = run(&s[i]);
		if (err != s[i].err)
			fail_msg("step %zu (%s %s): errno %d, not %d: %s", i,
				s[i].a, s[i].b ? s[i].b : "", err, s[i].err,
				vm_sentence(m));
		if (s[i].sentence)
			assert_sentence(vm_sentence(m), s[i].sentence);
		vm_fail_clear(m);
		assert_int_equal(disk_check(m), 0);
	}
}

static void test_names(void **state)
{
	static const struct step s[] = {
		{MKDIR, "/bin", 0, 0, 0},
		{CREATE, "/bin/cat", 0, 0, 0},
		{CREATE, "bin/ls", 0, 0, 0},
		{CREATE, "/bin/cat", 0, EEXIST, "/bin/cat exists already"},
		{MKDIR, "/bin", 0, EEXIST, "exists"},
		{MKDIR, "/", 0, EEXIST, "exists"},
		{MKDIR, "/bin/.", 0, EEXIST, "exists"},
		{MKDIR, "/bin/..", 0, EEXIST, "exists"},
		{CREATE, "", 0, ENOENT, "empty path"},
		{CREATE, "/no/file", 0, ENOENT, "disk has no \"no\""},
		{CREATE, "/bin/cat/x", 0, ENOTDIR, "/bin/cat is not a dir"},
		{CREATE, "/bin/new/", 0, ENOENT, "ends in a slash"},
		{MKDIR, "/bin//sub///", 0, 0, 0},
		{LOOKUP, "/bin/sub/../cat", 0, 0, 0},
		{LOOKUP, "/../bin/./cat", 0, 0, 0},
		{LOOKUP, "/bin/cat/", 0, ENOTDIR, "/bin/cat is not"},
		{LOOKUP, "/bin/dog", 0, ENOENT,
			"the directory /bin of the disk has no \"dog\""},
		{CREATE, long_name, 0, ENAMETOOLONG, "299 bytes"},
		{LOOKUP, long_name, 0, ENAMETOOLONG, "the most is 255"},
		{LOOKUP, long_path, 0, ENAMETOOLONG, "4095"},
	};

	run_all(s, COUNT(s));
}

static void test_remove(void **state)
{
	static const struct step s[] = {
		{MKDIR, "/d", 0, 0, 0},
		{MKDIR, "/d/e", 0, 0, 0},
		{CREATE, "/f", 0, 0, 0},
		{UNLINK, "/d", 0, EISDIR, "/d is a directory"},
		{UNLINK, "/d/.", 0, EISDIR, 0},
		{UNLINK, "/", 0, EISDIR, 0},
		{UNLINK, "/f/", 0, ENOTDIR, "ends in a slash"},
		{UNLINK, "/g", 0, ENOENT, "/g does not exist"},
		{RMDIR, "/f", 0, ENOTDIR, "/f is not a directory"},
		{RMDIR, "/d", 0, ENOTEMPTY, "still holds 1 entries"},
		{RMDIR, "/d/.", 0, EINVAL, "by its name"},
		{RMDIR, "/d/..", 0, ENOTEMPTY, 0},
		{RMDIR, "/", 0, EBUSY, "root"},
		{RMDIR, "/x", 0, ENOENT, 0},
		{RMDIR, "/d/e/", 0, 0, 0},
		{RMDIR, "/d", 0, 0, 0},
		{UNLINK, "/f", 0, 0, 0},
		{LOOKUP, "/f", 0, ENOENT, 0},
	};

	run_all(s, COUNT(s));
	assert_int_equal(inode_at(m, m->root->disk_root)->nr_children, 0);
}

static void test_links(void **state)
{
	static const struct step s[] = {
		{MKDIR, "/lib", 0, 0, 0},
		{CREATE, "/lib/libc.so", 0, 0, 0},
		{LINK, "lib", "/lib64", 0, 0},
		{LINK, "../lib/libc.so", "/lib/c", 0, 0},
		{LINK, "/lib64/c", "/deep", 0, 0},
		{LOOKUP, "/lib64/libc.so", 0, 0, 0},
		{LOOKUP, "/deep", 0, 0, 0},
		{LINK, "loop", "/loop", 0, 0},
		{LOOKUP, "/loop", 0, ELOOP, "more than 40 symbolic links"},
		{LOOKUP, "/loop/x", 0, ELOOP, 0},
		{LINK, "nowhere", "/dangling", 0, 0},
		{LOOKUP, "/dangling", 0, ENOENT, "nowhere"},
		{CREATE, "/dangling", 0, EEXIST, 0},
		{LINK, "", "/empty", ENOENT, "empty"},
		{LINK, long_path, "/long", ENAMETOOLONG, 0},
		{LINK, "x", "/lib64", EEXIST, 0},
		{LINK, "x", "/y/", ENOENT, 0},
		{RMDIR, "/lib64", 0, ENOTDIR, 0},
		{UNLINK, "/lib64", 0, 0, 0},
		{LOOKUP, "/deep", 0, ENOENT, 0},
	};
	idx_t i;

	run_all(s, COUNT(s));
	i = disk_lookup(m, "/loop", false);
	assert_int_equal(inode_at(m, i)->type, INODE_LINK);
	assert_int_equal(inode_at(m, i)->size, 4);
	assert_string_equal(name_text(m, inode_at(m, i)->target), "loop");
}

static void test_rename(void **state)
{
	static const struct step s[] = {
		{MKDIR, "/a", 0, 0, 0},
		{MKDIR, "/a/b", 0, 0, 0},
		{MKDIR, "/empty", 0, 0, 0},
		{CREATE, "/f", 0, 0, 0},
		{CREATE, "/a/g", 0, 0, 0},
		{RENAME, "/x", "/y", ENOENT, "/x does not exist"},
		{RENAME, "/f", "/no/f", ENOENT, 0},
		{RENAME, "/a", "/a/b/c", EINVAL, "inside itself"},
		{RENAME, "/a", "/a/b", EINVAL, 0},
		{RENAME, "/a/b", "/a", ENOTEMPTY, "/a holds /a/b"},
		{RENAME, "/f", "/empty", EISDIR, "only a directory"},
		{RENAME, "/empty", "/f", ENOTDIR, "cannot be replaced"},
		{RENAME, "/empty", "/a", ENOTEMPTY, "2 entries"},
		{RENAME, "/f", "/a/", ENOTDIR, 0},
		{RENAME, "/f/", "/h", ENOTDIR, 0},
		{RENAME, "/", "/h", EBUSY, 0},
		{RENAME, "/f", "/", EBUSY, 0},
		{RENAME, "/a/.", "/h", EBUSY, 0},
		{NOREPLACE, "/f", "/..", EEXIST, 0},
		{NOREPLACE, "/f", "/a/g", EEXIST, "exists already"},
		{NOREPLACE, "/f", "/f2", 0, 0},
		{RENAME, "/f2", "/f2", 0, 0},
		{RENAME, "/f2", "/a/g", 0, 0},
		{LOOKUP, "/f2", 0, ENOENT, 0},
		{RENAME, "/a/b", "/empty", 0, 0},
		{RENAME, "/empty", "/a/deep", 0, 0},
		{LOOKUP, "/a/deep", 0, 0, 0},
		{RENAME, "/a", "/z/", 0, 0},
		{LOOKUP, "/z/g", 0, 0, 0},
	};
	char path[64];

	run_all(s, COUNT(s));
	disk_path(m, disk_lookup(m, "/z/deep", true), path, sizeof(path));
	assert_string_equal(path, "/z/deep");
	assert_int_equal(disk_rename(m, "/z", "/y", 2), -EINVAL);
}

static void test_path_of_inode(void **state)
{
	char path[64];
	size_t len;
	idx_t f, file;

	len = disk_path(m, m->root->disk_root, path, sizeof(path));
	assert_string_equal(path, "/");
	assert_int_equal(len, 1);
	disk_mkdir(m, "/d", 0755, 0, 0);
	f = disk_create(m, "/d/file", 0644, 0, 0);
	disk_path(m, f, path, sizeof(path));
	assert_string_equal(path, "/d/file");
	assert_int_equal(disk_path(m, f, path, 4), 3);
	assert_string_equal(path, "/d/");
	file = file_of_inode(m, f, FMODE_READ);
	disk_unlink(m, "/d/file");
	disk_rmdir(m, "/d");
	assert_int_equal(disk_check(m), 0);
	disk_path(m, f, path, sizeof(path));
	assert_string_equal(path, "/d/file (deleted)");
	file_put(m, file);
	assert_int_equal(pool_live(m, SEG_INODE), 1);
}

/* ---- contents ------------------------------------------------------------ */

static void test_write_read(void **state)
{
	idx_t f = disk_create(m, "/f", 0644, 0, 0);
	struct inode *n = inode_at(m, f);
	char buf[64];

	m->root->ns = 77;
	assert_int_equal(disk_write(m, f, 4090, "0123456789ab", 12), 12);
	assert_int_equal(n->size, 4102);
	assert_int_equal(n->nr_blocks, 2);
	assert_int_equal(n->mtime_ns, 77);
	assert_int_equal(m->root->disk_used, 2);
	assert_int_equal(disk_read(m, f, 4088, buf, sizeof(buf)), 14);
	assert_memory_equal(buf,
		"\0\0"
		"0123456789ab",
		14);
	assert_int_equal(disk_read(m, f, 4102, buf, 1), 0);
	assert_int_equal(disk_write(m, f, 0, "", 0), 0);
	assert_int_equal(disk_truncate(m, f, 4095), 0);
	assert_int_equal(n->nr_blocks, 1);
	assert_int_equal(disk_truncate(m, f, 5000), 0);
	memset(buf, 1, sizeof(buf));
	assert_int_equal(disk_read(m, f, 4090, buf, 12), 12);
	assert_memory_equal(buf, "01234\0\0\0\0\0\0\0", 12);
}

static void test_sparse(void **state)
{
	static uint8_t zeros[3 * DISK_BLOCK];
	idx_t f = disk_create(m, "/f", 0644, 0, 0);
	struct inode *n = inode_at(m, f);
	uint8_t b = 9;

	assert_int_equal(
		disk_write(m, f, 0, zeros, sizeof(zeros)), sizeof(zeros));
	assert_int_equal(n->size, sizeof(zeros));
	assert_int_equal(n->nr_blocks, 0);
	assert_int_equal(disk_write(m, f, 1ull << 40, &b, 1), 1);
	assert_int_equal(n->nr_blocks, 1);
	assert_int_equal(disk_read(m, f, 1ull << 39, &b, 1), 1);
	assert_int_equal(b, 0);
	/* zeros over data stay data */
	assert_int_equal(disk_write(m, f, 1ull << 40, zeros, 1), 1);
	assert_int_equal(n->nr_blocks, 1);
	disk_unlink(m, "/f");
	assert_int_equal(m->root->disk_used, 0);
}

static void test_refusals(void **state)
{
	idx_t f = disk_create(m, "/f", 0644, 0, 0), d;

	disk_mkdir(m, "/d", 0755, 0, 0);
	d = disk_lookup(m, "/d", true);
	assert_int_equal(disk_write(m, d, 0, "x", 1), -EISDIR);
	vm_fail_clear(m);
	assert_int_equal(disk_truncate(m, d, 0), -EISDIR);
	vm_fail_clear(m);
	assert_int_equal(disk_write(m, f, UINT64_MAX, "x", 1), -EFBIG);
	vm_fail_clear(m);
	assert_int_equal(disk_write(m, f, INT64_MAX, "x", 1), -EFBIG);
	vm_fail_clear(m);
	assert_int_equal(disk_truncate(m, f, 1ull << 63), -EFBIG);
	assert_sentence(vm_sentence(m), "0x8000000000000000 bytes");
	assert_int_equal(inode_at(m, f)->size, 0);
}

static void test_full_disk(void **state)
{
	uint64_t size = 100 * DISK_BLOCK;
	uint8_t *data = malloc(size);
	idx_t f = disk_create(m, "/f", 0644, 0, 0);

	memset(data, 5, size);
	m->root->disk_blocks = 60;
	assert_int_equal(
		disk_write(m, f, 0, data, 50 * DISK_BLOCK), 50 * DISK_BLOCK);
	assert_int_equal(
		disk_write(m, f, 40 * DISK_BLOCK, data, 21 * DISK_BLOCK),
		-ENOSPC);
	assert_sentence(vm_sentence(m),
		"needs 11 blocks of 4096 bytes, 10 of the disk's 60 are free");
	assert_int_equal(inode_at(m, f)->size, 50 * DISK_BLOCK);
	assert_int_equal(m->root->disk_used, 50);
	vm_fail_clear(m);
	assert_int_equal(
		disk_write(m, f, 40 * DISK_BLOCK, data, 20 * DISK_BLOCK),
		20 * DISK_BLOCK);
	assert_int_equal(m->root->disk_used, 60);
	assert_int_equal(disk_truncate(m, f, DISK_BLOCK), 0);
	assert_int_equal(m->root->disk_used, 1);
	/* freed blocks are used again before new ones */
	assert_int_equal(
		disk_write(m, f, 0, data, 60 * DISK_BLOCK), 60 * DISK_BLOCK);
	assert_int_equal(m->root->block_next, 61);
	free(data);
}

static void test_open_after_unlink(void **state)
{
	idx_t f = disk_create(m, "/f", 0644, 0, 0), file;
	char buf[8];

	disk_write(m, f, 0, "alive", 5);
	file = file_open(m, NULL, "/f", FMODE_READ);
	assert_int_not_equal(file, 0);
	disk_unlink(m, "/f");
	assert_int_equal(disk_lookup(m, "/f", true), 0);
	vm_fail_clear(m);
	assert_int_equal(disk_read(m, f, 0, buf, 8), 5);
	assert_int_equal(m->root->disk_used, 1);
	assert_int_equal(disk_check(m), 0);
	file_put(m, file);
	assert_int_equal(m->root->disk_used, 0);
	assert_int_equal(pool_live(m, SEG_INODE), 1);
}

static void test_placeholder(void **state)
{
	idx_t f = disk_placeholder(m, "/usr/lib//x/libc.so.6", 1900000);
	uint32_t inodes;

	assert_int_not_equal(f, 0);
	assert_int_equal(inode_at(m, f)->size, 1900000);
	assert_int_equal(m->root->disk_used, 0);
	assert_int_equal(disk_placeholder(m, "/usr/lib/x/libc.so.6", 10), f);
	assert_int_equal(inode_at(m, f)->size, 1900000);
	assert_int_equal(
		disk_placeholder(m, "/usr/lib/x/libc.so.6", 2000000), f);
	assert_int_equal(inode_at(m, f)->size, 2000000);
	/* The hole in which the file ended has a page that nobody read. */
	assert_int_equal(inode_at(m, f)->nr_cached, 1);
	cache_drop(m, inode_at(m, f), 0, UINT64_MAX);
	inodes = pool_live(m, SEG_INODE);
	assert_int_equal(disk_placeholder(m, "/new/dir/", 1), 0);
	assert_int_equal(m->fail.err, EISDIR);
	assert_int_equal(pool_live(m, SEG_INODE), inodes);
	vm_fail_clear(m);
	assert_int_equal(disk_placeholder(m, "/n/m/l", 1ull << 63), 0);
	assert_int_equal(m->fail.err, EFBIG);
	vm_fail_clear(m);
	assert_int_equal(disk_placeholder(m, "/usr/lib", 1), 0);
	assert_int_equal(m->fail.err, EISDIR);
}

/* disk_check() finds what does not add up. */
static void test_check(void **state)
{
	idx_t f = disk_create(m, "/f", 0644, 0, 0);
	struct inode *n = inode_at(m, f);
	struct inode *root = inode_at(m, m->root->disk_root);
	const struct {
		uint32_t *word;
		uint32_t bad;
		const char *sentence;
	} row[] = {
		{&root->nr_children, 7, "7 entries counted, 1 found"},
		{&n->name_hash, 1, "hash of the name is wrong"},
		{&n->refs, 2, "2 references, 0 open files"},
		{&n->linked, 0, "siblings are broken"},
		{&n->parent, f, "links to parent"},
		{&n->sibling, 9999, "an entry 9999 too far"},
		{&n->cache, 9999, "refers to what does not exist"},
		{(uint32_t *)&n->nr_blocks, 3, "3 blocks counted"},
		{(uint32_t *)&n->size, 0, "beyond the end of the file"},
		{(uint32_t *)&m->root->disk_used, 5, "5 counted"},
		{&m->root->block_next, 9, "8 handed out"},
	};

	disk_write(m, f, 0, "x", 1);
	for (size_t i = 0; i < COUNT(row); i++) {
		uint32_t good = *row[i].word;

		*row[i].word = row[i].bad;
		vm_fail_clear(m);
		assert_int_equal(disk_check(m), -EIO);
		assert_sentence(vm_sentence(m), row[i].sentence);
		*row[i].word = good;
		vm_fail_clear(m);
		assert_int_equal(disk_check(m), 0);
	}
}

/* Random writes and truncations against a plain buffer. */
#define BIG (64u * DISK_BLOCK)

static void test_random_contents(void **state)
{
	static uint8_t want[BIG], have[BIG], data[BIG];
	idx_t f = disk_create(m, "/f", 0644, 0, 0);
	uint64_t seed = 12345, size = 0;

	for (unsigned i = 0; i < 3000; i++) {
		uint64_t r = vmtest_random(&seed);
		uint64_t off = r % BIG, len = (r >> 20) % (BIG - off) + 1;

		if (r >> 62) {
			len = len % 9000 + 1 < BIG - off ? len % 9000 + 1 : 1;
			memset(data, (int)(r >> 40) & 3, len);
			disk_write(m, f, off, data, len);
			memcpy(want + off, data, len);
			size = off + len > size ? off + len : size;
		} else {
			disk_truncate(m, f, off);
			if (off < size)
				memset(want + off, 0, size - off);
			size = off;
		}
		if (i % 50)
			continue;
		assert_int_equal(disk_read(m, f, 0, have, BIG), size);
		assert_memory_equal(have, want, size);
		assert_int_equal(disk_check(m), 0);
	}
	assert_int_equal(disk_unlink(m, "/f"), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_names),
		TEST(test_remove),
		TEST(test_links),
		TEST(test_rename),
		TEST(test_path_of_inode),
		TEST(test_write_read),
		TEST(test_sparse),
		TEST(test_refusals),
		TEST(test_full_disk),
		TEST(test_open_after_unlink),
		TEST(test_placeholder),
		TEST(test_check),
		TEST(test_random_contents),
	};

	memset(long_name, 'n', sizeof(long_name) - 1);
	memset(long_path, 'p', sizeof(long_path) - 1);
	for (size_t i = 0; i < sizeof(long_path) - 1; i += 100)
		long_path[i] = '/';
	return cmocka_run_group_tests(tests, NULL, NULL);
}
