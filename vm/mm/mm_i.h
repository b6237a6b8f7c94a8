/*
 * What the files of mm/ share: changes of single VMAs.  All of these keep the
 * list, the tree, the counters of the mm and Committed_AS in step.
 */
#ifndef PAGEFS_VM_MM_I_H
#define PAGEFS_VM_MM_I_H

#include "../abi.h"
#include "mm.h"
#include "soft_dirty.h"

#define PMD_SIZE (2 * MiB)

#define VM_LOCKED_MASK (VM_LOCKED | VM_LOCKONFAULT)
/* Set without a split and ignored when two VMAs are compared. */
#define VM_STICKY (VM_MAYBE_GUARD | VM_SOFTDIRTY)

/* ---- sizes ---- */
static inline uint64_t page_up(const struct vm *m, uint64_t x)
{
	return (x + m->page_size - 1) & ~(m->page_size - 1);
}

static inline uint64_t page_down(const struct vm *m, uint64_t x)
{
	return x & ~(m->page_size - 1);
}

static inline uint64_t page_offset(const struct vm *m, uint64_t x)
{
	return x & (m->page_size - 1);
}

static inline uint64_t vma_pages(const struct vm *m, const struct vma *v)
{
	return (v->end - v->start) >> m->page_shift;
}

/* Neither a file nor a page of the kernel is behind it. */
static inline bool vma_is_anonymous(const struct vma *v)
{
	return !v->file && !v->special;
}

/* The page of the object at va. */
static inline uint64_t vma_pgoff_at(
	const struct vm *m, const struct vma *v, vaddr_t va)
{
	return v->pgoff + ((va - v->start) >> m->page_shift);
}

static inline struct vma *vma_next(const struct vm *m, const struct vma *v)
{
	return v->next ? vma_at(m, v->next) : NULL;
}

static inline struct vma *vma_prev(const struct vm *m, const struct vma *v)
{
	return v->prev ? vma_at(m, v->prev) : NULL;
}

/* The lowest address that a search or a hint may give. */
static inline vaddr_t mm_low_limit(const struct vm *m)
{
	uint64_t a = m->root->set.mmap_min_addr;
	uint64_t b = m->root->set.mmap_min_addr_lsm;

	return page_up(m, a > b ? a : b);
}

/* Start of a VMA with the guard gap that a stack keeps below itself. */
static inline vaddr_t vma_start_gap(const struct vm *m, const struct vma *v)
{
	uint64_t gap = (uint64_t)m->root->set.stack_guard_gap << m->page_shift;

	if (!(v->flags & VM_GROWSDOWN))
		return v->start;
	return v->start > gap ? v->start - gap : 0;
}

/* ---- the tree (vma_tree.c) ---- */
int vma_tree_init(struct vm *m);
/* v is in the list between its neighbours, with its bounds set. */
void vma_tree_add(struct vm *m, const struct vma *v);
/* Before v leaves the list. */
void vma_tree_del(struct vm *m, const struct vma *v);
/* The bounds of v changed; its place in the order did not. */
void vma_tree_update(struct vm *m, const struct vma *v);
/* Highest (lowest) address of a hole of len bytes in [low, high); false if
 * there is none. */
bool vma_tree_highest(struct vm *m, idx_t mm, vaddr_t low, vaddr_t high,
	uint64_t len, vaddr_t *hole_end);
bool vma_tree_lowest(struct vm *m, idx_t mm, vaddr_t low, vaddr_t high,
	uint64_t len, vaddr_t *hole_start);
/* The tree holds exactly the list, and its gaps are right. */
int vma_tree_check(struct vm *m, idx_t mm);

/* ---- single VMAs (vma.c) ---- */
/* -ENOMEM unless there is room for n more VMAs, in the pool and in memory. */
int vma_room(struct vm *m, unsigned n);
/* Moves the bounds; pgoff follows the start. */
void vma_resize(struct vm *m, struct vma *v, vaddr_t start, vaddr_t end);
void vma_set_flags(struct vm *m, struct vma *v, uint64_t flags);
/* Out of list, tree and counters, without touching pages. */
void vma_remove(struct vm *m, struct vma *v);
/* Cuts v at `at`; returns the upper part, NULL with errno.  Checks
 * max_map_count if told so. */
struct vma *vma_split(struct vm *m, struct vma *v, vaddr_t at, bool limit);

/* A range to be mapped: what decides whether it can join a neighbour. */
struct vma_range {
	vaddr_t start, end;
	uint64_t flags, pgoff;
	idx_t file;
	uint32_t anon_vma;
	idx_t family;
	bool src_multi; /* it comes from a VMA whose chain is not singular */
	struct mempolicy policy;
};
/* Maps a free range, joined with its neighbours where the rules allow.  The
 * pool has room (vma_room). */
