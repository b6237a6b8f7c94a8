/*
 * sys/devices/system/{node,cpu}/ and sys/kernel/mm/: NUMA nodes, processors,
 * and huge pages.
 * Sources: Linux drivers/base/node.c, drivers/base/cpu.c, mm/huge_memory.c.
 */
#include "../vm/mmu/mmu.h"
#include "../vm/phys/phys.h"
#include "renderers.h"
#include "vmstat_items.h"

/* One line: "Node 0 Label:  number kB". */
static void node_kb(
	struct sbuf *b, uint64_t node, const char *label, uint64_t kb)
{
	sbuf_printf(b, "Node %u %-15s %8llu kB\n", (unsigned)node, label,
		(unsigned long long)kb);
}

static void zero_lines(struct sbuf *b, uint64_t node, const char *const *label)
{
	for (; *label; label++)
		node_kb(b, node, *label, 0);
}

/* Pages of the default size on a node. */
static void pool_lines(struct sbuf *b, const struct vm *m, uint64_t id)
{
	const struct hugetlb_node *n = &m->root->hugetlb[0].node[id];
	unsigned node = (unsigned)id;

	sbuf_printf(b,
		"Node %u HugePages_Total: %5llu\n"
		"Node %u HugePages_Free:  %5llu\n"
		"Node %u HugePages_Surp:  %5llu\n",
		node, (unsigned long long)n->nr, node,
		(unsigned long long)n->free, node,
		(unsigned long long)n->surplus);
}

void show_node_meminfo(struct sbuf *b, const struct view *v, uint64_t id)
{
	static const char *const after_tables[] = {"SecPageTables:",
		"NFS_Unstable:", "Bounce:", "WritebackTmp:", NULL};
	static const char *const after_huge[] = {
		"FileHugePages:", "FilePmdMapped:", NULL};
	const struct vm *m = v->vm;
	unsigned s = m->page_shift - 10;
	struct mem_sums t;

	mem_sums(m, (unsigned)id, &t);
	node_kb(b, id, "MemTotal:", t.total << s);
	node_kb(b, id, "MemFree:", t.free << s);
	node_kb(b, id, "MemUsed:", (t.total - t.free) << s);
	node_kb(b, id, "SwapCached:", t.swap_cached << s);
	node_kb(b, id, "Active:", (t.active_anon + t.active_file) << s);
	node_kb(b, id, "Inactive:", (t.inactive_anon + t.inactive_file) << s);
	node_kb(b, id, "Active(anon):", t.active_anon << s);
	node_kb(b, id, "Inactive(anon):", t.inactive_anon << s);
	node_kb(b, id, "Active(file):", t.active_file << s);
	node_kb(b, id, "Inactive(file):", t.inactive_file << s);
	node_kb(b, id, "Unevictable:", t.unevictable << s);
	node_kb(b, id, "Mlocked:", t.mlocked << s);
	node_kb(b, id, "Dirty:", t.dirty << s);
	node_kb(b, id, "Writeback:", 0);
	node_kb(b, id, "FilePages:", (t.file + t.shmem + t.swap_cached) << s);
	node_kb(b, id, "Mapped:", t.mapped << s);
	node_kb(b, id, "AnonPages:", t.anon << s);
	node_kb(b, id, "Shmem:", t.shmem << s);
	node_kb(b, id, "KernelStack:", t.stack << s);
	node_kb(b, id, "PageTables:", t.pgtable << s);
	zero_lines(b, id, after_tables);
	node_kb(b, id, "KReclaimable:", t.slab_reclaimable << s);
	node_kb(b, id,
		"Slab:", (t.slab_reclaimable + t.slab_unreclaimable) << s);
	node_kb(b, id, "SReclaimable:", t.slab_reclaimable << s);
	node_kb(b, id, "SUnreclaim:", t.slab_unreclaimable << s);
	node_kb(b, id, "AnonHugePages:", t.anon_huge << s);
	node_kb(b, id, "ShmemHugePages:", t.shmem_huge << s);
	node_kb(b, id, "ShmemPmdMapped:", t.shmem_pmd << s);
	zero_lines(b, id, after_huge);
	pool_lines(b, m, id);
}

