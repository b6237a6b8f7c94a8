/*
 * madvise(2).  Holes are stepped over and reported as ENOMEM in the end; a
 * refusal of one VMA ends the walk.  Source: Linux mm/madvise.c, madvise(2).
 */
#include "mm_i.h"

#include "../disk/disk.h"
#include "collapse.h"
#include "huge.h"
#include "shmem_huge.h"
#include "khugepaged.h"

enum advice {
	MADV_NORMAL = 0,
	MADV_RANDOM = 1,
	MADV_SEQUENTIAL = 2,
	MADV_WILLNEED = 3,
	MADV_DONTNEED = 4,
	MADV_FREE = 8,
	MADV_REMOVE = 9,
	MADV_DONTFORK = 10,
	MADV_DOFORK = 11,
	MADV_MERGEABLE = 12,
	MADV_UNMERGEABLE = 13,
	MADV_HUGEPAGE = 14,
	MADV_NOHUGEPAGE = 15,
	MADV_DONTDUMP = 16,
	MADV_DODUMP = 17,
	MADV_WIPEONFORK = 18,
	MADV_KEEPONFORK = 19,
	MADV_COLD = 20,
	MADV_PAGEOUT = 21,
	MADV_POPULATE_READ = 22,
	MADV_POPULATE_WRITE = 23,
	MADV_DONTNEED_LOCKED = 24,
	MADV_COLLAPSE = 25,
	MADV_GUARD_INSTALL = 102,
	MADV_GUARD_REMOVE = 103,
};

/* Part of one VMA. */
struct piece {
	struct task *t;
	struct vma *v;
	vaddr_t start, end;
	int advice;
};

static int refuse(struct vm *m, const struct piece *p, const char *why)
{
	return vm_fail(m, EINVAL, "advice %d on [0x%llx, 0x%llx): %s",
		p->advice, (unsigned long long)p->v->start,
		(unsigned long long)p->v->end, why);
}

/* ---- advice that only sets flags ---------------------------------------- */

static const struct {
	uint64_t set, clear;
} flag_advice[] = {
	[MADV_NORMAL] = {0, VM_RAND_READ | VM_SEQ_READ},
	[MADV_RANDOM] = {VM_RAND_READ, VM_SEQ_READ},
	[MADV_SEQUENTIAL] = {VM_SEQ_READ, VM_RAND_READ},
	[MADV_DONTFORK] = {VM_DONTCOPY, 0},
	[MADV_DOFORK] = {0, VM_DONTCOPY},
	[MADV_MERGEABLE] = {VM_MERGEABLE, 0},
	[MADV_UNMERGEABLE] = {0, VM_MERGEABLE},
	[MADV_HUGEPAGE] = {VM_HUGEPAGE, VM_NOHUGEPAGE},
	[MADV_NOHUGEPAGE] = {VM_NOHUGEPAGE, VM_HUGEPAGE},
	[MADV_DONTDUMP] = {VM_DONTDUMP, 0},
	[MADV_DODUMP] = {0, VM_DONTDUMP},
	[MADV_WIPEONFORK] = {VM_WIPEONFORK, 0},
	[MADV_KEEPONFORK] = {0, VM_WIPEONFORK},
};

static bool is_special(const struct vma *v)
{
	return v->flags & VM_SPECIAL && !(v->flags & VM_HUGETLB);
}

/* Kinds of mappings that an advice is not for. */
static int check_flag_advice(struct vm *m, const struct piece *p)
{
	const struct vma *v = p->v;

	switch (p->advice) {
	case MADV_DOFORK:
		if (v->flags & VM_IO)
			return refuse(m, p, "a mapping of a device");
		return 0;
	case MADV_WIPEONFORK:
		if (v->file || v->flags & VM_SHARED)
			return refuse(m, p, "not private anonymous memory");
		return 0;
	case MADV_KEEPONFORK:
		if (v->flags & VM_DROPPABLE)
			return refuse(m, p, "droppable memory");
		return 0;
	case MADV_DODUMP:
		if (is_special(v) || v->flags & VM_DROPPABLE)
			return refuse(m, p, "a special or droppable mapping");
		return 0;
	default:
		return 0;
	}
}

/* Memory that cannot be merged by content is left alone. */
static bool advice_is_void(const struct piece *p)
{
	switch (p->advice) {
	case MADV_MERGEABLE:
		return !ksm_compatible(p->v->flags) ||
		       p->v->flags & VM_MERGEABLE;
	case MADV_UNMERGEABLE:
		return !(p->v->flags & VM_MERGEABLE);
	default:
		return false;
	}
}

/* Returns 0 or -errno; *stop gets the end of the VMA that holds the piece. */
static int advise_flags(struct vm *m, const struct piece *p, vaddr_t *stop)
{
	uint64_t flags = p->v->flags;
	struct vma *v;
	int err = check_flag_advice(m, p);

	if (err)
		return err;
	if (advice_is_void(p))
		return 0;
	flags &= ~flag_advice[p->advice].clear;
	flags |= flag_advice[p->advice].set;
	if (flags == p->v->flags)
		return 0;
	v = vma_modify(m, p->v, p->start, p->end, flags);
	if (v) {
		if (p->advice == MADV_HUGEPAGE)
			khugepaged_enter(m, v);
		*stop = v->end > p->end ? v->end : p->end;
		return 0;
	}
	if (m->fail.err != ENOMEM)
		return -m->fail.err;
	/* Linux reports a VMA too many as a reason to try again. */
	m->fail.err = EAGAIN;
	return -EAGAIN;
}

