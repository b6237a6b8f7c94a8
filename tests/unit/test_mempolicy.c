/*
 * Memory policies: what the calls refuse, where pages go, what is inherited,
 * and random histories on two nodes under pressure.
 */
#include "numa_rig.h"

#include "../../vm/mm/mm.h"
#include "../../vm/mmu/mmu.h"
#include "../../vm/swap/swap.h"

/* ---- calls --------------------------------------------------------------- */

/* In order, each on what those before it left: 12 pages at `a`, 4 of them on
 * node 0. */
static const struct {
	const char *line;
	int err;
	const char *text; /* the reply, or a part of the sentence */
} call_table[] = {
	{"get_mempolicy", 0, "default"},
	{"get_mempolicy flags=mems_allowed", 0, "0-1"},
	{"get_mempolicy flags=mems_allowed,node", EINVAL, "no other flag"},
	{"get_mempolicy flags=8", EINVAL, "unknown flags 0x8"},
	{"get_mempolicy addr=a", EINVAL, "needs flags=addr"},
	{"get_mempolicy addr=0x1000 flags=addr", EFAULT, "nothing is mapped"},
	{"get_mempolicy flags=node", EINVAL, "a task that interleaves"},
	{"get_mempolicy addr=a flags=node,addr", 0, "0"},
	{"set_mempolicy 7", EINVAL, "no policy of number 7"},
	{"set_mempolicy bind", EINVAL, "at least one node: nodes=0-1"},
	{"set_mempolicy bind nodes=2-5", EINVAL, "the machine has 0 to 1"},
	{"set_mempolicy default nodes=0", EINVAL, "has no nodes"},
	{"set_mempolicy local nodes=0", EINVAL, "no nodes and no flags"},
	{"set_mempolicy local,static", EINVAL, "no nodes and no flags"},
	{"set_mempolicy preferred,static", EINVAL, "need nodes="},
	{"set_mempolicy bind,static,relative nodes=0", EINVAL, "exclude"},
	{"set_mempolicy interleave,balancing nodes=0", EINVAL, "alone"},
	{"set_mempolicy bind nodes=1-0", EINVAL, "usage"},
	{"set_mempolicy bind nodes=64", EINVAL, "usage"},
	{"set_mempolicy preferred", 0, NULL},
	{"get_mempolicy", 0, "local"},
	{"set_mempolicy preferred nodes=0-1", 0, NULL},
	{"get_mempolicy", 0, "prefer:0"},
	{"set_mempolicy bind,relative nodes=3", 0, NULL},
	{"get_mempolicy", 0, "bind=relative:3"},
	{"set_mempolicy bind,balancing nodes=all", 0, NULL},
	{"get_mempolicy", 0, "bind=balancing:0-1"},
	{"set_mempolicy weighted_interleave nodes=0,1", 0, NULL},
	{"get_mempolicy", 0, "weighted interleave:0-1"},
	{"get_mempolicy flags=node", 0, "0"},
	{"set_mempolicy preferred_many nodes=1", 0, NULL},
	{"get_mempolicy", 0, "prefer (many):1"},
	{"set_mempolicy default", 0, NULL},
	/* mode, flags, rights, address, length, nodes, holes, pages */
	{"mbind 0x123 4K 9", EINVAL, "no policy of number 9"},
	{"mbind 0x123 4K bind nodes=0 flags=8", EINVAL, "unknown flags"},
	{"mbind 0x123 4K bind nodes=0", EINVAL, "not a multiple"},
	{"mbind 0x1000 0xfffffffffffff000 bind", EINVAL, "beyond the address"},
	{"mbind 0x1000 0 bind", 0, NULL},
	{"mbind 0x1000 4K bind", EINVAL, "at least one node"},
	{"mbind 0x1000 4K bind nodes=0", EFAULT, "nothing is mapped at 0x1000"},
	{"mbind 0x1000 4K default", EFAULT, "nothing is mapped at 0x1000"},
	{"mbind a-4K 8K bind nodes=0", EFAULT, "nothing is mapped"},
	{"mbind a+40K 16K bind nodes=0", EFAULT, "nothing is mapped"},
	{"mbind a 48K bind nodes=1 flags=strict", EIO, "is on node 0 already"},
	{"get_mempolicy addr=a flags=addr", 0, "default"},
	{"mbind a 48K default flags=strict", 0, NULL},
	{"mbind a 16K bind nodes=0 flags=strict", 0, NULL},
	{"mbind a+16K 16K interleave,static nodes=0,1,9", 0, NULL},
	{"get_mempolicy addr=a+16K flags=addr", 0, "interleave=static:0-1,9"},
	{"get_mempolicy addr=a+44K flags=addr", 0, "default"},
	/* pages that move */
	{"move_pages 0 a a+4K a+44K 0x1000", 0, "0 0 ENOENT EFAULT"},
	{"move_pages 0 a nodes=2", ENODEV, "no node 2"},
	{"move_pages 0 a nodes=-1", ENODEV, "no node -1"},
	{"move_pages 0 a a+4K nodes=0,1,0", EINVAL, "one for each of the 2"},
	{"move_pages 0 a+x nodes=0", EINVAL, "is no address"},
	{"move_pages 0 b nodes=0", EINVAL, "b"},
	{"move_pages 0 a nodes=0 flags=strict", EINVAL, "flags are move"},
	{"move_pages 99 a flags=strict", EINVAL, "flags are move"},
	{"move_pages 99 0x1000", ESRCH, "PID 99"},
	{"move_pages 0 a a a+4K nodes=1", 0, "1 EBUSY 1"},
	{"move_pages 0 a a+4K a+8K nodes=1,0,0", 0, "1 0 0"},
	{"move_pages 0 a+4K a+8K a nodes=1,9,1", ENODEV, "no node 9"},
	{"move_pages 0 a a+4K a+8K", 0, "1 1 0"},
	{"touch a+40K r", 0, NULL},
	{"move_pages 0 a+40K nodes=1", 0, "EFAULT"}, /* the page of zeros */
	{"migrate_pages 99 0 1", ESRCH, "PID 99"},
	{"migrate_pages 0 0 2", EINVAL, "none of the nodes"},
	{"migrate_pages 0 1 0", 0, NULL},
	{"move_pages 0 a a+4K a+8K", 0, "0 0 0"},
	{"migrate_pages 0 0-1 1", 0, NULL},
	{"move_pages 0 a a+4K a+8K", 0, "1 1 1"},
	{"migrate_pages 0 all 0", 0, NULL},
	{"mbind a 16K bind nodes=1 flags=move,strict", 0, NULL},
	{"move_pages 0 a a+12K", 0, "1 1"},
	{"mbind a 16K default", 0, NULL},
	{"mbind a 16K interleave nodes=1 flags=strict", 0, NULL},
	{"mbind a 16K preferred nodes=0 flags=move_all", 0, NULL},
	{"move_pages 0 a a+12K", 0, "0 0"},
	/* home nodes */
	{"set_mempolicy_home_node a+1 4K 0", EINVAL, "begins a page"},
	{"set_mempolicy_home_node a 4K 2", EINVAL, "one of 0 to 1"},
	{"set_mempolicy_home_node a 0 1", 0, NULL},
	{"set_mempolicy_home_node 0x1000 4K 1", ENOENT, "no mapping there"},
	{"set_mempolicy_home_node a+40K 8K 1", ENOENT, "no mapping there"},
	{"set_mempolicy_home_node a 48K 1", EOPNOTSUPP, "other than bind"},
	{"mbind a 16K bind nodes=0-1", 0, NULL},
	{"set_mempolicy_home_node a 16K 1", 0, NULL},
	{"get_mempolicy addr=a flags=addr", 0, "bind:0-1"},
	/* shared with a child */
	{"fork", 0, NULL},
	{"move_pages 0 a a+4K nodes=1", 0, "EACCES EACCES"},
	{"mbind a 16K bind nodes=1 flags=move,strict", 0, NULL},
	{"move_pages 2 a a+12K", 0, "0 0"},
	{"move_pages 2 a nodes=1 flags=move_all", 0, "1"},
	{"move_pages 0 a a+4K", 0, "1 0"},
	{"setreuid 7 7", 0, NULL},
	{"move_pages 2 a", EPERM, "another user"},
	{"migrate_pages 2 0 1", EPERM, "another user"},
	{"migrate_pages 0 0 1-2", EPERM, "others need CAP_SYS_NICE"},
	{"move_pages 0 a flags=move_all", EPERM, "CAP_SYS_NICE"},
	{"migrate_pages 0 all 1", 0, NULL},
	{"move_pages 0 a a+4K", 0, "1 0"}, /* those of both stay */
	{"mbind 0x123 4K bind flags=move_all", EPERM, "CAP_SYS_NICE"},
};

