/* Commands about memory that files and objects of shared memory stand behind,
 * and about what the kernel keeps of a process's pages. */
#include <string.h>

#include "../abi.h"
#include "../disk/disk.h"
#include "../mm/hugetlb.h"
#include "../mm/mm.h"
#include "handlers.h"

/* A new descriptor of the inode is the reply. */
static int reply_fd(struct cmd *c, idx_t inode)
{
	idx_t file = file_of_inode(c->m, inode, FMODE_READ | FMODE_WRITE);
	int fd;

	if (!file)
		return -ENOMEM;
	fd = fd_install(c->m, c->task, file, -1);
	if (fd < 0) {
		file_put(c->m, file);
		return fd;
	}
	c->reply->kind = REPLY_DEC;
	c->reply->value = (uint64_t)fd;
	return 0;
}

/* The size of its pages, 0 if they are not huge, or -errno. */
static int memfd_huge_size(struct cmd *c, uint64_t flags)
{
	unsigned size;

	if (!flags)
		return 0;
	if (!(flags & MFD_HUGETLB))
		return vm_fail(
			c->m, EINVAL, "a size of huge pages goes with hugetlb");
	size = hugetlb_size_of_flags(c->m, flags);
	if (!size)
		return vm_fail(c->m, ENODEV,
			"there are no huge pages of 2^%u bytes",
			(unsigned)(flags >> MAP_HUGE_SHIFT & MAP_HUGE_MASK));
	return (int)size;
}

/* memfd NAME [SIZE] [flags=hugetlb,huge_1gb] */
int cmd_memfd(struct cmd *c)
{
	int huge = memfd_huge_size(c, c->arg[2].given ? c->arg[2].num : 0);
	idx_t inode;
	int err = arg_signed(c, 1);

	if (huge < 0 || err)
		return huge < 0 ? huge : err;
	inode = huge ? hugetlb_memfd(c->m, c->arg[0].text, (unsigned)huge)
		     : shmem_memfd(c->m, INODE_SHMEM, c->arg[0].text);
	if (!inode)
		return -c->m->fail.err;
	if (c->arg[1].given)
		err = disk_truncate(c->m, inode, c->arg[1].num);
	if (!err)
		err = reply_fd(c, inode);
	inode_put(c->m, inode); /* the descriptor holds it, or nobody */
	return err;
}

/* shm NAME [SIZE] */
int cmd_shm(struct cmd *c)
{
	const struct cred *cred = &c->task->cred;
	int err = arg_signed(c, 1);
	idx_t inode;

	if (err)
		return err;
	inode = shmem_open(c->m, c->arg[0].text, cred);
	if (!inode)
		return -c->m->fail.err;
	err = inode_rights(
		c->m, cred, c->arg[0].text, inode, FMODE_READ | FMODE_WRITE);
	if (err)
		return err;
	if (c->arg[1].given)
		err = disk_truncate(c->m, inode, c->arg[1].num);
	return err ? err : reply_fd(c, inode);
}

/* mseal ADDR LEN [flags=] */
int cmd_mseal(struct cmd *c)
{
	vaddr_t va;
	int err = arg_addr(c, 0, &va);

	return err ? err
		   : (int)mm_mseal(
			     c->m, c->task, va, c->arg[1].num, c->arg[2].num);
}

/* remap_file_pages ADDR LEN PGOFF [prot=] [flags=] */
int cmd_remap_file_pages(struct cmd *c)
{
	vaddr_t va;
	int err = arg_addr(c, 0, &va);

	return err ? err
		   : (int)mm_remap_file_pages(c->m, c->task, va, c->arg[1].num,
			     c->arg[3].num, c->arg[2].num, c->arg[4].num);
}

/* clear_refs N */
int cmd_clear_refs(struct cmd *c)
{
	int type, err = arg_int(c, 0, &type);

	return err ? err : mm_clear_refs(c->m, c->task, type);
}

/* The process itself has it, and who shares its memory: but not init, nor who
 * is in vfork. */
static bool takes_badness(const struct cmd *c, const struct task *t)
{
	const struct task *a = task_with_memory(c->m, c->task);
	const struct task *b = task_with_memory(c->m, t);

	if (t->tgid == c->task->tgid)
		return true;
	return a && b && a->mm == b->mm && mm_at(c->m, a->mm)->multiprocess &&
	       t->tgid != 1 && !c->task->vfork_waiter &&
	       !task_leader(c->m, t)->vfork_waiter;
}

/*
 * All threads of the process have it, and whoever shares its memory.  Without
 * privilege it does not go below `least`.
 * Source: Linux fs/proc/base.c (__set_oom_adj).
 */
static int set_badness(struct cmd *c, int adj, int least, bool may)
{
	if (adj < least && !may)
		return vm_fail(c->m, EACCES,
			"below %d oom_score_adj needs cap_sys_resource", least);
	for (struct task *t = task_next(c->m, 0); t;
		t = task_next(c->m, t->pid + 1))
		if (takes_badness(c, t))
			t->oom_score_adj = (uint32_t)adj;
	return 0;
}

static bool may_lower(const struct cmd *c)
{
	return c->actor->uid == 0 || task_capable(c->task, CAP_SYS_RESOURCE);
}

/* oom_score_adj N: as low, later, as privilege last set it. */
int cmd_oom_score_adj(struct cmd *c)
{
	int adj, err = arg_int(c, 0, &adj);

	if (err)
		return err;
	if (adj < -1000 || adj > 1000)
		return vm_fail(c->m, EINVAL,
			"oom_score_adj is -1000 to 1000, not %d", adj);
	err = set_badness(c, adj, c->task->oom_score_adj_min, may_lower(c));
	if (err || !may_lower(c))
		return err;
	for (struct task *t = task_next(c->m, 0); t;
		t = task_next(c->m, t->pid + 1))
		if (takes_badness(c, t))
			t->oom_score_adj_min = adj;
	return 0;
}

/* oom_adj N, the older scale: lower only with privilege. */
int cmd_oom_adj(struct cmd *c)
{
	int adj, err = arg_int(c, 0, &adj);

	if (err)
		return err;
	if (adj < -17 || adj > 15)
		return vm_fail(
			c->m, EINVAL, "oom_adj is -17 to 15, not %d", adj);
	return set_badness(c, adj == 15 ? 1000 : adj * 1000 / 17,
		(int)c->task->oom_score_adj, may_lower(c));
}