struct vma *vma_merge_new(struct vm *m, idx_t mm, const struct vma_range *r);
/* Changes the flags of [start, end) inside v: joins or splits.  Returns the
 * VMA that holds the range now, or NULL with errno. */
struct vma *vma_modify(struct vm *m, struct vma *v, vaddr_t start, vaddr_t end,
	uint64_t flags);
/* The same for its memory policy. */
struct vma *vma_modify_policy(struct vm *m, struct vma *v, vaddr_t start,
	vaddr_t end, const struct mempolicy *policy);

/* ---- limits (limits.c) ---- */
bool vma_is_data(uint64_t flags);
void mm_account(struct vm *m, struct mm *mm, uint64_t flags, int64_t nr_pages);
/* RLIMIT_AS and RLIMIT_DATA for nr more pages (less than 0: replaced). */
int mm_may_expand(
	struct vm *m, const struct task *t, uint64_t flags, int64_t nr_pages);
/* Pages that Linux counts in Committed_AS for ever. */
static inline void mm_leak_commit(struct vm *m, uint64_t nr_pages)
{
	m->root->committed += nr_pages;
	m->root->commit_leaked += nr_pages;
}
/* RLIMIT_MEMLOCK for a mapping of these flags; err is what a refusal gives. */
int mm_may_lock(struct vm *m, const struct task *t, uint64_t flags,
	uint64_t bytes, int err);
/* prctl(PR_SET_MDWE): -EACCES if memory that is or was writable would become
 * executable. */
int mm_denies_exec(struct vm *m, idx_t mm, uint64_t was, uint64_t flags);
/* mmap_min_addr. */
int mm_may_map_at(struct vm *m, const struct task *t, vaddr_t addr);

/* ---- ranges ---- */
/* -EINVAL unless x, which what names, is a multiple of the page size
 * (limits.c). */
int mm_check_aligned(struct vm *m, const char *what, uint64_t x);
/* -err if the pages of [addr, addr + len) end beyond the address space, of
 * which no length above 0 leaves nothing. */
int mm_check_wrap(struct vm *m, vaddr_t addr, uint64_t len, int err);
/* -err unless [addr, addr + len) lies in user space, which ends at top. */
int mm_check_user(
	struct vm *m, vaddr_t addr, uint64_t len, vaddr_t top, int err);
/* First VMA that overlaps [start, end), or NULL; nothing overlaps an empty
 * range. */
static inline struct vma *vma_overlap(
	struct vm *m, idx_t mm, vaddr_t start, vaddr_t end)
{
	struct vma *v = start < end ? vma_find(m, mm, start) : NULL;

	return v && v->start < end ? v : NULL;
}

/* What an unmap of a range would take away. */
struct unmap_plan {
	uint64_t nr_pages, nr_accounted;
};
/* May [start, end) be unmapped?  Splits at its ends.  0 or -errno. */
int unmap_prepare(struct vm *m, idx_t mm, vaddr_t start, vaddr_t end,
	struct unmap_plan *p);
/* Unmaps what unmap_prepare() cut out. */
void unmap_finish(struct vm *m, idx_t mm, vaddr_t start, vaddr_t end);
/* Both. */
int unmap_range(struct vm *m, idx_t mm, vaddr_t start, vaddr_t end);
/* Moves the entries of [from, from + len) to a VMA of the same kind
 * (move_pages.c); 0, or -ENOMEM and nothing moved. */
int move_pages(struct vm *m, idx_t mm, vaddr_t from, vaddr_t to, uint64_t len);
/* What madvise says about the pages of a part of v (advice.c): given up until
 * they are written, old, out, or in. */
void mm_free_lazily(struct vm *m, struct vma *v, vaddr_t start, vaddr_t end);
void mm_deactivate(struct vm *m, struct vma *v, vaddr_t start, vaddr_t end);
void mm_page_out(struct vm *m, struct vma *v, vaddr_t start, vaddr_t end);
void mm_prefetch(struct vm *m, struct vma *v, vaddr_t start, vaddr_t end);
/* madvise(MADV_GUARD_INSTALL, MADV_GUARD_REMOVE) on a part of v (guard.c). */
int guard_install(struct vm *m, struct vma *v, vaddr_t start, vaddr_t end);
int guard_remove(struct vm *m, struct vma *v, vaddr_t start, vaddr_t end);
/* Whether mappings of these flags may be merged by content; the flags of a new
 * one (ksm.c). */
bool ksm_compatible(uint64_t flags);
uint64_t ksm_flags(const struct mm *mm, uint64_t flags);
/* Populates the VMAs of a range, whatever happens. */
void populate_quietly(struct vm *m, struct task *t, vaddr_t start, vaddr_t end);

#endif
