/*
 * Signals, as far as they end, stop and continue processes: no process of the
 * machine has handlers, a signal is ignored or does what it does by default.
 * Also the process groups and sessions that signals are sent to.
 *
 * A signal that is sent waits (pending) until its process can take it: not
 * while it is stopped, and not while vfork has suspended all its threads.
 * Those that can be taken are, when the command that sent them ends.
 *
 * Source: Linux kernel/signal.c (prepare_signal, complete_signal, get_signal,
 * do_signal_stop), kernel/exit.c (kill_orphaned_pgrp), kernel/sys.c; signal(7).
 */
#ifndef PAGEFS_VM_SIGNAL_H
#define PAGEFS_VM_SIGNAL_H

#include "task.h"

#define NR_SIGNALS 64u
#define SIG_BIT(s) (1ull << ((s)-1))

/*
 * kill(2) by the process `from`, or, if that is NULL, by somebody outside with
 * credentials c.  0; -ESRCH, -EINVAL, -EPERM.
 */
int signal_kill(struct vm *m, const struct task *from, const struct cred *c,
	int64_t pid, uint64_t sig);
/* sigaction(2) with SIG_IGN or SIG_DFL.  0 or -EINVAL. */
int signal_action(struct vm *m, struct task *t, uint64_t sig, bool ignore);
/* The kernel sends one to t's process. */
void signal_post(struct vm *m, struct task *t, unsigned sig);
/* The parent of t ends, and t has asked to be told: PR_SET_PDEATHSIG. */
void signal_of_parent(struct vm *m, const struct task *parent, struct task *t);
/* How many wait for processes of that user: SigQ in status. */
uint64_t signals_queued(const struct vm *m, uint32_t uid);
/* t's process ends by a signal that it can neither ignore nor wait with. */
void signal_end(struct vm *m, struct task *t, unsigned sig);
/* Whoever can take a signal that waits for it does. */
void signals_run(struct vm *m);
/* What vfork has suspended goes on, or stops if it was told to meanwhile. */
void signal_resume(struct vm *m, struct task *t);

/* ---- sessions and process groups (pgrp.c) ---- */
/* setsid(2): its number; -EPERM. */
int64_t pgrp_setsid(struct vm *m, struct task *t);
/* setpgid(2): 0; -ESRCH, -EINVAL, -EPERM, -EACCES. */
int pgrp_set(struct vm *m, struct task *t, int64_t pid, int64_t pgid);
/* getpgid(2), or getsid(2) if `sid`: the number; -ESRCH. */
int64_t pgrp_get(struct vm *m, const struct task *t, int64_t pid, bool sid);
/*
 * A process group is orphaned when no member, `but` not counted, has a parent
 * that is in another group of the same session: nobody would continue it.
 */
bool pgrp_orphaned(const struct vm *m, uint32_t pgrp, const struct task *but);
/*
 * t ends (parent is its parent, `ends` true), or has lost `parent`: if that
 * orphans its group and somebody of it is stopped, all get SIGHUP and SIGCONT.
 */
void pgrp_left(struct vm *m, const struct task *t, const struct task *parent,
	bool ends);

#endif
