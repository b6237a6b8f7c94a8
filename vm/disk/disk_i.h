/* What the files of disk/ share. */
#ifndef PAGEFS_VM_DISK_I_H
#define PAGEFS_VM_DISK_I_H

#include "disk.h"

#define DISK_ROOT_INO	 2 /* as ext2 and its successors */
#define DISK_LINKS_MAX	 40
#define PLACEHOLDER_MODE 0755u

/* ---- radix.c ---- */
/* Frees all nodes. */
void radix_clear(struct vm *m, idx_t *root);
/* Adds up what a tree holds; false if its shape is broken. */
struct radix_count {
	uint64_t nodes, values;
};
bool radix_check(const struct vm *m, idx_t root, struct radix_count *c);

/* ---- inode.c ---- */
/* A new inode that no directory names; 0 with ENOMEM. */
idx_t inode_new(struct vm *m, enum inode_type type, uint32_t mode, uint32_t uid,
	uint32_t gid);
/* Puts text into *name, a slot of SEG_NAME; 0 or -ENOMEM. */
int name_new(struct vm *m, idx_t *name, const char *text, size_t len);
void name_set(struct vm *m, idx_t name, const char *text, size_t len);
uint32_t name_hash(const char *text, size_t len);
const char *name_text(const struct vm *m, idx_t name);
/* Links an inode as the last child of a directory, and takes it out. */
void inode_link(struct vm *m, idx_t dir, idx_t inode);
void inode_unlink(struct vm *m, idx_t inode);
/* Out of the tree: freed at once, or with its last reference. */
void inode_drop(struct vm *m, idx_t inode);
void inode_touch(struct vm *m, idx_t inode);

/* ---- path.c ---- */
/* The directory of a path's last component, and that component. */
struct path_end {
	idx_t dir;
	const char *name; /* not terminated */
	size_t len;	  /* 0: the path is the root itself */
	bool slash;	  /* slashes follow the name */
};
/* 0 or -errno with a sentence. */
int path_parent(struct vm *m, const char *path, struct path_end *end);
/* The same as somebody with the rights of c resolves it, NULL for any right;
 * and if follow, of what a link in the last place leads to, there or not. */
int path_target(struct vm *m, const struct cred *c, const char *path,
	bool follow, struct path_end *end);
/* Whether the last component is no name: "/", "." or "..". */
bool path_end_special(const struct path_end *end);

/* ---- tree.c ---- */
/* disk_create() for an object of shared memory. */
idx_t disk_make_shmem(struct vm *m, const char *path, uint32_t mode,
	uint32_t uid, uint32_t gid);

/* ---- shmem.c ---- */
/* The object is cut at size: the page that it cuts comes back from its slot,
 * and counts as written (Linux shmem_undo_range). */
void shmem_cut(struct vm *m, idx_t inode, uint64_t size);
/* Bytes written, or -ENOMEM. */
int64_t shmem_write(
	struct vm *m, idx_t inode, uint64_t off, const void *buf, uint64_t len);

/* ---- block.c: contents below the page cache ---- */
uint8_t *block_at(const struct vm *m, uint32_t block);
/* Checks that the blocks that a write would add fit; a page of zeros adds
 * none.  0, -ENOSPC or -ENOMEM. */
int blocks_room(struct vm *m, struct inode *n, uint64_t off, const uint8_t *buf,
	uint64_t len);
/* After blocks_room(). */
void blocks_write(struct vm *m, struct inode *n, uint64_t off,
	const uint8_t *buf, uint64_t len);
void blocks_read(const struct vm *m, const struct inode *n, uint64_t off,
	uint8_t *buf, uint64_t len);
/* Frees what lies at and beyond `size`, and zeroes the block it cuts. */
void blocks_truncate(struct vm *m, struct inode *n, uint64_t size);
/* Frees the blocks of [off, off + len), whole pages. */
void blocks_drop(struct vm *m, struct inode *n, uint64_t off, uint64_t len);
/* Gives every hole of [off, off + len) a block of zeros; 0, -ENOSPC, -ENOMEM
 * with nothing done. */
int blocks_fill_holes(
	struct vm *m, struct inode *n, uint64_t off, uint64_t len);
/* Number of blocks that exist in [off, off + len). */
uint64_t blocks_count(
	const struct vm *m, const struct inode *n, uint64_t off, uint64_t len);

/* ---- readahead.c: pages in order; `req` is how many the reader still wants
 * from this one on ---- */
/* A read misses a page. */
void readahead_miss(struct vm *m, struct file *f, uint64_t page, uint64_t req);

/* ---- cache.c ---- */
/* cache_get() for a page that is about to be written over: not read. */
pfn_t cache_get_blank(struct vm *m, idx_t inode, uint64_t page);
/* After a change: what an object without a reservation commits. */
void cache_commit(struct vm *m, struct inode *n);
/* A page that nothing maps goes, with all of the large one that it is part of.
 * Returns the page behind. */
uint64_t cache_drop_page(
	struct vm *m, struct inode *n, uint64_t page, pfn_t pfn);
/* Copies into the pages that are cached. */
void cache_write(struct vm *m, struct inode *n, uint64_t off,
	const uint8_t *buf, uint64_t len);
/* Drops the pages at and beyond `size`, zeroes the rest of the one it cuts. */
void cache_truncate(struct vm *m, struct inode *n, uint64_t size);
/* Drops pages first..last, which nothing maps. */
void cache_drop(struct vm *m, struct inode *n, uint64_t first, uint64_t last);
/* Zeroes what the page that holds byte `size` has from there on. */
void cache_zero_tail(struct vm *m, struct inode *n, uint64_t size);
/*
 * A page of a hole in which a file ends, or ended before it grew: as ext4, the
 * page is in the cache, but not read, so that neither fault-around nor mincore
 * take notice of it before its first access.
 */
void cache_hole_tail(struct vm *m, idx_t inode, uint64_t size);

/* ---- large.c ---- */
/* Before the bytes [start, end) go: large pages of which they hold a part are
 * cut at both ends.  inode.size is what it is to be. */
void cache_cut(struct vm *m, struct inode *n, uint64_t start, uint64_t end);
/* A large page, whole and mapped nowhere, is free. */
void cache_remove_large(struct vm *m, struct inode *n, pfn_t head);

/* -ETXTBSY with a sentence if the file is a swap area in use: nobody writes to
 * it. */
int swap_file_check(struct vm *m, idx_t inode);

#endif
