/*
 * The items of vmstat and zoneinfo: names in Linux's order, values collected
 * from the machine.
 */
#ifndef PAGEFS_FS_VMSTAT_ITEMS_H
#define PAGEFS_FS_VMSTAT_ITEMS_H

#include "mem_sums.h"
#include "show.h"

/* Percent of what may become dirty, vm.dirty_ratio and its sibling. */

#define NR_ZONE_ITEMS 17
#define NR_NODE_ITEMS 51

extern const char *const vmstat_zone_names[NR_ZONE_ITEMS];
extern const char *const vmstat_node_names[NR_NODE_ITEMS];

struct vmstat {
	unsigned first, nr; /* zones of the node, or all */
	uint64_t zone[MAX_NODE_ZONES][NR_ZONE_ITEMS];
	uint64_t node[NR_NODE_ITEMS];
	struct mem_sums sums;
};

/* Of one node, or of ALL_NODES. */
void vmstat_collect(const struct vm *m, unsigned node, struct vmstat *s);

/* The lines of vmstat: sums over the zones, and what counts by node. */
void vmstat_zones(struct sbuf *b, const struct vmstat *s);
/* The six NUMA events of a node. */
void vmstat_numa(const struct vm *m, unsigned node, uint64_t n[6]);
void vmstat_node(struct sbuf *b, const struct vmstat *s);
/* The lines of vmstat after those of zones and node. */
void vmstat_events(struct sbuf *b, const struct vm *m);

/* Zones that zoneinfo lists beside those of the machine: Movable, and Device
 * on 64-bit architectures. */
static inline unsigned vmstat_extra_zones(const struct arch *a)
{
	return a->va_bits > 32 ? 2 : 1;
}

#endif
