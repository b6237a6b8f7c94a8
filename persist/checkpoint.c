/*
 * Checkpoints: saved states with a name.  Naming a moment saves its state, or
 * finds it saved; taking the name away leaves a state like the automatic ones,
 * which goes when newer ones come.
 */
#include "store_i.h"

#include <stdio.h>

#include "../vm/machine.h"

static int bad_name(struct store *s, const char *name, const char *why)
{
	return store_fail(s, EINVAL,
		"\"%.60s\" cannot be a checkpoint's name: "
		"%s",
		name, why);
}

static int check_name(struct store *s, const char *name)
{
	size_t n = strlen(name);

	if (n > CHECKPOINT_NAME_MAX)
		return store_fail(s, ENAMETOOLONG,
			"a checkpoint's name has at most %d bytes, not %zu",
			CHECKPOINT_NAME_MAX, n);
	if (!n)
		return bad_name(s, name, "it is empty");
	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return bad_name(s, name, "it is a directory's");
	if (moment_is_number(name))
		return bad_name(s, name, "a number is a line of the journal");
	for (const char *p = name; *p; p++)
		if (*p == '/' || (unsigned char)*p < ' ' || *p == 0x7f)
			return bad_name(s, name,
				"it has a slash or a control character");
	return 0;
}

/* ---- looking ------------------------------------------------------------ */

#define COLUMNS "SELECT id, " MOMENT_COLUMNS ", name FROM checkpoint "

static void read_checkpoint(
	struct store *s, sqlite3_stmt *st, struct store_checkpoint *c)
{
	const struct timeline *t;

	memset(c, 0, sizeof(*c));
	c->id = sqlite3_column_int64(st, 0);
	c->seq = (uint64_t)sqlite3_column_int64(st, 1);
	c->time = (uint64_t)sqlite3_column_int64(st, 2);
	snprintf(c->name, sizeof(c->name), "%s",
		(const char *)sqlite3_column_text(st, 5));
	t = timeline_of(s, c->seq);
	c->timeline = t ? (uint32_t)t->id : 0;
}

int checkpoint_find(
	struct store *s, const char *name, struct store_checkpoint *out)
{
	sqlite3_stmt *st;
	int step, rc = store_prepare(s, COLUMNS "WHERE name = ?", &st);

	memset(out, 0, sizeof(*out));
	if (rc)
		return rc;
	sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
	step = sqlite3_step(st);
	if (step == SQLITE_ROW) {
		read_checkpoint(s, st, out);
		if (!moment_is_sound(st, 1))
			rc = store_fail(s, EUCLEAN,
				"%s is damaged: which line the checkpoint "
				"\"%.60s\" is of fails its checksum",
				s->path, name);
	} else if (step == SQLITE_DONE) {
		rc = store_fail(
			s, ENOENT, "there is no checkpoint \"%.60s\"", name);
	} else {
		rc = store_sql_fail(s, "read the checkpoints");
	}
	sqlite3_finalize(st);
	return rc;
}

int store_checkpoint_find(
	struct store *s, const char *name, struct store_checkpoint *out)
{
	int rc;

	store_lock(s);
	rc = checkpoint_find(s, name, out);
	store_unlock(s);
	return rc;
}

int checkpoint_list(struct store *s,
	int (*fn)(void *ctx, const struct store_checkpoint *c), void *ctx)
{
	struct store_checkpoint c;
	sqlite3_stmt *st;
	int step = SQLITE_DONE,
	    rc = store_prepare(
		    s, COLUMNS "WHERE name NOT NULL ORDER BY seq, name", &st);

	while (!rc && (step = sqlite3_step(st)) == SQLITE_ROW) {
		read_checkpoint(s, st, &c);
		rc = fn(ctx, &c);
	}
	if (!rc && step != SQLITE_DONE)
		rc = store_sql_fail(s, "read the checkpoints");
	sqlite3_finalize(st);
	return rc;
}

int store_checkpoint_list(struct store *s,
	int (*fn)(void *ctx, const struct store_checkpoint *c), void *ctx)
{
	int rc;

	store_lock(s);
	rc = checkpoint_list(s, fn, ctx);
	store_unlock(s);
	return rc;
}

