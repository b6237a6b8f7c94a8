#include "rmap.h"

#include "../disk/disk.h"
#include "../phys/lru.h"

uint32_t frame_owner_number(const struct vm *m, const struct frame *f)
{
	switch (f->state) {
	case FRAME_ANON:
		return frame_owner(m, f);
	case FRAME_HUGETLB:
		if (f->flags & FR_HUGETLB_ANON || !f->owner)
			return f->owner;
		return inode_at(m, f->owner)->ino;
	case FRAME_FILE:
	case FRAME_SHMEM:
		return inode_at(m, frame_owner(m, f))->ino;
	default:
		return f->owner;
	}
}

/* ---- walk ---------------------------------------------------------------- */

struct walk_to {
	pfn_t pfn;
	rmap_fn *fn;
	void *ctx;
};

/* Calls fn if the entry of va maps the frame. */
static void visit(
	struct vm *m, const struct walk_to *w, struct vma *v, vaddr_t va)
{
	struct rmap_entry e = {.v = v, .va = va};
	uint64_t span, pte;

	e.tab = pt_leaf_table(m, mm_at(m, v->mm), va, &e.i, &span);
	if (!e.tab)
		return;
	pte = entry_get(m, e.tab, e.i);
	if (pte_present(m, pte) && !(pte & m->arch->pte.special) &&
		pte_pfn(m, pte) == w->pfn)
		w->fn(m, &e, w->ctx);
}

/* The VMA has the page at that pgoff, or not. */
static void visit_vma(
	struct vm *m, const struct walk_to *w, struct vma *v, uint64_t pgoff)
{
	if (pgoff >= v->pgoff && pgoff - v->pgoff < vma_pages(m, v))
		visit(m, w, v,
			v->start + ((pgoff - v->pgoff) << m->page_shift));
}

void rmap_walk(struct vm *m, pfn_t pfn, rmap_fn *fn, void *ctx)
{
	const struct frame *f = frame_at(m, pfn);
	const struct walk_to w = {pfn, fn, ctx};
	uint64_t index = frame_index(m, f);
	idx_t owner = frame_owner(m, f);
	struct vma *v;

	if (!f->mapcount)
		return;
	if (f->flags & FR_LARGE) {
		pfn_t head = folio_head(m, pfn);

		for (idx_t i = rmap_first(m, head); i && f->mapcount;
			i = rmap_next(m, head, i))
			visit_vma(m, &w, vma_at(m, i), index);
		return;
	}
	if (f->state == FRAME_ANON && f->flags & FR_EXCLUSIVE) {
		vaddr_t va = index << m->page_shift;

		v = vma_lookup(m, owner, va);
		if (v)
			visit(m, &w, v, va);
		return;
	}
	if (f->state == FRAME_ANON) {
		for (idx_t i = family_at(m, owner)->first; i && f->mapcount;
			i = vma_at(m, i)->kin_next)
			visit_vma(m, &w, vma_at(m, i), index);
		return;
	}
	for (idx_t i = inode_at(m, owner)->mappings; i && f->mapcount;
		i = vma_at(m, i)->peer_next)
		visit_vma(m, &w, vma_at(m, i), index);
}

/* ---- lists --------------------------------------------------------------- */

void rmap_join(struct vm *m, struct vma *v, idx_t family)
{
	idx_t i = vma_index(m, v);
	struct family *f;

	if (!family) /* as many fit as VMAs: it cannot fail */
		family = pool_alloc(m, SEG_FAMILY);
	f = family_at(m, family);
	v->family = family;
	v->kin_prev = 0;
	v->kin_next = f->first;
	if (f->first)
		vma_at(m, f->first)->kin_prev = i;
	f->first = i;
	f->nr++;
}

void rmap_leave(struct vm *m, struct vma *v)
{
	struct family *f = family_at(m, v->family);

	if (!v->family)
		return;
	if (v->kin_next)
		vma_at(m, v->kin_next)->kin_prev = v->kin_prev;
	if (v->kin_prev)
		vma_at(m, v->kin_prev)->kin_next = v->kin_next;
	else
		f->first = v->kin_next;
	if (!--f->nr)
		pool_free(m, SEG_FAMILY, v->family);
	v->family = v->kin_prev = v->kin_next = 0;
}

void rmap_add(struct vm *m, struct vma *v)
{
	idx_t i = vma_index(m, v), family = v->family;
	struct inode *n;

	v->family = v->kin_prev = v->kin_next = 0;
	v->peer_prev = v->peer_next = 0;
	if (family)
		rmap_join(m, v, family);
	if (!v->file)
		return;
	n = inode_at(m, file_at(m, v->file)->inode);
	v->peer_next = n->mappings;
	if (n->mappings)
		vma_at(m, n->mappings)->peer_prev = i;
	n->mappings = i;
}

void rmap_del(struct vm *m, struct vma *v)
{
	rmap_leave(m, v);
	if (!v->file)
		return;
	if (v->peer_next)
		vma_at(m, v->peer_next)->peer_prev = v->peer_prev;
	if (v->peer_prev)
		vma_at(m, v->peer_prev)->peer_next = v->peer_next;
	else
		inode_at(m, file_at(m, v->file)->inode)->mappings =
			v->peer_next;
}

/* ---- check --------------------------------------------------------------- */

