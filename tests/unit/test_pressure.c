/*
 * When memory runs out: stalls and their averages, the settings of the OOM
 * killer, and swap files, which nobody may change.
 */
#include <stdio.h>
#include <stdlib.h>

#include "vmtest.h"

#include "../../vm/kernel/dmesg.h"
#include "../../vm/kernel/psi.h"
#include "../../vm/task/task.h"

static struct vm *m;
static char reply[SENTENCE_MAX + 64];

static void note_reply(
	void *ctx, const struct reply *r, const char *line, size_t len)
{
	vm_reply_format(r, reply, sizeof(reply));
}

static const char *say_as(enum actor_kind kind, uint32_t id, const char *text)
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
static const char *say(uint32_t pid, const char *text)
{
	return say_as(pid ? ACTOR_PROCESS : ACTOR_MACHINE, pid, text);
}

#define SAYS(pid, text, want) assert_string_equal(say(pid, text), want)
static void refuses(uint32_t pid, const char *text, const char *want)
{
	if (*say(pid, text) != '-' || strncmp(reply + 1, want, strlen(want)))
		fail_msg("%s: %s, not %s", text, reply, want);
}

/* A byte to each of so many pages, in one event. */
static void store_pages(uint32_t pid, const char *label, unsigned nr)
{
	char *text = malloc(nr * 40ul), *end = text;

	for (unsigned i = 0; i < nr; i++)
		end += snprintf(end, 40, "write %s+%uK \"%c\"\n", label, 4 * i,
			'a' + (int)(i % 26));
	SAYS(pid, text, "0");
	free(text);
}

static int setup(void **state)
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

static int teardown(void **state)
{
	vmtest_check(m);
	vm_destroy(m);
	return 0;
}

/* ---- averages ---- */

/* A tenth of the first period was lost; then nothing, for 10 more. */
static void test_average(void **state)
{
	struct root r = {0};

	averages_boot(&r);
	r.ns = r.psi.next - 1;
	psi_update(&r, &r.psi);
	assert_int_equal(r.psi.last, 0);
	r.ns++;
	r.psi.total[PSI_IO] = r.ns / 10;
	psi_update(&r, &r.psi);
	/* 10 % of (1 - 1677/2048), (1 - 1981/2048), (1 - 2034/2048) */
	assert_int_equal(load_int(r.psi.avg[PSI_IO][0]), 1);
	assert_int_equal(load_hundredths(r.psi.avg[PSI_IO][0]), 81);
	assert_int_equal(load_hundredths(r.psi.avg[PSI_IO][1]), 32);
	assert_int_equal(load_hundredths(r.psi.avg[PSI_IO][2]), 6);
	assert_int_equal(r.psi.avg[PSI_MEMORY][0], 0);
	/* 1.81 * exp(-2)^10, in one step */
	r.ns *= 11;
	psi_update(&r, &r.psi);
	assert_in_range(r.psi.avg[PSI_IO][0], 2048 * 23 / 100, 2048 * 26 / 100);
	assert_int_equal(r.psi.seen[PSI_IO], r.psi.total[PSI_IO]);
	/* more than the period counts as all of it, the rest in the next */
	r.psi.total[PSI_IO] += 3 * (r.psi.next - r.psi.last);
	for (unsigned i = 0; i < 3; i++) {
		r.ns = r.psi.next;
		psi_update(&r, &r.psi);
	}
	assert_int_equal(r.psi.seen[PSI_IO], r.psi.total[PSI_IO]);
	assert_in_range(load_int(r.psi.avg[PSI_IO][0]), 44, 46);
}

static void test_load(void **state)
{
	struct load l = {.next = 1000};
	struct root r = {.ns = 1000};

	/* one period: 3 * (1 - 1884/2048) */
	load_update(&r, 3, &l);
	assert_int_equal(load_hundredths(l.avg[0]), 24);
	/* an hour of three processes */
	r.ns += 3600ull * 1000000000;
	load_update(&r, 3, &l);
	assert_in_range(l.avg[0], 3 * 2048 - 2, 3 * 2048);
	assert_in_range(l.avg[2], 3 * 2048 - 150, 3 * 2048);
	/* and of none */
	r.ns += 3600ull * 1000000000;
	load_update(&r, 0, &l);
	assert_int_equal(load_int(l.avg[1]) + load_hundredths(l.avg[0]), 0);
}

/* ---- stalls ---- */

