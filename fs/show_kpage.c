/*
 * proc/kpagecount and proc/kpageflags: one 64-bit word for each page frame.
 * Source: Linux fs/proc/page.c, Documentation/admin-guide/mm/pagemap.rst.
 */
#include "show_kpage.h"

#include "../vm/slab/slab.h"
#include "../vm/mm/folio.h"

#include "renderers.h"

/* Bits of kpageflags. */
enum {
	KPF_REFERENCED = 2,
	KPF_UPTODATE = 3,
	KPF_DIRTY = 4,
	KPF_LRU = 5,
	KPF_ACTIVE = 6,
	KPF_SLAB = 7,
	KPF_RECLAIM = 9, /* the mark of readahead too: the same bit of a page */
	KPF_BUDDY = 10,
	KPF_MMAP = 11,
	KPF_ANON = 12,
	KPF_SWAPCACHE = 13,
	KPF_SWAPBACKED = 14,
	KPF_COMPOUND_HEAD = 15,
	KPF_COMPOUND_TAIL = 16,
	KPF_HUGE = 17,
	KPF_UNEVICTABLE = 18,
	KPF_NOPAGE = 20,
	KPF_THP = 22,
	KPF_ZERO_PAGE = 24,
	KPF_PGTABLE = 26,
	KPF_RESERVED = 32,
	KPF_MLOCKED = 33,
};

/* Inside a free block only its head says so. */
static bool is_free(const struct vm *m, pfn_t pfn)
{
	for (unsigned o = 0; o < NR_ORDERS; o++) {
		pfn_t head = pfn & ~(((pfn_t)1 << o) - 1);
		const struct frame *f = frame_at(m, head);

		if (f->order >= o &&
			(f->state == FRAME_FREE || f->state == FRAME_PCP))
			return f->state == FRAME_FREE;
	}
	return frame_at(m, pfn)->state == FRAME_FRESH;
}

uint64_t kpage_count(const struct vm *m, pfn_t pfn)
{
	const struct frame *f = frame_whole(m, pfn);

	switch (f->state) {
	case FRAME_ANON:
	case FRAME_FILE:
	case FRAME_SHMEM:
	case FRAME_HUGETLB:
		return f->mapcount;
	default:
		return 0;
	}
}

/* Of a part of a transparent huge page. */
static uint64_t large_flags(bool head)
{
	return 1ull << KPF_THP |
	       1ull << (head ? KPF_COMPOUND_HEAD : KPF_COMPOUND_TAIL);
}

/* The huge zero page is one block of the kernel. */
static bool is_huge_zero(const struct vm *m, pfn_t pfn)
{
	pfn_t zero = m->root->huge_zero_pfn;

	return zero && pfn - zero < 1u << huge_order(m);
}

/* Of a page that processes use. */
static uint64_t user_flags(const struct vm *m, pfn_t pfn)
{
	static const struct {
		unsigned have, bit;
	} names[] = {
		{FR_REFERENCED, KPF_REFERENCED},
		{FR_UPTODATE, KPF_UPTODATE},
		{FR_DIRTY, KPF_DIRTY},
		{FR_ACTIVE, KPF_ACTIVE},
		{FR_READAHEAD, KPF_RECLAIM},
		{FR_SWAPBACKED, KPF_SWAPBACKED},
		{FR_MLOCKED, KPF_MLOCKED},
		{FR_SWAPCACHE, KPF_SWAPCACHE},
		{FR_MLOCKED, KPF_UNEVICTABLE},
	};
	const struct frame *f = frame_at(m, pfn);
	uint64_t u = 1ull << KPF_LRU;

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (f->flags & names[i].have)
			u |= 1ull << names[i].bit;
	if (f->mapcount)
		u |= 1ull << KPF_MMAP;
	if (f->flags & FR_LARGE)
		u |= large_flags(pfn == folio_head(m, pfn));
	if (f->state == FRAME_ANON)
		u |= 1ull << KPF_ANON | 1ull << KPF_UPTODATE;
	return u;
}

static uint64_t hugetlb_flags(const struct frame *f, bool head)
{
	return 1ull << KPF_HUGE | (uint64_t)(f->mapcount != 0) << KPF_UPTODATE |
	       1ull << (head ? KPF_COMPOUND_HEAD : KPF_COMPOUND_TAIL) |
	       (uint64_t)(f->mapcount != 0) << KPF_MMAP |
	       (uint64_t)((f->flags & FR_HUGETLB_ANON) != 0) << KPF_ANON;
}

static uint64_t slab_flags(unsigned order, bool head)
{
	return 1ull << KPF_SLAB |
	       (order ? 1ull << (head ? KPF_COMPOUND_HEAD : KPF_COMPOUND_TAIL)
		      : 0);
}

uint64_t kpage_flags(const struct vm *m, pfn_t pfn)
{
	const struct frame *f = frame_at(m, pfn);

	if (!pfn_is_ram(m, pfn))
		return 1ull << KPF_NOPAGE;
	if (pfn == m->root->zero_pfn)
		return 1ull << KPF_ZERO_PAGE | 1ull << KPF_RESERVED;
	if (is_huge_zero(m, pfn))
		return 1ull << KPF_ZERO_PAGE |
		       large_flags(pfn == m->root->huge_zero_pfn);
	switch (phys_frame_state(m, pfn)) {
	case FRAME_ANON:
	case FRAME_FILE:
	case FRAME_SHMEM:
		return user_flags(m, pfn);
	case FRAME_HUGETLB:
		return hugetlb_flags(
			frame_whole(m, pfn), f == frame_whole(m, pfn));
	case FRAME_SLAB:
		return slab_flags(f->order, true);
	case FRAME_PGTABLE:
		return 1ull << KPF_PGTABLE;
	case FRAME_RESERVED:
		return 1ull << KPF_RESERVED;
	case FRAME_STACK:
	case FRAME_KERNEL:
	case FRAME_ZPOOL:
		return 0;
	default:
		if (slab_of(m, pfn))
			return slab_flags(1, false);
		return is_free(m, pfn) ? 1ull << KPF_BUDDY : 0;
	}
}

static int64_t words(const struct vm *m, void *buf, size_t len, uint64_t off,
	uint64_t (*word)(const struct vm *m, pfn_t pfn))
{
	uint64_t *out = buf, pfn = off / 8, n = len / 8;
	uint64_t top = m->root->max_pfn;

	if (off % 8 || len % 8)
		return -EINVAL;
	if (pfn >= top)
		return 0;
	if (n > top - pfn)
		n = top - pfn;
	for (uint64_t i = 0; i < n; i++)
		out[i] = word(m, (pfn_t)(pfn + i));
	return (int64_t)(n * 8);
}

int64_t pread_kpagecount(const struct view *view, uint64_t id, void *buf,
	size_t len, uint64_t off)
{
	return words(view->vm, buf, len, off, kpage_count);
}

int64_t pread_kpageflags(const struct view *view, uint64_t id, void *buf,
	size_t len, uint64_t off)
{
	return words(view->vm, buf, len, off, kpage_flags);
}
