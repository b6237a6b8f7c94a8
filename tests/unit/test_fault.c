/* Page faults: what they map, count and refuse, on both architectures. */
#include "fault_rig.h"

#define SENT(part) assert_sentence(vm_sentence(m), part)

static uint64_t count(enum vm_counter c)
{
	return m->root->count[c];
}

/* ---- anonymous memory ---------------------------------------------------- */

static void test_zero_page(void **state)
{
	struct vma *v;
	uint64_t anon = mm_of(t)->rss[RSS_ANON], e;

	map(RIG_BASE, 4, RW, ANON, 0, 0);
	v = vma_lookup(m, t->mm, RIG_BASE);
	minor_faults();
	assert_int_equal(get(RIG_BASE + 5), 0);
	assert_int_equal(minor_faults(), 1);
	e = entry_of(t, RIG_BASE);
	assert_int_equal(pte_pfn(m, e), m->root->zero_pfn);
	assert_true(e & m->arch->pte.special);
	assert_false(e & m->arch->pte.write);
	assert_int_equal(v->anon_vma, 0);
	assert_int_equal(mm_of(t)->rss[RSS_ANON], anon);
	assert_int_equal(frame_at(m, m->root->zero_pfn)->mapcount, 0);
	put(RIG_BASE, 7);
	assert_int_equal(minor_faults(), 1);
	assert_int_equal(count(CNT_FAULT_COW), 1);
	assert_int_not_equal(v->anon_vma, 0);
	assert_int_equal(get(RIG_BASE), 7);
	assert_int_equal(mm_of(t)->rss[RSS_ANON], anon + 1);
	assert_int_equal(get(page_at(RIG_BASE, 1)), 0);
}

static void test_demand_zero(void **state)
{
	const struct frame *f;
	uint64_t before;

	map(RIG_BASE, 4, RW, ANON, 0, 0);
	before = mm_of(t)->rss[RSS_ANON];
	minor_faults();
	put(page_at(RIG_BASE, 2), 9);
	assert_int_equal(minor_faults(), 1);
	f = frame_at(m, pfn_of(t, page_at(RIG_BASE, 2)));
	assert_int_equal(f->state, FRAME_ANON);
	assert_int_equal(f->mapcount, 1);
	assert_int_equal(f->index, page_at(RIG_BASE, 2) >> m->page_shift);
	assert_int_equal(f->owner, t->mm);
	assert_true(f->flags & FR_EXCLUSIVE);
	assert_true(writable(t, page_at(RIG_BASE, 2)));
	assert_int_equal(pfn_of(t, RIG_BASE), PFN_NONE);
	assert_int_equal(mm_of(t)->rss[RSS_ANON], before + 1);
	put(page_at(RIG_BASE, 2) + 1, 9);
	assert_int_equal(minor_faults(), 0);
}

/* A frame that held a secret comes back zeroed. */
static void test_reused_frames_are_zero(void **state)
{
	for (unsigned round = 0; round < 3; round++) {
		map(RIG_BASE, 64, RW, ANON, 0, 0);
		for (unsigned i = 0; i < 64; i++) {
			vaddr_t va = page_at(RIG_BASE, i) + 100;

			assert_int_equal(get(va), 0);
			put(va, 0xee);
			put(va + 1, 0xee);
		}
		assert_int_equal(
			mm_munmap(m, t, RIG_BASE, 64 << m->page_shift), 0);
	}
}

/* ---- refusals ------------------------------------------------------------ */

static void expect(vaddr_t va, enum access_kind kind, int sig, int code,
	uint32_t error_code, const char *sentence)
{
	uint8_t b = 0;

	vm_fail_clear(m);
	assert_int_equal(mem_access(m, t, va, 1, kind, &b, &sf), -EFAULT);
	if (sf.sig != sig || sf.code != code || sf.error_code != error_code)
		fail_msg("0x%llx: signal %d code %d error 0x%x: %s",
			(unsigned long long)va, sf.sig, sf.code, sf.error_code,
			vm_sentence(m));
	assert_int_equal(sf.addr, code == 128 ? 0 : va);
	SENT(sentence);
}

