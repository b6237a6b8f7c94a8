/* The TLBs: fills, replacement, flushes, PCIDs, accessed and dirty. */
#include "mmu_rig.h"

#define RW (PROT_READ | PROT_WRITE)

static uint64_t count(const struct vm *m, enum vm_counter c)
{
	return m->root->count[c];
}

/* ---- what a TLB holds ------------------------------------------------------
 */

struct seek {
	vaddr_t va;
	unsigned level;
	int way; /* -1: absent */
	struct tlb_view view;
};

static void seek_entry(void *ctx, const struct tlb_view *v)
{
	struct seek *s = ctx;

	if (v->va != s->va || v->level != s->level)
		return;
	s->way = (int)v->way;
	s->view = *v;
}

/* The way of va at a level of CPU 0, -1 if it is not there. */
static int way_of(
	const struct vm *m, unsigned level, vaddr_t va, struct tlb_view *view)
{
	struct seek s = {.va = va, .level = level, .way = -1};

	tlb_for_each(m, 0, seek_entry, &s);
	if (view)
		*view = s.view;
	return s.way;
}

static void count_entry(void *ctx, const struct tlb_view *v)
{
	++*(unsigned *)ctx;
}

static unsigned entries(const struct vm *m)
{
	unsigned n = 0;

	tlb_for_each(m, 0, count_entry, &n);
	return n;
}

static struct vm *boot(const char *arch, const char *tlb, const char *pcid)
{
	const char *const set[] = {"arch", arch, "ram", "64M", "cpus", "1",
		"tlb", tlb, "pcid", pcid, NULL};

	return vmtest_boot_with(set);
}

/* ---- fill, accessed, dirty --------------------------------------------------
 */

static void accessed_and_dirty(const char *arch)
{
	struct vm *m = boot(arch, "64/4,512/4", "0");
	const struct pte_bits *b = &m->arch->pte;
	struct task *t = rig_spawn(m);
	vaddr_t va = rig_map(m, t, 1, RW);
	struct mm *mm = mm_at(m, t->mm);
	struct tlb_view v;
	struct walk w;
	uint64_t walks;

	/* A written page, made clean and old as clear_refs would. */
	assert_int_equal(rig_touch(m, t, va, ACC_WRITE), 0);
	pt_set(m, t->mm, va, pt_get(m, mm, va) & ~(b->accessed | b->dirty));
	tlb_flush_page(m, t->mm, va);
	assert_int_equal(way_of(m, 1, va, NULL), -1);
	assert_int_equal(way_of(m, 2, va, NULL), -1);

	assert_int_equal(rig_touch(m, t, va, ACC_READ), 0);
	pt_walk(m, pfn_to_pa(m, mm->pgd), va, &w);
	for (unsigned i = 0; i < w.nr; i++)
		assert_true(w.step[i].entry & b->accessed);
	assert_false(w.step[w.nr - 1].entry & b->dirty);
	for (unsigned level = 1; level <= 2; level++) {
		assert_int_equal(way_of(m, level, va, &v), 0);
		assert_true(v.write && v.user && !v.dirty && !v.global);
		assert_int_equal(v.exec, !b->noexec);
		assert_int_equal(v.pfn, pte_pfn(m, pt_get(m, mm, va)));
	}

	/* The first store walks once, for D, and is no miss. */
	walks = count(m, CNT_WALKS);
	for (unsigned i = 0; i < 3; i++) {
		uint64_t hits = count(m, CNT_TLB_L1_HITS);

		assert_int_equal(rig_touch(m, t, va, ACC_WRITE), 0);
		assert_int_equal(count(m, CNT_TLB_L1_HITS), hits + 1);
		assert_int_equal(count(m, CNT_WALKS), walks + 1);
	}
	assert_true(pt_get(m, mm, va) & b->dirty);
	way_of(m, 2, va, &v);
	assert_true(v.dirty);
	rig_end(m);
}

static void test_accessed_and_dirty(void **state)
{
	accessed_and_dirty("x86_64");
	accessed_and_dirty("i386");
}

