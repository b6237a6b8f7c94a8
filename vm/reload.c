/*
 * A state comes back from a database that anyone may have written to.  These
 * checks make it safe to follow: after them no index leads out of its pool
 * and no list that a rebuild walks is endless.
 */
#include "reload.h"

#include <stdlib.h>
#include <string.h>

#include "disk/dcache.h"
#include "disk/disk.h"
#include "mm/mm.h"
#include "mmu/mmu.h"
#include "phys/lru.h"
#include "reclaim/policy.h"
#include "slab/slab.h"
#include "swap/swap.h"
#include "swap/zcomp.h"
#include "swap/zram.h"
#include "task/task.h"
#include "vm.h"

#define BAD(m, ...) vm_fail((m), EINVAL, "the state is damaged: " __VA_ARGS__)

const char vm_root_magic[16] = "pagefs machine";

/* ---- root ---------------------------------------------------------------- */

/*
 * vm_blank() sized the segments by the configuration it was given: the loaded
 * one must ask for the same.
 */
static int check_config(struct vm *m)
{
	const struct vm_config *c = &m->root->config;
	char err[SENTENCE_MAX];

	if (vm_config_check(c, err))
		return BAD(m, "%s", err);
	if (m->root->arch_index >= nr_archs ||
		arch_find(c->arch) != &arch_table[m->root->arch_index])
		return BAD(m, "architecture %u is not %s", m->root->arch_index,
			c->arch);
	if (m->arch != &arch_table[m->root->arch_index])
		return BAD(m, "it is of %s, the configuration of %s", c->arch,
			m->arch->name);
	if (!c->soft_dirty != !m->soft_dirty)
		return BAD(m, "its configuration has soft_dirty=%u",
			c->soft_dirty);
	for (unsigned id = 0; id < NR_SEG; id++)
		if (m->arena.seg[id].reserved != vm_seg_bytes(c, m->arch, id))
			return BAD(m,
				"its configuration needs another size of "
				"segment \"%s\"",
				arena_seg_name(id));
	return 0;
}

int reload_root(struct vm *m)
{
	const struct root *r = m->root;

	if (memcmp(r->magic, vm_root_magic, sizeof(r->magic)))
		return BAD(m, "it does not begin with \"%s\"", vm_root_magic);
	if (r->layout_version != VM_LAYOUT_VERSION)
		return vm_fail(m, EINVAL,
			"the state has layout %u, this program reads %u",
			r->layout_version, VM_LAYOUT_VERSION);
	return check_config(m);
}

static int check_limit(
	struct vm *m, const char *what, uint64_t value, uint64_t limit)
{
	if (value < limit)
		return 0;
	return BAD(m, "%s is %llu, the limit %llu", what,
		(unsigned long long)value, (unsigned long long)limit);
}

static int check_zone(struct vm *m, const struct zone *z)
{
	int bad = z->start > z->end || z->end > m->root->max_pfn ||
		  z->nr_fresh > sizeof(z->fresh) / sizeof(z->fresh[0]);

	for (unsigned type = 0; type < NR_MIGRATE; type++)
		bad |= z->orders[type] >> NR_ORDERS != 0;
	for (unsigned i = 0; !bad && i < z->nr_fresh; i++)
		bad = z->fresh[i].start < z->start ||
		      z->fresh[i].start >= z->fresh[i].end ||
		      z->fresh[i].end > z->end ||
		      (z->fresh[i].start | z->fresh[i].end) &
			      ((1u << MAX_ORDER) - 1);
	return bad ? BAD(m, "the zone of frames %u to %u", z->start, z->end)
		   : 0;
}

/* Zones and nodes cover every frame, so that searches for one end. */
static int check_zones(struct vm *m)
{
	const struct root *r = m->root;
	unsigned nr = m->arch->nr_zones;
	pfn_t at = 0;

	for (unsigned i = 0; i < r->nr_zones; i++) {
		const struct zone *z = &r->zone[i];

		if (check_zone(m, z))
			return -EINVAL;
		if (z->node != i / nr || z->type != i % nr ||
			(z->end && z->start < at))
			return BAD(m, "zone %u is of node %u, frames %u to %u",
				i, z->node, z->start, z->end);
		at = z->end ? z->end : at;
	}
	for (unsigned n = 0; n < r->config.nodes; n++)
		if (r->node[n].start != (n ? r->node[n - 1].end : 0) ||
			r->node[n].end <= r->node[n].start)
			return BAD(m, "node %u has frames %u to %u", n,
				r->node[n].start, r->node[n].end);
	if (at != r->max_pfn || r->node[r->config.nodes - 1].end != r->max_pfn)
		return BAD(
			m, "the zones end at frame %u of %u", at, r->max_pfn);
	return 0;
}

