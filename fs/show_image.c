/*
 * What execve put into a process, read back from its memory: cmdline,
 * environ, auxv; and the links exe, cwd, root.
 * Source: Linux fs/proc/base.c.
 */
#include "../vm/disk/disk.h"
#include "../vm/mmu/mmu.h"
#include "renderers.h"
#include "show_proc.h"

#define ARGS_MAX     (8 * MiB) /* more than execve accepts */
#define AUXV_MAX     128       /* words; Linux's own vector has 52 */
#define POINTERS_MAX (ARGS_MAX / 2)

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

/*
 * The auxiliary vector lies on the initial stack above two lists that end
 * with a null pointer:
 *
 *	start_stack  argc | argv... 0 | envp... 0 | type value ... 0 0
 */
struct stack_words {
	const struct vm *m;
	const struct mm *mm;
	vaddr_t at;
	unsigned width; /* bytes of a word */
};

static bool next_word(struct stack_words *s, uint64_t *v)
{
	*v = 0;
	if (mem_look(s->m, s->mm, s->at, v, s->width) < s->width)
		return false;
	s->at += s->width;
	return true;
}

static bool skip_list(struct stack_words *s)
{
	uint64_t v;

	for (unsigned i = 0; i < POINTERS_MAX; i++) {
		if (!next_word(s, &v))
			return false;
		if (!v)
			return true;
	}
	return false;
}

void show_auxv(struct sbuf *b, const struct view *view, uint64_t id)
{
	const struct mm *mm = show_mm(view, id);
	struct stack_words s = {.m = view->vm, .mm = mm};
	uint64_t type, value;

	if (!mm || !mm->start_stack || mm->env_end == 0)
		return;
	s.at = mm->start_stack;
	s.width = mm_layout(view->vm, mm)->addr_bits / 8;
	if (!next_word(&s, &value) || !skip_list(&s) || !skip_list(&s))
		return;
	for (unsigned i = 0; i < AUXV_MAX; i += 2) {
		if (!next_word(&s, &type) || !next_word(&s, &value))
			return;
		sbuf_mem(b, &type, s.width);
		sbuf_mem(b, &value, s.width);
		if (!type)
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
