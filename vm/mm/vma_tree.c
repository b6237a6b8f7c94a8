/*
 * The search tree of an address space: a B+ tree over the VMAs, in order of
 * address, in which each entry also knows the hole below it, and each inner
 * entry the largest such hole below any of its VMAs:
 *
 *	inner   |end gap| . | . |           gap: largest below the child
 *	         |        \
 *	leaf    |end gap| . |   |end gap| . |
 *	         |
 *	         VMA      gap: bytes free between it and its predecessor
 *
 * So the highest hole of a given size is found in O(log n), in few cache
 * lines.  All nodes but the root hold at least NODE_MIN entries.
 *
 * All of it is derived: nodes lie outside the arena, in sparse host memory
 * that never moves.
 */
#include <string.h>

#include "vma_tree_i.h"

static uint64_t vma_slots(const struct vm *m)
{
	return m->arena.seg[SEG_VMA].reserved / sizeof(struct vma);
}

static uint64_t mm_slots(const struct vm *m)
{
	return m->arena.seg[SEG_MM].reserved / sizeof(struct mm);
}

/* Leaves hold NODE_MIN VMAs, and all inner nodes are fewer than leaves. */
static uint64_t nodes_bytes(const struct vm *m)
{
	return (2 * vma_slots(m) / NODE_MIN + mm_slots(m) + 1) *
	       sizeof(struct vma_node);
}

static uint64_t leaves_bytes(const struct vm *m)
{
	return vma_slots(m) * sizeof(uint32_t);
}

static uint64_t trees_bytes(const struct vm *m)
{
	return mm_slots(m) * sizeof(struct vma_tree);
}

int vma_tree_init(struct vm *m)
{
	const struct vm_host *h = m->arena.host;

	if (!m->vma_nodes)
		m->vma_nodes = h->reserve(nodes_bytes(m));
	if (!m->vma_leaves)
		m->vma_leaves = h->reserve(leaves_bytes(m));
	if (!m->trees)
		m->trees = h->reserve(trees_bytes(m));
	if (m->vma_nodes && m->vma_leaves && m->trees)
		return 0;
	return vm_fail(m, ENOMEM,
		"the host has no %llu bytes of address space for the search "
		"trees of the address spaces",
		(unsigned long long)(nodes_bytes(m) + leaves_bytes(m) +
				     trees_bytes(m)));
}

void vma_tree_free(struct vm *m)
{
	const struct vm_host *h = m->arena.host;

	if (m->vma_nodes)
		h->release(m->vma_nodes, nodes_bytes(m));
	if (m->vma_leaves)
		h->release(m->vma_leaves, leaves_bytes(m));
	if (m->trees)
		h->release(m->trees, trees_bytes(m));
	m->vma_nodes = m->vma_leaves = NULL;
	m->trees = NULL;
}

int vma_tree_rebuild(struct vm *m)
{
	int err;

	vma_tree_free(m);
	err = vma_tree_init(m);
	if (err)
		return err;
	/* A free slot of the pool has no first VMA. */
	for (idx_t i = 1; i < m->root->pool[SEG_MM].nr; i++) {
		struct vma *v;

		vma_for_each (m, mm_at(m, i), v)
			vma_tree_add(m, v);
	}
	return 0;
}

/* ---- nodes -------------------------------------------------------------- */

static struct vma_node *node_new(struct vm *m, idx_t mm, bool leaf)
{
	struct vma_node *pool = node_at(m, 0), *n;

	if (pool->pool_free_list) {
		n = node_at(m, pool->pool_free_list);
		pool->pool_free_list = n->parent;
	} else {
		n = node_at(m, ++pool->pool_used);
	}
	memset(n, 0, sizeof(*n));
	n->mm = mm;
	n->leaf = leaf;
	return n;
}

static void node_free(struct vm *m, struct vma_node *n)
{
	struct vma_node *pool = node_at(m, 0);

	n->nr = 0;
	n->parent = pool->pool_free_list;
	pool->pool_free_list = node_index(m, n);
}

