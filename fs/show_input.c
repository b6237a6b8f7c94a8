/*
 * The memory of a process, and the report on a replayed strace log.
 */
#include <errno.h>

#include "../vm/input/input.h"
#include "../vm/mm/mm.h"
#include "../vm/mmu/mmu.h"
#include "renderers.h"

/* As Linux's /proc/PID/mem: EIO outside every mapping, nothing after exit. */
int64_t pread_mem(
	const struct view *v, uint64_t id, void *buf, size_t len, uint64_t off)
{
	const struct task *t = task_find(v->vm, (uint32_t)id);
	uint64_t n;

	if (!t->mm || !len)
		return 0;
	n = mem_look(v->vm, mm_at(v->vm, t->mm), off, buf, len);
	return n ? (int64_t)n : -EIO;
}

static void emit(void *ctx, const char *s, size_t n)
{
	sbuf_mem(ctx, s, n);
}

void show_strace(struct sbuf *b, const struct view *v, uint64_t id)
{
	strace_report(v->vm, emit, b);
}
