/*
 * conduct: runs a script of calls, accesses and looks in several processes and
 * threads of the running kernel, and prints what it answers.
 *
 *	conduct --program=STUB < script      of 64 bits, or stub32
 *
 * It is PID 1 of a namespace of its own, so that PIDs are the same in each run,
 * and traces all others: they execute the stub, in which it sets registers for
 * one instruction at a time.  What a process does beyond its script is nothing.
 * Needs root.
 */
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "life.h"
#include "script.h"
#include "stub.h"
#include "traced.h"

#define PAGE 4096

static const char *first; /* program of the first process */
static uint32_t chosen;

static void die(const char *what)
{
	fprintf(stderr, "conduct: %s: %s\n", what, strerror(errno));
	exit(2);
}

void host_write(const char *text, size_t len)
{
	if (write(1, text, len) < 0)
		die("write");
}

/* ---- calls -------------------------------------------------------------- */

uint64_t host_word(uint64_t v)
{
	return traced_is32(chosen) ? (uint32_t)v : v;
}

uint8_t host_access(
	enum access kind, uint64_t addr, uint8_t value, struct fault *f)
{
	return traced_access(chosen,
		kind == ACCESS_WRITE ? STUB_WRITE : STUB_READ, addr, value, f);
}

void host_getrlimit(unsigned which, uint64_t limit[2])
{
	syscall(SYS_prlimit64, chosen, which, NULL, limit);
}

int64_t host_setrlimit(unsigned which, const uint64_t limit[2])
{
	return syscall(SYS_prlimit64, chosen, which, limit, NULL) ? -errno : 0;
}

/* What would store to the process's memory is not done. */
int64_t host_mincore(uint64_t addr, uint64_t len, uint8_t *vec, size_t max)
{
	return -ENOSYS;
}

void host_capget(uint64_t caps[3])
{
	memset(caps, 0, 3 * sizeof(*caps));
}

int64_t host_capset(const uint64_t caps[3])
{
	return -ENOSYS;
}

int64_t host_sysctl(const char *name, const char *value)
{
	return -ENOSYS;
}

/* ---- processes ---------------------------------------------------------- */

uint32_t life_next(uint32_t tid)
{
	return traced_next(tid > STUB_FIRST ? tid : STUB_FIRST);
}

bool life_choose(uint32_t tid)
{
	if (!traced_exists(tid))
		return false;
	chosen = tid;
	return true;
}

uint32_t life_chosen(void)
{
	return chosen;
}

void life_kill(uint32_t pid)
{
	traced_kill(pid);
}

/* A thread's own, a process's where it is about the whole. */
static void proc_path(char *path, size_t size, const char *name)
{
	uint32_t tgid = traced_tgid(chosen);

	if (name[0] == '/')
		snprintf(path, size, "/proc%s", name);
	else if (tgid == chosen)
		snprintf(path, size, "/proc/%u/%s", tgid, name);
	else
		snprintf(path, size, "/proc/%u/task/%u/%s", tgid, chosen, name);
}

static int64_t proc_write(const char *name, const char *word)
{
	char path[128];
	int64_t r;
	int fd;

	proc_path(path, sizeof(path), name);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return -ESRCH;
	r = write(fd, word, strlen(word)) < 0 ? -errno : 0;
	close(fd);
	return r;
}

int64_t life_oom_score_adj(const char *n)
{
	return proc_write("oom_score_adj", n);
}

int64_t host_clear_refs(const char *word)
{
	return proc_write("clear_refs", word);
}

/* Those of a script for a single process. */
void host_fork(void)
{
	put_text("?use clone\n");
}

void host_orphan(void)
{
	put_text("?use clone\n");
}

void host_exit(int code)
{
	put_text("?use quit\n");
}

/* ---- files of /proc ----------------------------------------------------- */

static size_t list_directory(const char *path, char *buf, size_t size)
{
	DIR *d = opendir(path);
	struct dirent *e;
	size_t n = 0;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' && n + strlen(e->d_name) + 2 < size)
			n += (size_t)sprintf(buf + n, "%s\n", e->d_name);
	if (d)
		closedir(d);
	return n;
}

