/* What execve makes of a personality, programs that are busy, limits of other
 * processes, and the signals that wait for them. */
#include "../../vm/abi.h"
#include "../../vm/swap/swap.h"
#include "../../vm/task/prctl.h"
#include "../../vm/task/signal.h"
#include "elf_rig.h"

static struct vm *m;
static uint64_t free_pages;

/* A 64-bit and a 32-bit program. */
static void begin(void)
{
	struct rig r;

	m = vmtest_boot("x86_64", "64M");
	free_pages = vmtest_free_pages(m);
	rig_program(&r, true, ET_EXEC, 0x400000);
	rig_put(m, "/wide", r.b, RIG_BYTES);
	rig_program(&r, false, ET_EXEC, 0x8048000);
	rig_put(m, "/narrow", r.b, RIG_BYTES);
}

static void finish(void)
{
	for (struct task *t = task_next(m, 2); t; t = task_next(m, 2))
		task_exit(m, t, 0);
	disk_unlink(m, "/wide");
	disk_unlink(m, "/narrow");
	vmtest_end(m, free_pages);
}

static struct vm_outcome run(const struct task *t, const char *line)
{
	struct event e = {.text = line,
		.text_len = strlen(line),
		.actor = {ACTOR_PROCESS, t->pid, 0, 0}};
	struct vm_outcome out;

	vm_apply(m, &e, NULL, NULL, &out);
	return out;
}

static void ok(const struct task *t, const char *line)
{
	struct vm_outcome out = run(t, line);

	if (out.last.err)
		fail_msg("%s: %s", line, out.last.text);
}

static void refused(
	const struct task *t, const char *line, int err, const char *sentence)
{
	struct vm_outcome out = run(t, line);

	assert_int_equal(out.last.err, err);
	assert_sentence(out.last.text, sentence);
}

static void test_page_zero(void **state)
{
	static const char zero[] = "0-1000 r-x 0\n";
	struct task *t;

	begin();
	t = rig_spawn(m, "/wide");
	ok(t, "personality 0x100000");
	ok(t, "exec /narrow");
	assert_memory_equal(rig_maps(m, t), zero, sizeof(zero) - 1);
	refused(t, "munmap 0 4K", EPERM, "sealed");

	/* Who may not map so low has no such page, and is not told. */
	ok(t, "prctl capbset_drop cap_sys_rawio");
	ok(t, "exec /wide");
	assert_memory_equal(rig_maps(m, t), "400000-", 7);
	assert_int_equal(t->personality, MMAP_PAGE_ZERO);
	finish();
}

static void test_limit_3gb(void **state)
{
	struct task *t;

	begin();
	t = rig_spawn(m, "/wide");
	ok(t, "personality 0x8000000");
	ok(t, "exec /wide");
	assert_non_null(strstr(rig_maps(m, t), "-7ffffffff000 rw- 0\n"));
	ok(t, "exec /narrow");
	assert_non_null(strstr(rig_maps(m, t), "bffdf000-c0000000 rw- 0\n"));
	refused(t, "mmap 4K rw addr=0xc0000000 flags=fixed", ENOMEM,
		"leaves user space, which ends at 0xc0000000");

	/* It counts for the calls from now on, whatever execve found. */
	ok(t, "personality 0");
	ok(t, "mmap 4K rw addr=0xd0000000 flags=fixed");
	ok(t, "personality 0x8000000");
	refused(t, "munmap 0xd0000000 4K", EINVAL, "leaves user space");
	vmtest_check(m);
	finish();
}

static void test_busy(void **state)
{
	struct task *t, *child;

	begin();
	t = rig_spawn(m, "/wide");
	refused(t, "open /wide rdwr", ETXTBSY, "is being executed");
	refused(t, "open /wide rdonly,trunc", ETXTBSY, "is being executed");
	ok(t, "open /wide rdonly");
	ok(t, "open /narrow rdwr");
	refused(t, "exec /narrow", ETXTBSY, "open for writing 1 times");
	/* A mapping keeps it open. */
	ok(t, "mmap 4K r flags=private fd=1");
	ok(t, "close 1");
	refused(t, "exec /narrow", ETXTBSY, "open for writing");
	vmtest_check(m);
	ok(t, "exec /wide");
	ok(t, "exec /narrow");
	ok(t, "open /wide rdwr");

	/* As long as one process runs it. */
	child = task_fork(m, t, SIGCHLD);
	assert_non_null(child);
	ok(t, "close 1");
	ok(child, "close 1");
	ok(t, "exec /wide");
	refused(t, "open /narrow wronly", ETXTBSY, "is being executed");
	vmtest_check(m);
	ok(child, "exit");
	ok(t, "open /narrow wronly");
	finish();
}

