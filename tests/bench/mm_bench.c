/*
 * mm_bench: mmap+munmap pairs and first-touch faults with few and with many
 * mappings, in the machine and, beside it, in the running kernel.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "../../host/host.h"
#include "../../vm/mm/mm.h"
#include "../../vm/mmu/mmu.h"
#include "../../vm/task/task.h"
#include "../../vm/vm.h"
#include "bench.h"

#define PAGE	4096ul
#define ROUNDS	20000
#define TURNS	7
#define PAGES	4096 /* of a touched mapping */
#define NR_MANY 65400

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* The same calls, made to the machine or to the kernel. */
struct target {
	uint64_t (*map)(uint64_t len, int prot);
	void (*unmap)(uint64_t addr, uint64_t len);
	void (*touch)(uint64_t addr);
};

static struct vm *m;
static struct task *task;

static uint64_t vm_map(uint64_t len, int prot)
{
	struct mmap_args a = {.len = len,
		.prot = (uint64_t)prot,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS};
	int64_t r = mm_mmap(m, task, &a);

	if (r < 0) {
		fprintf(stderr, "mm_bench: %s\n", vm_sentence(m));
		exit(1);
	}
	return (uint64_t)r;
}

static void vm_unmap(uint64_t addr, uint64_t len)
{
	mm_munmap(m, task, addr, len);
}

static void vm_touch(uint64_t addr)
{
	struct sigfault f = {0};

	if (mm_fault(m, task, addr, ACC_WRITE, 6, &f)) {
		fprintf(stderr, "mm_bench: %s\n", vm_sentence(m));
		exit(1);
	}
}

static uint64_t kernel_map(uint64_t len, int prot)
{
	void *p = mmap(NULL, len, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("mm_bench: mmap");
		exit(1);
	}
	return (uint64_t)p;
}

static void kernel_unmap(uint64_t addr, uint64_t len)
{
	munmap((void *)addr, len);
}

static void kernel_touch(uint64_t addr)
{
	*(volatile char *)addr = 1;
}

static const struct target machine = {vm_map, vm_unmap, vm_touch};
static const struct target kernel = {kernel_map, kernel_unmap, kernel_touch};

/* Mappings that cannot be joined: every other one is read-only. */
static void fill(const struct target *t, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		t->map(PAGE, i % 2 ? PROT_READ : PROT_READ | PROT_EXEC);
}

static double pair_ns(const struct target *t)
{
	double start = now_ns();

	for (int i = 0; i < ROUNDS; i++)
		t->unmap(t->map(PAGE, PROT_READ | PROT_WRITE), PAGE);
	return (now_ns() - start) / ROUNDS;
}

static double fault_ns(const struct target *t)
{
	uint64_t len = PAGES * PAGE;
	uint64_t addr = t->map(len, PROT_READ | PROT_WRITE);
	double start = now_ns();

	for (uint64_t i = 0; i < PAGES; i++)
		t->touch(addr + i * PAGE);
	start = now_ns() - start;
	t->unmap(addr, len);
	return start / PAGES;
}

/* Pairs that each fill another one of nr holes. */
static double holes_ns(unsigned nr)
{
	uint64_t base = 0x100000000, random = 1;
	struct mmap_args a = {.len = PAGE,
		.prot = PROT_READ,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED};
	double start;

	for (a.addr = base; a.addr < base + nr * 2 * PAGE; a.addr += 2 * PAGE)
		mm_mmap(m, task, &a);
	a.prot = PROT_READ | PROT_WRITE;
	start = now_ns();
	for (int i = 0; i < ROUNDS; i++) {
		random = random * 6364136223846793005 + 1442695040888963407;
		a.addr = base + (random >> 33) % nr * 2 * PAGE + PAGE;
		mm_mmap(m, task, &a);
		mm_munmap(m, task, a.addr, PAGE);
	}
	start = now_ns() - start;
	mm_munmap(m, task, base, nr * 2 * PAGE);
	return start / ROUNDS;
}

/* The median of some turns, after one to warm up. */
static double median_ns(
	double (*ns)(const struct target *t), const struct target *t)
{
	double v[TURNS];

	ns(t);
	for (int i = 0; i < TURNS; i++)
		v[i] = ns(t);
	return median(v, TURNS);
}

/* In nanoseconds, with few mappings and with many. */
struct cost {
	double pair[2], fault[2], holes[2];
};

