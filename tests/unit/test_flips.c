/*
 * A bit flips, in any page of any table, or in the WAL: whatever opens the
 * machine gets the right state or an error with a sentence; where --check finds
 * nothing, all is as it was.
 *
 * A frame of the WAL whose checksum fails ends it: what SQLite takes for the
 * end of the journal cannot be told from a commit that the power cut.  The
 * machine is then what it was after an earlier line.
 *
 *	PAGEFS_FLIPS=5000 PAGEFS_SEED=7 build/tests/unit/test_flips
 */
#include "store_util.h"

#define NAMES 3
#define LINES 64

static const char *const names[NAMES] = {"one", "two", "three"};
static char want[33], named[NAMES][33], *want_log, *want_tables;
static char after_line[LINES][33]; /* states that were, in any order */
static unsigned nr_after;
static unsigned seed = 1;

/* The files as they are to be flipped. */
static uint8_t *db_bytes, *wal_bytes;
static size_t db_size, wal_size;

static unsigned below(size_t n)
{
	return (unsigned)rand_r(&seed) % (unsigned)n;
}

static uint8_t *read_file(const char *path, size_t *size)
{
	FILE *f = fopen(path, "r");
	uint8_t *p;

	*size = 0;
	if (!f)
		return NULL;
	fseek(f, 0, SEEK_END);
	*size = (size_t)ftell(f);
	rewind(f);
	p = malloc(*size + 1);
	assert_int_equal(fread(p, 1, *size, f), *size);
	fclose(f);
	return p;
}

static void write_file(const char *path, const uint8_t *data, size_t size)
{
	FILE *f = fopen(path, "w");

	assert_int_equal(fwrite(data, 1, size, f), size);
	fclose(f);
}

static void beside(char path[128], const char *suffix)
{
	snprintf(path, 128, "%s%s", db_path, suffix);
}

/* The machine as it was made, but for a bit at `at` of a file, which has a
 * byte more than it needs. */
static void put_files(uint8_t *flipped, size_t at)
{
	uint8_t bit = (uint8_t)(1u << below(8));
	char path[128];

	flipped[at] ^= bit;
	write_file(db_path, db_bytes, db_size);
	beside(path, "-shm");
	unlink(path);
	beside(path, "-wal");
	unlink(path);
	if (wal_size)
		write_file(path, wal_bytes, wal_size);
	flipped[at] ^= bit;
}

/* ---- the machine -------------------------------------------------------- */

static void line(struct store *s, uint32_t pid, const char *text)
{
	assert_int_equal(do_exec(s, pid ? ACTOR_PROCESS : ACTOR_MACHINE, pid,
				 text, NULL),
		0);
	assert_true(*replies != '-');
	assert_true(nr_after < LINES);
	hash_of(s, after_line[nr_after++]);
}

static void name(struct store *s, unsigned i)
{
	assert_int_equal(store_checkpoint(s, names[i]), 0);
	hash_of(s, named[i]);
}

/* What people read with sqlite3: each row of the tables about moments. */
static char *read_tables(void)
{
	static const char *const sqls[] = {
		"SELECT name, seq, time, log_off FROM checkpoint WHERE name "
		"NOT NULL ORDER BY name",
		"SELECT * FROM process",
		"SELECT * FROM vma",
		"SELECT * FROM zone",
		"SELECT * FROM counter",
		"SELECT seq, lines, log_off, reply FROM result ORDER BY seq",
	};
	struct bytes all = {0};
	sqlite3 *db;

	assert_int_equal(sqlite3_open(db_path, &db), SQLITE_OK);
	for (size_t i = 0; i < sizeof(sqls) / sizeof(sqls[0]); i++) {
		sqlite3_stmt *st = NULL;

		sqlite3_prepare_v2(db, sqls[i], -1, &st, NULL);
		while (sqlite3_step(st) == SQLITE_ROW) {
			for (int c = 0; c < sqlite3_column_count(st); c++) {
				const void *p = sqlite3_column_text(st, c);
				size_t n = (size_t)sqlite3_column_bytes(st, c);

				bytes_add(&all, p ? p : "NULL", p ? n : 4);
				bytes_add(&all, "|", 1);
			}
			bytes_add(&all, "\n", 1);
		}
		sqlite3_finalize(st);
	}
	bytes_add(&all, "", 1);
	sqlite3_close(db);
	return all.data;
}

