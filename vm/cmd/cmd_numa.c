/* Commands of a process about NUMA nodes, named after their system calls. */
#include "../numa/mempolicy.h"
#include "handlers.h"

/* set_mempolicy MODE [nodes=] */
int cmd_set_mempolicy(struct cmd *c)
{
	return numa_set_mempolicy(c->m, c->task, c->arg[0].num, c->arg[1].num);
}

/* mbind ADDR LEN MODE [nodes=] [flags=] */
int cmd_mbind(struct cmd *c)
{
	vaddr_t va;
	int err = arg_addr(c, 0, &va);

	if (err)
		return err;
	return numa_mbind(c->m, c->task, va, c->arg[1].num, c->arg[2].num,
		c->arg[3].num, c->arg[4].num);
}

/* get_mempolicy [addr=] [flags=] */
int cmd_get_mempolicy(struct cmd *c)
{
	vaddr_t va;
	int err = arg_addr(c, 0, &va);

	if (!err)
		err = numa_get_mempolicy(
			c->m, c->task, va, c->arg[1].num, c->reply->text);
	if (!err)
		c->reply->kind = REPLY_TEXT;
	return err;
}
