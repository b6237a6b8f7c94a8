/* execve inside task/: how an image comes to life. */
#ifndef PAGEFS_VM_EXEC_H
#define PAGEFS_VM_EXEC_H

#include "task.h"

/*
 * Builds a new mm from x and gives it to t in place of its old one, if any.
 * 0; or -errno with the old mm, and everything else, as it was.  Without
 * x->path the image is bare; comm is `name` if given, else the path's base.
 */
int exec_load(struct vm *m, struct task *t, const struct exec_args *x,
	const char *name);

/* ---- vdso.c ---- */
int vdso_boot(struct vm *m);
/*
 * Maps vvar, vvar_vclock and vdso where the search for a free area finds
 * room.  *vdso gets the address of vdso.
 */
int vdso_map(struct vm *m, const struct task *t, vaddr_t *vdso);
/* AT_SYSINFO: offset of __kernel_vsyscall in the 32-bit vdso. */
#define VDSO32_VSYSCALL 0x5e0u

#endif
