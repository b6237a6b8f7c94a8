/*
 * From a path to an inode, as Linux fs/namei.c resolves it: every component
 * but the last must be a directory or a link to one, 40 links at most, 255
 * bytes a component, 4095 a path.
 */
#include <string.h>

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

/* One component: what it names in dir, links followed if asked. */
static int step(struct walk_path *w, idx_t dir, const char *name, size_t len,
	bool follow, idx_t *out)
{
	struct vm *m = w->m;
	idx_t i = dir;

	if (len > DISK_NAME_MAX)
		return vm_fail(m, ENAMETOOLONG,
			"a name of %zu bytes: the most is %u", len,
			DISK_NAME_MAX);
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
			return vm_fail(m, ELOOP,
				"more than %u symbolic links, the last is "
				"\"%.*s\"",
				DISK_LINKS_MAX, (int)len, name);
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

idx_t disk_lookup(struct vm *m, const char *path, bool follow)
{
	struct walk_path w = {m, 0};
	idx_t i = 0;

	if (path_length(m, path) ||
		walk(&w, m->root->disk_root, path, follow, &i))
		return 0;
	return i;
}

int path_parent(struct vm *m, const char *path, struct path_end *end)
{
	struct walk_path w = {m, 0};
	int err = path_length(m, path);

	if (!err)
		err = parent(&w, m->root->disk_root, path, end);
	if (!err && end->len > DISK_NAME_MAX)
		err = vm_fail(m, ENAMETOOLONG,
			"a name of %zu bytes: the most is %u", end->len,
			DISK_NAME_MAX);
	return err;
}
