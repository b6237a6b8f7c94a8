/*
 * The ends of tasks: exit, who becomes the parent of orphans, and wait.
 *
 * Source: Linux kernel/exit.c (do_exit, exit_notify, forget_original_parent,
 * find_new_reaper, do_wait), kernel/fork.c (mm_release), fs/exec.c
 * (de_thread).
 */
#include "signal.h"
#include "task_i.h"

#include "../abi.h"
#include "../mm/mm.h"
#include "../mmu/mmu.h"

/* A task of that process that still runs, but not t; or NULL. */
static struct task *live_thread(
	const struct vm *m, uint32_t tgid, const struct task *t)
{
	for (idx_t i = m->root->first_task; i; i = task_at(m, i)->next) {
		struct task *o = task_at(m, i);

		if (o != t && o->tgid == tgid && o->state != TASK_ZOMBIE)
			return o;
	}
	return NULL;
}

static struct task *other_thread(const struct vm *m, const struct task *t)
{
	return live_thread(m, t->tgid, t);
}

/* ---- vfork -------------------------------------------------------------- */

void task_vfork_done(struct vm *m, struct task *t)
{
	if (!t->vfork_waiter)
		return;
	signal_resume(m, task_at(m, t->vfork_waiter));
	t->vfork_waiter = 0;
}

/* A task that dies while it is suspended waits for nobody any more. */
static void forget_waiter(struct vm *m, const struct task *t)
{
	idx_t self = task_index(m, t);

	for (idx_t i = m->root->first_task; i; i = task_at(m, i)->next)
		if (task_at(m, i)->vfork_waiter == self)
			task_at(m, i)->vfork_waiter = 0;
}

/* ---- orphans ------------------------------------------------------------ */

/* Who becomes the parent of t's children. */
static struct task *reaper_of(const struct vm *m, const struct task *t)
{
	struct task *thread = other_thread(m, t), *p;

	for (idx_t i = t->parent; !thread && i; i = p->parent) {
		p = task_at(m, i);
		if (!task_leader(m, p)->group.subreaper)
			continue;
		thread = p->state != TASK_ZOMBIE ? p : other_thread(m, p);
	}
	return thread ? thread : task_find(m, PID_INIT);
}

void task_io_add(struct task_io *to, const struct task_io *io)
{
	to->rchar += io->rchar;
	to->wchar += io->wchar;
	to->syscr += io->syscr;
	to->syscw += io->syscw;
	to->read_bytes += io->read_bytes;
	to->write_bytes += io->write_bytes;
	to->cancelled += io->cancelled;
}

static void thread_reap(struct vm *m, struct task *t)
{
	struct task_group *g = &task_leader(m, t)->group;

	g->min_flt += t->min_flt;
	g->maj_flt += t->maj_flt;
	g->utime_ns += t->utime_ns;
	task_io_add(&g->io, &t->io);
	task_delete(m, t);
}

/* init waits for all its children, and who ignores SIGCHLD for none. */
static bool is_reaped_at_once(const struct vm *m, const struct task *t)
{
	const struct task *parent = task_leader(m, task_at(m, t->parent));

	return parent->pid == PID_INIT ||
	       (t->exit_signal == SIGCHLD &&
		       parent->group.sig_ignored & SIG_BIT(SIGCHLD));
}

/* Reaps a zombie that nobody waits for. */
static void zombie_settle(struct vm *m, struct task *t)
{
	struct task *leader = task_leader(m, t);

	if (t != leader) {
		thread_reap(m, t);
		if (leader->state == TASK_ZOMBIE)
			zombie_settle(m, leader);
		return;
	}
	if (!other_thread(m, t) && is_reaped_at_once(m, t))
		task_delete(m, t);
}

