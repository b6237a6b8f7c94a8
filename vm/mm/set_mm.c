/*
 * prctl(PR_SET_MM): what a checkpoint restores of the layout of a process.
 * Source: Linux kernel/sys.c (prctl_set_mm, validate_prctl_map_addr).
 */
#include <string.h>

#include "../disk/disk.h"
#include "../mmu/mmu.h"
#include "../task/prctl.h"
#include "mm_i.h"

/* The fields by number of their request, from PR_SET_MM_START_CODE on. */
static const size_t field_offset[] = {
	[PR_SET_MM_START_CODE] = offsetof(struct mm, start_code),
	[PR_SET_MM_END_CODE] = offsetof(struct mm, end_code),
	[PR_SET_MM_START_DATA] = offsetof(struct mm, start_data),
	[PR_SET_MM_END_DATA] = offsetof(struct mm, end_data),
	[PR_SET_MM_START_STACK] = offsetof(struct mm, start_stack),
	[PR_SET_MM_START_BRK] = offsetof(struct mm, start_brk),
	[PR_SET_MM_BRK] = offsetof(struct mm, brk),
	[PR_SET_MM_ARG_START] = offsetof(struct mm, arg_start),
	[PR_SET_MM_ARG_END] = offsetof(struct mm, arg_end),
	[PR_SET_MM_ENV_START] = offsetof(struct mm, env_start),
	[PR_SET_MM_ENV_END] = offsetof(struct mm, env_end),
};

static vaddr_t *field(struct mm *mm, unsigned op)
{
	return (vaddr_t *)(void *)((uint8_t *)mm + field_offset[op]);
}

static int out_of_order(struct vm *m, const char *low, const char *high)
{
	return vm_fail(m, EINVAL, "%s would lie above %s", low, high);
}

/* All fields together must make sense, whichever of them changes. */
static int check_layout(struct vm *m, const struct task *t, struct mm *mm)
{
	uint64_t limit = t->rlim[RLIM_DATA].soft;

	for (unsigned op = PR_SET_MM_START_CODE; op <= PR_SET_MM_ENV_END; op++)
		if (*field(mm, op) >= mm_task_size(m, t) ||
			*field(mm, op) < mm_low_limit(m))
			return vm_fail(m, EINVAL,
				"field %u of the layout would be 0x%llx, "
				"outside user space",
				op, (unsigned long long)*field(mm, op));
	if (mm->start_code >= mm->end_code)
		return out_of_order(m, "start_code", "end_code");
	if (mm->start_data > mm->end_data)
		return out_of_order(m, "start_data", "end_data");
	if (mm->start_brk > mm->brk)
		return out_of_order(m, "start_brk", "brk");
	if (mm->arg_start > mm->arg_end)
		return out_of_order(m, "arg_start", "arg_end");
	if (mm->env_start > mm->env_end)
		return out_of_order(m, "env_start", "env_end");
	if (limit < RLIM_UNLIMITED &&
		mm->brk - mm->start_brk + mm->end_data - mm->start_data > limit)
		return vm_fail(m, EINVAL,
			"heap and data would be larger than RLIMIT_DATA, %llu",
			(unsigned long long)limit);
	return 0;
}

static int copy_in(
	struct vm *m, struct task *t, void *to, vaddr_t addr, uint64_t len)
{
	struct sigfault f;

	if (!mem_access(m, t, addr, len, ACC_READ, to, &f))
		return 0;
	vm_fail_clear(m);
	return vm_fail(m, EFAULT, "0x%llx + %llu cannot be read",
		(unsigned long long)addr, (unsigned long long)len);
}

/* The last pair is AT_NULL, whatever was given. */
static int read_auxv(
	struct vm *m, struct task *t, struct mm *mm, vaddr_t addr, uint64_t len)
{
	uint64_t words[AUXV_WORDS] = {0};
	int err = len ? copy_in(m, t, words, addr, len) : 0;

	if (err)
		return err;
	words[AUXV_WORDS - 2] = words[AUXV_WORDS - 1] = 0;
	memcpy(mm->auxv, words, sizeof(words));
	return 0;
}

static int set_auxv(struct vm *m, struct task *t, vaddr_t addr, uint64_t len)
{
	struct mm *mm = mm_at(m, t->mm);

	if (len > sizeof(mm->auxv))
		return vm_fail(m, EINVAL,
			"the vector has %llu bytes, there is room for %llu",
			(unsigned long long)len,
			(unsigned long long)sizeof(mm->auxv));
	return read_auxv(m, t, mm, addr, len);
}

/* ---- PR_SET_MM_EXE_FILE ---------------------------------------------------
 */

static idx_t inode_behind(const struct vm *m, idx_t file)
{
	return file ? file_at(m, file)->inode : 0;
}

/* The program must be gone from memory before another takes its place. */
static int check_unmapped(struct vm *m, const struct mm *mm)
{
	const struct vma *v;

	vma_for_each (m, mm, v)
		if (mm->exe &&
			inode_behind(m, v->file) == inode_behind(m, mm->exe))
			return vm_fail(m, EBUSY,
				"the program is still mapped at 0x%llx",
				(unsigned long long)v->start);
	return 0;
}

