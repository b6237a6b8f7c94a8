/*
 * Files that take one number or word: what is written becomes a command of the
 * process or the machine, `VERB NUMBER` or `VERB WORD`.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "disk_path.h"
#include "session.h"

#define NUMBER_MAX 32
#define RAW_MAX	   1024

/*
 * The number in a text that white space may surround, as a word for the
 * command line; false if it is none.  Of several words a sysctl takes the
 * first, as Linux's do.
 */
static bool number_in(const char *buf, size_t len, bool sysctl, char *word)
{
	char text[NUMBER_MAX], *end;
	bool minus;
	size_t n = 0;
	uint64_t v;

	while (len && strchr(" \n\t", buf[len - 1]))
		len--;
	while (len && strchr(" \n\t", *buf))
		buf++, len--;
	while (sysctl && n < len && !strchr(" \n\t", buf[n]))
		n++;
	len = sysctl ? n : len;
	minus = len && *buf == '-';
	if (len == minus || len >= sizeof(text) || memchr(buf, 0, len) ||
		!strchr("+0123456789", buf[minus]))
		return false;
	memcpy(text, buf, len);
	text[len] = '\0';
	errno = 0;
	v = strtoull(text + minus, &end, 0);
	snprintf(word, NUMBER_MAX, "%s%llu", minus ? "-" : "",
		(unsigned long long)v);
	return !*end && !errno;
}

/* Numbers with white space between them: "1,2,3"; the length, 0 if one is none.
 */
static size_t numbers_in(const char *buf, size_t len, char *list, size_t size)
{
	const char *end = buf + len;
	size_t at = 0;

	for (;;) {
		char number[NUMBER_MAX];
		size_t n = 0;

		while (buf < end && strchr(" \n\t", *buf))
			buf++;
		if (buf == end)
			return at;
		while (buf + n < end && !strchr(" \n\t", buf[n]))
			n++;
		if (!number_in(buf, n, false, number) ||
			at + strlen(number) + 2 > size)
			return 0;
		at += (size_t)snprintf(
			list + at, size - at, "%s%s", at ? "," : "", number);
		buf += n;
	}
}

/* A word of letters, '+' and '_', without the white space around it. */
static size_t word_in(const char *buf, size_t len, const char **word)
{
	size_t n = 0;

	while (len && strchr(" \n\t", *buf))
		buf++, len--;
	while (n < len && (isalpha((unsigned char)buf[n]) ||
				  (n && (buf[n] == '+' || buf[n] == '_'))))
		n++;
	*word = buf;
	for (size_t i = n; i < len; i++)
		if (!strchr(" \n\t", buf[i]) || !buf[i])
			return 0;
	return n <= 32 ? n : 0;
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

/* What was written, as the command takes it; the length, 0 if it does not. */
static size_t put_value(const struct open_file *f, const char *buf, size_t len,
	char *to, size_t size)
{
	bool sysctl = !strncmp(f->node->path, "proc/sys/", 9);
	char number[NUMBER_MAX];
	const char *word;
	size_t n;

	if (f->node->several)
		return numbers_in(buf, len, to, size);
	if (number_in(buf, len, sysctl, number))
		return (size_t)snprintf(to, size, "%s", number);
	n = word_in(buf, len, &word);
	return n ? (size_t)snprintf(to, size, "%.*s", (int)n, word) : 0;
}

/* What was written as a line, `VERB "TEXT"`: without its newline. */
static int64_t raw_write(
	fuse_req_t req, struct open_file *f, const char *buf, size_t len)
{
	struct event e = file_event(req, f);
	struct sbuf line = {0};
	struct vm_outcome out;
	char verb[64];
	int err;

	sbuf_mem(&line, verb, put_verb(verb, sizeof(verb), f) - 1);
	disk_quote(&line, buf, len && buf[len - 1] == '\n' ? len - 1 : len);
	if (line.failed) {
		err = ENOMEM;
	} else if (len > RAW_MAX || memchr(buf, 0, len)) {
		err = EINVAL;
		refuse_input(f, EINVAL, "it takes a line of text");
	} else {
		e.text = line.data;
		e.text_len = line.len;
		err = exec_event(f, &e, NULL, &out);
	}
	sbuf_free(&line);
	return err ? -err : (int64_t)len;
}

static int64_t word_write(
	fuse_req_t req, struct open_file *f, const char *buf, size_t len)
{
	char line[160];
	struct vm_outcome out;
	struct event e = file_event(req, f);
	size_t at = put_verb(line, sizeof(line), f);
	size_t n = put_value(f, buf, len, line + at, sizeof(line) - at);
	int err = EINVAL;

	e.text = line;
	e.text_len = n ? at + n : 0;
	if (e.text_len && f->node->key)
		e.text_len += put_key(
			line + e.text_len, sizeof(line) - e.text_len, f);
	if (e.text_len) {
		err = exec_event(f, &e, NULL, &out);
	} else {
		snprintf(line, sizeof(line), "%s takes a number or a word",
			f->node->verb);
		refuse_input(f, EINVAL, line);
	}
	return err ? -err : (int64_t)len;
}

int64_t value_write(
	fuse_req_t req, struct open_file *f, const char *buf, size_t len)
{
	return f->node->raw ? raw_write(req, f, buf, len)
			    : word_write(req, f, buf, len);
}
