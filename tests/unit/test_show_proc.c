/*
 * proc/PID/: golden texts for small processes.  The layouts are those of
 * Linux 6.18, the numbers are counted by hand beside each case.
 */
#include "show_fixture.h"

/* ---- maps ---- */

static void maps_of_a_bare_process(void **state)
{
	struct show *s = *state;

	assert_string_equal(show_text(s, show_maps, s->t->pid),
		"7ffff7ff7000-7ffff7ffb000 r--p 00000000 00:00 0              "
		"            [vvar]\n"
		"7ffff7ffb000-7ffff7ffd000 r--p 00000000 00:00 0              "
		"            [vvar_vclock]\n"
		"7ffff7ffd000-7ffff7fff000 r-xp 00000000 00:00 0              "
		"            [vdso]\n"
		"7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0              "
		"            [stack]\n"
		"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0      "
		"            [vsyscall]\n");
}

static void maps_letters_and_offsets(void **state)
{
	struct show *s = *state;
	vaddr_t low = 0x10000000, high = 0x7fff00000000;
	const char *text;

	show_mmap(s, low, PAGE, PROT_NONE, MAP_PRIVATE_ANON | MAP_FIXED);
	show_mmap(s, low + 4 * PAGE, PAGE, PROT_READ | PROT_EXEC,
		MAP_PRIVATE_ANON | MAP_FIXED);
	show_mmap(s, high, 2 * PAGE, PROT_RW, MAP_PRIVATE_ANON | MAP_FIXED);
	text = show_text(s, show_maps, s->t->pid);
	/* no name: the line ends with the space after the inode number */
	assert_non_null(
		strstr(text, "10000000-10001000 ---p 00000000 00:00 0 \n"));
	assert_non_null(
		strstr(text, "10004000-10005000 r-xp 00000000 00:00 0 \n"));
	assert_non_null(strstr(
		text, "7fff00000000-7fff00002000 rw-p 00000000 00:00 0 \n"));
	assert_int_equal(memcmp(text, "10000000-", 9), 0);
}

static idx_t make_file(struct show *s, const char *path, const char *bytes)
{
	idx_t i = disk_create(s->m, path, 0755, 0, 0);

	assert_int_not_equal(i, 0);
	assert_int_equal(
		disk_write(s->m, i, 0, bytes, strlen(bytes)), strlen(bytes));
	return i;
}

static vaddr_t map_file(struct show *s, const char *path, uint64_t prot,
	uint64_t flags, uint64_t off)
{
	idx_t file = file_open(s->m, NULL, path, FMODE_READ | FMODE_WRITE);
	const struct mmap_args a = {.addr = 0x20000000,
		.len = 2 * PAGE,
		.prot = prot,
		.flags = flags | MAP_FIXED,
		.file = file,
		.off = off};
	int64_t r;

	assert_int_not_equal(file, 0);
	r = mm_mmap(s->m, s->t, &a);
	if (r < 0)
		fail_msg("%s", vm_sentence(s->m));
	file_put(s->m, file);
	return (vaddr_t)r;
}

static void maps_of_a_file(void **state)
{
	struct show *s = *state;
	idx_t i = make_file(s, "/two\nlines", "hello");
	char line[256];

	map_file(s, "/two\nlines", PROT_READ, MAP_PRIVATE, 3 * PAGE);
	snprintf(line, sizeof(line), "20000000-20002000 r--p 00003000 fe:00 %u",
		inode_at(s->m, i)->ino);
	snprintf(line + strlen(line), 128, "%*s", 73 - (int)strlen(line), "");
	strcat(line, "/two\\012lines\n");
	assert_non_null(strstr(show_text(s, show_maps, s->t->pid), line));
}

static void maps_of_shared_memory(void **state)
{
	struct show *s = *state;
	const char *p;

	show_mmap(s, 0x30000000, PAGE, PROT_RW, MAP_SHARED_ANON | MAP_FIXED);
	p = strstr(show_text(s, show_maps, s->t->pid), "30000000-30001000 ");
	assert_non_null(p);
	assert_int_equal(memcmp(p + 18, "rw-s 00000000 00:01 ", 20), 0);
	assert_int_equal(memcmp(p + 73, "/dev/zero (deleted)\n", 20), 0);
}

