/*
 * cpu/N/{regs,tlb,walk} and proc/PID/pagetable: what they print can be found
 * by hand in phys/ram.
 */
#include "../../fs/pte_text.h"
#include "show_fixture.h"

#define BASE 0x10000000ull

/* The answer to one question, NUL-terminated. */
static const char *ask(struct show *s, unsigned cpu, const char *line, int want)
{
	s->b.len = 0;
	assert_int_equal(
		query_walk(&s->b, &s->view, cpu, line, strlen(line)), want);
	sbuf_char(&s->b, 0);
	return s->b.data;
}

/* The hex number after a word of a line. */
static uint64_t hex_after(const char *line, const char *word)
{
	const char *p = strstr(line, word);

	assert_non_null(p);
	return strtoull(p + strlen(word), NULL, 16);
}

/* ---- letters ---- */

static void letters_of_entries(void **state)
{
	struct show *s = *state;
	const struct {
		unsigned level;
		uint64_t entry;
		const char *text;
	} row[] = {
		{3, 0, "----------"},
		{3, 0x8000000001f44067, "PWUAD---X-"},
		{3, 0x1f44025, "P-UA------"},
		/* the zero page: special, read-only */
		{3, 0x8000000003000225, "P-UA---SX-"},
		/* bit 8 is global when present, PROT_NONE when not */
		{3, 0x80000000000001e3, "PW-AD-G-X-"},
		{3, 0x1f44160, "---AD----K"},
		/* bit 7 is huge above the last level, PAT in it */
		{2, 0x80000000000001e3, "PW-ADHG-X-"},
		{3, 0x1f440e7, "PWUAD-----"},
		/* D means nothing in an entry that points to a table */
		{1, 0x1f41067, "PWUA------"},
	};

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char got[PTE_TEXT_LEN + 1];

		pte_text(s->m, row[i].level, row[i].entry, got);
		assert_string_equal(got, row[i].text);
	}
}

/* ---- walk ---- */

/*
 * Follows the answer as a person would: `at` lies in the table that the line
 * before named, phys/ram holds `raw` there, and the end is the frame.
 */
static void check_walk(struct show *s, const char *text, vaddr_t va)
{
	const struct arch *a = s->m->arch;
	uint64_t table = hex_after(text, "cr3 0x") & a->pte.addr, raw = 0;
	const char *p = text;

	for (unsigned l = 0; l < a->nr_levels; l++) {
		unsigned i = arch_index(a, l, va);
		char head[32];

		p = strchr(p, '\n') + 1;
		snprintf(head, sizeof(head), "%s[%u] at ", a->level[l].name, i);
		assert_true(show_starts(p, head));
		assert_int_equal(
			hex_after(p, " at 0x"), table + i * a->entry_bytes);
		raw = 0;
		pread_ram(&s->view, 0, &raw, a->entry_bytes,
			hex_after(p, " at 0x"));
		assert_int_equal(hex_after(p, " raw 0x"), raw);
		table = hex_after(p, " next 0x");
		assert_int_equal(table, raw & a->pte.addr);
	}
	p = strchr(p, '\n') + 1;
	assert_int_equal(hex_after(p, "physical 0x"), table + va % PAGE);
	assert_non_null(strstr(p, " page 4096 rights "));
}

static void walks_by_pid(void **state)
{
	struct show *s = *state;
	char line[64];
	const char *text;

	show_mmap(s, BASE, 2 * PAGE, PROT_RW, MAP_PRIVATE_ANON | MAP_FIXED);
	show_touch(s, s->t, BASE + PAGE, 1, true);
	snprintf(line, sizeof(line), "%u 0x10001234", s->t->pid);
	text = ask(s, 0, line, 0);
	check_walk(s, text, 0x10001234);
	assert_non_null(strstr(text, " rights rw"));
	/* the page before was never touched */
	snprintf(line, sizeof(line), "%u  0x10000000", s->t->pid);
	text = ask(s, 0, line, 0);
	assert_non_null(strstr(text, "\nstopped pte: the entry is empty\n"));
	assert_null(strstr(text, "physical"));
}

/* Without a PID: from CR3, whose process ran last. */
static void walks_from_cr3(void **state)
{
	struct show *s = *state;
	char head[64];
	const char *text;

	show_mmap(s, BASE, PAGE, PROT_RW, MAP_PRIVATE_ANON | MAP_FIXED);
	show_touch(s, s->t, BASE, 1, true);
	text = ask(s, s->t->cpu, "\t268435456 ", 0);
	check_walk(s, text, BASE);
	snprintf(head, sizeof(head), "cr3 0x%llx pid %u\n",
		(unsigned long long)s->m->root->cpu[s->t->cpu].cr3, s->t->pid);
	assert_true(show_starts(text, head));
}

