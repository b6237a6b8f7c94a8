/*
 * How a page of a VMA comes to be: demand-zero, the zero page, copy-on-write,
 * pages from swap.  Those of files and shared objects are file_fault.c's.
 *
 * Source: Linux mm/memory.c (do_anonymous_page, do_fault, do_wp_page).
 */
#include "../disk/disk.h"
#include "../phys/lru.h"
#include "fault_i.h"
#include "huge.h"
#include "../reclaim/reclaim.h"
#include "../swap/swap_in.h"
#include "hugetlb.h"
#include "rmap.h"

/* ---- anonymous pages --------------------------------------------------- */

static pfn_t anon_alloc(struct fault *x, bool zeroed)
{
	pfn_t pfn;

	place_for(x->m, x->v, x->va, 0);
	pfn = buddy_alloc(
		x->m, GFP_HIGHUSER_MOVABLE, 0, FRAME_ANON, USE_ANON, zeroed);
	place_back(x->m);
	return pfn;
}

/* The frame is this VMA's alone from now on. */
static void anon_owned(struct fault *x, pfn_t pfn)
{
	frame_set_exclusive(x->m, frame_at(x->m, pfn), x->v->mm, x->va);
}

/* Maps a new anonymous frame writable; it is freed if that fails. */
static int anon_map(struct fault *x, pfn_t pfn)
{
	struct vm *m = x->m;
	uint64_t e = pte_make(m, pfn, x->v->flags, x->v->flags & VM_WRITE);

	if (!x->write)
		e &= ~m->arch->pte.dirty;
	if (pt_set(m, x->v->mm, x->va, e)) {
		buddy_free(m, pfn, 0, USE_ANON);
		return -ENOMEM;
	}
	anon_vma_prepare(m, x->v);
	anon_owned(x, pfn);
	if (!(x->v->flags & VM_DROPPABLE))
		frame_at(m, pfn)->flags |= FR_SWAPBACKED;
	page_mapped(m, x->mm, pfn);
	lru_add(m, pfn);
	page_lock(m, x->v, pfn);
	return 0;
}

static int anon_fault(struct fault *x)
{
	struct vm *m = x->m;
	pfn_t pfn;

	if (!x->write && !policy_on(m)) {
		fault_count(x, CNT_FAULT_ZERO);
		return pt_set(m, x->v->mm, x->va,
			pte_make(m, m->root->zero_pfn, x->v->flags, false) |
				m->arch->pte.special);
	}
	pfn = anon_alloc(x, true);
	if (!pfn)
		return -ENOMEM;
	fault_count(x, CNT_FAULT_ANON);
	return anon_map(x, pfn);
}

int fault_cow_from(struct fault *x, pfn_t from)
{
	pfn_t pfn = anon_alloc(x, false);

	if (!pfn)
		return -ENOMEM;
	frame_copy(x->m, pfn, from);
	fault_count(x, CNT_FAULT_COW);
	return anon_map(x, pfn);
}

/* ---- vvar and vdso ----------------------------------------------------- */

static int special_fault(struct fault *x)
{
	struct vm *m = x->m;
	pfn_t pfn = special_page(m, x->v, x->va);
	bool raw = x->v->flags & VM_PFNMAP;
	uint64_t e;

	if (pfn == PFN_NONE) {
		vm_fail(m, EFAULT, "this kernel has nothing to show there");
		return FAULT_BUS;
	}
	if (x->write)
		return fault_cow_from(x, pfn);
	e = pte_make(m, pfn, x->v->flags, false);
	if (pt_set(m, x->v->mm, x->va, raw ? e | m->arch->pte.special : e))
		return -ENOMEM;
	if (!raw)
		page_mapped(m, x->mm, pfn);
	return 0;
}

/* ---- stores to pages that are present and read-only ---------------------- */

static void make_writable(struct fault *x, uint64_t e)
{
	uint64_t write = x->m->arch->pte.write;

	pt_set(x->m, x->v->mm, x->va, e | write | pte_stored(x->m));
	tlb_flush_page(x->m, x->v->mm, x->va);
	fault_count(x, CNT_FAULT_REUSE);
}

/* A part of a huge page is copied if others may have any part of it, and if it
 * is the last one mapped: the copy frees the rest. */
static bool part_is_ours(const struct vm *m, pfn_t pfn)
{
	return folio_mappings(m, pfn) > 1 && !folio_maybe_shared(m, pfn);
}

/* Whether the page is anonymous and nobody else has it. */
static bool is_ours(const struct fault *x, uint64_t e)
{
	pfn_t pfn = pte_pfn(x->m, e);
	const struct frame *f = frame_at(x->m, pfn);

	if (e & x->m->arch->pte.special || f->state != FRAME_ANON)
		return false;
	if (f->flags & FR_EXCLUSIVE)
		return true;
	if (f->flags & FR_LARGE)
		return part_is_ours(x->m, pfn);
	if (f->mapcount != 1)
		return false;
	/* who still has it swapped shares it, too */
	return !(f->flags & FR_SWAPCACHE) || swap_cache_drop(x->m, pfn);
}

static int copy_page(struct fault *x, uint64_t e)
{
	struct vm *m = x->m;
	pfn_t old = pte_pfn(m, e);
	int err = fault_cow_from(x, old);

	if (err)
		return err;
	if (!(e & m->arch->pte.special))
		page_unmapped(m, x->mm, old);
	tlb_flush_page(m, x->v->mm, x->va);
	return 0;
}

