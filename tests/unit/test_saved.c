/*
 * Saving what changed against saving everything: after each step of long
 * random runs, the hash that was kept up to date is that of the bytes, and
 * what is loaded from the layers is the machine, byte for byte.
 */
#include "store_util.h"

#include "../../host/host.h"

#define STEPS 60

static unsigned seed;

static unsigned below(unsigned n)
{
	return (unsigned)rand_r(&seed) % n;
}

/* ---- random work -------------------------------------------------------- */

static const char *const process_lines[] = {
	"mmap %uK rw as=m%u",
	"write m%2$u+%1$u \"x%1$u\"",
	"write m%2$u+8K hex:00",
	"touch m%2$u %1$uK w",
	"munmap m%2$u+4K 8K",
	"mprotect m%2$u %1$uK r",
	"mprotect m%2$u %1$uK rw",
	"madvise m%2$u %1$uK dontneed",
	"mremap m%2$u 16K %1$uK",
	"mmap %uK rw flags=shared as=m%u",
	"mmap 64K rw flags=shared file=/f%2$u as=m%2$u",
	"mmap %uK rw file=/f%u as=m%2$u",
	"msync m%2$u 64K sync",
	"sbrk %1$uK",
	"mlock m%2$u 16K",
	"fork",
};

static void process_step(struct store *s)
{
	const unsigned n = sizeof(process_lines) / sizeof(*process_lines);
	char line[128];

	snprintf(line, sizeof(line), process_lines[below(n)], 4 + below(200),
		below(4));
	proc(s, 2 + below(3), line);
}

static void disk_step(struct store *s)
{
	static char data[20000];
	char line[64];
	unsigned file = below(4);
	struct event e = {.actor = {ACTOR_DISK, 0, 1000, 100}, .text = line};
	struct vm_outcome out;

	switch (below(4)) {
	case 0:
		snprintf(line, sizeof(line), "create /f%u", file);
		break;
	case 1:
		snprintf(line, sizeof(line), "truncate /f%u %u", file,
			below(40000));
		break;
	case 2:
		snprintf(line, sizeof(line), "unlink /f%u", file);
		break;
	default:
		memset(data, (int)below(3), sizeof(data));
		snprintf(line, sizeof(line), "write /f%u %u", file,
			below(30000));
		e.blob = data;
		e.blob_len = 1 + below(sizeof(data));
	}
	e.text_len = strlen(line);
	store_exec(s, &e, NULL, NULL, &out);
}

static void machine_step(struct store *s)
{
	char line[64];

	if (below(3)) {
		ctl(s, "spawn");
		return;
	}
	snprintf(line, sizeof(line), "kill %u", 2 + below(6));
	ctl(s, line);
}

static void random_steps(struct store *s, unsigned n)
{
	while (n--) {
		unsigned what = below(10);

		if (!what)
			machine_step(s);
		else if (what < 3)
			disk_step(s);
		else
			process_step(s);
	}
}

/* ---- comparing ---------------------------------------------------------- */

static void assert_same_bytes(struct vm *a, struct vm *b)
{
	uint8_t buf[2][STATE_PAGE];
	struct vm_segment x, y;

	for (unsigned i = 0; i < vm_nr_segments(); i++) {
		vm_segment(a, i, &x);
		vm_segment(b, i, &y);
		assert_int_equal(x.used, y.used);
		for (uint64_t p = 0; p << STATE_SHIFT < x.used; p++)
			assert_memory_equal(page_bytes(&x, p, buf[0]),
				page_bytes(&y, p, buf[1]), STATE_PAGE);
	}
}

/* Loads what the store has just saved and compares. */
static void compare_loaded(struct store *s)
{
	struct saved v = {.hash = ""};
	char err[SENTENCE_MAX];
	struct vm *m = vm_blank(&s->config, &host_mmap, err);
	struct track *t;
	sqlite3_stmt *st;

	assert_non_null(m);
	store_lock(s);
	assert_int_equal(store_prepare(s,
				 "SELECT " SAVED_COLUMNS
				 " FROM checkpoint ORDER BY id DESC LIMIT 1",
				 &st),
		0);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	assert_int_equal(saved_read(s, st, 0, &v), 0);
	sqlite3_finalize(st);
	assert_int_equal(state_load(s, &v, m, &t), 0);
	store_unlock(s);
	assert_same_bytes(s->vm, m);
	assert_true(hash_equal(track_hash(t), track_hash(s->track)));
	assert_true(s->track->nr_layers <= LAYERS_MAX + 1);
	bytes_free(&v.layers);
	track_free(t);
	vm_destroy(m);
}