/* VMAs that the lists hold, each in a list that it names. */
static int check_kin(struct vm *m, uint64_t *nr)
{
	for (idx_t i = 1; i < m->root->pool[SEG_FAMILY].nr; i++) {
		const struct family *f = family_at(m, i);
		idx_t prev = 0, at = f->nr ? f->first : 0;
		uint32_t n = 0;

		for (; at && n < f->nr;
			prev = at, at = vma_at(m, at)->kin_next, n++)
			if (vma_at(m, at)->family != i ||
				vma_at(m, at)->kin_prev != prev)
				break;
		if (at || n != f->nr)
			return vm_fail(m, EIO,
				"family %u counts %u VMAs, its list breaks "
				"behind %u",
				i, f->nr, n);
		*nr += n;
	}
	return 0;
}

static int check_peers(struct vm *m, uint64_t *nr)
{
	uint32_t most = pool_live(m, SEG_VMA);

	for (idx_t i = 1; i < m->root->pool[SEG_INODE].nr; i++) {
		idx_t prev = 0, at = inode_at(m, i)->mappings;
		uint32_t n = 0;

		/* the first word of a free inode is a link */
		if (inode_at(m, i)->type != INODE_FILE &&
			inode_at(m, i)->type != INODE_SHMEM &&
			inode_at(m, i)->type != INODE_HUGETLB)
			continue;
		for (; at; prev = at, at = vma_at(m, at)->peer_next) {
			const struct vma *v = vma_at(m, at);

			if (++n > most || v->peer_prev != prev || !v->file ||
				file_at(m, v->file)->inode != i)
				return vm_fail(m, EIO,
					"inode %u: the list of its mappings "
					"breaks at VMA %u",
					i, at);
		}
		*nr += n;
	}
	return 0;
}

static void count_entry(struct vm *m, const struct rmap_entry *e, void *ctx)
{
	++*(uint32_t *)ctx;
}

bool rmap_leads(const struct vm *m, pfn_t pfn, const struct vma *v, vaddr_t va)
{
	const struct frame *f = frame_at(m, pfn);
	uint64_t index = frame_index(m, f), page = va >> m->page_shift;
	bool large = f->flags & FR_LARGE;
	idx_t owner = large ? frame_at(m, folio_head(m, pfn))->owner
			    : frame_owner(m, f);

	if (f->state == FRAME_ANON && f->flags & FR_EXCLUSIVE && !large)
		return owner == v->mm && index == page;
	if (f->state == FRAME_ANON && v->family != owner)
		return false;
	if (f->state != FRAME_ANON &&
		(!v->file || file_at(m, v->file)->inode != owner))
		return false;
	return index - v->pgoff == page - (v->start >> m->page_shift);
}

/* From a page its entries are found, all of them; of a large one, which as many
 * huge entries map besides. */
static int check_walk(struct vm *m, pfn_t pfn, uint32_t huge)
{
	uint32_t found = huge;

	rmap_walk(m, pfn, count_entry, &found);
	if (found == frame_at(m, pfn)->mapcount)
		return 0;
	return vm_fail(m, EIO,
		"frame %u is mapped by %u PTEs, from it %u are found", pfn,
		frame_at(m, pfn)->mapcount, found);
}

/* Pages that very many VMAs may map are not walked from: for each VMA it would
 * take as many steps as there are pages.  That their entries lead back to them
 * is checked of each entry, with rmap_leads(). */
#define WALK_MAX 64

static bool is_short(const struct vm *m, pfn_t head)
{
	const struct frame *f = frame_at(m, head);
	unsigned n = 0;

	if (f->state == FRAME_ANON && f->flags & FR_EXCLUSIVE &&
		!(f->flags & FR_LARGE))
		return true;
	if (f->state == FRAME_ANON)
		return family_at(m, frame_owner(m, f))->nr <= WALK_MAX;
	for (idx_t i = inode_at(m, f->owner)->mappings; i && n <= WALK_MAX; n++)
		i = vma_at(m, i)->peer_next;
	return n <= WALK_MAX;
}

static int check_walks(struct vm *m)
{
	unsigned order, nr = 0;

	for (pfn_t pfn = 0; phys_next_used(m, &pfn, &order);
		pfn += 1u << order) {
		uint32_t huge = order > 1 ? frame_at(m, pfn)[1].next : 0;

		if (!frame_on_lru(frame_at(m, pfn)) || !is_short(m, pfn))
			continue;
		if (++nr % PLACE_PAGES == 0 && vm_halts(m))
			return -EINTR;
		for (unsigned i = 0; i < 1u << order; i++)
			if (check_walk(m, pfn + i, huge))
				return -EIO;
	}
	return 0;
}

int rmap_check(struct vm *m)
{
	uint64_t kin = 0, peers = 0, want_kin = 0, want_peers = 0;
	struct vma *v;

	if (check_kin(m, &kin) || check_peers(m, &peers))
		return -EIO;
	for (idx_t i = 1; i < m->root->pool[SEG_MM].nr; i++) {
		if (!mm_at(m, i)->pgd)
			continue;
		vma_for_each (m, mm_at(m, i), v) {
			want_kin += v->family != 0;
			want_peers += v->file != 0;
		}
	}
	if (kin == want_kin && peers == want_peers)
		return check_walks(m);
	return vm_fail(m, EIO,
		"%llu VMAs have a family and %llu a file, the lists hold %llu "
		"and %llu",
		(unsigned long long)want_kin, (unsigned long long)want_peers,
		(unsigned long long)kin, (unsigned long long)peers);
}
