#include "task_i.h"

#define THREAD_SIZE (16 * KiB)

/*
 * Source: include/asm-generic/resource.h (INIT_RLIMITS) and kernel/fork.c:
 * threads may take an eighth of memory, one user half of them.
 */
void rlimit_default(const struct vm *m, struct rlimit_pair *rlim)
{
	uint64_t threads =
		m->root->totalram_pages * m->page_size / (THREAD_SIZE * 8);

	for (unsigned i = 0; i < NR_RLIMITS; i++)
		rlim[i] = (struct rlimit_pair){RLIM_UNLIMITED, RLIM_UNLIMITED};
	rlim[RLIM_STACK].soft = 8 * MiB;
	rlim[RLIM_CORE].soft = 0;
	rlim[RLIM_NPROC] = (struct rlimit_pair){threads / 2, threads / 2};
	rlim[RLIM_NOFILE] = (struct rlimit_pair){1024, 4096};
	rlim[RLIM_MEMLOCK] = (struct rlimit_pair){8 * MiB, 8 * MiB};
	rlim[RLIM_SIGPENDING] = rlim[RLIM_NPROC];
	rlim[RLIM_MSGQUEUE] = (struct rlimit_pair){819200, 819200};
	rlim[RLIM_NICE] = (struct rlimit_pair){0, 0};
	rlim[RLIM_RTPRIO] = (struct rlimit_pair){0, 0};
}

#define NR_OPEN (1ull << 20) /* fs.nr_open */

/* Source: Linux kernel/sys.c (do_prlimit). */
static int check_limit(struct vm *m, const struct task *by,
	const struct rlimit_pair *now, unsigned which,
	const struct rlimit_pair *want)
{
	if (want->soft > want->hard)
		return vm_fail(m, EINVAL,
			"the soft limit %llu is above the hard limit %llu",
			(unsigned long long)want->soft,
			(unsigned long long)want->hard);
	if (which == RLIM_NOFILE && want->hard > NR_OPEN)
		return vm_fail(m, EPERM,
			"no process has more than %llu open files (fs.nr_open)",
			NR_OPEN);
	if (want->hard > now->hard && !task_capable(by, CAP_SYS_RESOURCE))
		return vm_fail(m, EPERM,
			"raising a hard limit (it is %llu) needs "
			"cap_sys_resource",
			(unsigned long long)now->hard);
	return 0;
}

/* The limits of others: all their ids are one's own real ones, or privilege.
 * Source: Linux kernel/sys.c (check_prlimit_permission). */
static int check_other(
	struct vm *m, const struct task *by, const struct task *t)
{
	const struct cred *c = &by->cred, *o = &t->cred;

	if (by == t || task_capable(by, CAP_SYS_RESOURCE))
		return 0;
	if (c->uid == o->euid && c->uid == o->suid && c->uid == o->uid &&
		c->gid == o->egid && c->gid == o->sgid && c->gid == o->gid)
		return 0;
	return vm_fail(m, EPERM,
		"the limits of process %u, of another user or group, need "
		"cap_sys_resource",
		t->pid);
}

int task_prlimit(struct vm *m, struct task *by, int64_t pid, unsigned which,
	const struct rlimit_pair *want, struct rlimit_pair *old)
{
	struct task *t = !pid ? by
			 : pid < 0 || pid > PID_MAX
				 ? NULL
				 : task_find(m, (uint32_t)pid);
	int err;

	if (!t)
		return vm_fail(
			m, ESRCH, "no process has PID %lld", (long long)pid);
	err = check_other(m, by, t);
	if (!err && which >= NR_RLIMITS)
		err = vm_fail(
			m, EINVAL, "there is no limit of number %u", which);
	if (!err && want)
		err = check_limit(m, by, &t->rlim[which], which, want);
	if (err)
		return err;
	*old = t->rlim[which];
	for (idx_t i = want ? m->root->first_task : 0; i;
		i = task_at(m, i)->next)
		if (task_at(m, i)->tgid == t->tgid)
			task_at(m, i)->rlim[which] = *want;
	return 0;
}
