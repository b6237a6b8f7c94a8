/*
 * Swap and reclaim: every byte comes back, whatever went out in between.  The
 * random test keeps a plain model of what each process should read.
 */
#include "../../vm/mm/rmap.h"
#include "../../vm/reclaim/oom.h"
#include "../../vm/reclaim/reclaim.h"
#include "../../vm/swap/swap.h"

#include "fault_rig.h"

static uint32_t slot_of(struct task *of, vaddr_t va)
{
	return swap_entry_slot(m, entry_of(of, va));
}

/* Out with the page of va. */
static void out(struct task *of, vaddr_t va)
{
	assert_true(reclaim_frame(m, pfn_of(of, va)));
}

/* The encodings that the processor manuals and Linux's headers give. */
static void test_entries(void **state)
{
	bool wide = m->arch->entry_bytes == 8;
	uint64_t e;

	map(RIG_BASE, 2, RW, ANON, 0, 0);
	put(RIG_BASE, 1);
	put(page_at(RIG_BASE, 1), 2);
	out(t, RIG_BASE);
	out(t, page_at(RIG_BASE, 1));
	/* type 0, offsets 1 and 2, exclusive */
	e = entry_of(t, RIG_BASE);
	assert_int_equal(e, wide ? 0x07fffffffffffc08 : 0x280);
	e = entry_of(t, page_at(RIG_BASE, 1));
	assert_int_equal(e, wide ? 0x07fffffffffffa08 : 0x480);
	assert_int_equal(mm_of(t)->swapped, 2);
	assert_int_equal(swap_total(m) - swap_free(m), 2);
	assert_int_equal(swap_entry_slot(m, pte_guard(m)), 0);
}

/* A read keeps the slot, a store gives it up. */
static void test_read_keeps_slot(void **state)
{
	uint64_t written;

	map(RIG_BASE, 1, RW, ANON, 0, 0);
	put(RIG_BASE, 7);
	out(t, RIG_BASE);
	assert_int_equal(t->maj_flt, 0);
	assert_int_equal(get(RIG_BASE), 7);
	assert_int_equal(t->maj_flt, 1);
	assert_int_equal(phys_sum(m, swap_cached), 1);
	assert_true(frame_at(m, pfn_of(t, RIG_BASE))->flags & FR_SWAPCACHE);
	vmtest_check(m);
	/* clean: out again without a write */
	written = m->root->count[CNT_PSWPOUT];
	out(t, RIG_BASE);
	assert_int_equal(m->root->count[CNT_PSWPOUT], written);
	assert_int_equal(get(RIG_BASE), 7);
	/* the entry is writable: the processor alone sets dirty */
	put(RIG_BASE, 8);
	out(t, RIG_BASE);
	assert_int_equal(m->root->count[CNT_PSWPOUT], written + 1);
	put(RIG_BASE, 9);
	assert_int_equal(phys_sum(m, swap_cached), 0);
	assert_int_equal(m->root->swap_used, 0);
	assert_int_equal(get(RIG_BASE), 9);
}

/* Pages that processes share go out once and come back as one. */
static void test_shared(void **state)
{
	struct task *c, *g;
	uint32_t slot;
	pfn_t pfn;

	map(RIG_BASE, 1, RW, ANON, 0, 0);
	put(RIG_BASE, 5);
	c = task_fork(m, t, 0);
	g = task_fork(m, c, 0);
	out(t, RIG_BASE);
	slot = slot_of(t, RIG_BASE);
	assert_int_not_equal(slot, 0);
	assert_int_equal(slot_of(c, RIG_BASE), slot);
	assert_int_equal(slot_of(g, RIG_BASE), slot);
	assert_int_equal(slot_at(m, slot)->refs, 3);
	assert_int_equal(m->root->count[CNT_PSWPOUT], 1);
	assert_int_equal(get(RIG_BASE), 5);
	pfn = pfn_of(t, RIG_BASE);
	assert_int_equal(load_of(c, RIG_BASE, &(uint8_t){0}), 0);
	assert_int_equal(pfn_of(c, RIG_BASE), pfn);
	assert_int_equal(m->root->count[CNT_PSWPIN], 1);
	vmtest_check(m);
	/* g stores: its own copy; the slot is nobody's but the cache's */
	assert_int_equal(store_of(g, RIG_BASE, 6), 0);
	assert_int_not_equal(pfn_of(g, RIG_BASE), pfn);
	vmtest_check(m);
	assert_int_equal(get(RIG_BASE), 5);
	task_exit(m, c, 0);
	task_exit(m, g, 0);
	put(RIG_BASE, 1);
	assert_int_equal(m->root->swap_used, 0);
}

