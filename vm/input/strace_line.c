/*
 * The text of one strace line:
 *
 *	mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, 3</lib/x.so>, 0) = 0x7f...
 *	name arg   arg   arg        arg          fd<path>      arg  result
 */
#include <string.h>

#include "../abi.h"
#include "../numa/mempolicy.h"
#include "../vm.h"
#include "input_i.h"

static bool is_word(char ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
	       (ch >= '0' && ch <= '9') || ch == '_';
}

static struct span trim(const char *p, const char *end)
{
	while (p < end && *p == ' ')
		p++;
	while (end > p && end[-1] == ' ')
		end--;
	return (struct span){p, (size_t)(end - p)};
}

/* The end of a quoted string that begins at p, past its closing quote. */
static const char *skip_string(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		if (*p == '\\')
			p++;
	return p < end ? p + 1 : end;
}

/*
 * The first `stop` or ',' outside strings, brackets, and fd<paths>; `end` if
 * there is none.  A '<' opens a path only behind a digit (3</x>): elsewhere
 * it is an operator of a decoded value.
 */
static const char *scan_to(const char *p, const char *end, char stop)
{
	unsigned depth = 0;

	while (p < end) {
		if (*p == '"') {
			p = skip_string(p, end);
			continue;
		}
		if (!depth && (*p == stop || *p == ','))
			return p;
		if (*p == '(' || *p == '[' || *p == '{')
			depth++;
		else if ((*p == ')' || *p == ']' || *p == '}') && depth)
			depth--;
		else if (*p == '<' && p[-1] >= '0' && p[-1] <= '9' &&
			 p + 1 < end && p[1] != '<') {
			const char *q = memchr(p, '>', (size_t)(end - p));

			p = q ? q : end - 1;
		}
		p++;
	}
	return end;
}

static int errno_value(struct span name)
{
	for (int e = 1; e < 134; e++) {
		const char *s = vm_errno_name(e);

		if (strlen(s) == name.len && !memcmp(s, name.p, name.len))
			return e;
	}
	return EINVAL;
}

/* "= 0x7f...", "= -1 ENOMEM (...)", "= 1234", "= ?" */
static bool parse_result(const char *p, const char *end, struct strace_call *c)
{
	const char *q;

	while (p < end && *p == ' ')
		p++;
	if (p == end || *p++ != '=')
		return false;
	while (p < end && *p == ' ')
		p++;
	c->answered = p < end && *p != '?';
	c->ret = 0;
	if (!c->answered)
		return true;
	if (*p == '-') {
		p = memchr(p, ' ', (size_t)(end - p));
		if (!p)
			return false;
		for (q = ++p; q < end && is_word(*q); q++)
			;
		c->ret = -errno_value((struct span){p, (size_t)(q - p)});
		return true;
	}
	for (q = p; q < end && is_word(*q); q++)
		;
	c->ret = (int64_t)strace_number((struct span){p, (size_t)(q - p)});
	return true;
}

bool strace_parse_call(const char *s, size_t len, struct strace_call *c)
{
	const char *end = s + len, *p = s;

	memset(c, 0, sizeof(*c));
	while (p < end && is_word(*p))
		p++;
	if (p == s || p == end || *p != '(')
		return false;
	c->name = (struct span){s, (size_t)(p - s)};
	for (p++; p < end;) {
		const char *q = scan_to(p, end, ')');
		struct span a = trim(p, q);

		if (q == end)
			return false;
		if (c->nr_args < CALL_ARGS && (a.len || *q == ','))
			c->arg[c->nr_args++] = a;
		p = q + 1;
		if (*q == ')')
			return parse_result(p, end, c);
	}
	return false;
}

