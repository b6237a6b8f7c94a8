/* The commands of the script language; see script.h. */
#include "script.h"

#define PAGE	  4096u
#define MAX_WORDS 64
/* ---- words -------------------------------------------------------------- */

static const char *script;
static size_t script_len, script_pos;
static char line[4096], *word[MAX_WORDS];
static int nr_words;
static bool bad_word;
uint64_t script_brk0;
static struct script_names names;

void script_names_get(struct script_names *n)
{
	*n = names;
}

void script_names_set(const struct script_names *n)
{
	names = *n;
}

static bool next_line(void)
{
	size_t n = 0;

	if (script_pos >= script_len)
		return false;
	while (script_pos < script_len && script[script_pos] != '\n') {
		if (n < sizeof(line) - 1)
			line[n++] = script[script_pos];
		script_pos++;
	}
	script_pos++;
	line[n] = '\0';
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void split_line(void)
{
	char *p = line;

	for (nr_words = 0; nr_words < MAX_WORDS - 1; nr_words++) {
		while (is_blank(*p))
			*p++ = '\0';
		if (!*p || *p == '#')
			break;
		word[nr_words] = p;
		while (*p && !is_blank(*p))
			p++;
	}
	*p = '\0';
	word[nr_words] = NULL;
}

void script_skip_child(void)
{
	int depth = 1;

	while (depth && next_line()) {
		split_line();
		if (nr_words && text_eq(word[0], "fork"))
			depth++;
		if (nr_words && text_eq(word[0], "exit"))
			depth--;
	}
}

/* ---- values ------------------------------------------------------------- */

static void variable_set(const char *name, uint64_t value)
{
	size_t n = text_len(name);
	int i = 0;

	while (i < names.nr && !text_eq(names.variable[i].name, name))
		i++;
	if (i == 64 || n >= sizeof(names.variable[0].name))
		return;
	if (i == names.nr)
		names.nr++;
	for (size_t k = 0; k <= n; k++)
		names.variable[i].name[k] = name[k];
	names.variable[i].value = value;
}

static uint64_t named_value(const char *name, size_t n)
{
	char copy[32];

	if (n >= sizeof(copy)) {
		bad_word = true;
		return 0;
	}
	for (size_t k = 0; k < n; k++)
		copy[k] = name[k];
	copy[n] = '\0';
	if (text_eq(copy, "brk0"))
		return script_brk0;
	if (text_eq(copy, "page"))
		return PAGE;
	if (text_eq(copy, "memory"))
		return look_memory();
	for (int i = 0; i < names.nr; i++)
		if (text_eq(names.variable[i].name, copy))
			return names.variable[i].value;
	bad_word = true;
	return 0;
}

static uint64_t number(const char **p)
{
	const char *s = *p;
	uint64_t v = 0;

	if (text_starts(s, "0x")) {
		s += 2;
		v = text_hex(&s);
	} else {
		while (*s >= '0' && *s <= '9')
			v = v * 10 + (uint64_t)(*s++ - '0');
	}
	switch (*s) {
	case 'k':
		v <<= 10, s++;
		break;
	case 'm':
		v <<= 20, s++;
		break;
	case 'g':
		v <<= 30, s++;
		break;
	case 'p':
		v *= PAGE, s++;
		break;
	}
	*p = s;
	return v;
}

static uint64_t term(const char **p)
{
	const char *s = *p;
	uint64_t v;

	if (*s == '$') {
		(*p)++;
		return (uint64_t)names.last_result;
	}
	if (*s >= '0' && *s <= '9')
		return number(p);
	while (*s && *s != '+' && *s != '-')
		s++;
	v = named_value(*p, (size_t)(s - *p));
	*p = s;
	return v;
}

uint64_t script_value(const char *s)
{
	uint64_t v = 0;
	char sign = '+';

	if (!s) {
		bad_word = true;
		return 0;
	}
	if (*s == '+' || *s == '-')
		sign = *s++;
	for (;;) {
		uint64_t t = term(&s);

		v = sign == '+' ? v + t : v - t;
		if (*s != '+' && *s != '-')
			break;
		sign = *s++;
	}
	if (*s)
		bad_word = true;
	return v;
}

static uint64_t value_of(int i)
{
	return i < nr_words ? script_value(word[i]) : 0;
}

static uint64_t prot_of(const char *s)
{
	static const struct {
		char c;
		uint32_t bit;
	} bit[] = {{'r', 1}, {'w', 2}, {'x', 4}, {'g', 0x01000000},
		{'G', 0x02000000}, {'-', 0}};
	uint64_t prot = 0;

	if (!s) {
		bad_word = true;
		return 0;
	}
	if (*s >= '0' && *s <= '9')
		return script_value(s);
	if (text_eq(s, "none"))
		return 0;
	for (; *s; s++) {
		unsigned i = 0;

		while (i < 6 && bit[i].c != *s)
			i++;
		bad_word |= i == 6;
		prot |= i < 6 ? bit[i].bit : 0;
	}
	return prot;
}

/* ---- system calls ------------------------------------------------------- */

/*
 * One letter an argument: n number, p protection, f file or none, and the
 * flags of m mmap, r mremap, s msync, l mlockall, a madvise.
 */
static const struct {
	const char *name, *args;
	enum call nr;
} calls[] = {
	{"mmap", "nnpmfn", CALL_MMAP},
	{"munmap", "nn", CALL_MUNMAP},
	{"mprotect", "nnp", CALL_MPROTECT},
	{"mremap", "nnnrn", CALL_MREMAP},
	{"madvise", "nna", CALL_MADVISE},
	{"msync", "nns", CALL_MSYNC},
	{"mlock", "nn", CALL_MLOCK},
	{"mlock2", "nnn", CALL_MLOCK2},
	{"munlock", "nn", CALL_MUNLOCK},
	{"mlockall", "l", CALL_MLOCKALL},
	{"munlockall", "", CALL_MUNLOCKALL},
	{"mseal", "nnn", CALL_MSEAL},
	{"mbind", "nnnnn", CALL_MBIND},
	{"home_node", "nnnn", CALL_SET_HOME_NODE},
	{"set_mempolicy", "nn", CALL_SET_MEMPOLICY},
	{"remap_file_pages", "nnpnm", CALL_REMAP_FILE_PAGES},
	{"ftruncate", "nn", CALL_FTRUNCATE},
	{"setuid", "n", CALL_SETUID},
	{"setgid", "n", CALL_SETGID},
	{"setreuid", "nn", CALL_SETREUID},
	{"setregid", "nn", CALL_SETREGID},
	{"setresuid", "nnn", CALL_SETRESUID},
	{"setresgid", "nnn", CALL_SETRESGID},
	{"setfsuid", "n", CALL_SETFSUID},
	{"setfsgid", "n", CALL_SETFSGID},
	{"prctl", "nnnnn", CALL_PRCTL},
	{"personality", "n", CALL_PERSONALITY},
};

static uint64_t argument(char kind, int i)
{
	switch (kind) {
	case 'p':
		return prot_of(word[i]);
	case 'm':
	case 'r':
	case 's':
	case 'l':
	case 'a':
		return script_flags(kind, word[i]);
	case 'f':
		return i < nr_words ? script_value(word[i]) : UINT64_MAX;
	default:
		return value_of(i);
	}
}

static void finish(int64_t r)
{
	if (bad_word) {
		put_text("?bad argument\n");
		return;
	}
	names.last_result = r;
	put_result(r);
	put_char('\n');
}

static bool run_call(void)
{
	uint64_t arg[6] = {0};
	size_t i = 0;

	while (i < sizeof(calls) / sizeof(*calls) &&
		!text_eq(calls[i].name, word[0]))
		i++;
	if (i == sizeof(calls) / sizeof(*calls))
		return false;
	for (int n = 0; calls[i].args[n]; n++)
		arg[n] = argument(
			calls[i].args[n], n + 1 < nr_words ? n + 1 : nr_words);
	finish(bad_word ? 0 : host_call(calls[i].nr, arg));
	return true;
}

static void run_brk(void)
{
	uint64_t arg[6] = {0};

	if (nr_words > 1 && (word[1][0] == '+' || word[1][0] == '-'))
		arg[0] = (uint64_t)host_call(CALL_BRK, arg);
	arg[0] += value_of(1);
	finish(bad_word ? 0 : host_call(CALL_BRK, arg));
}

static void run_mincore(void)
{
	static uint8_t vec[65536];
	uint64_t len = host_word(value_of(2));
	uint64_t n = (len + PAGE - 1) / PAGE;
	int64_t r;

	if (n > sizeof(vec))
		n = sizeof(vec);
	r = bad_word ? 0 : host_mincore(value_of(1), len, vec, sizeof(vec));
	if (r || bad_word) {
		finish(r);
		return;
	}
	for (uint64_t i = 0; i < n; i++)
		put_char((char)('0' + (vec[i] & 7)));
	put_char('\n');
	names.last_result = 0;
}

/* ---- accesses ----------------------------------------------------------- */

static void put_fault(const struct fault *f)
{
	put_text(f->sig == 11  ? "SIGSEGV"
		 : f->sig == 7 ? "SIGBUS"
		 : f->sig == 4 ? "SIGILL"
			       : "SIGTRAP");
	put_text(" code=");
	put_dec(f->code);
	put_text(" addr=");
	put_hex(f->addr);
	put_text(" err=");
	put_hex(f->err);
}

/* read and write go byte by byte, peek and touch page by page. */
static bool run_access(void)
{
	static const struct {
		const char *name;
		enum access kind;
		uint64_t step;
	} how[] = {{"read", ACCESS_READ, 1}, {"peek", ACCESS_READ, PAGE},
		{"write", ACCESS_WRITE, 1}, {"touch", ACCESS_WRITE, PAGE},
		{"exec", ACCESS_EXEC, 1}};
	struct fault f = {0};
	uint64_t n = 1, addr;
	uint8_t value = 1;
	bool show;
	int i = 0;

	while (i < 5 && !text_eq(how[i].name, word[0]))
		i++;
	if (i == 5)
		return false;
	addr = value_of(1);
	show = i == 0;
	if (i == 2)
		value = (uint8_t)value_of(2);
	else if (i != 4 && (i != 0 || nr_words > 2))
		n = value_of(2);
	for (uint64_t k = 0; k < n && !f.sig && !bad_word; k += how[i].step) {
		uint8_t v = host_access(how[i].kind, addr + k, value, &f);

		if (f.sig || !show)
			continue;
		if (k)
			put_char(' ');
		put_hex(v);
	}
	if (f.sig)
		put_fault(&f);
	else if (bad_word)
		put_text("?bad argument");
	else if (!show)
		put_text("ok");
	put_char('\n');
	return true;
}

void script_file(const char *name, int64_t fd)
{
	if (fd < 0 || !name) {
		finish(fd);
		return;
	}
	variable_set(name, (uint64_t)fd);
	put_text("fd\n");
	names.last_result = 0;
}

static unsigned open_mode(const char *s)
{
	return s && text_eq(s, "wo") ? 1 : s && text_eq(s, "rw") ? 2 : 0;
}

/* store ADDR V...: words of 64 bits. */
static void run_store(void)
{
	struct fault f = {0};
	uint64_t at = value_of(1);

	for (int i = 2; i < nr_words; i++) {
		uint64_t v = value_of(i);

		for (int k = 0; k < 8 && !f.sig && !bad_word; k++)
			host_access(
				ACCESS_WRITE, at++, (uint8_t)(v >> 8 * k), &f);
	}
	if (f.sig)
		put_fault(&f);
	else
		put_text(bad_word ? "?bad argument" : "ok");
	put_char('\n');
}

static void run_print(void)
{
	for (int i = 1; i < nr_words; i++) {
		put_text(i > 1 ? " " : "");
		put_text(word[i]);
	}
	put_char('\n');
}

/* exec, unless something other than a return instruction lies there. */
static void run_jump(void)
{
	struct fault f = {0};
	uint8_t byte =
		host_access(ACCESS_READ, bad_word ? 0 : value_of(1), 0, &f);

	if (!f.sig && byte != 0xc3) {
		put_text("no code\n");
		return;
	}
	word[0] = (char *)"exec";
	run_access();
}

static void run_close(void)
{
	int64_t fd = (int64_t)value_of(1);

	finish(bad_word ? 0 : host_close(fd));
}

static bool run_file_command(void)
{
	const char *c = word[0];

	if (nr_words < 2)
		return false;
	if (text_eq(c, "file") || text_eq(c, "memfd") || text_eq(c, "shm"))
		script_file(word[1], host_file(word[1], value_of(2), c[0]));
	else if (text_eq(c, "reopen") && nr_words > 2)
		script_file(word[1],
			host_reopen((int64_t)value_of(2), open_mode(word[3])));
	else if (text_eq(c, "hugetlb") && nr_words > 3)
		script_file(word[1],
			host_hugetlb(word[1], value_of(2), value_of(3)));
	else if (text_eq(c, "open") && nr_words > 2)
		script_file(word[1], host_open(word[2], open_mode(word[3])));
	else if (text_eq(c, "close"))
		run_close();
	else
		return false;
	return true;
}

static void run_line(void)
{
	const char *c = word[0];

	bad_word = false;
	if (run_call() || run_access() || run_file_command() ||
		rights_command(word, nr_words) || look_command(word, nr_words))
		return;
	if (text_eq(c, "brk"))
		run_brk();
	else if (text_eq(c, "mincore"))
		run_mincore();
	else if (text_eq(c, "store"))
		run_store();
	else if (text_eq(c, "set") && nr_words > 1)
		variable_set(word[1], nr_words > 2
					      ? value_of(2)
					      : (uint64_t)names.last_result);
	else if (text_eq(c, "print"))
		run_print();
	else if (text_eq(c, "fork"))
		host_fork();
	else if (text_eq(c, "jump"))
		run_jump();
	else if (text_eq(c, "orphan"))
		host_orphan();
	else if (text_eq(c, "exit"))
		host_exit((int)value_of(1));
	else if (!host_command(word, nr_words)) {
		put_text("?unknown ");
		put_text(c);
		put_char('\n');
	}
}

static void echo_line(void)
{
	put_char('>');
	for (int i = 0; i < nr_words; i++) {
		put_char(' ');
		put_text(word[i]);
	}
	put_char('\n');
}

void script_run(const char *text, size_t len, uint64_t brk0, bool echo)
{
	script = text;
	script_len = len;
	script_brk0 = brk0;
	while (next_line()) {
		split_line();
		if (!nr_words)
			continue;
		if (echo)
			echo_line();
		run_line();
	}
	put_flush();
}
