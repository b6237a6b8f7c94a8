/*
 * jobs: runs a script about job control with processes and threads of the
 * running kernel: signals, stops, wait, process groups, sessions.
 *
 *	jobs < script
 *
 * It is PID 1 of a namespace of its own.  All others are puppets: each reads
 * the next call that it is to make from a pipe of its own (its slot) and
 * answers through one that all share.  Nobody is traced: tracing changes what
 * signals do.  After each call it is waited until nobody runs any more.
 * Needs root, and to lie where any user may execute it but for folders above.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jobs.h"

#define MAX_TID	  1024
#define MAX_SLOT  400
#define ANSWER_FD 199 /* where puppets write */
#define SLOT_FD	  200 /* and the first of those that they read from */
#define STACK	  65536

struct order {
	uint32_t job, number, slot;
	int64_t arg[2];
};

struct answer {
	uint32_t number; /* the order's: late ones are nobody's */
	int32_t status;
	int64_t r;
};

static void die(const char *what)
{
	fprintf(stderr, "jobs: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* ---- puppets --------------------------------------------------------------
 */

static char program[] = "/mnt/jobs"; /* in the namespace */

static int puppet(void *slot);

static void send_answer(uint32_t number, int64_t r, int32_t status)
{
	const struct answer a = {number, status, r};

	if (syscall(SYS_write, ANSWER_FD, &a, sizeof(a)) != sizeof(a))
		syscall(SYS_exit_group, 99);
}

static int64_t result(long r)
{
	return r < 0 ? -errno : r;
}

/* The child goes on in a slot of its own.  With shared memory it needs a stack,
 * which is never given back. */
static int64_t do_clone(const struct order *o, unsigned long flags)
{
	char *stack = flags & CLONE_VM ? malloc(STACK) : NULL;
	void *slot = (void *)(uintptr_t)o->slot;
	long r;

	if (stack)
		return result(clone(puppet, stack + STACK, (int)flags, slot));
	r = syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
	if (!r)
		puppet(slot);
	return result(r);
}

static int64_t do_exec(const struct order *o, unsigned slot)
{
	char text[16], number[16];
	char *argv[] = {program, text, number, NULL}, *envp[] = {NULL};

	snprintf(text, sizeof(text), "%u", slot);
	snprintf(number, sizeof(number), "%u", o->number);
	return result(execve(program, argv, envp));
}

/* Without the C library, which keeps two signals to itself. */
static int64_t do_sigaction(int64_t sig, bool ignore)
{
	const struct {
		void (*handler)(int);
		unsigned long flags;
		void *restorer;
		uint64_t mask;
	} action = {.handler = ignore ? SIG_IGN : SIG_DFL};

	return result(syscall(SYS_rt_sigaction, sig, &action, NULL, 8));
}

static int64_t do_waitid(int64_t pid, int64_t options, int32_t *status)
{
	siginfo_t info = {0};
	int type = pid == -1 ? P_ALL : pid > 0 ? P_PID : P_PGID;
	long r = syscall(SYS_waitid, type, pid < 0 ? -pid : pid, &info,
		options | WNOHANG, NULL);

	*status = info.si_code << 8 | info.si_status;
	return r ? -errno : info.si_pid;
}

static int64_t perform(const struct order *o, unsigned slot, int32_t *status)
{
	const int64_t *a = o->arg;

	switch ((enum job)o->job) {
	case JOB_FORK:
		return do_clone(o, SIGCHLD);
	case JOB_VFORK:
		return do_clone(o, CLONE_VM | CLONE_VFORK | SIGCHLD);
	case JOB_THREAD:
		return do_clone(o, CLONE_VM | CLONE_SIGHAND | CLONE_THREAD |
					   CLONE_FS | CLONE_FILES);
	case JOB_EXEC:
		return do_exec(o, slot);
	case JOB_QUIT:
		return syscall(SYS_exit, a[0]);
	case JOB_QUIT_GROUP:
		return syscall(SYS_exit_group, a[0]);
	case JOB_KILL:
		return result(syscall(SYS_kill, a[0], a[1]));
	case JOB_SIGACTION:
		return do_sigaction(a[0], a[1]);
	case JOB_WAIT:
		return result(
			syscall(SYS_wait4, a[0], status, a[1] | WNOHANG, NULL));
	case JOB_WAITID:
		return do_waitid(a[0], a[1], status);
	case JOB_SETSID:
		return result(syscall(SYS_setsid));
	case JOB_SETPGID:
		return result(syscall(SYS_setpgid, a[0], a[1]));
	case JOB_GETPGID:
		return result(syscall(SYS_getpgid, a[0]));
	case JOB_GETSID:
		return result(syscall(SYS_getsid, a[0]));
	case JOB_SETRESUID:
		return result(syscall(SYS_setresuid, a[0], a[0], a[0]));
	case JOB_SUBREAPER:
		return result(prctl(PR_SET_CHILD_SUBREAPER, a[0], 0, 0, 0));
	case JOB_PDEATHSIG:
		return result(prctl(PR_SET_PDEATHSIG, a[0], 0, 0, 0));
	default:
		return -ENOSYS;
	}
}

static int puppet(void *arg)
{
	unsigned slot = (unsigned)(uintptr_t)arg;
	struct order o;

	while (syscall(SYS_read, SLOT_FD + slot, &o, sizeof(o)) == sizeof(o)) {
		int32_t status = 0;
		int64_t r = perform(&o, slot, &status);

		send_answer(o.number, r, status);
	}
	syscall(SYS_exit_group, 98);
	return 0;
}

/* ---- the conductor --------------------------------------------------------
 */

static struct {
	uint32_t tgid, slot;
	uint32_t waits_for; /* its child of vfork */
} task[MAX_TID];
static int order_fd[MAX_SLOT], answer_fd;
static uint32_t nr_slots, number;

void job_file(uint32_t tid, const char *name, char *buf, unsigned size)
{
	char path[64];
	ssize_t n = 0;
	int fd;

	if (task[tid].tgid == tid)
		snprintf(path, sizeof(path), "/proc/%u/%s", tid, name);
	else
		snprintf(path, sizeof(path), "/proc/%u/task/%u/%s",
			task[tid].tgid, tid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, buf, size - 1);
		close(fd);
	}
	buf[n > 0 ? n : 0] = '\0';
}

/* The letter in stat; 0 if there is no such task. */
static char letter_of(uint32_t tid)
{
	char text[512], *p;

	if (tid >= MAX_TID || !task[tid].tgid)
		return 0;
	job_file(tid, "stat", text, sizeof(text));
	p = strrchr(text, ')');
	return p ? p[2] : 0;
}

uint32_t job_next(uint32_t tid)
{
	while (++tid < MAX_TID)
		if (letter_of(tid))
			return tid;
	return 0;
}

enum job_state job_state(uint32_t tid)
{
	char c = letter_of(tid);

	return !c || c == 'Z' ? JOB_NOBODY
	       : c == 'T'     ? JOB_STOPPED
	       : c == 'D'     ? JOB_SUSPENDED
			      : JOB_THERE;
}

/* Whether it is waited for something that only the script can bring. */
static bool is_at_rest(uint32_t tid)
{
	char c = letter_of(tid), child;

	if (c != 'D')
		return !c || c == 'S' || c == 'T' || c == 'Z';
	child = task[tid].waits_for ? letter_of(task[tid].waits_for) : 0;
	return child && child != 'Z';
}

/* A task that is at rest may have been told to move by one that was not. */
static void settle(void)
{
	unsigned calm = 0;

	while (calm < 2) {
		uint32_t t = 1;

		while (++t < MAX_TID && is_at_rest(t))
			;
		calm = t == MAX_TID ? calm + 1 : 0;
		if (!calm)
			sched_yield();
	}
}

/*
 * A task that nobody waits for is gone from /proc before its signals are given
 * back: SigQ of all users is more than what waits for those who are there.  It
 * may be so for long, as real-time signals wait more than once.
 */
static bool queue_lags(void)
{
	uint32_t seen[8], nr_seen = 0, i;
	uint64_t counted = 0, there = 0;

	for (uint32_t t = job_next(1); t; t = job_next(t)) {
		unsigned long long queued = 0, pending = 0;
		uint32_t uid = 0;
		char text[4096];

		job_file(t, "status", text, sizeof(text));
		if (task[t].tgid != t || !*text)
			continue;
		sscanf(strstr(text, "Uid:"), "Uid: %" SCNu32, &uid);
		sscanf(strstr(text, "SigQ:"), "SigQ: %llu", &queued);
		sscanf(strstr(text, "ShdPnd:"), "ShdPnd: %llx", &pending);
		pending &= ~(1ull << (SIGKILL - 1));
		there += (uint64_t)__builtin_popcountll(pending);
		for (i = 0; i < nr_seen && seen[i] != uid; i++)
			;
		if (i < nr_seen || nr_seen == 8)
			continue;
		seen[nr_seen++] = uid;
		counted += queued;
	}
	return counted > there;
}

static unsigned nr_gone(void)
{
	unsigned nr = 0;

	for (uint32_t t = 2; t < MAX_TID; t++)
		nr += task[t].tgid && !letter_of(t);
	return nr;
}

static void settle_queue(void)
{
	static unsigned gone;
	unsigned now = nr_gone();

	for (int i = 0; now != gone && i < 40 && queue_lags(); i++)
		usleep(500);
	gone = now;
}

/* The answer to the newest order, if it comes. */
static bool take_answer(struct answer *a, int timeout)
{
	struct pollfd p = {answer_fd, POLLIN, 0};

	while (poll(&p, 1, timeout) == 1) {
		if (read(answer_fd, a, sizeof(*a)) != sizeof(*a))
			die("answer");
		if (a->number == number)
			return true;
	}
	return false;
}

static void note_birth(uint32_t parent, enum job job, int64_t child)
{
	if (child <= 0 || child >= MAX_TID)
		return;
	task[child].tgid =
		job == JOB_THREAD ? task[parent].tgid : (uint32_t)child;
	task[child].slot = nr_slots++;
	task[child].waits_for = 0;
	if (job == JOB_VFORK)
		task[parent].waits_for = (uint32_t)child;
}

/* Who waited for that child in vfork does not any more. */
static void note_exec(uint32_t tid)
{
	uint32_t leader = task[tid].tgid;

	for (uint32_t t = 0; t < MAX_TID; t++)
		if (task[t].waits_for == tid || task[t].waits_for == leader)
			task[t].waits_for = 0;
	task[leader].slot = task[tid].slot;
}

/* The newest process: of vfork the parent cannot tell. */
static int64_t newest_child(void)
{
	char text[128], *p;
	int fd = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n > 0 ? n : 0] = '\0';
	p = strrchr(text, ' ');
	return p ? atoi(p) : 0;
}

