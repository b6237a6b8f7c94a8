/*
 * The memory calls one by one: what is refused, with which errno and which
 * sentence, in the order of Linux; and what the calls leave behind.
 */
#include "vmtest.h"

#include "../../vm/mm/mm_i.h"
#include "../../vm/task/task.h"

#define AT    0x10000000ull
#define PAGES 4096ull
#define ANON  (MAP_PRIVATE | MAP_ANONYMOUS)

static struct vm *m;
static struct task *t;

static int64_t map(vaddr_t addr, uint64_t len, uint64_t prot, uint64_t flags)
{
	struct mmap_args a = {addr, len, prot, flags, 0, 0};

	vm_fail_clear(m);
	return mm_mmap(m, t, &a);
}

/* One call and its answer. */
struct row {
	const char *call;
	uint64_t a[5];
	int64_t want;
	const char *sentence; /* a part of it, for refusals */
};

static int64_t run(const struct row *r)
{
	const uint64_t *a = r->a;
	struct mmap_args ma = {a[0], a[1], a[2], a[3], 0, a[4]};

	vm_fail_clear(m);
	if (!strcmp(r->call, "mmap"))
		return mm_mmap(m, t, &ma);
	if (!strcmp(r->call, "munmap"))
		return mm_munmap(m, t, a[0], a[1]);
	if (!strcmp(r->call, "mprotect"))
		return mm_mprotect(m, t, a[0], a[1], a[2]);
	if (!strcmp(r->call, "mremap"))
		return mm_mremap(m, t, a[0], a[1], a[2], a[3], a[4]);
	if (!strcmp(r->call, "madvise"))
		return mm_madvise(m, t, a[0], a[1], (int)a[2]);
	if (!strcmp(r->call, "mlock"))
		return mm_mlock(m, t, a[0], a[1], a[2]);
	if (!strcmp(r->call, "mlockall"))
		return mm_mlockall(m, t, a[0]);
	if (!strcmp(r->call, "msync"))
		return mm_msync(m, t, a[0], a[1], a[2]);
	if (!strcmp(r->call, "mincore"))
		return mm_mincore(m, t, a[0], a[1], NULL, 0);
	fail_msg("no call %s", r->call);
	return 0;
}

