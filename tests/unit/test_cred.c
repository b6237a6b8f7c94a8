/* Who may do what: rights to files, to look at others, and after execve. */
#include "../../vm/abi.h"
#include "elf_rig.h"

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
	for (struct task *t = task_next(m, 2); t; t = task_next(m, 2))
		task_exit(m, t, 0);
	vmtest_end(m, free_pages);
	return 0;
}

static struct task *spawn(uint32_t uid, uint32_t gid)
{
	struct exec_args x = {0};
	struct task *t = task_spawn(m, uid, gid, &x, "t");

	assert_non_null(t);
	return t;
}

/* The class of bits that counts is the first that fits; capabilities open
 * what bits close, but for running what nobody may run. */
static void test_file_rights(void **state)
{
	static const struct {
		uint32_t mode, fsuid, fsgid;
		uint64_t caps;
		uint32_t want;
		int err;
	} row[] = {
		{0400, 7, 8, 0, FMODE_READ, 0},
		{0040, 7, 8, 0, FMODE_READ, EACCES},
		{0040, 9, 8, 0, FMODE_READ, 0},
		{0004, 9, 8, 0, FMODE_READ, EACCES},
		{0004, 9, 9, 0, FMODE_READ, 0},
		{0004, 9, 9, 0, FMODE_READ | FMODE_WRITE, EACCES},
		{0000, 9, 9, CAP_BIT(CAP_DAC_READ_SEARCH), FMODE_READ, 0},
		{0000, 9, 9, CAP_BIT(CAP_DAC_READ_SEARCH), FMODE_WRITE, EACCES},
		{0000, 9, 9, CAP_BIT(CAP_DAC_OVERRIDE), FMODE_WRITE, 0},
		{0000, 9, 9, CAPS_ALL, FMODE_EXEC, EACCES},
		{0100, 9, 9, CAPS_ALL, FMODE_EXEC, 0},
		{0100, 0, 0, 0, FMODE_EXEC, EACCES},
	};
	idx_t ino = rig_put(m, "/f", "x", 1);

	inode_at(m, ino)->uid = 7;
	inode_at(m, ino)->gid = 8;
	for (size_t i = 0; i < COUNT(row); i++) {
		const struct cred c = {
			.fsuid = row[i].fsuid,
			.fsgid = row[i].fsgid,
			.cap_effective = row[i].caps,
		};
		idx_t f;

		inode_at(m, ino)->mode = row[i].mode;
		vm_fail_clear(m);
		f = file_open(m, &c, "/f", row[i].want);
		assert_int_equal(m->fail.err, row[i].err);
		if (f)
			file_put(m, f);
	}
}

static void test_look(void **state)
{
	struct cred root = cred_of_user(0, 0), user = cred_of_user(7, 7);
	struct task *t = spawn(7, 7);
	uint32_t uid, gid;

	assert_true(cred_may_look(m, &root, t));
	assert_true(cred_may_look(m, &user, t));
	assert_false(cred_may_look(m, &user, task_find(m, 1)));
	user.fsgid = 8;
	assert_false(cred_may_look(m, &user, t));
	user.fsgid = 7;
	cred_proc_owner(m, t, &uid, &gid);
	assert_int_equal(uid, 7);
	assert_int_equal(gid, 7);

	/* what is not dumpable belongs to root */
	mm_at(m, t->mm)->dumpable = 0;
	assert_false(cred_may_look(m, &user, t));
	assert_true(cred_may_look(m, &root, t));
	cred_proc_owner(m, t, &uid, &gid);
	assert_int_equal(uid, 0);
	mm_at(m, t->mm)->dumpable = 1;

	/* nobody looks at who may do more */
	t->cred.cap_permitted = CAP_BIT(CAP_IPC_LOCK);
	assert_false(cred_may_look(m, &user, t));
	user.cap_effective = CAP_BIT(CAP_IPC_LOCK);
	assert_true(cred_may_look(m, &user, t));

	/* a change of user shows in the files of proc/PID */
	t = spawn(0, 0);
	assert_int_equal(cred_set_id(m, t, false, 7), 0);
	assert_int_equal(mm_at(m, t->mm)->dumpable, 0);
	cred_proc_owner(m, t, &uid, &gid);
	assert_int_equal(uid, 0);
}

