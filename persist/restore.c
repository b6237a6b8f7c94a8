/*
 * Loading a checkpoint.  Every chunk is compared with its hash and the list
 * of chunks with the hash of the state: what is loaded is what was saved.  A
 * checkpoint that fails is passed over, and the machine is rebuilt from an
 * older one or from boot.
 */
#include "store_i.h"

#include <stdio.h>
#include <stdlib.h>

#include "../host/host.h"
#include "../vm/machine.h"

#define PAGE 4096u

struct found {
	int64_t id;
	uint64_t seq, time, log_off;
	char hash[33];
	int layout;
};

void pieces_free(struct piece *v, unsigned nr)
{
	while (nr > 0)
		free(v[--nr].v);
}

static int piece_read(struct store *s, sqlite3_stmt *st, struct piece *p)
{
	const char *name = (const char *)sqlite3_column_text(st, 0);
	const void *chunks = sqlite3_column_blob(st, 2);
	size_t len = (size_t)sqlite3_column_bytes(st, 2);

	memset(p, 0, sizeof(*p));
	if (!name || len % sizeof(struct chunk_entry))
		return store_fail(s, EUCLEAN, "its list of chunks is damaged");
	snprintf(p->segment, sizeof(p->segment), "%s", name);
	p->used = (uint64_t)sqlite3_column_int64(st, 1);
	p->nr = len / sizeof(struct chunk_entry);
	p->v = malloc(len ? len : 1);
	if (!p->v)
		return store_fail(s, ENOMEM, "out of memory");
	if (len)
		memcpy(p->v, chunks, len);
	return 0;
}

int pieces_read(
	struct store *s, int64_t checkpoint, struct piece *v, unsigned *nr)
{
	sqlite3_stmt *st;
	int rc = store_prepare(s,
		"SELECT segment, used, chunks FROM piece "
		"WHERE checkpoint = ? ORDER BY nr",
		&st);
	int step = SQLITE_DONE;

	*nr = 0;
	if (rc)
		return rc;
	sqlite3_bind_int64(st, 1, checkpoint);
	while (!rc && *nr < PIECES_MAX &&
		(step = sqlite3_step(st)) == SQLITE_ROW) {
		rc = piece_read(s, st, &v[*nr]);
		if (!rc)
			++*nr;
	}
	if (!rc && step != SQLITE_DONE)
		rc = store_sql_fail(s, "read a checkpoint");
	sqlite3_finalize(st);
	if (rc) {
		pieces_free(v, *nr);
		*nr = 0;
	}
	return rc;
}

static int load_chunk(struct store *s, sqlite3_stmt *get,
	const struct vm_segment *seg, const struct chunk_entry *e, uint8_t *buf)
{
	uint64_t at = e->index * CHUNK_SIZE;
	struct chunk_hash h;
	size_t n = 0;

	if (e->index > UINT64_MAX / CHUNK_SIZE || at >= seg->reserved)
		return store_fail(
			s, EUCLEAN, "a chunk lies outside \"%s\"", seg->name);
	sqlite3_bind_blob(get, 1, e->hash.byte, 16, SQLITE_STATIC);
	if (sqlite3_step(get) == SQLITE_ROW)
		n = ZSTD_decompressDCtx(s->dctx, buf, CHUNK_SIZE,
			sqlite3_column_blob(get, 0),
			(size_t)sqlite3_column_bytes(get, 0));
	sqlite3_reset(get);
	if (!n)
		return store_fail(s, EUCLEAN, "a chunk is missing");
	if (n != CHUNK_SIZE)
		return store_fail(s, EUCLEAN, "a chunk is damaged");
	chunk_hash(buf, &h);
	if (memcmp(&h, &e->hash, sizeof(h)))
		return store_fail(s, EUCLEAN, "a chunk is damaged");
	for (uint64_t i = 0; i < CHUNK_SIZE && at + i < seg->reserved;
		i += PAGE) {
		const uint8_t *p = buf + i;
		uint64_t len = seg->reserved - (at + i);

		if (*p || memcmp(p, p + 1, PAGE - 1))
			memcpy(seg->base + at + i, p, len < PAGE ? len : PAGE);
	}
	return 0;
}

