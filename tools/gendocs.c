/*
 * Documents derived from the tables: docs/commands.md, docs/files.md, the
 * manual page, and the shell completion.
 *
 *	gendocs commands | files | man VERSION | completion
 */
#include <stdio.h>
#include <string.h>

#include "../fs/node.h"
#include "../vm/cmd/command.h"

static const struct {
	unsigned actor;
	const char *file, *title;
} sections[] = {
	{ACTOR_MACHINE, "ctl", "Commands of the machine"},
	{ACTOR_PROCESS, "proc/PID/ctl", "Commands of a process"},
	{ACTOR_KERNEL, "kernel/ctl", "Commands of the kernel"},
};

#define NR_SECTIONS (sizeof(sections) / sizeof(*sections))

/* The next command of a section, from *i on; NULL at the end. */
static const struct command *next_command(size_t section, unsigned *i)
{
	while (*i < nr_commands) {
		const struct command *c = &command_table[(*i)++];

		if (!c->internal && c->actors & 1u << sections[section].actor)
			return c;
	}
	return NULL;
}

static void commands_md(void)
{
	char usage[200], words[600];
	const struct command *c;

	printf("# Commands\n\nMade from the command table "
	       "(`vm/cmd/table.c`); `help/` in the mount has the same.\n");
	for (size_t s = 0; s < NR_SECTIONS; s++) {
		printf("\n## %s: `%s`\n", sections[s].title, sections[s].file);
		for (unsigned i = 0; (c = next_command(s, &i));) {
			command_usage(c, usage, sizeof(usage));
			printf("\n### `%s`\n\n%s.\n", usage, c->summary);
			if (c->detail)
				printf("\n%s\n", c->detail);
			for (unsigned k = 0; k < MAX_ARGS && c->args[k].type;
				k++)
				if (words_list(c->args[k].type, words,
					    sizeof(words)))
					printf("\n`%s`: %s\n", c->args[k].name,
						words);
			if (c->example)
				printf("\n```\n%s\n```\n", c->example);
		}
	}
}

static void files_md(void)
{
	printf("# Files of the mount\n\nMade from the node table "
	       "(`fs/node_table.c`).\n\n| file | mode | what it is |\n"
	       "|---|---|---|\n");
	for (unsigned i = 0; i < nr_nodes; i++)
		if (node_table[i].kind != NODE_DIR && node_table[i].help)
			printf("| `%s` | %04o | %s |\n", node_table[i].path,
				node_table[i].mode, node_table[i].help);
}

/* roff: a line must not begin with a dot or a quote, '-' is written \-. */
static void roff(const char *s)
{
	if (*s == '.' || *s == '\'')
		fputs("\\&", stdout);
	for (; *s; s++) {
		if (*s == '-' || *s == '\\')
			putchar('\\');
		putchar(*s);
	}
}

static void man_commands(void)
{
	const struct command *c;
	char usage[200];

	for (size_t s = 0; s < NR_SECTIONS; s++) {
		printf(".SS %s: %s\n", sections[s].title, sections[s].file);
		for (unsigned i = 0; (c = next_command(s, &i));) {
			command_usage(c, usage, sizeof(usage));
			printf(".TP\n.B ");
			roff(usage);
			printf("\n");
			roff(c->summary);
			printf(".\n");
		}
	}
}

