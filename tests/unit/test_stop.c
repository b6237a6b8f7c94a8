/*
 * Lines that end early.  Ended at its place N, a line leaves the machine as
 * the line "stop=N LINE" does on another one, byte for byte, and everything
 * that is counted adds up.
 */
#include <stdio.h>
#include <stdlib.h>

#include "vmtest.h"

#include "../../vm/mmu/mmu.h"

struct machine {
	struct vm *m;
	uint64_t stop_at, places; /* 0: never; those of the last line */
	char reply[SENTENCE_MAX + 64];
	struct vm_outcome out;
};

static void note_reply(
	void *ctx, const struct reply *r, const char *line, size_t len)
{
	struct machine *x = ctx;

	vm_reply_format(r, x->reply, sizeof(x->reply));
}

static bool asked(void *ctx, size_t line, uint64_t place)
{
	struct machine *x = ctx;

	x->places = place ? place : x->places;
	return place && place == x->stop_at;
}

static void apply(struct machine *x, uint32_t kind, const char *text,
	const void *blob, size_t len)
{
	struct event e = {.actor = {.kind = kind, .id = 1},
		.text = text,
		.text_len = strlen(text),
		.blob = blob,
		.blob_len = len,
		.stop = asked,
		.stop_ctx = x};

	x->places = 0;
	vm_apply(x->m, &e, note_reply, x, &x->out);
	if (x->out.refused)
		fail_msg("'%s': %s", text, vm_sentence(x->m));
	vmtest_check(x->m);
}

static struct vm *boot(void)
{
	char err[SENTENCE_MAX] = "";
	struct vm_config c;

	vm_config_default(&c);
	assert_int_equal(vm_config_set(&c, "ram", "128M", err), 0);
	assert_int_equal(vm_config_set(&c, "nodes", "2", err), 0);
	assert_int_equal(vm_config_set(&c, "cpus", "2", err), 0);
	return vm_boot(&c, &host_mmap, err);
}

static void assert_same(struct vm *a, struct vm *b, const char *what)
{
	struct vm_segment x, y;

	for (unsigned i = 0; i < vm_nr_segments(); i++) {
		vm_segment(a, i, &x);
		vm_segment(b, i, &y);
		if (x.used != y.used || memcmp(x.base, y.base, x.used))
			fail_msg("%s: segment %s differs", what, x.name);
	}
}

static uint64_t records[20000];

/* Commands that work for long, and what comes before them. */
static const struct {
	const char *before[4];
	const char *line;
	uint32_t kind;
	bool blob;
} cases[] = {
	{{"mmap 64M rw as=a"}, "touch a 40M", ACTOR_PROCESS, false},
	{{"mmap 64M rw as=a"}, "read a 30M", ACTOR_PROCESS, false},
	{{NULL}, "mmap 20M rw flags=populate", ACTOR_PROCESS, false},
	{{"mmap 20M rw as=a"}, "mlock a 20M", ACTOR_PROCESS, false},
	{{"mmap 20M rw flags=shared as=a"}, "madvise a 20M populate_write",
		ACTOR_PROCESS, false},
	{{"mmap 40M rw as=a", "touch a 40M"}, "madvise a 40M cold",
		ACTOR_PROCESS, false},
	{{"mmap 40M rw as=a", "touch a 40M"}, "madvise a 40M pageout",
		ACTOR_PROCESS, false},
	{{"mmap 40M rw as=a", "touch a 40M"}, "madvise a 40M free",
		ACTOR_PROCESS, false},
	{{"mmap 40M rw as=a", "touch a 40M"}, "madvise a 40M collapse",
		ACTOR_PROCESS, false},
	{{"mmap 20M rw as=a", "touch a 20M"}, "migrate_pages 1 0 1",
		ACTOR_PROCESS, false},
	{{"mmap 20M rw as=a", "touch a 20M"},
		"mbind a 20M bind nodes=1 flags=move", ACTOR_PROCESS, false},
	{{"mmap 90M rw as=a", "touch a 90M"}, "reclaim 9000", ACTOR_MACHINE,
		false},
	{{"mmap 150M rw as=a", "touch a 150M", "madvise a 100M dontneed"},
		"swapoff /dev/vdb", ACTOR_MACHINE, false},
	{{"mmap 90M rw as=a", "touch a 90M", "madvise a+30M 20M dontneed"},
		"compact_memory 1", ACTOR_MACHINE, false},
	{{NULL}, "set nr_hugepages 30", ACTOR_MACHINE, false},
	{{"open /f rdwr,creat"}, "pwrite 0 \"abc\" 0 len=20M", ACTOR_PROCESS,
		false},
	{{"open /f rdwr,creat", "pwrite 0 \"abc\" 0 len=20M"}, "pread 0 20M 0",
		ACTOR_PROCESS, false},
	{{"open /f rdwr,creat", "pwrite 0 \"abc\" 0 len=8M"}, "sync",
		ACTOR_MACHINE, false},
	{{"open /f rdwr,creat", "pwrite 0 \"abc\" 0 len=8M"}, "fsync 0",
		ACTOR_PROCESS, false},
	{{"mmap 64M rw addr=0x10000000 flags=fixed,private"}, "trace",
		ACTOR_TRACE, true},
};

