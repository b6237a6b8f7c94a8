/*
 * Pools of huge pages: sys/kernel/mm/hugepages/hugepages-*, with an id of a
 * size in kB, and those of each node, with ID_PAIR(node, kB).
 * Source: Linux mm/hugetlb_sysfs.c.
 */
#include "../vm/mm/hugetlb.h"
#include "node.h"
#include "renderers.h"

static unsigned size_of(const struct vm *m, uint64_t id)
{
	unsigned size = 1;

	while (size < hugetlb_sizes(m) &&
		1ull << pt_shift(m, size) >> 10 != ID_LOW(id))
		size++;
	return size;
}

static struct hugetlb_node all_of(const struct view *v, uint64_t id)
{
	return hugetlb_sum(v->vm, size_of(v->vm, id));
}

static const struct hugetlb_node *node_of_id(const struct view *v, uint64_t id)
{
	const struct hugetlb_pool *h =
		&v->vm->root->hugetlb[size_of(v->vm, id) - 1];

	return &h->node[ID_HIGH(id)];
}

static void number(struct sbuf *b, uint64_t n)
{
	sbuf_dec(b, n);
	sbuf_char(b, '\n');
}

void show_pool_free(struct sbuf *b, const struct view *v, uint64_t id)
{
	number(b, all_of(v, id).free);
}

void show_pool_nr(struct sbuf *b, const struct view *v, uint64_t id)
{
	number(b, all_of(v, id).nr);
}

void show_pool_surplus(struct sbuf *b, const struct view *v, uint64_t id)
{
	number(b, all_of(v, id).surplus);
}

void show_pool_resv(struct sbuf *b, const struct view *v, uint64_t id)
{
	number(b, v->vm->root->hugetlb[size_of(v->vm, id) - 1].resv);
}

void show_pool_overcommit(struct sbuf *b, const struct view *v, uint64_t id)
{
	bool gigantic = size_of(v->vm, id) > 1;

	number(b, gigantic ? 0 : v->vm->root->set.nr_overcommit_hugepages);
}

bool pool_demotes(const struct view *v, uint64_t id)
{
	return size_of(v->vm, id) > 1;
}

void show_pool_demote_size(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_dec(b, huge_size(v->vm) >> 10);
	sbuf_str(b, "kB\n");
}

void show_node_pool_free(struct sbuf *b, const struct view *v, uint64_t id)
{
	number(b, node_of_id(v, id)->free);
}

void show_node_pool_nr(struct sbuf *b, const struct view *v, uint64_t id)
{
	number(b, node_of_id(v, id)->nr);
}

void show_node_pool_surplus(struct sbuf *b, const struct view *v, uint64_t id)
{
	number(b, node_of_id(v, id)->surplus);
}
