/*
 * Open file descriptions and the descriptors of a process that name them.
 * References to a description: descriptors, VMAs, and mm->exe.
 */
#include "task_i.h"

#include <string.h>

#include "../disk/dcache.h"
#include "../disk/disk.h"
#include "../slab/slab.h"

/*
 * The bits that count for c: the owner's, the group's or the others'.
 * Capabilities open what they close: all but running what nobody may run.
 * Source: Linux fs/namei.c (generic_permission).
 */
bool file_right(const struct cred *c, const struct inode *i, uint32_t bit)
{
	unsigned shift = c->fsuid == i->uid ? 6 : c->fsgid == i->gid ? 3 : 0;
	bool dir = i->type == INODE_DIR;

	if (i->mode >> shift & bit)
		return true;
	if (c->cap_effective & CAP_BIT(CAP_DAC_OVERRIDE) &&
		(bit != 1 || dir || i->mode & 0111))
		return true;
	return c->cap_effective & CAP_BIT(CAP_DAC_READ_SEARCH) &&
	       (bit == 4 || (dir && bit == 1));
}

int inode_rights(struct vm *m, const struct cred *c, const char *path,
	idx_t inode, uint32_t fmode)
{
	const struct inode *i = inode_at(m, inode);
	static const struct {
		uint32_t fmode, bit;
		const char *verb;
	} right[] = {
		{FMODE_READ, 4, "read"},
		{FMODE_WRITE, 2, "write"},
		{FMODE_EXEC, 1, "execute"},
	};

	if (fmode & FMODE_WRITE && i->type == INODE_DIR)
		return vm_fail(m, EISDIR,
			"%s is a directory and cannot be opened for writing",
			path);
	if (fmode & FMODE_EXEC && i->type != INODE_FILE)
		return vm_fail(m, EACCES,
			"%s is not a regular file and cannot be executed",
			path);
	for (size_t r = 0; r < sizeof(right) / sizeof(*right); r++) {
		if (!(fmode & right[r].fmode) || !c ||
			file_right(c, i, right[r].bit))
			continue;
		return vm_fail(m, EACCES,
			"%s has mode 0%u%u%u and owner %u: user %u may not %s "
			"it",
			path, i->mode >> 6 & 7, i->mode >> 3 & 7, i->mode & 7,
			i->uid, c->fsuid, right[r].verb);
	}
	return 0;
}

int inode_may_write(struct vm *m, idx_t inode)
{
	const struct inode *i = inode_at(m, inode);

	if (i->writers >= 0)
		return 0;
	return vm_fail(m, ETXTBSY,
		"%s is being executed and cannot be written until all its "
		"processes have ended",
		disk_name(m, i));
}

/* Programs are not opened while somebody may write them. */
static int may_run(struct vm *m, const char *path, idx_t inode)
{
	int32_t nr = inode_at(m, inode)->writers;

	if (nr <= 0)
		return 0;
	return vm_fail(m, ETXTBSY,
		"%s is open for writing %d times and cannot be executed", path,
		nr);
}

idx_t file_open(
	struct vm *m, const struct cred *c, const char *path, uint32_t fmode)
{
	idx_t inode;

	if (!path[0]) {
		vm_fail(m, ENOENT, "the empty path names no file");
		return 0;
	}
	inode = disk_lookup_as(m, c, path, true);
	if (!inode || inode_rights(m, c, path, inode, fmode) ||
		(fmode & FMODE_EXEC && may_run(m, path, inode)) ||
		(fmode & FMODE_WRITE && inode_may_write(m, inode)))
		return 0;
	return file_of_inode(m, inode, fmode);
}

idx_t file_open_flags(struct vm *m, const struct task *t, const char *path,
	uint32_t flags, uint32_t mode)
{
	uint32_t fmode = flags & (FMODE_READ | FMODE_WRITE);
	uint32_t rights =
		flags & OPEN_NEITHER ? FMODE_READ | FMODE_WRITE : fmode;
	uint32_t writes = fmode & FMODE_WRITE || flags & OPEN_TRUNC;
	bool made = false;
	idx_t inode;

	if (!path[0]) {
		vm_fail(m, ENOENT, "the empty path names no file");
		return 0;
	}
	if (flags & OPEN_TRUNC)
		rights |= FMODE_WRITE;
	if (flags & OPEN_CREAT)
		inode = disk_open_create(m, &t->cred, path, flags & OPEN_EXCL,
			mode & 07777, &made);
	else
		inode = disk_lookup_as(m, &t->cred, path, true);
	if (!inode)
		return 0;
	if (!made && inode_rights(m, &t->cred, path, inode, rights))
		return 0;
	if (writes && inode_may_write(m, inode))
		return 0;
	if (flags & OPEN_TRUNC && disk_truncate(m, inode, 0))
		return 0;
	if (flags & OPEN_APPEND)
		fmode |= FMODE_APPEND;
	return file_of_inode(m, inode, fmode);
}

