/* The machine's own check as the file `check` shows it: it says ok of what is
 * right, and names each kind of number that was made wrong. */
#include "show_fixture.h"

#include "../../vm/mm/mm.h"
#include "../../vm/swap/swap.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static vaddr_t buffer;

/* Anonymous memory of two processes, and a page cache. */
static void fill(struct show *s)
{
	buffer = show_mmap(s, 0, 64 * PAGE, PROT_RW, MAP_PRIVATE_ANON);
	show_touch(s, s->t, buffer, 64 * PAGE, true);
	assert_non_null(task_fork(s->m, s->t, 0));
	show_touch(s, s->t, buffer, 8 * PAGE, true);
	show_mmap(s, 0, 8 * PAGE, PROT_RW, MAP_SHARED_ANON);
}

static void test_ok(void **state)
{
	struct show *s = *state;
	const struct root *r = s->m->root;
	char begin[120];

	fill(s);
	vm_fail_clear(s->m);
	snprintf(begin, sizeof(begin), "ok: %llu frames, of them ",
		(unsigned long long)r->totalram_pages);
	assert_true(show_starts(show_text(s, show_check, 0), begin));
	/* a zone is the sum of what it is said to be of */
	for (const char *p = s->b.data; (p = strstr(p, "zone "));) {
		unsigned long long whole, sum = 0;
		const char *end = strchr(p, '\n');

		p = strchr(p, ':') + 1;
		whole = strtoull(p, NULL, 10);
		p = strchr(p, '=');
		for (; p && p < end; p = strchr(p + 1, '+'))
			sum += strtoull(p + 1, NULL, 10);
		assert_int_equal(sum, whole);
		p = end;
	}
	assert_non_null(strstr(s->b.data, "address spaces: 3 of 3 processes"));
	assert_string_equal(vm_sentence(s->m), "");
}

/* What is made wrong, by how much, and what the check says then. */
static void test_wrong(void **state)
{
	struct show *s = *state;
	struct root *r = s->m->root;
	struct mm *mm;
	struct zone *z;
	struct frame *f;
	uint64_t free_was;

	fill(s);
	mm = mm_at(s->m, s->t->mm);
	z = &r->zone[r->nr_zones - 1];
	while (!z->pages[USE_ANON])
		z--;
	f = frame_at(s->m, r->node[0].lru[LRU_INACTIVE_ANON].head);
	const struct {
		uint64_t *number;
		const char *says;
	} wrong[] = {
		{&z->nr_free, "frames: zone "},
		{&z->pages[USE_ANON], "frames: zone "},
		{&z->dirty, "frames: zone "},
		{&z->nr_lru[LRU_INACTIVE_ANON], "lists of pages: the inactive"},
		{&mm->total_vm, "address spaces: mm "},
		{&r->committed, "address spaces: "},
		{&mm->rss[RSS_ANON], "page tables and TLBs: mm "},
		{&mm->rss[RSS_SHMEM], "page tables and TLBs: mm "},
		{&mm->hugetlb, "page tables and TLBs: mm "},
		{&mm->pgtables, "page tables and TLBs: mm "},
		{&z->anon_huge, "page tables and TLBs: zone "},
		{&z->shmem_huge_mapped, "page tables and TLBs: zone "},
		{&mm->swapped, "swap: mm "},
		{&r->swap_used, "swap: the swap areas"},
		{&r->hugetlb[0].node[0].free, "huge pages: node 0"},
		{&r->disk_used, "disk and page cache: disk"},
	};

	for (size_t i = 0; i < COUNT(wrong); i++) {
		const char *text;

		++*wrong[i].number;
		text = show_text(s, show_check, 0);
		if (!strstr(text, wrong[i].says) || strstr(text, "ok:"))
			fail_msg("%s\nshould say: %s", text, wrong[i].says);
		assert_int_equal(vm_check(s->m), -EIO);
		--*wrong[i].number;
	}
	/* two at once are two lines; the sentence of a command stays */
	vm_fail_clear(s->m);
	free_was = z->nr_free++;
	mm->rss[RSS_FILE]++;
	show_text(s, show_check, 0);
	assert_true(show_starts(s->b.data, "frames: "));
	assert_non_null(strstr(s->b.data, "\npage tables and TLBs: "));
	assert_string_equal(vm_sentence(s->m), "");
	z->nr_free = free_was;
	mm->rss[RSS_FILE]--;
	/* a page whose entries are not found from it */
	f->index ^= 1;
	show_text(s, show_check, 0);
	assert_non_null(strstr(s->b.data, "reverse mappings: frame "));
	assert_non_null(strstr(s->b.data, "from which no way leads back"));
	f->index ^= 1;
	assert_true(show_starts(show_text(s, show_check, 0), "ok: "));
}

#define T(test) cmocka_unit_test_setup_teardown(test, show_setup, show_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {T(test_ok), T(test_wrong)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