void show_node_vmstat(struct sbuf *b, const struct view *v, uint64_t id)
{
	struct vmstat s;

	vmstat_collect(v->vm, (unsigned)id, &s);
	vmstat_zones(b, &s);
	vmstat_node(b, &s);
}

/* As vmstat has them, under older names. */
void show_node_numastat(struct sbuf *b, const struct view *v, uint64_t id)
{
	static const char *const name[] = {"numa_hit", "numa_miss",
		"numa_foreign", "interleave_hit", "local_node", "other_node"};
	uint64_t n[6];

	vmstat_numa(v->vm, (unsigned)id, n);
	for (unsigned i = 0; i < 6; i++)
		sbuf_printf(b, "%s %llu\n", name[i], (unsigned long long)n[i]);
}

void show_node_distance(struct sbuf *b, const struct view *v, uint64_t id)
{
	for (unsigned n = 0; n < v->vm->root->config.nodes; n++)
		sbuf_printf(b, n ? " %u" : "%u",
			node_distance(v->vm, (unsigned)id, n));
	sbuf_char(b, '\n');
}

/* Numbers as ranges: "0-2,5". */
static void ranges(struct sbuf *b, uint64_t bits)
{
	const char *sep = "";

	for (unsigned i = 0; i < 64; i++) {
		unsigned first = i;

		if (!(bits >> i & 1))
			continue;
		while (i < 63 && bits >> (i + 1) & 1)
			i++;
		sbuf_printf(b, "%s%u", sep, first);
		if (i > first)
			sbuf_printf(b, "-%u", i);
		sep = ",";
	}
	sbuf_char(b, '\n');
}

void show_node_list(struct sbuf *b, const struct view *v, uint64_t id)
{
	ranges(b, (1u << v->vm->root->config.nodes) - 1);
}

void show_node_none(struct sbuf *b, const struct view *v, uint64_t id)
{
	ranges(b, 0);
}

void show_node_has_cpu(struct sbuf *b, const struct view *v, uint64_t id)
{
	const struct vm *m = v->vm;
	uint64_t nodes = 0;

	for (unsigned c = 0; c < m->root->config.cpus; c++)
		nodes |= 1u << m->cpu_node[c];
	ranges(b, nodes);
}

/* A mask in hex words of 32 processors, the highest first, with commas; as
 * wide as there are processors. */
static void mask(struct sbuf *b, const struct vm *m, uint64_t bits)
{
	if (m->root->config.cpus > 32)
		sbuf_printf(b, "%0*x,%08x\n",
			(int)(m->root->config.cpus - 32 + 3) / 4,
			(unsigned)(bits >> 32), (unsigned)bits);
	else
		sbuf_printf(b, "%0*x\n", (int)(m->root->config.cpus + 3) / 4,
			(unsigned)bits);
}

_Static_assert(MAX_CPUS == 64, "a mask has two words at most");

static uint64_t node_cpus(const struct vm *m, uint64_t node)
{
	uint64_t bits = 0;

	for (unsigned c = 0; c < m->root->config.cpus; c++)
		bits |= (uint64_t)(m->cpu_node[c] == node) << c;
	return bits;
}

void show_node_cpumap(struct sbuf *b, const struct view *v, uint64_t id)
{
	mask(b, v->vm, node_cpus(v->vm, id));
}

void show_node_cpulist(struct sbuf *b, const struct view *v, uint64_t id)
{
	ranges(b, node_cpus(v->vm, id));
}

/* The processors of a socket: a node is one. */
void show_core_siblings(struct sbuf *b, const struct view *v, uint64_t id)
{
	mask(b, v->vm, node_cpus(v->vm, v->vm->cpu_node[id]));
}

