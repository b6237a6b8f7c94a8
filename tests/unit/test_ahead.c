/*
 * What is done before a line of the store's, and what others do in between:
 * the line means what it meant, and nothing that it stands on goes away.
 */
#include "moments.h"

static struct event event_of(const char *text)
{
	return (struct event){.actor = {ACTOR_MACHINE, 0, 0, 0},
		.text = text,
		.text_len = strlen(text)};
}

static struct store_ahead *begin(struct store *s, const char *text)
{
	struct event e = event_of(text);

	return store_ahead_begin(s, &e);
}

static void assert_hash(struct store *s, uint64_t seq)
{
	char hash[33];

	hash_of(s, hash);
	assert_string_equal(hash, hash_at[seq]);
}

static void close_and_check(struct store *s)
{
	struct store_options o = small_machine();

	assert_sound(s);
	store_close(s);
	notices_clear();
	if (store_check(db_path, &o, store_err))
		fail_msg("--check: %s %s", store_err, notices);
}

/* The parts of a text, joined by '|'; those of the store in brackets. */
static void assert_parts(const char *text, const char *wanted)
{
	char got[256] = "";
	size_t at = 0, n;

	while (text[at]) {
		struct event e = event_of(text + at);
		bool ours;

		n = store_part(&e, &ours);
		assert_true(n > 0);
		sprintf(got + strlen(got), ours ? "[%.*s]" : "%.*s|", (int)n,
			text + at);
		at += n;
	}
	assert_string_equal(got, wanted);
}

static void test_parts(void **state)
{
	assert_parts("spawn\nspawn", "spawn\nspawn|");
	assert_parts("spawn\ncheckpoint a\nrestore a\nspawn\n",
		"spawn\n|[checkpoint a\n][restore a\n]spawn\n|");
	assert_parts("# x\n\ncheckpoint a", "# x\n\n|[checkpoint a]");
	assert_parts("vacuum\n\nforget before=1\n# end",
		"[vacuum\n]\n|[forget before=1\n]# end|");
	assert_parts("  checkpoint a\n", "  |[checkpoint a\n]");
	assert_parts("checkpoints\nset x 1\n", "checkpoints\nset x 1\n|");
}

static void test_restore(void **state)
{
	struct store *s = open_small();
	struct store_ahead *a, *b, *c;

	grow_tree(s);
	a = begin(s, "restore 8\n");
	b = begin(s, "restore -0");
	c = begin(s, "restore 11");
	assert_non_null(a->view);
	assert_non_null(b->view);
	run_and_record(s, "touch a+12K w"); /* 15 */
	run_and_record(s, "munmap a 4K");   /* 16 */
	assert_int_equal(ctl(s, "restore 8"), 0);
	assert_string_equal(replies, "8");
	assert_true(a->done);
	assert_hash(s, 8);
	store_ahead_end(s, a);
	run_and_record(s, "write a \"fifth\""); /* 17, after 8 */
	/* counted when it was prepared, on the path 1 2 14 */
	assert_int_equal(ctl(s, "restore -0"), 0);
	assert_hash(s, 14);
	store_ahead_end(s, b);
	run_and_record(s, "brk 0"); /* 18 */
	/* prepared and not wanted */
	store_ahead_end(s, c);
	/* used once only */
	assert_int_equal(ctl(s, "restore 11"), 0);
	assert_hash(s, 11);
	assert_int_equal(s->building, 0);
	compare_all(s);
	close_and_check(s);
}

static void test_nothing_to_build(void **state)
{
	static const char *const lines[] = {"restore nosuch", "restore",
		"restore 99", "restore \"", "restore 99999999999999999999",
		"forget before=1", "vacuum"};
	struct store *s = open_small();

	grow_tree(s);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct store_ahead *a = begin(s, lines[i]);

		assert_non_null(a);
		assert_null(a->view);
		store_ahead_end(s, a);
	}
	assert_int_equal(ctl(s, "checkpoint \"two words\""), 0);
	run_and_record(s, "touch a w");
	{
		struct store_ahead *a = begin(s, "restore \"two words\"\n");

		assert_non_null(a->view);
		assert_int_equal(ctl(s, "restore \"two words\"\n"), 0);
		assert_true(a->done);
		store_ahead_end(s, a);
	}
	assert_hash(s, 14);
	close_and_check(s);
}

