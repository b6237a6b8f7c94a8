/* Journal rows: what is written, what comes back, what a crash leaves. */
#include "store_util.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

static void test_row_written_before_results(void **state)
{
	struct store *s = open_small();
	char h1[33], h2[33];

	populate(s);
	assert_sound(s);
	assert_int_equal(sql_int("SELECT 1"), 1);
	store_idle(s);
	/* another process may read while the mount is idle, not write */
	assert_int_equal(sql_int("SELECT count(*) FROM journal"), 4);
	assert_int_equal(sql_int("SELECT max(seq + lines - 1) FROM result"), 5);
	assert_int_equal(
		sql_int("SELECT uid * 1000 + gid FROM event WHERE seq = 1"),
		1000100);
	assert_int_equal(sql_int("SELECT result = '2' AND actor = 'ctl' AND "
				 "command = 'spawn' FROM event WHERE seq = 1"),
		1);
	assert_int_equal(sql_int("SELECT actor = 'proc/2' AND result = '2 0' "
				 "|| char(10) AND lines = 2 FROM event "
				 "WHERE seq = 4"),
		1);
	assert_int_equal(sql("DELETE FROM journal"), SQLITE_BUSY);
	hash_of(s, h1);
	store_close(s);
	hash_of_replay(h2);
	assert_string_equal(h1, h2);
	s = open_small();
	assert_sound(s);
	hash_of(s, h2);
	assert_string_equal(h1, h2);
	store_close(s);
	assert_string_equal(notices, "");
}

static void test_refused_before_journal(void **state)
{
	static const struct {
		const char *line, *word;
	} bad[] = {
		{"frobnicate", "frobnicate"},
		{"kill", ""},
		{"kill 1 9 9 9", ""},
	};
	struct store *s = open_small();
	char h1[33], h2[33];

	hash_of(s, h1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(ctl(s, bad[i].line), -EINVAL);
		assert_non_null(strstr(store_sentence(s), bad[i].word));
	}
	hash_of(s, h2);
	assert_string_equal(h1, h2);
	assert_int_equal(store_vm(s)->root->seq, 0);
	store_idle(s);
	assert_int_equal(sql_int("SELECT count(*) FROM journal"), 0);
	store_close(s);
}

static void test_blank_and_comment(void **state)
{
	struct store *s = open_small();
	struct vm_outcome out;

	assert_int_equal(
		do_exec(s, ACTOR_MACHINE, 0, "\n \t\n# words\n", &out), 0);
	assert_int_equal(out.lines, 0);
	assert_int_equal(out.consumed, 12);
	assert_int_equal(do_exec(s, ACTOR_MACHINE, 0, "# c\nbogus\n", &out), 0);
	assert_int_equal(out.lines, 0);
	assert_int_equal(out.consumed, 4);
	assert_int_equal(ctl(s, "# c\n\n  spawn  \n"), 0);
	assert_string_equal(replies, "2");
	store_idle(s);
	assert_int_equal(sql_int("SELECT count(*) FROM journal"), 1);
	assert_int_equal(sql_int("SELECT lines FROM event"), 1);
	store_close(s);
	s = open_small();
	assert_int_equal(store_vm(s)->root->seq, 1);
	store_close(s);
}

static void test_failed_line_is_journaled(void **state)
{
	struct store *s = open_small();
	struct vm_outcome out;

	assert_int_equal(ctl(s, "spawn"), 0);
	assert_int_equal(
		do_exec(s, ACTOR_PROCESS, 2,
			"mmap 4K rw\nmunmap 0x1001 4096\nmmap 8K r\n", &out),
		0);
	assert_int_equal(out.lines, 2);
	assert_int_equal(out.failed, 1);
	assert_int_equal(out.last.err, EINVAL);
	assert_int_equal(out.consumed, 11);
	store_idle(s);
	assert_int_equal(sql_int("SELECT lines FROM event WHERE seq = 2"), 2);
	assert_int_equal(sql_int("SELECT result LIKE '%1 -EINVAL %' FROM event "
				 "WHERE seq = 2"),
		1);
	store_close(s);
	s = open_small();
	assert_int_equal(store_vm(s)->root->seq, 3);
	store_close(s);
}

