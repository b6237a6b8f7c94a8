/*
 * Memory traces: the hot path.
 *
 * A record costs one masked comparison with the most recently used entry of
 * its set, whose tag carries identity and rights alike, and one addition to a
 * packed count.  The other ways of the set are looked at next, in line, then
 * the huge pages of level 1, if there are any.  All else (level 2, walks,
 * faults, page crossings) is slow_record()'s.  A page crossing is one of base
 * pages, also within a huge one.
 *
 * Counts are gathered in locals and reach the machine once a call.
 */
#include "mmu_i.h"

#include <string.h>

#include "../abi.h"
#include "../reclaim/policy.h"
#include "future.h"

/* Counts of loads, stores and fetches packed into one word, 21 bits each. */
#define LANE_BITS     21
#define LANE_MASK     ((1ull << LANE_BITS) - 1)
#define LANE(n)	      (1ull << (n)*LANE_BITS)
#define LANE_LOAD     LANE(0)
#define LANE_STORE    LANE(1)
#define LANE_FETCH    LANE(2)
#define COPY_RECORDS  512
#define PLACE_RECORDS 4096 /* from one place where it may halt to the next */
#define LANE_RECORDS  LANE_MASK /* a lane holds so many before it is emptied */

#define NR_ROWS 64

/* What the six bits above a record's address, kind and size, ask for. */
struct row {
	uint64_t mask;	/* the bits of the tag that must be as wanted */
	uint64_t count; /* lanes */
	int64_t last;	/* the last offset that stays within the page */
	uint64_t unused;
};

struct trace {
	struct mmu_run r;
	struct trace_stats *st;
	uint64_t set_mask, want;
	vaddr_t hole_start, hole_end; /* known to hold no VMA */
	/* what a textbook policy is told of */
	const uint64_t *chunk; /* the records that run now */
	const uint64_t *next;  /* the one behind the last slow one */
	uint64_t now;	       /* accesses before them */
	uint64_t hit;	       /* what a hit by the first of them notes */
	uint64_t *word;	       /* by frame */
	bool policy, wants_seen, again;
	struct row row[NR_ROWS];
	struct walk_memo memo[NR_MEMOS];
};

static void rows_init(struct trace *x)
{
	static const uint64_t need[4] = {
		0, TLB_WRITE | TLB_DIRTY, TLB_EXEC, TLB_WRITE | TLB_DIRTY};
	static const uint64_t count[4] = {
		LANE_LOAD, LANE_STORE, LANE_FETCH, LANE_LOAD + LANE_STORE};

	for (unsigned i = 0; i < NR_ROWS; i++) {
		unsigned kind = i >> 4, log2sz = i & 15;

		x->row[i].mask = ~(TLB_RIGHTS & ~need[kind]);
		x->row[i].count = count[kind];
		x->row[i].last = (int64_t)x->r.m->page_size - (1ll << log2sz);
	}
}

/* ---- accesses outside every VMA ------------------------------------------ */

#define AUTO_ALIGN (64 * KiB)
#define AUTO_SIZE  (1 * MiB)

static bool map_fixed(struct trace *x, vaddr_t start, vaddr_t end)
{
	const struct mmap_args a = {
		.addr = start,
		.len = end - start,
		.prot = PROT_READ | PROT_WRITE | PROT_EXEC,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE |
			 MAP_NORESERVE,
	};
	int64_t ret;

	if (start >= end)
		return false;
	vm_fail_clear(x->r.m);
	ret = mm_mmap(x->r.m, x->r.t, &a);
	if (ret < 0 && ret > -4096)
		return false;
	x->st->mapped++;
	return true;
}

/*
 * trace_map=auto: maps 1 MiB around va, from a multiple of 64 KiB on, clipped
 * to the hole [lo, hi); or, if that is refused, the page alone.
 */
