/*
 * help/ from the tables; see help.h.
 */
#include "help.h"

#include "../vm/cmd/command.h"
#include "node.h"
#include "renderers.h"

unsigned help_count(void)
{
	return nr_topics + nr_commands;
}

const char *help_name(unsigned page)
{
	const struct command *c;

	if (page < nr_topics)
		return topic_table[page].name;
	c = &command_table[page - nr_topics];
	if (c->internal)
		return NULL;
	for (const struct command *p = command_table; p < c; p++)
		if (!p->internal && strcmp(p->name, c->name) == 0)
			return NULL;
	return c->name;
}

static const char *written_to(unsigned actors)
{
	if (actors & 1u << ACTOR_MACHINE)
		return actors & 1u << ACTOR_PROCESS ? "ctl and proc/PID/ctl"
						    : "ctl";
	return actors & 1u << ACTOR_KERNEL ? "kernel/ctl" : "proc/PID/ctl";
}

/* Breaks a paragraph into lines of at most 78 bytes. */
static void show_wrapped(struct sbuf *b, const char *s)
{
	while (*s) {
		size_t n = strcspn(s, "\n"), cut = n;

		if (n > 78) {
			for (cut = 78; cut && s[cut] != ' '; cut--)
				;
			if (!cut)
				cut = 78;
		}
		sbuf_mem(b, s, cut);
		sbuf_char(b, '\n');
		s += cut;
		if (*s == ' ' || *s == '\n')
			s++;
	}
}

/* The words that an argument of this row takes. */
static void show_words(struct sbuf *b, const struct command *c)
{
	char words[600];

	for (unsigned i = 0; i < MAX_ARGS && c->args[i].type != ARG_END; i++) {
		if (c->args[i].type == ARG_PROT ||
			!words_list(c->args[i].type, words, sizeof(words)))
			continue;
		sbuf_char(b, '\n');
		show_wrapped(b, c->args[i].name);
		b->len -= !b->failed && b->len;
		sbuf_str(b, ": ");
		show_wrapped(b, words);
	}
}

static void show_example(struct sbuf *b, const char *s)
{
	sbuf_str(b, "\nExample:\n");
	while (*s) {
		size_t n = strcspn(s, "\n");

		sbuf_str(b, "    ");
		sbuf_mem(b, s, n);
		sbuf_char(b, '\n');
		s += n + (s[n] == '\n');
	}
}

static void show_command(struct sbuf *b, const struct command *c)
{
	char usage[200];

	command_usage(c, usage, sizeof(usage));
	sbuf_printf(b, "%s\n\n    %s\n\nWritten to %s.\n", c->summary, usage,
		written_to(c->actors));
	if (c->detail) {
		sbuf_char(b, '\n');
		show_wrapped(b, c->detail);
	}
	show_words(b, c);
	if (c->example)
		show_example(b, c->example);
}

/* All rows of a name: the same verb may mean two things in two files. */
static void show_commands_named(struct sbuf *b, const char *name)
{
	bool first = true;

	for (unsigned i = 0; i < nr_commands; i++) {
		const struct command *c = &command_table[i];

		if (c->internal || strcmp(c->name, name))
			continue;
		if (!first)
			sbuf_str(b, "\n");
		show_command(b, c);
		first = false;
	}
}

void help_show(struct sbuf *b, unsigned page)
{
	const struct topic *t = &topic_table[page];

	if (page >= nr_topics)
		show_commands_named(b, command_table[page - nr_topics].name);
	else if (t->show)
		t->show(b);
	else
		sbuf_str(b, t->text);
}

void show_topic(struct sbuf *b, const struct view *v, uint64_t id)
{
	help_show(b, (unsigned)id);
}

/* A column of `width`, then the text. */
static void show_row(
	struct sbuf *b, const char *left, size_t width, const char *right)
{
	size_t n = strlen(left);

	sbuf_str(b, left);
	sbuf_fill(b, ' ', n < width ? width - n : 1);
	sbuf_str(b, right);
	sbuf_char(b, '\n');
}

void help_commands(struct sbuf *b)
{
	static const unsigned actors[] = {
		ACTOR_MACHINE, ACTOR_PROCESS, ACTOR_KERNEL};
	static const char *const titles[] = {
		"Commands of the machine, written to ctl:\n\n",
		"\nCommands of a process, written to proc/PID/ctl:\n\n",
		"\nCommands of the kernel, written to kernel/ctl:\n\n"};

	for (unsigned k = 0; k < 3; k++) {
		sbuf_str(b, titles[k]);
		for (unsigned i = 0; i < nr_commands; i++) {
			const struct command *c = &command_table[i];

			if (!c->internal && c->actors & 1u << actors[k])
				show_row(b, c->name, 18, c->summary);
		}
	}
	sbuf_str(b, "\nhelp/NAME tells more about each.\n");
}

void help_files(struct sbuf *b)
{
	for (unsigned i = 1; i < nr_nodes; i++)
		show_row(b, node_table[i].path, 28, node_table[i].help);
}

void help_config(struct sbuf *b)
{
	char help[240];
	const char *name;

	sbuf_str(b, "The file config shows what the machine was made with,\n"
		    "-o KEY=VALUE,..., fixed since then:\n\n");
	for (unsigned i = 0; vm_config_keys[i]; i++)
		show_row(b, vm_config_keys[i], 12, vm_config_help[i]);
	sbuf_str(b, "\nand the settings, changed by `set KEY VALUE` in ctl:"
		    "\n\n");
	for (unsigned i = 0; settings_help(i, &name, help, sizeof(help)); i++)
		show_row(b, name, 26, help);
}
