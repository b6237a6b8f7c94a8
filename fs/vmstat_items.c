#include "vmstat_items.h"

#include <ctype.h>

#include "../vm/disk/disk.h"
#include "../vm/mmu/mmu.h"

const char *const vmstat_zone_names[NR_ZONE_ITEMS] = {
	"nr_free_pages",
	"nr_free_pages_blocks",
	"nr_zone_inactive_anon",
	"nr_zone_active_anon",
	"nr_zone_inactive_file",
	"nr_zone_active_file",
	"nr_zone_unevictable",
	"nr_zone_write_pending",
	"nr_mlock",
	"nr_zspages",
	"nr_free_cma",
	"numa_hit",
	"numa_miss",
	"numa_foreign",
	"numa_interleave",
	"numa_local",
	"numa_other",
};

const char *const vmstat_node_names[NR_NODE_ITEMS] = {
	"nr_inactive_anon",
	"nr_active_anon",
	"nr_inactive_file",
	"nr_active_file",
	"nr_unevictable",
	"nr_slab_reclaimable",
	"nr_slab_unreclaimable",
	"nr_isolated_anon",
	"nr_isolated_file",
	"workingset_nodes",
	"workingset_refault_anon",
	"workingset_refault_file",
	"workingset_activate_anon",
	"workingset_activate_file",
	"workingset_restore_anon",
	"workingset_restore_file",
	"workingset_nodereclaim",
	"nr_anon_pages",
	"nr_mapped",
	"nr_file_pages",
	"nr_dirty",
	"nr_writeback",
	"nr_shmem",
	"nr_shmem_hugepages",
	"nr_shmem_pmdmapped",
	"nr_file_hugepages",
	"nr_file_pmdmapped",
	"nr_anon_transparent_hugepages",
	"nr_vmscan_write",
	"nr_vmscan_immediate_reclaim",
	"nr_dirtied",
	"nr_written",
	"nr_throttled_written",
	"nr_kernel_misc_reclaimable",
	"nr_foll_pin_acquired",
	"nr_foll_pin_released",
	"nr_kernel_stack",
	"nr_page_table_pages",
	"nr_sec_page_table_pages",
	"nr_iommu_pages",
	"nr_swapcached",
	"pgpromote_success",
	"pgpromote_candidate",
	"pgpromote_candidate_nrl",
	"pgdemote_kswapd",
	"pgdemote_direct",
	"pgdemote_khugepaged",
	"pgdemote_proactive",
	"nr_hugetlb",
	"nr_balloon_pages",
	"nr_kernel_file_pages",
};

/* Positions of what the machine counts; the others stay zero. */
enum {
	ZONE_FREE = 0,
	ZONE_FREE_BLOCKS = 1,
	ZONE_LRU = 2, /* five lists, in the order of enum lru_id */
	ZONE_WRITE_PENDING = 7,
	ZONE_MLOCK = 8,
	ZONE_ZSPAGES = 9,
	ZONE_NUMA = 11, /* six events */
	NODE_INACTIVE_ANON = 0,
	NODE_ACTIVE_ANON = 1,
	NODE_INACTIVE_FILE = 2,
	NODE_ACTIVE_FILE = 3,
	NODE_UNEVICTABLE = 4,
	NODE_SLAB = 5,	   /* reclaimable, unreclaimable */
	NODE_REFAULT = 10, /* six counters, in the order of theirs */
	NODE_ANON = 17,
	NODE_MAPPED = 18,
	NODE_FILE = 19,
	NODE_DIRTY = 20,
	NODE_SHMEM = 22,
	NODE_VMSCAN_WRITE = 28,
	NODE_DIRTIED = 30,
	NODE_WRITTEN = 31,
	NODE_SHMEM_HUGE = 23, /* huge pages, not frames */
	NODE_SHMEM_PMD = 24,
	NODE_ANON_HUGE = 27,
	NODE_STACK = 36, /* in kB */
	NODE_PGTABLE = 37,
	NODE_SWAPCACHED = 40,
};

/* Each block that a zone handed out was wanted from its node or not, and asked
 * for by a processor of it or not. */
static void numa_items(uint64_t item[6], const struct zone *z)
{
	item[0] = z->numa_allocs - z->numa_miss;
	item[1] = z->numa_miss;
	item[2] = z->numa_foreign;
	item[3] = z->numa_interleave;
	item[4] = z->numa_allocs - z->numa_other;
	item[5] = z->numa_other;
}

void vmstat_numa(const struct vm *m, unsigned node, uint64_t n[6])
{
	const struct zone *z = &m->root->zone[node * m->arch->nr_zones];

	memset(n, 0, 6 * sizeof(*n));
	for (unsigned i = 0; i < m->arch->nr_zones; i++) {
		uint64_t item[6];

		numa_items(item, z + i);
		for (unsigned k = 0; k < 6; k++)
			n[k] += item[k];
	}
}

