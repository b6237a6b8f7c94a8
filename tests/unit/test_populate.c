/* MAP_POPULATE, mlock, MADV_POPULATE: what they bring in, count and refuse. */
#include "fault_rig.h"

#define POPULATE_READ  22
#define POPULATE_WRITE 23

static uint64_t present(vaddr_t base, uint64_t pages)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < pages; i++)
		n += pfn_of(t, page_at(base, i)) != PFN_NONE;
	return n;
}

static int64_t lock(vaddr_t at, uint64_t pages)
{
	vm_fail_clear(m);
	return mm_mlock(m, t, at, pages << m->page_shift, 0);
}

static int64_t advise(vaddr_t at, uint64_t pages, int advice)
{
	vm_fail_clear(m);
	return mm_madvise(m, t, at, pages << m->page_shift, advice);
}

/* Faults counted as the kernel counts them. */
static void test_counts(void **state)
{
	idx_t f = make_file("/f", 32), file = open_rw("/f");

	cache_all(f, 32);
	minor_faults();
	map(RIG_BASE, 8, RW, ANON | MAP_POPULATE, 0, 0);
	assert_int_equal(minor_faults(), 8);
	map(RIG_BASE + MiB, 8, RW, ANON, 0, 0);
	assert_int_equal(lock(RIG_BASE + MiB, 8), 0);
	assert_int_equal(minor_faults(), 8);
	map(RIG_BASE + 2 * MiB, 32, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file,
		0);
	assert_int_equal(minor_faults(), 2);
	assert_int_equal(present(RIG_BASE + 2 * MiB, 32), 32);
	map(RIG_BASE + 3 * MiB, 4, RW, ANON, 0, 0);
	assert_int_equal(advise(RIG_BASE + 3 * MiB, 4, POPULATE_READ), 0);
	assert_int_equal(minor_faults(), 4);
	assert_int_equal(pfn_of(t, RIG_BASE + 3 * MiB), m->root->zero_pfn);
	assert_int_equal(advise(RIG_BASE + 3 * MiB, 4, POPULATE_WRITE), 0);
	assert_int_equal(minor_faults(), 4);
	assert_int_equal(advise(RIG_BASE + 3 * MiB, 4, POPULATE_WRITE), 0);
	assert_int_equal(minor_faults(), 0);
	file_put(m, file);
}

static void test_kinds(void **state)
{
	idx_t f = make_file("/f", 4), file = open_rw("/f");
	const struct {
		uint64_t prot, flags;
		idx_t file;
		unsigned present;
		enum frame_state kind; /* of the first page */
		bool write;
	} row[] = {
		{RW, ANON, 0, 4, FRAME_ANON, true},
		{PROT_READ, ANON, 0, 4, FRAME_RESERVED, false}, /* zero page */
		{PROT_NONE, ANON, 0, 0, 0, false},
		{RW, MAP_SHARED | MAP_ANONYMOUS, 0, 4, FRAME_SHMEM, true},
		{RW, MAP_PRIVATE, file, 4, FRAME_ANON, true},
		{PROT_READ, MAP_PRIVATE, file, 4, FRAME_FILE, false},
		{RW, MAP_SHARED, file, 4, FRAME_FILE, false},
		{RW, ANON | MAP_NONBLOCK, 0, 0, 0, false},
	};

	(void)f;
	for (size_t i = 0; i < COUNT(row); i++) {
		pfn_t pfn;

		map(RIG_BASE, 4, row[i].prot, row[i].flags | MAP_POPULATE,
			row[i].file, 0);
		assert_int_equal(m->fail.err, 0);
		if (present(RIG_BASE, 4) != row[i].present)
			fail_msg("row %zu: %u pages present", i,
				(unsigned)present(RIG_BASE, 4));
		if (!row[i].present)
			continue;
		pfn = pfn_of(t, RIG_BASE);
		assert_int_equal(writable(t, RIG_BASE), row[i].write);
		if (row[i].kind == FRAME_RESERVED)
			assert_int_equal(pfn, m->root->zero_pfn);
		else
			assert_int_equal(frame_at(m, pfn)->state, row[i].kind);
	}
	file_put(m, file);
}

