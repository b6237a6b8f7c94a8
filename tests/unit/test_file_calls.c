/*
 * System calls on files as lines of a process: what Linux 6.18 answered to the
 * same numbers, on ext4 and of memfd; and files that swapon makes.
 */
#include "../../vm/cmd/command.h"
#include "../../vm/disk/disk.h"
#include "../../vm/task/task.h"
#include "vmtest.h"

static struct vm *m;

static int begin(void **state)
{
	const char *const set[] = {"ram", "64M", "disk", "64M", NULL};

	m = vmtest_boot_with(set);
	return 0;
}

static int end(void **state)
{
	assert_int_equal(vm_check(m), 0);
	vm_destroy(m);
	return 0;
}

/* The reply of a line of process pid, 0 the machine: the first word. */
static const char *says(uint32_t pid, const char *line)
{
	static char buf[SENTENCE_MAX + 32];
	struct event e = {.text = line, .text_len = strlen(line)};
	struct vm_outcome out;
	char *end;

	e.actor.kind = pid ? ACTOR_PROCESS : ACTOR_MACHINE;
	e.actor.id = pid;
	vm_apply(m, &e, NULL, NULL, &out);
	assert_false(out.refused);
	vm_reply_format(&out.last, buf, sizeof(buf));
	end = strpbrk(buf, " \n");
	if (end)
		*end = '\0';
	return buf;
}

struct row {
	const char *line, *reply;
};

static void lines_say(const struct row *row, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		const char *got = says(1, row[i].line);

		if (strcmp(got, row[i].reply))
			fail_msg("%s: %s, not %s", row[i].line, got,
				row[i].reply);
	}
}

static void test_positions(void **state)
{
	static const struct row row[] = {
		{"open /f rdwr,creat", "0"},
		{"pwrite 0 x len=8K", "8192"},
		{"lseek 0 0 7", "-EINVAL"},
		{"lseek 0 0 5", "-EINVAL"},
		{"lseek 9 0 5", "-EBADF"},
		{"lseek 0 17592186040320", "17592186040320"},
		{"lseek 0 17592186040321", "-EINVAL"},
		{"lseek 0 9223372036854775807", "-EINVAL"},
		{"lseek 0 9223372036854775808", "-EINVAL"},
		{"lseek 0 17592186032128 end", "17592186040320"},
		{"lseek 0 17592186032129 end", "-EINVAL"},
		{"lseek 0 -8193 end", "-EINVAL"},
		{"lseek 0 4K", "4096"},
		{"lseek 0 9223372036854775807 cur", "-EINVAL"},
		{"lseek 0 -4097 cur", "-EINVAL"},
		{"lseek 0 -1 data", "-ENXIO"},
		{"lseek 0 -1 4", "-ENXIO"},
		{"lseek 0 0 cur", "4096"},
		{"memfd object", "1"},
		{"lseek 1 9223372036854775807", "9223372036854775807"},
		{"lseek 1 9223372036854775808", "-EINVAL"},
	};

	lines_say(row, COUNT(row));
}

static void test_lengths(void **state)
{
	static const struct row row[] = {
		{"open /f rdwr,creat", "0"},
		{"ftruncate 0 -1", "-EINVAL"},
		{"ftruncate 99 -1", "-EINVAL"},
		{"ftruncate 0 9223372036854775808", "-EINVAL"},
		{"ftruncate 0 9223372036854775807", "-EFBIG"},
		{"ftruncate 0 17592186040321", "-EFBIG"},
		{"ftruncate 0 17592186040320", "0"},
		{"ftruncate 0 8K", "0"},
		{"pread 0 1 9223372036854775808", "-EINVAL"},
		{"pread 99 1 9223372036854775808", "-EINVAL"},
		{"pread 0 1 9223372036854775807", "-EINVAL"},
		{"pread 0 1 9223372036854775806", "hex:"},
		{"pwrite 0 x 9223372036854775808", "-EINVAL"},
		{"pwrite 99 x 9223372036854775808", "-EINVAL"},
		{"pwrite 0 x 9223372036854775806", "-EFBIG"},
		{"pwrite 0 x 17592186040320", "-EFBIG"},
		{"pwrite 0 x 17592186040319", "1"},
		{"memfd object 9223372036854775807", "1"},
		{"memfd other 9223372036854775808", "-EINVAL"},
		{"shm other 9223372036854775808", "-EINVAL"},
	};

	lines_say(row, COUNT(row));
}

static void test_advice(void **state)
{
	static const struct row row[] = {
		{"open /f rdwr,creat", "0"},
		{"posix_fadvise 0 0 0 5", "0"},
		{"posix_fadvise 0 0 0 6", "-EINVAL"},
		{"posix_fadvise 0 0 0 99", "-EINVAL"},
		{"posix_fadvise 99 0 0 6", "-EBADF"},
		{"posix_fadvise 0 -1 0 normal", "0"},
		{"posix_fadvise 0 9223372036854775808 0 willneed", "0"},
		{"posix_fadvise 0 9223372036854775807 9223372036854775807 4",
			"0"},
		{"posix_fadvise 0 0 -1 normal", "-EINVAL"},
		{"posix_fadvise 0 0 9223372036854775808 normal", "-EINVAL"},
		{"readahead 0 -1 0", "0"},
		{"readahead 0 9223372036854775808 0", "0"},
		{"readahead 0 5 9223372036854775807", "0"},
		{"readahead 0 0 -1", "-EINVAL"},
		{"memfd object 64K", "1"},
		{"posix_fadvise 1 0 0 6", "-EINVAL"},
		{"readahead 1 0 4K", "0"},
		{"readahead 1 0 -1", "-EINVAL"},
		{"open /", "2"},
		{"readahead 2 0 1", "-EINVAL"},
		{"posix_fadvise 2 0 0 9", "-EINVAL"},
	};

	lines_say(row, COUNT(row));
}

