/*
 * Files of disk/: attributes, contents, listings.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "access.h"
#include "disk_path.h"

static mode_t inode_type_mode(const struct inode *i)
{
	switch (i->type) {
	case INODE_DIR:
		return S_IFDIR;
	case INODE_LINK:
		return S_IFLNK;
	default:
		return S_IFREG;
	}
}

static struct timespec disk_time(uint64_t ns)
{
	return (struct timespec){
		.tv_sec = (time_t)(BOOT_EPOCH_S + ns / 1000000000u),
		.tv_nsec = (long)(ns % 1000000000u),
	};
}

static unsigned dir_links(const struct vm *m, const struct inode *dir)
{
	unsigned n = 2;

	for (idx_t i = dir->child; i; i = inode_at(m, i)->sibling)
		n += inode_at(m, i)->type == INODE_DIR;
	return n;
}

static const char *link_text(const struct vm *m, const struct inode *i)
{
	return seg_at(m, SEG_NAME, (uint64_t)i->target * DISK_NAME_SIZE);
}

/* The number that stat shows: of a file of the live machine the one that its
 * processes see in maps and fdinfo.  Those of shared memory count apart, and
 * those of the past are other files. */
static uint64_t stat_ino(const struct place *p, const struct inode *i)
{
	return p->view || i->type == INODE_SHMEM ? place_ino(p) : i->ino;
}

int disk_attr(struct session *s, struct machine *mach, const struct place *p,
	struct stat *st)
{
	const struct vm *m = mach->view.vm;
	idx_t idx = disk_inode(mach, p);
	const struct inode *i = inode_at(m, idx);

	if (!idx)
		return ESTALE;
	st->st_ino = stat_ino(p, i);
	st->st_mode = inode_type_mode(i) | (i->mode & 07777);
	st->st_nlink = i->type == INODE_DIR ? dir_links(m, i) : i->linked;
	st->st_uid = host_of_user(&mach->view, i->uid);
	st->st_gid = host_of_group(&mach->view, i->gid);
	st->st_size = (off_t)i->size;
	st->st_blocks = (blkcnt_t)(i->nr_blocks * (DISK_BLOCK / 512));
	st->st_blksize = DISK_BLOCK;
	st->st_mtim = st->st_atim = disk_time(i->mtime_ns);
	st->st_ctim = disk_time(i->ctime_ns);
	if (i->type == INODE_LINK)
		st->st_size = (off_t)strlen(link_text(m, i));
	return 0;
}

/* The index of a removed inode is used again: its number tells them apart. */
static uint32_t disk_generation(
	const struct machine *mach, const struct place *p)
{
	if (node_table[p->row].kind != NODE_DISK || !p->id)
		return 0;
	return inode_at(mach->view.vm, (idx_t)p->id)->ino;
}

/* The kernel keeps 32 bits.  A file of the history before a restore is not
 * the one that has its number now, and shares no pages with it. */
uint32_t disk_entry_generation(
	const struct machine *mach, const struct place *p)
{
	uint32_t generation = disk_generation(mach, p);

	if (generation &&
		inode_at(mach->view.vm, (idx_t)p->id)->type != INODE_DIR)
		generation += atomic_load(&mach->restores) * 0x9e3779b1u;
	return generation;
}

/* The inode that was opened; 0 if it is gone. */
static idx_t opened(const struct open_file *f)
{
	idx_t i = disk_inode(f->machine, &f->place);

	if (i && (disk_generation(f->machine, &f->place) != f->generation ||
			 f->restores != f->machine->restores))
		return 0;
	return i;
}

int disk_readlink(struct machine *mach, const struct place *p, struct sbuf *b)
{
	idx_t idx = disk_inode(mach, p);
	const struct inode *i = inode_at(mach->view.vm, idx);

	if (!idx)
		return ESTALE;
	if (i->type != INODE_LINK)
		return EINVAL;
	sbuf_str(b, link_text(mach->view.vm, i));
	return 0;
}

/* ---- contents ----------------------------------------------------------- */

static int truncate_to(
	fuse_req_t req, struct machine *mach, idx_t inode, uint64_t size)
{
	struct sbuf line = {0};
	int err;

	sbuf_str(&line, "truncate");
	err = disk_quote_path(&line, mach->view.vm, inode, NULL);
	sbuf_printf(&line, " %llu", (unsigned long long)size);
	if (!err)
		return disk_run(req, mach, &line, NULL, 0);
	sbuf_free(&line);
	return err;
}

