/*
 * Accesses that may be refused.  They are made by three short routines; when
 * the kernel sends a signal for one, the handler, on a stack of its own, notes
 * what it says and continues behind it.
 */
#include "probe_sys.h"
#include "script.h"

extern char access_read[], access_write[], access_exec[];
extern char access_done[], access_back[], signal_return[];
extern uint64_t access_sp;

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

struct kernel_sigaction {
	void (*handler)(int sig, uint32_t *info, uint64_t *context);
	uint64_t flags;
	void (*restorer)(void);
	uint64_t mask;
};

#define SA_FLAGS 0x4c000004ul /* SIGINFO, ONSTACK, NODEFER, RESTORER */

/* Words of ucontext_t behind its first five. */
enum { CONTEXT_RIP = 5 + 16, CONTEXT_ERR = 5 + 19 };

static volatile struct fault taken;
static volatile bool in_exec;

static void on_signal(int sig, uint32_t *info, uint64_t *context)
{
	uint64_t ip = context[CONTEXT_RIP];

	taken.sig = sig;
	taken.code = (int)info[2];
	taken.addr = *(uint64_t *)(void *)(info + 4);
	taken.err = context[CONTEXT_ERR];
	if (ip == (uint64_t)access_read || ip == (uint64_t)access_write) {
		context[CONTEXT_RIP] = (uint64_t)access_done;
		return;
	}
	if (in_exec) {
		context[CONTEXT_RIP] = (uint64_t)access_back;
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
		uint64_t size;
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
	typedef int64_t access_fn(uint64_t addr, uint64_t value);
	static char *const routine[] = {
		[ACCESS_READ] = access_read,
		[ACCESS_WRITE] = access_write,
		[ACCESS_EXEC] = access_exec,
	};
	int64_t r;

	taken.sig = 0;
	in_exec = kind == ACCESS_EXEC;
	r = ((access_fn *)(void *)routine[kind])(addr, value);
	in_exec = false;
	f->sig = taken.sig;
	f->code = taken.code;
	f->addr = taken.addr;
	f->err = taken.err;
	return (uint8_t)r;
}
