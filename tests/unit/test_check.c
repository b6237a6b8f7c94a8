/* Snapshots and --check: damage in every table is found, and never served. */
#include "store_util.h"

#include <fcntl.h>

static int check(void)
{
	struct store_options o = {.notice = note};

	notices_clear();
	return store_check(db_path, &o, store_err);
}

/* A machine with a snapshot in the middle and one at the end. */
static void make(char hash[33])
{
	struct store *s = open_small();

	populate(s);
	assert_int_equal(store_snapshot(s), 0);
	assert_int_equal(ctl(s, "spawn"), 0);
	assert_int_equal(proc(s, 3, "mmap 256K rw as=b"), 0);
	assert_int_equal(proc(s, 3, "write b \"more\""), 0);
	hash_of(s, hash);
	store_close(s);
}

static void test_sound(void **state)
{
	char hash[33];

	make(hash);
	assert_int_equal(check(), 0);
	assert_non_null(
		strstr(notices, "8 lines replayed, 2 checkpoints equal"));
}

static const struct damage {
	const char *sql;
	const char *found; /* in what --check says */
	int open;	   /* what a mount then gives */
} damages[] = {
	{"UPDATE machine SET value = '48M' WHERE key = 'ram'", "checksum",
		-EUCLEAN},
	{"DELETE FROM machine WHERE key = 'config_sum'", "checksum", -EUCLEAN},
	{"UPDATE journal SET command = 'mmap 2M rw as=a' WHERE seq = 2",
		"row 2 fails its checksum", 0},
	{"UPDATE journal SET uid = 0 WHERE seq = 8", "row 8 fails", 0},
	{"UPDATE journal SET time = time + 1 WHERE seq = 3", "row 3 fails", 0},
	{"UPDATE journal SET actor = 'proc/x' WHERE seq = 3", "actor", 0},
	{"DELETE FROM journal WHERE seq = 7", "after line 6", 0},
	{"UPDATE result SET reply = '1' WHERE seq = 3", "row 3 (write a", 0},
	{"UPDATE result SET log_off = log_off + 1 WHERE seq = 7", "row 7", 0},
	{"UPDATE result SET lines = 3 WHERE seq = 4", "row 4 (touch a", 0},
	{"INSERT INTO result VALUES (99, 1, 0, 'x', 0)", "line 99", -EUCLEAN},
	{"UPDATE result SET sum = sum + 1 WHERE seq = 2",
		"with a wrong checksum", 0},
	{"UPDATE checkpoint SET hash = replace(hash, substr(hash, 1, 1), 'x')",
		"hash of the state is wrong", 0},
	{"UPDATE checkpoint SET seq = 4 WHERE seq = 5", "after line 4 (row 4",
		0},
	{"UPDATE checkpoint SET sizes = replace(sizes, 'ram', 'rum')",
		"checkpoint", 0},
	{"UPDATE checkpoint SET sizes = replace(sizes, char(10) || 'frame ', "
	 "'0' || char(10) || 'frame ')",
		"checkpoint", 0},
	{"UPDATE checkpoint SET layers = replace(layers, ']', ',77]')",
		"layer 77 is missing", 0},
	{"UPDATE checkpoint SET seq = seq - 1",
		"segment \"root\" differs in the page at 0x0", 0},
	{"UPDATE checkpoint SET layers = '[]'", "list of its layers", 0},
	{"UPDATE pack SET data = substr(data, 1, 20)", "fails its checksum", 0},
	{"UPDATE pack SET pages = substr(pages, 9)", "fails its checksum", 0},
	{"UPDATE pack SET id = id + 99 * 1048576", "fails its checksum", 0},
	{"DELETE FROM pack", "is missing", 0},
};

/* What --check must find; and a mount serves the right state or none. */
static void test_damages(void **state)
{
	struct store_options o = small_machine();
	char want[33], got[33];

	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		const struct damage *d = &damages[i];
		struct store *s;
		int rc;

		unlink(db_path);
		make(want);
		assert_int_equal(sql(d->sql), SQLITE_OK);
		rc = check();
		if (rc != 1 || !strstr(notices, d->found))
			print_error("%s:\n%d %s\n", d->sql, rc, notices);
		assert_int_equal(rc, 1);
		assert_non_null(strstr(notices, d->found));
		rc = store_open(db_path, &o, &s, store_err);
		assert_int_equal(rc, d->open);
		if (rc)
			continue;
		hash_of(s, got);
		assert_string_equal(got, want);
		assert_sound(s);
		store_close(s);
	}
}

/* A snapshot that is damaged is rebuilt, and the file is sound afterwards. */
static void test_rebuilt(void **state)
{
	static const char *const sqls[] = {
		"UPDATE pack SET data = substr(data, 1, 20)",
		"DELETE FROM pack",
		"UPDATE checkpoint SET layout = 999",
		"DELETE FROM result",
	};
	char want[33];

	for (size_t i = 0; i < sizeof(sqls) / sizeof(sqls[0]); i++) {
		unlink(db_path);
		make(want);
		assert_int_equal(sql(sqls[i]), SQLITE_OK);
		notices_clear();
		store_close(open_small());
		assert_non_null(strstr(notices, "rebuilding"));
		if (check() == 0)
			continue;
		print_error("%s: %s\n", sqls[i], notices);
		fail();
	}
}

