/*
 * Sentences about lines that never ran.
 *
 * A line that does not parse is refused before the journal, so it is no part
 * of the machine's state; still `last` has to say what was wrong with it.
 * The newest sentence about each process, and about the machine, is kept here
 * until a command runs in its place.  The same holds for the replies to lines
 * that the store runs (checkpoint, restore, ...): they are no part of the
 * state either.
 */
#ifndef PAGEFS_FS_REFUSAL_H
#define PAGEFS_FS_REFUSAL_H

#include "../vm/vm.h"

#define NR_REFUSALS 32

struct refusal {
	uint64_t seq; /* of the machine then; a command since outdates it */
	uint32_t pid; /* 0: not of a process */
	bool set;
	int err; /* 0: text is the whole reply */
	char text[SENTENCE_MAX + 64];
};

struct refusals {
	struct refusal newest; /* of anyone */
	struct refusal process[NR_REFUSALS];
};

/* A line of the process (0: none) was refused. */
void refusal_note(struct refusals *r, const struct vm *m, uint32_t pid, int err,
	const char *sentence);
/* The store ran a line of the machine's, and this was the reply. */
void refusal_reply(
	struct refusals *r, const struct vm *m, const struct reply *reply);
/* Nothing that was said before is about the machine as it is now. */
void refusal_forget(struct refusals *r);
/* A command of the process has run: its sentence is outdated. */
void refusal_clear(struct refusals *r, uint32_t pid);
/* The newest refusal of anyone, or of a process, that no command outdates;
 * NULL if there is none. */
const struct refusal *refusal_newest(
	const struct refusals *r, const struct vm *m);
const struct refusal *refusal_of(const struct refusals *r, uint32_t pid);
/* "-EINVAL the sentence", or the text alone if err is 0, without newline;
 * returns its length. */
size_t refusal_format(int err, const char *sentence, char *buf, size_t size);

#endif
