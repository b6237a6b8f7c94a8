/* The machine that replay plays in. */
#ifndef PAGEFS_ORACLE_REPLAY_H
#define PAGEFS_ORACLE_REPLAY_H

#include "../../vm/vm.h"
#include "script.h"

extern struct vm *m;
extern struct task *task; /* whose calls the script makes */

/* Ends the replay: something that cannot fail has failed. */
void die(const char *what);
/* replay_lines.c: the call as a line of the process's ctl file; false if the
 * calls of this replay are none, or no line says it. */
extern bool replay_lines;
bool line_call(enum call nr, const uint64_t arg[6], int64_t *result);
/* Copies the program of the host, or the stub in all its forms, to the
 * machine's disk, where it has the same path; returns that (replay_own.c). */
const char *copy_programs(const char *name);
/* Gives the process what the file says of the probe (replay_own.c). */
void load_own(const char *path);
/* A call about NUMA nodes (replay_proc.c); -ENOSYS if it is none. */
int64_t numa_call(enum call nr, const uint64_t a[6]);
/* Fills the pools of huge pages, as --hugetlb and --gigantic say, or NULL. */
void own_pools(const char *huge, const char *gigantic);

#endif
