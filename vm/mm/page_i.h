/* Pages of an address space: entries of leaf tables, and what a mapping more
 * or less means for the frame and the counters. */
#ifndef PAGEFS_VM_PAGE_I_H
#define PAGEFS_VM_PAGE_I_H

#include "../mmu/mmu.h"
#include "../phys/lru.h"
#include "folio.h"
#include "mm_i.h"

/* Entry i of a leaf table, see pt_leaf_table(). */
static inline uint64_t entry_get(
	const struct vm *m, const void *tab, unsigned i)
{
	return m->arch->entry_bytes == 8 ? ((const uint64_t *)tab)[i]
					 : ((const uint32_t *)tab)[i];
}

static inline void entry_set(
	const struct vm *m, void *tab, unsigned i, uint64_t e)
{
	ram_mark(m, (paddr_t)((uint8_t *)tab - ram_at(m, 0)));
	if (m->arch->entry_bytes == 8)
		((uint64_t *)tab)[i] = e;
	else
		((uint32_t *)tab)[i] = (uint32_t)e;
}

/* Which resident set a frame counts in; the vdso's pages count as a file's. */
static inline enum rss_kind frame_rss(const struct frame *f)
{
	return f->state == FRAME_ANON	 ? RSS_ANON
	       : f->state == FRAME_SHMEM ? RSS_SHMEM
					 : RSS_FILE;
}

static inline uint64_t mm_rss(const struct mm *mm)
{
	return mm->rss[RSS_FILE] + mm->rss[RSS_ANON] + mm->rss[RSS_SHMEM];
}

static inline void mm_rss_add(struct mm *mm, enum rss_kind kind, uint64_t nr)
{
	uint64_t rss;

	mm->rss[kind] += nr;
	rss = mm_rss(mm);
	if (rss > mm->hiwater_rss)
		mm->hiwater_rss = rss;
}

/* An anonymous page in the swap cache that nothing maps any more: it stays for
 * others that have its slot (true), or leaves the cache. */
bool page_idle(struct vm *m, pfn_t pfn);
/* rmap.h */
void munlock_page(struct vm *m, pfn_t pfn);
/* One more leaf entry of mm maps the frame. */
static inline void page_mapped(struct vm *m, struct mm *mm, pfn_t pfn)
{
	struct frame *f = frame_at(m, pfn);

	f->mapcount++;
	if (f->mapcount == 1 && frame_is_mapped_cache(f))
		zone_of(m, pfn)->mapped++;
	mm_rss_add(mm, frame_rss(f), 1);
	if (f->flags & FR_LARGE)
		folio_mapping_add(m, mm, pfn);
}

/* One less: with the last one an anonymous frame is free. */
static inline void page_unmapped(struct vm *m, struct mm *mm, pfn_t pfn)
{
	struct frame *f = frame_at(m, pfn);

	mm->rss[frame_rss(f)]--;
	if (f->mapcount == 1 && frame_is_mapped_cache(f))
		zone_of(m, pfn)->mapped--;
	f->mapcount--;
	if (f->flags & FR_LARGE) {
		folio_entry_gone(m, mm, pfn);
		return;
	}
	if (f->flags & FR_MLOCKED)
		munlock_page(m, pfn);
	if (!f->mapcount && f->state == FRAME_ANON &&
		!(f->flags & FR_SWAPCACHE && page_idle(m, pfn))) {
		lru_del(m, pfn);
		buddy_free(m, pfn, 0, USE_ANON);
	}
}

/* The newest refusal, its sentence kept, under another errno. */
static inline int refuse_as(struct vm *m, int err)
{
	m->fail.err = err;
	return -err;
}

/* What handle_fault() found besides 0 and -ENOMEM; sentences are set. */
#define FAULT_BUS   1 /* SIGBUS: beyond the end of the file, disk full */
#define FAULT_GUARD 2 /* SIGSEGV: a guard marker */

/* Makes the page of va, which v allows to access so, accessible. */
int handle_fault(
	struct vm *m, struct task *t, struct vma *v, vaddr_t va, bool write);

/* demand.c: free frames for one fault; 0 or -errno. */
int fault_room(struct vm *m, struct task *t, const struct vma *v, vaddr_t va,
	bool write);

#endif