static void test_refusals(void **state)
{
	bool wide = m->arch->native.addr_bits == 64;
	bool nx = m->arch->pte.noexec;

	map(RIG_BASE, 1, PROT_READ, ANON, 0, 0);
	map(page_at(RIG_BASE, 2), 1, PROT_NONE, ANON, 0, 0);
	map(page_at(RIG_BASE, 4), 1, RW, ANON, 0, 0);
	expect(0xfff, ACC_READ, SIGSEGV, 1, 4, "the nearest above starts at");
	expect(page_at(RIG_BASE, 1), ACC_WRITE, SIGSEGV, 1, 6,
		"no mapping holds this address; the nearest above starts at "
		"0x10002000");
	expect(RIG_BASE, ACC_WRITE, SIGSEGV, 2, 6,
		"the mapping 0x10000000-0x10001000 is r--p: stores are not "
		"permitted");
	get(RIG_BASE);
	expect(RIG_BASE, ACC_WRITE, SIGSEGV, 2, 7, "stores are not permitted");
	expect(page_at(RIG_BASE, 2), ACC_READ, SIGSEGV, 2, 4,
		"is ---p: loads are not permitted");
	expect(m->arch->native.task_size, ACC_READ, SIGSEGV, 1, 5,
		"belongs to the kernel");
	expect(m->arch->kernel_text, ACC_WRITE, SIGSEGV, 1, 7, "user space");
	if (nx)
		expect(page_at(RIG_BASE, 4), ACC_EXEC, SIGSEGV, 2, 0x15,
			"is rw-p: fetches are not permitted");
	if (wide)
		expect(1ull << 47, ACC_READ, SIGSEGV, 128, 0, "canonical");
	assert_int_equal(count(CNT_SEGV_ACCERR), nx ? 4 : 3);
}

/* mprotect takes rights away from pages that are there. */
static void test_prot_none_page(void **state)
{
	map(RIG_BASE, 2, RW, ANON, 0, 0);
	put(RIG_BASE, 3);
	minor_faults();
	mm_mprotect(m, t, RIG_BASE, m->page_size, PROT_NONE);
	expect(RIG_BASE, ACC_READ, SIGSEGV, 2, 4, "loads are not permitted");
	mm_mprotect(m, t, RIG_BASE, m->page_size, RW);
	assert_int_equal(get(RIG_BASE), 3);
	put(RIG_BASE, 4);
	assert_int_equal(minor_faults(), 0);
}

static void test_guard_pages(void **state)
{
	vaddr_t second = page_at(RIG_BASE, 1);
	uint64_t size = m->page_size;

	map(RIG_BASE, 3, RW, ANON, 0, 0);
	put(RIG_BASE, 1);
	put(second, 1);
	assert_int_equal(mm_madvise(m, t, second, size, 102), 0);
	assert_int_equal(entry_of(t, second), pte_guard(m));
	expect(second, ACC_READ, SIGSEGV, 1, 4, "a guard page");
	expect(second, ACC_WRITE, SIGSEGV, 1, 6, "a guard page");
	assert_int_equal(mm_madvise(m, t, RIG_BASE, 3 * size, 4), 0);
	assert_int_equal(pfn_of(t, RIG_BASE), PFN_NONE);
	assert_int_equal(entry_of(t, second), pte_guard(m));
	assert_int_equal(mm_madvise(m, t, RIG_BASE, 3 * size, 103), 0);
	assert_int_equal(get(second), 0);
	assert_int_equal(mm_madvise(m, t, second, size, 102), 0);
	mm_munmap(m, t, RIG_BASE, 3 * size);
	map(RIG_BASE, 3, RW, ANON | MAP_LOCKED, 0, 0);
	assert_int_equal(get(second), 0);
	vm_fail_clear(m);
	assert_int_equal(mm_madvise(m, t, second, size, 102), -EINVAL);
	SENT("takes no guard pages");
}

