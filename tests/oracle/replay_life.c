/*
 * Processes and threads of the machine, as the script of conduct.c knows them.
 * What a task does begins with the fetch of the stub's instruction.
 */
#include <stdio.h>
#include <string.h>

#include "../../vm/abi.h"
#include "../../vm/mm/mm.h"
#include "../../vm/mmu/mmu.h"
#include "../../vm/task/task.h"
#include "life.h"
#include "replay.h"
#include "stub.h"

uint64_t life_entry;

uint32_t life_next(uint32_t tid)
{
	const struct task *t = task_next(m, (tid > 2 ? tid : 2) + 1);

	return t ? t->pid : 0;
}

/* Whom the script speaks of when that one is gone. */
static struct task nobody = {.state = TASK_ZOMBIE};
static uint32_t chosen;

static void refresh(void)
{
	task = task_find(m, chosen);
	if (!task)
		task = &nobody;
}

bool life_choose(uint32_t tid)
{
	if (!task_find(m, tid))
		return false;
	chosen = tid;
	refresh();
	return true;
}

uint32_t life_chosen(void)
{
	return chosen;
}

void life_begin(void)
{
	chosen = task->pid;
}

int64_t life_fetch(unsigned piece)
{
	struct sigfault f;
	uint8_t byte;

	if (task->state == TASK_SUSPENDED)
		return -EAGAIN;
	if (!task->mm)
		return -ESRCH;
	vm_fail_clear(m);
	if (life_entry &&
		mem_access(m, task, life_entry + piece, 1, ACC_EXEC, &byte, &f))
		die("fetch");
	return 0;
}

/* The reply to a line of a control file: a number, or -errno. */
static int64_t command(enum actor_kind kind, const char *line)
{
	/* Others have no more rights than the task itself; the machine has. */
	const struct event e = {.actor = {.kind = kind,
					.id = task->pid,
					.uid = kind == ACTOR_PROCESS},
		.text = line,
		.text_len = strlen(line)};
	struct vm_outcome out;

	vm_apply(m, &e, NULL, NULL, &out);
	refresh();
	if (out.refused)
		die(line);
	return out.last.err ? -out.last.err : (int64_t)out.last.value;
}

int64_t life_clone(uint64_t flags)
{
	int64_t r = life_fetch(STUB_CALL);
	struct task *child;

	if (r)
		return r;
	if (!(flags & CLONE_THREAD))
		flags |= SIGCHLD;
	child = task_fork(m, task, (unsigned)flags);
	return child ? (int64_t)child->pid : -m->fail.err;
}

int64_t life_exec(void)
{
	int64_t r = life_fetch(STUB_CALL);
	uint32_t tgid = task->tgid;

	if (!r)
		r = command(ACTOR_PROCESS, "exec " STUB_PATH);
	if (!r)
		life_choose(tgid);
	return r;
}

/* The script goes on about a zombie, as long as there is one. */
void life_exit(int code, bool group)
{
	char line[32];

	if (life_fetch(STUB_CALL))
		return;
	snprintf(line, sizeof(line), "exit%s %d", group ? "_group" : "", code);
	command(ACTOR_PROCESS, line);
}

void life_kill(uint32_t pid)
{
	char line[32];

	snprintf(line, sizeof(line), "kill %u 9", pid);
	command(ACTOR_MACHINE, line);
}

int64_t life_oom_score_adj(const char *n)
{
	char line[32];

	snprintf(line, sizeof(line), "oom_score_adj %.8s", n);
	return command(ACTOR_PROCESS, line);
}

int64_t life_wait(int64_t pid, uint64_t options)
{
	int64_t r = life_fetch(STUB_CALL);
	struct task_end end;

	if (!r)
		r = task_wait(
			m, task, pid, (uint32_t)options | WAIT_EXITED, &end);
	return r ? r : end.pid;
}
