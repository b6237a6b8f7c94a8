/*
 * disk_check(): what must hold between the tree, the blocks, the cache and
 * the frames.
 */
#include <stdlib.h>
#include <string.h>

#include "../mm/rmap.h"
#include "../phys/phys.h"
#include "../task/task.h"
#include "disk_i.h"

struct tally {
	uint64_t inodes, names, nodes, blocks, cached[2], dirty;
	uint8_t *seen;	  /* one byte a block */
	uint32_t *refs;	  /* open files, by inode */
	int32_t *writers; /* of these: see struct inode */
};

/* A freed object is zero but for its first word, and no inode has number 0. */
static bool is_live(const struct inode *n)
{
	return n->ino != 0;
}

/* An index that is stored in an inode. */
static bool in_pool(const struct vm *m, enum seg_id id, idx_t i)
{
	return !i || i < m->root->pool[id].nr;
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
	/* of huge pages: which are promised */
	while (n->type != INODE_HUGETLB &&
		(b = radix_next(m, n->blocks, &at))) {
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
	t->blocks += n->type == INODE_HUGETLB ? 0 : c.values;
	t->nodes += c.nodes;
	return 0;
}

static int check_cache(struct vm *m, idx_t i, struct tally *t)
{
	const struct inode *n = inode_at(m, i);
	bool shmem = n->type == INODE_SHMEM;
	bool huge = n->type == INODE_HUGETLB;
	unsigned state = huge	 ? FRAME_HUGETLB
			 : shmem ? FRAME_SHMEM
				 : FRAME_FILE;
	struct radix_count c = {0, 0};
	uint64_t page = 0, dirty = 0;
	pfn_t pfn;

	if (!radix_check(m, n->cache, &c) || c.values != n->nr_cached)
		return vm_fail(m, EIO,
			"inode %u: %llu cached pages counted, its tree holds "
			"%llu",
			n->ino, (unsigned long long)n->nr_cached,
			(unsigned long long)c.values);
	for (; (pfn = radix_next(m, n->cache, &page)); page++) {
		const struct frame *f = frame_at(m, pfn);

		if (pfn >= m->root->max_pfn)
			return vm_fail(m, EIO,
				"inode %u page %llu: frame %u does not exist",
				n->ino, (unsigned long long)page, pfn);
		if (f->state != state || frame_owner(m, f) != i ||
			frame_index(m, f) != page)
			return vm_fail(m, EIO,
				"inode %u page %llu: frame %u has state %u, "
				"owner %u, index %llu",
				n->ino, (unsigned long long)page, pfn,
				(unsigned)f->state, f->owner,
				(unsigned long long)f->index);
		dirty += !shmem && f->flags & FR_DIRTY;
	}
	if (dirty != n->nr_dirty)
		return vm_fail(m, EIO,
			"inode %u: %llu dirty pages counted, %llu found",
			n->ino, (unsigned long long)n->nr_dirty,
			(unsigned long long)dirty);
	t->dirty += dirty != 0;
	t->cached[shmem] += huge ? 0 : c.values;
	t->nodes += c.nodes;
	c = (struct radix_count){0, 0};
	if (!radix_check(m, n->away, &c) || c.values != n->nr_away)
		return vm_fail(m, EIO,
			"inode %u: %llu evicted pages counted, its tree holds "
			"%llu",
			n->ino, (unsigned long long)n->nr_away,
			(unsigned long long)c.values);
	t->nodes += c.nodes;
	return 0;
}

static int check_child(struct vm *m, idx_t dir, idx_t prev, idx_t i)
{
	const struct inode *n = inode_at(m, i);
	const char *name;

	if (i >= m->root->pool[SEG_INODE].nr)
		return vm_fail(m, EIO, "directory %u: an entry %u too far",
			inode_at(m, dir)->ino, i);
	if (!is_live(n) || !n->linked || n->parent != dir ||
		n->sibling_prev != prev || !in_pool(m, SEG_NAME, n->name))
		return vm_fail(m, EIO,
			"inode %u: its links to parent %u and siblings are "
			"broken",
			n->ino, n->parent);
	name = disk_name(m, n);
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

static int check_indexes(struct vm *m, const struct inode *n)
{
	const idx_t links[] = {n->parent, n->child, n->child_last, n->sibling,
		n->sibling_prev};
	bool ok = in_pool(m, SEG_NAME, n->name) &&
		  in_pool(m, SEG_NAME, n->target) &&
		  in_pool(m, SEG_RADIX, n->blocks) &&
		  in_pool(m, SEG_RADIX, n->cache) &&
		  in_pool(m, SEG_RADIX, n->away);

	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
		ok = ok && in_pool(m, SEG_INODE, links[i]);
	return ok ? 0
		  : vm_fail(m, EIO, "inode %u refers to what does not exist",
			    n->ino);
}

static int check_inode(struct vm *m, idx_t i, struct tally *t)
{
	const struct inode *n = inode_at(m, i);
	uint32_t refs = t->refs[i];
	int err = check_indexes(m, n);

	t->inodes++;
	t->names += (n->name != 0) + (n->target != 0);
	if (n->refs != refs)
		return vm_fail(m, EIO, "inode %u: %u references, %u open files",
			n->ino, n->refs, refs);
	if (n->writers != t->writers[i])
		return vm_fail(m, EIO, "inode %u: %d writers, %d are counted",
			n->ino, n->writers, t->writers[i]);
	if (!n->refs && !n->linked)
		return vm_fail(m, EIO,
			"inode %u: neither named nor open, but not freed",
			n->ino);
	if (err)
		return err;
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

/* The list of inodes with dirty pages has each of them once. */
static int check_dirty_list(struct vm *m, const struct tally *t)
{
	idx_t prev = 0;
	uint64_t nr = 0;

	for (idx_t i = m->root->dirty_first; i && nr <= t->dirty; nr++) {
		const struct inode *n = inode_at(m, i);

		if (!n->nr_dirty || n->dirty_prev != prev)
			break;
		prev = i;
		i = n->dirty_next;
	}
	if (nr == t->dirty && prev == m->root->dirty_last)
		return 0;
	return vm_fail(m, EIO,
		"disk: %llu inodes have dirty pages, the list of them is "
		"broken after %llu",
		(unsigned long long)t->dirty, (unsigned long long)nr);
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
		{"cached pages", t->cached[0], phys_sum(m, pages[USE_FILE])},
		{"shared pages", t->cached[1], phys_sum(m, pages[USE_SHMEM])},
	};

	for (size_t i = 0; i < sizeof(sum) / sizeof(*sum); i++)
		if (sum[i].found != sum[i].counted)
			return vm_fail(m, EIO,
				"disk: %llu %s found, %llu counted",
				(unsigned long long)sum[i].found, sum[i].what,
				(unsigned long long)sum[i].counted);
	return 0;
}

/* Open files, and those of them that address spaces run. */
static void count_files(struct vm *m, struct tally *t)
{
	const struct root *r = m->root;

	for (idx_t i = 1; i < r->pool[SEG_FILE].nr; i++) {
		const struct file *f = file_at(m, i);

		if (!f->refs || f->inode >= r->pool[SEG_INODE].nr)
			continue;
		t->refs[f->inode]++;
		t->writers[f->inode] += f->mode & FMODE_WRITE ? 1 : 0;
	}
	for (idx_t i = 1; i < r->pool[SEG_MM].nr; i++) {
		const struct mm *mm = mm_at(m, i);

		if (mm->users && mm->exe && mm->exe < r->pool[SEG_FILE].nr)
			t->writers[file_at(m, mm->exe)->inode]--;
	}
}

static int check_all(struct vm *m, struct tally *t)
{
	const struct root *r = m->root;
	int err = 0;

	count_files(m, t);
	for (unsigned i = 0; i < MAX_SWAP_AREAS; i++)
		if (r->swap[i].pages &&
			r->swap[i].inode < r->pool[SEG_INODE].nr)
			t->refs[r->swap[i].inode]++;
	for (idx_t i = 1; !err && i < r->pool[SEG_INODE].nr; i++)
		if (is_live(inode_at(m, i)))
			err = check_inode(m, i, t);
	if (!err)
		err = check_free_blocks(m, t);
	if (!err)
		err = check_dirty_list(m, t);
	return err ? err : check_sums(m, t);
}

int disk_check(struct vm *m)
{
	struct tally t = {
		.seen = calloc(m->root->block_next, sizeof(*t.seen)),
		.refs = calloc(m->root->pool[SEG_INODE].nr, sizeof(*t.refs)),
		.writers =
			calloc(m->root->pool[SEG_INODE].nr, sizeof(*t.writers)),
	};
	int err;

	if (t.seen && t.refs && t.writers)
		err = check_all(m, &t);
	else
		err = vm_fail(m, ENOMEM, "no memory to check the disk");
	free(t.seen);
	free(t.refs);
	free(t.writers);
	return err;
}
