#include "signal.h"

#include "../abi.h"
#include "../mm/mm.h"
#include "task_i.h"

/* What signals do by default; those of no set end the process. */
#define STOPS                                                     \
	(SIG_BIT(SIGSTOP) | SIG_BIT(SIGTSTP) | SIG_BIT(SIGTTIN) | \
		SIG_BIT(SIGTTOU))
#define NO_EFFECT                                                  \
	(SIG_BIT(SIGCONT) | SIG_BIT(SIGCHLD) | SIG_BIT(SIGWINCH) | \
		SIG_BIT(SIGURG))
/* The same, and are taken before all others. */
#define FAULTS                                                  \
	(SIG_BIT(SIGSEGV) | SIG_BIT(SIGBUS) | SIG_BIT(SIGILL) | \
		SIG_BIT(SIGTRAP) | SIG_BIT(SIGFPE) | SIG_BIT(SIGSYS))
/* End it with a dump, of which there is none here. */
#define DUMPS                                                              \
	(FAULTS | SIG_BIT(SIGQUIT) | SIG_BIT(SIGABRT) | SIG_BIT(SIGXCPU) | \
		SIG_BIT(SIGXFSZ))

/* A thread of the process in one of two states, its leader first; or NULL. */
static struct task *thread_in(const struct vm *m, struct task *leader,
	enum task_state a, enum task_state b)
{
	if (leader->state == a || leader->state == b)
		return leader;
	for (idx_t i = m->root->first_task; i; i = task_at(m, i)->next) {
		struct task *t = task_at(m, i);

		if (t->tgid == leader->tgid && (t->state == a || t->state == b))
			return t;
	}
	return NULL;
}

/* ---- stop and continue --------------------------------------------------- */

static void set_threads(struct vm *m, const struct task *leader,
	enum task_state from, enum task_state to)
{
	for (idx_t i = m->root->first_task; i; i = task_at(m, i)->next) {
		struct task *t = task_at(m, i);

		if (t->tgid == leader->tgid && t->state == from)
			t->state = to;
	}
}

/* Complete when no thread runs, or waits in vfork, any more. */
static void note_stop(struct vm *m, struct task *leader)
{
	if (thread_in(m, leader, TASK_RUNNING, TASK_SUSPENDED))
		return;
	leader->group.stopped = 1;
	leader->group.continued = 0;
}

static void stop(struct vm *m, struct task *leader, unsigned sig)
{
	leader->group.stop_sig = leader->group.stop_code = (uint8_t)sig;
	set_threads(m, leader, TASK_RUNNING, TASK_STOPPED);
	note_stop(m, leader);
}

static void go_on(struct vm *m, struct task *leader)
{
	struct task_group *g = &leader->group;

	set_threads(m, leader, TASK_STOPPED, TASK_RUNNING);
	if (g->stop_sig)
		g->continued = 1;
	g->stopped = g->stop_sig = g->stop_code = 0;
}

void signal_resume(struct vm *m, struct task *t)
{
	struct task *leader = task_leader(m, t);

	t->state = leader->group.stop_sig ? TASK_STOPPED : TASK_RUNNING;
	if (leader->group.stop_sig)
		note_stop(m, leader);
	m->signals_due |= leader->group.sig_pending != 0;
}

/* ---- sending ------------------------------------------------------------- */

static bool has_no_effect(const struct task *leader, unsigned sig)
{
	return leader->pid == PID_INIT ||
	       (leader->group.sig_ignored | NO_EFFECT) & SIG_BIT(sig);
}

/*
 * Whether the process ends by it at once, even out of vfork: SIGKILL does that
 * always, what ends it without a dump if no other signal came before.
 */
static bool ends_at_once(const struct vm *m, struct task *leader, unsigned sig)
{
	if (sig == SIGKILL)
		return true;
	return !leader->group.sig_pending && !leader->group.stop_sig &&
	       !((STOPS | DUMPS) & SIG_BIT(sig)) &&
	       thread_in(m, leader, TASK_RUNNING, TASK_SUSPENDED);
}

/* Of real-time signals each waits, of others one.  Source: Linux
 * kernel/signal.c (legacy_queue, __send_signal_locked). */
static void queue(struct task_group *g, const struct task *t, unsigned sig)
{
	if (sig >= SIG_RT_FIRST && g->sig_pending & SIG_BIT(sig))
		g->sig_more[sig - SIG_RT_FIRST] +=
			g->sig_more[sig - SIG_RT_FIRST] < UINT8_MAX;
	g->sig_pending |= SIG_BIT(sig);
	g->sig_thread = t->pid;
	g->sig_uid = t->cred.uid;
}

