/*
 * Mappings of huge pages of the pool: faults, copy-on-write, and what calls do
 * to their entries.  No leaf table is below them and none is deposited.
 *
 * A private page that its owner must copy, because a child still has it, and
 * for which the pool has none left, is taken from the child instead: the owner
 * was promised its pages (unmap_ref_private).
 *
 * Source: Linux mm/hugetlb.c (hugetlb_fault, hugetlb_no_page, hugetlb_wp,
 * copy_hugetlb_page_range, __unmap_hugepage_range,
 * hugetlb_change_protection, hugetlb_vm_op_close).
 */
#include "hugetlb.h"

#include <string.h>

#include "../disk/disk.h"
#include "rmap.h"

static struct inode *inode_of(const struct vm *m, const struct vma *v)
{
	return inode_at(m, file_at(m, v->file)->inode);
}

/* The huge page of the file at va. */
static uint64_t index_at(const struct vm *m, const struct vma *v, vaddr_t va)
{
	return vma_pgoff_at(m, v, va) >> size_order(m, vma_huge_size(m, v));
}

static uint64_t entry_of(const struct vm *m, const struct vma *v, vaddr_t va)
{
	return pt_entry(m, mm_at(m, v->mm), va, vma_huge_size(m, v));
}

static void entry_put(struct vm *m, const struct vma *v, vaddr_t va, uint64_t e)
{
	pt_entry_set(m, v->mm, va, vma_huge_size(m, v), e);
}

static void flush(struct vm *m, const struct vma *v, vaddr_t start, vaddr_t end)
{
	tlb_flush_size(m, v->mm, start, end, vma_huge_size(m, v));
}

static void flush_one(struct vm *m, const struct vma *v, vaddr_t va)
{
	flush(m, v, va, va + vma_page_bytes(m, v));
}

static bool is_anon(const struct vm *m, pfn_t pfn)
{
	return frame_at(m, pfn)->flags & FR_HUGETLB_ANON;
}

/* ---- entries ------------------------------------------------------------- */

static void count_mapping(struct vm *m, struct mm *mm, pfn_t pfn, int by)
{
	struct frame *f = frame_at(m, pfn);

	f->mapcount += (uint32_t)by;
	mm->hugetlb += (uint64_t)(int64_t)by << f->order;
}

/* Stores are allowed at once only to what is shared. */
static void map_page(
	struct vm *m, struct vma *v, vaddr_t va, pfn_t pfn, bool write)
{
	entry_put(m, v, va,
		pte_make(m, pfn, v->flags, write && v->flags & VM_WRITE) |
			m->arch->pte.huge);
	count_mapping(m, mm_at(m, v->mm), pfn, 1);
}

static void make_anon(struct vm *m, struct vma *v, vaddr_t va, pfn_t pfn)
{
	struct frame *f = frame_at(m, pfn);

	f->owner = v->family;
	f->index = vma_pgoff_at(m, v, va);
	f->flags |= FR_HUGETLB_ANON | FR_EXCLUSIVE;
}

/*
 * Takes the page of an entry away.  A private page that its owner loses is
 * promised to it again, unless there is surplus to be given back.  As in Linux
 * the promise is counted when the page is free, and a child may have it still:
 * if the owner ends before, HugePages_Rsvd is one too low until then.
 */
static void unmap_entry(
	struct vm *m, struct vma *v, vaddr_t va, uint64_t e, bool restore)
{
	pfn_t pfn = pte_pfn(m, e);
	bool anon = is_anon(m, pfn), owner = v->hugetlb & HUGETLB_OWNER;

	restore = restore && anon && owner &&
		  !hugetlb_sum(m, vma_huge_size(m, v)).surplus;
	if (restore)
		frame_at(m, pfn)->flags |= FR_HUGETLB_RESTORE;
	entry_put(m, v, va, anon && owner && !restore ? pte_taken(m) : 0);
	count_mapping(m, mm_at(m, v->mm), pfn, -1);
	if (anon && !frame_at(m, pfn)->mapcount)
		hugetlb_give(m, pfn);
}

void hugetlb_zap(struct vm *m, struct vma *v, vaddr_t start, vaddr_t end)
{
	for (vaddr_t va = start; va < end; va += vma_page_bytes(m, v)) {
		uint64_t e = entry_of(m, v, va);

		if (pte_huge(m, e))
			unmap_entry(m, v, va, e, true);
	}
	flush(m, v, start, end);
}

void hugetlb_close(struct vm *m, struct vma *v)
{
	uint64_t left = 0;

	if (!(v->hugetlb & HUGETLB_OWNER))
		return;
	for (vaddr_t va = v->start; va < v->end; va += vma_page_bytes(m, v)) {
		if (entry_of(m, v, va) == pte_taken(m))
			entry_put(m, v, va, 0);
		else
			left++;
	}
	hugetlb_unpromise(m, vma_huge_size(m, v), left);
}

