/*
 * proc/sys/: the settings that the machine has and the constants that it goes
 * by, under Linux's names.  A setting that `set` changes can be written.
 * Source: Linux Documentation/admin-guide/sysctl/{vm,kernel,fs}.rst.
 */
#include "../vm/cmd/command.h"
#include "../vm/disk/dcache.h"
#include "../vm/slab/slab.h"
#include "../vm/task/task.h"
#include "renderers.h"
#include "vmstat_items.h"

static void number(struct sbuf *b, uint64_t v)
{
	sbuf_dec(b, v);
	sbuf_char(b, '\n');
}

void setting_value(
	const struct view *v, const char *key, char *value, size_t size)
{
	const char *name;

	for (unsigned i = 0; settings_get(v->vm, i, &name, value, size); i++)
		if (!strcmp(name, key))
			return;
}

static void setting(struct sbuf *b, const struct view *v, const char *key)
{
	char value[32];

	setting_value(v, key, value, sizeof(value));
	sbuf_printf(b, "%s\n", value);
}

#define SETTING(key)                                                       \
	void show_##key(struct sbuf *b, const struct view *v, uint64_t id) \
	{                                                                  \
		setting(b, v, #key);                                       \
	}

void show_page_cluster(struct sbuf *b, const struct view *v, uint64_t id)
{
	setting(b, v, "page-cluster");
}

#define NUMBER(name, value)                                                 \
	void show_##name(struct sbuf *b, const struct view *v, uint64_t id) \
	{                                                                   \
		number(b, value);                                           \
	}

#define LINE(name, text)                                                    \
	void show_##name(struct sbuf *b, const struct view *v, uint64_t id) \
	{                                                                   \
		sbuf_str(b, text "\n");                                     \
	}

/* ---- vm/ ---- */

SETTING(dirty_background_bytes)
SETTING(dirty_background_ratio)
SETTING(dirty_bytes)
SETTING(dirty_expire_centisecs)
SETTING(dirty_ratio)
SETTING(dirty_writeback_centisecs)
SETTING(compact_unevictable_allowed)
SETTING(compaction_proactiveness)
SETTING(extfrag_threshold)
SETTING(max_map_count)
SETTING(min_free_kbytes)
SETTING(percpu_pagelist_high_fraction)
SETTING(stat_interval)
SETTING(watermark_boost_factor)
SETTING(watermark_scale_factor)
SETTING(mmap_min_addr)
SETTING(admin_reserve_kbytes)
SETTING(overcommit_kbytes)
SETTING(oom_dump_tasks)
SETTING(oom_kill_allocating_task)
SETTING(panic_on_oom)
SETTING(swappiness)
SETTING(vfs_cache_pressure)
SETTING(vfs_cache_pressure_denom)
SETTING(nr_hugepages)
SETTING(nr_overcommit_hugepages)
SETTING(overcommit_memory)
SETTING(overcommit_ratio)
SETTING(user_reserve_kbytes)
SETTING(legacy_va_layout)
SETTING(mmap_rnd_bits)
SETTING(mmap_rnd_compat_bits)
SETTING(min_slab_ratio)
SETTING(min_unmapped_ratio)
SETTING(numa_stat)
SETTING(numa_zonelist_order)
SETTING(zone_reclaim_mode)

NUMBER(randomize_va_space, v->vm->root->set.aslr ? 2 : 0)

bool has_compat(const struct view *v, uint64_t id)
{
	return v->vm->arch->compat.name;
}

/* By type of zone, those without RAM of their own included. */
void show_lowmem_reserve_ratio(
	struct sbuf *b, const struct view *v, uint64_t id)
{
	const struct vm *m = v->vm;
	unsigned nr = m->arch->nr_zones + vmstat_extra_zones(m->arch);

	for (unsigned i = 0; i < nr; i++)
		sbuf_printf(b, "%s%u", i ? "\t" : "",
			m->root->set.lowmem_reserve_ratio[i]);
	sbuf_char(b, '\n');
}

/* ---- kernel/, fs/ ---- */

NUMBER(pid_max, PID_MAX)
LINE(ostype, "Linux")
LINE(osrelease, KERNEL_RELEASE)
LINE(kernel_version, KERNEL_VERSION)

/* Names and inodes in memory, and those that nobody uses; then what Linux tunes
 * and counts besides: age_limit, want_pages, names that do not exist. */
static uint64_t unused(const struct vm *m, enum inode_list list)
{
	uint64_t nr = 0;

	for (unsigned n = 0; n < m->root->config.nodes; n++)
		nr += m->root->node[n].unused[list - 1].nr;
	return nr;
}

static uint64_t inodes(const struct vm *m)
{
	return cache_at(m, CACHE_DISK_INODE)->used +
	       cache_at(m, CACHE_SHMEM_INODE)->used +
	       cache_at(m, CACHE_HUGETLB_INODE)->used;
}

void show_dentry_state(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_printf(b, "%llu\t%llu\t45\t0\t0\t0\n",
		(unsigned long long)cache_at(v->vm, CACHE_DENTRY)->used,
		(unsigned long long)unused(v->vm, LIST_DENTRY));
}

void show_inode_nr(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_printf(b, "%llu\t%llu\n", (unsigned long long)inodes(v->vm),
		(unsigned long long)unused(v->vm, LIST_INODE));
}

void show_inode_state(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_printf(b, "%llu\t%llu\t0\t0\t0\t0\t0\n",
		(unsigned long long)inodes(v->vm),
		(unsigned long long)unused(v->vm, LIST_INODE));
}

/* Open files, free ones kept (none), and how many there may be. */
void show_file_nr(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_printf(b, "%u\t0\t%llu\n", pool_live(v->vm, SEG_FILE),
		(unsigned long long)INT64_MAX);
}
