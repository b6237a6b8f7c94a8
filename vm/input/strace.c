/*
 * Logs of `strace -f -y`: which process a line belongs to, calls that are cut
 * into "<unfinished ...>" and "<... resumed>", and the report.
 *
 *	[pid  123] mmap(NULL, 8192, ... <unfinished ...>	on a terminal
 *	123 mmap(NULL, 8192, ... <unfinished ...>		with -o
 *	123 <... mmap resumed>) = 0x7ffff7fc0000
 *
 * A call takes effect where its answer stands.  A process stays at the moment
 * before its exit.
 */
#include <string.h>

#include "../abi.h"
#include "../disk/disk.h"
#include "../format.h"
#include "../task/task.h"
#include "input.h"
#include "input_i.h"

#define CALL_MAX (1u << 20) /* bytes of a call put together again */

static struct strace_head *head(const struct vm *m)
{
	return &input_at(m, m->root->strace_first)->head;
}

static bool starts(struct span s, const char *with)
{
	size_t n = strlen(with);

	return s.len >= n && !memcmp(s.p, with, n);
}

static const char *find(struct span s, const char *what)
{
	return memmem(s.p, s.len, what, strlen(what));
}

static struct span behind(struct span s, size_t n)
{
	while (n < s.len && s.p[n] == ' ')
		n++;
	return (struct span){s.p + n, s.len - n};
}

/* ---- text of unfinished calls ---- */

static int pending_add(struct vm *m, struct strace_proc *p, struct span s)
{
	idx_t *link = &p->pending;

	while (*link)
		link = &input_at(m, *link)->text.next;
	while (s.len) {
		struct strace_text *t;
		idx_t i = pool_alloc(m, SEG_INPUT);

		if (!i)
			return -ENOMEM;
		t = &input_at(m, i)->text;
		t->len = s.len < sizeof(t->bytes) ? (uint32_t)s.len
						  : sizeof(t->bytes);
		memcpy(t->bytes, s.p, t->len);
		s = (struct span){s.p + t->len, s.len - t->len};
		*link = i;
		link = &t->next;
	}
	return 0;
}

/* Takes the pending text out, followed by `rest`, as one piece of scratch
 * memory. */
static char *pending_take(
	struct vm *m, struct strace_proc *p, struct span rest, size_t *len)
{
	char *buf;
	idx_t i;

	*len = rest.len;
	for (i = p->pending; i; i = input_at(m, i)->next)
		*len += input_at(m, i)->text.len;
	buf = *len <= CALL_MAX ? scratch_take(m, *len + 1) : NULL;
	*len = 0;
	while (p->pending) {
		struct strace_text *t = &input_at(m, p->pending)->text;

		i = p->pending;
		if (buf)
			memcpy(buf + *len, t->bytes, t->len);
		*len += t->len;
		p->pending = t->next;
		pool_free(m, SEG_INPUT, i);
	}
	if (buf)
		memcpy(buf + *len, rest.p, rest.len);
	*len += rest.len;
	return buf;
}

/* ---- processes ---- */

/* The oldest process with an unfinished fork whose child was not seen yet. */
static struct strace_proc *forking(struct vm *m)
{
	for (idx_t i = head(m)->procs; i; i = input_at(m, i)->next) {
		struct strace_proc *p = &input_at(m, i)->proc;
		struct span s = {"", 0};

		if (p->pending)
			s = (struct span){input_at(m, p->pending)->text.bytes,
				input_at(m, p->pending)->text.len};
		if (!p->forked && (starts(s, "clone") || starts(s, "fork(") ||
					  starts(s, "vfork(")))
			return p;
	}
	return NULL;
}

static uint64_t pending_flags(struct vm *m, const struct strace_proc *p)
{
	struct span s = {input_at(m, p->pending)->text.bytes,
		input_at(m, p->pending)->text.len};
	const char *f = find(s, "flags=");
	size_t n = 0;

	if (starts(s, "vfork("))
		return CLONE_VM | CLONE_VFORK;
	if (!f)
		return 0;
	f += 6;
	while (f + n < s.p + s.len && f[n] != ',' && f[n] != ' ')
		n++;
	return strace_number((struct span){f, n});
}

/*
 * The process of a line.  A PID that was never seen is the child of a fork
 * still unfinished; or the first process, which terminals show without a PID
 * until there are two; or one that was there before the log began.
 */
static struct strace_proc *process(
	struct vm *m, const struct actor *a, uint32_t real_pid)
{
	struct exec_args bare = {0};
	struct strace_proc *p;
	struct task *t;

