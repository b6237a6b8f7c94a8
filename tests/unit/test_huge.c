/* Transparent huge pages: faults, splits, fork, moves, and running out. */
#include "../../vm/compact/compact.h"
#include "../../vm/mm/huge.h"
#include "../../vm/reclaim/reclaim.h"

#include "fault_rig.h"

#define HUGE	 (2 * MiB)
#define AT	 0x40000000ull
#define NR_PAGES 512u

static int huge_setup(void **state)
{
	rig_setup(state);
	m->root->set.thp_enabled = THP_ALWAYS;
	/* the huge zero page stays once it is made */
	map(AT, NR_PAGES, RW, ANON, 0, 0);
	assert_int_equal(mem_access(m, t, AT, 1, ACC_READ, NULL, &sf), 0);
	mm_munmap(m, t, AT, HUGE);
	free_at_start -= NR_PAGES;
	return 0;
}

static uint64_t above(const struct task *of, vaddr_t va)
{
	return pt_above(m, mm_at(m, of->mm), va);
}

static bool is_huge(const struct task *of, vaddr_t va)
{
	return pte_huge(m, above(of, va));
}

static struct mm *mm_now(void)
{
	return mm_at(m, t->mm);
}

static void test_store_maps_2_mib(void **state)
{
	uint64_t faults = t->min_flt, tables = mm_now()->pgtables;
	uint64_t rss = mm_now()->rss[RSS_ANON];
	pfn_t pfn;

	map(AT, 2 * NR_PAGES, RW, ANON, 0, 0);
	put(AT + 12345, 7);
	assert_true(is_huge(t, AT));
	assert_int_equal(t->min_flt - faults, 1);
	assert_int_equal(mm_now()->rss[RSS_ANON] - rss, NR_PAGES);
	assert_int_equal(phys_sum(m, anon_huge), 1);
	pfn = pte_pfn(m, above(t, AT));
	assert_int_equal(pfn % NR_PAGES, 0);
	assert_int_equal(frame_at(m, pfn)->order, 9);
	assert_int_equal(frame_at(m, pfn + 511)->mapcount, 1);
	/* tables for pud and pmd, and the deposit */
	assert_int_equal(mm_now()->pgtables - tables, 3 * m->page_size);
	assert_int_equal(get(AT + 12345), 7);
	assert_int_equal(get(AT + HUGE - 1), 0);
	assert_int_equal(t->min_flt - faults, 1);
	assert_int_equal(pt_get(m, mm_now(), AT + 5 * 4096) & m->arch->pte.addr,
		pfn_to_pa(m, pfn + 5));
}

static void test_only_where_it_fits(void **state)
{
	map(AT + 4096, 2 * NR_PAGES - 1, RW, ANON, 0, 0);
	put(AT + 4096, 1);
	assert_false(is_huge(t, AT));
	put(AT + HUGE, 1);
	assert_true(is_huge(t, AT + HUGE));
	mm_now()->thp_disable = 1;
	map(AT + 8 * HUGE, NR_PAGES, RW, ANON, 0, 0);
	put(AT + 8 * HUGE, 1);
	assert_false(is_huge(t, AT + 8 * HUGE));
	mm_now()->thp_disable = 0;
	m->root->set.thp_enabled = THP_MADVISE;
	map(AT + 16 * HUGE, NR_PAGES, RW, ANON, 0, 0);
	assert_false(huge_eligible(m, vma_lookup(m, t->mm, AT + 16 * HUGE)));
	assert_int_equal(mm_madvise(m, t, AT + 16 * HUGE, HUGE, 14), 0);
	assert_true(huge_eligible(m, vma_lookup(m, t->mm, AT + 16 * HUGE)));
}

static void test_zero_page(void **state)
{
	uint64_t free = vmtest_free_pages(m);

	map(AT, NR_PAGES, RW, ANON, 0, 0);
	assert_int_equal(get(AT), 0);
	assert_int_equal(pte_pfn(m, above(t, AT)), m->root->huge_zero_pfn);
	assert_true(free - vmtest_free_pages(m) < NR_PAGES);
	put(AT + 4096, 9);
	assert_int_not_equal(pte_pfn(m, above(t, AT)), m->root->huge_zero_pfn);
	assert_true(is_huge(t, AT));
	assert_int_equal(get(AT + 4096), 9);
}

