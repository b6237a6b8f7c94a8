/*
 * Directory listings.
 *
 * A directory of the node table is walked by cookies, so that a listing costs
 * nothing to open.  A directory of disk/ is listed as a whole at its first
 * read: whoever removes files while he lists sees each name once.
 */
#include <errno.h>
#include <stdlib.h>

#include "session.h"

#define NAME_SIZE 256

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct session *s = req_session(req);
	struct place p = ino_place(ino);
	struct machine *mach = session_machine(s, &p);
	struct open_file *f = mach ? open_file_new(s, &p, 0) : NULL;

	if (!f) {
		fuse_reply_err(req, mach ? ENOMEM : ESTALE);
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
	switch (node_table[p->row].kind) {
	case NODE_DIR:
	case NODE_DISK:
		return S_IFDIR;
	case NODE_LINK:
		return S_IFLNK;
	default:
		return S_IFREG;
	}
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

/* A record of the rendered listing never straddles two answers. */
static size_t list_disk(
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
	pthread_rwlock_rdlock(&f->machine->lock);
	if (!place_exists(&f->machine->view, &f->place))
		err = ENOENT;
	else if (f->node->kind != NODE_DISK)
		n = list_tree(req, f, buf, size, (uint64_t)off);
	else if (off == 0 || !f->rendered) {
		f->text.len = 0;
		err = disk_list(req, f->machine, &f->place, &f->text);
		f->rendered = !err;
	}
	pthread_rwlock_unlock(&f->machine->lock);
	if (!err && f->node->kind == NODE_DISK)
		n = list_disk(f, buf, size, (uint64_t)off);
	pthread_mutex_unlock(&f->lock);
	if (err)
		fuse_reply_err(req, err);
	else
		fuse_reply_buf(req, buf, n);
	free(buf);
}