	if (!real_pid) {
		/* without prefix: the one that is left */
		for (idx_t i = head(m)->procs; i; i = input_at(m, i)->next)
			if (!input_at(m, i)->proc.ended)
				return &input_at(m, i)->proc;
	}
	p = strace_find(m, real_pid);
	if (p)
		return p;
	p = real_pid ? strace_find(m, 0) : NULL;
	if (p) {
		p->real_pid = real_pid;
		return p;
	}
	p = forking(m);
	if (p) {
		struct strace_proc *child =
			strace_fork(m, p, real_pid, pending_flags(m, p));

		p->forked = 1;
		return child;
	}
	t = task_spawn(m, a->uid, a->gid, &bare, "strace");
	return t ? strace_add(m, real_pid, t->pid) : NULL;
}

/* Steps over "[pid  123] " or "123 "; 0 if there is neither. */
static uint32_t take_pid(struct span *s)
{
	struct span d = *s;
	uint32_t pid = 0;
	size_t n = 0;

	if (starts(d, "[pid"))
		d = behind(d, 4);
	while (n < d.len && d.p[n] >= '0' && d.p[n] <= '9' && n < 10)
		pid = pid * 10 + (uint32_t)(d.p[n++] - '0');
	if (!n || n == d.len || (d.p[n] != ' ' && d.p[n] != ']'))
		return 0;
	*s = behind(d, n + (d.p[n] == ']'));
	return pid;
}

/* ---- lines ---- */

static int run_call(
	struct vm *m, struct strace_proc *p, struct span s, uint64_t line)
{
	struct strace_call c;

	if (!strace_parse_call(s.p, s.len, &c)) {
		head(m)->unknown++;
		return 0;
	}
	return strace_apply(m, p, &c, line);
}

/* "<... mmap resumed>) = 0": the rest of what is pending. */
static int resume(
	struct vm *m, struct strace_proc *p, struct span s, uint64_t line)
{
	const char *gt = find(s, "resumed>");
	struct span rest;
	size_t len;
	char *text;
	int err;

	if (!gt || !p->pending) {
		head(m)->unknown++;
		return 0;
	}
	rest.p = gt + strlen("resumed>");
	rest.len = (size_t)(s.p + s.len - rest.p);
	text = pending_take(m, p, rest, &len);
	if (!text)
		return vm_fail(
			m, ENOMEM, "no memory for a call of %lu bytes", len);
	err = run_call(m, p, (struct span){text, len}, line);
	scratch_give(m, text);
	return err;
}

/* "+++ exited with 0 +++", "+++ killed by SIGSEGV +++" */
static void ended(struct vm *m, struct strace_proc *p)
{
	struct task *t = task_find(m, p->pid);

	p->ended = 1;
	if (t && t->mm) {
		t->state = TASK_STOPPED;
		task_vfork_done(m, t);
	}
}

/* strace's own words: "strace: Process 5 attached", also inside a line. */
static bool own_words(
	struct vm *m, const struct actor *a, uint32_t pid, struct span s)
{
	const char *at = find(s, "strace: Process ");
	struct strace_proc *p;

	if (!at)
		return starts(s, "strace: ");
	if (at > s.p) {
		p = process(m, a, pid);
		if (p && !pending_add(
				 m, p, (struct span){s.p, (size_t)(at - s.p)}))
			head(m)->broken = p->real_pid + 1;
	}
	return true;
}

static int feed_line(
	struct vm *m, const struct actor *a, struct span s, uint64_t line)
{
	uint32_t pid = take_pid(&s), broken = head(m)->broken;
	struct strace_proc *p;
	const char *cut;

	if (!s.len || own_words(m, a, pid, s))
		return 0;
	if (broken && !pid && (*s.p == ',' || *s.p == ')' || *s.p == ' ')) {
		/* goes on with the line that strace's words cut */
		p = strace_find(m, broken - 1);
		head(m)->broken = 0;
	} else {
		p = process(m, a, pid);
		broken = 0;
	}
	if (!p)
		return -m->fail.err;
	cut = find(s, "<unfinished ...>");
	if (cut) {
		size_t n = (size_t)(cut - s.p);

		while (n && s.p[n - 1] == ' ')
			n--;
		return pending_add(m, p, (struct span){s.p, n});
	}
	if (starts(s, "+++")) {
		ended(m, p);
		return 0;
	}
	if (starts(s, "---"))
		return 0;
	if (starts(s, "<..."))
		return resume(m, p, s, line);
	if (broken) {
		size_t len;
		char *text = pending_take(m, p, s, &len);
		int err = -ENOMEM;

		if (text)
			err = run_call(m, p, (struct span){text, len}, line);
		scratch_give(m, text);
		return err;
	}
	return run_call(m, p, s, line);
}

/* Whether the execve that pid's line at `text` leaves unfinished succeeds in
 * what follows. */
