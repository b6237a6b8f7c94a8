/*
 * proc/meminfo.  Every line is a sum over the machine's state, so that
 *
 *	MemTotal = MemFree + AnonPages + Cached + PageTables
 *		 + the part of SwapCached that nothing maps
 *		 + the kernel's other pages (state `kernel` in phys/frames)
 *
 * and MemFree is what buddyinfo's blocks add up to.  Kinds of memory that the
 * machine does not have print as zero, in Linux's places.
 * Source of lines and widths: Linux fs/proc/meminfo.c.
 */
#include "../vm/mm/hugetlb.h"
#include "../vm/mmu/mmu.h"
#include "mem_sums.h"
#include "renderers.h"
#include "text.h"

struct direct_map {
	uint64_t bytes[MAX_LEVELS]; /* by level of the leaf entry */
};

/* Adds the leaves below one table of the kernel's direct map. */
static void direct_map_add(const struct vm *m, struct direct_map *d,
	paddr_t table, unsigned level, vaddr_t base)
{
	const struct arch *a = m->arch;
	bool last = level == a->nr_levels - 1u;
	vaddr_t end = a->page_offset + a->lowmem_max;

	for (unsigned i = 0; i < arch_entries(a, level); i++) {
		vaddr_t va = base + ((vaddr_t)i << a->level[level].shift);
		uint64_t e = pte_read(m, table + i * a->entry_bytes);

		if (!(e & a->pte.present) || va < a->page_offset || va >= end)
			continue;
		if (last || e & a->pte.huge)
			d->bytes[level] += 1ull << a->level[level].shift;
		else
			direct_map_add(m, d, e & a->pte.addr, level + 1, va);
	}
}

/* Where the top table's index 0 lies, seen from a kernel address: the upper
 * half of a canonical space has all upper bits set. */
static vaddr_t kernel_base(const struct arch *a)
{
	return a->canonical ? ~0ull << a->va_bits : 0;
}

static void direct_map_lines(struct sbuf *b, const struct vm *m)
{
	const struct arch *a = m->arch;
	struct direct_map d = {{0}};
	static const char *const unit[] = {"4k", "2M", "4M", "1G"};

	if (!m->root->kernel_pgd)
		return;
	direct_map_add(
		m, &d, pfn_to_pa(m, m->root->kernel_pgd), 0, kernel_base(a));
	for (unsigned l = a->nr_levels; l-- > 0;) {
		unsigned shift = a->level[l].shift;
		unsigned u = shift == 30 ? 3 : shift == 22 ? 2 : shift == 21;
		char label[24];

		if (!a->level[l].may_be_leaf)
			continue;
		vm_snprintf(label, sizeof(label), "DirectMap%s:", unit[u]);
		text_kb(b, label, d.bytes[l] >> 10);
	}
}

/* What can be had of `pages`: a part of them is needed anyway. */
static uint64_t most_of(uint64_t pages, const struct mem_sums *s)
{
	uint64_t half = pages / 2;

	return pages - (half < s->low_watermark ? half : s->low_watermark);
}

/* Linux: si_mem_available(). */
static uint64_t available(const struct mem_sums *s)
{
	int64_t pages = (int64_t)s->free - (int64_t)s->reserve;

	pages += (int64_t)most_of(s->active_file + s->inactive_file, s);
	pages += (int64_t)most_of(s->slab_reclaimable, s);
	return pages > 0 ? (uint64_t)pages : 0;
}

/* kB of the kernel's vmalloc area. */
static uint64_t vmalloc_total_kb(const struct vm *m)
{
	const struct arch *a = m->arch;

	/* 32 TiB less a byte; or what 4 GiB leave above the direct map and
	 * the 8 MiB gap that follows it */
	if (a->va_bits > 32)
		return (32 * TiB - 1) >> 10;
	return ((1ull << a->va_bits) - a->page_offset - a->lowmem_max -
		       8 * MiB) >>
	       10;
}

static void highmem_lines(struct sbuf *b, const struct vm *m)
{
	const struct root *r = m->root;
	unsigned s = m->page_shift - 10;
	uint64_t total = 0, free = 0, low_free = 0;

	if (m->arch->lowmem_max >= m->arch->ram_max)
		return;
	for (unsigned i = 0; i < r->nr_zones; i++) {
		const struct zone *z = &r->zone[i];

		if (pfn_to_pa(m, z->start) < m->arch->lowmem_max) {
			low_free += z->nr_free;
			continue;
		}
		total += z->managed;
		free += z->nr_free;
	}
	text_kb(b, "HighTotal:", total << s);
	text_kb(b, "HighFree:", free << s);
	text_kb(b, "LowTotal:", (r->totalram_pages - total) << s);
	text_kb(b, "LowFree:", low_free << s);
}

