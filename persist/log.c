/*
 * The journal as text, read at any offset.  Every row knows the offset of its
 * first line, offsets grow with line numbers, so a binary search over line
 * numbers finds the row; within it lines are stepped over by their lengths.
 * A cursor stays where the last read ended, so that reading on is linear.
 */
#include "store_i.h"

#include <stdio.h>
#include <stdlib.h>

#include "../vm/machine.h"

uint64_t store_log_size(struct store *s)
{
	uint64_t size;

	store_lock(s);
	size = s->log_size - s->log_base;
	store_unlock(s);
	return size;
}

static int gap(struct store *s, uint64_t seq)
{
	if (s->result_lost || (s->parent && s->parent->result_lost))
		return store_fail(s, ENOMEM,
			"there was no memory for the reply of line %llu; the "
			"next mount has it again",
			(unsigned long long)seq);
	return store_fail(s, EUCLEAN,
		"%s is damaged: no journal row or result for line %llu",
		s->path, (unsigned long long)seq);
}

/* Sets cur, cur_len and run_left to the next run of the row's replies. */
static void next_run(struct log_cursor *c)
{
	const char *p = c->reply.data + c->reply_pos;
	const char *end = c->reply.data + c->reply.len;
	const char *nl;
	char *after;

	if (c->plain) {
		c->run_left = 1;
		c->cur = c->reply.data;
		c->cur_len = c->reply.len;
		return;
	}
	/* bytes_add() put a NUL behind the text: strtoull stops there */
	c->run_left = strtoull(p, &after, 10);
	p = *after == ' ' ? after + 1 : after;
	nl = memchr(p, '\n', (size_t)(end - p));
	c->cur = p;
	c->cur_len = (size_t)((nl ? nl : end) - p);
	c->reply_pos = (size_t)((nl ? nl + 1 : end) - c->reply.data);
}

static int copy_row(struct store *s, const struct result *r)
{
	struct log_cursor *c = &s->cursor;
	struct bytes unpacked = {0};
	int rc, step;

	c->reply.len = 0;
	if (!bytes_add(&c->reply, r->reply, r->reply_len) ||
		!bytes_add(&c->reply, "", 1))
		return store_fail(s, ENOMEM, "out of memory");
	c->reply.len--;
	sqlite3_bind_int64(s->select_row, 1, (int64_t)r->seq);
	step = sqlite3_step(s->select_row);
	if (step == SQLITE_ROW)
		rc = row_read(s, s->select_row, &c->row, &unpacked);
	else if (step == SQLITE_DONE)
		rc = gap(s, r->seq);
	else
		rc = store_sql_fail(s, "read the log");
	c->text.len = 0;
	if (!rc &&
		!bytes_add(&c->text, c->row.event.text, c->row.event.text_len))
		rc = store_fail(s, ENOMEM, "out of memory");
	sqlite3_reset(s->select_row);
	bytes_free(&unpacked);
	return rc;
}

/* The result of the row that holds line `seq`, without the lines that are not
 * on the path because it leaves the row in its middle. */
static int find_row(struct store *s, uint64_t seq, struct result *r)
{
	const struct course *c = &s->course;
	int rc = result_find(s, seq, r);
	uint64_t end;

	if (rc < 0)
		return rc;
	if (!rc || !r->lines || r->seq + r->lines <= seq ||
		!course_has(c, r->seq))
		return gap(s, seq);
	end = course_line(c, r->seq) + r->lines;
	for (unsigned i = 1; i < c->nr; i++)
		if (course_line(c, r->seq) < c->v[i].line && end > c->v[i].line)
			end = c->v[i].line;
	if (end > s->vm->root->seq + 1)
		end = s->vm->root->seq + 1;
	end -= course_line(c, r->seq);
	r->cut = end < r->lines;
	r->lines = (uint32_t)end;
	return 0;
}

/* Puts the cursor at the beginning of the row that holds line `seq`. */
static int load_row(struct store *s, uint64_t seq)
{
	struct log_cursor *c = &s->cursor;
	struct result r;
	int rc = find_row(s, seq, &r);

	c->valid = false;
	if (rc)
		return rc;
	c->last = r.seq + r.lines - 1;
	c->lines = r.lines;
	c->plain = r.lines == 1 && !r.cut;
	c->off = r.log_off;
	rc = copy_row(s, &r);
	if (rc)
		return rc;
	actor_format(&c->row.event.actor, c->actor, sizeof(c->actor));
	c->line_no = 0;
	c->text_pos = 0;
	c->reply_pos = 0;
	c->run_left = 0;
	c->valid = true;
	return 0;
}

