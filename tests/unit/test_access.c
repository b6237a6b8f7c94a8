/* Loads, stores, fetches, looks and pokes of a process. */
#include "mmu_rig.h"

#define RW (PROT_READ | PROT_WRITE)

static struct vm *boot(const char *arch)
{
	const char *const set[] = {"arch", arch, "ram", "64M", NULL};

	return vmtest_boot_with(set);
}

static void begins_with(const struct vm *m, const char *want)
{
	char got[SENTENCE_MAX];

	snprintf(got, sizeof(got), "%.*s", (int)strlen(want), m->fail.text);
	assert_string_equal(got, want);
}

/* ---- data
 * -------------------------------------------------------------------- */

static void test_across_pages(void **state)
{
	static const char *const archs[] = {"x86_64", "i386"};

	for (unsigned i = 0; i < 2; i++) {
		struct vm *m = boot(archs[i]);
		struct task *t = rig_spawn(m);
		vaddr_t va = rig_map(m, t, 3, RW) + 4090;
		uint8_t in[5000], out[5000], look[5000];
		uint64_t stores = m->root->count[CNT_STORES];
		struct sigfault f;

		for (unsigned n = 0; n < sizeof(in); n++)
			in[n] = (uint8_t)(n * 7);
		assert_int_equal(
			mem_access(m, t, va, sizeof(in), ACC_WRITE, in, &f), 0);
		assert_int_equal(m->root->count[CNT_STORES], stores + 3);
		assert_int_equal(
			mem_access(m, t, va, sizeof(in), ACC_READ, out, &f), 0);
		assert_memory_equal(in, out, sizeof(in));
		assert_int_equal(
			mem_look(m, mm_at(m, t->mm), va, look, sizeof(look)),
			sizeof(look));
		assert_memory_equal(in, look, sizeof(in));
		assert_int_equal(
			m->root->cpu[t->cpu].current, task_index(m, t));
		rig_end(m);
	}
}

/* A look at an untouched page reads zeros and leaves it untouched. */
static void test_look_changes_nothing(void **state)
{
	struct vm *m = boot("x86_64");
	struct task *t = rig_spawn(m);
	vaddr_t va = rig_map(m, t, 2, RW);
	struct root *before = malloc(sizeof(*before));
	uint8_t buf[8192 + 16], zero[8192] = {0};

	memcpy(before, m->root, sizeof(*before));
	memset(buf, 0xff, sizeof(buf));
	assert_int_equal(mem_look(m, mm_at(m, t->mm), va, buf, 8192), 8192);
	assert_memory_equal(buf, zero, 8192);
	assert_int_equal(mem_look(m, mm_at(m, t->mm), 0x10, buf, 8), 0);
	assert_memory_equal(before, m->root, sizeof(*before));
	assert_int_equal(pt_get(m, mm_at(m, t->mm), va), 0);
	free(before);
	rig_end(m);
}

static void test_look_stops_at_a_hole(void **state)
{
	struct vm *m = boot("x86_64");
	struct task *t = rig_spawn(m);
	vaddr_t va = rig_map(m, t, 3, RW);
	uint8_t buf[12288];

	assert_int_equal(mm_munmap(m, t, va + 8192, 4096), 0);
	assert_int_equal(
		mem_look(m, mm_at(m, t->mm), va + 100, buf, 12288 - 100),
		8192 - 100);
	rig_end(m);
}

static void test_poke(void **state)
{
	struct vm *m = boot("x86_64");
	struct task *t = rig_spawn(m);
	vaddr_t va = rig_map(m, t, 2, PROT_READ);
	char buf[8] = "";
	uint64_t e;

	assert_int_equal(mem_poke(m, t, va + 4094, "hello", 6), 0);
	mem_look(m, mm_at(m, t->mm), va + 4094, buf, 6);
	assert_string_equal(buf, "hello");
	e = pt_get(m, mm_at(m, t->mm), va);
	assert_false(e & m->arch->pte.write);
	assert_int_equal(rig_touch(m, t, va, ACC_READ), 0);
	assert_int_equal(rig_touch(m, t, va, ACC_WRITE), -EFAULT);
	begins_with(m, "SIGSEGV ACCERR at 0x");
	vm_fail_clear(m);
	assert_int_equal(mem_poke(m, t, 0x10, "x", 1), -EFAULT);
	rig_end(m);
}

/* ---- refusals
 * ------------------------------------------------------------------ */

/* What to refuse: an address that does not depend on the mappings, or one in
 * a mapping of these rights that was touched before or not. */
struct refusal {
	vaddr_t va; /* 0: the mapping's */
	unsigned prot;
	bool touched;
	enum access_kind kind;
	int code;
	uint32_t error_code;
	const char *sentence;
};