/* History is forgotten before the machine that was built from it is used. */
static void test_forgotten(void **state)
{
	struct store *s = open_small();
	struct store_ahead *gone, *kept;

	grow_tree(s);
	assert_int_equal(store_restore(s, "11"), 0);
	run_and_record(s, "touch a+12K w"); /* 15 */
	gone = begin(s, "restore 8");
	kept = begin(s, "restore 10");
	assert_int_equal(store_forget(s, 10), 0);
	assert_int_equal(ctl(s, "restore 8"), 0);
	assert_non_null(strstr(replies, "forgotten"));
	assert_hash(s, 15);
	store_ahead_end(s, gone);
	assert_int_equal(ctl(s, "restore 10"), 0);
	assert_true(kept->done);
	assert_hash(s, 10);
	store_ahead_end(s, kept);
	assert_int_equal(proc(s, 2, "touch a w"), 0);
	close_and_check(s);
}

/* Writes to the first pages of b. */
static void scribble(struct store *s, int pages, int round)
{
	char *text = malloc((size_t)pages * 40);
	size_t n = 0;

	for (int i = 0; i < pages; i++)
		n += (size_t)sprintf(
			text + n, "write b+%d \"%d %d\"\n", i * 4096, i, round);
	assert_int_equal(proc(s, 2, text), 0);
	free(text);
}

/* The layers of a machine that waits to be used are no garbage. */
static void test_layers_stay(void **state)
{
	struct store *s = open_small();
	struct store_ahead *a;
	char early[33], now[33];
	bool more = true;

	populate(s);
	assert_int_equal(proc(s, 2, "mmap 4M rw as=b"), 0);
	scribble(s, 256, 98);
	assert_int_equal(store_snapshot(s), 0);
	scribble(s, 256, 99); /* a layer that nothing else needs */
	assert_int_equal(store_checkpoint(s, "early"), 0);
	hash_of(s, early);
	a = begin(s, "restore early");
	assert_non_null(a->view);
	assert_int_equal(store_checkpoint_remove(s, "early"), 0);
	for (int i = 0; i < 8; i++) {
		scribble(s, 256, i);
		store_lock(s);
		assert_int_equal(
			store_sql(s, "DELETE FROM checkpoint", "test"), 0);
		store_unlock(s);
		assert_int_equal(store_snapshot(s), 0);
	}
	store_lock(s);
	for (int i = 0; more && i < 9; i++)
		assert_int_equal(collect_garbage(s, &more), 0);
	store_unlock(s);
	assert_int_equal(ctl(s, "restore early"), 0);
	assert_true(a->done);
	hash_of(s, now);
	assert_string_equal(now, early);
	store_ahead_end(s, a);
	/* what is saved next lists the layer */
	assert_int_equal(proc(s, 2, "write b \"more\""), 0);
	close_and_check(s);
}

static void test_checkpoint(void **state)
{
	struct store *s = open_small();
	struct store_ahead *a;
	char hash[33], now[33];

	populate(s);
	assert_int_equal(proc(s, 2, "mmap 8M rw as=b"), 0);
	scribble(s, 2048, 0);
	hash_of(s, hash);
	a = begin(s, "checkpoint x");
	assert_true(a->ran);
	assert_int_equal(proc(s, 2, "write b \"later\""), 0);
	/* it has run: this is its reply */
	assert_int_equal(ctl(s, "checkpoint x"), 0);
	assert_string_equal(replies, "2054");
	assert_int_equal(ctl(s, "checkpoint x"), 0);
	assert_non_null(strstr(replies, "-EEXIST"));
	store_ahead_end(s, a);
	scribble(s, 64, 1);
	assert_int_equal(ctl(s, "restore x"), 0);
	hash_of(s, now);
	assert_string_equal(now, hash);
	close_and_check(s);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
		T(test_restore),
		T(test_nothing_to_build),
		T(test_forgotten),
		T(test_layers_stay),
		T(test_checkpoint),
	};

	SQL_CHILD(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
