/*
 * proc/PID/maps.
 *
 *	START-END PERMS OFFSET MAJ:MIN INODE [padding NAME]
 *
 * The prefix ends with one space after the inode number; a name starts at the
 * architecture's column, or one space further on when the prefix is longer.
 * Written by hand: a process may have 65,530 mappings, and snprintf would cost
 * more than everything else together.  Source: Linux fs/proc/task_mmu.c.
 */
#include "../vm/disk/disk.h"
#include "renderers.h"
#include "show_proc.h"
#include "text.h"

#define MAPS_PREFIX_MAX 128
#define MAPS_NAME_MAX	4224 /* a path of 4095 bytes and " (deleted)" */

static char *put_device(char *p, const struct vm *m, const struct vma *v)
{
	const struct inode *i;

	if (!v->file)
		return text_lit(p, " 00:00 0 ");
	i = inode_at(m, file_at(m, v->file)->inode);
	/* shared memory lives on the kernel's internal tmpfs, disk/ on vda */
	if (i->type == INODE_SHMEM)
		p = text_lit(p, " 00:01 ");
	else if (i->type == INODE_HUGETLB)
		p = text_lit(p, " 00:10 ");
	else
		p = text_lit(p, " fe:00 ");
	p += format_dec(p, i->ino);
	*p++ = ' ';
	return p;
}

/* Up to and with the space after the inode number. */
static char *put_prefix(char *p, const struct vm *m, const struct vma *v)
{
	uint64_t f = v->flags;

	p = text_hex(p, v->start);
	*p++ = '-';
	p = text_hex(p, v->end);
	*p++ = ' ';
	*p++ = f & VM_READ ? 'r' : '-';
	*p++ = f & VM_WRITE ? 'w' : '-';
	*p++ = f & VM_EXEC ? 'x' : '-';
	*p++ = f & VM_MAYSHARE ? 's' : 'p';
	*p++ = ' ';
	p = text_hex(p, v->file ? v->pgoff << m->page_shift : 0);
	return put_device(p, m, v);
}

/* Spaces from the end of the prefix to where the name starts. */
static char *put_padding(char *p, const char *line, unsigned column)
{
	while (p - line < column - 1)
		*p++ = ' ';
	*p++ = ' ';
	return p;
}

/* A newline in a path would look like the end of the line: \012. */
static char *escape_newlines(char *name, size_t n, size_t room)
{
	char *p = name;

	while ((p = memchr(p, '\n', (size_t)(name + n - p)))) {
		if (n + 3 > room)
			return p;
		memmove(p + 4, p + 1, (size_t)(name + n - p - 1));
		memcpy(p, "\\012", 4);
		n += 3;
		p += 4;
	}
	return name + n;
}

void maps_line(struct sbuf *b, const struct vm *m, const struct mm *mm,
	const struct vma *v)
{
	char *line = sbuf_room(b, MAPS_PREFIX_MAX + MAPS_NAME_MAX);
	unsigned column = m->arch->native.maps_column;
	char *p, *name;
	size_t n;

	if (!line)
		return;
	p = put_prefix(line, m, v);
	name = p - line < column ? line + column : p + 1;
	n = vma_name(m, mm, v, name, MAPS_NAME_MAX / 2);
	if (n) {
		put_padding(p, line, column);
		p = escape_newlines(name, n, MAPS_NAME_MAX - 1);
	}
	*p++ = '\n';
	sbuf_end(b, p);
}

void maps_named_line(struct sbuf *b, const struct vm *m, vaddr_t start,
	vaddr_t end, uint64_t flags, const char *name)
{
	struct vma v = {.start = start, .end = end, .flags = flags};
	char *line = sbuf_room(b, MAPS_PREFIX_MAX);
	char *p;

	if (!line)
		return;
	p = put_prefix(line, m, &v);
	p = put_padding(p, line, m->arch->native.maps_column);
	sbuf_end(b, p);
	sbuf_str(b, name);
	sbuf_char(b, '\n');
}

bool maps_gate(const struct vm *m, const struct mm *mm, struct vma *gate)
{
	if (!mm_layout(m, mm)->vsyscall || !m->root->config.vsyscall)
		return false;
	memset(gate, 0, sizeof(*gate));
	gate->start = VSYSCALL_ADDR;
	gate->end = VSYSCALL_ADDR + m->page_size;
	/* 1: only the emulation's entry may be executed, nothing be read */
	gate->flags =
		m->root->config.vsyscall == 1 ? VM_EXEC : VM_READ | VM_EXEC;
	return true;
}

void show_maps(struct sbuf *b, const struct view *view, uint64_t id)
{
	const struct vm *m = view->vm;
	const struct mm *mm = show_mm(view, id);
	struct vma gate;
	const struct vma *v;

	if (!mm)
		return;
	vma_for_each (m, mm, v)
		maps_line(b, m, mm, v);
	if (maps_gate(m, mm, &gate))
		maps_named_line(
			b, m, gate.start, gate.end, gate.flags, "[vsyscall]");
}