static void test_stack_growth(void **state)
{
	struct vma *v = vma_at(m, mm_of(t)->last);
	vaddr_t low;

	while (!(v->flags & VM_GROWSDOWN))
		v = vma_at(m, v->prev);
	low = v->start;
	put(low - 5 * m->page_size, 1);
	assert_int_equal(v->start, low - 5 * m->page_size);
	assert_int_equal(pfn_of(t, low - m->page_size), PFN_NONE);
	assert_int_equal(count(CNT_FAULT_STACK), 1);
	t->rlim[RLIM_STACK].soft = MiB;
	expect(v->end - MiB - 1, ACC_WRITE, SIGSEGV, 1, 6, "RLIMIT_STACK");
	put(v->end - MiB, 1);
	assert_int_equal(v->end - v->start, MiB);
	/* growth comes before the check of the right */
	mm_mprotect(m, t, v->start, v->end - v->start, PROT_READ);
	t->rlim[RLIM_STACK].soft = 2 * MiB;
	v = vma_lookup(m, t->mm, v->start);
	low = v->start;
	expect(low - 1, ACC_WRITE, SIGSEGV, 2, 6, "stores are not permitted");
	assert_int_equal(vma_lookup(m, t->mm, low)->start, low - m->page_size);
}

/* ---- files --------------------------------------------------------------- */

static unsigned mapped(vaddr_t base, unsigned from, unsigned to)
{
	unsigned n = 0;

	for (unsigned i = from; i < to; i++)
		n += pfn_of(t, page_at(base, i)) != PFN_NONE;
	return n;
}

/* The first touch reads a window of 32 pages around it and maps those of 16 but
 * for the mark, 8 pages before the end of the window. */
static void test_first_touch_of_file(void **state)
{
	idx_t f = make_file("/f", 100), file = open_rw("/f");
	uint64_t rss = mm_of(t)->rss[RSS_FILE], pgin = count(CNT_PGPGIN);

	map(RIG_BASE, 100, PROT_READ, MAP_PRIVATE, file, 0);
	minor_faults();
	assert_int_equal(get(page_at(RIG_BASE, 50)), 51);
	assert_int_equal(t->maj_flt, 1);
	assert_int_equal(minor_faults(), 0);
	assert_int_equal(inode_at(m, f)->nr_cached, 32);
	assert_int_equal(cache_lookup(m, f, 33), PFN_NONE);
	assert_int_not_equal(cache_lookup(m, f, 34), PFN_NONE);
	assert_int_not_equal(cache_lookup(m, f, 65), PFN_NONE);
	assert_int_equal(count(CNT_PGPGIN) - pgin, 32 * 4);
	assert_int_equal(mapped(RIG_BASE, 48, 64), 15);
	assert_int_equal(mapped(RIG_BASE, 58, 59), 0);
	assert_int_equal(mm_of(t)->rss[RSS_FILE], rss + 15);
	assert_int_equal(count(CNT_FAULT_AROUND), 14);
	assert_int_equal(get(page_at(RIG_BASE, 47)), 48);
	assert_int_equal(mapped(RIG_BASE, 34, 48), 14);
	assert_int_equal(t->maj_flt, 1);
	assert_int_equal(get(page_at(RIG_BASE, 0)), 1);
	assert_int_equal(get(page_at(RIG_BASE, 99)), 100);
	assert_int_equal(t->maj_flt, 3);
	assert_int_equal(inode_at(m, f)->nr_cached, 64 + 17);
	file_put(m, file);
}

/* Where the window of fault-around lies: see around_window(). */
static void test_fault_around_window(void **state)
{
	static const struct {
		unsigned first, nr, touch, from, to; /* pages, from address 0 */
	} row[] = {
		{0x200, 64, 0x204, 0x200, 0x210},
		{0x205, 64, 0x207, 0x205, 0x215}, /* slides up */
		{0x205, 64, 0x216, 0x210, 0x220},
		{0x208, 6, 0x209, 0x208, 0x20e},  /* ends with the VMA */
		{0x3f9, 64, 0x3fb, 0x3f9, 0x400}, /* ends with the table */
		{0x3f9, 64, 0x401, 0x400, 0x410},
	};
	idx_t f = make_file("/f", 64), file = open_rw("/f");

	cache_all(f, 64);
	for (size_t i = 0; i < COUNT(row); i++) {
		map(page_at(0, row[i].first), row[i].nr, PROT_READ, MAP_PRIVATE,
			file, 0);
		minor_faults();
		get(page_at(0, row[i].touch));
		assert_int_equal(minor_faults(), 1);
		assert_int_equal(mapped(0, row[i].from, row[i].to),
			row[i].to - row[i].from);
		assert_int_equal(
			mapped(0, row[i].first, row[i].first + row[i].nr),
			row[i].to - row[i].from);
		mm_munmap(m, t, page_at(0, row[i].first),
			(uint64_t)row[i].nr << m->page_shift);
	}
	assert_int_equal(t->maj_flt, 0);
	file_put(m, file);
}

