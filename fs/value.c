/*
 * Files that take one number or word: what is written becomes a command of the
 * process or the machine, `VERB NUMBER` or `VERB WORD`.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../vm/cmd/command.h"
#include "disk_path.h"
#include "session.h"

#define NUMBER_MAX 32
#define WORD_MAX   20 /* characters of a number that a sysctl reads */
#define TEXT_MAX   4096

static bool is_blank(char c)
{
	return c && strchr(" \n\t", c);
}

/* A whole text as a number in any base, as a word for the command line. */
static bool number_word(const char *buf, size_t len, bool plus, char *word)
{
	bool minus = len && *buf == '-';
	bool sign = minus || (plus && len && *buf == '+');
	char text[NUMBER_MAX], *end;
	uint64_t v;

	if (len <= sign || len >= sizeof(text) || memchr(buf, 0, len) ||
		!isdigit((unsigned char)buf[sign]))
		return false;
	memcpy(text, buf, len);
	text[len] = '\0';
	errno = 0;
	v = strtoull(text + sign, &end, 0);
	snprintf(word, NUMBER_MAX, "%s%llu", minus ? "-" : "",
		(unsigned long long)v);
	return !*end && !errno;
}

/*
 * The next number of a sysctl, and a step behind it: without a plus, blanks
 * behind it or nothing.  Source: Linux kernel/sysctl.c (proc_get_long).
 */
static bool sysctl_next(const char **buf, const char *end, char *word)
{
	size_t n = 0;

	while (*buf < end && isspace((unsigned char)**buf))
		++*buf;
	while (*buf + n < end && !is_blank((*buf)[n]))
		n++;
	if (n > WORD_MAX || !number_word(*buf, n, false, word))
		return false;
	*buf += n;
	return true;
}

/* Those of an array, "1,2,3", up to the first that is no int; the length. */
static size_t ints_in(const char *buf, size_t len, char *list, size_t size)
{
	const char *end = buf + len;
	char word[NUMBER_MAX];
	size_t at = 0;

	while (sysctl_next(&buf, end, word)) {
		long long v = strtoll(word, NULL, 10);

		if (v != (int)v || at + strlen(word) + 2 > size)
			break;
		at += (size_t)snprintf(
			list + at, size - at, "%s%s", at ? "," : "", word);
	}
	return at;
}

/* A whole text as a word: letters, behind the first also '+' and '_'. */
static bool is_word(const char *buf, size_t len)
{
	size_t n = 0;

	while (n < len && (isalpha((unsigned char)buf[n]) ||
				  (n && (buf[n] == '+' || buf[n] == '_'))))
		n++;
	return n && n == len && n <= 32;
}

/*
 * What counts of a text, but for a sysctl: it ends at a NUL, and there is no
 * newline at its end; a file of a process has no white space around it, either.
 * Source: Linux lib/kstrtox.c, lib/string.c (sysfs_streq), fs/proc/base.c.
 */
static size_t trim(const struct open_file *f, const char **buf, size_t len)
{
	len = strnlen(*buf, len);
	if (f->node->actor != ACTOR_PROCESS)
		return len - (len && (*buf)[len - 1] == '\n');
	while (len && isspace((unsigned char)(*buf)[len - 1]))
		len--;
	while (len && isspace((unsigned char)**buf))
		++*buf, len--;
	return len;
}

/* The command's words: those of the row. */
static size_t put_verb(char *line, size_t size, const struct open_file *f)
{
	const char *verb = f->node->verb, *hash = strchr(verb, '#');

	if (!hash)
		return (size_t)snprintf(line, size, "%s ", verb);
	return (size_t)snprintf(line, size, "%.*s%llu%s ", (int)(hash - verb),
		verb, (unsigned long long)ID_LOW(f->place.id), hash + 1);
}

static size_t put_key(char *line, size_t size, const struct open_file *f)
{
	uint64_t id = f->place.id;

	if (strchr(f->node->verb, '#'))
		id = ID_HIGH(id);
	return (size_t)snprintf(
		line, size, " %s=%llu", f->node->key, (unsigned long long)id);
}

