/* The MMU's invariants: tables, their frames, and what the TLBs hold. */
#include "../mm/hugetlb.h"
#include "../mm/rmap.h"
#include "mmu_i.h"

#include <stdlib.h>
#include <string.h>

/* How many PTEs map each frame, and the state of one walk over all tables. */
struct check {
	struct vm *m;
	idx_t mm;
	uint32_t *maps;	  /* by pfn */
	uint64_t entries; /* that are in maps */
	pfn_t nr_frames;  /* those above were never handed out */
	uint64_t tables, rss[NR_RSS], hugetlb; /* of the mm, pages */
	struct vma *v; /* the first that ends beyond the address looked at */
};

#define BAD(m, ...) vm_fail(m, EIO, __VA_ARGS__)
#define ULL(x)	    ((unsigned long long)(x))

/* A page that counts in the resident set; the vdso's are on no list. */
static int check_page(struct check *c, vaddr_t va, pfn_t pfn)
{
	const struct frame *f = frame_at(c->m, pfn);

	c->rss[frame_rss(f)]++;
	if ((f->state == FRAME_ANON || f->state == FRAME_FILE ||
		    f->state == FRAME_SHMEM) &&
		!rmap_leads(c->m, pfn, c->v, va))
		return BAD(c->m,
			"mm %u maps 0x%llx to frame %u, from which no way "
			"leads back",
			c->mm, (unsigned long long)va, pfn);
	return 0;
}

static int check_leaf(struct check *c, vaddr_t va, uint64_t e)
{
	struct vm *m = c->m;
	pfn_t pfn = pte_pfn(m, e);

	while (c->v && c->v->end <= va)
		c->v = c->v->next ? vma_at(m, c->v->next) : NULL;
	if (!pte_present(m, e))
		return 0;
	if (!c->v || c->v->start > va)
		return BAD(m, "mm %u maps 0x%llx, which no VMA contains", c->mm,
			(unsigned long long)va);
	if (pfn >= c->nr_frames)
		return BAD(m, "mm %u maps 0x%llx to frame %u, never handed out",
			c->mm, (unsigned long long)va, pfn);
	if ((e & m->arch->pte.write) && !(c->v->flags & VM_WRITE))
		return BAD(m, "mm %u may store to 0x%llx, its VMA forbids it",
			c->mm, (unsigned long long)va);
	if (pfn == m->root->zero_pfn)
		return 0;
	c->maps[pfn]++;
	c->entries++;
	if (frame_at(m, pfn)->state == FRAME_HUGETLB)
		c->hugetlb += 1u << frame_at(m, pfn)->order;
	else if (!(e & m->arch->pte.special))
		return check_page(c, va, pfn);
	return 0;
}

/* A huge entry maps all its frames, inside one VMA, and has a deposit if it is
 * of anonymous memory.  Of a page of a pool the first frame counts for all. */
static int check_huge(struct check *c, vaddr_t va, uint64_t e, unsigned size,
	unsigned *nr_deposits)
{
	struct vm *m = c->m;
	uint64_t bytes = 1ull << pt_shift(m, size);
	bool pool = frame_at(m, pte_pfn(m, e))->state == FRAME_HUGETLB;

	if (pfn_to_pa(m, pte_pfn(m, e)) & (bytes - 1))
		return BAD(m, "mm %u maps a huge page at 0x%llx to frame %u",
			c->mm, (unsigned long long)va, pte_pfn(m, e));
	*nr_deposits += pte_has_deposit(m, e);
	if (e & m->arch->pte.special)
		return 0;
	for (uint64_t off = 0; off < (pool ? 1 : bytes); off += m->page_size)
		if (check_leaf(c, va + off, pte_part(m, e, va + off, size)))
			return -EIO;
	if (pool != (vma_huge_size(m, c->v) == size))
		return BAD(m, "mm %u: the huge page at 0x%llx is not its VMA's",
			c->mm, (unsigned long long)va);
	if (c->v->end < va + bytes)
		return BAD(m, "mm %u: the huge page at 0x%llx leaves its VMA",
			c->mm, (unsigned long long)va);
	return 0;
}

