/*
 * Pages of 1 GiB: the pool, what moves out of their way, mappings, NUMA nodes,
 * demotion, and random histories of both sizes.
 */
#include "numa_rig.h"

#include "../../vm/mm/hugetlb.h"
#include "../../vm/task/task.h"

#define POOL   "hugepages 1048576 "
#define GIGA   " flags=hugetlb,huge_1gb"
#define NORSV  " flags=hugetlb,huge_1gb,noreserve"
#define SHARED " flags=hugetlb,huge_1gb,shared"

static void refused(
	struct vm *m, uint32_t pid, const char *text, int err, const char *why)
{
	struct vm_outcome out = run(m, pid, text);
	int got = out.failed || out.refused ? m->root->last.err : 0;

	if (got != err)
		fail_msg("%s: %d, %s", text, got, vm_sentence(m));
	assert_sentence(vm_sentence(m), why);
}

static void expect(struct vm *m, uint64_t nr, uint64_t free, uint64_t resv)
{
	struct hugetlb_node h = hugetlb_sum(m, 2);

	assert_int_equal(h.nr, nr);
	assert_int_equal(h.free, free);
	assert_int_equal(h.surplus, 0);
	assert_int_equal(m->root->hugetlb[1].resv, resv);
}

static uint8_t byte_at(struct vm *m, uint32_t pid, vaddr_t va)
{
	uint8_t byte = 0xff;

	mem_look(m, mm_at(m, task_find(m, pid)->mm), va, &byte, 1);
	return byte;
}

/* All processes end, the pools are emptied: as many frames as at first. */
static void end_all(struct vm *m, uint64_t free_pages)
{
	for (uint32_t pid = 2; task_next(m, 2); pid++) {
		struct task *t = task_find(m, pid);

		if (t && t->state != TASK_ZOMBIE)
			task_exit(m, t, 0);
		if (pid > 1000)
			break;
	}
	ok(m, 0, "hugepages 0 nr_hugepages 0");
	ok(m, 0, POOL "nr_hugepages 0");
	expect(m, 0, 0, 0);
	vmtest_check(m);
	if (free_pages)
		assert_int_equal(vmtest_free_pages(m), free_pages);
	vm_destroy(m);
}

/* ---- rules --------------------------------------------------------------- */

static void test_refusals(void **state)
{
	struct vm *m = boot("3G", "1");

	refused(m, 1, "mmap 1G rw" GIGA, ENOMEM, "of 0 in the pool 0 are free");
	refused(m, 1, "mmap 1G rw flags=hugetlb,huge_4mb", EINVAL,
		"no huge pages of 2^22 bytes");
	refused(m, 1, "memfd x flags=hugetlb,huge_4mb", ENODEV, "2^22");
	refused(m, 1, "memfd x flags=huge_1gb", EINVAL, "goes with hugetlb");
	refused(m, 1, "mmap 1G rw flags=hugetlb,huge_1gb,fixed addr=0x40200000",
		EINVAL, "multiple of the huge page size 1073741824");
	refused(m, 0, POOL "nr_overcommit_hugepages 1", EINVAL,
		"not made on demand");
	refused(m, 0, POOL "demote_size 7M", EINVAL, "have 2097152 bytes");
	refused(m, 0, "hugepages 2048 demote 1", EINVAL, "smallest size");
	refused(m, 0, "hugepages 4096 nr_hugepages 1", EINVAL, "of 4096 kB");
	refused(m, 0, POOL "nr_hugepages 1 node=1", EINVAL,
		"there are 1 nodes");
	refused(m, 0, POOL "nr_hugepages_mempolicy 1 node=0", EINVAL,
		"no nr_hugepages_mempolicy of its own");
	ok(m, 0, POOL "demote_size 2048K");
	ok(m, 0, POOL "demote 3");
	/* more than there is: as many as there are */
	ok(m, 0, POOL "nr_hugepages 7");
	expect(m, 1, 1, 0);
	ok(m, 0, "spawn");
	ok(m, 2, "setresuid 1000 1000 1000");
	refused(m, 2, POOL "nr_hugepages 0", EACCES, "fsuid is 1000");
	end_all(m, 0);
}

