/* strace logs: lines taken apart, processes, cut calls, the report. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../host/host.h"
#include "../../vm/disk/disk.h"
#include "../../vm/input/input.h"
#include "../../vm/input/input_i.h"
#include "../../vm/task/task.h"
#include "../../vm/mm/mm.h"

static struct vm *m;
static char report[8192];

static void emit(void *ctx, const char *s, size_t n)
{
	size_t have = strlen(report);

	assert_true(have + n < sizeof(report));
	memcpy(report + have, s, n);
	report[have + n] = '\0';
}

static int boot(void **state)
{
	struct vm_config c;
	char err[SENTENCE_MAX];

	vm_config_default(&c);
	m = vm_boot(&c, &host_mmap, err);
	return m ? 0 : -1;
}

static int done(void **state)
{
	int err = vm_check(m);

	if (err)
		print_error("%s\n", vm_sentence(m));
	vm_destroy(m);
	return err;
}

static int feed(const char *text)
{
	struct actor a = {.kind = ACTOR_STRACE};
	int err;

	vm_fail_clear(m);
	err = strace_feed(m, &a, text, strlen(text), false);
	report[0] = '\0';
	strace_report(m, emit, NULL);
	return err;
}

static struct strace_call parse(const char *s)
{
	struct strace_call c;

	assert_true(strace_parse_call(s, strlen(s), &c));
	return c;
}

static void calls_are_taken_apart(void **state)
{
	struct strace_call c = parse("mmap(NULL, 28715, PROT_READ|PROT_EXEC, "
				     "MAP_PRIVATE, 3</etc/ld.so.cache>, 0x1000)"
				     " = 0x7ffff7fb8000");
	char path[100];

	assert_int_equal(c.nr_args, 6);
	assert_int_equal(strace_number(c.arg[0]), 0);
	assert_int_equal(strace_number(c.arg[1]), 28715);
	assert_int_equal(strace_number(c.arg[2]), 5);
	assert_int_equal(strace_fd(c.arg[4], path, sizeof(path)), 3);
	assert_string_equal(path, "/etc/ld.so.cache");
	assert_int_equal(strace_number(c.arg[5]), 0x1000);
	assert_true(c.answered && c.ret == 0x7ffff7fb8000);

	c = parse("munmap(0x1000, 1) = -1 EINVAL (Invalid argument)");
	assert_true(c.ret == -EINVAL);
	c = parse("exit_group(0)                     = ?");
	assert_false(c.answered);
	c = parse("execve(\"/a,b)\", [\"x\\\"y\", \"z\"], [\"A=1\"]) = 0");
	assert_int_equal(c.nr_args, 3);
	c = parse("clone3({flags=CLONE_VM|CLONE_VFORK, stack=0x1}, 88) = 7");
	assert_int_equal(strace_number(strace_member(&c, "flags")), 0x4100);
	c = parse("clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD)"
		  " = 7");
	assert_int_equal(strace_number(strace_member(&c, "flags")), 0);
}

static void paths_of_descriptors_are_unescaped(void **state)
{
	static const struct {
		const char *arg, *path;
		int fd;
	} rows[] = {
		{"3</a b\\74c\\76,(d) \\303\\274>", "/a b<c>,(d) \303\274", 3},
		{"10</memfd:x>(deleted)", "/memfd:x (deleted)", 10},
		{"7</x\\\\y>(deleted)", "/x\\y (deleted)", 7},
		{"3", "", 3},
		{"-1", "", -1},
		{"4</cut", "", 4},
		{"", "", 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct span a = {rows[i].arg, strlen(rows[i].arg)};
		char path[100];

		assert_int_equal(strace_fd(a, path, sizeof(path)), rows[i].fd);
		assert_string_equal(path, rows[i].path);
		/* no room: no path, and nothing beyond the buffer */
		if (a.len > 4)
			strace_fd(a, path, 2);
		path[2] = '\0';
		assert_true(strlen(path) < 2);
	}
}

