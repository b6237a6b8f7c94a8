#include "workingset.h"

#include "../phys/lru.h"
#include "../swap/swap.h"
#include "reclaim_i.h"

#define SHADOW_BIT (1u << 31)
#define NODE_SHIFT 28
#define AGE_MASK   ((1u << 27) - 1)

uint32_t workingset_eviction(struct vm *m, pfn_t pfn)
{
	unsigned node = node_of(m, pfn);
	uint32_t age =
		(uint32_t)m->root->node[node].nonresident_age++ & AGE_MASK;

	return SHADOW_BIT | node << NODE_SHIFT | age << 1 |
	       !!(frame_at(m, pfn)->flags & FR_WORKINGSET);
}

/* Pages of a node that compete with those of one kind. */
static uint64_t competitors(const struct vm *m, unsigned node, bool file)
{
	uint64_t n = node_lru_size(m, node, LRU_ACTIVE_FILE);

	if (!file)
		n += node_lru_size(m, node, LRU_INACTIVE_FILE);
	if (!swap_free(m))
		return n;
	n += node_lru_size(m, node, LRU_ACTIVE_ANON);
	if (file)
		n += node_lru_size(m, node, LRU_INACTIVE_ANON);
	return n;
}

static void count(struct vm *m, unsigned node, enum vm_counter c)
{
	m->root->count[c]++;
	m->root->node[node].refault[c - CNT_REFAULT_ANON]++;
}

/* The distance is that of the node that evicted the page; what follows from it
 * is counted for the node on which it is now. */
void workingset_refault(struct vm *m, pfn_t pfn, uint32_t shadow)
{
	struct frame *f = frame_at(m, pfn);
	bool file = !(f->flags & FR_SWAPBACKED);
	unsigned node = node_of(m, pfn), was = shadow >> NODE_SHIFT & 7;
	uint32_t age = (uint32_t)m->root->node[was].nonresident_age;
	uint32_t distance = (age - (shadow >> 1)) & AGE_MASK;

	count(m, node, CNT_REFAULT_ANON + file);
	if (distance > competitors(m, was, file))
		return;
	f->flags |= FR_ACTIVE;
	workingset_activation(m, node);
	count(m, node, CNT_REFAULT_ACTIVATE_ANON + file);
	if (!(shadow & 1))
		return;
	f->flags |= FR_WORKINGSET;
	reclaim_note_cost(m, node, file, 0, 1);
	count(m, node, CNT_REFAULT_RESTORE_ANON + file);
}
