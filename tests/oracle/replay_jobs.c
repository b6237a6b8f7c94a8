/*
 * replay_jobs: plays a script about job control in the machine; see jobs.c.
 *
 *	replay_jobs --program=STUB < script
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../fs/renderers.h"
#include "../../host/host.h"
#include "../../vm/disk/disk.h"
#include "../../vm/task/signal.h"
#include "../../vm/vm.h"
#include "jobs.h"

#define PROGRAM "/jobs"

static struct vm *m;

static void die(const char *what)
{
	fprintf(stderr, "replay_jobs: %s: %s\n", what, vm_sentence(m));
	exit(2);
}

void job_file(uint32_t tid, const char *name, char *buf, unsigned size)
{
	const struct view view = {.vm = m};
	const struct task *t = task_find(m, tid);
	struct sbuf b = {0};

	if (t && !strcmp(name, "status"))
		show_status(&b, &view, tid);
	else if (t && t->pid == t->tgid)
		show_stat(&b, &view, tid);
	else if (t)
		show_thread_stat(&b, &view, tid);
	snprintf(buf, size, "%.*s", (int)b.len, b.data ? b.data : "");
	sbuf_free(&b);
}

uint32_t job_next(uint32_t tid)
{
	const struct task *t = task_next(m, tid + 1);

	return t ? t->pid : 0;
}

enum job_state job_state(uint32_t tid)
{
	const struct task *t = task_find(m, tid);

	return !t || !t->mm		    ? JOB_NOBODY
	       : t->state == TASK_SUSPENDED ? JOB_SUSPENDED
	       : t->state == TASK_STOPPED   ? JOB_STOPPED
					    : JOB_THERE;
}

/* The reply to a line of a control file: a number, or -errno. */
static int64_t command(enum actor_kind kind, uint32_t tid, const char *line)
{
	const struct event e = {.actor = {.kind = kind, .id = tid},
		.text = line,
		.text_len = strlen(line)};
	struct vm_outcome out;

	vm_apply(m, &e, NULL, NULL, &out);
	if (out.refused)
		die(line);
	return out.last.err ? -out.last.err : (int64_t)out.last.value;
}

static void wait_for(
	uint32_t tid, enum job job, const int64_t arg[2], struct job_reply *r)
{
	uint32_t options = (uint32_t)arg[1];
	struct task_end end;

	if (job == JOB_WAIT)
		options |= WAIT_EXITED;
	vm_fail_clear(m);
	r->r = task_wait(m, task_find(m, tid), arg[0], options, &end);
	if (r->r)
		return;
	r->r = end.pid;
	r->status = end.code;
	if (job == JOB_WAITID) /* si_code and si_status */
		r->status = end.code == CODE_CONTINUED ? 6 << 8 | 18
			    : (end.code & 0xff) == CODE_STOPPED
				    ? 5 << 8 | end.code >> 8
			    : end.code & 0x7f ? 2 << 8 | (end.code & 0x7f)
					      : 1 << 8 | end.code >> 8;
}

bool job_call(
	uint32_t tid, enum job job, const int64_t arg[2], struct job_reply *r)
{
	static const char *const format[NR_JOBS] = {
		[JOB_FORK] = "fork",
		[JOB_VFORK] = "vfork",
		[JOB_THREAD] = "clone flags=thread",
		[JOB_EXEC] = "exec " PROGRAM,
		[JOB_QUIT] = "exit %lld",
		[JOB_QUIT_GROUP] = "exit_group %lld",
		[JOB_KILL] = "kill %lld %lld",
		[JOB_SIGACTION] = "sigaction %lld %s",
		[JOB_SETSID] = "setsid",
		[JOB_SETPGID] = "setpgid %lld %lld",
		[JOB_GETPGID] = "getpgid %lld",
		[JOB_GETSID] = "getsid %lld",
		[JOB_SETRESUID] = "setresuid %lld %lld %lld",
		[JOB_SUBREAPER] = "prctl set_child_subreaper %lld",
		[JOB_PDEATHSIG] = "prctl set_pdeathsig %lld",
	};
	long long a = arg[0], b = arg[1];
	char line[96];

	*r = (struct job_reply){0};
	if (job == JOB_WAIT || job == JOB_WAITID)
		wait_for(tid, job, arg, r);
	else if (job == JOB_SIGACTION)
		snprintf(line, sizeof(line), format[job], a,
			b ? "ignore" : "default");
	else if (job == JOB_SETRESUID)
		snprintf(line, sizeof(line), format[job], a, a, a);
	else
		snprintf(line, sizeof(line), format[job], a, b);
	if (job != JOB_WAIT && job != JOB_WAITID)
		r->r = command(ACTOR_PROCESS, tid, line);
	return (job == JOB_EXEC && !r->r) || job_state(tid) == JOB_THERE ||
	       job_state(tid) == JOB_SUSPENDED;
}

static void copy_program(const char *name)
{
	FILE *f = fopen(name, "r");
	idx_t inode = disk_create(m, PROGRAM, 0755, 0, 0);
	char page[4096];
	uint64_t off = 0;
	size_t n;

	if (!f || !inode)
		die(name);
	for (; (n = fread(page, 1, sizeof(page), f)) > 0; off += n)
		if (disk_write(m, inode, off, page, n) < 0)
			die(name);
	fclose(f);
}

int main(int argc, char **argv)
{
	static char script[1 << 20];
	struct vm_config c;
	char err[SENTENCE_MAX];

	if (argc != 2 || strncmp(argv[1], "--program=", 10)) {
		fprintf(stderr, "usage: replay_jobs --program=STUB < script\n");
		return 2;
	}
	vm_config_default(&c);
	c.ram = 64 * MiB;
	m = vm_boot(&c, &host_mmap, err);
	if (!m) {
		fprintf(stderr, "replay_jobs: %s\n", err);
		return 2;
	}
	copy_program(argv[1] + 10);
	if (command(ACTOR_MACHINE, 0, "spawn " PROGRAM) != 2)
		die("spawn");
	script[fread(script, 1, sizeof(script) - 1, stdin)] = '\0';
	jobs_run(script);
	if (vm_check(m))
		die("check");
	vm_destroy(m);
	return 0;
}
