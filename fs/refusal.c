/*
 * Sentences about lines that never ran; see refusal.h.
 */
#include "refusal.h"

#include <stdio.h>
#include <string.h>

static void refusal_set(struct refusal *r, const struct vm *m, uint32_t pid,
	int err, const char *sentence)
{
	r->seq = m->root->seq;
	r->pid = pid;
	r->err = err;
	r->set = true;
	snprintf(r->text, sizeof(r->text), "%s", sentence);
}

void refusal_note(struct refusals *r, const struct vm *m, uint32_t pid, int err,
	const char *sentence)
{
	refusal_set(&r->newest, m, pid, err, sentence);
	if (pid)
		refusal_set(
			&r->process[pid % NR_REFUSALS], m, pid, err, sentence);
}

void refusal_reply(
	struct refusals *r, const struct vm *m, const struct reply *reply)
{
	r->newest.seq = m->root->seq;
	r->newest.pid = 0;
	r->newest.err = 0;
	r->newest.set = true;
	vm_reply_format(reply, r->newest.text, sizeof(r->newest.text));
}

void refusal_forget(struct refusals *r)
{
	memset(r, 0, sizeof(*r));
}

void refusal_clear(struct refusals *r, uint32_t pid)
{
	struct refusal *p = &r->process[pid % NR_REFUSALS];

	if (p->pid == pid)
		p->set = false;
}

const struct refusal *refusal_newest(
	const struct refusals *r, const struct vm *m)
{
	return r && r->newest.set && r->newest.seq == m->root->seq ? &r->newest
								   : NULL;
}

const struct refusal *refusal_of(const struct refusals *r, uint32_t pid)
{
	const struct refusal *p = r ? &r->process[pid % NR_REFUSALS] : NULL;

	return p && p->set && p->pid == pid ? p : NULL;
}

size_t refusal_format(int err, const char *sentence, char *buf, size_t size)
{
	int n = err ? snprintf(
			      buf, size, "-%s %s", vm_errno_name(err), sentence)
		    : snprintf(buf, size, "%s", sentence);

	return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
}
