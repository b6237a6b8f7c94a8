/*
 * Inodes and names in the kernel's memory.
 *
 * The disk has all of its files; what somebody looked up is in memory, too, as
 * objects of slabs: a dentry for the name, and the inode.  A dentry holds the
 * one of its directory.  Nobody needs a dentry that no open file and no dentry
 * below holds: it stays, on a list in the order in which they came, until
 * memory is short.
 *
 *	looked up, open ---> unused: dentry list ---> inode list ---> on disk
 *	     ^                  | used meanwhile: once more round        |
 *	     +------------------+----------------------------------------+
 *
 * Without a dentry an inode stays while it has cached pages, and then on the
 * second list.  Names of shared memory (a tmpfs, and objects without a name)
 * are held by their file system.
 *
 * Source: Linux fs/dcache.c (dput, retain_dentry, prune_dcache_sb,
 * shrink_kill), fs/inode.c (iput_final, inode_lru_isolate), fs/super.c
 * (super_cache_count, super_cache_scan), mm/shrinker.c (do_shrink_slab).
 * Names that do not exist are not remembered.
 */
#include "dcache.h"

#include <assert.h>

#include "../slab/slab.h"
#include "disk_i.h"

#define SCAN_BATCH 1024u
#define SEEKS	   2u

/* ---- lists --------------------------------------------------------------- */

static struct object_list *list_of(
	const struct vm *m, const struct inode *n, enum inode_list which)
{
	paddr_t object = which == LIST_DENTRY ? n->dentry : n->object;
	unsigned node = node_of(m, (pfn_t)(object >> m->page_shift));

	return &m->root->node[node].unused[which - 1];
}

static void list_add(struct vm *m, idx_t i, enum inode_list which)
{
	struct inode *n = inode_at(m, i);
	struct object_list *l = list_of(m, n, which);

	n->list = which;
	n->list_prev = l->last;
	n->list_next = 0;
	if (l->last)
		inode_at(m, l->last)->list_next = i;
	else
		l->first = i;
	l->last = i;
	l->nr++;
}

static void list_del(struct vm *m, idx_t i)
{
	struct inode *n = inode_at(m, i);
	struct object_list *l;

	if (!n->list)
		return;
	l = list_of(m, n, n->list);
	if (n->list_prev)
		inode_at(m, n->list_prev)->list_next = n->list_next;
	else
		l->first = n->list_next;
	if (n->list_next)
		inode_at(m, n->list_next)->list_prev = n->list_prev;
	else
		l->last = n->list_prev;
	n->list_prev = n->list_next = n->list = 0;
	l->nr--;
}

/* ---- who is needed ------------------------------------------------------- */

/* Held by their file system: the root, and what lies in memory alone. */
static bool is_pinned(const struct vm *m, idx_t i)
{
	const struct inode *n = inode_at(m, i);

	return i == m->root->disk_root || n->type == INODE_SHMEM ||
	       n->type == INODE_HUGETLB;
}

static bool dentry_is_held(const struct inode *n)
{
	return n->refs || n->nr_dentries;
}

/* Nobody holds the dentry any more: on the list, or used once more. */
static void dentry_put(struct vm *m, idx_t i)
{
	struct inode *n = inode_at(m, i);

	if (!n->dentry || dentry_is_held(n) || is_pinned(m, i))
		return;
	if (n->list)
		n->used_again = 1;
	else
		list_add(m, i, LIST_DENTRY);
}

/* The same of an inode without a dentry, once it has no pages. */
static void inode_unused(struct vm *m, idx_t i)
{
	struct inode *n = inode_at(m, i);

	if (!n->object || n->dentry || n->refs || n->nr_cached ||
		is_pinned(m, i))
		return;
	if (n->list)
		n->used_again = 1;
	else
		list_add(m, i, LIST_INODE);
}

void dcache_no_pages(struct vm *m, struct inode *n)
{
	if (!n->nr_cached)
		inode_unused(m, (idx_t)(n - inode_at(m, 0)));
}

/* ---- into memory --------------------------------------------------------- */

static enum kernel_cache cache_of(const struct inode *n)
{
	switch (n->type) {
	case INODE_SHMEM:
		return CACHE_SHMEM_INODE;
	case INODE_HUGETLB:
		return CACHE_HUGETLB_INODE;
	default:
		return CACHE_DISK_INODE;
	}
}

int dcache_bring_in(struct vm *m, idx_t i)
{
	struct inode *n = inode_at(m, i);
	bool had = n->object;

	if (!had)
		n->object = object_alloc(m, cache_of(n));
	if (!n->object)
		return -ENOMEM;
	list_del(m, i);
	n->dentry = object_alloc(m, CACHE_DENTRY);
	if (n->dentry) {
		n->used_again = 0;
		if (i != m->root->disk_root && n->parent)
			inode_at(m, n->parent)->nr_dentries++;
		return 0;
	}
	if (had) {
		inode_unused(m, i);
	} else {
		slab_free(m, n->object);
		n->object = 0;
	}
	return -ENOMEM;
}

