/*
 * Commands of ctl that the store runs: checkpoint, restore, forget, vacuum.
 * They change what is kept, not the machine, so they are no rows of the
 * journal; a write that mixes them with commands of the machine is taken
 * apart, and the lines between two of them are one row.
 */
#include "store_i.h"

#include <stdio.h>
#include <stdlib.h>

#include "../vm/cmd/command.h"

/* ---- one command -------------------------------------------------------- */

static int run_checkpoint(struct store *s, const struct cmd *c, struct reply *r)
{
	return checkpoint_create(s, c->arg[0].text, &r->value);
}

static int run_restore(struct store *s, const struct cmd *c, struct reply *r)
{
	int rc = history_restore(s, c->arg[0].text);

	r->value = course_seq(&s->course, s->vm->root->seq);
	return rc;
}

static int run_forget(struct store *s, const struct cmd *c, struct reply *r)
{
	if (!c->arg[0].given)
		return store_fail(s, EINVAL,
			"forget needs before=SEQ, the first moment to keep");
	return history_forget(s, c->arg[0].num, &r->value);
}

static int run_vacuum(struct store *s, const struct cmd *c, struct reply *r)
{
	return history_vacuum(s, &r->value);
}

static const struct {
	const char *name;
	int (*run)(struct store *s, const struct cmd *c, struct reply *r);
} commands[] = {
	{"checkpoint", run_checkpoint},
	{"restore", run_restore},
	{"forget", run_forget},
	{"vacuum", run_vacuum},
};

static void run(struct store *s, const struct cmd *c, struct reply *r)
{
	int rc = -ENOSYS;

	memset(r, 0, sizeof(*r));
	r->kind = REPLY_DEC;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(commands[i].name, c->def->name))
			rc = commands[i].run(s, c, r);
	if (!rc)
		return;
	r->err = -rc;
	r->kind = REPLY_NONE;
	r->value = 0;
	snprintf(r->text, sizeof(r->text), "%.*s", (int)sizeof(r->text) - 1,
		s->sentence);
}

/* ---- a write with several, or parts of it -------------------------------- */

static bool is_ours(const char *line, size_t len)
{
	const struct command *c;
	size_t n = 0;

	if (!strchr("cfrv", *line))
		return false;
	while (n < len && line[n] != ' ' && line[n] != '\t')
		n++;
	c = command_find(ACTOR_MACHINE, line, n);
	return c && c->by_store;
}

/* The first line of ours at or after *pos; false if there is none. */
static bool find_ours(const struct event *e, size_t pos, size_t *at,
	const char **line, size_t *len)
{
	while (next_line(e->text, e->text_len, &pos, line, len)) {
		if (!is_ours(*line, *len))
			continue;
		*at = (size_t)(*line - e->text);
		return true;
	}
	return false;
}

bool command_is_mixed(const struct event *e)
{
	const char *line;
	size_t at, len;

	return e->actor.kind == ACTOR_MACHINE && !e->blob &&
	       find_ours(e, 0, &at, &line, &len);
}

size_t store_part(const struct event *e, bool *ours)
{
	const char *line, *nl;
	size_t at, len;

	*ours = false;
	if (e->actor.kind != ACTOR_MACHINE || e->blob ||
		!find_ours(e, 0, &at, &line, &len))
		return e->text_len;
	if (at)
		return at;
	*ours = true;
	nl = memchr(line, '\n', e->text_len);
	return nl ? (size_t)(nl - line) + 1 : e->text_len;
}

/* All of the line but for `restore`, which changes the machine. */
static void run_ahead(
	struct store *s, const struct cmd *c, struct store_ahead *a)
{
	if (!strcmp(c->def->name, "restore")) {
		history_ahead(s, c->arg[0].text, a);
		return;
	}
	run(s, c, &a->reply);
	a->ran = true;
}

