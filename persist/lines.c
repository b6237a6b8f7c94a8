/*
 * A write's text as command lines: separated by newlines, trimmed of blanks;
 * blank lines and lines that begin with '#' are no commands and have neither
 * a number nor a reply.
 */
#include "store_i.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

bool next_line(const char *text, size_t len, size_t *pos, const char **line,
	size_t *line_len)
{
	while (*pos < len) {
		const char *p = text + *pos, *end = text + len;
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		if (nl)
			end = nl;
		*pos = (size_t)(end - text) + (nl ? 1 : 0);
		while (p < end && is_blank(*p))
			p++;
		while (p < end && is_blank(end[-1]))
			end--;
		if (p == end || *p == '#')
			continue;
		*line = p;
		*line_len = (size_t)(end - p);
		return true;
	}
	return false;
}
