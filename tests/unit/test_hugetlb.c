/* Huge pages of the pool: promises, faults, fork, files, the pool's size. */
#include "../../vm/mm/hugetlb.h"

#include "fault_rig.h"

#define AT   0x40000000ull
#define HUGE (huge_size(m))
#define POOL (MAP_ANONYMOUS | MAP_HUGETLB)

static int pool_setup(void **state)
{
	rig_setup(state);
	hugetlb_resize(m, 1, 4, 1);
	assert_int_equal(hugetlb_sum(m, 1).nr, 4);
	return 0;
}

static int pool_teardown(void **state)
{
	vmtest_check(m);
	rig_clear();
	assert_int_equal(hugetlb_sum(m, 1).free, hugetlb_sum(m, 1).nr);
	assert_int_equal(m->root->hugetlb[0].resv, 0);
	m->root->set.nr_overcommit_hugepages = 0;
	hugetlb_resize(m, 1, 0, 1);
	vmtest_end(m, free_at_start);
	return 0;
}

static int64_t try_map(vaddr_t at, uint64_t nr, uint64_t flags)
{
	const struct mmap_args a = {
		.addr = at,
		.len = nr * HUGE,
		.prot = RW,
		.flags = flags | MAP_FIXED,
	};

	return mm_mmap(m, t, &a);
}

static void expect(uint64_t free, uint64_t resv)
{
	assert_int_equal(hugetlb_sum(m, 1).free, free);
	assert_int_equal(m->root->hugetlb[0].resv, resv);
}

static void test_mmap_promises(void **state)
{
	uint64_t rss = mm_at(m, t->mm)->rss[RSS_ANON];

	assert_int_equal(try_map(AT, 3, MAP_PRIVATE | POOL), AT);
	expect(4, 3);
	assert_int_equal(
		try_map(AT + 8 * HUGE, 2, MAP_PRIVATE | POOL), -ENOMEM);
	assert_int_equal(store_of(t, AT + HUGE + 5, 7), 0);
	expect(3, 2);
	assert_int_equal(mm_at(m, t->mm)->hugetlb, HUGE >> m->page_shift);
	assert_int_equal(mm_at(m, t->mm)->rss[RSS_ANON], rss);
	assert_int_equal(get(AT + HUGE + 5), 7);
	assert_int_equal(get(AT + 2 * HUGE - 1), 0);
	assert_int_equal(mm_munmap(m, t, AT, 3 * HUGE), 0);
	expect(4, 0);
}

static void test_whole_pages_alone(void **state)
{
	assert_int_equal(
		try_map(AT + m->page_size, 1, MAP_PRIVATE | POOL), -EINVAL);
	assert_int_equal(try_map(AT, 2, MAP_PRIVATE | POOL), AT);
	assert_int_equal(mm_munmap(m, t, AT, m->page_size), -EINVAL);
	assert_int_equal(
		mm_mprotect(m, t, AT, m->page_size, PROT_READ), -EINVAL);
	assert_int_equal(mm_mremap(m, t, AT, HUGE, 2 * HUGE, MREMAP_MAYMOVE, 0),
		-EINVAL);
	assert_int_equal(mm_munmap(m, t, AT, HUGE), 0);
	expect(4, 1);
}

static void test_no_promise_is_sigbus(void **state)
{
	assert_int_equal(
		try_map(AT, 5, MAP_PRIVATE | MAP_NORESERVE | POOL), AT);
	expect(4, 0);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(store_of(t, AT + i * HUGE, 1), 0);
	assert_int_equal(store_of(t, AT + 4 * HUGE, 1), -EFAULT);
	assert_int_equal(sf.sig, 7);
	assert_int_equal(sf.code, 2);
	expect(0, 0);
}

static void test_overcommit_makes_surplus(void **state)
{
	m->root->set.nr_overcommit_hugepages = 2;
	assert_int_equal(try_map(AT, 6, MAP_SHARED | POOL), AT);
	assert_int_equal(hugetlb_sum(m, 1).surplus, 2);
	expect(6, 6);
	assert_int_equal(
		try_map(AT + 8 * HUGE, 1, MAP_PRIVATE | POOL), -ENOMEM);
	assert_int_equal(mm_munmap(m, t, AT, 6 * HUGE), 0);
	assert_int_equal(hugetlb_sum(m, 1).surplus, 0);
	assert_int_equal(hugetlb_sum(m, 1).nr, 4);
}

