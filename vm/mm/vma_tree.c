/*
 * The search tree of an address space: a red-black tree over the VMAs, in
 * order of address, in which each node also knows the hole below its VMA and
 * the largest such hole in its subtree:
 *
 *	 hole      VMA    hole  VMA
 *	|<-gap->|######|<-gap->|####|
 *
 * So the highest hole of a given size is found in O(log n).  Nodes repeat the
 * bounds of their VMA: a search reads one cache line a level.
 *
 * All of it is derived: nodes lie outside the arena, in sparse host memory
 * that never moves, one for each slot of the VMA pool.
 */
#include <bsd/sys/tree.h>

#include "mm_i.h"

struct vma_node {
	RB_ENTRY(vma_node) link;
	vaddr_t start, end;
	uint64_t gap;	  /* bytes free below start */
	uint64_t max_gap; /* of the subtree */
};

/*
 * `recent` is a guess for the next search, made by changes and by the choice
 * of an address alone: a call that maps or unmaps looks at one place several
 * times, while searches on behalf of readers write nothing.
 */
struct vma_tree {
	struct vma_node *rbh_root; /* as RB_HEAD() has it */
	struct vma_node *recent;   /* NULL: no guess */
};

static uint64_t node_max_gap(const struct vma_node *n)
{
	uint64_t max = n->gap;
	const struct vma_node *l = RB_LEFT(n, link), *r = RB_RIGHT(n, link);

	if (l && l->max_gap > max)
		max = l->max_gap;
	if (r && r->max_gap > max)
		max = r->max_gap;
	return max;
}

#undef RB_AUGMENT
#define RB_AUGMENT(n) ((n)->max_gap = node_max_gap(n))

static int node_cmp(const struct vma_node *a, const struct vma_node *b)
{
	return (a->start > b->start) - (a->start < b->start);
}

RB_GENERATE_INTERNAL(
	vma_tree, vma_node, link, node_cmp, __attribute__((unused)) static)

static struct vma_node *node_of(const struct vm *m, idx_t vma)
{
	return (struct vma_node *)m->vma_nodes + vma;
}

static struct vma *node_vma(const struct vm *m, const struct vma_node *n)
{
	return vma_at(m, n - (struct vma_node *)m->vma_nodes);
}

static uint64_t nodes_bytes(const struct vm *m)
{
	return m->arena.seg[SEG_VMA].reserved / sizeof(struct vma) *
	       sizeof(struct vma_node);
}

static uint64_t trees_bytes(const struct vm *m)
{
	return m->arena.seg[SEG_MM].reserved / sizeof(struct mm) *
	       sizeof(struct vma_tree);
}

int vma_tree_init(struct vm *m)
{
	const struct vm_host *h = m->arena.host;

	if (!m->vma_nodes)
		m->vma_nodes = h->reserve(nodes_bytes(m));
	if (!m->trees)
		m->trees = h->reserve(trees_bytes(m));
	if (m->vma_nodes && m->trees)
		return 0;
	return vm_fail(m, ENOMEM,
		"the host has no %llu bytes of address space for the search "
		"trees of the address spaces",
		(unsigned long long)(nodes_bytes(m) + trees_bytes(m)));
}