static void test_prlimit(void **state)
{
	struct task *t, *other;

	begin();
	t = rig_spawn(m, "/wide");
	other = task_fork(m, t, SIGCHLD);
	ok(t, "prlimit 3 nofile 100 200");
	assert_true(other->rlim[RLIM_NOFILE].soft == 100);
	assert_string_equal(run(t, "prlimit 3 nofile").last.text, "100 200");
	assert_string_equal(
		run(t, "prlimit 0 as 1M").last.text, "unlimited unlimited");
	assert_true(t->rlim[RLIM_AS].soft == MiB);
	assert_true(t->rlim[RLIM_AS].hard == RLIM_UNLIMITED);
	refused(t, "prlimit 99 nofile", ESRCH, "no process has PID 99");
	refused(t, "prlimit 3 colour", EINVAL, "unknown limit");
	refused(t, "prlimit 3 nofile 300 200", EINVAL, "above the hard limit");

	ok(t, "setresuid 7 7 7");
	refused(t, "prlimit 3 nofile", EPERM, "need cap_sys_resource");
	ok(other, "setresuid 7 7 7");
	ok(t, "prlimit 3 nofile 50");
	refused(t, "prlimit 3 nofile 50 300", EPERM, "raising a hard limit");
	finish();
}

/* By the end of the thread that is the parent, though its process goes on. */
static void test_death_of_parent(void **state)
{
	struct task *t, *thread, *child, *deaf;

	begin();
	t = rig_spawn(m, "/wide");
	thread = task_fork(m, t, CLONE_VM | CLONE_SIGHAND | CLONE_THREAD);
	child = task_fork(m, thread, SIGCHLD);
	deaf = task_fork(m, thread, SIGCHLD);
	refused(child, "prctl set_pdeathsig 65", EINVAL, "signals are 1 to 64");
	refused(child, "prctl get_pdeathsig 0", EFAULT, "cannot be written");
	ok(child, "prctl set_pdeathsig 19");
	ok(deaf, "prctl set_pdeathsig 19");
	ok(child, "prctl get_pdeathsig stack-64");
	/* It is not inherited, and lost with a change of ids. */
	assert_int_equal(task_fork(m, child, SIGCHLD)->pdeath_signal, 0);
	ok(deaf, "setresuid 7 7 7");
	assert_int_equal(deaf->pdeath_signal, 0);
	ok(thread, "exit");
	assert_int_equal(child->state, TASK_STOPPED);
	assert_int_equal(deaf->state, TASK_RUNNING);
	assert_int_equal(child->parent, task_index(m, t));

	/* It is sent again by the next one, of whom it may be a stranger. */
	child->pdeath_signal = 9;
	child->cred.uid = child->cred.suid = 8;
	t->cred = cred_of_user(9, 9);
	ok(t, "exit");
	assert_int_equal(child->state, TASK_STOPPED);
	vmtest_check(m);
	finish();
}

/* Real-time signals wait one by one, others once, and SIGKILL needs no place;
 * what ended a process waits until that is reaped. */
static void test_queue(void **state)
{
	struct task *t, *child;

	begin();
	t = rig_spawn(m, "/wide");
	child = task_fork(m, t, SIGCHLD);
	ok(t, "kill 3 19");
	ok(t, "kill 3 15");
	ok(t, "kill 3 15");
	assert_int_equal(signals_queued(m, 0), 1);
	ok(t, "kill 3 40");
	ok(t, "kill 3 40");
	ok(t, "kill 3 40");
	assert_int_equal(signals_queued(m, 0), 4);
	assert_int_equal(signals_queued(m, 7), 0);
	ok(t, "kill 3 18");
	assert_int_equal(child->state, TASK_ZOMBIE);
	assert_int_equal(child->exit_code, 15);
	assert_int_equal(signals_queued(m, 0), 3);
	ok(t, "wait 3");
	assert_int_equal(signals_queued(m, 0), 0);
	finish();
}

/* Text, data and the stack are as many as may be; the bss is one more. */
static void test_map_count(void **state)
{
	struct task *t;

	begin();
	t = task_fork(m, rig_spawn(m, "/wide"), SIGCHLD);
	m->root->set.max_map_count = 2;
	refused(t, "exec /wide", ENOMEM, "3 mappings, max_map_count is 2");
	assert_int_equal(t->state, TASK_ZOMBIE);
	assert_int_equal(t->exit_code, SIGSEGV);
	vmtest_check(m);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_page_zero),
		cmocka_unit_test(test_limit_3gb),
		cmocka_unit_test(test_busy),
		cmocka_unit_test(test_prlimit),
		cmocka_unit_test(test_death_of_parent),
		cmocka_unit_test(test_queue),
		cmocka_unit_test(test_map_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
