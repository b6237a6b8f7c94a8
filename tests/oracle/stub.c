/*
 * A program without a will of its own: other programs set its registers and
 * let it run up to the next trap (conduct.c).  So the process has no mapping,
 * page and fault that the calls it is told to make did not bring.
 *
 * Each piece begins at a multiple of STUB_PIECE from the entry, where the
 * machine's replay fetches it, too.
 */
#include "stub.h"

#define TEXT_(x) #x
#define TEXT(x)	 TEXT_(x)
#define ALIGN	 ".balign " TEXT(STUB_PIECE) ", 0xcc\n"

__asm__(".text\n"
	".globl _start\n" ALIGN "_start: syscall\n int3\n" ALIGN
	"	movzbl (%rdi), %eax\n int3\n" ALIGN
	"	movb %sil, (%rdi)\n int3\n" ALIGN
	"path:	.asciz \"" STUB_PATH "\"\n" ALIGN "	.quad path, 0\n"
	".data\n	.quad 1\n .bss\n .zero 8192\n"
	".section .brkpad,\"aw\",@nobits\n .zero 4096\n");
