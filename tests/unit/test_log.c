/* The log: its text, its size, reading it anywhere. */
#include "store_util.h"

static void some_commands(struct store *s)
{
	char *bulk = malloc(200000), *p = bulk;

	populate(s);
	assert_int_equal(proc(s, 2, "munmap 0x1001 4096"), 0);
	/* a text too long for the command column, equal replies but two */
	p += sprintf(p, "# bulk\n");
	for (int i = 0; i < 5000; i++)
		p += sprintf(p,
			i % 1000 == 7 ? "  mmap 4K r  \n"
				      : "touch a+%d w # x\n",
			i % 256 * 4096);
	assert_int_equal(proc(s, 2, bulk), 0);
	assert_int_equal(ctl(s, "set segv=bogus_value_for_test"), -EINVAL);
	assert_int_equal(ctl(s, "tick 1500000000"), 0);
	assert_int_equal(ctl(s, "spawn"), 0);
	free(bulk);
}

static void test_text(void **state)
{
	struct store *s = open_small();
	char *log, want[256];

	assert_int_equal(store_log_size(s), 0);
	assert_int_equal(store_log_read(s, 0, want, sizeof(want)), 0);
	assert_int_equal(ctl(s, "  spawn \n"), 0);
	assert_int_equal(proc(s, 2, "touch 0x10"), 0);
	log = whole_log(s, 4096);
	snprintf(want, sizeof(want), "1 0.%09u ctl spawn = 2\n2 ", 0);
	assert_memory_equal(log, want, strlen(want));
	assert_non_null(strstr(log, " proc/2 touch 0x10 = -EFAULT SIGSEGV "));
	assert_int_equal(log[strlen(log) - 1], '\n');
	free(log);
	store_close(s);
}

/* Any read gives the same bytes as the whole, before and after the results
 * were written, and after another mount. */
static void compare_reads(struct store *s, const char *log)
{
	size_t size = strlen(log);
	unsigned seed = 3;
	char buf[3000], *again;

	assert_int_equal(store_log_size(s), size);
	for (int i = 0; i < 300; i++) {
		uint64_t off = (unsigned)rand_r(&seed) % size;
		size_t len = 1 + (unsigned)rand_r(&seed) % sizeof(buf);
		int64_t n = store_log_read(s, off, buf, len);

		assert_int_equal(n, off + len > size ? size - off : len);
		assert_memory_equal(buf, log + off, (size_t)n);
	}
	again = whole_log(s, 17);
	assert_string_equal(log, again);
	free(again);
}

static void test_reads(void **state)
{
	struct store_options o = small_machine();
	struct store *s = open_small();
	uint64_t lines = 0;
	char *log;

	some_commands(s);
	log = whole_log(s, 1 << 20);
	for (char *p = log; *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, store_vm(s)->root->seq);
	compare_reads(s, log);
	store_idle(s);
	compare_reads(s, log);
	store_close(s);
	s = open_small();
	compare_reads(s, log);
	store_close(s);
	/* results are derived: without them the log is the same */
	assert_int_equal(sql("DELETE FROM result"), SQLITE_OK);
	o.read_only = true;
	s = open_with(&o);
	compare_reads(s, log);
	store_close(s);
	s = open_small();
	assert_non_null(strstr(notices, "results before it are missing"));
	compare_reads(s, log);
	store_close(s);
	free(log);
}

static void test_run_lengths(void **state)
{
	struct store *s = open_small();

	some_commands(s);
	store_idle(s);
	/* 5000 lines, 5 runs of touch between 5 mappings: few bytes */
	assert_int_equal(
		sql_int("SELECT lines FROM event WHERE seq = 7"), 5000);
	assert_true(sql_int("SELECT length(result) FROM event WHERE seq = 7") <
		    400);
	assert_int_equal(
		sql_int("SELECT command = '# bulk' AND encoding = 'text-zstd' "
			"FROM event WHERE seq = 7"),
		1);
	store_close(s);
}

static void test_lines(void **state)
{
	static const struct {
		const char *text, *want;
	} t[] = {
		{"", ""},
		{"\n\n", ""},
		{"a", "[a]"},
		{"a\nb", "[a][b]"},
		{" a b \t\r\n\n#c\n  # d\ne#f\n", "[a b][e#f]"},
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char got[64] = "";
		size_t pos = 0, len;
		const char *line;

		while (next_line(
			t[i].text, strlen(t[i].text), &pos, &line, &len))
			sprintf(got + strlen(got), "[%.*s]", (int)len, line);
		assert_string_equal(got, t[i].want);
	}
}

static void test_gap(void **state)
{
	struct store *s = open_small();
	char buf[4096];

	some_commands(s);
	store_close(s);
	assert_int_equal(sql("DELETE FROM result WHERE seq = 3"), SQLITE_OK);
	s = open_small();
	assert_int_equal(store_log_read(s, 0, buf, 1), 1);
	assert_true(store_log_read(s, 0, buf, sizeof(buf)) > 0);
	assert_int_equal(store_log_read(s, store_log_size(s) - 1, buf, 1), 1);
	store_close(s);
}

#define T(name) \
	cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(test_text),
		T(test_reads),
		T(test_run_lengths),
		cmocka_unit_test(test_lines),
		T(test_gap),
	};

	SQL_CHILD(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
