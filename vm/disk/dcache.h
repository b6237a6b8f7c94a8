/* Which inodes and names of the disk are in the kernel's memory: dcache.c. */
#ifndef PAGEFS_VM_DCACHE_H
#define PAGEFS_VM_DCACHE_H

#include "disk.h"

/* Which list of what nobody uses an inode is on. */
enum inode_list { LIST_NONE, LIST_DENTRY, LIST_INODE };

/* Somebody looks the inode up: it is in memory then, with its name and the
 * directories above.  0, or -ENOMEM. */
int dcache_use(struct vm *m, idx_t inode);
/* The same of one that is new, or whose directory is in memory. */
int dcache_bring_in(struct vm *m, idx_t inode);
/* Its last open file is gone. */
void dcache_put(struct vm *m, idx_t inode);
/* It has got a name, it is about to lose it: its directory's count. */
void dcache_linked(struct vm *m, idx_t inode);
void dcache_unlinked(struct vm *m, idx_t inode);
/* A page left the cache, perhaps the last one. */
void dcache_no_pages(struct vm *m, struct inode *n);
/* The inode ends. */
void dcache_forget(struct vm *m, idx_t inode);

/* The shrinker's turn on a node: objects freed. */
uint64_t dcache_shrink(struct vm *m, unsigned node, int priority);
/* All that nobody uses goes; pages freed: drop_caches 2. */
uint64_t dcache_drop(struct vm *m);

int dcache_check(struct vm *m); /* part of vm_check() */

#endif
