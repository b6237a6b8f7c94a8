/* Swap areas: swapon(2), swapoff(2), and the header that mkswap(8) writes. */
#include <string.h>

#include "../disk/disk_i.h"
#include "../mm/mm.h"
#include "swap.h"
#include "zram.h"

#define HEADER_MAGIC	"SWAPSPACE2"
#define HEADER_MAGIC_AT (DISK_BLOCK - 10)
#define HEADER_INFO_AT	1024 /* version, last page, number of bad pages */
#define PRIO_MAX	32767

/* ---- slots of an area -----------------------------------------------------
 */

static uint32_t slots_max(const struct vm *m)
{
	return (uint32_t)(m->arena.seg[SEG_SLOT].reserved /
			  sizeof(struct swap_slot));
}

/* The lowest place for n slots beside those of other areas; 0 is no slot. */
static uint32_t find_base(const struct vm *m, uint32_t n)
{
	uint32_t base = 1;

	for (unsigned i = 0; i < MAX_SWAP_AREAS; i++) {
		const struct swap_area *a = &m->root->swap[i];

		if (!a->pages || base + n <= a->base ||
			base >= a->base + a->pages)
			continue;
		base = a->base + a->pages;
		i = (unsigned)-1; /* look again from the first */
	}
	return base + (uint64_t)n <= slots_max(m) ? base : 0;
}

static struct swap_area *free_area(struct vm *m)
{
	for (unsigned i = 0; i < MAX_SWAP_AREAS; i++)
		if (!m->root->swap[i].pages)
			return &m->root->swap[i];
	return NULL;
}

static int32_t next_prio(struct vm *m)
{
	int32_t prio = -2;

	for (unsigned i = 0; i < MAX_SWAP_AREAS; i++)
		if (m->root->swap[i].pages && m->root->swap[i].prio <= prio)
			prio = m->root->swap[i].prio - 1;
	return prio;
}

/* Whether an area of so many pages may be added; more than there can be slots
 * were refused for another reason. */
static int may_add(struct vm *m, uint64_t pages, int64_t prio)
{
	if (prio > PRIO_MAX)
		return vm_fail(m, EINVAL, "a priority is at most %d", PRIO_MAX);
	if (!free_area(m))
		return vm_fail(
			m, EPERM, "%u swap areas are the most", MAX_SWAP_AREAS);
	if (pages < slots_max(m) && !find_base(m, (uint32_t)pages))
		return vm_fail(m, EPERM,
			"between the other areas there is no place for %llu "
			"slots in a row",
			(unsigned long long)pages);
	return 0;
}

/* After may_add(). */
static void area_add(
	struct vm *m, idx_t inode, uint32_t pages, int64_t prio, bool zram)
{
	struct swap_area *a = free_area(m);
	uint32_t base = find_base(m, pages);
	struct segment *seg = &m->arena.seg[SEG_SLOT];
	uint64_t end = (base + (uint64_t)pages) * sizeof(struct swap_slot);

	*a = (struct swap_area){
		.inode = inode,
		.base = base,
		.pages = pages,
		.next = 1,
		.prio = prio < 0 ? next_prio(m) : (int32_t)prio,
		.zram = zram,
	};
	if (seg->used < end)
		seg->used = end;
	m->root->swap_pages += pages - 1;
	if (m->root->swap_top <= a - m->root->swap)
		m->root->swap_top = (uint32_t)(a - m->root->swap) + 1;
	if (inode) {
		inode_get(m, inode);
		m->root->swap_files++;
	}
}

int swap_on_own(struct vm *m, int64_t prio)
{
	uint64_t pages = m->root->config.swap >> m->page_shift;
	int err = may_add(m, pages, prio);

	if (!err)
		area_add(m, 0, (uint32_t)pages, prio, false);
	return err;
}

int swap_boot(struct vm *m)
{
	m->root->swap_hits = 4; /* as Linux begins */
	zram_boot(m);
	return m->root->config.swap >= 2 * m->page_size ? swap_on_own(m, -1)
							: 0;
}

struct swap_area *swap_area_of(struct vm *m, idx_t inode)
{
	for (unsigned i = 0; i < MAX_SWAP_AREAS; i++)
		if (m->root->swap[i].pages && !m->root->swap[i].zram &&
			m->root->swap[i].inode == inode)
			return &m->root->swap[i];
	return NULL;
}

/* ---- files ----------------------------------------------------------------
 */

/* Pages by the header in front of `pages` pages, 0 with EINVAL. */
static uint64_t header_pages(struct vm *m, const uint8_t *head, uint64_t pages)
{
	uint32_t info[3];

	memcpy(info, head + HEADER_INFO_AT, sizeof(info));
	if (pages < 2 || memcmp(head + HEADER_MAGIC_AT, HEADER_MAGIC, 10)) {
		vm_fail(m, EINVAL,
			"there is no swap header: write one with mkswap, or "
			"give size=");
		return 0;
	}
	if (info[0] != 1 || !info[1] || info[2] || info[1] + 1ull > pages) {
		vm_fail(m, EINVAL,
			"the swap header has version %u, last page %u and %u "
			"bad pages; there are %llu pages",
			info[0], info[1], info[2], (unsigned long long)pages);
		return 0;
	}
	return info[1] + 1ull;
}