static void test_readahead_advice(void **state)
{
	idx_t f = make_file("/f", 100), file = open_rw("/f");
	struct vma *v;

	map(RIG_BASE, 100, PROT_READ, MAP_PRIVATE, file, 0);
	file_put(m, file);
	v = vma_lookup(m, t->mm, RIG_BASE);
	v->flags |= VM_RAND_READ;
	get(page_at(RIG_BASE, 50));
	assert_int_equal(inode_at(m, f)->nr_cached, 1);
	v->flags ^= VM_RAND_READ | VM_SEQ_READ;
	get(page_at(RIG_BASE, 60));
	assert_int_equal(inode_at(m, f)->nr_cached, 33);
	assert_int_not_equal(cache_lookup(m, f, 91), PFN_NONE);
	v->flags &= ~VM_SEQ_READ;
}

static void test_private_file_write(void **state)
{
	idx_t f = make_file("/f", 4), file = open_rw("/f");
	uint64_t rss = mm_of(t)->rss[RSS_FILE];
	uint8_t b;

	map(RIG_BASE, 4, RW, MAP_PRIVATE, file, 0);
	file_put(m, file);
	put(page_at(RIG_BASE, 1), 0x99);
	assert_int_equal(t->maj_flt, 1);
	assert_int_equal(mapped(RIG_BASE, 0, 4), 1);
	assert_int_equal(mm_of(t)->rss[RSS_FILE], rss);
	assert_int_equal(get(page_at(RIG_BASE, 1)), 0x99);
	assert_int_equal(get(page_at(RIG_BASE, 1) + 1), 2);
	disk_read(m, f, 4096, &b, 1);
	assert_int_equal(b, 2);
	/* a read first: then the store copies and drops the file's page */
	minor_faults();
	assert_int_equal(get(page_at(RIG_BASE, 2)), 3);
	put(page_at(RIG_BASE, 2), 0x77);
	assert_int_equal(minor_faults(), 2);
	assert_int_equal(mm_of(t)->rss[RSS_FILE], rss + 2);
	assert_int_equal(frame_at(m, cache_lookup(m, f, 2))->mapcount, 0);
	assert_int_equal(frame_at(m, cache_lookup(m, f, 3))->mapcount, 1);
}

static void test_shared_file(void **state)
{
	idx_t f = make_file("/f", 20), file = open_rw("/f");
	uint8_t b = 0, page[4096];
	struct frame *fr;

	map(RIG_BASE, 20, RW, MAP_SHARED, file, 0);
	file_put(m, file);
	minor_faults();
	get(RIG_BASE);
	minor_faults();
	assert_int_equal(mapped(RIG_BASE, 0, 20), 15); /* 12 is marked */
	assert_false(writable(t, RIG_BASE));
	put(page_at(RIG_BASE, 3), 0xaa);
	assert_int_equal(minor_faults(), 1);
	put(page_at(RIG_BASE, 3) + 1, 0xab);
	assert_int_equal(minor_faults(), 0);
	fr = frame_at(m, cache_lookup(m, f, 3));
	assert_true(fr->flags & FR_DIRTY);
	disk_read(m, f, 3 * 4096, &b, 1);
	assert_int_equal(b, 0xaa);
	/* what disk/ writes, the process sees */
	disk_write(m, f, 3 * 4096 + 9, "\x42", 1);
	assert_int_equal(get(page_at(RIG_BASE, 3) + 9), 0x42);
	/* msync: clean, and the next store faults again */
	assert_int_equal(mm_msync(m, t, RIG_BASE, 20 << m->page_shift, 4), 0);
	assert_false(fr->flags & FR_DIRTY);
	assert_false(writable(t, page_at(RIG_BASE, 3)));
	minor_faults();
	put(page_at(RIG_BASE, 3), 0xac);
	assert_int_equal(minor_faults(), 1);
	assert_true(fr->flags & FR_DIRTY);
	/* a direct store maps that page alone */
	put(page_at(RIG_BASE, 17), 1);
	assert_int_equal(mapped(RIG_BASE, 16, 20), 1);
	cache_look(m, f, 17, page);
	assert_int_equal(page[0], 1);
	assert_int_equal(page[1], 18);
}