static void test_fork_of_swapped(void **state)
{
	struct task *c;

	map(RIG_BASE, 2, RW, ANON, 0, 0);
	put(RIG_BASE, 3);
	put(page_at(RIG_BASE, 1), 4);
	out(t, RIG_BASE);
	out(t, page_at(RIG_BASE, 1));
	c = task_fork(m, t, 0);
	assert_int_equal(slot_at(m, slot_of(c, RIG_BASE))->refs, 2);
	assert_int_equal(entry_of(c, RIG_BASE) & swap_entry_exclusive(m), 0);
	assert_int_equal(mm_of(c)->swapped, 2);
	assert_int_equal(store_of(c, RIG_BASE, 9), 0);
	assert_int_equal(get(RIG_BASE), 3);
	task_exit(m, t, 0);
	t = c;
	assert_int_equal(get(RIG_BASE), 9);
	assert_int_equal(get(page_at(RIG_BASE, 1)), 4);
	vmtest_check(m);
}

static void test_shared_object(void **state)
{
	struct task *c;
	idx_t inode;

	map(RIG_BASE, 3, RW, MAP_SHARED | MAP_ANONYMOUS, 0, 0);
	for (unsigned i = 0; i < 3; i++)
		put(page_at(RIG_BASE, i), (uint8_t)(10 + i));
	c = task_fork(m, t, 0);
	assert_int_equal(load_of(c, RIG_BASE, &(uint8_t){0}), 0);
	inode = file_at(m, vma_lookup(m, t->mm, RIG_BASE)->file)->inode;
	for (unsigned i = 0; i < 3; i++)
		out(t, page_at(RIG_BASE, i));
	/* no entry tells of it */
	assert_int_equal(entry_of(t, RIG_BASE), 0);
	assert_int_equal(mm_of(t)->swapped, 0);
	assert_int_equal(inode_at(m, inode)->nr_away, 3);
	vmtest_check(m);
	assert_int_equal(store_of(c, RIG_BASE, 20), 0);
	assert_int_equal(get(RIG_BASE), 20);
	assert_int_equal(get(page_at(RIG_BASE, 2)), 12);
	vmtest_check(m);
	task_exit(m, c, 0);
	assert_int_equal(mm_munmap(m, t, RIG_BASE, 3 * m->page_size), 0);
	assert_int_equal(m->root->swap_used, 0);
}

/* Files: dropped when clean, written first when dirty. */
static void test_files(void **state)
{
	idx_t f = make_file("/f", 4);
	idx_t file = open_rw("/f");
	uint8_t b = 0;

	map(RIG_BASE, 4, RW, MAP_SHARED, file, 0);
	file_put(m, file);
	assert_int_equal(get(RIG_BASE), 1);
	put(page_at(RIG_BASE, 1), 99);
	out(t, RIG_BASE);
	out(t, page_at(RIG_BASE, 1));
	assert_int_equal(inode_at(m, f)->nr_away, 2);
	assert_int_equal(phys_sum(m, dirty), 0);
	assert_int_equal(disk_read(m, f, m->page_size, &b, 1), 1);
	assert_int_equal(b, 99);
	assert_int_equal(get(page_at(RIG_BASE, 1)), 99);
	/* it comes back before as many others went */
	assert_true(m->root->count[CNT_REFAULT_FILE] > 0);
	vmtest_check(m);
}

static void test_zero_pages(void **state)
{
	map(RIG_BASE, 1, RW, ANON, 0, 0);
	put(RIG_BASE, 0);
	out(t, RIG_BASE);
	assert_int_equal(m->root->count[CNT_SWPOUT_ZERO], 1);
	assert_int_equal(m->root->count[CNT_PSWPOUT], 0);
	assert_int_equal(get(RIG_BASE), 0);
	assert_int_equal(m->root->count[CNT_SWPIN_ZERO], 1);
}

