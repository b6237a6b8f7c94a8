/*
 * Accesses that may be refused.  They are made by three short routines; when
 * the kernel sends a signal for one, the handler, on a stack of its own, notes
 * what it says and continues behind it.
 */
#include "probe_sys.h"
#include "script.h"

extern char access_read[], access_write[], access_exec[];
extern char access_done[], access_back[], signal_return[];

#ifdef __x86_64__

__asm__(".text\n"
	"access_read:  movzbl (%rdi), %eax\n ret\n"
	"access_write: movb %sil, (%rdi)\n xorl %eax, %eax\n ret\n"
	"access_exec:  push %rbp\n mov %rsp, %rbp\n"
	"              mov %rsp, access_sp(%rip)\n call *%rdi\n"
	"              xorl %eax, %eax\n pop %rbp\n ret\n"
	"access_done:  mov $-1, %rax\n ret\n"
	"access_back:  mov access_sp(%rip), %rsp\n mov $-1, %rax\n"
	"              pop %rbp\n ret\n"
	"signal_return: mov $15, %eax\n syscall\n"
	".bss\n access_sp: .quad 0\n .text\n");

/* Words of ucontext_t behind its first five; of siginfo_t. */
enum { CONTEXT_IP = 5 + 16, CONTEXT_ERR = 5 + 19, INFO_ADDR = 4 };
typedef int64_t access_fn(uintptr_t addr, uintptr_t value);

#else

__asm__(".text\n"
	"access_read:  movzbl (%eax), %eax\n ret\n"
	"access_write: movb %dl, (%eax)\n xorl %eax, %eax\n ret\n"
	"access_exec:  push %ebp\n mov %esp, %ebp\n"
	"              mov %esp, access_sp\n call *%eax\n"
	"              xorl %eax, %eax\n pop %ebp\n ret\n"
	"access_done:  mov $-1, %eax\n ret\n"
	"access_back:  mov access_sp, %esp\n mov $-1, %eax\n"
	"              pop %ebp\n ret\n"
	"signal_return: mov $173, %eax\n int $0x80\n"
	".bss\n access_sp: .long 0\n .text\n");

enum { CONTEXT_IP = 5 + 14, CONTEXT_ERR = 5 + 13, INFO_ADDR = 3 };
typedef int32_t __attribute__((regparm(2)))
access_fn(uintptr_t addr, uintptr_t value);

#endif

struct kernel_sigaction {
	void (*handler)(int sig, uint32_t *info, uintptr_t *context);
	uintptr_t flags;
	void (*restorer)(void);
	uint32_t mask[2];
};

#define SA_FLAGS 0x4c000004ul /* SIGINFO, ONSTACK, NODEFER, RESTORER */

static volatile struct fault taken;
static volatile bool in_exec;

static void on_signal(int sig, uint32_t *info, uintptr_t *context)
{
	uintptr_t ip = context[CONTEXT_IP];

	taken.sig = sig;
	taken.code = (int)info[2];
	taken.addr = *(uintptr_t *)(void *)(info + INFO_ADDR);
	taken.err = context[CONTEXT_ERR];
	if (ip == (uintptr_t)access_read || ip == (uintptr_t)access_write) {
		context[CONTEXT_IP] = (uintptr_t)access_done;
		return;
	}
	if (in_exec) {
		context[CONTEXT_IP] = (uintptr_t)access_back;
		return;
	}
	put_text("!probe: stray signal\n");
	put_flush();
	SYS3(SYS_EXIT_GROUP, 99, 0, 0);
}

void fault_setup(void)
{
	static uint8_t stack[16384] __attribute__((aligned(16)));
	static const int sigs[] = {4, 5, 7, 11};
	static struct {
		void *base;
		int flags;
		uintptr_t size;
	} alt;
	static struct kernel_sigaction act;

	alt.base = stack;
	alt.size = sizeof(stack);
	SYS3(SYS_SIGALTSTACK, &alt, 0, 0);
	act.handler = on_signal;
	act.flags = SA_FLAGS;
	act.restorer = (void (*)(void))(void *)signal_return;
	for (unsigned i = 0; i < 4; i++)
		SYS4(SYS_RT_SIGACTION, sigs[i], &act, 0, 8);
}

uint8_t host_access(
	enum access kind, uint64_t addr, uint8_t value, struct fault *f)
{
	static char *const routine[] = {
		[ACCESS_READ] = access_read,
		[ACCESS_WRITE] = access_write,
		[ACCESS_EXEC] = access_exec,
	};
	int64_t r;

	taken.sig = 0;
	in_exec = kind == ACCESS_EXEC;
	r = ((access_fn *)(void *)routine[kind])((uintptr_t)addr, value);
	in_exec = false;
	f->sig = taken.sig;
	f->code = taken.code;
	f->addr = taken.addr;
	f->err = taken.err;
	return (uint8_t)r;
}
