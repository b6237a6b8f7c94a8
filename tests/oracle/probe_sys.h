/* System calls and process start without a C library, x86-64. */
#ifndef PAGEFS_ORACLE_PROBE_SYS_H
#define PAGEFS_ORACLE_PROBE_SYS_H

#include <stdint.h>

static inline int64_t syscall6(int64_t nr, uint64_t a, uint64_t b, uint64_t c,
	uint64_t d, uint64_t e, uint64_t f)
{
	register uint64_t r10 __asm__("r10") = d;
	register uint64_t r8 __asm__("r8") = e;
	register uint64_t r9 __asm__("r9") = f;
	int64_t r;

	__asm__ volatile(
		"syscall"
		: "=a"(r)
		: "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
		: "rcx", "r11", "memory");
	return r;
}

#define SYS3(nr, a, b, c) \
	syscall6(nr, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), 0, 0, 0)
#define SYS4(nr, a, b, c, d)                                      \
	syscall6(nr, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), \
		(uint64_t)(d), 0, 0)

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
	SYS_EXIT_GROUP = 231,
	SYS_PRLIMIT64 = 302,
	SYS_MEMFD_CREATE = 319,
	SYS_CLOSE_RANGE = 436,
};

/* probe_fault.c: from now on a refused access of probe_access() returns. */
void fault_setup(void);
/* probe_proc.c: opens the files of this process, and counts faults anew. */
void proc_setup(void);

#endif
