/*
 * Soft-dirty bits (soft_dirty=1): stores since clear_refs 4, by a plain model,
 * through forks, swap, mprotect and discards; moves, merges and new mappings.
 */
#include "../../fs/show_pagemap.h"
#include "fault_rig.h"

#define SOFT	  (1ull << 55)
#define PAGES	  16u /* of each area */
#define NR_PROC	  4u
#define STEPS	  4000u
#define CLEAR	  4 /* of clear_refs */
#define DONTNEED  4 /* of madvise */
#define PAGEOUT	  21
#define AREA_STEP (4 * MiB)

enum area { PRIVATE, FILE_PRIVATE, SHARED, FILE_SHARED, NR_AREAS };

struct model {
	struct task *t;
	bool fresh; /* its mappings are new since the last clear */
	bool stored[NR_AREAS][PAGES];
};

static struct model proc[NR_PROC];
static unsigned nr_proc;
static uint64_t seed;

static int tracked_setup(void **state)
{
	char err[SENTENCE_MAX] = "";
	struct vm_config c;

	vm_config_default(&c);
	assert_int_equal(vm_config_set(&c, "ram", "64M", err), 0);
	assert_int_equal(vm_config_set(&c, "soft_dirty", "1", err), 0);
	m = vm_boot(&c, &host_mmap, err);
	if (!m)
		fail_msg("%s", err);
	free_at_start = vmtest_free_pages(m);
	t = rig_task(1000);
	return 0;
}

static bool soft(struct task *of, vaddr_t va)
{
	uint64_t word = 0;
	uint64_t off = va >> m->page_shift << 3;

	assert_int_equal(pagemap_read(m, mm_of(of), &word, 8, off, true), 8);
	return word & SOFT;
}

static void clear(struct task *of)
{
	assert_int_equal(mm_clear_refs(m, of, CLEAR), 0);
}

static vaddr_t at(unsigned area, unsigned page)
{
	return page_at(RIG_BASE + area * AREA_STEP, page);
}

static void map_areas(void)
{
	idx_t file;

	make_file("/f", PAGES);
	file = open_rw("/f");
	map(at(PRIVATE, 0), PAGES, RW, ANON, 0, 0);
	map(at(FILE_PRIVATE, 0), PAGES, RW, MAP_PRIVATE, file, 0);
	map(at(SHARED, 0), PAGES, RW, MAP_SHARED | MAP_ANONYMOUS, 0, 0);
	map(at(FILE_SHARED, 0), PAGES, RW, MAP_SHARED, file, 0);
	file_put(m, file);
}

