/*
 * Files that take questions and change nothing: each line written is answered
 * at once, and the answer read back through the same open file.
 */
#include <errno.h>

#include "session.h"

/* Answers one line. 0 or an errno, with the sentence among the replies. */
static int query_line(struct open_file *f, const char *line, size_t len)
{
	struct sbuf b = {0};
	int err;

	err = -f->node->query(&b, &f->machine->view, f->place.id, line, len);
	if (b.failed)
		err = ENOMEM;
	if (err) {
		sbuf_char(&b, 0);
		refuse_input(f, err, b.failed ? "no memory" : b.data);
	} else if (f->readable && b.len) {
		/* The queue ends each reply with a newline of its own. */
		replies_add(&f->replies, b.data,
			b.len - (b.data[b.len - 1] == '\n'));
	}
	sbuf_free(&b);
	return err;
}

static int query_run(
	void *ctx, const char *text, size_t len, struct lines_done *done)
{
	struct open_file *f = ctx;
	size_t at = 0;
	int err = 0;

	while (at < len && !err) {
		const char *nl = memchr(text + at, '\n', len - at);
		size_t n = nl ? (size_t)(nl - text) - at : len - at;
		size_t blank = 0;

		while (blank < n && strchr(" \t\r", text[at + blank]))
			blank++;
		if (blank < n && text[at + blank] != '#')
			err = query_line(f, text + at, n);
		if (!err)
			at += n + (nl != NULL);
	}
	done->bytes = at;
	done->age = f->machine->view.vm->root->seq;
	return err;
}

static void query_refuse(void *ctx, int err, const char *sentence)
{
	refuse_input(ctx, err, sentence);
}

static void query_again(void *ctx)
{
}

static const struct lines_ops query_ops = {
	.run = query_run,
	.refuse = query_refuse,
	.again = query_again,
};

int64_t query_write(
	struct open_file *f, const char *buf, size_t len, uint64_t off)
{
	int64_t n;

	replies_seek(&f->replies, off);
	n = lines_write(&f->lines, buf, len, f->machine->view.vm->root->seq,
		&query_ops, f);
	replies_wrote(&f->replies, off, n > 0 ? (size_t)n : 0);
	return n;
}

int query_flush(struct open_file *f)
{
	return lines_flush(&f->lines, &query_ops, f);
}
