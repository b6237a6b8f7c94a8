/*
 * The command line: our options, the machine's, and those of libfuse.
 * mount(8) calls us with the same order of words, as mount.fuse.pagefs.
 */
#include "options.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../vm/vm.h"

enum {
	KEY_KEEP_RO,
	KEY_FOREGROUND,
	KEY_DEBUG,
	KEY_PROCESS,
	KEY_POWER,
	KEY_IGNORE,
	KEY_IMPORT,
};

#define FLAG(text, field)                                \
	{                                                \
		text, offsetof(struct options, field), 1 \
	}

static const struct fuse_opt option_table[] = {
	FLAG("-s", single),
	FLAG("-h", help),
	FLAG("--help", help),
	FLAG("-V", version),
	FLAG("--version", version),
	FLAG("--check", check),
	FLAG("--export-journal", export_journal),
	FUSE_OPT_KEY("--import-journal", KEY_IMPORT),
	{"at=%s", offsetof(struct options, at), 0},
	{"at_cache=%u", offsetof(struct options, at_cache), 0},
	FUSE_OPT_KEY("-f", KEY_FOREGROUND),
	FUSE_OPT_KEY("-d", KEY_DEBUG),
	FUSE_OPT_KEY("debug", KEY_DEBUG),
	FUSE_OPT_KEY("ro", KEY_KEEP_RO),
	FUSE_OPT_KEY("durability=process", KEY_PROCESS),
	FUSE_OPT_KEY("durability=power", KEY_POWER),
	/* what mount(8) and fstab add */
	FUSE_OPT_KEY("-n", KEY_IGNORE),
	FUSE_OPT_KEY("-v", KEY_IGNORE),
	FUSE_OPT_KEY("defaults", KEY_IGNORE),
	FUSE_OPT_KEY("auto", KEY_IGNORE),
	FUSE_OPT_KEY("noauto", KEY_IGNORE),
	FUSE_OPT_KEY("user", KEY_IGNORE),
	FUSE_OPT_KEY("nouser", KEY_IGNORE),
	FUSE_OPT_KEY("users", KEY_IGNORE),
	FUSE_OPT_KEY("nofail", KEY_IGNORE),
	FUSE_OPT_KEY("_netdev", KEY_IGNORE),
	FUSE_OPT_KEY("x-", KEY_IGNORE),
	FUSE_OPT_END,
};