static bool map_auto(struct trace *x, vaddr_t va, vaddr_t lo, vaddr_t hi)
{
	uint64_t page = x->r.m->page_size;
	vaddr_t start = va & ~(AUTO_ALIGN - 1), end = start + AUTO_SIZE;
	vaddr_t top = mm_task_size(x->r.m, x->r.t);

	if (lo < x->r.m->root->set.mmap_min_addr)
		lo = x->r.m->root->set.mmap_min_addr;
	if (va < lo || va >= top)
		return false;
	if (hi > top)
		hi = top;
	start = start < lo ? lo : start;
	end = end > hi ? hi : end;
	if (map_fixed(x, start, end))
		return true;
	va &= ~(page - 1);
	if (map_fixed(x, va, va + page))
		return true;
	x->hole_start = va;
	x->hole_end = va + page;
	return false;
}

/*
 * Whether no VMA holds va, nor a stack that may grow down to it.  A hole that
 * was found is remembered: nothing but map_auto() maps while a trace runs.
 */
static bool outside(struct trace *x, vaddr_t va)
{
	struct vm *m = x->r.m;
	struct vma *v;
	idx_t before;
	vaddr_t lo, hi;

	v = vma_find(m, x->r.t->mm, va);
	if (v && (v->start <= va || (v->flags & VM_GROWSDOWN)))
		return false;
	before = v ? v->prev : mm_at(m, x->r.t->mm)->last;
	lo = before ? vma_at(m, before)->end : 0;
	hi = v ? v->start : m->arch->native.task_size;
	if (m->root->set.trace_map_auto)
		return !map_auto(x, va, lo, hi);
	if (va < hi) {
		x->hole_start = lo;
		x->hole_end = hi;
	}
	return true;
}

/* ---- the slow path --------------------------------------------------------
 */

enum piece { PIECE_DONE, PIECE_OUTSIDE, PIECE_REFUSED };

/* The entry that a miss drops from level 1 was used since its page was seen. */
static void see_last(struct trace *x, vaddr_t va)
{
	uint64_t vpn = tlb_vpn(va, x->r.m->page_shift);
	const struct tlb_entry *set = tlb_set(&x->r.l1[0], vpn);

	if (set[x->r.l1[0].ways - 1].tag)
		policy_page_seen(x->r.m, set[x->r.l1[0].ways - 1].pfn);
}

/* One page of one access. */
static enum piece translate(struct trace *x, vaddr_t va, enum access_kind kind)
{
	struct mmu_run *r = &x->r;
	uint64_t need = tlb_need(kind);
	struct sigfault f = {0};
	enum tlb_hit hit;
	uint32_t code;
	int place, err;

	if (!arch_canonical(r->m->arch, va))
		return PIECE_OUTSIDE;
	hit = mmu_lookup(r, va);
	if (hit != TLB_MISS && (r->entry->tag & need) == need) {
		mmu_count(r, hit);
		return PIECE_DONE;
	}
	if (va >= x->hole_start && va < x->hole_end)
		return PIECE_OUTSIDE;
	place = mmu_place(r, va, hit);
	if (mmu_walk(r, va, kind, hit, place, &code)) {
		mmu_count(r, hit);
		return PIECE_DONE;
	}
	if (hit == TLB_MISS && outside(x, va))
		return PIECE_OUTSIDE;
	vm_fail_clear(r->m);
	err = mmu_resolve(r, va, kind, hit, place, code, &f);
	if (err && f.sig == SIGSEGV && f.code == 1)
		return PIECE_OUTSIDE;
	mmu_count(r, hit);
	return err ? PIECE_REFUSED : PIECE_DONE;
}

static enum piece slow_page(struct trace *x, vaddr_t va, enum access_kind kind)
{
	enum piece p;

	if (x->wants_seen)
		see_last(x, va);
	p = translate(x, va, kind);
	if (x->policy && p == PIECE_DONE)
		policy_page_used(x->r.m, mmu_pfn(&x->r, va), va,
			kind == ACC_WRITE, x->again);
	return p;
}

