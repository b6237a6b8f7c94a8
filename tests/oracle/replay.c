/*
 * replay: runs a script of memory calls in the machine and prints its answers
 * in the words of the probe.
 *
 *	replay --program=PROBE [--own=FILE] [--echo] [--lines] [--check]
 *	       [--stack=BYTES] < script
 *
 *	--program  the probe itself, 64- or 32-bit: the machine executes it as
 *	           far as the first instruction, and the script is its program
 *	--own      maps of a fresh probe (`echo dump own | probe`): the process
 *	           must have the same, and they are hidden as the probe hides
 *	           its own
 *	--thp      transparent huge pages for those who ask (madvise), or
 *		   --thp=always
 *	--shmem=   shmem_enabled
 *	--hugetlb=N,M,L  a pool of N huge pages, M more on demand, and L
 *	           promises that nobody holds any more
 *	--gigantic=N  a pool of N pages of 1 GiB
 *	--lines    make calls as lines of a ctl file
 *	--check    check every invariant of the machine after each call
 *	--stack    RLIMIT_STACK, or "unlimited"
 *	--random   a seed of random addresses; --bottom-up
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../host/host.h"
#include "../../vm/cmd/command.h"
#include "../../vm/disk/disk.h"
#include "../../vm/mm/hugetlb.h"
#include "../../vm/mm/mm_i.h"
#include "../../vm/mmu/mmu.h"
#include "../../vm/phys/phys.h"
#include "../../vm/task/prctl.h"
#include "../../vm/task/task.h"
#include "../../vm/vm.h"
#include "life.h"
#include "replay.h"
#include "stub.h"

#define MAX_DEPTH 16

struct vm *m;
struct task *task;
static struct task *parents[MAX_DEPTH];
static unsigned parents_inodes[MAX_DEPTH];
static struct script_names parents_names[MAX_DEPTH];
static int depth;
static bool check_always;
static uint64_t ram_pages, swap_pages; /* the machine's own */

struct options {
	const char *program, *own, *pool, *gigantic;
	uint64_t stack, seed;
	bool echo, bottom_up, thp_always;
	const char *shmem;
};

void die(const char *what)
{
	fprintf(stderr, "replay: %s: %s\n", what, vm_sentence(m));
	exit(2);
}

void host_write(const char *text, size_t len)
{
	fwrite(text, 1, len, stdout);
	fflush(stdout);
}

/* ---- calls -------------------------------------------------------------- */

static idx_t file_of_fd(uint64_t fd)
{
	return fd < INT32_MAX ? fd_lookup(m, task, (int)fd) : 0;
}

uint64_t host_word(uint64_t v)
{
	return mm_at(m, task->mm)->compat ? (uint32_t)v : v;
}

static int64_t call_mmap(const uint64_t a[6])
{
	struct mmap_args args = {
		.addr = a[0],
		.len = a[1],
		.prot = a[2],
		.flags = a[3],
		.file = file_of_fd(a[4]),
		.off = a[5],
	};

	return mm_mmap(m, task, &args);
}

static int64_t call_ftruncate(const uint64_t a[6])
{
	idx_t file = file_of_fd(a[0]);

	if (!file)
		return -EBADF;
	if (!(file_at(m, file)->mode & FMODE_WRITE))
		return -EINVAL;
	return disk_truncate(m, file_at(m, file)->inode, a[1]);
}

/* The limits are the kernel's, the frames our own; see replay_own.c. */
static void check(void)
{
	struct root *r = m->root;
	uint64_t ram = r->totalram_pages, swap = r->swap_pages;

	r->totalram_pages = ram_pages;
	r->swap_pages = swap_pages;
	if (vm_check(m))
		die("check");
	r->totalram_pages = ram;
	r->swap_pages = swap;
}