static int write_protect_fault(struct fault *x, uint64_t e)
{
	int err;

	if (x->v->flags & VM_SHARED) {
		err = x->v->file ? fault_make_dirty(x, pte_pfn(x->m, e)) : 0;
		if (!err)
			make_writable(x, e);
		return err;
	}
	if (!is_ours(x, e))
		return copy_page(x, e);
	anon_owned(x, pte_pfn(x->m, e));
	make_writable(x, e);
	return 0;
}

static int present_fault(struct fault *x, uint64_t e)
{
	const struct pte_bits *b = &x->m->arch->pte;

	if (x->write && !(e & b->write))
		return write_protect_fault(x, e);
	/* the TLB was behind the table */
	e |= x->write ? pte_stored(x->m) : b->accessed;
	pt_set(x->m, x->v->mm, x->va, e);
	tlb_flush_page(x->m, x->v->mm, x->va);
	return 0;
}

/* ---- swapped pages ------------------------------------------------------- */

/* Whether the slot of a page that came back is given up: when slots are scarce,
 * when the page cannot leave again, or when it is about to change. */
static bool gives_slot_up(const struct fault *x, const struct frame *f)
{
	if (!(f->flags & FR_SWAPCACHE))
		return false;
	return swap_full(x->m) || swap_is_ram(x->m, (uint32_t)f->index) ||
	       x->v->flags & VM_LOCKED || f->flags & FR_MLOCKED ||
	       (x->write && !f->mapcount);
}

/*
 * A page comes back from its slot, or from the frame that another process
 * brought it back to.  One that was this process's alone still is.
 */
static int swap_fault(struct fault *x, uint64_t e, uint32_t slot)
{
	struct vm *m = x->m;
	const struct pte_bits *b = &m->arch->pte;
	struct frame *f;
	uint64_t n;
	pfn_t pfn;

	place_for(m, x->v, x->va, 0);
	pfn = swap_in(m, slot, &x->major);
	place_back(m);
	f = frame_at(m, pfn);
	if (!pfn)
		return -ENOMEM;
	anon_vma_prepare(m, x->v);
	slot_at(m, slot)->refs--;
	x->mm->swapped--;
	if (gives_slot_up(x, f))
		swap_cache_drop(m, pfn);
	n = pte_make(m, pfn, x->v->flags, false);
	if (e & soft_dirty_swap(m))
		n |= m->soft_dirty;
	if (e & swap_entry_exclusive(m) ||
		(!f->mapcount && !(f->flags & FR_SWAPCACHE))) {
		anon_owned(x, pfn);
		if (x->v->flags & VM_WRITE && n & b->present &&
			!soft_dirty_waits(m, x->v, n))
			n |= b->write | (x->write ? pte_stored(m) : 0);
	} else {
		frame_set_shared(m, f, x->v, x->va);
	}
	pt_set(m, x->v->mm, x->va, n);
	if (f->flags & FR_SWAPCACHE && !f->mapcount)
		zone_of(m, pfn)->swap_idle--;
	page_mapped(m, x->mm, pfn);
	page_lock(m, x->v, pfn);
	if (x->write && !(n & b->write))
		return write_protect_fault(x, n);
	return 0;
}

int mm_swap_in(struct vm *m, struct vma *v, vaddr_t va)
{
	struct fault x = {.m = m, .v = v, .mm = mm_at(m, v->mm), .va = va};
	uint64_t e;
	uint32_t slot;

	if (mem_try_reclaim(m, GFP_HIGHUSER, 1))
		return -ENOMEM;
	e = pt_get(m, x.mm, va);
	slot = swap_entry_slot(m, e);
	return slot ? swap_fault(&x, e, slot) : 0;
}

static int guard_fault(struct fault *x)
{
	vm_fail(x->m, EFAULT,
		"the page is a guard page (madvise GUARD_INSTALL) of the "
		"mapping 0x%llx-0x%llx",
		(unsigned long long)x->v->start, (unsigned long long)x->v->end);
	return FAULT_GUARD;
}

static int leaf_fault(struct fault *x)
{
	uint64_t e = pt_get(x->m, x->mm, x->va);
	uint32_t slot;

	if (x->v->file)
		fault_use_file(x);
	if (pte_present(x->m, e))
		return present_fault(x, e);
	slot = e ? swap_entry_slot(x->m, e) : 0;
	x->swapped = slot != 0;
	if (slot)
		return swap_fault(x, e, slot);
	if (e)
		return guard_fault(x);
	if (x->v->special)
		return special_fault(x);
	return x->v->file ? file_fault(x) : anon_fault(x);
}

/*
 * Counts the fault.  One of mlock or MAP_POPULATE that reads a file gives up
 * until the page is there, and the next finds it: minor (__mm_populate).
 */
static void count_fault(struct fault *x, struct task *t)
{
	bool again = x->m->populating && x->n && x->n->type == INODE_FILE &&
		     !x->swapped;
	bool major = x->major && !again;

	x->m->root->count[CNT_PGMAJFAULT] += x->major;
	t->maj_flt += major;
	t->min_flt += !major;
}

int handle_fault(
	struct vm *m, struct task *t, struct vma *v, vaddr_t va, bool write)
{
	struct fault x = {
		.m = m,
		.v = v,
		.mm = mm_at(m, v->mm),
		.va = page_down(m, va),
		.write = write,
	};
	int err;

	err = fault_room(m, t, v, x.va, write);
	if (err)
		return err;
	m->root->count[CNT_PGFAULT]++;
	err = FAULT_SMALL;
	if (v->flags & VM_HUGETLB)
		err = hugetlb_fault(m, v, va, write);
	else if (m->arch->thp && !v->special && !policy_on(m))
		err = huge_fault(m, v, va, write);
	if (err == FAULT_SMALL)
		err = leaf_fault(&x);
	if (err)
		return err;
	count_fault(&x, t);
	return 0;
}
