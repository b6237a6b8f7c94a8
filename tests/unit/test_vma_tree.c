/*
 * The tree of an address space against a plain model: a sorted array of
 * ranges, searched from one end to the other.
 */
#include "vmtest.h"

#include "../../vm/mm/mm_i.h"

#define SLOTS 200 /* pages of the window */
#define BASE  0x10000000ull

static bool used[SLOTS]; /* one VMA a page: none ever join here */

static vaddr_t slot_at(const struct vm *m, int i)
{
	return BASE + (vaddr_t)i * m->page_size;
}

static int model_highest(int low, int high, int len)
{
	for (int end = high; end - len >= low; end--) {
		int i = end - len;

		while (i < end && !used[i])
			i++;
		if (i == end)
			return end;
	}
	return -1;
}

static int model_lowest(int low, int high, int len)
{
	for (int at = low; at + len <= high; at++) {
		int i = at;

		while (i < at + len && !used[i])
			i++;
		if (i == at + len)
			return at;
	}
	return -1;
}

static void compare(struct vm *m, idx_t mm, uint64_t *rng)
{
	int low = (int)(vmtest_random(rng) % (SLOTS / 2));
	int high = low + 1 + (int)(vmtest_random(rng) % (SLOTS - low));
	int len = 1 + (int)(vmtest_random(rng) % 12);
	int up = model_highest(low, high, len);
	int down = model_lowest(low, high, len);
	int at = (int)(vmtest_random(rng) % SLOTS);
	vaddr_t found;
	struct vma *v;

	assert_int_equal(vma_tree_highest(m, mm, slot_at(m, low),
				 slot_at(m, high), len * m->page_size, &found),
		up >= 0);
	if (up >= 0)
		assert_int_equal(found, slot_at(m, up));
	assert_int_equal(vma_tree_lowest(m, mm, slot_at(m, low),
				 slot_at(m, high), len * m->page_size, &found),
		down >= 0);
	if (down >= 0)
		assert_int_equal(found, slot_at(m, down));
	v = vma_lookup(m, mm, slot_at(m, at));
	assert_int_equal(v != NULL, used[at]);
	v = vma_find(m, mm, slot_at(m, at));
	while (at < SLOTS && !used[at])
		at++;
	assert_int_equal(v ? v->start : 0, at < SLOTS ? slot_at(m, at) : 0);
}

static void flip(struct vm *m, idx_t mm, int i)
{
	vaddr_t at = slot_at(m, i);

	if (used[i])
		vma_remove(m, vma_lookup(m, mm, at));
	else
		assert_int_not_equal(mm_insert(m, mm, at, at + m->page_size,
					     VM_READ, 0, 0, VMA_PLAIN),
			0);
	used[i] = !used[i];
}

static void test_against_array(void **state)
{
	const char *arch = *state;
	struct vm *m = vmtest_boot(arch, "64M");
	uint64_t free_pages = vmtest_free_pages(m), rng = 12345;
	idx_t mm = mm_create(m, MM_NATIVE);

	assert_int_not_equal(mm, 0);
	memset(used, 0, sizeof(used));
	for (int i = 0; i < 20000; i++) {
		flip(m, mm, (int)(vmtest_random(&rng) % SLOTS));
		compare(m, mm, &rng);
		if (i % 64 == 0 && vma_tree_check(m, mm))
			fail_msg("%s", vm_sentence(m));
	}
	mm_put(m, mm);
	vmtest_end(m, free_pages);
}

static void test_bounds_move(void **state)
{
	struct vm *m = vmtest_boot(*state, "64M");
	uint64_t free_pages = vmtest_free_pages(m);
	idx_t mm = mm_create(m, MM_NATIVE), i;
	vaddr_t end = 0;

	i = mm_insert(m, mm, BASE, BASE + 0x4000, VM_READ, 0, 4, VMA_PLAIN);
	mm_insert(
		m, mm, BASE + 0x8000, BASE + 0x9000, VM_READ, 0, 0, VMA_PLAIN);
	vma_resize(m, vma_at(m, i), BASE + 0x1000, BASE + 0x6000);
	assert_int_equal(vma_at(m, i)->pgoff, 5);
	assert_int_equal(mm_at(m, mm)->total_vm, 6);
	assert_true(vma_tree_highest(m, mm, BASE, BASE + 0x8000, 0x2000, &end));
	assert_int_equal(end, BASE + 0x8000);
	assert_false(
		vma_tree_highest(m, mm, BASE, BASE + 0x8000, 0x3000, &end));
	assert_int_equal(mm_check(m), 0);
	mm_put(m, mm);
	vmtest_end(m, free_pages);
}

static void test_rebuild(void **state)
{
	struct vm *m = vmtest_boot(*state, "64M");
	uint64_t free_pages = vmtest_free_pages(m), rng = 7;
	idx_t mm = mm_create(m, MM_NATIVE);

	memset(used, 0, sizeof(used));
	for (int i = 0; i < 300; i++)
		flip(m, mm, (int)(vmtest_random(&rng) % SLOTS));
	assert_int_equal(vma_tree_rebuild(m), 0);
	assert_int_equal(mm_check(m), 0);
	for (int i = 0; i < 2000; i++)
		compare(m, mm, &rng);
	mm_put(m, mm);
	vmtest_end(m, free_pages);
}

#define BOTH(fn)                                            \
	{#fn " x86_64", fn, NULL, NULL, (void *)"x86_64"},  \
	{                                                   \
#fn " i386", fn, NULL, NULL, (void *)"i386" \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_against_array),
		BOTH(test_bounds_move),
		BOTH(test_rebuild),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
