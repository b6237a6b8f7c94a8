/*
 * Loads, stores and fetches of a process, and the looks and pokes that go
 * around its page tables' rights.
 */
#include "mmu_i.h"

#include <string.h>

#include "../abi.h"
#include "../disk/disk.h"
#include "../mm/huge.h"
#include "../reclaim/policy.h"
#include "../swap/swap.h"

#define SI_KERNEL 128

/* ---- accesses ------------------------------------------------------------ */

static const char *signal_name(const struct sigfault *f)
{
	if (f->sig == SIGBUS)
		return "SIGBUS ADRERR";
	if (f->code == SI_KERNEL)
		return "SIGSEGV SI_KERNEL";
	return f->code == 1 ? "SIGSEGV MAPERR" : "SIGSEGV ACCERR";
}

/* Puts signal and address before the sentence of the refusal. */
static int refuse(struct vm *m, int err, vaddr_t va, const struct sigfault *f)
{
	char why[SENTENCE_MAX];

	if (err != -EFAULT)
		return err;
	memcpy(why, m->fail.text, sizeof(why));
	vm_fail_clear(m);
	return vm_fail(m, EFAULT, "%s at 0x%llx: %s", signal_name(f),
		(unsigned long long)va, why);
}

/* Makes one page accessible; r->entry is then its entry. */
static int access_page(struct mmu_run *r, vaddr_t va, enum access_kind kind,
	struct sigfault *f)
{
	uint64_t need = tlb_need(kind);
	enum tlb_hit hit;
	uint32_t code;
	int place, err;

	if (!arch_canonical(r->m->arch, va)) /* #GP before any translation */
		return refuse(
			r->m, mm_fault(r->m, r->t, va, kind, 0, f), va, f);
	hit = mmu_lookup(r, va);
	mmu_count(r, hit);
	if (hit != TLB_MISS && (r->entry->tag & need) == need)
		return 0;
	place = mmu_place(r, va, hit);
	if (mmu_walk(r, va, kind, hit, place, &code))
		return 0;
	err = mmu_resolve(r, va, kind, hit, place, code, f);
	return err ? refuse(r->m, err, va, f) : 0;
}

static void count_kind(struct mmu_run *r, enum access_kind kind)
{
	r->loads += kind == ACC_READ;
	r->stores += kind == ACC_WRITE;
	r->fetches += kind == ACC_EXEC;
}

int mem_access(struct vm *m, struct task *t, vaddr_t va, uint64_t len,
	enum access_kind kind, void *buf, struct sigfault *f)
{
	uint64_t mask = m->page_size - 1, pages = 0;
	uint8_t *p = buf;
	struct mmu_run r;
	int err = 0;

	memset(f, 0, sizeof(*f));
	if (!t->mm)
		return vm_fail(m, ESRCH,
			"process %u has exited and has no memory", t->pid);
	mmu_begin(&r, m, t);
	while (len) {
		uint64_t off = va & mask, n = mask + 1 - off;
		pfn_t pfn;

		if (n > len)
			n = len;
		if (++pages % PLACE_PAGES == 0 && vm_halts(m)) {
			err = vm_fail(m, EINTR,
				"interrupted at 0x%llx, after %llu pages",
				(unsigned long long)va,
				(unsigned long long)(pages - 1));
			break;
		}
		count_kind(&r, kind);
		err = access_page(&r, va, kind, f);
		if (err)
			break;
		pfn = mmu_pfn(&r, va);
		if (p && kind == ACC_WRITE)
			memcpy(frame_bytes(m, pfn) + off, p, n);
		else if (p)
			memcpy(p, ram_at(m, pfn_to_pa(m, pfn)) + off, n);
		policy_access(m, pfn, va, kind == ACC_WRITE);
		if (p)
			p += n;
		va += n;
		len -= n;
	}
	mmu_end(&r);
	return err;
}

/* ---- looks --------------------------------------------------------------- */

/* Bytes [off, off + n) of what a first touch of va would find. */
static void look_untouched(const struct vm *m, const struct vma *v, vaddr_t va,
	uint8_t *buf, uint64_t n)
{
	uint64_t off = va & (m->page_size - 1);
	pfn_t special = v->special ? special_page(m, v, va) : PFN_NONE;
	uint8_t page[DISK_BLOCK];

	if (special != PFN_NONE) {
		memcpy(buf, ram_at(m, pfn_to_pa(m, special)) + off, n);
		return;
	}
	if (!v->file) {
		memset(buf, 0, n);
		return;
	}
	cache_look(m, file_at(m, v->file)->inode,
		v->pgoff + ((va - v->start) >> m->page_shift), page);
	memcpy(buf, page + off, n);
}

