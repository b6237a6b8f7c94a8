/* Huge pages of shared memory: faults, cuts, collapse, running out. */
#include "../../vm/mm/huge.h"
#include "../../vm/mm/khugepaged.h"

#include "fault_rig.h"

#define HUGE	 (2 * MiB)
#define AT	 0x40000000ull
#define NR_PAGES 512u
#define SHARED	 (MAP_SHARED | MAP_ANONYMOUS)
#define COLLAPSE 25
#define PAGEOUT	 21
#define REMOVE	 9

static void shmem_enabled(enum shmem_huge word)
{
	m->root->set.shmem_enabled = word;
	if (word < SHMEM_HUGE_DENY)
		m->root->set.shmem_mount = word;
}

static bool is_huge(const struct task *of, vaddr_t va)
{
	return pte_huge(m, pt_above(m, mm_at(m, of->mm), va));
}

/* The frame that va's entry maps. */
static const struct frame *frame_of(const struct task *of, vaddr_t va)
{
	return frame_at(m, pte_pfn(m, pt_get(m, mm_at(m, of->mm), va)));
}

static struct inode *object_at(vaddr_t va)
{
	const struct vma *v = vma_lookup(m, t->mm, va);

	return inode_at(m, file_at(m, v->file)->inode);
}

static void test_store_brings_2_mib(void **state)
{
	uint64_t faults = t->min_flt, tables = mm_at(m, t->mm)->pgtables;
	struct task *child;

	shmem_enabled(SHMEM_HUGE_ALWAYS);
	map(AT, 2 * NR_PAGES, RW, SHARED, 0, 0);
	put(AT + 12345, 7);
	assert_true(is_huge(t, AT));
	assert_int_equal(t->min_flt - faults, 1);
	assert_int_equal(mm_at(m, t->mm)->rss[RSS_SHMEM], NR_PAGES);
	assert_int_equal(object_at(AT)->nr_cached, NR_PAGES);
	assert_int_equal(phys_sum(m, shmem_huge), 1);
	assert_int_equal(phys_sum(m, shmem_huge_mapped), 1);
	/* a deposit is not needed: tables for pud and pmd */
	assert_int_equal(mm_at(m, t->mm)->pgtables - tables, 2 * m->page_size);

	child = task_fork(m, t, 0);
	assert_non_null(child);
	assert_false(is_huge(child, AT)); /* a fault brings it back */
	assert_int_equal(get_of(child, AT + 12345), 7);
	assert_true(is_huge(child, AT));
	assert_int_equal(frame_of(child, AT)->mapcount, 2);
}

static void test_who_gets_them(void **state)
{
	static const struct {
		enum shmem_huge word;
		bool advised, plain;
	} rows[] = {{SHMEM_HUGE_NEVER, false, false},
		{SHMEM_HUGE_ADVISE, true, false},
		{SHMEM_HUGE_WITHIN_SIZE, true, true},
		{SHMEM_HUGE_ALWAYS, true, true},
		{SHMEM_HUGE_DENY, false, false},
		{SHMEM_HUGE_FORCE, true, true}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		shmem_enabled(rows[i].word);
		for (unsigned advised = 0; advised < 2; advised++) {
			map(AT, NR_PAGES, RW, SHARED, 0, 0);
			if (advised)
				mm_madvise(m, t, AT, HUGE, 14);
			put(AT, 1);
			assert_int_equal(is_huge(t, AT),
				advised ? rows[i].advised : rows[i].plain);
			assert_int_equal(mm_munmap(m, t, AT, HUGE), 0);
		}
	}
}

