/*
 * store_exec(), the one way in: parse, journal, apply, in this order.
 */
#include "store_i.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "../vm/machine.h"

/* Results that wait before they are written without a quiet moment. */
#define PENDING_ROWS  2048
#define PENDING_BYTES (4u << 20)

/* What a row costs to read back, besides applying it. */
#define ROW_REPLAY_NS 1500

static bool is_blank(const struct event *e)
{
	const char *line;
	size_t pos = 0, len;

	return !next_line(e->text, e->text_len, &pos, &line, &len);
}

static void forget_row(struct store *s, uint64_t seq)
{
	sqlite3_bind_int64(s->delete_row, 1, (int64_t)seq);
	sqlite3_step(s->delete_row);
	sqlite3_reset(s->delete_row);
}

/*
 * An event that is to end early, as whoever waits for it is.  What will have
 * happened then is written in the place of the row before the machine stops:
 * the lines that ran, and the one in progress as "stop=N LINE".  Killed before
 * that, the whole row is what happens; after it, this.  Where the journal does
 * not take it, the event goes on.
 */
struct stopping {
	struct store *s;
	struct row *row;
	const struct event *event; /* as it came */
	struct bytes text;
	size_t added; /* bytes that a log line has more */
};

/* Without the prefix that it may have; the rest of the event is cut off. */
static bool write_stopped(struct stopping *st, size_t at, uint64_t place)
{
	const struct event *e = st->event;
	const char *line = "";
	char prefix[32];
	size_t n, len = 0;

	st->text.len = 0;
	if (!place) {
		while (at && e->text[at - 1] == '\n')
			at--;
		return bytes_add(&st->text, e->text, at);
	}
	next_line(e->text, e->text_len, &at, &line, &len);
	n = (size_t)(line - e->text);
	st->added = len;
	if (len > strlen(STOP_PREFIX) &&
		!memcmp(line, STOP_PREFIX, strlen(STOP_PREFIX)))
		while (len && *line != ' ' && *line != '\t')
			line++, len--;
	while (len && (*line == ' ' || *line == '\t'))
		line++, len--;
	snprintf(prefix, sizeof(prefix), STOP_PREFIX "%llu ",
		(unsigned long long)place);
	st->added = strlen(prefix) + len - st->added;
	return bytes_add(&st->text, e->text, n) &&
	       bytes_add(&st->text, prefix, strlen(prefix)) &&
	       bytes_add(&st->text, line, len);
}

static bool stop(void *ctx, size_t line, uint64_t place)
{
	struct stopping *st = ctx;
	struct row row = *st->row;

	if (!st->event->stop(st->event->stop_ctx, line, place) ||
		!write_stopped(st, line, place))
		return false;
	row.event.text = st->text.data;
	row.event.text_len = st->text.len;
	return !row_replace(st->s, &row);
}

static void apply(struct store *s, struct row *r, const struct event *e,
	vm_reply_fn *fn, void *ctx, struct vm_outcome *out)
{
	struct stopping st = {.s = s, .row = r, .event = e};
	struct event stoppable = *e;
	uint64_t t0 = clock_ns();
	struct tap t;

	stoppable.stop = e->stop ? stop : NULL;
	stoppable.stop_ctx = &st;
	tap_begin(&t, s, r, fn, ctx);
	vm_apply(s->vm, &stoppable, tap_reply, &t, out);
	t.log_len += st.added;
	bytes_free(&st.text);
	s->work_ns += clock_ns() - t0 + ROW_REPLAY_NS;
	if (!t.lines) {
		forget_row(s, r->seq);
		return;
	}
	/* A result that finds no memory is missing until the next replay. */
	if (tap_end(&t, s) ||
		results_add(s, r->seq, t.lines, s->reply.data, s->reply.len))
		s->result_lost = true;
	s->log_size += t.log_len;
}

int journal_exec(struct store *s, const struct event *e, vm_reply_fn *fn,
	void *ctx, struct vm_outcome *out)
{
	struct row r = {.event = *e};
	int rc;

	memset(out, 0, sizeof(*out));
	if (s->read_only)
		return store_fail(s, EROFS, "%s is mounted read-only", s->path);
	rc = vm_parse_first(s->vm, e);
	if (rc)
		return store_fail(s, -rc, "%s", vm_sentence(s->vm));
	if (is_blank(e)) {
		vm_apply(s->vm, e, fn, ctx, out);
		return 0;
	}
	r.seq = course_seq(&s->course, s->vm->root->seq + 1);
	r.time = s->vm->root->ns;
	while (!e->blob && r.event.text[r.event.text_len - 1] == '\n')
		r.event.text_len--;
	rc = burst_enter(s);
	if (!rc)
		rc = row_insert(s, &r);
	if (rc)
		return rc;
	apply(s, &r, e, fn, ctx, out);
	if (out->refused)
		store_fail(s, EINVAL, "%s", vm_sentence(s->vm));
	if (out->stopped)
		store_fail(s, EINTR,
			"interrupted: the %u lines before it ran, it did not",
			out->lines);
	if (s->results.nr >= PENDING_ROWS ||
		s->results.text.len >= PENDING_BYTES)
		results_flush(s);
	snapshot_if_due(s, false);
	return 0;
}

int store_exec(struct store *s, const struct event *e, vm_reply_fn *fn,
	void *ctx, struct vm_outcome *out)
{
	int rc;

	store_lock(s);
	rc = command_is_mixed(e) ? command_exec_mixed(s, e, fn, ctx, out)
				 : journal_exec(s, e, fn, ctx, out);
	store_unlock(s);
	return rc;
}

static int sync_file(struct store *s, const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC), rc = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fdatasync(fd))
		rc = -errno;
	close(fd);
	return rc;
}

int sync_wal(struct store *s)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s-wal", s->path);
	return sync_file(s, path, O_RDONLY);
}

/*
 * With synchronous=NORMAL, SQLite syncs the WAL before it copies from it, and
 * the database after: what is acknowledged and not synced is in the WAL.  The
 * directory is synced for the names of a new machine's files.  None of this
 * needs the lock: others write meanwhile.
 */
int sync_files(struct store *s)
{
	char path[4096], *slash;
	int rc = sync_wal(s);

	if (!rc && fsync(s->lock_fd))
		rc = -errno;
	snprintf(path, sizeof(path), "%s", s->path);
	slash = strrchr(path, '/');
	if (slash)
		slash[slash == path] = 0;
	else
		strcpy(path, ".");
	if (!rc)
		rc = sync_file(s, path, O_RDONLY | O_DIRECTORY);
	return rc;
}

int store_sync(struct store *s)
{
	int rc = s->read_only ? 0 : sync_files(s);

	if (!rc)
		return 0;
	store_lock(s);
	store_fail(s, -rc, "cannot sync %s: %s", s->path, strerror(-rc));
	store_unlock(s);
	return rc;
}

void store_idle(struct store *s)
{
	store_lock(s);
	if (!s->read_only && s->burst != BURST_HELD) {
		results_flush(s);
		snapshot_if_due(s, true);
		burst_leave(s);
	}
	store_unlock(s);
}