int swap_header(struct vm *m, uint64_t bytes, uint8_t *head)
{
	uint32_t info[3] = {1, (uint32_t)(bytes >> m->page_shift) - 1, 0};

	if (bytes < 10 * DISK_BLOCK)
		return vm_fail(m, EINVAL,
			"a swap area has 10 pages or more, not %llu bytes",
			(unsigned long long)bytes);
	if (bytes >> m->page_shift > UINT32_MAX)
		return vm_fail(m, EFBIG,
			"a swap area has at most %u pages: %llu bytes are too "
			"many",
			UINT32_MAX, (unsigned long long)bytes);
	memset(head, 0, DISK_BLOCK);
	memcpy(head + HEADER_INFO_AT, info, sizeof(info));
	memcpy(head + HEADER_MAGIC_AT, HEADER_MAGIC, 10);
	return 0;
}

int swap_make(struct vm *m, idx_t inode, uint64_t bytes)
{
	struct inode *n = inode_at(m, inode);
	uint8_t head[DISK_BLOCK];
	int err;

	if (n->type != INODE_FILE)
		return vm_fail(m, EINVAL, "a swap area is a regular file");
	err = swap_header(m, bytes, head);
	bytes = bytes >> m->page_shift << m->page_shift;
	if (!err)
		err = blocks_fill_holes(m, n, 0, bytes);
	if (!err && disk_write(m, inode, 0, head, sizeof(head)) < 0) {
		err = -m->fail.err;
		blocks_truncate(m, n, n->size);
	}
	if (!err && bytes > n->size)
		err = disk_truncate(m, inode, bytes);
	return err;
}

int swap_on_made(struct vm *m, idx_t inode, uint64_t bytes, int64_t prio)
{
	int err = may_add(m, bytes >> m->page_shift, prio);

	if (!err)
		err = swap_make(m, inode, bytes);
	return err ? err : swap_on(m, inode, prio);
}

int swap_on(struct vm *m, idx_t inode, int64_t prio)
{
	const struct inode *n = inode_at(m, inode);
	uint8_t head[DISK_BLOCK] = {0};
	uint64_t pages;
	int err;

	if (n->type != INODE_FILE)
		return vm_fail(m, EINVAL, "a swap area is a regular file");
	if (swap_area_of(m, inode))
		return vm_fail(m, EBUSY, "the file is a swap area already");
	disk_read(m, inode, 0, head, sizeof(head));
	pages = header_pages(m, head, n->size >> m->page_shift);
	if (!pages)
		return -EINVAL;
	if (blocks_count(m, n, 0, pages << m->page_shift) !=
		(pages << m->page_shift) / DISK_BLOCK)
		return vm_fail(m, EINVAL,
			"the file has holes: a swap area has "
			"a block for each page");
	err = may_add(m, pages, prio);
	if (err)
		return err;
	/* what the cache holds newer goes to the blocks, which are used now */
	inode_write(m, inode, 0, UINT64_MAX);
	mm_unmap_cached(m, inode, 0, UINT64_MAX);
	cache_drop(m, inode_at(m, inode), 0, UINT64_MAX);
	area_add(m, inode, (uint32_t)pages, prio, false);
	return 0;
}

/* ---- /dev/zram0 -----------------------------------------------------------
 */

/* Gives it the size that was asked for, and a header; or nothing is changed. */
static int zram_prepare(struct vm *m, uint64_t bytes)
{
	uint8_t head[DISK_BLOCK];
	int err = zram_may_have(m, bytes);

	if (err || swap_header(m, bytes, head))
		return err ? err : -EINVAL;
	if (m->root->zram.bytes == zram_rounded(m, bytes))
		return zram_make_swap(m);
	err = zram_reset(m);
	if (!err)
		err = zram_init(m, bytes);
	if (!err && (err = zram_make_swap(m)))
		zram_reset(m);
	return err;
}

int swap_on_zram(struct vm *m, uint64_t bytes, int64_t prio)
{
	uint8_t head[DISK_BLOCK];
	uint64_t pages;
	int err;

	if (zram_area(m))
		return vm_fail(m, EBUSY, "%s is in use already", ZRAM_NAME);
	err = may_add(m, bytes >> m->page_shift, prio);
	if (!err && bytes)
		err = zram_prepare(m, bytes);
	if (err)
		return err;
	if (!zram_pages(m))
		return vm_fail(m, EINVAL,
			"%s has no size: write it to "
			"sys/block/zram0/disksize, or give size=",
			ZRAM_NAME);
	disk_count(m, DISK_ZRAM, 1, 0);
	zram_load(m, 0, head);
	pages = header_pages(m, head, zram_pages(m));
	if (!pages)
		return -EINVAL;
	err = may_add(m, pages, prio);
	if (!err)
		area_add(m, 0, (uint32_t)pages, prio, true);
	return err;
}

/* swap_off() is in swapoff.c. */
