/* The lines of a script about job control, and what is told of the tasks. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs.h"

static const char *const names[NR_JOBS] = {
	[JOB_FORK] = "fork",
	[JOB_VFORK] = "vfork",
	[JOB_THREAD] = "thread",
	[JOB_EXEC] = "exec",
	[JOB_QUIT] = "quit",
	[JOB_QUIT_GROUP] = "quit_group",
	[JOB_KILL] = "kill",
	[JOB_SIGACTION] = "sigaction",
	[JOB_WAIT] = "wait",
	[JOB_WAITID] = "waitid",
	[JOB_SETSID] = "setsid",
	[JOB_SETPGID] = "setpgid",
	[JOB_GETPGID] = "getpgid",
	[JOB_GETSID] = "getsid",
	[JOB_SETRESUID] = "setresuid",
	[JOB_SUBREAPER] = "subreaper",
	[JOB_PDEATHSIG] = "pdeathsig",
};

/* ---- looks --------------------------------------------------------------- */

/* EXITING, POSTCOREDUMP, FORKNOEXEC, SIGNALED, DUMPCORE */
#define FLAGS 0x64cu

/* Whoever is not stopped, dead or suspended waits for its next call, or runs.
 */
static char letter(char c)
{
	return c == 'R' ? 'S' : c;
}

/* State, parent, group, session, flags, threads, signals, exit_signal and
 * exit_code; the others are times, memory and the tracer's. */
static void put_stat(uint32_t tid)
{
	static const unsigned shown[] = {
		4, 5, 6, 9, 20, 31, 32, 33, 34, 38, 52};
	static char text[4096];
	char *field[64], *p;
	unsigned n = 3;

	job_file(tid, "stat", text, sizeof(text));
	p = strrchr(text, ')');
	if (!p)
		return;
	for (p = strtok(p + 2, " \n"); p && n < 64; p = strtok(NULL, " \n"))
		field[n++] = p;
	printf("%" PRIu32 " %c", tid, letter(*field[3]));
	for (unsigned i = 0; i < sizeof(shown) / sizeof(*shown); i++)
		if (shown[i] == 9)
			printf(" %#lx", strtoul(field[9], NULL, 10) & FLAGS);
		else
			printf(" %s", field[shown[i]]);
}

#define SIGQ 6 /* in the list below */

static void put_status(uint32_t tid)
{
	static const char *const shown[] = {
		"State", "SigPnd", "ShdPnd", "SigIgn", "SigCgt", "Uid", "SigQ"};
	static char text[4096];
	char *p;

	job_file(tid, "status", text, sizeof(text));
	for (p = strtok(text, "\n"); p; p = strtok(NULL, "\n"))
		for (unsigned i = 0; i < sizeof(shown) / sizeof(*shown); i++) {
			if (strncmp(p, shown[i], strlen(shown[i])))
				continue;
			p += strlen(shown[i]) + 2;
			if (i == SIGQ) /* the limit is the host's */
				printf(" %.*s", (int)strcspn(p, "/"), p);
			else if (i)
				printf(" %s", p);
			else
				printf(" %c", letter(*p));
		}
	putchar('\n');
}

static void put_tree(void)
{
	for (uint32_t t = job_next(1); t; t = job_next(t)) {
		put_stat(t);
		put_status(t);
	}
}

/* ---- lines --------------------------------------------------------------- */

static void put_reply(enum job job, const struct job_reply *r)
{
	printf("%" PRId64, r->r);
	if (r->r > 0 && (job == JOB_WAIT || job == JOB_WAITID))
		printf(" %#x", (unsigned)r->status);
	putchar('\n');
}

static void run_line(char *line)
{
	static const char *const refused[] = {
		[JOB_NOBODY] = "nobody",
		[JOB_STOPPED] = "stopped",
		[JOB_SUSPENDED] = "suspended",
	};
	char name[32] = "";
	int64_t arg[2] = {0};
	struct job_reply r;
	uint32_t tid;
	unsigned job = 0;

	if (sscanf(line, "%" SCNu32 " %31s %" SCNi64 " %" SCNi64, &tid, name,
		    &arg[0], &arg[1]) < 2)
		return;
	while (job < NR_JOBS && strcmp(names[job], name))
		job++;
	if (job == NR_JOBS)
		printf("?unknown %s\n", name);
	else if (job_state(tid) != JOB_THERE)
		puts(refused[job_state(tid)]);
	else if (!job_call(tid, job, arg, &r))
		puts("no answer");
	else
		put_reply(job, &r);
}

void jobs_run(char *script)
{
	char *next;

	for (char *line = script; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (!strcmp(line, "tree"))
			put_tree();
		else if (!strncmp(line, "print ", 6))
			puts(line + 6);
		else
			run_line(line);
	}
	fflush(stdout);
}
