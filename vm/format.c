#include "format.h"

#include <string.h>

#include "machine.h"

unsigned format_dec(char *p, uint64_t v)
{
	char t[20];
	unsigned n = 0;

	do
		t[n++] = (char)('0' + v % 10);
	while (v /= 10);
	for (unsigned i = 0; i < n; i++)
		p[i] = t[n - 1 - i];
	return n;
}

unsigned format_hex_pad(char *p, uint64_t v, unsigned width)
{
	unsigned n = v ? (64 - (unsigned)__builtin_clzll(v) + 3) / 4 : 1;

	if (n < width)
		n = width;
	for (unsigned i = n; i-- > 0; v >>= 4)
		p[i] = "0123456789abcdef"[v & 15];
	return n;
}

unsigned format_hex(char *p, uint64_t v)
{
	return format_hex_pad(p, v, 1);
}

/* An output that counts what does not fit, as snprintf does not need to. */
struct out {
	char *buf;
	size_t size, n;
};

static void put(struct out *o, const char *s, size_t n)
{
	size_t room = o->size > o->n ? o->size - 1 - o->n : 0;

	if (n > room)
		n = room;
	memcpy(o->buf + o->n, s, n);
	o->n += n;
}

static void put_padded(struct out *o, const char *s, size_t n, unsigned width,
	bool left, bool zero)
{
	if (left)
		put(o, s, n);
	if (zero && n && *s == '-') {
		put(o, s++, 1);
		n--;
		width -= width > 0;
	}
	for (size_t i = n; i < width; i++)
		put(o, zero ? "0" : " ", 1);
	if (!left)
		put(o, s, n);
}

size_t vm_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct out o = {buf, size, 0};

	if (!size)
		return 0;
	while (*fmt) {
		const char *pct = strchr(fmt, '%');
		bool left = false, zero = false;
		unsigned width = 0, longs = 0;
		size_t prec = SIZE_MAX;
		char t[32];
		unsigned n;

		if (!pct)
			pct = fmt + strlen(fmt);
		put(&o, fmt, pct - fmt);
		if (!*pct)
			break;
		fmt = pct + 1;
		for (;; fmt++) {
			if (*fmt == '-')
				left = true;
			else if (*fmt == '0')
				zero = true;
			else
				break;
		}
		while (*fmt >= '0' && *fmt <= '9')
			width = width * 10 + (unsigned)(*fmt++ - '0');
		if (*fmt == '.') {
			prec = 0;
			if (*++fmt == '*') {
				prec = (size_t)va_arg(ap, int);
				fmt++;
			}
			while (*fmt >= '0' && *fmt <= '9')
				prec = prec * 10 + (size_t)(*fmt++ - '0');
		}
		while (*fmt == 'l' || *fmt == 'z') {
			longs++;
			fmt++;
		}
		switch (*fmt++) {
		case 'd': {
			int64_t v = longs ? va_arg(ap, long) : va_arg(ap, int);

			t[0] = '-';
			n = format_dec(t + (v < 0),
				v < 0 ? -(uint64_t)v : (uint64_t)v);
			put_padded(&o, t, n + (v < 0), width, left, zero);
			break;
		}
		case 'u':
			n = format_dec(t, longs ? va_arg(ap, unsigned long)
						: va_arg(ap, unsigned));
			put_padded(&o, t, n, width, left, zero);
			break;
		case 'x':
			n = format_hex(t, longs ? va_arg(ap, unsigned long)
						: va_arg(ap, unsigned));
			put_padded(&o, t, n, width, left, zero);
			break;
		case 'c':
			t[0] = (char)va_arg(ap, int);
			put_padded(&o, t, 1, width, left, false);
			break;
		case 's': {
			const char *s = va_arg(ap, const char *);

			put_padded(&o, s, strnlen(s, prec), width, left, false);
			break;
		}
		case '%':
			put(&o, "%", 1);
			break;
		default:
			put(&o, "?", 1);
			break;
		}
	}
	buf[o.n] = '\0';
	return o.n;
}

size_t vm_snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	n = vm_vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}
