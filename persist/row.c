/*
 * One row of the journal.  A text of up to TEXT_INLINE bytes is the command
 * column itself; a longer one goes to payload, and command shows its first
 * line.  Payloads are compressed when that pays.
 */
#include "store_i.h"

#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#define TEXT_INLINE 4096
#define TEXT_SHOWN  160
#define SAMPLE_SIZE 65536

/* Actors with a PID come as prefix, PID, suffix. */
static const struct {
	const char *prefix, *suffix;
} actor_text[NR_ACTOR_KINDS] = {
	[ACTOR_MACHINE] = {"ctl", NULL},
	[ACTOR_PROCESS] = {"proc/", ""},
	[ACTOR_MEM] = {"proc/", "/mem"},
	[ACTOR_TRACE] = {"proc/", "/trace"},
	[ACTOR_STRACE] = {"trace/strace", NULL},
	[ACTOR_DISK] = {"disk", NULL},
	[ACTOR_KERNEL] = {"kernel/ctl", NULL},
};

size_t actor_format(const struct actor *a, char *buf, size_t size)
{
	const char *prefix, *suffix;
	char *p = buf;
	size_t n;

	if (a->kind >= NR_ACTOR_KINDS || size < ACTOR_TEXT_MAX)
		return 0;
	prefix = actor_text[a->kind].prefix;
	suffix = actor_text[a->kind].suffix;
	n = strlen(prefix);
	memcpy(p, prefix, n + 1);
	p += n;
	if (!suffix)
		return n;
	n = decimal_digits(a->id);
	for (uint32_t id = a->id, i = (uint32_t)n; i > 0; id /= 10)
		p[--i] = (char)('0' + id % 10);
	p += n;
	strcpy(p, suffix);
	return (size_t)(p - buf) + strlen(suffix);
}

bool actor_parse(const char *text, struct actor *a)
{
	for (uint32_t k = 0; k < NR_ACTOR_KINDS; k++) {
		const char *prefix = actor_text[k].prefix;
		size_t n = strlen(prefix);
		unsigned long id = 0;
		char *end;

		if (strncmp(text, prefix, n))
			continue;
		end = (char *)text + n;
		if (actor_text[k].suffix) {
			id = strtoul(text + n, &end, 10);
			if (end == text + n || id > UINT32_MAX ||
				strcmp(end, actor_text[k].suffix))
				continue;
		} else if (*end) {
			continue;
		}
		a->kind = k;
		a->id = (uint32_t)id;
		return true;
	}
	return false;
}

/* ---- packing ------------------------------------------------------------ */

static size_t compress(struct store *s, const void *data, size_t len)
{
	size_t bound = ZSTD_compressBound(len), n;
	char *to;

	s->packed.len = 0;
	to = bytes_room(&s->packed, bound);
	if (!to)
		return 0;
	n = ZSTD_compressCCtx(s->cctx, to, bound, data, len, 1);
	return ZSTD_isError(n) ? 0 : n;
}

/* Compressed size if it is worth it, else 0; the bytes are in s->packed. */
static size_t pack(struct store *s, const void *data, size_t len)
{
	size_t n;

	if (len < 256)
		return 0;
	if (len > 4 * SAMPLE_SIZE) {
		n = compress(s, (const char *)data + len / 2, SAMPLE_SIZE);
		if (n > SAMPLE_SIZE - SAMPLE_SIZE / 16)
			return 0;
	}
	n = compress(s, data, len);
	return n <= len - len / 8 ? n : 0;
}

static uint64_t row_sum(const struct row *r, const char *actor)
{
	struct {
		uint64_t seq, time, uid, gid, text_len, blob_len;
	} fixed = {r->seq, r->time, r->event.actor.uid, r->event.actor.gid,
		r->event.text_len, r->event.blob_len};
	XXH64_hash_t h = XXH3_64bits(&fixed, sizeof(fixed));

	h = XXH3_64bits_withSeed(actor, strlen(actor), h);
	if (r->event.text_len)
		h = XXH3_64bits_withSeed(r->event.text, r->event.text_len, h);
	if (r->event.blob_len)
		h = XXH3_64bits_withSeed(r->event.blob, r->event.blob_len, h);
	return h;
}

static void bind_text(sqlite3_stmt *st, int col, const char *text, size_t len)
{
	/* SQL functions stop at a NUL byte in a text: such a line is bytes. */
	if (memchr(text, 0, len))
		sqlite3_bind_blob64(st, col, text, len, SQLITE_STATIC);
	else
		sqlite3_bind_text64(
			st, col, text, len, SQLITE_STATIC, SQLITE_UTF8);
}

static void bind_payload(struct store *s, sqlite3_stmt *st, bool is_text,
	const void *data, size_t len)
{
	size_t n = pack(s, data, len);
	const char *encoding;

	if (is_text)
		encoding = n ? "text-zstd" : "text";
	else
		encoding = n ? "zstd" : "raw";
	sqlite3_bind_text(st, 7, encoding, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 8, (int64_t)len);
	sqlite3_bind_blob64(
		st, 9, n ? s->packed.data : data, n ? n : len, SQLITE_STATIC);
}

