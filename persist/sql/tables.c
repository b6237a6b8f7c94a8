/*
 * The rows of pagefs_pte, pagefs_frame and pagefs_tlb.
 */
#include "../../vm/swap/swap.h"
#include "sql_i.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- pagefs_pte: what proc/PID/pagetable shows --------------------------- */

enum {
	PTE_VA,
	PTE_SIZE,
	PTE_LEVEL,
	PTE_AT,
	PTE_RAW,
	PTE_PFN,
	PTE_PRESENT,
	PTE_WRITE,
	PTE_USER,
	PTE_ACCESSED,
	PTE_DIRTY,
	PTE_GLOBAL,
	PTE_SPECIAL,
	PTE_NX,
	PTE_PROT_NONE,
	PTE_GUARD,
	PTE_SWAP,
	PTE_SWAP_TYPE,
	PTE_SWAP_OFFSET,
	PTE_MOMENT,
	PTE_PID,
};

static const char pte_schema[] =
	"CREATE TABLE pagefs_pte (va INTEGER, size INTEGER, level TEXT,"
	" at INTEGER, raw INTEGER, pfn INTEGER, present INTEGER,"
	" write INTEGER, user INTEGER, accessed INTEGER, dirty INTEGER,"
	" global INTEGER, special INTEGER, nx INTEGER, prot_none INTEGER,"
	" guard INTEGER, swap INTEGER, swap_type INTEGER,"
	" swap_offset INTEGER,"
	" moment TEXT HIDDEN, pid INTEGER HIDDEN)";

static uint64_t span_of(const struct vm *m, unsigned level)
{
	return 1ull << m->arch->level[level].shift;
}

/* Whether an entry that is not zero ends the walk. */
static bool ends_walk(const struct vm *m, unsigned level, uint64_t e)
{
	const struct pte_bits *b = &m->arch->pte;

	return level + 1u == m->arch->nr_levels || !(e & b->present) ||
	       (m->arch->level[level].may_be_leaf && (e & b->huge));
}

/* The first leaf entry that is not zero and covers an address in [va, end). */
static bool find_leaf(const struct vm *m, const struct mm *mm, vaddr_t va,
	vaddr_t end, struct leaf *out)
{
	while (va < end) {
		paddr_t table = pfn_to_pa(m, mm->pgd), at;
		unsigned level = 0;
		uint64_t e;

		for (;; level++, table = e & m->arch->pte.addr) {
			at = table + (uint64_t)arch_index(m->arch, level, va) *
					     m->arch->entry_bytes;
			e = pte_read(m, at);
			if (!e || ends_walk(m, level, e))
				break;
		}
		if (e) {
			*out = (struct leaf){
				va & ~(span_of(m, level) - 1), at, e, level};
			return true;
		}
		va = (va | (span_of(m, level) - 1)) + 1;
		if (!va)
			break;
	}
	return false;
}

/* From address `va` of the current process on, then the next processes. */
static bool pte_from(struct rows *r, vaddr_t va)
{
	while (r->task) {
		const struct task *t = r->task;
		const struct mm *mm = t->mm ? mm_at(r->vm, t->mm) : NULL;
		vaddr_t end = mm ? mm->task_size : 0;

		if (r->high < end)
			end = r->high + 1;
		if (find_leaf(r->vm, mm, va, end, &r->leaf))
			return true;
		r->task = r->has_pid ? NULL : task_next(r->vm, t->pid + 1);
		va = r->low;
	}
	return false;
}

static int pte_first(struct rows *r, char *err)
{
	r->task = r->has_pid ? task_find(r->vm, r->pid) : task_next(r->vm, 0);
	if (r->task)
		return pte_from(r, r->low);
	snprintf(err, STORE_ERR_MAX, "there is no process %u at that moment",
		r->pid);
	return -ESRCH;
}

static bool pte_next(struct rows *r)
{
	uint64_t last = span_of(r->vm, r->leaf.level) - 1;

	return pte_from(r, (r->leaf.va | last) + 1);
}

/* Whether the entry maps a frame, with rights or without. */
static bool maps(const struct rows *r)
{
	return pte_present(r->vm, r->leaf.entry);
}

/* The bits of an entry that maps something; NULL for another, whose bits mean
 * other things. */
