/*
 * The simulated disk: a tree of files with sparse contents, and the page
 * cache that processes map.
 *
 * Contents live in 4096-byte blocks (SEG_BLOCK), found through a radix tree
 * per inode; a hole costs nothing.  The page cache is a second radix tree per
 * inode, from file page to frame.  Shared anonymous memory is an inode
 * without a name, whose pages live in the cache only.
 */
#ifndef PAGEFS_VM_DISK_H
#define PAGEFS_VM_DISK_H

#include "../machine.h"

struct cred;
struct file;
struct frame;

enum inode_type {
	INODE_FREE,
	INODE_DIR,
	INODE_FILE,
	INODE_LINK,
	INODE_SHMEM,
	INODE_HUGETLB, /* a file of huge pages; trees by huge page */
};

#define DISK_NAME_MAX  255
#define DISK_NAME_SIZE 4096 /* a name, or the text of a link */
#define DISK_BLOCK     4096u

struct inode {
	uint32_t type; /* enum inode_type */
	uint32_t mode; /* permission bits */
	uint32_t uid, gid;
	uint32_t ino;  /* inode number shown in maps and by stat */
	uint32_t refs; /* open files; the name itself is `linked` */
	/* Linux's i_writecount: of these, how many may write; below 0, how many
	 * address spaces run it, and nobody opens it for writing then */
	int32_t writers;
	uint32_t linked;    /* 1 while the tree names it */
	idx_t name;	    /* SEG_NAME, 0 for root and shmem */
	uint32_t name_hash; /* of the name: lookups read no other names */
	idx_t parent;
	idx_t child, child_last; /* first, last child, by order of creation */
	idx_t sibling, sibling_prev;
	idx_t target;	/* SEG_NAME of a symbolic link's text */
	idx_t blocks;	/* radix root: page -> block */
	idx_t cache;	/* radix root: page -> frame */
	idx_t mappings; /* VMAs that map it: a list, see mm/rmap.h */
	uint32_t nr_children;
	uint16_t noreserve; /* shmem: VM_NORESERVE */
	uint16_t tmpfs;	    /* shmem: of /dev/shm, a mount of its own */
	idx_t policies;	    /* shmem: list of struct mpol_range */
	uint32_t huge_size; /* INODE_HUGETLB: of its pages, see pt_shift() */
	uint64_t size;	    /* bytes */
	/* radix root: evicted page -> shadow (reclaim/workingset.h), or, of
	 * shared memory, the swap slot that has it */
	idx_t away;
	uint64_t nr_blocks;
	uint64_t nr_cached;
	uint64_t nr_away; /* pages in `away` */
	/* shmem: pages it counts in root->committed: all of its size, or
	 * (noreserve: memfd, /dev/shm) those that exist */
	uint64_t committed;
	uint64_t mtime_ns, ctime_ns;
	/* writeback, see disk/writeback.c; of files */
	uint64_t nr_dirty;   /* cached pages with FR_DIRTY */
	uint64_t dirtied_ns; /* when the first of them became so */
	uint64_t write_next; /* page where the flusher goes on */
	idx_t dirty_next, dirty_prev;
	/* in the kernel's memory, see disk/dcache.c */
	paddr_t object, dentry; /* of slabs, 0: the disk alone has it */
	uint32_t nr_dentries;	/* in memory, of its directory's entries */
	uint16_t list;		/* enum inode_list */
	uint16_t used_again;	/* since it came onto the list */
	idx_t list_prev, list_next;
};

static inline struct inode *inode_at(const struct vm *m, idx_t i)
{
	return (struct inode *)m->arena.seg[SEG_INODE].base + i;
}

/* Pages that the file has; accesses beyond them are SIGBUS. */
static inline uint64_t inode_pages(const struct vm *m, const struct inode *n)
{
	return (n->size >> m->page_shift) +
	       ((n->size & (m->page_size - 1)) != 0);
}

/* Bytes of the largest file: ext4's, whose blocks have 32-bit numbers, or an
 * object's in memory. */
#define FILE_SIZE_MAX	0xffffffff000u
#define OBJECT_SIZE_MAX ((uint64_t)INT64_MAX)

