/* Page tables on both architectures: entries, walks, spans, freeing. */
#include "mmu_rig.h"

static const char *const archs[] = {"x86_64", "i386"};

static struct vm *boot(const char *arch)
{
	return vmtest_boot(arch, "64M");
}

/* Runs fn on a machine and an empty mm; nothing may be left of it. */
static void on_each(void (*fn)(struct vm *m, idx_t mm))
{
	for (unsigned i = 0; i < 2; i++) {
		struct vm *m = boot(archs[i]);
		uint64_t before = rig_free_pages(m);
		idx_t mm = mm_create(m, MM_NATIVE);

		assert_int_not_equal(mm, 0);
		fn(m, mm);
		assert_int_equal(mm_at(m, mm)->pgtables, 0);
		mm_put(m, mm);
		assert_int_equal(rig_free_pages(m), before);
		rig_end(m);
	}
}

/* ---- entries --------------------------------------------------------------
 */

static void set_get_walk(struct vm *m, idx_t mm)
{
	static const vaddr_t at[] = {
		0x1000, 0x3ff000, 0x400000, 0x8048000, 0xbffff000};
	unsigned nr = sizeof(at) / sizeof(*at);
	uint64_t flags =
		m->arch->pte.present | m->arch->pte.user | m->arch->pte.write;
	struct walk w;

	for (unsigned i = 0; i < nr; i++) {
		assert_int_equal(pt_get(m, mm_at(m, mm), at[i]), 0);
		/* Nothing to clear: no table appears. */
		assert_int_equal(pt_set(m, mm, at[i], 0), 0);
		assert_int_equal(pt_get(m, mm_at(m, mm), at[i]), 0);
	}
	assert_int_equal(mm_at(m, mm)->pgtables, 0);
	for (unsigned i = 0; i < nr; i++)
		assert_int_equal(
			pt_set(m, mm, at[i], (uint64_t)(i + 1) << 12 | flags),
			0);
	for (unsigned i = 0; i < nr; i++) {
		assert_int_equal(pt_get(m, mm_at(m, mm), at[i]),
			(uint64_t)(i + 1) << 12 | flags);
		pt_walk(m, pfn_to_pa(m, mm_at(m, mm)->pgd), at[i] + 0x123, &w);
		assert_true(w.present && w.user && w.write && !w.noexec);
		assert_int_equal(w.nr, m->arch->nr_levels);
		assert_int_equal(w.pa, ((uint64_t)(i + 1) << 12) + 0x123);
		assert_int_equal(w.size, 4096);
	}
	for (unsigned i = 0; i < nr; i++)
		assert_int_equal(pt_set(m, mm, at[i], 0), 0);
	pt_free_range(m, mm, 0, 0xc0000000, 0, m->arch->native.task_size);
}

static void test_set_get_walk(void **state)
{
	on_each(set_get_walk);
}

/* The same translation by hand, from bytes of RAM alone. */
static void walk_by_hand(struct vm *m, idx_t mm)
{
	vaddr_t va = 0x8048000;
	paddr_t table = pfn_to_pa(m, mm_at(m, mm)->pgd);
	uint64_t e = 0;

	assert_int_equal(pt_set(m, mm, va, 0x5067), 0);
	for (unsigned l = 0; l < m->arch->nr_levels; l++) {
		unsigned width = m->arch->entry_bytes;

		e = 0;
		memcpy(&e,
			ram_at(m, table) + arch_index(m->arch, l, va) * width,
			width);
		if (l + 1 < m->arch->nr_levels)
			assert_int_equal(e & 0xfff, 0x67);
		table = e & ~0xfffull;
	}
	assert_int_equal(e, 0x5067);
	assert_int_equal(pt_set(m, mm, va, 0), 0);
	pt_free_range(m, mm, va, va + 4096, 0, 0);
}

static void test_walk_by_hand(void **state)
{
	on_each(walk_by_hand);
}

static void test_pte_make(void **state)
{
	struct vm *m = boot("x86_64"), *n = boot("i386");
	static const struct {
		uint64_t flags;
		bool write;
		uint64_t x86_64, i386;
	} row[] = {
		{VM_READ | VM_WRITE, true, 0x8000000000005067, 0x5067},
		{VM_READ | VM_WRITE, false, 0x8000000000005025, 0x5025},
		{VM_READ, false, 0x8000000000005025, 0x5025},
		{VM_READ | VM_EXEC, false, 0x5025, 0x5025},
		{VM_EXEC, false, 0x5025, 0x5025},
		{VM_WRITE, true, 0x8000000000005067, 0x5067},
		{0, false, 0x5120, 0x5120},
	};

	for (unsigned i = 0; i < sizeof(row) / sizeof(*row); i++) {
		assert_int_equal(pte_make(m, 5, row[i].flags, row[i].write),
			row[i].x86_64);
		assert_int_equal(pte_make(n, 5, row[i].flags, row[i].write),
			row[i].i386);
	}
	assert_true(pte_present(m, 0x5120) && pte_present(m, 0x5025));
	assert_false(pte_present(m, 0));
	rig_end(m);
	rig_end(n);
}

/* ---- spans ----------------------------------------------------------------
 */

static void leaf_tables(struct vm *m, idx_t mm)
{
	const struct arch *a = m->arch;
	uint64_t leaf = 1ull << a->level[a->nr_levels - 2].shift;
	uint64_t top = 1ull << a->level[0].shift;
	struct mm *p = mm_at(m, mm);
	unsigned first;
	uint64_t span;

	assert_null(pt_leaf_table(m, p, 0x1000, &first, &span));
	assert_int_equal(span, top - 0x1000);
	assert_int_equal(pt_set(m, mm, 0x3000, 0x7067), 0);
	assert_non_null(pt_leaf_table(m, p, 0x3000, &first, &span));
	assert_int_equal(first, 3);
	assert_int_equal(span, leaf - 0x3000);
	if (a->nr_levels > 2) {
		/* The next leaf table is missing: a hole of its size. */
		assert_null(pt_leaf_table(m, p, leaf, &first, &span));
		assert_int_equal(span, leaf);
	}
	assert_int_equal(pt_set(m, mm, 0x3000, 0), 0);
	pt_free_range(m, mm, 0x3000, 0x4000, 0, 0);
}

