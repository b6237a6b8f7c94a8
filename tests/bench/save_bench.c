/*
 * Saving and loading a machine with 1 GiB of memory written: the first
 * checkpoint, one after 1 % of the pages changed, a restore.
 *
 *	save_bench [DIRECTORY]
 *
 * Half of each page is random and half repeats: zstd gets 2:1.  The memory is
 * written without the journal, for the machine is thrown away.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../../host/host.h"
#include "../../persist/store_i.h"
#include "../../vm/mmu/mmu.h"
#include "../../vm/task/task.h"
#include "bench.h"

#define PAGES  262144u
#define BASE   0x100000000ull
#define ROUNDS 5

static char db_path[300];
static uint64_t rng = 88172645463325252ull;

static void die(const char *what)
{
	fprintf(stderr, "save_bench: %s\n", what);
	exit(1);
}

static uint64_t next_random(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	return rng ^= rng << 17;
}

static void run(struct store *s, uint32_t kind, const char *text)
{
	struct event e = {.actor = {kind, 1, 0, 0},
		.text = text,
		.text_len = strlen(text)};
	struct vm_outcome out;

	if (store_exec(s, &e, NULL, NULL, &out) || out.failed)
		die(store_sentence(s));
}

static void write_page(struct vm *m, uint64_t n)
{
	uint64_t page[512];
	struct sigfault f;

	for (unsigned i = 0; i < 256; i++)
		page[i] = next_random();
	memset(page + 256, 0x5a, 2048);
	if (mem_access(m, task_find(m, 1), BASE + n * 4096, sizeof(page),
		    ACC_WRITE, page, &f))
		die(vm_sentence(m));
}

static void row(
	const char *what, double value, const char *unit, const char *target)
{
	printf("%-44s %10.1f %10s %8s %-8s %s\n", what, value, "-", "-", unit,
		target);
	fflush(stdout);
}

/* Takes a checkpoint as the store's thread does; the longest slice. */
static double save(struct store *s, double *longest)
{
	uint64_t t0 = clock_ns(), t = t0, now;
	bool near = false;

	*longest = 0;
	store_lock(s);
	s->vm->root->seq++; /* something happened */
	while (!near) {
		if (save_slice(s, &near))
			die(store_sentence(s));
		now = clock_ns();
		if ((double)(now - t) / 1e6 > *longest)
			*longest = (double)(now - t) / 1e6;
		store_unlock(s);
		store_lock_last(s);
		t = clock_ns();
	}
	if (snapshot_take(s))
		die(store_sentence(s));
	now = clock_ns();
	if ((double)(now - t) / 1e6 > *longest)
		*longest = (double)(now - t) / 1e6;
	store_unlock(s);
	return (double)(now - t0) / 1e6;
}

static double newest_layer_bytes(struct store *s)
{
	double bytes = 0;
	sqlite3_stmt *st;

	store_lock(s);
	if (store_prepare(s,
		    "SELECT sum(length(data) + length(pages) + 20) FROM pack "
		    "WHERE id >> 20 = (SELECT max(id) >> 20 FROM pack)",
		    &st) ||
		sqlite3_step(st) != SQLITE_ROW)
		die("no layer");
	bytes = sqlite3_column_double(st, 0);
	sqlite3_finalize(st);
	store_unlock(s);
	return bytes;
}

static void bench_changes(struct store *s)
{
	double ms[ROUNDS], hold[ROUNDS], size[ROUNDS];

	for (int r = 0; r < ROUNDS; r++) {
		for (unsigned i = 0; i < PAGES / 100; i++)
			write_page(s->vm, next_random() % PAGES);
		ms[r] = save(s, &hold[r]);
		size[r] = newest_layer_bytes(s) / (PAGES / 100 * 4096.0);
	}
	row("checkpoint after 1 % of 1 GiB changed", median(ms, ROUNDS), "ms",
		"< 50");
	row("  the longest that commands wait for it", median(hold, ROUNDS),
		"ms", "< 20");
	row("  its bytes to those of changed pages", median(size, ROUNDS), "",
		"<= 2");
}

static void bench_load(struct store *s)
{
	double ms[ROUNDS];
	struct saved v = {.hash = ""};
	char err[SENTENCE_MAX];
	sqlite3_stmt *st;

	/* the disk is not to be busy with the saves before */
	for (bool busy = true; busy; usleep(10000)) {
		store_lock(s);
		busy = s->back.wal;
		store_unlock(s);
	}
	store_lock(s);
	if (store_prepare(s,
		    "SELECT " SAVED_COLUMNS
		    " FROM checkpoint ORDER BY id DESC LIMIT 1",
		    &st) ||
		sqlite3_step(st) != SQLITE_ROW || saved_read(s, st, 0, &v))
		die("no checkpoint");
	sqlite3_finalize(st);
	for (int r = 0; r < ROUNDS; r++) {
		uint64_t t0 = clock_ns();
		struct vm *m = vm_blank(&s->config, &host_mmap, err);
		struct track *t;

		if (!m || state_load(s, &v, m, &t) || vm_reindex(m))
			die(store_sentence(s));
		ms[r] = (double)(clock_ns() - t0) / 1e6;
		track_free(t);
		vm_destroy(m);
	}
	store_unlock(s);
	bytes_free(&v.layers);
	row("restore of 1 GiB", median(ms, ROUNDS), "ms", "< 1000");
}

int main(int argc, char **argv)
{
	const char *keys[] = {"ram"}, *values[] = {"2G"};
	struct store_options o = {.keys = keys,
		.values = values,
		.nr_keys = 1,
		.no_snapshot_at_close = true};
	char err[STORE_ERR_MAX];
	double ms, longest;
	struct store *s;

	snprintf(db_path, sizeof(db_path), "%s/save_bench.db",
		argc > 1 ? argv[1] : "/tmp");
	remove_database(db_path);
	if (store_open(db_path, &o, &s, err))
		die(err);
	run(s, ACTOR_PROCESS, "mmap 1G rw addr=0x100000000 flags=fixed");
	for (unsigned i = 0; i < PAGES; i++)
		write_page(s->vm, i);
	ms = save(s, &longest);
	row("first checkpoint of 1 GiB", PAGES * 4.096 / ms, "MB/s", ">= 500");
	row("  the longest that commands wait for it", longest, "ms", "< 20");
	bench_changes(s);
	bench_load(s);
	store_close(s);
	remove_database(db_path);
	return 0;
}
