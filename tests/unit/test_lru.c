/* The LRU lists and the reverse mapping: which list a page is on, and that
 * every entry is found from its frame.  vm_check() does the counting. */
#include "../../vm/mm/rmap.h"

#include "fault_rig.h"

/* The process keeps it open. */
static idx_t opened(const char *path)
{
	idx_t f = open_rw(path);

	assert_true(fd_install(m, t, f, -1) >= 0);
	return f;
}

static enum lru_id list_of(struct task *of, vaddr_t va)
{
	return frame_lru(frame_at(m, pfn_of(of, va)));
}

/* Lists begin with the newest page. */
static void test_new_pages(void **state)
{
	idx_t f = make_file("/f", 2);
	uint64_t anon = lru_size(m, LRU_INACTIVE_ANON);

	map(RIG_BASE, 3, RW, ANON, 0, 0);
	for (unsigned i = 0; i < 3; i++) {
		put(page_at(RIG_BASE, i), 1);
		assert_int_equal(m->root->node[0].lru[LRU_INACTIVE_ANON].head,
			pfn_of(t, page_at(RIG_BASE, i)));
	}
	assert_int_equal(lru_size(m, LRU_INACTIVE_ANON), anon + 3);
	map(RIG_BASE + MiB, 2, PROT_READ, MAP_SHARED, opened("/f"), 0);
	assert_int_equal(get(RIG_BASE + MiB), 1);
	assert_int_equal(list_of(t, RIG_BASE + MiB), LRU_INACTIVE_FILE);
	assert_int_equal(
		lru_size(m, LRU_INACTIVE_FILE), inode_at(m, f)->nr_cached);
	/* shared memory has no file behind it: it is anon */
	map(RIG_BASE + 2 * MiB, 1, RW, MAP_SHARED | MAP_ANONYMOUS, 0, 0);
	put(RIG_BASE + 2 * MiB, 1);
	assert_int_equal(list_of(t, RIG_BASE + 2 * MiB), LRU_INACTIVE_ANON);
}

static void test_mlock(void **state)
{
	struct task *c;

	map(RIG_BASE, 4, RW, ANON, 0, 0);
	put(RIG_BASE, 1);
	assert_int_equal(mm_mlock(m, t, RIG_BASE, 3 << m->page_shift, 0), 0);
	assert_int_equal(lru_size(m, LRU_UNEVICTABLE), 3);
	assert_int_equal(m->root->count[CNT_MLOCKED], 3);
	/* the child's mapping of the page is not locked, the parent's is */
	c = task_fork(m, t, 0);
	vmtest_check(m);
	task_exit(m, c, 0);
	assert_int_equal(lru_size(m, LRU_UNEVICTABLE), 3);
	c = task_fork(m, t, 0);
	assert_int_equal(mm_munlock(m, t, RIG_BASE, 1 << m->page_shift), 0);
	assert_int_equal(list_of(t, RIG_BASE), LRU_INACTIVE_ANON);
	assert_int_equal(mm_mlock(m, c, RIG_BASE, 1 << m->page_shift, 0), 0);
	assert_int_equal(lru_size(m, LRU_UNEVICTABLE), 3);
	assert_int_equal(mm_munmap(m, t, RIG_BASE, 4 << m->page_shift), 0);
	assert_int_equal(lru_size(m, LRU_UNEVICTABLE), 1);
	vmtest_check(m);
}

static void count_entry(struct vm *vm, const struct rmap_entry *e, void *ctx)
{
	++*(unsigned *)ctx;
}

static unsigned entries_of(pfn_t pfn)
{
	unsigned n = 0;

	rmap_walk(m, pfn, count_entry, &n);
	return n;
}

