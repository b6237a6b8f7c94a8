/*
 * The store's thread: takes automatic checkpoints and copies the WAL into the
 * database, so that commands wait for neither.  It starts with the first that
 * is due and ends with the store.
 *
 * A checkpoint is written in slices, with the store's lock held for each; in
 * between, commands run.  The WAL that this makes is copied afterwards, with
 * the lock held.
 */
#include "store_i.h"

/* The lock is held. */
static void do_wal(struct store *s)
{
	if (s->burst == BURST_HELD) {
		store_rollback(s);
		s->burst = BURST_SHARED;
	}
	sqlite3_wal_checkpoint_v2(
		s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	s->back.copied = s->wal_frames;
}

static void *run(void *ctx)
{
	struct store *s = ctx;
	struct background *b = &s->back;

	store_lock(s);
	while (!b->stop) {
		bool quiet = !b->save && !b->wal;

		if (quiet && b->worked) {
			b->worked = false;
			burst_leave(s);
			continue;
		}
		b->worked = !quiet;
		if (b->save) {
			b->save = false;
			if (snapshot_take(s) && !b->stop)
				store_notice(s, "no snapshot: %s", s->sentence);
		} else if (b->wal) {
			b->wal = false;
			do_wal(s);
		} else {
			pthread_cond_wait(&b->wake, &s->lock);
		}
	}
	store_unlock(s);
	return NULL;
}

bool background_wants(struct store *s, bool *what)
{
	struct background *b = &s->back;

	if (s->parent || s->read_only || b->stop)
		return false;
	if (!b->running && pthread_create(&b->thread, NULL, run, s))
		return false;
	b->running = true;
	*what = true;
	pthread_cond_signal(&b->wake);
	return true;
}

/* The lock is not held. */
void background_stop(struct store *s)
{
	struct background *b = &s->back;

	if (!b->running)
		return;
	store_lock(s);
	b->stop = true;
	pthread_cond_signal(&b->wake);
	store_unlock(s);
	pthread_join(b->thread, NULL);
	b->running = false;
}

bool background_pause(struct store *s)
{
	if (!s->back.running || !pthread_equal(s->back.thread, pthread_self()))
		return true;
	store_unlock(s);
	store_lock_last(s);
	return !s->back.stop;
}