static void zero_lines(struct sbuf *b, const char *const *labels)
{
	for (; *labels; labels++)
		text_kb(b, *labels, 0);
}

static void usage_lines(
	struct sbuf *b, const struct vm *m, const struct mem_sums *t)
{
	unsigned s = m->page_shift - 10;

	text_kb(b, "MemTotal:", m->root->totalram_pages << s);
	text_kb(b, "MemFree:", t->free << s);
	text_kb(b, "MemAvailable:", available(t) << s);
	text_kb(b, "Buffers:", 0);
	text_kb(b, "Cached:", (t->file + t->shmem) << s);
	text_kb(b, "SwapCached:", t->swap_cached << s);
	text_kb(b, "Active:", (t->active_anon + t->active_file) << s);
	text_kb(b, "Inactive:", (t->inactive_anon + t->inactive_file) << s);
	text_kb(b, "Active(anon):", t->active_anon << s);
	text_kb(b, "Inactive(anon):", t->inactive_anon << s);
	text_kb(b, "Active(file):", t->active_file << s);
	text_kb(b, "Inactive(file):", t->inactive_file << s);
	text_kb(b, "Unevictable:", t->unevictable << s);
	text_kb(b, "Mlocked:", t->mlocked << s);
	highmem_lines(b, m);
}

static void slab_lines(
	struct sbuf *b, const struct vm *m, const struct mem_sums *t)
{
	unsigned s = m->page_shift - 10;

	text_kb(b, "KReclaimable:", t->slab_reclaimable << s);
	text_kb(b, "Slab:", (t->slab_reclaimable + t->slab_unreclaimable) << s);
	text_kb(b, "SReclaimable:", t->slab_reclaimable << s);
	text_kb(b, "SUnreclaim:", t->slab_unreclaimable << s);
}

/* Of the default size. */
static void hugetlb_lines(struct sbuf *b, const struct vm *m)
{
	const struct hugetlb_node h = hugetlb_sum(m, 1);

	sbuf_printf(b, "HugePages_Total:   %5llu\nHugePages_Free:    %5llu\n",
		(unsigned long long)h.nr, (unsigned long long)h.free);
	sbuf_printf(b, "HugePages_Rsvd:    %5llu\nHugePages_Surp:    %5llu\n",
		(unsigned long long)m->root->hugetlb[0].resv,
		(unsigned long long)h.surplus);
}

void show_meminfo(struct sbuf *b, const struct view *view, uint64_t id)
{
	static const char *const after_tables[] = {"SecPageTables:",
		"NFS_Unstable:", "Bounce:", "WritebackTmp:", NULL};
	static const char *const after_vmalloc[] = {
		"VmallocUsed:", "VmallocChunk:", "Percpu:", NULL};
	static const char *const after_huge[] = {
		"FileHugePages:", "FilePmdMapped:", "Balloon:", NULL};
	const struct vm *m = view->vm;
	unsigned s = m->page_shift - 10;
	struct mem_sums t;

	mem_sums(m, ALL_NODES, &t);
	usage_lines(b, m, &t);
	text_kb(b, "SwapTotal:", t.swap << s);
	text_kb(b, "SwapFree:", t.swap_free << s);
	text_kb(b, "Zswap:", 0);
	text_kb(b, "Zswapped:", 0);
	text_kb(b, "Dirty:", t.dirty << s);
	text_kb(b, "Writeback:", 0);
	text_kb(b, "AnonPages:", t.anon << s);
	text_kb(b, "Mapped:", t.mapped << s);
	text_kb(b, "Shmem:", t.shmem << s);
	slab_lines(b, m, &t);
	text_kb(b, "KernelStack:", t.stack << s);
	text_kb(b, "PageTables:", t.pgtable << s);
	zero_lines(b, after_tables);
	text_kb(b, "CommitLimit:", t.commit_limit << s);
	text_kb(b, "Committed_AS:", m->root->committed << s);
	text_kb(b, "VmallocTotal:", vmalloc_total_kb(m));
	zero_lines(b, after_vmalloc);
	text_kb(b, "AnonHugePages:", t.anon_huge << s);
	text_kb(b, "ShmemHugePages:", t.shmem_huge << s);
	text_kb(b, "ShmemPmdMapped:", t.shmem_pmd << s);
	zero_lines(b, after_huge);
	hugetlb_lines(b, m);
	text_kb(b, "Hugepagesize:", huge_size(m) >> 10);
	text_kb(b, "Hugetlb:", hugetlb_frames(m) << s);
	direct_map_lines(b, m);
}
