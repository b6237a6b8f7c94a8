#include "oom.h"

#include "../format.h"
#include "../kernel/dmesg.h"
#include "../mm/mm.h"
#include "../phys/lru.h"
#include "../swap/swap.h"

#define SIGKILL_NR 9

uint64_t oom_total(const struct vm *m)
{
	return m->root->totalram_pages + swap_total(m);
}

/* The memory of a child of vfork is its parent's. */
static bool in_vfork(const struct vm *m, const struct task *t)
{
	return t->vfork_waiter && task_at(m, t->parent)->mm == t->mm;
}

static bool exempt(const struct vm *m, const struct task *t)
{
	return t->tgid == 1 || (int32_t)t->oom_score_adj == -1000 ||
	       t->oom_victim || in_vfork(m, t);
}

int64_t oom_badness(const struct vm *m, const struct task *t)
{
	const struct task *holder = task_with_memory(m, t);
	const struct mm *mm;
	int64_t points;

	if (!holder || exempt(m, holder))
		return INT64_MIN;
	mm = mm_at(m, holder->mm);
	points = (int64_t)(mm->rss[RSS_FILE] + mm->rss[RSS_ANON] +
			   mm->rss[RSS_SHMEM] + mm->swapped +
			   (mm->pgtables >> m->page_shift));
	return points +
	       (int32_t)t->oom_score_adj * (int64_t)(oom_total(m) / 1000);
}

/* The nodes that the allocation may use are its policy's. */
static bool is_bound(const struct vm *m)
{
	unsigned all = (1u << m->root->config.nodes) - 1;

	return (m->reach & all) != all;
}

/* A process that is bound to other nodes has nothing to give. */
static bool could_help(const struct vm *m, const struct task *t)
{
	return !is_bound(m) || mpol_mode(&t->policy) != MPOL_BIND ||
	       t->policy.nodes & m->reach;
}

/* The highest badness; of equals the one with the lowest PID. */
static struct task *choose(struct vm *m)
{
	int64_t worst = INT64_MIN;
	struct task *victim = NULL;

	for (struct task *t = task_next(m, 0); t;
		t = task_next(m, t->pid + 1)) {
		int64_t points = INT64_MIN;

		if (t->pid == t->tgid && could_help(m, t))
			points = oom_badness(m, t);
		if (points > worst) {
			worst = points;
			victim = t;
		}
	}
	return victim ? task_with_memory(m, victim) : NULL;
}

/* ---- report ---------------------------------------------------------------
 */

#define KB(m, pages) ((unsigned long long)(pages) << ((m)->page_shift - 10))

static void mem_info(struct vm *m)
{
	dmesg_line(m, "Mem-Info:");
	dmesg_line(m, "active_anon:%llu inactive_anon:%llu isolated_anon:0",
		(unsigned long long)lru_size(m, LRU_ACTIVE_ANON),
		(unsigned long long)lru_size(m, LRU_INACTIVE_ANON));
	dmesg_line(m, " active_file:%llu inactive_file:%llu isolated_file:0",
		(unsigned long long)lru_size(m, LRU_ACTIVE_FILE),
		(unsigned long long)lru_size(m, LRU_INACTIVE_FILE));
	dmesg_line(m, " unevictable:%llu dirty:%llu writeback:0",
		(unsigned long long)lru_size(m, LRU_UNEVICTABLE),
		(unsigned long long)phys_sum(m, dirty));
	dmesg_line(m, " slab_reclaimable:%llu slab_unreclaimable:%llu",
		(unsigned long long)phys_sum(m, pages[USE_SLAB_RECLAIMABLE]),
		(unsigned long long)phys_sum(m, pages[USE_SLAB_UNRECLAIMABLE]));
	dmesg_line(m, " mapped:%llu shmem:%llu pagetables:%llu",
		(unsigned long long)phys_sum(m, mapped),
		(unsigned long long)phys_sum(m, pages[USE_SHMEM]),
		(unsigned long long)phys_sum(m, pages[USE_PGTABLE]));
	dmesg_line(m, " sec_pagetables:0 bounce:0");
	dmesg_line(m, " kernel_misc_reclaimable:0");
	dmesg_line(m, " free:%llu free_pcp:0 free_cma:0",
		(unsigned long long)phys_sum(m, nr_free));
}

