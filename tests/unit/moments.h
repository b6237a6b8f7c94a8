/* Past moments of a small tree of timelines, and what they must be. */
#ifndef PAGEFS_TEST_MOMENTS_H
#define PAGEFS_TEST_MOMENTS_H

#include "store_util.h"

#define MOMENTS 64

/* What the machine was after each line, by seq. */
static char hash_at[MOMENTS][33];
static char *log_at[MOMENTS];

static inline void record(struct store *s)
{
	uint64_t seq = store_seq(s);

	assert_true(seq < MOMENTS);
	hash_of(s, hash_at[seq]);
	free(log_at[seq]);
	log_at[seq] = whole_log(s, 4096);
}

static inline void run_and_record(struct store *s, const char *line)
{
	assert_int_equal(proc(s, 2, line), 0);
	record(s);
}

static inline int setup(void **state)
{
	memset(hash_at, 0, sizeof(hash_at));
	return scratch_setup(state);
}

static inline int teardown(void **state)
{
	for (int i = 0; i < MOMENTS; i++) {
		free(log_at[i]);
		log_at[i] = NULL;
	}
	return scratch_teardown(state);
}

static inline char *view_log(struct store_view *v, size_t step)
{
	uint64_t size = store_view_log_size(v), off = 0;
	char *buf = malloc(size + 1);

	while (off < size) {
		int64_t n = store_view_log_read(v, off, buf + off, step);

		assert_true(n > 0);
		off += (uint64_t)n;
	}
	buf[size] = 0;
	return buf;
}

static inline void compare_moment(struct store *s, uint64_t seq)
{
	char where[24], hash[33], *log;
	struct store_view *v;

	snprintf(where, sizeof(where), "%llu", (unsigned long long)seq);
	if (store_view_open(s, where, NULL, &v, store_err))
		fail_msg("%s: %s", where, store_err);
	store_state_hash(store_view_vm(v), hash);
	assert_string_equal(hash, hash_at[seq]);
	assert_int_equal(store_view_seq(v), seq);
	assert_int_equal(store_view_time(v), store_view_vm(v)->root->ns);
	log = view_log(v, 50);
	assert_string_equal(log, log_at[seq]);
	free(log);
	store_view_close(v);
}

static inline void compare_all(struct store *s)
{
	for (uint64_t seq = 0; seq < MOMENTS; seq++)
		if (hash_at[seq][0])
			compare_moment(s, seq);
}

/*
 *	1: 1..8
 *	       5 -> 2: 9..11
 *	                10 -> 3: 12 13
 *	   2 -> 4: 14
 */
static inline void grow_tree(struct store *s)
{
	record(s);
	populate(s); /* 1..5, the last two of them in one row */
	record(s);
	run_and_record(s, "mmap 8K rw as=b");	/* 6 */
	run_and_record(s, "write b \"first\""); /* 7 */
	run_and_record(s, "touch b+4K w");	/* 8 */
	assert_int_equal(store_restore(s, "5"), 0);
	assert_int_equal(store_seq(s), 5);
	run_and_record(s, "mmap 64K r as=c");	 /* 9 */
	run_and_record(s, "write a \"second\""); /* 10 */
	run_and_record(s, "touch a");		 /* 11 */
	assert_int_equal(store_restore(s, "10"), 0);
	run_and_record(s, "munmap 1 1");	   /* 12 */
	run_and_record(s, "write a+8K \"third\""); /* 13 */
	assert_int_equal(store_restore(s, "2"), 0);
	run_and_record(s, "write a \"fourth\""); /* 14 */
}

#endif
