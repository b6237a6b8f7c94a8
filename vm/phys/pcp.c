#include "pcp.h"

#include "phys_i.h"

/* A batch is doubled so often at most. */
#define BATCH_SCALE_MAX 5
/* high_max is so large a part of the zone, over all processors. */
#define HIGH_FRACTION 8

static int32_t clamp(int32_t v, int32_t min, int32_t max)
{
	return v < min ? min : v > max ? max : v;
}

/* ---- sizes --------------------------------------------------------------- */

static uint32_t batch_size(const struct vm *m, const struct zone *z)
{
	uint64_t most = MiB >> m->page_shift, batch = z->managed / 1024;

	batch = (batch < most ? batch : most) / 4;
	batch += batch / 2;
	while (batch & (batch - 1))
		batch &= batch - 1;
	return batch > 2 ? (uint32_t)batch - 1 : 1;
}

static uint32_t high_size(
	const struct vm *m, const struct zone *z, uint64_t pages)
{
	uint32_t cpus = m->root->config.cpus, near = 0;
	uint64_t high;

	for (unsigned c = 0; c < cpus; c++)
		near += m->cpu_node[c] == z->node;
	high = pages / (near ? near : cpus);
	return high > z->pcp_batch * 4 ? (uint32_t)high : z->pcp_batch * 4;
}

void pcp_setup(struct vm *m)
{
	uint32_t fraction = m->root->set.percpu_pagelist_high_fraction;

	for (unsigned i = 0; i < m->root->nr_zones; i++) {
		struct zone *z = &m->root->zone[i];

		if (!z->managed)
			continue;
		z->pcp_batch = batch_size(m, z);
		z->pcp_high_min = high_size(
			m, z, fraction ? z->managed / fraction : z->low);
		z->pcp_high_max =
			fraction ? z->pcp_high_min
				 : high_size(m, z, z->managed / HIGH_FRACTION);
	}
}

/* ---- lists --------------------------------------------------------------- */

static unsigned list_index(enum migrate_type type, unsigned order)
{
	if (order > PCP_MAX_ORDER)
		return NR_PCP_SMALL + (type == MIGRATE_MOVABLE);
	return NR_PCPTYPES * order + type;
}

static unsigned list_order(const struct vm *m, unsigned list)
{
	return list < NR_PCP_SMALL ? list / NR_PCPTYPES : m->pageblock_order;
}

static inline void put(struct vm *m, struct frame_list *l, pfn_t pfn,
	unsigned order, bool at_tail)
{
	struct frame *f = frame_at(m, pfn);

	f->state = FRAME_PCP;
	f->order = order & 31;
	frame_link(m, l, pfn, at_tail);
}

/* Gives pages back, this list's first, then those of the lists behind it. */
static void give_back(struct vm *m, struct zone *z, struct pcp *p,
	uint32_t count, unsigned list)
{
	int32_t left = (int32_t)(count < p->count ? count : p->count);

	for (; left > 0; list = (list + 1) % NR_PCP_LISTS) {
		unsigned order = list_order(m, list);
		pfn_t pfn;

		while (left > 0 && (pfn = p->list[list].tail)) {
			struct frame *f = frame_at(m, pfn);

			frame_unlink(m, &p->list[list], f);
			f->state = FRAME_TAIL;
			f->order = 0;
			left -= 1 << order;
			p->count -= 1u << order;
			free_block(m, z, pfn, order);
		}
	}
}

/* ---- take ---------------------------------------------------------------- */

/* How many blocks an empty list gets. */
static uint32_t refill_size(const struct zone *z, struct pcp *p, unsigned order)
{
	int32_t base = (int32_t)z->pcp_batch, high_min, high_max, high, most;
	int32_t batch = order ? base : base << p->alloc_factor;

	high_min = (int32_t)z->pcp_high_min;
	high_max = (int32_t)z->pcp_high_max;
	high = clamp((int32_t)p->high, high_min, high_max);
	p->high = (uint32_t)high;
	if (high < base)
		return 1;
	if (high_min != high_max && !z->below_high) {
		high = clamp(high + batch, 0, high_max);
		p->high = (uint32_t)high;
	}
	if (!order) {
		most = high - (int32_t)p->count - base;
		most = most > base ? most : base;
		if (batch <= most && p->alloc_factor < BATCH_SCALE_MAX)
			p->alloc_factor++;
		batch = batch < most ? batch : most;
	}
	if (batch > 1)
		batch = batch >> order > 2 ? batch >> order : 2;
	return (uint32_t)batch;
}