static int check_phys(struct vm *m)
{
	const struct root *r = m->root;
	uint64_t end = phys_end(m->arch, r->config.ram) >> m->page_shift;
	const struct phys_range *last;

	if (r->nr_zones != r->config.nodes * m->arch->nr_zones ||
		r->max_pfn != end)
		return BAD(m, "it has %u zones and %u frames", r->nr_zones,
			r->max_pfn);
	if (!r->nr_firmware ||
		r->nr_firmware > sizeof(r->firmware) / sizeof(*r->firmware))
		return BAD(m, "it has %u ranges of memory", r->nr_firmware);
	last = &r->firmware[r->nr_firmware];
	for (const struct phys_range *f = r->firmware; f < last; f++)
		if (f->start >= f->end ||
			(f->kind == PHYS_RAM &&
				f->end > (uint64_t)r->max_pfn << m->page_shift))
			return BAD(m, "a range of memory is 0x%llx to 0x%llx",
				(unsigned long long)f->start,
				(unsigned long long)f->end);
	if (check_zones(m))
		return -EINVAL;
	if (check_limit(m, "the zero page", r->zero_pfn, end) ||
		check_limit(m, "the huge zero page", r->huge_zero_pfn, end) ||
		check_limit(m, "the kernel's page table", r->kernel_pgd, end))
		return -EINVAL;
	/* an I/O error there, a refusal here */
	if (phys_check(m) || lru_check(m) || policy_check(m)) {
		m->fail.err = EINVAL;
		return -EINVAL;
	}
	return 0;
}

/* The slots of an area are there, and lead to frames that are. */
static int check_area(struct vm *m, const struct swap_area *a)
{
	uint64_t nr = m->arena.seg[SEG_SLOT].used / sizeof(struct swap_slot);
	uint64_t end = (uint64_t)a->base + a->pages;

	if (!a->pages)
		return 0;
	if (!a->base || end > nr || a->next > a->pages || a->used >= a->pages)
		return BAD(m, "a swap area has slots %u to %llu, of %llu",
			a->base, (unsigned long long)end,
			(unsigned long long)nr);
	for (uint64_t i = a->base; i < end; i++) {
		const struct swap_slot *s = slot_at(m, (uint32_t)i);

		if (s->frame >= m->root->max_pfn || s->area >= MAX_SWAP_AREAS ||
			(!s->frame && s->owner >= nr))
			return BAD(m, "swap slot %u leads to frame %u",
				(unsigned)i, s->frame);
	}
	return check_limit(m, "the file of a swap area", a->inode,
		m->root->pool[SEG_INODE].nr);
}

/* Entries' objects are there, of libraries that can be replayed. */
static int check_zram(struct vm *m)
{
	const struct zram *z = &m->root->zram;
	int err = zram_check(m);

	for (unsigned i = 0; !err && z->bytes && i < NR_ZRAM_ALGORITHMS; i++)
		if (z->algorithm[i].alg)
			err = zcomp_usable(m, z->algorithm[i].alg - 1);
	if (err)
		m->fail.err = EINVAL;
	return err ? -EINVAL : 0;
}

static int check_swap(struct vm *m)
{
	if (check_limit(m, "the number of swap areas", m->root->swap_top,
		    MAX_SWAP_AREAS + 1))
		return -EINVAL;
	for (unsigned i = 0; i < MAX_SWAP_AREAS; i++)
		if (check_area(m, &m->root->swap[i]))
			return -EINVAL;
	return check_zram(m);
}

static uint32_t limit_of(const struct vm *m, enum seg_id id)
{
	uint32_t nr = m->root->pool[id].nr;

	return nr ? nr : 1;
}

