/*
 * Entering past moments: a journal of a million rows of mixed commands, then
 * the machine after 50 lines of it, taken at random, one after another.
 *
 *	at_bench [DIRECTORY [ROWS [SEED]]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../persist/store_i.h"
#include "../../vm/machine.h"
#include "bench.h"

#define MOMENTS	  50
#define PROCESSES 24
#define REGIONS	  32 /* of a process */

static char db_path[300];
static uint64_t rng = 88172645463325252ull;

static void die(const char *what)
{
	fprintf(stderr, "at_bench: %s\n", what);
	exit(1);
}

static uint64_t random_below(uint64_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng % n;
}

/* Refusals by the machine are rows like others. */
static void run(struct store *s, uint32_t kind, uint32_t pid, const char *text)
{
	struct event e = {.actor = {kind, pid, 0, 0},
		.text = text,
		.text_len = strlen(text)};
	struct vm_outcome out;

	if (store_exec(s, &e, NULL, NULL, &out))
		die(store_sentence(s));
}

/* A child takes the place of an old one. */
static void turn_over(struct store *s, uint32_t *pid)
{
	unsigned from = (unsigned)random_below(PROCESSES);
	unsigned to = (unsigned)random_below(PROCESSES);
	uint32_t before = s->vm->root->next_pid;

	if (from == to)
		return;
	if (pid[to])
		run(s, ACTOR_PROCESS, pid[to], "exit");
	run(s, ACTOR_PROCESS, pid[from] ? pid[from] : 1, "fork");
	pid[to] = before;
}

static void command(struct store *s, uint32_t *pid)
{
	uint32_t p = pid[random_below(PROCESSES)];
	unsigned long long at =
		0x100000000ull + random_below(REGIONS) * (1 << 20);
	unsigned long long off = random_below(60) * 4096;
	char text[128];

	switch (random_below(16)) {
	case 0:
	case 1:
		snprintf(text, sizeof(text),
			"mmap 256K rw addr=0x%llx flags=fixed", at);
		break;
	case 2:
		snprintf(text, sizeof(text), "munmap 0x%llx 256K", at);
		break;
	case 3:
		snprintf(text, sizeof(text), "mprotect 0x%llx 16K r", at);
		break;
	case 4:
		snprintf(text, sizeof(text), "sbrk 8K");
		break;
	case 5:
		snprintf(text, sizeof(text), "madvise 0x%llx 64K dontneed", at);
		break;
	case 6:
	case 7:
	case 8:
		snprintf(text, sizeof(text), "write 0x%llx \"%016llx\"",
			at + off, (unsigned long long)rng);
		break;
	default:
		snprintf(text, sizeof(text), "touch 0x%llx 16K w", at + off);
	}
	run(s, ACTOR_PROCESS, p ? p : 1, text);
	if (!random_below(200))
		turn_over(s, pid);
}

static double enter(struct store *s, uint64_t seq)
{
	char where[24], err[STORE_ERR_MAX];
	struct store_view *v;
	uint64_t t0 = clock_ns();

	snprintf(where, sizeof(where), "%llu", (unsigned long long)seq);
	if (store_view_open(s, where, NULL, &v, err))
		die(err);
	t0 = clock_ns() - t0;
	store_view_close(v);
	return (double)t0 / 1e6;
}

static void row(
	const char *what, double value, const char *unit, const char *target)
{
	printf("%-44s %10.1f %10s %8s %-8s %s\n", what, value, "-", "-", unit,
		target);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	const char *keys[] = {"ram"}, *values[] = {"256M"};
	struct store_options o = {.keys = keys, .values = values, .nr_keys = 1};
	uint64_t rows = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000;
	uint32_t pid[PROCESSES] = {0};
	double ms[MOMENTS], s0;
	char err[STORE_ERR_MAX];
	struct store *s;

	snprintf(db_path, sizeof(db_path), "%s/at_bench.db",
		argc > 1 ? argv[1] : "/tmp");
	rng += argc > 3 ? strtoull(argv[3], NULL, 10) << 20 : 0;
	remove_database(db_path);
	if (store_open(db_path, &o, &s, err))
		die(err);
	s0 = (double)clock_ns();
	while (store_seq(s) < rows)
		command(s, pid);
	s0 = ((double)clock_ns() - s0) / 1e9;
	row("a journal of mixed commands", (double)rows / s0 / 1e3, "k/s", "");
	for (unsigned i = 0; i < MOMENTS; i++)
		ms[i] = enter(s, random_below(rows + 1));
	qsort(ms, MOMENTS, sizeof(*ms), by_value);
	row("entering at/SEQ, median of 50 rows", ms[MOMENTS / 2], "ms", "");
	row("  the worst of them", ms[MOMENTS - 1], "ms", "<= 300");
	store_close(s);
	remove_database(db_path);
	return 0;
}