void vma_tree_free(struct vm *m)
{
	const struct vm_host *h = m->arena.host;

	if (m->vma_nodes)
		h->release(m->vma_nodes, nodes_bytes(m));
	if (m->trees)
		h->release(m->trees, trees_bytes(m));
	m->vma_nodes = NULL;
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

/* From n to the root.  With `all`, does not stop where nothing changes: after
 * rotations a node in between may be right by chance. */
static void node_propagate(struct vma_node *n, bool all)
{
	for (; n; n = RB_PARENT(n, link)) {
		uint64_t max = node_max_gap(n);

		if (max == n->max_gap && !all)
			return;
		n->max_gap = max;
	}
}

static void node_set_gap(const struct vm *m, const struct vma *v)
{
	struct vma_node *n = node_of(m, vma_index(m, v));
	vaddr_t below = v->prev ? node_of(m, v->prev)->end : 0;

	n->gap = n->start - below;
	node_propagate(n, false);
}

/*
 * The list tells where the node goes: below its predecessor's right hand, or,
 * if that is taken, below its successor's left hand.
 */
void vma_tree_add(struct vm *m, const struct vma *v)
{
	struct vma_tree *t = m->trees + v->mm;
	struct vma_node *n = node_of(m, vma_index(m, v));
	struct vma_node *prev = v->prev ? node_of(m, v->prev) : NULL;
	struct vma_node *parent = NULL, **slot;
	bool rotates;

	if (prev && !RB_RIGHT(prev, link)) {
		parent = prev;
		slot = &RB_RIGHT(prev, link);
	} else if (!RB_EMPTY(t)) {
		/* While a tree is rebuilt the list is ahead of it, but then
		 * the predecessor is the rightmost node. */
		parent = node_of(m, v->next);
		slot = &RB_LEFT(parent, link);
	} else {
		slot = &RB_ROOT(t);
	}
	n->start = v->start;
	n->end = v->end;
	n->gap = n->max_gap = v->start - (prev ? prev->end : 0);
	/* Below a black node nothing rotates. */
	rotates = parent && RB_COLOR(parent, link) == RB_RED;
	RB_SET(n, parent, link);
	*slot = n;
	vma_tree_RB_INSERT_COLOR(t, n);
	node_propagate(rotates ? n : parent, rotates);
	t->recent = n;
	if (v->next && node_of(m, v->next)->end)
		node_set_gap(m, vma_at(m, v->next));
}

void vma_tree_del(struct vm *m, const struct vma *v)
{
	struct vma_tree *t = m->trees + v->mm;
	struct vma_node *n = node_of(m, vma_index(m, v));
	struct vma_node *fix = RB_PARENT(n, link);
	bool rotates = true;

	if (RB_LEFT(n, link) && RB_RIGHT(n, link)) {
		/* The successor takes the place of n. */
		struct vma_node *s = node_of(m, v->next);

		fix = RB_PARENT(s, link) == n ? s : RB_PARENT(s, link);
	} else if (RB_COLOR(n, link) == RB_RED) {
		/* A red leaf: only its ancestors lose, the first of which
		 * RB_REMOVE itself puts right. */
		rotates = false;
		fix = RB_PARENT(fix, link);
	}
	RB_REMOVE(vma_tree, t, n);
	node_propagate(fix, rotates);
	t->recent = v->next ? node_of(m, v->next) : NULL;
	if (v->next) {
		struct vma_node *s = t->recent;

		s->gap = s->start - (v->prev ? node_of(m, v->prev)->end : 0);
		node_propagate(s, false);
	}
	n->start = n->end = 0;
}

void vma_tree_update(struct vm *m, const struct vma *v)
{
	struct vma_node *n = node_of(m, vma_index(m, v));

	n->start = v->start;
	n->end = v->end;
	node_set_gap(m, v);
	if (v->next)
		node_set_gap(m, vma_at(m, v->next));
}

struct vma *vma_find(struct vm *m, idx_t mm, vaddr_t addr)
{
	struct vma_node *n = RB_ROOT(m->trees + mm), *found = NULL;
	struct vma_node *recent = m->trees[mm].recent;

	/* Inside it, or in the hole below. */
	if (recent && addr < recent->end && addr >= recent->start - recent->gap)
		return node_vma(m, recent);
	while (n) {
		if (n->end <= addr) {
			n = RB_RIGHT(n, link);
			continue;
		}
		found = n;
		if (n->start <= addr)
			break;
		n = RB_LEFT(n, link);
	}
	return found ? node_vma(m, found) : NULL;
}

struct vma *vma_lookup(struct vm *m, idx_t mm, vaddr_t addr)
{
	struct vma *v = vma_find(m, mm, addr);

	return v && v->start <= addr ? v : NULL;
}

/* A hole is wanted: at most `from_max` is its start, at least `to_min` its
 * end, and it has len bytes. */
struct want {
	vaddr_t from_max, to_min;
	uint64_t len;
};

static bool node_fits(const struct vma_node *n, const struct want *w)
{
	return n->gap >= w->len && n->start - n->gap <= w->from_max &&
	       n->start >= w->to_min;
}

static struct vma_node *highest(struct vma_node *n, const struct want *w)
{
	while (n && n->max_gap >= w->len) {
		if (n->start - n->gap <= w->from_max) {
			struct vma_node *r = highest(RB_RIGHT(n, link), w);

			if (r)
				return r;
			if (node_fits(n, w))
				return n;
			if (n->start < w->to_min)
				return NULL;
		}
		n = RB_LEFT(n, link);
	}
	return NULL;
}

static const struct vma_node *lowest(
	const struct vma_node *n, const struct want *w)
{
	while (n && n->max_gap >= w->len) {
		if (n->start >= w->to_min) {
			const struct vma_node *l = lowest(RB_LEFT(n, link), w);

			if (l)
				return l;
			if (node_fits(n, w))
				return n;
			if (n->start - n->gap > w->from_max)
				return NULL;
		}
		n = RB_RIGHT(n, link);
	}
	return NULL;
}

/* The hole above the last VMA has no node. */
static vaddr_t last_end(const struct vm *m, idx_t mm)
{
	idx_t last = mm_at(m, mm)->last;

	return last ? vma_at(m, last)->end : 0;
}

bool vma_tree_highest(struct vm *m, idx_t mm, vaddr_t low, vaddr_t high,
	uint64_t len, vaddr_t *hole_end)
{
	struct vma_node *n;
	vaddr_t top = last_end(m, mm);

	if (high < len || high - len < low)
		return false;
	if (top <= high - len) {
		*hole_end = high;
		return true;
	}
	n = highest(RB_ROOT(m->trees + mm),
		&(struct want){high - len, low + len, len});
	if (!n)
		return false;
	m->trees[mm].recent = n;
	*hole_end = n->start < high ? n->start : high;
	return true;
}

bool vma_tree_lowest(struct vm *m, idx_t mm, vaddr_t low, vaddr_t high,
	uint64_t len, vaddr_t *hole_start)
{
	const struct vma_node *n;
	vaddr_t from;

	if (high < len || high - len < low)
		return false;
	n = lowest(RB_ROOT(m->trees + mm),
		&(struct want){high - len, low + len, len});
	from = n ? n->start - n->gap : last_end(m, mm);
	if (from < low)
		from = low;
	if (from > high - len)
		return false;
	*hole_start = from;
	return true;
}

static int node_check(struct vm *m, const struct vma_node *n, idx_t mm)
{
	const struct vma *v = node_vma(m, n);
	vaddr_t below = v->prev ? vma_at(m, v->prev)->end : 0;

	if (n->start != v->start || n->end != v->end || v->mm != mm)
		return vm_fail(m, EIO,
			"mm %u: the tree has [%llx, %llx) where the list has "
			"[%llx, %llx)",
			mm, (unsigned long long)n->start,
			(unsigned long long)n->end,
			(unsigned long long)v->start,
			(unsigned long long)v->end);
	if (n->gap != v->start - below || n->max_gap != node_max_gap(n))
		return vm_fail(m, EIO,
			"mm %u: the tree's gap below %llx is %llx (max %llx), "
			"not %llx (max %llx)",
			mm, (unsigned long long)v->start,
			(unsigned long long)n->gap,
			(unsigned long long)n->max_gap,
			(unsigned long long)(v->start - below),
			(unsigned long long)node_max_gap(n));
	return 0;
}

int vma_tree_check(struct vm *m, idx_t mm)
{
	struct vma_node *n;
	idx_t expect = mm_at(m, mm)->first;

	RB_FOREACH (n, vma_tree, m->trees + mm) {
		if (!expect || n != node_of(m, expect))
			return vm_fail(m, EIO,
				"mm %u: the tree and the list differ in order "
				"at %llx",
				mm, (unsigned long long)n->start);
		if (node_check(m, n, mm))
			return -EIO;
		expect = vma_at(m, expect)->next;
	}
	if (expect)
		return vm_fail(m, EIO, "mm %u: %llx is not in the tree", mm,
			(unsigned long long)vma_at(m, expect)->start);
	return 0;
}
