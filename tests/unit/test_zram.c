/*
 * Compressed swap: what a page becomes, the pool's frames, sums, and that all
 * bytes come back.
 */
#include "../../vm/swap/zcomp.h"

#include <stdio.h>

#include "zram_rig.h"

/* The header's group: one frame of objects of 64 bytes. */
#define HEADER_FRAMES 1

/* One word, what compresses, and what does not; the header is there before. */
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
	assert_int_equal(z->stored, 1 + 4);
	assert_int_equal(z->same, 1);
	assert_int_equal(z->huge, 1);
	assert_int_equal(z->huge_ever, 1);
	/* noise whole; half of it, text and the header of some dozen bytes */
	assert_in_range(z->compressed, 4096 + 2048 + 40, 4096 + 2048 + 200);
	/* a frame for noise, groups for half, for text and for the header */
	assert_in_range(phys_sum(m, pages[USE_ZPOOL]), HEADER_FRAMES + 3, 16);
	expect_page(0, word);
	expect_page(1, text);
	expect_page(2, noise);
	expect_page(3, half);
	/* slots of pages that are back are given up */
	assert_int_equal(m->root->swap_used, 0);
	assert_int_equal(phys_sum(m, pages[USE_ZPOOL]), HEADER_FRAMES);
	assert_int_equal(z->stored, 1);
	assert_int_equal(z->huge_ever, 1);
	assert_in_range(z->used_max, HEADER_FRAMES + 3, 16);
	assert_int_equal(z->freed, 4);
	/* each page went out and came back, the header was written and read */
	assert_int_equal(m->root->io[DISK_ZRAM].writes, 1 + 4);
	assert_int_equal(m->root->io[DISK_ZRAM].reads, 1 + 4);
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
	assert_int_equal(z->stored, 1 + 3000);
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

/* The device in the order in which it is set up, and out of it. */
static void test_refusals(void **state)
{
	static const char *const in_use[] = {
		"reset 1", "comp_algorithm lz4", "disksize 1M", "disksize 16M"};

	assert_int_equal(swap_on_zram(m, 1 << 20, 1), -EBUSY);
	vm_fail_clear(m);
	assert_int_equal(zram_make_swap(m), -EBUSY);
	for (unsigned i = 0; i < 4; i++) {
		char file[32];
		const char *text = strchr(in_use[i], ' ') + 1;

		snprintf(file, sizeof(file), "%.*s",
			(int)(text - in_use[i]) - 1, in_use[i]);
		vm_fail_clear(m);
		assert_int_equal(zram_file_write(m, file, text), -EBUSY);
	}
	assert_int_equal(swap_off(m, zram_area(m)), 0);
	vm_fail_clear(m);
	assert_int_equal(swap_on_zram(m, 1ull << 40, 1), -ENOMEM);
	assert_sentence(vm_sentence(m), "four times the RAM");
	vm_fail_clear(m);
	assert_int_equal(swap_on_zram(m, 4096, 1), -EINVAL);
	assert_sentence(vm_sentence(m), "10 pages or more");
	vm_fail_clear(m);
	/* neither took its size away: the header is there still */
	assert_int_equal(swap_on_zram(m, 0, 1), 0);
	assert_int_equal(zram_area(m)->pages, (16 << 20) >> 12);
	assert_int_equal(swap_off(m, zram_area(m)), 0);
	assert_int_equal(zram_reset(m), 0);
	assert_int_equal(swap_on_zram(m, 0, 1), -EINVAL);
	assert_sentence(vm_sentence(m), "no size");
	vm_fail_clear(m);
	assert_int_equal(zram_init(m, 1 << 20), 0);
	assert_int_equal(swap_on_zram(m, 0, 1), -EINVAL);
	assert_sentence(vm_sentence(m), "no swap header");
	vm_fail_clear(m);
	assert_int_equal(zram_make_swap(m), 0);
	assert_int_equal(swap_on_zram(m, 0, 1), 0);
	assert_int_equal(zram_area(m)->pages, (1 << 20) >> 12);
}

