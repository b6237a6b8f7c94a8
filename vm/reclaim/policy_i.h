/*
 * What the files of the policies share.  SEG_POLICY holds, from the first
 * textbook policy on, 52 bytes and 3 bits for each frame of the machine:
 *
 *	log      the last evictions, a ring
 *	word     by frame: what the policy knows of its use
 *	rank     by seat: what orders its page among those of a heap
 *	pfn      by seat: its page; the order is a heap, a circle, or a bag
 *	seat_of  by frame: its seat
 *	map      by slot, bits: in use, referenced, modified
 *
 *	pfn[]   | the order  ...  |   free   | set aside ...  |   free   |
 *		0             nr or top      max        max + nr_aside   2 max
 *
 *	policy         order   word                          leaves first
 *	------         -----   ----                          ------------
 *	fifo           heap    -                             first page_in
 *	lru, ws        heap    time of the last use          smallest
 *	lfu            heap    number of uses                smallest
 *	aging          heap    R and the register            smallest
 *	mru            heap    time of the last use          largest
 *	opt            heap    number of the last use        largest next use
 *	clock ... nru  circle  R and M                       see policy_ring.c
 *	random         bag     -                             any
 */
#ifndef PAGEFS_VM_POLICY_I_H
#define PAGEFS_VM_POLICY_I_H

#include "../phys/phys.h"
#include "policy.h"

enum order { ORDER_NONE, ORDER_HEAP, ORDER_RING, ORDER_BAG };

static inline enum order policy_order(const struct vm *m)
{
	switch (m->root->set.policy) {
	case POLICY_LINUX:
		return ORDER_NONE;
	case POLICY_CLOCK:
	case POLICY_ECLOCK:
	case POLICY_NRU:
		return ORDER_RING;
	case POLICY_RANDOM:
		return ORDER_BAG;
	default:
		return ORDER_HEAP;
	}
}

/*
 * The smallest rank of a heap leaves first: key << 64 | page_in, the key as it
 * was known last, and the serial number of the page that came in, from 1 on.
 */
typedef unsigned __int128 policy_rank;

#define LOG_BYTES (NR_EVICTIONS_KEPT * sizeof(struct eviction))

static inline uint64_t *policy_word(const struct vm *m, pfn_t pfn)
{
	return policy_words(m) + pfn;
}

/* Bytes in front of the ranks, so that four children of a heap, 4i + 1 to
 * 4i + 4, lie in one line of the host's cache. */
static inline uint64_t policy_ranks_at(uint64_t frames)
{
	return (LOG_BYTES + frames * sizeof(uint64_t) + 63) / 64 * 64 +
	       3 * sizeof(policy_rank);
}

static inline policy_rank *policy_rank_at(const struct vm *m, uint32_t seat)
{
	return (policy_rank *)seg_at(
		       m, SEG_POLICY, policy_ranks_at(m->root->max_pfn)) +
	       seat;
}

static inline uint64_t policy_page_in(const struct vm *m, uint32_t seat)
{
	return (uint64_t)*policy_rank_at(m, seat);
}

/* The page in a seat; PFN_NONE: the seat is empty. */
static inline pfn_t *policy_pfn(const struct vm *m, uint32_t seat)
{
	return (pfn_t *)policy_rank_at(m, 2 * m->root->max_pfn) + seat;
}

/* The seat of the n-th page that is set aside, from 1 on.  A circle has gaps:
 * those set aside have seats of their own. */
static inline uint32_t policy_aside(const struct vm *m, uint32_t n)
{
	return m->root->max_pfn + n - 1;
}

/* The index of the frame's seat + 1; 0: none. */
static inline uint32_t *policy_seat_of(const struct vm *m, pfn_t pfn)
{
	return policy_pfn(m, 2 * m->root->max_pfn) + pfn;
}

enum policy_map { MAP_USED, MAP_REFERENCED, MAP_MODIFIED };

/* 64 slots a word. */
static inline uint64_t *policy_map(const struct vm *m, enum policy_map map)
{
	uint64_t words = ((uint64_t)m->root->max_pfn + 63) / 64;

	return (uint64_t *)policy_seat_of(m, m->root->max_pfn) + map * words;
}

static inline void policy_sit(
	struct vm *m, uint32_t seat, pfn_t pfn, policy_rank rank)
{
	*policy_rank_at(m, seat) = rank;
	*policy_pfn(m, seat) = pfn;
	*policy_seat_of(m, pfn) = seat + 1;
}

static inline void policy_empty_seat(struct vm *m, uint32_t seat)
{
	*policy_rank_at(m, seat) = 0;
	*policy_pfn(m, seat) = PFN_NONE;
}

/* Bits of the word of clock, eclock, nru. */
#define WORD_REFERENCED 1u
#define WORD_MODIFIED	2u
/* Of aging's word: the bit above a register of 8. */
#define AGING_REFERENCED 0x100u

/* The referenced bit ends, in all page tables and TLBs: the next use is a TLB
 * miss, and sets it. */
void policy_unreference(struct vm *m, pfn_t pfn);

/* ---- heap (policy_heap.c) ---- */
void heap_put(struct vm *m, pfn_t pfn, uint64_t page_in);
void heap_take(struct vm *m, uint32_t seat);
/* The page that leaves first; PFN_NONE without pages. */
pfn_t heap_first(struct vm *m);
/* The key of this page, or of all, has changed. */
void heap_fix(struct vm *m, uint32_t seat);
void heap_rebuild(struct vm *m);
int heap_check(struct vm *m);

/* ---- circle of slots (policy_ring.c) ---- */
void ring_put(struct vm *m, pfn_t pfn, uint64_t page_in);
void ring_take(struct vm *m, uint32_t slot);
pfn_t ring_first(struct vm *m);
/* The page has these bits now. */
void ring_mark(struct vm *m, pfn_t pfn, uint64_t word);
/* NRU's tick: nothing is referenced. */
void ring_unreference_all(struct vm *m);
int ring_check(struct vm *m);

#endif
