/*
 * Compaction and migration: pages of all kinds move to other frames, and
 * nobody notices; a small example worked out by hand (docs/memory.md); all
 * invariants after every step of a random history.
 */
#include "../../vm/compact/compact.h"
#include "../../vm/mm/rmap.h"
#include "../../vm/reclaim/reclaim.h"

#include "fault_rig.h"

/* The process keeps it open. */
static idx_t opened(const char *path)
{
	idx_t f = open_rw(path);

	assert_true(fd_install(m, t, f, -1) >= 0);
	return f;
}

/* ---- one page ------------------------------------------------------------ */

static pfn_t move(vaddr_t va)
{
	pfn_t to = move_page(va);

	vmtest_check(m);
	return to;
}

/* Private, shared after fork, of a file, of a shared object, locked. */
static void test_kinds(void **state)
{
	uint8_t b;
	struct task *c;
	pfn_t to;

	make_file("/f", 4);
	map(RIG_BASE, 4, RW, ANON, 0, 0);
	map(RIG_BASE + MiB, 4, RW, MAP_SHARED, opened("/f"), 0);
	map(RIG_BASE + 2 * MiB, 4, RW, MAP_SHARED | MAP_ANONYMOUS, 0, 0);
	for (vaddr_t at = RIG_BASE; at <= RIG_BASE + 2 * MiB; at += MiB)
		for (unsigned i = 0; i < 4; i++)
			put(page_at(at, i), (uint8_t)(at / MiB + i));
	assert_int_equal(
		mm_mlock(m, t, page_at(RIG_BASE, 3), m->page_size, 0), 0);
	/* the process alone */
	to = move(RIG_BASE);
	assert_int_equal(pfn_of(t, RIG_BASE), to);
	assert_int_equal(get(RIG_BASE), (uint8_t)(RIG_BASE / MiB));
	c = task_fork(m, t, 0);
	for (vaddr_t at = RIG_BASE; at <= RIG_BASE + 2 * MiB; at += MiB)
		for (unsigned i = 0; i < 4; i++) {
			vaddr_t va = page_at(at, i);
			uint64_t before = entry_of(t, va);

			to = move(va);
			assert_int_equal(pfn_of(t, va), to);
			/* rights, accessed and dirty are as before */
			assert_int_equal(before & ~m->arch->pte.addr,
				entry_of(t, va) & ~m->arch->pte.addr);
			assert_int_equal(get(va), (uint8_t)(at / MiB + i));
			if (pfn_of(c, va))
				assert_int_equal(pfn_of(c, va), to);
			assert_int_equal(load_of(c, va, &b), 0);
			assert_int_equal(b, (uint8_t)(at / MiB + i));
		}
	/* copy-on-write still tells them apart */
	assert_int_equal(store_of(c, RIG_BASE, 77), 0);
	assert_int_equal(get(RIG_BASE), (uint8_t)(RIG_BASE / MiB));
	assert_true(frame_at(m, pfn_of(t, page_at(RIG_BASE, 3)))->flags &
		    FR_MLOCKED);
}

/* A page whose slot of swap is kept moves with it. */
static void test_swap_cache(void **state)
{
	vaddr_t va = RIG_BASE;
	struct task *c;
	uint8_t b;

	map(va, 1, RW, ANON, 0, 0);
	put(va, 42);
	assert_true(reclaim_frame(m, pfn_of(t, va)));
	c = task_fork(m, t, 0);
	assert_int_equal(get(va), 42);
	assert_true(frame_at(m, pfn_of(t, va))->flags & FR_SWAPCACHE);
	move(va);
	assert_int_equal(load_of(c, va, &b), 0);
	assert_int_equal(b, 42);
	assert_int_equal(pfn_of(c, va), pfn_of(t, va));
}

/* ---- the example --------------------------------------------------------- */

#define NR 4096

static vaddr_t at_frame[1 << 14]; /* virtual page in each frame */

/* Touches pages, and notes which frame each has. */
static void fill(void)
{
	memset(at_frame, 0, sizeof(at_frame));
	map(RIG_BASE, NR, RW, ANON, 0, 0);
	for (unsigned i = 0; i < NR; i++) {
		vaddr_t va = page_at(RIG_BASE, i);

		put(va, (uint8_t)(i % 251));
		at_frame[pfn_of(t, va)] = va;
	}
}

static void drop(pfn_t pfn)
{
	if (at_frame[pfn])
		assert_int_equal(
			mm_munmap(m, t, at_frame[pfn], m->page_size), 0);
	at_frame[pfn] = 0;
}

