#include "arch.h"

#include <string.h>

/* 32-bit processes of a 64-bit kernel, whose user space ends there.  From a
 * third on there are mappings that grow upwards, 16 MiB above PIEs. */
#define THIRD(top) (((top) / 3 + 4095) & ~4095ull)
#define IA32_LAYOUT(top)                                                       \
	{                                                                      \
		.name = "32-bit", .addr_bits = 32, .task_size = (top),         \
		.stack_top = (top), .legacy_base = THIRD(top),                 \
		.et_dyn_base = THIRD(top) + 16 * MiB,                          \
		.static_pie_brk = THIRD(top) + 16 * MiB, .gap_min = 128 * MiB, \
		.mmap_rnd_bits = 8, .stack_rnd_bits = 11, .brk_rnd = 32 * MiB, \
		.thp_align = false, .maps_column = 73, .vsyscall = false,      \
		.platform = "i686",                                            \
	}

/*
 * The rows.  x86_64: Intel SDM vol. 3A 4.5, Linux Documentation/arch/x86/
 * x86_64/mm.rst.  i386: SDM 4.3, Linux arch/x86/include/asm/page_32_types.h
 * with the 3G/1G split.
 */
const struct arch arch_table[] = {
	{
		.name = "x86_64",
		.machine = "x86_64",
		.page_shift = 12,
		.nr_levels = 4,
		.entry_bytes = 8,
		.va_bits = 48,
		.pa_bits = 46,
		.thp = true,
		.canonical = true,
		.level =
			{
				{"pgd", 39, 9, false},
				{"pud", 30, 9, true},
				{"pmd", 21, 9, true},
				{"pte", 12, 9, true},
			},
		.pte =
			{
				.present = 1ull << 0,
				.write = 1ull << 1,
				.user = 1ull << 2,
				.accessed = 1ull << 5,
				.dirty = 1ull << 6,
				.huge = 1ull << 7,
				.global = 1ull << 8,
				.noexec = 1ull << 63,
				.prot_none = 1ull << 8,
				.special = 1ull << 9,
				.soft_dirty = 1ull << 11,
				.swap_soft_dirty = 1ull << 1,
				.addr = 0x000ffffffffff000,
				.table = 0x67,
			},
		.native =
			{
				.name = "64-bit",
				.addr_bits = 64,
				.task_size = 0x7ffffffff000,
				.stack_top = 0x7ffffffff000,
				.legacy_base = 0x2aaaaaaab000,
				.et_dyn_base = 0x555555554aaa,
				.static_pie_brk = 0x555555555000,
				.gap_min = 128 * MiB,
				.mmap_rnd_bits = 28,
				.stack_rnd_bits = 22,
				.brk_rnd = 1 * GiB,
				.thp_align = true,
				.maps_column = 73,
				.vsyscall = true,
				.platform = "x86_64",
			},
		.compat = IA32_LAYOUT(0xffffe000),
		.compat_3gb = IA32_LAYOUT(0xc0000000),
		.max_nodes = 8,
		.nr_zones = 3,
		.zone =
			{
				{"DMA", 0, 16 * MiB},
				{"DMA32", 16 * MiB, 4 * GiB},
				{"Normal", 4 * GiB, 64 * TiB},
			},
		.low_limit = 3 * GiB,
		.high_start = 4 * GiB,
		.ram_max = 8 * TiB,
		.page_offset = 0xffff888000000000,
		.lowmem_max = 64 * TiB,
		.kernel_text = 0xffffffff80000000,
		.struct_page_bytes = 64,
		.stack_order = 2,
		.tlb = {{64, 1536, 32, 4}, {4, 12, 4, 4}},
		.has_pcid = true,
	},
	{
		.name = "i386",
		.machine = "i686",
		.page_shift = 12,
		.nr_levels = 2,
		.entry_bytes = 4,
		.va_bits = 32,
		.pa_bits = 32,
		.canonical = false,
		.level =
			{
				{"pgd", 22, 10, true},
				{"pte", 12, 10, true},
			},
		.pte =
			{
				.present = 1ull << 0,
				.write = 1ull << 1,
				.user = 1ull << 2,
				.accessed = 1ull << 5,
				.dirty = 1ull << 6,
				.huge = 1ull << 7,
				.global = 1ull << 8,
				.noexec = 0,
				.prot_none = 1ull << 8,
				.special = 1ull << 9,
				.addr = 0xfffff000,
				.table = 0x67,
			},
		.native =
			{
				.name = "32-bit",
				.addr_bits = 32,
				.task_size = 0xc0000000,
				.stack_top = 0xc0000000,
				.legacy_base = 0x40000000,
				.et_dyn_base = 0x00400000,
				.static_pie_brk = 0x00400000,
				.gap_min = 128 * MiB,
				.mmap_rnd_bits = 8,
				.stack_rnd_bits = 11,
				.brk_rnd = 32 * MiB,
				.thp_align = false,
				.maps_column = 49,
				.vsyscall = false,
				.platform = "i686",
			},
		.max_nodes = 1,
		.nr_zones = 3,
		.zone =
			{
				{"DMA", 0, 16 * MiB},
				{"Normal", 16 * MiB, 896 * MiB},
				{"HighMem", 896 * MiB, 4 * GiB},
			},
		.low_limit = 3 * GiB,
		.high_start = 4 * GiB,
		.ram_max = 3 * GiB,
		.page_offset = 0xc0000000,
		.lowmem_max = 896 * MiB,
		.kernel_text = 0xc0000000,
		.struct_page_bytes = 32,
		.stack_order = 1,
		.tlb = {{64, 512, 8, 0}, {4, 4, 4, 0}},
		.has_pcid = false,
	},
};

const unsigned nr_archs = sizeof(arch_table) / sizeof(arch_table[0]);

const struct arch *arch_find(const char *name)
{
	for (unsigned i = 0; i < nr_archs; i++)
		if (!strcmp(arch_table[i].name, name))
			return &arch_table[i];
	return NULL;
}
