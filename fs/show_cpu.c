/*
 * cpu/N/regs and cpu/N/tlb: what one processor holds.
 */
#include "../vm/mmu/mmu.h"
#include "renderers.h"

static void reg(struct sbuf *b, const char *name, uint64_t v)
{
	sbuf_str(b, name);
	sbuf_str(b, " 0x");
	sbuf_hex(b, v);
	sbuf_char(b, '\n');
}

/* One `name value` a line.  current is a PID, 0 when nothing runs. */
void show_regs(struct sbuf *b, const struct view *view, uint64_t id)
{
	const struct vm *m = view->vm;
	const struct cpu *c = &m->root->cpu[id];
	uint64_t pcid_bits = m->page_size - 1;

	reg(b, "cr0", c->cr0);
	reg(b, "cr2", c->cr2);
	reg(b, "cr3", c->cr3);
	reg(b, "cr4", c->cr4);
	reg(b, "efer", c->efer);
	reg(b, "error_code", c->error_code);
	sbuf_printf(b, "current %u\npcid %u\n",
		c->current ? task_at(m, c->current)->pid : 0,
		m->root->config.pcid ? (unsigned)(c->cr3 & pcid_bits) : 0);
}

struct tlb_lines {
	struct sbuf *b;
};

static void tlb_line(void *ctx, const struct tlb_view *v)
{
	struct tlb_lines *l = ctx;

	unsigned k = 0;

	while (k < 3 && v->size >> (10 * (k + 1)))
		k++;
	sbuf_printf(l->b, "%u %u %u 0x%llx 0x%x r%c%c%c%c%c %u %llu%c\n",
		v->level, v->set, v->way, (unsigned long long)v->va, v->pfn,
		v->write ? 'w' : '-', v->exec ? 'x' : '-', v->user ? 'u' : '-',
		v->dirty ? 'd' : '-', v->global ? 'g' : '-', v->pcid,
		(unsigned long long)(v->size >> (10 * k)), " KMG"[k]);
}

/*
 * One valid entry a line, level 1 first: the sets for pages, then those for
 * huge pages.  rights: read, write, execute, user,
 * dirty (a store went through this entry), global.
 */
void show_tlb(struct sbuf *b, const struct view *view, uint64_t id)
{
	struct tlb_lines lines = {b};

	sbuf_str(b, "level set way va pfn rights pcid size\n");
	tlb_for_each(view->vm, (unsigned)id, tlb_line, &lines);
}
