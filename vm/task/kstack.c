/*
 * The kernel stack of a task: a block of frames that the task has from birth to
 * exit; a zombie has none.
 *
 *	low end                                              high end
 *	| thread info | magic |   free   <- grows down | registers |
 *
 * Written are the fixed things alone.  Thread info: PID and address space of
 * the task, as i386 and older kernels keep them there.  The magic word behind
 * it is Linux's STACK_END_MAGIC: a stack that grew over it has overflowed.
 *
 * Source: Linux kernel/fork.c (alloc_thread_stack_node), linux/magic.h.
 */
#include "task_i.h"

#include <string.h>

#include "../reclaim/reclaim.h"

#define STACK_END_MAGIC 0x57ac6e9du

struct thread_info {
	uint32_t pid, tgid;
	uint32_t mm;
	uint32_t magic;
};

int kstack_alloc(struct vm *m, struct task *t)
{
	struct thread_info info = {.magic = STACK_END_MAGIC};
	pfn_t pfn = mem_alloc(m, GFP_KERNEL | GFP_ACCOUNT, m->arch->stack_order,
		FRAME_STACK, USE_STACK, true);

	if (pfn == PFN_NONE)
		return vm_fail(m, ENOMEM,
			"no block of %u frames is free for a kernel stack",
			1u << m->arch->stack_order);
	frame_at(m, pfn)->owner = task_index(m, t);
	t->stack = pfn;
	memcpy(frame_bytes(m, pfn), &info, sizeof(info));
	return 0;
}

void kstack_note(struct vm *m, const struct task *t)
{
	struct thread_info *info = (void *)frame_bytes(m, t->stack);

	info->pid = t->pid;
	info->tgid = t->tgid;
	info->mm = t->mm;
}

void kstack_free(struct vm *m, struct task *t)
{
	if (!t->stack)
		return;
	frame_at(m, t->stack)->owner = 0;
	buddy_free(m, t->stack, m->arch->stack_order, USE_STACK);
	t->stack = PFN_NONE;
}

int kstack_check(struct vm *m, const struct task *t)
{
	const struct frame *f = frame_at(m, t->stack);
	const struct thread_info *info;

	if (t->state == TASK_ZOMBIE)
		return !t->stack ? 0
				 : vm_fail(m, EIO,
					   "the zombie %u has a kernel stack",
					   t->pid);
	if (!t->stack || f->state != FRAME_STACK ||
		f->owner != task_index(m, t) ||
		f->order != m->arch->stack_order)
		return vm_fail(m, EIO, "task %u: frame %u is no kernel stack",
			t->pid, t->stack);
	info = (void *)ram_at(m, pfn_to_pa(m, t->stack));
	if (info->magic != STACK_END_MAGIC || info->pid != t->pid ||
		info->tgid != t->tgid || info->mm != t->mm)
		return vm_fail(m, EIO,
			"task %u: the end of its kernel stack says PID %u, "
			"mm %u, magic 0x%x",
			t->pid, info->pid, info->mm, info->magic);
	return 0;
}
