#ifndef PAGEFS_FS_SHOW_KPAGE_H
#define PAGEFS_FS_SHOW_KPAGE_H

#include "../vm/phys/phys.h"

/* The words of kpagecount and kpageflags for an existing frame number. */
uint64_t kpage_count(const struct vm *m, pfn_t pfn);
uint64_t kpage_flags(const struct vm *m, pfn_t pfn);

#endif
