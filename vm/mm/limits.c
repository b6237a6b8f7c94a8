/*
 * What an address space may hold: counters of pages by kind, resource limits,
 * overcommit; and which ranges a call may name.
 *
 * Sources: Linux mm/mmap.c (may_expand_vm, vm_stat_account), mm/util.c
 * (__vm_enough_memory), setrlimit(2), Documentation/mm/overcommit-accounting.
 */
#include "mm_i.h"
#include "../swap/swap.h"
#include "hugetlb.h"

bool vma_is_data(uint64_t flags)
{
	return (flags & (VM_WRITE | VM_SHARED | VM_GROWSDOWN)) == VM_WRITE;
}

static bool vma_is_exec(uint64_t flags)
{
	return (flags & (VM_EXEC | VM_WRITE | VM_GROWSDOWN)) == VM_EXEC;
}

void mm_account(struct vm *m, struct mm *mm, uint64_t flags, int64_t nr_pages)
{
	mm->total_vm += nr_pages;
	if (mm->total_vm > mm->hiwater_vm)
		mm->hiwater_vm = mm->total_vm;
	if (vma_is_exec(flags))
		mm->exec_vm += nr_pages;
	else if (flags & VM_GROWSDOWN)
		mm->stack_vm += nr_pages;
	else if (vma_is_data(flags))
		mm->data_vm += nr_pages;
	if (flags & VM_LOCKED)
		mm->locked_vm += nr_pages;
	if (flags & VM_ACCOUNT)
		m->root->committed += nr_pages;
}

/* used + nr pages against a limit in bytes. */
static int check_rlimit(struct vm *m, const char *name, uint64_t used,
	int64_t nr, uint64_t limit)
{
	if (used + nr <= limit >> m->page_shift)
		return 0;
	return vm_fail(m, ENOMEM,
		"%s is %llu bytes; the process uses %llu and this would add "
		"%lld",
		name, (unsigned long long)limit,
		(unsigned long long)(used << m->page_shift),
		(long long)nr << m->page_shift);
}

int mm_may_expand(
	struct vm *m, const struct task *t, uint64_t flags, int64_t nr_pages)
{
	const struct mm *mm = mm_at(m, t->mm);
	const struct rlimit_pair *data = &t->rlim[RLIM_DATA];
	int err;

	err = check_rlimit(
		m, "RLIMIT_AS", mm->total_vm, nr_pages, t->rlim[RLIM_AS].soft);
	if (err || !vma_is_data(flags))
		return err;
	/* Linux's exception for programs that set the soft limit to 0. */
	if (!data->soft &&
		mm->data_vm + nr_pages <= data->hard >> m->page_shift)
		return 0;
	return check_rlimit(
		m, "RLIMIT_DATA", mm->data_vm, nr_pages, data->soft);
}

/* A ratio below 0 is Linux's too: it wraps to a limit without end. */
uint64_t mm_commit_limit(const struct vm *m)
{
	const struct settings *set = &m->root->set;
	uint64_t ratio = (uint64_t)(int64_t)set->overcommit_ratio;
	uint64_t ram = m->root->totalram_pages - hugetlb_frames(m);
	uint64_t pages = ram * ratio / 100;

	if (set->overcommit_kbytes)
		pages = set->overcommit_kbytes >> (m->page_shift - 10);
	return pages + swap_total(m);
}

/* Each is a 32nd of what is free at boot, up to 8 and 128 MiB. */
int limits_boot(struct vm *m)
{
	struct settings *set = &m->root->set;
	uint64_t free = phys_sum(m, nr_free), part;

	part = (free << (m->page_shift - 10)) / 32;
	set->admin_reserve_kbytes = part < 8192 ? part : 8192;
	set->user_reserve_kbytes = part < 131072 ? part : 131072;
	return 0;
}