/* The lowest and the highest page block that the process fills. */
static void find_blocks(pfn_t *low, pfn_t *high)
{
	*low = *high = 0;
	for (pfn_t pfn = 0; pfn + 512 <= COUNT(at_frame); pfn += 512) {
		unsigned n = 0;

		while (n < 512 && at_frame[pfn + n])
			n++;
		if (n < 512)
			continue;
		*low = *low ? *low : pfn;
		*high = pfn;
	}
	assert_true(*low < *high);
}

/*
 * In the low page block are four pages, A to D, in the high one all frames but
 * four.  The migrate scanner finds A, B, C, D; the free scanner the four
 * frames, from the lowest.  The page found last goes first: D, C, B, A.
 */
static void test_example(void **state)
{
	static const unsigned page[4] = {3, 100, 101, 511};
	static const unsigned hole[4] = {10, 20, 300, 511};
	unsigned others = 0;
	vaddr_t va[4];
	pfn_t low, high;

	if (!m->arch->thp)
		return; /* page blocks of another size */
	fill();
	find_blocks(&low, &high);
	for (unsigned i = 0; i < 4; i++) {
		va[i] = at_frame[low + page[i]];
		at_frame[low + page[i]] = 0;
		drop(high + hole[i]);
	}
	for (pfn_t pfn = 0; pfn < high; pfn++)
		drop(pfn);
	/* pages of other programs below get frames of their own */
	for (pfn_t pfn = m->root->zone[1].start; pfn < low; pfn++)
		if (page_movable(m, pfn))
			drop(high + others++);
	compact_node(m, 0);
	vmtest_check(m);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(pfn_of(t, va[i]), high + hole[3 - i]);
		assert_int_equal(get(va[i]),
			(uint8_t)((va[i] - RIG_BASE) / m->page_size % 251));
	}
	assert_true(others < 10);
	assert_int_equal(m->root->count[CNT_PGMIGRATE_SUCCESS], 4 + others);
	assert_int_equal(m->root->count[CNT_COMPACT_ISOLATED], 4 + others);
	assert_int_equal(phys_frame_state(m, low + 3), FRAME_TAIL);
}

/* Every second page is gone: no block of two is free.  Afterwards huge ones
 * are, each byte is as before, and no page lies below a free frame's block. */
static void test_scattered(void **state)
{
	struct zone *z = &m->root->zone[1];
	uint64_t before;

	fill();
	for (unsigned i = 0; i < NR; i += 2)
		assert_int_equal(
			mm_munmap(m, t, page_at(RIG_BASE, i), m->page_size), 0);
	pcp_drain_all(m);
	before = zone_free_blocks(z, MAX_ORDER);
	compact_node(m, 0);
	vmtest_check(m);
	assert_true(
		zone_free_blocks(z, MAX_ORDER) >= before + NR / 2 / 1024 - 1);
	for (unsigned i = 1; i < NR; i += 2)
		assert_int_equal(get(page_at(RIG_BASE, i)), (uint8_t)(i % 251));
	assert_true(m->root->count[CNT_PGMIGRATE_SUCCESS] > NR / 8);
	assert_int_equal(m->root->count[CNT_COMPACT_ISOLATED] >=
				 m->root->count[CNT_PGMIGRATE_SUCCESS],
		1);
}

/* Locked pages move, unless the setting says no. */
static void test_locked(void **state)
{
	unsigned moved[2] = {0, 0};

	for (unsigned allowed = 0; allowed < 2; allowed++) {
		pfn_t was[64];

		m->root->set.compact_unevictable_allowed = allowed;
		fill();
		for (unsigned i = 0; i < NR; i++)
			if (i % 64)
				mm_munmap(m, t, page_at(RIG_BASE, i),
					m->page_size);
		for (unsigned i = 0; i < 64; i++) {
			vaddr_t va = page_at(RIG_BASE, 64 * i);

			assert_int_equal(
				mm_mlock(m, t, va, m->page_size, 0), 0);
			was[i] = pfn_of(t, va);
		}
		compact_node(m, 0);
		vmtest_check(m);
		for (unsigned i = 0; i < 64; i++)
			moved[allowed] +=
				was[i] != pfn_of(t, page_at(RIG_BASE, 64 * i));
		mm_munmap(m, t, RIG_BASE, (uint64_t)NR << m->page_shift);
	}
	assert_int_equal(moved[0], 0);
	assert_true(moved[1] > 0);
}

/* ---- a request ----------------------------------------------------------- */

static pfn_t kept[8192];
static unsigned nr_kept;

static pfn_t keep(pfn_t pfn)
{
	assert_true(nr_kept < COUNT(kept));
	if (pfn)
		kept[nr_kept++] = pfn;
	return pfn;
}

static void give_all(void)
{
	while (nr_kept) {
		pfn_t pfn = kept[--nr_kept];

		buddy_free(m, pfn, frame_at(m, pfn)->order, USE_KERNEL);
	}
}