/* Texts and payloads of every encoding come back as they went in. */
static void test_encodings(void **state)
{
	static const size_t size[] = {
		0, 1, 7, 255, 4095, 4096, 4097, 65536, 300000, 1u << 20};
	struct store *s = open_small();
	char *buf = malloc(1u << 20);
	unsigned seed = 7;

	for (unsigned noise = 0; noise < 2; noise++)
		for (size_t i = 0; i < sizeof(size) / sizeof(size[0]); i++) {
			struct row in = {.time = i}, out;
			struct bytes unpacked = {0};

			in.seq = 1000 + 2 * i + noise;
			for (size_t k = 0; k < size[i]; k++)
				buf[k] = noise ? (char)rand_r(&seed)
					       : (char)('a' + k % 7);
			in.event.actor =
				(struct actor){ACTOR_MEM, 4000000000u, 5, 6};
			in.event.text = noise ? "x\0y" : "pwrite";
			in.event.text_len = noise ? 3 : 6;
			in.event.blob = buf;
			in.event.blob_len = size[i];
			if (i % 2) {
				in.event.text = buf;
				in.event.text_len = size[i];
				in.event.blob = NULL;
				in.event.blob_len = 0;
			}
			store_lock(s);
			burst_enter(s);
			store_unlock(s);
			assert_int_equal(row_insert(s, &in), 0);
			sqlite3_bind_int64(s->select_row, 1, (int64_t)in.seq);
			assert_int_equal(
				sqlite3_step(s->select_row), SQLITE_ROW);
			assert_int_equal(
				row_read(s, s->select_row, &out, &unpacked), 0);
			assert_int_equal(out.event.text_len, in.event.text_len);
			assert_int_equal(out.event.blob_len, in.event.blob_len);
			assert_int_equal(!out.event.blob, !in.event.blob);
			assert_memory_equal(out.event.text, in.event.text,
				in.event.text_len);
			if (in.event.blob_len)
				assert_memory_equal(
					out.event.blob, buf, in.event.blob_len);
			assert_int_equal(out.event.actor.id, 4000000000u);
			sqlite3_reset(s->select_row);
			bytes_free(&unpacked);
		}
	free(buf);
	store_free(s);
}

static void test_actors(void **state)
{
	static const struct {
		uint32_t kind, id;
		const char *text;
	} t[] = {
		{ACTOR_MACHINE, 0, "ctl"},
		{ACTOR_PROCESS, 5, "proc/5"},
		{ACTOR_MEM, 10, "proc/10/mem"},
		{ACTOR_TRACE, 4294967295u, "proc/4294967295/trace"},
		{ACTOR_STRACE, 0, "trace/strace"},
		{ACTOR_DISK, 0, "disk"},
	};
	static const char *const bad[] = {"", "ctl2", "proc/", "proc/x",
		"proc/5/", "proc/5/me", "proc/4294967296", "disk/"};
	char buf[ACTOR_TEXT_MAX];
	struct actor a = {0};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		a.kind = t[i].kind;
		a.id = t[i].id;
		assert_int_equal(
			actor_format(&a, buf, sizeof(buf)), strlen(t[i].text));
		assert_string_equal(buf, t[i].text);
		memset(&a, 0, sizeof(a));
		assert_true(actor_parse(buf, &a));
		assert_int_equal(a.kind, t[i].kind);
		assert_int_equal(a.id, t[i].id);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(actor_parse(bad[i], &a));
}

/* ---- kill -9 ------------------------------------------------------------ */

/* Works on the machine for ever; *acked counts acknowledged lines. */
static void work(volatile uint64_t *acked)
{
	struct store *s = open_small();
	char line[96];

	if (!store_vm(s)->root->seq)
		ctl(s, "spawn");
	for (unsigned i = 0;; i++) {
		if (i % 3 == 0)
			strcpy(line, "mmap 64K rw as=m");
		else if (i % 3 == 1)
			strcpy(line, "touch m 8192 w\ntouch m+16384\n");
		else
			strcpy(line, "munmap m 64K");
		if (proc(s, 2, line))
			_exit(1);
		*acked = store_vm(s)->root->seq;
		if (i % 50 == 49)
			store_idle(s);
		if (i % 170 == 169)
			store_snapshot(s);
	}
}

