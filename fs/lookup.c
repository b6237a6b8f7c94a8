/*
 * Names and attributes: lookup, getattr, setattr, readlink.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "../vm/task/task.h"
#include "session.h"

/* What never changes may stay in the kernel for a day. */
#define FOREVER 86400.0

struct machine *session_machine(struct session *s, const struct place *p)
{
	return p->view == 0 ? &s->live : NULL;
}

double entry_timeout(const struct place *p)
{
	const struct row_info *r = tree_row(p->row);

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

	if (!tree_row(p->row)->fixed)
		return 0;
	switch (n->kind) {
	case NODE_DISK:
	case NODE_LOG:
		return 0;
	case NODE_FILE:
		return n->constant ? FOREVER : 0;
	default:
		return FOREVER;
	}
}

void directories_changed(struct session *s)
{
	if (!atomic_load(&s->live.recount) ||
		!atomic_exchange(&s->live.recount, false))
		return;
	for (unsigned i = 0; i < nr_nodes; i++) {
		struct place p = {.row = i};

		if (tree_row(i)->fixed && changing_dir(i))
			fuse_lowlevel_notify_inval_inode(
				s->se, place_ino(&p), -1, 0);
	}
}

static mode_t node_type(enum node_kind kind)
{
	switch (kind) {
	case NODE_DIR:
	case NODE_DISK:
		return S_IFDIR;
	case NODE_LINK:
		return S_IFLNK;
	default:
		return S_IFREG;
	}
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

int node_attr(struct session *s, struct machine *mach, const struct place *p,
	struct stat *st)
{
	const struct view *v = &mach->view;
	const struct node *n = &node_table[p->row];
	const struct variable *var = tree_row(p->row)->path_var;

	memset(st, 0, sizeof(*st));
	if (!place_exists(v, p))
		return ESRCH;
	if (n->kind == NODE_DISK)
		return disk_attr(s, mach, p, st);
	st->st_ino = place_ino(p);
	st->st_mode = node_type(n->kind) | n->mode;
	st->st_nlink = n->kind == NODE_DIR ? tree_nlink(v, p) : 1;
	st->st_uid = v->uid;
	st->st_gid = v->gid;
	st->st_blksize = 4096;
	st->st_atim = st->st_mtim = st->st_ctim = s->mounted;
	if (var && var->task) {
		const struct task *t = task_find(v->vm, (uint32_t)p->id);

		st->st_uid = t->uid;
		st->st_gid = t->gid;
	}
	if (n->kind == NODE_FILE || n->kind == NODE_LINK)
		st->st_size = shown_size(v, n, p->id);
	return 0;
}

/* The log's size asks the journal, which is not for two threads at once. */
static bool attr_needs_journal(const struct place *p)
{
	return node_table[p->row].kind == NODE_LOG;
}

static void lock_to_look(struct machine *mach, const struct place *p)
{
	if (attr_needs_journal(p))
		pthread_rwlock_wrlock(&mach->lock);
	else
		pthread_rwlock_rdlock(&mach->lock);
}

static int attr_locked(struct session *s, struct machine *mach,
	const struct place *p, struct stat *st)
{
	int err;

	lock_to_look(mach, p);
	err = node_attr(s, mach, p, st);
	if (!err && attr_needs_journal(p) && mach->view.store)
		st->st_size = (off_t)store_log_size(mach->view.store);
	pthread_rwlock_unlock(&mach->lock);
	return err;
}

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct session *s = req_session(req);
	struct place dir = ino_place(parent), p;
	struct machine *mach = session_machine(s, &dir);
	struct fuse_entry_param e = {0};
	bool found = false;
	int err;

	if (!mach) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	pthread_rwlock_rdlock(&mach->lock);
	if (dir.row < nr_nodes && node_table[dir.row].kind == NODE_DISK)
		found = disk_find(mach, &dir, name, &p);
	else if (place_exists(&mach->view, &dir))
		found = tree_lookup(&mach->view, &dir, name, &p);
	pthread_rwlock_unlock(&mach->lock);
	err = found ? attr_locked(s, mach, &p, &e.attr) : ENOENT;
	if (err) {
		fuse_reply_err(req, err);
		return;
	}
	e.ino = place_ino(&p);
	e.generation = disk_generation(mach, &p);
	e.entry_timeout = entry_timeout(&p);
	e.attr_timeout = attr_timeout(&p);
	fuse_reply_entry(req, &e);
}

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct session *s = req_session(req);
	struct place p = ino_place(ino);
	struct machine *mach = session_machine(s, &p);
	struct stat st;
	int err = mach && p.row < nr_nodes ? attr_locked(s, mach, &p, &st)
					   : ESTALE;

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
	struct machine *mach = session_machine(s, &p);
	struct stat st;
	int err = 0;

	if (!mach || p.row >= nr_nodes)
		err = ESTALE;
	else if (node_table[p.row].kind == NODE_DISK)
		err = disk_setattr(req, mach, &p, to, set);
	else if (set & fixed)
		err = EPERM;
	if (!err)
		err = attr_locked(s, mach, &p, &st);
	if (err)
		fuse_reply_err(req, err);
	else
		fuse_reply_attr(req, &st, attr_timeout(&p));
}

void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct session *s = req_session(req);
	struct place p = ino_place(ino);
	struct machine *mach = session_machine(s, &p);
	struct sbuf b = {0};
	int err = 0;

	if (!mach || p.row >= nr_nodes) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	pthread_rwlock_rdlock(&mach->lock);
	if (node_table[p.row].kind == NODE_DISK)
		err = disk_readlink(mach, &p, &b);
	else if (!place_exists(&mach->view, &p))
		err = ENOENT;
	else if (node_table[p.row].kind != NODE_LINK)
		err = EINVAL;
	else
		node_table[p.row].show(&b, &mach->view, p.id);
	pthread_rwlock_unlock(&mach->lock);
	/* exe of a process that runs no program leads nowhere */
	if (!err && !b.len && !b.failed)
		err = ENOENT;
	sbuf_char(&b, 0);
	if (!err && b.failed)
		err = ENOMEM;
	if (err)
		fuse_reply_err(req, err);
	else
		fuse_reply_readlink(req, b.data);
	sbuf_free(&b);
}
