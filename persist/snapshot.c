/*
 * Snapshots: the non-zero chunks of the state, each stored once by its hash.
 * A snapshot costs a hash over what the machine holds, and compression and
 * rows for what changed.
 */
#include "store_i.h"

#include <stdlib.h>

#include "../vm/machine.h"

/* A snapshot is due when replaying the rows since the last takes this long;
 * or, where snapshots are dear, so that they take a small part of the time. */
#define WORK_MAX_NS	 (200u * 1000 * 1000)
#define WORK_MIN_IDLE_NS (50u * 1000 * 1000)
#define COST_FACTOR	 8
#define KEEP_AUTOMATIC	 3

struct taking {
	struct store *s;
	sqlite3_stmt *has, *insert;
	struct state_hash *hash;
	struct bytes chunks[PIECES_MAX]; /* struct chunk_entry */
	unsigned announced;
};

static int take_chunk(
	struct taking *t, const struct chunk_hash *h, const uint8_t *data)
{
	struct store *s = t->s;
	size_t bound = ZSTD_compressBound(CHUNK_SIZE), n;
	char *to;
	int step, rc = 0;

	sqlite3_bind_blob(t->has, 1, h->byte, sizeof(h->byte), SQLITE_STATIC);
	step = sqlite3_step(t->has);
	sqlite3_reset(t->has);
	if (step == SQLITE_ROW)
		return 0;
	s->packed.len = 0;
	to = bytes_room(&s->packed, bound);
	if (!to)
		return -ENOMEM;
	n = ZSTD_compressCCtx(s->cctx, to, bound, data, CHUNK_SIZE, 1);
	if (ZSTD_isError(n))
		return -ENOMEM;
	sqlite3_bind_blob(
		t->insert, 1, h->byte, sizeof(h->byte), SQLITE_STATIC);
	sqlite3_bind_blob64(t->insert, 2, to, n, SQLITE_STATIC);
	if (sqlite3_step(t->insert) != SQLITE_DONE)
		rc = store_sql_fail(s, "save the state");
	sqlite3_reset(t->insert);
	return rc;
}

static void announce(struct taking *t, unsigned upto)
{
	struct vm_segment seg;

	for (; t->announced < upto; t->announced++) {
		vm_segment(t->s->vm, t->announced, &seg);
		state_hash_segment(t->hash, seg.name, seg.used);
	}
}

static int take_one(void *ctx, const struct vm_segment *seg, unsigned seg_nr,
	uint64_t index, const uint8_t *data)
{
	struct chunk_entry e = {.index = index};
	struct taking *t = ctx;

	announce(t, seg_nr + 1);
	chunk_hash(data, &e.hash);
	state_hash_chunk(t->hash, &e);
	if (!bytes_add(&t->chunks[seg_nr], &e, sizeof(e)))
		return -ENOMEM;
	return take_chunk(t, &e.hash, data);
}

static int insert_checkpoint(struct store *s, const char *hash)
{
	const struct root *root = s->vm->root;
	sqlite3_stmt *st;
	int rc = store_prepare(s,
		"INSERT INTO checkpoint (seq, time, log_off, hash, layout, "
		"parent) VALUES (?, ?, ?, ?, ?, "
		"(SELECT max(id) FROM checkpoint))",
		&st);

	if (rc)
		return rc;
	sqlite3_bind_int64(st, 1, (int64_t)course_seq(&s->course, root->seq));
	sqlite3_bind_int64(st, 2, (int64_t)root->ns);
	sqlite3_bind_int64(st, 3, (int64_t)s->log_size);
	sqlite3_bind_text(st, 4, hash, -1, SQLITE_STATIC);
	sqlite3_bind_int(st, 5, VM_LAYOUT_VERSION);
	if (sqlite3_step(st) != SQLITE_DONE)
		rc = store_sql_fail(s, "save the state");
	sqlite3_finalize(st);
	return rc;
}

static int insert_pieces(struct taking *t)
{
	struct store *s = t->s;
	int64_t id = sqlite3_last_insert_rowid(s->db);
	struct vm_segment seg;
	sqlite3_stmt *st;
	int rc = store_prepare(
		s, "INSERT INTO piece VALUES (?, ?, ?, ?, ?)", &st);

	for (unsigned i = 0; i < vm_nr_segments() && !rc; i++) {
		vm_segment(s->vm, i, &seg);
		sqlite3_bind_int64(st, 1, id);
		sqlite3_bind_int(st, 2, (int)i);
		sqlite3_bind_text(st, 3, seg.name, -1, SQLITE_STATIC);
		sqlite3_bind_int64(st, 4, (int64_t)seg.used);
		sqlite3_bind_blob64(st, 5,
			t->chunks[i].len ? t->chunks[i].data : "",
			t->chunks[i].len, SQLITE_STATIC);
		if (sqlite3_step(st) != SQLITE_DONE)
			rc = store_sql_fail(s, "save the state");
		sqlite3_reset(st);
	}
	sqlite3_finalize(st);
	return rc;
}

/* ---- forgetting --------------------------------------------------------- */

static int by_hash(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct chunk_hash));
}