/* ---- advice about pages ------------------------------------------------- */

/* The pages are clean now: reclaim may take them, a store keeps them. */
static int advise_free(struct vm *m, const struct piece *p)
{
	if (!vma_is_anonymous(p->v))
		return refuse(m, p, "not private anonymous memory");
	mm_free_lazily(m, p->v, p->start, p->end);
	return 0;
}

/* Whole huge pages: the range must begin with one, and is cut to them. */
static int advise_huge_dontneed(struct vm *m, const struct piece *p)
{
	vaddr_t end = huge_down(m, p->end);

	if (p->advice == MADV_FREE || p->start & (huge_size(m) - 1))
		return refuse(m, p, "huge pages go as whole ones");
	if (p->start < end)
		mm_discard(m, p->t->mm, p->v, p->start, end);
	return 0;
}

static int advise_dontneed(struct vm *m, const struct piece *p)
{
	uint64_t bad = VM_PFNMAP;

	if (p->v->flags & VM_HUGETLB)
		return advise_huge_dontneed(m, p);
	if (p->advice != MADV_DONTNEED_LOCKED)
		bad |= VM_LOCKED;
	if (p->v->flags & bad)
		return refuse(m, p, "a locked or special mapping");
	if (p->advice == MADV_FREE)
		return advise_free(m, p);
	mm_discard_tables(m, p->t->mm, p->v, p->start, p->end);
	return 0;
}

/* Punches a hole into the object; only shared memory can. */
static int advise_remove(struct vm *m, const struct piece *p)
{
	const struct vma *v = p->v;
	uint64_t need = VM_SHARED | VM_MAYWRITE;
	uint64_t first = vma_pgoff_at(m, v, p->start);

	if (v->flags & VM_LOCKED)
		return refuse(m, p, "a locked mapping");
	if (!v->file)
		return refuse(m, p, "no file to punch a hole into");
	if ((v->flags & need) != need)
		return vm_fail(m, EACCES,
			"advice %d on [0x%llx, 0x%llx): needs a shared "
			"writable mapping",
			p->advice, (unsigned long long)v->start,
			(unsigned long long)v->end);
	return disk_punch(m, file_at(m, v->file)->inode, first,
		first + ((p->end - p->start) >> m->page_shift) - 1);
}

/* Files of the disk and swapped pages are read; nothing is mapped. */
static void advise_willneed(struct vm *m, const struct piece *p)
{
	idx_t inode = p->v->file ? file_at(m, p->v->file)->inode : 0;

	if (!inode)
		mm_prefetch(m, p->v, p->start, p->end);
	else if (inode && inode_at(m, inode)->type == INODE_FILE)
		readahead_range(m, file_at(m, p->v->file),
			vma_pgoff_at(m, p->v, p->start),
			(p->end - p->start) >> m->page_shift);
}

/* The page cache of a file that the process could not write is not its to
 * throw out: can_do_file_pageout(). */
static bool may_page_out(const struct vm *m, const struct piece *p)
{
	const struct inode *n;

	if (!p->v->file)
		return true;
	n = inode_at(m, file_at(m, p->v->file)->inode);
	return !p->t->cred.fsuid || p->t->cred.fsuid == n->uid ||
	       n->mode & 0002;
}

static int advise_cold(struct vm *m, const struct piece *p)
{
	if (p->v->flags & (VM_LOCKED | VM_PFNMAP | VM_HUGETLB))
		return refuse(m, p, "a locked or special mapping");
	if (vma_is_anonymous(p->v) || vma_is_shmem(m, p->v))
		huge_split_parts(m, p->v, p->start, p->end);
	if (p->advice == MADV_COLD)
		mm_deactivate(m, p->v, p->start, p->end);
	else if (may_page_out(m, p))
		mm_page_out(m, p->v, p->start, p->end);
	return 0;
}

static bool is_discard(int advice)
{
	switch (advice) {
	case MADV_FREE:
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
	case MADV_REMOVE:
	case MADV_DONTFORK:
	case MADV_WIPEONFORK:
	case MADV_GUARD_INSTALL:
		return true;
	default:
		return false;
	}
}

/* Who may not write sealed memory may not throw it away either. */
static int check_sealed(struct vm *m, const struct piece *p)
{
	const struct vma *v = p->v;

	if (!(v->flags & VM_SEALED) || !is_discard(p->advice) ||
		!vma_is_anonymous(v) || v->flags & VM_WRITE)
		return 0;
	return vm_fail(m, EPERM,
		"the mapping [0x%llx, 0x%llx) is sealed and read-only",
		(unsigned long long)v->start, (unsigned long long)v->end);
}

