/*
 * The moment after: when no command has come for a while, the journal writes
 * what can wait.  The thread sleeps without a timer while nothing happens.
 */
#include <errno.h>
#include <signal.h>

#include "session.h"

#define QUIET_NS 50000000l

void idle_touch(struct session *s)
{
	struct idle *i = &s->idle;

	atomic_fetch_add_explicit(&i->activity, 1, memory_order_relaxed);
	if (atomic_load_explicit(&i->busy, memory_order_relaxed))
		return;
	pthread_mutex_lock(&i->lock);
	atomic_store(&i->busy, true);
	pthread_cond_signal(&i->wake);
	pthread_mutex_unlock(&i->lock);
}

/* Sleeps for the quiet time; the lock is held. */
static void idle_sleep(struct idle *i)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += QUIET_NS;
	if (until.tv_nsec >= 1000000000l) {
		until.tv_nsec -= 1000000000l;
		until.tv_sec++;
	}
	while (!i->stop &&
		pthread_cond_timedwait(&i->wake, &i->lock, &until) != ETIMEDOUT)
		;
}

static void *idle_main(void *arg)
{
	struct session *s = arg;
	struct idle *i = &s->idle;

	pthread_mutex_lock(&i->lock);
	while (!i->stop) {
		unsigned before = atomic_load(&i->activity);

		if (!atomic_load(&i->busy)) {
			pthread_cond_wait(&i->wake, &i->lock);
			continue;
		}
		idle_sleep(i);
		if (i->stop || before != atomic_load(&i->activity))
			continue;
		/* Cleared first: a command from here on sets it again. */
		atomic_store(&i->busy, false);
		pthread_mutex_unlock(&i->lock);
		fair_reserve(&s->live.lock);
		store_idle(s->live.view.store);
		fair_release(&s->live.lock);
		pthread_mutex_lock(&i->lock);
	}
	pthread_mutex_unlock(&i->lock);
	return NULL;
}

int idle_start(struct session *s)
{
	struct idle *i = &s->idle;
	pthread_condattr_t attr;
	sigset_t all, old;
	int err;

	pthread_mutex_init(&i->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&i->wake, &attr);
	pthread_condattr_destroy(&attr);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&i->thread, NULL, idle_main, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	i->started = !err;
	return -err;
}

void idle_stop(struct session *s)
{
	struct idle *i = &s->idle;

	if (!i->started)
		return;
	pthread_mutex_lock(&i->lock);
	i->stop = true;
	pthread_cond_signal(&i->wake);
	pthread_mutex_unlock(&i->lock);
	pthread_join(i->thread, NULL);
	i->started = false;
}