static void slow_access(
	struct trace *x, vaddr_t va, uint64_t size, enum access_kind kind)
{
	uint64_t page = x->r.m->page_size;
	enum piece worst = slow_page(x, va, kind);
	vaddr_t last = va + size - 1; /* of the address space, perhaps */

	while ((va | (page - 1)) < last) {
		enum piece p;

		va = (va | (page - 1)) + 1;
		p = slow_page(x, va, kind);
		if (p > worst)
			worst = p;
	}
	x->r.loads += kind == ACC_READ;
	x->r.stores += kind == ACC_WRITE;
	x->r.fetches += kind == ACC_EXEC;
	x->st->outside += worst == PIECE_OUTSIDE;
	x->st->faults_refused += worst == PIECE_REFUSED;
}

_Static_assert(TRACE_LOAD == ACC_READ && TRACE_STORE == ACC_WRITE &&
		       TRACE_FETCH == ACC_EXEC,
	"the kinds of a record are those of an access");

static void policy_now(struct trace *x, size_t record)
{
	x->r.m->unseen |= x->next != x->chunk + record;
	x->next = x->chunk + record + 1;
	x->r.m->root->policy.now = x->now + record + 1;
	if (x->r.m->root->set.policy == POLICY_OPT)
		future_at(x->r.m, record);
	x->r.m->use_now = x->hit + record;
}

/* False if the process is to die: the trace ends. */
static __attribute__((noinline)) bool slow_record(
	struct trace *x, const uint64_t *rec)
{
	vaddr_t va = record_va(x->r.m, *rec);
	uint64_t size = record_size(*rec, va);
	uint64_t kind = *rec >> 62;

	if (x->policy)
		policy_now(x, (size_t)(rec - x->chunk));
	if (kind != TRACE_MODIFY) {
		slow_access(x, va, size, (enum access_kind)kind);
		return !x->r.t->oom_victim;
	}
	slow_access(x, va, size, ACC_READ);
	x->again = true;
	slow_access(x, va, size, ACC_WRITE);
	x->again = false;
	return !x->r.t->oom_victim;
}

/* ---- the hot path ---------------------------------------------------------
 */

/* Looks among the huge pages of level 1. */
static __attribute__((noinline)) bool huge_hit(
	struct trace *x, uint64_t rec, const struct row *row)
{
	unsigned page_shift = x->r.m->page_shift;

	for_each_huge_size (x->r.cpu, size) {
		const struct tlb_level *l = &x->r.l1[size];
		unsigned shift = pt_shift(x->r.m, size), w = 0;
		uint64_t tag = tlb_tag(rec, page_shift, size, shift) | x->want;
		struct tlb_entry *set = tlb_set(l, tlb_vpn(rec, shift));

		while (w < l->ways && (set[w].tag ^ tag) & row->mask)
			w++;
		if (w == l->ways)
			continue;
		if (w)
			tlb_push(set, w, set[w]);
		return true;
	}
	return false;
}

/* What a policy must know of a hit. */
static inline __attribute__((always_inline)) void note_hit(
	enum track track, uint64_t *word, uint64_t now)
{
	if (track == TRACK_TIME)
		*word = now;
	else if (track == TRACK_COUNT)
		++*word;
}

/*
 * Runs nr records, at most LANE_RECORDS; returns the lanes of those that hit
 * level 1.  page_shift, ways and track are constants where this is inlined.
 */
