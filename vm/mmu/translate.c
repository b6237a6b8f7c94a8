/*
 * Translation as the processor does it: TLB lookup, page walk with accessed
 * and dirty bits, page fault, and the instruction's second try.
 *
 * An access is one lookup, however often it faults.  A walk reads one entry a
 * level; when it succeeds it sets A at every level and, for a store, D in the
 * leaf.  A store whose entry lacks D walks to set it and keeps its entry.
 *
 * Source: Intel SDM vol. 3A 4.6 (rights), 4.7 (error code), 4.8 (A and D),
 * 4.10.2 (TLB entries).
 */
#include "mmu_i.h"

#include <string.h>

#define PF_PROT	 0x01u
#define PF_WRITE 0x02u
#define PF_USER	 0x04u
#define PF_INSTR 0x10u

/* Tries after faults; a handler that needs more is broken. */
#define MAX_FAULTS 4

void mmu_begin(struct mmu_run *r, struct vm *m, struct task *t)
{
	memset(r, 0, sizeof(*r));
	cpu_switch(m, t->cpu, t);
	r->m = m;
	r->t = t;
	r->cpu = &m->root->cpu[t->cpu];
	for (unsigned size = 0; size < NR_TLB_SIZES; size++)
		r->l1[size] = tlb_level(m, t->cpu, tlb_array_of(m, size));
	r->l2 = tlb_level(m, t->cpu, TLB_L2);
	r->pgd = r->cpu->cr3 & m->arch->pte.addr;
	r->base = TLB_VALID | TLB_USER | (r->cpu->cr3 & TLB_PCID);
}

void mmu_end(struct mmu_run *r)
{
	const struct settings *set = &r->m->root->set;
	uint64_t *count = r->m->root->count;
	uint64_t accesses = r->loads + r->stores + r->fetches;
	uint64_t lookups = r->l1_hits + r->l2_hits + r->misses;
	uint64_t ns = lookups * set->cost_tlb_ns +
		      (lookups + r->walk_refs) * set->cost_mem_ns +
		      r->faults * set->cost_fault_ns;

	count[CNT_ACCESSES] += accesses;
	count[CNT_LOADS] += r->loads;
	count[CNT_STORES] += r->stores;
	count[CNT_FETCHES] += r->fetches;
	count[CNT_TLB_LOOKUPS] += lookups;
	count[CNT_TLB_L1_HITS] += r->l1_hits;
	count[CNT_TLB_L2_HITS] += r->l2_hits;
	count[CNT_TLB_MISSES] += r->misses;
	count[CNT_WALKS] += r->walks;
	count[CNT_WALK_REFS] += r->walk_refs;
	r->m->root->ns += ns;
	r->t->utime_ns += ns;
}

void mmu_count(struct mmu_run *r, enum tlb_hit hit)
{
	r->l1_hits += hit == TLB_HIT_L1;
	r->l2_hits += hit == TLB_HIT_L2;
	r->misses += hit == TLB_MISS;
}

/* What tells the entry of va apart, if it is of this size. */
static inline uint64_t tag_id(
	const struct mmu_run *r, vaddr_t va, unsigned size)
{
	return tlb_tag(va, r->m->page_shift, size, pt_shift(r->m, size)) |
	       (r->base & (TLB_VALID | TLB_PCID));
}

/* Its sets. */
static inline struct tlb_entry *set_l1(
	const struct mmu_run *r, vaddr_t va, unsigned size)
{
	return tlb_set(&r->l1[size], tlb_vpn(va, pt_shift(r->m, size)));
}

static inline struct tlb_entry *set_l2(
	const struct mmu_run *r, vaddr_t va, unsigned size)
{
	return tlb_set(&r->l2, tlb_vpn(va, pt_shift(r->m, size)));
}

static inline unsigned ways_l1(const struct mmu_run *r, unsigned size)
{
	return r->l1[size].ways;
}

/* Puts an entry of one level first. */
static inline void set_promote(struct tlb_entry *set, unsigned way)
{
	if (way)
		tlb_push(set, way, set[way]);
}

static inline bool find_l1(struct mmu_run *r, vaddr_t va, unsigned size)
{
	struct tlb_entry *set = set_l1(r, va, size);
	int way = tlb_find(set, ways_l1(r, size), tag_id(r, va, size));

	if (way < 0)
		return false;
	set_promote(set, (unsigned)way);
	r->entry = set;
	r->size = size;
	return true;
}

