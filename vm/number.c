#include "number.h"

#include <string.h>

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

const char *number_read(const char *s, uint64_t *out)
{
	unsigned base = 10;
	uint64_t v = 0;

	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
		base = 16;
		s += 2;
	} else if (s[0] == '0' && digit_value(s[1]) < 10) {
		base = 8;
		s++;
	}
	if (digit_value(*s) >= (int)base)
		return NULL;
	for (; digit_value(*s) < (int)base; s++) {
		if (__builtin_mul_overflow(v, base, &v) ||
			__builtin_add_overflow(v, digit_value(*s), &v))
			return NULL;
	}
	*out = v;
	return s;
}

bool number_parse(const char *s, uint64_t *out)
{
	s = number_read(s, out);
	return s && !*s;
}

bool number_parse_size(const char *s, uint64_t *out)
{
	static const char suffix[] = "KMGT";
	const char *p;

	s = number_read(s, out);
	if (!s)
		return false;
	if (!*s)
		return true;
	p = strchr(suffix, *s & ~0x20);
	if (!p || !*p || s[1])
		return false;
	return !__builtin_mul_overflow(
		*out, 1ull << (10 * (p - suffix + 1)), out);
}

uint64_t number_sqrt(uint64_t v)
{
	uint64_t r = 0;

	for (uint64_t bit = 1ull << 31; bit; bit >>= 1)
		if ((r | bit) * (r | bit) <= v)
			r |= bit;
	return r;
}