static void walks_by_label(void **state)
{
	struct show *s = *state;
	char line[64];

	show_mmap(s, BASE, PAGE, PROT_RW, MAP_PRIVATE_ANON | MAP_FIXED);
	show_touch(s, s->t, BASE, 1, true);
	assert_int_equal(label_set(s->m, s->t, "here", 4, BASE), 0);
	snprintf(line, sizeof(line), "%u here+0x10", s->t->pid);
	check_walk(s, ask(s, 0, line, 0), BASE + 0x10);
	snprintf(line, sizeof(line), "%u stack", s->t->pid);
	check_walk(s, ask(s, 0, line, 0), mm_at(s->m, s->t->mm)->start_stack);
}

static void walks_that_stop(void **state)
{
	struct show *s = *state;
	char line[64];

	show_mmap(s, BASE, PAGE, PROT_RW, MAP_PRIVATE_ANON | MAP_FIXED);
	show_touch(s, s->t, BASE, 1, true);
	assert_int_equal(mm_mprotect(s->m, s->t, BASE, PAGE, PROT_NONE), 0);
	snprintf(line, sizeof(line), "%u 0x10000000", s->t->pid);
	assert_non_null(strstr(ask(s, 0, line, 0),
		"\nstopped pte: the page is kept without any right\n"));
	snprintf(line, sizeof(line), "%u 0x600000000000", s->t->pid);
	assert_non_null(strstr(
		ask(s, 0, line, 0), "\nstopped pgd: the entry is empty\n"));
	snprintf(line, sizeof(line), "%u 0x800000000000", s->t->pid);
	assert_non_null(strstr(ask(s, 0, line, 0),
		"stopped before the walk: 0x800000000000 is not canonical"));
	/* the kernel's direct map: a huge page, not for the user */
	assert_non_null(strstr(ask(s, 0, "0xffff888000000123", 0),
		"\nphysical 0x123 page 2097152 rights rw--\n"));
}

static void questions_refused(void **state)
{
	struct show *s = *state;
	static const struct {
		const char *line;
		int err;
		const char *text;
	} row[] = {
		{"", EINVAL, "no address in ''"},
		{"  ", EINVAL, "no address in ''"},
		{"nonsense", EINVAL, "no address: 'nonsense'"},
		{"0x", EINVAL, "no address: '0x'"},
		{"08", EINVAL, "no address: '08'"},
		{"0x10000000000000000", EINVAL, "no address: '0x1"},
		{"99 0x1000", ESRCH, "no process with memory has PID '99'"},
		{"x 0x1000", EINVAL, "no PID: 'x'"},
		{"4294967297 0x1000", EINVAL, "no PID: '4294967297'"},
		{"1 2 3", EINVAL, "one word too many: '3'"},
	};

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		assert_true(show_starts(
			ask(s, 0, row[i].line, -row[i].err), row[i].text));
}

/* ---- pagetable ---- */

/*
 * Checks one leaf line against the page table: its entries have the bits of
 * the first and frames in a row.  Returns how many there are.
 */
static unsigned check_run(struct show *s, const char *line)
{
	const struct mm *mm = mm_at(s->m, s->t->mm);
	uint64_t addr = s->m->arch->pte.addr, raw = hex_after(line, " raw 0x");
	vaddr_t va = strtoull(strstr(line, "] ") + 2, NULL, 16);
	vaddr_t end = hex_after(strstr(line, "] "), "-");
	char *dash;
	uint64_t first = strtoull(strstr(line, " frame 0x") + 9, &dash, 16);
	uint64_t last = *dash == '-' ? strtoull(dash + 1, NULL, 16) : first;
	int64_t step = last > first ? 1 : last < first ? -1 : 0;
	unsigned nr = (unsigned)((end - va) / PAGE);

	for (unsigned i = 0; i < nr; i++) {
		uint64_t e = pt_get(s->m, mm, va + i * PAGE);

		assert_int_equal(e & ~addr, raw & ~addr);
		assert_int_equal(e / PAGE & 0xffffffffff,
			(raw / PAGE & 0xffffffffff) + (uint64_t)(step * i));
	}
	return nr;
}

