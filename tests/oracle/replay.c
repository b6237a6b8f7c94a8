/*
 * replay: runs a script of memory calls in the machine and prints its answers
 * in the words of the probe.
 *
 *	replay [--echo] [--check] --own=FILE < script
 *
 *	--own    maps of a fresh probe (`echo dump own | probe`): the process
 *	         gets the same mappings before the script starts
 *	--thp    transparent huge pages for those who ask (madvise)
 *	--check  check every invariant of the machine after each call
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../host/host.h"
#include "../../vm/disk/disk.h"
#include "../../vm/mm/mm_i.h"
#include "../../vm/mmu/mmu.h"
#include "../../vm/task/prctl.h"
#include "../../vm/task/task.h"
#include "../../vm/vm.h"
#include "replay.h"

#define MAX_FILES 64
#define MAX_DEPTH 16

struct vm *m;
struct task *task;
static struct task *parents[MAX_DEPTH];
static unsigned parents_inodes[MAX_DEPTH];
static int depth;
static bool check_always;

static struct open_file {
	idx_t file;
	char name[64]; /* of a memfd */
} files[MAX_FILES];
static int nr_files;

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

	return file ? disk_truncate(m, file_at(m, file)->inode, a[1]) : -EBADF;
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
	case CALL_PRCTL:
		return task_prctl(m, task, (unsigned)a[0], a + 1);
	default:
		return -ENOSYS;
	}
}

int64_t host_call(enum call nr, const uint64_t a[6])
{
	int64_t r;

	vm_fail_clear(m);
	r = call(nr, a);
	if (check_always && vm_check(m))
		die("check");
	return r;
}

