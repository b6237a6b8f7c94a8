/*
 * Directory listings.
 *
 * A directory of the node table is walked by cookies, so that a listing costs
 * nothing to open.  A directory of disk/ and checkpoints/ are listed as a
 * whole at their first read: whoever removes files while he lists sees each
 * name once.
 */
#include <errno.h>
#include <stdlib.h>

#include "session.h"

#define NAME_SIZE 256

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct session *s = req_session(req);
	struct open_file *f = NULL;
	struct machine *mach;
	struct place p;
	int err = machine_enter(req, ino, &p, &mach);

	if (!err) {
		f = open_file_new(s, mach, &p, 0);
		err = f ? may_open(req, f) : ENOMEM;
		if (f && err)
			open_file_free(f);
	}
	if (err) {
		fuse_reply_err(req, err);
		return;
	}
	fi->fh = (uintptr_t)f;
	if (fuse_reply_open(req, fi) == -ENOENT)
		open_file_free(f);
}

void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	open_file_free(file_of(fi));
	fuse_reply_err(req, 0);
}

static mode_t dirent_type(const struct place *p)
{
	const struct node *n = &node_table[p->row];

	if (node_is_dir(n))
		return S_IFDIR;
	return n->kind == NODE_LINK ? S_IFLNK : S_IFREG;
}

/* "." and ".." have the cookies 1 and 2; tree cookies begin at 1 << 40. */
static size_t list_tree(fuse_req_t req, struct open_file *f, char *buf,
	size_t size, uint64_t cookie)
{
	struct place up = {
		f->place.view, tree_row(f->place.row)->parent, f->place.id};
	struct stat st = {0};
	char name[NAME_SIZE];
	struct place p;
	size_t n = 0, len;

	st.st_mode = S_IFDIR;
	for (; cookie < 2; cookie++) {
		st.st_ino = place_ino(cookie ? &up : &f->place);
		len = fuse_add_direntry(req, buf + n, size - n,
			cookie ? ".." : ".", &st, (off_t)cookie + 1);
		if (len > size - n)
			return n;
		n += len;
	}
	if (cookie == 2)
		cookie = 0;
	while (tree_next(&f->machine->view, &f->place, &cookie, &p, name,
		sizeof(name))) {
		st.st_ino = place_ino(&p);
		st.st_mode = dirent_type(&p);
		len = fuse_add_direntry(
			req, buf + n, size - n, name, &st, (off_t)cookie);
		if (len > size - n)
			break;
		n += len;
	}
	return n;
}

void list_add(
	fuse_req_t req, struct sbuf *b, const char *name, const struct stat *st)
{
	size_t n = fuse_add_direntry(req, NULL, 0, name, NULL, 0);
	char *p = sbuf_room(b, n);

	if (!p)
		return;
	fuse_add_direntry(req, p, n, name, st, (off_t)(b->len + n));
	b->len += n;
}

/* Lists as a whole; false for a directory that is walked. */
static bool list_whole(fuse_req_t req, struct open_file *f, int *err)
{
	if (f->node->kind != NODE_DISK && !is_moments(&f->place))
		return false;
	f->text.len = 0;
	*err = f->node->kind == NODE_DISK
		       ? disk_list(req, f->machine, &f->place, &f->text)
		       : moments_list(req, &f->place, &f->text);
	f->rendered = !*err;
	return true;
}

/* A record of the rendered listing never straddles two answers. */
static size_t copy_listing(
	struct open_file *f, char *buf, size_t size, uint64_t off)
{
	size_t n = 0;

	while (off + n < f->text.len) {
		const char *rec = f->text.data + off + n;
		uint32_t name_len;
		size_t len;

		/* struct fuse_dirent: ino, off, namelen, type, name */
		memcpy(&name_len, rec + 16, sizeof(name_len));
		len = (24 + name_len + 7) & ~(size_t)7;
		if (n + len > size)
			break;
		memcpy(buf + n, rec, len);
		n += len;
	}
	return n;
}

void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
	struct fuse_file_info *fi)
{
	struct open_file *f = file_of(fi);
	char *buf = malloc(size);
	size_t n = 0;
	int err = 0;

	if (!buf) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	pthread_mutex_lock(&f->lock);
	fair_read(&f->machine->lock);
	if (!place_exists(&f->machine->view, &f->place))
		err = ENOENT;
	else if (!(off && f->rendered) && !list_whole(req, f, &err))
		n = list_tree(req, f, buf, size, (uint64_t)off);
	fair_unlock(&f->machine->lock);
	if (!err && f->rendered)
		n = copy_listing(f, buf, size, (uint64_t)off);
	pthread_mutex_unlock(&f->lock);
	if (err)
		fuse_reply_err(req, err);
	else
		fuse_reply_buf(req, buf, n);
	free(buf);
}