/* Five pages, a hole of one, two more: the lines cover just these. */
static void pagetable_collapses_runs(void **state)
{
	struct show *s = *state;
	unsigned pages = 0, lines = 0;
	const char *text;

	show_mmap(s, BASE, 8 * PAGE, PROT_RW, MAP_PRIVATE_ANON | MAP_FIXED);
	show_touch(s, s->t, BASE, 5 * PAGE, true);
	show_touch(s, s->t, BASE + 6 * PAGE, 2 * PAGE, true);
	text = show_text(s, show_pagetable, s->t->pid);
	assert_true(show_starts(text, "# LEVEL[INDEX] START-END"));
	for (const char *p = text; (p = strstr(p, " pte[")); p++) {
		if (strtoull(strstr(p, "] ") + 2, NULL, 16) > BASE + 8 * PAGE)
			continue;
		pages += check_run(s, p);
		lines++;
	}
	assert_int_equal(pages, 7);
	assert_in_range(lines, 2, 6);
	assert_null(strstr(text, "pte[5]"));
	assert_null(strstr(text, "pte[5-"));
	assert_non_null(strstr(text, "pte[0"));
}

/* The kernel's 4 MiB pages of i386 follow one another 1024 frames apart. */
static void pagetable_collapses_huge_pages(void **state)
{
	struct show *s = *state;
	const char *text = show_text(s, show_pagetable, s->t->pid);
	const char *p = strstr(text, "\npgd[768-");
	unsigned last;

	assert_non_null(p);
	last = (unsigned)strtoul(p + 9, NULL, 10);
	assert_true(last > 768);
	assert_int_equal(hex_after(p, " frame 0x0-0x"), (last - 768) * 1024);
	assert_null(strstr(p + 1, "\npgd["));
}

/* Entries that differ in one bit stay apart; equal frames (the zero page) and
 * equal bits share a line without a range of frames. */
static void pagetable_keeps_differences(void **state)
{
	struct show *s = *state;
	char zero[32];
	const char *p, *text;

	show_mmap(s, BASE, 8 * PAGE, PROT_RW, MAP_PRIVATE_ANON | MAP_FIXED);
	show_touch(s, s->t, BASE, 2 * PAGE, true);
	show_touch(s, s->t, BASE + 2 * PAGE, 3 * PAGE, false);
	text = show_text(s, show_pagetable, s->t->pid);
	p = strstr(text, "pte[2-4] 10002000-10005000 at 0x");
	assert_non_null(p);
	snprintf(zero, sizeof(zero), " frame 0x%x\n", s->m->root->zero_pfn);
	assert_true(show_starts(strstr(p, " frame"), zero));
}

/*
 * Each pointer's table is the parent of what is indented below it, and the
 * kernel's half is one line for each top entry.
 */
static void pagetable_is_a_tree(void **state)
{
	struct show *s = *state;
	const struct arch *a = s->m->arch;
	uint64_t table[MAX_LEVELS] = {mm_at(s->m, s->t->mm)->pgd};
	const char *p = strchr(show_text(s, show_pagetable, s->t->pid), '\n');

	for (p++; *p; p = strchr(p, '\n') + 1) {
		unsigned level = (unsigned)strspn(p, " ") / 2;
		uint64_t at = hex_after(p, " at 0x"), raw = 0;
		const char *end = strchr(p, '\n'), *t = strstr(p, " table 0x");

		assert_true(level < a->nr_levels);
		assert_true(show_starts(p + 2 * level, a->level[level].name));
		assert_int_equal(at / PAGE, table[level]);
		pread_ram(&s->view, 0, &raw, a->entry_bytes, at);
		assert_int_equal(hex_after(p, " raw 0x"), raw);
		if (t && t < end)
			table[level + 1] = hex_after(t, " table 0x");
	}
}

/* A line's text for the page at va, from its letters on. */
static const char *said_of(struct show *s, vaddr_t va)
{
	static char said[128];
	char start[32];
	const char *p;

	snprintf(start, sizeof(start), "] %llx-", (unsigned long long)va);
	p = strstr(show_text(s, show_pagetable, s->t->pid), start);
	if (!p)
		return "";
	p = strchr(strstr(p, " raw ") + 5, ' ') + 1;
	snprintf(said, sizeof(said), "%.*s", (int)strcspn(p, "\n"), p);
	return said;
}