/* 4 pages rw at AT, nothing around them. */
static const struct row rows[] = {
	/* mmap: offset, descriptor, length, address, type */
	{"mmap", {0, 0, 3, 0, 1}, -EINVAL, "offset 0x1"},
	{"mmap", {0, 0, 3, MAP_PRIVATE}, -EBADF, "MAP_ANONYMOUS"},
	{"mmap", {0, 0, 3, ANON}, -EINVAL, "length is 0"},
	{"mmap", {0, -1ull, 3, ANON}, -ENOMEM, "2^64"},
	{"mmap", {-PAGES, PAGES, 3, ANON | MAP_FIXED}, -ENOMEM, "user space"},
	{"mmap", {-22ull, PAGES, 3, ANON | MAP_FIXED}, -EINVAL, "errno"},
	{"mmap", {AT + 1, PAGES, 3, ANON | MAP_FIXED}, -EINVAL, "multiple"},
	{"mmap", {AT, PAGES, 3, ANON | MAP_FIXED_NOREPLACE}, -EEXIST,
		"overlaps the mapping [0x10000000"},
	{"mmap", {0, PAGES, 3, MAP_ANONYMOUS}, -EINVAL, "no mapping type"},
	{"mmap", {0, PAGES, 3, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN},
		-EINVAL, "MAP_GROWSDOWN"},
	{"mmap", {0, PAGES, 3, ANON | MAP_HUGETLB}, -ENOMEM, "huge"},
	{"munmap", {AT + 1, PAGES}, -EINVAL, "multiple"},
	{"munmap", {AT, 0}, -EINVAL, "length is 0"},
	{"munmap", {AT, -1ull}, -EINVAL, "user space"},
	{"munmap", {AT + 0x100000, PAGES}, 0, NULL},
	{"mprotect", {AT, PAGES, PROT_GROWSDOWN | PROT_GROWSUP}, -EINVAL,
		"exclude"},
	{"mprotect", {AT + 1, 0, 1}, -EINVAL, "multiple"},
	{"mprotect", {AT, 0, 0x100}, 0, NULL},
	{"mprotect", {AT, -1ull, 1}, -ENOMEM, "beyond"},
	{"mprotect", {AT, PAGES, 0x10}, -EINVAL, "unknown protection"},
	{"mprotect", {AT, PAGES, PROT_GROWSDOWN}, -EINVAL, "does not grow"},
	{"mprotect", {AT - PAGES, PAGES, 1}, -ENOMEM, "nothing is mapped"},
	{"mprotect", {AT, 5 * PAGES, 3}, -ENOMEM,
		"nothing is mapped at 0x10004000; what is below it has"},
	{"mremap", {AT, PAGES, PAGES, 8}, -EINVAL, "unknown mremap flags"},
	{"mremap", {AT + 1, PAGES, PAGES, 0}, -EINVAL, "multiple"},
	{"mremap", {AT, PAGES, 0, 0}, -EINVAL, "new length is 0"},
	{"mremap", {AT, PAGES, PAGES, MREMAP_FIXED, 0x20000000}, -EINVAL,
		"MREMAP_MAYMOVE"},
	{"mremap", {AT, PAGES, PAGES, MREMAP_MAYMOVE | MREMAP_FIXED, AT},
		-EINVAL, "overlap"},
	{"mremap", {AT - PAGES, PAGES, PAGES, 0}, -EFAULT, "nothing is mapped"},
	{"mremap", {AT, 0, PAGES, MREMAP_MAYMOVE}, -EINVAL, "shared"},
	{"mremap", {AT, 5 * PAGES, 6 * PAGES, MREMAP_MAYMOVE}, -EFAULT,
		"past the end"},
	{"mremap", {AT, PAGES, 2 * PAGES, 0}, -ENOMEM, "in place"},
	{"madvise", {AT, PAGES, 7}, -EINVAL, "unknown advice 7"},
	{"madvise", {AT + 1, PAGES, 0}, -EINVAL, "multiple"},
	{"madvise", {AT, -1ull, 0}, -EINVAL, "beyond"},
	{"madvise", {AT - PAGES, 0, 0}, 0, NULL},
	{"madvise", {AT - PAGES, 2 * PAGES, 1}, -ENOMEM, "rest of the range"},
	{"madvise", {AT, PAGES, 9}, -EINVAL, "hole"},
	{"mlock", {AT, PAGES, 2}, -EINVAL, "unknown mlock flags"},
	{"mlock", {AT, 5 * PAGES, 0}, -ENOMEM, "below it is marked locked"},
	{"mlock", {AT, -1ull, 0}, 0, NULL},
	{"mlockall", {4}, -EINVAL, "onfault"},
	{"msync", {AT, PAGES, 8}, -EINVAL, "unknown msync flags"},
	{"msync", {AT, PAGES, 5}, -EINVAL, "exclude"},
	{"msync", {AT, PAGES, 2}, -EBUSY, "locked"},
	{"msync", {AT, 5 * PAGES, 4}, -ENOMEM, "not mapped"},
	{"mincore", {AT + 1, PAGES}, -EINVAL, "multiple"},
	{"mincore", {AT, -1ull}, -ENOMEM, "user space"},
	{"mincore", {AT, 5 * PAGES}, -ENOMEM, "nothing is mapped"},
};

static void test_refusals(void **state)
{
	assert_int_equal(map(AT, 4 * PAGES, 3, ANON | MAP_FIXED), (int64_t)AT);
	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t r = run(&rows[i]);

		if (r != rows[i].want)
			fail_msg("row %zu, %s: %lld, not %lld (%s)", i,
				rows[i].call, (long long)r,
				(long long)rows[i].want, vm_sentence(m));
		if (rows[i].sentence)
			assert_sentence(vm_sentence(m), rows[i].sentence);
		vmtest_check(m);
	}
}

static unsigned count_in(vaddr_t start, vaddr_t end)
{
	unsigned n = 0;
	const struct vma *v = vma_overlap(m, t->mm, start, end);

	for (; v && v->start < end; v = vma_next(m, v))
		n++;
	return n;
}

static void test_split_and_join(void **state)
{
	map(AT, 4 * PAGES, 3, ANON | MAP_FIXED);
	assert_int_equal(mm_mprotect(m, t, AT + PAGES, PAGES, 1), 0);
	assert_int_equal(count_in(AT, AT + 4 * PAGES), 3);
	assert_int_equal(mm_mprotect(m, t, AT + PAGES, PAGES, 3), 0);
	assert_int_equal(count_in(AT, AT + 4 * PAGES), 1);
	assert_int_equal(mm_munmap(m, t, AT + PAGES, PAGES), 0);
	assert_int_equal(count_in(AT, AT + 4 * PAGES), 2);
	map(AT + PAGES, PAGES, 3, ANON | MAP_FIXED);
	assert_int_equal(count_in(AT, AT + 4 * PAGES), 1);
}

