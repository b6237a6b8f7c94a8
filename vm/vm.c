/*
 * The life of a machine: its segments, boot, reload, check, end.
 */
#include "vm.h"

#include <stdlib.h>
#include <string.h>

#include "disk/disk.h"
#include "kernel/dmesg.h"
#include "kernel/psi.h"
#include "mmu/future.h"
#include "mmu/mmu.h"
#include "mm/khugepaged.h"
#include "phys/lru.h"
#include "phys/pcp.h"
#include "reclaim/policy.h"
#include "reload.h"
#include "slab/slab.h"
#include "swap/swap.h"
#include "swap/zram.h"
#include "task/task.h"

/*
 * How many objects each pool may hold.  Only address space is reserved for
 * them, some 100 GiB in all, of which a process has 128 TiB.
 */
static const uint32_t pool_max[NR_SEG] = {
	[SEG_TASK] = 1u << 20,
	[SEG_MM] = 1u << 20,
	[SEG_VMA] = 1u << 24,
	[SEG_FAMILY] = 1u << 24,
	[SEG_FILE] = 1u << 24,
	[SEG_INODE] = 1u << 24,
	[SEG_NAME] = 1u << 24,
	[SEG_RADIX] = 1u << 26,
	[SEG_LABEL] = 1u << 24,
	[SEG_FD] = 1u << 26,
	[SEG_MPOL] = 1u << 24,
	[SEG_CACHE] = 1u << 12,
	[SEG_INPUT] = 1u << 24,
};

uint64_t vm_seg_bytes(
	const struct vm_config *c, const struct arch *a, enum seg_id id)
{
	uint64_t end = phys_end(a, c->ram);

	switch (id) {
	case SEG_ROOT:
		return sizeof(struct root);
	case SEG_RAM:
		return end;
	case SEG_FRAME:
		return (end >> a->page_shift) * sizeof(struct frame);
	case SEG_PAGEBLOCK:
		return (end >> a->page_shift >> arch_pageblock_order(a)) + 1;
	case SEG_PCP:
		return (uint64_t)c->nodes * a->nr_zones * c->cpus *
		       sizeof(struct pcp);
	case SEG_TLB:
		return tlb_bytes(c);
	case SEG_BLOCK: /* block 0 is none; the rest is slack */
		return c->disk + 16 * DISK_BLOCK;
	case SEG_SLOT: /* of the area of our own, of files and zram */
		return ((c->swap >> a->page_shift) +
			       (c->disk >> a->page_shift) +
			       (zram_max(c) >> a->page_shift) + 64) *
		       sizeof(struct swap_slot);
	case SEG_ZRAM:
		return (zram_max(c) >> a->page_shift) *
		       sizeof(struct zram_entry);
	case SEG_SWAP:
		return c->swap + DISK_BLOCK;
	case SEG_DMESG:
		return DMESG_BYTES;
	case SEG_POLICY:
		return policy_bytes(end >> a->page_shift);
	default:
		return pool_elem_size(id) * (uint64_t)pool_max[id];
	}
}

/* Copies the sentence of a refusal out and takes the machine apart. */
static struct vm *give_up(struct vm *m, char *err)
{
	vm_snprintf(err, SENTENCE_MAX, "%s", m->fail.text);
	vm_destroy(m);
	return NULL;
}

struct vm *vm_blank(
	const struct vm_config *c, const struct vm_host *host, char *err)
{
	struct vm *m;

	if (vm_config_check(c, err))
		return NULL;
	m = calloc(1, sizeof(*m));
	if (!m) {
		vm_snprintf(err, SENTENCE_MAX,
			"the host has no memory for a machine's handle");
		return NULL;
	}
	m->arena.host = host;
	m->arch = arch_find(c->arch);
	m->page_shift = m->arch->page_shift;
	m->page_size = 1ull << m->page_shift;
	m->soft_dirty = c->soft_dirty ? m->arch->pte.soft_dirty : 0;
	m->pageblock_order = arch_pageblock_order(m->arch);
	for (unsigned id = 0; id < NR_SEG; id++) {
		uint64_t bytes = vm_seg_bytes(c, m->arch, id);

		if (arena_reserve(m, id, bytes, id == SEG_ROOT ? bytes : 0))
			return give_up(m, err);
	}
	if (arena_track(m, SEG_RAM) || arena_track(m, SEG_BLOCK) ||
		arena_track(m, SEG_SWAP) || arena_scratch(m) ||
		future_init(m) || task_init(m))
		return give_up(m, err);
	m->root = seg_at(m, SEG_ROOT, 0);
	m->root->config = *c;
	m->root->config.given = 0;
	return m;
}

