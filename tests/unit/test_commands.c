/* Commands on a booted machine: examples, replies, labels, refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../host/host.h"
#include "../../vm/cmd/command.h"
#include "../../vm/mm/mm.h"
#include "elf_rig.h"

static const char *const arches[] = {"x86_64", "i386"};

static struct vm *boot(const char *arch)
{
	return vmtest_boot(arch, "64M");
}

static void done(struct vm *m)
{
	if (vm_check(m))
		fail_msg("%s", vm_sentence(m));
	vm_destroy(m);
}

/* pid 0 is the machine. */
#define KERNEL UINT32_MAX

static struct vm_outcome run(struct vm *m, uint32_t pid, const char *text)
{
	struct event e = {.text = text, .text_len = strlen(text)};
	struct vm_outcome out;

	e.actor.kind = pid == KERNEL ? ACTOR_KERNEL
		       : pid	     ? ACTOR_PROCESS
				     : ACTOR_MACHINE;
	e.actor.id = pid;
	vm_apply(m, &e, NULL, NULL, &out);
	return out;
}

static const char *reply(struct vm *m, uint32_t pid, const char *text)
{
	static char buf[SENTENCE_MAX + 32];
	struct vm_outcome out = run(m, pid, text);

	if (out.refused)
		return vm_sentence(m);
	vm_reply_format(&out.last, buf, sizeof(buf));
	return buf;
}

/* What the examples find: /bin/hello, and a process that was forked, whose
 * child has exited. */
static uint32_t furnish(struct vm *m, bool is64)
{
	static struct rig hello;
	uint32_t pid, child;
	char line[32];

	rig_program(&hello, is64, ET_EXEC, is64 ? 0x400000 : 0x8048000);
	assert_int_equal(disk_mkdir(m, "/bin", 0755, 0, 0), 0);
	assert_int_not_equal(rig_put(m, "/bin/hello", &hello, RIG_BYTES), 0);
	pid = (uint32_t)run(m, 0, "spawn").last.value;
	pid = (uint32_t)run(m, pid, "fork").last.value;
	child = (uint32_t)run(m, pid, "fork").last.value;
	assert_int_equal(run(m, child, "exit").failed, 0);
	vm_snprintf(line, sizeof(line), "kill %u 0", child);
	assert_int_equal(run(m, 0, line).failed, 0);
	return pid;
}

/* Every command that people write has an example, and it runs. */
static void examples_run(void **state)
{
	for (size_t a = 0; a < 2; a++) {
		for (unsigned i = 0; i < nr_commands; i++) {
			const struct command *c = &command_table[i];
			struct vm_outcome out;
			struct vm *m;
			uint32_t pid;

			if (c->internal || c->by_store)
				continue;
			assert_non_null(c->example);
			m = boot(arches[a]);
			pid = 0;
			if (c->actors & 1u << ACTOR_KERNEL)
				pid = KERNEL;
			else if (!(c->actors & 1u << ACTOR_MACHINE))
				pid = furnish(m, a == 0);
			out = run(m, pid, c->example);
			if (out.failed || out.refused)
				fail_msg("%s on %s: %s", c->name, arches[a],
					vm_sentence(m));
			done(m);
		}
	}
}

