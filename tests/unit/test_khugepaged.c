/* khugepaged: what it takes, what it leaves, how far it gets, when it runs. */
#include "../../vm/mm/huge.h"
#include "../../vm/mm/khugepaged.h"

#include "fault_rig.h"

#define HUGE	 (2 * MiB)
#define AT	 0x40000000ull
#define NR_PAGES 512u
#define NR_SPANS 10u

static struct khugepaged *k(void)
{
	return &m->root->khugepaged;
}

static void touch(struct task *of, vaddr_t va)
{
	if (mem_access(m, of, va, 1, ACC_WRITE, NULL, &sf))
		fail_msg("%s", vm_sentence(m));
}

static bool is_huge(const struct task *of, unsigned span)
{
	return pte_huge(m, pt_above(m, mm_at(m, of->mm), AT + span * HUGE));
}

/* Seconds of simulated time pass. */
static void wait_for(unsigned seconds)
{
	m->root->ns += seconds * 1000000000ull;
	khugepaged_run(m);
}

/* Small pages, one in each span, in a mapping that wants huge ones. */
static int small_setup(void **state)
{
	rig_setup(state);
	map(AT, NR_SPANS * NR_PAGES, RW, ANON, 0, 0);
	for (unsigned i = 0; i < NR_SPANS; i++)
		touch(t, AT + i * HUGE + i * 4096);
	m->root->set.thp_enabled = THP_MADVISE;
	assert_int_equal(mm_madvise(m, t, AT, NR_SPANS * HUGE, 14), 0);
	return 0;
}

static void test_rounds(void **state)
{
	assert_int_equal(k()->first, t->mm);
	/* each span counts 512, and each visit of the process one more */
	khugepaged_run(m);
	assert_int_equal(k()->collapsed, 8);
	assert_int_equal(k()->full_scans, 0);
	assert_true(is_huge(t, 7));
	assert_false(is_huge(t, 8));
	wait_for(9);
	assert_int_equal(k()->collapsed, 8);
	wait_for(1);
	assert_int_equal(k()->collapsed, 10);
	assert_true(k()->full_scans >= 1);
	assert_int_equal(m->root->count[CNT_THP_COLLAPSE_ALLOC], 10);
	vmtest_check(m);
	/* what would have been done meanwhile */
	assert_true(k()->full_scans < 3);
	wait_for(100);
	assert_true(k()->full_scans >= 7);
}

static void test_never(void **state)
{
	m->root->set.thp_enabled = THP_NEVER;
	wait_for(1000);
	assert_int_equal(k()->collapsed + k()->full_scans, 0);
}

static void test_only_where_allowed(void **state)
{
	assert_int_equal(mm_madvise(m, t, AT, HUGE, 15), 0);
	wait_for(100);
	assert_false(is_huge(t, 0));
	assert_int_equal(k()->collapsed, NR_SPANS - 1);
}

static void test_max_none(void **state)
{
	m->root->set.khugepaged.max_ptes_none = 510;
	touch(t, AT + HUGE - 4096);
	wait_for(100);
	assert_int_equal(k()->collapsed, 1);
	assert_true(is_huge(t, 0));
	assert_true(m->root->count[CNT_THP_EXCEED_NONE] >= NR_SPANS - 1);
}

static void test_max_shared(void **state)
{
	struct task *c = task_fork(m, t, false);

	assert_int_equal(k()->last, c->mm);
	m->root->set.khugepaged.max_ptes_shared = 0;
	touch(c, AT); /* its own copy */
	wait_for(100);
	assert_true(is_huge(c, 0));
	assert_true(is_huge(t, 0)); /* nobody else has that page any more */
	assert_int_equal(k()->collapsed, 2);
	assert_true(m->root->count[CNT_THP_EXCEED_SHARE] > 0);
	m->root->set.khugepaged.max_ptes_shared = 1;
	wait_for(100);
	assert_int_equal(k()->collapsed, NR_SPANS + 1);
	for (unsigned i = 1; i < NR_SPANS; i++) /* it never used them */
		assert_false(is_huge(c, i));
	for (unsigned i = 1; i < NR_SPANS; i++)
		touch(c, AT + i * HUGE + i * 4096);
	wait_for(100);
	assert_int_equal(k()->collapsed, 2 * NR_SPANS);
	vmtest_check(m);
	task_exit(m, c, 0);
	assert_int_equal(k()->last, t->mm);
}

static void test_unused_pages_stay(void **state)
{
	const struct mm *mm = mm_at(m, t->mm);
	uint64_t e = pt_get(m, mm, AT);

	pt_set(m, t->mm, AT, e & ~m->arch->pte.accessed);
	wait_for(100);
	assert_false(is_huge(t, 0));
	assert_int_equal(k()->collapsed, NR_SPANS - 1);
}

/* The process ends while the daemon is at it. */
static void test_exit(void **state)
{
	struct task *c = task_fork(m, t, false);

	m->root->set.khugepaged.pages_to_scan = NR_PAGES;
	khugepaged_run(m);
	assert_int_equal(k()->at, t->mm);
	while (k()->at != c->mm)
		wait_for(10);
	wait_for(10);
	assert_int_equal(k()->at, c->mm);
	task_exit(m, c, 0);
	assert_int_equal(k()->at, 0);
	assert_int_equal(k()->last, t->mm);
	vmtest_check(m);
}

#define SCAN_TEST(f)                                                           \
	{                                                                      \
#f, f, small_setup, rig_teardown, (void *)(uintptr_t) "x86_64" \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCAN_TEST(test_rounds),
		SCAN_TEST(test_never),
		SCAN_TEST(test_only_where_allowed),
		SCAN_TEST(test_max_none),
		SCAN_TEST(test_max_shared),
		SCAN_TEST(test_unused_pages_stay),
		SCAN_TEST(test_exit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
