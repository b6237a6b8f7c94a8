#ifndef PAGEFS_FS_SHOW_WALK_H
#define PAGEFS_FS_SHOW_WALK_H

#include "show.h"

/* The walk of va from a CR3 value; pid only names whose table it is. */
void walk_text(struct sbuf *b, const struct vm *m, paddr_t cr3, uint32_t pid,
	vaddr_t va);

#endif
