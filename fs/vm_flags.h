#ifndef PAGEFS_FS_VM_FLAGS_H
#define PAGEFS_FS_VM_FLAGS_H

#include "show.h"

/* The two letters of each VM_* bit that is set, each followed by a space. */
void vm_flags_text(struct sbuf *b, uint64_t flags);

#endif
