/*
 * Building the machine of a moment through someone else's connection.
 */
#include "sql_i.h"

#include <stdlib.h>
#include <time.h>

#define TRIES 200 /* of 10 ms: for a burst of the mount to end */

/* ---- the database -------------------------------------------------------- */

/*
 * A statement in the middle of its rows: until it is finalized all that is
 * read belongs to one moment of the database, whatever a mount writes.
 */
static int hold(struct store *s, sqlite3_stmt **out)
{
	const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
	int rc, step = SQLITE_BUSY;

	*out = NULL;
	for (int i = 0; i < TRIES && step == SQLITE_BUSY; i++) {
		if (i)
			nanosleep(&pause, NULL);
		sqlite3_finalize(*out);
		rc = store_prepare(s, "SELECT 1 FROM sqlite_master", out);
		if (!rc)
			step = sqlite3_step(*out) & 0xff;
		else if (rc != -EBUSY)
			return rc;
	}
	if (step == SQLITE_ROW)
		return 0;
	if (step != SQLITE_DONE)
		return store_sql_fail(s, "read the database");
	return store_fail(s, EINVAL, "%s is empty", s->path);
}

static int read_machine(struct store *s)
{
	const struct store_options none = {.read_only = true};
	const char *doing = "read the database";
	uint64_t application, format;
	int rc = store_number(
		s, "PRAGMA main.application_id", doing, &application);

	if (!rc)
		rc = store_number(
			s, "PRAGMA main.user_version", doing, &format);
	if (!rc)
		rc = schema_check_format(
			s, (uint32_t)application, (uint32_t)format);
	if (!rc)
		rc = schema_load(s, &none);
	if (!rc)
		rc = timelines_load(s);
	if (!rc)
		rc = store_prepare_all(s);
	return rc;
}

/* ---- machines ------------------------------------------------------------ */

static struct state *find(struct states *all, uint64_t seq)
{
	struct state *st = all->first;

	while (st && st->seq != seq)
		st = st->next;
	return st;
}

/* Drops those that nobody uses. */
static void drop_idle(struct states *all)
{
	struct state **at = &all->first;

	while (*at) {
		struct state *st = *at;

		if (st->users) {
			at = &st->next;
			continue;
		}
		*at = st->next;
		vm_destroy(st->vm);
		free(st);
	}
}

static int build(struct states *all, struct store *s, uint64_t seq)
{
	struct state *st;
	int rc;

	drop_idle(all);
	rc = store_build(s, seq);
	if (rc)
		return rc;
	st = calloc(1, sizeof(*st));
	if (!st)
		return store_fail(s, ENOMEM, "out of memory");
	*st = (struct state){all->first, seq, s->vm, 0};
	all->first = st;
	s->vm = NULL;
	return 0;
}

/* Finds the line that `where` means.  Lines back count from the newest, which
 * is the last that ran when the journal has been replayed to its end. */
static int turn(struct store *s, const char *where, uint64_t *seq)
{
	bool back = *where == '-' && moment_is_number(where);
	int rc = 0;

	if (back)
		rc = course_to(s, UINT64_MAX, &s->course);
	if (!rc && back)
		rc = store_build(s, UINT64_MAX);
	if (!rc)
		rc = store_turn(s, where, seq);
	if (s->vm)
		vm_destroy(s->vm);
	s->vm = NULL;
	track_free(s->track);
	s->track = NULL;
	results_clear(s);
	return rc;
}

static int get(struct states *all, struct store *s, const char *where,
	struct state **out)
{
	uint64_t seq;
	int rc = read_machine(s);

	if (!rc)
		rc = turn(s, where, &seq);
	if (!rc && !find(all, seq))
		rc = build(all, s, seq);
	if (rc)
		return rc;
	*out = find(all, seq);
	(*out)->users++;
	return 0;
}

int state_get(
	struct states *all, const char *where, struct state **out, char *err)
{
	const struct store_options none = {.read_only = true};
	const char *name = sqlite3_db_filename(all->db, "main");
	struct store *s =
		store_new(name && *name ? name : "the database", &none);
	sqlite3_stmt *held;
	int rc;

	if (!s) {
		snprintf(err, STORE_ERR_MAX, "out of memory");
		return -ENOMEM;
	}
	s->db = all->db;
	rc = hold(s, &held);
	if (!rc)
		rc = get(all, s, where, out);
	if (rc)
		snprintf(err, STORE_ERR_MAX, "%s", s->sentence);
	sqlite3_finalize(held);
	s->db = NULL; /* the caller's */
	store_free(s);
	return rc;
}

void state_put(struct states *all, struct state *st)
{
	if (!st || --st->users)
		return;
	/* the one that is kept */
	st->users = 1;
	drop_idle(all);
	st->users = 0;
}

void states_free(struct states *all)
{
	for (struct state *st = all->first; st; st = st->next)
		st->users = 0;
	drop_idle(all);
}
