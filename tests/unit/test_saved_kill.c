/* A process that is killed while it saves states: nothing is lost. */
#include "store_util.h"

#include <signal.h>

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
	unsigned seed = 5;

	for (int round = 0; round < 8; round++) {
		char dots[64], h1[33];
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
		assert_replays_to(h1);
	}
}

#define T(name) \
	cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(test_killed),
	};

	if (argc == 2)
		return work_for_ever(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
