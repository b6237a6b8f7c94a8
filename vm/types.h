/*
 * Scalar types of the machine.  The three address kinds have names of their
 * own, so that a signature shows which kind of address travels.
 */
#ifndef PAGEFS_VM_TYPES_H
#define PAGEFS_VM_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t vaddr_t; /* virtual (linear) address, bytes */
typedef uint64_t paddr_t; /* physical address, bytes */
typedef uint32_t pfn_t;	  /* page frame number: paddr >> page_shift */
typedef uint32_t idx_t;	  /* index into a pool; 0 is "none" */

#define PFN_NONE 0u /* frame 0 is reserved by firmware, never allocated */

#define KiB (1ull << 10)
#define MiB (1ull << 20)
#define GiB (1ull << 30)
#define TiB (1ull << 40)

#endif