static void refill(struct vm *m, struct zone *z, struct pcp *p,
	struct frame_list *l, unsigned order, enum migrate_type type,
	unsigned flags)
{
	uint32_t left = refill_size(z, p, order);

	while (left) {
		unsigned nr = 1;
		pfn_t pfn = PFN_NONE;

		if (!order && !(flags & ALLOC_STEAL))
			pfn = free_run(m, z, type, left, &nr);
		if (!pfn)
			pfn = zone_take(m, z, order, type, &flags);
		if (!pfn)
			return;
		for (unsigned i = 0; i < nr; i++)
			put(m, l, pfn + i, order, true);
		p->count += nr << order;
		left -= nr;
	}
}

pfn_t pcp_take(struct vm *m, struct zone *z, unsigned order,
	enum migrate_type type, unsigned flags)
{
	struct pcp *p = pcp_of(m, z);
	struct frame_list *l = &p->list[list_index(type, order)];
	pfn_t pfn;

	p->free_count >>= 1;
	if (!l->head)
		refill(m, z, p, l, order, type, flags);
	pfn = l->head;
	if (pfn) {
		frame_unlink(m, l, frame_at(m, pfn));
		p->count -= 1u << order;
	}
	return pfn;
}

/* ---- free ---------------------------------------------------------------- */

/* From how many pages on some go back. */
static uint32_t keep_size(const struct zone *z, struct pcp *p, bool free_high)
{
	int32_t high_min = (int32_t)z->pcp_high_min, high, row;
	int32_t high_max = (int32_t)z->pcp_high_max;
	int32_t batch = (int32_t)z->pcp_batch;

	high = clamp((int32_t)p->high, high_min, high_max);
	p->high = (uint32_t)high;
	if (!high)
		return 0;
	row = clamp((int32_t)p->free_count, batch, INT32_MAX);
	if (free_high)
		row = batch << BATCH_SCALE_MAX;
	if (free_high || z->reclaim_active) {
		p->high = (uint32_t)clamp(high - row, high_min, high_max);
		return free_high		    ? 0
		       : 4 * z->pcp_batch < p->high ? 4 * z->pcp_batch
						    : p->high;
	}
	if (high_min == high_max)
		return (uint32_t)high;
	if (z->below_high) {
		p->high = (uint32_t)clamp(high - row, high_min, high_max);
		return (uint32_t)clamp((int32_t)p->count, high_min, INT32_MAX);
	}
	row = (int32_t)p->free_count + batch;
	if ((int32_t)p->count >= high && high < row)
		p->high = (uint32_t)clamp(row, high_min, high_max);
	return (uint32_t)high;
}

static uint32_t return_size(const struct zone *z, const struct pcp *p,
	uint32_t high, bool free_high)
{
	int32_t batch = (int32_t)z->pcp_batch;

	if (free_high)
		return z->pcp_batch << BATCH_SCALE_MAX;
	if ((int32_t)high < batch)
		return 1;
	return (uint32_t)clamp(
		(int32_t)p->free_count, batch, (int32_t)high - batch);
}

/* Blocks of several pages that are freed one after the other do not wait: they
 * would hold larger ones apart. */
static bool is_run_of_blocks(
	const struct zone *z, struct pcp *p, unsigned order)
{
	bool block = order && order <= PCP_MAX_ORDER;
	bool run = block && p->prev_free_high &&
		   p->free_count >= z->pcp_batch + z->pcp_high_min / 2;

	p->prev_free_high = block;
	return run;
}

