/*
 * phys/ram, phys/frames and phys/zones: physical memory as it is.
 */
#include "../vm/phys/phys.h"
#include "renderers.h"

/* ---- ram: every byte, at its physical address ---- */

/*
 * What was never written reads as zero, and so do holes.  Frames that were
 * never used are not looked at, so that reading all of a large machine does
 * not make the host back it with memory.
 */
int64_t pread_ram(const struct view *view, uint64_t id, void *buf, size_t len,
	uint64_t off)
{
	const struct vm *m = view->vm;
	paddr_t end = pfn_to_pa(m, m->root->max_pfn);
	uint8_t *out = buf;

	if (off >= end)
		return 0;
	if (len > end - off)
		len = end - off;
	for (size_t done = 0; done < len;) {
		paddr_t pa = off + done;
		size_t part = m->page_size - (pa & (m->page_size - 1));
		pfn_t pfn = (pfn_t)(pa >> m->page_shift);

		if (part > len - done)
			part = len - done;
		if (frame_at(m, pfn)->state == FRAME_FRESH &&
			!(frame_at(m, pfn)->flags & FR_BYTES))
			memset(out + done, 0, part);
		else
			memcpy(out + done, ram_at(m, pa), part);
		done += part;
	}
	return (int64_t)len;
}

/* ---- frames: one line for each block in use ---- */

static void frame_line(
	struct sbuf *b, const struct vm *m, pfn_t pfn, unsigned order)
{
	const struct frame *f = frame_at(m, pfn);
	char flags[FRAME_FLAGS_TEXT];

	sbuf_str(b, "0x");
	sbuf_hex(b, pfn);
	sbuf_char(b, ' ');
	sbuf_dec(b, order);
	sbuf_char(b, ' ');
	sbuf_str(b, frame_state_name(f->state));
	sbuf_char(b, ' ');
	sbuf_dec(b, frame_owner_number(m, f));
	sbuf_str(b, " 0x");
	sbuf_hex(b, f->index);
	sbuf_char(b, ' ');
	sbuf_dec(b, f->mapcount);
	sbuf_char(b, ' ');
	frame_flags_text(f->flags, flags);
	sbuf_str(b, flags);
	sbuf_char(b, '\n');
}

/*
 * owner and index say where a page belongs, see struct frame: the mm and
 * virtual page of an anonymous page with the flag exclusive, the family of VMAs
 * and the pgoff in them of another, the number of the inode and the page of a
 * cached one, the mm and the level of a page table.
 */
void show_frames(struct sbuf *b, const struct view *view, uint64_t id)
{
	const struct vm *m = view->vm;
	unsigned order;

	sbuf_str(b, "pfn order state owner index mapcount flags\n");
	for (pfn_t pfn = 0; phys_next_used(m, &pfn, &order);
		pfn += (pfn_t)1 << order)
		frame_line(b, m, pfn, order);
}

/* ---- zones ---- */

static const char *kind_name(uint32_t kind)
{
	static const char *const name[] = {
		[PHYS_RAM] = "ram",
		[PHYS_RESERVED] = "reserved",
		[PHYS_KERNEL_CODE] = "kernel_code",
		[PHYS_KERNEL_RODATA] = "kernel_rodata",
		[PHYS_KERNEL_DATA] = "kernel_data",
		[PHYS_KERNEL_BSS] = "kernel_bss",
		[PHYS_MEMMAP] = "memmap",
		[PHYS_VIDEO] = "video",
		[PHYS_ROM] = "rom",
	};

	if (kind < sizeof(name) / sizeof(name[0]) && name[kind])
		return name[kind];
	return "?";
}

static void zone_text(struct sbuf *b, const struct vm *m, unsigned i)
{
	const struct zone *z = &m->root->zone[i];

	sbuf_printf(b,
		"zone %s\n  node %u\n  pfns 0x%x-0x%x\n  spanned %u\n  present "
		"%llu\n"
		"  managed %llu\n  free %llu\n  min %llu low %llu high %llu\n",
		zone_name(m, i), z->node, z->start, z->end, z->end - z->start,
		(unsigned long long)z->present, (unsigned long long)z->managed,
		(unsigned long long)z->nr_free, (unsigned long long)z->min,
		(unsigned long long)z->low, (unsigned long long)z->high);
	sbuf_str(b, "  lowmem_reserve");
	for (unsigned j = 0; j < m->arch->nr_zones; j++)
		sbuf_printf(b, " %llu",
			(unsigned long long)zone_lowmem_reserve(m, i, j));
	sbuf_str(b, "\n  blocks");
	for (unsigned o = 0; o < NR_ORDERS; o++)
		sbuf_printf(
			b, " %llu", (unsigned long long)zone_free_blocks(z, o));
	sbuf_char(b, '\n');
	for (unsigned f = 0; f < z->nr_fresh; f++)
		sbuf_printf(b, "  fresh 0x%x-0x%x\n", z->fresh[f].start,
			z->fresh[f].end);
}

/*
 * What firmware and boot made of the address space, then the zones.  A fresh
 * range has never been allocated: its blocks are free, without any list.
 */
void show_zones(struct sbuf *b, const struct view *view, uint64_t id)
{
	const struct root *r = view->vm->root;

	for (unsigned i = 0; i < r->nr_firmware; i++)
		sbuf_printf(b, "range 0x%llx-0x%llx %s\n",
			(unsigned long long)r->firmware[i].start,
			(unsigned long long)r->firmware[i].end,
			kind_name(r->firmware[i].kind));
	sbuf_printf(b, "max_pfn 0x%x\nzero_pfn 0x%x\nkernel_pgd 0x%x\n",
		r->max_pfn, r->zero_pfn, r->kernel_pgd);
	for (unsigned i = 0; i < r->nr_zones; i++)
		zone_text(b, view->vm, i);
}
