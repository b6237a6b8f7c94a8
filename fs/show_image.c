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

/*
 * setproctitle(3) writes over the arguments, and on into the environment if it
 * lies behind them: then the text goes to its end, in one page.
 */
static bool overwritten(const struct view *view, const struct mm *mm)
{
	char last = 0;

	return mm->arg_start < mm->arg_end &&
	       mem_look(view->vm, mm, mm->arg_end - 1, &last, 1) && last;
}

static void title(struct sbuf *b, const struct view *view, const struct mm *mm)
{
	uint64_t room = mm->arg_end - mm->arg_start;
	char *p = sbuf_room(b, 4096);
	size_t n;

	if (mm->env_start == mm->arg_end && mm->env_end > mm->env_start)
		room = mm->env_end - mm->arg_start;
	if (!p)
		return;
	n = mem_look(view->vm, mm, mm->arg_start, p, 4096);
	if (n > strnlen(p, n))
		n = strnlen(p, n) + 1;
	b->len += n < room ? n : room;
}

void show_cmdline(struct sbuf *b, const struct view *view, uint64_t id)
{
	const struct mm *mm = show_mm(view, id);

	if (!mm)
		return;
	if (overwritten(view, mm))
		title(b, view, mm);
	else
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

bool has_exe(const struct view *view, uint64_t id)
{
	const struct mm *mm = show_mm(view, id);

	return mm && mm->exe;
}

/* The program's path on disk/. */
void show_exe(struct sbuf *b, const struct view *view, uint64_t id)
{
	const struct mm *mm = show_mm(view, id);
	char *p = sbuf_room(b, 4224);

	if (mm && mm->exe && p)
		b->len += disk_path(
			view->vm, file_at(view->vm, mm->exe)->inode, p, 4224);
}

/* How the file of the mapping with that index is open. */
uint16_t map_file_mode(const struct view *view, uint64_t id)
{
	idx_t file = vma_at(view->vm, (idx_t)id)->file;
	uint32_t mode = file_at(view->vm, file)->mode;

	return (mode & FMODE_READ ? 0400 : 0) | (mode & FMODE_WRITE ? 0200 : 0);
}

/* That file. */
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
