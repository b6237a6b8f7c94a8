/*
 * Options that nobody knows: libfuse, which takes what is left of the command
 * line, is asked before anything else is done, and the sentence is ours.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../vm/vm.h"
#include "options.h"

#include <fuse_lowlevel.h>

#define NAME_LEN 64

/* Those of libfuse that people give; others are found by libfuse itself. */
static const char *const fuse_names[] = {"allow_other", "allow_root",
	"auto_unmount", "default_permissions", "fsname", "subtype", "debug",
	NULL};

/* ---- the nearest name ---------------------------------------------------- */

struct nearest {
	char word[NAME_LEN]; /* what was given, without its value */
	char name[NAME_LEN];
	unsigned distance;
};

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* How many letters to insert, leave out or exchange to make b of a. */
static unsigned edits(const char *a, const char *b)
{
	unsigned row[NAME_LEN + 1], n = (unsigned)strlen(b);

	for (unsigned j = 0; j <= n; j++)
		row[j] = j;
	for (unsigned i = 1; a[i - 1]; i++) {
		unsigned corner = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= n; j++) {
			unsigned exchange = corner + (a[i - 1] != b[j - 1]);

			corner = row[j];
			row[j] = least(exchange, 1 + least(row[j], row[j - 1]));
		}
	}
	return row[n];
}

static void copy_name(char to[NAME_LEN], const char *from, size_t len)
{
	if (len > NAME_LEN - 1)
		len = NAME_LEN - 1;
	memcpy(to, from, len);
	to[len] = 0;
}

static void consider(struct nearest *n, const char *option)
{
	char name[NAME_LEN];
	unsigned d;

	copy_name(name, option, strcspn(option, "="));
	d = edits(n->word, name);
	if (d >= n->distance)
		return;
	n->distance = d;
	strcpy(n->name, name);
}

/* ---- the sentence -------------------------------------------------------- */

static void complain(
	const char *option, size_t len, const struct fuse_opt *ours)
{
	struct nearest n = {.distance = NAME_LEN};

	copy_name(n.word, option, len);
	n.word[strcspn(n.word, "=")] = 0;
	for (; ours->templ; ours++)
		consider(&n, ours->templ);
	for (unsigned i = 0; vm_config_keys[i]; i++)
		consider(&n, vm_config_keys[i]);
	for (unsigned i = 0; fuse_names[i]; i++)
		consider(&n, fuse_names[i]);
	fprintf(stderr, "pagefs: unknown option %.*s", (int)len, option);
	if (n.distance <= strlen(n.word) / 3)
		fprintf(stderr, ": did you mean %s?", n.name);
	fputs(" (pagefs --help lists them)\n", stderr);
}

/* What libfuse says, which comes in pieces; it frees the arguments. */
static char said[512];

static void listen(enum fuse_log_level level, const char *fmt, va_list ap)
{
	size_t len = strlen(said);

	vsnprintf(said + len, sizeof(said) - len, fmt, ap);
}

int options_known(const struct fuse_args *rest, const struct fuse_opt *ours)
{
	static const struct fuse_lowlevel_ops none;
	struct fuse_args copy = FUSE_ARGS_INIT(0, NULL);
	struct fuse_session *se = NULL;
	const char *option;
	int err = 0;

	for (int i = 0; i < rest->argc; i++)
		err |= fuse_opt_add_arg(&copy, rest->argv[i]);
	fuse_set_log_func(listen);
	if (!err)
		se = fuse_session_new(&copy, &none, sizeof(none), NULL);
	fuse_set_log_func(NULL);
	fuse_opt_free_args(&copy);
	if (se) {
		fuse_session_destroy(se);
		return 0;
	}
	option = strchr(said, '`'); /* unknown option(s): `-o ramm=64M' */
	if (!option) {
		fprintf(stderr, "pagefs: %s\n", *said ? said : "no memory");
		return -1;
	}
	option += strncmp(option + 1, "-o ", 3) ? 1 : 4;
	complain(option, strcspn(option, ",'"), ours);
	return -1;
}
