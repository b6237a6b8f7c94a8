/*
 * The TLBs: two levels for each processor, set-associative, least recently
 * used entry replaced.  Level 1 has an array for pages, one for huge pages and
 * one for gigantic ones, level 2 is for all.  mmu_i.h draws the layout.
 *
 * A miss fills both levels.  A hit in level 2 copies the entry to level 1 and
 * makes it the newest of both; a hit in level 1 leaves level 2 alone.  What
 * level 1 evicts is dropped, what level 2 evicts stays in level 1: neither
 * inclusive nor exclusive, as Intel's second-level TLB.
 *
 * The state is part of the machine: it is saved, and a trace that is replayed
 * finds the same hits.
 *
 * Sources: Intel SDM vol. 3A 4.10; Linux arch/x86/mm/tlb.c.
 */
#include "mmu_i.h"

#include <string.h>

/* Linux's tlb_single_page_flush_ceiling. */
#define FLUSH_CEILING 33

uint64_t tlb_bytes(const struct vm_config *c)
{
	return c->cpus * tlb_entries(&c->tlb) * sizeof(struct tlb_entry);
}

int tlb_boot(struct vm *m)
{
	m->arena.seg[SEG_TLB].used = tlb_bytes(&m->root->config);
	return 0;
}

/* ---- flushes ------------------------------------------------------------ */

/* Keeps the entries of a set that do not match; the free ways end up last. */
static void set_drop(
	struct tlb_entry *set, unsigned ways, uint64_t mask, uint64_t match)
{
	unsigned kept = 0;

	for (unsigned w = 0; w < ways && set[w].tag; w++)
		if ((set[w].tag & mask) != match)
			set[kept++] = set[w];
	for (; kept < ways && set[kept].tag; kept++)
		memset(&set[kept], 0, sizeof(*set));
}

static void cpu_drop(struct vm *m, unsigned cpu, uint64_t mask, uint64_t match)
{
	for (unsigned i = 0; i < NR_TLBS; i++) {
		struct tlb_level l = tlb_level(m, cpu, i);

		for (unsigned s = 0; s < l.sets; s++)
			set_drop(l.e + s * l.ways, l.ways, mask, match);
	}
}

void tlb_flush_pcid(struct vm *m, unsigned cpu, unsigned pcid)
{
	m->root->count[CNT_TLB_FLUSH_ASID]++;
	cpu_drop(m, cpu, TLB_PCID | TLB_GLOBAL, pcid);
}

void tlb_flush_cpu(struct vm *m, unsigned cpu)
{
	m->root->count[CNT_TLB_FLUSH_ALL]++;
	cpu_drop(m, cpu, TLB_GLOBAL, 0);
}

static void drop_entry(struct vm *m, const struct tlb_level *l, vaddr_t va,
	unsigned size, uint64_t low)
{
	unsigned shift = pt_shift(m, size);
	struct tlb_entry *set;
	int way;

	if (!l->e)
		return;
	set = tlb_set(l, tlb_vpn(va, shift));
	way = tlb_find(
		set, l->ways, tlb_tag(va, m->page_shift, size, shift) | low);
	if (way < 0)
		return;
	for (; way < (int)l->ways - 1 && set[way + 1].tag; way++)
		set[way] = set[way + 1];
	set[way] = (struct tlb_entry){0, 0, 0};
}

/* INVLPG: whatever the size of the page that va lies in. */
static void drop_page(struct vm *m, unsigned cpu, unsigned pcid, vaddr_t va)
{
	const struct tlb_level l1 = tlb_level(m, cpu, TLB_L1);
	const struct tlb_level l2 = tlb_level(m, cpu, TLB_L2);
	uint64_t low = TLB_VALID | pcid;

	m->root->count[CNT_TLB_FLUSH_PAGE]++;
	drop_entry(m, &l1, va, 0, low);
	drop_entry(m, &l2, va, 0, low);
	for_each_huge_size (&m->root->cpu[cpu], size) {
		const struct tlb_level huge =
			tlb_level(m, cpu, tlb_array_of(m, size));

		drop_entry(m, &huge, va, size, low);
		drop_entry(m, &l2, va, size, low);
	}
}