/* As many deposits as the table has huge entries. */
static int check_deposits(struct check *c, pfn_t table, unsigned nr_huge)
{
	unsigned nr = 0;

	for (pfn_t d = frame_at(c->m, table)->next; d && nr <= nr_huge; nr++) {
		const struct frame *f = frame_at(c->m, d);

		if (f->state != FRAME_PGTABLE || f->owner != c->mm)
			break;
		d = f->next;
	}
	c->tables += nr;
	if (nr == nr_huge)
		return 0;
	return BAD(c->m,
		"frame %u of mm %u has %u huge entries and %u deposits", table,
		c->mm, nr_huge, nr);
}

static int check_table(
	struct check *c, pfn_t table, unsigned level, vaddr_t base)
{
	unsigned nr_huge = 0;
	const struct arch *a = c->m->arch;
	const struct frame *f = frame_at(c->m, table);
	unsigned nr = arch_entries(a, level);

	if (table >= c->nr_frames)
		return BAD(c->m, "mm %u has a page table in frame %u", c->mm,
			table);
	if (f->state != FRAME_PGTABLE || f->owner != c->mm || f->index != level)
		return BAD(c->m,
			"frame %u is no page table of mm %u at level %u", table,
			c->mm, level);
	c->tables++;
	if (vm_halts(c->m))
		return -EINTR;
	if (!level)
		nr = arch_index(a, 0, a->page_offset);
	for (unsigned i = 0; i < nr; i++) {
		vaddr_t va = base + ((vaddr_t)i << a->level[level].shift);
		uint64_t e = pte_read(c->m,
			pfn_to_pa(c->m, table) + (uint64_t)i * a->entry_bytes);
		int err = 0;

		if (level + 1u == a->nr_levels)
			err = check_leaf(c, va, e);
		else if (pte_huge(c->m, e))
			err = check_huge(
				c, va, e, a->nr_levels - 1u - level, &nr_huge);
		else if (e & a->pte.present)
			err = check_table(c, pte_pfn(c->m, e), level + 1, va);
		if (err)
			return err;
	}
	return check_deposits(c, table, nr_huge);
}

static int check_resident(struct check *c, const struct mm *p)
{
	static const char *const name[NR_RSS] = {
		[RSS_FILE] = "of files",
		[RSS_ANON] = "anonymous",
		[RSS_SHMEM] = "shared",
	};

	for (unsigned k = 0; k < NR_RSS; k++)
		if (c->rss[k] != p->rss[k])
			return BAD(c->m,
				"mm %u maps %llu pages %s and counts %llu",
				c->mm, (unsigned long long)c->rss[k], name[k],
				(unsigned long long)p->rss[k]);
	if (c->hugetlb == p->hugetlb)
		return 0;
	return BAD(c->m, "mm %u maps %llu pages of pools and counts %llu",
		c->mm, (unsigned long long)c->hugetlb,
		(unsigned long long)p->hugetlb);
}

static int check_mm(struct check *c, idx_t mm)
{
	const struct mm *p = mm_at(c->m, mm);
	uint64_t bytes;
	int err;

	c->mm = mm;
	c->tables = c->hugetlb = 0;
	memset(c->rss, 0, sizeof(c->rss));
	c->v = p->first ? vma_at(c->m, p->first) : NULL;
	err = check_table(c, p->pgd, 0, 0);
	if (err)
		return err;
	bytes = (c->tables - 1) * c->m->page_size;
	if (bytes != p->pgtables)
		return BAD(c->m,
			"mm %u has %llu bytes of page tables and counts %llu",
			mm, (unsigned long long)bytes,
			(unsigned long long)p->pgtables);
	return check_resident(c, p);
}

/* Kernel memory may be mapped too: the vdso's pages, also behind the first of
 * their block. */
static bool is_kernel(const struct vm *m, pfn_t pfn)
{
	for (unsigned order = 0; order <= MAX_ORDER; order++) {
		const struct frame *f = frame_at(m, pfn >> order << order);

		if (f->state == FRAME_KERNEL && f->order >= order)
			return true;
	}
	return false;
}

