/*
 * The pages of help/: topics, and one page a command, from the command table.
 * A page is known by its number: topics first, then the rows of the table.
 */
#ifndef PAGEFS_FS_HELP_H
#define PAGEFS_FS_HELP_H

#include "show.h"

/* A topic: its words, or what is rendered from a table. */
struct topic {
	const char *name;
	const char *text;
	void (*show)(struct sbuf *b);
};

extern const struct topic topic_table[];
extern const unsigned nr_topics;

unsigned help_count(void);
/* The file name of a page; NULL where a command has none (internal ones, and
 * further rows of a name that was listed before). */
const char *help_name(unsigned page);
void help_show(struct sbuf *b, unsigned page);

/* Pages made from the tables: every command with its summary, every file,
 * every option of a machine and every setting. */
void help_commands(struct sbuf *b);
void help_files(struct sbuf *b);
void help_config(struct sbuf *b);

#endif
