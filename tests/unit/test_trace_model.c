/*
 * Traces against an independent model of the TLBs: arrays searched from end
 * to end, a time stamp an entry, the oldest replaced.  Hits and misses must be
 * equal, with first touches, copy-on-write, page crossings and huge pages
 * among them.
 */
#include "mmu_rig.h"

#define RW	 (PROT_READ | PROT_WRITE)
#define NR_PAGES 700
#define NR_HUGE	 12ull
#define NR_RECS	 60000
#define AT	 0x40000000ull

/* ---- the model
 * ---------------------------------------------------------------- */

struct line {
	uint64_t first, used; /* address of the page; used 0: free */
	unsigned shift;	      /* 1 << shift bytes of it */
};

struct level {
	unsigned sets, ways;
	struct line *line;
};

/* The part of memory that huge pages back, in entries of their own or not. */
struct model {
	struct level l[NR_TLBS];
	vaddr_t huge_start, huge_end;
	unsigned huge_shift;
	uint64_t now, accesses, hits[2], misses;
};

static struct line *set_of(const struct level *l, uint64_t va, unsigned shift)
{
	return l->line + (va >> shift) % l->sets * l->ways;
}

static struct line *find(struct level *l, uint64_t va, unsigned shift)
{
	struct line *set = set_of(l, va, shift);

	for (unsigned w = 0; w < l->ways; w++)
		if (set[w].used && set[w].shift == shift &&
			set[w].first == va >> shift << shift)
			return &set[w];
	return NULL;
}

static void insert(struct level *l, uint64_t va, unsigned shift, uint64_t now)
{
	struct line *set = set_of(l, va, shift);
	struct line *oldest = set;

	for (unsigned w = 1; w < l->ways; w++)
		if (set[w].used < oldest->used)
			oldest = &set[w];
	*oldest = (struct line){va >> shift << shift, now, shift};
}

static void model_page(struct model *x, uint64_t va)
{
	bool huge =
		va >= x->huge_start && va < x->huge_end && x->l[TLB_HUGE].sets;
	unsigned shift = huge ? x->huge_shift : 12;
	struct level *l1 = &x->l[huge ? TLB_HUGE : TLB_L1];
	struct level *l2 = &x->l[TLB_L2];
	struct line *e = find(l1, va, shift);

	x->now++;
	if (e) {
		e->used = x->now;
		x->hits[0]++;
		return;
	}
	e = l2->sets ? find(l2, va, shift) : NULL;
	if (e) {
		e->used = x->now;
		x->hits[1]++;
	} else {
		x->misses++;
		if (l2->sets)
			insert(l2, va, shift, x->now);
	}
	insert(l1, va, shift, x->now);
}

static void model_run(struct model *x, const uint64_t *rec, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		uint64_t va = rec[i] & ((1ull << 58) - 1);
		uint64_t last = va + (1ull << (rec[i] >> 58 & 15)) - 1;
		unsigned times = rec[i] >> 62 == TRACE_MODIFY ? 2 : 1;

		x->accesses += times;
		while (times--)
			for (uint64_t p = va >> 12; p <= last >> 12; p++)
				model_page(x, p << 12);
	}
}

static void model_init(struct model *x, const struct tlb_geometry *g)
{
	memset(x, 0, sizeof(*x));
	for (unsigned i = 0; i < NR_TLBS; i++) {
		if (!g->entries[i])
			continue;
		x->l[i].ways = g->ways[i];
		x->l[i].sets = g->entries[i] / g->ways[i];
		x->l[i].line = calloc(g->entries[i], sizeof(struct line));
	}
}

static void model_free(struct model *x)
{
	for (unsigned i = 0; i < NR_TLBS; i++)
		free(x->l[i].line);
}

/* ---- traces
 * --------------------------------------------------------------------- */

typedef uint64_t next_fn(uint64_t *seed, unsigned i);

/* Offsets into the mapping. */
static uint64_t next_random(uint64_t *seed, unsigned i)
{
	return rig_random(seed) % (NR_PAGES * 4096ull - 64);
}

/* Loops just larger than a level, the worst case of LRU. */
static uint64_t next_loop(uint64_t *seed, unsigned i)
{
	unsigned pages = i < NR_RECS / 2 ? 70 : 600;

	return i % pages * 4096ull + i % 4000;
}

/* Mostly a few hot pages, sometimes anywhere. */
static uint64_t next_hot(uint64_t *seed, unsigned i)
{
	uint64_t r = rig_random(seed);

	if (r % 8)
		return (r >> 8) % (24 * 4096);
	return next_random(seed, i);
}

static next_fn *const patterns[] = {next_random, next_loop, next_hot};

