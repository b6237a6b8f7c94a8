/*
 * An architecture is a row of data.  Nothing in the machine asks "is this
 * x86?"; it asks the descriptor for the number of levels, the index bits, the
 * entry's masks, the layout of the address space, the zones.
 *
 * Sources: Intel SDM vol. 3A chapter 4 (paging), Linux
 * arch/x86/include/asm/{page_types,processor,elf}.h, mm/page_alloc.c.
 */
#ifndef PAGEFS_VM_ARCH_H
#define PAGEFS_VM_ARCH_H

#include "../types.h"

#define MAX_LEVELS 5
#define MAX_ZONES  4

/* One level of the page table, top first. */
struct pt_level {
	const char *name; /* Linux's: pgd p4d pud pmd pte */
	uint8_t shift;	  /* lowest address bit of this level's index */
	uint8_t bits;	  /* index bits; 1 << bits entries a table */
	bool may_be_leaf; /* an entry here can map a (huge) page */
};

/*
 * Masks of a page-table entry.  `absent` bits of an entry with P=0 are ours:
 * prot_none marks a present-to-the-kernel page without rights.
 */
struct pte_bits {
	uint64_t present, write, user, accessed, dirty, huge, global;
	uint64_t noexec;     /* 0 where the format has no NX bit */
	uint64_t prot_none;  /* set with present=0: page kept, no access */
	uint64_t special;    /* software: no struct page behind (zero page) */
	uint64_t soft_dirty; /* software: stored to since clear_refs 4 */
	uint64_t addr;	     /* the frame address bits */
	uint64_t table;	     /* flag bits of an entry that points to a table */
	uint64_t swap_soft_dirty; /* soft_dirty of an entry that names a slot */
};

/* Where things go in the address space of a process. */
struct layout {
	const char *name;
	uint8_t addr_bits; /* 64 or 32: width of pointers in the process */
	vaddr_t task_size; /* first address beyond user space */
	vaddr_t stack_top;
	vaddr_t legacy_base; /* bottom-up search starts here */
	vaddr_t et_dyn_base; /* before rounding to the largest p_align */
	vaddr_t static_pie_brk;
	uint64_t gap_min; /* mmap_base distance below the stack */
	/* what randomisation adds at most: bits of pages, bytes */
	uint8_t mmap_rnd_bits, stack_rnd_bits;
	uint64_t brk_rnd;
	bool thp_align;	      /* 2 MiB alignment of exact multiples */
	uint16_t maps_column; /* column of the name in maps */
	bool vsyscall;
	const char *platform; /* AT_PLATFORM */
};

struct zone_def {
	const char *name;
	paddr_t start, end; /* end is exclusive */
};

/* The arrays of a TLB: level 1 for pages, level 2 for all sizes, level 1 for
 * huge pages and for gigantic ones, which without it are huge ones there. */
enum tlb_array { TLB_L1, TLB_L2, TLB_HUGE, TLB_GIGANTIC, NR_TLBS };

struct tlb_geometry {
	uint32_t entries[NR_TLBS]; /* 0: absent, if not level 1 */
	uint32_t ways[NR_TLBS];
};

struct arch {
	const char *name;    /* the value of arch= */
	const char *machine; /* uname -m */
	uint8_t page_shift;
	uint8_t nr_levels;
	uint8_t entry_bytes; /* of a page-table entry: 4 or 8 */
	uint8_t va_bits;     /* translated bits of an address */
	uint8_t pa_bits;
	bool thp; /* transparent huge pages, of the level above the leaves */
	bool canonical; /* upper bits must copy bit va_bits - 1 */
	struct pt_level level[MAX_LEVELS];
	struct pte_bits pte;
	struct layout native;
	struct layout compat;	  /* of 32-bit tasks; name NULL: none */
	struct layout compat_3gb; /* of those with ADDR_LIMIT_3GB */
	uint8_t max_nodes;	  /* NUMA */
	uint8_t nr_zones;
	struct zone_def zone[MAX_ZONES];
	paddr_t low_limit; /* RAM above is remapped above `high_start` */
	paddr_t high_start;
	paddr_t ram_max;
	/* kernel half */
	vaddr_t page_offset;	    /* virtual = physical + page_offset */
	uint64_t lowmem_max;	    /* bytes the direct map can hold */
	vaddr_t kernel_text;	    /* where the image is mapped */
	uint32_t struct_page_bytes; /* size of Linux's struct page */
	uint8_t stack_order;	    /* of a kernel stack: THREAD_SIZE_ORDER */
	struct tlb_geometry tlb;
	bool has_pcid;
};

/* All known architectures; NULL-terminated names come from here. */
extern const struct arch arch_table[];
extern const unsigned nr_archs;

/* The descriptor with that name, or NULL. */
const struct arch *arch_find(const char *name);

/* Number of entries in one table of level l, and its index for va. */
static inline unsigned arch_entries(const struct arch *a, unsigned l)
{
	return 1u << a->level[l].bits;
}

static inline unsigned arch_index(const struct arch *a, unsigned l, vaddr_t va)
{
	return (va >> a->level[l].shift) & (arch_entries(a, l) - 1);
}

/* Frames of a page block, as a buddy order: a huge page, unless that is larger
 * than the largest block. */
static inline unsigned arch_pageblock_order(const struct arch *a)
{
	unsigned order = a->level[a->nr_levels - 2].shift - a->page_shift;

	return order < 10 ? order : 10;
}

static inline bool arch_canonical(const struct arch *a, vaddr_t va)
{
	unsigned top = 64 - a->va_bits;

	if (!a->canonical)
		return a->va_bits == 64 || va >> a->va_bits == 0;
	return (vaddr_t)((int64_t)(va << top) >> top) == va;
}

#endif
