/* Loads, stores and fetches of a process, and its stack. */
#include <string.h>

#include "../abi.h"
#include "../disk/disk.h"
#include "../format.h"
#include "../input/input.h"
#include "../kernel/dmesg.h"
#include "../mm/mm.h"
#include "../mmu/mmu.h"
#include "../reclaim/policy.h"
#include "../task/signal.h"
#include "handlers.h"

static vaddr_t stack_pointer(const struct cmd *c)
{
	return c->task->sp ? c->task->sp
			   : mm_at(c->m, c->task->mm)->start_stack;
}

/* " in NAME[OFFSET,START+LEN]": the file that is mapped at ip, if one is. */
static void where(struct cmd *c, vaddr_t ip, char *buf, size_t size)
{
	const struct vma *v = vma_lookup(c->m, c->task->mm, ip);
	const struct inode *i = NULL;

	*buf = '\0';
	if (v && v->file)
		i = inode_at(c->m, file_at(c->m, v->file)->inode);
	if (!i || !i->name)
		return;
	vm_snprintf(buf, size, " in %.200s[%llx,%llx+%llx]", disk_name(c->m, i),
		(unsigned long long)(ip - v->start +
				     (v->pgoff << c->m->page_shift)),
		(unsigned long long)v->start,
		(unsigned long long)(v->end - v->start));
}

/*
 * The line of x86 about a fault that ends a process (show_signal_msg() in
 * arch/x86/mm/fault.c, show_signal() in kernel/traps.c).  Processes here have
 * no instructions: ip is known of a fetch alone, else 0, and there is no line
 * of code.
 */
static void log_fault(
	struct cmd *c, enum access_kind kind, const struct sigfault *f)
{
	vaddr_t ip = kind == ACC_EXEC ? f->addr : 0;
	unsigned long long sp = stack_pointer(c);
	const struct task *t = c->task;
	char in[256];

	where(c, ip, in, sizeof(in));
	if (f->sig != SIGSEGV)
		return;
	if (f->code == SI_KERNEL)
		dmesg_line(c->m,
			"traps: %s[%u] general protection fault ip:%llx "
			"sp:%llx error:%x%s",
			t->comm, t->pid, (unsigned long long)ip, sp,
			f->error_code, in);
	else
		dmesg_line(c->m,
			"%s[%u]: segfault at %llx ip %016llx sp %016llx error "
			"%x%s likely on CPU %u (core %u, socket 0)",
			t->comm, t->pid, (unsigned long long)f->addr,
			(unsigned long long)ip, sp, f->error_code, in, t->cpu,
			t->cpu);
}

/* An access that was refused: what the kernel would do to the process. */
static int refused(
	struct cmd *c, int err, enum access_kind kind, const struct sigfault *f)
{
	size_t n;

	if (err != -EFAULT || !f->sig)
		return err;
	c->task->last_sig = (uint32_t)f->sig;
	if (!c->m->root->set.segv_kill)
		return err;
	n = strlen(c->m->fail.text);
	vm_snprintf(c->m->fail.text + n, sizeof(c->m->fail.text) - n,
		"; process %u dies of it (segv kill)", c->task->tgid);
	if (c->task->tgid != 1)
		log_fault(c, kind, f);
	signal_end(c->m, c->task, (unsigned)f->sig);
	return err;
}

static int access_at(struct cmd *c, vaddr_t va, uint64_t len,
	enum access_kind kind, void *buf)
{
	struct sigfault f = {0};
	int err = mem_access(c->m, c->task, va, len, kind, buf, &f);

	return err ? refused(c, err, kind, &f) : 0;
}

/* read ADDR [LEN]: the bytes as hex:..., cut where the reply ends. */
int cmd_read(struct cmd *c)
{
	uint64_t len = c->arg[1].given ? c->arg[1].num : 1;
	uint64_t shown = len < BYTES_SHOWN ? len : BYTES_SHOWN;
	uint8_t buf[BYTES_SHOWN];
	vaddr_t va;
	int err = arg_addr(c, 0, &va);

	if (!err)
		err = access_at(c, va, shown, ACC_READ, buf);
	if (!err && len > shown)
		err = access_at(c, va + shown, len - shown, ACC_READ, NULL);
	if (err)
		return err;
	reply_bytes(c->reply, buf, len);
	return 0;
}

/* write ADDR DATA */
int cmd_write(struct cmd *c)
{
	vaddr_t va;
	int err = arg_addr(c, 0, &va);

	if (err)
		return err;
	return access_at(
		c, va, c->arg[1].len, ACC_WRITE, (void *)c->arg[1].text);
}

