/*
 * The buddy allocator against a plain model: one byte a frame.  Because no two
 * free buddies stay apart, the free blocks are the unique largest aligned
 * blocks of the free frames, which the model computes anew each time.
 */
#include "../../vm/phys/pageblock.h"
#include "vmtest.h"

#include <stdlib.h>

static struct vm *boot(const char *arch, const char *ram)
{
	struct vm *m = vmtest_boot(arch, ram);

	vmtest_no_pcp(m);
	return m;
}

static const struct {
	const char *arch, *ram;
} machines[] = {
	{"x86_64", "64M"},
	{"x86_64", "33M"},
	{"i386", "64M"},
	{"i386", "912M"},
};

#define MAX_LIVE 6000

struct model {
	struct vm *m;
	uint8_t *taken;	 /* by pfn: 1 not free */
	uint64_t before; /* free pages */
	uint64_t anon;	 /* pages of programs */
	struct block {
		pfn_t pfn;
		unsigned order;
	} live[MAX_LIVE];
	unsigned nr;
};

static void model_mark(struct model *d, pfn_t pfn, unsigned order, uint8_t v)
{
	for (pfn_t i = pfn; i < pfn + (1u << order); i++) {
		assert_true(i < d->m->root->max_pfn);
		assert_int_equal(d->taken[i], !v);
		d->taken[i] = v;
	}
}

static void model_start(struct model *d, unsigned t)
{
	pfn_t pfn = 0, end;
	unsigned order;

	memset(d, 0, sizeof(*d));
	d->m = boot(machines[t].arch, machines[t].ram);
	d->before = vmtest_free_pages(d->m);
	d->anon = phys_sum(d->m, pages[USE_KERNEL]);
	d->taken = malloc(d->m->root->max_pfn);
	assert_non_null(d->taken);
	memset(d->taken, 1, d->m->root->max_pfn);
	for (; phys_next_managed(d->m, &pfn, &end); pfn = end)
		memset(d->taken + pfn, 0, end - pfn);
	for (pfn = 0; phys_next_used(d->m, &pfn, &order); pfn += 1u << order)
		model_mark(d, pfn, order, 1);
}

static bool model_alloc(struct model *d, enum gfp_zone gfp, unsigned order)
{
	pfn_t pfn;

	vm_fail_clear(d->m);
	pfn = buddy_alloc(d->m, gfp, order, FRAME_KERNEL, USE_KERNEL, false);
	if (!pfn) {
		assert_int_equal(d->m->fail.err, ENOMEM);
		return false;
	}
	assert_int_equal(pfn & ((1u << order) - 1), 0);
	assert_int_equal(frame_at(d->m, pfn)->state, FRAME_KERNEL);
	assert_int_equal(frame_at(d->m, pfn)->order, order);
	model_mark(d, pfn, order, 1);
	d->live[d->nr++] = (struct block){pfn, order};
	return true;
}

static void model_free(struct model *d, unsigned i)
{
	struct block b = d->live[i];

	/* a user leaves traces in the frame's entry */
	frame_at(d->m, b.pfn)->owner = 77;
	frame_at(d->m, b.pfn)->index = 1234567;
	buddy_free(d->m, b.pfn, b.order, USE_KERNEL);
	model_mark(d, b.pfn, b.order, 0);
	d->live[i] = d->live[--d->nr];
}

static bool block_free(
	const struct model *d, const struct zone *z, pfn_t pfn, unsigned order)
{
	if (pfn < z->start || pfn + (1u << order) > z->end)
		return false;
	return !memchr(d->taken + pfn, 1, 1u << order);
}

static void model_compare(const struct model *d)
{
	for (unsigned i = 0; i < d->m->root->nr_zones; i++) {
		const struct zone *z = &d->m->root->zone[i];
		uint64_t blocks[NR_ORDERS] = {0};

		for (pfn_t pfn = z->start; pfn < z->end;) {
			unsigned order = 0;

			if (d->taken[pfn]) {
				pfn++;
				continue;
			}
			while (order < MAX_ORDER &&
				!(pfn & ((2u << order) - 1)) &&
				block_free(d, z, pfn, order + 1))
				order++;
			blocks[order]++;
			pfn += 1u << order;
		}
		for (unsigned o = 0; o < NR_ORDERS; o++)
			assert_int_equal(zone_free_blocks(z, o), blocks[o]);
	}
}

