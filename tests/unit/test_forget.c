/* The store's own commands; forget and vacuum. */
#include "moments.h"

#include <sys/stat.h>

static int check(void)
{
	struct store_options o = {.notice = note};
	int rc;

	notices_clear();
	rc = store_check(db_path, &o, store_err);
	if (rc)
		print_error("--check: %d %s %s\n", rc, store_err, notices);
	return rc;
}

/* From there on every moment is what it was. */
static void forget_moments(uint64_t before)
{
	for (uint64_t seq = 0; seq < before; seq++)
		hash_at[seq][0] = 0;
}

static void expect_forgotten(struct store *s, const char *where)
{
	struct store_view *v;

	assert_int_equal(
		store_view_open(s, where, NULL, &v, store_err), -ENOENT);
	assert_non_null(strstr(store_err, "forgotten"));
}

/* The log begins with the first line that is kept. */
static void cut_logs(uint64_t before)
{
	size_t cut = strlen(log_at[before]);

	for (uint64_t seq = before; seq < MOMENTS; seq++) {
		char *old = log_at[seq];

		if (!old || !hash_at[seq][0])
			continue;
		log_at[seq] = strdup(old + cut);
		free(old);
	}
}

static void test_forget(void **state)
{
	struct store *s = open_small();
	struct vm_outcome out;

	grow_tree(s);
	assert_int_equal(store_restore(s, "11"), 0);
	run_and_record(s, "touch a+12K w"); /* 15, on a path 1..5 9 10 11 15 */
	run_and_record(s, "mmap 4K r");	    /* 16 */
	assert_int_equal(ctl(s, "checkpoint early"), 0);
	/* what cannot be */
	assert_int_equal(store_forget(s, 99), -ENOENT);
	assert_int_equal(store_forget(s, 7), -ENOENT);
	assert_non_null(strstr(store_sentence(s), "not on the path"));
	assert_int_equal(store_forget(s, 4), -EINVAL);
	assert_non_null(strstr(store_sentence(s), "forget before=3 keeps"));
	compare_all(s);
	/* 10 and what comes after it: 11 15 16, 12 13 */
	assert_int_equal(
		do_exec(s, ACTOR_MACHINE, 0, "forget before=10", &out), 0);
	assert_string_equal(replies, "11");
	forget_moments(10);
	hash_at[14][0] = 0;
	cut_logs(10);
	compare_all(s);
	expect_forgotten(s, "9");
	expect_forgotten(s, "14");
	assert_int_equal(store_restore(s, "-4"), -ENOENT);
	assert_sound(s);
	store_close(s);
	assert_int_equal(check(), 0);
	s = open_small();
	compare_all(s);
	assert_int_equal(store_forget(s, 10), 0);
	assert_int_equal(ctl(s, "forget before=16"), 0);
	assert_string_equal(replies, "5");
	assert_int_equal(ctl(s, "forget before=15"), 0);
	assert_string_equal(replies, "0");
	hash_at[11][0] = hash_at[12][0] = hash_at[13][0] = 0;
	hash_at[10][0] = hash_at[15][0] = 0;
	cut_logs(16);
	compare_all(s);
	run_and_record(s, "write a \"after\"");
	assert_int_equal(store_seq(s), 17);
	assert_int_equal(store_restore(s, "early"), 0);
	run_and_record(s, "write a \"other\"");
	compare_all(s);
	store_close(s);
	assert_int_equal(check(), 0);
	s = open_small();
	compare_all(s);
	store_close(s);
}

static void test_checkpoints_in_the_way(void **state)
{
	struct store *s = open_small();

	populate(s);
	assert_int_equal(ctl(s, "checkpoint first\ntick\n"), 0);
	assert_string_equal(replies, "5\n0");
	assert_int_equal(ctl(s, "tick"), 0);
	assert_int_equal(ctl(s, "forget before=6"), 0);
	assert_non_null(strstr(replies, "-ENOTEMPTY the checkpoint \"first\""));
	assert_int_equal(ctl(s, "forget before=5"), 0);
	assert_string_equal(replies, "5");
	assert_int_equal(store_checkpoint_remove(s, "first"), 0);
	assert_int_equal(ctl(s, "forget before=7"), 0);
	assert_string_equal(replies, "2");
	store_close(s);
	assert_int_equal(check(), 0);
}

/* A history without its beginning cannot be rebuilt from boot. */
static void test_base_is_lost(void **state)
{
	struct store_options o = small_machine();
	struct store *s = open_small();

	populate(s);
	assert_int_equal(ctl(s, "forget before=5"), 0);
	assert_int_equal(ctl(s, "tick"), 0);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(ctl(s, "tick"), 0);
		assert_int_equal(store_snapshot(s), 0);
	}
	store_close(s);
	assert_int_equal(sql_int("SELECT count(*) FROM checkpoint WHERE "
				 "seq = 5"),
		1);
	assert_int_equal(sql("DELETE FROM checkpoint"), SQLITE_OK);
	assert_int_equal(store_open(db_path, &o, &s, store_err), -EUCLEAN);
	assert_non_null(strstr(store_err, "the state after line 5"));
}