static int check_anchors(struct vm *m)
{
	const struct root *r = m->root;
	uint64_t blocks = m->arena.seg[SEG_BLOCK].reserved / DISK_BLOCK;

	if (check_limit(m, "the first task", r->first_task,
		    limit_of(m, SEG_TASK)) ||
		check_limit(m, "the last task", r->last_task,
			limit_of(m, SEG_TASK)) ||
		check_limit(m, "khugepaged's first mm", r->khugepaged.first,
			limit_of(m, SEG_MM)) ||
		check_limit(m, "khugepaged's last mm", r->khugepaged.last,
			limit_of(m, SEG_MM)) ||
		check_limit(m, "khugepaged's mm", r->khugepaged.at,
			limit_of(m, SEG_MM)) ||
		check_limit(m, "the disk's root", r->disk_root,
			limit_of(m, SEG_INODE)) ||
		check_limit(m, "the first dirty inode", r->dirty_first,
			limit_of(m, SEG_INODE)) ||
		check_limit(m, "the last dirty inode", r->dirty_last,
			limit_of(m, SEG_INODE)) ||
		check_limit(m, "the first log record", r->strace_first,
			limit_of(m, SEG_INPUT)) ||
		check_limit(
			m, "the next disk block", r->block_next, blocks + 1) ||
		check_limit(m, "the free disk block", r->block_free, blocks))
		return -EINVAL;
	for (unsigned i = 0; i < r->config.cpus; i++) {
		const struct cpu *c = &r->cpu[i];

		if (check_limit(m, "a processor's task", c->current,
			    limit_of(m, SEG_TASK)))
			return -EINVAL;
		for (unsigned n = 0; n <= NR_PCIDS; n++)
			if (check_limit(m, "the owner of a PCID", c->pcid_mm[n],
				    limit_of(m, SEG_MM)))
				return -EINVAL;
	}
	if (tlb_check_sizes(m))
		return -EINVAL;
	return 0;
}

/* ---- pools --------------------------------------------------------------- */

/* Every field that holds the index of an object. */
static const struct link {
	enum seg_id from, to;
	size_t at;
	const char *name;
} link_table[] = {
#define LINK(from, type, field, to)                                        \
	{                                                                  \
		SEG_##from, SEG_##to, offsetof(struct type, field), #field \
	}
	LINK(TASK, task, parent, TASK),
	LINK(TASK, task, prev, TASK),
	LINK(TASK, task, next, TASK),
	LINK(TASK, task, mm, MM),
	LINK(TASK, task, vfork_waiter, TASK),
	LINK(TASK, task, labels, LABEL),
	LINK(TASK, task, fds, FD),
	LINK(MM, mm, first, VMA),
	LINK(MM, mm, last, VMA),
	LINK(MM, mm, exe, FILE),
	LINK(MM, mm, scan_prev, MM),
	LINK(MM, mm, scan_next, MM),
	LINK(VMA, vma, mm, MM),
	LINK(VMA, vma, prev, VMA),
	LINK(VMA, vma, next, VMA),
	LINK(VMA, vma, file, FILE),
	LINK(VMA, vma, family, FAMILY),
	LINK(VMA, vma, kin_prev, VMA),
	LINK(VMA, vma, kin_next, VMA),
	LINK(VMA, vma, peer_prev, VMA),
	LINK(VMA, vma, peer_next, VMA),
	LINK(FAMILY, family, first, VMA),
	LINK(FILE, file, inode, INODE),
	LINK(INODE, inode, name, NAME),
	LINK(INODE, inode, parent, INODE),
	LINK(INODE, inode, child, INODE),
	LINK(INODE, inode, sibling, INODE),
	LINK(INODE, inode, sibling_prev, INODE),
	LINK(INODE, inode, target, NAME),
	LINK(INODE, inode, blocks, RADIX),
	LINK(INODE, inode, cache, RADIX),
	LINK(INODE, inode, away, RADIX),
	LINK(INODE, inode, mappings, VMA),
	LINK(INODE, inode, dirty_next, INODE),
	LINK(INODE, inode, dirty_prev, INODE),
	LINK(INODE, inode, policies, MPOL),
	LINK(MPOL, mpol_range, next, MPOL),
	LINK(LABEL, label, next, LABEL),
	LINK(FD, fd, next, FD),
	LINK(FD, fd, file, FILE),
#undef LINK
};

#define NR_LINKS (sizeof(link_table) / sizeof(*link_table))

static int check_links(
	struct vm *m, enum seg_id id, idx_t i, const uint8_t *obj)
{
	for (const struct link *l = link_table; l < link_table + NR_LINKS;
		l++) {
		uint32_t v;

		if (l->from != id)
			continue;
		memcpy(&v, obj + l->at, sizeof(v));
		if (v >= limit_of(m, l->to))
			return BAD(m, "%s of %s %u is %u, beyond the last %s",
				l->name, arena_seg_name(id), i, v,
				arena_seg_name(l->to));
	}
	return 0;
}

