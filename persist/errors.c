#include "store_i.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* What store_sentence() says: another thread may fail meanwhile. */
static _Thread_local char said[STORE_ERR_MAX];

int store_fail(struct store *s, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->sentence, sizeof(s->sentence), fmt, ap);
	va_end(ap);
	memcpy(said, s->sentence, sizeof(said));
	return -err;
}

const char *store_sentence(const struct store *s)
{
	return said;
}

static int sql_no_space(struct store *s, const char *doing)
{
	return store_fail(s, ENOSPC,
		"cannot %s: the file system that holds %s is full; make room "
		"and repeat",
		doing, s->path);
}

static int sql_busy(struct store *s, const char *doing)
{
	char who[96];

	holder_name(s, who, sizeof(who));
	return store_fail(
		s, EBUSY, "cannot %s: %s is locked by %s", doing, s->path, who);
}

int store_sql_fail(struct store *s, const char *doing)
{
	const char *msg = sqlite3_errmsg(s->db);
	int code = sqlite3_extended_errcode(s->db);
	int sys = sqlite3_system_errno(s->db);

	switch (code & 0xff) {
	case SQLITE_FULL:
		return sql_no_space(s, doing);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return sql_busy(s, doing);
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return store_fail(s, EROFS, "cannot %s: %s is read-only (%s)",
			doing, s->path, msg);
	case SQLITE_NOTADB:
		return store_fail(s, EINVAL, "cannot %s: %s is no database",
			doing, s->path);
	case SQLITE_CORRUPT:
	case SQLITE_CONSTRAINT:
		return store_fail(s, EUCLEAN,
			"cannot %s: %s is damaged (%s); pagefs --check tells "
			"more",
			doing, s->path, msg);
	case SQLITE_NOMEM:
		return store_fail(s, ENOMEM, "cannot %s: out of memory", doing);
	case SQLITE_CANTOPEN:
		return store_fail(s, sys ? sys : EIO, "cannot %s: %s: %s",
			doing, s->path, sys ? strerror(sys) : msg);
	case SQLITE_IOERR:
		if (sys == ENOSPC || sys == EDQUOT)
			return sql_no_space(s, doing);
		return store_fail(s, EIO, "cannot %s: %s: %s%s%s", doing,
			s->path, msg, sys ? ": " : "",
			sys ? strerror(sys) : "");
	}
	return store_fail(s, EIO, "cannot %s: %s: %s", doing, s->path, msg);
}

void store_notice(struct store *s, const char *fmt, ...)
{
	char sentence[STORE_ERR_MAX];
	va_list ap;

	if (!s->notice)
		return;
	va_start(ap, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	s->notice(s->notice_ctx, sentence);
}

int store_sql(struct store *s, const char *sql, const char *doing)
{
	store_assert_locked(s);
	if (sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	return store_sql_fail(s, doing);
}

int store_prepare(struct store *s, const char *sql, sqlite3_stmt **out)
{
	int rc;

	store_assert_locked(s);
	rc = sqlite3_prepare_v3(
		s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
	return rc == SQLITE_OK ? 0 : store_sql_fail(s, "read the tables");
}

int store_number(
	struct store *s, const char *sql, const char *doing, uint64_t *out)
{
	sqlite3_stmt *st;
	int rc = store_prepare(s, sql, &st);

	*out = 0;
	if (rc)
		return rc;
	if (sqlite3_step(st) == SQLITE_ROW)
		*out = (uint64_t)sqlite3_column_int64(st, 0);
	else
		rc = store_sql_fail(s, doing);
	sqlite3_finalize(st);
	return rc;
}

void store_rollback(struct store *s)
{
	if (sqlite3_get_autocommit(s->db))
		return;
	if (s->rollback) { /* which needs no memory */
		sqlite3_step(s->rollback);
		sqlite3_reset(s->rollback);
	}
	if (!sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

static uint64_t read_clock(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t clock_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t clock_coarse_ns(void)
{
	return read_clock(CLOCK_MONOTONIC_COARSE);
}

char *bytes_room(struct bytes *b, size_t n)
{
	size_t cap = b->cap ? b->cap : 256;
	char *p;

	if (b->cap - b->len >= n)
		return b->data + b->len;
	while (cap - b->len < n)
		cap *= 2;
	p = realloc(b->data, cap);
	if (!p)
		return NULL;
	b->data = p;
	b->cap = cap;
	return p + b->len;
}

bool bytes_add(struct bytes *b, const void *data, size_t n)
{
	char *p = bytes_room(b, n ? n : 1);

	if (!p)
		return false;
	if (n)
		memcpy(p, data, n);
	b->len += n;
	return true;
}

void bytes_free(struct bytes *b)
{
	free(b->data);
	memset(b, 0, sizeof(*b));
}
