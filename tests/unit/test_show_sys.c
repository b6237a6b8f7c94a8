/*
 * proc/{meminfo,buddyinfo,zoneinfo,vmstat,...} and phys/: layouts, and sums
 * that must agree with one another and with the processes.
 */
#include "show_fixture.h"

#include "../../fs/show_kpage.h"

/* The digits of a text replaced by one N for each number. */
static char *without_numbers(const char *text)
{
	char *out = malloc(strlen(text) + 1), *p = out;

	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			*p++ = *text;
		else if (p == out || p[-1] != 'N')
			*p++ = 'N';
	}
	*p = 0;
	return out;
}

/* ---- meminfo ---- */

static const char *const meminfo_labels[] = {
	"MemTotal:", "MemFree:", "MemAvailable:", "Buffers:", "Cached:",
	"SwapCached:", "Active:", "Inactive:", "Active(anon):",
	"Inactive(anon):", "Active(file):", "Inactive(file):", "Unevictable:",
	"Mlocked:", "SwapTotal:", "SwapFree:", "Zswap:", "Zswapped:", "Dirty:",
	"Writeback:", "AnonPages:", "Mapped:", "Shmem:", "KReclaimable:",
	"Slab:", "SReclaimable:", "SUnreclaim:", "KernelStack:", "PageTables:",
	"SecPageTables:", "NFS_Unstable:", "Bounce:", "WritebackTmp:",
	"CommitLimit:", "Committed_AS:", "VmallocTotal:", "VmallocUsed:",
	"VmallocChunk:", "Percpu:", "AnonHugePages:", "ShmemHugePages:",
	"ShmemPmdMapped:", "FileHugePages:", "FilePmdMapped:", "Balloon:",
	"HugePages_Total:", "HugePages_Free:", "HugePages_Rsvd:",
	"HugePages_Surp:", "Hugepagesize:", "Hugetlb:", "DirectMap4k:",
	"DirectMap2M:", "DirectMap1G:"};

/* Label padded to 16, number to 8, " kB"; pages of hugetlb without unit. */
static void meminfo_layout(void **state)
{
	struct show *s = *state;
	const char *p = show_text(s, show_meminfo, 0);

	for (unsigned i = 0; i < sizeof(meminfo_labels) / sizeof(char *); i++) {
		const char *end = strchr(p, '\n');
		bool count = !strncmp(p, "HugePages_", 10);
		size_t n = strlen(meminfo_labels[i]);

		assert_non_null(end);
		assert_int_equal(strncmp(p, meminfo_labels[i], n), 0);
		assert_int_equal(end - p, count ? 24
					  : !strncmp(p, "VmallocTotal:", 13)
						  ? 30
						  : 27);
		if (!count)
			assert_int_equal(strncmp(end - 3, " kB", 3), 0);
		p = end + 1;
	}
	assert_int_equal(*p, 0);
}

static void meminfo_of_i386_has_highmem(void **state)
{
	struct show *s = *state;
	const char *text = show_text(s, show_meminfo, 0);

	assert_int_equal(show_number(text, "HighTotal:") +
				 show_number(text, "LowTotal:"),
		show_number(text, "MemTotal:"));
	assert_int_equal(
		show_number(text, "HighFree:") + show_number(text, "LowFree:"),
		show_number(text, "MemFree:"));
	assert_int_equal(show_number(text, "Hugepagesize:"), 4096);
	assert_non_null(strstr(text, "DirectMap4M:"));
	assert_null(strstr(text, "DirectMap2M:"));
}

static uint64_t buddyinfo_pages(const char *text)
{
	uint64_t pages = 0;

	for (const char *p = text; *p; p = strchr(p, '\n') + 1) {
		char *q = (char *)p + 22;

		assert_int_equal(strncmp(p, "Node 0, zone ", 13), 0);
		for (unsigned o = 0; o < NR_ORDERS; o++)
			pages += strtoull(q, &q, 10) << o;
		assert_int_equal(strncmp(q, " \n", 2), 0);
	}
	return pages;
}

