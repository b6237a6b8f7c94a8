/*
 * prctl(2), as far as memory and credentials are concerned.
 * Source of the numbers: Linux include/uapi/linux/prctl.h.
 */
#ifndef PAGEFS_VM_PRCTL_H
#define PAGEFS_VM_PRCTL_H

#include <stdint.h>

enum {
	PR_SET_PDEATHSIG = 1,
	PR_GET_PDEATHSIG = 2,
	PR_GET_DUMPABLE = 3,
	PR_SET_DUMPABLE = 4,
	PR_GET_KEEPCAPS = 7,
	PR_SET_KEEPCAPS = 8,
	PR_CAPBSET_READ = 23,
	PR_CAPBSET_DROP = 24,
	PR_GET_SECUREBITS = 27,
	PR_SET_SECUREBITS = 28,
	PR_SET_MM = 35,
	PR_SET_CHILD_SUBREAPER = 36,
	PR_GET_CHILD_SUBREAPER = 37,
	PR_SET_NO_NEW_PRIVS = 38,
	PR_GET_NO_NEW_PRIVS = 39,
	PR_SET_THP_DISABLE = 41,
	PR_GET_THP_DISABLE = 42,
	PR_CAP_AMBIENT = 47,
	PR_SET_MDWE = 65,
	PR_GET_MDWE = 66,
	PR_SET_MEMORY_MERGE = 67,
	PR_GET_MEMORY_MERGE = 68,
	PR_SET_VMA = 0x53564d41,
};

enum {
	PR_CAP_AMBIENT_IS_SET = 1,
	PR_CAP_AMBIENT_RAISE,
	PR_CAP_AMBIENT_LOWER,
	PR_CAP_AMBIENT_CLEAR_ALL,
};

enum {
	PR_SET_MM_START_CODE = 1,
	PR_SET_MM_END_CODE,
	PR_SET_MM_START_DATA,
	PR_SET_MM_END_DATA,
	PR_SET_MM_START_STACK,
	PR_SET_MM_START_BRK,
	PR_SET_MM_BRK,
	PR_SET_MM_ARG_START,
	PR_SET_MM_ARG_END,
	PR_SET_MM_ENV_START,
	PR_SET_MM_ENV_END,
	PR_SET_MM_AUXV,
	PR_SET_MM_EXE_FILE,
	PR_SET_MM_MAP,
	PR_SET_MM_MAP_SIZE,
};

struct vm;
struct task;

/* A value, or -errno with a sentence. */
int64_t task_prctl(
	struct vm *m, struct task *t, unsigned op, const uint64_t arg[4]);
/* personality(2): the one before; UINT32_MAX leaves it. */
uint32_t task_personality(struct task *t, uint32_t persona);

#endif