/* A machine is bound to the libraries that it was made with. */
static void test_versions(void **state)
{
	/* a state with such swap is refused where the library is another one */
	m->root->config.lz4--;
	assert_int_equal(vm_reindex(m), -EINVAL);
	assert_sentence(vm_sentence(m), "a replay would differ");
	m->root->config.lz4++;
	assert_int_equal(vm_reindex(m), 0);
	assert_int_equal(swap_off(m, zram_area(m)), 0);
	assert_int_equal(zram_reset(m), 0);
	m->root->config.zstd++;
	assert_int_equal(
		zram_file_write(m, "comp_algorithm", "zstd"), -EOPNOTSUPP);
	assert_sentence(vm_sentence(m), "zstd=");
	vm_fail_clear(m);
	assert_int_equal(zram_init(m, 1 << 20), 0);
	m->root->config.zstd--;
	assert_int_equal(zram_reset(m), 0);
	m->root->config.lz4--;
	assert_int_equal(zram_init(m, 1 << 20), -EOPNOTSUPP);
	assert_int_equal(m->root->zram.bytes, 0);
	m->root->config.lz4++;
	vm_fail_clear(m);
}

/* What the kernel answered to the same writes, on a device without a size. */
static void test_files(void **state)
{
	static const struct {
		const char *file, *text;
		int ret;
	} row[] = {
		{"disksize", "", EINVAL},
		{"disksize", "0", EINVAL},
		{"disksize", "garbage", EINVAL},
		{"disksize", "-1", EINVAL},
		{"disksize", " 64M", EINVAL},
		{"disksize", "9223372036854775808", ENOMEM},
		{"disksize", "18446744073709551615", ENOMEM},
		{"disksize", "99999999999999999999999", ENOMEM},
		{"disksize", "1E", ENOMEM},
		{"disksize", "16P", ENOMEM},
		{"comp_algorithm", "", EINVAL},
		{"comp_algorithm", "lz4 ", EINVAL},
		{"comp_algorithm", " lz4", EINVAL},
		{"comp_algorithm", "LZ4", EINVAL},
		{"comp_algorithm", "lz4x", EINVAL},
		{"comp_algorithm", "lz4hc", 0},
		{"comp_algorithm", "zstd", 0},
		{"comp_algorithm", "lz4", 0},
		{"reset", "", EINVAL},
		{"reset", "0", EINVAL},
		{"reset", "-1", EINVAL},
		{"reset", "x", EINVAL},
		{"reset", "1 2", EINVAL},
		{"reset", "65536", ERANGE},
		{"reset", "18446744073709551615", ERANGE},
		{"reset", "2", 0},
		{"mem_used_max", "", EINVAL},
		{"mem_used_max", "1", EINVAL},
		{"mem_used_max", "x", EINVAL},
		{"mem_used_max", "-1", EINVAL},
		{"mem_used_max", "0", 0},
		{"mem_limit", "", EINVAL},
		{"mem_limit", "x", EINVAL},
		{"mem_limit", "-1", EINVAL},
		{"mem_limit", "10M x", 0},
		{"mem_limit", "0", 0},
		{"compact", "1", EINVAL},
		{"algorithm_params", "", 0},
		{"algorithm_params", "level=1", 0},
		{"algorithm_params", "level=-1", 0},
		{"algorithm_params", "priority=0 level=4", 0},
		{"algorithm_params", "foo=1", 0},
		{"algorithm_params", "algo=zstd level=3", EINVAL},
		{"algorithm_params", "algo=lz4 level=3", 0},
		{"algorithm_params", "level=x", EINVAL},
		{"algorithm_params", "level", EINVAL},
		{"algorithm_params", "dict=/nonexistent", EINVAL},
		{"algorithm_params", "level=99999999999", ERANGE},
		{"none", "1", EINVAL},
	};
	char name[140];

	assert_int_equal(swap_off(m, zram_area(m)), 0);
	assert_int_equal(zram_reset(m), 0);
	for (unsigned i = 0; i < sizeof(row) / sizeof(*row); i++) {
		int ret = zram_file_write(m, row[i].file, row[i].text);

		if (ret != -row[i].ret)
			print_error("%s \"%s\"\n", row[i].file, row[i].text);
		assert_int_equal(ret, -row[i].ret);
		assert_int_equal(m->root->zram.bytes, 0);
		vm_fail_clear(m);
	}
	memset(name, 'a', sizeof(name));
	name[127] = '\0';
	assert_int_equal(zram_file_write(m, "comp_algorithm", name), -E2BIG);
}

