/*
 * Inodes: their life, their names, and their place among the children of a
 * directory.
 *
 * An inode lives while the tree names it (`linked`) or an open file refers to
 * it (`refs`).  When the name goes first, the slot that held the name takes
 * the path it had then: maps shows it with " (deleted)", and directories above
 * may disappear before the file does.
 */
#include <assert.h>
#include <string.h>

#include "../mm/hugetlb.h"
#include "../numa/mempolicy.h"
#include "dcache.h"
#include "disk_i.h"

const char *name_text(const struct vm *m, idx_t name)
{
	if (!name)
		return "";
	return seg_at(m, SEG_NAME, (uint64_t)name * DISK_NAME_SIZE);
}

const char *disk_name(const struct vm *m, const struct inode *i)
{
	return name_text(m, i->name);
}

/* FNV-1a. */
uint32_t name_hash(const char *text, size_t len)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)text[i]) * 16777619u;
	return h;
}

void name_set(struct vm *m, idx_t name, const char *text, size_t len)
{
	char *p = seg_at(m, SEG_NAME, (uint64_t)name * DISK_NAME_SIZE);

	assert(len < DISK_NAME_SIZE);
	memset(p, 0, strlen(p));
	memcpy(p, text, len);
}

int name_new(struct vm *m, idx_t *name, const char *text, size_t len)
{
	*name = pool_alloc(m, SEG_NAME);
	if (!*name)
		return -ENOMEM;
	name_set(m, *name, text, len);
	return 0;
}

void inode_touch(struct vm *m, idx_t inode)
{
	struct inode *n = inode_at(m, inode);

	n->mtime_ns = n->ctime_ns = m->root->ns;
}

idx_t inode_new(struct vm *m, enum inode_type type, uint32_t mode, uint32_t uid,
	uint32_t gid)
{
	idx_t i = pool_alloc(m, SEG_INODE);
	bool in_memory = type == INODE_SHMEM || type == INODE_HUGETLB;
	uint32_t *next =
		in_memory ? &m->root->next_shmem_ino : &m->root->next_ino;
	struct inode *n;

	if (!i)
		return 0;
	n = inode_at(m, i);
	n->type = type;
	if (dcache_bring_in(m, i)) {
		pool_free(m, SEG_INODE, i);
		return 0;
	}
	n->mode = mode & 07777;
	n->uid = uid;
	n->gid = gid;
	n->ino = (*next)++;
	inode_touch(m, i);
	return i;
}

static void inode_free(struct vm *m, idx_t i)
{
	struct inode *n = inode_at(m, i);

	if (n->type == INODE_HUGETLB) {
		hugetlb_truncate(m, n, 0);
	} else {
		cache_truncate(m, n, 0);
		blocks_truncate(m, n, 0);
	}
	m->root->committed -= n->committed;
	if (n->name)
		pool_free(m, SEG_NAME, n->name);
	if (n->target)
		pool_free(m, SEG_NAME, n->target);
	mpol_forget(m, n);
	dcache_forget(m, i);
	pool_free(m, SEG_INODE, i);
}

void inode_get(struct vm *m, idx_t inode)
{
	inode_at(m, inode)->refs++;
}

void inode_put(struct vm *m, idx_t inode)
{
	struct inode *n = inode_at(m, inode);

	assert(n->refs);
	if (--n->refs)
		return;
	if (n->linked)
		dcache_put(m, inode);
	else
		inode_free(m, inode);
}

void inode_link(struct vm *m, idx_t dir, idx_t inode)
{
	struct inode *d = inode_at(m, dir), *n = inode_at(m, inode);

	n->linked = 1;
	n->parent = dir;
	n->sibling = 0;
	n->sibling_prev = d->child_last;
	if (d->child_last)
		inode_at(m, d->child_last)->sibling = inode;
	else
		d->child = inode;
	d->child_last = inode;
	d->nr_children++;
	dcache_linked(m, inode);
	inode_touch(m, dir);
}

void inode_unlink(struct vm *m, idx_t inode)
{
	struct inode *n = inode_at(m, inode), *d = inode_at(m, n->parent);

	if (n->sibling_prev)
		inode_at(m, n->sibling_prev)->sibling = n->sibling;
	else
		d->child = n->sibling;
	if (n->sibling)
		inode_at(m, n->sibling)->sibling_prev = n->sibling_prev;
	else
		d->child_last = n->sibling_prev;
	d->nr_children--;
	dcache_unlinked(m, inode);
	inode_touch(m, n->parent);
	n->sibling = n->sibling_prev = n->parent = 0;
	n->linked = 0;
}

void inode_drop(struct vm *m, idx_t inode)
{
	struct inode *n = inode_at(m, inode);
	char path[DISK_NAME_SIZE];
	size_t len;

	if (!n->refs) {
		inode_unlink(m, inode);
		inode_free(m, inode);
		return;
	}
	len = disk_path(m, inode, path, sizeof(path));
	inode_unlink(m, inode);
	name_set(m, n->name, path, len);
	n->ctime_ns = m->root->ns;
}

static size_t put_at(char *buf, size_t size, size_t at, const char *s, size_t n)
{
	for (size_t i = 0; i < n && at + i + 1 < size; i++)
		buf[at + i] = s[i];
	return n;
}

size_t disk_path(const struct vm *m, idx_t inode, char *buf, size_t size)
{
	static const char deleted[] = " (deleted)", zero[] = "/dev/zero";
	const struct inode *n = inode_at(m, inode);
	size_t len = 0, at;

	if (!size)
		return 0;
	if (inode == m->root->disk_root) {
		len = put_at(buf, size, 0, "/", 1);
	} else if (!n->linked) {
		const char *was = n->name ? disk_name(m, n) : zero;

		len = put_at(buf, size, 0, was, strlen(was));
		len += put_at(buf, size, len, deleted, sizeof(deleted) - 1);
	} else {
		for (idx_t i = inode; i != m->root->disk_root;
			i = inode_at(m, i)->parent)
			len += 1 + strlen(disk_name(m, inode_at(m, i)));
		at = len;
		for (; inode != m->root->disk_root; inode = n->parent) {
			size_t l;

			n = inode_at(m, inode);
			l = strlen(disk_name(m, n));
			at -= l + 1;
			put_at(buf, size, at, "/", 1);
			put_at(buf, size, at + 1, disk_name(m, n), l);
		}
	}
	if (len >= size)
		len = size - 1;
	buf[len] = '\0';
	return len;
}

int disk_boot(struct vm *m)
{
	struct root *r = m->root;
	idx_t i;

	r->next_ino = DISK_ROOT_INO;
	r->next_shmem_ino = 1;
	r->block_next = 1; /* block 0 is "none" */
	r->disk_blocks = r->config.disk / DISK_BLOCK;
	i = inode_new(m, INODE_DIR, 0755, 0, 0);
	if (!i)
		return -ENOMEM;
	r->disk_root = i;
	inode_at(m, i)->linked = 1;
	inode_at(m, i)->parent = i;
	return 0;
}
