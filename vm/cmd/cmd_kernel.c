/* Commands of code that runs inside the kernel. */
#include "../phys/phys.h"
#include "handlers.h"

/* frame.owner of a block that a command took. */
#define OWNER_COMMAND UINT32_MAX

/* The zone that gfp= names; the words' order is that of enum gfp_zone. */
static int zone_wanted(struct cmd *c, uint64_t words, enum gfp_zone *zone)
{
	uint64_t zones = words & ~(uint64_t)GFP_WORD_ZERO;

	if (!zones)
		return 0;
	if (zones & (zones - 1))
		return vm_fail(c->m, EINVAL,
			"gfp= names one zone: dma, dma32, kernel or highuser");
	*zone = (enum gfp_zone)__builtin_ctzll(zones);
	return 0;
}

/* alloc_pages [order=N] [gfp=WORDS] */
int cmd_alloc_pages(struct cmd *c)
{
	uint64_t order = c->arg[0].num;
	enum gfp_zone zone = GFP_KERNEL;
	pfn_t pfn;

	if (order > MAX_ORDER)
		return vm_fail(c->m, EINVAL,
			"order %llu is above %u: a block has at most %u frames",
			(unsigned long long)order, MAX_ORDER, 1u << MAX_ORDER);
	if (zone_wanted(c, c->arg[1].num, &zone))
		return -EINVAL;
	pfn = buddy_alloc(c->m, zone, (unsigned)order, FRAME_KERNEL, USE_KERNEL,
		c->arg[1].num & GFP_WORD_ZERO);
	if (!pfn)
		return -ENOMEM;
	frame_at(c->m, pfn)->owner = OWNER_COMMAND;
	c->reply->kind = REPLY_DEC;
	c->reply->value = pfn;
	return 0;
}

/* free_pages PFN */
int cmd_free_pages(struct cmd *c)
{
	uint64_t pfn = c->arg[0].num;
	const struct frame *f;

	if (pfn >= c->m->root->max_pfn)
		return vm_fail(c->m, EINVAL,
			"frame %llu does not exist; the last is %u",
			(unsigned long long)pfn, c->m->root->max_pfn - 1);
	f = frame_at(c->m, (pfn_t)pfn);
	if (f->state != FRAME_KERNEL || f->owner != OWNER_COMMAND)
		return vm_fail(c->m, EINVAL,
			"frame %llu is not the first of a block that "
			"alloc_pages gave",
			(unsigned long long)pfn);
	buddy_free(c->m, (pfn_t)pfn, f->order, USE_KERNEL);
	return 0;
}
