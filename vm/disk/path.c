/*
 * From a path to an inode, as Linux fs/namei.c resolves it: every component
 * but the last must be a directory or a link to one, 40 links at most, 255
 * bytes a component, 4095 a path; and each directory that is searched for one
 * must be open to whoever asks.
 */
#include <string.h>

#include "../task/task.h"
#include "dcache.h"
#include "disk_i.h"

static bool is_dot(const char *name, size_t len)
{
	return len == 1 && name[0] == '.';
}

static bool is_dotdot(const char *name, size_t len)
{
	return len == 2 && name[0] == '.' && name[1] == '.';
}

bool path_end_special(const struct path_end *end)
{
	return !end->len || is_dot(end->name, end->len) ||
	       is_dotdot(end->name, end->len);
}

idx_t disk_child(const struct vm *m, idx_t dir, const char *name, size_t len)
{
	uint32_t hash = name_hash(name, len);
	const struct inode *n;

	for (idx_t i = inode_at(m, dir)->child; i; i = n->sibling) {
		const char *text;

		n = inode_at(m, i);
		if (n->name_hash != hash)
			continue;
		text = disk_name(m, n);
		if (!strncmp(text, name, len) && !text[len])
			return i;
	}
	return 0;
}

/* The state of one resolution: links followed so far, over all components. */
struct walk_path {
	struct vm *m;
	const struct cred *c; /* who asks; NULL: somebody with any right */
	unsigned links;
};

static int walk(struct walk_path *w, idx_t from, const char *path, bool follow,
	idx_t *out);

static int no_entry(struct vm *m, idx_t dir, const char *name, size_t len)
{
	char where[120];

	disk_path(m, dir, where, sizeof(where));
	return vm_fail(m, ENOENT,
		"the directory %s of the disk has no \"%.*s\"", where, (int)len,
		name);
}

static int not_a_directory(struct vm *m, idx_t inode)
{
	char what[160];

	disk_path(m, inode, what, sizeof(what));
	return vm_fail(m, ENOTDIR, "%s is not a directory", what);
}

int dir_right(
	struct vm *m, const struct cred *c, idx_t dir, enum dir_right right)
{
	const struct inode *d = inode_at(m, dir);
	char where[120];

	if (!c || file_right(c, d, right))
		return 0;
	disk_path(m, dir, where, sizeof(where));
	return vm_fail(m, EACCES,
		"the directory %s has mode 0%u%u%u and owner %u: user %u may "
		"not %s it",
		where, d->mode >> 6 & 7, d->mode >> 3 & 7, d->mode & 7, d->uid,
		c->fsuid, right == DIR_SEARCH ? "search" : "write to");
}

static int too_many_links(struct vm *m, const char *name, size_t len)
{
	return vm_fail(m, ELOOP,
		"more than %u symbolic links, the last is \"%.*s\"",
		DISK_LINKS_MAX, (int)len, name);
}

static int name_length(struct vm *m, size_t len)
{
	if (len <= DISK_NAME_MAX)
		return 0;
	return vm_fail(m, ENAMETOOLONG, "a name of %zu bytes: the most is %u",
		len, DISK_NAME_MAX);
}

/* One component: what it names in dir, links followed if asked. */
static int step(struct walk_path *w, idx_t dir, const char *name, size_t len,
	bool follow, idx_t *out)
{
	struct vm *m = w->m;
	idx_t i = dir;

	if (name_length(m, len))
		return -ENAMETOOLONG;
	if (is_dotdot(name, len))
		i = inode_at(m, dir)->parent;
	else if (!is_dot(name, len))
		i = disk_child(m, dir, name, len);
	if (!i)
		return no_entry(m, dir, name, len);
	if (dcache_use(m, i))
		return -ENOMEM;
	if (follow && inode_at(m, i)->type == INODE_LINK) {
		if (++w->links > DISK_LINKS_MAX)
			return too_many_links(m, name, len);
		return walk(w, dir, name_text(m, inode_at(m, i)->target), true,
			out);
	}
	*out = i;
	return 0;
}

static int parent(
	struct walk_path *w, idx_t from, const char *path, struct path_end *end)
{
	idx_t dir = *path == '/' ? w->m->root->disk_root : from;

	if (!*path)
		return vm_fail(w->m, ENOENT, "an empty path names nothing");
	for (;;) {
		const char *rest;
		size_t len;
		int err;

		while (*path == '/')
			path++;
		rest = strchr(path, '/');
		if (!rest)
			rest = path + strlen(path);
		len = rest - path;
		if (len && dir_right(w->m, w->c, dir, DIR_SEARCH))
			return -EACCES;
		*end = (struct path_end){dir, path, len, *rest == '/'};
		while (*rest == '/')
			rest++;
		if (!*rest)
			return 0;
		err = step(w, dir, path, len, true, &dir);
		if (err)
			return err;
		if (inode_at(w->m, dir)->type != INODE_DIR)
			return not_a_directory(w->m, dir);
		path = rest;
	}
}

static int walk(struct walk_path *w, idx_t from, const char *path, bool follow,
	idx_t *out)
{
	struct path_end end;
	int err = parent(w, from, path, &end);

	if (err)
		return err;
	*out = end.dir;
	if (!end.len)
		return 0;
	err = step(w, end.dir, end.name, end.len, follow || end.slash, out);
	if (!err && end.slash && inode_at(w->m, *out)->type != INODE_DIR)
		return not_a_directory(w->m, *out);
	return err;
}

static int path_length(struct vm *m, const char *path)
{
	if (strnlen(path, DISK_NAME_SIZE) < DISK_NAME_SIZE)
		return 0;
	return vm_fail(m, ENAMETOOLONG, "a path has at most %u bytes",
		DISK_NAME_SIZE - 1);
}

idx_t disk_lookup_as(
	struct vm *m, const struct cred *c, const char *path, bool follow)
{
	struct walk_path w = {m, c, 0};
	idx_t i = 0;

	if (path_length(m, path) ||
		walk(&w, m->root->disk_root, path, follow, &i))
		return 0;
	return i;
}

idx_t disk_lookup(struct vm *m, const char *path, bool follow)
{
	return disk_lookup_as(m, NULL, path, follow);
}

int path_parent(struct vm *m, const char *path, struct path_end *end)
{
	struct walk_path w = {m, NULL, 0};
	int err = path_length(m, path);

	if (!err)
		err = parent(&w, m->root->disk_root, path, end);
	return err ? err : name_length(m, end->len);
}

int path_target(struct vm *m, const struct cred *c, const char *path,
	bool follow, struct path_end *end)
{
	struct walk_path w = {m, c, 0};
	idx_t from = m->root->disk_root, i;
	int err = path_length(m, path);

	for (; !err; from = end->dir) {
		err = parent(&w, from, path, end);
		if (!err)
			err = name_length(m, end->len);
		if (err || path_end_special(end) || end->slash || !follow)
			return err;
		i = disk_child(m, end->dir, end->name, end->len);
		if (!i || inode_at(m, i)->type != INODE_LINK)
			return 0;
		if (dcache_use(m, i))
			return -ENOMEM;
		if (++w.links > DISK_LINKS_MAX)
			return too_many_links(m, end->name, end->len);
		path = name_text(m, inode_at(m, i)->target);
	}
	return err;
}
