/*
 * Calls of a log, run by the simulated process, and compared.
 *
 * Where our address is not the log's, the mapping is moved to the log's, so
 * that one difference does not make every later line differ.
 */
#include <string.h>

#include "../abi.h"
#include "../disk/disk.h"
#include "../format.h"
#include "../mm/mm.h"
#include "../phys/phys.h"
#include "../task/task.h"
#include "input.h"
#include "input_i.h"

#define MAX_DIFFS 10000u
#define PATH_SIZE 4096

static void answer_format(int64_t v, char *buf, size_t size)
{
	if (v < 0 && v > -4096)
		vm_snprintf(buf, size, "-%s", vm_errno_name((int)-v));
	else
		vm_snprintf(buf, size, "0x%llx", (unsigned long long)v);
}

static void strace_differs(struct vm *m, struct strace_proc *p, uint64_t line,
	struct span call, int64_t theirs, int64_t ours)
{
	struct strace_head *h = &input_at(m, m->root->strace_first)->head;
	struct strace_diff *d;
	idx_t i;

	p->differ++;
	if (h->nr_diffs >= MAX_DIFFS)
		return;
	i = pool_alloc(m, SEG_INPUT);
	if (!i)
		return;
	d = &input_at(m, i)->diff;
	d->real_pid = p->real_pid;
	d->line = line;
	vm_snprintf(d->call, sizeof(d->call), "%.*s", (int)call.len, call.p);
	answer_format(theirs, d->theirs, sizeof(d->theirs));
	answer_format(ours, d->ours, sizeof(d->ours));
	if (ours < 0 && ours > -4096)
		vm_snprintf(d->why, sizeof(d->why), "%s", vm_sentence(m));
	if (h->last_diff)
		input_at(m, h->last_diff)->next = i;
	else
		h->diffs = i;
	h->last_diff = i;
	h->nr_diffs++;
}

static void compare(struct vm *m, struct strace_proc *p,
	const struct strace_call *c, uint64_t line, int64_t ours)
{
	p->calls++;
	if (!c->answered || c->ret == ours)
		p->same++;
	else
		strace_differs(m, p, line, c->name, c->ret, ours);
}

/*
 * The descriptor a mapping names: the simulated process gets the same number
 * for the same path, so that two mappings through one descriptor can merge as
 * they do in the kernel.
 */
static idx_t file_for(struct vm *m, struct task *t, int fd, const char *want,
	uint64_t end, bool write)
{
	char have[PATH_SIZE];
	idx_t file = fd_lookup(m, t, fd), ino;

	if (*want != '/')
		return file;
	if (file) {
		disk_path(m, file_at(m, file)->inode, have, sizeof(have));
		if (strcmp(have, want) ||
			(write && !(file_at(m, file)->mode & FMODE_WRITE))) {
			fd_close(m, t, fd);
			file = 0;
		}
	}
	ino = disk_lookup(m, want, true);
	vm_fail_clear(m);
	/* a placeholder, all hole, grows with what is mapped of it */
	if (!ino ||
		(!inode_at(m, ino)->nr_blocks && inode_at(m, ino)->size < end))
		ino = disk_placeholder(m, want, end);
	if (file || !ino)
		return file;
	file = file_open(m, NULL, want, FMODE_READ | (write ? FMODE_WRITE : 0));
	if (file && fd_install(m, t, file, fd) < 0) {
		file_put(m, file);
		return 0;
	}
	return file;
}

/* Moves what we put at `ours` to where the log has it. */
static void follow(struct vm *m, struct task *t, vaddr_t ours, vaddr_t theirs,
	uint64_t len)
{
	mm_mremap(m, t, ours, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, theirs);
	vm_fail_clear(m);
}

/*
 * A log has no accesses.  To what a program may write it writes soon, as a rule
 * before it maps something beside it; the mappings then have an anon_vma, and
 * merge with no others that have one of their own.
 */
static void assume_written(
	struct vm *m, const struct task *t, vaddr_t at, uint64_t len)
{
	struct vma *v = vma_lookup(m, t->mm, at);

	for (; v && v->start < at + len;
		v = v->next ? vma_at(m, v->next) : NULL)
		if ((v->flags & (VM_WRITE | VM_SHARED)) == VM_WRITE)
			anon_vma_prepare(m, v);
}

