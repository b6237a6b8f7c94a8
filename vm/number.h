/* Numbers: as text in options, and the square root. */
#ifndef PAGEFS_VM_NUMBER_H
#define PAGEFS_VM_NUMBER_H

#include "types.h"

/*
 * Reads a number, decimal, 0x hex or 0 octal; returns the first character
 * behind it, NULL when there is no digit or the number exceeds 64 bits.
 */
const char *number_read(const char *s, uint64_t *out);
/* The whole of s is a number; or one with K, M, G or T, powers of 1024. */
bool number_parse(const char *s, uint64_t *out);
bool number_parse_size(const char *s, uint64_t *out);
/* The largest number whose square is at most v. */
uint64_t number_sqrt(uint64_t v);

#endif
