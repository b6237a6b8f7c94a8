/* Commands of code that runs inside the kernel. */
#include "../reclaim/reclaim.h"
#include "handlers.h"

/* frame.owner of a block that a command took. */
#define OWNER_COMMAND UINT32_MAX

/* Of some words one at most may be there. */
static int at_most_one(struct cmd *c, uint64_t words, const char *names)
{
	if (words & (words - 1))
		return vm_fail(c->m, EINVAL, "gfp= names one of %s", names);
	return 0;
}

/* The words' order is that of enum gfp_zone. */
int gfp_wanted(struct cmd *c, uint64_t words, unsigned *gfp)
{
	uint64_t zone = words & (GFP_WORD_MOVABLE - 1);
	uint64_t type = words & (GFP_WORD_MOVABLE | GFP_WORD_RECLAIMABLE);

	if (at_most_one(c, zone, "dma, dma32, kernel and highuser") ||
		at_most_one(c, type, "movable and reclaimable"))
		return -EINVAL;
	if (words / GFP_WORD_HOW & GFP_NOFAIL &&
		words / GFP_WORD_HOW & (GFP_NOWAIT | GFP_NORETRY | GFP_MAYFAIL))
		return vm_fail(c->m, EINVAL,
			"who must not fail has to wait and to try again: "
			"gfp=nofail is without atomic, nowait, noretry and "
			"retry_mayfail");
	*gfp = zone ? (unsigned)__builtin_ctzll(zone) : GFP_KERNEL;
	if (type)
		*gfp |= type == GFP_WORD_MOVABLE ? GFP_MOVABLE
						 : GFP_RECLAIMABLE;
	*gfp |= (unsigned)(words / GFP_WORD_HOW);
	return 0;
}

/* alloc_pages [order=N] [gfp=WORDS] */
int cmd_alloc_pages(struct cmd *c)
{
	uint64_t order = c->arg[0].num;
	unsigned gfp = GFP_KERNEL;
	pfn_t pfn;

	if (order > MAX_ORDER)
		return vm_fail(c->m, EINVAL,
			"order is 0 to %u, not %s%llu: a block has at most %u "
			"frames",
			MAX_ORDER, arg_sign(&c->arg[0]),
			(unsigned long long)arg_abs(&c->arg[0]),
			1u << MAX_ORDER);
	if (gfp_wanted(c, c->arg[1].num, &gfp))
		return -EINVAL;
	pfn = mem_alloc(c->m, gfp, (unsigned)order, FRAME_KERNEL, USE_KERNEL,
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
			"frame %s%llu does not exist; the last is %u",
			arg_sign(&c->arg[0]),
			(unsigned long long)arg_abs(&c->arg[0]),
			c->m->root->max_pfn - 1);
	f = frame_at(c->m, (pfn_t)pfn);
	if (f->state != FRAME_KERNEL || f->owner != OWNER_COMMAND)
		return vm_fail(c->m, EINVAL,
			"frame %llu is not the first of a block that "
			"alloc_pages gave",
			(unsigned long long)pfn);
	buddy_free(c->m, (pfn_t)pfn, f->order, USE_KERNEL);
	return 0;
}
