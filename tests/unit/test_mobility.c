/*
 * Page blocks and migrate types: where requests of each type find frames when
 * the lists of their type are empty.  The examples are those of docs/memory.md,
 * worked out by hand.
 */
#include "../../vm/phys/pageblock.h"
#include "../../vm/reclaim/reclaim.h"
#include "vmtest.h"

static struct vm *boot(const char *arch, const char *ram)
{
	struct vm *m = vmtest_boot(arch, ram);

	vmtest_no_pcp(m);
	return m;
}

/* Zone DMA alone, whose free blocks are 256 (order 8), 512 (9) and 1024, 2048,
 * 3072 (10), all movable. */
static pfn_t take(struct vm *m, unsigned gfp, unsigned order)
{
	bool movable = gfp & GFP_MOVABLE;
	pfn_t pfn = buddy_alloc(m, GFP_DMA | gfp, order,
		movable ? FRAME_FILE : FRAME_KERNEL,
		movable ? USE_FILE : USE_KERNEL, false);

	/* movable: pages of their own */
	for (pfn_t i = 0; movable && i < 1u << order; i++) {
		frame_at(m, pfn + i)->state = FRAME_FILE;
		frame_at(m, pfn + i)->order = 0;
	}
	return pfn;
}

static void check(struct vm *m)
{
	if (phys_check(m))
		fail_msg("%s", vm_sentence(m));
}

/* Whole page blocks change their type: the largest free block first. */
static void test_whole(void **state)
{
	struct vm *m = boot("x86_64", "64M");
	const struct zone *z = &m->root->zone[0];

	assert_int_equal(take(m, 0, 4), 1024);
	assert_int_equal(pageblock_type(m, 1024), MIGRATE_UNMOVABLE);
	assert_int_equal(pageblock_type(m, 1536), MIGRATE_UNMOVABLE);
	assert_int_equal(pageblock_type(m, 512), MIGRATE_MOVABLE);
	assert_int_equal(zone_free_of(z, 9, MIGRATE_UNMOVABLE), 1);
	assert_int_equal(zone_free_of(z, 10, MIGRATE_MOVABLE), 2);
	/* order 10 of movable before order 9 of unmovable */
	assert_int_equal(take(m, GFP_RECLAIMABLE, 4), 2048);
	assert_int_equal(pageblock_type(m, 2048), MIGRATE_RECLAIMABLE);
	/* its own lists do */
	assert_int_equal(take(m, 0, 4), 1040);
	assert_int_equal(take(m, GFP_RECLAIMABLE, 4), 2064);
	check(m);
	/* movable has its own, down to the smallest; then of two halves that of
	 * reclaimable */
	assert_int_equal(take(m, GFP_MOVABLE, 8), 256);
	assert_int_equal(take(m, GFP_MOVABLE, 9), 512);
	assert_int_equal(take(m, GFP_MOVABLE, 10), 3072);
	assert_int_equal(take(m, GFP_MOVABLE, 4), 2560);
	assert_int_equal(pageblock_type(m, 2048), MIGRATE_RECLAIMABLE);
	assert_int_equal(pageblock_type(m, 2560), MIGRATE_MOVABLE);
	vm_destroy(m);
}

/*
 * No page block is free as a whole: 512 is half used by movable pages.  A
 * request of the kernel's takes it when half of it is free, and else one block
 * alone.
 */
static void part(unsigned nr_used, bool claimed)
{
	struct vm *m = boot("x86_64", "64M");
	pfn_t pfn;

	for (unsigned i = 0; i < 3; i++)
		take(m, GFP_MOVABLE, 10);
	assert_int_equal(take(m, GFP_MOVABLE, 8), 256);
	assert_int_equal(take(m, GFP_MOVABLE, 8), 512);
	for (unsigned i = 0; i < nr_used; i++)
		assert_int_equal(take(m, GFP_MOVABLE, 4), 768 + 16 * i);
	check(m);
	pfn = take(m, 0, 4);
	assert_int_equal(pfn & ~511u, 512);
	assert_int_equal(pageblock_type(m, 512),
		claimed ? MIGRATE_UNMOVABLE : MIGRATE_MOVABLE);
	/* what a page block has left is of its type */
	for (unsigned o = 0; o < NR_ORDERS; o++)
		assert_int_equal(
			zone_free_of(&m->root->zone[0], o,
				claimed ? MIGRATE_MOVABLE : MIGRATE_UNMOVABLE),
			0);
	vm_destroy(m);
}

static void test_part(void **state)
{
	part(0, true);	/* 256 of 512 are free */
	part(1, false); /* 240 are */
}

/* A page block of mixed types raises the watermarks until kswapd has run. */
static void test_boost(void **state)
{
	struct vm *m = boot("x86_64", "64M");
	struct zone *z = &m->root->zone[0];
	uint64_t min = z->min, high = z->high;

	for (unsigned i = 0; i < 3; i++)
		take(m, GFP_MOVABLE, 10);
	assert_int_equal(take(m, GFP_MOVABLE, 8), 256);
	assert_int_equal(take(m, GFP_MOVABLE, 8), 512);
	assert_int_equal(z->boost, 0);
	assert_int_equal(m->root->node[0].kswapd_woken, 0);
	take(m, 0, 4);
	assert_int_equal(z->boost, 512);
	assert_int_equal(z->min, min + 512);
	assert_int_equal(z->high, high + 512);
	assert_int_equal(m->root->node[0].kswapd_woken, 1);
	watermark_boost(m, z);
	assert_int_equal(z->boost, 512); /* more than 150 % of high already */
	kswapd_run(m);
	assert_int_equal(z->boost, 0);
	assert_int_equal(z->min, min);
	check(m);
	vm_destroy(m);
}

