/*
 * mmap(2).  The checks come in Linux's order, since a call with two mistakes
 * gets the errno of the first.  Sources: Linux mm/mmap.c (ksys_mmap_pgoff,
 * do_mmap), mm/vma.c (mmap_region), mmap(2).
 */
#include <stdlib.h>

#include "mm_i.h"

#include "../swap/swap.h"
#include "../disk/disk.h"
#include "hugetlb.h"

/* What MAP_SHARED_VALIDATE lets pass, without MAP_SYNC. */
#define MAP_KNOWN                                                             \
	(MAP_SHARED | MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS |               \
		MAP_DENYWRITE | MAP_EXECUTABLE | MAP_GROWSDOWN | MAP_LOCKED | \
		MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK |     \
		MAP_HUGETLB | MAP_32BIT | MAP_ABOVE4G | 0x4000000u |          \
		21u << MAP_HUGE_SHIFT | 30u << MAP_HUGE_SHIFT)

/* The largest errno that has a name. */
#define ERRNO_MAX 133

/* A call on its way through the checks. */
struct request {
	vaddr_t addr;
	uint64_t len, pages;
	uint64_t flags, vm_flags;
	uint64_t off, pgoff;
	idx_t file; /* 0: anonymous */
	bool new_shmem;
	unsigned huge; /* size of the file's pages, if they are huge */
	bool new_file; /* made for this call, which holds a reference */
	idx_t *held;   /* files of huge pages that it replaces, or NULL */
	uint32_t nr_held;
};

static const char *map_type_name(uint64_t flags)
{
	switch (flags & MAP_TYPE) {
	case MAP_SHARED:
		return "MAP_SHARED";
	case MAP_PRIVATE:
		return "MAP_PRIVATE";
	case MAP_SHARED_VALIDATE:
		return "MAP_SHARED_VALIDATE";
	case MAP_DROPPABLE:
		return "MAP_DROPPABLE";
	default:
		return "no mapping type";
	}
}

/* The next multiple of a power of two; 0 beyond 2^64. */
static uint64_t up_to(uint64_t n, uint64_t size)
{
	return (n + size - 1) & ~(size - 1);
}

/* MAP_HUGETLB: the size that the flags ask for is one that there is. */
static int check_huge_size(struct vm *m, const struct mmap_args *a)
{
	if (!(a->flags & MAP_ANONYMOUS) && !hugetlb_file_size(m, a->file))
		return vm_fail(
			m, EINVAL, "MAP_HUGETLB needs a file of huge pages");
	if (!(a->flags & MAP_ANONYMOUS) || hugetlb_size_of_flags(m, a->flags))
		return 0;
	return vm_fail(m, EINVAL, "there are no huge pages of 2^%u bytes",
		(unsigned)(a->flags >> MAP_HUGE_SHIFT & MAP_HUGE_MASK));
}

/* A range of huge pages: whole ones, of a file that is made if need be. */
static int prepare_huge(
	struct vm *m, const struct mmap_args *a, struct request *r)
{
	idx_t inode;

	r->huge = hugetlb_file_size(m, r->file);
	if (a->flags & MAP_HUGETLB && a->flags & MAP_ANONYMOUS)
		r->huge = hugetlb_size_of_flags(m, a->flags);
	if (!r->huge)
		return 0;
	r->len = up_to(r->len, 1ull << pt_shift(m, r->huge));
	if (r->file || !r->len)
		return 0;
	inode = hugetlb_create(m, "/anon_hugepage", r->huge, r->len);
	if (!inode)
		return -ENOMEM;
	r->file = file_of_inode(m, inode, FMODE_READ | FMODE_WRITE);
	r->new_file = r->file != 0;
	inode_put(m, inode); /* the file holds it, or nobody */
	return r->file ? 0 : -ENOMEM;
}

