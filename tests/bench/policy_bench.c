/*
 * Replacement: traces over twice as many pages as RAM holds, with each policy,
 * against a loop that does nothing but look up a TLB.  And faults that each
 * evict a page.  Both in one process, in turn; medians of five.
 */
#include <stdbool.h>
#include <stdio.h>

#include "../../host/host.h"
#include "../../vm/mmu/mmu.h"
#include "../../vm/reclaim/policy.h"
#include "../../vm/vm.h"
#include "trace_floor.h"

#define NR_RECORDS (8u << 20)
#define NR_FAULTS  (1u << 18)
#define NR_PAGES   30000 /* some 15,000 fit into 64 MiB */
#define COLD	   0x100000000
#define PAGE	   4096ull

static const char *const names[] = {POLICY_NAMES};

static void die(const struct vm *m)
{
	fprintf(stderr, "policy_bench: %s\n", vm_sentence(m));
	exit(1);
}

static struct vm *boot(enum policy policy)
{
	struct vm_config c;
	char err[SENTENCE_MAX];
	struct vm *m = NULL;

	vm_config_default(&c);
	if (!vm_config_set(&c, "ram", "64M", err) &&
		!vm_config_set(&c, "swap", "256M", err) &&
		!vm_config_set(&c, "tlb", "64/4,1536/12", err) &&
		!vm_config_set(&c, "policy", names[policy], err))
		m = vm_boot(&c, &host_mmap, err);
	if (!m) {
		fprintf(stderr, "policy_bench: %s\n", err);
		exit(1);
	}
	m->root->set.trace_map_auto = 1;
	m->root->set.overcommit_memory = 1;
	return m;
}

/* The program has gone once along its array by then. */
#define WARM (NR_RECORDS * 5ull / 16)

/*
 * A program: half of the accesses are fetches, of the others most go to a
 * stack and along an array.  Each thousandth is a store to the next one of
 * NR_PAGES cold pages, all of which it stores to once it is warm: under mru,
 * pages that come after them would take each other's frame for ever.
 */
static void generate(uint64_t *rec, size_t nr)
{
	uint64_t seed = 88172645463325252ull, pc = 0x401000, array = 0;
	uint64_t cold = 0;

	for (size_t i = 0; i < nr; i++) {
		uint64_t r = random_next(&seed);
		uint64_t kind = r & 3 ? TRACE_LOAD : TRACE_STORE;

		if (i % 1000 == 999 || i - WARM < NR_PAGES) {
			rec[i] = TRACE_RECORD(TRACE_STORE, 3,
				COLD + cold++ % NR_PAGES * PAGE);
		} else if (i & 1) {
			pc = r & 15 ? pc + 4 : 0x401000 + (r >> 32 & 0xfffc);
			rec[i] = TRACE_RECORD(TRACE_FETCH, 2, pc);
		} else if (r & 256) {
			rec[i] = TRACE_RECORD(
				kind, 3, 0x1fff000000 - (r >> 32 & 0x3ff) * 8);
		} else {
			array = (array + 8) & (4 * MiB - 1);
			rec[i] = TRACE_RECORD(kind, 3, 0x10000000 + array);
		}
	}
}

struct result {
	double seconds;
	uint64_t page_ins;
};

static struct task *process(struct vm *m)
{
	const struct exec_args x = {.path = NULL};
	struct task *t = task_spawn(m, 0, 0, &x, "bench");

	if (!t)
		die(m);
	return t;
}

static uint64_t faults(const struct task *t)
{
	return t->min_flt + t->maj_flt;
}

/* The first half fills RAM; the second is measured. */
static struct result run(enum policy policy, const uint64_t *rec, size_t nr)
{
	struct vm *m = boot(policy);
	struct task *t = process(m);
	struct result r;
	double start;

	trace_run(m, t, rec, nr / 2);
	r.page_ins = faults(t);
	start = now();
	trace_run(m, t, rec + nr / 2, nr / 2);
	r.seconds = now() - start;
	r.page_ins = faults(t) - r.page_ins;
	vm_destroy(m);
	return r;
}

static void hits(enum policy policy, const uint64_t *rec)
{
	double machine[ROUNDS], plain[ROUNDS], a, b;
	const size_t nr = NR_RECORDS / 2;
	struct result r = {0};
	char title[64];

	for (unsigned i = 0; i < ROUNDS; i++) {
		double start = now();

		floor_run(rec + nr, nr);
		plain[i] = now() - start;
		r = run(policy, rec, NR_RECORDS);
		machine[i] = r.seconds;
	}
	a = (double)nr / median(machine, ROUNDS) / 1e6;
	b = (double)nr / median(plain, ROUNDS) / 1e6;
	snprintf(title, sizeof(title), "trace, policy %s, %.2f %% hit",
		names[policy], 100.0 - 100.0 * (double)r.page_ins / (double)nr);
	printf(ROW, title, a, b, a / b, "M/s", ">= 150");
}

/* Each record a store to the next page: each one evicts. */
static void evictions(enum policy policy)
{
	static uint64_t rec[NR_FAULTS];
	double v[ROUNDS], rate;
	uint64_t nr = 0;
	char title[64];

	for (size_t i = 0; i < NR_FAULTS; i++)
		rec[i] = TRACE_RECORD(
			TRACE_STORE, 3, COLD + i % NR_PAGES * PAGE);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct result r = run(policy, rec, NR_FAULTS);

		v[i] = r.seconds;
		nr = r.page_ins;
	}
	rate = (double)nr / median(v, ROUNDS) / 1e6;
	snprintf(title, sizeof(title), "faults with eviction, policy %s",
		names[policy]);
	printf("%-44s %10.2f %10s %8s %-8s %s\n", title, rate, "-", "-", "M/s",
		">= 2");
}

static bool is(const char *name, enum policy policy)
{
	return !name || !strcmp(name, names[policy]);
}

/* policy_bench [POLICY [hits|faults]] */
int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;
	const char *what = argc > 2 ? argv[2] : "";
	uint64_t *rec = malloc(NR_RECORDS * sizeof(*rec));

	if (!rec)
		return 1;
	generate(rec, NR_RECORDS);
	for (unsigned policy = 0; policy < NR_POLICIES; policy++)
		if (strcmp(what, "faults") && is(name, policy))
			hits(policy, rec);
	for (unsigned policy = 0; policy < NR_POLICIES; policy++)
		if (strcmp(what, "hits") && is(name, policy))
			evictions(policy);
	free(rec);
	return 0;
}
