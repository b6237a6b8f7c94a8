#include "oom.h"

#include "../kernel/dmesg.h"
#include "../mm/mm.h"
#include "../swap/swap.h"

#define SIGKILL_NR 9

uint64_t oom_total(const struct vm *m)
{
	return m->root->totalram_pages + swap_total(m);
}

/* What the allocation could have had. */
static uint64_t total_here(const struct vm *m)
{
	uint64_t total = swap_total(m);

	if (!oom_is_bound(m))
		return oom_total(m);
	for (unsigned n = 0; n < m->root->config.nodes; n++)
		if (m->reach >> n & 1)
			total += node_sum(m, n, present);
	return total;
}

/* The memory of a child of vfork is its parent's. */
static bool in_vfork(const struct vm *m, const struct task *t)
{
	return t->vfork_waiter && task_at(m, t->parent)->mm == t->mm;
}

static bool exempt(const struct vm *m, const struct task *t)
{
	return t->tgid == 1 || (int32_t)t->oom_score_adj == -1000 ||
	       t->oom_victim || mm_at(m, t->mm)->oom_skip || in_vfork(m, t);
}

int64_t oom_badness(const struct vm *m, const struct task *t, uint64_t total)
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
	return points + (int32_t)t->oom_score_adj * (int64_t)(total / 1000);
}

/* The policy of a thread that has ended is gone. */
static bool is_elsewhere(const struct vm *m, const struct task *t)
{
	return t->mm && mpol_mode(&t->policy) == MPOL_BIND &&
	       !(t->policy.nodes & m->reach);
}

bool oom_could_help(const struct vm *m, const struct task *t)
{
	if (!oom_is_bound(m))
		return true;
	for (idx_t i = m->root->first_task; i; i = task_at(m, i)->next)
		if (task_at(m, i)->tgid == t->tgid &&
			!is_elsewhere(m, task_at(m, i)))
			return true;
	return false;
}

/* The highest badness; of equals the process that is newest. */
static struct task *choose(struct vm *m)
{
	uint64_t total = total_here(m);
	int64_t worst = INT64_MIN;
	struct task *victim = NULL;

	for (struct task *t = task_next(m, 0); t;
		t = task_next(m, t->pid + 1)) {
		int64_t points = INT64_MIN;

		if (t->pid == t->tgid && oom_could_help(m, t))
			points = oom_badness(m, t, total);
		if (points != INT64_MIN && points >= worst) {
			worst = points;
			victim = t;
		}
	}
	return victim ? task_with_memory(m, victim) : NULL;
}

/* ---- kill -----------------------------------------------------------------
 */

/* Everyone with that address space is chosen, but for init.  If that keeps it,
 * nobody else dies for it. */
static void mark(struct vm *m, idx_t mm)
{
	for (idx_t i = m->root->first_task; i; i = task_at(m, i)->next) {
		struct task *t = task_at(m, i);

		if (t->mm != mm)
			continue;
		if (t->tgid == 1) {
			mm_at(m, mm)->oom_skip = 1;
			continue;
		}
		t->oom_victim = 1;
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

/* vm.panic_on_oom: 1 is for the whole machine alone. */
static bool must_panic(const struct vm *m)
{
	return m->root->set.panic_on_oom == 2 ||
	       (m->root->set.panic_on_oom == 1 && !oom_is_bound(m));
}

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
		oom_could_help(m, t) && !exempt(m, t))
		return t;
	return choose(m);
}

bool oom_kill(struct vm *m, unsigned gfp, unsigned order)
{
	const struct task *t = m->running;
	struct task *v;

	if (t && t->oom_victim)
		return false;
	if (must_panic(m)) {
		oom_report(m, gfp, order);
		panic(m);
		return false;
	}
	v = victim(m);
	oom_report(m, gfp, order);
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
	oom_report_kill(m, v);
	m->root->count[CNT_OOM_KILL]++;
	for (unsigned n = 0; n < m->root->config.nodes; n++)
		m->root->node[n].kswapd_failures = 0;
	mark(m, v->mm);
	if (t && t->oom_victim) {
		m->fail.err = 0;
		vm_fail(m, ENOMEM,
			"out of memory: process %u (%s) was chosen by the OOM "
			"killer and dies; kernel/dmesg has the report",
			v->pid, v->comm);
		return false;
	}
	oom_reap(m);
	return true;
}
