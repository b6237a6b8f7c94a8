/*
 * disk/ as commands: what programs do to files becomes lines of the journal.
 * Private to fs/disk_*.c.
 */
#ifndef PAGEFS_FS_DISK_PATH_H
#define PAGEFS_FS_DISK_PATH_H

#include "../vm/disk/disk.h"
#include "session.h"

/* The simulated inode of a place; 0 if it is gone or not below disk/. */
idx_t disk_inode(const struct machine *mach, const struct place *p);
/* The place of a simulated inode. */
struct place disk_place(
	const struct machine *mach, const struct place *dir, idx_t inode);

/* Appends ` "PATH"` of an inode to a command, with `/NAME` behind it if name
 * is not NULL.  0, or ESTALE when no name leads to the inode. */
int disk_quote_path(
	struct sbuf *b, const struct vm *m, idx_t inode, const char *name);
/* Appends ` "TEXT"`. */
void disk_quote(struct sbuf *b, const char *text, size_t len);

/* Runs a line as an event of disk/; frees it.  0 or an errno. */
int disk_run(fuse_req_t req, struct machine *mach, struct sbuf *line,
	const void *blob, size_t len);

#endif