void tlb_flush_mm(struct vm *m, idx_t mm)
{
	for (unsigned cpu = 0; cpu < m->root->config.cpus; cpu++) {
		int pcid = cpu_pcid_of(m, cpu, mm);

		if (pcid >= 0)
			tlb_flush_pcid(m, cpu, (unsigned)pcid);
	}
}

/*
 * Other processors are flushed at once.  Linux defers this for one on which
 * the mm does not run now, and then drops the whole PCID there.
 */
void tlb_flush_page(struct vm *m, idx_t mm, vaddr_t va)
{
	for (unsigned cpu = 0; cpu < m->root->config.cpus; cpu++) {
		int pcid = cpu_pcid_of(m, cpu, mm);

		if (pcid >= 0)
			drop_page(m, cpu, (unsigned)pcid, va);
	}
}

static void flush_steps(
	struct vm *m, idx_t mm, vaddr_t start, vaddr_t end, uint64_t step)
{
	if (start >= end)
		return;
	if ((end - start) / step > FLUSH_CEILING) {
		tlb_flush_mm(m, mm);
		return;
	}
	for (vaddr_t va = start; va < end; va += step)
		tlb_flush_page(m, mm, va);
}

void tlb_flush_range(struct vm *m, idx_t mm, vaddr_t start, vaddr_t end)
{
	flush_steps(m, mm, start, end, m->page_size);
}

void tlb_flush_size(
	struct vm *m, idx_t mm, vaddr_t start, vaddr_t end, unsigned size)
{
	bool whole = m->root->config.tlb.entries[tlb_array_of(m, size)];

	flush_steps(m, mm, start, end, 1ull << pt_shift(m, whole ? size : 0));
}

bool tlb_first_level(const struct vm *m, unsigned cpu, unsigned i, pfn_t *pfn)
{
	struct tlb_level l = tlb_level(m, cpu, 0);

	if (i >= l.sets * l.ways)
		return false;
	*pfn = l.e[i].tag ? l.e[i].pfn : PFN_NONE;
	return true;
}

/* ---- look --------------------------------------------------------------- */

static vaddr_t tag_va(const struct vm *m, uint64_t tag)
{
	vaddr_t va = (tag & TLB_PAGE) >> 12 << m->page_shift;
	unsigned top = 64 - VA_TAG_BITS;

	return (vaddr_t)((int64_t)(va << top) >> top);
}

void tlb_for_each(const struct vm *m, unsigned cpu,
	void (*fn)(void *ctx, const struct tlb_view *v), void *ctx)
{
	/* huge pages between the levels */
	static const enum tlb_array order[] = {
		TLB_L1, TLB_HUGE, TLB_GIGANTIC, TLB_L2};

	for (unsigned i = 0; i < NR_TLBS; i++) {
		struct tlb_level l = tlb_level(m, cpu, order[i]);

		for (unsigned n = 0; n < l.sets * l.ways; n++) {
			uint64_t tag = l.e[n].tag;
			struct tlb_view v = {
				.level = order[i] == TLB_L2 ? 2 : 1,
				.set = n / l.ways,
				.way = n % l.ways,
				.va = tag_va(m, tag),
				.size = 1ull << pt_shift(m, tag_size(tag)),
				.pcid = tag & TLB_PCID,
				.pfn = l.e[n].pfn,
				.write = tag & TLB_WRITE,
				.exec = tag & TLB_EXEC,
				.user = tag & TLB_USER,
				.dirty = tag & TLB_DIRTY,
				.global = tag & TLB_GLOBAL,
			};

			if (tag)
				fn(ctx, &v);
		}
	}
}
