/*
 * Radix tree from a page number to a 32-bit value, in nodes of 64 slots:
 *
 *	key  ...  17      12 11       6 5        0
 *	     ---+----------+----------+----------+
 *	        | height 2 | height 1 | height 0 |
 *	     ---+----------+----------+----------+
 *
 * A slot of height 0 holds the value, a slot above the index of the node
 * below.  No node is empty, and the root is the lowest node that reaches the
 * largest key: so equal contents have equal shapes.
 */
#include <assert.h>

#include "disk_i.h"

#define SLOT_BITS  6
#define NR_SLOTS   (1u << SLOT_BITS)
#define MAX_HEIGHT 9 /* keys below 2^60 */

static struct radix_node *node_at(const struct vm *m, idx_t i)
{
	return (struct radix_node *)m->arena.seg[SEG_RADIX].base + i;
}

static unsigned slot_of(uint64_t key, unsigned height)
{
	return (key >> (height * SLOT_BITS)) & (NR_SLOTS - 1);
}

/* Whether a tree whose root has this height can hold the key. */
static bool reaches(unsigned height, uint64_t key)
{
	return key >> ((height + 1) * SLOT_BITS) == 0;
}

static unsigned height_for(uint64_t key)
{
	unsigned h = 0;

	while (!reaches(h, key))
		h++;
	return h;
}

uint32_t radix_get(const struct vm *m, idx_t root, uint64_t key)
{
	const struct radix_node *n;
	unsigned h;

	if (!root)
		return 0;
	n = node_at(m, root);
	h = n->height;
	if (!reaches(h, key))
		return 0;
	for (; h; h--) {
		idx_t child = n->slot[slot_of(key, h)];

		if (!child)
			return 0;
		n = node_at(m, child);
	}
	return n->slot[slot_of(key, 0)];
}

/* The caller has made sure that the pool has room. */
static idx_t node_new(struct vm *m, unsigned height)
{
	idx_t i = pool_alloc(m, SEG_RADIX);

	assert(i);
	node_at(m, i)->height = height;
	return i;
}

static void slot_fill(struct radix_node *n, unsigned i, uint32_t value)
{
	n->used += !n->slot[i];
	n->slot[i] = value;
}

int radix_room(struct vm *m, uint64_t keys)
{
	/* contiguous keys: full nodes, and at both ends of each level one that
	 * is not; and the tree may grow by all its height */
	uint64_t need = keys / 32 + 3 * (MAX_HEIGHT + 1);

	if (pool_room(m, SEG_RADIX) >= need)
		return 0;
	return vm_fail(m, ENOMEM,
		"the machine's table \"%s\" has room for %u entries, %llu may "
		"be needed",
		arena_seg_name(SEG_RADIX), pool_room(m, SEG_RADIX),
		(unsigned long long)need);
}

int radix_set(struct vm *m, idx_t *root, uint64_t key, uint32_t value)
{
	struct radix_node *n;
	int err = radix_room(m, 1);

	if (err)
		return err;
	if (!*root)
		*root = node_new(m, height_for(key));
	while (!reaches(node_at(m, *root)->height, key)) {
		idx_t top = node_new(m, node_at(m, *root)->height + 1);

		slot_fill(node_at(m, top), 0, *root);
		*root = top;
	}
	n = node_at(m, *root);
	for (unsigned h = n->height; h; h--) {
		unsigned i = slot_of(key, h);

		if (!n->slot[i])
			slot_fill(n, i, node_new(m, h - 1));
		n = node_at(m, n->slot[i]);
	}
	slot_fill(n, slot_of(key, 0), value);
	return 0;
}

/* Lowers the root while all that it holds lies below its first slot. */
static void root_shrink(struct vm *m, idx_t *root)
{
	for (;;) {
		const struct radix_node *n = node_at(m, *root);
		idx_t below = n->slot[0];

		if (!n->height || n->used != 1 || !below)
			return;
		pool_free(m, SEG_RADIX, *root);
		*root = below;
	}
}

void radix_del(struct vm *m, idx_t *root, uint64_t key)
{
	idx_t path[MAX_HEIGHT + 1];
	unsigned top, h;

	if (!radix_get(m, *root, key))
		return;
	top = node_at(m, *root)->height;
	path[top] = *root;
	for (h = top; h; h--)
		path[h - 1] = node_at(m, path[h])->slot[slot_of(key, h)];
	for (h = 0; h <= top; h++) {
		struct radix_node *n = node_at(m, path[h]);

		n->slot[slot_of(key, h)] = 0;
		if (--n->used) {
			root_shrink(m, root);
			return;
		}
		pool_free(m, SEG_RADIX, path[h]);
	}
	*root = 0;
}

uint32_t radix_next(const struct vm *m, idx_t root, uint64_t *key)
{
	uint64_t k = *key;

	while (root && reaches(node_at(m, root)->height, k)) {
		const struct radix_node *n = node_at(m, root);

		for (unsigned h = n->height;; h--) {
			unsigned shift = h * SLOT_BITS;
			unsigned i = slot_of(k, h);

			for (; i < NR_SLOTS && !n->slot[i]; i++)
				k = ((k >> shift) + 1) << shift;
			if (i == NR_SLOTS)
				break; /* k begins the next subtree */
			if (!h) {
				*key = k;
				return n->slot[i];
			}
			n = node_at(m, n->slot[i]);
		}
	}
	return 0;
}

void radix_clear(struct vm *m, idx_t *root)
{
	idx_t path[MAX_HEIGHT + 1];
	unsigned at[MAX_HEIGHT + 1] = {0};
	unsigned h, top;

	if (!*root)
		return;
	h = top = node_at(m, *root)->height;
	path[h] = *root;
	while (h <= top) {
		const struct radix_node *n = node_at(m, path[h]);

		while (h && at[h] < NR_SLOTS && !n->slot[at[h]])
			at[h]++;
		if (h && at[h] < NR_SLOTS) {
			path[h - 1] = n->slot[at[h]++];
			at[--h] = 0;
			continue;
		}
		pool_free(m, SEG_RADIX, path[h++]);
	}
	*root = 0;
}

static bool check_node(
	const struct vm *m, idx_t i, unsigned height, struct radix_count *c)
{
	const struct radix_node *n = node_at(m, i);
	unsigned used = 0;

	if (i >= m->root->pool[SEG_RADIX].nr || n->height != height)
		return false;
	c->nodes++;
	for (unsigned s = 0; s < NR_SLOTS; s++) {
		if (!n->slot[s])
			continue;
		used++;
		if (!height)
			c->values++;
		else if (!check_node(m, n->slot[s], height - 1, c))
			return false;
	}
	return used && used == n->used;
}

bool radix_check(const struct vm *m, idx_t root, struct radix_count *c)
{
	unsigned height;

	if (!root)
		return true;
	height = node_at(m, root)->height;
	return height <= MAX_HEIGHT && check_node(m, root, height, c);
}
