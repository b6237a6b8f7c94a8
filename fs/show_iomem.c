/*
 * proc/iomem: the firmware's map of physical addresses as a tree; a range
 * inside another is indented by two.  Source: Linux kernel/resource.c.
 */
#include "access.h"
#include "../vm/phys/phys.h"
#include "renderers.h"

#define MAX_DEPTH 5

static const char *range_name(uint32_t kind)
{
	switch (kind) {
	case PHYS_RAM:
		return "System RAM";
	case PHYS_KERNEL_CODE:
		return "Kernel code";
	case PHYS_KERNEL_RODATA:
		return "Kernel rodata";
	case PHYS_KERNEL_DATA:
		return "Kernel data";
	case PHYS_KERNEL_BSS:
		return "Kernel bss";
	case PHYS_VIDEO:
		return "PCI Bus 0000:00";
	case PHYS_ROM:
		return "System ROM";
	case PHYS_MEMMAP:
		return NULL; /* ordinary memory to Linux: see phys/zones */
	default:
		return "Reserved";
	}
}

/* Before its parts comes the whole: ascending start, descending end. */
static bool comes_before(const struct phys_range *a, const struct phys_range *b)
{
	return a->start < b->start || (a->start == b->start && a->end > b->end);
}

static unsigned sort_ranges(
	const struct root *r, const struct phys_range **sorted)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->nr_firmware; i++) {
		const struct phys_range *x = &r->firmware[i];
		unsigned k = n;

		if (!range_name(x->kind) || x->start >= x->end)
			continue;
		for (; k && comes_before(x, sorted[k - 1]); k--)
			sorted[k] = sorted[k - 1];
		sorted[k] = x;
		n++;
	}
	return n;
}

void show_iomem(struct sbuf *b, const struct view *view, uint64_t id)
{
	const struct root *r = view->vm->root;
	const struct phys_range *range[32];
	paddr_t open[MAX_DEPTH]; /* ends of the ranges around the next one */
	unsigned nr = sort_ranges(r, range), depth = 0;
	struct cred c = caller_cred(view);
	bool shown = c.cap_effective & CAP_BIT(CAP_SYS_ADMIN);

	for (unsigned i = 0; i < nr; i++) {
		while (depth && range[i]->start >= open[depth - 1])
			depth--;
		sbuf_fill(b, ' ', 2 * depth);
		sbuf_printf(b, "%08llx-%08llx : %s\n",
			shown ? (unsigned long long)range[i]->start : 0,
			shown ? (unsigned long long)range[i]->end - 1 : 0,
			range_name(range[i]->kind));
		if (depth < MAX_DEPTH)
			open[depth++] = range[i]->end;
	}
}