static int advise_piece(struct vm *m, const struct piece *p, vaddr_t *stop)
{
	int err = check_sealed(m, p);

	if (err)
		return err;
	switch (p->advice) {
	case MADV_WILLNEED:
		advise_willneed(m, p);
		return 0;
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
	case MADV_FREE:
		return advise_dontneed(m, p);
	case MADV_REMOVE:
		return advise_remove(m, p);
	case MADV_COLD:
	case MADV_PAGEOUT:
		return advise_cold(m, p);
	case MADV_COLLAPSE:
		return mm_collapse(m, p->v, p->start, p->end);
	case MADV_GUARD_INSTALL:
		return guard_install(m, p->v, p->start, p->end);
	case MADV_GUARD_REMOVE:
		return guard_remove(m, p->v, p->start, p->end);
	default:
		return advise_flags(m, p, stop);
	}
}

/* ---- populate ----------------------------------------------------------- */

static int populate(
	struct vm *m, struct task *t, vaddr_t start, vaddr_t end, int advice)
{
	while (start < end) {
		struct vma *v = vma_lookup(m, t->mm, start);
		vaddr_t stop;
		int err;

		if (!v)
			return vm_fail(m, ENOMEM, "nothing is mapped at 0x%llx",
				(unsigned long long)start);
		stop = v->end < end ? v->end : end;
		err = mm_fault_in(
			m, t, v, start, stop, advice == MADV_POPULATE_WRITE);
		if (err)
			return err;
		start = stop;
	}
	return 0;
}

/* ---- the call ----------------------------------------------------------- */

static bool known_advice(int advice)
{
	return (advice >= MADV_NORMAL && advice <= MADV_DONTNEED) ||
	       (advice >= MADV_FREE && advice <= MADV_COLLAPSE) ||
	       advice == MADV_GUARD_INSTALL || advice == MADV_GUARD_REMOVE;
}

static int advise_range(
	struct vm *m, struct task *t, vaddr_t start, vaddr_t end, int advice)
{
	vaddr_t at = start, hole = 0;
	bool holes = false;

	while (at < end) {
		struct piece p = {t, vma_find(m, t->mm, at), at, end, advice};
		vaddr_t stop;
		int err;

		if (!p.v || p.v->start > at) {
			hole = holes ? hole : at;
			holes = true;
		}
		if (!p.v || p.v->start >= end)
			break;
		if (p.v->start > at)
			p.start = p.v->start;
		if (p.v->end < end)
			p.end = p.v->end;
		stop = p.end;
		err = advise_piece(m, &p, &stop);
		if (err)
			return err;
		at = stop;
	}
	if (!holes)
		return 0;
	return vm_fail(m, ENOMEM,
		"nothing is mapped at 0x%llx; the rest of the range was "
		"advised",
		(unsigned long long)hole);
}

int64_t mm_madvise(
	struct vm *m, struct task *t, vaddr_t addr, uint64_t len, int advice)
{
	vaddr_t end = addr + page_up(m, len);

	if (!known_advice(advice))
		return vm_fail(m, EINVAL, "unknown advice %d", advice);
	if (mm_check_aligned(m, "address", addr) ||
		mm_check_wrap(m, addr, len, EINVAL))
		return -EINVAL;
	if (advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE)
		return populate(m, t, addr, end, advice);
	return advise_range(m, t, addr, end, advice);
}

/* ---- process_madvise(2) -------------------------------------------------- */

/* What does no harm to somebody else. */
static bool remote_valid(int advice)
{
	return advice == MADV_COLD || advice == MADV_PAGEOUT ||
	       advice == MADV_WILLNEED || advice == MADV_COLLAPSE;
}

static int check_remote(
	struct vm *m, struct task *t, const struct task *o, int advice)
{
	if (!cred_may_read(m, t, o))
		return vm_fail(m, EACCES,
			"process %u belongs to another user, or has more "
			"capabilities: CAP_SYS_PTRACE would do",
			o->pid);
	if (o->mm != t->mm && !remote_valid(advice))
		return vm_fail(m, EINVAL,
			"another process takes cold, pageout, willneed and "
			"collapse alone");
	if (o->mm != t->mm && !task_capable(t, CAP_SYS_NICE))
		return vm_fail(m, EPERM,
			"to advise another process needs CAP_SYS_NICE");
	return 0;
}

int64_t mm_process_madvise(struct vm *m, struct task *t, int pid,
	const struct mm_range *range, unsigned nr, int advice, uint64_t flags)
{
	struct task *o = pid ? task_find(m, (uint32_t)pid) : t;
	int64_t err = 0, done = 0;

	if (flags)
		return vm_fail(m, EINVAL, "flags are 0, not 0x%llx",
			(unsigned long long)flags);
	if (!o || !o->mm)
		return vm_fail(
			m, ESRCH, "no process has PID %d and memory", pid);
	err = check_remote(m, t, o, advice);
	for (unsigned i = 0; !err && i < nr; i++) {
		err = mm_madvise(m, o, range[i].addr, range[i].len, advice);
		done += err ? 0 : (int64_t)range[i].len;
	}
	if (done)
		vm_fail_clear(m);
	return done ? done : err;
}
