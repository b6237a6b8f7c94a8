/*
 * The MMU: page tables in simulated RAM, the hardware walk, the TLBs, and
 * the loads and stores of processes.
 *
 * A virtual address on x86_64 with 4 levels:
 *
 *	 63      48 47   39 38   30 29   21 20   12 11        0
 *	+----------+-------+-------+-------+-------+-----------+
 *	| sign ext |  pgd  |  pud  |  pmd  |  pte  |  offset   |
 *	+----------+-------+-------+-------+-------+-----------+
 *
 * Sources: Intel SDM vol. 3A 4.5 (4-level paging), 4.3 (32-bit paging), 4.10
 * (TLBs, PCIDs), 4.7 (error code).
 */
#ifndef PAGEFS_VM_MMU_H
#define PAGEFS_VM_MMU_H

#include "../mm/mm.h"
#include "../phys/phys.h"

/* ---- page tables (mmu/pt.c) ---- */

/* One step of a walk: the entry read and where it lies. */
struct walk_step {
	paddr_t at;
	uint64_t entry;
	uint8_t level; /* index into arch->level */
};

struct walk {
	unsigned nr; /* steps taken */
	struct walk_step step[MAX_LEVELS];
	bool present;		  /* reached a present leaf */
	paddr_t pa;		  /* translation, if present */
	uint64_t size;		  /* bytes the leaf maps */
	bool write, user, noexec; /* combined over the levels */
};

/* Walks from cr3 as the hardware does, without setting any bit. */
void pt_walk(const struct vm *m, paddr_t cr3, vaddr_t va, struct walk *w);

/* A new top table with the kernel half copied in; PFN_NONE, ENOMEM. */
pfn_t pt_new_pgd(struct vm *m, idx_t mm);
void pt_free_pgd(struct vm *m, idx_t mm);

/* Leaf entry for va: 0 when a table on the way is missing.  Of a huge page it
 * is the entry that the page at va would have after a split. */
uint64_t pt_get(const struct vm *m, const struct mm *mm, vaddr_t va);
/*
 * Sets the leaf entry of va, creating tables on the way.  0 or -ENOMEM.  Does
 * not flush the TLB.  No huge page may be there.
 */
int pt_set(struct vm *m, idx_t mm, vaddr_t va, uint64_t entry);
/* Creates va's tables down to the one whose entries map pages of that size: 0
 * is the leaf table, 1 what a fault makes before it looks further.  0 or
 * -ENOMEM. */
int pt_make(struct vm *m, idx_t mm, vaddr_t va, unsigned size);
/* What a move makes at `to` where `from` has no leaf table but the table above
 * it: the tables above that one.  0 or -ENOMEM. */
int pt_move_upper(struct vm *m, idx_t mm, vaddr_t from, vaddr_t to);
/* As many tables as `from` has there. */
int pt_make_like(struct vm *m, idx_t mm, const struct mm *from, vaddr_t va);
/*
 * The leaf table that covers va, as an array of entries, or NULL when there is
 * none, or a huge page (pt_above() tells); *first is the index of va in it.
 * `span` gets the bytes of address space that the hole or the table covers from
 * va on, so that callers step over holes of any size.
 */
void *pt_leaf_table(const struct vm *m, const struct mm *mm, vaddr_t va,
	unsigned *first, uint64_t *span);
/* Frees the leaf table of va, which is empty. */
void pt_free_leaf(struct vm *m, idx_t mm, vaddr_t va);
/* Frees tables that lie wholly between floor and ceiling (free_pgtables). */
void pt_free_range(struct vm *m, idx_t mm, vaddr_t start, vaddr_t end,
	vaddr_t floor, vaddr_t ceiling);

/* ---- huge pages (mmu/pt_huge.c) ---- */
/* The entry of va that would map a page of that size: 0 if its table is
 * missing.  pt_has_entry() tells whether there is one. */
uint64_t pt_entry(
	const struct vm *m, const struct mm *mm, vaddr_t va, unsigned size);
bool pt_has_entry(
	const struct vm *m, const struct mm *mm, vaddr_t va, unsigned size);
/* The table must be there. */
void pt_entry_set(
	struct vm *m, idx_t mm, vaddr_t va, unsigned size, uint64_t e);

/* The entry that points to va's leaf table, or maps a huge page; 0 if there is
 * none. */
static inline uint64_t pt_above(
	const struct vm *m, const struct mm *mm, vaddr_t va)
{
	return pt_entry(m, mm, va, 1);
}

/* Tables for a huge page at va, and the deposit that it needs.  0, -ENOMEM. */
int pt_huge_prepare(struct vm *m, idx_t mm, vaddr_t va);
/* Changes the huge entry of va.  A deposit stays until it is dropped. */
static inline void pt_huge_set(struct vm *m, idx_t mm, vaddr_t va, uint64_t e)
{
	pt_entry_set(m, mm, va, 1, e);
}

