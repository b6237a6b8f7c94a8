/*
 * pagefs --check: SQLite's own check, then the whole journal once more from
 * boot, compared with every result and every checkpoint on the way.
 */
#include "store_i.h"

#include <stdio.h>
#include <stdlib.h>

#include "../vm/machine.h"

struct checking {
	struct store *s;
	sqlite3_stmt *checkpoints; /* in order of seq */
	bool has_checkpoint;	   /* a current row of the above */
	bool found;		   /* a difference, told in notice */
	char command[128];	   /* of the row before */
	uint64_t seq;
	unsigned nr_checkpoints;
};

static int finding(struct checking *c)
{
	c->found = true;
	return 1;
}

static void remember(struct checking *c, const struct row *r)
{
	const char *line = "";
	size_t pos = 0, len = 0;

	next_line(r->event.text, r->event.text_len, &pos, &line, &len);
	if (len > sizeof(c->command) - 1)
		len = sizeof(c->command) - 1;
	memcpy(c->command, line, len);
	c->command[len] = 0;
	c->seq = r->seq;
}

/* ---- checkpoints -------------------------------------------------------- */

struct compare {
	const struct piece *v;
	unsigned nr;
	size_t at; /* in the current piece */
	unsigned seg;
	char where[128];
};

static int differs(struct compare *c, const char *name, uint64_t index)
{
	snprintf(c->where, sizeof(c->where),
		"segment \"%s\" differs in the 64 KiB at 0x%llx", name,
		(unsigned long long)index * CHUNK_SIZE);
	return -1;
}

/* Moves on to segment `seg`; what it skips must have been compared. */
static int finish_pieces(struct compare *c, unsigned seg)
{
	for (; c->seg < seg && c->seg < c->nr; c->seg++, c->at = 0)
		if (c->at < c->v[c->seg].nr)
			return differs(c, c->v[c->seg].segment,
				c->v[c->seg].v[c->at].index);
	return 0;
}

static int compare_chunk(void *ctx, const struct vm_segment *seg,
	unsigned seg_nr, uint64_t index, const uint8_t *data)
{
	struct compare *c = ctx;
	const struct chunk_entry *e;
	struct chunk_hash h;
	int rc = finish_pieces(c, seg_nr);

	if (rc)
		return rc;
	if (c->seg >= c->nr || c->at >= c->v[c->seg].nr)
		return differs(c, seg->name, index);
	e = &c->v[c->seg].v[c->at++];
	chunk_hash(data, &h);
	if (e->index != index)
		return differs(
			c, seg->name, e->index < index ? e->index : index);
	return memcmp(&h, &e->hash, sizeof(h)) ? differs(c, seg->name, index)
					       : 0;
}

static void find_difference(
	struct checking *k, int64_t id, char *where, size_t size)
{
	struct piece pieces[PIECES_MAX];
	struct compare c = {.v = pieces};

	snprintf(where, size, "the record of its hash or sizes is wrong");
	if (pieces_read(k->s, id, pieces, &c.nr)) {
		snprintf(where, size, "%s", k->s->sentence);
		return;
	}
	if (chunk_walk(k->s->vm, compare_chunk, &c) ||
		finish_pieces(&c, PIECES_MAX))
		snprintf(where, size, "%s", c.where);
	pieces_free(pieces, c.nr);
}

/* The hash of a state as its pieces tell it; "" if they cannot be read. */
static void hash_of_pieces(struct checking *k, int64_t id, char hash[33])
{
	struct state_hash *h = state_hash_new();
	struct piece v[PIECES_MAX];
	unsigned nr = 0;

	hash[0] = 0;
	if (!h)
		return;
	if (pieces_read(k->s, id, v, &nr))
		nr = 0;
	for (unsigned i = 0; i < nr; i++) {
		state_hash_segment(h, v[i].segment, v[i].used);
		for (size_t c = 0; c < v[i].nr; c++)
			state_hash_chunk(h, &v[i].v[c]);
	}
	pieces_free(v, nr);
	state_hash_end(h, hash);
}