/* A block that is not there is made, and the counters say how. */
static void test_direct(void **state)
{
	uint64_t *n = m->root->count, stalls = n[CNT_COMPACT_STALL];
	struct zone *z = &m->root->zone[1];
	unsigned nr = 0;
	pfn_t pfn;

	m->root->set.swappiness = 0;
	map(RIG_BASE, 16384, RW, ANON | MAP_NORESERVE, 0, 0);
	while (z->nr_free > z->high + 600)
		put(page_at(RIG_BASE, nr++), 1);
	for (unsigned i = 0; i < nr; i += 4)
		mm_munmap(m, t, page_at(RIG_BASE, i), m->page_size);
	pcp_drain_all(m);
	for (pfn = 1; pfn && n[CNT_COMPACT_STALL] == stalls;)
		pfn = keep(mem_alloc(m, GFP_DMA32 | GFP_MOVABLE, 8,
			FRAME_KERNEL, USE_KERNEL, false));
	assert_true(pfn);
	assert_int_equal(n[CNT_COMPACT_STALL], stalls + 1);
	assert_int_equal(n[CNT_COMPACT_SUCCESS], 1);
	assert_true(n[CNT_COMPACT_MIGRATE_SCANNED] > 0);
	assert_true(n[CNT_COMPACT_FREE_SCANNED] > 0);
	vmtest_check(m);
	give_all();
}

/* Every second page of the process is free, no block of 2 frames is. */
static void break_up(void)
{
	vaddr_t va = RIG_BASE;

	map(RIG_BASE, 16384, RW, ANON | MAP_NORESERVE, 0, 0);
	for (; m->root->zone[1].nr_free > m->root->zone[1].high + 600;
		va += m->page_size)
		put(va, 1);
	for (; va > RIG_BASE; va -= 2 * m->page_size)
		mm_munmap(m, t, va - 2 * m->page_size, m->page_size);
	for (unsigned order = MAX_ORDER; order; order--)
		while (keep(buddy_alloc(
			m, GFP_KERNEL, order, FRAME_KERNEL, USE_KERNEL, false)))
			;
	vm_fail_clear(m);
}

/* A kernel stack is a block of 4 frames (i386: 2): fork moves pages for one
 * under every policy. */
static void test_fork_in_fragments(void **state)
{
	static const char *const names[] = {POLICY_NAMES};
	uint64_t *n = m->root->count;

	for (unsigned kind = 0; kind < NR_POLICIES; kind++) {
		uint64_t stalls = n[CNT_COMPACT_STALL];
		struct task *c;

		policy_set(m, kind);
		break_up();
		c = task_fork(m, t, 0);
		if (!c)
			fail_msg("%s: %s", names[kind], vm_sentence(m));
		assert_true(n[CNT_COMPACT_STALL] > stalls);
		vmtest_check(m);
		task_exit_group(m, c, 0);
		give_all();
		mm_munmap(m, t, RIG_BASE, 16384ull << m->page_shift);
	}
	/* two frames side by side come of taking pages back alone, too */
	if (m->arch->stack_order > 1)
		assert_true(n[CNT_COMPACT_SUCCESS] >= NR_POLICIES);
	policy_set(m, POLICY_LINUX);
}

/* ---- anything ------------------------------------------------------------ */

static void test_random(void **state)
{
	static uint8_t want[2048];
	uint64_t rnd = 11;

	memset(want, 0, sizeof(want));
	map(RIG_BASE, COUNT(want), RW, ANON, 0, 0);
	for (unsigned step = 0; step < 6000; step++) {
		uint64_t r = vmtest_random(&rnd);
		unsigned i = (unsigned)(r >> 8) % COUNT(want);
		vaddr_t va = page_at(RIG_BASE, i);

		switch (r % 8) {
		case 0:
			mm_munmap(m, t, va, m->page_size);
			map(va, 1, RW, ANON, 0, 0);
			want[i] = 0;
			break;
		case 1:
			if (page_movable(m, pfn_of(t, va)))
				reclaim_frame(m, pfn_of(t, va));
			break;
		case 2:
			assert_int_equal(get(va), want[i]);
			break;
		default:
			want[i] = (uint8_t)(r >> 32);
			put(va, want[i]);
		}
		if (step % 100)
			continue;
		if (step % 200)
			compact_node(m, 0);
		vmtest_check(m);
	}
	for (unsigned i = 0; i < COUNT(want); i++)
		assert_int_equal(get(page_at(RIG_BASE, i)), want[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_kinds),
		RIG_TEST(test_swap_cache),
		RIG_TEST(test_example),
		RIG_TEST(test_scattered),
		RIG_TEST(test_locked),
		RIG_TEST(test_direct),
		RIG_TEST(test_fork_in_fragments),
		RIG_TEST(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