static void test_map_count(void **state)
{
	uint32_t have;

	map(AT, 4 * PAGES, 3, ANON | MAP_FIXED);
	have = mm_at(m, t->mm)->map_count;
	m->root->set.max_map_count = have;
	vm_fail_clear(m);
	assert_int_equal(mm_munmap(m, t, AT + PAGES, PAGES), -ENOMEM);
	assert_sentence(vm_sentence(m), "max_map_count");
	assert_int_equal(mm_munmap(m, t, AT, PAGES), 0);
	assert_true(map(0, PAGES, 1, ANON) > 0);
	assert_int_equal(map(0, PAGES, 0, ANON), -ENOMEM);
	vm_fail_clear(m);
	assert_int_equal(mm_mprotect(m, t, AT + PAGES, PAGES, 1), -ENOMEM);
	assert_int_equal(count_in(AT, AT + 4 * PAGES), 1);
}

static void test_brk(void **state)
{
	vaddr_t start = mm_at(m, t->mm)->start_brk;

	assert_int_equal(mm_brk(m, t, 0), start);
	assert_int_equal(mm_brk(m, t, start + 100), start + 100);
	assert_int_equal(count_in(start, start + PAGES), 1);
	/* a page must stay free above the heap */
	map(start + 4 * PAGES, PAGES, 1, ANON | MAP_FIXED);
	vm_fail_clear(m);
	assert_int_equal(mm_brk(m, t, start + 4 * PAGES), start + 100);
	assert_sentence(vm_sentence(m), "a page away");
	assert_int_equal(mm_brk(m, t, start + 3 * PAGES), start + 3 * PAGES);
	assert_int_equal(mm_brk(m, t, start), start);
	assert_int_equal(count_in(start, start + 3 * PAGES), 0);
}

static void test_limits(void **state)
{
	struct mm *mm = mm_at(m, t->mm);

	t->rlim[RLIM_AS].soft = mm->total_vm * m->page_size;
	assert_int_equal(map(0, PAGES, 1, ANON), -ENOMEM);
	assert_sentence(vm_sentence(m), "RLIMIT_AS");
	t->rlim[RLIM_AS].soft = RLIM_UNLIMITED;
	t->rlim[RLIM_DATA].soft = (mm->data_vm + 1) * m->page_size;
	assert_int_equal(map(AT, 2 * PAGES, 3, ANON | MAP_FIXED), -ENOMEM);
	assert_sentence(vm_sentence(m), "RLIMIT_DATA");
	assert_int_equal(map(AT, 2 * PAGES, 1, ANON | MAP_FIXED), (int64_t)AT);
	vm_fail_clear(m);
	assert_int_equal(mm_mprotect(m, t, AT, 2 * PAGES, 3), -ENOMEM);
	assert_int_equal(mm_mprotect(m, t, AT, PAGES, 3), 0);
	t->rlim[RLIM_DATA].soft = RLIM_UNLIMITED;
	assert_int_equal(map(0, 1 * GiB, 3, ANON), -ENOMEM);
	assert_sentence(vm_sentence(m), "overcommit_memory=0");
	assert_true(map(0, 1 * GiB, 3, ANON | MAP_NORESERVE) > 0);
}

static void test_committed(void **state)
{
	uint64_t before = m->root->committed;

	map(AT, 4 * PAGES, 3, ANON | MAP_FIXED);
	assert_int_equal(m->root->committed, before + 4);
	mm_mprotect(m, t, AT, 2 * PAGES, 1);
	assert_int_equal(m->root->committed, before + 2);
	map(AT + PAGES, 2 * PAGES, 3, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED);
	assert_int_equal(m->root->committed, before + 3);
	mm_munmap(m, t, AT, 4 * PAGES);
	assert_int_equal(m->root->committed, before);
}

static uint64_t free_pages;

static int begin(void **state)
{
	static const struct exec_args bare;

	m = vmtest_boot(*state, "64M");
	free_pages = vmtest_free_pages(m);
	t = task_spawn(m, 0, 0, &bare, "test");
	return t ? 0 : -1;
}

static int end(void **state)
{
	vmtest_check(m);
	task_exit(m, t, 0);
	vmtest_end(m, free_pages);
	return 0;
}

#define BOTH(fn)                                            \
	{#fn " x86_64", fn, begin, end, (void *)"x86_64"},  \
	{                                                   \
#fn " i386", fn, begin, end, (void *)"i386" \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_refusals),
		BOTH(test_split_and_join),
		BOTH(test_map_count),
		BOTH(test_brk),
		BOTH(test_limits),
		BOTH(test_committed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
