/* A machine with several nodes and four processors, and lines for it. */
#ifndef PAGEFS_TESTS_NUMA_RIG_H
#define PAGEFS_TESTS_NUMA_RIG_H

#include "vmtest.h"

static inline struct vm *boot(const char *ram, const char *nodes)
{
	const char *const set[] = {
		"cpus", "4", "swap", "32M", "ram", ram, "nodes", nodes, NULL};

	return vmtest_boot_with(set);
}

/* A line of process pid, or of the machine if it is 0. */
static inline struct vm_outcome run(
	struct vm *m, uint32_t pid, const char *text)
{
	struct event e = {.text = text, .text_len = strlen(text)};
	struct vm_outcome out;

	e.actor.kind = pid ? ACTOR_PROCESS : ACTOR_MACHINE;
	e.actor.id = pid;
	vm_apply(m, &e, NULL, NULL, &out);
	return out;
}

static inline void ok(struct vm *m, uint32_t pid, const char *text)
{
	struct vm_outcome out = run(m, pid, text);

	if (out.failed || out.refused)
		fail_msg("%s: %s", text, vm_sentence(m));
}

static inline void end(struct vm *m)
{
	vmtest_check(m);
	vm_destroy(m);
}

#endif