/* A 32-bit kernel: eight digits, the name at column 49, no vsyscall. */
static void maps_on_i386(void **state)
{
	struct show *s = *state;
	const char *text = show_text(s, show_maps, s->t->pid);
	const char *p = strstr(text, "bffdf000-c0000000 rw-p 00000000 00:00 0");

	assert_non_null(p);
	assert_int_equal(memcmp(p + 49, "[stack]\n", 9), 0);
}

/* ---- smaps ---- */

/* Four pages, two of them written: 8 kB of one process alone. */
static void smaps_of_private_memory(void **state)
{
	struct show *s = *state;
	char *part;

	show_mmap(
		s, 0x10000000, 4 * PAGE, PROT_RW, MAP_PRIVATE_ANON | MAP_FIXED);
	show_touch(s, s->t, 0x10000000, 2 * PAGE, true);
	part = show_part(show_text(s, show_smaps, s->t->pid), "10000000-",
		"7ffff7ff7000");
	assert_string_equal(part, "10000000-10004000 rw-p 00000000 00:00 0 \n"
				  "Size:                 16 kB\n"
				  "KernelPageSize:        4 kB\n"
				  "MMUPageSize:           4 kB\n"
				  "Rss:                   8 kB\n"
				  "Pss:                   8 kB\n"
				  "Pss_Dirty:             8 kB\n"
				  "Shared_Clean:          0 kB\n"
				  "Shared_Dirty:          0 kB\n"
				  "Private_Clean:         0 kB\n"
				  "Private_Dirty:         8 kB\n"
				  "Referenced:            8 kB\n"
				  "Anonymous:             8 kB\n"
				  "KSM:                   0 kB\n"
				  "LazyFree:              0 kB\n"
				  "AnonHugePages:         0 kB\n"
				  "ShmemPmdMapped:        0 kB\n"
				  "FilePmdMapped:         0 kB\n"
				  "Shared_Hugetlb:        0 kB\n"
				  "Private_Hugetlb:       0 kB\n"
				  "Swap:                  0 kB\n"
				  "SwapPss:               0 kB\n"
				  "Locked:                0 kB\n"
				  "THPeligible:           0\n"
				  "VmFlags: rd wr mr mw me ac \n");
	free(part);
}

/* The zero page is nobody's memory: reading an untouched page adds nothing. */
static void smaps_of_the_zero_page(void **state)
{
	struct show *s = *state;
	char *part;

	show_mmap(s, 0x10000000, PAGE, PROT_RW, MAP_PRIVATE_ANON | MAP_FIXED);
	show_touch(s, s->t, 0x10000000, PAGE, false);
	part = show_part(show_text(s, show_smaps, s->t->pid), "10000000-",
		"7ffff7ff7000");
	assert_int_equal(show_number(part, "Rss:"), 0);
	assert_int_equal(show_number(part, "Pss:"), 0);
	assert_int_equal(show_number(part, "Referenced:"), 0);
	free(part);
}

/*
 * Three pages in three processes: each share is 4096 << 12 / 3 = 5592405 (a
 * third is cut off), so three of them are 1 less than 4096 << 12: 3 kB.
 */
static void pss_keeps_twelve_bits(void **state)
{
	struct show *s = *state;
	char *part;

	show_mmap(
		s, 0x10000000, 3 * PAGE, PROT_RW, MAP_PRIVATE_ANON | MAP_FIXED);
	show_touch(s, s->t, 0x10000000, 3 * PAGE, true);
	assert_non_null(task_fork(s->m, s->t, false));
	assert_non_null(task_fork(s->m, s->t, false));
	part = show_part(show_text(s, show_smaps, s->t->pid), "10000000-",
		"7ffff7ff7000");
	assert_int_equal(show_number(part, "Rss:"), 12);
	assert_int_equal(show_number(part, "Pss:"), 3);
	assert_int_equal(show_number(part, "Shared_Dirty:"), 12);
	assert_int_equal(show_number(part, "Private_Dirty:"), 0);
	assert_int_equal(show_number(part, "Anonymous:"), 12);
	free(part);
}