/* The walk over blocks in use finds what the model holds, in order. */
static void model_walk(const struct model *d)
{
	uint64_t n = 0, expected = 0;
	pfn_t pfn = 0, end;
	unsigned order;

	for (; phys_next_used(d->m, &pfn, &order); pfn += 1u << order) {
		assert_int_equal(d->taken[pfn], 1);
		n += 1u << order;
	}
	for (pfn = 0; phys_next_managed(d->m, &pfn, &end); pfn = end)
		for (pfn_t i = pfn; i < end; i++)
			expected += d->taken[i];
	assert_int_equal(n, expected);
}

static void model_end(struct model *d)
{
	while (d->nr)
		model_free(d, d->nr - 1);
	model_compare(d);
	assert_int_equal(phys_sum(d->m, pages[USE_KERNEL]), d->anon);
	free(d->taken);
	vmtest_end(d->m, d->before);
}

static void test_random(void **state)
{
	static struct model d;
	uint64_t rnd = 42;

	for (unsigned t = 0; t < COUNT(machines); t++) {
		model_start(&d, t);
		for (unsigned i = 0; i < 30000; i++) {
			uint64_t r = vmtest_random(&rnd);
			unsigned order = (unsigned)__builtin_ctzll(
				(r >> 8 & 1023) | 1024);
			/* phases of growth and of shrinking */
			bool grow = r % 100 < (i / 3000 % 2 ? 35 : 65);

			if (grow && d.nr < MAX_LIVE)
				model_alloc(&d, r >> 32 & 3, order);
			else if (d.nr)
				model_free(&d, (unsigned)((r >> 32) % d.nr));
			if (i % 500)
				continue;
			vmtest_check(d.m);
			model_compare(&d);
			model_walk(&d);
		}
		model_end(&d);
	}
}

/* Everything taken and given back in another order, from each zone's cap. */
static void test_exhaust(void **state)
{
	static struct model d;
	uint64_t rnd = 5;

	for (unsigned t = 0; t < 3; t++)
		for (unsigned order = 2; order <= MAX_ORDER; order += 4) {
			model_start(&d, t);
			while (model_alloc(&d, GFP_HIGHUSER, order))
				;
			assert_sentence(d.m->fail.text, "out of memory: no "
							"free block of order");
			vmtest_check(d.m);
			model_compare(&d);
			while (d.nr)
				model_free(&d,
					(unsigned)(vmtest_random(&rnd) % d.nr));
			model_end(&d);
		}
}

/* ---- rules of order ------------------------------------------------------ */

static pfn_t take(struct vm *m, unsigned order)
{
	pfn_t pfn = buddy_alloc(m, GFP_DMA | GFP_MOVABLE, order, FRAME_KERNEL,
		USE_KERNEL, false);

	assert_int_not_equal(pfn, PFN_NONE);
	return pfn;
}

