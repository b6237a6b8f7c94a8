/*
 * Tracing: every task of the script is stopped, but for the one that makes a
 * call, and those that vfork has suspended.  See ptrace(2); what is said there
 * of PTRACE_EVENT stops, of exec by a thread and of leaders that end before
 * their threads is what this file is about.
 */
#include "traced.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls32.h"
#include "script.h"
#include "stub.h"

#define MAX_TID 4096
#define PAGE	4096u
#define OPTIONS                                                           \
	(PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | \
		PTRACE_O_EXITKILL)

enum state {
	UNKNOWN,
	NEW, /* born, but not yet stopped */
	RUNNING,
	SUSPENDED, /* by vfork */
	STOPPED,
	LEADER_ENDED, /* its threads go on, and so nobody is told */
	DEAD,
};

static struct task {
	enum state state;
	uint32_t tgid;
	uint32_t child;	 /* the newest */
	uint32_t waiter; /* task that vfork has suspended for this one */
	uint64_t flags;	 /* of the clone that it makes */
	bool is32;	 /* runs the stub of 32 bits */
	int sig;	 /* that stopped it */
} task[MAX_TID];
static uint32_t last_tid;
static uint64_t entry[2]; /* in 64, in 32 bits */

void traced_entries(uint64_t e, uint64_t e32)
{
	entry[0] = e;
	entry[1] = e32;
}

bool traced_is32(uint32_t tid)
{
	return task[tid].is32;
}

uint64_t traced_piece(uint32_t tid, unsigned piece)
{
	return entry[task[tid].is32] + piece;
}

static void die(const char *what, uint32_t tid)
{
	fprintf(stderr, "conduct: %s of %u: %s\n", what, tid, strerror(errno));
	exit(2);
}

static void go_on(uint32_t tid)
{
	/* Killed meanwhile: that will be told. */
	if (ptrace(PTRACE_CONT, tid, 0, 0) && errno != ESRCH)
		die("PTRACE_CONT", tid);
}

bool traced_exists(uint32_t tid)
{
	char path[64];

	if (tid >= MAX_TID || !task[tid].tgid)
		return false;
	snprintf(path, sizeof(path), "/proc/%u/task/%u", task[tid].tgid, tid);
	return !access(path, F_OK);
}

uint32_t traced_tgid(uint32_t tid)
{
	return task[tid].tgid;
}

uint32_t traced_next(uint32_t tid)
{
	while (++tid <= last_tid)
		if (traced_exists(tid))
			return tid;
	return 0;
}

/* ---- what tasks report --------------------------------------------------- */

static void note_birth(uint32_t parent, int event)
{
	struct task *p = &task[parent], *t;
	unsigned long child;

	if (ptrace(PTRACE_GETEVENTMSG, parent, 0, &child) || child >= MAX_TID)
		die("child", parent);
	t = &task[child];
	p->child = (uint32_t)child;
	t->tgid = p->flags & CLONE_THREAD ? p->tgid : (uint32_t)child;
	t->waiter = event == PTRACE_EVENT_VFORK ? parent : 0;
	t->is32 = p->is32;
	if (t->state == UNKNOWN)
		t->state = NEW;
	if (event == PTRACE_EVENT_VFORK)
		p->state = SUSPENDED;
	last_tid = (uint32_t)child > last_tid ? (uint32_t)child : last_tid;
	go_on(parent);
}

static void note_stop(uint32_t tid, int sig, int event)
{
	struct task *t = &task[tid];

	t->sig = sig;
	if (event)
		note_birth(tid, event);
	else if (t->state == UNKNOWN || t->state == NEW || sig == SIGTRAP ||
		 sig == SIGSEGV || sig == SIGBUS || sig == SIGILL)
		t->state = STOPPED;
	else
		go_on(tid); /* SIGCHLD, which nobody listens to */
}

/* The next report of anyone; false if there is none and we do not wait. */
static bool take_report(int options)
{
	int status;
	pid_t tid = waitpid(-1, &status, __WALL | options);

	if (tid <= 0)
		return false;
	if (WIFSTOPPED(status))
		note_stop((uint32_t)tid, WSTOPSIG(status), status >> 16);
	else
		task[tid].state = DEAD;
	return true;
}

static void wait_while(uint32_t tid, enum state state)
{
	while (task[tid].state == state)
		if (!take_report(0))
			die("wait", tid);
}

/* ---- registers ---------------------------------------------------------- */

