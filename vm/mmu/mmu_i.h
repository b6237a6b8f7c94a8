/*
 * Inside mmu/: the entries of the TLBs and how they are found.
 *
 * SEG_TLB holds, for each processor, level 1, level 2, and level 1 for huge
 * and for gigantic pages; each is sets of `ways` entries, the most recently
 * used first, free ones last:
 *
 *	cpu 0                                             cpu 1
 *	+---------------+---------------+---------------+---------------+--
 *	| L1 set 0 1 .. | L2 set 0 1 .. | huge set 0 .. | L1 set 0 1 .. |
 *	+---------------+---------------+---------------+---------------+--
 *
 * Level 2 holds entries of all sizes, each in the set that the number of its
 * own page chooses.  Where there is no array for huge pages, entries of 4 KiB
 * stand for their parts.
 *
 * The tag of an entry (0: free), so that one masked comparison decides
 * whether an access may use it:
 *
 *	 63 58 57                12 11  10  9   8   7   6    5   3 2      0
 *	+-----+--------------------+---+---+---+---+---+---+------+--------+
 *	|  0  |  virtual page      | V | G | U | W | X | D | size |  PCID  |
 *	+-----+--------------------+---+---+---+---+---+---+------+--------+
 *
 * The virtual page is that of the low 58 address bits: canonical addresses
 * differ in them, and no other address gets as far as the TLB.  Bit 5 is 0;
 * size counts the levels between the leaf tables and the entry that maps: 0 a
 * page, 1 a huge page (2 or 4 MiB), 2 one of 1 GiB.  Of huge pages, virtual
 * page and pfn are the first.
 */
#ifndef PAGEFS_VM_MMU_I_H
#define PAGEFS_VM_MMU_I_H

#include <string.h>

#include "mmu.h"

struct tlb_entry {
	uint64_t tag;
	uint32_t pfn;
	uint32_t reserved;
};

#define TLB_PCID   0x007ull
#define TLB_SIZE   0x018ull
#define TLB_DIRTY  0x040ull /* the leaf's D bit is set already */
#define TLB_EXEC   0x080ull
#define TLB_WRITE  0x100ull
#define TLB_USER   0x200ull
#define TLB_GLOBAL 0x400ull
#define TLB_VALID  0x800ull
#define TLB_PAGE   (~0xfffull)
#define TLB_RIGHTS (TLB_DIRTY | TLB_EXEC | TLB_WRITE)
/* What tells entries apart. */
#define TLB_ID (TLB_PAGE | TLB_VALID | TLB_SIZE | TLB_PCID)

#define VA_TAG_BITS 58

#define TLB_SIZE_SHIFT 3
#define NR_TLB_SIZES   3

/* One array of one processor's TLB. */
struct tlb_level {
	struct tlb_entry *e; /* NULL: it does not exist */
	uint32_t ways;
	uint32_t sets; /* a power of two */
};

static inline uint64_t tlb_vpn(vaddr_t va, unsigned page_shift)
{
	return va << (64 - VA_TAG_BITS) >> (64 - VA_TAG_BITS + page_shift);
}

/* Entries of one processor's TLBs. */
static inline uint64_t tlb_entries(const struct tlb_geometry *g)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < NR_TLBS; i++)
		sum += g->entries[i];
	return sum;
}

static inline struct tlb_level tlb_level(
	const struct vm *m, unsigned cpu, enum tlb_array array)
{
	const struct tlb_geometry *g = &m->root->config.tlb;
	struct tlb_level l = {NULL, g->ways[array], 0};

	if (!g->entries[array])
		return l;
	l.e = (struct tlb_entry *)seg_at(m, SEG_TLB, 0) + cpu * tlb_entries(g);
	for (unsigned i = 0; i < array; i++)
		l.e += g->entries[i];
	l.sets = g->entries[array] / g->ways[array];
	return l;
}

