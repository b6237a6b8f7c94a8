/* What both listeners print, without a C library; see script.h. */
#include "script.h"

static char buffer[1 << 16];
static size_t used;
bool script_raw;

void put_flush(void)
{
	host_write(buffer, used);
	used = 0;
}

void put_char(char c)
{
	if (used == sizeof(buffer))
		put_flush();
	buffer[used++] = c;
}

void put_text(const char *s)
{
	while (*s)
		put_char(*s++);
}

void put_line(const char *p)
{
	while (*p && *p != '\n')
		put_char(*p++);
	put_char('\n');
}

static void put_digits(uint64_t v, unsigned base)
{
	char digit[24];
	int n = 0;

	/* Division of 64 bits is slow in the 32-bit build. */
	for (; v >> 32; v /= base)
		digit[n++] = "0123456789abcdef"[v % base];
	for (uint32_t w = (uint32_t)v; w || !n; w /= base)
		digit[n++] = "0123456789abcdef"[w % base];
	while (n)
		put_char(digit[--n]);
}

void put_hex(uint64_t v)
{
	put_text("0x");
	put_digits(v, 16);
}

void put_dec(int64_t v)
{
	if (v < 0)
		put_char('-');
	put_digits(v < 0 ? -(uint64_t)v : (uint64_t)v, 10);
}

static const struct {
	int number;
	const char *name;
} errnos[] = {{1, "EPERM"}, {2, "ENOENT"}, {5, "EIO"}, {9, "EBADF"},
	{11, "EAGAIN"}, {12, "ENOMEM"}, {13, "EACCES"}, {14, "EFAULT"},
	{16, "EBUSY"}, {17, "EEXIST"}, {19, "ENODEV"}, {22, "EINVAL"},
	{26, "ETXTBSY"}, {27, "EFBIG"}, {28, "ENOSPC"}, {30, "EROFS"},
	{38, "ENOSYS"}, {75, "EOVERFLOW"}, {95, "EOPNOTSUPP"}};

void put_result(int64_t r)
{
	if (r >= 0 || r < -4095) {
		put_hex((uint64_t)r);
		return;
	}
	put_char('-');
	for (size_t i = 0; i < sizeof(errnos) / sizeof(*errnos); i++)
		if (errnos[i].number == -r) {
			put_text(errnos[i].name);
			return;
		}
	put_text("errno");
	put_dec(-r);
}

/* Numbers that differ from run to run become the order of appearance. */
static uint64_t seen[256];
static unsigned nr_seen;

unsigned inodes_seen(void)
{
	return nr_seen;
}

void inodes_forget(unsigned n)
{
	nr_seen = n;
}

static uint64_t inode_order(uint64_t ino)
{
	unsigned i = 0;

	while (i < nr_seen && seen[i] != ino)
		i++;
	if (i == nr_seen && nr_seen < 256)
		seen[nr_seen++] = ino;
	return i + 1;
}

void put_maps_line(const char *s, const char *end)
{
	const char *device, *p = s;
	uint64_t ino = 0, dev = 0, order;
	size_t column;

	for (int i = 0; i < 3; i++) { /* addresses, rights, offset */
		while (p < end && *p != ' ')
			p++;
		p++;
	}
	device = p;
	while (p < end && *p != ' ')
		dev = dev * 31 + (uint8_t)*p++;
	p++;
	while (p < end && *p >= '0' && *p <= '9')
		ino = ino * 10 + (uint64_t)(*p++ - '0');
	if (!ino || script_raw) {
		while (s < end)
			put_char(*s++);
		return;
	}
	column = (size_t)(device - s) + 6;
	while (s < device)
		put_char(*s++);
	order = inode_order(dev << 32 ^ ino);
	put_text("00:01 ");
	put_dec((int64_t)order);
	column += order > 99 ? 3 : order > 9 ? 2 : 1;
	while (p < end && *p == ' ')
		p++;
	for (; column < 73; column++)
		put_char(' ');
	while (p < end)
		put_char(*p++);
}

size_t text_len(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

const char *line_end(const char *p)
{
	while (*p && *p != '\n')
		p++;
	return *p ? p + 1 : p;
}

bool text_eq(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

bool text_starts(const char *s, const char *prefix)
{
	while (*prefix)
		if (*s++ != *prefix++)
			return false;
	return true;
}

uint64_t text_hex(const char **p)
{
	uint64_t v = 0;

	for (;; (*p)++) {
		char c = **p;

		if (c >= '0' && c <= '9')
			v = v * 16 + (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v * 16 + (uint64_t)(c - 'a' + 10);
		else
			return v;
	}
}
