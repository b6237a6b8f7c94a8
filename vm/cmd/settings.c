/*
 * The settings of a running machine, one row each.  Names and defaults are
 * those of Linux's sysctls where Linux has the setting.
 */
#include <string.h>

#include "../format.h"
#include "../mm/hugetlb.h"
#include "../phys/phys.h"
#include "../reclaim/policy.h"
#include "../mm/khugepaged.h"
#include "command.h"

struct setting {
	const char *name;
	size_t offset;	/* in struct settings */
	unsigned bytes; /* 4 or 8; more: numbers of 4 each */
	int64_t min;
	uint64_t max;
	/* words for the values 0, 1, ..., or none */
	const char *words[NR_POLICIES + 1];
	const char *help;
};

/* Of jiffies, which Linux turns seconds into: CONFIG_HZ_250. */
#define HZ 250

#define AT(field)  offsetof(struct settings, field)
#define U32(field) offsetof(struct settings, field), 4
#define U64(field) offsetof(struct settings, field), 8
#define MANY(field) \
	offsetof(struct settings, field), sizeof(((struct settings *)0)->field)

static const struct setting rows[] = {
	{"segv", U32(segv_kill), 0, 1, {"live", "kill"},
		"whether a refused access kills the process"},
	{"trace_map", U32(trace_map_auto), 0, 1, {"off", "auto"},
		"whether traces map what no mapping holds"},
	{"overcommit_memory", U32(overcommit_memory), 0, 2, {NULL},
		"0 guess, 1 always, 2 never"},
	{"overcommit_ratio", U32(overcommit_ratio), INT32_MIN, INT32_MAX,
		{NULL}, "percent of RAM that mode 2 grants"},
	{"overcommit_kbytes", U64(overcommit_kbytes), 0, UINT64_MAX, {NULL},
		"the same in kB, instead of overcommit_ratio"},
	{"admin_reserve_kbytes", U64(admin_reserve_kbytes), 0, UINT64_MAX,
		{NULL}, "what mode 2 keeps for cap_sys_admin"},
	{"user_reserve_kbytes", U64(user_reserve_kbytes), 0, UINT64_MAX, {NULL},
		"what mode 2 keeps from one large process, at most"},
	{"max_map_count", U32(max_map_count), 0, INT32_MAX, {NULL},
		"mappings a process may have"},
	{"stack_guard_gap", U32(stack_guard_gap), 0, 1 << 20, {NULL},
		"pages kept free below a growing stack"},
	{"mmap_min_addr", U64(mmap_min_addr), 0, UINT64_MAX, {NULL},
		"lowest address that mmap grants without privilege"},
	{"aslr", U64(aslr), 0, UINT64_MAX, {NULL},
		"seed of random layouts, of programs executed from now on"},
	{"mmap_rnd_bits", U32(mmap_rnd_bits), 8, 32, {NULL},
		"bits of pages that aslr moves mappings by"},
	{"mmap_rnd_compat_bits", U32(mmap_rnd_compat_bits), 8, 16, {NULL},
		"the same for 32-bit programs on x86_64"},
	{"fault_around_pages", U32(fault_around_pages), 1, 512, {NULL},
		"pages of the window around a read fault of a file"},
	{"policy", U32(policy), 0, NR_POLICIES - 1, {POLICY_NAMES},
		"which pages leave, see help/policies"},
	{"frames", U32(frames), 0, UINT32_MAX, {NULL},
		"pages that a textbook policy keeps, 0: as many as fit"},
	{"policy_tick", U64(policy_tick), 1, 1ull << 50, {NULL},
		"accesses between two ticks of the timer of nru and aging"},
	{"ws_window", U64(ws_window), 1, 1ull << 50, {NULL},
		"accesses that the working set of ws looks back"},
	{"swappiness", U32(swappiness), 0, 200, {NULL},
		"how readily anonymous pages go, against pages of files"},
	{"vfs_cache_pressure", U32(vfs_cache_pressure), 0, INT32_MAX, {NULL},
		"how readily names and inodes go, against pages"},
	{"vfs_cache_pressure_denom", U32(vfs_cache_pressure_denom), 100,
		INT32_MAX, {NULL}, "the pressure that is neutral"},
	{"panic_on_oom", U32(panic_on_oom), 0, 2, {NULL},
		"1, 2: the machine stops where the OOM killer would kill"},
	{"oom_kill_allocating_task", U32(oom_kill_allocating_task), INT32_MIN,
		INT32_MAX, {NULL},
		"not 0: who finds no memory dies, not the worst"},
	{"oom_dump_tasks", U32(oom_dump_tasks), INT32_MIN, INT32_MAX, {NULL},
		"not 0: the OOM killer's report lists all processes"},
	{"page-cluster", U32(page_cluster), 0, 31, {NULL},
		"swap is read in blocks of 2 to this power"},
	{"min_free_kbytes", U32(min_free_kbytes), 0, INT32_MAX, {NULL},
		"sum of the zones' min watermarks"},
	{"watermark_scale_factor", U32(watermark_scale_factor), 1, 3000, {NULL},
		"parts of 10000 of a zone between its watermarks"},
	{"watermark_boost_factor", U32(watermark_boost_factor), 0, INT32_MAX,
		{NULL}, "parts of 10000 of high that watermarks rise at most"},
	{"lowmem_reserve_ratio", MANY(lowmem_reserve_ratio), INT32_MIN,
		INT32_MAX, {NULL},
		"zones keep 1 part in so many of those above, from DMA"},
	{"zone_reclaim_mode", U32(zone_reclaim_mode), 0, INT32_MAX, {NULL},
		"before another node: 1 reclaim, 2 also write, 4 also unmap"},
	{"min_unmapped_ratio", U32(min_unmapped_ratio), 0, 100, {NULL},
		"percent of a node: so much page cache it leaves alone"},
	{"min_slab_ratio", U32(min_slab_ratio), 0, 100, {NULL},
		"the same of slab that can be reclaimed"},
	{"numa_zonelist_order", U32(zonelist_order), 0, 0, {"Node"},
		"Node, or default, which is the same"},
	{"numa_stat", U32(numa_stat), 0, 1, {NULL},
		"1: NUMA events are counted; 0 forgets them"},
	{"legacy_va_layout", U32(legacy_va_layout), 0, INT32_MAX, {NULL},
		"1: programs executed from now on map from the bottom up"},
	{"percpu_pagelist_high_fraction", U32(percpu_pagelist_high_fraction), 0,
		INT32_MAX, {NULL},
		"part of a zone that per-CPU lists hold, from 8 on; 0: tuned"},
	{"stat_interval", U32(stat_interval), -INT32_MAX / HZ, INT32_MAX / HZ,
		{NULL},
		"seconds between looks at per-CPU lists; 0, below: each tick"},
	{"compaction_proactiveness", U32(compaction_proactiveness), 0, 100,
		{NULL}, "how soon scattered memory is compacted unasked"},
	{"extfrag_threshold", U32(extfrag_threshold), 0, 1000, {NULL},
		"index from which on compaction, not reclaim, makes a block"},
	{"compact_unevictable_allowed", U32(compact_unevictable_allowed), 0, 1,
		{NULL}, "whether locked pages may be moved"},
	{"read_ahead_kb", U32(read_ahead_kb), 0, 1 << 20, {NULL},
		"largest window of readahead, of files opened from now on"},
	{"dirty_ratio", U32(dirty_ratio), 0, 100, {NULL},
		"percent of dirtyable memory at which writers must write"},
	{"dirty_bytes", U64(dirty_bytes), 0, UINT64_MAX, {NULL},
		"the same in bytes, two pages or more; dirty_ratio becomes 0"},
	{"dirty_background_ratio", U32(dirty_background_ratio), 0, 100, {NULL},
		"percent of dirtyable memory at which the flusher starts"},
	{"dirty_background_bytes", U64(dirty_background_bytes), 1, UINT64_MAX,
		{NULL}, "the same in bytes; dirty_background_ratio becomes 0"},
	{"dirty_expire_centisecs", U32(dirty_expire_centisecs), 0, INT32_MAX,
		{NULL}, "age at which the flusher writes a dirty file"},
	{"dirty_writeback_centisecs", U32(dirty_writeback_centisecs), INT32_MIN,
		INT32_MAX, {NULL},
		"how often it wakes up; 0: never; below: 2^32 more"},
	{"nr_hugepages", U64(nr_hugepages), 0, UINT64_MAX, {NULL},
		"huge pages in the pool; as many as memory has"},
	{"nr_overcommit_hugepages", U64(nr_overcommit_hugepages), 0, UINT64_MAX,
		{NULL}, "huge pages that mappings may have beyond the pool"},
	{"thp_enabled", U32(thp_enabled), 0, 2, {"never", "madvise", "always"},
		"who gets huge pages unasked"},
	{"thp_shmem_enabled", U32(shmem_enabled), 0, 5,
		{"never", "always", "within_size", "advise", "deny", "force"},
		"of shared memory"},
	{"thp_shmem_2048kB", U32(shmem_pmd), 0, 4,
		{"inherit", "never", "always", "within_size", "advise"},
		"where it is mapped"},
	{"thp_defrag", U32(thp_defrag), 0, 4,
		{"never", "madvise", "defer", "defer+madvise", "always"},
		"which faults compact first"},
	{"thp_use_zero_page", U32(thp_zero_page), 0, 1, {NULL},
		"loads from untouched memory map the huge zero page"},
	{"khugepaged_defrag", U32(khugepaged.defrag), 0, 1, {NULL},
		"1: khugepaged compacts memory for them"},
	{"khugepaged_pages_to_scan", U32(khugepaged.pages_to_scan), 1,
		UINT32_MAX, {NULL},
		"pages that khugepaged looks at, at a time"},
	{"khugepaged_max_ptes_none", U32(khugepaged.max_ptes_none), 0, 511,
		{NULL}, "pages that may be missing where it makes a huge one"},
	{"khugepaged_max_ptes_swap", U32(khugepaged.max_ptes_swap), 0, 511,
		{NULL}, "pages that may be in swap there"},
	{"khugepaged_max_ptes_shared", U32(khugepaged.max_ptes_shared), 0, 511,
		{NULL}, "pages that other processes may have there"},
	{"khugepaged_scan_sleep_millisecs",
		U32(khugepaged.scan_sleep_millisecs), 0, UINT32_MAX, {NULL},
		"how long it sleeps then"},
	{"khugepaged_alloc_sleep_millisecs",
		U32(khugepaged.alloc_sleep_millisecs), 0, UINT32_MAX, {NULL},
		"how long it sleeps when no memory is free"},
	{"cost_syscall_ns", U32(cost_syscall_ns), 0, 1000000000, {NULL},
		"simulated time of a command"},
	{"cost_fault_ns", U32(cost_fault_ns), 0, 1000000000, {NULL},
		"simulated time of a page fault"},
	{"cost_io_ns", U32(cost_io_ns), 0, 1000000000, {NULL},
		"simulated time to read a block from disk or swap"},
	{"cost_reclaim_ns", U32(cost_reclaim_ns), 0, 1000000000, {NULL},
		"simulated time of direct reclaim to look at a page"},
	{"cost_mem_ns", U32(cost_mem_ns), 0, 1000000000, {NULL},
		"simulated time of a memory reference"},
	{"cost_tlb_ns", U32(cost_tlb_ns), 0, 1000000000, {NULL},
		"simulated time of a TLB lookup"},
};