static void test_promises_and_faults(void **state)
{
	struct vm *m = boot("8G", "1");
	uint64_t free_pages = vmtest_free_pages(m);
	const struct mm *mm;

	ok(m, 0, "spawn");
	free_pages = vmtest_free_pages(m);
	ok(m, 0, POOL "nr_hugepages 2");
	expect(m, 2, 2, 0);
	ok(m, 2, "mmap 2G rw" GIGA " addr=0x40000000 as=g");
	expect(m, 2, 2, 2);
	refused(m, 2, "mmap 1G rw" GIGA, ENOMEM, "2 of them promised");
	ok(m, 2, "write 0x80000005 \"x\"");
	expect(m, 2, 1, 1);
	mm = mm_at(m, task_find(m, 2)->mm);
	assert_int_equal(mm->hugetlb << m->page_shift, 1 * GiB);
	assert_true(pte_huge(m, pt_entry(m, mm, 0x80000000, 2)));
	assert_int_equal(pt_entry(m, mm, 0x80000000, 1), 0);
	assert_int_equal(pte_pfn(m, pt_get(m, mm, 0x80003000)) & 0x3ffff, 3);
	refused(m, 2, "munmap g 2M", EINVAL, "cannot be split");
	refused(m, 2, "mprotect g 2M r", EINVAL, "cannot be split");
	refused(m, 2, "mremap g 1G 2G flags=maymove", EINVAL, "do not grow");
	ok(m, 2, "mprotect g+1G 1G r");
	refused(m, 2, "write g+1G \"x\"", EFAULT, "ACCERR");
	ok(m, 2, "mremap g+1G 1G 1G flags=maymove,fixed addr=0x200000000");
	assert_int_equal(byte_at(m, 2, 0x200000005), 'x');
	vmtest_check(m);
	ok(m, 2, "madvise 0x200000000 1G dontneed");
	assert_int_equal(byte_at(m, 2, 0x200000005), 0);
	ok(m, 2, "munmap 0x200000000 1G");
	ok(m, 2, "munmap g 1G");
	expect(m, 2, 2, 0);
	ok(m, 0, POOL "nr_hugepages 0");
	assert_int_equal(vmtest_free_pages(m), free_pages);
	end_all(m, 0);
}

/* A bare mapping takes what is left and is SIGBUS after that. */
static void test_empty_pool(void **state)
{
	struct vm *m = boot("4G", "1");

	ok(m, 0, POOL "nr_hugepages 1");
	ok(m, 1, "mmap 2G rw" NORSV " addr=0x40000000 as=g");
	ok(m, 1, "write g \"x\"");
	refused(m, 1, "write g+1G \"x\"", EFAULT,
		"SIGBUS ADRERR at 0x80000000: no huge page of 1048576 kB");
	ok(m, 1, "munmap g 2G");
	end_all(m, 0);
}

static void test_fork(void **state)
{
	struct vm *m = boot("6G", "1");

	ok(m, 0, POOL "nr_hugepages 2");
	ok(m, 0, "spawn");
	ok(m, 2, "mmap 1G rw" GIGA " addr=0x40000000 as=p");
	ok(m, 2, "mmap 1G rw" SHARED " addr=0x80000000 as=s");
	ok(m, 2, "write p+9 \"p\"");
	ok(m, 2, "write s+9 \"s\"");
	ok(m, 2, "fork");
	vmtest_check(m);
	ok(m, 3, "write s+9 \"S\"");
	assert_int_equal(byte_at(m, 2, 0x80000009), 'S');
	/* no page is left for the child's copy, and the owner takes its own */
	refused(m, 3, "write p+9 \"c\"", EFAULT, "SIGBUS");
	assert_int_equal(byte_at(m, 3, 0x40000009), 'p');
	ok(m, 2, "write p+9 \"P\"");
	refused(m, 3, "read p+9", EFAULT, "SIGBUS");
	assert_int_equal(byte_at(m, 2, 0x40000009), 'P');
	expect(m, 2, 0, 0);
	end_all(m, 0);
}