static void kernel_pages(void **state)
{
	struct vm *m = boot("x86_64");
	uint64_t used = phys_sum(m, pages[USE_KERNEL]);
	uint64_t pfn = run(m, KERNEL, "alloc_pages order=4").last.value;
	char line[40];

	assert_int_equal(pfn % 16, 0);
	assert_int_equal(phys_sum(m, pages[USE_KERNEL]), used + 16);
	assert_string_equal(reply(m, KERNEL, "alloc_pages order=11"),
		"-EINVAL order is 0 to 10, not 11: a block has at most 1024 "
		"frames");
	assert_string_equal(reply(m, KERNEL, "alloc_pages order=-1"),
		"-EINVAL order is 0 to 10, not -1: a block has at most 1024 "
		"frames");
	assert_non_null(strstr(reply(m, KERNEL, "free_pages -1"),
		"-EINVAL frame -1 does not exist; the last is "));
	vm_snprintf(line, sizeof(line), "free_pages %llu",
		(unsigned long long)pfn + 1);
	assert_int_equal(run(m, KERNEL, line).last.err, EINVAL);
	vm_snprintf(
		line, sizeof(line), "free_pages %llu", (unsigned long long)pfn);
	assert_int_equal(run(m, KERNEL, line).failed, 0);
	assert_int_equal(run(m, KERNEL, line).last.err, EINVAL);
	assert_int_equal(phys_sum(m, pages[USE_KERNEL]), used);
	assert_int_equal(
		run(m, KERNEL, "alloc_pages gfp=dma,kernel").last.err, EINVAL);
	assert_true(run(m, KERNEL, "alloc_pages gfp=dma").last.value < 4096);
	done(m);
}

static void a_failed_line_stops_the_event(void **state)
{
	struct vm *m = boot("x86_64");
	struct vm_outcome out;
	const char *text =
		"mmap 8K rw as=a\n\n# note\nmunmap 1 4K\nmmap 4K r\n";

	out = run(m, 1, text);
	assert_int_equal(out.failed, 1);
	assert_int_equal(out.refused, 0);
	assert_int_equal(out.lines, 2);
	assert_int_equal(out.consumed, strstr(text, "munmap") - text);
	assert_int_equal(out.last.err, EINVAL);
	assert_int_equal(m->root->seq, 2);
	done(m);
}

static void a_line_that_does_not_parse_ends_the_event(void **state)
{
	struct vm *m = boot("x86_64");
	const char *text = "mmap 8K rw\nbogus\nmmap 8K rw\n";
	struct vm_outcome out = run(m, 1, text);

	assert_int_equal(out.failed, 0);
	assert_int_equal(out.refused, 1);
	assert_int_equal(out.lines, 1);
	assert_int_equal(out.consumed, strlen("mmap 8K rw\n"));
	assert_non_null(strstr(vm_sentence(m), "bogus"));
	assert_int_equal(m->root->seq, 1);
	done(m);
}

static void labels_name_addresses(void **state)
{
	struct vm *m = boot("x86_64");

	assert_string_equal(reply(m, 1, "mmap 12K rw as=a"), "0x7ffff7ff4000");
	assert_string_equal(reply(m, 1, "munmap a+4K 4K"), "0");
	assert_string_equal(reply(m, 1, "touch a"), "0");
	assert_string_equal(reply(m, 1, "touch a+8K"), "0");
	assert_non_null(strstr(reply(m, 1, "touch a+4K"),
		"-EFAULT SIGSEGV MAPERR at 0x7ffff7ff5000: "));
	assert_non_null(strstr(reply(m, 1, "touch nowhere"), "-EINVAL "));
	assert_non_null(strstr(reply(m, 1, "touch nowhere"), "nowhere"));
	done(m);
}

static void stores_are_read_back(void **state)
{
	struct vm *m = boot("x86_64");

	run(m, 1, "mmap 8K rw as=a");
	assert_string_equal(reply(m, 1, "write a+4094 \"hi!\\n\""), "0");
	assert_string_equal(reply(m, 1, "read a+4094 4"), "hex:6869210a");
	assert_string_equal(reply(m, 1, "read a"), "hex:00");
	assert_string_equal(reply(m, 1, "mprotect a 8K r"), "0");
	assert_non_null(strstr(
		reply(m, 1, "write a hex:00"), "SIGSEGV ACCERR at 0x7ffff7ff"));
	assert_non_null(strstr(reply(m, 1, "write 0x10 hex:00"),
		"-EFAULT SIGSEGV MAPERR at 0x10: "));
	done(m);
}

