/*
 * Changes of the tree: create, mkdir, symlink, unlink, rmdir, rename.  Which
 * errno wins follows Linux fs/namei.c; a refused change has changed nothing.
 */
#include <string.h>

#include "../swap/swap.h"
#include "../task/cred.h"
#include "disk_i.h"

#define RENAME_NOREPLACE_FLAG 1u
#define S_GROUP		      02000u /* S_ISGID: what is made there has its group */

static int exists(struct vm *m, const char *path)
{
	return vm_fail(m, EEXIST, "%s exists already", path);
}

/* Where a new name would go.  A name that must not end in a slash cannot be
 * made with one. */
static int new_end(
	struct vm *m, const char *path, bool dir, struct path_end *end)
{
	int err = path_parent(m, path, end);

	if (err)
		return err;
	if (path_end_special(end) ||
		disk_child(m, end->dir, end->name, end->len))
		return exists(m, path);
	if (end->slash && !dir)
		return vm_fail(m, ENOENT,
			"%s ends in a slash: only a directory can", path);
	return 0;
}

static idx_t make(struct vm *m, const struct path_end *end,
	enum inode_type type, uint32_t mode, uint32_t uid, uint32_t gid)
{
	idx_t i;
	struct inode *n;

	if (!pool_room(m, SEG_NAME)) {
		vm_fail(m, ENOMEM, "the machine's table \"%s\" is full",
			arena_seg_name(SEG_NAME));
		return 0;
	}
	i = inode_new(m, type, mode, uid, gid);
	if (!i)
		return 0;
	n = inode_at(m, i);
	name_new(m, &n->name, end->name, end->len);
	n->name_hash = name_hash(end->name, end->len);
	inode_link(m, end->dir, i);
	return i;
}

idx_t disk_create(struct vm *m, const char *path, uint32_t mode, uint32_t uid,
	uint32_t gid)
{
	struct path_end end;

	if (new_end(m, path, false, &end))
		return 0;
	return make(m, &end, INODE_FILE, mode, uid, gid);
}

/* An entry that open(2) with O_CREAT finds. */
static idx_t found(struct vm *m, const char *path, idx_t i, bool excl)
{
	if (excl)
		vm_fail(m, EEXIST, "%s exists, and excl asks for a new file",
			path);
	else if (inode_at(m, i)->type == INODE_DIR)
		vm_fail(m, EISDIR, "%s is a directory, and creat makes files",
			path);
	else
		return i;
	return 0;
}

idx_t disk_open_create(struct vm *m, const struct cred *c, const char *path,
	bool excl, uint32_t mode, bool *made)
{
	const struct inode *dir;
	struct path_end end;
	idx_t i;

	*made = false;
	if (path_target(m, c, path, !excl, &end))
		return 0;
	if (path_end_special(&end))
		return found(m, path, end.dir, excl);
	if (end.slash) {
		vm_fail(m, EISDIR, "%s ends in a slash, and creat makes files",
			path);
		return 0;
	}
	i = disk_child(m, end.dir, end.name, end.len);
	if (i)
		return found(m, path, i, excl);
	if (dir_right(m, c, end.dir, DIR_WRITE))
		return 0;
	*made = true;
	dir = inode_at(m, end.dir);
	return make(m, &end, INODE_FILE, mode, c->fsuid,
		dir->mode & S_GROUP ? dir->gid : c->fsgid);
}

idx_t disk_make_shmem(struct vm *m, const char *path, uint32_t mode,
	uint32_t uid, uint32_t gid)
{
	struct path_end end;
	idx_t i;

	if (new_end(m, path, false, &end))
		return 0;
	i = make(m, &end, INODE_SHMEM, mode, uid, gid);
	if (i)
		inode_at(m, i)->noreserve = inode_at(m, i)->tmpfs = 1;
	return i;
}

int disk_mkdir(struct vm *m, const char *path, uint32_t mode, uint32_t uid,
	uint32_t gid)
{
	struct path_end end;
	int err = new_end(m, path, true, &end);

	if (err)
		return err;
	return make(m, &end, INODE_DIR, mode, uid, gid) ? 0 : -ENOMEM;
}

int disk_symlink(struct vm *m, const char *target, const char *path,
	uint32_t uid, uint32_t gid)
{
	size_t len = strnlen(target, DISK_NAME_SIZE);
	struct path_end end;
	struct inode *n;
	idx_t i;
	int err;

	if (!len)
		return vm_fail(m, ENOENT, "the text of a link cannot be empty");
	if (len == DISK_NAME_SIZE)
		return vm_fail(m, ENAMETOOLONG,
			"the text of a link has at most %u bytes",
			DISK_NAME_SIZE - 1);
	err = new_end(m, path, false, &end);
	if (err)
		return err;
	if (pool_room(m, SEG_NAME) < 2)
		return vm_fail(m, ENOMEM, "the machine's table \"%s\" is full",
			arena_seg_name(SEG_NAME));
	i = make(m, &end, INODE_LINK, 0777, uid, gid);
	if (!i)
		return -ENOMEM;
	n = inode_at(m, i);
	name_new(m, &n->target, target, len);
	n->size = len;
	return 0;
}

/* A swap area in use keeps its name. */
static bool swap_keeps(struct vm *m, idx_t i)
{
	char path[120];

	if (!inode_is_swap(m, i))
		return false;
	disk_path(m, i, path, sizeof(path));
	vm_fail(m, EPERM, "%s is a swap area in use: swapoff first", path);
	return true;
}

