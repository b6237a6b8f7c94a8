/*
 * What is written to the files of sys/block/zram0.  A row a file; numbers are
 * read as Linux's memparse() and kstrtoull() read them.
 */
#include <string.h>

#include "zcomp.h"
#include "zram_i.h"

#define NAME_MAX_LEN 128 /* ZRAM_MAX_ALGO_NAME_SZ, with the newline */

/* ---- numbers -------------------------------------------------------------
 */

static unsigned digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10) : 99;
}

/* Bytes with a unit, K to E, whatever stands behind; modulo 2^64.  False if no
 * digit stands at the beginning. */
static bool memparse(const char *s, uint64_t *out)
{
	static const char units[] = "KMGTPE";
	const char *unit, *digits;
	unsigned base = 10;
	uint64_t v = 0;

	if (s[0] == '0' && (s[1] | 0x20) == 'x' && digit_of(s[2]) < 16) {
		base = 16;
		s += 2;
	} else if (s[0] == '0') {
		base = 8;
	}
	for (digits = s; digit_of(*s) < base; s++)
		v = v * base + digit_of(*s);
	*out = v;
	if (s == digits)
		return false;
	unit = strchr(units, *s & ~0x20);
	if (unit && *unit)
		*out = v << (10 * (unit - units + 1));
	return true;
}

/* A decimal number and nothing else: 0, EINVAL or ERANGE. */
int zram_decimal(const char *s, uint64_t max, uint64_t *out)
{
	bool large = false;
	uint64_t v = 0;

	s += *s == '+';
	if (!*s)
		return EINVAL;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return EINVAL;
		large |= __builtin_mul_overflow(v, 10, &v);
		large |= __builtin_add_overflow(v, *s - '0', &v);
	}
	*out = v;
	return large || v > max ? ERANGE : 0;
}

static int whole(const char *s, int32_t *out)
{
	bool minus = *s == '-';
	uint64_t v;
	int err = minus && s[1] == '+'
			  ? EINVAL
			  : zram_decimal(s + minus,
				    minus ? 1ull << 31 : INT32_MAX, &v);

	if (!err)
		*out = (int32_t)(minus ? -(int64_t)v : (int64_t)v);
	return err;
}

int zram_need_init(struct vm *m)
{
	return m->root->zram.bytes
		       ? 0
		       : vm_fail(m, EINVAL,
				 "%s has no size: write it to disksize first",
				 ZRAM_NAME);
}

/* ---- the files ----------------------------------------------------------- */

static int write_disksize(struct vm *m, const char *text)
{
	uint64_t bytes;

	memparse(text, &bytes);
	return zram_init(m, bytes);
}

static int write_mem_limit(struct vm *m, const char *text)
{
	uint64_t bytes;

	if (!memparse(text, &bytes))
		return vm_fail(m, EINVAL,
			"mem_limit takes bytes, as 64M; 0: no limit");
	m->root->zram.limit = zram_rounded(m, bytes) >> m->page_shift;
	return 0;
}

static int write_mem_used_max(struct vm *m, const char *text)
{
	uint64_t v;

	if (zram_decimal(text, UINT64_MAX, &v) || v)
		return vm_fail(m, EINVAL,
			"mem_used_max takes 0: from now on it is the most that "
			"is used");
	if (m->root->zram.bytes)
		m->root->zram.used_max = phys_sum(m, pages[USE_ZPOOL]);
	return 0;
}

static int write_reset(struct vm *m, const char *text)
{
	uint64_t v = 0;
	int err = zram_decimal(text, UINT16_MAX, &v);

	if (err || !v)
		return vm_fail(m, err ? err : EINVAL,
			"reset takes a number from 1 to 65535");
	return zram_reset(m);
}

static void moved(struct vm *m, uint32_t page, struct zobject o)
{
	struct zram_entry *e = zram_entry_at(m, page);

	e->group = o.group;
	e->nr = o.nr & 0xffff;
}

static int write_compact(struct vm *m, const char *text)
{
	if (zram_need_init(m))
		return -EINVAL;
	m->root->zram.compacted += zpool_compact(m, moved);
	return 0;
}

static void names(char *list, size_t size)
{
	size_t n = 0;

	for (unsigned i = 0; zcomp_name(i); i++)
		n += vm_snprintf(
			list + n, size - n, i ? ", %s" : "%s", zcomp_name(i));
}

/* The algorithm of a name; EINVAL, E2BIG. */
static int find_algorithm(struct vm *m, const char *name)
{
	int alg = zcomp_find(name);
	char list[80];

	if (strlen(name) + 1 >= NAME_MAX_LEN)
		return vm_fail(
			m, E2BIG, "no algorithm has a name of that length");
	if (alg >= 0)
		return alg;
	names(list, sizeof(list));
	return vm_fail(m, EINVAL,
		"there is no algorithm \"%.*s\"; there are %s", 40, name, list);
}

