/* Checks of a state that was loaded, before anything trusts it. */
#ifndef PAGEFS_VM_RELOAD_H
#define PAGEFS_VM_RELOAD_H

#include "machine.h"

/* Bytes that vm_blank() reserves for a segment of such a machine. */
uint64_t vm_seg_bytes(
	const struct vm_config *c, const struct arch *a, enum seg_id id);

/* Name, layout and configuration; the first 16 bytes of every machine. */
extern const char vm_root_magic[16];
int reload_root(struct vm *m);

/*
 * Every index that an object holds leads to an object, free lists and lists
 * of VMAs end, frames are within RAM.  0, or -EINVAL with a sentence.
 */
int reload_check(struct vm *m);

#endif
