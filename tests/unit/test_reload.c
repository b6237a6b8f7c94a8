/*
 * A machine that is saved and loaded is the same machine; a damaged state is
 * refused with a sentence and never followed.
 */
#include "vmtest.h"

#include <stdlib.h>

#include "../../vm/mm/mm.h"
#include "../../vm/task/task.h"

static const char *const arch_names[] = {"x86_64", "i386"};

/* The bytes of every segment, as a database keeps them. */
struct saved {
	uint64_t used[NR_SEG];
	uint8_t *bytes[NR_SEG];
};

static void save(struct vm *m, struct saved *s)
{
	for (unsigned i = 0; i < vm_nr_segments(); i++) {
		struct vm_segment seg;

		vm_segment(m, i, &seg);
		assert_true(seg.used <= seg.reserved);
		s->used[i] = seg.used;
		s->bytes[i] = malloc(seg.used + 1);
		assert_non_null(s->bytes[i]);
		memcpy(s->bytes[i], seg.base, seg.used);
	}
}

/* Segments whose bytes a damage may have changed; RAM is left alone. */
static void load(struct vm *m, const struct saved *s, bool ram)
{
	for (unsigned i = 0; i < vm_nr_segments(); i++) {
		struct vm_segment seg;

		if (i == SEG_RAM && !ram)
			continue;
		vm_segment(m, i, &seg);
		memset(seg.base, 0, seg.used);
		memcpy(seg.base, s->bytes[i], s->used[i]);
		vm_segment_set_used(m, i, s->used[i]);
	}
}

static void drop(struct saved *s)
{
	for (unsigned i = 0; i < vm_nr_segments(); i++)
		free(s->bytes[i]);
}

static void assert_same(struct vm *m, const struct saved *s)
{
	for (unsigned i = 0; i < vm_nr_segments(); i++) {
		struct vm_segment seg;

		vm_segment(m, i, &seg);
		assert_int_equal(seg.used, s->used[i]);
		assert_memory_equal(seg.base, s->bytes[i], seg.used);
	}
}

/* A machine with some life in it: processes that came and went. */
static struct vm *lively(const char *arch)
{
	struct vm *m = vmtest_boot(arch, "64M");
	const struct exec_args bare = {NULL, NULL, 0, NULL, 0};
	struct task *t[6];

	for (unsigned i = 0; i < COUNT(t); i++) {
		t[i] = task_spawn(m, 1000, 1000, &bare, "worker");
		assert_non_null(t[i]);
		assert_int_equal(label_set(m, t[i], "here", 4, 0x1000), 0);
	}
	for (unsigned i = 0; i < COUNT(t); i += 2)
		task_exit(m, t[i], 0);
	vmtest_check(m);
	return m;
}

static struct vm *blank_like(const struct vm *m)
{
	char err[SENTENCE_MAX];
	struct vm *n = vm_blank(&m->root->config, &host_mmap, err);

	if (!n)
		fail_msg("%s", err);
	return n;
}

static void test_round_trip(void **state)
{
	for (unsigned a = 0; a < COUNT(arch_names); a++) {
		const struct exec_args bare = {NULL, NULL, 0, NULL, 0};
		struct vm *m = lively(arch_names[a]);
		struct vm *n = blank_like(m);
		struct saved s;

		save(m, &s);
		load(n, &s, true);
		assert_int_equal(vm_reindex(n), 0);
		vmtest_check(n);
		assert_same(n, &s);
		drop(&s);

		/* and both go on alike */
		assert_non_null(task_spawn(m, 0, 0, &bare, "next"));
		assert_non_null(task_spawn(n, 0, 0, &bare, "next"));
		assert_int_equal(vm_random(m), vm_random(n));
		save(m, &s);
		assert_same(n, &s);
		drop(&s);
		vmtest_end(m, vmtest_free_pages(n));
		vmtest_end(n, vmtest_free_pages(n));
	}
}

/* ---- damage -------------------------------------------------------------- */

static void bad_magic(struct vm *m)
{
	m->root->magic[3] ^= 1;
}

static void bad_layout(struct vm *m)
{
	m->root->layout_version++;
}

static void bad_arch(struct vm *m)
{
	m->root->arch_index = 1000;
}