static int check_mapcount(struct check *c, pfn_t pfn)
{
	const struct frame *f = frame_at(c->m, pfn);
	bool mapped = f->state == FRAME_ANON || f->state == FRAME_FILE ||
		      f->state == FRAME_SHMEM || f->state == FRAME_HUGETLB;

	c->entries -= c->maps[pfn];
	if (mapped && f->mapcount != c->maps[pfn])
		return BAD(c->m, "frame %u is mapped by %u PTEs and counts %u",
			pfn, c->maps[pfn], f->mapcount);
	if (!mapped && c->maps[pfn] && !is_kernel(c->m, pfn))
		return BAD(c->m, "frame %u is mapped and in state %u", pfn,
			(unsigned)f->state);
	return 0;
}

/* Huge pages of a zone: whole ones of objects; those in huge entries. */
struct huge_sums {
	uint64_t shmem, anon_mapped, shmem_mapped;
};

static void sum_huge(
	const struct vm *m, const struct frame *f, struct huge_sums *s)
{
	if (!(f->flags & FR_LARGE) || f->order != huge_order(m))
		return;
	s->shmem += f->state == FRAME_SHMEM;
	if (f[1].next)
		++*(f->state == FRAME_ANON ? &s->anon_mapped
					   : &s->shmem_mapped);
}

/* The frames of all blocks in use: of a page of a pool the first. */
static int check_blocks(struct check *c, struct huge_sums *sums)
{
	struct vm *m = c->m;
	unsigned order;

	for (pfn_t pfn = 0; phys_next_used(m, &pfn, &order);
		pfn += 1u << order) {
		const struct frame *f = frame_at(m, pfn);
		pfn_t nr = f->state == FRAME_HUGETLB ? 1 : 1u << order;

		sum_huge(m, f, &sums[zone_of(m, pfn) - m->root->zone]);
		for (pfn_t i = 0; i < nr && pfn + i < c->nr_frames; i++)
			if (check_mapcount(c, pfn + i))
				return -EIO;
	}
	return 0;
}

static int check_mapcounts(struct check *c)
{
	struct huge_sums sums[MAX_NODE_ZONES] = {{0}};

	if (check_blocks(c, sums))
		return -EIO;
	if (c->entries)
		return BAD(c->m, "%llu PTEs map frames that are not in use",
			(unsigned long long)c->entries);
	for (unsigned i = 0; i < c->m->root->nr_zones; i++) {
		const struct zone *z = &c->m->root->zone[i];

		if (sums[i].shmem != z->shmem_huge ||
			sums[i].anon_mapped != z->anon_huge ||
			sums[i].shmem_mapped != z->shmem_huge_mapped)
			return BAD(c->m,
				"zone %s has %llu huge pages of objects, %llu "
				"and %llu anonymous ones in huge entries, and "
				"counts %llu, %llu and %llu",
				zone_name(c->m, i), ULL(sums[i].shmem),
				ULL(sums[i].shmem_mapped),
				ULL(sums[i].anon_mapped), ULL(z->shmem_huge),
				ULL(z->shmem_huge_mapped), ULL(z->anon_huge));
	}
	return 0;
}

/* ---- TLB ------------------------------------------------------------------
 */

struct tlb_check {
	struct vm *m;
	unsigned cpu;
	idx_t loaded; /* mm whose table cr3 names, 0 if none */
	int err;
};

static idx_t loaded_mm(const struct vm *m, unsigned cpu)
{
	pfn_t pgd = pte_pfn(m, m->root->cpu[cpu].cr3);

	for (idx_t i = 1; i < m->root->pool[SEG_MM].nr; i++)
		if (mm_at(m, i)->pgd && mm_at(m, i)->pgd == pgd)
			return i;
	return 0;
}

/* The mm whose entries carry this PCID, 0 if none. */
static idx_t pcid_owner(const struct tlb_check *c, unsigned pcid)
{
	if (!pcid)
		return c->loaded;
	return pcid <= NR_PCIDS ? c->m->root->cpu[c->cpu].pcid_mm[pcid] : 0;
}

