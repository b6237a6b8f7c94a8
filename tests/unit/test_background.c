/*
 * The store's thread takes checkpoints while commands run and others read:
 * each is of one moment, and the machine is where the commands left it.
 */
#include "store_util.h"

#include <pthread.h>
#include <stdatomic.h>

static atomic_bool done;

static void *look(void *ctx)
{
	struct store *s = ctx;
	char hash[33], buf[512];

	while (!atomic_load(&done)) {
		store_live_hash(s, hash);
		store_log_read(s, 0, buf, sizeof(buf));
		usleep(2000);
	}
	return NULL;
}

/* Gives the thread the time to take the checkpoint that is due. */
static void wait_for_it(struct store *s)
{
	bool due = true;

	assert_int_equal(proc(s, 2, "brk 0"), 0);
	for (unsigned i = 0; due && i < 2000; i++) {
		usleep(10000);
		store_lock(s);
		due = s->work_ns >= 1000000000;
		store_unlock(s);
	}
	assert_false(due);
}

static void test_beside(void **state)
{
	struct store *s = open_small();
	char h1[33], line[96];
	pthread_t reader;

	populate(s);
	atomic_store(&done, false);
	pthread_create(&reader, NULL, look, s);
	for (unsigned i = 0; i < 1500; i++) {
		snprintf(line, sizeof(line),
			"mmap 512K rw as=b%u\ntouch b%u 512K w\n"
			"write b%u+%u \"%u\"\nmunmap b%u 256K",
			i % 9, i % 9, i % 9, i % 64 * 4096, i, (i + 4) % 9);
		assert_int_equal(proc(s, 2, line), 0);
		/* as if replay were slow: a checkpoint is due */
		if (i % 50 == 49) {
			store_lock(s);
			s->work_ns += 1000000000;
			store_unlock(s);
		}
		if (i % 300 == 299)
			wait_for_it(s);
		if (i % 400 == 399)
			store_idle(s);
	}
	atomic_store(&done, true);
	pthread_join(reader, NULL);
	assert_true(s->back.running);
	hash_of(s, h1);
	assert_sound(s);
	store_close(s);
	assert_true(sql_int("SELECT count(*) FROM checkpoint") > 3);
	assert_replays_to(h1);
}

static bool is_copying(struct store *s)
{
	bool copying;

	store_lock(s);
	copying = s->back.wal || s->back.copying;
	store_unlock(s);
	return copying;
}

/* The WAL is copied while commands write it, and begins anew; nothing of what
 * they wrote is lost. */
static void test_copying(void **state)
{
	struct store *s = open_small();
	unsigned beside = 0, again = 0;
	char h1[33];
	int frames = 0;

	populate(s);
	for (unsigned i = 0; i < 60000; i++) {
		assert_int_equal(proc(s, 2, "brk 0"), 0);
		beside += is_copying(s);
		again += s->wal_frames < frames;
		frames = s->wal_frames;
	}
	assert_true(beside > 0);
	store_lock(s);
	assert_true(background_wants(s, &s->back.wal));
	store_unlock(s);
	for (unsigned i = 0; is_copying(s) && i < 2000; i++)
		usleep(10000);
	assert_false(is_copying(s));
	/* all is copied: the next command finds it so */
	assert_int_equal(proc(s, 2, "brk 0"), 0);
	again += s->wal_frames < frames;
	assert_true(again > 0);
	assert_true(s->wal_frames < 1000);
	hash_of(s, h1);
	store_close(s);
	assert_int_equal(sql_int("SELECT count(*) FROM journal"), 60005);
	assert_replays_to(h1);
}

#define T(name) \
	cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(test_beside),
		T(test_copying),
	};

	SQL_CHILD(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