/* Shared memory is dirty once somebody wrote to it (recorded script 40); locked
 * memory counts its share again as Locked. */
static void smaps_of_locked_shared_memory(void **state)
{
	struct show *s = *state;
	char *part;

	show_mmap(
		s, 0x10000000, 2 * PAGE, PROT_RW, MAP_SHARED_ANON | MAP_FIXED);
	show_touch(s, s->t, 0x10000000, PAGE, false);
	assert_int_equal(mm_mlock(s->m, s->t, 0x10000000, PAGE, 0), 0);
	part = show_part(
		show_text(s, show_smaps, s->t->pid), "10000000-", "10001000-");
	assert_int_equal(show_number(part, "Private_Clean:"), 4);
	assert_int_equal(show_number(part, "Private_Dirty:"), 0);
	assert_int_equal(show_number(part, "Anonymous:"), 0);
	assert_int_equal(show_number(part, "Locked:"), 4);
	assert_non_null(strstr(part, "VmFlags: rd wr sh mr mw me ms lo \n"));
	free(part);
	show_touch(s, s->t, 0x10000000, PAGE, true);
	part = show_part(
		show_text(s, show_smaps, s->t->pid), "10000000-", "10001000-");
	assert_int_equal(show_number(part, "Private_Clean:"), 0);
	assert_int_equal(show_number(part, "Private_Dirty:"), 4);
	free(part);
}

static uint64_t sum_of(const char *text, const char *label)
{
	size_t n = strlen(label);
	uint64_t sum = 0;

	for (const char *p = text; p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (!strncmp(p, label, n))
			sum += strtoull(p + n, NULL, 10);
	}
	return sum;
}

static void rollup_is_the_sum(void **state)
{
	static const char *const label[] = {
		"Rss:", "Shared_Clean:", "Shared_Dirty:", "Private_Clean:",
		"Private_Dirty:", "Referenced:", "Anonymous:"};
	struct show *s = *state;
	uint64_t sum[7];
	const char *text;

	show_mmap(
		s, 0x10000000, 8 * PAGE, PROT_RW, MAP_PRIVATE_ANON | MAP_FIXED);
	show_touch(s, s->t, 0x10000000, 5 * PAGE, true);
	text = show_text(s, show_smaps, s->t->pid);
	for (unsigned i = 0; i < 7; i++)
		sum[i] = sum_of(text, label[i]);
	text = show_text(s, show_smaps_rollup, s->t->pid);
	for (unsigned i = 0; i < 7; i++)
		assert_int_equal(show_number(text, label[i]), sum[i]);
	assert_non_null(
		strstr(text, "10000000-7ffffffff000 ---p 00000000 00:00 0"));
	assert_non_null(strstr(text, " [rollup]\nRss: "));
	assert_non_null(strstr(text, "Pss_Dirty:"));
	assert_int_equal(show_number(text, "Pss_Anon:"), sum[6]);
	assert_int_equal(show_number(text, "Pss_Shmem:"), 0);
}

/* ---- status, stat, statm ---- */

/*
 * A bare process: vvar 4 + vvar_vclock 2 + vdso 2 + stack 33 = 41 pages; the
 * argument block is its only page, with three page tables above it.
 */