static void save_and_compare(struct store *s)
{
	char h[33], full[33];

	hash_of(s, full);
	assert_int_equal(store_snapshot(s), 0);
	store_live_hash(s, h);
	assert_string_equal(h, full);
	compare_loaded(s);
}

static void go_back(struct store *s)
{
	char line[32];

	snprintf(line, sizeof(line), "%llu",
		(unsigned long long)below((unsigned)store_seq(s) + 1));
	assert_int_equal(store_restore(s, line), 0);
}

/* --check walks the live path alone: it runs where no other is. */
static void random_run(const char *arch, unsigned with, bool turns)
{
	static const char *const keys[] = {"arch", "ram", "disk", "cpus"};
	const char *const values[] = {arch, "32M", "16M", "2"};
	struct store_options o = {
		.keys = keys, .values = values, .nr_keys = 4, .notice = note};
	struct store *s = open_with(&o);
	char h1[33], h2[33];

	seed = with;
	ctl(s, "spawn");
	for (int i = 0; i < STEPS; i++) {
		random_steps(s, 1 + below(12));
		save_and_compare(s);
		if (turns && !below(8))
			go_back(s);
		if (below(20))
			continue;
		hash_of(s, h1);
		store_close(s);
		s = open_with(&o);
		hash_of(s, h2);
		assert_string_equal(h1, h2);
	}
	assert_sound(s);
	store_close(s);
	notices_clear();
	if (!turns && store_check(db_path, &o, store_err) != 0)
		fail_msg("%s %s", store_err, notices);
}

static void test_x86_64(void **state)
{
	random_run("x86_64", 1, true);
	unlink(db_path);
	random_run("x86_64", 3, false);
}

static void test_i386(void **state)
{
	random_run("i386", 2, true);
	unlink(db_path);
	random_run("i386", 4, false);
}

/* Many layers become few, and hidden pages go. */
static void test_layers_stay_few(void **state)
{
	struct store *s = open_small();
	char line[64];

	populate(s);
	for (int i = 0; i < 200; i++) {
		snprintf(line, sizeof(line), "write a+%d \"z%d\"",
			(i * 5 % 64) * 4096, i);
		assert_int_equal(proc(s, 2, line), 0);
		assert_int_equal(store_snapshot(s), 0);
		assert_true(s->track->nr_layers <= LAYERS_MAX + 1);
	}
	compare_loaded(s);
	store_close(s);
}

/* What no checkpoint needs any more goes, and only that. */
static void test_garbage(void **state)
{
	struct store *s = open_small();
	bool more = true;
	int64_t n;

	populate(s);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(proc(s, 2, "touch a 1M w\nmunmap a 64K"), 0);
		assert_int_equal(proc(s, 2, "write a+512K \"1\""), 0);
		assert_int_equal(store_snapshot(s), 0);
	}
	store_lock(s);
	assert_int_equal(
		store_sql(s, "DELETE FROM checkpoint", "forget all"), 0);
	while (more)
		assert_int_equal(collect_garbage(s, &more), 0);
	store_unlock(s);
	/* those of the live machine are kept: the next save needs them */
	assert_int_equal(proc(s, 2, "write a+512K \"2\""), 0);
	assert_int_equal(store_snapshot(s), 0);
	compare_loaded(s);
	store_idle(s);
	n = sql_int("SELECT sum(length(pages)) / 8 FROM pack");
	assert_int_equal(n, s->saver.nr_pages);
	store_close(s);
	assert_int_equal(sql("DELETE FROM checkpoint"), SQLITE_OK);
	s = open_small();
	more = true;
	store_lock(s);
	while (more)
		assert_int_equal(collect_garbage(s, &more), 0);
	store_unlock(s);
	s->no_snapshot_at_close = true;
	store_close(s);
	assert_int_equal(sql_int("SELECT count(*) FROM pack"), 0);
}

#define T(name) \
	cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(test_x86_64),
		T(test_i386),
		T(test_layers_stay_few),
		T(test_garbage),
	};

	SQL_CHILD(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
