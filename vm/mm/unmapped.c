/*
 * Choice of an address for a new mapping.
 *
 *	low            candidate holes             mmap_base   stack
 *	 |  |####|          |##|   |####|    |##|      |        |####|
 *	                                         <-----| top-down search
 *
 * Top-down: the highest hole that fits below mmap_base; when there is none,
 * bottom-up from the legacy base.  Sources: Linux mm/vma.c
 * (unmapped_area_topdown, unmapped_area), arch/x86/kernel/sys_x86_64.c,
 * mm/huge_memory.c (__thp_get_unmapped_area), mm/shmem.c.
 */
#include "mm_i.h"

#include "../disk/disk.h"
#include "hugetlb.h"

#define LOW_32BIT  0x40000000ull
#define HIGH_32BIT 0x80000000ull

/* A hole of `len` bytes, which leave room to align what goes there. */
struct search {
	idx_t mm;
	vaddr_t low, high;
	uint64_t len;
	uint64_t align; /* a mask: bits that are 0 in the address */
};

/* The guard gap of a stack counts only if it lies directly above the hole;
 * then it lowers the limit for all that follows. */
static bool search_down(struct vm *m, struct search s, vaddr_t *addr)
{
	vaddr_t end;

	while (vma_tree_highest(m, s.mm, s.low, s.high, s.len, &end)) {
		const struct vma *above = vma_find(m, s.mm, end);

		if (!above || vma_start_gap(m, above) >= end) {
			*addr = (end - (s.len - s.align)) & ~s.align;
			return true;
		}
		s.high = vma_start_gap(m, above);
	}
	return false;
}

/* As in Linux the room to align counts behind the aligned address too, where
 * a stack's guard gap is next: a hole that would do is passed by. */
static bool search_up(struct vm *m, struct search s, vaddr_t *addr)
{
	vaddr_t at;

	while (vma_tree_lowest(m, s.mm, s.low, s.high, s.len, &at)) {
		const struct vma *above = vma_find(m, s.mm, at);

		at = (at + s.align) & ~s.align;
		if (!above || !(above->flags & VM_GROWSDOWN) ||
			vma_start_gap(m, above) >= at + s.len - 1) {
			*addr = at;
			return true;
		}
		s.low = above->end;
	}
	return false;
}

static bool hint_is_free(struct vm *m, idx_t mm, vaddr_t hint, uint64_t len)
{
	const struct vma *above = vma_find(m, mm, hint);

	return !above || hint + len <= vma_start_gap(m, above);
}

static bool find_bottom_up(struct vm *m, const struct task *t, vaddr_t hint,
	uint64_t len, uint64_t align, uint64_t map_flags, vaddr_t *addr)
{
	const struct mm *mm = mm_at(m, t->mm);
	bool low32 = map_flags & MAP_32BIT && mm_layout(m, mm)->addr_bits == 64;
	struct search s = {
		.mm = t->mm,
		.low = low32 ? LOW_32BIT : mm->legacy_base,
		.high = low32 ? HIGH_32BIT : mm_task_size(m, t),
		.len = len + align,
		.align = align,
	};

	if (len > s.high)
		return false;
	hint = page_up(m, hint);
	if (hint && hint <= s.high - len && hint_is_free(m, t->mm, hint, len)) {
		*addr = hint;
		return true;
	}
	if (s.low < mm_low_limit(m))
		s.low = mm_low_limit(m);
	return search_up(m, s, addr);
}

static bool find_area(struct vm *m, const struct task *t, vaddr_t hint,
	uint64_t len, uint64_t align, uint64_t map_flags, vaddr_t *addr)
{
	const struct mm *mm = mm_at(m, t->mm);
	vaddr_t top = mm_task_size(m, t);
	bool is64 = mm_layout(m, mm)->addr_bits == 64;
	struct search s = {
		.mm = t->mm,
		.low = mm_low_limit(m),
		.high = mm->mmap_base,
		.len = len + align,
		.align = align,
	};

	if (len > top)
		return false;
	if (mm->bottom_up || (is64 && map_flags & MAP_32BIT))
		return find_bottom_up(m, t, hint, len, align, map_flags, addr);
	hint = page_down(m, hint);
	if (hint && hint <= top - len && hint_is_free(m, t->mm, hint, len)) {
		*addr = hint;
		return true;
	}
	if (map_flags & MAP_ABOVE4G && is64 && s.low < 4 * GiB)
		s.low = 4 * GiB;
	return search_down(m, s, addr) || find_bottom_up(m, t, hint, len, align,
						  map_flags & ~MAP_32BIT, addr);
}

/*
 * Huge pages need mappings that lie in the address space as they lie in the
 * file, modulo 2 MiB: asks for 2 MiB more and picks the right place inside.
 */