static inline __attribute__((always_inline)) uint64_t run_records(
	struct trace *x, const uint64_t *rec, size_t nr, unsigned page_shift,
	unsigned ways, enum track track)
{
	struct tlb_entry *const entries = x->r.l1[0].e;
	const uint64_t set_mask = x->set_mask, want = x->want;
	const uint64_t page_mask = (1ull << page_shift) - 1;
	const struct row *const rows = x->row;
	const uint32_t *const huge_sizes = &x->r.cpu->huge_sizes;
	const uint64_t *const chunk = rec;
	uint64_t *const word = x->word;
	const uint64_t now = x->hit;
	uint64_t lanes = 0;

	for (const uint64_t *end = rec + nr; rec != end; rec++) {
		const struct row *row = &rows[*rec >> VA_TAG_BITS];
		uint64_t vpn = tlb_vpn(*rec, page_shift);
		uint64_t tag = vpn << 12 | want;
		struct tlb_entry *set = entries + (vpn & set_mask) * ways;
		struct tlb_entry e;
		unsigned w = 1;

		if (__builtin_expect(
			    (int64_t)(*rec & page_mask) > row->last, 0)) {
			if (!slow_record(x, rec))
				break;
			continue;
		}
		if (!((set->tag ^ tag) & row->mask)) {
			lanes += row->count;
			note_hit(track, word + set->pfn,
				now + (uint64_t)(rec - chunk));
			continue;
		}
		while (w < ways && (set[w].tag ^ tag) & row->mask)
			w++;
		if (w == ways) {
			if (*huge_sizes && huge_hit(x, *rec, row))
				lanes += row->count;
			else if (!slow_record(x, rec))
				break;
			continue;
		}
		e = set[w];
		for (; w > 0; w--)
			set[w] = set[w - 1];
		set[0] = e;
		lanes += row->count;
		note_hit(track, word + e.pfn, now + (uint64_t)(rec - chunk));
	}
	return lanes;
}

static inline __attribute__((always_inline)) uint64_t run_tracked(
	struct trace *x, const uint64_t *rec, size_t nr, enum track track)
{
	unsigned shift = x->r.m->page_shift, ways = x->r.l1[0].ways;

	if (shift == 12 && ways == 4)
		return run_records(x, rec, nr, 12, 4, track);
	if (shift == 12 && ways == 8)
		return run_records(x, rec, nr, 12, 8, track);
	return run_records(x, rec, nr, shift, ways, track);
}

static uint64_t run_any(struct trace *x, const uint64_t *rec, size_t nr)
{
	switch (policy_tracks(x->r.m)) {
	case TRACK_TIME:
	case TRACK_FUTURE:
		return run_tracked(x, rec, nr, TRACK_TIME);
	case TRACK_COUNT:
		return run_tracked(x, rec, nr, TRACK_COUNT);
	default:
		return run_tracked(x, rec, nr, TRACK_NOTHING);
	}
}

/* ---- a whole trace ---------------------------------------------------------
 */

static void stats_add(struct trace_stats *st, const struct mmu_run *r)
{
	st->loads += r->loads;
	st->stores += r->stores;
	st->fetches += r->fetches;
	st->accesses += r->loads + r->stores + r->fetches;
	st->l1_hits += r->l1_hits;
	st->l2_hits += r->l2_hits;
	st->misses += r->misses;
	st->lookups += r->l1_hits + r->l2_hits + r->misses;
	st->walks += r->walks;
}

/* The next records, at most LANE_RECORDS; a copy of fewer if they are not
 * aligned. */
static const uint64_t *next_records(
	uint64_t copy[COPY_RECORDS], const uint8_t *from, size_t *nr)
{
	if (*nr > LANE_RECORDS)
		*nr = LANE_RECORDS;
	if ((uintptr_t)from % sizeof(*copy) == 0)
		return (const uint64_t *)(const void *)from;
	if (*nr > COPY_RECORDS)
		*nr = COPY_RECORDS;
	memcpy(copy, from, *nr * sizeof(*copy));
	return copy;
}

