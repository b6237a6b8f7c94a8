/* The formatter of vm/ against the C library's, over random formats. */
#include "vmtest.h"

#include <stdio.h>

#include "../../vm/format.h"

#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"

/* A random number of random length, so that all widths of digits occur. */
static uint64_t some_number(uint64_t *rnd)
{
	static const uint64_t edge[] = {0, 1, 9, 10, 99, 100, 0x7fffffff,
		0x80000000, 0xffffffff, 0x7fffffffffffffff, 0x8000000000000000,
		UINT64_MAX};
	uint64_t r = vmtest_random(rnd);

	if (r % 8 == 0)
		return edge[r / 8 % COUNT(edge)];
	return vmtest_random(rnd) >> (r / 8 % 64);
}

/* "%", flags, width, length, conversion. */
static void some_format(uint64_t *rnd, char *fmt, const char *conversions)
{
	static const char *const flags[] = {"", "", "-", "0"};
	uint64_t r = vmtest_random(rnd);
	char width[8] = "";

	if (r & 1)
		snprintf(width, sizeof(width), "%u",
			(unsigned)(r >> 8 & 31) + 1);
	sprintf(fmt, "<%%%s%s%s>", flags[r >> 1 & 3], width,
		conversions ? conversions : "");
}

static void test_numbers(void **state)
{
	static const char *const conversions[] = {
		"d", "u", "x", "ld", "lu", "lx", "lld", "llu", "llx", "zu"};
	uint64_t rnd = 3;

	for (unsigned i = 0; i < 100000; i++) {
		unsigned c = i % COUNT(conversions);
		uint64_t v = some_number(&rnd);
		char fmt[32], have[64], want[64];
		size_t n;

		some_format(&rnd, fmt, conversions[c]);
		if (c < 3) {
			n = vm_snprintf(have, sizeof(have), fmt, (unsigned)v);
			snprintf(want, sizeof(want), fmt, (unsigned)v);
		} else {
			n = vm_snprintf(have, sizeof(have), fmt, v);
			snprintf(want, sizeof(want), fmt, v);
		}
		assert_string_equal(have, want);
		assert_int_equal(n, strlen(want));
	}
}

static void test_text(void **state)
{
	static const char text[] = "the quick brown fox";
	uint64_t rnd = 4;

	for (unsigned i = 0; i < 20000; i++) {
		uint64_t r = vmtest_random(&rnd);
		const char *s = text + r % sizeof(text);
		int width = (int)(r >> 8 & 31), prec = (int)(r >> 16 & 31);
		char fmt[32], have[64], want[64];

		sprintf(fmt,
			r >> 24 & 1 ? "[%%-%d.*s|%%c%%%%]"
				    : "[%%%d.*s|%%c%%%%]",
			width + 1);
		vm_snprintf(have, sizeof(have), fmt, prec, s, 'x');
		snprintf(want, sizeof(want), fmt, prec, s, 'x');
		assert_string_equal(have, want);
	}
}

/* Never beyond the buffer, always terminated, and the length is what fits. */
static void test_truncation(void **state)
{
	char want[64], have[64];

	snprintf(want, sizeof(want), "%s-%d-%08x", "pages", -123456, 0xbeefu);
	for (size_t size = 0; size < sizeof(have); size++) {
		size_t n, fits = strlen(want);

		memset(have, '#', sizeof(have));
		n = vm_snprintf(
			have, size, "%s-%d-%08x", "pages", -123456, 0xbeefu);
		if (!size) {
			assert_int_equal(n, 0);
			assert_int_equal(have[0], '#');
			continue;
		}
		if (fits > size - 1)
			fits = size - 1;
		assert_int_equal(n, fits);
		assert_memory_equal(have, want, fits);
		assert_int_equal(have[fits], '\0');
		assert_int_equal(have[size], '#');
	}
}

static void test_digits(void **state)
{
	uint64_t rnd = 5;

	for (unsigned i = 0; i < 100000; i++) {
		uint64_t v = some_number(&rnd);
		unsigned width = (unsigned)(vmtest_random(&rnd) % 17);
		char have[32], want[32];

		have[format_dec(have, v)] = '\0';
		snprintf(want, sizeof(want), "%lu", v);
		assert_string_equal(have, want);
		have[format_hex(have, v)] = '\0';
		snprintf(want, sizeof(want), "%lx", v);
		assert_string_equal(have, want);
		have[format_hex_pad(have, v, width)] = '\0';
		snprintf(want, sizeof(want), "%0*lx", (int)width, v);
		assert_string_equal(have, want);
	}
}

static void test_replies(void **state)
{
	static const struct {
		struct reply r;
		const char *line;
	} table[] = {
		{{0, REPLY_NONE, 5, ""}, "0"},
		{{0, REPLY_HEX, 0x7ffff7fc0000, ""}, "0x7ffff7fc0000"},
		{{0, REPLY_DEC, 42, ""}, "42"},
		{{0, REPLY_DEC, (uint64_t)-1, ""}, "-1"},
		{{0, REPLY_TEXT, 0, "a b"}, "a b"},
		{{ENOMEM, REPLY_HEX, 1, "too much"}, "-ENOMEM too much"},
		{{EFAULT, 0, 0, "SIGSEGV"}, "-EFAULT SIGSEGV"},
		{{9999, 0, 0, "x"}, "-E? x"},
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		char line[64];

		assert_int_equal(
			vm_reply_format(&table[i].r, line, sizeof(line)),
			strlen(table[i].line));
		assert_string_equal(line, table[i].line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_digits),
		cmocka_unit_test(test_replies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
