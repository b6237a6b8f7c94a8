/*
 * The tree of the node table; see tree.h.
 *
 * The derived rows are computed once, before the first request, and never
 * change: they are a function of the table alone.
 */
#include "tree.h"

#include <stdio.h>

#include "../vm/task/task.h"

#define MAX_ROWS 512

static struct row_info rows[MAX_ROWS];

/* ---- inode numbers ------------------------------------------------------ */

uint64_t place_ino(const struct place *p)
{
	if (!p->view && !p->row && !p->id)
		return ROOT_INO;
	return (uint64_t)p->view << 42 | (uint64_t)(p->row + 1) << 32 | p->id;
}

struct place ino_place(uint64_t ino)
{
	if (ino == ROOT_INO)
		return (struct place){0};
	return (struct place){
		.view = (uint32_t)(ino >> 42),
		.row = (uint32_t)(ino >> 32 & 0x3ff) - 1,
		.id = (uint32_t)ino,
	};
}

/* ---- derivation --------------------------------------------------------- */

const struct row_info *tree_row(unsigned row)
{
	return &rows[row];
}

/* A component is a variable's name, possibly behind lower-case letters. */
static const struct variable *component_variable(
	const char *name, uint16_t *prefix)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz");

	for (unsigned i = 0; i < nr_variables; i++) {
		if (strcmp(name + n, variable_table[i].name) == 0) {
			*prefix = (uint16_t)n;
			return &variable_table[i];
		}
	}
	return NULL;
}

/* The row whose path is the first len bytes of path; -1 without one. */
static int row_of_path(const char *path, size_t len)
{
	for (unsigned i = 0; i < nr_nodes; i++) {
		const char *p = node_table[i].path;

		if (strlen(p) == len && memcmp(p, path, len) == 0)
			return (int)i;
	}
	return -1;
}

static void add_child(unsigned parent, unsigned row)
{
	uint16_t *at = &rows[parent].first_child;

	while (*at)
		at = &rows[*at].next_sibling;
	*at = (uint16_t)row;
	if (node_is_dir(&node_table[row]))
		rows[parent].nr_dirs += !rows[row].var;
}

static int derive_row(unsigned i, char *err)
{
	const char *path = node_table[i].path;
	const char *slash = strrchr(path, '/');
	size_t dir_len = slash ? (size_t)(slash - path) : 0;
	int parent = row_of_path(path, dir_len);
	struct row_info *r = &rows[i];

	if (parent < 0 || (unsigned)parent >= i) {
		snprintf(err, 256, "%s: no row before it for its directory",
			path);
		return -1;
	}
	r->parent = (uint16_t)parent;
	r->name = slash ? slash + 1 : path;
	r->var = component_variable(r->name, &r->prefix);
	r->path_var = r->var ? r->var : rows[parent].path_var;
	r->fixed = rows[parent].fixed && (!r->var || r->var->fixed);
	add_child((unsigned)parent, i);
	return 0;
}

int tree_init(char *err)
{
	memset(rows, 0, sizeof(rows));
	if (nr_nodes > MAX_ROWS) {
		snprintf(err, 256, "the node table has %u rows, more than %u",
			nr_nodes, MAX_ROWS);
		return -1;
	}
	rows[0].name = "";
	rows[0].fixed = true;
	for (unsigned i = 1; i < nr_nodes; i++)
		if (derive_row(i, err))
			return -1;
	return 0;
}

/* ---- walking ------------------------------------------------------------ */

/* A past state has no past of its own inside: walks of the mount end. */
static bool row_hidden(const struct view *v, unsigned row)
{
	return v->past && node_table[row].history;
}

/* The file of this row exists in the directory of this object. */
static bool row_there(const struct view *v, unsigned row, uint64_t id)
{
	const struct node *n = &node_table[row];

	return !row_hidden(v, row) && (!n->there || n->there(v, id));
}