/* ---- faults -------------------------------------------------------------- */

static int none_left(struct vm *m, const struct vma *v)
{
	unsigned size = vma_huge_size(m, v);
	struct hugetlb_node h = hugetlb_sum(m, size);

	vm_fail(m, EFAULT,
		"no huge page of %llu kB is left for the mapping "
		"0x%llx-0x%llx: %llu of %llu are free, %llu of them promised "
		"to others",
		1ull << pt_shift(m, size) >> 10, (unsigned long long)v->start,
		(unsigned long long)v->end, (unsigned long long)h.free,
		(unsigned long long)h.nr,
		(unsigned long long)m->root->hugetlb[size - 1].resv);
	return FAULT_BUS;
}

static void zero_page(struct vm *m, pfn_t pfn)
{
	for (unsigned i = 0; i < 1u << frame_at(m, pfn)->order; i++)
		frame_clear(m, pfn + i);
}

static bool is_promised(const struct vm *m, const struct vma *v, vaddr_t va)
{
	if (v->flags & VM_MAYSHARE)
		return radix_get(m, inode_of(m, v)->blocks, index_at(m, v, va));
	return v->hugetlb & HUGETLB_OWNER &&
	       entry_of(m, v, va) != pte_taken(m) &&
	       !(pte_huge(m, entry_of(m, v, va)) &&
		       is_anon(m, pte_pfn(m, entry_of(m, v, va))));
}

/* Into the file's cache, counted among what it has. */
static int cache_page(struct vm *m, struct vma *v, vaddr_t va, pfn_t pfn)
{
	struct inode *n = inode_of(m, v);
	uint64_t at = index_at(m, v, va);

	if (radix_room(m, 2))
		return -ENOMEM;
	radix_set(m, &n->cache, at, pfn);
	n->nr_cached++;
	if (!radix_get(m, n->blocks, at)) {
		radix_set(m, &n->blocks, at, 1);
		n->nr_blocks++;
	}
	frame_at(m, pfn)->owner = file_at(m, v->file)->inode;
	frame_at(m, pfn)->index = at;
	return 0;
}

static int copy_fault(struct vm *m, struct vma *v, vaddr_t va, uint64_t e);

static int beyond_end(struct vm *m, const struct vma *v)
{
	vm_fail(m, EFAULT,
		"the address lies beyond the end of the file of huge pages "
		"(size 0x%llx)",
		(unsigned long long)inode_of(m, v)->size);
	return FAULT_BUS;
}

static int new_page(struct vm *m, struct vma *v, vaddr_t va)
{
	bool shared = v->flags & VM_MAYSHARE;
	pfn_t pfn;

	if (v->hugetlb & HUGETLB_UNMAPPED)
		return none_left(m, v);
	if (index_at(m, v, va) >= inode_of(m, v)->size / vma_page_bytes(m, v))
		return beyond_end(m, v);
	if (!shared)
		anon_vma_prepare(m, v);
	pfn = hugetlb_take(m, v, va, is_promised(m, v, va));
	if (!pfn)
		return none_left(m, v);
	zero_page(m, pfn);
	if (!shared)
		make_anon(m, v, va, pfn);
	else if (cache_page(m, v, va, pfn)) {
		hugetlb_give(m, pfn);
		return -ENOMEM;
	}
	map_page(m, v, va, pfn, v->flags & VM_SHARED);
	return 0;
}

static int missing_fault(struct vm *m, struct vma *v, vaddr_t va, bool write)
{
	pfn_t pfn = radix_get(m, inode_of(m, v)->cache, index_at(m, v, va));
	int err = 0;

	if (!pfn)
		err = new_page(m, v, va);
	else if (v->hugetlb & HUGETLB_UNMAPPED)
		return none_left(m, v);
	else
		map_page(m, v, va, pfn, v->flags & VM_SHARED);
	if (err || !write || v->flags & VM_SHARED)
		return err;
	return copy_fault(m, v, va, entry_of(m, v, va));
}

/* ---- stores to what is read-only ----------------------------------------- */

static void allow_store(struct vm *m, struct vma *v, vaddr_t va, uint64_t e)
{
	const struct pte_bits *b = &m->arch->pte;

	entry_put(m, v, va, e | b->write | b->dirty | b->accessed);
	flush_one(m, v, va);
}

/* Other private mappings of the file lose this page of their owner's. */
static void take_from_children(
	struct vm *m, struct vma *owner, vaddr_t va, pfn_t pfn)
{
	uint64_t pgoff = vma_pgoff_at(m, owner, va);