static void status_of_a_bare_process(void **state)
{
	struct show *s = *state;
	char head[256];
	const char *text;

	text = show_text(s, show_status, s->t->pid);
	snprintf(head, sizeof(head),
		"Name:\tbare\nUmask:\t0022\nState:\tR (running)\nTgid:\t%u\n"
		"Ngid:\t0\nPid:\t%u\nPPid:\t1\nTracerPid:\t0\n"
		"Uid:\t1000\t1000\t1000\t1000\nGid:\t100\t100\t100\t100\n"
		"FDSize:\t64\nGroups:\t \n",
		s->t->pid, s->t->pid);
	assert_int_equal(strncmp(text, head, strlen(head)), 0);
	assert_non_null(strstr(text, "Kthread:\t0\n"
				     "VmPeak:\t     164 kB\n"
				     "VmSize:\t     164 kB\n"
				     "VmLck:\t       0 kB\n"
				     "VmPin:\t       0 kB\n"
				     "VmHWM:\t       4 kB\n"
				     "VmRSS:\t       4 kB\n"
				     "RssAnon:\t       4 kB\n"
				     "RssFile:\t       0 kB\n"
				     "RssShmem:\t       0 kB\n"
				     "VmData:\t       0 kB\n"
				     "VmStk:\t     132 kB\n"
				     "VmExe:\t       0 kB\n"
				     "VmLib:\t       8 kB\n"
				     "VmPTE:\t      12 kB\n"
				     "VmSwap:\t       0 kB\n"
				     "HugetlbPages:\t       0 kB\n"
				     "CoreDumping:\t0\n"));
	assert_non_null(strstr(text, "CapEff:\t0000000000000000\n"));
	assert_non_null(strstr(text, "Cpus_allowed:\t3\n"));
}

static void stat_has_52_fields(void **state)
{
	struct show *s = *state;
	const char *text = show_text(s, show_stat, s->t->pid);
	unsigned spaces = 0;
	char head[64];

	for (const char *p = text; *p; p++)
		spaces += *p == ' ';
	assert_int_equal(spaces, 51);
	assert_int_equal(text[strlen(text) - 1], '\n');
	snprintf(head, sizeof(head), "%u (bare) R 1 %u %u 0 -1 ", s->t->pid,
		s->t->pid, s->t->pid);
	assert_int_equal(strncmp(text, head, strlen(head)), 0);
	/* vsize, rss, rsslim */
	assert_non_null(strstr(text, " 167936 1 18446744073709551615 "));
}

static void statm_counts_pages(void **state)
{
	struct show *s = *state;

	assert_string_equal(
		show_text(s, show_statm, s->t->pid), "41 1 0 0 0 33 0\n");
	show_mmap(
		s, 0x10000000, 8 * PAGE, PROT_RW, MAP_PRIVATE_ANON | MAP_FIXED);
	show_touch(s, s->t, 0x10000000, 2 * PAGE, true);
	assert_string_equal(
		show_text(s, show_statm, s->t->pid), "49 3 0 0 0 41 0\n");
	show_mmap(s, 0x30000000, PAGE, PROT_RW, MAP_SHARED_ANON | MAP_FIXED);
	show_touch(s, s->t, 0x30000000, PAGE, true);
	assert_string_equal(
		show_text(s, show_statm, s->t->pid), "50 4 1 0 0 41 0\n");
}

static void limits_table(void **state)
{
	struct show *s = *state;
	const char *text;

	s->t->rlim[RLIM_STACK].soft = 8 * MiB;
	s->t->rlim[RLIM_NICE].soft = s->t->rlim[RLIM_NICE].hard = 0;
	text = show_text(s, show_limits, s->t->pid);
	assert_int_equal(strncmp(text,
				 "Limit                     Soft Limit         "
				 "  Hard Limit           Units     \n",
				 79),
		0);
	assert_non_null(strstr(text,
		"Max stack size            8388608              unlimited     "
		"       bytes     \n"));
	assert_non_null(strstr(text,
		"Max nice priority         0                    0             "
		"       \n"));
}

/*
 * Of P pages of RAM and swap the process has 1 and 3 tables: (1000 + 4000/P)
 * * 2 / 3 = 666.  adj 500 adds 500 * (P / 1000).  init cannot be killed.
 */
