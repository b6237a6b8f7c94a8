/* sys/block/zram0/: compressed swap.  Source: Linux
 * drivers/block/zram/zram_drv.c (mm_stat_show, io_stat_show). */
#include "../vm/swap/zram.h"

#include "../vm/swap/zcomp.h"
#include "renderers.h"

#define ULL(x) ((unsigned long long)(x))

bool disk_is_zram(const struct view *v, uint64_t id)
{
	return id == DISK_ZRAM;
}

/* All algorithms, the chosen one in brackets. */
static void show_choice(struct sbuf *b, const struct view *v, unsigned priority)
{
	unsigned chosen = v->vm->root->zram.algorithm[priority].alg - 1;

	for (unsigned i = 0; zcomp_name(i); i++)
		sbuf_printf(b, i == chosen ? "[%s] " : "%s ", zcomp_name(i));
	sbuf_char(b, '\n');
}

void show_zram_algorithm(struct sbuf *b, const struct view *v, uint64_t id)
{
	show_choice(b, v, 0);
}

void show_zram_recomp(struct sbuf *b, const struct view *v, uint64_t id)
{
	for (unsigned i = 1; i < NR_ZRAM_ALGORITHMS; i++)
		if (v->vm->root->zram.algorithm[i].alg) {
			sbuf_printf(b, "#%u: ", i);
			show_choice(b, v, i);
		}
}

void show_zram_backing(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_str(b, v->vm->root->zram.backing ? "/dev/vdb\n" : "none\n");
}

void show_zram_bd_stat(struct sbuf *b, const struct view *v, uint64_t id)
{
	const struct zram *z = &v->vm->root->zram;

	sbuf_printf(b, "%8llu %8llu %8llu\n", ULL(z->bd_count),
		ULL(z->bd_reads), ULL(z->bd_writes));
}

void show_zram_wb_limit(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_printf(b, "%llu\n", ULL(v->vm->root->zram.wb_limit));
}

void show_zram_wb_limit_enable(
	struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_printf(b, "%u\n", v->vm->root->zram.wb_limit_enable);
}

void show_zram_disksize(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_printf(b, "%llu\n", ULL(v->vm->root->zram.bytes));
}

void show_zram_initstate(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_printf(b, "%d\n", v->vm->root->zram.bytes != 0);
}

/* Failed reads and writes, invalid requests, slots that were freed. */
void show_zram_io_stat(struct sbuf *b, const struct view *v, uint64_t id)
{
	const struct zram *z = &v->vm->root->zram;

	sbuf_printf(b, "%8d %8llu 0 %8llu\n", 0, ULL(z->failed_writes),
		ULL(z->freed));
}

/* Stores that had to wait for memory and slots that could not be freed at
 * once: nothing runs beside a store here. */
void show_zram_debug_stat(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_printf(b, "version: 1\n%8d %8d\n", 0, 0);
}

/*
 * Bytes stored, what they became, bytes of RAM for them, their limit, most
 * that it was; pages that are one word; frames that compaction of the pool
 * freed; pages kept whole, now and ever.
 */
void show_zram_mm_stat(struct sbuf *b, const struct view *v, uint64_t id)
{
	const struct vm *m = v->vm;
	const struct zram *z = &m->root->zram;

	sbuf_printf(b,
		"%8llu %8llu %8llu %8llu %8llu %8llu %8llu %8llu %8llu\n",
		ULL(z->stored << m->page_shift), ULL(z->compressed),
		ULL(phys_sum(m, pages[USE_ZPOOL]) << m->page_shift),
		ULL(z->limit << m->page_shift),
		ULL(z->used_max << m->page_shift), ULL(z->same),
		ULL(z->compacted), ULL(z->huge), ULL(z->huge_ever));
}
