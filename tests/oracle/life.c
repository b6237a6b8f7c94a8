/*
 * Commands about processes and threads, and everything that their files tell.
 *
 * What is no matter of the calls made is left out.  Of stat: times (14-17, 22,
 * 42), rss (24: the kernel shows a counter that lags behind by up to 32 pages a
 * CPU; statm and status have the exact one), pending signals (31: a traced
 * process gets SIGCHLD where others ignore it), wchan (35), the processor (39);
 * of the flags (9) whether a privilege was ever used, and NOFREEZE, which comes
 * a moment after the end.  Of status: State (whoever lives is stopped by the
 * tracer) and TracerPid, VmHWM (a peak of the counter that lags), SigQ and what
 * is pending, switches, and what the host's processors, kernel configuration
 * and groups put there.  Of numa_maps dirty=, active=, and
 * mapped= (left out where all are dirty), of smaps_rollup what
 * is clean, dirty or referenced, matters of writeback and of batches, and the
 * share of files, of which the vdso is one that all processes map.
 */
#include "life.h"
#include "script.h"
#include "stub.h"

#define VFORK  0x4000u
#define THREAD 0x10000u

const char *const life_programs[STUB_NAMES] = {
	STUB_PATH, STUB_PATH32, STUB_COPY, STUB_COPY32};

static char text[1 << 16];

/* ---- files -------------------------------------------------------------- */

/* Whoever is not dead is stopped by its tracer, or runs. */
static char state_letter(char c)
{
	return c == 'Z' || c == 'D' ? c : '*';
}

static bool stat_field_skipped(unsigned n)
{
	return (n >= 14 && n <= 17) || n == 22 || n == 24 || n == 31 ||
	       n == 35 || n == 39 || n == 42;
}

#define SUPERPRIV 0x100u
#define NOFREEZE  0x8000u

static void put_flags(const char *p)
{
	uint64_t v = 0;

	while (*p >= '0' && *p <= '9')
		v = v * 10 + (uint64_t)(*p++ - '0');
	put_char(' ');
	put_hex(v & ~(uint64_t)(SUPERPRIV | NOFREEZE));
}

static void put_stat(void)
{
	unsigned n = 1;

	host_proc("stat", text, sizeof(text));
	put_text("stat ");
	for (const char *p = text; *p && *p != '\n'; p++) {
		n += *p == ' ';
		if (n == 3 && *p != ' ')
			put_char(state_letter(*p));
		else if (n == 9 && *p == ' ')
			put_flags(p + 1);
		else if (n == 9)
			continue;
		else if (!stat_field_skipped(n))
			put_char(*p);
	}
	put_char('\n');
}

static void put_status(void)
{
	static const char *const skipped[] = {"State", "TracerPid", "SigQ",
		"SigPnd", "ShdPnd", "VmHWM", "Speculation", "Cpus_", "Mems_",
		"voluntary", "nonvoluntary", "Groups", "untag_mask",
		"x86_Thread"};

	host_proc("status", text, sizeof(text));
	for (const char *p = text; *p; p = line_end(p)) {
		unsigned i = 0, nr = sizeof(skipped) / sizeof(*skipped);

		while (i < nr && !text_starts(p, skipped[i]))
			i++;
		if (i == nr)
			put_line(p);
	}
}

static void put_file(const char *name)
{
	host_proc(name, text, sizeof(text));
	for (const char *p = text; *p; p = line_end(p)) {
		put_text(name);
		put_char(' ');
		put_line(p);
	}
}

static void put_rollup(void)
{
	static const char *const fields[] = {"Rss", "Pss_Anon", "Pss_Shmem",
		"Anonymous", "AnonHuge", "Shmem", "File", "Shared_H",
		"Private_H", "Swap", "Locked"};

	host_proc("smaps_rollup", text, sizeof(text));
	for (const char *p = text; *p; p = line_end(p))
		for (unsigned i = 0; i < sizeof(fields) / sizeof(*fields); i++)
			if (text_starts(p, fields[i])) {
				put_text("rollup ");
				put_line(p);
			}
}

static void put_numa_maps(void)
{
	host_proc("numa_maps", text, sizeof(text));
	for (const char *p = text; *p; p++) {
		while (text_starts(p, " dirty=") ||
			text_starts(p, " mapped=") ||
			text_starts(p, " active="))
			for (p++; *p != ' ' && *p != '\n';)
				p++;
		put_char(*p);
	}
}

