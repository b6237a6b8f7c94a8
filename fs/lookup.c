/*
 * Names and attributes: lookup, getattr, setattr, readlink.
 */
#include <errno.h>
#include <stdlib.h>

#include "../vm/task/task.h"
#include "access.h"
#include "session.h"

/* What never changes may stay in the kernel for a day. */
#define FOREVER 86400.0

int machine_enter(
	fuse_req_t req, fuse_ino_t ino, struct place *p, struct machine **out)
{
	struct session *s = req_session(req);

	*p = ino_place(ino);
	if (p->row >= nr_nodes)
		return ESTALE;
	if (p->view)
		return pasts_enter(
			&s->pasts, p->view, request_gave_up, req, out);
	*out = &s->live;
	return 0;
}

void machine_leave(struct machine *mach)
{
	if (mach->past)
		past_leave(mach->past);
}

double entry_timeout(const struct place *p)
{
	const struct row_info *r = tree_row(p->row);

	if (p->view)
		return FOREVER;
	return r->fixed && (node_table[p->row].kind != NODE_DISK || !p->id)
		       ? FOREVER
		       : 0;
}

/* A directory whose sub-directories come and go. */
static bool changing_dir(unsigned row)
{
	for (unsigned i = tree_row(row)->first_child; i;
		i = tree_row(i)->next_sibling)
		if (tree_row(i)->var && !tree_row(i)->fixed)
			return true;
	return false;
}

double attr_timeout(const struct place *p)
{
	const struct node *n = &node_table[p->row];

	if (p->view)
		return FOREVER;
	if (!tree_row(p->row)->fixed)
		return 0;
	switch (n->kind) {
	case NODE_DISK:
	case NODE_LOG:
	case NODE_SAVED:
		return 0;
	case NODE_FILE:
		return n->constant ? FOREVER : 0;
	default:
		return FOREVER;
	}
}

#define BATCH 64

/* Collects files of disk/ that were opened before the newest restore. */
static size_t stale_files(struct session *s, fuse_ino_t *ino, size_t skip)
{
	const struct open_file *f;
	size_t n = 0;

	pthread_mutex_lock(&s->files.lock);
	for (f = s->files.first; f && n < BATCH; f = f->next) {
		if (f->place.view || f->node->kind != NODE_DISK)
			continue;
		if (skip)
			skip--;
		else
			ino[n++] = place_ino(&f->place);
	}
	pthread_mutex_unlock(&s->files.lock);
	return n;
}

static void drop_disk_pages(struct session *s)
{
	fuse_ino_t ino[BATCH];
	size_t done = 0, n;

	if (!ending_tell(s))
		return;
	while ((n = stale_files(s, ino, done))) {
		for (size_t i = 0; i < n; i++)
			fuse_lowlevel_notify_inval_inode(s->se, ino[i], 0, 0);
		done += n;
	}
	ending_told(s);
}

void directories_changed(struct session *s)
{
	/* The kernel waits for pages that are being read: another thread has
	 * to answer. */
	if (atomic_load(&s->live.restored) &&
		atomic_exchange(&s->live.restored, false) && !s->single)
		drop_disk_pages(s);
	if (!atomic_load(&s->live.recount) ||
		!atomic_exchange(&s->live.recount, false))
		return;
	for (unsigned i = 0; i < nr_nodes; i++) {
		struct place p = {.row = i};

		if (tree_row(i)->fixed && changing_dir(i) &&
			!node_table[i].history)
			fuse_lowlevel_notify_inval_inode(
				s->se, place_ino(&p), -1, 0);
	}
}

static mode_t node_type(const struct node *n)
{
	if (node_is_dir(n))
		return S_IFDIR;
	return n->kind == NODE_LINK ? S_IFLNK : S_IFREG;
}

static uint64_t log_size(const struct view *v)
{
	if (v->moment)
		return store_view_log_size(v->moment);
	return v->store ? store_log_size(v->store) : 0;
}

/* The size of a file whose text is rendered to be measured. */
static off_t shown_size(const struct view *v, const struct node *n, uint64_t id)
{
	struct sbuf b = {0};
	off_t size;

	n->show(&b, v, id);
	size = (off_t)b.len;
	sbuf_free(&b);
	return size;
}

/*
 * Files of a process belong to its user, or to root if it may not be looked
 * at; those of the machine that someone else than root mounted belong to
 * them, who could not open them otherwise.
 */
static void task_owner(const struct view *v, const struct node *n,
	const struct task *t, struct stat *st)
{
	if (!t || v->uid)
		return;
	cred_proc_owner(v->vm, t, &st->st_uid, &st->st_gid);
	if (n->kind == NODE_DIR && n->mode == 0555) {
		st->st_uid = t->cred.euid;
		st->st_gid = t->cred.egid;
	}
}

int node_attr(struct session *s, struct machine *mach, const struct place *p,
	struct stat *st)
{
	const struct view *v = &mach->view;
	const struct node *n = &node_table[p->row];

	memset(st, 0, sizeof(*st));
	if (!place_exists(v, p))
		return ESRCH;
	if (n->kind == NODE_DISK)
		return disk_attr(s, mach, p, st);
	st->st_ino = place_ino(p);
	st->st_mode =
		node_type(n) | (n->mode_of ? n->mode_of(v, p->id) : n->mode);
	st->st_nlink = n->kind == NODE_DIR ? tree_nlink(v, p) : 1;
	st->st_uid = v->uid;
	st->st_gid = v->gid;
	st->st_blksize = 4096;
	st->st_atim = st->st_mtim = st->st_ctim = s->mounted;
	task_owner(v, n, place_task(v, p), st);
	if (is_moments(p))
		st->st_nlink = moments_nlink(s, p);
	if (n->kind == NODE_FILE || n->kind == NODE_LINK)
		st->st_size = shown_size(v, n, p->id);
	else if (n->kind == NODE_LOG)
		st->st_size = (off_t)log_size(v);
	return 0;
}