static int64_t call(enum call nr, const uint64_t a[6])
{
	switch (nr) {
	case CALL_MMAP:
		return call_mmap(a);
	case CALL_MUNMAP:
		return mm_munmap(m, task, a[0], a[1]);
	case CALL_MPROTECT:
		return mm_mprotect(m, task, a[0], a[1], a[2]);
	case CALL_MREMAP:
		return mm_mremap(m, task, a[0], a[1], a[2], a[3], a[4]);
	case CALL_BRK:
		return (int64_t)mm_brk(m, task, a[0]);
	case CALL_MADVISE:
		return mm_madvise(m, task, a[0], a[1], (int)a[2]);
	case CALL_MSYNC:
		return mm_msync(m, task, a[0], a[1], a[2]);
	case CALL_MLOCK:
		return mm_mlock(m, task, a[0], a[1], 0);
	case CALL_MLOCK2:
		return mm_mlock(m, task, a[0], a[1], a[2]);
	case CALL_MUNLOCK:
		return mm_munlock(m, task, a[0], a[1]);
	case CALL_MLOCKALL:
		return mm_mlockall(m, task, a[0]);
	case CALL_MUNLOCKALL:
		return mm_munlockall(m, task);
	case CALL_MSEAL:
		return mm_mseal(m, task, a[0], a[1], a[2]);
	case CALL_REMAP_FILE_PAGES:
		return mm_remap_file_pages(
			m, task, a[0], a[1], a[2], a[3], a[4]);
	case CALL_FTRUNCATE:
		return call_ftruncate(a);
	case CALL_SETUID:
	case CALL_SETGID:
		return cred_set_id(m, task, nr == CALL_SETGID, (uint32_t)a[0]);
	case CALL_SETREUID:
	case CALL_SETREGID:
		return cred_set_re(m, task, nr == CALL_SETREGID, (uint32_t)a[0],
			(uint32_t)a[1]);
	case CALL_SETRESUID:
	case CALL_SETRESGID:
		return cred_set_res(m, task, nr == CALL_SETRESGID,
			(uint32_t)a[0], (uint32_t)a[1], (uint32_t)a[2]);
	case CALL_SETFSUID:
	case CALL_SETFSGID:
		return cred_set_fs(
			m, task, nr == CALL_SETFSGID, (uint32_t)a[0]);
	case CALL_PERSONALITY:
		return task_personality(task, (uint32_t)a[0]);
	case CALL_PRCTL:
		return task_prctl(m, task, (unsigned)a[0], a + 1);
	default:
		return numa_call(nr, a);
	}
}

int64_t host_call(enum call nr, const uint64_t a[6])
{
	uint64_t arg[6];
	int64_t r = life_fetch(STUB_CALL);

	if (r)
		return r;
	for (int i = 0; i < 6; i++)
		arg[i] = host_word(a[i]);
	vm_fail_clear(m);
	phys_run_as(m, task);
	if (!line_call(nr, arg, &r))
		r = call(nr, arg);
	if (check_always)
		check();
	return r;
}

int64_t host_mincore(uint64_t addr, uint64_t len, uint8_t *vec, size_t max)
{
	vm_fail_clear(m);
	return mm_mincore(m, task, host_word(addr), host_word(len), vec, max);
}

uint8_t host_access(
	enum access kind, uint64_t addr, uint8_t value, struct fault *f)
{
	static const enum access_kind kinds[] = {
		[ACCESS_READ] = ACC_READ,
		[ACCESS_WRITE] = ACC_WRITE,
		[ACCESS_EXEC] = ACC_EXEC,
	};
	struct sigfault sf = {0};
	int err;

	f->sig = 0;
	if (life_fetch(kind == ACCESS_WRITE ? STUB_WRITE : STUB_READ))
		return 0;
	vm_fail_clear(m);
	phys_run_as(m, task);
	err = mem_access(m, task, host_word(addr), 1, kinds[kind], &value, &sf);
	if (err && err != -EFAULT)
		die("access");
	f->sig = sf.sig;
	f->code = sf.code;
	f->addr = sf.addr;
	f->err = life_entry[0] ? 0 : sf.error_code; /* no tracer is told */
	return value;
}

void host_getrlimit(unsigned which, uint64_t limit[2])
{
	limit[0] = task->rlim[which].soft;
	limit[1] = task->rlim[which].hard;
}

int64_t host_setrlimit(unsigned which, const uint64_t limit[2])
{
	const struct rlimit_pair want = {limit[0], limit[1]};
	struct rlimit_pair old;

	vm_fail_clear(m);
	return task_prlimit(m, task, 0, which, &want, &old);
}

void host_capget(uint64_t caps[3])
{
	caps[0] = task->cred.cap_effective;
	caps[1] = task->cred.cap_permitted;
	caps[2] = task->cred.cap_inheritable;
}

int64_t host_capset(const uint64_t caps[3])
{
	vm_fail_clear(m);
	return cred_capset(m, task, caps[0], caps[1], caps[2]);
}

int64_t host_sysctl(const char *name, const char *value)
{
	vm_fail_clear(m);
	return settings_set(m, name, strlen(name), value, strlen(value));
}