static void what_is_no_call_is_refused(void **state)
{
	static const char *const bad[] = {"", "mmap", "mmap(", "mmap(1, 2",
		"mmap(1) 5", "(1) = 2", "mmap(\"abc) = 1", "a(3<x) = 1",
		"+++ exited with 0 +++", "mmap(1) = -", "1) = 2"};
	struct strace_call c;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (strace_parse_call(bad[i], strlen(bad[i]), &c) && c.nr_args)
			fail_msg("\"%s\" was taken for a call", bad[i]);
}

static void every_cut_of_a_line_is_survived(void **state)
{
	static const char line[] = "9 execve(\"/b\\303\", [\"a\", \"b\\\"\"], "
				   "0x7f /* 2 vars */) = "
				   "-1 ENOENT (No such file)\n";

	for (size_t n = 0; n < sizeof(line); n++) {
		char *copy = malloc(n + 1);

		memcpy(copy, line, n);
		copy[n] = '\0';
		assert_int_equal(feed(copy), 0);
		free(copy);
	}
}

static void addresses_are_compared(void **state)
{
	assert_int_equal(
		feed("7 mmap(NULL, 8192, PROT_READ|PROT_WRITE, "
		     "MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7ffff7ff5000\n"
		     "7 mmap(NULL, 4096, PROT_READ, "
		     "MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7ffff0000000\n"
		     "7 mprotect(0x7ffff0000000, 4096, PROT_NONE) = 0\n"
		     "7 munmap(0x1, 4096) = -1 EINVAL (Invalid argument)\n"
		     "7 munmap(0x7ffff7ff5000, 8192) = -1 EPERM (x)\n"),
		0);
	assert_string_equal(report,
		"7 -> 2 calls 5 same 3 differ 2\n"
		"line 2: 7 mmap: log 0x7ffff0000000, machine 0x7ffff7ff4000\n"
		"line 5: 7 munmap: log -EPERM, machine 0x0\n");
	/* the mapping followed the log */
	assert_non_null(vma_lookup(m, task_find(m, 2)->mm, 0x7ffff0000000));
}

static void cut_calls_take_effect_when_resumed(void **state)
{
	assert_int_equal(feed("7 brk(NULL <unfinished ...>\n"), 0);
	assert_string_equal(report, "7 -> 2 calls 0 same 0 differ 0\n");
	assert_int_equal(feed("8 munmap(0x1000, 4096) = 0\n"
			      "7 <... brk resumed>) = 0x555555560000\n"),
		0);
	assert_non_null(strstr(report, "7 -> 2 calls 1 "));
	assert_non_null(strstr(report, "8 -> 3 calls 1 same 1 differ 0\n"));
}

static void children_come_before_the_answer_of_fork(void **state)
{
	assert_int_equal(feed("7 munmap(0x1000, 4096) = 0\n"
			      "7 clone(child_stack=NULL, flags=SIGCHLD "
			      "<unfinished ...>\n"
			      "9 munmap(0x1000, 4096) = 0\n"
			      "7 <... clone resumed>, child_tidptr=0x7f) = 9\n"
			      "9 exit_group(3) = ?\n"
			      "9 +++ exited with 3 +++\n"),
		0);
	assert_string_equal(report, "7 -> 2 calls 2 same 2 differ 0\n"
				    "9 -> 3 calls 1 same 1 differ 0\n");
	assert_ptr_equal(task_at(m, task_find(m, 3)->parent), task_find(m, 2));
	/* it is kept as it was before its exit */
	assert_int_equal(task_find(m, 3)->state, TASK_STOPPED);
	assert_int_not_equal(task_find(m, 3)->mm, 0);
}

static void terminals_name_processes_late(void **state)
{
	assert_int_equal(
		feed("munmap(0x1000, 4096) = 0\n"
		     "clone(child_stack=NULL, flags=SIGCHLDstrace: Process 9 "
		     "attached\n"
		     ", child_tidptr=0x7ffff7d9da10) = 9\n"
		     "[pid     7] munmap(0x1000, 4096) = 0\n"
		     "[pid     9] munmap(0x1000, 4096) = 0\n"
		     "[pid     9] +++ exited with 0 +++\n"
		     "munmap(0x1000, 4096) = 0\n"),
		0);
	assert_non_null(strstr(report, "7 -> 2 calls 4 same 4 differ 0\n"));
	assert_non_null(strstr(report, "9 -> 3 calls 1 same 1 differ 0\n"));
}