static int set_exe(struct vm *m, struct task *t, uint32_t fd)
{
	struct mm *mm = mm_at(m, t->mm);
	idx_t file = fd_lookup(m, t, (int)fd);
	const struct inode *i;
	int err;

	if (!file)
		return vm_fail(m, EBADF, "descriptor %u is not open", fd);
	i = inode_at(m, inode_behind(m, file));
	if ((i->type != INODE_FILE && i->type != INODE_SHMEM) ||
		!file_right(&t->cred, i, 1))
		return vm_fail(m, EACCES,
			"the file is not one that the process may execute");
	err = check_unmapped(m, mm);
	if (err)
		return err;
	if (exe_get(m, file)) {
		vm_fail_clear(m);
		return vm_fail(m, EACCES,
			"the file is open for writing and cannot be executed");
	}
	if (mm->exe)
		exe_put(m, mm->exe);
	mm->exe = file;
	return 0;
}

/* ---- PR_SET_MM_MAP: all fields at once ----------------------------------- */

/* struct prctl_mm_map, as it lies in the process's memory. */
struct mm_map {
	uint64_t start_code, end_code, start_data, end_data, start_brk, brk;
	uint64_t start_stack, arg_start, arg_end, env_start, env_end;
	uint64_t auxv;
	uint32_t auxv_size, exe_fd;
};

#define NO_EXE_FD UINT32_MAX

static void take_map(struct mm *mm, const struct mm_map *map)
{
	mm->start_code = map->start_code;
	mm->end_code = map->end_code;
	mm->start_data = map->start_data;
	mm->end_data = map->end_data;
	mm->start_brk = map->start_brk;
	mm->brk = map->brk;
	mm->start_stack = map->start_stack;
	mm->arg_start = map->arg_start;
	mm->arg_end = map->arg_end;
	mm->env_start = map->env_start;
	mm->env_end = map->env_end;
}

static int set_exe_of_map(struct vm *m, struct task *t, uint32_t fd)
{
	if (!task_capable(t, CAP_SYS_ADMIN) &&
		!task_capable(t, CAP_CHECKPOINT_RESTORE))
		return vm_fail(m, EPERM,
			"exe_fd needs cap_checkpoint_restore or "
			"cap_sys_admin");
	return set_exe(m, t, fd);
}

static int set_map(struct vm *m, struct task *t, vaddr_t addr, uint64_t len)
{
	struct mm *mm = mm_at(m, t->mm), want = *mm;
	struct mm_map map;
	int err;

	if (len != sizeof(map))
		return vm_fail(m, EINVAL, "struct prctl_mm_map has %llu bytes",
			(unsigned long long)sizeof(map));
	err = copy_in(m, t, &map, addr, sizeof(map));
	if (err)
		return err;
	take_map(&want, &map);
	err = check_layout(m, t, &want);
	if (err)
		return err;
	if (map.auxv_size && (!map.auxv || map.auxv_size > sizeof(mm->auxv)))
		return vm_fail(m, EINVAL, "an auxv of %u bytes at 0x%llx",
			map.auxv_size, (unsigned long long)map.auxv);
	if (map.auxv_size)
		err = read_auxv(m, t, &want, map.auxv, map.auxv_size);
	if (!err && map.exe_fd != NO_EXE_FD)
		err = set_exe_of_map(m, t, map.exe_fd);
	if (err)
		return err;
	memcpy(mm->auxv, want.auxv, sizeof(mm->auxv));
	take_map(mm, &map);
	return 0;
}

int mm_set_field(struct vm *m, struct task *t, const uint64_t a[4])
{
	struct mm *mm = mm_at(m, t->mm), want = *mm;
	uint64_t op = a[0];
	vaddr_t addr = a[1];
	int err;

	if (a[3] || (a[2] && op != PR_SET_MM_AUXV && op != PR_SET_MM_MAP &&
			    op != PR_SET_MM_MAP_SIZE))
		return vm_fail(m, EINVAL, "arguments that are not used are 0");
	if (op == PR_SET_MM_MAP)
		return set_map(m, t, addr, a[2]);
	if (op == PR_SET_MM_MAP_SIZE)
		return mem_put_int(m, t, addr, sizeof(struct mm_map));
	if (!task_capable(t, CAP_SYS_RESOURCE))
		return vm_fail(m, EPERM, "set_mm needs cap_sys_resource");
	if (op == PR_SET_MM_EXE_FILE)
		return set_exe(m, t, (uint32_t)addr);
	if (op == PR_SET_MM_AUXV)
		return set_auxv(m, t, addr, a[2]);
	if (addr >= mm_task_size(m, t) || addr < mm_low_limit(m))
		return vm_fail(m, EINVAL, "0x%llx is not in user space",
			(unsigned long long)addr);
	if (op < PR_SET_MM_START_CODE || op > PR_SET_MM_ENV_END)
		return vm_fail(m, EINVAL, "set_mm knows no field %llu",
			(unsigned long long)op);
	*field(&want, (unsigned)op) = addr;
	err = check_layout(m, t, &want);
	if (err)
		return err;
	if ((op == PR_SET_MM_START_STACK || op >= PR_SET_MM_ARG_START) &&
		!vma_find(m, t->mm, addr))
		return vm_fail(m, EFAULT,
			"nothing is mapped at or above 0x%llx",
			(unsigned long long)addr);
	*field(mm, (unsigned)op) = addr;
	return 0;
}