static void segv_kills_when_set(void **state)
{
	struct vm *m = boot("x86_64");

	assert_string_equal(reply(m, 0, "spawn name=victim"), "2");
	assert_string_equal(reply(m, 0, "set segv kill"), "0");
	assert_non_null(strstr(reply(m, 2, "touch 0x10"),
		"; process 2 dies of it (segv kill)"));
	assert_non_null(strstr(reply(m, 2, "touch 0x10"), "-ESRCH"));
	done(m);
}

static void settings_refuse_with_the_way_out(void **state)
{
	struct vm *m = boot("x86_64");

	assert_string_equal(reply(m, 0, "set ram 1G"),
		"-EINVAL ram is fixed when the machine is made, with "
		"-o ram=...; help/config lists what set changes");
	assert_string_equal(reply(m, 0, "set rum 1G"),
		"-EINVAL unknown setting \"rum\"; help/config lists them all");
	assert_string_equal(reply(m, 0, "set segv 1"),
		"-EINVAL segv is live or kill, not \"1\"");
	assert_string_equal(reply(m, 0, "set fault_around_pages -1"),
		"-EINVAL fault_around_pages is a number from 1 to 512, not "
		"\"-1\"");
	assert_string_equal(reply(m, 0, "set swappiness 18446744073709551616"),
		"-EINVAL swappiness is a number from 0 to 200, not "
		"\"18446744073709551616\"");
	assert_string_equal(reply(m, 0, "set mmap_rnd_bits 27"),
		"-EINVAL mmap_rnd_bits is a number from 28 to 32, not \"27\"");
	assert_string_equal(reply(m, 0, "drop_caches -1"),
		"-EINVAL drop_caches takes 1 to 4, not -1");
	assert_string_equal(reply(m, 0, "compact_memory -1"),
		"-EINVAL compact_memory takes 1, not -1");
	assert_string_equal(reply(m, 0, "compact_memory 1 node=-1"),
		"-EINVAL the nodes are 0 to 0, there is none of -1");
	assert_string_equal(reply(m, 0, "reclaim_node -1 1"),
		"-ENODEV the nodes are 0 to 0, there is none of -1");
	assert_string_equal(reply(m, 1, "fsync -1"),
		"-EBADF no open file has descriptor -1");
	assert_string_equal(
		reply(m, 0, "run -1"), "-ESRCH no process has PID -1");
	done(m);
}

static const char *value_of(struct vm *m, const char *key)
{
	static char value[80];
	const char *name;

	for (unsigned i = 0; settings_get(m, i, &name, value, 80); i++)
		if (!strcmp(name, key))
			return value;
	return NULL;
}

/* As Linux's tables have it: what is taken at the ends, and what is not. */
static void settings_have_linux_ranges(void **state)
{
	static const struct {
		const char *key, *taken[4], *refused[4];
	} rows[] = {
		{"oom_dump_tasks", {"-2147483648", "-1", "2147483647"},
			{"-2147483649", "2147483648"}},
		{"oom_kill_allocating_task", {"-2147483648", "2147483647"},
			{"2147483648"}},
		{"dirty_writeback_centisecs",
			{"-2147483648", "0", "2147483647"}, {"2147483648"}},
		{"stat_interval", {"-8589934", "0", "8589934"},
			{"-8589935", "8589935"}},
		{"page-cluster", {"0", "31"}, {"-1", "32"}},
		{"dirty_background_bytes", {"1", "17592186040320"}, {"0"}},
		{"dirty_bytes",
			{"8192", "17592186040320", "18446744073709551615"},
			{"0", "1", "8191", "-8192"}},
		{"nr_overcommit_hugepages", {"0", "18446744073709551615"},
			{"-1", "-0", "18446744073709551616"}},
		{"user_reserve_kbytes", {"0", "18446744073709551615"},
			{"-1", "-0"}},
	};
	struct vm *m = boot("x86_64");
	char line[80];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		for (unsigned k = 0; k < 4 && rows[i].taken[k]; k++) {
			vm_snprintf(line, sizeof(line), "set %s %s",
				rows[i].key, rows[i].taken[k]);
			assert_string_equal(reply(m, 0, line), "0");
			assert_string_equal(
				value_of(m, rows[i].key), rows[i].taken[k]);
		}
		for (unsigned k = 0; k < 4 && rows[i].refused[k]; k++) {
			vm_snprintf(line, sizeof(line), "set %s %s",
				rows[i].key, rows[i].refused[k]);
			assert_int_equal(run(m, 0, line).last.err, EINVAL);
		}
	}
	/* in pages, the limits have 32 bits */
	assert_string_equal(reply(m, 0, "set dirty_bytes 17592186040321"),
		"-ERANGE dirty_bytes is at most 2^32 - 1 pages, not "
		"17592186040321 bytes");
	assert_int_equal(
		run(m, 0, "set dirty_background_bytes 0x8000000000000000")
			.last.err,
		ERANGE);
	done(m);
}

