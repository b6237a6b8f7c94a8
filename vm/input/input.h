/*
 * Recorded programs as input: strace logs and Valgrind lackey traces.
 */
#ifndef PAGEFS_VM_INPUT_H
#define PAGEFS_VM_INPUT_H

#include "../vm.h"

/* ---- lackey (input/lackey.c), pure functions ---- */
/*
 * Parses lackey's text (`valgrind --tool=lackey --trace-mem=yes`):
 *
 *	I  04001a20,3
 *	 L 1ffeffe7e0,8
 *	 S ...
 *	 M ...
 *
 * into trace records (mmu/mmu.h); a size is rounded up to a power of two, 64
 * at most, an address is cut to 58 bits.  Lines of other shapes (==PID== ...)
 * are counted in *bad when they are not valgrind's own.  Stops at the last
 * whole line or when rec is full; *used is the bytes taken.  Returns the
 * records.
 */
size_t lackey_parse(const char *text, size_t len, uint64_t *rec, size_t max,
	size_t *used, uint64_t *bad);

/* ---- traces on disk/ (input/trace_file.c) ---- */
/*
 * Runs accesses first ... first + nr - 1 of a trace, binary or lackey's text,
 * that lies in a file: as if they were written to proc/PID/trace in pieces of 1
 * MiB, but opt knows the file to its end.  *done: how many.  0; -EINVAL if the
 * file holds half a record, -ENOMEM if the process was killed on the way.
 */
int trace_file_run(struct vm *m, uint32_t pid, idx_t inode, uint64_t first,
	uint64_t nr, uint64_t *done);

/* ---- strace (input/strace.c) ---- */
/*
 * Takes whole lines of `strace -f -y -e trace=%memory,%process`.  Never stops
 * at a line it does not know: it counts it.  `fresh` begins a new log: the
 * report starts again, the processes of the log before stay.  0, or -ENOENT
 * naming a program that is not on disk/, before any line took effect.
 */
int strace_feed(struct vm *m, const struct actor *a, const char *text,
	size_t len, bool fresh);

/* Writes the report through emit: see help/strace. */
void strace_report(const struct vm *m,
	void (*emit)(void *ctx, const char *s, size_t n), void *ctx);

#endif