/* fork, then moves in parent and child, then pieces, then exits. */
static void test_found_after_moves(void **state)
{
	const uint64_t page = m->page_size;
	vaddr_t to = RIG_BASE + 4 * MiB, own = RIG_BASE + 8 * MiB;
	struct task *c, *g;
	pfn_t pfn;

	map(RIG_BASE, 8, RW, ANON, 0, 0);
	for (unsigned i = 0; i < 8; i++)
		put(page_at(RIG_BASE, i), (uint8_t)i);
	pfn = pfn_of(t, page_at(RIG_BASE, 5));
	c = task_fork(m, t, 0);
	g = task_fork(m, c, 0);
	assert_int_equal(entries_of(pfn), 3);
	assert_int_equal(mm_mremap(m, c, page_at(RIG_BASE, 4), 4 * page,
				 4 * page, MREMAP_MAYMOVE | MREMAP_FIXED, to),
		(int64_t)to);
	assert_int_equal(pfn_of(c, page_at(to, 1)), pfn);
	assert_int_equal(entries_of(pfn), 3);
	vmtest_check(m);
	assert_int_equal(
		mm_mprotect(m, g, page_at(RIG_BASE, 5), page, PROT_READ), 0);
	assert_int_equal(entries_of(pfn), 3);
	task_exit(m, t, 0);
	assert_int_equal(entries_of(pfn), 2);
	vmtest_check(m);
	/* a page of one's own moves and is found at the new place */
	t = c;
	put(page_at(to, 2), 9);
	assert_int_equal(mm_mremap(m, c, to, 4 * page, 4 * page,
				 MREMAP_MAYMOVE | MREMAP_FIXED, own),
		(int64_t)own);
	assert_true(
		frame_at(m, pfn_of(c, page_at(own, 2)))->flags & FR_EXCLUSIVE);
	assert_int_equal(entries_of(pfn_of(c, page_at(own, 2))), 1);
	assert_int_equal(entries_of(pfn), 2);
	vmtest_check(m);
	t = rig_task(1000);
}

/* Every call that changes mappings, at random, checked after each. */
static void test_random(void **state)
{
	uint64_t seed = 1, page = m->page_size;
	struct task *who[6] = {t};
	idx_t file;

	make_file("/f", 64);
	file = opened("/f");
	for (unsigned round = 0; round < 1500; round++) {
		uint64_t r = vmtest_random(&seed);
		struct task **slot = &who[r % 6];
		vaddr_t va = RIG_BASE + (r >> 8) % 60 * page;
		uint64_t len = ((r >> 16) % 8 + 1) * page;

		vm_fail_clear(m);
		if (!*slot) {
			*slot = task_fork(m, t, 0);
			continue;
		}
		switch ((r >> 24) % 9) {
		case 0:
			map_of(*slot, va, len / page, RW, ANON, 0, 0);
			break;
		case 1:
			map_of(*slot, va, len / page, RW, MAP_PRIVATE, file,
				(va - RIG_BASE) / page);
			break;
		case 2:
			map_of(*slot, va, len / page, RW, MAP_SHARED, file,
				(r >> 40) % 56);
			break;
		case 3:
			mm_munmap(m, *slot, va, len);
			break;
		case 4:
			mm_mremap(m, *slot, va, len, len,
				MREMAP_MAYMOVE | MREMAP_FIXED |
					((r >> 41) % 4 ? 0 : MREMAP_DONTUNMAP),
				RIG_BASE + (100 + (r >> 32) % 60) * page);
			break;
		case 5:
			mm_mprotect(m, *slot, va, len,
				(r >> 33) % 2 ? RW : PROT_READ);
			break;
		case 6:
			mm_mlock(m, *slot, va, len, (r >> 34) % 2);
			break;
		case 7:
			mm_munlock(m, *slot, va, len);
			break;
		default:
			if (slot != who && !((r >> 35) % 4)) {
				task_exit(m, *slot, 0);
				*slot = NULL;
			}
		}
		for (unsigned i = 0; *slot && i < 12; i++) {
			va = RIG_BASE + vmtest_random(&seed) % 160 * page;
			if (seed >> 20 & 1)
				store_of(*slot, va, (uint8_t)i);
			else
				load_of(*slot, va, &(uint8_t){0});
		}
		vmtest_check(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_new_pages),
		RIG_TEST(test_mlock),
		RIG_TEST(test_found_after_moves),
		RIG_TEST(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