/* execve of a file of user 9: expected euid, permitted set, AT_SECURE. */
static void test_exec(void **state)
{
	const uint64_t lock = CAP_BIT(CAP_IPC_LOCK);
	static const struct cred user = {.uid = 7,
		.euid = 7,
		.suid = 7,
		.fsuid = 7,
		.cap_bset = CAPS_ALL};
	struct cred c = user;

	assert_false(cred_exec(&c, 0755, 9, 9).secure);
	assert_int_equal(c.euid, 7);
	assert_true(!c.cap_permitted);

	assert_true(cred_exec(&c, 04755, 9, 9).secure);
	assert_int_equal(c.uid, 7);
	assert_int_equal(c.euid, 9);
	assert_int_equal(c.suid, 9);
	assert_true(!c.cap_permitted);

	/* set-uid root has all that the bounding set leaves */
	c = user;
	c.cap_bset &= ~lock;
	assert_true(cred_exec(&c, 04755, 0, 0).secure);
	assert_true(c.cap_effective == (CAPS_ALL & ~lock));

	/* ... but not after PR_SET_NO_NEW_PRIVS, or with SECURE_NOROOT */
	c = user;
	c.no_new_privs = 1;
	assert_false(cred_exec(&c, 04755, 0, 0).secure);
	assert_int_equal(c.euid, 7);
	assert_true(!c.cap_effective);
	c = user;
	c.securebits = SECURE_NOROOT;
	assert_true(cred_exec(&c, 04755, 0, 0).secure);
	assert_int_equal(c.euid, 0);
	assert_true(!c.cap_effective);

	/* without any of this, permitted capabilities go and ambient stay */
	c = user;
	c.cap_permitted = c.cap_effective = lock;
	cred_exec(&c, 0755, 9, 9);
	assert_true(!c.cap_effective);
	c = user;
	c.cap_permitted = c.cap_inheritable = c.cap_ambient = lock;
	cred_exec(&c, 0755, 9, 9);
	assert_true(c.cap_effective == lock && c.cap_permitted == lock);
}

static int oom_adj(uint32_t uid, uint32_t pid, const char *line)
{
	const struct event e = {
		.actor = {ACTOR_PROCESS, pid, uid, uid},
		.text = line,
		.text_len = strlen(line),
	};
	struct vm_outcome out;

	vm_apply(m, &e, NULL, NULL, &out);
	return out.last.err;
}

/* Down to what privilege has set, and no further. */
static void test_oom_score_adj(void **state)
{
	struct task *t = spawn(7, 7);
	uint32_t pid = t->pid;

	assert_int_equal(oom_adj(7, pid, "oom_adj 8"), 0);
	assert_int_equal(task_find(m, pid)->oom_score_adj, 470);
	assert_int_equal(oom_adj(7, pid, "oom_adj 7"), EACCES);
	assert_int_equal(oom_adj(0, pid, "oom_adj -17"), 0);
	assert_int_equal((int)task_find(m, pid)->oom_score_adj, -1000);
	assert_int_equal(oom_adj(0, pid, "oom_adj 15"), 0);
	assert_int_equal(task_find(m, pid)->oom_score_adj, 1000);
	assert_int_equal(oom_adj(0, pid, "oom_adj 16"), EINVAL);
	assert_int_equal(oom_adj(0, pid, "oom_adj -18"), EINVAL);
	assert_int_equal(oom_adj(7, pid, "oom_score_adj 500"), 0);
	assert_int_equal(oom_adj(7, pid, "oom_score_adj 0"), 0);
	assert_int_equal(oom_adj(7, pid, "oom_score_adj -1"), EACCES);
	assert_int_equal(oom_adj(0, pid, "oom_score_adj -100"), 0);
	assert_int_equal(oom_adj(7, pid, "oom_score_adj 300"), 0);
	assert_int_equal(oom_adj(7, pid, "oom_score_adj -100"), 0);
	assert_int_equal(oom_adj(7, pid, "oom_score_adj -101"), EACCES);
	t->cred.cap_effective = CAP_BIT(CAP_SYS_RESOURCE);
	assert_int_equal(oom_adj(7, pid, "oom_score_adj -101"), 0);
	assert_int_equal(oom_adj(7, pid, "oom_score_adj -1001"), EINVAL);
	assert_int_equal(oom_adj(0, pid, "oom_score_adj 2147483648"), ERANGE);
	assert_int_equal(oom_adj(0, pid, "oom_score_adj -2147483649"), ERANGE);
	assert_int_equal(
		oom_adj(0, pid, "oom_score_adj 18446744073709551615"), ERANGE);
	assert_int_equal(oom_adj(0, pid, "oom_score_adj -0"), 0);
	assert_int_equal(oom_adj(0, pid, "clear_refs 4294967297"), ERANGE);
}