static void zone_info(struct vm *m)
{
	for (unsigned i = 0; i < m->root->nr_zones; i++) {
		const struct zone *z = &m->root->zone[i];

		if (!z->managed)
			continue;
		dmesg_line(m,
			"Node %u %s free:%llukB boost:0kB min:%llukB "
			"low:%llukB "
			"high:%llukB reserved_highatomic:%lluKB "
			"free_highatomic:%lluKB active_anon:%llukB "
			"inactive_anon:%llukB "
			"active_file:%llukB inactive_file:%llukB "
			"unevictable:%llukB present:%llukB managed:%llukB",
			z->node, zone_name(m, i), KB(m, z->nr_free),
			KB(m, z->min), KB(m, z->low), KB(m, z->high),
			KB(m, z->nr_reserved_highatomic),
			KB(m, zone_free_highatomic(z)),
			KB(m, z->nr_lru[LRU_ACTIVE_ANON]),
			KB(m, z->nr_lru[LRU_INACTIVE_ANON]),
			KB(m, z->nr_lru[LRU_ACTIVE_FILE]),
			KB(m, z->nr_lru[LRU_INACTIVE_FILE]),
			KB(m, z->nr_lru[LRU_UNEVICTABLE]), KB(m, z->present),
			KB(m, z->managed));
	}
	dmesg_line(m, "%llu total pagecache pages",
		(unsigned long long)(phys_sum(m, pages[USE_FILE]) +
				     phys_sum(m, pages[USE_SHMEM]) +
				     phys_sum(m, swap_cached)));
	dmesg_line(m, "%llu pages in swap cache",
		(unsigned long long)phys_sum(m, swap_cached));
	dmesg_line(m, "Free swap  = %llukB", KB(m, swap_free(m)));
	dmesg_line(m, "Total swap = %llukB", KB(m, swap_total(m)));
	dmesg_line(m, "%llu pages RAM",
		(unsigned long long)m->root->totalram_pages);
}

static void task_dump(struct vm *m)
{
	dmesg_line(m, "Tasks state (memory values in pages):");
	dmesg_line(m, "[  pid  ]   uid  tgid total_vm      rss rss_anon "
		      "rss_file rss_shmem pgtables_bytes swapents "
		      "oom_score_adj name");
	for (struct task *t = task_next(m, 0); t;
		t = task_next(m, t->pid + 1)) {
		const struct mm *mm = mm_at(m, t->mm);
		uint64_t rss;

		if (!t->mm || t->tgid == 1 || t->pid != t->tgid)
			continue;
		rss = mm->rss[RSS_FILE] + mm->rss[RSS_ANON] +
		      mm->rss[RSS_SHMEM];
		dmesg_line(m,
			"[%7u] %5u %5u %8llu %8llu %8llu %8llu %9llu %8llu "
			"%8llu         %5d %s",
			t->pid, t->cred.uid, t->tgid,
			(unsigned long long)mm->total_vm,
			(unsigned long long)rss,
			(unsigned long long)mm->rss[RSS_ANON],
			(unsigned long long)mm->rss[RSS_FILE],
			(unsigned long long)mm->rss[RSS_SHMEM],
			(unsigned long long)(mm->pgtables + m->page_size),
			(unsigned long long)mm->swapped,
			(int32_t)t->oom_score_adj, t->comm);
	}
}

static void report(
	struct vm *m, const struct task *t, enum gfp_zone gfp, unsigned order)
{
	bool user = gfp == GFP_HIGHUSER;

	dmesg_line(m,
		"%s invoked oom-killer: gfp_mask=%s, order=%u, "
		"oom_score_adj=%d",
		t ? t->comm : "kernel",
		user ? "0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP)"
		     : "0xcc0(GFP_KERNEL)",
		order, t ? (int32_t)t->oom_score_adj : 0);
	mem_info(m);
	zone_info(m);
	if (m->root->set.oom_dump_tasks)
		task_dump(m);
}