bool job_call(
	uint32_t tid, enum job job, const int64_t arg[2], struct job_reply *r)
{
	const struct order o = {job, ++number, nr_slots, {arg[0], arg[1]}};
	struct answer a = {0};
	bool answered = false;

	if (nr_slots == MAX_SLOT - 1)
		return false;
	if (job == JOB_VFORK)
		task[tid].waits_for = 1; /* until its number is known */
	if (write(order_fd[task[tid].slot], &o, sizeof(o)) != sizeof(o))
		die("order");
	while (!(answered = take_answer(&a, 0)) && job_state(tid) == JOB_THERE)
		sched_yield();
	settle();
	answered = answered || take_answer(&a, 0);
	r->r = a.r;
	r->status = a.status;
	if (job == JOB_VFORK && job_state(tid) == JOB_SUSPENDED) {
		r->r = newest_child();
		answered = true;
	}
	if (job <= JOB_THREAD && answered)
		note_birth(tid, job, r->r);
	if (job == JOB_EXEC && answered && !a.r)
		note_exec(tid);
	settle();
	settle_queue();
	return answered && (job == JOB_EXEC || job_state(tid) != JOB_NOBODY) &&
	       job_state(tid) != JOB_STOPPED;
}

/* ---- start -------------------------------------------------------------- */

