/* The list of tasks: birth, fork, threads, zombies, PIDs. */
#include <stdlib.h>

#include "../../vm/abi.h"
#include "elf_rig.h"
#include "../../vm/swap/swap.h"

#define THREAD (CLONE_VM | CLONE_SIGHAND | CLONE_THREAD)

static struct vm *m;
static uint64_t free_pages;

static int begin(void **state)
{
	m = vmtest_boot("x86_64", "64M");
	free_pages = vmtest_free_pages(m);
	return 0;
}

static int end(void **state)
{
	for (struct task *t = task_next(m, 2); t; t = task_next(m, 2)) {
		task_exit(m, t, 0);
		t = task_next(m, 2);
		if (t && t->state == TASK_ZOMBIE)
			task_reap(m, t);
	}
	vmtest_end(m, free_pages);
	return 0;
}

static struct task *bare(uint32_t uid, const char *name)
{
	struct exec_args x = {0};
	struct task *t = task_spawn(m, uid, uid, &x, name);

	assert_non_null(t);
	return t;
}

static void test_init(void **state)
{
	struct task *init = task_find(m, 1);
	struct mm *mm;

	assert_non_null(init);
	assert_string_equal(init->comm, "init");
	assert_int_equal(init->parent, 0);
	assert_int_equal(init->rlim[RLIM_STACK].soft, 8 * MiB);
	assert_true(init->rlim[RLIM_STACK].hard == RLIM_UNLIMITED);
	assert_int_equal(init->rlim[RLIM_MEMLOCK].hard, 8 * MiB);
	assert_int_equal(init->rlim[RLIM_NOFILE].soft, 1024);
	assert_int_equal(init->rlim[RLIM_CORE].soft, 0);
	assert_string_equal(rig_maps(m, init),
		"7ffff7ff7000-7ffff7ffb000 r-- 0\n"
		"7ffff7ffb000-7ffff7ffd000 r-- 0\n"
		"7ffff7ffd000-7ffff7fff000 r-x 0\n"
		"7ffffffde000-7ffffffff000 rw- 0\n");
	mm = mm_at(m, init->mm);
	assert_int_equal(mm->start_brk, 0x555555555000);
	assert_int_equal(mm->brk, mm->start_brk);
	assert_int_equal(mm->exe, 0);
	assert_null(task_find(m, 0));
	assert_null(task_find(m, 2));
	assert_ptr_equal(task_next(m, 0), init);
	assert_null(task_next(m, 2));
}

/* The shared pages are readable through any process. */
static void test_vdso(void **state)
{
	struct mm *mm = mm_at(m, bare(0, "v")->mm);
	uint8_t b[4] = {1, 1, 1, 1};
	struct sigfault f;

	assert_int_equal(mem_look(m, mm, 0x7ffff7ffd000, b, 4), 4);
	assert_memory_equal(b, ELFMAG, 4);
	assert_int_equal(mem_access(m, task_find(m, 2), 0x7ffff7ffd000, 4,
				 ACC_READ, b, &f),
		0);
	assert_memory_equal(b, ELFMAG, 4);
	assert_int_equal(mem_access(m, task_find(m, 2), 0x7ffff7ff7000, 4,
				 ACC_READ, b, &f),
		0);
	assert_memory_equal(b, "\0\0\0\0", 4);
}

static void test_spawn_exit(void **state)
{
	struct task *t = bare(1000, "a-name-of-more-than-15-bytes");

	assert_int_equal(t->pid, 2);
	assert_int_equal(t->tgid, 2);
	assert_int_equal(t->cred.uid, 1000);
	assert_int_equal(t->parent, task_index(m, task_find(m, 1)));
	assert_string_equal(t->comm, "a-name-of-more-");
	assert_ptr_equal(task_find(m, 2), t);
	vmtest_check(m);
	task_exit(m, t, 0);
	assert_null(task_find(m, 2));
	assert_int_equal(bare(0, "b")->pid, 3);
}

