/*
 * The OOM killer: who dies, and what its report says.
 */
#include "../../vm/mm/mm.h"
#include "../../vm/reclaim/oom.h"
#include "../../vm/reclaim/reclaim.h"
#include "pressure_rig.h"

static bool logged(const char *what)
{
	static char log[DMESG_BYTES + 1];
	size_t n = dmesg_copy(m, log);

	log[n] = 0;
	return strstr(log, what) != NULL;
}

/* The big one holds memory, the small one asks for more. */
static void run_out(void)
{
	say(2, "mmap 20M rw as=a");
	SAYS(2, "touch a 20M w", "0");
	say(3, "mmap 20M rw as=a");
	say(3, "touch a 20M w");
}

static void test_worst(void **state)
{
	SAYS(0, "set oom_dump_tasks 0", "0");
	run_out();
	assert_string_equal(reply, "0");
	assert_true(logged("Out of memory: Killed process 2 (big)"));
	assert_false(logged("Tasks state"));
	assert_false(logged("Unreclaimable slab info"));
	SAYS(3, "touch a 20M r", "0");
}

/* The lines of a report, in the order of Linux's. */
static void test_report(void **state)
{
	static const char *const line[] = {
		"small invoked oom-killer: gfp_mask=0x140dca(",
		"CPU: 0 UID: 0 PID: 3 Comm: small Not tainted 6.18",
		"Mem-Info:",
		" active_anon:",
		"  slab_reclaimable:",
		"  free:",
		" Node 0 active_anon:",
		" isolated(file):0kB mapped:",
		" all_unreclaimable? ",
		" Node 0 DMA free:",
		" writepending:0kB zspages:0kB present:15992kB "
		"managed:15360kB ",
		"lowmem_reserve[]: 0 ",
		" Node 0 DMA32 free:",
		"lowmem_reserve[]: 0 0 0 0 0\n",
		" Node 0 DMA: ",
		"*4096kB ",
		"= ",
		" Node 0 DMA32: ",
		"hugepages_surp=0 hugepages_size=1048576kB\n",
		"hugepages_surp=0 hugepages_size=2048kB\n",
		" total pagecache pages\n",
		" pages in swap cache\n",
		" Free swap  = 0kB\n",
		" pages RAM\n",
		" 0 pages HighMem/MovableOnly\n",
		" pages reserved\n",
		" Tasks state (memory values in pages):\n",
		"oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,"
		"mems_allowed=0,global_oom,task_memcg=/,task=big,pid=2,uid=0\n",
		"Out of memory: Killed process 2 (big) total-vm:",
	};
	static char log[DMESG_BYTES + 1];
	const char *at = log;

	run_out();
	log[dmesg_copy(m, log)] = 0;
	for (size_t i = 0; i < COUNT(line); i++) {
		at = strstr(at, line[i]);
		if (!at)
			fail_msg("\"%s\" is missing in\n%s", line[i], log);
		at += strlen(line[i]) - 1;
	}
}

/* Of equals the newest dies, whoever asks. */
static void test_equals(void **state)
{
	SAYS(0, "spawn name=third", "4");
	for (unsigned pid = 2; pid <= 4; pid++) {
		say(pid, "mmap 8M rw as=a");
		SAYS(pid, "touch a 7M w", "0");
	}
	say(1, "mmap 64M rw flags=noreserve as=a");
	SAYS(1, "touch a 8M w", "0");
	assert_true(logged("Killed process 4 (third)"));
	assert_int_equal(m->root->count[CNT_OOM_KILL], 1);
}

/* Watermarks that were raised when page blocks were mixed kill nobody. */
static void test_no_boost_left(void **state)
{
	assert_true(watermark_boost(m, &m->root->zone[0]));
	run_out();
	assert_true(logged("Killed process 2 (big)"));
	assert_false(logged("boost:2048kB"));
}

static void test_allocating_task(void **state)
{
	SAYS(0, "set oom_kill_allocating_task 1", "0");
	run_out();
	assert_sentence(reply, "-ENOMEM out of memory: process 3 (small)");
	assert_true(logged("Out of memory (oom_kill_allocating_task): Killed "
			   "process 3 (small)"));
	assert_true(logged("Tasks state"));
	SAYS(2, "touch a 20M r", "0");
	/* who must not be killed is not: the worst is */
	SAYS(0, "spawn name=spared", "4");
	SAYS(4, "oom_score_adj -1000", "0");
	say(4, "mmap 20M rw as=a");
	SAYS(4, "touch a 20M w", "0");
	assert_true(logged("Out of memory: Killed process 2 (big)"));
}

