#include "workingset.h"

#include "../phys/lru.h"
#include "../swap/swap.h"
#include "reclaim_i.h"

#define SHADOW_BIT (1u << 31)
#define AGE_MASK   ((1u << 30) - 1)

uint32_t workingset_eviction(struct vm *m, const struct frame *f)
{
	uint32_t age = (uint32_t)m->root->nonresident_age++ & AGE_MASK;

	return SHADOW_BIT | age << 1 | !!(f->flags & FR_WORKINGSET);
}

/* Pages that compete with those of one kind. */
static uint64_t competitors(const struct vm *m, bool file)
{
	uint64_t n = lru_size(m, LRU_ACTIVE_FILE);

	if (!file)
		n += lru_size(m, LRU_INACTIVE_FILE);
	if (!swap_free(m))
		return n;
	n += lru_size(m, LRU_ACTIVE_ANON);
	if (file)
		n += lru_size(m, LRU_INACTIVE_ANON);
	return n;
}

void workingset_refault(struct vm *m, struct frame *f, uint32_t shadow)
{
	bool file = !(f->flags & FR_SWAPBACKED);
	uint32_t age = (uint32_t)m->root->nonresident_age;
	uint32_t distance = (age - (shadow >> 1)) & AGE_MASK;

	m->root->count[CNT_REFAULT_ANON + file]++;
	if (distance > competitors(m, file))
		return;
	f->flags |= FR_ACTIVE;
	workingset_activation(m);
	m->root->count[CNT_REFAULT_ACTIVATE_ANON + file]++;
	if (!(shadow & 1))
		return;
	f->flags |= FR_WORKINGSET;
	reclaim_note_cost(m, file, 0, 1);
	m->root->count[CNT_REFAULT_RESTORE_ANON + file]++;
}
