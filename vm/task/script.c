/* Source: fs/binfmt_script.c, whose treatment of blanks and of lines that do
 * not fit the first 256 bytes this keeps. */
#include <string.h>

#include "exec_i.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* First byte of [p, last] that is no blank, or NULL. */
static char *skip_blanks(char *p, const char *last)
{
	for (; p <= last; p++)
		if (!is_blank(*p))
			return p;
	return NULL;
}

/* First byte of [p, last] that ends a word, or NULL. */
static char *word_end(char *p, const char *last)
{
	for (; p <= last; p++)
		if (is_blank(*p) || !*p)
			return p;
	return NULL;
}

/* The line's end: its newline, or the last byte if no word is cut there. */
static char *line_end(char *head)
{
	char *last = head + SCRIPT_HEAD - 1;
	char *end = memchr(head, '\n', strnlen(head, SCRIPT_HEAD));
	char *name;

	if (end)
		return end;
	name = skip_blanks(head + 2, last);
	return name && word_end(name, last) ? last : NULL;
}

int script_parse(struct vm *m, char *head, char **name, char **arg)
{
	char *end, *sep;

	if (head[0] != '#' || head[1] != '!')
		return 1;
	end = line_end(head);
	if (!end)
		return vm_fail(m, ENOEXEC,
			"the #! line names no interpreter within %u bytes",
			SCRIPT_HEAD);
	while (is_blank(end[-1]))
		end--;
	*name = skip_blanks(head + 2, end);
	if (!*name || *name == end || !**name)
		return vm_fail(m, ENOEXEC, "the #! line names no interpreter");
	sep = word_end(*name, end);
	*arg = sep && *sep ? skip_blanks(sep, end) : NULL;
	*end = '\0';
	if (sep)
		*sep = '\0';
	if (*arg && !**arg)
		*arg = NULL;
	return 0;
}