static void test_calls(void **state)
{
	struct vm *m = boot("128M", "2");

	ok(m, 1, "mmap 48K rw addr=0x10000000 as=a\ntouch a 16K w");
	for (size_t i = 0; i < COUNT(call_table); i++) {
		struct vm_outcome out = run(m, 1, call_table[i].line);
		int err = out.refused ? EINVAL : out.last.err;
		const char *text = out.refused ? vm_sentence(m) : out.last.text;

		if (err != call_table[i].err ||
			(call_table[i].text &&
				(err ? !strstr(text, call_table[i].text)
				     : strcmp(text, call_table[i].text))))
			fail_msg("%s: %d %s", call_table[i].line, err, text);
		vmtest_check(m);
	}
	end(m);
}

/* ---- where pages go ------------------------------------------------------ */

/* Pages of [addr, addr + 16 pages) on node 1, one bit each. */
static unsigned on_node_1(struct vm *m, uint32_t pid, vaddr_t addr)
{
	const struct mm *mm = mm_at(m, task_find(m, pid)->mm);
	unsigned bits = 0;

	for (unsigned i = 0; i < 16; i++) {
		uint64_t e = pt_get(m, mm, addr + i * m->page_size);

		assert_true(pte_present(m, e));
		bits |= node_of(m, pte_pfn(m, e)) << i;
	}
	return bits;
}

