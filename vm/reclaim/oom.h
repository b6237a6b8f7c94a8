/*
 * The OOM killer: when no page can be taken back, the process dies whose end
 * gives back most.  Its report is in kernel/dmesg.
 *
 * Source: Linux mm/oom_kill.c.
 */
#ifndef PAGEFS_VM_OOM_H
#define PAGEFS_VM_OOM_H

#include "../phys/phys.h"
#include "../task/task.h"

/*
 * What the kill of t would give back, in pages: resident and swapped pages and
 * page tables, moved by oom_score_adj thousandths of `total`.  INT64_MIN: never
 * chosen (init, oom_score_adj -1000, no memory).
 */
int64_t oom_badness(const struct vm *m, const struct task *t, uint64_t total);
/* RAM and swap, in pages. */
uint64_t oom_total(const struct vm *m);

/*
 * Kills the worst process.  True if memory was freed by that.  False if there
 * was nobody to kill, or if it is the process whose command runs: that dies
 * after the command (oom_reap()).
 */
bool oom_kill(struct vm *m, unsigned gfp, unsigned order);
/* The kernel has stopped (panic_on_oom): -EIO with the sentence that every
 * command gets from then on. */
int oom_halted(struct vm *m);
/* After a command: those who were chosen while they ran it end. */
void oom_reap(struct vm *m);

/* The nodes that the allocation may use are its policy's. */
static inline bool oom_is_bound(const struct vm *m)
{
	unsigned all = (1u << m->root->config.nodes) - 1;

	return (m->reach & all) != all;
}
/* Whether t's process may have pages there: not if all its threads are bound to
 * other nodes. */
bool oom_could_help(const struct vm *m, const struct task *t);

/* ---- oom_report.c: lines of kernel/dmesg ---- */
/* Who asked for what, the memory of the machine, and with oom_dump_tasks its
 * processes. */
void oom_report(struct vm *m, unsigned gfp, unsigned order);
/* Who is killed; and that init keeps the memory, if it shares it. */
void oom_report_kill(struct vm *m, const struct task *v);

/* ---- gfp_text.c ---- */
#define GFP_TEXT 160
/* As Linux prints a request that may wait. */
void gfp_text(unsigned gfp, char buf[GFP_TEXT]);

#endif
