/* The invariants of swap: references to slots are counted, each slot is free,
 * used or cached, and the sums are right. */
#include <stdlib.h>

#include "../disk/disk.h"
#include "../mm/rmap.h"
#include "swap.h"
#include "zram.h"

#define BAD(m, ...) vm_fail((m), EIO, __VA_ARGS__)

struct census {
	uint32_t *refs; /* by slot */
	uint32_t nr;
};

static int count_ref(struct vm *m, struct census *c, uint32_t slot)
{
	if (slot >= c->nr || !slot_at(m, slot)->used)
		return BAD(m,
			"an entry names swap slot %u, which is not in use",
			slot);
	c->refs[slot]++;
	return 0;
}

static int count_vma(
	struct vm *m, struct census *c, const struct vma *v, uint64_t *nr)
{
	uint64_t span;

	for (vaddr_t va = v->start; va < v->end; va += span) {
		unsigned first;
		void *tab =
			pt_leaf_table(m, mm_at(m, v->mm), va, &first, &span);

		if (span > v->end - va)
			span = v->end - va;
		for (unsigned i = 0; tab && i < span >> m->page_shift; i++) {
			uint32_t slot = swap_entry_slot(
				m, entry_get(m, tab, first + i));

			if (slot && count_ref(m, c, slot))
				return -EIO;
			*nr += slot != 0;
		}
	}
	return 0;
}

static int count_mms(struct vm *m, struct census *c)
{
	for (idx_t i = 1; i < m->root->pool[SEG_MM].nr; i++) {
		const struct mm *mm = mm_at(m, i);
		const struct vma *v;
		uint64_t nr = 0;

		if (!mm->pgd)
			continue;
		vma_for_each (m, mm, v)
			if (count_vma(m, c, v, &nr))
				return -EIO;
		if (nr != mm->swapped)
			return BAD(m, "mm %u names %llu slots and counts %llu",
				i, (unsigned long long)nr,
				(unsigned long long)mm->swapped);
	}
	return 0;
}

static int count_objects(struct vm *m, struct census *c)
{
	for (idx_t i = 1; i < m->root->pool[SEG_INODE].nr; i++) {
		const struct inode *n = inode_at(m, i);
		uint64_t page = 0;
		uint32_t slot;

		if (!n->ino || n->type != INODE_SHMEM)
			continue;
		for (; (slot = radix_next(m, n->away, &page)); page++)
			if (count_ref(m, c, slot))
				return -EIO;
	}
	return 0;
}

static int check_slot(struct vm *m, const struct census *c, uint32_t slot)
{
	const struct swap_slot *s = slot_at(m, slot);
	const struct frame *f = frame_at(m, s->frame);

	if (s->refs != c->refs[slot] || s->used != (s->refs || s->frame))
		return BAD(m,
			"swap slot %u is named %u times and counts %u; used "
			"%u, frame %u",
			slot, c->refs[slot], s->refs, (unsigned)s->used,
			s->frame);
	if (s->frame &&
		(s->frame >= m->root->max_pfn || f->state != FRAME_ANON ||
			!(f->flags & FR_SWAPCACHE) || f->index != slot))
		return BAD(m,
			"swap slot %u is cached in frame %u, which says "
			"no such thing",
			slot, s->frame);
	return 0;
}

static int check_area(struct vm *m, const struct census *c,
	const struct swap_area *a, uint64_t *cached)
{
	uint32_t used = 0, free = 0;

	/* those from next on were never used */
	for (uint32_t i = 1; i < a->next; i++) {
		const struct swap_slot *s = slot_at(m, a->base + i);

		if (check_slot(m, c, a->base + i))
			return -EIO;
		used += s->used;
		*cached += s->frame != PFN_NONE;
	}
	for (uint32_t i = a->free_head; i && free <= a->pages;
		i = slot_at(m, i)->owner)
		free++;
	if (used != a->used || free + used + 1 != a->next)
		return BAD(m,
			"the swap area at slot %u uses %u slots and counts %u; "
			"%u are free of %u ever used",
			a->base, used, a->used, free, a->next - 1);
	return 0;
}

static int check_frames(struct vm *m, uint64_t cached)
{
	uint64_t frames = 0, idle = 0;
	unsigned order;

	for (pfn_t pfn = 0; phys_next_used(m, &pfn, &order);
		pfn += 1u << order) {
		const struct frame *f = frame_at(m, pfn);

		if (!(f->flags & FR_SWAPCACHE))
			continue;
		frames++;
		idle += !f->mapcount;
	}
	if (frames == cached && frames == phys_sum(m, swap_cached) &&
		idle == phys_sum(m, swap_idle))
		return 0;
	return BAD(m,
		"%llu frames are in the swap cache, %llu of them idle; slots "
		"say %llu, the counts are %llu and %llu",
		(unsigned long long)frames, (unsigned long long)idle,
		(unsigned long long)cached,
		(unsigned long long)phys_sum(m, swap_cached),
		(unsigned long long)phys_sum(m, swap_idle));
}

static int check_all(struct vm *m, struct census *c)
{
	uint64_t cached = 0, used = 0, pages = 0;

	if (count_mms(m, c) || count_objects(m, c))
		return -EIO;
	for (unsigned i = 0; i < MAX_SWAP_AREAS; i++) {
		const struct swap_area *a = &m->root->swap[i];

		if (!a->pages)
			continue;
		if (check_area(m, c, a, &cached))
			return -EIO;
		used += a->used;
		pages += a->pages - 1;
	}
	if (used != m->root->swap_used || pages != m->root->swap_pages)
		return BAD(m,
			"the swap areas use %llu of %llu slots, the sums are "
			"%llu of %llu",
			(unsigned long long)used, (unsigned long long)pages,
			(unsigned long long)m->root->swap_used,
			(unsigned long long)m->root->swap_pages);
	return check_frames(m, cached) ? -EIO : zram_check(m);
}

int swap_check(struct vm *m)
{
	struct census c;
	int err;

	c.nr = (uint32_t)(m->arena.seg[SEG_SLOT].used /
			  sizeof(struct swap_slot));
	c.refs = calloc(c.nr + 1, sizeof(*c.refs));
	if (!c.refs)
		return vm_fail(m, ENOMEM, "no host memory to check swap");
	err = check_all(m, &c);
	free(c.refs);
	return err;
}
