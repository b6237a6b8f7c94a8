/*
 * check: the machine's own check of everything it keeps, and what it counted.
 *
 *	ok: 57344 frames, of them 52345 free, 120 on lists of processors, ...
 *	zone DMA: 3840 managed = 3840 free + 0 pcp + 0 anon + 0 file + ...
 *
 * Each number was counted and found equal to the one that is kept.  Otherwise
 * there is one line for each part of the check that failed.
 */
#include "../vm/mm/mm.h"
#include "../vm/phys/pcp.h"
#include "../vm/phys/phys.h"
#include "renderers.h"

static void tell(void *ctx, const char *sentence)
{
	sbuf_str(ctx, sentence);
	sbuf_char(ctx, '\n');
}

/* Nearly as phys/frames calls them. */
static const char *const use_name[] = {
	[USE_ANON] = "anon",
	[USE_FILE] = "file",
	[USE_SHMEM] = "shmem",
	[USE_PGTABLE] = "pgtable",
	[USE_STACK] = "stack",
	[USE_KERNEL] = "kernel",
	[USE_HUGETLB] = "hugetlb",
	[USE_ZPOOL] = "zspage",
	[USE_SLAB_RECLAIMABLE] = "slab_reclaimable",
	[USE_SLAB_UNRECLAIMABLE] = "slab_unreclaimable",
};

_Static_assert(sizeof(use_name) / sizeof(*use_name) == NR_PAGE_USES,
	"every use of frames has its number");

static void term(struct sbuf *b, uint64_t nr, const char *what)
{
	sbuf_str(b, " + ");
	sbuf_dec(b, nr);
	sbuf_char(b, ' ');
	sbuf_str(b, what);
}

static void put_zone(struct sbuf *b, const struct vm *m, unsigned i)
{
	const struct zone *z = &m->root->zone[i];

	if (!z->managed)
		return;
	sbuf_printf(b, "node %u, zone %s: %llu frames = %llu free", z->node,
		zone_name(m, i), (unsigned long long)z->managed,
		(unsigned long long)z->nr_free);
	term(b, pcp_pages(m, z), "pcp");
	for (unsigned use = 0; use < NR_PAGE_USES; use++)
		term(b, z->pages[use], use_name[use]);
	sbuf_char(b, '\n');
}

static void put_lists(struct sbuf *b, const struct vm *m)
{
	static const char *const name[NR_LRU] = {"inactive_anon", "active_anon",
		"inactive_file", "active_file", "unevictable"};
	uint64_t sum = 0;

	for (unsigned id = 0; id < NR_LRU; id++)
		sum += phys_sum(m, nr_lru[id]);
	sbuf_printf(b, "lists: %llu pages = %llu %s", (unsigned long long)sum,
		(unsigned long long)phys_sum(m, nr_lru[0]), name[0]);
	for (unsigned id = 1; id < NR_LRU; id++)
		term(b, phys_sum(m, nr_lru[id]), name[id]);
	sbuf_char(b, '\n');
}

static void put_spaces(struct sbuf *b, const struct vm *m)
{
	uint64_t vmas = 0, pages = 0, slots = 0, tables = 0;

	for (idx_t i = 1; i < m->root->pool[SEG_MM].nr; i++) {
		const struct mm *mm = mm_at(m, i);

		if (!mm->pgd)
			continue;
		vmas += mm->map_count;
		slots += mm->swapped;
		tables += 1 + mm->pgtables / m->page_size;
		for (unsigned k = 0; k < NR_RSS; k++)
			pages += mm->rss[k];
	}
	sbuf_printf(b,
		"address spaces: %u of %u processes, with %llu mappings, "
		"%llu page tables, %llu pages in them and %llu in swap\n",
		pool_live(m, SEG_MM), pool_live(m, SEG_TASK),
		(unsigned long long)vmas, (unsigned long long)tables,
		(unsigned long long)pages, (unsigned long long)slots);
}

static void put_rest(struct sbuf *b, const struct vm *m)
{
	const struct root *r = m->root;

	sbuf_printf(b,
		"swap: %llu of %llu slots, %llu pages in the swap cache, %llu "
		"in zram\n",
		(unsigned long long)r->swap_used,
		(unsigned long long)r->swap_pages,
		(unsigned long long)phys_sum(m, swap_cached),
		(unsigned long long)r->zram.stored);
	sbuf_printf(b,
		"disk: %u inodes, %llu of %llu blocks, %llu pages in the page "
		"cache, of them %llu dirty\n",
		pool_live(m, SEG_INODE), (unsigned long long)r->disk_used,
		(unsigned long long)r->disk_blocks,
		(unsigned long long)phys_sum(m, pages[USE_FILE]),
		(unsigned long long)phys_sum(m, dirty));
}

void show_check(struct sbuf *b, const struct view *v, uint64_t id)
{
	const struct vm *m = v->vm;
	char text[SENTENCE_MAX];

	if (vm_findings(m, v->stop, v->stop_ctx, tell, b))
		return;
	vm_frames_text(m, text, sizeof(text));
	tell(b, text);
	for (unsigned i = 0; i < m->root->nr_zones; i++)
		put_zone(b, m, i);
	put_lists(b, m);
	put_spaces(b, m);
	put_rest(b, m);
}