/* The owner was promised its page: the child pays for the copy. */
static void test_owner_takes_from_child(void **state)
{
	struct task *c;

	hugetlb_resize(m, 1, 1, 1);
	assert_int_equal(try_map(AT, 1, MAP_PRIVATE | POOL), AT);
	assert_int_equal(store_of(t, AT, 1), 0);
	c = task_fork(m, t, false);
	assert_non_null(c);
	assert_int_equal(get_of(c, AT), 1);
	assert_int_equal(store_of(c, AT, 2), -EFAULT);
	assert_int_equal(sf.sig, 7);
	assert_int_equal(store_of(t, AT, 3), 0);
	assert_int_equal(get(AT), 3);
	assert_int_equal(mm_at(m, c->mm)->hugetlb, 0);
	assert_int_equal(store_of(c, AT, 2), -EFAULT);
	vmtest_check(m);
}

static void test_shared_lives_in_its_file(void **state)
{
	struct task *c;

	assert_int_equal(try_map(AT, 2, MAP_SHARED | POOL), AT);
	assert_int_equal(store_of(t, AT, 9), 0);
	c = task_fork(m, t, false);
	assert_non_null(c);
	expect(3, 1);
	assert_int_equal(get_of(c, AT), 9);
	assert_int_equal(store_of(c, AT + HUGE, 8), 0);
	expect(2, 0);
	assert_int_equal(mm_madvise(m, t, AT, HUGE, 4), 0);
	assert_int_equal(get(AT), 9);
	assert_int_equal(get(AT + HUGE), 8);
	vmtest_check(m);
}

static void test_resize_keeps_what_is_in_use(void **state)
{
	assert_int_equal(try_map(AT, 2, MAP_PRIVATE | POOL), AT);
	assert_int_equal(store_of(t, AT, 1), 0);
	hugetlb_resize(m, 1, 0, 1);
	assert_int_equal(hugetlb_sum(m, 1).nr, 2);
	assert_int_equal(hugetlb_sum(m, 1).surplus, 2);
	assert_int_equal(m->root->set.nr_hugepages, 0);
	assert_int_equal(store_of(t, AT + HUGE, 1), 0);
	assert_int_equal(mm_munmap(m, t, AT, 2 * HUGE), 0);
	assert_int_equal(hugetlb_sum(m, 1).nr, 0);
}

/* What others have of the file counts, where no table says otherwise. */
static void test_cached_is_resident(void **state)
{
	struct task *c;
	uint8_t there = 0;

	assert_int_equal(try_map(AT, 1, MAP_SHARED | POOL), AT);
	assert_int_equal(store_of(t, AT, 1), 0);
	c = task_fork(m, t, false);
	assert_non_null(c);
	c->cred.cap_effective = ~0ull; /* so that it is told */
	assert_int_equal(mm_mincore(m, c, AT, m->page_size, &there, 1), 0);
	assert_int_equal(there, m->arch->nr_levels > 2);
}

/* What a call replaces is given up when it returns: after it populates. */
static void test_populate_beside_what_goes(void **state)
{
	assert_int_equal(try_map(AT, 2, MAP_SHARED | POOL), AT);
	assert_int_equal(
		try_map(AT, 4,
			MAP_PRIVATE | MAP_NORESERVE | MAP_POPULATE | POOL),
		AT);
	expect(2, 0);
	assert_int_equal(store_of(t, AT + 3 * HUGE, 1), 0);
	expect(1, 0);
}

#define POOL_TEST(f)                                      \
	{#f " x86_64", f, pool_setup, pool_teardown,      \
		(void *)(uintptr_t) "x86_64"},            \
	{                                                 \
#f " i386", f, pool_setup, pool_teardown, \
			(void *)(uintptr_t) "i386"        \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		POOL_TEST(test_mmap_promises),
		POOL_TEST(test_whole_pages_alone),
		POOL_TEST(test_no_promise_is_sigbus),
		POOL_TEST(test_overcommit_makes_surplus),
		POOL_TEST(test_owner_takes_from_child),
		POOL_TEST(test_shared_lives_in_its_file),
		POOL_TEST(test_resize_keeps_what_is_in_use),
		POOL_TEST(test_cached_is_resident),
		POOL_TEST(test_populate_beside_what_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