/* Sizes, as memparse() reads them, in whole pages. */
static void test_sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} row[] = {
		{"1", 4096},
		{"4095", 4096},
		{"4097", 8192},
		{"0x100000", 1 << 20},
		{"1k", 4096},
		{"010", 4096},
		{"1 M", 4096},
		{"64M junk", 64 << 20},
		{"64m", 64 << 20},
		{"1048576 junk", 1 << 20},
		/* 2^64 and 3 MiB: what is too much is lost */
		{"17592186044419M", 3 << 20},
	};

	assert_int_equal(swap_off(m, zram_area(m)), 0);
	for (unsigned i = 0; i < sizeof(row) / sizeof(*row); i++) {
		assert_int_equal(zram_reset(m), 0);
		assert_int_equal(
			zram_file_write(m, "disksize", row[i].text), 0);
		assert_int_equal(m->root->zram.bytes, row[i].bytes);
		assert_int_equal(zram_file_write(m, "disksize", "1M"), -EBUSY);
		vm_fail_clear(m);
		vmtest_check(m);
	}
	assert_int_equal(zram_file_write(m, "mem_limit", "5000"), 0);
	assert_int_equal(m->root->zram.limit, 2);
	assert_int_equal(zram_reset(m), 0);
	assert_int_equal(m->root->zram.limit, 0);
}

/* Above mem_limit a page stays in RAM; what takes no room still goes out. */
static void test_limit(void **state)
{
	const struct zram *z = &m->root->zram;
	uint8_t noise[4096], word[4096];
	pfn_t pfn;

	map(RIG_BASE, 4, RW, ANON, 0, 0);
	memset(word, 0x77, sizeof(word));
	for (unsigned i = 0; i < 4; i++) {
		random_bytes(noise, 4096, 30 + i);
		fill_page(i, i == 3 ? word : noise);
	}
	/* two more frames than the header's */
	assert_int_equal(zram_file_write(m, "mem_limit", "12K"), 0);
	out(0);
	out(1);
	pfn = pfn_of(t, page_at(RIG_BASE, 2));
	assert_false(reclaim_frame(m, pfn));
	assert_int_equal(pfn_of(t, page_at(RIG_BASE, 2)), pfn);
	assert_int_equal(z->failed_writes, 1);
	assert_int_equal(z->stored, 1 + 2);
	/* as in Linux, which looks after it has taken the frame */
	assert_int_equal(z->used_max, HEADER_FRAMES + 3);
	assert_int_equal(phys_sum(m, pages[USE_ZPOOL]), HEADER_FRAMES + 2);
	out(3);
	assert_int_equal(z->same, 1);
	vmtest_check(m);
	/* no limit, and the most so far is forgotten */
	assert_int_equal(zram_file_write(m, "mem_limit", "0"), 0);
	assert_int_equal(zram_file_write(m, "mem_used_max", "0"), 0);
	assert_int_equal(z->used_max, HEADER_FRAMES + 2);
	out(2);
	for (unsigned i = 0; i < 3; i++) {
		random_bytes(noise, 4096, 30 + i);
		expect_page(i, noise);
	}
	expect_page(3, word);
}

