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
#include "../../vm/task/task.h"
#include "../../vm/vm.h"

#define PAGE   4096ul
#define ROUNDS 20000
#define PAGES  4096 /* of a touched mapping */

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

	mm_fault(m, task, addr, ACC_WRITE, 6, &f);
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

static void measure(const struct target *t, const char *name)
{
	static const unsigned counts[] = {100, 65500};
	double pair[2], fault[2];

	for (int i = 0; i < 2; i++) {
		fill(t, i ? counts[i - 1] : 0, counts[i]);
		pair_ns(t); /* warm up */
		fault_ns(t);
		pair[i] = pair_ns(t);
		fault[i] = fault_ns(t);
	}
	printf("%-8s  mmap+munmap  %8.1f %8.1f ns  x%.2f\n", name, pair[0],
		pair[1], pair[1] / pair[0]);
	printf("%-8s  first touch  %8.1f %8.1f ns  x%.2f\n", name, fault[0],
		fault[1], fault[1] / fault[0]);
}

int main(void)
{
	static const struct exec_args bare;
	struct vm_config c;
	char err[SENTENCE_MAX];

	vm_config_default(&c);
	m = vm_boot(&c, &host_mmap, err);
	task = m ? task_spawn(m, 0, 0, &bare, "bench") : NULL;
	if (!task) {
		fprintf(stderr, "mm_bench: %s\n", m ? vm_sentence(m) : err);
		return 1;
	}
	printf("%-21s  %8s %8s mappings\n", "", "100", "65500");
	measure(&machine, "machine");
	measure(&kernel, "kernel");
	vm_destroy(m);
	return 0;
}