static int set_algorithm(struct vm *m, unsigned priority, const char *name)
{
	int alg = find_algorithm(m, name);

	if (alg < 0)
		return alg;
	if (m->root->zram.bytes)
		return vm_fail(m, EBUSY,
			"%s has a size: its algorithms are chosen before",
			ZRAM_NAME);
	if (zcomp_usable(m, (unsigned)alg))
		return -EOPNOTSUPP;
	m->root->zram.algorithm[priority].alg = (uint32_t)alg + 1;
	return 0;
}

static int write_comp_algorithm(struct vm *m, const char *text)
{
	return set_algorithm(m, 0, text);
}

/* ---- key=value key=value ---- */

static bool blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

bool zram_option(struct vm *m, const char **s, struct zram_option *o)
{
	const char *at = *s, *end, *eq;

	while (blank(*at))
		at++;
	for (end = at; *end && !blank(*end); end++)
		;
	eq = memchr(at, '=', (size_t)(end - at));
	eq = eq ? eq : end;
	*o = (struct zram_option){0};
	*s = end;
	if (eq - at >= OPTION_MAX || end - eq > OPTION_MAX) {
		vm_fail(m, EINVAL, "an option has up to %u bytes", OPTION_MAX);
		return false;
	}
	memcpy(o->key, at, (size_t)(eq - at));
	if (eq < end)
		memcpy(o->value, eq + 1, (size_t)(end - eq - 1));
	return end > at;
}

int zram_priority(struct vm *m, unsigned first, const char *name)
{
	const struct zram *z = &m->root->zram;

	for (unsigned i = first; i < NR_ZRAM_ALGORITHMS; i++)
		if (z->algorithm[i].alg &&
			!strcmp(zcomp_name(z->algorithm[i].alg - 1), name))
			return (int)i;
	return vm_fail(m, EINVAL, "\"%.*s\" is no algorithm of %s", 40, name,
		ZRAM_NAME);
}

/* algo=, priority=, level= of a line, those that it has. */
struct params {
	char algo[OPTION_MAX];
	int32_t priority, level;
};

static int read_params(
	struct vm *m, const char *text, const char *takes, struct params *p)
{
	struct zram_option o;
	int err = 0;

	while (!err && zram_option(m, &text, &o)) {
		if (!*o.value)
			err = EINVAL;
		else if (!strcmp(o.key, "priority"))
			err = whole(o.value, &p->priority);
		else if (!strcmp(o.key, "level"))
			err = whole(o.value, &p->level);
		else if (!strcmp(o.key, "algo"))
			memcpy(p->algo, o.value, sizeof(p->algo));
		else if (!strcmp(o.key, "dict"))
			return vm_fail(m, EINVAL, "there are no dictionaries");
	}
	if (m->fail.err)
		return -m->fail.err;
	return err ? vm_fail(m, err, "it takes %s", takes) : 0;
}

#define PARAMS "algo=NAME or priority=0 to 3, level=N"

static int write_algorithm_params(struct vm *m, const char *text)
{
	struct params p = {.level = ZCOMP_NO_LEVEL};
	int err = read_params(m, text, PARAMS, &p);

	if (err)
		return err;
	if (*p.algo)
		p.priority = zram_priority(m, 0, p.algo);
	if (p.priority < 0 || p.priority >= NR_ZRAM_ALGORITHMS)
		return vm_fail(m, EINVAL, "it takes %s", PARAMS);
	m->root->zram.algorithm[p.priority].level = p.level;
	return 0;
}

#define RECOMP "algo=NAME, priority=1 to 3"

static int write_recomp_algorithm(struct vm *m, const char *text)
{
	struct params p = {.priority = 1};
	int err = read_params(m, text, RECOMP, &p);

	if (err)
		return err;
	if (!*p.algo || p.priority < 1 || p.priority >= NR_ZRAM_ALGORITHMS)
		return vm_fail(m, EINVAL, "it takes %s", RECOMP);
	return set_algorithm(m, (unsigned)p.priority, p.algo);
}

static const struct {
	const char *file;
	zram_write_fn *write;
} files[] = {
	{"algorithm_params", write_algorithm_params},
	{"backing_dev", zram_write_backing_dev},
	{"comp_algorithm", write_comp_algorithm},
	{"compact", write_compact},
	{"disksize", write_disksize},
	{"idle", zram_write_idle},
	{"mem_limit", write_mem_limit},
	{"mem_used_max", write_mem_used_max},
	{"recomp_algorithm", write_recomp_algorithm},
	{"recompress", zram_write_recompress},
	{"reset", write_reset},
	{"writeback", zram_write_writeback},
	{"writeback_limit", zram_write_writeback_limit},
	{"writeback_limit_enable", zram_write_writeback_limit_enable},
};

int zram_file_write(struct vm *m, const char *file, const char *text)
{
	for (unsigned i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (!strcmp(files[i].file, file))
			return files[i].write(m, text);
	return vm_fail(m, EINVAL,
		"sys/block/zram0 has no file \"%.*s\" that could be written to",
		40, file);
}
