/*
 * From a line to a struct cmd.
 *
 *	line  = verb { word } [ '#' comment ]
 *	word  = value | key '=' value
 *	value = bare characters | '"' characters and escapes '"'
 *
 * Positional values fill the row's positional arguments in order; an optional
 * one that does not fit the word is left out and the next is tried, so that
 * `touch ADDR r` needs no LEN.
 */
#include <string.h>

#include "../format.h"
#include "command.h"

/* A word of the line: where its value is, and whether it was quoted. */
struct word {
	const char *text;
	size_t len;
	bool quoted;
};

static bool is_space(char ch)
{
	return ch == ' ' || ch == '\t' || ch == '\r';
}

static int hex_digit(char ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	ch |= 0x20;
	return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

/* The first character of a number's digits tells its base: 0x hex, 0 octal. */
int words_number(const char *s, size_t n, uint64_t *out)
{
	unsigned base = 10, shift = 0;
	uint64_t v = 0;
	size_t i = 0;

	if (n > 1 && s[0] == '0' && (s[1] | 0x20) == 'x') {
		base = 16;
		i = 2;
	} else if (n > 1 && s[0] == '0' && s[1] >= '0' && s[1] <= '9') {
		base = 8;
		i = 1;
	}
	if (i == n)
		return -1;
	for (; i < n; i++) {
		int d = hex_digit(s[i]);

		if (d < 0 || (unsigned)d >= base)
			break;
		if (__builtin_mul_overflow(v, base, &v) ||
			__builtin_add_overflow(v, (unsigned)d, &v))
			return -1;
	}
	if (i == 0 || (base == 16 && i == 2))
		return -1;
	if (i + 1 == n) {
		static const char units[] = "KMGT";
		const char *u = strchr(units, s[i] & ~0x20);

		if (!s[i] || !u || !*u)
			return -1;
		shift = 10 * (unsigned)(u - units + 1);
		i++;
	}
	if (i != n || (shift && v >> (64 - shift)))
		return -1;
	*out = v << shift;
	return 0;
}

static bool is_name_char(char ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
	       (ch >= '0' && ch <= '9') || ch == '_' || ch == '.';
}

/* A label's name: letters, digits, _ and '.', not beginning with a digit. */
static bool is_name(const char *s, size_t n)
{
	if (!n || n >= LABEL_MAX || (s[0] >= '0' && s[0] <= '9'))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_name_char(s[i]))
			return false;
	return true;
}

/* number, label, or either of them +offset or -offset. */
static int addr_parse(const struct word *w, struct arg *a)
{
	size_t n = 0;
	uint64_t off = 0;
	bool minus;

	while (n < w->len && w->text[n] != '+' && w->text[n] != '-')
		n++;
	if (n < w->len) {
		minus = w->text[n] == '-';
		if (words_number(w->text + n + 1, w->len - n - 1, &off))
			return -1;
		off = minus ? -off : off;
	}
	if (words_number(w->text, n, &a->num) == 0) {
		a->num += off;
		a->text = NULL;
		return 0;
	}
	if (!is_name(w->text, n))
		return -1;
	a->text = w->text;
	a->len = n;
	a->num = off;
	return 0;
}

int words_addr(const char *text, struct arg *a)
{
	const struct word w = {.text = text, .len = strlen(text)};

	return addr_parse(&w, a);
}

static int data_parse(struct cmd *c, const struct word *w, struct arg *a)
{
	char *out = c->scratch + c->scratch_used;

	a->text = w->text;
	a->len = w->len;
	if (w->quoted || w->len < 4 || memcmp(w->text, "hex:", 4))
		return 0;
	if (w->len % 2 ||
		(w->len - 4) / 2 > sizeof(c->scratch) - c->scratch_used)
		return -1;
	a->text = out;
	a->len = (w->len - 4) / 2;
	for (size_t i = 0; i < a->len; i++) {
		int hi = hex_digit(w->text[4 + 2 * i]);
		int lo = hex_digit(w->text[5 + 2 * i]);

		if (hi < 0 || lo < 0)
			return -1;
		out[i] = (char)(hi << 4 | lo);
	}
	c->scratch_used += a->len;
	return 0;
}

/*
 * A path or word as a C string in scratch: lines are not terminated.  What was
 * unquoted is there already.
 */
