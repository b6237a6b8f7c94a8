/*
 * disk_check(): what must hold between the tree, the blocks, the cache and
 * the frames.
 */
#include <stdlib.h>
#include <string.h>

#include "../phys/phys.h"
#include "../task/task.h"
#include "disk_i.h"

struct tally {
	uint64_t inodes, names, nodes, blocks, cached[2];
	uint8_t *seen; /* one byte a block */
};

/* A freed object is zero but for its first word, and no inode has number 0. */
static bool is_live(const struct inode *n)
{
	return n->ino != 0;
}

static int check_blocks(struct vm *m, idx_t i, struct tally *t)
{
	const struct inode *n = inode_at(m, i);
	struct radix_count c = {0, 0};
	uint64_t at = 0;
	uint32_t b;

	if (!radix_check(m, n->blocks, &c) || c.values != n->nr_blocks)
		return vm_fail(m, EIO,
			"inode %u: %llu blocks counted, its tree holds %llu",
			n->ino, (unsigned long long)n->nr_blocks,
			(unsigned long long)c.values);
	while ((b = radix_next(m, n->blocks, &at))) {
		if (b >= m->root->block_next || t->seen[b])
			return vm_fail(m, EIO,
				"inode %u: block %u is out of range or in use "
				"twice",
				n->ino, b);
		t->seen[b] = 1;
		if (at >= (n->size + DISK_BLOCK - 1) / DISK_BLOCK)
			return vm_fail(m, EIO,
				"inode %u: a block beyond the end of the file",
				n->ino);
		at++;
	}
	t->blocks += c.values;
	t->nodes += c.nodes;
	return 0;
}

static int check_cache(struct vm *m, idx_t i, struct tally *t)
{
	const struct inode *n = inode_at(m, i);
	bool shmem = n->type == INODE_SHMEM;
	unsigned state = shmem ? FRAME_SHMEM : FRAME_FILE;
	struct radix_count c = {0, 0};
	uint64_t page = 0;
	pfn_t pfn;

	if (!radix_check(m, n->cache, &c) || c.values != n->nr_cached)
		return vm_fail(m, EIO,
			"inode %u: %llu cached pages counted, its tree holds "
			"%llu",
			n->ino, (unsigned long long)n->nr_cached,
			(unsigned long long)c.values);
	for (; (pfn = radix_next(m, n->cache, &page)); page++) {
		const struct frame *f = frame_at(m, pfn);

		if (f->state != state || f->owner != i || f->index != page)
			return vm_fail(m, EIO,
				"inode %u page %llu: frame %u has state %u, "
				"owner %u, index %llu",
				n->ino, (unsigned long long)page, pfn,
				(unsigned)f->state, f->owner,
				(unsigned long long)f->index);
	}
	t->cached[shmem] += c.values;
	t->nodes += c.nodes;
	return 0;
}

static int check_child(struct vm *m, idx_t dir, idx_t prev, idx_t i)
{
	const struct inode *n = inode_at(m, i);
	const char *name = disk_name(m, n);

	if (!is_live(n) || !n->linked || n->parent != dir ||
		n->sibling_prev != prev)
		return vm_fail(m, EIO,
			"inode %u: its links to parent %u and siblings are "
			"broken",
			n->ino, n->parent);
	if (n->name_hash != name_hash(name, strlen(name)))
		return vm_fail(
			m, EIO, "\"%s\": the hash of the name is wrong", name);
	return 0;
}

static int check_children(struct vm *m, idx_t dir)
{
	const struct inode *d = inode_at(m, dir);
	idx_t prev = 0;
	uint32_t nr = 0;

	for (idx_t i = d->child; i; i = inode_at(m, i)->sibling) {
		int err = check_child(m, dir, prev, i);

		if (err)
			return err;
		prev = i;
		nr++;
	}
	if (nr != d->nr_children || prev != d->child_last)
		return vm_fail(m, EIO,
			"directory %u: %u entries counted, %u found", d->ino,
			d->nr_children, nr);
	return 0;
}

/* Open files that refer to the inode. */
static uint32_t count_refs(const struct vm *m, idx_t inode)
{
	uint32_t nr = 0;

	for (idx_t i = 1; i < m->root->pool[SEG_FILE].nr; i++)
		nr += file_at(m, i)->refs && file_at(m, i)->inode == inode;
	return nr;
}

static int check_inode(struct vm *m, idx_t i, struct tally *t)
{
	const struct inode *n = inode_at(m, i);
	uint32_t refs = count_refs(m, i);
	int err = 0;

	t->inodes++;
	t->names += (n->name != 0) + (n->target != 0);
	if (n->refs != refs)
		return vm_fail(m, EIO, "inode %u: %u references, %u open files",
			n->ino, n->refs, refs);
	if (!n->refs && !n->linked)
		return vm_fail(m, EIO,
			"inode %u: neither named nor open, but not freed",
			n->ino);
	if (n->type == INODE_DIR)
		err = check_children(m, i);
	if (!err)
		err = check_blocks(m, i, t);
	if (!err)
		err = check_cache(m, i, t);
	return err;
}

static int check_free_blocks(struct vm *m, struct tally *t)
{
	struct root *r = m->root;
	uint32_t nr = 0;

	for (uint32_t b = r->block_free; b; b = *(uint32_t *)block_at(m, b)) {
		if (b >= r->block_next || t->seen[b])
			return vm_fail(m, EIO,
				"block %u is on the free list and in use", b);
		t->seen[b] = 1;
		nr++;
	}
	if (t->blocks != r->disk_used || t->blocks + nr + 1 != r->block_next)
		return vm_fail(m, EIO,
			"disk: %llu blocks in use, %llu counted, %u free, %u "
			"handed out",
			(unsigned long long)t->blocks,
			(unsigned long long)r->disk_used, nr,
			r->block_next - 1);
	return 0;
}

static int check_sums(struct vm *m, const struct tally *t)
{
	const struct {
		const char *what;
		uint64_t found, counted;
	} sum[] = {
		{"inodes", t->inodes, pool_live(m, SEG_INODE)},
		{"names", t->names, pool_live(m, SEG_NAME)},
		{"tree nodes", t->nodes, pool_live(m, SEG_RADIX)},
		{"cached pages", t->cached[0], m->root->pages[USE_FILE]},
		{"shared pages", t->cached[1], m->root->pages[USE_SHMEM]},
	};

	for (size_t i = 0; i < sizeof(sum) / sizeof(*sum); i++)
		if (sum[i].found != sum[i].counted)
			return vm_fail(m, EIO,
				"disk: %llu %s found, %llu counted",
				(unsigned long long)sum[i].found, sum[i].what,
				(unsigned long long)sum[i].counted);
	return 0;
}

int disk_check(struct vm *m)
{
	struct tally t = {.seen = calloc(m->root->block_next, 1)};
	int err = 0;

	if (!t.seen)
		return vm_fail(m, ENOMEM, "no memory to check the disk");
	for (idx_t i = 1; !err && i < m->root->pool[SEG_INODE].nr; i++)
		if (is_live(inode_at(m, i)))
			err = check_inode(m, i, &t);
	if (!err)
		err = check_free_blocks(m, &t);
	if (!err)
		err = check_sums(m, &t);
	free(t.seen);
	return err;
}
