/*
 * Every byte is right: random histories of a machine with a quarter of the
 * memory that they need, whose bytes an independent model knows; the machine's
 * invariants hold after every command.
 *
 * PAGEFS_STEPS=N and PAGEFS_SEED=N make other histories;
 * tests/mount/integrity.c runs them on a mount.
 */
#include <stdlib.h>

#include "vmtest.h"

#include "../../vm/disk/disk.h"
#include "../../vm/mm/mm.h"
#include "../../vm/mmu/mmu.h"
#include "../../vm/reclaim/policy.h"
#include "../../vm/task/task.h"
#include "integrity.h"

static struct vm *m;

static void fail_history(const char *why)
{
	fail_msg("%s", why);
}

static void note_reply(
	void *ctx, const struct reply *r, const char *line, size_t len)
{
	vm_reply_format(r, ctx, REPLY_MAX);
}

static void apply(struct event *e, char *reply)
{
	struct vm_outcome out;

	*reply = 0;
	e->text_len = strlen(e->text);
	vm_apply(m, e, note_reply, reply, &out);
	if (out.refused)
		fail_msg("'%s': %s", e->text, vm_sentence(m));
	if (vm_check(m))
		fail_msg("after '%s': %s", e->text, vm_sentence(m));
}

static void run_line(uint32_t pid, const char *text, char *reply)
{
	struct event e = {.actor = {pid ? ACTOR_PROCESS : ACTOR_MACHINE, pid},
		.text = text};

	apply(&e, reply);
}

static void with_bytes(
	struct actor a, const char *text, const void *from, uint64_t len)
{
	struct event e = {
		.actor = a, .text = text, .blob = from, .blob_len = len};
	char reply[REPLY_MAX];

	apply(&e, reply);
	if (*reply == '-')
		fail_msg("'%s': %s", text, reply);
}

static void run_store(uint32_t pid, uint64_t va, const void *from, uint64_t len)
{
	char text[40];

	snprintf(text, sizeof(text), "write %#llx", (unsigned long long)va);
	with_bytes((struct actor){ACTOR_MEM, pid, 0, 0}, text, from, len);
}

static uint64_t run_look(uint32_t pid, uint64_t va, void *to, uint64_t len)
{
	const struct task *t = task_find(m, pid);

	return mem_look(m, mm_at(m, t->mm), va, to, len);
}

static void run_file_write(
	const char *path, uint64_t off, const void *from, uint64_t len)
{
	char text[80];

	snprintf(text, sizeof(text), "write %s %llu", path,
		(unsigned long long)off);
	with_bytes((struct actor){ACTOR_DISK, 0, 0, 0}, text, from, len);
}

static void run_file_truncate(const char *path, uint64_t size)
{
	struct event e = {.actor = {ACTOR_DISK, 0, 0, 0}};
	char text[80], reply[REPLY_MAX];

	snprintf(text, sizeof(text), "truncate %s %llu", path,
		(unsigned long long)size);
	e.text = text;
	apply(&e, reply);
	assert_true(*reply != '-');
}

static uint64_t run_file_look(
	const char *path, uint64_t off, void *to, uint64_t len)
{
	idx_t i = disk_lookup(m, path, true);

	return i ? disk_read(m, i, off, to, len) : 0;
}

static const struct rig rig = {
	.line = run_line,
	.store = run_store,
	.look = run_look,
	.file_write = run_file_write,
	.file_truncate = run_file_truncate,
	.file_look = run_file_look,
	.failed = fail_history,
};

/* A machine of 32 MiB; *options are KEY and VALUE of others, NULL ends them. */
static struct vm *small_machine(const char *const *options)
{
	static const char *const common[] = {
		"ram", "32M", "swap", "192M", NULL};
	char err[SENTENCE_MAX] = "";
	struct vm_config c;

	vm_config_default(&c);
	for (const char *const *o = common; *o; o += 2)
		if (vm_config_set(&c, o[0], o[1], err))
			fail_msg("%s", err);
	for (; *options; options += 2)
		if (vm_config_set(&c, options[0], options[1], err))
			fail_msg("%s", err);
	if (vm_config_check(&c, err))
		fail_msg("%s", err);
	return vm_boot(&c, &host_mmap, err);
}

static uint64_t number(const char *name, uint64_t otherwise)
{
	const char *s = getenv(name);

	return s ? strtoull(s, NULL, 0) : otherwise;
}

static void test_history(void **state)
{
	uint64_t seed = number("PAGEFS_SEED", 1);
	uint64_t steps = number("PAGEFS_STEPS", 1000);
	static struct history h;

	m = small_machine(*state);
	assert_non_null(m);
	history_begin(&h, &rig, seed);
	assert_true(h.k.live >= 2 * m->root->totalram_pages);
	while (h.step < steps)
		history_step(&h);
	compare_all(&h);
	print_message("%u pages of bytes, %llu swapped out, %llu in, %llu huge "
		      "pages of shared memory\n",
		h.k.live, (unsigned long long)m->root->count[CNT_PSWPOUT],
		(unsigned long long)m->root->count[CNT_PSWPIN],
		(unsigned long long)m->root->count[CNT_THP_FILE_ALLOC]);
	model_free(&h.k);
	vm_destroy(m);
}

/* The same while the textbook policies take turns, sometimes with few frames.
 */
static void test_policies(void **state)
{
	static const char *const names[] = {POLICY_NAMES};
	uint64_t steps = number("PAGEFS_STEPS", 2000);
	static struct history h;
	char text[40], reply[REPLY_MAX];

	m = small_machine(*state);
	assert_non_null(m);
	history_begin(&h, &rig, number("PAGEFS_SEED", 2));
	run_line(0, "set policy_tick 50", reply);
	run_line(0, "set ws_window 3000", reply);
	for (unsigned i = 0; h.step < steps; i++) {
		snprintf(text, sizeof(text), "set policy %s",
			names[i % NR_POLICIES]);
		run_line(0, text, reply);
		run_line(0, i % 2 ? "set frames 0" : "set frames 900", reply);
		for (unsigned k = 0; k < 40; k++)
			history_step(&h);
	}
	compare_all(&h);
	print_message("%llu pages evicted, %llu moved, %llu stalls\n",
		(unsigned long long)m->root->count[CNT_POLICY_EVICT],
		(unsigned long long)m->root->count[CNT_PGMIGRATE_SUCCESS],
		(unsigned long long)m->root->count[CNT_ALLOCSTALL_NORMAL]);
	assert_true(m->root->count[CNT_POLICY_EVICT] > steps);
	model_free(&h.k);
	vm_destroy(m);
}

static const char *const x86_64[] = {NULL};
static const char *const i386[] = {"arch", "i386", NULL};
static const char *const nodes[] = {"ram", "64M", "nodes", "2", NULL};

#define T(test, options)                                              \
	{                                                             \
#test " " #options, test, NULL, NULL, (void *)options \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_history, x86_64),
		T(test_history, i386),
		T(test_history, nodes),
		T(test_policies, x86_64),
		T(test_policies, i386),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