static void check_sums(struct show *s)
{
	uint64_t free = buddyinfo_pages(show_text(s, show_buddyinfo, 0));
	uint64_t kernel = phys_sum(s->m, pages[USE_KERNEL]), kept = 0;
	uint64_t managed = 0, used;
	const char *text;

	for (unsigned i = 0; i < s->m->root->nr_zones; i++)
		managed += s->m->root->zone[i].managed;
	text = show_text(s, show_meminfo, 0);
	assert_int_equal(show_number(text, "MemFree:"), free * 4);
	assert_int_equal(show_number(text, "MemTotal:"), managed * 4);
	used = show_number(text, "AnonPages:") + show_number(text, "Cached:") +
	       show_number(text, "PageTables:") +
	       show_number(text, "KernelStack:") + show_number(text, "Slab:");
	assert_int_equal(show_number(text, "KernelStack:"),
		pool_live(s->m, SEG_TASK) * (4u << s->m->arch->stack_order));
	for (unsigned i = 0; i < s->m->root->nr_zones; i++)
		kept += pcp_pages(s->m, &s->m->root->zone[i]);
	assert_int_equal(used + (free + kept + kernel) * 4, managed * 4);
}

/*
 * Eight anonymous pages, two shared ones of which one is in two processes:
 * each line moves by what was done, and the sums stay whole.
 */
static void meminfo_follows_the_processes(void **state)
{
	struct show *s = *state;
	uint64_t anon, shmem, as, mapped;
	const char *text;

	check_sums(s);
	text = show_text(s, show_meminfo, 0);
	anon = show_number(text, "AnonPages:");
	shmem = show_number(text, "Shmem:");
	mapped = show_number(text, "Mapped:");
	as = show_number(text, "Committed_AS:");
	show_mmap(s, 0x10000000, 16 * PAGE, PROT_RW,
		MAP_PRIVATE_ANON | MAP_FIXED);
	show_touch(s, s->t, 0x10000000, 8 * PAGE, true);
	show_mmap(
		s, 0x20000000, 4 * PAGE, PROT_RW, MAP_SHARED_ANON | MAP_FIXED);
	show_touch(s, s->t, 0x20000000, 2 * PAGE, true);
	text = show_text(s, show_meminfo, 0);
	assert_int_equal(show_number(text, "AnonPages:"), anon + 32);
	assert_int_equal(show_number(text, "Shmem:"), shmem + 8);
	assert_int_equal(show_number(text, "Cached:"), shmem + 8);
	assert_int_equal(show_number(text, "Mapped:"), mapped + 8);
	assert_int_equal(show_number(text, "Committed_AS:"), as + 80);
	assert_int_equal(
		show_number(text, "Active:") + show_number(text, "Inactive:"),
		anon + 32 + shmem + 8);
	check_sums(s);
	/* a fork shares the pages: no more of them, but Committed_AS grows */
	assert_non_null(task_fork(s->m, s->t, false));
	text = show_text(s, show_meminfo, 0);
	assert_int_equal(show_number(text, "AnonPages:"), anon + 32);
	assert_int_equal(show_number(text, "Mapped:"), mapped + 8);
	assert_true(show_number(text, "Committed_AS:") >= as + 80 + 64);
	check_sums(s);
}

/* ---- zoneinfo, vmstat ---- */

static void zoneinfo_layout(void **state)
{
	struct show *s = *state;
	const char *text = show_text(s, show_zoneinfo, 0);
	char *part, *plain;

	assert_true(show_starts(text, "Node 0, zone      DMA\n"
				      "  per-node stats\n"
				      "      nr_inactive_anon "));
	part = show_part(text, "  pages free ", "Node 0, zone    DMA32");
	plain = without_numbers(part);
	assert_true(
		show_starts(plain, "  pages free     N\n        boost    N\n"
				   "        min      N\n        low      N\n"
				   "        high     N\n        promo    N\n"
				   "        spanned  N\n        present  N\n"
				   "        managed  N\n        cma      N\n"
				   "        protection: (N, N, N, N, N)\n"
				   "      nr_free_pages N\n"
				   "      nr_free_pages_blocks N\n"
				   "      nr_zone_inactive_anon N\n"));
	assert_non_null(strstr(part, "      nr_mlock     0\n"));
	assert_non_null(strstr(part, "  pagesets\n    cpu: 0\n"
				     "              count:    0\n"
				     "              high:     0\n"
				     "              batch:    1\n"));
	assert_non_null(strstr(part,
		"\n  node_unreclaimable:  0\n  start_pfn:           1\n"));
	free(part);
	free(plain);
	part = show_part(text, "Node 0, zone  Movable", NULL);
	assert_non_null(strstr(part, "        min      32\n"));
	assert_non_null(strstr(part, "protection: (0, 0, 0, 0, 0)\n"
				     "Node 0, zone   Device\n"));
	free(part);
	s->m->root->node[0].kswapd_failures = 16;
	assert_non_null(strstr(show_text(s, show_zoneinfo, 0),
		"\n  node_unreclaimable:  1\n"));
}

