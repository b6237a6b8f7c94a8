/*
 * The physical address space as firmware and kernel leave it at boot:
 *
 *	0         4K      639K    1M      16M             3G    4G
 *	+---------+--------+------+-------+------+--------+-----+----- - -
 *	|reserved |  RAM   | ROM  |  RAM  |kernel|  RAM   | PCI | RAM
 *	+---------+--------+------+-------+------+--------+-----+----- - -
 *
 * RAM that the PCI hole hides appears again above 4 GiB.  The frame table
 * lies at the top of the highest RAM that the kernel maps directly, for each
 * node at its own.
 *
 * Source: a PC's E820 map and Linux's /proc/iomem.
 */
#include "phys_i.h"

#define KERNEL_START (16 * MiB)
#define KERNEL_SPAN  (34 * MiB)

/* The kernel image; between data and bss lies what is freed after boot. */
static const struct {
	enum phys_kind kind;
	uint64_t offset, bytes;
} kernel_section[] = {
	{PHYS_KERNEL_CODE, 0, 18 * MiB},
	{PHYS_KERNEL_RODATA, 18 * MiB, 10 * MiB},
	{PHYS_KERNEL_DATA, 28 * MiB, 2560 * KiB},
	{PHYS_KERNEL_BSS, 32 * MiB, 1152 * KiB},
};

#define NR_SECTIONS (sizeof(kernel_section) / sizeof(*kernel_section))

static uint64_t low_ram(const struct arch *a, uint64_t ram)
{
	return ram < a->low_limit ? ram : a->low_limit;
}

paddr_t phys_end(const struct arch *a, uint64_t ram)
{
	uint64_t low = low_ram(a, ram);

	return ram > low ? a->high_start + (ram - low) : low;
}

/* Keeps the table sorted by start; a range precedes those inside it. */
static void add_range(
	struct vm *m, paddr_t start, paddr_t end, enum phys_kind kind)
{
	struct root *r = m->root;
	unsigned i = r->nr_firmware++;

	for (; i > 0 && r->firmware[i - 1].start > start; i--)
		r->firmware[i] = r->firmware[i - 1];
	r->firmware[i] = (struct phys_range){start, end, kind, 0};
}

/* An image that takes at most a quarter of the RAM of node 0 above its start.
 */
static paddr_t add_kernel(struct vm *m, uint64_t low)
{
	paddr_t node_end = pfn_to_pa(m, m->root->node[0].end);
	uint64_t page = m->page_size, span;
	paddr_t end = KERNEL_START;

	span = ((low < node_end ? low : node_end) - KERNEL_START) / 4;
	if (span > KERNEL_SPAN)
		span = KERNEL_SPAN;
	for (unsigned i = 0; i < NR_SECTIONS; i++) {
		uint64_t from = kernel_section[i].offset;
		uint64_t to = from + kernel_section[i].bytes;
		paddr_t start;

		start = KERNEL_START + from * span / KERNEL_SPAN / page * page;
		end = KERNEL_START + to * span / KERNEL_SPAN / page * page;
		add_range(m, start, end, kernel_section[i].kind);
	}
	return end;
}

/*
 * The node's part of the frame table: one struct page for each frame of RAM.
 * A table that is aligned to blocks of the largest order leaves none of them
 * in pieces.
 */
static void add_memmap(struct vm *m, const struct numa_node *n, uint64_t frames,
	paddr_t kernel_end)
{
	uint64_t bytes = frames * m->arch->struct_page_bytes;
	uint64_t align = m->page_size << MAX_ORDER;

	bytes = (bytes + m->page_size - 1) & ~(m->page_size - 1);
	while (align > bytes && align > m->page_size)
		align /= 2;
	for (unsigned i = m->root->nr_firmware; i-- > 0;) {
		struct phys_range f = m->root->firmware[i];

		if (f.kind != PHYS_RAM)
			continue;
		if (f.end > m->arch->lowmem_max)
			f.end = m->arch->lowmem_max;
		if (f.end > pfn_to_pa(m, n->end))
			f.end = pfn_to_pa(m, n->end);
		if (f.start < pfn_to_pa(m, n->start))
			f.start = pfn_to_pa(m, n->start);
		if (f.start < kernel_end)
			f.start = kernel_end;
		if (f.end < f.start + bytes + align)
			continue;
		f.start = (f.end - bytes) & ~(align - 1);
		add_range(m, f.start, f.start + bytes, PHYS_MEMMAP);
		return;
	}
}

/* RAM below an address. */
static uint64_t ram_below(const struct vm *m, paddr_t pa)
{
	const struct arch *a = m->arch;

	return pa <= a->low_limit ? pa : pa - (a->high_start - a->low_limit);
}

static void add_memmaps(struct vm *m, paddr_t kernel_end)
{
	for (unsigned i = 0; i < m->root->config.nodes; i++) {
		const struct numa_node *n = &m->root->node[i];
		uint64_t bytes = ram_below(m, pfn_to_pa(m, n->end)) -
				 ram_below(m, pfn_to_pa(m, n->start));

		add_memmap(m, n, bytes >> m->page_shift, kernel_end);
	}
}

void firmware_boot(struct vm *m)
{
	const struct arch *a = m->arch;
	uint64_t ram = m->root->config.ram;
	uint64_t low = low_ram(a, ram);

	add_range(m, 0, 0x1000, PHYS_RESERVED);
	add_range(m, 0x1000, 0x9fc00, PHYS_RAM);
	add_range(m, 0x9fc00, 0x100000, PHYS_RESERVED);
	add_range(m, 0xa0000, 0xc0000, PHYS_VIDEO);
	add_range(m, 0xf0000, 0x100000, PHYS_ROM);
	add_range(m, 0x100000, low, PHYS_RAM);
	add_range(m, a->low_limit, a->high_start, PHYS_RESERVED);
	if (ram > low)
		add_range(m, a->high_start, phys_end(a, ram), PHYS_RAM);
	add_memmaps(m, add_kernel(m, low));
	m->root->max_pfn = (pfn_t)(phys_end(a, ram) >> m->page_shift);
}

/* ---- looks --------------------------------------------------------------- */

static bool in_image(uint32_t kind)
{
	return kind >= PHYS_KERNEL_CODE && kind <= PHYS_MEMMAP;
}

bool pfn_is_ram(const struct vm *m, pfn_t pfn)
{
	paddr_t pa = pfn_to_pa(m, pfn);

	for (unsigned i = 0; i < m->root->nr_firmware; i++) {
		const struct phys_range *f = &m->root->firmware[i];

		if (f->kind == PHYS_RAM && pa >= f->start &&
			pa + m->page_size <= f->end)
			return true;
	}
	return false;
}

bool phys_next_managed(const struct vm *m, pfn_t *pfn, pfn_t *end)
{
	paddr_t at = pfn_to_pa(m, *pfn), stop = 0;

	if (at < LOW_RESERVE)
		at = LOW_RESERVE;
	/* in order of start: RAM first, then what was taken out of it */
	for (unsigned i = 0; i < m->root->nr_firmware; i++) {
		const struct phys_range *f = &m->root->firmware[i];

		if (f->kind == PHYS_RAM && f->end > at && at >= stop) {
			if (f->start > at)
				at = f->start;
			stop = f->end;
		} else if (in_image(f->kind) && f->end > at &&
			   f->start < stop) {
			if (f->start > at) {
				stop = f->start;
				break;
			}
			at = f->end;
		}
	}
	*pfn = (pfn_t)(at >> m->page_shift);
	*end = (pfn_t)(stop >> m->page_shift);
	return *pfn < *end;
}
