/*
 * The store's thread: takes automatic checkpoints, copies the WAL into the
 * database, deletes what is not needed any more, so that commands wait for none
 * of these.  It starts with the first that is due and ends with the store.
 *
 * A checkpoint is written in slices, with the store's lock held for each; in
 * between, commands run.  The WAL is copied without the lock, by a connection
 * of the thread's own: SQLite lets one connection append while another copies.
 * Commands commit with normal locking meanwhile, and the connection is closed
 * at the end: open, it would keep them from exclusive locking.
 */
#include "store_i.h"

#include <limits.h>
#include <time.h>

/*
 * SQLite begins the WAL anew when a command finds all of it copied.  Where
 * commands never pause, some frames always are not: from WAL_LONG frames on,
 * the last ones are copied with the lock held, once they are few beside those
 * of the WAL.
 */
#define WAL_LONG   65536
#define FEW	   128 /* one in so many */
#define ROUNDS_MAX 4

static sqlite3 *connect_again(struct store *s)
{
	sqlite3 *db = NULL;

	if (sqlite3_open_v2(sqlite3_db_filename(s->db, "main"), &db,
		    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, wal_vfs())) {
		sqlite3_close(db);
		return NULL;
	}
	sqlite3_exec(db, "PRAGMA synchronous=NORMAL", NULL, NULL, NULL);
	return db;
}

/*
 * Copies the frames that there are; returns how many of the WAL are copied.
 * SQLite syncs the database only when none has come meanwhile: what is synced
 * here need not be where the lock is held.
 */
static int copy(struct store *s, sqlite3 *db)
{
	int done = 0;

	sqlite3_wal_checkpoint_v2(
		db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, &done);
	sync_files(s);
	return done;
}

/* The lock is held, and let go of while frames are copied. */
static void copy_wal(struct store *s)
{
	int done = 0, left = INT_MAX;
	sqlite3 *db;

	burst_share(s);
	db = connect_again(s);
	s->back.copying = true;
	for (int i = 0; db && i < ROUNDS_MAX && left > done / FEW; i++) {
		store_unlock(s);
		done = copy(s, db);
		store_lock_last(s);
		left = s->wal_frames - done;
	}
	if (done > WAL_LONG && left > 0 && left <= done / FEW)
		sqlite3_wal_checkpoint_v2(
			db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	sqlite3_close(db);
	s->back.copying = false;
	s->back.copied = s->wal_frames;
}

void background_copy(struct store *s)
{
	const struct timespec moment = {.tv_nsec = 1000000};

	while (s->back.copying) {
		store_unlock(s);
		nanosleep(&moment, NULL);
		store_lock(s);
	}
	copy_wal(s);
}

static void *run(void *ctx)
{
	struct store *s = ctx;
	struct background *b = &s->back;

	store_lock(s);
	while (!b->stop) {
		bool quiet = !b->save && !b->wal && !b->collect;

		if (quiet && b->worked) {
			b->worked = false;
			burst_leave(s);
			continue;
		}
		b->worked = !quiet;
		if (b->save) {
			if ((snapshot_ahead(s) || snapshot_take(s)) && !b->stop)
				store_notice(s, "no snapshot: %s", s->sentence);
			b->save = false;
		} else if (b->wal) {
			b->wal = false;
			copy_wal(s);
		} else if (b->collect) {
			collect_all(s);
			b->collect = false;
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

	/* while it is opened and closed, the store is used without its lock */
	if (!s->shared || s->parent || s->read_only || b->stop)
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
	struct background *b = &s->back;

	store_unlock(s);
	store_lock_last(s);
	if (b->wal && b->running && pthread_equal(b->thread, pthread_self())) {
		b->wal = false;
		copy_wal(s);
	}
	return !b->stop;
}