const struct task *place_task(const struct view *v, const struct place *p)
{
	const struct variable *var = rows[p->row].path_var;

	if (var && var->task)
		return task_find(v->vm, (uint32_t)p->id);
	return var && var->owner ? var->owner(v, p->id) : NULL;
}

bool place_exists(const struct view *v, const struct place *p)
{
	const struct variable *var;

	if (p->row >= nr_nodes || row_hidden(v, p->row))
		return false;
	var = rows[p->row].path_var;
	return (!var || node_table[p->row].kind == NODE_DISK ||
		       var->exists(v, p->id)) &&
	       row_there(v, p->row, p->id);
}

/* The id of a name in a row's variable, NO_OBJECT if it is none. */
static uint64_t find_object(const struct view *v, const struct row_info *r,
	uint64_t parent, const char *name)
{
	size_t len = strlen(name);

	if (len <= r->prefix || memcmp(name, r->name, r->prefix))
		return NO_OBJECT;
	return r->var->find(v, parent, name + r->prefix, len - r->prefix);
}

bool tree_lookup(const struct view *v, const struct place *dir,
	const char *name, struct place *out)
{
	for (unsigned i = rows[dir->row].first_child; i;
		i = rows[i].next_sibling) {
		const struct row_info *r = &rows[i];
		uint64_t id = dir->id;

		if (r->var)
			id = find_object(v, r, dir->id, name);
		else if (strcmp(name, r->name))
			continue;
		if (id == NO_OBJECT || !row_there(v, i, id))
			continue;
		*out = (struct place){dir->view, i, id};
		return true;
	}
	return false;
}

/*
 * A cookie says behind which entry to go on:
 *
 *	 62     40 39                     0
 *	+---------+------------------------+
 *	| row     | id + 1; 0: before all  |
 *	+---------+------------------------+
 */
#define COOKIE(row, id1) ((uint64_t)(row) << 40 | (id1))

static uint64_t next_object(const struct view *v, const struct row_info *r,
	uint64_t parent, uint64_t id1)
{
	if (!r->var)
		return id1 ? NO_OBJECT : parent;
	return r->var->next(v, parent, id1 ? id1 - 1 : NO_OBJECT);
}

void tree_name(
	const struct view *v, const struct place *p, char *name, size_t size)
{
	const struct row_info *r = &rows[p->row];
	size_t n = r->var ? r->prefix : strlen(r->name);

	memcpy(name, r->name, n);
	if (r->var)
		n += r->var->format(v, p->id, name + n, size - n);
	name[n] = 0;
}

bool tree_next(const struct view *v, const struct place *dir, uint64_t *cookie,
	struct place *out, char *name, size_t size)
{
	unsigned row = *cookie ? (unsigned)(*cookie >> 40)
			       : rows[dir->row].first_child;
	uint64_t id1 = *cookie & ((1ull << 40) - 1);

	for (; row && row < nr_nodes; row = rows[row].next_sibling, id1 = 0) {
		const struct row_info *r = &rows[row];
		uint64_t id = next_object(v, r, dir->id, id1);

		if (id == NO_OBJECT || !row_there(v, row, id) ||
			(v->past && node_table[row].endless))
			continue;
		*out = (struct place){dir->view, row, id};
		tree_name(v, out, name, size);
		*cookie = COOKIE(row, r->var ? id + 1 : 1);
		return true;
	}
	return false;
}

unsigned tree_nlink(const struct view *v, const struct place *dir)
{
	unsigned n = 2 + rows[dir->row].nr_dirs;

	for (unsigned i = rows[dir->row].first_child; i;
		i = rows[i].next_sibling) {
		const struct row_info *r = &rows[i];
		uint64_t id = NO_OBJECT;

		if (node_is_dir(&node_table[i]) && row_hidden(v, i))
			n--;
		if (!r->var || node_table[i].kind != NODE_DIR)
			continue;
		while ((id = r->var->next(v, dir->id, id)) != NO_OBJECT)
			n++;
	}
	return n;
}
