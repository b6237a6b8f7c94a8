/* fork: what the child gets, what it costs, and that a refusal costs nothing.
 * Expected values are those of the running kernel. */
#include "fault_rig.h"

static struct task *fork_of(struct task *parent)
{
	struct task *c;

	vm_fail_clear(m);
	c = task_fork(m, parent, 0);
	if (!c)
		fail_msg("%s", vm_sentence(m));
	return c;
}

static const struct vma *vma_of(struct task *of, vaddr_t va)
{
	return vma_lookup(m, of->mm, va);
}

static uint32_t mapcount(struct task *of, vaddr_t va)
{
	return frame_at(m, pfn_of(of, va))->mapcount;
}

static bool exclusive(struct task *of, vaddr_t va)
{
	return frame_at(m, pfn_of(of, va))->flags & FR_EXCLUSIVE;
}

/* Which VMAs keep their pages. */
static void test_what_is_copied(void **state)
{
	const vaddr_t a = RIG_BASE, shared = a + MiB, dont = a + 2 * MiB;
	const vaddr_t wipe = a + 3 * MiB, locked = a + 4 * MiB;
	const vaddr_t unwritten = a + 5 * MiB;
	struct task *c;
	uint64_t rss;

	map(a, 4, RW, ANON, 0, 0);
	put(a, 1);
	put(page_at(a, 1), 1);
	get(page_at(a, 2));
	map(shared, 2, RW, MAP_SHARED | MAP_ANONYMOUS, 0, 0);
	put(shared, 2);
	map(dont, 1, RW, ANON, 0, 0);
	put(dont, 3);
	mm_madvise(m, t, dont, m->page_size, 10);
	map(wipe, 1, RW, ANON, 0, 0);
	put(wipe, 4);
	mm_madvise(m, t, wipe, m->page_size, 18);
	map(locked, 1, RW, ANON, 0, 0);
	assert_int_equal(mm_mlock(m, t, locked, m->page_size, 0), 0);
	map(unwritten, 4, RW, ANON, 0, 0);
	get(unwritten);
	rss = mm_of(t)->rss[RSS_ANON];

	c = fork_of(t);
	vmtest_check(m);
	assert_int_equal(mapcount(c, a), 2);
	assert_int_equal(mapcount(c, page_at(a, 1)), 2);
	assert_false(exclusive(t, a));
	assert_false(writable(t, a));
	assert_false(writable(c, a));
	assert_int_equal(pfn_of(c, page_at(a, 2)), m->root->zero_pfn);
	assert_int_equal(pfn_of(c, page_at(a, 3)), PFN_NONE);
	assert_int_equal(pfn_of(c, shared), PFN_NONE);
	assert_null(vma_of(c, dont));
	assert_int_equal(pfn_of(c, wipe), PFN_NONE);
	assert_true(vma_of(c, wipe)->flags & VM_WIPEONFORK);
	assert_int_equal(vma_of(c, wipe)->anon_vma, 0);
	assert_false(vma_of(c, locked)->flags & VM_LOCKED);
	assert_true(vma_of(t, locked)->flags & VM_LOCKED);
	assert_int_equal(mm_of(c)->locked_vm, 0);
	assert_int_equal(mapcount(c, locked), 2);
	assert_int_equal(pfn_of(c, unwritten), PFN_NONE);
	/* the pages of dont and wipe stay behind */
	assert_int_equal(mm_of(c)->rss[RSS_ANON], rss - 2);
	assert_int_equal(c->min_flt, 0);
	/* the child's copies are old, the parent's are not */
	assert_false(entry_of(c, a) & m->arch->pte.accessed);
	assert_true(entry_of(t, a) & m->arch->pte.accessed);

	t = c;
	assert_int_equal(get(wipe), 0);
	assert_int_equal(get(shared), 2);
	assert_int_equal(get(a), 1);
}

static void test_identities(void **state)
{
	const struct vma *p, *q;
	struct task *c;
	uint32_t next;

	map(RIG_BASE, 2, RW, ANON, 0, 0);
	map(RIG_BASE + MiB, 2, RW, ANON, 0, 0);
	put(RIG_BASE, 1);
	p = vma_of(t, RIG_BASE);
	next = m->root->next_anon_vma;
	c = fork_of(t);
	q = vma_of(c, RIG_BASE);
	assert_true(q->anon_vma > next);
	assert_int_equal(q->av_multi, 1);
	assert_int_equal(p->av_multi, 0);
	assert_int_not_equal(p->anon_vma, q->anon_vma);
	assert_int_equal(vma_of(c, RIG_BASE + MiB)->anon_vma, 0);
	/* so a new mapping beside it joins in the parent, not in the child */
	map_of(c, page_at(RIG_BASE, 2), 1, RW, ANON, 0, 0);
	assert_int_equal(vma_of(c, RIG_BASE)->end, page_at(RIG_BASE, 2));
	map(page_at(RIG_BASE, 2), 1, RW, ANON, 0, 0);
	assert_int_equal(vma_of(t, RIG_BASE)->end, page_at(RIG_BASE, 3));
}