static bool resumed_well(const char *text, const char *end, uint32_t pid)
{
	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		struct span s = {text, (size_t)((nl ? nl : end) - text)};

		if (take_pid(&s) == pid && starts(s, "<... execve resumed>"))
			return s.len > 3 && !memcmp(s.p + s.len - 3, "= 0", 3);
		text = nl ? nl + 1 : end;
	}
	return false;
}

/* The path of a line that executes a program, and does so with success. */
static bool executes(struct span s, uint32_t pid, const char *rest,
	const char *end, char *path, size_t size)
{
	struct strace_call c;

	if (!starts(s, "execve("))
		return false;
	if (strace_parse_call(s.p, s.len, &c))
		return c.answered && !c.ret && c.nr_args &&
		       strace_string(c.arg[0], path, size) > 0;
	if (!find(s, "<unfinished ...>") || !resumed_well(rest, end, pid))
		return false;
	s = behind(s, strlen("execve("));
	return strace_string(s, path, size) > 0;
}

/*
 * Programs that the lines execute must be on disk/ before any line takes
 * effect: a refused write changes nothing.
 */
static int check_programs(struct vm *m, const char *text, const char *end)
{
	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		struct span s = {text, (size_t)((nl ? nl : end) - text)};
		const char *rest = nl ? nl + 1 : end;
		uint32_t pid = take_pid(&s);
		char path[4096];
		int err = 0;

		if (executes(s, pid, rest, end, path, sizeof(path)))
			err = task_exec_check(m, path);
		if (err)
			return err;
		text = rest;
	}
	return 0;
}

static void free_list(struct vm *m, idx_t i)
{
	while (i) {
		idx_t next = input_at(m, i)->next;

		pool_free(m, SEG_INPUT, i);
		i = next;
	}
}

/* Forgets the log before, its processes apart. */
static void forget(struct vm *m)
{
	if (!m->root->strace_first)
		return;
	for (idx_t i = head(m)->procs; i; i = input_at(m, i)->next)
		free_list(m, input_at(m, i)->proc.pending);
	free_list(m, head(m)->procs);
	free_list(m, head(m)->diffs);
	pool_free(m, SEG_INPUT, m->root->strace_first);
	m->root->strace_first = 0;
}

int strace_feed(struct vm *m, const struct actor *a, const char *text,
	size_t len, bool fresh)
{
	const char *end = text + len;
	int err = check_programs(m, text, end);

	if (err)
		return err;
	if (fresh)
		forget(m);
	if (!m->root->strace_first) {
		m->root->strace_first = pool_alloc(m, SEG_INPUT);
		if (!m->root->strace_first)
			return -ENOMEM;
	}
	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		struct span s = {text, (size_t)((nl ? nl : end) - text)};

		vm_fail_clear(m);
		if (feed_line(m, a, s, ++head(m)->lines))
			head(m)->failed++;
		text = nl ? nl + 1 : end;
		if (text < end && vm_halts(m))
			return vm_fail(m, EINTR,
				"interrupted behind line %llu of the log",
				(unsigned long long)head(m)->lines);
	}
	return 0;
}

/* ---- report ---- */

void strace_report(const struct vm *m,
	void (*emit)(void *ctx, const char *s, size_t n), void *ctx)
{
	const struct strace_head *h;
	char buf[512];
	size_t n;

	if (!m->root->strace_first)
		return;
	h = head(m);
	for (idx_t i = h->procs; i; i = input_at(m, i)->next) {
		const struct strace_proc *p = &input_at(m, i)->proc;

		n = vm_snprintf(buf, sizeof(buf),
			"%u -> %u calls %llu same %llu differ %llu\n",
			p->real_pid, p->pid, (unsigned long long)p->calls,
			(unsigned long long)p->same,
			(unsigned long long)p->differ);
		emit(ctx, buf, n);
	}
	for (idx_t i = h->diffs; i; i = input_at(m, i)->next) {
		const struct strace_diff *d = &input_at(m, i)->diff;

		n = vm_snprintf(buf, sizeof(buf),
			"line %llu: %u %s: log %s, machine %s%s%s\n",
			(unsigned long long)d->line, d->real_pid, d->call,
			d->theirs, d->ours, d->why[0] ? ": " : "", d->why);
		emit(ctx, buf, n);
	}
	if (h->failed) {
		n = vm_snprintf(buf, sizeof(buf),
			"%llu lines found no memory or no program\n",
			(unsigned long long)h->failed);
		emit(ctx, buf, n);
	}
	if (h->unknown) {
		n = vm_snprintf(buf, sizeof(buf),
			"%llu of %llu lines were not understood\n",
			(unsigned long long)h->unknown,
			(unsigned long long)h->lines);
		emit(ctx, buf, n);
	}
}