#define AT 0x10000000ull

static const struct {
	const char *cpu, *lines; /* before the pages of AT are touched */
	unsigned node_1;
} place_table[] = {
	{"0", "get_mempolicy", 0},
	{"3", "get_mempolicy", 0xffff},
	{"3", "set_mempolicy preferred nodes=0", 0},
	{"3", "set_mempolicy local", 0xffff},
	{"0", "set_mempolicy bind nodes=1", 0xffff},
	{"3", "set_mempolicy bind nodes=0-1", 0xffff},
	{"0", "set_mempolicy preferred_many nodes=1", 0xffff},
	{"0", "set_mempolicy interleave nodes=all", 0xaaaa},
	{"0", "set_mempolicy interleave nodes=1", 0xffff},
	{"0", "mbind a 32K bind nodes=1", 0x00ff},
	{"0",
		"mbind a 64K bind nodes=all\n"
		"set_mempolicy_home_node a+32K 32K 1",
		0xff00},
	{"0",
		"mbind a 64K preferred_many nodes=all\n"
		"set_mempolicy_home_node a 64K 1",
		0xffff},
	{"0", "mbind a 64K weighted_interleave nodes=all", 0x8888},
	{"0", "set_mempolicy weighted_interleave nodes=all", 0x8888},
	{"0", "set_mempolicy bind nodes=1\nmbind a 32K local", 0xff00},
	/* a part's pages count from where the mapping began */
	{"0", "mbind a+4K 60K interleave nodes=all", 0xaaaa},
	{"0", "mbind a 64K bind nodes=1\nmbind a+16K 16K default", 0xff0f},
	{"0", "mbind a 64K bind nodes=1\nmprotect a+16K 16K rwx", 0xffff},
	/* moved with its policy, and then to here */
	{"0",
		"mbind a 64K bind nodes=1\nmremap a 64K 64K "
		"flags=maymove,fixed addr=0x20000000\nmremap 0x20000000 64K "
		"64K flags=maymove,fixed addr=0x10000000",
		0xffff},
	/* gone with the mapping */
	{"0", "mbind a 64K bind nodes=1\nmmap 64K rw addr=a flags=fixed", 0},
};