static void missing_programs_are_named_before_anything_runs(void **state)
{
	assert_int_equal(feed("7 munmap(0x1000, 4096) = 0\n"
			      "7 execve(\"/bin/none\", [\"none\"], []) = 0\n"),
		-ENOENT);
	assert_non_null(strstr(vm_sentence(m), "bin"));
	assert_string_equal(report, "");
	assert_null(task_find(m, 2));
	assert_int_equal(
		feed("7 execve(\"/bin/none\", [\"none\"], [] <unfinished ...>\n"
		     "7 <... execve resumed>) = 0\n"),
		-ENOENT);
	assert_int_equal(
		feed("7 execve(\"/bin/none\", [\"x\"], []) = -1 ENOENT (No)\n"),
		0);
	assert_string_equal(report, "7 -> 2 calls 1 same 1 differ 0\n");
}

static void missing_files_become_placeholders(void **state)
{
	idx_t ino;

	assert_int_equal(feed("7 mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, "
			      "3</usr/lib/a.so>, 0x1000) = 0x7ffff7ff5000\n"),
		0);
	assert_non_null(strstr(report, "same 1 differ 0"));
	ino = disk_lookup(m, "/usr/lib/a.so", true);
	assert_int_not_equal(ino, 0);
	assert_int_equal(inode_at(m, ino)->size, 0x3000);
	assert_int_equal(inode_at(m, ino)->nr_blocks, 0);
}

/* As strace 6.1 shows the answers of Linux 6.18 on a machine of one node; of
 * get_mempolicy's masks two words are left, and mseal is as newer ones show it.
 */
