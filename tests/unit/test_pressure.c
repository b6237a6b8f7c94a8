/*
 * When memory runs short: stalls and their averages; and swap files, which
 * nobody may change.
 */
#include <stdlib.h>

#include "../../vm/kernel/psi.h"
#include "pressure_rig.h"

/* A byte to each of so many pages, in one event. */
static void store_pages(uint32_t pid, const char *label, unsigned nr)
{
	char *text = malloc(nr * 40ul), *end = text;

	for (unsigned i = 0; i < nr; i++)
		end += snprintf(end, 40, "write %s+%uK \"%c\"\n", label, 4 * i,
			'a' + (int)(i % 26));
	SAYS(pid, text, "0");
	free(text);
}

/* ---- averages ---- */

/* A tenth of the first period was lost; then nothing, for 10 more. */
static void test_average(void **state)
{
	struct root r = {0};

	averages_boot(&r);
	r.ns = r.psi.next - 1;
	psi_update(&r, &r.psi);
	assert_int_equal(r.psi.last, 0);
	r.ns++;
	r.psi.total[PSI_IO] = r.ns / 10;
	psi_update(&r, &r.psi);
	/* 10 % of (1 - 1677/2048), (1 - 1981/2048), (1 - 2034/2048) */
	assert_int_equal(load_int(r.psi.avg[PSI_IO][0]), 1);
	assert_int_equal(load_hundredths(r.psi.avg[PSI_IO][0]), 81);
	assert_int_equal(load_hundredths(r.psi.avg[PSI_IO][1]), 32);
	assert_int_equal(load_hundredths(r.psi.avg[PSI_IO][2]), 6);
	assert_int_equal(r.psi.avg[PSI_MEMORY][0], 0);
	/* 1.81 * exp(-2)^10, in one step */
	r.ns *= 11;
	psi_update(&r, &r.psi);
	assert_in_range(r.psi.avg[PSI_IO][0], 2048 * 23 / 100, 2048 * 26 / 100);
	assert_int_equal(r.psi.seen[PSI_IO], r.psi.total[PSI_IO]);
	/* more than the period counts as all of it, the rest in the next */
	r.psi.total[PSI_IO] += 3 * (r.psi.next - r.psi.last);
	for (unsigned i = 0; i < 3; i++) {
		r.ns = r.psi.next;
		psi_update(&r, &r.psi);
	}
	assert_int_equal(r.psi.seen[PSI_IO], r.psi.total[PSI_IO]);
	assert_in_range(load_int(r.psi.avg[PSI_IO][0]), 44, 46);
}

static void test_load(void **state)
{
	struct load l = {.next = 1000};
	struct root r = {.ns = 1000};

	/* one period: 3 * (1 - 1884/2048) */
	load_update(&r, 3, &l);
	assert_int_equal(load_hundredths(l.avg[0]), 24);
	/* an hour of three processes */
	r.ns += 3600ull * 1000000000;
	load_update(&r, 3, &l);
	assert_in_range(l.avg[0], 3 * 2048 - 2, 3 * 2048);
	assert_in_range(l.avg[2], 3 * 2048 - 150, 3 * 2048);
	/* and of none */
	r.ns += 3600ull * 1000000000;
	load_update(&r, 0, &l);
	assert_int_equal(load_int(l.avg[1]) + load_hundredths(l.avg[0]), 0);
}

/* ---- stalls ---- */

static void test_stalls(void **state)
{
	const struct root *r = m->root;
	uint64_t io, ns, blocks;

	SAYS(0, "set page-cluster 0", "0");
	say(2, "mmap 40M rw as=a");
	SAYS(2, "touch a 8M w", "0");
	assert_int_equal(r->psi.total[PSI_MEMORY] + r->psi.total[PSI_IO], 0);
	for (unsigned i = 0; i < 32; i++) {
		char line[64];

		snprintf(line, sizeof(line), "write a+%uK \"x\"", i * 4);
		SAYS(2, line, "0");
	}
	SAYS(2, "madvise a 128K pageout", "0");
	io = r->psi.total[PSI_IO];
	ns = r->ns;
	SAYS(2, "read a", "hex:78");
	/* one block, and the clock waited for it */
	assert_int_equal(r->psi.total[PSI_IO] - io, r->set.cost_io_ns);
	assert_in_range(r->ns - ns, r->set.cost_io_ns, 2 * r->set.cost_io_ns);
	assert_int_equal(r->cpu[0].iowait_ns + r->cpu[1].iowait_ns,
		r->psi.total[PSI_IO]);
	/* thrashing costs memory too: what was in use comes back */
	for (unsigned i = 0; i < 3; i++)
		store_pages(2, "a", 10240);
	blocks = r->count[CNT_PSWPIN];
	assert_true(r->psi.total[PSI_MEMORY] > 0);
	assert_in_range(r->psi.total[PSI_IO], blocks * r->set.cost_io_ns,
		(blocks + 100) * r->set.cost_io_ns);
	/* what is compressed in RAM costs no I/O */
	SAYS(0, "swapon /dev/zram0 size=16M prio=9", "0");
	SAYS(2, "write a \"y\"", "0");
	SAYS(2, "madvise a 4K pageout", "0");
	io = r->psi.total[PSI_IO];
	SAYS(2, "read a", "hex:79");
	assert_int_equal(r->psi.total[PSI_IO], io);
	/* averages follow the clock */
	SAYS(0, "tick 300", "0");
	assert_int_equal(r->psi.seen[PSI_IO], r->psi.total[PSI_IO]);
	assert_true(r->psi.avg[PSI_IO][0] > 0);
	SAYS(0, "tick 60000", "0");
	assert_int_equal(r->psi.avg[PSI_IO][0], 0);
}

/* ---- swap files; as Linux 6.18 answers ---- */

static void test_swap_file(void **state)
{
	static const struct {
		const char *line, *want;
	} t[] = {
		{"unlink /swap", "EPERM"},
		{"rename /swap /other", "EPERM"},
		{"rename /free /swap", "EPERM"},
		{"truncate /swap 4096", "ETXTBSY"},
		{"truncate /swap 1048576", "ETXTBSY"},
		{"truncate /swap 2097152", NULL},
		{"chmod /swap 0640", NULL},
	};

	SAYS(2, "open /free rdwr,creat", "0");
	SAYS(0, "swapon /swap size=1M", "0");
	for (size_t i = 0; i < COUNT(t); i++) {
		say_as(ACTOR_DISK, 0, t[i].line);
		if (!t[i].want)
			assert_int_not_equal(*reply, '-');
		else if (strncmp(reply + 1, t[i].want, strlen(t[i].want)))
			fail_msg("%s: %s", t[i].line, reply);
	}
	SAYS(2, "open /swap rdwr", "1");
	refuses(2, "pwrite 1 \"x\" 0", "ETXTBSY");
	refuses(2, "open /swap rdwr,trunc", "ETXTBSY");
	refuses(2, "mmap 4K rw flags=shared fd=1", "ETXTBSY");
	assert_true(*say(2, "mmap 4K r flags=shared fd=1") != '-');
	assert_true(*say(2, "mmap 4K rw fd=1") != '-');
	SAYS(0, "swapoff /swap", "0");
	SAYS(2, "pwrite 1 \"x\" 0", "1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_average),
		cmocka_unit_test(test_load),
		T(test_stalls),
		T(test_swap_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