static void test_files(void **state)
{
	struct vm *m = boot("6G", "1");

	ok(m, 0, POOL "nr_hugepages 2");
	ok(m, 0, "spawn");
	ok(m, 2, "memfd giant flags=hugetlb,huge_1gb");
	refused(m, 2, "ftruncate 0 2M", EINVAL, "multiple of 1073741824");
	ok(m, 2, "ftruncate 0 2G");
	refused(m, 2, "mmap 1G rw flags=shared fd=0 off=2M", EINVAL,
		"offset 0x200000");
	ok(m, 2, "mmap 2M rw flags=shared fd=0 off=1G addr=0x40000000 as=f");
	expect(m, 2, 2, 1);
	ok(m, 2, "write f+4K \"late\"");
	ok(m, 2, "ftruncate 0 1G");
	expect(m, 2, 2, 0);
	refused(m, 2, "read f", EFAULT, "beyond the end of the file");
	end_all(m, 0);
}

/* ---- where they come from ------------------------------------------------ */

/* Pages of a process lie in the only range that can be had: they move. */
static void test_pages_move_out(void **state)
{
	struct vm *m = boot("6G", "1");
	uint64_t moved = m->root->count[CNT_PGMIGRATE_SUCCESS];
	unsigned bytes = 0;

	ok(m, 0, "spawn");
	ok(m, 2, "mmap 1200M rw addr=0x100000000 as=a");
	/* page tables stay where they are: below the range */
	for (unsigned i = 0; i < 600; i++) {
		char text[64];

		vm_snprintf(text, sizeof(text), "touch a+%uM 1 w", 2 * i);
		ok(m, 2, text);
	}
	ok(m, 2, "touch a 1200M w");
	ok(m, 2, "write 0x14af00007 \"m\"");
	ok(m, 0, POOL "nr_hugepages 3");
	assert_true(hugetlb_sum(m, 2).nr >= 2);
	assert_true(m->root->count[CNT_PGMIGRATE_SUCCESS] > moved);
	assert_int_equal(byte_at(m, 2, 0x100000007 + (1199 << 20)), 'm');
	for (unsigned i = 0; i < 1200; i++)
		bytes += byte_at(m, 2, 0x100000000 + ((vaddr_t)i << 20));
	assert_int_equal(bytes, 0);
	vmtest_check(m);
	end_all(m, 0);
}

/* Where they cannot move to, they stay, and so does all else. */
static void test_no_room_to_move(void **state)
{
	struct vm *m = boot("3G", "1");
	uint64_t free_pages;

	ok(m, 0, "spawn");
	ok(m, 2, "mmap 2700M rw addr=0x100000000 as=a");
	ok(m, 2, "touch a 2700M w");
	pcp_drain_all(m);
	free_pages = vmtest_free_pages(m);
	ok(m, 0, POOL "nr_hugepages 1");
	expect(m, 0, 0, 0);
	assert_int_equal(vmtest_free_pages(m), free_pages);
	vmtest_check(m);
	end_all(m, 0);
}