/* The mark of readahead is the bit of pages that are to be reclaimed. */
static void kpageflags_mark(void **state)
{
	struct show *s = *state;
	pfn_t pfn = 1;

	while (phys_frame_state(s->m, pfn) != FRAME_ANON)
		pfn++;
	assert_false(kpage_flags(s->m, pfn) >> 9 & 1);
	frame_at(s->m, pfn)->flags |= FR_READAHEAD;
	assert_true(kpage_flags(s->m, pfn) >> 9 & 1);
	frame_at(s->m, pfn)->flags &= (uint16_t)~FR_READAHEAD;
}

/* vmstat's first lines are sums over zoneinfo; names are Linux 6.18's. */
static void vmstat_agrees(void **state)
{
	struct show *s = *state;
	uint64_t free = vmtest_free_pages(s->m);
	const char *text;
	unsigned lines = 0;

	show_mmap(s, 0x10000000, PAGE, PROT_RW, MAP_PRIVATE_ANON | MAP_FIXED);
	show_touch(s, s->t, 0x10000000, PAGE, true);
	text = show_text(s, show_vmstat, 0);
	assert_true(show_number(text, "nr_free_pages ") < free);
	assert_int_equal(
		show_number(text, "nr_free_pages "), show_free_pages(s->m));
	assert_int_equal(show_number(text, "nr_anon_pages "),
		phys_sum(s->m, pages[USE_ANON]));
	assert_int_equal(
		show_number(text, "pgfault "), s->m->root->count[CNT_PGFAULT]);
	assert_true(show_starts(text, "nr_free_pages "));
	assert_non_null(strstr(text, "\npgalloc_dma 0\npgalloc_dma32 "));
	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 192);
	assert_non_null(strstr(text, "\nnr_unstable 0\n"));
}

/* ---- the machine ---- */

static void uptime_and_stat(void **state)
{
	struct show *s = *state;

	s->m->root->ns = 61234567890;
	for (uint32_t pid = 1; pid <= s->t->pid; pid++)
		task_find(s->m, pid)->utime_ns = 0;
	s->t->utime_ns = 2000000000;
	s->t->cpu = 1;
	/* two CPUs: 122.469... of which one was busy for 2 seconds */
	assert_string_equal(show_text(s, show_uptime, 0), "61.23 120.46\n");
	assert_true(show_starts(show_text(s, show_system_stat, 0),
		"cpu  200 0 0 12046 0 0 0 0 0 0\n"
		"cpu0 0 0 0 6123 0 0 0 0 0 0\n"
		"cpu1 200 0 0 5923 0 0 0 0 0 0\n"
		"intr 0\nctxt "));
	assert_string_equal(show_text(s, show_version, 0),
		"Linux version 6.18.0-pagefs (pagefs@x86_64) (simulated) #1 "
		"SMP @0\n");
	assert_string_equal(
		show_text(s, show_loadavg, 0), "1.27 0.36 0.13 2/2 2\n");
}

static void iomem_is_a_tree(void **state)
{
	struct show *s = *state;
	const char *text = show_text(s, show_iomem, 0);

	assert_true(show_starts(text, "00000000-00000fff : Reserved\n"));
	assert_non_null(strstr(text, "\n00001000-0009fbff : System RAM\n"));
	assert_non_null(strstr(text, "\n  000f0000-000fffff : System ROM\n"));
	assert_non_null(strstr(text, "\n00100000-03ffffff : System RAM\n"
				     "  01000000-"));
	assert_non_null(strstr(text, " : Kernel code\n  "));
}

static void swaps_line(void **state)
{
	struct show *s = *state;

	assert_string_equal(show_text(s, show_swaps, 0),
		"Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
		"/dev/vdb                                partition\t65532\t\t0"
		"\t\t-2\n");
}

/* ---- phys ---- */