static void test_shared_anon(void **state)
{
	uint64_t rss = mm_of(t)->rss[RSS_SHMEM];

	map(RIG_BASE, 32, RW, MAP_SHARED | MAP_ANONYMOUS, 0, 0);
	minor_faults();
	assert_int_equal(get(page_at(RIG_BASE, 4)), 0);
	assert_int_equal(minor_faults(), 1);
	assert_int_equal(mapped(RIG_BASE, 0, 32), 1);
	put(page_at(RIG_BASE, 4), 5);
	assert_int_equal(minor_faults(), 0);
	assert_int_equal(mm_of(t)->rss[RSS_SHMEM], rss + 1);
	assert_int_equal(t->maj_flt, 0);
	assert_int_equal(phys_sum(m, pages[USE_SHMEM]), 1);
	/* unmapped pages stay in the object and are mapped around */
	mm_madvise(m, t, RIG_BASE, 32 << m->page_shift, 4);
	assert_int_equal(mapped(RIG_BASE, 0, 32), 0);
	get(page_at(RIG_BASE, 5));
	assert_int_equal(mapped(RIG_BASE, 0, 32), 2);
	assert_int_equal(get(page_at(RIG_BASE, 4)), 5);
}

static void test_beyond_end(void **state)
{
	idx_t f = make_file("/bin-x", 5), file = open_rw("/bin-x");

	disk_truncate(m, f, 0x4321);
	map(RIG_BASE, 8, RW, MAP_PRIVATE, file, 0);
	map(page_at(RIG_BASE, 8), 8, RW, MAP_SHARED, file, 0);
	file_put(m, file);
	minor_faults();
	expect(page_at(RIG_BASE, 5), ACC_READ, SIGBUS, 2, 4,
		"page 5 of /bin-x lies beyond the end of the file (size "
		"0x4321)");
	expect(page_at(RIG_BASE, 6), ACC_WRITE, SIGBUS, 2, 6, "page 6 of");
	expect(page_at(RIG_BASE, 15), ACC_WRITE, SIGBUS, 2, 6, "page 7 of");
	assert_int_equal(minor_faults(), 0);
	assert_int_equal(count(CNT_BUS_ADRERR), 3);
	assert_int_equal(get(page_at(RIG_BASE, 4) + 0x320), 5);
	assert_int_equal(get(page_at(RIG_BASE, 4) + 0x321), 0);
	/* what is stored behind the end never becomes part of the file */
	put(page_at(RIG_BASE, 12) + 0x321, 9);
	disk_truncate(m, f, 5 * 4096);
	assert_int_equal(get(page_at(RIG_BASE, 12) + 0x321), 0);
}

static void test_truncate_unmaps(void **state)
{
	idx_t f = make_file("/f", 8), file = open_rw("/f");

	map(RIG_BASE, 8, RW, MAP_PRIVATE, file, 0);
	map(page_at(RIG_BASE, 8), 4, RW, MAP_SHARED, file, 4);
	file_put(m, file);
	for (unsigned i = 0; i < 8; i++)
		put(page_at(RIG_BASE, i), 0xcc);
	for (unsigned i = 8; i < 12; i++)
		put(page_at(RIG_BASE, i), 0xdd);
	assert_int_equal(disk_truncate(m, f, 5 * 4096 + 1), 0);
	vmtest_check(m);
	assert_int_equal(mapped(RIG_BASE, 0, 8), 6);
	assert_int_equal(mapped(RIG_BASE, 8, 12), 2);
	expect(page_at(RIG_BASE, 6), ACC_READ, SIGBUS, 2, 4, "beyond");
	expect(page_at(RIG_BASE, 11), ACC_WRITE, SIGBUS, 2, 6, "beyond");
	assert_int_equal(get(page_at(RIG_BASE, 9)), 0xdd);
	assert_int_equal(get(page_at(RIG_BASE, 9) + 1), 0);
	assert_int_equal(get(page_at(RIG_BASE, 5)), 0xcc);
	assert_int_equal(disk_truncate(m, f, 0), 0);
	assert_int_equal(m->root->disk_used, 0);
	assert_int_equal(mapped(RIG_BASE, 0, 12), 0);
}

