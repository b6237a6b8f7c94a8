/*
 * Disk full and I/O errors at every write: the command fails with an errno
 * and a sentence, the machine stays as it was, reads go on, and the same
 * command works when the fault is gone.  A SQLite VFS fails the n-th write.
 */
#include "store_util.h"

#include <sys/mount.h>

static sqlite3_vfs *real, faulty;
/* of the database and of its WAL, which SQLite closes differently */
static sqlite3_io_methods methods[2];
static const sqlite3_io_methods *real_methods[2];
static int fuse_length; /* calls until the first failure; -1 never */
static int fault_code;
static unsigned faults;

static int burns(void)
{
	if (fuse_length < 0)
		return 0;
	if (fuse_length > 0) {
		fuse_length--;
		return 0;
	}
	faults++;
	return fault_code;
}

static const sqlite3_io_methods *real_of(sqlite3_file *f)
{
	return real_methods[f->pMethods == &methods[1]];
}

static int f_write(sqlite3_file *f, const void *data, int n, sqlite3_int64 off)
{
	int rc = burns();

	return rc ? rc : real_of(f)->xWrite(f, data, n, off);
}

static int f_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	int rc = burns();

	return rc ? rc : real_of(f)->xTruncate(f, size);
}

static int f_sync(sqlite3_file *f, int flags)
{
	int rc = burns();

	return rc ? SQLITE_IOERR_FSYNC : real_of(f)->xSync(f, flags);
}

/* The file is the real one's, with some of its methods replaced. */
static int f_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f,
	int flags, int *out_flags)
{
	int rc = real->xOpen(real, name, f, flags, out_flags), wal;

	if (rc || !f->pMethods)
		return rc;
	if (!(flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)))
		return rc;
	wal = !!(flags & SQLITE_OPEN_WAL);
	real_methods[wal] = f->pMethods;
	methods[wal] = *f->pMethods;
	methods[wal].xWrite = f_write;
	methods[wal].xTruncate = f_truncate;
	methods[wal].xSync = f_sync;
	f->pMethods = &methods[wal];
	return rc;
}

static int setup_faults(void **state)
{
	fuse_length = -1;
	if (!real) {
		real = sqlite3_vfs_find(NULL);
		faulty = *real;
		faulty.zName = "faulty";
		faulty.xOpen = f_open;
		sqlite3_vfs_register(&faulty, 1);
	}
	return scratch_setup(state);
}

static int teardown_faults(void **state)
{
	fuse_length = -1;
	return scratch_teardown(state);
}

static void compare_to_replay(struct store *s)
{
	char h1[33], h2[33];

	hash_of(s, h1);
	store_close(s);
	hash_of_replay(h2);
	assert_string_equal(h1, h2);
}

/* Each command fails at its n-th write, for every n, then works. */
static void each_write_fails(int code, int err, const char *word)
{
	struct store *s = open_small();
	char h1[33], h2[33], buf[64];
	uint64_t seq;

	populate(s);
	fault_code = code;
	for (int n = 0;; n++) {
		int rc;

		hash_of(s, h1);
		seq = store_vm(s)->root->seq;
		faults = 0;
		fuse_length = n;
		rc = proc(s, 2, "mmap 64K rw as=x");
		fuse_length = -1;
		if (!faults) {
			assert_int_equal(rc, 0);
			assert_true(n > 0);
			break;
		}
		assert_int_equal(rc, err);
		assert_non_null(strstr(store_sentence(s), word));
		hash_of(s, h2);
		assert_string_equal(h1, h2);
		assert_int_equal(store_vm(s)->root->seq, seq);
		assert_true(store_log_read(s, 0, buf, sizeof(buf)) > 0);
		assert_int_equal(proc(s, 2, "munmap a+64K 4096"), 0);
	}
	compare_to_replay(s);
}

static void test_disk_full(void **state)
{
	each_write_fails(SQLITE_FULL, -ENOSPC, "is full");
}

static void test_io_error(void **state)
{
	each_write_fails(SQLITE_IOERR_WRITE, -EIO, "cannot journal");
}

/* Results, snapshots and quiet moments that fail lose nothing. */
static void test_background(void **state)
{
	struct store *s = open_small();
	struct store_options o = small_machine();
	char h1[33], h2[33];
	int failures = 0;

	populate(s);
	fault_code = SQLITE_FULL;
	for (int n = 0;; n++) {
		int rc;

		assert_int_equal(proc(s, 2, "write a \"x\""), 0);
		hash_of(s, h1);
		faults = 0;
		fuse_length = n;
		if (n % 3)
			store_idle(s);
		rc = store_snapshot(s);
		fuse_length = -1;
		hash_of(s, h2);
		assert_string_equal(h1, h2);
		if (!faults)
			break;
		if (rc) {
			assert_int_equal(rc, -ENOSPC);
			failures++;
		}
	}
	assert_true(failures > 0);
	store_close(s);
	hash_of_replay(h2);
	assert_string_equal(h1, h2);
	assert_int_equal(store_check(db_path, &o, store_err), 0);
}

