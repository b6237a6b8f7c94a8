/* Commands of a process that carry the name of a memory system call. */
#include <string.h>

#include "../abi.h"
#include "../disk/disk.h"
#include "../format.h"
#include "../mm/mm.h"
#include "handlers.h"

static int reply_addr(struct cmd *c, int64_t r)
{
	if (r < 0)
		return (int)r;
	c->reply->kind = REPLY_HEX;
	c->reply->value = (uint64_t)r;
	return 0;
}

/* The file behind file=PATH or fd=N, with a reference of its own in *file. */
static int mmap_file(struct cmd *c, const struct mmap_args *a, idx_t *file)
{
	bool shared_write =
		(a->flags & MAP_TYPE) != MAP_PRIVATE && (a->prot & PROT_WRITE);

	*file = 0;
	if (c->arg[5].given) {
		*file = fd_lookup(c->m, c->task, (int)c->arg[5].num);
		if (*file)
			file_get(c->m, *file);
		return 0; /* mmap itself says EBADF, in its turn */
	}
	if (!c->arg[4].given)
		return 0;
	*file = file_open(c->m, &c->task->cred, c->arg[4].text,
		FMODE_READ | (shared_write ? FMODE_WRITE : 0));
	return *file ? 0 : -c->m->fail.err;
}

/* mmap LEN PROT [addr=] [flags=] [file=] [fd=] [off=] [as=] */
int cmd_mmap(struct cmd *c)
{
	struct mmap_args a = {.len = c->arg[0].num, .prot = c->arg[1].num};
	int64_t r;
	int err;

	err = arg_addr(c, 2, &a.addr);
	if (err)
		return err;
	a.flags = c->arg[3].num;
	a.off = c->arg[6].num;
	if (!(a.flags & MAP_TYPE))
		a.flags |= MAP_PRIVATE;
	if (!c->arg[4].given && !c->arg[5].given)
		a.flags |= MAP_ANONYMOUS;
	err = mmap_file(c, &a, &a.file);
	if (err)
		return err;
	r = mm_mmap(c->m, c->task, &a);
	if (a.file)
		file_put(c->m, a.file);
	return reply_addr(c, r);
}

/* munmap ADDR LEN */
int cmd_munmap(struct cmd *c)
{
	vaddr_t va;
	int err = arg_addr(c, 0, &va);

	return err ? err : (int)mm_munmap(c->m, c->task, va, c->arg[1].num);
}

/* mprotect ADDR LEN PROT */
int cmd_mprotect(struct cmd *c)
{
	vaddr_t va;
	int err = arg_addr(c, 0, &va);

	return err ? err
		   : (int)mm_mprotect(
			     c->m, c->task, va, c->arg[1].num, c->arg[2].num);
}

/* mremap ADDR OLDLEN NEWLEN [flags=] [addr=] [as=] */
int cmd_mremap(struct cmd *c)
{
	vaddr_t va, to;
	int err = arg_addr(c, 0, &va);

	if (!err)
		err = arg_addr(c, 4, &to);
	if (err)
		return err;
	return reply_addr(c,
		mm_mremap(c->m, c->task, va, c->arg[1].num, c->arg[2].num,
			c->arg[3].given ? c->arg[3].num : MREMAP_MAYMOVE, to));
}

/* brk ADDR: the system call's answer, the break as it is afterwards. */
int cmd_brk(struct cmd *c)
{
	vaddr_t va;
	int err = arg_addr(c, 0, &va);

	if (err)
		return err;
	va = mm_brk(c->m, c->task, va);
	vm_fail_clear(c->m);
	return reply_addr(c, (int64_t)va);
}

/* sbrk DELTA: as the C library's, the old break or ENOMEM. */
int cmd_sbrk(struct cmd *c)
{
	vaddr_t old = mm_at(c->m, c->task->mm)->brk;
	vaddr_t want = old + c->arg[0].num;

	if (mm_brk(c->m, c->task, want) != want)
		return vm_fail(c->m, ENOMEM,
			"the break stays at 0x%llx: it cannot move by %lld "
			"bytes",
			(unsigned long long)old, (long long)c->arg[0].num);
	return reply_addr(c, (int64_t)old);
}

/* madvise ADDR LEN ADVICE */
int cmd_madvise(struct cmd *c)
{
	vaddr_t va;
	int err = arg_addr(c, 0, &va);

	return err ? err
		   : (int)mm_madvise(c->m, c->task, va, c->arg[1].num,
			     (int)c->arg[2].num);
}

/* process_madvise PID ADDR LEN ADVICE [flags=] */
int cmd_process_madvise(struct cmd *c)
{
	struct mm_range r = {.len = c->arg[2].num};
	int err, pid;
	int64_t done;

	if (arg_int(c, 0, &pid))
		return -ERANGE;
	err = arg_addr(c, 1, &r.addr);
	if (err)
		return err;
	done = mm_process_madvise(
		c->m, c->task, pid, &r, 1, (int)c->arg[3].num, c->arg[4].num);
	if (done < 0)
		return (int)done;
	c->reply->kind = REPLY_DEC;
	c->reply->value = (uint64_t)done;
	return 0;
}

/* mincore ADDR LEN: one digit a page, runs of 200 pages at most. */
int cmd_mincore(struct cmd *c)
{
	uint8_t vec[200];
	uint64_t pages =
		(c->arg[1].num + c->m->page_size - 1) >> c->m->page_shift;
	vaddr_t va;
	int64_t err = arg_addr(c, 0, &va);

	if (!err)
		err = mm_mincore(
			c->m, c->task, va, c->arg[1].num, vec, sizeof(vec));
	if (err < 0)
		return (int)err;
	c->reply->kind = REPLY_TEXT;
	if (pages > sizeof(vec))
		pages = sizeof(vec);
	for (uint64_t i = 0; i < pages; i++)
		c->reply->text[i] = (char)('0' + (vec[i] & 1));
	c->reply->text[pages] = '\0';
	return 0;
}

/* mlock ADDR LEN [flags=onfault] */
int cmd_mlock(struct cmd *c)
{
	vaddr_t va;
	int err = arg_addr(c, 0, &va);

	if (err)
		return err;
	/* mlock2's MLOCK_ONFAULT is 1; MCL_ONFAULT, whose word it is, 4 */
	return (int)mm_mlock(c->m, c->task, va, c->arg[1].num,
		c->arg[2].num == 4 ? 1 : c->arg[2].num);
}

/* munlock ADDR LEN */
int cmd_munlock(struct cmd *c)
{
	vaddr_t va;
	int err = arg_addr(c, 0, &va);

	return err ? err : (int)mm_munlock(c->m, c->task, va, c->arg[1].num);
}

/* mlockall FLAGS */
int cmd_mlockall(struct cmd *c)
{
	return (int)mm_mlockall(c->m, c->task, c->arg[0].num);
}

int cmd_munlockall(struct cmd *c)
{
	return (int)mm_munlockall(c->m, c->task);
}

/* msync ADDR LEN FLAGS */
int cmd_msync(struct cmd *c)
{
	vaddr_t va;
	int err = arg_addr(c, 0, &va);

	return err ? err
		   : (int)mm_msync(
			     c->m, c->task, va, c->arg[1].num, c->arg[2].num);
}
