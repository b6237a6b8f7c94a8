/* Commands about processes: spawn, fork, exec, exit, files, limits. */
#include <string.h>

#include "../abi.h"
#include "../format.h"
#include "../mmu/mmu.h"
#include "../task/prctl.h"
#include "handlers.h"

#define ARGV_MAX (MAX_WORDS + 1)

static int reply_pid(struct cmd *c, const struct task *t)
{
	if (!t)
		return -c->m->fail.err;
	c->reply->kind = REPLY_DEC;
	c->reply->value = t->pid;
	return 0;
}

/* argv of PATH [ARG...]: the path is argv[0]. */
static unsigned argv_of(struct cmd *c, unsigned path, const char **argv)
{
	argv[0] = c->arg[path].text;
	return 1 + arg_words(c, path + 1, argv + 1, ARGV_MAX - 1);
}

/* spawn [PATH] [ARG...] [name=N] [uid=U] [gid=G] */
int cmd_spawn(struct cmd *c)
{
	const char *argv[ARGV_MAX];
	struct exec_args x = {.argv = argv};
	uint64_t uid = c->arg[3].given ? c->arg[3].num : c->actor->uid;
	uint64_t gid = c->arg[4].given ? c->arg[4].num : c->actor->gid;

	if (uid >= UINT32_MAX || gid >= UINT32_MAX)
		return vm_fail(c->m, EINVAL, "ids are 0 to 4294967294");

	if (c->arg[0].given) {
		x.path = c->arg[0].text;
		x.argc = argv_of(c, 0, argv);
	}
	return reply_pid(c, task_spawn(c->m, (uint32_t)uid, (uint32_t)gid, &x,
				    c->arg[2].given ? c->arg[2].text : NULL));
}

/* exec PATH [ARG...] */
int cmd_exec(struct cmd *c)
{
	const char *argv[ARGV_MAX];
	struct exec_args x = {.path = c->arg[0].text, .argv = argv};
	int err;

	x.argc = argv_of(c, 0, argv);
	err = task_exec(c->m, c->task, &x);
	if (!err)
		c->task->sp = 0;
	return err;
}

int cmd_fork(struct cmd *c)
{
	return reply_pid(c, task_fork(c->m, c->task, SIGCHLD));
}

/* The parent waits from then on. */
int cmd_vfork(struct cmd *c)
{
	return reply_pid(
		c, task_fork(c->m, c->task, CLONE_VFORK | CLONE_VM | SIGCHLD));
}

/* clone [flags=] */
int cmd_clone(struct cmd *c)
{
	return reply_pid(
		c, task_fork(c->m, c->task, (unsigned)c->arg[0].num | SIGCHLD));
}

static int refuse_init_exit(struct cmd *c)
{
	return c->task->tgid != 1
		       ? 0
		       : vm_fail(c->m, EPERM, "init, PID 1, never exits");
}

/* wait(2) sees the low eight bits in bits 8-15. */
static int exit_code(const struct cmd *c)
{
	return (int)(c->arg[0].num & 0xff) << 8;
}

/* exit [CODE]: of this thread. */
int cmd_exit(struct cmd *c)
{
	if (refuse_init_exit(c))
		return -EPERM;
	task_exit(c->m, c->task, exit_code(c));
	return 0;
}

/* exit_group [CODE]: of the process. */
int cmd_exit_group(struct cmd *c)
{
	if (refuse_init_exit(c))
		return -EPERM;
	task_exit_group(c->m, c->task, exit_code(c));
	return 0;
}

static const char *const rlimit_names[NR_RLIMITS] = {
	[RLIM_CPU] = "cpu",
	[RLIM_FSIZE] = "fsize",
	[RLIM_DATA] = "data",
	[RLIM_STACK] = "stack",
	[RLIM_CORE] = "core",
	[RLIM_RSS] = "rss",
	[RLIM_NPROC] = "nproc",
	[RLIM_NOFILE] = "nofile",
	[RLIM_MEMLOCK] = "memlock",
	[RLIM_AS] = "as",
	[RLIM_LOCKS] = "locks",
	[RLIM_SIGPENDING] = "sigpending",
	[RLIM_MSGQUEUE] = "msgqueue",
	[RLIM_NICE] = "nice",
	[RLIM_RTPRIO] = "rtprio",
	[RLIM_RTTIME] = "rttime",
};