int64_t host_mincore(uint64_t addr, uint64_t len, uint8_t *vec, size_t max)
{
	vm_fail_clear(m);
	return mm_mincore(m, task, addr, len, vec, max);
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

	vm_fail_clear(m);
	err = mem_access(m, task, addr, 1, kinds[kind], &value, &sf);
	if (err && err != -EFAULT)
		die("access");
	f->sig = sf.sig;
	f->code = sf.code;
	f->addr = sf.addr;
	f->err = sf.error_code;
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

	vm_fail_clear(m);
	return task_setrlimit(m, task, which, &want);
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

bool host_command(char **word, int nr)
{
	return false;
}

/* ---- files -------------------------------------------------------------- */

static int64_t file_add(idx_t inode, uint32_t mode, const char *name)
{
	struct open_file *f = &files[nr_files];

	if (nr_files == MAX_FILES)
		return -EMFILE;
	f->file = file_of_inode(m, inode, mode);
	if (!f->file)
		die("open");
	snprintf(f->name, sizeof(f->name), "%s", name);
	nr_files++;
	return fd_install(m, task, f->file, -1);
}

static void memory_fill(idx_t inode, uint64_t bytes)
{
	for (uint64_t i = 0; i < page_up(m, bytes) / m->page_size; i++) {
		pfn_t pfn = cache_get(m, inode, i, NULL);

		if (pfn == PFN_NONE)
			die("memfd");
		memset(frame_bytes(m, pfn), (int)('A' + i % 26), m->page_size);
	}
}

static const char *tag = ""; /* see probe.c */

static idx_t disk_fill(const char *name, uint64_t bytes)
{
	char path[96], page[4096];
	idx_t inode;

	snprintf(path, sizeof(path), "/tmp/oracle-%s%s", tag, name);
	inode = disk_create(m, path, 0600, 0, 0);
	for (uint64_t off = 0; inode && off < bytes; off += sizeof(page)) {
		uint64_t n = bytes - off;

		memset(page, (int)('A' + off / sizeof(page) % 26),
			sizeof(page));
		if (disk_write(m, inode, off, page,
			    n < sizeof(page) ? n : sizeof(page)) < 0)
			die("file");
		/* What was just written is in the kernel's cache. */
		if (cache_get(m, inode, off / sizeof(page), NULL) == PFN_NONE)
			die("file");
	}
	return inode;
}

int64_t host_file(const char *name, uint64_t bytes, bool memory)
{
	char memfd[64] = "";
	idx_t inode;

	vm_fail_clear(m);
	inode = memory ? shmem_create(m, bytes) : disk_fill(name, bytes);
	if (!inode)
		die("file");
	if (memory) {
		int64_t fd;

		memory_fill(inode, bytes);
		snprintf(memfd, sizeof(memfd), "/memfd:%s (deleted)", name);
		fd = file_add(inode, FMODE_READ | FMODE_WRITE, memfd);
		inode_put(m, inode); /* the file holds it */
		return fd;
	}
	return file_add(inode, FMODE_READ | FMODE_WRITE, memfd);
}

int64_t host_open(const char *path, unsigned mode)
{
	static const uint32_t fmode[] = {
		FMODE_READ, FMODE_WRITE, FMODE_READ | FMODE_WRITE};
	idx_t inode;

	vm_fail_clear(m);
	inode = disk_lookup(m, path, true);
	return inode ? file_add(inode, fmode[mode], "") : -ENOENT;
}

int64_t host_close(int64_t fd)
{
	return fd_close(m, task, (int)fd);
}

/* ---- fork --------------------------------------------------------------- */

void host_fork(void)
{
	struct task *child;

	vm_fail_clear(m);
	child = task_fork(m, task, false);
	if (!child || depth == MAX_DEPTH)
		die("fork");
	parents_inodes[depth] = inodes_seen();
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

/* ---- maps --------------------------------------------------------------- */

static void name_of(const struct vma *v, char *buf, size_t size)
{
	vma_name(m, mm_at(m, task->mm), v, buf, size);
	for (int i = 0; v->file && i < nr_files; i++)
		if (files[i].name[0] && files[i].file == v->file)
			snprintf(buf, size, "%s", files[i].name);
}

static void dump_vma(const struct vma *v)
{
	char line[512], name[256] = "";
	const struct inode *inode = NULL;
	int n;

	if (v->file)
		inode = inode_at(m, file_at(m, v->file)->inode);
	name_of(v, name, sizeof(name));
	n = snprintf(line, sizeof(line),
		"%08llx-%08llx %c%c%c%c %08llx 00:%02x %u ",
		(unsigned long long)v->start, (unsigned long long)v->end,
		v->flags & VM_READ ? 'r' : '-', v->flags & VM_WRITE ? 'w' : '-',
		v->flags & VM_EXEC ? 'x' : '-',
		v->flags & VM_MAYSHARE ? 's' : 'p',
		v->file ? (unsigned long long)(v->pgoff << m->page_shift) : 0,
		inode ? 1 : 0,
		inode ? inode->ino * 2 + (inode->type == INODE_SHMEM) : 0);
	if (name[0])
		n += snprintf(line + n, sizeof(line) - (size_t)n, "%*s%s",
			n < 73 ? 73 - n : 0, "", name);
	n += snprintf(line + n, sizeof(line) - (size_t)n, "\n");
	put_maps_line(line, line + n);
}

void host_dump(enum dump what)
{
	struct vma *v;

	vma_for_each (m, mm_at(m, task->mm), v)
		if (what == DUMP_ALL ||
			host_is_own(v->start, v->end) == (what == DUMP_OWN))
			dump_vma(v);
	if (what != DUMP_SCRIPT)
		put_text("ffffffffff600000-ffffffffff601000 --xp 00000000 "
			 "00:00 0                  [vsyscall]\n");
	put_flush();
}

/* ---- start -------------------------------------------------------------- */

static void boot(void)
{
	static const struct exec_args bare;
	struct vm_config c;
	char err[SENTENCE_MAX];

	vm_config_default(&c);
	c.ram = 2 * GiB;
	m = vm_boot(&c, &host_mmap, err);
	if (!m) {
		fprintf(stderr, "replay: %s\n", err);
		exit(2);
	}
	task = task_spawn(m, 0, 0, &bare, "probe");
	if (!task)
		die("spawn");
	mm_at(m, task->mm)->thp_disable = !script_huge;
	m->root->set.thp_enabled = script_huge ? THP_MADVISE : THP_NEVER;
	if (disk_mkdir(m, "/tmp", 0777, 0, 0))
		die("/tmp");
}

int main(int argc, char **argv)
{
	static char script[1 << 20];
	const char *own_path = NULL;
	bool echo = false;
	vaddr_t brk;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--echo"))
			echo = true;
		else if (!strcmp(argv[i], "--check"))
			check_always = true;
		else if (!strcmp(argv[i], "--thp"))
			script_huge = true;
		else if (!strncmp(argv[i], "--own=", 6))
			own_path = argv[i] + 6;
		else if (!strncmp(argv[i], "--tag=", 6))
			tag = argv[i] + 6;
	}
	boot();
	brk = own_path ? load_own(own_path) : mm_at(m, task->mm)->brk;
	look_faults_begin();
	script_run(script, fread(script, 1, sizeof(script), stdin), brk, echo);
	while (depth)
		child_ends(0);
	put_flush();
	if (vm_check(m))
		die("check");
	vm_destroy(m);
	return 0;
}
