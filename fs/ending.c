/*
 * How a session ends, and how a request does that nobody waits for any more.
 *
 * A signal that asks for it wakes a thread; before that
 * one ends the loop it waits for those who tell the kernel to drop pages: the
 * kernel waits for pages that are being read, and without the loop nobody
 * answers.
 */
#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "session.h"

/* Interrupts the thread that serves, so that it sees the end. */
#define SIGNAL_LOOK SIGUSR1
#define AGAIN_NS    10000000l

static const int asking[] = {SIGHUP, SIGINT, SIGTERM};
static sem_t asked;

static void ask(int sig)
{
	int saved = errno;

	sem_post(&asked);
	errno = saved;
}

static void look(int sig)
{
}

static void *ending_main(void *arg)
{
	struct session *s = arg;
	struct ending *e = &s->ending;
	const struct timespec again = {.tv_nsec = AGAIN_NS};

	while (sem_wait(&asked))
		;
	pthread_mutex_lock(&e->lock);
	e->stop = true;
	while (e->telling)
		pthread_cond_wait(&e->told, &e->lock);
	pthread_mutex_unlock(&e->lock);
	fuse_session_exit(s->se);
	/* A signal between the loop's look at the flag and its sleep is lost.
	 */
	while (!atomic_load(&e->ended)) {
		pthread_kill(e->loop, SIGNAL_LOOK);
		nanosleep(&again, NULL);
	}
	return NULL;
}

static void handle(int sig, void (*handler)(int))
{
	struct sigaction sa = {.sa_handler = handler};

	sigaction(sig, &sa, NULL);
}

int ending_start(struct session *s)
{
	struct ending *e = &s->ending;

	e->loop = pthread_self();
	pthread_mutex_init(&e->lock, NULL);
	pthread_cond_init(&e->told, NULL);
	sem_init(&asked, 0, 0);
	handle(SIGPIPE, SIG_IGN);
	handle(SIGNAL_LOOK, look);
	for (size_t i = 0; i < sizeof(asking) / sizeof(*asking); i++)
		handle(asking[i], ask);
	return pthread_create(&e->thread, NULL, ending_main, s);
}

void ending_stop(struct session *s)
{
	struct ending *e = &s->ending;

	atomic_store(&e->ended, true);
	sem_post(&asked);
	pthread_join(e->thread, NULL);
	for (size_t i = 0; i < sizeof(asking) / sizeof(*asking); i++)
		handle(asking[i], SIG_DFL);
	pthread_cond_destroy(&e->told);
	pthread_mutex_destroy(&e->lock);
}

bool ending_tell(struct session *s)
{
	struct ending *e = &s->ending;
	bool may;

	pthread_mutex_lock(&e->lock);
	may = !e->stop;
	e->telling += may;
	pthread_mutex_unlock(&e->lock);
	return may;
}

void ending_told(struct session *s)
{
	struct ending *e = &s->ending;

	pthread_mutex_lock(&e->lock);
	if (!--e->telling)
		pthread_cond_signal(&e->told);
	pthread_mutex_unlock(&e->lock);
}

/* ---- a request ----------------------------------------------------------- */

/* Signals by which people end a program; others, of timers and children, go
 * to handlers, and the program goes on waiting. */
#define BIT(sig) (1ull << ((sig)-1))
#define ENDING \
	(BIT(SIGHUP) | BIT(SIGINT) | BIT(SIGQUIT) | BIT(SIGKILL) | BIT(SIGTERM))

/* Whether a thread that waits in a system call is to end: its signals as
 * proc(5) describes them. */
static bool is_ending(pid_t tid)
{
	uint64_t pending = 0, blocked = 0;
	char line[128], path[64];
	unsigned long long mask;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	f = fopen(path, "re");
	if (!f)
		return true;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "SigPnd: %llx", &mask) == 1 ||
			sscanf(line, "ShdPnd: %llx", &mask) == 1)
			pending |= mask;
		if (sscanf(line, "SigBlk: %llx", &mask) == 1)
			blocked = mask;
	}
	fclose(f);
	return pending & ~blocked & ENDING;
}

/* The kernel's word that a signal came is read by another thread; where one
 * serves all there is none, and only the program itself tells. */
bool request_gave_up(void *ctx)
{
	fuse_req_t req = ctx;
	struct session *s = req_session(req);
	pid_t tid = fuse_req_ctx(req)->pid;

	if (fuse_session_exited(s->se))
		return true;
	if (!fuse_req_interrupted(req) && !(s->single && tid))
		return false;
	return !tid || is_ending(tid);
}