/* The ratio that is in force already leaves dirty_bytes alone; the one of the
 * flusher does not. */
static void a_ratio_replaces_bytes(void **state)
{
	struct vm *m = boot("x86_64");

	assert_int_equal(run(m, 0,
				 "set dirty_bytes 8192\nset dirty_ratio 0\n"
				 "set dirty_background_bytes 1\n"
				 "set dirty_background_ratio 0")
				 .failed,
		0);
	assert_string_equal(value_of(m, "dirty_bytes"), "8192");
	assert_string_equal(value_of(m, "dirty_background_bytes"), "0");
	assert_int_equal(run(m, 0, "set dirty_ratio 1").failed, 0);
	assert_string_equal(value_of(m, "dirty_bytes"), "0");
	done(m);
}

/* Who may have part of what is below the min watermark reads of that part. */
static void refusals_name_the_mark(void **state)
{
	static const struct {
		const char *line, *mark;
		unsigned num, den;
	} rows[] = {
		{"alloc_pages gfp=noretry", "above its min watermark of", 1, 1},
		{"alloc_pages gfp=nowait", "above its min watermark of", 1, 1},
		{"alloc_pages gfp=high,noretry",
			"above half of its min watermark,", 1, 2},
		{"alloc_pages gfp=atomic", "above 3/8 of its min watermark,", 3,
			8},
		{"alloc_pages gfp=memalloc,noretry", "no watermark counts (", 0,
			1},
	};
	struct vm *m = boot("x86_64");
	const struct zone *z = m->root->zone;
	const char *said;

	for (unsigned i = 0; i < m->root->nr_zones; i++)
		if (m->root->zone[i].managed)
			z = &m->root->zone[i];
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		while (*(said = reply(m, KERNEL, rows[i].line)) != '-')
			;
		assert_non_null(strstr(said, rows[i].mark));
		said = strstr(said, rows[i].mark) + strlen(rows[i].mark);
		/* free pages ended where the sentence says that they do */
		assert_in_range(z->nr_free, z->min * rows[i].num / rows[i].den,
			z->min * rows[i].num / rows[i].den + 1);
		if (rows[i].num)
			assert_in_range(strtoull(said, NULL, 10),
				z->nr_free - 1, z->nr_free);
	}
	done(m);
}

static void brk_answers_as_the_system_call(void **state)
{
	struct vm *m = boot("x86_64");
	vaddr_t b = run(m, 1, "brk 0").last.value;

	assert_int_equal(run(m, 1, "brk brk+64K").last.value, b + 0x10000);
	assert_int_equal(
		run(m, 1, "brk 0xfffffffffffff000").last.value, b + 0x10000);
	assert_int_equal(run(m, 1, "sbrk -64K").last.value, b + 0x10000);
	assert_int_equal(run(m, 1, "brk 0").last.value, b);
	assert_int_equal(run(m, 1, "sbrk 1T\nsbrk 200T").last.err, ENOMEM);
	done(m);
}

