/*
 * One sync for all who wait for one.  With durability=power a commit writes
 * the WAL and does not sync it; what it wrote is acknowledged by a sync that
 * began afterwards, when neither the store's lock nor any of fs/ is held:
 *
 *	A  commit |==== sync ====| acknowledged
 *	B     commit |. . waits . .|==== sync ====| acknowledged
 *	C        commit |. waits . |. . . . . . . | acknowledged
 *
 * Who finds no sync in progress makes it, for everything that is in the WAL by
 * then.  Where others took part in the last one, he lets them come first.
 *
 * A WAL that is begun anew loses nothing: SQLite does that when all of it has
 * been copied into the database, and the database synced.  And a sync that
 * failed is not tried again: Linux may have dropped the pages it was about.
 */
#include "store_i.h"

#include <sched.h>

/* How long a sync waits for those who are likely to come: a part of what the
 * one before took. */
#define PATIENCE 2

void group_init(struct group *g)
{
	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->ended, NULL);
}

void group_free(struct group *g)
{
	pthread_cond_destroy(&g->ended);
	pthread_mutex_destroy(&g->lock);
}

/* Those whom the last sync served are at work on their next command. */
static void gather(struct group *g, uint64_t patience)
{
	uint64_t t0 = clock_ns();

	while (g->waiting < g->expected && clock_ns() - t0 < patience) {
		pthread_mutex_unlock(&g->lock);
		sched_yield();
		pthread_mutex_lock(&g->lock);
	}
}

/* Syncs the WAL; the group is locked, but for the sync itself. */
static void lead(struct store *s)
{
	struct group *g = &s->group;
	uint64_t t0, upto;
	unsigned served;
	int rc;

	g->syncing = true;
	gather(g, g->took / PATIENCE);
	served = g->waiting;
	upto = atomic_load(&s->commits);
	pthread_mutex_unlock(&g->lock);
	t0 = clock_ns();
	rc = sync_wal(s);
	pthread_mutex_lock(&g->lock);
	g->took = clock_ns() - t0;
	g->expected = served;
	g->waiting -= served;
	g->syncing = false;
	if (rc)
		atomic_store(&g->err, -rc);
	else
		atomic_store(&g->synced, upto);
	pthread_cond_broadcast(&g->ended);
}

int store_settle(struct store *s)
{
	struct group *g = &s->group;
	uint64_t mine;

	if (!s->power || s->read_only)
		return 0;
	mine = atomic_load(&s->commits);
	if (atomic_load(&g->synced) >= mine)
		return 0;
	pthread_mutex_lock(&g->lock);
	g->waiting += atomic_load(&g->synced) < mine;
	while (atomic_load(&g->synced) < mine && !atomic_load(&g->err))
		if (g->syncing)
			pthread_cond_wait(&g->ended, &g->lock);
		else
			lead(s);
	pthread_mutex_unlock(&g->lock);
	return atomic_load(&g->synced) >= mine ? 0 : -EIO;
}

int group_check(struct store *s)
{
	int err = atomic_load(&s->group.err);

	if (!err)
		return 0;
	return store_fail(s, EIO,
		"cannot write to %s: a sync failed (%s), and with it what "
		"durability=power promises; unmount and mount it again",
		s->path, strerror(err));
}
