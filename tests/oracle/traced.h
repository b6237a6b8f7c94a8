/* Processes and threads that are stopped between calls (traced.c). */
#ifndef PAGEFS_ORACLE_TRACED_H
#define PAGEFS_ORACLE_TRACED_H

#include <stdbool.h>
#include <stdint.h>

struct fault;

#define STUB_FIRST 2 /* PID of the first process */

/* Where the stub begins, in 64 and in 32 bits. */
void traced_entries(uint64_t entry, uint64_t entry32);
bool traced_is32(uint32_t tid);
/* Where that piece of the stub lies in the task. */
uint64_t traced_piece(uint32_t tid, unsigned piece);
/* Starts the first process, which calls become() to execute the stub. */
uint32_t traced_begin(void (*become)(void));

bool traced_exists(uint32_t tid);
uint32_t traced_tgid(uint32_t tid);
/* The next one above that, 0 at the end. */
uint32_t traced_next(uint32_t tid);

/*
 * Lets a task make a call, by its number on x86-64; -EAGAIN if vfork has
 * suspended it, -ESRCH if it is dead.  Of clone the result is the child, which
 * is stopped now; of vfork too, and the task waits from then on.
 */
int64_t traced_call(uint32_t tid, uint64_t nr, const uint64_t arg[6]);
/* The byte read by a piece of the stub; *f tells a signal. */
uint8_t traced_access(uint32_t tid, unsigned piece, uint64_t addr,
	uint8_t value, struct fault *f);
/* SIGKILL to a process, by the number of any of its threads. */
void traced_kill(uint32_t pid);

#endif
