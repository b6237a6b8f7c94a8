/*
 * A lock for many readers and one writer that makes nobody wait long: who
 * reads waits for one writer at most, who writes for the readers that came
 * before him.
 *
 * When a writer leaves, all readers that wait go in, before the next writer;
 * while a writer waits, new readers wait as well.  So the two take turns
 * whenever both are there.  Source: Brandenburg and Anderson, "Spin-Based
 * Reader-Writer Synchronization for Multiprocessor Real-Time Systems", 2010:
 * phase-fair locks.
 */
#ifndef PAGEFS_FS_FAIR_H
#define PAGEFS_FS_FAIR_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct fair_lock {
	pthread_mutex_t turn; /* of who writes, or keeps writers away */
	pthread_mutex_t mutex;
	pthread_cond_t read, write;
	unsigned readers; /* that hold it */
	unsigned waiting_readers, waiting_writers;
	uint64_t phase; /* how often waiting readers were let in */
	bool writing;
};

void fair_init(struct fair_lock *l);
void fair_destroy(struct fair_lock *l);
void fair_read(struct fair_lock *l);
void fair_write(struct fair_lock *l);
void fair_unlock(struct fair_lock *l);
/* Keeps writers away, while readers go on; ends with fair_release(). */
void fair_reserve(struct fair_lock *l);
void fair_release(struct fair_lock *l);
/* A writer lets the readers that wait have their turn. */
void fair_pause(struct fair_lock *l);

#endif