static int locate(struct store *s, uint64_t off)
{
	const struct course *c = &s->course;
	uint64_t lo = c->v[0].line, hi = s->vm->root->seq, at;
	struct result r;

	while (lo < hi) {
		uint64_t mid = lo + (hi - lo + 1) / 2;
		int rc = find_row(s, course_seq(c, mid), &r);

		if (rc)
			return rc;
		at = course_line(c, r.seq);
		if (r.log_off > off)
			hi = at - 1;
		else
			lo = at + r.lines - 1;
	}
	return load_row(s, course_seq(c, lo));
}

/* Renders the line the cursor is at, unless it ends at or before `off`. */
static bool render(struct log_cursor *c, uint64_t off, size_t *len)
{
	const char *cmd = "";
	size_t cmd_len = 0, head;
	char *to;

	if (!c->run_left)
		next_run(c);
	next_line(c->text.data, c->text.len, &c->text_pos, &cmd, &cmd_len);
	*len = log_fixed_len(&c->row) +
	       decimal_digits(c->row.seq + c->line_no) + cmd_len + c->cur_len;
	c->line.len = 0;
	if (c->off + *len <= off)
		return true;
	to = bytes_room(&c->line, *len + 1);
	if (!to)
		return false;
	head = (size_t)sprintf(to, "%llu %llu.%09llu %s ",
		(unsigned long long)(c->row.seq + c->line_no),
		(unsigned long long)(c->row.time / 1000000000u),
		(unsigned long long)(c->row.time % 1000000000u), c->actor);
	memcpy(to + head, cmd, cmd_len);
	memcpy(to + head + cmd_len, " = ", 3);
	memcpy(to + head + cmd_len + 3, c->cur, c->cur_len);
	to[*len - 1] = '\n';
	c->line.len = *len;
	return true;
}

/* Copies the line at the cursor from offset `at` on, and steps behind it if
 * its end was copied.  Returns the bytes copied, or -ENOMEM. */
static int64_t copy_line(
	struct log_cursor *c, uint64_t at, char *buf, size_t room)
{
	size_t line_len, n, text_pos = c->text_pos;

	if (!render(c, at, &line_len))
		return -ENOMEM;
	n = c->off + line_len > at ? c->off + line_len - at : 0;
	if (n > room) {
		memcpy(buf, c->line.data + (at - c->off), room);
		c->text_pos = text_pos;
		return (int64_t)room;
	}
	if (n)
		memcpy(buf, c->line.data + (at - c->off), n);
	c->off += line_len;
	c->line_no++;
	c->run_left--;
	return (int64_t)n;
}

/* The row after the cursor's, or the one that holds offset `at`. */
static int next_row(struct store *s, uint64_t at, uint64_t *located)
{
	struct log_cursor *c = &s->cursor;
	uint64_t next =
		course_seq(&s->course, course_line(&s->course, c->last) + 1);

	if (c->off == at)
		return load_row(s, next);
	if (*located == at)
		return gap(s, next);
	*located = at;
	return locate(s, at);
}

static int64_t log_read(struct store *s, uint64_t off, char *buf, size_t len)
{
	struct log_cursor *c = &s->cursor;
	uint64_t located = UINT64_MAX;
	size_t done = 0;
	int64_t n;
	int rc = 0;

	if (off >= s->log_size)
		return 0;
	if (len > s->log_size - off)
		len = s->log_size - off;
	if (!c->valid || off < c->off) {
		located = off;
		rc = locate(s, off);
	}
	while (!rc && done < len) {
		if (c->line_no == c->lines) {
			rc = next_row(s, off + done, &located);
			continue;
		}
		n = copy_line(c, off + done, buf + done, len - done);
		if (n < 0)
			rc = store_fail(s, ENOMEM, "out of memory");
		else
			done += (size_t)n;
	}
	if (rc)
		c->valid = false;
	return rc && !done ? rc : (int64_t)done;
}

int64_t store_log_read(struct store *s, uint64_t off, char *buf, size_t len)
{
	int64_t n = 0;

	store_lock(s);
	if (off < s->log_size - s->log_base)
		n = log_read(s, s->log_base + off, buf, len);
	sqlite3_reset(s->find_result);
	store_unlock(s);
	return n;
}