static void test_fork(void **state)
{
	struct task *a = bare(0, "a"), *b, *c;

	assert_int_equal(label_set(m, a, "here", 4, 0x1234), 0);
	a->rlim[RLIM_AS].soft = 1 << 30;
	a->min_flt = 5;
	b = task_fork(m, a, 0);
	assert_int_equal(b->pid, 3);
	assert_int_equal(b->tgid, 3);
	assert_int_equal(b->parent, task_index(m, a));
	assert_int_not_equal(b->mm, a->mm);
	assert_int_equal(b->rlim[RLIM_AS].soft, 1 << 30);
	assert_int_equal(b->min_flt, 0);
	assert_string_equal(b->comm, "a");
	vaddr_t va = 0;

	assert_int_equal(label_get(m, b, "here", 4, &va), 0);
	assert_int_equal(va, 0x1234);

	/* A child waits for its parent; a grandchild goes to init. */
	c = task_fork(m, b, 0);
	task_exit(m, b, 7 << 8);
	assert_int_equal(b->state, TASK_ZOMBIE);
	assert_int_equal(b->exit_code, 7 << 8);
	assert_int_equal(b->mm, 0);
	assert_int_equal(c->parent, task_index(m, task_find(m, 1)));
	vmtest_check(m);
	assert_null(task_fork(m, b, 0));
	assert_int_equal(m->fail.err, ESRCH);

	/* A zombie child of a dying parent is reaped with it. */
	task_exit(m, a, 0);
	assert_null(task_find(m, 2));
	assert_null(task_find(m, 3));
	assert_ptr_equal(task_find(m, 4), c);
}

static void test_reap(void **state)
{
	struct task *a = bare(0, "a");
	struct task *b = task_fork(m, a, 0);

	task_exit(m, b, 0);
	assert_ptr_equal(task_find(m, 3), b);
	task_reap(m, b);
	assert_null(task_find(m, 3));
	task_exit(m, task_find(m, 1), 0); /* init does not */
	assert_int_equal(task_find(m, 1)->state, TASK_RUNNING);
}

static void test_threads(void **state)
{
	struct task *a = bare(0, "a");
	struct task *t = task_fork(m, a, THREAD), *u = task_fork(m, t, THREAD);
	struct task *child = task_fork(m, t, 0);

	assert_int_equal(t->pid, 3);
	assert_int_equal(t->tgid, 2);
	assert_int_equal(u->tgid, 2);
	assert_int_equal(t->mm, a->mm);
	assert_int_equal(mm_at(m, a->mm)->users, 3);
	assert_int_equal(t->parent, a->parent);
	vmtest_check(m);

	/* Children of a thread go to another one of its process. */
	task_exit(m, t, 0);
	assert_null(task_find(m, 3));
	assert_int_equal(child->parent, task_index(m, a));

	/* The leader stays until its last thread is gone. */
	task_exit(m, a, 0);
	assert_int_equal(task_find(m, 2)->state, TASK_ZOMBIE);
	vmtest_check(m);
	task_exit(m, u, 0);
	assert_null(task_find(m, 2));
	assert_int_equal(child->parent, task_index(m, task_find(m, 1)));
}

/* init's have no parent, as it has none. */
static void test_init_threads(void **state)
{
	struct task *init = task_find(m, 1);
	struct task *t = task_fork(m, init, THREAD), *child;

	assert_int_equal(t->tgid, 1);
	assert_int_equal(t->parent, 0);
	child = task_fork(m, t, 0);
	assert_int_equal(child->parent, task_index(m, t));
	vmtest_check(m);
	task_exit(m, t, 0);
	assert_int_equal(child->parent, task_index(m, init));
	vmtest_check(m);
	child->parent = 0;
	assert_int_equal(task_check(m), -EIO);
	child->parent = task_index(m, init);
	vm_fail_clear(m);
}

/* A process of its own that shares the memory, as vfork makes. */
static void test_shared_mm(void **state)
{
	struct task *a = bare(0, "a"), *b = task_fork(m, a, CLONE_VM);

	assert_int_equal(b->tgid, 3);
	assert_int_equal(b->parent, task_index(m, a));
	assert_int_equal(b->mm, a->mm);
	vmtest_check(m);
	task_exit(m, a, 0);
	assert_int_equal(mm_at(m, b->mm)->users, 1);
	assert_int_equal(
		vma_lookup(m, b->mm, 0x7fffffffe000)->end, 0x7ffffffff000);
	assert_null(task_fork(m, b, CLONE_SIGHAND));
	assert_int_equal(m->fail.err, EINVAL);
	assert_sentence(vm_sentence(m), "CLONE_VM");
	vm_fail_clear(m);
	assert_null(task_fork(m, b, CLONE_VM | CLONE_THREAD));
	assert_sentence(vm_sentence(m), "CLONE_SIGHAND");
}

