/*
 * Slabs: how caches are laid out, which object is handed out next, where slabs
 * go, and that each object is somebody's once.
 */
#include <stdio.h>

#include "../../vm/slab/slab.h"

#include "vmtest.h"

static struct vm *m;
static uint64_t free_at_start;

static int setup(void **state)
{
	m = vmtest_boot(*state, "64M");
	free_at_start = vmtest_free_pages(m);
	return 0;
}

static int teardown(void **state)
{
	vmtest_end(m, free_at_start);
	return 0;
}

/* Of a machine that has done more. */
static int leave(void **state)
{
	vmtest_check(m);
	vm_destroy(m);
	return 0;
}

static idx_t cache(const char *name)
{
	idx_t i = cache_find(m, name, strlen(name));

	assert_int_not_equal(i, 0);
	return i;
}

static paddr_t take(idx_t c)
{
	paddr_t o = slab_alloc(m, c, GFP_KERNEL);

	assert_int_not_equal(o, 0);
	assert_true(slab_holds(m, o));
	return o;
}

static void give(paddr_t o)
{
	slab_free(m, o);
	assert_false(slab_holds(m, o));
}

static struct cache_sums sums(idx_t c)
{
	struct cache_sums s;

	cache_sum(m, c, &s);
	return s;
}

static pfn_t frame_of(paddr_t o)
{
	return slab_of(m, (pfn_t)(o >> m->page_shift));
}

/* As /sys/kernel/slab of a Linux 6.18 with two processors has them. */
static void layouts_are_those_of_slub(void **state)
{
	static const struct {
		const char *name;
		unsigned object, size, align, order, objects, min, cpu;
	} want[] = {
		{"kmem_cache", 232, 256, 64, 0, 16, 5, 52},
		{"kmem_cache_node", 72, 128, 64, 0, 32, 5, 120},
		{"dentry", 192, 192, 8, 0, 21, 5, 120},
		{"vm_area_struct", 192, 192, 64, 0, 21, 5, 120},
		{"task_struct", 5840, 5888, 64, 3, 5, 6, 6},
		{"mm_struct", 1568, 1600, 64, 3, 20, 5, 24},
		{"filp", 184, 192, 64, 0, 21, 5, 120},
		{"shmem_inode_cache", 744, 752, 8, 2, 21, 5, 52},
		{"ext4_inode_cache", 1120, 1128, 8, 2, 14, 5, 24},
		{"hugetlbfs_inode_cache", 624, 632, 8, 2, 25, 5, 52},
		{"kmalloc-8", 8, 8, 8, 0, 512, 5, 120},
		{"kmalloc-96", 96, 96, 32, 0, 42, 5, 120},
		{"kmalloc-1k", 1024, 1024, 1024, 2, 16, 5, 24},
		{"kmalloc-8k", 8192, 8192, 8192, 3, 4, 6, 6},
	};

	if (m->arch->native.addr_bits != 64)
		return;
	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++) {
		const struct cache *c = cache_at(m, cache(want[i].name));

		assert_int_equal(c->object_size, want[i].object);
		assert_int_equal(c->size, want[i].size);
		assert_int_equal(c->align, want[i].align);
		assert_int_equal(c->order, want[i].order);
		assert_int_equal(
			(4096u << c->order) / c->size, want[i].objects);
		assert_int_equal(c->min_partial, want[i].min);
		assert_int_equal(c->cpu_partial, want[i].cpu);
	}
}

/* The object freed last is handed out first, and its link lies in RAM. */
static void last_freed_comes_first(void **state)
{
	idx_t c = cache("kmalloc-64");
	paddr_t a = take(c), b = take(c), d = take(c);
	vaddr_t link = 0;

	assert_int_equal(b - a, 64);
	assert_int_equal(d - b, 64);
	give(a);
	give(d);
	memcpy(&link, ram_at(m, d + cache_at(m, c)->link),
		m->arch->native.addr_bits / 8);
	assert_int_equal(link, m->arch->page_offset + a);
	assert_int_equal(take(c), d);
	assert_int_equal(take(c), a);
	give(a);
	give(b);
	give(d);
}

/*
 * A slab that is full is on no list; its first object that is freed puts it on
 * the processor's partial slabs; from there it is taken before a new one.
 */