static void test_fork_splits_at_the_store(void **state)
{
	struct task *c;

	map(AT, NR_PAGES, RW, ANON, 0, 0);
	put(AT, 5);
	c = task_fork(m, t, false);
	assert_non_null(c);
	assert_int_equal(above(t, AT) & m->arch->pte.addr,
		above(c, AT) & m->arch->pte.addr);
	assert_int_equal(phys_sum(m, anon_huge), 1);
	vmtest_check(m);
	put_of(c, AT, 6);
	assert_true(is_huge(t, AT));
	assert_false(is_huge(c, AT));
	assert_int_equal(get(AT), 5);
	assert_int_equal(get_of(c, AT), 6);
	assert_int_equal(
		mm_at(m, c->mm)->rss[RSS_ANON], mm_now()->rss[RSS_ANON]);
	vmtest_check(m);
	task_exit(m, c, 0);
	put(AT + 8192, 1); /* alone again: no copy */
	assert_true(is_huge(t, AT));
}

static void test_parts(void **state)
{
	pfn_t pfn;

	map(AT, NR_PAGES, RW, ANON, 0, 0);
	put(AT, 3);
	pfn = pte_pfn(m, above(t, AT));
	assert_int_equal(mm_mprotect(m, t, AT + 4096, 4096, PROT_READ), 0);
	assert_false(is_huge(t, AT));
	assert_true(frame_at(m, pfn)->flags & FR_LARGE);
	assert_int_equal(mm_munmap(m, t, AT + 4096, HUGE - 4096), 0);
	/* one page holds the block */
	assert_int_equal(frame_at(m, pfn)->order, 9);
	assert_int_equal(folio_mappings(m, pfn), 1);
	assert_int_equal(get(AT), 3);
	vmtest_check(m);
	assert_int_equal(mm_munmap(m, t, AT, 4096), 0);
	assert_int_not_equal(frame_at(m, pfn)->state, FRAME_ANON);
}

static void test_free_of_a_part_splits_the_block(void **state)
{
	pfn_t pfn;

	map(AT, NR_PAGES, RW, ANON, 0, 0);
	put(AT, 3);
	put(AT + 7 * 4096, 4);
	pfn = pte_pfn(m, above(t, AT));
	assert_int_equal(mm_madvise(m, t, AT + 4096, 4096, 8), 0);
	/* what never held bytes became the zero page */
	assert_int_equal(pte_pfn(m, pt_get(m, mm_now(), AT)), pfn);
	assert_int_equal(
		pte_pfn(m, pt_get(m, mm_now(), AT + 7 * 4096)), pfn + 7);
	assert_int_equal(
		pte_pfn(m, pt_get(m, mm_now(), AT + 4096)), m->root->zero_pfn);
	assert_int_equal(frame_at(m, pfn)->order, 0);
	assert_int_equal(get(AT + 7 * 4096), 4);
}

static void test_moves_whole(void **state)
{
	pfn_t pfn;

	map(AT, NR_PAGES, RW, ANON, 0, 0);
	put(AT, 3);
	pfn = pte_pfn(m, above(t, AT));
	assert_int_equal(mm_mremap(m, t, AT, HUGE, HUGE,
				 MREMAP_MAYMOVE | MREMAP_FIXED, AT + 4 * HUGE),
		AT + 4 * HUGE);
	assert_int_equal(pte_pfn(m, above(t, AT + 4 * HUGE)), pfn);
	assert_int_equal(
		mm_mremap(m, t, AT + 4 * HUGE, HUGE, HUGE,
			MREMAP_MAYMOVE | MREMAP_FIXED, AT + 8 * HUGE + 4096),
		AT + 8 * HUGE + 4096);
	assert_int_equal(
		pte_pfn(m, pt_get(m, mm_now(), AT + 8 * HUGE + 4096)), pfn);
	assert_int_equal(get(AT + 8 * HUGE + 4096), 3);
}

static void test_small_pages_when_none_is_left(void **state)
{
	uint64_t before = m->root->count[CNT_THP_FAULT_FALLBACK];

	map(AT, 32 * NR_PAGES, RW, ANON, 0, 0);
	for (unsigned i = 0; i < 32; i++)
		if (mem_access(m, t, AT + i * HUGE, 1, ACC_WRITE, NULL, &sf))
			break;
	assert_true(m->root->count[CNT_THP_FAULT_FALLBACK] > before);
}

