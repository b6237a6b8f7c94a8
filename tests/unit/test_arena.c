/* Segments and pools: reuse, exhaustion, and what a refusal leaves behind. */
#include "vmtest.h"

#include <stdlib.h>

#include "../../vm/mm/mm.h"
#include "../../vm/task/task.h"

/* Last freed, first used; objects are zero; indices never repeat. */
static void test_reuse(void **state)
{
	struct vm *m = vmtest_boot("x86_64", "64M");
	uint32_t live = pool_live(m, SEG_VMA);
	uint64_t before = vmtest_free_pages(m);
	idx_t i[100], again[100];

	for (unsigned k = 0; k < 100; k++) {
		i[k] = pool_alloc(m, SEG_VMA);
		assert_int_not_equal(i[k], 0);
		memset(vma_at(m, i[k]), 0xff, sizeof(struct vma));
		for (unsigned j = 0; j < k; j++)
			assert_int_not_equal(i[k], i[j]);
	}
	assert_int_equal(pool_live(m, SEG_VMA), live + 100);
	for (unsigned k = 0; k < 100; k++)
		pool_free(m, SEG_VMA, i[k]);
	assert_int_equal(pool_live(m, SEG_VMA), live);
	for (unsigned k = 0; k < 100; k++) {
		static const struct vma zero;

		again[k] = pool_alloc(m, SEG_VMA);
		assert_int_equal(again[k], i[99 - k]);
		assert_memory_equal(vma_at(m, again[k]), &zero, sizeof(zero));
	}
	for (unsigned k = 0; k < 100; k++)
		pool_free(m, SEG_VMA, again[k]);
	vmtest_end(m, before);
}

/* Segments have names, pools have elements, the others have none. */
static void test_names(void **state)
{
	for (unsigned id = 0; id < NR_SEG; id++) {
		assert_non_null(arena_seg_name(id));
		assert_int_not_equal(strlen(arena_seg_name(id)), 0);
		assert_int_equal(pool_elem_size(id) != 0, id >= SEG_FIRST_POOL);
	}
	assert_int_equal(vm_nr_segments(), NR_SEG);
}

/* Behind `used` everything is zero: a snapshot need not look there. */
static void test_used(void **state)
{
	static const char *const arch_names[] = {"x86_64", "i386"};

	for (unsigned a = 0; a < COUNT(arch_names); a++) {
		struct vm *m = vmtest_boot(arch_names[a], "32M");

		for (unsigned i = 0; i < vm_nr_segments(); i++) {
			struct vm_segment s;
			uint64_t end;

			vm_segment(m, i, &s);
			assert_true(s.used <= s.reserved);
			end = s.used + MiB < s.reserved ? s.used + MiB
							: s.reserved;
			for (uint64_t k = s.used; k < end; k++)
				assert_int_equal(s.base[k], 0);
		}
		vmtest_end(m, vmtest_free_pages(m));
	}
}

/* ---- full pools ---------------------------------------------------------- */

/* Leaves room for `more` objects in a pool, as if it had been so small. */
static uint64_t shrink(struct vm *m, enum seg_id id, unsigned more)
{
	struct segment *s = &m->arena.seg[id];
	uint64_t old = s->reserved;
	uint32_t nr = m->root->pool[id].nr;

	s->reserved =
		((uint64_t)(nr ? nr : 1) + more + 1) * pool_elem_size(id) - 1;
	return old;
}

static void test_full(void **state)
{
	struct vm *m = vmtest_boot("x86_64", "64M");
	uint64_t before = vmtest_free_pages(m);

	for (unsigned id = SEG_FIRST_POOL; id < NR_SEG; id++) {
		uint32_t live = pool_live(m, id);
		idx_t list = 0, i;
		uint64_t old;

		while (m->root->pool[id].free) {
			i = pool_alloc(m, id);
			*(idx_t *)seg_at(m, id, i * pool_elem_size(id)) = list;
			list = i;
		}
		old = shrink(m, id, 0);
		vm_fail_clear(m);
		assert_int_equal(pool_alloc(m, id), 0);
		assert_int_equal(m->fail.err, ENOMEM);
		assert_sentence(vm_sentence(m), "is full at");
		assert_sentence(vm_sentence(m), arena_seg_name(id));
		m->arena.seg[id].reserved = old;
		while (list) {
			i = list;
			list = *(idx_t *)seg_at(m, id, i * pool_elem_size(id));
			pool_free(m, id, i);
		}
		assert_int_equal(pool_live(m, id), live);
	}
	vmtest_end(m, before);
}

/*
 * Spawning when any of the pools it needs is full is refused with ENOMEM, and
 * nothing of the half-made process stays.  A bare process needs at least three
 * VMAs: the stack, vvar and the vdso.
 */
static void spawn_without_room(enum seg_id id, unsigned room, bool refused)
{
	const struct exec_args bare = {NULL, NULL, 0, NULL, 0};
	struct vm *m = vmtest_boot("x86_64", "64M");
	uint64_t before = vmtest_free_pages(m);
	uint64_t old = shrink(m, id, room);
	struct task *t;

	vm_fail_clear(m);
	t = task_spawn(m, 0, 0, &bare, "late");
	m->arena.seg[id].reserved = old;
	assert_int_equal(!t, refused);
	if (t) {
		task_exit(m, t, 0);
	} else {
		assert_int_equal(m->fail.err, ENOMEM);
		assert_sentence(vm_sentence(m), "is full at");
		assert_sentence(vm_sentence(m), arena_seg_name(id));
	}
	vmtest_end(m, before);
}

static void test_spawn_without_room(void **state)
{
	spawn_without_room(SEG_TASK, 0, true);
	spawn_without_room(SEG_TASK, 1, false);
	spawn_without_room(SEG_MM, 0, true);
	spawn_without_room(SEG_MM, 1, false);
	for (unsigned room = 0; room < 3; room++)
		spawn_without_room(SEG_VMA, room, true);
	spawn_without_room(SEG_VMA, 10, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reuse),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_used),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_spawn_without_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