static const struct refusal x86_64[] = {
	{0x10, 0, 0, ACC_READ, 1, 4, "SIGSEGV MAPERR at 0x10: "},
	{0x10, 0, 0, ACC_WRITE, 1, 6, "SIGSEGV MAPERR at 0x10: "},
	{0x10, 0, 0, ACC_EXEC, 1, 0x14, "SIGSEGV MAPERR at 0x10: "},
	{0x7ffffffff000, 0, 0, ACC_READ, 1, 5,
		"SIGSEGV MAPERR at 0x7ffffffff000: "},
	{0xffff888000001000, 0, 0, ACC_READ, 1, 5,
		"SIGSEGV MAPERR at 0xffff888000001000: "},
	{0xffff888000001000, 0, 0, ACC_WRITE, 1, 7,
		"SIGSEGV MAPERR at 0xffff888000001000: "},
	{0xffffc90000000000, 0, 0, ACC_EXEC, 1, 0x15,
		"SIGSEGV MAPERR at 0xffffc90000000000: "},
	{0x8000000000000000, 0, 0, ACC_READ, 128, 0,
		"SIGSEGV SI_KERNEL at 0x8000000000000000: "},
	{0, PROT_READ, 0, ACC_WRITE, 2, 6, "SIGSEGV ACCERR at 0x"},
	{0, PROT_READ, 1, ACC_WRITE, 2, 7, "SIGSEGV ACCERR at 0x"},
	{0, PROT_READ, 1, ACC_EXEC, 2, 0x15, "SIGSEGV ACCERR at 0x"},
	{0, PROT_NONE, 0, ACC_READ, 2, 4, "SIGSEGV ACCERR at 0x"},
};

static const struct refusal i386[] = {
	{0x10, 0, 0, ACC_READ, 1, 4, "SIGSEGV MAPERR at 0x10: "},
	{0x10, 0, 0, ACC_EXEC, 1, 4, "SIGSEGV MAPERR at 0x10: "},
	{0xc0001000, 0, 0, ACC_WRITE, 1, 7, "SIGSEGV MAPERR at 0xc0001000: "},
	{0, PROT_READ, 1, ACC_WRITE, 2, 7, "SIGSEGV ACCERR at 0x"},
	{0, PROT_NONE, 0, ACC_WRITE, 2, 6, "SIGSEGV ACCERR at 0x"},
};

static void refuse_all(const char *arch, const struct refusal *row, unsigned nr)
{
	struct vm *m = boot(arch);
	struct task *t = rig_spawn(m);
	struct cpu *cpu = &m->root->cpu[t->cpu];

	for (unsigned i = 0; i < nr; i++) {
		vaddr_t va = row[i].va;
		uint64_t cr2 = cpu->cr2;
		struct sigfault f;

		if (!va)
			va = rig_map(m, t, 1, row[i].prot);
		if (row[i].touched)
			assert_int_equal(rig_touch(m, t, va, ACC_READ), 0);
		vm_fail_clear(m);
		assert_int_equal(mem_access(m, t, va, 1, row[i].kind, NULL, &f),
			-EFAULT);
		begins_with(m, row[i].sentence);
		assert_int_equal(f.sig, SIGSEGV);
		assert_int_equal(f.code, row[i].code);
		assert_int_equal(f.error_code, row[i].error_code);
		assert_int_equal(f.addr, f.code == 128 ? 0 : va);
		if (f.code == 128) {
			assert_int_equal(cpu->cr2, cr2);
			continue;
		}
		assert_int_equal(cpu->cr2, va);
		assert_int_equal(cpu->error_code, row[i].error_code);
	}
	vm_fail_clear(m);
	rig_end(m);
}

static void test_refusals(void **state)
{
	refuse_all("x86_64", x86_64, sizeof(x86_64) / sizeof(*x86_64));
	refuse_all("i386", i386, sizeof(i386) / sizeof(*i386));
}

/* The bytes before a refused page are done. */
static void test_partly_done(void **state)
{
	struct vm *m = boot("x86_64");
	struct task *t = rig_spawn(m);
	vaddr_t va = rig_map(m, t, 2, RW);
	uint8_t buf[4104], got[8];
	struct sigfault f;

	memset(buf, 0x5a, sizeof(buf));
	assert_int_equal(mm_mprotect(m, t, va + 4096, 4096, PROT_READ), 0);
	assert_int_equal(
		mem_access(m, t, va, sizeof(buf), ACC_WRITE, buf, &f), -EFAULT);
	assert_int_equal(f.addr, va + 4096);
	mem_look(m, mm_at(m, t->mm), va + 4088, got, 8);
	assert_memory_equal(got, buf, 8);
	rig_end(m);
}

/* Rights that were taken away are gone from the TLB too. */
static void test_mprotect_reaches_the_tlb(void **state)
{
	struct vm *m = boot("x86_64");
	struct task *t = rig_spawn(m);
	vaddr_t va = rig_map(m, t, 1, RW);

	assert_int_equal(rig_touch(m, t, va, ACC_WRITE), 0);
	assert_int_equal(mm_mprotect(m, t, va, 4096, PROT_NONE), 0);
	assert_int_equal(rig_touch(m, t, va, ACC_READ), -EFAULT);
	assert_int_equal(mm_mprotect(m, t, va, 4096, RW), 0);
	assert_int_equal(rig_touch(m, t, va, ACC_WRITE), 0);
	assert_int_equal(mm_munmap(m, t, va, 4096), 0);
	assert_int_equal(rig_touch(m, t, va, ACC_READ), -EFAULT);
	vm_fail_clear(m);
	rig_end(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_across_pages),
		cmocka_unit_test(test_look_changes_nothing),
		cmocka_unit_test(test_look_stops_at_a_hole),
		cmocka_unit_test(test_poke),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_partly_done),
		cmocka_unit_test(test_mprotect_reaches_the_tlb),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