static unsigned dice(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

/* The child has the private entries; shared ones it faults in anew. */
static void fork_one(const struct model *p)
{
	struct model *c;

	if (nr_proc == NR_PROC)
		return;
	c = &proc[nr_proc++];
	*c = *p;
	c->t = task_fork(m, p->t, 0);
	assert_non_null(c->t);
	memset(c->stored[SHARED], 0, 2 * sizeof(c->stored[0]));
}

static void advise(struct model *p, unsigned area, unsigned page, int advice)
{
	assert_int_equal(
		mm_madvise(m, p->t, at(area, page), m->page_size, advice), 0);
}

static void protect_twice(struct model *p, unsigned area, unsigned page)
{
	vaddr_t va = at(area, page);

	assert_int_equal(mm_mprotect(m, p->t, va, m->page_size, PROT_READ), 0);
	assert_int_equal(mm_mprotect(m, p->t, va, m->page_size, RW), 0);
}

static void step(void)
{
	struct model *p = &proc[dice(nr_proc)];
	unsigned area = dice(NR_AREAS), page = dice(PAGES);
	uint8_t byte;

	switch (dice(12)) {
	case 0:
		clear(p->t);
		p->fresh = false;
		memset(p->stored, 0, sizeof(p->stored));
		break;
	case 1:
		fork_one(p);
		break;
	case 2:
		advise(p, area, page, DONTNEED);
		p->stored[area][page] = false;
		break;
	case 3:
		advise(p, PRIVATE, page, PAGEOUT);
		break;
	case 4:
		protect_twice(p, area, page);
		break;
	case 5:
	case 6:
	case 7:
		assert_int_equal(load_of(p->t, at(area, page), &byte), 0);
		break;
	default:
		assert_int_equal(store_of(p->t, at(area, page), 7), 0);
		p->stored[area][page] = true;
	}
}

static void compare(const struct model *p, unsigned n)
{
	for (unsigned a = 0; a < NR_AREAS; a++)
		for (unsigned i = 0; i < PAGES; i++)
			if (soft(p->t, at(a, i)) !=
				(p->fresh | p->stored[a][i]))
				fail_msg("step %u: area %u page %u is %s", n, a,
					i,
					p->fresh | p->stored[a][i]
						? "not soft-dirty"
						: "soft-dirty");
}

static void follows_the_model(void **state)
{
	map_areas();
	seed = 3;
	nr_proc = 1;
	memset(proc, 0, sizeof(proc));
	proc[0].t = t;
	proc[0].fresh = true;
	for (unsigned n = 0; n < STEPS; n++) {
		step();
		for (unsigned i = 0; i < nr_proc; i++)
			compare(&proc[i], n);
	}
	assert_int_equal(nr_proc, NR_PROC);
}

/* What is mapped, or grows, since the clear counts as stored to at once. */
static void new_mappings(void **state)
{
	vaddr_t brk = mm_brk(m, t, 0);

	assert_true(soft(t, mm_of(t)->start_stack));
	assert_int_equal(
		mm_brk(m, t, brk + 2 * m->page_size), brk + 2 * m->page_size);
	clear(t);
	assert_false(soft(t, brk));
	assert_false(soft(t, mm_of(t)->start_stack));
	map(RIG_BASE, 4, RW, ANON, 0, 0);
	assert_true(soft(t, page_at(RIG_BASE, 3)));
	assert_false(soft(t, page_at(RIG_BASE, 4)));
	mm_brk(m, t, brk + 4 * m->page_size);
	assert_true(soft(t, brk));
}

/* Of two neighbours that merge all counts as stored to if one did. */
static void merges(void **state)
{
	map(RIG_BASE, 2, RW, ANON, 0, 0);
	clear(t);
	map(page_at(RIG_BASE, 2), 2, PROT_READ, ANON, 0, 0);
	assert_false(soft(t, RIG_BASE));
	assert_int_equal(
		mm_mprotect(m, t, page_at(RIG_BASE, 2), 2 * m->page_size, RW),
		0);
	assert_true(soft(t, RIG_BASE));
}

static void moved_pages(void **state)
{
	const vaddr_t to = RIG_BASE + GiB;

	map(RIG_BASE, 4, RW, ANON, 0, 0);
	put(RIG_BASE, 1);
	put(page_at(RIG_BASE, 1), 2);
	clear(t);
	advise(&(struct model){.t = t}, 0, 1, PAGEOUT);
	assert_int_equal(
		mm_mremap(m, t, RIG_BASE, 4 * m->page_size, 4 * m->page_size,
			MREMAP_MAYMOVE | MREMAP_FIXED, to),
		to);
	assert_true(soft(t, to));
	assert_true(soft(t, page_at(to, 1)));
	assert_false(soft(t, page_at(to, 2)));
	assert_int_equal(get(page_at(to, 1)), 2);
	assert_true(soft(t, page_at(to, 1)));
}

/* The processor may not go on storing through an entry it has. */
static void the_tlb_forgets(void **state)
{
	map(RIG_BASE, 1, RW, ANON, 0, 0);
	put(RIG_BASE, 1);
	clear(t);
	put(RIG_BASE, 2);
	assert_true(soft(t, RIG_BASE));
}

/* One store sets the bit of a whole huge page. */
static void huge_pages(void **state)
{
	const vaddr_t base = RIG_BASE;

	m->root->set.thp_enabled = THP_ALWAYS;
	map(base, 512, RW, ANON, 0, 0);
	put(base, 1);
	assert_true(pte_huge(m, pt_above(m, mm_of(t), base)));
	clear(t);
	assert_false(soft(t, page_at(base, 9)));
	get(base);
	assert_false(soft(t, base));
	put(page_at(base, 5), 1);
	assert_true(soft(t, page_at(base, 9)));
	assert_true(pte_huge(m, pt_above(m, mm_of(t), base)));
}

static void not_on_i386(void **state)
{
	char err[SENTENCE_MAX] = "";
	struct vm_config c;

	vm_config_default(&c);
	assert_int_equal(vm_config_set(&c, "soft_dirty", "2", err), -EINVAL);
	assert_int_equal(vm_config_set(&c, "soft_dirty", "1", err), 0);
	assert_int_equal(vm_config_check(&c, err), 0);
	assert_int_equal(vm_config_set(&c, "arch", "i386", err), 0);
	assert_int_equal(vm_config_check(&c, err), -EINVAL);
	assert_string_equal(err, "soft_dirty=1: i386 does not track stores");
}

#define TRACKED(f) \
	cmocka_unit_test_setup_teardown(f, tracked_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TRACKED(follows_the_model),
		TRACKED(new_mappings),
		TRACKED(merges),
		TRACKED(moved_pages),
		TRACKED(the_tlb_forgets),
		TRACKED(huge_pages),
		cmocka_unit_test(not_on_i386),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
