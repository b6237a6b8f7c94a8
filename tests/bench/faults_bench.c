/*
 * faults_bench: what a page fault costs as RAM, processes and mappings grow,
 * each beside the smallest machine of its kind; how many there are in a
 * second; and what a machine of 1 TiB takes of the host.
 *
 * Time is the processor's for this program.  Turns of all machines alternate,
 * so that what else the computer does makes all of them slower; of each the
 * quickest turn counts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "../../host/host.h"
#include "../../vm/mm/mm.h"
#include "../../vm/mmu/mmu.h"
#include "../../vm/task/task.h"
#include "../../vm/vm.h"

#define PAGE  4096ul
#define TURNS 9
#define PAGES 4096 /* first touches of a turn: 16 MiB */
#define BASE  0x100000000ul

static const struct row {
	const char *what, *ram, *swap;
	unsigned processes, vmas;
	unsigned against; /* the row that it is compared with */
	bool evict;
} table[] = {
	{"first touch, 64 MiB of RAM", "64M", "0", 1, 1, 0, false},
	{"first touch, 1 GiB", "1G", "0", 1, 1, 0, false},
	{"first touch, 16 GiB", "16G", "0", 1, 1, 0, false},
	{"first touch, 64 GiB", "64G", "0", 1, 1, 0, false},
	{"first touch, 1 process", "8G", "0", 1, 1, 4, false},
	{"first touch, 100 processes", "8G", "0", 100, 1, 4, false},
	{"first touch, 10,000 processes", "8G", "0", 10000, 1, 4, false},
	{"first touch, 1 VMA", "1G", "0", 1, 1, 7, false},
	{"first touch, 1,000 VMAs", "1G", "0", 1, 1000, 7, false},
	{"first touch, 65,000 VMAs", "1G", "0", 1, 65000, 7, false},
	{"with eviction, 64 MiB of RAM", "64M", "192M", 1, 1, 10, true},
	{"with eviction, 256 MiB", "256M", "768M", 1, 1, 10, true},
	{"with eviction, 1 GiB", "1G", "3G", 1, 1, 10, true},
};

#define NR_BENCHES (sizeof(table) / sizeof(table[0]))

static struct bench {
	struct vm *m;
	struct task *t;
	uint64_t pages; /* evict: of the mapping, twice the RAM */
	uint64_t random;
	double ns;
} bench[NR_BENCHES];

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

__attribute__((noreturn)) static void die(const char *why)
{
	fprintf(stderr, "faults_bench: %s\n", why);
	exit(1);
}

static struct vm *boot(const char *ram, const char *swap)
{
	char err[SENTENCE_MAX] = "";
	struct vm_config c;
	struct vm *m;

	vm_config_default(&c);
	if (vm_config_set(&c, "ram", ram, err) ||
		vm_config_set(&c, "swap", swap, err))
		die(err);
	m = vm_boot(&c, &host_mmap, err);
	if (!m)
		die(err);
	m->root->set.overcommit_memory = 1;
	return m;
}

static struct task *spawn(struct vm *m)
{
	static const struct exec_args bare;
	struct task *t = task_spawn(m, 0, 0, &bare, "bench");

	if (!t)
		die(vm_sentence(m));
	return t;
}

static void map(struct vm *m, struct task *t, uint64_t at, uint64_t len)
{
	const struct mmap_args a = {.addr = at,
		.len = len,
		.prot = PROT_READ | PROT_WRITE,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED};

	if (mm_mmap(m, t, &a) < 0)
		die(vm_sentence(m));
}

static void touch(struct vm *m, struct task *t, uint64_t at, uint64_t len)
{
	struct sigfault f = {0};

	for (uint64_t va = at; va < at + len; va += PAGE)
		if (mm_fault(m, t, va, ACC_WRITE, 6, &f))
			die(vm_sentence(m));
}

