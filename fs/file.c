/*
 * Open files: open, read, write, flush, release, by the kind of their node.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "access.h"
#include "session.h"

struct open_file *open_file_new(struct session *s, struct machine *mach,
	const struct place *p, int flags)
{
	struct open_file *f = calloc(1, sizeof(*f));
	int mode = flags & O_ACCMODE;

	if (!f) {
		machine_leave(mach);
		return NULL;
	}
	f->session = s;
	f->machine = mach;
	f->place = *p;
	f->node = &node_table[p->row];
	f->readable = mode != O_WRONLY;
	f->writable = mode != O_RDONLY;
	f->goes_on = flags & O_APPEND;
	f->seen = UINT64_MAX;
	pthread_mutex_init(&f->lock, NULL);
	pthread_mutex_lock(&s->files.lock);
	f->next = s->files.first;
	f->prev = &s->files.first;
	if (f->next)
		f->next->prev = &f->next;
	s->files.first = f;
	pthread_mutex_unlock(&s->files.lock);
	return f;
}

static void unlink_file(struct open_file *f)
{
	pthread_mutex_t *lock = &f->session->files.lock;

	pthread_mutex_lock(lock);
	*f->prev = f->next;
	if (f->next)
		f->next->prev = f->prev;
	pthread_mutex_unlock(lock);
}

void open_file_free(struct open_file *f)
{
	unlink_file(f);
	machine_leave(f->machine);
	sbuf_free(&f->text);
	sbuf_free(&f->carry);
	lines_free(&f->lines);
	replies_free(&f->replies);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

/* How the kernel is to treat a file of this kind. */
static void open_flags(const struct open_file *f, struct fuse_file_info *fi)
{
	const struct node *n = f->node;

	fi->direct_io = n->kind != NODE_FILE && n->kind != NODE_DISK;
	fi->keep_cache = f->place.view || (n->kind == NODE_FILE && n->constant);
	/* Only what collects lines has something to flush. */
	fi->noflush =
		!f->writable || n->kind == NODE_BINARY || n->kind == NODE_DISK;
}

/* Nothing of a past moment is written, but for questions to cpu/N/walk. */
static bool is_read_only(const struct place *p, int flags)
{
	return p->view && (flags & O_ACCMODE) != O_RDONLY &&
	       p->row < nr_nodes && node_table[p->row].kind != NODE_QUERY;
}

/* The machine as who opened the file sees it; with its lock held. */
static struct view view_of(const struct open_file *f)
{
	struct view v = f->machine->view;

	v.caller = f->uid;
	v.caller_gid = f->gid;
	return v;
}

/* Linux asks when a file of proc/PID is opened; who has it open may read. */
int may_open(fuse_req_t req, struct open_file *f)
{
	struct view v;
	int err;

	f->uid = fuse_req_ctx(req)->uid;
	f->gid = fuse_req_ctx(req)->gid;
	fair_read(&f->machine->lock);
	v = view_of(f);
	err = caller_check(&v, &f->place);
	fair_unlock(&f->machine->lock);
	return -err;
}

static int open_place(
	fuse_req_t req, fuse_ino_t ino, int flags, struct open_file **out)
{
	struct place p = ino_place(ino);
	struct machine *mach;
	int err = is_read_only(&p, flags) ? EROFS
					  : machine_enter(req, ino, &p, &mach);

	if (err)
		return err;
	*out = open_file_new(req_session(req), mach, &p, flags);
	if (!*out)
		return ENOMEM;
	err = may_open(req, *out);
	if (!err && (*out)->node->kind == NODE_DISK)
		err = disk_open(req, *out, flags);
	if (flags & O_TRUNC)
		err = settle((*out)->session, err);
	if (err)
		open_file_free(*out);
	return err;
}

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct open_file *f;
	int err = open_place(req, ino, fi->flags, &f);

	if (err) {
		fuse_reply_err(req, err);
		return;
	}
	open_flags(f, fi);
	fi->fh = (uintptr_t)f;
	if (fuse_reply_open(req, fi) == -ENOENT)
		open_file_free(f);
}

void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct open_file *f = file_of(fi);

	/* Who answered the last read may not have let go of it yet. */
	pthread_mutex_lock(&f->lock);
	pthread_mutex_unlock(&f->lock);
	open_file_free(f);
	fuse_reply_err(req, 0);
}

int settle(struct session *s, int err)
{
	struct store *store = s->live.view.store;
	int failed = store ? -store_settle(store) : 0;

	return err ? err : failed;
}

/* ---- reading: what others wrote and wait for is not shown before -------- */

static int render(fuse_req_t req, struct open_file *f)
{
	struct machine *mach = f->machine;
	struct view v;

	f->text.len = 0;
	f->text.failed = false;
	f->rendered = false;
	fair_read(&mach->lock);
	if (!place_exists(&mach->view, &f->place)) {
		fair_unlock(&mach->lock);
		return ESRCH;
	}
	f->seen = mach->version;
	v = view_of(f);
	f->asking = req;
	v.stop = asker_gave_up;
	v.stop_ctx = f;
	f->node->show(&f->text, &v, f->place.id);
	fair_unlock(&mach->lock);
	settle(f->session, 0);
	if (f->text.failed)
		return ENOMEM;
	f->rendered = true;
	return 0;
}

/* A snapshot: rendered at the first read, and at each from offset 0. */
static void read_text(
	fuse_req_t req, struct open_file *f, size_t size, uint64_t off)
{
	int err = 0;

	pthread_mutex_lock(&f->lock);
	if (off == 0 || !f->rendered)
		err = render(req, f);
	if (err)
		fuse_reply_err(req, err);
	else if (off >= f->text.len)
		fuse_reply_buf(req, NULL, 0);
	else
		fuse_reply_buf(req, f->text.data + off,
			size < f->text.len - off ? size : f->text.len - off);
	pthread_mutex_unlock(&f->lock);
}