static uint32_t node_find(const struct vma_node *n, uint32_t item)
{
	uint32_t i = 0;

	while (n->item[i] != item)
		i++;
	return i;
}

/* Makes a free entry at i; the caller fills it. */
static void node_open(struct vma_node *n, uint32_t i)
{
	size_t rest = n->nr - i;

	memmove(n->item + i + 1, n->item + i, rest * sizeof(*n->item));
	memmove(n->end + i + 1, n->end + i, rest * sizeof(*n->end));
	memmove(n->gap + i + 1, n->gap + i, rest * sizeof(*n->gap));
	n->nr++;
}

static void node_close(struct vma_node *n, uint32_t i)
{
	size_t rest = --n->nr - i;

	memmove(n->item + i, n->item + i + 1, rest * sizeof(*n->item));
	memmove(n->end + i, n->end + i + 1, rest * sizeof(*n->end));
	memmove(n->gap + i, n->gap + i + 1, rest * sizeof(*n->gap));
	n->gap[n->nr] = 0;
}

/* n holds `item` now. */
static void adopt(struct vm *m, const struct vma_node *n, uint32_t item)
{
	if (n->leaf)
		*leaf_of(m, item) = node_index(m, n);
	else
		node_at(m, item)->parent = node_index(m, n);
}

/* Moves nr entries of `from`, beginning at i, to `at` in `to`. */
static void node_move(struct vm *m, struct vma_node *to, uint32_t at,
	struct vma_node *from, uint32_t i, uint32_t nr)
{
	for (uint32_t k = 0; k < nr; k++) {
		node_open(to, at + k);
		to->item[at + k] = from->item[i];
		to->end[at + k] = from->end[i];
		to->gap[at + k] = from->gap[i];
		node_close(from, i);
		adopt(m, to, to->item[at + k]);
	}
}

/* Entry i of p tells what its child holds; true if it changed. */
static bool entry_refresh(struct vm *m, struct vma_node *p, uint32_t i)
{
	const struct vma_node *n = node_at(m, p->item[i]);
	vaddr_t end = n->end[n->nr - 1];
	uint64_t gap = node_max_gap(n);

	if (p->end[i] == end && p->gap[i] == gap)
		return false;
	p->end[i] = end;
	p->gap[i] = gap;
	return true;
}

/* From n to the root, as far as something changes. */
static void propagate(struct vm *m, struct vma_node *n)
{
	while (n->parent) {
		struct vma_node *p = node_at(m, n->parent);

		if (!entry_refresh(m, p, node_find(p, node_index(m, n))))
			return;
		n = p;
	}
}

/* The upper half of a full node becomes a node of its own. */
static void node_split(struct vm *m, struct vma_node *n)
{
	struct vma_node *p, *upper;
	uint32_t i;

	if (!n->parent) {
		p = node_new(m, n->mm, false);
		p->nr = 1;
		p->item[0] = node_index(m, n);
		adopt(m, p, p->item[0]);
		m->trees[n->mm].root = node_index(m, p);
	} else if (node_at(m, n->parent)->nr == NODE_MAX) {
		node_split(m, node_at(m, n->parent));
	}
	p = node_at(m, n->parent);
	upper = node_new(m, n->mm, n->leaf);
	upper->parent = n->parent;
	node_move(m, upper, 0, n, NODE_MAX / 2, NODE_MAX / 2);
	i = node_find(p, node_index(m, n));
	node_open(p, i + 1);
	p->item[i + 1] = node_index(m, upper);
	entry_refresh(m, p, i);
	entry_refresh(m, p, i + 1);
}

/* Siblings i and i + 1 of p, one of which has too few, become one or share. */
static void node_even_out(struct vm *m, struct vma_node *p, uint32_t i)
{
	struct vma_node *l = node_at(m, p->item[i]);
	struct vma_node *r = node_at(m, p->item[i + 1]);
	uint32_t half = (l->nr + r->nr) / 2;

	if (l->nr + r->nr <= NODE_MAX) {
		node_move(m, l, l->nr, r, 0, r->nr);
		node_free(m, r);
		node_close(p, i + 1);
		entry_refresh(m, p, i);
		return;
	}
	if (l->nr < half)
		node_move(m, l, l->nr, r, 0, half - l->nr);
	else
		node_move(m, r, 0, l, half, l->nr - half);
	entry_refresh(m, p, i);
	entry_refresh(m, p, i + 1);
}