/* All hashes that some checkpoint refers to, sorted. */
static int referenced(struct store *s, struct bytes *out)
{
	sqlite3_stmt *st;
	int rc = store_prepare(s, "SELECT chunks FROM piece", &st), step;

	if (rc)
		return rc;
	while ((step = sqlite3_step(st)) == SQLITE_ROW) {
		const struct chunk_entry *e = sqlite3_column_blob(st, 0);
		size_t n = (size_t)sqlite3_column_bytes(st, 0) / sizeof(*e);

		for (size_t i = 0; i < n && !rc; i++)
			if (!bytes_add(out, &e[i].hash, sizeof(e[i].hash)))
				rc = store_fail(s, ENOMEM, "out of memory");
	}
	if (!rc && step != SQLITE_DONE)
		rc = store_sql_fail(s, "read the checkpoints");
	sqlite3_finalize(st);
	if (!rc && out->len)
		qsort(out->data, out->len / sizeof(struct chunk_hash),
			sizeof(struct chunk_hash), by_hash);
	return rc;
}

static int delete_unreferenced(struct store *s)
{
	struct bytes keep = {0}, drop = {0};
	sqlite3_stmt *st = NULL;
	int rc = referenced(s, &keep);

	if (!rc)
		rc = store_prepare(s, "SELECT hash FROM chunk", &st);
	while (!rc && sqlite3_step(st) == SQLITE_ROW) {
		const void *h = sqlite3_column_blob(st, 0);

		if (sqlite3_column_bytes(st, 0) != sizeof(struct chunk_hash) ||
			(keep.len && bsearch(h, keep.data, keep.len / 16, 16,
					     by_hash)))
			continue;
		if (!bytes_add(&drop, h, sizeof(struct chunk_hash)))
			rc = store_fail(s, ENOMEM, "out of memory");
	}
	sqlite3_finalize(st);
	st = NULL;
	if (!rc && drop.len)
		rc = store_prepare(s, "DELETE FROM chunk WHERE hash = ?", &st);
	for (size_t at = 0; at < drop.len && !rc; at += 16) {
		sqlite3_bind_blob(st, 1, drop.data + at, 16, SQLITE_STATIC);
		if (sqlite3_step(st) != SQLITE_DONE)
			rc = store_sql_fail(s, "forget old states");
		sqlite3_reset(st);
	}
	sqlite3_finalize(st);
	bytes_free(&keep);
	bytes_free(&drop);
	return rc;
}

/* The newest automatic checkpoints stay, named ones always. */
static int forget_old(struct store *s)
{
	char sql[512];
	int rc;

	sqlite3_snprintf(sizeof(sql), sql,
		"DELETE FROM checkpoint WHERE name IS NULL AND id NOT IN "
		"(SELECT id FROM checkpoint WHERE name IS NULL "
		" ORDER BY id DESC LIMIT %d) AND seq NOT IN "
		"(SELECT fork FROM timeline WHERE parent IS NULL);",
		KEEP_AUTOMATIC);
	rc = store_sql(s, sql, "forget old states");
	if (rc || !sqlite3_changes(s->db))
		return rc;
	rc = store_sql(s,
		"DELETE FROM piece WHERE checkpoint NOT IN "
		"(SELECT id FROM checkpoint)",
		"forget old states");
	return rc ? rc : delete_unreferenced(s);
}

/* ---- taking ------------------------------------------------------------- */

static int take_state(struct taking *t)
{
	struct store *s = t->s;
	char hash[33] = "";
	int rc =
		store_prepare(s, "SELECT 1 FROM chunk WHERE hash = ?", &t->has);

	if (!rc)
		rc = store_prepare(
			s, "INSERT INTO chunk VALUES (?, ?)", &t->insert);
	t->hash = state_hash_new();
	if (!rc && !t->hash)
		rc = -ENOMEM;
	if (!rc)
		rc = chunk_walk(s->vm, take_one, t);
	if (t->hash) {
		announce(t, vm_nr_segments());
		state_hash_end(t->hash, hash);
	}
	if (rc == -ENOMEM)
		store_fail(s, ENOMEM, "no memory to save the state");
	if (!rc)
		rc = insert_checkpoint(s, hash);
	if (!rc)
		rc = insert_pieces(t);
	if (!rc)
		rc = forget_old(s);
	sqlite3_finalize(t->has);
	sqlite3_finalize(t->insert);
	for (unsigned i = 0; i < PIECES_MAX; i++)
		bytes_free(&t->chunks[i]);
	return rc;
}

int snapshot_take(struct store *s)
{
	struct taking t = {.s = s};
	uint64_t t0 = clock_ns();
	int rc;

	if (s->read_only)
		return store_fail(s, EROFS, "%s is mounted read-only", s->path);
	if (s->snapshot_seq == course_seq(&s->course, s->vm->root->seq))
		return results_flush(s);
	rc = burst_begin(s);
	if (!rc)
		rc = results_write(s);
	if (!rc)
		rc = take_state(&t);
	if (!rc)
		rc = burst_commit(s);
	s->work_ns = rc ? s->work_ns / 2 : 0;
	if (rc) {
		store_rollback(s);
		return rc;
	}
	results_clear(s);
	s->snapshot_seq = course_seq(&s->course, s->vm->root->seq);
	s->snapshot_cost = clock_ns() - t0;
	return 0;
}

void snapshot_if_due(struct store *s, bool idle)
{
	uint64_t due = idle ? WORK_MIN_IDLE_NS : WORK_MAX_NS;

	if (due < COST_FACTOR * s->snapshot_cost)
		due = COST_FACTOR * s->snapshot_cost;
	/* Without room for a snapshot the machine goes on: the journal is
	 * all it needs. */
	if (s->work_ns >= due && snapshot_take(s))
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