static struct user_regs_struct registers(uint32_t tid)
{
	struct user_regs_struct r;

	if (ptrace(PTRACE_GETREGS, tid, 0, &r))
		die("PTRACE_GETREGS", tid);
	return r;
}

static int64_t result_of(uint32_t tid)
{
	uint64_t rax = registers(tid).rax;

	if (!task[tid].is32)
		return (int64_t)rax;
	return (uint32_t)rax > -4096u ? (int32_t)rax : (int64_t)(uint32_t)rax;
}

#define CODE32 0x23 /* the segment of 32-bit programs */

static void note_width(uint32_t tid)
{
	task[tid].is32 = registers(tid).cs == CODE32;
}

/* ---- the ends of tasks ----------------------------------------------------
 */

static bool others_live(uint32_t tid)
{
	for (uint32_t i = 1; i <= last_tid; i++)
		if (i != tid && task[i].tgid == task[tid].tgid &&
			task[i].state != DEAD && task[i].state != LEADER_ENDED)
			return true;
	return false;
}

static bool is_in_state(uint32_t tid, const char *state)
{
	char path[64], line[256] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/task/%u/stat", task[tid].tgid,
		tid);
	f = fopen(path, "r");
	if (f) {
		if (!fgets(line, sizeof(line), f))
			*line = '\0';
		fclose(f);
	}
	return strstr(line, state) != NULL;
}

/* Who waits for that task in vfork goes on. */
static void release_waiter(uint32_t tid)
{
	uint32_t w = task[tid].waiter;

	task[tid].waiter = 0;
	if (w)
		wait_while(w, SUSPENDED);
}

static void await_end(uint32_t tid)
{
	uint32_t leader = task[tid].tgid;

	if (tid == leader && others_live(tid)) {
		while (!is_in_state(tid, ") Z "))
			if (!take_report(WNOHANG))
				sched_yield();
		task[tid].state = LEADER_ENDED;
	} else {
		wait_while(tid, RUNNING);
	}
	if (!others_live(leader))
		wait_while(leader, LEADER_ENDED);
	release_waiter(tid);
}

static void await_group_end(uint32_t tgid)
{
	for (uint32_t i = 1; i <= last_tid; i++) {
		if (task[i].tgid != tgid)
			continue;
		while (task[i].state != DEAD)
			if (!take_report(0))
				die("wait", i);
		release_waiter(i);
	}
}

/* Its old image is gone, and the new one could not be mapped. */
static void let_die(uint32_t tid)
{
	task[tid].state = RUNNING;
	if (ptrace(PTRACE_CONT, tid, 0, SIGSEGV))
		die("SIGSEGV", tid);
	wait_while(tid, RUNNING);
}

/* A thread that executes a program takes the PID of its process. */
static void await_exec(uint32_t tid)
{
	uint32_t leader = task[tid].tgid;
	bool was_dead = task[leader].state == LEADER_ENDED, dies;

	if (leader != tid)
		task[leader].state = RUNNING;
	while (task[tid].state == RUNNING &&
		(leader == tid || task[leader].state == RUNNING))
		if (!take_report(0))
			die("exec", tid);
	dies = task[leader].state == STOPPED && task[leader].sig == SIGSEGV;
	if (!dies && task[tid].state == STOPPED &&
		(leader != tid || result_of(tid))) {
		/* refused */
		if (leader != tid)
			task[leader].state = was_dead ? LEADER_ENDED : STOPPED;
		return;
	}
	for (uint32_t i = 1; i <= last_tid; i++)
		if (i != leader && task[i].tgid == leader)
			task[i].state = DEAD;
	if (dies)
		let_die(leader);
	else if (task[leader].state == STOPPED)
		note_width(leader);
	for (uint32_t i = 1; i <= last_tid; i++)
		if (task[i].tgid == leader)
			release_waiter(i);
}

/* ---- calls ----------------------------------------------------------------
 */

static void set_arguments(struct user_regs_struct *r, const uint64_t a[6])
{
	r->rdi = a[0];
	r->rsi = a[1];
	r->rdx = a[2];
	r->r10 = a[3];
	r->r8 = a[4];
	r->r9 = a[5];
}

static void set_arguments32(struct user_regs_struct *r, const uint64_t a[6])
{
	r->rbx = (uint32_t)a[0];
	r->rcx = (uint32_t)a[1];
	r->rdx = (uint32_t)a[2];
	r->rsi = (uint32_t)a[3];
	r->rdi = (uint32_t)a[4];
	r->rbp = (uint32_t)a[5];
}