int dcache_use(struct vm *m, idx_t i)
{
	struct inode *n = inode_at(m, i);

	if (!n->dentry) {
		if (n->parent && i != m->root->disk_root &&
			dcache_use(m, n->parent))
			return -ENOMEM;
		if (dcache_bring_in(m, i))
			return -ENOMEM;
	}
	dentry_put(m, i);
	return 0;
}

void dcache_linked(struct vm *m, idx_t i)
{
	const struct inode *n = inode_at(m, i);

	if (!n->dentry)
		return;
	inode_at(m, n->parent)->nr_dentries++;
	dentry_put(m, i);
}

void dcache_unlinked(struct vm *m, idx_t i)
{
	const struct inode *n = inode_at(m, i);

	if (!n->dentry)
		return;
	inode_at(m, n->parent)->nr_dentries--;
	dentry_put(m, n->parent);
}

void dcache_put(struct vm *m, idx_t i)
{
	dentry_put(m, i);
	inode_unused(m, i);
}

/* ---- out of memory ------------------------------------------------------- */

void dcache_forget(struct vm *m, idx_t i)
{
	struct inode *n = inode_at(m, i);

	list_del(m, i);
	slab_free(m, n->dentry);
	slab_free(m, n->object);
	n->dentry = n->object = 0;
}

/* A dentry that nobody holds goes, and those above that it alone held. */
static uint64_t dentry_kill(struct vm *m, idx_t i)
{
	uint64_t nr = 0;

	for (;;) {
		struct inode *n = inode_at(m, i);
		idx_t parent = n->parent;

		list_del(m, i);
		slab_free(m, n->dentry);
		n->dentry = 0;
		n->used_again = 0;
		nr++;
		inode_unused(m, i);
		inode_at(m, parent)->nr_dentries--;
		if (dentry_is_held(inode_at(m, parent)) || is_pinned(m, parent))
			return nr;
		i = parent;
	}
}

static uint64_t inode_evict(struct vm *m, idx_t i)
{
	struct inode *n = inode_at(m, i);

	list_del(m, i);
	slab_free(m, n->object);
	n->object = 0;
	n->used_again = 0;
	/* where its pages were is forgotten with it */
	radix_clear(m, &n->away);
	n->nr_away = 0;
	return 1;
}

/* What the first of a list becomes: it goes, or has another round, or, if it is
 * in use again, leaves the list. */
static uint64_t look_at(struct vm *m, idx_t i, enum inode_list which)
{
	struct inode *n = inode_at(m, i);
	bool held = which == LIST_DENTRY ? dentry_is_held(n)
					 : n->dentry || n->refs || n->nr_cached;

	if (held || n->used_again) {
		list_del(m, i);
		n->used_again = 0;
		if (!held)
			list_add(m, i, which);
		return 0;
	}
	return which == LIST_DENTRY ? dentry_kill(m, i) : inode_evict(m, i);
}

/* ---- the shrinker -------------------------------------------------------- */

static uint64_t scan(struct vm *m, struct numa_node *node,
	enum inode_list which, uint64_t nr)
{
	struct object_list *l = &node->unused[which - 1];
	uint64_t freed = 0;

	for (; nr && l->first; nr--)
		freed += look_at(m, l->first, which);
	return freed;
}

/* Of `nr`, as large a part of each list as it is of both. */
static uint64_t scan_both(struct vm *m, struct numa_node *node, uint64_t nr)
{
	uint64_t dentries = node->unused[LIST_DENTRY - 1].nr;
	uint64_t inodes = node->unused[LIST_INODE - 1].nr;
	uint64_t sum = dentries + inodes ? dentries + inodes : 1;

	return scan(m, node, LIST_DENTRY, nr * dentries / sum) +
	       scan(m, node, LIST_INODE, nr * inodes / sum);
}

uint64_t dcache_shrink(struct vm *m, unsigned node, int priority)
{
	struct numa_node *n = &m->root->node[node];
	uint64_t unused = (uint64_t)n->unused[0].nr + n->unused[1].nr;
	uint64_t freeable = unused * m->root->set.vfs_cache_pressure /
			    m->root->set.vfs_cache_pressure_denom;
	uint64_t before = n->shrink_deferred, delta, total, scanned = 0;
	uint64_t freed = 0;

	if (!freeable)
		return 0;
	delta = (freeable >> priority) * 4 / SEEKS;
	total = (before >> priority) + delta;
	if (total > 2 * freeable)
		total = 2 * freeable;
	while (total >= SCAN_BATCH || total >= freeable) {
		uint64_t nr = total < SCAN_BATCH ? total : SCAN_BATCH;

		freed += scan_both(m, n, nr);
		m->root->count[CNT_SLABS_SCANNED] += nr;
		total -= nr;
		scanned += nr;
	}
	n->shrink_deferred =
		before + delta > scanned ? before + delta - scanned : 0;
	if (n->shrink_deferred > 2 * freeable)
		n->shrink_deferred = 2 * freeable;
	return freed;
}