static bool find_aligned(struct vm *m, const struct task *t, vaddr_t hint,
	uint64_t len, uint64_t off, uint64_t map_flags, vaddr_t *addr)
{
	/* File offsets are signed: the first 2 MiB boundary wraps below 0. */
	int64_t first = (int64_t)((off + PMD_SIZE - 1) & ~(PMD_SIZE - 1));
	int64_t end = (int64_t)(off + len);
	uint64_t sub;
	vaddr_t at;

	if (end <= first || (uint64_t)end - (uint64_t)first < PMD_SIZE)
		return false;
	if (len + PMD_SIZE < len || off + len + PMD_SIZE < off)
		return false;
	if (!find_area(m, t, hint, len + PMD_SIZE, 0, map_flags, &at))
		return false;
	if (at == hint) {
		*addr = at;
		return true;
	}
	sub = (off - at) & (PMD_SIZE - 1);
	if (!sub && !mm_at(m, t->mm)->bottom_up)
		sub = PMD_SIZE;
	*addr = at + sub;
	return true;
}

/*
 * An address of shared memory that is to have huge pages, of which `at` was
 * found: one that lies in its span as the offset in the object does.
 * Source: Linux mm/shmem.c (shmem_get_unmapped_area).
 */
static vaddr_t align_shmem(struct vm *m, const struct task *t, vaddr_t at,
	vaddr_t hint, uint64_t len, uint64_t off, uint64_t map_flags)
{
	uint64_t size = huge_size(m), mask = size - 1;
	vaddr_t wide;

	off &= mask;
	if (at == hint || len < size || (off && off + len < 2 * size) ||
		(at & mask) == off || len + size < len ||
		!find_area(m, t, hint, len + size - m->page_size, 0, map_flags,
			&wide))
		return at;
	return wide + ((off - wide) & mask);
}

/* Files of the disk align always, shared memory where it may be huge. */
static bool wants_alignment(const struct vm *m, const struct mm *mm,
	vaddr_t hint, uint64_t len, uint64_t map_flags, idx_t file)
{
	if (!mm_layout(m, mm)->thp_align)
		return false;
	if (file)
		return inode_at(m, file_at(m, file)->inode)->type == INODE_FILE;
	return !hint && !(map_flags & MAP_SHARED) && !(len % PMD_SIZE);
}

static bool shmem_wants_alignment(
	const struct vm *m, idx_t file, uint64_t map_flags)
{
	const struct inode *n =
		file ? inode_at(m, file_at(m, file)->inode) : NULL;
	const struct settings *s = &m->root->set;

	if (!m->arch->thp || s->shmem_enabled == SHMEM_HUGE_DENY ||
		(n ? n->type != INODE_SHMEM : !(map_flags & MAP_SHARED)))
		return false;
	if (s->shmem_enabled == SHMEM_HUGE_FORCE)
		return true;
	if (n)
		return !n->tmpfs && s->shmem_mount != SHMEM_HUGE_NEVER;
	return s->shmem_pmd == SHMEM_PMD_INHERIT
		       ? s->shmem_mount != SHMEM_HUGE_NEVER
		       : s->shmem_pmd != SHMEM_PMD_NEVER;
}

static bool find_any(struct vm *m, const struct task *t, vaddr_t hint,
	uint64_t len, uint64_t off, uint64_t map_flags, idx_t file,
	vaddr_t *addr)
{
	uint64_t align = 0;

	if (hugetlb_file_size(m, file))
		align = (1ull << pt_shift(m, hugetlb_file_size(m, file))) -
			m->page_size;
	if (wants_alignment(m, mm_at(m, t->mm), hint, len, map_flags, file) &&
		find_aligned(m, t, hint, len, off, map_flags, addr))
		return true;
	if (!find_area(m, t, hint, len, align, map_flags, addr))
		return false;
	if (shmem_wants_alignment(m, file, map_flags))
		*addr = align_shmem(m, t, *addr, hint, len, off, map_flags);
	return true;
}

vaddr_t mm_unmapped_area(struct vm *m, const struct task *t, vaddr_t hint,
	uint64_t len, uint64_t map_flags, idx_t file, uint64_t off)
{
	vaddr_t addr;

	/* What lies highest may be beyond ADDR_LIMIT_3GB: no other is tried. */
	if (find_any(m, t, hint, len, file ? off : 0, map_flags, file, &addr) &&
		addr <= mm_task_size(m, t) - len)
		return addr;
	vm_fail(m, ENOMEM,
		"no hole of %llu bytes in the address space (%llu bytes "
		"mapped)",
		(unsigned long long)len,
		(unsigned long long)(mm_at(m, t->mm)->total_vm
				     << m->page_shift));
	return 0;
}