static int load_pieces(struct store *s, struct vm *m, const struct piece *v,
	unsigned nr, char hash[33])
{
	struct state_hash *sum = state_hash_new();
	uint8_t *buf = malloc(CHUNK_SIZE);
	sqlite3_stmt *get = NULL;
	struct vm_segment seg;
	int rc =
		store_prepare(s, "SELECT data FROM chunk WHERE hash = ?", &get);

	if (!rc && (!sum || !buf))
		rc = store_fail(s, ENOMEM, "out of memory");
	if (!rc && nr != vm_nr_segments())
		rc = store_fail(s, EUCLEAN, "it has %u segments", nr);
	for (unsigned i = 0; i < nr && !rc; i++) {
		vm_segment(m, i, &seg);
		if (strcmp(seg.name, v[i].segment) || v[i].used > seg.reserved)
			rc = store_fail(s, EUCLEAN, "segment \"%s\" is damaged",
				seg.name);
		else
			vm_segment_set_used(m, i, v[i].used);
		if (sum)
			state_hash_segment(sum, v[i].segment, v[i].used);
		for (size_t k = 0; k < v[i].nr && !rc; k++) {
			state_hash_chunk(sum, &v[i].v[k]);
			rc = load_chunk(s, get, &seg, &v[i].v[k], buf);
		}
	}
	if (sum)
		state_hash_end(sum, hash);
	sqlite3_finalize(get);
	free(buf);
	return rc;
}

/* The rows up to a checkpoint have their results, or the log has a gap. */
static bool has_results(struct store *s, const struct found *f)
{
	struct result r;

	if (!f->seq)
		return true;
	return result_find(s, f->seq, &r) == 1 && r.lines &&
	       r.seq + r.lines - 1 == f->seq && r.log_off < f->log_off;
}

static int check_loaded(
	struct store *s, const struct found *f, const char *hash)
{
	const struct root *root = s->vm->root;
	struct vm_config config = s->config;

	if (strcmp(hash, f->hash))
		return store_fail(s, EUCLEAN, "the hash of the state is wrong");
	if (vm_reindex(s->vm))
		return store_fail(s, EUCLEAN, "%s", vm_sentence(s->vm));
	if (root->seq != course_line(&s->course, f->seq) || root->ns != f->time)
		return store_fail(s, EUCLEAN, "it is of another moment");
	config.given = root->config.given;
	if (memcmp(&root->config, &config, sizeof(config)))
		return store_fail(s, EUCLEAN, "its configuration differs");
	if (!has_results(s, f))
		return store_fail(s, EUCLEAN, "results before it are missing");
	return 0;
}

static int load(struct store *s, const struct found *f)
{
	struct piece pieces[PIECES_MAX];
	char err[SENTENCE_MAX], hash[33] = "";
	unsigned nr;
	int rc = pieces_read(s, f->id, pieces, &nr);

	if (rc)
		return rc;
	s->vm = vm_blank(&s->config, &host_mmap, err);
	if (!s->vm)
		rc = store_fail(s, ENOMEM, "%s", err);
	if (!rc)
		rc = load_pieces(s, s->vm, pieces, nr, hash);
	if (!rc)
		rc = check_loaded(s, f, hash);
	pieces_free(pieces, nr);
	if (rc && s->vm) {
		vm_destroy(s->vm);
		s->vm = NULL;
	}
	return rc;
}

/*
 * The newest checkpoint before (seq, id) on a stretch of the path.  One in the
 * middle of a row is of use only where the path leaves that row there.
 */
static int find_on(
	struct store *s, const struct stretch *v, bool first, struct found *f)
{
	sqlite3_stmt *st;
	int64_t last = v->last > INT64_MAX ? INT64_MAX : (int64_t)v->last;
	int step, rc = store_prepare(s,
			  "SELECT id, seq, time, log_off, hash, layout FROM "
			  "checkpoint c "
			  "WHERE (seq, id) < (?1, ?2) AND seq BETWEEN ?3 AND "
			  "?4 AND (seq = ?4 OR "
			  "EXISTS (SELECT 1 FROM journal WHERE seq = c.seq + 1)"
			  " OR NOT EXISTS (SELECT 1 FROM journal WHERE "
			  "seq > c.seq AND seq <= ?4)) "
			  "ORDER BY seq DESC, id DESC LIMIT 1",
			  &st);

