/*
 * Commands that look at the state of the process: what /proc tells of it.
 * Both listeners give the files as they are; what is chosen from them is
 * chosen here.
 */
#include "script.h"

#define PAGE	   4096u
#define PM_PRESENT (1ull << 63)
#define PM_SWAPPED (1ull << 62)
#define PM_FILE	   (1ull << 61)
#define PM_GUARD   (1ull << 58)
#define PM_UFFD_WP (1ull << 57)
#define PM_EXCL	   (1ull << 56)
#define PM_SOFT	   (1ull << 55)
#define PM_PFN	   ((1ull << 55) - 1)

bool script_huge, script_hugetlb, script_gigantic;
static char text[1 << 18];

/* ---- pages -------------------------------------------------------------- */

struct bit_name {
	unsigned bit;
	const char *name;
};

/* Those flags of kpageflags that depend on nothing but the calls made. */
static void put_kpage(uint64_t pfn)
{
	static const struct bit_name names[] = {{11, "MMAP"}, {12, "ANON"},
		{14, "SWAPBACKED"}, {15, "COMPOUND_HEAD"},
		{16, "COMPOUND_TAIL"}, {17, "HUGE"}, {21, "KSM"}, {22, "THP"},
		{24, "ZERO_PAGE"}};
	uint64_t count = 0, flags = 0;
	bool first = true;

	host_kpage(pfn, &count, &flags);
	put_text(" mapcount=");
	put_dec((int64_t)count);
	put_text(" kpf=");
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
		/* When MADV_FREE takes SWAPBACKED away is the LRU's matter. */
		if (!(flags >> names[i].bit & 1) ||
			(script_huge && names[i].bit == 14))
			continue;
		if (!first)
			put_char(',');
		put_text(names[i].name);
		first = false;
	}
}

static void put_page(uint64_t addr, bool kernel)
{
	uint64_t v = 0;
	int64_t r = host_pagemap(addr / PAGE, 1, &v);

	put_hex(addr);
	put_char(' ');
	if (r != 8) {
		put_text("pagemap=");
		put_result(r);
		put_char('\n');
		return;
	}
	put_text(v & PM_PRESENT	  ? "present"
		 : v & PM_SWAPPED ? "swapped"
				  : "none");
	if (v & PM_FILE)
		put_text(" file/shared");
	if (v & PM_GUARD)
		put_text(" guard");
	if (v & PM_UFFD_WP)
		put_text(" uffd-wp");
	if (v & PM_EXCL)
		put_text(" exclusive");
	if (v & PM_SOFT)
		put_text(" soft-dirty");
	if (kernel && v & PM_PRESENT)
		put_kpage(v & PM_PFN);
	put_char('\n');
}

static void look_pages(char **word, int nr, bool kernel)
{
	uint64_t addr = script_value(word[1]) & ~(uint64_t)(PAGE - 1);
	uint64_t end = script_value(word[1]) + script_value(word[2]);

	for (; addr < end; addr += PAGE)
		put_page(addr, kernel);
}

/* ---- lines of text files ------------------------------------------------ */

static bool wanted(const char *p, char **field, int nr)
{
	if (!nr)
		return true;
	for (int i = 0; i < nr; i++)
		if (text_starts(p, field[i]) && p[text_len(field[i])] == ':')
			return true;
	return false;
}

/* A line that begins with an address: those of fields do with a capital. */
static bool is_range(const char *p)
{
	return (*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'f');
}

static void look_smaps(char **word, int nr)
{
	uint64_t addr = script_value(word[1]);
	bool in = false;

	host_proc("smaps", text, sizeof(text));
	for (const char *p = text; *p; p = line_end(p)) {
		if (is_range(p)) {
			const char *q = p;
			uint64_t start = text_hex(&q);

			q++;
			in = addr >= start && addr < text_hex(&q);
		} else if (in && wanted(p, word + 2, nr - 2)) {
			put_line(p);
		}
	}
}

static void look_lines(const char *file, char **field, int nr)
{
	host_proc(file, text, sizeof(text));
	for (const char *p = text; *p; p = line_end(p))
		if (wanted(p, field, nr))
			put_line(p);
}