static void test_places(void **state)
{
	for (size_t i = 0; i < COUNT(place_table); i++) {
		struct vm *m = boot("128M", "2");
		uint64_t before = vmtest_free_pages(m);
		char line[64];

		vm_snprintf(
			line, sizeof(line), "run 1 cpu=%s", place_table[i].cpu);
		ok(m, 0, line);
		ok(m, 0, "weighted_interleave 0 3");
		ok(m, 1, "mmap 64K rw addr=0x10000000 as=a");
		ok(m, 1, place_table[i].lines);
		ok(m, 1, "touch a 64K w");
		if (on_node_1(m, 1, AT) != place_table[i].node_1)
			fail_msg("%s: %x", place_table[i].lines,
				on_node_1(m, 1, AT));
		vmtest_check(m);
		ok(m, 1, "munmap a 64K");
		assert_true(vmtest_free_pages(m) >= before - 8);
		end(m);
	}
}

/* A child has its parent's policies, a program that is executed the task's;
 * none changes when the other's does. */
static void test_inherited(void **state)
{
	struct vm *m = boot("128M", "2");

	ok(m, 1,
		"set_mempolicy bind nodes=1\nmmap 64K rw addr=0x10000000 "
		"as=a\nmmap 64K rw addr=0x20000000 as=b\n"
		"mbind b 64K preferred nodes=0\nfork\nset_mempolicy default\n"
		"mbind b 64K default");
	ok(m, 2, "touch a 64K w\ntouch b 64K w");
	assert_int_equal(on_node_1(m, 2, AT), 0xffff);
	assert_int_equal(on_node_1(m, 2, 0x20000000), 0);
	assert_string_equal(run(m, 2, "get_mempolicy").last.text, "bind:1");
	ok(m, 1, "touch a 64K w\ntouch b 64K w");
	assert_int_equal(on_node_1(m, 1, AT), 0);
	end(m);
}

/* What one process says of an object counts for all, also for those that come
 * later, and for write(2); a new object begins without. */
static void test_shared(void **state)
{
	struct vm *m = boot("128M", "2");

	ok(m, 1,
		"memfd o 64K\n"
		"mmap 64K rw addr=0x10000000 flags=shared fd=0 as=a\n"
		"mbind a+16K 48K bind nodes=1\nmbind a+32K 16K default\n"
		"mmap 64K rw addr=0x20000000 flags=shared fd=0 as=b");
	assert_string_equal(
		run(m, 1, "get_mempolicy addr=b+16K flags=addr").last.text,
		"bind:1");
	assert_string_equal(
		run(m, 1, "get_mempolicy addr=b+32K flags=addr").last.text,
		"default");
	ok(m, 1, "munmap a 64K\nfork\nset_mempolicy preferred nodes=0");
	ok(m, 2, "touch b 64K w");
	assert_int_equal(on_node_1(m, 2, 0x20000000), 0xf0f0);
	assert_int_equal(pool_live(m, SEG_MPOL), 2);
	vmtest_check(m);
	ok(m, 1, "mbind b 64K interleave nodes=all");
	assert_int_equal(pool_live(m, SEG_MPOL), 1);
	ok(m, 1, "mbind b+16K 4K bind nodes=0\nmbind b+20K 4K bind nodes=0");
	assert_int_equal(pool_live(m, SEG_MPOL), 3);
	vmtest_check(m);
	ok(m, 2, "exit");
	ok(m, 1, "munmap b 64K\nclose 0");
	assert_int_equal(pool_live(m, SEG_MPOL), 0);
	end(m);
}

/* When none of the nodes that preferred_many names has room, what is found
 * elsewhere was wanted where the search begins: here, or at the home node. */
