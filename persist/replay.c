/*
 * Applying journal rows: at mount those after the saved state, in --check all,
 * for a past moment those up to it.
 *
 * Rows are fetched some hundred at a time and applied from memory: while a
 * past moment's rows are applied, the live machine's store is free.
 */
#include "store_i.h"

#include <stdlib.h>

#include "../host/host.h"
#include "../vm/machine.h"

#define PROGRESS_NS 1000000000u
#define BAR_NS	    100000000u
#define BATCH_ROWS  512
#define BATCH_BYTES (1u << 20)

int replay_boot(struct store *s)
{
	char err[SENTENCE_MAX] = "";

	if (s->course.v[0].line > 1)
		return store_fail(s, EUCLEAN,
			"the history of %s begins with the state after line "
			"%llu, which is damaged or of another version",
			s->path, (unsigned long long)s->course.v[0].first - 1);
	s->vm = vm_boot(&s->config, &host_mmap, err);
	if (!s->vm)
		return store_fail(s, ENOMEM, "%s", err);
	s->track = track_new(s->vm);
	if (!s->track)
		return store_fail(s, ENOMEM, "out of memory");
	s->log_size = 0;
	s->snapshot_seq = NO_SNAPSHOT;
	return 0;
}

/* ---- rows in memory ------------------------------------------------------ */

struct fetched {
	struct row row;
	struct result stored;
	bool has_result;
	size_t text_at, blob_at, reply_at; /* in batch.bytes */
};

struct batch {
	struct fetched v[BATCH_ROWS];
	unsigned nr;
	struct bytes bytes, unpacked;
	uint64_t after, last; /* the lines to fetch */
};

static bool keep_bytes(
	struct batch *b, const void *data, size_t len, size_t *at)
{
	*at = b->bytes.len;
	return !len || bytes_add(&b->bytes, data, len);
}

static int fetch_row(struct store *s, sqlite3_stmt *st, struct batch *b)
{
	struct fetched *f = &b->v[b->nr];
	struct event *e = &f->row.event;
	int rc = row_read(s, st, &f->row, &b->unpacked);

	if (rc)
		return rc;
	memset(&f->stored, 0, sizeof(f->stored));
	f->has_result = sqlite3_column_type(st, 10) != SQLITE_NULL;
	if (f->has_result)
		result_read(st, 10, &f->stored);
	if (!keep_bytes(b, e->text, e->text_len, &f->text_at) ||
		!keep_bytes(b, e->blob, e->blob_len, &f->blob_at) ||
		!keep_bytes(
			b, f->stored.reply, f->stored.reply_len, &f->reply_at))
		return store_fail(s, ENOMEM, "out of memory");
	b->nr++;
	return 0;
}

/* The bytes have stopped moving. */
static void settle(struct batch *b)
{
	for (unsigned i = 0; i < b->nr; i++) {
		struct fetched *f = &b->v[i];

		f->row.event.text = b->bytes.data + f->text_at;
		if (f->row.event.blob)
			f->row.event.blob = b->bytes.data + f->blob_at;
		f->stored.reply = b->bytes.data + f->reply_at;
	}
}

static int fetch(struct store *s, struct batch *b)
{
	sqlite3_stmt *st;
	int step = SQLITE_DONE,
	    rc = store_prepare(s,
		    "SELECT " ROW_COLUMNS ", " RESULT_COLUMNS " "
		    "FROM journal j LEFT JOIN result r ON r.seq = j.seq "
		    "WHERE j.seq > ? AND j.seq <= ? ORDER BY j.seq",
		    &st);

	b->nr = 0;
	b->bytes.len = 0;
	if (rc)
		return rc;
	sqlite3_bind_int64(st, 1, (int64_t)b->after);
	sqlite3_bind_int64(
		st, 2, b->last > INT64_MAX ? INT64_MAX : (int64_t)b->last);
	while (!rc && b->nr < BATCH_ROWS && b->bytes.len < BATCH_BYTES &&
		(step = sqlite3_step(st)) == SQLITE_ROW)
		rc = fetch_row(s, st, b);
	if (!rc && step != SQLITE_DONE && step != SQLITE_ROW)
		rc = store_sql_fail(s, "read the journal");
	sqlite3_finalize(st);
	settle(b);
	if (b->nr)
		b->after = b->v[b->nr - 1].row.seq;
	return rc;
}

/* ---- applying ----------------------------------------------------------- */

