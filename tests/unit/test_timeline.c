/* Checkpoints, past moments, restore: names, hashes, logs, the tree. */
#include "moments.h"

static void test_tree(void **state)
{
	struct store_options o = small_machine();
	struct store *s = open_small();

	grow_tree(s);
	assert_sound(s);
	compare_all(s);
	store_idle(s);
	compare_all(s);
	store_close(s);
	s = open_small();
	assert_int_equal(store_seq(s), 14);
	assert_int_equal(store_vm(s)->root->seq, 3);
	compare_all(s);
	store_close(s);
	/* from the journal alone */
	assert_int_equal(sql("DELETE FROM checkpoint; DELETE FROM pack; "
			     "DELETE FROM result"),
		SQLITE_OK);
	o.read_only = true;
	s = open_with(&o);
	compare_all(s);
	store_close(s);
	o.read_only = false;
	s = open_with(&o);
	compare_all(s);
	assert_sound(s);
	store_close(s);
}

/* In the middle of a row of many lines. */
static void test_within_a_row(void **state)
{
	struct store *s = open_small();
	char *log, hash[33];

	assert_int_equal(ctl(s, "spawn\nspawn\nspawn\n"), 0);
	assert_int_equal(store_seq(s), 3);
	assert_int_equal(store_restore(s, "2"), 0);
	assert_int_equal(store_vm(s)->root->seq, 2);
	log = whole_log(s, 100);
	assert_non_null(strstr(log, "2 0.000"));
	assert_null(strstr(log, "\n3 "));
	free(log);
	assert_int_equal(store_checkpoint(s, "middle"), 0);
	record(s);
	assert_int_equal(ctl(s, "spawn name=x"), 0);
	record(s);
	assert_string_equal(replies, "4");
	assert_non_null(strstr(log_at[4], "\n4 0.000"));
	hash_of(s, hash);
	/* the row's end does not take the state in its middle for its own */
	assert_int_equal(store_restore(s, "3"), 0);
	assert_int_equal(store_vm(s)->root->seq, 3);
	record(s);
	compare_all(s);
	store_close(s);
	s = open_small();
	compare_all(s);
	store_close(s);
}

static void test_words(void **state)
{
	static const struct {
		const char *where;
		int64_t seq; /* or -errno */
		const char *word;
	} t[] = {
		{"0", 0, NULL},
		{"5", 5, NULL},
		{"8", 8, NULL},
		{"-0", 14, NULL},
		{"-1", 2, NULL},
		{"-3", 0, NULL},
		{"-4", -ENOENT, "4 lines back"},
		{"15", -ENOENT, "the newest is 14"},
		{"99999999999999999999999", -ENOENT, "no line"},
		{"-99999999999999999999999", -ENOENT, "no line"},
		{"nobody", -ENOENT, "no checkpoint \"nobody\""},
		{"", -ENOENT, "no checkpoint"},
		{"-", -ENOENT, "no checkpoint"},
		{"1x", -ENOENT, "no checkpoint"},
		{"now", 14, NULL},
	};
	struct store *s = open_small();

	grow_tree(s);
	assert_int_equal(store_checkpoint(s, "now"), 0);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct store_view *v;
		uint64_t seq = 99;
		int rc = store_find(s, t[i].where, &seq, store_err);

		if (t[i].seq >= 0) {
			assert_int_equal(rc, 0);
			assert_int_equal(seq, t[i].seq);
			continue;
		}
		assert_int_equal(rc, t[i].seq);
		assert_non_null(strstr(store_err, t[i].word));
		assert_int_equal(
			store_view_open(s, t[i].where, NULL, &v, store_err),
			t[i].seq);
		assert_null(v);
		assert_int_equal(store_restore(s, t[i].where), t[i].seq);
	}
	store_close(s);
}

/* A restore without a line after it leaves no timeline. */
static void test_empty_timelines(void **state)
{
	struct store *s = open_small();
	char hash[33];

	populate(s);
	hash_of(s, hash);
	for (int i = 0; i < 5; i++)
		if (store_restore(s, i % 2 ? "3" : "0"))
			fail_msg("%d: %s", i, store_sentence(s));
	assert_int_equal(store_restore(s, "5"), 0);
	hash_of(s, hash_at[5]);
	assert_string_equal(hash, hash_at[5]);
	assert_int_equal(ctl(s, "spawn"), 0);
	assert_int_equal(store_seq(s), 6);
	store_close(s);
	assert_int_equal(sql_int("SELECT count(*) FROM timeline"), 2);
}

static int count(void *ctx, const struct store_checkpoint *c)
{
	char *out = ctx;

	sprintf(out + strlen(out), "%s@%llu/%u ", c->name,
		(unsigned long long)c->seq, c->timeline);
	return 0;
}

