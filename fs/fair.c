/*
 * See fair.h.
 */
#include "fair.h"

void fair_init(struct fair_lock *l)
{
	*l = (struct fair_lock){0};
	pthread_mutex_init(&l->turn, NULL);
	pthread_mutex_init(&l->mutex, NULL);
	pthread_cond_init(&l->read, NULL);
	pthread_cond_init(&l->write, NULL);
}

void fair_destroy(struct fair_lock *l)
{
	pthread_cond_destroy(&l->write);
	pthread_cond_destroy(&l->read);
	pthread_mutex_destroy(&l->mutex);
	pthread_mutex_destroy(&l->turn);
}

void fair_read(struct fair_lock *l)
{
	pthread_mutex_lock(&l->mutex);
	if (l->writing || l->waiting_writers) {
		uint64_t phase = l->phase;

		/* Who lets the readers in counts them. */
		l->waiting_readers++;
		while (l->phase == phase)
			pthread_cond_wait(&l->read, &l->mutex);
	} else {
		l->readers++;
	}
	pthread_mutex_unlock(&l->mutex);
}

static void take_to_write(struct fair_lock *l)
{
	l->waiting_writers++;
	while (l->writing || l->readers)
		pthread_cond_wait(&l->write, &l->mutex);
	l->waiting_writers--;
	l->writing = true;
}

void fair_write(struct fair_lock *l)
{
	pthread_mutex_lock(&l->turn);
	pthread_mutex_lock(&l->mutex);
	take_to_write(l);
	pthread_mutex_unlock(&l->mutex);
}

void fair_reserve(struct fair_lock *l)
{
	pthread_mutex_lock(&l->turn);
}

void fair_release(struct fair_lock *l)
{
	pthread_mutex_unlock(&l->turn);
}

static void leave(struct fair_lock *l)
{
	bool wrote = l->writing;

	l->writing = false;
	l->readers -= !wrote;
	if (wrote && l->waiting_readers) {
		l->readers = l->waiting_readers;
		l->waiting_readers = 0;
		l->phase++;
		pthread_cond_broadcast(&l->read);
	} else if (!l->readers && l->waiting_writers) {
		pthread_cond_signal(&l->write);
	}
}

void fair_unlock(struct fair_lock *l)
{
	bool wrote;

	pthread_mutex_lock(&l->mutex);
	wrote = l->writing;
	leave(l);
	pthread_mutex_unlock(&l->mutex);
	if (wrote)
		pthread_mutex_unlock(&l->turn);
}

void fair_pause(struct fair_lock *l)
{
	pthread_mutex_lock(&l->mutex);
	if (l->waiting_readers) {
		leave(l);
		take_to_write(l);
	}
	pthread_mutex_unlock(&l->mutex);
}