static void check_entry(void *ctx, const struct tlb_view *v)
{
	struct tlb_check *c = ctx;
	struct vm *m = c->m;
	const struct pte_bits *b = &m->arch->pte;
	idx_t mm = pcid_owner(c, v->pcid);
	struct walk w;

	if (c->err)
		return;
	if (!mm) {
		c->err = BAD(m, "cpu %u: a TLB entry for 0x%llx has no owner",
			c->cpu, (unsigned long long)v->va);
		return;
	}
	pt_walk(m, pfn_to_pa(m, mm_at(m, mm)->pgd), v->va, &w);
	if (!w.present || w.pa >> m->page_shift != v->pfn || w.size < v->size ||
		(v->write && !w.write) || (v->exec && w.noexec) ||
		(v->user && !w.user) ||
		(v->dirty && !(w.step[w.nr - 1].entry & b->dirty)))
		c->err = BAD(m,
			"cpu %u: the level %u TLB entry for 0x%llx grants more "
			"than the page table of mm %u",
			c->cpu, v->level, (unsigned long long)v->va, mm);
}

static int check_set(struct vm *m, unsigned cpu, unsigned array,
	const struct tlb_entry *set, unsigned ways)
{
	for (unsigned w = 0; w < ways; w++) {
		uint64_t id = set[w].tag & TLB_ID;

		if (w && id && !set[w - 1].tag)
			return BAD(m, "cpu %u: a set of array %u has a gap",
				cpu, array);
		if (id && tlb_find(set, w, id) >= 0)
			return BAD(m, "cpu %u: array %u holds a page twice",
				cpu, array);
	}
	return 0;
}

static int check_tlb(struct vm *m, unsigned cpu)
{
	struct tlb_check c = {m, cpu, loaded_mm(m, cpu), 0};

	for (unsigned i = 0; i < NR_TLBS; i++) {
		struct tlb_level l = tlb_level(m, cpu, i);

		for (unsigned s = 0; s < l.sets; s++) {
			int err =
				check_set(m, cpu, i, l.e + s * l.ways, l.ways);

			if (err)
				return err;
		}
	}
	tlb_for_each(m, cpu, check_entry, &c);
	return c.err;
}

static int check_sizes(struct vm *m, unsigned cpu, unsigned nr_sizes)
{
	uint32_t noted = m->root->cpu[cpu].huge_sizes;

	if (noted & 1 || noted >> nr_sizes)
		return vm_fail(m, EINVAL,
			"CPU %u notes pages of sizes %x in its TLB", cpu,
			noted);
	for (unsigned i = 0; i < NR_TLBS; i++) {
		struct tlb_level l = tlb_level(m, cpu, i);

		for (unsigned k = 0; k < l.sets * l.ways; k++)
			if (tag_size(l.e[k].tag) >= nr_sizes)
				return vm_fail(m, EINVAL,
					"CPU %u has a page of size %u in its "
					"TLB",
					cpu, tag_size(l.e[k].tag));
	}
	return 0;
}

int tlb_check_sizes(struct vm *m)
{
	unsigned nr = m->arch->nr_levels;

	if (nr > NR_TLB_SIZES)
		nr = NR_TLB_SIZES;
	for (unsigned cpu = 0; cpu < m->root->config.cpus; cpu++)
		if (check_sizes(m, cpu, nr))
			return -EINVAL;
	return 0;
}

int mmu_check(struct vm *m)
{
	struct check c = {.m = m};
	int err = 0;

	c.nr_frames = m->arena.seg[SEG_FRAME].used / sizeof(struct frame);
	c.maps = calloc(c.nr_frames, sizeof(*c.maps));
	if (!c.maps)
		return vm_fail(m, ENOMEM, "no host memory to check mappings");
	for (idx_t i = 1; i < m->root->pool[SEG_MM].nr && !err; i++)
		if (mm_at(m, i)->pgd) /* a free slot has none */
			err = check_mm(&c, i);
	if (!err)
		err = check_mapcounts(&c);
	free(c.maps);
	for (unsigned cpu = 0; cpu < m->root->config.cpus && !err; cpu++)
		err = check_tlb(m, cpu);
	return err;
}
