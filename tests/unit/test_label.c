/* Names for addresses. */
#include "elf_rig.h"

static void test_set_get(void **state)
{
	struct vm *m = vmtest_boot("x86_64", "64M");
	uint64_t pages = vmtest_free_pages(m);
	struct task *t = task_find(m, 1);
	struct mm *mm = mm_at(m, t->mm);
	vaddr_t va = 0;

	assert_int_equal(label_set(m, t, "a", 1, 0x1000), 0);
	assert_int_equal(label_set(m, t, "buf.2", 5, 0x2000), 0);
	assert_int_equal(label_set(m, t, "a", 1, 0x3000), 0);
	assert_int_equal(pool_live(m, SEG_LABEL), 2);
	assert_int_equal(label_get(m, t, "a+16", 1, &va), 0);
	assert_int_equal(va, 0x3000);
	assert_int_equal(label_get(m, t, "buf.2", 5, &va), 0);
	assert_int_equal(va, 0x2000);
	assert_int_equal(label_get(m, t, "buf", 3, &va), -EINVAL);
	assert_sentence(vm_sentence(m), "process 1 has no label \"buf\"");

	assert_int_equal(label_get(m, t, "heap", 4, &va), 0);
	assert_int_equal(va, mm->start_brk);
	assert_int_equal(label_get(m, t, "brk", 3, &va), 0);
	assert_int_equal(va, mm->brk);
	assert_int_equal(label_get(m, t, "stack", 5, &va), 0);
	assert_int_equal(va, mm->start_stack);
	vm_fail_clear(m);
	assert_int_equal(label_get(m, t, "text", 4, &va), -EINVAL);
	assert_sentence(vm_sentence(m), "it runs no program");

	/* A name of the user's own hides a predefined one. */
	assert_int_equal(label_set(m, t, "heap", 4, 0x7000), 0);
	assert_int_equal(label_get(m, t, "heap", 4, &va), 0);
	assert_int_equal(va, 0x7000);
	vmtest_end(m, pages);
}

static void test_bad_names(void **state)
{
	static const struct {
		const char *name;
		const char *sentence;
	} row[] = {
		{"", "this one has 0"},
		{"9lives", "not \"9lives\""},
		{"a b", "not \"a b\""},
		{"a+1", "not \"a+1\""},
		{"-x", "not \"-x\""},
		{"a234567890123456789012345678901x", "this one has 32"},
	};
	struct vm *m = vmtest_boot("x86_64", "64M");
	uint64_t pages = vmtest_free_pages(m);
	struct task *t = task_find(m, 1);
	vaddr_t va;

	for (size_t i = 0; i < COUNT(row); i++) {
		size_t len = strlen(row[i].name);

		vm_fail_clear(m);
		assert_int_equal(label_set(m, t, row[i].name, len, 1), -EINVAL);
		assert_sentence(vm_sentence(m), row[i].sentence);
		vm_fail_clear(m);
		assert_int_equal(
			label_get(m, t, row[i].name, len, &va), -EINVAL);
	}
	assert_int_equal(pool_live(m, SEG_LABEL), 0);
	assert_int_equal(
		label_set(m, t, "a23456789012345678901234567890x", 31, 9), 0);
	assert_int_equal(
		label_get(m, t, "a23456789012345678901234567890x", 31, &va), 0);
	assert_int_equal(va, 9);
	vmtest_end(m, pages);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_get),
		cmocka_unit_test(test_bad_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