/* What each command of history must leave, done or not done. */
static void history_fails(const char *line, uint64_t seq, const char *word)
{
	char h1[33], h2[33], h3[33], before[24];
	int refused = 0;

	fault_code = SQLITE_FULL;
	for (int n = 0;; n++) {
		struct store *s = open_small();

		populate(s);
		assert_int_equal(store_snapshot(s), 0);
		hash_of(s, h1);
		for (int i = 0; i < 4; i++)
			assert_int_equal(proc(s, 2, "write a+64K \"x\""), 0);
		hash_of(s, h2);
		faults = 0;
		fuse_length = n;
		assert_int_equal(ctl(s, line), 0);
		fuse_length = -1;
		hash_of(s, h3);
		if (!strncmp(replies, "-ENOSPC ", 8)) {
			if (!strstr(replies, word))
				fail_msg("%s", replies);
			refused++;
			assert_string_equal(h3, h2);
			assert_int_equal(store_seq(s), 9);
			/* and works when there is room */
			assert_int_equal(ctl(s, line), 0);
		}
		assert_true(*replies != '-');
		assert_int_equal(store_seq(s), seq);
		hash_of(s, h3);
		assert_string_equal(h3, seq == 9 ? h2 : h1);
		assert_int_equal(proc(s, 2, "write a \"y\""), 0);
		hash_of(s, h1);
		snprintf(before, sizeof(before), "%llu",
			(unsigned long long)store_seq(s));
		store_close(s);
		assert_clean();
		s = open_small();
		hash_of(s, h2);
		assert_string_equal(h1, h2);
		store_close(s);
		unlink(db_path);
		if (!faults)
			break;
	}
	assert_true(refused > 0);
}

static void test_history(void **state)
{
	history_fails("checkpoint c", 9, "is full");
	history_fails("restore 5", 5, "is full");
	history_fails("forget before=7", 9, "is full");
}

/* When it fails, some pages have moved, and no machine has changed. */
static void test_vacuum(void **state)
{
	struct store *s = open_small();
	char h1[33], h2[33];
	int refused = 0;

	populate(s);
	for (int i = 0; i < 600; i++)
		assert_int_equal(proc(s, 2, "write a+64K \"x\""), 0);
	assert_int_equal(ctl(s, "forget before=600"), 0);
	fault_code = SQLITE_FULL;
	hash_of(s, h1);
	for (int n = 0; n < 400; n++) {
		faults = 0;
		fuse_length = n;
		assert_int_equal(ctl(s, "vacuum"), 0);
		fuse_length = -1;
		refused += *replies == '-';
		hash_of(s, h2);
		assert_string_equal(h1, h2);
		if (!faults)
			break;
	}
	assert_true(refused > 0);
	assert_int_equal(faults, 0);
	assert_int_equal(proc(s, 2, "write a \"y\""), 0);
	store_close(s);
	assert_clean();
}

/* Creating a machine fails at its n-th write, for every n, then works. */
static void test_create(void **state)
{
	struct store_options o = small_machine();

	fault_code = SQLITE_FULL;
	for (int n = 0;; n++) {
		struct store *s = NULL;
		int rc;

		faults = 0;
		fuse_length = n;
		rc = store_open(db_path, &o, &s, store_err);
		fuse_length = -1;
		if (!rc) {
			assert_int_equal(ctl(s, "spawn"), 0);
			store_close(s);
			if (!faults)
				break;
			unlink(db_path);
			continue;
		}
		/* a sync that fails is an I/O error whatever the cause */
		assert_true(rc == -ENOSPC || rc == -EIO);
		assert_int_equal(access(db_path, F_OK), -1);
	}
}

/* The same on a file system that is really full, where we may mount one. */
static void test_small_tmpfs(void **state)
{
	char fill[4096] = {1}, path[128], h1[33], h2[33];
	struct store *s;
	int rc = 0;
	FILE *f;

	if (mount("none", scratch, "tmpfs", 0, "size=2m"))
		fail_msg("cannot mount a tmpfs");
	s = open_small();
	populate(s);
	snprintf(path, sizeof(path), "%s/fill", scratch);
	f = fopen(path, "w");
	assert_non_null(f);
	setbuf(f, NULL);
	while (fwrite(fill, sizeof(fill), 1, f) == 1)
		;
	fclose(f);
	for (int i = 0; i < 5000 && !rc; i++) {
		hash_of(s, h1);
		rc = proc(s, 2, "write a \"y\"");
	}
	assert_int_equal(rc, -ENOSPC);
	assert_non_null(strstr(store_sentence(s), "is full"));
	hash_of(s, h2);
	assert_string_equal(h1, h2);
	unlink(path);
	assert_int_equal(proc(s, 2, "write a \"y\""), 0);
	compare_to_replay(s);
	umount2(scratch, MNT_DETACH);
}

#define T(name) \
	cmocka_unit_test_setup_teardown(name, setup_faults, teardown_faults)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(test_disk_full),
		T(test_io_error),
		T(test_background),
		T(test_history),
		T(test_vacuum),
		T(test_create),
		T(test_small_tmpfs),
	};

	SQL_CHILD(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
