/*
 * The tree of disk/: creating, removing and renaming.  Each change is one
 * event, whose text is the command that does it.
 */
#include <errno.h>
#include <stdlib.h>

#include "disk_path.h"

bool disk_find(struct machine *mach, const struct place *dir, const char *name,
	struct place *out)
{
	idx_t d = disk_inode(mach, dir), i;

	if (!d || inode_at(mach->view.vm, d)->type != INODE_DIR)
		return false;
	i = disk_child(mach->view.vm, d, name, strlen(name));
	if (i)
		*out = disk_place(mach, dir, i);
	return i != 0;
}

/* A change of one name in a directory, as the operations below share it. */
struct change {
	struct session *s;
	struct machine *mach;
	struct place dir;
	idx_t inode;
	struct sbuf line;
};

/* Begins with `VERB`; locks the machine.  0 or an errno (not locked). */
static int change_begin(
	struct change *c, fuse_req_t req, fuse_ino_t dir, const char *verb)
{
	*c = (struct change){.s = req_session(req), .dir = ino_place(dir)};
	c->mach = &c->s->live;
	if (c->dir.view)
		return EROFS;
	if (c->dir.row >= nr_nodes || node_table[c->dir.row].kind != NODE_DISK)
		return EPERM;
	fair_write(&c->mach->lock);
	c->inode = disk_inode(c->mach, &c->dir);
	if (!c->inode) {
		fair_unlock(&c->mach->lock);
		return ESTALE;
	}
	sbuf_str(&c->line, verb);
	return 0;
}

/* Unlocks the machine; the errno of the answer. */
static int change_end(struct change *c, int err)
{
	sbuf_free(&c->line);
	fair_unlock(&c->mach->lock);
	err = settle(c->s, err);
	poll_wake(c->s);
	return err;
}

static int change_run(struct change *c, fuse_req_t req)
{
	return disk_run(req, c->mach, &c->line, NULL, 0);
}

static int add_name(struct change *c, const char *name)
{
	return disk_quote_path(&c->line, c->mach->view.vm, c->inode, name);
}

/* Entry of a name that exists now; the machine is locked. */
static int entry_of(
	struct change *c, const char *name, struct fuse_entry_param *e)
{
	struct place p;
	int err;

	memset(e, 0, sizeof(*e));
	if (!disk_find(c->mach, &c->dir, name, &p))
		return EIO;
	err = node_attr(c->s, c->mach, &p, &e->attr);
	e->ino = place_ino(&p);
	e->generation = disk_entry_generation(c->mach, &p);
	return err;
}

/* `VERB PATH MODE`, and the entry of what came into being. */
static int make(fuse_req_t req, fuse_ino_t parent, const char *name,
	const char *verb, mode_t mode, struct fuse_entry_param *e)
{
	struct change c;
	int err = change_begin(&c, req, parent, verb);

	if (err)
		return err;
	err = add_name(&c, name);
	sbuf_printf(&c.line, " 0%o", mode & 07777);
	if (!err)
		err = change_run(&c, req);
	if (!err)
		err = entry_of(&c, name, e);
	return change_end(&c, err);
}

static void reply_made(
	fuse_req_t req, int err, const struct fuse_entry_param *e)
{
	if (err)
		fuse_reply_err(req, err);
	else
		fuse_reply_entry(req, e);
}

void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct place dir = ino_place(parent);
	struct fuse_entry_param e;
	int err;

	if (is_moments(&dir)) {
		moment_mkdir(req, &dir, name);
		return;
	}
	err = make(req, parent, name, "mkdir", mode, &e);
	reply_made(req, err, &e);
}

void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	dev_t dev)
{
	struct fuse_entry_param e;
	int err = EPERM;

	if (S_ISREG(mode))
		err = make(req, parent, name, "create", mode, &e);
	reply_made(req, err, &e);
}

void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	struct fuse_file_info *fi)
{
	struct fuse_entry_param e;
	struct open_file *f = NULL;
	int err = make(req, parent, name, "create", mode, &e);

	if (!err) {
		struct place p = ino_place(e.ino);

		f = open_file_new(req_session(req), &req_session(req)->live, &p,
			fi->flags);
		err = f ? disk_open(req, f, 0) : ENOMEM;
	}
	if (err) {
		if (f)
			open_file_free(f);
		fuse_reply_err(req, err);
		return;
	}
	fi->fh = (uintptr_t)f;
	fi->noflush = 1;
	if (fuse_reply_create(req, &e, fi) == -ENOENT)
		open_file_free(f);
}

void op_symlink(
	fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e;
	struct change c;
	int err = change_begin(&c, req, parent, "symlink");

	if (!err) {
		disk_quote(&c.line, target, strlen(target));
		err = add_name(&c, name);
		if (!err)
			err = change_run(&c, req);
		if (!err)
			err = entry_of(&c, name, &e);
		err = change_end(&c, err);
	}
	reply_made(req, err, &e);
}

static void remove_name(
	fuse_req_t req, fuse_ino_t parent, const char *name, const char *verb)
{
	struct change c;
	int err = change_begin(&c, req, parent, verb);

	if (!err) {
		err = add_name(&c, name);
		if (!err)
			err = change_run(&c, req);
		err = change_end(&c, err);
	}
	fuse_reply_err(req, err);
}

void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	remove_name(req, parent, name, "unlink");
}

void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct place dir = ino_place(parent);

	if (is_moments(&dir))
		moment_rmdir(req, &dir, name);
	else
		remove_name(req, parent, name, "rmdir");
}

void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name,
	fuse_ino_t to, const char *to_name, unsigned flags)
{
	struct place from_place = ino_place(parent), to_place = ino_place(to);
	struct change c;
	idx_t to_dir;
	int err;

	if (is_moments(&from_place)) {
		moment_rename(
			req, &from_place, name, &to_place, to_name, flags);
		return;
	}
	err = change_begin(&c, req, parent, "rename");
	if (err) {
		fuse_reply_err(req, err);
		return;
	}
	to_dir = to_place.view ? 0 : disk_inode(c.mach, &to_place);
	err = to_dir ? add_name(&c, name) : to_place.view ? EROFS : EXDEV;
	if (!err)
		err = disk_quote_path(
			&c.line, c.mach->view.vm, to_dir, to_name);
	sbuf_printf(&c.line, " %u", flags);
	if (!err)
		err = change_run(&c, req);
	fuse_reply_err(req, change_end(&c, err));
}