static void do_mmap(struct vm *m, struct strace_proc *p, struct task *t,
	const struct strace_call *c, uint64_t line)
{
	struct mmap_args a = {
		.addr = strace_number(c->arg[0]),
		.len = strace_number(c->arg[1]),
		.prot = strace_number(c->arg[2]),
		.flags = strace_number(c->arg[3]),
		.off = strace_number(c->arg[5]),
	};
	char path[PATH_SIZE];
	int fd = strace_fd(c->arg[4], path, sizeof(path));
	int64_t ours;

	if (!(a.flags & MAP_ANONYMOUS) && fd >= 0)
		a.file = file_for(m, t, fd, path, a.off + a.len,
			(a.flags & MAP_TYPE) != MAP_PRIVATE &&
				(a.prot & PROT_WRITE));
	ours = mm_mmap(m, t, &a);
	compare(m, p, c, line, ours);
	if (ours > 0 && c->answered && c->ret > 0 && ours != c->ret) {
		follow(m, t, (vaddr_t)ours, (vaddr_t)c->ret, a.len);
		ours = c->ret;
	}
	if (ours > 0)
		assume_written(m, t, (vaddr_t)ours, a.len);
}

static void do_mremap(struct vm *m, struct strace_proc *p, struct task *t,
	const struct strace_call *c, uint64_t line)
{
	uint64_t len = strace_number(c->arg[2]);
	int64_t ours = mm_mremap(m, t, strace_number(c->arg[0]),
		strace_number(c->arg[1]), len, strace_number(c->arg[3]),
		c->nr_args > 4 ? strace_number(c->arg[4]) : 0);

	compare(m, p, c, line, ours);
	if (ours > 0 && c->answered && c->ret > 0 && ours != c->ret)
		follow(m, t, (vaddr_t)ours, (vaddr_t)c->ret, len);
}

/* Room for argv and envp of one execve: strings, and pointers to them. */
struct exec_room {
	const char **words;
	size_t nr, max;
	char *text;
	size_t used, size;
};

static bool exec_room(struct vm *m, struct exec_room *r, size_t len)
{
	*r = (struct exec_room){.max = len / 3 + 2, .size = len + 2};
	r->words = scratch_take(m, r->max * sizeof(*r->words));
	r->text = scratch_take(m, r->size);
	return r->words && r->text;
}

/* Unquotes a list; returns how many words it has. */
static unsigned exec_words(struct exec_room *r, struct span list)
{
	struct span e;
	unsigned n = 0;

	while (r->nr < r->max && strace_element(&list, &e)) {
		char *to = r->text + r->used;
		int len = strace_string(e, to, r->size - r->used);

		if (len < 0)
			break;
		r->words[r->nr++] = to;
		r->used += (size_t)len + 1;
		n++;
	}
	return n;
}

static int do_execve(struct vm *m, struct strace_proc *p, struct task *t,
	const struct strace_call *c, uint64_t line)
{
	struct exec_args x = {0};
	struct exec_room r;
	char path[PATH_SIZE];
	int err;

	if (strace_string(c->arg[0], path, sizeof(path)) < 0)
		return 0;
	if (c->answered && c->ret < 0) {
		compare(m, p, c, line, task_exec_check(m, path));
		return 0;
	}
	if (exec_room(m, &r, c->arg[1].len + c->arg[2].len)) {
		x.path = path;
		x.argc = exec_words(&r, c->arg[1]);
		x.argv = r.words;
		x.envc = exec_words(&r, c->arg[2]);
		x.envp = r.words + x.argc;
		while (t->fds)
			fd_close(m, t, (int)fd_at(m, t->fds)->number);
		err = task_exec(m, t, &x);
		compare(m, p, c, line, err);
	} else {
		err = vm_fail(
			m, ENOMEM, "no memory for the arguments of %s", path);
	}
	scratch_give(m, r.words ? (void *)r.words : r.text);
	return err == -ENOENT || err == -ENOMEM ? err : 0;
}

static void do_fork(struct vm *m, struct strace_proc *p,
	const struct strace_call *c, uint64_t line)
{
	struct span f = strace_member(c, "flags");
	uint64_t flags = strace_number(f);
	struct strace_proc *child = NULL;

	if (call_is(c, "vfork"))
		flags = CLONE_VM | CLONE_VFORK;
	if (!c->answered || c->ret <= 0) {
		p->calls++;
		p->same++;
		return;
	}
	child = strace_find(m, (uint32_t)c->ret);
	if (!child)
		child = strace_fork(m, p, (uint32_t)c->ret, flags);
	p->forked = 0;
	compare(m, p, c, line, child ? c->ret : -m->fail.err);
}

static int64_t protect(
	struct vm *m, struct task *t, vaddr_t at, uint64_t len, uint64_t prot)
{
	int64_t ours = mm_mprotect(m, t, at, len, prot);