static void make(void)
{
	static char text[9000], data[20000];
	struct event e = {.actor = {ACTOR_DISK, 0, 1000, 100},
		.text = "write /f 0",
		.text_len = 10,
		.blob = data,
		.blob_len = sizeof(data)};
	struct vm_outcome out;
	struct store *s = open_small();
	char path[128];
	size_t n = 0;

	nr_after = 0;
	hash_of(s, after_line[nr_after++]);
	line(s, 0, "spawn");
	line(s, 2, "mmap 1M rw as=a");
	name(s, 0);
	while (n < sizeof(text) - 64)
		n += (size_t)sprintf(
			text + n, "write a+%zu \"%zu\"\n", n * 90, n);
	line(s, 2, text); /* a payload of text */
	line(s, 0, "restore one");
	line(s, 2, "touch a 512K w");
	assert_int_equal(store_exec(s,
				 &(struct event){.actor = e.actor,
					 .text = "create /f",
					 .text_len = 9},
				 NULL, NULL, &out),
		0);
	assert_int_equal(store_exec(s, &e, NULL, NULL, &out), 0);
	hash_of(s, after_line[nr_after++]);
	name(s, 1);
	line(s, 2, "write a \"x\"");
	name(s, 2);
	line(s, 2, "write a \"y\"");
	store_close(s);
	/* and some that are in the WAL alone */
	s = open_small();
	for (int i = 0; i < 12; i++)
		line(s, 2, "sbrk 4K");
	hash_of(s, want);
	want_log = whole_log(s, 4096);
	beside(path, "-wal");
	wal_bytes = read_file(path, &wal_size);
	assert_true(wal_size > 12 * 1024);
	db_bytes = read_file(db_path, &db_size);
	store_close(s);
	put_files(db_bytes, db_size); /* as they were read */
	want_tables = read_tables();
}

static void unmake(void)
{
	free(db_bytes);
	free(wal_bytes);
	free(want_log);
	free(want_tables);
}

/* ---- looking ------------------------------------------------------------ */

static bool was(const char *hash)
{
	for (unsigned i = 0; i < nr_after; i++)
		if (!strcmp(after_line[i], hash))
			return true;
	return false;
}

static void compare_names(struct store *s, bool sound)
{
	struct store_view *v;
	char hash[33];

	for (unsigned i = 0; i < NAMES; i++) {
		int rc = store_view_open(s, names[i], NULL, &v, store_err);

		if (rc) {
			assert_true(rc < 0 && *store_err && !sound);
			continue;
		}
		store_state_hash(store_view_vm(v), hash);
		assert_string_equal(hash, named[i]);
		store_view_close(v);
	}
}

/* NULL where it cannot be read. */
static char *read_log(struct store *s)
{
	uint64_t size = store_log_size(s);
	char *log = malloc(size + 1);
	int64_t n = store_log_read(s, 0, log, size);

	if (n < (int64_t)size) {
		assert_true(*store_sentence(s));
		free(log);
		return NULL;
	}
	log[size] = 0;
	return log;
}

/* `whole`: no line may be missing; `sound`: --check has found nothing. */
static void look(bool read_only, bool whole, bool sound)
{
	struct store_options o = small_machine();
	char hash[33], *log;
	struct store *s;
	int rc;

	o.read_only = read_only;
	rc = store_open(db_path, &o, &s, store_err);
	if (rc) {
		assert_true(rc < 0 && *store_err && !sound);
		return;
	}
	hash_of(s, hash);
	if (whole ? strcmp(hash, want) : !was(hash))
		fail_msg("%s a state that it %s; --check: %s",
			read_only ? "read-only," : "for writing,",
			was(hash) ? "left" : "never had", notices);
	compare_names(s, sound);
	log = whole ? read_log(s) : NULL;
	if (whole && (log ? strcmp(log, want_log) : sound))
		fail_msg("the log: %s", log ? log : store_sentence(s));
	free(log);
	store_close(s);
}

static unsigned flips(unsigned usual)
{
	const char *n = getenv("PAGEFS_FLIPS"), *with = getenv("PAGEFS_SEED");

	seed = with ? (unsigned)atoi(with) : 1;
	return n ? (unsigned)atoi(n) : usual;
}

static bool check(void)
{
	struct store_options o = {.notice = note};
	int rc;

	notices_clear();
	rc = store_check(db_path, &o, store_err);
	assert_true(rc <= 0 ? !rc || *store_err : *notices);
	return !rc;
}

/* Where --check finds nothing, there is nothing. */
static void compare_tables(size_t at)
{
	char *tables = read_tables();

	if (strcmp(tables, want_tables))
		fail_msg("--check overlooks byte %zu: %s", at, tables);
	free(tables);
}

/* Each page is hit as often. */
static void test_database(void **state)
{
	unsigned n = flips(150), sound = 0;

	make();
	for (unsigned i = 0; i < n; i++) {
		size_t at = (i * 1024 + below(1024)) % db_size;
		bool clean;

		put_files(db_bytes, at);
		clean = check();
		sound += clean;
		if (clean)
			compare_tables(at);
		look(true, true, clean);
		look(false, true, clean);
	}
	assert_in_range(sound, 1, n - 1);
	unmake();
}

static void test_wal(void **state)
{
	unsigned n = flips(80);

	make();
	for (unsigned i = 0; i < n; i++) {
		put_files(wal_bytes, below(wal_size));
		look(i % 2, false, false);
	}
	unmake();
}

#define T(name) \
	cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(test_database),
		T(test_wal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