static int check_descriptor(struct vm *m, const struct mmap_args *a)
{
	if (mm_check_aligned(m, "offset", a->off))
		return -EINVAL;
	if (!(a->flags & MAP_ANONYMOUS) && !a->file)
		return vm_fail(m, EBADF,
			"no open file, and MAP_ANONYMOUS is not among the "
			"flags");
	if (a->flags & MAP_HUGETLB)
		return check_huge_size(m, a);
	return 0;
}

static int check_size(struct vm *m, const struct task *t, struct request *r)
{
	const struct mm *mm = mm_at(m, t->mm);
	uint64_t pgoff = r->off >> m->page_shift;
	uint64_t len = r->len;

	if (!len)
		return vm_fail(m, EINVAL, "the length is 0");
	r->len = page_up(m, len);
	if (!r->len)
		return vm_fail(m, ENOMEM,
			"the length %llu, rounded up to pages, is beyond 2^64",
			(unsigned long long)len);
	r->pages = r->len >> m->page_shift;
	if (pgoff + r->pages < pgoff)
		return vm_fail(m, EOVERFLOW,
			"offset and length together are beyond 2^64 pages");
	if (mm->map_count > m->root->set.max_map_count)
		return vm_fail(m, ENOMEM,
			"the process has %u mappings, max_map_count is %u",
			mm->map_count, m->root->set.max_map_count);
	return 0;
}

static vaddr_t hint_of(const struct vm *m, vaddr_t addr)
{
	vaddr_t hint = page_down(m, addr);

	return hint && hint < mm_low_limit(m) ? mm_low_limit(m) : hint;
}

static int fixed_address(struct vm *m, const struct task *t, struct request *r)
{
	vaddr_t top = mm_task_size(m, t);

	/* Linux takes the last addresses for an errno that it got. */
	if (r->len <= top && -(int64_t)r->addr > 0 &&
		-(int64_t)r->addr <= ERRNO_MAX)
		return vm_fail(m, (int)-r->addr,
			"address 0x%llx reads as an errno of the kernel",
			(unsigned long long)r->addr);
	if (mm_check_user(m, r->addr, r->len, top, ENOMEM))
		return -ENOMEM;
	return mm_check_aligned(m, "MAP_FIXED address", r->addr);
}

/* Huge pages begin at multiples of their size. */
static int huge_address(struct vm *m, const struct task *t, struct request *r)
{
	uint64_t size = 1ull << pt_shift(m, r->huge);

	if (!(r->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))) {
		r->addr = up_to(hint_of(m, r->addr), size);
		return 0;
	}
	if (!(r->addr & (size - 1)) || r->len > mm_task_size(m, t))
		return 0;
	return vm_fail(m, EINVAL,
		"address 0x%llx is not a multiple of the huge page size %llu",
		(unsigned long long)r->addr, (unsigned long long)size);
}

static int choose_address(struct vm *m, const struct task *t, struct request *r)
{
	struct vma *v;
	int err = r->huge ? huge_address(m, t, r) : 0;

	if (err)
		return err;
	if (r->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
		err = fixed_address(m, t, r);
		if (err)
			return err;
	} else {
		r->addr = mm_unmapped_area(m, t, hint_of(m, r->addr), r->len,
			r->flags, r->file, r->off);
		if (!r->addr)
			return -ENOMEM;
	}
	err = mm_may_map_at(m, t, r->addr);
	if (err || !(r->flags & MAP_FIXED_NOREPLACE))
		return err;
	v = vma_overlap(m, t->mm, r->addr, r->addr + r->len);
	if (!v)
		return 0;
	return vm_fail(m, EEXIST,
		"MAP_FIXED_NOREPLACE: [0x%llx, +%llu) overlaps the mapping "
		"[0x%llx, 0x%llx)",
		(unsigned long long)r->addr, (unsigned long long)r->len,
		(unsigned long long)v->start, (unsigned long long)v->end);
}