/* ---- changing ----------------------------------------------------------- */

static int writable(struct store *s)
{
	if (!s->read_only)
		return 0;
	return store_fail(s, EROFS, "%s is mounted read-only", s->path);
}

void change_begin(struct store *s)
{
	while (s->changing)
		pthread_cond_wait(&s->changed, &s->lock);
	s->changing = true;
}

void change_end(struct store *s)
{
	s->changing = false;
	s->held = 0;
	pthread_cond_broadcast(&s->changed);
}

int state_find(struct store *s, uint64_t seq, int64_t *id, bool *named)
{
	sqlite3_stmt *st;
	int step, rc = store_prepare(s,
			  "SELECT id, name NOT NULL FROM checkpoint WHERE "
			  "seq = ? ORDER BY name NOT NULL, id DESC LIMIT 1",
			  &st);

	*id = 0;
	if (rc)
		return rc;
	sqlite3_bind_int64(st, 1, (int64_t)seq);
	step = sqlite3_step(st);
	if (step == SQLITE_ROW) {
		*id = sqlite3_column_int64(st, 0);
		*named = sqlite3_column_int(st, 1);
	} else if (step != SQLITE_DONE) {
		rc = store_sql_fail(s, "read the checkpoints");
	}
	sqlite3_finalize(st);
	return rc;
}

/* Saves the state of the machine unless it is saved; *id is its row. */
static int save_state(struct store *s, int64_t *id, bool *named)
{
	int rc = snapshot_take(s);
	uint64_t seq = course_seq(&s->course, s->vm->root->seq);

	if (!rc)
		rc = state_find(s, seq, id, named);
	if (rc || *id)
		return rc;
	s->snapshot_seq = NO_SNAPSHOT;
	rc = snapshot_take(s);
	return rc ? rc : state_find(s, seq, id, named);
}

/* Runs a statement with a name and an id; 0 or -errno. */
static int run(struct store *s, const char *sql, const char *name, int64_t id)
{
	sqlite3_stmt *st;
	int rc = store_prepare(s, sql, &st);

	if (rc)
		return rc;
	if (name)
		sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
	if (id)
		sqlite3_bind_int64(st, 2, id);
	if (burst_step(s, st) != SQLITE_DONE)
		rc = store_sql_fail(s, "write the checkpoint");
	sqlite3_finalize(st);
	return rc;
}

/* The same in a transaction of its own. */
static int run_alone(
	struct store *s, const char *sql, const char *name, int64_t id)
{
	int rc = burst_begin(s);

	if (!rc)
		rc = run(s, sql, name, id);
	if (!rc)
		rc = burst_commit(s);
	if (rc)
		store_rollback(s);
	return rc;
}

/* A second name of a state is a row of its own. */
static int copy_state(struct store *s, int64_t *id)
{
	int rc = run_alone(s,
		"INSERT INTO checkpoint (seq, time, log_off, hash, layout, "
		"parent, cost, sizes, layers, sum) SELECT seq, time, log_off, "
		"hash, layout, id, 0, sizes, layers, sum FROM checkpoint "
		"WHERE id = ?2",
		NULL, *id);

	*id = sqlite3_last_insert_rowid(s->db);
	return rc;
}

/* Saves the moment, and describes it: what has to be done at once. */
static int take_moment(struct store *s, struct description *d, uint64_t *seq)
{
	bool named = false;
	int rc = save_state(s, &d->id, &named);

	*seq = course_seq(&s->course, s->vm->root->seq);
	if (!rc && named)
		rc = copy_state(s, &d->id);
	s->held = rc ? 0 : d->id;
	return rc ? rc : tables_describe(s, s->vm, &d->rows);
}

/* What was described is all written: it gets its name. */
static int name_state(
	struct store *s, const char *name, const struct description *d)
{
	char sql[160];
	int rc;

