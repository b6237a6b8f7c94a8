/*
 * Automatic checkpoints: when they are taken, which of them stay.
 *
 * One is due when replaying the rows since the last takes WORK_MAX_NS, so
 * that every row is reached soon from the one before it.  All stay while they
 * are few; then, of the older half, the one goes without which the gap is
 * smallest, and the row after it takes over its cost.
 */
#include "store_i.h"

#include "../vm/machine.h"

#define WORK_MAX_NS	 (150u * 1000 * 1000)
#define WORK_MIN_IDLE_NS (50u * 1000 * 1000)
/* Where they are dear, they take a small part of the time. */
#define COST_FACTOR   8
#define AUTOMATIC_MAX 1024
/* Pages in all layers: so many times those of the state, and some. */
#define PAGES_FACTOR 4
#define PAGES_SLACK  65536u

static int insert_checkpoint(struct store *s, const struct saved *v)
{
	const struct root *root = s->vm->root;
	uint64_t seq = course_seq(&s->course, root->seq);
	sqlite3_stmt *st;
	int rc = store_prepare(s,
		"INSERT INTO checkpoint (seq, time, log_off, hash, layout, "
		"parent, cost, sizes, layers, sum) VALUES (?, ?, ?, ?, ?, "
		"(SELECT max(id) FROM checkpoint), ?, ?, ?, ?)",
		&st);

	if (rc)
		return rc;
	sqlite3_bind_int64(st, 1, (int64_t)seq);
	sqlite3_bind_int64(st, 2, (int64_t)root->ns);
	sqlite3_bind_int64(st, 3, (int64_t)s->log_size);
	sqlite3_bind_text(st, 4, v->hash, -1, SQLITE_STATIC);
	sqlite3_bind_int(st, 5, VM_LAYOUT_VERSION);
	sqlite3_bind_int64(st, 6, (int64_t)s->work_ns);
	sqlite3_bind_text(st, 7, v->sizes, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 8, v->layers.data, -1, SQLITE_STATIC);
	sqlite3_bind_int64(
		st, 9, (int64_t)moment_sum(seq, root->ns, s->log_size));
	if (sqlite3_step(st) != SQLITE_DONE)
		rc = store_sql_fail(s, "save the state");
	sqlite3_finalize(st);
	return rc;
}

/* ---- forgetting --------------------------------------------------------- */

static bool too_many_pages(const struct store *s)
{
	uint64_t live = 0;

	for (unsigned i = 0; i < s->track->nr_layers; i++)
		live += s->track->layer[i].live;
	return s->saver.nr_pages > PAGES_FACTOR * live + PAGES_SLACK;
}

/* Forgets the automatic checkpoint that is missed least. */
static int forget_one(struct store *s)
{
	char sql[1024];

	sqlite3_snprintf(sizeof(sql), sql,
		"CREATE TEMP TABLE gone AS SELECT id, next, cost FROM ("
		" SELECT id, seq, cost, name, lead(id) OVER w AS next,"
		"  cost + lead(cost) OVER w AS gap, ntile(2) OVER w AS half"
		"  FROM checkpoint WINDOW w AS (ORDER BY seq, id))"
		" WHERE name IS NULL AND half = 1 AND next IS NOT NULL"
		" AND id <> %lld AND seq NOT IN (SELECT fork FROM timeline "
		"WHERE parent IS "
		"NULL)"
		" ORDER BY gap LIMIT 1;"
		"UPDATE checkpoint SET cost = cost + (SELECT cost FROM gone) "
		" WHERE id = (SELECT next FROM gone);"
		"DELETE FROM checkpoint WHERE id = (SELECT id FROM gone);"
		"DROP TABLE gone",
		(long long)s->held);
	return store_sql(s, sql, "forget old states");
}

static int forget_old(struct store *s)
{
	sqlite3_stmt *st;
	int64_t nr = 0;
	int rc = store_prepare(
		s, "SELECT count(*) FROM checkpoint WHERE name IS NULL", &st);

	if (rc)
		return rc;
	if (sqlite3_step(st) == SQLITE_ROW)
		nr = sqlite3_column_int64(st, 0);
	else
		rc = store_sql_fail(s, "count the checkpoints");
	sqlite3_finalize(st);
	if (rc)
		return rc;
	if (nr > AUTOMATIC_MAX || (nr > 2 && too_many_pages(s)))
		return forget_one(s);
	return 0;
}

/* ---- taking ------------------------------------------------------------- */

/* The newest checkpoint is of this moment. */
static bool is_saved(const struct store *s)
{
	return s->snapshot_seq == course_seq(&s->course, s->vm->root->seq);
}

/* The last transaction: the moment is now. */
static int finish(struct store *s, struct saved *v)
{
	int rc = burst_begin(store_live(s));

	if (!rc)
		rc = results_write(s);
	if (!rc)
		rc = save_finish(s, v);
	if (!rc)
		rc = insert_checkpoint(s, v);
	if (!rc && !s->parent)
		rc = forget_old(s);
	if (!rc)
		rc = burst_commit(store_live(s));
	if (rc)
		store_rollback(s);
	save_end(s, !rc);
	return rc;
}

/* Saves until little is left; with `pause`, others have the lock meanwhile. */
static int approach(struct store *s, bool pause)
{
	bool near = false;
	int rc = 0;

	while (!rc && !near) {
		uint64_t t0 = clock_ns();

		rc = save_slice(s, &near);
		s->saver.ns += clock_ns() - t0;
		if (!rc && !near && pause && !background_pause(store_live(s)))
			rc = store_fail(s, EINTR, "given up");
	}
	return rc;
}

int snapshot_ahead(struct store *s)
{
	struct store *live = store_live(s);
	int rc;

	if (live->read_only || is_saved(s))
		return 0;
	rc = approach(s, true);
	/* so that the last transaction has few */
	if (!rc)
		rc = results_flush(live);
	if (!rc && !background_pause(live))
		rc = store_fail(s, EINTR, "given up");
	return rc;
}

int snapshot_take(struct store *s)
{
	struct saved v = {.hash = ""};
	uint64_t t0;
	int rc;

	if (store_live(s)->read_only)
		return store_fail(s, EROFS, "%s is mounted read-only", s->path);
	if (is_saved(s))
		return results_flush(store_live(s));
	rc = approach(s, false);
	t0 = clock_ns();
	if (!rc)
		rc = finish(s, &v);
	bytes_free(&v.layers);
	s->work_ns = rc ? s->work_ns / 2 : 0;
	if (rc)
		return rc;
	results_clear(s);
	s->snapshot_seq = course_seq(&s->course, s->vm->root->seq);
	s->snapshot_cost = clock_ns() - t0 + s->saver.ns;
	s->saver.ns = 0;
	/* Garbage can wait; room for it cannot fail a snapshot. */
	if (!s->parent)
		collect_if_due(s);
	return 0;
}

void snapshot_if_due(struct store *s, bool idle)
{
	uint64_t due = idle ? WORK_MIN_IDLE_NS : WORK_MAX_NS;

	if (due < COST_FACTOR * s->snapshot_cost)
		due = COST_FACTOR * s->snapshot_cost;
	/* Without room for a snapshot the machine goes on: the journal is
	 * all it needs. */
	if (s->work_ns < due || background_wants(s, &s->back.save))
		return;
	if (snapshot_take(s))
		store_notice(s, "no snapshot: %s", s->sentence);
}

int store_snapshot(struct store *s)
{
	int rc;

	store_lock(s);
	rc = snapshot_take(s);
	store_unlock(s);
	return rc;
}
