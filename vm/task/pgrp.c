/*
 * Sessions and process groups.  A group's number is the PID of the process
 * that made it, and exists as long as a member does, zombies included.
 */
#include "../abi.h"
#include "signal.h"
#include "task_i.h"

static struct task_group *group_of(const struct vm *m, const struct task *t)
{
	return &task_leader(m, t)->group;
}

/* A member of the process group, or NULL. */
static struct task *member(const struct vm *m, uint32_t pgrp)
{
	for (idx_t i = m->root->first_task; i; i = task_at(m, i)->next) {
		struct task *t = task_at(m, i);

		if (t->pid == t->tgid && t->group.pgrp == pgrp)
			return t;
	}
	return NULL;
}

/* Who has made a session stays its leader. */
static bool leads_session(const struct task *leader)
{
	return leader->group.session == leader->pid;
}

int64_t pgrp_setsid(struct vm *m, struct task *t)
{
	struct task *leader = task_leader(m, t);

	if (leads_session(leader) || member(m, leader->pid))
		return vm_fail(m, EPERM,
			"process %u leads a %s: only its children can leave",
			leader->pid,
			leads_session(leader) ? "session" : "process group");
	leader->group.session = leader->group.pgrp = leader->pid;
	return leader->pid;
}

/* Whether the caller may move p to another group at all. */
static int check_moved(struct vm *m, const struct task *t, const struct task *p)
{
	const struct task *leader = task_leader(m, t);
	bool child = p->parent && task_at(m, p->parent)->tgid == t->tgid;

	if (p->pid != p->tgid)
		return vm_fail(m, EINVAL,
			"%u is a thread; groups have processes", p->pid);
	if (!child && p != leader)
		return vm_fail(m, ESRCH,
			"process %u is neither process %u nor a child of it",
			p->pid, t->tgid);
	if (child && p->group.session != leader->group.session)
		return vm_fail(
			m, EPERM, "process %u is in another session", p->pid);
	if (child && !(p->flags & PF_FORKNOEXEC))
		return vm_fail(m, EACCES,
			"process %u has executed a program already", p->pid);
	if (leads_session(p))
		return vm_fail(m, EPERM, "process %u leads a session", p->pid);
	return 0;
}

int pgrp_set(struct vm *m, struct task *t, int64_t pid, int64_t pgid)
{
	const struct task *in;
	struct task *p;
	int err;

	pid = (int32_t)pid;
	pgid = (int32_t)pgid;
	if (!pid)
		pid = t->tgid;
	if (!pgid)
		pgid = pid;
	if (pgid < 0)
		return vm_fail(
			m, EINVAL, "%lld is no process group", (long long)pgid);
	p = pid > 0 ? task_find(m, (uint32_t)pid) : NULL;
	if (!p)
		return vm_fail(
			m, ESRCH, "no process has PID %lld", (long long)pid);
	err = check_moved(m, t, p);
	if (err)
		return err;
	in = pgid == pid ? NULL : member(m, (uint32_t)pgid);
	if (pgid != pid &&
		(!in || in->group.session != group_of(m, t)->session))
		return vm_fail(m, EPERM,
			"process group %lld is not of this session",
			(long long)pgid);
	p->group.pgrp = (uint32_t)pgid;
	return 0;
}

int64_t pgrp_get(struct vm *m, const struct task *t, int64_t pid, bool sid)
{
	pid = (int32_t)pid;
	if (pid)
		t = pid > 0 ? task_find(m, (uint32_t)pid) : NULL;
	if (!t)
		return vm_fail(
			m, ESRCH, "no process has PID %lld", (long long)pid);
	return sid ? group_of(m, t)->session : group_of(m, t)->pgrp;
}

/* ---- orphaned groups ----------------------------------------------------- */

static bool is_outside(
	const struct vm *m, const struct task *parent, const struct task *t)
{
	const struct task_group *p = group_of(m, parent);
	const struct task_group *g = group_of(m, t);

	return p->pgrp != g->pgrp && p->session == g->session;
}

/* All its threads have ended. */
static bool is_gone(const struct vm *m, const struct task *t)
{
	return t->state == TASK_ZOMBIE && !task_with_memory(m, t);
}

bool pgrp_orphaned(const struct vm *m, uint32_t pgrp, const struct task *but)
{
	for (idx_t i = m->root->first_task; i; i = task_at(m, i)->next) {
		const struct task *t = task_at(m, i), *parent;

		if (t->pid != t->tgid || t->group.pgrp != pgrp || t == but ||
			!t->parent || is_gone(m, t))
			continue;
		parent = task_at(m, t->parent);
		if (parent->tgid != PID_INIT && is_outside(m, parent, t))
			return false;
	}
	return true;
}

void pgrp_left(struct vm *m, const struct task *t, const struct task *parent,
	bool ends)
{
	uint32_t pgrp = group_of(m, t)->pgrp;
	bool stopped = false;

	if (!is_outside(m, parent, t) ||
		!pgrp_orphaned(m, pgrp, ends ? t : NULL))
		return;
	for (idx_t i = m->root->first_task; i; i = task_at(m, i)->next)
		stopped |= task_at(m, i)->group.pgrp == pgrp &&
			   task_at(m, i)->group.stopped;
	for (idx_t i = m->root->first_task; stopped && i;
		i = task_at(m, i)->next) {
		struct task *o = task_at(m, i);

		if (o->pid != o->tgid || o->group.pgrp != pgrp ||
			!task_with_memory(m, o))
			continue;
		signal_post(m, o, SIGHUP);
		signal_post(m, o, SIGCONT);
	}
}
