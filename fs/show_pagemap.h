#ifndef PAGEFS_FS_SHOW_PAGEMAP_H
#define PAGEFS_FS_SHOW_PAGEMAP_H

#include "../vm/mm/mm.h"

/*
 * The words of an address space (NULL: of a zombie) at byte `off` of its
 * pagemap into buf, which is aligned to 8.  Returns the bytes, 0 at and above
 * the top of user space, -EINVAL when off or len is no multiple of 8.  Frame
 * numbers are left out without pfns: they are not for everyone.
 */
int64_t pagemap_read(const struct vm *m, const struct mm *mm, void *buf,
	size_t len, uint64_t off, bool pfns);

#endif