static void test_replacement(void **state)
{
	struct vm *m = boot("x86_64", "8/4,16/4", "0");
	struct task *t = rig_spawn(m);
	vaddr_t va = rig_map(m, t, 64, RW);
	uint64_t hits[3];

	for (unsigned i = 0; i < 10; i += 2)
		assert_int_equal(rig_touch(m, t, va + i * 4096, ACC_WRITE), 0);
	/* Five pages of one set of two: the oldest is gone from level 1. */
	assert_int_equal(way_of(m, 1, va, NULL), -1);
	assert_int_equal(way_of(m, 1, va + 0x8000, NULL), 0);
	assert_int_equal(way_of(m, 1, va + 0x2000, NULL), 3);
	assert_int_equal(way_of(m, 2, va, NULL), 2);

	hits[0] = count(m, CNT_TLB_L1_HITS);
	hits[1] = count(m, CNT_TLB_L2_HITS);
	hits[2] = count(m, CNT_TLB_MISSES);
	assert_int_equal(rig_touch(m, t, va + 0x2000, ACC_READ), 0);
	assert_int_equal(rig_touch(m, t, va, ACC_READ), 0);
	assert_int_equal(rig_touch(m, t, va + 0x2000, ACC_READ), 0);
	assert_int_equal(count(m, CNT_TLB_L1_HITS), hits[0] + 2);
	assert_int_equal(count(m, CNT_TLB_L2_HITS), hits[1] + 1);
	assert_int_equal(count(m, CNT_TLB_MISSES), hits[2]);
	assert_int_equal(way_of(m, 2, va, NULL), 0);
	assert_int_equal(way_of(m, 1, va + 0x4000, NULL), -1);
	rig_end(m);
}

static void test_one_level(void **state)
{
	struct vm *m = boot("i386", "4/4", "0");
	struct task *t = rig_spawn(m);
	vaddr_t va = rig_map(m, t, 8, RW);

	for (unsigned i = 0; i < 8; i++)
		rig_touch(m, t, va + i * 4096, ACC_WRITE);
	assert_int_equal(entries(m), 4);
	assert_int_equal(count(m, CNT_TLB_L2_HITS), 0);
	assert_int_equal(count(m, CNT_TLB_MISSES), 8);
	rig_end(m);
}

/* ---- flushes
 * ------------------------------------------------------------------ */

static void test_flush_range(void **state)
{
	static const struct {
		unsigned pages;
		unsigned one_by_one, whole; /* flushes counted */
	} row[] = {{1, 1, 0}, {33, 33, 0}, {34, 0, 1}};

	for (unsigned i = 0; i < 3; i++) {
		struct vm *m = boot("x86_64", "64/4,1536/12", "1");
		struct task *t = rig_spawn(m);
		vaddr_t va = rig_map(m, t, 40, RW);
		uint64_t single, whole;

		for (unsigned p = 0; p < 40; p++)
			rig_touch(m, t, va + p * 4096, ACC_WRITE);
		single = count(m, CNT_TLB_FLUSH_PAGE);
		whole = count(m, CNT_TLB_FLUSH_ASID);
		tlb_flush_range(m, t->mm, va, va + row[i].pages * 4096);
		assert_int_equal(count(m, CNT_TLB_FLUSH_PAGE) - single,
			row[i].one_by_one);
		assert_int_equal(
			count(m, CNT_TLB_FLUSH_ASID) - whole, row[i].whole);
		assert_int_equal(way_of(m, 1, va, NULL), -1);
		assert_int_equal(way_of(m, 2, va, NULL), -1);
		assert_int_equal(
			way_of(m, 2, va + 39 * 4096, NULL) >= 0, !row[i].whole);
		rig_end(m);
	}
}

