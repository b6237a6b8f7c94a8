/*
 * The textbook policies against plain models of them: arrays that are searched
 * from end to end, nothing remembered that the rule does not name.  Victims
 * must be the same pages in the same order, with several numbers of frames,
 * with loads, stores, records across two pages, and traces cut anywhere; in
 * between pages move to other frames.
 */
#include "../../vm/cmd/command.h"
#include "../../vm/reclaim/policy.h"

#include "fault_rig.h"

#define NR_PAGES 48
#define NR_RECS	 3000

/* ---- the model ----------------------------------------------------------- */

struct page {
	bool in, r, w;
	uint64_t loaded, used, uses;
	unsigned slot, reg;
};

struct model {
	enum policy kind;
	unsigned frames, nr, hand;
	uint64_t now, loads, tick, window, rng[2];
	struct page page[NR_PAGES];
	unsigned bag[NR_PAGES]; /* random: pages by place */
	const uint64_t *rec;	/* the trace, */
	size_t at, end;		/* and where in it we are */
	unsigned out[200000];	/* victims */
	size_t nr_out;
};

static uint64_t draw(struct model *x)
{
	uint64_t a = x->rng[0], b = x->rng[1];

	x->rng[0] = b;
	a ^= a << 23;
	x->rng[1] = a ^ b ^ (a >> 18) ^ (b >> 5);
	return x->rng[1] + b;
}

/* The first and the last page of a record. */
static void pages_of(uint64_t rec, unsigned *first, unsigned *last)
{
	uint64_t off = (rec & ((1ull << 58) - 1)) - RIG_BASE;

	*first = (unsigned)(off / 4096);
	*last = (unsigned)((off + (1u << (rec >> 58 & 15)) - 1) / 4096);
}

static uint64_t next_use(const struct model *x, unsigned page)
{
	bool used = x->page[page].used == x->now;

	for (size_t i = x->at + used; i < x->end; i++) {
		unsigned first, last;

		pages_of(x->rec[i], &first, &last);
		if (page >= first && page <= last)
			return i;
	}
	return UINT64_MAX;
}

/* What is compared, smallest first; ties are for the page loaded first. */
static uint64_t rank(const struct model *x, unsigned i)
{
	const struct page *p = &x->page[i];

	switch (x->kind) {
	case POLICY_FIFO:
		return p->loaded;
	case POLICY_LRU:
	case POLICY_WS:
		return p->used;
	case POLICY_MRU:
		return ~p->used;
	case POLICY_LFU:
		return p->uses;
	case POLICY_AGING:
		return (p->r ? 256 : 0) + p->reg;
	case POLICY_NRU:
		return (p->r * 2u + p->w) * 1000 + p->slot;
	default: /* opt */
		return ~next_use(x, i);
	}
}

static unsigned least(const struct model *x)
{
	unsigned best = NR_PAGES;

	for (unsigned i = 0; i < NR_PAGES; i++) {
		if (!x->page[i].in)
			continue;
		if (best == NR_PAGES || rank(x, i) < rank(x, best) ||
			(rank(x, i) == rank(x, best) &&
				x->page[i].loaded < x->page[best].loaded))
			best = i;
	}
	return best;
}

static unsigned in_slot(const struct model *x, unsigned slot)
{
	for (unsigned i = 0; i < NR_PAGES; i++)
		if (x->page[i].in && x->page[i].slot == slot)
			return i;
	return NR_PAGES;
}

/* One step of the hand; whether the page there leaves. */
static bool step(
	struct model *x, bool want_w, bool any_w, bool clear, unsigned *victim)
{
	unsigned i = in_slot(x, x->hand);
	bool hit = !x->page[i].r && (any_w || x->page[i].w == want_w);

	if (!hit && clear)
		x->page[i].r = false;
	x->hand = (x->hand + 1) % x->frames;
	*victim = i;
	return hit;
}

static unsigned hand(struct model *x)
{
	unsigned victim;

	for (;;) {
		if (x->kind == POLICY_CLOCK) {
			if (step(x, false, true, true, &victim))
				return victim;
			continue;
		}
		for (unsigned i = 0; i < x->frames; i++)
			if (step(x, false, false, false, &victim))
				return victim;
		for (unsigned i = 0; i < x->frames; i++)
			if (step(x, true, false, true, &victim))
				return victim;
	}
}

static void leave(struct model *x, unsigned i)
{
	x->page[i].in = false;
	x->nr--;
	for (unsigned k = 0; k < x->nr; k++)
		if (x->bag[k] == i)
			x->bag[k] = x->bag[x->nr];
	assert_true(x->nr_out < COUNT(x->out));
	x->out[x->nr_out++] = i;
}

