/*
 * proc/PID/fd, fdinfo, io and personality: the open files of a process and what
 * it read and wrote.
 * Sources: Linux fs/proc/fd.c, fs/proc/base.c (do_io_accounting).
 */
#include "../vm/disk/disk.h"
#include "renderers.h"
#include "show_proc.h"

/* open(2)'s flags as x86 has them; every file is opened with O_LARGEFILE. */
#define LINUX_O_WRONLY	  01u
#define LINUX_O_RDWR	  02u
#define LINUX_O_APPEND	  02000u
#define LINUX_O_LARGEFILE 0100000u

#define MNT_ID 1 /* disk/ is the one mount */

static const struct file *file_of(const struct view *v, uint64_t fd)
{
	return file_at(v->vm, fd_at(v->vm, (idx_t)fd)->file);
}

void show_fd(struct sbuf *b, const struct view *v, uint64_t id)
{
	char *p = sbuf_room(b, 4224);

	if (p)
		b->len += disk_path(v->vm, file_of(v, id)->inode, p, 4224);
}

/* What a link to an open file shows of how it is open: lr-x, l-wx, lrwx. */
uint16_t fd_mode(const struct view *v, uint64_t id)
{
	uint32_t mode = file_of(v, id)->mode;

	return (mode & FMODE_READ ? 0500 : 0) | (mode & FMODE_WRITE ? 0300 : 0);
}

void show_fdinfo(struct sbuf *b, const struct view *v, uint64_t id)
{
	const struct file *f = file_of(v, id);
	unsigned flags = LINUX_O_LARGEFILE;

	if (f->mode & FMODE_WRITE)
		flags |= f->mode & FMODE_READ ? LINUX_O_RDWR : LINUX_O_WRONLY;
	if (f->mode & FMODE_APPEND)
		flags |= LINUX_O_APPEND;
	sbuf_printf(b, "pos:\t%llu\nflags:\t0%o\nmnt_id:\t%d\nino:\t%u\n",
		(unsigned long long)f->pos, flags, MNT_ID,
		inode_at(v->vm, f->inode)->ino);
}

static void line(struct sbuf *b, const char *name, uint64_t value)
{
	sbuf_str(b, name);
	sbuf_str(b, ": ");
	sbuf_dec(b, value);
	sbuf_char(b, '\n');
}

static void io_lines(struct sbuf *b, const struct task_io *io)
{
	line(b, "rchar", io->rchar);
	line(b, "wchar", io->wchar);
	line(b, "syscr", io->syscr);
	line(b, "syscw", io->syscw);
	line(b, "read_bytes", io->read_bytes);
	line(b, "write_bytes", io->write_bytes);
	line(b, "cancelled_write_bytes", io->cancelled);
}

void show_thread_io(struct sbuf *b, const struct view *v, uint64_t id)
{
	io_lines(b, &show_task(v, id)->io);
}

/* Of all threads that the process has and had, and of children that it has
 * waited for. */
void show_io(struct sbuf *b, const struct view *v, uint64_t id)
{
	const struct vm *m = v->vm;
	const struct task *leader = task_leader(m, show_task(v, id));
	struct task_io sum = leader->group.io;

	for (idx_t i = m->root->first_task; i; i = task_at(m, i)->next)
		if (task_at(m, i)->tgid == leader->tgid)
			task_io_add(&sum, &task_at(m, i)->io);
	io_lines(b, &sum);
}

void show_personality(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_hex_pad(b, show_task(v, id)->personality, 8);
	sbuf_char(b, '\n');
}
