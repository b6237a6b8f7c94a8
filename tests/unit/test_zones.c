/* Zones, the firmware map, watermarks and reserves of machines of all sizes. */
#include "vmtest.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <stdlib.h>
#include <time.h>

/*
 * Expected values are computed by hand from the rules: the kernel image takes
 * 31.625 MiB (or its share of small RAM), the first MiB and the frame table,
 * 64 or 32 bytes a frame, are kept back too.
 */
static const struct {
	const char *arch, *ram;
	struct {
		const char *name;
		uint64_t start, spanned, present, managed;
	} zone[3];
	uint64_t min_free_kbytes;
} zone_table[] = {
	{"x86_64", "256M",
		{
			{"DMA", 1, 4095, 3998, 3840},
			{"DMA32", 4096, 61440, 61440, 61440 - 8096 - 1024},
			{"Normal", 0, 0, 0, 0},
		},
		1895},
	{"x86_64", "64G",
		{
			{"DMA", 1, 4095, 3998, 3840},
			{"DMA32", 4096, 782336, 782336, 782336 - 8096},
			{"Normal", 1048576, 15990784, 15990784,
				15990784 - 262144},
		},
		32502},
	{"x86_64", "1T",
		{
			{"DMA", 1, 4095, 3998, 3840},
			{"DMA32", 4096, 782336, 782336, 782336 - 8096},
			{"Normal", 1048576, 267649024, 267649024,
				267649024 - 4194304},
		},
		130041},
	{"i386", "256M",
		{
			{"DMA", 1, 4095, 3998, 3840},
			{"Normal", 4096, 61440, 61440, 61440 - 8096 - 512},
			{"HighMem", 0, 0, 0, 0},
		},
		1904},
	{"i386", "3G",
		{
			{"DMA", 1, 4095, 3998, 3840},
			{"Normal", 4096, 225280, 225280, 225280 - 8096 - 6144},
			{"HighMem", 229376, 557056, 557056, 557056},
		},
		3708},
};

static void test_zone_sizes(void **state)
{
	for (size_t t = 0; t < COUNT(zone_table); t++) {
		struct vm *m =
			vmtest_boot(zone_table[t].arch, zone_table[t].ram);
		uint64_t managed = 0;

		assert_int_equal(m->root->nr_zones, 3);
		for (unsigned i = 0; i < 3; i++) {
			const struct zone *z = &m->root->zone[i];

			assert_string_equal(
				zone_name(m, i), zone_table[t].zone[i].name);
			assert_int_equal(z->start, zone_table[t].zone[i].start);
			assert_int_equal(z->end - z->start,
				zone_table[t].zone[i].spanned);
			assert_int_equal(
				z->present, zone_table[t].zone[i].present);
			assert_int_equal(
				z->managed, zone_table[t].zone[i].managed);
			managed += z->managed;
		}
		assert_int_equal(m->root->totalram_pages, managed);
		assert_true(managed << m->page_shift < m->root->config.ram);
		assert_int_equal(m->root->set.min_free_kbytes,
			zone_table[t].min_free_kbytes);
		vmtest_end(m, vmtest_free_pages(m));
	}
}

static const char *const machines[][2] = {
	{"x86_64", "32M"},
	{"x86_64", "48M"},
	{"x86_64", "64M"},
	{"x86_64", "100M"},
	{"x86_64", "1000M"},
	{"x86_64", "3G"},
	{"x86_64", "3145732K"},
	{"x86_64", "3100M"},
	{"x86_64", "4100M"},
	{"x86_64", "24G"},
	{"x86_64", "8T"},
	{"i386", "32M"},
	{"i386", "64M"},
	{"i386", "900M"},
	{"i386", "1G"},
	{"i386", "3G"},
};

/* Watermarks again, by the words of Linux's comments and no shared code. */
static void check_watermarks(struct vm *m)
{
	bool highmem = !strcmp(m->arch->name, "i386");
	uint64_t lowmem = 0, kbytes, root = 0;

	for (unsigned i = 0; i < 3u - highmem; i++)
		lowmem += m->root->zone[i].managed;
	kbytes = lowmem * 4 * 16;
	while ((root + 1) * (root + 1) <= kbytes)
		root++;
	root = root < 128 ? 128 : root > 262144 ? 262144 : root;
	assert_int_equal(m->root->set.min_free_kbytes, root);
	for (unsigned i = 0; i < 3; i++) {
		const struct zone *z = &m->root->zone[i];
		uint64_t base = root / 4 * z->managed / lowmem, min = base;
		uint64_t step = z->managed / 1000;

		if (highmem && i == 2)
			min = z->managed / 1024 < 32	? 32
			      : z->managed / 1024 > 128 ? 128
							: z->managed / 1024;
		step = base / 4 > step ? base / 4 : step;
		assert_int_equal(z->min, min);
		assert_int_equal(z->low, min + step);
		assert_int_equal(z->high, min + 2 * step);
	}
}