static int check_lock(struct vm *m, const struct task *t, struct request *r)
{
	if (r->flags & MAP_LOCKED && !task_capable(t, CAP_IPC_LOCK) &&
		!t->rlim[RLIM_MEMLOCK].soft)
		return vm_fail(m, EPERM,
			"MAP_LOCKED needs privilege, as RLIMIT_MEMLOCK is 0");
	return mm_may_lock(m, t, r->vm_flags, r->len, EAGAIN);
}

static int check_shared_file(
	struct vm *m, struct request *r, const struct file *f)
{
	const struct inode *inode = inode_at(m, f->inode);
	uint64_t known = MAP_KNOWN;

	if (inode->type == INODE_FILE)
		known |= MAP_SYNC;
	if ((r->flags & MAP_TYPE) == MAP_SHARED_VALIDATE &&
		(r->flags & ~(known | MAP_TYPE)))
		return vm_fail(m, EOPNOTSUPP,
			"MAP_SHARED_VALIDATE: unknown flags 0x%llx",
			(unsigned long long)(r->flags & ~(known | MAP_TYPE)));
	if (r->vm_flags & VM_WRITE && !(f->mode & FMODE_WRITE))
		return vm_fail(m, EACCES,
			"a shared writable mapping needs a file opened for "
			"writing");
	if (r->vm_flags & VM_WRITE && inode_is_swap(m, f->inode))
		return vm_fail(m, ETXTBSY,
			"the file is a swap area in use: nobody maps it to "
			"write to it");
	r->vm_flags |= VM_SHARED | VM_MAYSHARE;
	if (!(f->mode & FMODE_WRITE))
		r->vm_flags &= ~(VM_MAYWRITE | VM_SHARED);
	return 0;
}

static int check_private_file(
	struct vm *m, struct request *r, const struct file *f)
{
	uint32_t type = inode_at(m, f->inode)->type;

	if (!(f->mode & FMODE_READ))
		return vm_fail(m, EACCES, "the file is not open for reading");
	if (type != INODE_FILE && type != INODE_SHMEM && !r->huge)
		return vm_fail(m, ENODEV, "a directory cannot be mapped");
	if (r->vm_flags & VM_GROWSDOWN)
		return vm_fail(m, EINVAL,
			"MAP_GROWSDOWN is for private anonymous memory alone");
	return 0;
}

static int check_file(struct vm *m, struct request *r)
{
	const struct file *f = file_at(m, r->file);
	uint64_t type = r->flags & MAP_TYPE, max = INT64_MAX;
	int err = 0;

	r->pgoff = r->off >> m->page_shift;
	if (r->len > max || r->pgoff > (max - r->len) >> m->page_shift)
		return vm_fail(m, EOVERFLOW,
			"offset 0x%llx + %llu is beyond the largest file "
			"offset, 2^63 - 1",
			(unsigned long long)r->off, (unsigned long long)r->len);
	if (type == MAP_SHARED || type == MAP_SHARED_VALIDATE)
		err = check_shared_file(m, r, f);
	else if (type != MAP_PRIVATE)
		err = vm_fail(m, EINVAL,
			"a file mapping is MAP_SHARED or MAP_PRIVATE, not %s",
			map_type_name(r->flags));
	return err ? err : check_private_file(m, r, f);
}

static int check_droppable(struct vm *m, struct request *r)
{
	if (r->flags & (MAP_LOCKED | MAP_HUGETLB) || r->vm_flags & VM_GROWSDOWN)
		return vm_fail(m, EINVAL,
			"MAP_DROPPABLE memory is neither locked nor a stack");
	r->vm_flags |=
		VM_DROPPABLE | VM_NORESERVE | VM_WIPEONFORK | VM_DONTDUMP;
	return 0;
}

static int check_anonymous(struct vm *m, struct request *r)
{
	r->pgoff = r->addr >> m->page_shift;
	switch (r->flags & MAP_TYPE) {
	case MAP_SHARED:
		if (r->vm_flags & VM_GROWSDOWN)
			return vm_fail(m, EINVAL,
				"MAP_GROWSDOWN is for private anonymous "
				"memory alone");
		r->pgoff = 0;
		r->vm_flags |= VM_SHARED | VM_MAYSHARE;
		r->new_shmem = true;
		return 0;
	case MAP_PRIVATE:
		return 0;
	case MAP_DROPPABLE:
		return check_droppable(m, r);
	default:
		return vm_fail(m, EINVAL,
			"anonymous memory is MAP_SHARED or MAP_PRIVATE, not %s",
			map_type_name(r->flags));
	}
}