/* A store into a hole needs a block; without one it is SIGBUS, not a loss. */
static void test_hole_on_full_disk(void **state)
{
	idx_t f = disk_placeholder(m, "/hole", 8 * 4096), file;

	file = open_rw("/hole");
	map(RIG_BASE, 8, RW, MAP_SHARED, file, 0);
	file_put(m, file);
	assert_int_equal(get(RIG_BASE), 0);
	put(RIG_BASE, 1);
	assert_int_equal(m->root->disk_used, 1);
	m->root->disk_blocks = 1;
	expect(page_at(RIG_BASE, 1), ACC_WRITE, SIGBUS, 2, 7,
		"0 of the disk's 1 are free");
	assert_int_equal(get(page_at(RIG_BASE, 1)), 0);
	assert_int_equal(inode_at(m, f)->nr_blocks, 1);
}

static void test_special_mappings(void **state)
{
	uint64_t file = mm_of(t)->rss[RSS_FILE];
	unsigned seen = 0;
	struct vma *v;

	vma_for_each (m, mm_of(t), v) {
		if (!v->special)
			continue;
		get(v->start);
		assert_int_not_equal(pfn_of(t, v->start), PFN_NONE);
		expect(v->start, ACC_WRITE, SIGSEGV, 2, 7, "not permitted");
		seen++;
		if (v->special == VMA_VDSO)
			assert_int_equal(get(v->start + 1), 'E');
	}
	assert_int_equal(seen, 3);
	assert_int_equal(mm_of(t)->rss[RSS_FILE], file + 1);
}

/* ---- memory runs out ------------------------------------------------------
 */

static void test_out_of_memory(void **state)
{
	uint64_t pages = 2 * m->root->totalram_pages, i = 0, rss;
	struct task *other = rig_task(1000);

	assert_int_equal(swap_off(m, swap_area_of(m, 0)), 0);
	map(RIG_BASE, pages, RW, ANON | MAP_NORESERVE, 0, 0);
	while (store_of(t, page_at(RIG_BASE, i), 1) == 0)
		i++;
	assert_int_equal(m->fail.err, ENOMEM);
	SENT("out of memory");
	assert_true(i > pages / 4);
	rss = mm_of(t)->rss[RSS_ANON];
	assert_int_equal(store_of(t, page_at(RIG_BASE, i), 1), -ENOMEM);
	assert_int_equal(mm_of(t)->rss[RSS_ANON], rss);
	assert_int_equal(pfn_of(t, page_at(RIG_BASE, i)), PFN_NONE);
	vmtest_check(m);
	vm_fail_clear(m);
	assert_null(task_fork(m, t, 0));
	assert_int_equal(m->fail.err, ENOMEM);
	vmtest_check(m);
	assert_true(writable(t, RIG_BASE));
	mm_munmap(m, t, RIG_BASE, pages << m->page_shift);
	assert_int_equal(mm_of(t)->hiwater_rss >= rss, 1);
	map_of(other, RIG_BASE, 1, RW, ANON, 0, 0);
	assert_int_equal(store_of(other, RIG_BASE, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_zero_page),
		RIG_TEST(test_demand_zero),
		RIG_TEST(test_reused_frames_are_zero),
		RIG_TEST(test_refusals),
		RIG_TEST(test_prot_none_page),
		RIG_TEST(test_guard_pages),
		RIG_TEST(test_stack_growth),
		RIG_TEST(test_first_touch_of_file),
		RIG_TEST(test_fault_around_window),
		RIG_TEST(test_readahead_advice),
		RIG_TEST(test_private_file_write),
		RIG_TEST(test_shared_file),
		RIG_TEST(test_shared_anon),
		RIG_TEST(test_beyond_end),
		RIG_TEST(test_truncate_unmaps),
		RIG_TEST(test_hole_on_full_disk),
		RIG_TEST(test_special_mappings),
		RIG_TEST(test_out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
