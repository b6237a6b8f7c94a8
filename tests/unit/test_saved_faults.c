/*
 * Allocations that fail, one after the other, while a state is saved and
 * loaded: nothing is lost, and the same works afterwards.  And a process that
 * is killed while it saves.
 */
#include "store_util.h"

#include <errno.h>
#include <signal.h>

/* Allocations until one fails; 0 never.  SQLite's and zstd's count as well. */
static unsigned fuse_length;
static bool failed;

#ifndef __SANITIZE_ADDRESS__ /* which has these itself */
static bool burns(void)
{
	if (!fuse_length || --fuse_length)
		return false;
	failed = true;
	errno = ENOMEM;
	return true;
}

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

void *malloc(size_t n)
{
	return burns() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return burns() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	return burns() ? NULL : __libc_realloc(p, n);
}
#endif

static void test_no_memory_to_save(void **state)
{
	struct store *s = open_small();
	struct store_options o = small_machine();
	char h1[33], h2[33];
	unsigned failures = 0;

	populate(s);
	for (unsigned n = 1; n < 5000; n++) {
		int rc;

		assert_int_equal(proc(s, 2, "write a \"x\"\ntouch a 1M w"), 0);
		hash_of(s, h1);
		failed = false;
		fuse_length = n;
		rc = store_snapshot(s);
		fuse_length = 0;
		store_live_hash(s, h2);
		assert_string_equal(h1, h2);
		if (!failed) {
			assert_int_equal(rc, 0);
			break;
		}
		if (rc)
			assert_int_equal(rc, -ENOMEM);
		failures += !!rc;
	}
#ifndef __SANITIZE_ADDRESS__
	assert_true(failures > 10);
#endif
	store_close(s);
	s = open_small();
	hash_of(s, h2);
	assert_string_equal(h1, h2);
	store_close(s);
	assert_int_equal(store_check(db_path, &o, store_err), 0);
}

static void test_no_memory_to_load(void **state)
{
	struct store_options o = small_machine();
	struct store *s = open_small();
	char h1[33], h2[33];

	populate(s);
	assert_int_equal(store_snapshot(s), 0);
	assert_int_equal(proc(s, 2, "write a \"x\""), 0);
	hash_of(s, h1);
	store_close(s);
	o.no_snapshot_at_close = true;
	for (unsigned n = 1; n < 20000; n++) {
		int rc;

		failed = false;
		fuse_length = n;
		rc = store_open(db_path, &o, &s, store_err);
		fuse_length = 0;
		if (rc) {
			assert_true(failed);
			assert_int_equal(rc, -ENOMEM);
			continue;
		}
		hash_of(s, h2);
		assert_string_equal(h1, h2);
		store_close(s);
		if (!failed)
			break;
	}
	assert_int_equal(store_check(db_path, &o, store_err), 0);
}

/* ---- killed ------------------------------------------------------------- */

static int work_for_ever(const char *path)
{
	struct store_options o = small_machine();
	struct store *s;
	char line[64];

	strcpy(db_path, path);
	if (store_open(db_path, &o, &s, store_err))
		return 1;
	alarm(20);
	ctl(s, "spawn");
	for (unsigned i = 0;; i++) {
		snprintf(line, sizeof(line),
			"mmap 256K rw as=k%u\ntouch k%u "
			"256K w\nwrite k%u \"%u\"",
			i % 7, i % 7, i % 7, i);
		if (proc(s, 1, line) || store_snapshot(s))
			return 1;
		if (write(STDOUT_FILENO, ".", 1) != 1)
			return 1;
	}
}

static void test_killed(void **state)
{
	struct store_options o = small_machine();
	unsigned seed = 5;

	for (int round = 0; round < 8; round++) {
		char dots[64], h1[33], h2[33];
		struct store *s;
		int fd[2], status;
		pid_t pid;

		assert_int_equal(pipe(fd), 0);
		pid = fork();
		if (!pid) {
			dup2(fd[1], STDOUT_FILENO);
			execl("/proc/self/exe", "work", db_path, (char *)NULL);
			_exit(98);
		}
		close(fd[1]);
		assert_true(read(fd[0], dots, 1) == 1);
		usleep((unsigned)rand_r(&seed) % 60000);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		assert_true(WIFSIGNALED(status));
		close(fd[0]);
		s = open_small();
		hash_of(s, h1);
		assert_sound(s);
		store_close(s);
		hash_of_replay(h2);
		assert_string_equal(h1, h2);
		notices_clear();
		if (store_check(db_path, &o, store_err) != 0)
			fail_msg("%s %s", store_err, notices);
	}
}

#define T(name) \
	cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(test_no_memory_to_save),
		T(test_no_memory_to_load),
		T(test_killed),
	};

	if (argc == 2)
		return work_for_ever(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