static void test_vacuum(void **state)
{
	struct store *s = open_small();
	char h1[33], h2[33], line[64];
	struct stat before, after;

	populate(s);
	for (int i = 0; i < 3000; i++) {
		snprintf(line, sizeof(line), "write a+%d \"%d\"", i, i);
		assert_int_equal(proc(s, 2, line), 0);
	}
	hash_of(s, h1);
	store_close(s);
	s = open_small();
	stat(db_path, &before);
	assert_int_equal(ctl(s, "forget before=3005\nvacuum"), 0);
	assert_int_equal(strncmp(replies, "3005\n", 5), 0);
	assert_true(strtol(replies + 5, NULL, 10) > 50000);
	stat(db_path, &after);
	assert_true(after.st_size < before.st_size);
	assert_int_equal(proc(s, 2, "write a \"\""), 0);
	hash_of(s, h2);
	assert_string_not_equal(h1, h2);
	store_close(s);
	assert_int_equal(check(), 0);
}

/* Lines of both kinds in one write. */
static void test_mixed(void **state)
{
	static const struct {
		const char *text;
		int rc;
		const char *replies; /* prefix of each, or all */
		uint32_t lines, failed, refused, by_store;
		size_t consumed;
	} t[] = {
		{"checkpoint a", 0, "0", 1, 0, 0, 1, 12},
		{"tick\ncheckpoint b\ntick\n", 0, "0\n1\n0", 3, 0, 0, 0, 23},
		{"  checkpoint c  \n# x\n", 0, "2", 1, 0, 0, 1, 21},
		{"checkpoint", -EINVAL, "", 0, 0, 0, 0, 0},
		{"tick\ncheckpoint\ntick\n", 0, "0", 1, 0, 1, 0, 5},
		{"tick\nvacuum 1\ntick\n", 0, "0", 1, 0, 1, 0, 5},
		{"tick\ncheckpoint a\ntick\n", 0, "0\n-EEXIST", 2, 1, 0, 1, 5},
		{"bogus\ncheckpoint z", -EINVAL, "", 0, 0, 0, 0, 0},
		{"checkpoint d\nbogus\n", 0, "5", 1, 0, 1, 1, 13},
		{"checkpoint e\nkill 99 9\n", 0, "5\n-ESRCH", 2, 1, 0, 0, 13},
		{"restore b\nspawn\nrestore -1\nspawn\n", 0, "1\n2\n1\n2", 4, 0,
			0, 0, 33},
		{"forget", 0, "-EINVAL forget needs", 1, 1, 0, 1, 0},
		{"checkpoints x", -EINVAL, "", 0, 0, 0, 0, 0},
	};
	struct store *s = open_small();

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct vm_outcome out;
		int rc = do_exec(s, ACTOR_MACHINE, 0, t[i].text, &out);

		if (rc != t[i].rc ||
			strncmp(replies, t[i].replies, strlen(t[i].replies)))
			print_error("%s: %d %s\n", t[i].text, rc, replies);
		assert_int_equal(rc, t[i].rc);
		assert_int_equal(
			strncmp(replies, t[i].replies, strlen(t[i].replies)),
			0);
		assert_int_equal(out.lines, t[i].lines);
		assert_int_equal(out.failed, t[i].failed);
		assert_int_equal(out.refused, t[i].refused);
		assert_int_equal(out.by_store, t[i].by_store);
		assert_int_equal(out.consumed, t[i].consumed);
	}
	assert_int_equal(proc(s, 1, "checkpoint x"), -EINVAL);
	assert_non_null(strstr(store_sentence(s), "a command of ctl"));
	store_close(s);
	assert_int_equal(check(), 0);
}

static void test_drawing(void **state)
{
	struct store *s = open_small();
	char *text;

	grow_tree(s);
	assert_int_equal(ctl(s, "checkpoint here\ncheckpoint twice"), 0);
	assert_int_equal(store_restore(s, "7"), 0);
	assert_int_equal(ctl(s, "checkpoint there"), 0);
	text = store_timelines(s);
	assert_string_equal(text,
		"timeline 1: lines 1-8\n"
		"|-- after 2: timeline 4: lines 14-14\n"
		"|   |-- after 14: checkpoint here\n"
		"|   `-- after 14: checkpoint twice\n"
		"|-- after 5: timeline 2: lines 9-11\n"
		"|   `-- after 10: timeline 3: lines 12-13\n"
		"|-- after 7: checkpoint there\n"
		"`-- after 7: timeline 5 (live): no lines yet\n");
	free(text);
	store_close(s);
}

/* A long chain of timelines is indented only so far. */
static void test_deep_drawing(void **state)
{
	struct store *s = open_small();
	char *text;

	assert_int_equal(ctl(s, "tick"), 0);
	for (int i = 0; i < 40; i++) {
		assert_int_equal(store_restore(s, "-0"), 0);
		assert_int_equal(ctl(s, "tick"), 0);
	}
	assert_int_equal(ctl(s, "checkpoint deep"), 0);
	text = store_timelines(s);
	assert_non_null(
		strstr(text, "    `-- after 32: timeline 33: lines 33-33\n"));
	assert_non_null(strstr(text,
		"    `-- after 33 of timeline 33: timeline 34: lines 34-34\n"));
	assert_non_null(strstr(
		text, "    `-- after 41 of timeline 41: checkpoint deep\n"));
	free(text);
	store_close(s);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(test_forget),
		T(test_checkpoints_in_the_way),
		T(test_base_is_lost),
		T(test_vacuum),
		T(test_mixed),
		T(test_drawing),
		T(test_deep_drawing),
	};

	SQL_CHILD(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