void pt_drop_deposit(struct vm *m, idx_t mm, vaddr_t va);
/* The leaf table of va, which is empty, becomes a deposit; the entry is 0. */
void pt_huge_deposit(struct vm *m, idx_t mm, vaddr_t va);
/* The deposit takes the place of the huge entry: the empty leaf table. */
void *pt_huge_split(struct vm *m, idx_t mm, vaddr_t va);
/* Moves what lies below one entry to another whose tables above exist; false
 * if that one is in use.  Both addresses begin an entry's span. */
bool pt_move_above(struct vm *m, idx_t mm, vaddr_t from, vaddr_t to);

/* Reads and writes one entry of the architecture's width. */
static inline uint64_t pte_read(const struct vm *m, paddr_t at)
{
	const uint8_t *p = ram_at(m, at);

	return m->arch->entry_bytes == 8 ? *(const uint64_t *)p
					 : *(const uint32_t *)p;
}

static inline void pte_write(struct vm *m, paddr_t at, uint64_t e)
{
	uint8_t *p = ram_at(m, at);

	ram_mark(m, at);
	if (m->arch->entry_bytes == 8)
		*(uint64_t *)p = e;
	else
		*(uint32_t *)p = (uint32_t)e;
}

static inline pfn_t pte_pfn(const struct vm *m, uint64_t e)
{
	return (e & m->arch->pte.addr) >> m->page_shift;
}

/* Present to the kernel: P set, or kept with PROT_NONE. */
static inline bool pte_present(const struct vm *m, uint64_t e)
{
	return e & (m->arch->pte.present | m->arch->pte.prot_none);
}

/* Of an entry above the leaf tables: it maps a huge page. */
static inline bool pte_huge(const struct vm *m, uint64_t e)
{
	return e & m->arch->pte.huge;
}

/*
 * Sizes of pages count the levels between the leaf tables and the entry that
 * maps: 0 a page, 1 a huge page (2 or 4 MiB), 2 a gigantic one (1 GiB).  The
 * lowest address bit of the number of such a page.
 */
static inline unsigned pt_shift(const struct vm *m, unsigned size)
{
	return size ? m->arch->level[m->arch->nr_levels - 1u - size].shift
		    : m->page_shift;
}

/* Of a huge entry: a leaf table waits for it, see pt_huge.c. */
static inline bool pte_has_deposit(const struct vm *m, uint64_t e)
{
	const struct frame *f =
		frame_at(m, (pfn_t)((e & m->arch->pte.addr) >> m->page_shift));

	return f->state != FRAME_SHMEM && f->state != FRAME_HUGETLB;
}

/* Bytes of a huge page, the span of one leaf table; and as a buddy order. */
static inline uint64_t huge_size(const struct vm *m)
{
	return 1ull << pt_shift(m, 1);
}

static inline unsigned huge_order(const struct vm *m)
{
	return pt_shift(m, 1) - m->page_shift;
}

static inline vaddr_t huge_down(const struct vm *m, vaddr_t va)
{
	return va & ~(huge_size(m) - 1);
}

/* The leaf entry of the page at va that an entry of that size amounts to. */
static inline uint64_t pte_part(
	const struct vm *m, uint64_t e, vaddr_t va, unsigned size)
{
	return (e & ~m->arch->pte.huge) +
	       (va & ((1ull << pt_shift(m, size)) - m->page_size));
}

/*
 * The entry that madvise(MADV_GUARD_INSTALL) leaves: Linux's swap entry of
 * type 31 (marker), offset 4 (guard), inverted on 64 bits.  Accesses find it
 * not present and refuse it.
 */
static inline uint64_t pte_guard(const struct vm *m)
{
	return m->arch->entry_bytes == 8 ? 0xfffffffffffff600 : 0x83e;
}

/* The huge entry of a promise of the pool that was kept, when its page was
 * taken away: no other page is promised there (mm/hugetlb.c).  A software bit.
 */
static inline uint64_t pte_taken(const struct vm *m)
{
	return m->arch->pte.special;
}

/* What an entry is that is not zero, and ends a walk or may be one that does.
 */
enum pte_kind { PTE_MAPS, PTE_SWAPPED, PTE_GUARDS, PTE_TAKEN };
static inline enum pte_kind pte_kind(const struct vm *m, uint64_t e)
{
	if (pte_present(m, e))
		return PTE_MAPS;
	if (e == pte_guard(m))
		return PTE_GUARDS;
	return e == pte_taken(m) ? PTE_TAKEN : PTE_SWAPPED;
}

/* What a store that faulted leaves in its entry. */
static inline uint64_t pte_stored(const struct vm *m)
{
	return m->arch->pte.accessed | m->arch->pte.dirty | m->soft_dirty;
}

/*
 * The leaf entry for a user page of a VMA with these flags.  `write` allows
 * stores (and sets dirty); a VMA without rights gives a PROT_NONE entry.
 */
uint64_t pte_make(const struct vm *m, pfn_t pfn, uint64_t vm_flags, bool write);