/* Of these two the one that was set counts: the other becomes 0. */
static const char *const pairs[][2] = {
	{"overcommit_ratio", "overcommit_kbytes"},
	{"dirty_ratio", "dirty_bytes"},
	{"dirty_background_ratio", "dirty_background_bytes"},
};

#define NR_PAIRS (sizeof(pairs) / sizeof(*pairs))
#define NR_ROWS	 (sizeof(rows) / sizeof(*rows))

static const struct setting *find(const char *key, size_t len)
{
	for (unsigned i = 0; i < NR_ROWS; i++)
		if (strlen(rows[i].name) == len &&
			!memcmp(rows[i].name, key, len))
			return &rows[i];
	return NULL;
}

static bool wakes_khugepaged(const struct setting *s)
{
	switch (s->offset) {
	case offsetof(struct settings, thp_enabled):
	case offsetof(struct settings, shmem_enabled):
	case offsetof(struct settings, shmem_pmd):
	case offsetof(struct settings, khugepaged.scan_sleep_millisecs):
	case offsetof(struct settings, khugepaged.alloc_sleep_millisecs):
		return true;
	default:
		return false;
	}
}

static void store(struct vm *m, const struct setting *s, uint64_t v)
{
	uint8_t *field = (uint8_t *)&m->root->set + s->offset;

	if (s->offset == offsetof(struct settings, nr_hugepages))
		hugetlb_resize(m, 1, v, (1u << m->root->config.nodes) - 1);
	else if (s->offset == offsetof(struct settings, policy))
		policy_set(m, (enum policy)v);
	else if (s->bytes == 4)
		*(uint32_t *)field = (uint32_t)v;
	else
		*(uint64_t *)field = v;
	if (wakes_khugepaged(s))
		khugepaged_wake(m);
}

