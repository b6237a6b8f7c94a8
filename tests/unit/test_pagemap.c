/*
 * proc/PID/pagemap: the words of each kind of page, holes, ends and refusals.
 */
#include "../../fs/show_pagemap.h"
#include "show_fixture.h"

#define PRESENT	  (1ull << 63)
#define FILE_PAGE (1ull << 61)
#define EXCLUSIVE (1ull << 56)
#define BASE	  0x10000000ull

static int64_t look(struct show *s, struct task *t, vaddr_t va, uint64_t *word,
	size_t n, bool pfns)
{
	return pagemap_read(
		s->m, mm_at(s->m, t->mm), word, n * 8, va / PAGE * 8, pfns);
}

static pfn_t pfn_of(struct show *s, struct task *t, vaddr_t va)
{
	return pte_pfn(s->m, pt_get(s->m, mm_at(s->m, t->mm), va));
}

/* Written, read, untouched: a frame of its own, the zero page, nothing. */
static void private_pages(void **state)
{
	struct show *s = *state;
	uint64_t word[4];

	show_mmap(s, BASE, 4 * PAGE, PROT_RW, MAP_PRIVATE_ANON | MAP_FIXED);
	show_touch(s, s->t, BASE, 1, true);
	show_touch(s, s->t, BASE + PAGE, 1, false);
	assert_int_equal(look(s, s->t, BASE, word, 4, true), 32);
	assert_int_equal(word[0], PRESENT | EXCLUSIVE | pfn_of(s, s->t, BASE));
	assert_int_equal(word[1], PRESENT | s->m->root->zero_pfn);
	assert_int_equal(word[2], 0);
	assert_int_equal(word[3], 0);
	assert_int_equal(look(s, s->t, BASE, word, 2, false), 16);
	assert_int_equal(word[0], PRESENT | EXCLUSIVE);
	assert_int_equal(word[1], PRESENT);
}

/* The file itself: frames for root and the owner of the machine alone. */
static void frames_are_not_for_everyone(void **state)
{
	struct show *s = *state;
	const struct {
		uint32_t mounter, caller;
		bool pfns;
	} row[] = {
		{0, 0, true},
		{1000, 1000, true},
		{1000, 0, true},
		{0, 1000, false},
		{1000, 1001, false},
	};
	uint64_t word;

	show_mmap(s, BASE, PAGE, PROT_RW, MAP_PRIVATE_ANON | MAP_FIXED);
	show_touch(s, s->t, BASE, 1, true);
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		s->view.uid = row[i].mounter;
		s->view.caller = row[i].caller;
		assert_int_equal(pread_pagemap(&s->view, s->t->pid, &word, 8,
					 BASE / PAGE * 8),
			8);
		assert_int_equal(word,
			PRESENT | EXCLUSIVE |
				(row[i].pfns ? pfn_of(s, s->t, BASE) : 0));
	}
}

/* After fork both see one frame, exclusive to none; a store parts them. */
static void forked_pages(void **state)
{
	struct show *s = *state;
	struct task *child;
	uint64_t ours, theirs;

	show_mmap(s, BASE, PAGE, PROT_RW, MAP_PRIVATE_ANON | MAP_FIXED);
	show_touch(s, s->t, BASE, 1, true);
	child = task_fork(s->m, s->t, false);
	look(s, s->t, BASE, &ours, 1, true);
	look(s, child, BASE, &theirs, 1, true);
	assert_int_equal(ours, theirs);
	assert_int_equal(ours, PRESENT | pfn_of(s, s->t, BASE));
	show_touch(s, child, BASE, 1, true);
	look(s, child, BASE, &theirs, 1, true);
	assert_int_equal(theirs, PRESENT | EXCLUSIVE | pfn_of(s, child, BASE));
	assert_int_not_equal(pfn_of(s, child, BASE), pfn_of(s, s->t, BASE));
	look(s, s->t, BASE, &ours, 1, true);
	assert_int_equal(ours, PRESENT | EXCLUSIVE | pfn_of(s, s->t, BASE));
}

