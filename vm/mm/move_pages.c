/*
 * mremap: the entries of one mapping move to another.
 *
 * Source: Linux mm/mremap.c (move_page_tables, try_realign_addr).
 */
#include "../swap/swap.h"
#include "huge.h"
#include "hugetlb.h"
#include "rmap.h"

/* Bytes that lie under one entry above the leaf tables at both places. */
static uint64_t extent(
	const struct vm *m, vaddr_t from, vaddr_t to, uint64_t left)
{
	uint64_t n = huge_size(m) - (from & (huge_size(m) - 1));
	uint64_t n_to = huge_size(m) - (to & (huge_size(m) - 1));

	n = n < n_to ? n : n_to;
	return n < left ? n : left;
}

/* A page of this process alone remembers where it is mapped. */
static void note_place(struct vm *m, idx_t mm, vaddr_t va, uint64_t e)
{
	struct frame *f = frame_at(m, pte_pfn(m, e));

	if (pte_present(m, e) && !(e & m->arch->pte.special) &&
		f->state == FRAME_ANON && f->flags & FR_EXCLUSIVE)
		frame_set_exclusive(m, f, mm, va);
}

/* A page at another address counts as stored to. */
static uint64_t moved(const struct vm *m, uint64_t e)
{
	if (pte_present(m, e))
		return e | m->soft_dirty;
	return swap_entry_slot(m, e) ? e | soft_dirty_swap(m) : e;
}

/* Moves what one extent of the source has, entry by entry. */
static int move_entries(
	struct vm *m, idx_t mm, vaddr_t from, vaddr_t to, uint64_t len)
{
	if (pt_make(m, mm, to, 0))
		return -ENOMEM;
	for (uint64_t off = 0; off < len; off += m->page_size) {
		uint64_t e = pt_get(m, mm_at(m, mm), from + off);

		if (!e)
			continue;
		pt_set(m, mm, to + off, moved(m, e));
		pt_set(m, mm, from + off, 0);
		note_place(m, mm, to + off, e);
	}
	return 0;
}

/* One extent: whole leaf tables and huge pages move as they are. */
static int move_extent(
	struct vm *m, idx_t mm, vaddr_t from, vaddr_t to, uint64_t len)
{
	if (pt_make(m, mm, to, 1))
		return -ENOMEM;
	if (len == huge_size(m) && pt_move_above(m, mm, from, to)) {
		if (pte_huge(m, pt_above(m, mm_at(m, mm), to)))
			huge_set_bits(m, mm, to, m->soft_dirty);
		for (uint64_t off = 0; off < len; off += m->page_size)
			note_place(m, mm, to + off,
				pt_get(m, mm_at(m, mm), to + off));
		return 0;
	}
	if (pte_huge(m, pt_above(m, mm_at(m, mm), from)))
		huge_split(m, mm, from);
	if (!pt_above(m, mm_at(m, mm), from))
		return 0; /* of the page cache: it is empty now */
	return move_entries(m, mm, from, to, len);
}

/* Moves the entries of [from, from + len); undone if a table is missing. */
static int move_ptes(
	struct vm *m, idx_t mm, vaddr_t from, vaddr_t to, uint64_t len)
{
	uint64_t off = 0;

	while (off < len) {
		uint64_t n = extent(m, from + off, to + off, len - off);
		uint64_t missing;
		unsigned first;

		if (!pt_above(m, mm_at(m, mm), from + off)) {
			pt_leaf_table(
				m, mm_at(m, mm), from + off, &first, &missing);
			if (missing > huge_size(m))
				n = missing < len - off ? missing : len - off;
			if (pt_move_upper(m, mm, from + off, to + off))
				goto undo;
		} else if (move_extent(m, mm, from + off, to + off, n)) {
			goto undo;
		}
		off += n;
	}
	tlb_flush_range(m, mm, from, from + len);
	return 0;
undo:
	move_ptes(m, mm, to, from, off);
	return -ENOMEM;
}

/* va begins its VMA, and nothing is mapped from the last multiple of a leaf
 * table's span up to it. */
static bool stands_alone(struct vm *m, idx_t mm, vaddr_t va)
{
	const struct vma *v = vma_lookup(m, mm, va);

	return v && v->start == va && !vma_overlap(m, mm, huge_down(m, va), va);
}

/*
 * Bytes by which a move begins earlier, so that the first leaf table can move
 * as a whole: both places lie alike in its span, alone there, and the move
 * reaches its end.
 */
static uint64_t realign(
	struct vm *m, idx_t mm, vaddr_t from, vaddr_t to, uint64_t len)
{
	uint64_t off = from - huge_down(m, from);

	if (len < huge_size(m) - off || to - huge_down(m, to) != off)
		return 0;
	return stands_alone(m, mm, from) && stands_alone(m, mm, to) ? off : 0;
}

int move_pages(struct vm *m, idx_t mm, vaddr_t from, vaddr_t to, uint64_t len)
{
	const struct vma *v = vma_lookup(m, mm, to);
	uint64_t off;

	if (v->flags & VM_HUGETLB)
		return hugetlb_move(m, v, from, to, len);
	off = realign(m, mm, from, to, len);
	return move_ptes(m, mm, from - off, to - off, len + off);
}