static void test_mapping_without_place(void **state)
{
	idx_t file;

	shmem_enabled(SHMEM_HUGE_ALWAYS);
	map(AT, NR_PAGES, RW, SHARED, 0, 0);
	put(AT + 5 * 4096, 5);
	file = vma_lookup(m, t->mm, AT)->file;
	/* a page further on: the same frames, one entry each */
	map(AT + HUGE + 4096, NR_PAGES, RW, MAP_SHARED, file, 0);
	assert_int_equal(get(AT + HUGE + 6 * 4096), 5);
	assert_false(is_huge(t, AT + HUGE));
	assert_int_equal(frame_of(t, AT + 5 * 4096)->mapcount, 2);
	assert_int_equal(frame_of(t, AT + 40 * 4096)->mapcount, 1);
	/* a private store copies one page */
	map(AT + 4 * HUGE, NR_PAGES, RW, MAP_PRIVATE, file, 0);
	assert_int_equal(get(AT + 4 * HUGE + 5 * 4096), 5);
	assert_true(is_huge(t, AT + 4 * HUGE));
	put(AT + 4 * HUGE, 1);
	assert_false(is_huge(t, AT + 4 * HUGE));
	assert_int_equal(get(AT), 0);
	/* a part that is unmapped empties the entry, not the cache */
	assert_int_equal(mm_munmap(m, t, AT + 4096, 4096), 0);
	assert_int_equal(pt_get(m, mm_at(m, t->mm), AT), 0);
	assert_int_equal(phys_sum(m, shmem_huge), 1);
	assert_int_equal(get(AT + 5 * 4096), 5);
}

static void test_truncate_cuts(void **state)
{
	static const unsigned order[] = {2, 2, 2, 2, 0};
	idx_t inode;

	shmem_enabled(SHMEM_HUGE_ALWAYS);
	map(AT, NR_PAGES, RW, SHARED, 0, 0);
	for (unsigned i = 0; i < 8; i++)
		put(AT + i * 4096, (uint8_t)(i + 1));
	inode = file_at(m, vma_lookup(m, t->mm, AT)->file)->inode;
	assert_int_equal(disk_truncate(m, inode, 5 * 4096), 0);
	assert_int_equal(inode_at(m, inode)->nr_cached, 5);
	assert_int_equal(phys_sum(m, shmem_huge), 0);
	assert_int_equal(mm_at(m, t->mm)->rss[RSS_SHMEM], 0);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(get(AT + i * 4096), i + 1);
		assert_int_equal(frame_of(t, AT + i * 4096)->order, order[i]);
	}
	assert_int_equal(disk_truncate(m, inode, HUGE), 0);
	assert_int_equal(get(AT + 5 * 4096), 0);
}

static void test_hole_cuts_twice(void **state)
{
	shmem_enabled(SHMEM_HUGE_ALWAYS);
	map(AT, NR_PAGES, RW, SHARED, 0, 0);
	for (unsigned i = 0; i < NR_PAGES; i++)
		put(AT + i * 4096, (uint8_t)i);
	assert_int_equal(
		mm_madvise(m, t, AT + 100 * 4096, 100 * 4096, REMOVE), 0);
	assert_int_equal(object_at(AT)->nr_cached, NR_PAGES - 100);
	assert_int_equal(get(AT + 99 * 4096), 99);
	assert_int_equal(get(AT + 100 * 4096), 0);
	assert_int_equal(get(AT + 199 * 4096), 0);
	assert_int_equal(get(AT + 200 * 4096), 200);
	assert_int_equal(get(AT + 300 * 4096), (uint8_t)300);
	assert_int_equal(frame_of(t, AT + 300 * 4096)->order, 8);
	assert_int_equal(get(AT), 0);
	assert_int_equal(frame_of(t, AT)->order, 6);
}

/* Small pages, one in swap, of an object that two processes map. */
static void test_collapse(void **state)
{
	struct task *child;
	uint64_t i;

	map(AT, NR_PAGES, RW, SHARED, 0, 0);
	assert_int_equal(mm_madvise(m, t, AT, HUGE, COLLAPSE), -EINVAL);
	assert_non_null(strstr(vm_sentence(m), "no page"));
	for (i = 0; i < 20; i++)
		put(AT + i * 4096, (uint8_t)(i + 1));
	child = task_fork(m, t, 0);
	assert_int_equal(get_of(child, AT + 3 * 4096), 4);
	assert_int_equal(mm_munmap(m, child, AT + 7 * 4096, 4096), 0);
	assert_int_equal(mm_madvise(m, t, AT + 7 * 4096, 4096, PAGEOUT), 0);
	assert_int_equal(object_at(AT)->nr_away, 1);
	assert_int_equal(mm_madvise(m, t, AT, HUGE, COLLAPSE), 0);
	assert_true(is_huge(t, AT));
	assert_int_equal(object_at(AT)->nr_away, 0);
	assert_int_equal(object_at(AT)->nr_cached, NR_PAGES);
	for (i = 0; i < 20; i++)
		assert_int_equal(get(AT + i * 4096), i + 1);
	assert_int_equal(get_of(child, AT + 3 * 4096), 4);
	shmem_enabled(SHMEM_HUGE_DENY);
	assert_int_equal(mm_madvise(m, t, AT, HUGE, COLLAPSE), -EINVAL);
}