static int text_parse(struct cmd *c, const struct word *w, struct arg *a)
{
	size_t need = w->quoted ? 1 : w->len + 1;

	if (c->scratch_used + need > sizeof(c->scratch) ||
		memchr(w->text, '\0', w->len))
		return -1;
	a->text = w->text;
	a->len = w->len;
	if (!w->quoted)
		a->text = memcpy(c->scratch + c->scratch_used, w->text, w->len);
	c->scratch_used += need;
	c->scratch[c->scratch_used - 1] = '\0';
	return 0;
}

/* "0-1,3", or "all": a mask of nodes 0 to 63. */
static int nodes_parse(const struct word *w, uint64_t *mask)
{
	const char *s = w->text, *end = s + w->len;

	*mask = ~0ull;
	if (w->len == 3 && !memcmp(s, "all", 3))
		return 0;
	for (*mask = 0;; s++) {
		const char *stop = memchr(s, ',', (size_t)(end - s));
		const char *dash;
		uint64_t from, to;

		stop = stop ? stop : end;
		dash = memchr(s, '-', (size_t)(stop - s));
		if (words_number(s, (size_t)((dash ? dash : stop) - s), &from))
			return -1;
		to = from;
		if (dash &&
			words_number(dash + 1, (size_t)(stop - dash - 1), &to))
			return -1;
		if (from > to || to > 63)
			return -1;
		*mask |= ~0ull >> (63 - (to - from)) << from;
		s = stop;
		if (s == end)
			return 0;
	}
}

/* Converts one word to one argument; -1 if it is not of that type. */
static int arg_convert(struct cmd *c, const struct arg_def *d,
	const struct word *w, struct arg *a)
{
	switch (d->type) {
	case ARG_SIZE:
		return words_number(w->text, w->len, &a->num);
	case ARG_NUM:
		if (w->len > 1 && w->text[0] == '-') {
			if (words_number(w->text + 1, w->len - 1, &a->num))
				return -1;
			a->num = -a->num;
			a->minus = a->num != 0;
			return 0;
		}
		if (w->len > 1 && w->text[0] == '+')
			return words_number(w->text + 1, w->len - 1, &a->num);
		return words_number(w->text, w->len, &a->num);
	case ARG_ADDR:
		return addr_parse(w, a);
	case ARG_NODES:
		return nodes_parse(w, &a->num);
	case ARG_DATA:
		return data_parse(c, w, a);
	case ARG_WORD:
	case ARG_PATH:
		return text_parse(c, w, a);
	case ARG_LABEL:
		a->text = w->text;
		a->len = w->len;
		return is_name(w->text, w->len) ? 0 : -1;
	default:
		if (d->type != ARG_ACCESS &&
			words_number(w->text, w->len, &a->num) == 0)
			return 0;
		return words_parse(d->type, w->text, w->len, &a->num);
	}
}

static int usage_fail(
	struct cmd *c, const char *what, const char *text, size_t len)
{
	char usage[160];

	command_usage(c->def, usage, sizeof(usage));
	return vm_fail(c->m, EINVAL, "%s \"%.*s\"; usage: %s", what,
		(int)(len > 60 ? 60 : len), text, usage);
}

/* A number with a minus, where there are none below 0. */
static bool is_negative(const struct arg_def *d, const struct word *w)
{
	uint64_t v;

	return d->type == ARG_SIZE && w->len > 1 && *w->text == '-' &&
	       !words_number(w->text + 1, w->len - 1, &v);
}

/* `equals` is "=" behind a key. */
static int refuse_word(struct cmd *c, const struct arg_def *d,
	const char *equals, const struct word *w)
{
	char what[64];

	vm_snprintf(what, sizeof(what), "%s%s cannot be%s", d->name, equals,
		is_negative(d, w) ? " below 0:" : "");
	return usage_fail(c, what, w->text, w->len);
}

/* Undoes quotes and escapes of "..." into scratch. */
static int unquote(
	struct cmd *c, const char **p, const char *end, struct word *w)
{
	const char *s = *p + 1;
	char *out = c->scratch + c->scratch_used;
	size_t room = sizeof(c->scratch) - c->scratch_used, n = 0;

