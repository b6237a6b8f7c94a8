/*
 * The queue of replies of one open file; see replies.h.
 *
 *	buf  |  read before  | last read  |      unread      |
 *	                     ^            ^ next             ^ len
 */
#include "replies.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Forgets what cannot be read again. */
static void replies_compact(struct replies *r)
{
	size_t gone = r->next - r->last_read;

	if (!gone)
		return;
	memmove(r->buf, r->buf + gone, r->len - gone);
	r->len -= gone;
	r->next -= gone;
}

/* Drops the oldest unread lines until n bytes fit below the limit. */
static void replies_drop(struct replies *r, size_t n)
{
	while (r->len > r->next && r->len - r->next + n > REPLIES_LIMIT) {
		char *from = r->buf + r->next;
		char *nl = memchr(from, '\n', r->len - r->next);

		r->next = nl ? (size_t)(nl - r->buf) + 1 : r->len;
		r->dropped++;
	}
	r->last_read = 0;
	replies_compact(r);
}

void replies_add(struct replies *r, const char *line, size_t len)
{
	if (r->len - r->next + len + 1 > REPLIES_LIMIT)
		replies_drop(r, REPLIES_LIMIT / 4);
	if (r->len + len + 1 > r->cap) {
		size_t cap = r->cap ? r->cap : 256;
		char *p;

		replies_compact(r);
		while (cap < r->len + len + 1)
			cap += cap;
		p = realloc(r->buf, cap);
		if (!p) {
			r->dropped++;
			return;
		}
		r->buf = p;
		r->cap = cap;
	}
	memcpy(r->buf + r->len, line, len);
	r->buf[r->len + len] = '\n';
	r->len += len + 1;
}

/* Puts the notice of dropped lines before the unread ones. */
static void replies_notice(struct replies *r)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "# %llu replies dropped\n",
		(unsigned long long)r->dropped);
	char *p = realloc(r->buf, r->len + (size_t)n);

	if (!p)
		return;
	memmove(p + r->next + n, p + r->next, r->len - r->next);
	memcpy(p + r->next, text, (size_t)n);
	r->buf = p;
	r->len += (size_t)n;
	r->cap = r->len;
	r->dropped = 0;
}

void replies_seek(struct replies *r, uint64_t off)
{
	if (off < r->pos && r->pos - off <= r->last_read) {
		r->next -= r->pos - off;
		r->last_read -= r->pos - off;
	}
	r->pos = off;
}

size_t replies_read(
	struct replies *r, uint64_t off, size_t len, const char **data)
{
	replies_seek(r, off);
	if (r->dropped)
		replies_notice(r);
	if (len > r->len - r->next)
		len = r->len - r->next;
	*data = r->buf + r->next;
	r->next += len;
	r->last_read = len;
	r->pos = off + len;
	return len;
}

void replies_wrote(struct replies *r, uint64_t off, size_t n)
{
	replies_seek(r, off);
	r->last_read = 0;
	r->pos = off + n;
	if (r->next == r->len)
		r->next = r->len = 0;
}

void replies_free(struct replies *r)
{
	free(r->buf);
	memset(r, 0, sizeof(*r));
}
