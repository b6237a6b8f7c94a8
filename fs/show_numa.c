/*
 * proc/PID/numa_maps: policy and pages of each mapping, by node.
 * Source: Linux fs/proc/task_mmu.c, show_numa_map().
 */
#include <string.h>

#include "../vm/disk/disk.h"
#include "../vm/mm/hugetlb.h"
#include "../vm/mmu/mmu.h"
#include "renderers.h"
#include "show_proc.h"

#define NAME_SIZE (DISK_NAME_SIZE + 16)

struct numa_pages {
	uint64_t pages, anon, dirty, active, mapmax, swapcache;
	uint64_t node[MAX_NODES];
};

static void add_page(struct numa_pages *n, const struct vm *m, uint64_t e)
{
	const struct frame *f = frame_at(m, pte_pfn(m, e));

	n->pages++;
	n->node[node_of(m, pte_pfn(m, e))]++;
	n->anon += f->state == FRAME_ANON || f->flags & FR_HUGETLB_ANON;
	n->dirty += e & m->arch->pte.dirty || f->flags & FR_DIRTY;
	n->swapcache += (f->flags & FR_SWAPCACHE) != 0;
	n->active += (f->flags & FR_ACTIVE) != 0;
	if (f->mapcount > n->mapmax)
		n->mapmax = f->mapcount;
}

/* Pages of the kernel's own image, as vvar and vdso have, do not count. */
static void count_pages(struct numa_pages *n, const struct vm *m,
	const struct mm *mm, const struct vma *v)
{
	uint64_t span;

	for (vaddr_t va = v->start; !v->special && va < v->end; va += span) {
		unsigned first;
		vaddr_t end;

		if (!pt_leaf_table(m, mm, va, &first, &span) &&
			!pt_get(m, mm, va))
			continue;
		if (span > v->end - va)
			span = v->end - va;
		end = va + span;
		for (vaddr_t at = va; at < end; at += vma_page_bytes(m, v)) {
			uint64_t e = pt_get(m, mm, at);

			if (pte_present(m, e) && !(e & m->arch->pte.special))
				add_page(n, m, e);
		}
	}
}

static void put_path(struct sbuf *b, const char *p)
{
	sbuf_str(b, " file=");
	for (; *p; p++) {
		if (strchr("\n\t= ", *p))
			sbuf_printf(b, "\\%03o", (unsigned char)*p);
		else
			sbuf_char(b, *p);
	}
}

static void put_count(struct sbuf *b, const char *label, uint64_t n)
{
	if (!n)
		return;
	sbuf_str(b, label);
	sbuf_dec(b, n);
}

/* The mapping's policy, or else the task's. */
static void put_policy(struct sbuf *b, const struct vm *m, const struct task *t,
	const struct vma *v)
{
	const struct mempolicy *p = mpol_at(m, v, v->start);
	char text[MPOL_TEXT];

	if (!p->mode)
		p = &t->policy;

	mpol_text(p, p->nodes, text);
	sbuf_char(b, ' ');
	sbuf_str(b, text);
}

static void put_nodes(
	struct sbuf *b, const struct vm *m, const struct numa_pages *n)
{
	for (unsigned i = 0; i < m->root->config.nodes; i++) {
		if (!n->node[i])
			continue;
		sbuf_printf(b, " N%u=", i);
		sbuf_dec(b, n->node[i]);
	}
}

static void numa_line(struct sbuf *b, const struct vm *m, const struct mm *mm,
	const struct task *t, const struct vma *v)
{
	struct numa_pages n = {0};
	char name[NAME_SIZE] = "";

	vma_name(m, mm, v, name, sizeof(name));
	sbuf_hex_pad(b, v->start, 8);
	put_policy(b, m, t, v);
	if (v->file)
		put_path(b, name);
	else if (!strcmp(name, "[heap]"))
		sbuf_str(b, " heap");
	else if (!strcmp(name, "[stack]"))
		sbuf_str(b, " stack");
	if (v->flags & VM_HUGETLB)
		sbuf_str(b, " huge");
	count_pages(&n, m, mm, v);
	if (n.pages) {
		put_count(b, " anon=", n.anon);
		put_count(b, " dirty=", n.dirty);
		if (n.pages != n.anon && n.pages != n.dirty)
			put_count(b, " mapped=", n.pages);
		if (n.mapmax > 1)
			put_count(b, " mapmax=", n.mapmax);
		put_count(b, " swapcache=", n.swapcache);
		if (n.active < n.pages && !(v->flags & VM_HUGETLB))
			sbuf_printf(b, " active=%llu",
				(unsigned long long)n.active);
		put_nodes(b, m, &n);
		put_count(b, " kernelpagesize_kB=", vma_page_bytes(m, v) >> 10);
	}
	sbuf_char(b, '\n');
}

/* sys/kernel/mm/mempolicy/weighted_interleave/ */
void show_weight(struct sbuf *b, const struct view *view, uint64_t id)
{
	unsigned weight = view->vm->root->set.il_weight[id];

	sbuf_printf(b, "%u\n", weight ? weight : 1);
}

void show_weight_auto(struct sbuf *b, const struct view *view, uint64_t id)
{
	sbuf_str(b, view->vm->root->set.il_by_hand ? "false\n" : "true\n");
}

/* Nothing is to be read there. */
void show_nothing(struct sbuf *b, const struct view *view, uint64_t id)
{
}

void show_numa_maps(struct sbuf *b, const struct view *view, uint64_t id)
{
	const struct mm *mm = show_mm(view, id);
	const struct vma *v;

	if (!mm)
		return;
	vma_for_each (view->vm, mm, v)
		numa_line(
			b, view->vm, mm, task_find(view->vm, (uint32_t)id), v);
}