static void ram_shows_what_was_written(void **state)
{
	struct show *s = *state;
	struct sigfault f;
	char word[] = "pagefs", got[16];
	paddr_t pa, end = (paddr_t)s->m->root->max_pfn * PAGE;

	show_mmap(
		s, 0x10000000, 2 * PAGE, PROT_RW, MAP_PRIVATE_ANON | MAP_FIXED);
	assert_int_equal(mem_access(s->m, s->t, 0x10000ffd, sizeof(word),
				 ACC_WRITE, word, &f),
		0);
	pa = (paddr_t)pte_pfn(
		     s->m, pt_get(s->m, mm_at(s->m, s->t->mm), 0x10000000)) *
	     PAGE;
	assert_int_equal(pread_ram(&s->view, 0, got, 3, pa + 0xffd), 3);
	assert_memory_equal(got, "pag", 3);
	/* holes and fresh memory are zeros, the end is the end */
	memset(got, 1, sizeof(got));
	assert_int_equal(pread_ram(&s->view, 0, got, 16, 0xa0000), 16);
	assert_int_equal(got[0] | got[15], 0);
	assert_int_equal(pread_ram(&s->view, 0, got, 16, end - 4), 4);
	assert_int_equal(pread_ram(&s->view, 0, got, 16, end), 0);
	assert_int_equal(pread_ram(&s->view, 0, got, 16, UINT64_MAX), 0);
}

static void frames_line_by_line(void **state)
{
	struct show *s = *state;
	pfn_t pfn;
	char line[128];
	const char *text;

	show_mmap(s, 0x10000000, PAGE, PROT_RW, MAP_PRIVATE_ANON | MAP_FIXED);
	show_touch(s, s->t, 0x10000000, 1, true);
	pfn = pte_pfn(s->m, pt_get(s->m, mm_at(s->m, s->t->mm), 0x10000000));
	text = show_text(s, show_frames, 0);
	assert_true(show_starts(
		text, "pfn order state owner index mapcount flags\n"));
	snprintf(line, sizeof(line), "\n0x%x 0 anon %u 0x10000 1 ", pfn,
		s->t->mm);
	assert_non_null(strstr(text, line));
}

/* Every frame of the list, by its order, is every page that is not free. */
static void frames_are_all_pages_in_use(void **state)
{
	struct show *s = *state;
	const char *p = strchr(show_text(s, show_frames, 0), '\n') + 1;
	uint64_t used = 0;

	for (; *p; p = strchr(p, '\n') + 1)
		used += 1ull << strtoul(strchr(p, ' '), NULL, 10);
	assert_int_equal(used, s->m->root->totalram_pages +
				       vmtest_slab_pages(s->m) -
				       vmtest_free_pages(s->m));
}

static void zones_name_the_ranges(void **state)
{
	struct show *s = *state;
	const char *text = show_text(s, show_zones, 0);
	char line[64];

	assert_true(show_starts(text, "range 0x0-0x1000 reserved\n"));
	assert_non_null(strstr(text, " kernel_code\n"));
	assert_non_null(strstr(text, " memmap\n"));
	assert_non_null(strstr(text, "\nzone DMA\n  node 0\n  pfns 0x1-0x1000\n"
				     "  spanned 4095\n  present 3998\n"
				     "  managed 3840\n"));
	snprintf(line, sizeof(line), "\nmax_pfn 0x%x\n", s->m->root->max_pfn);
	assert_non_null(strstr(text, line));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, show_setup, show_teardown)
#define TEST_I386(fn) \
	cmocka_unit_test_setup_teardown(fn, show_setup_i386, show_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(meminfo_layout),
		TEST_I386(meminfo_of_i386_has_highmem),
		TEST(meminfo_follows_the_processes),
		TEST_I386(meminfo_follows_the_processes),
		TEST(zoneinfo_layout),
		TEST(kpageflags_mark),
		TEST(vmstat_agrees),
		TEST(uptime_and_stat),
		TEST(iomem_is_a_tree),
		TEST(swaps_line),
		TEST(ram_shows_what_was_written),
		TEST_I386(ram_shows_what_was_written),
		TEST(frames_line_by_line),
		TEST(frames_are_all_pages_in_use),
		TEST_I386(frames_are_all_pages_in_use),
		TEST(zones_name_the_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