static inline uint64_t inode_size_max(const struct inode *n)
{
	return n->type == INODE_FILE ? FILE_SIZE_MAX : OBJECT_SIZE_MAX;
}

const char *disk_name(const struct vm *m, const struct inode *i);

int disk_boot(struct vm *m);

/* ---- tree.  Paths are absolute ("/bin/cat") or relative to the root; all
 * return 0 / an inode, or -errno / 0 with a sentence. ---- */
/* Follows symbolic links, also the last one if follow; ELOOP after 40. */
idx_t disk_lookup(struct vm *m, const char *path, bool follow);
/* The same with the rights of c: EACCES where it may not search a directory. */
idx_t disk_lookup_as(
	struct vm *m, const struct cred *c, const char *path, bool follow);
/* 0, or -EACCES with a sentence; c NULL has any right. */
enum dir_right { DIR_SEARCH = 1, DIR_WRITE = 2 };
int dir_right(
	struct vm *m, const struct cred *c, idx_t dir, enum dir_right right);
/* One name in a directory, without following; 0 without a sentence. */
idx_t disk_child(const struct vm *m, idx_t dir, const char *name, size_t len);
/* Absolute path of an inode into buf; " (deleted)" appended if unlinked.
 * Returns its length. */
size_t disk_path(const struct vm *m, idx_t inode, char *buf, size_t size);

/* ---- changes: the commands of actor disk ---- */
idx_t disk_create(struct vm *m, const char *path, uint32_t mode, uint32_t uid,
	uint32_t gid);
/*
 * open(2) with O_CREAT: the file of a path, links followed unless excl, or a
 * new one that belongs to c; *made tells.  0: EEXIST with excl; EISDIR, also
 * for a name that ends in a slash; EACCES where c may not write to the
 * directory.
 */
idx_t disk_open_create(struct vm *m, const struct cred *c, const char *path,
	bool excl, uint32_t mode, bool *made);
int disk_mkdir(struct vm *m, const char *path, uint32_t mode, uint32_t uid,
	uint32_t gid);
int disk_symlink(struct vm *m, const char *target, const char *path,
	uint32_t uid, uint32_t gid);
int disk_unlink(struct vm *m, const char *path);
int disk_rmdir(struct vm *m, const char *path);
/* flags as renameat2(2): 0 or RENAME_NOREPLACE (1). */
int disk_rename(struct vm *m, const char *from, const char *to, unsigned flags);
/* Shrinking unmaps what lies beyond the new end from all processes, private
 * copies too. */
int disk_truncate(struct vm *m, idx_t inode, uint64_t size);
/* Pages first..last become a hole; private copies of them stay:
 * fallocate(FALLOC_FL_PUNCH_HOLE).  0, or -EFBIG beyond the largest file. */
int disk_punch(struct vm *m, idx_t inode, uint64_t first, uint64_t last);
/* Writes through to blocks and to cached pages.  Bytes written or -errno;
 * all or nothing.  Zeros written into a hole leave it a hole. */
int64_t disk_write(
	struct vm *m, idx_t inode, uint64_t off, const void *buf, uint64_t len);
/* A file of at least `size` bytes, sparse, with its directories; for strace
 * logs that name files we do not have. */
idx_t disk_placeholder(struct vm *m, const char *path, uint64_t size);

/* ---- read(2) and write(2) (disk/io.c), readahead, writeback ---- */
enum file_advice { /* POSIX_FADV_* */
	FADV_NORMAL,
	FADV_RANDOM,
	FADV_SEQUENTIAL,
	FADV_WILLNEED,
	FADV_DONTNEED,
	FADV_NOREUSE,
};
/*
 * One step of a read of `len` bytes at off, of which `done` are done: what one
 * page has of the rest goes to buf.  Bytes, 0 at the end of the file, or
 * -ENOMEM.
 */
int64_t file_read(struct vm *m, idx_t file, uint64_t off, uint64_t len,
	uint64_t done, uint8_t *buf);
/* After the last step: the read ended before byte `end`. */
void file_read_end(struct vm *m, idx_t file, uint64_t end);
/* One step of a write: what fits into the page of byte off.  Bytes, or -EFBIG,
 * -ENOSPC, -ENOMEM with nothing done. */