static void make_pipes(void)
{
	const struct rlimit many = {4096, 4096};
	int fd[2];

	setrlimit(RLIMIT_NOFILE, &many);
	for (unsigned i = 0; i < MAX_SLOT; i++) {
		if (pipe(fd) || dup2(fd[0], SLOT_FD + (int)i) < 0)
			die("pipe");
		close(fd[0]);
		order_fd[i] = fcntl(fd[1], F_DUPFD_CLOEXEC, 1000);
		close(fd[1]);
	}
	if (pipe(fd) || dup2(fd[1], ANSWER_FD) < 0)
		die("pipe");
	close(fd[1]);
	answer_fd = fcntl(fd[0], F_DUPFD_CLOEXEC, 1000);
	close(fd[0]);
}

static void map_ids(pid_t pid, const char *file)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	fd = open(path, O_WRONLY);
	if (write(fd, "0 0 65536", 9) != 9)
		die(path);
	close(fd);
}

/*
 * The users of puppets are of a namespace of their own, although they have the
 * same numbers: the kernel counts the signals that wait for each (SigQ), and
 * others must not come in between.
 */
static void take_users(int begun, int mapped)
{
	char c;

	if (unshare(CLONE_NEWUSER) || write(begun, "", 1) != 1 ||
		read(mapped, &c, 1) != 1)
		_exit(96);
}