static void check_reserve(struct vm *m)
{
	uint64_t ratio = strcmp(m->arch->name, "i386") ? 256 : 32;
	const struct zone *z = m->root->zone;

	for (unsigned i = 0; i < 3; i++)
		for (unsigned j = 0; j <= i; j++)
			assert_int_equal(zone_lowmem_reserve(m, i, j), 0);
	assert_int_equal(zone_lowmem_reserve(m, 0, 1), z[1].managed / 256);
	assert_int_equal(zone_lowmem_reserve(m, 0, 2),
		(z[1].managed + z[2].managed) / 256);
	assert_int_equal(zone_lowmem_reserve(m, 1, 2), z[2].managed / ratio);
}

/* Sorted; image, table and firmware's own ranges lie where they belong. */
static void check_firmware(struct vm *m)
{
	const struct phys_range *f = m->root->firmware;
	uint64_t ram = 0, kernel_end = 0;
	unsigned seen = 0;

	for (unsigned i = 0; i < m->root->nr_firmware; i++) {
		assert_true(f[i].start < f[i].end);
		assert_true(!i || f[i - 1].start <= f[i].start);
		assert_true(f[i].start % 4096 == 0 || f[i].start == 0x9fc00);
		seen |= 1u << f[i].kind;
		if (f[i].kind == PHYS_RAM)
			ram += f[i].end - f[i].start;
		if (f[i].kind < PHYS_KERNEL_CODE || f[i].kind > PHYS_MEMMAP)
			continue;
		assert_true(f[i].start >= kernel_end);
		kernel_end = f[i].end;
		assert_true(pfn_is_ram(m, f[i].start >> 12));
		assert_true(pfn_is_ram(m, (f[i].end >> 12) - 1));
	}
	assert_int_equal(ram, m->root->config.ram - 0x1000 - 0x60400);
	assert_int_equal(seen & 0xfe, 0xfe);
	assert_false(pfn_is_ram(m, 0));
	assert_true(pfn_is_ram(m, 1));
	assert_true(pfn_is_ram(m, 0x9e));
	assert_false(pfn_is_ram(m, 0x9f));
	assert_false(pfn_is_ram(m, 0xff));
	assert_true(pfn_is_ram(m, 0x100));
	assert_false(pfn_is_ram(m, 0xc0000));
	assert_false(pfn_is_ram(m, 0xfffff));
	assert_true(pfn_is_ram(m, m->root->max_pfn - 1));
	assert_false(pfn_is_ram(m, m->root->max_pfn));
}

static void check_managed(struct vm *m)
{
	uint64_t sum = 0;
	pfn_t pfn = 0, end;

	while (phys_next_managed(m, &pfn, &end)) {
		assert_true(pfn >= 0x100);
		assert_true(pfn_is_ram(m, pfn) && pfn_is_ram(m, end - 1));
		assert_int_equal(phys_frame_state(m, end), FRAME_RESERVED);
		assert_int_not_equal(phys_frame_state(m, pfn), FRAME_RESERVED);
		sum += end - pfn;
		pfn = end;
	}
	assert_int_equal(sum, m->root->totalram_pages);
	assert_int_equal(phys_frame_state(m, 1), FRAME_RESERVED);
	assert_int_equal(
		phys_frame_state(m, m->root->zero_pfn), FRAME_RESERVED);
	assert_true(frame_at(m, m->root->zero_pfn)->flags & FR_ZERO);
}

static void test_many_sizes(void **state)
{
	for (size_t t = 0; t < COUNT(machines); t++) {
		struct vm *m = vmtest_boot(machines[t][0], machines[t][1]);

		check_watermarks(m);
		check_reserve(m);
		check_firmware(m);
		check_managed(m);
		vmtest_end(m, vmtest_free_pages(m));
	}
}

/* ---- fallback ------------------------------------------------------------ */

#define BIG 9 /* an order that exhausts zones quickly */

/* Takes blocks of an order until the allocator refuses; links them. */
static pfn_t exhaust(struct vm *m, enum gfp_zone gfp, unsigned order)
{
	pfn_t list = PFN_NONE;

	vm_fail_clear(m);
	for (;;) {
		pfn_t pfn = buddy_alloc(
			m, gfp, order, FRAME_KERNEL, USE_KERNEL, false);

		if (!pfn)
			return list;
		frame_at(m, pfn)->owner = list;
		list = pfn;
	}
}

static void give_back(struct vm *m, pfn_t list, unsigned order)
{
	while (list) {
		pfn_t next = frame_at(m, list)->owner;

		buddy_free(m, list, order, USE_KERNEL);
		list = next;
	}
}