/* Finds it in level 2, and copies it to level 1. */
static inline bool find_l2(struct mmu_run *r, vaddr_t va, unsigned size)
{
	struct tlb_entry *set = set_l2(r, va, size);
	int way = tlb_find(set, r->l2.ways, tag_id(r, va, size));

	if (way < 0)
		return false;
	set_promote(set, (unsigned)way);
	r->entry = set_l1(r, va, size);
	tlb_push(r->entry, ways_l1(r, size) - 1, set[0]);
	r->size = size;
	return true;
}

enum tlb_hit mmu_lookup(struct mmu_run *r, vaddr_t va)
{
	if (find_l1(r, va, 0))
		return TLB_HIT_L1;
	for_each_huge_size (r->cpu, size)
		if (find_l1(r, va, size))
			return TLB_HIT_L1;
	if (!r->l2.e)
		return TLB_MISS;
	if (find_l2(r, va, 0))
		return TLB_HIT_L2;
	for_each_huge_size (r->cpu, size)
		if (find_l2(r, va, size))
			return TLB_HIT_L2;
	return TLB_MISS;
}

/* ---- walk ---------------------------------------------------------------- */

static inline uint64_t memo_key(const struct mmu_run *r, vaddr_t va)
{
	const struct arch *a = r->m->arch;

	return (va >> a->level[a->nr_levels - 2].shift) + 1;
}

/* The memo where va belongs; NULL where the run keeps no memos. */
static inline struct walk_memo *memo_of(const struct mmu_run *r, vaddr_t va)
{
	return r->memo ? &r->memo[memo_key(r, va) % NR_MEMOS] : NULL;
}

/* The entries that a walk reads, [first, nr), and what they say together. */
struct steps {
	unsigned first, nr;
	paddr_t at[MAX_LEVELS];
	uint64_t entry[MAX_LEVELS];
	uint64_t every, any; /* AND and OR, also of remembered levels */
	unsigned size;	     /* of the leaf, see TLB_SIZE */
};

/* Reads entries from the top down to a leaf; false if one is not present. */
static inline bool read_levels(struct mmu_run *r, vaddr_t va, struct steps *s)
{
	const struct arch *a = r->m->arch;
	const unsigned last = a->nr_levels - 1u;
	struct walk_memo *memo = memo_of(r, va);
	uint64_t key = memo_key(r, va);
	bool known = memo && memo->key == key && memo->fault == r->faults;
	paddr_t table = known ? memo->table : r->pgd;
	uint64_t every = known ? memo->every : ~0ull;
	uint64_t any = known ? memo->any : 0;
	unsigned nr = known ? last : 0;

	s->first = nr;
	r->walk_refs += nr;
	for (;; nr++) {
		const struct pt_level *l = &a->level[nr];
		paddr_t at = table +
			     (uint64_t)arch_index(a, nr, va) * a->entry_bytes;
		uint64_t e = pte_read(r->m, at);

		r->walk_refs++;
		if (!(e & a->pte.present))
			return false;
		if (memo && nr == last && !known)
			*memo = (struct walk_memo){
				key, r->faults, table, every, any};
		s->at[nr] = at;
		s->entry[nr] = e;
		every &= e;
		any |= e;
		if (nr == last || (l->may_be_leaf && (e & a->pte.huge)))
			break;
		table = e & a->pte.addr;
	}
	s->nr = nr + 1;
	s->every = every;
	s->any = any;
	s->size = last - nr;
	return true;
}

/* Sets A in what the walk used, and D in the leaf for a store. */
static inline void set_accessed(
	struct mmu_run *r, struct steps *s, uint64_t dirty)
{
	for (unsigned i = s->first; i < s->nr; i++) {
		uint64_t set = r->m->arch->pte.accessed;

		if (i == s->nr - 1)
			set |= dirty;
		if ((s->entry[i] & set) != set)
			pte_write(r->m, s->at[i], s->entry[i] |= set);
	}
}

static inline struct tlb_entry make_entry(
	const struct mmu_run *r, vaddr_t va, const struct steps *s)
{
	const struct pte_bits *b = &r->m->arch->pte;
	uint64_t leaf = s->entry[s->nr - 1];
	uint64_t within = (1ull << pt_shift(r->m, s->size)) - 1;
	/* of a huge page all, or the page if no array is for huge ones */
	unsigned size = r->l1[s->size].e ? s->size : 0;
	paddr_t pa = leaf & b->addr & ~within;
	struct tlb_entry e = {tag_id(r, va, size) | TLB_USER, 0, 0};

	if (!size)
		pa |= va & within;
	e.pfn = (pfn_t)(pa >> r->m->page_shift);
	if (s->every & b->write)
		e.tag |= TLB_WRITE;
	if (!(s->any & b->noexec))
		e.tag |= TLB_EXEC;
	if (leaf & b->dirty)
		e.tag |= TLB_DIRTY;
	return e;
}

