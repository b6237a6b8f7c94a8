/*
 * sys/devices/system/{node,cpu}/ and sys/kernel/mm/: the machine as one NUMA
 * node, its processors, and what it has of huge pages: none.
 * Sources: Linux drivers/base/node.c, drivers/base/cpu.c, mm/huge_memory.c.
 */
#include "../vm/mmu/mmu.h"
#include "../vm/phys/phys.h"
#include "renderers.h"
#include "vmstat_items.h"

/* One line: "Node 0 Label:  number kB". */
static void node_kb(struct sbuf *b, const char *label, uint64_t kb)
{
	sbuf_printf(
		b, "Node 0 %-15s %8llu kB\n", label, (unsigned long long)kb);
}

static void zero_lines(struct sbuf *b, const char *const *label)
{
	for (; *label; label++)
		node_kb(b, *label, 0);
}

void show_node_meminfo(struct sbuf *b, const struct view *v, uint64_t id)
{
	static const char *const after_tables[] = {
		"SecPageTables:", "NFS_Unstable:", "Bounce:", "WritebackTmp:",
		"KReclaimable:", "Slab:", "SReclaimable:", "SUnreclaim:", NULL};
	static const char *const after_huge[] = {"ShmemHugePages:",
		"ShmemPmdMapped:", "FileHugePages:", "FilePmdMapped:", NULL};
	const struct vm *m = v->vm;
	unsigned s = m->page_shift - 10;
	struct mem_sums t;

	mem_sums(m, (unsigned)id, &t);
	node_kb(b, "MemTotal:", m->root->totalram_pages << s);
	node_kb(b, "MemFree:", t.free << s);
	node_kb(b, "MemUsed:", (m->root->totalram_pages - t.free) << s);
	node_kb(b, "SwapCached:", t.swap_cached << s);
	node_kb(b, "Active:", (t.active_anon + t.active_file) << s);
	node_kb(b, "Inactive:", (t.inactive_anon + t.inactive_file) << s);
	node_kb(b, "Active(anon):", t.active_anon << s);
	node_kb(b, "Inactive(anon):", t.inactive_anon << s);
	node_kb(b, "Active(file):", t.active_file << s);
	node_kb(b, "Inactive(file):", t.inactive_file << s);
	node_kb(b, "Unevictable:", t.unevictable << s);
	node_kb(b, "Mlocked:", t.mlocked << s);
	node_kb(b, "Dirty:", t.dirty << s);
	node_kb(b, "Writeback:", 0);
	node_kb(b, "FilePages:", (t.file + t.shmem) << s);
	node_kb(b, "Mapped:", t.mapped << s);
	node_kb(b, "AnonPages:", t.anon << s);
	node_kb(b, "Shmem:", t.shmem << s);
	node_kb(b, "KernelStack:", t.stack << s);
	node_kb(b, "PageTables:", t.pgtable << s);
	zero_lines(b, after_tables);
	node_kb(b, "AnonHugePages:", (t.anon_huge) << s);
	zero_lines(b, after_huge);
	sbuf_printf(b,
		"Node 0 HugePages_Total: %5llu\n"
		"Node 0 HugePages_Free:  %5llu\n"
		"Node 0 HugePages_Surp:  %5llu\n",
		(unsigned long long)m->root->hugetlb.nr,
		(unsigned long long)m->root->hugetlb.free,
		(unsigned long long)m->root->hugetlb.surplus);
}

void show_node_vmstat(struct sbuf *b, const struct view *v, uint64_t id)
{
	const struct vm *m = v->vm;
	struct vmstat s;

	vmstat_collect(m, (unsigned)id, &s);
	vmstat_zones(b, &s);
	vmstat_node(b, &s);
}

/* NUMA events are not counted, as with vm.numa_stat=0. */
void show_node_numastat(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_str(b, "numa_hit 0\nnuma_miss 0\nnuma_foreign 0\n"
		    "interleave_hit 0\nlocal_node 0\nother_node 0\n");
}

void show_node_distance(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_str(b, "10\n");
}

/* The nodes: the one that there is. */
void show_node_list(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_str(b, "0\n");
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

void show_cpu_map(struct sbuf *b, const struct view *v, uint64_t id)
{
	mask(b, v->vm, ~0ull >> (64 - v->vm->root->config.cpus));
}

void show_cpu_bit(struct sbuf *b, const struct view *v, uint64_t id)
{
	mask(b, v->vm, 1ull << id);
}

void show_cpu_list(struct sbuf *b, const struct view *v, uint64_t id)
{
	unsigned cpus = v->vm->root->config.cpus;

	sbuf_printf(b, cpus > 1 ? "0-%u\n" : "%u\n", cpus - 1);
}

void show_cpu_max(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_printf(b, "%u\n", MAX_CPUS - 1);
}

/* node0/cpuN: up to the processor's own directory. */
void show_cpu_link(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_printf(b, "../../cpu/cpu%u", (unsigned)id);
}

/* One socket, each processor a core of its own. */
void show_core_id(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_printf(b, "%u\n", (unsigned)id);
}

/* ---- pools of huge pages: of one size; id is a size in kB ---- */

static void pool_number(
	struct sbuf *b, const struct view *v, uint64_t id, uint64_t n)
{
	bool ours = id << 10 == huge_size(v->vm);

	sbuf_printf(b, "%llu\n", (unsigned long long)(ours ? n : 0));
}

void show_pool_free(struct sbuf *b, const struct view *v, uint64_t id)
{
	pool_number(b, v, id, v->vm->root->hugetlb.free);
}

void show_pool_nr(struct sbuf *b, const struct view *v, uint64_t id)
{
	pool_number(b, v, id, v->vm->root->hugetlb.nr);
}

void show_pool_overcommit(struct sbuf *b, const struct view *v, uint64_t id)
{
	pool_number(b, v, id, v->vm->root->set.nr_overcommit_hugepages);
}

void show_pool_resv(struct sbuf *b, const struct view *v, uint64_t id)
{
	pool_number(b, v, id, v->vm->root->hugetlb.resv);
}

void show_pool_surplus(struct sbuf *b, const struct view *v, uint64_t id)
{
	pool_number(b, v, id, v->vm->root->hugetlb.surplus);
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

void show_thp_use_zero_page(struct sbuf *b, const struct view *v, uint64_t id)
{
	char now[32];

	setting_value(v, "thp_use_zero_page", now, sizeof(now));
	sbuf_printf(b, "%s\n", now);
}

/* Shared memory has none. */
void show_thp_shmem(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_str(b, "always within_size advise [never] deny force\n");
}

/* What an entry of the last level but one maps. */
void show_pmd_size(struct sbuf *b, const struct view *v, uint64_t id)
{
	const struct arch *a = v->vm->arch;

	sbuf_dec(b, 1ull << a->level[a->nr_levels - 2].shift);
	sbuf_char(b, '\n');
}
