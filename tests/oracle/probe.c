/*
 * probe: runs a script of memory calls in a pristine process and prints what
 * the running kernel answers.
 *
 *	probe [--raw] [--echo] [--bare] [--stack=BYTES] < script
 *
 *	--raw    leave device and inode of maps lines alone
 *	--echo   print each command before its answer
 *	--bare   unmap vvar and vdso before the script starts
 *	--stack  RLIMIT_STACK of the run (8 MiB), or "unlimited"
 *	--random      random addresses
 *	--bottom-up   mappings grow upwards (ADDR_COMPAT_LAYOUT)
 *
 * No C library, no heap, no loader: the process has only the mappings that
 * the kernel made at execve.  It is linked at fixed addresses, where a PIE
 * would lie, so that everything below is free; the section .brkpad pins the
 * initial break to 0x555555a00000 (0x56a00000 in the 32-bit build).  The first
 * stage sets limits and switches randomisation and huge pages off, then
 * executes itself again.
 */
#include "calls32.h"
#include "probe_sys.h"
#include "script.h"

#define STACK_LIMIT   (8ul << 20)
#define MEMLOCK_LIMIT (8ul << 20)
#define NO_RANDOMIZE  0x0040000u
#define COMPAT_LAYOUT 0x0200000u
#define THP_DISABLE   41
#define MAX_OWN	      32

__asm__(".section .brkpad,\"aw\",@nobits\n"
	".globl brkpad\nbrkpad: .zero 4096\n.text\n");

void host_write(const char *text, size_t len)
{
	while (len) {
		int64_t r = SYS3(SYS_WRITE, 1, text, len);

		if (r <= 0)
			return;
		text += r;
		len -= (size_t)r;
	}
}

/* ---- calls -------------------------------------------------------------- */

uint64_t host_word(uint64_t v)
{
	return (uintptr_t)v;
}

/* The nodes of a policy lie in memory. */
static int64_t call_policy(int nr, bool range, const uint64_t a[6])
{
	static uint64_t nodes;
	uint64_t mask = SYS_ARG(&nodes);

	nodes = a[range ? 3 : 1];
	return range ? syscall6(nr, a[0], a[1], a[2], mask, 65, a[4])
		     : syscall6(nr, a[0], mask, 65, 0, 0, 0);
}

#ifdef __x86_64__
int64_t host_call(enum call nr, const uint64_t a[6])
{
	if (nr == CALL_MBIND || nr == CALL_SET_MEMPOLICY)
		return call_policy(nr, nr == CALL_MBIND, a);
	return syscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}
#else
/* The old mmap takes a block of words, its offset in bytes. */
static int64_t call_mmap(const uint64_t a[6])
{
	uint32_t word[6];

	for (int i = 0; i < 6; i++)
		word[i] = (uint32_t)a[i];
	return SYS3(90, word, 0, 0);
}

int64_t host_call(enum call nr, const uint64_t a[6])
{
	if (nr == CALL_MMAP)
		return call_mmap(a);
	if (nr == CALL_MBIND || nr == CALL_SET_MEMPOLICY)
		return call_policy(
			nr == CALL_MBIND ? 274 : 276, nr == CALL_MBIND, a);
	return syscall6(call32(nr), a[0], a[1], a[2], a[3], a[4], a[5]);
}
#endif

int64_t host_mincore(uint64_t addr, uint64_t len, uint8_t *vec, size_t max)
{
	const uint64_t a[6] = {addr, len, SYS_ARG(vec)};

	(void)max;
	return host_call(CALL_MINCORE, a);
}

void host_getrlimit(unsigned which, uint64_t limit[2])
{
	SYS4(SYS_PRLIMIT64, 0, which, 0, limit);
}

int64_t host_setrlimit(unsigned which, const uint64_t limit[2])
{
	return SYS4(SYS_PRLIMIT64, 0, which, limit, 0);
}

/* Three sets of 32 bits, and the upper halves of the three. */
static uint32_t cap_header[2] = {0x20080522, 0};

void host_capget(uint64_t caps[3])
{
	uint32_t data[6];

	SYS3(SYS_CAPGET, cap_header, data, 0);
	for (int i = 0; i < 3; i++)
		caps[i] = data[i] | (uint64_t)data[i + 3] << 32;
}

int64_t host_capset(const uint64_t caps[3])
{
	uint32_t data[6];

	for (int i = 0; i < 3; i++) {
		data[i] = (uint32_t)caps[i];
		data[i + 3] = (uint32_t)(caps[i] >> 32);
	}
	return SYS3(SYS_CAPSET, cap_header, data, 0);
}

int64_t host_sysctl(const char *name, const char *value)
{
	char path[96] = "/proc/sys/vm/";
	int64_t fd, r;

	for (size_t i = 0; i <= text_len(name) && i < 80; i++)
		path[13 + i] = name[i];
	fd = SYS3(SYS_OPEN, path, 1, 0);
	if (fd < 0)
		return fd;
	r = SYS3(SYS_WRITE, fd, value, text_len(value));
	SYS3(SYS_CLOSE, fd, 0, 0);
	return r > 0 ? 0 : r;
}