static bool is_sysctl(const struct open_file *f)
{
	return !strncmp(f->node->path, "proc/sys/", 9);
}

/* What was written, as the command takes it; the length, 0 if it does not.  Of
 * several numbers a sysctl takes the first. */
static size_t put_value(const struct open_file *f, const char *buf, size_t len,
	char *to, size_t size)
{
	char number[NUMBER_MAX];

	if (is_sysctl(f))
		return sysctl_next(&buf, buf + len, number)
			       ? (size_t)snprintf(to, size, "%s", number)
			       : 0;
	len = trim(f, &buf, len);
	if (number_word(buf, len, true, number))
		return (size_t)snprintf(to, size, "%s", number);
	return is_word(buf, len)
		       ? (size_t)snprintf(to, size, "%.*s", (int)len, buf)
		       : 0;
}

/* What was written is no number and no word: what it could have been. */
static void refuse_value(struct open_file *f, const char *buf, size_t len)
{
	const struct view *v = &f->machine->view;
	char name[64], takes[120], said[300], shown[41];
	size_t n = 0;

	while (len && is_blank(buf[len - 1]))
		len--;
	for (; n < len && n < sizeof(shown) - 1; n++)
		shown[n] = buf[n] < ' ' || buf[n] > '~' ? '?' : buf[n];
	shown[n] = '\0';
	if (!strncmp(f->node->verb, "set ", 4)) {
		settings_range(v->vm, f->node->verb + 4, takes, sizeof(takes));
	} else {
		tree_name(v, &f->place, name, sizeof(name));
		snprintf(takes, sizeof(takes), "%s takes a number", name);
	}
	snprintf(said, sizeof(said), "%s, not \"%s\"%s", takes, shown,
		n < len ? "..." : "");
	refuse_input(f, EINVAL, said);
}

/* Any text, as a line `VERB "TEXT"`: up to a NUL, without its newline.  More
 * than a page is not looked at.  Source: Linux fs/kernfs/file.c. */
static int64_t raw_write(
	fuse_req_t req, struct open_file *f, const char *buf, size_t len)
{
	size_t taken = len < TEXT_MAX ? len : TEXT_MAX;
	size_t n = strnlen(buf, taken);
	struct event e = file_event(req, f);
	struct sbuf line = {0};
	struct vm_outcome out;
	char verb[64];
	int err = ENOMEM;

	sbuf_mem(&line, verb, put_verb(verb, sizeof(verb), f) - 1);
	disk_quote(&line, buf, n && buf[n - 1] == '\n' ? n - 1 : n);
	if (!line.failed) {
		e.text = line.data;
		e.text_len = line.len;
		err = exec_event(f, &e, NULL, &out);
	}
	sbuf_free(&line);
	return err ? -err : (int64_t)taken;
}

static int64_t word_write(
	fuse_req_t req, struct open_file *f, const char *buf, size_t len)
{
	char line[160];
	struct vm_outcome out;
	struct event e = file_event(req, f);
	size_t at = put_verb(line, sizeof(line), f), n = 0;
	int err;

	if (f->node->several)
		n = ints_in(buf, len, line + at, sizeof(line) - at);
	else if (!f->node->any)
		n = put_value(f, buf, len, line + at, sizeof(line) - at);
	if (!n && f->node->several)
		return (int64_t)len;
	if (!n && !f->node->any) {
		refuse_value(f, buf, len);
		return -EINVAL;
	}
	e.text = line;
	e.text_len = n ? at + n : at - 1; /* without the blank */
	if (f->node->key)
		e.text_len += put_key(
			line + e.text_len, sizeof(line) - e.text_len, f);
	err = exec_event(f, &e, NULL, &out);
	return err ? -err : (int64_t)len;
}

int64_t value_write(
	fuse_req_t req, struct open_file *f, const char *buf, size_t len)
{
	return f->node->raw ? raw_write(req, f, buf, len)
			    : word_write(req, f, buf, len);
}
