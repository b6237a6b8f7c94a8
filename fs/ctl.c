/*
 * Control files: lines into events, replies back.
 */
#include <errno.h>
#include <time.h>

#include "../vm/task/task.h"
#include "access.h"
#include "session.h"

/* The process whose file it is, 0 if it is none's. */
static uint32_t file_pid(const struct open_file *f)
{
	const struct variable *var = tree_row(f->place.row)->path_var;

	return var && var->task ? (uint32_t)f->place.id : 0;
}

/* Often asked: looks once a tick of the kernel's clock. */
bool asker_gave_up(void *ctx, size_t line, uint64_t place)
{
	struct open_file *f = ctx;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (now.tv_nsec == f->asked_ns)
		return false;
	f->asked_ns = now.tv_nsec;
	return request_gave_up(f->asking);
}

struct event file_event(fuse_req_t req, struct open_file *f)
{
	const struct fuse_ctx *c = fuse_req_ctx(req);
	const struct view *v = &f->machine->view;

	f->asking = req;
	return (struct event){
		.actor =
			{
				.kind = f->node->actor,
				.id = file_pid(f),
				.uid = user_of_host(v, c->uid),
				.gid = group_of_host(v, c->uid, c->gid),
			},
		.stop = asker_gave_up,
		.stop_ctx = f,
	};
}

void refuse_input(struct open_file *f, int err, const char *sentence)
{
	char line[600];

	if (f->machine->refused)
		refusal_note(f->machine->refused, f->machine->view.vm,
			file_pid(f), err, sentence);
	if (!f->readable ||
		(f->node->kind != NODE_CTL && f->node->kind != NODE_QUERY))
		return;
	replies_add(&f->replies, line,
		refusal_format(err, sentence, line, sizeof(line)));
}

/* What the directories of processes list may have changed. */
static void note_tasks(struct machine *mach, bool restored)
{
	uint32_t nr = pool_live(mach->view.vm, SEG_TASK);

	if (nr != mach->nr_tasks || restored) {
		mach->nr_tasks = nr;
		atomic_store(&mach->recount, true);
	}
}

/*
 * The machine is a past one now.  Files of disk/ that are open were files of
 * another history: they are stale from here on, and what the kernel keeps of
 * them goes.
 */
static void note_restore(struct machine *mach)
{
	mach->store_restores = store_restores(mach->view.store);
	atomic_fetch_add(&mach->restores, 1);
	atomic_store(&mach->restored, true);
	refusal_forget(mach->refused);
}

/*
 * The journal takes the event and the machine runs it.  Its errno is that of
 * the line at out->consumed: of a line that ran and failed, of one that does
 * not parse, or of a journal that cannot grow.
 */
int exec_event(struct open_file *f, const struct event *e, vm_reply_fn *fn,
	struct vm_outcome *out)
{
	struct machine *mach = f->machine;
	struct view *v = &mach->view;
	bool restored;
	int err;

	if (!v->store || f->session->read_only)
		return EROFS;
	out->consumed = 0;
	err = store_exec(v->store, e, fn, f, out);
	if (err) {
		out->consumed = 0;
		refuse_input(f, -err, store_sentence(v->store));
		return -err;
	}
	mach->version++;
	restored = store_restores(v->store) != mach->store_restores;
	if (restored)
		note_restore(mach);
	note_tasks(mach, restored);
	refusal_clear(mach->refused, file_pid(f));
	if (out->by_store)
		refusal_reply(mach->refused, v->vm, &out->last);
	if (out->refused) {
		refuse_input(f, EINVAL, store_sentence(v->store));
		return EINVAL;
	}
	if (out->stopped) {
		refuse_input(f, EINTR, store_sentence(v->store));
		return EINTR;
	}
	return out->failed ? out->last.err : 0;
}

/* ---- what lines.c calls ---- */

struct ctl_write {
	fuse_req_t req;
	struct open_file *f;
};