/* Of level 1, for pages of that size. */
static inline enum tlb_array tlb_array_of(const struct vm *m, unsigned size)
{
	if (size > 1 && m->root->config.tlb.entries[TLB_GIGANTIC])
		return TLB_GIGANTIC;
	return size ? TLB_HUGE : TLB_L1;
}

static inline unsigned tag_size(uint64_t tag)
{
	return (tag & TLB_SIZE) >> TLB_SIZE_SHIFT;
}

/* Virtual page and size of the entry for va; of the size that shift says. */
static inline uint64_t tlb_tag(
	vaddr_t va, unsigned page_shift, unsigned size, unsigned shift)
{
	if (!size)
		return tlb_vpn(va, page_shift) << 12;
	return tlb_vpn(va >> shift << shift, page_shift) << 12 |
	       (uint64_t)size << TLB_SIZE_SHIFT;
}

/* For each size of huge pages that a processor's TLB may hold. */
#define for_each_huge_size(c, size)                               \
	for (uint32_t size##_bits = (c)->huge_sizes, size;        \
		size##_bits &&                                    \
		(size = (uint32_t)__builtin_ctz(size##_bits), 1); \
		size##_bits &= size##_bits - 1)

/* The set for a page of this number, among those of its size. */
static inline struct tlb_entry *tlb_set(const struct tlb_level *l, uint64_t vpn)
{
	return l->e + (vpn & (l->sets - 1)) * l->ways;
}

/* The way of a set that holds this identity, or -1. */
static inline int tlb_find(
	const struct tlb_entry *set, unsigned ways, uint64_t id)
{
	for (unsigned w = 0; w < ways; w++)
		if ((set[w].tag & TLB_ID) == id)
			return (int)w;
	return -1;
}

/* Moves ways [0, w) down by one and puts e in front. */
static inline void tlb_push(
	struct tlb_entry *set, unsigned w, struct tlb_entry e)
{
	memmove(set + 1, set, w * sizeof(*set));
	set[0] = e;
}

/* The address of a trace's record, as the process sees it. */
static inline vaddr_t record_va(const struct vm *m, uint64_t rec)
{
	if (m->arch->va_bits <= 32)
		return rec & ((1ull << VA_TAG_BITS) - 1);
	return (vaddr_t)((int64_t)(rec << (64 - VA_TAG_BITS)) >>
			 (64 - VA_TAG_BITS));
}

/* Its bytes, up to the end of the address space. */
static inline uint64_t record_size(uint64_t rec, vaddr_t va)
{
	uint64_t size = 1ull << (rec >> VA_TAG_BITS & 15);

	return va + size - 1 < va ? -va : size;
}

/* ---- translation of one process's accesses (mmu/translate.c) ---- */

/*
 * What the levels above the last say about the pages of one leaf table, so
 * that the simulator need not read them again at each walk of a trace.  The
 * simulated processor has no such cache: it counts a reference a level.
 * Forgotten at each fault, which may change the tables.
 */
struct walk_memo {
	uint64_t key;	/* 1 + va >> the span of a leaf table; 0: none */
	uint64_t fault; /* the run had so many faults then */
	paddr_t table;
	uint64_t every, any; /* AND and OR of the entries */
};
#define NR_MEMOS 64

/*
 * A run of accesses by one process on its processor.  Counts are gathered
 * here and added to the machine's by mmu_end().
 */
struct mmu_run {
	struct vm *m;
	struct task *t;
	struct cpu *cpu;
	struct tlb_level l1[NR_TLB_SIZES], l2; /* level 1 by size */
	struct tlb_entry *entry; /* that the newest lookup or walk found */
	unsigned size;		 /* of the one that a lookup found */
	uint64_t base;		 /* TLB_VALID, TLB_USER and the PCID */
	paddr_t pgd;
	uint64_t loads, stores, fetches;
	uint64_t l1_hits, l2_hits, misses; /* lookups are their sum */
	uint64_t walks, walk_refs, faults;
	struct walk_memo *memo; /* NR_MEMOS of them, or NULL */
};

/* Makes t current on its processor; t has an mm. */
void mmu_begin(struct mmu_run *r, struct vm *m, struct task *t);
/* Adds the counts, and the time they took, to the machine and the task. */
void mmu_end(struct mmu_run *r);

enum tlb_hit { TLB_MISS, TLB_HIT_L1, TLB_HIT_L2 };

/*
 * Looks va up.  After a hit r->entry is the entry, the first of its set in
 * level 1; nothing is counted and rights are not looked at.
 */
enum tlb_hit mmu_lookup(struct mmu_run *r, vaddr_t va);
void mmu_count(struct mmu_run *r, enum tlb_hit hit);

/* The frame of va, which r->entry maps. */
static inline pfn_t mmu_pfn(const struct mmu_run *r, vaddr_t va)
{
	unsigned shift = pt_shift(r->m, tag_size(r->entry->tag));
	uint64_t pages = 1ull << (shift - r->m->page_shift);

	return r->entry->pfn + (pfn_t)(va >> r->m->page_shift & (pages - 1));
}

/* The bits of TLB_RIGHTS that an access needs. */
static inline uint64_t tlb_need(enum access_kind kind)
{
	static const uint64_t need[] = {
		[ACC_READ] = 0,
		[ACC_WRITE] = TLB_WRITE | TLB_DIRTY,
		[ACC_EXEC] = TLB_EXEC,
	};

	return need[kind];
}

/*
 * Completes an access after a miss, or a hit without the rights.
 *
 * mmu_walk() tries the page tables: true, with the entry in r->entry, or
 * false with the error code of the page fault.  mmu_resolve() goes on from
 * there: it calls the fault handler and walks again until that succeeds; 0,
 * or mm_fault()'s error.
 *
 * `place` is where level 2 gets the entry: mmu_place() before the walk.
 * After a hit it is where the entry is, or was until the handler flushed it,
 * so that faults leave the order of replacement alone.
 */
int mmu_place(const struct mmu_run *r, vaddr_t va, enum tlb_hit hit);
bool mmu_walk(struct mmu_run *r, vaddr_t va, enum access_kind kind,
	enum tlb_hit hit, int place, uint32_t *code);
int mmu_resolve(struct mmu_run *r, vaddr_t va, enum access_kind kind,
	enum tlb_hit hit, int place, uint32_t code, struct sigfault *f);

/* ---- processors ---- */
/* The PCID that mm has on this processor; -1 when none of its entries can be
 * there. */
int cpu_pcid_of(const struct vm *m, unsigned cpu, idx_t mm);
/* Drops all entries of a PCID of one processor. */
void tlb_flush_pcid(struct vm *m, unsigned cpu, unsigned pcid);
/* Drops all entries that are not global. */
void tlb_flush_cpu(struct vm *m, unsigned cpu);

/* Builds the kernel's page table in root->kernel_pgd. */
int pt_boot(struct vm *m);

/* ---- tables (pt.c) ---- */
static inline paddr_t pt_entry_at(
	const struct vm *m, paddr_t table, unsigned level, vaddr_t va)
{
	return table +
	       (uint64_t)arch_index(m->arch, level, va) * m->arch->entry_bytes;
}

/* Where va's entry for pages of that size (0: of 4 KiB) lies; 0 when a table on
 * the way is missing. */
static inline paddr_t pt_leaf_at(
	const struct vm *m, const struct mm *mm, vaddr_t va, unsigned size)
{
	unsigned last = m->arch->nr_levels - 1u - size;
	paddr_t table = pfn_to_pa(m, mm->pgd);

	for (unsigned l = 0; l < last; l++) {
		uint64_t e = pte_read(m, pt_entry_at(m, table, l, va));

		if (!(e & m->arch->pte.present) || pte_huge(m, e))
			return 0;
		table = e & m->arch->pte.addr;
	}
	return pt_entry_at(m, table, last, va);
}

/* A frame for a table of an mm, not counted yet; PFN_NONE. */
pfn_t pt_table_alloc(struct vm *m, idx_t mm, unsigned level);
void pt_table_free(struct vm *m, pfn_t pfn);

#endif
