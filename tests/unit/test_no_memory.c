/*
 * Allocations that fail, one after the other, under everything a store does:
 * the call fails with -ENOMEM and a sentence, or does without; nothing has
 * changed, and the same works when there is memory again.
 *
 * All allocations of the process come through here, SQLite's and zstd's as
 * well, and the address space that a machine reserves.
 */
#include "store_util.h"

#include <errno.h>
#include <sys/mman.h>

/* Allocations until one fails; 0 never.  `lasting`: and all after it, too. */
static unsigned fuse_length;
static bool failed, lasting;

static bool burns(void)
{
	if (!fuse_length)
		return false;
	if (fuse_length > 1 && fuse_length--)
		return false;
	if (!lasting)
		fuse_length = 0;
	failed = true;
	errno = ENOMEM;
	return true;
}

#ifdef __SANITIZE_ADDRESS__ /* which has these itself */
#define REAL(name) __interceptor_##name
#else
#define REAL(name) __libc_##name
#endif
void *REAL(malloc)(size_t n);
void *REAL(calloc)(size_t n, size_t size);
void *REAL(realloc)(void *p, size_t n);

void *malloc(size_t n)
{
	return burns() ? NULL : REAL(malloc)(n);
}

void *calloc(size_t n, size_t size)
{
	return burns() ? NULL : REAL(calloc)(n, size);
}

void *realloc(void *p, size_t n)
{
	return burns() ? NULL : REAL(realloc)(p, n);
}

/* The disk is not what is tested. */
int fsync(int fd)
{
	return 0;
}

int fdatasync(int fd)
{
	return 0;
}

/* Address space: the machine's host, see vm_host. */
void *__wrap_mmap(void *at, size_t n, int prot, int flags, int fd, off_t off);
void *__real_mmap(void *at, size_t n, int prot, int flags, int fd, off_t off);

void *__wrap_mmap(void *at, size_t n, int prot, int flags, int fd, off_t off)
{
	return burns() ? MAP_FAILED : __real_mmap(at, n, prot, flags, fd, off);
}

/* The next allocation to fail: each one with PAGEFS_EVERY, else the further on
 * the fewer. */
static unsigned after(unsigned n)
{
	return n + 1 + (getenv("PAGEFS_EVERY") ? 0 : n / 24);
}

/* ---- under each call ---------------------------------------------------- */

static struct store *make(void)
{
	struct store *s = open_small();