static void slabs_move_between_lists(void **state)
{
	idx_t c = cache("kmalloc-1k");
	uint32_t each =
		(uint32_t)((m->page_size << cache_at(m, c)->order) / 1024);
	paddr_t o[64];

	assert_in_range(each, 1, 31);
	for (uint32_t i = 0; i <= each; i++)
		o[i] = take(c);
	assert_int_equal(slab_place(m, frame_of(o[0])), SLAB_FULL);
	assert_int_equal(slab_place(m, frame_of(o[each])), SLAB_CPU);
	give(o[0]);
	assert_int_equal(slab_place(m, frame_of(o[1])), SLAB_CPU_PARTIAL);
	assert_int_equal(sums(c).cpu_partial, 1);
	assert_int_equal(cache_at(m, c)->used, each);
	/* what the processor has counts as in use, as with SLUB */
	assert_int_equal(sums(c).partial_free, 0);
	for (uint32_t i = 1; i < each; i++)
		o[each + i] = take(c);
	assert_int_equal(take(c), o[0]);
	assert_int_equal(sums(c).slabs, 2);
	for (uint32_t i = 0; i < 2 * each; i++)
		give(o[i]);
	assert_int_equal(cache_at(m, c)->used, 0);
	assert_int_equal(sums(c).slabs, 2);
	cache_shrink(m, c);
	assert_int_equal(sums(c).slabs, 0);
}

/* What another processor frees waits on the slab's own list. */
static void others_free_to_the_slab(void **state)
{
	idx_t c = cache("kmalloc-1k");
	paddr_t a = take(c), b = take(c);

	m->cpu = 1;
	give(a);
	assert_int_equal(slab_place(m, frame_of(a)), SLAB_CPU);
	m->cpu = 0;
	assert_int_equal(take(c), b + 1024);
	for (uint32_t i = 3; i < (m->page_size << cache_at(m, c)->order) / 1024;
		i++)
		take(c);
	assert_int_equal(take(c), a);
	for (paddr_t o = a; o < a + (m->page_size << cache_at(m, c)->order);
		o += 1024)
		give(o);
}

/* An empty slab goes when its node has as many as it keeps. */
static void nodes_keep_a_few(void **state)
{
	idx_t c = cache("kmalloc-4k");
	paddr_t o[400];

	for (unsigned i = 0; i < 400; i++)
		o[i] = take(c);
	for (unsigned i = 0; i < 400; i++)
		give(o[i]);
	assert_in_range(sums(c).partial, 1,
		cache_at(m, c)->min_partial +
			cache_at(m, c)->cpu_partial_slabs);
	assert_in_range(sums(c).slabs, 1, 15);
	cache_shrink(m, c);
	assert_int_equal(sums(c).slabs, 0);
}

static void caches_come_and_go(void **state)
{
	static const char *const bad[] = {"", ".", "..", "a/b", "a b", "a\nb",
		"\303\251", "x234567890123456789012345678901x"};
	idx_t c = cache_create(m, "students", 100, 0, CACHE_BY_COMMAND), d;
	paddr_t o;

	assert_int_not_equal(c, 0);
	assert_int_equal(cache_at(m, c)->size,
		m->arch->native.addr_bits == 64 ? 104 : 100);
	assert_int_equal(cache_create(m, "students", 8, 0, 0), 0);
	assert_int_equal(m->fail.err, EEXIST);
	vm_fail_clear(m);
	assert_int_equal(cache_create(m, "x", 1, 0, 0), 0);
	assert_int_equal(m->fail.err, EINVAL);
	vm_fail_clear(m);
	assert_int_equal(cache_create(m, "x", 64, 48, 0), 0);
	vm_fail_clear(m);
	assert_int_equal(cache_create(m, "x", 1ull << 63, 0, 0), 0);
	vm_fail_clear(m);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(cache_create(m, bad[i], 64, 0, 0), 0);
		assert_int_equal(m->fail.err, EINVAL);
		vm_fail_clear(m);
	}
	assert_int_equal(cache_destroy(m, cache("dentry")), -EINVAL);
	vm_fail_clear(m);
	o = take(c);
	assert_int_equal(cache_destroy(m, c), -EBUSY);
	vm_fail_clear(m);
	give(o);
	d = cache_create(
		m, "aligned", 100, 0, CACHE_HWALIGN | CACHE_BY_COMMAND);
	assert_int_equal(cache_at(m, d)->size, 128);
	assert_int_equal(cache_destroy(m, c), 0);
	assert_int_equal(cache_destroy(m, d), 0);
}