static int compare_checkpoint(struct checking *k)
{
	const char *saved =
		(const char *)sqlite3_column_text(k->checkpoints, 2);
	char hash[33], listed[33], where[STORE_ERR_MAX];
	int64_t id = sqlite3_column_int64(k->checkpoints, 0);

	if (sqlite3_column_int(k->checkpoints, 3) != VM_LAYOUT_VERSION)
		return 0;
	k->nr_checkpoints++;
	store_state_hash(k->s->vm, hash);
	hash_of_pieces(k, id, listed);
	if (saved && !strcmp(saved, hash) && !strcmp(saved, listed))
		return 0;
	find_difference(k, id, where, sizeof(where));
	store_notice(k->s,
		"the checkpoint after line %llu (row %llu: %s) has hash %s, "
		"replay gives %s: %s",
		(unsigned long long)k->s->vm->root->seq,
		(unsigned long long)k->seq, k->command, saved ? saved : "none",
		hash, where);
	return finding(k);
}

/* Compares the checkpoints that are due before row r, or at the end. */
static int before(void *ctx, const struct row *r)
{
	struct checking *k = ctx;
	uint64_t now = k->s->vm->root->seq;
	int rc = 0;

	while (!rc && k->has_checkpoint) {
		uint64_t seq =
			(uint64_t)sqlite3_column_int64(k->checkpoints, 1);

		if (seq > now && r)
			break;
		if (seq == now) {
			rc = compare_checkpoint(k);
		} else {
			store_notice(k->s,
				"the checkpoint after line %llu lies between "
				"rows of the journal, or behind its end",
				(unsigned long long)seq);
			rc = finding(k);
		}
		k->has_checkpoint = sqlite3_step(k->checkpoints) == SQLITE_ROW;
	}
	if (r)
		remember(k, r);
	return rc;
}

/* ---- results ------------------------------------------------------------ */

static int after(void *ctx, const struct row *r, const struct result *got,
	const struct result *stored)
{
	struct checking *k = ctx;

	if (!stored)
		return 0;
	if (stored->reply_len == got->reply_len &&
		!memcmp(stored->reply, got->reply, got->reply_len) &&
		stored->lines == got->lines && stored->log_off == got->log_off)
		return 0;
	store_notice(k->s,
		"row %llu (%s) is stored with %u lines, log offset %llu, "
		"result \"%.*s\"; replay gives %u, %llu, \"%.*s\"",
		(unsigned long long)r->seq, k->command, stored->lines,
		(unsigned long long)stored->log_off,
		(int)(stored->reply_len < 100 ? stored->reply_len : 100),
		stored->reply, got->lines, (unsigned long long)got->log_off,
		(int)(got->reply_len < 100 ? got->reply_len : 100), got->reply);
	return finding(k);
}

/* ---- SQLite, chunks, strays --------------------------------------------- */

/* Runs a query whose first row, if any, is a finding. */
static int query_finding(struct checking *k, const char *sql, const char *what)
{
	sqlite3_stmt *st;
	int step;

	if (sqlite3_prepare_v2(k->s->db, sql, -1, &st, NULL) != SQLITE_OK) {
		store_notice(k->s, "%s: %s", what, sqlite3_errmsg(k->s->db));
		return finding(k);
	}
	step = sqlite3_step(st);
	if (step == SQLITE_ROW &&
		strcmp("ok", (const char *)sqlite3_column_text(st, 0)))
		store_notice(k->s, "%s: %s", what,
			(const char *)sqlite3_column_text(st, 0));
	else if (step != SQLITE_ROW && step != SQLITE_DONE)
		store_notice(k->s, "%s: %s", what, sqlite3_errmsg(k->s->db));
	else
		step = SQLITE_DONE;
	sqlite3_finalize(st);
	return step == SQLITE_DONE ? 0 : finding(k);
}

static int bad_chunk(struct checking *k, const char *name)
{
	store_notice(
		k->s, "chunk %s does not have the content of its hash", name);
	return finding(k);
}

static int check_chunks(struct checking *k)
{
	uint8_t *buf = malloc(CHUNK_SIZE);
	sqlite3_stmt *st;
	int rc = store_prepare(
		k->s, "SELECT hash, data, hex(hash) FROM chunk", &st);

	while (!rc && buf && sqlite3_step(st) == SQLITE_ROW) {
		size_t n = ZSTD_decompressDCtx(k->s->dctx, buf, CHUNK_SIZE,
			sqlite3_column_blob(st, 1),
			(size_t)sqlite3_column_bytes(st, 1));
		struct chunk_hash h = {{0}};

		if (n == CHUNK_SIZE)
			chunk_hash(buf, &h);
		if (n != CHUNK_SIZE || sqlite3_column_bytes(st, 0) != 16 ||
			memcmp(&h, sqlite3_column_blob(st, 0), sizeof(h)))
			rc = bad_chunk(
				k, (const char *)sqlite3_column_text(st, 2));
	}
	sqlite3_finalize(st);
	free(buf);
	return buf ? rc : store_fail(k->s, ENOMEM, "out of memory");
}