/* ---- defrag -------------------------------------------------------------- */

static pfn_t kept[64];
static unsigned nr_kept;

/* Every second page of all memory but a little is in use, by a process; larger
 * blocks are kept. */
static struct task *scatter(void)
{
	struct task *c = rig_task(1000);
	struct zone *z = &m->root->zone[1];
	struct task *was = t;
	unsigned nr = 0;

	m->root->set.thp_enabled = THP_NEVER;
	t = c;
	map(AT, 32 * NR_PAGES, RW, ANON | MAP_NORESERVE, 0, 0);
	while (z->nr_free > z->high + 300)
		put_of(c, AT + nr++ * m->page_size, 1);
	for (unsigned i = 0; i < nr; i += 2)
		mm_munmap(m, c, AT + i * m->page_size, m->page_size);
	t = was;
	for (unsigned order = MAX_ORDER; order >= huge_order(m); order--)
		while ((kept[nr_kept] = buddy_alloc(m, GFP_HIGHUSER, order,
				FRAME_KERNEL, USE_KERNEL, false)))
			nr_kept++;
	vm_fail_clear(m);
	m->root->node[0].kswapd_woken = m->root->node[0].kswapd_order = 0;
	m->root->set.thp_enabled = THP_ALWAYS;
	return c;
}

/* Whether a store to a VMA that asked for huge pages or did not has one made;
 * and whether one is there for the next store, after the daemons ran. */
static void store_with(
	enum thp_defrag defrag, bool asked, bool huge, bool later)
{
	struct task *c = scatter();

	m->root->set.thp_defrag = defrag;
	map(AT, 2 * NR_PAGES, RW, ANON, 0, 0);
	if (asked)
		vma_find(m, t->mm, AT)->flags |= VM_HUGEPAGE;
	put(AT, 1);
	assert_int_equal(is_huge(t, AT), huge);
	kswapd_run(m);
	kcompactd_run(m);
	m->root->set.thp_defrag = DEFRAG_NEVER;
	put(AT + HUGE, 1);
	assert_int_equal(is_huge(t, AT + HUGE), later);
	while (nr_kept) {
		pfn_t pfn = kept[--nr_kept];

		buddy_free(m, pfn, frame_at(m, pfn)->order, USE_KERNEL);
	}
	task_exit_group(m, c, 0);
}

static void test_defrag(void **state)
{
	static const struct {
		enum thp_defrag defrag;
		bool asked, huge, later;
	} how[] = {
		{DEFRAG_NEVER, true, false, false},
		{DEFRAG_MADVISE, false, false, false},
		{DEFRAG_MADVISE, true, true, false},
		{DEFRAG_DEFER, true, false, true},
		{DEFRAG_DEFER_MADVISE, false, false, true},
		{DEFRAG_DEFER_MADVISE, true, true, false},
		{DEFRAG_ALWAYS, false, true, false},
	};
	uint64_t *n = m->root->count;

	for (unsigned i = 0; i < COUNT(how); i++) {
		uint64_t stall = n[CNT_COMPACT_STALL];

		store_with(
			how[i].defrag, how[i].asked, how[i].huge, how[i].later);
		assert_int_equal(n[CNT_COMPACT_STALL] > stall, how[i].huge);
		mm_munmap(m, t, AT, 2 * HUGE);
		vmtest_check(m);
	}
}

static void test_locked(void **state)
{
	pfn_t pfn;

	map(AT, NR_PAGES, RW, ANON, 0, 0);
	put(AT, 1);
	pfn = pte_pfn(m, above(t, AT));
	t->rlim[RLIM_MEMLOCK].soft = 64 * MiB;
	assert_int_equal(mm_mlock(m, t, AT, HUGE, 0), 0);
	assert_true(frame_at(m, pfn)->flags & FR_MLOCKED);
	assert_int_equal(lru_size(m, LRU_UNEVICTABLE), NR_PAGES);
	assert_int_equal(mm_munlock(m, t, AT, HUGE), 0);
	assert_int_equal(lru_size(m, LRU_UNEVICTABLE), 0);
}