/* Slabs of the largest order where there are none: smaller ones will do. */
static void smaller_slabs_when_memory_is_in_pieces(void **state)
{
	idx_t c = cache("kmalloc-2k");
	pfn_t held[MAX_ORDER * 4096], kept = 0;
	uint32_t nr = 0;
	paddr_t o;

	vmtest_no_pcp(m);
	while ((held[nr] = buddy_alloc(m, GFP_KERNEL | GFP_MEMALLOC, 0,
			FRAME_KERNEL, USE_KERNEL, false)))
		nr++;
	vm_fail_clear(m);
	for (uint32_t i = 0; i < nr; i++)
		if (held[i] % 2)
			buddy_free(m, held[i], 0, USE_KERNEL);
		else
			held[kept++] = held[i];
	o = take(c);
	assert_int_equal(frame_at(m, frame_of(o))->order, 0);
	assert_int_equal(slab_objects(m, frame_of(o)), 2);
	vmtest_check(m);
	give(o);
	while (kept)
		buddy_free(m, held[--kept], 0, USE_KERNEL);
}

/* Many caches and processors at random, against a table of who has what. */
static void each_object_is_had_once(void **state)
{
	static const char *const name[] = {"kmalloc-8", "kmalloc-96",
		"kmalloc-rcl-512", "dma-kmalloc-2k", "kmalloc-8k",
		"kmalloc-192"};
	enum { NR = 600, STEPS = 20000 };
	static struct {
		paddr_t at;
		unsigned cache;
	} had[NR];
	uint64_t seed = 7, used[6] = {0};

	memset(had, 0, sizeof(had));
	for (unsigned step = 0; step < STEPS; step++) {
		uint64_t r = vmtest_random(&seed);
		unsigned i = r % NR, k = r >> 16 & 7;

		m->cpu = r >> 24 & 1;
		if (had[i].at) {
			uint32_t size = cache_at(m, cache(name[had[i].cache]))
						->object_size;

			/* nobody wrote to what is ours */
			assert_int_equal(*ram_at(m, had[i].at), (uint8_t)i);
			assert_int_equal(
				*ram_at(m, had[i].at + size - 1), (uint8_t)i);
			give(had[i].at);
			used[had[i].cache]--;
			had[i].at = 0;
		} else if (k < 6) {
			uint32_t size =
				cache_at(m, cache(name[k]))->object_size;

			had[i].at = take(cache(name[k]));
			had[i].cache = k;
			used[k]++;
			frame_bytes(m, (pfn_t)(had[i].at >> m->page_shift));
			frame_bytes(m, (pfn_t)((had[i].at + size - 1) >>
					       m->page_shift));
			memset(ram_at(m, had[i].at), (int)i, size);
		}
		if (step % 500 == 0)
			vmtest_check(m);
	}
	for (unsigned k = 0; k < 6; k++)
		assert_int_equal(cache_at(m, cache(name[k]))->used, used[k]);
	for (unsigned i = 0; i < NR; i++)
		slab_free(m, had[i].at);
	m->cpu = 0;
}

/* Runs a line of init's, or of the machine, whatever comes of it. */
static void run_line(uint32_t kind, const char *text)
{
	const struct event e = {.actor = {.kind = kind, .id = 1},
		.text = text,
		.text_len = strlen(text)};
	struct vm_outcome out;

	vm_apply(m, &e, NULL, NULL, &out);
}

static void line(uint32_t kind, const char *text)
{
	run_line(kind, text);
	if (vm_check(m))
		fail_msg("after %s: %s", text, vm_sentence(m));
}

/* Takes what is free but for `left` frames. */
static unsigned take_frames(pfn_t *held, unsigned nr, uint64_t left)
{
	pcp_drain_all(m);
	while (phys_sum(m, nr_free) > left &&
		(held[nr] = buddy_alloc(m, GFP_KERNEL | GFP_MEMALLOC, 0,
			 FRAME_KERNEL, USE_KERNEL, false)))
		nr++;
	vm_fail_clear(m);
	return nr;
}

/* Whatever a process asks for when no frame is left for the kernel's objects is
 * refused, or done. */