static const char *const node_calls[] = {
	"mmap(0x10000000, 1048576, PROT_READ|PROT_WRITE, "
	"MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = 0x10000000",
	"set_mempolicy(MPOL_PREFERRED, [0x00000000000001], 64) = 0",
	"set_mempolicy(MPOL_INTERLEAVE, [0x00000000000001], 65) = 0",
	"set_mempolicy(MPOL_BIND|MPOL_F_STATIC_NODES, "
	"[0x00000000000001], 64) = 0",
	"set_mempolicy(MPOL_INTERLEAVE|MPOL_F_RELATIVE_NODES, "
	"[0x00000000000003], 64) = 0",
	"set_mempolicy(MPOL_PREFERRED_MANY, [0x00000000000001], "
	"64) = 0",
	"set_mempolicy(0x6 /* MPOL_\?\?\? */, [0x00000000000001], "
	"64) = 0",
	"set_mempolicy(MPOL_BIND|MPOL_F_NUMA_BALANCING, "
	"[0x00000000000001], 64) = 0",
	"set_mempolicy(0x4d /* MPOL_\?\?\? */, [0x00000000000001], "
	"64) = -1 EINVAL (Invalid argument)",
	"set_mempolicy(MPOL_LOCAL, NULL, 0) = 0",
	"get_mempolicy([MPOL_LOCAL], [0000000000000000, "
	"0000000000000000], 1024, NULL, 0) = 0",
	"set_mempolicy(MPOL_DEFAULT, NULL, 0) = 0",
	"mbind(0x10000000, 65536, MPOL_BIND, [0x00000000000001], "
	"64, MPOL_MF_STRICT) = 0",
	"mbind(0x10000000, 65536, MPOL_INTERLEAVE, "
	"[0x00000000000001], 64, MPOL_MF_STRICT|MPOL_MF_MOVE) = 0",
	"mbind(0x10010000, 65536, MPOL_BIND|MPOL_F_STATIC_NODES, "
	"[0x00000000000001], 64, MPOL_MF_MOVE_ALL) = 0",
	"mbind(0x10000001, 65536, MPOL_BIND, [0x00000000000001], "
	"64, 0) = -1 EINVAL (Invalid argument)",
	"mbind(0x10000000, 65536, MPOL_BIND, [0x00000000000001], "
	"64, 0x100 /* MPOL_\?\?\? */) = -1 EINVAL (Invalid "
	"argument)",
	"mbind(0x30000000, 65536, MPOL_BIND, [0x00000000000001], "
	"64, 0) = -1 EFAULT (Bad address)",
	"mbind(0x10020000, 4096, MPOL_DEFAULT, NULL, 0, 0) = 0",
	"get_mempolicy([MPOL_INTERLEAVE], [0x00000000000001, "
	"0000000000000000], 1024, 0x10000000, MPOL_F_ADDR) = 0",
	"get_mempolicy([MPOL_DEFAULT], NULL, 0, 0x10000000, "
	"MPOL_F_NODE|MPOL_F_ADDR) = 0",
	"get_mempolicy(NULL, [0x00000000000001, 0000000000000000], "
	"1024, NULL, MPOL_F_MEMS_ALLOWED) = 0",
	"get_mempolicy(0x7fffffffe51c, NULL, 0, 0x30000000, "
	"MPOL_F_NODE|MPOL_F_ADDR) = -1 EFAULT (Bad address)",
	"set_mempolicy_home_node(0x10010000, 65536, 0, 0) = 0",
	"set_mempolicy_home_node(0x10000000, 65536, 0, 0) = -1 "
	"EOPNOTSUPP (Operation not supported)",
	"set_mempolicy_home_node(0x10000000, 65536, 7, 0) = -1 "
	"EINVAL (Invalid argument)",
	"migrate_pages(0, 64, [0x00000000000001], "
	"[0x00000000000001]) = 0",
	"migrate_pages(7, 64, [0x00000000000001], "
	"[0x00000000000003]) = 0",
	"migrate_pages(999999, 64, [0x00000000000001], "
	"[0x00000000000001]) = -1 ESRCH (No such process)",
	"move_pages(0, 4, [0x10000000, 0x10001000, 0x10002000, "
	"0x20000000], NULL, [0, 0, -ENOENT, -EFAULT], 0) = 0",
	"move_pages(0, 3, [0x10000000, 0x10001000, 0x10002000], "
	"[0, 0, 0], [0, 0, -ENOENT], MPOL_MF_MOVE) = 0",
	"move_pages(0, 4, [0x10000000, 0x10001000, 0x10002000, "
	"0x20000000], [0, 0, 0, 9], 0x7fffffffe500, MPOL_MF_MOVE) "
	"= -1 ENODEV (No such device)",
	"move_pages(7, 1, [0x10000000], [0], 0x7fffffffe500, 0x8 "
	"/* MPOL_\?\?\? */) = -1 EINVAL (Invalid argument)",
	"mlock2(0x10000000, 4096, MLOCK_ONFAULT) = 0",
	"pkey_mprotect(0x10080000, 4096, PROT_READ, -1) = 0",
	"process_madvise(3<pid:7>, [{iov_base=0x10000000, "
	"iov_len=8192}, {iov_base=0x10004000, iov_len=4096}], 2, "
	"MADV_COLD, 0) = -1 EINVAL (Invalid argument)",
	"process_madvise(3<pid:7>, [{iov_base=0x10000000, "
	"iov_len=8192}, {iov_base=0x10004000, iov_len=4096}], 2, "
	"MADV_DONTNEED, 0) = -1 EINVAL (Invalid argument)",
	"process_madvise(3<pid:7>, [{iov_base=0x10000000, "
	"iov_len=8192}], 1, MADV_NOHUGEPAGE, 0) = 8192",
	"process_madvise(3<pid:7>, [{iov_base=0x10000000, "
	"iov_len=8192}], 1, MADV_COLD, 0x1) = -1 EINVAL (Invalid "
	"argument)",
	"mseal(0x10080000, 8192, 0) = 0",
	"mseal(0x10080001, 8192, 0) = -1 EINVAL (Invalid argument)",
	"munmap(0x10080000, 4096) = -1 EPERM (Operation not "
	"permitted)",
	"madvise(0x10080000, 4096, MADV_DONTNEED) = -1 EPERM "
	"(Operation not permitted)",
	"mprotect(0x10080000, 4096, PROT_READ) = -1 EPERM "
	"(Operation not permitted)",
};