	if (!ours)
		assume_written(m, t, at, len);
	return ours;
}

/* The simple calls: name, and what it does with up to three numbers. */
static bool simple_call(struct vm *m, struct task *t,
	const struct strace_call *c, int64_t *ours)
{
	uint64_t a[4] = {0};

	for (unsigned i = 0; i < 4 && i < c->nr_args; i++)
		a[i] = strace_number(c->arg[i]);
	if (call_is(c, "brk"))
		*ours = (int64_t)mm_brk(m, t, a[0]);
	else if (call_is(c, "munmap"))
		*ours = mm_munmap(m, t, a[0], a[1]);
	else if (call_is(c, "mprotect") || call_is(c, "pkey_mprotect"))
		*ours = protect(m, t, a[0], a[1], a[2]);
	else if (call_is(c, "madvise"))
		*ours = mm_madvise(m, t, a[0], a[1], (int)a[2]);
	else if (call_is(c, "mlock"))
		*ours = mm_mlock(m, t, a[0], a[1], 0);
	else if (call_is(c, "mlock2"))
		*ours = mm_mlock(m, t, a[0], a[1], a[2]);
	else if (call_is(c, "munlock"))
		*ours = mm_munlock(m, t, a[0], a[1]);
	else if (call_is(c, "mlockall"))
		*ours = mm_mlockall(m, t, a[0]);
	else if (call_is(c, "munlockall"))
		*ours = mm_munlockall(m, t);
	else if (call_is(c, "msync"))
		*ours = mm_msync(m, t, a[0], a[1], a[2]);
	else if (call_is(c, "mseal"))
		*ours = mm_mseal(m, t, a[0], a[1], a[2]);
	else
		return false;
	return true;
}

static bool is_fork(const struct strace_call *c)
{
	return call_is(c, "clone") || call_is(c, "clone3") ||
	       call_is(c, "fork") || call_is(c, "vfork");
}

int strace_apply(struct vm *m, struct strace_proc *p,
	const struct strace_call *c, uint64_t line)
{
	struct task *t = task_find(m, p->pid);
	int64_t ours = 0;

	vm_fail_clear(m);
	if (!t || !t->mm)
		return 0;
	phys_run_as(m, t);
	if ((call_is(c, "mmap") || call_is(c, "mmap2")) && c->nr_args >= 6) {
		do_mmap(m, p, t, c, line);
	} else if (call_is(c, "mremap") && c->nr_args >= 4) {
		do_mremap(m, p, t, c, line);
	} else if (call_is(c, "execve") && c->nr_args >= 2) {
		return do_execve(m, p, t, c, line);
	} else if (is_fork(c)) {
		do_fork(m, p, c, line);
	} else if (call_is(c, "exit_group") || call_is(c, "exit")) {
		p->ended = 1;
		t->state = TASK_STOPPED;
		task_vfork_done(m, t);
		t->exit_pending = (uint32_t)(strace_number(c->arg[0]) & 0xff);
	} else if (simple_call(m, t, c, &ours) ||
		   strace_numa_call(m, t, c, &ours)) {
		compare(m, p, c, line, ours);
	} else {
		input_at(m, m->root->strace_first)->head.ignored++;
	}
	return 0;
}

struct strace_proc *strace_find(struct vm *m, uint32_t real_pid)
{
	idx_t i = m->root->strace_first
			  ? input_at(m, m->root->strace_first)->head.procs
			  : 0;

	for (; i; i = input_at(m, i)->next)
		if (input_at(m, i)->proc.real_pid == real_pid)
			return &input_at(m, i)->proc;
	return NULL;
}

struct strace_proc *strace_add(struct vm *m, uint32_t real_pid, uint32_t pid)
{
	struct strace_head *h = &input_at(m, m->root->strace_first)->head;
	idx_t i = pool_alloc(m, SEG_INPUT);
	struct strace_proc *p;

	if (!i)
		return NULL;
	p = &input_at(m, i)->proc;
	p->real_pid = real_pid;
	p->pid = pid;
	if (h->last_proc)
		input_at(m, h->last_proc)->next = i;
	else
		h->procs = i;
	h->last_proc = i;
	return p;
}

struct strace_proc *strace_fork(struct vm *m, struct strace_proc *p,
	uint32_t real_pid, uint64_t clone_flags)
{
	struct task *t = task_find(m, p->pid);
	struct task *child;

	if (!t || !t->mm)
		return NULL;
	child = task_fork(m, t, (unsigned)clone_flags | SIGCHLD);
	return child ? strace_add(m, real_pid, child->pid) : NULL;
}