static void test_demote(void **state)
{
	struct vm *m = boot("6G", "1");

	ok(m, 0, POOL "nr_hugepages 2");
	ok(m, 0, "spawn");
	ok(m, 2, "mmap 1G rw" GIGA " addr=0x40000000 as=g");
	ok(m, 2, "write g+3M \"old\"");
	ok(m, 2, "munmap g 1G");
	ok(m, 0, POOL "demote 1");
	expect(m, 1, 1, 0);
	assert_int_equal(hugetlb_sum(m, 1).free, 512);
	assert_int_equal(m->root->set.nr_hugepages, 512);
	vmtest_check(m);
	/* what the page held is gone */
	ok(m, 2, "mmap 1G rw flags=hugetlb addr=0x40000000 as=h");
	ok(m, 2, "touch h 1G w");
	for (unsigned i = 0; i < 1024; i++)
		assert_int_equal(
			byte_at(m, 2, 0x40000000 + ((vaddr_t)i << 20)), 0);
	vmtest_check(m);
	end_all(m, 0);
}

/* ---- nodes --------------------------------------------------------------- */

static unsigned node_at(struct vm *m, uint32_t pid, vaddr_t va)
{
	const struct mm *mm = mm_at(m, task_find(m, pid)->mm);

	return node_of(m, pte_pfn(m, pt_get(m, mm, va)));
}

static void test_nodes(void **state)
{
	struct vm *m = boot("16G", "2");
	const struct hugetlb_node *node = m->root->hugetlb[1].node;

	ok(m, 0, POOL "nr_hugepages 4");
	assert_int_equal(node[0].nr, 2);
	assert_int_equal(node[1].nr, 2);
	ok(m, 0, POOL "nr_hugepages 3 node=1");
	assert_int_equal(node[0].nr, 2);
	assert_int_equal(node[1].nr, 3);
	ok(m, 0, "spawn");
	ok(m, 2, "mmap 4G rw" NORSV " addr=0x100000000 as=i");
	ok(m, 2, "mbind i 4G interleave nodes=0-1");
	ok(m, 2, "touch i 4G w");
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(node_at(m, 2, 0x100000000 + i * GiB), i % 2);
	/* node 0 has none left: what is bound to it waits in vain */
	ok(m, 2, "mmap 1G rw" NORSV " addr=0x200000000 as=b");
	ok(m, 2, "mbind b 1G bind nodes=0");
	refused(m, 2, "write b \"x\"", EFAULT, "SIGBUS");
	ok(m, 2, "mbind b 1G preferred nodes=0");
	ok(m, 2, "write b \"x\"");
	assert_int_equal(node_at(m, 2, 0x200000000), 1);
	vmtest_check(m);
	end_all(m, 0);
}

/* A task that is bound gets no promise of pages that it may not have. */
static void test_bound_task(void **state)
{
	struct vm *m = boot("16G", "2");
	const struct hugetlb_node *node = m->root->hugetlb[1].node;

	ok(m, 0, "spawn");
	ok(m, 2, "set_mempolicy bind nodes=1");
	ok(m, 2, POOL "nr_hugepages_mempolicy 2");
	assert_int_equal(node[0].nr, 0);
	assert_int_equal(node[1].nr, 2);
	ok(m, 0, POOL "nr_hugepages 2 node=0");
	refused(m, 2, "mmap 3G rw" GIGA, ENOMEM, "2 on nodes within reach");
	ok(m, 2, "set_mempolicy default");
	ok(m, 2, "mmap 3G rw" GIGA);
	end_all(m, 0);
}

/* ---- the TLB --------------------------------------------------------------
 */

struct seen {
	unsigned level1, level2;
};

static void count_entry(void *ctx, const struct tlb_view *v)
{
	struct seen *s = ctx;

	if (v->size != 1 * GiB)
		return;
	s->level1 += v->level == 1;
	s->level2 += v->level == 2;
}

/* Four entries of level 1 are for pages of 1 GiB, however many there are. */
static void test_tlb(void **state)
{
	struct vm *m = boot("10G", "1");
	struct seen s = {0, 0};

	ok(m, 0, POOL "nr_hugepages 6");
	expect(m, 6, 6, 0);
	ok(m, 0, "spawn");
	ok(m, 2, "mmap 6G rw" GIGA " addr=0x40000000 as=g");
	ok(m, 2, "touch g 6G w");
	tlb_for_each(m, 0, count_entry, &s);
	assert_int_equal(s.level1, 4);
	assert_int_equal(s.level2, 6);
	ok(m, 2, "munmap g 5G");
	s = (struct seen){0, 0};
	tlb_for_each(m, 0, count_entry, &s);
	assert_int_equal(s.level1, 1);
	assert_int_equal(s.level2, 1);
	end_all(m, 0);
}