/* The first process is there before the script begins. */
bool host_command(char **word, int nr)
{
	if (!life_entry[0])
		return nodes_command(word, nr);
	return text_eq(word[0], "begin") || life_command(word, nr) ||
	       nodes_command(word, nr);
}

/* ---- files -------------------------------------------------------------- */

static int64_t file_add(idx_t inode, uint32_t mode)
{
	idx_t file = file_of_inode(m, inode, mode);

	if (!file)
		die("open");
	return fd_install(m, task, file, -1);
}

/* Writes it page by page; what was just written is in the kernel's cache. */
static void fill(idx_t inode, uint64_t bytes)
{
	char page[4096];

	for (uint64_t off = 0; off < bytes; off += sizeof(page)) {
		uint64_t n = bytes - off;

		memset(page, (int)('A' + off / sizeof(page) % 26),
			sizeof(page));
		if (disk_write(m, inode, off, page,
			    n < sizeof(page) ? n : sizeof(page)) < 0 ||
			!cache_get(m, inode, off / sizeof(page), NULL))
			die("fill");
	}
}

static idx_t file_create(const char *name, enum file_kind kind, char path[96])
{
	const struct cred root = cred_of_user(0, 0);

	snprintf(path, 96, "%s/oracle-%s",
		kind == FILE_SHM ? "/dev/shm" : "/tmp", name);
	if (kind == FILE_MEMORY)
		return shmem_memfd(m, INODE_SHMEM, name);
	return kind == FILE_SHM ? shmem_open(m, path + 9, &root)
				: disk_create(m, path, 0600, 0, 0);
}

/* Gone from its directory at once, as the probe's; a memfd has none. */
int64_t host_file(const char *name, uint64_t bytes, enum file_kind kind)
{
	char path[96];
	idx_t inode;
	int64_t fd;

	vm_fail_clear(m);
	inode = file_create(name, kind, path);
	if (!inode)
		die("file");
	fd = file_add(inode, FMODE_READ | FMODE_WRITE);
	fill(inode, bytes);
	if (kind == FILE_MEMORY)
		inode_put(m, inode); /* the file holds it */
	else if (disk_unlink(m, path))
		die("unlink");
	return fd;
}

static const uint32_t fmode[] = {
	FMODE_READ, FMODE_WRITE, FMODE_READ | FMODE_WRITE};

int64_t host_reopen(int64_t fd, unsigned mode)
{
	idx_t file = file_of_fd((uint64_t)fd);

	return file ? file_add(file_at(m, file)->inode, fmode[mode]) : -ENOENT;
}

int64_t host_hugetlb(const char *name, uint64_t bytes, uint64_t log2)
{
	unsigned size = hugetlb_size_of_flags(m, log2 << MAP_HUGE_SHIFT);
	char memfd[64];
	idx_t inode;
	int64_t fd;

	snprintf(memfd, sizeof(memfd), "/memfd:%.30s", name);
	inode = size ? hugetlb_create(m, memfd, size, bytes) : 0;
	if (!inode)
		die("hugetlb");
	fd = file_add(inode, FMODE_READ | FMODE_WRITE);
	inode_put(m, inode); /* the file holds it */
	return fd;
}

int64_t host_open(const char *path, unsigned mode)
{
	idx_t inode;

	vm_fail_clear(m);
	inode = disk_lookup(m, path, true);
	return inode ? file_add(inode, fmode[mode]) : -ENOENT;
}

int64_t host_close(int64_t fd)
{
	int64_t r = life_fetch(STUB_CALL);

	return r ? r : fd_close(m, task, (int)fd);
}

/* ---- fork --------------------------------------------------------------- */

void host_fork(void)
{
	struct task *child;

	vm_fail_clear(m);
	child = task_fork(m, task, false);
	if (!child) {
		fork_failed(-m->fail.err);
		return;
	}
	if (depth == MAX_DEPTH)
		die("fork");
	parents_inodes[depth] = inodes_seen();
	script_names_get(&parents_names[depth]);
	parents[depth++] = task;
	task = child;
	look_child_begins();
	put_text("[child\n");
}

void host_orphan(void)
{
	struct task *child, *parent = task;

	vm_fail_clear(m);
	child = task_fork(m, parent, false);
	if (!child)
		die("fork");
	task = child;
	task_exit(m, parent, 0);
	look_faults_begin();
	put_text("[orphan\n");
}

