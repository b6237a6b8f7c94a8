/*
 * The lock that readers and writers share in turns: nobody reads while one
 * writes, what was written is seen, and neither side starves.
 */
#include "vmtest.h"

#include <pthread.h>
#include <stdatomic.h>

#include "../../fs/fair.h"

#define ROUNDS 2000

struct shared {
	struct fair_lock lock;
	unsigned a, b; /* always equal for who reads */
	atomic_uint reads, writes, torn;
	atomic_bool stop;
};

static void *write_rounds(void *arg)
{
	struct shared *s = arg;

	for (unsigned i = 0; i < ROUNDS; i++) {
		fair_write(&s->lock);
		s->a++;
		if (i % 7 == 0) {
			s->b++;
			fair_pause(&s->lock);
		} else {
			s->b++;
		}
		fair_unlock(&s->lock);
		atomic_fetch_add(&s->writes, 1);
	}
	return NULL;
}

static void *read_rounds(void *arg)
{
	struct shared *s = arg;

	for (unsigned i = 0; i < ROUNDS; i++) {
		fair_read(&s->lock);
		if (s->a != s->b)
			atomic_fetch_add(&s->torn, 1);
		fair_unlock(&s->lock);
		atomic_fetch_add(&s->reads, 1);
	}
	return NULL;
}

static void test_exclusion(void **state)
{
	struct shared s = {.a = 0};
	pthread_t t[6];

	fair_init(&s.lock);
	for (unsigned i = 0; i < COUNT(t); i++)
		assert_int_equal(
			pthread_create(&t[i], NULL,
				i % 2 ? write_rounds : read_rounds, &s),
			0);
	for (unsigned i = 0; i < COUNT(t); i++)
		pthread_join(t[i], NULL);
	assert_int_equal(s.torn, 0);
	assert_int_equal(s.a, 3 * ROUNDS);
	assert_int_equal(s.reads, 3 * ROUNDS);
	assert_int_equal(s.lock.readers, 0);
	assert_false(s.lock.writing);
	fair_destroy(&s.lock);
}

/* Writes without end, until told to stop. */
static void *write_always(void *arg)
{
	struct shared *s = arg;

	while (!atomic_load(&s->stop)) {
		fair_write(&s->lock);
		s->a++;
		s->b++;
		fair_unlock(&s->lock);
	}
	return NULL;
}

static void *read_always(void *arg)
{
	struct shared *s = arg;

	while (!atomic_load(&s->stop)) {
		fair_read(&s->lock);
		fair_unlock(&s->lock);
	}
	return NULL;
}

/* Three who never pause on one side do not keep one on the other out. */
static void test_turns(void **state)
{
	static void *(*const crowd[])(void *) = {write_always, read_always};
	static void *(*const alone[])(void *) = {read_rounds, write_rounds};

	for (unsigned k = 0; k < COUNT(crowd); k++) {
		struct shared s = {.a = 0};
		pthread_t t[3];

		fair_init(&s.lock);
		for (unsigned i = 0; i < COUNT(t); i++)
			assert_int_equal(
				pthread_create(&t[i], NULL, crowd[k], &s), 0);
		alone[k](&s);
		atomic_store(&s.stop, true);
		for (unsigned i = 0; i < COUNT(t); i++)
			pthread_join(t[i], NULL);
		assert_int_equal(s.torn, 0);
		fair_destroy(&s.lock);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exclusion),
		cmocka_unit_test(test_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
