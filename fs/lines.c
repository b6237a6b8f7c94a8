/*
 * Command lines from chunks; see lines.h.
 *
 * One write is
 *
 *	buf     |rest of a line \n| line \n line \n | beginning of a line|
 *	        |<------------ whole, one run ----->|<----- kept ------->|
 *
 * where the rest completes what an earlier write left in l->buf.
 */
#include "lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool lines_append(struct lines *l, const char *s, size_t n)
{
	if (n > l->cap - l->len) {
		size_t cap = l->cap ? l->cap : 256;
		char *p;

		while (cap - l->len < n)
			cap += cap;
		p = realloc(l->buf, cap);
		if (!p)
			return false;
		l->buf = p;
		l->cap = cap;
	}
	if (n)
		memcpy(l->buf + l->len, s, n);
	l->len += n;
	return true;
}

void lines_free(struct lines *l)
{
	free(l->buf);
	memset(l, 0, sizeof(*l));
}

/* Bytes of leading lines that are blank or comments: they need no run. */
static size_t skip_silent(const char *s, size_t len)
{
	size_t done = 0;

	for (;;) {
		size_t i = done;
		const char *nl;

		while (i < len && (s[i] == ' ' || s[i] == '\t'))
			i++;
		if (i == len)
			return len;
		if (s[i] != '\n' && s[i] != '#')
			return done;
		nl = memchr(s + i, '\n', len - i);
		if (!nl)
			return len;
		done = (size_t)(nl - s) + 1;
	}
}

/* Length of the line at s, newline included. */
static size_t line_length(const char *s, size_t len)
{
	const char *nl = memchr(s, '\n', len);

	return nl ? (size_t)(nl - s) + 1 : len;
}

/* The start of the line that holds position at. */
static size_t line_start(const char *s, size_t at)
{
	const char *nl = at ? memrchr(s, '\n', at) : NULL;

	return nl ? (size_t)(nl - s) + 1 : 0;
}

/*
 * Runs a text of whole lines.  0, or the errno of the line at done->bytes.
 * A line with a NUL byte is no text: it fails without a run.
 */
static int run_text(const char *text, size_t len, uint64_t age,
	const struct lines_ops *ops, void *ctx, struct lines_done *done)
{
	const char *nul = memchr(text, 0, len);
	size_t good = nul ? line_start(text, (size_t)(nul - text)) : len;
	size_t skip = skip_silent(text, good);
	int err = 0;

	*done = (struct lines_done){.bytes = 0, .age = age};
	if (skip < good) {
		err = ops->run(ctx, text + skip, good - skip, done);
		done->bytes += skip;
	}
	if (err || !nul)
		return err;
	done->bytes = good;
	ops->refuse(ctx, EINVAL,
		"a command line holds no NUL bytes: this looks like binary "
		"data");
	return EINVAL;
}

/*
 * The line in this write at `start` failed: keeps its bytes for a retry.
 * Returns what the write returns.
 */
static int64_t fail_at(struct lines *l, const char *buf, size_t start,
	size_t len, int err, uint64_t age)
{
	l->len = 0;
	l->failed = 0;
	/* who is interrupted and sends the line again wants it to run */
	if ((start || err != EINTR) && lines_append(l, buf + start, len)) {
		l->failed = err;
		l->age = age;
		l->delivered = start == 0;
	}
	return start ? (int64_t)start : -err;
}

/*
 * A write that begins with the failed line is its retry.  Once the client has
 * seen the errno and the machine has moved on, the same bytes are a new
 * attempt; while it has not, running them again would give the same answer.
 */
static bool is_retry(struct lines *l, const char *buf, size_t len, uint64_t age)
{
	return len >= l->len && memcmp(buf, l->buf, l->len) == 0 &&
	       (!l->delivered || l->age == age);
}

static int64_t keep_tail(struct lines *l, const char *buf, size_t whole,
	size_t len, uint64_t age, const struct lines_ops *ops, void *ctx)
{
	size_t tail = len - whole;
	int err = 0;

	if (memchr(buf + whole, 0, tail)) {
		err = EINVAL;
		ops->refuse(ctx, err,
			"a command line holds no NUL bytes: this looks like "
			"binary data");
	} else if (l->len + tail > LINE_LIMIT) {
		err = E2BIG;
		ops->refuse(ctx, err,
			"a command line is longer than 1048576 bytes");
	} else if (!lines_append(l, buf + whole, tail)) {
		err = ENOMEM;
		ops->refuse(ctx, err, "no memory for a line of the client");
	}
	return err ? fail_at(l, buf, whole, tail, err, age) : (int64_t)len;
}

int64_t lines_write(struct lines *l, const char *buf, size_t len, uint64_t age,
	const struct lines_ops *ops, void *ctx)
{
	struct lines_done done;
	const char *nl;
	size_t whole, before;
	int err;

	if (l->failed) {
		if (is_retry(l, buf, len, age)) {
			err = l->failed;
			if (l->delivered)
				ops->again(ctx);
			l->delivered = true;
			if (err == EINTR) /* see fail_at() */
				l->len = l->failed = 0;
			return -err;
		}
		l->failed = 0;
		l->len = 0;
	}
	nl = memrchr(buf, '\n', len);
	whole = nl ? (size_t)(nl - buf) + 1 : 0;
	if (!whole)
		return keep_tail(l, buf, 0, len, age, ops, ctx);

	before = l->len;
	if (before + line_length(buf, len) > LINE_LIMIT + 1) {
		ops->refuse(ctx, E2BIG,
			"a command line is longer than 1048576 bytes");
		return fail_at(l, buf, 0, line_length(buf, len), E2BIG, age);
	}
	if (before && !lines_append(l, buf, whole)) {
		ops->refuse(ctx, ENOMEM, "no memory for a line of the client");
		return fail_at(l, buf, 0, line_length(buf, len), ENOMEM, age);
	}
	err = before ? run_text(l->buf, l->len, age, ops, ctx, &done)
		     : run_text(buf, whole, age, ops, ctx, &done);
	l->len = 0;
	if (err) {
		size_t start = done.bytes > before ? done.bytes - before : 0;

		return fail_at(l, buf, start,
			line_length(buf + start, len - start), err, done.age);
	}
	return keep_tail(l, buf, whole, len, done.age, ops, ctx);
}

int lines_flush(struct lines *l, const struct lines_ops *ops, void *ctx)
{
	struct lines_done done;
	size_t len = l->len;

	if (l->failed || !len)
		return 0;
	l->len = 0;
	return -run_text(l->buf, len, 0, ops, ctx, &done);
}
