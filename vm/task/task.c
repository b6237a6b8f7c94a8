/*
 * The life of tasks: birth, fork, exit, reaping.  All tasks are on one list
 * in order of PID, whose ends are in struct root; m->pid_map finds them by
 * PID and is derived from the list.
 */
#include "task_i.h"

#include <string.h>

#include "../abi.h"
#include "../mm/mm.h"
#include "../mmu/mmu.h"
#include "exec.h"

struct task *task_find(const struct vm *m, uint32_t pid)
{
	if (pid >= m->pid_map_size || !m->pid_map[pid])
		return NULL;
	return task_at(m, m->pid_map[pid]);
}

struct task *task_next(const struct vm *m, uint32_t pid)
{
	for (; pid < m->pid_map_size; pid++)
		if (m->pid_map[pid])
			return task_at(m, m->pid_map[pid]);
	return NULL;
}

int task_init(struct vm *m)
{
	m->pid_map = m->arena.host->reserve((PID_MAX + 1) * sizeof(idx_t));
	if (m->pid_map)
		return 0;
	return vm_fail(m, ENOMEM, "the host has no address space for %u PIDs",
		PID_MAX);
}

void task_free(struct vm *m)
{
	if (m->pid_map)
		m->arena.host->release(
			m->pid_map, (PID_MAX + 1) * sizeof(idx_t));
	m->pid_map = NULL;
}

static void pid_map_set(struct vm *m, uint32_t pid, idx_t i)
{
	m->pid_map[pid] = i;
	if (pid >= m->pid_map_size)
		m->pid_map_size = pid + 1;
}

int task_reindex(struct vm *m)
{
	uint32_t last = 0;

	memset(m->pid_map, 0, m->pid_map_size * sizeof(idx_t));
	m->pid_map_size = 0;
	for (idx_t i = m->root->first_task; i; i = task_at(m, i)->next) {
		uint32_t pid = task_at(m, i)->pid;

		if (pid <= last || pid > PID_MAX)
			return vm_fail(m, EINVAL,
				"PID %u follows PID %u in the list of tasks",
				pid, last);
		pid_map_set(m, pid, i);
		last = pid;
	}
	return 0;
}

/* PIDs ascend; after the last one they start again above the reserved ones. */
static uint32_t pid_pick(struct vm *m)
{
	uint32_t pid = m->root->next_pid ? m->root->next_pid : PID_INIT;

	for (uint32_t tries = 0; tries < PID_MAX; tries++, pid++) {
		if (pid >= PID_MAX)
			pid = PID_RESERVED + 1;
		if (!task_find(m, pid))
			return pid;
	}
	vm_fail(m, EAGAIN, "all %u PIDs are in use", PID_MAX);
	return 0;
}

/* Puts t into the list; most often at its end. */
static void list_insert(struct vm *m, struct task *t)
{
	idx_t self = task_index(m, t);
	idx_t before = m->root->last_task;

	while (before && task_at(m, before)->pid > t->pid)
		before = task_at(m, before)->prev;
	t->prev = before;
	t->next = before ? task_at(m, before)->next : m->root->first_task;
	if (before)
		task_at(m, before)->next = self;
	else
		m->root->first_task = self;
	if (t->next)
		task_at(m, t->next)->prev = self;
	else
		m->root->last_task = self;
	pid_map_set(m, t->pid, self);
}

static void list_remove(struct vm *m, struct task *t)
{
	if (t->prev)
		task_at(m, t->prev)->next = t->next;
	else
		m->root->first_task = t->next;
	if (t->next)
		task_at(m, t->next)->prev = t->prev;
	else
		m->root->last_task = t->prev;
	m->pid_map[t->pid] = 0;
}

static struct task *task_new(struct vm *m)
{
	uint32_t pid = pid_pick(m);
	struct task *t;
	idx_t i;

	if (!pid)
		return NULL;
	i = pool_alloc(m, SEG_TASK);
	if (!i)
		return NULL;
	t = task_at(m, i);
	t->pid = pid;
	t->tgid = pid;
	t->state = TASK_RUNNING;
	t->start_ns = m->root->ns;
	if (kstack_alloc(m, t)) {
		pool_free(m, SEG_TASK, i);
		return NULL;
	}
	list_insert(m, t);
	m->root->next_pid = pid + 1;
	return t;
}

/* Frees what no longer has an mm, files or labels. */
static void task_delete(struct vm *m, struct task *t)
{
	list_remove(m, t);
	kstack_free(m, t);
	pool_free(m, SEG_TASK, task_index(m, t));
}

/* Takes back a birth that failed half way. */
static struct task *task_abort(struct vm *m, struct task *t)
{
	uint32_t pid = t->pid;

	label_forget_all(m, t);
	fd_close_all(m, t);
	task_delete(m, t);
	m->root->next_pid = pid;
	return NULL;
}

void task_set_comm(struct task *t, const char *path)
{
	const char *base = path;

	for (const char *p = path; *p; p++)
		if (*p == '/')
			base = p + 1;
	memset(t->comm, 0, sizeof(t->comm));
	memcpy(t->comm, base, strnlen(base, sizeof(t->comm) - 1));
}

int task_boot(struct vm *m)
{
	struct exec_args bare = {0};
	struct task *t;
	int err = vdso_boot(m);

	if (err)
		return err;
	t = task_new(m);
	if (!t)
		return -m->fail.err;
	rlimit_default(m, t->rlim);
	t->cred = cred_of_user(0, 0);
	err = exec_load(m, t, &bare, "init");
	if (err)
		task_abort(m, t);
	return err;
}