/* Marks the free objects; each is zero but for the link in its first word. */
static int mark_free(struct vm *m, enum seg_id id, uint8_t *is_free)
{
	const struct pool_state *p = &m->root->pool[id];
	size_t elem = pool_elem_size(id);
	uint32_t n = 0;

	for (idx_t i = p->free; i; n++) {
		const uint8_t *obj = m->arena.seg[id].base + (uint64_t)i * elem;

		if (i >= p->nr || is_free[i])
			return BAD(m, "the free list of %s leads to %u",
				arena_seg_name(id), i);
		for (size_t k = sizeof(idx_t); k < elem; k++)
			if (obj[k])
				return BAD(m, "the free %s %u is not zero",
					arena_seg_name(id), i);
		is_free[i] = 1;
		memcpy(&i, obj, sizeof(i));
	}
	if (p->nr && n + p->live != p->nr - 1)
		return BAD(m, "%u %s are free and %u live, of %u", n,
			arena_seg_name(id), p->live, p->nr - 1);
	return 0;
}

static int check_pool(struct vm *m, enum seg_id id)
{
	const struct pool_state *p = &m->root->pool[id];
	const struct segment *s = &m->arena.seg[id];
	size_t elem = pool_elem_size(id);
	uint8_t *is_free;
	int ret;

	if (p->nr > s->used / elem || (!p->nr && (p->free || p->live)))
		return BAD(m, "%u objects in the %llu bytes of %s", p->nr,
			(unsigned long long)s->used, arena_seg_name(id));
	is_free = calloc(1, (size_t)p->nr + 1);
	if (!is_free)
		return vm_fail(m, ENOMEM,
			"the host has no %u bytes to check a "
			"state with",
			p->nr);
	ret = mark_free(m, id, is_free);
	for (idx_t i = 1; !ret && i < p->nr; i++)
		if (!is_free[i])
			ret = check_links(
				m, id, i, s->base + (uint64_t)i * elem);
	free(is_free);
	return ret;
}

/* ---- lists --------------------------------------------------------------- */

/* VMAs ascend, so that the list ends. */
static int check_vmas(struct vm *m, idx_t i)
{
	const struct mm *mm = mm_at(m, i);
	vaddr_t end = 0;
	uint32_t n = 0;
	idx_t at = mm->first, last = 0;

	for (; at; last = at, at = vma_at(m, at)->next, n++) {
		const struct vma *v = vma_at(m, at);

		if (v->mm != i || v->prev != last || v->start < end ||
			v->end <= v->start)
			return BAD(m, "VMA %u of mm %u, [0x%llx, 0x%llx)", at,
				i, (unsigned long long)v->start,
				(unsigned long long)v->end);
		end = v->end;
	}
	if (n != mm->map_count || mm->last != last)
		return BAD(m, "mm %u has %u VMAs and counts %u", i, n,
			mm->map_count);
	return 0;
}

static int check_mms(struct vm *m)
{
	for (idx_t i = 1; i < m->root->pool[SEG_MM].nr; i++) {
		const struct mm *mm = mm_at(m, i);

		if (!mm->pgd) /* a free object */
			continue;
		if (check_limit(
			    m, "a top page table", mm->pgd, m->root->max_pfn) ||
			check_vmas(m, i))
			return -EINVAL;
	}
	return 0;
}

static int check_radix(struct vm *m)
{
	const struct radix_node *node =
		(struct radix_node *)m->arena.seg[SEG_RADIX].base;
	uint32_t nr = m->root->pool[SEG_RADIX].nr;

	for (idx_t i = 1; i < nr; i++) {
		if (node[i].height > 10)
			return BAD(m, "radix node %u has height %u", i,
				node[i].height);
		for (unsigned k = 0; node[i].height && k < 64; k++)
			if (node[i].slot[k] >= nr)
				return BAD(m, "radix node %u leads to %u", i,
					node[i].slot[k]);
	}
	return 0;
}

static int check_slabs(struct vm *m)
{
	if (!slab_check(m) && !dcache_check(m))
		return 0;
	m->fail.err = EINVAL;
	return -EINVAL;
}

/* Frames of slabs lead to caches, so these come first. */
int reload_check(struct vm *m)
{
	int ret = check_pool(m, SEG_CACHE);

	if (!ret)
		ret = check_phys(m);
	if (!ret)
		ret = check_swap(m);
	if (!ret)
		ret = check_anchors(m);
	for (unsigned id = SEG_FIRST_POOL; !ret && id < NR_SEG; id++)
		ret = check_pool(m, id);
	if (!ret)
		ret = check_mms(m);
	if (!ret)
		ret = check_radix(m);
	if (!ret)
		ret = check_slabs(m);
	return ret;
}
