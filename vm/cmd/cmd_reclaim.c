/* Swap areas, and reclaim on demand. */
#include <string.h>

#include "../disk/disk.h"
#include "../reclaim/reclaim.h"
#include "../swap/swap.h"
#include "handlers.h"

#define OWN_AREA "/dev/vdb"

static bool is_own(const struct arg *a)
{
	return !strcmp(a->text, OWN_AREA);
}

static int swapon_own(struct cmd *c)
{
	if (swap_area_of(c->m, 0))
		return vm_fail(c->m, EBUSY, "%s is in use already", OWN_AREA);
	if (c->m->root->config.swap < 2 * c->m->page_size)
		return vm_fail(c->m, ENOENT,
			"the machine has no swap device: mount with swap=SIZE, "
			"or use a file");
	return swap_on_own(c->m, c->arg[1].given ? (int64_t)c->arg[1].num : -1);
}

/* swapon PATH [prio=N] [size=S] */
int cmd_swapon(struct cmd *c)
{
	idx_t i;
	int err = 0;

	if (is_own(&c->arg[0]))
		return swapon_own(c);
	i = disk_lookup(c->m, c->arg[0].text, true);
	if (!i && c->arg[2].given && c->m->fail.err == ENOENT) {
		vm_fail_clear(c->m);
		i = disk_create(c->m, c->arg[0].text, 0600, c->actor->uid,
			c->actor->gid);
	}
	if (!i)
		return -c->m->fail.err;
	if (swap_area_of(c->m, i))
		return vm_fail(c->m, EBUSY, "%s is a swap area already",
			c->arg[0].text);
	if (c->arg[2].given)
		err = swap_make(c->m, i, c->arg[2].num);
	return err ? err
		   : swap_on(c->m, i,
			     c->arg[1].given ? (int64_t)c->arg[1].num : -1);
}

/* swapoff PATH */
int cmd_swapoff(struct cmd *c)
{
	struct swap_area *a;
	idx_t i = 0;

	if (!is_own(&c->arg[0])) {
		i = disk_lookup(c->m, c->arg[0].text, true);
		if (!i)
			return -c->m->fail.err;
	}
	a = swap_area_of(c->m, i);
	if (!a)
		return vm_fail(c->m, EINVAL, "%s is no swap area in use",
			c->arg[0].text);
	return swap_off(c->m, a);
}

/* reclaim N */
int cmd_reclaim(struct cmd *c)
{
	c->reply->kind = REPLY_DEC;
	c->reply->value = reclaim_pages(c->m, c->arg[0].num);
	return 0;
}