struct task *task_spawn(struct vm *m, uint32_t uid, uint32_t gid,
	const struct exec_args *x, const char *name)
{
	struct task *init = task_find(m, PID_INIT);
	struct task *t = task_new(m);

	if (!t)
		return NULL;
	t->parent = task_index(m, init);
	t->cred = cred_of_user(uid, gid);
	memcpy(t->rlim, init->rlim, sizeof(t->rlim));
	if (exec_load(m, t, x, name))
		return task_abort(m, t);
	return t;
}

static int check_nproc(struct vm *m, const struct task *t)
{
	uint64_t limit = t->rlim[RLIM_NPROC].soft;
	uint64_t nr = 0;

	if (!t->cred.uid || limit == RLIM_UNLIMITED ||
		task_capable(t, CAP_SYS_RESOURCE) ||
		task_capable(t, CAP_SYS_ADMIN))
		return 0;
	for (idx_t i = m->root->first_task; i; i = task_at(m, i)->next)
		nr += task_at(m, i)->cred.uid == t->cred.uid;
	if (nr < limit)
		return 0;
	return vm_fail(m, EAGAIN,
		"user %u has %llu tasks, RLIMIT_NPROC allows %llu", t->cred.uid,
		(unsigned long long)nr, (unsigned long long)limit);
}

/* What a child does not have from its parent. */
static void copy_task(struct vm *m, struct task *t, const struct task *parent)
{
	struct task own = *t;

	*t = *parent;
	t->pid = own.pid;
	t->tgid = own.tgid;
	t->prev = own.prev;
	t->next = own.next;
	t->parent = task_index(m, parent);
	t->stack = own.stack;
	t->mm = 0;
	t->state = TASK_RUNNING;
	t->exit_code = 0;
	t->exit_pending = 0;
	t->start_ns = m->root->ns;
	t->min_flt = 0;
	t->maj_flt = 0;
	t->utime_ns = 0;
	t->labels = 0;
	t->fds = 0;
	memset(&t->trace, 0, sizeof(t->trace));
	t->trace_carry = 0;
	t->last_sig = 0;
	memset(&t->last, 0, sizeof(t->last));
}

struct task *task_fork(struct vm *m, struct task *parent, unsigned flags)
{
	struct task *t;

	phys_run_as(m, parent);
	if (!parent->mm) {
		vm_fail(m, ESRCH, "process %u has exited and cannot fork",
			parent->pid);
		return NULL;
	}
	if (flags & CLONE_THREAD && !(flags & CLONE_VM)) {
		vm_fail(m, EINVAL,
			"CLONE_THREAD needs CLONE_VM: threads share memory");
		return NULL;
	}
	if (check_nproc(m, parent))
		return NULL;
	t = task_new(m);
	if (!t)
		return NULL;
	copy_task(m, t, parent);
	if (flags & CLONE_THREAD) {
		t->tgid = parent->tgid;
		t->parent = parent->parent;
	}
	if (label_copy_all(m, t, parent) || fd_copy_all(m, t, parent))
		return task_abort(m, t);
	if (flags & CLONE_VM) {
		t->mm = parent->mm;
		mm_at(m, t->mm)->users++;
	} else {
		t->mm = mm_fork(m, parent);
		if (!t->mm)
			return task_abort(m, t);
	}
	kstack_note(m, t);
	m->root->count[CNT_FORKS]++;
	return t;
}

/* A task of t's process other than t that still runs, or NULL. */
static struct task *other_thread(const struct vm *m, const struct task *t)
{
	for (idx_t i = m->root->first_task; i; i = task_at(m, i)->next) {
		struct task *o = task_at(m, i);

		if (o != t && o->tgid == t->tgid && o->state != TASK_ZOMBIE)
			return o;
	}
	return NULL;
}

/* Reaps a zombie that nobody waits for. */
static void zombie_settle(struct vm *m, struct task *t)
{
	struct task *leader;

	if (t->pid != t->tgid) {
		leader = task_find(m, t->tgid);
		task_reap(m, t);
		if (leader && leader->state == TASK_ZOMBIE)
			zombie_settle(m, leader);
		return;
	}
	if (other_thread(m, t))
		return;
	if (!t->parent || task_at(m, t->parent)->pid == PID_INIT)
		task_reap(m, t);
}

/* Children go to another thread of the process, else to init. */
static void reparent_children(struct vm *m, struct task *t)
{
	struct task *reaper = other_thread(m, t);
	idx_t self = task_index(m, t);
	idx_t i, next;

	if (!reaper)
		reaper = task_find(m, PID_INIT);
	for (i = m->root->first_task; i; i = next) {
		struct task *child = task_at(m, i);

		next = child->next;
		if (child->parent != self)
			continue;
		child->parent = task_index(m, reaper);
		if (child->state == TASK_ZOMBIE)
			zombie_settle(m, child);
	}
}

void task_exit(struct vm *m, struct task *t, int code)
{
	idx_t mm = t->mm;

	if (t->pid == PID_INIT || t->state == TASK_ZOMBIE)
		return;
	cpu_drop_task(m, t);
	t->mm = 0;
	mm_put(m, mm);
	fd_close_all(m, t);
	label_forget_all(m, t);
	kstack_free(m, t);
	t->state = TASK_ZOMBIE;
	t->exit_code = code;
	reparent_children(m, t);
	zombie_settle(m, t);
}

void task_reap(struct vm *m, struct task *t)
{
	task_delete(m, t);
}

void task_become_leader(struct vm *m, struct task *t)
{
	struct task *o, *leader;

	while ((o = other_thread(m, t)))
		task_exit(m, o, 0);
	leader = task_find(m, t->tgid);
	if (leader == t)
		return;
	t->parent = leader->parent;
	task_delete(m, leader);
	list_remove(m, t);
	t->pid = t->tgid;
	list_insert(m, t);
}
