/* System calls of 32-bit programs. */
#ifndef PAGEFS_ORACLE_CALLS32_H
#define PAGEFS_ORACLE_CALLS32_H

/* The number there of the call that x86-64 has under nr; -1 if it is none of
 * those that scripts make, and of mmap, whose arguments differ. */
int call32(int nr);

#endif