static void come(struct model *x, unsigned i)
{
	struct page *p = &x->page[i];

	if (x->nr == x->frames) {
		if (x->kind == POLICY_CLOCK || x->kind == POLICY_ECLOCK)
			leave(x, hand(x));
		else if (x->kind == POLICY_RANDOM)
			leave(x, x->bag[draw(x) % x->nr]);
		else
			leave(x, least(x));
	}
	*p = (struct page){.loaded = ++x->loads};
	while (in_slot(x, p->slot) != NR_PAGES)
		p->slot++;
	p->in = true;
	x->bag[x->nr++] = i;
}

static void use(struct model *x, unsigned i, bool write, bool again)
{
	struct page *p = &x->page[i];

	if (!p->in)
		come(x, i);
	p->used = x->now;
	p->uses += !again;
	p->r = true;
	p->w |= write;
}

/* When all of an access is done. */
static void timer(struct model *x)
{
	unsigned i;

	while (x->kind == POLICY_WS && x->nr &&
		x->page[i = least(x)].used + x->window <= x->now)
		leave(x, i);
	if (x->now % x->tick)
		return;
	for (i = 0; i < NR_PAGES; i++) {
		struct page *p = &x->page[i];

		p->reg = p->reg >> 1 | (p->r ? 128 : 0);
		if (x->kind == POLICY_AGING || x->kind == POLICY_NRU)
			p->r = false;
	}
}

static void record(struct model *x)
{
	uint64_t rec = x->rec[x->at], kind = rec >> 62;
	unsigned first, last, passes = kind == TRACE_MODIFY ? 2 : 1;

	pages_of(rec, &first, &last);
	x->now++;
	for (unsigned pass = 0; pass < passes; pass++)
		for (unsigned i = first; i <= last; i++)
			use(x, i, kind == TRACE_STORE || pass, pass);
	timer(x);
}

/* ---- the machine --------------------------------------------------------- */

static void set(const char *key, const char *value)
{
	if (settings_set(m, key, strlen(key), value, strlen(value)))
		fail_msg("%s", vm_sentence(m));
}

static void set_number(const char *key, uint64_t v)
{
	char text[32];

	vm_snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
	set(key, text);
}

static const char *const names[] = {POLICY_NAMES};

/* The victims that the machine logged since *seen are the model's. */
static void compare(const struct model *x, uint64_t *seen)
{
	uint64_t nr = m->root->policy.evictions;

	if (m->root->policy.page_ins != x->loads)
		fail_msg("%s, %u frames: %llu page-ins, the model %llu",
			names[x->kind], x->frames,
			(unsigned long long)m->root->policy.page_ins,
			(unsigned long long)x->loads);
	assert_int_equal(nr, x->nr_out);
	for (; *seen < nr; ++*seen) {
		const struct eviction *e = policy_eviction(m, *seen + 1);

		assert_non_null(e);
		if (e->index != (RIG_BASE >> 12) + x->out[*seen])
			fail_msg("%s, %u frames: victim %llu is page %d, the "
				 "model's %u",
				names[x->kind], x->frames,
				(unsigned long long)*seen,
				(int)(e->index - (RIG_BASE >> 12)),
				x->out[*seen]);
	}
}

/* Some pages are hot, and which ones changes. */
static uint64_t random_record(uint64_t *seed, unsigned i, unsigned pages)
{
	static const uint64_t kinds[] = {
		TRACE_LOAD, TRACE_LOAD, TRACE_STORE, TRACE_MODIFY};
	uint64_t r = vmtest_random(seed);
	unsigned page = r >> 8 & 3 ? (i / 400 * 3 + (r >> 10) % 7) % pages
				   : (r >> 16) % pages;
	uint64_t off = (r >> 40) % 4090;

	if (r >> 32 & 15 || page + 1 == pages)
		off &= ~7ull; /* else 8 bytes may lie across two pages */
	else
		off = 4093;
	return TRACE_RECORD(kinds[r & 3], 3, RIG_BASE + page * 4096ull + off);
}

static unsigned nr_moved;

/* Some pages go to other frames. */
static void shuffle(uint64_t *seed)
{
	for (unsigned i = 0; i < NR_PAGES; i++) {
		vaddr_t va = page_at(RIG_BASE, i);

		if (pfn_of(t, va) && vmtest_random(seed) & 1) {
			move_page(va);
			nr_moved++;
		}
	}
}

