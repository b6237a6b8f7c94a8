/*
 * Contents of files as disk/ and the system calls see them: blocks, with what
 * the page cache knows better.
 */
#include <string.h>

#include "../mm/mm.h"
#include "../swap/swap.h"
#include "../mm/hugetlb.h"
#include "disk_i.h"

static int contents_check(struct vm *m, idx_t inode, uint64_t end)
{
	uint64_t most = inode_size_max(inode_at(m, inode));
	uint32_t type = inode_at(m, inode)->type;
	char path[120];

	disk_path(m, inode, path, sizeof(path));
	if (type == INODE_DIR)
		return vm_fail(m, EISDIR, "%s is a directory", path);
	if (type != INODE_FILE && type != INODE_SHMEM)
		return vm_fail(m, EINVAL, "%s is no regular file", path);
	if (end > most)
		return vm_fail(m, EFBIG,
			"%s would have 0x%llx bytes: the most is 0x%llx", path,
			(unsigned long long)end, (unsigned long long)most);
	return 0;
}

int swap_file_check(struct vm *m, idx_t inode)
{
	char path[120];

	if (!inode_is_swap(m, inode))
		return 0;
	disk_path(m, inode, path, sizeof(path));
	return vm_fail(m, ETXTBSY, "%s is a swap area in use", path);
}

int64_t disk_write(
	struct vm *m, idx_t inode, uint64_t off, const void *buf, uint64_t len)
{
	struct inode *n = inode_at(m, inode);
	uint64_t end = off + len < off ? UINT64_MAX : off + len;
	int err = contents_check(m, inode, len ? end : 0);

	if (!err)
		err = swap_file_check(m, inode);
	if (err || !len)
		return err;
	if (n->type == INODE_SHMEM)
		return shmem_write(m, inode, off, buf, len);
	err = blocks_room(m, n, off, buf, len);
	if (err)
		return err;
	if (end > n->size) {
		cache_zero_tail(m, n, n->size);
		n->size = end;
	}
	blocks_write(m, n, off, buf, len);
	if (n->nr_cached)
		cache_write(m, n, off, buf, len);
	inode_touch(m, inode);
	return (int64_t)len;
}

static int truncate_huge(struct vm *m, idx_t inode, uint64_t size)
{
	struct inode *n = inode_at(m, inode);
	uint64_t page = 1ull << pt_shift(m, n->huge_size);

	if (size & (page - 1) || size > OBJECT_SIZE_MAX)
		return vm_fail(m, EINVAL,
			"the size of a file of huge pages is a multiple of "
			"%llu",
			(unsigned long long)page);
	/* Mappings may reach, and have promises, beyond the end. */
	mm_unmap_file(
		m, inode, size >> m->page_shift, UINT64_MAX >> m->page_shift);
	hugetlb_truncate(m, n, size / page);
	n->size = size;
	inode_touch(m, inode);
	return 0;
}

int disk_truncate(struct vm *m, idx_t inode, uint64_t size)
{
	struct inode *n = inode_at(m, inode);
	int err;

	if (n->type == INODE_HUGETLB)
		return truncate_huge(m, inode, size);
	err = contents_check(m, inode, size);
	if (!err && size <= n->size) /* a swap file may grow */
		err = swap_file_check(m, inode);
	if (err)
		return err;
	if (n->type == INODE_SHMEM && size <= n->size)
		shmem_cut(m, inode, size);
	if (size < n->size) {
		mm_unmap_file(m, inode,
			(size + m->page_size - 1) >> m->page_shift,
			UINT64_MAX >> m->page_shift);
		n->size = size;
		cache_truncate(m, n, size);
		blocks_truncate(m, n, size);
		cache_hole_tail(m, inode, size);
	} else {
		cache_zero_tail(m, n, n->size);
		cache_hole_tail(m, inode, n->size);
	}
	n->size = size;
	inode_touch(m, inode);
	return 0;
}

/* Removes `nr` directories, the deepest first, that were just made. */
static void unmake(struct vm *m, idx_t dir, unsigned nr)
{
	while (nr--) {
		idx_t above = inode_at(m, dir)->parent;

		inode_drop(m, dir);
		dir = above;
	}
}

/*
 * Makes the directories of path that are missing; *nr counts them, *deepest is
 * the last.
 */
static int make_dirs(
	struct vm *m, const char *path, idx_t *deepest, unsigned *nr)
{
	char part[DISK_NAME_SIZE];
	size_t len = strnlen(path, sizeof(part));

	if (len == sizeof(part))
		return vm_fail(m, ENAMETOOLONG, "a path has at most %u bytes",
			DISK_NAME_SIZE - 1);
	for (size_t i = 1; i < len; i++) {
		int err;

		if (path[i] != '/' || path[i - 1] == '/')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (disk_lookup(m, part, true))
			continue;
		if (m->fail.err != ENOENT)
			return -m->fail.err;
		vm_fail_clear(m);
		err = disk_mkdir(m, part, PLACEHOLDER_MODE, 0, 0);
		if (err)
			return err;
		*deepest = disk_lookup(m, part, true);
		++*nr;
	}
	return 0;
}

idx_t disk_placeholder(struct vm *m, const char *path, uint64_t size)
{
	idx_t deepest = 0, i = 0;
	unsigned nr = 0;

	if (make_dirs(m, path, &deepest, &nr))
		goto failed;
	i = disk_lookup(m, path, true);
	if (!i && m->fail.err == ENOENT) {
		vm_fail_clear(m);
		i = disk_create(m, path, PLACEHOLDER_MODE, 0, 0);
	}
	if (!i || contents_check(m, i, size))
		goto failed;
	if (size > inode_at(m, i)->size)
		disk_truncate(m, i, size);
	return i;
failed:
	unmake(m, deepest, nr);
	return 0;
}
