/*
 * Compressed swap: what a page becomes, the pool's frames, sums, and that all
 * bytes come back.
 */
#include "../../vm/reclaim/reclaim.h"
#include "../../vm/swap/zpool.h"
#include "../../vm/swap/zram.h"

#include "fault_rig.h"

static int setup_zram(void **state)
{
	int rc = rig_setup(state);

	assert_int_equal(swap_off(m, swap_area_of(m, 0)), 0);
	assert_int_equal(swap_on_zram(m, 16 << 20, 100), 0);
	return rc;
}

static int teardown_zram(void **state)
{
	rig_clear();
	if (zram_area(m))
		assert_int_equal(swap_off(m, zram_area(m)), 0);
	assert_int_equal(m->root->zram.stored, 0);
	vmtest_end(m, free_at_start);
	return 0;
}

static void fill_page(unsigned page, const uint8_t *bytes)
{
	assert_int_equal(mem_access(m, t, page_at(RIG_BASE, page), 4096,
				 ACC_WRITE, (void *)bytes, &sf),
		0);
}

static void out(unsigned page)
{
	assert_true(reclaim_frame(m, pfn_of(t, page_at(RIG_BASE, page))));
	vmtest_check(m);
}

static void random_bytes(uint8_t *to, unsigned n, uint64_t seed)
{
	for (unsigned i = 0; i < n; i++)
		to[i] = vmtest_random(&seed) & 255;
}

static void expect_page(unsigned page, const uint8_t *want)
{
	uint8_t got[4096];

	assert_int_equal(mem_look(m, mm_at(m, t->mm), page_at(RIG_BASE, page),
				 got, 4096),
		4096);
	assert_memory_equal(got, want, 4096);
	assert_int_equal(mem_access(m, t, page_at(RIG_BASE, page), 4096,
				 ACC_READ, got, &sf),
		0);
	assert_memory_equal(got, want, 4096);
}

/* One word, what compresses, and what does not. */
static void test_kinds(void **state)
{
	const struct zram *z = &m->root->zram;
	uint8_t word[4096], text[4096] = {0}, noise[4096], half[4096] = {0};

	memset(word, 0x5a, sizeof(word));
	memcpy(text + 100, "compress me", 11);
	random_bytes(noise, 4096, 7);
	random_bytes(half, 2048, 8);
	map(RIG_BASE, 4, RW, ANON, 0, 0);
	fill_page(0, word);
	fill_page(1, text);
	fill_page(2, noise);
	fill_page(3, half);
	for (unsigned i = 0; i < 4; i++)
		out(i);
	assert_int_equal(z->stored, 4);
	assert_int_equal(z->same, 1);
	assert_int_equal(z->huge, 1);
	assert_int_equal(z->huge_ever, 1);
	/* noise whole; half of it, and text of some dozen bytes */
	assert_in_range(z->compressed, 4096 + 2048 + 20, 4096 + 2048 + 150);
	/* a frame for noise, one for text, a group for half */
	assert_in_range(phys_sum(m, pages[USE_ZPOOL]), 3, 6);
	expect_page(0, word);
	expect_page(1, text);
	expect_page(2, noise);
	expect_page(3, half);
	/* slots of pages that are back are given up */
	assert_int_equal(m->root->swap_used, 0);
	assert_int_equal(phys_sum(m, pages[USE_ZPOOL]), 0);
	assert_int_equal(z->huge_ever, 1);
	assert_in_range(z->used_max, 3, 6);
	assert_int_equal(z->freed, 4);
}

/* Objects of each length lie side by side and apart. */
static void test_pool(void **state)
{
	static struct zobject o[3000];
	static uint16_t len[3000];
	uint64_t seed = 3, was = vmtest_free_pages(m);
	uint8_t want[4096], got[4096];

	memset(len, 0, sizeof(len));
	for (unsigned round = 0; round < 20000; round++) {
		unsigned i = (unsigned)(vmtest_random(&seed) % 3000);

		if (len[i]) {
			random_bytes(want, len[i], i + len[i]);
			zpool_read(m, o[i], got, len[i]);
			assert_memory_equal(got, want, len[i]);
			zpool_free(m, o[i]);
			len[i] = 0;
			continue;
		}
		len[i] = 1 + vmtest_random(&seed) % 4096;
		assert_true(zpool_alloc(m, len[i], &o[i]));
		random_bytes(want, len[i], i + len[i]);
		zpool_write(m, o[i], want, len[i]);
	}
	for (unsigned i = 0; i < 3000; i++)
		if (len[i])
			zpool_free(m, o[i]);
	assert_int_equal(phys_sum(m, pages[USE_ZPOOL]), 0);
	assert_int_equal(vmtest_free_pages(m), was);
}

