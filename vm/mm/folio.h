/* Huge pages as frames; mm/folio.c draws how their mappings are counted. */
#ifndef PAGEFS_VM_FOLIO_H
#define PAGEFS_VM_FOLIO_H

#include "../mmu/mmu.h"

/* The first frame of the large page that pfn is part of, and how many it has;
 * of a single one itself. */
static inline pfn_t folio_head(const struct vm *m, pfn_t pfn)
{
	return pfn & ~((1u << frame_at(m, pfn)->order) - 1);
}

static inline unsigned folio_pages(const struct vm *m, pfn_t pfn)
{
	return 1u << frame_at(m, pfn)->order;
}

/* A block of frames becomes a large page of its head's state and order. */
void folio_make(struct vm *m, pfn_t head);
/* All that nobody maps forgets that it was mapped. */
void folio_reset(struct vm *m, pfn_t head);
/* One more, one less huge entry of mm; with the last mapping it is free. */
void folio_map(struct vm *m, struct mm *mm, pfn_t head);
void folio_unmap(struct vm *m, struct mm *mm, pfn_t head);
/* One less entry of mm that maps a single page of it, already counted there. */
void folio_entry_gone(struct vm *m, struct mm *mm, pfn_t pfn);
/* A huge entry of mm has become one entry a page. */
void folio_remap_pages(struct vm *m, struct mm *mm, pfn_t head);
/* One more mapping of mm, of any size. */
void folio_mapping_add(struct vm *m, const struct mm *mm, pfn_t pfn);
/* Whether more than one process may map it; entries of any size that do. */
bool folio_maybe_shared(const struct vm *m, pfn_t pfn);
uint32_t folio_mappings(const struct vm *m, pfn_t pfn);
/* Makes single frames of it; those that nobody maps are free.  The others have
 * the family, and their pgoff in it: one process's own are yet to be told. */
void folio_split(struct vm *m, pfn_t head);

#endif