static int complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static int complain(const char *fmt, ...)
{
	va_list ap;

	fputs("pagefs: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return -1;
}

/* `key=value` of the machine: 0 taken, 1 not ours, -1 wrong. */
static int machine_option(struct options *o, const char *arg)
{
	const char *eq = strchr(arg, '=');
	size_t n = eq ? (size_t)(eq - arg) : strlen(arg);
	struct vm_config trial;
	char err[SENTENCE_MAX];

	for (unsigned i = 0; vm_config_keys[i]; i++) {
		const char *key = vm_config_keys[i];

		if (strlen(key) != n || memcmp(key, arg, n))
			continue;
		if (!eq)
			return complain(
				"option %s needs a value: %s=...", key, key);
		vm_config_default(&trial);
		if (vm_config_set(&trial, key, eq + 1, err))
			return complain("%s", err);
		for (unsigned k = 0; k < o->nr_keys; k++)
			if (o->keys[k] == key)
				return complain(
					"option %s is given twice", key);
		if (o->nr_keys == MAX_KEYS)
			return complain("more than %d options", MAX_KEYS);
		o->keys[o->nr_keys] = key;
		o->values[o->nr_keys] = strdup(eq + 1);
		return o->values[o->nr_keys++] ? 0 : complain("no memory");
	}
	return 1;
}

static int take_word(struct options *o, const char *word)
{
	char **at = !o->machine ? &o->machine : &o->mountpoint;

	if (*at)
		return complain("one word too many: %s (usage: pagefs "
				"[-o OPTIONS] MACHINE.db MOUNTPOINT)",
			word);
	*at = strdup(word);
	return *at ? 0 : complain("no memory");
}

static int take_option(
	void *data, const char *arg, int key, struct fuse_args *rest)
{
	struct options *o = data;

	switch (key) {
	case FUSE_OPT_KEY_NONOPT:
		return take_word(o, arg);
	case FUSE_OPT_KEY_OPT:
		if (!strcmp(arg, "-"))
			return take_word(o, arg);
		if (strncmp(arg, "x-", 2) == 0 ||
			strncmp(arg, "comment=", 8) == 0)
			return 0;
		if (strncmp(arg, "durability=", 11) == 0)
			return complain(
				"%s: durability is process or power", arg);
		return machine_option(o, arg);
	case KEY_KEEP_RO:
		o->read_only = true;
		return 1;
	case KEY_FOREGROUND:
		o->foreground = true;
		return 0;
	case KEY_DEBUG:
		o->debug = o->foreground = true;
		return 1;
	case KEY_IMPORT:
		o->import_journal = true;
		return 0;
	case KEY_POWER:
		o->power = true;
		return 0;
	default:
		return 0;
	}
}

/* The database may not exist yet, its directory must. */
static char *absolute_file(const char *path)
{
	char *copy = strdup(path), *slash, *dir, *out = NULL;
	const char *name = path;

	if (!copy)
		return NULL;
	slash = strrchr(copy, '/');
	if (slash) {
		*slash = 0;
		name = slash + 1;
	}
	dir = realpath(!slash ? "." : *copy ? copy : "/", NULL);
	if (dir && asprintf(&out, "%s/%s", dir, name) < 0)
		out = NULL;
	free(dir);
	free(copy);
	return out;
}

/* The daemon leaves its directory, so paths become absolute first. */
static int resolve(struct options *o)
{
	char *path = absolute_file(o->machine);
	struct stat st;

	if (!path)
		return complain("%s: %s", o->machine, strerror(errno));
	free(o->machine);
	o->machine = path;
	if (!o->mountpoint)
		return 0;
	path = realpath(o->mountpoint, NULL);
	if (!path)
		return complain(
			"mount point %s: %s", o->mountpoint, strerror(errno));
	free(o->mountpoint);
	o->mountpoint = path;
	/* FUSE would hide a file behind a directory that nobody can enter. */
	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
		return complain("mount point %s: %s", path, strerror(ENOTDIR));
	return 0;
}

/* How the mount appears in mount(8), and permissions checked by the kernel. */
static int add_fuse_options(struct options *o)
{
	char *opts = strdup("default_permissions,subtype=pagefs");
	char *name = NULL;
	int err;

	err = !opts || asprintf(&name, "fsname=%s", o->machine) < 0 ||
	      fuse_opt_add_opt_escaped(&opts, name) ||
	      fuse_opt_add_arg(&o->args, "-o") ||
	      fuse_opt_add_arg(&o->args, opts);
	free(name);
	free(opts);
	return err ? complain("no memory") : 0;
}

int options_parse(struct options *o, int argc, char **argv)
{
	struct fuse_args all = FUSE_ARGS_INIT(argc, argv);

	memset(o, 0, sizeof(*o));
	o->args = all;
	o->at_cache = AT_CACHE;
	if (fuse_opt_parse(&o->args, o, option_table, take_option))
		return -1;
	if (o->help || o->version)
		return 0;
	if (options_known(&o->args, option_table))
		return -1;
	if (!o->machine)
		return complain("which machine? usage: pagefs [-o OPTIONS] "
				"MACHINE.db MOUNTPOINT");
	if (o->import_journal) {
		o->script = o->mountpoint;
		o->mountpoint = NULL;
		if (!o->script)
			return complain("which script? usage: pagefs "
					"--import-journal MACHINE.db FILE|-");
	}
	o->no_mount = o->check || o->export_journal || o->import_journal;
	if (o->no_mount && o->mountpoint)
		return complain("%s takes the machine alone",
			o->check ? "--check" : "--export-journal");
	if (!o->no_mount && !o->mountpoint)
		return complain("where to? usage: pagefs [-o OPTIONS] "
				"MACHINE.db MOUNTPOINT");
	if (o->at && *o->at == '-')
		return complain("at=%s: a moment is the number of a line, or "
				"the name of a checkpoint",
			o->at);
	if (o->at && !o->read_only && fuse_opt_add_arg(&o->args, "-oro"))
		return complain("no memory");
	o->read_only |= o->at != NULL;
	if (resolve(o))
		return -1;
	return o->no_mount ? 0 : add_fuse_options(o);
}

void options_usage(void)
{
	char value[VM_CONFIG_VALUE_MAX];
	struct vm_config c;

	vm_config_default(&c);
	puts("usage: pagefs [-o OPTIONS] MACHINE.db MOUNTPOINT\n"
	     "       pagefs --check MACHINE.db\n"
	     "       pagefs --export-journal MACHINE.db\n"
	     "       pagefs --import-journal [-o OPTIONS] MACHINE.db FILE|-\n"
	     "\n"
	     "Creates the machine on first use, and mounts it.\n"
	     "\n"
	     "    -f                  stay in the foreground\n"
	     "    -d                  the same, and show every request\n"
	     "    -s                  serve with one thread\n"
	     "    -o ro               look only\n"
	     "    -o at=SEQ|CHECKPOINT\n"
	     "                        mount a past moment, read-only\n"
	     "    -o at_cache=N       past states of at/ and checkpoints/ that "
	     "are kept\n"
	     "                        in memory (4)\n"
	     "    -o durability=process|power\n"
	     "                        what an acknowledged write survives: "
	     "the death of\n"
	     "                        this process, or a loss of power\n"
	     "    --check             replay the journal and compare, "
	     "without mounting\n"
	     "    --export-journal    print the machine's history as a "
	     "script\n"
	     "    --import-journal    run such a script, on a new machine or "
	     "on this one\n"
	     "    -h, --help  -V, --version\n"
	     "\n"
	     "Options of a new machine, kept in its file (-o KEY=VALUE,...), "
	     "and defaults:\n");
	for (unsigned i = 0; vm_config_keys[i]; i++) {
		vm_config_get(&c, vm_config_keys[i], value, sizeof(value));
		printf("    %s=%-*s %s\n", vm_config_keys[i],
			(int)(18 - strlen(vm_config_keys[i])), value,
			vm_config_help[i]);
	}
	puts("\nOptions of libfuse (allow_other, auto_unmount, ...) work as "
	     "well.\nUnmount with: fusermount3 -u MOUNTPOINT");
}

void options_free(struct options *o)
{
	for (unsigned i = 0; i < o->nr_keys; i++)
		free((char *)o->values[i]);
	free(o->machine);
	free(o->mountpoint);
	free(o->at);
	free(o->script);
	fuse_opt_free_args(&o->args);
}