/* ---- files -------------------------------------------------------------- */

/*
 * Unlinked at once, so that probes at the same time do not meet.  One that was
 * killed between the two steps leaves a file that another removes.
 */
static int64_t temporary_create(const char *dir, const char *name)
{
	static char path[64];
	size_t d = text_len(dir), n = text_len(name);
	int64_t fd = -1;

	if (n > 40)
		return -22;
	memcpy(path, dir, d);
	memcpy(path + d, name, n + 1);
	for (int i = 0; fd < 0 && i < 1000; i++) {
		fd = SYS3(SYS_OPEN, path, 0302 /* RDWR|CREAT|EXCL */, 0600);
		if (fd < 0)
			SYS3(SYS_SCHED_YIELD, 0, 0, 0);
	}
	SYS3(SYS_UNLINK, path, 0, 0);
	return fd < 0 ? temporary_create(dir, name) : fd;
}

static int64_t file_create(const char *name, enum file_kind kind)
{
	switch (kind) {
	case FILE_MEMORY:
		return SYS3(SYS_MEMFD_CREATE, name, 0, 0);
	case FILE_SHM:
		return temporary_create("/dev/shm/oracle-", name);
	default:
		return temporary_create("/tmp/oracle-", name);
	}
}

int64_t host_file(const char *name, uint64_t bytes, enum file_kind kind)
{
	static uint8_t page[4096];
	int64_t fd = file_create(name, kind);

	for (uint64_t off = 0; fd >= 0 && off < bytes; off += sizeof(page)) {
		uint64_t n = bytes - off;

		memset(page, (int)('A' + off / sizeof(page) % 26),
			sizeof(page));
		SYS3(SYS_WRITE, fd, page, n < sizeof(page) ? n : sizeof(page));
	}
	return fd;
}

int64_t host_hugetlb(const char *name, uint64_t bytes, uint64_t log2)
{
	uint64_t flags = 4 /* MFD_HUGETLB */ | log2 << 26;
	int64_t fd = SYS3(SYS_MEMFD_CREATE, name, flags, 0);

	if (fd >= 0)
		SYS3(CALL_FTRUNCATE, fd, bytes, 0);
	return fd;
}

int64_t host_open(const char *path, unsigned mode)
{
	return SYS3(SYS_OPEN, path, mode, 0);
}

int64_t host_reopen(int64_t fd, unsigned mode)
{
	char path[] = "/proc/self/fd/00";

	path[14] = (char)('0' + fd / 10 % 10);
	path[15] = (char)('0' + fd % 10);
	if (fd < 10) {
		path[14] = path[15];
		path[15] = '\0';
	}
	return SYS3(SYS_OPEN, path, mode, 0);
}

int64_t host_close(int64_t fd)
{
	return SYS3(SYS_CLOSE, fd, 0, 0);
}

/* ---- fork --------------------------------------------------------------- */

void host_fork(void)
{
	static int status;
	int64_t pid;

	put_flush();
	pid = SYS3(SYS_FORK, 0, 0, 0);
	if (!pid) {
		proc_setup();
		put_text("[child\n");
		return;
	}
	if (pid < 0) {
		fork_failed(pid);
		return;
	}
	SYS4(SYS_WAIT4, pid, &status, 0, 0);
	script_skip_child();
	put_text("child] status=");
	put_hex((uint64_t)status);
	put_char('\n');
}

void host_orphan(void)
{
	int64_t parent = SYS3(SYS_GETPID, 0, 0, 0);

	put_flush();
	if (SYS3(SYS_FORK, 0, 0, 0))
		SYS3(SYS_EXIT_GROUP, 0, 0, 0);
	/* Its memory is gone before its children get another parent. */
	while (SYS3(SYS_GETPPID, 0, 0, 0) == parent)
		SYS3(SYS_SCHED_YIELD, 0, 0, 0);
	proc_setup();
	put_text("[orphan\n");
}

void host_exit(int code)
{
	put_flush();
	SYS3(SYS_EXIT_GROUP, code, 0, 0);
}

/* ---- maps --------------------------------------------------------------- */

static char text[1 << 18];

struct range {
	uint64_t start, end;
	bool special; /* [v...] below the kernel's half */
};

/* The next line of maps in text; false at the end. */
static bool next_range(const char **p, struct range *r)
{
	if (!**p)
		return false;
	r->start = text_hex(p);
	(*p)++;
	r->end = text_hex(p);
	r->special = false;
	for (; **p && **p != '\n'; (*p)++)
		if ((*p)[0] == '[' && (*p)[1] == 'v')
			r->special = r->start >> 63 == 0;
	if (**p)
		(*p)++;
	return true;
}

/* What was there before the script. */
static struct range own[MAX_OWN];
static unsigned nr_own;

static void note_own(void)
{
	const char *p = text;

	host_proc("maps", text, sizeof(text));
	while (nr_own < MAX_OWN && next_range(&p, &own[nr_own]))
		nr_own++;
}

bool host_is_own(uint64_t start, uint64_t end)
{
	for (unsigned i = 0; i < nr_own; i++)
		if (start >= own[i].start && end <= own[i].end)
			return true;
	return false;
}