	populate(s);
	assert_int_equal(store_snapshot(s), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(proc(s, 2, "write a+64K \"x\""), 0);
	assert_int_equal(store_checkpoint(s, "c"), 0);
	assert_int_equal(proc(s, 2, "write a+64K \"y\""), 0);
	assert_int_equal(store_restore(s, "7"), 0);
	assert_int_equal(proc(s, 2, "write a+64K \"z\"\ntouch a 1M w"), 0);
	return s;
}

/* What is called; 0 or -errno. */
typedef int call_fn(struct store *s);

static int of_reply(int rc)
{
	if (rc)
		return rc;
	return strncmp(replies, "-ENOMEM ", 8) ? *replies == '-' : -ENOMEM;
}

static int call_line(struct store *s)
{
	return proc(s, 2, "mmap 64K rw as=b");
}

static int call_long_write(struct store *s)
{
	static char text[20000];
	size_t n = 0;

	while (n < sizeof(text) - 64)
		n += (size_t)sprintf(text + n, "write a+%zu \"%zu\"\n", n, n);
	return proc(s, 2, text);
}

static int call_payload(struct store *s)
{
	static char data[30000];
	struct event e = {.actor = {ACTOR_DISK, 0, 1000, 100},
		.text = "write /f 0",
		.text_len = 10,
		.blob = data,
		.blob_len = sizeof(data)};
	struct vm_outcome out;

	return store_exec(s, &e, NULL, NULL, &out);
}

static int call_spawn(struct store *s)
{
	return ctl(s, "spawn\nspawn\nspawn");
}

static int call_snapshot(struct store *s)
{
	return store_snapshot(s);
}

static int call_checkpoint(struct store *s)
{
	return of_reply(ctl(s, "checkpoint d"));
}

static int call_rename(struct store *s)
{
	return store_checkpoint_rename(s, "c", "e", false);
}

static int call_remove(struct store *s)
{
	return store_checkpoint_remove(s, "c");
}

static int call_restore(struct store *s)
{
	return of_reply(ctl(s, "restore 6"));
}

static int call_forget(struct store *s)
{
	return of_reply(ctl(s, "forget before=7"));
}

static int call_vacuum(struct store *s)
{
	return of_reply(ctl(s, "vacuum"));
}

static int call_sync(struct store *s)
{
	return store_sync(s);
}

static int call_idle(struct store *s)
{
	store_idle(s);
	return 0;
}

static int call_view(struct store *s)
{
	struct store_view *v;
	int rc = store_view_open(s, "4", NULL, &v, store_err);

	if (!rc)
		store_view_close(v);
	else
		assert_true(*store_err);
	return rc;
}

static int call_log(struct store *s)
{
	char buf[1000];
	int64_t n = store_log_read(s, 0, buf, sizeof(buf));

	return n < 0 ? (int)n : 0;
}

static int call_timelines(struct store *s)
{
	char *text = store_timelines(s);

	free(text);
	return text ? 0 : -ENOMEM;
}

static int call_hash(struct store *s)
{
	char h1[33], h2[33];
	unsigned keep = fuse_length;

	store_live_hash(s, h1);
	keep = fuse_length;
	fuse_length = 0;
	hash_of(s, h2);
	fuse_length = keep;
	assert_string_equal(h1, h2);
	return 0;
}

static const struct call {
	const char *name;
	call_fn *fn;
	bool changes,  /* the state */
		dirty; /* there is something to save */
} calls[] = {
	{"a line", call_line, true, false},
	{"a long write", call_long_write, true, false},
	{"a payload", call_payload, true, false},
	{"spawn", call_spawn, true, false},
	{"a saved state", call_snapshot, false, true},
	{"a checkpoint", call_checkpoint, false, true},
	{"a new name", call_rename, false, false},
	{"a name less", call_remove, false, false},
	{"restore", call_restore, true, false},
	{"forget", call_forget, false, true},
	{"vacuum", call_vacuum, false, false},
	{"a sync", call_sync, false, false},
	{"a quiet moment", call_idle, false, true},
	{"a past moment", call_view, false, false},
	{"the log", call_log, false, false},
	{"timelines", call_timelines, false, false},
	{"the hash", call_hash, false, true},
};

/* A reply for which there was no memory is missing until the next mount. */
static void read_log(struct store *s)
{
	uint64_t size = store_log_size(s), off = 0;
	char buf[5000];

	while (off < size) {
		int64_t n = store_log_read(s, off, buf, sizeof(buf));

		if (n < 0) {
			assert_int_equal(n, -ENOMEM);
			assert_non_null(strstr(store_sentence(s), "reply"));
			return;
		}
		off += (uint64_t)n;
	}
}

/* The n-th allocation fails.  Returns false when there are not so many. */
static bool fails_at(const struct call *c, unsigned n, unsigned *refused)
{
	struct store *s;
	char h1[33], h2[33];
	uint64_t seq;
	int rc;

	s = open_small();
	if (c->dirty)
		assert_int_equal(proc(s, 2, "touch a 1M w"), 0);
	seq = store_seq(s);
	hash_of(s, h1);
	failed = false;
	fuse_length = n;
	rc = c->fn(s);
	fuse_length = 0;
	if (rc) {
		if (rc != -ENOMEM || !failed)
			fail_msg("%s, %u: %d %s %s", c->name, n, rc,
				store_sentence(s), replies);
		assert_true(*store_sentence(s));
		++*refused;
	}
	hash_of(s, h2);
	if (rc || !c->changes) {
		assert_string_equal(h1, h2);
		assert_int_equal(store_seq(s), seq);
	}
	if (rc) {
		rc = c->fn(s);
		if (rc)
			fail_msg("%s, %u, again: %d %s", c->name, n, rc,
				store_sentence(s));
	}
	assert_sound(s);
	read_log(s);
	hash_of(s, h1);
	store_close(s);
	s = open_small();
	hash_of(s, h2);
	if (strcmp(h1, h2))
		fail_msg("%s, %u: another state at the next mount", c->name, n);
	free(whole_log(s, 5000));
	store_close(s);
	return failed;
}

static void copy_file(const char *from, const char *to)
{
	char cmd[256];

	snprintf(cmd, sizeof(cmd), "cp %s %s", from, to);
	assert_int_equal(system(cmd), 0);
}

static void under(const struct call *c)
{
	char template[128];
	unsigned refused = 0, n = 1;

	snprintf(template, sizeof(template), "%s/template", scratch);
	copy_file(template, db_path);
	while (fails_at(c, n, &refused)) {
		if (n % 16 == 0)
			assert_clean();
		copy_file(template, db_path);
		n = after(n);
	}
	assert_clean();
	print_message("%s: %u allocations, %u refused\n", c->name, n, refused);
}

static void under_all(bool all_after)
{
	char template[128];

	store_close(make());
	snprintf(template, sizeof(template), "%s/template", scratch);
	copy_file(db_path, template);
	lasting = all_after;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		under(&calls[i]);
	lasting = false;
}

static void test_one(void **state)
{
	under_all(false);
}

static void test_all_after(void **state)
{
	under_all(true);
}

/* ---- while a machine is opened ------------------------------------------ */

/* `template`: what is opened; NULL: a machine is made. */
static void open_fails(
	struct store_options o, const char *template, const char *want)
{
	unsigned refused = 0, n = 0;
	struct store *s;
	char h[33];
	int rc;

