/*
 * What input/ keeps between two writes of one log: records of one size, in
 * SEG_INPUT, so that one pool serves all.
 *
 *	root->strace_first -> head
 *	                      head.procs -> proc -> proc -> ...
 *	                      head.diffs -> diff -> diff -> ...
 *	                      proc.pending -> text -> text -> ...
 */
#ifndef PAGEFS_VM_INPUT_I_H
#define PAGEFS_VM_INPUT_I_H

#include <string.h>

#include "../machine.h"
#include "../task/task.h"

struct strace_head {
	idx_t next; /* of the pool's free list; unused in use */
	idx_t procs, last_proc;
	idx_t diffs, last_diff;
	idx_t broken; /* process whose line was cut by strace's own words */
	uint32_t nr_diffs, reserved;
	uint64_t lines, unknown, ignored, failed;
};

struct strace_proc {
	idx_t next;
	uint32_t real_pid; /* 0: not yet known, the log has no prefix */
	uint32_t pid;	   /* simulated */
	uint32_t ended;	   /* exited or was killed in the log */
	uint32_t forked;   /* an unfinished fork has its child already */
	idx_t pending;	   /* text of an unfinished call */
	uint64_t calls, same, differ;
};

struct strace_text {
	idx_t next;
	uint32_t len;
	char bytes[248];
};

/* A call whose answer was not the log's. */
struct strace_diff {
	idx_t next;
	uint32_t real_pid;
	uint64_t line;
	char call[24];
	char theirs[40], ours[40];
	char why[120]; /* our sentence, if we refused */
};

union input_record {
	idx_t next;
	struct strace_head head;
	struct strace_proc proc;
	struct strace_text text;
	struct strace_diff diff;
};

static inline union input_record *input_at(const struct vm *m, idx_t i)
{
	return (union input_record *)m->arena.seg[SEG_INPUT].base + i;
}

/* ---- one call of a log (input/strace_line.c), pure functions ---- */
#define CALL_ARGS 8

struct span {
	const char *p;
	size_t len;
};

struct strace_call {
	struct span name;
	struct span arg[CALL_ARGS];
	unsigned nr_args;
	/* the log's answer: value, or a negative errno */
	bool answered; /* false for "?" */
	int64_t ret;
};

static inline bool call_is(const struct strace_call *c, const char *name)
{
	return c->name.len == strlen(name) &&
	       !memcmp(c->name.p, name, c->name.len);
}

/* Takes `name(args) = result` apart.  False if the text is no call. */
bool strace_parse_call(const char *s, size_t len, struct strace_call *c);
/* Numbers, NULL, and symbolic constants joined by '|'.  Unknown names are 0. */
uint64_t strace_number(struct span a);
/* `name=value` members as clone has them; an empty span if absent. */
struct span strace_member(const struct strace_call *c, const char *name);
/*
 * "3</lib/x.so>": the number, and the path (empty without -y).  That of a
 * file without a name, "3</lib/x.so>(deleted)", ends as in /proc/PID/maps.
 */
int strace_fd(struct span a, char *path, size_t size);
/*
 * Undoes the quotes of "..." into buf; cut strings ("abc"...) keep what there
 * is.  Returns the length, or -1 if it is no string or does not fit.
 */
int strace_string(struct span a, char *buf, size_t size);
/* Takes the first element off a bracketed list; false at its end. */
bool strace_element(struct span *list, struct span *out);

/* ---- calls applied to the machine (input/strace_calls.c) ---- */
/* Runs a call by the process and counts whether the answer is the log's.  0,
 * or -ENOENT when a program is missing. */
int strace_apply(struct vm *m, struct strace_proc *p,
	const struct strace_call *c, uint64_t line);
/* The same of calls about nodes and other processes (strace_numa.c): their
 * answer.  False if it is none of them, or the log does not say all of it. */
bool strace_numa_call(struct vm *m, struct task *t, const struct strace_call *c,
	int64_t *ours);
/* A child of p that the log calls real_pid; the flags are clone's. */
struct strace_proc *strace_fork(struct vm *m, struct strace_proc *p,
	uint32_t real_pid, uint64_t clone_flags);
struct strace_proc *strace_find(struct vm *m, uint32_t real_pid);
struct strace_proc *strace_add(struct vm *m, uint32_t real_pid, uint32_t pid);

#endif