/* write ADDR, with the bytes as payload: a store through proc/PID/mem. */
int cmd_mem_write(struct cmd *c)
{
	c->reply->kind = REPLY_DEC;
	c->reply->value = c->blob_len;
	return access_at(
		c, c->arg[0].num, c->blob_len, ACC_WRITE, (void *)c->blob);
}

/*
 * touch ADDR [LEN] [r|w|x]: one access to each page.  Without a letter it is
 * a store where the mapping allows stores, a load elsewhere.
 */
int cmd_touch(struct cmd *c)
{
	uint64_t len = c->arg[1].given ? c->arg[1].num : 1;
	enum access_kind kind = (enum access_kind)c->arg[2].num;
	vaddr_t va;
	int err = arg_addr(c, 0, &va);

	if (err)
		return err;
	if (!c->arg[2].given) {
		struct vma *v = vma_find(c->m, c->task->mm, va);

		kind = v && !(v->flags & VM_WRITE) ? ACC_READ : ACC_WRITE;
	}
	return access_at(c, va, len, kind, NULL);
}

/* push N: the stack pointer goes down by N and the bytes are stored to. */
int cmd_push(struct cmd *c)
{
	vaddr_t sp = stack_pointer(c), to = sp - c->arg[0].num;
	int err;

	if (c->arg[0].num > sp)
		return vm_fail(c->m, EINVAL,
			"%llu bytes are more than lie below the stack pointer "
			"0x%llx",
			(unsigned long long)c->arg[0].num,
			(unsigned long long)sp);
	err = access_at(c, to, c->arg[0].num, ACC_WRITE, NULL);
	if (err)
		return err;
	c->task->sp = to;
	c->reply->kind = REPLY_HEX;
	c->reply->value = to;
	return 0;
}

/* pop N */
int cmd_pop(struct cmd *c)
{
	vaddr_t sp = stack_pointer(c);
	const struct vma *v = vma_lookup(c->m, c->task->mm, sp);
	vaddr_t top = v ? v->end : sp;

	if (c->arg[0].num > top - sp)
		return vm_fail(c->m, EINVAL,
			"%llu bytes are more than the stack holds above "
			"0x%llx",
			(unsigned long long)c->arg[0].num,
			(unsigned long long)sp);
	c->task->sp = sp + c->arg[0].num;
	c->reply->kind = REPLY_HEX;
	c->reply->value = c->task->sp;
	return 0;
}

/* trace [BAD], with records as payload; BAD lines beside them were none. */
int cmd_trace(struct cmd *c)
{
	size_t nr = c->blob_len / 8, done;

	if (c->blob_len % 8)
		return vm_fail(c->m, EINVAL,
			"a binary trace is 8 bytes an access; %lu bytes are "
			"left over",
			c->blob_len % 8);
	c->task->trace.bad_lines += c->arg[0].num;
	done = trace_run(c->m, c->task, c->blob, nr);
	if (done < nr && c->m->root->set.policy == POLICY_OPT)
		policy_unlearn(c->m);
	if (c->task->oom_victim)
		return vm_fail(c->m, ENOMEM,
			"out of memory: process %u was chosen by the OOM "
			"killer in the middle of the trace; kernel/dmesg has "
			"the report",
			c->task->pid);
	if (done < nr)
		return vm_fail(c->m, EINTR,
			"interrupted after %lu of %lu accesses", done, nr);
	c->reply->kind = REPLY_DEC;
	c->reply->value = nr;
	return 0;
}

/* replay_trace PATH [FIRST] [NR] */
int cmd_replay_trace(struct cmd *c)
{
	uint64_t nr = c->arg[2].given ? c->arg[2].num : UINT64_MAX, done = 0;
	idx_t file =
		file_open_flags(c->m, c->task, c->arg[0].text, FMODE_READ, 0);
	idx_t inode = file ? file_at(c->m, file)->inode : 0;
	int err;

	if (!file)
		return -c->m->fail.err;
	if (inode_at(c->m, inode)->type == INODE_FILE)
		err = trace_file_run(
			c->m, c->task->pid, inode, c->arg[1].num, nr, &done);
	else
		err = vm_fail(c->m, EISDIR, "a trace is a regular file");
	file_put(c->m, file);
	c->reply->kind = REPLY_DEC;
	c->reply->value = done;
	return err;
}