static void oom_scores(void **state)
{
	struct show *s = *state;
	int64_t total = (int64_t)(s->m->root->totalram_pages +
				  (s->m->root->config.swap >> 12));
	char want[32];

	assert_string_equal(show_text(s, show_oom_score, 1), "0\n");
	assert_string_equal(show_text(s, show_oom_score, s->t->pid), "666\n");
	assert_string_equal(show_text(s, show_oom_score_adj, s->t->pid), "0\n");
	s->t->oom_score_adj = 500;
	snprintf(want, sizeof(want), "%lld\n",
		(long long)((1000 + (4 + 500 * (total / 1000)) * 1000 / total) *
			    2 / 3));
	assert_string_equal(show_text(s, show_oom_score, s->t->pid), want);
	assert_string_equal(show_text(s, show_oom_adj, s->t->pid), "8\n");
	s->t->oom_score_adj = 999;
	assert_string_equal(show_text(s, show_oom_adj, s->t->pid), "15\n");
	s->t->oom_score_adj = (uint32_t)-1000;
	assert_string_equal(show_text(s, show_oom_score, s->t->pid), "0\n");
	assert_string_equal(
		show_text(s, show_oom_score_adj, s->t->pid), "-1000\n");
	assert_string_equal(show_text(s, show_oom_adj, s->t->pid), "-17\n");
	s->t->oom_score_adj = 0;
}

static void comm_and_no_program(void **state)
{
	struct show *s = *state;

	assert_string_equal(show_text(s, show_comm, s->t->pid), "bare\n");
	assert_string_equal(show_text(s, show_exe, s->t->pid), "");
	assert_string_equal(show_text(s, show_root_link, s->t->pid), "/");
}

static void vmas_end_with_labels(void **state)
{
	struct show *s = *state;
	const char *text;

	text = show_text(s, show_vmas, s->t->pid);
	assert_null(strstr(text, "label "));
	assert_int_equal(label_set(s->m, s->t, "buf", 3, 0x1000), 0);
	assert_int_equal(label_set(s->m, s->t, "end", 3, 0x2000), 0);
	text = strstr(show_text(s, show_vmas, s->t->pid), "label ");
	assert_non_null(text);
	assert_string_equal(text, "label name=end addr=0x2000\n"
				  "label name=buf addr=0x1000\n");
}

static void vmas_line_by_line(void **state)
{
	struct show *s = *state;
	char *part;

	part = show_part(show_text(s, show_vmas, s->t->pid),
		"vm_area_struct vm_start=0x7ffffffde000", NULL);
	assert_string_equal(part,
		"vm_area_struct vm_start=0x7ffffffde000 vm_end=0x7ffffffff000 "
		"vm_pgoff=0x7ffffffde vm_flags=0x100173 ( rd wr mr mw me gd "
		"ac ) vm_file=0 anon_vma=3 singular=1 family=2 name=[stack]\n");
	free(part);
}

/* A process without memory has names and zeros, and empty lists. */
static void zombies(void **state)
{
	struct show *s = *state;
	struct task *child = task_fork(s->m, s->t, false);
	uint32_t pid = child->pid;
	const char *text;

	task_exit(s->m, child, 0);
	assert_non_null(task_find(s->m, pid));
	assert_string_equal(show_text(s, show_maps, pid), "");
	assert_string_equal(show_text(s, show_smaps, pid), "");
	assert_string_equal(show_text(s, show_smaps_rollup, pid), "");
	assert_string_equal(show_text(s, show_pagetable, pid), "");
	assert_string_equal(show_text(s, show_vmas, pid), "");
	assert_string_equal(show_text(s, show_cmdline, pid), "");
	assert_string_equal(show_text(s, show_statm, pid), "0 0 0 0 0 0 0\n");
	text = show_text(s, show_status, pid);
	assert_non_null(strstr(text, "State:\tZ (zombie)\n"));
	assert_null(strstr(text, "VmRSS"));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, show_setup, show_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(maps_of_a_bare_process),
		TEST(maps_letters_and_offsets),
		TEST(maps_of_a_file),
		TEST(maps_of_shared_memory),
		cmocka_unit_test_setup_teardown(
			maps_on_i386, show_setup_i386, show_teardown),
		TEST(smaps_of_private_memory),
		TEST(smaps_of_the_zero_page),
		TEST(pss_keeps_twelve_bits),
		TEST(smaps_of_locked_shared_memory),
		TEST(rollup_is_the_sum),
		TEST(status_of_a_bare_process),
		TEST(stat_has_52_fields),
		TEST(statm_counts_pages),
		TEST(limits_table),
		TEST(oom_scores),
		TEST(comm_and_no_program),
		TEST(vmas_line_by_line),
		TEST(vmas_end_with_labels),
		TEST(zombies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