static int collapse(vaddr_t va, uint64_t len)
{
	return (int)mm_madvise(m, t, va, len, 25);
}

static void test_collapse(void **state)
{
	uint64_t tables, rss;

	m->root->set.thp_enabled = THP_NEVER;
	map(AT, NR_PAGES, RW, ANON, 0, 0);
	assert_int_equal(collapse(AT, HUGE), -EINVAL);
	put(AT + 5 * 4096, 5);
	assert_int_equal(get(AT + 6 * 4096), 0); /* the zero page */
	tables = mm_now()->pgtables;
	rss = mm_now()->rss[RSS_ANON];
	assert_int_equal(collapse(AT, HUGE), 0);
	assert_true(is_huge(t, AT));
	assert_int_equal(get(AT + 5 * 4096), 5);
	assert_int_equal(get(AT + 7 * 4096), 0);
	assert_int_equal(mm_now()->pgtables, tables);
	assert_int_equal(mm_now()->rss[RSS_ANON], rss + NR_PAGES - 1);
	assert_int_equal(m->root->count[CNT_THP_COLLAPSE_ALLOC], 1);
	vmtest_check(m);
	put(AT + 5 * 4096, 6);
	assert_int_equal(get(AT + 5 * 4096), 6);
	assert_int_equal(collapse(AT, HUGE), 0); /* it is one already */
	assert_int_equal(collapse(AT + 4096, 4096), -EINVAL);
	assert_int_equal(m->root->count[CNT_THP_COLLAPSE_ALLOC], 1);
}

/* What a child has too stays where it is for the child. */
static void test_collapse_of_shared_pages(void **state)
{
	struct task *c;
	pfn_t pfn;

	m->root->set.thp_enabled = THP_NEVER;
	map(AT, NR_PAGES, RW, ANON, 0, 0);
	put(AT, 5);
	pfn = pte_pfn(m, pt_get(m, mm_now(), AT));
	c = task_fork(m, t, false);
	assert_int_equal(collapse(AT, HUGE), 0);
	assert_true(is_huge(t, AT));
	assert_int_equal(pte_pfn(m, pt_get(m, mm_at(m, c->mm), AT)), pfn);
	assert_int_equal(frame_at(m, pfn)->mapcount, 1);
	put(AT, 6);
	assert_int_equal(get_of(c, AT), 5);
	vmtest_check(m);
	task_exit(m, c, 0);
}

/* An empty span, or a guard page, ends the walk. */
static void test_collapse_stops(void **state)
{
	m->root->set.thp_enabled = THP_NEVER;
	map(AT, 4 * NR_PAGES, RW, ANON, 0, 0);
	put(AT, 1);
	put(AT + 2 * HUGE, 1);
	put(AT + 3 * HUGE, 1);
	assert_int_equal(collapse(AT, 4 * HUGE), -EINVAL);
	assert_true(is_huge(t, AT));
	assert_false(is_huge(t, AT + 2 * HUGE));
	assert_int_equal(mm_madvise(m, t, AT + 2 * HUGE + 4096, 4096, 102), 0);
	assert_int_equal(collapse(AT + 2 * HUGE, 2 * HUGE), -EINVAL);
	assert_non_null(strstr(vm_sentence(m), "guard page"));
	assert_false(is_huge(t, AT + 3 * HUGE));
	assert_int_equal(mm_madvise(m, t, AT, HUGE, 15), 0);
	assert_int_equal(collapse(AT, HUGE), -EINVAL);
}

#define HUGE_TEST(f)                                                          \
	{                                                                     \
#f, f, huge_setup, rig_teardown, (void *)(uintptr_t) "x86_64" \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HUGE_TEST(test_store_maps_2_mib),
		HUGE_TEST(test_only_where_it_fits),
		HUGE_TEST(test_zero_page),
		HUGE_TEST(test_fork_splits_at_the_store),
		HUGE_TEST(test_parts),
		HUGE_TEST(test_free_of_a_part_splits_the_block),
		HUGE_TEST(test_moves_whole),
		HUGE_TEST(test_small_pages_when_none_is_left),
		HUGE_TEST(test_defrag),
		HUGE_TEST(test_locked),
		HUGE_TEST(test_collapse),
		HUGE_TEST(test_collapse_of_shared_pages),
		HUGE_TEST(test_collapse_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