static struct cost measure(const struct target *t)
{
	static const unsigned counts[] = {100, NR_MANY};
	struct cost cost = {0};

	for (int i = 0; i < 2; i++) {
		if (t == &machine)
			cost.holes[i] = holes_ns(counts[i]);
		fill(t, i ? counts[i - 1] : 0, counts[i]);
		cost.pair[i] = median_ns(pair_ns, t);
		cost.fault[i] = median_ns(fault_ns, t);
	}
	return cost;
}

static void row(const char *name, double ns, double floor, const char *target)
{
	printf("%-44s %10.1f %10.1f %8.2f %-8s %s\n", name, ns, floor,
		ns / floor, "ns", target);
}

static void rows(const struct cost *vm, const struct cost *real)
{
	row("mmap+munmap in vm/ (floor: the kernel's)", vm->pair[0],
		real->pair[0], "< 500");
	row("first touch in vm/ (floor: the kernel's)", vm->fault[0],
		real->fault[0], "< 350");
	row("mmap+munmap, 65,400 VMAs (floor: 100)", vm->pair[1], vm->pair[0],
		"<= 2");
	row("first touch, 65,400 VMAs (floor: 100)", vm->fault[1], vm->fault[0],
		"<= 2");
	row("pair in a random hole of 65,400 (floor: 100)", vm->holes[1],
		vm->holes[0], "-");
	row("kernel: mmap+munmap, 65,400 VMAs (floor: 100)", real->pair[1],
		real->pair[0], "-");
	row("kernel: first touch, 65,400 VMAs (floor: 100)", real->fault[1],
		real->fault[0], "-");
}

/*
 * Stores at random to twice the RAM of a machine of 64 MiB: each second one
 * faults, takes a page back and brings one in.  Nanoseconds a fault.
 */
#define EVICT_RECORDS 1000000

static double evict_ns(void)
{
	static const struct exec_args bare;
	uint64_t random = 1, base = 0x100000000, pages, faults;
	uint64_t *rec = malloc(EVICT_RECORDS * sizeof(*rec));
	struct vm_config c;
	char err[SENTENCE_MAX];
	double start;
	struct task *t;
	struct mmap_args a = {.addr = base,
		.prot = PROT_READ | PROT_WRITE,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
			 MAP_FIXED};
	struct vm *n;

	vm_config_default(&c);
	vm_config_set(&c, "ram", "64M", err);
	vm_config_set(&c, "swap", "192M", err);
	n = vm_boot(&c, &host_mmap, err);
	t = n && rec ? task_spawn(n, 0, 0, &bare, "bench") : NULL;
	if (!t) {
		fprintf(stderr, "mm_bench: %s\n", n ? vm_sentence(n) : err);
		exit(1);
	}
	pages = 2 * n->root->totalram_pages;
	a.len = pages * PAGE;
	mm_mmap(n, t, &a);
	for (unsigned i = 0; i < EVICT_RECORDS; i++) {
		random = random * 6364136223846793005 + 1442695040888963407;
		rec[i] = TRACE_RECORD(
			TRACE_STORE, 3, base + (random >> 33) % pages * PAGE);
	}
	trace_run(n, t, rec, EVICT_RECORDS); /* all pages exist then */
	faults = t->min_flt + t->maj_flt;
	start = now_ns();
	trace_run(n, t, rec, EVICT_RECORDS);
	start = now_ns() - start;
	faults = t->min_flt + t->maj_flt - faults;
	free(rec);
	vm_destroy(n);
	return start / (double)faults;
}

int main(void)
{
	static const struct exec_args bare;
	struct vm_config c;
	struct cost cost, real;
	double evict;
	char err[SENTENCE_MAX];

	vm_config_default(&c);
	m = vm_boot(&c, &host_mmap, err);
	task = m ? task_spawn(m, 0, 0, &bare, "bench") : NULL;
	if (!task) {
		fprintf(stderr, "mm_bench: %s\n", m ? vm_sentence(m) : err);
		return 1;
	}
	evict = evict_ns(); /* the kernel's turn leaves no mapping free */
	cost = measure(&machine);
	real = measure(&kernel);
	rows(&cost, &real);
	row("fault with eviction (floor: first touch)", evict, cost.fault[0],
		"< 500");
	vm_destroy(m);
	return 0;
}
