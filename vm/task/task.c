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
#include "../slab/slab.h"
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

static void task_free_entry(struct vm *m, struct task *t)
{
	slab_free(m, t->object);
	pool_free(m, SEG_TASK, task_index(m, t));
}

static struct task *task_new(struct vm *m)
{
	uint32_t pid = pid_pick(m);
	struct task *t;
	paddr_t object;
	idx_t i;

	if (!pid)
		return NULL;
	object = object_alloc(m, CACHE_TASK);
	i = object ? pool_alloc(m, SEG_TASK) : 0;
	if (!i) {
		slab_free(m, object);
		return NULL;
	}
	t = task_at(m, i);
	t->object = object;
	t->pid = pid;
	t->tgid = pid;
	t->state = TASK_RUNNING;
	t->start_ns = m->root->ns;
	t->sibling = task_next_sibling(m);
	t->exit_signal = SIGCHLD;
	t->group.pgrp = t->group.session = pid;
	if (kstack_alloc(m, t)) {
		task_free_entry(m, t);
		return NULL;
	}
	list_insert(m, t);
	m->root->next_pid = pid + 1;
	return t;
}

uint64_t task_next_sibling(struct vm *m)
{
	return m->root->next_sibling++;
}

struct task *task_leader(const struct vm *m, const struct task *t)
{
	return t->pid == t->tgid ? (struct task *)t : task_find(m, t->tgid);
}

struct task *task_with_memory(const struct vm *m, const struct task *t)
{
	for (idx_t i = m->root->first_task; i; i = task_at(m, i)->next)
		if (task_at(m, i)->tgid == t->tgid && task_at(m, i)->mm)
			return task_at(m, i);
	return NULL;
}

void task_delete(struct vm *m, struct task *t)
{
	list_remove(m, t);
	kstack_free(m, t);
	task_free_entry(m, t);
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
	int err;

	if (!t)
		return NULL;
	t->parent = task_index(m, init);
	t->cred = cred_of_user(uid, gid);
	t->oom_score_adj = init->oom_score_adj;
	t->oom_score_adj_min = init->oom_score_adj_min;
	memcpy(t->rlim, init->rlim, sizeof(t->rlim));
	phys_run_as(m, t); /* or the OOM killer would take it as it is built */
	err = exec_load(m, t, x, name);
	phys_run_as(m, NULL);
	return err ? task_abort(m, t) : t;
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
	t->sibling = own.sibling;
	t->vfork_waiter = 0;
	t->stack = own.stack;
	t->object = own.object;
	t->mm = 0;
	t->state = TASK_RUNNING;
	t->exit_code = 0;
	t->exit_pending = 0;
	t->start_ns = m->root->ns;
	t->min_flt = 0;
	t->maj_flt = 0;
	t->utime_ns = 0;
	t->io = (struct task_io){0};
	t->pdeath_signal = 0;
	t->group = (struct task_group){0};
	t->flags |= PF_FORKNOEXEC;
	t->labels = 0;
	t->fds = 0;
	memset(&t->trace, 0, sizeof(t->trace));
	t->trace_carry = 0;
	t->last_sig = 0;
	memset(&t->last, 0, sizeof(t->last));
}

/* What of clone(2)'s flags does not fit together: copy_process(). */
static int check_clone(struct vm *m, const struct task *parent, unsigned flags)
{
	if (!parent->mm)
		return vm_fail(m, ESRCH,
			"process %u has exited and cannot fork", parent->pid);
	if (flags & CLONE_THREAD && !(flags & CLONE_SIGHAND))
		return vm_fail(m, EINVAL,
			"CLONE_THREAD needs CLONE_SIGHAND: threads share the "
			"handlers of signals");
	if (flags & CLONE_SIGHAND && !(flags & CLONE_VM))
		return vm_fail(m, EINVAL,
			"CLONE_SIGHAND needs CLONE_VM: handlers are "
			"addresses in memory");
	if (flags & CLONE_PARENT && !(flags & CLONE_THREAD) &&
		task_leader(m, parent)->pid == PID_INIT)
		return vm_fail(m, EINVAL,
			"init has no sibling: CLONE_PARENT is not for PID 1");
	return check_nproc(m, parent);
}

/* Whose child, and in which process. */
static void join_family(
	struct vm *m, struct task *t, const struct task *parent, unsigned flags)
{
	const struct task *leader = task_leader(m, parent);

	t->exit_signal = (int32_t)(flags & CSIGNAL);
	if (flags & (CLONE_PARENT | CLONE_THREAD)) {
		t->parent = parent->parent;
		t->exit_signal = leader->exit_signal;
	}
	if (flags & CLONE_THREAD) {
		t->tgid = parent->tgid;
		t->exit_signal = -1;
	} else {
		t->group.pgrp = leader->group.pgrp;
		t->group.session = leader->group.session;
		t->group.sig_ignored = leader->group.sig_ignored;
	}
}

struct task *task_fork(struct vm *m, struct task *parent, unsigned flags)
{
	struct task *t;

	phys_run_as(m, parent);
	if (check_clone(m, parent, flags))
		return NULL;
	t = task_new(m);
	if (!t)
		return NULL;
	copy_task(m, t, parent);
	join_family(m, t, parent, flags);
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
	if ((flags & (CLONE_VM | CLONE_THREAD | CLONE_VFORK)) == CLONE_VM)
		mm_at(m, t->mm)->multiprocess = 1;
	if (flags & CLONE_VFORK) {
		t->vfork_waiter = task_index(m, parent);
		parent->state = TASK_SUSPENDED;
	}
	kstack_note(m, t);
	m->root->count[CNT_FORKS]++;
	return t;
}

void task_take_pid(struct vm *m, struct task *t, uint32_t pid)
{
	list_remove(m, t);
	t->pid = pid;
	list_insert(m, t);
}