static void give_users(pid_t pid, int begun, int mapped)
{
	char c;

	if (read(begun, &c, 1) != 1)
		die("users");
	map_ids(pid, "uid_map");
	map_ids(pid, "gid_map");
	if (write(mapped, "", 1) != 1)
		die("users");
}

/* The first puppet has executed a program, and leads a session. */
static void start_first(void)
{
	const struct order o = {.number = ++number};
	struct answer a;
	int begun[2], mapped[2];
	pid_t pid;

	if (pipe2(begun, O_CLOEXEC) || pipe2(mapped, O_CLOEXEC))
		die("pipe");
	pid = fork();
	if (!pid) {
		take_users(begun[1], mapped[0]);
		for (int sig = 1; sig <= 64; sig++)
			do_sigaction(sig, false);
		setsid();
		do_exec(&o, 0);
		_exit(97);
	}
	give_users(pid, begun[0], mapped[1]);
	task[1].tgid = 1;
	task[pid].tgid = (uint32_t)pid;
	nr_slots = 1;
	if (pid != 2 || !take_answer(&a, 5000))
		die("first process");
	settle();
}

static int namespace_main(const char *dir)
{
	static char script[1 << 20];

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) ||
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		mount("proc", "/proc", "proc", 0, NULL) ||
		mount(dir, "/mnt", NULL, MS_BIND, NULL))
		die("mount");
	signal(SIGCHLD, SIG_IGN); /* orphans are reaped */
	make_pipes();
	start_first();
	script[fread(script, 1, sizeof(script) - 1, stdin)] = '\0';
	jobs_run(script);
	return 0;
}

int main(int argc, char **argv)
{
	int status = 1;
	pid_t pid;

	if (argc == 3) { /* a puppet that was executed */
		send_answer((uint32_t)atoi(argv[2]), 0, 0);
		return puppet((void *)(uintptr_t)atoi(argv[1]));
	}
	if (unshare(CLONE_NEWPID | CLONE_NEWNS))
		die("unshare");
	pid = fork();
	if (!pid)
		exit(namespace_main(dirname(argv[0])));
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die("fork");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 3;
}