static void run_without_frames(uint64_t seed)
{
	static pfn_t held[64 << 8];
	unsigned nr = 0;
	char text[160];

	for (unsigned step = 0; step < 3000; step++) {
		uint64_t r = vmtest_random(&seed);
		uint64_t at = 0x10000000 + (r % 4000 << 13);

		if (r >> 20 & 1)
			nr = take_frames(held, nr, r >> 21 & 3);
		switch (r >> 40 & 15) {
		case 0:
			snprintf(text, sizeof(text), "munmap 0x%llx 16K",
				(unsigned long long)at);
			break;
		case 1:
			snprintf(text, sizeof(text), "mprotect 0x%llx 4K r",
				(unsigned long long)at);
			break;
		case 2:
			snprintf(text, sizeof(text),
				"mremap 0x%llx 4K 12K flags=maymove",
				(unsigned long long)at);
			break;
		case 3:
			snprintf(text, sizeof(text), "fork");
			break;
		case 4:
			snprintf(text, sizeof(text),
				"mmap 32K rw flags=shared,fixed addr=0x%llx",
				(unsigned long long)at);
			break;
		case 5:
			snprintf(text, sizeof(text), "open /f%u wronly,creat",
				(unsigned)(r >> 50));
			break;
		case 6:
			snprintf(text, sizeof(text), "sbrk 64K");
			break;
		case 7:
			snprintf(text, sizeof(text), "madvise 0x%llx 4K cold",
				(unsigned long long)at);
			break;
		default:
			snprintf(text, sizeof(text),
				"mmap 16K r%s flags=fixed addr=0x%llx",
				r >> 60 & 1 ? "w" : "", (unsigned long long)at);
		}
		line(ACTOR_PROCESS, text);
		/* the kernel goes on */
		if (nr > 40 && step % 3 == 0)
			for (unsigned i = 0; i < 2; i++)
				buddy_free(m, held[--nr], 0, USE_KERNEL);
	}
	while (nr)
		buddy_free(m, held[--nr], 0, USE_KERNEL);
}

static void nothing_breaks_without_frames(void **state)
{
	run_without_frames(11);
}

static void nothing_breaks_without_reserves(void **state)
{
	line(ACTOR_MACHINE, "set min_free_kbytes 0");
	run_without_frames(12);
}

/* Takes objects until the next one needs a new slab. */
static unsigned use_up(idx_t c, paddr_t *held, unsigned nr)
{
	uint32_t slabs = sums(c).slabs;

	do
		held[nr++] = take(c);
	while (sums(c).slabs == slabs);
	slab_free(m, held[--nr]);
	cache_shrink(m, c);
	return nr;
}

/* An operation that needs slabs of two caches, and few frames or none. */
static void room_is_made_for_other_objects_too(void **state)
{
	static pfn_t frames[64 << 8];
	static paddr_t held[4096];

	line(ACTOR_MACHINE, "set min_free_kbytes 0");
	for (unsigned left = 0; left < 24; left++) {
		unsigned nr = use_up(CACHE_VMA, held, 0), taken;

		nr = use_up(CACHE_SHMEM_INODE, held, nr);
		taken = take_frames(frames, 0, left);
		run_line(ACTOR_PROCESS,
			"mmap 8K rw flags=shared,fixed addr=0x10000000");
		while (taken)
			buddy_free(m, frames[--taken], 0, USE_KERNEL);
		while (nr)
			slab_free(m, held[--nr]);
		line(ACTOR_PROCESS, "munmap 0x10000000 8K");
	}
}

/* A free object that leads elsewhere, a count, a list: all is found. */
static void damage_is_found(void **state)
{
	idx_t c = cache("kmalloc-64");
	paddr_t a = take(c), b = take(c);
	struct cache *k = cache_at(m, c);
	struct frame *f = frame_at(m, frame_of(a));
	uint64_t index = f->index;
	uint8_t *link;

	give(b);
	link = ram_at(m, b + k->link);
	*link ^= 64;
	assert_int_not_equal(vm_check(m), 0);
	*link ^= 64;
	vmtest_check(m);
	f->index = index ^ 1 << 14;
	assert_int_not_equal(vm_check(m), 0);
	f->index = index;
	k->node[0].nr_slabs++;
	assert_int_not_equal(vm_check(m), 0);
	k->node[0].nr_slabs--;
	k->next ^= 1;
	assert_int_not_equal(vm_check(m), 0);
	k->next ^= 1;
	give(a);
}

#define BOTH(f)                                                \
	{#f " x86_64", f, setup, teardown, (void *)"x86_64"},  \
	{                                                      \
#f " i386", f, setup, teardown, (void *)"i386" \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(layouts_are_those_of_slub),
		BOTH(last_freed_comes_first),
		BOTH(slabs_move_between_lists),
		BOTH(others_free_to_the_slab),
		BOTH(nodes_keep_a_few),
		BOTH(caches_come_and_go),
		BOTH(smaller_slabs_when_memory_is_in_pieces),
		BOTH(each_object_is_had_once),
		BOTH(damage_is_found),
		{"nothing_breaks_without_frames", nothing_breaks_without_frames,
			setup, leave, (void *)"x86_64"},
		{"nothing_breaks_without_reserves",
			nothing_breaks_without_reserves, setup, leave,
			(void *)"x86_64"},
		{"room_is_made_for_other_objects_too",
			room_is_made_for_other_objects_too, setup, leave,
			(void *)"x86_64"},
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