int64_t file_write(struct vm *m, idx_t file, uint64_t off, const uint8_t *buf,
	uint64_t len);
/* posix_fadvise(2); len 0: to the end. */
int file_advise(struct vm *m, idx_t file, uint64_t off, uint64_t len,
	enum file_advice advice);
/* Pages of the largest window of a new open file: read_ahead_kb. */
uint32_t readahead_max(const struct vm *m);
/* Pages start..start+nr-1 are asked for at once: no more than a window. */
void readahead_range(
	struct vm *m, const struct file *f, uint64_t start, uint64_t nr);
/* A page as a mapping has it: `left` pages are mapped from it on. */
struct mapped {
	uint64_t page, left;
	bool code, random, sequential; /* VM_EXEC, MADV_RANDOM, _SEQUENTIAL */
};
/* A fault misses the page in the cache: what is read for it. */
void readahead_fault(struct vm *m, struct file *f, const struct mapped *v);
/* It finds it there.  True when that was the mark: readahead_mark() is due. */
bool readahead_hit(struct vm *m, struct file *f, const struct mapped *v);
/* A read comes to a page that had the mark, with `req` pages still wanted from
 * it on: the next window. */
void readahead_mark(struct vm *m, struct file *f, uint64_t page, uint64_t req);
/* Fault-around found so many pages of the file. */
void readahead_found(struct file *f, uint64_t nr);
/* The next byte at or behind off that has a block, or has none; the size or
 * more if there is none. */
uint64_t disk_seek(const struct vm *m, idx_t inode, uint64_t off, bool data);

/* Writes the dirty pages first..last of a file; how many. */
uint64_t inode_write(struct vm *m, idx_t inode, uint64_t first, uint64_t last);
/* The same as fsync(2), which may halt, and sync(2). */
void inode_sync(struct vm *m, idx_t inode, uint64_t first, uint64_t last);
void disk_sync(struct vm *m);
/* Pages of the cache that nothing maps and that are clean go; how many. */
uint64_t disk_drop_caches(struct vm *m);
/* Free memory above the reserves, and the cache of files; in pages. */
uint64_t disk_dirtyable(const struct vm *m);
/* Dirty pages above which the flusher starts, and writers must write. */
void disk_dirty_limits(const struct vm *m, uint64_t dirtyable,
	uint64_t *background, uint64_t *threshold);
/* The flusher's turn, after a command. */
void disk_balance(struct vm *m);
/* A writer's: true when there was too much and it had to write. */
bool disk_throttle(struct vm *m);
/* Simulated time goes on to `now`, and the flusher wakes up on the way. */
void disk_tick(struct vm *m, uint64_t now);

/* Requests that a disk served, which Linux counts for all disks together as
 * pgpgin and pgpgout, in kB. */
static inline void disk_count(
	struct vm *m, enum disk_id disk, uint64_t reads, uint64_t writes)
{
	m->root->io[disk].reads += reads;
	m->root->io[disk].writes += writes;
	m->root->count[CNT_PGPGIN] += reads * DISK_BLOCK / 1024;
	m->root->count[CNT_PGPGOUT] += writes * DISK_BLOCK / 1024;
}

/* ---- looks ---- */
/* Bytes read; sees dirty cached pages; changes nothing. */
uint64_t disk_read(
	const struct vm *m, idx_t inode, uint64_t off, void *buf, uint64_t len);

/* ---- page cache ---- */
/* The frame that caches a page, PFN_NONE if none. */
pfn_t cache_lookup(const struct vm *m, idx_t inode, uint64_t page);
/*
 * The frame, read from disk if it has to be (*major is set then if not NULL).
 * For shmem a new zeroed frame.  PFN_NONE with ENOMEM.
 */
pfn_t cache_get(struct vm *m, idx_t inode, uint64_t page, bool *major);
/* Reads a page of the cache or the disk without changing either. */
void cache_look(const struct vm *m, idx_t inode, uint64_t page, void *buf);

/* An evicted page: whether its place can be noted, and its way out.  `left` is
 * the shadow or swap slot, 0 none; the frame is free then.  It is mapped
 * nowhere, and clean or shared memory. */