/* A number of bytes, or "unlimited". */
static int limit_value(struct cmd *c, unsigned i, uint64_t *out)
{
	const struct arg *a = &c->arg[i];

	if (a->len == 9 && !memcmp(a->text, "unlimited", 9)) {
		*out = RLIM_UNLIMITED;
		return 0;
	}
	if (words_number(a->text, a->len, out))
		return vm_fail(c->m, EINVAL,
			"a limit is a number or \"unlimited\", not \"%s\"",
			a->text);
	return 0;
}

/* " N" or " unlimited", at the beginning without the space. */
static void put_limit(struct reply *r, uint64_t limit)
{
	size_t n = strlen(r->text);
	const char *sep = n ? " " : "";

	if (limit == RLIM_UNLIMITED)
		vm_snprintf(
			r->text + n, sizeof(r->text) - n, "%sunlimited", sep);
	else
		vm_snprintf(r->text + n, sizeof(r->text) - n, "%s%llu", sep,
			(unsigned long long)limit);
}

static int limit_number(struct cmd *c, unsigned i, unsigned *which)
{
	*which = 0;
	while (*which < NR_RLIMITS &&
		strcmp(rlimit_names[*which], c->arg[i].text))
		++*which;
	if (*which < NR_RLIMITS)
		return 0;
	return vm_fail(c->m, EINVAL,
		"unknown limit \"%s\"; memory has as, data, stack, memlock",
		c->arg[i].text);
}

/* [SOFT [HARD]], from argument i on: *set says whether they are there. */
static int limit_wanted(struct cmd *c, unsigned i, int64_t pid, unsigned which,
	struct rlimit_pair *want, bool *set)
{
	int err = task_prlimit(c->m, c->task, pid, which, NULL, want);

	*set = c->arg[i].given;
	if (!err && *set)
		err = limit_value(c, i, &want->soft);
	if (!err && c->arg[i + 1].given)
		err = limit_value(c, i + 1, &want->hard);
	return err;
}

/* setrlimit NAME SOFT [HARD] */
int cmd_setrlimit(struct cmd *c)
{
	struct rlimit_pair want, old;
	unsigned which;
	bool set;
	int err = limit_number(c, 0, &which);

	if (!err)
		err = limit_wanted(c, 1, 0, which, &want, &set);
	return err ? err : task_prlimit(c->m, c->task, 0, which, &want, &old);
}

/* prlimit PID NAME [SOFT [HARD]]: the limits before. */
int cmd_prlimit(struct cmd *c)
{
	struct rlimit_pair want, old;
	unsigned which;
	bool set;
	int pid, err = arg_int(c, 0, &pid);

	if (!err)
		err = limit_number(c, 1, &which);
	if (!err)
		err = limit_wanted(c, 2, pid, which, &want, &set);
	if (!err)
		err = task_prlimit(
			c->m, c->task, pid, which, set ? &want : NULL, &old);
	if (err)
		return err;
	c->reply->kind = REPLY_TEXT;
	c->reply->text[0] = '\0';
	put_limit(c->reply, old.soft);
	put_limit(c->reply, old.hard);
	return 0;
}

/* personality [PERSONA]: the one before. */
int cmd_personality(struct cmd *c)
{
	c->reply->kind = REPLY_HEX;
	c->reply->value = task_personality(c->task,
		c->arg[0].given ? (uint32_t)c->arg[0].num : UINT32_MAX);
	return 0;
}

/* label NAME ADDR */
int cmd_label(struct cmd *c)
{
	vaddr_t va;
	int err = arg_addr(c, 1, &va);

	return err ? err
		   : label_set(
			     c->m, c->task, c->arg[0].text, c->arg[0].len, va);
}

/* The process that a machine command names by PID. */
static int named_task(struct cmd *c, unsigned i, struct task **t)
{
	uint64_t pid = c->arg[i].num;

	*t = pid <= UINT32_MAX ? task_find(c->m, (uint32_t)pid) : NULL;
	return *t ? 0
		  : vm_fail(c->m, ESRCH, "no process has PID %s%llu",
			    arg_sign(&c->arg[i]),
			    (unsigned long long)arg_abs(&c->arg[i]));
}

/* run PID [cpu=N]: makes the process current there. */
int cmd_run(struct cmd *c)
{
	struct task *t;
	int err = named_task(c, 0, &t);

	if (err)
		return err;
	if (!t->mm)
		return vm_fail(c->m, ESRCH, "process %u has exited", t->pid);
	if (c->arg[1].given) {
		if (c->arg[1].num >= c->m->root->config.cpus)
			return vm_fail(c->m, EINVAL,
				"the machine has CPUs 0 to %u",
				c->m->root->config.cpus - 1);
		t->cpu = (uint32_t)c->arg[1].num;
	}
	cpu_switch(c->m, t->cpu, t);
	return 0;
}
