/*
 * Large pages of shared memory.
 *
 *	shmem_enabled            nameless objects, memfd    /dev/shm
 *	-------------            -----------------------    --------
 *	never                    none                       none
 *	advise                   where MADV_HUGEPAGE is     none
 *	within_size              that, and inside objects   none
 *	always                   yes                        none
 *	deny                     none, and no collapse      the same
 *	force                    yes                        yes
 *
 * The first four words are also those of the mount behind nameless objects,
 * which keeps its last one while deny or force are set.  /dev/shm is a mount of
 * its own, without `huge=`.  hugepages-2048kB/shmem_enabled stands above that
 * for what processes map, where it does not say inherit.
 *
 * A mapping gets huge pages alone; a write finds any order where a huge page
 * does not fit.
 *
 * Source: Linux mm/shmem.c (shmem_huge_global_enabled,
 * shmem_allowable_huge_orders, shmem_alloc_and_add_folio), include/linux/
 * huge_mm.h (thp_vma_suitable_order, vma_thp_disabled).
 */
#include "shmem_huge.h"

#include "../numa/mempolicy.h"
#include "../reclaim/reclaim.h"
#include "huge.h"

bool vma_is_shmem(const struct vm *m, const struct vma *v)
{
	return v->file &&
	       inode_at(m, file_at(m, v->file)->inode)->type == INODE_SHMEM;
}

static uint32_t huge_bit(const struct vm *m)
{
	return 1u << huge_order(m);
}

/* All orders but single pages. */
static uint32_t all_orders(const struct vm *m)
{
	return 2 * huge_bit(m) - 2;
}

/* Orders up to the largest whose block around `page` ends in the object. */
static uint32_t within_size(const struct vm *m, const struct inode *n,
	uint32_t orders, uint64_t page, uint64_t end)
{
	uint64_t pages =
		page_up(m, end > n->size ? end : n->size) >> m->page_shift;

	for (unsigned o = huge_order(m); o; o--) {
		uint64_t stop = (page + (1ull << o)) & ~((1ull << o) - 1);

		if (orders >> o & 1 && pages >= stop)
			return orders & (2u * (1u << o) - 1);
	}
	return 0;
}

static uint32_t advised(const struct vm *m, const struct vma *v)
{
	return v && v->flags & VM_HUGEPAGE ? huge_bit(m) : 0;
}

/* By shmem_enabled and the mount. */
static uint32_t mount_orders(const struct vm *m, const struct inode *n,
	const struct vma *v, uint64_t page, uint64_t end, enum shmem_use use)
{
	const struct settings *s = &m->root->set;
	uint32_t orders = v ? huge_bit(m) : all_orders(m);

	if (s->shmem_enabled == SHMEM_HUGE_DENY)
		return 0;
	if (use == SHMEM_ASKED || s->shmem_enabled == SHMEM_HUGE_FORCE)
		return huge_bit(m);
	if (n->tmpfs)
		return 0;
	switch (s->shmem_mount) {
	case SHMEM_HUGE_ALWAYS:
		return orders;
	case SHMEM_HUGE_WITHIN_SIZE:
		orders = within_size(m, n, orders, page, end);
		return orders ? orders : advised(m, v);
	case SHMEM_HUGE_ADVISE:
		return advised(m, v);
	default:
		return 0;
	}
}

static bool vma_may(const struct vm *m, const struct vma *v, enum shmem_use use)
{
	uint32_t off = mm_at(m, v->mm)->thp_disable;

	if (v->flags & VM_NOHUGEPAGE || off == 1)
		return false;
	return !off || use == SHMEM_ASKED || v->flags & VM_HUGEPAGE;
}

/* By the size's own file, of an object that no directory names. */
static uint32_t size_orders(const struct vm *m, const struct inode *n,
	const struct vma *v, uint64_t page, uint32_t mount)
{
	const struct settings *s = &m->root->set;
	uint32_t huge = huge_bit(m);

	if (s->shmem_enabled == SHMEM_HUGE_DENY)
		return 0;
	if (s->shmem_enabled == SHMEM_HUGE_FORCE)
		return s->shmem_pmd == SHMEM_PMD_INHERIT ? huge : 0;
	switch (s->shmem_pmd) {
	case SHMEM_PMD_ALWAYS:
		return huge;
	case SHMEM_PMD_WITHIN_SIZE:
		return within_size(m, n, huge, page, 0);
	case SHMEM_PMD_ADVISE:
		return advised(m, v);
	case SHMEM_PMD_INHERIT:
		return mount ? huge : 0;
	default:
		return 0;
	}
}