bool host_is_own_part(uint64_t start, uint64_t end)
{
	for (unsigned i = 0; i < nr_own; i++)
		if (start < own[i].end && end > own[i].start)
			return true;
	return false;
}

static void unmap(const struct range *r)
{
	const uint64_t a[6] = {r->start, r->end - r->start};

	host_call(CALL_MUNMAP, a);
}

static void unmap_special(void)
{
	const char *p = text;
	struct range r;

	host_proc("maps", text, sizeof(text));
	while (next_range(&p, &r))
		if (r.special)
			unmap(&r);
}

bool host_command(char **word, int nr)
{
	uint64_t v[7] = {0};

	if (!text_eq(word[0], "syscall"))
		return nodes_command(word, nr);
	for (int i = 1; i < nr && i < 8; i++)
		v[i - 1] = script_value(word[i]);
	put_result(syscall6((int64_t)v[0], v[1], v[2], v[3], v[4], v[5], v[6]));
	put_char('\n');
	return true;
}

/* ---- start -------------------------------------------------------------- */

struct options {
	bool stage2, bare, echo, random, bottom_up;
	uint64_t stack;
};

static void parse_option(struct options *o, const char *s)
{
	if (text_eq(s, "--stage2"))
		o->stage2 = true;
	else if (text_eq(s, "--thp") || text_eq(s, "--thp=always"))
		script_huge = true;
	else if (text_eq(s, "--random"))
		o->random = true;
	else if (text_eq(s, "--bottom-up"))
		o->bottom_up = true;
	else if (text_eq(s, "--bare"))
		o->bare = true;
	else if (text_eq(s, "--echo"))
		o->echo = true;
	else if (text_eq(s, "--raw"))
		script_raw = true;
	else if (text_starts(s, "--hugetlb"))
		script_huge = script_hugetlb = true;
	else if (text_starts(s, "--gigantic"))
		script_huge = script_hugetlb = script_gigantic = true;
	else if (text_eq(s, "--stack=unlimited"))
		o->stack = UINT64_MAX;
	else if (text_starts(s, "--stack="))
		o->stack = script_value(s + 8);
}

static void set_limit(unsigned which, uint64_t soft, uint64_t hard)
{
	static uint64_t limit[2];

	SYS4(SYS_PRLIMIT64, 0, which, 0, limit);
	limit[0] = soft;
	limit[1] = hard > limit[1] ? hard : limit[1];
	SYS4(SYS_PRLIMIT64, 0, which, limit, 0);
}

static void stage1(const struct options *o, int argc, char **argv)
{
	static char *args[32], *env[1];
	int n = 0;

	args[n++] = argv[0];
	args[n++] = (char *)"--stage2";
	for (int i = 1; i < argc && n < 31; i++)
		args[n++] = argv[i];
	SYS3(SYS_PERSONALITY,
		(o->random ? 0 : NO_RANDOMIZE) |
			(o->bottom_up ? COMPAT_LAYOUT : 0),
		0, 0);
	SYS4(SYS_PRCTL, THP_DISABLE, !script_huge || script_hugetlb, 0, 0);
	set_limit(3, o->stack, o->stack);
	set_limit(8, MEMLOCK_LIMIT, UINT64_MAX);
	set_limit(9, UINT64_MAX, UINT64_MAX);
	set_limit(2, UINT64_MAX, UINT64_MAX);
	SYS3(SYS_CLOSE_RANGE, 3, ~0u, 0);
	SYS3(SYS_EXECVE, "/proc/self/exe", args, env);
	SYS3(SYS_EXIT_GROUP, 98, 0, 0);
}

static void populate(const struct range *r, unsigned advice)
{
	const uint64_t a[6] = {r->start, r->end - r->start, advice};

	host_call(CALL_MADVISE, a);
}

static void stage2(const struct options *o)
{
	static char script[1 << 20];
	size_t len = 0;
	const uint64_t zero[6] = {0};
	uint64_t brk0;
	int64_t r = 1;

	fault_setup();
	while (r > 0) {
		r = SYS3(SYS_READ, 0, script + len, sizeof(script) - len);
		len += r > 0 ? (size_t)r : 0;
	}
	if (o->bare)
		unmap_special();
	note_own();
	/* MADV_POPULATE_READ and WRITE: our own pages fault no more. */
	for (unsigned i = 0; i < nr_own; i++)
		for (int advice = 22; advice < 24; advice++)
			populate(&own[i], advice);
	proc_setup();
	brk0 = (uint64_t)host_call(CALL_BRK, zero);
	script_run(script, len, brk0, o->echo);
}

void probe_main(uintptr_t *sp);

void probe_main(uintptr_t *sp)
{
	int argc = (int)sp[0];
	char **argv = (char **)(sp + 1);
	struct options o = {.stack = STACK_LIMIT};

	for (int i = 1; i < argc; i++)
		parse_option(&o, argv[i]);
	if (o.stage2)
		stage2(&o);
	else
		stage1(&o, argc, argv);
	SYS3(SYS_EXIT_GROUP, 0, 0, 0);
}
