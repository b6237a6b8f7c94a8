/* What the renderers of proc/PID/ share. */
#ifndef PAGEFS_FS_SHOW_PROC_H
#define PAGEFS_FS_SHOW_PROC_H

#include "../vm/mm/mm.h"
#include "../vm/task/task.h"
#include "show.h"

/* The x86-64 gate page: printed as a mapping, but in no VMA tree. */
#define VSYSCALL_ADDR 0xffffffffff600000ull

/* The process of a path, and its address space: NULL for a zombie. */
static inline const struct task *show_task(const struct view *v, uint64_t id)
{
	return task_find(v->vm, (uint32_t)id);
}

static inline const struct mm *show_mm(const struct view *v, uint64_t id)
{
	const struct task *t = show_task(v, id);

	return t && t->mm ? mm_at(v->vm, t->mm) : NULL;
}

/* The gate's VMA, or false where the address space has none. */
bool maps_gate(const struct vm *m, const struct mm *mm, struct vma *gate);

/* One line of maps. */
void maps_line(struct sbuf *b, const struct vm *m, const struct mm *mm,
	const struct vma *v);
/* The same for a range that is no VMA, under the name given. */
void maps_named_line(struct sbuf *b, const struct vm *m, vaddr_t start,
	vaddr_t end, uint64_t flags, const char *name);

/* Pages of code: the executable's text, page-rounded. */
uint64_t mm_text_pages(const struct vm *m, const struct mm *mm);
uint64_t mm_rss_pages(const struct mm *mm);

/* Threads that share t's process. */
unsigned task_nr_threads(const struct vm *m, const struct task *t);

#endif
