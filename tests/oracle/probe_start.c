/* The first instructions of the probe, its way into the kernel, and what the
 * compiler expects of a library. */
#include "probe_sys.h"

#ifdef __x86_64__

__asm__(".globl _start\n"
	"_start: xorl %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n"
	"        call probe_main\n hlt\n");

int64_t syscall6(int64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
	uint64_t e, uint64_t f)
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

#else

__asm__(".globl _start\n"
	"_start: xorl %ebp, %ebp\n mov %esp, %eax\n and $-16, %esp\n"
	"        sub $12, %esp\n push %eax\n call probe_main\n hlt\n");

uint32_t syscall_words(const uint32_t word[7]);
__asm__("syscall_words:\n"
	"	push %ebp\n push %ebx\n push %esi\n push %edi\n"
	"	mov 20(%esp), %eax\n"
	"	mov 4(%eax), %ebx\n mov 8(%eax), %ecx\n mov 12(%eax), %edx\n"
	"	mov 16(%eax), %esi\n mov 20(%eax), %edi\n"
	"	mov 24(%eax), %ebp\n mov (%eax), %eax\n int $0x80\n"
	"	pop %edi\n pop %esi\n pop %ebx\n pop %ebp\n ret\n");

int64_t syscall6(int64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
	uint64_t e, uint64_t f)
{
	const uint32_t word[7] = {(uint32_t)nr, (uint32_t)a, (uint32_t)b,
		(uint32_t)c, (uint32_t)d, (uint32_t)e, (uint32_t)f};
	uint32_t r = syscall_words(word);

	return r > -4096u ? (int64_t)(int32_t)r : (int64_t)r;
}

/* 64-bit division, digit by digit. */
static uint64_t divide(uint64_t n, uint64_t by, uint64_t *rest)
{
	uint64_t q = 0, r = 0;

	for (int bit = 63; bit >= 0; bit--) {
		r = r << 1 | (n >> bit & 1);
		if (r >= by) {
			r -= by;
			q |= 1ull << bit;
		}
	}
	*rest = r;
	return q;
}

uint64_t __udivdi3(uint64_t n, uint64_t by);
uint64_t __umoddi3(uint64_t n, uint64_t by);

uint64_t __udivdi3(uint64_t n, uint64_t by)
{
	return divide(n, by, &by);
}

uint64_t __umoddi3(uint64_t n, uint64_t by)
{
	divide(n, by, &by);
	return by;
}

#endif

int64_t read_words(int64_t fd, uint64_t index, uint64_t nr, uint64_t *word)
{
	uint64_t at = index * 8;

	return syscall6(SYS_PREAD64, (uint64_t)fd, SYS_ARG(word), nr * 8, at,
		at >> 32, 0);
}

void *memset(void *p, int c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((volatile uint8_t *)p)[i] = (uint8_t)c;
	return p;
}

void *memcpy(void *to, const void *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((volatile uint8_t *)to)[i] = ((const uint8_t *)from)[i];
	return to;
}
