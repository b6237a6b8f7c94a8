/*
 * Paths of disk/ inside commands, and the running of those; see disk_path.h.
 */
#include <errno.h>

#include "access.h"
#include "disk_path.h"

idx_t disk_inode(const struct machine *mach, const struct place *p)
{
	const struct vm *m = mach->view.vm;
	idx_t i = p->id ? (idx_t)p->id : m->root->disk_root;
	const struct inode *inode = inode_at(m, i);

	if (p->row >= nr_nodes || node_table[p->row].kind != NODE_DISK ||
		(i + 1ull) * sizeof(*inode) > m->arena.seg[SEG_INODE].used)
		return 0;
	/* Of shared memory only what has a name lies on the disk. */
	if (inode->type == INODE_FREE ||
		((inode->type == INODE_SHMEM || inode->type == INODE_HUGETLB) &&
			!inode->linked))
		return 0;
	return i;
}

struct place disk_place(
	const struct machine *mach, const struct place *dir, idx_t inode)
{
	bool root = inode == mach->view.vm->root->disk_root;

	return (struct place){dir->view, dir->row, root ? 0 : inode};
}

void disk_quote(struct sbuf *b, const char *text, size_t len)
{
	sbuf_str(b, " \"");
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '"' || c == '\\') {
			sbuf_char(b, '\\');
			sbuf_char(b, (char)c);
		} else if (c < ' ' || c == 127) {
			sbuf_str(b, "\\x");
			sbuf_hex_pad(b, c, 2);
		} else {
			sbuf_char(b, (char)c);
		}
	}
	sbuf_char(b, '"');
}

int disk_quote_path(
	struct sbuf *b, const struct vm *m, idx_t inode, const char *name)
{
	char path[DISK_NAME_SIZE + DISK_NAME_MAX + 2];
	const struct inode *i = inode_at(m, inode);
	size_t n;

	if (inode != m->root->disk_root && !i->linked)
		return ESTALE;
	n = disk_path(m, inode, path, DISK_NAME_SIZE);
	if (n >= DISK_NAME_SIZE - 1)
		return ENAMETOOLONG;
	if (name) {
		size_t len = strlen(name);

		if (len > DISK_NAME_MAX)
			return ENAMETOOLONG;
		if (n && path[n - 1] != '/')
			path[n++] = '/';
		memcpy(path + n, name, len);
		n += len;
	}
	disk_quote(b, path, n);
	return b->failed ? ENOMEM : 0;
}

int disk_run(fuse_req_t req, struct machine *mach, struct sbuf *line,
	const void *blob, size_t len)
{
	const struct fuse_ctx *c = fuse_req_ctx(req);
	const struct view *v = &mach->view;
	struct session *s = req_session(req);
	struct vm_outcome out;
	struct open_file file = {
		.session = s,
		.machine = mach,
		.node = &node_table[0],
	};
	struct event e = {
		.actor = {ACTOR_DISK, 0, user_of_host(v, c->uid),
			group_of_host(v, c->uid, c->gid)},
		.text = line->data,
		.text_len = line->len,
		.blob = blob,
		.blob_len = len,
	};
	int err = line->failed ? ENOMEM : exec_event(&file, &e, NULL, &out);

	sbuf_free(line);
	idle_touch(s);
	return err;
}
