/* Opening: configurations, foreign and damaged files, one process at a time. */
#include "store_util.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

static int try_open(const struct store_options *o)
{
	struct store *s = NULL;
	int rc = store_open(db_path, o, &s, store_err);

	if (!rc)
		store_close(s);
	else
		assert_null(s);
	return rc;
}

static void test_configuration(void **state)
{
	static const char *const keys[] = {"ram"};
	static const char *const other[] = {"64M"};
	static const char *const same[] = {"32768K"};
	static const char *const bad[] = {"many"};
	struct store_options o = small_machine();
	char value[64];
	struct store *s;

	o.nr_keys = 1;
	o.keys = keys;
	o.values = bad;
	assert_int_equal(try_open(&o), -EINVAL);
	assert_non_null(strstr(store_err, "many"));
	assert_int_equal(access(db_path, F_OK), -1);
	store_close(open_small());
	o.values = other;
	assert_int_equal(try_open(&o), -EINVAL);
	assert_non_null(strstr(store_err, "ram=32M; ram=64M contradicts it"));
	o.values = same;
	assert_int_equal(try_open(&o), 0);
	o.nr_keys = 0;
	s = open_with(&o);
	vm_config_get(&store_vm(s)->root->config, "ram", value, sizeof(value));
	assert_string_equal(value, "32M");
	store_close(s);
	assert_int_equal(sql("UPDATE machine SET value = '48M' WHERE key = "
			     "'ram'"),
		SQLITE_OK);
	assert_int_equal(try_open(&o), -EUCLEAN);
	assert_non_null(strstr(store_err, "checksum"));
}

static char *slurp(size_t *len)
{
	FILE *f = fopen(db_path, "rb");
	char *buf = malloc(1 << 20);

	assert_non_null(f);
	*len = fread(buf, 1, 1 << 20, f);
	fclose(f);
	return buf;
}

static void put_file(const void *data, size_t len)
{
	FILE *f = fopen(db_path, "wb");

	assert_non_null(f);
	fwrite(data, 1, len, f);
	fclose(f);
}

static void refused_untouched(int err, const char *word)
{
	struct store_options o = small_machine();
	size_t len, len2;
	char *before = slurp(&len), *after;

	for (int ro = 0; ro < 2; ro++) {
		o.read_only = ro;
		assert_int_equal(try_open(&o), err);
		assert_non_null(strstr(store_err, word));
		assert_non_null(strstr(store_err, db_path));
	}
	after = slurp(&len2);
	assert_int_equal(len, len2);
	assert_memory_equal(before, after, len);
	free(before);
	free(after);
}

static void test_foreign(void **state)
{
	size_t len;
	char *buf;

	put_file("hello", 5);
	refused_untouched(-EINVAL, "no database of pagefs");
	memset(notices, 'x', sizeof(notices) - 1);
	put_file(notices, sizeof(notices) - 1);
	notices_clear();
	refused_untouched(-EINVAL, "no database of pagefs");
	unlink(db_path);
	sql("CREATE TABLE a (b); INSERT INTO a VALUES (1)");
	refused_untouched(-EINVAL, "another program");
	unlink(db_path);
	store_close(open_small());
	buf = slurp(&len);
	put_file(buf, len / 2);
	refused_untouched(-EUCLEAN, "cut short");
	put_file(buf, 60);
	refused_untouched(-EINVAL, "no database");
	buf[63] = 99; /* user_version */
	put_file(buf, len);
	refused_untouched(-EINVAL, "journal format 99");
	free(buf);
}

static void test_places(void **state)
{
	struct store_options o = small_machine();
	char dir[96];

	strcpy(dir, db_path);
	mkdir(dir, 0700);
	assert_int_equal(try_open(&o), -EISDIR);
	assert_non_null(strstr(store_err, "is a directory"));
	o.read_only = true;
	assert_int_equal(try_open(&o), -EISDIR);
	rmdir(dir);
	assert_int_equal(try_open(&o), -ENOENT);
	o.read_only = false;
	snprintf(db_path, sizeof(db_path), "%s/no/m.db", scratch);
	assert_int_equal(try_open(&o), -ENOENT);
	assert_non_null(strstr(store_err, "there is no directory"));
	strcpy(db_path, "/dev/null");
	assert_int_equal(try_open(&o), -EINVAL);
	assert_non_null(strstr(store_err, "not a regular file"));
}

static void test_empty_file_is_new(void **state)
{
	put_file("", 0);
	store_close(open_small());
}

