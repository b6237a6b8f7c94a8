/* The calls of the chosen task, by the numbers of x86-64; see conduct.c. */
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "life.h"
#include "script.h"
#include "stub.h"
#include "traced.h"

/* Where in the stub a set of nodes lies. */
static uint64_t mask_at(uint64_t nodes)
{
	static const uint64_t masks[] = {STUB_MASKS};
	unsigned i = 0;

	while (i < sizeof(masks) / sizeof(*masks) - 1 && masks[i] != nodes)
		i++;
	return traced_piece(life_chosen(), STUB_MASK + i * 8);
}

int64_t host_call(enum call nr, const uint64_t arg[6])
{
	const uint64_t mbind[6] = {
		arg[0], arg[1], arg[2], mask_at(arg[3]), 65, arg[4]};
	const uint64_t set[6] = {arg[0], mask_at(arg[1]), 65};

	return traced_call(life_chosen(), nr,
		nr == CALL_MBIND	   ? mbind
		: nr == CALL_SET_MEMPOLICY ? set
					   : arg);
}

int64_t host_move_pages(int pid, int nr, const uint64_t *page,
	const int32_t *node, int flags, int32_t *status)
{
	return -ENOSYS; /* its vectors lie in memory */
}

int64_t host_migrate_pages(int pid, uint64_t from, uint64_t to)
{
	const uint64_t arg[6] = {(uint64_t)pid, 65, mask_at(from), mask_at(to)};

	return traced_call(life_chosen(), SYS_migrate_pages, arg);
}

/* ---- processes ---------------------------------------------------------- */

int64_t life_clone(uint64_t flags)
{
	uint64_t arg[6] = {flags};

	if (!(flags & 0x10000))
		arg[0] |= SIGCHLD;
	return traced_call(life_chosen(), SYS_clone, arg);
}

bool life_is32(void)
{
	return traced_is32(life_chosen());
}

static uint64_t name_at(unsigned program)
{
	return traced_piece(life_chosen(), STUB_NAME + program * STUB_PIECE);
}

/* A thread that executes a program is its process's first from then on. */
int64_t life_exec(unsigned program)
{
	const uint64_t arg[6] = {name_at(program),
		traced_piece(life_chosen(), STUB_ARGV + program * STUB_PIECE)};
	int64_t r = traced_call(life_chosen(), SYS_execve, arg);

	if (!r)
		life_choose(traced_tgid(life_chosen()));
	return r;
}

void life_exit(int code, bool group)
{
	const uint64_t arg[6] = {(uint64_t)code};

	traced_call(life_chosen(), group ? SYS_exit_group : SYS_exit, arg);
}

int64_t life_wait(int64_t pid, uint64_t options)
{
	const uint64_t arg[6] = {(uint64_t)pid, 0, options | WNOHANG};

	return traced_call(life_chosen(), SYS_wait4, arg);
}

/* ---- files and memory --------------------------------------------------- */

int64_t life_open(unsigned program, unsigned mode)
{
	const uint64_t arg[6] = {name_at(program), mode};

	return traced_call(life_chosen(), SYS_open, arg);
}

int64_t life_prlimit(int64_t pid, unsigned which, uint64_t new, uint64_t old)
{
	const uint64_t arg[6] = {(uint64_t)pid, which, new, old};

	return traced_call(life_chosen(), SYS_prlimit64, arg);
}

int64_t life_mincore(uint64_t addr, uint64_t len, uint64_t vec)
{
	const uint64_t arg[6] = {addr, len, vec};

	return traced_call(life_chosen(), SYS_mincore, arg);
}

int64_t life_get_mempolicy(
	uint64_t mode, uint64_t mask, uint64_t addr, uint64_t flags)
{
	const uint64_t arg[6] = {mode, mask, 64, addr, flags};

	return traced_call(life_chosen(), SYS_get_mempolicy, arg);
}
