/* The rows of the command table by name, and as lines of usage. */
#include "command.h"

#include <string.h>

#include "../format.h"

const struct command *command_find(
	unsigned actor_kind, const char *name, size_t len)
{
	for (unsigned i = 0; i < nr_commands; i++) {
		const struct command *c = &command_table[i];

		if ((c->actors & 1u << actor_kind) &&
			!strncmp(c->name, name, len) && !c->name[len])
			return c;
	}
	return NULL;
}

size_t command_usage(const struct command *c, char *buf, size_t size)
{
	size_t n = vm_snprintf(buf, size, "%s", c->name);

	for (unsigned i = 0; i < MAX_ARGS && c->args[i].type != ARG_END; i++) {
		const struct arg_def *d = &c->args[i];
		const char *tail = "";

		if (d->type == ARG_REST)
			tail = "...";
		else if (d->type == ARG_LABEL && (d->how & ARG_KEY))
			tail = "=NAME";
		else if (d->how & ARG_KEY)
			tail = "=";
		n += vm_snprintf(buf + n, size - n,
			d->how ? " [%s%s]" : " %s%s", d->name, tail);
	}
	return n;
}