static uint64_t flags_of(
	const struct vm *m, const struct task *t, const struct mmap_args *a)
{
	uint64_t f = a->prot & (PROT_READ | PROT_WRITE | PROT_EXEC);

	if (f & PROT_READ && t->personality & READ_IMPLIES_EXEC)
		f |= VM_EXEC;
	if (a->flags & MAP_GROWSDOWN)
		f |= VM_GROWSDOWN;
	if (a->flags & MAP_LOCKED)
		f |= VM_LOCKED;
	if (a->flags & MAP_SYNC)
		f |= VM_SYNC;
	if (a->flags & MAP_STACK)
		f |= VM_NOHUGEPAGE;
	return f | mm_at(m, t->mm)->def_flags | VM_MAYREAD | VM_MAYWRITE |
	       VM_MAYEXEC;
}

/* Linux's mode 2 counts everything but huge pages, which are promised. */
static void apply_noreserve(const struct vm *m, struct request *r)
{
	if (r->flags & MAP_NORESERVE &&
		(r->huge || m->root->set.overcommit_memory != 2))
		r->vm_flags |= VM_NORESERVE;
}

/* A private mapping that may be written is backed by RAM and swap. */
static int check_limits(struct vm *m, const struct task *t, struct request *r,
	const struct unmap_plan *gone)
{
	uint64_t kind = VM_NORESERVE | VM_SHARED | VM_WRITE;
	int64_t more = (int64_t)(r->pages - gone->nr_accounted);
	int err;

	err = mm_may_expand(
		m, t, r->vm_flags, (int64_t)(r->pages - gone->nr_pages));
	if (err || r->huge)
		return err;
	if ((r->vm_flags & kind) == VM_WRITE) {
		r->vm_flags |= VM_ACCOUNT;
		return more ? mm_may_commit(m, t, more) : 0;
	}
	return 0;
}

/* The object of MAP_SHARED | MAP_ANONYMOUS: a file of its own per call. */
static int make_shmem(struct vm *m, const struct task *t, struct request *r)
{
	bool counts = !(r->vm_flags & VM_NORESERVE);
	idx_t inode;

	if (counts && mm_may_commit(m, t, (int64_t)r->pages))
		return -ENOMEM;
	inode = shmem_create(m, r->len);
	if (!inode)
		return -ENOMEM;
	r->file = file_of_inode(m, inode, FMODE_READ | FMODE_WRITE);
	r->new_file = r->file != 0;
	inode_put(m, inode); /* the file holds it, or nobody */
	if (!r->file)
		return -ENOMEM;
	if (counts) {
		inode_at(m, inode)->noreserve = 0;
		inode_at(m, inode)->committed = r->pages;
		m->root->committed += r->pages;
	}
	return 0;
}

/* What the file system says. */
static int ask_file(struct vm *m, const struct request *r)
{
	if (r->file && r->vm_flags & VM_SYNC &&
		inode_at(m, file_at(m, r->file)->inode)->type == INODE_FILE)
		return vm_fail(m, EOPNOTSUPP,
			"MAP_SYNC needs persistent memory behind the file");
	return 0;
}

/*
 * Files of huge pages that the call replaces live until it returns, as in
 * Linux: pages and promises that only they keep count as in use up to then.
 */
static int hold_files(struct vm *m, const struct task *t, struct request *r)
{
	struct vma *v = vma_overlap(m, t->mm, r->addr, r->addr + r->len);
	uint32_t nr = mm_at(m, t->mm)->map_count;

	r->held = calloc(nr + 1, sizeof(*r->held));
	if (!r->held)
		return vm_fail(m, ENOMEM, "no host memory");
	for (; v && v->start < r->addr + r->len; v = vma_next(m, v))
		if (v->flags & VM_HUGETLB)
			file_get(m, r->held[r->nr_held++] = v->file);
	return 0;
}