	do {
		n = after(n);
		if (template)
			copy_file(template, db_path);
		else
			unlink(db_path);
		failed = false;
		fuse_length = n;
		rc = store_open(db_path, &o, &s, store_err);
		fuse_length = 0;
		if (rc) {
			if (rc != -ENOMEM || !failed)
				fail_msg("%u: %d %s", n, rc, store_err);
			assert_true(*store_err);
			refused++;
			s = open_with(&o);
		}
		hash_of(s, h);
		if (*want)
			assert_string_equal(h, want);
		assert_sound(s);
		store_close(s);
	} while (failed);
	assert_true(refused > 10);
	assert_clean();
	print_message("%u allocations, %u refused\n", n, refused);
}

static void test_open(void **state)
{
	struct store_options o = small_machine();
	char template[128], want[33];
	struct store *s = make();

	hash_of(s, want);
	store_close(s);
	snprintf(template, sizeof(template), "%s/template", scratch);
	copy_file(db_path, template);
	open_fails(o, template, want);
	o.read_only = true;
	open_fails(o, template, want);
	/* without saved states and results: by a replay */
	assert_int_equal(sql("DELETE FROM checkpoint; DELETE FROM pack; "
			     "DELETE FROM result; DELETE FROM process; "
			     "DELETE FROM vma; DELETE FROM zone; "
			     "DELETE FROM counter; "
			     "PRAGMA wal_checkpoint(TRUNCATE)"),
		SQLITE_OK);
	copy_file(db_path, template);
	o.read_only = false;
	open_fails(o, template, want);
}

static void test_create(void **state)
{
	struct store_options o = small_machine();
	struct store *s = open_small();
	char want[33];

	hash_of(s, want);
	store_close(s);
	open_fails(o, NULL, want);
}

#define T(name) \
	cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(test_one),
		T(test_all_after),
		T(test_open),
		T(test_create),
	};

	SQL_CHILD(argc, argv);
	cmocka_set_test_filter(getenv("CMOCKA_TEST_FILTER"));
	/* each small allocation of SQLite is one of the heap */
	sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
