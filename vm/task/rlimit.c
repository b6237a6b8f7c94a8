#include "task_i.h"

#define THREAD_SIZE (16 * KiB)

/*
 * Source: include/asm-generic/resource.h (INIT_RLIMITS) and kernel/fork.c:
 * threads may take an eighth of memory, one user half of them.
 */
void rlimit_default(const struct vm *m, struct rlimit_pair *rlim)
{
	uint64_t threads =
		m->root->totalram_pages * m->page_size / (THREAD_SIZE * 8);

	for (unsigned i = 0; i < NR_RLIMITS; i++)
		rlim[i] = (struct rlimit_pair){RLIM_UNLIMITED, RLIM_UNLIMITED};
	rlim[RLIM_STACK].soft = 8 * MiB;
	rlim[RLIM_CORE].soft = 0;
	rlim[RLIM_NPROC] = (struct rlimit_pair){threads / 2, threads / 2};
	rlim[RLIM_NOFILE] = (struct rlimit_pair){1024, 4096};
	rlim[RLIM_MEMLOCK] = (struct rlimit_pair){8 * MiB, 8 * MiB};
	rlim[RLIM_SIGPENDING] = rlim[RLIM_NPROC];
	rlim[RLIM_MSGQUEUE] = (struct rlimit_pair){819200, 819200};
	rlim[RLIM_NICE] = (struct rlimit_pair){0, 0};
	rlim[RLIM_RTPRIO] = (struct rlimit_pair){0, 0};
}
