/*
 * Searches in the trees of VMAs, and the check of a tree against its list.
 * vma_tree.c draws and changes them.
 */
#include "vma_tree_i.h"

/* Number of entries that end at addr or below. */
static uint32_t node_below(const struct vma_node *n, vaddr_t addr)
{
	const vaddr_t *base = n->end;
	uint32_t len = n->nr;

	while (len > 1) {
		uint32_t half = len / 2;

		base += base[half - 1] <= addr ? half : 0;
		len -= half;
	}
	return base - n->end + (len && *base <= addr);
}

/* The guess, if addr lies in its VMA or in the hole below. */
static struct vma *find_recent(struct vm *m, idx_t mm, vaddr_t addr)
{
	const struct vma_tree *t = m->trees + mm;
	const struct vma_node *n = node_at(m, t->recent);
	uint32_t i = t->recent_at;
	struct vma *v;

	if (!t->recent || n->mm != mm || !n->leaf || i >= n->nr ||
		addr >= n->end[i])
		return NULL;
	v = vma_at(m, n->item[i]);
	return addr >= v->start - n->gap[i] ? v : NULL;
}

/* Its neighbour below is wanted next, and where both are. */
static struct vma *leaf_entry(
	const struct vm *m, const struct vma_node *n, uint32_t i)
{
	if (i) {
		__builtin_prefetch(vma_at(m, n->item[i - 1]));
		__builtin_prefetch(leaf_of(m, n->item[i - 1]));
	}
	__builtin_prefetch(leaf_of(m, n->item[i]));
	return vma_at(m, n->item[i]);
}

/* A leaf is rarely in the cache when there are many: all its lines come at
 * once rather than one after the other. */
static void node_prefetch(const struct vma_node *n)
{
	for (size_t i = 0; i < sizeof(*n); i += 64)
		__builtin_prefetch((const char *)n + i);
}

struct vma *vma_find(struct vm *m, idx_t mm, vaddr_t addr)
{
	struct vma *v = find_recent(m, mm, addr);
	uint32_t at = m->trees[mm].root;

	if (v)
		return v;
	while (at) {
		const struct vma_node *n = node_at(m, at);
		uint32_t i;

		node_prefetch(n);
		i = node_below(n, addr);
		if (i == n->nr)
			return NULL;
		if (n->leaf)
			return leaf_entry(m, n, i);
		at = n->item[i];
	}
	return NULL;
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

static struct vma *entry_fits(struct vm *m, const struct vma_node *n,
	uint32_t i, const struct want *w)
{
	struct vma *v = vma_at(m, n->item[i]);

	return v->start - n->gap[i] <= w->from_max && v->start >= w->to_min
		       ? v
		       : NULL;
}

static struct vma *highest(struct vm *m, uint32_t at, const struct want *w)
{
	const struct vma_node *n = node_at(m, at);
	uint32_t i = node_below(n, w->from_max);

	if (i == n->nr)
		i--;
	for (;; i--) {
		struct vma *v;

		while (i && n->gap[i] < w->len)
			i--;
		if (n->end[i] <= w->to_min || n->gap[i] < w->len)
			return NULL;
		v = n->leaf ? entry_fits(m, n, i, w)
			    : highest(m, n->item[i], w);
		if (v && n->leaf) {
			m->trees[n->mm].recent = at;
			m->trees[n->mm].recent_at = i;
		}
		if (v || !i)
			return v;
	}
}

static struct vma *lowest(struct vm *m, uint32_t at, const struct want *w)
{
	const struct vma_node *n = node_at(m, at);

