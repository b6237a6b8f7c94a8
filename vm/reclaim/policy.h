/*
 * Textbook page replacement, in the place of Linux's reclaim.
 *
 * A policy orders the pages that could leave RAM: anonymous pages, shared
 * memory, and pages of files that are not locked.  It hears of three things: a
 * page came in (lru_add()), a page was used (policy_page_used(), and the loop
 * of traces), a page is gone (buddy_free()).  When room is needed it names the
 * victim, and evict.c takes that page out as ever.
 *
 * Under a textbook policy all is demand paging: each page comes in alone, at
 * the access that needs it, and goes alone, when another needs its place.  No
 * daemon, no readahead, no huge pages; a load from untouched memory gets a
 * frame of its own.  set.frames limits how many pages there are.
 *
 * The exact rules, with examples: docs/policies.md.
 */
#ifndef PAGEFS_VM_POLICY_H
#define PAGEFS_VM_POLICY_H

#include "../machine.h"

#define VM_POLICIES(X)      \
	X(LINUX, "linux")   \
	X(FIFO, "fifo")     \
	X(LRU, "lru")       \
	X(MRU, "mru")       \
	X(CLOCK, "clock")   \
	X(ECLOCK, "eclock") \
	X(NRU, "nru")       \
	X(LFU, "lfu")       \
	X(AGING, "aging")   \
	X(RANDOM, "random") \
	X(WS, "ws")         \
	X(OPT, "opt")

enum policy {
#define X(id, name) POLICY_##id,
	VM_POLICIES(X)
#undef X
		NR_POLICIES
};

/* Names in the order of the enum, for tables. */
#define X_POLICY_NAME(id, name) name,
#define POLICY_NAMES		VM_POLICIES(X_POLICY_NAME)

/* What a policy must know of every access, also of those that hit the TLB. */
enum track { TRACK_NOTHING, TRACK_TIME, TRACK_COUNT, TRACK_FUTURE };

/* One page that left. */
struct eviction {
	uint64_t at;	/* access in progress */
	uint64_t index; /* as in struct frame */
	uint32_t owner; /* of a file's page its inode number */
	pfn_t pfn;
	uint32_t reserved;
	uint8_t state, exclusive;
	uint8_t referenced, modified;
};
#define NR_EVICTIONS_KEPT 1024u

static inline bool policy_on(const struct vm *m)
{
	return m->root->set.policy != POLICY_LINUX;
}

/* Bytes of SEG_POLICY for that many frames. */
uint64_t policy_bytes(uint64_t frames);

/*
 * The policy from now on, with its counts at zero.  A textbook policy begins
 * with empty memory: each page that can leave is taken out first.
 */
void policy_set(struct vm *m, enum policy kind);

/* ---- what it hears ---- */
/* A page is on an LRU list now: it came in, was locked, or unlocked. */
void policy_page_listed(struct vm *m, pfn_t pfn);
void policy_page_freed(struct vm *m, pfn_t pfn);
/* It lies in another frame now, and keeps its place in the order. */
void policy_page_moved(struct vm *m, pfn_t to, pfn_t from);
/* The page of va was used, by the access number policy.now.  `again`: by the
 * second half of one, which is not counted. */
void policy_page_used(
	struct vm *m, pfn_t pfn, vaddr_t va, bool write, bool again);
/* A use that was not told of, because the TLB knew the page: its time or count
 * is up to date, its place in the order is not. */
void policy_page_seen(struct vm *m, pfn_t pfn);
/* The same for all pages that the first level of a processor's TLB knows, but
 * for those whose last use was number m->seen_to or less.  It is 0 outside
 * traces, which alone number their uses in order. */
void policy_catch_up(struct vm *m, unsigned cpu);
/* A page was written back: modified no more. */
void policy_page_cleaned(struct vm *m, pfn_t pfn);
/* opt: the future is forgotten, so that another can be learnt (future_learn());
 * that is done, and it is mm's; there is none any more. */
struct mm;
void policy_forget_future(struct vm *m);
void policy_learned(struct vm *m, const struct mm *mm);
void policy_unlearn(struct vm *m);
/* The timer: policy.now has come to policy.next_tick. */
void policy_tick(struct vm *m);

/* One access that is not part of a trace; va as the process sees it. */
static inline void policy_access(
	struct vm *m, pfn_t pfn, vaddr_t va, bool write)
{
	if (!policy_on(m))
		return;
	m->root->policy.now++;
	policy_page_used(m, pfn, va, write, false);
	if (m->root->policy.now >= m->root->policy.next_tick)
		policy_tick(m);
}

static inline enum track policy_tracks(const struct vm *m)
{
	switch (m->root->set.policy) {
	case POLICY_LRU:
	case POLICY_MRU:
	case POLICY_WS:
		return TRACK_TIME;
	case POLICY_LFU:
		return TRACK_COUNT;
	case POLICY_OPT:
		return TRACK_FUTURE;
	default:
		return TRACK_NOTHING;
	}
}

/* Whether it wants policy_page_seen(), before the TLB forgets a page; and
 * m->unseen, when accesses hit the TLB. */
static inline bool policy_wants_seen(const struct vm *m)
{
	return m->root->set.policy == POLICY_MRU ||
	       m->root->set.policy == POLICY_OPT;
}

/* The words, by frame, where the loop of traces stores time or count; behind
 * the log of evictions. */
static inline uint64_t *policy_words(const struct vm *m)
{
	return (uint64_t *)seg_at(
		m, SEG_POLICY, NR_EVICTIONS_KEPT * sizeof(struct eviction));
}

/* ---- what it does ---- */
/* Takes one page out; false if none can leave. */
bool policy_evict(struct vm *m);
/* Those that could not leave have another try: after each command, and when
 * there is more room in swap than there was. */
void policy_bring_back(struct vm *m);
/* Makes room for nr more pages within set.frames: 0, or -ENOMEM. */
int policy_reserve(struct vm *m, unsigned nr);

/* ---- look ---- */
/* One place of the order; see fs/show_policy.c. */
struct policy_view {
	uint32_t slot;
	bool in_slot; /* of a circle: pages stay in their slots */
	bool aside;   /* could not leave when it was its turn */
	pfn_t pfn;    /* PFN_NONE: an empty slot */
	uint32_t owner;
	uint64_t index;
	uint64_t order;	  /* of page-ins, and of those that could not leave */
	uint64_t page_in; /* it was the so manieth, 0: could not leave */
	uint64_t word;	  /* by policy: time, count, bits, register */
	uint64_t rank;	  /* the smallest leaves first, then by page_in */
};
uint32_t policy_places(const struct vm *m);
/* Place i, in no order. */
void policy_look(const struct vm *m, uint32_t i, struct policy_view *v);

/* Eviction number n, counted from 1; NULL if it is too long ago. */
const struct eviction *policy_eviction(const struct vm *m, uint64_t n);

int policy_check(struct vm *m);

#endif
