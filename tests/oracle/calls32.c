#include "calls32.h"

/* Source: Linux arch/x86/entry/syscalls/syscall_{64,32}.tbl. */
int call32(int nr)
{
	static const struct {
		int nr, nr32;
	} calls[] = {
		{2, 5},	    /* open */
		{3, 6},	    /* close */
		{10, 125},  /* mprotect */
		{11, 91},   /* munmap */
		{12, 45},   /* brk */
		{25, 163},  /* mremap */
		{26, 144},  /* msync */
		{27, 218},  /* mincore */
		{28, 219},  /* madvise */
		{56, 120},  /* clone */
		{59, 11},   /* execve */
		{60, 1},    /* exit */
		{61, 114},  /* wait4 */
		{77, 93},   /* ftruncate */
		{105, 213}, /* setuid32 */
		{106, 214}, /* setgid32 */
		{113, 203}, /* setreuid32 */
		{114, 204}, /* setregid32 */
		{117, 208}, /* setresuid32 */
		{119, 210}, /* setresgid32 */
		{122, 215}, /* setfsuid32 */
		{123, 216}, /* setfsgid32 */
		{135, 136}, /* personality */
		{149, 150}, /* mlock */
		{150, 151}, /* munlock */
		{151, 152}, /* mlockall */
		{152, 153}, /* munlockall */
		{157, 172}, /* prctl */
		{216, 257}, /* remap_file_pages */
		{231, 252}, /* exit_group */
		{237, 274}, /* mbind */
		{238, 276}, /* set_mempolicy */
		{239, 275}, /* get_mempolicy */
		{256, 294}, /* migrate_pages */
		{302, 340}, /* prlimit64 */
		{325, 376}, /* mlock2 */
		{450, 450}, /* set_mempolicy_home_node */
		{462, 462}, /* mseal */
	};

	for (unsigned i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (calls[i].nr == nr)
			return calls[i].nr32;
	return -1;
}
