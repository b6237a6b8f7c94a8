/*
 * Running events: lines one after the other until one fails.
 *
 * The line that fails has changed nothing but counters and the newest reply.
 * A line that does not parse ends the event before it: it is refused where it
 * can still be refused, when it comes first.
 */
#include <string.h>

#include "../abi.h"
#include "../compact/compact.h"
#include "../format.h"
#include "../disk/disk.h"
#include "../kernel/psi.h"
#include "../reclaim/oom.h"
#include "../reclaim/reclaim.h"
#include "../task/signal.h"
#include "command.h"

int arg_addr(struct cmd *c, unsigned i, vaddr_t *out)
{
	const struct arg *a = &c->arg[i];
	vaddr_t base = 0;

	if (a->text) {
		int err = label_get(c->m, c->task, a->text, a->len, &base);

		if (err)
			return err;
	}
	*out = base + a->num;
	return 0;
}

int arg_int(struct cmd *c, unsigned i, int *out)
{
	const struct arg *a = &c->arg[i];

	if (a->minus ? a->num < (uint64_t)INT32_MIN : a->num > INT32_MAX)
		return vm_fail(c->m, ERANGE,
			"%s is beyond the numbers of an int, -2147483648 to "
			"2147483647",
			c->def->args[i].name);
	*out = (int)(int64_t)a->num;
	return 0;
}

int arg_signed(struct cmd *c, unsigned i)
{
	if (c->arg[i].num <= INT64_MAX)
		return 0;
	return vm_fail(c->m, EINVAL,
		"%s is negative or beyond 2^63-1, which is the same to Linux",
		c->def->args[i].name);
}

unsigned arg_words(
	const struct cmd *c, unsigned i, const char **v, unsigned max)
{
	unsigned n = 0;

	for (; n < c->arg[i].words && n < max; n++)
		v[n] = c->scratch + c->rest[n];
	return n;
}

/* The process that a command of proc/PID works on. */
static int bind_task(struct cmd *c)
{
	uint32_t pid = c->actor->id;

	c->task = NULL;
	if (c->actor->kind != ACTOR_PROCESS && c->actor->kind != ACTOR_MEM &&
		c->actor->kind != ACTOR_TRACE)
		return 0;
	c->task = task_find(c->m, pid);
	if (!c->task)
		return vm_fail(c->m, ESRCH, "no process has PID %u", pid);
	if (!c->task->mm && !c->def->outside &&
		!(c->def->actors & 1u << ACTOR_MACHINE))
		return vm_fail(c->m, ESRCH,
			"process %u has exited and has no memory any more",
			pid);
	if (c->def->outside || c->actor->kind == ACTOR_MEM)
		return 0;
	if (c->task->state == TASK_SUSPENDED)
		return vm_fail(c->m, EAGAIN,
			"process %u waits until its child of vfork executes a "
			"program or ends",
			pid);
	if (task_leader(c->m, c->task)->group.stop_sig)
		return vm_fail(c->m, EAGAIN,
			"process %u is stopped: SIGCONT (kill %u 18) lets it "
			"go on",
			pid, c->task->tgid);
	return 0;
}

/* The label that `as=NAME` gives the address in the reply. */
static int take_label(struct cmd *c)
{
	const struct arg_def *d = c->def->args;

	for (unsigned i = 0; i < MAX_ARGS && d[i].type != ARG_END; i++)
		if (d[i].type == ARG_LABEL && c->arg[i].given)
			return label_set(c->m, c->task, c->arg[i].text,
				c->arg[i].len, c->reply->value);
	return 0;
}

/* Copies what is in use and clears the rest, so that equal replies are equal
 * bytes. */
static void reply_copy(struct reply *to, const struct reply *from)
{
	size_t had = strlen(to->text), n = strlen(from->text);

	memcpy(to, from, offsetof(struct reply, text));
	memcpy(to->text, from->text, n);
	if (had > n)
		memset(to->text + n, 0, had - n);
	else
		to->text[n] = '\0';
}

void command_done(struct vm *m)
{
	oom_reap(m);
	signals_run(m);
	disk_balance(m);
	kswapd_run(m);
	kcompactd_run(m);
}

