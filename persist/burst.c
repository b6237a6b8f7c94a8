/*
 * SQLite's locks around commands.
 *
 *	SHARED     --after OPEN_NS-->  EXCLUSIVE   commit: no file lock
 *	EXCLUSIVE  --a quiet moment--> HELD        others read, nobody writes
 *	HELD       --command-->        EXCLUSIVE
 *	EXCLUSIVE  --after BURST_NS--> SHARED      others read
 *
 * where BURST_NS counts from when others could last read for OPEN_NS.
 *
 * Normal locking costs a commit several fcntl(2) calls; exclusive locking
 * none, but keeps every other process out.  So it is taken for a burst of
 * commands only, and given up for a part of each second where they never
 * pause: who waits with SQLite's busy timeout asks every 100 ms at least.
 * While another process is reading, exclusive locking is not to be had:
 * commands then commit with normal locking.
 *
 * The WAL is entered with normal locking, which lets SQLite switch back and
 * forth (https://www.sqlite.org/pragma.html#pragma_locking_mode).
 */
#include "store_i.h"

/* WAL frames that are copied into the database when a commit passes them,
 * and those worth it in a quiet moment. */
#define WAL_FRAMES_MAX	16384
#define WAL_FRAMES_IDLE 1024

/* How long others may be kept out, and what counts as having let them in. */
#define BURST_NS 850000000u
#define OPEN_NS	 150000000u

static uint64_t open_for(const struct store *s)
{
	return clock_ns() - s->open_since;
}

static void set_mode(struct store *s, bool exclusive)
{
	sqlite3_exec(s->db,
		exclusive ? "PRAGMA locking_mode=EXCLUSIVE"
			  : "PRAGMA locking_mode=NORMAL",
		NULL, NULL, NULL);
}

static void open_up(struct store *s)
{
	set_mode(s, false);
	s->burst = BURST_SHARED;
	s->open_since = clock_ns();
}

/*
 * An attempt at the exclusive lock that fails leaves the file's PENDING lock
 * behind, which shuts out new readers: so look for readers first.
 */
static void take_exclusive(struct store *s)
{
	if (s->back.copying || holder_has_readers(s)) {
		s->burst = BURST_SHARED;
		s->open_since = clock_ns();
		return;
	}
	set_mode(s, true);
	s->burst = BURST_EXCLUSIVE;
}

void burst_share(struct store *s)
{
	if (s->burst != BURST_EXCLUSIVE)
		return;
	open_up(s);
	/* The next access lets go of the exclusive locks. */
	sqlite3_exec(s->db, "SELECT 1 FROM machine LIMIT 1", NULL, NULL, NULL);
}

/* Having the exclusive lock and giving it back lets go of PENDING too. */
static void let_readers_in(struct store *s)
{
	if (s->burst != BURST_SHARED || s->back.copying ||
		holder_has_readers(s))
		return;
	set_mode(s, true);
	s->burst = BURST_EXCLUSIVE;
	if (!sqlite3_exec(s->db, "BEGIN IMMEDIATE; COMMIT", NULL, NULL, NULL))
		s->readers_shut_out = false;
	store_rollback(s);
	burst_share(s);
}

/*
 * What ends a burst for a moment, as copying the WAL does, does not count as
 * letting readers in: they ask every 100 ms.
 */
static void choose_locks(struct store *s)
{
	bool served, due;

	if (s->readers_shut_out)
		let_readers_in(s);
	served = s->burst != BURST_EXCLUSIVE && open_for(s) > OPEN_NS;
	if (served)
		s->shut_since = clock_ns();
	due = clock_ns() - s->shut_since > BURST_NS;
	if (s->burst == BURST_EXCLUSIVE && due)
		burst_share(s);
	else if (s->burst == BURST_EXCLUSIVE)
		return;
	else if (served || (s->burst == BURST_HELD && !due))
		take_exclusive(s);
	else
		s->burst = BURST_SHARED;
}

int burst_enter(struct store *s)
{
	store_assert_locked(s);
	/* Rows written while a transaction is still open, because no memory was
	 * found to roll it back, would be acknowledged and not committed. */
	store_rollback(s);
	if (!sqlite3_get_autocommit(s->db))
		return store_sql_fail(s, "write to the database");
	if (group_check(s))
		return -EIO;
	choose_locks(s);
	return 0;
}

/* Frames that have not been copied. */
static int news(const struct store *s)
{
	return s->wal_frames - s->back.copied;
}

/* In the store's thread, or here where there is none. */
static void copy_wal(struct store *s)
{
	if (s->back.copying || background_wants(s, &s->back.wal))
		return;
	sqlite3_wal_checkpoint_v2(
		s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	s->back.copied = s->wal_frames;
}

void burst_leave(struct store *s)
{
	store_assert_locked(s);
	if (s->read_only || s->burst == BURST_HELD)
		return;
	if (s->readers_shut_out)
		let_readers_in(s);
	burst_share(s);
	if (news(s) > WAL_FRAMES_IDLE)
		copy_wal(s);
	if (sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) ==
		SQLITE_OK)
		s->burst = BURST_HELD;
}

int burst_step(struct store *s, sqlite3_stmt *st)
{
	int rc = sqlite3_step(st);

	if (s->burst != BURST_EXCLUSIVE)
		return rc;
	if ((rc & 0xff) != SQLITE_BUSY) {
		s->readers_shut_out = false;
		return rc;
	}
	/* A reader came in between. */
	open_up(s);
	s->readers_shut_out = true;
	sqlite3_reset(st);
	return sqlite3_step(st);
}

int burst_begin(struct store *s)
{
	sqlite3_stmt *st;
	int rc = burst_enter(s);

	if (!rc)
		rc = store_prepare(s, "BEGIN IMMEDIATE", &st);
	if (rc)
		return rc;
	if (burst_step(s, st) != SQLITE_DONE)
		rc = store_sql_fail(s, "write to the database");
	sqlite3_finalize(st);
	return rc;
}

int burst_commit(struct store *s)
{
	uint64_t commits = s->commits;
	int rc = store_sql(s, "COMMIT", "write to the database");

	/* SQLite may find no memory when all is done. */
	return s->commits != commits ? 0 : rc;
}

int burst_wal_hook(void *ctx, sqlite3 *db, const char *name, int frames)
{
	struct store *s = ctx;

	s->commits++;
	s->wal_frames = frames;
	if (frames < s->back.copied) /* it began anew */
		s->back.copied = 0;
	if (news(s) >= WAL_FRAMES_MAX)
		copy_wal(s);
	return SQLITE_OK;
}