bool cache_room(struct vm *m);
void cache_evict(struct vm *m, pfn_t pfn, uint32_t left);
/*
 * FR_DIRTY changes here alone: zone.dirty and inode.nr_dirty count the frames
 * of files that have it.  Shared memory is dirty all its life and not counted.
 */
void cache_set_dirty(struct vm *m, struct frame *f);
void cache_clear_dirty(struct vm *m, struct frame *f);
/* Before a store through a shared mapping: the page's blocks exist, FR_DIRTY
 * is set.  0, -ENOSPC or -ENOMEM. */
int cache_make_dirty(struct vm *m, pfn_t pfn);
/*
 * Writes the dirty pages of page..last to their blocks; returns how many.
 * Entries that map them must not be writable any more, see mm_clean_file().
 */
uint64_t cache_writeback(
	struct vm *m, idx_t inode, uint64_t page, uint64_t last);
/* The same as a command does it, which may halt: then it has a sentence. */
void cache_sync(struct vm *m, idx_t inode, uint64_t page, uint64_t last);

/* ---- large pages of objects of shared memory (disk/large.c) ---- */
/* Whether none of these pages is in the cache or in a slot. */
bool cache_is_empty(
	const struct vm *m, const struct inode *n, uint64_t first, uint64_t nr);
/* A new block of frames, USE_SHMEM, becomes the large page that holds `page`,
 * where the cache is empty.  PFN_NONE with no sentence, and the block is free,
 * if it may not. */
pfn_t cache_add_large(
	struct vm *m, idx_t inode, uint64_t page, unsigned order, pfn_t head);
/* The same for one that takes the place of others, which nothing maps;
 * radix_room() and cache_may_commit() were asked, and `page` is its first. */
void cache_replace(struct vm *m, idx_t inode, uint64_t page, pfn_t head);
/* Room for nodes of that many contiguous keys: radix_set() cannot fail then.
 * 0 or -ENOMEM. */
int radix_room(struct vm *m, uint64_t keys);
/*
 * overcommit_memory=2 grants an object without a reservation page by page, to
 * whoever needs it: shmem_inode_acct_blocks().  0, or -ENOSPC.
 */
int cache_may_commit(struct vm *m, const struct inode *n, uint64_t nr);
/* Makes single pages of it, mapped nowhere. */
void cache_split(struct vm *m, pfn_t head);

/* A nameless object for shared anonymous memory, with one reference, the
 * caller's; 0 with ENOMEM. */
idx_t shmem_create(struct vm *m, uint64_t size);
/* The same under a name that maps shows, or an object of huge pages; 0 with
 * ENOMEM. */
idx_t shmem_named(struct vm *m, enum inode_type type, const char *text);
/* The same under the name that memfd_create(2) gives; EINVAL if too long. */
idx_t shmem_memfd(struct vm *m, enum inode_type type, const char *name);
/* The object of that name in /dev/shm, made if it is missing: shm_open(3) with
 * the rights of c.  0: EINVAL, EACCES, ENOMEM.  No reference is taken. */
idx_t shmem_open(struct vm *m, const char *name, const struct cred *c);
void inode_get(struct vm *m, idx_t inode);
/* The last reference of an unlinked inode frees blocks and cache. */
void inode_put(struct vm *m, idx_t inode);

/* ---- radix tree of 32-bit values (disk/radix.c) ---- */
/*
 * Maps a page number to a non-zero value; *root is 0 for an empty tree.
 * Nodes of 64 slots from SEG_RADIX; the height follows the largest key.
 */
uint32_t radix_get(const struct vm *m, idx_t root, uint64_t key);
int radix_set(struct vm *m, idx_t *root, uint64_t key, uint32_t value);
void radix_del(struct vm *m, idx_t *root, uint64_t key);
/* The smallest key >= *key that is set; its value, 0 at the end. */
uint32_t radix_next(const struct vm *m, idx_t root, uint64_t *key);

/* Slots hold values at height 0 and child nodes above. */
struct radix_node {
	uint32_t slot[64];
	uint32_t used;	 /* slots that are not 0 */
	uint32_t height; /* 0: leaf */
};

int disk_check(struct vm *m);

#endif