	for (; s < end && *s != '"'; n++) {
		static const char from[] = "ntr0\\\"", to[] = "\n\t\r\0\\\"";
		char ch = *s++;

		if (n == room)
			return vm_fail(c->m, E2BIG,
				"the strings of one line hold more than %lu "
				"bytes",
				sizeof(c->scratch));
		if (ch == '\\' && s < end) {
			const char *f = memchr(from, *s, sizeof(from) - 1);

			if (*s == 'x' && s + 2 < end && hex_digit(s[1]) >= 0 &&
				hex_digit(s[2]) >= 0) {
				ch = (char)(hex_digit(s[1]) << 4 |
					    hex_digit(s[2]));
				s += 3;
			} else if (f) {
				ch = to[f - from];
				s++;
			} else {
				return usage_fail(c, "unknown escape in", *p,
					(size_t)(end - *p));
			}
		}
		out[n] = ch;
	}
	if (s == end)
		return usage_fail(
			c, "a quote is not closed in", *p, (size_t)(end - *p));
	w->text = out;
	w->len = n;
	w->quoted = true;
	c->scratch_used += n;
	*p = s + 1;
	return 0;
}

/* Takes the value that begins at *p. */
static int next_value(
	struct cmd *c, const char **p, const char *end, struct word *w)
{
	const char *s = *p;

	if (s < end && *s == '"')
		return unquote(c, p, end, w);
	while (s < end && !is_space(*s))
		s++;
	w->text = *p;
	w->len = (size_t)(s - *p);
	w->quoted = false;
	*p = s;
	return 0;
}

/* If the word at *p is key=..., steps over "key=" and gives its argument. */
static int key_match(struct cmd *c, const char **p, const char *end)
{
	const struct arg_def *d = c->def->args;
	const char *s = *p;

	while (s < end && is_name_char(*s))
		s++;
	if (s == end || *s != '=')
		return -1;
	for (unsigned i = 0; i < MAX_ARGS && d[i].type != ARG_END; i++) {
		size_t n = (size_t)(s - *p);

		if (!(d[i].how & ARG_KEY) || strlen(d[i].name) != n ||
			memcmp(d[i].name, *p, n))
			continue;
		*p = s + 1;
		return (int)i;
	}
	return -1;
}

/* One more word of an ARG_REST. */
static int rest_word(struct cmd *c, const struct arg_def *d,
	const struct word *w, struct arg *a)
{
	if (a->words == MAX_WORDS)
		return vm_fail(c->m, E2BIG, "a line takes %u words for %s",
			MAX_WORDS, d->name);
	if (text_parse(c, w, a))
		return usage_fail(c, "too long or not text:", w->text, w->len);
	a->given = true;
	c->rest[a->words++] = (uint16_t)(a->text - c->scratch);
	return 0;
}

/* Gives a positional word to the first argument from *pos on that takes it. */
static int positional(struct cmd *c, unsigned *pos, const struct word *w)
{
	const struct arg_def *d = c->def->args, *below = NULL;

	for (unsigned i = *pos; i < MAX_ARGS && d[i].type != ARG_END; i++) {
		if (d[i].how & ARG_KEY)
			continue;
		if (d[i].type == ARG_REST) {
			*pos = i;
			return rest_word(c, &d[i], w, &c->arg[i]);
		}
		if (arg_convert(c, &d[i], w, &c->arg[i]) == 0) {
			c->arg[i].given = true;
			*pos = i + 1;
			return 0;
		}
		if (!(d[i].how & ARG_OPTIONAL))
			return refuse_word(c, &d[i], "", w);
		if (!below && is_negative(&d[i], w))
			below = &d[i];
	}
	if (below)
		return refuse_word(c, below, "", w);
	return usage_fail(c, "nothing takes the word", w->text, w->len);
}

static int words_take(struct cmd *c, const char *p, const char *end)
{
	unsigned pos = 0;

	for (;;) {
		struct word w;
		int key, err;

		while (p < end && is_space(*p))
			p++;
		if (p == end || *p == '#')
			return 0;
		key = key_match(c, &p, end);
		err = next_value(c, &p, end, &w);
		if (err)
			return err;
		if (key < 0) {
			err = positional(c, &pos, &w);
			if (err)
				return err;
			continue;
		}
		if (c->arg[key].given)
			return usage_fail(c,
				"given twice:", c->def->args[key].name,
				strlen(c->def->args[key].name));
		if (arg_convert(c, &c->def->args[key], &w, &c->arg[key]))
			return refuse_word(c, &c->def->args[key], "=", &w);
		c->arg[key].given = true;
	}
}

