/* sys/block/zram0/: what compressed swap holds.  Source: Linux
 * drivers/block/zram/zram_drv.c (mm_stat_show, io_stat_show). */
#include "../vm/swap/zram.h"

#include "renderers.h"

#define ULL(x) ((unsigned long long)(x))

void show_zram_algorithm(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_str(b, "[lz4]\n");
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

	sbuf_printf(b, "%8d %8llu %8d %8llu\n", 0, ULL(z->failed_writes), 0,
		ULL(z->freed));
}

/*
 * Bytes stored, what they became, bytes of RAM for them, their limit (none),
 * most that it was; pages that are one word; pages that compaction of the pool
 * freed (there is none); pages kept whole, now and ever.
 */
void show_zram_mm_stat(struct sbuf *b, const struct view *v, uint64_t id)
{
	const struct vm *m = v->vm;
	const struct zram *z = &m->root->zram;

	sbuf_printf(b, "%8llu %8llu %8llu %8d %8llu %8llu %8d %8llu %8llu\n",
		ULL(z->stored << m->page_shift), ULL(z->compressed),
		ULL(phys_sum(m, pages[USE_ZPOOL]) << m->page_shift), 0,
		ULL(z->used_max << m->page_shift), ULL(z->same), 0,
		ULL(z->huge), ULL(z->huge_ever));
}