static void test_events(void **state)
{
	for (unsigned home = 0; home < 2; home++) {
		struct vm *m = boot("128M", "2");
		uint64_t foreign[2], miss;

		ok(m, 1,
			"mmap 100M rw addr=0x10000000 flags=noreserve as=a\n"
			"mbind a 100M preferred_many nodes=1");
		if (home)
			ok(m, 1, "set_mempolicy_home_node a 100M 1");
		for (unsigned n = 0; n < 2; n++)
			foreign[n] = node_sum(m, n, numa_foreign);
		miss = phys_sum(m, numa_miss);
		ok(m, 1, "touch a 90M w");
		for (unsigned n = 0; n < 2; n++)
			foreign[n] = node_sum(m, n, numa_foreign) - foreign[n];
		miss = phys_sum(m, numa_miss) - miss;
		assert_true(node_sum(m, 0, pages[USE_ANON]) > 4000);
		assert_int_equal(foreign[0], 0);
		assert_int_equal(foreign[1], miss);
		assert_true(home ? miss > 4000 : miss == 0);
		end(m);
	}
}

/* Mappings of different policies stay apart, and join when they are equal. */
static void test_merges(void **state)
{
	struct vm *m = boot("128M", "2");
	const struct mm *mm = mm_at(m, task_find(m, 1)->mm);
	uint32_t nr = mm->map_count;

	ok(m, 1, "mmap 64K rw addr=0x10000000 as=a");
	assert_int_equal(mm->map_count, nr + 1);
	ok(m, 1, "mbind a+16K 16K bind nodes=1");
	assert_int_equal(mm->map_count, nr + 3);
	ok(m, 1, "mbind a+16K 16K bind nodes=0");
	assert_int_equal(mm->map_count, nr + 3);
	ok(m, 1, "mbind a 16K bind nodes=0");
	assert_int_equal(mm->map_count, nr + 2);
	ok(m, 1, "mmap 16K rw addr=a+64K flags=fixed");
	assert_int_equal(mm->map_count, nr + 2);
	ok(m, 1, "mbind a 80K default");
	assert_int_equal(mm->map_count, nr + 1);
	end(m);
}

/* A bound process that needs more than its node pages out there, and dies when
 * nothing is left, while the other node is free. */
static void test_bound_pressure(void **state)
{
	struct vm *m = boot("128M", "2");
	uint64_t other;

	ok(m, 0, "spawn");
	ok(m, 2,
		"set_mempolicy bind nodes=1\nmmap 200M rw flags=noreserve "
		"as=a\ntouch a 80M w");
	other = node_sum(m, 0, nr_free);
	assert_true(m->root->count[CNT_SWPOUT_ZERO] > 4000);
	vmtest_check(m);
	assert_int_equal(run(m, 2, "touch a 200M w").last.err, ENOMEM);
	assert_null(task_find(m, 2));
	assert_true(node_sum(m, 0, nr_free) + 8 >= other);
	assert_true(node_sum(m, 0, nr_free) > 8000);
	end(m);
}

/* ---- random histories ---------------------------------------------------- */

static const char *const mode[] = {"default", "local", "preferred nodes=1",
	"bind nodes=0", "bind nodes=1", "interleave nodes=all",
	"preferred_many nodes=0", "bind,relative nodes=0-3",
	"weighted_interleave nodes=all"};