/* What follows from a new value. */
static void settled(struct vm *m, const struct setting *s)
{
	switch (s->offset) {
	case AT(min_free_kbytes):
		watermarks_ask(m, m->root->set.min_free_kbytes);
		break;
	case AT(watermark_scale_factor):
	case AT(percpu_pagelist_high_fraction):
		watermarks_setup(m);
		break;
	case AT(numa_stat):
		if (!m->root->set.numa_stat)
			numa_forget_events(m);
		break;
	case AT(thp_enabled):
	case AT(shmem_pmd):
		watermarks_default(m);
		break;
	case AT(shmem_enabled):
		if (m->root->set.shmem_enabled < SHMEM_HUGE_DENY)
			m->root->set.shmem_mount = m->root->set.shmem_enabled;
		watermarks_default(m);
		break;
	}
}

static uint64_t load(const struct vm *m, const struct setting *s)
{
	const uint8_t *field = (const uint8_t *)&m->root->set + s->offset;

	if (s->bytes == 8)
		return *(const uint64_t *)field;
	if (s->min < 0)
		return (uint64_t)(int64_t) * (const int32_t *)field;
	return *(const uint32_t *)field;
}

/* The narrow addresses of a 32-bit machine leave less to choose from. */
static bool is_wide(const struct vm *m)
{
	return m->arch->native.addr_bits == 64;
}