static void set_up(struct bench *b, const struct row *r)
{
	b->m = boot(r->ram, r->swap);
	for (unsigned i = 1; i < r->processes; i++) {
		struct task *t = spawn(b->m);

		map(b->m, t, BASE, PAGE);
		touch(b->m, t, BASE, PAGE);
	}
	b->t = spawn(b->m);
	/* with a hole behind each, so that none are joined */
	for (unsigned i = 1; i < r->vmas; i++)
		map(b->m, b->t, BASE / 2 + i * 2 * PAGE, PAGE);
	b->pages = PAGES;
	b->random = 1;
	if (!r->evict)
		return;
	b->pages = 2 * b->m->root->totalram_pages;
	map(b->m, b->t, BASE, b->pages * PAGE);
	for (uint64_t i = 0; i < b->pages; i++) {
		uint64_t rec = TRACE_RECORD(TRACE_STORE, 3, BASE + i * PAGE);

		trace_run(b->m, b->t, &rec, 1);
	}
}

static double first_touches(struct bench *b)
{
	uint64_t len = b->pages * PAGE;
	double start;

	map(b->m, b->t, BASE, len);
	start = now_ns();
	touch(b->m, b->t, BASE, len);
	start = now_ns() - start;
	mm_munmap(b->m, b->t, BASE, len);
	return start / (double)b->pages;
}

/* Stores at random: about each second one faults, takes a page back and brings
 * one in. */
static double evictions(struct bench *b)
{
	static uint64_t rec[100000];
	uint64_t faults = b->t->min_flt + b->t->maj_flt;
	double start;

	for (unsigned i = 0; i < 100000; i++) {
		b->random =
			b->random * 6364136223846793005 + 1442695040888963407;
		rec[i] = TRACE_RECORD(TRACE_STORE, 3,
			BASE + (b->random >> 33) % b->pages * PAGE);
	}
	start = now_ns();
	trace_run(b->m, b->t, rec, 100000);
	start = now_ns() - start;
	faults = b->t->min_flt + b->t->maj_flt - faults;
	return start / (double)faults;
}

static void print(const char *name, double value, double floor,
	const char *unit, const char *target)
{
	printf("%-44s %10.1f ", name, value);
	if (floor > 0)
		printf("%10.1f %8.2f", floor, value / floor);
	else
		printf("%10s %8s", "-", "-");
	printf(" %-8s %s\n", unit, target);
}

/* Kilobytes of host memory of this process. */
static double resident_kb(void)
{
	char line[256];
	double kb = 0;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "VmRSS:", 6))
			kb = strtod(line + 6, NULL);
	if (f)
		fclose(f);
	return kb;
}

/* A gibibyte touched, and then written to, of a machine of a tebibyte. */
static void huge_machine(void)
{
	double before = resident_kb(), touched, written;
	struct vm *m = boot("1T", "64M");
	struct task *t = spawn(m);
	struct sigfault f = {0};
	uint8_t page[PAGE];

	memset(page, 'x', sizeof(page));
	map(m, t, BASE, 1ul << 30);
	touch(m, t, BASE, 1ul << 30);
	touched = resident_kb() - before;
	for (uint64_t at = 0; at < 1ul << 30; at += PAGE)
		if (mem_access(m, t, BASE + at, PAGE, ACC_WRITE, page, &f))
			die(vm_sentence(m));
	written = resident_kb() - before - (1 << 20);
	print("1 TiB of RAM, 1 GiB touched", touched / 1024, 0, "MiB",
		"<= 256");
	print("  and written, beside the bytes written", written / 1024, 0,
		"MiB", "<= 256");
	vm_destroy(m);
}

int main(void)
{
	huge_machine();
	for (unsigned i = 0; i < NR_BENCHES; i++)
		set_up(&bench[i], &table[i]);
	for (unsigned turn = 0; turn < TURNS; turn++)
		for (unsigned i = 0; i < NR_BENCHES; i++) {
			struct bench *b = &bench[i];
			double ns = table[i].evict ? evictions(b)
						   : first_touches(b);

			if (!turn || ns < b->ns)
				b->ns = ns;
		}
	print("first touches a second", 1e3 / bench[1].ns, 0, "M/s", ">= 3");
	print("faults with eviction a second", 1e3 / bench[10].ns, 0, "M/s",
		">= 2");
	for (unsigned i = 0; i < NR_BENCHES; i++)
		print(table[i].what, bench[i].ns, bench[table[i].against].ns,
			"ns", table[i].against == i ? "-" : "<= 1.5");
	for (unsigned i = 0; i < NR_BENCHES; i++)
		vm_destroy(bench[i].m);
	return 0;
}