/* mremap, mprotect and munmap of swapped pages. */
static void test_moves(void **state)
{
	uint64_t page = m->page_size;
	vaddr_t to = RIG_BASE + 4 * MiB;

	map(RIG_BASE, 4, RW, ANON, 0, 0);
	for (unsigned i = 0; i < 4; i++) {
		put(page_at(RIG_BASE, i), (uint8_t)(i + 1));
		out(t, page_at(RIG_BASE, i));
	}
	assert_int_equal(mm_mremap(m, t, RIG_BASE, 4 * page, 4 * page,
				 MREMAP_MAYMOVE | MREMAP_FIXED, to),
		(int64_t)to);
	vmtest_check(m);
	assert_int_equal(mm_mprotect(m, t, to, page, PROT_READ), 0);
	assert_int_equal(get(to), 1);
	assert_int_equal(store_of(t, to, 5), -EFAULT);
	assert_int_equal(mm_mprotect(m, t, to, page, RW), 0);
	put(to, 5);
	assert_int_equal(mm_munmap(m, t, page_at(to, 1), 2 * page), 0);
	assert_int_equal(get(page_at(to, 3)), 4);
	vmtest_check(m);
	assert_int_equal(mm_of(t)->swapped, 0);
}

/* ---- areas ----------------------------------------------------------------
 */

static void test_areas(void **state)
{
	idx_t f = disk_create(m, "/swap", 0600, 0, 0);
	struct swap_area *own = swap_area_of(m, 0);

	assert_int_equal(swap_on(m, f, -1), -EINVAL);
	assert_sentence(vm_sentence(m), "mkswap");
	vm_fail_clear(m);
	assert_int_equal(swap_make(m, f, 64 * m->page_size), 0);
	assert_int_equal(swap_on(m, f, 5), 0);
	assert_int_equal(swap_on(m, f, 5), -EBUSY);
	assert_int_equal(swap_area_of(m, f)->pages, 64);
	assert_int_equal(disk_write(m, f, 0, "x", 1), -ETXTBSY);
	map(RIG_BASE, 100, RW, ANON, 0, 0);
	for (unsigned i = 0; i < 100; i++) {
		put(page_at(RIG_BASE, i), (uint8_t)(i + 1));
		out(t, page_at(RIG_BASE, i));
	}
	/* the higher priority first, then our own */
	assert_int_equal(swap_area_of(m, f)->used, 63);
	assert_int_equal(own->used, 37);
	vmtest_check(m);
	assert_int_equal(swap_off(m, swap_area_of(m, f)), 0);
	assert_null(swap_area_of(m, f));
	assert_int_equal(mm_of(t)->swapped, 37);
	vmtest_check(m);
	assert_int_equal(swap_off(m, own), 0);
	assert_int_equal(swap_total(m), 0);
	vmtest_check(m);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(get(page_at(RIG_BASE, i)), i + 1);
	assert_false(reclaim_frame(m, pfn_of(t, RIG_BASE)));
}

/* ---- pressure -------------------------------------------------------------
 */

/* Four times the RAM that is left, every byte read back. */
static void test_four_times_ram(void **state)
{
	uint64_t pages = 4 * m->root->totalram_pages, seed = 7;
	idx_t f = disk_create(m, "/swap", 0600, 0, 0);

	assert_int_equal(swap_make(m, f, 200 * MiB), 0);
	assert_int_equal(swap_on(m, f, -1), 0);
	pages = pages < swap_total(m) ? pages : swap_total(m);
	map(RIG_BASE, pages, RW, ANON | MAP_NORESERVE, 0, 0);
	for (uint64_t i = 0; i < pages; i++)
		put(page_at(RIG_BASE, i) + i % m->page_size,
			(uint8_t)(i * 7 + 1));
	vmtest_check(m);
	assert_true(m->root->count[CNT_PGSTEAL_DIRECT] > 0);
	for (uint64_t n = 0; n < pages; n++) {
		uint64_t i = vmtest_random(&seed) % pages;

		assert_int_equal(get(page_at(RIG_BASE, i) + i % m->page_size),
			(uint8_t)(i * 7 + 1));
	}
	for (uint64_t i = 0; i < pages; i++)
		assert_int_equal(get(page_at(RIG_BASE, i) + i % m->page_size),
			(uint8_t)(i * 7 + 1));
	vmtest_check(m);
	assert_int_equal(m->root->count[CNT_OOM_KILL], 0);
	assert_int_equal(mm_munmap(m, t, RIG_BASE, pages << m->page_shift), 0);
	/* what other processes have there was not used again */
	assert_true(m->root->swap_used < 20);
	assert_int_equal(swap_off(m, swap_area_of(m, f)), 0);
}