idx_t file_of_inode(struct vm *m, idx_t inode, uint32_t fmode)
{
	paddr_t object = dcache_use(m, inode) ? 0 : object_alloc(m, CACHE_FILE);
	idx_t i = object ? pool_alloc(m, SEG_FILE) : 0;
	struct file *f;

	if (!i) {
		slab_free(m, object);
		return 0;
	}
	f = file_at(m, i);
	f->object = object;
	f->inode = inode;
	f->refs = 1;
	f->mode = fmode;
	f->ra.max = readahead_max(m);
	f->ra.prev = UINT64_MAX;
	inode_get(m, inode);
	if (fmode & FMODE_WRITE)
		inode_at(m, inode)->writers++;
	return i;
}

void file_get(struct vm *m, idx_t file)
{
	file_at(m, file)->refs++;
}

void file_put(struct vm *m, idx_t file)
{
	struct file *f = file_at(m, file);
	idx_t inode = f->inode;

	if (--f->refs)
		return;
	if (f->mode & FMODE_WRITE)
		inode_at(m, inode)->writers--;
	slab_free(m, f->object);
	pool_free(m, SEG_FILE, file);
	inode_put(m, inode);
}

int exe_get(struct vm *m, idx_t file)
{
	struct inode *i = inode_at(m, file_at(m, file)->inode);
	int err = may_run(m, disk_name(m, i), file_at(m, file)->inode);

	if (err)
		return err;
	i->writers--;
	file_get(m, file);
	return 0;
}

void exe_put(struct vm *m, idx_t file)
{
	inode_at(m, file_at(m, file)->inode)->writers++;
	file_put(m, file);
}

/*
 * The link that points to the first descriptor >= number.  With number -1:
 * behind the last of the gapless run from 0, and *number is the gap.
 */
static idx_t *fd_slot(struct vm *m, struct task *t, int *number)
{
	idx_t *link = &t->fds;
	uint32_t next = 0;

	for (; *link; link = &fd_at(m, *link)->next) {
		uint32_t have = fd_at(m, *link)->number;

		if (*number < 0 ? have != next : have >= (uint32_t)*number)
			break;
		next = have + 1;
	}
	if (*number < 0)
		*number = (int)next;
	return link;
}

static int fd_limit(struct vm *m, const struct task *t, int number, int err)
{
	uint64_t limit = t->rlim[RLIM_NOFILE].soft;

	if ((uint64_t)number < limit)
		return 0;
	return vm_fail(m, err,
		"descriptor %d is not below RLIMIT_NOFILE, which is %llu",
		number, (unsigned long long)limit);
}

int fd_install(struct vm *m, struct task *t, idx_t file, int number)
{
	int err = number < 0 ? EMFILE : EBADF;
	idx_t *link = fd_slot(m, t, &number);
	struct fd *fd;
	idx_t i;

	err = fd_limit(m, t, number, err);
	if (err)
		return err;
	if (*link && fd_at(m, *link)->number == (uint32_t)number) {
		fd = fd_at(m, *link);
		file_put(m, fd->file);
		fd->file = file;
		return number;
	}
	i = pool_alloc(m, SEG_FD);
	if (!i)
		return -ENOMEM;
	fd = fd_at(m, i);
	fd->number = (uint32_t)number;
	fd->file = file;
	fd->next = *link;
	*link = i;
	return number;
}

idx_t fd_lookup(struct vm *m, const struct task *t, int number)
{
	for (idx_t i = t->fds; i; i = fd_at(m, i)->next)
		if (fd_at(m, i)->number == (uint32_t)number)
			return fd_at(m, i)->file;
	return 0;
}

static void fd_remove(struct vm *m, idx_t *link)
{
	idx_t i = *link;
	idx_t file = fd_at(m, i)->file;

	*link = fd_at(m, i)->next;
	pool_free(m, SEG_FD, i);
	file_put(m, file);
}

int fd_close(struct vm *m, struct task *t, int number)
{
	idx_t *link;

	if (number >= 0) {
		link = fd_slot(m, t, &number);
		if (*link && fd_at(m, *link)->number == (uint32_t)number) {
			fd_remove(m, link);
			return 0;
		}
	}
	return vm_fail(m, EBADF, "process %u has no open descriptor %d", t->pid,
		number);
}

void fd_close_all(struct vm *m, struct task *t)
{
	while (t->fds)
		fd_remove(m, &t->fds);
}

int fd_copy_all(struct vm *m, struct task *to, const struct task *from)
{
	idx_t *tail = &to->fds;

	for (idx_t i = from->fds; i; i = fd_at(m, i)->next) {
		idx_t copy = pool_alloc(m, SEG_FD);

		if (!copy)
			return -ENOMEM;
		*fd_at(m, copy) = *fd_at(m, i);
		fd_at(m, copy)->next = 0;
		file_get(m, fd_at(m, copy)->file);
		*tail = copy;
		tail = &fd_at(m, copy)->next;
	}
	return 0;
}