/* Every chunk that a checkpoint lists is there. */
static int check_references(struct checking *k)
{
	sqlite3_stmt *pieces, *has = NULL;
	int rc = store_prepare(k->s, "SELECT chunks FROM piece", &pieces);

	if (!rc)
		rc = store_prepare(
			k->s, "SELECT 1 FROM chunk WHERE hash = ?", &has);
	while (!rc && sqlite3_step(pieces) == SQLITE_ROW) {
		const struct chunk_entry *e = sqlite3_column_blob(pieces, 0);
		size_t n = (size_t)sqlite3_column_bytes(pieces, 0) / sizeof(*e);

		for (size_t i = 0; i < n && !rc; i++) {
			sqlite3_bind_blob(
				has, 1, e[i].hash.byte, 16, SQLITE_STATIC);
			if (sqlite3_step(has) != SQLITE_ROW)
				rc = 1;
			sqlite3_reset(has);
		}
	}
	sqlite3_finalize(pieces);
	sqlite3_finalize(has);
	if (rc != 1)
		return rc;
	store_notice(k->s, "a chunk that a checkpoint needs is missing");
	return finding(k);
}

static int check_strays(struct checking *k)
{
	int rc = query_finding(k,
		"SELECT 'line ' || seq FROM result WHERE seq NOT IN "
		"(SELECT seq FROM journal) LIMIT 1",
		"a result without a journal row");

	if (!rc)
		rc = query_finding(k,
			"SELECT 'checkpoint ' || checkpoint FROM piece WHERE "
			"checkpoint NOT IN (SELECT id FROM checkpoint) LIMIT 1",
			"saved state without its checkpoint");
	return rc;
}

/* ---- the whole ---------------------------------------------------------- */

static int check_journal(struct checking *k)
{
	const struct replay how = {before, after, k};
	int rc = store_prepare(k->s,
		"SELECT id, seq, hash, layout FROM checkpoint "
		"ORDER BY seq, id",
		&k->checkpoints);

	if (!rc)
		rc = replay_boot(k->s);
	if (rc)
		return rc;
	k->has_checkpoint = sqlite3_step(k->checkpoints) == SQLITE_ROW;
	rc = replay(k->s, &how);
	sqlite3_finalize(k->checkpoints);
	return rc;
}

static int check(struct checking *k)
{
	int rc = store_sql(k->s, "BEGIN", "read the database");

	if (!rc)
		rc = query_finding(k, "PRAGMA integrity_check(1)", "SQLite");
	if (!rc)
		rc = check_chunks(k);
	if (!rc)
		rc = check_journal(k);
	if (!rc)
		rc = check_references(k);
	if (!rc)
		rc = check_strays(k);
	store_rollback(k->s);
	return rc;
}

int store_check(const char *path, const struct store_options *o, char *err)
{
	struct store_options ro = *o;
	struct checking k = {0};
	int rc;

	ro.read_only = true;
	k.s = store_new(path, &ro);
	if (!k.s) {
		snprintf(err, STORE_ERR_MAX, "out of memory");
		return -ENOMEM;
	}
	rc = store_connect(k.s, &ro);
	if (!rc)
		rc = check(&k);
	/* Damage that stops the replay is a finding, not a failure. */
	if (rc == -EUCLEAN && !k.found) {
		store_notice(k.s, "%s", k.s->sentence);
		rc = finding(&k);
	}
	if (!rc)
		store_notice(k.s,
			"%s is sound: %llu lines replayed, %u checkpoints "
			"equal",
			path, (unsigned long long)k.s->vm->root->seq,
			k.nr_checkpoints);
	if (rc < 0)
		snprintf(err, STORE_ERR_MAX, "%s", k.s->sentence);
	store_free(k.s);
	return rc;
}