static void queue_reply(
	void *ctx, const struct reply *r, const char *line, size_t len)
{
	struct open_file *f = ctx;
	char text[SENTENCE_MAX + 64];

	replies_add(&f->replies, text, vm_reply_format(r, text, sizeof(text)));
}

/* Lines of about this many bytes run before readers get their turn. */
#define PIECE 65536

static size_t piece_length(const char *text, size_t len)
{
	const char *nl =
		len > PIECE ? memchr(text + PIECE, '\n', len - PIECE) : NULL;

	return nl ? (size_t)(nl - text) + 1 : len;
}

/* Runs a piece; 0 or an errno, and adds what it ran to *at. */
static int run_piece(struct open_file *f, const struct event *e, size_t *at)
{
	struct vm_outcome out;
	int err = exec_event(f, e, f->readable ? queue_reply : NULL, &out);

	*at += err ? out.consumed : e->text_len;
	return err;
}

/* A line of the store's: others have the machine before and after it, while
 * the store does what takes long. */
static int run_prepared(struct open_file *f, const struct event *e, size_t *at)
{
	struct machine *mach = f->machine;
	struct store_ahead *a;
	int err;

	fair_unlock(&mach->lock);
	a = store_ahead_begin(mach->view.store, e);
	fair_write(&mach->lock);
	err = run_piece(f, e, at);
	fair_unlock(&mach->lock);
	store_ahead_end(mach->view.store, a);
	fair_write(&mach->lock);
	return err;
}

static int ctl_run(
	void *ctx, const char *text, size_t len, struct lines_done *done)
{
	struct ctl_write *w = ctx;
	struct open_file *f = w->f;
	struct machine *mach = f->machine;
	struct event e = file_event(w->req, f);
	size_t at = 0;
	int err = 0;
	bool ours;

	while (at < len && !err) {
		e.text = text + at;
		e.text_len = len - at;
		e.text_len = store_part(&e, &ours);
		if (ours && mach->view.store) {
			err = run_prepared(f, &e, &at);
			continue;
		}
		if (at && asker_gave_up(f, 0, 0)) {
			refuse_input(f, EINTR,
				"interrupted: lines of the write before this "
				"one ran");
			err = EINTR;
			break;
		}
		if (at)
			fair_pause(&mach->lock);
		e.text_len = piece_length(e.text, e.text_len);
		err = run_piece(f, &e, &at);
	}
	done->bytes = at;
	done->age = mach->view.vm->root->seq;
	return err;
}

static void ctl_refuse(void *ctx, int err, const char *sentence)
{
	struct ctl_write *w = ctx;

	refuse_input(w->f, err, sentence);
}

/* The errno is given once more: the reader finds its reply once more. */
static void ctl_again(void *ctx)
{
	struct ctl_write *w = ctx;
	const struct machine *mach = w->f->machine;
	const struct refusal *r = refusal_newest(mach->refused, mach->view.vm);
	char line[600];
	size_t n;

	if (!w->f->readable)
		return;
	n = r ? refusal_format(r->err, r->text, line, sizeof(line))
	      : vm_reply_format(&mach->view.vm->root->last, line, sizeof(line));
	replies_add(&w->f->replies, line, n);
}

static const struct lines_ops ctl_ops = {
	.run = ctl_run,
	.refuse = ctl_refuse,
	.again = ctl_again,
};

int64_t ctl_write(fuse_req_t req, struct open_file *f, const char *buf,
	size_t len, uint64_t off)
{
	struct ctl_write w = {req, f};
	int64_t n;

	replies_seek(&f->replies, off);
	n = lines_write(&f->lines, buf, len, f->machine->view.vm->root->seq,
		&ctl_ops, &w);
	replies_wrote(&f->replies, off, n > 0 ? (size_t)n : 0);
	return n;
}

int ctl_flush(fuse_req_t req, struct open_file *f)
{
	struct ctl_write w = {req, f};

	return lines_flush(&f->lines, &ctl_ops, &w);
}