/* One random line for one of the processes 1 to 4; 0: the machine's. */
static uint32_t random_line(uint64_t *rnd, char *line, size_t size)
{
	unsigned at = vmtest_random(rnd) % 40, len = vmtest_random(rnd) % 24;
	const char *how = mode[vmtest_random(rnd) % COUNT(mode)];
	uint32_t pid = 1 + (uint32_t)(vmtest_random(rnd) % 4);

	switch (vmtest_random(rnd) % 20) {
	case 18:
		vm_snprintf(line, size,
			at % 2	 ? "set zone_reclaim_mode %u"
			: at % 4 ? "weighted_interleave 1 %u"
				 : "set thp_enabled %u",
			at % 2 ? len % 8 : 1 + len % 2);
		return 0;
	case 19:
		vm_snprintf(line, size, "set_mempolicy_home_node 0x%x %uM %u",
			(at + 256) << 20, len, len % 2);
		return pid;
	case 16:
		vm_snprintf(line, size, "migrate_pages %u %s",
			1 + (unsigned)(vmtest_random(rnd) % 4),
			at % 2 ? "0 1" : "all 0");
		return pid;
	case 17:
		vm_snprintf(line, size,
			"move_pages 0 0x%x 0x%x 0x%x nodes=%u flags=move_all",
			(at + 256) << 20, ((at + 256) << 20) + 0x5000,
			(at + 257) << 20, len % 2);
		return pid;
	case 0:
		vm_snprintf(line, size,
			"mmap %uM rw addr=0x%x flags=fixed,noreserve%s",
			8 + len, (at + 256) << 20, at % 5 ? "" : ",shared");
		return pid;
	case 1:
		vm_snprintf(line, size, "munmap 0x%x %uM", (at + 256) << 20,
			len / 4);
		return pid;
	case 2:
	case 3:
		vm_snprintf(line, size, "mbind 0x%x %uM %s%s", (at + 256) << 20,
			len / 2, how, at % 3 ? " flags=move_all" : "");
		return pid;
	case 4:
		vm_snprintf(line, size, "set_mempolicy %s", how);
		return pid;
	case 5:
		vm_snprintf(line, size, "run %u cpu=%u", pid, at % 4);
		return 0;
	case 6:
		vm_snprintf(line, size, at % 3 ? "fork" : "exit");
		return pid == 1 && at % 3 == 0 ? 0 : pid;
	case 7:
		vm_snprintf(line, size, "spawn");
		return 0;
	case 8:
		vm_snprintf(line, size, "madvise 0x%x %uM %s", (at + 256) << 20,
			len, at % 2 ? "pageout" : "dontneed");
		return pid;
	default:
		vm_snprintf(
			line, size, "touch 0x%x %uM w", (at + 256) << 20, len);
		return pid;
	}
}

/* Both did the same: all their bytes are equal. */
static void compare(struct vm *a, struct vm *b)
{
	for (unsigned i = 0; i < NR_SEG; i++) {
		const struct segment *s = &a->arena.seg[i];

		assert_int_equal(s->used, b->arena.seg[i].used);
		assert_memory_equal(s->base, b->arena.seg[i].base, s->used);
	}
}

static void test_random(void **state)
{
	uint64_t out = 0, missed = 0, interleaved = 0, moved = 0;

	for (uint64_t seed = 1; seed <= 6; seed++) {
		struct vm *m = boot(seed % 2 ? "64M" : "128M", "2"), *twin;
		uint64_t rnd = seed * 77777;
		char line[128];

		twin = boot(seed % 2 ? "64M" : "128M", "2");
		for (unsigned i = 0; i < 300; i++) {
			uint32_t pid = random_line(&rnd, line, sizeof(line));

			run(m, pid, line);
			run(twin, pid, line);
			if (vm_check(m))
				fail_msg("seed %llu, line %u, %s: %s",
					(unsigned long long)seed, i, line,
					vm_sentence(m));
		}
		compare(m, twin);
		out += m->root->count[CNT_SWPOUT_ZERO];
		moved += m->root->count[CNT_PGMIGRATE_SUCCESS];
		missed += phys_sum(m, numa_miss);
		interleaved += node_sum(m, 1, numa_interleave);
		assert_int_equal(
			phys_sum(m, numa_miss), phys_sum(m, numa_foreign));
		assert_int_equal(vm_reindex(m), 0); /* as after a load */
		vm_destroy(m);
		vm_destroy(twin);
	}
	/* it was about something */
	assert_true(out > 10000 && missed > 10000 && interleaved > 1000);
	assert_true(moved > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_inherited),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_merges),
		cmocka_unit_test(test_bound_pressure),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
