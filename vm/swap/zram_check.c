/* The invariants of /dev/zram0. */
#include <stdlib.h>

#include "zcomp.h"
#include "zram_i.h"

#define BAD(m, ...) vm_fail((m), EIO, __VA_ARGS__)

/* Of the backing device, and as low as it can be: the lowest free one is
 * taken. */
static bool block_is_good(const struct vm *m, const struct zram_entry *e)
{
	return m->root->zram.backing && !e->len && e->word &&
	       e->word <= zram_pages(m) + 1ull &&
	       e->word < m->root->config.swap >> m->page_shift;
}

/* A page that was written is the header, or one of a slot that is in use. */
static bool entry_is_good(struct vm *m, uint32_t page)
{
	const struct zram_entry *e = zram_entry_at(m, page);
	const struct swap_area *a = zram_area(m);

	if (e->known > m->page_size || e->flags & ZRAM_PP ||
		e->priority >= NR_ZRAM_ALGORITHMS ||
		!m->root->zram.algorithm[e->priority].alg ||
		(e->flags & ZRAM_WB && !block_is_good(m, e)) ||
		(e->len >= ZPOOL_HUGE && e->len != m->page_size))
		return false;
	if (e->len && !zpool_has(m, entry_object(e), page))
		return false;
	return !page || (a && slot_at(m, a->base + page)->used);
}

/* Counts the objects of each group in `uses`, by frame. */
static int check_entries(struct vm *m, uint16_t *uses, struct zram *sum)
{
	for (uint32_t i = 0; i < zram_pages(m); i++) {
		const struct zram_entry *e = zram_entry_at(m, i);

		if (!e->known)
			continue;
		if (!entry_is_good(m, i))
			return BAD(m,
				"page %u of %s leads to frame %u, object %u, "
				"of %u bytes",
				i, ZRAM_NAME, e->group, e->nr, e->len);
		sum->stored++;
		sum->same += entry_is_same(e);
		sum->huge += entry_is_huge(m, e);
		sum->bd_count += (e->flags & ZRAM_WB) != 0;
		sum->compressed += e->len;
		if (e->len)
			uses[e->group]++;
	}
	return 0;
}

/* No block of the backing device is of two pages. */
static int check_blocks(struct vm *m)
{
	uint64_t bytes = zram_pages(m) / 8 + 1;
	uint8_t *used = m->root->zram.bd_count ? calloc(bytes, 1) : NULL;
	uint32_t i = 0;

	if (!m->root->zram.bd_count)
		return 0;
	if (!used)
		return vm_fail(m, ENOMEM, "no host memory to check zram");
	for (; i < zram_pages(m); i++) {
		const struct zram_entry *e = zram_entry_at(m, i);
		uint64_t bit = e->word - 1;

		if (!(e->flags & ZRAM_WB))
			continue;
		if (used[bit / 8] >> bit % 8 & 1)
			break;
		used[bit / 8] |= (uint8_t)(1u << bit % 8);
	}
	free(used);
	if (i == zram_pages(m))
		return 0;
	return BAD(m, "page %u of %s lies where another one is", i, ZRAM_NAME);
}

static int check_groups(struct vm *m, const uint16_t *uses)
{
	uint64_t frames = 0, used = phys_sum(m, pages[USE_ZPOOL]);

	for (pfn_t pfn = 0; pfn < m->root->max_pfn; pfn++) {
		if (!uses[pfn])
			continue;
		if (zpool_in_use(m, pfn) != uses[pfn])
			return BAD(m,
				"the group of frame %u has %u objects and "
				"counts %u",
				pfn, uses[pfn], zpool_in_use(m, pfn));
		for (pfn_t f = pfn; f; f = (pfn_t)frame_at(m, f)->index)
			frames++;
	}
	if (frames == used)
		return 0;
	return BAD(m, "groups of the pool have %llu frames, %llu are counted",
		(unsigned long long)frames, (unsigned long long)used);
}

static int check_sums(struct vm *m, const struct zram *sum)
{
	const struct zram *z = &m->root->zram;

	if (sum->stored == z->stored && sum->same == z->same &&
		sum->huge == z->huge && sum->compressed == z->compressed &&
		sum->bd_count == z->bd_count)
		return 0;
	return BAD(m, "%s has %llu pages of %llu bytes and counts %llu of %llu",
		ZRAM_NAME, (unsigned long long)sum->stored,
		(unsigned long long)sum->compressed,
		(unsigned long long)z->stored,
		(unsigned long long)z->compressed);
}

static int check_device(struct vm *m)
{
	const struct zram *z = &m->root->zram;
	const struct swap_area *a = zram_area(m);

	if (z->bytes & (m->page_size - 1) ||
		z->bytes > zram_max(&m->root->config) ||
		zram_pages(m) > m->arena.seg[SEG_ZRAM].used /
					sizeof(struct zram_entry) ||
		(a && a->pages > zram_pages(m)))
		return BAD(m, "%s has %llu bytes and %u pages of swap",
			ZRAM_NAME, (unsigned long long)z->bytes,
			a ? a->pages : 0);
	if (z->backing && swap_area_of(m, 0))
		return BAD(m, "the device behind %s is a swap area", ZRAM_NAME);
	for (unsigned i = 0; i < NR_ZRAM_ALGORITHMS; i++)
		if ((!i && !z->algorithm[i].alg) ||
			(z->algorithm[i].alg &&
				!zcomp_name(z->algorithm[i].alg - 1)))
			return BAD(m, "algorithm %u of %s is %u, which is none",
				i, ZRAM_NAME, z->algorithm[i].alg);
	return 0;
}

int zram_check(struct vm *m)
{
	struct zram sum = {0};
	uint16_t *uses;
	int err = check_device(m);

	if (err || (!zram_pages(m) && !phys_sum(m, pages[USE_ZPOOL])))
		return err;
	uses = calloc(m->root->max_pfn + 1u, sizeof(*uses));
	if (!uses)
		return vm_fail(m, ENOMEM, "no host memory to check zram");
	err = check_entries(m, uses, &sum);
	if (!err)
		err = check_groups(m, uses);
	if (!err)
		err = check_sums(m, &sum);
	if (!err)
		err = check_blocks(m);
	if (!err)
		err = zpool_check(m);
	free(uses);
	return err;
}
