/*
 * Numbers of the Linux ABI that memory calls use: mmap(2), mremap(2),
 * madvise(2), clone(2); include/uapi/asm-generic/mman-common.h and friends.
 */
#ifndef PAGEFS_VM_ABI_H
#define PAGEFS_VM_ABI_H

#define PROT_NONE      0x0u
#define PROT_READ      0x1u
#define PROT_WRITE     0x2u
#define PROT_EXEC      0x4u
#define PROT_SEM       0x8u
#define PROT_GROWSDOWN 0x01000000u
#define PROT_GROWSUP   0x02000000u

#define MAP_SHARED	    0x01u
#define MAP_PRIVATE	    0x02u
#define MAP_SHARED_VALIDATE 0x03u
#define MAP_DROPPABLE	    0x08u
#define MAP_TYPE	    0x0fu
#define MAP_FIXED	    0x10u
#define MAP_ANONYMOUS	    0x20u
#define MAP_32BIT	    0x40u
#define MAP_ABOVE4G	    0x80u
#define MAP_GROWSDOWN	    0x100u
#define MAP_DENYWRITE	    0x800u
#define MAP_EXECUTABLE	    0x1000u
#define MAP_LOCKED	    0x2000u
#define MAP_NORESERVE	    0x4000u
#define MAP_POPULATE	    0x8000u
#define MAP_NONBLOCK	    0x10000u
#define MAP_STACK	    0x20000u
#define MAP_HUGETLB	    0x40000u
#define MFD_HUGETLB	    4u
#define MAP_HUGE_SHIFT	    26 /* log2 of the size of huge pages */
#define MAP_HUGE_MASK	    0x3fu
#define MAP_SYNC	    0x80000u
#define MAP_FIXED_NOREPLACE 0x100000u

#define MREMAP_MAYMOVE	 1u
#define MREMAP_FIXED	 2u
#define MREMAP_DONTUNMAP 4u

#define CSIGNAL	      0xffu /* of clone(2): the signal of the end */
#define CLONE_VM      0x100u
#define CLONE_FS      0x200u
#define CLONE_SIGHAND 0x800u
#define CLONE_VFORK   0x4000u
#define CLONE_PARENT  0x8000u
#define CLONE_THREAD  0x10000u

#define SIGHUP	 1
#define SIGQUIT	 3
#define SIGILL	 4
#define SIGTRAP	 5
#define SIGABRT	 6
#define SIGBUS	 7
#define SIGFPE	 8
#define SIGKILL	 9
#define SIGSEGV	 11
#define SIGTERM	 15
#define SIGCHLD	 17
#define SIGCONT	 18
#define SIGSTOP	 19
#define SIGTSTP	 20
#define SIGTTIN	 21
#define SIGTTOU	 22
#define SIGURG	 23
#define SIGXCPU	 24
#define SIGXFSZ	 25
#define SIGWINCH 28
#define SIGSYS	 31

#define SI_KERNEL 128 /* si_code of a fault without an address */

#endif
