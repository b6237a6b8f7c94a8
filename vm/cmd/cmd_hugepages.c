/* The files of sys/kernel/mm/hugepages, as commands. */
#include <string.h>

#include "../mm/hugetlb.h"
#include "../task/cred.h"
#include "handlers.h"

/* A number that was written to a pool's file. */
struct change {
	struct cmd *c;
	unsigned size;
	bool one_node;
	unsigned node;
	uint64_t n;
};

static unsigned all_nodes(const struct vm *m)
{
	return (1u << m->root->config.nodes) - 1;
}

/* nodeN/hugepages: n pages of that node, and as many of others as there are. */
static int set_node(struct vm *m, const struct change *w)
{
	const struct hugetlb_node *node =
		&m->root->hugetlb[w->size - 1].node[w->node];
	struct hugetlb_node sum = hugetlb_sum(m, w->size);
	uint64_t elsewhere = sum.nr - sum.surplus - (node->nr - node->surplus);
	uint64_t n = w->n + elsewhere < w->n ? UINT64_MAX : w->n + elsewhere;

	hugetlb_resize(m, w->size, n, 1u << w->node);
	return 0;
}

static int set_nr(struct vm *m, const struct change *w)
{
	if (w->one_node)
		return set_node(m, w);
	hugetlb_resize(m, w->size, w->n, all_nodes(m));
	return 0;
}

/* On the nodes of the policy of who writes; a policy for local memory has the
 * node where it runs. */
static int set_nr_mempolicy(struct vm *m, const struct change *w)
{
	const struct task *t = w->c->task;
	unsigned nodes = all_nodes(m);

	if (t && t->policy.mode)
		nodes = t->policy.nodes ? t->policy.nodes
					: 1u << m->cpu_node[t->cpu];
	hugetlb_resize(m, w->size, w->n, nodes);
	return 0;
}

static int set_overcommit(struct vm *m, const struct change *w)
{
	if (w->size > 1)
		return vm_fail(
			m, EINVAL, "pages of 1 GiB are not made on demand");
	m->root->set.nr_overcommit_hugepages = w->n;
	return 0;
}

static int no_smaller(struct vm *m)
{
	return vm_fail(m, EINVAL,
		"pages of the smallest size cannot become smaller ones");
}

static int demote(struct vm *m, const struct change *w)
{
	if (w->size == 1)
		return no_smaller(m);
	return hugetlb_demote(
		m, w->n, w->one_node ? 1u << w->node : all_nodes(m));
}

/* Bytes; there is one smaller size, so this changes nothing. */
static int set_demote_size(struct vm *m, const struct change *w)
{
	if (w->size == 1)
		return no_smaller(m);
	if (w->n == huge_size(m))
		return 0;
	return vm_fail(m, EINVAL, "smaller pages have %llu bytes, not %llu",
		(unsigned long long)huge_size(m), (unsigned long long)w->n);
}

static const struct {
	const char *name;
	int (*set)(struct vm *m, const struct change *w);
	bool of_node; /* a node has it too */
} what[] = {
	{"nr_hugepages", set_nr, true},
	{"nr_hugepages_mempolicy", set_nr_mempolicy, false},
	{"nr_overcommit_hugepages", set_overcommit, false},
	{"demote", demote, true},
	{"demote_size", set_demote_size, true},
};

#define NR_WHAT (sizeof(what) / sizeof(*what))

/* Of 0 kB the default size, or 0 if there is none of so many. */
static unsigned size_of_kb(const struct vm *m, uint64_t kb)
{
	if (!kb)
		return 1;
	for (unsigned size = 1; size <= hugetlb_sizes(m); size++)
		if (1ull << pt_shift(m, size) >> 10 == kb)
			return size;
	return 0;
}

static int check_writer(const struct cmd *c)
{
	const struct task *t = c->task;

	if (!t || !t->cred.fsuid ||
		t->cred.cap_effective & CAP_BIT(CAP_DAC_OVERRIDE))
		return 0;
	return vm_fail(c->m, EACCES,
		"the files of huge pages are root's, the process's fsuid is %u",
		t->cred.fsuid);
}

static int check_node(struct cmd *c, unsigned i)
{
	if (!c->arg[3].given)
		return 0;
	if (!what[i].of_node)
		return vm_fail(c->m, EINVAL, "a node has no %s of its own",
			what[i].name);
	if (c->arg[3].num < c->m->root->config.nodes)
		return 0;
	return vm_fail(c->m, EINVAL, "there are %u nodes, no number %s%llu",
		c->m->root->config.nodes, arg_sign(&c->arg[3]),
		(unsigned long long)arg_abs(&c->arg[3]));
}

/* hugepages KB WHAT N [node=N] */
int cmd_hugepages(struct cmd *c)
{
	const struct arg *a = &c->arg[1];
	struct change w = {
		.c = c,
		.size = size_of_kb(c->m, c->arg[0].num),
		.one_node = c->arg[3].given,
		.node = (unsigned)c->arg[3].num,
		.n = c->arg[2].num,
	};
	unsigned i = 0;

	if (!w.size)
		return vm_fail(c->m, EINVAL,
			"there are no huge pages of %s%llu kB",
			arg_sign(&c->arg[0]),
			(unsigned long long)arg_abs(&c->arg[0]));
	while (i < NR_WHAT && (strlen(what[i].name) != a->len ||
				      memcmp(what[i].name, a->text, a->len)))
		i++;
	if (i == NR_WHAT)
		return vm_fail(c->m, EINVAL,
			"a pool has nr_hugepages, nr_hugepages_mempolicy, "
			"nr_overcommit_hugepages, demote and demote_size, no "
			"\"%.*s\"",
			(int)a->len, a->text);
	if (check_writer(c) || check_node(c, i))
		return -c->m->fail.err;
	return what[i].set(c->m, &w);
}