static void test_one_at_a_time(void **state)
{
	struct store_options o = small_machine();
	struct store *s = open_small(), *reader;
	char want[64], c, h1[33], h2[33];
	int ready[2], rc;
	pid_t pid;

	/* in this process */
	assert_int_equal(try_open(&o), -EBUSY);
	snprintf(want, sizeof(want), "in use by process %d", getpid());
	assert_non_null(strstr(store_err, want));
	/* a reader shares it, and slows the writer only */
	populate(s);
	store_idle(s);
	o.read_only = true;
	reader = open_with(&o);
	hash_of(s, h1);
	hash_of(reader, h2);
	assert_string_equal(h1, h2);
	assert_int_equal(ctl(reader, "spawn"), -EROFS);
	assert_int_equal(ctl(s, "spawn"), 0);
	assert_int_equal(ctl(s, "spawn"), 0);
	store_close(reader);
	store_idle(s);
	assert_int_equal(sql_int("SELECT count(*) FROM event"), 6);
	store_close(s);
	/* in another */
	o.read_only = false;
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		s = open_small();
		ctl(s, "spawn");
		rc = (int)write(ready[1], "x", 1);
		alarm(5); /* not to outlive a failed test */
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(try_open(&o), -EBUSY);
	snprintf(want, sizeof(want), "in use by process %d (test_store)", pid);
	assert_non_null(strstr(store_err, want));
	kill(pid, SIGKILL);
	waitpid(pid, &rc, 0);
	s = open_small();
	assert_int_equal(store_vm(s)->root->seq, 8);
	store_close(s);
}

/* A shell that sits in a read transaction does not stop the machine, and
 * others can still come to read. */
/* A shell that sits in a read transaction does not stop the machine, and
 * others can still come to read. */
static void test_reader_in_the_way(void **state)
{
	struct store *s = open_small();
	int64_t n;
	pid_t pid;
	int rc;

	pid = sql_start("BEGIN; SELECT count(*) FROM journal", true, &n);
	assert_true(n >= 0);
	populate(s);
	assert_int_equal(s->burst, BURST_SHARED);
	store_idle(s);
	assert_int_equal(sql_int("SELECT count(*) FROM event"), 4);
	assert_int_equal(ctl(s, "spawn"), 0);
	kill(pid, SIGKILL);
	waitpid(pid, &rc, 0);
	store_idle(s);
	assert_int_equal(sql_int("SELECT count(*) FROM event"), 5);
	assert_int_equal(ctl(s, "spawn"), 0);
	assert_int_equal(s->burst, BURST_EXCLUSIVE);
	assert_int_equal(sql("SELECT 1 FROM event"), SQLITE_BUSY);
	/* a reader comes between looking and locking */
	store_idle(s);
	store_lock(s);
	burst_enter(s);
	store_unlock(s);
	pid = sql_start("BEGIN; SELECT count(*) FROM journal", true, &n);
	assert_true(n >= 0);
	assert_int_equal(ctl(s, "spawn"), 0);
	assert_true(s->readers_shut_out);
	kill(pid, SIGKILL);
	waitpid(pid, &rc, 0);
	store_idle(s);
	assert_false(s->readers_shut_out);
	assert_int_equal(sql_int("SELECT count(*) FROM event"), 7);
	assert_int_equal(sql("DELETE FROM result"), SQLITE_BUSY);
	store_close(s);
}

static void test_sync_and_power(void **state)
{
	struct store_options o = small_machine();
	struct store *s;

	o.power = true;
	s = open_with(&o);
	populate(s);
	assert_int_equal(store_sync(s), 0);
	store_idle(s);
	assert_int_equal(store_sync(s), 0);
	store_close(s);
	o.read_only = true;
	s = open_with(&o);
	assert_int_equal(store_vm(s)->root->seq, 5);
	assert_int_equal(store_snapshot(s), -EROFS);
	assert_int_equal(store_sync(s), 0);
	store_close(s);
}

/* While it is opened and closed, a store is used without its lock: what commits
 * would leave to its thread is done at once. */
static void test_no_thread_without_the_lock(void **state)
{
	struct store *s = open_small();

	populate(s);
	assert_false(s->back.running);
	s->shared = false;
	s->back.copied = -1000000; /* as after many frames */
	assert_int_equal(snapshot_take(s), 0);
	assert_false(s->back.running);
	assert_in_range(s->wal_frames - s->back.copied, 0, 100000);
	s->shared = true;
	assert_sound(s);
	store_close(s);
}

#define T(name) \
	cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(test_configuration),
		T(test_foreign),
		T(test_places),
		T(test_empty_file_is_new),
		T(test_one_at_a_time),
		T(test_reader_in_the_way),
		T(test_sync_and_power),
		T(test_no_thread_without_the_lock),
	};

	SQL_CHILD(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