	sqlite3_snprintf(sizeof(sql), sql,
		"UPDATE checkpoint SET name = ?1, described = %lld "
		"WHERE id = ?2 AND name IS NULL",
		(long long)tables_sum(&d->rows));
	rc = run_alone(s, sql, name, d->id);
	if (!rc && !sqlite3_changes(s->db))
		rc = store_fail(s, EUCLEAN,
			"the state after line that \"%.60s\" names was found "
			"damaged: repeat the command",
			name);
	return rc;
}

static int create(struct store *s, const char *name, uint64_t *seq)
{
	struct description d = {.id = 0};
	int more = 1, rc = snapshot_ahead(s);

	if (!rc)
		rc = take_moment(s, &d, seq);
	while (!rc && more && background_pause(s)) {
		more = tables_write(s, &d);
		rc = more < 0 ? more : 0;
	}
	if (!rc && more)
		rc = store_fail(s, EINTR, "given up");
	if (!rc)
		rc = name_state(s, name, &d);
	bytes_free(&d.rows);
	return rc;
}

int checkpoint_create(struct store *s, const char *name, uint64_t *seq)
{
	struct store_checkpoint old;
	int rc = writable(s);

	if (!rc)
		rc = check_name(s, name);
	if (rc)
		return rc;
	change_begin(s);
	rc = checkpoint_find(s, name, &old);
	if (!rc || rc == -EUCLEAN)
		rc = store_fail(s, EEXIST,
			"there is a checkpoint \"%.60s\" already, after line "
			"%llu",
			name, (unsigned long long)old.seq);
	else if (rc == -ENOENT)
		rc = create(s, name, seq);
	change_end(s);
	return rc;
}

/* The name goes at once, the rows about it after that. */
static int checkpoint_remove(struct store *s, const char *name)
{
	struct store_checkpoint c;
	int rc = writable(s);

	if (rc)
		return rc;
	change_begin(s);
	rc = checkpoint_find(s, name, &c);
	if (!rc || rc == -EUCLEAN)
		rc = run_alone(s,
			"UPDATE checkpoint SET name = NULL, described = NULL "
			"WHERE name = ?1",
			name, 0);
	change_end(s);
	if (!rc)
		collect_all(s);
	return rc;
}

/* A checkpoint that has the name loses it. */
static int replace_name(struct store *s, int64_t id, const char *to)
{
	int rc = burst_begin(s);

	if (!rc)
		rc = run(s,
			"UPDATE checkpoint SET name = NULL, described = NULL "
			"WHERE name = ?1",
			to, 0);
	if (!rc)
		rc = run(s, "UPDATE checkpoint SET name = ?1 WHERE id = ?2", to,
			id);
	if (!rc)
		rc = burst_commit(s);
	if (rc)
		store_rollback(s);
	return rc;
}

static int checkpoint_rename(
	struct store *s, const char *from, const char *to, bool replace)
{
	struct store_checkpoint c, other;
	int rc = writable(s);

	if (!rc)
		rc = check_name(s, to);
	if (rc)
		return rc;
	change_begin(s);
	rc = checkpoint_find(s, from, &c);
	if (!rc && strcmp(from, to)) {
		rc = checkpoint_find(s, to, &other);
		if (rc == -ENOENT || (!rc && replace))
			rc = replace_name(s, c.id, to);
		else if (!rc)
			rc = store_fail(s, EEXIST,
				"there is a checkpoint \"%.60s\" already", to);
	}
	change_end(s);
	if (!rc && replace)
		collect_all(s);
	return rc;
}

int store_checkpoint(struct store *s, const char *name)
{
	uint64_t seq;
	int rc;

	store_lock(s);
	rc = checkpoint_create(s, name, &seq);
	store_unlock(s);
	return rc;
}

int store_checkpoint_remove(struct store *s, const char *name)
{
	int rc;

	store_lock(s);
	rc = checkpoint_remove(s, name);
	store_unlock(s);
	return rc;
}

int store_checkpoint_rename(
	struct store *s, const char *from, const char *to, bool replace)
{
	int rc;

	store_lock(s);
	rc = checkpoint_rename(s, from, to, replace);
	store_unlock(s);
	return rc;
}