/* What compresses well fits several times into the RAM it takes. */
static void test_ratio(void **state)
{
	const struct zram *z = &m->root->zram;
	uint8_t page[4096];

	map(RIG_BASE, 3000, RW, ANON, 0, 0);
	for (unsigned i = 0; i < 3000; i++) {
		memset(page, 0, sizeof(page));
		random_bytes(page, 1024, i + 1);
		fill_page(i, page);
	}
	for (unsigned i = 0; i < 3000; i++)
		assert_true(reclaim_frame(m, pfn_of(t, page_at(RIG_BASE, i))));
	vmtest_check(m);
	assert_int_equal(z->stored, 3000);
	assert_in_range(phys_sum(m, pages[USE_ZPOOL]), 3000 / 4, 3000 / 3);
	for (unsigned i = 0; i < 3000; i++) {
		memset(page, 0, sizeof(page));
		random_bytes(page, 1024, i + 1);
		expect_page(i, page);
	}
}

/* A page that nothing is free for stays where it is. */
static void test_no_room(void **state)
{
	uint8_t noise[4096];
	pfn_t pfn, first = PFN_NONE;
	uint32_t *link;

	random_bytes(noise, 4096, 9);
	map(RIG_BASE, 1, RW, ANON, 0, 0);
	fill_page(0, noise);
	m->memalloc = true;
	while ((pfn = buddy_alloc(
			m, GFP_HIGHUSER, 0, FRAME_KERNEL, USE_KERNEL, false))) {
		frame_at(m, pfn)->owner = first;
		first = pfn;
	}
	m->memalloc = false;
	vm_fail_clear(m);
	assert_false(reclaim_frame(m, pfn_of(t, RIG_BASE)));
	assert_int_equal(m->root->zram.failed_writes, 1);
	assert_int_equal(m->root->swap_used, 0);
	while (first) {
		link = &frame_at(m, first)->owner;
		pfn = *link;
		*link = 0;
		buddy_free(m, first, 0, USE_KERNEL);
		first = pfn;
	}
	expect_page(0, noise);
	out(0);
	expect_page(0, noise);
}

static void test_refusals(void **state)
{
	assert_int_equal(swap_on_zram(m, 1 << 20, 1), -EBUSY);
	assert_int_equal(swap_off(m, zram_area(m)), 0);
	vm_fail_clear(m);
	assert_int_equal(swap_on_zram(m, 1ull << 40, 1), -EINVAL);
	assert_sentence(vm_sentence(m), "four times the RAM");
	vm_fail_clear(m);
	m->root->config.lz4--;
	assert_int_equal(swap_on_zram(m, 1 << 20, 1), -EOPNOTSUPP);
	assert_sentence(vm_sentence(m), "a replay would differ");
	vm_fail_clear(m);
	m->root->config.lz4++;
	/* of the size that it had */
	assert_int_equal(swap_on_zram(m, 0, 1), 0);
	assert_int_equal(zram_area(m)->pages, (16 << 20) >> 12);
	/* a state with such swap is refused where the library is another one */
	m->root->config.lz4--;
	assert_int_equal(vm_reindex(m), -EINVAL);
	assert_sentence(vm_sentence(m), "a replay would differ");
	m->root->config.lz4++;
	assert_int_equal(vm_reindex(m), 0);
}

#define T(name)                                                      \
	{#name, name, setup_zram, teardown_zram, x86_64},            \
	{                                                            \
#name " i386", name, setup_zram, teardown_zram, i386 \
	}

int main(void)
{
	static char x86_64[] = "x86_64", i386[] = "i386";
	const struct CMUnitTest tests[] = {
		T(test_kinds),
		T(test_pool),
		T(test_ratio),
		T(test_no_room),
		T(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