static void collect_refaults(const struct vm *m, unsigned node, uint64_t n[6])
{
	for (unsigned k = 0; k < m->root->config.nodes; k++)
		for (unsigned i = 0; i < 6; i++)
			if (node == k || node == ALL_NODES)
				n[i] += m->root->node[k].refault[i];
}

void vmstat_collect(const struct vm *m, unsigned node, struct vmstat *s)
{
	struct mem_sums *t = &s->sums;

	memset(s, 0, sizeof(*s));
	s->first = node == ALL_NODES ? 0 : node * m->arch->nr_zones;
	s->nr = node == ALL_NODES ? m->root->nr_zones : m->arch->nr_zones;
	mem_sums(m, node, t);
	for (unsigned i = 0; i < m->root->nr_zones; i++) {
		const struct zone *z = &m->root->zone[i];

		s->zone[i][ZONE_FREE] = z->nr_free;
		s->zone[i][ZONE_FREE_BLOCKS] = zone_block_pages(m, z);
		for (unsigned id = 0; id < NR_LRU; id++)
			s->zone[i][ZONE_LRU + id] = z->nr_lru[id];
		s->zone[i][ZONE_WRITE_PENDING] = z->dirty;
		s->zone[i][ZONE_MLOCK] = z->nr_lru[LRU_UNEVICTABLE];
		s->zone[i][ZONE_ZSPAGES] = z->pages[USE_ZPOOL];
		numa_items(&s->zone[i][ZONE_NUMA], z);
	}
	s->node[NODE_INACTIVE_ANON] = t->inactive_anon;
	s->node[NODE_ACTIVE_ANON] = t->active_anon;
	s->node[NODE_INACTIVE_FILE] = t->inactive_file;
	s->node[NODE_ACTIVE_FILE] = t->active_file;
	s->node[NODE_UNEVICTABLE] = t->unevictable;
	s->node[NODE_SLAB] = t->slab_reclaimable;
	s->node[NODE_SLAB + 1] = t->slab_unreclaimable;
	collect_refaults(m, node, &s->node[NODE_REFAULT]);
	s->node[NODE_ANON] = t->anon;
	s->node[NODE_SWAPCACHED] = t->swap_cached;
	s->node[NODE_MAPPED] = t->mapped;
	s->node[NODE_FILE] = t->file + t->shmem + t->swap_cached;
	s->node[NODE_DIRTY] = t->dirty;
	s->node[NODE_SHMEM] = t->shmem;
	s->node[NODE_VMSCAN_WRITE] = zones_sum(
		m, s->first, s->nr, offsetof(struct zone, swap_written));
	s->node[NODE_DIRTIED] =
		zones_sum(m, s->first, s->nr, offsetof(struct zone, dirtied));
	s->node[NODE_WRITTEN] =
		zones_sum(m, s->first, s->nr, offsetof(struct zone, written));
	s->node[NODE_SHMEM_HUGE] = t->shmem_huge >> huge_order(m);
	s->node[NODE_SHMEM_PMD] = t->shmem_pmd >> huge_order(m);
	s->node[NODE_ANON_HUGE] = t->anon_huge >> huge_order(m);
	s->node[NODE_STACK] = t->stack << (m->page_shift - 10);
	s->node[NODE_PGTABLE] = t->pgtable;
}

void vmstat_zones(struct sbuf *b, const struct vmstat *s)
{
	for (unsigned k = 0; k < NR_ZONE_ITEMS; k++) {
		uint64_t sum = 0;

		for (unsigned i = s->first; i < s->first + s->nr; i++)
			sum += s->zone[i][k];
		sbuf_printf(b, "%s %llu\n", vmstat_zone_names[k],
			(unsigned long long)sum);
	}
}

void vmstat_node(struct sbuf *b, const struct vmstat *s)
{
	for (unsigned k = 0; k < NR_NODE_ITEMS; k++)
		sbuf_printf(b, "%s %llu\n", vmstat_node_names[k],
			(unsigned long long)s->node[k]);
}

#define NONE NR_COUNTERS

struct event_name {
	const char *name;
	unsigned counter; /* enum vm_counter, NONE: never happens here */
};

static const struct event_name io_events[] = {
	{"pgpgin", CNT_PGPGIN},
	{"pgpgout", CNT_PGPGOUT},
	{"pswpin", CNT_PSWPIN},
	{"pswpout", CNT_PSWPOUT},
};

