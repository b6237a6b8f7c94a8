/*
 * What execve put into a process: cmdline and environ, read back from its
 * memory, auxv; and the links exe, cwd, root.
 * Source: Linux fs/proc/base.c.
 */
#include "../vm/disk/disk.h"
#include "../vm/mmu/mmu.h"
#include "renderers.h"
#include "show_proc.h"

#define ARGS_MAX (8 * MiB) /* more than execve accepts */

static void memory_text(struct sbuf *b, const struct view *view, uint64_t id,
	vaddr_t start, vaddr_t end)
{
	const struct mm *mm = show_mm(view, id);
	char *p;

	if (!mm || end <= start || end - start > ARGS_MAX)
		return;
	p = sbuf_room(b, end - start);
	if (p)
		b->len += mem_look(view->vm, mm, start, p, end - start);
}

void show_cmdline(struct sbuf *b, const struct view *view, uint64_t id)
{
	const struct mm *mm = show_mm(view, id);

	if (mm)
		memory_text(b, view, id, mm->arg_start, mm->arg_end);
}

void show_environ(struct sbuf *b, const struct view *view, uint64_t id)
{
	const struct mm *mm = show_mm(view, id);

	if (mm)
		memory_text(b, view, id, mm->env_start, mm->env_end);
}

void show_auxv(struct sbuf *b, const struct view *view, uint64_t id)
{
	const struct mm *mm = show_mm(view, id);
	unsigned width;

	if (!mm)
		return;
	width = mm_layout(view->vm, mm)->addr_bits / 8;
	for (unsigned i = 0; i < AUXV_WORDS; i += 2) {
		sbuf_mem(b, &mm->auxv[i], width);
		sbuf_mem(b, &mm->auxv[i + 1], width);
		if (!mm->auxv[i])
			return;
	}
}

/* The program's path on disk/; no target for a process without one. */
void show_exe(struct sbuf *b, const struct view *view, uint64_t id)
{
	const struct mm *mm = show_mm(view, id);
	char *p = sbuf_room(b, 4224);

	if (mm && mm->exe && p)
		b->len += disk_path(
			view->vm, file_at(view->vm, mm->exe)->inode, p, 4224);
}

/* The file of the mapping with that index. */
void show_map_file(struct sbuf *b, const struct view *view, uint64_t id)
{
	const struct vma *v = vma_at(view->vm, (idx_t)id);
	char *p = sbuf_room(b, 4224);

	if (v->file && p)
		b->len += disk_path(
			view->vm, file_at(view->vm, v->file)->inode, p, 4224);
}

/* Processes neither change directory nor root. */
void show_root_link(struct sbuf *b, const struct view *view, uint64_t id)
{
	sbuf_char(b, '/');
}