static void test_fields(void **state)
{
	struct mm *a = mm_of(t), *b;
	uint64_t committed;
	struct task *c;

	a->def_flags = VM_LOCKED | VM_LOCKONFAULT;
	a->hiwater_rss += 100;
	map(RIG_BASE, 3, RW, ANON, 0, 0);
	committed = m->root->committed;
	c = fork_of(t);
	b = mm_of(c);
	assert_int_equal(b->def_flags, 0);
	assert_int_equal(b->brk, a->brk);
	assert_int_equal(b->start_stack, a->start_stack);
	assert_int_equal(b->mmap_base, a->mmap_base);
	assert_int_equal(b->arg_start, a->arg_start);
	assert_int_equal(b->total_vm, a->total_vm);
	assert_int_equal(b->map_count, a->map_count);
	assert_int_equal(b->hiwater_rss, b->rss[0] + b->rss[1] + b->rss[2]);
	assert_true(m->root->committed > committed + 3);
	task_exit(m, c, 0);
	assert_int_equal(m->root->committed, committed);
}

/* Whoever writes first copies; the other one then owns the frame. */
static void test_first_writer_copies(void **state)
{
	for (unsigned parent_first = 0; parent_first < 2; parent_first++) {
		struct task *c, *first, *second;
		uint64_t cow, reuse;
		pfn_t pfn;

		map(RIG_BASE, 1, RW, ANON, 0, 0);
		put(RIG_BASE, 1);
		pfn = pfn_of(t, RIG_BASE);
		c = fork_of(t);
		first = parent_first ? t : c;
		second = parent_first ? c : t;
		cow = m->root->count[CNT_FAULT_COW];
		reuse = m->root->count[CNT_FAULT_REUSE];
		assert_int_equal(store_of(first, RIG_BASE, 2), 0);
		assert_int_not_equal(pfn_of(first, RIG_BASE), pfn);
		assert_true(exclusive(first, RIG_BASE));
		assert_int_equal(m->root->count[CNT_FAULT_COW], cow + 1);
		assert_int_equal(store_of(second, RIG_BASE, 3), 0);
		assert_int_equal(pfn_of(second, RIG_BASE), pfn);
		assert_int_equal(m->root->count[CNT_FAULT_COW], cow + 1);
		assert_int_equal(m->root->count[CNT_FAULT_REUSE], reuse + 1);
		assert_int_equal(frame_at(m, pfn)->owner, second->mm);
		task_exit(m, c, 0);
	}
}

static void test_exit_of_child_gives_back(void **state)
{
	struct task *c;
	pfn_t pfn;

	map(RIG_BASE, 1, RW, ANON, 0, 0);
	put(RIG_BASE, 1);
	pfn = pfn_of(t, RIG_BASE);
	c = fork_of(t);
	task_exit(m, c, 0);
	minor_faults();
	put(RIG_BASE, 5);
	assert_int_equal(minor_faults(), 1);
	assert_int_equal(pfn_of(t, RIG_BASE), pfn);
	assert_true(exclusive(t, RIG_BASE));
	put(RIG_BASE, 6);
	assert_int_equal(minor_faults(), 0);
}

static void test_guards_are_copied(void **state)
{
	struct task *c;

	map(RIG_BASE, 2, RW, ANON, 0, 0);
	put(RIG_BASE, 1);
	pt_set(m, t->mm, page_at(RIG_BASE, 1), pte_guard(m));
	c = fork_of(t);
	assert_int_equal(store_of(c, page_at(RIG_BASE, 1), 1), -EFAULT);
	assert_sentence(vm_sentence(m), "guard page");
}