	for (idx_t i = inode_of(m, owner)->mappings; i;
		i = vma_at(m, i)->peer_next) {
		struct vma *v = vma_at(m, i);
		vaddr_t at = v->start + ((pgoff - v->pgoff) << m->page_shift);
		uint64_t e;

		if (v == owner || v->flags & VM_MAYSHARE ||
			v->hugetlb & HUGETLB_OWNER || pgoff < v->pgoff ||
			pgoff - v->pgoff >= vma_pages(m, v))
			continue;
		e = entry_of(m, v, at);
		if (!pte_huge(m, e) || pte_pfn(m, e) != pfn)
			continue;
		v->hugetlb |= HUGETLB_UNMAPPED;
		unmap_entry(m, v, at, e, false);
		flush_one(m, v, at);
	}
}

static void copy_frames(struct vm *m, pfn_t to, pfn_t from)
{
	for (unsigned i = 0; i < 1u << frame_at(m, to)->order; i++)
		frame_copy(m, to + i, from + i);
}

static int copy_fault(struct vm *m, struct vma *v, vaddr_t va, uint64_t e)
{
	pfn_t old = pte_pfn(m, e), pfn;
	bool anon = is_anon(m, old);
	bool from_owner = anon && v->hugetlb & HUGETLB_OWNER;

	if (v->flags & VM_MAYSHARE ||
		(anon && frame_at(m, old)->mapcount == 1)) {
		allow_store(m, v, va, e);
		return 0;
	}
	anon_vma_prepare(m, v);
	pfn = hugetlb_take(m, v, va, !from_owner && is_promised(m, v, va));
	if (!pfn && from_owner) {
		take_from_children(m, v, va, old);
		if (frame_at(m, old)->mapcount == 1) {
			allow_store(m, v, va, e);
			return 0;
		}
	}
	if (!pfn)
		return none_left(m, v);
	copy_frames(m, pfn, old);
	make_anon(m, v, va, pfn);
	count_mapping(m, mm_at(m, v->mm), old, -1);
	map_page(m, v, va, pfn, true);
	flush_one(m, v, va);
	m->root->count[CNT_FAULT_COW]++;
	return 0;
}

int hugetlb_fault(struct vm *m, struct vma *v, vaddr_t va, bool write)
{
	const struct pte_bits *b = &m->arch->pte;
	uint64_t e;

	va &= ~(vma_page_bytes(m, v) - 1);
	if (pt_make(m, v->mm, va, vma_huge_size(m, v)))
		return -ENOMEM;
	e = entry_of(m, v, va);
	if (!pte_huge(m, e))
		return missing_fault(m, v, va, write);
	if (write && !(e & b->write))
		return copy_fault(m, v, va, e);
	entry_put(m, v, va, e | b->accessed | (write ? b->dirty : 0));
	flush_one(m, v, va);
	return 0;
}

/* ---- calls --------------------------------------------------------------- */

void hugetlb_copy(struct vm *m, const struct vma *v, idx_t to)
{
	const struct pte_bits *b = &m->arch->pte;

	for (vaddr_t va = v->start; va < v->end; va += vma_page_bytes(m, v)) {
		uint64_t e = entry_of(m, v, va);

		if (!pte_huge(m, e))
			continue;
		if (!(v->flags & VM_MAYSHARE))
			entry_put(m, v, va, e &= ~b->write);
		if (is_anon(m, pte_pfn(m, e)))
			frame_at(m, pte_pfn(m, e))->flags &=
				(uint16_t)~FR_EXCLUSIVE;
		pt_entry_set(m, to, va, vma_huge_size(m, v), e);
		count_mapping(m, mm_at(m, to), pte_pfn(m, e), 1);
	}
}

void hugetlb_protect(
	struct vm *m, const struct vma *v, vaddr_t start, vaddr_t end)
{
	const struct pte_bits *b = &m->arch->pte;
	uint64_t keep = b->accessed | b->dirty;

	for (vaddr_t va = start; va < end; va += vma_page_bytes(m, v)) {
		uint64_t e = entry_of(m, v, va), n;

		if (!pte_huge(m, e))
			continue;
		n = pte_make(m, pte_pfn(m, e), v->flags, false);
		if (n & b->present && v->flags & VM_SHARED &&
			v->flags & VM_WRITE)
			n |= b->write;
		entry_put(m, v, va, (n & ~keep) | (e & keep) | b->huge);
	}
	flush(m, v, start, end);
}

int hugetlb_move(struct vm *m, const struct vma *v, vaddr_t from, vaddr_t to,
	uint64_t len)
{
	unsigned size = vma_huge_size(m, v);

	for (uint64_t off = 0; off < len; off += 1ull << pt_shift(m, size)) {
		uint64_t e = pt_entry(m, mm_at(m, v->mm), from + off, size);

		if (!e)
			continue;
		if (pt_make(m, v->mm, to + off, size)) {
			hugetlb_move(m, v, to, from, off);
			return -ENOMEM;
		}
		pt_entry_set(m, v->mm, to + off, size, e);
		pt_entry_set(m, v->mm, from + off, size, 0);
	}
	tlb_flush_range(m, v->mm, from, from + len);
	return 0;
}
