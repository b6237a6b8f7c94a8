/*
 * NUMA nodes: what RAM and which processors they have, how far they are from
 * each other, and in which order their zones serve a request.
 *
 *	RAM in order of address, nodes=4:
 *	|    node 0    |    node 1    |    node 2    |    node 3    |
 *	| DMA | DMA32         |   Normal ...
 *
 * A zonelist has the nodes in order of their distance, and within a node the
 * zones from the highest allowed down: Linux's order by nodes.
 *
 * Source: Linux mm/page_alloc.c (build_zonelists, find_next_best_node), ACPI's
 * SRAT and SLIT as QEMU makes them.
 */
#include "../numa/distance.h"
#include "../numa/mempolicy.h"
#include "../task/task.h"
#include "phys_i.h"

unsigned node_distance(const struct vm *m, unsigned from, unsigned to)
{
	return distance_of(&m->root->config, from, to);
}

/* ---- boot ---------------------------------------------------------------- */

/* Where byte `at` of RAM lies: the PCI hole is counted in. */
static paddr_t ram_address(const struct vm *m, uint64_t at)
{
	const struct arch *a = m->arch;

	return at < a->low_limit ? at : a->high_start + (at - a->low_limit);
}

/* Equal parts that end between blocks of the largest order. */
void nodes_boot(struct vm *m)
{
	struct root *r = m->root;
	uint64_t block = m->page_size << MAX_ORDER;
	unsigned nr = r->config.nodes;

	for (unsigned n = 1; n < nr; n++) {
		uint64_t at = r->config.ram / nr * n / block * block;

		r->node[n].start = (pfn_t)(ram_address(m, at) >> m->page_shift);
		r->node[n - 1].end = r->node[n].start;
	}
	r->node[nr - 1].end =
		(pfn_t)(phys_end(m->arch, r->config.ram) >> m->page_shift);
}

/* ---- zonelists ----------------------------------------------------------- */

/* The nearest node that is not taken yet; of equals the next one in number, and
 * one that is not the first choice of others. */
static unsigned next_best(const struct vm *m, unsigned from, unsigned taken,
	const unsigned load[MAX_NODES])
{
	unsigned best = MAX_NODES, best_cost = 0;

	for (unsigned n = 0; n < m->root->config.nodes; n++) {
		unsigned cost = node_distance(m, from, n) + (n < from);

		if (taken >> n & 1)
			continue;
		for (unsigned c = 0; c < m->root->config.cpus; c++)
			if (m->cpu_node[c] == n) {
				cost++;
				break;
			}
		cost = cost * 1024 + load[n];
		if (best == MAX_NODES || cost < best_cost) {
			best = n;
			best_cost = cost;
		}
	}
	return best;
}

static void order_from(const struct vm *m, unsigned node, unsigned *load,
	uint8_t order[MAX_NODES])
{
	unsigned prev = node, taken = 1u << node;

	order[0] = (uint8_t)node;
	for (unsigned i = 1; i < m->root->config.nodes; i++) {
		unsigned n = next_best(m, node, taken, load);

		if (node_distance(m, node, n) != node_distance(m, node, prev))
			load[n]++;
		order[i] = (uint8_t)n;
		taken |= 1u << n;
		prev = n;
	}
}

void node_order(const struct vm *m, unsigned node, uint8_t order[MAX_NODES])
{
	unsigned load[MAX_NODES] = {0};

	for (unsigned n = 0; n <= node; n++)
		order_from(m, n, load, order);
}

static void list_zones(struct vm *m, unsigned node, unsigned gfp)
{
	struct zonelist *l = &m->zonelist[node][gfp];
	uint8_t order[MAX_NODES];

	node_order(m, node, order);
	l->nr = 0;
	for (unsigned i = 0; i < m->root->config.nodes; i++)
		for (unsigned type = m->gfp_zone[gfp] + 1u; type-- > 0;) {
			unsigned z = order[i] * m->arch->nr_zones + type;

			if (m->root->zone[z].managed)
				l->zone[l->nr++] = (uint8_t)z;
		}
}

void zonelists_build(struct vm *m)
{
	unsigned nr = m->root->config.nodes, cpus = m->root->config.cpus;

	for (unsigned c = 0; c < cpus; c++)
		m->cpu_node[c] = (uint8_t)(c * nr / cpus);
	for (unsigned n = 0; n < nr; n++)
		for (unsigned gfp = 0; gfp < 4; gfp++)
			list_zones(m, n, gfp);
	phys_run_as(m, NULL);
}

void numa_forget_events(struct vm *m)
{
	for (unsigned i = 0; i < m->root->nr_zones; i++) {
		struct zone *z = &m->root->zone[i];

		z->numa_allocs = z->numa_miss = z->numa_other = 0;
		z->numa_interleave = z->numa_foreign = 0;
	}
}

void phys_run_as(struct vm *m, struct task *t)
{
	m->running = t;
	m->cpu = t ? t->cpu : 0;
	m->here = t ? m->cpu_node[t->cpu] : 0;
	place_by_task(m);
}