static void shared_pages_are_of_a_file(void **state)
{
	struct show *s = *state;
	uint64_t word;

	show_mmap(s, BASE, PAGE, PROT_RW, MAP_SHARED_ANON | MAP_FIXED);
	show_touch(s, s->t, BASE, 1, true);
	look(s, s->t, BASE, &word, 1, true);
	assert_int_equal(
		word, PRESENT | FILE_PAGE | EXCLUSIVE | pfn_of(s, s->t, BASE));
}

/* Without any right the page is kept, and still present here. */
static void pages_without_rights(void **state)
{
	struct show *s = *state;
	uint64_t before, after;

	show_mmap(s, BASE, PAGE, PROT_RW, MAP_PRIVATE_ANON | MAP_FIXED);
	show_touch(s, s->t, BASE, 1, true);
	look(s, s->t, BASE, &before, 1, true);
	assert_int_equal(mm_mprotect(s->m, s->t, BASE, PAGE, PROT_NONE), 0);
	look(s, s->t, BASE, &after, 1, true);
	assert_int_equal(after, before);
}

/* A read that spans tables, and holes without any. */
static void ranges_over_tables(void **state)
{
	struct show *s = *state;
	const unsigned nr = 3 * 512;
	uint64_t *word = malloc(nr * 8);
	vaddr_t at[] = {
		BASE + 511 * PAGE, BASE + 512 * PAGE, BASE + 1535 * PAGE};

	memset(word, 0xff, nr * 8);
	for (unsigned i = 0; i < 3; i++) {
		show_mmap(
			s, at[i], PAGE, PROT_RW, MAP_PRIVATE_ANON | MAP_FIXED);
		show_touch(s, s->t, at[i], 1, true);
	}
	assert_int_equal(look(s, s->t, BASE, word, nr, true), nr * 8);
	for (unsigned i = 0; i < nr; i++) {
		bool there = i == 511 || i == 512 || i == 1535;

		assert_int_equal(word[i],
			there ? PRESENT | EXCLUSIVE |
					pfn_of(s, s->t, BASE + i * PAGE)
			      : 0);
	}
	free(word);
}

static void ends_and_refusals(void **state)
{
	struct show *s = *state;
	const struct mm *mm = mm_at(s->m, s->t->mm);
	uint64_t word[4] = {1, 1, 1, 1};
	uint64_t top = mm->task_size / PAGE * 8;
	const struct {
		uint64_t off, len;
		int64_t want;
	} row[] = {
		{1, 8, -EINVAL},
		{4, 8, -EINVAL},
		{0, 7, -EINVAL},
		{0, 12, -EINVAL},
		{0, 0, 0},
		{top, 8, 0},
		{top + 8, 8, 0},
		{1ull << 60, 8, 0},
		{UINT64_MAX - 7, 8, 0},
		{top - 8, 32, 8},
		{top - 16, 16, 16},
	};

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		assert_int_equal(pagemap_read(s->m, mm, word, row[i].len,
					 row[i].off, true),
			row[i].want);
	/* a process without memory has an empty file */
	assert_int_equal(pagemap_read(s->m, NULL, word, 8, 0, true), 0);
	assert_int_equal(pagemap_read(s->m, NULL, word, 4, 0, true), -EINVAL);
}

/* The stack's top page is there, the whole space below is read quickly. */
static void whole_space_of_i386(void **state)
{
	struct show *s = *state;
	size_t nr = 0xc0000000 / PAGE, present = 0;
	uint64_t *word = malloc(nr * 8);

	assert_int_equal(look(s, s->t, 0, word, nr + 100, true), nr * 8);
	for (size_t i = 0; i < nr; i++)
		present += word[i] >> 63;
	assert_int_equal(present, mm_at(s->m, s->t->mm)->rss[RSS_ANON]);
	assert_int_equal(word[nr - 1] >> 63, 1);
	free(word);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, show_setup, show_teardown)
#define TEST_I386(fn) \
	cmocka_unit_test_setup_teardown(fn, show_setup_i386, show_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(private_pages),
		TEST(frames_are_not_for_everyone),
		TEST(forked_pages),
		TEST(shared_pages_are_of_a_file),
		TEST(pages_without_rights),
		TEST(ranges_over_tables),
		TEST(ends_and_refusals),
		TEST_I386(private_pages),
		TEST_I386(forked_pages),
		TEST_I386(whole_space_of_i386),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