static int64_t least(const struct vm *m, const struct setting *s)
{
	if (s->offset == AT(dirty_bytes))
		return (int64_t)(2 * m->page_size);
	if (s->offset == AT(mmap_rnd_bits))
		return is_wide(m) ? 28 : 8;
	return s->min;
}

static uint64_t most(const struct vm *m, const struct setting *s)
{
	if (s->offset == AT(mmap_rnd_bits))
		return is_wide(m) ? 32 : 16;
	return s->max;
}

static int value_parse(const struct vm *m, const struct setting *s,
	const char *v, size_t n, uint64_t *out)
{
	int64_t min = least(m, s);
	bool minus = n > 1 && *v == '-';

	for (unsigned i = 0; s->words[i]; i++)
		if (strlen(s->words[i]) == n && !memcmp(s->words[i], v, n)) {
			*out = i;
			return 0;
		}
	if (s->words[0])
		return -1;
	if (words_number(v + minus, n - minus, out))
		return -1;
	if (!minus)
		return *out > most(m, s) || (min > 0 && *out < (uint64_t)min)
			       ? -1
			       : 0;
	/* Linux has no minus before an unsigned long, not even before 0 */
	if (min > 0 || s->bytes == 8 || *out > -(uint64_t)min)
		return -1;
	*out = -*out;
	return 0;
}