static void pte_bit(const struct rows *r, sqlite3_context *ctx, int col)
{
	const struct pte_bits *b = &r->vm->arch->pte;
	uint64_t e = r->leaf.entry;
	bool present = e & b->present;
	const uint64_t bit[] = {
		[PTE_WRITE] = b->write,
		[PTE_USER] = b->user,
		[PTE_ACCESSED] = b->accessed,
		[PTE_DIRTY] = b->dirty,
		[PTE_GLOBAL] = present ? b->global : 0,
		[PTE_SPECIAL] = b->special,
		[PTE_NX] = b->noexec,
	};

	if (col == PTE_PRESENT)
		sqlite3_result_int(ctx, present);
	else if (col == PTE_PROT_NONE)
		sqlite3_result_int(ctx, !present && maps(r));
	else if (maps(r))
		sqlite3_result_int(ctx, (e & bit[col]) != 0);
}

static void pte_column(const struct rows *r, sqlite3_context *ctx, int col)
{
	const struct vm *m = r->vm;
	const struct leaf *l = &r->leaf;
	uint64_t span = span_of(m, l->level);
	enum pte_kind kind = pte_kind(m, l->entry);
	unsigned type;
	uint32_t offset;

	switch (col) {
	case PTE_VA:
		sqlite3_result_int64(ctx, (sqlite3_int64)l->va);
		break;
	case PTE_SIZE:
		sqlite3_result_int64(ctx, (sqlite3_int64)span);
		break;
	case PTE_LEVEL:
		sqlite3_result_text(ctx, m->arch->level[l->level].name, -1,
			SQLITE_TRANSIENT);
		break;
	case PTE_AT:
		sqlite3_result_int64(ctx, (sqlite3_int64)l->at);
		break;
	case PTE_RAW:
		sqlite3_result_int64(ctx, (sqlite3_int64)l->entry);
		break;
	case PTE_PFN:
		if (maps(r))
			sqlite3_result_int64(
				ctx, pte_pfn(m, l->entry & ~(span - 1)));
		break;
	case PTE_GUARD:
		sqlite3_result_int(ctx, kind == PTE_GUARDS);
		break;
	case PTE_SWAP:
		sqlite3_result_int(ctx, kind == PTE_SWAPPED);
		break;
	case PTE_SWAP_TYPE:
	case PTE_SWAP_OFFSET:
		if (kind != PTE_SWAPPED)
			break;
		swap_place(m, swap_entry_slot(m, l->entry), &type, &offset);
		sqlite3_result_int64(ctx, col == PTE_SWAP_TYPE ? type : offset);
		break;
	case PTE_PID:
		sqlite3_result_int64(ctx, r->task->pid);
		break;
	default:
		pte_bit(r, ctx, col);
	}
}

/* Where the entry lies tells it from others of the process; RAM has less than
 * 2^43 bytes, and a PID 23 bits. */
static sqlite3_int64 pte_rowid(const struct rows *r)
{
	return (sqlite3_int64)((uint64_t)r->task->pid << 41 | r->leaf.at >> 2);
}

/* ---- pagefs_frame: what phys/frames shows -------------------------------- */

enum {
	FRAME_PFN,
	FRAME_PAGES,
	FRAME_ZONE,
	FRAME_STATE,
	FRAME_OWNER,
	FRAME_IDX,
	FRAME_MAPCOUNT,
	FRAME_FLAGS,
	FRAME_MOMENT,
};

static const char frame_schema[] =
	"CREATE TABLE pagefs_frame (pfn INTEGER, pages INTEGER, zone TEXT,"
	" state TEXT, owner INTEGER, idx INTEGER, mapcount INTEGER,"
	" flags TEXT, moment TEXT HIDDEN)";

static bool frame_from(struct rows *r, uint64_t pfn)
{
	if (pfn >= r->vm->root->max_pfn)
		return false;
	r->pfn = (pfn_t)pfn;
	return phys_next_used(r->vm, &r->pfn, &r->order) && r->pfn <= r->high;
}

static int frame_first(struct rows *r, char *err)
{
	return frame_from(r, r->low);
}

static bool frame_next(struct rows *r)
{
	return frame_from(r, r->pfn + (1ull << r->order));
}

static const char *zone_of_pfn(const struct vm *m, pfn_t pfn)
{
	for (unsigned i = 0; i < m->root->nr_zones; i++)
		if (pfn >= m->root->zone[i].start && pfn < m->root->zone[i].end)
			return zone_name(m, i);
	return NULL;
}