int disk_open(fuse_req_t req, struct open_file *f, int flags)
{
	struct machine *mach = f->machine;
	idx_t i;
	int err = 0;

	if (flags & O_TRUNC)
		fair_write(&mach->lock);
	else
		fair_read(&mach->lock);
	i = disk_inode(mach, &f->place);
	if (!i)
		err = ESTALE;
	else if ((flags & O_ACCMODE) != O_RDONLY &&
		 inode_at(mach->view.vm, i)->writers < 0)
		err = ETXTBSY; /* it is being executed */
	else if (flags & O_TRUNC && inode_at(mach->view.vm, i)->size)
		err = truncate_to(req, mach, i, 0);
	if (!err) {
		f->generation = disk_generation(mach, &f->place);
		f->restores = mach->restores;
	}
	fair_unlock(&mach->lock);
	return err;
}

int64_t disk_file_read(struct open_file *f, char *buf, size_t len, uint64_t off)
{
	idx_t i = opened(f);

	if (!i)
		return -ESTALE;
	return (int64_t)disk_read(f->machine->view.vm, i, off, buf, len);
}

int64_t disk_file_write(fuse_req_t req, struct open_file *f, const char *buf,
	size_t len, uint64_t off)
{
	struct sbuf line = {0};
	idx_t i = opened(f);
	int err = ESTALE;

	sbuf_str(&line, "write");
	if (i)
		err = disk_quote_path(&line, f->machine->view.vm, i, NULL);
	sbuf_printf(&line, " %llu", (unsigned long long)off);
	if (err) {
		sbuf_free(&line);
		return -err;
	}
	err = disk_run(req, f->machine, &line, buf, len);
	return err ? -err : (int64_t)len;
}

/* `VERB PATH A [B]` in octal or decimal. */
static int set_attr(fuse_req_t req, struct machine *mach, idx_t inode,
	const char *verb, const char *values)
{
	struct sbuf line = {0};
	int err;

	sbuf_str(&line, verb);
	err = disk_quote_path(&line, mach->view.vm, inode, NULL);
	sbuf_str(&line, values);
	if (!err)
		return disk_run(req, mach, &line, NULL, 0);
	sbuf_free(&line);
	return err;
}

/* Times are accepted and stay what the machine made them. */
static int setattr_locked(fuse_req_t req, struct machine *mach, idx_t i,
	const struct stat *to, int set)
{
	const struct view *v = &mach->view;
	const struct inode *inode = inode_at(v->vm, i);
	char values[64];
	int err = 0;

	if (set & FUSE_SET_ATTR_SIZE && (uint64_t)to->st_size != inode->size)
		err = truncate_to(req, mach, i, (uint64_t)to->st_size);
	if (!err && set & FUSE_SET_ATTR_MODE) {
		snprintf(values, sizeof(values), " 0%o", to->st_mode & 07777);
		err = set_attr(req, mach, i, "chmod", values);
	}
	if (!err && set & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID)) {
		snprintf(values, sizeof(values), " %u %u",
			set & FUSE_SET_ATTR_UID ? user_of_host(v, to->st_uid)
						: inode->uid,
			set & FUSE_SET_ATTR_GID
				? group_of_host(v, to->st_uid, to->st_gid)
				: inode->gid);
		err = set_attr(req, mach, i, "chown", values);
	}
	return err;
}

int disk_setattr(fuse_req_t req, struct machine *mach, const struct place *p,
	const struct stat *to, int set)
{
	idx_t i;
	int err;

	fair_write(&mach->lock);
	i = disk_inode(mach, p);
	err = i ? setattr_locked(req, mach, i, to, set) : ESTALE;
	fair_unlock(&mach->lock);
	return err;
}

/* ---- listings ----------------------------------------------------------- */

int disk_list(fuse_req_t req, struct machine *mach, const struct place *dir,
	struct sbuf *b)
{
	const struct vm *m = mach->view.vm;
	idx_t d = disk_inode(mach, dir);
	const struct inode *inode = inode_at(m, d);
	struct stat st = {.st_mode = S_IFDIR};
	struct place p;

	if (!d)
		return ESTALE;
	if (inode->type != INODE_DIR)
		return ENOTDIR;
	st.st_ino = stat_ino(dir, inode);
	list_add(req, b, ".", &st);
	if (dir->id) {
		p = disk_place(mach, dir, inode->parent);
		st.st_ino = stat_ino(&p, inode_at(m, inode->parent));
	} else {
		st.st_ino = ROOT_INO;
	}
	list_add(req, b, "..", &st);
	for (idx_t i = inode->child; i; i = inode_at(m, i)->sibling) {
		p = disk_place(mach, dir, i);
		st.st_ino = stat_ino(&p, inode_at(m, i));
		st.st_mode = inode_type_mode(inode_at(m, i));
		list_add(req, b, disk_name(m, inode_at(m, i)), &st);
	}
	return b->failed ? ENOMEM : 0;
}