static void calls_about_nodes(void **state)
{
	char line[512], want[64];

	for (size_t i = 0; i < sizeof(node_calls) / sizeof(*node_calls); i++) {
		snprintf(line, sizeof(line), "7 %s\n", node_calls[i]);
		assert_int_equal(feed(line), 0);
		snprintf(want, sizeof(want), "same %zu differ 0\n", i + 1);
		if (!strstr(report, want))
			fail_msg("%s%s", line, report);
	}
	assert_int_equal(input_at(m, m->root->strace_first)->head.ignored, 0);
}

/* A list that strace cut, whose process it does not tell, and calls that the
 * machine has not. */
static void what_is_not_told_is_ignored(void **state)
{
	const char *const line[] = {
		"7 move_pages(0, 3, [0x1000, ...], NULL, [0, ...], 0) = 0\n",
		"7 process_madvise(3<anon_inode:[pidfd]>, [{iov_base=0x1000, "
		"iov_len=4096}], 1, MADV_COLD, 0) = 4096\n",
		"7 process_madvise(3<pid:7>, [{iov_base=0x1000, iov_len=4096}, "
		"...], 2, MADV_COLD, 0) = 8192\n",
		"7 cachestat(3</a>, {off=0, len=0}, {nr_cache=1}, 0) = 0\n",
		"7 memfd_secret(0) = 4</secretmem>(deleted)\n",
	};

	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(feed(line[i]), 0);
		assert_int_equal(
			input_at(m, m->root->strace_first)->head.ignored,
			i + 1);
	}
	assert_string_equal(report, "7 -> 2 calls 0 same 0 differ 0\n");
}

static void unknown_lines_are_counted(void **state)
{
	assert_int_equal(feed("7 what is this\n7 \xff\xfe\n"), 0);
	assert_non_null(strstr(report, "2 of 2 lines were not understood\n"));
}

/* What was written to does not become one when the gap between is mapped. */
static void mappings_are_written_to(void **state)
{
#define MAP(at, prot)                                                          \
	"5 mmap(" at ", 4096, " prot ", MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, " \
	"-1, 0) = " at "\n"
#define THREE(at, prot) \
	MAP(at "0000", prot) MAP(at "2000", prot) MAP(at "1000", prot)
	const struct vma *v;
	idx_t mm;

	assert_int_equal(feed(THREE("0x1000", "PROT_READ|PROT_WRITE")), 0);
	mm = task_find(m, strace_find(m, 5)->pid)->mm;
	v = vma_lookup(m, mm, 0x10000000);
	assert_int_equal(v->end, 0x10002000);
	/* what may not be written to has not been */
	assert_int_equal(feed(THREE("0x2000", "PROT_READ")), 0);
	v = vma_lookup(m, mm, 0x20000000);
	assert_int_equal(v->end, 0x20003000);
#undef THREE
#undef MAP
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, boot, done)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(calls_are_taken_apart),
		TEST(paths_of_descriptors_are_unescaped),
		TEST(what_is_no_call_is_refused),
		TEST(every_cut_of_a_line_is_survived),
		TEST(addresses_are_compared),
		TEST(cut_calls_take_effect_when_resumed),
		TEST(children_come_before_the_answer_of_fork),
		TEST(terminals_name_processes_late),
		TEST(missing_programs_are_named_before_anything_runs),
		TEST(missing_files_become_placeholders),
		TEST(calls_about_nodes),
		TEST(what_is_not_told_is_ignored),
		TEST(unknown_lines_are_counted),
		TEST(mappings_are_written_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
