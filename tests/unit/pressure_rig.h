/*
 * A machine of 32 MiB with two processes, big and small, and lines said to it.
 */
#ifndef PAGEFS_TESTS_PRESSURE_RIG_H
#define PAGEFS_TESTS_PRESSURE_RIG_H

#include <stdio.h>

#include "vmtest.h"

#include "../../vm/kernel/dmesg.h"
#include "../../vm/task/task.h"

static struct vm *m;
static char reply[SENTENCE_MAX + 64];

static void note_reply(
	void *ctx, const struct reply *r, const char *line, size_t len)
{
	vm_reply_format(r, reply, sizeof(reply));
}

static inline const char *say_as(
	enum actor_kind kind, uint32_t id, const char *text)
{
	struct event e = {.actor = {.kind = kind, .id = id},
		.text = text,
		.text_len = strlen(text)};
	struct vm_outcome out;

	*reply = 0;
	vm_apply(m, &e, note_reply, NULL, &out);
	vmtest_check(m);
	return reply;
}

/* A line of a process, or of the machine (0). */
static inline const char *say(uint32_t pid, const char *text)
{
	return say_as(pid ? ACTOR_PROCESS : ACTOR_MACHINE, pid, text);
}

#define SAYS(pid, text, want) assert_string_equal(say(pid, text), want)
static inline void refuses(uint32_t pid, const char *text, const char *want)
{
	if (*say(pid, text) != '-' || strncmp(reply + 1, want, strlen(want)))
		fail_msg("%s: %s, not %s", text, reply, want);
}

static inline int setup(void **state)
{
	char err[SENTENCE_MAX] = "";
	struct vm_config c;

	vm_config_default(&c);
	if (vm_config_set(&c, "ram", "32M", err) ||
		vm_config_set(&c, "swap", *state ? *state : "64M", err))
		fail_msg("%s", err);
	m = vm_boot(&c, &host_mmap, err);
	SAYS(0, "spawn name=big", "2");
	SAYS(0, "spawn name=small", "3");
	return 0;
}

static inline int teardown(void **state)
{
	vmtest_check(m);
	vm_destroy(m);
	return 0;
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