/* "never, madvise or always" */
static void setting_words(const struct setting *s, char *buf, size_t size)
{
	size_t n = 0;

	for (unsigned i = 0; s->words[i]; i++)
		n += vm_snprintf(buf + n, size - n, "%s%s",
			!i		  ? ""
			: s->words[i + 1] ? ", "
					  : " or ",
			s->words[i]);
}

/* "swappiness is a number from 0 to 200" */
static void range(
	const struct vm *m, const struct setting *s, char *buf, size_t size)
{
	size_t n = vm_snprintf(buf, size, "%s is ", s->name);

	if (s->words[0])
		setting_words(s, buf + n, size - n);
	else
		vm_snprintf(buf + n, size - n, "a number from %ld to %llu",
			(long)least(m, s), (unsigned long long)most(m, s));
}

static int value_refuse(
	struct vm *m, const struct setting *s, const char *value, size_t len)
{
	char what[120];

	range(m, s, what, sizeof(what));
	return vm_fail(m, EINVAL, "%s, not \"%.*s\"", what, (int)len, value);
}

static int no_setting(struct vm *m, const char *key, size_t len)
{
	for (unsigned i = 0; vm_config_keys[i]; i++)
		if (strlen(vm_config_keys[i]) == len &&
			!memcmp(vm_config_keys[i], key, len))
			return vm_fail(m, EINVAL,
				"%s is fixed when the machine is made, with "
				"-o %s=...; help/config lists what set changes",
				vm_config_keys[i], vm_config_keys[i]);
	return vm_fail(m, EINVAL,
		"unknown setting \"%.*s\"; help/config lists them all",
		(int)len, key);
}

/* How many numbers it has; 0: one, or a word. */
static unsigned several(const struct setting *s)
{
	return s->bytes > 8 ? s->bytes / 4 : 0;
}

/* "256,256,32": the first of them; the others stay, and of more than there are
 * no more are taken.  Source: Linux mm/page_alloc.c
 * (lowmem_reserve_ratio_sysctl_handler). */
static int set_several(
	struct vm *m, const struct setting *s, const char *value, size_t len)
{
	uint32_t *field = (uint32_t *)((uint8_t *)&m->root->set + s->offset);
	const char *at = value, *end = value + len;
	uint64_t v[MAX_ZONES + 1];
	unsigned n = 0;

	while (at <= end && n < several(s)) {
		const char *comma = memchr(at, ',', (size_t)(end - at));

		if (value_parse(m, s, at, (size_t)((comma ? comma : end) - at),
			    &v[n]))
			return value_refuse(m, s, value, len);
		at = comma ? comma + 1 : end + 1;
		n++;
	}
	while (n--)
		field[n] = (int64_t)v[n] < 1 ? 0 : (uint32_t)v[n];
	lowmem_reserves_setup(m); /* the only one of its kind */
	return 0;
}