static void frame_column(const struct rows *r, sqlite3_context *ctx, int col)
{
	const struct frame *f = frame_at(r->vm, r->pfn);
	char flags[FRAME_FLAGS_TEXT];

	switch (col) {
	case FRAME_PFN:
		sqlite3_result_int64(ctx, r->pfn);
		break;
	case FRAME_PAGES:
		sqlite3_result_int64(ctx, 1ll << r->order);
		break;
	case FRAME_ZONE:
		sqlite3_result_text(
			ctx, zone_of_pfn(r->vm, r->pfn), -1, SQLITE_TRANSIENT);
		break;
	case FRAME_STATE:
		sqlite3_result_text(
			ctx, frame_state_name(f->state), -1, SQLITE_TRANSIENT);
		break;
	case FRAME_OWNER:
		sqlite3_result_int64(ctx, frame_owner_number(r->vm, f));
		break;
	case FRAME_IDX:
		sqlite3_result_int64(ctx, f->index);
		break;
	case FRAME_MAPCOUNT:
		sqlite3_result_int64(ctx, f->mapcount);
		break;
	case FRAME_FLAGS:
		frame_flags_text(f->flags, flags);
		sqlite3_result_text(ctx, flags, -1, SQLITE_TRANSIENT);
		break;
	}
}

static sqlite3_int64 frame_rowid(const struct rows *r)
{
	return r->pfn;
}

/* ---- pagefs_tlb: what cpu/N/tlb shows, of all processors ----------------- */

enum {
	TLB_CPU,
	TLB_LEVEL,
	TLB_SETNO,
	TLB_WAY,
	TLB_VA,
	TLB_PFN,
	TLB_PCID,
	TLB_WRITE,
	TLB_EXEC,
	TLB_USER,
	TLB_DIRTY,
	TLB_GLOBAL,
	TLB_SIZE,
	TLB_MOMENT,
};

static const char tlb_schema[] =
	"CREATE TABLE pagefs_tlb (cpu INTEGER, level INTEGER, setno INTEGER,"
	" way INTEGER, va INTEGER, pfn INTEGER, pcid INTEGER, write INTEGER,"
	" exec INTEGER, user INTEGER, dirty INTEGER, global INTEGER,"
	" size INTEGER,"
	" moment TEXT HIDDEN)";

struct gather {
	struct bytes all;
	unsigned cpu;
	bool no_memory;
};

static void gather_one(void *ctx, const struct tlb_view *v)
{
	struct gather *g = ctx;
	struct tlb_row row;

	memset(&row, 0, sizeof(row));
	row.cpu = g->cpu;
	row.v = *v;
	g->no_memory |= !bytes_add(&g->all, &row, sizeof(row));
}

static int tlb_first(struct rows *r, char *err)
{
	struct gather g = {.cpu = 0};

	for (; g.cpu < r->vm->root->config.cpus; g.cpu++)
		tlb_for_each(r->vm, g.cpu, gather_one, &g);
	if (g.no_memory) {
		bytes_free(&g.all);
		snprintf(err, STORE_ERR_MAX, "out of memory");
		return -ENOMEM;
	}
	free(r->tlb);
	r->tlb = (struct tlb_row *)(void *)g.all.data;
	r->nr_tlb = g.all.len / sizeof(*r->tlb);
	r->at_tlb = 0;
	return r->nr_tlb > 0;
}

static bool tlb_next(struct rows *r)
{
	return ++r->at_tlb < r->nr_tlb;
}

static void tlb_column(const struct rows *r, sqlite3_context *ctx, int col)
{
	const struct tlb_row *row = &r->tlb[r->at_tlb];
	const struct tlb_view *v = &row->v;
	const int64_t value[] = {
		[TLB_CPU] = row->cpu,
		[TLB_LEVEL] = v->level,
		[TLB_SETNO] = v->set,
		[TLB_WAY] = v->way,
		[TLB_VA] = (int64_t)v->va,
		[TLB_PFN] = v->pfn,
		[TLB_PCID] = v->pcid,
		[TLB_WRITE] = v->write,
		[TLB_EXEC] = v->exec,
		[TLB_USER] = v->user,
		[TLB_DIRTY] = v->dirty,
		[TLB_GLOBAL] = v->global,
		[TLB_SIZE] = (int64_t)v->size,
	};

	sqlite3_result_int64(ctx, value[col]);
}

static sqlite3_int64 tlb_rowid(const struct rows *r)
{
	return (sqlite3_int64)r->at_tlb;
}

/* ---- all ----------------------------------------------------------------- */

const struct sql_table sql_tables[] = {
	{"pagefs_pte", pte_schema, PTE_MOMENT, true, PTE_VA, pte_first,
		pte_next, pte_column, pte_rowid},
	{"pagefs_frame", frame_schema, FRAME_MOMENT, false, FRAME_PFN,
		frame_first, frame_next, frame_column, frame_rowid},
	{"pagefs_tlb", tlb_schema, TLB_MOMENT, false, -1, tlb_first, tlb_next,
		tlb_column, tlb_rowid},
};
const unsigned nr_sql_tables = sizeof(sql_tables) / sizeof(sql_tables[0]);
