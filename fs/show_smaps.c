/*
 * proc/PID/smaps and smaps_rollup: what each mapping costs, and the sum.
 * Source of fields, order and widths: Linux fs/proc/task_mmu.c.
 */
#include "../vm/mm/huge.h"
#include "../vm/mm/hugetlb.h"
#include "mem_usage.h"
#include "renderers.h"
#include "show_proc.h"
#include "text.h"
#include "vm_flags.h"

static uint64_t pss_kb(uint64_t pss)
{
	return pss >> (10 + PSS_SHIFT);
}

/* The lines that smaps and smaps_rollup share. */
static void usage_lines(struct sbuf *b, const struct mem_usage *u, bool rollup)
{
	text_kb(b, "Rss:", u->rss >> 10);
	text_kb(b, "Pss:", pss_kb(u->pss));
	text_kb(b, "Pss_Dirty:", pss_kb(u->pss_dirty));
	if (rollup) {
		text_kb(b, "Pss_Anon:", pss_kb(u->pss_anon));
		text_kb(b, "Pss_File:", pss_kb(u->pss_file));
		text_kb(b, "Pss_Shmem:", pss_kb(u->pss_shmem));
	}
	text_kb(b, "Shared_Clean:", u->shared_clean >> 10);
	text_kb(b, "Shared_Dirty:", u->shared_dirty >> 10);
	text_kb(b, "Private_Clean:", u->private_clean >> 10);
	text_kb(b, "Private_Dirty:", u->private_dirty >> 10);
	text_kb(b, "Referenced:", u->referenced >> 10);
	text_kb(b, "Anonymous:", u->anonymous >> 10);
	/* no merged pages exist here */
	text_kb(b, "KSM:", 0);
	text_kb(b, "LazyFree:", u->lazyfree >> 10);
	text_kb(b, "AnonHugePages:", u->anon_huge >> 10);
	text_kb(b, "ShmemPmdMapped:", u->shmem_huge >> 10);
	text_kb(b, "FilePmdMapped:", 0);
	text_kb(b, "Shared_Hugetlb:", u->shared_hugetlb >> 10);
	text_kb_at(b, "Private_Hugetlb:", 17, 7, u->private_hugetlb >> 10);
	text_kb(b, "Swap:", u->swap >> 10);
	text_kb(b, "SwapPss:", pss_kb(u->swap_pss));
	text_kb(b, "Locked:", pss_kb(u->pss_locked));
}

static void mapping_lines(struct sbuf *b, const struct vm *m,
	const struct vma *v, const struct mem_usage *u)
{
	uint64_t page = vma_page_bytes(m, v);

	text_kb(b, "Size:", (v->end - v->start) >> 10);
	text_kb(b, "KernelPageSize:", page >> 10);
	text_kb(b, "MMUPageSize:", page >> 10);
	usage_lines(b, u, false);
	sbuf_printf(b, "THPeligible:    %8u\nVmFlags: ", huge_eligible(m, v));
	vm_flags_text(b, v->flags);
	sbuf_char(b, '\n');
}

void show_smaps(struct sbuf *b, const struct view *view, uint64_t id)
{
	const struct vm *m = view->vm;
	const struct mm *mm = show_mm(view, id);
	const struct mem_usage none = {0};
	const struct vma *v;
	struct vma gate;

	if (!mm)
		return;
	vma_for_each (m, mm, v) {
		struct mem_usage u = {0};

		mem_usage_add(&u, m, mm, v);
		maps_line(b, m, mm, v);
		mapping_lines(b, m, v, &u);
	}
	if (!maps_gate(m, mm, &gate))
		return;
	maps_named_line(b, m, gate.start, gate.end, gate.flags, "[vsyscall]");
	mapping_lines(b, m, &gate, &none);
}

void show_smaps_rollup(struct sbuf *b, const struct view *view, uint64_t id)
{
	const struct vm *m = view->vm;
	const struct mm *mm = show_mm(view, id);
	struct mem_usage u = {0};
	const struct vma *v;

	if (!mm || !mm->first)
		return;
	vma_for_each (m, mm, v)
		mem_usage_add(&u, m, mm, v);
	maps_named_line(b, m, vma_at(m, mm->first)->start,
		vma_at(m, mm->last)->end, 0, "[rollup]");
	usage_lines(b, &u, true);
}
