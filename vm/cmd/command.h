/*
 * The command table: one row a command.  Parser, usage errors, help/,
 * docs/commands.md, the shell completion and the fuzzer's dictionary are all
 * derived from it.  Handlers receive parsed values and never see text.
 */
#ifndef PAGEFS_VM_COMMAND_H
#define PAGEFS_VM_COMMAND_H

#include "../task/task.h"
#include "../vm.h"

#define MAX_ARGS  10
#define MAX_WORDS 512 /* of an ARG_REST */

/* What ARG_GFP gives: one of the zones, and ZERO. */
#define GFP_WORD(zone)	     (1u << (zone))
#define GFP_WORD_MOVABLE     0x10u
#define GFP_WORD_RECLAIMABLE 0x20u
#define GFP_WORD_ZERO	     0x40u
#define GFP_WORD_HOW	     0x100u /* from here on: GFP_NOWAIT and others */

enum arg_type {
	ARG_END,
	ARG_SIZE, /* number with K M G T */
	ARG_NUM,  /* number: decimal, 0x, octal; a sign where it makes sense */
	ARG_ADDR, /* number, label or label+offset */
	ARG_PROT, /* none, or letters of rwx */
	ARG_MAPFLAGS,
	ARG_MEMFDFLAGS,
	ARG_REMAPFLAGS,
	ARG_ADVICE,
	ARG_MSFLAGS,
	ARG_MCLFLAGS,
	ARG_CLONEFLAGS,
	ARG_WAITFLAGS,
	ARG_OPENFLAGS,
	ARG_WHENCE,
	ARG_FADVICE,
	ARG_GFP,
	ARG_CACHEFLAGS,
	ARG_MPOL,      /* a memory policy and its flags */
	ARG_MPOLFLAGS, /* of get_mempolicy */
	ARG_MFFLAGS,   /* of mbind */
	ARG_NODES,     /* NUMA nodes: 0-1,3 or all; a mask */
	ARG_ACCESS,    /* r, w or x */
	ARG_DATA,      /* "string" or hex:6869 */
	ARG_WORD,      /* a bare word, or "quoted" */
	ARG_PATH,      /* a path on disk/ */
	ARG_LABEL,     /* a new label's name */
	ARG_REST,      /* every word that is left (argv) */
};

#define ARG_OPTIONAL 1u /* positional, may be missing */
#define ARG_KEY	     2u /* written name=value, may be missing */

struct arg_def {
	const char *name;
	enum arg_type type;
	unsigned how;
};

/* A parsed argument.  Text points into the line, not NUL-terminated, unless
 * it was unquoted into cmd.scratch. */
struct arg {
	bool given;
	bool minus;	  /* ARG_NUM: a sign stood before it */
	uint64_t num;	  /* numbers, flags; the offset of a label */
	const char *text; /* words, paths, labels, data */
	size_t len;
	unsigned words; /* ARG_REST: how many; cmd.rest has where */
};

/* An ARG_NUM as it was written, for sentences: its sign, and the rest. */
static inline const char *arg_sign(const struct arg *a)
{
	return a->minus ? "-" : "";
}

static inline uint64_t arg_abs(const struct arg *a)
{
	return a->minus ? -a->num : a->num;
}

struct command;

/* What a handler works on. */
struct cmd {
	const struct command *def;
	struct arg arg[MAX_ARGS];
	struct vm *m;
	struct task *task; /* the process, for its commands */
	const struct actor *actor;
	const void *blob;
	size_t blob_len;
	struct reply *reply; /* 0 if the handler leaves it alone */
	uint64_t stop;	     /* the place where it ends, 0: it does not */
	size_t scratch_used;
	uint16_t rest[MAX_WORDS]; /* words of ARG_REST, offsets in scratch */
	char scratch[8192];	  /* unquoted and terminated strings */
};

/* Returns 0, or -errno after vm_fail(). */
typedef int cmd_fn(struct cmd *c);

struct command {
	const char *name;
	unsigned actors; /* 1u << ACTOR_* */
	cmd_fn *run;
	struct arg_def args[MAX_ARGS];
	const char *summary; /* one line */
	const char *detail;  /* paragraphs for help/ and the manual, or NULL */
	/* Lines that work in a process that was forked and has one child, which
	 * has exited, on a machine that has the program /bin/hello. */
	const char *example;
	bool needs_blob;
	/* Others ask for it: also of a process that vfork has suspended, or
	 * that is a zombie. */
	bool outside;
	bool internal; /* written by the file system, not by people */
	/* Run by whoever keeps the machine's history, not by the machine: no
	 * handler, and vm_apply() stops before it. */
	bool by_store;
};

/* All rows, in the order of help/. */
extern const struct command command_table[];
extern const unsigned nr_commands;

const struct command *command_find(
	unsigned actor_kind, const char *name, size_t len);

/* What follows a command: those whom the OOM killer chose die, signals arrive,
 * daemons that were woken run. */
void command_done(struct vm *m);

/* The reply "hex:6869" for nr bytes that were read; with "..." where they are
 * more than the reply holds, which buf has then. */
#define BYTES_SHOWN 112
void reply_bytes(struct reply *r, const uint8_t *buf, uint64_t nr);

/* What the PROT, flag and advice words stand for (cmd/words.c).  0, or -1 for
 * an unknown word. */
int words_parse(
	enum arg_type type, const char *text, size_t len, uint64_t *out);
/* A number: decimal, 0x hex, 0 octal, with a K, M, G or T at its end.  0 or -1.
 */
int words_number(const char *text, size_t len, uint64_t *out);
/* An address as an ARG_ADDR has it: number, label, or either +offset. */
int words_addr(const char *text, struct arg *a);
/* The words of a type, for help: "shared,private,...". */
size_t words_list(enum arg_type type, char *buf, size_t size);

/* The address an ARG_ADDR stands for in the process.  0 or -EINVAL. */
int arg_addr(struct cmd *c, unsigned i, vaddr_t *out);
/* An ARG_NUM that is an int, as kstrtoint() has it.  0 or -ERANGE. */
int arg_int(struct cmd *c, unsigned i, int *out);
/* Whether it is not negative as Linux's loff_t.  0 or -EINVAL. */
int arg_signed(struct cmd *c, unsigned i);
/* The words of the line's ARG_REST, which is argument i, as a vector of at most
 * max; returns how many. */
unsigned arg_words(
	const struct cmd *c, unsigned i, const char **v, unsigned max);

/* ---- settings (cmd/settings.c): `set KEY VALUE` ---- */
int settings_set(struct vm *m, const char *key, size_t key_len,
	const char *value, size_t value_len);
/* The i-th setting's name, with its value as text, or a line of help. */
bool settings_get(const struct vm *m, unsigned i, const char **name,
	char *value, size_t size);
/* What a setting may be: "swappiness is a number from 0 to 200". */
void settings_range(
	const struct vm *m, const char *key, char *buf, size_t size);
bool settings_help(unsigned i, const char **name, char *help, size_t size);

/* "mmap LEN PROT [addr=A] ..." from the row. Returns the length. */
size_t command_usage(const struct command *c, char *buf, size_t size);

/* Parses one line (no newline).  0; 1 for a blank or comment line; -EINVAL
 * with a sentence that quotes the usage. */
int cmd_parse(struct vm *m, const struct actor *a, const char *line, size_t len,
	struct cmd *c);

#endif
