/* kill -9 while history is made, changed and cut: nothing acknowledged is
 * lost, and --check finds nothing. */
#include "store_util.h"

#include <signal.h>
#include <sys/mman.h>

#define NAMES 64

/* What the child has done, and what it is about to do. */
struct shared {
	uint64_t done; /* operations acknowledged */
	uint64_t seq;
	char hash[33];
	char doing[32]; /* the operation after these */
	uint64_t nr;	/* the number in the next checkpoint's name */
	char names[NAMES]
		  [33]; /* hash of checkpoint "cN", "" if there is none */
};

static struct shared *sh;

static void acknowledge(struct store *s)
{
	hash_of(s, sh->hash);
	sh->seq = store_seq(s);
	sh->doing[0] = 0;
	__atomic_fetch_add(&sh->done, 1, __ATOMIC_SEQ_CST);
}

static void do_line(struct store *s, uint32_t pid, const char *line)
{
	snprintf(sh->doing, sizeof(sh->doing), "%s", line);
	if (do_exec(s, pid ? ACTOR_PROCESS : ACTOR_MACHINE, pid, line, NULL) ||
		*replies == '-')
		_exit(1);
	acknowledge(s);
}

static void name_it(struct store *s)
{
	uint64_t nr = sh->nr % NAMES;
	char line[32];

	/* one that was not acknowledged may be there too */
	snprintf(sh->doing, sizeof(sh->doing), "remove");
	snprintf(line, sizeof(line), "c%d", (int)nr);
	sh->names[nr][0] = 0;
	store_checkpoint_remove(s, line);
	snprintf(line, sizeof(line), "checkpoint c%d", (int)nr);
	do_line(s, 0, line);
	strcpy(sh->names[nr], sh->hash);
	sh->nr++;
}

static void forget(struct store *s)
{
	char line[32];

	snprintf(sh->doing, sizeof(sh->doing), "remove");
	for (int i = 0; i < NAMES; i++) {
		snprintf(line, sizeof(line), "c%d", i);
		sh->names[i][0] = 0;
		store_checkpoint_remove(s, line);
	}
	snprintf(line, sizeof(line), "forget before=%llu",
		(unsigned long long)store_seq(s));
	do_line(s, 0, line);
}

static void work(unsigned seed)
{
	struct store *s = open_small();
	char line[32];

	alarm(20);
	if (!store_vm(s)->root->seq)
		do_line(s, 0, "spawn");
	if (store_vm(s)->root->seq < 2)
		do_line(s, 2, "mmap 1M rw as=a");
	for (;;) {
		/* not back to where there is no memory to write to */
		bool back = store_vm(s)->root->seq > 4 &&
			    store_vm(s)->root->seq >= s->course.v[0].line;
		unsigned n = (unsigned)rand_r(&seed) % 100;

		snprintf(line, sizeof(line), "write a+%u \"x%u\"",
			(unsigned)rand_r(&seed) % 1000000, n);
		if (n < 60)
			do_line(s, 2, line);
		else if (n < 75)
			name_it(s);
		else if (n < 90 && back)
			do_line(s, 0, "restore -1");
		else if (n < 93 && n >= 90)
			forget(s);
		else if (n < 95 && n >= 90)
			do_line(s, 0, "vacuum");
		else
			store_idle(s);
	}
}

static void names_are_there(struct store *s)
{
	char name[16], hash[33];
	struct store_view *v;

	for (int i = 0; i < NAMES; i++) {
		if (!sh->names[i][0])
			continue;
		snprintf(name, sizeof(name), "c%d", i);
		if (store_view_open(s, name, NULL, &v, store_err))
			fail_msg("%s: %s", name, store_err);
		store_state_hash(store_view_vm(v), hash);
		assert_string_equal(hash, sh->names[i]);
		store_view_close(v);
	}
}

static void compare(struct store *s)
{
	uint64_t seq = store_seq(s);
	char hash[33];

	hash_of(s, hash);
	if (!strcmp(hash, sh->hash)) {
		/* or the kill came between its hash and its seq */
		assert_true(seq == sh->seq || *sh->doing);
		return;
	}
	/* the operation in progress has happened, whole */
	assert_true(*sh->doing);
	if (strncmp(sh->doing, "restore", 7))
		assert_true(seq > sh->seq && !strncmp(sh->doing, "write", 5));
}

static int rounds(void)
{
	const char *n = getenv("PAGEFS_KILL_ROUNDS");

	return n ? atoi(n) : 25;
}

static void test_kill_9(void **state)
{
	struct store_options o = small_machine();
	unsigned seed = 5;

	o.no_snapshot_at_close = true;
	store_close(open_small());
	for (int round = 0; round < rounds(); round++) {
		pid_t pid = fork();
		struct store *s;
		int status;

		if (!pid)
			work(seed + (unsigned)round);
		usleep(20000 + (unsigned)rand_r(&seed) % 60000);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		if (WIFEXITED(status))
			fail_msg("round %d: exit %d after %s", round,
				WEXITSTATUS(status), sh->doing);
		s = open_with(&o);
		assert_sound(s);
		if (sh->done)
			compare(s);
		names_are_there(s);
		/* the next child goes on from here */
		hash_of(s, sh->hash);
		sh->seq = store_seq(s);
		store_close(s);
		if (round % 5 != 4)
			continue;
		notices_clear();
		status = store_check(db_path, &o, store_err);
		if (status)
			fail_msg("round %d: %d %s %s", round, status, store_err,
				notices);
	}
	assert_true(sh->done > 50);
}

#define T(name) \
	cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(test_kill_9),
	};

	SQL_CHILD(argc, argv);
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