uint64_t dcache_drop(struct vm *m)
{
	uint64_t before = phys_sum(m, pages[USE_SLAB_RECLAIMABLE]), freed;
	unsigned shift = 0;

	do {
		freed = 0;
		for (unsigned n = 0; n < m->root->config.nodes; n++)
			freed += dcache_shrink(m, n, 0);
	} while (freed >> shift++ > 1);
	return before - phys_sum(m, pages[USE_SLAB_RECLAIMABLE]);
}

/* ---- check --------------------------------------------------------------- */

#define BAD(m, ...) vm_fail((m), EIO, __VA_ARGS__)

static int check_list(struct vm *m, unsigned node, enum inode_list which)
{
	const struct object_list *l = &m->root->node[node].unused[which - 1];
	idx_t prev = 0;
	uint32_t nr = 0;

	for (idx_t i = l->first; i; prev = i, i = inode_at(m, i)->list_next) {
		const struct inode *n = inode_at(m, i);

		if (i >= m->root->pool[SEG_INODE].nr || nr++ >= l->nr ||
			n->list != which || n->list_prev != prev ||
			list_of(m, n, which) != l)
			return BAD(m,
				"node %u: the list of unused %s is "
				"broken at inode %u",
				node, which == LIST_DENTRY ? "names" : "inodes",
				i);
	}
	if (nr == l->nr && prev == l->last)
		return 0;
	return BAD(
		m, "node %u: %u inodes are on a list of %u", node, nr, l->nr);
}

/* Objects in use, by cache; who is on a list; dentries below. */
struct tally {
	uint64_t used[CACHE_FIRST_OTHER];
	uint64_t listed;
};

static int check_inode(struct vm *m, idx_t i, struct tally *t)
{
	const struct inode *n = inode_at(m, i);
	uint32_t below = 0;

	for (idx_t c = n->child; c; c = inode_at(m, c)->sibling)
		below += inode_at(m, c)->dentry != 0;
	if ((n->object && !cache_holds(m, cache_of(n), n->object)) ||
		(n->dentry && !cache_holds(m, CACHE_DENTRY, n->dentry)))
		return BAD(m, "inode %u has no object at 0x%llx, 0x%llx", i,
			(unsigned long long)n->object,
			(unsigned long long)n->dentry);
	if (below != n->nr_dentries || (n->dentry && !n->object) ||
		((n->refs || below) && !n->dentry) ||
		(n->nr_cached && !n->object) || n->list > LIST_INODE ||
		(n->list && !(n->list == LIST_DENTRY ? n->dentry : n->object)))
		return BAD(m,
			"inode %u has %u references, %u dentries below (it "
			"counts %u), and is on list %u",
			i, n->refs, below, n->nr_dentries, n->list);
	t->used[cache_of(n)] += n->object != 0;
	t->used[CACHE_DENTRY] += n->dentry != 0;
	t->listed += n->list != 0;
	return 0;
}

static int check_sums(struct vm *m, const struct tally *t)
{
	static const idx_t caches[] = {CACHE_DENTRY, CACHE_DISK_INODE,
		CACHE_SHMEM_INODE, CACHE_HUGETLB_INODE};
	uint64_t listed = 0;

	for (size_t i = 0; i < sizeof(caches) / sizeof(*caches); i++)
		if (cache_at(m, caches[i])->used != t->used[caches[i]])
			return BAD(m,
				"\"%s\" has %llu objects in use, inodes have "
				"%llu",
				cache_at(m, caches[i])->name,
				(unsigned long long)cache_at(m, caches[i])
					->used,
				(unsigned long long)t->used[caches[i]]);
	for (unsigned n = 0; n < m->root->config.nodes; n++)
		listed += m->root->node[n].unused[0].nr +
			  m->root->node[n].unused[1].nr;
	return listed == t->listed ? 0
				   : BAD(m, "%llu inodes are on lists of %llu",
					     (unsigned long long)t->listed,
					     (unsigned long long)listed);
}

int dcache_check(struct vm *m)
{
	struct tally t = {{0}, 0};

	for (idx_t i = 1; i < m->root->pool[SEG_INODE].nr; i++)
		if (inode_at(m, i)->ino && check_inode(m, i, &t))
			return -EIO;
	for (unsigned n = 0; n < m->root->config.nodes; n++)
		if (check_list(m, n, LIST_DENTRY) ||
			check_list(m, n, LIST_INODE))
			return -EIO;
	return check_sums(m, &t);
}
