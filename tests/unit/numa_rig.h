/* A machine with several nodes and four processors, and lines for it. */
#ifndef PAGEFS_TESTS_NUMA_RIG_H
#define PAGEFS_TESTS_NUMA_RIG_H

#include "vmtest.h"

static inline struct vm *boot(const char *ram, const char *nodes)
{
	static const char *const more[][2] = {{"cpus", "4"}, {"swap", "32M"}};
	char err[SENTENCE_MAX] = "";
	struct vm_config c;
	struct vm *m;

	vm_config_default(&c);
	for (unsigned i = 0; i < COUNT(more); i++)
		vm_config_set(&c, more[i][0], more[i][1], err);
	if (vm_config_set(&c, "ram", ram, err) ||
		vm_config_set(&c, "nodes", nodes, err))
		fail_msg("%s", err);
	m = vm_boot(&c, &host_mmap, err);
	if (!m)
		fail_msg("%s", err);
	return m;
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