static const struct event_name events[] = {
	{"pgfree", CNT_PGFREE},
	{"pgactivate", CNT_PGACTIVATE},
	{"pgdeactivate", CNT_PGDEACTIVATE},
	{"pglazyfree", CNT_PGLAZYFREE},
	{"pgfault", CNT_PGFAULT},
	{"pgmajfault", CNT_PGMAJFAULT},
	{"pglazyfreed", CNT_PGLAZYFREED},
	{"pgrefill", CNT_PGREFILL},
	{"pgreuse", CNT_FAULT_REUSE},
	{"pgsteal_kswapd", CNT_PGSTEAL_KSWAPD},
	{"pgsteal_direct", CNT_PGSTEAL_DIRECT},
	{"pgsteal_khugepaged", NONE},
	{"pgsteal_proactive", CNT_PGSTEAL_PROACTIVE},
	{"pgscan_kswapd", CNT_PGSCAN_KSWAPD},
	{"pgscan_direct", CNT_PGSCAN_DIRECT},
	{"pgscan_khugepaged", NONE},
	{"pgscan_proactive", CNT_PGSCAN_PROACTIVE},
	{"pgscan_direct_throttle", NONE},
	{"pgscan_anon", CNT_PGSCAN_ANON},
	{"pgscan_file", CNT_PGSCAN_FILE},
	{"pgsteal_anon", CNT_PGSTEAL_ANON},
	{"pgsteal_file", CNT_PGSTEAL_FILE},
	{"zone_reclaim_success", CNT_ZONE_RECLAIM_SUCCESS},
	{"zone_reclaim_failed", CNT_ZONE_RECLAIM_FAILED},
	{"pginodesteal", NONE},
	{"slabs_scanned", CNT_SLABS_SCANNED},
	{"kswapd_inodesteal", NONE},
	{"kswapd_low_wmark_hit_quickly", NONE},
	{"kswapd_high_wmark_hit_quickly", NONE},
	{"pageoutrun", CNT_PAGEOUTRUN},
	{"pgrotated", NONE},
	{"drop_pagecache", CNT_DROP_PAGECACHE},
	{"drop_slab", CNT_DROP_SLAB},
	{"oom_kill", CNT_OOM_KILL},
	{"numa_pte_updates", NONE},
	{"numa_huge_pte_updates", NONE},
	{"numa_hint_faults", NONE},
	{"numa_hint_faults_local", NONE},
	{"numa_pages_migrated", NONE},
	{"pgmigrate_success", CNT_PGMIGRATE_SUCCESS},
	{"pgmigrate_fail", CNT_PGMIGRATE_FAIL},
	{"thp_migration_success", CNT_THP_MIGRATION_SUCCESS},
	{"thp_migration_fail", CNT_THP_MIGRATION_FAIL},
	{"thp_migration_split", CNT_THP_MIGRATION_SPLIT},
	{"compact_migrate_scanned", CNT_COMPACT_MIGRATE_SCANNED},
	{"compact_free_scanned", CNT_COMPACT_FREE_SCANNED},
	{"compact_isolated", CNT_COMPACT_ISOLATED},
	{"compact_stall", CNT_COMPACT_STALL},
	{"compact_fail", CNT_COMPACT_FAIL},
	{"compact_success", CNT_COMPACT_SUCCESS},
	{"compact_daemon_wake", CNT_KCOMPACTD_WAKE},
	{"compact_daemon_migrate_scanned", CNT_KCOMPACTD_MIGRATE_SCANNED},
	{"compact_daemon_free_scanned", CNT_KCOMPACTD_FREE_SCANNED},
	{"htlb_buddy_alloc_success", NONE},
	{"htlb_buddy_alloc_fail", NONE},
	{"unevictable_pgs_culled", CNT_CULLED},
	{"unevictable_pgs_scanned", NONE},
	{"unevictable_pgs_rescued", CNT_RESCUED},
	{"unevictable_pgs_mlocked", CNT_MLOCKED},
	{"unevictable_pgs_munlocked", CNT_MUNLOCKED},
	{"unevictable_pgs_cleared", CNT_MLOCK_CLEARED},
	{"unevictable_pgs_stranded", NONE},
	{"thp_fault_alloc", CNT_THP_FAULT_ALLOC},
	{"thp_fault_fallback", CNT_THP_FAULT_FALLBACK},
	{"thp_fault_fallback_charge", NONE},
	{"thp_collapse_alloc", CNT_THP_COLLAPSE_ALLOC},
	{"thp_collapse_alloc_failed", CNT_THP_COLLAPSE_FAIL},
	{"thp_file_alloc", CNT_THP_FILE_ALLOC},
	{"thp_file_fallback", CNT_THP_FILE_FALLBACK},
	{"thp_file_fallback_charge", NONE},
	{"thp_file_mapped", CNT_THP_FILE_MAPPED},
	{"thp_split_page", CNT_THP_SPLIT_PAGE},
	{"thp_split_page_failed", NONE},
	{"thp_deferred_split_page", NONE},
	{"thp_underused_split_page", NONE},
	{"thp_split_pmd", CNT_THP_SPLIT_PMD},
	{"thp_scan_exceed_none_pte", CNT_THP_EXCEED_NONE},
	{"thp_scan_exceed_swap_pte", CNT_THP_EXCEED_SWAP},
	{"thp_scan_exceed_share_pte", CNT_THP_EXCEED_SHARE},
	{"thp_split_pud", NONE},
	{"thp_zero_page_alloc", CNT_THP_ZERO_PAGE_ALLOC},
	{"thp_zero_page_alloc_failed", CNT_THP_ZERO_PAGE_FAIL},
	{"thp_swpout", NONE},
	{"thp_swpout_fallback", NONE},
	{"balloon_inflate", NONE},
	{"balloon_deflate", NONE},
	{"balloon_migrate", NONE},
	{"swap_ra", CNT_SWAP_RA},
	{"swap_ra_hit", CNT_SWAP_RA_HIT},
	{"swpin_zero", CNT_SWPIN_ZERO},
	{"swpout_zero", CNT_SWPOUT_ZERO},
	{"ksm_swpin_copy", NONE},
	{"cow_ksm", NONE},
	{"zswpin", NONE},
	{"zswpout", NONE},
	{"zswpwb", NONE},
	{"direct_map_level2_splits", NONE},
	{"direct_map_level3_splits", NONE},
	{"direct_map_level2_collapses", NONE},
	{"direct_map_level3_collapses", NONE},
	{"nr_unstable", NONE},
};

