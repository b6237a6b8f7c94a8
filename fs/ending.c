/*
 * How a session ends.  A signal that asks for it wakes a thread; before that
 * one ends the loop it waits for those who tell the kernel to drop pages: the
 * kernel waits for pages that are being read, and without the loop nobody
 * answers.
 */
#include <errno.h>
#include <semaphore.h>
#include <signal.h>
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
