/* Commands about signals, wait, process groups and sessions. */
#include <string.h>

#include "../abi.h"
#include "../format.h"
#include "../task/signal.h"
#include "handlers.h"

/* kill PID [SIG], by a process or by whoever writes to ctl. */
int cmd_kill(struct cmd *c)
{
	uint64_t sig = c->arg[1].given ? c->arg[1].num : SIGTERM;
	int64_t pid = (int64_t)c->arg[0].num;
	struct cred outside;
	const struct task *t = pid > 0 ? task_find(c->m, (uint32_t)pid) : NULL;

	if (c->task && !c->task->mm)
		return vm_fail(
			c->m, ESRCH, "process %u has exited", c->task->pid);
	if (c->task)
		return signal_kill(c->m, c->task, &c->task->cred, pid, sig);
	if (sig && sig <= NR_SIGNALS && t && t->tgid == 1)
		return vm_fail(c->m, EPERM, "init, PID 1, takes no signals");
	outside = cred_of_user(c->actor->uid, c->actor->gid);
	return signal_kill(c->m, NULL, &outside, pid, sig);
}

/* sigaction SIG ignore|default */
int cmd_sigaction(struct cmd *c)
{
	bool ignore = !strcmp(c->arg[1].text, "ignore");

	if (!ignore && strcmp(c->arg[1].text, "default"))
		return vm_fail(c->m, EINVAL,
			"ACTION is ignore or default, not \"%s\": processes "
			"here have no handlers",
			c->arg[1].text);
	return signal_action(c->m, c->task, c->arg[0].num, ignore);
}

/* ---- wait ---------------------------------------------------------------- */

/* What there is to tell of a child; commands do not wait for it. */
static int find_news(struct cmd *c, uint32_t options, struct task_end *end)
{
	int64_t pid = c->arg[0].given ? (int64_t)c->arg[0].num : -1;
	int err = task_wait(c->m, c->task, pid, options | WALL, end);

	if (err || end->pid)
		return err;
	return vm_fail(c->m, EAGAIN,
		"no child of process %u has %s; commands do not wait",
		c->task->tgid,
		options & (WAIT_STOPPED | WAIT_CONTINUED) ? "news" : "exited");
}

/* wait [PID] [flags=]: reaps a zombie child; its PID. */
int cmd_wait(struct cmd *c)
{
	struct task_end end;
	int err = find_news(c, (uint32_t)c->arg[1].num | WAIT_EXITED, &end);

	c->reply->kind = REPLY_DEC;
	c->reply->value = end.pid;
	return err;
}

/* waitid [PID] [flags=]: what siginfo says of it. */
int cmd_waitid(struct cmd *c)
{
	uint32_t options = (uint32_t)c->arg[1].num;
	struct task_end end;
	const char *what;
	int err, status;

	if (!(options & (WAIT_EXITED | WAIT_STOPPED | WAIT_CONTINUED)))
		options |= WAIT_EXITED;
	err = find_news(c, options, &end);
	if (end.code == CODE_CONTINUED) {
		what = "continued";
		status = SIGCONT;
	} else if ((end.code & 0xff) == CODE_STOPPED) {
		what = "stopped";
		status = end.code >> 8;
	} else {
		what = end.code & 0x7f ? "killed" : "exited";
		status = end.code & 0x7f ? end.code & 0x7f : end.code >> 8;
	}
	c->reply->kind = REPLY_TEXT;
	vm_snprintf(c->reply->text, sizeof(c->reply->text), "%u %s %d", end.pid,
		what, status);
	return err;
}

/* ---- groups and sessions ------------------------------------------------- */

static int reply_id(struct cmd *c, int64_t r)
{
	if (r < 0)
		return (int)r;
	c->reply->kind = REPLY_DEC;
	c->reply->value = (uint64_t)r;
	return 0;
}

int cmd_setsid(struct cmd *c)
{
	return reply_id(c, pgrp_setsid(c->m, c->task));
}

/* setpgid PID PGID */
int cmd_setpgid(struct cmd *c)
{
	return pgrp_set(
		c->m, c->task, (int64_t)c->arg[0].num, (int64_t)c->arg[1].num);
}

/* getpgid [PID] */
int cmd_getpgid(struct cmd *c)
{
	return reply_id(
		c, pgrp_get(c->m, c->task, (int64_t)c->arg[0].num, false));
}

/* getsid [PID] */
int cmd_getsid(struct cmd *c)
{
	return reply_id(
		c, pgrp_get(c->m, c->task, (int64_t)c->arg[0].num, true));
}