/* Zone DMA begins with blocks of order 8, 9 and three of 10, at 256. */
static void test_order(void **state)
{
	struct vm *m = boot("x86_64", "64M");
	uint64_t before = vmtest_free_pages(m);
	const struct zone *z = &m->root->zone[0];
	pfn_t a, b, c, d;

	assert_int_equal(zone_free_blocks(z, 8), 1);
	assert_int_equal(zone_free_blocks(z, 9), 1);
	assert_int_equal(zone_free_blocks(z, 10), 3);

	/* the smallest block is split, its lower half kept */
	a = take(m, 0);
	assert_int_equal(a, 256);
	for (unsigned o = 0; o < 8; o++) {
		assert_int_equal(zone_free_blocks(z, o), 1);
		assert_int_equal(
			z->free[o].list[MIGRATE_MOVABLE].head, 256 + (1u << o));
	}
	assert_int_equal(zone_free_blocks(z, 8), 0);
	b = take(m, 0);
	assert_int_equal(b, 257);
	c = take(m, 0);
	assert_int_equal(c, 258);
	d = take(m, 1);
	assert_int_equal(d, 260);

	/* last freed, first used */
	buddy_free(m, a, 0, USE_KERNEL);
	assert_int_equal(take(m, 0), a);

	/* 259 is free: 258 merges with it, and 256 stays apart from 257 */
	buddy_free(m, a, 0, USE_KERNEL);
	buddy_free(m, c, 0, USE_KERNEL);
	assert_int_equal(frame_at(m, 258)->order, 1);
	assert_int_equal(frame_at(m, 258)->state, FRAME_FREE);
	assert_int_equal(frame_at(m, 259)->state, FRAME_TAIL);
	vmtest_check(m);
	buddy_free(m, b, 0, USE_KERNEL);
	buddy_free(m, d, 1, USE_KERNEL);
	assert_int_equal(zone_free_blocks(z, 8), 1);
	assert_int_equal(z->free[8].list[MIGRATE_MOVABLE].head, 256);
	vmtest_end(m, before);
}

/*
 * 256 257 | 258 259 with 258-259 free as a pair: when 256 is freed and 257 is
 * not, a merge is likely soon, so 256 waits at the tail of its list.
 */
static void test_tail(void **state)
{
	struct vm *m = boot("x86_64", "64M");
	uint64_t before = vmtest_free_pages(m);
	const struct frame_list *l =
		&m->root->zone[0].free[0].list[MIGRATE_MOVABLE];
	pfn_t p[8];

	for (unsigned i = 0; i < 8; i++) {
		p[i] = take(m, 0);
		assert_int_equal(p[i], 256 + i);
	}
	buddy_free(m, 260, 0, USE_KERNEL); /* 262, 263 in use: to the head */
	buddy_free(m, 258, 0, USE_KERNEL);
	buddy_free(m, 259, 0, USE_KERNEL); /* a pair at 258 */
	buddy_free(m, 256, 0, USE_KERNEL);
	assert_int_equal(l->head, 260);
	assert_int_equal(l->tail, 256);
	buddy_free(m, 262, 0, USE_KERNEL);
	assert_int_equal(l->head, 262);
	assert_int_equal(take(m, 0), 262);
	vmtest_check(m);
	buddy_free(m, 257, 0, USE_KERNEL);
	buddy_free(m, 261, 0, USE_KERNEL);
	buddy_free(m, 262, 0, USE_KERNEL);
	buddy_free(m, 263, 0, USE_KERNEL);
	vmtest_end(m, before);
}

/* Splits and merges are counted, and frames by their use. */
static void test_counts(void **state)
{
	struct vm *m = boot("x86_64", "64M");
	uint64_t before = vmtest_free_pages(m), *n = m->root->count;
	uint64_t split = n[CNT_BUDDY_SPLIT], merge = n[CNT_BUDDY_MERGE];
	uint64_t alloc = n[CNT_PGALLOC], freed = n[CNT_PGFREE];
	uint64_t kernel = phys_sum(m, pages[USE_KERNEL]);
	pfn_t pfn = take(m, 3);

	assert_int_equal(n[CNT_BUDDY_SPLIT] - split, 5);
	assert_int_equal(n[CNT_PGALLOC] - alloc, 8);
	assert_int_equal(phys_sum(m, pages[USE_KERNEL]) - kernel, 8);
	buddy_free(m, pfn, 3, USE_KERNEL);
	assert_int_equal(n[CNT_BUDDY_MERGE] - merge, 5);
	assert_int_equal(n[CNT_PGFREE] - freed, 8);
	assert_int_equal(phys_sum(m, pages[USE_KERNEL]), kernel);
	vmtest_end(m, before);
}

/* ---- bytes --------------------------------------------------------------- */

static bool all_bytes(struct vm *m, pfn_t pfn, uint8_t v)
{
	const uint8_t *p = ram_at(m, pfn_to_pa(m, pfn));

	for (uint64_t i = 0; i < m->page_size; i++)
		if (p[i] != v)
			return false;
	return true;
}

