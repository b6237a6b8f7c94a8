/*
 * The report of the OOM killer, line by line as Linux prints it; but for the
 * stack of calls, which the machine has not.
 *
 * Source: Linux mm/oom_kill.c (dump_header, dump_tasks, dump_oom_victim),
 * mm/show_mem.c, lib/dump_stack.c.
 */
#include <string.h>

#include "../abi.h"
#include "../format.h"
#include "../kernel/dmesg.h"
#include "../mm/hugetlb.h"
#include "../mm/mm.h"
#include "../mmu/mmu.h"
#include "../phys/lru.h"
#include "../phys/pageblock.h"
#include "../phys/pcp.h"
#include "../slab/slab.h"
#include "../swap/swap.h"
#include "oom.h"
#include "reclaim_i.h"

typedef unsigned long long ull;

#define KB(m, pages) ((ull)(pages) << ((m)->page_shift - 10))

/* Zones that the request could not have used are not shown, nor nodes. */
static bool shows_zone(const struct vm *m, const struct zone *z, unsigned high)
{
	return z->managed && z->type <= high && m->reach >> z->node & 1;
}

static uint64_t pages_on_lists(const struct vm *m, unsigned high)
{
	uint64_t nr = 0;

	for (unsigned i = 0; i < m->root->nr_zones; i++)
		if (shows_zone(m, &m->root->zone[i], high))
			nr += pcp_pages(m, &m->root->zone[i]);
	return nr;
}

static void machine_lines(struct vm *m, unsigned high)
{
	dmesg_line(m, "active_anon:%llu inactive_anon:%llu isolated_anon:0",
		(ull)lru_size(m, LRU_ACTIVE_ANON),
		(ull)lru_size(m, LRU_INACTIVE_ANON));
	dmesg_line(m, " active_file:%llu inactive_file:%llu isolated_file:0",
		(ull)lru_size(m, LRU_ACTIVE_FILE),
		(ull)lru_size(m, LRU_INACTIVE_FILE));
	dmesg_line(m, " unevictable:%llu dirty:%llu writeback:0",
		(ull)lru_size(m, LRU_UNEVICTABLE), (ull)phys_sum(m, dirty));
	dmesg_line(m, " slab_reclaimable:%llu slab_unreclaimable:%llu",
		(ull)phys_sum(m, pages[USE_SLAB_RECLAIMABLE]),
		(ull)phys_sum(m, pages[USE_SLAB_UNRECLAIMABLE]));
	dmesg_line(m, " mapped:%llu shmem:%llu pagetables:%llu",
		(ull)phys_sum(m, mapped), (ull)phys_sum(m, pages[USE_SHMEM]),
		(ull)phys_sum(m, pages[USE_PGTABLE]));
	dmesg_line(m, " sec_pagetables:0 bounce:0");
	dmesg_line(m, " kernel_misc_reclaimable:0");
	dmesg_line(m, " free:%llu free_pcp:%llu free_cma:0",
		(ull)phys_sum(m, nr_free), (ull)pages_on_lists(m, high));
}

static void node_line(struct vm *m, unsigned n)
{
	unsigned nr = m->arch->nr_zones, first = n * nr;
#define SUM(field)  KB(m, zones_sum(m, first, nr, offsetof(struct zone, field)))
#define LIST(id)    KB(m, node_lru_size(m, n, id))
#define HUGE(field) (SUM(field) << (m->arch->thp ? huge_order(m) : 0))

	dmesg_line(m,
		"Node %u active_anon:%llukB inactive_anon:%llukB "
		"active_file:%llukB inactive_file:%llukB unevictable:%llukB "
		"isolated(anon):0kB isolated(file):0kB mapped:%llukB "
		"dirty:%llukB writeback:0kB shmem:%llukB shmem_thp:%llukB "
		"shmem_pmdmapped:%llukB anon_thp:%llukB kernel_stack:%llukB "
		"pagetables:%llukB sec_pagetables:0kB all_unreclaimable? %s "
		"Balloon:0kB",
		n, LIST(LRU_ACTIVE_ANON), LIST(LRU_INACTIVE_ANON),
		LIST(LRU_ACTIVE_FILE), LIST(LRU_INACTIVE_FILE),
		LIST(LRU_UNEVICTABLE), SUM(mapped), SUM(dirty),
		SUM(pages[USE_SHMEM]), HUGE(shmem_huge),
		HUGE(shmem_huge_mapped), HUGE(anon_huge), SUM(pages[USE_STACK]),
		SUM(pages[USE_PGTABLE]), node_is_hopeless(m, n) ? "yes" : "no");
#undef SUM
#undef LIST
#undef HUGE
}