/* Every task maps and touches one page; they run in turn. */
static void test_pcid(void **state)
{
	struct vm *m = boot("x86_64", "64/4,1536/12", "1");
	struct task *t[NR_PCIDS + 1];
	vaddr_t va[NR_PCIDS + 1];
	uint64_t misses, flushes;

	for (unsigned i = 0; i <= NR_PCIDS; i++) {
		t[i] = rig_spawn(m);
		t[i]->cpu = 0;
		va[i] = rig_map(m, t[i], 1, RW);
	}
	flushes = count(m, CNT_TLB_FLUSH_ASID);
	for (unsigned i = 0; i < NR_PCIDS; i++)
		rig_touch(m, t[i], va[i], ACC_WRITE);
	misses = count(m, CNT_TLB_MISSES);
	for (unsigned i = 0; i < NR_PCIDS; i++) {
		rig_touch(m, t[i], va[i], ACC_READ);
		assert_int_equal(m->root->cpu[0].cr3 & 0xfff, i + 1);
	}
	assert_int_equal(count(m, CNT_TLB_MISSES), misses);
	assert_int_equal(count(m, CNT_TLB_FLUSH_ASID), flushes);

	/* One more than there are PCIDs: it takes the first one over. */
	rig_touch(m, t[NR_PCIDS], va[NR_PCIDS], ACC_WRITE);
	assert_int_equal(m->root->cpu[0].cr3 & 0xfff, 1);
	assert_int_equal(count(m, CNT_TLB_FLUSH_ASID), flushes + 1);
	misses = count(m, CNT_TLB_MISSES);
	rig_touch(m, t[0], va[0], ACC_READ);
	assert_int_equal(count(m, CNT_TLB_MISSES), misses + 1);
	rig_end(m);
}

static void test_no_pcid(void **state)
{
	struct vm *m = boot("x86_64", "64/4,1536/12", "0");
	struct task *a = rig_spawn(m), *b = rig_spawn(m);
	vaddr_t va = rig_map(m, a, 1, RW), vb = rig_map(m, b, 1, RW);
	uint64_t switches;

	b->cpu = a->cpu = 0;
	rig_touch(m, a, va, ACC_WRITE);
	rig_touch(m, a, va, ACC_WRITE);
	assert_int_equal(entries(m), 2);
	switches = count(m, CNT_CONTEXT_SWITCHES);
	rig_touch(m, b, vb, ACC_WRITE);
	assert_int_equal(count(m, CNT_CONTEXT_SWITCHES), switches + 1);
	assert_int_equal(entries(m), 2);
	assert_int_equal(
		m->root->cpu[0].cr3, pfn_to_pa(m, mm_at(m, b->mm)->pgd));
	assert_int_equal(m->root->cpu[0].current, task_index(m, b));
	rig_end(m);
}

static void test_exit(void **state)
{
	struct vm *m = boot("x86_64", "64/4,1536/12", "1");
	uint64_t before = rig_free_pages(m);
	struct task *t = rig_spawn(m);

	rig_touch(m, t, rig_map(m, t, 1, RW), ACC_WRITE);
	assert_int_equal(entries(m), 2);
	task_exit(m, t, 0);
	assert_int_equal(entries(m), 0);
	assert_int_equal(m->root->cpu[0].current, 0);
	assert_int_equal(
		m->root->cpu[0].cr3, pfn_to_pa(m, m->root->kernel_pgd));
	assert_int_equal(rig_free_pages(m), before);
	rig_end(m);
}

/* ---- the checks find what is wrong
 * ------------------------------------------- */

static void finds(struct vm *m, const char *what)
{
	vm_fail_clear(m);
	assert_int_equal(mmu_check(m), -EIO);
	assert_non_null(strstr(m->fail.text, what));
}

static void test_check(void **state)
{
	struct vm *m = boot("x86_64", "64/4,1536/12", "1");
	struct task *t = rig_spawn(m);
	vaddr_t va = rig_map(m, t, 1, RW);
	uint64_t e;

	assert_int_equal(rig_touch(m, t, va, ACC_WRITE), 0);
	e = pt_get(m, mm_at(m, t->mm), va);
	pt_set(m, t->mm, va, e & ~m->arch->pte.write);
	finds(m, "grants more than the page table");
	pt_set(m, t->mm, va, e);
	frame_at(m, pte_pfn(m, e))->mapcount++;
	finds(m, "is mapped by 1 PTEs and counts 2");
	frame_at(m, pte_pfn(m, e))->mapcount--;
	pt_set(m, t->mm, va + 4096 * 16, e);
	finds(m, "which no VMA contains");
	pt_set(m, t->mm, va + 4096 * 16, 0);
	mm_at(m, t->mm)->pgtables += 4096;
	finds(m, "bytes of page tables and counts");
	mm_at(m, t->mm)->pgtables -= 4096;
	vm_fail_clear(m);
	rig_end(m);
}

