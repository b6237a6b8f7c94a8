/* Commands of the whole machine: settings, time, recorded input. */
#include <string.h>

#include "../compact/compact.h"
#include "../disk/dcache.h"
#include "../disk/disk.h"
#include "../input/input.h"
#include "../format.h"
#include "../kernel/dmesg.h"
#include "../mm/khugepaged.h"
#include "../phys/pcp.h"
#include "handlers.h"

#define TICK_NS 10000000ull  /* USER_HZ is 100 */
#define LOOK_NS 500000000ull /* of kcompactd at how scattered memory is */

/* set KEY VALUE */
int cmd_set(struct cmd *c)
{
	return settings_set(c->m, c->arg[0].text, c->arg[0].len, c->arg[1].text,
		c->arg[1].len);
}

/* As often as since then the interval has passed, until nothing is left to do.
 */
static void stat_updates(struct vm *m, uint64_t before)
{
	int32_t seconds = (int32_t)m->root->set.stat_interval;
	uint64_t step = seconds > 0 ? (uint64_t)seconds * 1000000000 : TICK_NS;

	for (uint64_t n = m->root->ns / step - before / step; n; n--)
		if (!pcp_decay(m))
			break;
}

/* tick [N]: simulated time passes. */
int cmd_tick(struct cmd *c)
{
	uint64_t n = c->arg[0].given ? c->arg[0].num : 1;
	uint64_t *ns = &c->m->root->ns, before = *ns;

	if (n > UINT64_MAX / TICK_NS / 1000)
		return vm_fail(c->m, ERANGE,
			"%llu ticks of 10 ms are more than the clock holds",
			(unsigned long long)n);
	disk_tick(c->m, *ns + n * TICK_NS);
	stat_updates(c->m, before);
	kcompactd_tick(c->m, *ns / LOOK_NS - before / LOOK_NS);
	khugepaged_run(c->m);
	return 0;
}

/* As Linux tells of each drop_caches, until 4 is written there.  Who writes
 * from outside is no process of the machine: the kernel, as in reports of the
 * OOM killer. */
static void tell_drop(struct vm *m, uint32_t n)
{
	const struct task *t = m->running;

	if (!m->root->drops_quiet)
		dmesg_line(m, "%s (%u): drop_caches: %u",
			t ? t->comm : "kernel", t ? t->pid : 0, n);
	if (n == 4)
		m->root->drops_quiet = 1;
}

/* drop_caches N: 1 the page cache, 2 names and inodes, 3 both; 4: neither,
 * and the log is not told of any from then on. */
int cmd_drop_caches(struct cmd *c)
{
	uint64_t n = c->arg[0].num;

	if (n < 1 || n > 4)
		return vm_fail(c->m, EINVAL,
			"drop_caches takes 1 to 4, not %s%llu",
			arg_sign(&c->arg[0]),
			(unsigned long long)arg_abs(&c->arg[0]));
	c->reply->kind = REPLY_DEC;
	c->reply->value = n & 1 ? disk_drop_caches(c->m) : 0;
	c->reply->value += n & 2 ? dcache_drop(c->m) : 0;
	c->m->root->count[CNT_DROP_PAGECACHE] += n & 1;
	c->m->root->count[CNT_DROP_SLAB] += n >> 1 & 1;
	tell_drop(c->m, (uint32_t)n);
	return 0;
}

/* strace [NEW], with whole lines of a log as payload. */
int cmd_strace(struct cmd *c)
{
	if (c->arg[0].given && strcmp(c->arg[0].text, "new"))
		return vm_fail(c->m, EINVAL,
			"a log goes on, or begins with \"new\", not \"%s\"",
			c->arg[0].text);
	return strace_feed(
		c->m, c->actor, c->blob, c->blob_len, c->arg[0].given);
}