/* Frames go back to their page block's type, and page blocks merge. */
static void test_merge(void **state)
{
	struct vm *m = boot("x86_64", "64M");
	uint64_t before = vmtest_free_pages(m);
	const struct zone *z = &m->root->zone[0];
	pfn_t a = take(m, 0, 9), b = take(m, 0, 9);

	assert_int_equal(a, 1024);
	assert_int_equal(b, 1536);
	buddy_free(m, b, 9, USE_KERNEL);
	assert_int_equal(zone_free_of(z, 9, MIGRATE_UNMOVABLE), 1);
	pageblock_set_type(m, a, MIGRATE_RECLAIMABLE);
	buddy_free(m, a, 9, USE_KERNEL);
	assert_int_equal(zone_free_of(z, 10, MIGRATE_RECLAIMABLE), 1);
	assert_int_equal(pageblock_type(m, b), MIGRATE_RECLAIMABLE);
	vmtest_end(m, before);
}

/* Normal first; but rather a whole page block of DMA32 than a mix in Normal. */
static void test_nofragment(void **state)
{
	static pfn_t half[2048];
	struct vm *m = boot("x86_64", "4100M");
	struct zone *z = &m->root->zone[2];
	unsigned nr = 0;

	while ((half[nr] = buddy_alloc(m, GFP_HIGHUSER_MOVABLE, 8, FRAME_KERNEL,
			USE_KERNEL, false)) >= z->start)
		assert_true(++nr < COUNT(half));
	for (unsigned i = 0; i < nr; i += 2)
		buddy_free(m, half[i], 8, USE_KERNEL);
	for (unsigned order = 10; order-- > 4;)
		while (buddy_alloc(m, GFP_KERNEL, order, FRAME_KERNEL,
			       USE_KERNEL, false) >= z->start)
			;
	assert_true(zone_free_of(z, 8, MIGRATE_MOVABLE) > 100);
	assert_true(buddy_alloc(m, GFP_KERNEL, 4, FRAME_KERNEL, USE_KERNEL,
			    false) < z->start);
	assert_true(buddy_alloc(m, GFP_HIGHUSER_MOVABLE, 4, FRAME_KERNEL,
			    USE_KERNEL, false) >= z->start);
	check(m);
	vm_destroy(m);
}

/* ---- atomic requests ----------------------------------------------------- */

static pfn_t kept[1u << 16];
static unsigned nr_kept;

static bool keep(struct vm *m, unsigned gfp, unsigned order)
{
	pfn_t pfn = buddy_alloc(m, gfp, order, FRAME_KERNEL, USE_KERNEL, false);

	vm_fail_clear(m);
	if (pfn)
		kept[nr_kept++] = pfn;
	return pfn;
}

static void keep_all(struct vm *m, unsigned gfp, unsigned order)
{
	while (keep(m, gfp, order))
		;
}

/* What is below the min watermark is for those who may have it; where an atomic
 * request found its block, others for such requests are kept. */
static void test_atomic(void **state)
{
	struct vm *m = boot("x86_64", "512M");
	uint64_t before = vmtest_free_pages(m);
	struct zone *z = &m->root->zone[1];

	m->root->set.watermark_boost_factor = 0;
	keep_all(m, GFP_KERNEL, 6);
	keep_all(m, GFP_KERNEL, 0);
	assert_int_equal(z->nr_free, z->min);
	assert_false(keep(m, GFP_KERNEL | GFP_NOWAIT, 0));
	keep_all(m, GFP_KERNEL | GFP_HIGH, 0);
	assert_int_equal(z->nr_free, z->min - z->min / 2);
	assert_int_equal(z->nr_reserved_highatomic, 0);
	buddy_free(m, kept[0], 6, USE_KERNEL);
	assert_true(keep(m, GFP_KERNEL | GFP_ATOMIC, 2));
	assert_int_equal(z->nr_reserved_highatomic, 512);
	assert_int_equal(
		pageblock_type(m, kept[nr_kept - 1]), MIGRATE_HIGHATOMIC);
	check(m);
	/* of what is left there others get nothing */
	keep_all(m, GFP_KERNEL | GFP_MEMALLOC, 0);
	assert_true(z->nr_free >= 32);
	assert_int_equal(z->nr_free, zone_free_highatomic(z));
	for (struct zone *any = m->root->zone; any <= z; any++)
		any->min = any->low = any->high = 0;
	assert_false(keep(m, GFP_KERNEL | GFP_HIGH, 0));
	assert_true(keep(m, GFP_KERNEL | GFP_ATOMIC, 2));
	check(m);
	/* until it is given back, the last page block only in need */
	assert_false(highatomic_unreserve(m, GFP_KERNEL, false));
	assert_true(highatomic_unreserve(m, GFP_KERNEL, true));
	assert_int_equal(z->nr_reserved_highatomic, 0);
	assert_int_equal(zone_free_highatomic(z), 0);
	assert_true(keep(m, GFP_KERNEL, 0));
	check(m);
	for (unsigned i = 1; i < nr_kept; i++)
		buddy_free(m, kept[i], frame_at(m, kept[i])->order, USE_KERNEL);
	nr_kept = 0;
	watermarks_setup(m);
	vmtest_end(m, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_part),
		cmocka_unit_test(test_boost),
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_nofragment),
		cmocka_unit_test(test_atomic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