static void test_mlock_errors(void **state)
{
	idx_t file;

	make_file("/f", 2);
	file = open_rw("/f");
	map(RIG_BASE, 2, RW, ANON, 0, 0);
	map(page_at(RIG_BASE, 2), 2, PROT_NONE, ANON, 0, 0);
	assert_int_equal(lock(RIG_BASE, 4), -ENOMEM);
	assert_sentence(vm_sentence(m), "permits no access");
	assert_int_equal(present(RIG_BASE, 4), 2);
	assert_true(
		vma_lookup(m, t->mm, page_at(RIG_BASE, 3))->flags & VM_LOCKED);
	map(RIG_BASE + MiB, 4, PROT_READ, MAP_PRIVATE, file, 0);
	assert_int_equal(lock(RIG_BASE + MiB, 4), -ENOMEM);
	assert_sentence(vm_sentence(m), "beyond the end of the file");
	assert_int_equal(present(RIG_BASE + MiB, 4), 2);
	map(RIG_BASE + 2 * MiB, 2, RW, ANON, 0, 0);
	pt_set(m, t->mm, page_at(RIG_BASE + 2 * MiB, 1), pte_guard(m));
	assert_int_equal(lock(RIG_BASE + 2 * MiB, 2), -ENOMEM);
	assert_sentence(vm_sentence(m), "guard page");
	/* on fault: only marked */
	map(RIG_BASE + 3 * MiB, 2, RW, ANON, 0, 0);
	assert_int_equal(
		mm_mlock(m, t, RIG_BASE + 3 * MiB, 2 * m->page_size, 1), 0);
	assert_int_equal(present(RIG_BASE + 3 * MiB, 2), 0);
	/* a zero page of a writable mapping becomes a page of its own */
	map(RIG_BASE + 4 * MiB, 1, RW, ANON, 0, 0);
	get(RIG_BASE + 4 * MiB);
	assert_int_equal(lock(RIG_BASE + 4 * MiB, 1), 0);
	assert_true(writable(t, RIG_BASE + 4 * MiB));
	file_put(m, file);
}

static void test_madvise_errors(void **state)
{
	idx_t file;

	make_file("/f", 2);
	file = open_rw("/f");
	map(RIG_BASE, 2, PROT_READ, ANON, 0, 0);
	assert_int_equal(advise(RIG_BASE, 2, POPULATE_WRITE), -EINVAL);
	assert_sentence(vm_sentence(m), "does not permit stores");
	map(RIG_BASE, 2, PROT_NONE, ANON, 0, 0);
	assert_int_equal(advise(RIG_BASE, 2, POPULATE_READ), -EINVAL);
	map(RIG_BASE, 4, RW, MAP_PRIVATE, file, 0);
	assert_int_equal(advise(RIG_BASE, 4, POPULATE_WRITE), -EFAULT);
	assert_sentence(vm_sentence(m), "beyond the end");
	assert_int_equal(present(RIG_BASE, 4), 2);
	map(RIG_BASE + MiB, 2, RW, ANON, 0, 0);
	assert_int_equal(advise(RIG_BASE + MiB, 4, POPULATE_WRITE), -ENOMEM);
	assert_int_equal(present(RIG_BASE + MiB, 2), 2);
	file_put(m, file);
}

/* Memory that runs out: mlock says EAGAIN, mmap says nothing. */
static void test_out_of_memory(void **state)
{
	uint64_t pages = 2 * m->root->totalram_pages;

	t->rlim[RLIM_MEMLOCK].soft = RLIM_UNLIMITED;
	map(RIG_BASE, pages, RW, ANON | MAP_NORESERVE | MAP_POPULATE, 0, 0);
	assert_true(present(RIG_BASE, pages) > pages / 4);
	assert_true(present(RIG_BASE, pages) < pages);
	vmtest_check(m);
	assert_int_equal(lock(RIG_BASE, pages), -EAGAIN);
	assert_sentence(vm_sentence(m), "out of memory");
	mm_munmap(m, t, RIG_BASE, pages << m->page_shift);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_counts),
		RIG_TEST(test_kinds),
		RIG_TEST(test_mlock_errors),
		RIG_TEST(test_madvise_errors),
		RIG_TEST(test_out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
