/*
 * Giving free pages back to the file system.  SQLite's VACUUM writes the whole
 * database anew, and nobody else may write meanwhile.  Here pages are moved
 * from its end to free ones before, some in each transaction, while commands
 * run:
 *
 *	| A | - | B | - | - | C | D |
 *	| A | D | B | C |
 *
 * https://www.sqlite.org/pragma.html#pragma_incremental_vacuum
 */
#include "store_i.h"

#define SLICE_NS	3000000u
#define PAGES_AT_A_TIME "16"
#define DOING		"vacuum the database"

static int file_bytes(struct store *s, uint64_t *out)
{
	return store_number(s,
		"SELECT page_count * page_size FROM pragma_page_count, "
		"pragma_page_size",
		DOING, out);
}

/* A transaction; *left free pages are there after it. */
static int move_some(struct store *s, uint64_t *left)
{
	uint64_t until = clock_ns() + SLICE_NS;
	int rc = burst_begin(s);

	do {
		if (!rc)
			rc = store_sql(s,
				"PRAGMA incremental_vacuum(" PAGES_AT_A_TIME
				")",
				DOING);
		if (!rc)
			rc = store_number(
				s, "PRAGMA freelist_count", DOING, left);
	} while (!rc && *left && clock_ns() < until);
	if (!rc)
		rc = burst_commit(s);
	if (rc)
		store_rollback(s);
	return rc;
}

int history_vacuum(struct store *s, uint64_t *freed)
{
	uint64_t before, after, left;
	int rc;

	*freed = 0;
	if (s->read_only)
		return store_fail(s, EROFS, "%s is mounted read-only", s->path);
	collect_all(s);
	rc = file_bytes(s, &before);
	if (!rc)
		rc = store_number(s, "PRAGMA freelist_count", DOING, &left);
	while (!rc && left && background_pause(s))
		rc = move_some(s, &left);
	if (!rc)
		rc = file_bytes(s, &after);
	if (rc)
		return rc;
	*freed = before > after ? before - after : 0;
	background_copy(s);
	return 0;
}