/* A chunk ends where the policy's timer rings, and with what opt knows. */
static size_t policy_begin(struct trace *x, const void *records, size_t nr)
{
	struct policy_state *p = &x->r.m->root->policy;
	size_t left = future_left(x->r.m);

	if (x->r.m->root->set.policy == POLICY_OPT && !left) {
		policy_forget_future(x->r.m);
		left = future_learn(x->r.m, records, nr);
		policy_learned(x->r.m, mm_at(x->r.m, x->r.t->mm));
	}
	if (left && nr > left)
		nr = left;
	if (nr > p->next_tick - p->now)
		nr = p->next_tick - p->now;
	x->now = p->now;
	x->hit = x->now + 1;
	if (x->r.m->root->set.policy == POLICY_OPT)
		x->hit = future_hit(x->r.m);
	x->next = NULL;
	return nr;
}

static void policy_end(struct trace *x, size_t nr)
{
	struct policy_state *p = &x->r.m->root->policy;

	x->r.m->unseen |= x->next != x->chunk + nr;
	x->r.m->use_now = x->r.m->seen_to = 0;
	if (x->r.t->oom_victim) /* now is where it ended */
		return;
	p->now = x->now + nr;
	if (future_left(x->r.m))
		future_done(x->r.m, nr);
	if (p->now >= p->next_tick)
		policy_tick(x->r.m);
}

static void policy_leave(struct trace *x)
{
	if (x->r.m->root->set.policy == POLICY_OPT && !future_left(x->r.m))
		policy_unlearn(x->r.m);
	else if (x->wants_seen)
		policy_catch_up(x->r.m, x->r.t->cpu);
}

static void count_lanes(struct mmu_run *r, uint64_t lanes)
{
	uint64_t loads = lanes & LANE_MASK;
	uint64_t stores = lanes >> LANE_BITS & LANE_MASK;
	uint64_t fetches = lanes >> 2 * LANE_BITS;

	r->loads += loads;
	r->stores += stores;
	r->fetches += fetches;
	r->l1_hits += loads + stores + fetches;
}

/* How many records ran: fewer where the process is to die, or the line halts.
 */
static size_t run_all(struct trace *x, const uint8_t *at, const size_t nr)
{
	uint64_t copy[COPY_RECORDS];
	size_t done = 0;

	while (done < nr && !x->r.t->oom_victim) {
		size_t next = PLACE_RECORDS - done % PLACE_RECORDS, n;

		/* wherever the records lie: some are run in smaller pieces */
		if (done && next == PLACE_RECORDS && vm_halts(x->r.m))
			break;
		n = x->policy ? policy_begin(x, at, nr - done) : nr - done;
		if (n > next)
			n = next;
		x->chunk = next_records(copy, at, &n);
		count_lanes(&x->r, run_any(x, x->chunk, n));
		if (x->policy)
			policy_end(x, n);
		at += n * sizeof(*copy);
		done += n;
	}
	return done;
}

size_t trace_run(struct vm *m, struct task *t, const void *records, size_t nr)
{
	uint64_t min_flt = t->min_flt, maj_flt = t->maj_flt;
	uint64_t outside_before = t->trace.outside;
	size_t done;
	struct trace x = {
		.st = &t->trace,
		.policy = policy_on(m),
		.wants_seen = policy_wants_seen(m),
		.word = policy_words(m),
	};

	if (!t->mm || !nr)
		return 0;
	mmu_begin(&x.r, m, t);
	x.r.memo = x.memo;
	rows_init(&x);
	x.set_mask = x.r.l1[0].sets - 1;
	x.want = x.r.base | TLB_RIGHTS;
	done = run_all(&x, records, nr);
	if (x.policy)
		policy_leave(&x);
	vm_fail_clear(m);
	stats_add(x.st, &x.r);
	x.st->faults_minor += t->min_flt - min_flt;
	x.st->faults_major += t->maj_flt - maj_flt;
	m->root->count[CNT_TRACE_ACCESSES] +=
		x.r.loads + x.r.stores + x.r.fetches;
	m->root->count[CNT_TRACE_OUTSIDE] += x.st->outside - outside_before;
	mmu_end(&x.r);
	return done;
}