/* Spreads a seed over the generator's state (splitmix64). */
static uint64_t seed_step(uint64_t *x)
{
	uint64_t z = *x += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint64_t vm_random(struct vm *m)
{
	uint64_t *s = m->root->rng, a = s[0], b = s[1];

	s[0] = b;
	a ^= a << 23;
	s[1] = a ^ b ^ a >> 18 ^ b >> 5;
	return s[1] + b;
}

/* Linux's defaults; the costs are those of a PC of 3 GHz, rounded. */
static const struct settings default_settings = {
	.overcommit_ratio = 50,
	.max_map_count = 65530,
	.stack_guard_gap = 256,
	.mmap_min_addr = 4096,
	.mmap_min_addr_lsm = 65536,
	.fault_around_pages = 16,
	.numa_stat = 1,
	.min_unmapped_ratio = 1,
	.min_slab_ratio = 5,
	.swappiness = 60,
	.vfs_cache_pressure = 100,
	.vfs_cache_pressure_denom = 100,
	.oom_dump_tasks = 1,
	.page_cluster = 3,
	.watermark_scale_factor = 10,
	.watermark_boost_factor = 15000,
	.stat_interval = 1,
	.compaction_proactiveness = 20,
	.extfrag_threshold = 500,
	.compact_unevictable_allowed = 1,
	.read_ahead_kb = 128,
	.dirty_ratio = 20,
	.dirty_background_ratio = 10,
	.dirty_expire_centisecs = 3000,
	.dirty_writeback_centisecs = 500,
	.policy_tick = 1000000,
	.ws_window = 10000,
	.thp_zero_page = 1,
	.thp_defrag = DEFRAG_MADVISE,
	.cost_syscall_ns = 200,
	.cost_fault_ns = 500,
	.cost_mem_ns = 100,
	.cost_io_ns = 20000,
	.cost_reclaim_ns = 100,
	.cost_tlb_ns = 20,
};

static void root_boot(struct vm *m)
{
	struct root *r = m->root;
	uint64_t x = r->config.seed;

	memcpy(r->magic, vm_root_magic, sizeof(r->magic));
	r->layout_version = VM_LAYOUT_VERSION;
	r->arch_index = (uint32_t)(m->arch - arch_table);
	r->set = default_settings;
	averages_boot(r);
	r->set.aslr = r->config.aslr;
	r->set.mmap_rnd_bits = m->arch->native.mmap_rnd_bits;
	r->set.mmap_rnd_compat_bits = m->arch->compat.mmap_rnd_bits;
	r->set.frames = r->config.frames;
	r->rng[0] = seed_step(&x);
	r->rng[1] = seed_step(&x);
	r->next_pid = 1;
	r->next_anon_vma = 1;
	r->next_fd_id = 1;
}

/* In this order: each step uses those before it. */
static int boot_steps(struct vm *m)
{
	static int (*const step[])(struct vm * m) = {
		phys_boot,
		slab_boot,
		limits_boot,
		khugepaged_boot,
		tlb_boot,
		disk_boot,
		swap_boot,
		cpu_boot,
		vma_tree_rebuild,
		task_reindex,
		task_boot,
	};
	int ret = 0;

	for (unsigned i = 0; !ret && i < sizeof(step) / sizeof(*step); i++)
		ret = step[i](m);
	return ret;
}

struct vm *vm_boot(
	const struct vm_config *c, const struct vm_host *host, char *err)
{
	struct vm *m = vm_blank(c, host, err);

	if (!m)
		return NULL;
	root_boot(m);
	if (boot_steps(m))
		return give_up(m, err);
	policy_set(m, m->root->config.policy);
	vm_fail_clear(m);
	return m;
}

void vm_destroy(struct vm *m)
{
	if (!m)
		return;
	vma_tree_free(m);
	task_free(m);
	future_free(m);
	arena_release(m);
	free(m);
}

/* ---- reload ------------------------------------------------------------- */

int vm_reindex(struct vm *m)
{
	int ret;

	vm_fail_clear(m);
	ret = reload_root(m);
	if (!ret)
		ret = reload_check(m);
	if (ret)
		return ret;
	phys_reindex(m);
	ret = vma_tree_rebuild(m);
	if (!ret)
		ret = task_reindex(m);
	return ret;
}

/* ---- segments ----------------------------------------------------------- */

unsigned vm_nr_segments(void)
{
	return NR_SEG;
}

void vm_segment(struct vm *m, unsigned i, struct vm_segment *out)
{
	const struct segment *s = &m->arena.seg[i];

	out->name = arena_seg_name(i);
	out->base = s->base;
	out->used = s->used;
	out->reserved = s->reserved;
	out->dirty = m->arena.dirty[i];
}

void vm_segment_set_used(struct vm *m, unsigned i, uint64_t used)
{
	struct segment *s = &m->arena.seg[i];

	s->used = used < s->reserved ? used : s->reserved;
}