/* One of them has been taken. */
static void dequeue(struct task_group *g, unsigned sig)
{
	if (sig >= SIG_RT_FIRST && g->sig_more[sig - SIG_RT_FIRST])
		g->sig_more[sig - SIG_RT_FIRST]--;
	else
		g->sig_pending &= ~SIG_BIT(sig);
}

uint64_t signals_queued(const struct vm *m, uint32_t uid)
{
	uint64_t n = 0;

	for (idx_t i = m->root->first_task; i; i = task_at(m, i)->next) {
		const struct task_group *g = &task_at(m, i)->group;

		if (!g->sig_pending || g->sig_uid != uid)
			continue;
		for (unsigned sig = 1; sig <= NR_SIGNALS; sig++)
			n += g->sig_pending >> (sig - 1) & 1;
		/* SIGKILL needs no place. */
		n -= g->sig_pending >> (SIGKILL - 1) & 1;
		for (unsigned k = 0; k < NR_RT_SIGNALS; k++)
			n += g->sig_more[k];
	}
	return n;
}

void signal_post(struct vm *m, struct task *t, unsigned sig)
{
	struct task *leader = task_leader(m, t);
	struct task_group *g = &leader->group;

	if (SIG_BIT(sig) & STOPS)
		g->sig_pending &= ~SIG_BIT(SIGCONT);
	if (sig == SIGCONT) {
		g->sig_pending &= ~STOPS;
		go_on(m, leader);
	}
	if (!has_no_effect(leader, sig)) {
		if (!g->sig_fatal && ends_at_once(m, leader, sig))
			g->sig_fatal = (uint16_t)sig;
		/* All threads get a SIGKILL then, and dead ones keep it. */
		if (g->sig_fatal && leader->state == TASK_ZOMBIE)
			g->sig_late = SIGKILL;
		queue(g, t, sig);
	}
	m->signals_due |= g->sig_pending != 0;
}

static bool may_signal(const struct vm *m, const struct task *from,
	const struct cred *c, const struct task *t, uint64_t sig)
{
	const struct cred *to = &t->cred;

	if (from && from->tgid == t->tgid)
		return true;
	if (c->euid == to->suid || c->euid == to->uid || c->uid == to->suid ||
		c->uid == to->uid || c->cap_effective & CAP_BIT(CAP_KILL))
		return true;
	return sig == SIGCONT && from &&
	       task_leader(m, from)->group.session ==
		       task_leader(m, t)->group.session;
}

static int send(struct vm *m, const struct task *from, const struct cred *c,
	struct task *t, uint64_t sig)
{
	if (sig > NR_SIGNALS)
		return vm_fail(
			m, EINVAL, "signals are 1 to 64, and 0 to probe");
	if (!may_signal(m, from, c, t, sig))
		return vm_fail(m, EPERM,
			"user %u may not send a signal to process %u of user "
			"%u without cap_kill",
			c->euid, t->tgid, t->cred.uid);
	/* Who has ended takes none. */
	if (sig && task_with_memory(m, t))
		signal_post(m, t, (unsigned)sig);
	return 0;
}

void signal_of_parent(struct vm *m, const struct task *parent, struct task *t)
{
	if (may_signal(m, parent, &parent->cred, t, t->pdeath_signal) &&
		task_with_memory(m, t))
		signal_post(m, t, t->pdeath_signal);
}

/* Sends to one member of the many, and notes in *err: one success is enough,
 * of refusals the newest counts. */
static void send_next(struct vm *m, const struct task *from,
	const struct cred *c, struct task *t, uint64_t sig, int *err)
{
	int r = send(m, from, c, t, sig);

	if (*err)
		*err = r;
}

static int send_group(struct vm *m, const struct task *from,
	const struct cred *c, uint32_t pgrp, uint64_t sig)
{
	int err = -ESRCH;

	for (idx_t i = m->root->first_task; i; i = task_at(m, i)->next) {
		struct task *t = task_at(m, i);

		if (t->pid == t->tgid && t->group.pgrp == pgrp)
			send_next(m, from, c, t, sig, &err);
	}
	if (err == -ESRCH)
		return vm_fail(m, ESRCH, "no process is in group %u", pgrp);
	if (!err)
		vm_fail_clear(m);
	return err;
}

