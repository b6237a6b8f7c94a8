/*
 * A program without a will of its own: other programs set its registers and
 * let it run up to the next trap (conduct.c).  So the process has no mapping,
 * page and fault that the calls it is told to make did not bring.
 *
 * Each piece begins at a multiple of STUB_PIECE from the entry, where the
 * machine's replay fetches it, too.  Built with -m32 it is a 32-bit program.
 */
#include "stub.h"

#define TEXT_(...)	  #__VA_ARGS__
#define TEXT(...)	  TEXT_(__VA_ARGS__)
#define PIECE(text)	  ".balign " TEXT(STUB_PIECE) ", 0xcc\n" text "\n"
#define NAME(label, path) PIECE(label ": .asciz \"" path "\"")

#ifdef __x86_64__
#define CALL	    PIECE("_start: syscall\n int3")
#define LOAD	    PIECE("movzbl (%rdi), %eax\n int3")
#define STORE	    PIECE("movb %sil, (%rdi)\n int3")
#define ARGV(label) PIECE(".quad " label ", 0")
#else
#define CALL	    PIECE("_start: int $0x80\n int3")
#define LOAD	    PIECE("movzbl (%ebx), %eax\n int3")
#define STORE	    PIECE("movb %cl, (%ebx)\n int3")
#define ARGV(label) PIECE(".long " label ", 0")
#endif
#define NAMES                    \
	NAME("p64", STUB_PATH)   \
	NAME("p32", STUB_PATH32) \
	NAME("c64", STUB_COPY)   \
	NAME("c32", STUB_COPY32)
#define ARGVS ARGV("p64") ARGV("p32") ARGV("c64") ARGV("c32")
#define MASKS PIECE(".quad " TEXT(STUB_MASKS))

__asm__(".text\n .globl _start\n" CALL LOAD STORE NAMES ARGVS MASKS
	".data\n .quad 1\n .bss\n .zero 8192\n"
	".section .brkpad,\"aw\",@nobits\n .zero 4096\n");