/* t's child that comes first after the place `after`, or NULL. */
static struct task *child_after(
	const struct vm *m, const struct task *t, uint64_t after)
{
	struct task *first = NULL;
	idx_t self = task_index(m, t);

	for (idx_t i = m->root->first_task; i; i = task_at(m, i)->next) {
		struct task *c = task_at(m, i);

		if (c->parent == self && c->sibling >= after &&
			c->exit_signal != -1 &&
			(!first || c->sibling < first->sibling))
			first = c;
	}
	return first;
}

/* The threads of a child of `from`, who ends; those who asked for it are sent
 * a signal, if `from` may do that. */
static void reparent_threads(struct vm *m, const struct task *from,
	const struct task *leader, const struct task *to)
{
	for (idx_t i = m->root->first_task; i; i = task_at(m, i)->next) {
		struct task *t = task_at(m, i);

		if (t->tgid != leader->tgid)
			continue;
		t->parent = task_index(m, to);
		if (t->pdeath_signal)
			signal_of_parent(m, from, t);
	}
}

/* In their order, behind the children that the new parent has. */
static void reparent_children(struct vm *m, struct task *t)
{
	struct task *reaper = NULL, *child;

	while ((child = child_after(m, t, 0))) {
		if (!reaper)
			reaper = reaper_of(m, t);
		reparent_threads(m, t, child, reaper);
		child->sibling = task_next_sibling(m);
		if (reaper->tgid == t->tgid)
			continue;
		child->exit_signal = SIGCHLD;
		pgrp_left(m, child, t, false);
		if (child->state == TASK_ZOMBIE)
			zombie_settle(m, child);
	}
}

/* ---- exit --------------------------------------------------------------- */

/* The last thread's code is the process's. */
static void process_ended(struct vm *m, struct task *leader, int code)
{
	struct task_group *g = &leader->group;

	leader->exit_code = code;
	g->stop_sig = g->stop_code = g->stopped = g->continued = 0;
	pgrp_left(m, leader, task_at(m, leader->parent), true);
}

static void end(struct vm *m, struct task *t, int code)
{
	idx_t mm = t->mm;

	cpu_drop_task(m, t);
	t->mm = 0;
	mm_put(m, mm);
	fd_close_all(m, t);
	label_forget_all(m, t);
	kstack_free(m, t);
	task_vfork_done(m, t);
	forget_waiter(m, t);
	t->state = TASK_ZOMBIE;
	t->exit_code = code;
	t->flags |= PF_EXITING | PF_POSTCOREDUMP | PF_NOFREEZE;
	if (code & 0x7f)
		t->flags |= PF_SIGNALED;
	reparent_children(m, t);
	if (!other_thread(m, t))
		process_ended(m, task_leader(m, t), code);
	zombie_settle(m, t);
}

void task_exit(struct vm *m, struct task *t, int code)
{
	if (t->pid != PID_INIT && t->state != TASK_ZOMBIE)
		end(m, t, code);
}

void task_exit_group(struct vm *m, struct task *t, int code)
{
	uint32_t pid = t->pid, tgid = t->tgid;
	struct task *o;

	if (tgid == PID_INIT)
		return;
	while ((o = live_thread(m, tgid, t))) {
		o->flags |= PF_SIGNALED;
		task_exit(m, o, code);
	}
	/* A leader that had ended before may be gone with its last thread. */
	if (task_find(m, pid) == t)
		task_exit(m, t, code);
}

/* Ends all other threads, whose leader's PID, parent and age t takes over; init
 * lives on in t. */
void task_become_leader(struct vm *m, struct task *t)
{
	struct task *leader = task_leader(m, t), *o;

	while ((o = other_thread(m, t)))
		end(m, o, 0);
	t->exit_signal = SIGCHLD;
	if (leader == t)
		return;
	t->parent = leader->parent;
	t->sibling = leader->sibling;
	t->start_ns = leader->start_ns;
	t->group = leader->group;
	t->group.min_flt += leader->min_flt;
	t->group.maj_flt += leader->maj_flt;
	t->group.utime_ns += leader->utime_ns;
	task_io_add(&t->group.io, &leader->io);
	task_delete(m, leader);
	task_take_pid(m, t, t->tgid);
}