/* All but init and the caller; what they refuse is not told, but EINVAL. */
static int send_all(struct vm *m, const struct task *from, const struct cred *c,
	uint64_t sig)
{
	bool any = false;

	for (idx_t i = m->root->first_task; i; i = task_at(m, i)->next) {
		struct task *t = task_at(m, i);

		if (t->pid != t->tgid || t->pid == PID_INIT ||
			(from && from->tgid == t->tgid))
			continue;
		any = true;
		if (send(m, from, c, t, sig) == -EINVAL)
			return -EINVAL;
	}
	vm_fail_clear(m);
	return any ? 0
		   : vm_fail(m, ESRCH, "there is no process but init%s",
			     from ? " and the caller" : "");
}

int signal_kill(struct vm *m, const struct task *from, const struct cred *c,
	int64_t pid, uint64_t sig)
{
	struct task *t;

	if (pid <= INT32_MIN || pid > INT32_MAX)
		return vm_fail(m, ESRCH, "%lld is no PID", (long long)pid);
	if (pid == -1)
		return send_all(m, from, c, sig);
	if (pid < 0)
		return send_group(m, from, c, (uint32_t)-pid, sig);
	if (!pid && !from)
		return vm_fail(m, ESRCH,
			"0 is the caller's process group, and no process "
			"calls");
	if (!pid)
		return send_group(
			m, from, c, task_leader(m, from)->group.pgrp, sig);
	t = task_find(m, (uint32_t)pid);
	if (!t)
		return vm_fail(
			m, ESRCH, "no process has PID %lld", (long long)pid);
	return send(m, from, c, t, sig);
}

int signal_action(struct vm *m, struct task *t, uint64_t sig, bool ignore)
{
	struct task_group *g = &task_leader(m, t)->group;

	if (!sig || sig > NR_SIGNALS)
		return vm_fail(m, EINVAL, "signals are 1 to 64");
	if (sig == SIGKILL || sig == SIGSTOP)
		return vm_fail(m, EINVAL,
			"9 (SIGKILL) and 19 (SIGSTOP) cannot be changed");
	g->sig_ignored &= ~SIG_BIT(sig);
	if (ignore)
		g->sig_ignored |= SIG_BIT(sig);
	if ((g->sig_ignored | NO_EFFECT) & SIG_BIT(sig)) {
		g->sig_pending &= ~SIG_BIT(sig);
		if (sig >= SIG_RT_FIRST)
			g->sig_more[sig - SIG_RT_FIRST] = 0;
	}
	return 0;
}

/* ---- taking -------------------------------------------------------------- */

/* The next signal that the process can take, or 0. */
static unsigned next_signal(const struct vm *m, struct task *leader)
{
	const struct task_group *g = &leader->group;
	uint64_t set = g->sig_pending;

	if (!set || !thread_in(m, leader, TASK_RUNNING, TASK_RUNNING))
		return 0;
	if (set & FAULTS)
		set &= FAULTS;
	return (unsigned)__builtin_ctzll(set) + 1;
}

void signal_end(struct vm *m, struct task *t, unsigned sig)
{
	if (SIG_BIT(sig) & DUMPS && mm_at(m, t->mm)->dumpable)
		t->flags |= PF_DUMPCORE;
	task_exit_group(m, t, (int)sig);
}

static void take(struct vm *m, struct task *leader, unsigned sig)
{
	struct task *t = task_find(m, leader->group.sig_thread);

	if (!t || t->state != TASK_RUNNING || t->tgid != leader->tgid)
		t = thread_in(m, leader, TASK_RUNNING, TASK_RUNNING);
	dequeue(&leader->group, sig);
	if (!(SIG_BIT(sig) & STOPS))
		signal_end(m, t, sig);
	else if (sig == SIGSTOP || !pgrp_orphaned(m, leader->group.pgrp, NULL))
		stop(m, leader, sig);
}

/* Those of one process, which may end by it.  What ends it at once stays
 * pending for ever. */
static void run_process(struct vm *m, uint32_t pid)
{
	struct task *t = task_find(m, pid);
	unsigned sig;

	while (t && t->pid == t->tgid && t->group.sig_pending &&
		task_with_memory(m, t)) {
		if (t->group.sig_fatal)
			task_exit_group(m, task_with_memory(m, t),
				(int)t->group.sig_fatal);
		else if ((sig = next_signal(m, t)))
			take(m, t, sig);
		else
			return;
		t = task_find(m, pid);
	}
}

void signals_run(struct vm *m)
{
	while (m->signals_due) {
		uint32_t pid = 0;
		struct task *t;

		m->signals_due = false;
		while ((t = task_next(m, pid + 1))) {
			pid = t->pid;
			run_process(m, pid);
		}
	}
}