static int expected(struct store *s, const struct row *r)
{
	const struct root *root = s->vm->root;
	if (r->seq != course_seq(&s->course, root->seq + 1))
		return store_fail(s, EUCLEAN,
			"%s is damaged: after line %llu of the journal comes "
			"line %llu",
			s->path,
			(unsigned long long)course_seq(&s->course, root->seq),
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

/* Shortens a row to its first lines where the path leaves it.  Every command
 * has a byte and a newline at least. */
static bool cut_row(struct row *r, uint64_t last)
{
	uint64_t lines = last - r->seq + 1;
	size_t pos = 0, len;
	const char *line;

	if (r->event.blob || lines > r->event.text_len / 2)
		return false;
	while (lines &&
		next_line(r->event.text, r->event.text_len, &pos, &line, &len))
		lines--;
	if (lines || pos == r->event.text_len)
		return false;
	r->event.text_len = pos;
	return true;
}

static int apply_row(struct store *s, struct fetched *f,
	const struct replay *how, uint64_t last)
{
	bool cut = cut_row(&f->row, last);
	struct vm_outcome out;
	struct result got;
	struct tap t;
	int rc = expected(s, &f->row);

	if (!rc && how && how->before)
		rc = how->before(how->ctx, &f->row);
	if (rc)
		return rc;
	tap_begin(&t, s, &f->row, NULL, NULL);
	vm_apply(s->vm, &f->row.event, tap_reply, &t, &out);
	/* A row whose lines are all blank was being taken back when its
	 * writer died: it has changed nothing. */
	if (!t.lines)
		return 0;
	if (tap_end(&t, s))
		return store_fail(s, ENOMEM, "out of memory");
	got = (struct result){.seq = f->row.seq,
		.log_off = s->log_size,
		.lines = t.lines,
		.reply = s->reply.data,
		.reply_len = s->reply.len};
	if (how && how->after && !cut)
		rc = how->after(how->ctx, &f->row, &got,
			f->has_result ? &f->stored : NULL);
	else if ((!f->has_result || f->stored.bad) && !cut &&
		 results_add(s, got.seq, t.lines, got.reply, got.reply_len))
		rc = store_fail(s, ENOMEM, "out of memory");
	s->log_size += t.log_len;
	return rc;
}

static void progress(struct store *s, uint64_t *next, uint64_t total)
{
	uint64_t now = clock_coarse_ns(), line;

	if (now < *next)
		return;
	line = course_seq(&s->course, s->vm->root->seq);
	*next = now + (s->progress ? BAR_NS : PROGRESS_NS);
	if (!s->progress)
		store_notice(s, "replaying the journal: line %llu of %llu",
			(unsigned long long)line, (unsigned long long)total);
	else if (line < total) /* replay() tells the end */
		s->progress(s->notice_ctx, line, total);
}

static uint64_t last_seq(struct store *s)
{
	uint64_t seq = s->course.v[s->course.nr - 1].last;

	if (seq == UINT64_MAX)
		store_number(s, "SELECT max(seq) FROM journal",
			"read the journal", &seq); /* 0 if it fails */
	return seq;
}

/* The rows of a batch; nothing of the database is needed. */
static int apply_rows(struct store *s, struct batch *b,
	const struct replay *how, uint64_t *next, uint64_t total)
{
	int rc = 0;

	for (unsigned i = 0; i < b->nr && !rc; i++) {
		rc = apply_row(s, &b->v[i], how, b->last);
		if (!rc && s->stop && atomic_load(s->stop))
			rc = store_fail(s, EINTR, "given up");
		progress(s, next, total);
	}
	return rc;
}

static int replay_stretch(struct store *s, struct batch *b,
	const struct replay *how, uint64_t *next, uint64_t total)
{
	int rc;

	do {
		rc = fetch(s, b);
		store_let_go(s);
		if (!rc)
			rc = apply_rows(s, b, how, next, total);
		if (store_take_back(s) && !rc)
			rc = -EINTR;
	} while (!rc && b->nr);
	return rc;
}

int replay(struct store *s, const struct replay *how)
{
	uint64_t t0 = clock_ns(), next = t0 + PROGRESS_NS, total = last_seq(s);
	struct batch *b = calloc(1, sizeof(*b));
	int rc = b ? 0 : store_fail(s, ENOMEM, "out of memory");

	for (unsigned i = 0; i < s->course.nr && !rc; i++) {
		const struct stretch *v = &s->course.v[i];
		uint64_t done = s->vm->root->seq + 1;

		done = done > v->line ? done - v->line : 0;
		if (v->last < v->first + done)
			continue;
		b->after = v->first + done - 1;
		b->last = v->last;
		rc = replay_stretch(s, b, how, &next, total);
	}
	if (b) {
		bytes_free(&b->bytes);
		bytes_free(&b->unpacked);
	}
	free(b);
	s->work_ns += clock_ns() - t0;
	if (s->progress && next != t0 + PROGRESS_NS)
		s->progress(s->notice_ctx, total, total);
	if (!rc && how && how->before)
		rc = how->before(how->ctx, NULL);
	return rc;
}
