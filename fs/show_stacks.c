/* proc/PID/task/TID/stacks: the two stacks of a thread. */
#include "../vm/phys/phys.h"
#include "renderers.h"
#include "show_proc.h"

/* START-END SP: the mapping that holds the user's stack pointer. */
static void user_line(struct sbuf *b, const struct vm *m, const struct task *t)
{
	const struct mm *mm = mm_at(m, t->mm);
	vaddr_t sp = t->sp ? t->sp : mm->start_stack;
	const struct vma *v;

	vma_for_each (m, mm, v) {
		if (sp < v->start || sp > v->end)
			continue;
		sbuf_printf(b, "user   0x%llx-0x%llx sp=0x%llx\n",
			(unsigned long long)v->start,
			(unsigned long long)v->end, (unsigned long long)sp);
		return;
	}
	sbuf_printf(b, "user   none sp=0x%llx\n", (unsigned long long)sp);
}

/* START-END in the direct map, and the frames. */
static void kernel_line(
	struct sbuf *b, const struct vm *m, const struct task *t)
{
	uint64_t bytes = m->page_size << m->arch->stack_order;
	paddr_t pa = pfn_to_pa(m, t->stack);
	vaddr_t start = m->arch->page_offset + pa;

	sbuf_printf(b, "kernel 0x%llx-0x%llx pfn=%u order=%u phys=0x%llx\n",
		(unsigned long long)start, (unsigned long long)(start + bytes),
		t->stack, m->arch->stack_order, (unsigned long long)pa);
}

void show_stacks(struct sbuf *b, const struct view *view, uint64_t id)
{
	const struct task *t = show_task(view, id);

	if (!t || !t->mm)
		return;
	user_line(b, view->vm, t);
	kernel_line(b, view->vm, t);
}
