/*
 * Applying journal rows: at mount those after the snapshot, in --check all.
 */
#include "store_i.h"

#include "../host/host.h"
#include "../vm/machine.h"

#define PROGRESS_NS 1000000000u

int replay_boot(struct store *s)
{
	char err[SENTENCE_MAX] = "";

	s->vm = vm_boot(&s->config, &host_mmap, err);
	if (!s->vm)
		return store_fail(s, ENOMEM, "%s", err);
	s->log_size = 0;
	s->snapshot_seq = NO_SNAPSHOT;
	return 0;
}

static int expected(struct store *s, const struct row *r)
{
	const struct root *root = s->vm->root;

	if (r->seq != root->seq + 1)
		return store_fail(s, EUCLEAN,
			"%s is damaged: after line %llu of the journal comes "
			"line %llu",
			s->path, (unsigned long long)root->seq,
			(unsigned long long)r->seq);
	if (r->time != root->ns)
		return store_fail(s, EUCLEAN,
			"%s is damaged: journal row %llu began at %llu ns, "
			"replay arrives there at %llu ns",
			s->path, (unsigned long long)r->seq,
			(unsigned long long)r->time,
			(unsigned long long)root->ns);
	return 0;
}

/* Columns after ROW_COLUMNS: result.lines, result.log_off, result.reply. */
static bool stored_result(
	sqlite3_stmt *st, const struct row *r, struct result *out)
{
	if (sqlite3_column_type(st, 10) == SQLITE_NULL)
		return false;
	out->seq = r->seq;
	out->lines = (uint32_t)sqlite3_column_int64(st, 10);
	out->log_off = (uint64_t)sqlite3_column_int64(st, 11);
	out->reply = sqlite3_column_blob(st, 12);
	out->reply_len = (size_t)sqlite3_column_bytes(st, 12);
	return true;
}

static int replay_row(struct store *s, sqlite3_stmt *st, const struct row *r,
	const struct replay *how)
{
	struct result got, stored;
	struct vm_outcome out;
	struct tap t;
	bool has = stored_result(st, r, &stored);
	int rc = 0;

	tap_begin(&t, s, r, NULL, NULL);
	vm_apply(s->vm, &r->event, tap_reply, &t, &out);
	/* A row whose lines are all blank was being taken back when its
	 * writer died: it has changed nothing. */
	if (!t.lines)
		return 0;
	if (tap_end(&t, s))
		return store_fail(s, ENOMEM, "out of memory");
	got = (struct result){
		r->seq, s->log_size, t.lines, s->reply.data, s->reply.len};
	if (how && how->after)
		rc = how->after(how->ctx, r, &got, has ? &stored : NULL);
	else if (!has &&
		 results_add(s, r->seq, t.lines, got.reply, got.reply_len))
		rc = store_fail(s, ENOMEM, "out of memory");
	s->log_size += t.log_len;
	return rc;
}

static uint64_t last_seq(struct store *s)
{
	sqlite3_stmt *st;
	uint64_t seq = 0;

	if (store_prepare(s, "SELECT max(seq) FROM journal", &st))
		return 0;
	if (sqlite3_step(st) == SQLITE_ROW)
		seq = (uint64_t)sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return seq;
}

static int replay_step(struct store *s, sqlite3_stmt *st, struct bytes *buf,
	const struct replay *how)
{
	struct row r;
	int rc = row_read(s, st, &r, buf);

	if (!rc)
		rc = expected(s, &r);
	if (!rc && how && how->before)
		rc = how->before(how->ctx, &r);
	return rc ? rc : replay_row(s, st, &r, how);
}

int replay(struct store *s, const struct replay *how)
{
	uint64_t t0 = clock_ns(), next = t0 + PROGRESS_NS, total = last_seq(s);
	struct bytes buf = {0};
	unsigned long rows = 0;
	sqlite3_stmt *st;
	int step = SQLITE_DONE,
	    rc = store_prepare(s,
		    "SELECT " ROW_COLUMNS ", r.lines, r.log_off, r.reply "
		    "FROM journal j LEFT JOIN result r ON r.seq = j.seq "
		    "WHERE j.seq > ? ORDER BY j.seq",
		    &st);

	if (rc)
		return rc;
	sqlite3_bind_int64(st, 1, (int64_t)s->vm->root->seq);
	while (!rc && (step = sqlite3_step(st)) == SQLITE_ROW) {
		rc = replay_step(s, st, &buf, how);
		if (++rows % 1024 || clock_ns() < next)
			continue;
		next = clock_ns() + PROGRESS_NS;
		store_notice(s, "replaying the journal: line %llu of %llu",
			(unsigned long long)s->vm->root->seq,
			(unsigned long long)total);
	}
	if (!rc && step != SQLITE_DONE)
		rc = store_sql_fail(s, "read the journal");
	sqlite3_finalize(st);
	bytes_free(&buf);
	s->work_ns += clock_ns() - t0;
	if (!rc && how && how->before)
		rc = how->before(how->ctx, NULL);
	return rc;
}
