/*
 * What executed rows replied.  While a row runs, a tap run-length encodes its
 * replies and adds up the length of its log lines without rendering them.
 * Finished rows wait in memory and are written many at a time: the hot path
 * stays one INSERT, and a crash loses nothing that replay does not restore.
 *
 * The encoding: a row with one line has its reply as it is; a row with
 * several has a line `COUNT REPLY` for each run of equal replies.
 */
#include "store_i.h"

#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

unsigned decimal_digits(uint64_t n)
{
	unsigned d = 1;

	while (n >= 10) {
		n /= 10;
		d++;
	}
	return d;
}

/* "SEQ SECONDS.NANOSECONDS ACTOR COMMAND = REPLY\n" without the three that
 * differ from line to line. */
size_t log_fixed_len(const struct row *r)
{
	char actor[ACTOR_TEXT_MAX];
	size_t n = actor_format(&r->event.actor, actor, sizeof(actor));

	return 1 + decimal_digits(r->time / 1000000000u) + 1 + 9 + 1 + n + 1 +
	       3 + 1;
}

void tap_begin(struct tap *t, struct store *s, const struct row *r,
	vm_reply_fn *fn, void *ctx)
{
	t->fn = fn;
	t->ctx = ctx;
	t->text = r->event.text;
	t->text_len = r->event.text_len;
	t->text_pos = 0;
	t->seq = r->seq;
	t->log_len = 0;
	t->fixed_len = log_fixed_len(r);
	t->lines = 0;
	t->run = 0;
	t->out = &s->reply;
	t->no_memory = false;
	s->reply.len = 0;
}

static bool same_reply(const struct reply *a, const struct reply *b)
{
	return a->value == b->value && a->kind == b->kind && !a->err &&
	       !b->err && a->kind != REPLY_TEXT;
}

static void end_run(struct tap *t)
{
	char count[24];
	int n = snprintf(
		count, sizeof(count), "%llu ", (unsigned long long)t->run);

	t->no_memory |= !bytes_add(t->out, count, (size_t)n) ||
			!bytes_add(t->out, t->cur, t->cur_len) ||
			!bytes_add(t->out, "\n", 1);
}

static void format_reply(struct tap *t, const struct reply *r)
{
	size_t n = vm_reply_format(r, t->cur, sizeof(t->cur));

	if (n >= sizeof(t->cur))
		n = sizeof(t->cur) - 1;
	for (char *p = t->cur; (p = memchr(p, '\n', n - (size_t)(p - t->cur)));)
		*p = ' ';
	t->cur_len = n;
	t->last.err = r->err;
	t->last.kind = r->kind;
	t->last.value = r->value;
}

void tap_reply(void *ctx, const struct reply *r, const char *line, size_t len)
{
	struct tap *t = ctx;
	const char *mine;
	size_t mine_len;

	if (t->fn)
		t->fn(t->ctx, r, line, len);
	if (t->run && same_reply(r, &t->last)) {
		t->run++;
	} else {
		if (t->run)
			end_run(t);
		format_reply(t, r);
		t->run = 1;
	}
	if (!next_line(t->text, t->text_len, &t->text_pos, &mine, &mine_len))
		mine_len = 0;
	t->lines++;
	t->log_len +=
		t->fixed_len + mine_len + t->cur_len + decimal_digits(t->seq++);
}

int tap_end(struct tap *t, struct store *s)
{
	if (t->lines > 1)
		end_run(t);
	else if (t->lines)
		t->no_memory |= !bytes_add(t->out, t->cur, t->cur_len);
	return t->no_memory ? -ENOMEM : 0;
}

/* ---- pending ------------------------------------------------------------ */

int results_add(struct store *s, uint64_t seq, uint32_t lines,
	const char *reply, size_t len)
{
	struct results *r = &s->results;
	struct pending_result *v = r->v;

	if (r->nr == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 256;

		v = realloc(v, cap * sizeof(*v));
		if (!v)
			return -ENOMEM;
		r->v = v;
		r->cap = cap;
	}
	v[r->nr] = (struct pending_result){.seq = seq,
		.log_off = s->log_size,
		.lines = lines,
		.reply_len = (uint32_t)len,
		.reply_at = r->text.len};
	if (!bytes_add(&r->text, reply, len))
		return -ENOMEM;
	r->nr++;
	return 0;
}