size_t host_proc(const char *name, char *buf, size_t size)
{
	char path[128];
	ssize_t r = 1;
	size_t n = 0;
	int fd;

	proc_path(path, sizeof(path), name);
	fd = open(path, O_RDONLY);
	if (fd >= 0 && !strcmp(name, "map_files")) {
		n = list_directory(path, buf, size);
		r = 0;
	}
	while (fd >= 0 && r > 0 && n < size - 1) {
		r = read(fd, buf + n, size - 1 - n);
		n += r > 0 ? (size_t)r : 0;
	}
	if (fd >= 0)
		close(fd);
	buf[n] = '\0';
	return n;
}

int64_t host_pagemap(uint64_t page, uint64_t nr, uint64_t *word)
{
	char path[128];
	ssize_t n;
	int fd;

	proc_path(path, sizeof(path), "pagemap");
	fd = open(path, O_RDONLY);
	n = pread(fd, word, nr * 8, (off_t)(page * 8));
	close(fd);
	return n < 0 ? -errno : n;
}

static uint64_t word_of(const char *path, uint64_t pfn)
{
	uint64_t word = 0;
	int fd = open(path, O_RDONLY);

	if (pread(fd, &word, 8, (off_t)(pfn * 8)) != 8)
		word = 0;
	close(fd);
	return word;
}

void host_kpage(uint64_t pfn, uint64_t *count, uint64_t *flags)
{
	*count = word_of("/proc/kpagecount", pfn);
	*flags = word_of("/proc/kpageflags", pfn);
}

void host_faults(uint64_t n[2])
{
	char buf[1024], *p;

	memset(n, 0, 16);
	host_proc("stat", buf, sizeof(buf));
	p = strrchr(buf, ')');
	if (p)
		sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %lu %*u %lu",
			(unsigned long *)&n[0], (unsigned long *)&n[1]);
}

uint64_t host_map_count(void)
{
	return 0;
}

/* Nothing is hidden: every mapping is the kernel's work alone. */
bool host_is_own(uint64_t start, uint64_t end)
{
	return start >> 63;
}

bool host_is_own_part(uint64_t start, uint64_t end)
{
	return false;
}

/* ---- the first process --------------------------------------------------- */

/* The hard limit stays. */
static void set_limit(int which, rlim_t soft)
{
	struct rlimit l;

	getrlimit((__rlimit_resource_t)which, &l);
	l.rlim_cur = soft < l.rlim_max ? soft : l.rlim_max;
	if (setrlimit((__rlimit_resource_t)which, &l))
		die("setrlimit");
}

/* Becomes the first process of the script, as traced_begin() wants it. */
static void become_stub(void)
{
	char *argv[] = {(char *)first, NULL}, *envp[] = {NULL};

	setpriority(PRIO_PROCESS, 0, 0);
	for (int sig = 1; sig <= 64; sig++)
		signal(sig, SIG_DFL);
	personality(ADDR_NO_RANDOMIZE);
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	setgroups(0, NULL);
	umask(022);
	setsid();
	set_limit(RLIMIT_STACK, 8 << 20);
	set_limit(RLIMIT_MEMLOCK, 8 << 20);
	set_limit(RLIMIT_DATA, RLIM_INFINITY);
	set_limit(RLIMIT_AS, RLIM_INFINITY);
	set_limit(RLIMIT_CORE, 0);
	execve(first, argv, envp);
	die(first);
}

/* `begin` starts the first process; files are opened before it. */
bool host_command(char **word, int nr)
{
	if (!text_eq(word[0], "begin"))
		return life_command(word, nr) || nodes_command(word, nr);
	chosen = traced_begin(become_stub);
	return true;
}

/* ---- files that all processes have open from the first on -----------------
 */

static void fill(int fd, uint64_t bytes)
{
	uint8_t page[PAGE];

	for (uint64_t off = 0; off < bytes; off += PAGE) {
		memset(page, (int)('A' + off / PAGE % 26), PAGE);
		if (write(fd, page, bytes - off < PAGE ? bytes - off : PAGE) <
			0)
			die("write");
	}
}

int64_t host_file(const char *name, uint64_t bytes, enum file_kind kind)
{
	bool memory = kind == FILE_MEMORY;
	char path[64];
	int fd;

	if (chosen || kind == FILE_SHM)
		return -EBUSY;
	snprintf(path, sizeof(path), "/tmp/oracle-%.30s", name);
	unlink(path);
	fd = memory ? memfd_create(name, 0)
		    : open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		die(path);
	if (!memory)
		unlink(path);
	fill(fd, bytes);
	return fd;
}