/*
 * The orders, as bits, that page `page` of the object may come in: to a
 * mapping, or to a write that ends at byte `end` (v NULL).
 */
static uint32_t shmem_orders(const struct vm *m, const struct inode *n,
	const struct vma *v, uint64_t page, uint64_t end, enum shmem_use use)
{
	uint32_t orders;

	if (!m->arch->thp || policy_on(m) || (v && !vma_may(m, v, use)))
		return 0;
	orders = mount_orders(m, n, v, page, end, use);
	return v && !n->linked ? size_orders(m, n, v, page, orders) : orders;
}

bool huge_suits(const struct vm *m, const struct vma *v, vaddr_t va)
{
	vaddr_t start = huge_down(m, va);
	uint64_t shift = (v->start >> m->page_shift) - v->pgoff;

	if (shift & (huge_bit(m) - 1))
		return false;
	return start >= v->start && start + huge_size(m) <= v->end;
}

bool shmem_huge_eligible(
	const struct vm *m, const struct vma *v, enum shmem_use use)
{
	const struct inode *n;

	if (!m->arch->thp || !vma_is_shmem(m, v) ||
		!huge_suits(m, v, v->end - huge_size(m)))
		return false;
	n = inode_at(m, file_at(m, v->file)->inode);
	return shmem_orders(m, n, v, v->pgoff, 0, use) & huge_bit(m);
}

/* ---- pages --------------------------------------------------------------- */

static pfn_t alloc_block(struct vm *m, unsigned gfp, unsigned order)
{
	pfn_t pfn = mem_alloc(m, gfp, order, FRAME_SHMEM, USE_SHMEM, true);

	place_back(m);
	if (!pfn)
		vm_fail_clear(m);
	return pfn;
}

/* As for anonymous memory: near by first, then with more effort anywhere. */
static pfn_t alloc_large(struct vm *m, const struct inode *n,
	const struct vma *v, uint64_t page, unsigned order)
{
	unsigned gfp = huge_gfp(m, v);
	bool again;
	pfn_t pfn;

	place_by_object(m, n, page, order);
	again = order == huge_order(m) && !(gfp & GFP_NOWAIT) &&
		!m->interleaving;
	pfn = alloc_block(m, again ? gfp | GFP_NORETRY : gfp, order);
	if (!pfn && again) {
		place_by_object(m, n, page, 0);
		pfn = alloc_block(m, gfp, order);
	}
	if (!pfn)
		m->root->count[CNT_THP_FILE_FALLBACK] += order == huge_order(m);
	return pfn;
}

/* Tries the orders, the largest first. */
static pfn_t new_large(struct vm *m, idx_t inode, const struct vma *v,
	uint64_t page, uint32_t orders)
{
	const struct inode *n = inode_at(m, inode);

	for (unsigned o = huge_order(m); o; o--) {
		uint64_t first = page & ~((1ull << o) - 1);
		pfn_t head;

		if (!(orders >> o & 1) ||
			!cache_is_empty(m, n, first, 1ull << o))
			continue;
		head = alloc_large(m, n, v, first, o);
		if (!head)
			continue;
		if (!cache_add_large(m, inode, page, o, head))
			return PFN_NONE;
		m->root->count[CNT_THP_FILE_ALLOC] += o == huge_order(m);
		return head + (pfn_t)(page - first);
	}
	return PFN_NONE;
}

pfn_t shmem_page(struct vm *m, idx_t inode, const struct vma *v, vaddr_t va,
	uint64_t page, uint64_t end, bool *major)
{
	const struct inode *n = inode_at(m, inode);
	uint32_t orders;
	pfn_t pfn = radix_get(m, n->cache, page);

	if (pfn || radix_get(m, n->away, page))
		return cache_get(m, inode, page, major);
	orders = shmem_orders(m, n, v, page, end, SHMEM_FAULT);
	if (v && !huge_suits(m, v, va))
		orders = 0;
	pfn = orders ? new_large(m, inode, v, page, orders) : PFN_NONE;
	return pfn ? pfn : cache_get(m, inode, page, major);
}