static bool resident(struct vm *m, pfn_t pfn)
{
	unsigned char vec = 0;

	assert_int_equal(
		host_resident(ram_at(m, pfn_to_pa(m, pfn)), m->page_size, &vec),
		0);
	return vec & 1;
}

static void test_bytes(void **state)
{
	struct vm *m = boot("x86_64", "64M");
	uint64_t before = vmtest_free_pages(m);
	pfn_t a, b;

	/* a zeroed frame that never held bytes costs the host nothing */
	a = buddy_alloc(m, GFP_DMA, 0, FRAME_KERNEL, USE_KERNEL, true);
	assert_false(resident(m, a));
	memset(frame_bytes(m, a), 0x5a, m->page_size);
	buddy_free(m, a, 0, USE_KERNEL);

	/* what a freed frame held is still there, unless zero is asked for */
	b = buddy_alloc(m, GFP_DMA, 0, FRAME_KERNEL, USE_KERNEL, false);
	assert_int_equal(b, a);
	assert_true(all_bytes(m, b, 0x5a));
	buddy_free(m, b, 0, USE_KERNEL);
	b = buddy_alloc(m, GFP_DMA, 0, FRAME_KERNEL, USE_KERNEL, true);
	assert_int_equal(b, a);
	assert_true(all_bytes(m, b, 0));
	assert_false(frame_at(m, b)->flags & FR_BYTES);
	vmtest_check(m);

	/* copies, of bytes and of their absence */
	a = buddy_alloc(m, GFP_DMA, 0, FRAME_KERNEL, USE_KERNEL, true);
	memset(frame_bytes(m, a), 7, m->page_size);
	frame_copy(m, b, a);
	assert_true(all_bytes(m, b, 7));
	assert_true(frame_at(m, b)->flags & FR_BYTES);
	buddy_free(m, a, 0, USE_KERNEL);
	a = buddy_alloc(m, GFP_DMA, 0, FRAME_KERNEL, USE_KERNEL, true);
	frame_copy(m, b, a);
	assert_true(all_bytes(m, b, 0));
	assert_false(frame_at(m, b)->flags & FR_BYTES);
	buddy_free(m, a, 0, USE_KERNEL);
	buddy_free(m, b, 0, USE_KERNEL);
	vmtest_end(m, before);
}

/* Every frame of a larger block is zeroed. */
static void test_bytes_of_block(void **state)
{
	struct vm *m = boot("i386", "64M");
	uint64_t before = vmtest_free_pages(m);
	pfn_t a = take(m, 4);

	for (pfn_t i = 0; i < 16; i += 3)
		memset(frame_bytes(m, a + i), (int)i + 1, m->page_size);
	buddy_free(m, a, 4, USE_KERNEL);
	assert_int_equal(buddy_alloc(m, GFP_DMA | GFP_MOVABLE, 4, FRAME_KERNEL,
				 USE_KERNEL, true),
		a);
	for (pfn_t i = 0; i < 16; i++)
		assert_true(all_bytes(m, a + i, 0));
	buddy_free(m, a, 4, USE_KERNEL);
	vmtest_end(m, before);
}

/* ---- the check itself ---------------------------------------------------- */

struct scene {
	pfn_t used, free, fresh; /* heads of order 0, and one never used */
};

static void bad_state(struct vm *m, const struct scene *s)
{
	frame_at(m, s->free)->state = FRAME_TAIL;
}

static void bad_order(struct vm *m, const struct scene *s)
{
	frame_at(m, s->free)->order = 1;
}

static void bad_prev(struct vm *m, const struct scene *s)
{
	frame_at(m, s->free)->prev = s->used;
}

static void bad_next(struct vm *m, const struct scene *s)
{
	frame_at(m, s->free)->next = m->root->max_pfn + 5;
}

static void bad_cycle(struct vm *m, const struct scene *s)
{
	frame_at(m, s->free)->next = s->free;
}

static void bad_count(struct vm *m, const struct scene *s)
{
	m->root->zone[0].free[0].nr[MIGRATE_UNMOVABLE]++;
}

