/* Job control: what jobs.c (the kernel) and replay_jobs.c (the machine) share:
 * the lines of a script, and what is printed of the tasks. */
#ifndef PAGEFS_ORACLE_JOBS_H
#define PAGEFS_ORACLE_JOBS_H

#include <stdbool.h>
#include <stdint.h>

enum job {
	JOB_FORK,
	JOB_VFORK,
	JOB_THREAD,
	JOB_EXEC,
	JOB_QUIT,
	JOB_QUIT_GROUP,
	JOB_KILL,      /* pid, signal */
	JOB_SIGACTION, /* signal, 1 ignore */
	JOB_WAIT,      /* pid, options of wait4(2) */
	JOB_WAITID,    /* pid as of wait4(2), options */
	JOB_SETSID,
	JOB_SETPGID, /* pid, pgid */
	JOB_GETPGID,
	JOB_GETSID,
	JOB_SETRESUID, /* to one id */
	JOB_SUBREAPER, /* prctl: 0 or 1 */
	JOB_PDEATHSIG, /* prctl: a signal */
	NR_JOBS
};

/* How a call ended: its result, and of wait what it says. */
struct job_reply {
	int64_t r;
	int32_t status;
};

/* ---- what the listener provides ---- */
enum job_state { JOB_NOBODY, JOB_STOPPED, JOB_SUSPENDED, JOB_THERE };
enum job_state job_state(uint32_t tid);
/* Lets a task that is there make a call, and everything that follows from it
 * happen.  False: it did not come back, because it ended or was stopped. */
bool job_call(
	uint32_t tid, enum job job, const int64_t arg[2], struct job_reply *r);
/* The next task above that TID, 0 at the end; PID 1 is left out. */
uint32_t job_next(uint32_t tid);
/* A file of the process, or of a thread that does not lead it. */
void job_file(uint32_t tid, const char *name, char *buf, unsigned size);

/* Runs a script: "TID CALL [ARG] [ARG]", "tree" tells of all tasks, "print". */
void jobs_run(char *script);

#endif