/* One of two in the huge pages that come first, mostly in one of three. */
static uint64_t next_mixed(uint64_t *seed, unsigned i)
{
	uint64_t r = rig_random(seed);

	if (r % 2)
		return NR_HUGE * 2 * MiB + next_hot(seed, i);
	return (r >> 8) % ((r & 6 ? 3 : NR_HUGE) * 2 * MiB - 64);
}

static void make_trace(uint64_t *rec, vaddr_t va, next_fn *next)
{
	uint64_t seed = 42;

	for (unsigned i = 0; i < NR_RECS; i++) {
		uint64_t kind = rig_random(&seed) % 8;
		uint64_t log2sz = rig_random(&seed) % 7;

		kind = kind < 5	  ? TRACE_LOAD
		       : kind < 7 ? TRACE_STORE
				  : TRACE_MODIFY;
		rec[i] = TRACE_RECORD(kind, log2sz, va + next(&seed, i));
	}
}

/* ---- the comparison
 * --------------------------------------------------------------- */

static const char *const geometries[] = {
	"64/4,1536/12",
	"64/4,512/4",
	"16/16,64/64",
	"32/8,128/2",
	"8/1,32/1",
	"64/4",
	"48/3,96/6",
	"64/4,1536/12,32/4",
	"8/2,64/4,2/1",
	"16/4,0/0,4/4",
};
#define NR_GEOMETRIES (sizeof(geometries) / sizeof(*geometries))

static void count_equal(
	const struct vm *m, const struct trace_stats *st, const struct model *x)
{
	assert_int_equal(st->accesses, x->accesses);
	assert_int_equal(st->l1_hits, x->hits[0]);
	assert_int_equal(st->l2_hits, x->hits[1]);
	assert_int_equal(st->misses, x->misses);
	assert_int_equal(st->lookups, x->hits[0] + x->hits[1] + x->misses);
	assert_int_equal(st->outside + st->faults_refused, 0);
	assert_int_equal(m->root->count[CNT_TLB_L1_HITS], x->hits[0]);
	assert_int_equal(m->root->count[CNT_ACCESSES], x->accesses);
}

/* The first `huge` bytes are backed by huge pages, small ones follow. */
static void compare(const char *arch, const char *tlb, next_fn *next,
	uint64_t *rec, uint64_t huge)
{
	const char *const set[] = {
		"arch", arch, "ram", "128M", "cpus", "1", "tlb", tlb, NULL};
	struct vm *m = vmtest_boot_with(set);
	struct task *t = rig_spawn(m);
	const struct mmap_args a = {
		.addr = AT,
		.len = huge + NR_PAGES * 4096ull,
		.prot = RW,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
	};
	struct model x;

	m->root->set.thp_enabled = THP_MADVISE;
	m->root->set.thp_zero_page = 0;
	assert_int_equal(mm_mmap(m, t, &a), AT);
	assert_int_equal(mm_madvise(m, t, AT, huge, 14), 0);
	make_trace(rec, AT, next);
	model_init(&x, &m->root->config.tlb);
	x.huge_start = AT;
	x.huge_end = AT + huge;
	x.huge_shift = 21;
	model_run(&x, rec, NR_RECS);
	/* In pieces of any size, as writes bring them. */
	for (size_t at = 0, n = 1; at < NR_RECS; at += n, n = n * 3 + 1)
		trace_run(m, t, rec + at, n < NR_RECS - at ? n : NR_RECS - at);
	count_equal(m, &t->trace, &x);
	assert_true(t->trace.faults_minor >= 600);
	assert_int_equal(phys_sum(m, anon_huge), huge / (2 * MiB));
	model_free(&x);
	rig_end(m);
}

static void test_model(void **state)
{
	uint64_t *rec = malloc(NR_RECS * sizeof(*rec));

	for (unsigned g = 0; g < NR_GEOMETRIES; g++)
		for (unsigned p = 0; p < 3; p++) {
			compare("x86_64", geometries[g], patterns[p], rec, 0);
			compare("i386", geometries[g], patterns[p], rec, 0);
		}
	free(rec);
}

static void test_model_huge(void **state)
{
	uint64_t *rec = malloc(NR_RECS * sizeof(*rec));

	for (unsigned g = 0; g < NR_GEOMETRIES; g++)
		compare("x86_64", geometries[g], next_mixed, rec,
			NR_HUGE * 2 * MiB);
	free(rec);
}

/* ---- what a trace may not do
 * ------------------------------------------------------- */

static struct vm *boot(const char *arch)
{
	const char *const set[] = {"arch", arch, "ram", "64M", NULL};

	return vmtest_boot_with(set);
}

