/*
 * Time that is lost to waiting, and the averages that the kernel keeps of it
 * and of the load.
 *
 * What a command had to wait for is known when it is done, by what was counted
 * meanwhile, and is simulated time like any other:
 *
 *	a page that direct reclaim looked at	cost_reclaim_ns
 *	a block read from disk/ or from swap	cost_io_ns
 *
 * Reading is a stall of I/O.  Direct reclaim is one of memory, and so is
 * reading what was in use when it was evicted (workingset_restore), as in
 * Linux.  One command runs at a time and all else waits for it: `full` is as
 * much as `some`.
 *
 * Averages follow at defined points, when the clock has passed the end of a
 * period: 201 ticks for stalls, 501 for the load.  Source: Linux
 * kernel/sched/psi.c (update_averages, calc_avgs), kernel/sched/loadavg.c
 * (calc_global_load), include/linux/sched/loadavg.h.
 */
#ifndef PAGEFS_VM_PSI_H
#define PAGEFS_VM_PSI_H

#include "../machine.h"

/* Counters before a command. */
struct psi_mark {
	uint64_t scanned, blocks, restored;
};

/* When the first periods end. */
void averages_boot(struct root *r);

struct psi_mark psi_mark(const struct vm *m);
/* The time that was waited since passes; iowait is that processor's. */
void psi_stall(struct vm *m, const struct psi_mark *since, uint32_t cpu);

/* The averages as of now; what reads them works on a copy. */
void psi_update(const struct root *r, struct psi *p);
void load_update(const struct root *r, uint32_t running, struct load *l);
/* After time has passed. */
void averages_run(struct vm *m);
static inline bool averages_due(const struct root *r)
{
	return r->ns >= r->psi.next || r->ns >= r->load.next;
}

/* Fixed point: hundredths of an average. */
static inline unsigned load_int(uint64_t avg)
{
	return (unsigned)(avg >> 11);
}

static inline unsigned load_hundredths(uint64_t avg)
{
	return (unsigned)((avg & 2047) * 100 >> 11);
}

#endif