struct store_ahead *store_ahead_begin(struct store *s, const struct event *e)
{
	struct store_ahead *a = calloc(1, sizeof(*a));
	struct cmd *c = malloc(sizeof(*c));
	const char *line;
	size_t pos = 0, len;

	if (!a || !c) {
		free(a);
		free(c);
		return NULL;
	}
	a->thread = pthread_self();
	store_lock(s);
	if (next_line(e->text, e->text_len, &pos, &line, &len) &&
		!cmd_parse(s->vm, &e->actor, line, len, c))
		run_ahead(s, c, a);
	a->next = s->aheads;
	s->aheads = a;
	s->building += a->view != NULL; /* what it was built from stays */
	store_unlock(s);
	free(c);
	return a;
}

/* What this thread has run already. */
static struct store_ahead *find_ran(struct store *s)
{
	struct store_ahead *a = s->aheads;

	while (a && !(a->ran && !a->done &&
			    pthread_equal(a->thread, pthread_self())))
		a = a->next;
	return a;
}

void store_ahead_end(struct store *s, struct store_ahead *a)
{
	struct store_ahead **p;

	if (!a)
		return;
	store_lock(s);
	for (p = &s->aheads; *p != a; p = &(*p)->next)
		;
	*p = a->next;
	if (a->view) {
		s->building--;
		view_detach(a->view);
	}
	store_unlock(s);
	if (a->view)
		view_free(a->view);
	free(a);
}

/* What a part of the write gave, as of the whole write. */
static void add_outcome(
	struct vm_outcome *all, const struct vm_outcome *part, size_t at)
{
	all->consumed = at + part->consumed;
	all->lines += part->lines;
	all->failed = part->failed;
	all->refused = part->refused;
	all->stopped = part->stopped;
	if (!part->lines)
		return;
	all->by_store = part->by_store;
	all->last = part->last;
}

/* One line of ours; as journal_exec(). */
static int exec_ours(struct store *s, const struct event *e, const char *line,
	size_t len, vm_reply_fn *fn, void *ctx, struct vm_outcome *out)
{
	struct store_ahead *a = find_ran(s);
	struct cmd *c = malloc(sizeof(*c));
	int rc;

	memset(out, 0, sizeof(*out));
	if (!c)
		return store_fail(s, ENOMEM, "out of memory");
	vm_fail_clear(s->vm);
	rc = cmd_parse(s->vm, &e->actor, line, len, c);
	if (rc) {
		free(c);
		return store_fail(s, -rc, "%s", vm_sentence(s->vm));
	}
	if (a) {
		out->last = a->reply;
		a->done = true;
	} else {
		run(s, c, &out->last);
	}
	free(c);
	out->lines = 1;
	out->by_store = 1;
	out->failed = out->last.err != 0;
	out->consumed = out->failed ? 0 : len;
	if (fn)
		fn(ctx, &out->last, line, len);
	return 0;
}

int command_exec_mixed(struct store *s, const struct event *e, vm_reply_fn *fn,
	void *ctx, struct vm_outcome *out)
{
	size_t pos = 0, at, len = 0;
	const char *line = NULL;
	int rc = 0;

	memset(out, 0, sizeof(*out));
	while (pos < e->text_len && !rc && !out->failed && !out->refused &&
		!out->stopped) {
		struct vm_outcome part;
		struct event before = *e;

		if (!find_ours(e, pos, &at, &line, &len))
			at = e->text_len;
		if (at > pos) {
			before.text += pos;
			before.text_len = at - pos;
			rc = journal_exec(s, &before, fn, ctx, &part);
		} else {
			rc = exec_ours(s, e, line, len, fn, ctx, &part);
			at = pos + len;
		}
		if (!rc)
			add_outcome(out, &part, pos);
		pos = at;
	}
	if (!rc || !out->lines)
		return rc;
	/* Lines have run: the write ends before this one. */
	out->refused = 1;
	vm_fail_clear(s->vm);
	vm_fail(s->vm, -rc, "%s", s->sentence);
	return 0;
}