/* The number behind the label of a line of smaps. */
static uint64_t number_in(const char *p)
{
	uint64_t v = 0;

	while (*p && (*p < '0' || *p > '9'))
		p++;
	while (*p >= '0' && *p <= '9')
		v = v * 10 + (uint64_t)(*p++ - '0');
	return v;
}

/* Field n of stat, counted from 1; the first two are behind us. */
static uint64_t stat_field(unsigned n)
{
	const char *p = text;
	uint64_t v = 0;

	while (*p && *p != ')')
		p++;
	for (unsigned i = 2; *p && i < n; p++)
		i += *p == ' ';
	while (*p >= '0' && *p <= '9')
		v = v * 10 + (uint64_t)(*p++ - '0');
	return v;
}

static void look_stat(char **field, int nr)
{
	host_proc("stat", text, sizeof(text));
	put_text("stat");
	for (int i = 0; i < nr; i++) {
		put_char(' ');
		put_hex(stat_field((unsigned)script_value(field[i])));
	}
	put_char('\n');
}

/* Lines of limits by number, the header's is 0. */
static void look_limits(char **want, int nr)
{
	uint64_t n = 0;

	host_proc("limits", text, sizeof(text));
	for (const char *p = text; *p; p = line_end(p), n++)
		for (int i = 0; i < nr; i++)
			if (script_value(want[i]) == n)
				put_line(p);
}

/* Every byte of a file, in hex. */
static void look_bytes(const char *file)
{
	size_t n = host_proc(file, text, sizeof(text));

	put_text(file);
	for (size_t i = 0; i < n; i++) {
		put_char(i % 8 ? '-' : ' ');
		put_char("0123456789abcdef"[(uint8_t)text[i] >> 4]);
		put_char("0123456789abcdef"[text[i] & 15]);
	}
	put_char('\n');
}

uint64_t look_memory(void)
{
	static char *const fields[] = {(char *)"MemTotal", (char *)"SwapTotal"};
	uint64_t kb = 0;

	host_proc("/meminfo", text, sizeof(text));
	for (const char *p = text; *p; p = line_end(p))
		if (wanted(p, (char **)fields, 2))
			kb += number_in(p);
	return kb << 10;
}

/*
 * Committed_AS since the first time, in units of 2^shift bytes: much larger
 * than what other processes do meanwhile.
 */
static void look_committed(unsigned shift)
{
	static int64_t before;
	static bool begun;
	char *field = (char *)"Committed_AS";
	int64_t now = 0;

	host_proc("/meminfo", text, sizeof(text));
	for (const char *p = text; *p; p = line_end(p))
		if (wanted(p, &field, 1))
			now = (int64_t)number_in(p) << 10;
	if (!begun)
		before = now;
	begun = true;
	put_text("committed ");
	put_dec((now - before + (1ll << (shift - 1))) >> shift);
	put_char('\n');
}

/* ---- everything at once ------------------------------------------------- */

/* One digit a page: 8 present, 4 file, 2 guard, 1 exclusive; s: in swap. */
static char page_digit(uint64_t v)
{
	uint64_t d = 0;

	if (v & PM_SWAPPED && !(v & PM_GUARD))
		return v & PM_FILE ? 'S' : 's';
	d |= v & PM_PRESENT ? 8 : 0;
	d |= v & PM_FILE ? 4 : 0;
	d |= v & PM_GUARD ? 2 : 0;
	d |= v & PM_EXCL ? 1 : 0;
	return d ? "0123456789abcdef"[d] : '.';
}

/* With huge pages there are many: DIGIT*COUNT for each run of equal ones. */
static void put_run(char c, int64_t nr)
{
	if (!nr)
		return;
	put_char(c);
	put_char('*');
	put_dec(nr);
	put_char(' ');
}