static void test_leaf_tables(void **state)
{
	on_each(leaf_tables);
}

/* ---- free_pgtables ---------------------------------------------------------
 */

/*
 * Pages at 2 MiB and 4 MiB share the upper tables on x86_64; what is freed
 * depends on the neighbours that floor and ceiling stand for.
 */
static void test_free_range(void **state)
{
	static const struct {
		vaddr_t start, end, floor, ceiling;
		uint64_t left; /* tables */
	} row[] = {
		{0x200000, 0x201000, 0, 0x400000, 3},
		{0x200000, 0x201000, 0x1ff000, 0x400000, 3},
		{0x200000, 0x201000, 0x200000, 0x400000, 3},
		/* A neighbour inside the same 2 MiB keeps the table. */
		{0x200000, 0x201000, 0, 0x3ff000, 4},
		{0x201000, 0x202000, 0x201000, 0, 4},
		{0x200000, 0x601000, 0, 0, 0},
		{0x200000, 0x601000, 0, 0x40000000, 1},
		{0x200000, 0x601000, 0, 0x8000000000, 0},
		{0x200000, 0x601000, 0x1000, 0, 2},
	};

	for (unsigned i = 0; i < sizeof(row) / sizeof(*row); i++) {
		struct vm *m = boot("x86_64");
		uint64_t before = rig_free_pages(m);
		idx_t mm = mm_create(m, MM_NATIVE);

		assert_int_equal(pt_set(m, mm, 0x200000, 0x5067), 0);
		assert_int_equal(pt_set(m, mm, 0x400000, 0x6067), 0);
		assert_int_equal(mm_at(m, mm)->pgtables, 4 * 4096);
		assert_int_equal(pt_set(m, mm, 0x200000, 0), 0);
		assert_int_equal(pt_set(m, mm, 0x400000, 0), 0);
		pt_free_range(m, mm, row[i].start, row[i].end, row[i].floor,
			row[i].ceiling);
		assert_int_equal(mm_at(m, mm)->pgtables, row[i].left * 4096);
		pt_free_range(m, mm, 0, 0x800000, 0, 0);
		assert_int_equal(mm_at(m, mm)->pgtables, 0);
		mm_put(m, mm);
		assert_int_equal(rig_free_pages(m), before);
		rig_end(m);
	}
}

/* ---- no memory --------------------------------------------------------------
 */

static void no_memory(struct vm *m, idx_t mm)
{
	uint32_t *taken = calloc(m->root->max_pfn, sizeof(*taken));
	uint64_t left, nr = 0;
	pfn_t pfn;

	/* Leave one frame less than va needs tables. */
	while ((pfn = buddy_alloc(m, GFP_KERNEL, 0, FRAME_KERNEL, USE_KERNEL,
			false)) != PFN_NONE)
		taken[nr++] = pfn;
	for (unsigned i = 2; i < m->arch->nr_levels; i++)
		buddy_free(m, taken[--nr], 0, USE_KERNEL);
	left = rig_free_pages(m);
	vm_fail_clear(m);
	assert_int_equal(pt_set(m, mm, 0x8048000, 0x5067), -ENOMEM);
	assert_int_equal(mm_at(m, mm)->pgtables, 0);
	assert_int_equal(rig_free_pages(m), left);
	assert_int_equal(pt_get(m, mm_at(m, mm), 0x8048000), 0);
	while (nr)
		buddy_free(m, taken[--nr], 0, USE_KERNEL);
	free(taken);
}

static void test_no_memory(void **state)
{
	on_each(no_memory);
}

/* ---- kernel half
 * -------------------------------------------------------------- */

static void kernel_half(struct vm *m, idx_t mm)
{
	static const paddr_t at[] = {0x1000, 0x100000, 0x1234567, 0x3000000};
	const struct arch *a = m->arch;
	struct walk w;

	for (unsigned i = 0; i < sizeof(at) / sizeof(*at); i++) {
		pt_walk(m, pfn_to_pa(m, mm_at(m, mm)->pgd),
			a->page_offset + at[i], &w);
		assert_true(w.present);
		assert_true(w.write);
		assert_false(w.user);
		assert_int_equal(w.noexec, a->pte.noexec != 0);
		assert_int_equal(w.pa, at[i]);
	}
	assert_true(w.size > 4096);
	pt_walk(m, pfn_to_pa(m, mm_at(m, mm)->pgd), a->page_offset + 2 * GiB,
		&w);
	assert_false(w.present);
	for (unsigned i = 0; i < m->root->nr_firmware; i++) {
		const struct phys_range *r = &m->root->firmware[i];

		if (r->kind != PHYS_KERNEL_CODE ||
			a->kernel_text == a->page_offset)
			continue;
		pt_walk(m, pfn_to_pa(m, mm_at(m, mm)->pgd),
			a->kernel_text + r->start, &w);
		assert_true(w.present && !w.noexec && !w.write && !w.user);
		assert_int_equal(w.pa, r->start);
	}
}

static void test_kernel_half(void **state)
{
	on_each(kernel_half);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_get_walk),
		cmocka_unit_test(test_walk_by_hand),
		cmocka_unit_test(test_pte_make),
		cmocka_unit_test(test_leaf_tables),
		cmocka_unit_test(test_free_range),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_kernel_half),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
