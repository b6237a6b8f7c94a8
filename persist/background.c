/*
 * The store's thread: takes automatic checkpoints and copies the WAL into the
 * database, so that commands wait for neither.  It starts with the first that
 * is due and ends with the store.
 *
 * A checkpoint is written in slices, with the store's lock held for each; in
 * between, commands run.  The WAL that this makes is copied by a connection
 * of the thread's own, without the lock: commands commit with normal locking
 * meanwhile.
 */
#include "store_i.h"

#include <time.h>

/* So many frames at most are copied with the lock held, to begin the WAL
 * anew, and that when it has WAL_LONG. */
#define REST_FRAMES 1024
#define WAL_LONG    65536

/* Returns the frames of the WAL; *left: those not copied. */
static int copy_wal(sqlite3 *db, int *left)
{
	int log = 0, done = 0;

	*left = REST_FRAMES + 1;
	if (!sqlite3_wal_checkpoint_v2(
		    db, NULL, SQLITE_CHECKPOINT_PASSIVE, &log, &done))
		*left = log - done;
	return log;
}

/*
 * The lock is held.  What commands append while the WAL is copied is copied
 * next; when that is little, nothing is left for a moment, and SQLite writes
 * from the beginning again.
 */
static void do_wal(struct store *s, sqlite3 *db)
{
	int left = 0, log = 0;

	burst_share(s);
	s->back.copying = true;
	for (int i = 0; i < 4; i++) {
		store_unlock(s);
		log = copy_wal(db, &left);
		store_lock_last(s);
		if (left <= REST_FRAMES)
			break;
	}
	if (log > WAL_LONG && left && left <= REST_FRAMES)
		copy_wal(db, &left);
	s->back.copying = false;
	s->back.copied = left ? log : 0;
}

static sqlite3 *connect_again(struct store *s)
{
	const char *name = sqlite3_db_filename(s->db, "main");
	sqlite3 *db = NULL;

	if (sqlite3_open_v2(name, &db,
		    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL)) {
		sqlite3_close(db);
		return NULL;
	}
	sqlite3_exec(db, "PRAGMA synchronous=NORMAL", NULL, NULL, NULL);
	return db;
}

static void *run(void *ctx)
{
	struct store *s = ctx;
	struct background *b = &s->back;
	sqlite3 *db;

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
			burst_share(s);
			db = connect_again(s);
			if (db)
				do_wal(s, db);
			/* Left open, it would keep a lock on the file, and
			 * with it commands from exclusive locking. */
			sqlite3_close(db);
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