int disk_unlink(struct vm *m, const char *path)
{
	struct path_end end;
	struct inode *n;
	idx_t i = 0;
	int err = path_parent(m, path, &end);

	if (err)
		return err;
	if (!path_end_special(&end))
		i = disk_child(m, end.dir, end.name, end.len);
	else
		i = end.dir;
	if (!i)
		return vm_fail(m, ENOENT, "%s does not exist", path);
	n = inode_at(m, i);
	if (n->type == INODE_DIR)
		return vm_fail(m, EISDIR,
			"%s is a directory: rmdir removes those", path);
	if (end.slash)
		return vm_fail(m, ENOTDIR,
			"%s ends in a slash, but names no directory", path);
	if (swap_keeps(m, i))
		return -EPERM;
	inode_drop(m, i);
	return 0;
}

static int rmdir_special(
	struct vm *m, const char *path, const struct path_end *end)
{
	if (!end->len)
		return vm_fail(
			m, EBUSY, "the root of the disk cannot be removed");
	if (end->len == 1)
		return vm_fail(m, EINVAL,
			"%s: a directory is removed by its name, not by \".\"",
			path);
	return vm_fail(m, ENOTEMPTY,
		"%s holds the directory that the path goes through", path);
}

int disk_rmdir(struct vm *m, const char *path)
{
	struct path_end end;
	struct inode *n;
	idx_t i;
	int err = path_parent(m, path, &end);

	if (err)
		return err;
	if (path_end_special(&end))
		return rmdir_special(m, path, &end);
	i = disk_child(m, end.dir, end.name, end.len);
	if (!i)
		return vm_fail(m, ENOENT, "%s does not exist", path);
	n = inode_at(m, i);
	if (n->type != INODE_DIR)
		return vm_fail(m, ENOTDIR, "%s is not a directory", path);
	if (n->nr_children)
		return vm_fail(m, ENOTEMPTY, "%s still holds %u entries", path,
			n->nr_children);
	inode_drop(m, i);
	return 0;
}

/* Whether `above` is `i` or one of its ancestors. */
static bool is_above(const struct vm *m, idx_t above, idx_t i)
{
	while (i != above && i != m->root->disk_root)
		i = inode_at(m, i)->parent;
	return i == above;
}

struct renaming {
	struct path_end from, to;
	idx_t moved, victim; /* victim: what the new name named, or 0 */
};

static int rename_ends(struct vm *m, const char *from, const char *to,
	unsigned flags, struct renaming *r)
{
	int err = path_parent(m, from, &r->from);

	if (!err)
		err = path_parent(m, to, &r->to);
	if (err)
		return err;
	if (path_end_special(&r->from))
		return vm_fail(m, EBUSY, "%s names no entry to rename", from);
	if (path_end_special(&r->to))
		return vm_fail(m,
			flags & RENAME_NOREPLACE_FLAG ? EEXIST : EBUSY,
			"%s is no name that an entry can take", to);
	r->moved = disk_child(m, r->from.dir, r->from.name, r->from.len);
	r->victim = disk_child(m, r->to.dir, r->to.name, r->to.len);
	if (!r->moved)
		return vm_fail(m, ENOENT, "%s does not exist", from);
	if (r->victim && flags & RENAME_NOREPLACE_FLAG)
		return exists(m, to);
	return 0;
}

static int rename_check(struct vm *m, const char *from, const char *to,
	const struct renaming *r)
{
	bool dir = inode_at(m, r->moved)->type == INODE_DIR;
	const struct inode *victim = inode_at(m, r->victim);

	if (!dir && (r->from.slash || r->to.slash))
		return vm_fail(m, ENOTDIR,
			"%s is not a directory, but a path ends in a slash",
			from);
	if (dir && is_above(m, r->moved, r->to.dir))
		return vm_fail(m, EINVAL,
			"%s cannot become a directory inside itself", from);
	if (!r->victim || r->victim == r->moved)
		return 0;
	if (is_above(m, r->victim, r->from.dir))
		return vm_fail(m, ENOTEMPTY, "%s holds %s", to, from);
	if (dir && victim->type != INODE_DIR)
		return vm_fail(m, ENOTDIR,
			"%s is a directory, %s is not: it cannot be replaced",
			from, to);
	if (!dir && victim->type == INODE_DIR)
		return vm_fail(m, EISDIR,
			"%s is a directory: only a directory replaces it", to);
	if (victim->nr_children)
		return vm_fail(m, ENOTEMPTY, "%s still holds %u entries", to,
			victim->nr_children);
	return 0;
}

int disk_rename(struct vm *m, const char *from, const char *to, unsigned flags)
{
	struct renaming r;
	struct inode *n;
	int err;

	if (flags & ~RENAME_NOREPLACE_FLAG)
		return vm_fail(m, EINVAL,
			"rename flags 0x%x: only 0 and 1 (no replacing) are "
			"known",
			flags);
	err = rename_ends(m, from, to, flags, &r);
	if (!err)
		err = rename_check(m, from, to, &r);
	if (err || r.victim == r.moved)
		return err;
	if (swap_keeps(m, r.moved) || swap_keeps(m, r.victim))
		return -EPERM;
	if (r.victim)
		inode_drop(m, r.victim);
	n = inode_at(m, r.moved);
	inode_unlink(m, r.moved);
	name_set(m, n->name, r.to.name, r.to.len);
	n->name_hash = name_hash(r.to.name, r.to.len);
	inode_link(m, r.to.dir, r.moved);
	n->ctime_ns = m->root->ns;
	return 0;
}