/* Processes are killed while another one is being made, and that one too. */
static void test_newborn(void **state)
{
	unsigned killed = 0;

	SAYS(0, "set oom_dump_tasks 0", "0");
	SAYS(0, "kill 2 9", "0");
	SAYS(0, "kill 3 9", "0");
	say(1, "mmap 64M rw flags=noreserve as=a");
	for (unsigned i = 0; i < 4000 && killed < 20; i++) {
		char line[40];

		snprintf(line, sizeof(line), "touch a+%uK 8K w", i * 8);
		say(1, line);
		if (i % 7)
			continue;
		say(0, "spawn name=newborn");
		vmtest_check(m);
		killed += strstr(reply, "-ENOMEM") != NULL;
	}
	assert_int_equal(killed, 20);
	assert_true(m->root->count[CNT_OOM_KILL] > 20);
}

static void test_panic(void **state)
{
	SAYS(0, "set panic_on_oom 1", "0");
	run_out();
	assert_sentence(reply, "the kernel has stopped");
	assert_true(logged("Kernel panic - not syncing: Out of memory: "
			   "system-wide panic_on_oom is enabled"));
	assert_false(logged("Killed process"));
	refuses(2, "read a", "EIO");
	refuses(0, "spawn", "EIO");
	refuses(0, "set panic_on_oom 0", "EIO");
	assert_sentence(reply, "`restore`");
}

/* Who is bound to other nodes is left alone, and a share of what is here counts
 * for oom_score_adj. */
static void test_bound(void **state)
{
	vm_destroy(m);
	m = vmtest_boot_with((const char *const[]){
		"ram", "128M", "swap", "0", "nodes", "2", "cpus", "2", NULL});
	SAYS(0, "spawn name=bound", "2");
	SAYS(0, "spawn name=ready", "3");
	SAYS(0, "spawn name=elsewhere", "4");
	SAYS(0, "spawn name=threaded", "5");
	SAYS(3, "oom_score_adj 600", "0");
	SAYS(4, "oom_score_adj 1000", "0");
	SAYS(5, "oom_score_adj 550", "0");
	SAYS(4, "set_mempolicy bind nodes=0", "0");
	SAYS(5, "clone flags=thread", "6");
	SAYS(5, "set_mempolicy bind nodes=0", "0");
	say(2, "mmap 80M rw as=a");
	SAYS(2, "mbind a 80M bind nodes=1", "0");
	say(2, "touch a 80M w");
	assert_sentence(reply, "-ENOMEM out of memory: process 2 (bound)");
	assert_int_equal(m->root->count[CNT_OOM_KILL], 1);
	assert_true(logged("constraint=CONSTRAINT_MEMORY_POLICY,nodemask=1,"));
	assert_true(logged("         600 ready\n"));
	assert_true(logged("         550 threaded\n"));
	assert_false(logged("         1000 elsewhere\n"));
	/* the thread that was not bound ends: its process is elsewhere, too */
	SAYS(6, "exit 0", "0");
	SAYS(0, "spawn name=bound", "7");
	SAYS(5, "oom_score_adj 1000", "0");
	say(7, "mmap 80M rw as=a");
	SAYS(7, "set_mempolicy bind nodes=1", "0");
	say(7, "touch a 80M w");
	assert_sentence(reply, "-ENOMEM out of memory: process 7 (bound)");
	assert_int_equal(m->root->count[CNT_OOM_KILL], 2);
}

/* init lives on with the memory, and nobody dies for it again. */
static void test_init_shares(void **state)
{
	SAYS(1, "clone flags=vm", "4");
	say(4, "mmap 20M rw as=a");
	SAYS(4, "touch a 20M w", "0");
	say(3, "mmap 20M rw as=a");
	say(3, "touch a 20M w");
	assert_true(logged("Killed process 4 (init) total-vm:"));
	assert_true(logged("oom killer 4 (init) has mm pinned by 1 (init)\n"));
	assert_null(task_find(m, 4));
	assert_sentence(reply, "-ENOMEM out of memory: process 3 (small)");
	SAYS(1, "clone flags=vm", "5");
	assert_int_equal(
		oom_badness(m, task_find(m, 5), oom_total(m)), INT64_MIN);
	/* init itself asks: its sharer dies, and it goes on without */
	SAYS(0, "spawn name=other", "6");
	SAYS(1, "clone flags=vm", "7");
	mm_at(m, task_find(m, 1)->mm)->oom_skip = 0;
	say(1, "mmap 20M rw flags=noreserve as=b");
	say(1, "touch b 20M w");
	assert_null(task_find(m, 7));
	assert_null(task_find(m, 6));
	assert_sentence(reply, "-ENOMEM out of memory: all zones");
	assert_true(logged("Out of memory and no killable processes..."));
}

/* Unreclaimable slab is told when there is more of it than of pages on
 * lists. */
