/*
 * Sentences about lines that never ran.
 *
 * A line that does not parse is refused before the journal, so it is no part
 * of the machine's state; still `last` has to say what was wrong with it.
 * The newest sentence about each process, and about the machine, is kept here
 * until a command runs in its place.
 */
#ifndef PAGEFS_FS_REFUSAL_H
#define PAGEFS_FS_REFUSAL_H

#include "../vm/vm.h"

#define NR_REFUSALS 32

struct refusal {
	uint64_t seq; /* of the machine then; a command since outdates it */
	uint32_t pid; /* 0: not of a process */
	bool set;
	int err;
	char text[512];
};

struct refusals {
	struct refusal newest; /* of anyone */
	struct refusal process[NR_REFUSALS];
};

/* A line of the process (0: none) was refused. */
void refusal_note(struct refusals *r, const struct vm *m, uint32_t pid, int err,
	const char *sentence);
/* A command of the process has run: its sentence is outdated. */
void refusal_clear(struct refusals *r, uint32_t pid);
/* The newest refusal of anyone, or of a process, that no command outdates;
 * NULL if there is none. */
const struct refusal *refusal_newest(
	const struct refusals *r, const struct vm *m);
const struct refusal *refusal_of(const struct refusals *r, uint32_t pid);
/* "-EINVAL the sentence" without newline; returns its length. */
size_t refusal_format(int err, const char *sentence, char *buf, size_t size);

#endif