static void test_collapse_beside_private_pages(void **state)
{
	idx_t file;

	map(AT, NR_PAGES, RW, SHARED, 0, 0);
	put(AT + 4096, 9);
	file = vma_lookup(m, t->mm, AT)->file;
	map(AT + HUGE, NR_PAGES, RW, MAP_PRIVATE, file, 0);
	put(AT + HUGE, 1);
	assert_int_equal(mm_madvise(m, t, AT + HUGE, HUGE, COLLAPSE), -EINVAL);
	assert_non_null(strstr(vm_sentence(m), "not the object's"));
	/* the cache has it all the same */
	assert_int_equal(phys_sum(m, shmem_huge), 1);
	assert_int_equal(get(AT + HUGE), 1);
	assert_int_equal(get(AT + HUGE + 4096), 9);
	assert_int_equal(get(AT), 0);
}

static void test_khugepaged(void **state)
{
	map(AT, NR_PAGES, RW, SHARED, 0, 0);
	put(AT + 4096, 9);
	shmem_enabled(SHMEM_HUGE_ADVISE);
	assert_int_equal(mm_madvise(m, t, AT, HUGE, 14), 0);
	khugepaged_run(m);
	assert_int_equal(m->root->khugepaged.collapsed, 1);
	assert_int_equal(phys_sum(m, shmem_huge), 1);
	assert_int_equal(pt_above(m, mm_at(m, t->mm), AT), 0);
	assert_int_equal(get(AT + 4096), 9);
	assert_true(is_huge(t, AT));
}

static void test_out_and_back(void **state)
{
	shmem_enabled(SHMEM_HUGE_ALWAYS);
	map(AT, NR_PAGES, RW, SHARED, 0, 0);
	for (unsigned i = 0; i < NR_PAGES; i++)
		put(AT + i * 4096, (uint8_t)(i * 3));
	huge_break(m, pte_pfn(m, pt_above(m, mm_at(m, t->mm), AT)));
	assert_int_equal(phys_sum(m, shmem_huge), 0);
	assert_int_equal(object_at(AT)->nr_cached, NR_PAGES);
	for (unsigned i = 0; i < NR_PAGES; i++)
		assert_int_equal(get(AT + i * 4096), (uint8_t)(i * 3));
	assert_int_equal(mm_madvise(m, t, AT, HUGE, PAGEOUT), 0);
	assert_true(object_at(AT)->nr_away > NR_PAGES / 2);
	for (unsigned i = 0; i < NR_PAGES; i++)
		assert_int_equal(get(AT + i * 4096), (uint8_t)(i * 3));
}

/* Anonymous memory of which a part is in swap. */
static void test_collapse_from_swap(void **state)
{
	map(AT, NR_PAGES, RW, ANON, 0, 0);
	for (unsigned i = 0; i < 100; i++)
		put(AT + i * 4096, (uint8_t)(i + 1));
	assert_int_equal(mm_madvise(m, t, AT, 60 * 4096, PAGEOUT), 0);
	assert_int_equal(mm_at(m, t->mm)->swapped, 60);
	assert_int_equal(mm_madvise(m, t, AT, HUGE, COLLAPSE), 0);
	assert_true(is_huge(t, AT));
	assert_int_equal(mm_at(m, t->mm)->swapped, 0);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(get(AT + i * 4096), i + 1);
	assert_int_equal(get(AT + 101 * 4096), 0);
}

#define HUGE_TEST(f)                                                         \
	{                                                                    \
#f, f, rig_setup, rig_teardown, (void *)(uintptr_t) "x86_64" \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HUGE_TEST(test_store_brings_2_mib),
		HUGE_TEST(test_who_gets_them),
		HUGE_TEST(test_mapping_without_place),
		HUGE_TEST(test_truncate_cuts),
		HUGE_TEST(test_hole_cuts_twice),
		HUGE_TEST(test_collapse),
		HUGE_TEST(test_collapse_beside_private_pages),
		HUGE_TEST(test_khugepaged),
		HUGE_TEST(test_out_and_back),
		HUGE_TEST(test_collapse_from_swap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
