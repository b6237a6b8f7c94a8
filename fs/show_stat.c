/*
 * proc/PID/stat and its relatives of one line: statm, oom_score,
 * oom_score_adj, oom_adj, comm; and limits.
 * Sources: Linux fs/proc/array.c, fs/proc/base.c, mm/oom_kill.c.
 */
#include "../vm/reclaim/oom.h"
#include "access.h"
#include "renderers.h"
#include "show_proc.h"

#define NS_PER_TICK 10000000ull /* USER_HZ is 100 */

static void num(struct sbuf *b, uint64_t v)
{
	sbuf_char(b, ' ');
	sbuf_dec(b, v);
}

static void nums(struct sbuf *b, const uint64_t *v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		num(b, v[i]);
}

/* Fields 23 to 35 and 45 to 51 of a process without memory are zero. */
static const struct mm no_mm;

static void stat_identity(
	struct sbuf *b, const struct vm *m, const struct task *t)
{
	const struct task_group *g = &task_leader(m, t)->group;
	unsigned ppid = t->parent ? task_at(m, t->parent)->tgid : 0;

	/* pid (comm) state ppid pgrp session tty_nr tpgid flags */
	sbuf_printf(b, "%u (%.15s) %c %u %u %u 0 -1 %u", t->pid, t->comm,
		(int)t->state, ppid, g->pgrp, g->session, t->flags);
}

/* What of the layout is shown: of a process that the caller may not look at
 * only that it has code. */
static void addresses(struct mm *to, const struct mm *mm, bool may)
{
	*to = may ? *mm : no_mm;
	if (!may && mm != &no_mm)
		to->start_code = to->end_code = 1;
}

/* Faults and time of one thread, or of all that the process has and had. */
struct usage {
	uint64_t min_flt, maj_flt, utime_ns;
};

static struct usage usage_of(
	const struct vm *m, const struct task *t, bool whole)
{
	const struct task_group *g = &task_leader(m, t)->group;
	struct usage u = {g->min_flt, g->maj_flt, g->utime_ns};

	if (!whole)
		return (struct usage){t->min_flt, t->maj_flt, t->utime_ns};
	for (idx_t i = m->root->first_task; i; i = task_at(m, i)->next) {
		const struct task *o = task_at(m, i);

		if (o->tgid != t->tgid)
			continue;
		u.min_flt += o->min_flt;
		u.maj_flt += o->maj_flt;
		u.utime_ns += o->utime_ns;
	}
	return u;
}

/* Fields 10 to 25 are of the process if `whole`, the others always t's. */
static void stat_line(struct sbuf *b, const struct view *view,
	const struct task *t, bool whole)
{
	const struct vm *m = view->vm;
	const struct task_group *g = &task_leader(m, t)->group;
	const struct mm *mm = t->mm ? mm_at(m, t->mm) : &no_mm;
	struct usage u = usage_of(m, t, whole);
	/* of who is stopped, by what, until its parent was told */
	uint32_t code =
		whole && g->stopped ? g->stop_code : (uint32_t)t->exit_code;
	bool may = caller_may_look(view, t);
	struct mm seen;

	addresses(&seen, mm, may);
	stat_identity(b, m, t);
	/* minflt cminflt majflt cmajflt, utime stime cutime cstime, priority
	 * nice num_threads itrealvalue starttime, vsize rss rsslim */
	nums(b,
		(const uint64_t[]){u.min_flt, g->cmin_flt, u.maj_flt,
			g->cmaj_flt, u.utime_ns / NS_PER_TICK, 0,
			g->cutime_ns / NS_PER_TICK, 0, 20, 0,
			task_nr_threads(m, t), 0, t->start_ns / NS_PER_TICK,
			mm->total_vm << m->page_shift, mm_rss_pages(mm),
			t->rlim[RLIM_RSS].soft},
		16);
	/* startcode endcode startstack kstkesp kstkeip, signal blocked
	 * sigignore sigcatch, wchan nswap cnswap, exit_signal processor
	 * rt_priority policy delayacct_blkio guest_time cguest_time */
	nums(b,
		(const uint64_t[]){seen.start_code, seen.end_code,
			seen.start_stack, 0, 0, task_own_signals(t), 0,
			g->sig_ignored & 0x7fffffff, 0,
			may && t->state != TASK_RUNNING, 0, 0},
		12);
	sbuf_printf(b, " %d", t->exit_signal);
	nums(b, (const uint64_t[]){t->cpu, 0, 0, 0, 0, 0}, 6);
	nums(b,
		(const uint64_t[]){seen.start_data, seen.end_data,
			seen.start_brk, seen.arg_start, seen.arg_end,
			seen.env_start, seen.env_end, may ? code : 0},
		8);
	sbuf_char(b, '\n');
}