int64_t host_hugetlb(const char *name, uint64_t bytes, uint64_t log2)
{
	return -ENOSYS;
}

int64_t host_open(const char *path, unsigned mode)
{
	return -ENOSYS;
}

int64_t host_reopen(int64_t fd, unsigned mode)
{
	char path[64];

	if (chosen)
		return -EBUSY;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", (int)fd);
	return open(path, (int)mode);
}

int64_t host_close(int64_t fd)
{
	const uint64_t arg[6] = {(uint64_t)fd};

	return traced_call(chosen, SYS_close, arg);
}

/* ---- start -------------------------------------------------------------- */

/* Of a program of either width: the field is at the same place. */
static uint64_t read_entry(const char *path)
{
	Elf64_Ehdr h;
	int fd = open(path, O_RDONLY);

	if (read(fd, &h, sizeof(h)) != sizeof(h))
		die(path);
	close(fd);
	return h.e_ident[EI_CLASS] == ELFCLASS64 ? h.e_entry
						 : (uint32_t)h.e_entry;
}

static void run(void)
{
	static char script[1 << 20];
	size_t len = 0;
	ssize_t r = 1;

	while (r > 0) {
		r = read(0, script + len, sizeof(script) - len);
		len += r > 0 ? (size_t)r : 0;
	}
	script_run(script, len, 0, false);
}

/* A copy of the stub, whose pages nobody else maps. */
static void copy_stub(const char *program, const char *dir, const char *name)
{
	static char page[PAGE], to[PATH_MAX];
	int from = open(program, O_RDONLY), fd;
	ssize_t n;

	snprintf(to, sizeof(to), "%s/%s", dir, strrchr(name, '/') + 1);
	fd = open(to, O_WRONLY | O_CREAT | O_EXCL, 0755);
	while ((n = read(from, page, sizeof(page))) > 0)
		if (write(fd, page, (size_t)n) != n)
			die(to);
	if (n || close(fd) || close(from))
		die(program);
}

/* PID 1: a /proc of its namespace, and the stub at its fixed place. */
static int namespace_main(const char *dir)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) ||
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		mount("proc", "/proc", "proc", 0, NULL) ||
		mount(dir, "/mnt", NULL, MS_BIND, NULL))
		die("mount");
	traced_entries(read_entry(STUB_PATH), read_entry(STUB_PATH32));
	syscall(SYS_close_range, 3u, ~0u, 0u);
	run();
	return 0;
}

static int run_in_namespace(const char *dir)
{
	int status;
	pid_t pid;

	if (unshare(CLONE_NEWPID | CLONE_NEWNS))
		die("unshare");
	pid = fork();
	if (!pid)
		exit(namespace_main(dir));
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die("fork");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 3;
}

static void remove_stubs(const char *dir)
{
	char path[PATH_MAX];

	for (unsigned i = 0; i < STUB_NAMES; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir,
			strrchr(life_programs[i], '/') + 1);
		unlink(path);
	}
	rmdir(dir);
}

/* The stub of either width, twice; they lie in one directory. */
static void copy_stubs(const char *program, const char *dir)
{
	char path[PATH_MAX];
	const char *slash = strrchr(program, '/');
	int len = slash ? (int)(slash + 1 - program) : 0;

	for (unsigned i = 0; i < STUB_NAMES; i++) {
		snprintf(path, sizeof(path), "%.*s%s", len, program,
			i % 2 ? "stub32" : "stub");
		copy_stub(path, dir, life_programs[i]);
	}
	first = !strcmp(program + len, "stub") ? STUB_PATH : STUB_PATH32;
}

int main(int argc, char **argv)
{
	const char *program = NULL, *where = "/tmp";
	char dir[200];
	int r;

	for (int i = 1; i < argc; i++)
		if (!strncmp(argv[i], "--program=", 10))
			program = argv[i] + 10;
		else if (!strncmp(argv[i], "--dir=", 6))
			where = argv[i] + 6;
	if (!program) {
		fprintf(stderr, "usage: conduct --program=STUB [--dir=DIR] "
				"< script\n");
		return 2;
	}
	/* Whoever the script becomes may execute it. */
	snprintf(dir, sizeof(dir), "%s/oracle-stub-XXXXXX", where);
	if (!mkdtemp(dir) || chmod(dir, 0755))
		die(dir);
	copy_stubs(program, dir);
	r = run_in_namespace(dir);
	remove_stubs(dir);
	return r;
}