static void test_outside(void **state)
{
	static const vaddr_t at[] = {0x10, 0x7ffffffff000, 0xffff888000001000,
		0x1000000000000000 /* not canonical */};
	struct vm *m = boot("x86_64");
	struct task *t = rig_spawn(m);
	vaddr_t va = rig_map(m, t, 1, PROT_READ);

	for (unsigned i = 0; i < 400; i++) {
		uint64_t rec = TRACE_RECORD(TRACE_LOAD, 0, at[i % 4]);

		trace_run(m, t, &rec, 1);
	}
	assert_int_equal(t->trace.outside, 400);
	assert_int_equal(t->trace.lookups, 0);
	assert_int_equal(t->trace.loads, 400);
	assert_int_equal(t->trace.faults_refused, 0);
	assert_int_equal(m->root->count[CNT_TRACE_OUTSIDE], 400);

	for (unsigned i = 0; i < 4; i++) {
		const uint64_t rec[] = {TRACE_RECORD(TRACE_LOAD, 2, va),
			TRACE_RECORD(TRACE_STORE, 2, va),
			TRACE_RECORD(TRACE_FETCH, 2, va)};

		trace_run(m, t, rec, 3);
	}
	assert_int_equal(t->trace.faults_refused, 8);
	assert_int_equal(t->trace.l1_hits, 11);
	assert_int_equal(t->trace.misses, 1);
	rig_end(m);
}

/* A store in the page below the stack makes it grow. */
static void test_stack_grows(void **state)
{
	struct vm *m = boot("x86_64");
	struct task *t = rig_spawn(m);
	vaddr_t sp = mm_at(m, t->mm)->start_stack;
	struct vma *v = vma_lookup(m, t->mm, sp);
	uint64_t rec = TRACE_RECORD(TRACE_STORE, 3, v->start - 8);

	trace_run(m, t, &rec, 1);
	assert_int_equal(t->trace.outside, 0);
	assert_int_equal(t->trace.misses, 1);
	assert_non_null(vma_lookup(m, t->mm, v->start));
	rec = TRACE_RECORD(TRACE_STORE, 3, v->start - 64 * MiB);
	trace_run(m, t, &rec, 1);
	assert_int_equal(t->trace.outside, 1);
	rig_end(m);
}

static void map_auto(const char *arch)
{
	struct vm *m = boot(arch);
	struct task *t = rig_spawn(m);
	const uint64_t rec[] = {
		TRACE_RECORD(TRACE_FETCH, 2, 0x4001a20),
		TRACE_RECORD(TRACE_STORE, 3, 0x40fffff8),
		TRACE_RECORD(TRACE_MODIFY, 3, 0x4001f00),
		TRACE_RECORD(TRACE_LOAD, 3, 0x4100000),
		TRACE_RECORD(TRACE_LOAD, 3, 0x10),
	};
	uint64_t before = mm_at(m, t->mm)->map_count;
	struct vma *v;

	m->root->set.trace_map_auto = 1;
	trace_run(m, t, rec, 5);
	assert_int_equal(t->trace.accesses, 6);
	assert_int_equal(t->trace.outside, 1); /* below mmap_min_addr */
	assert_int_equal(t->trace.mapped, 3);
	assert_int_equal(t->trace.misses, 3);
	v = vma_lookup(m, t->mm, 0x4001a20);
	assert_non_null(v);
	assert_int_equal(v->start, 0x4000000);
	assert_true(mm_at(m, t->mm)->map_count > before);
	rig_end(m);
}

static void test_map_auto(void **state)
{
	map_auto("x86_64");
	map_auto("i386");
}

/* Two machines with the same history are equal byte for byte. */
static void test_same_history(void **state)
{
	uint64_t *rec = malloc(NR_RECS * sizeof(*rec));
	struct vm *m[2];

	for (unsigned i = 0; i < 2; i++) {
		struct task *t;

		m[i] = boot("x86_64");
		t = rig_spawn(m[i]);
		make_trace(rec, rig_map(m[i], t, NR_PAGES, RW), next_hot);
		trace_run(m[i], t, rec, NR_RECS);
	}
	for (unsigned s = 0; s < vm_nr_segments(); s++) {
		struct vm_segment a, b;

		vm_segment(m[0], s, &a);
		vm_segment(m[1], s, &b);
		assert_int_equal(a.used, b.used);
		if (s != SEG_RAM)
			assert_memory_equal(a.base, b.base, a.used);
	}
	free(rec);
	rig_end(m[0]);
	rig_end(m[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_model_huge),
		cmocka_unit_test(test_outside),
		cmocka_unit_test(test_stack_grows),
		cmocka_unit_test(test_map_auto),
		cmocka_unit_test(test_same_history),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