static int complete(struct cmd *c)
{
	const struct arg_def *d = c->def->args;

	for (unsigned i = 0; i < MAX_ARGS && d[i].type != ARG_END; i++)
		if (!d[i].how && !c->arg[i].given && d[i].type != ARG_REST)
			return usage_fail(
				c, "missing", d[i].name, strlen(d[i].name));
	return 0;
}

static int unknown_verb(
	struct vm *m, const struct actor *a, const char *verb, size_t n)
{
	static const char *const where[NR_ACTOR_KINDS] = {
		[ACTOR_MACHINE] = "ctl",
		[ACTOR_PROCESS] = "proc/PID/ctl",
		[ACTOR_MEM] = "proc/PID/mem",
		[ACTOR_TRACE] = "proc/PID/trace",
		[ACTOR_STRACE] = "trace/strace",
		[ACTOR_DISK] = "disk/",
		[ACTOR_KERNEL] = "kernel/ctl",
	};
	char shown[33];
	size_t k = n < sizeof(shown) - 1 ? n : sizeof(shown) - 1;

	for (size_t i = 0; i < k; i++)
		shown[i] = verb[i] < ' ' || verb[i] > '~' ? '?' : verb[i];
	shown[k] = '\0';
	for (unsigned kind = 0; kind < NR_ACTOR_KINDS; kind++) {
		const struct command *d = command_find(kind, verb, n);

		if (d && !d->internal)
			return vm_fail(m, EINVAL,
				"\"%s\" is a command of %s, "
				"not of %s",
				shown, where[kind], where[a->kind]);
	}
	return vm_fail(m, EINVAL,
		"unknown command \"%s\"; the commands of %s "
		"are listed in help/",
		shown, where[a->kind]);
}

/* "stop=N " before the verb. */
static int take_stop(
	struct vm *m, const char **p, const char *end, uint64_t *stop)
{
	size_t n = strlen(STOP_PREFIX);
	const char *s = *p;

	*stop = 0;
	if ((size_t)(end - s) < n || memcmp(s, STOP_PREFIX, n))
		return 0;
	for (*p = s += n; s < end && !is_space(*s);)
		s++;
	if (words_number(*p, (size_t)(s - *p), stop) || !*stop)
		return vm_fail(m, EINVAL,
			"stop= takes the place where the command ends, from 1");
	while (s < end && is_space(*s))
		s++;
	*p = s;
	return s < end && *s != '#'
		       ? 0
		       : vm_fail(m, EINVAL, "stop= stands before a command");
}

int cmd_parse(struct vm *m, const struct actor *a, const char *line, size_t len,
	struct cmd *c)
{
	const char *end = line + len, *p = line, *verb;
	const struct command *d = m->last_verb;
	size_t n;
	int err;

	while (p < end && is_space(*p))
		p++;
	if (p == end || *p == '#')
		return 1;
	err = take_stop(m, &p, end, &c->stop);
	if (err)
		return err;
	verb = memchr(p, '\0', (size_t)(end - p));
	if (verb)
		return vm_fail(m, EINVAL,
			"byte %lu of the line is NUL; commands are text",
			(unsigned long)(verb - line + 1));
	verb = p;
	while (p < end && !is_space(*p))
		p++;
	n = (size_t)(p - verb);
	if (!d || !(d->actors & 1u << a->kind) || strncmp(d->name, verb, n) ||
		d->name[n])
		d = command_find(a->kind, verb, n);
	if (!d)
		return unknown_verb(m, a, verb, n);
	if (d->by_store && c->stop)
		return vm_fail(m, EINVAL,
			"\"%s\" does not work on the machine: stop= is not for "
			"it",
			d->name);
	m->last_verb = d;
	c->def = d;
	c->m = m;
	c->actor = a;
	c->scratch_used = 0;
	memset(c->arg, 0, sizeof(c->arg));
	err = words_take(c, p, end);
	return err ? err : complete(c);
}
