/* Commands about limits, settings and capabilities; see script.h. */
#include "script.h"

static uint64_t limit_of(const char *s)
{
	return text_eq(s, "unlimited") ? UINT64_MAX : script_value(s);
}

/* rlimit WHICH SOFT: the hard limit rises with it.  setrlimit sets both. */
static int64_t run_rlimit(char **word, bool both)
{
	static const struct {
		const char *name;
		unsigned nr;
	} which[] = {{"data", 2}, {"stack", 3}, {"nofile", 7}, {"memlock", 8},
		{"as", 9}};
	unsigned i = 0;
	uint64_t limit[2] = {0};

	while (i < 4 && !text_eq(which[i].name, word[1]))
		i++;
	host_getrlimit(which[i].nr, limit);
	limit[0] = limit_of(word[2]);
	if (both)
		limit[1] = limit_of(word[3]);
	else if (limit[1] < limit[0])
		limit[1] = limit[0];
	return host_setrlimit(which[i].nr, limit);
}

/* capset EFFECTIVE PERMITTED INHERITABLE; "same" keeps one, "-N" takes
 * capability N from it, "+N" adds it.  dropcap N is capset -N same same. */
static int64_t run_capset(char **word, int nr, bool drop)
{
	uint64_t caps[3];

	host_capget(caps);
	if (drop)
		caps[0] &= ~(1ull << (script_value(word[1]) & 63));
	for (int i = 0; !drop && i < 3 && i + 1 < nr; i++) {
		const char *s = word[i + 1];

		if (s[0] == '-')
			caps[i] &= ~(1ull << (script_value(s + 1) & 63));
		else if (s[0] == '+')
			caps[i] |= 1ull << (script_value(s + 1) & 63);
		else if (!text_eq(s, "same"))
			caps[i] = script_value(s);
	}
	return host_capset(caps);
}

/* fill ADDR COUNT: single pages, apart from one another from ADDR on, until
 * the process has so many mappings. */
static int64_t run_fill(uint64_t addr, uint64_t count)
{
	static uint64_t next;
	int64_t r = 0;

	if (next < addr)
		next = addr;
	for (uint64_t n = host_map_count(); n < count && r >= 0; n++) {
		const uint64_t arg[6] = {next, 4096, 1, 0x32, UINT64_MAX, 0};

		r = host_call(CALL_MMAP, arg);
		next += 2 * 4096;
	}
	return r < 0 ? r : (int64_t)host_map_count();
}

void fork_failed(int64_t r)
{
	put_result(r);
	put_char('\n');
	script_skip_child();
}

bool rights_command(char **word, int nr)
{
	const char *c = word[0];
	int64_t r;

	if (text_eq(c, "rlimit") && nr > 2)
		r = run_rlimit(word, false);
	else if (text_eq(c, "setrlimit") && nr > 3)
		r = run_rlimit(word, true);
	else if (text_eq(c, "dropcap") && nr > 1)
		r = run_capset(word, nr, true);
	else if (text_eq(c, "fill") && nr > 2)
		r = run_fill(script_value(word[1]), script_value(word[2]));
	else if (text_eq(c, "count"))
		r = (int64_t)host_map_count();
	else if (text_eq(c, "sysctl") && nr > 2)
		r = host_sysctl(word[1], word[2]);
	else if (text_eq(c, "capset"))
		r = run_capset(word, nr, false);
	else
		return false;
	put_result(r);
	put_char('\n');
	return true;
}