static void put_map_files(void)
{
	host_proc("map_files", text, sizeof(text));
	put_text("map_files");
	for (const char *p = text; *p; p = line_end(p)) {
		put_char(' ');
		for (const char *q = p; *q && *q != '\n'; q++)
			put_char(*q);
	}
	put_char('\n');
}

/* To the nearest multiple of 4, because the counter that lags goes into it. */
static void put_oom_score(void)
{
	uint64_t v = 0;

	host_proc("oom_score", text, sizeof(text));
	for (const char *p = text; *p >= '0' && *p <= '9'; p++)
		v = v * 10 + (uint64_t)(*p - '0');
	put_text("oom_score ");
	put_dec((int64_t)((v + 2) / 4 * 4));
	put_char('\n');
}

/* Everything that the files of a task tell. */
static void put_life(void)
{
	put_stat();
	put_status();
	put_file("statm");
	put_oom_score();
	put_file("oom_score_adj");
	put_file("limits");
	put_file("personality");
	put_rollup();
	put_numa_maps();
	put_map_files();
}

/* One line a task, and its memory. */
static void put_tree(void)
{
	uint32_t was = life_chosen();

	for (uint32_t t = life_next(0); t; t = life_next(t)) {
		life_choose(t);
		put_stat();
		put_file("statm");
	}
	life_choose(was);
}

/* ---- commands ----------------------------------------------------------- */

static uint64_t clone_flags(const char *s)
{
	return text_eq(s, "fork")     ? 0
	       : text_eq(s, "vfork")  ? 0x100 | VFORK
	       : text_eq(s, "vm")     ? 0x100
	       : text_eq(s, "thread") ? 0x100 | 0x800 | THREAD
				      : script_value(s);
}

/* Of life_programs; the task's own if it has no name. */
static unsigned program(const char *s)
{
	static const char *const names[] = {"64", "32", "copy64", "copy32"};
	unsigned i = 0;

	if (!s)
		return life_is32();
	while (i < STUB_NAMES - 1 && !text_eq(names[i], s))
		i++;
	return i;
}

static uint64_t value_in(char **word, int nr, int i)
{
	return i < nr ? script_value(word[i]) : 0;
}

static void answer(int64_t r)
{
	if (r < 0)
		put_result(r);
	else
		put_dec(r);
	put_char('\n');
}

static void run_life(char **word, int nr)
{
	const char *c = word[0];

	if (text_eq(c, "clone"))
		answer(life_clone(clone_flags(word[1])));
	else if (text_eq(c, "execve"))
		answer(life_exec(program(word[1])));
	else if (text_eq(c, "wait"))
		answer(life_wait(
			(int64_t)value_in(word, nr, 1), value_in(word, nr, 2)));
	else
		life_exit((int)value_in(word, nr, 1), text_eq(c, "quit_group"));
}

/* Calls that the task makes with addresses of its own memory. */
static bool run_pointers(char **word, int nr)
{
	const char *c = word[0];
	uint64_t v[5];

	for (int i = 1; i < 5; i++)
		v[i] = host_word(value_in(word, nr, i));
	if (text_eq(c, "prlimit"))
		answer(life_prlimit((int32_t)v[1], (unsigned)v[2], v[3], v[4]));
	else if (text_eq(c, "mincore_to"))
		answer(life_mincore(v[1], v[2], v[3]));
	else if (text_eq(c, "get_mempolicy"))
		answer(life_get_mempolicy(v[1], v[2], v[3], v[4]));
	else if (text_eq(c, "open_program"))
		script_file(
			word[3], life_open(program(word[1]), (unsigned)v[2]));
	else
		return false;
	return true;
}

static bool is_one_of(const char *c, const char *const *names)
{
	while (*names && !text_eq(c, *names))
		names++;
	return *names;
}

/* What the heap begins with is the program's. */
static void note_program(void)
{
	script_brk0 = life_is32() ? STUB_BRK32 : STUB_BRK;
}

bool life_command(char **word, int nr)
{
	static const char *const calls[] = {
		"clone", "execve", "wait", "quit", "quit_group", NULL};
	const char *c = word[0];

	if (text_eq(c, "task"))
		put_text(life_choose((uint32_t)script_value(word[1]))
				 ? ""
				 : "no such task\n");
	else if (text_eq(c, "kill"))
		life_kill((uint32_t)script_value(word[1]));
	else if (text_eq(c, "oom_score_adj"))
		answer(life_oom_score_adj(word[1]));
	else if (text_eq(c, "life"))
		put_life();
	else if (text_eq(c, "tree"))
		put_tree();
	else if (is_one_of(c, calls))
		run_life(word, nr);
	else
		return run_pointers(word, nr);
	note_program();
	return true;
}