	for (uint32_t i = node_below(n, w->to_min); i < n->nr; i++) {
		struct vma *v = NULL;

		if (n->gap[i] >= w->len)
			v = n->leaf ? entry_fits(m, n, i, w)
				    : lowest(m, n->item[i], w);
		if (v || n->end[i] > w->from_max)
			return v;
	}
	return NULL;
}

/* The hole above the last VMA has no entry. */
static vaddr_t last_end(const struct vm *m, idx_t mm)
{
	idx_t last = mm_at(m, mm)->last;

	return last ? vma_at(m, last)->end : 0;
}

bool vma_tree_highest(struct vm *m, idx_t mm, vaddr_t low, vaddr_t high,
	uint64_t len, vaddr_t *hole_end)
{
	const struct want w = {high - len, low + len, len};
	const struct vma *v;
	vaddr_t top = last_end(m, mm);

	if (high < len || high - len < low)
		return false;
	if (top <= high - len) {
		*hole_end = high;
		return true;
	}
	v = highest(m, m->trees[mm].root, &w);
	if (!v)
		return false;
	*hole_end = v->start < high ? v->start : high;
	return true;
}

bool vma_tree_lowest(struct vm *m, idx_t mm, vaddr_t low, vaddr_t high,
	uint64_t len, vaddr_t *hole_start)
{
	const struct want w = {high - len, low + len, len};
	uint32_t root = m->trees[mm].root;
	const struct vma *v;
	vaddr_t from;

	if (high < len || high - len < low)
		return false;
	v = root ? lowest(m, root, &w) : NULL;
	from = v ? v->start - gap_below(m, v) : last_end(m, mm);
	if (from < low)
		from = low;
	if (from > high - len)
		return false;
	*hole_start = from;
	return true;
}

/* ---- check -------------------------------------------------------------- */

/* A walk through a tree along the list. */
struct tree_walk {
	struct vm *m;
	idx_t mm, expect;
};

static int check_entry(
	const struct tree_walk *w, const struct vma_node *n, uint32_t i)
{
	const struct vma *v = vma_at(w->m, n->item[i]);

	if (n->item[i] != w->expect || v->mm != w->mm)
		return vm_fail(w->m, EIO,
			"mm %u: the tree and the list differ in order at %llx",
			w->mm, (unsigned long long)v->start);
	if (n->end[i] == v->end && n->gap[i] == gap_below(w->m, v) &&
		*leaf_of(w->m, n->item[i]) == node_index(w->m, n))
		return 0;
	return vm_fail(w->m, EIO,
		"mm %u: the tree has a hole of %llx bytes below a VMA that "
		"ends at %llx, the list %llx below %llx",
		w->mm, (unsigned long long)n->gap[i],
		(unsigned long long)n->end[i],
		(unsigned long long)gap_below(w->m, v),
		(unsigned long long)v->end);
}

static int check_node(struct tree_walk *w, const struct vma_node *n)
{
	if (n->mm != w->mm || (n->parent && n->nr < NODE_MIN))
		return vm_fail(w->m, EIO,
			"mm %u: a node of the tree has %u entries and belongs "
			"to mm %u",
			w->mm, n->nr, n->mm);
	for (uint32_t i = 0; i < n->nr; i++) {
		const struct vma_node *child = node_at(w->m, n->item[i]);

		if (n->leaf) {
			if (check_entry(w, n, i))
				return -EIO;
			w->expect = vma_at(w->m, n->item[i])->next;
			continue;
		}
		if (check_node(w, child))
			return -EIO;
		if (child->parent != node_index(w->m, n) ||
			n->end[i] != child->end[child->nr - 1] ||
			n->gap[i] != node_max_gap(child))
			return vm_fail(w->m, EIO,
				"mm %u: the tree is wrong about the VMAs that "
				"end at %llx",
				w->mm, (unsigned long long)n->end[i]);
	}
	return 0;
}

int vma_tree_check(struct vm *m, idx_t mm)
{
	struct tree_walk w = {m, mm, mm_at(m, mm)->first};
	uint32_t root = m->trees[mm].root;

	if (root && check_node(&w, node_at(m, root)))
		return -EIO;
	if (w.expect)
		return vm_fail(m, EIO, "mm %u: %llx is not in the tree", mm,
			(unsigned long long)vma_at(m, w.expect)->start);
	return 0;
}