static void zone_line(struct vm *m, unsigned i)
{
	const struct zone *z = &m->root->zone[i];
#define LIST(id) KB(m, z->nr_lru[id])

	dmesg_line(m,
		"Node %u %s free:%llukB boost:%llukB min:%llukB low:%llukB "
		"high:%llukB reserved_highatomic:%lluKB "
		"free_highatomic:%lluKB active_anon:%llukB "
		"inactive_anon:%llukB active_file:%llukB "
		"inactive_file:%llukB unevictable:%llukB writepending:%llukB "
		"zspages:%llukB present:%llukB managed:%llukB mlocked:%llukB "
		"bounce:0kB free_pcp:%llukB local_pcp:%llukB free_cma:0kB",
		z->node, zone_name(m, i), KB(m, z->nr_free), KB(m, z->boost),
		KB(m, z->min), KB(m, z->low), KB(m, z->high),
		KB(m, z->nr_reserved_highatomic),
		KB(m, zone_free_highatomic(z)), LIST(LRU_ACTIVE_ANON),
		LIST(LRU_INACTIVE_ANON), LIST(LRU_ACTIVE_FILE),
		LIST(LRU_INACTIVE_FILE), LIST(LRU_UNEVICTABLE), KB(m, z->dirty),
		KB(m, z->pages[USE_ZPOOL]), KB(m, z->present),
		KB(m, z->managed), LIST(LRU_UNEVICTABLE),
		KB(m, pcp_pages(m, z)), KB(m, pcp_of(m, z)->count));
#undef LIST
}

/* One number for each zone that Linux is built for, Movable and Device too. */
static void reserve_line(struct vm *m, unsigned i)
{
	unsigned nr = m->arch->nr_zones;
	unsigned all = nr + (m->arch->va_bits > 32 ? 2 : 1);
	char line[120];
	size_t n = 0;

	for (unsigned j = 0; j < all; j++)
		n += vm_snprintf(line + n, sizeof(line) - n, " %llu",
			(ull)zone_lowmem_reserve(m, i, j < nr ? j : nr - 1));
	dmesg_line(m, "lowmem_reserve[]:%s", line);
}

/* Free blocks by order, and the types of page block that they lie in. */
static void buddy_line(struct vm *m, unsigned i)
{
	static const char letter[NR_MIGRATE] = {'U', 'M', 'E', 'H', 'I'};
	const struct zone *z = &m->root->zone[i];
	char line[400];
	size_t n = 0;

	for (unsigned o = 0; o < NR_ORDERS; o++) {
		ull nr = zone_free_blocks(z, o);

		n += vm_snprintf(line + n, sizeof(line) - n, "%llu*%llukB ", nr,
			KB(m, 1ull << o));
		if (!nr)
			continue;
		line[n++] = '(';
		for (unsigned type = 0; type < NR_MIGRATE; type++)
			if (zone_free_of(z, o, type))
				line[n++] = letter[type];
		n += vm_snprintf(line + n, sizeof(line) - n, ") ");
	}
	dmesg_line(m, "Node %u %s: %s= %llukB", z->node, zone_name(m, i), line,
		KB(m, z->nr_free));
}

static void pool_lines(struct vm *m, unsigned n)
{
	for (unsigned size = hugetlb_sizes(m); size; size--) {
		const struct hugetlb_node *h =
			&m->root->hugetlb[size - 1].node[n];

		dmesg_line(m,
			"Node %u hugepages_total=%llu hugepages_free=%llu "
			"hugepages_surp=%llu hugepages_size=%llukB",
			n, (ull)h->nr, (ull)h->free, (ull)h->surplus,
			KB(m, 1ull << size_order(m, size)));
	}
}

static void memory_lines(struct vm *m, unsigned high)
{
	struct root *r = m->root;

	dmesg_line(m, "Mem-Info:");
	machine_lines(m, high);
	for (unsigned n = 0; n < r->config.nodes; n++)
		if (m->reach >> n & 1)
			node_line(m, n);
	for (unsigned i = 0; i < r->nr_zones; i++)
		if (shows_zone(m, &r->zone[i], high)) {
			zone_line(m, i);
			reserve_line(m, i);
		}
	for (unsigned i = 0; i < r->nr_zones; i++)
		if (shows_zone(m, &r->zone[i], high))
			buddy_line(m, i);
	for (unsigned n = 0; n < r->config.nodes; n++)
		if (m->reach >> n & 1)
			pool_lines(m, n);
	dmesg_line(m, "%llu total pagecache pages",
		(ull)(phys_sum(m, pages[USE_FILE]) +
			phys_sum(m, pages[USE_SHMEM]) +
			phys_sum(m, swap_cached)));
	dmesg_line(
		m, "%llu pages in swap cache", (ull)phys_sum(m, swap_cached));
	dmesg_line(m, "Free swap  = %llukB", KB(m, swap_free(m)));
	dmesg_line(m, "Total swap = %llukB", KB(m, swap_total(m)));
}

/* RAM, high memory, and what of RAM the kernel never gives away. */
static void ram_lines(struct vm *m)
{
	uint64_t present = phys_sum(m, present), high = 0;

	for (unsigned i = 0; i < m->root->nr_zones; i++)
		if (!strcmp(zone_name(m, i), "HighMem"))
			high += m->root->zone[i].present;
	dmesg_line(m, "%llu pages RAM", (ull)present);
	dmesg_line(m, "%llu pages HighMem/MovableOnly", (ull)high);
	dmesg_line(m, "%llu pages reserved",
		(ull)(present - phys_sum(m, managed)));
}