/* ---- wait --------------------------------------------------------------- */

static bool is_meant(const struct vm *m, const struct task *t,
	const struct task *child, int64_t pid, uint32_t options)
{
	uint32_t pgrp = task_leader(m, t)->group.pgrp;
	bool clone = child->exit_signal != SIGCHLD;

	if (!(options & WALL) && clone != !!(options & WCLONE))
		return false;
	return pid > 0	   ? child->pid == pid
	       : pid == -1 ? true
	       : pid == 0  ? child->group.pgrp == pgrp
			   : child->group.pgrp == -pid;
}

void task_reap(struct vm *m, struct task *child)
{
	struct task *parent = task_at(m, child->parent);
	struct task_group *to = &task_leader(m, parent)->group;
	const struct task_group *g = &child->group;

	to->cmin_flt += child->min_flt + g->min_flt + g->cmin_flt;
	to->cmaj_flt += child->maj_flt + g->maj_flt + g->cmaj_flt;
	to->cutime_ns += child->utime_ns + g->utime_ns + g->cutime_ns;
	task_io_add(&to->io, &child->io);
	task_io_add(&to->io, &g->io);
	task_delete(m, child);
}

/* What there is to tell of a child; false if it could not have news. */
static bool news_of(struct vm *m, const struct task *child, uint32_t options,
	struct task_end *end)
{
	const struct task_group *g = &child->group;

	if (child->state == TASK_ZOMBIE && !other_thread(m, child)) {
		if (options & WAIT_EXITED)
			*end = (struct task_end){child->pid, child->exit_code};
		return options & WAIT_EXITED;
	}
	if (options & WAIT_STOPPED && g->stopped && g->stop_code)
		*end = (struct task_end){
			child->pid, g->stop_code << 8 | CODE_STOPPED};
	else if (options & WAIT_CONTINUED && g->continued)
		*end = (struct task_end){child->pid, CODE_CONTINUED};
	return true;
}

/* The children of one thread; whether any is meant. */
static bool wait_thread(struct vm *m, struct task *t, int64_t pid,
	uint32_t options, struct task_end *end)
{
	struct task *child;
	uint64_t after = 0;
	bool any = false;

	while (!end->pid && (child = child_after(m, t, after))) {
		after = child->sibling + 1;
		if (is_meant(m, t, child, pid, options))
			any |= news_of(m, child, options, end);
	}
	return any;
}

/* It has been told. */
static void note_told(struct vm *m, struct task *child, int code)
{
	if (code == CODE_CONTINUED)
		child->group.continued = 0;
	else if ((code & 0xff) == CODE_STOPPED)
		child->group.stop_code = 0;
	else
		task_reap(m, child);
}

/* The thread behind t, in a circle. */
static struct task *next_thread(const struct vm *m, const struct task *t)
{
	idx_t i = task_index(m, t);

	do {
		i = task_at(m, i)->next;
		if (!i)
			i = m->root->first_task;
	} while (task_at(m, i)->tgid != t->tgid);
	return task_at(m, i);
}

int task_wait(struct vm *m, struct task *t, int64_t pid, uint32_t options,
	struct task_end *end)
{
	struct task *of = t;
	bool any = false;

	*end = (struct task_end){0};
	do {
		any |= wait_thread(m, of, pid, options, end);
		of = next_thread(m, of);
	} while (!end->pid && of != t && !(options & WNOTHREAD));
	if (end->pid && !(options & WAIT_KEEP))
		note_told(m, task_find(m, end->pid), end->code);
	return any ? 0
		   : vm_fail(m, ECHILD, "process %u has no %schild%s", t->tgid,
			     pid == -1 ? "" : "such ", pid == -1 ? "ren" : "");
}