static void put_runs(uint64_t page, uint64_t end)
{
	static uint64_t word[512];
	char last = 0;
	int64_t run = 0;

	while (page < end) {
		uint64_t nr = end - page < 512 ? end - page : 512;

		if (host_pagemap(page, nr, word) != (int64_t)nr * 8)
			break;
		for (uint64_t i = 0; i < nr; i++, run++) {
			char c = page_digit(word[i]);

			if (c == last)
				continue;
			put_run(last, run);
			last = c;
			run = 0;
		}
		page += nr;
	}
	put_run(last, run);
}

/* Of the first GiB. */
#define PAGES_MAX (1u << 18)

static void put_pages(uint64_t page, uint64_t end)
{
	static uint64_t word[64];
	uint64_t nr = end - page;

	if (nr > 64) {
		put_runs(page, nr < PAGES_MAX ? end : page + PAGES_MAX);
		return;
	}
	if (host_pagemap(page, nr, word) != (int64_t)nr * 8)
		put_char('?');
	for (uint64_t i = 0; i < nr; i++)
		put_char(page_digit(word[i]));
}

static void put_pagemap(uint64_t start, uint64_t end)
{
	put_text(" pages=");
	if (script_huge)
		put_runs(start / PAGE, end / PAGE);
	else
		put_pages(start / PAGE, end / PAGE);
	put_char('\n');
}

struct clean_dirty {
	uint64_t clean, dirty;
};

static void put_sum(const char *name, struct clean_dirty n, bool sum)
{
	put_text(name);
	put_dec((int64_t)(sum ? n.clean + n.dirty : n.clean));
	if (sum)
		return;
	put_char('/');
	put_dec((int64_t)n.dirty);
}

/* Of a file, whose dirty pages are written back some time: then only the sums
 * of Clean and Dirty are told. */
static bool is_of_disk(const char *p)
{
	while (*p != '\n' && !text_starts(p, " /tmp/") &&
		!text_starts(p, " /mnt/"))
		p++;
	return *p != '\n';
}

static void put_vma(uint64_t start, uint64_t end, const char *p)
{
	bool sums = script_hugetlb || is_of_disk(p);
	static const char *const fields[] = {"Rss", "Pss", "Anonymous",
		"Locked", "Swap", "AnonHugePages", "ShmemPmdMapped",
		"FilePmdMapped", "THPeligible", "KernelPageSize",
		"Shared_Hugetlb", "Private_Hugetlb"};
	unsigned nr = script_hugetlb ? 12 : script_huge ? 9 : 5;
	struct clean_dirty shared = {0}, private = {0};

	for (p = line_end(p); *p && !is_range(p); p = line_end(p)) {
		for (unsigned i = 0; i < nr; i++) {
			if (!text_starts(p, fields[i]) ||
				p[text_len(fields[i])] != ':')
				continue;
			put_char(' ');
			put_text(fields[i]);
			put_char('=');
			put_dec((int64_t)number_in(p));
		}
		if (text_starts(p, "Shared_C"))
			shared.clean = number_in(p);
		if (text_starts(p, "Shared_D"))
			shared.dirty = number_in(p);
		if (text_starts(p, "Private_C"))
		private.clean = number_in(p);
		if (text_starts(p, "Private_D"))
		private.dirty = number_in(p);
		if (text_starts(p, "VmFlags:")) {
			put_char(' ');
			for (p += 9; *p && *p != '\n'; p++)
				put_char(*p);
		}
	}
	put_sum(" shared=", shared, sums);
	put_sum(" private=", private, sums);
	put_pagemap(start, end);
}

/* The lines of maps; the listener's own are hidden unless told otherwise.  With
 * very many mappings only the first are there: those that begin below `top`. */
static void look_maps(const char *what, uint64_t top)
{
	host_proc("maps", text, sizeof(text));
	for (const char *p = text; *p; p = line_end(p)) {
		const char *q = p;
		uint64_t start = text_hex(&q), end;

		q++;
		end = text_hex(&q);
		if (start < top &&
			(text_eq(what, "all") || host_is_own(start, end) ==
							 text_eq(what, "own")))
			put_maps_line(p, line_end(p));
	}
}

/* [vvar] and the like: every process of the machine has their pages. */
static bool is_special(const char *p)
{
	while (*p != '\n' && *p != '[')
		p++;
	return p[0] == '[' && p[1] == 'v';
}

