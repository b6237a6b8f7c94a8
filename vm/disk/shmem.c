/*
 * Objects of shared memory: nameless ones of mmap, those of memfd_create(2),
 * and those of shm_open(3), which lie in /dev/shm for all processes to find.
 * Their pages live in the cache alone.
 */
#include <string.h>

#include "../format.h"
#include "../mm/mm.h"
#include "../mm/shmem_huge.h"
#include "../reclaim/reclaim.h"
#include "disk_i.h"

#define MEMFD_NAME_MAX 249u

static idx_t create(struct vm *m, enum inode_type type, uint64_t size)
{
	idx_t i = inode_new(m, type, 0777, 0, 0);

	if (!i)
		return 0;
	inode_at(m, i)->size = size;
	inode_at(m, i)->refs = 1;
	inode_at(m, i)->noreserve = 1;
	return i;
}

idx_t shmem_create(struct vm *m, uint64_t size)
{
	return create(m, INODE_SHMEM, size);
}

idx_t shmem_named(struct vm *m, enum inode_type type, const char *text)
{
	idx_t i;

	if (!pool_room(m, SEG_NAME)) {
		vm_fail(m, ENOMEM, "the machine's table \"%s\" is full",
			arena_seg_name(SEG_NAME));
		return 0;
	}
	i = create(m, type, 0);
	if (i)
		name_new(m, &inode_at(m, i)->name, text, strlen(text));
	return i;
}

idx_t shmem_memfd(struct vm *m, enum inode_type type, const char *name)
{
	char text[MEMFD_NAME_MAX + 16];
	size_t len = strnlen(name, MEMFD_NAME_MAX + 1);

	if (len > MEMFD_NAME_MAX) {
		vm_fail(m, EINVAL, "the name of a memfd has at most %u bytes",
			MEMFD_NAME_MAX);
		return 0;
	}
	vm_snprintf(text, sizeof(text), "/memfd:%s", name);
	return shmem_named(m, type, text);
}

/* A directory that is there, or is made. */
static bool have_dir(struct vm *m, const char *path, uint32_t mode)
{
	if (disk_lookup(m, path, true))
		return true;
	vm_fail_clear(m);
	return !disk_mkdir(m, path, mode, 0, 0);
}

idx_t shmem_open(struct vm *m, const char *name, const struct cred *c)
{
	char path[DISK_NAME_MAX + 16];
	idx_t i;

	while (*name == '/')
		name++;
	if (!*name || strchr(name, '/') ||
		strnlen(name, DISK_NAME_MAX + 1) > DISK_NAME_MAX) {
		vm_fail(m, EINVAL,
			"\"%s\" names no shared memory: it is one name, of at "
			"most %u bytes",
			name, DISK_NAME_MAX);
		return 0;
	}
	vm_snprintf(path, sizeof(path), "/dev/shm/%s", name);
	i = disk_lookup_as(m, c, path, true);
	if (i || m->fail.err != ENOENT)
		return i;
	vm_fail_clear(m);
	if (!have_dir(m, "/dev", 0755) || !have_dir(m, "/dev/shm", 01777) ||
		dir_right(m, c, disk_lookup(m, "/dev/shm", true), DIR_WRITE))
		return 0;
	return disk_make_shmem(m, path, 0600, c->fsuid, c->fsgid);
}

/* ---- contents ----------------------------------------------------------- */

int64_t shmem_write(
	struct vm *m, idx_t inode, uint64_t off, const void *buf, uint64_t len)
{
	struct inode *n = inode_at(m, inode);
	uint64_t first = off >> m->page_shift;
	uint64_t last = (off + len - 1) >> m->page_shift;

	if (off + len > n->size) {
		cache_zero_tail(m, n, n->size);
		n->size = off + len;
	}
	for (uint64_t page = first; page <= last; page++) {
		uint64_t from = page == first ? off : page << m->page_shift;
		uint64_t to =
			page == last ? off + len : (page + 1) << m->page_shift;

		if (!cache_lookup(m, inode, page))
			mem_expect(m, GFP_HIGHUSER);
		if (mem_reserve(m, GFP_PAGE, STEP_PAGES) ||
			policy_reserve(m, !cache_lookup(m, inode, page)) ||
			shmem_page(m, inode, NULL, 0, page, to, NULL) ==
				PFN_NONE)
			return m->fail.err == ENOSPC ? -ENOSPC : -ENOMEM;
		cache_write(m, n, from, (const uint8_t *)buf + (from - off),
			to - from);
	}
	inode_touch(m, inode);
	return (int64_t)len;
}

void shmem_cut(struct vm *m, idx_t inode, uint64_t size)
{
	const struct inode *n = inode_at(m, inode);
	uint64_t page = size >> m->page_shift;
	pfn_t pfn;

	if (!(size & (m->page_size - 1)) ||
		!(radix_get(m, n->cache, page) || radix_get(m, n->away, page)))
		return;
	if (!mem_reserve(m, GFP_PAGE, STEP_PAGES) &&
		(pfn = cache_get(m, inode, page, NULL)) != PFN_NONE)
		cache_set_dirty(m, frame_at(m, pfn));
	vm_fail_clear(m);
}

int disk_punch(struct vm *m, idx_t inode, uint64_t first, uint64_t last)
{
	struct inode *n = inode_at(m, inode);
	uint64_t most = inode_size_max(n);

	if (last >= most >> m->page_shift)
		return vm_fail(m, EFBIG,
			"page %llu lies beyond the largest file, 0x%llx bytes",
			(unsigned long long)last, (unsigned long long)most);
	mm_unmap_cached(m, inode, first, last);
	cache_drop(m, n, first, last);
	blocks_drop(m, n, first << m->page_shift,
		(last - first + 1) << m->page_shift);
	inode_touch(m, inode);
	return 0;
}