static void node_shrunk(struct vm *m, struct vma_node *n)
{
	while (n->parent && n->nr < NODE_MIN) {
		struct vma_node *p = node_at(m, n->parent);
		uint32_t i = node_find(p, node_index(m, n));

		node_even_out(m, p, i ? i - 1 : i);
		n = p;
	}
	if (n->parent || n->nr > 1 || (n->leaf && n->nr))
		return;
	/* The root is empty, or leads to a single node. */
	m->trees[n->mm].root = n->nr ? n->item[0] : 0;
	if (n->nr)
		node_at(m, n->item[0])->parent = 0;
	node_free(m, n);
}

/* ---- entries ------------------------------------------------------------ */

static void entry_set(struct vm *m, const struct vma *v)
{
	idx_t vma = vma_index(m, v);
	struct vma_node *n = node_at(m, *leaf_of(m, vma));
	uint32_t i = node_find(n, vma);

	n->end[i] = v->end;
	n->gap[i] = gap_below(m, v);
	propagate(m, n);
}

/* The leaf where v belongs, with room for it; *at is its place there. */
static struct vma_node *leaf_for(
	struct vm *m, const struct vma *v, uint32_t *at)
{
	struct vma_tree *t = m->trees + v->mm;
	/* While a tree is rebuilt the list is ahead of it, but then there is
	 * a predecessor. */
	idx_t near = v->prev ? v->prev : v->next;
	uint32_t leaf = near ? *leaf_of(m, near) : 0;

	if (!leaf) {
		t->root = node_index(m, node_new(m, v->mm, true));
		*at = 0;
		return node_at(m, t->root);
	}
	if (node_at(m, leaf)->nr == NODE_MAX) {
		node_split(m, node_at(m, leaf));
		leaf = *leaf_of(m, near);
	}
	*at = node_find(node_at(m, leaf), near) + (near == v->prev);
	return node_at(m, leaf);
}

void vma_tree_add(struct vm *m, const struct vma *v)
{
	struct vma_tree *t = m->trees + v->mm;
	uint32_t i;
	struct vma_node *n = leaf_for(m, v, &i);

	node_open(n, i);
	n->item[i] = vma_index(m, v);
	n->end[i] = v->end;
	n->gap[i] = gap_below(m, v);
	adopt(m, n, n->item[i]);
	t->recent = node_index(m, n);
	t->recent_at = i;
	if (i + 1 < n->nr)
		n->gap[i + 1] = gap_below(m, vma_at(m, n->item[i + 1]));
	else if (v->next && *leaf_of(m, v->next))
		entry_set(m, vma_at(m, v->next));
	propagate(m, n);
}

void vma_tree_del(struct vm *m, const struct vma *v)
{
	struct vma_tree *t = m->trees + v->mm;
	idx_t vma = vma_index(m, v);
	struct vma_node *n = node_at(m, *leaf_of(m, vma));
	uint32_t i = node_find(n, vma);
	vaddr_t below = v->start - n->gap[i];

	node_close(n, i);
	*leaf_of(m, vma) = 0;
	if (i < n->nr) {
		n->gap[i] = vma_at(m, n->item[i])->start - below;
	} else if (v->next) {
		struct vma_node *s = node_at(m, *leaf_of(m, v->next));

		s->gap[0] = vma_at(m, v->next)->start - below;
		propagate(m, s);
	}
	t->recent = node_index(m, n);
	t->recent_at = i;
	if (n->nr)
		propagate(m, n);
	if (n->nr < NODE_MIN)
		node_shrunk(m, n);
}

void vma_tree_update(struct vm *m, const struct vma *v)
{
	entry_set(m, v);
	if (v->next)
		entry_set(m, vma_at(m, v->next));
}
