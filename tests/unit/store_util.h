/* What the tests of persist/ share: a machine in a scratch directory. */
#ifndef PAGEFS_TEST_STORE_UTIL_H
#define PAGEFS_TEST_STORE_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../persist/store_i.h"
#include "../../vm/machine.h"

static char scratch[64];
static char db_path[96];
static char notices[4096]; /* all sentences since notices_clear() */
static char store_err[STORE_ERR_MAX];

static inline void notices_clear(void)
{
	notices[0] = 0;
}

static inline void note(void *ctx, const char *sentence)
{
	size_t n = strlen(notices);

	snprintf(notices + n, sizeof(notices) - n, "%s\n", sentence);
}

static const char *const small_keys[] = {"ram", "swap", "disk", "cpus"};
static const char *const small_values[] = {"32M", "1M", "16M", "1"};

static inline struct store_options small_machine(void)
{
	return (struct store_options){.keys = small_keys,
		.values = small_values,
		.nr_keys = 4,
		.notice = note};
}

static inline int scratch_setup(void **state)
{
	strcpy(scratch, "/tmp/pagefs-test-XXXXXX");
	if (!mkdtemp(scratch))
		return -1;
	snprintf(db_path, sizeof(db_path), "%s/m.db", scratch);
	notices_clear();
	return 0;
}

static inline int scratch_teardown(void **state)
{
	char cmd[96];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", scratch);
	return system(cmd);
}

static inline struct store *open_with(const struct store_options *o)
{
	struct store *s = NULL;
	int rc = store_open(db_path, o, &s, store_err);

	if (rc)
		print_error("store_open: %d %s\n", rc, store_err);
	assert_int_equal(rc, 0);
	return s;
}

static inline struct store *open_small(void)
{
	struct store_options o = small_machine();

	return open_with(&o);
}

/* Replies of the last do_exec(), joined by newlines. */
static char replies[8192];

static inline void collect(
	void *ctx, const struct reply *r, const char *line, size_t len)
{
	size_t n = strlen(replies);

	if (n + SENTENCE_MAX + 32 > sizeof(replies))
		return;
	if (n)
		replies[n++] = '\n';
	vm_reply_format(r, replies + n, sizeof(replies) - n);
}

static inline int do_exec(struct store *s, uint32_t kind, uint32_t id,
	const char *text, struct vm_outcome *out)
{
	struct vm_outcome mine;
	struct event e = {.actor = {kind, id, 1000, 100},
		.text = text,
		.text_len = strlen(text)};

	replies[0] = 0;
	return store_exec(s, &e, collect, NULL, out ? out : &mine);
}

#define ctl(s, text)	   do_exec(s, ACTOR_MACHINE, 0, text, NULL)
#define proc(s, pid, text) do_exec(s, ACTOR_PROCESS, pid, text, NULL)

/* spawns a process and gives it memory; PID 2 */
static inline void populate(struct store *s)
{
	assert_int_equal(ctl(s, "spawn"), 0);
	assert_string_equal(replies, "2");
	assert_int_equal(proc(s, 2, "mmap 1M rw as=a"), 0);
	assert_int_equal(proc(s, 2, "write a \"hello\""), 0);
	assert_int_equal(proc(s, 2, "touch a+4096 4096 w\ntouch a+8192\n"), 0);
}

static inline void hash_of(struct store *s, char out[33])
{
	store_state_hash(store_vm(s), out);
}

static inline void assert_sound(struct store *s)
{
	int rc = vm_check(store_vm(s));

	if (rc)
		print_error("vm_check: %s\n", vm_sentence(store_vm(s)));
	assert_int_equal(rc, 0);
}

/* `pagefs --check` finds nothing. */
static inline void assert_clean(void)
{
	struct store_options o = {.notice = note};
	int rc;

	notices_clear();
	rc = store_check(db_path, &o, store_err);
	if (rc)
		fail_msg("--check: %d %s %s", rc, store_err, notices);
}

/* The hash of a machine to which the journal was applied from boot. */
static inline void hash_of_replay(char out[33])
{
	struct store_options o = {.read_only = true, .notice = note};
	struct store *s = store_new(db_path, &o);

	assert_int_equal(store_connect(s, &o), 0);
	assert_int_equal(replay_boot(s), 0);
	assert_int_equal(replay(s, NULL), 0);
	hash_of(s, out);
	store_free(s);
}

/* The machine that was closed had this hash; its journal leads there, and
 * --check has nothing to say. */
static inline void assert_replays_to(const char hash[33])
{
	struct store_options o = small_machine();
	char replayed[33];

	hash_of_replay(replayed);
	assert_string_equal(hash, replayed);
	notices_clear();
	if (store_check(db_path, &o, store_err) != 0)
		fail_msg("%s %s", store_err, notices);
}

/*
 * SQL of another process, which is this program run anew: SQLite's locks do
 * not survive fork(2).  With `hold`, it keeps what it has until it is killed.
 */
static inline int sql_child(const char *path, const char *text, bool hold)
{
	int64_t value = -1;
	sqlite3_stmt *st;
	sqlite3 *db;
	int rc = sqlite3_open(path, &db);

	alarm(5); /* not to outlive a failed test */
	while (!rc && *text) {
		rc = sqlite3_prepare_v2(db, text, -1, &st, &text);
		if (rc || !st)
			break;
		rc = sqlite3_step(st);
		if (rc == SQLITE_ROW)
			value = sqlite3_column_int64(st, 0);
		if (hold && rc == SQLITE_ROW)
			break;
		rc = sqlite3_finalize(st);
	}
	if (write(STDOUT_FILENO, &value, sizeof(value)) < 0)
		rc = 99;
	while (hold)
		pause();
	sqlite3_close(db);
	return rc;
}

#define SQL_CHILD(argc, argv) \
	if ((argc) == 4)      \
	return sql_child((argv)[1], (argv)[2], !strcmp((argv)[3], "hold"))

static inline pid_t sql_start(const char *text, bool hold, int64_t *value)
{
	int fd[2];
	pid_t pid;

	assert_int_equal(pipe(fd), 0);
	pid = fork();
	if (!pid) {
		dup2(fd[1], STDOUT_FILENO);
		execl("/proc/self/exe", "sql", db_path, text,
			hold ? "hold" : "run", (char *)NULL);
		_exit(98);
	}
	close(fd[1]);
	assert_int_equal(read(fd[0], value, sizeof(*value)), sizeof(*value));
	close(fd[0]);
	return pid;
}

static inline int sql_elsewhere(const char *text, int64_t *value)
{
	pid_t pid = sql_start(text, false, value);
	int status;

	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static inline int sql(const char *text)
{
	int64_t value;

	return sql_elsewhere(text, &value);
}

static inline int64_t sql_int(const char *text)
{
	int64_t value;

	assert_int_equal(sql_elsewhere(text, &value), SQLITE_OK);
	return value;
}

/* The whole log in reads of `step` bytes; the caller frees it. */
static inline char *whole_log(struct store *s, size_t step)
{
	uint64_t size = store_log_size(s), off = 0;
	char *buf = malloc(size + 1);

	while (off < size) {
		int64_t n = store_log_read(s, off, buf + off, step);

		assert_true(n > 0);
		off += (uint64_t)n;
	}
	assert_int_equal(off, size);
	assert_int_equal(store_log_read(s, off, buf, 1), 0);
	buf[size] = 0;
	return buf;
}

#endif
