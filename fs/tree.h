/*
 * The tree that the node table describes: what is derived from the rows, and
 * the inode numbers that name a row and an object.
 */
#ifndef PAGEFS_FS_TREE_H
#define PAGEFS_FS_TREE_H

#include "node.h"

#define ROOT_INO  1ull
#define MAX_VIEWS (1u << 22)
#define NO_OBJECT UINT64_MAX

/* An inode number taken apart. */
struct place {
	uint32_t view;
	uint32_t row; /* index in node_table */
	uint64_t id;
};

/*
 * A variable of a path pattern.  next() gives the smallest id > after (or any
 * with after == NO_OBJECT) below the object `parent`, or NO_OBJECT; find()
 * the id that a name means, or NO_OBJECT.  format() writes the name of an id
 * and gives its length.
 */
struct variable {
	const char *name;
	uint64_t (*next)(const struct view *v, uint64_t parent, uint64_t after);
	uint64_t (*find)(const struct view *v, uint64_t parent,
		const char *name, size_t len);
	bool (*exists)(const struct view *v, uint64_t id);
	size_t (*format)(
		const struct view *v, uint64_t id, char *buf, size_t size);
	/* The objects never change, so that the kernel may cache them. */
	bool fixed;
	bool task; /* the objects are tasks */
	/* The task that an object belongs to; NULL: the machine. */
	const struct task *(*owner)(const struct view *v, uint64_t id);
};

extern const struct variable variable_table[];
extern const unsigned nr_variables;

/* What is derived of one row. */
struct row_info {
	uint16_t parent;
	uint16_t first_child, next_sibling; /* 0: none */
	uint16_t nr_dirs;		    /* literal sub-directories */
	const char *name;		    /* the last component */
	uint16_t prefix;		 /* bytes of name before the variable */
	const struct variable *var;	 /* of the name; NULL: literal */
	const struct variable *path_var; /* the last variable of the path */
	bool fixed;			 /* no changing variable in the path */
};

/* Derives row_info of every row.  0, or -1 with a sentence in err (256
 * bytes): a row without its directory, an unknown variable. */
int tree_init(char *err);
const struct row_info *tree_row(unsigned row);

uint64_t place_ino(const struct place *p);
struct place ino_place(uint64_t ino);

/* The object of a place still exists. */
bool place_exists(const struct view *v, const struct place *p);
/* The task that a file is about, which its user owns, or NULL. */
const struct task *place_task(const struct view *v, const struct place *p);
/* Finds a name in a directory: true with *out. */
bool tree_lookup(const struct view *v, const struct place *dir,
	const char *name, struct place *out);

/* The name of a place in its directory. */
void tree_name(
	const struct view *v, const struct place *p, char *name, size_t size);

/*
 * Walks a directory.  *cookie is 0 at first; true with the next entry's place
 * and name, and the cookie to go on behind it.
 */
bool tree_next(const struct view *v, const struct place *dir, uint64_t *cookie,
	struct place *out, char *name, size_t size);
/* Links of a directory: 2, and one for each sub-directory now. */
unsigned tree_nlink(const struct view *v, const struct place *dir);

#endif