/* ---- huge pages ------------------------------------------------------------
 */

#define AT   0x40000000ull
#define HUGE (2 * MiB)

/* Two huge pages at AT, both written. */
static struct vm *boot_huge(const char *tlb, struct task **t)
{
	struct vm *m = boot("x86_64", tlb, "1");
	const struct mmap_args a = {
		.addr = AT,
		.len = 2 * HUGE,
		.prot = RW,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
	};

	m->root->set.thp_enabled = THP_ALWAYS;
	*t = rig_spawn(m);
	assert_int_equal(mm_mmap(m, *t, &a), AT);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(
			rig_touch(m, *t, AT + i * HUGE + 5000, ACC_WRITE), 0);
	assert_int_equal(phys_sum(m, anon_huge), 2);
	return m;
}

static void test_huge_entries(void **state)
{
	struct task *t;
	struct vm *m = boot_huge("64/4,1536/12,32/4", &t);
	struct tlb_view v;
	uint64_t misses;

	for (unsigned level = 1; level <= 2; level++) {
		assert_int_equal(way_of(m, level, AT, &v), 0);
		assert_int_equal(v.size, HUGE);
		assert_int_equal(
			v.pfn, pte_pfn(m, pt_get(m, mm_at(m, t->mm), AT)));
		assert_int_equal(way_of(m, level, AT + 4096, NULL), -1);
	}
	misses = count(m, CNT_TLB_MISSES);
	for (vaddr_t va = AT; va < AT + 2 * HUGE; va += 4096)
		assert_int_equal(rig_touch(m, t, va, ACC_READ), 0);
	assert_int_equal(count(m, CNT_TLB_MISSES), misses);

	/* a split leaves entries of neither page behind it */
	assert_int_equal(mm_mprotect(m, t, AT + 4096, 4096, PROT_READ), 0);
	assert_int_equal(way_of(m, 1, AT, NULL), -1);
	assert_int_equal(rig_touch(m, t, AT, ACC_READ), 0);
	assert_int_equal(way_of(m, 1, AT, &v), 0);
	assert_int_equal(v.size, 4096);
	rig_end(m);
}

/* One INVLPG for a huge page; without entries for them, all of the process. */
static void test_huge_flush(void **state)
{
	static const char *const tlb[] = {"64/4,512/4,8/4", "64/4,512/4"};

	for (unsigned i = 0; i < 2; i++) {
		struct task *t;
		struct vm *m = boot_huge(tlb[i], &t);
		uint64_t pages, asids;

		assert_int_equal(rig_touch(m, t, AT + 7 * 4096, ACC_READ), 0);
		assert_int_equal(rig_touch(m, t, AT + HUGE, ACC_READ), 0);
		pages = count(m, CNT_TLB_FLUSH_PAGE);
		asids = count(m, CNT_TLB_FLUSH_ASID);
		assert_int_equal(mm_munmap(m, t, AT, HUGE), 0);
		assert_int_equal(count(m, CNT_TLB_FLUSH_PAGE), pages + !i);
		assert_int_equal(count(m, CNT_TLB_FLUSH_ASID), asids + i);
		for (vaddr_t va = AT; va < AT + HUGE; va += 4096)
			assert_int_equal(way_of(m, 1, va, NULL), -1);
		assert_int_equal(way_of(m, 1, AT + HUGE, NULL), i ? -1 : 0);
		rig_end(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accessed_and_dirty),
		cmocka_unit_test(test_replacement),
		cmocka_unit_test(test_one_level),
		cmocka_unit_test(test_flush_range),
		cmocka_unit_test(test_pcid),
		cmocka_unit_test(test_no_pcid),
		cmocka_unit_test(test_exit),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_huge_entries),
		cmocka_unit_test(test_huge_flush),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