	if (rc)
		return rc;
	sqlite3_bind_int64(st, 1, (int64_t)f->seq);
	sqlite3_bind_int64(st, 2, f->id);
	sqlite3_bind_int64(st, 3, (int64_t)(v->first - first));
	sqlite3_bind_int64(st, 4, last);
	step = sqlite3_step(st);
	if (step == SQLITE_ROW) {
		const char *hash = (const char *)sqlite3_column_text(st, 4);

		f->id = sqlite3_column_int64(st, 0);
		f->seq = (uint64_t)sqlite3_column_int64(st, 1);
		f->time = (uint64_t)sqlite3_column_int64(st, 2);
		f->log_off = (uint64_t)sqlite3_column_int64(st, 3);
		snprintf(f->hash, sizeof(f->hash), "%s", hash ? hash : "");
		f->layout = sqlite3_column_int(st, 5);
		rc = 1;
	} else if (step != SQLITE_DONE) {
		rc = store_sql_fail(s, "read the checkpoints");
	}
	sqlite3_finalize(st);
	return rc;
}

static int find(struct store *s, struct found *f)
{
	int rc = 0;

	for (unsigned i = s->course.nr; i-- > 0 && !rc;)
		rc = find_on(s, &s->course.v[i], !i, f);
	return rc;
}

static bool chunk_is_good(struct store *s, sqlite3_stmt *st, uint8_t *buf)
{
	struct chunk_hash h;
	size_t n = ZSTD_decompressDCtx(s->dctx, buf, CHUNK_SIZE,
		sqlite3_column_blob(st, 1),
		(size_t)sqlite3_column_bytes(st, 1));

	if (n != CHUNK_SIZE || sqlite3_column_bytes(st, 0) != sizeof(h))
		return false;
	chunk_hash(buf, &h);
	return !memcmp(&h, sqlite3_column_blob(st, 0), sizeof(h));
}

/* A damaged chunk would stand in the way of the same bytes saved again. */
static void drop_bad_chunks(struct store *s)
{
	uint8_t *buf = malloc(CHUNK_SIZE);
	sqlite3_stmt *st = NULL, *drop = NULL;
	int rc = store_prepare(s, "SELECT hash, data FROM chunk", &st);

	if (!rc)
		rc = store_prepare(
			s, "DELETE FROM chunk WHERE hash = ?", &drop);
	while (!rc && buf && sqlite3_step(st) == SQLITE_ROW) {
		if (chunk_is_good(s, st, buf))
			continue;
		sqlite3_bind_value(drop, 1, sqlite3_column_value(st, 0));
		sqlite3_step(drop);
		sqlite3_reset(drop);
	}
	sqlite3_finalize(st);
	sqlite3_finalize(drop);
	free(buf);
}

static void discard(struct store *s, const struct found *f, const char *why)
{
	char sql[160];

	store_notice(s,
		"the snapshot after line %llu is not used (%s): rebuilding "
		"from the journal",
		(unsigned long long)f->seq, why);
	if (s->read_only)
		return;
	sqlite3_snprintf(sizeof(sql), sql,
		"DELETE FROM checkpoint WHERE id = %lld AND name IS NULL;"
		"DELETE FROM piece WHERE checkpoint NOT IN "
		"(SELECT id FROM checkpoint)",
		(long long)f->id);
	sqlite3_exec(s->db, sql, NULL, NULL, NULL);
	drop_bad_chunks(s);
}

int restore_newest(struct store *s)
{
	struct found f = {.seq = INT64_MAX, .id = INT64_MAX};
	char why[64];
	int rc;

	while ((rc = find(s, &f)) > 0) {
		if (f.layout != VM_LAYOUT_VERSION) {
			snprintf(why, sizeof(why),
				"it has layout version %d, this pagefs %d",
				f.layout, VM_LAYOUT_VERSION);
			discard(s, &f, why);
			continue;
		}
		rc = load(s, &f);
		if (!rc) {
			s->log_size = f.log_off;
			s->snapshot_seq = f.seq;
			return 0;
		}
		if (rc == -ENOMEM)
			return rc;
		discard(s, &f, s->sentence);
	}
	return rc ? rc : replay_boot(s);
}