static void bad_config(struct vm *m)
{
	m->root->config.cpus = 0;
}

static void other_config(struct vm *m)
{
	m->root->config.ram *= 2;
}

static void bad_pool(struct vm *m)
{
	m->root->pool[SEG_VMA].nr = 1u << 30;
}

static void bad_live(struct vm *m)
{
	m->root->pool[SEG_TASK].live++;
}

static void bad_free_list(struct vm *m)
{
	m->root->pool[SEG_LABEL].free = 1u << 20;
}

static void bad_free_cycle(struct vm *m)
{
	idx_t i = m->root->pool[SEG_MM].free;

	assert_int_not_equal(i, 0);
	*(idx_t *)mm_at(m, i) = i;
}

static void bad_free_bytes(struct vm *m)
{
	idx_t i = m->root->pool[SEG_TASK].free;

	assert_int_not_equal(i, 0);
	task_at(m, i)->cred.uid = 1;
}

static void bad_task_mm(struct vm *m)
{
	task_at(m, m->root->first_task)->mm = 1u << 19;
}

static void bad_vma_next(struct vm *m)
{
	vma_at(m, mm_at(m, 1)->first)->next = 1u << 23;
}

static void bad_vma_cycle(struct vm *m)
{
	vma_at(m, mm_at(m, 1)->first)->next = mm_at(m, 1)->first;
}

static void bad_vma_order(struct vm *m)
{
	struct vma *v = vma_at(m, mm_at(m, 1)->last);

	v->start = v->end;
}

static void bad_map_count(struct vm *m)
{
	mm_at(m, 1)->map_count++;
}

static void bad_pgd(struct vm *m)
{
	mm_at(m, 1)->pgd = UINT32_MAX;
}

static void bad_first_task(struct vm *m)
{
	m->root->first_task = 99999;
}

static void bad_current(struct vm *m)
{
	m->root->cpu[1].current = 99999;
}

static void bad_zone(struct vm *m)
{
	m->root->zone[1].end = UINT32_MAX;
}

static void bad_zone_count(struct vm *m)
{
	m->root->nr_zones = 1u << 30;
}

static void bad_zone_type(struct vm *m)
{
	m->root->zone[1].type = 200;
}

static void bad_fresh(struct vm *m)
{
	m->root->zone[1].fresh[0].start++;
}

static void bad_free_pages(struct vm *m)
{
	m->root->zone[0].nr_free--;
}

static void bad_firmware(struct vm *m)
{
	m->root->nr_firmware = 1000;
}

static void bad_ram_end(struct vm *m)
{
	for (unsigned i = 0; i < m->root->nr_firmware; i++)
		if (m->root->firmware[i].kind == PHYS_RAM)
			m->root->firmware[i].end = UINT64_MAX;
}

static void bad_zero_page(struct vm *m)
{
	m->root->zero_pfn = UINT32_MAX;
}

static void bad_huge_sizes(struct vm *m)
{
	m->root->cpu[0].huge_sizes = 1u << 31;
}

static void bad_tlb_size(struct vm *m)
{
	*(uint64_t *)seg_at(m, SEG_TLB, 0) = 3u << 3;
}

static const struct {
	void (*damage)(struct vm *m);
	const char *sentence;
} damage_table[] = {
	{bad_magic, "does not begin with \"pagefs machine\""},
	{bad_layout, ", this program reads "},
	{bad_arch, "architecture 1000 is not"},
	{bad_config, "cpus=0 is outside the limits"},
	{other_config, "another size of segment \"ram\""},
	{bad_pool, "1073741824 objects in the"},
	{bad_live, "task are free and"},
	{bad_free_list, "the free list of label leads to 1048576"},
	{bad_free_cycle, "the free list of mm leads to"},
	{bad_free_bytes, "is not zero"},
	{bad_task_mm, "mm of task 1 is 524288"},
	{bad_vma_next, "next of vma"},
	{bad_vma_cycle, "of mm 1"},
	{bad_vma_order, "of mm 1"},
	{bad_map_count, "VMAs and counts"},
	{bad_pgd, "a top page table is 4294967295"},
	{bad_first_task, "the first task is 99999"},
	{bad_current, "a processor's task is 99999"},
	{bad_zone, "the zone of frames"},
	{bad_zone_count, "it has 1073741824 zones"},
	{bad_zone_type, "zone 1 is of node 0"},
	{bad_fresh, "the zone of frames"},
	{bad_free_pages, "and 0 in use, it counts"},
	{bad_firmware, "it has 1000 ranges of memory"},
	{bad_ram_end, "to 0xffffffffffffffff"},
	{bad_zero_page, "the zero page is 4294967295"},
	{bad_huge_sizes, "notes pages of sizes 80000000"},
	{bad_tlb_size, "a page of size 3 in its TLB"},
};