/* The daemon stops when a zone is above its high watermark. */
static void test_kswapd(void **state)
{
	uint64_t pages = m->root->totalram_pages;
	uint64_t runs;

	m->root->set.watermark_boost_factor = 0;
	map(RIG_BASE, pages, RW, ANON | MAP_NORESERVE, 0, 0);
	for (uint64_t i = 0; !m->root->node[0].kswapd_woken; i++)
		put(page_at(RIG_BASE, i), 1);
	kswapd_run(m);
	runs = m->root->count[CNT_PAGEOUTRUN];
	assert_true(runs > 0);
	assert_true(m->root->count[CNT_PGSTEAL_KSWAPD] > 0);
	assert_int_equal(m->root->count[CNT_PGSTEAL_DIRECT], 0);
	assert_int_equal(m->root->node[0].kswapd_woken, 0);
	/* woken without need it does nothing */
	m->root->node[0].kswapd_woken = 1;
	kswapd_run(m);
	assert_int_equal(m->root->count[CNT_PAGEOUTRUN], runs);
	vmtest_check(m);
}

/* Huge pages are taken apart, also those that several processes map, whole or
 * in part. */
static void test_huge(void **state)
{
	const uint64_t nr = 1024;
	vaddr_t base = RIG_BASE;
	struct task *c;

	if (!m->arch->thp)
		return;
	m->root->set.thp_enabled = THP_ALWAYS;
	map(base, nr, RW, ANON, 0, 0);
	for (uint64_t i = 0; i < nr; i++)
		put(page_at(base, i), (uint8_t)(i % 250 + 1));
	assert_true(m->root->count[CNT_THP_FAULT_ALLOC] >= 2);
	c = task_fork(m, t, 0);
	/* one keeps a part of the second by pages, the other the whole */
	assert_int_equal(
		mm_munmap(m, c, page_at(base, 600), 100 * m->page_size), 0);
	assert_int_equal(store_of(c, page_at(base, 3), 99), 0);
	vmtest_check(m);
	assert_true(reclaim_pages(m, 3000) >= nr);
	vmtest_check(m);
	assert_true(mm_of(t)->swapped > nr / 2);
	for (uint64_t i = 0; i < nr; i++) {
		uint8_t b = 0;

		assert_int_equal(get(page_at(base, i)), i % 250 + 1);
		if (i >= 600 && i < 700)
			continue;
		assert_int_equal(load_of(c, page_at(base, i), &b), 0);
		assert_int_equal(b, i == 3 ? 99 : i % 250 + 1);
	}
	vmtest_check(m);
	/* MADV_PAGEOUT of a whole one */
	map(base + 16 * MiB, 512, RW, ANON, 0, 0);
	put(base + 16 * MiB, 7);
	assert_int_equal(mm_madvise(m, t, base + 16 * MiB, 2 * MiB, 21), 0);
	assert_int_equal(pfn_of(t, base + 16 * MiB), PFN_NONE);
	vmtest_check(m);
	assert_int_equal(get(base + 16 * MiB), 7);
	task_exit(m, c, 0);
}

/* ---- OOM ------------------------------------------------------------------
 */

