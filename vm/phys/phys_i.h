/* What the files of phys/ share. */
#ifndef PAGEFS_VM_PHYS_I_H
#define PAGEFS_VM_PHYS_I_H

#include "phys.h"

#define ULL(x) ((unsigned long long)(x))

/* The kernel keeps the first MiB for itself, as Linux does since 5.13. */
#define LOW_RESERVE MiB

static inline bool frame_is_free(const struct frame *f, unsigned order)
{
	return f->state == FRAME_FREE && f->order == order;
}

/* firmware.c */
void firmware_boot(struct vm *m);

/* zone.c: the highest zone index that a GFP_KERNEL request may use. */
static inline unsigned kernel_zone(const struct vm *m)
{
	return m->gfp_zone[GFP_KERNEL];
}

/* buddy.c: adds a block at the head of its list, without merging. */
void buddy_seed(struct vm *m, struct zone *z, pfn_t pfn, unsigned order);
/* Frames below `end` may hold non-zero bytes from now on. */
void phys_mark_used(struct vm *m, pfn_t end);

#endif