/* Each mapping's line, what smaps tells of it, and its pages. */
static void look_state(void)
{
	static char *fields[] = {(char *)"VmPeak", (char *)"VmSize",
		(char *)"VmLck", (char *)"VmData", (char *)"VmStk",
		(char *)"VmExe", (char *)"VmLib", (char *)"VmPTE",
		(char *)"RssAnon", (char *)"RssShmem", (char *)"VmSwap",
		(char *)"Uid", (char *)"Gid", (char *)"CapInh",
		(char *)"CapPrm", (char *)"CapEff", (char *)"CapBnd",
		(char *)"CapAmb", (char *)"NoNewPrivs"};
	static char *pool[] = {(char *)"HugetlbPages",
		(char *)"HugePages_Total", (char *)"HugePages_Free",
		(char *)"HugePages_Rsvd", (char *)"HugePages_Surp"};

	host_proc("smaps", text, sizeof(text));
	for (const char *p = text; *p; p = line_end(p)) {
		const char *q = p;
		uint64_t start, end;

		if (!is_range(p))
			continue;
		start = text_hex(&q);
		q++;
		end = text_hex(&q);
		if (host_is_own(start, end))
			continue;
		put_maps_line(p, line_end(p));
		if (!host_is_own_part(start, end) && !is_special(p))
			put_vma(start, end, p);
	}
	look_lines("status", fields, sizeof(fields) / sizeof(*fields));
	if (script_hugetlb)
		look_lines("status", pool, 1);
	if (script_hugetlb && !script_gigantic)
		look_lines("/meminfo", pool + 1, 4);
}

/* ---- faults ------------------------------------------------------------- */

#define MAX_DEPTH 32

/* Of the process, and of those that wait for its end. */
static uint64_t faults_before[MAX_DEPTH][2];
static int depth;

void look_faults_begin(void)
{
	host_faults(faults_before[depth]);
}

void look_child_begins(void)
{
	depth += depth < MAX_DEPTH - 1;
	look_faults_begin();
}

void look_child_ends(void)
{
	depth -= depth > 0;
}

static void look_faults(void)
{
	uint64_t now[2];

	host_faults(now);
	put_text("minflt=");
	put_dec((int64_t)(now[0] - faults_before[depth][0]));
	put_text(" majflt=");
	put_dec((int64_t)(now[1] - faults_before[depth][1]));
	put_char('\n');
	faults_before[depth][0] = now[0];
	faults_before[depth][1] = now[1];
}

bool look_command(char **word, int nr)
{
	const char *c = word[0];

	if (text_eq(c, "pages") && nr > 2)
		look_pages(word, nr, false);
	else if (text_eq(c, "kpages") && nr > 2)
		look_pages(word, nr, true);
	else if (text_eq(c, "smaps") && nr > 1)
		look_smaps(word, nr);
	else if (text_eq(c, "status") || text_eq(c, "statm"))
		look_lines(c, word + 1, nr - 1);
	else if (text_eq(c, "committed") && nr > 1)
		look_committed((unsigned)script_value(word[1]));
	else if (text_eq(c, "meminfo"))
		look_lines("/meminfo", word + 1, nr - 1);
	else if (text_eq(c, "stat"))
		look_stat(word + 1, nr - 1);
	else if (text_eq(c, "limits"))
		look_limits(word + 1, nr - 1);
	else if (text_eq(c, "cmdline") || text_eq(c, "environ") ||
		 text_eq(c, "auxv"))
		look_bytes(c);
	else if (text_eq(c, "faults"))
		look_faults();
	else if (text_eq(c, "state"))
		look_state();
	else if (text_eq(c, "dump") && nr > 2)
		look_maps("", script_value(word[2]));
	else if (text_eq(c, "dump"))
		look_maps(nr > 1 ? word[1] : "", UINT64_MAX);
	else if (text_eq(c, "clear_refs") && nr > 1) {
		put_result(host_clear_refs(word[1]));
		put_char('\n');
	} else
		return false;
	return true;
}
