/*
 * Calls as people write them: lines of proc/PID/ctl, through the parser and all
 * that the machine does after a command.
 */
#include <stdio.h>
#include <string.h>

#include "../../vm/abi.h"
#include "../../vm/machine.h"
#include "../../vm/task/task.h"
#include "replay.h"

bool replay_lines;

/* Arguments in the order of the call. */
static const struct {
	enum call nr;
	const char *format;
} lines[] = {
	{CALL_MUNMAP, "munmap 0x%llx %llu"},
	{CALL_MPROTECT, "mprotect 0x%llx %llu 0x%llx"},
	{CALL_BRK, "brk 0x%llx"},
	{CALL_MREMAP, "mremap 0x%llx %llu %llu flags=%llu addr=0x%llx"},
	{CALL_MSYNC, "msync 0x%llx %llu %llu"},
	{CALL_MADVISE, "madvise 0x%llx %llu %llu"},
	{CALL_FTRUNCATE, "ftruncate %llu 0x%llx"},
	{CALL_PERSONALITY, "personality 0x%llx"},
	{CALL_MLOCK, "mlock 0x%llx %llu"},
	{CALL_MUNLOCK, "munlock 0x%llx %llu"},
	{CALL_MLOCKALL, "mlockall %llu"},
	{CALL_MUNLOCKALL, "munlockall"},
	{CALL_MSEAL, "mseal 0x%llx %llu flags=%llu"},
};

static void line_of_mmap(const uint64_t a[6], char *line, size_t size)
{
	int n = snprintf(line, size,
		"mmap %llu 0x%llx addr=0x%llx flags=0x%llx off=0x%llx",
		(unsigned long long)a[1], (unsigned long long)a[2],
		(unsigned long long)a[0], (unsigned long long)a[3],
		(unsigned long long)a[5]);

	if (!(a[3] & MAP_ANONYMOUS))
		snprintf(line + n, size - (size_t)n, " fd=%d", (int)a[4]);
}

/* False: no line says that. */
static bool line_of(enum call nr, const uint64_t a[6], char *line, size_t size)
{
	typedef unsigned long long ull;

	if (nr == CALL_MMAP && a[3] & MAP_TYPE) {
		line_of_mmap(a, line, size);
		return true;
	}
	if (nr == CALL_REMAP_FILE_PAGES) {
		snprintf(line, size,
			"remap_file_pages 0x%llx %llu %llu prot=0x%llx "
			"flags=0x%llx",
			(ull)a[0], (ull)a[1], (ull)a[3], (ull)a[2], (ull)a[4]);
		return true;
	}
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		if (lines[i].nr == nr) {
			snprintf(line, size, lines[i].format, (ull)a[0],
				(ull)a[1], (ull)a[2], (ull)a[3], (ull)a[4]);
			return true;
		}
	return false;
}

bool line_call(enum call nr, const uint64_t a[6], int64_t *result)
{
	struct event e = {.actor = {ACTOR_PROCESS, task->pid, 0, 0}};
	struct vm_outcome out;
	char line[160];

	if (!replay_lines || !line_of(nr, a, line, sizeof(line)))
		return false;
	e.text = line;
	e.text_len = strlen(line);
	vm_apply(m, &e, NULL, NULL, &out);
	if (out.refused)
		die(line);
	*result = out.last.err ? -out.last.err : (int64_t)out.last.value;
	return true;
}