/* The parent waits for the child's exec or end, and dies without harm. */
static void test_vfork(void **state)
{
	const unsigned flags = CLONE_VM | CLONE_VFORK | SIGCHLD;
	struct task *a = bare(0, "a"), *b = task_fork(m, a, flags), *c;

	assert_int_equal(a->state, TASK_SUSPENDED);
	assert_int_equal(b->mm, a->mm);
	c = task_fork(m, b, flags);
	assert_int_equal(b->state, TASK_SUSPENDED);
	task_exit(m, c, 0);
	assert_int_equal(b->state, TASK_RUNNING);
	assert_int_equal(a->state, TASK_SUSPENDED);
	task_exit(m, b, 0);
	assert_int_equal(a->state, TASK_RUNNING);
	b = task_fork(m, a, flags);
	task_exit(m, a, 9);
	assert_int_equal(b->vfork_waiter, 0);
	vmtest_check(m);
}

static uint32_t wait_pid(struct task *t, int64_t pid)
{
	struct task_end end;

	vm_fail_clear(m);
	if (task_wait(m, t, pid, WAIT_EXITED, &end))
		return UINT32_MAX;
	return end.pid;
}

/* Orphans go to the nearest subreaper, and line up behind its children. */
static void test_subreaper(void **state)
{
	struct task *a = bare(0, "a"), *b, *c, *own;

	a->group.subreaper = 1;
	b = task_fork(m, a, SIGCHLD);
	c = task_fork(m, b, SIGCHLD);
	own = task_fork(m, a, SIGCHLD);
	task_exit(m, own, 1 << 8);
	task_exit(m, b, 2 << 8);
	assert_int_equal(c->parent, task_index(m, a));
	task_exit(m, c, 3 << 8);
	vmtest_check(m);
	assert_int_equal(wait_pid(a, -1), 3);
	assert_int_equal(wait_pid(a, -1), 5);
	assert_int_equal(wait_pid(a, -1), 4);
	assert_int_equal(wait_pid(a, -1), UINT32_MAX);
	assert_int_equal(m->fail.err, ECHILD);
}

/* Whom wait means, and what it leaves. */
static void test_wait(void **state)
{
	struct task *a = bare(0, "a"), *b = task_fork(m, a, SIGCHLD), *t;
	struct task_end end;

	t = task_fork(m, a, THREAD);
	assert_int_equal(wait_pid(a, -1), 0);
	assert_int_equal(wait_pid(a, (int64_t)t->pid), UINT32_MAX);
	b->min_flt = 7;
	b->group.cmin_flt = 2;
	task_exit(m, b, 9);
	assert_int_equal(
		task_wait(m, t, 0, WAIT_EXITED | WNOTHREAD, &end), -ECHILD);
	assert_int_equal(task_wait(m, t, -2, WAIT_EXITED | WAIT_KEEP, &end), 0);
	assert_int_equal(end.pid, 3);
	assert_int_equal(end.code, 9);
	assert_int_equal(b->state, TASK_ZOMBIE);
	assert_true(b->flags & PF_SIGNALED);
	assert_int_equal(wait_pid(t, 3), 3); /* another thread's child */
	assert_int_equal(a->group.cmin_flt, 9);
	assert_null(task_find(m, 3));
	task_exit(m, t, 0);
}

/* What threads did stays with their process, whoever leads it. */
static void test_group(void **state)
{
	struct task *a = bare(0, "a"), *p = task_fork(m, a, SIGCHLD), *t;

	t = task_fork(m, p, THREAD);
	p->min_flt = 5;
	t->min_flt = 3;
	p->io = (struct task_io){1, 2, 3, 4, 5, 6, 7};
	t->io = (struct task_io){10, 20, 30, 40, 50, 60, 70};
	task_exit(m, t, 0);
	assert_int_equal(p->group.min_flt, 3);
	assert_int_equal(p->group.io.cancelled, 70);
	t = task_fork(m, p, THREAD);
	task_exit(m, p, 4 << 8);
	assert_int_equal(wait_pid(a, 3), 0); /* its thread lives */
	task_exit_group(m, t, 6 << 8);
	assert_int_equal(task_find(m, 3)->exit_code, 6 << 8);
	assert_int_equal(wait_pid(a, 3), 3);
	assert_int_equal(a->group.cmin_flt, 8);
	assert_memory_equal(&a->group.io,
		(&(struct task_io){11, 22, 33, 44, 55, 66, 77}),
		sizeof(struct task_io));
	assert_int_equal(task_fork(m, a, 0)->group.pgrp, 2);
}

