/*
 * Deleting what nothing refers to any more, some at a time: rows of lines that
 * were forgotten, rows about checkpoints that lost their names, and layers that
 * no checkpoint lists, among them those that a crash left unfinished.
 */
#include "store_i.h"

#include <stdio.h>
#include <stdlib.h>

#define PACKS_AT_A_TIME 16 /* 4 MiB before compression */
#define SLICE_NS	3000000u

static int by_id(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static bool add_id(struct bytes *b, uint32_t id)
{
	return bytes_add(b, &id, sizeof(id));
}

/* The layers that are needed, sorted. */
static int needed(struct store *s, struct bytes *out)
{
	bool ok = !s->saver.layer || add_id(out, s->saver.layer);
	sqlite3_stmt *st;
	uint32_t id;
	int step = SQLITE_DONE,
	    rc = store_prepare(s, "SELECT layers FROM checkpoint", &st);

	if (rc)
		return rc;
	for (unsigned i = 0; s->track && i < s->track->nr_layers && ok; i++)
		ok = add_id(out, s->track->layer[i].id);
	while (ok && (step = sqlite3_step(st)) == SQLITE_ROW) {
		const char *p = (const char *)sqlite3_column_text(st, 0);

		while (p && ok && layers_next(&p, &id))
			ok = add_id(out, id);
	}
	if (ok && step != SQLITE_DONE)
		rc = store_sql_fail(s, "read the checkpoints");
	sqlite3_finalize(st);
	if (!ok)
		return store_fail(s, ENOMEM, "out of memory");
	if (!rc && out->len)
		qsort(out->data, out->len / sizeof(id), sizeof(id), by_id);
	return rc;
}

static bool is_needed(const struct bytes *b, uint32_t id)
{
	return b->len &&
	       bsearch(&id, b->data, b->len / sizeof(id), sizeof(id), by_id);
}

/* The first layer at or above `from` of which there are packs; 0 none. */
static int64_t next_layer(struct store *s, sqlite3_stmt *st, int64_t from)
{
	int64_t id = 0;

	sqlite3_bind_int64(st, 1, PACK_ID(from, 0));
	if (sqlite3_step(st) == SQLITE_ROW)
		id = sqlite3_column_int64(st, 0) >> 20;
	sqlite3_reset(st);
	return id < from ? 0 : id; /* in a damaged table it may lead back */
}

/* The first layer that is there and not needed; 0 none. */
static int find_garbage(struct store *s, int64_t *layer)
{
	struct bytes keep = {0};
	sqlite3_stmt *st = NULL;
	int rc = needed(s, &keep);
	int64_t id = 1;

	*layer = 0;
	if (!rc)
		rc = store_prepare(s,
			"SELECT id FROM pack WHERE id >= ? ORDER BY id LIMIT 1",
			&st);
	while (!rc && (id = next_layer(s, st, id))) {
		if (!is_needed(&keep, (uint32_t)id)) {
			*layer = id;
			break;
		}
		id++;
	}
	sqlite3_finalize(st);
	bytes_free(&keep);
	return rc;
}

/* Up to *left packs of a layer. */
static int delete_packs(
	struct store *s, int64_t layer, int *left, uint64_t *pages)
{
	sqlite3_stmt *st;
	int step, before = *left,
		  rc = store_prepare(s,
			  "DELETE FROM pack WHERE id IN (SELECT id FROM pack "
			  "WHERE id BETWEEN ? AND ? LIMIT ?) "
			  "RETURNING length(pages) / 8",
			  &st);

	if (rc)
		return rc;
	sqlite3_bind_int64(st, 1, PACK_ID(layer, 0));
	sqlite3_bind_int64(st, 2, PACK_ID(layer, PACKS_MAX - 1));
	sqlite3_bind_int(st, 3, *left);
	for (; (step = sqlite3_step(st)) == SQLITE_ROW; --*left)
		*pages += (uint64_t)sqlite3_column_int64(st, 0);
	if (step != SQLITE_DONE)
		rc = store_sql_fail(s, "forget old states");
	else if (*left == before)
		rc = store_fail(s, EUCLEAN,
			"%s is damaged: packs of layer %lld are found and not "
			"found; pagefs --check tells more",
			s->path, (long long)layer);
	sqlite3_finalize(st);
	return rc;
}

static int collect_packs(struct store *s, bool *more)
{
	uint64_t pages = 0;
	int64_t layer;
	int left = PACKS_AT_A_TIME, rc = find_garbage(s, &layer);

	*more = !rc && layer && !s->building;
	if (!*more)
		return rc;
	rc = burst_begin(s);
	while (!rc && layer && left > 0) {
		rc = delete_packs(s, layer, &left, &pages);
		if (!rc)
			rc = find_garbage(s, &layer);
	}
	if (!rc)
		rc = burst_commit(s);
	if (rc)
		store_rollback(s);
	else
		s->saver.nr_pages -= pages;
	*more = !rc && layer;
	return rc;
}

/* ---- rows of lines that were forgotten ---------------------------------- */

/* Rows of a table between two lines, until a time; *more when some are left. */
static int delete_lines(struct store *s, const char *sql, int64_t first,
	int64_t last, uint64_t until, bool *more)
{
	sqlite3_stmt *st;
	int step = SQLITE_ROW, rc = store_prepare(s, sql, &st);

	if (rc)
		return rc;
	sqlite3_bind_int64(st, 2, last);
	while (step == SQLITE_ROW && clock_ns() < until) {
		sqlite3_bind_int64(st, 1, first);
		step = sqlite3_step(st);
		if (step != SQLITE_ROW)
			break;
		first = sqlite3_column_int64(st, 0) + 1;
		while ((step = sqlite3_step(st)) == SQLITE_ROW)
			;
		sqlite3_reset(st);
		step = step == SQLITE_DONE ? SQLITE_ROW : step;
	}
	*more = step == SQLITE_ROW;
	if (step != SQLITE_ROW && step != SQLITE_DONE)
		rc = store_sql_fail(s, "forget the history");
	sqlite3_finalize(st);
	return rc;
}

#define DELETE_FIRST(table)                                              \
	"DELETE FROM " table " WHERE seq = (SELECT min(seq) FROM " table \
	" WHERE seq BETWEEN ?1 AND ?2) RETURNING seq"

/* Results go first: none is ever without its row. */
static int delete_forgotten(struct store *s, int64_t first, int64_t last)
{
	uint64_t until = clock_ns() + SLICE_NS;
	char sql[80];
	bool more;
	int rc = delete_lines(
		s, DELETE_FIRST("result"), first, last, until, &more);

	if (!rc && !more)
		rc = delete_lines(
			s, DELETE_FIRST("journal"), first, last, until, &more);
	if (rc || more)
		return rc;
	snprintf(sql, sizeof(sql), "DELETE FROM forgotten WHERE first = %lld",
		(long long)first);
	return store_sql(s, sql, "forget the history");
}

static int find_forgotten(struct store *s, int64_t *first, int64_t *last)
{
	sqlite3_stmt *st;
	int rc = store_prepare(
		s, "SELECT first, last FROM forgotten LIMIT 1", &st);

	*first = 0;
	if (rc)
		return rc;
	if (sqlite3_step(st) == SQLITE_ROW) {
		*first = sqlite3_column_int64(st, 0);
		*last = sqlite3_column_int64(st, 1);
	}
	sqlite3_finalize(st);
	return rc;
}

/* ---- all ---------------------------------------------------------------- */

/* Rows of lines or of tables. */
static int collect_rows(struct store *s, bool *found)
{
	int64_t first, last, id = 0;
	bool more;
	int rc = find_forgotten(s, &first, &last);

	if (!rc && !first)
		rc = tables_find_stray(s, &id);
	*found = !rc && (first || id);
	if (!*found)
		return rc;
	rc = burst_begin(s);
	if (!rc)
		rc = first ? delete_forgotten(s, first, last)
			   : tables_clear(s, id, &more);
	if (!rc)
		rc = burst_commit(s);
	if (rc)
		store_rollback(s);
	return rc;
}

int collect_garbage(struct store *s, bool *more)
{
	int rc = collect_rows(s, more);

	return rc || *more ? rc : collect_packs(s, more);
}

void collect_all(struct store *s)
{
	bool more = true;

	while (more && !collect_garbage(s, &more) && background_pause(s))
		;
}

static bool is_due(struct store *s)
{
	int64_t first, last, id = 0, layer = 0;

	return (!find_forgotten(s, &first, &last) && first) ||
	       (!tables_find_stray(s, &id) && id) ||
	       (!find_garbage(s, &layer) && layer);
}

void collect_if_due(struct store *s)
{
	bool more;

	if (is_due(s) && !background_wants(s, &s->back.collect))
		collect_garbage(s, &more);
}

int collect_open(struct store *s)
{
	sqlite3_stmt *st;
	int rc = store_prepare(s,
		"SELECT max(id) >> 20, sum(length(pages)) / 8 FROM pack "
		"WHERE id < 1 << 51",
		&st);

	if (rc)
		return rc;
	s->saver.next_layer = 1;
	if (sqlite3_step(st) == SQLITE_ROW) {
		s->saver.nr_pages = (uint64_t)sqlite3_column_int64(st, 1);
		s->saver.next_layer += (uint32_t)sqlite3_column_int64(st, 0);
	} else {
		rc = store_sql_fail(s, "read the checkpoints");
	}
	sqlite3_finalize(st);
	return rc;
}