void pcp_free(struct vm *m, struct zone *z, pfn_t pfn, unsigned order)
{
	enum migrate_type type = pageblock_type(m, pfn);
	struct pcp *p = pcp_of(m, z);
	uint32_t keep;
	unsigned list;
	bool run;

	if (type == MIGRATE_ISOLATE) {
		free_block(m, z, pfn, order);
		return;
	}
	if (type >= NR_PCPTYPES)
		type = MIGRATE_MOVABLE;
	list = list_index(type, order);
	p->alloc_factor >>= 1;
	put(m, &p->list[list], pfn, order, false);
	p->count += 1u << order;
	run = is_run_of_blocks(z, p, order);
	if (p->free_count < z->pcp_batch << BATCH_SCALE_MAX)
		p->free_count += 1u << order;
	keep = keep_size(z, p, run);
	if (p->count < keep)
		return;
	give_back(m, z, p, return_size(z, p, keep, run), list);
	if (z->below_high && z->nr_free > z->high)
		z->below_high = 0;
}

/* ---- all lists ----------------------------------------------------------- */

uint64_t pcp_pages(const struct vm *m, const struct zone *z)
{
	unsigned zone = (unsigned)(z - m->root->zone);
	uint64_t n = 0;

	for (unsigned cpu = 0; cpu < m->root->config.cpus; cpu++)
		n += pcp_at(m, zone, cpu)->count;
	return n;
}

bool pcp_drain_all(struct vm *m)
{
	bool any = false;

	for (unsigned i = 0; i < m->root->nr_zones; i++)
		for (unsigned cpu = 0; cpu < m->root->config.cpus; cpu++) {
			struct pcp *p = pcp_at(m, i, cpu);

			any |= p->count;
			give_back(m, &m->root->zone[i], p, p->count, 0);
		}
	return any;
}

static bool decay(struct vm *m, struct zone *z, struct pcp *p)
{
	int32_t count = (int32_t)p->count, high = (int32_t)p->high, to;
	int32_t high_min = (int32_t)z->pcp_high_min;
	int32_t batch = (int32_t)z->pcp_batch;

	if (high > high_min) {
		to = count - (batch << BATCH_SCALE_MAX);
		to = to > high - (high >> 3) ? to : high - (high >> 3);
		high = to > high_min ? to : high_min;
		p->high = (uint32_t)high;
	}
	for (to = count - high; to > 0; to -= batch)
		give_back(m, z, p, (uint32_t)(to < batch ? to : batch), 0);
	return high > high_min || count > high;
}

bool pcp_decay(struct vm *m)
{
	bool more = false;

	for (unsigned i = 0; i < m->root->nr_zones; i++)
		for (unsigned cpu = 0; cpu < m->root->config.cpus; cpu++)
			more |= decay(m, &m->root->zone[i], pcp_at(m, i, cpu));
	return more;
}

/* ---- check --------------------------------------------------------------- */

#define BAD(m, ...) vm_fail((m), EIO, __VA_ARGS__)

static int check_list(struct vm *m, const struct zone *z,
	const struct frame_list *l, unsigned order, uint64_t *pages)
{
	pfn_t prev = PFN_NONE, pfn = l->head;

	for (; pfn; prev = pfn, pfn = frame_at(m, pfn)->next) {
		const struct frame *f;

		if (pfn < z->start || pfn >= z->end)
			return BAD(m,
				"a per-CPU list leads to frame %u, outside the "
				"zone of %u to %u",
				pfn, z->start, z->end);
		f = frame_at(m, pfn);
		if (f->state != FRAME_PCP || f->order != order ||
			f->prev != prev)
			return BAD(m,
				"frame %u, on a per-CPU list of order %u, has "
				"state %u, order %u and points back to %u",
				pfn, order, f->state, f->order, f->prev);
		*pages += 1u << order;
	}
	return l->tail == prev ? 0
			       : BAD(m,
					 "a per-CPU list ends at frame %u, its "
					 "tail is %u",
					 prev, l->tail);
}

int pcp_check(struct vm *m, const struct zone *z)
{
	unsigned zone = (unsigned)(z - m->root->zone);

	for (unsigned cpu = 0; cpu < m->root->config.cpus; cpu++) {
		const struct pcp *p = pcp_at(m, zone, cpu);
		uint64_t pages = 0;

		for (unsigned i = 0; i < NR_PCP_LISTS; i++)
			if (check_list(m, z, &p->list[i], list_order(m, i),
				    &pages))
				return -EIO;
		if (pages != p->count)
			return BAD(m,
				"processor %u has %llu pages of zone %s and "
				"counts %u",
				cpu, ULL(pages), zone_name(m, zone), p->count);
	}
	return 0;
}