/* Compaction of the device moves pages that are swapped out. */
static void test_compact(void **state)
{
	const struct zram *z = &m->root->zram;
	uint8_t page[4096];
	uint64_t had;

	map(RIG_BASE, 400, RW, ANON, 0, 0);
	for (unsigned i = 0; i < 400; i++) {
		memset(page, 0, sizeof(page));
		random_bytes(page, 100 + i % 10 * 300, i + 1);
		fill_page(i, page);
		assert_true(reclaim_frame(m, pfn_of(t, page_at(RIG_BASE, i))));
	}
	for (unsigned i = 0; i < 400; i++)
		if (i % 4)
			assert_int_equal(mem_access(m, t, page_at(RIG_BASE, i),
						 1, ACC_WRITE, page, &sf),
				0);
	had = phys_sum(m, pages[USE_ZPOOL]);
	assert_int_equal(z->compacted, 0);
	assert_int_equal(zram_file_write(m, "compact", "1"), 0);
	assert_true(z->compacted > had / 4);
	assert_int_equal(phys_sum(m, pages[USE_ZPOOL]), had - z->compacted);
	vmtest_check(m);
	for (unsigned i = 0; i < 400; i += 4) {
		memset(page, 0, sizeof(page));
		random_bytes(page, 100 + i % 10 * 300, i + 1);
		expect_page(i, page);
	}
}

/* Each algorithm gives the bytes back, and zstd makes text smaller. */
static void test_algorithms(void **state)
{
	uint32_t len[3];
	uint8_t page[4096];

	for (unsigned alg = 0; zcomp_name(alg); alg++) {
		if (zram_area(m))
			assert_int_equal(swap_off(m, zram_area(m)), 0);
		assert_int_equal(zram_reset(m), 0);
		assert_int_equal(
			zram_file_write(m, "comp_algorithm", zcomp_name(alg)),
			0);
		assert_int_equal(zram_file_write(m, "algorithm_params",
					 alg == 1 ? "level=12" : "level=1"),
			0);
		assert_int_equal(zram_init(m, 1 << 20), 0);
		assert_int_equal(zram_make_swap(m), 0);
		assert_int_equal(swap_on_zram(m, 0, 100), 0);
		len[alg] = (uint32_t)m->root->zram.compressed;
		map(RIG_BASE, 1, RW, ANON, 0, 0);
		for (unsigned i = 0; i < 4096; i++)
			page[i] = (uint8_t) "0123456789abcdef"[i * i % 97 % 16];
		fill_page(0, page);
		out(0);
		len[alg] = (uint32_t)m->root->zram.compressed - len[alg];
		assert_in_range(len[alg], 20, 3000);
		assert_int_equal(vm_reindex(m), 0);
		expect_page(0, page);
		assert_int_equal(mm_munmap(m, t, RIG_BASE, 4096), 0);
	}
	assert_true(len[1] <= len[0] && len[2] != len[0]);
}

/* What a state that was tampered with is refused for. */
static void test_check(void **state)
{
	struct zram *z = &m->root->zram;
	struct zram_entry *e = zram_entry_at(m, 0);
	uint16_t len = e->len;

	z->same++;
	assert_int_equal(vm_reindex(m), -EINVAL);
	z->same--;
	e->nr++;
	assert_int_equal(vm_reindex(m), -EINVAL);
	e->nr--;
	e->len = 4000;
	assert_int_equal(vm_reindex(m), -EINVAL);
	e->len = len;
	e->group = m->root->max_pfn + 5;
	assert_int_equal(vm_reindex(m), -EINVAL);
	e->group = PFN_NONE;
	assert_int_equal(vm_reindex(m), -EINVAL);
	for (pfn_t g = 1; e->group == PFN_NONE; g++)
		if (zpool_has(m, (struct zobject){g, e->nr}, 0))
			e->group = g;
	z->algorithm[0].alg = 99;
	assert_int_equal(vm_reindex(m), -EINVAL);
	z->algorithm[0].alg = 1;
	z->bytes += 4096;
	assert_int_equal(vm_reindex(m), -EINVAL);
	z->bytes -= 4096;
	assert_int_equal(vm_reindex(m), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ZRAM_TEST(test_kinds),
		ZRAM_TEST(test_ratio),
		ZRAM_TEST(test_no_room),
		ZRAM_TEST(test_refusals),
		ZRAM_TEST(test_versions),
		ZRAM_TEST(test_files),
		ZRAM_TEST(test_sizes),
		ZRAM_TEST(test_limit),
		ZRAM_TEST(test_compact),
		ZRAM_TEST(test_algorithms),
		ZRAM_TEST(test_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