/* ---- TLB (mmu/tlb.c) ---- */
/* Bytes of SEG_TLB: what vm_boot() and vm_blank() reserve. */
uint64_t tlb_bytes(const struct vm_config *c);
int tlb_boot(struct vm *m);
/* Of a state that was loaded: its TLBs hold pages of sizes that there are. */
int tlb_check_sizes(struct vm *m);
void tlb_flush_page(struct vm *m, idx_t mm, vaddr_t va);
/* As Linux: up to 33 pages one by one, else everything of that mm. */
void tlb_flush_range(struct vm *m, idx_t mm, vaddr_t start, vaddr_t end);
/* The same where pages of a size alone are: they count as one each. */
void tlb_flush_size(
	struct vm *m, idx_t mm, vaddr_t start, vaddr_t end, unsigned size);
static inline void tlb_flush_huge(
	struct vm *m, idx_t mm, vaddr_t start, vaddr_t end)
{
	tlb_flush_size(m, mm, start, end, 1);
}

void tlb_flush_mm(struct vm *m, idx_t mm);

/* The frame of entry i of the processor's first level, PFN_NONE of a free one;
 * false behind the last. */
bool tlb_first_level(const struct vm *m, unsigned cpu, unsigned i, pfn_t *pfn);

/* One valid entry, for cpu/N/tlb. */
struct tlb_view {
	unsigned level, set, way;
	vaddr_t va;
	uint64_t size; /* bytes that it maps */
	unsigned pcid;
	pfn_t pfn;
	bool write, exec, user, dirty, global;
};
/* Calls fn for each valid entry, level 1 first; huge pages have sets of their
 * own there. */
void tlb_for_each(const struct vm *m, unsigned cpu,
	void (*fn)(void *ctx, const struct tlb_view *v), void *ctx);

/* ---- processor (mmu/cpu.c) ---- */
/* Registers, and the kernel's page table in root->kernel_pgd. */
int cpu_boot(struct vm *m);
/* Makes t current on its CPU: CR3, PCID, flushes.  Cheap if it is already. */
void cpu_switch(struct vm *m, unsigned cpu, struct task *t);
/* The mm is on no CPU any more: before its tables are freed. */
void cpu_drop_mm(struct vm *m, idx_t mm);
/* The task is current on no CPU any more: when it exits. */
void cpu_drop_task(struct vm *m, const struct task *t);

/* ---- accesses of a process (mmu/access.c) ---- */
/*
 * Loads, stores or fetches len bytes at va as the process does: TLB, walk,
 * faults.  buf NULL touches one byte of each page without changing data.  Each
 * page counts as one access.
 * Returns 0; -EFAULT with *f set and the sentence "SIGSEGV MAPERR at 0x10:
 * ..." after as many bytes as could be done, -ENOMEM.
 */
int mem_access(struct vm *m, struct task *t, vaddr_t va, uint64_t len,
	enum access_kind kind, void *buf, struct sigfault *f);
/* The kernel stores an int where a system call is to leave one: 0, or -EFAULT
 * without a signal. */
int mem_put_int(struct vm *m, struct task *t, vaddr_t va, uint32_t value);
/*
 * Reads without changing anything (rule 1): untouched pages read as what a
 * first touch would find.  Returns the bytes read before the first address
 * outside every VMA.
 */
uint64_t mem_look(const struct vm *m, const struct mm *mm, vaddr_t va,
	void *buf, uint64_t len);
/*
 * Writes as the kernel does on behalf of the process (the stack of a new
 * image): ignores write protection of the VMA.  0 or -errno.
 */
int mem_poke(struct vm *m, struct task *t, vaddr_t va, const void *buf,
	uint64_t len);

/* ---- traces (mmu/trace.c) ---- */
/*
 * Binary trace records, 8 bytes, little-endian:
 *
 *	 63 62 61     58 57                                   0
 *	+-----+---------+--------------------------------------+
 *	|kind | log2 sz |  address, sign-extended from bit 57  |
 *	+-----+---------+--------------------------------------+
 *
 * kind 0 load, 1 store, 2 fetch, 3 modify (a load, then a store).  An access
 * that crosses a page boundary is looked up twice.
 */
#define TRACE_LOAD   0ull
#define TRACE_STORE  1ull
#define TRACE_FETCH  2ull
#define TRACE_MODIFY 3ull
#define TRACE_RECORD(kind, log2sz, va)                       \
	((uint64_t)(kind) << 62 | (uint64_t)(log2sz) << 58 | \
		((uint64_t)(va) & ((1ull << 58) - 1)))

/*
 * Simulates nr records by the process.  Faults are taken as for mem_access(),
 * but no refusal stops a trace, only the OOM killer does: accesses that no VMA
 * holds are counted as outside (with trace_map=auto, 1 MiB rwx from a multiple
 * of 64 KiB is mapped there first, less where neighbours are near), others as
 * refused.  Records may begin at any byte: those of a journal do.  Returns how
 * many ran: fewer where it was killed, or the line halts.
 */
size_t trace_run(struct vm *m, struct task *t, const void *records, size_t nr);

int mmu_check(struct vm *m);

#endif