/* init's is its own to set; its children have it, but who shares its memory
 * does not hand theirs to it. */
static void test_oom_score_adj_of_init(void **state)
{
	struct task *init = task_find(m, 1), *sharer, *child, *thread;

	thread = task_fork(m, init, CLONE_VM | CLONE_SIGHAND | CLONE_THREAD);
	sharer = task_fork(m, init, CLONE_VM);
	assert_int_equal(oom_adj(0, 1, "oom_score_adj 500"), 0);
	assert_int_equal(init->oom_score_adj, 500);
	assert_int_equal(init->oom_score_adj_min, 500);
	assert_int_equal(thread->oom_score_adj, 500);
	assert_int_equal(sharer->oom_score_adj, 500);
	child = task_fork(m, init, 0);
	assert_int_equal(child->oom_score_adj, 500);
	child = spawn(7, 7);
	assert_int_equal(child->oom_score_adj, 500);
	assert_int_equal(oom_adj(7, child->pid, "oom_score_adj 499"), EACCES);
	assert_int_equal(oom_adj(0, sharer->pid, "oom_score_adj 300"), 0);
	assert_int_equal(sharer->oom_score_adj, 300);
	assert_int_equal(init->oom_score_adj, 500);
	assert_int_equal(oom_adj(0, 1, "oom_adj 8"), 0);
	assert_int_equal(init->oom_score_adj, 470);
	assert_int_equal(sharer->oom_score_adj, 470);
}

/* Directories are searched with x, or either of two capabilities; a new file
 * needs w besides. */
static void test_directory_rights(void **state)
{
	static const struct {
		uint32_t mode;
		uint64_t caps;
		int look, create;
	} row[] = {
		{0700, 0, EACCES, EACCES},
		{0701, 0, 0, EACCES},
		{0704, 0, EACCES, EACCES},
		{0702, 0, EACCES, EACCES},
		{0703, 0, 0, 0},
		{0000, CAP_BIT(CAP_DAC_READ_SEARCH), 0, EACCES},
		{0000, CAP_BIT(CAP_DAC_OVERRIDE), 0, 0},
	};
	struct task *t = spawn(9, 9);

	assert_int_equal(disk_mkdir(m, "/d", 0755, 7, 8), 0);
	assert_int_equal(disk_mkdir(m, "/d/e", 0755, 7, 8), 0);
	assert_int_not_equal(rig_put(m, "/d/e/f", "x", 1), 0);
	inode_at(m, disk_lookup(m, "/d/e/f", true))->mode = 0777;
	for (size_t i = 0; i < COUNT(row); i++) {
		static const char *const way[] = {"/d/e/f", "/d/../d/e/f"};
		idx_t f;

		inode_at(m, disk_lookup(m, "/d", true))->mode = row[i].mode;
		t->cred.cap_effective = row[i].caps;
		for (size_t w = 0; w < COUNT(way); w++) {
			vm_fail_clear(m);
			f = file_open(m, &t->cred, way[w], FMODE_EXEC);
			assert_int_equal(f ? 0 : m->fail.err, row[i].look);
			if (f)
				file_put(m, f);
		}
		vm_fail_clear(m);
		f = file_open_flags(m, t, "/d/new", OPEN_CREAT, 0600);
		assert_int_equal(f ? 0 : m->fail.err, row[i].create);
		if (!f)
			continue;
		file_put(m, f);
		assert_int_equal(disk_unlink(m, "/d/new"), 0);
	}
	vm_fail_clear(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_file_rights, begin, end),
		cmocka_unit_test_setup_teardown(
			test_directory_rights, begin, end),
		cmocka_unit_test_setup_teardown(test_look, begin, end),
		cmocka_unit_test_setup_teardown(test_exec, begin, end),
		cmocka_unit_test_setup_teardown(test_oom_score_adj, begin, end),
		cmocka_unit_test_setup_teardown(
			test_oom_score_adj_of_init, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