void show_stat(struct sbuf *b, const struct view *view, uint64_t id)
{
	const struct task *t = show_task(view, id);

	if (t)
		stat_line(b, view, t, true);
}

void show_thread_stat(struct sbuf *b, const struct view *view, uint64_t id)
{
	const struct task *t = show_task(view, id);

	if (t)
		stat_line(b, view, t, false);
}

void show_statm(struct sbuf *b, const struct view *view, uint64_t id)
{
	const struct mm *mm = show_mm(view, id);

	if (!mm)
		mm = &no_mm;
	/* size resident shared text lib data dt */
	sbuf_dec(b, mm->total_vm);
	nums(b,
		(const uint64_t[]){mm_rss_pages(mm),
			mm->rss[RSS_FILE] + mm->rss[RSS_SHMEM],
			mm_text_pages(view->vm, mm), 0,
			mm->data_vm + mm->stack_vm, 0},
		6);
	sbuf_char(b, '\n');
}

void show_comm(struct sbuf *b, const struct view *view, uint64_t id)
{
	const struct task *t = show_task(view, id);

	if (t)
		sbuf_printf(b, "%.15s\n", t->comm);
}

/* ---- the OOM killer's view ---- */

/*
 * Pages that killing the task would free, moved by oom_score_adj thousandths
 * of all memory; scaled so that an idle process has 666.  init is exempt, and
 * so is who asked for it with -1000.
 */
void show_oom_score(struct sbuf *b, const struct view *view, uint64_t id)
{
	const struct vm *m = view->vm;
	const struct task *t = show_task(view, id);
	int64_t total, points;

	if (!t)
		return;
	total = (int64_t)oom_total(m);
	points = oom_badness(m, t, (uint64_t)total);
	if (points == INT64_MIN || !total) {
		sbuf_str(b, "0\n");
		return;
	}
	sbuf_printf(b, "%lld\n",
		(long long)((1000 + points * 1000 / total) * 2 / 3));
}

void show_oom_score_adj(struct sbuf *b, const struct view *view, uint64_t id)
{
	const struct task *t = show_task(view, id);

	if (t)
		sbuf_printf(b, "%d\n", (int32_t)t->oom_score_adj);
}

/* The older scale, -17 to 15: no more, though 999 would make 16. */
void show_oom_adj(struct sbuf *b, const struct view *view, uint64_t id)
{
	const struct task *t = show_task(view, id);
	int adj;

	if (!t)
		return;
	adj = (int32_t)t->oom_score_adj * 17 / 1000;
	sbuf_printf(b, "%d\n", adj > 15 ? 15 : adj);
}

/* ---- limits ---- */

static const struct {
	const char *name, *unit;
} limit_names[NR_RLIMITS] = {
	[RLIM_CPU] = {"Max cpu time", "seconds"},
	[RLIM_FSIZE] = {"Max file size", "bytes"},
	[RLIM_DATA] = {"Max data size", "bytes"},
	[RLIM_STACK] = {"Max stack size", "bytes"},
	[RLIM_CORE] = {"Max core file size", "bytes"},
	[RLIM_RSS] = {"Max resident set", "bytes"},
	[RLIM_NPROC] = {"Max processes", "processes"},
	[RLIM_NOFILE] = {"Max open files", "files"},
	[RLIM_MEMLOCK] = {"Max locked memory", "bytes"},
	[RLIM_AS] = {"Max address space", "bytes"},
	[RLIM_LOCKS] = {"Max file locks", "locks"},
	[RLIM_SIGPENDING] = {"Max pending signals", "signals"},
	[RLIM_MSGQUEUE] = {"Max msgqueue size", "bytes"},
	[RLIM_NICE] = {"Max nice priority", ""},
	[RLIM_RTPRIO] = {"Max realtime priority", ""},
	[RLIM_RTTIME] = {"Max realtime timeout", "us"},
};

static void limit_value(struct sbuf *b, uint64_t v)
{
	if (v == RLIM_UNLIMITED)
		sbuf_printf(b, "%-20s ", "unlimited");
	else
		sbuf_printf(b, "%-20llu ", (unsigned long long)v);
}

void show_limits(struct sbuf *b, const struct view *view, uint64_t id)
{
	const struct task *t = show_task(view, id);

	if (!t)
		return;
	sbuf_printf(b, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit",
		"Hard Limit", "Units");
	for (unsigned i = 0; i < NR_RLIMITS; i++) {
		sbuf_printf(b, "%-25s ", limit_names[i].name);
		limit_value(b, t->rlim[i].soft);
		limit_value(b, t->rlim[i].hard);
		if (*limit_names[i].unit)
			sbuf_printf(b, "%-10s\n", limit_names[i].unit);
		else
			sbuf_char(b, '\n');
	}
}