/* Bytes below 0 count as of the first page when they are rounded up. */
static void test_drop_from_below(void **state)
{
	static const struct {
		const char *line;
		unsigned left;
	} row[] = {
		{"posix_fadvise 0 -4096 0 dontneed", 16},
		{"posix_fadvise 0 9223372036854775808 0 dontneed", 16},
		{"posix_fadvise 0 9223372036854775807 0 dontneed", 16},
		{"posix_fadvise 0 -1 0 dontneed", 0},
		{"posix_fadvise 0 -4095 8192 dontneed", 0},
		{"posix_fadvise 0 -100 50 dontneed", 0},
		{"posix_fadvise 0 -1 0 willneed", 0},
	};
	idx_t f;

	says(1, "open /f rdwr,creat");
	says(1, "pwrite 0 x len=64K");
	says(1, "fsync 0");
	f = disk_lookup(m, "/f", true);
	for (size_t i = 0; i < COUNT(row); i++) {
		assert_string_equal(says(1, row[i].line), "0");
		assert_int_equal(inode_at(m, f)->nr_cached, row[i].left);
		if (i + 2 < COUNT(row))
			says(1, "pread 0 64K 0 to=stack-64K");
	}
	/* what is dirty stays: nothing below 0 is written */
	says(1, "pwrite 0 x len=4K");
	says(1, "posix_fadvise 0 -1 0 dontneed");
	assert_int_equal(inode_at(m, f)->nr_cached, 1);
}

static void test_open_flags(void **state)
{
	static const struct row row[] = {
		{"open /f rdwr,creat mode=99999", "0"},
		{"pwrite 0 x", "1"},
		/* rdonly is 0 */
		{"open /f rdonly,wronly", "1"},
		{"pwrite 1 x", "1"},
		{"pread 1 1", "-EBADF"},
		/* 3 asks for both rights and gives neither */
		{"open /f wronly,rdwr", "2"},
		{"pread 2 1", "-EBADF"},
		{"pwrite 2 x", "-EBADF"},
		{"lseek 2 0", "0"},
		{"open /f 3", "3"},
		{"open /f 02001", "4"},
		{"pwrite 4 yy", "2"},
		{"lseek 4 0 cur", "3"},
		{"open /f 0302", "-EEXIST"},
		{"open /f 010000001", "-EINVAL"},
		{"open /f 01003", "5"},
		{"lseek 0 0 end", "0"},
	};
	idx_t f;

	lines_say(row, COUNT(row));
	f = disk_lookup(m, "/f", true);
	assert_int_equal(inode_at(m, f)->mode, 99999 & 07777);
	/* one may read and not write: access mode 3 is refused */
	inode_at(m, f)->mode = 0444;
	says(0, "spawn uid=1000");
	assert_string_equal(says(2, "open /f"), "0");
	assert_string_equal(says(2, "open /f 3"), "-EACCES");
}

/* A refused swapon leaves no file behind, and one that was there as it was. */
static void test_refused_swapon(void **state)
{
	static const struct row row[] = {
		{"swapon /new size=4K", "-EINVAL"},
		{"swapon /new size=200M", "-ENOSPC"},
		{"swapon /new size=1M prio=99999", "-EINVAL"},
		{"swapon /new size=9223372036854775808", "-EFBIG"},
		{"swapon /new size=15T", "-ENOSPC"},
		{"swapon /new", "-ENOENT"},
		{"swapon / size=1M", "-EINVAL"},
		{"swapon /f size=200M", "-ENOSPC"},
		{"swapon /f size=4K", "-EINVAL"},
		{"swapon /f size=1M prio=99999", "-EINVAL"},
		{"mkswap /f size=200M", "-ENOSPC"},
	};
	const struct inode *f;
	uint64_t used;
	char text[4] = "";

	says(1, "open /f rdwr,creat");
	says(1, "pwrite 0 abc");
	says(0, "sync");
	f = inode_at(m, disk_lookup(m, "/f", true));
	used = m->root->disk_used;
	for (size_t i = 0; i < COUNT(row); i++) {
		const char *got = says(0, row[i].line);

		if (strcmp(got, row[i].reply))
			fail_msg("%s: %s, not %s", row[i].line, got,
				row[i].reply);
		vm_fail_clear(m);
		assert_int_equal(disk_lookup(m, "/new", true), 0);
		assert_int_equal(f->size, 3);
		assert_int_equal(m->root->disk_used, used);
	}
	assert_int_equal(
		disk_read(m, disk_lookup(m, "/f", true), 0, text, 4), 3);
	assert_string_equal(text, "abc");
	says(0, "swapon /new size=9223372036854775808");
	assert_sentence(vm_sentence(m), "at most 4294967295 pages");
	assert_string_equal(says(0, "swapon /new size=1M prio=7"), "0");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_positions),
		TEST(test_lengths),
		TEST(test_advice),
		TEST(test_drop_from_below),
		TEST(test_open_flags),
		TEST(test_refused_swapon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