static void test_damage(void **state)
{
	for (unsigned a = 0; a < COUNT(arch_names); a++) {
		struct vm *m = lively(arch_names[a]);
		uint64_t before = vmtest_free_pages(m);
		struct saved s;

		save(m, &s);
		for (size_t i = 0; i < COUNT(damage_table); i++) {
			damage_table[i].damage(m);
			assert_int_equal(vm_reindex(m), -EINVAL);
			assert_sentence(
				vm_sentence(m), damage_table[i].sentence);
			load(m, &s, false);
			assert_int_equal(vm_reindex(m), 0);
		}
		drop(&s);
		vmtest_end(m, before);
	}
}

/* Random bytes anywhere: taken or refused, never followed out of bounds. */
static void test_noise(void **state)
{
	struct vm *m = lively("x86_64");
	uint64_t before = vmtest_free_pages(m), rnd = 11;
	struct saved s;

	save(m, &s);
	for (unsigned i = 0; i < 1500; i++) {
		unsigned id = vmtest_random(&rnd) % NR_SEG;
		uint64_t used = s.used[id];
		int ret;

		if (id == SEG_RAM || !used)
			continue;
		for (unsigned k = 0; k < 1 + i % 4; k++)
			*(uint8_t *)seg_at(m, id, vmtest_random(&rnd) % used) =
				(uint8_t)vmtest_random(&rnd);
		ret = vm_reindex(m);
		assert_true(ret == 0 || ret == -EINVAL);
		if (ret)
			assert_int_not_equal(strlen(vm_sentence(m)), 0);
		load(m, &s, false);
	}
	assert_int_equal(vm_reindex(m), 0);
	drop(&s);
	vmtest_end(m, before);
}

/* A state of which only the beginning arrived. */
static void test_short(void **state)
{
	struct vm *m = lively("x86_64");
	uint64_t before = vmtest_free_pages(m);
	struct saved s;

	save(m, &s);
	for (unsigned id = SEG_FIRST_POOL; id < NR_SEG; id++) {
		if (m->root->pool[id].nr < 2)
			continue;
		vm_segment_set_used(m, id, s.used[id] / 2);
		assert_int_equal(vm_reindex(m), -EINVAL);
		assert_sentence(vm_sentence(m), "objects in the");
		vm_segment_set_used(m, id, s.used[id]);
	}
	assert_int_equal(vm_reindex(m), 0);
	drop(&s);
	vmtest_end(m, before);
}

/* Nothing was loaded at all. */
static void test_blank(void **state)
{
	struct vm_config c;
	char err[SENTENCE_MAX];
	struct vm *m;

	vm_config_default(&c);
	m = vm_blank(&c, &host_mmap, err);
	assert_non_null(m);
	assert_int_equal(vm_reindex(m), -EINVAL);
	assert_sentence(vm_sentence(m), "does not begin with");
	vm_destroy(m);
	vm_destroy(NULL);
}

/* ---- a host that refuses ------------------------------------------------- */

static unsigned allowed;

static void *reserve_some(size_t bytes)
{
	return allowed-- ? host_mmap.reserve(bytes) : NULL;
}

static void release_some(void *base, size_t bytes)
{
	host_mmap.release(base, bytes);
}

static void test_no_address_space(void **state)
{
	const struct vm_host host = {reserve_some, release_some};
	struct vm_config c;

	vm_config_default(&c);
	for (unsigned i = 0; i < NR_SEG; i++) {
		char err[SENTENCE_MAX] = "";

		allowed = i;
		assert_null(vm_boot(&c, &host, err));
		assert_sentence(err, "bytes of address space for the segment");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_short),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_blank),
		cmocka_unit_test(test_no_address_space),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