/* Numbers in range that are refused. */
static int refuse_some(struct vm *m, const struct setting *s, uint64_t v)
{
	switch (s->offset) {
	case AT(mmap_rnd_compat_bits):
		return is_wide(m) ? 0
				  : vm_fail(m, EINVAL,
					    "%s has no programs of another "
					    "width",
					    m->arch->name);
	case AT(percpu_pagelist_high_fraction):
		return !v || v >= 8 ? 0
				    : vm_fail(m, EINVAL,
					      "%s is 0, or 8 and more: lists "
					      "hold an eighth at most",
					      s->name);
	case AT(shmem_enabled):
		return v != SHMEM_HUGE_FORCE || m->root->set.shmem_pmd ==
							SHMEM_PMD_INHERIT
			       ? 0
			       : vm_fail(m, EINVAL,
					 "%s is not force unless "
					 "thp_shmem_2048kB is inherit",
					 s->name);
	case AT(dirty_bytes):
	case AT(dirty_background_bytes):
		/* wraps as Linux's DIV_ROUND_UP() does */
		return (v + m->page_size - 1) >> m->page_shift <= UINT32_MAX
			       ? 0
			       : vm_fail(m, ERANGE,
					 "%s is at most 2^32 - 1 pages, not "
					 "%llu bytes",
					 s->name, (unsigned long long)v);
	default:
		return 0;
	}
}

int settings_set(struct vm *m, const char *key, size_t key_len,
	const char *value, size_t value_len)
{
	const struct setting *s = find(key, key_len);
	uint64_t v;

	if (!s)
		return no_setting(m, key, key_len);
	if (several(s))
		return set_several(m, s, value, value_len);
	if (s->offset == AT(zonelist_order) && value_len &&
		memchr("dDnN", *value, 4))
		return 0; /* Linux looks no further */
	if (value_parse(m, s, value, value_len, &v))
		return value_refuse(m, s, value, value_len);
	if (refuse_some(m, s, v))
		return -m->fail.err;
	if (s->offset == AT(dirty_ratio) && v == load(m, s))
		return 0; /* dirty_bytes stays, too */
	store(m, s, v);
	settled(m, s);
	if (!strcmp(s->name, "frames") || !strcmp(s->name, "policy_tick") ||
		!strcmp(s->name, "ws_window"))
		policy_set(m, m->root->set.policy);
	if (!strcmp(s->name, "aslr")) /* the same seed, the same addresses */
		m->root->aslr_draws = 0;
	for (unsigned i = 0; i < 2 * NR_PAIRS; i++) {
		const char *const *pair = pairs[i / 2];

		if (!strcmp(pair[i % 2], s->name))
			store(m, find(pair[!(i % 2)], strlen(pair[!(i % 2)])),
				0);
	}
	return 0;
}

void settings_range(const struct vm *m, const char *key, char *buf, size_t size)
{
	range(m, find(key, strlen(key)), buf, size);
}

static void several_text(
	const struct vm *m, const struct setting *s, char *value, size_t size)
{
	const uint32_t *field =
		(const uint32_t *)((const uint8_t *)&m->root->set + s->offset);
	size_t n = 0;

	for (unsigned i = 0; i < several(s); i++)
		n += vm_snprintf(
			value + n, size - n, i ? ",%u" : "%u", field[i]);
}

bool settings_get(const struct vm *m, unsigned i, const char **name,
	char *value, size_t size)
{
	const struct setting *s = &rows[i];
	uint64_t v;

	if (i >= NR_ROWS)
		return false;
	v = load(m, s);
	*name = s->name;
	if (several(s))
		several_text(m, s, value, size);
	else if (s->words[0])
		vm_snprintf(value, size, "%s", s->words[v]);
	else if (s->min < 0)
		vm_snprintf(value, size, "%ld", (long)v);
	else
		vm_snprintf(value, size, "%llu", (unsigned long long)v);
	return true;
}

bool settings_help(unsigned i, const char **name, char *help, size_t size)
{
	char list[120] = "";

	if (i >= NR_ROWS)
		return false;
	*name = rows[i].name;
	setting_words(&rows[i], list, sizeof(list));
	if (strlen(list) > 50) /* a topic of help/ explains them */
		list[0] = '\0';
	vm_snprintf(
		help, size, "%s%s%s", rows[i].help, list[0] ? ": " : "", list);
	return true;
}