static void look_swapped(const struct vm *m, uint32_t slot, uint64_t off,
	uint8_t *buf, uint64_t n)
{
	uint8_t page[DISK_BLOCK];

	swap_look(m, slot, page);
	memcpy(buf, page + off, n);
}

/* Whether va lies on a page of its file, or of no file at all. */
static bool inside_file(const struct vm *m, const struct vma *v, vaddr_t va)
{
	uint64_t page = v->pgoff + ((va - v->start) >> m->page_shift);

	if (!v->file)
		return true;
	return page << m->page_shift <
	       inode_at(m, file_at(m, v->file)->inode)->size;
}

uint64_t mem_look(const struct vm *m, const struct mm *mm, vaddr_t va,
	void *buf, uint64_t len)
{
	idx_t i = mm - mm_at(m, 0);
	/* The search changes nothing; its type serves the changing callers. */
	const struct vma *v = vma_lookup((struct vm *)m, i, va);
	uint64_t done = 0;

	while (done < len && v) {
		uint64_t off = va & (m->page_size - 1), n = m->page_size - off;
		uint64_t e = pt_get(m, mm, va);
		uint8_t *p = (uint8_t *)buf + done;

		if (n > len - done)
			n = len - done;
		if (pte_present(m, e))
			memcpy(p, ram_at(m, pfn_to_pa(m, pte_pfn(m, e))) + off,
				n);
		else if (swap_entry_slot(m, e))
			look_swapped(m, swap_entry_slot(m, e), off, p, n);
		else if (inside_file(m, v, va))
			look_untouched(m, v, va, p, n);
		else
			break;
		done += n;
		va += n;
		if (va < v->end)
			continue;
		v = v->next ? vma_at(m, v->next) : NULL;
		if (v && v->start != va)
			v = NULL;
	}
	return done;
}

/* ---- pokes --------------------------------------------------------------- */

/*
 * Gives the process a page of its own at va, as if its VMA allowed stores.  A
 * page of a VMA that does not stays read-only to the process.
 */
static int poke_page(struct vm *m, struct task *t, struct vma *v, vaddr_t va,
	uint64_t *entry)
{
	bool writable = v->flags & VM_WRITE;
	struct sigfault f = {0};
	int err;

	if (!writable && (v->flags & VM_SHARED))
		return vm_fail(m, EFAULT,
			"0x%llx is shared and read-only: a store would change "
			"the file",
			(unsigned long long)va);
	v->flags |= VM_WRITE;
	err = mm_fault(m, t, va, ACC_WRITE,
		2 | (pt_get(m, mm_at(m, t->mm), va) & m->arch->pte.present),
		&f);
	if (!writable)
		v->flags &= ~VM_WRITE;
	if (err)
		return err;
	*entry = pt_get(m, mm_at(m, t->mm), va);
	if (writable)
		return 0;
	*entry &= ~m->arch->pte.write;
	if (pte_huge(m, pt_above(m, mm_at(m, t->mm), va)))
		huge_split(m, t->mm, va);
	err = pt_set(m, t->mm, va, *entry);
	tlb_flush_page(m, t->mm, va);
	return err;
}

int mem_put_int(struct vm *m, struct task *t, vaddr_t va, uint32_t value)
{
	struct sigfault f;

	if (!mem_access(m, t, va, sizeof(value), ACC_WRITE, &value, &f))
		return 0;
	vm_fail_clear(m);
	return vm_fail(m, EFAULT, "4 bytes cannot be written at 0x%llx",
		(unsigned long long)va);
}

int mem_poke(
	struct vm *m, struct task *t, vaddr_t va, const void *buf, uint64_t len)
{
	const struct pte_bits *b = &m->arch->pte;
	const uint8_t *p = buf;

	while (len) {
		uint64_t off = va & (m->page_size - 1), n = m->page_size - off;
		struct vma *v = vma_lookup(m, t->mm, va);
		uint64_t e;
		int err;

		if (!v)
			return vm_fail(m, EFAULT, "no mapping contains 0x%llx",
				(unsigned long long)va);
		if (n > len)
			n = len;
		e = pt_get(m, mm_at(m, t->mm), va);
		if (!(e & b->present) || !(e & b->write)) {
			err = poke_page(m, t, v, va & ~(m->page_size - 1), &e);
			if (err)
				return err;
		}
		memcpy(frame_bytes(m, pte_pfn(m, e)) + off, p, n);
		p += n;
		va += n;
		len -= n;
	}
	return 0;
}