static void release_files(struct vm *m, struct request *r)
{
	while (r->nr_held)
		file_put(m, r->held[--r->nr_held]);
	free(r->held);
}

/* Unmaps what is there and gets the promises of the new range; if it gets none
 * the range stays empty. */
static int replace_by_huge(
	struct vm *m, const struct task *t, struct request *r)
{
	if (hold_files(m, t, r))
		return -ENOMEM;
	unmap_finish(m, t->mm, r->addr, r->addr + r->len);
	r->vm_flags |= VM_HUGETLB | VM_DONTEXPAND;
	return hugetlb_map(m, r->file, r->pgoff, r->pages, r->vm_flags);
}

static int map_region(struct vm *m, const struct task *t, struct request *r)
{
	struct unmap_plan gone;
	struct vma_range range;
	struct vma *v;
	int err;

	err = mm_denies_exec(m, t->mm, r->vm_flags, r->vm_flags);
	if (!err)
		err = vma_room(m, 3);
	if (!err)
		err = unmap_prepare(m, t->mm, r->addr, r->addr + r->len, &gone);
	if (!err)
		err = check_limits(m, t, r, &gone);
	if (err)
		return err;
	/* These refuse when what was there is gone already. */
	err = r->new_shmem ? make_shmem(m, t, r) : ask_file(m, r);
	if (r->huge && !err)
		err = replace_by_huge(m, t, r);
	else
		unmap_finish(m, t->mm, r->addr, r->addr + r->len);
	if (err)
		return err;
	range = (struct vma_range){
		.start = r->addr,
		.end = r->addr + r->len,
		.flags = ksm_flags(mm_at(m, t->mm), r->vm_flags) |
			 soft_dirty_vma(m),
		.pgoff = r->pgoff,
		.file = r->file,
	};
	v = vma_merge_new(m, t->mm, &range);
	/* mlockall(MCL_FUTURE) does not keep droppable memory. */
	if (v->flags & (VM_DROPPABLE | VM_HUGETLB))
		vma_set_flags(m, v, v->flags & ~VM_LOCKED_MASK);
	if (r->huge && !(v->flags & (VM_MAYSHARE | VM_NORESERVE)))
		v->hugetlb = HUGETLB_OWNER;
	return 0;
}

static int map(struct vm *m, struct task *t, const struct mmap_args *a,
	struct request *r)
{
	int err = check_size(m, t, r);

	if (!err)
		err = choose_address(m, t, r);
	if (err)
		return err;
	r->vm_flags = flags_of(m, t, a);
	err = check_lock(m, t, r);
	if (!err)
		err = r->file ? check_file(m, r) : check_anonymous(m, r);
	if (err)
		return err;
	apply_noreserve(m, r);
	return map_region(m, t, r);
}

int64_t mm_mmap(struct vm *m, struct task *t, const struct mmap_args *a)
{
	struct request r = {
		.addr = a->addr,
		.len = a->len,
		.flags = a->flags,
		.off = a->off,
		.file = a->flags & MAP_ANONYMOUS ? 0 : a->file,
	};
	int err;

	m->root->count[CNT_MMAP]++;
	err = check_descriptor(m, a);
	if (!err)
		err = prepare_huge(m, a, &r);
	if (!err)
		err = map(m, t, a, &r);
	if (r.new_file)
		file_put(m, r.file); /* the VMA holds it, or nobody */
	if (!err && (r.vm_flags & VM_LOCKED ||
			    (a->flags & (MAP_POPULATE | MAP_NONBLOCK)) ==
				    MAP_POPULATE))
		populate_quietly(m, t, r.addr, r.addr + r.len);
	release_files(m, &r);
	return err ? err : (int64_t)r.addr;
}
