#include "psi.h"

#include "../task/task.h"

#define TICK_NS	    10000000ull
#define PSI_PERIOD  (201 * TICK_NS)
#define LOAD_PERIOD (501 * TICK_NS)
#define FIXED_1	    2048u /* 1.0 */

/* ---- stalls ---------------------------------------------------------------
 */

/* Blocks read from vda and vdb: zram0 lies in RAM. */
static uint64_t blocks_read(const struct vm *m)
{
	const struct disk_io *io = m->root->io;

	return io[DISK_VDA].reads + io[DISK_VDB].reads;
}

struct psi_mark psi_mark(const struct vm *m)
{
	const uint64_t *count = m->root->count;

	return (struct psi_mark){
		.scanned = count[CNT_PGSCAN_DIRECT],
		.blocks = blocks_read(m),
		.restored = count[CNT_REFAULT_RESTORE_ANON] +
			    count[CNT_REFAULT_RESTORE_ANON + 1],
	};
}

void psi_stall(struct vm *m, const struct psi_mark *since, uint32_t cpu)
{
	const struct psi_mark now = psi_mark(m);
	struct root *r = m->root;
	uint64_t blocks = now.blocks - since->blocks;
	uint64_t restored = now.restored - since->restored;
	uint64_t reclaim =
		(now.scanned - since->scanned) * r->set.cost_reclaim_ns;
	uint64_t io = blocks * r->set.cost_io_ns;

	if (!reclaim && !io)
		return;
	if (restored > blocks)
		restored = blocks;
	r->psi.total[PSI_IO] += io;
	r->psi.total[PSI_MEMORY] += reclaim + restored * r->set.cost_io_ns;
	r->cpu[cpu].iowait_ns += io;
	r->ns += reclaim + io;
}

/* ---- averages -------------------------------------------------------------
 */

/* One period more, in which the value was `active`. */
static uint64_t average(uint64_t avg, uint64_t decay, uint64_t active)
{
	uint64_t v = avg * decay + active * (FIXED_1 - decay);

	if (active >= avg)
		v += FIXED_1 - 1;
	return v / FIXED_1;
}

/* x^n, rounded at each step as Linux does. */
static uint64_t power(uint64_t x, uint64_t n)
{
	uint64_t result = FIXED_1;

	for (; n; n >>= 1) {
		if (n & 1)
			result = (result * x + FIXED_1 / 2) >> 11;
		x = (x * x + FIXED_1 / 2) >> 11;
	}
	return result;
}

static uint64_t average_of(
	uint64_t avg, uint64_t decay, uint64_t active, uint64_t periods)
{
	return periods ? average(avg, power(decay, periods), active) : avg;
}

void averages_boot(struct root *r)
{
	r->psi.next = PSI_PERIOD;
	r->load.next = LOAD_PERIOD;
}

void psi_update(const struct root *r, struct psi *p)
{
	static const uint64_t decay[3] = {1677, 1981, 2034};
	uint64_t missed, period;

	if (r->ns < p->next)
		return;
	missed = (r->ns - p->next) / PSI_PERIOD;
	period = r->ns - (p->last + missed * PSI_PERIOD);
	p->next += (missed + 1) * PSI_PERIOD;
	p->last = r->ns;
	for (unsigned i = 0; i < NR_PSI; i++) {
		uint64_t sample = p->total[i] - p->seen[i], share;

		if (sample > period)
			sample = period;
		p->seen[i] += sample;
		share = sample * 100 / period * FIXED_1;
		for (unsigned j = 0; j < 3; j++)
			p->avg[i][j] = average(
				average_of(p->avg[i][j], decay[j], 0, missed),
				decay[j], share);
	}
}

void load_update(const struct root *r, uint32_t running, struct load *l)
{
	static const uint64_t decay[3] = {1884, 2014, 2037};
	uint64_t periods;

	if (r->ns < l->next)
		return;
	periods = (r->ns - l->next) / LOAD_PERIOD + 1;
	l->next += periods * LOAD_PERIOD;
	for (unsigned j = 0; j < 3; j++)
		l->avg[j] = average_of(l->avg[j], decay[j],
			(uint64_t)running * FIXED_1, periods);
}

static uint32_t nr_runnable(const struct vm *m)
{
	uint32_t n = 0;

	for (idx_t i = m->root->first_task; i; i = task_at(m, i)->next)
		n += task_at(m, i)->state == TASK_RUNNING;
	return n;
}

void averages_run(struct vm *m)
{
	psi_update(m->root, &m->root->psi);
	load_update(m->root, nr_runnable(m), &m->root->load);
}