/* ---- random histories ---------------------------------------------------- */

static void step(struct vm *m, uint64_t *seed)
{
	static const char *const size[] = {"", ",huge_1gb", ",huge_1gb"};
	static const char *const how[] = {"", ",shared", ",noreserve"};
	static const char *const kb[] = {"0", "1048576", "1048576"};
	uint64_t r = vmtest_random(seed);
	uint32_t pid = 2 + r % 3;
	unsigned giga = 1 + (r >> 8) % 4, len = 1 + (r >> 16) % 2;
	char text[160];
	vaddr_t at = giga * GiB;

#define TEXT(...) vm_snprintf(text, sizeof(text), __VA_ARGS__)
	switch ((r >> 24) % 10) {
	case 0:
	case 1:
		TEXT("mmap %uG rw flags=hugetlb,fixed%s%s addr=0x%llx", len,
			size[(r >> 32) % 3], how[(r >> 40) % 3],
			(unsigned long long)at);
		break;
	case 2:
		TEXT("munmap 0x%llx %uG", (unsigned long long)at, len);
		break;
	case 3:
		TEXT("madvise 0x%llx %uG dontneed", (unsigned long long)at,
			len);
		break;
	case 4:
		TEXT("mremap 0x%llx 1G 1G flags=maymove,fixed addr=0x%llx",
			(unsigned long long)at,
			(unsigned long long)(1 + (r >> 32) % 4) * GiB);
		break;
	case 5:
		TEXT("hugepages %s nr_hugepages %u node=%u", kb[(r >> 32) % 3],
			(unsigned)(r >> 40) % 4, (unsigned)(r >> 48) % 2);
		pid = 0;
		break;
	case 6:
		TEXT(r >> 32 & 1 ? "hugepages 1048576 demote 1"
				 : "hugepages 0 nr_overcommit_hugepages 3");
		pid = 0;
		break;
	case 7:
		TEXT(r >> 32 & 3 ? "fork" : "exit");
		break;
	default:
		TEXT("write 0x%llx \"w\"",
			(unsigned long long)(at + (r >> 32) % 8 * 128 * MiB));
	}
	if (!pid ||
		(task_find(m, pid) && task_find(m, pid)->state != TASK_ZOMBIE))
		run(m, pid, text);
	else
		run(m, 0, "spawn");
	if (vm_check(m))
		fail_msg("after %s: %s", text, vm_sentence(m));
}

static void test_histories(void **state)
{
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct vm *m = boot("12G", "2");
		uint64_t r = seed * 0x9e3779b97f4a7c15;

		ok(m, 0, "spawn");
		for (unsigned i = 0; i < 80; i++)
			step(m, &r);
		for (uint32_t pid = 2; pid <= m->root->next_pid; pid++) {
			struct task *t = task_find(m, pid);

			if (t && t->state != TASK_ZOMBIE)
				task_exit(m, t, 0);
		}
		vmtest_check(m);
		for (unsigned size = 1; size <= 2; size++)
			assert_int_equal(hugetlb_sum(m, size).free,
				hugetlb_sum(m, size).nr);
		vm_destroy(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_promises_and_faults),
		cmocka_unit_test(test_empty_pool),
		cmocka_unit_test(test_fork),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_pages_move_out),
		cmocka_unit_test(test_no_room_to_move),
		cmocka_unit_test(test_demote),
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_bound_task),
		cmocka_unit_test(test_tlb),
		cmocka_unit_test(test_histories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
