/*
 * proc/PID/vmas: the mm_struct, then one line for each vm_area_struct, field
 * by field, then the labels.
 */
#include "../vm/disk/disk.h"
#include "../vm/phys/phys.h"
#include "renderers.h"
#include "show_proc.h"
#include "vm_flags.h"

static void hex_field(struct sbuf *b, const char *name, uint64_t v)
{
	sbuf_str(b, name);
	sbuf_str(b, "=0x");
	sbuf_hex(b, v);
	sbuf_char(b, ' ');
}

static void mm_line(struct sbuf *b, const struct vm *m, const struct mm *mm)
{
	sbuf_printf(b, "mm_struct mm_users=%u map_count=%u ", mm->users,
		mm->map_count);
	hex_field(b, "pgd", pfn_to_pa(m, mm->pgd));
	hex_field(b, "mmap_base", mm->mmap_base);
	hex_field(b, "task_size", mm->task_size);
	hex_field(b, "start_code", mm->start_code);
	hex_field(b, "end_code", mm->end_code);
	hex_field(b, "start_data", mm->start_data);
	hex_field(b, "end_data", mm->end_data);
	hex_field(b, "start_brk", mm->start_brk);
	hex_field(b, "brk", mm->brk);
	hex_field(b, "start_stack", mm->start_stack);
	hex_field(b, "arg_start", mm->arg_start);
	hex_field(b, "arg_end", mm->arg_end);
	hex_field(b, "env_start", mm->env_start);
	hex_field(b, "env_end", mm->env_end);
	sbuf_printf(b,
		"total_vm=%llu data_vm=%llu stack_vm=%llu exec_vm=%llu "
		"locked_vm=%llu pgtables_bytes=%llu\n",
		(unsigned long long)mm->total_vm,
		(unsigned long long)mm->data_vm,
		(unsigned long long)mm->stack_vm,
		(unsigned long long)mm->exec_vm,
		(unsigned long long)mm->locked_vm,
		(unsigned long long)mm->pgtables);
}

/* vm_file is the inode number, 0 without one; the name comes last because it
 * may hold spaces. */
static void vma_line(struct sbuf *b, const struct vm *m, const struct mm *mm,
	const struct vma *v)
{
	char name[4224];
	size_t n = vma_name(m, mm, v, name, sizeof(name));
	uint32_t ino = 0;

	if (v->file)
		ino = inode_at(m, file_at(m, v->file)->inode)->ino;
	sbuf_str(b, "vm_area_struct ");
	hex_field(b, "vm_start", v->start);
	hex_field(b, "vm_end", v->end);
	hex_field(b, "vm_pgoff", v->pgoff);
	hex_field(b, "vm_flags", v->flags);
	sbuf_str(b, "( ");
	vm_flags_text(b, v->flags);
	sbuf_printf(b,
		") vm_file=%u anon_vma=%u singular=%u family=%u name=", ino,
		v->anon_vma, !v->av_multi, v->family);
	for (size_t i = 0; i < n; i++)
		sbuf_char(b, name[i] == '\n' ? '?' : name[i]);
	sbuf_char(b, '\n');
}

/* The names that the user gave to addresses, newest first. */
static void labels(struct sbuf *b, const struct vm *m, const struct task *t)
{
	for (idx_t i = t->labels; i; i = label_at(m, i)->next)
		sbuf_printf(b, "label name=%s addr=0x%llx\n",
			label_at(m, i)->name,
			(unsigned long long)label_at(m, i)->addr);
}

void show_vmas(struct sbuf *b, const struct view *view, uint64_t id)
{
	const struct mm *mm = show_mm(view, id);
	const struct vma *v;

	if (!mm)
		return;
	mm_line(b, view->vm, mm);
	vma_for_each (view->vm, mm, v)
		vma_line(b, view->vm, mm, v);
	labels(b, view->vm, task_find(view->vm, (uint32_t)id));
}