/*
 * One hardware walk for a user access.  Returns 0 and the new TLB entry, with
 * A and D set in the tables; or -1 and the error code of the page fault.
 */
static int hw_walk(struct mmu_run *r, vaddr_t va, enum access_kind kind,
	struct tlb_entry *out, uint32_t *code)
{
	const struct pte_bits *b = &r->m->arch->pte;
	/* Masks instead of branches: a trace's kinds cannot be predicted. */
	uint64_t write = -(uint64_t)(kind == ACC_WRITE);
	uint64_t exec = -(uint64_t)(kind == ACC_EXEC);
	uint64_t need = b->user | (b->write & write);
	struct steps s;

	*code = PF_USER | (write & PF_WRITE) |
		(exec && b->noexec ? PF_INSTR : 0);
	if (va >= r->m->arch->native.task_size)
		*code |= PF_PROT; /* so that nothing of the kernel shows */
	r->walks++;
	if (!read_levels(r, va, &s))
		return -1;
	*code |= PF_PROT;
	if ((s.every & need) != need || s.any & exec & b->noexec)
		return -1;
	set_accessed(r, &s, b->dirty & write);
	*out = make_entry(r, va, &s);
	return 0;
}

/* ---- fill ---------------------------------------------------------------- */

int mmu_place(const struct mmu_run *r, vaddr_t va, enum tlb_hit hit)
{
	uint64_t id;

	if (!r->l2.e)
		return -1;
	if (hit == TLB_MISS)
		return 0;
	id = r->entry->tag & TLB_ID;
	return tlb_find(set_l2(r, va, tag_size(id)), r->l2.ways, id);
}

static void fill_l1(struct mmu_run *r, vaddr_t va, enum tlb_hit hit,
	struct tlb_entry e, unsigned size)
{
	r->entry = set_l1(r, va, size);
	if (hit != TLB_MISS && (r->entry->tag & TLB_ID) == (e.tag & TLB_ID))
		*r->entry = e; /* where the lookup put it, not flushed since */
	else
		tlb_push(r->entry, ways_l1(r, size) - 1, e);
}

static void fill_l2(struct mmu_run *r, vaddr_t va, enum tlb_hit hit,
	struct tlb_entry e, unsigned place)
{
	struct tlb_entry *set = set_l2(r, va, tag_size(e.tag));

	/* Free ways stand last: no gap in front of the place. */
	while (place > 0 && !set[place - 1].tag)
		place--;
	if (hit != TLB_MISS && (set[place].tag & TLB_ID) == (e.tag & TLB_ID))
		set[place] = e;
	else
		tlb_push(set + place, r->l2.ways - 1 - place, e);
}

bool mmu_walk(struct mmu_run *r, vaddr_t va, enum access_kind kind,
	enum tlb_hit hit, int place, uint32_t *code)
{
	struct tlb_entry e = {0, 0, 0};
	unsigned size;

	if (hw_walk(r, va, kind, &e, code))
		return false;
	size = tag_size(e.tag);
	if (size)
		r->cpu->huge_sizes |= 1u << size;
	if (hit != TLB_MISS && size != r->size) { /* the fault changed it */
		hit = TLB_MISS;
		place = r->l2.e ? 0 : -1;
	}
	fill_l1(r, va, hit, e, size);
	if (place >= 0)
		fill_l2(r, va, hit, e, (unsigned)place);
	return true;
}

int mmu_resolve(struct mmu_run *r, vaddr_t va, enum access_kind kind,
	enum tlb_hit hit, int place, uint32_t code, struct sigfault *f)
{
	for (unsigned faults = 0; faults < MAX_FAULTS; faults++) {
		int err;

		r->cpu->cr2 = va;
		r->cpu->error_code = code;
		r->faults++;
		err = mm_fault(r->m, r->t, va, kind, code, f);
		if (err)
			return err;
		if (mmu_walk(r, va, kind, hit, place, &code))
			return 0;
	}
	return vm_fail(r->m, EIO, "the fault handler left 0x%llx inaccessible",
		(unsigned long long)va);
}