static void the_stack_grows_by_pushing(void **state)
{
	struct vm *m = boot("x86_64");
	vaddr_t sp = run(m, 1, "push 64").last.value;

	assert_int_equal(run(m, 1, "push 1M").last.value, sp - MiB);
	assert_int_equal(run(m, 1, "pop 1M").last.value, sp);
	assert_non_null(strstr(reply(m, 1, "push 9M"), "RLIMIT_STACK"));
	assert_int_equal(run(m, 1, "pop 0").last.value, sp);
	done(m);
}

static void wait_reaps(void **state)
{
	struct vm *m = boot("x86_64");

	run(m, 0, "spawn");
	assert_non_null(strstr(reply(m, 2, "wait"), "-ECHILD"));
	assert_string_equal(reply(m, 2, "fork"), "3");
	assert_non_null(strstr(reply(m, 2, "wait"), "-EAGAIN"));
	assert_string_equal(reply(m, 3, "exit 7"), "0");
	assert_string_equal(reply(m, 2, "wait 3"), "3");
	assert_non_null(strstr(reply(m, 0, "kill 3"), "-ESRCH"));
	done(m);
}

/* Records may begin at any byte: the journal hands them back as they lie. */
static void traces_need_no_alignment(void **state)
{
	struct vm *m = boot("x86_64");
	char bytes[1 + 2 * 8];
	uint64_t rec[2] = {TRACE_RECORD(TRACE_LOAD, 3, 0x7fffffffe000),
		TRACE_RECORD(TRACE_STORE, 3, 0x7fffffffe008)};
	struct event e = {.actor = {.kind = ACTOR_TRACE, .id = 1},
		.text = "trace",
		.text_len = 5,
		.blob = bytes + 1,
		.blob_len = sizeof(rec)};
	struct vm_outcome out;

	memcpy(bytes + 1, rec, sizeof(rec));
	vm_apply(m, &e, NULL, NULL, &out);
	assert_int_equal(out.failed, 0);
	assert_int_equal(task_find(m, 1)->trace.loads, 1);
	assert_int_equal(task_find(m, 1)->trace.stores, 1);
	done(m);
}

/* Equal events give equal bytes. */
static void replay_is_exact(void **state)
{
	static const char *const lines[] = {"mmap 64K rw as=a\ntouch a 64K",
		"mprotect a+8K 8K r\nfork\nwrite a \"x\"", "brk brk+1M",
		"touch heap 64K", "munmap a 4K\ntouch a", "exit 3"};
	struct vm *m[2] = {boot("x86_64"), boot("x86_64")};

	for (int k = 0; k < 2; k++) {
		run(m[k], 0, "spawn\nset trace_map auto\ntick 3");
		for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
			run(m[k], 2, lines[i]);
	}
	for (unsigned i = 0; i < vm_nr_segments(); i++) {
		struct vm_segment a, b;

		vm_segment(m[0], i, &a);
		vm_segment(m[1], i, &b);
		assert_int_equal(a.used, b.used);
		if (memcmp(a.base, b.base, a.used))
			fail_msg("segment %s differs", a.name);
	}
	done(m[0]);
	done(m[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(examples_run),
		cmocka_unit_test(kernel_pages),
		cmocka_unit_test(a_failed_line_stops_the_event),
		cmocka_unit_test(a_line_that_does_not_parse_ends_the_event),
		cmocka_unit_test(labels_name_addresses),
		cmocka_unit_test(stores_are_read_back),
		cmocka_unit_test(segv_kills_when_set),
		cmocka_unit_test(settings_refuse_with_the_way_out),
		cmocka_unit_test(settings_have_linux_ranges),
		cmocka_unit_test(a_ratio_replaces_bytes),
		cmocka_unit_test(refusals_name_the_mark),
		cmocka_unit_test(brk_answers_as_the_system_call),
		cmocka_unit_test(the_stack_grows_by_pushing),
		cmocka_unit_test(wait_reaps),
		cmocka_unit_test(traces_need_no_alignment),
		cmocka_unit_test(replay_is_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