static const struct {
	const char *name;
	uint64_t value;
} constants[] = {
	{"NULL", 0},
	{"PROT_NONE", PROT_NONE},
	{"PROT_READ", PROT_READ},
	{"PROT_WRITE", PROT_WRITE},
	{"PROT_EXEC", PROT_EXEC},
	{"PROT_SEM", PROT_SEM},
	{"PROT_GROWSDOWN", PROT_GROWSDOWN},
	{"PROT_GROWSUP", PROT_GROWSUP},
	{"MAP_SHARED", MAP_SHARED},
	{"MAP_PRIVATE", MAP_PRIVATE},
	{"MAP_SHARED_VALIDATE", MAP_SHARED_VALIDATE},
	{"MAP_FIXED", MAP_FIXED},
	{"MAP_ANONYMOUS", MAP_ANONYMOUS},
	{"MAP_32BIT", MAP_32BIT},
	{"MAP_GROWSDOWN", MAP_GROWSDOWN},
	{"MAP_DENYWRITE", MAP_DENYWRITE},
	{"MAP_EXECUTABLE", MAP_EXECUTABLE},
	{"MAP_LOCKED", MAP_LOCKED},
	{"MAP_NORESERVE", MAP_NORESERVE},
	{"MAP_POPULATE", MAP_POPULATE},
	{"MAP_NONBLOCK", MAP_NONBLOCK},
	{"MAP_STACK", MAP_STACK},
	{"MAP_HUGETLB", MAP_HUGETLB},
	{"MAP_SYNC", MAP_SYNC},
	{"MAP_FIXED_NOREPLACE", MAP_FIXED_NOREPLACE},
	{"MREMAP_MAYMOVE", MREMAP_MAYMOVE},
	{"MREMAP_FIXED", MREMAP_FIXED},
	{"MREMAP_DONTUNMAP", MREMAP_DONTUNMAP},
	{"MADV_NORMAL", 0},
	{"MADV_RANDOM", 1},
	{"MADV_SEQUENTIAL", 2},
	{"MADV_WILLNEED", 3},
	{"MADV_DONTNEED", 4},
	{"MADV_FREE", 8},
	{"MADV_REMOVE", 9},
	{"MADV_DONTFORK", 10},
	{"MADV_DOFORK", 11},
	{"MADV_MERGEABLE", 12},
	{"MADV_UNMERGEABLE", 13},
	{"MADV_HUGEPAGE", 14},
	{"MADV_NOHUGEPAGE", 15},
	{"MADV_DONTDUMP", 16},
	{"MADV_DODUMP", 17},
	{"MADV_WIPEONFORK", 18},
	{"MADV_KEEPONFORK", 19},
	{"MADV_COLD", 20},
	{"MADV_PAGEOUT", 21},
	{"MADV_POPULATE_READ", 22},
	{"MADV_POPULATE_WRITE", 23},
	{"MADV_DONTNEED_LOCKED", 24},
	{"MADV_COLLAPSE", 25},
	{"MS_ASYNC", 1},
	{"MS_INVALIDATE", 2},
	{"MS_SYNC", 4},
	{"MCL_CURRENT", 1},
	{"MCL_FUTURE", 2},
	{"MCL_ONFAULT", 4},
	{"MLOCK_ONFAULT", 1},
	{"MPOL_DEFAULT", MPOL_DEFAULT},
	{"MPOL_PREFERRED", MPOL_PREFERRED},
	{"MPOL_BIND", MPOL_BIND},
	{"MPOL_INTERLEAVE", MPOL_INTERLEAVE},
	{"MPOL_LOCAL", MPOL_LOCAL},
	{"MPOL_PREFERRED_MANY", MPOL_PREFERRED_MANY},
	{"MPOL_WEIGHTED_INTERLEAVE", MPOL_WEIGHTED_INTERLEAVE},
	{"MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES},
	{"MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES},
	{"MPOL_F_NUMA_BALANCING", MPOL_F_NUMA_BALANCING},
	{"MPOL_F_NODE", MPOL_F_NODE},
	{"MPOL_F_ADDR", MPOL_F_ADDR},
	{"MPOL_F_MEMS_ALLOWED", MPOL_F_MEMS_ALLOWED},
	{"MPOL_MF_STRICT", MPOL_MF_STRICT},
	{"MPOL_MF_MOVE", MPOL_MF_MOVE},
	{"MPOL_MF_MOVE_ALL", MPOL_MF_MOVE_ALL},
	{"CLONE_VM", CLONE_VM},
	{"CLONE_SIGHAND", CLONE_SIGHAND},
	{"CLONE_VFORK", CLONE_VFORK},
	{"CLONE_PARENT", CLONE_PARENT},
	{"CLONE_THREAD", CLONE_THREAD},
};

static uint64_t constant(struct span a)
{
	uint64_t v = 0;

	if (a.len && a.p[0] >= '0' && a.p[0] <= '9') {
		unsigned base = a.len > 2 && a.p[1] == 'x' ? 16 : 10;

		for (size_t i = base == 16 ? 2 : 0; i < a.len; i++) {
			char ch = a.p[i];
			unsigned d = ch <= '9'
					     ? (unsigned)(ch - '0')
					     : (unsigned)(ch | 0x20) - 'a' + 10;

			if (d >= base)
				break;
			v = v * base + d;
		}
		return v;
	}
	for (size_t i = 0; i < sizeof(constants) / sizeof(*constants); i++)
		if (strlen(constants[i].name) == a.len &&
			!memcmp(constants[i].name, a.p, a.len))
			return constants[i].value;
	return 0;
}

uint64_t strace_number(struct span a)
{
	uint64_t v = 0;

	/* huge page sizes are a shift: 21<<MAP_HUGE_SHIFT */
	for (const char *p = a.p, *end = a.p + a.len; p <= end;) {
		const char *q = memchr(p, '|', (size_t)(end - p));

		if (!q)
			q = end;
		v |= constant(trim(p, q));
		p = q + 1;
	}
	return v;
}

struct span strace_member(const struct strace_call *c, const char *name)
{
	size_t n = strlen(name);

	for (unsigned i = 0; i < c->nr_args; i++) {
		const char *p = c->arg[i].p, *end = p + c->arg[i].len;

		/* clone3 has them in braces */
		while (p < end) {
			const char *q;

			while (p < end && (*p == '{' || *p == ' ' || *p == ','))
				p++;
			q = scan_to(p, end, '}');
			if ((size_t)(q - p) > n && !memcmp(p, name, n) &&
				p[n] == '=')
				return trim(p + n + 1, q);
			p = q + 1;
		}
	}
	return (struct span){"", 0};
}

/* Undoes strace's escapes in [p, end), as far as `stop`. */
static int unescape(
	const char *p, const char *end, char stop, char *buf, size_t size)
{
	static const char from[] = "ntrvf\\\"", to[] = "\n\t\r\v\f\\\"";
	size_t n = 0;

	for (; p < end && *p != stop; n++) {
		const char *f;

		if (n + 1 >= size)
			return -1;
		if (*p != '\\' || p + 1 == end) {
			buf[n] = *p++;
			continue;
		}
		p++;
		f = memchr(from, *p, sizeof(from) - 1);
		if (f) {
			buf[n] = to[f - from];
			p++;
		} else {
			unsigned v = 0;

			for (unsigned k = 0;
				k < 3 && p < end && *p >= '0' && *p <= '7'; k++)
				v = v * 8 + (unsigned)(*p++ - '0');
			buf[n] = (char)v;
		}
	}
	buf[n] = '\0';
	return (int)n;
}

int strace_fd(struct span a, char *path, size_t size)
{
	static const char gone[] = "(deleted)", suffix[] = " (deleted)";
	const char *end = a.p + a.len, *lt = memchr(a.p, '<', a.len);
	const char *gt = lt ? memchr(lt, '>', (size_t)(end - lt)) : NULL;
	int n;

	*path = '\0';
	if (a.len && a.p[0] == '-')
		return -1;
	if (!gt)
		return (int)constant(a);
	n = unescape(lt + 1, gt, '>', path, size);
	if (n < 0 || (size_t)n + sizeof(suffix) > size)
		*path = '\0';
	else if ((size_t)(end - gt) == sizeof(gone) &&
		 !memcmp(gt + 1, gone, sizeof(gone) - 1))
		memcpy(path + n, suffix, sizeof(suffix));
	return (int)constant(a);
}

int strace_string(struct span a, char *buf, size_t size)
{
	if (a.len < 2 || a.p[0] != '"')
		return -1;
	return unescape(a.p + 1, a.p + a.len, '"', buf, size);
}

bool strace_element(struct span *list, struct span *out)
{
	const char *p = list->p + 1, *end = list->p + list->len, *q;

	/* what is left of the list begins at its '[' or at a ',' */
	if (list->len < 2 || (*list->p != '[' && *list->p != ','))
		return false;
	q = scan_to(p, end, ']');
	*out = trim(p, q);
	*list = (struct span){q, (size_t)(end - q)};
	return out->len > 0;
}
