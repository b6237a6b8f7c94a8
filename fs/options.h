/*
 * The command line of pagefs.
 */
#ifndef PAGEFS_FS_OPTIONS_H
#define PAGEFS_FS_OPTIONS_H

#define FUSE_USE_VERSION 312

#include <fuse_opt.h>
#include <stdbool.h>

#define MAX_KEYS 32
#define AT_CACHE 4

struct options {
	char *machine;	   /* absolute path of the database */
	char *mountpoint;  /* absolute */
	char *at;	   /* a past moment to mount; NULL the newest */
	unsigned at_cache; /* machines of at/ and checkpoints/ to keep */
	bool foreground, debug, single, read_only, power;
	bool check, help, version;
	bool export_journal;
	bool no_mount;	     /* one of the above and below */
	bool import_journal; /* run the script `script` */
	char *script;	     /* "-": standard input */
	/* machine options: names and values */
	const char *keys[MAX_KEYS], *values[MAX_KEYS];
	unsigned nr_keys;
	struct fuse_args args; /* what is left for libfuse */
};

/* 0, or -1 after a sentence on stderr. */
int options_parse(struct options *o, int argc, char **argv);
void options_usage(void);
/* 0; or -1 after a sentence with the first option that libfuse, which takes
 * the rest, does not know, and the nearest that there is (unknown.c). */
int options_known(const struct fuse_args *rest, const struct fuse_opt *ours);
void options_free(struct options *o);

#endif