static void test_oom(void **state)
{
	struct task *big = rig_task(1000), *shy = rig_task(1000);
	uint64_t pages = 2 * m->root->totalram_pages + swap_total(m), i = 0;

	shy->oom_score_adj = (uint32_t)-1000;
	map_of(big, RIG_BASE, 2000, RW, ANON, 0, 0);
	map_of(shy, RIG_BASE, 3000, RW, ANON, 0, 0);
	for (i = 0; i < 2000; i++)
		store_of(big, page_at(RIG_BASE, i), 1);
	for (i = 0; i < 3000; i++)
		store_of(shy, page_at(RIG_BASE, i), 1);
	assert_int_equal(oom_badness(m, shy, oom_total(m)), INT64_MIN);
	assert_int_equal(oom_badness(m, big, oom_total(m)),
		(int64_t)(mm_of(big)->rss[RSS_ANON] +
			  mm_of(big)->rss[RSS_FILE] +
			  (mm_of(big)->pgtables >> m->page_shift)));
	assert_true(mm_of(big)->rss[RSS_ANON] >= 2000);
	big->oom_score_adj = 1000;
	map(RIG_BASE, pages, RW, ANON | MAP_NORESERVE, 0, 0);
	for (i = 0; i < pages && !store_of(t, page_at(RIG_BASE, i), 1); i++)
		;
	/* first the one that asked for it, then the one that takes most */
	assert_int_equal(m->root->count[CNT_OOM_KILL], 2);
	assert_true(big->mm == 0);
	assert_int_equal(m->fail.err, ENOMEM);
	assert_sentence(vm_sentence(m), "OOM killer");
	assert_int_equal(t->oom_victim, 1);
	oom_reap(m);
	vmtest_check(m);
	assert_int_equal(load_of(shy, RIG_BASE, &(uint8_t){0}), 0);

	/* nobody is left whom it may take */
	map_of(shy, page_at(RIG_BASE, 3000), pages, RW, ANON | MAP_NORESERVE, 0,
		0);
	for (i = 3000; i < pages && !store_of(shy, page_at(RIG_BASE, i), 1);
		i++)
		;
	assert_int_equal(m->root->count[CNT_OOM_KILL], 2);
	assert_sentence(vm_sentence(m), "may take nobody: not init");
	task_exit_group(m, shy, 9);
	t = rig_task(1000);
}

/* A trace over twice the RAM: it goes on as long as pages can be taken back,
 * and ends when the process is chosen. */
static void test_trace(void **state)
{
	uint64_t pages = 2 * m->root->totalram_pages, seed = 3;
	static uint64_t rec[1 << 16];
	idx_t f = disk_create(m, "/swap", 0600, 0, 0);

	assert_int_equal(swap_make(m, f, 150 * MiB), 0);
	assert_int_equal(swap_on(m, f, -1), 0);
	map(RIG_BASE, pages, RW, ANON | MAP_NORESERVE, 0, 0);
	for (uint64_t i = 0; i < COUNT(rec); i++)
		rec[i] = TRACE_RECORD(TRACE_STORE, 3,
			page_at(RIG_BASE, vmtest_random(&seed) % pages));
	trace_run(m, t, rec, COUNT(rec));
	trace_run(m, t, rec, COUNT(rec));
	assert_int_equal(t->trace.accesses, 2 * COUNT(rec));
	assert_int_equal(t->trace.faults_refused, 0);
	assert_true(t->trace.faults_major > 1000);
	vmtest_check(m);
	mm_munmap(m, t, RIG_BASE, pages << m->page_shift);
	assert_int_equal(swap_off(m, swap_area_of(m, f)), 0);
	assert_int_equal(swap_off(m, swap_area_of(m, 0)), 0);
	map(RIG_BASE, pages, RW, ANON | MAP_NORESERVE, 0, 0);
	trace_run(m, t, rec, COUNT(rec));
	assert_int_equal(t->oom_victim, 1);
	assert_true(t->trace.accesses < 3 * COUNT(rec));
	oom_reap(m);
	assert_int_equal(m->root->count[CNT_OOM_KILL], 1);
	t = rig_task(1000);
}

/* ---- random ---------------------------------------------------------------
 */

#define NR_WHO	 4
#define NR_PAGES 400

struct model {
	struct task *t;
	uint8_t anon[NR_PAGES];
};

static struct model who[NR_WHO];
static uint8_t shared[NR_PAGES];