static void man(const char *version)
{
	struct vm_config defaults;
	char value[64];

	vm_config_default(&defaults);
	printf(".TH PAGEFS 1 \"\" \"pagefs %s\" \"User Commands\"\n", version);
	fputs(".SH NAME\n"
	      "pagefs \\- mount a simulated machine's memory system as files\n"
	      ".SH SYNOPSIS\n"
	      ".B pagefs\n[\\fB\\-o\\fR \\fIOPTIONS\\fR] [\\fB\\-f\\fR] "
	      "[\\fB\\-d\\fR] [\\fB\\-s\\fR] \\fIMACHINE.db MOUNTPOINT\\fR\n"
	      ".br\n.B pagefs \\-\\-check \\fIMACHINE.db\\fR\n"
	      ".br\n.B pagefs \\-\\-export\\-journal \\fIMACHINE.db\\fR\n"
	      ".br\n.B pagefs \\-\\-import\\-journal\n"
	      "[\\fB\\-o\\fR \\fIOPTIONS\\fR] \\fIMACHINE.db FILE\\fR\n"
	      ".br\n.B mount \\-t fuse.pagefs\n"
	      "[\\fB\\-o\\fR \\fIOPTIONS\\fR] \\fIMACHINE.db MOUNTPOINT\\fR\n"
	      ".SH DESCRIPTION\n"
	      "The machine in\n.I MACHINE.db\nis created on first use and "
	      "mounted at\n.IR MOUNTPOINT .\n"
	      "Its files show a memory system in Linux's formats: address "
	      "spaces, page tables, TLBs, the buddy allocator, the page "
	      "cache.\nLines written to its control files are commands.  "
	      "Each is kept in the journal, in an SQLite database, before it "
	      "takes effect: what was acknowledged survives the end of the "
	      "process, and a replay gives the same machine, byte for byte.\n"
	      ".SH OPTIONS\n"
	      ".TP\n.B \\-f\nStay in the foreground.\n"
	      ".TP\n.B \\-d\nStay in the foreground and show every request.\n"
	      ".TP\n.B \\-s\nServe with one thread.\n"
	      ".TP\n.B \\-o ro\nLook only.\n"
	      ".TP\n.B \\-o at=SEQ|CHECKPOINT\n"
	      "Mount a past moment, read-only: the machine as it was after "
	      "line SEQ of its log, or as it was saved.\n"
	      ".TP\n.B \\-o at_cache=N\n"
	      "How many past states of at/ and checkpoints/ stay in memory "
	      "when nobody uses them (4).\n"
	      ".TP\n.B \\-o durability=process|power\n"
	      "What an acknowledged write survives: the death of the process "
	      "(the default), or a loss of power.  fsync(2) on a control file "
	      "gives the stronger promise at that point.\n"
	      ".TP\n.B \\-\\-check\n"
	      "Check the database and replay the whole journal, comparing "
	      "the state with every snapshot.  Exit status 0, or 1 with the "
	      "first difference.\n"
	      ".TP\n.B \\-\\-export\\-journal\n"
	      "Print the history of the machine as a script.\n"
	      ".TP\n.B \\-\\-import\\-journal\n"
	      "Run such a script, from FILE or, as \\-, from standard input, "
	      "on a new machine or on this one.\n"
	      ".PP\nWhat is rebuilt at mount is told on standard error and "
	      "to syslog(3).\n"
	      ".PP\nThe options of libfuse, such as\n.B allow_other\nand\n"
	      ".BR auto_unmount ,\nwork as well.\n"
	      ".SS Options of a new machine\n"
	      "They are kept in the database; a later mount that contradicts "
	      "them is refused.\n",
		stdout);
	for (unsigned i = 0; vm_config_keys[i]; i++) {
		vm_config_get(
			&defaults, vm_config_keys[i], value, sizeof(value));
		printf(".TP\n.B %s=%s\n", vm_config_keys[i], value);
		roff(vm_config_help[i]);
		printf("\n");
	}
	printf(".SH COMMANDS\n");
	man_commands();
	printf(".SH FILES\n");
	for (unsigned i = 0; i < nr_nodes; i++) {
		if (node_table[i].kind == NODE_DIR || !node_table[i].help)
			continue;
		printf(".TP\n.I ");
		roff(node_table[i].path);
		printf("\n");
		roff(node_table[i].help);
		printf("\n");
	}
	fputs(".SH EXIT STATUS\n0 when the machine is mounted (or sound, with "
	      "\\-\\-check); 1 otherwise, with one sentence on standard "
	      "error.\n"
	      ".SH EXAMPLES\n.nf\n"
	      "pagefs \\-o ram=64M demo.db mnt\n"
	      "echo 'mmap 8K rw as=buf' > mnt/proc/1/ctl\n"
	      "cat mnt/proc/1/last mnt/proc/1/maps\n"
	      "fusermount3 \\-u mnt\n.fi\n"
	      ".SH SEE ALSO\nproc(5), mmap(2), fusermount3(1), strace(1), "
	      "sqlite3(1)\n",
		stdout);
}

static void completion(void)
{
	printf("# bash completion for pagefs\n_pagefs()\n{\n"
	       "\tlocal cur=${COMP_WORDS[COMP_CWORD]} "
	       "prev=${COMP_WORDS[COMP_CWORD-1]}\n"
	       "\tif [ \"$prev\" = -o ]; then\n"
	       "\t\tCOMPREPLY=($(compgen -P \"${cur%%${cur##*,}}\" -W '"
	       "ro durability=process durability=power allow_other "
	       "auto_unmount");
	for (unsigned i = 0; vm_config_keys[i]; i++)
		printf(" %s=", vm_config_keys[i]);
	printf("' -- \"${cur##*,}\"))\n"
	       "\t\tcompopt -o nospace\n"
	       "\telif [[ $cur == -* ]]; then\n"
	       "\t\tCOMPREPLY=($(compgen -W '-o -f -d -s --check --help "
	       "--version' -- \"$cur\"))\n"
	       "\telse\n\t\tcompopt -o filenames\n"
	       "\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n\tfi\n}\n"
	       "complete -F _pagefs pagefs\n");
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "commands"))
		commands_md();
	else if (!strcmp(what, "files"))
		files_md();
	else if (!strcmp(what, "man"))
		man(argc > 2 ? argv[2] : "");
	else if (!strcmp(what, "completion"))
		completion();
	else {
		fprintf(stderr,
			"usage: gendocs commands|files|man|completion\n");
		return 2;
	}
	return 0;
}