/* What maps nothing has no frame and no letters: pages in swap, guards. */
static void pagetable_has_no_frame_for_them(void **state)
{
	struct show *s = *state;
	const vaddr_t third = BASE + 2 * PAGE, guard = BASE + 6 * PAGE;
	char line[64];

	show_mmap(s, BASE, 8 * PAGE, PROT_RW, MAP_PRIVATE_ANON | MAP_FIXED);
	show_touch(s, s->t, BASE, 8 * PAGE, true);
	assert_int_equal(mm_madvise(s->m, s->t, third, 4 * PAGE, 21), 0);
	assert_string_equal(
		said_of(s, third), "---------- swap 0 offset 0x1-0x4");
	assert_int_equal(mm_madvise(s->m, s->t, guard, PAGE, 102), 0);
	assert_string_equal(said_of(s, guard), "---------- guard");
	assert_non_null(strstr(said_of(s, guard + PAGE), " frame 0x"));
	snprintf(line, sizeof(line), "%u 0x%llx", s->t->pid,
		(unsigned long long)(third + PAGE));
	assert_non_null(strstr(ask(s, 0, line, 0),
		" ----------\nstopped pte: the page is in swap 0 at offset "
		"0x2\n"));
	snprintf(line, sizeof(line), "%u 0x%llx", s->t->pid,
		(unsigned long long)guard);
	assert_non_null(strstr(ask(s, 0, line, 0),
		"\nstopped pte: the page is a guard, each access is "
		"SIGSEGV\n"));
}

static void pagetable_ends_at_the_top(void **state)
{
	struct show *s = *state;

	assert_non_null(strstr(show_text(s, show_pagetable, s->t->pid),
		"pgd[511] ffffff8000000000-10000000000000000 at 0x"));
}

/* ---- regs, tlb ---- */

static void regs_after_a_fault(void **state)
{
	struct show *s = *state;
	struct sigfault f;
	const char *text;
	char line[64];

	assert_int_equal(
		mem_access(s->m, s->t, 0x10, 1, ACC_WRITE, NULL, &f), -EFAULT);
	text = show_text(s, show_regs, s->t->cpu);
	assert_true(show_starts(text, "cr0 0x80050033\ncr2 0x10\ncr3 0x"));
	/* a store (2) from user mode (4) to a page that is not there */
	assert_non_null(strstr(text, "\nerror_code 0x6\n"));
	snprintf(line, sizeof(line), "\ncurrent %u\npcid ", s->t->pid);
	assert_non_null(strstr(text, line));
	text = show_text(s, show_regs, 1 - s->t->cpu);
	assert_non_null(strstr(text, "\ncr2 0x0\n"));
	assert_non_null(strstr(text, "\ncurrent 0\n"));
}

static void tlb_line_of_a_store(void **state)
{
	struct show *s = *state;
	char line[96];
	const char *text;
	unsigned pcid = 0;

	show_mmap(s, BASE, 2 * PAGE, PROT_RW, MAP_PRIVATE_ANON | MAP_FIXED);
	assert_true(show_starts(show_text(s, show_tlb, 1 - s->t->cpu),
		"level set way va pfn rights pcid size\n"));
	show_touch(s, s->t, BASE, 1, true);
	text = show_text(s, show_regs, s->t->cpu);
	pcid = (unsigned)show_number(text, "pcid ");
	snprintf(line, sizeof(line), " 0x10000000 0x%x rw-ud- %u 4K\n",
		pte_pfn(s->m, pt_get(s->m, mm_at(s->m, s->t->mm), BASE)), pcid);
	text = show_text(s, show_tlb, s->t->cpu);
	assert_true(
		show_starts(text, "level set way va pfn rights pcid size\n1 "));
	assert_non_null(strstr(text, line));
	/* level 2 has it too */
	assert_non_null(strstr(strstr(text, "\n2 "), line));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, show_setup, show_teardown)
#define TEST_I386(fn) \
	cmocka_unit_test_setup_teardown(fn, show_setup_i386, show_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(letters_of_entries),
		TEST(walks_by_pid),
		TEST_I386(walks_by_pid),
		TEST(walks_from_cr3),
		TEST_I386(walks_from_cr3),
		TEST(walks_by_label),
		TEST(walks_that_stop),
		TEST(questions_refused),
		TEST(pagetable_collapses_runs),
		TEST_I386(pagetable_collapses_runs),
		TEST_I386(pagetable_collapses_huge_pages),
		TEST(pagetable_keeps_differences),
		TEST(pagetable_has_no_frame_for_them),
		TEST_I386(pagetable_has_no_frame_for_them),
		TEST(pagetable_is_a_tree),
		TEST_I386(pagetable_is_a_tree),
		TEST(pagetable_ends_at_the_top),
		TEST(regs_after_a_fault),
		TEST(tlb_line_of_a_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