/* Private file pages are copied where the VMA has pages of its own. */
static void test_file_mappings(void **state)
{
	idx_t f = make_file("/f", 4), file = open_rw("/f");
	struct task *c;

	map(RIG_BASE, 4, RW, MAP_PRIVATE, file, 0);
	map(RIG_BASE + MiB, 4, PROT_READ, MAP_PRIVATE, file, 0);
	get(RIG_BASE);
	put(page_at(RIG_BASE, 1), 0xee);
	get(RIG_BASE + MiB);
	file_put(m, file);
	c = fork_of(t);
	assert_int_equal(pfn_of(c, RIG_BASE), cache_lookup(m, f, 0));
	assert_int_equal(mapcount(c, page_at(RIG_BASE, 1)), 2);
	assert_int_equal(pfn_of(c, RIG_BASE + MiB), PFN_NONE);
	/* read once by the parent, then copied to the child */
	assert_int_equal(frame_at(m, cache_lookup(m, f, 0))->mapcount, 3);
	task_exit(m, t, 0);
	t = c;
	assert_int_equal(get(page_at(RIG_BASE, 1)), 0xee);
	assert_int_equal(get(page_at(RIG_BASE, 2)), 3);
}

static void test_strict_overcommit(void **state)
{
	uint64_t free_pages, committed;

	m->root->set.overcommit_memory = 2;
	m->root->set.overcommit_ratio = 100;
	map(RIG_BASE, m->root->totalram_pages * 2 / 3, RW, ANON, 0, 0);
	m->root->set.overcommit_ratio = 10;
	put(RIG_BASE, 1);
	committed = m->root->committed;
	free_pages = vmtest_free_pages(m);
	vm_fail_clear(m);
	assert_null(task_fork(m, t, 0));
	assert_int_equal(m->fail.err, ENOMEM);
	assert_sentence(vm_sentence(m), "overcommit_memory=2");
	assert_int_equal(m->root->committed, committed);
	assert_int_equal(vmtest_free_pages(m), free_pages);
	assert_true(exclusive(t, RIG_BASE));
	vmtest_check(m);
}

/* With every frame but n in use, fork gives back what it took. */
static void test_no_memory(void **state)
{
	uint64_t pages = m->root->totalram_pages * 2, i = 0, free_pages;
	vaddr_t far = RIG_BASE + (pages << m->page_shift) + 64 * MiB;

	assert_int_equal(swap_off(m, swap_area_of(m, 0)), 0);
	for (unsigned k = 0; k < 40; k++) {
		map(far + k * 8 * MiB, 1, RW, ANON, 0, 0);
		put(far + k * 8 * MiB, (uint8_t)k);
	}
	map(RIG_BASE, pages, RW, ANON | MAP_NORESERVE, 0, 0);
	while (store_of(t, page_at(RIG_BASE, i), 1) == 0)
		i++;
	for (unsigned n = 0; n < 30; n++) {
		mm_discard(m, t->mm, vma_lookup(m, t->mm, RIG_BASE),
			page_at(RIG_BASE, n * 3), page_at(RIG_BASE, n * 3 + 1));
		free_pages = vmtest_free_pages(m);
		vm_fail_clear(m);
		assert_null(task_fork(m, t, 0));
		assert_int_equal(m->fail.err, ENOMEM);
		assert_int_equal(vmtest_free_pages(m), free_pages);
		assert_true(exclusive(t, far));
		assert_true(writable(t, far));
	}
	mm_munmap(m, t, RIG_BASE, pages << m->page_shift);
	fork_of(t);
	assert_false(writable(t, far));
}

static void test_many_generations(void **state)
{
	struct task *of[12] = {t};

	map(RIG_BASE, 8, RW, ANON, 0, 0);
	for (unsigned i = 0; i < 8; i++)
		put(page_at(RIG_BASE, i), (uint8_t)i);
	for (unsigned g = 1; g < COUNT(of); g++) {
		of[g] = fork_of(of[g - 1]);
		assert_int_equal(
			store_of(of[g], page_at(RIG_BASE, g % 8), 100 + g), 0);
	}
	vmtest_check(m);
	for (unsigned g = 0; g < COUNT(of); g++)
		for (unsigned i = 0; i < 8; i++) {
			unsigned want = i;
			uint8_t b;

			for (unsigned k = 1; k <= g; k++)
				want = k % 8 == i ? 100 + k : want;
			load_of(of[g], page_at(RIG_BASE, i), &b);
			assert_int_equal(b, want);
		}
	for (unsigned g = 0; g < COUNT(of); g += 2)
		task_exit(m, of[g], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_what_is_copied),
		RIG_TEST(test_identities),
		RIG_TEST(test_fields),
		RIG_TEST(test_first_writer_copies),
		RIG_TEST(test_exit_of_child_gives_back),
		RIG_TEST(test_guards_are_copied),
		RIG_TEST(test_file_mappings),
		RIG_TEST(test_strict_overcommit),
		RIG_TEST(test_no_memory),
		RIG_TEST(test_many_generations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