static void test_stalls(void **state)
{
	const struct root *r = m->root;
	uint64_t io, ns, blocks;

	SAYS(0, "set page-cluster 0", "0");
	say(2, "mmap 40M rw as=a");
	SAYS(2, "touch a 8M w", "0");
	assert_int_equal(r->psi.total[PSI_MEMORY] + r->psi.total[PSI_IO], 0);
	for (unsigned i = 0; i < 32; i++) {
		char line[64];

		snprintf(line, sizeof(line), "write a+%uK \"x\"", i * 4);
		SAYS(2, line, "0");
	}
	SAYS(2, "madvise a 128K pageout", "0");
	io = r->psi.total[PSI_IO];
	ns = r->ns;
	SAYS(2, "read a", "hex:78");
	/* one block, and the clock waited for it */
	assert_int_equal(r->psi.total[PSI_IO] - io, r->set.cost_io_ns);
	assert_in_range(r->ns - ns, r->set.cost_io_ns, 2 * r->set.cost_io_ns);
	assert_int_equal(r->cpu[0].iowait_ns + r->cpu[1].iowait_ns,
		r->psi.total[PSI_IO]);
	/* thrashing costs memory too: what was in use comes back */
	for (unsigned i = 0; i < 3; i++)
		store_pages(2, "a", 10240);
	blocks = r->count[CNT_PSWPIN];
	assert_true(r->psi.total[PSI_MEMORY] > 0);
	assert_in_range(r->psi.total[PSI_IO], blocks * r->set.cost_io_ns,
		(blocks + 100) * r->set.cost_io_ns);
	/* what is compressed in RAM costs no I/O */
	SAYS(0, "swapon /dev/zram0 size=16M prio=9", "0");
	SAYS(2, "write a \"y\"", "0");
	SAYS(2, "madvise a 4K pageout", "0");
	io = r->psi.total[PSI_IO];
	SAYS(2, "read a", "hex:79");
	assert_int_equal(r->psi.total[PSI_IO], io);
	/* averages follow the clock */
	SAYS(0, "tick 300", "0");
	assert_int_equal(r->psi.seen[PSI_IO], r->psi.total[PSI_IO]);
	assert_true(r->psi.avg[PSI_IO][0] > 0);
	SAYS(0, "tick 60000", "0");
	assert_int_equal(r->psi.avg[PSI_IO][0], 0);
}

/* ---- the OOM killer ---- */

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
	SAYS(3, "touch a 20M r", "0");
}

/* The lines of a report, in the order of Linux's. */
static void test_report(void **state)
{
	static const char *const line[] = {
		"small invoked oom-killer: gfp_mask=0x140cca(",
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

/* ---- swap files; as Linux 6.18 answers ---- */

static void test_swap_file(void **state)
{
	static const struct {
		const char *line, *want;
	} t[] = {
		{"unlink /swap", "EPERM"},
		{"rename /swap /other", "EPERM"},
		{"rename /free /swap", "EPERM"},
		{"truncate /swap 4096", "ETXTBSY"},
		{"truncate /swap 1048576", "ETXTBSY"},
		{"truncate /swap 2097152", NULL},
		{"chmod /swap 0640", NULL},
	};

	SAYS(2, "open /free rdwr,creat", "0");
	SAYS(0, "swapon /swap size=1M", "0");
	for (size_t i = 0; i < COUNT(t); i++) {
		say_as(ACTOR_DISK, 0, t[i].line);
		if (!t[i].want)
			assert_int_not_equal(*reply, '-');
		else if (strncmp(reply + 1, t[i].want, strlen(t[i].want)))
			fail_msg("%s: %s", t[i].line, reply);
	}
	SAYS(2, "open /swap rdwr", "1");
	refuses(2, "pwrite 1 \"x\" 0", "ETXTBSY");
	refuses(2, "open /swap rdwr,trunc", "ETXTBSY");
	refuses(2, "mmap 4K rw flags=shared fd=1", "ETXTBSY");
	assert_true(*say(2, "mmap 4K r flags=shared fd=1") != '-');
	assert_true(*say(2, "mmap 4K rw fd=1") != '-');
	SAYS(0, "swapoff /swap", "0");
	SAYS(2, "pwrite 1 \"x\" 0", "1");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define SMALL(name)                                \
	{                                          \
#name, name, setup, teardown, none \
	}

int main(void)
{
	static char none[] = "0";
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_average),
		cmocka_unit_test(test_load),
		T(test_stalls),
		SMALL(test_worst),
		SMALL(test_report),
		SMALL(test_equals),
		SMALL(test_no_boost_left),
		SMALL(test_allocating_task),
		SMALL(test_newborn),
		SMALL(test_panic),
		T(test_swap_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