static const struct {
	const char *arch, *ram;
	enum gfp_zone gfp;
	unsigned first; /* zone of the first block */
	unsigned high;	/* highest zone allowed */
} fallback_table[] = {
	{"x86_64", "5G", GFP_HIGHUSER, 2, 2},
	{"x86_64", "5G", GFP_KERNEL, 2, 2},
	{"x86_64", "5G", GFP_DMA32, 1, 1},
	{"x86_64", "5G", GFP_DMA, 0, 0},
	{"x86_64", "64M", GFP_HIGHUSER, 1, 2},
	{"i386", "2G", GFP_HIGHUSER, 2, 2},
	{"i386", "2G", GFP_KERNEL, 1, 1},
	{"i386", "2G", GFP_DMA32, 1, 1},
	{"i386", "2G", GFP_DMA, 0, 0},
	{"i386", "64M", GFP_HIGHUSER, 1, 2},
};

/*
 * From the highest zone downward, and each zone is left with its min
 * watermark plus what it reserves against requests from above.
 */
static void test_fallback(void **state)
{
	for (size_t t = 0; t < COUNT(fallback_table); t++) {
		struct vm *m = vmtest_boot(
			fallback_table[t].arch, fallback_table[t].ram);
		uint64_t before = vmtest_free_pages(m);
		unsigned high = fallback_table[t].high;
		uint64_t untouched[3];
		pfn_t list, big, at;

		vmtest_no_pcp(m);
		m->root->set.watermark_boost_factor = 0;
		for (unsigned i = 0; i < 3; i++)
			untouched[i] = m->root->zone[i].nr_free;
		big = exhaust(m, fallback_table[t].gfp, BIG);
		list = exhaust(m, fallback_table[t].gfp, 0);
		assert_int_equal(m->fail.err, ENOMEM);
		assert_sentence(m->fail.text, "no free block of order 0");
		for (unsigned i = 0; i < 3; i++) {
			const struct zone *z = &m->root->zone[i];
			uint64_t kept =
				z->min + zone_lowmem_reserve(m, i, high);

			if (i > high || !z->managed)
				continue;
			if (kept < z->managed)
				assert_int_equal(z->nr_free, kept);
		}
		for (unsigned i = high + 1; i < 3; i++)
			assert_int_equal(
				m->root->zone[i].nr_free, untouched[i]);
		at = big;
		while (frame_at(m, at)->owner)
			at = frame_at(m, at)->owner;
		assert_ptr_equal(zone_of(m, at),
			&m->root->zone[fallback_table[t].first]);
		vmtest_check(m);
		give_back(m, list, 0);
		give_back(m, big, BIG);
		vmtest_end(m, before);
	}
}

/* Zones above the request's are never used. */
static void test_ceiling(void **state)
{
	struct vm *m = vmtest_boot("i386", "1G");
	uint64_t before = vmtest_free_pages(m);
	uint64_t high;
	pfn_t list;

	vmtest_no_pcp(m);
	high = m->root->zone[2].nr_free;
	list = exhaust(m, GFP_KERNEL, 0);
	assert_true(list);
	assert_int_equal(m->root->zone[2].nr_free, high);
	for (pfn_t p = list; p; p = frame_at(m, p)->owner)
		assert_true(p < m->root->zone[1].end);
	give_back(m, list, 0);
	vmtest_end(m, before);
}

/* ---- cost ---------------------------------------------------------------- */

static uint64_t resident_bytes(const struct vm *m, enum seg_id id, uint64_t len)
{
	const struct segment *s = &m->arena.seg[id];
	unsigned char *vec = malloc(len >> 12);
	uint64_t n = 0;

	assert_non_null(vec);
	assert_true(len <= s->reserved);
	assert_int_equal(host_resident(s->base, len, vec), 0);
	for (uint64_t i = 0; i < len >> 12; i++)
		n += vec[i] & 1;
	free(vec);
	return n << 12;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A terabyte boots at once and costs next to nothing. */
static void test_sparse(void **state)
{
	static const char *const size[] = {"64G", "1T", "8T"};

	for (size_t t = 0; t < COUNT(size); t++) {
		double start = seconds();
		struct vm *m = vmtest_boot("x86_64", size[t]);
		double took = seconds() - start;
		uint64_t frames = m->arena.seg[SEG_FRAME].reserved & ~4095ull;
		struct rusage use;

		assert_true(took < 0.5);
		assert_true(resident_bytes(m, SEG_FRAME, frames) < 4 * MiB);
		assert_true(resident_bytes(m, SEG_RAM, 8 * GiB) < 4 * MiB);
		assert_true(m->arena.seg[SEG_RAM].used < 8 * GiB);
		assert_int_equal(getrusage(RUSAGE_SELF, &use), 0);
		assert_true(use.ru_maxrss < 100 * 1024);
		vmtest_end(m, vmtest_free_pages(m));
	}
}

/* Several of the largest machines fit into one process. */
static void test_several(void **state)
{
	struct vm *m[4];

	for (size_t i = 0; i < COUNT(m); i++)
		m[i] = vmtest_boot("x86_64", "8T");
	for (size_t i = 0; i < COUNT(m); i++)
		vmtest_end(m[i], vmtest_free_pages(m[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sparse),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_zone_sizes),
		cmocka_unit_test(test_many_sizes),
		cmocka_unit_test(test_fallback),
		cmocka_unit_test(test_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
