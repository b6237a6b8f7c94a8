/*
 * What a request asks for, in Linux's numbers and words:
 * 0x140dca(GFP_HIGHUSER_MOVABLE|__GFP_ZERO|__GFP_COMP).
 *
 * Source: Linux include/linux/gfp_types.h, include/trace/events/mmflags.h,
 * lib/vsprintf.c (format_flags).
 */
#include "../format.h"
#include "oom.h"

#define RECLAIM	 0xc00u /* __GFP_DIRECT_RECLAIM, __GFP_KSWAPD_RECLAIM */
#define KERNEL	 (RECLAIM | 0xc0u) /* and __GFP_IO, __GFP_FS */
#define HIGHUSER (KERNEL | 0x100002u)

static const uint32_t zone_mask[] = {
	[GFP_DMA] = KERNEL | 0x1,
	[GFP_DMA32] = KERNEL | 0x4,
	[GFP_KERNEL] = KERNEL,
	[GFP_HIGHUSER] = HIGHUSER,
};

/* Ours, and Linux's.  Who may not wait has no part in this. */
static const struct {
	uint32_t ours, theirs;
} flag[] = {
	{GFP_MOVABLE, 0x8},
	{GFP_RECLAIMABLE, 0x10},
	{GFP_HIGH, 0x20},
	{GFP_ZERO, 0x100},
	{GFP_WRITE, 0x1000},
	{GFP_NOFAIL, 0x8000},
	{GFP_MEMALLOC, 0x20000},
	{GFP_COMP, 0x40000},
	{GFP_NOMEMALLOC, 0x80000},
	{GFP_ACCOUNT, 0x400000},
};

/* Those of several bits first: each bit is named once. */
static const struct {
	uint32_t mask;
	const char *name;
} word[] = {
	{HIGHUSER | 0x8, "GFP_HIGHUSER_MOVABLE"},
	{HIGHUSER, "GFP_HIGHUSER"},
	{KERNEL | 0x400000, "GFP_KERNEL_ACCOUNT"},
	{KERNEL, "GFP_KERNEL"},
	{0x1, "GFP_DMA"},
	{0x4, "GFP_DMA32"},
	{0x8, "__GFP_MOVABLE"},
	{0x10, "__GFP_RECLAIMABLE"},
	{0x20, "__GFP_HIGH"},
	{0x40, "__GFP_IO"},
	{0x80, "__GFP_FS"},
	{0x100, "__GFP_ZERO"},
	{0x400, "__GFP_DIRECT_RECLAIM"},
	{0x1000, "__GFP_WRITE"},
	{0x8000, "__GFP_NOFAIL"},
	{0x20000, "__GFP_MEMALLOC"},
	{0x40000, "__GFP_COMP"},
	{0x80000, "__GFP_NOMEMALLOC"},
	{0x100000, "__GFP_HARDWALL"},
	{0x400000, "__GFP_ACCOUNT"},
};

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static uint32_t linux_mask(unsigned gfp)
{
	uint32_t mask = zone_mask[gfp & GFP_ZONE_MASK];

	for (size_t i = 0; i < COUNT(flag); i++)
		if (gfp & flag[i].ours)
			mask |= flag[i].theirs;
	return gfp & GFP_NOKSWAPD ? mask & ~0x800u : mask;
}

void gfp_text(unsigned gfp, char buf[GFP_TEXT])
{
	uint32_t mask = linux_mask(gfp);
	size_t n = vm_snprintf(buf, GFP_TEXT, "0x%x(", mask), first = n;

	for (size_t i = 0; i < COUNT(word); i++) {
		if ((mask & word[i].mask) != word[i].mask)
			continue;
		n += vm_snprintf(buf + n, GFP_TEXT - n, "%s%s",
			n > first ? "|" : "", word[i].name);
		mask &= ~word[i].mask;
	}
	vm_snprintf(buf + n, GFP_TEXT - n, ")");
}
