#include "lru.h"

#include "phys_i.h"

/* ---- check --------------------------------------------------------------- */

#define BAD(m, ...) vm_fail((m), EIO, __VA_ARGS__)

static const char *const list_name[NR_LRU] = {"inactive anon", "active anon",
	"inactive file", "active file", "unevictable"};

/* The pages of one list of a node. */
static int check_list(
	struct vm *m, unsigned node, unsigned id, uint64_t *frames)
{
	const struct frame_list *l = &m->root->node[node].lru[id];
	pfn_t prev = PFN_NONE, pfn = l->head;
	uint64_t nr = 0, size = node_lru_size(m, node, id);

	for (; pfn; prev = pfn, pfn = frame_at(m, pfn)->next) {
		const struct frame *f;

		if (pfn >= m->root->max_pfn)
			return BAD(m, "the %s list leads to frame %u",
				list_name[id], pfn);
		f = frame_at(m, pfn);
		if (!frame_on_lru(f) || frame_lru(f) != id || f->prev != prev ||
			nr > size || node_of(m, pfn) != node)
			return BAD(m,
				"frame %u, behind %u on the %s list of node "
				"%u, has state %u and flags %x and points back "
				"to %u",
				pfn, prev, list_name[id], node, f->state,
				f->flags, f->prev);
		nr += 1u << f->order;
		++*frames;
	}
	if (nr != size || l->tail != prev)
		return BAD(m,
			"the %s list of node %u has %llu pages and ends at %u, "
			"it counts %llu and its tail is %u",
			list_name[id], node, ULL(nr), prev, ULL(size), l->tail);
	return 0;
}

int lru_check(struct vm *m)
{
	uint64_t listed = 0, found = 0, zone[MAX_NODE_ZONES][NR_LRU] = {{0}};
	unsigned order;

	for (unsigned node = 0; node < m->root->config.nodes; node++)
		for (unsigned id = 0; id < NR_LRU; id++)
			if (check_list(m, node, id, &listed))
				return -EIO;
	for (pfn_t pfn = 0; phys_next_used(m, &pfn, &order); pfn += 1u << order)
		if (frame_on_lru(frame_at(m, pfn))) {
			zone[zone_of(m, pfn) - m->root->zone]
			    [frame_lru(frame_at(m, pfn))] += 1u << order;
			found++;
		}
	if (found != listed)
		return BAD(m, "%llu frames hold pages, %llu are on lists",
			ULL(found), ULL(listed));
	for (unsigned i = 0; i < m->root->nr_zones; i++)
		for (unsigned id = 0; id < NR_LRU; id++)
			if (zone[i][id] != m->root->zone[i].nr_lru[id])
				return BAD(m,
					"zone %s has %llu pages on the %s list "
					"and counts %llu",
					zone_name(m, i), ULL(zone[i][id]),
					list_name[id],
					ULL(m->root->zone[i].nr_lru[id]));
	return 0;
}
