/*
 * System calls and process start without a C library, for x86-64 and, built
 * with -m32, for 32-bit programs on its kernel.
 *
 * Arguments travel as 64-bit numbers; a 32-bit program passes on their lower
 * halves, as any program would.
 */
#ifndef PAGEFS_ORACLE_PROBE_SYS_H
#define PAGEFS_ORACLE_PROBE_SYS_H

#include <stddef.h>
#include <stdint.h>

/* Value, or -errno.  Defined in probe_start.c. */
int64_t syscall6(int64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
	uint64_t e, uint64_t f);

#define SYS_ARG(x) ((uint64_t)(uintptr_t)(x))
#define SYS3(nr, a, b, c) \
	syscall6(nr, SYS_ARG(a), SYS_ARG(b), SYS_ARG(c), 0, 0, 0)
#define SYS4(nr, a, b, c, d) \
	syscall6(nr, SYS_ARG(a), SYS_ARG(b), SYS_ARG(c), SYS_ARG(d), 0, 0)
/* pread of 8-byte words: a 32-bit program gives the offset in two halves. */
int64_t read_words(int64_t fd, uint64_t index, uint64_t nr, uint64_t *word);

/* The compiler calls these two by itself, too. */
void *memset(void *p, int c, size_t n);
void *memcpy(void *to, const void *from, size_t n);

#ifdef __x86_64__
enum {
	SYS_READ = 0,
	SYS_WRITE = 1,
	SYS_OPEN = 2,
	SYS_CLOSE = 3,
	SYS_RT_SIGACTION = 13,
	SYS_PREAD64 = 17,
	SYS_SCHED_YIELD = 24,
	SYS_GETPID = 39,
	SYS_FORK = 57,
	SYS_EXECVE = 59,
	SYS_WAIT4 = 61,
	SYS_UNLINK = 87,
	SYS_GETRUSAGE = 98,
	SYS_GETPPID = 110,
	SYS_CAPGET = 125,
	SYS_CAPSET = 126,
	SYS_SIGALTSTACK = 131,
	SYS_PERSONALITY = 135,
	SYS_PRCTL = 157,
	SYS_EXIT_GROUP = 231,
	SYS_MIGRATE_PAGES = 256,
	SYS_MOVE_PAGES = 279,
	SYS_PRLIMIT64 = 302,
	SYS_MEMFD_CREATE = 319,
	SYS_CLOSE_RANGE = 436,
};
#else
enum {
	SYS_READ = 3,
	SYS_WRITE = 4,
	SYS_OPEN = 5,
	SYS_CLOSE = 6,
	SYS_RT_SIGACTION = 174,
	SYS_PREAD64 = 180,
	SYS_SCHED_YIELD = 158,
	SYS_GETPID = 20,
	SYS_FORK = 2,
	SYS_EXECVE = 11,
	SYS_WAIT4 = 114,
	SYS_UNLINK = 10,
	SYS_GETRUSAGE = 77,
	SYS_GETPPID = 64,
	SYS_CAPGET = 184,
	SYS_CAPSET = 185,
	SYS_SIGALTSTACK = 186,
	SYS_PERSONALITY = 136,
	SYS_PRCTL = 172,
	SYS_EXIT_GROUP = 252,
	SYS_MIGRATE_PAGES = 294,
	SYS_MOVE_PAGES = 317,
	SYS_PRLIMIT64 = 340,
	SYS_MEMFD_CREATE = 356,
	SYS_CLOSE_RANGE = 436,
};
#endif

/* probe_fault.c: from now on a refused access of host_access() returns. */
void fault_setup(void);
/* probe_proc.c: opens the files of this process, and counts faults anew. */
void proc_setup(void);

#endif
