/* Text from numbers, without stdio. */
#ifndef PAGEFS_VM_FORMAT_H
#define PAGEFS_VM_FORMAT_H

#include <stdarg.h>

#include "types.h"

size_t vm_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap);

/* Decimal and hexadecimal digits of v at p; they return the length. */
unsigned format_dec(char *p, uint64_t v);
unsigned format_hex(char *p, uint64_t v);
/* At least `width` hex digits, zero-padded. */
unsigned format_hex_pad(char *p, uint64_t v, unsigned width);

#endif
