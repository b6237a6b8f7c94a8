/*
 * The kernel's log: a ring of the newest 128 KiB of lines, each stamped with
 * simulated time as dmesg(1) shows it.
 */
#ifndef PAGEFS_VM_DMESG_H
#define PAGEFS_VM_DMESG_H

#include "../machine.h"

/* The kernel that the machine says it runs. */
#define KERNEL_RELEASE "6.18.0-pagefs"

#define DMESG_BYTES (128 * 1024u) /* a power of two */
#define DMESG_LINE  1024u

/* Adds a line; fmt has no newline. */
void dmesg_line(struct vm *m, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Copies the log, from the first whole line that is still there, into buf of
 * DMESG_BYTES; returns its length. */
size_t dmesg_copy(const struct vm *m, char *buf);

#endif
