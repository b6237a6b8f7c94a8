/* The invariants of tasks, descriptors, and references to files. */
#include "signal.h"
#include "task_i.h"

#include <stdlib.h>

#include "../mm/mm.h"

/* How often each mm and each file is referred to, counted afresh. */
struct census {
	uint32_t *mm_users, *file_refs;
	uint32_t nr_mm, nr_file; /* sizes of the arrays */
};

static int check_fds(struct vm *m, const struct task *t, struct census *c)
{
	uint32_t next = 0;

	for (idx_t i = t->fds; i; i = fd_at(m, i)->next) {
		const struct fd *fd = fd_at(m, i);

		if (fd->number < next)
			return vm_fail(m, EIO,
				"task %u: descriptor %u is out of order",
				t->pid, fd->number);
		if (!fd->file || fd->file >= c->nr_file)
			return vm_fail(m, EIO,
				"task %u: descriptor %u names file %u", t->pid,
				fd->number, fd->file);
		c->file_refs[fd->file]++;
		next = fd->number + 1;
	}
	return 0;
}

static void count_mm(struct vm *m, idx_t i, struct census *c)
{
	const struct mm *mm = mm_at(m, i);
	const struct vma *v;

	if (c->mm_users[i]++)
		return;
	if (mm->exe && mm->exe < c->nr_file)
		c->file_refs[mm->exe]++;
	vma_for_each (m, mm, v)
		if (v->file && v->file < c->nr_file)
			c->file_refs[v->file]++;
}

static int check_task(struct vm *m, idx_t i, struct census *c)
{
	const struct task *t = task_at(m, i);

	if (task_find(m, t->pid) != t)
		return vm_fail(
			m, EIO, "PID %u: the map finds another task", t->pid);
	/* init's threads have its parent: none */
	if (t->tgid == PID_INIT ? t->parent != 0 : !t->parent)
		return vm_fail(m, EIO, "task %u: its parent is task index %u",
			t->pid, t->parent);
	if (t->parent && task_find(m, task_at(m, t->parent)->pid) !=
				 task_at(m, t->parent))
		return vm_fail(m, EIO, "task %u: its parent is gone", t->pid);
	if (!task_find(m, t->tgid))
		return vm_fail(m, EIO, "thread %u: its process %u is gone",
			t->pid, t->tgid);
	if ((t->state == TASK_ZOMBIE) != !t->mm || t->mm >= c->nr_mm ||
		(!t->mm && t->fds))
		return vm_fail(m, EIO, "task %u: state %c with mm %u", t->pid,
			(char)t->state, t->mm);
	if (t->pdeath_signal > NR_SIGNALS)
		return vm_fail(m, EIO, "task %u: %u is no signal", t->pid,
			t->pdeath_signal);
	if (t->mm)
		count_mm(m, t->mm, c);
	if (kstack_check(m, t))
		return -EIO;
	return check_fds(m, t, c);
}

static int check_list(struct vm *m, struct census *c)
{
	uint32_t nr = 0, last = 0;
	idx_t prev = 0;
	int err;

	for (idx_t i = m->root->first_task; i; i = task_at(m, i)->next) {
		const struct task *t = task_at(m, i);

		if (t->pid <= last || t->prev != prev)
			return vm_fail(m, EIO,
				"the list of tasks is broken between PID %u "
				"and %u",
				last, t->pid);
		err = check_task(m, i, c);
		if (err)
			return err;
		last = t->pid;
		prev = i;
		nr++;
	}
	if (prev != m->root->last_task || nr != pool_live(m, SEG_TASK))
		return vm_fail(m, EIO, "%u tasks are listed, %u exist", nr,
			pool_live(m, SEG_TASK));
	return 0;
}

static int check_census(struct vm *m, const struct census *c)
{
	uint32_t mms = 0;

	for (idx_t i = 1; i < c->nr_mm; i++) {
		mms += c->mm_users[i] != 0;
		if (c->mm_users[i] && c->mm_users[i] != mm_at(m, i)->users)
			return vm_fail(m, EIO, "mm %u: %u users, %u tasks", i,
				mm_at(m, i)->users, c->mm_users[i]);
	}
	if (mms != pool_live(m, SEG_MM))
		return vm_fail(m, EIO, "%u mms have tasks, %u exist", mms,
			pool_live(m, SEG_MM));
	for (idx_t i = 1; i < c->nr_file; i++)
		if (c->file_refs[i] != file_at(m, i)->refs)
			return vm_fail(m, EIO,
				"file %u: %u references, %u are counted", i,
				file_at(m, i)->refs, c->file_refs[i]);
	return 0;
}

int task_check(struct vm *m)
{
	struct census c = {
		.nr_mm = m->root->pool[SEG_MM].nr,
		.nr_file = m->root->pool[SEG_FILE].nr,
	};
	int err = 0;

	c.mm_users = calloc((size_t)c.nr_mm + c.nr_file + 1, sizeof(uint32_t));
	if (!c.mm_users)
		return vm_fail(m, ENOMEM, "the host has no memory to check");
	c.file_refs = c.mm_users + c.nr_mm;
	err = check_list(m, &c);
	if (!err)
		err = check_census(m, &c);
	free(c.mm_users);
	return err;
}