static void test_kill_9(void **state)
{
	volatile uint64_t *acked = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct store_options o = small_machine();
	char h1[33], h2[33];
	unsigned seed = 42;

	o.no_snapshot_at_close = true;
	for (int round = 0; round < 30; round++) {
		struct store *s;
		pid_t pid = fork();
		int status;

		if (!pid)
			work(acked);
		usleep(5000 + (unsigned)rand_r(&seed) % 40000);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		assert_true(WIFSIGNALED(status));
		s = open_with(&o);
		/* at most the row in progress besides */
		assert_in_range(store_vm(s)->root->seq, *acked, *acked + 2);
		assert_sound(s);
		hash_of(s, h1);
		if (round % 5 == 4) {
			char *log = whole_log(s, 65536);
			uint64_t lines = 0;

			for (char *p = log; *p; p++)
				lines += *p == '\n';
			assert_int_equal(lines, store_vm(s)->root->seq);
			free(log);
			hash_of_replay(h2);
			assert_string_equal(h1, h2);
		}
		*acked = store_vm(s)->root->seq;
		store_close(s);
	}
	munmap((void *)acked, 4096);
	o.read_only = true;
	assert_int_equal(store_check(db_path, &o, store_err), 0);
}

/* ---- events that end early ------------------------------------------------
 */

struct asking {
	uint64_t place; /* where it is to end; 0: before the line there */
	size_t line;
};

static bool asked(void *ctx, size_t line, uint64_t place)
{
	const struct asking *a = ctx;

	return place == a->place && (place || line == a->line);
}

/* Runs a text that is to end so; the number of lines that ran. */
static uint32_t exec_stopped(
	struct store *s, uint32_t kind, const char *text, struct asking *a)
{
	struct vm_outcome out;
	struct event e = {.actor = {kind, 1, 0, 0},
		.text = text,
		.text_len = strlen(text),
		.stop = asked,
		.stop_ctx = a};

	replies[0] = 0;
	assert_int_equal(store_exec(s, &e, collect, NULL, &out), 0);
	assert_int_equal(out.stopped, !a->place);
	return out.lines;
}

static void command_is(struct store *s, const char *wanted)
{
	char query[300];

	store_idle(s);
	snprintf(query, sizeof(query),
		"SELECT command = '%s' FROM journal ORDER BY seq DESC LIMIT 1",
		wanted);
	if (sql_int(query) != 1)
		fail_msg("the newest row is not '%s'", wanted);
}

static void test_stopped(void **state)
{
	static const char three[] = "sbrk 4K\nsbrk 8K\nsbrk 12K";
	struct store *s = open_small();
	struct asking a = {.place = 2};
	char hash[33];

	assert_int_equal(proc(s, 1, "mmap 16M rw as=a"), 0);
	assert_int_equal(
		exec_stopped(s, ACTOR_PROCESS, "  touch a 16M  ", &a), 1);
	assert_non_null(strstr(replies, "-EINTR interrupted"));
	command_is(s, "  stop=2 touch a 16M");
	/* its own prefix is replaced; the lines behind it go */
	a.place = 1;
	assert_int_equal(exec_stopped(s, ACTOR_PROCESS,
				 "sbrk 4K\nstop=3  touch a 16M\nsbrk 8K\n", &a),
		2);
	command_is(s, "sbrk 4K\nstop=1 touch a 16M");
	/* before a line */
	a = (struct asking){.line = 8};
	assert_int_equal(exec_stopped(s, ACTOR_PROCESS, three, &a), 1);
	command_is(s, "sbrk 4K");
	a.line = 16;
	assert_int_equal(exec_stopped(s, ACTOR_PROCESS, three, &a), 2);
	command_is(s, "sbrk 4K\nsbrk 8K");
	assert_sound(s);
	hash_of(s, hash);
	store_close(s);
	assert_replays_to(hash);
}

/* What the journal does not take does not happen: the line goes on. */
static void test_stop_refused(void **state)
{
	struct store *s = open_small();
	struct asking a = {.place = 2};
	char hash[33];

	assert_int_equal(proc(s, 1, "mmap 16M rw as=a"), 0);
	assert_int_equal(
		sqlite3_exec(s->db,
			"CREATE TEMP TRIGGER no BEFORE INSERT ON journal WHEN "
			"NEW.command LIKE 'stop=%' BEGIN SELECT RAISE(FAIL, "
			"'no'); END",
			NULL, NULL, NULL),
		SQLITE_OK);
	assert_int_equal(exec_stopped(s, ACTOR_PROCESS, "touch a 16M", &a), 1);
	assert_string_equal(replies, "0");
	command_is(s, "touch a 16M");
	hash_of(s, hash);
	store_close(s);
	assert_replays_to(hash);
}

#define T(name) \
	cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(test_row_written_before_results),
		T(test_refused_before_journal),
		T(test_blank_and_comment),
		T(test_failed_line_is_journaled),
		T(test_encodings),
		T(test_stopped),
		T(test_stop_refused),
		cmocka_unit_test(test_actors),
		T(test_kill_9),
	};

	SQL_CHILD(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
