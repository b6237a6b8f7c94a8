/* Who looks; see access.h. */
#include "access.h"

#include <errno.h>

#include "tree.h"

uint32_t user_of_host(const struct view *v, uint32_t uid)
{
	return uid == v->uid ? 0 : uid;
}

uint32_t host_of_user(const struct view *v, uint32_t uid)
{
	return uid ? uid : v->uid;
}

uint32_t group_of_host(const struct view *v, uint32_t uid, uint32_t gid)
{
	return uid == v->uid && gid == v->gid ? 0 : gid;
}

uint32_t host_of_group(const struct view *v, uint32_t gid)
{
	return gid ? gid : v->gid;
}

struct cred caller_cred(const struct view *v)
{
	return cred_of_user(user_of_host(v, v->caller),
		group_of_host(v, v->caller, v->caller_gid));
}

bool caller_may_look(const struct view *v, const struct task *t)
{
	struct cred c = caller_cred(v);

	return cred_may_look(v->vm, &c, t);
}

int caller_check(const struct view *v, const struct place *p)
{
	const struct task *t;

	if (!node_table[p->row].looks)
		return 0;
	t = place_task(v, p);
	return t && !caller_may_look(v, t) ? -EACCES : 0;
}