void show_package_id(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_printf(b, "%u\n", v->vm->cpu_node[id]);
}

void show_cpu_bit(struct sbuf *b, const struct view *v, uint64_t id)
{
	mask(b, v->vm, 1ull << id);
}

void show_cpu_list(struct sbuf *b, const struct view *v, uint64_t id)
{
	ranges(b, ~0ull >> (64 - v->vm->root->config.cpus));
}

void show_cpu_max(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_printf(b, "%u\n", MAX_CPUS - 1);
}

/* nodeN/cpuN: up to the processor's own directory, and back. */
void show_cpu_link(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_printf(b, "../../cpu/cpu%u", (unsigned)id);
}

void show_node_link(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_printf(b, "../../node/node%u", (unsigned)id);
}

/* Each processor is a core of its own. */
void show_core_id(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_printf(b, "%u\n", (unsigned)id);
}

/* ---- transparent huge pages
 * --------------------------------------------------------- */

/* The words that a setting takes, the one in force in brackets. */
static void choice(struct sbuf *b, const struct view *v, const char *key,
	const char *const *words)
{
	char now[32];

	setting_value(v, key, now, sizeof(now));
	for (unsigned i = 0; words[i]; i++)
		sbuf_printf(b, strcmp(words[i], now) ? "%s%s" : "%s[%s]",
			i ? " " : "", words[i]);
	sbuf_char(b, '\n');
}

void show_thp_enabled(struct sbuf *b, const struct view *v, uint64_t id)
{
	static const char *const words[] = {"always", "madvise", "never", NULL};

	choice(b, v, "thp_enabled", words);
}

void show_thp_defrag(struct sbuf *b, const struct view *v, uint64_t id)
{
	static const char *const words[] = {
		"always", "defer", "defer+madvise", "madvise", "never", NULL};

	choice(b, v, "thp_defrag", words);
}

static void number(struct sbuf *b, const struct view *v, const char *key)
{
	char now[32];

	setting_value(v, key, now, sizeof(now));
	sbuf_printf(b, "%s\n", now);
}

void show_thp_use_zero_page(struct sbuf *b, const struct view *v, uint64_t id)
{
	number(b, v, "thp_use_zero_page");
}

void show_thp_shmem_enabled(struct sbuf *b, const struct view *v, uint64_t id)
{
	static const char *const words[] = {"always", "within_size", "advise",
		"never", "deny", "force", NULL};

	choice(b, v, "thp_shmem_enabled", words);
}

void show_thp_shmem_2048kB(struct sbuf *b, const struct view *v, uint64_t id)
{
	static const char *const words[] = {
		"always", "inherit", "within_size", "advise", "never", NULL};

	choice(b, v, "thp_shmem_2048kB", words);
}

/* What an entry of the last level but one maps. */
void show_pmd_size(struct sbuf *b, const struct view *v, uint64_t id)
{
	const struct arch *a = v->vm->arch;

	sbuf_dec(b, 1ull << a->level[a->nr_levels - 2].shift);
	sbuf_char(b, '\n');
}

/* khugepaged's settings, and what it did. */
#define KHUGEPAGED(key)                                            \
	void show_khugepaged_##key(                                \
		struct sbuf *b, const struct view *v, uint64_t id) \
	{                                                          \
		number(b, v, "khugepaged_" #key);                  \
	}
KHUGEPAGED(alloc_sleep_millisecs)
KHUGEPAGED(defrag)
KHUGEPAGED(max_ptes_none)
KHUGEPAGED(max_ptes_shared)
KHUGEPAGED(max_ptes_swap)
KHUGEPAGED(pages_to_scan)
KHUGEPAGED(scan_sleep_millisecs)

void show_khugepaged_full_scans(
	struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_dec(b, v->vm->root->khugepaged.full_scans);
	sbuf_char(b, '\n');
}

void show_khugepaged_pages_collapsed(
	struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_dec(b, v->vm->root->khugepaged.collapsed);
	sbuf_char(b, '\n');
}