static void child_ends(int code)
{
	struct task *child = task;

	look_child_ends();
	task = parents[--depth];
	inodes_forget(parents_inodes[depth]);
	script_names_set(&parents_names[depth]);
	task_exit(m, child, code << 8);
	if (child->state == TASK_ZOMBIE)
		task_reap(m, child);
	put_text("child] status=");
	put_hex((uint64_t)code << 8);
	put_char('\n');
}

void host_exit(int code)
{
	if (depth) {
		child_ends(code);
		return;
	}
	put_flush();
	exit(code);
}

/* ---- start -------------------------------------------------------------- */

static void boot(const struct options *o)
{
	struct exec_args x = {0};
	struct vm_config c;
	char err[SENTENCE_MAX];
	struct task *init;

	vm_config_default(&c);
	c.ram = o->gigantic ? 8 * GiB : 256 * MiB;
	m = vm_boot(&c, &host_mmap, err);
	if (!m) {
		fprintf(stderr, "replay: %s\n", err);
		exit(2);
	}
	ram_pages = m->root->totalram_pages;
	swap_pages = m->root->swap_pages;
	x.path = copy_programs(o->program);
	if (!disk_lookup(m, "/tmp", true) && disk_mkdir(m, "/tmp", 0777, 0, 0))
		die("/tmp");
	/* The files of the probe are small and lie where files have large
	 * folios: no mark of readahead before their end. */
	m->root->set.read_ahead_kb = 512;
	init = task_find(m, 1);
	init->rlim[RLIM_MEMLOCK].soft = 8 * MiB;
	init->rlim[RLIM_STACK].soft = o->stack;
	m->root->set.aslr = o->seed;
	task = task_spawn(m, 0, 0, &x, NULL);
	if (!task)
		die("spawn");
	task->personality = o->bottom_up ? ADDR_COMPAT_LAYOUT : 0;
	if (o->bottom_up && task_exec(m, task, &x))
		die("exec");
	if (!o->seed)
		task->personality |= ADDR_NO_RANDOMIZE;
	mm_at(m, task->mm)->thp_disable = !script_huge || script_hugetlb;
	m->root->set.thp_enabled = o->thp_always ? THP_ALWAYS
				   : script_huge ? THP_MADVISE
						 : THP_NEVER;
	if (o->shmem && settings_set(m, "thp_shmem_enabled", 17, o->shmem,
				strlen(o->shmem)))
		die(o->shmem);
	life_begin();
	if (o->own)
		load_own(o->own);
}

static void parse_option(struct options *o, const char *s)
{
	if (!strcmp(s, "--echo"))
		o->echo = true;
	else if (!strcmp(s, "--check"))
		check_always = true;
	else if (!strcmp(s, "--lines"))
		replay_lines = true;
	else if (!strcmp(s, "--bottom-up"))
		o->bottom_up = true;
	else if (!strncmp(s, "--random=", 9))
		o->seed = strtoull(s + 9, NULL, 0);
	else if (!strcmp(s, "--thp"))
		script_huge = true;
	else if (!strcmp(s, "--thp=always"))
		script_huge = o->thp_always = true;
	else if (!strncmp(s, "--shmem=", 8))
		o->shmem = s + 8;
	else if (!strncmp(s, "--hugetlb=", 10))
		o->pool = s + 10;
	else if (!strncmp(s, "--gigantic=", 11))
		o->gigantic = s + 11;
	else if (!strcmp(s, "--stack=unlimited"))
		o->stack = RLIM_UNLIMITED;
	else if (!strncmp(s, "--stack=", 8))
		o->stack = strtoull(s + 8, NULL, 0);
	else if (!strncmp(s, "--own=", 6))
		o->own = s + 6;
	else if (!strncmp(s, "--program=", 10))
		o->program = s + 10;
}

int main(int argc, char **argv)
{
	static char script[1 << 20];
	struct options o = {.stack = 8 * MiB};

	for (int i = 1; i < argc; i++)
		parse_option(&o, argv[i]);
	if (!o.program) {
		fprintf(stderr, "usage: replay --program=PROBE [--own=MAPS]\n");
		return 2;
	}
	script_gigantic = o.gigantic != NULL;
	script_hugetlb = o.pool || o.gigantic;
	script_huge |= script_hugetlb;
	boot(&o);
	own_pools(o.pool, o.gigantic);
	look_faults_begin();
	script_run(script, fread(script, 1, sizeof(script), stdin),
		mm_at(m, task->mm)->brk, o.echo);
	while (depth)
		child_ends(0);
	put_flush();
	check();
	vm_destroy(m);
	return 0;
}