/* A name stays when the layout changes; its state is built again. */
static void test_rebuilt_names(void **state)
{
	struct store *s = open_small();
	char h1[33], h2[33];
	struct store_view *v;

	populate(s);
	hash_of(s, h1);
	assert_int_equal(store_checkpoint(s, "one"), 0);
	assert_int_equal(ctl(s, "tick"), 0);
	assert_int_equal(store_checkpoint(s, "two"), 0);
	store_close(s);
	assert_int_equal(sql("UPDATE checkpoint SET layout = 999, "
			     "hash = 'of another layout'"),
		SQLITE_OK);
	notices_clear();
	s = open_small();
	assert_non_null(strstr(notices, "layout version 999"));
	assert_non_null(strstr(notices, "after line 5 was rebuilt"));
	assert_non_null(strstr(notices, "after line 6 was rebuilt"));
	notices_clear();
	assert_int_equal(store_view_open(s, "one", NULL, &v, store_err), 0);
	assert_string_equal(notices, "");
	store_state_hash(store_view_vm(v), h2);
	assert_string_equal(h1, h2);
	store_view_close(v);
	store_close(s);
	assert_int_equal(check(), 0);
	assert_int_equal(sql_int("SELECT count(*) FROM checkpoint WHERE "
				 "layout = 999"),
		0);
}

/* Damage that is met when a name is entered is mended at the next mount. */
static void test_damaged_name(void **state)
{
	struct store *s = open_small();
	char h1[33], h2[33];
	struct store_view *v;

	populate(s);
	hash_of(s, h1);
	assert_int_equal(store_checkpoint(s, "one"), 0);
	assert_int_equal(ctl(s, "tick"), 0);
	store_close(s);
	assert_int_equal(
		sql("UPDATE checkpoint SET hash = 'no' WHERE name = 'one'"),
		SQLITE_OK);
	assert_int_equal(check(), 1);
	s = open_small();
	for (int i = 0; i < 2; i++) {
		notices_clear();
		assert_int_equal(
			store_view_open(s, "one", NULL, &v, store_err), 0);
		assert_non_null(strstr(notices,
			i ? "it was damaged" : "hash of the state is wrong"));
		store_state_hash(store_view_vm(v), h2);
		assert_string_equal(h1, h2);
		store_view_close(v);
	}
	store_close(s);
	notices_clear();
	s = open_small();
	assert_non_null(strstr(notices, "after line 5 was rebuilt"));
	store_close(s);
	assert_int_equal(check(), 0);
}

/* Any bit of the file: a mount gives the right state or an error. */
static void test_bit_flips(void **state)
{
	struct store_options o = small_machine();
	char want[33], got[33];
	unsigned seed = 11, served = 0;
	size_t size;
	uint8_t byte;

	make(want);
	size = (size_t)sql_int("SELECT page_count * page_size FROM "
			       "pragma_page_count, pragma_page_size");
	o.read_only = true;
	for (int i = 0; i < 150; i++) {
		off_t at = (off_t)((unsigned)rand_r(&seed) % size);
		int fd = open(db_path, O_RDWR);
		uint8_t bit = (uint8_t)(1u << (unsigned)rand_r(&seed) % 8);
		struct store *s;

		assert_int_equal(pread(fd, &byte, 1, at), 1);
		byte ^= bit;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		close(fd);
		if (!store_open(db_path, &o, &s, store_err)) {
			hash_of(s, got);
			assert_string_equal(got, want);
			store_close(s);
			served++;
		}
		fd = open(db_path, O_RDWR);
		byte ^= bit;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		close(fd);
	}
	assert_in_range(served, 1, 150);
	assert_int_equal(check(), 0);
}

static void test_snapshots(void **state)
{
	struct store *s = open_small();
	int64_t before, after;
	char h1[33], h2[33];

	populate(s);
	assert_int_equal(store_snapshot(s), 0);
	store_idle(s);
	before = sql_int("SELECT sum(length(pages)) / 8 FROM pack");
	/* one command changes few pages */
	for (int i = 0; i < 6; i++) {
		assert_int_equal(proc(s, 2, "write a \"x\""), 0);
		assert_int_equal(store_snapshot(s), 0);
		assert_int_equal(store_snapshot(s), 0);
	}
	store_idle(s);
	after = sql_int("SELECT sum(length(pages)) / 8 FROM pack");
	assert_true(after - before < 36);
	assert_int_equal(sql_int("SELECT count(*) FROM checkpoint"), 7);
	hash_of(s, h1);
	store_close(s);
	s = open_small();
	hash_of(s, h2);
	assert_string_equal(h1, h2);
	/* and goes on as if it had never been away */
	assert_int_equal(proc(s, 2, "mmap 64K rw\nmunmap a 1M"), 0);
	assert_int_equal(ctl(s, "spawn"), 0);
	assert_sound(s);
	hash_of(s, h1);
	store_close(s);
	hash_of_replay(h2);
	assert_string_equal(h1, h2);
	assert_int_equal(check(), 0);
}

#define T(name) \
	cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(test_sound),
		T(test_snapshots),
		T(test_damages),
		T(test_rebuilt),
		T(test_rebuilt_names),
		T(test_damaged_name),
		T(test_bit_flips),
	};

	SQL_CHILD(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
