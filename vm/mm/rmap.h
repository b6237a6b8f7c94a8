/*
 * Reverse mapping: from a frame to the entries that map it.
 *
 *	anonymous, FR_EXCLUSIVE    frame: (mm, virtual page)     one lookup
 *	anonymous, may be shared   frame: (family, pgoff)        its VMAs
 *	of a file or an object     frame: (inode, page)          its VMAs
 *	part of a large page       its first frame, as above
 *
 * A page of one process alone, the usual case, names its place itself.  fork
 * makes pages shared: then any VMA of the family may map it, at the place that
 * its pgoff gives.  A family is born with the first private page of a VMA;
 * children and pieces of the VMA belong to it, and it ends with the last of
 * them.  (Linux has a tree of anon_vmas and finds the same entries; `anon_vma`
 * in struct vma is the identity by which it decides what may be joined.)
 *
 * Source: Linux mm/rmap.c (rmap_walk_anon, rmap_walk_file).
 */
#ifndef PAGEFS_VM_RMAP_H
#define PAGEFS_VM_RMAP_H

#include "../disk/disk.h"
#include "../swap/swap.h"
#include "page_i.h"

/* One entry that maps the frame: number i of the leaf table tab. */
struct rmap_entry {
	struct vma *v;
	vaddr_t va;
	void *tab;
	unsigned i;
};

typedef void rmap_fn(struct vm *m, const struct rmap_entry *e, void *ctx);

/*
 * Calls fn for each leaf entry that maps the frame (a huge page may have huge
 * entries besides, see huge_is_locked()); fn may change that entry, and
 * nothing else of address spaces.
 */
void rmap_walk(struct vm *m, pfn_t pfn, rmap_fn *fn, void *ctx);

/*
 * The VMAs that may map the page with this head, one after the other: the
 * family's, or the file's.  0 behind the last.
 */
static inline idx_t rmap_first(const struct vm *m, pfn_t head)
{
	const struct frame *f = frame_at(m, head);

	return f->state == FRAME_ANON ? family_at(m, f->owner)->first
				      : inode_at(m, f->owner)->mappings;
}

static inline idx_t rmap_next(const struct vm *m, pfn_t head, idx_t i)
{
	return frame_at(m, head)->state == FRAME_ANON ? vma_at(m, i)->kin_next
						      : vma_at(m, i)->peer_next;
}

/* ---- which VMAs belong together ---- */
/* v got its file and family: it joins their lists. */
void rmap_add(struct vm *m, struct vma *v);
/* Before v ends: out of both. */
void rmap_del(struct vm *m, struct vma *v);
/* v, which has no family, joins one (0: a new one). */
void rmap_join(struct vm *m, struct vma *v, idx_t family);
void rmap_leave(struct vm *m, struct vma *v);
/* Whether VMAs of these families can become one. */
static inline bool families_fit(idx_t a, idx_t b)
{
	return !a || !b || a == b;
}

/* The lists hold exactly the VMAs that belong there, and from a page its
 * entries are found. */
int rmap_check(struct vm *m);
/* Whether a walk from the page would come to va of v, one of its entries. */
bool rmap_leads(const struct vm *m, pfn_t pfn, const struct vma *v, vaddr_t va);

/* ---- owner and index of an anonymous frame ---- */
/* Of a frame in the swap cache the slot keeps them. */
static inline void frame_set_place(
	struct vm *m, struct frame *f, uint32_t owner, uint64_t index)
{
	const uint64_t mask = (1ull << 40) - 1;

	if (f->flags & FR_SWAPCACHE) {
		frame_slot(m, f)->owner = owner;
		frame_slot(m, f)->index = index & mask;
	} else {
		f->owner = owner;
		f->index = index & mask;
	}
}

static inline const struct frame *frame_head(
	const struct vm *m, const struct frame *f)
{
	return frame_at(m, folio_head(m, (pfn_t)(f - frame_at(m, 0))));
}

static inline uint32_t frame_owner(const struct vm *m, const struct frame *f)
{
	return f->flags & FR_SWAPCACHE ? frame_slot(m, f)->owner
				       : frame_head(m, f)->owner;
}

static inline uint64_t frame_index(const struct vm *m, const struct frame *f)
{
	const struct frame *head = frame_head(m, f);

	return f->flags & FR_SWAPCACHE ? frame_slot(m, f)->index
				       : head->index + (uint64_t)(f - head);
}

static inline void frame_set_exclusive(
	struct vm *m, struct frame *f, idx_t mm, vaddr_t va)
{
	/* index before flags: the other way round the processor waits for its
	 * narrow store before it can load the word around it */
	if (!(f->flags & FR_LARGE)) /* that has a family as a whole */
		frame_set_place(m, f, mm, va >> m->page_shift);
	f->flags |= FR_EXCLUSIVE;
}

/* From now on other VMAs of v's family may map it too. */
static inline void frame_set_shared(
	struct vm *m, struct frame *f, const struct vma *v, vaddr_t va)
{
	f->flags &= (uint16_t)~FR_EXCLUSIVE;
	if (!(f->flags & FR_LARGE))
		frame_set_place(m, f, v->family, vma_pgoff_at(m, v, va));
}

/* ---- locked pages (mm/mlock.c) ---- */
/* A page that v maps: on the unevictable list if v is locked. */
void mlock_page(struct vm *m, pfn_t pfn);
/* One mapping of a locked page went: back to the others, unless another locked
 * VMA maps it. */
void munlock_page(struct vm *m, pfn_t pfn);

static inline void page_lock(struct vm *m, const struct vma *v, pfn_t pfn)
{
	if (v->flags & VM_LOCKED)
		mlock_page(m, pfn);
}

#endif