static void run_one(struct cmd *c, struct reply *r)
{
	struct root *root = c->m->root;
	const struct psi_mark mark = psi_mark(c->m);
	uint32_t pid = c->actor->id;
	int err;

	memset(r, 0, offsetof(struct reply, text) + 1);
	c->reply = r;
	vm_fail_clear(c->m);
	err = root->panicked ? oom_halted(c->m) : bind_task(c);
	phys_run_as(c->m, err ? NULL : c->task);
	if (!err)
		err = c->def->run(c);
	if (!err && vm_halted(c->m))
		err = vm_fail(c->m, EINTR,
			"interrupted: what was done up to there stays");
	/* what follows is not the command's own work */
	memset(&c->m->halt, 0, sizeof(c->m->halt));
	if (!err && r->kind == REPLY_HEX && c->task)
		err = take_label(c);
	if (err) {
		r->err = -err;
		r->kind = REPLY_NONE;
		r->value = 0;
		vm_snprintf(r->text, sizeof(r->text), "%s", vm_sentence(c->m));
	}
	phys_run_as(c->m, NULL);
	psi_stall(c->m, &mark, !root->panicked && c->task ? c->task->cpu : 0);
	command_done(c->m);
	root->seq++;
	root->ns += root->set.cost_syscall_ns;
	root->count[CNT_COMMANDS]++;
	if (averages_due(root))
		averages_run(c->m);
	reply_copy(&root->last, r);
	c->task = task_find(c->m, pid);
	if (c->task)
		reply_copy(&c->task->last, r);
}

void reply_bytes(struct reply *r, const uint8_t *buf, uint64_t nr)
{
	uint64_t shown = nr < BYTES_SHOWN ? nr : BYTES_SHOWN;
	char *p = r->text;

	r->kind = REPLY_TEXT;
	memcpy(p, "hex:", 4);
	p += 4;
	for (uint64_t i = 0; i < shown; i++)
		p += format_hex_pad(p, buf[i], 2);
	memcpy(p, nr > shown ? "..." : "", nr > shown ? 4 : 1);
}

int vm_parse_first(struct vm *m, const struct event *e)
{
	const char *nl = memchr(e->text, '\n', e->text_len);
	size_t len = nl ? (size_t)(nl - e->text) : e->text_len;
	struct cmd c;
	int err;

	vm_fail_clear(m);
	err = cmd_parse(m, &e->actor, e->text, len, &c);
	if (err == 0 && c.def->needs_blob != (e->blob != NULL))
		return vm_fail(m, EINVAL,
			"\"%s\" is written by the file "
			"system alone",
			c.def->name);
	return err < 0 ? err : 0;
}

/* Parses a line; 1: it is blank, < 0: it is refused. */
static int take_line(struct vm *m, const struct event *e, const char *line,
	size_t len, struct cmd *c)
{
	int err;

	vm_fail_clear(m);
	err = cmd_parse(m, &e->actor, line, len, c);
	if (err == 0 && c->def->by_store)
		err = vm_fail(m, EINVAL,
			"\"%s\" is run by the database, which this machine has "
			"none of",
			c->def->name);
	return err;
}

static void halt_set(
	struct vm *m, const struct event *e, size_t line, uint64_t at)
{
	m->halt.asked = e->stop;
	m->halt.ctx = e->stop_ctx;
	m->halt.line = line;
	m->halt.place = 0;
	m->halt.at = at;
}

void vm_apply(struct vm *m, const struct event *e, vm_reply_fn *fn, void *ctx,
	struct vm_outcome *out)
{
	const char *p = e->text, *end = e->text + e->text_len;
	struct cmd c;

	memset(out, 0, sizeof(*out));
	c.blob = e->blob;
	c.blob_len = e->blob_len;
	while (p < end && !out->failed) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *stop = nl ? nl : end;
		size_t at = (size_t)(p - e->text);
		int err = take_line(m, e, p, (size_t)(stop - p), &c);

		out->refused = err < 0;
		if (!err && out->lines && e->stop)
			out->stopped = e->stop(e->stop_ctx, at, 0);
		if (out->refused || out->stopped)
			break;
		if (err == 0) {
			halt_set(m, e, at, c.stop);
			run_one(&c, &out->last);
			out->lines++;
			if (fn)
				fn(ctx, &out->last, p, (size_t)(stop - p));
			out->failed = out->last.err != 0;
		}
		if (!out->failed)
			p = nl ? nl + 1 : end;
	}
	out->consumed = (size_t)(p - e->text);
}
