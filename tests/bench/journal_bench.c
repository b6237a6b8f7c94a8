/*
 * store_exec() of a small command against a bare SQLite loop with the same
 * pragmas and row size, in turn in one run; then mounting by replay.
 *
 *	journal_bench [DIRECTORY]
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../persist/store_i.h"
#include "../../vm/machine.h"
#include "bench.h"

#define ROWS   20000
#define ROUNDS 5

static char dir[256] = "/tmp";
static char db_path[300], bare_path[300];

static void die(const char *what)
{
	fprintf(stderr, "journal_bench: %s\n", what);
	exit(1);
}

static void run(struct store *s, uint32_t kind, const char *text)
{
	struct event e = {.actor = {kind, 1, 1000, 1000},
		.text = text,
		.text_len = strlen(text)};
	struct vm_outcome out;

	if (store_exec(s, &e, NULL, NULL, &out))
		die(store_sentence(s));
}

static sqlite3_stmt *bare_open(sqlite3 **db)
{
	sqlite3_stmt *st;

	remove_database(bare_path);
	if (sqlite3_open(bare_path, db) ||
		sqlite3_exec(*db,
			"PRAGMA page_size=1024; PRAGMA journal_mode=WAL;"
			"PRAGMA synchronous=NORMAL; "
			"PRAGMA wal_autocheckpoint=16384;"
			"PRAGMA cache_size=-8192;"
			"CREATE TABLE t (seq INTEGER PRIMARY KEY, time, actor,"
			" uid, gid, command, encoding, size, payload, sum);"
			"PRAGMA locking_mode=EXCLUSIVE",
			NULL, NULL, NULL) ||
		sqlite3_prepare_v2(*db,
			"INSERT INTO t VALUES (?,?,?,?,?,?,?,?,?,?)", -1, &st,
			NULL))
		die("SQLite fails");
	return st;
}

static void bare_insert(sqlite3_stmt *st, int64_t seq)
{
	sqlite3_bind_int64(st, 1, seq);
	sqlite3_bind_int64(st, 2, seq * 200);
	sqlite3_bind_text(st, 3, "proc/1", 6, SQLITE_STATIC);
	sqlite3_bind_int64(st, 4, 1000);
	sqlite3_bind_int64(st, 5, 1000);
	sqlite3_bind_text(st, 6, "brk 0", 5, SQLITE_STATIC);
	sqlite3_bind_int64(st, 10, seq * 0x9e3779b97f4a7c15);
	if (sqlite3_step(st) != SQLITE_DONE)
		die("SQLite fails");
	sqlite3_reset(st);
}

static void bench_rows(struct store *s)
{
	double mine[ROUNDS], bare[ROUNDS];
	int64_t seq = 0;
	sqlite3 *db;
	sqlite3_stmt *st = bare_open(&db);

	for (int r = 0; r < ROUNDS; r++) {
		uint64_t t0 = clock_ns(), t1;

		for (int i = 0; i < ROWS; i++)
			run(s, ACTOR_PROCESS, "brk 0");
		t1 = clock_ns();
		for (int i = 0; i < ROWS; i++)
			bare_insert(st, ++seq);
		mine[r] = (double)(t1 - t0) / ROWS;
		bare[r] = (double)(clock_ns() - t1) / ROWS;
	}
	sqlite3_finalize(st);
	sqlite3_close(db);
	remove_database(bare_path);
	printf("%-44s %10.2f %10.2f %8.2f %-8s %s\n",
		"journaled command without FUSE, SQLite alone",
		median(mine, ROUNDS) / 1e3, median(bare, ROUNDS) / 1e3,
		median(mine, ROUNDS) / median(bare, ROUNDS), "us", "<= 2");
}

/* Lines of one bulk write, with the journal and in vm/ alone. */
static void bench_bulk(struct store *s)
{
	char *text = malloc((1u << 20) + 64), *p = text;
	struct event e = {.actor = {ACTOR_PROCESS, 1, 0, 0}};
	double mine[ROUNDS], bare[ROUNDS];
	struct vm_outcome out;
	unsigned lines = 0;

	run(s, ACTOR_PROCESS, "mmap 16M rw as=bench");
	for (; p < text + (1u << 20) - 32; lines++)
		p += sprintf(p, "touch bench+%u\n", lines % 4096 * 4096);
	e.text = text;
	e.text_len = (size_t)(p - text);
	for (int r = 0; r < ROUNDS; r++) {
		uint64_t t0 = clock_ns(), t1;

		if (store_exec(s, &e, NULL, NULL, &out))
			die(store_sentence(s));
		t1 = clock_ns();
		/* not journaled: this machine is thrown away */
		vm_apply(store_vm(s), &e, NULL, NULL, &out);
		mine[r] = (double)(t1 - t0) / lines;
		bare[r] = (double)(clock_ns() - t1) / lines;
	}
	free(text);
	printf("%-44s %10.1f %10.1f %8.2f %-8s %s\n",
		"touch line of a 1 MiB write, vm/ alone", median(mine, ROUNDS),
		median(bare, ROUNDS),
		median(mine, ROUNDS) / median(bare, ROUNDS), "ns", "+60 ns");
}

static void bench_replay(void)
{
	struct store_options o = {.read_only = true};
	struct store *s = store_new(db_path, &o);
	uint64_t t0, ns, lines;

	if (store_connect(s, &o) || replay_boot(s))
		die(store_sentence(s));
	t0 = clock_ns();
	if (replay(s, NULL))
		die(store_sentence(s));
	ns = clock_ns() - t0;
	lines = store_vm(s)->root->seq;
	printf("%-44s %10.2f %10s %8s %-8s %s\n", "replay of simple commands",
		(double)lines * 1e3 / (double)ns, "-", "-", "M/s", ">= 1");
	store_free(s);
}

int main(int argc, char **argv)
{
	struct store_options o = {0};
	char err[STORE_ERR_MAX];
	struct store *s;

	if (argc > 1)
		snprintf(dir, sizeof(dir), "%s", argv[1]);
	snprintf(db_path, sizeof(db_path), "%s/journal_bench.db", dir);
	snprintf(bare_path, sizeof(bare_path), "%s/journal_bare.db", dir);
	remove_database(db_path);
	if (store_open(db_path, &o, &s, err))
		die(err);
	bench_rows(s);
	store_close(s);
	bench_replay();
	if (store_open(db_path, &o, &s, err))
		die(err);
	bench_bulk(s);
	store_free(s);
	remove_database(db_path);
	return 0;
}