static int row_write(struct store *s, sqlite3_stmt *st, const struct row *r)
{
	const struct event *e = &r->event;
	size_t shown = e->text_len, n;
	uint64_t commits = s->commits;
	char actor[ACTOR_TEXT_MAX];
	const char *nl;
	int rc;

	n = actor_format(&e->actor, actor, sizeof(actor));
	if (!e->blob && shown > TEXT_INLINE) {
		nl = memchr(e->text, '\n', TEXT_SHOWN);
		shown = nl ? (size_t)(nl - e->text) : TEXT_SHOWN;
	}
	sqlite3_bind_int64(st, 1, (int64_t)r->seq);
	sqlite3_bind_int64(st, 2, (int64_t)r->time);
	sqlite3_bind_text(st, 3, actor, (int)n, SQLITE_STATIC);
	sqlite3_bind_int64(st, 4, e->actor.uid);
	sqlite3_bind_int64(st, 5, e->actor.gid);
	bind_text(st, 6, e->text, shown);
	if (e->blob)
		bind_payload(s, st, false, e->blob, e->blob_len);
	else if (e->text_len > TEXT_INLINE)
		bind_payload(s, st, true, e->text, e->text_len);
	sqlite3_bind_int64(st, 10, (int64_t)row_sum(r, actor));
	rc = burst_step(s, st);
	sqlite3_reset(st);
	if (e->blob || e->text_len > TEXT_INLINE)
		sqlite3_clear_bindings(st);
	/* SQLite may find no memory when all is done. */
	return rc == SQLITE_DONE || s->commits != commits
		       ? 0
		       : store_sql_fail(s, "journal the command");
}

int row_insert(struct store *s, const struct row *r)
{
	return row_write(s, s->insert_row, r);
}

int row_replace(struct store *s, const struct row *r)
{
	return row_write(s, s->replace_row, r);
}

/* ---- reading ------------------------------------------------------------ */

static int bad_row(struct store *s, const struct row *r, const char *what)
{
	return store_fail(s, EUCLEAN,
		"%s is damaged: journal row %llu %s; pagefs --check tells more",
		s->path, (unsigned long long)r->seq, what);
}

static int unpack(struct store *s, const void *data, size_t len, size_t size,
	struct bytes *buf)
{
	char *to;
	size_t n;

	buf->len = 0;
	/* A damaged size must not take all memory: a frame knows its own. */
	if (ZSTD_getFrameContentSize(data, len) != size)
		return -EUCLEAN;
	to = bytes_room(buf, size ? size : 1);
	if (!to)
		return -ENOMEM;
	n = ZSTD_decompressDCtx(s->dctx, to, size, data, len);
	if (ZSTD_isError(n) || n != size)
		return -EUCLEAN;
	buf->len = n;
	return 0;
}

/* Points *data at the payload, unpacked into buf if it is compressed. */
static int read_payload(struct store *s, sqlite3_stmt *st, const char *encoding,
	struct bytes *buf, const void **data, size_t *len)
{
	const char *dash = strstr(encoding, "zstd");
	size_t size = (size_t)sqlite3_column_int64(st, 7);
	int rc;

	*data = sqlite3_column_blob(st, 8);
	*len = (size_t)sqlite3_column_bytes(st, 8);
	if (!dash)
		return *len == size ? 0 : -EUCLEAN;
	rc = unpack(s, *data, *len, size, buf);
	*data = buf->data;
	*len = size;
	return rc;
}

int row_read(
	struct store *s, sqlite3_stmt *st, struct row *r, struct bytes *buf)
{
	const char *encoding = (const char *)sqlite3_column_text(st, 6);
	const char *actor = (const char *)sqlite3_column_text(st, 2);
	struct event *e = &r->event;
	const void *data = NULL;
	size_t len = 0;
	int rc = 0;

	memset(r, 0, sizeof(*r));
	r->seq = (uint64_t)sqlite3_column_int64(st, 0);
	r->time = (uint64_t)sqlite3_column_int64(st, 1);
	if (!actor || !actor_parse(actor, &e->actor))
		return bad_row(s, r, "has an unknown actor");
	e->actor.uid = (uint32_t)sqlite3_column_int64(st, 3);
	e->actor.gid = (uint32_t)sqlite3_column_int64(st, 4);
	e->text = sqlite3_column_blob(st, 5);
	e->text_len = (size_t)sqlite3_column_bytes(st, 5);
	if (encoding)
		rc = read_payload(s, st, encoding, buf, &data, &len);
	if (rc == -ENOMEM)
		return store_fail(s, ENOMEM, "out of memory");
	if (rc)
		return bad_row(s, r, "has a payload that does not unpack");
	if (encoding && !strncmp(encoding, "text", 4)) {
		e->text = data;
		e->text_len = len;
	} else if (encoding) {
		/* a command that takes data tells none from empty */
		e->blob = data ? data : "";
		e->blob_len = len;
	}
	if (row_sum(r, actor) != (uint64_t)sqlite3_column_int64(st, 9))
		return bad_row(s, r, "fails its checksum");
	return 0;
}
