/*
 * Calls of a log about memory nodes and about other processes' memory:
 *
 *	mbind(0x10000000, 65536, MPOL_BIND, [0x00000000000001], 64, 0) = 0
 *	move_pages(0, 2, [0x10000000, 0x10001000], [0, 1], [0, -ENOENT], 2) = 0
 *	process_madvise(3<pid:7>, [{iov_base=0x10000000, iov_len=8192}], 1, ...
 *
 * A list that the log cuts ("...") is not run.  Of what a call writes to
 * memory nothing is compared: a log has no accesses, and so no pages.
 */
#include "../mm/mm.h"
#include "../numa/mempolicy.h"
#include "input_i.h"

#define MAX_LIST 4096u

/* ---- arguments ----------------------------------------------------------- */

/* The first 64 nodes of a mask of maxnode - 1 bits; NULL has none. */
static uint64_t nodes_of(struct span a, uint64_t maxnode)
{
	uint64_t nodes;
	struct span e;

	if (!strace_element(&a, &e))
		return 0;
	nodes = strace_number(e);
	return maxnode && maxnode <= 64 ? nodes & ((1ull << (maxnode - 1)) - 1)
					: nodes;
}

/* The simulated process that the log calls so; a number that nobody has for
 * one it does not know. */
static int pid_of(struct vm *m, struct span a)
{
	uint64_t real = strace_number(a);
	const struct strace_proc *p =
		real ? strace_find(m, (uint32_t)real) : NULL;

	if (!real)
		return 0;
	return p ? (int)p->pid : INT32_MAX;
}

/* Exactly nr numbers; false if the log has others. */
static bool numbers_of(struct span list, uint64_t nr, uint64_t *v)
{
	struct span e;
	uint64_t n = 0;

	while (strace_element(&list, &e)) {
		if (n == nr || *e.p == '.')
			return false;
		v[n++] = strace_number(e);
	}
	return n == nr;
}

/* ---- calls --------------------------------------------------------------- */

static bool move_pages_call(struct vm *m, struct task *t,
	const struct strace_call *c, uint64_t *list, int64_t *ours)
{
	uint64_t nr = strace_number(c->arg[1]);
	int *node = (int *)(list + nr), *status = node + nr;
	struct move_request r = {
		.nr = (unsigned)nr,
		.page = list,
		.flags = strace_number(c->arg[5]),
	};

	if (*c->arg[3].p == '[') {
		if (!numbers_of(c->arg[3], nr, list))
			return false;
		for (uint64_t i = 0; i < nr; i++)
			node[i] = (int)list[i];
		r.node = node;
	}
	if (!numbers_of(c->arg[2], nr, list))
		return false;
	*ours = numa_move_pages(m, t, pid_of(m, c->arg[0]), &r, status);
	return true;
}

static bool process_madvise_call(struct vm *m, struct task *t,
	const struct strace_call *c, struct mm_range *range, int64_t *ours)
{
	uint64_t nr = strace_number(c->arg[2]);
	const char *pid = memmem(c->arg[0].p, c->arg[0].len, "<pid:", 5);
	struct span list = c->arg[1], e;
	unsigned n = 0;

	if (!pid)
		return false;
	pid += 5;
	while (n < nr && strace_element(&list, &e)) {
		struct strace_call iov = {.arg = {e}, .nr_args = 1};

		if (*e.p == '.')
			return false;
		range[n].addr = strace_number(strace_member(&iov, "iov_base"));
		range[n++].len = strace_number(strace_member(&iov, "iov_len"));
	}
	if (n != nr || strace_element(&list, &e))
		return false;
	e = (struct span){pid, (size_t)(c->arg[0].p + c->arg[0].len - pid)};
	*ours = mm_process_madvise(m, t, pid_of(m, e), range, n,
		(int)strace_number(c->arg[3]), strace_number(c->arg[4]));
	return true;
}

/* Those with a list: room for it, 16 bytes an element. */
static bool list_call(struct vm *m, struct task *t, const struct strace_call *c,
	int64_t *ours)
{
	bool moves = call_is(c, "move_pages") && c->nr_args >= 6;
	bool advises = call_is(c, "process_madvise") && c->nr_args >= 5;
	uint64_t nr;
	bool known;
	void *room;

	if (!moves && !advises)
		return false;
	nr = strace_number(c->arg[moves ? 1 : 2]);
	if (nr > MAX_LIST)
		return false;
	room = scratch_take(m, (nr + 1) * sizeof(struct mm_range));
	if (!room)
		return false;
	known = moves ? move_pages_call(m, t, c, room, ours)
		      : process_madvise_call(m, t, c, room, ours);
	scratch_give(m, room);
	return known;
}

bool strace_numa_call(struct vm *m, struct task *t, const struct strace_call *c,
	int64_t *ours)
{
	struct mpol_answer answer;
	uint64_t a[6] = {0};

	for (unsigned i = 0; i < 6 && i < c->nr_args; i++)
		a[i] = strace_number(c->arg[i]);
	if (call_is(c, "set_mempolicy") && c->nr_args >= 3)
		*ours = numa_set_mempolicy(
			m, t, a[0], nodes_of(c->arg[1], a[2]));
	else if (call_is(c, "get_mempolicy") && c->nr_args >= 5)
		*ours = numa_get_mempolicy(m, t, a[3], a[4], &answer);
	else if (call_is(c, "mbind") && c->nr_args >= 6)
		*ours = numa_mbind(m, t, a[0], a[1], a[2],
			nodes_of(c->arg[3], a[4]), a[5]);
	else if (call_is(c, "set_mempolicy_home_node") && c->nr_args >= 4)
		*ours = numa_set_home_node(m, t, a[0], a[1], a[2], a[3]);
	else if (call_is(c, "migrate_pages") && c->nr_args >= 4)
		*ours = numa_migrate_pages(m, t, pid_of(m, c->arg[0]),
			nodes_of(c->arg[2], a[1]), nodes_of(c->arg[3], a[1]));
	else
		return list_call(m, t, c, ours);
	return true;
}
