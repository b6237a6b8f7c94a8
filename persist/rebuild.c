/*
 * Checkpoints with a name whose state is of another layout: the name stays,
 * the state is built again from the journal and takes its place.
 */
#include "store_i.h"

#include <stdlib.h>

struct outdated {
	int64_t id;
	uint64_t seq;
	bool sound; /* the line is known */
};

static int find_outdated(struct store *s, struct bytes *out)
{
	sqlite3_stmt *st;
	int step = SQLITE_DONE,
	    rc = store_prepare(s,
		    "SELECT id, " MOMENT_COLUMNS " FROM checkpoint "
		    "WHERE name NOT NULL AND layout <> ? ORDER BY seq",
		    &st);

	if (rc)
		return rc;
	sqlite3_bind_int(st, 1, VM_LAYOUT_VERSION);
	while (!rc && (step = sqlite3_step(st)) == SQLITE_ROW) {
		struct outdated o = {sqlite3_column_int64(st, 0),
			(uint64_t)sqlite3_column_int64(st, 1),
			moment_is_sound(st, 1)};

		if (!bytes_add(out, &o, sizeof(o)))
			rc = store_fail(s, ENOMEM, "out of memory");
	}
	if (!rc && step != SQLITE_DONE)
		rc = store_sql_fail(s, "read the checkpoints");
	sqlite3_finalize(st);
	return rc;
}

/* The row takes over the state that was saved last for the same line. */
static int take_over(
	struct store *s, const struct outdated *o, const struct bytes *rows)
{
	char sql[512];
	int rc = burst_begin(s);

	if (rc)
		return rc;
	sqlite3_snprintf(sizeof(sql), sql,
		"UPDATE checkpoint SET described = %lld, "
		"(hash, layout, sizes, layers, log_off) ="
		" (SELECT hash, layout, sizes, layers, log_off FROM checkpoint"
		"  WHERE seq = %lld AND layout = %d ORDER BY id DESC LIMIT 1)"
		" WHERE id = %lld",
		(long long)tables_sum(rows), (long long)o->seq,
		VM_LAYOUT_VERSION, (long long)o->id);
	rc = store_sql(s, sql, "rebuild a checkpoint");
	if (!rc)
		rc = burst_commit(s);
	if (rc)
		store_rollback(s);
	return rc;
}

static int rebuild_one(struct store *s, const struct outdated *o)
{
	struct description d = {.id = o->id};
	int rc = 0, more = 1;

	if (!o->sound)
		rc = store_fail(
			s, EUCLEAN, "which line that is fails its checksum");
	change_begin(s);
	if (!rc)
		rc = save_moment(s, o->seq, &d.rows);
	while (!rc && more) {
		more = tables_write(s, &d);
		rc = more < 0 ? more : 0;
	}
	if (!rc)
		rc = take_over(s, o, &d.rows);
	change_end(s);
	bytes_free(&d.rows);
	if (rc)
		store_notice(s,
			"the checkpoint after line %llu is not rebuilt: "
			"%s",
			(unsigned long long)o->seq, s->sentence);
	else
		store_notice(s,
			"the checkpoint after line %llu was rebuilt from the "
			"journal",
			(unsigned long long)o->seq);
	return rc;
}

void rebuild_outdated(struct store *s)
{
	struct bytes all = {0};
	const struct outdated *o;

	find_outdated(s, &all);
	o = (const void *)all.data;

	for (size_t i = 0; i < all.len / sizeof(*o); i++)
		if (rebuild_one(s, &o[i]) && o[i].sound)
			break;
	bytes_free(&all);
}