void results_clear(struct store *s)
{
	s->results.nr = 0;
	s->results.text.len = 0;
}

static uint64_t result_sum(uint64_t seq, uint64_t lines, uint64_t log_off,
	const void *reply, size_t len)
{
	uint64_t fixed[] = {seq, lines, log_off, len};
	XXH64_hash_t h = XXH3_64bits(fixed, sizeof(fixed));

	return len ? XXH3_64bits_withSeed(reply, len, h) : h;
}

int results_write(struct store *s)
{
	sqlite3_stmt *st = s->insert_result;
	int rc = 0;

	for (size_t i = 0; i < s->results.nr && !rc; i++) {
		const struct pending_result *p = &s->results.v[i];
		const char *reply = s->results.text.data + p->reply_at;

		sqlite3_bind_int64(st, 1, (int64_t)p->seq);
		sqlite3_bind_int64(st, 2, p->lines);
		sqlite3_bind_int64(st, 3, (int64_t)p->log_off);
		sqlite3_bind_text64(
			st, 4, reply, p->reply_len, SQLITE_STATIC, SQLITE_UTF8);
		sqlite3_bind_int64(st, 5,
			(int64_t)result_sum(p->seq, p->lines, p->log_off, reply,
				p->reply_len));
		if (sqlite3_step(st) != SQLITE_DONE)
			rc = store_sql_fail(s, "write the results");
		sqlite3_reset(st);
	}
	sqlite3_clear_bindings(st);
	return rc;
}

int results_flush(struct store *s)
{
	int rc;

	if (!s->results.nr || s->read_only)
		return 0;
	rc = burst_begin(s);
	if (!rc)
		rc = results_write(s);
	if (!rc)
		rc = burst_commit(s);
	if (rc)
		store_rollback(s);
	else
		results_clear(s);
	return rc;
}

/* ---- finding ------------------------------------------------------------ */

static bool find_pending(struct store *s, uint64_t seq, struct result *out)
{
	const struct pending_result *v = s->results.v;
	size_t lo = 0, hi = s->results.nr;

	if (!hi || v[0].seq > seq)
		return false;
	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;

		if (v[mid].seq <= seq)
			lo = mid;
		else
			hi = mid;
	}
	if (seq >= v[lo].seq + v[lo].lines)
		return false;
	*out = (struct result){.seq = v[lo].seq,
		.log_off = v[lo].log_off,
		.lines = v[lo].lines,
		.reply = s->results.text.data + v[lo].reply_at,
		.reply_len = v[lo].reply_len};
	return true;
}

void result_read(sqlite3_stmt *st, int col, struct result *out)
{
	memset(out, 0, sizeof(*out));
	out->seq = (uint64_t)sqlite3_column_int64(st, col);
	out->lines = (uint32_t)sqlite3_column_int64(st, col + 1);
	out->log_off = (uint64_t)sqlite3_column_int64(st, col + 2);
	out->reply = sqlite3_column_blob(st, col + 3);
	out->reply_len = (size_t)sqlite3_column_bytes(st, col + 3);
	out->bad = result_sum(out->seq,
			   (uint64_t)sqlite3_column_int64(st, col + 1),
			   out->log_off, out->reply, out->reply_len) !=
		   (uint64_t)sqlite3_column_int64(st, col + 4);
}

int result_find(struct store *s, uint64_t seq, struct result *out)
{
	sqlite3_stmt *st = s->find_result;
	int step;

	memset(out, 0, sizeof(*out));
	if (find_pending(s, seq, out) ||
		(s->parent && find_pending(s->parent, seq, out)))
		return 1;
	sqlite3_reset(st);
	sqlite3_bind_int64(st, 1, (int64_t)seq);
	step = sqlite3_step(st);
	if (step == SQLITE_ROW) {
		result_read(st, 0, out);
		if (!out->bad)
			return 1;
		sqlite3_reset(st);
		return store_fail(s, EUCLEAN,
			"%s is damaged: the result of line %llu fails its "
			"checksum; pagefs --check tells more",
			s->path, (unsigned long long)out->seq);
	}
	if (step == SQLITE_DONE) {
		sqlite3_reset(st);
		return 0;
	}
	step = store_sql_fail(s, "read the log");
	sqlite3_reset(st);
	return step;
}