/* The replies to what was written; they leave the queue as they are sent. */
static void read_replies(
	fuse_req_t req, struct open_file *f, size_t size, uint64_t off)
{
	const char *data;
	size_t n;

	settle(f->session, 0);
	pthread_mutex_lock(&f->lock);
	n = replies_read(&f->replies, off, size, &data);
	fuse_reply_buf(req, data, n);
	pthread_mutex_unlock(&f->lock);
}

static int64_t look(struct open_file *f, char *buf, size_t size, uint64_t off)
{
	struct view v = view_of(f);

	if (f->node->kind == NODE_DISK)
		return disk_file_read(f, buf, size, off);
	if (!place_exists(&v, &f->place))
		return -ESRCH;
	return f->node->pread(&v, f->place.id, buf, size, off);
}

/* -errno, or how many bytes are in buf. */
typedef int64_t look_fn(
	struct open_file *f, char *buf, size_t size, uint64_t off);

static int64_t look_bytes(
	struct open_file *f, char *buf, size_t size, uint64_t off)
{
	int64_t n;

	fair_read(&f->machine->lock);
	n = look(f, buf, size, off);
	fair_unlock(&f->machine->lock);
	return n;
}

static int64_t look_log(
	struct open_file *f, char *buf, size_t size, uint64_t off)
{
	struct machine *mach = f->machine;
	int64_t n = 0;

	pthread_mutex_lock(&f->lock);
	fair_read(&mach->lock);
	f->seen = mach->version;
	if (mach->view.moment)
		n = store_view_log_read(mach->view.moment, off, buf, size);
	else if (mach->view.store)
		n = store_log_read(mach->view.store, off, buf, size);
	fair_unlock(&mach->lock);
	pthread_mutex_unlock(&f->lock);
	return n;
}

static void read_bytes(fuse_req_t req, struct open_file *f, look_fn *look_at,
	size_t size, uint64_t off)
{
	char *buf = malloc(size);
	int64_t n;

	if (!buf) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	n = look_at(f, buf, size, off);
	settle(f->session, 0);
	if (n < 0)
		fuse_reply_err(req, (int)-n);
	else
		fuse_reply_buf(req, buf, (size_t)n);
	free(buf);
}

void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
	struct fuse_file_info *fi)
{
	struct open_file *f = file_of(fi);

	switch (f->node->kind) {
	case NODE_TEXT:
	case NODE_FILE:
	case NODE_STREAM:
		read_text(req, f, size, (uint64_t)off);
		break;
	case NODE_CTL:
	case NODE_QUERY:
		read_replies(req, f, size, (uint64_t)off);
		break;
	case NODE_LOG:
		read_bytes(req, f, look_log, size, (uint64_t)off);
		break;
	case NODE_BINARY:
	case NODE_DISK:
		read_bytes(req, f, look_bytes, size, (uint64_t)off);
		break;
	default:
		fuse_reply_err(req, EISDIR);
	}
}

/* ---- writing: once the kernel has its answer, the file may be gone ------- */

static int64_t write_node(fuse_req_t req, struct open_file *f, const char *buf,
	size_t size, uint64_t off)
{
	if (f->node->verb)
		return value_write(req, f, buf, size);
	switch (f->node->kind) {
	case NODE_CTL:
		return ctl_write(req, f, buf, size, off);
	case NODE_QUERY:
		return query_write(f, buf, size, off);
	case NODE_STREAM:
		return stream_write(req, f, buf, size);
	case NODE_BINARY:
		return f->node->actor == ACTOR_MEM
			       ? mem_write(req, f, buf, size, off)
			       : -EACCES;
	case NODE_DISK:
		return disk_file_write(req, f, buf, size, off);
	default:
		return -EACCES;
	}
}

void op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size,
	off_t off, struct fuse_file_info *fi)
{
	struct session *s = req_session(req);
	struct open_file *f = file_of(fi);
	struct machine *mach = f->machine;
	int64_t n;
	int err;

	pthread_mutex_lock(&f->lock);
	fair_write(&mach->lock);
	n = write_node(req, f, buf, size, (uint64_t)off);
	idle_touch(s);
	fair_unlock(&mach->lock);
	pthread_mutex_unlock(&f->lock);
	directories_changed(s);
	err = settle(s, n < 0 ? (int)-n : 0);
	if (err)
		fuse_reply_err(req, err);
	else
		fuse_reply_write(req, (size_t)n);
	poll_wake(s);
}

void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct session *s = req_session(req);
	struct open_file *f = file_of(fi);
	struct machine *mach = f->machine;
	int err = 0;

	pthread_mutex_lock(&f->lock);
	fair_write(&mach->lock);
	if (f->node->kind == NODE_CTL)
		err = ctl_flush(req, f);
	else if (f->node->kind == NODE_QUERY)
		err = query_flush(f);
	else if (f->node->kind == NODE_STREAM)
		err = stream_flush(req, f);
	fair_unlock(&mach->lock);
	pthread_mutex_unlock(&f->lock);
	directories_changed(s);
	fuse_reply_err(req, settle(s, -err));
	poll_wake(s);
}

void op_fsync(
	fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	struct session *s = req_session(req);
	int err = 0;

	if (!s->read_only && !ino_place(ino).view)
		err = store_sync(s->live.view.store);
	fuse_reply_err(req, -err);
}
