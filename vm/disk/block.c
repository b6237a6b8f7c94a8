/*
 * Blocks: the contents of files below the page cache.
 *
 * Blocks up to root->block_next were handed out once; freed ones are zero but
 * for their first word, the number of the next free one.  A block that a file
 * does not have is a hole and reads as zeros; zeros that are written into a
 * hole leave it one.  Bytes of a block beyond the end of its file are zero.
 */
#include <string.h>

#include "disk_i.h"

uint8_t *block_at(const struct vm *m, uint32_t block)
{
	return seg_at(m, SEG_BLOCK, (uint64_t)block * DISK_BLOCK);
}

/* The bytes of a block, to be written. */
static uint8_t *block_bytes(struct vm *m, uint32_t block)
{
	seg_mark(m, SEG_BLOCK, (uint64_t)block * DISK_BLOCK);
	return block_at(m, block);
}

/* A zeroed block; the caller has made sure that there is one. */
static uint32_t block_alloc(struct vm *m)
{
	struct root *r = m->root;
	uint32_t b = r->block_free;

	if (b) {
		uint32_t *next = (uint32_t *)block_bytes(m, b);

		r->block_free = *next;
		*next = 0;
	} else {
		b = r->block_next++;
		m->arena.seg[SEG_BLOCK].used =
			(uint64_t)r->block_next * DISK_BLOCK;
	}
	r->disk_used++;
	return b;
}

static void block_free(struct vm *m, uint32_t b)
{
	uint32_t *next = (uint32_t *)block_bytes(m, b);

	memset(next, 0, DISK_BLOCK);
	*next = m->root->block_free;
	m->root->block_free = b;
	m->root->disk_used--;
}

/* The part of [off, off + len) that lies in one block. */
static uint64_t piece_of(uint64_t off, uint64_t len)
{
	uint64_t room = DISK_BLOCK - off % DISK_BLOCK;

	return len < room ? len : room;
}

static bool is_zero(const uint8_t *p, uint64_t n)
{
	return !p[0] && !memcmp(p, p + 1, n - 1);
}

int blocks_room(struct vm *m, struct inode *n, uint64_t off, const uint8_t *buf,
	uint64_t len)
{
	struct root *r = m->root;
	uint64_t need = 0, piece;
	int err = radix_room(m, len / DISK_BLOCK + 2);

	for (; len; off += piece, buf += piece, len -= piece) {
		piece = piece_of(off, len);
		need += !radix_get(m, n->blocks, off / DISK_BLOCK) &&
			!is_zero(buf, piece);
	}
	if (r->disk_used + need > r->disk_blocks)
		return vm_fail(m, ENOSPC,
			"the write needs %llu blocks of %u bytes, %llu of the "
			"disk's %llu are free",
			(unsigned long long)need, DISK_BLOCK,
			(unsigned long long)(r->disk_blocks - r->disk_used),
			(unsigned long long)r->disk_blocks);
	return err;
}

static void block_add(struct vm *m, struct inode *n, uint64_t at)
{
	radix_set(m, &n->blocks, at, block_alloc(m));
	n->nr_blocks++;
}

void blocks_write(struct vm *m, struct inode *n, uint64_t off,
	const uint8_t *buf, uint64_t len)
{
	uint64_t piece;

	for (; len; off += piece, buf += piece, len -= piece) {
		uint64_t at = off / DISK_BLOCK;
		uint32_t b = radix_get(m, n->blocks, at);

		piece = piece_of(off, len);
		if (!b) {
			if (is_zero(buf, piece))
				continue;
			block_add(m, n, at);
			b = radix_get(m, n->blocks, at);
		}
		memcpy(block_bytes(m, b) + off % DISK_BLOCK, buf, piece);
	}
}

int blocks_fill_holes(struct vm *m, struct inode *n, uint64_t off, uint64_t len)
{
	struct root *r = m->root;
	uint64_t first = off / DISK_BLOCK;
	uint64_t nr = (off + len - 1) / DISK_BLOCK - first + 1;
	uint64_t free = r->disk_blocks - r->disk_used;
	uint64_t need =
		nr < n->nr_blocks ? 0 : nr - n->nr_blocks; /* at least */
	int err;

	if (need <= free)
		need = nr - blocks_count(m, n, off, len);
	if (need > free)
		return vm_fail(m, ENOSPC,
			"holes of the file need %llu blocks of %u bytes, %llu "
			"of the disk's %llu are free",
			(unsigned long long)need, DISK_BLOCK,
			(unsigned long long)free,
			(unsigned long long)r->disk_blocks);
	err = radix_room(m, nr);
	for (uint64_t i = 0; !err && i < nr; i++)
		if (!radix_get(m, n->blocks, first + i))
			block_add(m, n, first + i);
	return err;
}

void blocks_read(const struct vm *m, const struct inode *n, uint64_t off,
	uint8_t *buf, uint64_t len)
{
	uint64_t piece;

	for (; len; off += piece, buf += piece, len -= piece) {
		uint32_t b = radix_get(m, n->blocks, off / DISK_BLOCK);

		piece = piece_of(off, len);
		if (b)
			memcpy(buf, block_at(m, b) + off % DISK_BLOCK, piece);
		else
			memset(buf, 0, piece);
	}
}

uint64_t blocks_count(
	const struct vm *m, const struct inode *n, uint64_t off, uint64_t len)
{
	uint64_t nr = 0, piece;

	for (; len; off += piece, len -= piece) {
		piece = piece_of(off, len);
		nr += radix_get(m, n->blocks, off / DISK_BLOCK) != 0;
	}
	return nr;
}

void blocks_drop(struct vm *m, struct inode *n, uint64_t off, uint64_t len)
{
	uint64_t at = off / DISK_BLOCK, last = (off + len - 1) / DISK_BLOCK;
	uint32_t b;

	for (; (b = radix_next(m, n->blocks, &at)) && at <= last; at++) {
		block_free(m, b);
		n->nr_blocks--;
		radix_del(m, &n->blocks, at);
	}
}

void blocks_truncate(struct vm *m, struct inode *n, uint64_t size)
{
	uint64_t keep = (size + DISK_BLOCK - 1) / DISK_BLOCK;
	uint64_t at = keep;
	uint32_t b;

	while ((b = radix_next(m, n->blocks, &at))) {
		block_free(m, b);
		n->nr_blocks--;
		if (keep)
			radix_del(m, &n->blocks, at);
		at++;
	}
	if (!keep)
		radix_clear(m, &n->blocks);
	b = size % DISK_BLOCK ? radix_get(m, n->blocks, size / DISK_BLOCK) : 0;
	if (b)
		memset(block_bytes(m, b) + size % DISK_BLOCK, 0,
			DISK_BLOCK - size % DISK_BLOCK);
}

uint64_t disk_seek(const struct vm *m, idx_t inode, uint64_t off, bool data)
{
	const struct inode *n = inode_at(m, inode);
	uint64_t at = off / DISK_BLOCK, next = at;

	if (data) {
		if (!radix_next(m, n->blocks, &next))
			return n->size;
	} else {
		while (radix_get(m, n->blocks, next))
			next++;
	}
	return next == at ? off : next * DISK_BLOCK;
}