static void bad_tail(struct vm *m, const struct scene *s)
{
	m->root->zone[0].free[0].list[MIGRATE_UNMOVABLE].tail = s->used;
}

static void bad_mask(struct vm *m, const struct scene *s)
{
	m->root->zone[0].orders[MIGRATE_UNMOVABLE] ^= 1;
}

static void bad_sum(struct vm *m, const struct scene *s)
{
	m->root->zone[0].nr_free--;
}

static void bad_use(struct vm *m, const struct scene *s)
{
	m->root->zone[0].pages[USE_KERNEL]++;
}

static void bad_mapped(struct vm *m, const struct scene *s)
{
	m->root->zone[1].mapped++;
}

static void bad_dirty(struct vm *m, const struct scene *s)
{
	m->root->zone[0].dirty--;
}

static void bad_total(struct vm *m, const struct scene *s)
{
	m->root->totalram_pages++;
}

static void bad_lost(struct vm *m, const struct scene *s)
{
	frame_at(m, s->used)->state = FRAME_FRESH;
}

static void bad_memory(struct vm *m, const struct scene *s)
{
	frame_at(m, s->free)->owner = 9;
}

static void bad_bytes(struct vm *m, const struct scene *s)
{
	*ram_at(m, pfn_to_pa(m, s->used) + 4095) = 1;
}

static void bad_merge(struct vm *m, const struct scene *s)
{
	/* the buddy of `free` too, as if nobody had looked for it */
	struct frame *f = frame_at(m, s->free ^ 1);

	f->state = FRAME_FREE;
	f->order = 0;
	f->flags = 0;
}

static void bad_type(struct vm *m, const struct scene *s)
{
	pageblock_set_type(m, s->free, MIGRATE_RECLAIMABLE);
}

static void bad_block(struct vm *m, const struct scene *s)
{
	*pageblock_at(m, s->fresh) = 7;
	pageblock_set_type(m, s->fresh + 1024, MIGRATE_MOVABLE);
}

static void bad_fresh(struct vm *m, const struct scene *s)
{
	frame_at(m, s->fresh)->owner = 1;
}

static const struct {
	void (*damage)(struct vm *m, const struct scene *s);
	const char *sentence;
} damage_table[] = {
	{bad_state, "is on the free list of order 0, its entry says state"},
	{bad_order, "its entry says state 1 order 1"},
	{bad_prev, "points back to"},
	{bad_next, "its head counts"},
	{bad_cycle, "its head counts"},
	{bad_count, "its head counts"},
	{bad_tail, "its head counts"},
	{bad_mask, "the mask of free orders"},
	{bad_sum, "and 1 in use, it counts"},
	{bad_use, "are of kind 5"},
	{bad_mapped, "frames are mapped page cache, the count is 1"},
	{bad_dirty, "frames are dirty, the count is"},
	{bad_total, "the total is"},
	{bad_lost, "has state 0, which heads no block"},
	{bad_memory, "remembers its use"},
	{bad_bytes, "holds bytes"},
	{bad_merge, "are not merged"},
	{bad_fresh, "were never used"},
	{bad_type, "its page block has type 2"},
	{bad_block, "has type 6"},
};

/* Each damage is found and named. */
static void test_check(void **state)
{
	for (size_t i = 0; i < COUNT(damage_table); i++) {
		struct vm *m = boot("x86_64", "64M");
		struct scene s;

		s.free = buddy_alloc(
			m, GFP_DMA, 0, FRAME_KERNEL, USE_KERNEL, true);
		s.used = buddy_alloc(
			m, GFP_DMA, 0, FRAME_KERNEL, USE_KERNEL, true);
		assert_int_equal(s.used, s.free + 1);
		buddy_free(m, s.free, 0, USE_KERNEL);
		s.fresh = 3072 + 17;
		vmtest_check(m);
		damage_table[i].damage(m, &s);
		vm_fail_clear(m);
		assert_int_equal(phys_check(m), -EIO);
		assert_sentence(vm_sentence(m), damage_table[i].sentence);
		vm_destroy(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_tail),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_bytes_of_block),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_exhaust),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