static void report_kill(struct vm *m, const struct task *v)
{
	const struct mm *mm = mm_at(m, v->mm);
	bool asker = m->root->set.oom_kill_allocating_task && v == m->running;
	unsigned all = (1u << m->root->config.nodes) - 1;
	char mask[24] = "(null)", mems[24];

	if (is_bound(m))
		mpol_nodes_text(m->reach, mask, sizeof(mask));
	mpol_nodes_text(all, mems, sizeof(mems));
	dmesg_line(m,
		"oom-kill:constraint=CONSTRAINT_%s,nodemask=%s,cpuset=/,"
		"mems_allowed=%s,global_oom,task_memcg=/,task=%s,pid=%u,"
		"uid=%u",
		is_bound(m) ? "MEMORY_POLICY" : "NONE", mask, mems, v->comm,
		v->pid, v->cred.uid);
	dmesg_line(m,
		"Out of memory%s: Killed process %u (%s) total-vm:%llukB, "
		"anon-rss:%llukB, file-rss:%llukB, shmem-rss:%llukB, UID:%u "
		"pgtables:%llukB oom_score_adj:%d",
		asker ? " (oom_kill_allocating_task)" : "", v->pid, v->comm,
		KB(m, mm->total_vm), KB(m, mm->rss[RSS_ANON]),
		KB(m, mm->rss[RSS_FILE]), KB(m, mm->rss[RSS_SHMEM]),
		v->cred.uid,
		(unsigned long long)((mm->pgtables + m->page_size) >> 10),
		(int32_t)v->oom_score_adj);
}

/* ---- kill -----------------------------------------------------------------
 */

/* Everyone with that address space is chosen. */
static void mark(struct vm *m, idx_t mm)
{
	for (idx_t i = m->root->first_task; i; i = task_at(m, i)->next)
		if (task_at(m, i)->mm == mm && task_at(m, i)->tgid != 1) {
			task_at(m, i)->oom_victim = 1;
			m->root->oom_victims++;
		}
}

void oom_reap(struct vm *m)
{
	uint32_t pid = 0;
	struct task *t;

	if (!m->root->oom_victims)
		return;
	while ((t = task_next(m, pid + 1))) {
		pid = t->pid;
		if (!t->oom_victim)
			continue;
		t->oom_victim = 0;
		if (t->mm)
			task_exit_group(m, t, SIGKILL_NR);
	}
	m->root->oom_victims = 0;
}

/* vm.panic_on_oom */
static void panic(struct vm *m)
{
	dmesg_line(m,
		"Kernel panic - not syncing: Out of memory: %s panic_on_oom is "
		"enabled",
		m->root->set.panic_on_oom == 2 ? "compulsory" : "system-wide");
	m->root->panicked = 1;
	m->fail.err = 0;
	oom_halted(m);
}

int oom_halted(struct vm *m)
{
	return vm_fail(m, EIO,
		"the kernel has stopped: out of memory, and panic_on_oom is "
		"%u; kernel/dmesg has the report, `restore` goes back before "
		"it",
		m->root->set.panic_on_oom);
}

/* Who dies: the worst, or with vm.oom_kill_allocating_task who asks. */
static struct task *victim(struct vm *m)
{
	struct task *t = (struct task *)m->running;

	if (m->root->set.oom_kill_allocating_task && t && t->mm &&
		!exempt(m, t))
		return t;
	return choose(m);
}

bool oom_kill(struct vm *m, enum gfp_zone gfp, unsigned order)
{
	const struct task *t = m->running;
	struct task *v;

	if (t && t->oom_victim)
		return false;
	if (m->root->set.panic_on_oom) {
		report(m, t, gfp, order);
		panic(m);
		return false;
	}
	v = victim(m);
	report(m, t, gfp, order);
	if (!v) {
		dmesg_line(m, "Out of memory and no killable processes...");
		vm_fail_clear(m);
		vm_fail(m, ENOMEM,
			"out of memory: all zones are at their min watermarks, "
			"%llu pages of swap are free, and the OOM killer may "
			"take nobody: not init, nor who has oom_score_adj "
			"-1000",
			(unsigned long long)swap_free(m));
		return false;
	}
	report_kill(m, v);
	m->root->count[CNT_OOM_KILL]++;
	for (unsigned n = 0; n < m->root->config.nodes; n++)
		m->root->node[n].kswapd_failures = 0;
	if (t && v->mm == t->mm) {
		mark(m, v->mm);
		m->fail.err = 0;
		vm_fail(m, ENOMEM,
			"out of memory: process %u (%s) was chosen by the OOM "
			"killer and dies; kernel/dmesg has the report",
			v->pid, v->comm);
		return false;
	}
	mark(m, v->mm);
	oom_reap(m);
	return true;
}
