/* Random layouts: how far things move, in which steps, and what decides. */
#include "../../vm/abi.h"
#include "../../vm/cmd/command.h"
#include "elf_rig.h"

#define RUNS 200

static struct vm *m;
static uint64_t free_pages;

static int begin(void **state)
{
	m = vmtest_boot(*state, "64M");
	free_pages = vmtest_free_pages(m);
	return 0;
}

static int end(void **state)
{
	for (struct task *t = task_next(m, 2); t; t = task_next(m, 2))
		task_exit(m, t, 0);
	disk_unlink(m, "/prog");
	disk_unlink(m, "/ld.so");
	vmtest_end(m, free_pages);
	return 0;
}

static void set_seed(const char *seed)
{
	assert_int_equal(settings_set(m, "aslr", 4, seed, strlen(seed)), 0);
}

/* A PIE with interpreter, of the machine's own width. */
static void put_pie(void)
{
	bool is64 = m->arch->native.addr_bits == 64;
	struct rig r;

	rig_program(&r, is64, ET_DYN, 0);
	rig_put(m, "/ld.so", r.b, RIG_BYTES);
	rig_interp(&r, "/ld.so");
	rig_put(m, "/prog", r.b, RIG_BYTES);
}

struct layout_of {
	uint64_t stack, map, pie, brk, sp;
};

/* How far each thing moved from its place without randomness. */
static void distances(struct layout_of *d)
{
	const struct layout *l = &m->arch->native;
	struct task *t = rig_spawn(m, "/prog");
	const struct mm *mm;
	uint64_t gap;

	assert_non_null(t);
	mm = mm_at(m, t->mm);
	gap = 8 * MiB + (256 << 12) + (((1ull << l->stack_rnd_bits) - 1) << 12);
	if (gap < l->gap_min)
		gap = l->gap_min;
	d->stack = l->stack_top - vma_at(m, mm->last)->end;
	d->map = l->task_size - gap - mm->mmap_base;
	d->pie = vma_at(m, mm->first)->start -
		 (l->et_dyn_base & ~(m->page_size - 1));
	d->brk = mm->start_brk - vma_at(m, mm->first)->start;
	d->sp = vma_at(m, mm->last)->end - mm->start_stack;
	task_exit(m, t, 0);
}

/* Everything stays in its range, and uses most of it. */
static void ranges(unsigned bits)
{
	const struct layout *l = &m->arch->native;
	struct layout_of d, top = {0};
	uint64_t stack = 1ull << (l->stack_rnd_bits + 12);
	uint64_t map = 1ull << (bits + 12);

	set_seed("7");
	for (unsigned i = 0; i < RUNS; i++) {
		distances(&d);
		assert_true(d.stack < stack + 4096 && !(d.stack & 4095));
		assert_true(d.map < map && !(d.map & 4095));
		assert_true(d.pie < map && !(d.pie & 4095));
		assert_true(d.brk < l->brk_rnd + 0x10000 && !(d.brk & 4095));
		assert_true(!(d.sp & 15));
		top.stack = d.stack > top.stack ? d.stack : top.stack;
		top.map = d.map > top.map ? d.map : top.map;
		top.pie = d.pie > top.pie ? d.pie : top.pie;
		top.brk = d.brk > top.brk ? d.brk : top.brk;
	}
	assert_true(top.stack > stack / 10 * 9);
	assert_true(top.map > map / 10 * 9);
	assert_true(top.pie > map / 10 * 9);
	assert_true(top.brk > l->brk_rnd / 10 * 9);
}

static int set_bits(const char *key, const char *value)
{
	return settings_set(m, key, strlen(key), value, strlen(value));
}

/* As wide as the architecture has it, and as wide as it can be. */
static void test_ranges(void **state)
{
	bool is64 = m->arch->native.addr_bits == 64;

	put_pie();
	ranges(is64 ? 28 : 8);
	assert_int_equal(set_bits("mmap_rnd_bits", is64 ? "32" : "16"), 0);
	ranges(is64 ? 32 : 16);
	assert_int_equal(set_bits("mmap_rnd_bits", is64 ? "28" : "8"), 0);
	ranges(is64 ? 28 : 8);
	assert_int_equal(
		set_bits("mmap_rnd_bits", is64 ? "27" : "17"), -EINVAL);
	assert_int_equal(set_bits("mmap_rnd_bits", "33"), -EINVAL);
	assert_int_equal(
		set_bits("mmap_rnd_compat_bits", "16"), is64 ? 0 : -EINVAL);
}

static bool same(const struct layout_of *a, const struct layout_of *b)
{
	return a->stack == b->stack && a->map == b->map && a->pie == b->pie &&
	       a->brk == b->brk && a->sp == b->sp;
}

/* The seed and what was executed since it was set decide; 0 is off. */
static void test_seeds(void **state)
{
	struct layout_of a, b, off;

	put_pie();
	distances(&off);
	assert_int_equal(off.stack, 0);
	assert_int_equal(off.pie, 0);
	set_seed("1");
	distances(&a);
	distances(&b);
	assert_false(same(&a, &b));
	set_seed("1");
	distances(&b);
	assert_true(same(&a, &b));
	set_seed("2");
	distances(&b);
	assert_false(same(&a, &b));
	set_seed("0");
	distances(&b);
	assert_true(same(&off, &b));
}

/* A refused execve takes nothing from the row of random values. */
static void test_refusal(void **state)
{
	struct exec_args none = {.path = "/none"};
	uint64_t draws;

	put_pie();
	set_seed("1");
	draws = m->root->aslr_draws;
	disk_truncate(m, disk_lookup(m, "/ld.so", true), 64);
	assert_null(task_spawn(m, 0, 0, &none, NULL));
	assert_null(rig_spawn(m, "/prog"));
	vm_fail_clear(m);
	assert_int_equal(m->root->aslr_draws, draws);
}

/* Who asked for no randomness has none, nor do the programs it executes. */
static void test_personality(void **state)
{
	struct exec_args x = {.path = "/prog"};
	const struct layout *l = &m->arch->native;
	struct task *t, *child;

	put_pie();
	set_seed("9");
	t = rig_spawn(m, "/prog");
	assert_int_not_equal(
		vma_at(m, mm_at(m, t->mm)->last)->end, l->stack_top);
	t->personality |= ADDR_NO_RANDOMIZE;
	child = task_fork(m, t, 0);
	assert_int_equal(
		mm_at(m, child->mm)->mmap_base, mm_at(m, t->mm)->mmap_base);
	assert_int_equal(task_exec(m, child, &x), 0);
	assert_int_equal(
		vma_at(m, mm_at(m, child->mm)->last)->end, l->stack_top);
	child->personality |= ADDR_COMPAT_LAYOUT;
	assert_int_equal(task_exec(m, child, &x), 0);
	assert_int_equal(mm_at(m, child->mm)->mmap_base, l->legacy_base);
}

int main(void)
{
#define T(f)                                              \
	cmocka_unit_test_prestate_setup_teardown(         \
		f, begin, end, (void *)"x86_64"),         \
		cmocka_unit_test_prestate_setup_teardown( \
			f, begin, end, (void *)"i386")
	const struct CMUnitTest tests[] = {
		T(test_ranges),
		T(test_seeds),
		T(test_refusal),
		T(test_personality),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
