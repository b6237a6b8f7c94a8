/* Lackey's text: records, malformed lines, cuts anywhere, noise. */
#include "mmu_rig.h"

#include "../../vm/input/input.h"

#define NONE UINT64_MAX

/* Each line parsed alone by the plain reader, and within a long text. */
static const struct {
	const char *line;
	uint64_t rec; /* NONE: no record */
	uint64_t bad;
} lines[] = {
	{"I  04001a20,3", TRACE_RECORD(TRACE_FETCH, 2, 0x4001a20), 0},
	{" L 1ffeffe7e0,8", TRACE_RECORD(TRACE_LOAD, 3, 0x1ffeffe7e0), 0},
	{" S 1ffeffe7e0,1", TRACE_RECORD(TRACE_STORE, 0, 0x1ffeffe7e0), 0},
	{" M 0421c7cc,4", TRACE_RECORD(TRACE_MODIFY, 2, 0x421c7cc), 0},
	{" L 0,16", TRACE_RECORD(TRACE_LOAD, 4, 0), 0},
	{" L abcdef,5", TRACE_RECORD(TRACE_LOAD, 3, 0xabcdef), 0},
	{" L ABCDEF,32", TRACE_RECORD(TRACE_LOAD, 5, 0xabcdef), 0},
	{" L 123456789,2", TRACE_RECORD(TRACE_LOAD, 1, 0x123456789), 0},
	{" S 7ffffffff000,64", TRACE_RECORD(TRACE_STORE, 6, 0x7ffffffff000), 0},
	{" S 10,99", TRACE_RECORD(TRACE_STORE, 6, 0x10), 0},
	{" S 10,512", TRACE_RECORD(TRACE_STORE, 6, 0x10), 0},
	{" L ffffffffffffffff,1",
		TRACE_RECORD(TRACE_LOAD, 0, 0x3ffffffffffffff), 0},
	{" L 11112222333344445,1", NONE, 1},
	{"==123== Lackey, an example Valgrind tool", NONE, 0},
	{"--123-- warning: something", NONE, 0},
	{"", NONE, 0},
	{" L 1000,4\r", TRACE_RECORD(TRACE_LOAD, 2, 0x1000), 0},
	{" L 1000,0", NONE, 1},
	{" L 1000,", NONE, 1},
	{" L 1000", NONE, 1},
	{" L ,4", NONE, 1},
	{" L", NONE, 1},
	{" X 1000,4", NONE, 1},
	{"I 1000,4", NONE, 1},
	{" L 10g0,4", NONE, 1},
	{" L 1000,4x", NONE, 1},
	{" L 1000,4000000000", NONE, 1},
	{" L 1000, 4", NONE, 1},
	{" L 10\xc3\xa9,4", NONE, 1},
	{"hello", NONE, 1},
};
#define NR_LINES (sizeof(lines) / sizeof(*lines))

static void one_line_each(void **state)
{
	for (size_t i = 0; i < NR_LINES; i++) {
		char text[256];
		uint64_t rec[4], bad = 0;
		size_t used, len, nr;

		/* Alone, and followed by enough text for the fast reader. */
		for (int tail = 0; tail < 2; tail++) {
			len = (size_t)snprintf(text, sizeof(text), "%s\n%s",
				lines[i].line,
				tail ? "==1== the text goes on and on and on\n"
				     : "");
			bad = 0;
			nr = lackey_parse(text, len, rec, 4, &used, &bad);
			assert_int_equal(used, len);
			assert_int_equal(nr, lines[i].rec != NONE);
			assert_int_equal(bad, lines[i].bad);
			if (nr)
				assert_int_equal(rec[0], lines[i].rec);
		}
	}
}

/* All lines, `times` over; returns the length. */
static size_t long_text(char *text, unsigned times)
{
	size_t len = 0;

	while (times--)
		for (size_t i = 0; i < NR_LINES; i++)
			len += (size_t)sprintf(
				text + len, "%s\n", lines[i].line);
	return len;
}

static void pieces_equal_the_whole(void **state)
{
	static char text[16384];
	static uint64_t want[2048], got[2048];
	size_t len = long_text(text, 20), used, nr;
	uint64_t bad = 0;

	nr = lackey_parse(text, len, want, 2048, &used, &bad);
	assert_int_equal(used, len);
	assert_int_equal(nr, 20 * 13);
	for (size_t step = 1; step < 100; step += 7) {
		uint64_t bad2 = 0;
		size_t at = 0, upto = 0, n = 0;

		while (at < len) {
			upto = upto + step < len ? upto + step : len;
			n += lackey_parse(text + at, upto - at, got + n,
				2048 - n, &used, &bad2);
			at += used;
		}
		assert_int_equal(n, nr);
		assert_int_equal(bad2, bad);
		assert_memory_equal(got, want, nr * 8);
	}
}

static void a_full_array_stops(void **state)
{
	static const char text[] = " L 1000,4\n L 2000,4\n L 3000,4\n";
	uint64_t rec[2], bad = 0;
	size_t used;

	assert_int_equal(
		lackey_parse(text, sizeof(text) - 1, rec, 2, &used, &bad), 2);
	assert_int_equal(used, 20);
	assert_int_equal(lackey_parse(text, 9, rec, 2, &used, &bad), 0);
	assert_int_equal(used, 0);
}

static void noise_is_survived(void **state)
{
	static const char some[] = "ILSM 0123456789abcdef,\n\n==\r";
	uint64_t seed = 7, rec[64], bad = 0;

	for (unsigned round = 0; round < 20000; round++) {
		size_t len = rig_random(&seed) % 200, used, nr;
		char *text = malloc(len + 1); /* a sanitizer sees its end */

		for (size_t i = 0; i < len; i++)
			text[i] = round & 1 ? (char)rig_random(&seed)
					    : some[rig_random(&seed) %
						      (sizeof(some) - 1)];
		nr = lackey_parse(text, len, rec, 64, &used, &bad);
		assert_true(used <= len);
		assert_true(nr <= 64);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_line_each),
		cmocka_unit_test(pieces_equal_the_whole),
		cmocka_unit_test(a_full_array_stops),
		cmocka_unit_test(noise_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