static void run_at(
	uint32_t tid, unsigned piece, uint64_t nr, const uint64_t a[6])
{
	struct user_regs_struct r = registers(tid);

	r.rip = traced_piece(tid, piece);
	r.rax = nr;
	r.orig_rax = UINT64_MAX;
	if (task[tid].is32)
		set_arguments32(&r, a);
	else
		set_arguments(&r, a);
	if (ptrace(PTRACE_SETREGS, tid, 0, &r))
		die("PTRACE_SETREGS", tid);
	task[tid].state = RUNNING;
	go_on(tid);
}

/*
 * mmap of 32 bits: mmap2, as the old one takes its arguments from memory.  Of
 * an offset within a page that one would refuse; here no length does it.
 */
static uint64_t number32(uint64_t nr, uint64_t a[6])
{
	if (nr != SYS_mmap)
		return (uint64_t)call32((int)nr);
	if (a[5] % PAGE) {
		a[1] = 0;
		a[3] = MAP_PRIVATE | MAP_ANONYMOUS;
	}
	a[5] = (uint32_t)a[5] / PAGE;
	return 192;
}

static void run_call(uint32_t tid, uint64_t nr, const uint64_t arg[6])
{
	uint64_t a[6];

	memcpy(a, arg, sizeof(a));
	if (task[tid].is32)
		nr = number32(nr, a);
	run_at(tid, STUB_CALL, nr, a);
}

static int64_t call(uint32_t tid, uint64_t nr, const uint64_t arg[6])
{
	task[tid].flags = nr == SYS_clone ? arg[0] : 0;
	task[tid].child = 0;
	run_call(tid, nr, arg);
	if (nr == SYS_exit) {
		await_end(tid);
		return 0;
	}
	if (nr == SYS_exit_group) {
		await_group_end(task[tid].tgid);
		return 0;
	}
	if (nr == SYS_execve)
		await_exec(tid);
	else
		wait_while(tid, RUNNING);
	if (task[tid].child)
		wait_while(task[tid].child, NEW);
	if (task[tid].state == SUSPENDED) {
		while (!is_in_state(tid, ") D "))
			sched_yield();
		return task[tid].child;
	}
	return task[tid].state == DEAD ? 0 : result_of(tid);
}

static int64_t refusal(uint32_t tid)
{
	return task[tid].state == STOPPED     ? 0
	       : task[tid].state == SUSPENDED ? -EAGAIN
					      : -ESRCH;
}

int64_t traced_call(uint32_t tid, uint64_t nr, const uint64_t arg[6])
{
	int64_t r = refusal(tid);

	if (r)
		return r;
	r = call(tid, nr, arg);
	/* Orphans that are ours now, and dead. */
	while (take_report(WNOHANG))
		;
	return r;
}

uint8_t traced_access(uint32_t tid, unsigned piece, uint64_t addr,
	uint8_t value, struct fault *f)
{
	const uint64_t arg[6] = {addr, value};
	siginfo_t info;

	f->sig = 0;
	if (refusal(tid))
		return 0;
	run_at(tid, piece, 0, arg);
	wait_while(tid, RUNNING);
	if (ptrace(PTRACE_GETSIGINFO, tid, 0, &info))
		die("PTRACE_GETSIGINFO", tid);
	if (info.si_signo != SIGTRAP) {
		f->sig = info.si_signo;
		f->code = info.si_code;
		f->addr = (uint64_t)info.si_addr;
		f->err = 0; /* nobody tells */
		return 0;
	}
	return (uint8_t)result_of(tid);
}

void traced_kill(uint32_t pid)
{
	if (!traced_exists(pid) || kill((pid_t)pid, SIGKILL))
		return;
	await_group_end(task[pid].tgid);
	while (take_report(WNOHANG))
		;
}

uint32_t traced_begin(void (*become)(void))
{
	pid_t pid = fork();

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		become();
	}
	last_tid = (uint32_t)pid;
	task[pid] = (struct task){.state = NEW, .tgid = (uint32_t)pid};
	wait_while((uint32_t)pid, NEW);
	if (pid != STUB_FIRST || task[pid].state != STOPPED ||
		ptrace(PTRACE_SETOPTIONS, pid, 0, OPTIONS))
		die("start", (uint32_t)pid);
	note_width((uint32_t)pid);
	return (uint32_t)pid;
}
