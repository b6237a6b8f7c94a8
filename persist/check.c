/*
 * pagefs --check: SQLite's own check, then the whole journal once more from
 * boot, compared with every result and every checkpoint on the way.
 */
#include "store_i.h"

#include <stdio.h>
#include <stdlib.h>

#include "../host/host.h"
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

/* The first page in which two machines differ, as a sentence. */
static bool first_difference(
	struct vm *a, struct vm *b, char *where, size_t size)
{
	uint8_t buf[2][STATE_PAGE];
	struct vm_segment x, y;

	for (unsigned i = 0; i < vm_nr_segments(); i++) {
		vm_segment(a, i, &x);
		vm_segment(b, i, &y);
		if (x.used != y.used) {
			snprintf(where, size,
				"segment \"%s\" has %llu bytes, replay gives "
				"%llu",
				x.name, (unsigned long long)x.used,
				(unsigned long long)y.used);
			return true;
		}
		for (uint64_t p = 0; p << STATE_SHIFT < x.used; p++) {
			if (!memcmp(page_bytes(&x, p, buf[0]),
				    page_bytes(&y, p, buf[1]), STATE_PAGE))
				continue;
			snprintf(where, size,
				"segment \"%s\" differs in the page at 0x%llx",
				x.name, (unsigned long long)p << STATE_SHIFT);
			return true;
		}
	}
	return false;
}

/*
 * Loads the state that a checkpoint has saved and compares it with that of
 * the replay.  0, or 1 with the difference.
 */
static int compare_state(
	struct checking *k, struct saved *v, char *where, size_t size)
{
	struct track *t = NULL;
	struct vm *m;
	int rc;

	m = vm_blank(&k->s->config, &host_mmap, where);
	if (!m)
		return store_fail(k->s, ENOMEM, "%s", where);
	rc = state_load(k->s, v, m, &t);
	if (rc == -EUCLEAN) {
		snprintf(where, size, "%s", k->s->sentence);
		rc = 1;
		/* without its hash, to see what is in it */
		v->hash[0] = 0;
		if (!state_load(k->s, v, m, &t))
			first_difference(m, k->s->vm, where, size);
	}
	track_free(t);
	vm_destroy(m);
	return rc;
}

static int compare_checkpoint(struct checking *k)
{
	char hash[33], saved[33], where[STORE_ERR_MAX] = "";
	struct saved v = {.hash = ""};
	int rc;

	if (sqlite3_column_int(k->checkpoints, 2) != VM_LAYOUT_VERSION)
		return 0;
	k->nr_checkpoints++;
	rc = saved_read(k->s, k->checkpoints, 3, &v);
	if (!rc) {
		strcpy(saved, v.hash);
		store_state_hash(k->s->vm, hash);
		rc = compare_state(k, &v, where, sizeof(where));
	}
	if (!rc && strcmp(saved, hash)) {
		snprintf(where, sizeof(where), "the states differ");
		rc = 1;
	}
	bytes_free(&v.layers);
	if (rc <= 0)
		return rc;
	store_notice(k->s,
		"the checkpoint after line %llu (row %llu: %s) has hash %s, "
		"replay gives %s: %s",
		(unsigned long long)k->s->vm->root->seq,
		(unsigned long long)k->seq, k->command, saved, hash, where);
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

/* ---- SQLite, packs, strays --------------------------------------------- */

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

static int check_packs(struct checking *k)
{
	uint8_t *raw = malloc(PACK_PAGES * STATE_PAGE);
	struct pack_view p;
	sqlite3_stmt *st;
	int rc = store_prepare(
		k->s, "SELECT id, pages, sum, data FROM pack", &st);

	while (!rc && raw && sqlite3_step(st) == SQLITE_ROW) {
		rc = pack_read(k->s, st, &p);
		if (!rc)
			rc = pack_unpack(k->s, &p, raw);
	}
	sqlite3_finalize(st);
	free(raw);
	return raw ? rc : store_fail(k->s, ENOMEM, "out of memory");
}

static int check_strays(struct checking *k)
{
	return query_finding(k,
		"SELECT 'line ' || seq FROM result WHERE seq NOT IN "
		"(SELECT seq FROM journal) LIMIT 1",
		"a result without a journal row");
}

/* ---- the whole ---------------------------------------------------------- */

static int check_journal(struct checking *k)
{
	const struct replay how = {before, after, k};
	int rc = store_prepare(k->s,
		"SELECT id, seq, layout, " SAVED_COLUMNS
		" FROM checkpoint ORDER BY seq, id",
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
		rc = check_packs(k);
	if (!rc)
		rc = check_journal(k);
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