static void test_slab_info(void **state)
{
	for (unsigned i = 0; i < 16; i++)
		assert_true(*say_as(ACTOR_KERNEL, 0, "kmalloc 1M") != '-');
	say(2, "mmap 20M rw as=a");
	say(2, "touch a 20M w");
	assert_sentence(reply, "-ENOMEM out of memory: process 2 (big)");
	assert_true(logged("pages reserved\n"));
	assert_true(logged(" Unreclaimable slab info:\n"));
	assert_true(logged(" Name                      Used          Total\n"));
	assert_true(logged(" task_struct               28KB         28KB\n"));
	assert_false(logged(" dentry "));
	assert_false(logged(" kmalloc-8 "));
}

/* ---- what was asked for ---- */

/* All frames that are had without the OOM killer. */
static void fill(void)
{
	for (unsigned order = MAX_ORDER + 1; order-- > 0;)
		while (mem_alloc(m, GFP_HIGHUSER | GFP_NORETRY, order,
			FRAME_KERNEL, USE_KERNEL, false))
			;
	vm_fail_clear(m);
}

static void test_asked(void **state)
{
	static const struct {
		enum actor_kind who;
		uint32_t pid;
		const char *ready, *line, *mask;
	} row[] = {
		/* the first touch of a page, a table for it */
		{ACTOR_PROCESS, 3, "touch a 4K w", "touch a+4K 4K w",
			"0x140dca(GFP_HIGHUSER_MOVABLE|__GFP_ZERO|__GFP_COMP), "
			"order=0"},
		{ACTOR_PROCESS, 3, "touch a 4K w", "touch a+2M 4K w",
			"0x440dc0(GFP_KERNEL_ACCOUNT|__GFP_ZERO|__GFP_COMP), "
			"order=0"},
		/* copies: of the zero page, and of another */
		{ACTOR_PROCESS, 3, "touch a 4K r", "touch a 4K w",
			"0x140dca(GFP_HIGHUSER_MOVABLE|__GFP_ZERO|__GFP_COMP)"},
		{ACTOR_PROCESS, 3, "touch a 4K w\nfork", "touch a 4K w",
			"0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP), order=0"},
		/* shared memory, and files */
		{ACTOR_PROCESS, 3, "mmap 8K rw flags=shared as=s\ntouch s 4K",
			"touch s+4K 4K w",
			"0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP), order=0"},
		{ACTOR_PROCESS, 3, "open /f rdwr,creat", "pwrite 0 \"x\" 0",
			"0x141cca(GFP_HIGHUSER_MOVABLE|__GFP_WRITE|__GFP_"
			"COMP)"},
		/* the kernel's own */
		{ACTOR_MACHINE, 0, NULL, "spawn",
			"0x400dc0(GFP_KERNEL_ACCOUNT|__GFP_ZERO), order=2"},
		{ACTOR_KERNEL, 0, NULL, "kmalloc 16K",
			"0x40cc0(GFP_KERNEL|__GFP_COMP), order=2"},
		{ACTOR_KERNEL, 0, NULL, "kmalloc 8K gfp=reclaimable",
			"0x40cd0(GFP_KERNEL|__GFP_RECLAIMABLE|__GFP_COMP)"},
		{ACTOR_KERNEL, 0, NULL, "kmalloc 9K gfp=zero,nofail",
			"0x48dc0(GFP_KERNEL|__GFP_ZERO|__GFP_NOFAIL|"
			"__GFP_COMP), order=2"},
		{ACTOR_KERNEL, 0, NULL, "alloc_pages order=1",
			"0xcc0(GFP_KERNEL), order=1"},
		{ACTOR_KERNEL, 0, NULL, "alloc_pages gfp=highuser,zero",
			"0x100dc2(GFP_HIGHUSER|__GFP_ZERO), order=0"},
		{ACTOR_KERNEL, 0, NULL, "alloc_pages gfp=movable",
			"0xcc8(GFP_KERNEL|__GFP_MOVABLE), order=0"},
	};

	for (size_t i = 0; i < COUNT(row); i++) {
		char want[160];

		if (i) {
			teardown(state);
			setup(state);
		}
		SAYS(3, "mmap 4M rw addr=0x10000000 flags=fixed as=a",
			"0x10000000");
		if (row[i].ready)
			say(3, row[i].ready);
		fill();
		say_as(row[i].who, row[i].pid, row[i].line);
		snprintf(want, sizeof(want), "invoked oom-killer: gfp_mask=%s",
			row[i].mask);
		if (!logged(want))
			fail_msg("%s: %s: no %s", row[i].line, reply, want);
	}
}

static char no_swap[] = "0";
#define NO_SWAP(name)                                 \
	{                                             \
#name, name, setup, teardown, no_swap \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NO_SWAP(test_worst),
		NO_SWAP(test_report),
		NO_SWAP(test_equals),
		NO_SWAP(test_no_boost_left),
		NO_SWAP(test_allocating_task),
		NO_SWAP(test_newborn),
		NO_SWAP(test_panic),
		NO_SWAP(test_bound),
		NO_SWAP(test_init_shares),
		NO_SWAP(test_slab_info),
		NO_SWAP(test_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