static int attr_locked(struct session *s, struct machine *mach,
	const struct place *p, struct stat *st)
{
	int err;

	fair_read(&mach->lock);
	err = node_attr(s, mach, p, st);
	fair_unlock(&mach->lock);
	return err;
}

void reply_entry(fuse_req_t req, const struct fuse_entry_param *e)
{
	struct session *s = req_session(req);
	struct place p = ino_place(e->ino);

	if (fuse_reply_entry(req, e) == -ENOENT && p.view)
		pasts_forget(&s->pasts, p.view, 1);
}

static int find_entry(struct session *s, struct machine *mach,
	const struct place *dir, const char *name, struct fuse_entry_param *e)
{
	struct place p;
	bool found = false;
	int err;

	fair_read(&mach->lock);
	if (node_table[dir->row].kind == NODE_DISK)
		found = disk_find(mach, dir, name, &p);
	else if (place_exists(&mach->view, dir))
		found = tree_lookup(&mach->view, dir, name, &p);
	err = found ? node_attr(s, mach, &p, &e->attr) : ENOENT;
	if (!err) {
		e->ino = place_ino(&p);
		e->generation = disk_entry_generation(mach, &p);
		e->entry_timeout = entry_timeout(&p);
		e->attr_timeout = attr_timeout(&p);
	}
	fair_unlock(&mach->lock);
	if (!err && p.view && !pasts_refer(&s->pasts, p.view))
		err = ESTALE;
	return err;
}

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct session *s = req_session(req);
	struct fuse_entry_param e = {0};
	struct machine *mach;
	struct place dir;
	int err = machine_enter(req, parent, &dir, &mach);

	if (err) {
		fuse_reply_err(req, err);
		return;
	}
	if (is_moments(&dir))
		err = moment_lookup(s, &dir, name, &e);
	else
		err = find_entry(s, mach, &dir, name, &e);
	if (err)
		fuse_reply_err(req, err);
	else
		reply_entry(req, &e);
	machine_leave(mach);
}

static void forget(struct session *s, fuse_ino_t ino, uint64_t n)
{
	struct place p = ino_place(ino);

	if (p.view)
		pasts_forget(&s->pasts, p.view, n);
}

void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n)
{
	forget(req_session(req), ino, n);
	fuse_reply_none(req);
}

void op_forget_multi(
	fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		forget(req_session(req), forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(req);
}

static int attr_of(
	fuse_req_t req, fuse_ino_t ino, struct place *p, struct stat *st)
{
	struct session *s = req_session(req);
	struct machine *mach;
	int err;

	*p = ino_place(ino);
	if (p->view && !p->row)
		return moment_attr(s, p, st);
	err = machine_enter(req, ino, p, &mach);
	if (err)
		return err;
	err = attr_locked(s, mach, p, st);
	machine_leave(mach);
	return err;
}

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct place p;
	struct stat st;
	int err = attr_of(req, ino, &p, &st);

	if (err)
		fuse_reply_err(req, err);
	else
		fuse_reply_attr(req, &st, attr_timeout(&p));
}

/*
 * Truncating a file of the machine and setting its times do nothing; its
 * owner and mode are what its row says.
 */
void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *to, int set,
	struct fuse_file_info *fi)
{
	const int fixed =
		FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID;
	struct session *s = req_session(req);
	struct place p = ino_place(ino);
	struct stat st;
	int err = 0;

	if (p.view)
		err = EROFS;
	else if (p.row >= nr_nodes)
		err = ESTALE;
	else if (node_table[p.row].kind == NODE_DISK)
		err = disk_setattr(req, &s->live, &p, to, set);
	else if (set & fixed)
		err = EPERM;
	if (!err)
		err = attr_of(req, ino, &p, &st);
	err = settle(s, err);
	if (err)
		fuse_reply_err(req, err);
	else
		fuse_reply_attr(req, &st, attr_timeout(&p));
}

static int show_link(fuse_req_t req, struct machine *mach,
	const struct place *p, struct sbuf *b)
{
	const struct node *n = &node_table[p->row];
	struct view v = mach->view;
	int err;

	v.caller = fuse_req_ctx(req)->uid;
	v.caller_gid = fuse_req_ctx(req)->gid;
	err = caller_check(&v, p);
	if (!err)
		n->show(b, &v, p->id);
	return -err;
}

void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct machine *mach;
	struct place p;
	struct sbuf b = {0};
	int err = machine_enter(req, ino, &p, &mach);

	if (err) {
		fuse_reply_err(req, err);
		return;
	}
	fair_read(&mach->lock);
	if (node_table[p.row].kind == NODE_DISK)
		err = disk_readlink(mach, &p, &b);
	else if (!place_exists(&mach->view, &p))
		err = ENOENT;
	else if (node_table[p.row].kind != NODE_LINK)
		err = EINVAL;
	else
		err = show_link(req, mach, &p, &b);
	fair_unlock(&mach->lock);
	machine_leave(mach);
	sbuf_char(&b, 0);
	if (!err && b.failed)
		err = ENOMEM;
	if (err)
		fuse_reply_err(req, err);
	else
		fuse_reply_readlink(req, b.data);
	sbuf_free(&b);
}