static void event_lines(struct sbuf *b, const struct vm *m,
	const struct event_name *e, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		sbuf_printf(b, "%s %llu\n", e[i].name,
			e[i].counter == NONE
				? 0ull
				: (unsigned long long)
					  m->root->count[e[i].counter]);
}

static void zone_event(
	struct sbuf *b, const char *event, const char *zone, uint64_t n)
{
	sbuf_str(b, event);
	for (; *zone; zone++)
		sbuf_char(b, (char)tolower((unsigned char)*zone));
	sbuf_printf(b, " %llu\n", (unsigned long long)n);
}

/* "pgalloc_dma32 N" for each zone, those without pages included. */
static void zone_events(
	struct sbuf *b, const struct vm *m, const char *event, size_t counter)
{
	for (unsigned type = 0; type < m->arch->nr_zones; type++) {
		uint64_t sum = 0;

		for (unsigned i = type; counter && i < m->root->nr_zones;
			i += m->arch->nr_zones)
			sum += *(const uint64_t *)((const char *)&m->root
							   ->zone[i] +
						   counter);
		zone_event(b, event, zone_name(m, type), sum);
	}
	zone_event(b, event, "movable", 0);
	if (vmstat_extra_zones(m->arch) > 1)
		zone_event(b, event, "device", 0);
}

/* Direct reclaim, by the zone that was asked for: Normal for the kernel,
 * Movable for programs. */
static void stall_events(struct sbuf *b, const struct vm *m)
{
	const uint64_t *count = m->root->count;

	for (unsigned i = 0; i < m->arch->nr_zones; i++)
		zone_event(b, "allocstall_", zone_name(m, i),
			i == m->gfp_zone[GFP_KERNEL]
				? count[CNT_ALLOCSTALL_NORMAL]
				: 0);
	zone_event(b, "allocstall_", "movable", count[CNT_ALLOCSTALL_MOVABLE]);
	if (vmstat_extra_zones(m->arch) > 1)
		zone_event(b, "allocstall_", "device", 0);
}

void vmstat_events(struct sbuf *b, const struct vm *m)
{
	uint64_t memmap = 0, background, threshold;

	for (unsigned i = 0; i < m->root->nr_firmware; i++) {
		const struct phys_range *r = &m->root->firmware[i];

		if (r->kind == PHYS_MEMMAP)
			memmap += (r->end - r->start) >> m->page_shift;
	}
	disk_dirty_limits(m, disk_dirtyable(m), &background, &threshold);
	sbuf_printf(b,
		"nr_dirty_threshold %llu\n"
		"nr_dirty_background_threshold %llu\n"
		"nr_memmap_pages 0\nnr_memmap_boot_pages %llu\n",
		(unsigned long long)threshold, (unsigned long long)background,
		(unsigned long long)memmap);
	event_lines(b, m, io_events, sizeof(io_events) / sizeof(*io_events));
	zone_events(b, m, "pgalloc_", offsetof(struct zone, pgalloc));
	stall_events(b, m);
	zone_events(b, m, "pgskip_", 0);
	event_lines(b, m, events, sizeof(events) / sizeof(*events));
}