static void run(enum policy kind, unsigned frames, uint64_t seed)
{
	static uint64_t rec[NR_RECS];
	static struct model x;
	uint64_t seen = 0;
	size_t done = 0;

	for (unsigned i = 0; i < NR_RECS; i++)
		rec[i] = random_record(&seed, i, NR_PAGES);
	set_number("frames", frames);
	set_number("policy_tick", 17);
	set_number("ws_window", 40);
	set("policy", names[kind]);
	memset(&x, 0, sizeof(x));
	x.kind = kind;
	x.frames = frames;
	x.tick = 17;
	x.window = 40;
	x.rec = rec;
	memcpy(x.rng, m->root->rng, sizeof(x.rng));
	while (done < NR_RECS) {
		x.end = done + 1 + vmtest_random(&seed) % 500;
		if (x.end > NR_RECS)
			x.end = NR_RECS;
		trace_run(m, t, rec + done, x.end - done);
		for (x.at = done; x.at < x.end; x.at++)
			record(&x);
		done = x.end;
		compare(&x, &seen);
		shuffle(&seed);
	}
	vmtest_check(m);
}

static void test_models(void **state)
{
	static const unsigned frames[] = {1, 2, 3, 4, 7, 16, 31, 47};

	map(RIG_BASE, NR_PAGES, RW, ANON, 0, 0);
	for (unsigned kind = POLICY_FIFO; kind < NR_POLICIES; kind++)
		for (unsigned i = 0; i < COUNT(frames); i++)
			run(kind, frames[i], 1 + i * 7919 + kind);
	assert_true(nr_moved > 1000);
	set("policy", "linux");
	set("frames", "0");
}

/* No page can leave: all are set aside, while others still have their slots. */
static void test_all_aside(void **state)
{
	const uint64_t pages = m->root->totalram_pages;

	assert_int_equal(swap_off(m, swap_area_of(m, 0)), 0);
	set("overcommit_memory", "1");
	map(RIG_BASE, pages, RW, ANON, 0, 0);
	t->oom_score_adj = -1000;
	for (unsigned kind = POLICY_FIFO; kind < NR_POLICIES; kind++) {
		uint64_t refused = t->trace.faults_refused;

		set("policy", names[kind]);
		for (uint64_t i = 0; t->trace.faults_refused == refused; i++) {
			uint64_t rec = TRACE_RECORD(
				TRACE_STORE, 3, RIG_BASE + i * 4096);

			assert_true(i < pages);
			trace_run(m, t, &rec, 1);
		}
		/* with high memory Linux's lists are looked at, for tables */
		if (m->arch->va_bits > 32)
			assert_true(m->root->policy.nr_aside > pages / 2);
		vmtest_check(m);
	}
	set("policy", "linux");
}

/* What could not leave when the policy began is there, and did not come in. */
static void test_kept_pages_do_not_count(void **state)
{
	const uint64_t *count = &m->root->count[CNT_POLICY_PAGE_IN];

	assert_int_equal(swap_off(m, swap_area_of(m, 0)), 0);
	map(RIG_BASE, NR_PAGES, RW, ANON, 0, 0);
	for (unsigned i = 0; i < NR_PAGES / 2; i++)
		put(RIG_BASE + i * 4096, 1);
	for (unsigned kind = POLICY_FIFO; kind < NR_POLICIES; kind++) {
		const struct policy_state *p = &m->root->policy;
		struct policy_view v;
		uint64_t before = *count, kept = 0, last = 0;

		set("policy", names[kind]);
		assert_true(p->kept >= NR_PAGES / 2);
		assert_int_equal(p->page_ins, p->kept);
		put(RIG_BASE + NR_PAGES / 2 * 4096, 1);
		put(RIG_BASE + (NR_PAGES / 2 + 1) * 4096, 1);
		assert_int_equal(p->page_ins, p->kept + 2);
		assert_int_equal(*count, before + 2);
		for (uint32_t i = 0; i < policy_places(m); i++) {
			policy_look(m, i, &v);
			kept += !v.page_in;
			if (v.page_in > last)
				last = v.page_in;
		}
		assert_int_equal(kept, p->kept);
		assert_int_equal(last, 2);
		vmtest_check(m);
		mm_madvise(m, t, RIG_BASE + NR_PAGES / 2 * 4096, 8192, 4);
	}
	set("policy", "linux");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_models),
		RIG_TEST(test_all_aside),
		RIG_TEST(test_kept_pages_do_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