static void test_pids(void **state)
{
	struct task *t;

	m->root->next_pid = 4194303;
	assert_int_equal(bare(0, "last")->pid, 4194303);
	t = bare(0, "wrapped");
	assert_int_equal(t->pid, 301);
	assert_int_equal(bare(0, "next")->pid, 302);
	assert_ptr_equal(task_next(m, 2), t);
	vmtest_check(m);
	assert_int_equal(task_next(m, 303)->pid, 4194303);

	/* The map follows from the list. */
	assert_int_equal(task_reindex(m), 0);
	assert_ptr_equal(task_find(m, 301), t);
	assert_int_equal(task_find(m, 4194303)->pid, 4194303);
	vmtest_check(m);
}

static void test_nproc(void **state)
{
	struct task *t = bare(1000, "user");

	t->rlim[RLIM_NPROC].soft = 2;
	assert_non_null(task_fork(m, t, 0));
	assert_null(task_fork(m, t, 0));
	assert_int_equal(m->fail.err, EAGAIN);
	assert_sentence(vm_sentence(m), "user 1000 has 2 tasks");
	vm_fail_clear(m);
	t->cred.uid = 0;
	assert_non_null(task_fork(m, t, 0));
}

/* A birth that fails leaves nothing. */
static void test_failed_spawn(void **state)
{
	struct exec_args x = {.path = "/nothing"};

	assert_null(task_spawn(m, 0, 0, &x, NULL));
	assert_int_equal(m->fail.err, ENOENT);
	assert_int_equal(m->root->next_pid, 2);
	assert_int_equal(pool_live(m, SEG_TASK), 1);
	assert_int_equal(pool_live(m, SEG_MM), 1);
	assert_null(task_find(m, 2));
}

/* Memory runs out in a fork: everything is given back. */
static void test_fork_without_memory(void **state)
{
	struct task *a = bare(0, "a");
	uint32_t nr = 0;

	assert_int_equal(swap_off(m, swap_area_of(m, 0)), 0);
	/* or each fork would kill the newest child, and go on for ever */
	a->oom_score_adj = (uint32_t)-1000;
	while (task_fork(m, a, 0))
		nr++;
	assert_int_equal(m->fail.err, ENOMEM);
	assert_true(nr > 100);
	assert_int_equal(pool_live(m, SEG_TASK), nr + 2);
	assert_int_equal(pool_live(m, SEG_MM), nr + 2);
	vmtest_check(m);
}

/* A kernel stack from birth to exit; a zombie has none. */
static void test_kernel_stack(void **state)
{
	uint64_t before = phys_sum(m, pages[USE_STACK]);
	uint64_t each = 1u << m->arch->stack_order;
	struct task *a = bare(0, "a"), *b = task_fork(m, a, 0);
	pfn_t stack = b->stack;

	assert_int_equal(before, each);
	assert_int_equal(phys_sum(m, pages[USE_STACK]), 3 * each);
	assert_int_equal(phys_frame_state(m, stack), FRAME_STACK);
	assert_int_equal(frame_at(m, stack)->owner, task_index(m, b));
	vmtest_check(m);
	frame_bytes(m, stack)[12] ^= 1; /* overflow */
	assert_int_equal(task_check(m), -EIO);
	assert_sentence(vm_sentence(m), "the end of its kernel stack");
	frame_bytes(m, stack)[12] ^= 1;
	vm_fail_clear(m);
	task_exit(m, b, 0);
	assert_int_equal(b->state, TASK_ZOMBIE);
	assert_int_equal(phys_sum(m, pages[USE_STACK]), 2 * each);
	assert_int_equal(phys_frame_state(m, stack), FRAME_PCP);
	task_reap(m, b);
	task_exit(m, a, 0);
	assert_int_equal(phys_sum(m, pages[USE_STACK]), before);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		T(test_init),
		T(test_vdso),
		T(test_spawn_exit),
		T(test_fork),
		T(test_reap),
		T(test_threads),
		T(test_init_threads),
		T(test_shared_mm),
		T(test_vfork),
		T(test_subreaper),
		T(test_wait),
		T(test_group),
		T(test_pids),
		T(test_nproc),
		T(test_failed_spawn),
		T(test_fork_without_memory),
		T(test_kernel_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