static int may_commit_strict(struct vm *m, const struct task *t, int64_t nr)
{
	const struct settings *set = &m->root->set;
	unsigned kb = m->page_shift - 10;
	int64_t limit = (int64_t)mm_commit_limit(m);
	int64_t used = (int64_t)m->root->committed + nr;
	int64_t user = (int64_t)(set->user_reserve_kbytes >> kb), own = 0;

	if (!task_capable(t, CAP_SYS_ADMIN))
		limit -= (int64_t)(set->admin_reserve_kbytes >> kb);
	if (t->mm)
		own = (int64_t)(mm_at(m, t->mm)->total_vm / 32);
	limit -= own < user ? own : user;
	if (used < limit)
		return 0;
	return vm_fail(m, ENOMEM,
		"overcommit_memory=2: %lld pages would be committed, the "
		"limit for this process is %lld",
		(long long)used, (long long)limit);
}

int mm_may_commit(struct vm *m, const struct task *t, int64_t nr_pages)
{
	const struct root *r = m->root;
	int64_t all = (int64_t)(r->totalram_pages + swap_total(m));

	switch (r->set.overcommit_memory) {
	case 0:
		if (nr_pages <= all)
			return 0;
		return vm_fail(m, ENOMEM,
			"overcommit_memory=0: one request of %lld pages is "
			"more than RAM and swap together, %lld pages",
			(long long)nr_pages, (long long)all);
	case 2:
		return may_commit_strict(m, t, nr_pages);
	default:
		return 0;
	}
}

int mm_may_lock(struct vm *m, const struct task *t, uint64_t flags,
	uint64_t bytes, int err)
{
	uint64_t limit = t->rlim[RLIM_MEMLOCK].soft;
	uint64_t locked = mm_at(m, t->mm)->locked_vm;

	if (!(flags & VM_LOCKED) || task_capable(t, CAP_IPC_LOCK) ||
		limit == RLIM_UNLIMITED)
		return 0;
	locked += bytes >> m->page_shift;
	if (locked <= limit >> m->page_shift)
		return 0;
	return vm_fail(m, err,
		"%llu bytes would be locked, RLIMIT_MEMLOCK is %llu",
		(unsigned long long)(locked << m->page_shift),
		(unsigned long long)limit);
}

int mm_may_map_at(struct vm *m, const struct task *t, vaddr_t addr)
{
	if (addr >= m->root->set.mmap_min_addr ||
		task_capable(t, CAP_SYS_RAWIO))
		return 0;
	return vm_fail(m, EPERM, "address 0x%llx is below mmap_min_addr = %llu",
		(unsigned long long)addr,
		(unsigned long long)m->root->set.mmap_min_addr);
}

int mm_denies_exec(struct vm *m, idx_t mm, uint64_t was, uint64_t flags)
{
	if (!mm_at(m, mm)->mdwe || !(flags & VM_EXEC))
		return 0;
	if (!(flags & VM_WRITE) && was & VM_EXEC)
		return 0;
	return vm_fail(m, EACCES,
		"mdwe: memory that can be written never becomes executable");
}

int mm_check_aligned(struct vm *m, const char *what, uint64_t x)
{
	if (!page_offset(m, x))
		return 0;
	return vm_fail(m, EINVAL,
		"%s 0x%llx is not a multiple of the page size %llu", what,
		(unsigned long long)x, (unsigned long long)m->page_size);
}

int mm_check_wrap(struct vm *m, vaddr_t addr, uint64_t len, int err)
{
	uint64_t bytes = page_up(m, len);

	if (addr + bytes >= addr && (bytes || !len))
		return 0;
	return vm_fail(m, err, "0x%llx + %llu is beyond the address space",
		(unsigned long long)addr, (unsigned long long)len);
}

int mm_check_user(
	struct vm *m, vaddr_t addr, uint64_t len, vaddr_t top, int err)
{
	if (addr <= top && len <= top - addr)
		return 0;
	return vm_fail(m, err,
		"the range 0x%llx + %llu leaves user space, which ends at "
		"0x%llx",
		(unsigned long long)addr, (unsigned long long)len,
		(unsigned long long)top);
}