static void test_checkpoints(void **state)
{
	static const struct {
		const char *name;
		int err;
		const char *word;
	} bad[] = {
		{"", -EINVAL, "empty"},
		{".", -EINVAL, "directory"},
		{"..", -EINVAL, "directory"},
		{"17", -EINVAL, "number"},
		{"-17", -EINVAL, "number"},
		{"99999999999999999999999999", -EINVAL, "number"},
		{"a/b", -EINVAL, "slash"},
		{"a\nb", -EINVAL, "control"},
		{"one", -EEXIST, "already, after line 5"},
	};
	struct store_options o = small_machine();
	struct store *s = open_small();
	struct store_checkpoint c;
	char list[256] = "", longest[257];

	populate(s);
	assert_int_equal(store_checkpoint(s, "one"), 0);
	assert_int_equal(store_checkpoint(s, "same moment"), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(store_checkpoint(s, bad[i].name), bad[i].err);
		assert_non_null(strstr(store_sentence(s), bad[i].word));
	}
	memset(longest, 'x', sizeof(longest));
	longest[256] = 0;
	assert_int_equal(store_checkpoint(s, longest), -ENAMETOOLONG);
	longest[255] = 0;
	assert_int_equal(store_checkpoint(s, longest), 0);
	assert_int_equal(store_checkpoint_find(s, longest, &c), 0);
	assert_int_equal(c.seq, 5);
	assert_int_equal(c.time, store_vm(s)->root->ns);
	assert_int_equal(store_checkpoint_remove(s, longest), 0);
	assert_int_equal(store_checkpoint_remove(s, longest), -ENOENT);
	assert_int_equal(store_restore(s, "3"), 0);
	assert_int_equal(ctl(s, "spawn"), 0);
	assert_int_equal(store_checkpoint(s, "other"), 0);
	store_checkpoint_list(s, count, list);
	assert_string_equal(list, "one@5/1 same moment@5/1 other@6/2 ");
	assert_int_equal(
		store_checkpoint_rename(s, "other", "one", false), -EEXIST);
	assert_int_equal(
		store_checkpoint_rename(s, "nobody", "one", true), -ENOENT);
	assert_int_equal(
		store_checkpoint_rename(s, "other", "12", true), -EINVAL);
	assert_int_equal(store_checkpoint_rename(s, "other", "one", true), 0);
	assert_int_equal(store_checkpoint_rename(s, "one", "one", true), 0);
	/* many automatic states later they are still there */
	for (int i = 0; i < 8; i++) {
		assert_int_equal(ctl(s, "tick"), 0);
		assert_int_equal(store_snapshot(s), 0);
	}
	store_close(s);
	o.read_only = true;
	s = open_with(&o);
	list[0] = 0;
	store_checkpoint_list(s, count, list);
	assert_string_equal(list, "same moment@5/1 one@6/2 ");
	assert_int_equal(store_checkpoint(s, "x"), -EROFS);
	assert_int_equal(store_checkpoint_remove(s, "one"), -EROFS);
	assert_int_equal(store_checkpoint_rename(s, "one", "x", false), -EROFS);
	assert_int_equal(store_restore(s, "one"), -EROFS);
	store_close(s);
}

/* The tables of a named moment, and none after it lost its name. */
static void test_tables(void **state)
{
	struct store *s = open_small();

	populate(s);
	assert_int_equal(store_checkpoint(s, "a"), 0);
	assert_int_equal(proc(s, 2, "mmap 12K rx flags=shared as=n"), 0);
	assert_int_equal(store_checkpoint(s, "b"), 0);
	assert_int_equal(store_checkpoint(s, "b2"), 0);
	store_idle(s);
	assert_int_equal(
		sql_int("SELECT end - start FROM vma JOIN checkpoint c ON "
			"checkpoint = id WHERE c.name = 'b' AND perms = 'r-xs' "
			"AND start NOT IN (SELECT start FROM vma JOIN "
			"checkpoint c ON checkpoint = id WHERE "
			"c.name = 'a')"),
		12288);
	assert_int_equal(sql_int("SELECT count(*) FROM process"), 6);
	assert_int_equal(
		sql_int("SELECT sum(vm_pages) * 4096 = (SELECT sum(end - start)"
			" FROM vma) FROM process"),
		1);
	assert_int_equal(
		sql_int("SELECT value FROM counter JOIN checkpoint c ON "
			"checkpoint = id WHERE c.name = 'b2' AND "
			"counter.name = 'commands'"),
		6);
	assert_int_equal(
		sql_int("SELECT count(*) FROM zone WHERE free <> free0 + "
			"2 * free1 + 4 * free2 + 8 * free3 + 16 * free4 + "
			"32 * free5 + 64 * free6 + 128 * free7 + 256 * free8 + "
			"512 * free9 + 1024 * free10"),
		0);
	assert_int_equal(store_checkpoint_remove(s, "b"), 0);
	assert_int_equal(store_checkpoint_rename(s, "b2", "a", true), 0);
	store_idle(s);
	assert_int_equal(sql_int("SELECT count(*) FROM process"), 2);
	store_close(s);
}

static void test_given_up(void **state)
{
	struct store *s = open_small();
	atomic_bool stop = true;
	struct store_view *v;

	populate(s);
	assert_int_equal(store_view_open(s, "3", &stop, &v, store_err), -EINTR);
	stop = false;
	assert_int_equal(store_view_open(s, "3", &stop, &v, store_err), 0);
	store_view_close(v);
	store_close(s);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(test_tree),
		T(test_within_a_row),
		T(test_words),
		T(test_empty_timelines),
		T(test_checkpoints),
		T(test_tables),
		T(test_given_up),
	};

	SQL_CHILD(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