static void check_byte(struct model *w, uint64_t page)
{
	vaddr_t va = page_at(RIG_BASE, page), sh = va + 16 * MiB;
	uint8_t b = 0;

	if (load_of(w->t, va, &b) || b != w->anon[page])
		fail_msg("page %u of %u: %u, not %u: %s", (unsigned)page,
			w->t->pid, b, w->anon[page], vm_sentence(m));
	if (load_of(w->t, sh, &b) || b != shared[page])
		fail_msg("shared page %u of %u: %u, not %u: %s", (unsigned)page,
			w->t->pid, b, shared[page], vm_sentence(m));
}

static void random_step(uint64_t r)
{
	struct model *w = &who[r % NR_WHO], *o = &who[(r >> 4) % NR_WHO];
	uint64_t page = (r >> 8) % NR_PAGES, n = (r >> 20) % 60 + 1;
	uint8_t byte = (uint8_t)(r >> 40);

	if (n > NR_PAGES - page)
		n = NR_PAGES - page;
	switch ((r >> 32) % 10) {
	case 0:
	case 1:
	case 2:
		for (uint64_t i = page; i < page + n; i++) {
			assert_int_equal(
				store_of(w->t, page_at(RIG_BASE, i), byte), 0);
			w->anon[i] = byte++;
		}
		break;
	case 3:
		for (uint64_t i = page; i < page + n; i++) {
			assert_int_equal(
				store_of(w->t, page_at(RIG_BASE, i) + 16 * MiB,
					byte),
				0);
			shared[i] = byte++;
		}
		break;
	case 4:
		if (w == o || w == who)
			break;
		task_exit(m, w->t, 0);
		w->t = task_fork(m, o->t, 0);
		assert_non_null(w->t);
		memcpy(w->anon, o->anon, sizeof(w->anon));
		break;
	case 5: /* MADV_DONTNEED */
		assert_int_equal(mm_madvise(m, w->t, page_at(RIG_BASE, page),
					 n << m->page_shift, 4),
			0);
		memset(w->anon + page, 0, n);
		break;
	case 6:
		reclaim_pages(m, n * 4);
		break;
	case 7: /* MADV_PAGEOUT */
		assert_int_equal(mm_madvise(m, w->t, page_at(RIG_BASE, page),
					 n << m->page_shift, 21),
			0);
		break;
	default:
		for (uint64_t i = page; i < page + n; i++)
			check_byte(w, i);
	}
}

static void test_random(void **state)
{
	uint64_t seed = 42;
	idx_t file;

	memset(who, 0, sizeof(who));
	memset(shared, 0, sizeof(shared));
	make_file("/f", NR_PAGES);
	for (unsigned i = 0; i < NR_PAGES; i++)
		shared[i] = (uint8_t)(i % 251 + 1);
	file = open_rw("/f");
	map(RIG_BASE, NR_PAGES, RW, ANON, 0, 0);
	map(RIG_BASE + 16 * MiB, NR_PAGES, RW, MAP_SHARED, file, 0);
	file_put(m, file);
	who[0].t = t;
	for (unsigned i = 1; i < NR_WHO; i++)
		who[i].t = task_fork(m, t, 0);
	for (unsigned round = 0; round < 1200; round++) {
		random_step(vmtest_random(&seed));
		vmtest_check(m);
	}
	for (unsigned i = 0; i < NR_WHO; i++)
		for (unsigned page = 0; page < NR_PAGES; page++)
			check_byte(&who[i], page);
	assert_true(m->root->count[CNT_PSWPIN] > 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_entries),
		RIG_TEST(test_read_keeps_slot),
		RIG_TEST(test_shared),
		RIG_TEST(test_fork_of_swapped),
		RIG_TEST(test_shared_object),
		RIG_TEST(test_files),
		RIG_TEST(test_zero_pages),
		RIG_TEST(test_moves),
		RIG_TEST(test_areas),
		RIG_TEST(test_four_times_ram),
		RIG_TEST(test_kswapd),
		RIG_TEST(test_huge),
		RIG_TEST(test_oom),
		RIG_TEST(test_trace),
		RIG_TEST(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
