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

uint64_t life_entry[2];

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

bool life_is32(void)
{
	return task->mm && mm_at(m, task->mm)->compat;
}

int64_t life_fetch(unsigned piece)
{
	uint64_t entry = life_entry[life_is32()];
	struct sigfault f;
	uint8_t byte;

	if (task->state == TASK_SUSPENDED)
		return -EAGAIN;
	if (!task->mm)
		return -ESRCH;
	vm_fail_clear(m);
	if (entry && mem_access(m, task, entry + piece, 1, ACC_EXEC, &byte, &f))
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

int64_t life_exec(unsigned program)
{
	int64_t r = life_fetch(STUB_CALL);
	uint32_t tgid = task->tgid;
	char line[64];

	snprintf(line, sizeof(line), "exec %s", life_programs[program]);
	if (r)
		return r;
	r = command(ACTOR_PROCESS, line);
	if (!task->mm)
		r = 0; /* it died of it, and cannot be told */
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

/* ---- calls with pointers --------------------------------------------------
 */

int64_t life_open(unsigned program, unsigned mode)
{
	int64_t r = life_fetch(STUB_CALL);
	idx_t file;

	if (r)
		return r;
	vm_fail_clear(m);
	file = file_open_flags(m, task, life_programs[program],
		mode == 2 ? FMODE_READ | FMODE_WRITE : 1u << mode, 0);
	return file ? fd_install(m, task, file, -1) : -m->fail.err;
}

/* The kernel copies to or from memory of the task: 0 or -EFAULT. */
static int64_t copy(uint64_t at, void *buf, size_t len, enum access_kind kind)
{
	struct sigfault f;

	vm_fail_clear(m);
	phys_run_as(m, task);
	return len ? mem_access(m, task, at, len, kind, buf, &f) : 0;
}

int64_t life_prlimit(int64_t pid, unsigned which, uint64_t new, uint64_t old)
{
	int64_t r = life_fetch(STUB_CALL);
	struct rlimit_pair want, before;

	if (!r && new)
		r = copy(new, &want, sizeof(want), ACC_READ);
	vm_fail_clear(m);
	if (!r)
		r = task_prlimit(
			m, task, pid, which, new ? &want : NULL, &before);
	if (!r && old)
		r = copy(old, &before, sizeof(before), ACC_WRITE);
	return r;
}

/* What is told of the mappings before a hole has been stored. */
int64_t life_mincore(uint64_t addr, uint64_t len, uint64_t vec)
{
	static uint8_t buf[1 << 16];
	uint64_t pages = (len + 4095) >> 12, known;
	int64_t r = life_fetch(STUB_CALL), stored = 0;

	if (r)
		return r;
	vm_fail_clear(m);
	r = mm_mincore(m, task, addr, len, buf, sizeof(buf));
	for (known = 0;
		known < pages && vma_lookup(m, task->mm, addr + known * 4096);)
		known++;
	if (r != -EINVAL && known <= sizeof(buf))
		stored = copy(vec, buf, known, ACC_WRITE);
	return stored ? stored : r;
}

int64_t life_get_mempolicy(
	uint64_t mode, uint64_t mask, uint64_t addr, uint64_t flags)
{
	int64_t r = life_fetch(STUB_CALL);
	struct mpol_answer a;

	if (r)
		return r;
	vm_fail_clear(m);
	r = numa_get_mempolicy(m, task, addr, flags, &a);
	if (!r && mode)
		r = copy(mode, &a.number, sizeof(a.number), ACC_WRITE);
	if (!r && mask)
		r = copy(mask, &a.nodes, sizeof(a.nodes), ACC_WRITE);
	return r;
}