/* Caches with objects, by bytes in use and in all, when they hold more than
 * there are pages on lists. */
static void slab_lines(struct vm *m)
{
	uint64_t nr_lru = 0;

	for (unsigned id = 0; id < NR_LRU; id++)
		nr_lru += lru_size(m, id);
	if (phys_sum(m, pages[USE_SLAB_UNRECLAIMABLE]) <= nr_lru)
		return;
	dmesg_line(m, "Unreclaimable slab info:");
	dmesg_line(m, "Name                      Used          Total");
	for (idx_t i = m->root->last_cache; i; i = cache_at(m, i)->prev) {
		const struct cache *c = cache_at(m, i);
		struct cache_sums s;

		cache_sum(m, i, &s);
		if (c->flags & CACHE_RECLAIMABLE || !s.objects)
			continue;
		dmesg_line(m, "%-17s %10lluKB %10lluKB", c->name,
			(ull)((s.objects - s.partial_free) * c->size / 1024),
			(ull)(s.objects * c->size / 1024));
	}
}

/* Each process by a thread that has its memory, but for those that are bound to
 * other nodes. */
static void task_dump(struct vm *m)
{
	dmesg_line(m, "Tasks state (memory values in pages):");
	dmesg_line(m, "[  pid  ]   uid  tgid total_vm      rss rss_anon "
		      "rss_file rss_shmem pgtables_bytes swapents "
		      "oom_score_adj name");
	for (struct task *t = task_next(m, 0); t;
		t = task_next(m, t->pid + 1)) {
		const struct task *h =
			t->pid == t->tgid ? task_with_memory(m, t) : NULL;
		const struct mm *mm;
		uint64_t rss;

		if (!h || t->tgid == 1 || !oom_could_help(m, t))
			continue;
		mm = mm_at(m, h->mm);
		rss = mm->rss[RSS_FILE] + mm->rss[RSS_ANON] +
		      mm->rss[RSS_SHMEM];
		dmesg_line(m,
			"[%7u] %5u %5u %8llu %8llu %8llu %8llu %9llu %8llu "
			"%8llu         %5d %s",
			h->pid, h->cred.uid, h->tgid, (ull)mm->total_vm,
			(ull)rss, (ull)mm->rss[RSS_ANON],
			(ull)mm->rss[RSS_FILE], (ull)mm->rss[RSS_SHMEM],
			(ull)mm->pgtables, (ull)mm->swapped,
			(int32_t)h->oom_score_adj, h->comm);
	}
}

void oom_report(struct vm *m, unsigned gfp, unsigned order)
{
	const struct task *t = m->running;
	char mask[GFP_TEXT];

	gfp_text(gfp, mask);
	dmesg_line(m,
		"%s invoked oom-killer: gfp_mask=%s, order=%u, "
		"oom_score_adj=%d",
		t ? t->comm : "kernel", mask, order,
		t ? (int32_t)t->oom_score_adj : 0);
	dmesg_line(m, "CPU: %u UID: %u PID: %u Comm: %s Not tainted %s #1",
		m->cpu, t ? t->cred.uid : 0, t ? t->pid : 0,
		t ? t->comm : "kernel", KERNEL_RELEASE);
	memory_lines(m, m->gfp_zone[gfp & GFP_ZONE_MASK]);
	ram_lines(m);
	slab_lines(m);
	if (m->root->set.oom_dump_tasks)
		task_dump(m);
}

void oom_report_kill(struct vm *m, const struct task *v)
{
	const struct mm *mm = mm_at(m, v->mm);
	bool asker = m->root->set.oom_kill_allocating_task && v == m->running;
	unsigned all = (1u << m->root->config.nodes) - 1;
	char mask[24] = "(null)", mems[24];

	if (oom_is_bound(m))
		mpol_nodes_text(m->reach, mask, sizeof(mask));
	mpol_nodes_text(all, mems, sizeof(mems));
	dmesg_line(m,
		"oom-kill:constraint=CONSTRAINT_%s,nodemask=%s,cpuset=/,"
		"mems_allowed=%s,global_oom,task_memcg=/,task=%s,pid=%u,"
		"uid=%u",
		oom_is_bound(m) ? "MEMORY_POLICY" : "NONE", mask, mems, v->comm,
		v->pid, v->cred.uid);
	dmesg_line(m,
		"Out of memory%s: Killed process %u (%s) total-vm:%llukB, "
		"anon-rss:%llukB, file-rss:%llukB, shmem-rss:%llukB, UID:%u "
		"pgtables:%llukB oom_score_adj:%d",
		asker ? " (oom_kill_allocating_task)" : "", v->pid, v->comm,
		KB(m, mm->total_vm), KB(m, mm->rss[RSS_ANON]),
		KB(m, mm->rss[RSS_FILE]), KB(m, mm->rss[RSS_SHMEM]),
		v->cred.uid, (ull)(mm->pgtables >> 10),
		(int32_t)v->oom_score_adj);
	if (task_find(m, 1)->mm == v->mm)
		dmesg_line(m, "oom killer %u (%s) has mm pinned by 1 (%s)",
			v->pid, v->comm, task_find(m, 1)->comm);
}
