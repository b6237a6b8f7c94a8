/*
 * The TLBs: two levels for each processor, set-associative, least recently
 * used entry replaced.  mmu_i.h draws the layout.
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
	uint64_t n = (uint64_t)c->tlb.entries[0] + c->tlb.entries[1];

	return c->cpus * n * sizeof(struct tlb_entry);
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
	for (unsigned i = 0; i < 2; i++) {
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

static void drop_page(struct vm *m, unsigned cpu, unsigned pcid, vaddr_t va)
{
	uint64_t vpn = tlb_vpn(va, m->page_shift);

	m->root->count[CNT_TLB_FLUSH_PAGE]++;
	for (unsigned i = 0; i < 2; i++) {
		struct tlb_level l = tlb_level(m, cpu, i);

		if (l.e)
			set_drop(tlb_set(&l, vpn), l.ways, TLB_ID,
				vpn << 12 | TLB_VALID | pcid);
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
void tlb_flush_range(struct vm *m, idx_t mm, vaddr_t start, vaddr_t end)
{
	if (start >= end)
		return;
	if ((end - start) >> m->page_shift > FLUSH_CEILING) {
		tlb_flush_mm(m, mm);
		return;
	}
	for (unsigned cpu = 0; cpu < m->root->config.cpus; cpu++) {
		int pcid = cpu_pcid_of(m, cpu, mm);

		if (pcid < 0)
			continue;
		for (vaddr_t va = start; va < end; va += m->page_size)
			drop_page(m, cpu, (unsigned)pcid, va);
	}
}

void tlb_flush_page(struct vm *m, idx_t mm, vaddr_t va)
{
	va &= ~(m->page_size - 1);
	tlb_flush_range(m, mm, va, va + m->page_size);
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
	for (unsigned i = 0; i < 2; i++) {
		struct tlb_level l = tlb_level(m, cpu, i);

		for (unsigned n = 0; n < l.sets * l.ways; n++) {
			uint64_t tag = l.e[n].tag;
			struct tlb_view v = {
				.level = i + 1,
				.set = n / l.ways,
				.way = n % l.ways,
				.va = tag_va(m, tag),
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
