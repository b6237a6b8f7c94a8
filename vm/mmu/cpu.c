/*
 * Processors: their registers at boot, and what a switch of address space
 * does to CR3, PCIDs and TLBs.
 *
 * Each processor hands out NR_PCIDS identities in turn (PCID n belongs to
 * pcid_mm[n]); taking one over from another mm drops its entries.  Without
 * PCIDs a new CR3 drops every entry that is not global.
 *
 * Sources: Intel SDM vol. 3A 2.5 (control registers), 4.10.1; Linux
 * arch/x86/mm/tlb.c (choose_new_asid, switch_mm_irqs_off).
 */
#include "mmu_i.h"

#define CR0_BITS                                                         \
	(1u << 31 /* PG */ | 1u << 18 /* AM */ | 1u << 16 /* WP */ |     \
		1u << 5 /* NE */ | 1u << 4 /* ET */ | 1u << 1 /* MP */ | \
		1u /* PE */)
#define CR4_PSE	   (1u << 4)
#define CR4_PAE	   (1u << 5)
#define CR4_PGE	   (1u << 7)
#define CR4_OSFXSR (1u << 9)
#define CR4_PCIDE  (1u << 17)
#define EFER_LONG  (1u << 0 /* SCE */ | 1u << 8 /* LME */ | 1u << 10 /* LMA */)
#define EFER_NXE   (1u << 11)

static bool has_pcid(const struct vm *m)
{
	return m->arch->has_pcid && m->root->config.pcid;
}

int cpu_boot(struct vm *m)
{
	const struct arch *a = m->arch;
	int err = pt_boot(m);

	if (err)
		return err;
	for (unsigned i = 0; i < m->root->config.cpus; i++) {
		struct cpu *c = &m->root->cpu[i];

		c->cr0 = CR0_BITS;
		c->cr3 = pfn_to_pa(m, m->root->kernel_pgd);
		c->cr4 = CR4_PSE | CR4_PGE | CR4_OSFXSR;
		if (a->entry_bytes == 8)
			c->cr4 |= CR4_PAE;
		if (has_pcid(m))
			c->cr4 |= CR4_PCIDE;
		if (a->va_bits > 32)
			c->efer |= EFER_LONG;
		if (a->pte.noexec)
			c->efer |= EFER_NXE;
		c->next_pcid = 1;
	}
	return 0;
}

int cpu_pcid_of(const struct vm *m, unsigned cpu, idx_t mm)
{
	const struct cpu *c = &m->root->cpu[cpu];

	if (!has_pcid(m)) {
		paddr_t pgd = pfn_to_pa(m, mm_at(m, mm)->pgd);

		return (c->cr3 & m->arch->pte.addr) == pgd ? 0 : -1;
	}
	for (int i = 1; i <= NR_PCIDS; i++)
		if (c->pcid_mm[i] == mm)
			return i;
	return -1;
}

/* The PCID for an mm, taken in turn from another one if it has none. */
static unsigned choose_pcid(struct vm *m, unsigned cpu, idx_t mm)
{
	struct cpu *c = &m->root->cpu[cpu];
	int have = cpu_pcid_of(m, cpu, mm);
	unsigned n = c->next_pcid;

	if (have > 0)
		return (unsigned)have;
	c->next_pcid = n == NR_PCIDS ? 1 : n + 1;
	if (c->pcid_mm[n])
		tlb_flush_pcid(m, cpu, n);
	c->pcid_mm[n] = mm;
	return n;
}

void cpu_switch(struct vm *m, unsigned cpu, struct task *t)
{
	struct cpu *c = &m->root->cpu[cpu];
	paddr_t pgd = pfn_to_pa(m, mm_at(m, t->mm)->pgd);
	idx_t task = task_index(m, t);

	if (c->current != task) {
		m->root->count[CNT_CONTEXT_SWITCHES]++;
		c->current = task;
	}
	if ((c->cr3 & m->arch->pte.addr) == pgd)
		return;
	if (has_pcid(m)) {
		c->cr3 = pgd | choose_pcid(m, cpu, t->mm);
	} else {
		tlb_flush_cpu(m, cpu);
		c->cr3 = pgd;
	}
}

void cpu_drop_mm(struct vm *m, idx_t mm)
{
	for (unsigned cpu = 0; cpu < m->root->config.cpus; cpu++) {
		struct cpu *c = &m->root->cpu[cpu];
		int pcid = cpu_pcid_of(m, cpu, mm);

		if (pcid < 0)
			continue;
		tlb_flush_pcid(m, cpu, (unsigned)pcid);
		if (has_pcid(m))
			c->pcid_mm[pcid] = 0;
		if ((c->cr3 & m->arch->pte.addr) !=
			pfn_to_pa(m, mm_at(m, mm)->pgd))
			continue;
		c->cr3 = pfn_to_pa(m, m->root->kernel_pgd);
	}
}

void cpu_drop_task(struct vm *m, const struct task *t)
{
	for (unsigned cpu = 0; cpu < m->root->config.cpus; cpu++)
		if (m->root->cpu[cpu].current == task_index(m, t))
			m->root->cpu[cpu].current = 0;
}