static void begin(struct machine *x, size_t i)
{
	*x = (struct machine){.m = boot()};
	assert_non_null(x->m);
	for (unsigned k = 0; k < 4 && cases[i].before[k]; k++) {
		apply(x, ACTOR_PROCESS, cases[i].before[k], NULL, 0);
		assert_int_equal(x->out.failed, 0);
	}
}

static void run_case(struct machine *x, size_t i, const char *line)
{
	apply(x, cases[i].kind, line, cases[i].blob ? records : NULL,
		cases[i].blob ? sizeof(records) : 0);
}

/* Ended at place n: what the line with the prefix gives, and no other state. */
static void stop_at(size_t i, uint64_t n)
{
	struct machine asked_to, told;
	char line[200];

	begin(&asked_to, i);
	begin(&told, i);
	asked_to.stop_at = n;
	run_case(&asked_to, i, cases[i].line);
	if (!asked_to.out.failed || asked_to.out.last.err != EINTR ||
		strncmp(asked_to.reply, "-EINTR interrupted", 18))
		fail_msg("'%s' at %llu: %s", cases[i].line,
			(unsigned long long)n, asked_to.reply);
	snprintf(line, sizeof(line), STOP_PREFIX "%llu %s",
		(unsigned long long)n, cases[i].line);
	run_case(&told, i, line);
	assert_string_equal(told.reply, asked_to.reply);
	assert_same(asked_to.m, told.m, line);
	/* both go on alike */
	apply(&asked_to, ACTOR_MACHINE, "tick 1000", NULL, 0);
	apply(&told, ACTOR_MACHINE, "tick 1000", NULL, 0);
	assert_same(asked_to.m, told.m, line);
	vm_destroy(asked_to.m);
	vm_destroy(told.m);
}

static void test_places(void **state)
{
	for (size_t i = 0; i < COUNT(records); i++)
		records[i] = TRACE_RECORD(
			i % 4, 3, 0x10000000 + (i * 7919 * 4096) % (64 << 20));
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct machine whole;
		uint64_t n;

		begin(&whole, i);
		run_case(&whole, i, cases[i].line);
		n = whole.places;
		vm_destroy(whole.m);
		if (n < 2)
			fail_msg("'%s' has %llu places", cases[i].line,
				(unsigned long long)n);
		stop_at(i, 1);
		stop_at(i, n / 2 + 1);
		stop_at(i, n);
	}
}

/* Records of a journal may lie at any byte: that changes no place. */
static void test_odd_bytes(void **state)
{
	static uint8_t odd[sizeof(records) + 1];
	const size_t last = COUNT(cases) - 1;

	memcpy(odd + 1, records, sizeof(records));
	for (uint64_t n = 1; n < 4; n++) {
		struct machine x, y;

		begin(&x, last);
		begin(&y, last);
		x.stop_at = y.stop_at = n;
		run_case(&x, last, "trace");
		apply(&y, ACTOR_TRACE, "trace", odd + 1, sizeof(records));
		assert_string_equal(x.reply, y.reply);
		assert_same(x.m, y.m, "odd bytes");
		vm_destroy(x.m);
		vm_destroy(y.m);
	}
}

/* A place that a line does not come to changes nothing. */
static void test_beyond(void **state)
{
	struct machine x, y;

	begin(&x, 0);
	begin(&y, 0);
	run_case(&x, 0, "touch a 40M");
	run_case(&y, 0, "stop=1000 touch a 40M");
	assert_string_equal(y.reply, "0");
	assert_same(x.m, y.m, "beyond");
	vm_destroy(x.m);
	vm_destroy(y.m);
}

static bool before_the_third(void *ctx, size_t line, uint64_t place)
{
	return !place && line == *(size_t *)ctx;
}

/* An event ends before one of its lines. */
static void test_between(void **state)
{
	static const char text[] = "sbrk 4K\n# none\nsbrk 4K\nsbrk 4K\n";
	size_t third = strlen(text) - strlen("sbrk 4K\n");
	struct machine x = {.m = boot()};
	struct event e = {.actor = {.kind = ACTOR_PROCESS, .id = 1},
		.text = text,
		.text_len = strlen(text),
		.stop = before_the_third,
		.stop_ctx = &third};

	vm_apply(x.m, &e, note_reply, &x, &x.out);
	assert_int_equal(x.out.lines, 2);
	assert_int_equal(x.out.stopped, 1);
	assert_int_equal(x.out.failed, 0);
	assert_int_equal(x.out.consumed, third);
	vm_destroy(x.m);
}

static void refused(struct vm *m, const char *line, const char *why)
{
	struct event e = {.actor = {.kind = ACTOR_MACHINE},
		.text = line,
		.text_len = strlen(line)};

	assert_int_equal(vm_parse_first(m, &e), -EINVAL);
	assert_sentence(vm_sentence(m), why);
}

static void test_words(void **state)
{
	struct vm *m = boot();

	refused(m, "stop=0 sync", "the place where the command ends, from 1");
	refused(m, "stop=x sync", "the place where the command ends, from 1");
	refused(m, "stop=", "the place where the command ends, from 1");
	refused(m, "stop=4", "stands before a command");
	refused(m, "stop=4 # sync", "stands before a command");
	refused(m, "stop=4 nothing", "unknown command");
	refused(m, "stop=4 checkpoint x", "does not work on the machine");
	vm_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_odd_bytes),
		cmocka_unit_test(test_beyond),
		cmocka_unit_test(test_between),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
